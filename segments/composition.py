"""The composition of a segment: how its members are spread over values, against everyone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from segments.expressions import Parsed
from segments.matching import clauses_of, compile_all
from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment
from segments.store import store
from segments.store.audiences import Label


@dataclass(frozen=True)
class Part:
    """How many of the members and of everyone have one value; `name` is what people read for it, or empty."""

    value: str
    name: str
    members: int
    everyone: int


@dataclass(frozen=True)
class Spread:
    """The commonest values of one attribute; `named` says that a clause of the segment is about it."""

    attribute: AudienceAttribute
    parts: tuple[Part, ...]
    named: bool


@dataclass(frozen=True)
class Composition:
    """The members and everyone by the values of some attributes, all from one view of the store."""

    as_of: datetime
    size: int
    total: int
    spreads: tuple[Spread, ...]

    def index(self, part: Part) -> int | None:
        """Its share in the segment as a percentage of its share in everyone: 100 is as everywhere."""
        if not self.size or not part.everyone:
            return None
        return round(100 * part.members * self.total / (self.size * part.everyone))

    def tells(self, spread: Spread) -> float:
        """How far the members are from everyone there: the sum of the differences of the shares."""
        if not self.size or not self.total:
            return 0
        return sum(abs(part.members / self.size - part.everyone / self.total) for part in spread.parts)


def composition(segment: AudienceSegment, attributes: Sequence[AudienceAttribute], most: int) -> Composition:
    """The composition by these attributes, with at most so many of the commonest values of each."""
    with store().snapshot() as view:
        meaning = compile_all([clauses_of(segment)])[0]
        labels = labels_to_count(meaning, view.common_values([each.code for each in attributes], most), most)
        members, everyone = view.label_counts(labels, meaning.tree), view.label_counts(labels)
        size, total = view.count(meaning.tree), view.total
    names = names_of(attributes, {text for _code, text in labels})
    named = {clause.code for clause in meaning.clauses}
    parts: dict[str, list[Part]] = {each.code: [] for each in attributes}
    for code, text in sorted(labels, key=lambda label: (-everyone[label], label)):
        parts[code].append(Part(text, names.get((code, text), ""), members[code, text], everyone[code, text]))
    spreads = (Spread(each, tuple(parts[each.code]), each.code in named) for each in attributes)
    return Composition(view.as_of, size, total, tuple(spreads))


def labels_to_count(meaning: Parsed, common: Mapping[str, list[str]], most: int) -> list[Label]:
    """The commonest values, and before them those that the segment's own clauses list: they are what it is about."""
    listed = {code: [t for clause in meaning.clauses if clause.code == code for t in clause.values] for code in common}
    return [(code, text) for code in common for text in list(dict.fromkeys([*listed[code], *common[code]]))[:most]]


def names_of(attributes: Sequence[AudienceAttribute], texts: Iterable[str]) -> dict[Label, str]:
    rows = AudienceAttributeValue.objects.filter(attribute__in=attributes).with_texts(texts)
    return {(code, text): name for code, text, name in rows.values_list("attribute__code", "value", "name")}
