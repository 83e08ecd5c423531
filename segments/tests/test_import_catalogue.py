"""import_attributes and import_segments: what they keep, what they change, and what they reject."""

import json
import uuid

import pytest
from django.db import connection

from segments.importing.attributes import Attributes
from segments.models import AudienceAttribute, AudienceSegment, Change, Import, Owner, SegmentSize
from segments.tests.conftest import OWNERS

pytestmark = pytest.mark.django_db

ALICE, BOB = str(OWNERS["alice"]), str(OWNERS["bob"])
GENDER = {
    "id": "11111111-1111-4111-8111-111111111111",
    "no": 41,
    "code": "gender",
    "name": "Gender",
    "owner_id": ALICE,
    "visibility": "public",
    "created_at": "2019-05-01T00:00:00Z",
    "updated_at": "2020-05-01T00:00:00.5Z",
}
WOMEN = {
    "id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "management_type": "systemmanaged",
    "name": "Women",
    "no": 123,
    "owner_id": ALICE,
    "approximated_size": None,
    "created_at": "2023-11-07T05:31:56Z",
    "deprecated_properties": {"old": [1]},
    "description": "Two\nlines",
    "properties": {"gender": ["F", 7, True]},
    "updated_at": "2023-11-08T05:31:56Z",
}
TYPED = (
    "id,management_type,name,no,approximated_size,properties,exclusions,description,created_at,size_source\n"
    f"{WOMEN['id']},selfmanaged,Women,7,5,"
    '"{""gender"": [""F"", 7, true]}",,"Two\nlines",2023-11-07T05:31:56,declared\n'
)


def attribute(code="gender"):
    return AudienceAttribute.objects.get(code=code)


def segment(name="Women"):
    return AudienceSegment.objects.get(name=name)


def changes(kind):
    return [(change.action, change.label, change.after) for change in Change.objects.filter(kind=kind).order_by("id")]


def last_values():
    with connection.cursor() as cursor:
        cursor.execute("SELECT a.last_value, s.last_value FROM attribute_no AS a, segment_no AS s")
        return cursor.fetchone()


def test_it_keeps_an_attributes_id_dates_and_no(folder):
    assert folder.load("attributes", "attributes.jsonl", [GENDER]).counts == {"created": 1}

    kept = attribute()
    assert (str(kept.pk), kept.no, kept.created_at.year, kept.updated_at.microsecond) == (
        GENDER["id"],
        41,
        2019,
        500000,
    )
    assert (kept.learned, kept.deprecated) == (False, False)
    assert [entry[:2] for entry in changes("attribute")] == [("created", "gender")]
    assert Change.objects.get(kind="attribute").actor == "command import_attributes"
    assert folder.load("attributes", "attributes.jsonl", [GENDER]).counts == {"unchanged": 1}
    assert attribute().updated_at == kept.updated_at
    assert Change.objects.count() == 1


def test_it_gives_new_attributes_numbers_behind_those_it_kept(folder):
    rows = "code,name,visibility,no\ngender,Gender,public,41\nage,Age,public,41\npet,Pet,private,\n"
    assert folder.load("attributes", "attributes.csv", rows, f"--owner={BOB}").counts == {"created": 3}

    (age, first), (gender, second), (pet, third) = AudienceAttribute.objects.order_by("no").values_list("code", "no")
    assert (age, gender, pet) == ("age", "gender", "pet")
    assert first == 41 < second == third - 1
    assert set(AudienceAttribute.objects.values_list("owner", flat=True)) == {OWNERS["bob"]}


def test_it_changes_the_fields_of_an_attribute_that_were_sent(folder):
    folder.load("attributes", "attributes.jsonl", [GENDER])
    rows = "code,name,visibility,owner_id,deprecated\ngender,Sex,public,,true\n"
    outcome = folder.load("attributes", "attributes.csv", rows, f"--owner={BOB}", "--take-over")

    assert outcome.counts == {"updated": 1}
    changed = attribute()
    assert (str(changed.pk), changed.no, changed.name, changed.deprecated) == (GENDER["id"], 41, "Sex", True)
    assert str(changed.owner_id) == BOB
    assert changed.created_at.year == 2019 < changed.updated_at.year
    assert changes("attribute")[1:] == [("changed", "gender", {"name": "Sex", "owner_id": BOB, "deprecated": True})]


def test_it_takes_no_attribute_away_from_its_owner_unless_it_is_told_to(folder):
    folder.load("attributes", "attributes.jsonl", [GENDER])
    folder.load("audiences", "people.csv", "id,pet\nana,cat\n")
    rows = f"code,name,visibility,owner_id\ngender,Sex,private,{BOB}\npet,Pet,private,{BOB}\n"

    dry = folder.load("attributes", "bobs.csv", rows, "--dry-run")
    outcome = folder.load("attributes", "bobs.csv", rows)
    assert outcome.counts == {"updated": 1, "rejected": 1}
    assert outcome.receipt["reasons"] == {"code_taken": 1}
    assert dry.receipt == outcome.receipt
    (reject,) = folder.rejects("bobs.rejects.report.csv")
    assert (reject["line"], reject["column"], reject["value"]) == ("2", "code", "'gender'")
    assert f"The owner {ALICE} has the attribute 'gender'. Name that owner" in reject["reason"]
    assert (attribute().name, str(attribute().owner_id)) == ("Gender", ALICE)
    assert str(attribute("pet").owner_id) == BOB  # nobody had defined it

    taken = folder.load("attributes", "bobs.csv", rows, "--take-over")
    assert taken.counts == {"updated": 1, "unchanged": 1}
    assert changes("attribute")[-1] == ("changed", "gender", {"name": "Sex", "owner_id": BOB, "visibility": "private"})
    assert Import.objects.first().options == {"take_over": True}


@pytest.mark.django_db(transaction=True)
def test_it_fails_when_another_owner_was_faster_and_rejects_the_line_the_next_time(folder, api, monkeypatch):
    judge = Attributes.judge

    def and_then_bob_registers_it(kind, rows):
        judge(kind, rows)
        body = {name: GENDER[name] for name in ("code", "name", "visibility")}
        assert api("bob").post("/audiences/attributes", {**body, "owner_id": BOB}).status_code == 200

    monkeypatch.setattr(Attributes, "judge", and_then_bob_registers_it)
    assert folder.load("attributes", "attributes.jsonl", [GENDER]).code == 3
    monkeypatch.undo()
    again = folder.load("attributes", "attributes.jsonl", [GENDER])
    assert again.receipt["reasons"] == {"code_taken": 1}
    assert str(attribute().owner_id) == BOB


def test_it_rejects_another_code_for_an_id_that_is_here(folder):
    folder.load("attributes", "attributes.jsonl", [GENDER])
    outcome = folder.load("attributes", "attributes.jsonl", [{**GENDER, "code": "sex"}, {**GENDER, "name": "Sex"}])

    assert outcome.counts == {"updated": 1, "rejected": 1}
    assert outcome.receipt["reasons"] == {"code_never_changes": 1}
    assert "The code stays 'gender'" in folder.rejects("attributes.rejects.jsonl.report.csv")[0]["reason"]


def test_it_refuses_a_file_in_which_two_codes_share_an_id(folder):
    outcome = folder.load("attributes", "attributes.jsonl", [GENDER, {**GENDER, "code": "sex"}])

    assert outcome.code == 2
    assert "stands with the codes 'gender' and 'sex'" in outcome.said
    assert not AudienceAttribute.objects.exists()


def test_it_recounts_sizes_when_an_attribute_changes_hands(folder, people, draft):
    women = people.post("/audiences/segments", draft(properties={"gender": ["F"]})).json()
    rows = "code,name,visibility\ngender,Gender,private\n"
    folder.load("attributes", "attributes.csv", rows, f"--owner={BOB}")

    assert women["approximated_size"] == 3
    assert segment("Women in the north").computed_size == 0


def test_it_keeps_a_segments_id_dates_and_no(folder, api):
    folder.load("audiences", "people.csv", "id,gender\nana,F\nben,M\n")
    assert folder.load("segments", "segments.jsonl", [WOMEN]).counts == {"created": 1}

    answered = api("platform").get("/audiences/segments").json()[0]
    sent = {**WOMEN, "approximated_size": 1}
    assert {name: answered[name] for name in WOMEN} == sent
    assert list(SegmentSize.objects.values_list("size", flat=True)) == [1]
    assert [entry[:2] for entry in changes("segment")] == [("created", "Women")]
    assert folder.load("segments", "segments.jsonl", [WOMEN]).counts == {"unchanged": 1}
    assert folder.load("segments", "segments.jsonl", [answered]).counts == {"unchanged": 1}
    assert segment().revision == 1


def test_it_reads_typed_cells_and_an_empty_one_sends_nothing(folder):
    assert folder.load("segments", "segments.csv", TYPED, f"--owner={ALICE}").counts == {"created": 1}

    women = segment()
    assert women.properties == {"gender": ["F", 7, True]}
    assert (women.no, women.declared_size, women.description) == (7, 5, "Two\nlines")
    assert (women.exclusions, str(women.owner_id)) == ({}, ALICE)
    rows = f'id,name,management_type,exclusions,description\n{WOMEN["id"]},Women,selfmanaged,"{{""pet"": 1}}",\n'
    assert folder.load("segments", "segments.csv", rows, f"--owner={ALICE}").counts == {"updated": 1}
    women = segment()
    assert (women.exclusions, women.description, women.declared_size) == ({"pet": 1}, "Two\nlines", 5)
    assert women.revision == 2


def test_it_creates_a_segment_without_an_id_every_time_in_the_order_of_the_file(folder):
    rows = "name,management_type\nzoo,selfmanaged\nada,systemmanaged\n"
    for _time in range(2):
        assert folder.load("segments", "segments.csv", rows, f"--owner={ALICE}").counts == {"created": 2}

    assert [one.name for one in AudienceSegment.objects.order_by("no")] == ["zoo", "ada"] * 2


def test_it_keeps_a_no_only_where_it_is_free_and_goes_on_behind_it(folder, api, draft):
    platform = api("alice")
    taken = platform.post("/audiences/segments", draft()).json()["no"]
    far = taken + 1000
    rows = [
        {**WOMEN, "no": taken},
        {**WOMEN, "no": far, "id": str(uuid.uuid4()), "name": "far"},
        {**WOMEN, "no": far, "id": str(uuid.uuid4()), "name": "as far"},
    ]
    folder.load("segments", "dry.jsonl", rows, "--dry-run")
    assert last_values()[1] == taken
    folder.load("segments", "segments.jsonl", rows)

    kept = sorted(AudienceSegment.objects.values_list("no", flat=True))
    assert kept == [taken, far, far + 1, far + 2]
    assert platform.post("/audiences/segments", draft()).json()["no"] == far + 3


def test_the_greatest_no_leaves_room_for_those_behind_it(folder, api, draft):
    assert folder.load("segments", "segments.jsonl", [{**WOMEN, "no": 10**15}]).counts == {"created": 1}

    assert api("alice").post("/audiences/segments", draft()).json()["no"] == 10**15 + 1
    outcome = folder.load("segments", "segments.jsonl", [{**WOMEN, "id": str(uuid.uuid4()), "no": 2**53 - 1}])
    assert outcome.counts == {"rejected": 1}
    (reject,) = folder.rejects("segments.rejects.jsonl.report.csv")
    assert "at most 1,000,000,000,000,000, so that there is room behind it" in reject["reason"]


def test_it_tells_true_from_1(folder):
    folder.load("segments", "segments.jsonl", [WOMEN])
    changed = [{**WOMEN, "properties": {"gender": ["F", 7, 1]}}]

    assert folder.load("segments", "segments.jsonl", changed).counts == {"updated": 1}
    assert changes("segment")[-1][2] == {"properties": {"gender": ["F", 7, 1]}}
    same = [{**WOMEN, "properties": {"gender": ["F", 7.0, 1]}}]
    assert folder.load("segments", "segments.jsonl", same).counts == {"unchanged": 1}


def test_it_takes_no_size_of_ours_for_a_declaration(folder):
    folder.load("audiences", "people.csv", "id,gender\nana,F\nben,M\n")
    folder.load("segments", "segments.jsonl", [WOMEN])
    folder.load("audiences", "more.csv", "id,gender\ncho,F\n")

    for size, declared in ((2, None), (1, None), (9, 9)):
        folder.load("segments", "segments.jsonl", [{**WOMEN, "approximated_size": size}])
        assert segment().declared_size == declared
    computed = {**WOMEN, "approximated_size": 77, "size_source": "computed"}
    assert folder.load("segments", "segments.jsonl", [computed]).counts == {"unchanged": 1}


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"id": "x"}, "uuid", "/id"),
        ({"id": None}, "uuid", "/id"),
        ({"no": -1}, "integer", "/no"),
        ({"no": 10**15 + 1}, "integer", "/no"),
        ({"owner_id": "me"}, "uuid", "/owner_id"),
        ({"name": ""}, "blank", "/name"),
        ({"approximated_size": "5"}, "integer", "/approximated_size"),
        ({"management_type": "other"}, "enum", "/management_type"),
        ({"created_at": "2999-01-01T00:00:00Z"}, "in_the_future", "/created_at"),
        ({"properties": {"a": [1] * 1001}}, "too_many_values", "/properties/a"),
    ],
)
def test_it_rejects_what_the_api_refuses(folder, fields, code, pointer):
    outcome = folder.load("segments", "segments.jsonl", [{**WOMEN, **fields}])

    (reject,) = folder.rejects("segments.rejects.jsonl.report.csv")
    assert outcome.counts == {"rejected": 1}
    assert (reject["code"], reject["column"]) == (code, pointer)


def test_it_names_the_column_of_a_bad_cell(folder):
    header = "id,management_type,name,no,approximated_size,properties,deprecated_properties,learned\n"
    rows = header + 'x,self,,4.5,many,{,"{""a"": NaN}",\n'
    outcome = folder.load("segments", "segments.csv", rows, f"--owner={ALICE}")

    report = {
        entry["column"]: (entry["code"], entry["value"]) for entry in folder.rejects("segments.rejects.report.csv")
    }
    assert outcome.counts == {"rejected": 1}
    assert report == {
        "id": ("uuid", "'x'"),
        "management_type": ("enum", "'self'"),
        "name": ("missing", "''"),
        "no": ("integer", "'4.5'"),
        "approximated_size": ("integer", "'many'"),
        "properties": ("json_invalid", "'{'"),
        "deprecated_properties": ("json_invalid", "'{\"a\": NaN}'"),
    }
    assert "were not kept: 'learned'" in outcome.said


def test_strict_rejects_clauses_that_cannot_be_resolved(folder):
    folder.load("audiences", "people.csv", "id,gender\nana,F\n")
    women = {**WOMEN, "properties": {"gender": ["F"]}}
    folder.load("segments", "segments.jsonl", [women], "--strict")
    others = [
        {**women, "exclusions": {"pet": ["cat"]}},
        {**WOMEN, "id": str(uuid.uuid4()), "properties": {"gender": ["X"]}},
        {**women, "name": "Ladies"},
    ]
    outcome = folder.load("segments", "segments.jsonl", others, "--strict")

    assert outcome.counts == {"updated": 1, "rejected": 2}
    assert outcome.receipt["reasons"] == {"unknown_attribute": 1, "unknown_value": 1}
    nothing = {name: value for name, value in women.items() if name != "properties"}
    assert folder.load("segments", "segments.jsonl", [nothing], "--strict").counts == {"updated": 1}


def test_it_registers_owners_on_sight(folder):
    folder.load("segments", "segments.jsonl", [WOMEN])

    assert str(Owner.objects.get().pk) == ALICE


def test_its_dry_run_writes_nothing(folder):
    folder.load("attributes", "attributes.jsonl", [GENDER], "--dry-run")
    folder.load("segments", "segments.jsonl", [WOMEN], "--dry-run")

    models = (AudienceAttribute, AudienceSegment, Owner, Change)
    assert [model.objects.count() for model in models] == [0, 0, 0, 0]


def test_a_patch_that_turns_1_into_true_is_in_the_audit_trail(api, draft):
    alice = api("alice")
    made = alice.post("/audiences/segments", draft(properties={"app": [1]})).json()
    alice.patch(f"/audiences/segments/{made['id']}", {"properties": {"app": [True]}})

    assert json.dumps(changes("segment")[-1][2]) == '{"properties": {"app": [true]}}'
