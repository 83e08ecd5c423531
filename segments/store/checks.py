"""Whether the rows of audiences are sound."""

from collections.abc import Iterator

from django.db.models import Max

from segments.models import Audience, AudienceHead
from segments.store.database import fetch_one
from segments.store.rows import AUDIENCE

COUNT_UNCANONICAL = f"""
    SELECT count(*), min(id) FROM {AUDIENCE} WHERE EXISTS (
        SELECT FROM jsonb_each(properties) AS property (code, texts)
        WHERE texts IS DISTINCT FROM CASE WHEN jsonb_typeof(texts) = 'array' THEN (
            SELECT jsonb_agg(DISTINCT text ORDER BY text)
            FROM jsonb_array_elements_text(texts) AS listed,
                LATERAL (SELECT coalesce(listed, '') COLLATE "C") AS read (text)
        ) END
    )"""


def check_numbers() -> Iterator[str]:
    """Whether the next audience would get a number that is free."""
    highest = Audience.objects.aggregate(number=Max("number"))["number"]
    head = AudienceHead.objects.first()
    if head and highest is not None and highest >= head.next_number:
        yield f"The next audience would get number {head.next_number}, but {highest} is given out already."


def check_properties() -> Iterator[str]:
    """Whether all properties are canonical; others are not matched rightly."""
    count, first = fetch_one(COUNT_UNCANONICAL)
    if count:
        problem = "Audiences whose properties are not sorted lists of distinct texts"
        yield f"{problem}: {count:,}, the first of them '{first}'. Load them again."
