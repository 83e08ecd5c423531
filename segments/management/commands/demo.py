"""`manage.py demo`: the whole story on a throwaway database, by the ways that clients use, and checked."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import BaseCommand, CommandError
from django.utils.translation import gettext as _

from a2service import launcher
from a2service.address import Address, any_port
from a2service.launcher import Interruption, LaunchError, Server, Worker
from a2service.localdb import LocalDatabase, LocalDatabaseError
from a2service.programs import ROOT
from a2service.steps import step
from segments.demo.account import AUDIENCES
from segments.demo.catalogue import ATTRIBUTES, OWNER_ID
from segments.demo.people import Properties, audiences

BATCH = 5_000
FOLLOWS_WITHIN = 30  # seconds
SEGMENT = {
    "management_type": "systemmanaged",
    "name": "App users of 25 to 44 in Seoul and Busan, without newsletter readers",
    "owner_id": str(OWNER_ID),
    "properties": {"app_user": ["yes"], "age_band": ["25-34", "35-44"], "city": ["seoul", "busan"]},
    "exclusions": {"newsletter": ["yes"]},
}
SAME_IN_SQL = """
    SELECT count(*) FROM segments_audience
    WHERE properties @> '{"app_user": ["yes"]}'
    AND (properties @> '{"age_band": ["25-34"]}' OR properties @> '{"age_band": ["35-44"]}')
    AND (properties @> '{"city": ["seoul"]}' OR properties @> '{"city": ["busan"]}')
    AND NOT properties @> '{"newsletter": ["yes"]}'
"""


class DemoFailed(Exception):
    """The story did not go as it should; the message says where."""


class Command(BaseCommand):
    help = "Start everything, tell the whole story over HTTP, check the size, stop everything. Exits 1 when it differs."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        interruption = Interruption()
        interruption.listen()
        try:
            segment, counted = play(interruption)
        except KeyboardInterrupt:
            raise CommandError(_("Interrupted; everything is stopped.")) from None
        except (DemoFailed, LaunchError, LocalDatabaseError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(segment, indent=2, ensure_ascii=False))
        told = _("The size is right: %s by the API, by SQL and by counting. Everything is stopped.")
        self.stdout.write(told % f"{counted:,}")


def play(interruption: Interruption) -> tuple[dict[str, Any], int]:
    """The story from an empty folder to a stopped server; the segment that was made, and its size."""
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="a2-demo-")))
        database = LocalDatabase(folder / "postgres", durable=False)
        running.callback(database.reset)
        running.enter_context(launcher.local_database(database, interruption))
        environment = environment_of(folder, database)
        with step(_("Applying migrations")):
            manage(environment, "migrate", "--verbosity=0")
        with step(_("Registering a client")):
            client = json.loads(manage(environment, "create_client", "demo", "--all-owners"))
        server = Server(Address("127.0.0.1", any_port()), folder, environment)
        running.enter_context(launcher.serving(server, interruption))
        running.enter_context(launcher.working(Worker(folder, environment), interruption))
        return tell(Api(server.address.url), client, database)


def environment_of(folder: Path, database: LocalDatabase) -> dict[str, str]:
    """Settings that keep the story to itself, whatever the environment and .env say."""
    own = {"A2_LOCAL_DIR": str(folder), "DATABASE_URL": database.url, "ALLOWED_HOSTS": "127.0.0.1", "SECRET_KEY": ""}
    switches = dict.fromkeys(("A2_PRODUCTION", "A2_STRICT", "DEBUG"), "off")
    return {**os.environ, **own, **switches, "A2_PROCESS": "command"}


def manage(environment: dict[str, str], *arguments: str) -> str:
    """What a management command prints; DemoFailed with its complaint."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(f"manage.py {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


@dataclass
class Api:
    """The API as a client calls it."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: Any) -> Any:
        return self.send("POST", path, json.dumps(body, default=str).encode(), "application/json")

    def send(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        """The answer's JSON; DemoFailed when it is a refusal."""
        headers = {**self.headers, **({"Content-Type": content_type} if content_type else {})}
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)  # noqa: S310 our own
        # A proxy of this machine's is not meant for a server on it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise DemoFailed(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def log_in(self, client_id: str, client_secret: str) -> None:
        """Get a token by client_credentials and send it from now on."""
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self.headers = {"Authorization": f"Basic {basic}"}
        form = b"grant_type=client_credentials"
        token = self.send("POST", "/o/token/", form, "application/x-www-form-urlencoded")["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}


def tell(api: Api, client: dict[str, Any], database: LocalDatabase) -> tuple[dict[str, Any], int]:
    """Token, attributes, audiences, a segment and its size."""
    with step(_("Getting a token")):
        api.log_in(client["client_id"], client["client_secret"])
    with step(_("Creating %d attributes") % len(ATTRIBUTES)):
        for attribute in ATTRIBUTES:
            api.post("/audiences/attributes", attribute.fields)
    pushed = list(audiences(AUDIENCES))
    with step(_("Pushing %s audiences") % f"{AUDIENCES:,}"):
        push(api, pushed)
    with step(_("Creating a segment")):
        segment = api.post("/audiences/segments", SEGMENT)
    with step(_("Checking its size")):
        counted = check(api, segment, pushed, database)
    with step(_("Adding one more, and seeing the list follow")):
        see_the_list_follow(api, segment)
    return segment, counted


def see_the_list_follow(api: Api, segment: dict[str, Any]) -> None:
    """Add a member and wait until the worker has counted it; DemoFailed when that takes too long."""
    member = {"id": "one-more", "properties": {"app_user": "yes", "age_band": "25-34", "city": "seoul"}}
    api.post("/audiences", member)
    deadline = time.monotonic() + FOLLOWS_WITHIN
    while (listed := api.send("GET", "/audiences/segments")[0])["approximated_size"] != segment[
        "approximated_size"
    ] + 1:
        if time.monotonic() > deadline:
            raise DemoFailed(f"The list still shows {listed['approximated_size']}.")
        time.sleep(0.1)


def push(api: Api, pushed: list[tuple[str, Properties]]) -> None:
    """Send the audiences in bulk; DemoFailed unless all of them are new."""
    created = 0
    for start in range(0, len(pushed), BATCH):
        batch = [{"id": key, "properties": properties} for key, properties in pushed[start : start + BATCH]]
        created += api.post("/audiences/bulk-add", batch)["created"]
    if created != len(pushed):
        raise DemoFailed(f"{created} of {len(pushed)} audiences were created.")


def check(api: Api, segment: dict[str, Any], pushed: list[tuple[str, Properties]], database: LocalDatabase) -> int:
    """The size, if all who can count it agree and nothing was warned about."""
    with psycopg.connect(database.url) as connection:
        by_sql = connection.execute(SAME_IN_SQL).fetchone()
    again = api.send("GET", f"/audiences/segments/{segment['id']}")
    sizes = {
        "POST": segment["approximated_size"],
        "GET": again["approximated_size"],
        "SQL": by_sql and by_sql[0],
        "counting": sum(is_member(properties) for _key, properties in pushed),
    }
    if len(set(sizes.values())) > 1 or not sizes["counting"] or segment["warnings"]:
        raise DemoFailed(f"The sizes differ, or there are warnings: {sizes}, {segment['warnings']}")
    return int(sizes["counting"])


def is_member(properties: Properties) -> bool:
    """Whether SEGMENT selects an audience with these properties, said once more without the service."""
    return (
        "yes" in properties["app_user"]
        and properties["age_band"][0] in ("25-34", "35-44")
        and properties.get("city", ["nowhere"])[0] in ("seoul", "busan")
        and "yes" not in properties["newsletter"]
    )
