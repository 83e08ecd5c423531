"""/audiences/attributes"""

import uuid

from rest_framework.request import Request
from rest_framework.response import Response

from segments import catalogue
from segments.api.filters import Number, read_query
from segments.api.operations import attribute_operations
from segments.api.pagination import MOST, cut, link_next
from segments.api.permissions import require_owner, require_owners
from segments.api.serializers import (
    AttributePatchSerializer,
    AttributeSerializer,
    AttributeUpdateSerializer,
    read_many,
    read_one,
    refuse,
    refuse_warnings,
    warned,
)
from segments.api.views.base import ApiViewSet, actor_of, client_of, is_strict
from segments.contract import ATTRIBUTE
from segments.exceptions import AttributeMissing, AttributeOfAnother
from segments.models import AudienceAttribute, Client
from segments.shapes import Uuid

MOST_ATTRIBUTES = 1000
READ = ("attributes:read",)
WRITE = ("attributes:write",)
PAGING = {
    "after": Number(about="Attributes after this no.", least=0, most=2**63 - 1),
    "limit": Number(about="At most so many; all of them without it.", least=1, most=MOST),
    "owner_id": Uuid(about="Attributes of this owner."),
}


@attribute_operations(PAGING)
class AttributeViewSet(ApiViewSet):
    """Attributes that the client may see: public ones and those of its owners."""

    scopes = {
        "list": READ,
        "create": WRITE,
        "update_in_body": WRITE,
        "bulk_add": WRITE,
        "retrieve": READ,
        "partial_update": WRITE,
        "destroy": WRITE,
    }

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
        reading = read_one(self.document, ATTRIBUTE.read)
        require_owner(client_of(request), reading.values["owner_id"])
        if is_strict(request):
            refuse(reading.warnings)
        attribute = catalogue.create([reading.values], actor_of(request))[0]
        return Response(warned(AttributeSerializer(attribute).data, reading.warnings))

    def bulk_add(self, request: Request) -> Response:
        readings = read_many(self.document, ATTRIBUTE.read, MOST_ATTRIBUTES, distinct="code")
        owners = [(reading.values["owner_id"], f"/{index}/owner_id") for index, reading in enumerate(readings)]
        require_owners(client_of(request), owners)
        if is_strict(request):
            refuse_warnings(readings)
        attributes = catalogue.create([reading.values for reading in readings], actor_of(request))
        answers = AttributeSerializer(attributes, many=True).data
        return Response([warned(answer, reading.warnings) for answer, reading in zip(answers, readings, strict=True)])

    def update_in_body(self, request: Request) -> Response:
        return self.change(request, AttributeUpdateSerializer.sent)

    def partial_update(self, request: Request, attribute_id: uuid.UUID) -> Response:
        return self.change(request, AttributePatchSerializer.sent, attribute_id)

    def change(
        self, request: Request, required: frozenset[str] | None, attribute_id: uuid.UUID | None = None
    ) -> Response:
        """Either PATCH: the id is in the path, or else in the body."""
        reading = read_one(self.document, lambda value: ATTRIBUTE.read(value, required=required))
        target = attribute_id or reading.values.pop("id")
        client = client_of(request)
        own_attribute(client, target)
        if "owner_id" in reading.values:
            require_owner(client, reading.values["owner_id"])
        if is_strict(request):
            refuse(reading.warnings)
        catalogue.change(target, reading.values, actor_of(request))
        return Response(warned(AttributeSerializer(seen_attribute(client, target)).data, reading.warnings))

    def retrieve(self, request: Request, attribute_id: uuid.UUID) -> Response:
        read_query(request, {})
        return Response(AttributeSerializer(seen_attribute(client_of(request), attribute_id)).data)

    def destroy(self, request: Request, attribute_id: uuid.UUID) -> Response:
        read_query(request, {})
        own_attribute(client_of(request), attribute_id)
        catalogue.delete(attribute_id, actor_of(request))
        return Response(status=204)


def seen_attribute(client: Client, attribute_id: uuid.UUID) -> AudienceAttribute:
    """The attribute, if this client may see it; another owner's private one looks like none."""
    attribute: AudienceAttribute | None = catalogue.seen_by(client).filter(pk=attribute_id).first()
    if attribute is None:
        raise AttributeMissing
    return attribute


def own_attribute(client: Client, attribute_id: uuid.UUID) -> AudienceAttribute:
    """The attribute, if this client may change it; AttributeOfAnother for a public one of another owner."""
    attribute = seen_attribute(client, attribute_id)
    if not client.acts_for(attribute.owner_id):
        raise AttributeOfAnother
    return attribute
