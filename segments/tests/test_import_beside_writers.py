"""Imports that bring their `no` beside clients who write all the while: nobody fails, and no `no` is given twice."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import transaction

from segments import definitions
from segments.definitions import Draft
from segments.models import AudienceAttribute, AudienceSegment
from segments.tests.conftest import OWNERS, TESTS
from segments.tests.imports import load
from segments.tests.threads import PATIENCE, on_its_own_connection, together, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)

ALICE = str(OWNERS["alice"])
OBJECTS, TIMES = 40, 3


def busy(until, write):
    """A client who writes until the event is set: how often each status was answered."""

    def run():
        statuses = Counter()
        while not until.is_set():
            statuses[write(statuses.total()).status_code] += 1
        return statuses

    return run


def beside(writers, load_all):
    """What the imports answer while the writers are at it; all of these are answered 200."""
    done = Event()

    def loaded():
        try:
            return load_all()
        finally:
            done.set()

    outcomes, *statuses = together([loaded, *(busy(done, write) for write in writers)])
    assert [set(each) for each in statuses] == [{200}] * len(writers)
    return outcomes


def segment(number, **fields):
    return {
        "id": str(uuid.uuid4()),
        "management_type": "selfmanaged",
        "name": f"Segment {number}",
        "no": number,
        "owner_id": ALICE,
        **fields,
    }


def attribute(number, **fields):
    return {"code": f"c{number}", "name": "Old", "visibility": "public", "no": number, "owner_id": ALICE, **fields}


def test_segments_with_a_no_come_in_beside_patches_and_creates(folder, api, draft):
    alice, first = api("alice"), [segment(number) for number in range(1000, 1000 + OBJECTS)]
    folder.load("segments", "first.jsonl", first)

    def load_all():
        for time in range(1, TIMES + 1):
            # The first of the new numbers are those that the clients are about to be given.
            ahead = AudienceSegment.objects.order_by("-no")[0].no + 1
            new = [segment(number) for number in range(ahead, ahead + OBJECTS)]
            old = [{**one, "description": f"Time {time}"} for one in first]
            yield folder.load("segments", f"{time}.jsonl", [*old, *new])

    outcomes = beside(
        [
            lambda turn: alice.patch(f"/audiences/segments/{first[turn % OBJECTS]['id']}", {"name": f"Turn {turn}"}),
            lambda turn: alice.patch(f"/audiences/segments/{first[-turn % OBJECTS]['id']}", {"name": f"Back {turn}"}),
            lambda _turn: alice.post("/audiences/segments/bulk-add", [draft(), draft()]),
        ],
        lambda: list(load_all()),
    )

    assert [(outcome.code, outcome.counts) for outcome in outcomes] == [
        (0, {"created": OBJECTS, "updated": OBJECTS})
    ] * TIMES
    numbers = list(AudienceSegment.objects.values_list("no", flat=True))
    assert len(numbers) == len(set(numbers))
    assert alice.post("/audiences/segments", draft()).json()["no"] > max(numbers)


def test_attributes_with_a_no_come_in_beside_patches_creates_and_learners(folder, api):
    platform, first = api("platform"), [attribute(number) for number in range(1000, 1000 + OBJECTS)]
    folder.load("attributes", "first.jsonl", first)
    ids = dict(AudienceAttribute.objects.values_list("code", "pk"))

    def load_all():
        for time in range(1, TIMES + 1):
            ahead = AudienceAttribute.objects.order_by("-no")[0].no + 1
            new = [attribute(number, code=f"n{number}") for number in range(ahead, ahead + OBJECTS)]
            old = [{**one, "description": f"Time {time}"} for one in first]
            yield folder.load("attributes", f"{time}.jsonl", [*old, *new])

    def patch(code, **fields):
        return platform.patch(f"/audiences/attributes/{ids[code]}", fields)

    def learn(turn):
        known, new = f"c{1000 + turn % OBJECTS}", f"learned {turn}"
        return platform.post("/audiences/bulk-add", [{"id": "ana", "properties": {known: f"v{turn}", new: "x"}}])

    outcomes = beside(
        [
            lambda turn: patch(f"c{1000 + turn % OBJECTS}", name=f"Turn {turn}"),
            lambda turn: patch(f"c{1000 + -turn % OBJECTS}", name=f"Back {turn}"),
            lambda turn: platform.post("/audiences/attributes", attribute(0, code=f"created {turn}")),
            learn,
        ],
        lambda: list(load_all()),
    )

    assert [(outcome.code, outcome.receipt["rejected"]) for outcome in outcomes] == [(0, 0)] * TIMES
    numbers = list(AudienceAttribute.objects.values_list("no", flat=True))
    assert len(numbers) == len(set(numbers))
    assert platform.post("/audiences/attributes", attribute(0, code="last")).json()["no"] > max(numbers)


def test_two_imports_that_want_the_same_numbers_wait_for_each_other(folder, api, draft):
    first = api("alice").post("/audiences/segments", draft()).json()["no"] + 1
    wanted = range(first, first + 100)
    files = [folder.file(f"{name}.jsonl", [segment(number) for number in wanted]) for name in "ab"]
    outcomes = together([lambda path=path: load("segments", path) for path in files])

    assert [(outcome.code, outcome.counts) for outcome in outcomes] == [(0, {"created": 100})] * 2
    numbers = list(AudienceSegment.objects.order_by("no").values_list("no", flat=True))
    assert numbers == list(range(first - 1, first + 200))


@pytest.mark.parametrize("ahead", [0, 1])
def test_an_import_waits_for_those_who_were_given_numbers_and_leaves_them_to_them(folder, api, draft, ahead):
    alice = api("alice")
    given = alice.post("/audiences/segments", draft()).json()["no"] + 1
    path = folder.file("segments.jsonl", [segment(given + ahead)])
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert alice.post("/audiences/segments", draft()).json()["no"] == given
            loading = pool.submit(on_its_own_connection, load, "segments", path)
            until_somebody_waits()
            assert alice.post("/audiences/segments/bulk-add", [draft(), draft()]).json()[-1]["no"] == given + 2
        assert loading.result(PATIENCE).counts == {"created": 1}

    assert AudienceSegment.objects.get(name=f"Segment {given + ahead}").no == given + 3
    assert alice.post("/audiences/segments", draft()).json()["no"] == given + 4


def test_a_create_waits_for_an_import_that_moves_the_numbers_and_a_patch_does_not(api, draft):
    alice = api("alice")
    made = alice.post("/audiences/segments", draft()).json()
    far = made["no"] + 1000
    values = {"management_type": "selfmanaged", "name": "Far", "no": far, "owner_id": OWNERS["alice"]}
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            definitions.upsert([Draft(values)], TESTS)
            patched = pool.submit(
                on_its_own_connection, alice.patch, f"/audiences/segments/{made['id']}", {"name": "B"}
            )
            assert patched.result(PATIENCE).status_code == 200
            created = pool.submit(on_its_own_connection, alice.post, "/audiences/segments", draft())
            until_somebody_waits()
        assert created.result(PATIENCE).json()["no"] == far + 1
