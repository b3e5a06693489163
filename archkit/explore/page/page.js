"use strict";
// What is chosen on the page, and what follows from it.
const Page = (() => {
  const { DATA } = Panel, by = (id) => document.getElementById(id);
  const column = (title) => DATA.columns.findIndex((c) => c.title === title);
  const accuracy = column("test accuracy, %");
  const state = {
    x: DATA.lines[0]?.column ?? 0, y: DATA.lines[1]?.column ?? 1, xlog: true, ylog: true,
    stops: DATA.lines.map((line) => line.stops.length - 1), kinds: new Set(DATA.kinds.keys()), box: null, at: null,
  };
  let waiting = 0, listing = 0;

  // ---- what fits

  const limitOf = (k) => DATA.lines[k].stops[state.stops[k]];
  const fits = (i) => DATA.lines.every((line, k) => DATA.columns[line.column].values[i] !== null && DATA.columns[line.column].values[i] <= limitOf(k));
  const known = (i) => DATA.columns[state.x].values[i] !== null && DATA.columns[state.y].values[i] !== null;
  const inside = (one) => !state.box || (one.x >= state.box.x[0] && one.x <= state.box.x[1] && one.y >= state.box.y[0] && one.y <= state.box.y[1]);

  function count() {
    let at = 0;
    DATA.lines.forEach((line, k) => { at = at * line.stops.length + state.stops[k]; });
    return Panel.grouped(DATA.counts[at]);
  }

  // ---- what is shown of it

  function lineOn(way) { return DATA.lines.findIndex((line) => line.column === state[way]); }

  function signals() {
    const said = {};
    for (const way of ["x", "y"]) {
      const k = lineOn(way);
      said[`${way}said`] = k < 0 ? "" : `${count()} fit`;
      if (k >= 0) said[`${way}limit`] = limitOf(k);
    }
    const at = state.at === null ? null : Chart.points().find((one) => one.i === state.at) || null;
    said.at = at && at.on ? { x: at.x, y: at.y } : null;
    said.box = state.box && ["x", "y"].flatMap((way) => state.box[way].map((v) => Chart.pixel(way, v) - Chart.origin()[way === "x" ? 0 : 1]));
    return said;
  }

  function refresh(more = {}) {
    if (!Chart.ready()) return;
    let drawn = 0;
    for (const one of Chart.points()) {
      const ok = fits(one.i);
      if (ok) drawn += DATA.draws[one.i];
      one.on = !state.kinds.has(DATA.kind[one.i]) ? 0 : ok && inside(one) ? 2 : 1;
    }
    by("count").textContent = `${count()} network${count() === "1" ? " fits" : "s fit"}`;
    const limits = DATA.lines.map((line, k) => `at most ${Panel.written({ whole: Number.isInteger(limitOf(k)) }, limitOf(k))} ${line.words}`);
    by("within").textContent = `${limits.join(", ")}; ${Panel.grouped(drawn)} of the ${Panel.grouped(DATA.drawn)} drawn fairly`;
    DATA.lines.forEach((line, k) => {
      const input = by(`line-${k}`), text = Panel.written({ whole: Number.isInteger(limitOf(k)) }, limitOf(k));
      input.value = state.stops[k];
      input.setAttribute("aria-valuetext", `at most ${text} ${line.words}: ${count()} fit`);
      input.parentElement.querySelector("output").textContent = text;
    });
    Chart.tell({ ...signals(), ...more });
    // The list waits until a drag rests; until then it is of what was chosen before, and says so.
    by("list").setAttribute("aria-busy", "true");
    clearTimeout(listing);
    listing = setTimeout(list, 120);
  }

  function list() {
    const columns = [...new Set([state.x, state.y, DATA.best, ...(accuracy >= 0 ? [accuracy] : [])])].map((c) => DATA.columns[c]);
    Panel.list(Chart.points().filter((one) => one.on === 2).map((one) => one.i), columns, state.box !== null);
    by("list").setAttribute("aria-busy", "false");
  }

  async function redraw() {
    const xs = DATA.columns[state.x], ys = DATA.columns[state.y];
    for (const [way, c] of [["x", xs], ["y", ys]]) {
      const can = c.values.every((v) => v === null || v > 0);
      by(`${way}log`).disabled = !can;
      if (!can) state[`${way}log`] = false;
      by(`${way}log`).checked = state[`${way}log`];
      by(`${way}name`).textContent = c.title;
    }
    const points = DATA.specs.map((_, i) => i).filter(known).map((i) => ({ i, x: xs.values[i], y: ys.values[i], kind: DATA.kind[i], on: 1 }));
    // A line that is let go at a stop must be on the chart, wherever the points are.
    const ends = {};
    for (const way of ["x", "y"]) {
      const k = lineOn(way), values = points.map((one) => one[way]);
      ends[way] = k < 0 || !values.length ? (values.length ? values : [1, 2]) : [...values, DATA.lines[k].stops.at(-1)];
    }
    by("chart").setAttribute("aria-label", `${ys.title} against ${xs.title} of ${points.length} networks`);
    if (await Chart.draw(state, xs, ys, points, ends)) refresh();
  }

  function select(box) {
    state.box = box;
    for (const [way, at] of [["x", 0], ["x", 1], ["y", 0], ["y", 1]]) by(`${way}${at}`).value = box ? +box[way][at].toPrecision(4) : "";
    refresh();
  }

  function choose(i) {
    state.at = i;
    if (i !== null) Panel.show(i);
    Chart.tell(signals());
  }

  function move(k, stop) {
    const to = Math.max(0, Math.min(DATA.lines[k].stops.length - 1, stop));
    if (to === state.stops[k]) return;
    state.stops[k] = to;
    refresh();
  }

  // ---- what can be chosen

  for (const way of ["x", "y"]) {
    for (const [i, c] of DATA.columns.entries()) by(way).append(new Option(c.title, i));
    by(way).value = state[way];
    state[`${way}log`] = DATA.columns[state[way]].log;
    by(way).addEventListener("change", () => {
      state[way] = +by(way).value;
      state[`${way}log`] = DATA.columns[state[way]].log;
      select(null);
      redraw();
    });
    by(`${way}log`).addEventListener("change", () => { state[`${way}log`] = by(`${way}log`).checked; redraw(); });
    for (const at of [0, 1]) by(`${way}${at}`).addEventListener("change", () => {
      const read = (w, a) => by(`${w}${a}`).value === "" ? (a ? Infinity : -Infinity) : +by(`${w}${a}`).value;
      const ends = (w) => { const all = Chart.points().map((one) => one[w]); return [Math.max(read(w, 0), Math.min(...all)), Math.min(read(w, 1), Math.max(...all))]; };
      const none = ["x0", "x1", "y0", "y1"].every((id) => by(id).value === "");
      state.box = none ? null : { x: ends("x"), y: ends("y") };
      refresh();
    });
  }
  by("clear").addEventListener("click", () => select(null));
  DATA.lines.forEach((line, k) => {
    by(`line-${k}`).max = line.stops.length - 1;
    by(`line-${k}`).addEventListener("input", () => move(k, +by(`line-${k}`).value));
  });
  by("limits").hidden = DATA.lines.length === 0;
  DATA.kinds.forEach((kind, i) => {
    const n = DATA.kind.filter((one) => one === i).length;
    if (!n) return;
    const label = Panel.element("label", undefined, Panel.element("li", undefined, by("kinds"))), box = Panel.element("input", undefined, label);
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => { state.kinds[box.checked ? "add" : "delete"](i); refresh(); });
    label.append(Chart.icon(kind.name), `${kind.label} (${Panel.grouped(n)})`);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = by("chart").clientWidth;
  new ResizeObserver(() => {
    if (by("chart").clientWidth === width) return;
    width = by("chart").clientWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 80);
  }).observe(by("chart"));
  Pointer.listen({ state, DATA, choose, limitOf, lineOn, move, refresh, select });
  redraw();
  return { state };
})();
