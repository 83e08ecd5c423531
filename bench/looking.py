"""Which segments an audience is in: the engine alone."""

import uuid
from pathlib import Path

from bench import people
from bench.report import Report
from bench.timing import median
from segments.expressions import And, AnyOf
from segments.inverted import Entry, Found, frozen
from segments.lookup import State
from segments.store.audiences import Properties

JOB = "Which of {:,} segments, all of them listed"
AUDIENCES, OF_LOOP = 300, 20
AIMS = {1_000: 30, 10_000: 45, 100_000: 300}
NOBODY = uuid.UUID(int=0)

Sets = list[tuple[frozenset[int], ...]]


def measure(report: Report, size: int, folder: Path) -> None:
    profiles = [texts_of(texts) for _id, texts in people.rows(0, AUDIENCES)]
    for count, least in AIMS.items():
        beside_loops(report, people.trees(count), profiles, least)


def texts_of(texts: list[people.Texts]) -> Properties:
    return {code: list(some) for code, some in zip(people.VALUES, texts, strict=True) if some}


def beside_loops(report: Report, trees: list[And], profiles: list[Properties], least: int) -> None:
    """Two loops that a program would begin with, over sets of numbers that were made before."""
    job = JOB.format(len(trees))
    state = State("", "", frozenset(), frozen(entries(trees)), {})
    labels = {(code, text) for code, texts in people.TEXTS.items() for text in texts}
    numbers = {label: number for number, label in enumerate(sorted(labels))}
    sets = [
        tuple(frozenset(numbers[part.code, text] for text in part.values) for part in parts(tree)) for tree in trees
    ]
    asked = [frozenset(numbers[code, text] for code, texts in has.items() for text in texts) for has in profiles]
    for has, of in zip(profiles[:OF_LOOP], asked, strict=False):
        assert [found.no for found in state.segments_of(has)] == plain_loop(sets, of) == written_out(sets, of)
    ours = 1e6 * median(state.segments_of, profiles)
    report.add(job, "ours", ours, "µs", times=1.0)
    for name, loop, aim in [
        ("a plain loop: [n for … if all(not has.isdisjoint(c) for c in …)]", plain_loop, f"≥ {least}"),
        ("the same loop written out, left at the first clause that fails", written_out, ""),
    ]:
        found = 1e6 * median(lambda of, loop=loop: loop(sets, of), asked[:OF_LOOP])
        report.add(job, name, found, "µs", times=found / ours, aim=aim)


def parts(tree: And) -> list[AnyOf]:
    return [part for part in tree.parts if isinstance(part, AnyOf)]


def entries(trees: list[And]) -> list[Entry]:
    """The segments as the index reads them, of nobody, called by their numbers."""
    return [
        Entry(Found(uuid.UUID(int=number), number, f"Segment {number}"), NOBODY, tree, frozenset())
        for number, tree in enumerate(trees)
    ]


def plain_loop(sets: Sets, has: frozenset[int]) -> list[int]:
    return [number for number, clauses in enumerate(sets) if all(not has.isdisjoint(clause) for clause in clauses)]


def written_out(sets: Sets, has: frozenset[int]) -> list[int]:
    found = []
    for number, clauses in enumerate(sets):
        for clause in clauses:
            if has.isdisjoint(clause):
                break
        else:
            found.append(number)
    return found
