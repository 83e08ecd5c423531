"""The receipt: every line in one bucket, the same by a dry run, and rejected lines that load once they are mended."""

import gzip
import json
import sys
from io import BufferedReader, BytesIO, StringIO, TextIOWrapper

import pytest
from django.core.management import call_command

from segments.models import (
    Audience,
    AudienceAttribute,
    AudienceAttributeValue,
    AudienceSegment,
    Import,
    ImportReject,
)
from segments.store import store
from segments.tests.conftest import OWNERS
from segments.tests.imports import load

pytestmark = pytest.mark.django_db

PEOPLE = "id,gender,tier\nana,F,gold\nben,M,silver|staff\ncho,F,\n"
BAD_CSV = (
    b"id,gender,tier\n"
    b"ana,F,gold\n"
    b"ben,M\n"
    b"\n"
    b"cho,\xff,gold\n"
    b"dan,F,go\0ld\n"
    b'eva,"F,gold\n'
    b"fay,F,silver\n"
    b'gus,"M","say ""hi"""\n'
    b"hal,M,gold,extra\n"
    b"ana,F,platinum\n"
    b"ivy,F,gold||silver\n"
    b"a/b,F,gold\n"
    b",M,gold\n" + b"jon," + b"M" * 2**21 + b",gold\n"
    b"kim,F," + b"x" * 1001 + b"\n"
    b"lee,F,gold"
)
MENDED_CSV = (
    b"id,gender,tier\n"
    b"ben,M,silver\n"
    b"cho,F,gold\n"
    b"dan,F,gold\n"
    b"eva,F,gold\n"
    b"hal,M,gold\n"
    b"ivy,F,gold|silver\n"
    b"a-b,F,gold\n"
    b"mia,M,gold\n"
    b"jon,M,gold\n"
    b"kim,F,bronze\n"
)


def properties():
    return {profile.id: profile.properties for profile in store().page(None, 1000)}


def rows():
    return [
        list(model.objects.order_by("pk").values()) for model in (Audience, AudienceAttribute, AudienceAttributeValue)
    ]


def piped(content):
    return TextIOWrapper(BufferedReader(BytesIO(content.encode())))


def test_it_counts_created_then_unchanged_then_updated(folder):
    assert folder.load("audiences", "people.csv", PEOPLE).counts == {"created": 3}
    assert properties() == {
        "ana": {"gender": ["F"], "tier": ["gold"]},
        "ben": {"gender": ["M"], "tier": ["silver", "staff"]},
        "cho": {"gender": ["F"]},
    }
    before = rows()
    assert folder.load("audiences", "people.csv", PEOPLE).counts == {"unchanged": 3}
    assert rows() == before
    changed = PEOPLE.replace("ana,F,gold", "ana,F,platinum")
    assert folder.load("audiences", "people.csv", changed).counts == {"updated": 1, "unchanged": 2}


def test_it_keeps_the_receipt_in_a_row(folder):
    outcome = folder.load("audiences", "people.csv", PEOPLE + "dan,M\n", "--mode=replace", "--max-errors=50%")

    row = Import.objects.get()
    assert (row.kind, row.state, row.actor, row.reason) == ("audiences", "done", "command import_audiences", "")
    assert row.file == str(folder.path / "people.csv")
    assert row.options == {"max_errors": "50%", "mode": "replace"}
    assert {name: getattr(row, name) for name in outcome.receipt} == outcome.receipt
    assert row.started_at <= row.finished_at
    assert str(row) == f"audiences: {row.file}"
    (reject,) = row.rejects.all()
    assert (reject.line, reject.column, reject.code) == (5, "", "ragged")
    assert str(reject) == "5: The line has 2 cells and the header 3. Give each column one."


def test_it_puts_every_bad_line_where_it_belongs(folder):
    outcome = folder.load("audiences", "people.csv", BAD_CSV)

    assert outcome.code == 1
    assert outcome.receipt == {
        "lines": 15,
        "created": 4,
        "updated": 0,
        "unchanged": 0,
        "duplicate": 1,
        "suppressed": 0,
        "rejected": 10,
        "reasons": {
            "blank": 1,
            "broken_quotes": 1,
            "invalid_id": 1,
            "line_too_long": 1,
            "not_utf8": 1,
            "null_character": 1,
            "ragged": 2,
            "unsupported_value": 2,
        },
    }
    assert sorted(properties()) == ["ana", "fay", "gus", "lee"]
    assert properties()["ana"] == {"gender": ["F"], "tier": ["platinum"]}
    assert properties()["gus"] == {"gender": ["M"], "tier": ['say "hi"']}


def test_it_writes_rejected_lines_as_they_stood_with_a_report_beside_them(folder):
    outcome = folder.load("audiences", "people.csv", BAD_CSV)

    rejects = folder.path / "people.rejects.csv"
    report = folder.rejects("people.rejects.report.csv")
    lines = rejects.read_bytes().splitlines(keepends=True)
    source = BAD_CSV.splitlines(keepends=True)
    assert str(rejects) in outcome.said
    assert "people.rejects.report.csv" in outcome.said
    assert Import.objects.get().rejects_file == str(rejects)
    assert lines[0] == source[0]
    assert [int(entry["line"]) for entry in report] == [3, 5, 6, 7, 10, 12, 13, 14, 15, 16]
    for entry in report:
        assert lines[int(entry["rejects_line"]) - 1] == source[int(entry["line"]) - 1]
    assert len(lines) == 11
    by_line = {entry["line"]: entry for entry in report}
    assert by_line["12"]["column"] == "tier"
    assert by_line["12"]["value"] == "'gold||silver'"
    assert by_line["13"]["column"] == "id"
    assert by_line["13"]["value"] == "'a/b'"
    assert by_line["7"]["reason"].startswith("A quoted cell does not end")
    assert [reject.line for reject in ImportReject.objects.all()] == [int(entry["line"]) for entry in report]


def test_its_mended_rejects_load(folder):
    folder.load("audiences", "people.csv", BAD_CSV)
    (folder.path / "people.rejects.csv").write_bytes(MENDED_CSV)

    outcome = load("audiences", folder.path / "people.rejects.csv")

    assert (outcome.code, outcome.counts) == (0, {"created": 10})
    assert store().check() == []


def test_its_mended_rejects_load_with_tabs_between_their_cells(folder):
    folder.load("audiences", "people.tsv", "id\tgender\nana\tF\nben\n")
    rejects = folder.path / "people.rejects.tsv"
    rejects.write_text(rejects.read_text().replace("ben", "ben\tM"))

    outcome = load("audiences", rejects)

    assert (outcome.code, outcome.counts) == (0, {"created": 1})
    assert properties()["ben"] == {"gender": ["M"]}


def test_it_makes_no_rejects_file_without_rejects(folder):
    outcome = folder.load("audiences", "people.csv", PEOPLE)

    assert outcome.code == 0
    assert [path.name for path in folder.path.iterdir()] == ["people.csv"]


def test_it_takes_away_the_rejects_of_the_file_before(folder):
    folder.load("audiences", "people.csv", PEOPLE + "dan\n")
    left = sorted(path.name for path in folder.path.iterdir())
    assert left == ["people.csv", "people.rejects.csv", "people.rejects.report.csv"]

    assert folder.load("audiences", "people.csv", "").code == 0
    assert [path.name for path in folder.path.iterdir()] == ["people.csv"]
    folder.load("audiences", "people.csv", PEOPLE + "dan\n")
    assert folder.load("audiences", "people.csv", "key,gender\n").code == 2
    assert [path.name for path in folder.path.iterdir()] == ["people.csv"]


def test_it_keeps_the_rejects_of_a_file_of_the_same_name_and_another_kind(folder):
    folder.load("audiences", "people.csv", PEOPLE + "dan\n")
    assert folder.load("audiences", "people.jsonl", '{"id": "eva"}\n').code == 0
    assert folder.rejects("people.rejects.report.csv")[0]["line"] == "5"
    folder.load("audiences", "people.jsonl", '{"id": "eva"}\n{"id": 5}\n')
    assert folder.rejects("people.rejects.jsonl.report.csv")[0]["line"] == "2"
    assert folder.rejects("people.rejects.report.csv")[0]["line"] == "5"


def test_it_says_where_in_the_file_json_breaks(folder):
    folder.load("audiences", "people.jsonl", '{"id": "eva"}\n{"id": "fay"\r\n{"id": "gus", x}\n')

    assert [entry["reason"] for entry in folder.rejects("people.rejects.jsonl.report.csv")] == [
        "This is not JSON: Expecting ',' delimiter at line 2, column 13.",
        "This is not JSON: Expecting property name enclosed in double quotes at line 3, column 15.",
    ]


def test_it_takes_nothing_away_that_no_import_left(folder):
    for name, content in (("people.rejects.csv", "mine"), ("people.rejects.report.csv", "line,mine\n")):
        folder.file(name, content)
    folder.load("audiences", "people.csv", PEOPLE)

    assert (folder.path / "people.rejects.csv").read_text() == "mine"
    assert (folder.path / "people.rejects.report.csv").read_text() == "line,mine\n"


def test_it_lets_the_last_line_of_an_id_win_and_a_rejected_one_not_count(folder):
    outcome = folder.load("audiences", "people.csv", "id,tier\nana,gold\nana,silver\nana,a||b\nben,gold\n")

    assert outcome.counts == {"created": 2, "duplicate": 1, "rejected": 1}
    assert properties()["ana"] == {"tier": ["silver"]}


def test_its_dry_run_gives_the_same_receipt_and_writes_nothing(folder):
    folder.load("audiences", "before.csv", "id,gender\nana,F\nlee,M\n")
    before = rows()

    dry = folder.load("audiences", "people.csv", BAD_CSV, "--dry-run")
    assert rows() == before
    wet = folder.load("audiences", "people.csv", BAD_CSV)

    assert (dry.code, dry.receipt) == (wet.code, wet.receipt)
    assert wet.counts == {"created": 2, "updated": 2, "duplicate": 1, "rejected": 10}
    assert [run.dry_run for run in Import.objects.order_by("id")] == [False, True, False]


@pytest.mark.parametrize(
    ("limit", "code"), [("0", 2), ("1", 2), ("2", 1), ("100", 1), ("0.5%", 2), ("19%", 2), ("20%", 1), ("100%", 1)]
)
def test_it_judges_the_limit_before_anything_is_applied(folder, limit, code):
    people = "".join(f"p{index},F\n" for index in range(8))
    outcome = folder.load("audiences", "people.csv", f"id,gender\n{people}x\ny\n", f"--max-errors={limit}")

    assert outcome.code == code
    assert Audience.objects.count() == (8 if code == 1 else 0)
    row = Import.objects.get()
    assert (row.state, row.lines, row.rejected) == ("refused" if code == 2 else "done", 10, 2)
    assert "people.rejects.csv" in outcome.said
    if code == 2:
        assert "2 of 10 lines were rejected" in outcome.said
        assert "2 of 10 lines were rejected" in row.reason


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", 0),
        ("\n\n", 0),
        ("id,gender", 0),
        ("id,gender\r\n", 0),
        ("\n\nid,gender\n", 0),
        ("id,gender\nana,F", 1),
        ("\ufeffid,gender\r\nana,F\r\n\r\n  \r\nben,M\r\n", 2),
        ('"id","gen""der"\n"ana","F\nor M"\nben,\n', 2),
        ("gender,id\nF,ana\nM,ben\n", 2),
    ],
)
def test_it_counts_records_and_neither_header_nor_blank_lines(folder, content, lines):
    outcome = folder.load("audiences", "people.csv", content)

    assert (outcome.code, outcome.receipt["lines"]) == (0, lines) or outcome.receipt["reasons"] == {"unsafe_text": 1}
    assert outcome.receipt["lines"] == lines


def test_it_numbers_lines_as_an_editor_does(folder):
    content = '\ufeff\nid,note\n"a\nb",x\n\nben,"y\nz"\n"ana\ncho,x\ndan,"ok"\ne\n'
    folder.load("audiences", "people.csv", content)

    assert [(entry["line"], entry["code"]) for entry in folder.rejects("people.rejects.report.csv")] == [
        ("3", "unsafe_text"),
        ("6", "unsafe_text"),
        ("8", "broken_quotes"),
        ("11", "ragged"),
    ]
    assert sorted(properties()) == ["cho", "dan"]
    assert (folder.path / "people.rejects.csv").read_text() == 'id,note\n"a\nb",x\nben,"y\nz"\n"ana\ne\n'


JOINED = {
    "audiences": "id,gender\nana,F\n",
    "attributes": "code,name,visibility\ngender,Gender,public\n",
    "segments": "name,management_type\nWomen,selfmanaged\n",
}


@pytest.mark.parametrize("kind", JOINED)
@pytest.mark.parametrize(
    ("between", "code"), [("", "repeated_header"), ("\ufeff", "byte_order_mark"), ("\n\n", "repeated_header")]
)
def test_it_takes_no_header_in_the_middle_for_a_line_of_data(folder, kind, between, code):
    one = JOINED[kind]
    header, line = one.splitlines()
    quoted = ",".join(f'"{name}"' for name in header.split(","))
    content = f"\ufeff{one}{between}{one}{between}{quoted}\r\n{line}"
    outcome = folder.load(kind, "joined.csv", content, f"--owner={OWNERS['alice']}")

    assert outcome.receipt["reasons"] == {code: 2}
    assert outcome.receipt["lines"] == 5
    model = {"audiences": Audience, "attributes": AudienceAttribute, "segments": AudienceSegment}[kind]
    assert model.objects.count() == outcome.receipt["created"] == (3 if kind == "segments" else 1)
    assert len((folder.path / "joined.rejects.csv").read_text().splitlines()) == 3


def test_it_rejects_a_line_that_a_byte_order_mark_begins(folder):
    outcome = folder.load("audiences", "people.csv", "id,gender\nana,F\n\ufeffben,M\ncho,F\ufeff\n")
    assert outcome.receipt["reasons"] == {"byte_order_mark": 1}
    assert sorted(properties()) == ["ana", "cho"]
    lines = folder.load("audiences", "people.jsonl", '\ufeff{"id": "dan"}\n\ufeff{"id": "eva"}\n')
    assert lines.receipt["reasons"] == {"byte_order_mark": 1}
    assert "dan" in properties()


def test_it_reads_gzip_and_other_delimiters(folder):
    packed = gzip.compress(PEOPLE.replace(",", ";").encode())
    assert folder.load("audiences", "people.csv.gz", packed, "--delimiter=;").counts == {"created": 3}
    assert folder.load("audiences", "people.tsv", PEOPLE.replace(",", "\t")).counts == {"unchanged": 3}
    assert folder.load("audiences", "people.txt", PEOPLE.replace(",", "\t"), r"--delimiter=\t").counts == {
        "unchanged": 3
    }


def test_it_names_the_rejects_of_a_packed_file_without_gz(folder):
    folder.load("audiences", "people.jsonl.gz", gzip.compress(b'{"id": "ana"}\n{"id": 5}\n'))

    assert (folder.path / "people.rejects.jsonl").read_text() == '{"id": 5}\n'


@pytest.mark.parametrize("content", [PEOPLE, '\n{"id": "ana"}\n{"id": "ben"}\n{"id": "cho"}\n'])
def test_it_reads_standard_input(folder, monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", piped(content))

    assert load("audiences", "-").counts == {"created": 3}
    assert Import.objects.get().file == "-"


def test_it_writes_the_rejects_of_standard_input_where_it_is_told(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", piped("id,gender\nana\n"))
    monkeypatch.chdir(folder.path)

    load("audiences", "-", f"--rejects={folder.path / 'bad.csv'}")
    assert (folder.path / "bad.csv").read_bytes() == b"id,gender\nana\n"
    monkeypatch.setattr(sys, "stdin", piped("id,gender\nana\n"))
    load("audiences", "-")
    assert (folder.path / "stdin.rejects.csv").read_bytes() == b"id,gender\nana\n"


def test_it_tells_its_progress_in_json_where_nobody_looks(folder):
    said = folder.load("audiences", "people.csv", PEOPLE).said

    assert [json.loads(line)["phase"] for line in said.splitlines()] == ["reading", "applying", "sizing"]


class Terminal(StringIO):
    def isatty(self):
        return True


def test_it_draws_its_progress_on_a_terminal(folder, capsys):
    path = folder.file("people.csv", PEOPLE)
    call_command("import_audiences", str(path), stdout=StringIO(), stderr=Terminal())

    drawn = capsys.readouterr().err
    for words in ("Reading", "Applying", "Counting sizes", "3 rows", "/s"):
        assert words in drawn


def test_it_prints_the_receipt_for_people_too(folder, capsys):
    path = folder.file("people.csv", PEOPLE + "dan\n")
    with pytest.raises(SystemExit):
        call_command("import_audiences", str(path))

    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        ["lines", "4"], ["created", "3"], ["updated", "0"], ["unchanged", "0"], ["duplicate", "0"],
        ["suppressed", "0"], ["rejected", "1"], ["ragged", "1"],
    ]  # fmt: skip
