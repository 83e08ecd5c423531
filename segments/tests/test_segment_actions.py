"""The list of segments: its columns, filters, actions, and itself as a file."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from segments.models import AudienceSegment, Change, SegmentSize, Tally
from segments.tests.conftest import Caller
from segments.tests.imports import Folder
from segments.tests.test_admin_forms import text

LIST = "/admin/segments/audiencesegment/"
LONG_AGO = timezone.now() - timedelta(days=100)


@pytest.fixture
def women(people: Caller, draft: Callable[..., dict[str, Any]]) -> AudienceSegment:
    body = draft(properties={"gender": ["F"]}, approximated_size=77, name="=Women", management_type="selfmanaged")
    return AudienceSegment.objects.get(pk=people.post("/audiences/segments", body).json()["id"])


@pytest.fixture
def nobody(people: Caller, draft: Callable[..., dict[str, Any]]) -> AudienceSegment:
    body = draft(properties={"gendr": ["F"]}, name="Nobody", created_at=LONG_AGO.isoformat())
    return AudienceSegment.objects.get(pk=people.post("/audiences/segments", body).json()["id"])


def act(staff: Browser, action: str, *segments: AudienceSegment, **more: str) -> Any:
    chosen = [str(each.pk) for each in segments]
    return staff.post(LIST, {"action": action, "_selected_action": chosen, **more}, follow=True)


def used(segment: AudienceSegment | None, days: int, kind: str = "looked up") -> None:
    moment = timezone.now() - timedelta(days=days)
    number = str(segment.no) if segment else "0"
    Tally.objects.create(kind=kind, object_id=number, day=moment.date(), times=7, last_at=moment)


def test_it_says_in_words_how_each_is(staff: Browser, women: AudienceSegment, nobody: AudienceSegment) -> None:
    used(None, 95)
    page = text(staff.get(LIST))

    assert "reaches nobody" in page
    assert "1 warning" in page
    assert page.count("not used for 90 days</span>") == 1
    assert 'class="a2-spark"' in page
    assert "declared" in page


def test_it_filters_those_that_nobody_uses_once_it_can_know(
    staff: Browser, women: AudienceSegment, nobody: AudienceSegment
) -> None:
    def listed() -> list[bool]:
        page = text(staff.get(LIST, {"use": "none"}))
        return [str(each.pk) in page for each in (women, nobody)]

    used(None, 10)
    assert listed() == [False, False]
    used(None, 95)
    assert listed() == [False, True]
    used(nobody, 80, "exported")
    assert listed() == [False, False]


def listed(staff: Browser, **query: str) -> list[str]:
    return [str(row) for row in staff.get(LIST, query).context["cl"].result_list]


def test_it_filters_those_of_an_owner(
    staff: Browser, women: AudienceSegment, people: Caller, draft: Callable[..., dict[str, Any]]
) -> None:
    other = draft(name="Bob's", owner_id="b0b00000-0000-4000-8000-000000000002")
    assert people.post("/audiences/segments", other).status_code == 200
    chosen = {"owner__id__exact": other["owner_id"]}

    assert listed(staff, **chosen) == ["Bob's"]
    assert "?owner__id__exact=" + other["owner_id"] in text(staff.get(LIST))


def test_it_filters_those_with_a_warning_of_any_kind(
    staff: Browser,
    women: AudienceSegment,
    nobody: AudienceSegment,
    people: Caller,
    draft: Callable[..., dict[str, Any]],
) -> None:
    some = draft(name="Some", properties={"gender": ["F", "X"]})
    assert people.post("/audiences/segments", some).json()["approximated_size"] == 3

    assert listed(staff, attention="warned") == ["Nobody", "Some"]
    assert listed(staff, attention="nobody") == ["Nobody"]


def test_it_asks_for_as_much_however_many_are_listed(
    staff: Browser, people: Caller, draft: Callable[..., dict[str, Any]]
) -> None:
    def queries(segments: int) -> int:
        body = [draft(properties={"gender": ["F"]}, name=f"No. {n}") for n in range(segments)]
        assert people.post("/audiences/segments/bulk-add", body).status_code == 200
        with CaptureQueriesContext(connection) as seen:
            assert staff.get(LIST).status_code == 200
        return len(seen)

    assert queries(1) == queries(40) <= 24


def test_it_recomputes_what_is_chosen(staff: Browser, women: AudienceSegment, nobody: AudienceSegment) -> None:
    AudienceSegment.objects.filter(pk=women.pk).update(computed_size=1)
    SegmentSize.objects.all().delete()
    told = text(act(staff, "recompute", women, nobody))
    women.refresh_from_db()

    assert "2 sizes were counted. 1 changed." in told
    assert women.computed_size == 3


def test_it_duplicates_what_is_chosen(staff: Browser, women: AudienceSegment) -> None:
    told = text(act(staff, "duplicate", women))
    copy = AudienceSegment.objects.latest("no")

    assert "1 copy was made." in told
    assert (copy.name, copy.properties, copy.declared_size) == ("Copy of =Women", women.properties, 77)
    assert (copy.owner_id, copy.computed_size) == (women.owner_id, 3)
    assert Change.objects.get(object_id=str(copy.pk)).actor == "staff sora"


def test_it_exports_definitions_that_import_with_nothing_changed(
    staff: Browser, women: AudienceSegment, nobody: AudienceSegment, folder: Folder
) -> None:
    before = list(AudienceSegment.objects.order_by("no").values())
    exported = b"".join(act(staff, "export_definitions", women, nobody).streaming_content)
    line = json.loads(exported.splitlines()[0])
    assert (line["id"], line["no"], line["approximated_size"]) == (str(women.pk), women.no, 77)

    assert folder.load("segments", "segments.ndjson", exported).counts == {"unchanged": 2}
    assert list(AudienceSegment.objects.order_by("no").values()) == before


def test_it_copies_nothing_that_a_retirement_took_a_clause_from(
    staff: Browser, people: Caller, women: AudienceSegment
) -> None:
    AudienceSegment.objects.filter(pk=women.pk).update(retired_codes=["tier"])

    assert "took a clause from them: 1" in text(act(staff, "duplicate", women))
    assert AudienceSegment.objects.count() == 1


def test_it_says_what_goes_with_a_segment(staff: Browser, women: AudienceSegment) -> None:
    used(women, 1)
    used(women, 2, "exported")
    told = "with 1 sizes of its history; in 30 days looked up 7 times, exported 7 times"

    assert told in text(act(staff, "delete_selected", women))
    assert told in text(staff.get(reverse("admin:segments_audiencesegment_delete", args=[women.pk])))
    assert AudienceSegment.objects.exists()
    act(staff, "delete_selected", women, post="yes")
    assert not AudienceSegment.objects.exists()


def test_it_hands_out_the_list_as_it_is_filtered(
    staff: Browser, women: AudienceSegment, nobody: AudienceSegment
) -> None:
    def rows(**query: str) -> list[dict[str, str]]:
        content = b"".join(staff.get(reverse("admin:segments_audiencesegment_csv"), query).streaming_content)
        return list(csv.DictReader(io.StringIO(content.decode())))

    assert [row["no"] for row in rows()] == [str(women.no), str(nobody.no)]
    (row,) = rows(q="omen")
    # A spreadsheet would run it as a formula.
    assert (row["name"], row["size"], row["source"]) == ("'=Women", "77", "declared")
    assert row["selects"] == "gender is F"
    assert "Did you mean 'gender'?" in rows(q="gendr")[0]["warnings"]


def test_a_filter_that_there_is_not_leads_back_to_the_list(staff):
    answer = staff.get(reverse("admin:segments_audiencesegment_csv"), {"foo": "bar"})

    assert (answer.status_code, answer["Location"]) == (
        302,
        reverse("admin:segments_audiencesegment_changelist") + "?e=1",
    )
