"""The catalogue in the admin: attributes and their values."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from segments import catalogue
from segments.admin.forms import ContractForm, Lines, ShapeText
from segments.admin.pages import BoundedPaginator, ContractAdmin, actor, record
from segments.contract import ATTRIBUTE, LONGEST_NAME, LONGEST_VALUE
from segments.labels import label_text
from segments.models import AudienceAttribute, AudienceAttributeValue, Change
from segments.shapes import Reading, Text

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


@admin.register(AudienceAttribute)
class AttributeAdmin(ContractAdmin):
    form = AttributeForm
    list_display = ["code", "name", "owner", "visibility", "deprecated", "learned", "value_count", "updated_at"]
    list_filter = ["visibility", "deprecated", "learned"]
    list_select_related = ["owner"]
    search_fields = ["code", "name"]
    autocomplete_fields = ["owner"]
    show_full_result_count = False

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
    def value_count(self, attribute: AudienceAttribute) -> int:
        return attribute.value_count  # type: ignore[attr-defined,no-any-return]

    @admin.display(description=_("values"))
    def values(self, attribute: AudienceAttribute) -> str:
        address = reverse("admin:segments_audienceattributevalue_changelist")
        told = _("%d values") % attribute.values.count()
        return format_html('<a href="{}?attribute__id__exact={}">{}</a>', address, attribute.pk, told)


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
class ValueAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ValueForm
    list_display = ["value", "name", "attribute"]
    list_select_related = ["attribute"]
    search_fields = ["value", "name"]
    autocomplete_fields = ["attribute"]
    show_full_result_count = False
    paginator = BoundedPaginator

    def get_readonly_fields(self, request: HttpRequest, obj: AudienceAttributeValue | None = None) -> list[str]:
        return [] if obj is None else ["attribute", "value"]

    def has_delete_permission(self, request: HttpRequest, obj: AudienceAttributeValue | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AudienceAttributeValue, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record(request, Change.Action.CREATED, "value", obj, {}, {"value": obj.value, "name": obj.name})
        elif form.changed_data:
            before = {"name": form.initial["name"]}
            record(request, Change.Action.CHANGED, "value", obj, before, {"name": obj.name})
