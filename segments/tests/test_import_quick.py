"""Lines that are read quickly are read as the exact reader reads them, whatever stands in them."""

import json
from collections import Counter
from io import BufferedReader, BytesIO
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.importing import quick_csv, reading
from segments.importing.audiences import Audiences
from segments.importing.cells import AttributeHeader
from segments.importing.options import Columns, Options
from segments.importing.quick import PLAIN_ID, PLAIN_IDS
from segments.importing.quick_csv import QuickCSV
from segments.importing.quick_json import QuickJSON
from segments.importing.reading import Rows
from segments.importing.seen import Numbers
from segments.importing.sources import Source
from segments.models.changes import Actor

pytestmark = pytest.mark.django_db

UNSENT = {"id_type": "\\N", "sends_id_type": False, "alt_id": None, "sends_alt_id": False, "created_at": "\\N"}
ODD = [
    "",
    " ",
    "\t",
    "F ",
    " F",
    "Zoe\u0301",
    "Zo\u00e9",
    "a|b|a",
    "|",
    "a||b",
    "\\",
    "\\N",
    "\u202a",
    "\x1f",
    "\x7f",
    "\ufeffF",
]
ODD += [
    "\u3000F",
    "x" * 1000,
    "x" * 1001,
    "|".join(map(str, range(1001))),
    "id",
    "a\rb",
    "\ud55c\uad6d",
    "25",
    "25.0",
    "true",
    "'",
    "\0",
]
IDS = [
    "ana",
    "a/b",
    ".",
    "..",
    "...",
    "a b",
    "a\\b",
    "",
    "id",
    "x" * 128,
    "x" * 129,
    "\ud55c",
    "\ufeffana",
    "\x1f",
    "\u202a",
    '"',
    "a\0",
]

cells = st.sampled_from(["F", "M", "gold", "silver|gold", *ODD]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
ids = st.sampled_from(IDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


HEADERS = [["id", "gender", "tier"], ["id", "gender", "tier"], ["gender", "tier", "id"], ["gender", "id"], ["id"]]
PLAIN = ["F", "M", "", '"F"', '"M, F"', '"gold"']


@st.composite
def csv_lines(draw, header):
    """A line as a program or a person may write it: quoted, or not, with too many cells, cut off, joined, in Latin-1."""
    written = [
        draw(st.sampled_from([lambda text: text, quoted]))(draw(ids if name == "id" else cells)) for name in header
    ]
    line = ",".join(written[: draw(st.sampled_from([3, 3, 3, 3, 2]))]) + draw(
        st.sampled_from(["", "", "", ",x", '"', '"x'])
    )
    return draw(st.sampled_from([line, line, line, line, "", "  ", ",".join(header), "\ufeff" + line])).encode(
        draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16-le"]))
    )


@st.composite
def plain_lines(draw, header):
    names = ["ana", "ben", '"cid"']
    return ",".join(draw(st.sampled_from(names if name == "id" else PLAIN)) for name in header).encode()


@st.composite
def csv_files(draw):
    """The header, and all of a file; its lines stand in it twice, so that their values are known the second time."""
    header = draw(st.sampled_from(HEADERS))
    ends = st.sampled_from(draw(st.sampled_from([[b"\n"], [b"\r\n"], [b"\n", b"\r\n", b"\r\r\n"]])))
    lines = draw(st.lists(st.tuples(csv_lines(header) | plain_lines(header), ends), max_size=12))
    return header, ",".join(header).encode() + b"\n" + b"".join(line + end for line, end in lines + lines)


scalars = (
    st.sampled_from(["F", "M", "25", 25, 25.0, True, 1, 1.0, 2**63, 2**64, 1e300, None, {}, [], [[]], *ODD])
    | st.floats()
    | st.integers()
)
members = scalars | st.lists(scalars, max_size=3) | st.lists(st.sampled_from(["F", "M", "a"]), max_size=3)
codes = st.sampled_from(["gender", "tier", "Zo\u00e9", "Zoe\u0301", "", "x" * 32, "x" * 33, "a b", " a", "\x1f"])
objects = st.fixed_dictionaries(
    {"id": ids | scalars},
    optional={
        "properties": st.dictionaries(codes, members, max_size=4) | scalars,
        "id_type": st.none() | cells | scalars,
        "alt_id": st.none() | st.dictionaries(cells, scalars, max_size=2) | scalars,
        "created_at": st.sampled_from(
            [
                None,
                "2019-05-01T12:30:15.25Z",
                "2019-05-01 12:30:15+09:00",
                "0001-01-01T00:00:00",
                "2999-01-01T00:00:00Z",
                5,
                "x",
            ]
        ),
        "updated_at": st.sampled_from([None, "2019-05-01T12:30:15Z", "x", []]),
        "propertys": scalars,
    },
)


@st.composite
def json_lines(draw):
    """An object in one of the ways in which it can be written, or something else; now and then a key stands there twice."""
    value = draw(objects)
    line = json.dumps(
        value, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), (" , ", " : ")]))
    )
    twice = draw(st.sampled_from(["", "", "", "", '"id": "zoe", ', '"properties": {}, ', '"alt_id": null, ']))
    line = "{" + twice + line[1:]
    return draw(
        st.sampled_from(
            [
                line,
                line,
                line,
                line,
                "",
                "null",
                "[]",
                "\ufeff" + line,
                line + "x",
                line.replace("{}", '{"a": "1", "a": "2"}'),
            ]
        )
    ).encode("utf-8", "surrogatepass")


def parsed(text, columns):
    """The fields of a row as COPY reads it, values by their labels."""
    line, key, *rest = text.removesuffix("\n").split("\t")
    found = {**UNSENT, **dict(zip(columns, rest, strict=True))}
    for name in ("sends_id_type", "sends_alt_id"):
        found[name] = found[name] in (True, "t", "True")
    for name in ("properties", "alt_id"):
        found[name] = None if found[name] in ("\\N", None) else json.loads(found[name].replace("\\\\", "\\"))
    found["value_ids"] = "".join(sorted(found["value_ids"].strip("{}")))
    return int(line), key, found


def read(name, content, options, *, quickly, size=None):
    """Every line: as it would be staged, or what is wrong with it; and how many of them were read quickly."""
    kind = Audiences(options, Actor(command="test"))
    kind.find = lambda wanted: {label: 10 + sum(map(ord, "".join(label))) for label in wanted}
    kind.numbers = Numbers(kind.find)
    rows = Rows(kind, Source(name, BufferedReader(BytesIO(content)), size=size), quickly=quickly)
    found, count = {}, 0
    for batch in rows.batches():
        assert [row.record.line for row in batch.rows] == sorted(row.record.line for row in batch.rows)
        kind.judge([row for row in batch.rows if not row.faults])
        found |= {row.record.line: (row.record.raw, row.faults) for row in batch.rows if row.faults}
        staged = kind.staged([row for row in batch.rows if not row.faults])
        for columns, texts in (
            (kind.columns, staged),
            (batch.columns, b"".join(batch.texts).decode().split("\n")[:-1]),
        ):
            for line, key, fields in (parsed(text, columns) for text in texts):
                assert line not in found
                found[line] = key, fields
        count += batch.ready
    return found, count, kind.left_out


def assert_same(name, content, options):
    exact, none, left_out = read(name, content, options, quickly=False)
    quick, _count, also_left_out = read(name, content, options, quickly=True)
    assert none == 0
    assert quick == exact
    assert also_left_out == left_out


EACH = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EACH
@given(csv_files(), st.booleans(), st.sampled_from([1, 2, 3, 100]), st.sampled_from([2, 7, 5_000]))
def test_it_reads_csv_as_the_exact_reader_does(file, merges, together, batch):
    header, content = file
    skip = frozenset() if merges or len(header) < 3 else frozenset({"tier"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick_csv, "TOGETHER", together)
        patch.setattr(reading, "BATCH_LINES", batch)
        assert_same("people.csv", content, Options(columns=Columns(merges=merges, skip=skip)))


def test_a_blank_line_is_no_id_where_there_are_only_ids():
    assert_same("people.csv", "id\nana\n \n\u3000\n\nben\n".encode(), Options())


@EACH
@given(st.lists(ids, max_size=3))
def test_several_ids_are_plain_when_each_of_them_is(several):
    several = [each for each in several if "\n" not in each]

    assert bool(PLAIN_IDS("".join(f"{each}\n" for each in several))) == all(map(PLAIN_ID, several))


class Everything:
    """Numbers for all that is asked for, which is noted."""

    def __init__(self):
        self.asked = []

    def find(self, labels):
        self.asked += labels
        return {label: 10 + sum(map(ord, "".join(label))) for label in labels}

    def aliases(self, _code):
        return {}

    def has_doubts(self):
        return False


@pytest.fixture
def quick():
    return QuickCSV(AttributeHeader(["id", "gender", "tier"], Columns()), ",", Everything())


def test_lines_that_are_plainly_right_are_taken_together(quick, monkeypatch):
    lines = [b"ana,F,gold", b'ben,"F",""', b'"cid",,"gold|silver"']
    once = quick.read(2, lines)  # now all values have numbers
    monkeypatch.delattr(QuickCSV, "take_each")

    assert quick.read(2, lines) == once
    assert (once.count, once.ready, once.odd) == (3, 3, [])


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("id,gender", ["ana,F", "ben,M"]),
        ("id,gender", ["ana,F", "ben,F,F"]),
        ("id,gender", ["ana,F,M", "ben,F,M"]),
        ("id,gender", ["ana,FM", 'ben,"F', 'M"']),
        ("id,gender", ["ana,F", '"id",gender', '"ben",gender']),
        ("gender,id", ['"\ufeffF",ana', "\ufeffF,ben", "F,cid"]),
        ("gender,id", ['"F",ana', "F,ben\r\r"]),
        ("gender,id", ['"F",ana\r', "F,ben\r"]),
        ("id", ["ana", "ben", " ", ""]),
    ],
)
def test_lines_are_read_the_same_together_and_one_by_one(monkeypatch, header, lines):
    quick = QuickCSV(AttributeHeader(header.split(","), Columns()), ",", Everything())
    raw = [line.encode() for line in lines]
    for line in [*raw, *raw]:
        quick.read(2, [line])  # now all values have numbers, and were seen

    together = quick.read(2, raw)
    monkeypatch.setattr(QuickCSV, "take_all", lambda *_lines: False)

    assert quick.read(2, raw) == together


CELLS = ["|".join(each) for count in range(1, 4) for each in combinations("abcdef", count)]


# All of it counts as 41,000 bytes or more, of which the values are 5,600 or more, and the cells less than 40,000.
@pytest.mark.parametrize(("most", "times"), [(100_000, 1), (40_000, 1), (15_000, 1), (10_000, 3)])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_what_stood_in_the_file_is_forgotten_before_the_values_are(monkeypatch, kind, most, times):
    monkeypatch.setattr("segments.importing.quick.MOST_MEMORY", most)
    asked = Everything()
    if kind == "csv":
        quick = QuickCSV(AttributeHeader(["id", "gender", "tier"], Columns()), ",", asked)
        lines = [f"p{number},F,{cell}".encode() for number, cell in enumerate(CELLS)]
    else:
        quick = QuickJSON(False, asked)
        people = [{"gender": "F", "tier": cell.split("|")} for cell in CELLS]
        lines = [json.dumps({"id": f"p{number}", "properties": each}).encode() for number, each in enumerate(people)]

    first, *others = [quick.read(2, lines) for _time in range(3)]

    assert others == [first, first]
    assert Counter(asked.asked) == {("gender", "F"): times, **{("tier", each): times for each in "abcdef"}}
    kept = [len(kept) for each in quick.attributes_seen() for kept in (each, each.properties)]
    assert sum(kept) == (2 * (1 + len(CELLS)) if most == 100_000 else 0)
    assert bool(quick.numbers.cell_memory) == (most == 100_000)


@EACH
@given(st.lists(json_lines(), max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_it_reads_json_lines_as_the_exact_reader_does(lines, end, strict):
    assert_same("people.jsonl", end.join([*lines, b""]), Options(strict=strict))


def test_it_reads_what_is_plainly_right_quickly():
    people = 'id,gender,tier\nana,F,gold\nben, M ,"silver|gold"\n\ud55c,,\n'
    objects = [
        {
            "id": "ana",
            "id_type": None,
            "alt_id": {"crm": "7"},
            "properties": {"gender": "F", "age": [25], "tier": ["a", "b"]},
        }
    ]
    objects += [
        {"id": "ben", "properties": {"nom": 'Zo\u00e9 "Z"'}, "created_at": "2019-05-01T12:30:15Z"},
        {"id": "\ud55c", "properties": {}},
    ]

    assert read("people.csv", people.encode(), Options(), quickly=True)[1] == 3
    for ascii in (True, False):
        lines = "".join(json.dumps(each, ensure_ascii=ascii) + "\n" for each in objects)
        assert read("people.jsonl", lines.encode(), Options(), quickly=True)[1] == 3


def test_it_forgets_what_it_has_seen_before_that_takes_too_much_memory(monkeypatch):
    monkeypatch.setattr("segments.importing.quick.MOST_MEMORY", 10_000)
    content = "id,email\n" + "".join(f"p{number},p{number}@example.com\n" for number in range(12_000))

    found, quick, _left_out = read("people.csv", content.encode(), Options(), quickly=True)
    assert (len(found), quick) == (12_000, 12_000)
