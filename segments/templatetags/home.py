"""The first page of the admin, for its template."""

from typing import Any

from django import template

from segments.admin.home import contents

register = template.Library()


@register.simple_tag(takes_context=True)
def home(context: Any) -> dict[str, Any]:
    """What the member of staff who asks may see of it."""
    return contents(context["request"].user)
