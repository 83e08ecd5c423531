"""The addresses of the token endpoints, each with and without its last slash."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from segments.api.oauth_views import MetadataView, TokenEndpoint


def both(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """The route with a slash at its end and without; `name` leads to the first."""
    return [path(f"{route}/", view, name=name), path(route, view)]


urlpatterns = [
    *both("o/token", TokenEndpoint.as_view(create_response="create_token_response"), "oauth-token"),
    *both("o/revoke_token", TokenEndpoint.as_view(create_response="create_revocation_response"), "oauth-revoke"),
    *both("o/introspect", TokenEndpoint.as_view(create_response="create_introspect_response"), "oauth-introspect"),
    *both(".well-known/oauth-authorization-server", MetadataView.as_view(), "oauth-metadata"),
    *both(".well-known/oauth-authorization-server/o", MetadataView.as_view(), "oauth-metadata-of-o"),
    *both("o/.well-known/oauth-authorization-server", MetadataView.as_view(), "oauth-metadata-below-o"),
]
