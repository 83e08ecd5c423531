"""Files that hardly change anybody: of most lines other processes send the value ids alone, and no JSON."""

import random

import pytest

from segments.importing import ordering, reading
from segments.importing.audiences import Audiences
from segments.models import Audience, AudienceHead, ImportRange
from segments.store import store, upkeep
from segments.store.database import execute
from segments.tests.test_import_ordering import CODES, as_csv, as_json_lines, counted, stored, versions

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH = 1_200, 100
TABLE = Audience._meta.db_table


@pytest.fixture(autouse=True)
def batches(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {0, 1})
    monkeypatch.setattr(reading, "BATCH_LINES", BATCH)
    monkeypatch.setattr(reading, "LOOK_EVERY", 2)


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


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(Audiences, "are_stored", is_always_brief)


def is_always_brief(self, _rows):
    self.was_brief = True
    return True


@pytest.fixture
def filled(monkeypatch):
    """Of how many rows the JSON was made in the end."""
    found = []
    execute_it = ordering.execute

    def noted(statement, *params):
        count = execute_it(statement, *params)
        if "UPDATE" in statement:
            found.append(count)
        return count

    monkeypatch.setattr(ordering, "execute", noted)
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
        monkeypatch.setattr(Audiences, "are_stored", is_always_brief)

    answers.clear()
    counts = folder.load("audiences", name, content(name, sent)).counts

    after = stored()
    assert {key: after[key] for key in expected} == expected
    assert counts == counted(sent, expected, before)
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
    assert set(answers) == {False}
    assert folder.load("audiences", "people.csv", as_csv(sent)).counts == counts
    assert any(answers)


GOLD = "id,tier\n" + "".join(f"p{number:05},gold\n" for number in range(PEOPLE))


def test_a_file_that_ends_with_others_is_filled_where_it_was_brief(folder, answers, filled):
    folder.load("audiences", "people.csv", GOLD)
    new = "".join(f"q{number:05},gold\n" for number in range(PEOPLE))
    answers.clear()

    counts = folder.load("audiences", "people.csv", GOLD + new).counts

    assert (answers[0], answers[-1]) == (True, False)
    assert 0 < sum(filled) < PEOPLE
    assert counts == {"created": PEOPLE, "unchanged": PEOPLE}
    assert [*stored().values()] == [("account_id", {"tier": ["gold"]})] * 2 * PEOPLE


@pytest.mark.parametrize("more", [{}, {"properties": {}}, {"id_type": "cookie"}, {"alt_id": {"a": "b\\"}}])
def test_lines_of_json_that_send_no_values_are_taken_as_they_are(folder, always, more):
    folder.load("audiences", "people.csv", GOLD)
    people = [{"id": f"p{number:05}", **more} for number in range(PEOPLE)]

    counts = folder.load("audiences", "people.jsonl", people).counts

    assert counts == ({"updated": PEOPLE} if more else {"unchanged": PEOPLE})
    assert len({str(each) for each in stored().values()}) == 1


def test_lines_with_ids_that_are_escaped_are_not_brief(folder, answers):
    people = [{"id": f"p\\{number:05}", "properties": {"tier": "gold"}} for number in range(PEOPLE)]
    folder.load("audiences", "people.jsonl", people)
    answers.clear()

    assert folder.load("audiences", "people.jsonl", people).counts == {"unchanged": PEOPLE}
    assert set(answers) == {False}


def test_lines_without_values_are_not_brief(folder, answers):
    folder.load("audiences", "people.csv", GOLD)
    people = [{"id": f"p{number:05}"} for number in range(PEOPLE)]
    answers.clear()

    assert folder.load("audiences", "people.jsonl", people).counts == {"unchanged": PEOPLE}
    assert set(answers) == {False}


def test_what_an_older_release_may_have_changed_is_not_brief(folder, answers):
    folder.load("audiences", "people.csv", GOLD)
    AudienceHead.objects.update(seq=AudienceHead.objects.get().seq + 1)
    answers.clear()

    assert folder.load("audiences", "people.csv", GOLD).counts == {"unchanged": PEOPLE}
    assert set(answers) == {False}


def test_a_file_in_which_every_twentieth_is_changed_is_not_brief(folder, answers):
    folder.load("audiences", "people.csv", GOLD)
    lines = GOLD.splitlines()
    lines[1::20] = [line.replace("gold", "silver") for line in lines[1::20]]
    answers.clear()

    assert folder.load("audiences", "people.csv", "\n".join(lines)).counts == {
        "updated": PEOPLE // 20,
        "unchanged": PEOPLE - PEOPLE // 20,
    }
    assert set(answers) == {False}


def test_of_an_attribute_that_comes_while_the_file_is_read_only_who_has_it_is_looked_at(
    folder, api, monkeypatch, always, filled
):
    folder.load("audiences", "people.csv", GOLD)
    platform, already = api("platform"), Audiences.already

    def beside(self, rows):
        platform.patch("/audiences", {"id": f"p{PEOPLE - 1:05}", "properties": {"tier": "gold", "hat": "red"}})
        return already(self, rows)

    monkeypatch.setattr(Audiences, "already", beside)

    assert folder.load("audiences", "people.csv", GOLD).counts == {"unchanged": PEOPLE}
    assert filled[-1] == 1
    assert stored()[f"p{PEOPLE - 1:05}"] == ("account_id", {"tier": ["gold"], "hat": ["red"]})


def test_long_rows_are_written_a_few_at_a_time_though_they_were_brief(folder, monkeypatch, always, filled):
    monkeypatch.setattr(reading, "BATCH_LINES", 10)
    values = [f"{number:03}{'x' * 990}" for number in range(60)]
    people = [{"id": f"p{number:03}", "properties": {"note": values[:1]}} for number in range(100)]
    folder.load("audiences", "people.jsonl", people)
    people += [{"id": f"q{number:03}", "properties": {"note": values}} for number in range(300)]
    ImportRange.objects.all().delete()

    assert folder.load("audiences", "people.jsonl", people).counts == {"created": 300, "unchanged": 100}
    assert filled[-1] == 300
    assert ImportRange.objects.count() == 3  # of 8 MiB at most
    assert stored()["q299"] == ("account_id", {"note": values})
