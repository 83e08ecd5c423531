"""What an import refuses as a whole: exit 2, one sentence, nothing applied, and a row that says so."""

import gzip
import os
import random

import pytest
from django.db import connection

from segments.models import Audience, AudienceAttribute, AudienceSegment, Import
from segments.tests.conftest import OWNERS
from segments.tests.imports import load

pytestmark = pytest.mark.django_db

PEOPLE = "id,gender\nana,F\nben,M\n"
LOSE_THE_CONNECTION = """
    CREATE FUNCTION lose_the_connection() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END';
    CREATE TRIGGER lose_the_connection BEFORE INSERT ON segments_audience
        FOR EACH ROW WHEN (new.id = 'p11000') EXECUTE FUNCTION lose_the_connection()"""


def assert_refused(outcome, *words, row=True):
    assert outcome.code == 2
    sentence = outcome.said.splitlines()[-1]
    for word in words:
        assert word in sentence
    assert sentence.endswith(".")
    assert [model.objects.count() for model in (Audience, AudienceAttribute, AudienceSegment)] == [0, 0, 0]
    assert [(run.state, run.reason) for run in Import.objects.all()] == ([("refused", sentence)] if row else [])


def test_it_refuses_what_is_no_readable_file(folder):
    assert_refused(load("audiences", folder.path / "people.csv"), "There is no file", "people.csv")


@pytest.mark.parametrize("name", ["a\0b", "people.csv/more", "\udcff.csv"])
def test_it_refuses_names_that_can_be_no_file(folder, name):
    folder.file("people.csv", PEOPLE)
    assert_refused(load("audiences", f"{folder.path}/{name}"), "There is no file")


def test_it_refuses_a_directory(folder):
    assert_refused(load("audiences", folder.path), "is not a regular file")


def test_it_refuses_a_fifo_without_waiting_for_it(folder):
    os.mkfifo(folder.path / "people.csv")
    assert_refused(load("audiences", folder.path / "people.csv"), "is not a regular file", "standard input")


def test_it_refuses_a_symbolic_link(folder):
    folder.file("people.csv", PEOPLE)
    (folder.path / "latest.csv").symlink_to("people.csv")
    assert_refused(load("audiences", folder.path / "latest.csv"), "is a symbolic link")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_it_refuses_a_file_that_it_may_not_read(folder):
    folder.file("people.csv", PEOPLE).chmod(0)
    assert_refused(load("audiences", folder.path / "people.csv"), "cannot be read")


def packed(rows):
    generator = random.Random(7)
    return gzip.compress("".join(["id,gender\n", *(f"{generator.random()},F\n" for _row in range(rows))]).encode())


@pytest.mark.parametrize(
    "damage", ["cut in the data", "cut at the end", "flipped", "no gzip", "more behind it", "empty"]
)
def test_it_refuses_a_damaged_gzip_whole(folder, damage):
    content = packed(3_000)
    damaged = {
        "cut in the data": content[: len(content) // 2],
        "cut at the end": content[:-4],
        "flipped": content[:9_000] + bytes([content[9_000] ^ 255]) + content[9_001:],
        "no gzip": PEOPLE.encode(),
        "more behind it": content + b"rubbish",
        "empty": content[:5],
    }[damage]

    assert_refused(folder.load("audiences", "people.csv.gz", damaged), "cut off or damaged", "Get it again")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("name,gender", ["The header has no column 'id'", "'name', 'gender'"]),
        ("id,gender,gender", ["the column 'gender' twice"]),
        ("id,gender,", ["Column 3 of the header has no name"]),
        ("id,gen\0der", ["header cannot be read", "NUL"]),
        ("id,gen\udcffder", ["header cannot be read", "UTF-8"]),
        ('id,"gender', ["header cannot be read", "quoted cell"]),
        ("id," + "g" * 33, ["The column 'ggg", "--map", "--skip"]),
        ("id, gender", ["The column ' gender'", "white space"]),
        ("id,caf\u00e9,cafe\u0301", ["Two columns are the attribute 'caf\u00e9'"]),
        ("id," + ",".join(f"c{index}" for index in range(101)), ["has 101 attributes", "at most 100"]),
    ],
)
def test_it_refuses_a_header_that_cannot_be_meant(folder, header, words):
    content = f"{header}\nana,F\n".encode("utf-8", "surrogateescape")
    assert_refused(folder.load("audiences", "people.csv", content), *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--id-column=key"], ["no column 'key'"]),
        (["--skip=\udcff"], ["--skip names the column"]),
        (["--skip=age"], ["--skip names the column 'age'"]),
        (["--map=sex=age"], ["--map names the column 'age'"]),
        (["--strict"], ["No attribute has the code 'gender'", "import_attributes"]),
        (["--rejects={folder}/people.csv", "--skip=gender"], ["is the file to be imported"]),
        (["--rejects={folder}/people.csv", "--skip=age"], ["is the file to be imported"]),
        (["--rejects={folder}/no/such.csv", "--skip=gender"], ["cannot be written", "--rejects"]),
    ],
)
def test_it_refuses_options_that_do_not_fit_the_file(folder, options, words):
    told = [option.format(folder=folder.path) for option in options]
    assert_refused(folder.load("audiences", "people.csv", PEOPLE + "x\n", *told), *words)
    assert (folder.path / "people.csv").read_text() == PEOPLE + "x\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--owner=me"], ["--owner 'me' is no UUID"]),
        (["--owner="], ["--owner '' is no UUID"]),
        *[([f"--max-errors={text}"], ["--max-errors", "0.5%"]) for text in ("-1", "x", "101%", "1.5", "nan", "%", "")],
        *[([f"--delimiter={text}"], ["--delimiter"]) for text in ("", ";;", '"', "\n")],
        *[([f"--map={text}"], ["--map", "gender=Sex"]) for text in ("gender", "=sex", "gender=")],
        (["--map=a=x", "--map=b=x"], ["--map names the column 'x' twice"]),
        (["--map=sex=gender", "--skip=gender"], ["--skip and --map both name the column 'gender'"]),
        (["--map=sex=id"], ["--map names the column of ids, 'id'"]),
        (["--skip=gender", "--id-column=gender"], ["--skip names the column of ids, 'gender'"]),
    ],
)
def test_it_refuses_options_that_cannot_be_meant_before_it_begins(folder, options, words):
    assert_refused(folder.load("audiences", "people.csv", PEOPLE, *options), *words, row=False)


@pytest.mark.parametrize(
    "option", ["--mode=merge", "--map=a=b", "--skip=a", "--id-column=id", "--separator=;", "--delimiter=;"]
)
def test_it_refuses_options_of_csv_for_json_lines(folder, option):
    outcome = folder.load("audiences", "people.jsonl", [{"id": "ana"}], option)
    assert_refused(outcome, option.split("=")[0], "is JSON Lines")


@pytest.mark.parametrize(
    ("kind", "header", "missing"),
    [
        ("attributes", "name,visibility,owner_id", "code"),
        ("attributes", "code,name,visibility", "owner_id"),
        ("segments", "id,name,management_type", "owner_id"),
    ],
)
def test_it_refuses_a_file_without_a_required_column(folder, kind, header, missing):
    assert_refused(folder.load(kind, "file.csv", header + "\n"), f"The header has no column '{missing}'")


@pytest.mark.parametrize(
    ("kind", "header"),
    [("attributes", "code,name,visibility,owner_id,colour"), ("segments", "name,management_type,owner_id,colour")],
)
def test_strict_refuses_a_column_that_is_no_field(folder, kind, header):
    assert_refused(folder.load(kind, "file.csv", header + "\n", "--strict"), "'colour'")


@pytest.mark.django_db(transaction=True)
def test_it_says_that_it_failed_and_what_was_applied_and_then_converges(folder):
    """As when the connection is lost in the third chunk, or in one behind it."""
    content = "id,gender\n" + "".join(f"p{index:05},F\n" for index in range(12_000))
    with connection.cursor() as cursor:
        cursor.execute(LOSE_THE_CONNECTION)
    try:
        outcome = folder.load("audiences", "people.csv", content)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION lose_the_connection CASCADE")

    failed = Import.objects.get()
    assert outcome.code == 3
    assert "Run it again" in outcome.said
    assert (failed.state, failed.lines) == ("failed", 12_000)
    assert "terminating connection" in failed.reason
    assert Audience.objects.count() == failed.created
    assert 0 < failed.created <= 11_000

    again = folder.load("audiences", "people.csv", content)
    assert (again.code, again.counts) == (0, {"created": 12_000})
    assert Import.objects.get().state == "done"


@pytest.mark.django_db(transaction=True)
def test_it_writes_few_segments_at_a_time_as_clients_wait_for_them(folder):
    rows = "".join(f"s{index},selfmanaged\n" for index in range(1_200))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE segments_audiencesegment ADD CONSTRAINT none_is_the_last CHECK (name <> 's1199')")
    try:
        outcome = folder.load("segments", "segments.csv", "name,management_type\n" + rows, f"--owner={OWNERS['alice']}")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE segments_audiencesegment DROP CONSTRAINT none_is_the_last")

    assert outcome.code == 3
    assert (AudienceSegment.objects.count(), Import.objects.get().created) == (1_000, 1_000)


def test_it_leaves_no_table_behind(folder):
    folder.load("audiences", "people.csv", PEOPLE)
    folder.load("audiences", "people.csv.gz", PEOPLE.encode())

    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname ~ '^(import_staged|incoming|compared)'")
        assert cursor.fetchall() == []


def test_it_refuses_a_packed_file_that_was_cut_off_at_its_beginning(folder):
    (folder.path / "people.csv.gz").write_bytes(b"")

    assert_refused(load("audiences", folder.path / "people.csv.gz"), "people.csv.gz")


@pytest.mark.parametrize("most", ["1e30", "1" * 30])
def test_it_reads_a_limit_of_any_length(folder, most):
    folder.file("people.csv", PEOPLE)

    assert load("audiences", folder.path / "people.csv", f"--max-errors={most}").code == 0
