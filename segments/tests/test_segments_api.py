"""/audiences/segments: who may do what, and what comes of it."""

import uuid

import pytest

from segments.models import AudienceSegment, Change, Owner, SegmentSize

PATH = "/audiences/segments"
UNKNOWN = f"{PATH}/00000000-0000-4000-8000-000000000000"
NORTHERN_WOMEN = {"gender": ["F"], "region": ["north"]}


@pytest.fixture
def segment(api, people, draft):
    """Alice's segment of women in the north: p1."""
    return api("alice").post(PATH, draft(properties=NORTHERN_WOMEN)).json()


def test_it_counts_the_members_when_a_segment_is_made(segment):
    assert segment["approximated_size"] == 1
    assert segment["size_source"] == "computed"
    assert segment["size_as_of"] is not None
    assert segment["warnings"] == []


@pytest.mark.parametrize(
    ("properties", "exclusions", "size"),
    [
        ({"gender": ["F", "M"]}, {}, 6),
        ({"gender": "F"}, {"region": ["north"]}, 2),
        ({"gender": ["F"], "tier": ["gold", "silver"]}, {}, 2),
        ({"gender": ["M"]}, {"tier": ["staff", "bronze"]}, 1),
        ({"gender": ["F"]}, {"tier": ["platinum"]}, 0),
        ({"gender": ["X"]}, {}, 0),
        ({"gendr": ["F"]}, {}, 0),
        ({"gender": []}, {}, 0),
        ({"gender": ["F"]}, {"tier": []}, 0),
        ({}, {"gender": ["F"]}, 0),
        ({"gender": ["F", "X", None]}, {}, 3),
    ],
)
def test_it_selects_by_the_rule(api, people, draft, properties, exclusions, size):
    body = draft(properties=properties, exclusions=exclusions)

    assert api("alice").post(PATH, body).json()["approximated_size"] == size


def test_it_computes_the_size_afresh_when_a_segment_is_asked_for(api, people, segment):
    people.post("/audiences/bulk-add", [{"id": "p7", "properties": {"gender": "F", "region": "north"}}])

    listed = api("alice").get(PATH).json()[0]["approximated_size"]
    asked = api("alice").get(f"{PATH}/{segment['id']}").json()["approximated_size"]

    assert (listed, asked) == (1, 2)
    assert list(SegmentSize.objects.order_by("as_of").values_list("size", flat=True)) == [1, 2]


def test_it_comes_to_life_when_a_value_appears(api, people, draft):
    segment = api("alice").post(PATH, draft(properties={"pet": ["cat"]})).json()
    assert [warning["code"] for warning in segment["warnings"]] == ["unknown_attribute"]

    people.post("/audiences/bulk-add", [{"id": "p7", "properties": {"pet": "cat"}}])

    awake = api("alice").get(f"{PATH}/{segment['id']}").json()
    assert (awake["approximated_size"], awake["warnings"]) == (1, [])


def test_it_asks_whether_a_near_code_was_meant(api, people, draft):
    segment = api("alice").post(PATH, draft(properties={"gendr": ["F"]})).json()

    assert segment["warnings"][0]["pointer"] == "/properties/gendr"
    assert "Did you mean 'gender'?" in segment["warnings"][0]["detail"]


def test_it_hides_a_strangers_segment(api, segment):
    charlie = api("charlie")
    path = f"{PATH}/{segment['id']}"
    unknown = charlie.get(f"{PATH}/{uuid.uuid4()}").json()

    for answer in (charlie.get(path), charlie.patch(path, {"name": "Mine"}), charlie.delete(path)):
        assert answer.status_code == 404
        assert {**answer.json(), "request_id": ""} == {**unknown, "request_id": ""}
    in_body = {"id": segment["id"], "management_type": "selfmanaged", "name": "x", "owner_id": segment["owner_id"]}
    assert charlie.patch(PATH, in_body).status_code == 404
    assert charlie.get(PATH).json() == []
    assert charlie.get(f"{PATH}?owner_id={segment['owner_id']}").json() == []
    assert AudienceSegment.objects.get().name == segment["name"]


@pytest.mark.parametrize("method", ["post", "patch"])
def test_it_refuses_to_write_under_another_owner(api, draft, method, people):
    mine = api("alice").post(PATH, draft()).json()
    body = {**mine, "owner_id": draft("bob")["owner_id"]}

    response = api("alice").send(method.upper(), PATH, body)

    assert response.status_code == 403
    assert response.json()["code"] == "owner_forbidden"
    assert response.json()["errors"][0]["pointer"] == "/owner_id"
    assert AudienceSegment.objects.get().owner.name == "Alice"


def test_it_answers_alike_for_an_owner_that_does_not_exist(api, draft):
    response = api("alice").post(PATH, draft() | {"owner_id": str(uuid.uuid4())})

    assert (response.status_code, response.json()["code"]) == (403, "owner_forbidden")


def test_it_registers_an_owner_on_sight_for_the_platform(api, draft):
    owner_id = str(uuid.uuid4())

    assert api("platform").post(PATH, draft() | {"owner_id": owner_id}).status_code == 200
    assert Owner.objects.get(pk=owner_id).name.startswith("unnamed, first seen 20")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("POST", PATH),
        ("PATCH", PATH),
        ("POST", f"{PATH}/bulk-add"),
        ("POST", f"{PATH}/estimate"),
        ("GET", UNKNOWN),
        ("PATCH", UNKNOWN),
        ("DELETE", UNKNOWN),
        ("GET", "/audiences/attributes"),
        ("POST", "/audiences/attributes"),
        ("POST", "/audiences/bulk-add"),
        ("GET", "/audiences/get/p1"),
    ],
)
def test_it_wants_a_token_then_the_scope(api, method, path):
    no_token = api(None).send(method, path, raw=b"{not json")
    reads = method == "GET" or path.endswith("estimate")
    other = "attributes:read" if "segments" in path else "segments:read"
    no_scope = api("platform", [other]).send(method, path, None if method in {"GET", "DELETE"} else {})

    assert (no_token.status_code, no_token.json()["code"]) == (401, "not_authenticated")
    assert no_token["WWW-Authenticate"] == 'Bearer realm="a2"'
    assert (no_scope.status_code, no_scope.json()["code"]) == (403, "insufficient_scope")
    kind = "segments" if "segments" in path else "attributes" if "attributes" in path else "audiences"
    needed = f"{kind}:{'read' if reads else 'write'}"
    assert no_scope["WWW-Authenticate"] == f'Bearer realm="a2", error="insufficient_scope", scope="{needed}"'


def test_it_patches_with_the_id_in_the_body(api, segment):
    body = {name: segment[name] for name in ("id", "management_type", "owner_id")} | {"name": "Northern women"}

    changed = api("alice").patch(PATH, body).json()

    assert changed["name"] == "Northern women"
    assert changed["properties"] == NORTHERN_WOMEN
    assert changed["created_at"] == segment["created_at"]
    assert changed["updated_at"] > segment["updated_at"]


def test_it_names_what_a_patch_with_the_id_in_the_body_lacks(api):
    errors = api("alice").patch(PATH, {}).json()["errors"]

    assert {error["pointer"] for error in errors} == {"/id", "/management_type", "/name", "/owner_id"}
    assert {error["code"] for error in errors} == {"missing"}


def test_it_patches_only_what_is_sent(api, segment):
    changed = api("alice").patch(f"{PATH}/{segment['id']}", {"properties": {"gender": ["M"]}}).json()

    assert changed["approximated_size"] == 3
    assert changed["name"] == segment["name"]


def test_it_takes_back_what_it_answered_and_changes_nothing(api, people, draft):
    for fields in ({"properties": NORTHERN_WOMEN}, {"management_type": "selfmanaged", "properties": {"gender": "F"}}):
        segment = api("alice").post(PATH, draft(**fields)).json()
        again = api("alice").patch(PATH, segment).json()
        assert {**again, "updated_at": 0, "size_as_of": 0} == {**segment, "updated_at": 0, "size_as_of": 0}


def test_it_does_not_take_its_own_size_for_a_declaration(api, people, draft):
    body = draft(management_type="selfmanaged", properties={"gender": ["F"]})
    segment = api("alice").post(PATH, body).json()
    people.post("/audiences/bulk-add", [{"id": "p7", "properties": {"gender": "F"}}])
    path = f"{PATH}/{segment['id']}"

    for size in (3, 4):
        sent = {"approximated_size": size}
        assert api("alice").patch(path, sent).json()["size_source"] == "computed"
    declared = api("alice").patch(path, {"approximated_size": 1000}).json()
    cleared = api("alice").patch(path, {"approximated_size": None}).json()

    assert (declared["approximated_size"], declared["size_source"]) == (1000, "declared")
    assert (cleared["approximated_size"], cleared["size_source"]) == (4, "computed")


@pytest.mark.parametrize(
    ("kind", "declared", "properties", "shown", "source"),
    [
        ("selfmanaged", 7, {}, 7, "declared"),
        ("selfmanaged", 7, {"gender": ["F"]}, 7, "declared"),
        ("selfmanaged", None, {}, None, None),
        ("selfmanaged", None, {"gender": ["F"]}, 3, "computed"),
        ("systemmanaged", 7, {}, 7, "declared"),
        ("systemmanaged", 7, {"gender": ["F"]}, 3, "computed"),
        ("systemmanaged", None, {}, 0, "computed"),
    ],
)
def test_it_shows_the_size_that_the_rule_names(api, people, draft, kind, declared, properties, shown, source):
    body = draft(management_type=kind, approximated_size=declared, properties=properties)

    segment = api("alice").post(PATH, body).json()

    assert (segment["approximated_size"], segment["size_source"]) == (shown, source)


def test_it_deletes_a_segment_and_remembers_it(api, segment):
    path = f"{PATH}/{segment['id']}"

    assert api("alice").delete(path).status_code == 204
    assert api("alice").delete(path).status_code == 404
    gone = Change.objects.get(action="deleted")
    assert (gone.object_id, gone.before["properties"], gone.actor) == (segment["id"], NORTHERN_WOMEN, "client alice")


def test_it_writes_down_who_changed_what(api, segment):
    api("alice").patch(f"{PATH}/{segment['id']}", {"name": "Renamed", "description": None})

    changed = Change.objects.get(action="changed")

    assert (changed.before, changed.after) == ({"name": segment["name"]}, {"name": "Renamed"})


def test_it_adds_many_in_the_order_given(api, people, draft):
    names = [f"Segment {index}" for index in range(30)]

    made = (
        api("alice").post(f"{PATH}/bulk-add", [draft(name=name, properties={"gender": ["F"]}) for name in names]).json()
    )

    assert [segment["name"] for segment in made] == names
    assert [segment["no"] for segment in made] == sorted(segment["no"] for segment in made)
    assert {segment["approximated_size"] for segment in made} == {3}


def test_it_adds_all_or_none(api, draft):
    bodies = [draft() for _ in range(9)]
    bodies[7] |= {"name": ""}
    bodies[8] |= {"management_type": "both", "owner_id": 5}
    refused = api("alice").post(f"{PATH}/bulk-add", bodies)
    foreign = api("alice").post(f"{PATH}/bulk-add", [draft(), draft("bob")])

    assert refused.status_code == 422
    pointers = [error["pointer"] for error in refused.json()["errors"]]
    assert pointers == ["/7/name", "/8/management_type", "/8/owner_id"]
    assert (foreign.status_code, foreign.json()["errors"][0]["pointer"]) == (403, "/1/owner_id")
    assert not AudienceSegment.objects.exists()


@pytest.mark.parametrize(("body", "status"), [(b"[]", 200), (b"{}", 422), (b"null", 422), (b"", 400), (b"[1]", 422)])
def test_it_takes_an_array_in_bulk_and_nothing_else(api, body, status):
    assert api("alice").send("POST", f"{PATH}/bulk-add", raw=body).status_code == status


def test_it_takes_a_thousand_segments_in_a_call_and_no_more(api, draft):
    refused = api("alice").post(f"{PATH}/bulk-add", [draft() for _ in range(1001)])

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "too_many_items")
    assert len(api("alice").post(f"{PATH}/bulk-add", [draft() for _ in range(1000)]).json()) == 1000


def test_it_estimates_without_saving(api, people, draft):
    body = {"owner_id": draft()["owner_id"], "properties": NORTHERN_WOMEN, "exclusions": {"tier": ["staff"]}}

    estimate = api("alice").post(f"{PATH}/estimate", body).json()

    assert (estimate["size"], estimate["total"], estimate["exact"], estimate["warnings"]) == (1, 6, True, [])
    assert estimate["clauses"] == [
        {"code": "gender", "size": 3},
        {"code": "region", "size": 2},
        {"code": "tier", "size": 1, "excluded": True},
    ]
    assert not AudienceSegment.objects.exists()


def test_it_refuses_what_it_would_warn_about_when_asked_to_be_strict(api, people, draft, settings):
    body = draft(properties={"gendr": ["F"]}, colour="red")
    asked = api("alice").post(PATH, body, Prefer="respond-async, handling=strict")
    in_bulk = api("alice").post(
        f"{PATH}/bulk-add", [draft(properties={"gender": ["F"]}), body], Prefer="handling=strict"
    )
    settings.A2_STRICT = True
    by_setting = api("alice").post(PATH, body)

    for response, prefix in ((asked, ""), (by_setting, ""), (in_bulk, "/1")):
        assert response.status_code == 422
        found = {(error["pointer"], error["code"]) for error in response.json()["errors"]}
        assert found == {(f"{prefix}/colour", "unknown_field"), (f"{prefix}/properties/gendr", "unknown_attribute")}
    assert not AudienceSegment.objects.exists()


def test_it_warns_of_a_field_that_there_is_not(api, draft):
    segment = api("alice").post(PATH, draft(propertys={})).json()

    assert segment["warnings"][0]["code"] == "unknown_field"
    assert "Did you mean 'properties'?" in segment["warnings"][0]["detail"]


def test_it_keeps_another_owners_private_attribute_secret(api, people, draft):
    for owner, code in (("bob", "secret"), ("alice", "own")):
        body = {"code": code, "name": code, "owner_id": draft(owner)["owner_id"], "visibility": "private"}
        assert api(owner).post("/audiences/attributes", body).status_code == 200
    people.post("/audiences/bulk-add", [{"id": "p1", "properties": {"secret": "yes", "own": "yes"}}])

    foreign = api("alice").post(PATH, draft(properties={"secret": ["yes"]})).json()
    unknown = api("alice").post(PATH, draft(properties={"sacred": ["yes"]})).json()
    own = api("alice").post(PATH, draft(properties={"own": ["yes"]})).json()
    excluded = api("alice").post(PATH, draft(properties={"own": "yes"}, exclusions={"secret": ["no"]})).json()

    as_if = str(unknown["warnings"]).replace("sacred", "secret")
    assert (foreign["approximated_size"], str(foreign["warnings"])) == (0, as_if)
    assert own["approximated_size"] == 1
    assert excluded["approximated_size"] == 0


def test_it_sees_the_difference_between_a_number_and_true(api, people, draft):
    people.post(
        "/audiences/bulk-add", [{"id": "p1", "properties": {"paid": True}}, {"id": "p2", "properties": {"paid": 1}}]
    )
    segment = people.post(PATH, draft(properties={"paid": [1]}, exclusions={"gender": ["M"]})).json()
    people.post("/audiences/bulk-add", [{"id": "p3", "properties": {"paid": True}}])

    changed = people.patch(f"{PATH}/{segment['id']}", {"properties": {"paid": [True]}}).json()

    assert (segment["approximated_size"], changed["approximated_size"]) == (1, 2)
    assert changed["properties"] == {"paid": [True]}


def test_it_counts_and_records_no_size_when_the_definition_stays(api, people, draft):
    segment = people.post(PATH, draft(properties={"gender": ["F"]})).json()
    people.post("/audiences/bulk-add", [{"id": "p9", "properties": {"gender": "F"}}])
    for name in "abc":
        renamed = people.patch(f"{PATH}/{segment['id']}", {"name": name}).json()

    assert (renamed["approximated_size"], renamed["size_as_of"]) == (3, segment["size_as_of"])
    assert AudienceSegment.objects.get().sizes.count() == 1
    assert people.get(f"{PATH}/{segment['id']}").json()["approximated_size"] == 4
