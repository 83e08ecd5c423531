"""What staff see, a module for each model."""

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from segments.admin import (
    attributes,
    audiences,
    changes,
    clients,
    imports,
    jobs,
    owners,
    segments,
    sizes,
    staff,
    tokens,
)

__all__ = [
    "attributes",
    "audiences",
    "changes",
    "clients",
    "imports",
    "jobs",
    "owners",
    "segments",
    "sizes",
    "staff",
    "tokens",
    "version",
]

admin.site.site_header = admin.site.site_title = _("A2 audience service")
admin.site.index_title = _("What is here")
apps.get_app_config("auth").verbose_name = _("Staff")
apps.get_app_config("oauth2_provider").verbose_name = _("Access by the API")


def version(request: HttpRequest) -> dict[str, str]:
    """Context processor: the version that the footer shows."""
    return {"a2_version": settings.A2_VERSION}
