"""Segments and the history of their sizes."""

import uuid
from collections.abc import Iterator
from itertools import islice
from typing import Any, Self
from unicodedata import normalize

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models, transaction
from django.db.models import F, Func, Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from segments.models.clients import Client
from segments.models.columns import NextNumber, exact_object, is_a_date, is_object
from segments.models.owners import Owner


class Names(Func):
    """Whether a JSON object has a key that reads, in Unicode NFC, as this code."""

    template = "EXISTS (SELECT FROM jsonb_object_keys(%(expressions)s))"
    arg_joiner = ") AS key WHERE normalize(key) = ("
    output_field = models.BooleanField()


class SegmentQuerySet(models.QuerySet["AudienceSegment"]):
    def of(self, client: Client) -> Self:
        """The segments that this client may see."""
        return self if client.all_owners else self.filter(owner__clients=client)

    def stale(self) -> Self:
        """Segments whose computed size is older than their definition."""
        return self.exclude(size_revision=F("revision"))

    def naming(self, code: str) -> Self:
        """Segments with a clause on this code."""
        return self.filter(Names("properties", Value(code)) | Names("exclusions", Value(code)))

    def found_by_code(self, *codes: str) -> Self:
        """Those naming any, for who searches, by indexes alone: codes in the two forms that people's keyboards make."""
        forms = list({normalize(form, code) for code in codes for form in ("NFC", "NFD")})
        return self.filter(Q(properties__has_any_keys=forms) | Q(exclusions__has_any_keys=forms))

    def selecting_by(self, code: str) -> Self:
        """Segments with a clause on this code in `properties`."""
        return self.filter(Names("properties", Value(code)))

    def batches(self, size: int) -> Iterator[list["AudienceSegment"]]:
        """All of these, so many at a time; memory holds no more."""
        remaining = self.iterator(size)
        while batch := list(islice(remaining, size)):
            yield batch

    def record_empty(self) -> None:
        """Say of these, whose clauses cannot be resolved any more, that they select nobody as of now."""
        now = timezone.now()
        with transaction.atomic():
            # In the order of their keys, so that no two writers wait in a ring.
            counted = self.filter(computed_size__gt=0).select_for_update().order_by("pk")
            revisions = dict(counted.values_list("pk", "revision"))
            SegmentSize.objects.bulk_create(
                SegmentSize(segment_id=pk, size=0, revision=revision, as_of=now) for pk, revision in revisions.items()
            )
            rows = self.model.objects.filter(pk__in=revisions)
            rows.update(computed_size=0, size_as_of=now, size_revision=F("revision"))


class AudienceSegment(models.Model):
    """A named selection of audiences; `properties` and `exclusions` say which.

    Two sizes are kept: `declared_size`, which the client said, and `computed_size` with `size_as_of`,
    the moment it was true for, and `size_revision`, the definition it was counted with. `retired_codes` are those
    of clauses that retiring an attribute took out of `properties`: while there are any, nobody is selected.
    """

    class ManagementType(models.TextChoices):
        SELFMANAGED = "selfmanaged", _("self-managed")
        SYSTEMMANAGED = "systemmanaged", _("system-managed")

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    no = models.BigIntegerField(_("no"), unique=True, editable=False, db_default=NextNumber("segment_no"))
    management_type = models.CharField(_("management type"), max_length=13, choices=ManagementType)
    name = models.CharField(_("name"), max_length=1000)
    owner = models.ForeignKey(Owner, models.PROTECT, verbose_name=_("owner"), related_name="segments")
    properties: "models.JSONField[Any, Any]" = exact_object(verbose_name=_("properties"), default=dict, blank=True)
    exclusions: "models.JSONField[Any, Any]" = exact_object(verbose_name=_("exclusions"), default=dict, blank=True)
    deprecated_properties: "models.JSONField[Any, Any]" = exact_object(
        verbose_name=_("deprecated properties"), default=dict, blank=True
    )
    retired_codes = ArrayField(
        models.TextField(), verbose_name=_("retired codes"), default=list, db_default=[], editable=False
    )
    description = models.TextField(_("description"), null=True, blank=True)
    declared_size = models.BigIntegerField(_("declared size"), null=True, blank=True)
    computed_size = models.BigIntegerField(_("computed size"), null=True, editable=False)
    size_revision = models.BigIntegerField(_("size counted at revision"), null=True, editable=False)
    size_as_of = models.DateTimeField(_("size as of"), null=True, editable=False)
    revision = models.BigIntegerField(_("revision"), default=1, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["no"]
        indexes = [
            GinIndex(fields=["properties"], name="segments_by_attribute"),
            GinIndex(fields=["exclusions"], name="segments_by_exclusion"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(management_type__in=["selfmanaged", "systemmanaged"]),
                name="segment_management_type_is_known",
            ),
            models.CheckConstraint(condition=Q(declared_size__gte=0), name="declared_size_is_not_negative"),
            models.CheckConstraint(condition=Q(computed_size__gte=0), name="computed_size_is_not_negative"),
            models.CheckConstraint(
                condition=Q(computed_size=None, size_as_of=None, size_revision=None)
                | Q(computed_size__isnull=False, size_as_of__isnull=False, size_revision__isnull=False),
                name="a_computed_size_says_when_and_of_what",
            ),
            is_object("properties", "segment_properties_are_an_object"),
            is_object("exclusions", "segment_exclusions_are_an_object"),
            is_object("deprecated_properties", "segment_deprecated_properties_are_an_object"),
            is_a_date("created_at", "segment_created_at_is_a_date"),
            is_a_date("updated_at", "segment_updated_at_is_a_date"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_computable(self) -> bool:
        """Whether there is a clause to compute a size from; one that was retired says that nobody is selected."""
        return bool(self.properties or self.retired_codes)

    @property
    def size_source(self) -> str | None:
        """Which of the two sizes is shown: `declared`, `computed`, or None when there is neither."""
        selfmanaged = self.management_type == self.ManagementType.SELFMANAGED
        if self.declared_size is not None and (selfmanaged or not self.is_computable):
            return "declared"
        if self.is_computable or not selfmanaged:
            return "computed"
        return None

    @property
    def approximated_size(self) -> int | None:
        """The size that is shown, from the source that `size_source` names."""
        if self.size_source == "declared":
            return self.declared_size
        return self.computed_size if self.size_source == "computed" else None


class SegmentSize(models.Model):
    """One computed size of a segment, kept when it differs from the one before."""

    segment = models.ForeignKey(AudienceSegment, models.CASCADE, verbose_name=_("segment"), related_name="sizes")
    size = models.BigIntegerField(_("size"))
    revision = models.BigIntegerField(_("revision"))
    as_of = models.DateTimeField(_("as of"))

    class Meta:
        verbose_name = _("segment size")
        verbose_name_plural = _("segment sizes")
        ordering = ["-as_of", "-id"]
        indexes = [models.Index(fields=["segment", "-as_of"], name="sizes_of_a_segment")]
        constraints = [models.CheckConstraint(condition=Q(size__gte=0), name="a_size_is_not_negative")]

    def __str__(self) -> str:
        return f"{self.size:,}"
