"""Forms that take what the API takes, and refuse it in the API's words."""

import hashlib
import json
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from segments.border import read_json
from segments.exceptions import Fault, SegmentsError, UnreadableJSON
from segments.shapes import Field, Reading, Wrong


def message(fault: Fault) -> str:
    """The fault in the reader's language."""
    return _(fault.message) % fault.params if fault.params else _(fault.message)


class ShapeText(forms.CharField):
    """A line of text that a field of the contract reads; nothing is trimmed off it."""

    widget = AdminTextInputWidget

    def __init__(self, shape: Field, **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.shape = shape

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return self.shape.read(text, "") if text else text
        except Wrong as wrong:
            raise ValidationError([ValidationError(message(fault), fault.code) for fault in wrong.faults]) from None


class Lines(forms.CharField):
    """Text of several lines; browsers send them as CR LF, which is kept as LF. Nothing at all is None."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, required=False, empty_value=None, **options)

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return text and text.replace("\r\n", "\n")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


class JSONText(forms.CharField):
    """A JSON document, written by hand and read as strictly as one that comes through the API."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField a2-json", "spellcheck": "false"})

    def __init__(self, *, empty: Any = None, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.empty = empty

    def prepare_value(self, value: Any) -> Any:
        """What stands in the form: what was typed, or else the stored value, laid out."""
        return value if isinstance(value, str) else written(value)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return self.empty
        try:
            document = read_json(text.encode())
        except UnreadableJSON as error:
            raise ValidationError(message(error.fault), error.fault.code) from None
        if document.faults:
            raise ValidationError([ValidationError(placed(fault), fault.code) for fault in document.faults])
        return document.value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(written(initial) != written(self.clean(data)))
        except ValidationError:
            return True


def written(value: Any) -> str:
    """JSON as people read it: an object's members on a line each."""
    if not isinstance(value, dict) or not value:
        return "" if value is None else json.dumps(value, ensure_ascii=False)
    members = (f"  {json.dumps(key, ensure_ascii=False)}: {json.dumps(member, ensure_ascii=False)}"
               for key, member in value.items())  # fmt: skip
    return "{\n" + ",\n".join(members) + "\n}"


def placed(fault: Fault) -> str:
    """The message, after the place in the document where it is not the document as a whole."""
    return f"{fault.pointer}: {message(fault)}" if fault.pointer else message(fault)


def told(error: SegmentsError) -> list[str]:
    """What to tell of a failure: everything that is wrong, or else its own message."""
    return [placed(fault) for fault in error.faults] or [_(str(type(error).__doc__)) % error.params]


class ContractForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that is checked by one reading of the contract, instead of by the model's own rules.

    `contract_names` maps a form's field to its name in the contract where the two differ; `reading` is
    what the contract took. `seen` stands for what the form was opened with, so that nobody overwrites
    unknowingly what somebody else has changed meanwhile.
    """

    contract_names: ClassVar[dict[str, str]] = {}
    reading: Reading
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.initial["seen"] = self.stamp()

    def stamp(self) -> str:
        """A digest of the stored values of the form's fields."""
        stored = {name: self.initial.get(name) for name in self.fields if name != "seen"}
        return hashlib.sha256(json.dumps(stored, sort_keys=True, default=str).encode()).hexdigest()

    def read(self, value: dict[str, Any]) -> Reading:
        """Read the fields as the API would have been sent them."""
        raise NotImplementedError

    def sent(self) -> dict[str, Any]:
        """The form's fields under the contract's names, keys of other rows as texts."""
        filled = {name: value for name, value in self.cleaned_data.items() if name != "seen"}
        cleaned = {self.contract_names.get(name, name): value for name, value in filled.items()}
        return {name: value if not hasattr(value, "pk") else str(value.pk) for name, value in cleaned.items()}

    def changed(self) -> dict[str, Any]:
        """What was read of the fields that were changed, by the contract's names."""
        names = {self.contract_names.get(name, name) for name in self.changed_data}
        return {name: value for name, value in self.reading.values.items() if name in names}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self.reading = self.read(self.sent())
            for fault in self.reading.faults:
                self.add_fault(fault)
        return cleaned

    def clean_seen(self) -> None:
        """Refuse to change a row that is not what the form was opened with."""
        if self.cleaned_data["seen"] != self.initial.get("seen", ""):
            message = _("Somebody changed this while you had it open. Open it anew, and make your changes again.")
            raise ValidationError(message, "changed_meanwhile")

    def add_fault(self, fault: Fault) -> None:
        """Show a fault at the field that it is about."""
        first, _slash, rest = fault.pointer.lstrip("/").partition("/")
        form_names = {contract: name for name, contract in self.contract_names.items()}
        name = form_names.get(first, first)
        if name in self.fields:
            inside = rest and isinstance(self.fields[name], JSONText)
            self.add_error(name, ValidationError(placed(fault) if inside else message(fault), fault.code))
        else:
            self.add_error(None, ValidationError(placed(fault), fault.code))

    def _post_clean(self) -> None:
        """Leave the instance alone: what the contract read is written by the code that the API writes with."""
