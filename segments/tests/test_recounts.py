"""Stored sizes follow what they depend on: noticed, counted, dated; and a failure is seen."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from segments import recounting
from segments.models import AudienceAttributeValue, AudienceHead, AudienceSegment, Recount, SegmentSize
from segments.recounting import SUSTAINED, is_behind, last_recount, recount_if_behind
from segments.tests.threads import elsewhere

HOUR = timedelta(hours=1)


def recount_in_peace() -> None:
    """As the worker does once nothing was written for a while."""
    AudienceHead.objects.update(at=timezone.now() - HOUR)
    Recount.objects.update(began_at=timezone.now() - HOUR, ended_at=timezone.now() - HOUR)
    recount_if_behind()


@pytest.fixture
def women(people, draft) -> AudienceSegment:
    """A segment of three, counted once."""
    made = people.post("/audiences/segments", draft(properties={"gender": ["F"]})).json()
    recount_in_peace()
    return AudienceSegment.objects.get(pk=made["id"])


def listed(caller):
    return caller.get("/audiences/segments").json()[0]


def sizes_of(segment) -> list[int]:
    return list(SegmentSize.objects.filter(segment=segment).order_by("id").values_list("size", flat=True))


def test_many_writes_make_one_recount(people, women):
    for number in range(20):
        people.post("/audiences", {"id": f"q{number}", "properties": {"gender": "F"}})
    recount_in_peace()

    assert listed(people)["approximated_size"] == 23
    assert sizes_of(women) == [3, 23]


def test_while_writes_go_on_it_recounts_now_and_then(people, women):
    people.post("/audiences", {"id": "q1", "properties": {"gender": "F"}})
    recount_if_behind()
    assert sizes_of(women) == [3]

    Recount.objects.update(ended_at=timezone.now() - 2 * SUSTAINED, began_at=timezone.now() - 2 * SUSTAINED)
    recount_if_behind()
    assert sizes_of(women) == [3, 4]


def test_a_recount_that_took_long_is_followed_by_a_rest(people, women):
    people.post("/audiences", {"id": "q1", "properties": {"gender": "F"}})
    AudienceHead.objects.update(at=timezone.now() - HOUR)
    Recount.objects.update(ended_at=timezone.now() - HOUR, began_at=timezone.now() - 2 * HOUR)
    recount_if_behind()
    assert sizes_of(women) == [3]

    Recount.objects.update(ended_at=timezone.now() - 3 * HOUR, began_at=timezone.now() - 4 * HOUR)
    recount_if_behind()
    assert sizes_of(women) == [3, 4]


def test_it_does_nothing_where_nothing_changed(people, women, django_assert_max_num_queries):
    people.post(
        "/audiences/bulk-add", [{"id": "p1", "properties": people.get("/audiences/get/p1").json()["properties"]}]
    )
    assert not is_behind(last_recount())
    with django_assert_max_num_queries(5):
        recount_if_behind()


def test_an_erased_audience_is_noticed(people, women):
    people.delete("/audiences/get/p1")
    recount_in_peace()

    assert listed(people)["approximated_size"] == 2


def test_a_value_that_a_clause_waited_for_is_noticed(people, women, draft):
    """An exclusion with a value that the catalogue lacks selects nobody; no audience is written when it comes."""
    made = people.post("/audiences/segments", draft(properties={"gender": ["M"]}, exclusions={"tier": ["vip"]})).json()
    assert made["approximated_size"] == 0
    recount_in_peace()
    tier = AudienceAttributeValue.objects.filter(attribute__code="tier").first().attribute_id
    people.post(f"/audiences/attributes/{tier}/values", {"value": "vip"})
    recount_in_peace()

    assert people.get("/audiences/segments").json()[1]["approximated_size"] == 3
    assert not is_behind(last_recount())


def test_an_attribute_that_is_public_again_is_noticed(people, women, draft):
    attribute = next(each for each in people.get("/audiences/attributes").json() if each["code"] == "gender")
    address = f"/audiences/attributes/{attribute['id']}"
    people.patch(address, {"visibility": "private"})
    assert listed(people)["approximated_size"] == 0
    people.patch(address, {"visibility": "public"})
    recount_in_peace()

    assert listed(people)["approximated_size"] == 3


def test_it_recounts_once_in_a_database_that_was_restored_elsewhere(people, women):
    """There transactions begin at low numbers again, and those of the changes that come would not be noticed."""
    Recount.objects.update(since=2**60)

    assert is_behind(last_recount())
    recount_in_peace()
    assert not is_behind(last_recount())


def test_the_same_size_keeps_its_date_for_a_while(people, women):
    before = listed(people)["size_as_of"]
    people.post("/audiences", {"id": "q1", "properties": {"gender": "M"}})
    recount_in_peace()
    assert listed(people)["size_as_of"] == before

    AudienceSegment.objects.update(size_as_of=timezone.now() - HOUR)
    people.post("/audiences", {"id": "q2", "properties": {"gender": "M"}})
    recount_in_peace()

    assert listed(people)["size_as_of"] > before
    assert sizes_of(women) == [3]


@pytest.mark.django_db(transaction=True)
def test_only_one_recounts_at_a_time(people, women):
    people.post("/audiences", {"id": "q1", "properties": {"gender": "F"}})
    with recounting.alone() as free:
        assert free
        elsewhere(recount_in_peace)
        assert listed(people)["approximated_size"] == 3
    elsewhere(recount_in_peace)

    assert listed(people)["approximated_size"] == 4


@pytest.mark.django_db(transaction=True)
def test_a_size_that_cannot_be_counted_stays_as_it_is_and_staff_see_why(people, women, staff):
    before = listed(people)
    people.post("/audiences", {"id": "q1", "properties": {"gender": "F"}})

    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1ms'")
        with pytest.raises(OperationalError):
            recount_in_peace()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE segments_audienceattributevalue IN ACCESS EXCLUSIVE MODE")
        elsewhere(fail)

    assert listed(people) == before
    page = staff.get("/admin/segments/audiencesegment/").content.decode()
    assert "Sizes could not be recounted" in page
    assert "canceling statement due to lock timeout" in page
    assert "the last that were counted are shown" in page

    recount_in_peace()
    assert listed(people)["approximated_size"] == 4
    assert "could not be recounted" not in staff.get("/admin/segments/audiencesegment/").content.decode()


def test_staff_see_when_sizes_are_behind_and_no_worker_runs(people, women, staff):
    assert "no worker runs" not in staff.get("/admin/segments/audiencesegment/").content.decode()
    people.post("/audiences", {"id": "q1", "properties": {"gender": "F"}})

    assert "no worker runs" in staff.get("/admin/segments/audiencesegment/").content.decode()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert "no worker runs" not in staff.get("/admin/segments/audiencesegment/").content.decode()
