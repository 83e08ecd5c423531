"""The inverted index of definitions: from an audience's properties to the segments that select it.

For each value it has the segments whose clause on its attribute lists it, together with those that have no
clause on that attribute: one set for each attribute, and what is in all of them matches.
"""

import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter

import orjson

from segments.expressions import And, AnyOf, Expression, Not, evaluate
from segments.store.audiences import Properties
from segments.store.roaring import NONE, BitMap

Label = tuple[str, str]
UNUSABLE: frozenset[str] = frozenset()
BY_NO = attrgetter("no")


@dataclass(frozen=True, slots=True)
class Found:
    """A segment that an audience is in; `json` is how it is answered, written once and not by every look-up."""

    id: uuid.UUID
    no: int
    name: str
    json: orjson.Fragment = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        answered = {"id": self.id, "no": self.no, "name": self.name}
        object.__setattr__(self, "json", orjson.Fragment(orjson.dumps(answered)))


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition as the index reads it: what it selects, and the codes that it names.

    That a value is unknown makes no difference to a clause of `properties`, as no audience has it; but an
    exclusion with one selects nobody: it awaits the value. `selects` is False while it can select nobody. One that
    `warns` gives a warning whatever values there are; another does where a clause lists what is unknown.
    """

    segment: Found
    owner_id: uuid.UUID
    tree: Expression
    codes: frozenset[str]
    selects: bool = True
    awaited: frozenset[Label] = frozenset()
    warns: bool = False

    def names(self, codes: Set[str], learned: frozenset[Label]) -> bool:
        """Whether it has a clause on one of the codes, or awaits one of the values."""
        return not self.codes.isdisjoint(codes) or not self.awaited.isdisjoint(learned)

    @property
    def clauses(self) -> tuple[Expression, ...]:
        return self.tree.parts if isinstance(self.tree, And) else (self.tree,)

    @property
    def listed(self) -> list[AnyOf]:
        """What its clauses list, whether they include it or exclude it."""
        parts = [clause.part if isinstance(clause, Not) else clause for clause in self.clauses]
        return [part for part in parts if isinstance(part, AnyOf)]

    @property
    def has_warning(self) -> bool:
        """Whether it gives one as it is written, or names what its owner may not use, or awaits a value."""
        return self.warns or not self.selects or bool(self.awaited)

    def lists_others(self, usable: Mapping[str, frozenset[str]]) -> bool:
        """Whether it lists what is not among the texts that are usable under its code."""
        return any(not usable.get(listed.code, UNUSABLE).issuperset(listed.values) for listed in self.listed)

    def is_plain(self) -> bool:
        """Whether it has one clause at the most on each attribute; two spellings of a code make two of it."""
        codes = [clause.code for clause in self.clauses if isinstance(clause, AnyOf)]
        return len(codes) == len(set(codes))

    def has(self, properties: Properties) -> bool:
        return self.selects and not self.awaited and evaluate(self.tree, properties)


@dataclass(frozen=True, slots=True)
class Attribute:
    """The segments that have no clause on an attribute, and, for each value, these and those whose clause lists it."""

    without: BitMap
    listing: Mapping[str, BitMap]

    def allowing(self, texts: list[str] | None) -> BitMap:
        """The segments that an audience with these values is not kept out of."""
        if not texts:
            return self.without
        if len(texts) == 1:
            return self.listing.get(texts[0], self.without)
        return BitMap.union(*[self.listing.get(text, self.without) for text in texts])


@dataclass(frozen=True)
class Frozen:
    """The inverted index of some entries; a segment's place is where it stands among them, by `no`."""

    segments: tuple[Found, ...] = ()
    everyone: BitMap = field(default_factory=BitMap)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    excluding: Mapping[str, Mapping[str, BitMap]] = field(default_factory=dict)
    others: tuple[Entry, ...] = ()

    def match(self, properties: Properties, hidden: BitMap = NONE) -> tuple[Found, ...]:
        """The segments at places that are not hidden, and select an audience with these properties; in their order."""
        places = self.places(properties)
        if hidden:
            places -= hidden
        numbers = places.to_array()
        if len(numbers) < 2:
            return tuple(self.segments[place] for place in numbers)
        found: tuple[Found, ...] = itemgetter(*numbers)(self.segments)
        return found

    def listing_others(self, usable: Mapping[str, frozenset[str]]) -> BitMap:
        """Where those stand that list what is not among the texts that are usable under their code."""
        found = BitMap()
        for code, attribute in self.attributes.items():
            others = attribute.listing.keys() - usable.get(code, UNUSABLE)
            found |= BitMap.union(*[attribute.listing[text] for text in others]) - attribute.without if others else NONE
        for code, listing in self.excluding.items():
            for text in listing.keys() - usable.get(code, UNUSABLE):
                found |= listing[text]
        return found

    def places_of(self, entries: Iterable[Entry]) -> BitMap:
        """Where these stand, those of them that have a place."""
        found = BitMap()
        for entry in entries:
            place = bisect_left(self.segments, entry.segment.no, key=BY_NO)
            if place < len(self.segments) and self.segments[place].id == entry.segment.id:
                found.add(place)
        return found

    def places(self, properties: Properties) -> BitMap:
        """Where they stand; a set of the caller's own. The smallest sets come first, so that little is left soon."""
        has = properties.get
        sets = [attribute.allowing(has(code)) for code, attribute in self.attributes.items()]
        sets.sort(key=len)
        found = sets[0] & sets[1] if len(sets) > 1 else BitMap(sets[0] if sets else self.everyone)
        for allowed in sets[2:]:
            found &= allowed
        for code, listing in self.excluding.items():
            for text in has(code, ()):
                found -= listing.get(text, NONE)
        return found


def frozen(entries: Iterable[Entry]) -> Frozen:
    """The inverted index of those of these entries that can select somebody."""
    selecting = [entry for entry in entries if entry.selects and not entry.awaited]
    selecting.sort(key=lambda entry: entry.segment.no)
    kept = [entry for entry in selecting if entry.is_plain()]
    listing: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    excluding: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, entry in enumerate(kept):
        for clause in entry.clauses:
            match clause:
                case AnyOf(code, texts):
                    of_code = listing[code]
                case Not(AnyOf(code, texts)):
                    of_code = excluding[code]
                case _:
                    raise TypeError(f"No clause is {clause!r}.")
            for text in texts:
                of_code[text].append(place)
    everyone = BitMap(range(len(kept)))
    return Frozen(
        # Made once more, one after the other: so many that lie far apart would be slow to list.
        tuple(Found(entry.segment.id, entry.segment.no, entry.segment.name) for entry in kept),
        everyone,
        {code: attribute(everyone, by_text) for code, by_text in listing.items()},
        {code: {text: BitMap(places) for text, places in of.items()} for code, of in excluding.items()},
        tuple(entry for entry in selecting if not entry.is_plain()),
    )


def attribute(everyone: BitMap, listing: Mapping[str, list[int]]) -> Attribute:
    listed = {text: BitMap(places) for text, places in listing.items()}
    without = everyone - BitMap.union(*listed.values())
    return Attribute(without, {text: places | without for text, places in listed.items()})
