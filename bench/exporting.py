"""How fast the members of a segment come out."""

from pathlib import Path

from bench import peers, people
from bench.report import Report
from bench.timing import seconds
from segments.exporting import FORMATS, export
from segments.expressions import And
from segments.models import AudienceSegment, Owner
from segments.store import store
from segments.store.editions import SHELF

JOB = "Export a tenth of all audiences"
ROUNDS = 3


def measure(report: Report, size: int, folder: Path) -> None:
    peers.make()
    tree = a_tenth(size)
    segment = AudienceSegment(owner=Owner.objects.installation(), properties=people.properties_of(tree))
    with store().snapshot() as view:
        members = view.count(tree)
    with peers.much_memory():
        condition = peers.ints(tree)
        copy = sorted(seconds(lambda: peers.copied(peers.INTS, condition)) for _ in range(ROUNDS))[ROUNDS // 2]
    report.add(JOB, "PostgreSQL, COPY of the ids, by int[] with GIN", members / copy, "ids/s", times=1.0)
    for name in ("csv", "ndjson"):
        SHELF.edition = None
        cold = seconds(lambda name=name: read(segment, name))
        warm = sorted(seconds(lambda name=name: read(segment, name)) for _ in range(ROUNDS))[ROUNDS // 2]
        report.add(JOB, f"ours, {name}, the first of a process", members / cold, "ids/s", times=copy / cold, aim="≥ 1")
        report.add(JOB, f"ours, {name}, those after it", members / warm, "ids/s", times=copy / warm, aim="≥ 8")


def read(segment: AudienceSegment, name: str) -> int:
    return sum(map(len, export(segment, FORMATS[name])))


def a_tenth(size: int) -> And:
    """Of the recipe's segments the one whose size is nearest to a tenth."""
    with store().snapshot() as view:
        return min(people.trees(), key=lambda tree: abs(view.count(tree) - size // 10))
