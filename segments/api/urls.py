"""The addresses of the audience API, each with and without a trailing slash and never a redirect."""

from django.urls import re_path

from segments.api.views.attributes import AttributeViewSet
from segments.api.views.audiences import AudienceViewSet
from segments.api.views.imports import ImportViewSet
from segments.api.views.members import MemberViewSet
from segments.api.views.rejects import RejectViewSet
from segments.api.views.retiring import RetiringViewSet
from segments.api.views.segments import SegmentViewSet
from segments.api.views.values import ValueViewSet

UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
SEGMENT = rf"(?P<segment_id>{UUID})"
IMPORT = r"(?P<import_id>[1-9][0-9]{0,17})"
ATTRIBUTE = rf"(?P<attribute_id>{UUID})"

urlpatterns = [
    re_path(
        r"^audiences/segments/?$",
        SegmentViewSet.as_view({"get": "list", "post": "create", "patch": "update_in_body"}),
        name="segments",
    ),
    re_path(r"^audiences/segments/bulk-add/?$", SegmentViewSet.as_view({"post": "bulk_add"}), name="segments-bulk-add"),
    re_path(r"^audiences/segments/estimate/?$", SegmentViewSet.as_view({"post": "estimate"}), name="segments-estimate"),
    re_path(r"^audiences/segments/overlap/?$", SegmentViewSet.as_view({"post": "overlap"}), name="segments-overlap"),
    re_path(rf"^audiences/segments/{SEGMENT}/explain/?$", SegmentViewSet.as_view({"get": "explain"}), name="explain"),
    re_path(
        rf"^audiences/segments/{SEGMENT}/?$",
        SegmentViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="segment",
    ),
    re_path(rf"^audiences/segments/{SEGMENT}/audiences/?$", MemberViewSet.as_view({"get": "members"}), name="members"),
    re_path(
        r"^audiences/attributes/?$",
        AttributeViewSet.as_view({"get": "list", "post": "create", "patch": "update_in_body"}),
        name="attributes",
    ),
    re_path(
        r"^audiences/attributes/bulk-add/?$", AttributeViewSet.as_view({"post": "bulk_add"}), name="attributes-bulk-add"
    ),
    re_path(
        rf"^audiences/attributes/{ATTRIBUTE}/?$",
        AttributeViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="attribute",
    ),
    re_path(
        rf"^audiences/attributes/{ATTRIBUTE}/retire/?$", RetiringViewSet.as_view({"post": "retire"}), name="retire"
    ),
    re_path(
        rf"^audiences/attributes/{ATTRIBUTE}/rename-value/?$",
        RetiringViewSet.as_view({"post": "rename_value"}),
        name="rename-value",
    ),
    re_path(
        rf"^audiences/attributes/{ATTRIBUTE}/merge-value/?$",
        RetiringViewSet.as_view({"post": "merge_value"}),
        name="merge-value",
    ),
    re_path(
        rf"^audiences/attributes/{ATTRIBUTE}/values/?$",
        ValueViewSet.as_view({"get": "list", "post": "create"}),
        name="values",
    ),
    # A value may end with a slash, so here a slash at the end is no other way to write the address.
    re_path(
        rf"^audiences/attributes/{ATTRIBUTE}/values/(?P<value>.+)\Z",
        ValueViewSet.as_view({"delete": "destroy"}),
        name="value",
    ),
    re_path(
        r"^audiences/?$",
        AudienceViewSet.as_view({"get": "list", "post": "create", "patch": "update_in_body"}),
        name="audiences",
    ),
    re_path(r"^audiences/bulk-add/?$", AudienceViewSet.as_view({"post": "bulk_add"}), name="audiences-bulk-add"),
    re_path(r"^audiences/lookup/?$", AudienceViewSet.as_view({"post": "lookup"}), name="lookup"),
    re_path(
        r"^audiences/get/(?P<audience_id>[^/\0]{1,128})/segments/?$",
        AudienceViewSet.as_view({"get": "segments"}),
        name="audience-segments",
    ),
    re_path(
        r"^audiences/get/(?P<audience_id>[^/\0]{1,128})/?$",
        AudienceViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="audience",
    ),
    re_path(r"^imports/?$", ImportViewSet.as_view({"get": "list", "post": "create"}), name="imports"),
    re_path(rf"^imports/{IMPORT}/?$", ImportViewSet.as_view({"get": "retrieve"}), name="import"),
    re_path(rf"^imports/{IMPORT}/rejects/?$", RejectViewSet.as_view({"get": "rejects"}), name="import-rejects"),
]
