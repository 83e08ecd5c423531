"""The `no` that an object brings from elsewhere, and the sequence that would give it to another."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, models


def numbered(model: type[models.Model], sequence: str, drafts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The drafts of new objects, each with its `no` only where nobody has it; the sequence goes on behind these.

    Call it in the transaction that creates them, before that locks a row: until it ends nobody else adds one, and
    its rollback gives the numbers back.
    """
    copies = [dict(draft) for draft in drafts]
    wanted = {draft["no"] for draft in copies if "no" in draft}
    if not wanted:
        return copies
    move_behind(sequence, max(wanted), model._meta.db_table)
    free = wanted.difference(model._default_manager.filter(no__in=wanted).values_list("no", flat=True))
    for draft in copies:
        if draft.get("no") in free:
            free.remove(draft["no"])
        else:
            draft.pop("no", None)
    return copies


def move_behind(sequence: str, number: int, table: str) -> None:
    """Let nobody add a row to the table until this transaction ends, and no later one get this number."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(f"SELECT last_value, is_called FROM {sequence}")
        last, is_called = cursor.fetchone()
        if number >= last + is_called:
            # Unlike setval(), this is undone by a rollback.
            cursor.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {number + 1:d}")
