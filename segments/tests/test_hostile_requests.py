"""Requests and races that a stock build answers with a 500, against the real server process."""

import http.client
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from segments.tests.server import Server
from segments.tests.serving import served

OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
SEGMENT = {"management_type": "selfmanaged", "name": "Racers", "owner_id": OWNER}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("local")) as server:
        yield server


def raw(server: Server, path: str, headers: dict[str, str], method: str = "GET", body: Any = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("charset", ["hex", "undefined", "utf-16", "no-such", '"utf-8"'])
@pytest.mark.parametrize("path", ["/livez?x=1", "/admin/login/?next=/"])
def test_it_takes_no_charset_for_an_order(server: Server, charset: str, path: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}

    assert raw(server, path, headers)[0] == 200


def test_it_reads_a_body_as_utf_8_whatever_its_charset_says(server: Server) -> None:
    headers = {"Content-Type": "application/json; charset=latin-1", "Authorization": f"Bearer {server.token}"}
    body = json.dumps({**SEGMENT, "name": "Zoé"}, ensure_ascii=False).encode()
    code, answer = raw(server, "/audiences/segments", headers, "POST", body)

    assert (code, json.loads(answer)["name"]) == (200, "Zoé")


@pytest.mark.parametrize("sent", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}XX\r\n0\r\n\r\n"])
def test_it_refuses_chunks_that_are_none(server: Server, sent: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("POST", "/audiences/segments")
    for name, value in {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "application/json",
        "Transfer-Encoding": "chunked",
    }.items():
        connection.putheader(name, value)
    connection.endheaders(sent)
    response = connection.getresponse()

    assert response.status == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    connection.close()


def test_it_refuses_a_cookie_with_nul(server: Server) -> None:
    code, answer = raw(server, "/admin/", {"Cookie": 'sessionid="\\000aaaaaaaaaaaa"'})

    assert (code, json.loads(answer)["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/openapi.json", "/docs/api", "/docs", "/llms.txt"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_it_says_which_methods_an_open_address_has(server: Server, path: str, method: str) -> None:
    code, answer = raw(server, path, {}, method)

    assert code == 405
    assert json.loads(answer)["code"] == "method_not_allowed"


def at_once(tasks: list[Callable[[], int]]) -> list[int]:
    with ThreadPoolExecutor(8) as threads:
        return [done.result() for done in [threads.submit(task) for task in tasks]]


def status(server: Server, method: str, path: str, body: object = None) -> int:
    return server.call(method, path, body)[0]


def test_it_answers_404_for_a_segment_that_is_deleted_meanwhile(server: Server) -> None:
    seen: set[int] = set()
    for _round in range(12):
        made: Any = server.call("POST", "/audiences/segments", SEGMENT)[2]
        path = f"/audiences/segments/{made['id']}"
        patches = [partial(status, server, "PATCH", path, {"name": name}) for name in "abcd"]
        seen.update(at_once([*patches, partial(status, server, "DELETE", path), *patches]))

    assert seen <= {200, 204, 404}
    assert 404 in seen


def test_it_registers_clients_with_the_same_new_owners_at_once(server: Server) -> None:
    owners = [f"00000000-0000-4000-8000-{number:012d}" for number in range(60)]

    def register(name: str, listed: list[str]) -> int:
        arguments = [part for owner in listed for part in ("--owner", owner)]
        return len(json.loads(server.manage("create_client", name, *arguments))["owners"])

    assert at_once([lambda: register("one", owners), lambda: register("two", owners[::-1])]) == [60, 60]


def test_it_takes_the_same_new_attributes_in_opposite_orders_at_once(server: Server) -> None:
    for turn in range(4):
        bodies = [
            {"code": f"turn{turn} {number}", "name": "Many", "owner_id": OWNER, "visibility": "public"}
            for number in range(800)
        ]
        path = "/audiences/attributes/bulk-add"
        orders = [bodies, bodies[::-1]]

        assert sorted(at_once([partial(status, server, "POST", path, order) for order in orders])) == [200, 409]
