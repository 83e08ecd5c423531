"""The operations of each resource as OpenAPI shows them; clients are generated from these names."""

from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiResponse

from segments.api import serializers
from segments.api.schema import component, described, operation
from segments.exporting import FORMATS
from segments.importing.uploads import SUFFIXES
from segments.shapes import Field

Query = Mapping[str, Field]
Decorator = Callable[[type], type]


def segment_operations(query: Query, explained: Query) -> Decorator:
    """The operations of segments; `query` narrows and pages their list, `explained` names an audience."""
    return lambda view: described(view, "segments", **a2_segment_operations(query), **our_segment_operations(explained))


def a2_segment_operations(query: Query) -> dict[str, Any]:
    segment = serializers.SegmentSerializer
    return dict(  # noqa: C408 as keywords they read like the actions they are
        list=operation("list_segments", "List segments", segment(many=True), query=query),
        create=operation(
            "create_segment",
            "Create an audience segment",
            segment,
            serializers.SegmentCreateSerializer,
            description="POST /audiences/segments of the A2 audience API.",
        ),
        update_in_body=operation(
            "update_segment",
            "Change the segment whose id is in the body",
            segment,
            serializers.SegmentUpdateSerializer,
            also=[404],
        ),
        bulk_add=operation(
            "create_segments",
            "Create up to 1,000 segments, all or none",
            segment(many=True),
            serializers.SegmentCreateSerializer(many=True),
        ),
    )


def our_segment_operations(explained: Query) -> dict[str, Any]:
    segment = serializers.SegmentSerializer
    return dict(  # noqa: C408 as keywords they read like the actions they are
        estimate=operation(
            "estimate_segment",
            "Size clauses without saving them",
            component("Estimate"),
            serializers.EstimateRequestSerializer,
            beta=True,
        ),
        overlap=operation(
            "overlap_segments",
            "Say how much of each other 2 to 20 segments are",
            component("Overlap"),
            serializers.OverlapRequestSerializer,
            also=[404],
            beta=True,
        ),
        explain=operation(
            "explain_membership",
            "Say clause by clause why an audience is a member, or is not",
            component("Explanation"),
            query=explained,
            also=[404],
            beta=True,
        ),
        retrieve=operation("get_segment", "Get a segment, its size computed now", segment, also=[404], beta=True),
        partial_update=operation(
            "patch_segment",
            "Change the fields that are sent",
            segment,
            serializers.SegmentPatchSerializer,
            also=[404],
            beta=True,
        ),
        destroy=operation("delete_segment", "Delete a segment", None, also=[404], beta=True),
    )


def attribute_operations(query: Query) -> Decorator:
    """The operations of attributes; `query` narrows and pages their list."""
    attribute, sent = serializers.AttributeSerializer, serializers.AttributeCreateSerializer
    return lambda view: described(
        view,
        "attributes",
        list=operation("list_attributes", "List attributes", attribute(many=True), query=query, beta=True),
        create=operation("create_attribute", "Create an attribute", attribute, sent, also=[409], beta=True),
        update_in_body=operation(
            "update_attribute",
            "Change the attribute whose id is in the body",
            attribute,
            serializers.AttributeUpdateSerializer,
            also=[404],
        ),
        bulk_add=operation(
            "create_attributes",
            "Create up to 1,000 attributes, all or none",
            attribute(many=True),
            sent(many=True),
            also=[409],
            beta=True,
        ),
        retrieve=operation("get_attribute", "Get an attribute", attribute, also=[404], beta=True),
        partial_update=operation(
            "patch_attribute",
            "Change the fields that are sent",
            attribute,
            serializers.AttributePatchSerializer,
            also=[404],
            beta=True,
        ),
        destroy=operation("delete_attribute", "Delete an attribute that nobody uses", None, also=[404, 409], beta=True),
    )


def retiring_operations(view: type) -> type:
    """The operations that change the catalogue and the segments that use it."""
    return described(
        view,
        "attributes",
        retire=operation(
            "retire_attribute",
            "Take an attribute out of all segments, or say what that would do",
            component("Retirement"),
            serializers.RetirementSerializer,
            also=[404, 409],
            beta=True,
        ),
        rename_value=operation(
            "rename_value",
            "Give a value of an attribute another text, or say what that would do",
            component("Renaming"),
            serializers.RenamingSerializer,
            also=[404, 409],
            beta=True,
        ),
        merge_value=operation(
            "merge_value",
            "Make two values of an attribute one, or say what that would do",
            component("Renaming"),
            serializers.MergingSerializer,
            also=[404, 409],
            beta=True,
        ),
    )


def member_operations(query: Query) -> Decorator:
    """The one operation of members; `query` pages them."""
    page = {"type": "array", "items": {"type": "string"}, "maxItems": 1000}
    described_as = "All members are streamed as text/csv or application/x-ndjson when Accept asks for that."
    return lambda view: described(
        view,
        "segments",
        members=operation(
            "list_members",
            "List the ids of a segment's members",
            OpenApiResponse(page, description="A page of ids in code point order; Link leads to the next one."),
            query=query,
            also=[404, 505],
            files=[form.media_type for form in FORMATS.values()],
            beta=True,
            description=described_as,
        ),
    )


def value_operations(query: Query) -> Decorator:
    """The operations of an attribute's values; `query` pages their list."""
    value = serializers.ValueSerializer
    return lambda view: described(
        view,
        "attributes",
        list=operation(
            "list_values", "List the values of an attribute", value(many=True), query=query, also=[404], beta=True
        ),
        create=operation(
            "create_value",
            "Add a value to an attribute",
            value,
            serializers.ValueCreateSerializer,
            also=[404, 409],
            beta=True,
        ),
        destroy=operation("delete_value", "Delete a value that nobody uses", None, also=[404, 409], beta=True),
    )


def audience_operations(query: Query) -> Decorator:
    """The operations of audiences; `query` pages their list."""
    audience = serializers.AudienceSerializer
    return lambda view: described(
        view,
        "audiences",
        list=operation("list_audiences", "List audiences", audience(many=True), query=query),
        create=operation("create_audience", "Create an audience", audience, audience, also=[409]),
        update_in_body=operation(
            "update_audience", "Change the audience whose id is in the body", audience, audience, also=[404]
        ),
        bulk_add=operation(
            "upsert_audiences",
            "Create or change up to 10,000 audiences, all or none",
            component("UpsertCounts"),
            audience(many=True),
        ),
        retrieve=operation("get_audience", "Get an audience", audience, also=[404]),
        segments=operation(
            "list_audience_segments", "List the segments an audience is in", component("Looked"), beta=True
        ),
        lookup=operation(
            "look_up_audiences",
            "List the segments of up to 100 audiences, while an ad waits",
            OpenApiResponse({"type": "array", "items": {"$ref": "#/components/schemas/Looked"}}),
            serializers.LookupRequestSerializer,
            beta=True,
        ),
        destroy=operation("delete_audience", "Delete an audience", None, also=[404], beta=True),
    )


def import_operations(paging: Query, asked: Query) -> Decorator:
    """The operations of imports; `paging` pages their list, `asked` says what a file is and how it is read."""
    return lambda view: described(
        view,
        "imports",
        # A list is described by what it is a list of.
        list=operation(
            "list_imports", "List imports, the last one first", component("Import"), query=paging, beta=True
        ),
        create=operation(
            "create_import",
            "Send a file to be imported",
            component("Import"),
            query=asked,
            sends=list(SUFFIXES),
            also=[507],
            beta=True,
            description="The body is the file, plain or with Content-Encoding: gzip. It is loaded in the background.",
        ),
        retrieve=operation("get_import", "Get an import", component("Import"), also=[404], beta=True),
    )


def reject_operations(view: Any) -> Any:
    """The one operation of rejected lines."""
    rejects = {"type": "array", "items": {"$ref": "#/components/schemas/Reject"}}
    return described(
        view,
        "imports",
        rejects=operation(
            "list_rejects",
            "List what was wrong with lines",
            OpenApiResponse(rejects, description="The first thousand."),
            also=[404],
            files=["text/csv"],
            beta=True,
            description="As text/csv, when Accept asks for that, all of it: the report, kept for seven days.",
        ),
    )
