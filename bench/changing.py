"""Random changes, and the way back: peers keep the audiences as they were made."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import people
from segments.models import AudienceHead
from segments.store import ProfileChange, store, upkeep


@contextmanager
def changed(folder: Path, count: int, size: int) -> Iterator[None]:
    """While so many random audiences are others, by one bulk write."""
    changes = people.changes(count, size, seed=AudienceHead.objects.get().seq)
    before = store().get([change.id for change in changes])
    kept(folder).write_text(json.dumps({key: profile.properties for key, profile in before.items()}))
    store().upsert(changes)
    try:
        yield
    finally:
        undo(folder)


def kept(folder: Path) -> Path:
    return folder / "before.json"


def undo(folder: Path) -> None:
    """Give changed audiences the properties that they had before, also those of a run that was killed."""
    if kept(folder).exists():
        before = json.loads(kept(folder).read_text())
        changes: Sequence[ProfileChange] = [ProfileChange(key, properties=has) for key, has in before.items()]
        for first in range(0, len(changes), people.CHUNK):
            store().upsert(changes[first : first + people.CHUNK])
        upkeep.compact()
        kept(folder).unlink()
