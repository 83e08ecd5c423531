"""Made-up audiences and segments, the same ones every time: 12 attributes, 629 values, about nine of them a person."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate, starmap

from segments.expressions import And, AnyOf
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
SEVERAL = {"genre", "interest"}  # one to three of them
MOST = 3
WITHOUT = 0.45  # of the other attributes, how many audiences have none
TEXTS = {code: [f"{code}-{rank}" for rank in range(1, count + 1)] for code, count in VALUES.items()}
# Zipf with 1.1: few values are everybody's, most are rare.
WEIGHTS = {code: list(accumulate(1 / rank**1.1 for rank in range(1, count + 1))) for code, count in VALUES.items()}

Texts = tuple[str, ...]


def rows(first: int, count: int = CHUNK, salt: str = "") -> Iterator[tuple[str, list[Texts]]]:
    """Id and texts, in the order of VALUES, of audiences `first` and on; another `salt` gives them other texts."""
    dice = random.Random(f"{first}{salt}")  # noqa: S311
    columns = [some_texts(dice, code, count) for code in VALUES]
    return zip(map(audience_id, range(first, first + count)), map(list, zip(*columns, strict=True)), strict=True)


def some_texts(dice: random.Random, code: str, count: int) -> list[Texts]:
    """What so many audiences have of an attribute."""
    many = MOST if code in SEVERAL else 1
    drawn = [dice.choices(TEXTS[code], cum_weights=WEIGHTS[code], k=count) for _ in range(many)]
    if code in SEVERAL:
        several = zip(dice.choices(range(1, MOST + 1), k=count), *drawn, strict=True)
        return [tuple(sorted(set(texts[:number]))) for number, *texts in several]
    return [() if dice.random() < WITHOUT else (text,) for text in drawn[0]]


def chunk(first: int, count: int = CHUNK, salt: str = "") -> list[ProfileChange]:
    """The same audiences, as they are sent to the store."""
    return list(starmap(profile, rows(first, count, salt)))


def profile(audience: str, texts: Sequence[Texts]) -> ProfileChange:
    properties = {code: list(some) for code, some in zip(VALUES, texts, strict=True) if some}
    return ProfileChange(audience, properties=properties)


def audience_id(number: int) -> str:
    """One of 21 characters, and their order is not that of the numbers."""
    return f"a2-{number * 2_654_435_761 % 2**32:010d}-{number:07d}"


def changes(count: int, size: int, seed: int) -> list[ProfileChange]:
    """New properties for so many audiences anywhere among the first `size`."""
    numbers = random.Random(f"changes {seed}").sample(range(size), count)  # noqa: S311
    others = rows(0, count, salt=f"changes {seed}")
    return [profile(audience_id(number), texts) for number, (_id, texts) in zip(numbers, others, strict=True)]


def trees(count: int = 200) -> list[And]:
    """Segments of one to five attributes, with one to ten values each."""
    dice = random.Random("segments")  # noqa: S311
    return [
        And(tuple(some_clause(dice, code) for code in dice.sample(list(TEXTS), dice.randint(1, 5))))
        for _ in range(count)
    ]


def properties_of(tree: And) -> dict[str, list[str]]:
    """The tree as the properties of a segment."""
    return {part.code: list(part.values) for part in tree.parts if isinstance(part, AnyOf)}


def some_clause(dice: random.Random, code: str) -> AnyOf:
    texts = TEXTS[code]
    return AnyOf(code, tuple(sorted(dice.sample(texts, min(len(texts), dice.randint(1, 10))))))
