"""Writing audiences: learn what is new to the catalogue, then hand them to the store."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from segments import catalogue
from segments.catalogue import Aliases
from segments.exceptions import step
from segments.models import Owner
from segments.store import UNSENT, Profile, ProfileChange, UpsertCounts, store


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
