"""A taxonomy becomes labelled values; their tree is for people, and matching stays flat."""

from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from segments.importing.taxonomy import LINE
from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment, Change, Import, Owner
from segments.tests.conftest import OWNERS
from segments.tests.imports import load

DATA = settings.BASE_DIR.parent / "shared" / "data" / "iab-audience-taxonomy-1.1.tsv"
ALICE = str(OWNERS["alice"])
NOTE = "See the list of drinks"
HEADINGS = list(LINE.fields)
DRINKS, TEA = "Interest | Drinks", "Interest | Drinks | *Tea Extension"


def line(value, parent, *tiers, note=""):
    return "\t".join(["", value, parent, "is not read", *tiers, *[""] * (6 - len(tiers)), note])


def table(*lines, header=None):
    return "\r\n".join([header or "\t".join(["", *HEADINGS]), *lines, ""])


LINES = [
    line("1", "", "Interest"),
    line("2", "1", "Interest", "Drinks"),
    line("3", "2", "Interest", "Drinks", "*Tea Extension", note=NOTE),
    line("700", "", "Purchase Intent*", note="See the classification"),
    line("701", "700", "Purchase Intent*", "Drinks"),
    line("40", "", "Demographic"),
]


@pytest.fixture
def loaded(folder, db):
    return folder.load("taxonomy", "taxonomy.tsv", table(*LINES))


def values(code="iab_interest"):
    rows = AudienceAttributeValue.objects.current().filter(attribute__code=code).order_by("value")
    return {row.value: (row.name, row.parent, row.note) for row in rows}


def test_it_makes_a_labelled_value_of_each_line(loaded):
    assert (loaded.code, loaded.counts) == (0, {"created": 6})
    assert values() == {
        "1": ("Interest", "", ""),
        "2": ("Interest | Drinks", "1", ""),
        "3": ("Interest | Drinks | *Tea Extension", "2", NOTE),
    }
    assert values("iab_purchase_intent")["701"] == ("Purchase Intent* | Drinks", "700", "")
    attributes = AudienceAttribute.objects.order_by("code")
    assert [(each.code, each.name, each.visibility, each.owner_id) for each in attributes] == [
        ("iab_demographic", "IAB demographic", "public", Owner.INSTALLATION_ID),
        ("iab_interest", "IAB interest", "public", Owner.INSTALLATION_ID),
        ("iab_purchase_intent", "IAB purchase intent", "public", Owner.INSTALLATION_ID),
    ]
    assert Import.objects.get().kind == "taxonomy"
    assert Change.objects.filter(kind="value", actor="command import_taxonomy").count() == 6


def test_a_second_run_rewrites_nothing(folder, loaded):
    before = list(AudienceAttributeValue.objects.order_by("pk").values())
    changes = Change.objects.count()

    assert folder.load("taxonomy", "again.tsv", table(*LINES)).counts == {"unchanged": 6}
    assert list(AudienceAttributeValue.objects.order_by("pk").values()) == before
    assert Change.objects.count() == changes


def test_a_changed_file_changes_labels_parents_and_notes(folder, loaded):
    changed = [*LINES[:2], line("3", "1", "Interest", "Tea", note=""), *LINES[3:], line("4", "1", "Interest", "Tea")]

    assert folder.load("taxonomy", "changed.tsv", table(*changed)).counts == {
        "created": 1,
        "updated": 1,
        "unchanged": 5,
    }
    assert values()["3"] == ("Interest | Tea", "1", "")
    change = Change.objects.filter(action="changed").get()
    assert (change.label, change.before["note"], change.after["note"]) == ("iab_interest: 3", NOTE, "")


def test_a_dry_run_writes_nothing(folder, db):
    assert folder.load("taxonomy", "taxonomy.tsv", table(*LINES), "--dry-run").counts == {"created": 6}
    assert not AudienceAttribute.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "code", "column"),
    [
        ("\t5\t1\tInterest", "ragged", ""),
        (line("", "1", "Interest", "Tea"), "missing", "Unique ID"),
        (line("5", "", "Interest", "Tea"), "missing", "Parent ID"),
        (line("5", "1", "", "Tea"), "missing", "Tier 1"),
        (line("5", "1", "Interest", "", "Tea"), "empty_tier", "Tier 2"),
        (line("5", "", "Weather"), "unknown_tier", "Tier 1"),
        (line("5", "6", "Interest", "Tea"), "unknown_parent", "Parent ID"),
        (line("5", "5", "Interest", "Tea"), "unknown_parent", "Parent ID"),
        (line("5", "40", "Interest", "Tea"), "unknown_parent", "Parent ID"),
        (line("3", "1", "Interest", "Tea"), "repeated_id", "Unique ID"),
        (line("5", "1", *["x" * 300] * 6).replace("x" * 300, "Interest", 1), "max_length", "Tier 1"),
        (line("5", "1", "Interest", "a\u202eb"), "unsafe_text", "Tier 2"),
        ("text" + line("5", "1", "Interest", "Tea"), "unnamed_column", ""),
        ("\t".join(["", *HEADINGS]), "repeated_header", ""),
    ],
)
def test_it_rejects_a_line_that_is_wrong_with_its_number(folder, db, wrong, code, column):
    outcome = folder.load("taxonomy", "taxonomy.tsv", table(*LINES, wrong, line("8", "1", "Interest", "Food")))

    assert (outcome.code, outcome.counts) == (1, {"created": 7, "rejected": 1})
    report = folder.rejects("taxonomy.rejects.tsv.report.csv")
    assert [(row["line"], row["code"], row["column"]) for row in report[:1]] == [("8", code, column)]
    assert "8" in values()


def test_what_was_rejected_loads_once_it_is_mended(folder, db):
    folder.load("taxonomy", "taxonomy.tsv", table(*LINES, line("5", "6", "Interest", "Tea")))
    rejected = (folder.path / "taxonomy.rejects.tsv").read_text()

    assert folder.load("taxonomy", "mended.tsv", rejected.replace("\t6\t", "\t2\t")).counts == {"created": 1}
    assert values()["5"] == ("Interest | Tea", "2", "")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("id\tname", "The header has no column 'Unique ID'."),
        ("\t".join(["", *HEADINGS, "Tier 1"]), "names the column 'Tier 1' twice"),
    ],
)
def test_it_refuses_a_file_with_other_columns(folder, db, header, told):
    outcome = folder.load("taxonomy", "taxonomy.tsv", table(*LINES, header=header))

    assert outcome.code == 2
    assert told in outcome.said


def test_it_reads_json_lines_with_the_same_names(folder, db):
    rows = [{"Unique ID": "1", "Tier 1": "Interest"}, {"Unique ID": "2", "Parent ID": "1", "Tier 1": "Interest"}, [1]]
    outcome = folder.load("taxonomy", "taxonomy.jsonl", rows)

    assert outcome.counts == {"created": 2, "rejected": 1}


def test_it_defines_what_was_only_learned_and_keeps_what_somebody_defined(api, folder, owners):
    platform = api("platform")
    platform.post("/audiences/bulk-add", [{"id": "a", "properties": {"iab_interest": ["3"], "iab_demographic": "40"}}])
    demographic = AudienceAttribute.objects.get(code="iab_demographic")
    platform.patch(f"/audiences/attributes/{demographic.pk}", {"name": "Ours", "visibility": "private"})
    folder.load("taxonomy", "taxonomy.tsv", table(*LINES), f"--owner={ALICE}")

    attributes = AudienceAttribute.objects.order_by("code").values_list("name", "visibility", "owner__name")
    assert list(attributes) == [
        ("Ours", "private", "Alice"),
        ("IAB interest", "public", "Alice"),
        ("IAB purchase intent", "public", "Alice"),
    ]
    assert values()["3"][2] == NOTE


def test_it_refuses_the_attributes_of_another_owner(api, folder, owners):
    body = {"code": "iab_interest", "name": "Mine", "owner_id": str(OWNERS["bob"]), "visibility": "public"}
    api("bob").post("/audiences/attributes", body)
    outcome = folder.load("taxonomy", "taxonomy.tsv", table(*LINES), f"--owner={ALICE}")

    assert outcome.code == 2
    assert "has the attribute 'iab_interest'" in outcome.said
    assert not AudienceAttributeValue.objects.exists()
    assert folder.load("taxonomy", "taxonomy.tsv", table(*LINES)).counts == {"created": 6}
    assert AudienceAttribute.objects.get(code="iab_interest").name == "Mine"


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ([("rename", "3", "tea")], {"2": DRINKS, "tea": TEA}),
        ([("merge", "3", "2")], {"2": DRINKS}),
        ([("merge", "2", "3")], {"3": TEA}),
        ([("rename", "3", "tea"), ("merge", "2", "tea")], {"tea": DRINKS}),
    ],
)
def test_values_that_were_renamed_or_merged_stay_so(people, folder, loaded, changes, labels):
    attribute = AudienceAttribute.objects.get(code="iab_interest")
    for action, value, text in changes:
        body = {"value": value, "to" if action == "rename" else "into": text, "confirm": True}
        assert people.post(f"/audiences/attributes/{attribute.pk}/{action}-value", body).status_code == 200
    AudienceAttributeValue.objects.update(name="")

    folder.load("taxonomy", "taxonomy.tsv", table(*LINES))
    assert {value: name for value, (name, _parent, _note) in values().items()} == {"1": "Interest", **labels}
    assert folder.load("taxonomy", "taxonomy.tsv", table(*LINES)).counts == {"unchanged": 6}


def test_matching_stays_flat_and_labels_help_to_find_values(api, people, staff, loaded, draft):
    people.post("/audiences/bulk-add", [{"id": "tea", "properties": {"iab_interest": ["3"]}}])
    above = people.post("/audiences/segments", draft(properties={"iab_interest": ["2"]})).json()
    itself = people.post("/audiences/segments", draft(properties={"iab_interest": [3]})).json()

    assert (above["approximated_size"], itself["approximated_size"], itself["warnings"]) == (0, 1, [])
    attribute = AudienceAttribute.objects.get(code="iab_interest")
    path = f"/audiences/attributes/{attribute.pk}/values"
    listed = people.get(path).json()
    assert [(each["value"], each["name"], each["audience_count"]) for each in listed][2] == ("3", TEA, 1)
    assert [each["value"] for each in people.get(f"{path}?name=tea%20ext").json()] == ["3"]
    query = f"?code=iab_interest&q=drinks&owner={ALICE}"
    suggested = staff.get(reverse("admin:segments_audiencesegment_values") + query).json()["found"]
    assert [(each["text"], each["name"]) for each in suggested] == [("2", DRINKS), ("3", TEA)]


def test_the_catalogue_shows_what_stands_above_a_value(staff, loaded):
    value = AudienceAttributeValue.objects.get(attribute__code="iab_interest", value="3")
    above = AudienceAttributeValue.objects.get(attribute__code="iab_interest", value="2")
    page = staff.get(reverse("admin:segments_audienceattributevalue_change", args=[value.pk])).content.decode()

    assert (
        f'<a href="{reverse("admin:segments_audienceattributevalue_change", args=[above.pk])}">Interest | Drinks'
        in page
    )
    assert NOTE in page


def test_a_segment_that_leaves_out_an_unknown_value_comes_to_life_with_it(api, people, folder, draft):
    folder.load("taxonomy", "first.tsv", table(*LINES[:2]))
    body = draft(properties={"gender": ["F"]}, exclusions={"iab_interest": ["3"]})
    segment = people.post("/audiences/segments", body).json()
    assert segment["approximated_size"] == 0
    folder.load("taxonomy", "taxonomy.tsv", table(*LINES))

    assert AudienceSegment.objects.get().computed_size == 3


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.exists(), reason="the real data sets are not beside the checkout")
def test_it_loads_the_taxonomy_itself(db, tmp_path):
    outcome = load("taxonomy", DATA, f"--rejects={tmp_path / 'rejects.tsv'}")

    rows = [cells.split("\t") for cells in Path(DATA).read_text().splitlines()[1:]]
    assert (outcome.code, outcome.counts) == (0, {"created": len(rows)})
    stored = AudienceAttributeValue.objects.values_list("value", "name", "parent", "note")
    assert {row[0]: row[1:] for row in stored} == {
        row[1]: (" | ".join(filter(None, row[4:10])), row[2], row[10].strip()) for row in rows
    }
    assert len(set(AudienceAttributeValue.objects.values_list("name", flat=True))) == len(rows) == 1558
    assert load("taxonomy", DATA, f"--rejects={tmp_path / 'rejects.tsv'}").counts == {"unchanged": len(rows)}
