"""/audiences/attributes/{id}/values"""

import uuid

from rest_framework.request import Request
from rest_framework.response import Response

from segments import values
from segments.api.filters import Number, read_query
from segments.api.operations import value_operations
from segments.api.pagination import MOST, cut, link_next
from segments.api.serializers import ValueSerializer, read_one, refuse, warned
from segments.api.views.attributes import READ, WRITE, own_attribute, seen_attribute
from segments.api.views.base import ApiViewSet, actor_of, client_of, is_strict
from segments.contract import LONGEST_VALUE, VALUE
from segments.shapes import Text

PAGING = {
    "after": Text(about="Values after this one.", shortest=1, longest=LONGEST_VALUE),
    "name": Text(about="A part of the value or of its label, in either case.", shortest=1, longest=LONGEST_VALUE),
    "limit": Number(about="At most so many; 1,000 without it.", least=1, most=MOST),
}


@value_operations(PAGING)
class ValueViewSet(ApiViewSet):
    """The values of an attribute that the client may see."""

    scopes = {"list": READ, "create": WRITE, "destroy": WRITE}

    def list(self, request: Request, attribute_id: uuid.UUID) -> Response:
        paging = read_query(request, PAGING)
        attribute = seen_attribute(client_of(request), attribute_id)
        limit = paging.get("limit", MOST)
        listed, more = cut(values.page(attribute, paging.get("after"), limit + 1, paging.get("name", "")), limit)
        response = Response(ValueSerializer(listed, many=True).data)
        return link_next(request, response, listed[-1].value) if more else response

    def create(self, request: Request, attribute_id: uuid.UUID) -> Response:
        reading = read_one(self.document, VALUE.read)
        own_attribute(client_of(request), attribute_id)
        if is_strict(request):
            refuse(reading.warnings)
        value = values.add(attribute_id, reading.values, actor_of(request))
        return Response(warned(ValueSerializer(value).data, reading.warnings))

    def destroy(self, request: Request, attribute_id: uuid.UUID, value: str) -> Response:
        read_query(request, {})
        own_attribute(client_of(request), attribute_id)
        values.delete(attribute_id, value, actor_of(request))
        return Response(status=204)
