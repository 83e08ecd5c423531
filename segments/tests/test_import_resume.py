"""An import that was killed or paused goes on where it was, by the same command, to the table and receipt of a straight run."""

import random
import signal
import sys
import time
from collections import Counter

import pytest
from django.db import connection

from segments.importing.receipt import Receipt
from segments.models import (
    Audience,
    AudienceAttribute,
    AudienceAttributeValue,
    AudienceBitmap,
    AudienceDelta,
    AudienceHead,
    Import,
    ImportRange,
    IndexedValue,
)
from segments.store import upkeep
from segments.store.database import execute, fetch_all
from segments.tests.imports import load
from segments.tests.test_import_endings import begin, ended
from segments.tests.threads import elsewhere_an_import_is_at_work

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["begin"]

LINES = 15_000


def people(salt=""):
    dice = random.Random(f"people{salt}")
    ids = [f"p{dice.randrange(LINES):06}" for _line in range(LINES)]
    return (
        "id,gender,tier\n"
        + "".join(f"{each},{dice.choice('FM')},{dice.choice(['gold', '', 'a|b'])}\n" for each in ids)
        + "x\n"
    )


def table():
    return list(Audience.objects.order_by("id").values_list("id", "number", "properties"))


def versions():
    """What changes whenever a row is written, though the same is written; and the last write of all."""
    rows = fetch_all(f"SELECT number, ctid::text, xmin::text FROM {Audience._meta.db_table} ORDER BY number")
    return rows, AudienceHead.objects.get().seq


def catalogue():
    return list(
        AudienceAttributeValue.objects.order_by("attribute__code", "value").values_list("attribute__code", "value")
    )


def emptied():
    models = (Audience, AudienceHead, AudienceDelta, AudienceBitmap, IndexedValue, AudienceAttribute, Import)
    tables = ", ".join(model._meta.db_table for model in models)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


def wait_until_it_applies(process, before=0):
    """Until it has written a range more than there were before, or is done."""
    while ImportRange.objects.count() <= before and process.poll() is None:
        time.sleep(0.01)


def cut_off_while_it_applies(begin, path, number):
    """Begin the command and end it by a signal once it has written something."""
    process = begin("import_audiences", path)
    wait_until_it_applies(process)
    process.send_signal(number)
    return ended(process)


def killed_at_some_moment(begin, path, dice):
    """Begin the command and kill it; at what it was: reading, applying, or done."""
    before = ImportRange.objects.count()
    process = begin("import_audiences", path)
    if dice.random() < 0.7:
        wait_until_it_applies(process, before)
        time.sleep(dice.expovariate(10))
    else:
        time.sleep(dice.uniform(0.3, 3))
    process.kill()
    ended(process)
    last = Import.objects.first()
    if last is not None and last.state == "done":
        return "done"
    return "applying" if last is not None and last.ranges.exists() else "reading"


def test_it_goes_on_after_kills_at_any_moment(begin, folder, request):
    path = folder.file("people.csv", people())
    header, *lines = people().splitlines()
    third = folder.file("third.csv", "\n".join([header, *lines[:-1:3]]) + "\n")

    def begin_anew():
        """With a third of the lines stored: of their people some are to be changed and some are as they will be."""
        emptied()
        assert load("audiences", third).code == 0
        Import.objects.all().delete()

    begin_anew()
    straight, expected, learned = load("audiences", path), table(), catalogue()
    assert straight.receipt["lines"] == LINES + 1
    assert min(straight.receipt[name] for name in ("created", "updated", "unchanged", "duplicate")) > 500
    dice = random.Random(request.config.getoption("--seed") or None)
    kills, most = Counter(), int(request.config.getoption("--cuts"))
    while kills["reading"] + kills["applying"] < most:
        begin_anew()
        again = True
        while again:
            moment = killed_at_some_moment(begin, path, dice)
            kills[moment] += 1
            again = moment != "done" and dice.random() < 0.4
        if moment != "done":
            assert load("audiences", path).receipt == straight.receipt
        # A command that was killed before it found what it is to go on with leaves a later row behind, which says so.
        assert Receipt.of(Import.objects.get(state=Import.State.DONE)).as_json() == straight.receipt
        assert table() == expected
        assert catalogue() == learned
        assert list(upkeep.differences()) == []
    sys.stdout.write(f"killed while it was {dict(kills)}\n")


def test_ctrl_c_pauses_it_and_the_same_command_goes_on(begin, folder, monkeypatch):
    path = folder.file("people.csv", people())
    straight, expected = load("audiences", path), table()
    emptied()
    code, _printed, _said = cut_off_while_it_applies(begin, path, signal.SIGINT)
    if code != 130:
        pytest.skip("it was faster than the signal")

    assert Import.objects.get().state == "paused"
    assert load("audiences", path, "--dry-run").receipt["lines"] == LINES + 1
    outcome = load("audiences", path)
    assert outcome.receipt == straight.receipt
    assert "Going on" in outcome.said
    assert table() == expected
    assert [row.state for row in Import.objects.filter(dry_run=False)] == ["done"]
    before = versions()
    assert load("audiences", path).counts.keys() == {"unchanged", "duplicate", "rejected"}
    assert versions() == before
    assert not ImportRange.objects.exclude(of_import=Import.objects.first()).exists()


def test_neither_a_refusal_in_between_nor_a_crash_of_postgresql_keeps_it_from_going_on(begin, folder):
    path = folder.file("people.csv", people())
    straight, expected = load("audiences", path), table()
    emptied()
    if cut_off_while_it_applies(begin, path, signal.SIGINT)[0] != 130:
        pytest.skip("it was faster than the signal")
    paused = Import.objects.get()
    with elsewhere_an_import_is_at_work():
        assert load("audiences", path).code == 2
    execute(f"TRUNCATE import_staged_{paused.pk}")  # as PostgreSQL leaves a table that is not logged

    assert load("audiences", path).receipt == straight.receipt
    assert table() == expected
    assert sorted(Import.objects.values_list("state", flat=True)) == ["done", "refused"]


def test_a_file_is_known_by_its_content_under_another_name(begin, folder):
    path = folder.file("people.csv", people())
    if cut_off_while_it_applies(begin, path, signal.SIGINT)[0] != 130:
        pytest.skip("it was faster than the signal")
    applied = Import.objects.get().created

    done = load("audiences", folder.file("moved.csv", people()))
    assert "Going on with what was cut off" in done.said
    assert done.receipt["created"] > applied
    assert Import.objects.get().state == Import.State.DONE


def test_a_file_that_has_changed_is_refused_until_it_is_told_to_begin_anew(begin, folder):
    path = folder.file("people.csv", people())
    if cut_off_while_it_applies(begin, path, signal.SIGTERM)[0] != 143:
        pytest.skip("it was faster than the signal")
    folder.file("people.csv", people("other"))

    for _twice in range(2):
        refused = load("audiences", path)
        assert refused.code == 2
        assert "--restart" in refused.said
    assert load("audiences", path, "--restart").code == 1
