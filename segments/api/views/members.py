"""/audiences/segments/{id}/audiences"""

import uuid
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from segments import tallying
from segments.api.filters import Number, read_query
from segments.api.media import FileRenderer, JSONRenderer
from segments.api.operations import member_operations
from segments.api.pagination import MOST, cut, link_next
from segments.api.views.base import ApiViewSet, client_of
from segments.api.views.segments import seen_segment
from segments.contract import LONGEST_AUDIENCE_ID
from segments.exceptions import ChunksNeeded
from segments.exporting import FORMATS, Started, export, in_turn
from segments.matching import members_of
from segments.models import AudienceSegment
from segments.shapes import AudienceId

PAGING = {
    "after": AudienceId(about="Members after this id.", shortest=1, longest=LONGEST_AUDIENCE_ID),
    "limit": Number(about="At most so many; without it 1,000 as JSON, all in a file.", least=1, most=MOST),
}


class CSVRenderer(FileRenderer):
    media_type, format = FORMATS["csv"].media_type, "csv"


class NDJSONRenderer(FileRenderer):
    media_type, format = FORMATS["ndjson"].media_type, "ndjson"


@member_operations(PAGING)
class MemberViewSet(ApiViewSet):
    """The ids of a segment's members, for platform clients: a page as JSON, all of them as CSV or NDJSON."""

    scopes = {"members": ("segments:read", "audiences:read")}
    renderer_classes = [JSONRenderer, CSVRenderer, NDJSONRenderer]

    def members(self, request: Request, segment_id: uuid.UUID) -> Any:
        paging = read_query(request, PAGING)
        segment = seen_segment(client_of(request), segment_id)
        if isinstance(request.accepted_renderer, FileRenderer):
            return streamed(request, segment, paging)
        limit = paging.get("limit", MOST)
        members, more = cut(members_of(segment, paging.get("after"), limit + 1), limit)
        response = Response(members)
        return link_next(request, response, members[-1]) if more else response


def streamed(request: Request, segment: AudienceSegment, paging: dict[str, Any]) -> StreamingHttpResponse:
    """The file, sent in chunks as it is made; a failure on the way cuts the connection without the last chunk."""
    if request.META.get("SERVER_PROTOCOL") == "HTTP/1.0":
        raise ChunksNeeded
    form = FORMATS[request.accepted_renderer.format]
    pieces = in_turn(export(segment, form, paging.get("after"), paging.get("limit")))
    file = Started(pieces) if request.method == "GET" else ()
    tallying.note(tallying.EXPORTED, segment.no)
    return StreamingHttpResponse(file, content_type=f"{form.media_type}; charset=utf-8")
