"""/audiences"""

from rest_framework.request import Request
from rest_framework.response import Response

from segments import audiences
from segments.api.filters import read_query
from segments.api.schema import audience_schema
from segments.api.serializers import AudienceSerializer, counts_json, read_many, refuse
from segments.api.views.base import ApiViewSet, is_strict
from segments.contract import read_audience
from segments.exceptions import AudienceMissing, Fault, gettext_noop
from segments.shapes import Reading
from segments.store import ProfileChange, store

MOST_AUDIENCES = 10_000
TWICE = gettext_noop("This id stands twice in one call. Send each audience once.")


@audience_schema
class AudienceViewSet(ApiViewSet):
    """Audiences, for platform clients."""

    scopes = {"bulk_add": ("audiences:write",), "retrieve": ("audiences:read",)}

    def bulk_add(self, request: Request) -> Response:
        read_query(request, {})
        readings = read_many(self.document, read_audience, MOST_AUDIENCES)
        refuse(repeated(readings))
        strict = is_strict(request)
        if strict:
            refuse([fault.under(f"/{index}") for index, reading in enumerate(readings) for fault in reading.warnings])
        changes = [change_of(reading) for reading in readings]
        return Response(counts_json(audiences.upsert(changes, strict=strict)))

    def retrieve(self, request: Request, audience_id: str) -> Response:
        read_query(request, {})
        found = {} if "\0" in audience_id else store().get([audience_id])
        if audience_id not in found:
            raise AudienceMissing
        return Response(AudienceSerializer(found[audience_id]).data)


def change_of(reading: Reading) -> ProfileChange:
    """The fields that were sent; `updated_at` is the store's to set, and a date sent as null is none."""
    values = {name: value for name, value in reading.values.items() if name != "updated_at"}
    if values.get("created_at") is None:
        values.pop("created_at", None)
    return ProfileChange(**values)


def repeated(readings: list[Reading]) -> list[Fault]:
    """A fault for each id that stood earlier in the call."""
    seen: set[str] = set()
    faults = []
    for index, reading in enumerate(readings):
        if reading.values["id"] in seen:
            faults.append(Fault(f"/{index}/id", "repeated_id", TWICE))
        seen.add(reading.values["id"])
    return faults
