"""The Authorization header at the API: which tokens open it, and in what words and order it stays shut."""

import hashlib
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client as HttpClient
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from segments.models import AudienceSegment, Client

AccessToken = get_access_token_model()
PATH = "/audiences/segments"
BARE = 'Bearer realm="a2"'
NOT_VALID = f'{BARE}, error="invalid_token", error_description="The access token is not valid."'
EXPIRED = f'{BARE}, error="invalid_token", error_description="The access token has expired."'
TWICE = f'{BARE}, error="invalid_request", error_description="Send one token, as Bearer, in the header."'


@pytest.fixture
def alice(register):
    return register("alice")


@pytest.fixture
def bearer(alice):
    return alice.bearer()


def call(authorization=None, method="GET", path=PATH, data=b"", **environ):
    """One request; without `authorization` there is no such header."""
    headers = {} if authorization is None else {"Authorization": authorization}
    http = HttpClient(raise_request_exception=False)
    return http.generic(method, path, data, "application/json", headers=headers, **environ)


def refused(response, status, code, challenge):
    """The refusal as a problem document, with the header of RFC 6750 and no trace of a page."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert response["WWW-Authenticate"] == challenge
    problem = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert status == 400 or "POST /o/token/" in problem["detail"]
    return problem


def stored(bearer):
    return AccessToken.objects.filter(token_checksum=hashlib.sha256(bearer.encode()).hexdigest())


# Tokens that open the API


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEARER"])
def test_it_knows_the_scheme_in_any_case(bearer, scheme):
    assert call(f"{scheme} {bearer}").status_code == 200


@pytest.mark.parametrize("spaced", ["Bearer  {}", " Bearer {} ", "Bearer {}   "])
def test_it_forgives_spaces_around_the_token(bearer, spaced):
    assert call(spaced.format(bearer)).status_code == 200


def test_it_checks_a_token_with_one_query(bearer, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert call(f"Bearer {bearer}", "PUT").status_code == 405


# No token was sent


@pytest.mark.parametrize(
    "authorization",
    [None, "", " ", "Bearer", "Bearer ", "bearer\t", "Basic YTpi", "Digest username=x", "Token x", "BearerX x", "\0"],
)
def test_it_says_where_tokens_come_from_when_none_was_sent(db, authorization):
    problem = refused(call(authorization), 401, "not_authenticated", BARE)

    assert "Authorization: Bearer" in problem["detail"]


def test_it_takes_no_token_without_its_scheme(bearer):
    refused(call(bearer), 401, "not_authenticated", BARE)


def test_it_takes_no_credentials_of_a_client(alice):
    refused(call(alice.basic()), 401, "not_authenticated", BARE)


def test_it_takes_no_token_in_the_address(bearer):
    refused(call(path=f"{PATH}?access_token={bearer}"), 401, "not_authenticated", BARE)


def test_it_takes_no_token_in_the_body(bearer):
    form = {"data": f"access_token={bearer}".encode(), "content_type": "application/x-www-form-urlencoded"}

    refused(HttpClient().post(PATH, **form), 401, "not_authenticated", BARE)


def test_it_takes_no_cookie_of_staff(db):
    http = HttpClient()
    http.force_login(User.objects.create_superuser("staff"))

    for response in (http.get(PATH), http.post(PATH, b"{}", content_type="application/json")):
        refused(response, 401, "not_authenticated", BARE)


# A token was sent that opens nothing


@pytest.mark.parametrize("token", ["unknown", "\0", "nul\0inside", "\xff\xfe", "x" * 64_000, "a,b", "%00", "null", '"'])
def test_it_refuses_garbage(db, token):
    refused(call(f"Bearer {token}"), 401, "invalid_token", NOT_VALID)


def test_it_refuses_a_token_that_is_nearly_right(bearer):
    for token in (bearer[:-1], bearer + "x", bearer.swapcase(), bearer + "\0", bearer + ","):
        refused(call(f"Bearer {token}"), 401, "invalid_token", NOT_VALID)


def test_it_refuses_the_checksum_in_place_of_the_token(bearer):
    checksum = AccessToken.objects.get().token_checksum

    refused(call(f"Bearer {checksum}"), 401, "invalid_token", NOT_VALID)


def test_it_refuses_a_token_that_expired_a_second_ago(bearer):
    stored(bearer).update(expires=timezone.now() - timedelta(seconds=1))

    problem = refused(call(f"Bearer {bearer}"), 401, "invalid_token", EXPIRED)

    assert "has expired" in problem["detail"]


def test_it_refuses_a_revoked_token_on_the_next_request(alice, bearer):
    assert call(f"Bearer {bearer}").status_code == 200

    alice.post("/o/revoke_token/", {"token": bearer})

    refused(call(f"Bearer {bearer}"), 401, "invalid_token", NOT_VALID)


def test_it_refuses_the_tokens_of_a_deactivated_client_on_the_next_request(bearer):
    assert call(f"Bearer {bearer}").status_code == 200

    Client.objects.update(is_active=False)

    refused(call(f"Bearer {bearer}"), 401, "invalid_token", NOT_VALID)


def test_it_takes_the_same_tokens_when_the_client_is_active_again(bearer):
    for is_active, status in ((False, 401), (True, 200)):
        Client.objects.update(is_active=is_active)
        assert call(f"Bearer {bearer}").status_code == status


def test_it_refuses_the_tokens_of_a_deleted_client(bearer):
    Client.objects.get().delete()

    refused(call(f"Bearer {bearer}"), 401, "invalid_token", NOT_VALID)


def test_it_refuses_a_token_of_no_client(bearer):
    stored(bearer).update(application=None)

    refused(call(f"Bearer {bearer}"), 401, "invalid_token", NOT_VALID)


# More than one token


# Servers join headers of one name by commas (RFC 9110, 5.3).


@pytest.mark.parametrize("also", ["Bearer other", "Bearer {bearer}", "Basic YTpi"])
@pytest.mark.parametrize("joint", [" ", ", ", ","])
def test_it_does_not_choose_among_two_headers(bearer, also, joint):
    response = call(f"Bearer {bearer}{joint}{also.format(bearer=bearer)}")

    refused(response, 400, "invalid_request", TWICE)


def test_it_does_not_choose_among_two_tokens(bearer):
    refused(call(f"Bearer {bearer} {bearer}"), 400, "invalid_request", TWICE)
    refused(call(f"Bearer {bearer},{bearer}"), 401, "invalid_token", NOT_VALID)


def test_it_does_not_look_for_a_token_behind_another_scheme(bearer):
    refused(call(f"Basic YTpi, Bearer {bearer}"), 401, "not_authenticated", BARE)


def test_it_refuses_a_token_in_the_header_and_in_the_address(bearer):
    for path in (f"{PATH}?access_token={bearer}", f"{PATH}?limit=1&access_token=", f"{PATH}?access%5Ftoken=x"):
        problem = call(f"Bearer {bearer}", path=path)
        assert "access_token" in refused(problem, 400, "invalid_request", TWICE)["detail"]


def test_it_reads_no_token_in_a_form_beside_the_header(bearer):
    form = {"data": b"access_token=x", "content_type": "application/x-www-form-urlencoded"}

    response = HttpClient().post(PATH, **form, headers={"Authorization": f"Bearer {bearer}"})

    assert response.status_code == 415


# Scopes and owners follow the client's registration, not the token


def test_it_names_the_scope_that_is_missing(register):
    reader = register("alice", ["segments:read"]).bearer()

    response = call(f"Bearer {reader}", "POST", data=b"{}")

    challenge = f'{BARE}, error="insufficient_scope", scope="segments:write"'
    assert "segments:write" in refused(response, 403, "insufficient_scope", challenge)["detail"]


def test_it_takes_from_a_token_the_scopes_that_its_client_has_lost(bearer):
    Client.objects.update(allowed_scopes=["segments:read"])

    assert call(f"Bearer {bearer}").status_code == 200
    assert call(f"Bearer {bearer}", "POST", data=b"{}").status_code == 403


def test_it_adds_no_scope_to_a_token_when_its_client_gets_one(register):
    reader = register("alice", ["segments:read"])
    bearer = reader.bearer()

    Client.objects.update(allowed_scopes=["segments:read", "segments:write"])

    assert call(f"Bearer {bearer}", "POST", data=b"{}").status_code == 403
    assert call(f"Bearer {reader.bearer()}", "POST", data=b"{}").status_code == 422


def test_it_hides_at_once_the_owners_that_a_client_no_longer_acts_for(api, alice, bearer, draft):
    segment = api("alice").post(PATH, draft()).json()
    assert call(f"Bearer {bearer}", path=f"{PATH}/{segment['id']}").status_code == 200

    alice.client.owners.clear()

    assert call(f"Bearer {bearer}", path=f"{PATH}/{segment['id']}").status_code == 404
    assert call(f"Bearer {bearer}").json() == []


def test_it_takes_the_audiences_from_a_client_that_is_no_platform_any_more(register):
    bearer = register("platform").bearer()
    assert call(f"Bearer {bearer}", path="/audiences/get/p1").status_code == 404

    Client.objects.update(all_owners=False, allowed_scopes=["segments:read"])

    challenge = f'{BARE}, error="insufficient_scope", scope="audiences:read"'
    response = call(f"Bearer {bearer}", path="/audiences/get/p1")
    assert "platform clients" in response.json()["detail"]
    assert (response.status_code, response["WWW-Authenticate"]) == (403, challenge)


# The order of refusals


class Unread:
    """A body that must not be read."""

    def read(self, size=-1):
        raise AssertionError("the body was read before the token")

    readline = readlines = __iter__ = read


@pytest.mark.parametrize("authorization", [None, "Bearer unknown", "Basic YTpi"])
@pytest.mark.parametrize(
    ("method", "environ"),
    [
        ("POST", {}),
        ("PATCH", {}),
        ("PUT", {}),
        ("PROPFIND", {}),
        ("POST", {"CONTENT_LENGTH": "20000000"}),
        ("POST", {"CONTENT_TYPE": "application/x-www-form-urlencoded"}),
        ("POST", {"CONTENT_TYPE": "multipart/form-data; boundary=x"}),
        ("POST", {"HTTP_CONTENT_ENCODING": "gzip"}),
        ("POST", {"HTTP_ACCEPT": "application/xml"}),
        ("POST", {"QUERY_STRING": "colour=red"}),
    ],
)
def test_it_looks_at_the_token_before_anything_else(db, authorization, method, environ):
    unread = {"CONTENT_LENGTH": "8", **environ, "wsgi.input": Unread()}

    response = call(authorization, method, **unread)

    code, challenge = ("invalid_token", NOT_VALID) if authorization == "Bearer unknown" else ("not_authenticated", BARE)
    refused(response, 401, code, challenge)


@pytest.mark.parametrize(
    ("method", "data", "environ", "status"),
    [
        ("PUT", b"{", {"CONTENT_TYPE": "text/plain"}, 405),
        ("POST", b"x" * (2**20 + 1), {}, 413),
        ("POST", b"{", {"CONTENT_TYPE": "text/plain"}, 415),
        ("POST", b"{", {"HTTP_ACCEPT": "application/xml"}, 406),
        ("POST", b"{", {}, 400),
        ("POST", b'{"owner_id": 5}', {"QUERY_STRING": "colour=red"}, 403),
    ],
)
def test_it_looks_at_the_scope_once_the_request_can_be_read(register, method, data, environ, status):
    reader = register("alice", ["segments:read"]).bearer()

    assert call(f"Bearer {reader}", method, data=data, **environ).status_code == status
    assert not AudienceSegment.objects.exists()


def test_it_knows_no_address_the_better_for_a_token(bearer):
    answers = [call(authorization, path="/nothing") for authorization in (None, "Bearer x", f"Bearer {bearer}")]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}
