"""import_audiences: columns become attributes, merged or replacing; JSON Lines are A2's Audience objects."""

import json
from datetime import UTC, datetime

import pytest

from segments.importing.audiences import Audiences
from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment, Import, Owner, SegmentSize
from segments.store import store
from segments.tests.conftest import OWNERS

pytestmark = pytest.mark.django_db

NEW_OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


def properties():
    return {profile.id: profile.properties for profile in store().page(None, 1000)}


def codes():
    return set(AudienceAttribute.objects.values_list("code", flat=True))


def test_it_merges_the_columns_it_has_and_an_empty_cell_removes_an_attribute(folder):
    folder.load("audiences", "people.csv", "id,gender,tier,pet\nana,F,gold,cat\nben,M,,dog\n")
    outcome = folder.load("audiences", "people.csv", "id,tier,pet\nana,,cat|dog\nben,silver,dog\ncho, ,\n")

    assert outcome.counts == {"created": 1, "updated": 2}
    assert properties() == {
        "ana": {"gender": ["F"], "pet": ["cat", "dog"]},
        "ben": {"gender": ["M"], "pet": ["dog"], "tier": ["silver"]},
        "cho": {},
    }
    again = folder.load("audiences", "people.csv", "id,tier,pet\nana,,cat|dog\nben,silver,dog\ncho, ,\n")
    assert again.counts == {"unchanged": 3}


def wide(first, last):
    return [f"c{index:03}" for index in range(first, last)]


def table(columns, *rows):
    """A file in which each of these rows has an x in the columns that it does not leave empty."""
    lines = (",".join([key, *("" if column in empty else "x" for column in columns)]) for key, empty in rows)
    return "\n".join([",".join(["id", *columns]), *lines, ""])


def test_it_rejects_a_line_that_would_give_an_audience_too_many_attributes(folder):
    folder.load("audiences", "first.csv", table(wide(0, 70), ("ana", ()), ("ben", wide(0, 40)), ("cho", ())))
    lines = [
        ("ana", ()),  # past the cap by ten, and the last right line of ana's is the one that counts
        ("ana", wide(100, 110)),
        ("ben", ()),
        ("cho", wide(101, 110)),
        ("dan", ()),
        ("cho", ()),
    ]
    content = table(wide(70, 110), *lines)
    dry = folder.load("audiences", "more.csv", content, "--dry-run")
    outcome = folder.load("audiences", "more.csv", content)

    assert outcome.counts == {"created": 1, "updated": 2, "rejected": 3}
    assert outcome.receipt["reasons"] == {"too_many_codes": 3}
    assert (dry.code, dry.receipt) == (outcome.code, outcome.receipt)
    assert {key: len(codes) for key, codes in properties().items()} == {"ana": 100, "ben": 70, "cho": 70, "dan": 40}
    report = folder.rejects("more.rejects.report.csv")
    assert [(entry["line"], entry["column"], entry["code"]) for entry in report] == [
        ("2", "", "too_many_codes"),
        ("5", "", "too_many_codes"),
        ("7", "", "too_many_codes"),
    ]
    assert "would have 101 attributes; it can have 100" in report[1]["reason"]
    again = folder.load("audiences", "more.csv", content)
    assert again.counts == {"unchanged": 3, "rejected": 3}
    assert folder.load("audiences", "more.csv", content, "--mode=replace").counts == {
        "updated": 3, "unchanged": 1, "duplicate": 2,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_it_fails_when_others_gave_an_audience_more_attributes_meanwhile_and_rejects_the_line_the_next_time(
    folder, api, monkeypatch
):
    folder.load("audiences", "first.csv", table(wide(0, 70), ("ana", ())))
    content = table(wide(70, 100), ("ana", ()), ("ben", ()))
    judge = Audiences.judge

    def and_then_somebody_else_writes(kind, rows):
        judge(kind, rows)
        body = {"id": "ana", "properties": dict.fromkeys([*wide(0, 71), "new"], "x")}
        assert api("platform").patch("/audiences", body).status_code == 200

    monkeypatch.setattr(Audiences, "judge", and_then_somebody_else_writes)
    outcome = folder.load("audiences", "more.csv", content)
    assert outcome.code == 3
    assert "more than 100 attributes: 'ana'. Give them fewer. Run it again" in outcome.said
    assert len(properties()["ana"]) == 72

    monkeypatch.undo()
    assert folder.load("audiences", "more.csv", content).counts == {"created": 1, "rejected": 1}


def test_it_replaces_all_attributes_when_it_is_told_to(folder):
    folder.load("audiences", "people.csv", "id,gender,tier\nana,F,gold\nben,M,\n")
    outcome = folder.load("audiences", "people.csv", "id,tier\nana,gold\nben,\n", "--mode=replace")

    assert outcome.counts == {"updated": 2}
    assert properties() == {"ana": {"tier": ["gold"]}, "ben": {}}


def test_it_takes_ids_from_another_column_and_renames_and_skips_columns(folder):
    content = "account,Sex,internal,Loyalty tier\nana,F,x,gold;silver\n"
    options = ["--id-column=account", "--skip=internal", "--map=gender=Sex", "--map=tier=Loyalty tier", "--separator=;"]

    assert folder.load("audiences", "people.csv", content, *options).counts == {"created": 1}
    assert properties() == {"ana": {"gender": ["F"], "tier": ["gold", "silver"]}}
    assert codes() == {"gender", "tier"}
    assert Import.objects.get().options["map"] == ["gender=Sex", "tier=Loyalty tier"]


def test_it_leaves_cells_whole_without_a_separator(folder):
    folder.load("audiences", "people.csv", "id,note\nana,a|b\n", "--separator=")

    assert properties() == {"ana": {"note": ["a|b"]}}


def test_it_reads_labels_as_the_api_does(folder):
    folder.load("audiences", "people.csv", "id,nom,n\nana, Zoe\u0301 |Zo\u00e9,25\n")

    assert properties() == {"ana": {"nom": ["Zo\u00e9"], "n": ["25"]}}


def test_it_learns_attributes_for_the_owner_it_is_given(folder, owners):
    folder.load("audiences", "a.csv", "id,gender,empty\nana,F,\n")
    folder.load("audiences", "b.csv", "id,tier\nana,gold\n", f"--owner={OWNERS['alice']}")
    folder.load("audiences", "c.csv", "id,pet\nana,cat\n", f"--owner={NEW_OWNER}", "--dry-run")

    learned = {attribute.code: attribute for attribute in AudienceAttribute.objects.all()}
    assert set(learned) == {"gender", "tier"}
    assert all(attribute.learned for attribute in learned.values())
    assert learned["gender"].owner == Owner.objects.installation()
    assert learned["tier"].owner == owners["alice"]
    assert not Owner.objects.filter(pk=NEW_OWNER).exists()
    assert [str(run.owner_id) for run in Import.objects.order_by("id")] == ["None", str(OWNERS["alice"]), NEW_OWNER]


def test_strict_takes_known_columns_and_learns_their_values(folder):
    folder.load("audiences", "people.csv", "id,gender\nana,F\n")

    assert folder.load("audiences", "people.csv", "id,gender\nana,M\n", "--strict").counts == {"updated": 1}
    assert set(AudienceAttributeValue.objects.values_list("value", flat=True)) == {"F", "M"}


def test_it_takes_a_2_audience_objects_and_replaces_the_fields_they_have(folder):
    ana = {
        "id": "ana",
        "id_type": "email",
        "alt_id": {"crm": 7},
        "properties": {"gender": "F", "age": [25, "25"]},
        "created_at": "2019-05-01T12:30:15.25Z",
        "updated_at": "2020-05-01T00:00:00Z",
    }
    assert folder.load("audiences", "people.jsonl", [ana, {"id": "ben"}]).counts == {"created": 2}
    assert folder.load("audiences", "people.jsonl", [ana, {"id": "ben"}]).counts == {"unchanged": 2}
    patch = [{"id": "ana", "properties": {"tier": ["gold"]}, "created_at": None}, {"id": "ben", "id_type": None}]
    assert folder.load("audiences", "people.ndjson", patch).counts == {"updated": 2}

    found = store().get(["ana", "ben"])
    assert found["ana"].properties == {"tier": ["gold"]}
    assert (found["ana"].id_type, found["ana"].alt_id) == ("email", {"crm": 7})
    assert found["ana"].created_at == datetime(2019, 5, 1, 12, 30, 15, 250000, tzinfo=UTC)
    assert found["ben"].id_type is None


BAD_JSON = [
    (b'{"id": "x"', "json_invalid", ""),
    (b"id,gender", "json_invalid", ""),
    (b'{"id": "x", "id": "y"}', "json_invalid", ""),
    (b'{"id": "x", "properties": {"a": NaN}}', "json_invalid", ""),
    (b'{"id": "x", "properties": {"a": 1e5000}}', "number_out_of_range", "/properties/a"),
    (b'{"id": "x", "properties": {"a": "\\ud800"}}', "surrogate", "/properties/a"),
    (b'{"id": "x", "alt_id": {"a": "\\u0000"}}', "null_character", "/alt_id/a"),
    (b'{"id": "x", "alt_id": ' + b'{"a":' * 40 + b"1" + b"}" * 41, "too_deep", ""),
    (b'{"id": "x", "created_at": "infinity"}', "datetime", "/created_at"),
    (b'{"id": "x", "properties": []}', "dict_type", "/properties"),
    (b'{"id": "x", "properties": {"a": {}}}', "unsupported_value", "/properties/a"),
    (b'{"id": 5}', "string_type", "/id"),
    (b"{}", "missing", "/id"),
    (b"null", "dict_type", ""),
    (b"[]", "dict_type", ""),
    (b'{"id": "\xff"}', "not_utf8", ""),
    (b'{"id": "\0"}', "null_character", ""),
    (b'{"id": "' + b"x" * 2**20 + b'"}', "line_too_long", ""),
]


def test_it_rejects_bad_json_lines_by_the_codes_of_the_api(folder):
    content = b'{"id": "first"}\n' + b"".join(line + b"\r\n" for line, _code, _place in BAD_JSON) + b'{"id": "last"}'
    outcome = folder.load("audiences", "people.jsonl", content)

    told = [(entry["code"], entry["column"]) for entry in folder.rejects("people.rejects.jsonl.report.csv")]
    assert outcome.receipt["created"] == 2
    assert outcome.receipt["rejected"] == len(BAD_JSON)
    firsts = {}
    for entry in folder.rejects("people.rejects.jsonl.report.csv"):
        firsts.setdefault(int(entry["line"]), (entry["code"], entry["column"]))
    assert len(told) >= len(firsts)
    assert [code for code, _column in firsts.values()] == [code for _line, code, _place in BAD_JSON]
    assert [column for _code, column in firsts.values() if _code != "too_deep"] == [
        place for _line, code, place in BAD_JSON if code != "too_deep"
    ]
    rejected = (folder.path / "people.rejects.jsonl").read_bytes()
    assert rejected == b"".join(line + b"\r\n" for line, _code, _place in BAD_JSON)


def test_strict_rejects_lines_with_unknown_attributes_and_fields(folder):
    folder.load("audiences", "people.csv", "id,gender\nana,F\n")
    people = [
        {"id": "ben", "properties": {"gender": "M"}},
        {"id": "cho", "properties": {"gendr": "F", "tear": "gold"}},
        {"id": "dan", "propertys": {"gender": "M"}},
    ]
    outcome = folder.load("audiences", "people.jsonl", people, "--strict")

    assert outcome.receipt["created"] == 1
    assert outcome.receipt["reasons"] == {"unknown_attribute": 1, "unknown_field": 1}
    report = [
        (entry["line"], entry["column"], entry["value"]) for entry in folder.rejects("people.rejects.jsonl.report.csv")
    ]
    assert report == [
        ("2", "/properties/gendr", "'F'"),
        ("2", "/properties/tear", "'gold'"),
        ("3", "/propertys", "{…}"),
    ]
    assert codes() == {"gender"}


def test_it_is_strict_by_the_setting(folder, settings):
    settings.A2_STRICT = True

    assert folder.load("audiences", "people.jsonl", [{"id": "cho", "properties": {"gendr": "F"}}]).code == 1


def test_it_recounts_the_sizes_of_segments_with_history(folder, api, draft):
    platform = api("platform")
    folder.load("audiences", "people.csv", "id,gender\nana,F\nben,M\n")
    women = platform.post("/audiences/segments", draft(properties={"gender": ["F"]})).json()
    gold = platform.post("/audiences/segments", draft(properties={"tier": ["gold"]})).json()
    elsewhere = platform.post("/audiences/segments", draft(management_type="selfmanaged")).json()
    assert (women["approximated_size"], gold["approximated_size"], elsewhere["approximated_size"]) == (1, 0, None)

    folder.load("audiences", "people.csv", "id,gender,tier\ncho,F,gold\n", "--dry-run")
    assert platform.get("/audiences/segments").json()[0] == women
    folder.load("audiences", "people.csv", "id,gender,tier\ncho,F,gold\n")

    listed = platform.get("/audiences/segments").json()
    assert [segment["approximated_size"] for segment in listed] == [2, 1, None]
    assert all(segment["size_as_of"] > women["size_as_of"] for segment in listed[:2])
    assert [segment["updated_at"] for segment in listed] == [one["updated_at"] for one in (women, gold, elsewhere)]
    sizes = SegmentSize.objects.filter(segment=women["id"]).order_by("id")
    assert list(sizes.values_list("size", flat=True)) == [1, 2]

    folder.load("audiences", "people.csv", "id,gender,tier\ncho,F,gold\n")
    assert sizes.count() == 2
    assert AudienceSegment.objects.get(pk=women["id"]).size_as_of > sizes.last().as_of


def test_it_takes_the_same_objects_as_the_api(folder, api):
    """What GET answers is what an import takes, and then nothing differs."""
    folder.load("audiences", "people.csv", "id,gender,tier\nana,F,gold|silver\n")
    answered = api("platform").get("/audiences/get/ana").json()

    assert folder.load("audiences", "people.jsonl", json.dumps(answered)).counts == {"unchanged": 1}
