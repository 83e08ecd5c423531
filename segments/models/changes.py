"""The audit trail."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from segments.models.clients import Client
from segments.models.columns import TransactionId, exact_object

CATALOGUE = ("attribute", "value")  # the kinds whose changes can give clauses another meaning


@dataclass(frozen=True)
class Actor:
    """Who acts: a client through the API, staff in the admin, or a command by its name."""

    client: Client | None = None
    staff: User | None = None
    command: str = ""

    def __str__(self) -> str:
        if self.client:
            return f"client {self.client.name}"
        return f"staff {self.staff.get_username()}" if self.staff else f"command {self.command}"


class ChangeManager(models.Manager["Change"]):
    def record(self, actor: Actor, changes: "list[Change]") -> None:
        """Write these changes as the actor's; call it in the transaction that makes them."""
        for change in changes:
            change.client, change.staff, change.actor = actor.client, actor.staff, str(actor)
        self.bulk_create(changes)


class Change(models.Model):
    """Who changed what, when, and how it was before; written in the transaction of the change itself."""

    class Action(models.TextChoices):
        CREATED = "created", _("created")
        CHANGED = "changed", _("changed")
        DELETED = "deleted", _("deleted")
        RETIRED = "retired", _("retired")
        RENAMED = "renamed", _("renamed")
        MERGED = "merged", _("merged")

    at = models.DateTimeField(_("at"), default=timezone.now, db_index=True)
    action = models.CharField(_("action"), max_length=7, choices=Action)
    kind = models.CharField(_("kind"), max_length=32)
    object_id = models.CharField(_("object id"), max_length=64)
    label = models.TextField(_("label"))
    before: "models.JSONField[Any, Any]" = exact_object(verbose_name=_("before"), default=dict)
    after: "models.JSONField[Any, Any]" = exact_object(verbose_name=_("after"), default=dict)
    client = models.ForeignKey(Client, models.SET_NULL, verbose_name=_("client"), null=True, related_name="changes")
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("staff"), null=True, related_name="+"
    )
    actor = models.CharField(_("by"), max_length=300)
    xid = TransactionId(db_index=True)

    objects = ChangeManager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["kind", "object_id"], name="changes_of_an_object"),
            models.Index(fields=["xid"], name="changes_of_the_catalogue", condition=Q(kind__in=CATALOGUE)),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.get_action_display()}"
