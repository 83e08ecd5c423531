"""Imports and their receipts."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from segments.models.columns import exact_object


class Import(models.Model):
    """One bulk load of a file, and what became of its lines.

    `created`, `updated` and `unchanged` are kept in the transactions that do it: of an import that died, or is
    `running` yet, they say what is applied so far. A dry run has the counts that the import itself would have.
    """

    class Kind(models.TextChoices):
        ATTRIBUTES = "attributes", _("attributes")
        AUDIENCES = "audiences", _("audiences")
        SEGMENTS = "segments", _("segments")
        TAXONOMY = "taxonomy", _("taxonomy")

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    file = models.TextField(_("file"), help_text=_("As it was named; - is standard input."))
    owner_id = models.UUIDField(_("owner"), null=True)
    options: "models.JSONField[Any, Any]" = exact_object(verbose_name=_("options"), default=dict)
    dry_run = models.BooleanField(_("dry run"), default=False)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.RUNNING)
    reason = models.TextField(_("reason"), blank=True, help_text=_("Why it was refused or failed."))
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)
    idle = models.DurationField(
        _("lay still"),
        default=timedelta(0),
        db_default=timedelta(0),
        editable=False,
        help_text=_("How long nobody was at it between its begin and its end."),
    )
    lines = models.BigIntegerField(_("lines"), default=0)
    created = models.BigIntegerField(_("created"), default=0)
    updated = models.BigIntegerField(_("updated"), default=0)
    unchanged = models.BigIntegerField(_("unchanged"), default=0)
    duplicate = models.BigIntegerField(
        _("duplicate"), default=0, help_text=_("A later line has the same id; the last one wins.")
    )
    suppressed = models.BigIntegerField(_("suppressed"), default=0, help_text=_("Barred, and left out."))
    rejected = models.BigIntegerField(_("rejected"), default=0)
    reasons: "models.JSONField[Any, Any]" = exact_object(
        verbose_name=_("reasons"), default=dict, help_text=_("How many lines were rejected, by code.")
    )
    rejects_file = models.TextField(
        _("rejects file"), blank=True, help_text=_("Where all rejected lines are, to be mended and loaded.")
    )
    progress: "models.JSONField[Any, Any]" = exact_object(
        verbose_name=_("progress"), null=True, help_text=_("How far a file that was sent is, while it is loaded.")
    )
    digest = models.CharField(
        _("digest"),
        max_length=64,
        blank=True,
        db_default="",
        editable=False,
        help_text=_("SHA-256 of the file, when all is read."),
    )
    staged = models.BigIntegerField(
        _("staged"), null=True, editable=False, help_text=_("How many rows wait to be applied, once all of them do.")
    )
    upload = models.CharField(
        _("upload"),
        max_length=100,
        blank=True,
        db_default="",
        editable=False,
        help_text=_("What a file that was sent is called where it is kept."),
    )
    actor = models.CharField(_("by"), max_length=300)
    rehearsal = models.ForeignKey(
        "self",
        models.SET_NULL,
        verbose_name=_("dry run"),
        null=True,
        editable=False,
        related_name="imports",
        help_text=_("The dry run of the same file that led to it."),
    )
    stopped_by = models.CharField(
        _("stopped by"),
        max_length=300,
        blank=True,
        db_default="",
        editable=False,
        help_text=_("Who asked for it to be stopped."),
    )

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["attributes", "audiences", "segments", "taxonomy"]), name="import_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "paused", "done", "refused", "failed", "stopped"]),
                name="import_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="done")
                | Q(
                    lines=F("created")
                    + F("updated")
                    + F("unchanged")
                    + F("duplicate")
                    + F("suppressed")
                    + F("rejected")
                ),
                name="a_done_import_accounts_for_every_line",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at=None)
                | (~Q(state__in=["queued", "running"]) & Q(finished_at__isnull=False)),
                name="an_import_that_ended_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.file}"

    @property
    def is_over(self) -> bool:
        return self.state not in {self.State.QUEUED, self.State.RUNNING}

    @property
    def took(self) -> timedelta:
        """How long somebody has been at it."""
        return (self.finished_at or timezone.now()) - self.started_at - self.idle

    def begin_again(self, state: "Import.State") -> None:
        """Say that it goes on, or waits to do so, after it had ended; the row is the caller's to save."""
        if self.finished_at is not None:
            self.idle += timezone.now() - self.finished_at
        self.state, self.reason, self.finished_at = state, "", None

    def end(self, state: "Import.State", reason: str = "") -> None:
        """Say how it ended; the counts stay as they were last saved."""
        self.state, self.reason, self.finished_at = state, reason, timezone.now()
        self.save(update_fields=["state", "reason", "finished_at"])


class ImportRange(models.Model):
    """Keys that an import has applied, from its range before up to this one; written together with what it counts."""

    of_import = models.ForeignKey(Import, models.CASCADE, related_name="ranges")
    upto = models.TextField(db_collation="C")
    created = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    suppressed = models.IntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.of_import_id}, up to {self.upto}"


class ImportReject(models.Model):
    """What was wrong with a line, and where: the first thousand of an import, to look at; its file has all of them."""

    of_import = models.ForeignKey(Import, models.CASCADE, verbose_name=_("import"), related_name="rejects")
    line = models.BigIntegerField(_("line"), help_text=_("Where the line begins in the file, from 1."))
    column = models.TextField(_("column"), blank=True, help_text=_("In JSON Lines the JSON pointer."))
    code = models.CharField(_("code"), max_length=64)
    value = models.TextField(_("value"), blank=True)
    reason = models.TextField(_("reason"))
    message = models.TextField(
        _("message"), blank=True, db_default="", editable=False, help_text=_("The reason, for those who translate it.")
    )
    params: "models.JSONField[Any, Any]" = exact_object(verbose_name=_("what it names"), null=True, editable=False)

    class Meta:
        verbose_name = _("rejected line")
        verbose_name_plural = _("rejected lines")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.line:,}: {self.reason}"
