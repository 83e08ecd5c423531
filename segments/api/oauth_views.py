"""The token endpoints and their metadata: RFC 6749, 7009, 7662 and 8414."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.oauth2.rfc6749.errors import OAuth2Error

from segments.api.oauth import read_form
from segments.api.scopes import ClientScopes

UNSTORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
BASIC_CHALLENGE = {"WWW-Authenticate": 'Basic realm="a2"'}
GRANT_TYPES = ["client_credentials"]
AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
# oauthlib leaves these without a word.
DESCRIPTIONS = {
    "unsupported_grant_type": "The one grant_type here is client_credentials.",
    "unauthorized_client": "The client is not registered for the grant client_credentials.",
}


class Endpoint(View):
    """An endpoint that refuses in the words of RFC 6749, 5.2, and never in HTML."""

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        allowed = ", ".join(method.upper() for method in self.http_method_names)
        description = f"This address takes {allowed}."
        body = {"error": "invalid_request", "error_description": description}
        return JsonResponse(body, status=405, headers={"Allow": allowed, **UNSTORED})


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenEndpoint(OAuthLibMixin, Endpoint):  # type: ignore[misc]
    """A form in, JSON out; `create_response` names the method of oauthlib's server that answers it."""

    http_method_names = ["post"]
    create_response = ""

    def post(self, request: HttpRequest) -> HttpResponse:
        headers = {"Authorization": request.headers.get("Authorization", "")}
        create_response = getattr(self.get_oauthlib_core().server, self.create_response)
        try:
            _headers, body, status = create_response("", "POST", read_form(request), headers)
        except OAuth2Error as error:
            body, status = error.json, error.status_code
        answer = json.loads(body or "{}")
        if "error" in answer:
            answer.setdefault("error_description", DESCRIPTIONS.get(answer["error"], ""))
        return JsonResponse(answer, status=status, headers={**UNSTORED, **(BASIC_CHALLENGE if status == 401 else {})})


class MetadataView(Endpoint):
    """What this authorization server can do (RFC 8414), and nothing that is switched off.

    The issuer follows from the address, as RFC 8414, 3 has it: `/.well-known/oauth-authorization-server`
    speaks for the issuer `https://host`, the same with `/o` behind it for the issuer `https://host/o`.
    Both are this one server; a client keeps to the issuer that it was configured with.
    """

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        def address(name: str) -> str:
            return request.build_absolute_uri(reverse(name))

        metadata = {
            "issuer": oauth2_settings.oauth2_metadata_issuer(request),
            "token_endpoint": address("oauth-token"),
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint": address("oauth-revoke"),
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "introspection_endpoint": address("oauth-introspect"),
            "introspection_endpoint_auth_methods_supported": AUTH_METHODS,
            "grant_types_supported": GRANT_TYPES,
            "response_types_supported": [],
            "scopes_supported": list(ClientScopes().get_all_scopes()),
            "service_documentation": request.build_absolute_uri("/docs/api"),
        }
        return JsonResponse(metadata)
