"""Long lines and large files: what is held in memory does not grow with them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segments.importing.lines import LONGEST_LINE, Lines
from segments.importing.readers import csv_records, json_records

ROOT = Path(__file__).resolve().parent.parent.parent
MIB = 2**20
# What Python and Django take, and some room; a line or a file held in memory goes far beyond.
ALLOWED = 60 * MIB
MEASURE = """
import resource, sys
from segments.importing.lines import Lines
from segments.importing.readers import csv_records
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
lines = refused = 0
for record in csv_records(Lines(sys.stdin.buffer), ","):
    lines += 1
    refused += record.fault is not None
    for piece in record.rest:
        pass
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(lines, refused, (after - before) * 1024)
"""


@pytest.mark.parametrize("content", ["one line of 256 MiB", "one quote that stays open", "a million lines"])
def test_its_memory_stays_flat(content):
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    )
    process.stdin.write(b"id,gender\n")
    if content == "one line of 256 MiB":
        for _piece in range(256):
            process.stdin.write(b"x" * MIB)
        process.stdin.write(b"\nana,F\n")
    elif content == "one quote that stays open":
        process.stdin.write(b'"ana,F\n' + b"ben,M\n" * 1_000_000)
    else:
        process.stdin.write(b"ben,M\n" * 1_000_000)
    printed, _said = process.communicate(timeout=60)
    lines, refused, grown = map(int, printed.split())

    expected = {
        "one line of 256 MiB": (3, 1),
        "one quote that stays open": (1_000_002, 1),
        "a million lines": (1_000_001, 0),
    }
    assert (lines, refused) == expected[content]
    assert grown < ALLOWED


def read(folder, content, reader):
    with folder.file("file", content).open("rb") as stream:
        return [
            (record.line, record.raw + b"".join(record.rest), record.fault.code if record.fault else "")
            for record in reader(Lines(stream))
        ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("over", [-1, 0, 1, 2, 65_536, 200_000])
def test_it_takes_a_line_of_a_mebibyte_and_none_that_is_longer(folder, over, end):
    line = b"x" * (LONGEST_LINE + over) + end
    after = b"y\n" if end else b""

    first, *others = read(folder, line + after, json_records)
    assert first == (1, line, "line_too_long" if over > 0 else "")
    assert others == ([(2, b"y\n", "")] if end else [])


def test_a_quote_that_stays_open_costs_its_own_line_alone(folder):
    lines = [b'a,"b\n', b"c,d\n", b'e,"f"\n', b'g,"h""\n', b"i,j\n", b'"k","l"m\n', b'n,"o\n', b'p"\n', b'q,"r']
    records = read(folder, b"".join(lines), lambda source: csv_records(source, ","))

    assert records == [
        (1, lines[0], "broken_quotes"),
        (2, lines[1], ""),
        (3, lines[2], ""),
        (4, lines[3], "broken_quotes"),
        (5, lines[4], ""),
        (6, lines[5], "broken_quotes"),
        (7, lines[6] + lines[7], ""),
        (9, lines[8], "broken_quotes"),
    ]


def test_a_long_line_behind_an_open_quote_is_told_by_itself(folder):
    long = b"x" * (2 * LONGEST_LINE) + b"\n"
    records = read(folder, b'a,"b\n' + long + b"c,d\n", lambda source: csv_records(source, ","))

    assert records == [(1, b'a,"b\n', "broken_quotes"), (2, long, "line_too_long"), (3, b"c,d\n", "")]
