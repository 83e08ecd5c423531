"""Codes and labels, the words that audiences and segments are written in."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from segments.exceptions import Fault, gettext_noop, step

MAX_CODE = 32
MAX_LABEL = 1000
MAX_CODES = 100
MAX_VALUES = 1000
SHOWN = 60
LISTED = 4
CODE_READ = 4 * (MAX_CODE + 1)  # shows that a code is too long, however it composes
TOO_LONG = 10**MAX_LABEL

SIMPLE = re.compile(r"[\w.+-]{1,60}")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

TextCheck = Callable[[str], tuple[str, str] | None]

UNSUPPORTED_VALUE = gettext_noop(
    "The attribute %(code)s cannot have the value %(value)s. "
    "Send a text of 1 to %(limit)d characters, a number, true or false."
)
INVALID_CODE = gettext_noop(
    "%(code)s cannot be the code of an attribute. "
    "Use 1 to %(limit)d characters, without control characters or outer white space."
)
TOO_MANY_CODES = gettext_noop("There are %(count)d attributes. Send at most %(limit)d.")
TOO_MANY_VALUES = gettext_noop("The attribute %(code)s has too many values. Send at most %(limit)d.")

OR = gettext_noop("%(first)s or %(last)s")
OR_MORE = gettext_noop("%(first)s or %(count)d more")


def label_text(value: object) -> str | None:
    """The text of a label, or None for what cannot be one.

    A text is read as NFC without outer white space (`str.strip`), its case kept; true and false by their
    names; 25.0 as "25", other fractions by their shortest decimal form (`repr`). Null, objects, lists,
    infinities, the empty text and more than 1,000 code points are no labels.
    """
    if isinstance(value, str):
        text = nfc(value).strip()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float):
        text = _number_text(value)
    else:
        return None
    return text if 0 < len(text) <= MAX_LABEL else None


def nfc(text: str) -> str:
    """The text in Unicode's composed form."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def quoted(value: object) -> str:
    """A value as messages show it: in quotes, what cannot be printed escaped, cut after 60 characters."""
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else value[: SHOWN - 1] + "…")
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return "[…]" if value else "[]"
    return type(value).__name__


def plain_word(text: str) -> str:
    """A simple word as it is, all else in quotes: a comma or an "or" inside a label must not mislead."""
    return text if SIMPLE.fullmatch(text) else quoted(text)


def listing(labels: Sequence[str], translate: Callable[[str], str] = str) -> str:
    """The labels in plain words, such as "F or M"; of more than four the first two and how many more."""
    if len(labels) > LISTED:
        return translate(OR_MORE) % {"first": ", ".join(map(plain_word, labels[:2])), "count": len(labels) - 2}
    *first, last = map(plain_word, labels)
    return translate(OR) % {"first": ", ".join(first), "last": last} if first else last


@lru_cache(maxsize=256)
def nearest_code(code: str, codes: tuple[str, ...]) -> str | None:
    """The code that was probably meant, if any; cached, for lists show the same mistakes again and again."""
    folded = {candidate.casefold(): candidate for candidate in codes}
    found = difflib.get_close_matches(code[:CODE_READ].casefold(), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def canonical_properties(
    properties: Mapping[str, object], check_text: TextCheck | None = None
) -> tuple[dict[str, list[str]], list[Fault]]:
    """An audience's properties as they are kept, code → sorted distinct texts, and what is wrong with them.

    `check_text` is asked about every code and text and answers (fault code, message) for what must not
    come in. Codes without values are left out. Where there are faults, the rest is not fit to keep.
    """
    if len(properties) > MAX_CODES:
        params = {"count": len(properties), "limit": MAX_CODES}
        return {}, [Fault("/properties", "too_many_codes", TOO_MANY_CODES, params)]
    canonical: dict[str, list[str]] = {}
    faults: list[Fault] = []
    for key, value in properties.items():
        code, problem = _read_code(key[:CODE_READ], check_text)
        text = label_text(value[0] if isinstance(value, list) and len(value) == 1 else value)
        if problem:
            faults.append(Fault(step("/properties", key), *problem, {"code": quoted(key), "limit": MAX_CODE}))
        elif text and code not in canonical and not (check_text and check_text(text)):
            canonical[code] = [text]  # the way of nearly all, kept short: imports read millions
        else:
            texts, wrong = _read_values(key, value, canonical.get(code, ()), check_text)
            faults += wrong
            if texts:
                canonical[code] = texts
    return canonical, faults


@lru_cache(maxsize=10_000)
def _read_code(key: str, check_text: TextCheck | None) -> tuple[str, tuple[str, str] | None]:
    """The code in NFC and what is wrong with it; cached, for audiences share their few codes."""
    code = nfc(key)
    if check_text and (problem := check_text(code)):
        return code, problem
    fits = 0 < len(code) <= MAX_CODE and code == code.strip() and not CONTROL.search(code)
    return code, None if fits else ("invalid_code", INVALID_CODE)


def _read_values(
    key: str, value: object, so_far: Iterable[str], check_text: TextCheck | None
) -> tuple[list[str], list[Fault]]:
    """The texts of one code, added to those it has so far, and what is wrong with them."""
    clause = step("/properties", key)
    labels = value if isinstance(value, list) else [value]
    texts, faults = set(so_far), []
    for index, label in enumerate(labels[:MAX_VALUES]):
        text = label_text(label)
        problem = check_text(text) if text and check_text else None
        if text and not problem:
            texts.add(text)
            continue
        pointer = step(clause, index) if isinstance(value, list) else clause
        params = {"code": quoted(key), "value": quoted(label), "limit": MAX_LABEL}
        faults.append(Fault(pointer, *(problem or ("unsupported_value", UNSUPPORTED_VALUE)), params))
    if max(len(labels), len(texts)) > MAX_VALUES:
        faults.append(Fault(clause, "too_many_values", TOO_MANY_VALUES, {"code": quoted(key), "limit": MAX_VALUES}))
    return sorted(texts), faults


def _number_text(number: int | float) -> str:
    """The number in decimals, or the empty text for an infinity and for what is far too long."""
    if not abs(number) < TOO_LONG:
        return ""
    return str(int(number)) if number == int(number) else repr(number)
