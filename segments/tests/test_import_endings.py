"""Commands that somebody ends, or whose reader goes: one sentence, the exit code of a shell, and a row that says so."""

import json
import os
import signal
import subprocess
import sys

import pytest
from django.db import connection, transaction

from segments.models import Audience, Import
from segments.store.postgres import lock_head
from segments.tests.server import ROOT
from segments.tests.threads import PATIENCE, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = "id,gender\nana,F\nben,M\n"
RECEIPT = {"lines": 2, "created": 2, "rejected": 0}


@pytest.fixture
def begin():
    """Start a command of manage.py on the test's own database; its input and outputs are pipes."""
    url = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
    begun = []

    def start(*arguments, closed=""):
        command = [sys.executable, "manage.py", *map(str, arguments)]
        if closed:
            command = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
        pipe, environment = subprocess.PIPE, {**os.environ, "DATABASE_URL": url}
        pipes = {"stdin": pipe, "stdout": pipe, "stderr": pipe}
        begun.append(subprocess.Popen(command, cwd=ROOT, env=environment, preexec_fn=heeds_ctrl_c, **pipes))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()


def heeds_ctrl_c():
    """As in a terminal, also where the tests run in the background of a shell, which has them ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def stop_listening(process, output):
    """Close the end that one reads, as a reader who goes."""
    getattr(process, output).close()
    setattr(process, output, None)


def ended(process):
    """The exit code, what it printed, and what it said besides its progress."""
    printed, said = process.communicate(timeout=PATIENCE)
    lines = [line for line in (said or b"").decode().splitlines() if not line.startswith('{"phase"')]
    return process.returncode, (printed or b"").decode(), lines


def assert_interrupted(process, number, state="stopped"):
    code, printed, said = ended(process)

    assert (code, printed) == (128 + number, "")
    assert said == [
        "CommandError: It was interrupted. The same command goes on; standard input has to be sent again.",
    ]
    row = Import.objects.get()
    assert (row.state, row.reason) == (state, f"It was interrupted by {signal.Signals(number).name}.")
    assert not Audience.objects.exists()


def test_ctrl_c_ends_it_while_it_reads(begin):
    process = begin("import_audiences", "-")
    process.stdin.write(PEOPLE.encode())
    process.stdin.flush()
    assert b'"reading"' in process.stderr.readline()
    process.send_signal(signal.SIGINT)

    assert_interrupted(process, signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_while_it_writes(begin, folder, number):
    path = folder.file("people.csv", PEOPLE)
    with transaction.atomic():
        lock_head()
        process = begin("import_audiences", path)
        until_somebody_waits()
        process.send_signal(number)
        assert_interrupted(process, number, "paused")


def test_it_refuses_a_standard_input_that_is_closed(begin):
    code, _printed, said = ended(begin("import_audiences", "-", closed="<&-"))

    assert code == 2
    assert said == ["CommandError: Standard input is closed. Send it the file's content, or name the file."]
    assert Import.objects.get().state == "refused"


@pytest.mark.parametrize(
    ("lost", "closed", "expected"),
    [("stdout", "", 141), ("stderr", "", 0), ("", ">&-", 0), ("", "2>&-", 0), ("", ">&- 2>&-", 0)],
)
def test_it_does_its_work_when_nobody_reads_what_it_says(begin, folder, lost, closed, expected):
    process = begin("import_audiences", folder.file("people.csv", PEOPLE), "--format=json", closed=closed)
    if lost:
        stop_listening(process, lost)
    code, printed, said = ended(process)

    assert (code, said) == (expected, [])
    row = Import.objects.get()
    assert (row.state, row.created) == ("done", 2)
    if printed:
        assert json.loads(printed).items() >= RECEIPT.items()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is always full")
@pytest.mark.parametrize("command", ["import_audiences", "compare_audiences"])
def test_it_says_that_its_output_is_not_whole(begin, folder, command):
    code, _printed, said = ended(begin(command, folder.file("people.csv", PEOPLE), closed="> /dev/full"))

    assert code == 3
    assert said == [
        "CommandError: What was written is not all of it: No space left on device. "
        "Make room, or write elsewhere, and run it again."
    ]


def test_a_comparison_ends_with_its_reader(begin, folder):
    path = folder.file("people.csv", "id\n" + "".join(f"p{index}\n" for index in range(20_000)))
    process = begin("compare_audiences", path)
    process.stdout.readline()
    stop_listening(process, "stdout")

    assert ended(process) == (141, "", [])
