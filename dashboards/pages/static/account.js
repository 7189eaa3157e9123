// Signing in and out, and one's own password.

import { byId, el, tell, texts } from "./page.js";

function explain(form, error) {
  const place = form.querySelector(".wrong");
  place.textContent = error === null ? "" : [error.message, error.allowed].filter(Boolean).join(": ");
  place.hidden = error === null;
}

function open(id) {
  const dialog = byId(id);
  explain(dialog.querySelector("form"), null);
  dialog.querySelectorAll("input").forEach((input) => { input.value = ""; });
  if (!dialog.open) dialog.showModal();
}

/** `again` asks the gateway anew, because what may be seen has changed. */
export class Account {
  constructor(again) {
    this.again = again;
    this.me = null;
    this.asked = false;
    for (const button of document.querySelectorAll("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
    byId("account").addEventListener("click", () => this.press());
    byId("sign-in").querySelector("form").addEventListener("submit", (event) => this.signIn(event));
    byId("change").querySelector("form").addEventListener("submit", (event) => this.change(event));
    byId("sign-out").addEventListener("click", () => this.signOut());
    byId("open-change").addEventListener("click", () => { byId("me").close(); this.openChange(false); });
  }

  press() {
    if (this.me === null || this.me.how === "nobody") open("sign-in");
    else open("me");
  }

  /** Who the gateway takes the reader for. */
  show(me) {
    this.me = me;
    const known = me !== null && me.how !== "nobody";
    byId("account").textContent = known ? `${me.name} · ${texts.roles[me.role] ?? me.role}` : texts.sign_in;
    if (!known) return;
    const scope = [me.unit, me.grid].filter(Boolean).join(" · ") || texts.scope_all;
    byId("me-facts").replaceChildren(...[[texts.name, me.name], [texts.role, texts.roles[me.role] ?? me.role], [texts.scope, scope]].flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }

  /** Asked for once by itself; then it waits for the reader. */
  need() {
    this.show(null);
    if (!this.asked && !document.querySelector("dialog[open]")) {
      this.asked = true;
      open("sign-in");
    }
  }

  openChange(must) {
    byId("must-change").hidden = !must;
    open("change");
  }

  async signIn(event) {
    event.preventDefault();
    const form = event.target;
    try {
      const me = await tell("/api/v1/login", { name: form.elements.name.value, password: form.elements.password.value });
      byId("sign-in").close();
      this.show(me);
      if (me.must_change) this.openChange(true);
      else this.again();
    } catch (error) {
      explain(form, error);
    }
  }

  async change(event) {
    event.preventDefault();
    const form = event.target;
    const { old, again } = form.elements;
    const fresh = form.elements.new;
    if (fresh.value !== again.value) {
      explain(form, { message: texts.not_same });
      return;
    }
    try {
      await tell("/api/v1/password", { old: old.value, new: fresh.value });
      byId("change").close();
      this.again();
    } catch (error) {
      explain(form, error);
    }
  }

  async signOut() {
    try {
      await tell("/api/v1/logout", {});
    } finally {
      location.reload();
    }
  }
}
