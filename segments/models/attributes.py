"""The catalogue that properties are written in."""

import hashlib
import uuid
from collections.abc import Collection, Iterable
from typing import Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Count, F, OuterRef, Q
from django.db.models.functions import MD5, JSONObject
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from segments.labels import nfc
from segments.models.columns import NextNumber, is_a_date
from segments.models.owners import Owner


class AttributeQuerySet(models.QuerySet["AudienceAttribute"]):
    def visible_to(self, owner_id: uuid.UUID) -> Self:
        """Attributes that this owner's segments may use: public ones and its own."""
        return self.filter(Q(visibility=AudienceAttribute.Visibility.PUBLIC) | Q(owner_id=owner_id))

    def count_with(self, codes: Collection[str]) -> int:
        """How many attributes there would be with these codes among them."""
        return len(codes) + self.exclude(code__in=codes).count()

    def with_value_count(self) -> Self:
        return self.annotate(value_count=Count("values", filter=Q(values__alias_of=None)))

    def with_aliases(self) -> Self:
        """Each with its aliases, for `aliases` to say without a query more."""
        rows = AudienceAttributeValue.objects.filter(attribute=OuterRef("pk"), alias_of__isnull=False)
        pair = JSONObject(alias="value", value="alias_of__value")
        return self.annotate(alias_pairs=ArraySubquery(rows.values(pair=pair)))


class AudienceAttribute(models.Model):
    """A property that audiences have and segments select by, such as `gender`."""

    class Visibility(models.TextChoices):
        PUBLIC = "public", _("public")
        PRIVATE = "private", _("private")

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    no = models.BigIntegerField(_("no"), unique=True, editable=False, db_default=NextNumber("attribute_no"))
    code = models.CharField(_("code"), max_length=32, unique=True, db_collation="C")
    name = models.CharField(_("name"), max_length=1000)
    owner = models.ForeignKey(Owner, models.PROTECT, verbose_name=_("owner"), related_name="attributes")
    visibility = models.CharField(_("visibility"), max_length=7, choices=Visibility, default=Visibility.PUBLIC)
    deprecated = models.BooleanField(
        _("deprecated"), default=False, help_text=_("Barred from new clauses; those that exist go on matching.")
    )
    description = models.TextField(_("description"), null=True, blank=True)
    learned = models.BooleanField(
        _("learned"), default=False, editable=False, help_text=_("Registered on sight, when an audience brought it.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    objects = AttributeQuerySet.as_manager()

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        ordering = ["no"]
        constraints = [
            models.CheckConstraint(
                condition=Q(visibility__in=["public", "private"]), name="attribute_visibility_is_public_or_private"
            ),
            is_a_date("created_at", "attribute_created_at_is_a_date"),
            is_a_date("updated_at", "attribute_updated_at_is_a_date"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def aliases(self) -> dict[str, str]:
        """The texts that its values had before, each with the one that it is read as now."""
        pairs = getattr(self, "alias_pairs", None)
        if pairs is not None:
            return {pair["alias"]: pair["value"] for pair in pairs}
        return dict(self.values.filter(alias_of__isnull=False).values_list("value", "alias_of__value"))


class ValueQuerySet(models.QuerySet["AudienceAttributeValue"]):
    def with_texts(self, texts: Iterable[str]) -> Self:
        """The values with one of these texts, found by the index on their digests."""
        wanted = list(texts)
        digests = [hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in wanted]
        return self.alias(digest=MD5("value")).filter(digest__in=digests, value__in=wanted)

    def current(self) -> Self:
        """The values themselves, without the texts that they had before."""
        return self.filter(alias_of=None)

    def found_by(self, text: str) -> Self:
        """Those in whose text or label this is, in either case."""
        wanted = nfc(text)
        return self.filter(Q(value__icontains=wanted) | Q(name__icontains=wanted))


class AudienceAttributeValue(models.Model):
    """A label that an attribute can have, such as `F`; `name` is what people read for it.

    An alias is a text that a value had before it was renamed or merged: wherever it comes in or stands, it is read
    as that value. No alias is of an alias.
    """

    attribute = models.ForeignKey(AudienceAttribute, models.CASCADE, verbose_name=_("attribute"), related_name="values")
    value = models.CharField(_("value"), max_length=1000, db_collation="C")
    name = models.CharField(_("label"), max_length=1000, blank=True)
    alias_of = models.ForeignKey(
        "self",
        models.CASCADE,
        verbose_name=_("is read as"),
        related_name="aliases",
        null=True,
        editable=False,
        db_index=False,
    )

    parent = models.CharField(
        _("above it"),
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("The value above it in a taxonomy, by its text there."),
    )
    note = models.CharField(
        _("note"),
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("What its taxonomy says of it."),
    )

    objects = ValueQuerySet.as_manager()

    class Meta:
        verbose_name = _("value")
        verbose_name_plural = _("values")
        ordering = ["attribute", "value"]
        # Of aliases alone, which are few: all others are spared the upkeep.
        indexes = [
            models.Index(fields=["attribute"], name="aliases_of_an_attribute", condition=Q(alias_of__isnull=False)),
            models.Index(fields=["alias_of"], name="aliases_of_a_value", condition=Q(alias_of__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(alias_of=F("id")), name="no_value_is_an_alias_of_itself"),
            # Over the digest: 1,000 characters may take 4,000 bytes, and a B-tree entry holds 2,704.
            models.UniqueConstraint(
                "attribute",
                MD5("value"),
                name="values_are_unique_in_their_attribute",
                violation_error_message=_("The attribute has this value already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.value
