"""What an import is asked to do, checked before anything is read."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from segments.exceptions import ImportRefused, gettext_noop
from segments.shapes import Uuid, Wrong

MERGE, REPLACE = "merge", "replace"

BAD_OWNER = gettext_noop("--owner %(text)s is no UUID. Give one such as 3c90c3cc-0d44-4b50-8888-8dd25736052a.")
BAD_LIMIT = gettext_noop(
    "--max-errors %(text)s is neither a number of lines nor a share. Give one such as 100 or 0.5%%."
)
BAD_DELIMITER = gettext_noop(r"--delimiter %(text)s cannot part cells. Give one character such as ; or \t for a tab.")
BAD_MAP = gettext_noop("--map %(text)s does not say which column. Give one such as gender=Sex.")
MAPPED_TWICE = gettext_noop("--map names the column %(column)s twice. Give it one code.")
SKIPPED_AND_MAPPED = gettext_noop("--skip and --map both name the column %(column)s. Leave one of them out.")
NO_ATTRIBUTE = gettext_noop("%(option)s names the column of ids, %(column)s, which is no attribute. Leave it out.")


@dataclass(frozen=True)
class Limit:
    """The most rejected lines that an import may have: a number, or a share of its lines in per cent."""

    most: Decimal
    is_share: bool = False

    def __str__(self) -> str:
        return f"{self.most}%" if self.is_share else str(self.most)

    def is_exceeded(self, rejected: int, lines: int) -> bool:
        return rejected * 100 > self.most * lines if self.is_share else rejected > self.most


@dataclass(frozen=True)
class Columns:
    """How a CSV file is to be read; all but `delimiter` is for audiences."""

    delimiter: str | None = None
    id_column: str = "id"
    skip: frozenset[str] = frozenset()
    codes: Mapping[str, str] = field(default_factory=dict)
    """The attribute's code by column, where they differ."""
    separator: str = "|"
    merges: bool = True


@dataclass(frozen=True)
class Options:
    """What holds for the whole file; `csv_only` are the options that were given and mean nothing in JSON Lines.

    `take_over` is for attributes alone: those that other owners have become those of the owner that a line names.
    With `known_owners` no line may bring a new one.
    """

    owner_id: uuid.UUID | None = None
    take_over: bool = False
    strict: bool = False
    known_owners: bool = False
    dry_run: bool = False
    restart: bool = False
    limit: Limit | None = None
    rejects: str | None = None
    columns: Columns = field(default_factory=Columns)
    csv_only: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)


def read_owner(text: str) -> uuid.UUID:
    try:
        owner_id: uuid.UUID = Uuid(about="").read(text, "")
    except Wrong:
        raise ImportRefused(BAD_OWNER, text=repr(text)) from None
    return owner_id


def read_limit(text: str) -> Limit:
    digits = text.removesuffix("%")
    try:
        most = Decimal(digits)
    except InvalidOperation:
        most = Decimal("NaN")
    is_share = digits != text
    if (
        not most.is_finite()
        or most < 0
        or (is_share and most > 100)
        or (not is_share and most != most.to_integral_value())
    ):
        raise ImportRefused(BAD_LIMIT, text=repr(text))
    return Limit(most, is_share)


def read_delimiter(text: str) -> str:
    delimiter = "\t" if text == r"\t" else text
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ImportRefused(BAD_DELIMITER, text=repr(text))
    return delimiter


def read_codes(pairs: list[str]) -> dict[str, str]:
    """From CODE=COLUMN to the code by column; a code may have an equals sign no more than the first one allows."""
    codes: dict[str, str] = {}
    for pair in pairs:
        code, equals, column = pair.partition("=")
        if not (code and equals and column):
            raise ImportRefused(BAD_MAP, text=repr(pair))
        if column in codes:
            raise ImportRefused(MAPPED_TWICE, column=repr(column))
        codes[column] = code
    return codes


def refuse_contradictions(columns: Columns) -> None:
    """ImportRefused when a column is meant to be two things."""
    if both := columns.skip & columns.codes.keys():
        raise ImportRefused(SKIPPED_AND_MAPPED, column=repr(min(both)))
    for option, named in (("--skip", columns.skip), ("--map", columns.codes)):
        if columns.id_column in named:
            raise ImportRefused(NO_ATTRIBUTE, option=option, column=repr(columns.id_column))
