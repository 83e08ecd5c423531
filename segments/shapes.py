"""The checks of a JSON object's fields: one declaration reads input and describes it in OpenAPI."""

import difflib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from segments.border import is_visible, unsafe
from segments.exceptions import Fault, gettext_noop, step
from segments.labels import nfc

GREATEST_SIZE = 2**63 - 1
AHEAD = timedelta(minutes=5)
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
HYPHENATED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
MOST_UNKNOWN, SUGGESTED = 20, 3
MISSING = gettext_noop("This field is required.")
MORE_UNKNOWN = gettext_noop("There are more fields that nobody knows here; they are not kept either.")
NOT_AN_OBJECT = gettext_noop("Send a JSON object.")


class Wrong(Exception):
    """A value that its field does not take; carries the faults."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a shape; `server_made` ones are answered, `sometimes` or always, accepted back and ignored."""

    about: str
    required: bool = False
    nullable: bool = False
    server_made: bool = False
    sometimes: bool = False

    def read(self, value: Any, pointer: str) -> Any:
        """The value as we keep it; raises Wrong."""
        return None if value is None and self.nullable else self.check(value, pointer)

    def check(self, value: Any, pointer: str) -> Any:
        """What `read` does with a value that is there; a field of this plain class takes any."""
        return value

    def schema(self) -> dict[str, Any]:
        """The field in JSON Schema 2020-12."""
        schema = self.kind()
        if self.nullable and "enum" in schema:
            schema = {"anyOf": [schema, {"type": "null"}]}
        elif self.nullable:
            schema["type"] = [schema["type"], "null"]
        return {**schema, "description": self.about, **({"readOnly": True} if self.server_made else {})}

    def kind(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    """A string of safe text, counted in code points."""

    longest: int
    shortest: int = 0
    line_breaks: bool = False
    visible: bool = False

    def check(self, value: Any, pointer: str) -> str:
        if not isinstance(value, str):
            raise Wrong(Fault(pointer, "string_type", gettext_noop("Send a string.")))
        if problem := unsafe(value, line_breaks=self.line_breaks):
            raise Wrong(Fault(pointer, *problem))
        limits = {"shortest": self.shortest, "longest": f"{self.longest:,}"}
        if len(value) > self.longest:
            raise Wrong(Fault(pointer, "max_length", gettext_noop("Send at most %(longest)s characters."), limits))
        if len(value) < self.shortest or (self.visible and not is_visible(value)):
            message = gettext_noop("Give a text of %(shortest)s to %(longest)s characters that can be seen.")
            raise Wrong(Fault(pointer, "blank", message, limits))
        return value

    def kind(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.longest, **({"minLength": self.shortest} if self.shortest else {})}


@dataclass(frozen=True, kw_only=True)
class Code(Text):
    """An attribute's code: no outer white space, read in Unicode NFC."""

    def check(self, value: Any, pointer: str) -> str:
        code = super().check(nfc(value) if isinstance(value, str) else value, pointer)
        if code != code.strip():
            raise Wrong(Fault(pointer, "invalid_code", gettext_noop("Leave out the spaces around the code.")))
        return code


@dataclass(frozen=True, kw_only=True)
class Label(Text):
    """A value's text, read as clauses are: in Unicode NFC, without outer white space."""

    def check(self, value: Any, pointer: str) -> str:
        return super().check(nfc(value).strip() if isinstance(value, str) else value, pointer)


@dataclass(frozen=True, kw_only=True)
class AudienceId(Text):
    """An id that can stand in a path: no slash, and neither '.' nor '..'."""

    def check(self, value: Any, pointer: str) -> str:
        audience_id = super().check(value, pointer)
        if "/" in audience_id or audience_id in {".", ".."}:
            raise Wrong(
                Fault(pointer, "invalid_id", gettext_noop("Send an id without a slash that is not '.' or '..'."))
            )
        return audience_id


@dataclass(frozen=True, kw_only=True)
class Choice(Field):
    """One of a few words."""

    words: tuple[str, ...]

    def check(self, value: Any, pointer: str) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise Wrong(
                Fault(pointer, "enum", gettext_noop("Send one of: %(words)s."), {"words": ", ".join(self.words)})
            )
        return value

    def kind(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, kw_only=True)
class Flag(Field):
    """true or false."""

    def check(self, value: Any, pointer: str) -> bool:
        if not isinstance(value, bool):
            raise Wrong(Fault(pointer, "bool_type", gettext_noop("Send true or false.")))
        return value

    def kind(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, kw_only=True)
class Uuid(Field):
    """A UUID in its hyphenated form (RFC 9562), the only one that is read."""

    def check(self, value: Any, pointer: str) -> uuid.UUID:
        if not isinstance(value, str) or not HYPHENATED.fullmatch(value):
            message = gettext_noop("Send a UUID such as 3c90c3cc-0d44-4b50-8888-8dd25736052a.")
            raise Wrong(Fault(pointer, "uuid", message))
        return uuid.UUID(value)

    def kind(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}


@dataclass(frozen=True, kw_only=True)
class Integer(Field):
    """A whole number from 0 to 2⁶³−1."""

    def check(self, value: Any, pointer: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= GREATEST_SIZE:
            message = gettext_noop("Send a whole number from 0 to %(greatest)s.")
            raise Wrong(Fault(pointer, "integer", message, {"greatest": GREATEST_SIZE}))
        return value

    def kind(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": 0, "maximum": GREATEST_SIZE}


@dataclass(frozen=True, kw_only=True)
class Moment(Field):
    """A date and time by RFC 3339; without an offset it is read as UTC; `past` allows five minutes ahead."""

    past: bool = True

    def check(self, value: Any, pointer: str) -> datetime:
        moment = read_moment(value)
        if moment is None:
            message = gettext_noop("Send a date and time such as 2023-11-07T05:31:56Z.")
            raise Wrong(Fault(pointer, "datetime", message))
        if self.past and moment > datetime.now(UTC) + AHEAD:
            raise Wrong(
                Fault(pointer, "in_the_future", gettext_noop("This moment is still to come. Send one that has passed."))
            )
        return moment

    def kind(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, kw_only=True)
class Object(Field):
    """A JSON object kept as it is; `codes` and `values` cap its keys and the lists under them."""

    codes: int | None = None
    values: int | None = None

    def check(self, value: Any, pointer: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(Fault(pointer, "dict_type", NOT_AN_OBJECT))
        if self.codes is not None and len(value) > self.codes:
            raise Wrong(
                Fault(pointer, "too_many_codes", gettext_noop("Send at most %(most)s codes."), {"most": self.codes})
            )
        message = gettext_noop("Send at most %(most)s values under one code.")
        raise_if_any(
            Fault(step(pointer, code), "too_many_values", message, {"most": self.values})
            for code, listed in value.items()
            if self.values is not None and isinstance(listed, list) and len(listed) > self.values
        )
        return value

    def kind(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": True}


@dataclass(frozen=True)
class Reading:
    """What a shape made of one JSON value: the fields it took, what is wrong, what is worth a warning."""

    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class Shape:
    """A JSON object of the contract: its fields in the order in which they are answered."""

    name: str
    fields: Mapping[str, Field]

    def read(self, value: Any, pointer: str = "", *, required: frozenset[str] | None = None) -> Reading:
        """Check a JSON value, all faults at once; `required` replaces what the fields themselves say."""
        if not isinstance(value, dict):
            return Reading(faults=[Fault(pointer, "dict_type", NOT_AN_OBJECT)])
        if required is None:
            required = frozenset(name for name, field in self.fields.items() if field.required)
        reading = Reading()
        for name in self.fields:
            if name in required and name not in value:
                reading.faults.append(Fault(step(pointer, name), "missing", MISSING))
        for name, member in value.items():
            if name not in self.fields:
                self._warn_of(reading, name, pointer)
            elif not self.fields[name].server_made or name in required:
                self._take(reading, name, member, step(pointer, name))
        return reading

    def _take(self, reading: Reading, name: str, member: Any, pointer: str) -> None:
        try:
            reading.values[name] = self.fields[name].read(member, pointer)
        except Wrong as wrong:
            reading.faults.extend(wrong.faults)

    def _warn_of(self, reading: Reading, name: str, pointer: str) -> None:
        """Add the warning of an unknown name; of thousands in one object only the first are told."""
        if len(reading.warnings) < MOST_UNKNOWN:
            reading.warnings.append(self._unknown(name, pointer, suggest=len(reading.warnings) < SUGGESTED))
        elif len(reading.warnings) == MOST_UNKNOWN:
            reading.warnings.append(Fault(pointer, "unknown_field", MORE_UNKNOWN))

    def _unknown(self, name: str, pointer: str, *, suggest: bool) -> Fault:
        near = difflib.get_close_matches(name[:60], self.fields, 1) if suggest else []
        if not near:
            message = gettext_noop("No field is called '%(name)s'; it is not kept.")
        else:
            message = gettext_noop("No field is called '%(name)s'; it is not kept. Did you mean '%(near)s'?")
        return Fault(step(pointer, name), "unknown_field", message, {"name": name[:60], "near": "".join(near)})


def read_moment(value: Any) -> datetime | None:
    """A moment in UTC from RFC 3339 text, or None; digits beyond the microsecond are cut off."""
    found = MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    day, time, fraction, offset = found.groups()
    text = f"{day}T{time}.{(fraction or '0')[:6].ljust(6, '0')}{(offset or 'Z').upper()}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def raise_if_any(faults: Any) -> None:
    """Raise Wrong with these faults unless there are none."""
    if found := list(faults):
        raise Wrong(*found)
