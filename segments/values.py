"""The values of an attribute: list them with their audiences, add one, delete one that nobody uses."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from segments import catalogue
from segments.border import unsafe
from segments.conflicts import ValueExists, ValueInUse, ValueRenamed
from segments.exceptions import Conflict, ValueMissing
from segments.expressions import AnyOf
from segments.labels import label_text, quoted
from segments.models import AudienceAttribute, AudienceAttributeValue, Change
from segments.models.changes import Actor
from segments.store import Snapshot, store
from segments.uses import uses_of


class Value(NamedTuple):
    """A value as it is listed: `name` is what people read for it, empty when nobody gave one.

    `aliases` are the texts that it had before.
    """

    value: str
    name: str
    audience_count: int
    aliases: list[str]


def page(attribute: AudienceAttribute, after: str | None, limit: int, text: str = "") -> list[Value]:
    """The first values beyond `after`, in code point order, each with how many audiences have it.

    With a text those in whose text or label it is, in either case.
    """
    rows = AudienceAttributeValue.objects.filter(attribute=attribute, value__gt=after or "").current().order_by("value")
    rows = rows.found_by(text) if text else rows
    with store().snapshot() as view:
        names = dict(rows.values_list("value", "name")[:limit])
        aliases = attribute.aliases
        counts = counts_of(attribute, names, view, aliases)
    older = {text: sorted(alias for alias, now in aliases.items() if now == text) for text in aliases.values()}
    return [Value(text, name, counts[text], older.get(text, [])) for text, name in names.items()]


def counts_of(
    attribute: AudienceAttribute, texts: Collection[str], view: Snapshot, aliases: Mapping[str, str]
) -> Mapping[str, int]:
    """How many audiences have each of these values, also those who have it by an older text yet."""
    labels = view.label_counts([(attribute.code, text) for text in texts])
    counts = Counter({text: labels[attribute.code, text] for text in texts})
    older = defaultdict(list)
    for alias, text in aliases.items():
        older[text].append(alias)
    for text in older.keys() & set(texts):
        counts[text] = view.count(AnyOf(attribute.code, tuple(sorted([text, *older[text]]))))
    return counts


def add(attribute_id: uuid.UUID, values: Mapping[str, Any], actor: Actor) -> Value:
    """Register a value by the fields of `contract.VALUE`; ValueExists when the attribute has it."""
    with transaction.atomic():
        attribute = catalogue.locked(attribute_id)
        added = AudienceAttributeValue(attribute=attribute, **values)
        try:
            with transaction.atomic():
                added.save(force_insert=True)
        except IntegrityError:
            raise taken(attribute, added.value) from None
        after = {"value": added.value, "name": added.name}
        Change.objects.record(actor, [Change(action=Change.Action.CREATED, after=after, **named(attribute, added))])
    # Nobody has it yet: whoever brings a value brings it to the catalogue, too.
    return Value(added.value, added.name, 0, [])


def taken(attribute: AudienceAttribute, text: str) -> Conflict:
    """Why a text cannot be a new value: it is one, or is read as one."""
    now = attribute.aliases.get(text)
    if now is None:
        return ValueExists(code=attribute.code, value=quoted(text))
    return ValueRenamed(code=attribute.code, value=quoted(text), now=quoted(now))


def delete(attribute_id: uuid.UUID, text: str, actor: Actor) -> None:
    """Remove a value with its aliases, or an alias; ValueMissing, or ValueInUse by segments or audiences.

    The text is read as in a clause. One that was an alias may come back as a value.
    """
    label = label_text(text)
    if label is None or unsafe(label):
        raise ValueMissing
    with transaction.atomic():
        catalogue.wait_for_learners()
        attribute = catalogue.locked(attribute_id)
        value = AudienceAttributeValue.objects.filter(attribute=attribute).with_texts([label]).first()
        if value is None:
            raise ValueMissing
        texts = [label, *value.aliases.values_list("value", flat=True)]
        if uses := uses_of(attribute, texts):
            raise ValueInUse(value=quoted(label), code=attribute.code, segments=uses.segments, audiences=uses.audiences)
        Change.objects.record(actor, [deleted(attribute, value)])
        value.delete()


def deleted(attribute: AudienceAttribute, value: AudienceAttributeValue) -> Change:
    """What the audit trail keeps; that an alias is gone changes what the attribute's clauses mean."""
    if value.alias_of is None:
        before = {"value": value.value, "name": value.name}
        return Change(action=Change.Action.DELETED, before=before, **named(attribute, value))
    before = {"alias": value.value, "value": value.alias_of.value}
    return Change(action=Change.Action.CHANGED, before=before, **catalogue.named(attribute))


def named(attribute: AudienceAttribute, value: AudienceAttributeValue) -> dict[str, str]:
    return {"kind": "value", "object_id": str(value.pk), "label": f"{attribute.code}: {value.value}"}
