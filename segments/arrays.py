"""Arrays among the fields of a JSON object."""

from dataclasses import dataclass
from typing import Any

from segments.exceptions import Fault, gettext_noop, step
from segments.shapes import Field, Wrong, raise_if_any


@dataclass(frozen=True, kw_only=True)
class List(Field):
    """An array of distinct values that another field reads."""

    of: Field
    least: int
    most: int

    def check(self, value: Any, pointer: str) -> list[Any]:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            message = gettext_noop("Send an array of %(least)s to %(most)s of them.")
            raise Wrong(Fault(pointer, "list_type", message, {"least": self.least, "most": self.most}))
        read = [self.of.read(each, step(pointer, index)) for index, each in enumerate(value)]
        twice = [index for index, each in enumerate(read) if each in read[:index]]
        message = gettext_noop("This stands twice in one call. Send it once.")
        raise_if_any(Fault(step(pointer, index), "repeated_id", message) for index in twice)
        return read

    def kind(self) -> dict[str, Any]:
        items = {name: part for name, part in self.of.schema().items() if name != "description"}
        return {"type": "array", "items": items, "minItems": self.least, "maxItems": self.most, "uniqueItems": True}


@dataclass(frozen=True, kw_only=True)
class Texts(Field):
    """An array of texts that only the server makes."""

    def kind(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}}
