"""Audiences from a file; their key is the id."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from segments import audiences, catalogue
from segments.contract import AUDIENCE, read_audience
from segments.exceptions import Fault, ImportRefused, gettext_noop, step
from segments.importing.cells import AttributeHeader
from segments.importing.kinds import Kind, Row
from segments.labels import MAX_CODES, quoted
from segments.models import AudienceAttribute, Owner
from segments.recounting import recount_all
from segments.shapes import Reading
from segments.store import Profile, ProfileChange, UpsertCounts, store

UNKNOWN = gettext_noop(
    "No attribute has the code %(code)s, and the import is strict. Import it with import_attributes."
)
TOO_MANY = gettext_noop(
    "With those it has, the audience would have %(count)d attributes; it can have %(most)d. "
    "Empty some cells, --skip columns, or load the file with --mode replace."
)


class Audiences(Kind):
    """`merges` says whether `properties` replace only the attributes that they name, as the columns of CSV can."""

    name = "audiences"
    shape = AUDIENCE
    chunk_rows = 5_000
    made_here = frozenset({"updated_at"})
    merges = False

    def header(self, names: Sequence[str]) -> AttributeHeader:
        header = AttributeHeader(names, self.options.columns)
        if self.options.strict:
            known = catalogue.codes_to_ids(header.codes.values())
            for code in header.codes.values():
                if code not in known:
                    raise ImportRefused(UNKNOWN, code=quoted(code))
        self.merges = self.options.columns.merges
        return header

    def read(self, value: Any) -> Reading:
        reading = read_audience(value)
        if self.merges and "properties" in reading.values:
            emptied: dict[str, list[str]] = {code: [] for code, texts in value["properties"].items() if not texts}
            reading.values["properties"] |= emptied
        return reading

    def key(self, row: Row) -> str:
        return str(row.values["id"])

    def judge(self, rows: Sequence[Row]) -> None:
        if self.merges:
            self.refuse_too_wide(rows)
        elif self.options.strict:
            self.refuse_unknown(rows)

    def refuse_too_wide(self, rows: Sequence[Row]) -> None:
        """Add a fault where the columns would take an audience past the attributes that it can have."""
        sent = {str(row.values["id"]): row.values["properties"] for row in rows}
        codes = {code for properties in sent.values() for code in properties}
        if AudienceAttribute.objects.count_with(codes) <= MAX_CODES:
            return  # nobody can have more than there are
        stored = store().wide(sent, MAX_CODES + 1 - len(codes))
        for row in rows:
            properties = row.values["properties"]
            kept = {code for code, texts in properties.items() if texts}
            count = len(stored.get(row.values["id"], frozenset()) - properties.keys() | kept)
            if count > MAX_CODES:
                row.faults.append(Fault("/properties", "too_many_codes", TOO_MANY, {"count": count, "most": MAX_CODES}))

    def refuse_unknown(self, rows: Sequence[Row]) -> None:
        """Add a fault for each attribute that the catalogue lacks."""
        known = catalogue.codes_to_ids({code for row in rows for code in row.values.get("properties", ())})
        for row in rows:
            for code in row.values.get("properties", ()):
                if code not in known:
                    pointer = step("/properties", code)
                    row.faults.append(catalogue.unknown_attribute(code, pointer))

    def apply(self, bodies: Sequence[str]) -> UpsertCounts:
        return audiences.upsert([self.change(orjson.loads(body)) for body in bodies], owner=self.owner)

    def stored(self, sent: Sequence[Mapping[str, Any]]) -> Sequence[Profile | None]:
        found = store().get([values["id"] for values in sent])
        return [self.answered(found.get(values["id"]), values) for values in sent]

    def answered(self, profile: Profile | None, values: Mapping[str, Any]) -> Profile | None:
        """The audience with those of its attributes that the file speaks of."""
        if profile is None or not self.merges:
            return profile
        return replace(profile, properties={code: profile.properties.get(code, []) for code in values["properties"]})

    def change(self, values: dict[str, Any]) -> ProfileChange:
        if created_at := values.get("created_at"):
            values["created_at"] = datetime.fromisoformat(created_at)
        return audiences.change_of({**values, "merges": self.merges})

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
