"use strict";
// The charts of the page, drawn from the numbers in it, and the tables that their heads sort.
(() => {
  const { SHAPES, canvas, colour, explain, frame, grouped, hush, legend, linear, logarithmic, node, percent, say, shape } = Drawing;
  const DATA = JSON.parse(document.getElementById("data").textContent);
  const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

  function about(row) {
    const lines = [row.network];
    if (row.network !== row.spec) lines.push(row.spec);
    lines.push(row.recipe, `${percent(row.mean)}% of ${grouped(row.total)} test images` + (row.n > 1 ? `, mean of ${row.n} seeds` : ""));
    if (row.low !== null) lines.push(`95% interval ${percent(row.low)} to ${percent(row.high)}, sd ${percent(row.sd)}`);
    if (row.flip !== null) lines.push(`with flips ${percent(row.flip)}%`);
    if (row.paper !== null) lines.push(`the paper: ${percent(row.paper)}%`);
    lines.push(`${grouped(row.params)} parameters, ${grouped(row.macs)} MACs`);
    return lines;
  }

  // What an axis of accuracies shows: the points, and intervals as far as the points lie apart again. A wide
  // interval is cut off at the frame; it would squeeze everything else.
  function spread(rows, points) {
    const low = Math.min(...points), high = Math.max(...points), room = Math.max(1, high - low);
    const known = rows.filter((r) => r.low !== null);
    return [
      Math.min(low, ...known.map((r) => Math.max(r.low, low - room))),
      Math.max(high, ...known.map((r) => Math.min(r.high, high + room))),
    ];
  }

  // ---- accuracy against a cost

  function scatter(figure, section) {
    const rows = section.rows, cost = figure.dataset.x;
    const area = canvas(figure.querySelector(".plot"), 320, figure.querySelector("figcaption").textContent);
    const costs = rows.map((r) => r[cost]);
    const y = linear(...spread(rows, rows.map((r) => r.mean)), 6), x = logarithmic(Math.min(...costs), Math.max(...costs));
    const at = frame(area, x, y, { log: true, xname: cost === "macs" ? "MACs for one image" : "parameters", yname: "test accuracy, %" });
    const front = section.front[cost].map((i) => rows[i]);
    let path = "";
    front.forEach((r, i) => { path += i ? `H${at.x(r[cost])}V${at.y(r.mean)}` : `M${at.x(r[cost])},${at.y(r.mean)}`; });
    node("path", { class: "front", d: `${path}H${at.right}` }, area.svg);
    for (const r of rows) {
      const g = node("g", {}, area.svg), px = at.x(r[cost]), fill = colour(r.colour);
      if (r.low !== null)
        node("line", { x1: px, x2: px, y1: at.y(Math.min(y.high, r.high)), y2: at.y(Math.max(y.low, r.low)), stroke: fill, "stroke-width": 1.5 }, g);
      shape(SHAPES[r.shape % SHAPES.length], px, at.y(r.mean), fill, g);
      explain(g, about(r));
    }
    const placed = [];
    for (const r of front) {
      const half = Math.min(r.network.length, 26) * 3.3, px = at.x(r[cost]), py = at.y(r.mean) - 11;
      const cx = Math.max(at.left + half, Math.min(px, at.right - half));
      if (r.network.length > 26 || placed.some(([a, b, h]) => Math.abs(a - cx) < h + half + 4 && Math.abs(b - py) < 14)) continue;
      placed.push([cx, py, half]);
      node("text", { class: "name", x: cx, y: py, "text-anchor": "middle" }, area.svg, r.network);
    }
    const entries = [];
    if (section.networks.length <= 8)
      section.networks.forEach((name, i) => entries.push({ text: name, draw: (svg) => shape("circle", 11, 6, colour(i), svg, 5) }));
    if (section.shapes.length > 1)
      section.shapes.forEach((name, i) => entries.push({ text: name, draw: (svg) => shape(SHAPES[i % SHAPES.length], 11, 6, "var(--soft)", svg, 4.5) }));
    entries.push({ text: "Pareto front", draw: (svg) => node("line", { class: "front", x1: 0, x2: 22, y1: 6, y2: 6 }, svg) });
    legend(figure, entries);
  }

  // ---- the best row of each network, one below the other

  function bars(figure, section) {
    const rows = section.best.map((i) => section.rows[i]);
    const points = rows.flatMap((r) => r.paper === null ? [r.mean] : [r.mean, r.paper]);
    const area = canvas(figure.querySelector(".plot"), rows.length * 44 + 62, figure.querySelector("figcaption").textContent);
    const x = linear(...spread(rows, points), 5), y = { low: 0, high: rows.length, ticks: [] };
    const at = frame(area, x, y, { left: 10, top: 8, xname: "test accuracy, %", yname: "" });
    for (const tick of x.ticks) node("line", { class: "grid", x1: at.x(tick), x2: at.x(tick), y1: at.top, y2: at.bottom }, area.svg);
    rows.forEach((r, i) => {
      const py = at.y(rows.length - i - 0.7), g = node("g", {}, area.svg), fill = colour(r.colour);
      let text = `${r.network}, ${r.recipe}`;
      const most = Math.floor((area.width - 20) / 6.6);
      if (text.length > most) text = `${text.slice(0, most - 1)}\u2026`;
      node("text", { class: "name", x: at.left + 2, y: py - 12 }, g, text);
      if (r.low !== null)
        node("line", { x1: at.x(Math.max(x.low, r.low)), x2: at.x(Math.min(x.high, r.high)), y1: py, y2: py, stroke: fill, "stroke-width": 2 }, g);
      if (r.paper !== null) node("line", { x1: at.x(r.paper), x2: at.x(r.paper), y1: py - 8, y2: py + 8, stroke: "var(--ink)", "stroke-width": 2 }, g);
      shape(SHAPES[r.shape % SHAPES.length], at.x(r.mean), py, fill, g);
      explain(g, about(r));
    });
    const entries = [{ text: "mean and 95% interval", draw: (svg) => { node("line", { x1: 1, x2: 21, y1: 6, y2: 6, stroke: "var(--soft)", "stroke-width": 2 }, svg); shape("circle", 11, 6, "var(--soft)", svg, 4.5); } }];
    if (rows.some((r) => r.paper !== null))
      entries.push({ text: "the paper", draw: (svg) => node("line", { x1: 11, x2: 11, y1: 0, y2: 12, stroke: "var(--ink)", "stroke-width": 2 }, svg) });
    legend(figure, entries);
  }

  // ---- training curves

  function curves(figure, section) {
    const wanted = figure.querySelector("select").value, compared = section.comparisons[+figure.dataset.which];
    const lines = compared.rows
      .map((row, i) => ({ name: compared.names[i], seeds: section.rows[row].n, curve: section.rows[row].curves[wanted], i: compared.colours[i] }))
      .filter((line) => line.curve);
    const holder = figure.querySelector(".plot");
    if (!lines.length) {
      const none = document.createElement("p");
      none.className = "soft";
      none.textContent = `No run has a ${wanted}.`;
      holder.replaceChildren(none);
      legend(figure, []);
      return;
    }
    const area = canvas(holder, 300, `${compared.title}: ${wanted} by epoch. Left and right arrows move the epoch.`);
    const epochs = Math.max(...lines.map((l) => l.curve.mean.length));
    const y = linear(Math.min(...lines.flatMap((l) => l.curve.low)), Math.max(...lines.flatMap((l) => l.curve.high)), 6);
    const x = epochs > 1 ? { ...linear(1, epochs, 6), low: 1, high: epochs } : { low: 0.5, high: 1.5, ticks: [1] };
    x.ticks = x.ticks.filter((t) => t >= 1 && t <= epochs && Number.isInteger(t));
    if (!x.ticks.includes(1)) x.ticks.unshift(1);
    const at = frame(area, x, y, { xname: "epoch", yname: wanted + (wanted.includes("accuracy") ? ", %" : "") });
    for (const { curve, seeds, i } of lines) {
      const points = (values) => values.map((v, e) => `${at.x(e + 1)},${at.y(v)}`);
      if (seeds > 1)
        node("polygon", { points: [...points(curve.low), ...points(curve.high).reverse()].join(" "), fill: colour(i), opacity: 0.15 }, area.svg);
      node("polyline", { points: points(curve.mean).join(" "), fill: "none", stroke: colour(i), "stroke-width": 2, "stroke-linejoin": "round", "stroke-dasharray": DASHES[Math.floor(i / 8) % DASHES.length] }, area.svg);
      if (curve.mean.length === 1) shape("circle", at.x(1), at.y(curve.mean[0]), colour(i), area.svg, 4);
    }
    const cursor = node("line", { class: "cursor", y1: at.top, y2: at.bottom, visibility: "hidden" }, area.svg);
    let epoch = 1;
    const show = (chosen) => {
      epoch = Math.max(1, Math.min(epochs, chosen));
      cursor.setAttribute("x1", at.x(epoch));
      cursor.setAttribute("x2", at.x(epoch));
      cursor.setAttribute("visibility", "visible");
      const there = lines.filter((l) => epoch <= l.curve.mean.length).sort((a, b) => b.curve.mean[epoch - 1] - a.curve.mean[epoch - 1]);
      const digits = wanted.includes("accuracy") ? 2 : 4;
      const box = area.svg.getBoundingClientRect();
      say([`epoch ${epoch}`, ...there.map((l) => `${l.curve.mean[epoch - 1].toFixed(digits)}  ${l.name}`)], box.left + at.x(epoch), box.top + at.top + 40);
    };
    const away = () => { cursor.setAttribute("visibility", "hidden"); hush(); };
    const follow = (event) => {
      const px = event.clientX - area.svg.getBoundingClientRect().left;
      show(Math.round(x.low + (px - at.left) / (at.right - at.left) * (x.high - x.low)));
    };
    area.svg.addEventListener("pointermove", follow);
    area.svg.addEventListener("pointerdown", follow);
    area.svg.addEventListener("pointerleave", away);
    area.svg.setAttribute("tabindex", "0");
    area.svg.setAttribute("role", "img");
    area.svg.addEventListener("focus", () => { if (area.svg.matches(":focus-visible")) show(epoch); });
    area.svg.addEventListener("blur", away);
    area.svg.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: epoch - 1, ArrowRight: epoch + 1, Home: 1, End: epochs }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      show(to);
    });
    legend(figure, lines.map((l) => ({ text: l.name, draw: (svg) => node("line", { x1: 0, x2: 22, y1: 6, y2: 6, stroke: colour(l.i), "stroke-width": 2.5, "stroke-dasharray": DASHES[Math.floor(l.i / 8) % DASHES.length] }, svg) })));
  }

  // ---- the table

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const words = head.dataset.kind === "text";
      const before = head.getAttribute("aria-sort");
      // A first click sorts names upwards and figures downwards, so that the best is on top.
      const ascending = before === null ? words : before === "descending";
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.value;
      const rows = [...body.rows];
      rows.sort((a, b) => {
        const p = key(a), q = key(b);
        if (p === "" || q === "") return (p === "") - (q === "");  // rows without a figure stay at the bottom
        const order = words ? p.localeCompare(q, "en", { numeric: true }) : p - q;
        return ascending ? order : -order;
      });
      body.append(...rows);
    }));
  }

  const DRAW = { scatter, bars, curves };
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const draw = () => DRAW[figure.dataset.chart](figure, DATA.sections[+figure.dataset.section]);
    figure.querySelector("select")?.addEventListener("change", draw);
    draw();
    let width = figure.clientWidth;
    new ResizeObserver(() => {
      if (figure.clientWidth !== width) { width = figure.clientWidth; draw(); }
    }).observe(figure);
  }
  document.querySelectorAll("table.sortable").forEach(sortable);
})();
