"""Databases of earlier releases, upgraded and served."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from segments.tests.server import Server
from segments.tests.serving import empty

DUMPS = sorted((Path(__file__).parent / "data").glob("v*.sql.gz"))


@pytest.fixture(params=DUMPS, ids=lambda dump: dump.name.removesuffix(".sql.gz"))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """This release over the database of an earlier one; preparing it applies the migrations."""
    with empty() as url:
        with psycopg.connect(url) as connection:
            connection.execute(gzip.decompress(request.param.read_bytes()).decode())  # type: ignore[call-overload]
        server = Server(url, tmp_path, WEB_CONCURRENCY="1")
        yield server
        server.stop()


def test_it_serves_the_database_of_an_earlier_release(server: Server) -> None:
    status, _headers, listed = server.call("GET", "/audiences/segments")
    assert status == 200
    assert [segment["no"] for segment in listed] == [1, 2, 3, 4, 5, 6]

    for segment in listed:
        status, _headers, again = server.call("GET", f"/audiences/segments/{segment['id']}")
        assert status == 200
        counted = {name: value for name, value in again.items() if name != "size_as_of"}
        assert counted == {name: value for name, value in segment.items() if name != "size_as_of"}

    new = {name: listed[0][name] for name in ("management_type", "name", "owner_id", "properties")}
    status, _headers, made = server.call("POST", "/audiences/segments", new)
    assert status == 200
    assert (made["no"], made["approximated_size"]) == (7, listed[0]["approximated_size"])
    assert server.call("POST", "/audiences/bulk-add", [{"id": "new", "properties": {"gender": "F"}}])[2]["created"] == 1
