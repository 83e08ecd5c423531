// A text field that offers what the server finds for what is typed in it (the combobox pattern of WAI-ARIA 1.2).

import { debounced, latest } from "./timing.js";

const ROLE = {
  role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
  autocomplete: "off", autocapitalize: "none", spellcheck: "false",
};
let made = 0;

export class Combobox {
  /**
   * Make `input` offer suggestions. `find(text, signal)` answers [{text, name, note}], `choose(text)` takes one that was
   * chosen or typed out, `has(text)` says which are chosen already. The list opens when somebody types, clicks or presses
   * an arrow, never by the focus alone, and closes with a choice: it would cover what stands below.
   */
  constructor(input, { find, choose, has = () => false }) {
    Object.assign(this, { input, choose, has, options: [], active: -1, isWanted: false });
    this.list = document.createElement("ul");
    Object.assign(this.list, { id: `a2-options-${(made += 1)}`, className: "a2-options", role: "listbox", hidden: true });
    input.after(this.list);
    const attributes = { ...ROLE, "aria-controls": this.list.id };
    Object.entries(attributes).forEach(([name, value]) => input.setAttribute(name, value));
    this.look = latest(async (signal) => {
      // What was closed meanwhile stays so, also where a key that came before it had the server asked.
      if (!this.isWanted) return;
      const found = await find(input.value.trim(), signal);
      if (this.isWanted) this.show(found.map((each, place) => this.option(each, place)));
    });
    this.listen();
  }

  listen() {
    const lookSoon = debounced(this.look, 150);
    this.input.addEventListener("input", () => {
      this.isWanted = true;
      this.narrow();
      lookSoon();
    });
    this.input.addEventListener("click", () => this.list.hidden && this.open());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const chosen = event.target.closest("[role=option]");
      if (chosen) this.take(chosen.dataset.text);
    });
  }

  press(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step && !["Enter", "Escape"].includes(event.key)) return;
    if (event.key === "Escape" && this.list.hidden) return;
    event.preventDefault();
    if (step && this.list.hidden) this.open();
    else if (step) this.move(this.active < 0 && step < 0 ? this.options.length - 1 : this.active + step);
    else if (event.key === "Escape") this.close();
    else this.take(this.options[this.active]?.dataset.text ?? this.input.value.trim());
  }

  take(text) {
    if (!text) return;
    this.input.value = "";
    this.close();
    this.choose(text);
  }

  open() {
    this.isWanted = true;
    this.look();
  }

  close() {
    this.isWanted = false;
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  move(place) {
    this.options[this.active]?.classList.remove("a2-active");
    this.active = place < 0 ? -1 : place % this.options.length;
    const option = this.options[this.active];
    if (!option) return this.input.removeAttribute("aria-activedescendant");
    option.classList.add("a2-active");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  show(options) {
    const before = this.options[this.active]?.dataset.text;
    this.options = options;
    this.list.replaceChildren(...options);
    this.list.hidden = !options.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.active = -1;
    this.move(options.findIndex((each) => each.dataset.text === before));
  }

  /** Until the server has answered, those among the ones there are that still fit: nobody is to choose another. */
  narrow() {
    const text = this.input.value.trim().toLowerCase();
    const likely = (each) => {
      const own = each.dataset.text.toLowerCase();
      return own === text ? 2 : own.startsWith(text) ? 1 : 0;
    };
    const fitting = this.options.filter((each) => each.textContent.toLowerCase().includes(text));
    if (!this.list.hidden) this.show(fitting.sort((one, other) => likely(other) - likely(one)));
  }

  option({ text, name, note }, place) {
    const item = document.createElement("li");
    Object.assign(item, { id: `${this.list.id}-${place}`, role: "option", ariaSelected: String(this.has(text)) });
    item.dataset.text = text;
    for (const [kind, words] of [["a2-text", text], ["a2-name", name], ["a2-note", note]]) {
      const part = document.createElement("span");
      part.className = kind;
      part.textContent = words;
      item.append(part);
    }
    return item;
  }
}
