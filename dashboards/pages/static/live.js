// Asks for the overview every two seconds while the page is seen, and shows it.

import { followToDo, Frame } from "./frame.js";
import { ask, byId } from "./page.js";
import { Detail, showList } from "./places.js";
import { openParked, showAlerts, showCounters, showFlow, showParked, showRunning, showTiles } from "./side.js";

const EVERY_MS = 2000;
const PER_PAGE = matchMedia("(max-width: 760px)").matches ? 15 : 40;

const view = { page: 0, q: "", show: "all", chosen: new URLSearchParams(location.hash.slice(1)).get("place") };
const narrow = matchMedia("(max-width: 760px)");
const frame = new Frame(EVERY_MS, load, show);
const detail = new Detail(() => choose(null));
const refresh = () => frame.refresh();

function load() {
  const query = new URLSearchParams({ page: view.page, limit: PER_PAGE, q: view.q, show: view.show });
  if (view.chosen !== null) query.set("selected", view.chosen);
  return ask(`/api/v1/overview?${query}`);
}

function show(found) {
  view.page = found.places.page;
  if (view.chosen === null && !narrow.matches && found.places.items.length) {
    view.chosen = found.places.items[0].key;
    found.selected = found.places.items[0];
  }
  showRunning(found.followers);
  showTiles(found, filterBy, view.show);
  showList(found, view.chosen, choose, reset);
  detail.show(found.selected, found.now, found.places.total);
  byId("columns").classList.toggle("chosen", view.chosen !== null && found.selected !== null);
  showAlerts(found.alerts, found.now);
  showFlow(found.followers);
  showParked(found.parked, openParked);
  showCounters(found.report);
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
refresh();
followToDo();
