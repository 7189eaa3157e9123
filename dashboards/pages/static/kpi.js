// Figures of the alert system: how many alarms, how they were kept up with, and what makes most of them.

import { addressOf, duration, severityOf } from "./alert-words.js";
import { svg } from "./chart.js";
import { followToDo, Frame } from "./frame.js";
import { ask, byId, count, el, fill, moment, named, texts, titleOf } from "./page.js";

const EVERY_MS = 30000;
const words = texts.kpi;
let hours = 24;
const frame = new Frame(EVERY_MS, load, show);

async function load() {
  const [me, figures] = await Promise.all([ask("/api/v1/me"), ask(`/api/v1/kpi?hours=${hours}`)]);
  return { me, figures, now: figures.now };
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
const maybe = (ms) => (ms === null ? "–" : duration(ms));
const ruleOf = (one) => named(one.title) || texts.rules[one.name?.split("/")[1] ?? one.rule?.split("/")[1]] || one.name || one.rule;

function show({ figures }) {
  byId("span").textContent = `${moment(figures.start)} – ${moment(figures.end)}`;
  byId("figures").replaceChildren(...tiles(figures));
  distribution(figures);
  byId("distribution-words").textContent = fill(words.percentiles, { p50: count(figures.p50), p95: count(figures.p95), most: count(figures.most), slots: count(figures.slots) });
  fillWith("severities", figures.severities.map((one) => bar(severityOf(one.name), one)));
  fillWith("floods", figures.floods.slice(-12).reverse().map((one) => el("tr", {}, el("td", {}, moment(one.start)), el("td", {}, duration(one.end - one.start)), el("td", { class_: "number" }, fill(words.flood_most, { n: count(one.most) })))), words.no_floods);
  fillWith("top-rules", figures.top_rules.map((one) => bar(el("span", {}, ruleOf(one), el("small", {}, one.name)), one)));
  fillWith("top-places", figures.top_places.map((one) => bar(el("span", {}, named(one.title) || one.name || texts.gateway), one)));
  byId("top-words").textContent = fill(words.top_rules_hint, { share: percent(figures.top_share) });
  fillWith("chattering", figures.chattering.items.map((one) => el("tr", {}, el("td", {}, named(one.place_title) || one.place || one.device, el("small", {}, [one.parameter ? titleOf(one.parameter, one.point) : "", ruleOf(one)].filter(Boolean).join(" · "))), el("td", { class_: "number" }, fill(words.times, { n: count(one.count) })))), words.no_chattering);
  fillWith("stale", figures.stale.items.map((one) => el("tr", {}, el("td", {}, severityOf(one.severity), " ", el("a", { href: addressOf(one.id) }, named(one.place_title) || one.place || one.device || texts.gateway), el("small", {}, [one.parameter ? titleOf(one.parameter, one.point) : "", ruleOf(one)].filter(Boolean).join(" · "))), el("td", { class_: "number" }, duration(figures.now - one.fired_at)))), words.no_stale);
  for (const name of ["districts", "units"]) groups(name, figures[name]);
}

function tiles(figures) {
  const { answering } = figures;
  const flooded = figures.flood_share > 0.01;
  return [
    ["alarms", count(figures.alarms), fill(words.per_day, { n: (figures.alarms / Math.max(1 / 24, (figures.end - figures.start) / 86400000)).toFixed(1) }), false],
    ["median", maybe(answering.median_ms), fill(words.p90, { p90: maybe(answering.p90_ms) }), false],
    ["waiting", count(answering.waiting), fill(words.of_alerts, { n: count(answering.waiting + answering.acknowledged) }), answering.waiting > 0],
    ["flood", percent(figures.flood_share), fill(words.flood_hint, { time: duration(figures.flood_ms) }), flooded],
    ["chattering", count(figures.chattering.total), words.chattering_short, figures.chattering.total > 0],
    ["stale", count(figures.stale.total), words.stale_short, figures.stale.total > 0],
  ].map(([name, value, hint, bad]) => el("div", { class_: `tile figure${bad ? " bad" : ""}`, "data-figure": name }, el("b", {}, value), el("span", {}, words.tiles[name]), el("small", {}, hint)));
}

/** Slots of ten minutes by the alarms in them; the slots without any are said in words, they would dwarf the rest. */
function distribution(figures) {
  const bins = figures.distribution.map(([low, high, slots]) => ({ name: high === null ? `≥ ${low}` : low === high ? String(low) : `${low}–${high}`, slots, flood: low >= 10 }));
  const plot = byId("distribution");
  const width = Math.max(300, plot.clientWidth || 600);
  const height = 170;
  const step = width / bins.length;
  const most = Math.max(1, ...bins.map((one) => Math.log10(1 + one.slots)));
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": bins.map((one) => `${one.name}: ${one.slots}`).join(", ") });
  bins.forEach((one, i) => {
    const tall = (Math.log10(1 + one.slots) / most) * (height - 54);
    const x = i * step + step * 0.16;
    drawn.append(
      svg("rect", { class: one.flood ? "bar flood" : "bar", x, y: height - 34 - tall, width: step * 0.68, height: Math.max(tall, one.slots ? 2 : 0) }),
      svg("text", { class: "figure", x: x + step * 0.34, y: height - 39 - tall, "text-anchor": "middle" }, one.slots ? count(one.slots) : ""),
      svg("text", { x: x + step * 0.34, y: height - 18, "text-anchor": "middle" }, one.name),
    );
  });
  drawn.append(svg("line", { x1: 0, x2: width, y1: height - 33.5, y2: height - 33.5 }), svg("text", { x: width / 2, y: height - 2, "text-anchor": "middle" }, words.axis));
  plot.replaceChildren(drawn);
}

function bar(name, one) {
  const line = el("meter", { min: 0, max: 1, value: one.share.toFixed(4) });
  return el("tr", {}, el("td", {}, name, line), el("td", { class_: "number" }, count(one.count), el("small", {}, percent(one.share))));
}

function fillWith(id, rows, none = words.none) {
  byId(id).replaceChildren(rows.length ? el("table", {}, ...rows) : el("p", { class_: "calm" }, none));
}

function groups(id, items) {
  const head = el("tr", {}, ...words.group_columns.map((name, i) => el("th", { class_: i ? "number" : null }, name)));
  const rows = items.slice(0, 30).map((one) => el("tr", {}, el("td", {}, named(one.title) || one.name || words.without), ...[count(one.alarms), count(one.answering.waiting), maybe(one.answering.median_ms), maybe(one.answering.p90_ms), count(one.stale)].map((value) => el("td", { class_: "number" }, value))));
  fillWith(id, rows.length ? [head, ...rows] : []);
}

byId("periods").addEventListener("click", (event) => {
  if (!event.target.dataset.hours) return;
  hours = Number(event.target.dataset.hours);
  for (const button of byId("periods").children) button.setAttribute("aria-pressed", String(button === event.target));
  frame.refresh();
});
addEventListener("resize", () => frame.refresh());
frame.refresh();
followToDo();
