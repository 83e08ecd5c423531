"""Large files, most of whose lines are read in processes of their own: the rows are those of the exact reader."""

import json
import signal
from functools import partial

import pytest

from segments.importing import apart, reading
from segments.importing.apart import Apart, Lost
from segments.importing.audiences import Audiences
from segments.importing.cells import AttributeHeader
from segments.importing.lines import LONGEST_LINE
from segments.importing.options import Columns, Options
from segments.importing.quick_csv import QuickCSV
from segments.importing.reading import BATCH_BYTES
from segments.models.changes import Actor
from segments.tests.test_import_quick import assert_same, read

pytestmark = pytest.mark.django_db(transaction=True)  # inside of one nothing is done beside

LINES = 12_500


@pytest.fixture(autouse=True)
def cores(monkeypatch):
    """Also where the machine has one core only."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {0, 1})


def people(change=None):
    """So many lines, with an odd one now and then; `change` alters them."""
    lines = [f"p{number},{'FM?'[number % 3]},tier {number % 700}" for number in range(LINES)]
    lines[6_000] = "p6000,F"
    lines[11_000] = "a/b,F,gold"
    lines[12_000] = 'p12000,"F","gold|silver"'
    if change:
        change(lines)
    return "\n".join(["id,gender,tier", *lines, "last,F,"]).encode()


def open_quote(lines):
    lines[8_000] = 'p8000,F,"gold\n  and more"'


def never_closed(lines):
    lines[8_000] = 'p8000,F,"gold'


def long_line(lines):
    lines[8_000] = f"p8000,F,{'x' * LONGEST_LINE}"


def blank(lines):
    lines[7_000:8_000] = [""] * 1_000


@pytest.mark.parametrize("change", [None, open_quote, never_closed, long_line, blank])
def test_it_reads_csv_as_the_exact_reader_does(change):
    assert_same("people.csv", people(change), Options())


@pytest.mark.parametrize("strict", [False, True])
def test_it_reads_json_lines_as_the_exact_reader_does(strict):
    lines = [json.dumps({"id": f"p{number}", "properties": {"tier": [number % 700]}}) for number in range(LINES)]
    lines[6_000] = "{"
    lines[11_000] = '{"id": "zoe", "properties": {"Zoe\u0301": "x"}}'

    assert_same("people.jsonl", "\n".join(lines).encode(), Options(strict=strict))


@pytest.fixture
def sent(monkeypatch):
    """The lines that other processes were sent, block by block."""
    blocks = []
    read_by = Apart.read_by

    def noted(self, process, first, lines, is_brief):
        blocks.append(lines)
        return read_by(self, process, first, lines, is_brief)

    monkeypatch.setattr(Apart, "read_by", noted)
    return blocks


def test_other_processes_read_most_of_it(sent):
    _found, quick, _left_out = read("people.csv", people(), Options(), quickly=True)

    assert sum(map(len, sent)) > LINES // 3
    assert quick == LINES - 2


def test_they_read_all_of_a_file_that_is_known_to_be_long(sent, monkeypatch):
    monkeypatch.setattr(reading, "LARGE", 100_000)
    content = people()

    found, _quick, _left_out = read("people.csv", content, Options(), quickly=True, size=len(content))

    assert len(found) == LINES + 1
    assert any(b"p0,F,tier 0" in lines for lines in sent)


def test_they_are_sent_little_at_a_time(sent):
    short, long = [f"p{number},F" for number in range(6_000)], [f"q{number},{'x' * 2**19}" for number in range(40)]

    read("people.csv", "\n".join(["id,gender", *short, *long]).encode(), Options(), quickly=True)

    assert max(sum(map(len, lines)) for lines in sent) <= BATCH_BYTES + LONGEST_LINE


@pytest.fixture
def processes():
    header = AttributeHeader(["id", "tier"], Columns())
    with Apart(partial(QuickCSV, header, ","), Audiences(Options(), Actor(command="test"))) as opened:
        yield opened


def test_one_that_was_killed_is_missed(processes):
    assert processes.read(2, [b"ana,gold", b"ben,"]).ready == 2
    for _each in range(apart.THREADS):
        process = processes.idle.get()
        process.kill()
        process.wait()
        processes.idle.put(process)

    with pytest.raises(Lost):
        processes.read(4, [b"cid,gold"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_rest_is_read_here_when_they_are_gone_and_other_signals_are_not_for_them(monkeypatch, number):
    read_by, read_apart = Apart.read_by, []

    def signalled(self, process, first, lines, is_brief):
        read_by(self, process, first, lines[:1], is_brief)  # by now it runs
        process.send_signal(number)
        taken = read_by(self, process, first, lines, is_brief)
        read_apart.append(taken.count)
        return taken

    monkeypatch.setattr(Apart, "read_by", signalled)

    assert_same("people.csv", people(), Options())
    assert bool(read_apart) == (number != signal.SIGKILL)


def test_it_is_read_here_where_none_can_be_started(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")

    assert_same("people.csv", people(), Options())


def test_it_finds_its_program_where_python_does_not_look_by_itself(monkeypatch, sent):
    monkeypatch.setenv("PYTHONSAFEPATH", "1")

    assert_same("people.csv", people(), Options())
    assert len(sent) > 1


def test_they_go_on_behind_a_record_of_several_lines(sent):
    before, behind = ([f"{name}{number},F" for number in range(6_000)] for name in "pz")

    read("people.csv", "\n".join(["id,gender", *before, 'q,"F\n"', *behind, *behind]).encode(), Options(), quickly=True)

    assert any(b"z5999,F" in lines for lines in sent)


def test_they_read_long_lines(sent):
    read(
        "people.csv",
        "\n".join(["id,gender", *(f"p{n},{'x' * 900}" for n in range(6_000))]).encode(),
        Options(),
        quickly=True,
    )

    assert sent


def test_they_end_with_the_process_that_began_them(processes):
    process = processes.idle.get()

    process.stdin.close()  # as it is when that one is killed

    assert process.wait(timeout=30) == 0
    processes.idle.put(process)
