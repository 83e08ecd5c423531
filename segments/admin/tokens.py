"""Access tokens in the admin: whose they are and until when; they can be revoked, and nothing else."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from oauth2_provider.admin import AccessTokenAdmin as ToolkitTokenAdmin
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)

from segments.admin.pages import actor
from segments.models import Change

AccessToken = get_access_token_model()

# The toolkit's pages for what only the grants have that are switched off here.
for model in (AccessToken, get_grant_model(), get_id_token_model(), get_refresh_token_model()):
    admin.site.unregister(model)


@admin.register(AccessToken)
class AccessTokenAdmin(ToolkitTokenAdmin):
    list_display = ["masked_token", "application", "scope", "created", "expires", "is_good"]
    list_select_related = ["application"]
    list_filter = ["application"]
    search_fields = ["application__client_id", "application__name"]
    fields = ["masked_token", "application", "scope", "created", "expires"]
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Not by what is kept of a token: whoever may look at tokens could feel their way along it."""
        return not lookup.startswith("token") and super().lookup_allowed(lookup, value, request)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may delete tokens by the staff's permissions; the action asks by this name."""
        return request.user.has_perm("oauth2_provider.delete_accesstoken")

    @admin.action(description=_("Revoke the selected tokens"), permissions=["revoke"])
    def revoke_tokens(self, request: HttpRequest, queryset: Any) -> None:
        tokens = list(queryset.select_related("application"))
        with transaction.atomic():
            trail = [
                Change(
                    action=Change.Action.DELETED,
                    kind="token",
                    object_id=str(token.pk),
                    label=f"{self.masked_token(token)} of {token.application.name}",
                    before={"scope": token.scope, "expires": token.expires.isoformat()},
                )
                for token in tokens
            ]
            Change.objects.record(actor(request), trail)
            queryset.delete()
        count = len(tokens)
        self.message_user(request, ngettext("%d token is revoked.", "%d tokens are revoked.", count) % count)

    @admin.display(description=_("token"))
    def masked_token(self, token: AccessToken) -> str:  # type: ignore[valid-type]
        """The end of its checksum, all that is kept of it."""
        return f"…{token.token_checksum[-4:]}"  # type: ignore[attr-defined]

    @admin.display(description=_("good"), boolean=True)
    def is_good(self, token: AccessToken) -> bool:  # type: ignore[valid-type]
        return bool(token.expires > timezone.now())  # type: ignore[attr-defined]
