"""What a client sees: gunicorn as it is configured, asked over HTTP on the same machine."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from bench import counting, people
from bench.clients import Answers, ask, get, post
from bench.report import Report
from segments.models import AudienceSegment, Client, Owner
from segments.models.changes import Actor

ROOT = Path(__file__).resolve().parent.parent
NOTHING = "/livez"  # a view that asks for no token and does nothing
SECONDS, CLIENTS, PATIENCE = 8.0, 16, 60.0
WARMINGS, SLOW = 8, 2.0
SEGMENTS = (1_000, 10_000)


def measure(report: Report, size: int, folder: Path) -> None:
    engine = 1000 * counting.own(people.trees())
    token = token_of_the_bench()
    for count in SEGMENTS:
        let_there_be(count)
        with server() as (port, master):
            look_up(report, port, token, size, count)
            if count == SEGMENTS[-1]:
                estimate(report, port, token, engine)
                remember(report, master, count)


def token_of_the_bench() -> str:
    """A token of a platform client, good for the run."""
    client = Client.objects.filter(name="bench").first()
    if client is None:
        client, _secret = Client.objects.register("bench", all_owners=True, actor=Actor(command="bench"))
    return client.issue_token(lifetime=24 * 3600)


def let_there_be(count: int) -> None:
    """So many segments, the recipe's; written without their sizes, which no look-up needs."""
    AudienceSegment.objects.all().delete()
    owner = Owner.objects.installation()
    AudienceSegment.objects.bulk_create(
        (
            AudienceSegment(
                owner=owner,
                name=f"Segment {number}",
                management_type="selfmanaged",
                declared_size=0,
                properties=people.properties_of(tree),
            )
            for number, tree in enumerate(people.trees(count))
        ),
        batch_size=1_000,
    )


@contextmanager
def server() -> Iterator[tuple[int, int]]:
    """gunicorn by its own configuration; its port and the process whose children answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "A2_PROCESS": "web"}
    process = subprocess.Popen([sys.executable, "-m", "gunicorn"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError, ConnectionError):
                ask(port, [get("/readyz", "")], 0)
                break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE)


def warm(port: int, requests: list[bytes]) -> None:
    """Let every worker have answered, with what it keeps in memory: the slowest of many answers was a first one."""
    for _ in range(WARMINGS):
        if ask(port, requests, SECONDS / 2, CLIENTS).part(1) < SLOW:
            break


def look_up(report: Report, port: int, token: str, size: int, count: int) -> None:
    job = f"Which of {count:,} segments, over HTTP"
    dice = random.Random("look up")  # noqa: S311
    ids = [people.audience_id(dice.randrange(size)) for _ in range(2_000)]
    requests = [get(f"/audiences/get/{audience}/segments", token) for audience in ids]
    report.add(job, "the first one in a process that has just begun", 1000 * ask(port, requests, 0).each[0], "ms")
    warm(port, requests)
    nothing = ask(port, [get(NOTHING, token)], SECONDS, CLIENTS)
    ours = ask(port, requests, SECONDS, CLIENTS)
    report.add(job, f"{NOTHING}, which does nothing", nothing.rate, "/s", times=1.0)
    report.add(job, "ours", ours.rate, "/s", times=ours.rate / nothing.rate, aim="≥ 0.15")
    spread(report, job, ours)
    alone(report, job, ask(port, requests, SECONDS / 2))


def spread(report: Report, job: str, answers: Answers) -> None:
    median, slow = 1000 * answers.part(0.5), 1000 * answers.part(0.99)
    report.add(job, f"its median, of {CLIENTS} clients", median, "ms")
    report.add(job, "its 99th percentile, beside the median", slow, "ms", times=slow / median, aim="≤ 4")


def alone(report: Report, job: str, answers: Answers) -> None:
    report.add(job, "its median, of one client alone", 1000 * answers.part(0.5), "ms")


def estimate(report: Report, port: int, token: str, engine: float) -> None:
    """One client, so that nobody waits for another: what is measured is the way there and back."""
    job = "Estimate over HTTP, one client"
    owner = str(Owner.INSTALLATION_ID)
    bodies = [orjson.dumps({"owner_id": owner, "properties": people.properties_of(tree)}) for tree in people.trees()]
    requests = [post("/audiences/segments/estimate", token, body) for body in bodies]
    warm(port, requests)
    nothing = 1000 * ask(port, [get(NOTHING, token)], SECONDS / 2).part(0.5)
    ours = 1000 * ask(port, requests, SECONDS).part(0.5)
    report.add(job, f"{NOTHING}, which does nothing, median", nothing, "ms")
    report.add(job, "the engine's own count, median", engine, "ms")
    report.add(job, "ours, median, beside the two together", ours, "ms", times=ours / (nothing + engine), aim="≤ 2")


def remember(report: Report, master: int, count: int) -> None:
    """What a worker holds, once every one of them has counted and looked up."""
    job = f"Memory of a worker, all 200 segments counted, {count:,} in its index"
    for worker in Path(f"/proc/{master}/task/{master}/children").read_text().split():
        resident = int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        report.add(job, "resident", resident / 2**20, "MiB")
