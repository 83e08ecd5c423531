"""The database, the people and their clients.

Alice owns segments, Bob shares what he has, Charlie must see nothing of either; the platform sees all.
"""

import base64
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client as HttpClient

from a2service.localdb import LocalDatabase
from segments.models import Client, Owner
from segments.models.changes import Actor
from segments.tests.imports import Folder

OWNERS = {
    "alice": uuid.UUID("a11ce000-0000-4000-8000-000000000001"),
    "bob": uuid.UUID("b0b00000-0000-4000-8000-000000000002"),
    "charlie": uuid.UUID("c4a12e00-0000-4000-8000-000000000003"),
}
TESTS = Actor(command="test")
STARTED: list[LocalDatabase] = []

# A noisy machine is no fault of the code's: examples are not timed.
# Nor are they traced for an explanation, which takes each of them many times as long.
PHASES = [phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain]
hypothesis.settings.register_profile("a2", deadline=None, phases=PHASES)
hypothesis.settings.load_profile("a2")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--steps", default="600", help="how many steps the store's state machine takes")
    parser.addoption("--seconds", default="6", help="how long many processes write and read at once")
    parser.addoption("--kills", default="6", help="how often one of many processes is killed")
    parser.addoption("--cuts", default="2", help="how often an import is killed and gone on with")
    parser.addoption("--every", default="4", help="1 imports all lines of the census, 4 every fourth one")
    parser.addoption("--seed", default="", help="what the processes' dice begin with; without it another one each time")


def pytest_configure(config: pytest.Config) -> None:
    """Start a throwaway PostgreSQL for the whole run unless DATABASE_URL names one; workers inherit it."""
    # Each client has middleware of its own, which would list all static files before its first request.
    settings.WHITENOISE_AUTOREFRESH = True
    # What makes a password slow to guess makes it slow to set; the servers that tests start have their own.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        # The programs that tests start would compile all of the service's code each time: a third of their start.
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.rootpath / ".pytest_cache" / "bytecode")
    if os.environ.get("DATABASE_URL"):
        return
    database = LocalDatabase(Path(tempfile.mkdtemp(prefix="a2-tests-")) / "postgres", durable=False)
    database.start()
    STARTED.append(database)
    os.environ["DATABASE_URL"] = database.url
    settings.DATABASES["default"].update(HOST=str(database.socket_directory), USER="a2", NAME="a2", PORT="")


def pytest_unconfigure(config: pytest.Config) -> None:
    for database in STARTED:
        database.stop()
        shutil.rmtree(database.directory.parent, ignore_errors=True)


@dataclass
class Caller:
    """A client of the API as one person uses it: sends JSON with a bearer token."""

    bearer: str | None
    http: HttpClient = field(default_factory=lambda: HttpClient(raise_request_exception=False))

    def send(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Any:
        options: dict[str, Any] = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}
        if self.bearer and "Authorization" not in options["headers"]:
            options["headers"]["Authorization"] = f"Bearer {self.bearer}"
        if raw is None and body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            content_type = options["headers"].pop("Content-Type", "application/json")
            options.update(data=raw, content_type=content_type, CONTENT_TYPE=content_type)
        return self.http.generic(method, path, **options)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: Any) -> Any:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, **headers)


@dataclass
class Service:
    """A client's own program: it knows its id and secret and sends forms to the token endpoints."""

    client: Client
    secret: str
    http: HttpClient = field(default_factory=lambda: HttpClient(raise_request_exception=False))

    @property
    def in_the_form(self) -> dict[str, str]:
        """Its credentials as parameters of the form."""
        return {"client_id": self.client.client_id, "client_secret": self.secret}

    def basic(self, client_id: str | None = None, secret: str | None = None) -> str:
        """Its credentials, or others, as an Authorization header."""
        pair = (self.client.client_id if client_id is None else client_id, self.secret if secret is None else secret)
        return "Basic " + base64.b64encode(":".join(map(quote_plus, pair)).encode()).decode()

    def post(self, path: str, form: Any = (), authorization: str | None = None, **headers: str) -> Any:
        """POST a form with its credentials by HTTP Basic; an empty `authorization` leaves them out."""
        authorization = self.basic() if authorization is None else authorization
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        sent |= {"Authorization": authorization} if authorization else {}
        data = form if isinstance(form, bytes) else urlencode(form).encode()
        content_type = sent.pop("Content-Type")
        sent = {name.replace("_", "-"): text for name, text in sent.items()}
        # A body of no bytes has its type, too; Django's client would leave it out.
        return self.http.generic("POST", path, data, content_type, headers=sent, CONTENT_TYPE=content_type)

    def ask(self, form: Any = (), authorization: str | None = None, **headers: str) -> Any:
        """Ask for a token."""
        return self.post("/o/token/", {"grant_type": "client_credentials", **dict(form)}, authorization, **headers)

    def bearer(self) -> str:
        """A token, fresh from the endpoint."""
        answer: str = self.ask().json()["access_token"]
        return answer


@pytest.fixture
def owners(db: None) -> dict[str, Owner]:
    return {name: Owner.objects.create(pk=pk, name=name.title()) for name, pk in OWNERS.items()}


@pytest.fixture
def api(owners: dict[str, Owner]) -> Callable[..., Caller]:
    """`api("alice")`: her client; `api("platform")`: the platform's; `api(None)`: no token; `scopes` narrows."""

    def caller(name: str | None, scopes: list[str] | None = None) -> Caller:
        if name is None:
            return Caller(None)
        called = f"{name} {' '.join(scopes or [])}".strip()
        client = Client.objects.filter(name=called).first()
        if client is None:
            everyone = name == "platform"
            owned = [] if everyone else [owners[name].pk]
            client, _secret = Client.objects.register(
                called, owners=owned, all_owners=everyone, scopes=scopes, actor=TESTS
            )
        return Caller(client.issue_token())

    return caller


@pytest.fixture
def register(owners: dict[str, Owner]) -> Callable[..., Service]:
    """`register("alice")`: a new client that acts for her, with its secret; `register("platform")`: for all."""

    def service(name: str, scopes: list[str] | None = None) -> Service:
        everyone = name == "platform"
        owned = [] if everyone else [owners[name].pk]
        called = f"{name}'s reporting"
        return Service(*Client.objects.register(called, owners=owned, all_owners=everyone, scopes=scopes, actor=TESTS))

    return service


@pytest.fixture
def people(api: Callable[..., Caller]) -> Caller:
    """Six audiences with gender, region and tier; answers the platform's caller that brought them."""
    platform = api("platform")
    rows = [
        ("p1", "F", "north", ["gold"]),
        ("p2", "F", "south", ["silver"]),
        ("p3", "F", "east", []),
        ("p4", "M", "north", ["gold", "staff"]),
        ("p5", "M", "south", ["silver"]),
        ("p6", "M", "west", ["bronze"]),
    ]
    body = [
        {"id": key, "properties": {"gender": gender, "region": region, "tier": tier}}
        for key, gender, region, tier in rows
    ]
    assert platform.post("/audiences/bulk-add", body).status_code == 200
    return platform


@pytest.fixture
def draft() -> Callable[..., dict[str, Any]]:
    """The body of a segment of Alice's, with whatever else is given."""

    def body(owner: str = "alice", **fields: Any) -> dict[str, Any]:
        return {
            "management_type": "systemmanaged",
            "name": "Women in the north",
            "owner_id": str(OWNERS[owner]),
            **fields,
        }

    return body


@pytest.fixture
def staff(db: None) -> HttpClient:
    """A browser in which a superuser has logged in, who has no password: to make one takes a third of a second."""
    browser = HttpClient()
    browser.force_login(User.objects.create_superuser("sora", "sora@example.com"))
    return browser


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with files to import."""
    return Folder(tmp_path)
