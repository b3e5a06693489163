"use strict";
// The scatter, drawn by Vega: points, limits as lines, what is selected, what is pointed at.
const Chart = (() => {
  const holder = document.getElementById("chart");
  const STAR = "M0,-1L0.29,-0.4L0.95,-0.31L0.48,0.15L0.59,0.81L0,0.5L-0.59,0.81L-0.48,0.15L-0.95,-0.31L-0.29,-0.4Z";
  // By the name of a kind: Vega's shape, area in square pixels, colour of the page.
  const LOOKS = {
    sample: ["circle", 16, "--soft"], front: ["square", 44, "--c1"], stop: ["diamond", 70, "--c2"],
    best: [STAR, 170, "--c3"], published: ["cross", 60, "--c4"], measured: ["triangle-up", 90, "--c0"],
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let view = null, points = [], places = null, building = 0;

  function axis(orient, { title, whole }) {
    return {
      orient, scale: orient === "bottom" ? "x" : "y", title, format: whole ? "~s" : "~g", labelOverlap: "greedy", tickCount: orient === "bottom" ? { signal: "max(3, width / 90)" } : 7,
      grid: true, gridColor: colour("--line"), gridOpacity: 0.6, domain: false, tickColor: colour("--line"),
      labelColor: colour("--soft"), titleColor: colour("--ink"), labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500, labelPadding: 4,
    };
  }

  // A limit: its line, and what is said of it. An empty text is no limit.
  function limit(way, length) {
    const other = way === "x" ? "y" : "x", far = way === "x" ? { value: 0 } : { signal: "width" };
    const shown = [{ test: `${way}said !== ''`, value: 1 }, { value: 0 }];
    const ink = colour("--ink");
    return [
      { type: "rule", encode: { update: {
        [way]: { scale: way, signal: `${way}limit` }, [other]: { value: 0 }, [`${other}2`]: { signal: length },
        stroke: { value: ink }, strokeWidth: { signal: `held === '${way}' ? 3 : 1.5` }, strokeDash: { value: [5, 4] }, opacity: shown } } },
      { type: "text", encode: { update: {
        x: way === "x" ? { scale: "x", signal: "xlimit", offset: { signal: "scale('x', xlimit) > width / 2 ? -6 : 6" } } : { value: 6 },
        y: way === "x" ? { signal: "height - 8" } : { scale: "y", signal: "ylimit", offset: { signal: "scale('y', ylimit) < 20 ? 16 : -6" } },
        align: way === "x" ? { signal: "scale('x', xlimit) > width / 2 ? 'right' : 'left'" } : { value: "left" },
        text: { signal: `${way}said` }, fill: { value: ink }, stroke: { value: colour("--panel") }, strokeWidth: { value: 4 }, strokeJoin: { value: "round" },
        fontSize: { value: 12 }, fontWeight: { value: 600 } } } },
    ].map((mark, i) => i ? [mark, { ...mark, encode: { update: { ...mark.encode.update, strokeWidth: { value: 0 } } } }] : [mark]).flat().map((mark) => ({ ...mark, interactive: false }));
  }

  // Room at both ends, so that no mark is cut in two.
  function domain(values, log) {
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (log) { const by = Math.max((high / low) ** 0.04, 1.02); return [low / by, high * by]; }
    const by = (high - low) * 0.04 || 1;
    return [low - by, high + by];
  }

  function specification(state, x, y, ends) {
    const scale = (name, log, range) => ({ name, type: log ? "log" : "linear", domain: domain(ends[name], log), range, zero: false, nice: false });
    const by = (what) => [...Object.keys(LOOKS).map((kind, i) => ({ test: `datum.kind === ${i}`, value: what(LOOKS[kind]) })).slice(1), { value: what(LOOKS.sample) }];
    return {
      $schema: "https://vega.github.io/schema/vega/v6.json",
      width: holder.clientWidth, height: holder.clientHeight, padding: { left: 2, top: 6, right: 10, bottom: 2 },
      autosize: { type: "fit", contains: "padding" }, background: null,
      signals: [
        { name: "tick", value: 0 }, { name: "held", value: "" },
        ...["x", "y"].flatMap((way) => [{ name: `${way}limit`, value: ends[way][0] }, { name: `${way}said`, value: "" }]),
        { name: "box", value: null }, { name: "at", value: null },
      ],
      data: [{ name: "points", values: points }],
      scales: [scale("x", state.xlog, "width"), scale("y", state.ylog, "height")],
      axes: [axis("bottom", x), axis("left", y)],
      marks: [
        { type: "rect", interactive: false, encode: { update: {
          x: { signal: "box ? box[0] : 0" }, x2: { signal: "box ? box[1] : 0" }, y: { signal: "box ? box[2] : 0" }, y2: { signal: "box ? box[3] : 0" },
          fill: { value: colour("--focus") }, fillOpacity: { value: 0.12 }, stroke: { value: colour("--focus") }, opacity: { signal: "box ? 1 : 0" } } } },
        { type: "symbol", from: { data: "points" }, interactive: false, encode: {
          enter: { shape: by((l) => l[0]), fill: by((l) => colour(l[2])), stroke: { value: colour("--panel") } },
          update: {
            x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" },
            size: by((l) => l[1]), strokeWidth: [{ test: "datum.kind === 0", value: 0 }, { value: 1 }],
            opacity: [{ test: "tick >= 0 && datum.on === 2", value: 0.9 }, { test: "datum.on === 1", value: 0.14 }, { value: 0 }] } } },
        ...limit("x", "height"), ...limit("y", "width"),
        { type: "symbol", interactive: false, encode: { update: {
          x: { scale: "x", signal: `at ? at.x : ${ends.x[0]}` }, y: { scale: "y", signal: `at ? at.y : ${ends.y[0]}` }, opacity: { signal: "at ? 1 : 0" },
          size: { value: 240 }, fill: { value: null }, stroke: { value: colour("--focus") }, strokeWidth: { value: 2.5 } } } },
      ],
    };
  }

  // Draws everything anew; `shown` are the points that both axes know.
  async function draw(state, x, y, shown, ends) {
    const mine = ++building;
    points = shown;
    if (holder.clientWidth < 50) return false;
    holder.replaceChildren();
    const inside = document.createElement("div");
    holder.append(inside);
    const made = await vegaEmbed(inside, specification(state, x, y, ends), { ast: true, actions: false, renderer: "canvas", tooltip: false, hover: false });
    if (mine !== building) { made.finalize(); return false; }
    view?.finalize();
    view = made.view;
    points = view.data("points");
    places = null;
    inside.querySelector("canvas").setAttribute("aria-hidden", "true");
    return true;
  }

  function tell(signals) {
    if (!view) return;
    for (const [name, value] of Object.entries(signals)) view.signal(name, value);
    view.signal("tick", view.signal("tick") + 1).run();
  }

  // Where the points are, in pixels from the holder's corner.
  function placed() {
    if (places) return places;
    const [left, top] = view.origin(), x = view.scale("x"), y = view.scale("y");
    places = points.map((one) => [left + x(one.x), top + y(one.y)]);
    return places;
  }

  // The nearest point that is not ruled out, if one is near.
  function nearest(px, py, reach) {
    let best = null, least = reach ** 2;
    placed().forEach(([x, y], i) => {
      if (points[i].on !== 2) return;
      const far = (x - px) ** 2 + (y - py) ** 2;
      if (far < least || (far === least && best !== null)) { least = far; best = points[i]; }
    });
    return best;
  }

  const value = (way, pixel) => view.scale(way).invert(pixel - view.origin()[way === "x" ? 0 : 1]);
  const pixel = (way, number) => view.scale(way)(number) + view.origin()[way === "x" ? 0 : 1];
  const origin = () => view.origin();
  const size = () => [view.signal("width"), view.signal("height")];
  const place = (one) => placed()[points.indexOf(one)];

  // The same mark for the legend.
  function icon(kind) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const paths = { circle: "M-3,0a3,3 0 1 0 6,0a3,3 0 1 0 -6,0", square: "M-4,-4h8v8h-8z", diamond: "M0,-6L5,0L0,6L-5,0z", cross: "M-5,-1.7h3.3v-3.3h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3z", "triangle-up": "M0,-6L6,5H-6z" };
    svg.setAttribute("viewBox", "-8 -8 16 16");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", paths[LOOKS[kind][0]] || STAR);
    if (!paths[LOOKS[kind][0]]) path.setAttribute("transform", "scale(7.5)");
    path.style.fill = `var(${LOOKS[kind][2]})`;
    svg.append(path);
    return svg;
  }

  return { draw, icon, nearest, origin, pixel, place, points: () => points, ready: () => view !== null, size, tell, value };
})();
