// JSON taken apart and put together again without a change in how anything in it is written: JSON.parse alone
// makes 1.0 a 1, rounds large numbers and sorts keys that look like numbers.

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const PLAIN = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** A text that is read from left to right; what does not fit throws a SyntaxError. */
class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  next(character) {
    this.take(SPACE);
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  demand(character) {
    if (!this.next(character)) throw new SyntaxError(`There is no ${character} at ${this.at}`);
  }

  /** The next value as it is written. */
  value() {
    this.take(SPACE);
    const from = this.at;
    if (this.text[from] === "{") this.members();
    else if (this.text[from] === "[") this.items();
    else if (this.take(STRING) === null && this.take(PLAIN) === null) throw new SyntaxError(`No value at ${from}`);
    return this.text.slice(from, this.at);
  }

  members() {
    this.demand("{");
    const found = [];
    if (this.next("}")) return found;
    do {
      this.take(SPACE);
      const key = this.take(STRING);
      if (key === null) throw new SyntaxError(`No key at ${this.at}`);
      this.demand(":");
      found.push({ key, value: this.value() });
    } while (this.next(","));
    this.demand("}");
    return found;
  }

  items() {
    this.demand("[");
    const found = [];
    if (this.next("]")) return found;
    do found.push(this.value());
    while (this.next(","));
    this.demand("]");
    return found;
  }

  end(found) {
    this.take(SPACE);
    if (this.at < this.text.length) throw new SyntaxError(`Something more at ${this.at}`);
    return found;
  }
}

/** The members of an object, keys and values as they are written; SyntaxError where it is none. */
export function members(text) {
  const reader = new Reader(text);
  return reader.end(reader.members());
}

/** The items of an array as they are written, or null where the text is no array. */
export function items(text) {
  const reader = new Reader(text);
  return text.startsWith("[") ? reader.end(reader.items()) : null;
}

/** An object with a member on each line, as the server lays it out. */
export function written(list) {
  if (!list.length) return "{}";
  return `{\n${list.map(({ key, value }) => `  ${key}: ${value}`).join(",\n")}\n}`;
}
