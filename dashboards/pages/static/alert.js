// One alert: what is wrong, the readings around it, what was done and by whom, who was told, and what caused it.

import { Acts } from "./alert-acts.js";
import { Around } from "./alert-chart.js";
import { addressOf, duration, limitOf, placeOf, ruleOf, sentence, severityOf, stateOf, valueOf, whoOf } from "./alert-words.js";
import { followToDo, Frame } from "./frame.js";
import { ago, ask, byId, el, fill, moment, named, texts, titleOf } from "./page.js";

const EVERY_MS = 5000;
const id = decodeURIComponent(location.pathname.split("/").at(-1));
const around = new Around();
const frame = new Frame(EVERY_MS, load, show);
const acts = new Acts(() => frame.refresh(), () => frame.account.press());
const drawn = new Map();

async function load() {
  const [me, alert] = await Promise.all([
    ask("/api/v1/me"),
    ask(`/api/v1/alerts/${encodeURIComponent(id)}`).catch((error) => {
      if (error.status === 404) return null;
      throw error;
    }),
  ]);
  return { me, alert, now: alert === null ? Date.now() : alert.now };
}

function show({ alert, me, now }) {
  byId("absent").hidden = alert !== null;
  document.querySelector(".sheet").hidden = alert === null;
  if (alert === null) return;
  document.title = `${placeOf(alert)} · ${ruleOf(alert)} · Hygeia`;
  byId("headline").replaceChildren(...headline(alert, now));
  acts.show(alert, me);
  around.show(alert);
  keep("steps", byId("steps").querySelector("ol"), [alert.transitions, alert.names], () => steps(alert));
  keep("told", body("told"), [alert.deliveries, alert.names], () => told(alert));
  keep("facts", body("facts"), [alert.assigned_to, alert.held_by, alert.shelved_until, alert.limit_verified, alert.acknowledged_by, alert.state], () => [facts(alert)]);
  keep("sessions", body("sessions"), [alert.sessions, alert.names], () => sessions(alert));
  keep("records", body("records"), alert.records, () => records(alert));
  byId("findings").hidden = alert.findings.length === 0;
  keep("findings", body("findings"), alert.findings, () => findings(alert));
}

const body = (name) => byId(name).querySelector(".body");

/** Draws a part anew only where what it shows has changed, so that what a reader opened or chose stays. */
function keep(name, target, value, make) {
  const said = JSON.stringify(value);
  if (drawn.get(name) === said) return;
  drawn.set(name, said);
  target.replaceChildren(...make());
}

function headline(alert, now) {
  const over = alert.cleared_at ?? alert.closed_at;
  const times = [el("span", {}, `${texts.since} ${moment(alert.since)} (${ago(alert.since, now)})`)];
  if (alert.cleared_at) times.push(el("span", {}, `${texts.cleared_at} ${moment(alert.cleared_at)}`));
  times.push(el("span", {}, `${over ? texts.lasted : texts.stands_for} ${duration((over ?? now) - alert.since)}`));
  const where = [named(alert.unit_name), alert.grid_names.map(named).join(" / "), alert.device].filter(Boolean).join(" · ");
  return [
    el("div", { class_: "line" }, severityOf(alert.severity), el("span", { class_: "pill state" }, stateOf(alert.state)), el("span", { class_: "rule" }, ruleOf(alert))),
    el("p", { class_: "wrong-is" }, sentence(alert)),
    el("p", { class_: "sub" }, where),
    el("p", { class_: "sub times" }, ...times),
    alert.limit_value !== null && ["", "limit"].includes(alert.kind) ? el("p", { class_: "lead" }, texts.lead) : null,
  ].filter((one) => one !== null);
}

function steps(alert) {
  return [...alert.transitions].reverse().map((step) => el("li", { class_: step.event },
    el("time", { datetime: new Date(step.at).toISOString() }, moment(step.at)),
    el("div", {},
      el("b", {}, texts.events[step.event] ?? step.event), step.to_state !== step.from_state ? el("span", { class_: "pill" }, stateOf(step.to_state)) : null, " ",
      el("span", { class_: "who" }, whoOf(step.by, alert.names)),
      el("p", {}, [reasonOf(step), step.event === "fired" && step.value !== null ? valueOf(alert, step.value) : ""].filter(Boolean).join(" · ")),
      step.comment ? el("blockquote", {}, step.comment) : null,
      step.file ? el("a", { href: `/api/v1/files/${step.file}`, download: step.file.slice(0, 12) }, `↓ ${texts.attached} · `) : null,
      el("small", {}, `${texts.record} ${step.offset}`))));
}

/** Why it moved, where that says more than what happened. */
function reasonOf(step) {
  const words = texts.alert_reasons[step.reason] ?? step.reason;
  return words.toLowerCase() === (texts.events[step.event] ?? "").toLowerCase() ? "" : words;
}

function told(alert) {
  if (!alert.deliveries.length) return [el("p", { class_: "calm" }, texts.nobody_told)];
  return [el("table", {}, ...[...alert.deliveries].reverse().map((one) => el("tr", { class_: one.state },
    el("td", {}, one.person ? whoOf(`person:${one.person}`, alert.names) : one.channel, el("small", {}, [one.person ? one.channel : "", texts.events[one.event] ?? one.event, moment(one.created_at)].filter(Boolean).join(" · ")), one.last_error ? el("small", { class_: "failed" }, one.last_error) : null),
    el("td", { class_: "number" }, el("span", { class_: `pill ${{ delivered: "ok", dead: "out", refused: "out" }[one.state] ?? ""}` }, texts.delivery_states[one.state] ?? one.state), one.tries > 1 ? el("small", {}, fill(texts.tries, { n: one.tries })) : null))))];
}

function facts(alert) {
  const source = alert.limit_source ? [alert.limit_source, alert.limit_verified ? null : el("span", { class_: "pill held" }, texts.to_be_confirmed)].filter(Boolean) : [];
  const held = alert.held_by.startsWith("alert:") ? [el("a", { href: addressOf(alert.held_by.slice(6)) }, texts.held_alert)] : [alert.held_by.startsWith("maintenance:") ? texts.held_maintenance : alert.held_by];
  const place = alert.place ? [el("a", { href: `/#place=${encodeURIComponent(alert.place)}` }, `${placeOf(alert)} ›`)] : [placeOf(alert)];
  const rows = [
    [texts.place, place],
    [texts.custody.container, aboutContainer(alert) ? [el("a", { href: `/custody/${encodeURIComponent(alert.point)}` }, `${alert.point} ›`)] : [""]],
    [texts.parameter, [alert.parameter ? titleOf(alert.parameter, alert.point) : ""]],
    [texts.value, [[valueOf(alert), alert.cleared_at && alert.value !== null ? `→ ${valueOf(alert, alert.value)}` : ""].filter(Boolean).join(" ")]],
    [texts.limit_value, [limitOf(alert)]],
    [texts.limit_source, source],
    [texts.assigned_to, [alert.assigned_to ? whoOf(alert.assigned_to, alert.names) : ""]],
    [texts.acknowledged_by, [alert.acknowledged_by ? `${whoOf(alert.acknowledged_by, alert.names)}${alert.acknowledged_at ? ` · ${moment(alert.acknowledged_at)}` : ""}` : ""]],
    [texts.shelved_until, [alert.shelved_until && alert.state === "shelved" ? moment(alert.shelved_until) : ""]],
    [texts.held_by, held],
    [texts.rule, [`${alert.pack} / ${alert.rule}`]],
    [texts.decided_by, [`Hygeia ${alert.version} · ${texts.pack} ${alert.pack_digest.slice(0, 12) || "–"} · ${texts.registry_version} ${alert.registry_version}`]],
    [texts.alert_id, [alert.id]],
  ];
  return el("dl", {}, ...rows.filter(([, parts]) => parts.some((part) => part !== "")).flatMap(([name, parts]) => [el("dt", {}, name), el("dd", {}, ...parts)]));
}

/** Alerts of custody name a container by its bare id; what else they are about has a word in front. */
const aboutContainer = (alert) => alert.parameter.startsWith("custody.") && !/^(department|manifest|balance|event):/.test(alert.point);

function sessions(alert) {
  if (!alert.sessions.length) return [el("p", { class_: "calm" }, texts.no_sessions)];
  return [el("table", {}, ...alert.sessions.map((one) => el("tr", {},
    el("td", {}, el("b", {}, texts.session_kinds[one.kind] ?? one.kind), el("small", {}, `${moment(one.opened_at)} – ${moment(one.closed_at ?? one.until)} · ${whoOf(one.opened_by, alert.names)}`), one.comment ? el("small", {}, one.comment) : null),
    el("td", { class_: "number" }, el("span", { class_: `pill ${one.closed_at === null ? "held" : ""}` }, one.closed_at === null ? texts.session_open : texts.session_closed)))))];
}

function findings(alert) {
  return [el("p", { class_: "calm" }, texts.findings_hint), el("table", {}, ...alert.findings.map((one) => el("tr", {}, el("td", {}, moment(one.ts)), el("td", { class_: "number" }, valueOf(alert, one.value)))))];
}

function records(alert) {
  const kept = alert.records.filter((one) => one.kind === "message" || one.payload_b64 !== null);
  if (!kept.length) return [el("p", { class_: "calm" }, texts.no_records)];
  return kept.map((one) => el("details", {},
    el("summary", {}, `${texts.record} ${one.offset} · ${moment(one.received_at ?? one.at)}`),
    one.topic ? el("p", { class_: "sub" }, one.topic) : null,
    one.payload_b64 === null ? el("p", { class_: "calm" }, texts.payload_gone) : el("pre", {}, readable(one.payload_b64))));
}

/** Bytes as a person reads them: JSON with line breaks, text as it is, anything else in hex. */
function readable(base64) {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  } catch {
    return [...bytes].map((one) => one.toString(16).padStart(2, "0")).join(" ");
  }
}

frame.refresh();
followToDo();
