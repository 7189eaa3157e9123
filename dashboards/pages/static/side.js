// Tiles above, and the column with alerts, the flow of data, parked messages and counters.

import { addressOf, isLimit, limitOf, placeOf, ruleOf, severityOf, stateOf, valueOf } from "./alert-words.js";
import { ago, ask, byId, count, el, fill, moment, texts, titleOf } from "./page.js";

const order = ["down", "held", "behind", "ok"];

export function showTiles(document_, filter, show) {
  const { places, alerts, parked, followers } = document_;
  const behind = followers.store?.behind;
  const tiles = [
    ["places", places.total, "all"],
    ["out", places.counts.out, "out"],
    ["silent", places.counts.silent, "silent"],
    ["alerts", alerts.total, "#alerts"],
    ["parked", parked.total, "#parked"],
    ["behind", behind, "#flow"],
  ];
  byId("tiles").replaceChildren(...tiles.filter(([, value]) => value !== undefined).map(([name, value, condition]) => {
    const parts = [el("b", {}, count(value)), el("span", {}, texts.tiles[name]), el("small", {}, texts.tile_hints[name])];
    const class_ = `tile ${name}${value === 0 ? " zero" : ""}`;
    if (condition.startsWith("#")) return el("a", { class_, "data-tile": name, href: condition }, ...parts);
    const pressed = condition === show && condition !== "all" ? "true" : "false";
    return el("button", { type: "button", class_, "data-tile": name, "aria-pressed": pressed, onclick: () => filter(condition) }, ...parts);
  }));
}

export function showRunning(followers) {
  const states = Object.values(followers).map((one) => one.state);
  const worst = order.find((state) => states.includes(state)) ?? "ok";
  const pill = byId("running");
  pill.className = `pill ${worst}`;
  pill.textContent = texts.running[worst];
  pill.hidden = false;
}

export function showAlerts(alerts, now) {
  byId("alerts-count").textContent = alerts.total ? count(alerts.total) : "";
  const rows = alerts.items.map((alert) => alertRow(alert, now));
  if (!rows.length) rows.push(el("p", { class_: "calm" }, texts.no_alerts));
  if (alerts.total > alerts.items.length) rows.push(el("p", { class_: "calm" }, fill(texts.more_alerts, { n: count(alerts.total - alerts.items.length) })));
  byId("alerts").querySelector(".body").replaceChildren(...rows);
}

/** An alert as one row that leads to its page. */
export function alertRow(alert, now) {
  const what = el("span", { class_: "what" });
  if (alert.parameter) what.append(`${titleOf(alert.parameter, alert.point)} `);
  if (isLimit(alert)) what.append(el("em", {}, valueOf(alert)), ` · ${texts.limit_value} ${limitOf(alert)}`);
  else what.append(ruleOf(alert));
  return el("a", { class_: "alert", "data-alert": alert.id, href: addressOf(alert.id), title: ruleOf(alert) },
    el("div", { class_: "line" }, severityOf(alert.severity), el("b", {}, placeOf(alert)), el("time", { title: moment(alert.since) }, ago(alert.since, now))),
    what,
    el("small", {}, isLimit(alert) ? `${ruleOf(alert)} · ${stateOf(alert.state)}` : stateOf(alert.state)));
}

export function showFlow(followers) {
  const rows = Object.entries(followers).map(([name, lag]) => el("tr", { "data-follower": name },
    el("td", {}, texts.followers[name] ?? name, lag.words ? el("small", {}, lag.words) : null),
    el("td", { class_: "number" }, lag.behind ? `${fill(texts.behind_n, { n: count(lag.behind) })} ` : "", el("span", { class_: `pill ${lag.state}` }, texts.follower_states[lag.state]))));
  byId("flow").querySelector(".body").replaceChildren(el("table", {}, ...rows));
}

export function showParked(parked, open) {
  byId("parked-count").textContent = parked.total ? count(parked.total) : "";
  const body = byId("parked").querySelector(".body");
  if (!parked.total) {
    body.replaceChildren(el("p", { class_: "calm" }, texts.no_parked));
    return;
  }
  const rows = Object.entries(parked.by_reason).sort((a, b) => b[1] - a[1]).map(([reason, number]) => el("tr", { "data-reason": reason }, el("td", {}, texts.reasons[reason] ?? reason), el("td", { class_: "number" }, count(number))));
  body.replaceChildren(el("table", {}, ...rows), el("button", { type: "button", onclick: open }, texts.show_parked));
}

export function showCounters(report) {
  const panel = byId("counters");
  panel.hidden = report === null;
  if (report === null) return;
  const rows = Object.entries(texts.report).filter(([name]) => report[name] !== null && report[name] !== undefined);
  panel.querySelector(".body").replaceChildren(el("table", {}, ...rows.map(([name, words]) => el("tr", { "data-counter": name }, el("td", {}, words), el("td", { class_: "number" }, count(report[name]))))));
}

export async function openParked() {
  const names = texts.parked_columns;
  const found = await ask("/api/v1/parked?order=desc&limit=50");
  const rows = found.items.map((item) => el("tr", {},
    el("td", {}, moment(item.received_at)),
    el("td", {}, item.device || "–", el("small", {}, item.topic)),
    el("td", {}, texts.reasons[item.reason] ?? item.reason),
    el("td", {}, wordsOf(item.detail))));
  byId("parked-rows").replaceChildren(el("table", {}, el("tr", {}, ...Object.values(names).map((name) => el("th", {}, name))), ...rows));
  byId("parked-list").showModal();
}

function wordsOf(detail) {
  if (detail.words) return detail.words;
  return (detail.refusals ?? []).map((one) => `${one.key ?? ""} ${one.raw ?? ""} ${texts.reasons[one.reason] ?? one.reason ?? one.words ?? ""}`.trim()).join("; ");
}

