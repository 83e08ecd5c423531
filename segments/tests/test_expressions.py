"""The segment language, tried on examples and judged by a second, independent reading of the rule."""

import dataclasses
import json
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segments.expressions import And, AnyOf, Known, Nobody, Not, evaluate, parse, resolve
from segments.labels import label_text
from segments.tests import strategies as some
from segments.wording import describe

CATALOGUE = {
    "gender": Known({"F", "M"}),
    "region": Known({"northeast", "south", "west"}),
    "age": Known({"25", "26"}),
    "plan": Known({"gold"}, deprecated=True),
}
EVERYTHING = {code: Known(values) for code, values in some.VOCABULARY.items()}


def known(catalogue):
    return {code: Known(values) for code, values in catalogue.items()}


def selected(properties, exclusions=None, catalogue=CATALOGUE):
    return resolve(parse(properties, exclusions or {}), catalogue).tree


def details(properties, exclusions=None, catalogue=CATALOGUE):
    return [fault.detail for fault in resolve(parse(properties, exclusions or {}), catalogue).warnings]


def to_json(tree):
    """The `properties` and `exclusions` that `parse()` reads as this tree.

    ValueError where no definition says it: `Nobody`, nothing outside `Not`, a code twice on a side, deeper nesting.
    """
    definition = {"properties": {}, "exclusions": {}}
    for part in tree.parts if isinstance(tree, And) else (tree,):
        side = definition["exclusions" if isinstance(part, Not) else "properties"]
        clause = part.part if isinstance(part, Not) else part
        if not isinstance(clause, AnyOf) or clause.code in side:
            raise ValueError(f"No definition says {tree!r}.")
        side[clause.code] = list(clause.values)
    if not definition["properties"]:
        raise ValueError(f"No definition says {tree!r}.")
    return definition


def is_member_by_the_sentences(properties, exclusions, catalogue, audience):
    """The matching rule once more, sentence by sentence, straight from the JSON."""

    def listed(value):
        return [as_label(item) for item in (value if isinstance(value, list) else [value])]

    def has(code, texts):
        return set(audience.get(code, [])) & set(texts)

    if not properties:
        return False
    for sent, value in properties.items():
        code = unicodedata.normalize("NFC", sent)
        if not has(code, [text for text in listed(value) if text in catalogue.get(code, [])]):
            return False
    for sent, value in exclusions.items():
        code = unicodedata.normalize("NFC", sent)
        if not listed(value) or set(listed(value)) - set(catalogue.get(code, [])):
            return False
        if has(code, listed(value)):
            return False
    return True


def as_label(value):
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.strip())
    if isinstance(value, float) and value % 1 == 0:
        return str(int(value))
    return json.dumps(value) if isinstance(value, int | float) else None


# The rule


@settings(max_examples=300)
@given(some.definitions(), some.catalogues(), some.audience_properties())
def test_it_selects_whom_the_sentences_of_the_rule_select(definition, catalogue, audience):
    properties, exclusions = definition
    tree = resolve(parse(properties, exclusions), known(catalogue)).tree

    assert evaluate(tree, audience) == is_member_by_the_sentences(properties, exclusions, catalogue, audience)


@given(some.good_definitions(), some.audience_properties())
def test_it_selects_whom_the_sentences_select_when_everything_is_known(definition, audience):
    tree = resolve(parse(*definition), EVERYTHING).tree

    assert evaluate(tree, audience) == is_member_by_the_sentences(*definition, some.VOCABULARY, audience)


@given(some.good_definitions())
def test_it_warns_of_nothing_when_everything_is_known(definition):
    resolved = resolve(parse(*definition), EVERYTHING)

    assert resolved.warnings == ()
    assert resolved.tree == parse(*definition).tree != Nobody()


@given(some.definitions(), some.catalogues(), some.catalogues(), some.audience_properties())
def test_it_selects_more_the_more_the_catalogue_knows(definition, catalogue, addition, audience):
    larger = {code: catalogue.get(code, []) + addition.get(code, []) for code in {**catalogue, **addition}}
    parsed = parse(*definition)
    few, more, most = (resolve(parsed, each).tree for each in (known(catalogue), known(larger), EVERYTHING))

    assert evaluate(few, audience) <= evaluate(more, audience) <= evaluate(most, audience)


@given(some.definitions(), some.catalogues(), st.lists(st.sampled_from(["region", "gone"]), min_size=1, unique=True))
def test_a_retired_clause_selects_nobody_whatever_else_there_is(definition, catalogue, retired):
    properties, exclusions = definition
    resolved = resolve(parse(properties, exclusions, retired), known(catalogue))

    assert resolved.tree == Nobody()
    told = [fault.pointer for fault in resolved.warnings if fault.code == "retired_attribute"]
    assert told == [f"/deprecated_properties/{code}" for code in retired]
    others = [fault for fault in resolved.warnings if fault.code not in ("retired_attribute", "no_properties")]
    without = resolve(parse(properties, exclusions), known(catalogue)).warnings
    assert others == [fault for fault in without if fault.code != "no_properties"]


@given(some.definitions(), some.catalogues())
def test_it_warns_whenever_something_is_not_resolved(definition, catalogue):
    resolved = resolve(parse(*definition), known(catalogue))

    assert bool(resolved.warnings) == (not all(clause.whole for clause in resolved.clauses) or not definition[0])
    assert resolved.warnings or resolved.tree != Nobody()


@given(some.definitions(), some.catalogues())
def test_it_keeps_every_clause_in_place_when_resolving(definition, catalogue):
    parsed = parse(*definition)
    resolved = resolve(parsed, known(catalogue))

    for before, after in zip(parsed.clauses, resolved.clauses, strict=True):
        assert (after.code, after.pointer, after.excluded) == (before.code, before.pointer, before.excluded)
        assert set(after.items) <= set(before.items)
        assert after.faults[: len(before.faults)] == before.faults


@given(some.trees(), some.audience_properties())
def test_it_evaluates_every_tree_and_its_contrary(tree, audience):
    assert evaluate(Not(tree), audience) is not evaluate(tree, audience)
    assert evaluate(And((tree, Not(tree))), audience) is False
    assert evaluate(And(()), audience) is True


# Reading


@given(some.json_objects(), some.json_objects(), some.audience_properties())
def test_it_reads_any_json_objects_without_raising(properties, exclusions, audience):
    parsed = parse(properties, exclusions)
    resolved = resolve(parsed, EVERYTHING)

    assert len(parsed.clauses) == len(properties) + len(exclusions)
    assert evaluate(resolved.tree, audience) in (True, False)
    assert all(fault.detail for fault in resolved.warnings)
    assert describe(resolved)


@given(some.definitions())
def test_it_points_at_what_it_warns_of(definition):
    document = {"properties": definition[0], "exclusions": definition[1]}
    for fault in parse(*definition).warnings:
        place = document
        for key in fault.pointer.split("/")[1:]:
            step = key.replace("~1", "/").replace("~0", "~")
            place = place[int(step)] if isinstance(place, list) else place[step]

        assert label_text(place) is None


@given(some.definitions())
def test_it_reads_its_own_json_as_the_same_tree(definition):
    parsed = parse(*definition)
    tree = parsed.tree
    assume(tree != Nobody())
    assume(len({(clause.code, clause.excluded) for clause in parsed.clauses}) == len(parsed.clauses))

    document = json.loads(json.dumps(to_json(tree)))

    assert parse(document["properties"], document["exclusions"]).tree == tree


@pytest.mark.parametrize(
    "tree",
    [
        Nobody(),
        Not(AnyOf("gender", ("F",))),
        And(()),
        And((AnyOf("gender", ("F",)), AnyOf("gender", ("M",)))),
        And((AnyOf("gender", ("F",)), Nobody())),
        And((AnyOf("gender", ("F",)), Not(Not(AnyOf("region", ("west",)))))),
    ],
)
def test_it_has_no_json_for_what_no_definition_says(tree):
    with pytest.raises(ValueError, match="No definition says"):
        to_json(tree)


def test_it_keeps_the_order_in_which_clauses_were_sent():
    tree = parse({"region": ["west"], "gender": ["M", "F"]}, {"plan": "gold"}).tree

    assert tree == And((AnyOf("region", ("west",)), AnyOf("gender", ("F", "M")), Not(AnyOf("plan", ("gold",)))))


def test_it_makes_one_clause_of_one_code():
    assert parse({"gender": "F"}, {}).tree == AnyOf("gender", ("F",))


def test_it_asks_for_the_texts_of_both_sides():
    parsed = parse({"gender": ["F", None], "age": [25]}, {"age": [26], "plan": []})

    assert parsed.asked == {"gender": {"F"}, "age": {"25", "26"}, "plan": set()}


def test_it_can_be_pasted_from_its_repr():
    tree = parse({"gender": ["F"]}, {"region": ["west"]}).tree

    assert repr(tree) == (
        "And(parts=(AnyOf(code='gender', values=('F',)), Not(part=AnyOf(code='region', values=('west',)))))"
    )
    assert eval(repr(tree)) == tree


def test_it_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse({"gender": "F"}, {}).tree.code = "region"


# Warnings


@pytest.mark.parametrize(
    ("properties", "detail"),
    [
        ({}, "There are no properties; nobody is selected. Add an attribute with its values."),
        ({"gender": []}, "'gender' has an empty list; nobody is selected. List at least one value."),
        ({"gendr": "F"}, "No attribute has the code 'gendr'; nobody is selected. Did you mean 'gender'?"),
        ({"GENDER": "F"}, "No attribute has the code 'GENDER'; nobody is selected. Did you mean 'gender'?"),
        ({"shoe": 42}, "No attribute has the code 'shoe'; nobody is selected."),
        ({"gender": ["F", "X"]}, "The attribute 'gender' has no value 'X'; it adds nobody."),
        (
            {"gender": "X"},
            "The attribute 'gender' has no value 'X'; nobody is selected, as the clause lists no value that is known.",
        ),
        (
            {"gender": ["F", None]},
            "'gender' cannot be null; it adds nobody. Use a text of 1 to 1000 characters, a number, true or false.",
        ),
        (
            {"age": {"gte": 25}},
            "'age' cannot be {…}; nobody is selected. Use a text of 1 to 1000 characters, a number, true or false.",
        ),
        ({"plan": "gold"}, "The attribute 'plan' is deprecated. This clause goes on matching; write no new one."),
    ],
)
def test_it_says_what_is_wrong_with_properties(properties, detail):
    assert details(properties) == [detail]


@pytest.mark.parametrize(
    ("exclusions", "detail"),
    [
        ({"region": []}, "'region' has an empty list; nobody is selected. List at least one value."),
        (
            {"shoe": 42},
            "No attribute has the code 'shoe', so the exclusion cannot be resolved; nobody is selected.",
        ),
        (
            {"regin": "west"},
            "No attribute has the code 'regin', so the exclusion cannot be resolved; nobody is selected. "
            "Did you mean 'region'?",
        ),
        (
            {"region": ["west", "X"]},
            "The attribute 'region' has no value 'X', so the exclusion cannot be resolved; nobody is selected.",
        ),
        (
            {"region": ["west", ["X"]]},
            "'region' cannot be […], so the exclusion cannot be resolved; nobody is selected. "
            "Use a text of 1 to 1000 characters, a number, true or false.",
        ),
    ],
)
def test_it_says_why_an_exclusion_selects_nobody(exclusions, detail):
    assert details({"gender": "F"}, exclusions) == [detail]
    assert selected({"gender": "F"}, exclusions) == Nobody()


def test_it_shortens_long_texts_in_warnings():
    (detail,) = details({"gender": ["F", "spam " * 100]})

    assert "…" in detail
    assert len(detail) < 200


def test_it_shows_characters_that_cannot_be_seen():
    assert details({"gender": ["F", "M\u200b"]}) == [r"The attribute 'gender' has no value 'M\u200b'; it adds nobody."]


def test_it_suggests_codes_for_the_first_unknown_ones_only():
    suggested = ["Did you mean" in detail for detail in details({f"gender{n}": "F" for n in range(5)})]

    assert suggested == [True, True, True, False, False]


def test_it_keeps_a_warning_as_a_message_that_can_be_translated():
    (fault,) = resolve(parse({"gender": ["F", "X"]}, {}), CATALOGUE).warnings

    assert fault.message == "The attribute %(code)s has no value %(value)s; it adds nobody."
    assert fault.params == {"code": "'gender'", "value": "'X'"}


# In plain words


@pytest.mark.parametrize(
    ("properties", "exclusions", "words"),
    [
        ({"gender": "F"}, {}, "gender is F"),
        ({"gender": ["M", "F"], "region": "west"}, {}, "gender is F or M, and region is west"),
        ({"gender": "F"}, {"region": "west"}, "gender is F, but not region is west"),
        ({"gender": "F"}, {"region": "west", "age": 25}, "gender is F, but not region is west, and not age is 25"),
        ({"city": ["c", "b", "a", "d"]}, {}, "city is a, b, c or d"),
        ({"city": ["Seoul", "Busan", *range(10, 24)]}, {}, "city is 10, 11 or 14 more"),
        ({"city": ["F or M", "a, b", "Seoul"]}, {}, "city is 'F or M', Seoul or 'a, b'"),
        ({}, {}, "nobody"),
        ({"gender": "F"}, {"region": []}, "nobody"),
    ],
)
def test_it_describes_a_segment_in_plain_words(properties, exclusions, words):
    assert describe(parse(properties, exclusions)) == words
    assert describe(parse(properties, exclusions).tree) == words


def test_it_describes_trees_that_no_definition_says():
    women, west = AnyOf("gender", ("F",)), AnyOf("region", ("west",))

    assert describe(Not(women)) == "not gender is F"
    assert describe(Not(And((women, west)))) == "not (gender is F, and region is west)"
    assert describe(And(())) == "everybody"


def test_it_describes_a_segment_in_another_language():
    korean = {"%(code)s is %(values)s": "%(code)s: %(values)s", "%(first)s or %(last)s": "%(first)s 또는 %(last)s"}

    assert describe(parse({"gender": ["F", "M"]}, {}), lambda text: korean.get(text, text)) == "gender: F 또는 M"
