"""The IAB Audience Taxonomy from its file: a value for each line, under the attribute of its first tier."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from segments import catalogue, taxonomy
from segments.border import Document
from segments.contract import LONGEST_NAME, LONGEST_VALUE
from segments.exceptions import Fault, ImportRefused, gettext_noop, step
from segments.importing.attributes import TAKEN
from segments.importing.cells import FieldHeader
from segments.importing.kinds import NO_FIELD, Kind, Row
from segments.importing.staging import Range, Staging
from segments.labels import quoted
from segments.models import AudienceAttribute, AudienceAttributeValue
from segments.recounting import recount_all
from segments.shapes import Label, Reading, Shape, Text
from segments.store import UpsertCounts
from segments.store.database import fetch_all
from segments.store.loading import Look
from segments.taxonomy import Entry, Place

ID, PARENT, NOTES = "Unique ID", "Parent ID", "*Extension Notes"
CONDENSED = "Condensed Name (1st, 2nd, Last Tier)"
TIERS = tuple(f"Tier {number}" for number in range(1, 7))
SEPARATOR = " | "
ATTRIBUTES = {"demographic": "iab_demographic", "interest": "iab_interest", "purchase intent": "iab_purchase_intent"}
NAMES = {
    "iab_demographic": "IAB demographic",
    "iab_interest": "IAB interest",
    "iab_purchase_intent": "IAB purchase intent",
}
ABOUT = "From the IAB Tech Lab's Audience Taxonomy: a value is a Unique ID, its label the path of the tiers."

LINE = Shape(
    "TaxonomyLine",
    {
        ID: Label(about="The value.", shortest=1, longest=LONGEST_VALUE, visible=True, required=True),
        PARENT: Label(about="The value above it.", longest=LONGEST_VALUE),
        CONDENSED: Text(about="A shorter path, which is not kept.", longest=10 * LONGEST_NAME),
        **{tier: Text(about="A step of the path.", longest=LONGEST_NAME, required=tier == TIERS[0]) for tier in TIERS},
        NOTES: Text(about="What an extension is to be filled with.", longest=LONGEST_NAME),
    },
)

NO_NAME = gettext_noop("There is text in a column that has no name. Take it out, or name the column.")
UNKNOWN_TIER = gettext_noop(
    "No attribute is for the first tier %(tier)s. There are: Demographic, Interest, Purchase Intent."
)
GAP = gettext_noop("%(tier)s is empty and a tier behind it is not. Leave no tier out.")
TOO_LONG = gettext_noop("The path of the tiers is longer than %(longest)s characters.")
NO_PARENT = gettext_noop("A line below the first tier needs the Unique ID of the line above it.")
UNKNOWN_PARENT = gettext_noop(
    "No line before this one, and no value of %(code)s, is %(parent)s. Put that line first, or mend the id."
)
TWICE = gettext_noop("The Unique ID %(value)s stands on an earlier line already. Give each line its own.")


class TaxonomyHeader(FieldHeader):
    """The columns of the taxonomy's file, whose first one is empty and has no name."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__([name if name.strip() else f"column {place}" for place, name in enumerate(names, 1)],
                         LINE, [ID, PARENT, TIERS[0]])  # fmt: skip
        self.names = list(names)

    def value(self, cells: Sequence[str]) -> Document:
        unnamed = (cell for name, cell in zip(self.names, cells, strict=True) if not name.strip())
        if any(map(str.strip, unnamed)):
            return Document(None, (Fault("", "unnamed_column", NO_NAME),))
        return super().value(cells)


class Taxonomy(Kind):
    name = "taxonomy"
    shape = LINE
    key_field = ID

    def __init__(self, *asked: Any) -> None:
        super().__init__(*asked)
        self.places: set[Place] = set()
        self.ids: set[str] = set()

    def header(self, names: Sequence[str]) -> TaxonomyHeader:
        header = TaxonomyHeader(names)
        self.leave_out(name for name in names if name.strip() and name not in LINE.fields)
        if self.left_out and self.options.strict:
            raise ImportRefused(NO_FIELD, column=self.left_out[0], columns=", ".join(LINE.fields))
        return header

    def read(self, value: Any) -> Reading:
        reading = LINE.read(value)
        if not reading.faults:
            entry, faults = entry_of(reading.values)
            reading.faults.extend(faults)
            reading.values.clear()
            reading.values.update(asdict(entry))
        return reading

    def key(self, row: Row) -> str:
        return key_of((row.values["code"], row.values["value"]))

    def judge(self, rows: Sequence[Row]) -> None:
        """Each id once; a parent stands before those below it, or is a value already."""
        entries = [Entry(**row.values) for row in rows]
        asked = {(entry.code, entry.parent) for entry in entries if entry.parent}
        stored = taxonomy.known(asked - self.places)
        for row, entry in zip(rows, entries, strict=True):
            above = (entry.code, entry.parent)
            if entry.value in self.ids:
                row.faults.append(Fault(step("", ID), "repeated_id", TWICE, {"value": quoted(entry.value)}))
            elif entry.parent and (entry.parent == entry.value or above not in self.places | stored):
                params = {"code": entry.code, "parent": quoted(entry.parent)}
                row.faults.append(Fault(step("", PARENT), "unknown_parent", UNKNOWN_PARENT, params))
            else:
                self.ids.add(entry.value)
                self.places.add(entry.place)

    def refuse(self, staging: Staging) -> None:
        owner_id = self.options.owner_id
        if owner_id is None:
            return
        for attribute in AudienceAttribute.objects.filter(code__in={code for code, _value in self.places}):
            if catalogue.is_taken(attribute, owner_id):
                raise ImportRefused(TAKEN, owner=str(attribute.owner_id), code=quoted(attribute.code))

    def apply(self, rows: Range, look: Look | None) -> UpsertCounts:
        entries = [Entry(**orjson.loads(body)) for body in rows.bodies()]
        names = {code: NAMES[code] for code in sorted({entry.code for entry in entries})}
        taxonomy.ensure_attributes(names, ABOUT, self.options.owner_id, self.actor)

        def standing(places: Collection[Place]) -> set[Place]:
            keys = {key_of(place): place for place in places}
            found = fetch_all(f"SELECT key FROM {rows.table} WHERE key = ANY(%s)", [list(keys)])
            return {keys[key] for (key,) in found}

        return taxonomy.upsert(entries, standing, self.actor)

    def stored(self, sent: Sequence[Mapping[str, Any]]) -> Sequence[AudienceAttributeValue | None]:
        rows = AudienceAttributeValue.objects.filter(attribute__code__in=NAMES)
        texts = rows.with_texts(values["value"] for values in sent).select_related("attribute")
        found = {(row.attribute.code, row.value): row for row in texts}
        return [found.get((values["code"], values["value"])) for values in sent]

    def finish(self) -> None:
        recount_all()


def key_of(place: Place) -> str:
    return " ".join(place)


def entry_of(values: Mapping[str, str]) -> tuple[Entry, list[Fault]]:
    """What a line says, and what is wrong with it."""
    tiers = [values.get(tier, "").strip() for tier in TIERS]
    path = [tier for tier in tiers if tier]
    parent, name = values.get(PARENT, ""), SEPARATOR.join(path)
    code = ATTRIBUTES.get(tiers[0].rstrip("* ").casefold(), "")
    faults = []
    if not code:
        faults.append(Fault(step("", TIERS[0]), "unknown_tier", UNKNOWN_TIER, {"tier": quoted(tiers[0])}))
    if tiers[: len(path)] != path:
        tier = TIERS[tiers.index("")]
        faults.append(Fault(step("", tier), "empty_tier", GAP, {"tier": tier}))
    if len(name) > LONGEST_NAME:
        faults.append(Fault(step("", TIERS[0]), "max_length", TOO_LONG, {"longest": f"{LONGEST_NAME:,}"}))
    if len(path) > 1 and not parent:
        faults.append(Fault(step("", PARENT), "missing", NO_PARENT))
    return Entry(code, values[ID], name, parent, values.get(NOTES, "").strip()), faults
