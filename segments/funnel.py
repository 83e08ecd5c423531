"""The funnel: how each clause of a definition narrows everyone down to its members."""

from dataclasses import dataclass
from datetime import datetime

from segments.expressions import And, Clause, Parsed
from segments.matching import Clauses, compile_all
from segments.store import Snapshot, store


@dataclass(frozen=True)
class Stage:
    """One clause: how many audiences are left after it and those before it."""

    clause: Clause
    left: int


@dataclass(frozen=True)
class Funnel:
    """From everyone to the members, clause by clause, all from one view of the store."""

    as_of: datetime
    total: int
    stages: tuple[Stage, ...]
    size: int
    meaning: Parsed


def funnel(asked: Clauses) -> Funnel:
    """The funnel of the clauses that a segment has, or would have."""
    with store().snapshot() as view:
        meaning = compile_all([asked])[0]
        return Funnel(view.as_of, view.total, stages(meaning, view), view.count(meaning.tree), meaning)


def stages(meaning: Parsed, view: Snapshot) -> tuple[Stage, ...]:
    """One clause after the other, in the order in which they were written; who is gone stays gone."""
    found = []
    parts = tuple(clause.expression for clause in meaning.clauses)
    left = view.total
    for place, clause in enumerate(meaning.clauses, 1):
        left = view.count(And(parts[:place])) if left else 0
        found.append(Stage(clause, left))
    return tuple(found)
