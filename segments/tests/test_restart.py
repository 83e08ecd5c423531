"""A real server process over a PostgreSQL that goes away and comes back, once as it was before: from a backup of its files."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from a2service.localdb import LocalDatabase
from segments.tests.server import Server
from segments.tests.workers import WorkerProcess, until

OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
SEGMENT = {"management_type": "selfmanaged", "name": "x", "owner_id": OWNER}
ENOUGH = 12  # requests, so that every worker has some


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    database = LocalDatabase(tmp_path_factory.mktemp("restart") / "postgres", durable=True)
    database.start()
    yield database
    database.reset()
    shutil.rmtree(backup_of(database), ignore_errors=True)


@pytest.fixture(scope="module")
def server(database: LocalDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(database.url, tmp_path_factory.mktemp("local"))
    yield server
    server.stop()


def write(server: Server, audience_id: str, gender: str) -> None:
    body = [{"id": audience_id, "properties": {"gender": [gender]}}]
    assert server.call("POST", "/audiences/bulk-add", body)[0] == 200


def define(server: Server, name: str, gender: str) -> None:
    body = {"management_type": "systemmanaged", "name": name, "owner_id": OWNER, "properties": {"gender": [gender]}}
    assert server.call("POST", "/audiences/segments", body)[0] == 200


def answers(server: Server) -> tuple[set, set]:
    """What any of the workers says of how many women there are, and of the segments of Ana, Bea and Cleo."""
    clauses = {"owner_id": OWNER, "properties": {"gender": ["F"]}}
    sizes, found = set(), set()
    for _request in range(ENOUGH):
        _status, _headers, estimate = server.call("POST", "/audiences/segments/estimate", clauses)
        sizes.add((estimate["size"], estimate["total"]))
        _status, _headers, looked = server.call("POST", "/audiences/lookup", {"ids": ["ana", "bea", "cleo"]})
        found.add(tuple(tuple(segment["name"] for segment in one["segments"]) for one in looked))
    return sizes, found


def copy(database: LocalDatabase, source: str, target: str) -> None:
    """Its files, while it is stopped; to `backup` or from it."""
    folders = {"data": database.data, "backup": backup_of(database)}
    database.stop()
    shutil.rmtree(folders[target], ignore_errors=True)
    subprocess.run(["cp", "-a", folders[source], folders[target]], check=True)
    database.start()


def backup_of(database: LocalDatabase) -> Path:
    return database.data.with_name(f"{database.data.name}-backup")


def test_no_process_answers_from_what_a_restored_backup_does_not_have(server, database):
    # First of all here: it counts everybody.
    write(server, "ana", "F")
    define(server, "women", "F")
    copy(database, "data", "backup")
    write(server, "bea", "F")
    define(server, "all women", "F")
    assert answers(server) == ({(2, 2)}, {(("women", "all women"), ("women", "all women"), ())})

    copy(database, "backup", "data")
    # As many writes as the backup has lost, so that neither their count nor a number gives it away.
    write(server, "cleo", "M")
    define(server, "men", "M")

    assert answers(server) == ({(1, 2)}, {(("women",), (), ("men",))})


def execute(database: LocalDatabase, statement: str) -> int:
    """How many rows it returns or changes."""
    with psycopg.connect(database.url) as connection:
        return connection.execute(statement).rowcount


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


def test_it_refuses_a_revoked_token_in_every_process_at_once(server, database):
    assert server.call("GET", "/audiences/segments")[0] == 200
    execute(database, "UPDATE segments_client SET is_active = false WHERE name = 'platform'")
    try:
        assert [server.call("GET", "/audiences/segments")[0] for _ in range(8)] == [401] * 8
    finally:
        execute(database, "UPDATE segments_client SET is_active = true WHERE name = 'platform'")
    assert server.call("GET", "/audiences/segments")[0] == 200


def test_its_worker_goes_on_when_postgresql_is_back(server, database):
    computed = {"management_type": "systemmanaged", "properties": {"tier": ["gold"]}}
    server.call("POST", "/audiences", {"id": "p1", "properties": {"tier": "gold"}})
    made = server.call("POST", "/audiences/segments", {**SEGMENT, **computed})[2]
    assert made["approximated_size"] == 1
    worker = WorkerProcess(database.url, A2_LOCAL_DIR=server.environment["A2_LOCAL_DIR"])
    until(lambda: execute(database, "SELECT FROM procrastinate_workers"))
    database.stop()
    database.start()

    server.call("POST", "/audiences", {"id": "p2", "properties": {"tier": "gold"}})
    until(lambda: server.call("GET", "/audiences/segments")[2][-1]["approximated_size"] == 2)
    code, said = worker.stop()
    assert code == 0
    assert "Traceback" not in said
