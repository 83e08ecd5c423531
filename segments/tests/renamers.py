"""Processes that rename values, and rewrite what has the older texts, while others write those and read."""

import random
import time
from multiprocessing.connection import Connection
from typing import Any

from django.db import transaction

from segments import audiences, excerpts, renaming, settling
from segments.expressions import evaluate, parse, resolve
from segments.models import Audience, AudienceAttribute
from segments.models.changes import Actor
from segments.renaming import Asked
from segments.store import ProfileChange, store
from segments.tests.conftest import OWNERS

CODE = "tier"
TEXTS = ["gold", "silver", "staff"]
NAMES = ["gold", "premium", "first"]
"""What the first value is called, in turn."""
RENAMES = Actor(command="rename")
ANYBODY = OWNERS["alice"]
CLAUSES = [
    ({CODE: ["gold"]}, {}),
    ({CODE: ["premium", "silver"]}, {}),
    ({CODE: ["silver"]}, {CODE: ["first"]}),
    ({CODE: ["staff", "silver"]}, {CODE: "gold"}),
]


def begin(count: int) -> AudienceAttribute:
    """So many audiences, most of whom are gold; that value has been called by each of its names."""
    for start in range(0, count, 10_000):
        audiences.upsert(
            [
                ProfileChange(f"a{number:07}", properties={CODE: sorted({"gold", TEXTS[number % 3]} - {"staff"})})
                for number in range(start, min(start + 10_000, count))
            ]
        )
    attribute = AudienceAttribute.objects.get(code=CODE)
    for place, name in enumerate(NAMES):
        switch(attribute, name, NAMES[(place + 1) % 3])
    settling.settle(attribute.pk, RENAMES)
    return attribute


def switch(attribute: AudienceAttribute, old: str, new: str, *, merges: bool = False) -> None:
    with transaction.atomic():
        renaming.switch(Asked(attribute.pk, old, new, merges), RENAMES)


def settle(name: str, seed: int, until: float, tell: Connection) -> None:
    """Rewrite, few at a time, until it is done or killed."""
    settling.AUDIENCES = 10
    settling.settle(AudienceAttribute.objects.get(code=CODE).pk, RENAMES)
    tell.send(("done", None))


def rename(name: str, seed: int, until: float, tell: Connection) -> None:
    """Call a value by one text after the other, and rewrite what has another one yet, or leave that to the next."""
    dice = random.Random(seed)
    settling.AUDIENCES = 25
    attribute = AudienceAttribute.objects.get(code=CODE)
    while time.monotonic() < until:
        now = next(iter(set(NAMES) - attribute.aliases.keys()))
        switch(attribute, now, NAMES[(NAMES.index(now) + 1) % 3])
        if dice.random() < 0.7:
            settling.settle(attribute.pk, RENAMES)
        tell.send(("renamed", None))


def write(name: str, seed: int, until: float, tell: Connection) -> None:
    """Bring audiences of its own by any of the texts, new and old, which are stored by the new ones alone."""
    dice = random.Random(seed)
    while time.monotonic() < until:
        ids = sorted(f"{name}-{number}" for number in dice.sample(range(200), dice.randint(1, 20)))
        sent = {each: sorted(dice.sample(sorted({*TEXTS, *NAMES}), dice.randint(1, 2))) for each in ids}
        with transaction.atomic():
            audiences.upsert([ProfileChange(each, properties={CODE: texts}) for each, texts in sent.items()])
            older = older_texts(ids)
        tell.send(("read", older))
        tell.send(("done", sent))


def older_texts(ids: list[str]) -> list[str]:
    """What these audiences have by an older text; whoever has written them sees none until the transaction ends."""
    aliases = AudienceAttribute.objects.get(code=CODE).aliases
    rows = Audience.objects.filter(pk__in=ids).values_list("pk", "properties")
    return [f"{key} has {text}" for key, properties in rows for text in properties[CODE] if text in aliases]


def read(name: str, seed: int, until: float, tell: Connection) -> None:
    """Count in a view, and compare with every row of the same moment as it is read then."""
    while time.monotonic() < until:
        tell.send(("read", wrong_counts()))


def wrong_counts() -> list[str]:
    """Where the counts of a view differ from what the reference says of the rows that the view's transaction shows."""
    wrong = []
    with store().snapshot() as view:
        known = excerpts.excerpt({CODE: {*TEXTS, *NAMES}}).visible_to(ANYBODY)
        trees = [resolve(parse(*clauses), known).tree for clauses in CLAUSES]
        aliases = AudienceAttribute.objects.get(code=CODE).aliases
        rows = [read_now(row, aliases) for row in Audience.objects.values_list("properties", flat=True)]
        for clauses, tree in zip(CLAUSES, trees, strict=True):
            counted, expected = view.count(tree), sum(evaluate(tree, row) for row in rows)
            if counted != expected:
                wrong.append(f"{counted} instead of {expected} for {clauses}, where {aliases}")
    return wrong


def read_now(properties: dict[str, Any], aliases: dict[str, str]) -> dict[str, list[str]]:
    return {**properties, CODE: sorted({aliases.get(text, text) for text in properties.get(CODE, [])})}
