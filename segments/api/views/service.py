"""Addresses about the service itself, open to everyone."""

from collections.abc import Callable
from functools import lru_cache, wraps

import orjson
from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator

from segments.api.errors import method_not_allowed, problem
from segments.api.media import weights_of

SAFE = ("GET", "HEAD")
View = Callable[..., HttpResponse]


def readable(view: View) -> View:
    """For everyone to GET, with a problem document for other methods; nothing is written, so nobody forges a thing."""

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest, **place: str) -> HttpResponse:
        return view(request, **place) if request.method in SAFE else method_not_allowed(request, SAFE)

    return checked


@readable
def index(request: HttpRequest) -> HttpResponse:
    """Where things are: a page for people, JSON for callers."""
    links = {
        "documentation": "/docs",
        "openapi": "/openapi.json",
        "token": "/o/token/",
        "segments": "/audiences/segments",
        "audiences": "/audiences",
        "attributes": "/audiences/attributes",
        "admin": "/admin/",
    }
    weights = weights_of(request.headers.get("Accept", "*/*"))
    if weights.get("text/html", 0) > 0:
        return render(request, "index.html", {"links": links, "version": settings.A2_VERSION})
    return JsonResponse({"service": "A2 audience service", "version": settings.A2_VERSION, "links": links})


@readable
def livez(request: HttpRequest) -> HttpResponse:
    """Whether this process answers."""
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@readable
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether it can serve: the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM segments_audiencesegment LIMIT 1")
    except DatabaseError:
        detail = "The database does not answer, or its tables are missing: run python manage.py migrate."
        return problem(request, 503, "not_ready", "Service unavailable", detail, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@readable
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    return HttpResponse(openapi_document(), content_type="application/json")


@lru_cache(maxsize=1)
def openapi_document() -> bytes:
    """The document as bytes; it changes with the code only."""
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str)


@readable
@csp_update({"style-src": [SELF, UNSAFE_INLINE]})
def swagger(request: HttpRequest) -> HttpResponse:
    """Swagger UI over the OpenAPI document; it sets styles in its markup, so this page allows them."""
    return render(request, "docs/api.html")
