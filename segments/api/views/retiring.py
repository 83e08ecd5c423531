"""/audiences/attributes/{id}/retire"""

import uuid
from collections.abc import Callable

from rest_framework.request import Request
from rest_framework.response import Response

from segments import retiring
from segments.api.operations import retiring_operations
from segments.api.previews import preview_json
from segments.api.serializers import read_one, refuse
from segments.api.views.attributes import own_attribute
from segments.api.views.base import ApiViewSet, actor_of, client_of, is_strict
from segments.contract import RETIREMENT
from segments.models import Client
from segments.previews import Touched

# The answers name segments and their sizes.
SCOPES = ("attributes:write", "segments:read")


@retiring_operations
class RetiringViewSet(ApiViewSet):
    """What changes an attribute and the segments that use it: a preview, until it is confirmed."""

    scopes = {"retire": SCOPES}
    optional = frozenset({"retire"})

    def retire(self, request: Request, attribute_id: uuid.UUID) -> Response:
        reading = read_one(self.document, RETIREMENT.read)
        client = client_of(request)
        own_attribute(client, attribute_id)
        if is_strict(request):
            refuse(reading.warnings)
        confirmed = reading.values.get("confirm", False)
        preview = retiring.retire(attribute_id, actor_of(request)) if confirmed else retiring.preview(attribute_id)
        return Response(preview_json(preview, confirmed=confirmed, seen=seen_by(client)))


def seen_by(client: Client) -> Callable[[Touched], bool]:
    """Whether the client may see a segment."""
    if client.all_owners:
        return lambda _touched: True
    owners = set(client.owners.values_list("pk", flat=True))
    return lambda touched: touched.owner_id in owners
