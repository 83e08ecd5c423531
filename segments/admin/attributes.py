"""The catalogue in the admin: attributes and their values."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from segments import catalogue
from segments.admin.forms import ContractForm, Lines, ShapeText
from segments.admin.pages import BoundedPaginator, ContractAdmin, Findable, actor, record
from segments.admin.renaming import RenamingPages
from segments.contract import ATTRIBUTE, LONGEST_NAME, LONGEST_VALUE
from segments.coverage import coverage, spread
from segments.labels import label_text
from segments.models import AudienceAttribute, AudienceAttributeValue, Change
from segments.settling import unsettled
from segments.shapes import Reading, Text
from segments.templatetags.shown import bar, grouped, percent

VALUE = Text(about="The label that audiences have.", shortest=1, longest=LONGEST_VALUE, visible=True)
LABEL = Text(about="What people read for it.", longest=LONGEST_NAME)


class AttributeForm(ContractForm):
    contract_names = {"owner": "owner_id"}

    code = ShapeText(ATTRIBUTE.fields["code"], label=_("Code"))
    name = ShapeText(ATTRIBUTE.fields["name"], label=_("Name"))
    description = Lines(label=_("Description"))

    class Meta:
        model = AudienceAttribute
        fields = ["code", "name", "owner", "visibility", "deprecated", "description"]

    def read(self, value: dict[str, Any]) -> Reading:
        return ATTRIBUTE.read({"code": self.instance.code, **value})

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if AudienceAttribute.objects.filter(code=code).exists():
            raise ValidationError(_("The code is taken; a code is unique in the installation."), "code_taken")
        return code


class AttributeList(ChangeList):
    """A page of attributes, each with how many audiences have it, counted in one view."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        attributes = list(self.result_list)
        found = coverage(attributes)
        for attribute, each in zip(attributes, found.covered, strict=True):
            attribute.covered = each.having, found.total  # type: ignore[attr-defined]
        self.result_list = attributes  # type: ignore[assignment]


@admin.register(AudienceAttribute)
class AttributeAdmin(RenamingPages, Findable, ContractAdmin):
    form = AttributeForm
    list_display = ["code", "name", "covered", "value_count", "owner", "visibility", "deprecated", "learned"]
    list_per_page = 50
    list_filter = ["visibility", "deprecated", "learned"]
    list_select_related = ["owner"]
    search_fields = ["code", "name__nfc"]
    autocomplete_fields = ["owner"]
    show_full_result_count = False

    class Media:
        css = {"all": ["segments/home.css"]}

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return AttributeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[AudienceAttribute]:
        return AudienceAttribute.objects.with_value_count()

    def get_readonly_fields(self, request: HttpRequest, obj: AudienceAttribute | None = None) -> list[str]:
        return [] if obj is None else ["code", "values", "id", "no", "learned", "created_at", "updated_at"]

    def has_delete_permission(self, request: HttpRequest, obj: AudienceAttribute | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AudienceAttribute, form: Any, change: bool) -> None:
        if change:
            saved = catalogue.change(obj.pk, form.changed(), actor(request))
        else:
            saved = catalogue.create([form.reading.values], actor(request))[0]
        obj.__dict__.update(saved.__dict__)

    @admin.display(description=_("values"), ordering="value_count")
    def value_count(self, attribute: AudienceAttribute) -> str:
        return grouped(attribute.value_count)  # type: ignore[attr-defined]

    @admin.display(description=_("values"))
    def values(self, attribute: AudienceAttribute) -> str:
        address = reverse("admin:segments_audienceattributevalue_changelist")
        shown = {
            "spread": spread(attribute),
            "count": attribute.values.filter(alias_of=None).count(),
            "address": f"{address}?attribute__id__exact={attribute.pk}",
            "unsettled": unsettled(attribute),
            "rewriting": reverse("admin:segments_audienceattribute_rewriting", args=[attribute.pk]),
        }
        return render_to_string("admin/segments/audienceattribute/values.html", shown)

    @admin.display(description=_("coverage"))
    def covered(self, attribute: AudienceAttribute) -> str:
        """The share of all audiences that have it; its list has counted them all in one view."""
        having, total = attribute.covered  # type: ignore[attr-defined]
        return "–" if having is None else format_html("{} {}", percent(having, total), bar(having, total))


class ValueForm(forms.ModelForm):  # type: ignore[type-arg]
    value = ShapeText(VALUE, label=_("Value"))
    name = ShapeText(LABEL, label=_("Label"), required=False)

    class Meta:
        model = AudienceAttributeValue
        fields = ["attribute", "value", "name"]

    def clean_value(self) -> str:
        """The value as matching reads it, so that what is typed here is what audiences will have."""
        text = label_text(self.cleaned_data["value"])
        if text is None:
            raise ValidationError(_("Send at most %d characters, as they are in Unicode NFC.") % LONGEST_VALUE)
        return text


@admin.register(AudienceAttributeValue)
class ValueAdmin(Findable):
    form = ValueForm
    change_form_template = "admin/segments/audienceattributevalue/form.html"
    list_display = ["value", "name", "older_texts", "attribute"]
    list_select_related = ["attribute"]
    search_fields = ["value", "name__nfc"]
    autocomplete_fields = ["attribute"]
    show_full_result_count = False
    paginator = BoundedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[AudienceAttributeValue]:
        return super().get_queryset(request).filter(alias_of=None).prefetch_related("aliases")

    def get_readonly_fields(self, request: HttpRequest, obj: AudienceAttributeValue | None = None) -> list[str]:
        return [] if obj is None else ["attribute", "value", "older_texts", "above", "note"]

    @admin.display(description=_("older texts"))
    def older_texts(self, value: AudienceAttributeValue) -> str:
        return ", ".join(sorted(alias.value for alias in value.aliases.all())) or "–"

    @admin.display(description=_("above it"))
    def above(self, value: AudienceAttributeValue) -> str:
        """The value above it in its taxonomy, as it is called by now."""
        rows = AudienceAttributeValue.objects.filter(attribute=value.attribute_id).select_related("alias_of")
        found = rows.with_texts([value.parent]).first() if value.parent else None
        if found is None:
            return value.parent or "–"
        now = found.alias_of or found
        address = reverse("admin:segments_audienceattributevalue_change", args=[now.pk])
        return format_html('<a href="{}">{}</a> <code>{}</code>', address, now, now.value)

    def has_delete_permission(self, request: HttpRequest, obj: AudienceAttributeValue | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AudienceAttributeValue, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record(request, Change.Action.CREATED, "value", obj, {}, {"value": obj.value, "name": obj.name})
        elif form.changed_data:
            before = {"name": form.initial["name"]}
            record(request, Change.Action.CHANGED, "value", obj, before, {"name": obj.name})
