"""Strict JSON and text: what may come in, the same for the API, forms and files."""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from segments.exceptions import Fault, UnreadableJSON, gettext_noop, step

MAX_DEPTH = 32
SHOWN = 60
NOT_UTF8 = gettext_noop("This is not UTF-8: byte %(byte)d cannot be read.")
NOT_JSON = gettext_noop("This is not JSON: %(problem)s at line %(line)d, column %(column)d.")
KEY_TWICE = gettext_noop("The key %(key)s stands twice in one object. Send it once.")
NO_NUMBER = gettext_noop("%(name)s is not JSON. Send a number or null.")
LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**64 - 1

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
UNSAFE_WITH_LINE_BREAKS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
NUL_OR_SURROGATE = re.compile("[\x00\ud800-\udfff]")
INVISIBLE = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"}
BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document as read, with what is wrong anywhere in it: NUL, surrogates, numbers, depth."""

    value: Any
    faults: tuple[Fault, ...] = ()


def read_json(data: bytes) -> Document:
    """Read UTF-8 JSON by RFC 8259 and nothing looser; UnreadableJSON when it is not that.

    Refused here: another encoding or a BOM, NaN and Infinity, a key twice in one object. Numbers are
    IEEE doubles and 64-bit integers; what does not fit is a fault with its pointer.
    """
    try:
        value = parse_json(data)
    except RecursionError:
        return Document(None, (_too_deep(""),))
    return Document(value, tuple(_faults(value)))


def parse_json(data: bytes) -> Any:
    """What `read_json` reads, before it has looked for what may not come in; RecursionError when it is far too deep."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise UnreadableJSON(NOT_UTF8, byte=error.start) from None
    except json.JSONDecodeError as error:
        raise UnreadableJSON(NOT_JSON, problem=error.msg, line=error.lineno, column=error.colno) from None


def unsafe(text: str, *, line_breaks: bool = False) -> tuple[str, str] | None:
    """The code and message of the first thing in the text that must not come in, or None.

    Tabs and line breaks are let through where `line_breaks` says so.
    """
    found = (UNSAFE_WITH_LINE_BREAKS if line_breaks else UNSAFE).search(text)
    if found is None:
        return None
    if found[0] == "\0":
        return "null_character", gettext_noop("The text has a NUL character. Leave it out.")
    if "\ud800" <= found[0] <= "\udfff":
        return "surrogate", gettext_noop("The text has half of a surrogate pair, which is no character. Leave it out.")
    return "unsafe_text", gettext_noop("The text has a control or text-direction character. Leave it out.")


def is_visible(text: str) -> bool:
    """Whether anything in the text can be seen."""
    return any(unicodedata.category(letter) not in INVISIBLE and letter not in BLANK_LETTERS for letter in text)


def comparable(value: object) -> object:
    """A form of JSON that is equal when the JSON is: Python alone takes true for 1."""
    match value:
        case dict():
            return {key: comparable(item) for key, item in value.items()}
        case list():
            return [comparable(item) for item in value]
        case _:
            return isinstance(value, bool), value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = Counter(key for key, _value in pairs).most_common(1)[0][0]
        raise UnreadableJSON(KEY_TWICE, key=repr(twice[:SHOWN]))
    return result


def _constant(name: str) -> float:
    raise UnreadableJSON(NO_NUMBER, name=name)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 20 else math.inf


def _too_deep(pointer: str) -> Fault:
    return Fault(
        pointer, "too_deep", gettext_noop("The JSON is nested more than %(depth)s levels deep."), {"depth": MAX_DEPTH}
    )


def _faults(value: Any) -> Iterator[Fault]:
    """Everything in a parsed document that may not come in, each with its pointer."""
    waiting = [(value, "", 1)]
    while waiting:
        item, pointer, depth = waiting.pop()
        if isinstance(item, str):
            yield from _text_faults(item, pointer)
        elif isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                yield _too_deep(pointer)
                return
            members = item.items() if isinstance(item, dict) else enumerate(item)
            for key, member in members:
                if isinstance(key, str):
                    yield from _text_faults(key, pointer)
                if member is not None and not isinstance(member, bool):
                    waiting.append((member, step(pointer, key), depth + 1))
        elif isinstance(item, int | float) and not is_in_range(item):
            yield Fault(pointer, "number_out_of_range", gettext_noop("The number does not fit into 64 bits."))


def _text_faults(text: str, pointer: str) -> Iterator[Fault]:
    if not text.isascii() or "\0" in text:
        found = NUL_OR_SURROGATE.search(text)
        problem = unsafe(found[0]) if found else None
        if problem:
            yield Fault(pointer, *problem)


def is_in_range(number: int | float) -> bool:
    if isinstance(number, int):
        return LEAST_INTEGER <= number <= GREATEST_INTEGER
    return math.isfinite(number)
