"""/imports"""

from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from segments import tasks
from segments.api.filters import Many, Number, Switch, read_query
from segments.api.media import encoding_of, read_file, require_file
from segments.api.operations import import_operations
from segments.api.pagination import MOST, cut, link_next
from segments.api.views.base import MIB, ApiViewSet, actor_of
from segments.exceptions import Fault, ImportMissing, Invalid
from segments.importing import background, uploads
from segments.importing.asking import options_of
from segments.importing.options import MERGE, REPLACE
from segments.importing.receipt import BUCKETS
from segments.models import Import
from segments.moments import rfc3339
from segments.shapes import MISSING, Choice, Text, Uuid

LISTED = 100
WRITE = ("audiences:write",)
PAGING = {
    "after": Number(about="Imports before the one with this id.", least=1, most=2**63 - 1),
    "limit": Number(about="At most so many; 100 without it.", least=1, most=MOST),
}
COLUMN = Text(about="A column.", shortest=1, longest=1000)
ASKED = {
    "kind": Choice(about="What the file holds. Required.", words=tuple(sorted(background.KINDS))),
    "name": Text(about="What the file is called, for those who read of it.", shortest=1, longest=255),
    "owner": Uuid(about="The owner of lines that name none; for audiences, of the attributes that are learned."),
    "take_over": Switch(about="Attributes that other owners have become those of the owner that the line names."),
    "strict": Switch(about="Refuse whatever would be a warning."),
    "dry_run": Switch(about="Do all of it, take it back, and give its receipt."),
    "max_errors": Text(about="Apply nothing when more lines, or a larger share in %, are rejected.", longest=20),
    "delimiter": Text(about="What parts the cells of CSV.", shortest=1, longest=2),
    "id_column": Text(about="The column of ids; id without it.", shortest=1, longest=1000),
    "skip": Many(about="A column that is no attribute; repeat it for others.", each=COLUMN),
    "map": Many(about="CODE=COLUMN: load the column under this code; repeat it for others.", each=COLUMN),
    "separator": Text(about="What parts several values in a cell; | without it.", longest=100),
    "mode": Choice(about="Whether attributes without a column stay (merge) or go.", words=(MERGE, REPLACE)),
}


@import_operations(PAGING, ASKED)
class ImportViewSet(ApiViewSet):
    """Files that are loaded in the background, for platform clients."""

    scopes = {"list": WRITE, "create": WRITE, "retrieve": WRITE}

    def require_body(self, request: Request) -> None:
        require_file(request._request, self.largest_body(), uploads.SUFFIXES)

    def read_body(self, request: Request) -> None:
        """Nothing: a file is read when it is known that it will be loaded."""

    def largest_body(self) -> int:
        return int(settings.A2_IMPORT_MAX_MB) * MIB

    def list(self, request: Request) -> Response:
        paging = read_query(request, PAGING)
        rows = Import.objects.order_by("-id")
        if "after" in paging:
            rows = rows.filter(pk__lt=paging["after"])
        limit = paging.get("limit", LISTED)
        page, more = cut(list(rows[: limit + 1]), limit)
        response = Response([import_json(row) for row in page])
        return link_next(request, response, page[-1].pk, limit) if more else response

    def create(self, request: Request) -> Response:
        asked = read_query(request, ASKED)
        if "kind" not in asked:
            raise Invalid([Fault("/kind", "missing", MISSING)])
        kind, dry_run = asked.pop("kind"), asked.pop("dry_run", False)
        suffix = uploads.SUFFIXES[request._request.content_type or ""]
        packed = ".gz" if encoding_of(request._request) == "gzip" else ""
        file = asked.pop("name", f"upload{suffix}")
        options = options_of(kind, asked, dry_run=dry_run)
        upload = uploads.keep(read_file(request._request, self.largest_body()), suffix + packed)
        with uploads.unless_it_fails(upload), transaction.atomic():
            row = tasks.import_later(kind, file, upload, options, actor_of(request))
        return Response(import_json(row))

    def retrieve(self, request: Request, import_id: str) -> Response:
        read_query(request, {})
        return Response(import_json(known(import_id)))


def known(import_id: str) -> Import:
    row = Import.objects.filter(pk=import_id).first()
    if row is None:
        raise ImportMissing
    return row


def import_json(row: Import) -> dict[str, Any]:
    """An import as it is answered."""
    counts = ("lines", *BUCKETS, "reasons")
    return {
        "id": row.pk,
        "kind": row.kind,
        "file": row.file,
        "state": row.state,
        "reason": row.reason,
        "owner_id": str(row.owner_id) if row.owner_id else None,
        "dry_run": row.dry_run,
        "options": row.options,
        "started_at": rfc3339(row.started_at),
        "finished_at": rfc3339(row.finished_at) if row.finished_at else None,
        "progress": row.progress,
        "receipt": {name: getattr(row, name) for name in counts},
    }
