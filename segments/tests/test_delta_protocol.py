"""Many processes at once, judged by the rows of the same snapshot; and two simpler protocols, which fail."""

import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection

from segments.store import editing, upkeep
from segments.tests import crowd
from segments.tests.crowd import Process
from segments.tests.threads import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)

MOST_ROUNDS = 4


@pytest.fixture
def seed(request):
    seed = int(request.config.getoption("--seed") or random.randrange(10**6))
    sys.stdout.write(f"Once more with: --seed {seed}\n")
    return seed


def test_it_answers_as_the_rows_do_while_many_processes_write_compact_and_rebuild(request, seed):
    seconds = float(request.config.getoption("--seconds"))
    crowd.begin_at_the_edge_of_a_shard()
    reads, writes, kept = [], 0, [0, 0, 0]
    # A busy machine plays on, longer each time, until enough was done to judge by.
    for again in range(MOST_ROUNDS):
        processes = play(seconds * 2**again, seed + 100 * again)
        reads += [wrong for process in processes for wrong in process.heard("read")]
        writes += sum(len(process.heard("done")) for process in processes)
        kept = [before + len(process.heard("kept")) for before, process in zip(kept, processes[5:], strict=True)]
        if len(reads) > 100 and writes > 50 and min(kept[:2]) > 0:
            break
    wrong = [answer for read in reads for answer in read]
    sys.stdout.write(
        f"{len(reads):,} reads, {writes:,} writes, compactions, rebuilds and orderings {kept}: {len(wrong)} wrong\n"
    )
    assert wrong == []
    assert len(reads) > 100
    assert writes > 50
    assert min(kept[:2]) > 0
    assert [*upkeep.differences(), *editing.differences()] == []


def play(seconds: float, seed: int) -> list[Process]:
    """Let processes of every role go on for so long; none of them may fail."""
    roles = [crowd.write] * 3 + [crowd.read] * 2 + [crowd.compact, crowd.rebuild, crowd.order]
    until = time.monotonic() + seconds
    processes = [Process(role, f"{role.__name__}-{place}", seed + place, until) for place, role in enumerate(roles)]
    with ThreadPoolExecutor(len(processes)) as ears:
        assert list(ears.map(Process.hear, processes)) == [0] * len(processes)
    return processes


class Model:
    """The protocol without audiences: rows, a log of what was written to them, and a copy that follows the log."""

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        self.connect = connect
        self.copy: dict[str, int] = {}
        self.seq = 0
        with connect() as setup:
            setup.execute("DROP TABLE IF EXISTS model_head, model_row, model_log")
            setup.execute("CREATE TABLE model_head (seq int)")
            setup.execute("CREATE TABLE model_row (id text PRIMARY KEY, value int)")
            setup.execute("CREATE TABLE model_log (seq serial PRIMARY KEY, id text, value int)")
            setup.execute("INSERT INTO model_head VALUES (0)")

    def begin(self, writer: psycopg.Connection) -> None:
        """What a write does first."""
        writer.execute("SELECT FROM model_head FOR UPDATE")

    def write(self, writer: psycopg.Connection, row: str, value: int) -> None:
        self.begin(writer)
        writer.execute(
            "INSERT INTO model_row VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET value = %s", [row, value, value]
        )
        self.log(writer, row, value)

    def log(self, writer: psycopg.Connection, row: str, value: int) -> None:
        writer.execute("UPDATE model_head SET seq = seq + 1")
        writer.execute("INSERT INTO model_log SELECT seq, %s, %s FROM model_head", [row, value])

    def follows(self) -> bool:
        """Whether the copy, brought up to date, is what the rows of the same snapshot are."""
        with self.connect() as reader:
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            log = reader.execute(
                "SELECT seq, id, value FROM model_log WHERE seq > %s ORDER BY seq", [self.seq]
            ).fetchall()
            for self.seq, row, value in log:
                self.copy[row] = value
            return self.copy == dict(reader.execute("SELECT id, value FROM model_row").fetchall())


class NumberedByASequence(Model):
    """The obvious way: whoever writes takes the next number, and whoever reads asks for those after the last."""

    def begin(self, writer):
        pass

    def log(self, writer, row, value):
        writer.execute("INSERT INTO model_log (id, value) VALUES (%s, %s)", [row, value])


class HeadLast(Model):
    """Rows first, in order, then the head."""

    def begin(self, writer):
        pass


@pytest.fixture
def connect():
    """Open connections to the database of the tests that find a deadlock at once."""
    of = connection.settings_dict
    return lambda: psycopg.connect(
        host=of["HOST"], user=of["USER"], dbname=of["NAME"], port=of["PORT"] or None, password=of["PASSWORD"] or None,
        options="-c deadlock_timeout=20ms",
    )  # fmt: skip


def until_it_waits(connect, who: int) -> None:
    with connect() as watch:
        watch.autocommit = True
        while not watch.execute("SELECT cardinality(pg_blocking_pids(%s))", [who]).fetchone()[0]:
            pass


def overtaken(model: Model) -> bool:
    """Whether a copy follows when a writer that began later comes to an end earlier, if it can."""
    with model.connect() as slow, model.connect() as fast, ThreadPoolExecutor(1) as pool:
        model.write(slow, "ana", 1)

        def overtake() -> None:
            model.write(fast, "bea", 1)
            fast.commit()

        overtaking = pool.submit(overtake)
        if type(model) is Model:
            until_it_waits(model.connect, fast.info.backend_pid)
        else:
            overtaking.result(PATIENCE)
        assert model.follows()
        slow.commit()
        overtaking.result(PATIENCE)
        return model.follows()


def test_a_copy_follows_when_the_head_is_locked_first(connect):
    assert overtaken(Model(connect))


def test_a_copy_loses_writes_that_are_numbered_by_a_sequence(connect):
    assert not overtaken(NumberedByASequence(connect))


def write_twice(model: Model) -> None:
    """One transaction that writes to two rows, one after the other, while another one writes to the second."""
    with model.connect() as one, model.connect() as other, ThreadPoolExecutor(1) as pool:
        model.write(one, "ana", 1)
        waiting = pool.submit(model.write, other, "bea", 1)
        until_it_waits(model.connect, other.info.backend_pid)
        try:
            model.write(one, "bea", 2)
            one.commit()
        finally:
            one.rollback()
            waiting.result(PATIENCE)


def test_writers_take_turns_when_the_head_is_locked_first(connect):
    model = Model(connect)
    write_twice(model)

    assert model.follows()


def test_writers_deadlock_when_the_head_is_locked_last(connect):
    with pytest.raises(psycopg.errors.DeadlockDetected):
        write_twice(HeadLast(connect))
