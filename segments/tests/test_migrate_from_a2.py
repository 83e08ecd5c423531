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


def compare(path, *options):
    """The exit code, the differences, and the counts."""
    printed, code = StringIO(), 0
    try:
        call_command("compare_segments", str(path), *options, stdout=printed)
    except SystemExit as end:
        code = end.code
    *differences, counts = map(json.loads, printed.getvalue().splitlines())
    return code, differences, counts


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


def test_the_report_has_zero_differences(migrated):
    code, differences, counts = compare(migrated.path / "segments.jsonl")

    assert (code, differences) == (0, [])
    assert counts == {"lines": 6, "same": 6, "different": 0, "missing": 0, "unreadable": 0, "fields": {}}
    for kind in ("attributes", "audiences", "segments"):
        again = load(kind, migrated.path / f"{kind}.jsonl", "--dry-run")
        assert again.counts == {"unchanged": again.receipt["lines"]}


def test_the_report_names_every_difference(migrated):
    changed = [
        {**SEGMENTS[0], "name": "Another", "no": 7, "updated_at": "2024-01-01T00:00:00+09:00"},
        {**SEGMENTS[2], "properties": {"gender": ["F", True]}, "approximated_size": 5},
        segment(77),
        {"id": "x"},
        SEGMENTS[4],
    ]
    code, differences, counts = compare(migrated.file("changed.jsonl", changed))

    assert code == 1
    assert [(one["line"], one["field"]) for one in differences] == [
        (1, "name"), (1, "no"), (1, "updated_at"), (2, "approximated_size"), (2, "properties"),
    ]  # fmt: skip
    assert differences[0] == {
        "line": 1, "id": SEGMENTS[0]["id"], "field": "name", "file": "Another", "answered": "Segment 1",
    }  # fmt: skip
    assert counts == {
        "lines": 5,
        "same": 1,
        "different": 2,
        "missing": 1,
        "unreadable": 1,
        "fields": {"name": 1, "no": 1, "updated_at": 1, "approximated_size": 1, "properties": 1},
    }


def test_the_report_reads_csv_as_the_import_does(migrated):
    rows = f"id;name;management_type\n{SEGMENTS[0]['id']};Segment 1;selfmanaged\n"

    assert compare(migrated.file("s.csv", rows), "--delimiter=;", f"--owner={ALICE}")[0] == 0


def test_the_report_refuses_what_it_cannot_read(tmp_path):
    with pytest.raises(CommandError, match="There is no file") as caught:
        compare(tmp_path / "segments.jsonl")
    assert caught.value.returncode == 2
