"""Every refusal in one shape: application/problem+json (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions as drf

from segments.exceptions import Fault, SegmentsError

CONTENT_TYPE = "application/problem+json"


def fault_json(fault: Fault) -> dict[str, str]:
    """A fault or warning as it is answered."""
    return {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}


def problem(
    request: HttpRequest,
    status: int,
    code: str,
    title: str,
    detail: str,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The answer for one failure."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    body["request_id"] = getattr(request, "request_id", "")
    if faults:
        body["errors"] = [fault_json(fault) for fault in faults]
    response = HttpResponse(orjson.dumps(body), status=status, content_type=CONTENT_TYPE, headers=headers)
    response["Cache-Control"] = "no-store"
    return response


def from_error(request: HttpRequest, error: SegmentsError) -> HttpResponse:
    """The answer for one of our own exceptions."""
    return problem(request, error.status, error.code, error.title, error.detail, error.faults, error.headers)


def answer(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler: ours and DRF's failures in the one shape, the rest is the middleware's."""
    request = context["request"]._request
    if isinstance(error, SegmentsError):
        return from_error(request, error)
    if isinstance(error, drf.MethodNotAllowed):
        return method_not_allowed(request, context["view"].allowed_methods)
    if isinstance(error, drf.NotAcceptable):
        offered = ", ".join(renderer.media_type for renderer in context["view"].renderer_classes)
        detail = f"Of what Accept names there is nothing here. There is: {offered}."
        return problem(request, 406, "not_acceptable", "Not acceptable", detail)
    return None


def method_not_allowed(request: HttpRequest, allowed: Sequence[str]) -> HttpResponse:
    """405 with the methods that there are."""
    detail = f"{request.method} is not for this address. Use {', '.join(allowed)}."
    headers = {"Allow": ", ".join(allowed)}
    return problem(request, 405, "method_not_allowed", "Method not allowed", detail, headers=headers)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler for unknown URLs."""
    detail = "There is nothing at this address. GET / lists what there is."
    return problem(request, 404, "not_found", "Not found", detail)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler for what cannot be read as HTTP, such as an unknown host."""
    return problem(request, 400, "bad_request", "Bad request", "The request cannot be read: host, headers or address.")


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """Django's handler for what staff may not do, and for forms that did not come from here."""
    detail = "You may not do that, or the form was open for too long. Open the page anew, or ask who administers this."
    return problem(request, 403, "forbidden", "Forbidden", detail)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler for a fault of ours."""
    detail = "Something failed on our side; it is logged under this request id."
    return problem(request, 500, "server_error", "Server error", detail)
