"""Numbers and moments as staff read them, for the admin's templates."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

register = template.Library()

WIDEST = 1000


@register.filter
def grouped(number: int | None) -> str:
    """The number with its thousands apart; a dash where there is none."""
    return "–" if number is None else number_format(number, use_l10n=True, force_grouping=True)


@register.filter
def percent(part: float | None, whole: float | None = 1) -> str:
    """The part of the whole in per cent, with as many digits as tell something; a dash where there is no whole."""
    if part is None or not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return _("under 0.1 %")
    if 99.9 < share < 100:
        return _("over 99.9 %")
    digits = 0 if share in (0, 100) or 10 <= share < 99.5 else 1
    return _("%s %%") % number_format(round(share, digits), digits)


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, with the moment itself for who points at it."""
    if moment is None:
        return "–"
    recent = timezone.now() - moment < timedelta(minutes=1)
    told = _("just now") if recent else _("%(time)s ago") % {"time": timesince(moment, depth=1)}
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', moment.isoformat(timespec="seconds"), told)


@register.simple_tag
def bar(part: float, whole: float, kind: str = "") -> str:
    """A bar as long as the part of the whole; for the eye alone, the number stands beside it.

    Drawn as SVG, whose lengths are attributes: the page's security policy lets no markup bring styles.
    """
    width = round(WIDEST * part / whole) if whole else 0
    if part and not width:
        width = 2
    return format_html(
        '<svg class="a2-bar {}" viewBox="0 0 {} 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="a2-bar-all" width="{}" height="1"/><rect class="a2-bar-part" width="{}" height="1"/></svg>',
        kind,
        WIDEST,
        WIDEST,
        width,
    )
