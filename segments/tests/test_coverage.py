"""How many audiences have an attribute and its values, as staff see it."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from segments import coverage
from segments.models import AudienceAttribute, AudienceAttributeValue, Owner
from segments.tests.conftest import Caller

LIST = reverse("admin:segments_audienceattribute_changelist")


def said(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def test_it_lists_the_share_of_audiences_that_have_an_attribute(staff: Browser, people: Caller) -> None:
    page = staff.get(LIST).content.decode()
    shares = dict(
        zip(
            re.findall(r'class="field-code[^"]*"><a[^>]*>([^<]+)', page),
            re.findall(r'class="field-covered[^"]*">([^<]+)', page),
            strict=True,
        )
    )

    assert {code: share.strip() for code, share in shares.items()} == {
        "gender": "100 %",
        "region": "100 %",
        "tier": "83 %",
    }


def test_it_shows_the_commonest_values_with_their_labels(staff: Browser, people: Caller) -> None:
    AudienceAttributeValue.objects.filter(value="silver").update(name="Silver")
    attribute = AudienceAttribute.objects.get(code="tier")
    told = said(staff.get(reverse("admin:segments_audienceattribute_change", args=[attribute.pk])))

    assert "83 % 5 of 6 audiences have it, just now" in told
    assert "gold 2 · 33 % Silver silver 2 · 33 % bronze 1 · 17 % staff 1 · 17 %" in told
    assert "All 4 values" in told


def test_it_counts_an_audience_with_two_values_once(people: Caller) -> None:
    found = coverage.spread(AudienceAttribute.objects.get(code="tier"))

    assert found is not None
    assert (found.having, sum(each.audiences for each in found.values), found.total) == (5, 6, 6)


def test_it_leaves_out_attributes_with_too_many_values(
    staff: Browser, people: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "MOST_ON_ITS_PAGE", 3)
    attributes = [AudienceAttribute.objects.get(code=code) for code in ("tier", "gender")]

    found = coverage.coverage(attributes, most=3)
    assert [each.having for each in found.covered] == [None, 6]
    told = said(staff.get(reverse("admin:segments_audienceattribute_change", args=[attributes[0].pk])))
    assert "It has too many values to count them here." in told


def test_it_shows_an_attribute_that_nobody_has(staff: Browser, owners: dict[str, Owner]) -> None:
    attribute = AudienceAttribute.objects.create(code="new", name="New", owner=owners["alice"])

    assert "No audience has a value of it." in said(
        staff.get(reverse("admin:segments_audienceattribute_change", args=[attribute.pk]))
    )
