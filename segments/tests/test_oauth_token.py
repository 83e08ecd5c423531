"""POST /o/token/: who gets a token, for what, and in which words the others are refused."""

import base64
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client as HttpClient
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from segments.models import Client

AccessToken = get_access_token_model()
ALL_SCOPES = list(settings.SCOPES)
WITHOUT_AUDIENCES = [scope for scope in ALL_SCOPES if not scope.startswith("audiences:")]
FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def alice(register):
    return register("alice")


def refused(response, status, error):
    """The refusal as JSON, which says in plain words what was wrong."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response["Pragma"] == "no-cache"
    refusal = response.json()
    assert set(refusal) == {"error", "error_description"}
    assert refusal["error"] == error
    assert len(refusal["error_description"]) > 20
    assert not AccessToken.objects.exists()
    return refusal


def encoded(credentials: bytes) -> str:
    return "Basic " + base64.b64encode(credentials).decode()


# What a right request gets


def test_it_gives_a_token_to_a_client_with_its_secret(alice):
    response = alice.ask()

    token = response.json()
    assert response.status_code == 200
    assert set(token) == {"access_token", "expires_in", "token_type", "scope"}
    assert token["token_type"] == "Bearer"


def test_it_gives_a_token_that_opens_the_api(alice):
    headers = {"Authorization": f"Bearer {alice.bearer()}"}

    assert HttpClient().get("/audiences/segments", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/o/token", "/o/token/"])
def test_it_answers_with_and_without_a_slash_and_never_redirects(alice, path):
    assert alice.post(path, FORM).status_code == 200
    assert alice.post(path, FORM, authorization="").status_code == 401


def test_it_takes_the_credentials_in_the_form(alice):
    assert alice.ask(alice.in_the_form, authorization="").status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_it_knows_the_scheme_in_any_case(alice, scheme):
    credentials = alice.basic().partition(" ")[2]

    assert alice.ask(authorization=f"{scheme} {credentials}").status_code == 200


def test_it_takes_the_client_id_in_the_form_beside_basic_when_it_is_the_same(alice):
    assert alice.ask({"client_id": alice.client.client_id}).status_code == 200


def test_it_ignores_parameters_that_it_does_not_know(alice):
    response = alice.ask({"resource": "https://elsewhere.example", "scopes": "root", "client": "x", "user": "admin"})

    assert response.status_code == 200
    assert response.json()["scope"].split() == WITHOUT_AUDIENCES
    stored = AccessToken.objects.get()
    assert (stored.user, stored.resource, stored.application) == (None, [], alice.client)


def test_it_lets_no_one_keep_the_answer(alice):
    response = alice.ask()

    assert (response["Cache-Control"], response["Pragma"]) == ("no-store", "no-cache")


def test_it_gives_a_token_for_an_hour_at_most(alice):
    lifetime = alice.ask().json()["expires_in"]

    left = AccessToken.objects.get().expires - timezone.now()
    assert 0 < lifetime <= 3600
    assert left <= timedelta(seconds=lifetime)


def test_it_gives_another_token_each_time(alice):
    tokens = [alice.bearer() for _ in range(50)]

    assert len(set(tokens)) == 50
    # 22 of 62 characters carry 130 bits.
    assert all(len(token) >= 22 and token.isalnum() for token in tokens)


def test_it_keeps_the_token_and_the_secret_as_checksums_only(alice):
    bearer = alice.bearer()

    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        holding = [table for table in tables for kept in (bearer, alice.secret) if holds(cursor, table, kept)]
        assert holds(cursor, "segments_client", alice.client.client_id)
    assert len(tables) > 15
    assert holding == []


def holds(cursor, table, text):
    """Whether any row of the table has the text anywhere."""
    name = connection.ops.quote_name(table)
    cursor.execute(f"SELECT EXISTS (SELECT FROM {name} AS row WHERE position(%s in row::text) > 0)", [text])
    return cursor.fetchone()[0]


def test_it_needs_no_cookie_against_forgery(alice):
    alice.http = HttpClient(enforce_csrf_checks=True)

    assert alice.ask().status_code == 200


# Scopes


@pytest.mark.parametrize(("name", "scopes"), [("platform", ALL_SCOPES), ("alice", WITHOUT_AUDIENCES)])
def test_it_gives_all_registered_scopes_when_none_is_asked_for(register, name, scopes):
    assert register(name).ask().json()["scope"].split() == scopes


def test_it_gives_no_scope_that_the_client_was_not_registered_for(register):
    narrow = register("alice", ["segments:read"])

    assert narrow.ask().json()["scope"] == "segments:read"


def test_it_gives_the_scopes_that_are_asked_for_and_no_more(alice):
    assert alice.ask({"scope": "segments:write segments:read"}).json()["scope"] == "segments:read segments:write"


def test_it_gives_a_scope_once_however_often_it_is_asked_for(alice):
    assert alice.ask({"scope": "segments:read segments:read"}).json()["scope"] == "segments:read"


@pytest.mark.parametrize(
    "scope",
    [
        "audiences:read",
        "segments:read audiences:read",
        "introspection",
        "read",
        "segments:READ",
        "segments:read,segments:write",
        "segments:read\0",
        "",
        " ",
        "x " * 25_000,
        "세그먼트",
    ],
)
def test_it_refuses_a_scope_that_is_not_registered(alice, scope):
    refusal = refused(alice.ask({"scope": scope}), 400, "invalid_scope")

    assert " ".join(WITHOUT_AUDIENCES) in refusal["error_description"]


def test_it_refuses_a_client_that_has_lost_all_its_scopes(alice):
    Client.objects.update(allowed_scopes=[])

    refusal = refused(alice.ask(), 400, "invalid_scope")

    assert "registered for no scope" in refusal["error_description"]


# Credentials


def test_it_refuses_who_brings_no_credentials(alice):
    response = alice.ask(authorization="")

    assert "HTTP Basic" in refused(response, 401, "invalid_client")["error_description"]
    assert response["WWW-Authenticate"] == 'Basic realm="a2"'


def test_it_answers_alike_whatever_is_wrong_with_the_credentials(register, alice):
    inactive = register("bob")
    Client.objects.filter(pk=inactive.client.pk).update(is_active=False)
    wrong = [
        alice.ask(authorization=alice.basic("no-such-client")),
        alice.ask(authorization=alice.basic(secret="wrong")),
        alice.ask(authorization=alice.basic(secret="")),
        alice.ask({**alice.in_the_form, "client_secret": "wrong"}, authorization=""),
        alice.ask({"client_id": alice.client.client_id}, authorization=""),
        alice.ask({**alice.in_the_form, "client_id": "no-such-client"}, authorization=""),
        inactive.ask(),
    ]

    answers = {(*sorted(refused(response, 401, "invalid_client").items()), headers(response)) for response in wrong}
    assert len(answers) == 1


def headers(response):
    return tuple(sorted((name, text) for name, text in response.headers.items() if name != "X-Request-ID"))


def test_it_does_the_same_work_for_an_unknown_client_as_for_a_wrong_secret(alice, django_assert_num_queries):
    for credentials in (alice.basic("no-such-client"), alice.basic(secret="wrong")):
        with django_assert_num_queries(1):
            alice.ask(authorization=credentials)


def test_it_challenges_with_basic(alice):
    assert alice.ask(authorization=alice.basic(secret="wrong"))["WWW-Authenticate"] == 'Basic realm="a2"'


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic %%%",
        "Basic Zm9v",
        "Basic a",
        encoded(b"no colon"),
        encoded(b"\xff\xfe:\xff"),
        encoded(b":"),
        encoded(b"nul\0:secret"),
        encoded(b"nul%00:secret"),
        encoded(b"client:\0"),
        encoded(b"\xed\xa0\x80:half a surrogate"),
        encoded(b"https://client.example/metadata.json:secret"),
        encoded(b"c" * 70_000 + b":secret"),
        encoded(b"one:secret") + "," + encoded(b"two:secret"),
    ],
)
def test_it_takes_a_damaged_header_for_wrong_credentials(alice, authorization):
    refused(alice.ask(authorization=authorization), 401, "invalid_client")


@pytest.mark.parametrize("field", ["client_id", "client_secret"])
@pytest.mark.parametrize("value", ["\0", "nul\0in the middle", "\ufffe", "x" * 60_000])
def test_it_takes_odd_text_in_the_form_for_wrong_credentials(alice, field, value):
    refused(alice.ask({**alice.in_the_form, field: value}, authorization=""), 401, "invalid_client")


@pytest.mark.parametrize("field", ["client_id", "client_secret"])
def test_it_refuses_a_right_secret_with_a_nul_behind_it(alice, field):
    form = alice.in_the_form

    refused(alice.ask({**form, field: form[field] + "\0"}, authorization=""), 401, "invalid_client")


def test_it_refuses_credentials_in_two_places(alice, register):
    bob = register("bob")

    for form in (alice.in_the_form, bob.in_the_form, {"client_secret": alice.secret}, {"client_id": "other"}):
        refusal = refused(alice.ask(form), 400, "invalid_request")
        assert "once" in refusal["error_description"]


def test_it_does_not_let_a_damaged_header_pass_because_the_form_is_right(alice):
    refused(alice.ask(alice.in_the_form, authorization="Basic %%%"), 400, "invalid_request")


def test_it_refuses_an_inactive_client_on_the_next_request(alice):
    assert alice.ask().status_code == 200
    AccessToken.objects.all().delete()

    Client.objects.update(is_active=False)

    refused(alice.ask(), 401, "invalid_client")


# Grants


@pytest.mark.parametrize(
    "grant",
    [
        "password",
        "implicit",
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "CLIENT_CREDENTIALS",
        "client_credentials\0",
        "nothing",
    ],
)
def test_it_knows_no_other_grant(alice, grant):
    form = {"grant_type": grant, "username": "staff", "password": "x", "code": "x", "refresh_token": "x"}

    refusal = refused(alice.post("/o/token/", form), 400, "unsupported_grant_type")

    assert "client_credentials" in refusal["error_description"]


@pytest.mark.parametrize("form", [{}, {"grant_type": ""}])
def test_it_asks_for_the_grant_when_it_is_missing(alice, form):
    refusal = refused(alice.post("/o/token/", form), 400, "invalid_request")

    assert "grant type" in refusal["error_description"]


@pytest.mark.parametrize(
    "grant", ["password", "authorization-code", "implicit", "urn:ietf:params:oauth:grant-type:device_code"]
)
def test_it_refuses_a_client_that_is_registered_for_another_grant(alice, grant):
    Client.objects.update(authorization_grant_type=grant)

    refused(alice.ask(), 400, "unauthorized_client")


def test_it_wants_a_secret_of_a_public_client_too(alice):
    Client.objects.update(client_type=Client.CLIENT_PUBLIC)

    refused(alice.ask({"client_id": alice.client.client_id}, authorization=""), 401, "invalid_client")


# What cannot be read


@pytest.mark.parametrize("name", ["grant_type", "scope", "client_id", "colour"])
def test_it_refuses_a_parameter_that_comes_twice(alice, name):
    pairs = [*{**FORM, "scope": "segments:read", "client_id": alice.client.client_id, "colour": "red"}.items()]

    refusal = refused(alice.post("/o/token/", [*pairs, (name, "segments:write")]), 400, "invalid_request")

    assert f"'{name}' came 2 times" in refusal["error_description"]


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_it_takes_a_form_and_nothing_else(alice, content_type):
    body = b'{"grant_type": "client_credentials"}'

    refusal = refused(alice.post("/o/token/", body, **{"Content-Type": content_type}), 400, "invalid_request")

    assert "application/x-www-form-urlencoded" in refusal["error_description"]
    assert content_type.partition(";")[0] in refusal["error_description"]


@pytest.mark.parametrize(
    "query", ["grant_type=client_credentials", "scope=segments:read", "client_secret=x", "%zz", "next=/admin/"]
)
def test_it_takes_no_parameter_in_the_address(alice, query):
    refusal = refused(alice.post(f"/o/token/?{query}", FORM), 400, "invalid_request")

    assert "body" in refusal["error_description"]


@pytest.mark.parametrize("body", [b"grant_type=\xff", b"grant_type=%ff", b"\xff=1"])
def test_it_wants_the_form_in_utf_8(alice, body):
    refused(alice.post("/o/token/", body), 400, "invalid_request")


@pytest.mark.parametrize("body", [b"", b"&&&", b"=", b"grant_type", b"%", b";"])
def test_it_asks_for_the_grant_when_the_form_says_nothing(alice, body):
    refused(alice.post("/o/token/", body), 400, "invalid_request")


def test_it_reads_no_compressed_form(alice):
    refused(alice.ask(Content_Encoding="gzip"), 400, "invalid_request")


def test_it_reads_64_kibibytes_and_no_more(alice):
    form = b"grant_type=client_credentials&padding="
    padded = form + b"x" * (64 * 1024 - len(form))

    refused(alice.post("/o/token/", padded + b"x"), 413, "invalid_request")
    assert alice.post("/o/token/", padded).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/o/token", "/o/token/"])
def test_it_is_for_post_alone(alice, path, method):
    response = alice.http.generic(method, path, headers={"Authorization": alice.basic()})

    assert "POST" in refused(response, 405, "invalid_request")["error_description"]
    assert response["Allow"] == "POST"
