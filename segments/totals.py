"""How many audiences there are, and were: one number a day, kept where sizes are counted."""

from django.utils import timezone

from segments.models import AudienceTotal
from segments.store import store


def keep_total() -> None:
    """Keep how many audiences there are now as this day's number."""
    with store().snapshot() as view:
        row = AudienceTotal(day=timezone.now().date(), total=view.total, at=view.as_of)
    AudienceTotal.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["day"], update_fields=["total", "at"]
    )
