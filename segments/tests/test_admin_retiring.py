"""Retiring in the admin: what would come of it first, then the doing; without a script."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import reverse

from segments.models import AudienceAttribute, AudienceSegment, Change


@pytest.fixture
def region(people):
    return AudienceAttribute.objects.get(code="region")


@pytest.fixture
def north(api, region, draft):
    body = draft(properties={"gender": ["F"], "region": ["north", "east"]})
    return AudienceSegment.objects.get(pk=api("alice").post("/audiences/segments", body).json()["id"])


def address(region):
    return reverse("admin:segments_audienceattribute_retire", args=[region.pk])


def opened(browser, path):
    return browser.get(path).content.decode()


def sent_back(page):
    """The form of a page as a browser without scripts sends it."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def messages(response):
    return [str(message) for message in response.context["messages"]]


def test_it_lists_the_segments_with_their_sizes_and_changes_nothing(staff, region, north):
    page = opened(staff, address(region))

    assert reverse("admin:segments_audiencesegment_change", args=[north.pk]) in page
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page.split("<tbody>")[-1])
    assert cells == [str(north.no), "Alice", "2", "0"]
    assert "1 segment is touched" in page
    assert AudienceSegment.objects.get().properties == north.properties
    assert address(region) in opened(staff, reverse("admin:segments_audienceattribute_change", args=[region.pk]))


def test_it_retires_when_it_is_confirmed(staff, region, north):
    response = staff.post(address(region), sent_back(opened(staff, address(region))), follow=True)

    assert messages(response) == ["Retired region. 1 segment selects nobody until it is saved again."]
    stored = AudienceSegment.objects.get()
    assert (stored.properties, stored.computed_size, stored.retired_codes) == ({"gender": ["F"]}, 0, ["region"])
    assert Change.objects.get(action="retired").actor == "staff sora"
    listed = opened(staff, reverse("admin:segments_audiencesegment_changelist") + "?retired=yes")
    assert "Women in the north" in listed
    assert "1 warning" in listed


def test_it_does_nothing_when_the_segments_are_no_longer_those_that_were_shown(api, staff, region, north, draft):
    form = sent_back(opened(staff, address(region)))
    api("alice").patch(f"/audiences/segments/{north.pk}", {"properties": {"region": ["south"]}})
    response = staff.post(address(region), form, follow=True)

    assert "changed meanwhile" in messages(response)[0]
    assert response.request["PATH_INFO"] == address(region)
    assert not AudienceAttribute.objects.get(code="region").deprecated
    assert messages(staff.post(address(region), sent_back(response.content.decode()), follow=True)) == [
        "Retired region. 1 segment selects nobody until it is saved again."
    ]


def test_it_says_when_no_segment_selects_by_it(staff, region):
    assert "No segment selects by it." in opened(staff, address(region))


def test_it_lists_the_first_of_very_many_and_retires_the_attribute_from_all(api, staff, region, draft, monkeypatch):
    monkeypatch.setattr("segments.admin.retiring.SHOWN", 2)
    bodies = [draft(name=f"No. {n}", properties={"region": ["north"]}) for n in range(1_003)]
    made = [api("alice").post("/audiences/segments/bulk-add", some).json() for some in (bodies[:1_000], bodies[1_000:])]
    page = opened(staff, address(region))

    assert page.count('<th scope="row">') == 2
    assert "1,003 segments are touched" in page
    assert "1,001 more are touched" in page
    assert 'audiencesegment/?q=region"' in page
    api("alice").patch(f"/audiences/segments/{made[1][2]['id']}", {"properties": {"region": ["south"]}})
    assert "changed meanwhile" in messages(staff.post(address(region), sent_back(page), follow=True))[0]
    again = staff.post(address(region), sent_back(opened(staff, address(region))), follow=True)
    assert messages(again) == ["Retired region. 1,003 segments select nobody until they are saved again."]
    assert AudienceSegment.objects.filter(retired_codes=["region"], computed_size=0).count() == 1_003


@pytest.mark.parametrize("changes", [{}, {"properties": '{"gender": ["M"]}'}])
def test_saving_the_form_of_a_segment_lets_it_select_again(staff, region, north, changes):
    staff.post(address(region), sent_back(opened(staff, address(region))))
    path = reverse("admin:segments_audiencesegment_change", args=[north.pk])
    form = staff.get(path).context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    sent = {name: "" if value is None else value for name, value in shown.items()}
    response = staff.post(path, {**sent, "properties": '{"gender": ["F"]}', **changes}, follow=True)

    assert messages(response)[0].startswith("“Women in the north” selects 3 audiences now; before the change it was 0")
    assert AudienceSegment.objects.get().retired_codes == []


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (["change_audienceattribute", "view_audiencesegment"], 200),
        (["change_audienceattribute"], 403),
        (["view_audienceattribute", "view_audiencesegment"], 403),
    ],
)
def test_it_is_for_staff_who_may_change_attributes_and_see_segments(region, north, permissions, status):
    user = User.objects.create_user("jun", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Browser()
    browser.force_login(user)

    assert browser.get(address(region)).status_code == status
    assert browser.post(address(region)).status_code == (302 if status == 200 else 403)
    page = opened(browser, reverse("admin:segments_audienceattribute_change", args=[region.pk]))
    assert (address(region) in page) == (status == 200)
    assert Browser().get(address(region))["Location"].startswith("/admin/login/")
