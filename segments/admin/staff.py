"""Staff in the admin: who may log in, in which role."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import ManyToManyField, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from segments.admin.pages import record
from segments.models import Change

KIND = "staff"
ROLES = _("Viewer"), _("Segment editor"), _("Catalogue manager"), _("Administrator")
"""The names of the groups that the migrations make."""

admin.site.unregister(User)


class RoleField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Groups to tick, in the reader's language where they are ours."""

    def label_from_instance(self, obj: Any) -> str:
        return gettext(obj.name)


@admin.register(User)
class StaffAdmin(UserAdmin):  # type: ignore[type-arg]
    """Django's page, with the role where it is looked for; single permissions are for superusers to give."""

    list_display = ["username", "first_name", "last_name", "roles", "is_active", "is_superuser", "last_login"]
    list_filter = ["groups", "is_active", "is_superuser"]
    add_fieldsets = (
        (None, {"fields": ["username", "usable_password", "password1", "password2"]}),
        (_("Access"), {"fields": ["is_staff", "groups"]}),
    )
    fieldsets = (
        (None, {"fields": ["username", "password", "first_name", "last_name", "email"]}),
        (_("Access"), {"fields": ["is_active", "is_staff", "groups"]}),
        (_("For superusers to give"), {"fields": ["is_superuser", "user_permissions"]}),
        (_("For the record"), {"fields": ["last_login", "date_joined"]}),
    )
    readonly_fields = ["last_login", "date_joined"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related(Prefetch("groups", Group.objects.order_by("pk")))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody makes a superuser who is none."""
        given = [] if request.user.is_superuser else ["is_superuser", "user_permissions"]
        return [*self.readonly_fields, *given]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True}

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **options: Any
    ) -> Any:
        if db_field.name == "groups":
            return RoleField(
                label=_("Roles"),
                help_text=_("Each may do what the ones above it may."),
                queryset=Group.objects.order_by("pk"),
                widget=forms.CheckboxSelectMultiple,
                required=False,
            )
        return super().formfield_for_manytomany(db_field, request, **options)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return may_touch(request, obj) and super().has_delete_permission(request, obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The last step of saving: the roles are there now, and the audit trail can tell of them."""
        super().save_related(request, form, formsets, change)
        names = [name for name in form.fields if "password" not in name and (not change or name in form.changed_data)]
        if names:
            before = {name: told(form.initial[name]) for name in names if change}
            action = Change.Action.CHANGED if change else Change.Action.CREATED
            after = {name: told(form.cleaned_data[name]) for name in names}
            record(request, action, KIND, form.instance, before, after)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Called when the password was set, too, on a page of its own."""
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            record(request, Change.Action.CHANGED, KIND, obj, {}, {"password": "changed"})
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        record(request, Change.Action.DELETED, KIND, obj, {"username": obj.username})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            self.delete_model(request, user)

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(gettext(group.name) for group in user.groups.all())


def may_touch(request: HttpRequest, user: User | None) -> bool:
    """Superusers are for superusers to change: their password would open everything."""
    return user is None or not user.is_superuser or bool(request.user.is_superuser)


def told(value: Any) -> Any:
    """A field's value as the audit trail keeps it: other rows by their names."""
    return value if isinstance(value, bool | str | None) else [str(row) for row in value]
