"""Definitions that a change of the catalogue alters: set by set, for it may be ten thousand of them at once."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection

from segments.models import AudienceSegment, Change, SegmentSize
from segments.models.changes import Actor

WRITTEN = 1000  # segments in a statement
SEGMENT, CHANGE, SIZE = (model._meta.db_table for model in (AudienceSegment, Change, SegmentSize))

# What becomes of the size: nobody is selected from now on; or it is as good as it was before.
EMPTY = "computed_size = 0, size_as_of = statement_timestamp(), size_revision = segment.revision + 1"
SAME = """size_revision = CASE segment.size_revision
    WHEN segment.revision THEN segment.revision + 1 ELSE segment.size_revision END"""

TOLD = """jsonb_build_object(
    'properties', segment.properties, 'exclusions', segment.exclusions,
    'deprecated_properties', segment.deprecated_properties, 'retired_codes', segment.retired_codes)"""
DIFFERENT = """(
    SELECT coalesce(jsonb_object_agg(key, value), jsonb_build_object())
    FROM jsonb_each({0}.told) WHERE value <> {1}.told -> key)"""

REWRITE = f"""
    WITH sent AS (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(properties)s::text[], %(exclusions)s::text[], %(deprecated)s::text[], %(retired)s::text[]
        ) AS sent (id, properties, exclusions, deprecated_properties, retired_codes)
    ), before AS (
        SELECT id, computed_size, {TOLD} AS told FROM {SEGMENT} AS segment WHERE id = ANY(%(ids)s::uuid[])
    ), written AS (
        UPDATE {SEGMENT} AS segment SET
            properties = sent.properties::jsonb,
            exclusions = sent.exclusions::jsonb,
            deprecated_properties = sent.deprecated_properties::jsonb,
            retired_codes = ARRAY(SELECT jsonb_array_elements_text(sent.retired_codes::jsonb)),
            revision = segment.revision + 1,
            updated_at = greatest(statement_timestamp(), segment.created_at),
            {{size}}
        FROM sent WHERE segment.id = sent.id
        RETURNING segment.id, name, revision, computed_size, size_as_of, {TOLD} AS told
    ), recorded AS (
        INSERT INTO {SIZE} (segment_id, size, revision, as_of)
        SELECT id, written.computed_size, revision, size_as_of FROM written JOIN before USING (id)
        WHERE written.computed_size IS DISTINCT FROM before.computed_size
    )
    INSERT INTO {CHANGE} (at, action, kind, object_id, label, before, after, client_id, staff_id, actor)
    SELECT statement_timestamp(), %(action)s, 'segment', id::text, name,
        {DIFFERENT.format("before", "written")}, {DIFFERENT.format("written", "before")},
        %(client)s, %(staff)s, %(actor)s
    FROM written JOIN before USING (id)"""


def rewrite(segments: Sequence[AudienceSegment], size: str, actor: Actor) -> None:
    """Write the clauses of these locked segments, which were altered, in the caller's transaction.

    Each is a new revision, with its entry in the audit trail and, where its size becomes another, in its history.
    """
    by: dict[str, Any] = {
        "action": Change.Action.CHANGED,
        "client": actor.client and actor.client.pk,
        "staff": actor.staff and actor.staff.pk,
        "actor": str(actor),
    }
    with connection.cursor() as cursor:
        for start in range(0, len(segments), WRITTEN):
            part = segments[start : start + WRITTEN]
            columns: dict[str, Any] = {
                "ids": [segment.pk for segment in part],
                "properties": [json.dumps(segment.properties) for segment in part],
                "exclusions": [json.dumps(segment.exclusions) for segment in part],
                "deprecated": [json.dumps(segment.deprecated_properties) for segment in part],
                "retired": [json.dumps(segment.retired_codes) for segment in part],
            }
            cursor.execute(REWRITE.format(size=size), {**by, **columns})
