"""Making an edition of the ids anew, and comparing it with the rows."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

from django.db import connection, transaction

from segments.store.blocks import Block, checksum, pack_numbers
from segments.store.database import execute, fetch_all, fetch_one, one_moment
from segments.store.editions import BLOCK, EDITION, SHELF
from segments.store.index import HEAD
from segments.store.roaring import Damaged
from segments.store.rows import AUDIENCE
from segments.store.upkeep import Busy, alone

AT_ONCE = 2**14  # ids in a block
PATIENCE = "10min"
MANY = 5_000  # audiences; an edition may lack so many, or one in a hundred

# Where it lacks too many, and is not of the last minutes; and after a day, so that who was erased does not stay in it.
DUE = f"""
    SELECT EXISTS (
        SELECT FROM {HEAD} AS head LEFT JOIN {EDITION} AS edition USING (epoch)
        WHERE next_number - coalesce(horizon, 0) > greatest(%(many)s, coalesce(audiences, 0) / 100)
            AND (made_at > now() - interval '5 minutes') IS NOT TRUE
            OR made_at < least(now() - interval '1 day', at)
    )"""


def make() -> int:
    """Write all ids in order, as they are at one moment, in place of the edition before; how many there are.

    Busy when another process is at it. Who reads the one before goes on, as its snapshot shows it.
    """
    with alone(), transaction.atomic():
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
        # All rows are wanted, not the first ones soon.
        execute("SET LOCAL cursor_tuple_fraction = 1")
        found = fetch_all(f"SELECT epoch, next_number FROM {HEAD} WHERE epoch IS NOT NULL")
        if not found:
            return 0
        ((epoch, horizon),) = found
        edition = uuid.uuid4()
        audiences = write_blocks(edition)
        execute(f"DELETE FROM {EDITION}")
        execute(f"DELETE FROM {BLOCK} WHERE edition <> %s", [edition])
        if audiences:
            execute(
                f"INSERT INTO {EDITION} (id, epoch, horizon, audiences, made_at) VALUES (%s, %s, %s, %s, now())",
                [edition, epoch, horizon, audiences],
            )
        return audiences


def write_blocks(edition: uuid.UUID) -> int:
    """Write the blocks from the rows; how many ids they have."""
    written = 0
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT id, number FROM {AUDIENCE} ORDER BY id")
        for place, rows in enumerate(iter(lambda: cursor.fetchmany(AT_ONCE), [])):
            lines = "".join(f"{audience_id}\n" for audience_id, _number in rows).encode()
            numbers = pack_numbers([number for _id, number in rows])
            execute(
                f"INSERT INTO {BLOCK} (edition, place, first, numbers, ids, checksum) VALUES (%s, %s, %s, %s, %s, %s)",
                [edition, place, rows[0][0], numbers, lines, checksum(numbers, lines)],
            )
            written += len(rows)
    return written


def make_if_due() -> None:
    """Make an edition where there is none of many ids, or one that should be newer."""
    if fetch_one(DUE, {"many": MANY})[0]:
        with suppress(Busy):  # then it is still due when somebody looks again
            make()


def differences() -> Iterator[str]:
    """Where the edition and the rows do not agree, a sentence each; there need not be one."""
    with one_moment():
        found = fetch_all(f"SELECT epoch FROM {HEAD} WHERE epoch IS NOT NULL")
        edition = SHELF.current(found[0][0]) if found else None
        if edition is None:
            return
        listed = 0
        for place in range(len(edition.firsts)):
            try:
                rows, wrong = compare(edition.block(place))
            except Damaged:
                yield f"Block {place} of the ids is damaged."
                return
            listed += rows
            if wrong:
                yield f"Block {place} of the ids: {wrong:,} differ."
        missing = fetch_one(f"SELECT count(*) FROM {AUDIENCE} WHERE number < %s", [edition.horizon])[0] - listed
        if missing:
            yield f"The blocks of ids lack {missing:,} audiences."


def compare(block: Block) -> tuple[int, int]:
    """How many of a block there are still, and of how many rows say another id."""
    ids = block.lines.decode().split("\n")[:-1]
    numbers = block.numbers.tolist()
    told = dict(zip(numbers, ids, strict=True))
    rows = fetch_all(f"SELECT number, id FROM {AUDIENCE} WHERE number = ANY(%s::bigint[])", [numbers])
    disorder = sum(one >= other for one, other in pairwise(ids))
    return len(rows), disorder + sum(told[number] != audience_id for number, audience_id in rows)
