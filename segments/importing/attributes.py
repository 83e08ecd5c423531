"""Attributes from a file; their key is the code."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.db.models import Q

from segments import catalogue
from segments.contract import ATTRIBUTE
from segments.exceptions import Fault, ImportRefused, gettext_noop
from segments.importing.cells import FieldHeader
from segments.importing.kinds import Kind, Row
from segments.importing.staging import Range, Staging
from segments.labels import quoted
from segments.models import AudienceAttribute
from segments.recounting import recount_all
from segments.shapes import Reading
from segments.store import UpsertCounts
from segments.store.loading import Look

ID_TWICE = gettext_noop("The id %(id)s stands with the codes %(first)s and %(second)s. Give each attribute its own.")
TAKEN = gettext_noop(
    "The owner %(owner)s has the attribute %(code)s. Name that owner, choose another code, or ask to take it over."
)


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
        self.judge_owners(rows)
        ids, codes = [row.values.get("id") for row in rows], [row.values["code"] for row in rows]
        stored = AudienceAttribute.objects.filter(Q(pk__in=filter(None, ids)) | Q(code__in=codes))
        by_id: dict[Any, AudienceAttribute] = {attribute.pk: attribute for attribute in stored}
        by_code = {attribute.code: attribute for attribute in stored}
        for row in rows:
            same_id, same_code = by_id.get(row.values.get("id")), by_code.get(row.values["code"])
            if same_id and same_id is not same_code:
                params = {"code": same_id.code}
                row.faults.append(Fault("/code", "code_never_changes", catalogue.CODE_NEVER_CHANGES, params))
            if same_code and not self.options.take_over and catalogue.is_taken(same_code, row.values["owner_id"]):
                params = {"owner": str(same_code.owner_id), "code": quoted(same_code.code)}
                row.faults.append(Fault("/code", "code_taken", TAKEN, params))

    def refuse(self, staging: Staging) -> None:
        if found := staging.shared("id"):
            raise ImportRefused(ID_TWICE, id=found[0], first=quoted(found[1]), second=quoted(found[2]))

    def apply(self, rows: Range, look: Look | None) -> UpsertCounts:
        drafts = [self.values_of(orjson.loads(body)) for body in rows.bodies()]
        return catalogue.upsert(drafts, self.actor, take_over=self.options.take_over)

    def stored(self, sent: Sequence[Mapping[str, Any]]) -> Sequence[AudienceAttribute | None]:
        found = AudienceAttribute.objects.in_bulk([values["code"] for values in sent], field_name="code")
        return [found.get(values["code"]) for values in sent]

    def finish(self) -> None:
        recount_all()
