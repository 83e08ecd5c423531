"""Hypothesis strategies: catalogues, audiences, and segments written well and badly."""

import unicodedata
from collections.abc import Mapping
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from segments.expressions import And, AnyOf, Expression, Nobody, Not

T = TypeVar("T")
Vocabulary = Mapping[str, list[str]]
Definition = tuple[dict[str, object], dict[str, object]]

VOCABULARY: Vocabulary = {
    "gender": ["F", "M"],
    "region": ["northeast", "south", "west"],
    "age": ["25", "26", "27"],
    "subscribed": ["false", "true"],
    "pr\u00e9nom": ["Ana", "Zo\u00e9", "\uc11c\uc900"],
    "a/b~c": ["0.5", "100%", "x' OR '1'='1"],
}
OTHER_SPELLINGS: Mapping[str, list[object]] = {
    "25": [25, 25.0, " 25"],
    "26": [26, "26\n"],
    "0.5": [0.5],
    "true": [True],
    "false": [False],
    "F": [" F", "F\u3000"],
    "Zo\u00e9": ["Zoe\u0301"],
}
UNKNOWN_LABELS: list[object] = ["X", "f", "25.0", 28, -1, 0.25, "nor theast"]
UNKNOWN_CODES = ["gendr", "Gender", "", "shoe size", "age "]
UNSUPPORTED: list[object] = [None, {}, {"gte": 25}, [], ["F"], "", " \t", "x" * 1001]


def json_values() -> SearchStrategy[object]:
    """Anything that JSON can say, and a little more: half surrogates, infinities, huge integers."""
    scalars: SearchStrategy[object] = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(_any_character())
    )
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | _objects(inner), max_leaves=12)


def json_objects() -> SearchStrategy[dict[str, object]]:
    """Any JSON object."""
    return _objects(json_values())


def labels() -> SearchStrategy[object]:
    """Texts, numbers and booleans of every kind, most of which can be labels."""
    return st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


def catalogues(vocabulary: Vocabulary = VOCABULARY) -> SearchStrategy[dict[str, list[str]]]:
    """The vocabulary with a few gaps: attributes without some of their values, and attributes that are missing."""
    some = {code: st.lists(st.sampled_from(values), unique=True) for code, values in vocabulary.items()}
    gaps = _side(some)
    missing = st.sets(st.sampled_from(sorted(vocabulary)), max_size=1)
    return st.builds(
        lambda gaps, missing: {code: values for code, values in {**vocabulary, **gaps}.items() if code not in missing},
        gaps,
        missing,
    )


def audience_properties(vocabulary: Vocabulary = VOCABULARY) -> SearchStrategy[dict[str, list[str]]]:
    """The canonical properties of an audience: most of the attributes, each with one or two of its values."""
    some = {code: st.lists(st.sampled_from(values), max_size=2, unique=True) for code, values in vocabulary.items()}
    return st.fixed_dictionaries(some).map(lambda kept: {code: sorted(texts) for code, texts in kept.items() if texts})


def good_definitions(vocabulary: Vocabulary = VOCABULARY) -> SearchStrategy[Definition]:
    """The properties and exclusions of a segment in which everything can be resolved, spelled in many ways."""
    clauses = {code: _clause(_spelled(values)) for code, values in vocabulary.items()}
    return st.tuples(_side(clauses, least=1), _side(clauses))


def odd_definitions(vocabulary: Vocabulary = VOCABULARY) -> SearchStrategy[Definition]:
    """The properties and exclusions of a segment with unknown, unsupported and missing things among good ones."""
    odd = st.sampled_from(UNKNOWN_LABELS + UNSUPPORTED)
    good = {code: _clause(_spelled(values)) for code, values in vocabulary.items()}
    mixed = {code: _clause(_spelled(values) | odd, least=0) for code, values in vocabulary.items()}
    decomposed = {unicodedata.normalize("NFD", code): clause for code, clause in mixed.items()}
    unknown = {code: _clause(odd) for code in UNKNOWN_CODES}
    side = _side(good) | _side({**mixed, **decomposed}) | _side({**mixed, **unknown})
    return st.tuples(side, st.just({}) | side)


def definitions(vocabulary: Vocabulary = VOCABULARY) -> SearchStrategy[Definition]:
    """Good and odd definitions, about as many of each."""
    return good_definitions(vocabulary) | odd_definitions(vocabulary)


def trees(vocabulary: Vocabulary = VOCABULARY) -> SearchStrategy[Expression]:
    """Any tree, nested deeper than a definition can be, with `Nobody` and values that no audience has."""
    leaves = st.sampled_from(sorted(vocabulary)).flatmap(lambda code: _any_of(code, [*vocabulary[code], "unheard of"]))
    parts: SearchStrategy[Expression] = leaves | _any_of("unheard_of", ["x"]) | st.builds(Nobody)
    return st.recursive(
        parts,
        lambda inner: st.builds(Not, inner) | st.builds(And, st.lists(inner, max_size=4).map(tuple)),
        max_leaves=8,
    )


def _any_of(code: str, values: list[str]) -> SearchStrategy[Expression]:
    some = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)
    return some.map(lambda texts: AnyOf(code, tuple(sorted(texts))))


def _spelled(values: list[str]) -> SearchStrategy[object]:
    return st.sampled_from([spelling for text in values for spelling in (text, *OTHER_SPELLINGS.get(text, []))])


def _clause(label: SearchStrategy[object], least: int = 1) -> SearchStrategy[object]:
    return label | st.lists(label, min_size=least, max_size=4)


def _side(clauses: Mapping[str, SearchStrategy[T]], least: int = 0) -> SearchStrategy[dict[str, T]]:
    """At most two of the clauses: more would hardly ever leave an audience in."""
    codes = st.lists(st.sampled_from(sorted(clauses)), min_size=least, max_size=2, unique=True)
    return codes.flatmap(lambda chosen: st.fixed_dictionaries({code: clauses[code] for code in chosen}))


def _objects(values: SearchStrategy[object]) -> SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.text(_any_character()), values, max_size=4)


def _any_character() -> SearchStrategy[str]:
    return st.characters(codec=None, exclude_categories=())
