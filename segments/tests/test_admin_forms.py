"""What staff do in the admin's forms: the same checks, words and audit trail as through the API."""

import json
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import reverse

from segments.models import (
    Audience,
    AudienceAttribute,
    AudienceAttributeValue,
    AudienceSegment,
    Change,
    Client,
    Owner,
)
from segments.models.changes import Actor
from segments.tests.conftest import OWNERS, Caller


def segment_form(**fields: Any) -> dict[str, Any]:
    """What the browser sends when staff fill in the segment form."""
    empty = {"description": "", "properties": "{}", "exclusions": "{}", "deprecated_properties": "{}"}
    filled = {"name": "Women", "owner": str(OWNERS["alice"]), "management_type": "systemmanaged", "declared_size": ""}
    return {**empty, **filled, **fields}


def add(staff: Browser, model: str, form: dict[str, Any]) -> Any:
    return staff.post(reverse(f"admin:segments_{model}_add"), form, follow=True)


def opened(staff: Browser, row: Any) -> dict[str, Any]:
    """The address of a row's form, and the fields that the browser finds filled in there."""
    form = staff.get(change_address(row)).context["adminform"].form
    filled = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in filled.items() if value not in (None, False)}


def change_address(row: Any) -> str:
    return reverse(f"admin:segments_{row._meta.model_name}_change", args=[row.pk])


def edit(staff: Browser, row: Any, **fields: Any) -> Any:
    """Open the row's form, fill in these fields and send it."""
    return staff.post(change_address(row), {**opened(staff, row), **fields}, follow=True)


def text(response: Any) -> str:
    return unescape(response.content.decode())


def test_it_saves_a_segment_and_says_its_size(staff: Browser, people: Caller) -> None:
    response = add(
        staff, "audiencesegment", segment_form(properties='{"gender": "F"}', exclusions='{"region": ["east"]}')
    )
    segment = AudienceSegment.objects.get()

    assert "“Women” selects 2 audiences now." in text(response)
    assert (segment.properties, segment.exclusions) == ({"gender": "F"}, {"region": ["east"]})
    assert (segment.computed_size, segment.declared_size) == (2, None)
    assert people.get(f"/audiences/segments/{segment.pk}").json()["approximated_size"] == 2
    assert segment.sizes.count() == 1
    change = Change.objects.get(kind="segment")
    assert (change.action, change.actor, change.after["name"]) == ("created", "staff sora", "Women")


def test_it_warns_of_what_a_clause_cannot_resolve(staff: Browser, people: Caller) -> None:
    response = add(staff, "audiencesegment", segment_form(properties='{"gendr": ["F"]}'))

    assert "“Women” selects 0 audiences now." in text(response)
    assert "/properties/gendr: No attribute has the code 'gendr'; nobody is selected. Did you mean 'gender'?" in text(
        response
    )


def test_it_refuses_warnings_where_the_installation_is_strict(staff: Browser, people: Caller, settings: Any) -> None:
    settings.A2_STRICT = True
    response = add(staff, "audiencesegment", segment_form(properties='{"gendr": ["F"]}'))

    assert "No attribute has the code 'gendr'" in text(response)
    assert not AudienceSegment.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("properties", "{gender: F}", "This is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        ("properties", '["F"]', "Send a JSON object."),
        ("properties", '{"a": 1, "a": 2}', "The key 'a' stands twice in one object. Send it once."),
        ("properties", '{"a": NaN}', "NaN is not JSON. Send a number or null."),
        ("properties", '{"a": "\\u0000"}', "/a: The text has a NUL character. Leave it out."),
        ("exclusions", '{"a": "\\ud800"}', "half of a surrogate pair"),
        ("deprecated_properties", "[" * 40 + "]" * 40, "The JSON is nested more than 32 levels deep."),
        ("properties", json.dumps({"a": ["x"] * 1001}), "/properties/a: Send at most 1000 values under one code."),
        ("name", "\u200b\u200b", "Give a text of 1 to 1,000 characters that can be seen."),
        ("name", "x" * 1001, "Send at most 1,000 characters."),
        ("name", "a\u202eb", "The text has a control or text-direction character. Leave it out."),
        ("name", "", "This field is required."),
        ("description", "a\u0007b", "The text has a control or text-direction character. Leave it out."),
        ("declared_size", "-1", "Send a whole number from 0 to 9223372036854775807."),
        ("declared_size", "99999999999999999999", "9223372036854775807"),
        ("owner", "3c90c3cc-0d44-4b50-8888-8dd25736052a", "Select a valid choice."),
        ("management_type", "unmanaged", "Select a valid choice."),
    ],
)  # fmt: skip
def test_it_refuses_what_the_api_refuses_in_the_same_words(
    staff: Browser, people: Caller, field: str, typed: str, told: str
) -> None:
    response = add(staff, "audiencesegment", segment_form(**{field: typed}))

    errors = response.context["adminform"].form.errors
    assert list(errors) == [field]
    assert told in " ".join(errors[field])
    assert not AudienceSegment.objects.exists()


def test_it_shows_what_was_typed_again_when_it_is_refused(staff: Browser, people: Caller) -> None:
    response = add(staff, "audiencesegment", segment_form(properties="{gender: F}"))

    assert "{gender: F}" in text(response)


def test_it_changes_only_the_fields_that_were_changed(
    staff: Browser, people: Caller, draft: Callable[..., dict[str, Any]]
) -> None:
    sent = draft(properties={"b": [1.0, "x"], "gender": ["F"], "a": 1e300}, description="two\nlines")
    segment = AudienceSegment.objects.get(pk=people.post("/audiences/segments", sent).json()["id"])

    edit(staff, segment, name="Renamed", description="two\r\nlines")
    segment.refresh_from_db()
    change = Change.objects.get(kind="segment", action="changed")

    assert (change.before, change.after) == ({"name": "Women in the north"}, {"name": "Renamed"})
    assert (segment.name, segment.description) == ("Renamed", "two\nlines")
    assert json.dumps(segment.properties["b"]) == '[1.0, "x"]'


def test_it_writes_nothing_when_nothing_was_changed(staff: Browser, people: Caller) -> None:
    add(staff, "audiencesegment", segment_form(properties='{"gender": "F"}'))
    segment = AudienceSegment.objects.get()

    edit(staff, segment, properties='{\r\n  "gender":   "F"\r\n}')

    assert AudienceSegment.objects.get().revision == segment.revision
    assert Change.objects.filter(kind="segment").count() == 1


def test_it_overwrites_nothing_that_somebody_else_changed_meanwhile(staff: Browser, people: Caller) -> None:
    add(staff, "audiencesegment", segment_form(properties='{"gender": "F"}'))
    segment = AudienceSegment.objects.get()
    form = opened(staff, segment)
    people.patch(f"/audiences/segments/{segment.pk}", {"exclusions": {"tier": ["staff"]}})

    response = staff.post(change_address(segment), {**form, "name": "Renamed"})
    segment.refresh_from_db()

    assert "Somebody changed this while you had it open." in text(response)
    assert (segment.name, segment.exclusions) == ("Women", {"tier": ["staff"]})


def test_it_deletes_a_segment_with_its_sizes_and_keeps_what_it_was(staff: Browser, people: Caller) -> None:
    add(staff, "audiencesegment", segment_form(properties='{"gender": "F"}'))
    add(staff, "audiencesegment", segment_form(name="Two"))
    chosen = [str(pk) for pk in AudienceSegment.objects.values_list("pk", flat=True)]
    body = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}

    staff.post(reverse("admin:segments_audiencesegment_changelist"), body)

    assert not AudienceSegment.objects.exists()
    gone = Change.objects.filter(kind="segment", action="deleted", actor="staff sora")
    assert {change.before["name"] for change in gone} == {"Women", "Two"}


def attribute_form(**fields: Any) -> dict[str, Any]:
    filled = {"code": "plan", "name": "Plan", "owner": str(OWNERS["alice"]), "visibility": "private", "description": ""}
    return {**filled, **fields}


def test_it_registers_an_attribute_and_changes_all_but_its_code(staff: Browser, people: Caller) -> None:
    add(staff, "audienceattribute", attribute_form())
    attribute = AudienceAttribute.objects.get(code="plan")
    edit(staff, attribute, code="other", name="Tariff", deprecated="on")
    attribute.refresh_from_db()

    assert (attribute.code, attribute.name, attribute.deprecated, attribute.learned) == ("plan", "Tariff", True, False)
    assert Change.objects.get(kind="attribute", action="changed").after == {"name": "Tariff", "deprecated": True}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("gender", "The code is taken; a code is unique in the installation."),
        (" plan", "Leave out the spaces around the code."),
        ("x" * 33, "Send at most 32 characters."),
    ],
)
def test_it_refuses_a_code_as_the_api_does(staff: Browser, people: Caller, code: str, told: str) -> None:
    response = add(staff, "audienceattribute", attribute_form(code=code))

    assert response.context["adminform"].form.errors == {"code": [told]}


def test_it_registers_a_value_as_matching_reads_it(staff: Browser, people: Caller) -> None:
    attribute = AudienceAttribute.objects.get(code="gender")
    add(staff, "audienceattributevalue", {"attribute": str(attribute.pk), "value": " e\u0301 ", "name": "Other"})
    value = AudienceAttributeValue.objects.get(name="Other")
    edit(staff, value, name="Others")
    again = add(staff, "audienceattributevalue", {"attribute": str(attribute.pk), "value": "\u00e9", "name": ""})

    assert value.value == "\u00e9"
    assert [change.after for change in Change.objects.filter(kind="value", action="changed")] == [{"name": "Others"}]
    assert "The attribute has this value already." in text(again)


def test_it_adds_changes_and_deletes_an_audience(staff: Browser, people: Caller) -> None:
    empty = {"id_type": "account_id", "alt_id": "", "properties": ""}
    add(staff, "audience", {**empty, "id": "p9", "properties": '{"gender": ["F", "F"], "age": 31}'})
    assert people.get("/audiences/get/p9").json()["properties"] == {"age": ["31"], "gender": ["F"]}

    edit(staff, Audience.objects.get(pk="p9"), properties='{"gender": ["M"]}', alt_id='{"crm": 7}')
    changed = people.get("/audiences/get/p9").json()
    assert (changed["properties"], changed["alt_id"]) == ({"gender": ["M"]}, {"crm": 7})

    staff.post(reverse("admin:segments_audience_delete", args=["p9"]), {"post": "yes"})
    assert people.get("/audiences/get/p9").status_code == 404
    again = add(staff, "audience", {**empty, "id": "p1"})
    assert "There is an audience with this id already." in text(again)


def test_it_names_an_owner_and_keeps_one_that_has_segments(staff: Browser, people: Caller) -> None:
    add(staff, "audiencesegment", segment_form())
    alice = Owner.objects.get(pk=OWNERS["alice"])
    edit(staff, alice, name="Alice's shops")
    staff.post(reverse("admin:segments_owner_delete", args=[alice.pk]), {"post": "yes"})

    assert Owner.objects.get(pk=alice.pk).name == "Alice's shops"
    assert Change.objects.get(kind="owner").before == {"name": "Alice"}


def client_form(**fields: Any) -> dict[str, Any]:
    return {"name": "Alice's shop", "owners": [str(OWNERS["alice"])], "allowed_scopes": ["segments:read"], **fields}


def secret_of(response: Any) -> str:
    return text(response).split('id="client-secret">')[1].split("<")[0]


def token(browser: Browser, client: Client, secret: str) -> int:
    body = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    return browser.post("/o/token/", urlencode(body), content_type="application/x-www-form-urlencoded").status_code


def test_it_registers_a_client_and_shows_its_secret_once(staff: Browser, people: Caller) -> None:
    response = add(staff, "client", client_form())
    client = Client.objects.get(name="Alice's shop")
    secret = secret_of(response)

    assert "no-store" in response["Cache-Control"]
    assert len(secret) == 128
    assert token(Browser(), client, secret) == 200
    assert secret not in text(staff.get(reverse("admin:segments_client_change", args=[client.pk])))
    assert (client.allowed_scopes, client.acts_for(OWNERS["alice"])) == (["segments:read"], True)
    change = Change.objects.filter(kind="client").first()
    assert change is not None
    assert (change.actor, change.label) == ("staff sora", "Alice's shop")
    assert secret not in json.dumps(change.after)


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"owners": []}, "owners", "Name the owners it acts for, or make it a platform client."),
        ({"all_owners": "on"}, "owners", "A platform client acts for all owners."),
        ({"allowed_scopes": []}, "allowed_scopes", "Give it one scope at least."),
        ({"allowed_scopes": ["audiences:read"]}, "allowed_scopes", "Only platform clients have audiences:read"),
        ({"name": "platform"}, "name", "A client is called 'platform' already."),
        ({"name": "\u200b"}, "name", "Give a text of 1 to 255 characters that can be seen."),
    ],
)
def test_it_refuses_a_client_that_cannot_be(
    staff: Browser, people: Caller, fields: dict[str, Any], field: str, told: str
) -> None:
    errors = add(staff, "client", client_form(**fields)).context["adminform"].form.errors

    assert list(errors) == [field]
    assert told in " ".join(errors[field])


def test_it_changes_a_client_and_switches_it_off(staff: Browser, api: Callable[..., Caller]) -> None:
    alice = api("alice")
    client = Client.objects.get(name="alice")
    assert alice.get("/audiences/segments").status_code == 200

    edit(staff, client, owners=[str(OWNERS["bob"])], is_active="")
    assert alice.get("/audiences/segments").status_code == 401
    client.refresh_from_db()
    assert (client.is_active, client.acts_for(OWNERS["alice"]), client.acts_for(OWNERS["bob"])) == (False, False, True)
    change = Change.objects.filter(kind="client", action="changed").get()
    assert change.after == {"is_active": False, "owners": [str(OWNERS["bob"])]}


def test_it_makes_a_new_secret_and_the_old_one_gets_no_more_tokens(staff: Browser, owners: dict[str, Owner]) -> None:
    client, old = Client.objects.register("shop", owners=[OWNERS["alice"]], actor=Actor(command="test"))
    address = reverse("admin:segments_client_secret", args=[client.pk])
    assert "Make a new secret" in text(staff.get(address))
    response = staff.post(address)

    assert "no-store" in response["Cache-Control"]
    assert token(Browser(), client, secret_of(response)) == 200
    assert token(Browser(), client, old) == 401


def test_it_deletes_a_client_with_its_tokens(staff: Browser, api: Callable[..., Caller]) -> None:
    alice = api("alice")
    client = Client.objects.get(name="alice")

    staff.post(reverse("admin:segments_client_delete", args=[client.pk]), {"post": "yes"})

    assert alice.get("/audiences/segments").status_code == 401
    assert Change.objects.filter(kind="client", action="deleted", label="alice").exists()


def test_it_tells_who_was_a_moment_too_late(staff: Browser, people: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    from segments.admin.attributes import AttributeForm

    # The moment between the form's check and the write cannot be had otherwise.
    monkeypatch.setattr(AttributeForm, "clean_code", lambda form: form.cleaned_data["code"])
    response = add(staff, "audienceattribute", attribute_form(code="gender"))

    assert "Taken already: 'gender'." in text(response)
    assert AudienceAttribute.objects.filter(code="gender").count() == 1


@pytest.mark.parametrize("model", ["audiencesegment", "audienceattribute", "client", "owner"])
@pytest.mark.parametrize("chosen", [["\0"], ["abc"], ["9" * 40]])
def test_it_refuses_rows_that_cannot_be(staff: Browser, people: Caller, model: str, chosen: list[str]) -> None:
    body = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    response = staff.post(reverse(f"admin:segments_{model}_changelist"), body)

    assert response.status_code in {200, 302, 400}


@pytest.mark.parametrize(
    ("model", "form"),
    [("audiencesegment", {"owner": "x"}), ("audiencesegment", {"owner": "\0"}), ("client", {"owners": ["x"]})],
)
def test_it_refuses_an_owner_that_is_no_id(staff: Browser, people: Caller, model: str, form: dict[str, Any]) -> None:
    assert add(staff, model, {**(segment_form() if model != "client" else client_form()), **form}).status_code in {
        200,
        400,
    }


@pytest.mark.parametrize(
    "path", ["audience/%00/change/", "client/?name__exact=%00", "change/?kind=%00", "owner/?q=%00"]
)
def test_it_refuses_nul_in_an_address(staff: Browser, people: Caller, path: str) -> None:
    assert staff.get(f"/admin/segments/{path}", follow=True).status_code in {200, 400}


def test_it_opens_a_history_by_post_as_little_as_by_get(staff: Browser, people: Caller) -> None:
    add(staff, "audiencesegment", segment_form())
    address = reverse("admin:segments_audiencesegment_history", args=[AudienceSegment.objects.get().pk])

    assert staff.post(address).status_code == 200


def test_it_keeps_an_owner_that_a_client_acts_for(staff: Browser, api: Callable[..., Caller]) -> None:
    api("charlie")
    address = reverse("admin:segments_owner_delete", args=[OWNERS["charlie"]])

    assert "Client: charlie" in text(staff.get(address))
    staff.post(address, {"post": "yes"})
    assert Owner.objects.filter(pk=OWNERS["charlie"]).exists()


def test_it_writes_down_what_staff_did_to_audiences(staff: Browser, people: Caller) -> None:
    add(staff, "audience", {"id": "p9", "id_type": "", "alt_id": "", "properties": '{"gender": "F"}'})
    edit(staff, Audience.objects.get(pk="p9"), properties='{"gender": "M"}')
    staff.post(reverse("admin:segments_audience_delete", args=["p9"]), {"post": "yes"})

    trail = Change.objects.filter(kind="audience", object_id="p9").order_by("pk")
    assert [change.action for change in trail] == ["created", "changed", "deleted"]
    assert trail[1].before == {"properties": {"gender": ["F"]}}


def test_it_lets_nobody_feel_along_a_secret(staff: Browser, api: Callable[..., Caller]) -> None:
    api("alice")
    for query in (
        "segments/client/?client_secret__startswith=sha",
        "oauth2_provider/accesstoken/?token_checksum__gt=0",
    ):
        assert staff.get(f"/admin/{query}").status_code == 400


def test_it_shows_viewers_no_field_of_the_form(people: Caller, draft: Callable[..., dict[str, Any]]) -> None:
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_audiencesegment"))
    people.post("/audiences/segments", draft())
    browser = Browser()
    browser.force_login(viewer)

    page = text(browser.get(change_address(AudienceSegment.objects.get())))
    assert "Seen" not in page
    assert "<textarea" not in page
