"""The reference store: dictionaries and `evaluate`, short enough to be obviously right."""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from threading import Lock

from django.utils import timezone

from segments.border import comparable
from segments.exceptions import AudienceExists, AudienceMissing, TooManyCodes
from segments.expressions import Expression, evaluate
from segments.labels import MAX_CODES
from segments.store.audiences import (
    UNSENT,
    AudienceStore,
    Batch,
    Label,
    Profile,
    ProfileChange,
    Properties,
    Snapshot,
    UpsertCounts,
    Written,
    commonest,
    refuse_twice,
)


class MemorySnapshot(Snapshot):
    def __init__(self, profiles: dict[str, Profile]) -> None:
        self.profiles = profiles
        self.as_of = timezone.now()

    @property
    def total(self) -> int:
        return len(self.profiles)

    def count(self, tree: Expression) -> int:
        return sum(evaluate(tree, profile.properties) for profile in self.profiles.values())

    def ids(self, tree: Expression, after: str | None = None, limit: int | None = None) -> Iterator[str]:
        selected = sorted(key for key, profile in self.profiles.items() if evaluate(tree, profile.properties))
        return islice((key for key in selected if after is None or key > after), limit)

    def sample(self, tree: Expression, limit: int) -> list[str]:
        selected = list(self.ids(tree))
        return sorted(random.sample(selected, min(limit, len(selected))))

    def batches(self, tree: Expression, size: int) -> list[Batch]:
        selected = list(self.ids(tree))
        return [selected[start : start + size] for start in range(0, len(selected), size)]

    def value_counts(self, code: str) -> dict[str, int]:
        return dict(Counter(text for profile in self.profiles.values() for text in profile.properties.get(code, ())))

    def label_counts(self, labels: Collection[Label], within: Expression | None = None) -> Counter[Label]:
        everyone = (profile.properties for profile in self.profiles.values())
        counted = (each for each in everyone if within is None or evaluate(within, each))
        return Counter((code, text) for each in counted for code, text in labels if text in each.get(code, ()))

    def common_values(self, codes: Collection[str], limit: int) -> dict[str, list[str]]:
        return {code: commonest(self.value_counts(code), limit) for code in codes}


class MemoryStore(AudienceStore):
    """Keeps audiences as long as the process lives; every write replaces the dictionary, so that views keep theirs."""

    def __init__(self) -> None:
        self.profiles: dict[str, Profile] = {}
        self.writes = 0
        self.at = timezone.now()
        self.lock = Lock()

    def upsert(self, changes: Sequence[ProfileChange]) -> UpsertCounts:
        refuse_twice(changes)
        with self.lock:
            return self._upsert(changes)

    def create(self, change: ProfileChange) -> Profile:
        with self.lock:
            if change.id in self.profiles:
                raise AudienceExists(change.id)
            self._upsert([change])
            return self.profiles[change.id]

    def update(self, change: ProfileChange) -> Profile:
        with self.lock:
            if change.id not in self.profiles:
                raise AudienceMissing
            self._upsert([change])
            return self.profiles[change.id]

    def _upsert(self, changes: Sequence[ProfileChange]) -> UpsertCounts:
        now = timezone.now()
        before = self.profiles
        after = {change.id: changed(before.get(change.id), change, now) for change in changes}
        merged = sorted(change.id for change in changes if change.merges)
        if too_wide := [key for key in merged if len(after[key].properties) > MAX_CODES]:
            raise TooManyCodes(too_wide)
        created = sum(key not in before for key in after)
        unchanged = sum(before.get(key) is profile for key, profile in after.items())
        self.profiles = before | after
        if unchanged < len(after):
            self._count(now)
        return UpsertCounts(created, len(after) - created - unchanged, unchanged)

    def get(self, ids: Iterable[str]) -> dict[str, Profile]:
        profiles = self.profiles
        return {key: profiles[key] for key in ids if key in profiles}

    def wide(self, ids: Iterable[str], least: int) -> dict[str, frozenset[str]]:
        codes = {key: frozenset(profile.properties) for key, profile in self.get(ids).items()}
        return {key: each for key, each in codes.items() if len(each) >= least}

    def page(self, after: str | None, limit: int) -> list[Profile]:
        return [profile for key, profile in sorted(self.profiles.items()) if after is None or key > after][:limit]

    def offset_page(self, offset: int, limit: int) -> list[Profile]:
        return [profile for _key, profile in sorted(self.profiles.items())][offset : offset + limit]

    def rename(self, batch: Batch, code: str, old: str, new: str) -> int:
        with self.lock:
            having = (self.profiles[key] for key in batch if key in self.profiles)
            changes = [
                ProfileChange(each.id, properties={code: renamed(each.properties[code], old, new)}, merges=True)
                for each in having
                if old in each.properties.get(code, ())
            ]
            return self._upsert(changes).updated

    def erase(self, ids: Iterable[str]) -> int:
        with self.lock:
            gone = self.profiles.keys() & set(ids)
            self.profiles = {key: profile for key, profile in self.profiles.items() if key not in gone}
            if gone:
                self._count(timezone.now())
            return len(gone)

    @contextmanager
    def snapshot(self, *, lasting: bool = False) -> Iterator[Snapshot]:
        yield MemorySnapshot(self.profiles)

    def written(self) -> Written:
        return Written(self.writes, timezone.now() - self.at)

    def _count(self, moment: datetime) -> None:
        self.writes, self.at = self.writes + 1, moment

    def check(self) -> list[str]:
        return []


def changed(stored: Profile | None, change: ProfileChange, now: datetime) -> Profile:
    """The profile after the change; the very same object when nothing differs."""
    created_at = now if change.created_at is UNSENT else change.created_at
    before = stored or Profile(change.id, "account_id", None, {}, created_at, now)
    after = replace(
        before,
        id_type=before.id_type if change.id_type is UNSENT else change.id_type,
        alt_id=before.alt_id if change.alt_id is UNSENT else change.alt_id,
        properties=written(before.properties, change),
    )
    if stored and told(stored) == told(after):
        return stored
    return replace(after, updated_at=max(now, after.created_at))


def written(stored: Properties, change: ProfileChange) -> Properties:
    """The properties that a change leaves behind."""
    if change.properties is UNSENT:
        return stored
    if not change.merges:
        return change.properties
    return {code: texts for code, texts in (stored | change.properties).items() if texts}


def told(profile: Profile) -> object:
    """What clients have told of a profile, in a form that can be compared."""
    return profile.id_type, comparable(profile.alt_id), profile.properties


def renamed(texts: list[str], old: str, new: str) -> list[str]:
    """The texts with the new one in place of the old one."""
    return sorted({new if text == old else text for text in texts})
