"""Imports beside plain COPY and bulk_create of the same audiences, in a database of their own; look-ups meanwhile."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from django.core.management import call_command
from django.db import connection, connections

from bench import building, people
from bench.building import AUDIENCE
from bench.clients import Answers, ask, get
from bench.report import Report
from bench.serving import ROOT, let_there_be, server, token_of_the_bench, warm
from bench.timing import seconds
from segments.models import Audience

NAME = "a2_imports"
ROUNDS = 3
BULK = 100_000  # audiences, by bulk_create: more of them go no faster, and take long
SERVED = 1_000_000  # audiences beside whom look-ups are asked
COLUMNS = "id, number, id_type, properties, value_ids, created_at, updated_at"
BLOCK = 2**20
SEGMENTS, IDLE = 1_000, 20.0
OTHERS = "others"
SAMPLING = 0.1  # seconds
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Used:
    """The seconds of a command, and the peak of the memory of it and the processes that it began, in MiB."""

    took: float
    memory: float


@dataclass(frozen=True)
class Round:
    """What was measured in a new database: the seconds of plain COPY and of bulk_create, and imports of one file."""

    copied: float
    bulk: float
    first: Used
    again: Used


def measure(report: Report, size: int, folder: Path) -> None:
    """What is made before is in no time of these; nor is the starting of PostgreSQL."""
    copy, path = copy_file(size, folder), csv_file(size, folder)
    rounds: list[Round] = []
    most = ROUNDS if size <= SERVED else 1  # the longer it takes, the less it swings
    while len(rounds) < most:
        with database():
            rounds.append(load(copy, path))
            if len(rounds) == most:
                say(report, size, rounds)
                if size <= SERVED:
                    beside(report, size, folder)


def load(copy: Path, path: Path) -> Round:
    copied, bulk = plain_copy(copy), by_bulk_create(BULK)
    empty()
    return Round(copied, bulk, run(path), run(path))


def say(report: Report, size: int, rounds: list[Round]) -> None:
    """Of each figure the one in the middle: the same takes a sixth longer or shorter from one time to the next."""

    def middle(figure: Callable[[Round], float]) -> float:
        return median(map(figure, rounds))

    times_done = f"; the middle of {len(rounds)} times" if len(rounds) > 1 else ""
    job = f"Import {size:,} audiences from CSV: validated, indexed, with receipt{times_done}"
    way = "plain COPY into the same table, of rows that are made"
    report.add(job, way, middle(lambda each: size / each.copied), "rows/s", times=1.0)
    times = middle(lambda each: each.copied / each.first.took)
    report.add(
        job, "ours, beside COPY", middle(lambda each: size / each.first.took), "rows/s", times=times, aim="≥ 0.5"
    )
    way = f"bulk_create(update_conflicts) of {BULK:,}; how much faster ours is"
    times = middle(lambda each: each.bulk / BULK * size / each.first.took)
    report.add(job, way, middle(lambda each: BULK / each.bulk), "rows/s", times=times, aim="≥ 4")
    way = "ours, the same file again, beside the first time"
    times = middle(lambda each: each.first.took / each.again.took)
    report.add(job, way, middle(lambda each: size / each.again.took), "rows/s", times=times, aim="≥ 2")
    way = "peak memory of the command and its processes, at most"
    report.add(job, way, max(each.first.memory for each in rounds), "MiB", aim="≤ 300")
    way = "the same, of the same file again"
    report.add(job, way, max(each.again.memory for each in rounds), "MiB", aim="≤ 300")


@contextmanager
def database() -> Iterator[None]:
    """A database beside that of the bench, with the tables of the service; `connection` is to that one."""
    before, url = connection.settings_dict["NAME"], os.environ["DATABASE_URL"]
    remade(f"CREATE DATABASE {NAME}")
    connection.settings_dict["NAME"] = NAME
    os.environ["DATABASE_URL"] = f"{url.rpartition('/')[0]}/{NAME}"
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = before
        os.environ["DATABASE_URL"] = url
        remade()


def remade(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in (f"DROP DATABASE IF EXISTS {NAME}", *statements):
            cursor.execute(statement)
    connection.close()


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {AUDIENCE}")
        cursor.execute("CHECKPOINT")


def csv_file(size: int, folder: Path, salt: str = "") -> Path:
    """The audiences as a file, in no order of their ids."""

    def lines() -> Iterator[str]:
        yield ",".join(("id", *people.VALUES)) + "\n"
        for first in range(0, size, people.CHUNK):
            for audience, texts in people.rows(first, min(people.CHUNK, size - first), salt):
                yield ",".join((audience, *map("|".join, texts))) + "\n"

    return kept(folder / f"audiences{salt}.csv", lines())


def copy_file(size: int, folder: Path) -> Path:
    """The same audiences in the same order as COPY takes them."""
    labels = [(code, text) for code, texts in people.TEXTS.items() for text in texts]
    ids = {label: number for number, label in enumerate(labels, 1)}
    options = [building.Options(code, ids) for code in people.VALUES]
    starts = range(0, size, people.CHUNK)
    return kept(
        folder / "audiences.copy",
        (line for start in starts for line in building.lines(start, min(people.CHUNK, size - start), options)),
    )


def kept(path: Path, lines: Iterable[str]) -> Path:
    """A file of these lines, unless it is there."""
    if not path.exists():
        with path.with_suffix(".new").open("w") as file:
            file.writelines(lines)
        path.with_suffix(".new").rename(path)
    return path


def plain_copy(path: Path) -> float:
    empty()
    with path.open("rb") as file, connection.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy(f"COPY {AUDIENCE} ({COLUMNS}) FROM STDIN") as copy:
            while block := file.read(BLOCK):
                copy.write(block)
        return time.perf_counter() - began


def by_bulk_create(size: int) -> float:
    """Without the time in which the objects are made."""
    empty()
    return sum(seconds(lambda made=made: create(made)) for made in objects(size))  # type: ignore[misc]


def create(made: list[Audience]) -> None:
    Audience.objects.bulk_create(
        made,
        batch_size=5_000,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["properties", "updated_at"],
    )


def objects(size: int) -> Iterator[list[Audience]]:
    for first in range(0, size, people.CHUNK):
        changes = people.chunk(first, min(people.CHUNK, size - first))
        yield [
            Audience(id=one.id, number=first + place, properties=one.properties) for place, one in enumerate(changes)
        ]


def run(path: Path) -> Used:
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    began = time.perf_counter()
    process = begin(path)
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, sum(map(resident, [process.pid, *children(process.pid)])))
        with suppress(subprocess.TimeoutExpired):
            process.wait(SAMPLING)
    assert process.returncode == 0
    return Used(time.perf_counter() - began, memory)


def children(process: int) -> list[int]:
    """Those that it has begun itself; none of one that has just ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [*map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())]
    return []


def resident(process: int) -> float:
    """The MiB of memory that a process has just now."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / 2**20
    return 0.0


def begin(path: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "manage.py", "import_audiences", str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def beside(report: Report, size: int, folder: Path) -> None:
    """Look-ups over HTTP, idle, and while a file is loaded that changes everybody."""
    let_there_be(SEGMENTS)
    others = csv_file(size, folder, OTHERS)
    token, dice = token_of_the_bench(), random.Random("beside")  # noqa: S311
    requests = [get(f"/audiences/get/{people.audience_id(dice.randrange(size))}/segments", token) for _ in range(2_000)]
    job = f"Look-ups over HTTP beside an import that changes all audiences, one client, {SEGMENTS:,} segments"
    with server() as (port, _master):
        warm(port, requests)
        idle = ask(port, requests, IDLE)
        importing = begin(others)
        meanwhile = until_it_ends(importing, port, requests)
    for way, answers in (("idle", idle), ("meanwhile", meanwhile)):
        report.add(job, f"{way}: median", 1000 * answers.part(0.5), "ms")
    slow, usual = 1000 * meanwhile.part(0.99), 1000 * idle.part(0.99)
    report.add(job, "idle: 99th percentile", usual, "ms", times=1.0)
    report.add(job, "meanwhile: 99th percentile", slow, "ms", times=slow / usual, aim="≤ 2")


def until_it_ends(process: "subprocess.Popen[bytes]", port: int, requests: list[bytes]) -> Answers:
    parts = []
    while process.poll() is None:
        parts.append(ask(port, requests, 1.0))
    assert process.returncode == 0
    return Answers(sum(part.took for part in parts), [each for part in parts for each in part.each])
