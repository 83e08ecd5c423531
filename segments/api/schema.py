"""How the API describes itself in OpenAPI: shapes as components, an explicit id for every operation."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from segments.api.components import EXPLANATION, IMPORT, LOOKED, OVERLAP, REJECT, RENAMING, RETIREMENT
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
REFUSALS = {
    400: "The body cannot be read as JSON.",
    401: "No access token, or none that is good.",
    403: "The token lacks a scope, or the client does not act for the owner.",
    404: "There is none with this id, or it is another owner's.",
    406: "The answer comes in none of the accepted types.",
    409: "It stands against something that is already here.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A field or a parameter is wrong.",
    503: "The service is busy or its database is away; nothing was changed. Retry-After says when to ask again.",
    505: "A file was asked for by HTTP/1.0, which has no chunks.",
    507: "The file cannot be kept: the disk is full, or not to be written to.",
}
JSON = "application/json"
ALWAYS, WITH_A_BODY = (401, 403, 406, 422, 503), (400, 413, 415)
COUNTS = {
    "type": "object",
    "required": ["created", "updated", "unchanged", "suppressed"],
    "properties": {
        **{name: {"type": "integer"} for name in ("created", "updated", "unchanged", "suppressed")},
        "warnings": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Fault"},
            "description": "Fields that were sent and not kept; left out without any.",
        },
    },
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
    return field.required or (answered and field.server_made and not (field.nullable or field.sometimes))


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


def parameters(fields: Mapping[str, Field]) -> list[OpenApiParameter]:
    """Query parameters from fields of a shape."""
    return [
        OpenApiParameter(name, type=field.kind(), location="query", description=field.about)
        for name, field in fields.items()
    ]


def refusals(statuses: Sequence[int]) -> dict[Any, Any]:
    """What an operation may answer besides success, all in the one shape; `default` is for failures of ours."""
    named = {status: REFUSALS[status] for status in sorted(statuses)} | {"default": "Refused; the body says why."}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        (status, "application/problem+json"): OpenApiResponse(schema, description=description)
        for status, description in named.items()
    }


def described(view: type, tag: str, **operations: Any) -> type:
    """The view with its methods described; extend_schema_view knows the usual names alone."""
    for name, describe in operations.items():
        setattr(view, name, extend_schema(tags=[tag])(describe(getattr(view, name))))
    return view


def operation(
    operation_id: str,
    summary: str,
    ok: Any,
    body: Any = None,
    *,
    query: Mapping[str, Field] | None = None,
    also: Sequence[int] = (),
    files: Sequence[str] = (),
    sends: Sequence[str] = (),
    beta: bool = False,
    description: str | None = None,
) -> Any:
    """One operation: `ok` is what it answers, None for an empty 204; `also` are refusals that not all share.

    `files` are media types that success may come in, too, and `sends` those of a file that is sent; `beta` marks what
    A2 does not have and may still change.
    """
    success: dict[Any, Any] = {204: OpenApiResponse(description="Deleted.")} if ok is None else {(200, JSON): ok}
    success |= {(200, media_type): OpenApiResponse({"type": "string"}) for media_type in files}
    statuses = [*ALWAYS, *also, *(WITH_A_BODY if body is not None or sends else ())]
    takes = {JSON: body} if body is not None else {each: {"type": "string", "format": "binary"} for each in sends}
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=description,
        parameters=parameters(query or {}),
        request=takes or None,
        responses={**success, **refusals(statuses)},
        extensions={"x-beta": True} if beta else {},
    )


def component(name: str) -> OpenApiResponse:
    return OpenApiResponse({"$ref": f"#/components/schemas/{name}"}, description="Done.")


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's last step: components that no serializer stands for; paths without the optional slash."""
    result["paths"] = {path.rstrip("/"): operations for path, operations in result["paths"].items()}
    schemas = result["components"]["schemas"]
    schemas.update(Fault=FAULT, Problem=PROBLEM, Estimate=ESTIMATE, UpsertCounts=COUNTS)
    schemas.update(Looked=LOOKED, Explanation=EXPLANATION, Overlap=OVERLAP, Retirement=RETIREMENT, Renaming=RENAMING)
    schemas.update(Import=IMPORT, Reject=REJECT)
    return result
