// What all pages have around them: who is signed in, language, theme, asking again every few seconds, lost connections.

import { Account } from "./account.js";
import { ago, ask, byId, count, fill, language, loadCatalogue, moment, texts } from "./page.js";

const OPEN_EVERY_MS = 10000;

/** Asks `load` every `every` ms while the page is seen and hands the answer to `show`; `refresh` asks at once. */
export class Frame {
  constructor(every, load, show) {
    this.every = every;
    this.load = load;
    this.show = show;
    this.timer = 0;
    this.turn = 0;
    this.at = 0;
    this.catalogue = false;
    this.account = new Account(() => this.refresh());
    byId("language").addEventListener("click", (event) => {
      document.cookie = `hygeia_lang=${event.currentTarget.dataset.code}; path=/; max-age=31536000; SameSite=Strict`;
      location.assign(location.pathname + location.hash);
    });
    byId("theme").addEventListener("click", turnTheme);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(this.timer);
      else this.refresh();
    });
    document.documentElement.dataset.ready = language;
  }

  async refresh() {
    clearTimeout(this.timer);
    const turn = (this.turn += 1);
    try {
      if (!this.catalogue) {
        await loadCatalogue();
        this.catalogue = true;
      }
      const found = await this.load();
      if (turn !== this.turn) return;
      this.at = Date.now();
      byId("lost").hidden = true;
      byId("shut").hidden = true;
      byId("main").hidden = false;
      this.account.show(found.me);
      byId("clock").textContent = moment(found.now);
      byId("clock").dateTime = new Date(found.now).toISOString();
      this.show(found);
    } catch (error) {
      if (turn !== this.turn) return;
      if (error.status === 401) this.shut();
      else if (error.status === 403) this.account.openChange(true);
      else this.lost(error);
    }
    if (turn === this.turn && !document.hidden) this.timer = setTimeout(() => this.refresh(), this.every);
  }

  shut() {
    byId("main").hidden = true;
    byId("shut").hidden = false;
    this.account.need();
  }

  lost(error) {
    if (error.status === undefined && !(error instanceof TypeError)) console.error(error);
    const banner = byId("lost");
    banner.textContent = fill(texts.lost, { ago: this.at ? ago(this.at, Date.now()) : "–" });
    banner.hidden = false;
  }
}

function turnTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("hygeia_theme", root.dataset.theme);
}

/** The figure beside the way to the alerts: how many nobody has taken yet. */
export function showToDo(number) {
  const shown = byId("open-alerts");
  shown.textContent = count(number);
  shown.hidden = number === 0;
}

/** The same on pages that do not ask for it anyway. */
export function followToDo() {
  const again = async () => {
    if (!document.hidden) {
      try {
        showToDo((await ask("/api/v1/alert-board?limit=1")).counts.to_do);
      } catch {
        byId("open-alerts").hidden = true;
      }
    }
    setTimeout(again, OPEN_EVERY_MS);
  };
  again();
}
