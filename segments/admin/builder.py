"""What the segment form asks for while staff build a segment: attributes, values, and what the clauses come to."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import path
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from segments.admin.forms import JSONText, message
from segments.contract import ESTIMATE
from segments.expressions import AnyOf, Clause, Nobody, parse
from segments.funnel import Funnel, funnel
from segments.labels import nfc, plain_word
from segments.matching import Clauses
from segments.models import AudienceAttribute, AudienceAttributeValue
from segments.store import store
from segments.templatetags.shown import grouped
from segments.values import counts_of
from segments.wording import describe

SIDES = ("properties", "exclusions")
SUGGESTED = 20
NAMED = 100
NOBODYS = uuid.UUID(int=0)
"""An owner that nobody is: what it may use, everybody may."""


class Asked(forms.Form):
    """The clauses in the segment form, as they are typed so far, and whose they are."""

    owner = forms.UUIDField(required=False)
    properties = JSONText(empty={})
    exclusions = JSONText(empty={})

    def read(self) -> dict[str, Any]:
        """The clauses, read as the API reads an estimate; errors are the form's where they cannot be."""
        if not self.is_valid():
            return {}
        sent = {name: self.cleaned_data[name] for name in SIDES}
        reading = ESTIMATE.read({**sent, "owner_id": str(self.cleaned_data["owner"] or NOBODYS)})
        for fault in reading.faults:
            self.add_error(None, f"{fault.pointer}: {message(fault)}")
        return reading.values


class Query(forms.Form):
    """What is typed in a field that offers suggestions, and for whose segment."""

    owner = forms.UUIDField(required=False)
    code = forms.CharField(required=False, strip=False)
    q = forms.CharField(required=False)

    def read(self) -> tuple[QuerySet[AudienceAttribute], str, str]:
        """The attributes that the owner may use, the code and the text; nothing of them where they cannot be read."""
        if not self.is_valid():
            return AudienceAttribute.objects.none(), "", ""
        owner_id = self.cleaned_data["owner"] or NOBODYS
        return AudienceAttribute.objects.visible_to(owner_id), self.cleaned_data["code"], self.cleaned_data["q"]


class SegmentBuilder(admin.ModelAdmin):  # type: ignore[type-arg]
    """The part of the segments' pages that answers the builder's JavaScript, for those who may build."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "codes": require_GET(self.suggest_codes),
            "values": require_GET(self.suggest_values),
            "estimate": require_POST(self.estimate),
        }
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"segments_audiencesegment_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def require_builder(self, request: HttpRequest) -> None:
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied

    def suggest_codes(self, request: HttpRequest) -> HttpResponse:
        """Attributes whose code or name has a text in it; those that begin with it come first."""
        self.require_builder(request)
        rows, _code, text = Query(request.GET).read()
        found = nearest_first(rows.filter(Q(code__icontains=text) | Q(name__icontains=text)), "code", "name", text)
        return JsonResponse({"found": [attribute_json(attribute) for attribute in found[:SUGGESTED]]})

    def suggest_values(self, request: HttpRequest) -> HttpResponse:
        """Values of one attribute in which a text is, or the commonest; each with how many audiences have it."""
        self.require_builder(request)
        rows, code, text = Query(request.GET).read()
        attribute = rows.filter(code=nfc(code)).first()
        return JsonResponse({"found": values_json(attribute, text) if attribute else []})

    def estimate(self, request: HttpRequest) -> HttpResponse:
        """What the clauses come to: the panel beside them, the warnings at each, and the words for codes and values."""
        self.require_builder(request)
        form = Asked(request.POST)
        values = form.read()
        if not form.is_valid():
            faults = [error for listed in form.errors.values() for error in listed]
            return JsonResponse({"panel": panel(request, {"faults": faults}), "warnings": [], "names": {}})
        properties, exclusions = (values[side] for side in SIDES)
        found = funnel(Clauses(values["owner_id"], finished(properties), finished(exclusions)))
        begun = parse(unfinished(properties), unfinished(exclusions)).clauses
        warnings = [{"at": fault.pointer, "told": message(fault)} for fault in found.meaning.warnings]
        waiting = _("Choose a value. Until then this line is not counted.")
        return JsonResponse(
            {
                "panel": panel(request, {**shown(found), "is_unfinished": bool(begun)}),
                "warnings": [*warnings, *({"at": clause.pointer, "told": waiting} for clause in begun)],
                "names": names_of((*found.meaning.clauses, *begun), values["owner_id"]),
            }
        )


def finished(side: dict[str, Any]) -> dict[str, Any]:
    """The clauses of one side without those that are only begun: who builds has yet to choose their first value."""
    return {code: listed for code, listed in side.items() if listed != []}


def unfinished(side: dict[str, Any]) -> dict[str, Any]:
    return {code: listed for code, listed in side.items() if listed == []}


def nearest_first(rows: QuerySet[Any], code: str, name: str, text: str) -> QuerySet[Any]:
    """In the order in which they are likely meant: it is the text, it begins with it, it has it."""
    likely = Case(
        When(**{f"{code}__iexact": text}, then=0),
        When(Q(**{f"{code}__istartswith": text}) | Q(**{f"{name}__istartswith": text}), then=1),
        default=2,
    )
    return rows.order_by(likely, code)


def attribute_json(attribute: AudienceAttribute) -> dict[str, str]:
    name = attribute.name if attribute.name != attribute.code else ""
    return {"text": attribute.code, "name": name, "note": _("deprecated") if attribute.deprecated else ""}


def values_json(attribute: AudienceAttribute, text: str) -> list[dict[str, str]]:
    rows = AudienceAttributeValue.objects.filter(attribute=attribute).current()
    with store().snapshot() as view:
        if text:
            texts = list(
                nearest_first(rows.found_by(text), "value", "name", text).values_list("value", flat=True)[:SUGGESTED]
            )
        else:
            common, aliases = view.common_values([attribute.code], SUGGESTED), attribute.aliases
            texts = [aliases.get(each, each) for each in common[attribute.code]]
            unused = rows.order_by("value").values_list("value", flat=True)[:SUGGESTED]
            texts = list(dict.fromkeys([*texts, *unused]))[:SUGGESTED]
        counts = counts_of(attribute, texts, view, attribute.aliases)
    names = dict(rows.with_texts(texts).values_list("value", "name"))
    return [{"text": each, "name": names.get(each, ""), "note": grouped(counts[each])} for each in texts]


def names_of(clauses: tuple[Clause, ...], owner_id: uuid.UUID) -> dict[str, dict[str, str]]:
    """What people read for the codes, under the empty text, and for the first values under each."""
    texts = {item.text for clause in clauses for item in clause.items[:NAMED]}
    attributes = AudienceAttribute.objects.visible_to(owner_id).filter(code__in={clause.code for clause in clauses})
    names = {each.code: {"": each.name if each.name != each.code else ""} for each in attributes}
    rows = AudienceAttributeValue.objects.filter(attribute__in=attributes).with_texts(texts).exclude(name="")
    for code, value, name in rows.values_list("attribute__code", "value", "name"):
        names[code][value] = name
    return names


def shown(found: Funnel) -> dict[str, Any]:
    """A funnel as its template reads it."""
    lefts = (found.total, *(stage.left for stage in found.stages))
    stages = [
        {
            "words": words_of(stage.clause),
            "excluded": stage.clause.excluded,
            "before": before,
            "left": stage.left,
            "lost": before - stage.left,
            "resolved": not isinstance(stage.clause.expression, Nobody),
            "faults": [message(fault) for fault in stage.clause.faults],
        }
        for stage, before in zip(found.stages, lefts, strict=False)
    ]
    general = [fault for fault in found.meaning.warnings if fault.code == "no_properties"]
    words = describe(found.meaning, _)
    return {"funnel": found, "stages": stages, "words": words, "warnings": list(map(message, general))}


def words_of(clause: Clause) -> str:
    """The clause in words; the code alone where it lists nothing that is known."""
    if not clause.items:
        return plain_word(clause.code)
    return describe(AnyOf(clause.code, clause.values), _)


def panel(request: HttpRequest, context: dict[str, Any]) -> str:
    return render_to_string("admin/segments/audiencesegment/funnel.html", context, request)
