"""Who calls: the access token in the Authorization header, and nothing else of the request."""

import functools
from typing import Any
from urllib.parse import quote

from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import AbstractAccessToken
from oauth2_provider.oauth2_backends import get_oauthlib_core
from rest_framework.request import Request

from segments import tallying
from segments.exceptions import BadAuthorization, ExpiredToken, InvalidToken, TokenSentTwice, bearer_challenge


class BearerAuthentication(OAuth2Authentication):  # type: ignore[misc]
    """The toolkit's authentication, but from the header alone: the body is not read for a stranger.

    `request.user` is None, since clients act for themselves; `request.auth` is the access token and
    `request.auth.application` its Client, both from one query. Without a bearer token: no answer here,
    the permissions refuse.
    """

    def authenticate(self, request: Request) -> tuple[None, AbstractAccessToken] | None:
        # Told beforehand, so that what handles a refusal does not authenticate again by asking.
        request.user = request.auth = None  # type: ignore[assignment]
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, *tokens = header.split()[:3] or [""]
        if scheme.lower() != "bearer" or not tokens:
            return None
        if len(tokens) > 1:
            raise BadAuthorization
        if "access_token" in request.GET:
            raise TokenSentTwice
        path, method = quote(request.path), request.method
        is_valid, checked = server().verify_request(path, method, headers={"Authorization": header}, scopes=[])
        if not is_valid and getattr(checked, "has_expired", False):
            raise ExpiredToken
        if not is_valid or checked.client is None:
            raise InvalidToken
        tallying.note(tallying.CLIENT, checked.client.pk)
        return None, checked.access_token

    def authenticate_header(self, request: Request) -> str:
        return bearer_challenge()["WWW-Authenticate"]


@functools.cache
def server() -> Any:
    """oauthlib's server with our validator; it holds no state of a request."""
    return get_oauthlib_core().server
