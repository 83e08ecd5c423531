"""What every view of the API does before its own work, in the order that the contract gives."""

from typing import Any, ClassVar

from django.conf import settings
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from segments.api.filters import strangers
from segments.api.media import is_bodiless, read_document, require_document
from segments.border import Document
from segments.exceptions import NotAuthenticated
from segments.models import Client
from segments.models.changes import Actor

MIB = 2**20
BULK_ACTIONS = {"bulk_add"}


class ApiViewSet(ViewSet):
    """401 · 405 · 413, 415, 406 · 400 · 403 scope; the rest, from 422 on, is the action's own.

    `scopes` says for each action what a token needs; `document` is the body of a POST or PATCH, and counts
    query parameters among its faults, as such requests have none. Actions in `optional` take no body for `{}`.
    """

    scopes: ClassVar[dict[str, tuple[str, ...]]]
    optional: ClassVar[frozenset[str]] = frozenset()
    parser_classes = []
    document: Document
    http_method_names = ["get", "post", "patch", "delete", "head"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        self.perform_authentication(request)
        if request.auth is None:
            raise NotAuthenticated
        if not hasattr(self, (request.method or "").lower()):
            raise MethodNotAllowed(request.method or "")
        brings = request.method in {"POST", "PATCH"}
        if brings:
            self.require_body(request)
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        if brings:
            self.read_body(request)
        self.check_permissions(request)

    def require_body(self, request: Request) -> None:
        """Refuse by its headers a body that would not be read."""
        if not self.is_left_out(request):
            require_document(request._request, self.largest_body())

    def read_body(self, request: Request) -> None:
        """Read the body, before it is known whether the client may do what it asks for."""
        document = Document({}) if self.is_left_out(request) else read_document(request._request, self.largest_body())
        self.document = Document(document.value, (*strangers(request, ()), *document.faults))

    def is_left_out(self, request: Request) -> bool:
        """Whether there is no body, and need not be one."""
        return self.action in self.optional and is_bodiless(request._request)

    def largest_body(self) -> int:
        """The most bytes that this action reads."""
        return 16 * MIB if self.action in BULK_ACTIONS else MIB


def client_of(request: Request) -> Client:
    """The client whose token this is."""
    return request.auth.application  # type: ignore[no-any-return,union-attr]


def actor_of(request: Request) -> Actor:
    return Actor(client=client_of(request))


def is_strict(request: Request) -> bool:
    """Whether warnings are refusals: by the setting, or by `Prefer: handling=strict` (RFC 7240)."""
    preferences = request.headers.get("Prefer", "").lower().replace('"', "").replace(" ", "")
    return settings.A2_STRICT or "handling=strict" in preferences.replace(";", ",").split(",")
