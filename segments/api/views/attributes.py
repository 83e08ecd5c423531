"""/audiences/attributes"""

from rest_framework.request import Request
from rest_framework.response import Response

from segments import catalogue
from segments.api.filters import Number, read_query
from segments.api.operations import attribute_operations
from segments.api.pagination import MOST, cut, link_next
from segments.api.permissions import require_owner
from segments.api.serializers import AttributeSerializer, read_one
from segments.api.views.base import ApiViewSet, actor_of, client_of, is_strict
from segments.contract import ATTRIBUTE
from segments.exceptions import Invalid
from segments.shapes import Uuid

PAGING = {
    "after": Number(about="Attributes after this no.", least=0, most=2**63 - 1),
    "limit": Number(about="At most so many; all of them without it.", least=1, most=MOST),
    "owner_id": Uuid(about="Attributes of this owner."),
}


@attribute_operations(PAGING)
class AttributeViewSet(ApiViewSet):
    """Attributes that the client may see: public ones and those of its owners."""

    scopes = {"list": ("attributes:read",), "create": ("attributes:write",)}

    def list(self, request: Request) -> Response:
        paging = read_query(request, PAGING)
        rows = catalogue.seen_by(client_of(request)).filter(no__gt=paging.get("after", -1)).order_by("no")
        if "owner_id" in paging:
            rows = rows.filter(owner_id=paging["owner_id"])
        limit = paging.get("limit")
        attributes, more = cut(list(rows[: limit + 1] if limit else rows), limit)
        response = Response(AttributeSerializer(attributes, many=True).data)
        return link_next(request, response, attributes[-1].no) if more else response

    def create(self, request: Request) -> Response:
        read_query(request, {})
        reading = read_one(self.document, ATTRIBUTE.read)
        require_owner(client_of(request), reading.values["owner_id"])
        if reading.warnings and is_strict(request):
            raise Invalid(reading.warnings)
        attribute = catalogue.create([reading.values], actor_of(request))[0]
        return Response(AttributeSerializer(attribute).data)
