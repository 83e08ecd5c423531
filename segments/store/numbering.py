"""The numbers of values: each code with a text gets one when an audience first brings it, and keeps it."""

from collections.abc import Mapping

from segments.models import IndexedValue
from segments.store.database import fetch_all
from segments.store.index import indexed

VALUE = IndexedValue._meta.db_table

# In order, so that no two who bring the same values wait for each other in a ring.
NUMBER_VALUES = f"""
    INSERT INTO {VALUE} (code, text)
    SELECT code, text FROM unnest(%s::text[], %s::text[]) AS brought (code, text)
    ORDER BY code COLLATE "C", text COLLATE "C" ON CONFLICT DO NOTHING
    RETURNING code, text, id"""


UNKNOWN = -1


def numbers_known(labels: set[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """The numbers of these codes with their texts, UNKNOWN for those that no audience has ever had."""
    return dict.fromkeys(labels, UNKNOWN) | indexed(list(labels))


def number_values(labels: set[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """The numbers of these codes with their texts, given now to those that had none.

    Call it before the head is locked, as every writer does: so no two wait for each other.
    """
    known = indexed(list(labels))
    if missing := labels - known.keys():
        rows = fetch_all(NUMBER_VALUES, [[code for code, _text in missing], [text for _code, text in missing]])
        known |= {(code, text): number for code, text, number in rows}
        known |= indexed(list(missing - known.keys()))
    return known
