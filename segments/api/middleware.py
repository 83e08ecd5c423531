"""What every request gets: an id, and a problem document when the database is away."""

import logging
import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from segments.api.errors import problem

logger = logging.getLogger(__name__)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNREADABLE = (ValidationError, ValueError)
"""What Django's admin lets through of ids and filters that are not of their field's type."""
FOR_PEOPLE = re.compile(r"/(admin|docs|static)(/|$)|/$")


class ProblemMiddleware:
    """Outermost: gives the request its id, refuses plain http in production, answers 503 for PostgreSQL."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request.request_id = sent if REQUEST_ID.fullmatch(sent) else str(uuid.uuid4())  # type: ignore[attr-defined]
        response = insecure(request) or self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        if not FOR_PEOPLE.match(request.path_info) and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """503 with Retry-After when the database cannot be used now; other errors go on to Django."""
        if isinstance(error, DataError) or (is_of_the_admin(request) and isinstance(error, UNREADABLE)):
            logger.warning("Unreadable text in request %s: %s", request.request_id, error)  # type: ignore[attr-defined]
            return problem(request, 400, "bad_request", "Bad request", "A text in the request cannot be read.")
        if is_of_the_admin(request) and isinstance(error, IntegrityError):
            detail = "Something else has changed meanwhile; nothing was written. Open the page anew."
            return problem(request, 409, "conflict", "Conflict", detail)
        if not isinstance(error, OperationalError | InterfaceError | InternalError):
            return None
        logger.error("Database failure in request %s: %s", request.request_id, type(error.__cause__ or error).__name__)  # type: ignore[attr-defined]
        detail = "The database cannot be used now; nothing was changed. Send the request again in a few seconds."
        return problem(
            request, 503, "database_unavailable", "Service unavailable", detail, headers={"Retry-After": "5"}
        )


def is_of_the_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")


def insecure(request: HttpRequest) -> HttpResponse | None:
    """The refusal of plain http in production: a token sent in the clear must not seem to work."""
    if not settings.A2_PRODUCTION or request.is_secure() or FOR_PEOPLE.match(request.path_info):
        return None
    if request.path_info.rstrip("/") in {"/livez", "/readyz"}:
        return None
    return problem(
        request, 403, "https_required", "Forbidden", "Use https; replace the token that was sent in the clear."
    )
