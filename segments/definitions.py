"""Writing a segment: check, size, save, history, change; what is written is written in one transaction."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from segments.exceptions import Fault, Invalid
from segments.matching import Size, clauses_of, compile_all, sizes_of
from segments.models import AudienceSegment, Change, Owner, SegmentSize
from segments.models.changes import Actor

TRACKED = (
    "management_type",
    "name",
    "owner_id",
    "declared_size",
    "properties",
    "exclusions",
    "deprecated_properties",
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
    """Change the fields that were sent and no others; AudienceSegment.DoesNotExist when it is gone."""
    with transaction.atomic():
        segment = AudienceSegment.objects.select_for_update().get(pk=segment_id)
        before = tracked(segment)
        Owner.objects.register([draft.values.get("owner_id", segment.owner_id)])
        apply(segment, draft.values)
        segment.revision += 1
        segment.updated_at = max(timezone.now(), segment.created_at)
        defined = size_all([segment], [draft], strict)
        segment.save()
        record_sizes([segment])
        if tracked(segment) != before:
            Change.objects.record(actor, [change(segment, Change.Action.CHANGED, before)])
    return defined[0]


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
    resolved = compile_all([clauses_of(segment)])[0]
    before = segment.computed_size, segment.size_revision
    set_size(segment, sizes_of([resolved.tree])[0])
    if (segment.computed_size, segment.size_revision) != before:
        keep_size(segment)
    return Defined(segment, resolved.warnings)


def keep_size(segment: AudienceSegment) -> None:
    """Store a size unless the definition has changed since it was read, or a later size is there."""
    sizes = {name: getattr(segment, name) for name in ("computed_size", "size_revision", "size_as_of")}
    unchanged = AudienceSegment.objects.filter(pk=segment.pk, revision=segment.revision)
    with transaction.atomic():
        if unchanged.filter(Q(size_as_of=None) | Q(size_as_of__lt=segment.size_as_of)).update(**sizes):
            record_sizes([segment])


def new(values: Mapping[str, Any]) -> AudienceSegment:
    """A segment that is not saved, from the fields that were sent."""
    segment = AudienceSegment()
    assign(segment, values)
    segment.declared_size = values.get("approximated_size")
    now = timezone.now()
    segment.created_at = values.get("created_at") or now
    segment.updated_at = values.get("updated_at") or now
    return segment


def apply(segment: AudienceSegment, values: Mapping[str, Any]) -> None:
    """Put the fields that were sent into a saved segment; its dates are not a client's to change."""
    if "approximated_size" in values and not is_ours(segment, values["approximated_size"]):
        segment.declared_size = values["approximated_size"]
    assign(segment, values)


def assign(segment: AudienceSegment, values: Mapping[str, Any]) -> None:
    for name in TRACKED:
        if name in values:
            setattr(segment, name, values[name])


def is_ours(segment: AudienceSegment, size: int | None) -> bool:
    """Whether a size that was sent is one we answered: clients send whole objects back."""
    shown = refresh(segment).segment.approximated_size
    if size is None or size == shown:
        return size == shown
    return SegmentSize.objects.filter(segment=segment, size=size).exists()


def size_all(segments: Sequence[AudienceSegment], drafts: Sequence[Draft], strict: bool) -> list[Defined]:
    """Compile and count segments in one view; strict refuses all their warnings at once."""
    resolved = compile_all([clauses_of(segment) for segment in segments])
    defined = [
        Defined(segment, [*draft.warnings, *one.warnings])
        for segment, draft, one in zip(segments, drafts, resolved, strict=True)
    ]
    if strict and any(each.warnings for each in defined):
        raise Invalid(
            [fault.under(draft.pointer) for each, draft in zip(defined, drafts, strict=True) for fault in each.warnings]
        )
    for segment, size in zip(segments, sizes_of([one.tree for one in resolved]), strict=True):
        set_size(segment, size)
    return defined


def set_size(segment: AudienceSegment, size: Size) -> None:
    """Give the segment its computed size, or none where there is no clause to compute it from."""
    segment.computed_size = segment.size_as_of = segment.size_revision = None
    if segment.properties or segment.management_type == AudienceSegment.ManagementType.SYSTEMMANAGED:
        segment.computed_size, segment.size_as_of, segment.size_revision = size.size, size.as_of, segment.revision


def record_sizes(segments: Iterable[AudienceSegment]) -> None:
    """Add the computed sizes to their segments' histories."""
    SegmentSize.objects.bulk_create(
        SegmentSize(segment=segment, size=segment.computed_size, revision=segment.revision, as_of=segment.size_as_of)
        for segment in segments
        if segment.computed_size is not None and segment.size_as_of is not None
    )


def tracked(segment: AudienceSegment) -> dict[str, Any]:
    """The fields whose changes the audit trail keeps."""
    values = {name: getattr(segment, name) for name in TRACKED}
    return {**values, "owner_id": str(segment.owner_id), "management_type": str(segment.management_type)}


def named(segment: AudienceSegment) -> dict[str, str]:
    return {"kind": "segment", "object_id": str(segment.pk), "label": segment.name}


def change(segment: AudienceSegment, action: Change.Action, before: Mapping[str, Any]) -> Change:
    """The audit entry for a segment as it is now, with the fields that differ."""
    after = {name: value for name, value in tracked(segment).items() if name not in before or before[name] != value}
    return Change(
        action=action, before={name: before[name] for name in after if name in before}, after=after, **named(segment)
    )
