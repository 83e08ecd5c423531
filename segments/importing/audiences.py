"""Audiences from a file; their key is the id."""

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import orjson

from segments import audiences, catalogue
from segments.contract import AUDIENCE, read_audience
from segments.exceptions import Fault, ImportRefused, gettext_noop, step
from segments.importing.ahead import made_ahead
from segments.importing.cells import AttributeHeader, Header
from segments.importing.copying import NULL, escaped, row_of
from segments.importing.kinds import Begin, Kind, Row
from segments.importing.options import Options
from segments.importing.ordering import Already
from segments.importing.quick import Asked, braced
from segments.importing.quick_csv import QuickCSV
from segments.importing.quick_json import QuickJSON
from segments.importing.seen import Numbers, Seen
from segments.importing.staging import Range
from segments.labels import MAX_CODES, quoted
from segments.models import AudienceAttribute, Owner
from segments.models.changes import Actor
from segments.recounting import recount_all
from segments.shapes import Reading
from segments.store import Profile, UpsertCounts, store
from segments.store.loading import FILL, WAITING, Look, Waiting, already_stored, are_stored
from segments.store.numbering import number_values, numbers_known

UNKNOWN = gettext_noop(
    "No attribute has the code %(code)s, and the import is strict. Import it with import_attributes."
)
TOO_MANY = gettext_noop(
    "With those it has, the audience would have %(count)d attributes; it can have %(most)d. "
    "Empty some cells, name columns in --skip, or have others taken away by --mode replace."
)

LOOKED_AT = 100
"""So many of the rows of a batch are looked up to tell whether the next ones may be brief."""


class Audiences(Kind):
    """`merged` are the attributes that a file of CSV replaces, where it does not replace all of them."""

    name = "audiences"
    shape = AUDIENCE
    chunk_rows = 10_000
    columns = WAITING
    made_here = frozenset({"updated_at"})

    def __init__(self, options: Options, actor: Actor) -> None:
        super().__init__(options, actor)
        self.merged: list[str] | None = None
        self.find = numbers_known if options.dry_run else number_values
        self.numbers = Numbers(self.find)
        self.learned = audiences.Learned()
        self.was_brief = False
        self.aliases = cache(aliases_of)  # what is renamed from here on is noticed when it is written

    def header(self, names: Sequence[str]) -> AttributeHeader:
        header = AttributeHeader(names, self.options.columns)
        if self.options.strict:
            known = catalogue.codes_to_ids(header.codes.values())
            for code in header.codes.values():
                if code not in known:
                    raise ImportRefused(UNKNOWN, code=quoted(code))
        if self.options.columns.merges:
            self.merged = list(header.codes.values())
        return header

    def quick(self, header: Header | None, delimiter: str | None) -> tuple[Begin, Asked] | None:
        if isinstance(header, AttributeHeader) and delimiter:
            return partial(QuickCSV, header, delimiter), self
        return None if delimiter else (partial(QuickJSON, self.options.strict), self)

    def known(self, codes: Collection[str]) -> Collection[str]:
        return [*catalogue.codes_to_ids(codes)]

    def read(self, value: Any) -> Reading:
        reading = read_audience(value)
        if self.merged is not None and "properties" in reading.values:
            emptied: dict[str, list[str]] = {code: [] for code, texts in value["properties"].items() if not texts}
            reading.values["properties"] |= emptied
        return reading

    def key(self, row: Row) -> str:
        return str(row.values["id"])

    def judge(self, rows: Sequence[Row]) -> None:
        if self.merged is not None:
            self.refuse_too_wide(rows)
        elif self.options.strict:
            self.refuse_unknown(rows)

    def refuse_too_wide(self, rows: Sequence[Row]) -> None:
        """Add a fault where the columns would take an audience past the attributes that it can have."""
        stored = self.wide([row.values["id"] for row in rows])
        for row in rows:
            properties = row.values["properties"]
            kept = {code for code, texts in properties.items() if texts}
            count = len(stored.get(row.values["id"], frozenset()) - properties.keys() | kept)
            if count > MAX_CODES:
                row.faults.append(Fault("/properties", "too_many_codes", TOO_MANY, {"count": count, "most": MAX_CODES}))

    def has_doubts(self) -> bool:
        """Whether the columns may take somebody past the attributes he can have; nobody has more than there are."""
        return self.merged is not None and AudienceAttribute.objects.count_with(self.merged) > MAX_CODES

    def doubtful(self, keys: Sequence[str]) -> Collection[str]:
        return [*self.wide(keys)]

    def wide(self, ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The codes of those of these audiences whom the columns may take that far."""
        return store().wide(ids, MAX_CODES + 1 - len(self.merged or ())) if ids and self.has_doubts() else {}

    def refuse_unknown(self, rows: Sequence[Row]) -> None:
        """Add a fault for each attribute that the catalogue lacks."""
        known = catalogue.codes_to_ids({code for row in rows for code in row.values.get("properties", ())})
        for row in rows:
            for code in row.values.get("properties", ()):
                if code not in known:
                    pointer = step("/properties", code)
                    row.faults.append(catalogue.unknown_attribute(code, pointer))

    def staged(self, rows: Sequence[Row]) -> list[str]:
        read = [(row, self.read_now(row.values.get("properties", {}))) for row in rows]
        for _row, properties in read:
            for code, texts in properties.items():
                self.numbers.want(code, texts)
        self.numbers.fetch()
        return [self.written(row.record.line, row.values, properties) for row, properties in read]

    def read_now(self, properties: Mapping[str, list[str]]) -> dict[str, set[str]]:
        """The values as which the texts are read now."""
        return {code: {self.aliases(code).get(text, text) for text in texts} for code, texts in properties.items()}

    def written(self, line: int, values: Mapping[str, Any], properties: Mapping[str, set[str]]) -> str:
        """The fields of an audience as COPY takes them."""
        pieces = [Seen(code, self.numbers, list, {}).piece(texts) for code, texts in properties.items()]
        alt_id, created_at = values.get("alt_id"), values.get("created_at")
        return row_of(
            line,
            escaped(values["id"]),
            NULL if values.get("id_type") is None else escaped(values["id_type"]),
            str("id_type" in values),
            NULL if alt_id is None else escaped(orjson.dumps(alt_id).decode()),
            str("alt_id" in values),
            *(map(braced, zip(("", ""), *pieces, strict=True)) if "properties" in values else (NULL, NULL)),
            NULL if created_at is None else created_at.isoformat(),
        )

    def are_stored(self, rows: bytes) -> bool:
        lines = rows.decode().split("\n")[:-1]
        drawn = random.sample(lines, min(LOOKED_AT, len(lines)))
        is_brief = not self.options.dry_run and are_stored([line.split("\t") for line in drawn])
        self.was_brief = self.was_brief or is_brief
        return is_brief

    def already(self, rows: int) -> Already:
        return Already(*already_stored(rows, self.merged), fill=FILL if self.was_brief else "")

    def looks(self, ranges: Iterable[Range]) -> Iterator[tuple[Range, Look]]:
        return made_ahead((rows, self.look(rows)) for rows in ranges)

    def apply(self, rows: Range, look: Look | None) -> UpsertCounts:
        look = look or self.look(rows)
        if self.options.dry_run:
            return UpsertCounts(look.new, look.changed, look.rows - look.new - look.changed)
        return audiences.load(self.waiting(rows), look, self.learned, owner=self.owner)

    def look(self, rows: Range) -> Look:
        return Look(rows.stored, 0, 0) if rows.stored is not None else self.waiting(rows).look()

    def waiting(self, rows: Range) -> Waiting:
        return Waiting(rows.table, rows.after, rows.upto, self.merged)

    def stored(self, sent: Sequence[Mapping[str, Any]]) -> Sequence[Profile | None]:
        found = store().get([values["id"] for values in sent])
        return [self.answered(found.get(values["id"]), values) for values in sent]

    def answered(self, profile: Profile | None, values: Mapping[str, Any]) -> Profile | None:
        """The audience with those of its attributes that the file speaks of."""
        if profile is None or self.merged is None:
            return profile
        return replace(profile, properties={code: profile.properties.get(code, []) for code in values["properties"]})

    @property
    def owner(self) -> Owner | None:
        """Who owns the attributes that are learned, registered with the first chunk."""
        owner_id = self.options.owner_id
        if owner_id is None:
            return None
        Owner.objects.register([owner_id])
        return Owner.objects.get(pk=owner_id)

    def finish(self) -> None:
        recount_all()


def aliases_of(code: str) -> Mapping[str, str]:
    """The texts of an attribute that are read as others."""
    found = catalogue.aliases_of(catalogue.by_code([code]).values())
    return {alias: text for (_code, alias), text in found.items()}
