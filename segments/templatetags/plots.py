"""Plots drawn on the server as SVG, whose lengths are attributes: the security policy lets no markup bring styles."""

from collections.abc import Sequence
from datetime import datetime

from django import template
from django.utils.html import format_html

register = template.Library()

WIDTH, HEIGHT, EDGE = 600, 140, 4


@register.simple_tag
def line(points: Sequence[tuple[datetime, int]], label: str) -> str:
    """Numbers over time, each true until the next; the label says to those who do not see it what it shows."""
    if len(points) < 2:
        return ""
    first, last = points[0][0].timestamp(), points[-1][0].timestamp()
    most = max(number for _moment, number in points) or 1
    wide, high = WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE
    corners: list[str] = []
    level: float | None = None
    for moment, number in points:
        x = EDGE + wide * (moment.timestamp() - first) / ((last - first) or 1)
        y = EDGE + high * (1 - number / most)
        corners += [f"{x:.1f},{level:.1f}"] if level is not None else []
        corners.append(f"{x:.1f},{y:.1f}")
        level = y
    outline = " ".join(corners)
    bottom = HEIGHT - EDGE
    return format_html(
        '<svg class="a2-line" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">'
        '<polygon class="a2-line-area" points="{e},{b} {outline} {r},{b}"/>'
        '<polyline class="a2-line-edge" points="{outline}"/></svg>',
        w=WIDTH,
        h=HEIGHT,
        label=label,
        e=EDGE,
        b=bottom,
        r=WIDTH - EDGE,
        outline=outline,
    )
