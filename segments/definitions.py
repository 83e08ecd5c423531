"""Writing a segment: check, size, save, history, change; what is written is written in one transaction."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from segments.border import comparable
from segments.exceptions import Fault, Invalid, SegmentMissing
from segments.expressions import Parsed
from segments.matching import clauses_of, compile_all, sizes_of
from segments.models import AudienceSegment, Change, Owner, SegmentSize
from segments.models.changes import Actor
from segments.models.sequences import numbered
from segments.sizing import record_sizes, renew, set_size
from segments.store import UpsertCounts

TRACKED = (
    "management_type",
    "name",
    "owner_id",
    "declared_size",
    "properties",
    "exclusions",
    "deprecated_properties",
    "retired_codes",
    "description",
)


@dataclass(frozen=True)
class Draft:
    """The fields of a segment that were sent, as `contract.SEGMENT` read them.

    `warnings` are those of the reading; `pointer` says where the segment stands in a bulk call.
    """

    values: Mapping[str, Any]
    warnings: Sequence[Fault] = ()
    pointer: str = ""


@dataclass(frozen=True)
class Defined:
    """A segment, and the warnings that its draft and its clauses give now."""

    segment: AudienceSegment
    warnings: Sequence[Fault]


def create(drafts: Sequence[Draft], actor: Actor, *, strict: bool = False) -> list[Defined]:
    """Make segments, all or none, in the order given; strict refuses whatever would be a warning (Invalid)."""
    segments = [new(draft.values) for draft in drafts]
    # Counted outside the transaction, where the store can give one view for all of them.
    defined = size_all(segments, drafts, strict)
    with transaction.atomic():
        Owner.objects.register(segment.owner_id for segment in segments)
        AudienceSegment.objects.bulk_create(segments)
        record_sizes(segments)
        Change.objects.record(actor, [change(segment, Change.Action.CREATED, {}) for segment in segments])
    return defined


def update(segment_id: uuid.UUID, draft: Draft, actor: Actor, *, strict: bool = False) -> Defined:
    """Change the fields that were sent and no others; SegmentMissing when it is gone."""
    with transaction.atomic():
        # Owners come before rows for every writer, so that no two wait for each other.
        Owner.objects.register({draft.values["owner_id"]} if "owner_id" in draft.values else set())
        segment = AudienceSegment.objects.select_for_update().filter(pk=segment_id).first()
        if segment is None:
            raise SegmentMissing
        before, size_before = tracked(segment), segment.computed_size
        meant = None if segment.size_revision != segment.revision else meaning_of(segment)
        apply(segment, draft.values, ours=is_ours(segment, draft.values))
        segment.revision += 1
        segment.updated_at = max(timezone.now(), segment.created_at)
        if meaning_of(segment) == meant:
            defined = keep_counted(segment, draft, strict)
        else:
            defined = size_all([segment], [draft], strict)[0]
        segment.save()
        if segment.computed_size != size_before:
            record_sizes([segment])
        changed = change(segment, Change.Action.CHANGED, before)
        if changed.after:
            Change.objects.record(actor, [changed])
    return defined


def upsert(drafts: Sequence[Draft], actor: Actor) -> UpsertCounts:
    """Create segments or change those that have these ids, all or none, each id once; then `recount` the stale ones.

    A new one keeps its id, its dates and, when it is free, its `no`; of one that is here these stay, and the
    other fields that were sent replace its own.
    """
    rows = AudienceSegment.objects.filter(pk__in=[draft.values["id"] for draft in drafts if "id" in draft.values])
    with transaction.atomic():
        Owner.objects.register(draft.values["owner_id"] for draft in drafts)
        known = set(rows.values_list("pk", flat=True))
        updated = revise(rows, [draft.values for draft in drafts if draft.values.get("id") in known], actor)
        lacking = [draft.values for draft in drafts if draft.values.get("id") not in known]
        # The last thing to be done: others who create wait for their numbers from here on.
        created = [new(values) for values in numbered(AudienceSegment, "segment_no", lacking)]
        AudienceSegment.objects.bulk_create(created)
        Change.objects.record(actor, [change(segment, Change.Action.CREATED, {}) for segment in created])
    return UpsertCounts(len(created), updated, len(drafts) - len(created) - updated)


def revise(rows: QuerySet[AudienceSegment], drafts: Sequence[Mapping[str, Any]], actor: Actor) -> int:
    """Give segments the fields that were sent; how many of them that changes."""
    stored = {segment.pk: segment for segment in rows.select_for_update().order_by("pk")}
    asked = [draft["approximated_size"] for draft in drafts if draft.get("approximated_size") is not None]
    kept = set(SegmentSize.objects.filter(segment__in=stored, size__in=asked).values_list("segment", "size"))
    changes: dict[AudienceSegment, Change] = {}
    for draft in drafts:
        segment = stored[draft["id"]]
        before = tracked(segment)
        meant = None if segment.size_revision != segment.revision else meaning_of(segment)
        size = draft.get("approximated_size")
        apply(segment, draft, ours=size == segment.approximated_size or (segment.pk, size) in kept)
        if comparable(tracked(segment)) != comparable(before):
            segment.revision += 1
            segment.updated_at = max(timezone.now(), segment.created_at)
            if meaning_of(segment) == meant:
                segment.size_revision = segment.revision
            changes[segment] = change(segment, Change.Action.CHANGED, before)
    columns = [*TRACKED, "revision", "size_revision", "updated_at"]
    AudienceSegment.objects.bulk_create(changes, update_conflicts=True, unique_fields=["id"], update_fields=columns)
    Change.objects.record(actor, list(changes.values()))
    return len(changes)


def delete(segment_ids: Collection[uuid.UUID], actor: Actor) -> None:
    """Remove segments with the histories of their sizes; the audit trail keeps what they were."""
    rows = AudienceSegment.objects.filter(pk__in=segment_ids)
    with transaction.atomic():
        gone = list(rows.select_for_update().order_by("pk"))
        Change.objects.record(
            actor,
            [Change(action=Change.Action.DELETED, before=tracked(segment), **named(segment)) for segment in gone],
        )
        rows.delete()


def refresh(segment: AudienceSegment) -> Defined:
    """Compute the size afresh and keep it where it differs; the definition, its dates and revision stay."""
    resolved, size = sizes_of([clauses_of(segment)])[0]
    renew(segment, size)
    return Defined(segment, resolved.warnings)


def new(values: Mapping[str, Any]) -> AudienceSegment:
    """A segment that is not saved, from the fields that were sent; with `id` and `no` where it brings them."""
    segment = AudienceSegment(**{name: values[name] for name in ("id", "no") if name in values})
    assign(segment, values)
    segment.declared_size = values.get("approximated_size")
    now = timezone.now()
    segment.created_at = values.get("created_at") or now
    segment.updated_at = values.get("updated_at") or now
    return segment


def apply(segment: AudienceSegment, values: Mapping[str, Any], *, ours: bool) -> None:
    """Put the fields that were sent into a saved segment; its dates and a size that is ours are not to change."""
    if "approximated_size" in values and not ours:
        segment.declared_size = values["approximated_size"]
    assign(segment, values)


def assign(segment: AudienceSegment, values: Mapping[str, Any]) -> None:
    """Give the segment the fields that were sent; with `properties` it is saved again after a retirement."""
    for name in TRACKED:
        if name in values:
            setattr(segment, name, values[name])
    if "properties" in values:
        segment.retired_codes = []


def is_ours(segment: AudienceSegment, values: Mapping[str, Any]) -> bool:
    """Whether a size that was sent is one we answered: clients send whole objects back."""
    if "approximated_size" not in values:
        return True
    size: int | None = values["approximated_size"]
    shown = refresh(segment).segment.approximated_size
    if size is None or size == shown:
        return size == shown
    return SegmentSize.objects.filter(segment=segment, size=size).exists()


def size_all(segments: Sequence[AudienceSegment], drafts: Sequence[Draft], strict: bool) -> list[Defined]:
    """Compile and count segments in one view; strict refuses all their warnings at once."""
    asked = [clauses_of(segment) for segment in segments]
    sized = sizes_of(asked, partial(refuse_warnings, drafts) if strict else None)
    for segment, (_resolved, size) in zip(segments, sized, strict=True):
        set_size(segment, size)
    return [
        Defined(segment, [*draft.warnings, *one.warnings])
        for segment, draft, (one, _size) in zip(segments, drafts, sized, strict=True)
    ]


def refuse_warnings(drafts: Sequence[Draft], resolved: Sequence[Parsed]) -> None:
    """Invalid with every warning of the drafts and of what they mean, unless there is none."""
    found = [
        fault.under(draft.pointer)
        for draft, one in zip(drafts, resolved, strict=True)
        for fault in (*draft.warnings, *one.warnings)
    ]
    if found:
        raise Invalid(found)


def keep_counted(segment: AudienceSegment, draft: Draft, strict: bool) -> Defined:
    """The segment with the size that it has: it means what it meant."""
    resolved = compile_all([clauses_of(segment)])
    if strict:
        refuse_warnings([draft], resolved)
    if segment.size_revision is not None:
        segment.size_revision = segment.revision
    return Defined(segment, [*draft.warnings, *resolved[0].warnings])


def meaning_of(segment: AudienceSegment) -> object:
    """All that a segment's computed size comes from, in a form that can be compared."""
    clauses = comparable([segment.properties, segment.exclusions, segment.retired_codes])
    return segment.owner_id, str(segment.management_type), clauses


def tracked(segment: AudienceSegment) -> dict[str, Any]:
    """The fields whose changes the audit trail keeps."""
    values = {name: getattr(segment, name) for name in TRACKED}
    return {**values, "owner_id": str(segment.owner_id), "management_type": str(segment.management_type)}


def named(segment: AudienceSegment) -> dict[str, str]:
    return {"kind": "segment", "object_id": str(segment.pk), "label": segment.name}


def change(segment: AudienceSegment, action: Change.Action, before: Mapping[str, Any]) -> Change:
    """The audit entry for a segment as it is now, with the fields that differ."""
    after = {
        name: value
        for name, value in tracked(segment).items()
        if name not in before or comparable(before[name]) != comparable(value)
    }
    return Change(
        action=action, before={name: before[name] for name in after if name in before}, after=after, **named(segment)
    )
