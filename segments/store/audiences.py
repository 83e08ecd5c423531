"""The port: what a store of audiences can do, whatever keeps them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from typing import Any, Final

from segments.expressions import Expression

Properties = dict[str, list[str]]
Batch = Sequence[Any]
"""Some audiences by what their store calls them: for that store alone."""
AltId = dict[str, Any]
Label = tuple[str, str]
"""The code of an attribute and one of its values."""
IN_A_PIECE = 5_000


class Unsent(Enum):
    """The type of `UNSENT`, which is not None: a null that was sent is a value."""

    UNSENT = "unsent"


UNSENT: Final = Unsent.UNSENT


@dataclass(frozen=True, slots=True)
class Profile:
    """An audience as it is stored; `properties` are canonical: code → sorted list of distinct texts.

    `updated_at` is the moment of its last change, or `created_at` where that is later.
    """

    id: str
    id_type: str | None
    alt_id: AltId | None
    properties: Properties
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What was sent of an audience: a field sent replaces that field, a field left out stays.

    On a new audience a field left out is `account_id`, None, `{}` or now; `created_at` counts on new ones alone.
    With `merges`, `properties` replace only the attributes that they name, and an empty list removes one.
    """

    id: str
    id_type: str | Unsent | None = UNSENT
    alt_id: AltId | Unsent | None = UNSENT
    properties: Properties | Unsent = UNSENT
    created_at: datetime | Unsent = UNSENT
    merges: bool = False


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """What became of what was sent; `suppressed` ones are barred and were left out."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    suppressed: int = 0

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged + self.suppressed


@dataclass(frozen=True, slots=True)
class Written:
    """While `writes` is the same, so is every answer."""

    writes: int = 0
    ago: timedelta = timedelta.max


class Snapshot(ABC):
    """One view of the store; use it inside its `with` alone."""

    as_of: datetime
    """The moment the view was opened, by the store's own clock."""

    @property
    @abstractmethod
    def total(self) -> int:
        """How many audiences there are."""

    @abstractmethod
    def count(self, tree: Expression) -> int:
        """How many audiences the tree selects."""

    @abstractmethod
    def ids(self, tree: Expression, after: str | None = None, limit: int | None = None) -> Iterator[str]:
        """The ids that the tree selects, in code point order, beyond `after`; streamed, in flat memory."""

    def lines(self, tree: Expression, after: str | None = None, limit: int | None = None) -> Iterator[bytes]:
        """The same in UTF-8, in pieces of whole lines: an LF after each id, which has none itself."""
        return in_lines(self.ids(tree, after, limit))

    @abstractmethod
    def sample(self, tree: Expression, limit: int) -> list[str]:
        """So many ids of those that the tree selects, or all where they are fewer: drawn at random, then sorted."""

    @abstractmethod
    def batches(self, tree: Expression, size: int) -> list[Batch]:
        """Those whom the tree selects, so many at a time, for `AudienceStore.rename`."""

    @abstractmethod
    def value_counts(self, code: str) -> dict[str, int]:
        """How many audiences have each value of this attribute; values that none has are not in it."""

    @abstractmethod
    def label_counts(self, labels: Collection[Label], within: Expression | None = None) -> Counter[Label]:
        """How many audiences have each of these values; with a tree, how many of those whom it selects."""

    @abstractmethod
    def common_values(self, codes: Collection[str], limit: int) -> dict[str, list[str]]:
        """So many values of each attribute, the commonest first as far as a store knows without counting them.

        They are what to count when there may be too many to count them all; none may have one of them any more.
        """


class AudienceStore(ABC):
    """Keeps audiences and says which of them a tree selects.

    Writes are all or nothing. An audience sent as it is stored, JSON compared by value (1 is 1.0, and not
    true), is `unchanged`: nothing of it is written and `updated_at` stays.
    """

    @abstractmethod
    def upsert(self, changes: Sequence[ProfileChange]) -> UpsertCounts:
        """Create or change these audiences; ValueError when an id stands there twice.

        TooManyCodes when a merge would leave one with more attributes than it can have.
        """

    @abstractmethod
    def create(self, change: ProfileChange) -> Profile:
        """Create one audience; AudienceExists when its id is taken, also by someone faster."""

    @abstractmethod
    def update(self, change: ProfileChange) -> Profile:
        """Change one audience that exists; AudienceMissing when there is none."""

    @abstractmethod
    def get(self, ids: Iterable[str]) -> dict[str, Profile]:
        """Those of these audiences that exist, by id."""

    @abstractmethod
    def wide(self, ids: Iterable[str], least: int) -> dict[str, frozenset[str]]:
        """The codes of those of these audiences that have at least so many, by id."""

    @abstractmethod
    def page(self, after: str | None, limit: int) -> list[Profile]:
        """The first audiences beyond the id `after`, in code point order of their ids."""

    @abstractmethod
    def offset_page(self, offset: int, limit: int) -> list[Profile]:
        """The same by position; the cost grows with the offset."""

    @abstractmethod
    def rename(self, batch: Batch, code: str, old: str, new: str) -> int:
        """Give those of the batch who have one value of an attribute another instead; how many they were."""

    @abstractmethod
    def erase(self, ids: Iterable[str]) -> int:
        """Remove those of these audiences that exist; how many they were."""

    @abstractmethod
    def snapshot(self, *, lasting: bool = False) -> AbstractContextManager[Snapshot]:
        """A view that stays as it is while others write; each store says what a transaction around it changes.

        A `lasting` one may be read for as long as it takes, and slowly.
        """

    @abstractmethod
    def written(self) -> Written:
        """How many writes changed something, and how long ago the last one did."""

    @abstractmethod
    def check(self) -> list[str]:
        """What is wrong with what is stored, a sentence each; empty when it is sound."""


def in_lines(ids: Iterator[str]) -> Iterator[bytes]:
    """Ids as `Snapshot.lines` gives them."""
    while some := list(islice(ids, IN_A_PIECE)):
        yield "".join(f"{audience_id}\n" for audience_id in some).encode()


def refuse_twice(changes: Sequence[ProfileChange]) -> None:
    """ValueError when two changes are of one audience: which of them is the later one is not the store's to say."""
    seen: set[str] = set()
    for change in changes:
        if change.id in seen:
            raise ValueError(f"The audience {change.id!r} stands twice in one call. Send each audience once.")
        seen.add(change.id)


def commonest(counts: Mapping[str, int], limit: int) -> list[str]:
    """So many of the values, those that most have first."""
    return sorted(counts, key=lambda text: (-counts[text], text))[:limit]
