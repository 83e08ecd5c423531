"""docs/how-to/migrate-from-a2.md: objects in A2's exact form come in and are answered with zero differences."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from segments.tests.conftest import OWNERS
from segments.tests.imports import load

pytestmark = pytest.mark.django_db

ALICE = str(OWNERS["alice"])


def attribute(number, code, **fields):
    return {
        "id": f"aaaaaaaa-0000-4000-8000-{number:012}",
        "no": number,
        "code": code,
        "name": code.title(),
        "owner_id": ALICE,
        "visibility": "public",
        "created_at": "2022-03-01T09:00:00Z",
        "updated_at": "2022-03-02T09:00:00.125Z",
        **fields,
    }


def segment(number, **fields):
    """The page's own response, to the letter, with other values."""
    return {
        "id": f"3c90c3cc-0d44-4b50-8888-{number:012}",
        "management_type": "selfmanaged",
        "name": f"Segment {number}",
        "no": 100 + number,
        "owner_id": ALICE,
        "approximated_size": 123,
        "created_at": "2023-11-07T05:31:56Z",
        "deprecated_properties": {},
        "description": "<string>",
        "properties": {},
        "updated_at": "2023-11-07T05:31:56Z",
        **fields,
    }


ATTRIBUTES = [attribute(7, "gender"), attribute(9, "tier", visibility="private"), attribute(8, "city")]
AUDIENCES = [
    {
        "id": f"acct-{number:04}",
        "id_type": "account_id",
        "alt_id": {"crm": number} if number % 3 else None,
        "properties": {"gender": ["FM"[number % 2]], "city": ["Seoul", "Busan"][: 1 + number % 2]},
        "created_at": f"2021-01-{1 + number % 28:02}T00:00:00Z",
        "updated_at": f"2022-01-{1 + number % 28:02}T00:00:00Z",
    }
    for number in range(1_200)
]
SEGMENTS = [
    segment(1),
    segment(3, approximated_size=None, description=None),
    segment(2, management_type="systemmanaged", approximated_size=600, properties={"gender": ["F"]}),
    segment(5, management_type="systemmanaged", approximated_size=None, properties={"gender": "M", "city": ["Busan"]}),
    segment(4, deprecated_properties={"age": [25, {"gte": 1}]}, properties={"gendr": ["F", 1.5, True, None]}),
    segment(6, name="서울 🙂", created_at="2020-02-29T23:59:59.999999Z", approximated_size=0),
]


@pytest.fixture
def migrated(folder, owners):
    files = {"attributes": ATTRIBUTES, "audiences": AUDIENCES, "segments": SEGMENTS}
    for kind, objects in files.items():
        outcome = folder.load(kind, f"{kind}.jsonl", objects)
        assert (outcome.code, outcome.counts) == (0, {"created": len(objects)})
    return folder


def compare(kind, path, *options):
    """The exit code, the differences, and the counts."""
    printed, code = StringIO(), 0
    try:
        call_command(f"compare_{kind}", str(path), *options, stdout=printed)
    except SystemExit as end:
        code = end.code
    *differences, counts = map(json.loads, printed.getvalue().splitlines())
    buckets = ("same", "different", "missing", "duplicate", "rejected")
    assert sum(counts[name] for name in buckets) == counts["lines"]
    return code, differences, {name: count for name, count in counts.items() if count}


def test_what_came_in_is_what_is_answered(migrated, api):
    platform = api("platform")
    answered = {one["id"]: one for one in platform.get("/audiences/segments").json()}
    attributes = {one["id"]: one for one in platform.get("/audiences/attributes").json()}

    assert [name for name in SEGMENTS[0] if name not in answered[SEGMENTS[0]["id"]]] == []
    for sent in SEGMENTS:
        same = {name: answered[sent["id"]][name] for name in sent}
        counted = {"approximated_size": 600} if sent["no"] == 105 else {}
        assert same == {**sent, **counted}
    for sent in ATTRIBUTES:
        assert {name: attributes[sent["id"]][name] for name in sent} == sent
    for sent in AUDIENCES[::400]:
        got = platform.get(f"/audiences/get/{sent['id']}").json()
        known = ("id", "id_type", "alt_id", "created_at")
        assert {name: got[name] for name in known} == {name: sent[name] for name in known}
        assert got["properties"] == {code: sorted(texts) for code, texts in sent["properties"].items()}


def test_the_reports_have_zero_differences(migrated):
    for kind, objects in (("attributes", ATTRIBUTES), ("audiences", AUDIENCES), ("segments", SEGMENTS)):
        path = migrated.path / f"{kind}.jsonl"

        assert compare(kind, path) == (0, [], {"lines": len(objects), "same": len(objects)})
        assert load(kind, path, "--dry-run").counts == {"unchanged": len(objects)}


def test_the_report_names_every_difference_of_a_segment(migrated):
    changed = [
        {**SEGMENTS[2], "properties": {"gender": ["F", True]}, "approximated_size": 5},
        {**SEGMENTS[0], "name": "Another", "no": 7, "updated_at": "2024-01-01T00:00:00+09:00"},
        segment(77),
        {"id": "x"},
        SEGMENTS[4],
    ]
    code, differences, counts = compare("segments", migrated.file("changed.jsonl", changed))

    assert code == 1
    assert [(one["line"], one["field"]) for one in differences] == [
        (2, "name"), (2, "no"), (2, "updated_at"), (1, "approximated_size"), (1, "properties"), (3, "id"),
    ]  # fmt: skip
    assert differences[0] == {
        "line": 2, "key": SEGMENTS[0]["id"], "field": "name", "file": "Another", "answered": "Segment 1",
    }  # fmt: skip
    assert differences[2]["file"] == "2023-12-31T15:00:00Z"
    missing = {"key": segment(77)["id"], "file": segment(77)["id"], "answered": None}
    assert {name: differences[-1][name] for name in missing} == missing
    assert counts == {
        "lines": 5,
        "same": 1,
        "different": 2,
        "missing": 1,
        "rejected": 1,
        "fields": {"name": 1, "no": 1, "updated_at": 1, "approximated_size": 1, "properties": 1},
    }


def test_the_report_names_every_difference_of_an_attribute(migrated):
    gender, tier, city = ATTRIBUTES
    changed = [
        {**tier, "visibility": "public", "description": "x", "owner_id": str(OWNERS["bob"])},
        {**city, "id": attribute(50, "x")["id"], "no": 50, "deprecated": True},
        {**gender, "updated_at": None},
        attribute(51, "pet"),
        {**gender, "code": "sex"},
        {"code": "x"},
    ]
    code, differences, counts = compare("attributes", migrated.file("changed.jsonl", changed))

    assert code == 1
    assert [(one["line"], one["key"], one["field"]) for one in differences] == [
        (2, "city", "id"), (2, "city", "no"), (2, "city", "deprecated"),
        (4, "pet", "code"), (5, "sex", "code"),
        (1, "tier", "owner_id"), (1, "tier", "visibility"), (1, "tier", "description"),
    ]  # fmt: skip
    assert {name: counts[name] for name in counts if name != "fields"} == {
        "lines": 6, "same": 1, "different": 2, "missing": 2, "rejected": 1,
    }  # fmt: skip


def test_the_report_names_every_difference_of_an_audience(migrated, api):
    api("platform").patch("/audiences", {"id": "acct-0003", "properties": {"gender": "M", "pet": "cat"}})
    changed = [
        {**AUDIENCES[1], "id_type": None, "created_at": "2021-01-01T00:00:00Z", "updated_at": "2000-01-01T00:00:00Z"},
        {**AUDIENCES[2], "alt_id": {"crm": True}},
        {**AUDIENCES[4], "properties": {"city": "Seoul", "gender": ["F", "F"]}},
        {"id": "acct-0005"},
        {"id": "acct-9999"},
        AUDIENCES[3],
    ]
    code, differences, counts = compare("audiences", migrated.file("changed.jsonl", changed))

    assert code == 1
    assert [(one["key"], one["field"]) for one in differences] == [
        ("acct-0001", "id_type"), ("acct-0001", "created_at"), ("acct-0002", "alt_id"), ("acct-0003", "properties"),
        ("acct-9999", "id"),
    ]  # fmt: skip
    assert differences[3]["answered"] == {"gender": ["M"], "pet": ["cat"]}
    assert {name: counts[name] for name in counts if name != "fields"} == {
        "lines": 6, "same": 2, "different": 3, "missing": 1,
    }  # fmt: skip


def test_the_report_takes_the_last_line_of_an_id_as_the_import_does(migrated):
    twice = [{**SEGMENTS[0], "name": "Before"}, SEGMENTS[1], SEGMENTS[0]]

    assert compare("segments", migrated.file("twice.jsonl", twice)) == (0, [], {"lines": 3, "same": 2, "duplicate": 1})


def test_the_report_on_a_csv_file_of_audiences_compares_the_attributes_that_have_a_column(migrated):
    rows = "account;Sex;city;pet\nacct-0001;M;Seoul|Busan;\nacct-0002;M;Seoul;\n"
    options = ["--delimiter=;", "--id-column=account", "--map=gender=Sex"]
    path = migrated.file("people.csv", rows)

    code, differences, _counts = compare("audiences", path, *options)
    assert code == 1
    assert differences == [
        {
            "line": 3,
            "key": "acct-0002",
            "field": "properties",
            "file": {"gender": ["M"], "city": ["Seoul"], "pet": []},
            "answered": {"gender": ["F"], "city": ["Seoul"], "pet": []},
        }
    ]
    without = compare("audiences", path, *options, "--skip=city", "--mode=replace")
    assert without[2] == {"lines": 2, "different": 2, "fields": {"properties": 2}}


def test_the_report_reads_csv_as_the_import_does(migrated):
    rows = f"id;name;management_type\n{SEGMENTS[0]['id']};Segment 1;selfmanaged\n"

    assert compare("segments", migrated.file("s.csv", rows), "--delimiter=;", f"--owner={ALICE}")[0] == 0


def test_the_report_refuses_what_it_cannot_read(tmp_path):
    with pytest.raises(CommandError, match="There is no file") as caught:
        compare("segments", tmp_path / "segments.jsonl")
    assert caught.value.returncode == 2
