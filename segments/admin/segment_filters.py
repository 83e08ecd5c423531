"""What the list of segments is narrowed by."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import CharField, Count, Exists, Min, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments import attention, tallying
from segments.lookup import INDEX
from segments.models import AudienceSegment, Owner, Tally

UNUSED = timedelta(days=90)
USES = (tallying.LOOKED_UP, tallying.EXPORTED)
OWNERS = 12


class OwnedBy(admin.SimpleListFilter):
    """The owners with the most segments, and the one that is chosen; the search box finds every other one's."""

    title = gettext_lazy("owner")
    parameter_name = "owner__id__exact"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        owners = [(str(owner.pk), owner.name) for owner in with_most_segments(OWNERS)]
        chosen = request.GET.get(self.parameter_name, "")
        if chosen and chosen not in dict(owners):
            owners += [(chosen, owner.name) for owner in Owner.objects.filter(pk=owner_id(chosen))]
        return owners

    def queryset(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> QuerySet[AudienceSegment]:
        chosen = self.value()
        return queryset.filter(owner_id=owner_id(chosen)) if chosen else queryset


def owner_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise IncorrectLookupParameters(error) from error


class NeedsAttention(admin.SimpleListFilter):
    """The lists of segments that the first page leads to, and all those that a warning is given of."""

    title = gettext_lazy("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [
            ("fallen", _("fell by a third in a day")),
            ("nobody", _("reaches nobody")),
            ("unresolved", _("reaches nobody, with warnings")),
            ("warned", _("with any warning")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "fallen":
                return attention.fallen(queryset)
            case "nobody":
                return attention.reaching_nobody(queryset)
            case "unresolved":
                return attention.warned(attention.reaching_nobody(queryset), self.warned)
            case "warned":
                return attention.warned(queryset, self.warned)
        return queryset

    @cached_property
    def warned(self) -> set[uuid.UUID]:
        """Asked for once, however many counts stand beside the filters."""
        return attention.warning(INDEX.current())


class AfterRetirement(admin.SimpleListFilter):
    """Segments that lost a clause when its attribute was retired, and select nobody until they are saved again."""

    title = gettext_lazy("retired clauses")
    parameter_name = "retired"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", _("to be saved again"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> QuerySet[AudienceSegment]:
        return queryset.exclude(retired_codes=[]) if self.value() == "yes" else queryset


class NotUsed(admin.SimpleListFilter):
    """Segments that nobody looks up or exports."""

    title = gettext_lazy("use")
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("none", _("not used for 90 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> QuerySet[AudienceSegment]:
        return queryset.filter(pk__in=without_use(AudienceSegment.objects.all())) if self.value() else queryset


def with_most_segments(most: int) -> QuerySet[Owner]:
    """The owners with the most segments, each with its `count`."""
    counted = Owner.objects.annotate(count=Count("segments")).filter(count__gt=0)
    return counted.order_by("-count", "name")[:most]


def without_use(segments: QuerySet[AudienceSegment]) -> QuerySet[Any]:
    """The keys of those that nobody looked up or exported for so long; none while the counting is younger."""
    since = (timezone.now() - UNUSED).date()
    begun = Tally.objects.aggregate(day=Min("day"))["day"]
    if begun is None or begun > since:
        return segments.none().values_list("pk", flat=True)
    used = Tally.objects.filter(kind__in=USES, day__gt=since, object_id=Cast(OuterRef("no"), CharField()))
    old = segments.filter(created_at__lt=timezone.now() - UNUSED)
    return old.filter(~Exists(used)).values_list("pk", flat=True)
