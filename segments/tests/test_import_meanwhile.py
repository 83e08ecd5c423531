"""Imports of audiences beside those who rename and merge values, and write and delete the same audiences, meanwhile."""

import random
from collections.abc import Callable
from threading import Event

import pytest
from django.db import transaction

from segments import renaming, settling, values
from segments.importing.audiences import Audiences
from segments.importing.options import Options
from segments.importing.progress import Silence
from segments.importing.receipt import Receipt
from segments.importing.run import ImportRun
from segments.models import AudienceAttribute, AudienceAttributeValue
from segments.models.changes import Actor
from segments.renaming import Asked
from segments.store import store, upkeep
from segments.tests.conftest import OWNERS, TESTS
from segments.tests.imports import load
from segments.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

IDS = [f"p{number:02}" for number in range(20)]
GOLD = "id,gender,tier\n" + "".join(f"{each},F,gold\n" for each in IDS)


class After(Silence):
    """Has something done after a range was written; the ranges behind it have been looked at by then."""

    def __init__(self, ranges: int, act: Callable[[], object]) -> None:
        self.left, self.act = ranges, act

    def begin(self, phase: str, total: int | None) -> None:
        self.applies = phase == "applying"

    def advance(self, rows: int, done: int | None) -> None:
        self.left -= self.applies
        if self.applies and self.left == 0:
            self.act()


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch):
    monkeypatch.setattr(Audiences, "chunk_rows", 3)


def run(path, progress) -> Receipt:
    return ImportRun(Audiences, str(path), Options(), Actor(command="test"), progress).run()


def switch(value, into, merges=False):
    """Only have the one read as the other; nothing that stands there is rewritten."""
    attribute = AudienceAttribute.objects.get(code="tier")
    with transaction.atomic():
        renaming.switch(Asked(attribute.pk, value, into, merges), TESTS)


def settle():
    settling.settle(AudienceAttribute.objects.get(code="tier").pk, TESTS)


def rows():
    return {profile.id: profile.properties for profile in store().page(None, 10_000)}


def assert_sound():
    assert store().check() == []
    assert list(upkeep.differences()) == []


@pytest.mark.parametrize("merges", [False, True])
@pytest.mark.parametrize("there", ["nobody", "others", "all"])
def test_a_value_that_is_renamed_or_merged_between_two_ranges(folder, there, merges):
    folder.load("audiences", "before.csv", "id,tier\nzoe,gold|premium\n" if merges else "id,tier\nzoe,gold\n")
    if there != "nobody":
        some = IDS if there == "all" else IDS[::2]
        folder.load("audiences", "some.csv", "id,gender,tier\n" + "".join(f"{each},M,gold\n" for each in some))
    receipt = run(folder.file("people.csv", GOLD), After(2, lambda: switch("gold", "premium", merges)))

    assert receipt.applied == len(IDS)
    written_before = [each for each in IDS if rows()[each]["tier"] == ["gold"]]
    assert written_before == IDS[:6]
    settle()
    assert rows() == {each: {"gender": ["F"], "tier": ["premium"]} for each in IDS} | {"zoe": {"tier": ["premium"]}}
    assert not AudienceAttributeValue.objects.current().filter(value="gold").exists()
    assert_sound()


def test_a_value_that_is_renamed_and_called_as_before_while_it_goes_on(folder):
    folder.load("audiences", "before.csv", "id,tier\nzoe,gold\n")
    switch("gold", "premium")

    def back():
        switch("premium", "gold")
        settle()

    run(folder.file("people.csv", GOLD), After(2, back))

    assert {*map(str, (each["tier"] for each in rows().values()))} == {"['gold']"}
    assert_sound()


@pytest.mark.parametrize("rewritten", [False, True])
def test_a_value_that_is_renamed_while_an_import_is_paused(folder, rewritten):
    path = folder.file("people.csv", GOLD)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(path, After(2, interrupt))
    switch("gold", "premium")
    if rewritten:
        settle()

    assert load("audiences", path).counts == {"created": len(IDS)}
    if not rewritten:
        settle()
    assert {*map(str, (each["tier"] for each in rows().values()))} == {"['premium']"}
    assert_sound()


def test_who_is_excluded_by_an_older_text_stays_excluded_all_the_while(folder, api, draft):
    folder.load("audiences", "before.csv", "id,gender,tier\nzoe,F,gold\nyan,F,silver\n")
    alice = api("alice")
    made = alice.post("/audiences/segments", draft(properties={"gender": "F"}, exclusions={"tier": "gold"})).json()
    sizes = []

    def look():
        sizes.append(alice.get(f"/audiences/segments/{made['id']}").json()["approximated_size"])

    class Watches(After):
        def advance(self, rows, done):
            super().advance(rows, done)
            look()

    run(folder.file("people.csv", GOLD), Watches(2, lambda: switch("gold", "premium")))
    settle()
    look()

    assert len(sizes) > 7
    assert {*sizes} == {1}


def test_somebody_comes_into_a_range_that_was_free_when_it_was_looked_at(folder, api):
    platform = api("platform")
    sent = {"id": "p07", "id_type": "cookie", "properties": {"note": "x", "tier": "silver"}}
    receipt = run(folder.file("people.csv", GOLD), After(2, lambda: platform.post("/audiences", sent)))

    assert (receipt.created, receipt.updated) == (len(IDS) - 1, 1)
    assert store().get(["p07"])["p07"].id_type == "cookie"
    assert rows()["p07"] == {"gender": ["F"], "note": ["x"], "tier": ["gold"]}
    assert_sound()


@pytest.mark.parametrize("change", [{"tier": "silver"}, {}, None])
def test_what_is_changed_or_deleted_behind_a_look_is_written_after_it_or_left_alone(folder, api, change):
    path, platform = folder.file("people.csv", GOLD), api("platform")
    load("audiences", folder.file("before.csv", GOLD.replace(",F", ",M")))

    def act():
        if change is None:
            assert platform.delete("/audiences/get/p07").status_code == 204
        else:
            platform.patch("/audiences", {"id": "p07", "properties": change})

    receipt = run(path, After(2, act))

    assert rows()["p07"] == {"gender": ["F"], "tier": ["gold"]}
    assert (receipt.created, receipt.updated) == ((1, len(IDS) - 1) if change is None else (0, len(IDS)))
    assert_sound()


def test_an_attribute_that_is_deleted_after_its_values_were_read_is_learned_again(folder, api):
    platform = api("platform")
    made = platform.post(
        "/audiences/attributes",
        {"code": "tier", "name": "Tier", "visibility": "public", "owner_id": str(OWNERS["alice"])},
    ).json()

    class Deletes(Silence):
        def begin(self, phase, total):
            if phase == "applying":
                assert platform.delete(f"/audiences/attributes/{made['id']}").status_code == 204

    run(folder.file("people.csv", GOLD), Deletes())

    learned = AudienceAttribute.objects.get(code="tier")
    assert (learned.learned, [each.value for each in learned.values.all()]) == (True, ["gold"])


def test_a_value_that_is_deleted_between_ranges_is_learned_again(folder, api):
    gold = {"p00", "p03", "p19"}
    platform = api("platform")

    def delete():
        for each in ("p00", "p03"):
            assert platform.delete(f"/audiences/get/{each}").status_code == 204
        values.delete(AudienceAttribute.objects.get(code="tier").pk, "gold", TESTS)

    people = "".join(f"{each},{'gold' if each in gold else 'silver'}\n" for each in IDS)
    run(folder.file("people.csv", f"id,tier\n{people}"), After(2, delete))

    learned = AudienceAttributeValue.objects.filter(attribute__code="tier").values_list("value", flat=True)
    assert sorted(learned) == ["gold", "silver"]


def test_everybody_at_once(folder, api, monkeypatch):
    monkeypatch.setattr(Audiences, "chunk_rows", 60)
    dice = random.Random("everybody")
    ids = [f"p{number:04}" for number in range(1500)]
    touched, gone = set(dice.sample(ids, 100)), set(dice.sample(ids, 100))
    people = [(each, dice.choice("FM"), dice.choice(["gold", "silver", "gold|bronze", ""])) for each in ids]
    path = folder.file("people.csv", "id,gender,tier\n" + "".join(f"{','.join(one)}\n" for one in people))
    before = "".join(f"{each},F,gold\n" for each in ids[::3])
    folder.load("audiences", "before.csv", f"id,gender,tier\nzoe,F,gold\n{before}")
    platform, done = api("platform"), Event()
    attribute = AudienceAttribute.objects.get(code="tier")

    def until_it_is_done(write):
        def writing():
            turn = 0
            while not done.is_set():
                assert write(turn).status_code in {200, 204, 404, 409}
                turn += 1
            return turn

        return writing

    def rename(turn):
        value, to = ("gold", "premium") if turn % 2 == 0 else ("premium", "gold")
        body = {"value": value, "to": to, "confirm": True}
        return platform.post(f"/audiences/attributes/{attribute.pk}/rename-value", body)

    def write(turn):
        some = dice.sample(sorted(touched), 10)
        return platform.post(
            "/audiences/bulk-add", [{"id": each, "properties": {"note": f"n{turn}", "tier": "gold"}} for each in some]
        )

    def delete(turn):
        return platform.delete(f"/audiences/get/{dice.choice(sorted(gone))}")

    def importing():
        try:
            return load("audiences", path)
        finally:
            done.set()

    outcome, renames, *_turns = together([importing, *map(until_it_is_done, (rename, write, delete))])

    assert outcome.code == 0
    assert renames > 0
    settle()
    now = attribute.aliases
    found = rows()
    for audience, gender, tiers in people:
        texts = sorted({now.get(text, text) for text in tiers.split("|") if text})
        sent = {"gender": [gender], **({"tier": texts} if texts else {})}
        is_there = found.get(audience)
        if audience in gone and is_there is None:
            continue
        if audience not in touched:
            assert is_there == sent
            continue
        kept = {code: texts for code, texts in is_there.items() if code != "note"}
        assert kept in (sent, {"tier": [now.get("gold", "gold")]})
    assert_sound()
