"""From JSON to the fields of a shape, and from models to JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

from rest_framework.serializers import BaseSerializer

from segments.api.errors import fault_json
from segments.border import Document
from segments.contract import (
    ATTRIBUTE,
    AUDIENCE,
    ESTIMATE,
    LOOKUP,
    MERGING,
    OVERLAP,
    RENAMING,
    RETIREMENT,
    SEGMENT,
    VALUE,
)
from segments.definitions import Defined
from segments.exceptions import Fault, Invalid, gettext_noop
from segments.lookup import Looked
from segments.matching import Estimate, Explanation, Overlap
from segments.models import AudienceAttribute, AudienceSegment
from segments.moments import rfc3339
from segments.shapes import MORE_UNKNOWN, MOST_UNKNOWN, Reading, Shape
from segments.store import Profile, UpsertCounts
from segments.values import Value

Read = Callable[[Any], Reading]
TWICE = gettext_noop("This %(name)s stands twice in one call. Send it once.")
REPEATED = {"id": ("repeated_id", TWICE), "code": ("repeated_code", TWICE)}


def read_one(document: Document, read: Read) -> Reading:
    """One object from a body; Invalid with every fault in it."""
    refuse_unread(document)
    reading = read(document.value)
    refuse([*document.faults, *reading.faults])
    return reading


def read_many(document: Document, read: Read, most: int, distinct: str = "") -> list[Reading]:
    """An array of objects from a body; Invalid with every fault in it, `/7/name` for the eighth one's name.

    A field named by `distinct` has to have another value in each of them.
    """
    refuse_unread(document)
    items = document.value
    if not isinstance(items, list):
        refuse([*document.faults, Fault("", "list_type", gettext_noop("Send a JSON array."))])
    if len(items) > most:
        message = gettext_noop("Send at most %(most)s items in one call.")
        refuse([Fault("", "too_many_items", message, {"most": f"{most:,}"})])
    readings = [read(item) for item in items]
    found = [fault.under(f"/{index}") for index, reading in enumerate(readings) for fault in reading.faults]
    refuse([*document.faults, *found, *repeated(readings, distinct)])
    return readings


def refuse_unread(document: Document) -> None:
    """Invalid where a fault has kept the document from being read at all: there is nothing more to say of it."""
    if document.value is None:
        refuse(list(document.faults))


def repeated(readings: Sequence[Reading], name: str) -> Iterator[Fault]:
    """A fault for each object whose field of this name has the value of an earlier one's."""
    seen: set[str] = set()
    for index, reading in enumerate(readings):
        if name not in reading.values:
            continue
        if reading.values[name] in seen:
            yield Fault(f"/{index}/{name}", *REPEATED[name], {"name": name})
        seen.add(reading.values[name])


def refuse_warnings(readings: Sequence[Reading]) -> None:
    """Raise Invalid with all their warnings, if there are any: the strict reading of an array."""
    refuse([fault.under(f"/{index}") for index, reading in enumerate(readings) for fault in reading.warnings])


def warned(answer: Mapping[str, Any], warnings: Sequence[Fault]) -> Mapping[str, Any]:
    """An answer with the warnings of what was sent, if there are any."""
    return {**answer, "warnings": [fault_json(warning) for warning in warnings]} if warnings else answer


def first_warnings(readings: Sequence[Reading]) -> list[Fault]:
    """The warnings of an array's objects; of thousands only the first are told."""
    found = (fault.under(f"/{index}") for index, reading in enumerate(readings) for fault in reading.warnings)
    told = list(islice(found, MOST_UNKNOWN + 1))
    return [*told[:MOST_UNKNOWN], *(Fault("", "unknown_field", MORE_UNKNOWN) for _more in told[MOST_UNKNOWN:])]


def refuse(faults: list[Fault]) -> None:
    """Raise Invalid if there are faults; one that two checks found is told once."""
    if found := {(fault.pointer, fault.code): fault for fault in faults}:
        raise Invalid(list(found.values()))


class ShapeSerializer(BaseSerializer):  # type: ignore[type-arg]
    """Writes JSON, and describes itself in OpenAPI, by a shape; `schema_name` is its name there."""

    shape: ClassVar[Shape]
    schema_name: ClassVar[str]
    sent: ClassVar[frozenset[str] | None] = None
    answered: ClassVar[bool] = True


class SegmentSerializer(ShapeSerializer):
    shape, schema_name = SEGMENT, "Segment"

    def to_representation(self, instance: Defined) -> dict[str, Any]:
        segment = instance.segment
        computed = segment.size_source == "computed"
        return {
            "id": str(segment.pk),
            "management_type": segment.management_type,
            "name": segment.name,
            "no": segment.no,
            "owner_id": str(segment.owner_id),
            "approximated_size": segment.approximated_size,
            "created_at": rfc3339(segment.created_at),
            "deprecated_properties": segment.deprecated_properties,
            "description": segment.description,
            "properties": segment.properties,
            "updated_at": rfc3339(segment.updated_at),
            "exclusions": segment.exclusions,
            "size_as_of": rfc3339(segment.size_as_of) if computed and segment.size_as_of else None,
            "size_source": segment.size_source,
            "warnings": [fault_json(warning) for warning in instance.warnings],
        }


class SegmentCreateSerializer(SegmentSerializer):
    schema_name, answered = "SegmentCreate", False


class SegmentUpdateSerializer(SegmentCreateSerializer):
    schema_name = "SegmentUpdate"
    sent = frozenset({"id", "management_type", "name", "owner_id"})


class SegmentPatchSerializer(SegmentCreateSerializer):
    schema_name = "SegmentPatch"
    sent = frozenset()


class EstimateRequestSerializer(ShapeSerializer):
    shape, schema_name, answered = ESTIMATE, "EstimateRequest", False


def estimate_json(estimate: Estimate, warnings: list[Fault]) -> dict[str, Any]:
    """An estimate as it is answered; a clause that excludes says so."""
    clauses = [
        {"code": code, "size": size, **({"excluded": True} if excluded else {})}
        for code, excluded, size in estimate.clauses
    ]
    return {
        "size": estimate.size,
        "total": estimate.total,
        "exact": True,
        "as_of": rfc3339(estimate.as_of),
        "clauses": clauses,
        "warnings": [fault_json(warning) for warning in warnings],
    }


class OverlapRequestSerializer(ShapeSerializer):
    shape, schema_name, answered = OVERLAP, "OverlapRequest", False


class LookupRequestSerializer(ShapeSerializer):
    shape, schema_name, answered = LOOKUP, "LookupRequest", False


class RetirementSerializer(ShapeSerializer):
    shape, schema_name, answered = RETIREMENT, "RetirementRequest", False


class RenamingSerializer(ShapeSerializer):
    shape, schema_name, answered = RENAMING, "RenamingRequest", False


class MergingSerializer(ShapeSerializer):
    shape, schema_name, answered = MERGING, "MergingRequest", False


def looked_json(looked: Looked) -> dict[str, Any]:
    """The segments of an audience as they are answered."""
    segments = [found.json for found in looked.segments]
    return {"audience_id": looked.audience_id, "as_of": rfc3339(looked.as_of), "segments": segments}


def explanation_json(segment: AudienceSegment, audience_id: str, explanation: Explanation) -> dict[str, Any]:
    """Why an audience is a member or is not, as it is answered."""
    return {
        "segment_id": str(segment.pk),
        "audience_id": audience_id,
        "as_of": rfc3339(explanation.as_of),
        "member": explanation.member,
        "clauses": [
            {
                "code": verdict.code,
                "excluded": verdict.excluded,
                "wanted": verdict.wanted,
                "has": verdict.has,
                "passes": verdict.passes,
            }
            for verdict in explanation.clauses
        ],
        "warnings": [fault_json(warning) for warning in explanation.warnings],
    }


def overlap_json(overlap: Overlap) -> dict[str, Any]:
    """Sizes and overlaps as they are answered."""
    return {
        "as_of": rfc3339(overlap.as_of),
        "segments": [
            {"id": str(segment.pk), "no": segment.no, "name": segment.name, "size": size}
            for segment, size in overlap.sizes
        ],
        "pairs": [
            {
                "segment_ids": [str(pair.first.pk), str(pair.second.pk)],
                "intersection": pair.intersection,
                "union": pair.union,
                "jaccard": pair.jaccard,
            }
            for pair in overlap.pairs
        ],
    }


class AttributeSerializer(ShapeSerializer):
    shape, schema_name = ATTRIBUTE, "Attribute"

    def to_representation(self, instance: AudienceAttribute) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "no": instance.no,
            "code": instance.code,
            "name": instance.name,
            "owner_id": str(instance.owner_id),
            "visibility": instance.visibility,
            "deprecated": instance.deprecated,
            "description": instance.description,
            "learned": instance.learned,
            "value_count": instance.value_count,  # type: ignore[attr-defined]
            "created_at": rfc3339(instance.created_at),
            "updated_at": rfc3339(instance.updated_at),
        }


class AttributeCreateSerializer(AttributeSerializer):
    schema_name, answered = "AttributeCreate", False


class AttributeUpdateSerializer(AttributeCreateSerializer):
    schema_name = "AttributeUpdate"
    sent = frozenset({"id", "code", "name", "owner_id", "visibility"})


class AttributePatchSerializer(AttributeCreateSerializer):
    schema_name = "AttributePatch"
    sent = frozenset()


class ValueSerializer(ShapeSerializer):
    shape, schema_name = VALUE, "Value"

    def to_representation(self, instance: Value) -> dict[str, Any]:
        return instance._asdict()


class ValueCreateSerializer(ValueSerializer):
    schema_name, answered = "ValueCreate", False


class AudienceSerializer(ShapeSerializer):
    shape, schema_name = AUDIENCE, "Audience"

    def to_representation(self, instance: Profile) -> dict[str, Any]:
        return {
            "id": instance.id,
            "id_type": instance.id_type,
            "alt_id": instance.alt_id,
            "properties": instance.properties,
            "created_at": rfc3339(instance.created_at),
            "updated_at": rfc3339(instance.updated_at),
        }


def counts_json(counts: UpsertCounts) -> Mapping[str, int]:
    """The account of an upsert."""
    return {name: getattr(counts, name) for name in ("created", "updated", "unchanged", "suppressed")}
