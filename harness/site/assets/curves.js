// The curves of one experiment: to be zoomed, and asked for their values.
"use strict";
(() => {
  const stored = document.getElementById("site-data");
  const place = document.getElementById("site-plot");
  if (!stored || !place) return;
  const data = JSON.parse(stored.textContent);
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
  const style = (index) => ({ stroke: colour(`--s${index % 8}`), dash: DASHES[Math.floor(index / 8) % 4] });
  const number = (value, unit) =>
    value == null
      ? ""
      : `${value.toLocaleString("en", { maximumSignificantDigits: 4 })}${unit === "%" ? "%" : unit ? ` ${unit}` : ""}`;

  // What is chosen above the plot.
  const option = (value, words) => new Option(words, value);
  const metric = make("select", {}, ...data.metrics.map((each) => option(each.name, each.title)));
  metric.value = data.metrics.some((each) => each.name === "test_accuracy") ? "test_accuracy" : data.metrics[0].name;
  const along = make("select", {}, option("steps", "steps"), ...(data.perEpoch ? [option("epochs", "epochs")] : []));
  const logarithmic = make("input", { type: "checkbox" });
  const bands = make("input", { type: "checkbox", checked: data.series.length <= 4 });
  const button = (words, label, action) => {
    const made = make("button", { type: "button", textContent: words, onclick: action });
    made.setAttribute("aria-label", label);
    made.title = label;
    return made;
  };
  const buttons = make(
    "div",
    { className: "buttons" },
    button("+", "Zoom in", () => zoom(0.5)),
    button("\u2212", "Zoom out", () => zoom(2)),
    button("\u2190", "Move to earlier steps", () => move(-0.25)),
    button("\u2192", "Move to later steps", () => move(0.25)),
    button("Reset", "Reset zoom", () => reset())
  );
  buttons.setAttribute("role", "group");
  buttons.setAttribute("aria-label", "Zoom");
  const tools = make(
    "div",
    { className: "tools" },
    make("label", {}, "metric", metric),
    make("label", {}, "axis", along),
    make("label", {}, logarithmic, " logarithmic"),
    make("label", {}, bands, " range of seeds"),
    buttons
  );
  const holder = make("div", { className: "plot" });
  holder.setAttribute("role", "img");
  const tip = make("div", { className: "tip", hidden: true });

  // The lines, each with a box to leave it out and its value where the pointer is.
  const boxes = [];
  const values = [];
  const swatches = [];
  const lines = make("fieldset", { className: "lines" }, make("legend", { textContent: "Runs" }));
  data.series.forEach((series) => {
    const box = make("input", { type: "checkbox", checked: !series.start });
    const value = make("output");
    value.setAttribute("aria-live", "off");
    const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    swatch.setAttribute("viewBox", "0 0 26 10");
    swatch.setAttribute("aria-hidden", "true");
    const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [name, at] of [["x1", 0], ["x2", 26], ["y1", 5], ["y2", 5]]) stroke.setAttribute(name, at);
    stroke.setAttribute("stroke-width", 3);
    swatch.append(stroke);
    swatches.push(stroke);
    boxes.push(box);
    values.push(value);
    const name = make("span", { className: "run", textContent: series.name });
    lines.append(make("label", {}, box, swatch, name, value));
    box.addEventListener("change", () => draw(zoomed));
  });
  const all = button("All", "All runs", () => check(true));
  const none = button("None", "None of the runs", () => check(false));
  const check = (on) => {
    for (const box of boxes) box.checked = on;
    draw(zoomed);
  };
  place.append(tools, holder, make("div", { className: "buttons tools" }, all, none), lines);

  let plot = null;
  let range = null; // of the axis, and whether the reader chose it
  let zoomed = false;
  let drawn = [];
  // Only as far as a line goes that is shown.
  const last = () => {
    let found = 0;
    data.series.forEach((series, index) => {
      const line = boxes[index].checked && series.lines[metric.value]?.[0];
      if (line) found = Math.max(found, line.findLastIndex((value) => value != null));
    });
    return found || data.steps.length - 1;
  };
  const xs = () => {
    const steps = data.steps.slice(0, last() + 1);
    return along.value === "epochs" ? steps.map((step) => step / data.perEpoch) : steps;
  };

  function draw(keepRange) {
    const kept = keepRange && range;
    if (plot) plot.destroy();
    const of = data.metrics.find((each) => each.name === metric.value);
    const axis = xs();
    const log = logarithmic.checked;
    const shown = (line) => line.slice(0, axis.length).map((value) => (log && value <= 0 ? null : value));
    const columns = [axis];
    const series = [{ label: along.value }];
    const shades = [];
    drawn = [];
    data.series.forEach((each, index) => {
      const own = style(index);
      swatches[index].setAttribute("stroke", own.stroke);
      swatches[index].setAttribute("stroke-dasharray", own.dash.join(" "));
      values[index].textContent = "";
      const found = each.lines[metric.value];
      if (!found || !boxes[index].checked) return;
      drawn.push({ index, column: columns.length });
      columns.push(shown(found[0]));
      series.push({ label: each.name, stroke: own.stroke, width: 2, dash: own.dash, points: { show: axis.length < 12 } });
      if (!bands.checked || found.length < 3) return;
      const at = columns.length;
      columns.push(shown(found[2]), shown(found[1]));
      for (let side = 0; side < 2; side++) series.push({ stroke: "transparent", width: 0, points: { show: false }, band: true });
      shades.push({ series: [at, at + 1], fill: own.stroke + "33" });
    });
    const quiet = colour("--quiet");
    const line = { stroke: quiet, grid: { stroke: colour("--grid"), width: 1 }, ticks: { stroke: colour("--grid") }, font: "12px system-ui, sans-serif" };
    const unit = of.unit && of.unit !== of.title ? ` (${of.unit})` : "";
    const y = { distr: log ? 3 : 1 };
    const options = {
      width: Math.max(holder.clientWidth, 200),
      height: holder.clientWidth < 500 ? 280 : 380,
      scales: { x: { time: false }, y },
      axes: [
        { ...line, label: along.value, labelFont: "13px system-ui, sans-serif", labelSize: 20, size: 36 },
        { ...line, label: of.title + unit, labelFont: "13px system-ui, sans-serif", labelSize: 24, size: 56 },
      ],
      series,
      bands: shades,
      legend: { show: false },
      cursor: { drag: { x: true, y: true, uni: 30 }, focus: { prox: 30 }, points: { show: (u, at) => !u.series[at].band } },
      hooks: {
        setCursor: [point],
        setScale: [(u, name) => {
          if (name !== "x") return;
          range = [u.scales.x.min, u.scales.x.max];
          zoomed = range[0] > axis[0] || range[1] < axis[axis.length - 1];
        }],
      },
    };
    plot = new uPlot(options, columns, holder);
    holder.append(tip);
    tip.hidden = true;
    holder.setAttribute("aria-label", `${of.title}${unit} against ${along.value}: ${drawn.length} of ${data.series.length} runs`);
    if (kept) plot.setScale("x", { min: kept[0], max: kept[1] });
  }

  function point(u) {
    const { left, top, idx } = u.cursor;
    if (idx == null || left == null || left < 0) {
      tip.hidden = true;
      for (const value of values) value.textContent = "";
      return;
    }
    const of = data.metrics.find((each) => each.name === metric.value);
    let near = null;
    for (const { index, column } of drawn) {
      const value = u.data[column][idx];
      values[index].textContent = number(value, of.unit);
      if (value == null) continue;
      const away = Math.abs(u.valToPos(value, "y") - top);
      if (!near || away < near.away) near = { index, value, away };
    }
    tip.hidden = !near;
    if (!near) return;
    const series = data.series[near.index];
    const found = series.lines[metric.value];
    const ends = found.length > 2 ? ` (${number(found[1][idx], "")} to ${number(found[2][idx], "")}, ${series.seeds} seeds)` : "";
    tip.replaceChildren(
      make("b", { textContent: series.name }),
      make("span", { textContent: number(near.value, of.unit) + ends }),
      make("span", { textContent: `${number(u.data[0][idx], "")} ${along.value}` })
    );
    tip.style.borderLeft = `4px solid ${style(near.index).stroke}`;
    const box = u.over.getBoundingClientRect();
    const outer = holder.getBoundingClientRect();
    const x = box.left - outer.left + left;
    tip.style.left = `${Math.min(Math.max(x > outer.width / 2 ? x - tip.offsetWidth - 12 : x + 12, 0), Math.max(outer.width - tip.offsetWidth, 0))}px`;
    tip.style.top = `${Math.max(box.top - outer.top + top - tip.offsetHeight - 12, 0)}px`;
  }

  const ends = () => { const axis = xs(); return [axis[0], axis[axis.length - 1]]; };
  const set = (low, high) => {
    const [first, last] = ends();
    const width = Math.min(high - low, last - first);
    const from = Math.min(Math.max(low, first), last - width);
    plot.setScale("x", { min: from, max: from + width });
  };
  const zoom = (factor) => {
    const [low, high] = range ?? ends();
    const half = ((high - low) * factor) / 2;
    set((low + high) / 2 - half, (low + high) / 2 + half);
  };
  const move = (share) => {
    const [low, high] = range ?? ends();
    const by = (high - low) * share;
    set(low + by, high + by);
  };
  const reset = () => { range = null; draw(false); };

  const suits = () => { logarithmic.checked = metric.value.endsWith("_loss"); };
  metric.addEventListener("change", () => { suits(); draw(zoomed); });
  along.addEventListener("change", () => { range = null; draw(false); });
  for (const each of [logarithmic, bands]) each.addEventListener("change", () => draw(zoomed));
  document.addEventListener("colours", () => draw(zoomed));
  let width = 0;
  new ResizeObserver(() => {
    if (plot && holder.clientWidth !== width) {
      width = holder.clientWidth;
      plot.setSize({ width: Math.max(width, 200), height: width < 500 ? 280 : 380 });
    }
  }).observe(holder);
  suits();
  draw(false);
})();
