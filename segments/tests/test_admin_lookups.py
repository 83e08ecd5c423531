"""What the addresses of the admin's lists may ask for, and how what cannot be asked is answered."""

import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.test import Client as Browser
from django.urls import reverse

from segments.models import AudienceAttribute, Owner
from segments.tests.conftest import Caller

LISTS = [
    reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin.site._registry
]
JUNK = [
    "owner__id__exact=foo",
    "owner__id__exact=%00",
    "owner=foo",
    "id__exact=foo",
    "id__in=foo,bar",
    "pk__exact=foo",
    "no__exact=foo",
    "no__gte=" + "9" * 30,
    "attribute__id__exact=foo",
    "of_import__id__exact=foo",
    "user__id__exact=foo",
    "created_at__gte=foo",
    "started_at__gte=foo",
    "started_at__isnull=foo",
    "dry_run__exact=foo",
    "is_active__exact=foo",
    "management_type__exact=foo",
    "kind__exact=%00",
    "attention=foo",
    "use=foo",
    "retired=foo",
    "e=foo",
    "o=foo.-99",
    "p=foo",
    "q=%00",
    "foo=bar",
]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    with caplog.at_level(logging.WARNING):
        yield caplog.records


@pytest.mark.parametrize("path", LISTS)
def test_a_bad_look_up_leads_back_to_the_list_and_leaves_no_traceback(
    staff: Browser, people: Caller, logged: list[logging.LogRecord], path: str
) -> None:
    for query in JUNK:
        answer = staff.get(f"{path}?{query}")
        is_led_back = answer.status_code == 302 and answer["Location"] == f"{path}?e=1"
        is_unreadable = answer.status_code == 400 and "%00" in query
        assert answer.status_code == 200 or is_led_back or is_unreadable, (query, answer.status_code)
    assert [record.getMessage() for record in logged if record.exc_info] == []


def test_a_bad_look_up_of_the_csv_leads_back_to_the_list(staff: Browser) -> None:
    path = reverse("admin:segments_audiencesegment_changelist")

    assert staff.get(f"{path}csv/?owner__id__exact=foo")["Location"] == f"{path}?e=1"


@pytest.mark.parametrize("stored", ["cafe\u0301", "caf\u00e9"])
@pytest.mark.parametrize("typed", ["CAFE\u0301", "af\u00e9"])
def test_names_are_found_in_either_normal_form(
    staff: Browser, api: Callable[..., Caller], draft: Callable[..., dict[str, Any]], stored: str, typed: str
) -> None:
    body = draft(name=f"Men of the {stored} (1)", properties={stored: ["x"]})
    assert api("alice").post("/audiences/segments", body).status_code == 200
    listed = staff.get(f"{reverse('admin:segments_audiencesegment_changelist')}?q={quote(typed)}")

    assert [segment.name for segment in listed.context["cl"].result_list] == [body["name"]]
    Owner.objects.filter(pk=body["owner_id"]).update(name=f"The {stored}")
    AudienceAttribute.objects.create(code="other", name=f"The {stored}", owner_id=body["owner_id"])
    for model in ("owner", "audienceattribute"):
        listed = staff.get(f"{reverse(f'admin:segments_{model}_changelist')}?q={quote(typed)}")
        assert [each.name for each in listed.context["cl"].result_list] == [f"The {stored}"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("loyal", ["Left out", "Taken in"]),
        ("Loyalty tier", ["Left out", "Taken in"]),
        ("L_TIER", ["Left out", "Taken in"]),
        ("unheard_of", ["Unknown"]),
        ("unheard", []),
        ("gold", []),
    ],
)
def test_segments_are_found_by_a_part_of_an_attributes_code_or_name(
    staff: Browser, api: Callable[..., Caller], draft: Callable[..., dict[str, Any]], typed: str, expected: list[str]
) -> None:
    bodies = [
        draft(name="Taken in", properties={"l_tier": ["gold"]}),
        draft(name="Left out", properties={"region": ["north"]}, exclusions={"l_tier": ["gold"]}),
        draft(name="Neither", properties={"region": ["north"]}),
        draft(name="Unknown", properties={"unheard_of": ["x"]}),
    ]
    assert api("alice").post("/audiences/segments/bulk-add", bodies).status_code == 200
    AudienceAttribute.objects.create(code="l_tier", name="Loyalty tier", owner_id=bodies[0]["owner_id"])
    listed = staff.get(f"{reverse('admin:segments_audiencesegment_changelist')}?q={quote(typed)}")

    assert sorted(segment.name for segment in listed.context["cl"].result_list) == expected
