"""What went wrong, as a page in the admin's look for staff; a program that asks keeps the problem document."""

from collections.abc import Callable
from typing import Any

import orjson
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from segments.admin.language import ADMIN

PROBLEM = "application/problem+json"
WORDS = {
    400: (
        _("This cannot be read"),
        _("The address or the form holds a text that cannot be read. Go back and try again."),
    ),
    403: (
        _("Not for your role"),
        _("Your role does not allow this, or the form was open too long. Open the page anew, or ask an administrator."),
    ),
    404: (_("Nothing is here"), _("It may have been deleted, or the address is mistyped. Look for it in the lists.")),
    405: (_("Not this way"), _("This address is for the buttons of a page. Go back to the page and use them.")),
    409: (_("Something else changed meanwhile"), _("Nothing was written. Open the page anew, and do it again.")),
    503: (_("The database cannot be used now"), _("Nothing was changed. Try again in a few seconds.")),
}
OTHERWISE = (_("Something failed on our side"), _("It is logged under the number below. Tell who runs the service."))
WITHOUT_DATABASE = {500, 503}


class FailurePages:
    """Puts a page in the place of a problem document where a browser asked the admin for one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith(ADMIN) and response.get("Content-Type") == PROBLEM and reads_pages(request):
            title, told = words(response.status_code, response.content)  # type: ignore[attr-defined]
            response.content = page(request, response.status_code, title, told)  # type: ignore[attr-defined]
            response["Content-Type"] = "text/html; charset=utf-8"
        return response


def reads_pages(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def words(status: int, problem: bytes) -> tuple[Any, Any]:
    """What to say of a status: in words for staff where there are such, or else what the problem document says."""
    if status in WORDS or status >= 500:
        return WORDS.get(status, OTHERWISE)
    said = orjson.loads(problem)
    return said["title"], said["detail"]


def page(request: HttpRequest, status: int, title: Any, told: Any) -> str:
    """The page for a status; it asks the database for who is logged in where there is one to ask."""
    shown = {"title": title, "told": told, "number": getattr(request, "request_id", "")}
    if status in WITHOUT_DATABASE:
        return render_to_string("admin/failure.html", shown)
    return render_to_string("admin/failure.html", {**admin.site.each_context(request), **shown}, request)
