"""What a file says of audiences who are here already: of each id the last line, and nothing is written that is here as sent."""

import json
import random

import pytest

from segments.importing.audiences import Audiences
from segments.importing.options import Options
from segments.importing.progress import Silence
from segments.importing.run import ImportRun
from segments.models import Audience, AudienceHead, ImportRange
from segments.models.changes import Actor
from segments.store import store, upkeep
from segments.store.database import execute, fetch_all
from segments.store.loading import Waiting
from segments.tests.imports import load

pytestmark = pytest.mark.django_db(transaction=True)

CODES = ("gender", "tier", "note")
BULKY = "alt_id IS NOT NULL, properties IS NOT NULL, value_ids IS NOT NULL"


def stored():
    return {profile.id: (profile.id_type, profile.properties) for profile in store().page(None, 10_000)}


def versions():
    """What changes whenever a row is written, though the same is written."""
    return dict(fetch_all(f"SELECT id, xmin::text FROM {Audience._meta.db_table}"))


def properties_of(dice):
    return {code: sorted(dice.sample("abc", dice.randrange(1, 3))) for code in CODES if dice.random() < 0.5}


def as_csv(people):
    lines = (",".join((key, *("|".join(each.get(code, [])) for code in CODES))) for key, _of, each in people)
    return "\n".join((",".join(("id", *CODES)), *lines)) + "\n"


def as_json_lines(people):
    return [{"id": key, "properties": each, **({"id_type": of} if of else {})} for key, of, each in people]


def counted(sent, expected, before):
    """What the receipt has to say of lines of which these are to be stored, where those were."""
    differs = {key for key, now in expected.items() if before.get(key) != now}
    counts = {
        "created": len(differs - before.keys()),
        "updated": len(differs & before.keys()),
        "unchanged": len(expected) - len(differs),
        "duplicate": len(sent) - len(expected),
    }
    return {bucket: count for bucket, count in counts.items() if count}


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_the_last_line_of_each_id_is_what_is_stored_and_only_who_differs_is_written(
    folder, monkeypatch, name, seed, few
):
    monkeypatch.setattr(Audiences, "chunk_rows", 7)
    dice = random.Random(f"{name}{seed}")

    def people(most):
        ids = [f"p{dice.randrange(most):03}" for _line in range(120)]
        return [(each, dice.choice([None, "cookie"]), properties_of(dice)) for each in ids]

    # All of CODES are in the file, so that merging them is replacing them; `hat` is of another file and stays.
    folder.load("audiences", "hats.csv", "id,hat\n" + "".join(f"p{number:03},red\n" for number in range(0, 200, 9)))
    folder.load("audiences", "before.jsonl", as_json_lines(people(100)))
    before, versions_before = stored(), versions()
    again = [
        (key, dice.choice([None, "cookie"]), {code: each[code] for code in CODES if code in each})
        for key, (_of, each) in before.items()
        for _time in range(2)
    ]
    sent = people(200) + dice.sample(again, 90)
    dice.shuffle(sent)
    if few:  # of many who are stored
        execute(f"UPDATE {AudienceHead._meta.db_table} SET next_number = 10000")
        sent = sent[:30]
    is_csv = name.endswith("csv")
    kept = {key: {"hat": each["hat"]} if is_csv and "hat" in each else {} for key, (_of, each) in before.items()}
    expected = {
        key: (of if of and not is_csv else before.get(key, ("account_id",))[0], {**kept.get(key, {}), **each})
        for key, of, each in sent
    }
    content = as_csv(sent) if is_csv else as_json_lines(sent)
    differs = {key for key, now in expected.items() if before.get(key) != now}

    counts = folder.load("audiences", name, content, "--dry-run").counts
    assert folder.load("audiences", name, content).counts == counts
    assert {key: stored()[key] for key in expected} == expected
    assert counts == counted(sent, expected, before)
    assert {key for key, version in versions().items() if versions_before.get(key) != version} == differs
    assert list(upkeep.differences()) == store().check() == []


def test_who_is_here_as_sent_when_the_file_was_read_stays_as_others_make_him_later(folder, api):
    people = "id,tier\n" + "".join(f"p{number},gold\n" for number in range(5))
    path = folder.file("people.csv", people)
    load("audiences", path)
    platform = api("platform")

    class Writes(Silence):
        def begin(self, phase, total):
            if phase == "applying":
                platform.patch("/audiences", {"id": "p1", "properties": {"tier": "silver"}})
                platform.delete("/audiences/get/p2")

    receipt = ImportRun(Audiences, str(path), Options(), Actor(command="test"), Writes()).run()

    assert (receipt.unchanged, receipt.applied) == (5, 5)
    assert {key: each["tier"] for key, (_of, each) in stored().items()} == {
        "p0": ["gold"],
        "p1": ["silver"],
        "p3": ["gold"],
        "p4": ["gold"],
    }


def test_what_an_older_release_wrote_without_value_ids_is_compared_by_its_properties(folder):
    folder.load("audiences", "people.csv", "id,tier\nana,gold\nben,gold\n")
    table = Audience._meta.db_table
    execute(f"""UPDATE {table} SET properties = '{{"tier": ["silver"]}}' WHERE id = 'ana'""")
    execute(f"UPDATE {table} SET value_ids = NULL WHERE id = 'ben'")
    AudienceHead.objects.update(seq=AudienceHead.objects.get().seq + 1)

    again = folder.load("audiences", "people.csv", "id,tier\nana,gold\nben,gold\n")

    assert again.counts == {"updated": 1, "unchanged": 1}
    assert stored()["ana"] == ("account_id", {"tier": ["gold"]})


@pytest.fixture
def cut_off(folder, monkeypatch):
    """An import of nine that was cut off after three of them, with what it has staged."""
    monkeypatch.setattr(Audiences, "chunk_rows", 3)
    path = folder.file("people.csv", "id,tier\n" + "".join(f"p{number},gold\n" for number in range(9)))

    class Interrupts(Silence):
        def begin(self, phase, total):
            self.applies = phase == "applying"

        def advance(self, rows, done):
            if self.applies:
                raise KeyboardInterrupt

    run = ImportRun(Audiences, str(path), Options(), Actor(command="import_audiences"), Interrupts())
    with pytest.raises(KeyboardInterrupt):
        run.run()
    return path, run.staging().table


def test_what_an_older_release_had_staged_is_read_anew(cut_off):
    path, staged = cut_off
    execute(f"ALTER TABLE {staged} DROP COLUMN is_stored")

    assert load("audiences", path).counts == {"created": 9}


def test_who_is_here_by_the_time_it_is_read_anew_is_counted_behind_who_was_written(cut_off, folder):
    path, staged = cut_off
    folder.load("audiences", "others.csv", "id,tier\n" + "".join(f"p{number},gold\n" for number in range(3, 9)))
    execute(f"TRUNCATE {staged}")  # as PostgreSQL leaves a table that is not logged

    assert load("audiences", path).counts == {"created": 3, "unchanged": 6}


def test_little_more_than_the_id_waits_of_who_is_here_as_sent(folder):
    people = [{"id": f"p{number}", "alt_id": {"crm": "7"}, "properties": {"tier": ["gold"]}} for number in range(9)]
    load("audiences", folder.file("before.jsonl", people[:5]))
    found = []

    class Looks(Silence):
        def begin(self, phase, total):
            if phase == "applying":
                found.extend(fetch_all(f"SELECT is_stored, {BULKY} FROM {run.staging().table} ORDER BY key"))

    path = folder.file("people.jsonl", people)
    run = ImportRun(Audiences, str(path), Options(), Actor(command="test"), Looks())
    run.run()

    assert found == 5 * [(True, False, False, False)] + 4 * [(False, True, True, True)]


def test_who_is_here_as_sent_is_not_looked_up_again(folder, monkeypatch):
    people = "id,tier\n" + "".join(f"p{number},gold\n" for number in range(9))
    folder.load("audiences", "people.csv", people)
    monkeypatch.delattr(Waiting, "look")

    assert folder.load("audiences", "people.csv", f"{people}p0,gold\n").counts == {"unchanged": 9, "duplicate": 1}


def test_rows_that_are_long_and_easily_packed_are_written_a_few_at_a_time(folder):
    values = [f"{number:03}{'x' * 990}" for number in range(60)]
    people = [{"id": f"p{number}", "properties": {"note": values}} for number in range(300)]
    assert len(json.dumps(people)) > 2 * 8 * 2**20

    assert folder.load("audiences", "people.jsonl", people).counts == {"created": 300}
    assert ImportRange.objects.count() > 2
    assert fetch_all("SELECT relname FROM pg_class WHERE relname ~ '^import_staged'") == []
