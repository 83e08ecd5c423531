"""What the segment form asks the server for while staff build: suggestions, and what the clauses come to."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments import audiences
from segments.expressions import Known, evaluate, parse, resolve
from segments.funnel import funnel
from segments.matching import Clauses
from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment
from segments.store import ProfileChange, store
from segments.tests import strategies as some
from segments.tests.conftest import OWNERS, Caller
from segments.tests.test_admin_forms import edit, text

ADDRESS = "admin:segments_audiencesegment_"


def found(staff: Browser, what: str, **query: str) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = staff.get(reverse(ADDRESS + what), query).json()["found"]
    return listed


def estimate(staff: Browser, properties: Any, exclusions: Any = None, owner: str = OWNERS["alice"]) -> Any:
    texts = [each if isinstance(each, str) else json.dumps(each or {}) for each in (properties, exclusions)]
    form = {"owner": str(owner), "properties": texts[0], "exclusions": texts[1]}
    return staff.post(reverse(f"{ADDRESS}estimate"), form).json()


def test_it_suggests_attributes_by_code_and_name_the_likeliest_first(staff: Browser, people: Caller) -> None:
    AudienceAttribute.objects.filter(code="tier").update(name="Loyalty, regional")

    assert [each["text"] for each in found(staff, "codes", q="REG")] == ["region", "tier"]
    assert found(staff, "codes", q="tier") == [{"text": "tier", "name": "Loyalty, regional", "note": ""}]
    assert found(staff, "codes", q="nothing of the kind") == []


def test_it_suggests_what_the_owner_may_use_and_nothing_of_others(staff: Browser, people: Caller) -> None:
    AudienceAttribute.objects.filter(code="tier").update(owner=OWNERS["bob"], visibility="private")

    for owner, expected in ((OWNERS["alice"], []), (OWNERS["bob"], ["tier"]), ("", []), ("no id", [])):
        assert [each["text"] for each in found(staff, "codes", q="tier", owner=str(owner))] == expected
        assert bool(found(staff, "values", code="tier", owner=str(owner))) == bool(expected)


def test_it_suggests_the_commonest_values_with_how_many_have_each(staff: Browser, people: Caller) -> None:
    AudienceAttributeValue.objects.create(attribute=AudienceAttribute.objects.get(code="tier"), value="none yet")

    assert [(each["text"], each["note"]) for each in found(staff, "values", code="tier")] == [
        ("gold", "2"), ("silver", "2"), ("bronze", "1"), ("staff", "1"), ("none yet", "0"),
    ]  # fmt: skip


def test_it_finds_a_value_among_thousands_by_its_text_or_label(
    staff: Browser, people: Caller, django_assert_max_num_queries: Any
) -> None:
    rows = [{"id": f"v{n}", "properties": {"zip": [f"{n:05}"]}} for n in range(3000)]
    assert people.post("/audiences/bulk-add", rows).status_code == 200
    AudienceAttributeValue.objects.filter(value="02718").update(name="Cambridge")

    with django_assert_max_num_queries(24):
        assert len(found(staff, "values", code="zip")) == 20
        hits = found(staff, "values", code="zip", q="271")
    assert {"text": "00271", "name": "", "note": "1"} in hits
    assert {each["text"] for each in hits} == {"00271", "01271", "02271", "02710", "02711", "02712", "02713", "02714",
        "02715", "02716", "02717", "02718", "02719"}  # fmt: skip
    assert found(staff, "values", code="zip", q="cambr") == [{"text": "02718", "name": "Cambridge", "note": "1"}]


@pytest.mark.parametrize("query", [{"q": "\0"}, {"code": "\0"}, {"q": "%"}, {"q": "_"}, {"owner": "\0"}])
def test_it_suggests_nothing_for_what_nobody_can_mean(staff: Browser, people: Caller, query: dict[str, str]) -> None:
    assert found(staff, "values", **{"code": "gender", **query}) == []


def test_it_counts_everyone_each_step_and_the_members_in_one_view(
    staff: Browser, people: Caller, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(14):
        told = estimate(staff, {"gender": ["F", "M"], "region": ["north", "south"]}, {"tier": ["staff"]})

    panel = " ".join(told["panel"].split())
    assert "<strong>3</strong> of 6 audiences, 50 %" in panel
    assert "gender is F or M, and region is north or south, but not tier is staff" in panel
    for step in (
        "6 of the 6 have it; 0 fall away",
        "4 of the 6 have it; 2 fall away",
        "1 of the 4 has it and falls away",
    ):
        assert step in panel
    assert told["warnings"] == []


def test_it_counts_at_each_step_only_those_whom_the_one_before_left(staff: Browser, people: Caller) -> None:
    rows = [{"id": f"e{n}", "properties": {"gender": "X", "region": "east", "tier": "staff"}} for n in range(1, 9)]
    assert people.post("/audiences/bulk-add", rows).status_code == 200
    told = estimate(staff, {"gender": ["F", "M"], "region": ["north", "south"]}, {"tier": ["staff"]})["panel"]

    for step in ("6 of the 14 have it; 8 fall away", "4 of the 6 have it; 2 fall away", "1 of the 4 has it and falls"):
        assert step in " ".join(told.split())
    told = estimate(staff, {"gender": ["X"], "region": ["north"]}, {"tier": ["staff"]})["panel"]
    assert "0 of the 8 have it; 8 fall away" in told
    assert "nobody was left before it" in told


def test_it_tells_each_warning_with_its_place(staff: Browser, people: Caller) -> None:
    told = estimate(staff, {"gender": ["F", None]}, {"regin": "north"})

    assert [each["at"] for each in told["warnings"]] == ["/properties/gender/1", "/exclusions/regin"]
    assert "Did you mean 'region'?" in told["warnings"][1]["told"]
    assert "cannot be resolved, so nobody is left" in told["panel"]
    assert "nobody is selected. Add an attribute" in estimate(staff, {})["panel"]


@pytest.mark.parametrize(
    ("more", "without"), [({"region": []}, {}), ({}, {"region": []}), ({"region": []}, {"tier": []})]
)
def test_it_leaves_the_size_as_it_is_while_a_line_has_no_value(
    staff: Browser, people: Caller, more: dict[str, Any], without: dict[str, Any]
) -> None:
    AudienceAttribute.objects.filter(code="region").update(name="Region")
    told = estimate(staff, {"gender": ["F"], **more}, without)

    size = estimate(staff, {"gender": ["F"]})["panel"].split("</strong>")[0]
    assert told["panel"].split("</strong>")[0] == size
    assert "<strong>0" not in size
    assert "cannot be resolved" not in told["panel"]
    assert "Saved as it is, the segment selects nobody" in told["panel"]
    begun = [f"/properties/{code}" for code in more] + [f"/exclusions/{code}" for code in without]
    assert told["warnings"] == [
        {"at": at, "told": "Choose a value. Until then this line is not counted."} for at in begun
    ]
    assert told["names"]["region"] == {"": "Region"}


def test_it_warns_of_a_line_without_a_value_when_it_is_saved(
    staff: Browser, people: Caller, draft: Callable[..., dict[str, Any]]
) -> None:
    people.post("/audiences/segments", draft(properties={"gender": ["F"]}))
    page = text(edit(staff, AudienceSegment.objects.get(), exclusions='{"region": []}'))

    assert "has an empty list; nobody is selected." in page
    assert "selects 0 audiences now" in page


def test_it_names_codes_and_values_for_those_who_may_know(staff: Browser, people: Caller) -> None:
    AudienceAttribute.objects.filter(code="tier").update(owner=OWNERS["bob"], visibility="private", name="Secret")
    AudienceAttribute.objects.filter(code="gender").update(name="Gender")
    AudienceAttributeValue.objects.filter(value="F").update(name="Female")
    AudienceAttributeValue.objects.filter(value="gold").update(name="Secret, too")

    told = estimate(staff, {"gender": ["F"], "tier": ["gold"]})
    assert told["names"] == {"gender": {"": "Gender", "F": "Female"}}


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ("{gender: F}", "This is not JSON"),
        ('["F"]', "/properties: Send a JSON object."),
        ({"a": ["x"] * 1001}, "/properties/a: Send at most 1000 values under one code."),
        ('{"a": "\\u0000"}', "The text has a NUL character."),
    ],
)
def test_it_says_in_the_panel_what_cannot_be_read(staff: Browser, people: Caller, properties: Any, words: str) -> None:
    assert words in estimate(staff, properties)["panel"]


@pytest.mark.parametrize("codename", [None, "view_audiencesegment"])
def test_it_answers_only_who_may_build(people: Caller, codename: str | None) -> None:
    vera = User.objects.create_user("vera", is_staff=True)
    if codename:
        vera.user_permissions.add(Permission.objects.get(codename=codename))
    browser = Browser()
    assert browser.get(reverse(f"{ADDRESS}codes")).status_code == 302
    browser.force_login(vera)

    assert browser.get(reverse(f"{ADDRESS}codes")).status_code == 403
    assert browser.get(reverse(f"{ADDRESS}values"), {"code": "gender"}).status_code == 403
    assert browser.post(reverse(f"{ADDRESS}estimate"), {"properties": "{}"}).status_code == 403


def test_it_takes_an_estimate_from_its_own_pages_alone(staff: Browser, people: Caller) -> None:
    strict = Browser(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="sora"))

    assert strict.post(reverse(f"{ADDRESS}estimate"), {"properties": "{}"}).status_code == 403
    assert staff.get(reverse(f"{ADDRESS}estimate")).status_code == 405


def test_it_says_what_a_change_did_to_the_size(
    staff: Browser, people: Caller, draft: Callable[..., dict[str, Any]]
) -> None:
    people.post("/audiences/segments", draft(properties={"gender": ["F"]}))
    # Since the size was counted somebody came; that is not the change's doing.
    people.post("/audiences/bulk-add", [{"id": "p7", "properties": {"gender": "F", "region": "east"}}])

    page = text(edit(staff, AudienceSegment.objects.get(), exclusions='{"region": ["east"]}'))
    assert "“Women in the north” selects 2 audiences now; before the change it was 4 (−2)." in page
    page = text(edit(staff, AudienceSegment.objects.get(), name="Women"))
    assert "“Women” selects 2 audiences now." in page


@pytest.mark.django_db
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(some.audience_properties(), min_size=1, max_size=6), some.definitions())
def test_it_narrows_everyone_down_as_the_reference_does(
    owners: Any, profiles: list[dict[str, list[str]]], definition: some.Definition
) -> None:
    store().erase([profile.id for profile in store().page(None, 100)])
    audiences.upsert([ProfileChange(f"u{n}", properties=each) for n, each in enumerate(profiles)])
    known = {
        code: Known(set(AudienceAttributeValue.objects.filter(attribute__code=code).values_list("value", flat=True)))
        for code in AudienceAttribute.objects.values_list("code", flat=True)
    }
    clauses = resolve(parse(*definition), known)

    counted = funnel(Clauses(OWNERS["alice"], *definition))
    left = list(profiles)
    for stage, clause in zip(counted.stages, clauses.clauses, strict=True):
        left = [each for each in left if evaluate(clause.expression, each)]
        assert stage.left == len(left)
    assert counted.total == len(profiles)
    assert counted.size == sum(evaluate(clauses.tree, each) for each in profiles)
