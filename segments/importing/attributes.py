"""Attributes from a file; their key is the code."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from segments import catalogue
from segments.contract import ATTRIBUTE
from segments.exceptions import Fault, ImportRefused, gettext_noop
from segments.importing.cells import FieldHeader
from segments.importing.kinds import Kind, Row
from segments.importing.staging import Staging
from segments.labels import quoted
from segments.models import AudienceAttribute
from segments.recounting import recount_all
from segments.shapes import Reading
from segments.store import UpsertCounts

ID_TWICE = gettext_noop("The id %(id)s stands with the codes %(first)s and %(second)s. Give each attribute its own.")


class Attributes(Kind):
    name = "attributes"
    shape = ATTRIBUTE
    key_field = "code"

    def header(self, names: Sequence[str]) -> FieldHeader:
        return self.field_header(names)

    def read(self, value: Any) -> Reading:
        return self.read_owned(value, lambda sent, required: ATTRIBUTE.read(sent, required=required))

    def key(self, row: Row) -> str:
        return str(row.values["code"])

    def judge(self, rows: Sequence[Row]) -> None:
        codes = self.codes({row.values["id"] for row in rows if "id" in row.values})
        for row in rows:
            code = codes.get(row.values.get("id"), row.values["code"])
            if code != row.values["code"]:
                message = catalogue.CODE_NEVER_CHANGES
                row.faults.append(Fault("/code", "code_never_changes", message, {"code": code}))

    def refuse(self, staging: Staging) -> None:
        if found := staging.shared("id"):
            raise ImportRefused(ID_TWICE, id=found[0], first=quoted(found[1]), second=quoted(found[2]))

    def codes(self, ids: set[uuid.UUID]) -> dict[uuid.UUID | None, str]:
        return dict(AudienceAttribute.objects.filter(pk__in=ids).values_list("pk", "code")) if ids else {}

    def apply(self, bodies: Sequence[str]) -> UpsertCounts:
        return catalogue.upsert([self.values_of(orjson.loads(body)) for body in bodies], self.actor)

    def stored(self, sent: Sequence[Mapping[str, Any]]) -> Sequence[AudienceAttribute | None]:
        found = AudienceAttribute.objects.in_bulk([values["code"] for values in sent], field_name="code")
        return [found.get(values["code"]) for values in sent]

    def finish(self) -> None:
        recount_all()
