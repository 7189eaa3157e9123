// One container: what it is now or was known to be, what happened to it, its weights, its proofs, and alerts about it.

import { addressOf, duration, severityOf, stateOf as alertState } from "./alert-words.js";
import { agePill, categoryOf, flagOf, kg, manifestOf, nameIn, partyOf, quantityOf, signed, statePill, stepOf, traceOf, weight, words } from "./custody-words.js";
import { followToDo, Frame } from "./frame.js";
import { ago, ask, byId, count, el, fill, moment, named, texts } from "./page.js";
import { drawWeights } from "./weights.js";

const EVERY_MS = 5000;
/** Differences between the two clocks below this are what a network takes. */
const PROMPT_MS = 60000;
const id = decodeURIComponent(location.pathname.split("/").at(-1));
const drawn = new Map();
let moments = [];
/** Which of the moments is shown; null = now. */
let chosen = null;
const frame = new Frame(EVERY_MS, load, show);

async function load() {
  const at = chosen === null ? "" : `?as_known_at=${moments[chosen]}`;
  try {
    return await ask(`/api/v1/custody-trace/${encodeURIComponent(id)}${at}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    const me = await ask("/api/v1/me");
    return { me, now: Date.now(), absent: true };
  }
}

function show(found) {
  byId("absent").hidden = !found.absent;
  byId("found").hidden = Boolean(found.absent);
  if (found.absent) return;
  known(found);
  const one = found.container;
  byId("unknown").hidden = one !== null;
  byId("content").hidden = one === null;
  byId("headline").hidden = one === null;
  if (one === null) return;
  document.title = `${one.id} · Hygeia`;
  byId("headline").replaceChildren(...headline(found));
  keep("timeline", byId("timeline").querySelector("ol"), [found.events, found.names], () => timeline(found));
  keep("weights", body("weights"), [found.weighings, found.differences], () => weighings(found));
  byId("differences").hidden = found.differences.length === 0;
  keep("differences", body("differences"), found.differences, () => differences(found));
  keep("facts", body("facts"), [one, found.names], () => [facts(found)]);
  keep("proof", body("proof"), found.proof, () => proof(found));
  keep("about", body("about"), found.alerts, () => alerts(found));
}

const body = (name) => byId(name).querySelector(".body");

/** Draws a part anew only where what it shows has changed, so that what a reader chose or opened stays. */
function keep(name, target, value, make) {
  const said = JSON.stringify([name === "facts" ? { ...value[0], age_ms: 0 } : value, name === "facts" ? value[1] : 0]);
  if (drawn.get(name) === said) return;
  drawn.set(name, said);
  target.replaceChildren(...make().filter((part) => part !== null && part !== undefined));
}

function known(found) {
  const last = found.moments.length - 1;
  moments = found.moments;
  const slider = byId("moment");
  slider.max = String(Math.max(0, last));
  if (chosen === null) slider.value = slider.max;
  slider.disabled = last < 1;
  const at = chosen === null ? last : chosen;
  byId("moment-words").textContent = fill(words.known_of, { n: count(at + 1), all: count(last + 1), at: moments.length ? moment(moments[at]) : "–" });
  byId("moment-now").hidden = chosen === null;
  byId("known").hidden = last < 1;
}

function headline(found) {
  const one = found.container;
  const names = found.names;
  const next = one.limits.find((limit) => one.age_ms !== null && one.age_ms < limit.after_ms)?.after_ms;
  const where = [nameIn(names.places, one.place), nameIn(names.units, one.holder) ? `${words.holder} ${nameIn(names.units, one.holder)}` : ""].filter(Boolean).join(" · ");
  const from = [nameIn(names.units, one.unit), nameIn(names.places, one.department)].filter(Boolean).join(" · ");
  const matters = one.conditions.map((matter) => el("span", { class_: `pill ${["custody.missing", "custody.surplus"].includes(matter.quantity) ? "out" : "held"}`, title: fill(words.since, { at: moment(matter.at) }) }, `${quantityOf(matter.quantity)} · ${ago(matter.at, found.now)}`));
  return [
    el("div", { class_: "line" }, statePill(one.state), el("span", { class_: "pill" }, categoryOf(one.category)), agePill(one.age_ms, one.level, next, one.limits.at(-1)?.after_ms)),
    el("p", { class_: "name" }, one.id),
    el("p", { class_: "wrong-is" }, [where, one.net_g === null ? words.no_weight : weight(one.net_g)].filter(Boolean).join(" · ")),
    from ? el("p", { class_: "sub" }, `${words.producer} ${from}`) : null,
    el("div", { class_: "matters" }, ...(matters.length ? matters : [el("span", { class_: "sub" }, words.no_conditions)])),
  ].filter((part) => part !== null);
}

function timeline(found) {
  const parts = [];
  let cycle = found.events[0]?.cycle ?? 0;
  for (const event of found.events) {
    if (event.cycle !== cycle) {
      cycle = event.cycle;
      parts.push(el("li", { class_: "cycle" }, `${words.cycle} ${count(cycle + 1)}`));
    }
    parts.push(step(event, found));
  }
  return parts;
}

function step(event, found) {
  const { names } = found;
  const late = event.received_at - event.ts;
  const kind = [event.inferred ? "inferred" : "", event.flags.length ? "flagged" : "", event.counts ? "" : "gone"].filter(Boolean).join(" ");
  const by = partyOf(event.by, names);
  const other = partyOf(event.with, names);
  const approved = partyOf(event.approved_by, names);
  const others = event.containers.filter((text) => !found.container.ids.some((own) => own.v === text));
  const lines = [
    el("span", { class_: "line" }, el("b", {}, stepOf(event.step)), event.weight?.net_g === null || event.weight === null ? null : el("span", {}, weight(event.weight.net_g)), event.inferred ? el("span", { class_: "pill", title: words.inferred_hint }, words.inferred) : null, event.counts ? null : el("span", { class_: "pill out" }, words.voided), event.signature === "good" ? el("span", { class_: "pill ok" }, words.signed) : null),
    el("span", { class_: "small" }, [nameIn(names.places, event.place), nameIn(names.units, event.unit), event.device].filter(Boolean).join(" · ")),
    by || other ? el("span", { class_: "who" }, by ? `${words.by} ` : "", by, by && other ? " → " : "", other ? `${words.with} ` : "", other) : null,
    ...event.flags.map((flag) => el("span", { class_: "pill warning" }, `△ ${flagOf(flag)}`)),
    event.of ? el("span", { class_: "small" }, fill(words.corrects, { of: event.of }), event.reason ? ` · ${words.reason}: ${event.reason}` : "", approved ? ` · ${words.approved_by} ` : "", approved) : null,
    el("span", { class_: "small" }, ...joined([
      event.parent ? [`${words.parent} `, el("a", { href: traceOf(event.parent) }, event.parent)] : null,
      event.manifest ? [`${words.manifest} `, el("a", { href: manifestOf(event.manifest) }, event.manifest)] : null,
      event.vehicle ? [`${words.vehicle} ${event.vehicle}`] : null,
      others.length ? [`+ ${count(others.length)} ${words.containers}`] : null,
      ...event.files.map((file) => [el("a", { href: `/api/v1/files/${file.sha256}`, download: file.name || file.sha256.slice(0, 12) }, `↓ ${file.name || texts.attached}`)]),
      [event.entry === null ? words.no_entry : fill(words.entry_n, { n: event.entry })],
      [fill(words.record_n, { n: event.offset })],
    ])),
  ];
  return el("li", { class_: kind, "data-offset": event.offset },
    el("span", { class_: "clocks" },
      el("time", { datetime: new Date(event.ts).toISOString(), title: words.device_clock }, moment(event.ts)),
      el("small", { title: words.gateway_clock }, `${words.gateway_clock} ${received(event)}`),
      Math.abs(late) >= PROMPT_MS ? el("small", { class_: "late" }, late > 0 ? fill(words.lag, { lag: duration(late) }) : flagOf("clock_ahead")) : null,
      event.skew_ms !== null && Math.abs(event.skew_ms) >= 1000 ? el("small", {}, fill(words.skew, { s: (event.skew_ms / 1000).toFixed(1) })) : null),
    el("span", { class_: "knot" }, el("i")),
    el("div", { class_: "what" }, ...lines.filter((line) => line !== null)));
}

/** The gateway's time, without the day where that is the terminal's own. */
function received(event) {
  const written = moment(event.received_at);
  const [date] = written.split(" ");
  return moment(event.ts).startsWith(date) ? written.slice(date.length).trim() : written;
}

/** Pieces with a dot between those that are there. */
function joined(pieces) {
  return pieces.filter((piece) => piece !== null).flatMap((piece, i) => (i ? [" · ", ...piece] : piece));
}

function weighings(found) {
  byId("weight-plot").hidden = found.weighings.length === 0;
  drawWeights(byId("weight-plot"), found.weighings, found.differences);
  if (!found.weighings.length) return [el("p", { class_: "calm" }, words.no_weights)];
  return [el("table", {}, ...found.weighings.map((one) => el("tr", {},
    el("td", {}, stepOf(one.step), el("small", {}, [moment(one.at), words.weight_modes[one.mode] ?? one.mode, one.group > 1 ? fill(words.weight_group, { n: one.group }) : ""].filter(Boolean).join(" · "))),
    el("td", { class_: "number" }, weight(one.net_g), one.gross_g === null ? null : el("small", {}, fill(words.gross_tare, { gross: kg(one.gross_g), tare: kg(one.tare_g) }))))))];
}

function differences(found) {
  return [el("table", {}, ...found.differences.map((one) => el("tr", {},
    el("td", {}, one.steps.map(stepOf).join(" → "), el("small", {}, `${kg(one.first_g)} → ${kg(one.second_g)} kg`)),
    el("td", { class_: "number" }, el("b", { class_: one.ok ? "ok-text" : "bad-text" }, `${one.ok ? "✓" : "✗"} ${signed(one.difference_g)} kg · ${one.ok ? words.within : words.beyond}`), el("small", {}, fill(words.tolerance, { g: `${kg(one.tolerance_g)} kg` }))))))];
}

function facts(found) {
  const one = found.container;
  const at = (ms) => (ms === null ? "" : moment(ms));
  const rows = [
    [words.ids, one.ids.map((own, i) => el("span", { class_: "small", title: own.uri }, `${i ? " · " : ""}${words.kinds[own.k] ?? own.k} ${own.v}`))],
    [words.producer, [nameIn(found.names.units, one.unit)]],
    [words.department, [nameIn(found.names.places, one.department)]],
    [words.holder, [nameIn(found.names.units, one.holder)]],
    [words.keeper, [one.keeper]],
    [words.net, [one.net_g === null ? "" : weight(one.net_g)]],
    [words.sealed_at, [at(one.sealed_at)]],
    [words.collected_at, [at(one.collected_at)]],
    [words.stored_at, [at(one.stored_at)]],
    [words.destroyed_at, [at(one.destroyed_at)]],
    [words.parent, one.parent ? [el("a", { href: traceOf(one.parent) }, one.parent)] : [""]],
    [words.manifest, one.manifest ? [el("a", { href: manifestOf(one.manifest) }, one.manifest)] : [""]],
    [words.vehicle, [one.vehicle]],
    [words.members, one.members.length ? one.members.flatMap((member, i) => [i ? " · " : "", el("a", { href: traceOf(member) }, member)]) : [""]],
    [words.cycle, [one.cycle ? count(one.cycle + 1) : ""]],
  ];
  return el("dl", {}, ...rows.filter(([, parts]) => parts.some((part) => part !== "")).flatMap(([name, parts]) => [el("dt", {}, name), el("dd", {}, ...parts)]));
}

function proof(found) {
  const { entries, head } = found.proof;
  const gets = el("div", { class_: "gets" }, el("a", { class_: "button", href: `/api/v1/evidence?of=${encodeURIComponent(`container:${found.container.id}`)}`, download: "" }, `↓ ${words.bundle}`), el("a", { class_: "button", href: `/api/v1/epcis?container=${encodeURIComponent(found.container.id)}`, download: "" }, `↓ ${words.epcis}`));
  if (!entries.length) return [el("p", { class_: "calm" }, words.proof_no_entries)];
  const rows = head === null ? [el("p", { class_: "calm" }, words.proof_none)] : [el("dl", {},
    el("dt", {}, words.head_code), el("dd", { class_: "code" }, head.code),
    el("dt", {}, words.head_size), el("dd", {}, count(head.size)),
    el("dt", {}, words.head_at), el("dd", {}, moment(head.at)),
    el("dt", {}, words.origin), el("dd", {}, head.origin),
    el("dt", {}, words.head_root), el("dd", { class_: "proof-root" }, head.root))];
  return [el("p", { class_: "calm" }, `${words.proof_entries}: `, el("span", { class_: "numbers" }, ...entries.map((entry) => el("span", { class_: "pill" }, `#${entry}`)))), head === null ? null : el("p", { class_: "sub" }, words.proof_head), ...rows, gets, el("p", { class_: "calm" }, words.proof_says)];
}

function alerts(found) {
  if (!found.alerts.length) return [el("p", { class_: "calm" }, words.no_alerts)];
  return [el("table", {}, ...found.alerts.map((one) => el("tr", { "data-alert": one.id },
    el("td", {}, severityOf(one.severity), " ", el("a", { href: addressOf(one.id) }, named(one.title) || quantityOf(one.parameter)), el("small", {}, moment(one.since))),
    el("td", { class_: "number" }, el("span", { class_: "pill state" }, alertState(one.state))))))];
}

let sliding = 0;
byId("moment").addEventListener("input", (event) => {
  const place = Number(event.target.value);
  chosen = place === moments.length - 1 ? null : place;
  clearTimeout(sliding);
  sliding = setTimeout(() => frame.refresh(), 120);
});
byId("moment-now").addEventListener("click", () => {
  chosen = null;
  frame.refresh();
});
addEventListener("resize", () => drawn.delete("weights"));
frame.refresh();
followToDo();
