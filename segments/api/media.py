"""JSON in and out: which bodies are read, how answers are written, what Accept may ask for."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from django.http import HttpRequest, UnreadablePostError
from gunicorn.http.errors import ParseException
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from segments.border import Document, read_json
from segments.exceptions import (
    BodyTooLarge,
    UnreadableJSON,
    UnsupportedEncoding,
    UnsupportedFile,
    UnsupportedMediaType,
    UnsupportedPacking,
    gettext_noop,
)
from segments.moments import rfc3339

BROKEN_CHUNKS = gettext_noop("The body cannot be read: its chunks are broken. Send it again.")
CUT_OFF = gettext_noop("The body is shorter than its Content-Length says. Send it again.")
PIECE = 2**18
WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)", re.ASCII)
LEAST = 0.0001
READABLE = ("application/json", "application/*", "*/*", "text/html", "text/*", "application/problem+json")


def require_document(request: HttpRequest, limit: int) -> None:
    """Refuse by its headers a body that would not be read: 413, then 415."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise BodyTooLarge(limit)
    if request.content_type != "application/json":
        raise UnsupportedMediaType
    require_plain(request)


def is_bodiless(request: HttpRequest) -> bool:
    """Whether the request says that it brings no body."""
    return int(request.META.get("CONTENT_LENGTH") or 0) == 0 and "Transfer-Encoding" not in request.headers


def require_plain(request: HttpRequest) -> None:
    """Refuse a compressed body."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedEncoding


def read_document(request: HttpRequest, limit: int) -> Document:
    """The body of a request as a JSON document.

    DRF's parsers are passed by: they take a body without Content-Length for none, and say nothing of the size.
    """
    data = read_body(request, limit)
    if not data:
        raise UnreadableJSON("The body is empty. Send a JSON document.")
    return read_json(data)


def require_file(request: HttpRequest, limit: int, media_types: Collection[str]) -> None:
    """Refuse by its headers a file that would not be read: 413, then 415."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise BodyTooLarge(limit)
    if request.content_type not in media_types:
        raise UnsupportedFile
    if encoding_of(request) not in {"identity", "gzip"}:
        raise UnsupportedPacking


def encoding_of(request: HttpRequest) -> str:
    return request.headers.get("Content-Encoding", "identity").strip().lower()


def read_file(request: HttpRequest, limit: int) -> Iterator[bytes]:
    """The body, piece by piece; BodyTooLarge past the limit, UnreadableJSON where the sender stopped in the middle."""
    source, announced, read = source_of(request), request.META.get("CONTENT_LENGTH"), 0
    try:
        while piece := source.read(PIECE):
            read += len(piece)
            if read > limit:
                raise BodyTooLarge(limit)
            yield piece
    except (ParseException, UnreadablePostError):
        raise UnreadableJSON(BROKEN_CHUNKS) from None
    if announced and read < int(announced):
        raise UnreadableJSON(CUT_OFF)


def source_of(request: HttpRequest) -> Any:
    """What the body is read from: Django takes one without Content-Length for none."""
    chunked = request.META.get("wsgi.input_terminated") and "Transfer-Encoding" in request.headers
    return request.META["wsgi.input"] if chunked else request


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The whole body, also a chunked one, which WSGI leaves to us; BodyTooLarge past the limit."""
    source = source_of(request)
    try:
        data: bytes = source.read(limit + 1)
    except ParseException:
        raise UnreadableJSON(BROKEN_CHUNKS) from None
    if len(data) > limit:
        raise BodyTooLarge(limit)
    return data


class JSONRenderer(BaseRenderer):
    """Writes JSON by orjson; moments as RFC 3339."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return orjson.dumps(data, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


class FileRenderer(BaseRenderer):
    """Stands for a kind of file in the negotiation; the view streams it."""


class JSONNegotiation(BaseContentNegotiation):
    """Answers in the type that is wanted most, JSON where none is; `q=0` means no (RFC 9110, 12.4.2)."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> None:
        """None: bodies are read by `read_document`."""

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        weights = weights_of(request.headers.get("Accept", "*/*"))
        wanted = max(renderers, key=lambda renderer: weight_of(renderer.media_type, weights))
        if weight_of(wanted.media_type, weights) <= 0:
            raise NotAcceptable
        return wanted, wanted.media_type


def weights_of(accept: str) -> dict[str, float]:
    """The media ranges of an Accept header with their weights."""
    return dict(weighed(part) for part in (accept.strip() or "*/*").split(",") if part.strip())


def weighed(part: str) -> tuple[str, float]:
    """A media range and its weight; a weight that cannot be read counts as 1."""
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if found := WEIGHT.fullmatch(parameter):
            return media_range, float(found[1])
    return media_range, 1.0


def weight_of(media_type: str, weights: Mapping[str, float]) -> float:
    """How much these media ranges want the type: the most specific one that names it decides."""
    for media_range in (media_type, f"{media_type.split('/')[0]}/*", "*/*"):
        if media_range in weights:
            return weights[media_range]
    if media_type != "application/json":
        return 0.0
    # Browsers and others who can read JSON get it, too, unless there is something that they named.
    return LEAST if any(weights.get(kind, 0) > 0 for kind in READABLE) else 0.0
