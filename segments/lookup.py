"""Which segments an audience is in: asked while an ad waits, answered without looking at the members of any.

An inverted index of all definitions is kept in the process: for each value the segments whose clause on its
attribute lists it, together with those that have no clause on that attribute. What was written since it was
made lies over it, segment by segment. Each look-up reads, in one statement and so of one moment, the audiences
and what was changed since the look-up before it; so no answer is older than its `as_of`.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock, Thread
from typing import Any

import orjson
from django.db import connection

from segments.excerpts import Excerpt, excerpt
from segments.expressions import Known, Nobody, Parsed, follow_aliases
from segments.inverted import BY_NO, Entry, Found, Frozen, Label, frozen
from segments.matching import clauses_of, wanted_by
from segments.models import Audience, AudienceAttribute, AudienceAttributeValue, AudienceSegment, Change
from segments.models.segments import SegmentQuerySet
from segments.store.audiences import Properties
from segments.store.database import LAST_SEEN, execute, history_of, one_moment
from segments.store.roaring import BitMap

MOST_LAID_OVER = 250
LOADED = 1_000  # segments at a time, so that the transaction is not idle for long while they are read
PATIENCE = "10min"
AUDIENCE, CHANGE, ATTRIBUTE, VALUE = (
    model._meta.db_table for model in (Audience, Change, AudienceAttribute, AudienceAttributeValue)
)
READ = f"""
    SELECT 'now', pg_snapshot_xmin(pg_current_snapshot())::text, {history_of(CHANGE)}, NULL::jsonb,
        statement_timestamp()
    UNION ALL SELECT 'audience', id, NULL, properties, NULL FROM {AUDIENCE} WHERE id = ANY(%(ids)s)
    UNION ALL SELECT kind, id::text, CASE kind WHEN 'segment' THEN object_id ELSE label END, NULL, NULL FROM {CHANGE}
        WHERE kind IN ('segment', 'attribute')
            AND xid >= coalesce(%(since)s::xid8, pg_snapshot_xmin(pg_current_snapshot())) AND xid <= {LAST_SEEN}
    UNION ALL SELECT 'value', attribute.code, value.value, NULL, NULL
        FROM unnest(%(codes)s::text[], %(texts)s::text[]) AS awaited (code, text)
        JOIN {ATTRIBUTE} AS attribute ON attribute.code = awaited.code
        JOIN {VALUE} AS value ON value.attribute_id = attribute.id
            AND md5(value.value) = md5(awaited.text) AND value.value = awaited.text"""


@dataclass(frozen=True, slots=True)
class Looked:
    """The segments of one audience, by `no`, as they were at `as_of`."""

    audience_id: str
    as_of: datetime
    segments: Sequence[Found]


@dataclass(frozen=True)
class State:
    """The index at one moment: frozen entries, those changed since, and what the next look-up has to ask for.

    `hidden` says where in the index those stand that were changed since.
    """

    history: str
    since: str
    seen: frozenset[int]
    index: Frozen
    entries: Mapping[uuid.UUID, Entry]
    changed: frozenset[uuid.UUID] = frozenset()
    hidden: BitMap = field(default_factory=BitMap)
    awaited: frozenset[Label] = frozenset()

    def segments_of(self, properties: Properties) -> Sequence[Found]:
        found = self.index.match(properties, self.hidden)
        if more := [entry.segment for entry in self.beside() if entry.has(properties)]:
            return sorted([*found, *more], key=BY_NO)
        return found

    def beside(self) -> list[Entry]:
        """Those that have no place in the index: others than plain ones, and what was changed since."""
        others = [entry for entry in self.index.others if entry.segment.id not in self.changed]
        return others + [self.entries[key] for key in self.changed if key in self.entries]

    def with_changed(self, found: "Reading", keys: frozenset[uuid.UUID], again: Mapping[uuid.UUID, Entry]) -> "State":
        """The state after a reading by which these segments are what they are `again`, or gone."""
        before = [self.entries[key] for key in keys if key in self.entries]
        entries = {**self.entries, **again}
        for key in keys - again.keys():
            entries.pop(key, None)
        await_some = any(entry.awaited for entry in (*before, *again.values()))
        return State(
            found.history,
            found.xmin,
            found.changes,
            self.index,
            entries,
            self.changed | keys,
            self.hidden | self.index.places_of(before),
            awaited_by(entries.values()) if await_some else self.awaited,
        )

    def on(self, index: Frozen, base: "State") -> "State":
        """The same on an index that was made of the entries of a state before."""
        touched = self.changed | base.changed
        changed = frozenset(key for key in touched if self.entries.get(key) is not base.entries.get(key))
        hidden = index.places_of(base.entries[key] for key in changed if key in base.entries)
        return replace(self, index=index, changed=changed, hidden=hidden)

    def touched_by(self, found: "Reading") -> frozenset[uuid.UUID]:
        """The segments that mean something else than before, or may."""
        codes = {code for key, code in found.codes.items() if key not in self.seen}
        touched = {segment for key, segment in found.segments.items() if key not in self.seen}
        if codes or found.learned:
            touched |= {key for key, entry in self.entries.items() if entry.names(codes, found.learned)}
        return frozenset(touched)


@dataclass(frozen=True)
class Reading:
    """What one look-up read, all of one moment."""

    as_of: datetime
    history: str
    xmin: str
    audiences: dict[str, Properties]
    segments: dict[int, uuid.UUID]
    codes: dict[int, str]
    learned: frozenset[Label]

    @property
    def changes(self) -> frozenset[int]:
        return frozenset((*self.segments, *self.codes))

    def is_news_to(self, state: State) -> bool:
        """Whether the state lacks something of this."""
        return bool(self.history != state.history or self.learned or self.changes - state.seen)


def read(ids: Sequence[str], state: State | None) -> Reading:
    """The audiences, and what was changed that the state may not hold yet."""
    awaited = sorted(state.awaited) if state else []
    params: dict[str, Any] = {
        "ids": list(ids),
        "since": state.since if state else None,
        "codes": [code for code, _text in awaited],
        "texts": [text for _code, text in awaited],
    }
    with connection.cursor() as cursor:
        cursor.execute(READ, params)
        rows = cursor.fetchall()
    by_kind: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for kind, *values in rows:
        by_kind[kind].append(tuple(values))
    ((xmin, history, _none, as_of),) = by_kind["now"]
    return Reading(
        as_of,
        history,
        xmin,
        {key: orjson.loads(properties) for key, _none, properties, _at in by_kind["audience"]},
        {int(key): uuid.UUID(object_id) for key, object_id, *_rest in by_kind["segment"]},
        {int(key): code for key, code, *_rest in by_kind["attribute"]},
        frozenset((code, text) for code, text, *_rest in by_kind["value"]),
    )


class Index:
    """What this process keeps; one thread brings it up to date, the others wait for it."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.lock = Lock()
        self.freezing = Lock()

    def look_up(self, ids: Sequence[str]) -> list[Looked]:
        """The segments of each of these audiences; an unknown audience has none."""
        state, found = self.now(ids)
        return [Looked(key, found.as_of, state.segments_of(found.audiences.get(key, {}))) for key in ids]

    def current(self) -> State:
        """All definitions as they are now."""
        return self.now([])[0]

    def now(self, ids: Sequence[str]) -> tuple[State, Reading]:
        """All that is committed, and what was read of the audiences with it."""
        state = self.state
        found = read(ids, state) if state else None
        if state is None or found is None or found.is_news_to(state):
            return self.catch_up(ids)
        if found.xmin != state.since and not connection.in_atomic_block:
            self.state = replace(state, since=found.xmin, seen=found.changes)
        return state, found

    def catch_up(self, ids: Sequence[str]) -> tuple[State, Reading]:
        """Read it all in one view of the database, with the definitions that were changed.

        In a transaction of the caller's nothing is kept: what it shows may never come to be.
        """
        if connection.in_atomic_block:
            return caught_up(self.state, ids)
        with self.lock, one_moment():
            # To read all the definitions of a large installation takes longer than a request may be idle.
            execute(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}'")
            state, found = caught_up(self.state, ids)
            self.state = state
        if len(state.changed) > MOST_LAID_OVER and self.freezing.acquire(blocking=False):
            Thread(target=self.freeze_in_time, args=[state], daemon=True).start()
        return state, found

    def freeze_in_time(self, base: State) -> None:
        """What one thread does at a time, beside those that look up."""
        try:
            self.freeze(base)
        finally:
            self.freezing.release()

    def freeze(self, base: State) -> None:
        """Make the inverted index anew, of what was laid over it, while look-ups go on with the one there is."""
        index = frozen(base.entries.values())
        with self.lock:
            if self.state is not None and self.state.index is base.index:
                self.state = self.state.on(index, base)


INDEX = Index()


def caught_up(state: State | None, ids: Sequence[str]) -> tuple[State, Reading]:
    """The state after all that is committed now, and what was read of the audiences with it."""
    found = read(ids, state)
    if state is not None and found.history != state.history:
        return caught_up(None, ids)
    if state is None:
        entries = {entry.segment.id: entry for entry in compiled(AudienceSegment.objects.order_by("no"))}
        fresh = State(found.history, found.xmin, found.changes, frozen(entries.values()), entries)
        return replace(fresh, awaited=awaited_by(entries.values())), found
    keys = state.touched_by(found)
    again = {entry.segment.id: entry for entry in compiled(AudienceSegment.objects.filter(pk__in=keys))}
    return state.with_changed(found, keys, again), found


def awaited_by(entries: Iterable[Entry]) -> frozenset[Label]:
    return frozenset(label for entry in entries for label in entry.awaited)


def compiled(segments: SegmentQuerySet) -> Iterator[Entry]:
    """The segments as the index reads them, with one query of the catalogue for every so many of them."""
    rows = segments.only("id", "no", "name", "owner_id", "properties", "exclusions", "retired_codes")
    for batch in rows.batches(LOADED):
        parsed = [clauses_of(segment).parsed() for segment in batch]
        known = excerpt(wanted_by(parsed))
        for segment, one in zip(batch, parsed, strict=True):
            found = Found(segment.pk, segment.no, segment.name)
            yield entry(found, segment.owner_id, follow_aliases(one, known.visible_to(segment.owner_id)), known)


def entry(segment: Found, owner_id: uuid.UUID, parsed: Parsed, known: Excerpt) -> Entry:
    """How the index reads one definition, as the catalogue stands."""
    tree, codes, warns = parsed.tree, frozenset(clause.code for clause in parsed.clauses), bool(parsed.warnings)
    if isinstance(tree, Nobody) or any(known.hides(code, owner_id) for code in codes):
        return Entry(segment, owner_id, tree, codes, selects=False, warns=warns)
    visible = known.visible_to(owner_id)
    excluded = ((clause.code, text) for clause in parsed.clauses if clause.excluded for text in clause.values)
    awaited = frozenset(label for label in excluded if not is_known(visible.get(label[0]), label[1]))
    return Entry(segment, owner_id, tree, codes, awaited=awaited, warns=warns)


def is_known(known: Known | None, text: str) -> bool:
    return known is not None and text in known.values
