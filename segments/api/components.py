"""Objects of the OpenAPI document that no shape describes: answers that are never sent."""

from typing import Any

WHOLE = {"type": "integer", "minimum": 0}
MOMENT = {"type": "string", "format": "date-time"}
UUID = {"type": "string", "format": "uuid"}
TEXTS = {"type": "array", "items": {"type": "string"}}
NAMED = {"id": UUID, "no": WHOLE, "name": {"type": "string"}}
WARNINGS = {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}}


def answered(about: str, **properties: Any) -> dict[str, Any]:
    """An object whose fields are all there."""
    return {"type": "object", "description": about, "required": list(properties), "properties": properties}


def listed(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


LOOKED = answered(
    "The segments that an audience is in at that moment, by no; an unknown audience is in none.",
    audience_id={"type": "string"},
    as_of=MOMENT,
    segments=listed(answered("A segment.", **NAMED)),
)
EXPLANATION = answered(
    "Why an audience is a member of a segment, or is not.",
    segment_id=UUID,
    audience_id={"type": "string"},
    as_of=MOMENT,
    member={"type": "boolean"},
    clauses=listed(
        answered(
            "A clause: the values it lists that are known, those that the audience has, and whether it lets it in.",
            code={"type": "string"},
            excluded={"type": "boolean"},
            wanted=TEXTS,
            has=TEXTS,
            passes={"type": "boolean"},
        )
    ),
    warnings=WARNINGS,
)
OVERLAP = answered(
    "How much of each other some segments are at that moment.",
    as_of=MOMENT,
    segments=listed(answered("A segment with its size.", **NAMED, size=WHOLE)),
    pairs=listed(
        answered(
            "Two segments: how many are in both, how many in either, and the part of these that is in both.",
            segment_ids={"type": "array", "items": UUID, "minItems": 2, "maxItems": 2},
            intersection=WHOLE,
            union=WHOLE,
            jaccard={"type": ["number", "null"], "minimum": 0, "maximum": 1},
        )
    ),
)
TOUCHED = answered(
    "A segment that is touched, and how many audiences it selects before and after.",
    **NAMED,
    owner_id=UUID,
    size_before=WHOLE,
    size_after=WHOLE,
)
PREVIEW = {
    "attribute_id": UUID,
    "code": {"type": "string"},
    "confirmed": {"type": "boolean"},
    "as_of": MOMENT,
    "segments": listed(TOUCHED),
    "other_segments": {**WHOLE, "description": "How many segments of owners that the client does not act for."},
}
RETIREMENT = answered(
    "What retiring an attribute does, or has done when it was confirmed, all sizes of one moment.", **PREVIEW
)
RENAMING = answered(
    "What renaming or merging a value does, or has done when it was confirmed, all sizes of one moment.",
    value={"type": "string"},
    into={"type": "string"},
    **PREVIEW,
    audiences={**WHOLE, "description": "How many audiences had the value by an older text."},
    audiences_left={**WHOLE, "description": "How many of them are still to be rewritten; no answer depends on it."},
)
IMPORT = answered(
    "A file that is loaded, or was: how far it is, and what became of its lines.",
    id=WHOLE,
    kind={"type": "string", "enum": ["attributes", "audiences", "segments", "taxonomy"]},
    file={"type": "string"},
    state={"type": "string", "enum": ["queued", "running", "paused", "done", "refused", "failed", "stopped"]},
    reason={"type": "string", "description": "Why it was refused, failed, or was stopped."},
    owner_id={"type": ["string", "null"], "format": "uuid"},
    dry_run={"type": "boolean"},
    options={"type": "object"},
    started_at=MOMENT,
    finished_at={"type": ["string", "null"], "format": "date-time"},
    progress={
        "type": ["object", "null"],
        "description": "While it runs: done of total, bytes while reading and rows while applying, in so many seconds.",
        "properties": {
            "phase": {"type": "string", "enum": ["reading", "applying", "sizing"]},
            "rows": WHOLE,
            "done": {"type": ["integer", "null"]},
            "total": {"type": ["integer", "null"]},
            "seconds": {"type": "number"},
        },
    },
    receipt=answered(
        "Every line is in exactly one of the counts beside lines.",
        lines=WHOLE,
        created=WHOLE,
        updated=WHOLE,
        unchanged=WHOLE,
        duplicate=WHOLE,
        suppressed=WHOLE,
        rejected=WHOLE,
        reasons={"type": "object", "additionalProperties": WHOLE},
    ),
)
REJECT = answered(
    "One thing that is wrong with a line of a file.",
    line=WHOLE,
    column={"type": "string"},
    code={"type": "string"},
    value={"type": "string"},
    reason={"type": "string"},
)
