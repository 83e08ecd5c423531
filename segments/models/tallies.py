"""How often things were used, by day."""

from django.db import models


class Tally(models.Model):
    """How often something was used on one day (UTC), and when last; `segments.tallying` writes it."""

    kind = models.CharField(max_length=16)
    object_id = models.CharField(max_length=64)
    day = models.DateField()
    times = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id", "day"], name="a_day_is_tallied_once"),
            models.CheckConstraint(condition=models.Q(times__gt=0), name="a_tally_is_of_something"),
        ]
        indexes = [models.Index(fields=["day"], name="tallies_of_a_day")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.times:,} on {self.day}"
