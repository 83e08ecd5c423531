"""docs/reference/matching-vectors.json: the examples for people who port the rule hold here first."""

import json
from pathlib import Path

import pytest

from segments.expressions import Known, evaluate, parse, resolve
from segments.labels import canonical_properties, label_text

DOCUMENT = json.loads(
    (Path(__file__).parents[2] / "docs" / "reference" / "matching-vectors.json").read_text(encoding="utf-8")
)
VECTORS = DOCUMENT["vectors"]


def resolved(vector):
    deprecated = vector.get("deprecated", [])
    known = {code: Known(values, code in deprecated) for code, values in vector["catalogue"].items()}
    return resolve(parse(vector["properties"], vector["exclusions"], vector.get("retired", [])), known)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_it_selects_the_members_and_nobody_else(vector):
    tree = resolved(vector).tree

    members = [evaluate(tree, audience["properties"]) for audience in vector["audiences"]]

    assert members == [audience["member"] for audience in vector["audiences"]]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_it_warns_of_what_it_cannot_resolve(vector):
    warnings = [{"pointer": fault.pointer, "code": fault.code} for fault in resolved(vector).warnings]

    assert warnings == vector["warnings"]


@pytest.mark.parametrize("label", DOCUMENT["labels"], ids=lambda label: json.dumps(label["value"]))
def test_it_reads_a_label_by_its_text(label):
    assert label_text(label["value"]) == label["text"]


def test_it_shows_audiences_and_catalogues_in_canonical_form():
    for vector in VECTORS:
        for properties in [vector["catalogue"], *(audience["properties"] for audience in vector["audiences"])]:
            canonical, faults = canonical_properties(properties)

            assert faults == []
            assert canonical == {code: values for code, values in properties.items() if values}


def test_it_names_every_vector_differently():
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) >= 40


def test_it_has_an_example_of_every_warning():
    assert {warning["code"] for vector in VECTORS for warning in vector["warnings"]} == {
        "no_properties",
        "empty_list",
        "unsupported_value",
        "unknown_attribute",
        "unknown_value",
        "deprecated_attribute",
        "retired_attribute",
    }
