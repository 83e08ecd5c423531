"""The page of an audience: who it is in words, which segments it is in, and why."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from segments.models import AudienceAttribute, AudienceAttributeValue
from segments.tests.conftest import Caller

Draft = Callable[..., dict[str, Any]]
P1 = reverse("admin:segments_audience_change", args=["p1"])


def said(response: Any) -> str:
    """What the page says in its part about the audience."""
    page = response.content.decode().split('class="a2-about"')[1].split("<form class")[0].split('id="audience_form"')[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def segments(people: Caller, draft: Draft) -> dict[str, str]:
    """Segments by name, with their ids; p1 is a woman in the north, of the gold tier."""
    bodies = [
        draft(name="Women", properties={"gender": ["F"]}),
        draft(name="Not gold", properties={"gender": ["F", "M"]}, exclusions={"tier": ["gold"]}),
        draft(name="Typo", properties={"gendr": ["F"]}),
    ]
    made = people.post("/audiences/segments/bulk-add", bodies).json()
    return {segment["name"]: segment["id"] for segment in made}


def test_it_tells_who_an_audience_is_in_words(staff: Browser, people: Caller) -> None:
    AudienceAttribute.objects.filter(code="gender").update(name="Gender")
    AudienceAttributeValue.objects.filter(value="F").update(name="Female")

    told = said(staff.get(P1))
    assert "Gender gender Female (F)" in told
    assert "tier gold" in told


def test_it_lists_its_segments_and_why(staff: Browser, segments: dict[str, str]) -> None:
    told = said(staff.get(P1))

    assert "In 1 segment just now" in told
    assert "Women no" in told
    assert "gender F F passes" in told
    assert "Not gold" not in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Women", ["Yes, it is in Women", "gender F F passes"]),
        ("Not gold", ["No, it is not in Not gold", "gender F, M F passes", "tier none of gold gold keeps it out"]),
        ("Typo", ["No, it is not in Typo", "gendr nothing that is known nothing keeps it out"]),
    ],
)
def test_it_explains_a_segment_that_is_asked_for(
    staff: Browser, segments: dict[str, str], name: str, words: list[str]
) -> None:
    response = staff.get(P1, {"segment": segments[name]})
    number = response.context["about"]["answer"].segment.no

    for word in words:
        assert word in said(response)
    assert said(staff.get(P1, {"segment": f" {number} "})) == said(response).replace(segments[name], str(number))


@pytest.mark.parametrize(
    "text", ["999", "a" * 300, "9" * 40, "\u0662", "3c90c3cc-0d44-4b50-8888-8dd25736052a", "\0", "<b>"]
)
def test_it_says_that_there_is_no_such_segment(staff: Browser, segments: dict[str, str], text: str) -> None:
    response = staff.get(P1, {"segment": text})

    assert response.status_code == 200
    assert "There is no segment with the no or id" in said(response)
    assert "<b>" not in response.content.decode().split('class="a2-about"')[1]


def test_it_asks_no_more_of_the_database_for_more_segments(staff: Browser, people: Caller, draft: Draft) -> None:
    def queries(count: int) -> int:
        bodies = [draft(name=f"No. {n}", properties={"gender": ["F"]}) for n in range(count)]
        assert people.post("/audiences/segments/bulk-add", bodies).status_code == 200
        staff.get(P1)
        with CaptureQueriesContext(connection) as seen:
            assert staff.get(P1).status_code == 200
        return len(seen)

    assert queries(1) == queries(120)
    assert "In 121 segments" in said(staff.get(P1))
    assert "… and 21 more." in said(staff.get(P1))


def test_it_names_no_segment_to_whom_may_not_look_at_them(segments: dict[str, str]) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_audience"))
    browser = Browser()
    browser.force_login(clerk)

    page = browser.get(P1, {"segment": segments["Women"]}).content.decode()
    assert "gold" in page
    assert "Women" not in page
    assert "<textarea" not in page
