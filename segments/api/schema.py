"""How the API describes itself in OpenAPI: shapes as components, an explicit id for every operation."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from segments.api import serializers
from segments.shapes import Field, Shape

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `errors` names each fault by JSON pointer.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
FAULT = {
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
}
ESTIMATE = {
    "type": "object",
    "required": ["size", "total", "exact", "as_of", "clauses", "warnings"],
    "properties": {
        "size": {"type": "integer"},
        "total": {"type": "integer", "description": "How many audiences there are."},
        "exact": {"type": "boolean"},
        "as_of": {"type": "string", "format": "date-time"},
        "clauses": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "size"],
                "properties": {
                    "code": {"type": "string"},
                    "size": {"type": "integer"},
                    "excluded": {"type": "boolean"},
                },
            },
        },
        "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
COUNTS = {
    "type": "object",
    "required": ["created", "updated", "unchanged", "suppressed"],
    "properties": {name: {"type": "integer"} for name in ("created", "updated", "unchanged", "suppressed")},
}


def object_schema(shape: Shape, required: frozenset[str] | None, answered: bool) -> dict[str, Any]:
    """A shape in JSON Schema: as it is sent, or as it is answered."""
    if required is None:
        required = frozenset(name for name, field in shape.fields.items() if is_required(field, answered))
    named = [name for name in shape.fields if name in required]
    properties = {name: field.schema() for name, field in shape.fields.items()}
    if "warnings" in properties:
        properties["warnings"] = {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}, "readOnly": True}
    return {"type": "object", "properties": properties, **({"required": named} if named else {})}


def is_required(field: Field, answered: bool) -> bool:
    return field.required or (answered and field.server_made and not field.nullable)


class ShapeExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Tells drf-spectacular what a ShapeSerializer looks like."""

    target_class = "segments.api.serializers.ShapeSerializer"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        return str(self.target.schema_name)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return object_schema(self.target.shape, self.target.sent, self.target.answered)


class BearerExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells drf-spectacular how tokens are sent and where they come from."""

    target_class = "segments.api.authentication.BearerAuthentication"
    name = "oauth2"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token from POST /o/token/ (client_credentials)."}


def parameters(fields: dict[str, Field]) -> list[OpenApiParameter]:
    """Query parameters from fields of a shape."""
    return [
        OpenApiParameter(name, type=field.kind(), location="query", description=field.about)
        for name, field in fields.items()
    ]


def answers(ok: Any, status: int = 200) -> dict[int | str, Any]:
    """The success and the one shape of every refusal."""
    problem = OpenApiResponse({"$ref": "#/components/schemas/Problem"}, description="Refused; the body says why.")
    return {status: ok, ("default", "application/problem+json"): problem}  # type: ignore[dict-item]


def described(view: type, tag: str, **operations: Any) -> type:
    """The view with its methods described; extend_schema_view knows the usual names alone."""
    for name, describe in operations.items():
        setattr(view, name, extend_schema(tags=[tag])(describe(getattr(view, name))))
    return view


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's last step: components that no serializer stands for; paths without the optional slash."""
    result["paths"] = {path.rstrip("/"): operations for path, operations in result["paths"].items()}
    result["components"]["schemas"].update(Fault=FAULT, Problem=PROBLEM, Estimate=ESTIMATE, UpsertCounts=COUNTS)
    return result


def operation(operation_id: str, summary: str, ok: Any, body: Any = None, **options: Any) -> Any:
    """The description of one operation."""
    status = options.pop("status", 200)
    request = {"application/json": body} if body is not None else None
    return extend_schema(
        operation_id=operation_id, summary=summary, request=request, responses=answers(ok, status), **options
    )


def component(name: str) -> OpenApiResponse:
    return OpenApiResponse({"$ref": f"#/components/schemas/{name}"}, description="Done.")


def segment_schema(view: type) -> type:
    """The operations of segments."""
    from_seed = "POST /audiences/segments of the A2 audience API."
    return described(
        view,
        "segments",
        list=operation("list_segments", "List segments", serializers.SegmentSerializer(many=True)),
        create=operation(
            "create_segment",
            "Create an audience segment",
            serializers.SegmentSerializer,
            serializers.SegmentCreateSerializer,
            description=from_seed,
        ),
        update_in_body=operation(
            "update_segment",
            "Change the segment whose id is in the body",
            serializers.SegmentSerializer,
            serializers.SegmentUpdateSerializer,
        ),
        bulk_add=operation(
            "create_segments",
            "Create up to 1,000 segments, all or none",
            serializers.SegmentSerializer(many=True),
            serializers.SegmentCreateSerializer(many=True),
        ),
        estimate=operation(
            "estimate_segment",
            "Size clauses without saving them",
            component("Estimate"),
            serializers.EstimateRequestSerializer,
        ),
        retrieve=operation("get_segment", "Get a segment, its size computed now", serializers.SegmentSerializer),
        partial_update=operation(
            "patch_segment",
            "Change the fields that are sent",
            serializers.SegmentSerializer,
            serializers.SegmentPatchSerializer,
        ),
        destroy=operation("delete_segment", "Delete a segment", OpenApiResponse(description="Deleted."), status=204),
    )


def attribute_schema(view: type) -> type:
    """The operations of attributes."""
    attribute = serializers.AttributeSerializer
    return described(
        view,
        "attributes",
        list=operation("list_attributes", "List attributes", attribute(many=True)),
        create=operation("create_attribute", "Create an attribute", attribute, serializers.AttributeCreateSerializer),
    )


def audience_schema(view: type) -> type:
    """The operations of audiences."""
    return described(
        view,
        "audiences",
        bulk_add=operation(
            "upsert_audiences",
            "Create or change up to 10,000 audiences, all or none",
            component("UpsertCounts"),
            serializers.AudienceUpsertSerializer(many=True),
        ),
        retrieve=operation("get_audience", "Get an audience", serializers.AudienceSerializer),
    )
