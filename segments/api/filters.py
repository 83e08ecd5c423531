"""Query parameters, checked as strictly as a body's fields; a fault's pointer is the parameter, `/limit`."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import Filter, FilterSet
from rest_framework.request import Request

from segments.exceptions import Fault, Invalid, gettext_noop
from segments.labels import nfc
from segments.models import AudienceSegment
from segments.models.segments import SegmentQuerySet
from segments.shapes import Choice, Code, Field, Moment, Text, Uuid, Wrong

UNKNOWN = gettext_noop("No parameter is called '%(name)s' here. There are: %(names)s.")
REPEATED = gettext_noop("The parameter stands twice. Send it once.")


@dataclass(frozen=True, kw_only=True)
class Number(Field):
    """A whole number in decimal digits, from `least` to `most`."""

    least: int
    most: int

    def check(self, value: Any, pointer: str) -> int:
        number = int(value) if len(value) <= 19 and value.isascii() and value.isdigit() else -1
        if not self.least <= number <= self.most:
            message = gettext_noop("Send a whole number from %(least)s to %(most)s.")
            raise Wrong(Fault(pointer, "number", message, {"least": self.least, "most": self.most}))
        return number

    def kind(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, kw_only=True)
class Many(Field):
    """A parameter that may be repeated: a list of what `each` reads."""

    each: Field

    def check(self, value: Any, pointer: str) -> list[Any]:
        return [self.each.read(text, pointer) for text in value]

    def kind(self) -> dict[str, Any]:
        return {"type": "array", "items": self.each.kind()}


@dataclass(frozen=True, kw_only=True)
class Switch(Field):
    """true or false, as a parameter says it."""

    def check(self, value: Any, pointer: str) -> bool:
        if value not in {"true", "false"}:
            raise Wrong(Fault(pointer, "bool_type", gettext_noop("Send true or false.")))
        return bool(value == "true")

    def kind(self) -> dict[str, Any]:
        return {"type": "boolean"}


def read_query(request: Request, fields: Mapping[str, Field], rows: FilterSet | None = None) -> dict[str, Any]:
    """The parameters that `fields` names, those that were sent; Invalid with all faults, those of `rows` included.

    Parameters that neither names, and repeated ones, are faults too.
    """
    values: dict[str, Any] = {}
    many = [name for name, one in fields.items() if isinstance(one, Many)]
    faults = list(strangers(request, [*fields, *(rows.filters if rows else ())], many))
    for name in fields.keys() & request.query_params.keys():
        sent = request.query_params.getlist(name) if name in many else request.query_params[name]
        try:
            values[name] = fields[name].read(sent, f"/{name}")
        except Wrong as wrong:
            faults.extend(wrong.faults)
    faults.extend(form_faults(rows.form) if rows else ())
    if faults:
        raise Invalid(faults)
    return values


def strangers(request: Request, names: Iterable[str], many: Collection[str] = ()) -> Iterator[Fault]:
    """Parameters that are not known here, or stand twice and are none of `many`."""
    known = sorted(names)
    for name, sent in request.query_params.lists():
        if name not in known:
            shown = difflib.get_close_matches(name[:60], known, 1) or known
            yield Fault(
                f"/{name[:60]}", "unknown_parameter", UNKNOWN, {"name": name[:60], "names": ", ".join(shown) or "none"}
            )
        elif len(sent) > 1 and name not in many:
            yield Fault(f"/{name}", "repeated_parameter", REPEATED)


def form_faults(form: forms.Form) -> Iterator[Fault]:
    for name, errors in form.errors.as_data().items():
        for error in errors:
            yield Fault(f"/{name}", error.code or "invalid", str(error.message))


class Checked(forms.Field):
    """A form field that reads by a field of a shape."""

    def __init__(self, shape: Field, **options: Any) -> None:
        super().__init__(required=False, label=options.get("label"))
        self.shape = shape

    def clean(self, value: Any) -> Any:
        try:
            return None if value is None else self.shape.read(value, "")
        except Wrong as wrong:
            raise ValidationError([ValidationError(fault.detail, fault.code) for fault in wrong.faults]) from None


class CheckedFilter(Filter):
    """A django-filter filter that reads by a field of a shape."""

    field_class = Checked

    def __init__(self, shape: Field, **options: Any) -> None:
        super().__init__(shape=shape, **options)
        self.shape = shape


def moment(field_name: str, lookup: str) -> CheckedFilter:
    return CheckedFilter(Moment(about="An RFC 3339 moment.", past=False), field_name=field_name, lookup_expr=lookup)


class SegmentFilter(FilterSet):
    """What `GET /audiences/segments` can be narrowed by."""

    owner_id = CheckedFilter(Uuid(about="Segments of this owner."), field_name="owner_id")
    management_type = CheckedFilter(Choice(about="Segments managed like this.", words=("selfmanaged", "systemmanaged")))
    name = CheckedFilter(Text(about="A part of the name, in either case.", longest=1000), method="by_name")
    attribute = CheckedFilter(Code(about="Segments with a clause on this code.", longest=1000), method="by_attribute")
    created_after = moment("created_at", "gt")
    created_before = moment("created_at", "lt")
    updated_after = moment("updated_at", "gt")
    updated_before = moment("updated_at", "lt")

    class Meta:
        model = AudienceSegment
        fields: list[str] = []

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """The fields that its parameters are read by."""
        return {name: row_filter.shape for name, row_filter in cls.base_filters.items()}

    def by_name(self, rows: QuerySet[AudienceSegment], name: str, value: str) -> QuerySet[AudienceSegment]:
        return rows.filter(name__nfc__icontains=nfc(value))

    def by_attribute(self, rows: SegmentQuerySet, name: str, value: str) -> QuerySet[AudienceSegment]:
        return rows.found_by_code(value)
