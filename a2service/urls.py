"""Every address: the API's, OAuth's, the admin's and the documents'."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from segments.api.views import docs, service

handler400 = "segments.api.errors.bad_request"
handler403 = "segments.api.errors.forbidden"
handler404 = "segments.api.errors.not_found"
handler500 = "segments.api.errors.server_error"

urlpatterns = [
    path("", service.index, name="index"),
    re_path(r"^livez/?$", service.livez, name="livez"),
    re_path(r"^readyz/?$", service.readyz, name="readyz"),
    re_path(r"^openapi\.json/?$", service.openapi, name="openapi"),
    re_path(r"^docs/?$", docs.index, name="docs"),
    re_path(r"^docs/api/?$", service.swagger, name="docs-api"),
    path("docs/<path:name>", docs.page, name="docs-page"),
    re_path(r"^llms\.txt/?$", docs.llms, name="llms"),
    path("", include("segments.api.urls")),
    path("", include("segments.api.oauth_urls")),
    re_path(r"^admin$", RedirectView.as_view(url="/admin/")),
    path("admin/language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
]
