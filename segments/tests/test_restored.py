"""A server process that goes on over a PostgreSQL which has gone back in time: to a backup of its files."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from a2service.localdb import LocalDatabase
from segments.tests.server import Server

OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
ENOUGH = 12  # requests, so that every worker has some


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    database = LocalDatabase(tmp_path_factory.mktemp("restored") / "postgres", durable=False)
    database.start()
    yield database
    database.reset()
    shutil.rmtree(backup_of(database), ignore_errors=True)


@pytest.fixture
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
