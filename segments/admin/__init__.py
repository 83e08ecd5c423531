"""What staff see, a module for each model."""

from django.conf import settings
from django.http import HttpRequest


def version(request: HttpRequest) -> dict[str, str]:
    """Context processor: the version that the footer shows."""
    return {"a2_version": settings.A2_VERSION}
