"""Rows of audiences that have one value of an attribute get another instead, and bitmaps the delta of it."""

from collections.abc import Sequence

from segments.models import AudienceHead
from segments.store import roaring
from segments.store.database import fetch_one
from segments.store.roaring import EVERYONE, NONE, Delta
from segments.store.rows import AUDIENCE
from segments.store.writing import advance

RENAME = f"""
    WITH updated AS (
        UPDATE {AUDIENCE} SET
            properties = jsonb_set(properties, ARRAY[%(code)s], (
                SELECT jsonb_agg(text ORDER BY text COLLATE "C") FROM (
                    SELECT DISTINCT CASE listed WHEN %(old)s THEN %(new)s ELSE listed END AS text
                    FROM jsonb_array_elements_text(properties -> %(code)s) AS listed
                ) AS renamed
            )),
            value_ids = CASE WHEN %(new_id)s = ANY(value_ids) THEN array_remove(value_ids, %(old_id)s)
                ELSE array_replace(value_ids, %(old_id)s, %(new_id)s) END,
            updated_at = greatest(%(moment)s, created_at)
        WHERE number = ANY(%(numbers)s::bigint[]) AND properties -> %(code)s ? %(old)s
        RETURNING number, value_ids
    )
    SELECT array_agg(number), coalesce(string_agg(coalesce(value_ids, '{{}}')::text, ''), '') FROM updated"""


def rename(head: AudienceHead, numbers: Sequence[int], label: tuple[str, str, str], ids: tuple[int, int]) -> int:
    """Under the locked head, give those of these audiences who have the old value the new one; how many they were.

    `label` is a code with the old and the new text, `ids` are the numbers of the two values.
    """
    moment = fetch_one("SELECT clock_timestamp()")[0]
    named = dict(zip(("code", "old", "new"), label, strict=True)) | dict(zip(("old_id", "new_id"), ids, strict=True))
    touched, value_ids = fetch_one(RENAME, {**named, "numbers": list(numbers), "moment": moment})
    if not touched:
        return 0
    values = roaring.grouped(touched, value_ids)
    advance(head, moment, Delta(values[EVERYONE], NONE, values))
    return len(touched)
