"""Processes that write, keep and read the same audiences at once; each tells its parent what it did.

They come from a fork server, which has no connection of its own to share with them.
"""

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import django
from django.apps import apps

if not apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a2service.settings")
    django.setup()

from django.conf import settings
from django.db import connection, transaction

from segments.expressions import And, AnyOf, Expression, Not
from segments.models import AudienceHead
from segments.store import ProfileChange, editing, listing, upkeep
from segments.store.index import IndexSnapshot
from segments.store.postgres import PostgresStore
from segments.store.roaring import SHARD
from segments.store.rows import RowsSnapshot
from segments.tests.threads import on_its_own_connection

VALUES = {"gender": ["F", "M"], "region": ["north", "south", "east", "west"], "tier": ["gold", "silver", "staff"]}
SHARED = [f"shared-{number}" for number in range(150)]
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload([__name__])


def some_properties(dice: random.Random) -> dict[str, list[str]]:
    return {
        code: sorted(dice.sample(texts, dice.randint(1, 2))) for code, texts in VALUES.items() if dice.random() < 0.7
    }


def some_tree(dice: random.Random, depth: int = 2) -> Expression:
    if depth and dice.random() < 0.6:
        return And(tuple(some_tree(dice, depth - 1) for _part in range(dice.randint(0, 3))))
    if depth and dice.random() < 0.3:
        return Not(some_tree(dice, depth - 1))
    code = dice.choice(sorted(VALUES))
    return AnyOf(code, tuple(sorted(dice.sample(VALUES[code], dice.randint(1, 2)))))


def wrong_answers(view: IndexSnapshot, dice: random.Random) -> list[str]:
    """Where a view differs from the rows that the same transaction shows."""
    rows = RowsSnapshot()
    wrong = []
    for tree in (some_tree(dice), some_tree(dice)):
        if (answered := view.count(tree)) != (counted := rows.count(tree)):
            wrong.append(f"write {view.view.seq}: {answered} instead of {counted} for {tree}")
    if (answered := view.total) != (counted := rows.total):
        wrong.append(f"write {view.view.seq}: {answered} instead of {counted} in all")
    tree, after = some_tree(dice), dice.choice([None, *SHARED])
    if dice.random() < 0.3 and (answered := list(view.ids(tree, after))) != (listed := list(rows.ids(tree, after))):
        wrong.append(f"write {view.view.seq}: members {set(answered) ^ set(listed)} of {tree} beyond {after}")
    code = dice.choice(sorted(VALUES))
    if view.value_counts(code) != rows.value_counts(code):
        wrong.append(f"write {view.view.seq}: the values of {code}")
    within, labels = some_tree(dice), [(code, text) for text in VALUES[code]]
    if dice.random() < 0.3 and view.label_counts(labels, within) != rows.label_counts(labels, within):
        wrong.append(f"write {view.view.seq}: the values of {code} within {within}")
    return wrong


def write(name: str, seed: int, until: float, tell: Connection) -> None:
    """Change, create and erase audiences; tells each write to its own ones before it and after."""
    dice, store = random.Random(seed), PostgresStore()
    own = [f"{name}-{number}" for number in range(40)]
    while time.monotonic() < until:
        ids = dice.sample(own, dice.randint(1, 8)) + dice.sample(SHARED, dice.randint(0, 30))
        dice.shuffle(ids)
        if dice.random() < 0.2:
            tell.send(("begun", dict.fromkeys(ids)))
            store.erase(ids)
            tell.send(("done", None))
            continue
        sent = {each: some_properties(dice) for each in ids}
        changes = [ProfileChange(each, properties=properties) for each, properties in sent.items()]
        tell.send(("begun", sent))
        with transaction.atomic():
            store.upsert(changes)
            taken_back = dice.random() < 0.2
            with store.snapshot() as view:
                # Whoever has written is alone until the end of the transaction, so that rows stay as they are.
                tell.send(("read", wrong_answers(view, dice)))
            transaction.set_rollback(taken_back)
        tell.send(("undone" if taken_back else "done", None))


def read(name: str, seed: int, until: float, tell: Connection) -> None:
    """Two threads that share what this process keeps, compare it with the rows of the same moment."""
    settings.A2_BITMAP_CACHE_MB = settings.A2_ID_CACHE_MB = seed % 2
    listing.FEW, listing.MOST_NEWER = 20 * (seed % 2), 50

    def compare(thread: int) -> None:
        dice, store = random.Random(seed + thread), PostgresStore()
        while time.monotonic() < until:
            with store.snapshot() as view:
                answers.append(wrong_answers(view, dice))

    answers: list[list[str]] = []
    with ThreadPoolExecutor(2) as pool:
        for thread in [pool.submit(on_its_own_connection, compare, thread) for thread in range(2)]:
            thread.result()
    for wrong in answers:
        tell.send(("read", wrong))


def compact(name: str, seed: int, until: float, tell: Connection) -> None:
    keep(upkeep.compact, until, tell)


def rebuild(name: str, seed: int, until: float, tell: Connection) -> None:
    keep(lambda: list(upkeep.rebuild()), until, tell)


def order(name: str, seed: int, until: float, tell: Connection) -> None:
    editing.AT_ONCE = 20
    keep(editing.make, until, tell)


def keep(work: Callable[[], object], until: float, tell: Connection) -> None:
    """Do some upkeep, again and again, whenever nobody else is at it."""
    while time.monotonic() < until:
        try:
            work()
        except upkeep.Busy:
            continue
        tell.send(("kept", None))


Role = Callable[[str, int, float, Connection], None]


def live(role: Role, database: str, *arguments: Any) -> None:
    connection.settings_dict["NAME"] = database
    on_its_own_connection(role, *arguments)


@dataclass
class Process:
    """One of the crowd, and what it told so far."""

    role: Role
    name: str
    seed: int
    until: float
    told: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ear, mouth = FORKED.Pipe(duplex=False)
        arguments = (self.role, connection.settings_dict["NAME"], self.name, self.seed, self.until, mouth)
        self.process = FORKED.Process(target=live, args=arguments, daemon=True)
        self.process.start()
        mouth.close()

    def hear(self) -> int:
        """Listen until it ends, or was killed; its exit code."""
        while True:
            try:
                self.told.append(self.ear.recv())
            except (EOFError, OSError):
                break
        self.process.join()
        return self.process.exitcode or 0

    def heard(self, kind: str) -> list[Any]:
        return [what for said, what in self.told if said == kind]


def begin_at_the_edge_of_a_shard() -> None:
    """Let there be bitmaps from the beginning, and some audiences in either of two shards."""
    PostgresStore().upsert([ProfileChange("first", properties={code: texts[:1] for code, texts in VALUES.items()})])
    AudienceHead.objects.update(next_number=SHARD - 120)
