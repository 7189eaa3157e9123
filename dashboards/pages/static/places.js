// The list of places and the place that was chosen.

import { Chart } from "./chart.js";
import { ago, ask, byId, count, el, fill, limits, moment, named, shown, texts, titleOf, unitOf, verdictOf } from "./page.js";

const CELLS = 6;
/** Charts are asked for again after this time, and sooner where values are missing (a fast demo). */
const AFTER_MS = 15000;
const AT_LEAST_MS = 3000;
const rows = new Map();

function cell(channel) {
  const marked = ["high", "low", "flag", "silent"].includes(channel.verdict);
  const unit = unitOf(channel.parameter);
  const allowed = limits(channel.low, channel.high);
  const words = marked ? verdictOf(channel) : "";
  return el("div", { class_: channel.verdict, title: `${titleOf(channel.parameter, channel.point)} · ${moment(channel.ts)}` },
    el("span", {}, titleOf(channel.parameter, channel.point)),
    el("b", {}, shown(channel.parameter, channel.value), el("i", {}, unit)),
    el("small", { class_: marked ? "mark" : null }, words || (allowed ? `${texts.limit} ${allowed}` : "\u00a0")),
    marked && allowed && channel.verdict !== "silent" ? el("small", {}, `${texts.limit} ${allowed}`) : null);
}

const worst = { high: 0, low: 0, flag: 1, silent: 2, ok: 3, none: 4 };

function content(place, now) {
  const sorted = [...place.channels].sort((a, b) => worst[a.verdict] - worst[b.verdict]);
  const age = place.received_at === null ? texts.conditions[place.condition] : ago(place.received_at, now);
  const head = el("div", { class_: "top" }, el("b", {}, named(place.name)), el("span", { class_: "unit" }, named(place.unit_name)), el("span", { class_: "age" }, age));
  if (!sorted.length) return [head, el("p", { class_: "none-yet" }, nothing(place))];
  const fitting = sorted.length > CELLS ? CELLS - 1 : CELLS;
  const cells = el("div", { class_: "values" }, ...sorted.slice(0, fitting).map(cell));
  if (sorted.length > fitting) cells.append(el("span", { class_: "more" }, `+${sorted.length - fitting}`));
  return [head, cells];
}

function nothing(place) {
  if (!place.devices.length) return texts.no_device;
  return place.condition === "none" ? texts.terminal_only : texts.no_channels;
}

/** Rows stay the same elements, so that focus and scrolling stay where they are. */
export function showList(document_, chosen, choose, reset) {
  const { items, total, matching, page, pages } = document_.places;
  const list = byId("places");
  if (!items.length) {
    rows.clear();
    list.replaceChildren(total ? noMatch(reset) : noPlaces());
  } else {
    const wanted = items.map((place) => row(place, document_.now, chosen, choose));
    if (list.children.length !== wanted.length || wanted.some((one, i) => list.children[i] !== one)) list.replaceChildren(...wanted);
    const keys = new Set(items.map((place) => place.key));
    for (const key of rows.keys()) if (!keys.has(key)) rows.delete(key);
  }
  byId("pager").hidden = pages < 2;
  byId("page").textContent = fill(texts.page_of, { page: page + 1, pages, count: count(matching) });
  byId("previous").disabled = page === 0;
  byId("next").disabled = page >= pages - 1;
}

function row(place, now, chosen, choose) {
  let known = rows.get(place.key);
  if (known === undefined) {
    known = el("button", { type: "button", class_: "place", "data-key": place.key });
    known.addEventListener("click", () => choose(place.key));
    rows.set(place.key, known);
  }
  known.className = `place ${place.condition}`;
  known.setAttribute("aria-current", place.key === chosen ? "true" : "false");
  known.replaceChildren(...content(place, now));
  return known;
}

const noMatch = (reset) => el("div", { class_: "empty" }, texts.no_match, el("button", { type: "button", onclick: reset }, texts.reset));
const noPlaces = () => el("div", { class_: "empty" }, el("b", {}, texts.empty_places), texts.empty_places_do, el("code", {}, "hygeia registry import FILE"), texts.empty_places_demo, el("code", {}, "hygeia demo"));

/** The place that was chosen, with a chart for each channel. */
export class Detail {
  constructor(back) {
    this.back = back;
    this.key = null;
    this.asked = 0;
    this.charts = new Map();
    this.panel = byId("detail");
  }

  show(place, now, total) {
    if (place === null) {
      this.clear(null);
      this.panel.replaceChildren(el("div", { class_: "empty" }, total ? texts.choose : ""));
      return;
    }
    const names = place.channels.map(nameOf).join();
    if (this.key !== place.key || this.names !== names) {
      this.clear(place.key);
      this.names = names;
      this.build(place);
    }
    this.head.replaceChildren(...this.header(place, now));
    const missing = place.channels.map((channel) => this.update(channel, now));
    const waited = Date.now() - this.asked;
    if (waited > AFTER_MS || (waited > AT_LEAST_MS && missing.includes(true))) this.load();
  }

  clear(key) {
    for (const one of this.charts.values()) one.chart.close();
    this.charts.clear();
    this.key = key;
    this.names = null;
  }

  build(place) {
    this.head = el("header");
    const grid = el("div", { class_: "charts" });
    for (const channel of place.channels) {
      const box = el("article", { "data-channel": nameOf(channel) });
      const head = el("div");
      const plot = el("div", { class_: "plot" });
      box.append(head, plot);
      grid.append(box);
      this.charts.set(nameOf(channel), { box, head, chart: new Chart(plot, channel) });
    }
    const empty = el("div", { class_: "empty" }, el("b", {}, nothing(place)), place.condition === "silent" ? texts.no_channels_do : null);
    this.panel.replaceChildren(this.head, place.channels.length ? grid : empty);
    this.load();
  }

  header(place, now) {
    const facts = [named(place.unit_name), texts.kinds[place.kind] ?? place.kind, place.grid_names.map(named).join(" / "), place.profile];
    if (place.state !== "accepted") facts.push(texts.place_states[place.state] ?? place.state);
    const seen = place.received_at === null ? texts.never : `${texts.updated} ${ago(place.received_at, now)}`;
    const from = now - 24 * 3600000;
    const query = new URLSearchParams({ ...(place.id ? { place: place.id } : { device: place.devices[0] }), from, format: "csv", limit: 10000 });
    return [
      el("button", { type: "button", class_: "quiet back", onclick: this.back }, `‹ ${texts.back}`),
      el("div", { class_: "line" }, el("h2", {}, named(place.name)), el("span", { class_: `pill ${place.condition}` }, texts.conditions[place.condition]),
        place.channels.length ? el("a", { class_: "right", href: `/api/v1/readings?${query}`, download: `${place.id || place.devices[0]}-24h.csv` }, `↓ ${texts.export}`) : null),
      el("p", { class_: "facts" }, [...facts.filter(Boolean), `${texts.devices} ${place.devices.join(", ") || "–"}`, seen].join(" · ")),
    ];
  }

  update(channel, now) {
    const { box, head, chart } = this.charts.get(nameOf(channel));
    const unit = unitOf(channel.parameter);
    const allowed = limits(channel.low, channel.high);
    const source = channel.source ? ` (${channel.source})` : "";
    box.className = `chart ${channel.verdict}`;
    head.replaceChildren(
      el("div", { class_: "head" }, el("h3", {}, titleOf(channel.parameter, channel.point)), el("span", { class_: "now" }, shown(channel.parameter, channel.value), el("i", {}, unit))),
      el("div", { class_: "sub" }, el("span", {}, allowed ? `${texts.limit} ${allowed} ${unit}${source}` : texts.no_limit), el("span", { class_: "verdict" }, channel.verdict === "none" ? "" : verdictOf(channel))));
    return chart.follow(channel, now);
  }

  /** Ask for the last 24 hours of every channel; one after the other, the gateway has other work as well. */
  async load() {
    const key = this.key;
    this.asked = Date.now();
    for (const { chart } of [...this.charts.values()]) {
      const { device, point, parameter } = chart.channel;
      try {
        const series = await ask(`/api/v1/series?${new URLSearchParams({ device, point, parameter })}`);
        if (this.key !== key) return;
        chart.show(series);
      } catch {
        chart.say(texts.chart_failed);
      }
    }
  }
}

const nameOf = (channel) => `${channel.device}/${channel.point}/${channel.parameter}`;
