"""What an import reads: a regular file, unpacked when its name ends in .gz, or standard input."""

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from segments.exceptions import ImportRefused, gettext_noop
from segments.importing.lines import BOM

STDIN = "-"
JSON_LINES = (".jsonl", ".ndjson", ".json")
CSV = (".csv", ".tsv", ".txt")

CLOSED = gettext_noop("Standard input is closed. Send it the file's content, or name the file.")
MISSING = gettext_noop("There is no file %(file)s. Check its name.")
NO_FILE = gettext_noop("%(file)s is not a regular file. Name one, or send its content to standard input and name -.")
LINK = gettext_noop("%(file)s is a symbolic link. Name the file that it points to.")
UNREADABLE = gettext_noop("%(file)s cannot be read: %(problem)s. Give this user the right to read it.")
DAMAGED = gettext_noop("%(file)s cannot be unpacked: it was cut off or damaged. Get it again; nothing was applied.")


@dataclass
class Source:
    """An open file: its unpacked bytes, and how far the file itself is read, where that can be told."""

    name: str
    stream: io.BufferedReader
    file: BinaryIO | None = None
    size: int | None = None

    @property
    def position(self) -> int | None:
        return self.file.tell() if self.file else None

    @property
    def stem(self) -> str:
        """The name without folders, .gz and the extension."""
        return "stdin" if self.name == STDIN else Path(unpacked(self.name)).stem

    def is_at(self, path: Path) -> bool:
        """Whether writing to this path would write over the source."""
        return self.file is not None and path.exists() and os.path.samestat(path.stat(), os.fstat(self.file.fileno()))

    def is_json_lines(self) -> bool:
        """By the extension, or else by whether the content begins with a brace."""
        suffix = Path(unpacked(self.name)).suffix.lower()
        if suffix in JSON_LINES or suffix in CSV:
            return suffix in JSON_LINES
        return self.stream.peek(4096).removeprefix(BOM).lstrip()[:1] == b"{"

    def has_tabs(self) -> bool:
        """Whether its cells are parted by tabs unless something else is said."""
        return unpacked(self.name).lower().endswith(".tsv")


def unpacked(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name


@contextmanager
def opened(name: str) -> Iterator[Source]:
    """The file with this name, or standard input for `-`; ImportRefused when it cannot be read to its end."""
    if name == STDIN:
        if sys.stdin is None:  # as Python has it where the shell closed it
            raise ImportRefused(CLOSED)
        yield Source(name, cast(io.BufferedReader, sys.stdin.buffer))
        return
    refuse_what_is_no_file(name)
    try:
        file = open(name, "rb")  # noqa: SIM115 closed below
    except OSError as error:
        raise ImportRefused(UNREADABLE, file=name, problem=error.strerror) from None
    with file:
        stream = file
        if unpacked(name) != name:
            if not os.fstat(file.fileno()).st_size:
                raise ImportRefused(DAMAGED, file=name)
            stream = io.BufferedReader(gzip.GzipFile(fileobj=file))  # type: ignore[type-var]
        try:
            yield Source(name, stream, file, os.fstat(file.fileno()).st_size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise ImportRefused(DAMAGED, file=name) from None


def refuse_what_is_no_file(name: str) -> None:
    """ImportRefused for what would block, mislead or is not there; opening a FIFO waits for ever."""
    try:
        mode = os.lstat(name).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ImportRefused(MISSING, file=name) from None
    except OSError as error:
        raise ImportRefused(UNREADABLE, file=name, problem=error.strerror) from None
    if stat.S_ISLNK(mode):
        raise ImportRefused(LINK, file=name)
    if not stat.S_ISREG(mode):
        raise ImportRefused(NO_FILE, file=name)
