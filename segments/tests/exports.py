"""Long exports from a real server, as tests read them."""

import http.client
import socket
from pathlib import Path

import psycopg

from segments.tests.server import Server

IDS = [f"{index:0128}" for index in range(100_000)]  # 13 MB, more than all buffers between the two ends hold


def load_everyone(server: Server, folder: Path, ids: list[str]) -> str:
    """Load these audiences by a command, so that workers have memory of nothing yet; the id of their segment."""
    (folder / "people.csv").write_text("".join(f"{line}\n" for line in ["id,all", *(f"{key},yes" for key in ids)]))
    server.manage("import_audiences", str(folder / "people.csv"))
    body = {
        "management_type": "systemmanaged",
        "name": "Everyone",
        "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
        "properties": {"all": ["yes"]},
    }
    return server.call("POST", "/audiences/segments", body)[2]["id"]


def asked(server: Server, segment_id: str, media_type: str = "text/csv", query: str = "") -> http.client.HTTPResponse:
    """What is answered to a reader who has small buffers and has taken nothing of the body yet."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sock.connect(("127.0.0.1", server.port))
    headers = {"Authorization": f"Bearer {server.token}", "Accept": media_type}
    connection.request("GET", f"/audiences/segments/{segment_id}/audiences{query}", headers=headers)
    return connection.getresponse()


def begun(server: Server, segment_id: str, media_type: str = "text/csv", query: str = "") -> http.client.HTTPResponse:
    """An export that has begun."""
    response = asked(server, segment_id, media_type, query)
    assert (response.status, response.headers["Transfer-Encoding"]) == (200, "chunked")
    return response


def open_views(watcher: psycopg.Connection) -> list[int]:
    """The sessions that wait within a transaction."""
    rows = watcher.execute(
        "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
    )
    return [pid for (pid,) in rows.fetchall()]
