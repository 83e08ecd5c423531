"""The values of an attribute: list them with their audiences, add one, delete one that nobody uses."""

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from segments import catalogue
from segments.border import unsafe
from segments.conflicts import ValueExists, ValueInUse
from segments.exceptions import ValueMissing
from segments.labels import label_text, quoted
from segments.models import AudienceAttribute, AudienceAttributeValue, Change
from segments.models.changes import Actor
from segments.store import store
from segments.uses import uses_of


class Value(NamedTuple):
    """A value as it is listed: `name` is what people read for it, empty when nobody gave one."""

    value: str
    name: str
    audience_count: int


def page(attribute: AudienceAttribute, after: str | None, limit: int) -> list[Value]:
    """The first values beyond `after`, in code point order, each with how many audiences have it."""
    rows = AudienceAttributeValue.objects.filter(attribute=attribute, value__gt=after or "").order_by("value")
    with store().snapshot() as view:
        counts = view.value_counts(attribute.code)
    return [Value(value, name, counts.get(value, 0)) for value, name in rows.values_list("value", "name")[:limit]]


def add(attribute_id: uuid.UUID, values: Mapping[str, Any], actor: Actor) -> Value:
    """Register a value by the fields of `contract.VALUE`; ValueExists when the attribute has it."""
    with transaction.atomic():
        attribute = catalogue.locked(attribute_id)
        added = AudienceAttributeValue(attribute=attribute, **values)
        try:
            with transaction.atomic():
                added.save(force_insert=True)
        except IntegrityError:
            raise ValueExists(code=attribute.code, value=quoted(added.value)) from None
        after = {"value": added.value, "name": added.name}
        Change.objects.record(actor, [Change(action=Change.Action.CREATED, after=after, **named(attribute, added))])
    # Nobody has it yet: whoever brings a value brings it to the catalogue, too.
    return Value(added.value, added.name, 0)


def delete(attribute_id: uuid.UUID, text: str, actor: Actor) -> None:
    """Remove a value, whose text is read as in a clause; ValueMissing, or ValueInUse by segments or audiences."""
    label = label_text(text)
    if label is None or unsafe(label):
        raise ValueMissing
    with transaction.atomic():
        catalogue.wait_for_learners()
        attribute = catalogue.locked(attribute_id)
        value = AudienceAttributeValue.objects.filter(attribute=attribute).with_texts([label]).first()
        if value is None:
            raise ValueMissing
        if uses := uses_of(attribute, label):
            raise ValueInUse(value=quoted(label), code=attribute.code, segments=uses.segments, audiences=uses.audiences)
        before = {"value": value.value, "name": value.name}
        Change.objects.record(actor, [Change(action=Change.Action.DELETED, before=before, **named(attribute, value))])
        value.delete()


def named(attribute: AudienceAttribute, value: AudienceAttributeValue) -> dict[str, str]:
    return {"kind": "value", "object_id": str(value.pk), "label": f"{attribute.code}: {value.value}"}
