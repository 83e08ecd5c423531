"""A real server process over a PostgreSQL that goes away and comes back."""

import os
import time
from collections.abc import Iterator

import pytest

from a2service.localdb import LocalDatabase
from segments.tests.server import Server
from segments.tests.workers import WorkerProcess, until

SEGMENT = {"management_type": "selfmanaged", "name": "x", "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}
WORKERS = "from procrastinate.contrib.django.models import *; print(ProcrastinateWorker.objects.values())"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    database = LocalDatabase(tmp_path_factory.mktemp("restart") / "postgres", durable=True)
    database.start()
    yield database
    database.reset()


@pytest.fixture(scope="module")
def server(database: LocalDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(database.url, tmp_path_factory.mktemp("local"))
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


def test_its_worker_goes_on_when_postgresql_is_back(server, database):
    computed = {"management_type": "systemmanaged", "properties": {"gender": ["F"]}}
    server.call("POST", "/audiences", {"id": "p1", "properties": {"gender": "F"}})
    made = server.call("POST", "/audiences/segments", {**SEGMENT, **computed})[2]
    assert made["approximated_size"] == 1
    worker = WorkerProcess(database.url, A2_LOCAL_DIR=server.environment["A2_LOCAL_DIR"])
    until(lambda: "last_heartbeat" in server.manage("shell", "-c", WORKERS))
    database.stop()
    database.start()

    server.call("POST", "/audiences", {"id": "p2", "properties": {"gender": "F"}})
    until(lambda: server.call("GET", "/audiences/segments")[2][-1]["approximated_size"] == 2)
    code, said = worker.stop()
    assert code == 0
    assert "Traceback" not in said
