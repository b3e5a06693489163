"use strict";
// What every chart is drawn with: nodes, what is said of a point, axes, marks, legends.
const Drawing = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const tip = document.getElementById("tip");
  const SHAPES = ["circle", "square", "triangle", "diamond", "cross"];

  const colour = (i) => `var(--c${i % 8})`;
  const percent = (x) => x.toFixed(2);
  const grouped = (n) => n.toLocaleString("en-US");

  function node(name, attributes, parent, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  function short(n) {
    for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
      if (n >= size) return `${+(n / size).toPrecision(3)}${unit}`;
    return `${n}`;
  }

  // ---- what is said of a point

  function say(lines, x, y) {
    tip.replaceChildren(...lines.map((line, i) => {
      const part = document.createElement(i ? "span" : "b");
      part.textContent = line;
      return part;
    }));
    tip.hidden = false;
    const width = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(x + 14, width - tip.offsetWidth - 4));
    const above = y - tip.offsetHeight - 14;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above < 4 ? y + 18 : above) + scrollY}px`;
  }
  const hush = () => { tip.hidden = true; };
  addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });

  function middle(element) {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  }

  function explain(element, lines) {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", lines.join(", "));
    const show = () => say(lines, ...middle(element));
    element.addEventListener("pointerenter", show);
    element.addEventListener("pointerleave", hush);
    element.addEventListener("click", show);
    element.addEventListener("focus", show);
    element.addEventListener("blur", hush);
  }

  // ---- axes

  function linear(low, high, count) {
    if (!(high > low)) { low -= 0.5; high += 0.5; }
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
    const ticks = [];
    for (let i = first; i <= last; i++) ticks.push(+(i * step).toPrecision(12));
    return { low: first * step, high: last * step, ticks };
  }

  function logarithmic(low, high) {
    const from = Math.log10(low), to = Math.log10(high), room = Math.max(0.08, (to - from) * 0.08);
    const ends = [from - room, to + room];
    const ticks = [];
    for (const steps of [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7]]) {
      ticks.length = 0;
      for (let p = Math.floor(ends[0]) - 1; p <= ends[1]; p++)
        for (const s of steps) {
          const value = s * 10 ** p;
          if (Math.log10(value) >= ends[0] && Math.log10(value) <= ends[1]) ticks.push(value);
        }
      if (ticks.length >= 3) break;
    }
    return { low: ends[0], high: ends[1], ticks };
  }

  function canvas(holder, height, label) {
    const width = Math.max(220, holder.clientWidth);
    const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-label": label, role: "group" });
    holder.replaceChildren(svg);
    return { svg, width, height };
  }

  function frame({ svg, width, height }, x, y, { left = 44, right = 12, top = 22, bottom = 40, log, xname, yname }) {
    const at = {
      x: (v) => left + ((log ? Math.log10(v) : v) - x.low) / (x.high - x.low) * (width - left - right),
      y: (v) => height - bottom - (v - y.low) / (y.high - y.low) * (height - top - bottom),
      left, right: width - right, top, bottom: height - bottom,
    };
    for (const tick of y.ticks) {
      node("line", { class: "grid", x1: left, x2: at.right, y1: at.y(tick), y2: at.y(tick) }, svg);
      node("text", { x: left - 6, y: at.y(tick) + 4, "text-anchor": "end" }, svg, `${tick}`);
    }
    let end = -Infinity;
    for (const tick of x.ticks) {
      const text = log ? short(tick) : `${tick}`, half = text.length * 3.6;
      if (at.x(tick) - half < end + 6 || at.x(tick) + half > width) continue;
      end = at.x(tick) + half;
      node("line", { class: "grid", x1: at.x(tick), x2: at.x(tick), y1: at.bottom, y2: at.bottom + 4 }, svg);
      node("text", { x: at.x(tick), y: at.bottom + 18, "text-anchor": "middle" }, svg, text);
    }
    node("text", { x: (left + at.right) / 2, y: height - 5, "text-anchor": "middle" }, svg, xname);
    if (yname) node("text", { x: 4, y: 12 }, svg, yname);
    return at;
  }

  function shape(kind, x, y, fill, parent, r = 6) {
    const common = { class: "mark", fill };
    if (kind === "circle") return node("circle", { cx: x, cy: y, r, ...common }, parent);
    const paths = {
      square: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
      triangle: [[0, -1.2], [1.2, 1], [-1.2, 1]],
      diamond: [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]],
      cross: [[-.4, -1.2], [.4, -1.2], [.4, -.4], [1.2, -.4], [1.2, .4], [.4, .4], [.4, 1.2], [-.4, 1.2], [-.4, .4], [-1.2, .4], [-1.2, -.4], [-.4, -.4]],
    };
    const points = paths[kind].map(([a, b]) => `${x + a * r * 0.95},${y + b * r * 0.95}`).join(" ");
    return node("polygon", { points, ...common }, parent);
  }

  function legend(figure, entries) {
    const list = figure.querySelector("ul.legend");
    list.replaceChildren(...entries.map(({ text, draw }) => {
      const item = document.createElement("li");
      const svg = node("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" });
      draw(svg);
      item.append(svg, text);
      return item;
    }));
  }

  return { SHAPES, canvas, colour, explain, frame, grouped, hush, legend, linear, logarithmic, node, percent, say, shape };
})();
