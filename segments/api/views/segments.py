"""/audiences/segments"""

import uuid
from typing import Any

from django.db.models import F
from rest_framework.request import Request
from rest_framework.response import Response

from segments import definitions, matching
from segments.api.filters import Number, SegmentFilter, read_query
from segments.api.operations import segment_operations
from segments.api.pagination import MOST, cut, link_next
from segments.api.permissions import require_owner, require_owners
from segments.api.serializers import (
    SegmentPatchSerializer,
    SegmentSerializer,
    SegmentUpdateSerializer,
    estimate_json,
    explanation_json,
    overlap_json,
    read_many,
    read_one,
)
from segments.api.views.base import ApiViewSet, actor_of, client_of, is_strict
from segments.contract import ESTIMATE, LONGEST_AUDIENCE_ID, OVERLAP, read_change, read_segment
from segments.definitions import Defined, Draft
from segments.exceptions import Fault, Invalid, SegmentMissing, gettext_noop
from segments.matching import Clauses, clauses_of, compile_all
from segments.models import AudienceSegment, Client
from segments.shapes import MISSING, AudienceId, Choice

MOST_SEGMENTS = 1000
WRITE = ("segments:write",)
READ = ("segments:read",)
ORDERINGS = ("no", "-no", "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at")
EXPLAINED = {"audience_id": AudienceId(about="The audience.", shortest=1, longest=LONGEST_AUDIENCE_ID)}
BY_NO = {"no", "-no"}
PAGING = {
    "after": Number(about="Segments after this no.", least=0, most=2**63 - 1),
    "limit": Number(about="At most so many; all of them without it.", least=1, most=MOST),
    "ordering": Choice(about="The order; no when it is left out.", words=ORDERINGS),
}


@segment_operations({**PAGING, **SegmentFilter.fields()}, EXPLAINED)
class SegmentViewSet(ApiViewSet):
    """Segments, of the client's owners or, for a platform client, of all."""

    scopes = {
        "list": READ,
        "create": WRITE,
        "update_in_body": WRITE,
        "bulk_add": WRITE,
        "estimate": READ,
        "overlap": READ,
        "explain": ("segments:read", "audiences:read"),
        "retrieve": READ,
        "partial_update": WRITE,
        "destroy": WRITE,
    }

    def list(self, request: Request) -> Response:
        rows = SegmentFilter(request.query_params, AudienceSegment.objects.of(client_of(request)))
        paging = read_query(request, PAGING, rows)
        segments, more = cut(page(rows.qs, paging), paging.get("limit"))
        resolved = compile_all([clauses_of(segment) for segment in segments])
        defined = [Defined(segment, one.warnings) for segment, one in zip(segments, resolved, strict=True)]
        response = Response(SegmentSerializer(defined, many=True).data)
        by_no = paging.get("ordering", "no") in BY_NO
        return link_next(request, response, segments[-1].no) if more and by_no else response

    def create(self, request: Request) -> Response:
        reading = read_one(self.document, read_segment)
        require_owner(client_of(request), reading.values["owner_id"])
        draft = Draft(reading.values, reading.warnings)
        defined = definitions.create([draft], actor_of(request), strict=is_strict(request))
        return Response(SegmentSerializer(defined[0]).data)

    def bulk_add(self, request: Request) -> Response:
        readings = read_many(self.document, read_segment, MOST_SEGMENTS)
        owners = [(reading.values["owner_id"], f"/{index}/owner_id") for index, reading in enumerate(readings)]
        require_owners(client_of(request), owners)
        drafts = [Draft(reading.values, reading.warnings, f"/{index}") for index, reading in enumerate(readings)]
        defined = definitions.create(drafts, actor_of(request), strict=is_strict(request))
        return Response(SegmentSerializer(defined, many=True).data)

    def update_in_body(self, request: Request) -> Response:
        required = SegmentUpdateSerializer.sent
        return self.change(request, lambda value: read_change(value, required))

    def partial_update(self, request: Request, segment_id: uuid.UUID) -> Response:
        required = SegmentPatchSerializer.sent
        return self.change(request, lambda value: read_change(value, required), segment_id)

    def change(self, request: Request, read: Any, segment_id: uuid.UUID | None = None) -> Response:
        """Either PATCH: the id is in the path, or else in the body."""
        reading = read_one(self.document, read)
        target = segment_id or reading.values.pop("id")
        client = client_of(request)
        seen_segment(client, target)
        if "owner_id" in reading.values:
            require_owner(client, reading.values["owner_id"])
        draft = Draft(reading.values, reading.warnings)
        defined = definitions.update(target, draft, actor_of(request), strict=is_strict(request))
        return Response(SegmentSerializer(defined).data)

    def retrieve(self, request: Request, segment_id: uuid.UUID) -> Response:
        read_query(request, {})
        defined = definitions.refresh(seen_segment(client_of(request), segment_id))
        response = Response(SegmentSerializer(defined).data)
        response["ETag"] = f'"{defined.segment.revision}"'
        return response

    def destroy(self, request: Request, segment_id: uuid.UUID) -> Response:
        read_query(request, {})
        definitions.delete([seen_segment(client_of(request), segment_id).pk], actor_of(request))
        return Response(status=204)

    def overlap(self, request: Request) -> Response:
        ids = read_one(self.document, OVERLAP.read).values["segment_ids"]
        found = AudienceSegment.objects.of(client_of(request)).in_bulk(ids)
        if len(found) < len(ids):
            raise SegmentMissing
        return Response(overlap_json(matching.overlap([found[each] for each in ids])))

    def explain(self, request: Request, segment_id: uuid.UUID) -> Response:
        asked = read_query(request, EXPLAINED)
        segment = seen_segment(client_of(request), segment_id)
        if "audience_id" not in asked:
            raise Invalid([Fault("/audience_id", "missing", MISSING)])
        explanation = matching.explain(segment, asked["audience_id"])
        return Response(explanation_json(segment, asked["audience_id"], explanation))

    def estimate(self, request: Request) -> Response:
        reading = read_one(self.document, ESTIMATE.read)
        values = reading.values
        require_owner(client_of(request), values["owner_id"])
        asked = Clauses(values["owner_id"], values.get("properties", {}), values.get("exclusions", {}))
        estimate = matching.estimate(asked)
        warnings = [*reading.warnings, *estimate.warnings]
        if warnings and is_strict(request):
            raise Invalid(warnings)
        return Response(estimate_json(estimate, warnings))


def seen_segment(client: Client, segment_id: uuid.UUID) -> AudienceSegment:
    """The segment, if this client may see it; another owner's looks like none."""
    segment = AudienceSegment.objects.of(client).filter(pk=segment_id).first()
    if segment is None:
        raise SegmentMissing
    return segment


def page(rows: Any, paging: dict[str, Any]) -> list[AudienceSegment]:
    """The rows of one page and, where there is a limit, one more."""
    ordering = paging.get("ordering", "no")
    if "after" in paging and ordering not in BY_NO:
        message = gettext_noop("after counts by no; leave it out, or order by no.")
        raise Invalid([Fault("/after", "after_needs_no", message)])
    if "after" in paging:
        rows = rows.filter(**{"no__lt" if ordering == "-no" else "no__gt": paging["after"]})
    rows = rows.order_by(ordering, F("no").asc())
    return list(rows[: paging["limit"] + 1] if "limit" in paging else rows)
