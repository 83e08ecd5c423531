"""From rows in the order of the file to rows in the order of keys, of each the last line, in another table.

JSON is read on the way, for what is to be written, and an empty text is none: what is here as it was sent is marked
by `is_stored`, and little more than its key is kept.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from segments.store.database import execute, fetch_one

TEXTS = ("text", "jsonb")
BULKY = ("jsonb", "int[]")


class Already(NamedTuple):
    """What says of a row `sent` whether it is here as it was sent: SQL that is joined to it, and SQL for that.

    `params` are the values for both. `fill` is a statement that makes in a table what was left out of rows to be
    written, or empty.
    """

    joined: str = ""
    is_stored: str = "false"
    params: Mapping[str, Any] = MappingProxyType({})
    fill: str = ""


NONE = Already()

# Two processes do it, as many as read the file, for which the planner has to be told that they cost nothing. A loop
# over the rows of a table that it takes for small, as it was a moment ago, would never end. What they hash they do not
# share: the memory for that is 64 MB in a container unless somebody asks for more, and an import would fail there.
SETTINGS = """
    SET LOCAL work_mem = '128MB'; SET LOCAL max_parallel_workers_per_gather = 1;
    SET LOCAL parallel_tuple_cost = 0; SET LOCAL enable_nestloop = off;
    SET LOCAL enable_parallel_hash = off"""
ORDERED = """
    SELECT DISTINCT ON (sent.key) sent.key, is_stored, {kept}
    FROM {read} AS brought
    CROSS JOIN LATERAL (SELECT line, key, {columns}) AS sent
    {joined}
    CROSS JOIN LATERAL (SELECT {is_stored}) AS already (is_stored)
    ORDER BY sent.key, sent.line DESC"""
CREATE = "CREATE {kind} TABLE {table} WITH (autovacuum_enabled = off) AS {ordered} {data}"
IS_TO_WRITE = "SELECT EXISTS (SELECT FROM {table} WHERE NOT is_stored)"
OUT_OF_LINE = "SELECT pg_relation_size(reltoastrelid) > 0 FROM pg_class WHERE oid = %s::regclass"


def put_in_order(read: str, table: str, kind: str, columns: Mapping[str, str], already: Already) -> bool:
    """Make a table of this kind from the one that was read, in a transaction; whether any row is to be written.

    Only a table that is made by its rows is made by several processes, and only one that is there keeps texts whole.
    """
    joined, is_stored, params, fill = already
    ordered = ORDERED.format(
        read=read,
        columns=", ".join(
            f"nullif({name}, '')::jsonb AS {name}" if of == "jsonb" else name for name, of in columns.items()
        ),
        kept=", ".join(kept(name, of) for name, of in columns.items()),
        joined=joined,
        is_stored=is_stored,
    )
    execute(SETTINGS)
    if has_long_rows(read):
        execute(CREATE.format(kind=kind, table=table, ordered=ordered, data="WITH NO DATA"), params)
        keep_whole(table, columns)
        execute(f"INSERT INTO {table} {ordered}", params)
    else:
        execute(CREATE.format(kind=kind, table=table, ordered=ordered, data=""), params)
    is_to_write: bool = fetch_one(IS_TO_WRITE.format(table=table))[0]
    if is_to_write:  # or else all is one range
        execute(f"CREATE INDEX ON {table} (key)")
        if fill:  # now: an index over rows that were changed before is not used while any transaction is older than it
            keep_whole(table, columns)
            execute(fill.format(table=table))
    return is_to_write


def kept(name: str, of: str) -> str:
    """A column of a row; `is_stored` takes long, and is not asked where there is nothing to keep."""
    if of not in BULKY:
        return f"sent.{name}"
    there = f"brought.{name} <> '' AND " if of == "jsonb" else ""
    return f"CASE WHEN {there}NOT is_stored THEN sent.{name} END AS {name}"


def keep_whole(table: str, columns: Mapping[str, str]) -> None:
    """Have texts kept as they are: packing them takes longer than writing them."""
    for name in (name for name, of in columns.items() if of in TEXTS):
        execute(f"ALTER TABLE {table} ALTER {name} SET STORAGE EXTERNAL")


def has_long_rows(table: str) -> bool:
    """Whether some are so long that they are not kept with the others."""
    found: bool = fetch_one(OUT_OF_LINE, [table])[0]
    return found
