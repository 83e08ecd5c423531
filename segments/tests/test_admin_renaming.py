"""Renaming and merging values in the admin: the texts, what would come of it, then the doing; without a script."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from segments import renaming, tasks
from segments.models import Audience, AudienceAttribute, AudienceAttributeValue, AudienceSegment, Change
from segments.tests.test_admin_retiring import messages, opened, sent_back

ATTRIBUTE = "admin:segments_audienceattribute_"
RENAME, MERGE = {"value": "gold", "to": "premium"}, {"value": "gold", "into": "silver"}


@pytest.fixture
def tier(people):
    return AudienceAttribute.objects.get(code="tier")


@pytest.fixture
def segments(api, tier, draft):
    bodies = [
        draft(name="gold", properties={"tier": ["gold"]}),
        draft(name="not gold", properties={"gender": ["F"]}, exclusions={"tier": ["gold"]}),
        draft(name="north", properties={"region": ["north"]}),
    ]
    return api("alice").post("/audiences/segments/bulk-add", bodies).json()


def address(tier, page):
    return reverse(f"{ATTRIBUTE}{page}", args=[tier.pk])


def asked(browser, tier, page, texts):
    return browser.get(address(tier, page), texts).content.decode()


def confirmed(browser, tier, page, texts):
    return browser.post(address(tier, page), sent_back(asked(browser, tier, page, texts)), follow=True)


def words(page):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page))


def cells(page):
    return re.findall(r"<td[^>]*>([^<]*)</td>", page.split("<tbody>")[-1])


@pytest.mark.parametrize("page", ["rename", "merge"])
def test_it_asks_for_the_texts_first(staff, tier, page):
    path = address(tier, page)
    value = AudienceAttributeValue.objects.get(attribute=tier, value="gold")
    from_value = reverse("admin:segments_audienceattributevalue_change", args=[value.pk])

    assert path in opened(staff, reverse(f"{ATTRIBUTE}change", args=[tier.pk]))
    assert f"{path}?value=gold" in opened(staff, from_value)
    asking = opened(staff, f"{path}?value=gold")
    assert re.search('name="value" value="gold"', asking)
    assert '<option value="silver">' in asking
    assert 'name="seen"' not in asking
    assert "errorlist" not in asking


def test_it_shows_what_a_renaming_would_do_and_does_nothing(staff, tier, segments):
    page = asked(staff, tier, "rename", RENAME)

    assert "gold becomes an alias: it is read as premium at once" in words(page)
    assert "2 audiences have it, and are rewritten" in words(page)
    assert "2 segments list it. No size changes." in words(page)
    numbers = [str(segment["no"]) for segment in segments]
    assert cells(page) == [numbers[0], "Alice", "2", "2", numbers[1], "Alice", "2", "2"]
    assert not AudienceAttributeValue.objects.filter(alias_of__isnull=False).exists()


def test_it_shows_which_sizes_a_merge_changes(staff, tier, segments):
    page = asked(staff, tier, "merge", MERGE)

    assert "2 segments list it. The sizes of 2 change." in words(page)
    assert cells(page)[2:4] == ["2", "4"]
    assert cells(page)[6:8] == ["2", "1"]


def test_it_renames_when_it_is_confirmed(staff, tier, segments):
    response = confirmed(staff, tier, "rename", RENAME)

    assert messages(response) == ["'gold' of tier is read as 'premium' from now on."]
    assert response.request["PATH_INFO"] == address(tier, "change")
    assert Audience.objects.get(pk="p1").properties["tier"] == ["premium"]
    assert AudienceSegment.objects.get(name="gold").properties == {"tier": ["premium"]}
    assert Change.objects.get(action="renamed").actor == "staff sora"
    assert "premium also: gold" in words(response.content.decode())
    listed = words(opened(staff, reverse("admin:segments_audienceattributevalue_changelist") + "?q=premium"))
    assert "premium-goldtier" in listed
    assert "Its older texts follow it: gold" in words(asked(staff, tier, "rename", {"value": "premium", "to": "first"}))


def test_it_merges_when_it_is_confirmed(staff, tier, segments):
    response = confirmed(staff, tier, "merge", MERGE)

    assert messages(response) == ["'gold' of tier is read as 'silver' from now on."]
    assert Audience.objects.get(pk="p4").properties["tier"] == ["silver", "staff"]
    assert AudienceSegment.objects.get(name="not gold").computed_size == 1


def test_it_does_nothing_when_the_segments_are_no_longer_those_that_were_shown(api, staff, tier, segments):
    form = sent_back(asked(staff, tier, "merge", MERGE))
    api("alice").patch(f"/audiences/segments/{segments[0]['id']}", {"properties": {"tier": ["bronze"]}})
    response = staff.post(address(tier, "merge"), form, follow=True)

    assert "changed meanwhile" in messages(response)[0]
    assert "1 segment lists it" in words(response.content.decode())
    assert not Change.objects.filter(action="merged").exists()


def test_it_does_nothing_for_a_form_that_shows_nothing_first(staff, tier):
    page = staff.post(address(tier, "rename"), RENAME).content.decode()

    assert "What it would do" in page
    assert not Change.objects.filter(action="renamed").exists()


@pytest.mark.parametrize(
    ("page", "texts", "told"),
    [
        (
            "rename",
            {"value": "gold", "to": "silver"},
            "has the value &#x27;silver&#x27; already. Merge the two instead",
        ),
        ("rename", {"value": "gold", "to": " gold"}, "is the value itself. Send another one."),
        ("rename", {"value": "gold", "to": ""}, "This field is required."),
        ("rename", {"value": "gold", "to": "a\0b"}, "character"),
        ("rename", {"value": "platinum", "to": "x"}, "no such value"),
        ("merge", {"value": "gold", "into": "platinum"}, "has no value &#x27;platinum&#x27;. Add it first"),
    ],
)
def test_it_says_why_it_cannot_be_done(staff, tier, page, texts, told):
    answer = asked(staff, tier, page, texts)

    assert told in "".join(re.findall('<ul class="errorlist.*?</ul>', answer, re.S)), answer
    assert 'name="seen"' not in answer


@pytest.mark.parametrize(
    ("role", "status", "page", "texts"),
    [
        ("Viewer", 403, "rename", RENAME),
        ("Segment editor", 403, "merge", MERGE),
        ("Catalogue manager", 200, "merge", MERGE),
        ("Administrator", 200, "rename", RENAME),
    ],
)
def test_it_is_for_those_who_keep_the_catalogue(tier, segments, staff, role, status, page, texts):
    user = User.objects.create_user("jun", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(user)
    form = sent_back(asked(staff, tier, page, texts))

    shown = browser.get(address(tier, page), texts)
    assert shown.status_code == status
    assert browser.post(address(tier, page), form).status_code == 403
    assert not Change.objects.filter(action__in=["renamed", "merged"]).exists()
    own = sent_back(shown.content.decode()) if status == 200 else form
    assert browser.post(address(tier, page), own).status_code == (302 if status == 200 else 403)
    assert Change.objects.filter(action__in=["renamed", "merged"]).exists() == (status == 200)
    catalogue = opened(browser, address(tier, "change"))
    assert (address(tier, page) in catalogue) == (status == 200)
    assert Browser().get(address(tier, page))["Location"].startswith("/admin/login/")


def test_it_shows_how_far_the_worker_has_come(staff, tier, segments, monkeypatch):
    monkeypatch.setattr(renaming, "AT_ONCE", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT procrastinate_register_worker_v1()")
    response = confirmed(staff, tier, "rename", RENAME)
    page = response.content.decode()

    assert (response.request["PATH_INFO"], response.request["QUERY_STRING"]) == (address(tier, "rewriting"), "of=2")
    assert "0 of 2 audiences are rewritten" in words(page)
    assert 'data-again="2"' in page
    assert "2 audiences are still to be rewritten" in words(opened(staff, address(tier, "change")))
    tasks.settle_values(**ProcrastinateJob.objects.get(task_name="segments.tasks.settle_values").args)
    page = opened(staff, address(tier, "rewriting") + "?of=2")
    assert "No audience has an older text any more." in words(page)
    assert "data-again" not in page
    assert "still to be rewritten" not in opened(staff, address(tier, "change"))


@pytest.mark.parametrize("of", ["", "x", "-1", "1" * 5000, "٣"])
def test_it_shows_what_is_left_where_nobody_says_how_many_there_were(staff, tier, of):
    assert "No audience has an older text" in opened(staff, f"{address(tier, 'rewriting')}?of={of}")
