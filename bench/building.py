"""The audiences that everything is measured on: brought once, and gone on with where a run was killed."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from django.db import connection, transaction

from bench import people
from segments import catalogue
from segments.models import Audience, AudienceHead
from segments.store import editing, upkeep
from segments.store.database import execute, fetch_one
from segments.store.editions import SHELF
from segments.store.numbering import number_values
from segments.store.writing import lock_head

AT_ONCE = 100_000  # audiences in a transaction
MOMENT = "2026-01-01T00:00:00Z"
AUDIENCE = Audience._meta.db_table


def build(size: int) -> None:
    """Let there be so many audiences with their bitmaps, and as they were made.

    They go by COPY straight into the store's table, which nothing but a bench may do: it leaves no deltas, and no
    bitmaps to answer from until they are made of the rows.
    """
    with transaction.atomic():
        catalogue.learn({code: set(texts) for code, texts in people.TEXTS.items()}, dict.fromkeys(people.TEXTS, ""))
    began, loaded = time.monotonic(), False
    while there := load_some(size):
        loaded = True
        say(f"{there:,} audiences are there after {time.monotonic() - began:.0f} s")
    if loaded or AudienceHead.objects.filter(epoch=None).exists():
        execute(f"VACUUM (ANALYZE, FREEZE) {AUDIENCE}")
        for part, parts in upkeep.rebuild():
            say(f"part {part} of {parts} of the bitmaps made in {time.monotonic() - began:.0f} s")
    if SHELF.current(AudienceHead.objects.get().epoch) is None:
        say("writing the ids in order")
        editing.make()


def load_some(size: int) -> int:
    """Bring the next ones; how many are there then, 0 when they were all there before."""
    ids = number_values({(code, text) for code, texts in people.TEXTS.items() for text in texts})
    options = [Options(code, ids) for code in people.VALUES]
    with transaction.atomic():
        head = lock_head()
        first, beyond = head.next_number, min(head.next_number + AT_ONCE, size)
        if first >= beyond:
            return 0
        columns = "id, number, id_type, properties, value_ids, created_at, updated_at"
        with connection.cursor() as cursor, cursor.copy(f"COPY {AUDIENCE} ({columns}) FROM STDIN") as copy:
            for start in range(first, beyond, people.CHUNK):
                copy.write("".join(lines(start, min(people.CHUNK, beyond - start), options)))
        head.epoch, head.next_number, head.seq = None, beyond, head.seq + 1
        head.save()
    return beyond


def lines(first: int, count: int, options: "Sequence[Options]") -> Iterator[str]:
    """Audiences as COPY reads them."""
    for number, (audience, texts) in enumerate(people.rows(first, count), first):
        found = [of[some] for of, some in zip(options, texts, strict=True) if some]
        properties, ids = ",".join(pair[0] for pair in found), ",".join(pair[1] for pair in found)
        yield f"{audience}\t{number}\taccount_id\t{{{properties}}}\t{{{ids}}}\t{MOMENT}\t{MOMENT}\n"


class Options(dict[people.Texts, tuple[str, str]]):
    """What an audience may have of an attribute, as JSON and as the store's ids; each made when it first comes up."""

    def __init__(self, code: str, ids: Mapping[tuple[str, str], int]) -> None:
        self.code, self.ids = code, ids

    def __missing__(self, texts: people.Texts) -> tuple[str, str]:
        values = ",".join(str(self.ids[self.code, text]) for text in texts)
        self[texts] = made = (f"{json.dumps(self.code)}:{json.dumps(texts)}", values)
        return made


def say(progress: str) -> None:
    sys.stderr.write(progress + "\n")
    sys.stderr.flush()


def count() -> int:
    return int(fetch_one(f"SELECT count(*) FROM {AUDIENCE}")[0])
