// Asks for the overview every two seconds while the page is seen, and shows it.

import { Account } from "./account.js";
import { ago, ask, byId, fill, language, loadCatalogue, moment, texts } from "./page.js";
import { Detail, showList } from "./places.js";
import { openParked, showAlerts, showCounters, showFlow, showParked, showRunning, showTiles } from "./side.js";

const EVERY_MS = 2000;
const PER_PAGE = matchMedia("(max-width: 760px)").matches ? 15 : 40;

const view = { page: 0, q: "", show: "all", chosen: null, newest: null, at: 0, catalogue: false };
const narrow = matchMedia("(max-width: 760px)");
const account = new Account(() => refresh());
const detail = new Detail(() => choose(null));
let timer = 0;
let asking = 0;

async function refresh() {
  clearTimeout(timer);
  const turn = (asking += 1);
  try {
    if (!view.catalogue) {
      await loadCatalogue();
      view.catalogue = true;
    }
    const query = new URLSearchParams({ page: view.page, limit: PER_PAGE, q: view.q, show: view.show });
    if (view.chosen !== null) query.set("selected", view.chosen);
    const found = await ask(`/api/v1/overview?${query}`);
    if (turn !== asking) return;
    view.newest = found;
    view.at = Date.now();
    byId("lost").hidden = true;
    byId("shut").hidden = true;
    byId("main").hidden = false;
    account.show(found.me);
    show(found);
  } catch (error) {
    if (turn !== asking) return;
    if (error.status === 401) shut();
    else if (error.status === 403) account.openChange(true);
    else lost();
  }
  if (turn === asking && !document.hidden) timer = setTimeout(refresh, EVERY_MS);
}

function show(found) {
  view.page = found.places.page;
  if (view.chosen === null && !narrow.matches && found.places.items.length) {
    view.chosen = found.places.items[0].key;
    found.selected = found.places.items[0];
  }
  byId("clock").textContent = moment(found.now);
  byId("clock").dateTime = new Date(found.now).toISOString();
  showRunning(found.followers);
  showTiles(found, filterBy, view.show);
  showList(found, view.chosen, choose, reset);
  detail.show(found.selected, found.now, found.places.total);
  byId("columns").classList.toggle("chosen", view.chosen !== null && found.selected !== null);
  showAlerts(found.alerts, found.now, choose);
  showFlow(found.followers);
  showParked(found.parked, openParked);
  showCounters(found.report);
}

function shut() {
  byId("main").hidden = true;
  byId("shut").hidden = false;
  account.need();
}

function lost() {
  const banner = byId("lost");
  banner.textContent = fill(texts.lost, { ago: view.at ? ago(view.at, Date.now()) : "–" });
  banner.hidden = false;
}

function choose(key) {
  view.chosen = key;
  if (narrow.matches) scrollTo(0, 0);
  if (key === null) byId("columns").classList.remove("chosen");
  refresh();
}

function filterBy(condition) {
  view.show = condition;
  view.page = 0;
  for (const button of byId("show").children) button.setAttribute("aria-pressed", String(button.dataset.show === condition));
  refresh();
}

function reset() {
  byId("filter").value = "";
  view.q = "";
  filterBy("all");
}

function turnPage(by) {
  view.page += by;
  byId("places").scrollTop = 0;
  refresh();
}

let typing = 0;
byId("filter").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    view.q = event.target.value.trim();
    view.page = 0;
    refresh();
  }, 200);
});
byId("show").addEventListener("click", (event) => {
  if (event.target.dataset.show) filterBy(event.target.dataset.show);
});
byId("previous").addEventListener("click", () => turnPage(-1));
byId("next").addEventListener("click", () => turnPage(1));
byId("language").addEventListener("click", (event) => {
  document.cookie = `hygeia_lang=${event.currentTarget.dataset.code}; path=/; max-age=31536000; SameSite=Strict`;
  location.assign("/");
});
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("hygeia_theme", root.dataset.theme);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else refresh();
});
document.documentElement.dataset.ready = language;
refresh();
