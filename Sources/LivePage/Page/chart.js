"use strict";
// Line charts and stacked areas over steps, in SVG.

const make = (name, attributes = {}, ...children) => {
  const isSVG = ["svg", "path", "line", "text", "rect", "g"].includes(name);
  const element = isSVG ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const colour = index => `var(--s${index % 8})`;

const number = value => {
  if (value === null || value === undefined || !isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e15)) return value.toExponential(2).replace("e+", "e");
  for (const [unit, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"]])
    if (size >= unit) return `${(value / unit).toFixed(2)} ${letter}`;
  if (Number.isInteger(value) || size >= 1000) return Math.round(value).toLocaleString("en");
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
};

// Round numbers that lie within [low, high].
const ticks = (low, high, count) => {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough * 0.999) || rough;
  const result = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step)
    result.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  return result;
};

const tickText = value => {
  const size = Math.abs(value);
  if (size >= 1e6) return +(value / 1e6).toPrecision(4) + "M";
  if (size >= 1e4) return +(value / 1e3).toPrecision(4) + "k";
  return size !== 0 && size < 1e-3 ? value.toExponential(0).replace("e+", "e") : String(+value.toPrecision(6));
};

// Neighbours outweigh what is far off: a mean that follows the curve without its noise.
const smoothed = values => {
  const weight = Math.min(0.97, 1 - 1 / Math.max(1, values.length / 60));
  let mean = 0, total = 0;
  return values.map(value => {
    mean = mean * weight + value * (1 - weight);
    total = total * weight + (1 - weight);
    return mean / total;
  });
};

// The index of the last step that is not after `step`; -1 for none.
const indexAt = (steps, step) => {
  let low = 0, high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] > step) high = middle; else low = middle + 1;
  }
  return low - 1;
};

class Chart {
  // options: height, isStacked, isSmoothed, fromZero
  constructor(parent, options) {
    this.options = { height: 200, ...options };
    this.hidden = new Set();
    this.series = [];
    // The step under the pointer.
    this.at = null;
    this.legend = make("div", { class: "legend" });
    this.svg = make("svg", { height: this.options.height, role: "img" });
    parent.append(this.legend, this.svg);
    this.svg.addEventListener("pointermove", event => this.point(event));
    this.svg.addEventListener("pointerleave", () => { this.at = null; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  // series: [{ name, label, steps, values }]; range: [first, last] step
  show(series, range) {
    this.series = series;
    this.range = range;
    if (this.at < range[0] || this.at > range[1]) this.at = null;
    this.draw();
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    if (!this.scale || !box.width) return;
    const part = (event.clientX - box.left - this.scale.left) / (this.scale.right - this.scale.left);
    this.at = Math.round(this.range[0] + Math.min(1, Math.max(0, part)) * (this.range[1] - this.range[0]));
    this.draw();
  }

  // What lies in the range, with one point before it so that curves begin at the edge.
  visible() {
    return this.series.map((series, index) => {
      const first = Math.max(0, indexAt(series.steps, this.range[0]));
      const raw = series.values.slice(first);
      return { ...series, index, steps: series.steps.slice(first), raw, values: raw };
    }).filter(series => !this.hidden.has(series.name) && series.steps.length);
  }

  draw() {
    const width = this.svg.clientWidth;
    if (!width || !this.range) return;
    const shown = this.visible();
    if (this.options.isStacked) this.stack(shown);
    if (this.options.isSmoothed) for (const series of shown) series.values = smoothed(series.raw);
    this.drawLegend();
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.options.height}`);
    if (!shown.length) {
      this.svg.append(make("text", { x: 4, y: 24 }, "nothing yet"));
      return;
    }
    this.setScale(shown, width);
    this.drawAxes();
    for (const series of [...shown].reverse()) this.drawSeries(series);
    if (this.at != null) {
      const x = this.scale.x(this.at);
      this.svg.append(make("line", { class: "cursor", x1: x, x2: x, y1: this.scale.top, y2: this.scale.bottom }));
    }
  }

  // Each curve stands on those before it.
  stack(shown) {
    const sums = new Map();
    for (const series of shown) {
      series.base = series.steps.map(step => sums.get(step) || 0);
      series.values = series.raw.map((value, index) => value + series.base[index]);
      series.steps.forEach((step, index) => sums.set(step, series.values[index]));
    }
  }

  setScale(shown, width) {
    let low = this.options.fromZero ? 0 : Infinity, high = -Infinity;
    for (const series of shown)
      for (const values of [series.values, this.options.isSmoothed ? this.core(series.raw) : []])
        for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
    const space = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
    // What is never negative has no axis below 0.
    if (!this.options.fromZero) low = low >= 0 ? Math.max(0, low - space) : low - space;
    high += space;
    const left = 46, right = width - 6, top = 8, bottom = this.options.height - 22;
    const [first, last] = this.range;
    this.scale = {
      left, right, top, bottom, low, high,
      x: step => left + (right - left) * (step - first) / Math.max(1, last - first),
      y: value => bottom - (bottom - top) * (value - low) / (high - low),
    };
  }

  // Without the wildest hundredth on either side, which would flatten all the rest.
  core(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted.slice(Math.floor(sorted.length / 100), Math.ceil(sorted.length * 0.99));
  }

  drawAxes() {
    const { left, right, top, bottom, low, high, x, y } = this.scale;
    for (const value of ticks(low, high, Math.max(3, (bottom - top) / 45))) {
      this.svg.append(make("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }));
      this.svg.append(make("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
    }
    for (const step of ticks(...this.range, Math.max(2, (right - left) / 75))) {
      if (step !== Math.round(step)) continue;
      const anchor = x(step) > right - 16 ? "end" : x(step) < left + 8 ? "start" : "middle";
      this.svg.append(make("text", { x: x(step), y: bottom + 17, "text-anchor": anchor }, tickText(step)));
    }
  }

  drawSeries(series) {
    const { left, right, top, bottom, x, y } = this.scale;
    const place = (values, index) =>
      `${Math.max(left, x(series.steps[index])).toFixed(1)},${Math.min(bottom, Math.max(top, y(values[index]))).toFixed(1)}`;
    const line = values => "M" + values.map((_, index) => place(values, index)).join("L");
    const add = (kind, path, paint) => {
      const element = make("path", { class: kind, d: path });
      element.style[paint] = colour(series.index);
      this.svg.append(element);
    };
    if (this.options.isStacked) {
      const back = series.base.map((_, index) => place(series.base, index)).reverse().join("L");
      add("area", `${line(series.values)}L${back}Z`, "fill");
      return;
    }
    if (this.options.isSmoothed && series.raw.length > 60) add("raw", line(series.raw), "stroke");
    add("curve", series.steps.length > 1 ? line(series.values) : `${line(series.values)}h2`, "stroke");
  }

  drawLegend() {
    const children = this.at == null ? [] : [make("span", { class: "quiet" }, `step ${this.at.toLocaleString("en")}`)];
    for (const [index, series] of this.series.entries()) {
      const spot = this.at == null ? series.steps.length - 1 : indexAt(series.steps, this.at);
      const mark = make("i");
      mark.style.background = colour(index);
      const button = make("button", { type: "button", "aria-pressed": !this.hidden.has(series.name) },
        mark, `${series.label} `, make("b", {}, number(series.values[spot])));
      button.onclick = () => {
        if (!this.hidden.delete(series.name)) this.hidden.add(series.name);
        this.draw();
      };
      children.push(button);
    }
    this.legend.replaceChildren(...children);
  }
}
