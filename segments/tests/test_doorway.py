"""Every address of the API, by every method: who gets in and who does not. A new one needs a row here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from segments.api.authentication import BearerAuthentication
from segments.api.permissions import ScopePermission
from segments.api.views.base import ApiViewSet
from segments.models import Change, Import

OPEN = {
    "", "livez", "readyz", "openapi.json", "docs", "docs/api", "docs/<path:name>", "llms.txt", "admin", "admin/language",
    "o/token", "o/revoke_token", "o/introspect", ".well-known/oauth-authorization-server",
    ".well-known/oauth-authorization-server/o", "o/.well-known/oauth-authorization-server",
}  # fmt: skip

# What a client meets that has every scope it can have, but acts for another owner.
MISSING, EMPTY, FORBIDDEN, PLATFORM_ONLY = "a 404", "an empty list", "owner_forbidden", "insufficient_scope"


@dataclass(frozen=True)
class Thing:
    """What there is before each call: a segment and a private attribute of Alice's with a value, an audience, an import."""

    segment: dict[str, Any]
    other: dict[str, Any]
    attribute: dict[str, Any]
    draft: dict[str, Any]
    imported: int

    def path(self, name: str) -> str:
        return reverse(name, kwargs=PLACES.get(name, lambda _: {})(self)) + QUERIES.get(name, "")


@dataclass(frozen=True)
class Row:
    scope: str
    stranger: str
    body: Callable[[Thing], Any] | None = None
    status: int = 200


PLACES: dict[str, Callable[[Thing], dict[str, str]]] = {
    "segment": lambda thing: {"segment_id": thing.segment["id"]},
    "members": lambda thing: {"segment_id": thing.segment["id"]},
    "attribute": lambda thing: {"attribute_id": thing.attribute["id"]},
    "values": lambda thing: {"attribute_id": thing.attribute["id"]},
    "retire": lambda thing: {"attribute_id": thing.attribute["id"]},
    "rename-value": lambda thing: {"attribute_id": thing.attribute["id"]},
    "merge-value": lambda thing: {"attribute_id": thing.attribute["id"]},
    "value": lambda thing: {"attribute_id": thing.attribute["id"], "value": "F"},
    "explain": lambda thing: {"segment_id": thing.segment["id"]},
    "audience-segments": lambda _: {"audience_id": "p1"},
    "audience": lambda _: {"audience_id": "p1"},
    "import": lambda thing: {"import_id": thing.imported},
    "import-rejects": lambda thing: {"import_id": thing.imported},
}
QUERIES = {"explain": "?audience_id=p1"}
TABLE = {
    ("segments", "get"): Row("segments:read", EMPTY),
    ("segments", "post"): Row("segments:write", FORBIDDEN, lambda thing: thing.draft),
    ("segments", "patch"): Row("segments:write", MISSING, lambda thing: {**thing.segment, "name": "Renamed"}),
    ("segments-bulk-add", "post"): Row("segments:write", FORBIDDEN, lambda thing: [thing.draft]),
    ("segments-estimate", "post"): Row(
        "segments:read", FORBIDDEN, lambda thing: {"owner_id": thing.draft["owner_id"], "properties": {}}
    ),
    ("segments-overlap", "post"): Row(
        "segments:read", MISSING, lambda thing: {"segment_ids": [thing.segment["id"], thing.other["id"]]}
    ),
    ("explain", "get"): Row("segments:read audiences:read", PLATFORM_ONLY),
    ("audience-segments", "get"): Row("segments:read audiences:read", PLATFORM_ONLY),
    ("lookup", "post"): Row("segments:read audiences:read", PLATFORM_ONLY, lambda _: {"ids": ["p1"]}),
    ("segment", "get"): Row("segments:read", MISSING),
    ("segment", "patch"): Row("segments:write", MISSING, lambda _: {"name": "Renamed"}),
    ("segment", "delete"): Row("segments:write", MISSING, status=204),
    ("attributes", "get"): Row("attributes:read", EMPTY),
    ("attributes", "post"): Row(
        "attributes:write",
        FORBIDDEN,
        lambda thing: attribute("tier", thing.draft["owner_id"]),
    ),
    ("attributes", "patch"): Row("attributes:write", MISSING, lambda thing: {**thing.attribute, "name": "Renamed"}),
    ("attributes-bulk-add", "post"): Row(
        "attributes:write", FORBIDDEN, lambda thing: [attribute("tier", thing.draft["owner_id"])]
    ),
    ("attribute", "get"): Row("attributes:read", MISSING),
    ("attribute", "patch"): Row("attributes:write", MISSING, lambda _: {"name": "Renamed"}),
    ("attribute", "delete"): Row("attributes:write", MISSING, status=204),
    ("retire", "post"): Row("attributes:write segments:read", MISSING, lambda _: {"confirm": True}),
    ("rename-value", "post"): Row(
        "attributes:write segments:read", MISSING, lambda _: {"value": "F", "to": "f", "confirm": True}
    ),
    ("merge-value", "post"): Row(
        "attributes:write segments:read", MISSING, lambda _: {"value": "F", "into": "W", "confirm": True}
    ),
    ("values", "get"): Row("attributes:read", MISSING),
    ("values", "post"): Row("attributes:write", MISSING, lambda _: {"value": "M"}),
    ("value", "delete"): Row("attributes:write", MISSING, status=204),
    ("members", "get"): Row("segments:read audiences:read", PLATFORM_ONLY),
    ("audiences", "get"): Row("audiences:read", PLATFORM_ONLY),
    ("audiences", "post"): Row("audiences:write", PLATFORM_ONLY, lambda _: {"id": "p2"}),
    ("audiences", "patch"): Row("audiences:write", PLATFORM_ONLY, lambda _: {"id": "p1", "alt_id": {"crm": 7}}),
    ("audiences-bulk-add", "post"): Row("audiences:write", PLATFORM_ONLY, lambda _: [{"id": "p2"}]),
    ("imports", "get"): Row("audiences:write", PLATFORM_ONLY),
    ("imports", "post"): Row("audiences:write", PLATFORM_ONLY, lambda _: b"id,gender\np3,F\n"),
    ("import", "get"): Row("audiences:write", PLATFORM_ONLY),
    ("import-rejects", "get"): Row("audiences:write", PLATFORM_ONLY),
    ("audience", "get"): Row("audiences:read", PLATFORM_ONLY),
    ("audience", "delete"): Row("audiences:write", PLATFORM_ONLY, status=204),
}
HEADS = {(name, "head"): row for (name, method), row in TABLE.items() if method == "get"}
EVERY_ROW = pytest.mark.parametrize(
    ("name", "method", "row"),
    [pytest.param(*key, row, id=" ".join(key)) for key, row in {**TABLE, **HEADS}.items()],
)


def attribute(code: str, owner_id: str) -> dict[str, str]:
    return {"code": code, "name": code.title(), "owner_id": owner_id, "visibility": "private"}


@pytest.fixture
def thing(api, draft, settings, tmp_path):
    settings.A2_IMPORT_DIR = tmp_path
    assert api("platform").post("/audiences/bulk-add", [{"id": "p1"}]).status_code == 200
    made = api("alice").post("/audiences/attributes", attribute("gender", draft()["owner_id"])).json()
    for value in ("F", "W"):
        assert api("alice").post(f"/audiences/attributes/{made['id']}/values", {"value": value}).status_code == 200
    segment, other = (api("alice").post("/audiences/segments", draft()).json() for _ in range(2))
    return Thing(segment, other, made, draft(), Import.objects.create(kind="audiences", file="people.csv").pk)


def knock(caller, thing, name, method, row):
    """The call of this row; whatever is refused must not have changed anything."""
    before = Change.objects.count()
    body, path = row.body and row.body(thing), thing.path(name)
    if isinstance(body, bytes):
        response = caller.send(method.upper(), f"{path}?kind=audiences", raw=body, Content_Type="text/csv")
    else:
        response = caller.send(method.upper(), path, body)
    assert response.status_code < 400 or Change.objects.count() == before
    return response


def who(row: Row) -> str:
    """Who may do it: Alice, unless only the platform may."""
    return "platform" if row.stranger == PLATFORM_ONLY else "alice"


@EVERY_ROW
def test_it_refuses_who_has_no_token(api, thing, name, method, row):
    response = knock(api(None), thing, name, method, row)

    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert response["WWW-Authenticate"] == 'Bearer realm="a2"'


@EVERY_ROW
def test_it_refuses_who_has_every_scope_but_the_one(api, thing, name, method, row):
    others = [scope for scope in settings.SCOPES if scope not in row.scope.split()]

    response = knock(api("platform", others), thing, name, method, row)

    assert (response.status_code, response["Content-Type"]) == (403, "application/problem+json")
    challenge = f'Bearer realm="a2", error="insufficient_scope", scope="{row.scope}"'
    assert response["WWW-Authenticate"] == challenge


@EVERY_ROW
def test_it_lets_in_who_has_that_scope_alone(api, thing, name, method, row):
    assert knock(api(who(row), row.scope.split()), thing, name, method, row).status_code == row.status


@EVERY_ROW
def test_it_shows_a_stranger_nothing(api, thing, name, method, row):
    response = knock(api("charlie"), thing, name, method, row)

    if method == "head":
        assert response.content == b""
    elif row.stranger == EMPTY:
        assert (response.status_code, response.json()) == (200, [])
    elif row.stranger == MISSING:
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    else:
        assert (response.status_code, response.json()["code"]) == (403, row.stranger)


@EVERY_ROW
def test_it_lets_the_platform_in_everywhere(api, thing, name, method, row):
    assert knock(api("platform"), thing, name, method, row).status_code == row.status


# The table is whole


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    """Every pattern of the URL conf but the admin's own, which Django's login guards."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        elif getattr(pattern, "namespace", None) != "admin":
            yield from patterns(pattern)


def api_views() -> list[tuple[str, Any]]:
    """The views of the REST framework with the names of their addresses."""
    return [
        (address.name or plain(address), address.callback) for address in patterns(get_resolver()) if is_api(address)
    ]


def is_api(address: URLPattern) -> bool:
    return hasattr(address.callback, "cls")


def plain(address: URLPattern) -> str:
    """The address as people write it, without the slash at its end."""
    return (
        str(address.pattern).removeprefix("^").removesuffix("$").removesuffix("?").removesuffix("/").replace("\\", "")
    )


def test_it_has_a_row_for_every_address_and_method():
    # The framework adds head to every get, some only when they are first called.
    served = {(name, method) for name, view in api_views() for method in view.actions if method != "head"}

    assert served - set(TABLE) == set(), "These addresses are in the URL conf and have no row in TABLE."
    assert set(TABLE) - served == set(), "These rows of TABLE have no address in the URL conf."


def test_it_names_every_address_of_the_api_once():
    names = [name for name, _view in api_views()]

    assert len(names) == len(set(names))


def test_it_leaves_nothing_open_but_what_is_meant_to_be():
    others = {plain(address) for address in patterns(get_resolver()) if not is_api(address)}

    assert others - OPEN == set(), "These addresses ask for no token. Add them to OPEN if that is meant."
    assert OPEN - others == set(), "These addresses of OPEN are not in the URL conf."


def test_it_has_one_doorway():
    for _name, view in api_views():
        assert issubclass(view.cls, ApiViewSet)
        assert view.cls.initial is ApiViewSet.initial
        assert view.cls.authentication_classes == [BearerAuthentication]
        assert view.cls.permission_classes == [ScopePermission]
        assert view.initkwargs == {}


def test_it_declares_the_scopes_of_every_action():
    for _name, view in api_views():
        for action in view.actions.values():
            assert view.cls.scopes[action]
            assert set(view.cls.scopes[action]) <= set(settings.SCOPES)
