"""The accounts that segments and attributes belong to."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class OwnerQuerySet(models.QuerySet["Owner"]):
    def register(self, owner_ids: Iterable[uuid.UUID]) -> None:
        """Register those that were never seen before; in order, so that no two writers wait in a ring.

        Call it in the transaction that goes on to name them: nobody can delete them until that ends.
        """
        wanted = sorted(set(owner_ids))
        query = f"SELECT id FROM {Owner._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"
        missing = set(wanted) - {owner.pk for owner in self.raw(query, [wanted])}
        name = unnamed(timezone.now())
        self.bulk_create([Owner(pk=owner_id, name=name) for owner_id in sorted(missing)], ignore_conflicts=True)

    def installation(self) -> "Owner":
        """The installation's own owner, to whom learned attributes belong unless an import names another."""
        owner, _created = self.get_or_create(pk=Owner.INSTALLATION_ID, defaults={"name": "This installation"})
        return owner


class Owner(models.Model):
    """An account, known by the id that clients send as `owner_id`."""

    INSTALLATION_ID = uuid.UUID("a2a2a2a2-0000-4000-8000-000000000001")

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4)
    name = models.CharField(_("name"), max_length=1000)
    created_at = models.DateTimeField(_("first seen"), default=timezone.now, editable=False)

    objects = OwnerQuerySet.as_manager()

    class Meta:
        verbose_name = _("owner")
        verbose_name_plural = _("owners")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


def unnamed(moment: datetime) -> str:
    """The name an owner gets when it is registered on sight."""
    return f"unnamed, first seen {moment:%Y-%m-%d}"
