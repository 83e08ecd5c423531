"""Made-up audiences and segments, the same ones every time: a number in, a person out."""

import random
from collections.abc import Iterator
from itertools import accumulate

from segments.expressions import And, AnyOf, Expression
from segments.store import ProfileChange

CHUNK = 10_000
VALUES = {
    "gender": 3,
    "tier": 5,
    "os": 6,
    "age_band": 7,
    "income": 10,
    "device": 12,
    "region": 17,
    "carrier": 20,
    "genre": 24,
    "interest": 150,
    "category": 175,
    "city": 200,
}
SEVERAL = {"genre", "interest"}
TEXTS = {code: [f"{code}-{rank}" for rank in range(1, count + 1)] for code, count in VALUES.items()}
# Zipf with 1.1: few values are everybody's, most are rare.
WEIGHTS = {code: list(accumulate(1 / rank**1.1 for rank in range(1, count + 1))) for code, count in VALUES.items()}


def chunk(first: int, count: int = CHUNK, salt: str = "") -> list[ProfileChange]:
    """Audiences `first` and on, about nine values each; another `salt` gives the same people other values."""
    dice = random.Random(f"{first}{salt}")  # noqa: S311
    return [
        ProfileChange(audience_id(number), properties=some_properties(dice)) for number in range(first, first + count)
    ]


def audience_id(number: int) -> str:
    return f"a2-{number * 2_654_435_761 % 2**32:010d}-{number:07d}"


def some_properties(dice: random.Random) -> dict[str, list[str]]:
    properties = {}
    for code, texts in TEXTS.items():
        if code in SEVERAL:
            properties[code] = sorted(set(dice.choices(texts, cum_weights=WEIGHTS[code], k=dice.randint(1, 3))))
        elif dice.random() < 0.55:
            properties[code] = dice.choices(texts, cum_weights=WEIGHTS[code])
    return properties


def changes(count: int, size: int, seed: int) -> Iterator[ProfileChange]:
    """New properties for so many audiences anywhere among the first `size`."""
    dice = random.Random(f"changes {seed}")  # noqa: S311
    for number in dice.sample(range(size), count):
        yield ProfileChange(audience_id(number), properties=some_properties(dice))


def trees(count: int = 200) -> list[Expression]:
    """Segments of one to five attributes, with one to ten values each."""
    dice = random.Random("segments")  # noqa: S311
    return [
        And(tuple(some_clause(dice, code) for code in dice.sample(list(TEXTS), dice.randint(1, 5))))
        for _ in range(count)
    ]


def some_clause(dice: random.Random, code: str) -> AnyOf:
    texts = TEXTS[code]
    return AnyOf(code, tuple(sorted(dice.sample(texts, min(len(texts), dice.randint(1, 10))))))
