"""How many audiences there were, day by day."""

from django.db import models


class AudienceTotal(models.Model):
    """How many audiences there were when sizes were last counted on a day (UTC)."""

    day = models.DateField(primary_key=True)
    total = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.total:,}"
