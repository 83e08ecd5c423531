"""Readers of exports who stall: they are cut off, and others are served meanwhile."""

import http.client
import json
import time

import psycopg
import pytest

from segments.tests import exports
from segments.tests.exports import asked, begun, load_everyone, open_views
from segments.tests.serving import served

IDS = exports.IDS[:40_000]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One worker of four threads, who waits for two seconds."""
    with served(tmp_path_factory.mktemp("local"), WEB_CONCURRENCY="1", A2_SEND_TIMEOUT="2") as server:
        yield server


@pytest.fixture(scope="module")
def everyone(server, tmp_path_factory):
    return load_everyone(server, tmp_path_factory.mktemp("people"), IDS)


def test_readers_that_stall_take_no_more_than_their_part_and_are_cut_off(server, everyone):
    answers = [asked(server, everyone) for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 503, 503, 503]
    assert (json.load(answers[2])["code"], answers[2].headers["Retry-After"]) == ("exports_busy", "5")
    assert server.call("POST", "/audiences/lookup", {"ids": [IDS[0]]})[0] == 200
    assert server.call("GET", f"/audiences/segments/{everyone}/audiences?limit=2")[2] == IDS[:2]
    with psycopg.connect(server.url, autocommit=True) as watcher:
        server.until(lambda: open_views(watcher) == [])
    for answer in answers[:2]:
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
    assert begun(server, everyone).read().decode().split() == ["id", *IDS]


def test_a_reader_who_is_slow_and_steady_goes_on(server, everyone):
    """Far less than the buffers hold in the time that it is waited for."""
    slow = begun(server, everyone)
    read, until = b"", time.monotonic() + 8
    while time.monotonic() < until:
        read += slow.read(20_000)
        time.sleep(0.2)
    read += slow.read()

    assert read.decode().split() == ["id", *IDS]
