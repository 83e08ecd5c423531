"""Members written from the ids in order: the same as from rows, whatever came, went or broke since these were made."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from segments import tasks
from segments.expressions import And, AnyOf
from segments.models import AudienceHead, IdBlock, IdEdition
from segments.store import ProfileChange, editing, listing, upkeep
from segments.store.editions import SHELF
from segments.store.memory import MemoryStore
from segments.store.postgres import PostgresStore
from segments.tests.threads import elsewhere

EVERYBODY = And(())
WOMEN = AnyOf("gender", ("F",))
IDS = ["a", "a b", "a!", "b", 'c"1"', "c,2", "d" * 128, "e\\n", "é", "서준", "서준호", "\uffff", "🙂", "🙂🙂"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Blocks of three ids, from which even a few members are written."""
    monkeypatch.setattr(editing, "AT_ONCE", 3)
    monkeypatch.setattr(editing, "MANY", 2)
    monkeypatch.setattr(listing, "FEW", 0)


def read_rows(both):
    """Whether all rows are read for members."""
    with CaptureQueriesContext(connection) as asked, both.store.snapshot() as view:
        list(view.ids(WOMEN))
    return "properties ->" in str(asked.captured_queries)


class Both:
    """The store and its judge."""

    def __init__(self):
        self.store, self.judge = PostgresStore(), MemoryStore()

    def upsert(self, *ids, gender="F"):
        changes = [ProfileChange(each, properties={"gender": [gender]}) for each in ids]
        assert self.store.upsert(changes) == self.judge.upsert(changes)

    def erase(self, *ids):
        assert self.store.erase(ids) == self.judge.erase(ids)

    def agree(self, tree=WOMEN, after=None, limit=None):
        with self.store.snapshot() as view, self.judge.snapshot() as expected:
            ids = list(expected.ids(tree, after, limit))
            assert list(view.ids(tree, after, limit)) == ids
            assert b"".join(view.lines(tree, after, limit)).decode() == "".join(f"{each}\n" for each in ids)
        return True


@pytest.fixture
def both():
    """Women in all of the blocks, and a man in each."""
    both = Both()
    both.upsert(*IDS)
    both.upsert(*sorted(IDS)[1::3], gender="M")
    assert editing.make() == len(IDS)
    return both


def test_it_writes_members_without_a_look_at_their_rows(both):
    with CaptureQueriesContext(connection) as asked:
        assert both.agree()

    assert "segments_idedition" in str(asked.captured_queries)
    assert "segments_audience " not in str(asked.captured_queries)


def test_it_begins_beyond_any_id_and_ends_after_any_number(both):
    for after in [None, "", "A", "a!b", *IDS, "🙂🙂🙂"]:
        for limit in [None, 0, 1, 2, 3, 4, 100]:
            assert both.agree(after=after, limit=limit)


def test_lines_are_of_any_length(both):
    both.erase(*IDS)
    for lengths in ([1, 1, 1], [1, 2, 2], [2, 2, 1], [2, 1, 3], [4, 4, 4]):
        both.upsert(*(f"{place}{'x' * length}" for place, length in enumerate(lengths)))
        editing.make()
        assert both.agree(EVERYBODY)
        assert both.agree(EVERYBODY, after="1")
        both.erase(*(f"{place}{'x' * length}" for place, length in enumerate(lengths)))


def test_it_takes_in_who_came_since(both):
    both.upsert("0", "a c", "b2", "c", "서", "🙂🙂🙂", "zzz")
    both.upsert("c3", gender="M")

    for after in [None, "0", "a", "b2", "서", "🙂🙂"]:
        assert both.agree(after=after)
        assert both.agree(EVERYBODY, after=after, limit=4)


def test_it_leaves_out_who_is_gone_and_knows_who_came_back(both):
    both.erase("a", "é", "🙂🙂", "d" * 128)
    assert both.agree()
    both.upsert("a", "🙂🙂", "é", gender="M")
    both.upsert("a")

    assert both.agree()
    assert both.agree(AnyOf("gender", ("M",)))
    assert editing.make() == len(IDS) - 1
    assert both.agree()


def test_it_is_made_when_nobody_is_there():
    both = Both()
    assert editing.make() == 0
    both.upsert("a")
    both.erase("a")
    assert editing.make() == 0
    both.upsert("b")

    assert both.agree()


def test_rows_answer_when_it_lacks_too_many(both, monkeypatch):
    monkeypatch.setattr(listing, "MOST_NEWER", 2)
    both.upsert("x1", "x2")
    assert both.agree()
    assert not read_rows(both)
    both.upsert("x3")

    assert both.agree()
    assert read_rows(both)


def test_a_few_are_read_from_their_rows(both, monkeypatch):
    monkeypatch.setattr(listing, "FEW", 100)
    both.upsert("x1", "a1")

    with CaptureQueriesContext(connection) as asked:
        assert both.agree(after="a", limit=4)
    assert "segments_idedition" not in str(asked.captured_queries)


def test_it_is_not_read_any_more_when_numbers_may_be_given_out_again(both):
    """As after a head that was lost."""
    AudienceHead.objects.update(epoch=uuid.uuid4())

    assert both.agree()
    assert read_rows(both)


def test_a_view_goes_on_with_the_edition_of_its_moment(both, settings):
    settings.A2_ID_CACHE_MB = 0
    with both.store.snapshot() as view:
        lines = view.lines(WOMEN)
        begun = next(lines)
        expected = list(view.ids(WOMEN))

        def write():
            both.store.erase(IDS[3:])
            both.store.upsert([ProfileChange("0", properties={"gender": ["F"]})])
            editing.make()

        elsewhere(write)
        assert (begun + b"".join(lines)).decode().split("\n")[:-1] == expected
        assert list(view.ids(WOMEN)) == expected


TABLES = ("audience", "audiencehead", "audiencedelta", "audiencebitmap", "indexedvalue", "idedition", "idblock")


def test_it_says_nothing_of_a_time_that_the_database_went_back_from(both):
    """As after a backup was restored: what came since is lost, and its numbers are given out again."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TEMPORARY TABLE saved_{table} AS TABLE segments_{table}")
    before = both.judge.profiles
    both.upsert("x1", "x2")
    editing.make()
    assert both.agree()

    both.judge.profiles = before
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"TRUNCATE segments_{table}; INSERT INTO segments_{table} TABLE saved_{table}")
    both.upsert("y1", "y2")
    assert both.agree()
    editing.make()
    assert both.agree()


def test_it_keeps_as_much_as_it_may(both, settings):
    assert both.agree()
    assert len(SHELF.edition.kept) == IdBlock.objects.count() == 5
    settings.A2_ID_CACHE_MB = 0
    editing.make()

    assert both.agree()
    assert SHELF.edition.kept == {}


@pytest.mark.parametrize("harm", [
    "UPDATE segments_idblock SET ids = set_byte(ids, 1, 0) WHERE place = 2",
    "UPDATE segments_idblock SET numbers = set_byte(numbers, 0, 200) WHERE place = 2",
    "DELETE FROM segments_idblock WHERE place = 2",
])  # fmt: skip
def test_rows_go_on_where_a_block_is_damaged_and_it_is_made_anew(both, harm, caplog):
    with connection.cursor() as cursor:
        cursor.execute(harm)

    for after in [None, "a b", "서"]:
        for limit in [None, 2, 7]:
            assert both.agree(after=after, limit=limit)
    assert "rows answer" in caplog.text
    assert list(editing.differences()) == ["Block 2 of the ids is damaged."]
    editing.make()
    assert list(editing.differences()) == []


def test_differences_are_found(both):
    block = IdBlock.objects.get(place=1)
    numbers = block.numbers[4:8] + block.numbers[:4] + block.numbers[8:]
    IdBlock.objects.filter(place=1).update(numbers=numbers, checksum=editing.checksum(numbers, block.ids))
    SHELF.edition = None

    assert list(editing.differences()) == ["Block 1 of the ids: 2 differ."]
    IdBlock.objects.filter(place=4).delete()
    SHELF.edition = None
    assert list(editing.differences())[1:] == ["The blocks of ids lack 2 audiences."]


def test_one_process_makes_it(both):
    with upkeep.alone(), pytest.raises(upkeep.Busy):
        elsewhere(editing.make)
    assert IdEdition.objects.count() == 1


def test_the_worker_makes_it_where_many_have_none():
    both = Both()
    both.upsert("a", "b")
    tasks.order_ids(0)
    assert not IdEdition.objects.exists()
    both.upsert("c")
    tasks.order_ids(0)

    assert IdEdition.objects.get().audiences == 3


def test_it_is_made_anew_after_minutes_where_it_lacks_many(both):
    made = IdEdition.objects.get()
    both.upsert("x1", "x2", "x3")
    editing.make_if_due()
    assert IdEdition.objects.get() == made
    IdEdition.objects.update(made_at=timezone.now() - timedelta(minutes=6))
    editing.make_if_due()

    assert IdEdition.objects.get().audiences == len(IDS) + 3


def test_it_is_made_anew_after_a_day_so_that_the_erased_are_not_kept(both):
    IdEdition.objects.update(made_at=timezone.now() - timedelta(days=2))
    AudienceHead.objects.update(at=timezone.now() - timedelta(days=3))
    made = IdEdition.objects.get()
    editing.make_if_due()
    assert IdEdition.objects.get() == made
    both.erase("a")
    editing.make_if_due()

    assert IdEdition.objects.get().audiences == len(IDS) - 1
