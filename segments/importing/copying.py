"""Rows as COPY takes them."""

from itertools import chain

NULL = r"\N"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escaped(text: str) -> str:
    """The text as COPY takes it."""
    return text.translate(ESCAPES)


def row_of(line: int, key: str, *rest: str) -> str:
    """A row as COPY takes it, from texts that are escaped."""
    return "\t".join(chain((str(line), key), rest)) + "\n"
