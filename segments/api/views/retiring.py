"""/audiences/attributes/{id}/retire, …/rename-value and …/merge-value"""

import uuid
from collections.abc import Callable

from rest_framework.request import Request
from rest_framework.response import Response

from segments import renaming, retiring
from segments.api.operations import retiring_operations
from segments.api.previews import preview_json, renaming_json
from segments.api.serializers import read_one, refuse
from segments.api.views.attributes import own_attribute
from segments.api.views.base import ApiViewSet, actor_of, client_of, is_strict
from segments.contract import MERGING, RENAMING, RETIREMENT
from segments.models import Client
from segments.previews import Touched
from segments.renaming import Asked
from segments.shapes import Reading, Shape
from segments.tasks import settle_later

# The answers name segments and their sizes.
SCOPES = ("attributes:write", "segments:read")


@retiring_operations
class RetiringViewSet(ApiViewSet):
    """What changes the catalogue under the segments that use it: a preview, until it is confirmed."""

    scopes = {"retire": SCOPES, "rename_value": SCOPES, "merge_value": SCOPES}
    optional = frozenset({"retire"})

    def retire(self, request: Request, attribute_id: uuid.UUID) -> Response:
        confirmed = self.read(request, RETIREMENT, attribute_id).values.get("confirm", False)
        preview = retiring.retire(attribute_id, actor_of(request)) if confirmed else retiring.preview(attribute_id)
        return Response(preview_json(preview, confirmed=confirmed, seen=seen_by(client_of(request))))

    def rename_value(self, request: Request, attribute_id: uuid.UUID) -> Response:
        values = self.read(request, RENAMING, attribute_id).values
        asked = Asked(attribute_id, values["value"], values["to"], merges=False)
        return self.carry_out(request, asked, values.get("confirm", False))

    def merge_value(self, request: Request, attribute_id: uuid.UUID) -> Response:
        values = self.read(request, MERGING, attribute_id).values
        asked = Asked(attribute_id, values["value"], values["into"], merges=True)
        return self.carry_out(request, asked, values.get("confirm", False))

    def carry_out(self, request: Request, asked: Asked, confirmed: bool) -> Response:
        preview = renaming.confirm(asked, actor_of(request), settle_later) if confirmed else renaming.preview(asked)
        return Response(renaming_json(preview, confirmed=confirmed, seen=seen_by(client_of(request))))

    def read(self, request: Request, shape: Shape, attribute_id: uuid.UUID) -> Reading:
        """The body, from a client that may change the attribute."""
        reading = read_one(self.document, shape.read)
        own_attribute(client_of(request), attribute_id)
        if is_strict(request):
            refuse(reading.warnings)
        return reading


def seen_by(client: Client) -> Callable[[Touched], bool]:
    """Whether the client may see a segment."""
    if client.all_owners:
        return lambda _touched: True
    owners = set(client.owners.values_list("pk", flat=True))
    return lambda touched: touched.owner_id in owners
