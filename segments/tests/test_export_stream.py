"""Long exports from a real server: slow readers, readers who leave, and a database that goes away in the middle."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from segments.tests.exports import IDS, begun, load_everyone, open_views
from segments.tests.server import ROOT, Server
from segments.tests.serving import served

MB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workers have memory of nothing yet, and keep no ids: the audiences came by a command."""
    with served(tmp_path_factory.mktemp("local"), A2_ID_CACHE_MB="0") as server:
        yield server


@pytest.fixture(scope="module")
def everyone(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of the segment of all of them, whose ids are in order."""
    segment_id = load_everyone(server, tmp_path_factory.mktemp("people"), IDS)
    server.manage("rebuild_index")
    return segment_id


@pytest.fixture
def watcher(server: Server) -> Iterator[psycopg.Connection]:
    """A session that sees what the others do."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection


def most_memory(server: Server) -> int:
    """The bytes that the workers have had at the most, together."""
    main = server.process.pid
    workers = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    lines = [line for pid in workers for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="memory is read from /proc")
def test_its_memory_is_flat(server, everyone):
    # First of all here, as memory that was had once stays with a worker; both begin with a short file each.
    for _ in range(32):
        begun(server, everyone, query="?limit=1").read()
    before = most_memory(server)
    for _ in range(4):
        begun(server, everyone).read()

    # Both workers' buffers come to 7 to 19 MB; the ids of all members in a list, to 48 or more.
    assert most_memory(server) - before < 32 * MB


def test_it_sends_all_of_a_long_export(server, everyone):
    assert begun(server, everyone).read().decode().split() == ["id", *IDS]
    assert [json.loads(line) for line in begun(server, everyone, "application/x-ndjson")] == IDS


def test_it_waits_for_a_slow_reader_and_serves_others(server, everyone, watcher):
    slow = begun(server, everyone)
    server.until(lambda: len(open_views(watcher)) == 1)

    assert server.call("POST", "/audiences", {"id": "9 came later", "properties": {"all": "yes"}})[0] == 200
    assert server.call("GET", f"/audiences/segments/{everyone}")[2]["approximated_size"] == len(IDS) + 1
    assert slow.read().decode().split("\n") == ["id", *IDS, ""]
    assert server.call("PATCH", "/audiences", {"id": "9 came later", "properties": {}})[0] == 200


def test_it_leaves_nothing_open_when_a_reader_leaves(server, everyone, watcher):
    response = begun(server, everyone)
    server.until(lambda: len(open_views(watcher)) == 1)
    response.close()

    server.until(lambda: open_views(watcher) == [])


def test_it_cuts_the_connection_when_it_fails_in_the_middle(server, everyone, watcher):
    response = begun(server, everyone)
    # It is idle between two statements alone, so it is found and ended by one of ours.
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
    server.until(lambda: watcher.execute(end).fetchall() == [(True,)])

    with pytest.raises(http.client.IncompleteRead):
        response.read()
    assert [server.call("GET", "/audiences/segments")[0] for _ in range(8)] == [200] * 8


def test_its_command_stops_quietly_when_its_reader_has_enough(server, everyone):
    command = f"{sys.executable} manage.py export_segment {everyone} | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {**server.environment, "A2_PROCESS": "command"}

    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert (done.stdout, done.stderr, done.returncode) == ("id\n", "", 141)
