// The clauses of one side of a definition, as its JSON field holds them. The field is the truth: it is read anew
// when somebody typed in it, and written only when a clause is changed here; what is not changed stays as it was.

import { items, members, written } from "./json.js";

/** A listed value: how it is written, and its text, or null for what cannot be a label. */
function read(raw) {
  const value = JSON.parse(raw);
  if (typeof value === "string") return { raw, text: value };
  return { raw, text: typeof value === "number" || typeof value === "boolean" ? raw : null };
}

/** JSON pointers write ~ and / of a key as ~0 and ~1. */
function step(key) {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

class Clause {
  constructor(side, key, value) {
    this.side = side;
    this.key = key;
    this.value = value;
    this.code = JSON.parse(key);
    this.pointer = `/${side.name}/${step(this.code)}`;
    const list = items(value);
    this.labels = (list ?? [value]).map(read);
    this.isList = list !== null;
  }

  has(text) {
    return this.labels.some((label) => label.text === text);
  }

  add(texts) {
    const fresh = [...new Set(texts)].filter((text) => text.trim() && !this.has(text));
    if (fresh.length) this.rewrite([...this.labels, ...fresh.map((text) => read(JSON.stringify(text)))]);
  }

  remove(label) {
    this.rewrite(this.labels.filter((each) => each !== label));
  }

  rewrite(labels) {
    this.labels = labels;
    this.isList = true;
    this.value = `[${labels.map((label) => label.raw).join(", ")}]`;
    this.side.write();
  }
}

export class Side {
  constructor(field, name) {
    this.field = field;
    this.name = name;
    this.clauses = [];
    this.broken = false;
  }

  /** Read the field; `broken` says that it holds no object. */
  read() {
    const text = this.field.value.trim() || "{}";
    try {
      this.clauses = members(text).map(({ key, value }) => new Clause(this, key, value));
      this.broken = false;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.clauses = [];
      this.broken = true;
    }
  }

  write() {
    this.field.value = written(this.clauses);
    this.field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  find(code) {
    return this.clauses.find((clause) => clause.code === code);
  }

  add(code, value = "[]") {
    const clause = new Clause(this, JSON.stringify(code), value);
    this.clauses.push(clause);
    this.write();
    return clause;
  }

  remove(clause) {
    this.clauses = this.clauses.filter((each) => each !== clause);
    this.write();
  }
}
