"""Pictures that are drawn as SVG, whose lengths are attributes: the security policy lets no markup bring styles."""

from django import template
from django.utils.html import format_html

register = template.Library()

WIDEST = 1000


@register.simple_tag
def three(only: int, both: int, rest: int, widest: int) -> str:
    """How two sets overlap, as one bar of three parts; several of them share the scale of the widest."""
    parts = [round(WIDEST * part / widest) if widest else 0 for part in (only, both, rest)]
    return format_html(
        '<svg class="a2-bar a2-three" viewBox="0 0 {} 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="a2-only" width="{}" height="1"/><rect class="a2-both" x="{}" width="{}" height="1"/>'
        '<rect class="a2-rest" x="{}" width="{}" height="1"/></svg>',
        WIDEST,
        parts[0],
        parts[0],
        parts[1],
        parts[0] + parts[1],
        parts[2],
    )
