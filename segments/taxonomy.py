"""Values of a taxonomy in the catalogue: each with the label of its place, the value above it, and a note.

The tree is for people to read. Matching stays flat: an audience has exactly the values that it was sent with, and none
of those above them.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segments import catalogue
from segments.models import AudienceAttribute, AudienceAttributeValue, Change, Owner
from segments.models.changes import Actor
from segments.store import UpsertCounts
from segments.values import named

WRITTEN = ("name", "parent", "note")

Place = tuple[str, str]
"""The code of an attribute, and the text of one of its values."""
Standing = Callable[[Collection[Place]], Collection[Place]]
Attributes = Mapping[str, AudienceAttribute]


@dataclass(frozen=True)
class Entry:
    """A line of a taxonomy: the value of an attribute that it is about, and what it says of it."""

    code: str
    value: str
    name: str
    parent: str
    note: str

    @property
    def place(self) -> Place:
        return self.code, self.value

    @property
    def said(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in WRITTEN}


def known(places: Collection[Place]) -> set[Place]:
    """Those of these places that the catalogue has, also as an older text of a value."""
    rows = AudienceAttributeValue.objects.filter(attribute__code__in={code for code, _text in places})
    found = rows.with_texts({text for _code, text in places}).values_list("attribute__code", "value")
    return set(found) & set(places)


def ensure_attributes(names: dict[str, str], about: str, owner_id: uuid.UUID | None, actor: Actor) -> None:
    """Create the attributes of these codes that are missing, and define those that were only learned, by their names.

    With an owner they become that owner's, unless another one has them: CodeTaken. Whatever else stands there stays.
    """
    there = {each.code: each for each in AudienceAttribute.objects.filter(code__in=names)}
    drafts: list[dict[str, Any]] = []
    for code, name in names.items():
        stored = there.get(code)
        owner = owner_id or (stored.owner_id if stored else Owner.objects.installation().pk)
        draft: dict[str, Any] = {"code": code, "owner_id": owner}
        if stored is None or (stored.learned and stored.name == code):
            draft |= {"name": name, "description": about, "visibility": AudienceAttribute.Visibility.PUBLIC}
        drafts.append(draft)
    catalogue.upsert(drafts, actor)


def upsert(entries: Sequence[Entry], standing: Standing, actor: Actor) -> UpsertCounts:
    """Write what these entries say of their values, in the caller's transaction; a value that is missing is added.

    `standing` says which of some places have an entry at all, also one that is written at another time. An entry for
    an older text of a value is about that value, unless another entry is nearer to it: its own, or that of an older
    text that comes before in order.
    """
    catalogue.wait_for_learners()
    codes = {entry.code for entry in entries}
    rows = AudienceAttribute.objects.select_for_update(no_key=True).filter(code__in=codes).order_by("code")
    attributes = {each.code: each for each in rows}
    stored = stored_values(attributes, [entry.value for entry in entries])
    aliased = {place: row.alias_of.value for place, row in stored.items() if row.alias_of is not None}
    nearest = nearest_entries(aliased, attributes, standing) if aliased else {}
    new, altered, changes = [], [], []
    for entry in entries:
        row = stored.get(entry.place)
        if row is None:
            new.append(AudienceAttributeValue(attribute=attributes[entry.code], value=entry.value, **entry.said))
            continue
        if row.alias_of is not None:
            if nearest[entry.code, row.alias_of.value] != entry.place:
                continue
            row = row.alias_of
        if change := altered_by(entry, row, attributes[entry.code]):
            altered.append(row)
            changes.append(change)
    AudienceAttributeValue.objects.bulk_create(new)
    AudienceAttributeValue.objects.bulk_update(altered, WRITTEN)
    Change.objects.record(actor, [*(created(row) for row in new), *changes])
    return UpsertCounts(len(new), len(altered), len(entries) - len(new) - len(altered))


def stored_values(attributes: Attributes, texts: Sequence[str]) -> dict[Place, AudienceAttributeValue]:
    """The values with these texts, by place."""
    rows = AudienceAttributeValue.objects.filter(attribute__in=attributes.values()).with_texts(texts)
    codes = {attribute.pk: code for code, attribute in attributes.items()}
    return {(codes[row.attribute_id], row.value): row for row in rows.select_related("alias_of")}


def nearest_entries(aliased: Mapping[Place, str], attributes: Attributes, standing: Standing) -> dict[Place, Place]:
    """Which entry is to say what a value with older texts is called, for the values that these older texts have now."""
    texts: dict[Place, list[Place]] = {}
    values = {(code, text) for (code, _alias), text in aliased.items()}
    for code, attribute in attributes.items():
        for alias, text in sorted(attribute.aliases.items()):
            if (code, text) in values:
                texts.setdefault((code, text), [(code, text)]).append((code, alias))
    found = standing({place for places in texts.values() for place in places})
    return {value: next(place for place in places if place in found) for value, places in texts.items()}


def altered_by(entry: Entry, row: AudienceAttributeValue, attribute: AudienceAttribute) -> Change | None:
    """The change that the entry makes to the row, which has it then; None where it says what stands there."""
    before = {name: getattr(row, name) for name in WRITTEN}
    names = [name for name in WRITTEN if before[name] != entry.said[name]]
    if not names:
        return None
    for name in names:
        setattr(row, name, entry.said[name])
    return Change(
        action=Change.Action.CHANGED,
        before={name: before[name] for name in names},
        after={name: entry.said[name] for name in names},
        **named(attribute, row),
    )


def created(row: AudienceAttributeValue) -> Change:
    after = {"value": row.value, **{name: getattr(row, name) for name in WRITTEN}}
    return Change(action=Change.Action.CREATED, after=after, **named(row.attribute, row))
