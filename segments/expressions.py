"""The segment language: from what a definition says to the audiences it selects.

JSON → `parse()` → clauses → `resolve()` against a catalogue → `.tree`. One tree serves a saved segment, an
estimate, the look-up and the explanation; `evaluate()` is the reference that every store agrees with.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple, Protocol

from segments.exceptions import Fault, gettext_noop, step
from segments.labels import MAX_LABEL, label_text, nearest_code, nfc, quoted

SUGGESTIONS = 3  # so many unknown codes of a definition get one; looking takes milliseconds
COMPARED = 1000

NO_PROPERTIES = gettext_noop("There are no properties; nobody is selected. Add an attribute with its values.")
EMPTY_LIST = gettext_noop("%(code)s has an empty list; nobody is selected. List at least one value.")
UNSUPPORTED_VALUE = gettext_noop(
    "%(code)s cannot be %(value)s; it adds nobody. Use a text of 1 to %(limit)d characters, a number, true or false."
)
UNSUPPORTED_ALONE = gettext_noop(
    "%(code)s cannot be %(value)s; nobody is selected. "
    "Use a text of 1 to %(limit)d characters, a number, true or false."
)
UNKNOWN_ATTRIBUTE = gettext_noop("No attribute has the code %(code)s; nobody is selected.")
UNKNOWN_ATTRIBUTE_NEAR = gettext_noop("No attribute has the code %(code)s; nobody is selected. Did you mean %(near)s?")
UNKNOWN_VALUE = gettext_noop("The attribute %(code)s has no value %(value)s; it adds nobody.")
NO_KNOWN_VALUE = gettext_noop(
    "The attribute %(code)s has no value %(value)s; nobody is selected, as the clause lists no value that is known."
)
RENAMED_VALUE = gettext_noop("The value %(value)s of %(code)s is %(now)s now, and read as that. Send %(now)s.")
DEPRECATED = gettext_noop("The attribute %(code)s is deprecated. This clause goes on matching; write no new one.")
RETIRED = gettext_noop(
    "The attribute %(code)s was retired, which took this clause out of properties; "
    "nobody is selected until the segment is saved again. Send properties as they are to be."
)

UNSUPPORTED_EXCLUSION = gettext_noop(
    "%(code)s cannot be %(value)s, so the exclusion cannot be resolved; nobody is selected. "
    "Use a text of 1 to %(limit)d characters, a number, true or false."
)
UNKNOWN_EXCLUSION = gettext_noop(
    "No attribute has the code %(code)s, so the exclusion cannot be resolved; nobody is selected."
)
UNKNOWN_EXCLUSION_NEAR = gettext_noop(
    "No attribute has the code %(code)s, so the exclusion cannot be resolved; nobody is selected. "
    "Did you mean %(near)s?"
)
UNKNOWN_EXCLUDED_VALUE = gettext_noop(
    "The attribute %(code)s has no value %(value)s, so the exclusion cannot be resolved; nobody is selected."
)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Audiences that have at least one of the values, which stand sorted and distinct."""

    code: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class And:
    """Audiences that every part selects; without parts, everybody."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Audiences that the part does not select."""

    part: "Expression"


@dataclass(frozen=True, slots=True)
class Nobody:
    """No audience at all: what cannot be resolved."""


Expression = AnyOf | And | Not | Nobody


class Item(NamedTuple):
    """The text of one listed value, and the JSON pointer to it."""

    text: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One code with the values that are understood so far, and where it stands.

    `whole` is False when something the clause lists was not understood. A `retired` one selects nobody, whatever
    a catalogue knows. `also` are older texts by which audiences may have its values yet.
    """

    code: str
    pointer: str
    excluded: bool
    items: tuple[Item, ...]
    faults: tuple[Fault, ...] = ()
    whole: bool = True
    retired: bool = False
    also: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The texts, sorted and distinct."""
        return tuple(sorted({item.text for item in self.items}))

    @property
    def listed(self) -> AnyOf:
        """Those who have one of the values."""
        return AnyOf(self.code, tuple(sorted({*self.values, *self.also})))

    @property
    def expression(self) -> Expression:
        """What the clause demands; an exclusion that is not whole would reach people it was to leave out."""
        if not self.items or (self.excluded and not self.whole):
            return Nobody()
        return Not(self.listed) if self.excluded else self.listed


@dataclass(frozen=True, slots=True)
class Parsed:
    """A definition's clauses in the order they were sent, properties first."""

    clauses: tuple[Clause, ...]

    @property
    def tree(self) -> Expression:
        """The audiences selected: `Nobody()` as a whole, or `AnyOf` and `Not(AnyOf)`, in an `And` when several."""
        parts = tuple(clause.expression for clause in self.clauses)
        if Nobody() in parts or all(clause.excluded for clause in self.clauses):
            return Nobody()
        return parts[0] if len(parts) == 1 else And(parts)

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What could not be understood, clause by clause."""
        faults = tuple(fault for clause in self.clauses for fault in clause.faults)
        if all(clause.excluded for clause in self.clauses):
            return Fault("/properties", "no_properties", NO_PROPERTIES), *faults
        return faults

    @property
    def asked(self) -> dict[str, set[str]]:
        """The texts asked for by code: what a catalogue has to be read for."""
        asked: dict[str, set[str]] = {}
        for clause in self.clauses:
            asked.setdefault(clause.code, set()).update(item.text for item in clause.items)
        return asked


class Known(NamedTuple):
    """An attribute in the catalogue with its values, at least those among them that are asked for.

    `aliases` are older texts of its values, each with the one that it is read as now.
    """

    values: Collection[str]
    deprecated: bool = False
    aliases: Mapping[str, str] = MappingProxyType({})

    @property
    def texts(self) -> frozenset[str]:
        """All texts that mean a value."""
        return frozenset((*self.values, *self.aliases))


class Catalogue(Protocol):
    """The attributes that one owner may use; a `dict[str, Known]` is one.

    Another owner's private attribute must be missing from both methods: it looks exactly like unknown.
    """

    def get(self, code: str, /) -> Known | None:
        """The attribute with this code."""

    def __iter__(self) -> Iterator[str]:
        """The codes to suggest for an unknown one; read only then."""


def parse(properties: Mapping[str, object], exclusions: Mapping[str, object], retired: Collection[str] = ()) -> Parsed:
    """Read a definition; whatever the two objects hold, it never raises but warns.

    `retired` are codes whose clauses were taken out of `properties`: without them it would select more than it did.
    """
    included = [_parse_clause("/properties", code, wanted, excluded=False) for code, wanted in properties.items()]
    excluded = [_parse_clause("/exclusions", code, unwanted, excluded=True) for code, unwanted in exclusions.items()]
    return Parsed((*included, *map(_retired_clause, retired), *excluded))


def _retired_clause(code: str) -> Clause:
    pointer = step("/deprecated_properties", code)
    fault = Fault(pointer, "retired_attribute", RETIRED, {"code": quoted(code)})
    return Clause(nfc(code), pointer, excluded=False, items=(), faults=(fault,), whole=False, retired=True)


def _parse_clause(parent: str, code: str, value: object, *, excluded: bool) -> Clause:
    pointer = step(parent, code)
    labels = value if isinstance(value, list) else [value]
    places = [f"{pointer}/{index}" for index in range(len(labels))] if isinstance(value, list) else [pointer]
    texts = [label_text(label) for label in labels]
    items = tuple(Item(text, place) for text, place in zip(texts, places, strict=True) if text)
    message = UNSUPPORTED_EXCLUSION if excluded else UNSUPPORTED_VALUE if items else UNSUPPORTED_ALONE
    faults = [
        Fault(place, "unsupported_value", message, {"code": quoted(code), "value": quoted(label), "limit": MAX_LABEL})
        for text, label, place in zip(texts, labels, places, strict=True)
        if text is None
    ]
    if not labels:
        faults = [Fault(pointer, "empty_list", EMPTY_LIST, {"code": quoted(code)})]
    return Clause(nfc(code), pointer, excluded, items, tuple(faults), whole=not faults)


def resolve(parsed: Parsed, known: Catalogue) -> Parsed:
    """Keep of a parsed definition what the catalogue knows, and warn about the rest, clause for clause.

    The more a catalogue knows, the more audiences are selected, and never one that a catalogue knowing
    everything would not select.
    """
    unknown = [clause.code for clause in parsed.clauses if known.get(clause.code) is None and not clause.retired]
    codes = tuple(islice(known, COMPARED)) if unknown else ()
    near = {code: nearest_code(code, codes) for code in unknown[:SUGGESTIONS]}
    clauses = follow_aliases(parsed, known).clauses
    return Parsed(tuple(_resolve_clause(clause, known.get(clause.code), near.get(clause.code)) for clause in clauses))


def follow_aliases(parsed: Parsed, known: Catalogue) -> Parsed:
    """Read older texts of values as those that they are now, and warn; as yet nothing has to be known."""
    return Parsed(tuple(_follow_aliases(clause, known.get(clause.code)) for clause in parsed.clauses))


def _follow_aliases(clause: Clause, known: Known | None) -> Clause:
    if known is None or not known.aliases:
        return clause
    code, aliases = quoted(clause.code), known.aliases
    items = tuple(Item(aliases.get(text, text), pointer) for text, pointer in clause.items)
    faults = tuple(
        Fault(at, "renamed_value", RENAMED_VALUE, {"code": code, "value": quoted(text), "now": quoted(aliases[text])})
        for text, at in clause.items
        if text in aliases
    )
    meant = {text for text, _pointer in items}
    also = tuple(sorted(alias for alias, text in aliases.items() if text in meant))
    return replace(clause, items=items, faults=(*clause.faults, *faults), also=also)


def _resolve_clause(clause: Clause, known: Known | None, near: str | None) -> Clause:
    if clause.retired:
        return clause
    if known is None:
        fault = _unknown_attribute(clause, near)
        return replace(clause, items=(), faults=(*clause.faults, fault), whole=False)
    items = tuple(item for item in clause.items if item.text in known.values)
    missing = [item for item in clause.items if item.text not in known.values]
    message = UNKNOWN_EXCLUDED_VALUE if clause.excluded else UNKNOWN_VALUE if items else NO_KNOWN_VALUE
    code = quoted(clause.code)
    faults = [Fault(at, "unknown_value", message, {"code": code, "value": quoted(text)}) for text, at in missing]
    if known.deprecated:
        faults.append(Fault(clause.pointer, "deprecated_attribute", DEPRECATED, {"code": code}))
    if not faults:
        return clause
    return replace(clause, items=items, faults=(*clause.faults, *faults), whole=clause.whole and not missing)


def _unknown_attribute(clause: Clause, near: str | None) -> Fault:
    params = {"code": quoted(clause.code)}
    if near is None:
        message = UNKNOWN_EXCLUSION if clause.excluded else UNKNOWN_ATTRIBUTE
    else:
        message = UNKNOWN_EXCLUSION_NEAR if clause.excluded else UNKNOWN_ATTRIBUTE_NEAR
        params["near"] = quoted(near)
    return Fault(clause.pointer, "unknown_attribute", message, params)


def evaluate(tree: Expression, properties: Mapping[str, Collection[str]]) -> bool:
    """Whether the tree selects an audience with these canonical properties: the reference for every store."""
    match tree:
        case AnyOf(code, values):
            return any(text in values for text in properties.get(code, ()))
        case And(parts):
            return all(evaluate(part, properties) for part in parts)
        case Not(part):
            return not evaluate(part, properties)
        case Nobody():
            return False
