"""How many attributes an audience has: a change that merges adds to them, and may not take them past the cap."""

from collections.abc import Iterable, Sequence

from segments.exceptions import TooManyCodes
from segments.labels import MAX_CODES
from segments.store.database import fetch_all
from segments.store.rows import AUDIENCE

# An audience has a value or more of each attribute; counting ids spares unpacking the properties of nearly all.
WIDE = f"""
    SELECT id, ARRAY(SELECT jsonb_object_keys(properties)) FROM {AUDIENCE}
    WHERE id = ANY(%(ids)s::text[]) AND coalesce(cardinality(value_ids), %(least)s) >= %(least)s"""

TOO_WIDE = f"""
    SELECT id FROM {AUDIENCE}
    WHERE id = ANY(%s::text[]) AND (SELECT count(*) FROM jsonb_object_keys(properties)) > {MAX_CODES}
    ORDER BY id"""


def wide(ids: Iterable[str], least: int) -> dict[str, frozenset[str]]:
    """The codes of those of these audiences that have at least so many."""
    found = {key: frozenset(codes) for key, codes in fetch_all(WIDE, {"ids": list(ids), "least": least})}
    return {key: codes for key, codes in found.items() if len(codes) >= least}


def refuse_too_wide(ids: Sequence[str]) -> None:
    """TooManyCodes when some of these audiences, as they have just been written, have more than they can have."""
    if ids and (found := fetch_all(TOO_WIDE, [ids])):
        raise TooManyCodes([key for (key,) in found])
