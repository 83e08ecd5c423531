"""manage.py rebuild_index, check_index and compact_index: what they print, and how they refuse."""

import os
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from segments.models import Audience, AudienceBitmap, AudienceDelta, IdBlock, IdEdition
from segments.store import ProfileChange, compacting, upkeep
from segments.store.postgres import PostgresStore
from segments.tests.threads import PATIENCE, elsewhere

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shoppers():
    store = PostgresStore()
    store.upsert(
        [ProfileChange(each, properties={"gender": ["F"], "tier": ["gold"]}) for each in ("ana", "bea", "eva")]
    )
    store.upsert([ProfileChange("bea", properties={"gender": ["F"]})])
    return store


def manage(*arguments: str) -> str:
    """What the command prints."""
    said = StringIO()
    call_command(*arguments, stdout=said)
    return said.getvalue()


def refused(*arguments: str) -> tuple[int, str, str]:
    """The exit code of the command, what it prints, and the sentence in which it refuses."""
    said = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*arguments, stdout=said)
    return caught.value.returncode, said.getvalue(), str(caught.value)


def test_it_says_that_bitmaps_and_rows_agree_and_how_much_it_compared(shoppers):
    sound = "Bitmaps and rows agree: 3 audiences, {} deltas; value ids of {}.\n"

    assert manage("check_index") == sound.format("0 bitmaps, 2", "all of them")
    manage("compact_index")
    assert manage("check_index", "--sample", "2") == sound.format("3 bitmaps, 0", "2 of them")


def test_it_prints_each_difference(shoppers):
    manage("compact_index")
    Audience.objects.filter(id="eva").update(value_ids=[])
    AudienceBitmap.objects.filter(value=0).delete()

    code, said, refusal = refused("check_index")

    assert code == 1
    assert said.splitlines()[0] == "Value 0, shard 0: 3 audiences differ, the first has number 0."
    assert said.splitlines()[-1].startswith("1 audiences have other value ids than their properties say")
    assert refusal == "2 differences. Type: manage.py rebuild_index"
    manage("rebuild_index")
    assert manage("check_index").startswith("Bitmaps and rows agree: 3 audiences, ")


def test_it_makes_the_ids_in_order_and_compares_them(shoppers):
    manage("rebuild_index")
    assert IdEdition.objects.get().audiences == 3
    IdBlock.objects.update(checksum=0)

    code, said, _refusal = refused("check_index")

    assert (code, said) == (1, "Block 0 of the ids is damaged.\n")
    manage("rebuild_index")
    assert manage("check_index").startswith("Bitmaps and rows agree: 3 audiences, ")


def test_it_folds_what_was_written_since(shoppers):
    assert manage("compact_index") == "Folded 2 writes into the bitmaps.\n"
    assert manage("compact_index") == "There is nothing to fold.\n"


def test_it_refuses_to_fold_deltas_that_are_missing(shoppers):
    AudienceDelta.objects.filter(seq=1).delete()

    sentence = "Deltas are damaged or missing, so that rows answer. Type: manage.py rebuild_index"
    assert refused("compact_index") == (2, "", sentence)
    assert refused("check_index")[:2] == (1, "Deltas after write 0 are missing.\n")


def test_it_says_how_far_a_rebuild_has_come(shoppers):
    *parts, done = manage("rebuild_index").splitlines()

    assert [part.split(" is done")[0] for part in parts] == ["Part 1 of 1"]
    assert done == "The bitmaps are those of the rows: 3 audiences, 3 bitmaps, 0 deltas."


def test_it_has_nothing_to_do_on_an_empty_database():
    assert manage("rebuild_index") == "The bitmaps are those of the rows: 0 audiences, 0 bitmaps, 0 deltas.\n"
    assert manage("compact_index") == "There is nothing to fold.\n"
    assert manage("check_index").startswith("Bitmaps and rows agree: 0 audiences, ")


@pytest.mark.parametrize("command", ["rebuild_index", "compact_index"])
def test_it_refuses_while_another_process_is_at_it(shoppers, command):
    busy = "Another process is keeping the bitmaps at the moment. Try again when it is done."

    with upkeep.alone():
        assert elsewhere(refused, command) == (2, "", busy)


@pytest.mark.parametrize(("limit", "enough"), [("MOST_DELTAS", 3), ("MOST_BYTES", 100)])
def test_deltas_are_folded_by_themselves_after_a_commit(shoppers, monkeypatch, limit, enough):
    monkeypatch.setattr(compacting, "LOOK_EVERY", 1)
    monkeypatch.setattr(compacting, limit, enough)
    with transaction.atomic():
        shoppers.erase(["ana"])
        assert AudienceDelta.objects.count() == 3

    for thread in threading.enumerate():
        if thread.name == "compaction":
            thread.join(PATIENCE)

    assert AudienceDelta.objects.count() == 0
    assert manage("check_index").startswith("Bitmaps and rows agree: 2 audiences, ")


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5"])
def test_it_refuses_a_sample_that_is_no_number(number):
    with pytest.raises(CommandError, match="Give 1 or more"):
        manage("check_index", f"--sample={number}")


def run(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["rebuild_index", "check_index", "compact_index"])
def test_it_exits_2_when_there_is_no_database(tmp_path, command):
    done = run(f"postgres://a2@{quote(str(tmp_path), safe='')}/a2", command)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Start it, or correct DATABASE_URL." in done.stderr


def test_it_works_as_a_process_of_its_own(shoppers):
    of = connection.settings_dict
    url = f"postgres://{of['USER']}@{quote(of['HOST'], safe='')}/{of['NAME']}"

    assert run(url, "compact_index").stdout == "Folded 2 writes into the bitmaps.\n"
    assert run(url, "check_index").returncode == 0
    AudienceBitmap.objects.all().delete()
    assert run(url, "check_index").returncode == 1
