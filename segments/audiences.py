"""Writing audiences: learn what is new to the catalogue, then hand them to the store."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.db.models.functions import MD5

from segments import catalogue
from segments.catalogue import Aliases
from segments.exceptions import step
from segments.models import AudienceAttributeValue, Change, IndexedValue, Owner
from segments.store import UNSENT, Profile, ProfileChange, UpsertCounts, store
from segments.store.loading import Look, NotFree, Waiting, values_brought

MOST_LEARNED = 100_000


@dataclass
class Brought:
    """The codes and values that some audiences bring, and where each code was first seen."""

    wanted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    pointers: dict[str, str] = field(default_factory=dict)


def upsert(changes: Sequence[ProfileChange], *, strict: bool = False, owner: Owner | None = None) -> UpsertCounts:
    """Create or change audiences, all or none; strict refuses attributes that the catalogue lacks (Invalid)."""
    found = brought(changes, [f"/{index}" for index in range(len(changes))])
    with transaction.atomic():
        aliases = catalogue.learn(found.wanted, found.pointers, strict=strict, owner=owner)
        return store().upsert([read_now(change, aliases) for change in changes] if aliases else changes)


class Learned:
    """The numbers of values that the catalogue was found to have, which is so until something in it changes."""

    def __init__(self) -> None:
        self.change: int | None = None
        self.numbers: set[int] = set()

    def others(self, numbers: Iterable[int]) -> list[int]:
        """Those that it may lack; call it while the catalogue is held still.

        Whoever renames, merges or deletes leaves a change before the catalogue can be held still again.
        """
        change = Change.objects.aggregate(last=Max("id"))["last"]
        if change != self.change or len(self.numbers) > MOST_LEARNED:
            self.change, self.numbers = change, set()
        return [number for number in numbers if number not in self.numbers]


def load(waiting: Waiting, look: Look, learned: Learned, *, owner: Owner | None = None) -> UpsertCounts:
    """Create or change the audiences that wait in a table of an import's, all or none; `look` was taken before."""
    if not look.new + look.changed:
        return UpsertCounts(unchanged=look.rows)
    try:
        with suppress(NotFree), transaction.atomic():
            if look.values:
                learn_numbered(look.values, learned, owner)
                waiting.create(look.rows, look.values)
                return UpsertCounts(created=look.rows)
        with transaction.atomic():
            catalogue.hold_still()
            count, seq = waiting.bring()
            learn_numbered(values_brought(), learned, owner)
            written = waiting.write(count, seq)
    except Renamed:
        written = upsert(waiting.changes(), owner=owner)
    return replace(written, unchanged=look.rows - written.created - written.updated)


class Renamed(Exception):
    """A value has been renamed since it was read."""


def learn_numbered(numbers: Iterable[int], learned: Learned, owner: Owner | None) -> None:
    """Register those of the values with these numbers that the catalogue lacks; Renamed when one is an alias by now."""
    catalogue.hold_still()
    others = learned.others(numbers)
    if others and (wanted := lacking(others)):
        aliases = catalogue.learn(wanted, {}, owner=owner)
        if any((code, text) in aliases for code, texts in wanted.items() for text in texts):
            raise Renamed
    else:
        learned.numbers.update(others)


# One parameter for all: hundreds of them take longer to be written than to be looked up.
AMONG = f"{IndexedValue._meta.db_table}.id = ANY(%s)"


def lacking(numbers: Sequence[int]) -> dict[str, set[str]]:
    """The codes and values with these numbers of the store's that the catalogue lacks, or has as aliases."""
    kept = (
        AudienceAttributeValue.objects.filter(alias_of=None)
        .alias(digest=MD5("value"))
        .filter(attribute__code=OuterRef("code"), digest=MD5(OuterRef("text")), value=OuterRef("text"))
    )
    found: dict[str, set[str]] = defaultdict(set)
    lacked = IndexedValue.objects.filter(~Exists(kept)).extra(where=[AMONG], params=[list(numbers)])  # noqa: S610 it is bound
    for code, text in lacked.values_list("code", "text"):
        found[code].add(text)
    return found


def create(change: ProfileChange, *, strict: bool = False) -> Profile:
    """Create one audience; AudienceExists when its id is taken."""
    with learned(change, strict) as read:
        return store().create(read)


def update(change: ProfileChange, *, strict: bool = False) -> Profile:
    """Change the fields of one audience that were sent; AudienceMissing when there is none."""
    with learned(change, strict) as read:
        return store().update(read)


@contextmanager
def learned(change: ProfileChange, strict: bool) -> Iterator[ProfileChange]:
    """A transaction in which the catalogue has what this audience brings; the change as it is read."""
    found = brought([change], [""])
    with transaction.atomic():
        yield read_now(change, catalogue.learn(found.wanted, found.pointers, strict=strict))


def read_now(change: ProfileChange, aliases: Aliases) -> ProfileChange:
    """The change with the values as which older texts of them are read now."""
    if change.properties is UNSENT:
        return change
    properties = {
        code: sorted({aliases.get((code, text), text) for text in texts}) for code, texts in change.properties.items()
    }
    return replace(change, properties=properties)


def brought(changes: Sequence[ProfileChange], pointers: Sequence[str]) -> Brought:
    """What these audiences need the catalogue to have; `pointers` say where each of them stands."""
    found = Brought()
    for change, pointer in zip(changes, pointers, strict=True):
        for code, texts in ({} if change.properties is UNSENT else change.properties).items():
            if texts:
                found.wanted[code].update(texts)
            if texts and code not in found.pointers:
                found.pointers[code] = step(f"{pointer}/properties", code)
    return found


def change_of(values: Mapping[str, Any]) -> ProfileChange:
    """The fields that were sent; `updated_at` is the store's to set, and a date sent as null is none."""
    sent = {name: value for name, value in values.items() if name != "updated_at"}
    if sent.get("created_at") is None:
        sent.pop("created_at", None)
    return ProfileChange(**sent)
