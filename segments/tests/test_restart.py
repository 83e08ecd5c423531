"""A real server process over a PostgreSQL that goes away and comes back."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from a2service.localdb import LocalDatabase

ROOT = Path(__file__).resolve().parent.parent.parent
SEGMENT = {"management_type": "selfmanaged", "name": "x", "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}


class Server:
    """gunicorn with two workers of four threads, and the token of a platform client."""

    def __init__(self, database: LocalDatabase, folder: Path) -> None:
        self.environment = {
            **os.environ,
            "DATABASE_URL": database.url,
            "A2_LOCAL_DIR": str(folder),
            "A2_PROCESS": "web",
        }
        self.manage("migrate", "--verbosity=0")
        self.manage("create_client", "platform", "--all-owners")
        self.token = self.manage("issue_token", "platform").strip()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "--bind",
            f"127.0.0.1:{self.port}",
            "--workers",
            "2",
            "--threads",
            "4",
        ]
        command += ["--worker-class", "gthread", "--no-control-socket", "a2service.wsgi"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.until(lambda: self.call("GET", "/readyz")[0] == 200)

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        environment = {**self.environment, "A2_PROCESS": "command"}
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, str], object]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, dict(response.headers), json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), json.loads(error.read())
        except OSError:
            return 0, {}, None

    def until(self, came_true: "object") -> None:
        deadline = time.monotonic() + 30
        while not came_true():  # type: ignore[operator]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    database = LocalDatabase(tmp_path_factory.mktemp("restart") / "postgres", durable=True)
    database.start()
    yield database
    database.reset()


@pytest.fixture(scope="module")
def server(database: LocalDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(database, tmp_path_factory.mktemp("local"))
    yield server
    server.stop()


def warm(server: Server) -> None:
    """Let every worker have connections that will go stale."""
    assert {server.call("GET", "/audiences/segments")[0] for _ in range(16)} == {200}


def test_it_fails_no_request_after_a_restart_of_postgresql(server, database):
    warm(server)
    database.stop()
    database.start()

    assert [server.call("GET", "/audiences/segments")[0] for _ in range(16)] == [200] * 16


def test_it_answers_503_while_postgresql_is_away_and_works_at_once_when_it_is_back(server, database):
    warm(server)
    database.stop()
    away = [server.call("POST", "/audiences/segments", SEGMENT) for _ in range(4)]
    ready = server.call("GET", "/readyz")
    alive = server.call("GET", "/livez")
    database.start()

    for status, headers, problem in [*away, ready]:
        assert (status, headers["Retry-After"], headers["Content-Type"]) == (503, "5", "application/problem+json")
        assert problem["status"] == 503
    assert alive[0] == 200
    assert server.call("POST", "/audiences/segments", SEGMENT)[0] == 200


def test_it_keeps_what_it_acknowledged_when_postgresql_is_killed(server, database):
    made = [server.call("POST", "/audiences/segments", SEGMENT)[2]["id"] for _ in range(5)]
    os.kill(database.pid(), 9)
    while database.pid():
        time.sleep(0.01)
    database.start()

    listed = {segment["id"] for segment in server.call("GET", "/audiences/segments")[2]}
    assert set(made) <= listed


def test_it_refuses_a_revoked_token_in_every_process_at_once(server):
    assert server.call("GET", "/audiences/segments")[0] == 200
    revoke = "from segments.models import Client; Client.objects.filter(name='platform').update(is_active={})"
    server.manage("shell", "-c", revoke.format(False))
    try:
        assert [server.call("GET", "/audiences/segments")[0] for _ in range(8)] == [401] * 8
    finally:
        server.manage("shell", "-c", revoke.format(True))
    assert server.call("GET", "/audiences/segments")[0] == 200
