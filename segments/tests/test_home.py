"""The first page of the admin: what needs attention with a link to it, and how things stand."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from segments.models import AudienceAttribute, AudienceSegment, AudienceTotal, Import, SegmentSize
from segments.recounting import recount_all
from segments.tests.conftest import Caller

MATTER = re.compile(r'<li><a href="([^"]+)">([^<]+)</a></li>')
Draft = Callable[..., dict[str, Any]]


def matters(staff: Browser) -> dict[str, str]:
    """The sentences of the attention list, and where they lead."""
    page = staff.get("/admin/").content.decode()
    listed = page.split('class="a2-attention"')[1].split("</section>")[0]
    return {unescape(told): unescape(address) for address, told in MATTER.findall(listed)}


def names(staff: Browser, address: str) -> list[str]:
    """The rows of a list."""
    response = staff.get(address)
    assert response.status_code == 200
    return [str(row) for row in response.context["cl"].result_list]


@pytest.fixture
def counted(people: Caller, draft: Draft) -> Caller:
    """Three segments: one with members, one that nobody is in, and one of an unknown attribute."""
    for name, properties in [
        ("Women", {"gender": ["F"]}),
        ("No", {"region": ["west"], "gender": ["F"]}),
        ("Typo", {"gendr": ["F"]}),
    ]:
        assert people.post("/audiences/segments", draft(name=name, properties=properties)).status_code == 200
    recount_all()
    return people


def test_it_has_nothing_to_tell_where_nothing_is_wrong(staff: Browser, people: Caller, draft: Draft) -> None:
    people.post("/audiences/segments", draft(properties={"gender": ["F"]}))
    recount_all()

    assert matters(staff) == {}
    assert "Nothing." in staff.get("/admin/").content.decode()


def test_it_leads_to_segments_that_reach_nobody(staff: Browser, counted: Caller) -> None:
    told = matters(staff)

    assert list(told) == ["1 segment reaches nobody, and warns of a clause", "2 segments reach nobody"]
    assert [sorted(names(staff, address)) for address in told.values()] == [["Typo"], ["No", "Typo"]]


def test_it_says_nothing_of_a_size_that_its_owner_declares(staff: Browser, people: Caller, draft: Draft) -> None:
    body = {"properties": {"gendr": ["F"]}, "management_type": "selfmanaged", "approximated_size": 10}
    people.post("/audiences/segments", draft(**body))
    recount_all()

    assert matters(staff) == {}


@pytest.mark.parametrize(("before", "tells"), [(4, False), (5, True), (30, True)])
def test_it_leads_to_segments_that_fell_by_a_third_in_a_day(
    staff: Browser, people: Caller, draft: Draft, before: int, tells: bool
) -> None:
    created = people.post("/audiences/segments", draft(name="Women", properties={"gender": ["F"]})).json()
    segment = AudienceSegment.objects.get(pk=created["id"])
    for hours, size in [(30, before), (50, 3)]:
        SegmentSize.objects.create(
            segment=segment, size=size, revision=1, as_of=timezone.now() - timedelta(hours=hours)
        )
    recount_all()

    told = matters(staff)
    assert list(told) == (["1 segment is smaller than a day ago by a third or more"] if tells else [])
    assert [names(staff, address) for address in told.values()] == ([["Women"]] if tells else [])
    listed = staff.get("/admin/segments/audiencesegment/").content.decode()
    assert ('<span class="a2-state">fell by a third in a day</span>' in listed) == tells


def test_it_leads_to_segments_that_wait_after_a_retirement(staff: Browser, counted: Caller) -> None:
    attribute = AudienceAttribute.objects.get(code="gender")
    response = counted.post(f"/audiences/attributes/{attribute.pk}/retire", {"confirm": True})
    assert response.status_code == 200

    told = matters(staff)
    address = told["2 segments lost a clause to retirement, and wait to be saved again"]
    assert sorted(names(staff, address)) == ["No", "Women"]


def test_it_leads_to_imports_that_failed_lately(staff: Browser, counted: Caller) -> None:
    now, long_ago = timezone.now(), timezone.now() - timedelta(days=9)
    for state, moment, trial, file in [
        ("failed", now, False, "a.csv"),
        ("failed", now, True, "b.csv"),
        ("failed", long_ago, False, "c.csv"),
        ("refused", now, False, "d.csv"),
        ("done", now, False, "e.csv"),
    ]:
        Import.objects.create(kind="audiences", file=file, state=state, started_at=moment, finished_at=moment, dry_run=trial)  # fmt: skip

    told = matters(staff)
    assert names(staff, told["Imports that failed in 7 days: 1"]) == ["audiences: a.csv"]
    assert names(staff, told["Imports that were refused in 7 days: 1"]) == ["audiences: d.csv"]


def test_it_tells_of_sizes_that_nobody_recounts(staff: Browser, counted: Caller) -> None:
    counted.post("/audiences/bulk-add", [{"id": "new", "properties": {"gender": "F"}}])

    assert any("no worker runs" in told for told in matters(staff))


def test_it_shows_how_many_audiences_there_were_and_are(staff: Browser, counted: Caller) -> None:
    assert AudienceTotal.objects.get().total == 6
    long_ago = timezone.now() - timedelta(days=30)
    AudienceTotal.objects.create(day=long_ago.date(), total=2, at=long_ago)
    counted.post("/audiences/bulk-add", [{"id": "new", "properties": {}}])

    page = staff.get("/admin/")
    assert [(place, total) for place, _moment, total in page.context["page"]["totals"].readings] == [
        (0, "2"),
        (1000, "7"),
    ]
    assert f"{long_ago:%Y-%m-%d %H:%M}" in unescape(page.content.decode())
    assert 'aria-label="How many audiences there were, up to 90 days back"' in page.content.decode()


def test_it_shows_owners_attributes_and_imports(staff: Browser, counted: Caller) -> None:
    Import.objects.create(kind="audiences", file="a.csv", dry_run=True)
    page = re.sub(r"<[^>]+>", " ", staff.get("/admin/").content.decode())
    said = " ".join(page.split())

    assert "Segments by owner Alice 3" in said
    assert "gender 100 %" in said
    assert "tier 83 %" in said
    assert "audiences: a.csv dry run, running, just now" in said


def test_it_asks_no_more_of_the_database_for_more_segments(staff: Browser, counted: Caller, draft: Draft) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert staff.get("/admin/").status_code == 200
        return len(seen)

    before = queries()
    body = [draft(properties={"gendr": ["F"]}, name=f"No. {n}") for n in range(20)]
    assert counted.post("/audiences/segments/bulk-add", body).status_code == 200
    recount_all()
    assert queries() == before


def test_it_shows_nobody_what_they_may_not_look_at(counted: Caller) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_import"))
    browser = Browser()
    browser.force_login(clerk)

    page = browser.get("/admin/").content.decode()
    assert "Recent imports" in page
    for part in ("reaches nobody", "Segments by owner", "How many audiences", "a2-plot"):
        assert part not in page
