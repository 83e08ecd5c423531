"""The first page: what needs attention, each with a link, and then how things stand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from segments import attention, recounting
from segments.admin.plots import Plot, Point, plot
from segments.admin.segment_filters import with_most_segments
from segments.coverage import Coverage, coverage
from segments.models import AudienceAttribute, AudienceTotal, Import
from segments.templatetags.shown import grouped

WEEK, QUARTER = timedelta(days=7), timedelta(days=90)
OWNERS, ATTRIBUTES, IMPORTS = 8, 12, 5
SEGMENTS = "segments.view_audiencesegment"


@dataclass(frozen=True)
class Matter:
    """Something to look into: a sentence, and the list of what it is about."""

    told: str
    address: str


def contents(user: User | AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """The parts of the page that this member of staff may see."""
    shown: dict[str, Any] = {"matters": list(matters(user))}
    if may(user, SEGMENTS):
        shown["owners"] = with_most_segments(OWNERS)
    if may(user, "segments.view_audienceattribute"):
        found = attributes_covered()
        shown["coverage"], shown["covered"] = found, by_coverage(found)
        if may(user, "segments.view_audience"):
            shown["total"], shown["as_of"] = found.total, found.as_of
            shown["totals"] = totals(found)
    if may(user, "segments.view_import"):
        shown["imports"] = Import.objects.all()[:IMPORTS]
    return shown


def may(user: User | AbstractBaseUser | AnonymousUser, permission: str) -> bool:
    return bool(user.has_perm(permission))  # type: ignore[union-attr]


def matters(user: User | AbstractBaseUser | AnonymousUser) -> Iterator[Matter]:
    """What needs attention, the gravest first."""
    if may(user, SEGMENTS):
        if told := recounting.trouble():
            yield Matter(told, address_of("segments_audiencesegment"))
        yield from segment_matters()
    if may(user, "segments.view_import"):
        yield from import_matters()


def segment_matters() -> Iterator[Matter]:
    waiting = attention.after_retirement().count()
    if waiting:
        told = ngettext(
            "%s segment lost a clause to retirement, and waits to be saved again",
            "%s segments lost a clause to retirement, and wait to be saved again",
            waiting,
        )
        yield Matter(told % grouped(waiting), address_of("segments_audiencesegment", retired="yes"))
    counts = {
        "fallen": attention.fallen().count(),
        "unresolved": attention.warned(attention.reaching_nobody()).count(),
        "nobody": attention.reaching_nobody().count(),
    }
    sentences = {
        "fallen": ngettext(
            "%s segment is smaller than a day ago by a third or more",
            "%s segments are smaller than a day ago by a third or more",
            counts["fallen"],
        ),
        "unresolved": ngettext(
            "%s segment reaches nobody, and warns of a clause",
            "%s segments reach nobody, and warn of a clause",
            counts["unresolved"],
        ),
        "nobody": ngettext("%s segment reaches nobody", "%s segments reach nobody", counts["nobody"]),
    }
    for name, count in counts.items():
        if count:
            yield Matter(sentences[name] % grouped(count), address_of("segments_audiencesegment", attention=name))


def import_matters() -> Iterator[Matter]:
    since = timezone.now() - WEEK
    for state, sentence in (
        (Import.State.FAILED, _("Imports that failed in 7 days: %s")),
        (Import.State.REFUSED, _("Imports that were refused in 7 days: %s")),
    ):
        count = Import.objects.filter(state=state, dry_run=False, started_at__gte=since).count()
        if count:
            query = {"state__exact": state.value, "dry_run__exact": "0", "started_at__gte": since.isoformat()}
            yield Matter(sentence % grouped(count), address_of("segments_import", **query))


def address_of(model: str, **query: str) -> str:
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{urlencode(query)}" if query else address


def attributes_covered() -> Coverage:
    return coverage(list(AudienceAttribute.objects.order_by("no")[:ATTRIBUTES]))


def by_coverage(found: Coverage) -> list[Any]:
    return sorted(found.covered, key=lambda each: -1 if each.having is None else each.having, reverse=True)


def totals(found: Coverage) -> Plot | None:
    """How many audiences there were at the end of each day, and are now; None on the first day."""
    today = timezone.now().date()
    kept = AudienceTotal.objects.filter(day__gte=today - QUARTER, day__lt=today)
    points = [Point(row.at, row.total) for row in kept]
    return plot([*points, Point(found.as_of, found.total)], points[0].at, found.as_of) if points else None
