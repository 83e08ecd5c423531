"""The inverted index of definitions: from an audience's properties to the segments that select it.

For each value it has the segments whose clause on its attribute lists it, together with those that have no
clause on that attribute: one set for each attribute, and what is in all of them matches.
"""

import uuid
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from segments.expressions import Parsed, evaluate
from segments.store.audiences import Properties
from segments.store.roaring import BitMap

Label = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A segment that an audience is in."""

    id: uuid.UUID
    no: int
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition as the index reads it.

    That a value is unknown makes no difference to a clause of `properties`, as no audience has it; but an
    exclusion with one selects nobody: it awaits the value. `selects` is False while it can select nobody.
    """

    segment: Found
    owner_id: uuid.UUID
    parsed: Parsed
    selects: bool = True
    awaited: frozenset[Label] = frozenset()

    def names(self, codes: Container[str], learned: frozenset[Label]) -> bool:
        """Whether it has a clause on one of the codes, or awaits one of the values."""
        return bool(self.awaited & learned) or any(clause.code in codes for clause in self.parsed.clauses)

    def is_plain(self) -> bool:
        """Whether it has one clause at the most on each attribute; two spellings of a code make two of it."""
        codes = [clause.code for clause in self.parsed.clauses if not clause.excluded]
        return len(codes) == len(set(codes))

    def has(self, properties: Properties) -> bool:
        return self.selects and not self.awaited and evaluate(self.parsed.tree, properties)


@dataclass(frozen=True)
class Frozen:
    """The inverted index of some entries, in which each has a place."""

    entries: tuple[Entry, ...] = ()
    everyone: BitMap = field(default_factory=BitMap)
    without: Mapping[str, BitMap] = field(default_factory=dict)
    listing: Mapping[Label, BitMap] = field(default_factory=dict)
    excluding: Mapping[Label, BitMap] = field(default_factory=dict)
    others: tuple[Entry, ...] = ()

    def match(self, properties: Properties) -> list[Entry]:
        """The entries that select an audience with these properties."""
        others = [entry for entry in self.others if entry.has(properties)]
        return [*map(self.entries.__getitem__, self.places(properties)), *others]

    def places(self, properties: Properties) -> BitMap:
        """Where the plain ones among them stand."""
        found = self.everyone
        for code, without in self.without.items():
            sets = [self.listing.get((code, text), without) for text in properties.get(code, ())]
            found = found & (sets[0] if len(sets) == 1 else BitMap.union(without, *sets))
            if not found:
                return found
        for code, texts in properties.items():
            for text in texts:
                if (code, text) in self.excluding:
                    found = found - self.excluding[code, text]
        return found


def frozen(entries: Iterable[Entry]) -> Frozen:
    """The inverted index of those of these entries that can select somebody."""
    selecting = [entry for entry in entries if entry.selects and not entry.awaited]
    kept = tuple(entry for entry in selecting if entry.is_plain())
    listing: dict[Label, list[int]] = defaultdict(list)
    excluding: dict[Label, list[int]] = defaultdict(list)
    having: dict[str, list[int]] = defaultdict(list)
    for place, entry in enumerate(kept):
        for clause in entry.parsed.clauses:
            for text in clause.values:
                (excluding if clause.excluded else listing)[clause.code, text].append(place)
            if not clause.excluded:
                having[clause.code].append(place)
    everyone = BitMap(range(len(kept)))
    without = {code: everyone - BitMap(places) for code, places in having.items()}
    return Frozen(
        kept,
        everyone,
        without,
        {(code, text): BitMap(places) | without[code] for (code, text), places in listing.items()},
        {label: BitMap(places) for label, places in excluding.items()},
        tuple(entry for entry in selecting if not entry.is_plain()),
    )
