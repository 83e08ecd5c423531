// The rows of one side: a clause in each, with its values as chips and what the server says about them.

import { Combobox } from "./combobox.js";

const MOST_CHIPS = 60;

function cloned(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

function fill(root, selector, words) {
  root.querySelector(selector).textContent = words;
}

export class Rows {
  /** `ask` has `codes(text, signal)` and `values(code, text, signal)`; `other` is the rows of the other side. */
  constructor(section, side, ask) {
    this.section = section;
    this.side = side;
    this.ask = ask;
    this.names = {};
    this.opened = new Set();
    this.list = section.querySelector(".a2-clauses");
    this.adder = section.querySelector(".a2-add input");
    new Combobox(this.adder, {
      find: (text, signal) => ask.codes(text, signal),
      choose: (code) => this.begin(code),
      has: (code) => Boolean(side.find(code)),
    });
  }

  begin(code) {
    const clause = this.side.find(code) ?? this.side.add(code);
    this.render();
    this.row(clause).querySelector("input").focus();
  }

  row(clause) {
    return this.list.children[this.side.clauses.indexOf(clause)];
  }

  render() {
    this.list.replaceChildren(...this.side.clauses.map((clause) => this.made(clause)));
    this.section.classList.toggle("a2-empty", !this.side.clauses.length);
  }

  made(clause) {
    const row = cloned("a2-clause");
    row.dataset.pointer = clause.pointer;
    fill(row, ".a2-code", clause.code || "“”");
    const remove = row.querySelector(".a2-remove");
    remove.setAttribute("aria-label", remove.getAttribute("aria-label").replace("%s", clause.code));
    remove.addEventListener("click", () => this.remove(clause));
    row.querySelector(".a2-turn").addEventListener("click", () => this.turn(clause));
    const input = row.querySelector("input");
    input.setAttribute("aria-label", input.getAttribute("aria-label").replace("%s", clause.code));
    this.fillChips(row, clause);
    new Combobox(input, {
      find: (text, signal) => this.ask.values(clause.code, text, signal),
      choose: (text) => this.toggle(clause, text),
      has: (text) => clause.has(text),
    });
    input.addEventListener("paste", (event) => this.paste(event, clause));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Backspace" && !input.value) row.querySelector(".a2-chips li:last-child button")?.focus();
    });
    return row;
  }

  fillChips(row, clause) {
    const shown = this.opened.has(clause.code) ? clause.labels : clause.labels.slice(0, MOST_CHIPS);
    const chips = row.querySelector(".a2-chips");
    chips.replaceChildren(...shown.map((label, place) => this.chip(clause, label, place)));
    const more = row.querySelector(".a2-more");
    more.hidden = shown.length === clause.labels.length;
    fill(more, "span", clause.labels.length - shown.length);
    more.onclick = () => {
      this.opened.add(clause.code);
      this.fillChips(row, clause);
    };
    this.nameAll(row, clause);
  }

  chip(clause, label, place) {
    const chip = cloned("a2-chip");
    chip.dataset.pointer = clause.isList ? `${clause.pointer}/${place}` : clause.pointer;
    chip.classList.toggle("a2-raw", label.text === null);
    fill(chip, ".a2-text", label.text ?? label.raw);
    const remove = chip.querySelector("button");
    remove.setAttribute("aria-label", remove.getAttribute("aria-label").replace("%s", label.text ?? label.raw));
    remove.addEventListener("click", () => this.drop(clause, label, place));
    return chip;
  }

  drop(clause, label, place) {
    clause.remove(label);
    const row = this.row(clause);
    this.fillChips(row, clause);
    const buttons = row.querySelectorAll(".a2-chips button");
    (buttons[Math.min(place, buttons.length - 1)] ?? row.querySelector("input")).focus();
  }

  toggle(clause, text) {
    const label = clause.labels.find((each) => each.text === text);
    if (label) clause.remove(label);
    else clause.add([text]);
    this.fillChips(this.row(clause), clause);
  }

  paste(event, clause) {
    const texts = event.clipboardData.getData("text").split(/[\n\t]/).map((text) => text.trim());
    if (texts.length < 2) return;
    event.preventDefault();
    clause.add(texts);
    this.fillChips(this.row(clause), clause);
  }

  remove(clause) {
    this.side.remove(clause);
    this.render();
    this.adder.focus();
  }

  /** To the other side; where there is a clause on the attribute already, its values go there one by one. */
  turn(clause) {
    const there = this.other.side.find(clause.code);
    if (there) there.add(clause.labels.flatMap((label) => label.text ?? []));
    else this.other.side.add(clause.code, clause.value);
    this.side.remove(clause);
    this.render();
    this.other.render();
    this.other.row(this.other.side.find(clause.code)).querySelector(".a2-turn").focus();
  }

  /** Show what people read for codes and values, and the warnings where they belong. */
  tell(names, warnings) {
    this.names = names;
    this.side.clauses.forEach((clause, place) => {
      const row = this.list.children[place];
      if (!row) return;
      this.nameAll(row, clause);
      const own = warnings.filter(({ at }) => at === clause.pointer || at.startsWith(`${clause.pointer}/`));
      const wrong = new Set(own.map(({ at }) => at));
      row.querySelectorAll(".a2-chip").forEach((chip) => chip.classList.toggle("a2-wrong", wrong.has(chip.dataset.pointer)));
      row.querySelector(".a2-warnings").replaceChildren(...own.map(({ told }) => {
        const line = document.createElement("li");
        line.textContent = told;
        return line;
      }));
    });
  }

  nameAll(row, clause) {
    const names = this.names[clause.code] ?? {};
    fill(row, ".a2-name", names[""] ?? "");
    row.querySelectorAll(".a2-chip").forEach((chip) => {
      fill(chip, ".a2-name", names[chip.querySelector(".a2-text").textContent] ?? "");
    });
  }
}
