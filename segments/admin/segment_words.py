"""What the segments' pages say in the same words."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.admin.forms import placed
from segments.definitions import Defined
from segments.templatetags.shown import grouped

SOURCES = {"declared": gettext_lazy("declared"), "computed": gettext_lazy("computed")}


def tell(request: HttpRequest, defined: Defined, before: int | None = None) -> None:
    """Say the size of a segment that was saved, what it would be without that, and whatever is to be warned of."""
    segment = defined.segment
    size = segment.approximated_size or 0
    words = {
        "name": segment.name,
        "size": grouped(size),
        "before": grouped(before),
        "change": signed(size, before or 0),
    }
    if segment.size_source == "computed" and before is not None:
        told = _("“%(name)s” selects %(size)s audiences now; before the change it was %(before)s (%(change)s).")
    elif segment.size_source == "computed":
        told = _("“%(name)s” selects %(size)s audiences now.")
    elif segment.size_source == "declared":
        told = _("“%(name)s” shows the size that was declared: %(size)s.")
    else:
        told = _("“%(name)s” has no size: none was declared, and there are no properties to count by.")
    messages.info(request, told % words)
    for warning in defined.warnings:
        messages.warning(request, placed(warning))


def signed(now: int, before: int) -> str:
    """How many more or fewer, as ±0, +12 or −1,234."""
    sign = "±" if now == before else "+" if now > before else "−"
    return f"{sign}{grouped(abs(now - before))}"
