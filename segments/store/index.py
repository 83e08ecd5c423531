"""Answers from bitmaps in this process, brought up to date by the deltas at each use.

A view is of one write, `seq`: the bitmaps as they were stored at some write before, under the deltas since.
Deltas are written under the lock of the head and committed with it, so a snapshot of the database that shows
`seq` shows every delta up to it and none beyond. Views are never altered, only replaced.
"""

import logging
import random
import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from segments.expressions import AnyOf, Expression
from segments.models import AudienceBitmap, AudienceDelta, AudienceHead, IndexedValue
from segments.store import roaring
from segments.store.audiences import Batch, Label
from segments.store.bitmaps import MEND, Base, Outdated
from segments.store.database import fetch_all, history_of
from segments.store.listing import ListedSnapshot
from segments.store.roaring import EVERYONE, BitMap, Damaged, Delta, either, leaves
from segments.store.rows import AUDIENCE, parted

BEFORE_ALL = -1
MOST_UNITED = 32  # clauses, whose sets a view keeps
MOST_LAID_OVER = 50_000  # audiences; beyond these it is cheaper to load bitmaps that a compaction has made
HEAD, DELTA, BITMAP, VALUE = (
    model._meta.db_table for model in (AudienceHead, AudienceDelta, AudienceBitmap, IndexedValue)
)
COMMON = f"""
    SELECT code, text FROM (
        SELECT code, text, coalesce(written.size, 0) + coalesce(sum(cardinality), 0) AS size,
            row_number() OVER (
                PARTITION BY code ORDER BY coalesce(written.size, 0) + coalesce(sum(cardinality), 0) DESC, text
            ) AS place
        FROM {VALUE} AS value
        LEFT JOIN unnest(%s::int[], %s::int[]) AS written (id, size) USING (id)
        LEFT JOIN {BITMAP} AS stored ON stored.value = value.id
        WHERE code = ANY(%s)
        GROUP BY id, code, text, written.size
    ) AS counted WHERE size > 0 AND place <= %s ORDER BY code, place"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """Everybody and their values as write `seq` left them."""

    history: str
    epoch: uuid.UUID
    seq: int
    as_of: datetime
    base: Base
    overlay: Delta = field(default_factory=Delta)

    def leads_to(self, read: "Read") -> bool:
        """Whether the deltas that were read go on from here, and are not better begun anew on newer bitmaps.

        An older snapshot, which a caller has opened before, shows older bitmaps than this view may be laid over.
        """
        if (read.history, read.epoch) != (self.history, self.epoch):
            return False
        if not self.base.floor <= read.base_seq <= self.seq <= read.seq:
            return False
        return read.base_seq == self.base.floor or len(self.overlay.touched) <= MOST_LAID_OVER


class Index:
    """What this process keeps between uses."""

    def __init__(self) -> None:
        self.view: View | None = None

    def current(self, *, keep: bool) -> View | None:
        """The view of the database as the caller's snapshot of it shows it, or None while there are no bitmaps.

        Keep one of committed writes alone: a transaction may show its own, which perhaps never come to be.
        """
        kept = self.view
        read = read_head(kept.seq if kept else BEFORE_ALL)
        if kept and read and not kept.leads_to(read):
            kept, read = None, read_head(BEFORE_ALL)
        if read is None or not read.complete(kept.seq if kept else read.base_seq):
            return None
        view = read.after(kept)
        if view and keep:
            self.view = view
        return view


@dataclass(frozen=True)
class Read:
    """The head as a snapshot of the database shows it, with the deltas after some write."""

    history: str
    epoch: uuid.UUID
    seq: int
    base_seq: int
    as_of: datetime
    deltas: list[tuple[int, bytes]]

    def complete(self, after: int) -> bool:
        """Whether every write after that one has its delta; one of an older release leaves none."""
        if [seq for seq, _packed in self.deltas] == list(range(after + 1, self.seq + 1)):
            return True
        log.error("Deltas are missing; rows answer. %s", MEND)
        return False

    def after(self, kept: View | None) -> View | None:
        """The view of this read, from the one that was kept."""
        try:
            fresh = [Delta.unpack(bytes(packed)) for _seq, packed in self.deltas]
        except Damaged:
            log.error("A delta is damaged; rows answer. %s", MEND)
            return None
        if kept is None:
            base, overlay = Base(self.base_seq), roaring.combine(fresh)
        else:
            base, overlay = kept.base, roaring.combine([kept.overlay, *fresh]) if fresh else kept.overlay
        return View(self.history, self.epoch, self.seq, self.as_of, base, overlay)


def read_head(after: int) -> Read | None:
    """The head and the deltas after a write, and after those that the bitmaps hold; None where there are none.

    It is one statement, so that all of it is of one moment.
    """
    rows = fetch_all(
        f"SELECT {history_of(HEAD)}, epoch, head.seq, base_seq, statement_timestamp(), delta.seq, packed"
        f" FROM {HEAD} AS head LEFT JOIN {DELTA} AS delta ON delta.seq > greatest(base_seq, %s)"
        " ORDER BY delta.seq",
        [after],
    )
    if not rows or rows[0][1] is None:
        return None
    history, epoch, seq, base_seq, as_of, *_delta = rows[0]
    deltas = [(row[5], row[6]) for row in rows if row[5] is not None]
    return Read(history, epoch, seq, base_seq, as_of, deltas)


def indexed(labels: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The numbers of the values among these that have one; each is looked up, whatever the planner believes of them."""
    codes, texts = [code for code, _text in labels], [text for _code, text in labels]
    rows = fetch_all(
        f"SELECT value.* FROM unnest(%s::text[], %s::text[]) AS asked (code, text) CROSS JOIN LATERAL ("
        f" SELECT code, text, id FROM {VALUE}"
        f" WHERE code = asked.code AND md5(text) = md5(asked.text) AND text = asked.text OFFSET 0) AS value",
        [codes, texts],
    )
    return {(code, text): value for code, text, value in rows}


INDEX = Index()


class IndexSnapshot(ListedSnapshot):
    """Counts and members from a view, whose rows are those that the same snapshot of the database shows.

    In a transaction that is READ COMMITTED a compaction may come between the view and its bitmaps: then rows
    answer, as that transaction sees them.
    """

    def __init__(self, view: View, *, keep: bool) -> None:
        self.view = view
        self.as_of, self.epoch = view.as_of, view.epoch
        self.one_moment = keep
        self.known = view.base.ids if keep else dict(view.base.ids)
        self.united: dict[AnyOf, tuple[BitMap, BitMap]] = {}

    @property
    def total(self) -> int:
        try:
            return self.counted([EVERYONE])[EVERYONE]
        except Outdated:
            return super().total

    def count(self, tree: Expression) -> int:
        try:
            return self.matched(tree)
        except Outdated:
            return super().count(tree)

    def sample(self, tree: Expression, limit: int) -> list[str]:
        try:
            numbers = BitMap.union(*self.selected(tree))
        except Outdated:
            return super().sample(tree, limit)
        drawn = [numbers[place] for place in random.sample(range(len(numbers)), min(limit, len(numbers)))]
        rows = fetch_all(f"SELECT id FROM {AUDIENCE} WHERE number = ANY(%s::bigint[])", [drawn])
        return sorted(audience_id for (audience_id,) in rows)

    def batches(self, tree: Expression, size: int) -> list[Batch]:
        try:
            return parted(BitMap.union(*self.selected(tree)).to_array(), size)
        except Outdated:
            return super().batches(tree, size)

    def value_counts(self, code: str) -> dict[str, int]:
        rows = fetch_all(f"SELECT text, id FROM {VALUE} WHERE code = %s", [code])
        try:
            counts = self.counted([value for _text, value in rows])
        except Outdated:
            return super().value_counts(code)
        return {text: counts[value] for text, value in rows if counts[value]}

    def label_counts(self, labels: Collection[Label], within: Expression | None = None) -> Counter[Label]:
        self.look_up(labels)
        values = {label: self.known[label] for label in labels if label in self.known}
        try:
            counts = self.counted(values.values()) if within is None else self.counted_within(within, values.values())
        except Outdated:
            return super().label_counts(labels, within)
        return Counter({label: counts[value] for label, value in values.items()})

    def common_values(self, codes: Collection[str], limit: int) -> dict[str, list[str]]:
        """By what is stored, and as much of each as was written since; what was taken away since still counts."""
        written = {value: len(numbers) for value, numbers in self.view.overlay.values.items()}
        rows = fetch_all(COMMON, [list(written), list(written.values()), list(codes), limit])
        return {code: [text for of, text in rows if of == code] for code in codes}

    def matched(self, tree: Expression) -> int:
        """How many the tree selects: of the stored ones without those touched since, and of these as they are now.

        All of it from the same bitmaps, as others may load newer ones meanwhile.
        """
        everyone, sets = self.sets_of(tree)
        overlay = self.view.overlay
        found = roaring.count(tree, lambda clause: sets[clause][0], lambda: everyone)
        if not overlay.touched:
            return found
        touched = {clause: stored & overlay.touched for clause, (stored, _now) in sets.items()}
        before = roaring.count(tree, touched.__getitem__, lambda: everyone & overlay.touched)
        now = roaring.count(tree, lambda clause: sets[clause][1], lambda: overlay.numbers(EVERYONE))
        return found - before + now

    def sets_of(self, tree: Expression) -> tuple[BitMap, dict[AnyOf, tuple[BitMap, BitMap]]]:
        """Everyone, and who has one of each clause's values, as stored and as written since.

        In a view of one moment a clause is united once: an estimate counts it with the others and by itself.
        """
        clauses = set(leaves(tree))
        sets = {clause: self.united[clause] for clause in clauses & self.united.keys()} if self.one_moment else {}
        values = self.values_of(clauses - sets.keys())
        bitmaps = self.stored({EVERYONE}.union(*values.values()))
        for clause, listed in values.items():
            stored = either([bitmaps[value] for value in listed])
            sets[clause] = stored, either([self.view.overlay.numbers(value) for value in listed])
        if self.one_moment and len(self.united) < MOST_UNITED:
            self.united.update(sets)
        return bitmaps[EVERYONE], sets

    def counted(self, values: Iterable[int]) -> dict[int, int]:
        """How many have each of the values."""
        overlay = self.view.overlay
        return {
            value: int(numbers.difference_cardinality(overlay.touched)) + len(overlay.numbers(value))
            for value, numbers in self.stored(values).items()
        }

    def selected(self, tree: Expression) -> tuple[BitMap, BitMap]:
        """The numbers of those whom the tree selects: of the stored ones none that was touched since, and of these."""
        everyone, sets = self.sets_of(tree)
        overlay = self.view.overlay
        before = roaring.members(tree, lambda clause: sets[clause][0], lambda: everyone)
        now = roaring.members(tree, lambda clause: sets[clause][1], lambda: overlay.numbers(EVERYONE))
        return before - overlay.touched, now

    def members(self, tree: Expression) -> BitMap | None:
        try:
            return BitMap.union(*self.selected(tree)) if self.one_moment else None
        except Outdated:
            return None

    def counted_within(self, tree: Expression, values: Iterable[int]) -> dict[int, int]:
        """How many of those whom the tree selects have each of the values."""
        before, now = self.selected(tree)
        overlay = self.view.overlay
        return {
            value: numbers.intersection_cardinality(before) + overlay.numbers(value).intersection_cardinality(now)
            for value, numbers in self.stored(values).items()
        }

    def stored(self, values: Iterable[int]) -> dict[int, BitMap]:
        return self.view.base.get(values, self.view.seq, one_moment=self.one_moment)

    def values_of(self, clauses: Iterable[AnyOf]) -> dict[AnyOf, list[int]]:
        """The numbers of the values that each clause asks for, those that an audience ever had."""
        labels = {clause: [(clause.code, text) for text in clause.values] for clause in clauses}
        self.look_up(set().union(*labels.values()))
        return {
            clause: [self.known[label] for label in listed if label in self.known] for clause, listed in labels.items()
        }

    def look_up(self, labels: Iterable[Label]) -> None:
        """Bring the numbers of these values to those that are known."""
        if missing := sorted(set(labels) - self.known.keys()):
            self.known.update(indexed(missing))
