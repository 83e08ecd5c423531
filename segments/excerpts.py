"""What the catalogue has of the codes and values that some clauses name."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from segments.expressions import Known
from segments.models import AudienceAttribute, AudienceAttributeValue

SUGGESTED_FROM = 1000

Wanted = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class Entry:
    """What the catalogue has of an attribute, with those of the asked values that exist."""

    owner_id: uuid.UUID
    public: bool
    known: Known


@dataclass(frozen=True)
class Excerpt:
    """The part of the catalogue that some clauses ask for, read in two queries for any number of them."""

    entries: Mapping[str, Entry]
    owners: dict[uuid.UUID, "Visible"] = field(default_factory=dict)

    def hides(self, code: str, owner_id: uuid.UUID) -> bool:
        """Whether there is such an attribute, but this owner may not use it."""
        return code in self.entries and self.visible_to(owner_id).get(code) is None

    def visible_to(self, owner_id: uuid.UUID) -> "Visible":
        """The same as one owner's segments may use it."""
        return self.owners.setdefault(owner_id, Visible(owner_id, self.entries))


@dataclass(frozen=True)
class Visible:
    """An excerpt for one owner: others' private attributes look exactly like unknown ones."""

    owner_id: uuid.UUID
    entries: Mapping[str, Entry]

    def get(self, code: str) -> Known | None:
        """The attribute with this code, if the owner may use it."""
        entry = self.entries.get(code)
        return entry.known if entry and (entry.public or entry.owner_id == self.owner_id) else None

    def __iter__(self) -> Iterator[str]:
        """Codes to suggest for an unknown one; they are read only then."""
        return iter(self.codes)

    @cached_property
    def codes(self) -> list[str]:
        visible = AudienceAttribute.objects.visible_to(self.owner_id).order_by("no")
        return list(visible.values_list("code", flat=True)[:SUGGESTED_FROM])


def excerpt(wanted: Wanted) -> Excerpt:
    """What the catalogue knows of these codes and values, in two queries."""
    attributes = {attribute.pk: attribute for attribute in AudienceAttribute.objects.filter(code__in=list(wanted))}
    texts = {text for listed in wanted.values() for text in listed}
    rows = AudienceAttributeValue.objects.filter(attribute__in=attributes).with_texts(texts)
    found: dict[uuid.UUID, set[str]] = defaultdict(set)
    for attribute_id, value in rows.values_list("attribute_id", "value"):
        found[attribute_id].add(value)
    return Excerpt(
        {
            attribute.code: Entry(
                attribute.owner_id,
                attribute.visibility == AudienceAttribute.Visibility.PUBLIC,
                Known(frozenset(found[attribute.pk]), attribute.deprecated),
            )
            for attribute in attributes.values()
        }
    )
