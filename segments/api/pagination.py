"""Pages by key: `after` and `limit`, with a Link to the next one (RFC 8288)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from rest_framework.request import Request
from rest_framework.response import Response

MOST = 1000
NUMBERED = {"page", "page_size"}


def link_next(request: Request, response: Response, after: Any, limit: int | None = None) -> Response:
    """Say where the next page is: the same query after this key; with a `limit`, from a numbered page on."""
    query = {**request.query_params.dict(), "after": after}
    if limit is not None:
        query = {name: value for name, value in query.items() if name not in NUMBERED} | {"limit": limit}
    address = request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
    response["Link"] = f'<{address}>; rel="next"'
    return response


def cut(rows: Sequence[Any], limit: int | None) -> tuple[Sequence[Any], bool]:
    """A page out of rows that were fetched with one too many, and whether there is more."""
    return (rows, False) if limit is None else (rows[:limit], len(rows) > limit)
