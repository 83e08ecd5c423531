"""Files that hardly change anybody: of most lines other processes send the value ids alone, and no JSON."""

import random

import pytest

from segments.importing import reading
from segments.importing.audiences import Audiences
from segments.models import Audience, AudienceHead
from segments.store import store, upkeep
from segments.store.database import execute
from segments.tests.test_import_ordering import CODES, as_csv, as_json_lines, stored, versions

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH = 1_200, 100
TABLE = Audience._meta.db_table


@pytest.fixture(autouse=True)
def batches(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {0, 1})
    monkeypatch.setattr(reading, "BATCH_LINES", BATCH)
    monkeypatch.setattr(reading, "LOOK_EVERY", 2)
    monkeypatch.setattr("segments.importing.audiences.LOOKED_AT", 1)


@pytest.fixture
def answers(monkeypatch):
    """What was found of the lines that were looked at."""
    found = []
    look = Audiences.are_stored

    def noted(self, rows):
        found.append(look(self, rows))
        return found[-1]

    monkeypatch.setattr(Audiences, "are_stored", noted)
    return found


def person(number, dice):
    """Some values stand twice, some need to be escaped, and some have none."""
    texts = ["a", "b", "c", 'q"', "back\\slash", "é"]
    properties = {code: sorted(dice.sample(texts, dice.randrange(1, 4))) for code in CODES if dice.random() < 0.7}
    return (f"p{number:05}", None, properties)


def content(name, people):
    return as_csv(people) if name.endswith("csv") else as_json_lines(people)


def changed(people, dice):
    """A few are new, a few are others, with values that are new or fewer, and some come twice."""
    people = list(people)
    for place in dice.sample(range(PEOPLE // 2, PEOPLE), 9):
        key, _of, properties = people[place]
        kept = {code: texts[:1] for code, texts in properties.items()}
        people[place] = key, None, dice.choice([{}, kept, {"tier": [f"new {place}"]}, {"note": ["a", "b", "c"]}])
    people += [person(number, dice) for number in range(PEOPLE, PEOPLE + 9)]
    return people + [(key, None, dice.choice([each, {"gender": ["b"]}])) for key, _of, each in dice.sample(people, 9)]


@pytest.mark.parametrize("kept", ["alone", "with others", "by an older release"])
@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_few_changes_are_found_and_written_as_if_all_had_been_sent(folder, monkeypatch, answers, name, always, kept):
    dice = random.Random(f"{name}{always}{kept}")
    people = [person(number, dice) for number in range(PEOPLE)]
    folder.load("audiences", name, content(name, people))
    if kept == "with others":
        folder.load("audiences", "hats.csv", "id,hat\n" + "".join(f"{key},red\n" for key, *_rest in people[::7]))
    if kept == "by an older release":
        execute(f"UPDATE {TABLE} SET value_ids = NULL WHERE number %% 5 = 0", [])
        execute(f"""UPDATE {TABLE} SET properties = '{{"tier": ["silver"]}}' WHERE number %% 11 = 0""", [])
        AudienceHead.objects.update(seq=AudienceHead.objects.get().seq + 1)
    before, versions_before = stored(), versions()
    sent = changed(people, dice)
    merges = name.endswith("csv")
    hats = {key: {"hat": each["hat"]} for key, (_of, each) in before.items() if merges and "hat" in each}
    expected = {key: ("account_id", {**hats.get(key, {}), **properties}) for key, _of, properties in sent}
    differs = {key for key, now in expected.items() if before.get(key) != now}
    if always:
        monkeypatch.setattr(Audiences, "are_stored", lambda self, _rows: setattr(self, "was_brief", True) or True)

    answers.clear()
    counts = folder.load("audiences", name, content(name, sent)).counts

    after = stored()
    assert {key: after[key] for key in expected} == expected
    assert counts == {
        bucket: count
        for bucket, count in {
            "created": len(differs - before.keys()),
            "updated": len(differs & before.keys()),
            "unchanged": len(expected) - len(differs),
            "duplicate": len(sent) - len(expected),
        }.items()
        if count
    }
    if kept != "by an older release":
        assert {key for key, version in versions().items() if versions_before.get(key) != version} == differs
        assert list(upkeep.differences()) == store().check() == []
    if not always:
        assert any(answers) == (kept == "alone")


def test_a_dry_run_is_never_brief_as_it_has_no_numbers_for_new_values(folder, answers):
    dice = random.Random(1)
    people = [person(number, dice) for number in range(PEOPLE)]
    folder.load("audiences", "people.csv", as_csv(people))
    sent = changed(people, dice)
    answers.clear()
    counts = folder.load("audiences", "people.csv", as_csv(sent), "--dry-run").counts
    assert answers
    assert not any(answers)
    assert folder.load("audiences", "people.csv", as_csv(sent)).counts == counts
    assert any(answers)
