"""The `no` that an object brings from elsewhere, and the sequence that would give it to another."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, models


def numbered(model: type[models.Model], sequence: str, drafts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The drafts of new objects, each with its `no` only where nobody has it; the sequence goes on behind these.

    Call it in the transaction that creates them, shortly before it does: until that ends nobody is given a number
    of the sequence, and its rollback gives the numbers back.
    """
    copies = [dict(draft) for draft in drafts]
    wanted = {draft["no"] for draft in copies if "no" in draft}
    if not wanted:
        return copies
    move_behind(sequence, max(wanted))
    free = wanted.difference(model._default_manager.filter(no__in=wanted).values_list("no", flat=True))
    for draft in copies:
        if draft.get("no") in free:
            free.remove(draft["no"])
        else:
            draft.pop("no", None)
    return copies


def move_behind(sequence: str, number: int) -> None:
    """Let the sequence give nobody a number until this transaction ends, and never again this one or a lower one.

    Whoever was given one before is waited for, so the rows that have them can be seen afterwards. Those who change
    or delete rows take no number: they neither wait for this nor are waited for.
    """
    with connection.cursor() as cursor:
        # Changes nothing, and locks the sequence, which LOCK TABLE cannot do.
        cursor.execute(f"ALTER SEQUENCE {sequence} INCREMENT BY 1")
        cursor.execute(f"SELECT last_value, is_called FROM {sequence}")
        last, is_called = cursor.fetchone()
        if number >= last + is_called:
            # Unlike setval(), this is undone by a rollback.
            cursor.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {number + 1:d}")
