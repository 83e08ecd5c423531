"""The pages of one segment: its size, whom it selects and why, what was changed, and the way back."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from segments import tallying
from segments.models import AudienceAttribute, AudienceSegment, Change, SegmentSize
from segments.tests.conftest import Caller
from segments.tests.test_admin_forms import edit, text

TABS = ("overview", "composition", "members", "overlap", "history", "change")
DRAWN = re.compile(r"\?audience_id=([^\"&]+)")


@pytest.fixture
def segment(people: Caller, draft: Callable[..., dict[str, Any]]) -> AudienceSegment:
    """The women, none of them of the east."""
    body = draft(properties={"gender": ["F"]}, exclusions={"region": ["east"]})
    return AudienceSegment.objects.get(pk=people.post("/audiences/segments", body).json()["id"])


def address(segment: AudienceSegment, name: str, *more: str) -> str:
    return reverse(f"admin:segments_audiencesegment_{name}", args=[segment.pk, *more])


def page(staff: Browser, segment: AudienceSegment, name: str, **query: Any) -> str:
    """The words of a page, without its markup."""
    told = unescape(re.sub(r"<[^>]+>", " ", text(staff.get(address(segment, name), query))))
    return " ".join(told.split())


@pytest.mark.parametrize("name", TABS)
def test_it_leads_from_each_page_to_the_others(staff: Browser, segment: AudienceSegment, name: str) -> None:
    told = text(staff.get(address(segment, name)))

    assert [address(segment, each) in told for each in TABS] == [True] * 6
    assert f'href="{address(segment, name)}" aria-current="page"' in told


@pytest.mark.parametrize("name", TABS[:5])
def test_it_asks_for_as_much_however_many_there_are(
    staff: Browser, segment: AudienceSegment, people: Caller, name: str, django_assert_max_num_queries: Any
) -> None:
    rows = [{"id": f"v{n}", "properties": {"gender": "F", "zip": str(n), f"a{n % 30}": "x"}} for n in range(300)]
    assert people.post("/audiences/bulk-add", rows).status_code == 200

    with django_assert_max_num_queries(26):
        assert staff.get(address(segment, name)).status_code == 200


def test_it_shows_the_size_of_now_with_its_funnel_and_keeps_it(
    staff: Browser, segment: AudienceSegment, people: Caller
) -> None:
    people.post("/audiences/bulk-add", [{"id": "p7", "properties": {"gender": "F"}}])
    told = page(staff, segment, "overview")
    segment.refresh_from_db()

    assert "3 computed just now" in told
    assert "Everyone 7 gender is F 4" in told
    assert "without region is east 3" in told
    assert segment.computed_size == 3
    assert list(segment.sizes.order_by("as_of").values_list("size", flat=True)) == [2, 3]


def test_it_counts_a_clause_that_was_retired_as_one_that_selects_nobody(
    staff: Browser, segment: AudienceSegment, people: Caller
) -> None:
    attribute = AudienceAttribute.objects.get(code="gender")
    assert people.post(f"/audiences/attributes/{attribute.pk}/retire", {"confirm": True}).status_code == 200
    told = page(staff, segment, "overview")
    segment.refresh_from_db()

    assert "gender 0 cannot be resolved, so nobody is left" in told
    assert "--data" not in told
    assert segment.computed_size == 0


def test_it_draws_the_history_and_marks_where_the_definition_was_changed(
    staff: Browser, segment: AudienceSegment
) -> None:
    now = timezone.now()
    for days, size, revision in ((200, 9, 1), (60, 5, 1), (30, 7, 2)):
        SegmentSize.objects.create(segment=segment, size=size, revision=revision, as_of=now - timedelta(days=days))
    drawn = text(staff.get(address(segment, "overview"), {"days": "90"}))

    # From the size that held at the edge, down to 5 after a third of the time, up to 7 after two thirds.
    assert re.search(r'class="a2-line-edge" d="M0 100H333V500H667V300H1000V800H1000"', drawn), drawn[
        drawn.index("a2-line-edge") :
    ][:200]
    assert drawn.count('class="a2-mark" x1="66.7%"') == 1
    assert "The definition was changed: " in drawn


def test_it_draws_no_size_that_was_counted_once_just_now(staff: Browser, segment: AudienceSegment) -> None:
    told = text(staff.get(address(segment, "overview")))
    assert "Its size was first counted within the last hour." in told
    assert "a2-plot" not in told
    assert "a2-spans" not in told

    SegmentSize.objects.filter(segment=segment).update(as_of=timezone.now() - timedelta(hours=2))
    told = text(staff.get(address(segment, "overview")))
    assert "a2-plot" in told
    assert "a2-spans" in told


def test_it_says_when_it_was_used(staff: Browser, segment: AudienceSegment, people: Caller, monkeypatch: Any) -> None:
    monkeypatch.setattr(tallying, "TALLIES", tallying.Tallies())
    for _time in range(3):
        assert people.get("/audiences/get/p1/segments").status_code == 200
    assert b"".join(people.get(f"/audiences/segments/{segment.pk}/audiences", Accept="text/csv").streaming_content)
    told = page(staff, segment, "overview")
    assert "Looked up not since it was created Exported not since it was created" in told
    AudienceSegment.objects.filter(pk=segment.pk).update(created_at=timezone.now() - timedelta(days=121))
    assert "Looked up not in the last 120 days" in page(staff, segment, "overview")
    tallying.TALLIES.write()
    told = page(staff, segment, "overview")

    assert "Looked up just now ; 3 times in 30 days" in told
    assert "Exported just now ; 1 times in 30 days" in told


def test_it_compares_the_members_with_everyone(staff: Browser, segment: AudienceSegment) -> None:
    told = page(staff, segment, "composition", attribute="region")

    # Two members of six audiences: one of the two from the north is a member, so half of them against a third.
    assert "north 50 % 33 % 150" in told
    assert "south 50 % 33 % 150" in told
    assert "west 0 % 17 % 0" in told
    assert "the most telling ones" in page(staff, segment, "composition", attribute="\0")


def test_it_draws_members_and_explains_each(staff: Browser, segment: AudienceSegment) -> None:
    drawn = DRAWN.findall(text(staff.get(address(segment, "members"))))

    assert sorted(drawn) == ["p1", "p2"]
    assert "All 2 members" in page(staff, segment, "members")
    assert "Yes, a member: p1" in page(staff, segment, "members", audience_id="p1")
    assert "No, not a member: p3" in page(staff, segment, "members", audience_id="p3")
    for nobody in ("nobody", "\0", "x" * 500):
        assert "There is no audience with the id" in page(staff, segment, "members", audience_id=nobody)


def test_it_hands_out_the_members_as_files(staff: Browser, segment: AudienceSegment) -> None:
    csv = staff.get(address(segment, "export", "csv"))

    assert b"".join(csv.streaming_content) == b"id\np1\np2\n"
    assert csv["Content-Disposition"] == f'attachment; filename="segment-{segment.no}.csv"'
    assert b"".join(staff.get(address(segment, "export", "ndjson")).streaming_content) == b'"p1"\n"p2"\n'
    assert staff.get(address(segment, "export", "exe")).status_code == 404


def test_it_shows_members_to_those_alone_who_may_see_audiences(segment: AudienceSegment) -> None:
    vera = User.objects.create_user("vera", is_staff=True)
    vera.user_permissions.add(Permission.objects.get(codename="view_audiencesegment"))
    browser = Browser()
    browser.force_login(vera)

    assert browser.get(address(segment, "members")).status_code == 403
    assert browser.get(address(segment, "export", "csv")).status_code == 403
    assert address(segment, "members") not in text(browser.get(address(segment, "overview")))


def test_it_compares_segments(
    staff: Browser, segment: AudienceSegment, people: Caller, draft: Callable[..., dict[str, Any]]
) -> None:
    for name, clauses in {"North": {"region": ["north"]}, "Gold": {"tier": ["gold"]}}.items():
        people.post("/audiences/segments", draft(name=name, properties=clauses))
    told = page(staff, segment, "overlap")
    assert "North 1 1 1" in told
    assert "Gold 1 1 1" in told
    chosen = page(staff, segment, "overlap", q="nort")
    assert "North 1 1 1" in chosen
    assert "Gold" not in chosen
    assert "Which one?" in page(staff, segment, "overlap", q="alice")
    assert "nothing to compare" in page(staff, segment, "overlap", q="\0")


def test_it_tells_what_was_changed_clause_by_clause(staff: Browser, segment: AudienceSegment) -> None:
    edit(staff, segment, name="Women", properties='{"gender": ["F", "M"], "tier": "gold"}')
    told = page(staff, segment, "history")

    assert "Changed by staff sora" in told
    assert "name Women in the north Women" in told
    assert "include gender F F or M" in told
    assert "include tier gold" in told


def test_it_undoes_a_colleagues_edit_as_a_new_change(staff: Browser, segment: AudienceSegment) -> None:
    edit(staff, segment, exclusions="{}", name="Wider")
    segment.refresh_from_db()
    newest = Change.objects.filter(kind="segment").latest("pk")
    form = {"before": newest.pk, "revision": segment.revision}
    told = text(staff.post(address(segment, "restore"), form, follow=True))
    segment.refresh_from_db()

    assert "“Women in the north” selects 2 audiences now; before the change it was 3 (−1)." in told
    assert (segment.name, segment.exclusions, segment.computed_size) == ("Women in the north", {"region": ["east"]}, 2)
    assert Change.objects.filter(kind="segment").count() == 3
    assert Change.objects.latest("pk").actor == "staff sora"


def test_it_restores_any_version(staff: Browser, segment: AudienceSegment) -> None:
    edit(staff, segment, name="Two", properties='{"gender": ["M"]}')
    edit(staff, segment, name="Three", exclusions="{}")
    segment.refresh_from_db()
    second = Change.objects.filter(kind="segment").order_by("pk")[1]
    staff.post(address(segment, "restore"), {"after": second.pk, "revision": segment.revision})
    segment.refresh_from_db()

    assert (segment.name, segment.properties, segment.exclusions) == ("Two", {"gender": ["M"]}, {"region": ["east"]})


@pytest.mark.parametrize("form", [{}, {"after": "x"}, {"before": "0"}, {"after": 1, "revision": 99}])
def test_it_restores_nothing_that_is_not_what_its_reader_saw(
    staff: Browser, segment: AudienceSegment, form: dict[str, Any]
) -> None:
    told = text(staff.post(address(segment, "restore"), {"revision": segment.revision, **form}, follow=True))

    assert "Somebody changed it meanwhile; nothing was restored." in told
    assert Change.objects.filter(kind="segment").count() == 1


@pytest.mark.parametrize("asked", ["no", "pk", "omen in the n", "region", "Alice"])
def test_it_finds_a_segment_by_whatever_one_has_of_it(staff: Browser, segment: AudienceSegment, asked: str) -> None:
    sought = str(getattr(segment, asked)) if asked in {"no", "pk"} else asked
    listed = text(staff.get(reverse("admin:segments_audiencesegment_changelist"), {"q": sought}))

    assert address(segment, "overview") in listed
    for other in ("tier", "nothing", "9" * 30):
        assert address(segment, "overview") not in text(
            staff.get(reverse("admin:segments_audiencesegment_changelist"), {"q": other}, follow=True)
        )
