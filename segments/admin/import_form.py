"""The form by which staff send a file: its kind, whose its objects are, and how it is to be read."""

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.admin.forms import Lines, message
from segments.admin.import_sending import SentFile
from segments.admin.import_words import in_words_of_the_form
from segments.exceptions import Invalid
from segments.importing import asking
from segments.importing.options import REPLACE
from segments.importing.sources import CSV, JSON_LINES
from segments.importing.uploads import suffix_of
from segments.models import AudienceSegment, Import, Owner

LONGEST_NAME = 255
ADDS_IMPORTS = ("segments.add_import",)
NEEDED: Mapping[str, tuple[str, ...]] = {
    "audiences": ADDS_IMPORTS,
    "attributes": ADDS_IMPORTS,
    "segments": ("segments.add_audiencesegment", "segments.change_audiencesegment"),
    "taxonomy": ADDS_IMPORTS,
}
"""What somebody must be permitted to do who imports a kind, the kind that is commonest first."""
LISTS = ("map", "skip")
PLAIN = ("max_errors", "strict", "take_over", "delimiter", "id_column", "separator", "mode", *LISTS)


def kinds_for(user: User | AbstractBaseUser | AnonymousUser) -> list[str]:
    """The kinds of file that this member of staff may import."""
    return [kind for kind, needed in NEEDED.items() if user.has_perms(needed)]  # type: ignore[union-attr]


class OwnerSelect(AutocompleteSelect):
    """Shows again what was chosen; what is no id at all is told of beside it, and not looked for."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        return super().optgroups(name, [text for text in value if is_uuid(text)], attr)


def is_uuid(text: str) -> bool:
    with suppress(ValueError):
        return bool(uuid.UUID(str(text)))
    return False


class FileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        max_length=LONGEST_NAME,
        help_text=gettext_lazy("CSV or JSON Lines in UTF-8, as it is or packed by gzip (.gz)."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("What it holds"))
    owner = forms.ModelChoiceField(
        Owner.objects,
        label=gettext_lazy("Owner"),
        required=False,
        help_text=gettext_lazy("Of lines that name none; for audiences, of the attributes that are new with them."),
        widget=OwnerSelect(AudienceSegment._meta.get_field("owner"), admin.site),
    )
    max_errors = forms.CharField(
        label=gettext_lazy("Most rejected lines"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"placeholder": "0.5%"}),
        help_text=gettext_lazy(
            "A number, or a share such as 0.5%; with more of them nothing is written. Without it, what is right is."
        ),
    )
    strict = forms.BooleanField(
        label=gettext_lazy("Strict"), required=False, help_text=gettext_lazy("Refuse whatever would be a warning.")
    )
    take_over = forms.BooleanField(
        label=gettext_lazy("Take over"),
        required=False,
        help_text=gettext_lazy("Attributes that other owners have become those of the owner that the line names."),
    )
    delimiter = forms.CharField(
        label=gettext_lazy("Between the cells"),
        required=False,
        strip=False,
        max_length=2,
        help_text=gettext_lazy(r"One character, \t for a tab; a comma without it, in .tsv files a tab."),
    )
    id_column = forms.CharField(
        label=gettext_lazy("Column of ids"), required=False, strip=False, help_text=gettext_lazy("id without it.")
    )
    separator = forms.CharField(
        label=gettext_lazy("Between values in a cell"),
        required=False,
        strip=False,
        max_length=100,
        help_text=gettext_lazy("| without it."),
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("Attributes without a column"),
        required=False,
        choices=[("", gettext_lazy("stay as they are")), (REPLACE, gettext_lazy("are taken away"))],
    )
    map = Lines(
        label=gettext_lazy("Columns under other codes"),
        help_text=gettext_lazy("CODE=COLUMN, one a line: gender=Sex loads the column Sex as gender."),
    )
    skip = Lines(label=gettext_lazy("Columns to leave out"), help_text=gettext_lazy("One a line."))

    def __init__(self, user: User | AbstractBaseUser | AnonymousUser, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kinds = dict(Import.Kind.choices)
        choice: Any = self.fields["kind"]
        choice.choices = [(kind, kinds[kind]) for kind in kinds_for(user)]

    def only(self) -> str:
        """As JSON, which fields are for one kind alone."""
        return json.dumps(asking.KINDS)

    def clean_file(self) -> SentFile:
        file: SentFile = self.cleaned_data["file"]
        if file.problem:
            raise ValidationError(file.problem, "not_kept")
        if not suffix_of(str(file.name)):
            raise ValidationError(
                _(
                    "%(name)s is no file of cells or of JSON Lines by its name. Send one that ends in %(suffixes)s, "
                    "or that and .gz; spreadsheets can be saved as CSV UTF-8."
                )
                % {"name": file.name, "suffixes": ", ".join((*CSV, *JSON_LINES))},
                "unknown_suffix",
            )
        return file

    def clean(self) -> dict[str, Any]:
        """Have the options read as the import will read them; what cannot be meant is told at its field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "kind" in cleaned and "owner" in cleaned:
            try:
                asking.options_of(cleaned["kind"], self.asked(), dry_run=True)
            except Invalid as invalid:
                for fault in invalid.faults:
                    name = fault.pointer.strip("/")
                    self.add_error(
                        name if name in self.fields else None,
                        ValidationError(in_words_of_the_form(message(fault)), fault.code),
                    )
        return cleaned

    def asked(self) -> dict[str, Any]:
        """The options that were filled in, as a request would name them."""
        filled = {name: self.cleaned_data.get(name) for name in PLAIN}
        filled |= {name: lines(filled[name]) for name in LISTS}
        asked = {name: value for name, value in filled.items() if value}
        owner = self.cleaned_data["owner"]
        return {**asked, "owner": owner.pk} if owner else asked


def lines(text: str | None) -> Sequence[str]:
    """The lines that say something."""
    return [line for line in (text or "").split("\n") if line.strip()]


FIELDSETS = [
    (None, {"fields": ["file", "kind", "owner", "max_errors"]}),
    (
        gettext_lazy("More"),
        {
            "fields": ["strict", "take_over", "delimiter", "id_column", "separator", "mode", "map", "skip"],
            "classes": ["collapse"],
        },
    ),
]
