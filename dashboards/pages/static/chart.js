// One channel over time: the curve, what it swung between, its limits; a gap in the data is a gap in the curve.

import { clock, day, limits, moment, plain, shown, texts, titleOf, unitOf } from "./page.js";

const LEFT = 42;
const RIGHT = 8;
const TOP = 16;
const BOTTOM = 18;
const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The range of values shown: the data with some room, and each limit that is not far away from them. */
export function rangeOf(series, low, high) {
  let bottom = Math.min(...series.low);
  let top = Math.max(...series.high);
  const span = Math.max(top - bottom, Math.abs(top) * 0.1, 1e-6);
  for (const limit of [low, high]) {
    if (limit === null) continue;
    if (limit > top && limit - top < 4 * span) top = limit;
    if (limit < bottom && bottom - limit < 4 * span) bottom = limit;
  }
  const room = Math.max(top - bottom, span) * 0.12;
  return [bottom >= 0 ? Math.max(0, bottom - room) : bottom - room, top + room];
}

/** What lies further apart than this is a gap. */
function longestStep(series) {
  const steps = [];
  for (let i = 1; i < series.ts.length; i += 1) steps.push(series.ts[i] - series.ts[i - 1]);
  const usual = steps.length ? steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] : 0;
  return Math.max(3 * usual, 2.5 * series.step_ms);
}

/** Runs of steps without a gap: [[first, last], ...]. */
export function runsOf(series) {
  const longest = longestStep(series);
  const runs = [];
  let first = 0;
  for (let i = 1; i <= series.ts.length; i += 1) {
    if (i === series.ts.length || series.ts[i] - series.ts[i - 1] > longest) {
      runs.push([first, i - 1]);
      first = i;
    }
  }
  return series.ts.length ? runs : [];
}

function ticksOf(bottom, top) {
  const raw = (top - bottom) / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw);
  const ticks = [];
  for (let at = Math.ceil(bottom / step) * step; at <= top; at += step) ticks.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return ticks;
}

const MINUTE = 60000;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10080].map((one) => one * MINUTE);

/** Times on the axis: whole steps of the reader's clock, as close as there is room for. */
function timesOf(from, to, width) {
  const step = STEPS.find((one) => (to - from) / one <= width / 76) ?? STEPS.at(-1);
  const [hours, minutes] = clock(from).split(":").map(Number);
  // What the clock shows at `from`, so that steps begin at midnight of the reader's zone.
  const past = (hours * 60 + minutes) * MINUTE + (from % MINUTE);
  const ticks = [];
  for (let at = from - past + Math.ceil(past / step) * step; at <= to; at += step) ticks.push(at);
  return { ticks, step };
}

export class Chart {
  constructor(plot, channel, height = 150) {
    this.plot = plot;
    this.height = height;
    this.channel = channel;
    this.series = null;
    this.svg = svg("svg", { role: "img" });
    this.words = Object.assign(document.createElement("div"), { className: "words", textContent: texts.loading });
    this.tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
    plot.replaceChildren(this.svg, this.words, this.tip);
    plot.addEventListener("pointermove", (event) => this.point(event));
    plot.addEventListener("pointerdown", (event) => this.point(event));
    plot.addEventListener("pointerleave", () => this.unpoint());
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(plot);
  }

  close() {
    this.watch.disconnect();
  }

  say(words) {
    if (this.series === null) this.words.textContent = words;
  }

  show(series) {
    this.series = series;
    this.draw();
  }

  /** The newest value comes with the overview, before the series is asked for again.
   *  Returns true where values between are missing here: then the series must be asked for. */
  follow(channel, now) {
    this.channel = channel;
    const series = this.series;
    if (series === null || channel.flag !== "N") return false;
    const last = series.ts.at(-1) ?? 0;
    if (channel.ts <= last || channel.ts > now + series.step_ms) return false;
    if (channel.ts - last > longestStep(series)) return true;
    for (const [name, value] of [["ts", channel.ts], ["low", channel.value], ["high", channel.value], ["last", channel.value]]) {
      series[name].push(value);
    }
    if (channel.ts > series.to) {
      series.from += channel.ts - series.to;
      series.to = channel.ts;
      const begin = series.ts.findIndex((at) => at >= series.from);
      if (begin > 0) for (const name of ["ts", "low", "high", "last"]) series[name].splice(0, begin);
    }
    this.draw();
    return false;
  }

  draw() {
    const series = this.series;
    const width = this.plot.clientWidth;
    if (series === null || width === 0) return;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.words.hidden = series.ts.length > 0;
    this.words.textContent = texts.no_readings_chart;
    const { low, high, parameter } = this.channel;
    const [bottom, top] = series.ts.length ? rangeOf(series, low, high) : [low ?? 0, (high ?? 1) * 1.1];
    this.x = (at) => LEFT + ((at - series.from) / (series.to - series.from)) * (width - LEFT - RIGHT);
    this.y = (value) => TOP + ((top - value) / (top - bottom)) * (this.height - TOP - BOTTOM);
    this.axes(width, bottom, top);
    this.shade();
    this.limits(width, bottom, top);
    for (const run of runsOf(series)) this.run(run);
    this.label(parameter);
  }

  axes(width, bottom, top) {
    for (const tick of ticksOf(bottom, top)) {
      const y = this.y(tick).toFixed(1);
      this.svg.append(
        svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
        svg("text", { x: LEFT - 5, y: Number(y) + 4, "text-anchor": "end" }, plain(tick)),
      );
    }
    const { ticks, step } = timesOf(this.series.from, this.series.to, width);
    for (const tick of ticks) {
      const x = this.x(tick);
      if (x < LEFT + 10 || x > width - RIGHT - 10) continue;
      this.svg.append(svg("text", { x, y: this.height - 3, "text-anchor": "middle" }, step >= 1440 * MINUTE ? day(tick) : clock(tick)));
    }
  }

  /** What lies behind limits and curve; nothing here. */
  shade() {}

  limits(width, bottom, top) {
    for (const [limit, name, upper] of [[this.channel.high, texts.upper, true], [this.channel.low, texts.lower, false]]) {
      if (limit === null) continue;
      const beyond = upper ? limit > top : limit < bottom;
      const y = beyond ? (upper ? TOP : this.height - BOTTOM) : this.y(limit);
      if (!beyond) {
        const edge = upper ? [TOP, y - TOP] : [y, this.height - BOTTOM - y];
        this.svg.append(
          svg("rect", { class: "beyond", x: LEFT, width: width - LEFT - RIGHT, y: edge[0], height: Math.max(0, edge[1]) }),
          svg("line", { class: "limit", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
        );
      }
      const words = `${name} ${plain(limit)}${beyond ? (upper ? " ↑" : " ↓") : ""}`;
      this.svg.append(svg("text", { class: "limit-name", x: width - RIGHT - 2, y: upper ? y - 4 : y + (beyond ? -3 : 12), "text-anchor": "end" }, words));
    }
  }

  run([first, last]) {
    const { ts, low, high, last: values } = this.series;
    if (first === last) {
      this.dot(first, 2.2);
      return;
    }
    const up = [];
    const down = [];
    const line = [];
    for (let i = first; i <= last; i += 1) {
      const x = this.x(ts[i]).toFixed(1);
      up.push(`${x} ${this.y(high[i]).toFixed(1)}`);
      down.push(`${x} ${this.y(low[i]).toFixed(1)}`);
      line.push(`${x} ${this.y(values[i]).toFixed(1)}`);
    }
    this.svg.append(
      svg("path", { class: "envelope", d: `M${up.join("L")}L${down.reverse().join("L")}Z` }),
      svg("path", { class: "curve", d: `M${line.join("L")}` }),
    );
    for (let i = first; i <= last; i += 1) if (this.out(i)) this.dot(i, 1.8);
  }

  out(i) {
    const { low, high } = this.channel;
    return (high !== null && this.series.high[i] > high) || (low !== null && this.series.low[i] < low);
  }

  dot(i, r) {
    const { high } = this.channel;
    const worst = high !== null && this.series.high[i] > high ? this.series.high[i] : this.series.low[i];
    const value = this.out(i) ? worst : this.series.last[i];
    this.svg.append(svg("circle", { class: this.out(i) ? "dot out" : "dot", cx: this.x(this.series.ts[i]), cy: this.y(value), r }));
  }

  label(parameter) {
    const { low, high, ts } = this.series;
    const unit = unitOf(parameter);
    const parts = [titleOf(parameter, this.channel.point), this.channel.words ?? texts.last_24h];
    if (ts.length) {
      parts.push(`${texts.lowest} ${shown(parameter, Math.min(...low))} ${unit}`, `${texts.highest} ${shown(parameter, Math.max(...high))} ${unit}`);
    }
    const allowed = limits(this.channel.low, this.channel.high);
    if (allowed) parts.push(`${texts.limit} ${allowed} ${unit}`);
    this.svg.setAttribute("aria-label", parts.join(", "));
  }

  point(event) {
    const series = this.series;
    if (series === null || !series.ts.length || !this.x) return;
    const at = event.clientX - this.plot.getBoundingClientRect().left;
    let best = 0;
    for (let i = 1; i < series.ts.length; i += 1) {
      if (Math.abs(this.x(series.ts[i]) - at) < Math.abs(this.x(series.ts[best]) - at)) best = i;
    }
    this.unpoint();
    const { parameter } = this.channel;
    const x = this.x(series.ts[best]);
    const y = this.y(series.last[best]);
    this.cross = [svg("line", { class: "cross", x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM }), svg("circle", { class: this.out(best) ? "dot out" : "dot", cx: x, cy: y, r: 3.5 })];
    this.svg.append(...this.cross);
    const swing = series.low[best] === series.high[best] ? "" : ` (${shown(parameter, series.low[best])}–${shown(parameter, series.high[best])})`;
    this.tip.textContent = `${moment(series.ts[best]).slice(-8, -3)}  ${shown(parameter, series.last[best])} ${unitOf(parameter)}${swing}`;
    this.tip.hidden = false;
    const room = this.plot.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(room, x - this.tip.offsetWidth / 2))}px`;
  }

  unpoint() {
    this.cross?.forEach((one) => one.remove());
    this.cross = null;
    this.tip.hidden = true;
  }
}
