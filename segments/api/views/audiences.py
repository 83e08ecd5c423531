"""/audiences"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from segments import audiences, tallying
from segments.api.filters import Number, read_query
from segments.api.operations import audience_operations
from segments.api.pagination import MOST, NUMBERED, cut, link_next
from segments.api.serializers import (
    AudienceSerializer,
    counts_json,
    first_warnings,
    looked_json,
    read_many,
    read_one,
    refuse,
    refuse_warnings,
    warned,
)
from segments.api.views.base import ApiViewSet, is_strict
from segments.contract import LONGEST_AUDIENCE_ID, LOOKUP, read_audience
from segments.exceptions import AudienceMissing, Fault, gettext_noop
from segments.lookup import INDEX, Looked
from segments.shapes import AudienceId
from segments.store import Profile, store

MOST_AUDIENCES = 10_000
PAGE_SIZE = 10
DEEPEST = 100_000
READ = ("audiences:read",)
WRITE = ("audiences:write",)
LOOK_UP = ("segments:read", "audiences:read")
PAGING = {
    "page": Number(about="The page, counted from 1; the first without it.", least=1, most=2**63 - 1),
    "page_size": Number(about="So many on a page; 10 without it.", least=1, most=MOST),
    "after": AudienceId(about="Audiences after this id.", shortest=1, longest=LONGEST_AUDIENCE_ID),
    "limit": Number(about="At most so many; 10 without it.", least=1, most=MOST),
}
MIXED = gettext_noop("Pages go by page and page_size, or by after and limit. Leave one kind out.")
TOO_DEEP = gettext_noop("page × page_size is more than %(deepest)s. Go on with after, the last id that you have.")


@audience_operations(PAGING)
class AudienceViewSet(ApiViewSet):
    """Audiences, for platform clients."""

    scopes = {
        "list": READ,
        "create": WRITE,
        "update_in_body": WRITE,
        "bulk_add": WRITE,
        "retrieve": READ,
        "segments": LOOK_UP,
        "lookup": LOOK_UP,
        "destroy": WRITE,
    }

    def list(self, request: Request) -> Response:
        size, found = page(read_query(request, PAGING))
        profiles, more = cut(found, size)
        response = Response(AudienceSerializer(profiles, many=True).data)
        return link_next(request, response, profiles[-1].id, size) if more else response

    def create(self, request: Request) -> Response:
        return self.write(request, audiences.create)

    def update_in_body(self, request: Request) -> Response:
        return self.write(request, audiences.update)

    def write(self, request: Request, write: Callable[..., Profile]) -> Response:
        """POST and PATCH, which take the same body."""
        reading = read_one(self.document, read_audience)
        strict = is_strict(request)
        if strict:
            refuse(reading.warnings)
        profile = write(audiences.change_of(reading.values), strict=strict)
        return Response(warned(AudienceSerializer(profile).data, reading.warnings))

    def bulk_add(self, request: Request) -> Response:
        readings = read_many(self.document, read_audience, MOST_AUDIENCES, distinct="id")
        strict = is_strict(request)
        if strict:
            refuse_warnings(readings)
        changes = [audiences.change_of(reading.values) for reading in readings]
        counts = audiences.upsert(changes, strict=strict)
        return Response(warned(counts_json(counts), first_warnings(readings)))

    def segments(self, request: Request, audience_id: str) -> Response:
        read_query(request, {})
        return Response(looked_json(looked_up([audience_id])[0]))

    def lookup(self, request: Request) -> Response:
        reading = read_one(self.document, LOOKUP.read)
        return Response([looked_json(looked) for looked in looked_up(reading.values["ids"])])

    def retrieve(self, request: Request, audience_id: str) -> Response:
        read_query(request, {})
        found = store().get([audience_id])
        if audience_id not in found:
            raise AudienceMissing
        return Response(AudienceSerializer(found[audience_id]).data)

    def destroy(self, request: Request, audience_id: str) -> Response:
        read_query(request, {})
        if not store().erase([audience_id]):
            raise AudienceMissing
        return Response(status=204)


def page(paging: Mapping[str, Any]) -> tuple[int, list[Profile]]:
    """How long the page is, and its audiences and one more where there is one."""
    numbered = paging.keys() & NUMBERED
    by_key = sorted(paging.keys() - NUMBERED)
    if numbered and by_key:
        refuse([Fault(f"/{name}", "mixed_paging", MIXED) for name in by_key])
    if by_key:
        limit = paging.get("limit", PAGE_SIZE)
        return limit, store().page(paging.get("after"), limit + 1)
    number, size = paging.get("page", 1), paging.get("page_size", PAGE_SIZE)
    if number * size > DEEPEST:
        refuse([Fault("/page", "page_too_deep", TOO_DEEP, {"deepest": f"{DEEPEST:,}"})])
    return size, store().offset_page((number - 1) * size, size + 1)


def looked_up(ids: Sequence[str]) -> list[Looked]:
    """The segments of each audience; that they were looked up is counted, a minute later than now."""
    found = INDEX.look_up(ids)
    tallying.TALLIES.note(tallying.LOOKED_UP, [segment.no for looked in found for segment in looked.segments])
    return found
