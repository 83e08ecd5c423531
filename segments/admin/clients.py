"""Clients in the admin: registered here, their secret shown once."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import CharField, ManyToManyField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from oauth2_provider.models import get_access_token_model

from segments import tallying
from segments.admin.forms import ContractForm, ShapeText
from segments.admin.pages import ContractAdmin, Findable, WholeDeletion, actor
from segments.models import Client, Owner, Tally
from segments.models.clients import NAME, default_scopes
from segments.shapes import Reading

MOST_TO_TICK = 50
MONTH = timedelta(days=30)
MINUTE = "Y-m-d H:i T"  # as exact as the noting is

admin.site.unregister(Client)


class ClientForm(ContractForm):
    contract_names = {"allowed_scopes": "scopes"}

    name = ShapeText(NAME, label=_("Name"))
    allowed_scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        required=False,
        choices=[(scope, format_lazy("{} – {}", scope, about)) for scope, about in settings.SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        initial=default_scopes(False),
    )

    class Meta:
        model = Client
        fields = ["name", "all_owners", "owners", "allowed_scopes", "is_active"]

    def read(self, value: dict[str, Any]) -> Reading:
        owners = [owner.pk for owner in value["owners"]]
        others = Client.objects.exclude(pk=self.instance.pk)
        faults = others.faults(value["name"], owners, value["all_owners"], value["scopes"])
        return Reading({**value, "owners": owners}, faults)


@admin.register(Client)
class ClientAdmin(Findable, ContractAdmin, WholeDeletion):
    form = ClientForm
    list_display = ["name", "acts_for_names", "last_used", "is_active", "client_id"]
    list_filter = ["is_active", "all_owners"]
    search_fields = ["name__nfc", "=client_id"]
    autocomplete_fields = ["owners"]  # where they are too many to tick
    view_on_site = False
    change_form_template = "admin/segments/client/form.html"

    class Media:
        js = ["segments/ticked.js"]

    def get_fields(self, request: HttpRequest, obj: Client | None = None) -> Any:
        fields = ["name", "all_owners", "owners", "allowed_scopes"]
        if obj is None:
            return fields
        seen = ["seen"] if self.has_change_permission(request, obj) else []
        return [*fields, "is_active", "client_id", "requests", "tokens", "created", *seen]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Not by the digest of a secret: whoever may look at clients could feel their way along it."""
        return not lookup.startswith("client_secret") and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_readonly_fields(self, request: HttpRequest, obj: Client | None = None) -> list[str]:
        return [] if obj is None else ["client_id", "requests", "tokens", "created"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        used = Tally.objects.filter(kind=tallying.CLIENT, object_id=Cast(OuterRef("pk"), CharField())).order_by("-day")
        clients = super().get_queryset(request).prefetch_related("owners")
        return clients.annotate(used_at=Subquery(used.values("last_at")[:1]))  # type: ignore[no-any-return]

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **options: Any
    ) -> Any:
        if db_field.name == "owners" and Owner.objects.count() <= MOST_TO_TICK:
            options["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **options)

    def get_urls(self) -> list[URLPattern]:
        secret = self.admin_site.admin_view(never_cache(self.new_secret))
        revoke = self.admin_site.admin_view(self.revoke_tokens)
        off = self.admin_site.admin_view(self.switch_off)
        return [
            path("<int:object_id>/off/", off, name="segments_client_off"),
            path("<int:object_id>/secret/", secret, name="segments_client_secret"),
            path("<int:object_id>/revoke/", revoke, name="segments_client_revoke"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Client, form: Any, change: bool) -> None:
        values = form.reading.values
        if change:
            obj.revise(form.changed(), actor(request))
            return
        saved, secret = Client.objects.register(
            values["name"],
            owners=values["owners"],
            all_owners=values["all_owners"],
            scopes=values["scopes"],
            actor=actor(request),
        )
        obj.__dict__.update(saved.__dict__)
        request.a2_secret = secret  # type: ignore[attr-defined]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing is left to do: the owners were saved with the client."""

    def response_add(self, request: HttpRequest, obj: Client, post_url_continue: str | None = None) -> HttpResponse:
        return self.show_secret(request, obj, request.a2_secret)  # type: ignore[attr-defined]

    def new_secret(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask, then make a new secret and show it."""
        client = self.changed_by(request, object_id)
        if request.method == "POST":
            return self.show_secret(request, client, client.renew_secret(actor(request)))
        return self.page(request, client, "confirm_secret.html", _("Make a new secret?"))

    def revoke_tokens(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask, then revoke every token that the client has."""
        client = self.changed_by(request, object_id)
        if request.method != "POST":
            return self.page(request, client, "confirm_revoke.html", _("Revoke all its tokens?"))
        count = client.revoke_tokens(actor(request))
        told = ngettext("%(count)d token of %(name)s is revoked.", "%(count)d tokens of %(name)s are revoked.", count)
        messages.success(request, told % {"count": count, "name": client.name})
        return redirect("admin:segments_client_change", client.pk)

    def switch_off(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask, then take its access away: it gets no more tokens, and has none when it is switched on again."""
        client = self.changed_by(request, object_id)
        if request.method != "POST":
            return self.page(request, client, "confirm_off.html", _("Take its access away?"))
        with transaction.atomic():
            client.revise({"is_active": False}, actor(request))
            client.revoke_tokens(actor(request))
        messages.success(request, _("%s is switched off: its secret and its tokens are refused.") % client.name)
        return redirect("admin:segments_client_change", client.pk)

    def changed_by(self, request: HttpRequest, object_id: int) -> Client:
        """The client, for those who may change it."""
        client = get_object_or_404(Client, pk=object_id)
        if not self.has_change_permission(request, client):
            raise PermissionDenied
        return client

    def show_secret(self, request: HttpRequest, client: Client, secret: str) -> HttpResponse:
        """The only page that ever has it; nobody is to keep a copy of the page."""
        token = request.build_absolute_uri(reverse("oauth-token"))
        title = _("The secret of %s") % client.name
        owners = client.owners.all()
        response = self.page(request, client, "secret.html", title, secret=secret, token=token, owners=owners)
        response["Cache-Control"] = "no-store"
        return response

    def page(self, request: HttpRequest, client: Client, template: str, title: Any, **context: Any) -> HttpResponse:
        words = {**self.admin_site.each_context(request), "opts": self.opts, "original": client, "title": title}
        return TemplateResponse(request, f"admin/segments/client/{template}", {**words, **context})

    def delete_model(self, request: HttpRequest, obj: Client) -> None:
        obj.record("deleted", obj.registration(), {}, actor(request))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        for client in queryset:
            self.delete_model(request, client)

    @admin.display(description=_("acts for"), ordering="all_owners")
    def acts_for_names(self, client: Client) -> str:
        return gettext("all owners") if client.all_owners else ", ".join(owner.name for owner in client.owners.all())

    @admin.display(description=_("last used"), ordering="used_at")
    def last_used(self, client: Client) -> Any:
        at = client.used_at  # type: ignore[attr-defined]
        return at and date_format(localtime(at), MINUTE)

    @admin.display(description=_("requests"))
    def requests(self, client: Client) -> str:
        since = timezone.now().date() - MONTH
        used = tallying.used(tallying.CLIENT, [client.pk], since)[str(client.pk)]
        if used.last_at is None:
            return gettext("none yet; they are noted once a minute")
        last = date_format(localtime(used.last_at), MINUTE)
        words = {"count": number_format(used.times, force_grouping=True), "last": last}
        return gettext("%(count)s in 30 days, the last at %(last)s; they are noted once a minute") % words

    @admin.display(description=_("tokens"))
    def tokens(self, client: Client) -> str:
        """How many are good now; each can be looked at, or revoked by itself, in their list."""
        if not client.is_active:
            return gettext("none is good while the client is switched off")
        good = get_access_token_model().objects.filter(application=client, expires__gt=timezone.now()).count()
        told = ngettext("%d is good now", "%d are good now", good) % good
        address = reverse("admin:oauth2_provider_accesstoken_changelist")
        return format_html('<a href="{}?application__id__exact={}">{}</a>', address, client.pk, told)
