"""The rows that `PostgresStore` keeps; nothing but the store and the admin's lists reads them."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from segments.models.columns import exact_object, is_a_date, is_object


class Audience(models.Model):
    """One end user's profile; `number` is the store's own dense integer for it, never in an answer.

    `value_ids` are its properties once more, as the ids of `IndexedValue`; null where an older release wrote them.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=128, db_collation="C")
    number = models.BigIntegerField(_("number"), unique=True, editable=False)
    id_type = models.TextField(_("id type"), null=True, blank=True, default="account_id")
    alt_id: "models.JSONField[Any, Any]" = exact_object(verbose_name=_("other ids"), null=True, blank=True)
    properties: "models.JSONField[Any, Any]" = models.JSONField(_("properties"), default=dict, blank=True)
    value_ids = ArrayField(models.IntegerField(), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("audience")
        verbose_name_plural = _("audiences")
        ordering = ["id"]
        constraints = [
            # Bitmaps hold 32 bits.
            models.CheckConstraint(
                condition=models.Q(number__gte=0, number__lt=2**32), name="audience_number_has_32_bits"
            ),
            is_object("properties", "audience_properties_are_an_object"),
            is_a_date("created_at", "audience_created_at_is_a_date"),
            is_a_date("updated_at", "audience_updated_at_is_a_date"),
        ]

    def __str__(self) -> str:
        return self.id


class AudienceHead(models.Model):
    """The one row that every write of audiences locks first, so that writers come one after the other.

    `seq` counts the writes and `next_number` is what the next new audience gets. The bitmaps hold the writes up
    to `base_seq`, the deltas those after it; `epoch` is another one whenever that is begun anew, and null while
    there are no bitmaps to answer from.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    epoch = models.UUIDField(null=True)
    seq = models.BigIntegerField(default=0)
    base_seq = models.BigIntegerField(default=0, db_default=0)
    next_number = models.BigIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_head")]

    def __str__(self) -> str:
        return f"{self.seq:,} writes, {self.next_number:,} numbers given out"
