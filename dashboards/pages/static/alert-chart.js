// The readings around an alert: its limit, the span for which it stood, values under maintenance, late ones.

import { limitOf } from "./alert-words.js";
import { Chart, svg } from "./chart.js";
import { byId, count, fill, moment, texts } from "./page.js";

const HEIGHT = 250;

class AroundChart extends Chart {
  /** The span of the alert, and maintenance sessions. */
  shade() {
    const { from, to } = this.series;
    const bottom = this.height - 18;
    const band = (class_, start, end, words) => {
      const left = this.x(Math.max(start, from));
      const right = this.x(Math.min(end, to));
      if (right <= left) return;
      this.svg.append(svg("rect", { class: class_, x: left, width: Math.max(1, right - left), y: 16, height: bottom - 16 }));
      this.svg.append(svg("text", { class: "span-name", x: left + 3, y: 12 }, words));
    };
    for (const one of this.sessions) band("session-span", one.opened_at, one.closed_at ?? one.until, texts.session_kinds[one.kind] ?? one.kind);
    band("alert-span", this.span[0], this.span[1], texts.alert);
    for (const one of this.marked) {
      const class_ = one.late ? "late" : "flagged";
      this.svg.append(svg("circle", { class: class_, cx: this.x(one.ts), cy: Math.min(Math.max(this.y(one.value), 16), bottom), r: 2.6 }));
    }
  }
}

/** Keeps one chart up to date; drawn anew only where something changed. */
export class Around {
  constructor() {
    this.chart = null;
    this.drawn = "";
  }

  show(alert) {
    const { readings } = alert;
    byId("around").hidden = alert.parameter === "";
    if (alert.parameter === "") return;
    const last = readings.items.at(-1)?.ts ?? 0;
    const said = JSON.stringify([readings.items.length, last, readings.to, alert.cleared_at, alert.sessions]);
    if (said === this.drawn) return;
    this.drawn = said;
    const channel = {
      device: alert.device, point: alert.point, parameter: alert.parameter, value: alert.value, flag: "N",
      low: alert.side === "low" ? alert.limit_value : null, high: alert.side === "high" ? alert.limit_value : null, words: texts.around,
    };
    this.chart ??= new AroundChart(byId("plot"), channel, HEIGHT);
    this.chart.channel = channel;
    this.chart.sessions = alert.sessions;
    const normal = readings.items.filter((one) => one.flag === "N" && !one.late);
    this.chart.marked = readings.items.filter((one) => one.flag !== "N" || one.late);
    const to = Math.min(readings.to, Math.max(alert.now, last, alert.cleared_at ?? 0));
    this.chart.span = [alert.since, alert.cleared_at ?? alert.closed_at ?? to];
    const ts = normal.map((one) => one.ts);
    const values = normal.map((one) => one.value);
    this.chart.show({ from: readings.from, to: Math.max(to, readings.from + 60000), step_ms: 1000, ts, low: values, high: values, last: values, flagged: 0 });
    byId("around-words").textContent = [
      `${moment(readings.from)} – ${moment(to)}`,
      fill(texts.around_n, { n: count(readings.items.length) }),
      alert.limit_value === null ? "" : `${texts.limit_value} ${limitOf(alert)}`,
      readings.thinned ? texts.around_thinned : "",
      readings.missing ? texts.chart_failed : "",
      this.chart.marked.length ? texts.around_marked : "",
    ].filter(Boolean).join(" · ");
  }
}
