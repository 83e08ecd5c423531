"""What may come in: strict JSON, and nothing that hurts later."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.border import is_visible, read_json, unsafe
from segments.exceptions import UnreadableJSON

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def faults(text):
    return [(fault.pointer, fault.code) for fault in read_json(text.encode("utf-8", "surrogatepass")).faults]


@given(JSON)
def test_it_reads_json_as_it_stands(value):
    document = read_json(json.dumps(value).encode())

    assert document.value == value
    assert all(fault.code == "null_character" for fault in document.faults)


@given(JSON)
def test_it_lets_nothing_in_that_cannot_be_written_again(value):
    document = read_json(json.dumps(value).encode())

    assert orjson.loads(orjson.dumps(document.value)) == document.value


@given(st.binary())
def test_it_reads_or_refuses_any_bytes(data):
    try:
        read_json(data)
    except UnreadableJSON as error:
        assert error.status == 400
        assert error.detail


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 1} trailing',
        b"// comment\n{}",
        b"NaN",
        b'{"a": [Infinity]}',
        b'{"a": -Infinity}',
        b'{"a": 1, "b": 2, "a": 3}',
        b'{"outer": {"a": 1, "a": 1}}',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32"),
        b'{"a": "\xff"}',
        b'{"a": "\xc0\x80"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "line\nbreak"}',
        b"01",
        b"+1",
        b".5",
        b"",
    ],
)
def test_it_refuses_what_is_not_json(data):
    with pytest.raises(UnreadableJSON):
        read_json(data)


def test_it_says_where_the_json_breaks():
    with pytest.raises(UnreadableJSON, match="line 2, column 9"):
        read_json(b'{"name": "secret value",\n "size" 5}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'{"a": "\u0000"}', [("/a", "null_character")]),
        (r'{"a": {"b\u0000": 1}}', [("/a", "null_character")]),
        (r'["x", "\ud800"]', [("/1", "surrogate")]),
        (r'{"a/b": {"c~d": ["\udfff"]}}', [("/a~1b/c~0d/0", "surrogate")]),
        (r'"\ud83d\ude00"', []),
        ("1e400", [("", "number_out_of_range")]),
        ('{"a": -1e999}', [("/a", "number_out_of_range")]),
        ("9" * 5000, [("", "number_out_of_range")]),
        ("18446744073709551616", [("", "number_out_of_range")]),
        ("-9223372036854775809", [("", "number_out_of_range")]),
        ("[18446744073709551615, -9223372036854775808, 1e308]", []),
        ("[true, false, null]", []),
        ("[" * 32 + "]" * 32, []),
        ("[" * 33 + "]" * 33, [("/0" * 32, "too_deep")]),
        ("[" * 100_000 + "]" * 100_000, [("", "too_deep")]),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, [("", "too_deep")]),
    ],
)
def test_it_points_at_what_may_not_come_in(text, expected):
    assert faults(text) == expected


@pytest.mark.parametrize("text", ["\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\u202e", "\u2066", "a\nb", "\ud800"])
def test_it_finds_unsafe_text(text):
    assert unsafe(text) is not None


@pytest.mark.parametrize("text", ["", "plain", "한국어", "👨‍👩‍👧", "e\u0301", "عربى", "zero\u200bwidth"])
def test_it_leaves_other_text_alone(text):
    assert unsafe(text) is None


def test_it_allows_line_breaks_where_they_make_sense():
    assert unsafe("one\n\ttwo\r\n", line_breaks=True) is None
    assert unsafe("one\x0btwo", line_breaks=True) is not None


@pytest.mark.parametrize(
    ("text", "visible"), [("a", True), (" ", False), ("\u200b\u2060", False), ("\u3164", False), ("🎯", True)]
)
def test_it_knows_a_name_of_nothing_visible(text, visible):
    assert is_visible(text) is visible
