"""Labels, codes, and the properties of audiences in canonical form."""

import json
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segments.labels import canonical_properties, label_text
from segments.tests import strategies as some


@given(some.labels())
def test_it_reads_the_text_of_a_label_as_itself(label):
    text = label_text(label)
    assume(text is not None)

    assert label_text(text) == text


@pytest.mark.parametrize(
    "value",
    [float("inf"), float("-inf"), float("nan"), 10**1000, 10**5000, -(10**999), ("F",), {"F"}, b"F"],
    ids=lambda value: type(value).__name__,
)
def test_it_takes_no_label_that_json_cannot_say(value):
    assert label_text(value) is None


@given(some.json_objects())
def test_it_reads_the_properties_that_it_keeps_as_themselves(properties):
    canonical, _faults = canonical_properties(properties)

    assert canonical_properties(canonical) == (canonical, [])


@given(st.lists(some.labels()))
def test_it_keeps_the_texts_of_labels_sorted_and_once(labels):
    texts = [label_text(label) for label in labels]
    canonical, faults = canonical_properties({"code": labels})

    assert canonical.get("code", []) == sorted({text for text in texts if text})
    assert [fault.pointer for fault in faults] == [f"/properties/code/{i}" for i, text in enumerate(texts) if not text]


@pytest.mark.parametrize(
    ("properties", "faults"),
    [
        ({"gender": None}, [("/properties/gender", "unsupported_value")]),
        ({"a/b": ["F", {}, ["F"], ""]}, [(f"/properties/a~1b/{i}", "unsupported_value") for i in (1, 2, 3)]),
        ({"note": "x" * 1001}, [("/properties/note", "unsupported_value")]),
        ({"": "F"}, [("/properties/", "invalid_code")]),
        ({" gender": "F"}, [("/properties/ gender", "invalid_code")]),
        ({"gen\nder": "F"}, [("/properties/gen\nder", "invalid_code")]),
        ({"x" * 33: "F"}, [("/properties/" + "x" * 33, "invalid_code")]),
        ({"e\u0301" * 33: "F"}, [("/properties/" + "e\u0301" * 33, "invalid_code")]),
        ({"\u1f82" * 32: "F", unicodedata.normalize("NFD", "\u1f82" * 32): "M"}, []),
        ({"n": list(range(1001))}, [("/properties/n", "too_many_values")]),
        ({"n": list(range(1000))}, []),
        ({str(n): "x" for n in range(101)}, [("/properties", "too_many_codes")]),
        ({str(n): "x" for n in range(100)}, []),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_it_refuses_properties_that_cannot_be_kept(properties, faults):
    assert [(fault.pointer, fault.code) for fault in canonical_properties(properties)[1]] == faults


def test_it_joins_codes_that_are_the_same_and_drops_those_without_values():
    properties = {"caf\u00e9": ["b", "b"], "cafe\u0301": "a", "empty": [], "age": [25, "25", 25.0]}

    assert canonical_properties(properties) == ({"caf\u00e9": ["a", "b"], "age": ["25"]}, [])


def test_it_asks_a_check_about_every_code_and_text():
    def no_bells(text):
        return ("unsafe_text", "The text rings.") if "\a" in text else None

    properties = {"age": 25, "\a": "F", "gender": ["F", "\aM"], "city": "Se\aoul"}
    canonical, faults = canonical_properties(properties, no_bells)

    assert [(fault.pointer, fault.code, fault.detail) for fault in faults] == [
        ("/properties/\a", "unsafe_text", "The text rings."),
        ("/properties/gender/1", "unsafe_text", "The text rings."),
        ("/properties/city", "unsafe_text", "The text rings."),
    ]
    assert canonical == {"age": ["25"], "gender": ["F"]}
