// The builder of a segment: rows of clauses over the JSON fields of the form, and what they come to beside them.
// Without it the JSON fields are the form.

import { Side } from "./clauses.js";
import { Rows } from "./rows.js";
import { ask, post } from "./server.js";
import { debounced, latest } from "./timing.js";

const fieldset = document.querySelector("fieldset.a2-definition");
if (fieldset?.querySelector("textarea")) build(fieldset);

function build(fieldset) {
  const root = document.getElementById("a2-builder").content.firstElementChild.cloneNode(true);
  const owner = document.getElementById("id_owner");
  const fields = ["properties", "exclusions"].map((name) => document.getElementById(`id_${name}`));
  const json = root.querySelector("#a2-json");
  json.append(...fields.map((field) => field.closest(".form-row")));
  fieldset.append(root);
  const views = fields.map((field) => {
    const section = root.querySelector(`[data-side=${field.name}]`);
    return new Rows(section, new Side(field, field.name), {
      codes: async (q, signal) => (await ask(root.dataset.codes, { q, owner: owner.value }, signal)).found,
      values: async (code, q, signal) => (await ask(root.dataset.values, { code, q, owner: owner.value }, signal)).found,
    });
  });
  [views[0].other, views[1].other] = [views[1], views[0]];

  function read() {
    views.forEach((view) => {
      view.side.read();
      view.render();
    });
    root.classList.toggle("a2-broken", views.some((view) => view.side.broken));
  }

  const [live, status] = [root.querySelector(".a2-live"), root.querySelector(".a2-status")];
  const estimate = latest(async (signal) => {
    live.setAttribute("aria-busy", "true");
    try {
      const told = await post(root.dataset.estimate, clausesOf(fieldset.form, owner, fields), signal);
      live.innerHTML = told.panel;
      status.textContent = live.querySelector(".a2-headline")?.textContent ?? live.textContent;
      views.forEach((view) => view.tell(told.names, told.warnings));
    } catch (error) {
      if (signal.aborted) throw error;
      live.replaceChildren(document.getElementById("a2-unknown").content.cloneNode(true));
    }
    live.removeAttribute("aria-busy");
  });
  const soon = debounced(estimate, 250);
  fields.forEach((field) => {
    field.addEventListener("change", soon);
    field.addEventListener("input", soon);
  });
  // Select2 tells of a choice by jQuery's events, which only jQuery hears.
  (window.django?.jQuery ?? window.jQuery)?.(owner).on("change", soon);

  const tabs = tabbed(root, read);
  read();
  const isRefused = fieldset.querySelector(".errorlist") || root.classList.contains("a2-broken");
  if (isRefused) tabs.open(1);
  estimate();
}

function clausesOf(form, owner, fields) {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const clauses = Object.fromEntries(fields.map((field) => [field.name, field.value]));
  return { csrfmiddlewaretoken: token, owner: owner.value, ...clauses };
}

/** Tabs by mouse, arrows, Home and End; `read` is called when the first of them is opened. */
function tabbed(root, read) {
  const tabs = [...root.querySelectorAll("[role=tab]")];
  function open(place) {
    tabs.forEach((tab, each) => {
      tab.setAttribute("aria-selected", String(each === place));
      tab.tabIndex = each === place ? 0 : -1;
      root.querySelector(`#${tab.getAttribute("aria-controls")}`).hidden = each !== place;
    });
    if (place === 0) read();
  }
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => open(place));
    tab.addEventListener("keydown", ({ key }) => {
      const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[key];
      if (to === undefined) return;
      const next = (to + tabs.length) % tabs.length;
      open(next);
      tabs[next].focus();
    });
  });
  return { open };
}
