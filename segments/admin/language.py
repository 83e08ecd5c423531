"""The staff member's language and time zone; everything outside the admin speaks English and UTC."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone, translation

ADMIN = "/admin/"


class StaffLocaleMiddleware(LocaleMiddleware):
    """In the admin the language is the one chosen there, or else the browser's, and the zone A2_ADMIN_TIME_ZONE."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(ADMIN):
            super().process_request(request)
            timezone.activate(settings.A2_ADMIN_TIME_ZONE)
        else:
            # A thread keeps what the request before has set.
            translation.activate(settings.LANGUAGE_CODE)
            timezone.deactivate()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if request.path_info.startswith(ADMIN) else response
