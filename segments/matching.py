"""Where models meet the store, reading: what a segment's clauses mean now, and how many they select."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segments import catalogue
from segments.exceptions import Fault
from segments.expressions import AnyOf, Parsed, parse, resolve
from segments.models import AudienceSegment
from segments.store import Snapshot, store

Check = Callable[[list[Parsed]], None]


@dataclass(frozen=True)
class Clauses:
    """What is asked to be compiled: the clauses of a segment or of an estimate, and whose they are."""

    owner_id: uuid.UUID
    properties: Mapping[str, Any]
    exclusions: Mapping[str, Any]


@dataclass(frozen=True)
class Size:
    """How many members there are, true for the moment `as_of`."""

    size: int
    as_of: datetime


@dataclass(frozen=True)
class Estimate:
    """A size with that of each clause by itself and of everyone, all from one view of the store."""

    size: int
    total: int
    as_of: datetime
    clauses: tuple[tuple[str, bool, int], ...]
    warnings: tuple[Fault, ...]


def clauses_of(segment: AudienceSegment) -> Clauses:
    return Clauses(segment.owner_id, segment.properties, segment.exclusions)


def compile_all(asked: Sequence[Clauses]) -> list[Parsed]:
    """Each one's tree and warnings as the catalogue stands now, in at most two queries for all of them."""
    parsed = [parse(each.properties, each.exclusions) for each in asked]
    excerpt = catalogue.excerpt(wanted_by(parsed))
    return [resolve(one, excerpt.visible_to(each.owner_id)) for one, each in zip(parsed, asked, strict=True)]


def wanted_by(parsed: Iterable[Parsed]) -> dict[str, set[str]]:
    """The codes and values that some clauses name."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for one in parsed:
        for code, texts in one.asked.items():
            wanted[code].update(texts)
    return wanted


def sizes_of(asked: Sequence[Clauses], check: Check | None = None) -> list[tuple[Parsed, Size]]:
    """What each one means and how many it selects, all of one moment; `check` may refuse before they are counted."""
    with store().snapshot() as view:
        resolved = compile_all(asked)
        if check:
            check(resolved)
        return [(one, Size(view.count(one.tree), view.as_of)) for one in resolved]


def members_of(segment: AudienceSegment, after: str | None, limit: int) -> list[str]:
    """The ids of the segment's first members beyond `after`, in code point order."""
    resolved = compile_all([clauses_of(segment)])[0]
    with store().snapshot() as view:
        return list(view.ids(resolved.tree, after, limit))


def estimate(asked: Clauses) -> Estimate:
    """The size of clauses that are not saved, and of each by itself."""
    with store().snapshot() as view:
        resolved = compile_all([asked])[0]
        return Estimate(
            view.count(resolved.tree), view.total, view.as_of, tuple(clause_sizes(resolved, view)), resolved.warnings
        )


def clause_sizes(resolved: Parsed, view: Snapshot) -> Iterable[tuple[str, bool, int]]:
    """Code, whether it excludes, and how many audiences have one of its values."""
    for clause in resolved.clauses:
        yield clause.code, clause.excluded, view.count(AnyOf(clause.code, clause.values))
