"""Where models meet the store, reading: what a segment's clauses mean now, and how many they select."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from segments.exceptions import AudienceMissing, Fault
from segments.excerpts import excerpt
from segments.expressions import And, Clause, Parsed, evaluate, parse, resolve
from segments.models import AudienceSegment
from segments.store import Snapshot, store
from segments.store.audiences import Properties

Check = Callable[[list[Parsed]], None]


@dataclass(frozen=True)
class Clauses:
    """What is asked to be compiled: the clauses of a segment or of an estimate, and whose they are."""

    owner_id: uuid.UUID
    properties: Mapping[str, Any]
    exclusions: Mapping[str, Any]
    retired: Sequence[str] = ()

    def parsed(self) -> Parsed:
        return parse(self.properties, self.exclusions, self.retired)


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
    return Clauses(segment.owner_id, segment.properties, segment.exclusions, segment.retired_codes)


def compile_all(asked: Sequence[Clauses]) -> list[Parsed]:
    """Each one's tree and warnings as the catalogue stands now, in one query for all of them."""
    parsed = [each.parsed() for each in asked]
    known = excerpt(wanted_by(parsed))
    return [resolve(one, known.visible_to(each.owner_id)) for one, each in zip(parsed, asked, strict=True)]


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


@dataclass(frozen=True)
class Verdict:
    """One clause of a segment, what an audience has of it, and whether that lets the audience in."""

    code: str
    excluded: bool
    wanted: tuple[str, ...]
    has: tuple[str, ...]
    passes: bool


@dataclass(frozen=True)
class Explanation:
    """Why an audience is a member of a segment or is not, clause by clause, all from one view."""

    as_of: datetime
    member: bool
    clauses: tuple[Verdict, ...]
    warnings: tuple[Fault, ...]


def explain(segment: AudienceSegment, audience_id: str) -> Explanation:
    """Why the audience is a member of the segment or is not; AudienceMissing when there is no such audience."""
    return explanations([segment], audience_id)[0]


def explanations(segments: Sequence[AudienceSegment], audience_id: str) -> list[Explanation]:
    """The same of each of these segments, all from one view."""
    with store().snapshot() as view:
        meanings = compile_all([clauses_of(segment) for segment in segments])
        profile = store().get([audience_id]).get(audience_id)
    if profile is None:
        raise AudienceMissing
    has = profile.properties
    return [
        Explanation(
            view.as_of, evaluate(one.tree, has), tuple(verdict(clause, has) for clause in one.clauses), one.warnings
        )
        for one in meanings
    ]


def verdict(clause: Clause, properties: Properties) -> Verdict:
    """What the clause says of these properties; one that cannot be resolved lets nobody in."""
    has = tuple(properties.get(clause.code, ()))
    return Verdict(clause.code, clause.excluded, clause.values, has, evaluate(clause.expression, properties))


@dataclass(frozen=True)
class Shared:
    """How two segments overlap."""

    first: AudienceSegment
    second: AudienceSegment
    intersection: int
    union: int

    @property
    def jaccard(self) -> float | None:
        """The part of their members that is in both, from 0 to 1; None where neither has any."""
        return self.intersection / self.union if self.union else None


@dataclass(frozen=True)
class Overlap:
    """The sizes of some segments and how each two of them overlap, all from one view."""

    as_of: datetime
    sizes: tuple[tuple[AudienceSegment, int], ...]
    pairs: tuple[Shared, ...]


def overlap(segments: Sequence[AudienceSegment]) -> Overlap:
    """How much of each other these segments are."""
    with store().snapshot() as view:
        trees = [one.tree for one in compile_all([clauses_of(segment) for segment in segments])]
        sizes = [view.count(tree) for tree in trees]
        pairs = []
        for one, other in combinations(range(len(segments)), 2):
            both = view.count(And((trees[one], trees[other])))
            pairs.append(Shared(segments[one], segments[other], both, sizes[one] + sizes[other] - both))
        return Overlap(view.as_of, tuple(zip(segments, sizes, strict=True)), tuple(pairs))


def clause_sizes(resolved: Parsed, view: Snapshot) -> Iterable[tuple[str, bool, int]]:
    """Code, whether it excludes, and how many audiences have one of its values."""
    for clause in resolved.clauses:
        yield clause.code, clause.excluded, view.count(clause.listed)
