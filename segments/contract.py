"""The JSON objects of the HTTP contract, as `docs/reference` shows them: names, order, limits."""

from typing import Any

from segments.arrays import List, Texts
from segments.border import unsafe
from segments.exceptions import gettext_noop
from segments.labels import canonical_properties
from segments.shapes import (
    AudienceId,
    Choice,
    Code,
    Field,
    Flag,
    Integer,
    Label,
    Moment,
    Object,
    Reading,
    Shape,
    Text,
    Uuid,
)

MOST_CODES, MOST_VALUES = 100, 1000
LONGEST_NAME, LONGEST_CODE, LONGEST_VALUE, LONGEST_AUDIENCE_ID = 1000, 32, 1000, 128
LONGEST_DESCRIPTION = 100_000

CREATED_AT = Moment(about=gettext_noop("The date and time the entity was created."), nullable=True)
UPDATED_AT = Moment(about=gettext_noop("The date and time the entity was last updated."), nullable=True)
DESCRIPTION = Text(
    about=gettext_noop("A description for people."), longest=LONGEST_DESCRIPTION, line_breaks=True, nullable=True
)
WARNINGS = Field(
    about=gettext_noop("What could not be resolved, each with pointer, code and detail."), server_made=True
)
NOT_KEPT = Field(
    about=gettext_noop("Fields that were sent and not kept, each with pointer, code and detail; left out without any."),
    server_made=True,
    sometimes=True,
)


def clauses(about: str) -> Object:
    """Codes and the values listed under each, kept as they were sent."""
    return Object(about=about, codes=MOST_CODES, values=MOST_VALUES)


SEGMENT = Shape(
    "Segment",
    {
        "id": Uuid(about=gettext_noop("The segment's id."), server_made=True),
        "management_type": Choice(
            about=gettext_noop("The management type of the audience segment"),
            words=("selfmanaged", "systemmanaged"),
            required=True,
        ),
        "name": Text(
            about=gettext_noop("Name of the audience segment"),
            shortest=1,
            longest=LONGEST_NAME,
            visible=True,
            required=True,
        ),
        "no": Integer(about=gettext_noop("A number that grows and is never used again."), server_made=True),
        "owner_id": Uuid(about=gettext_noop("Owner ID of the audience segment"), required=True),
        "approximated_size": Integer(about=gettext_noop("Approximated size of the audience segment."), nullable=True),
        "created_at": CREATED_AT,
        "deprecated_properties": Object(about=gettext_noop("Deprecated properties for the audience segment.")),
        "description": DESCRIPTION,
        "properties": clauses(
            gettext_noop(
                "Properties for the audience segment. The key is AudienceAttribute.code, "
                "and the value can be a list of AudienceAttributeValue.value"
            )
        ),
        "updated_at": UPDATED_AT,
        "exclusions": clauses(gettext_noop("Members must have none of these values.")),
        "size_as_of": Moment(
            about=gettext_noop("The moment the computed size was true for."), nullable=True, server_made=True
        ),
        "size_source": Choice(
            about=gettext_noop("Where approximated_size comes from."),
            words=("declared", "computed"),
            nullable=True,
            server_made=True,
        ),
        "warnings": WARNINGS,
    },
)

ESTIMATE = Shape(
    "Estimate",
    {
        "owner_id": Uuid(about=gettext_noop("The owner whose attributes are used."), required=True),
        "properties": clauses(gettext_noop("As in a segment.")),
        "exclusions": clauses(gettext_noop("As in a segment.")),
    },
)

OVERLAP = Shape(
    "Overlap",
    {
        "segment_ids": List(
            about=gettext_noop("The segments to compare."), of=Uuid(about=""), least=2, most=20, required=True
        )
    },
)

LOOKUP = Shape(
    "Lookup",
    {
        "ids": List(
            about=gettext_noop("The ids of audiences."),
            of=Text(about="", shortest=1, longest=LONGEST_AUDIENCE_ID),
            least=1,
            most=100,
            required=True,
        )
    },
)

ATTRIBUTE = Shape(
    "Attribute",
    {
        "id": Uuid(about=gettext_noop("The attribute's id."), server_made=True),
        "no": Integer(about=gettext_noop("A number that grows and is never used again."), server_made=True),
        "code": Code(
            about=gettext_noop("The key in properties; it never changes."),
            shortest=1,
            longest=LONGEST_CODE,
            visible=True,
            required=True,
        ),
        "name": Text(
            about=gettext_noop("The name for people."), shortest=1, longest=LONGEST_NAME, visible=True, required=True
        ),
        "owner_id": Uuid(about=gettext_noop("The owner of the attribute."), required=True),
        "visibility": Choice(
            about=gettext_noop("Whether other owners' segments may use it."), words=("public", "private"), required=True
        ),
        "deprecated": Flag(about=gettext_noop("Barred from new clauses; those that exist go on matching.")),
        "description": DESCRIPTION,
        "learned": Flag(about=gettext_noop("Registered on sight, when an audience brought it."), server_made=True),
        "value_count": Integer(about=gettext_noop("How many values it has."), server_made=True),
        "created_at": CREATED_AT,
        "updated_at": UPDATED_AT,
        "warnings": NOT_KEPT,
    },
)

VALUE = Shape(
    "Value",
    {
        "value": Label(
            about=gettext_noop("The label that audiences have and clauses list."),
            shortest=1,
            longest=LONGEST_VALUE,
            visible=True,
            required=True,
        ),
        "name": Text(about=gettext_noop("What people read for it."), longest=LONGEST_NAME),
        "audience_count": Integer(about=gettext_noop("How many audiences have it."), server_made=True),
        "aliases": Texts(about=gettext_noop("The texts that it had before, which are read as it."), server_made=True),
        "warnings": NOT_KEPT,
    },
)

CONFIRM = Flag(about=gettext_noop("Do it; without it, only say what it would do."))
RETIREMENT = Shape("Retirement", {"confirm": CONFIRM})


def label(about: str) -> Label:
    """A value's text that has to be sent."""
    return Label(about=about, shortest=1, longest=LONGEST_VALUE, visible=True, required=True)


OLD_TEXT = label(gettext_noop("The value; its text goes on being read as the value that it is then."))
RENAMING = Shape(
    "Renaming",
    {"value": OLD_TEXT, "to": label(gettext_noop("The text that it is to have.")), "confirm": CONFIRM},
)
MERGING = Shape(
    "Merging",
    {"value": OLD_TEXT, "into": label(gettext_noop("The value that it is to become one with.")), "confirm": CONFIRM},
)

AUDIENCE = Shape(
    "Audience",
    {
        "id": AudienceId(
            about=gettext_noop("The client's own id of the end user, opaque."),
            shortest=1,
            longest=LONGEST_AUDIENCE_ID,
            required=True,
        ),
        "id_type": Text(
            about=gettext_noop("The kind of id; account_id when it is left out."), longest=LONGEST_NAME, nullable=True
        ),
        "alt_id": Object(about=gettext_noop("Other ids of the same end user."), nullable=True),
        "properties": Object(about=gettext_noop("Values by attribute code; kept sorted and without repeats.")),
        "created_at": CREATED_AT,
        "updated_at": UPDATED_AT,
        "warnings": NOT_KEPT,
    },
)


def read_segment(value: Any, required: frozenset[str] | None = None) -> Reading:
    """A new Segment that was sent."""
    return SEGMENT.read(value, required=required)


def read_change(value: Any, required: frozenset[str]) -> Reading:
    """The fields of a Segment that were sent to change it.

    Its dates are not a client's to change, so they may be any; a size that says it is a computed one of
    ours is no declaration.
    """
    reading = read_moved(value, required)
    reading.faults[:] = [fault for fault in reading.faults if fault.code != "in_the_future"]
    return reading


def read_moved(value: Any, required: frozenset[str]) -> Reading:
    """A Segment from a file, which is new or changes one that is here; a computed size is no declaration in either."""
    reading = SEGMENT.read(value, required=required)
    if isinstance(value, dict) and value.get("size_source") == "computed":
        reading.values.pop("approximated_size", None)
    return reading


def read_audience(value: Any, required: frozenset[str] | None = None) -> Reading:
    """An Audience that was sent, its properties in canonical form."""
    reading = AUDIENCE.read(value, required=required)
    if "properties" in reading.values:
        properties, faults = canonical_properties(reading.values["properties"], unsafe)
        reading.values["properties"] = properties
        reading.faults.extend(faults)
    return reading
