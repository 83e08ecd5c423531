"""What the token endpoints take: strict forms, clients with a secret, client_credentials and no other grant."""

import base64
import binascii
import hashlib
import re
from collections import Counter
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote_plus

from django.http import HttpRequest
from oauth2_provider.models import AbstractAccessToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors

from segments.api.bearers import token_with_client
from segments.api.media import read_body, require_plain
from segments.api.scopes import ClientScopes
from segments.exceptions import BodyTooLarge, UnsupportedEncoding
from segments.models import Client
from segments.models.clients import ClientSecretHasher

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 64 * 1024
# RFC 6749 has other parameters ignored; oauthlib would take them for attributes of its own request.
PARAMETERS = frozenset({"grant_type", "scope", "client_id", "client_secret", "token"})
NOT_IN_DESCRIPTIONS = re.compile(r"[^ !#-\[\]-~]")
NOBODYS_SECRET = ClientSecretHasher().encode("", "generated")

Credentials = tuple[str, str]


def refuse(description: str, status: int = 400) -> NoReturn:
    raise errors.InvalidRequestError(description=description, status_code=status)


def read_form(request: HttpRequest) -> dict[str, str]:
    """The parameters of a form-encoded body; oauthlib's InvalidRequestError for anything else (RFC 6749, 3.2)."""
    if request.META.get("QUERY_STRING"):
        refuse("Send the parameters in the body; none belong in the address.")
    if request.content_type != FORM:
        sent = NOT_IN_DESCRIPTIONS.sub("?", request.content_type or "")[:100]
        refuse(f"Send the parameters as {FORM}, not as '{sent}'.")
    pairs = decode_form(request)
    name, times = max(Counter(name for name, _value in pairs).items(), key=lambda item: item[1], default=("", 0))
    if times > 1:
        refuse(f"Send each parameter once; '{NOT_IN_DESCRIPTIONS.sub('?', name)[:100]}' came {times} times.")
    return {name: value for name, value in pairs if name in PARAMETERS}


def decode_form(request: HttpRequest) -> list[tuple[str, str]]:
    """The names and values in the body, as they were sent."""
    try:
        require_plain(request)
        body = read_body(request, LARGEST_FORM).decode("utf-8")
        return parse_qsl(body, keep_blank_values=True, errors="strict")
    except BodyTooLarge as error:
        refuse(error.detail, error.status)
    except UnsupportedEncoding:
        refuse("Send the form as it is, without a Content-Encoding.")
    except ValueError:
        refuse("The body cannot be read as a form in UTF-8.")


def basic_credentials(header: str) -> Credentials | None:
    """The client id and secret in a Basic header (RFC 6749, 2.3.1), empty ones if it is damaged; None without one."""
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else ("", "")


def credentials(request: Request) -> Credentials:
    """The one pair of client id and secret that the request brings; raises oauthlib's errors."""
    basic = basic_credentials(request.headers.get("Authorization", ""))
    if basic is None and not request.client_id:
        description = "Send the client id and secret: by HTTP Basic, or as client_id and client_secret in the form."
        raise errors.InvalidClientError(description=description, request=request)
    if basic is None:
        return request.client_id, request.client_secret or ""
    if request.client_secret or request.client_id not in {None, "", basic[0]}:
        refuse("Send the client id and secret once: by HTTP Basic, or in the form.")
    return basic


class ClientCredentialsValidator(OAuth2Validator):  # type: ignore[misc]
    """The toolkit's validator, for clients that all have a secret and act for themselves."""

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Find the client and check its secret; an unknown client costs the same work as a wrong secret."""
        client_id, secret = credentials(request)
        client = None if "\0" in client_id else self._load_application(client_id, request)
        is_right = self._check_secret(secret, client.client_secret if client else NOBODYS_SECRET)
        if not (client and secret and is_right):
            description = "The client is unknown or switched off, or the secret is wrong."
            raise errors.InvalidClientError(description=description, request=request)
        return True

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Client, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Take registered scopes only, each once however often it was sent."""
        registered = ClientScopes().get_available_scopes(client)
        request.scopes = [scope for scope in registered if scope in set(scopes)]
        if not request.scopes or len(request.scopes) < len(set(scopes)):
            description = f"Ask for scopes of the client ({' '.join(registered)}), or leave scope out for all of them."
            if not registered:
                description = "The client is registered for no scope. Add scopes to it in the admin."
            raise errors.InvalidScopeError(description=description, request=request)
        return True

    def introspect_token(
        self, token: str, token_type_hint: str | None, request: Request, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        """What a client may know of a token (RFC 7662): everything of its own, nothing of another's."""
        found = self._load_access_token(token)
        if found is None or found.application_id != request.client.pk or found.is_expired():
            return None
        return {
            "scope": " ".join(request.client.scopes_left(found.scope)),
            "client_id": request.client.client_id,
            "token_type": "Bearer",
            "exp": int(found.expires.timestamp()),
            "iat": int(found.created.timestamp()),
        }

    def _load_access_token(self, token: str) -> AbstractAccessToken | None:
        """The token with its client, as the toolkit reads it, by a query that is not compiled anew at each request."""
        return token_with_client(hashlib.sha256(token.encode()).hexdigest())

    def _set_oauth2_error_on_request(
        self, request: Request, access_token: AbstractAccessToken | None, scopes: list[str]
    ) -> None:
        """Keep what the answer will tell: an expired token is told from an unknown one."""
        request.has_expired = access_token is not None and access_token.is_expired()
