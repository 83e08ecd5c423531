"""How a change of the catalogue is answered, before and after it is done."""

from collections.abc import Callable
from typing import Any

from segments.moments import rfc3339
from segments.previews import Preview, Touched
from segments.renaming import RenamePreview


def preview_json(preview: Preview, *, confirmed: bool, seen: Callable[[Touched], bool]) -> dict[str, Any]:
    """What a change of the catalogue does, or has done, to segments; those that are not `seen` are only counted."""
    segments = [touched for touched in preview.segments if seen(touched)]
    return {
        "attribute_id": str(preview.attribute.pk),
        "code": preview.attribute.code,
        "confirmed": confirmed,
        "as_of": rfc3339(preview.as_of),
        "segments": [
            {
                "id": str(touched.id),
                "no": touched.no,
                "name": touched.name,
                "owner_id": str(touched.owner_id),
                "size_before": touched.size_before,
                "size_after": touched.size_after,
            }
            for touched in segments
        ],
        "other_segments": len(preview.segments) - len(segments),
    }


def renaming_json(preview: RenamePreview, *, confirmed: bool, seen: Callable[[Touched], bool]) -> dict[str, Any]:
    """The same of a value that is renamed or merged, with the audiences that have it by an older text."""
    return {
        "value": preview.asked.value,
        "into": preview.asked.into,
        **preview_json(preview, confirmed=confirmed, seen=seen),
        "audiences": preview.audiences,
        "audiences_left": preview.left,
    }
