"""POST /o/introspect/ and /o/revoke_token/ tell and take a client's own tokens; the metadata says what works."""

import hashlib
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client as HttpClient
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from segments.models import Client

AccessToken = get_access_token_model()
INTROSPECT, REVOKE = "/o/introspect/", "/o/revoke_token/"
INACTIVE = {"active": False}
METADATA = {
    "/.well-known/oauth-authorization-server": "http://testserver",
    "/.well-known/oauth-authorization-server/o": "http://testserver/o",
    "/o/.well-known/oauth-authorization-server": "http://testserver/o",
}


@pytest.fixture
def alice(register):
    return register("alice")


@pytest.fixture
def bob(register):
    return register("bob")


def status_at_the_api(bearer: str) -> int:
    headers = {"Authorization": f"Bearer {bearer}"}
    return HttpClient().get("/audiences/segments", headers=headers).status_code


def stored(bearer: str):
    return AccessToken.objects.filter(token_checksum=hashlib.sha256(bearer.encode()).hexdigest())


# Introspection


def test_it_tells_a_client_everything_of_its_own_token(alice):
    bearer = alice.ask({"scope": "segments:read"}).json()["access_token"]

    answer = alice.post(INTROSPECT, {"token": bearer}).json()

    token = stored(bearer).get()
    assert answer == {
        "active": True,
        "scope": "segments:read",
        "client_id": alice.client.client_id,
        "token_type": "Bearer",
        "exp": int(token.expires.timestamp()),
        "iat": int(token.created.timestamp()),
    }


def test_it_tells_nothing_of_another_clients_token(alice, bob, register):
    platform = register("platform")

    for stranger in (bob, platform):
        answer = stranger.post(INTROSPECT, {"token": alice.bearer()})
        assert (answer.status_code, answer.json()) == (200, INACTIVE)


@pytest.mark.parametrize("token", ["unknown", "\0", "x" * 60_000, "토큰", " "])
def test_it_calls_a_token_that_is_none_inactive(alice, token):
    answer = alice.post(INTROSPECT, {"token": token})

    assert (answer.status_code, answer.json()) == (200, INACTIVE)


def test_it_calls_an_expired_token_inactive(alice):
    bearer = alice.bearer()
    stored(bearer).update(expires=timezone.now() - timedelta(seconds=1))

    assert alice.post(INTROSPECT, {"token": bearer}).json() == INACTIVE


def test_it_calls_a_revoked_token_inactive(alice):
    bearer = alice.bearer()
    alice.post(REVOKE, {"token": bearer})

    assert alice.post(INTROSPECT, {"token": bearer}).json() == INACTIVE


def test_it_does_not_tell_of_scopes_that_the_client_has_lost(alice):
    bearer = alice.bearer()
    Client.objects.update(allowed_scopes=["segments:read"])

    assert alice.post(INTROSPECT, {"token": bearer}).json()["scope"] == "segments:read"


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", ""])
def test_it_finds_a_token_whatever_the_hint(alice, hint):
    bearer = alice.bearer()

    assert alice.post(INTROSPECT, {"token": bearer, "token_type_hint": hint}).json()["active"]
    alice.post(REVOKE, {"token": bearer, "token_type_hint": hint})
    assert status_at_the_api(bearer) == 401


# Revocation


def test_it_refuses_a_revoked_token_on_the_next_request(alice):
    bearer = alice.bearer()
    assert status_at_the_api(bearer) == 200

    answer = alice.post(REVOKE, {"token": bearer})

    assert answer.status_code == 200
    assert status_at_the_api(bearer) == 401
    assert not stored(bearer).exists()


def test_it_revokes_one_token_and_leaves_the_others(alice):
    first, second = alice.bearer(), alice.bearer()

    alice.post(REVOKE, {"token": first})

    assert (status_at_the_api(first), status_at_the_api(second)) == (401, 200)


def test_it_does_not_revoke_another_clients_token(alice, bob):
    bearer = alice.bearer()

    answer = bob.post(REVOKE, {"token": bearer})

    assert answer.status_code == 200
    assert status_at_the_api(bearer) == 200


@pytest.mark.parametrize("token", ["unknown", "\0", "x" * 60_000])
def test_it_answers_alike_for_a_token_that_is_none(alice, bob, token):
    own, foreign, unknown = (alice.post(REVOKE, {"token": text}) for text in (alice.bearer(), bob.bearer(), token))

    assert {(answer.status_code, answer.content) for answer in (own, foreign, unknown)} == {(200, own.content)}


def test_it_takes_a_revocation_twice(alice):
    bearer = alice.bearer()

    assert [alice.post(REVOKE, {"token": bearer}).status_code for _ in range(2)] == [200, 200]


# Who may ask, and how; the same for both


@pytest.fixture(params=[INTROSPECT, REVOKE], ids=["introspect", "revoke"])
def path(request):
    return request.param


def refused(response, status, error):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    refusal = response.json()
    assert refusal["error"] == error
    assert len(refusal["error_description"]) > 20
    return refusal


def test_it_wants_credentials(alice, path):
    bearer = alice.bearer()

    response = alice.post(path, {"token": bearer}, authorization="")

    refused(response, 401, "invalid_client")
    assert response["WWW-Authenticate"] == 'Basic realm="a2"'
    assert status_at_the_api(bearer) == 200


@pytest.mark.parametrize("authorization", ["Basic %%%", "Basic Og==", "Bearer {bearer}"])
def test_it_wants_the_right_credentials(alice, path, authorization):
    bearer = alice.bearer()

    response = alice.post(path, {"token": bearer}, authorization=authorization.format(bearer=bearer))

    refused(response, 401, "invalid_client")
    assert status_at_the_api(bearer) == 200


def test_it_answers_no_inactive_client(alice, path):
    bearer = alice.bearer()
    Client.objects.update(is_active=False)

    refused(alice.post(path, {"token": bearer}), 401, "invalid_client")


def test_it_takes_the_credentials_in_the_form(alice, path):
    form = {**alice.in_the_form, "token": alice.bearer()}

    assert alice.post(path, form, authorization="").status_code == 200


def test_it_refuses_credentials_in_two_places(alice, path):
    refused(alice.post(path, {**alice.in_the_form, "token": alice.bearer()}), 400, "invalid_request")


@pytest.mark.parametrize("form", [{}, {"token": ""}, [("token", "a"), ("token", "b")]])
def test_it_wants_one_token(alice, path, form):
    assert "token" in refused(alice.post(path, form), 400, "invalid_request")["error_description"]


def test_it_takes_no_token_in_the_address(alice, path):
    bearer = alice.bearer()

    refused(alice.post(f"{path}?token={bearer}", {}), 400, "invalid_request")
    assert status_at_the_api(bearer) == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_it_is_for_post_alone(alice, path, method):
    headers = {"Authorization": alice.basic()}

    response = alice.http.generic(method, f"{path}?token={alice.bearer()}", headers=headers)

    refused(response, 405, "invalid_request")
    assert response["Allow"] == "POST"


def test_it_answers_with_and_without_a_slash_and_is_not_kept(alice, path):
    for address in (path, path.rstrip("/")):
        answer = alice.post(address, {"token": alice.bearer()})
        assert answer.status_code == 200
        assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/json", "no-store")


# Metadata


@pytest.mark.parametrize(("place", "issuer"), METADATA.items())
@pytest.mark.parametrize("slash", ["", "/"])
def test_it_says_what_works_and_nothing_else(client, place, issuer, slash):
    response = client.get(place + slash)

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    methods = ["client_secret_basic", "client_secret_post"]
    assert response.json() == {
        "issuer": issuer,
        "token_endpoint": "http://testserver/o/token/",
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": "http://testserver/o/revoke_token/",
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": "http://testserver/o/introspect/",
        "introspection_endpoint_auth_methods_supported": methods,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": list(settings.SCOPES),
        "service_documentation": "http://testserver/docs/api",
    }


def test_it_names_endpoints_that_answer(alice, client):
    metadata = client.get("/.well-known/oauth-authorization-server").json()
    form = {"token": alice.bearer(), "grant_type": metadata["grant_types_supported"][0]}

    named = [address for name, address in metadata.items() if name.endswith("_endpoint")]
    assert len(named) == 3
    for address in named:
        for authorization, credentials in ((None, {}), ("", alice.in_the_form)):
            assert alice.post(address, {**form, **credentials}, authorization=authorization).status_code == 200
    assert client.get(metadata["service_documentation"]).status_code == 200


def test_it_gives_every_scope_that_the_metadata_names(register, client):
    scopes = client.get("/.well-known/oauth-authorization-server").json()["scopes_supported"]

    assert register("platform").ask({"scope": " ".join(scopes)}).json()["scope"].split() == scopes


@pytest.mark.parametrize("place", METADATA)
def test_it_is_only_read(client, place):
    response = client.post(place)

    refused(response, 405, "invalid_request")
    assert response["Allow"] == "GET, HEAD"
    assert client.head(place).status_code == 200


# What else the toolkit brings is not here


@pytest.mark.parametrize(
    "address",
    [
        "/o/", "/o/authorize/", "/o/applications/", "/o/applications/register/", "/o/authorized_tokens/",
        "/o/device-authorization/", "/o/device/", "/o/userinfo/", "/o/logout/", "/o/register/", "/o/par/",
        "/o/.well-known/openid-configuration", "/.well-known/openid-configuration", "/o/.well-known/jwks.json",
    ],
)  # fmt: skip
def test_it_has_no_other_page_of_the_toolkit(client, address):
    for answer in (client.get(address), client.post(address)):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_it_mounts_no_view_of_the_toolkit_itself():
    modules = {view_of(pattern).__module__ for pattern in patterns(get_resolver())}

    assert "segments.api.oauth_views" in modules
    assert not {module for module in modules if module.startswith("oauth2_provider.views")}


def patterns(resolver):
    """Every pattern of the URL conf, included ones as well."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from patterns(pattern)


def view_of(pattern):
    return getattr(pattern.callback, "view_class", pattern.callback)
