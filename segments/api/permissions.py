"""The doorway: what a client needs for an action, and for whom it may act."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from segments.exceptions import (
    Fault,
    InsufficientScope,
    NotAuthenticated,
    OwnerForbidden,
    PlatformClientsOnly,
    gettext_noop,
)
from segments.models import Client

if TYPE_CHECKING:
    from rest_framework.views import APIView


class ScopePermission(BasePermission):
    """Needs a token with the scopes that the view declares.

    A view says in `scopes` what each action, or each method in lower case, needs: `{"list": ("segments:read",)}`.
    One without an entry is a fault of ours, never a way in. A scope that its client has lost since counts no more.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if request.auth is None:
            raise NotAuthenticated
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        needed = needed_scopes(view, request.method)
        token: Any = request.auth
        client: Client = token.application
        if not client.all_owners and any(scope.startswith("audiences:") for scope in needed):
            raise PlatformClientsOnly(needed)
        if not set(needed) <= set(client.scopes_left(token.scope)):
            raise InsufficientScope(needed)
        return True


def needed_scopes(view: "APIView", method: str) -> tuple[str, ...]:
    """What the view declares for its action, or for the method where it has no actions."""
    action = getattr(view, "action", None) or {"head": "get"}.get(method.lower(), method.lower())
    declared: dict[str, tuple[str, ...]] = getattr(view, "scopes", {})
    if action not in declared:
        raise ImproperlyConfigured(f"{type(view).__name__} declares no scopes for {action!r}. Add them to `scopes`.")
    return declared[action]


def require_owner(client: Client, owner_id: uuid.UUID, pointer: str = "/owner_id") -> None:
    """OwnerForbidden unless the client acts for the owner; one that does not exist is answered alike."""
    require_owners(client, [(owner_id, pointer)])


def require_owners(client: Client, owners: Sequence[tuple[uuid.UUID, str]]) -> None:
    """OwnerForbidden, with a fault for every owner the client does not act for; each comes with its pointer."""
    if client.all_owners:
        return
    asked = {owner_id for owner_id, _pointer in owners}
    allowed = set(client.owners.filter(pk__in=asked).values_list("pk", flat=True))
    message = gettext_noop("The client does not act for the owner %(owner_id)s. Name one of its own.")
    faults = [
        Fault(pointer, "owner_forbidden", message, {"owner_id": owner_id})
        for owner_id, pointer in owners
        if owner_id not in allowed
    ]
    if faults:
        raise OwnerForbidden(faults)
