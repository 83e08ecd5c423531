"""What the stored sizes were last counted from."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Recount(models.Model):
    """The one row that says what the last recount of all segments has seen, and what came in its way since.

    It has seen the first `writes` of the audiences, and of the catalogue's changes those that were committed by
    transactions before `since`, with those of later ones in `seen`. `failure` is empty unless the last one failed.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    writes = models.BigIntegerField(default=0)
    since = models.BigIntegerField(default=0)
    seen: "ArrayField[Any, Any]" = ArrayField(models.BigIntegerField(), default=list)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_recount")]

    def __str__(self) -> str:
        return self.failure or f"{self.writes:,} writes"
