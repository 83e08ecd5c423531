"""/imports/{id}/rejects"""

from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from segments.api.filters import read_query
from segments.api.media import FileRenderer, JSONRenderer
from segments.api.operations import reject_operations
from segments.api.views.base import ApiViewSet
from segments.api.views.imports import WRITE, known
from segments.exceptions import ReportMissing
from segments.importing import uploads
from segments.models import Import, ImportReject


class ReportRenderer(FileRenderer):
    media_type, format = "text/csv", "csv"


@reject_operations
class RejectViewSet(ApiViewSet):
    """What was wrong with lines of a file: the first thousand as JSON, or all of the report that commands write."""

    scopes = {"rejects": WRITE}
    renderer_classes = [JSONRenderer, ReportRenderer]

    def rejects(self, request: Request, import_id: str) -> Any:
        read_query(request, {})
        row = known(import_id)
        if isinstance(request.accepted_renderer, FileRenderer):
            return report(row, with_body=request.method == "GET")
        return Response([reject_json(reject) for reject in row.rejects.all()])


def report(row: Import, *, with_body: bool) -> StreamingHttpResponse:
    """The report as it was written; ReportMissing where there is none, or none any more."""
    path, name = uploads.report(row)
    try:
        file = path.open("rb")
    except OSError:
        raise ReportMissing from None
    response = FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
    if not with_body:
        response.streaming_content = ()
    return response


def reject_json(reject: ImportReject) -> dict[str, Any]:
    """What is wrong with a line, as it is answered."""
    return {name: getattr(reject, name) for name in ("line", "column", "code", "value", "reason")}
