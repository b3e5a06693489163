"use strict";
// Mouse, pen, finger and keys on the chart: pointing, dragging a limit, selecting, going from point to point.
const Pointer = (() => {
  const chart = document.getElementById("chart"), tip = document.getElementById("tip");
  const NEAR = 7, REACH = 14;

  function hush() { tip.hidden = true; }

  function say(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    const end = Math.min(document.documentElement.clientWidth - 4, chart.getBoundingClientRect().right);
    const left = Math.max(4, Math.min(x + 14, end - tip.offsetWidth));
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(y - tip.offsetHeight - 14 < 4 ? y + 18 : y - tip.offsetHeight - 14) + scrollY}px`;
  }

  function listen({ state, DATA, choose, limitOf, lineOn, move, refresh, select }) {
    let held = null, start = null, moved = false, asked = 0;

    const at = (event) => { const box = chart.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    // The limit whose line is under the pointer: "x", "y" or "".
    const lineAt = (px, py, near) => ["x", "y"].find((way) => {
      const k = lineOn(way);
      return k >= 0 && Math.abs(Chart.pixel(way, limitOf(k)) - (way === "x" ? px : py)) <= near;
    }) || "";
    const stopAt = (k, number) => {
      const stops = DATA.lines[k].stops, log = state[`${lineOn("x") === k ? "x" : "y"}log`];
      const far = (v) => log ? Math.abs(Math.log(v / number)) : Math.abs(v - number);
      return stops.reduce((best, stop, i) => far(stop) < far(stops[best]) ? i : best, 0);
    };
    const within = (px, py) => {
      const [left, top] = Chart.origin(), [wide, high] = Chart.size();
      return [Math.max(left, Math.min(left + wide, px)), Math.max(top, Math.min(top + high, py))];
    };

    function point(event) {
      const [px, py] = at(event), line = lineAt(px, py, NEAR);
      chart.style.cursor = line === "x" ? "ew-resize" : line === "y" ? "ns-resize" : "crosshair";
      // The best networks stand at the limits: one that is right here is meant, and not the line.
      const one = Chart.nearest(px, py, line ? NEAR : REACH);
      if (!one) { hush(); return null; }
      if (state.at !== one.i) choose(one.i);
      say(DATA.specs[one.i], event.clientX, event.clientY);
      chart.style.cursor = "pointer";
      return one;
    }

    function drag(event) {
      const [px, py] = within(...at(event));
      if (!moved && Math.hypot(px - start[0], py - start[1]) < (held ? 3 : 5)) return;
      moved = true;
      hush();
      if (held) { move(lineOn(held), stopAt(lineOn(held), Chart.value(held, held === "x" ? px : py))); return; }
      const [sx, sy] = start;
      const sorted = (way, a, b) => [Chart.value(way, a), Chart.value(way, b)].sort((m, n) => m - n);
      select({ x: sorted("x", sx, px), y: sorted("y", sy, py) });
    }

    chart.addEventListener("pointermove", (event) => {
      if (!Chart.ready()) return;
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => { if (start) drag(event); else point(event); });
    });
    chart.addEventListener("pointerdown", (event) => {
      if (!Chart.ready() || event.button) return;
      const [px, py] = at(event);
      held = lineAt(px, py, event.pointerType === "mouse" ? NEAR : 2 * NEAR) || null;
      [start, moved] = [within(px, py), false];
      chart.setPointerCapture(event.pointerId);
      if (held) refresh({ held });
    });
    const end = (event) => {
      if (!start) return;
      cancelAnimationFrame(asked);
      const click = !moved && event.type === "pointerup";
      if (!click && event.type === "pointerup") drag(event);
      if (held) refresh({ held: "" });
      held = start = null;
      if (!click) return;
      const one = point(event);
      if (one) Panel.copy(one.i); else if (state.box) select(null);
    };
    chart.addEventListener("pointerup", end);
    chart.addEventListener("pointercancel", end);
    chart.addEventListener("pointerleave", hush);
    chart.addEventListener("blur", hush);

    // From point to point, by what is across; then by what is upwards.
    chart.addEventListener("keydown", (event) => {
      if (!Chart.ready()) return;
      if (event.key === "Escape") { hush(); select(null); return; }
      if (event.key === "Enter" && state.at !== null) { event.preventDefault(); Panel.copy(state.at); return; }
      const steps = { ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowUp: ["y", 1], ArrowDown: ["y", -1], Home: ["x", -Infinity], End: ["x", Infinity] };
      if (!steps[event.key]) return;
      event.preventDefault();
      const [way, by] = steps[event.key], other = way === "x" ? "y" : "x";
      const order = Chart.points().filter((one) => one.on === 2).sort((a, b) => a[way] - b[way] || a[other] - b[other] || a.i - b.i);
      if (!order.length) return;
      const now = order.findIndex((one) => one.i === state.at), far = event.shiftKey ? 10 * by : by;
      const one = order[now < 0 && Number.isFinite(by) ? 0 : Math.max(0, Math.min(order.length - 1, now + far))];
      choose(one.i);
      const [px, py] = Chart.place(one), box = chart.getBoundingClientRect();
      say(DATA.specs[one.i], box.left + px, box.top + py);
    });
  }

  return { listen };
})();
