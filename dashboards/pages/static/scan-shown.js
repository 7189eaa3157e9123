// How recorded events are shown: what, when, and what became of them.

import { flagOf, stepOf } from "./custody-words.js";
import { clock, count, day, el, fill, texts } from "./page.js";
import { shownWeight } from "./scan-form.js";
import { isSerious } from "./scan-queue.js";

const words = texts.scan;
const MOST = 50;
const looks = { 0: "ok", 1: "ok", 2: "out", 3: "out" };

/** Those that wait and those that somebody must look at first, then the newest. */
export function shownEvents(entries, seen) {
  const rank = (one) => (isSerious(one) ? 0 : one.answer === null ? 1 : 2);
  const sorted = [...entries].sort((a, b) => rank(a) - rank(b) || b.n - a.n);
  const urgent = sorted.filter((one) => rank(one) < 2).length;
  const rows = sorted.slice(0, Math.max(MOST, urgent)).map((one) => row(one, seen));
  return rows.length ? rows : [el("li", { class_: "calm" }, words.nothing_recorded)];
}

function row(entry, seen) {
  const { event, answer } = entry;
  const fate = answer === null ? words.fates.waiting : words.fates[answer.code];
  const what = event.ids.length ? named(event.ids) : event.parent?.v ?? event.manifest ?? event.vehicle ?? event.of;
  const small = [event.ids.length && event.manifest, event.with ? fill(words.handed, { by: event.by?.badge ?? "–", with: event.with.badge }) : event.by?.badge, shownWeight(event), entry.device];
  return el("li", { class_: `entry ${answer === null ? "open" : looks[answer.code]}`, "data-seq": event.seq, "data-fate": answer === null ? "waiting" : answer.code },
    el("div", { class_: "line" }, el("b", {}, stepOf(event.step)), el("span", { class_: `pill ${answer === null ? "behind" : looks[answer.code]}` }, fate), el("time", {}, `${day(event.ts)} ${clock(event.ts)}`)),
    el("div", { class_: "what" }, what),
    el("small", {}, small.filter(Boolean).join(" · ")),
    answer?.code > 1 ? el("p", { class_: "said" }, texts.reasons[answer.reason] ?? words.reasons[answer.reason] ?? answer.reason) : null,
    answer?.flags.length ? el("p", { class_: "said flags" }, `△ ${answer.flags.map(flagOf).join(" · ")}`) : null,
    isSerious(entry) ? el("button", { type: "button", onclick: () => seen(entry) }, words.seen) : null);
}

const named = (ids) => (ids.length > 3 ? fill(words.and_more, { ids: ids.slice(0, 2).map((one) => one.v).join(", "), n: count(ids.length - 2) }) : ids.map((one) => one.v).join(", "));
