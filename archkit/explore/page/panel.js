"use strict";
// What is said of a network: its figures, its drawing, its command; and the list of those that are selected.
const Panel = (() => {
  const DATA = JSON.parse(document.getElementById("data").textContent);
  const about = document.getElementById("about"), said = document.getElementById("said");
  const grouped = (text) => String(text).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const command = (i) => `archkit bench "${DATA.specs[i]}"`;
  let timer = 0, shown = null;

  function written(column, value) {
    if (value === null) return "unknown";
    if (column.whole) return grouped(value);
    const [whole, rest] = String(value).split(".");
    return grouped(whole) + (rest ? `.${rest}` : "");
  }

  function element(name, text, parent) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  // A drawing: a text of ours whose gaps numbers fill, and nothing but numbers.
  function drawing(i) {
    const [which, ...numbers] = DATA.pictures.numbers[i], text = DATA.pictures.texts[which];
    if (!numbers.every((n) => typeof n === "number" || /^(&lt;)?\d+(\.\d+)?$/.test(n))) return null;
    const svg = text.map((part, at) => part + (at < numbers.length ? numbers[at] : "")).join("");
    return document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true);
  }

  function show(i) {
    if (shown === i) return;
    shown = i;
    document.getElementById("hint").hidden = true;
    about.hidden = false;
    about.querySelector("h2").textContent = DATA.specs[i];
    about.querySelector(".kind").replaceChildren(Chart.icon(DATA.kinds[DATA.kind[i]].name), DATA.kinds[DATA.kind[i]].label);
    about.querySelector(".notes").replaceChildren(...(DATA.notes[i] || []).map((line) => element("li", line)));
    const picture = drawing(i);
    if (picture) picture.setAttribute("aria-label", `drawing of ${DATA.specs[i]}`);
    about.querySelector(".drawing").replaceChildren(...(picture ? [picture] : []));
    const figures = about.querySelector(".figures");
    figures.replaceChildren();
    for (const column of DATA.columns) {
      if (column.values[i] === null) continue;
      element("dt", column.title, figures);
      element("dd", written(column, column.values[i]), figures);
    }
    about.querySelector("code").textContent = command(i);
  }

  function say(text) {
    said.textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => { said.textContent = ""; }, 2500);
  }

  async function copy(i) {
    const text = command(i);
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {  // not allowed for this page: the old way
      const field = element("textarea", undefined, document.body), before = document.activeElement;
      field.value = text;
      field.select();
      done = document.execCommand("copy");
      field.remove();
      before?.focus();
    }
    say(done ? `copied: ${text}` : `this browser lets no page copy: ${text}`);
  }
  about.querySelector("button").addEventListener("click", () => copy(shown));

  // The best of some networks, as a table.
  function list(indices, columns, selected) {
    const best = DATA.columns[DATA.best].values, sign = DATA.most ? -1 : 1, most = 20;
    const rows = [...indices].sort((a, b) => sign * (best[a] - best[b]) || a - b).slice(0, most);
    const head = document.querySelector("#list thead"), body = document.querySelector("#list tbody");
    const where = selected ? "selected" : "shown that fit";
    document.getElementById("listhead").textContent = indices.length > rows.length
      ? `The best ${rows.length} of ${grouped(indices.length)} networks ${where}`
      : `${rows.length} network${rows.length === 1 ? "" : "s"} ${where}`;
    head.replaceChildren();
    const line = element("tr", undefined, head);
    for (const name of ["network", "why", ...columns.map((c) => c.title), "command"]) element("th", name, line).scope = "col";
    body.replaceChildren(...rows.map((i) => {
      const row = element("tr");
      element("td", DATA.specs[i], row);
      element("td", DATA.kinds[DATA.kind[i]].label, row);
      for (const column of columns) element("td", column.values[i] === null ? "-" : written(column, column.values[i]), row);
      const button = element("button", "Copy", element("td", undefined, row));
      button.type = "button";
      button.setAttribute("aria-label", `Copy the command of ${DATA.specs[i]}`);
      button.addEventListener("click", () => copy(i));
      row.addEventListener("pointerenter", () => show(i));
      return row;
    }));
  }

  return { DATA, copy, element, grouped, list, show, written };
})();
