"""Which scopes a client may have in a token."""

from collections.abc import Mapping

from django.conf import settings
from oauth2_provider.scopes import BaseScopes

from segments.models import Client


class ClientScopes(BaseScopes):  # type: ignore[misc]
    """A client gets the scopes it was registered for, and all of those when it asks for none."""

    def get_all_scopes(self) -> Mapping[str, str]:
        return {name: str(about) for name, about in settings.SCOPES.items()}

    def get_available_scopes(self, application: Client | None = None, request: object = None) -> list[str]:
        registered = settings.SCOPES if application is None else application.allowed_scopes
        return [scope for scope in settings.SCOPES if scope in registered]

    def get_default_scopes(self, application: Client | None = None, request: object = None) -> list[str]:
        return self.get_available_scopes(application, request)
