"""What an import is asked to do, from the parameters of a request: those of the commands, under the same names."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from segments.exceptions import Fault, ImportRefused, Invalid, gettext_noop
from segments.importing.options import (
    REPLACE,
    Columns,
    Options,
    read_codes,
    read_delimiter,
    read_limit,
    refuse_contradictions,
)

FOR_AUDIENCES = ("id_column", "map", "mode", "separator", "skip")
KINDS = {**dict.fromkeys(FOR_AUDIENCES, "audiences"), "take_over": "attributes"}
READERS: Mapping[str, Callable[[Any], Any]] = {
    "delimiter": read_delimiter,
    "map": read_codes,
    "max_errors": read_limit,
}
NOT_FOR_THIS = gettext_noop("%(name)s is for %(kind)s alone. Leave it out.")


def options_of(kind: str, asked: Mapping[str, Any], *, dry_run: bool, rejects: str | None = None) -> Options:
    """The options as the import takes them; Invalid with every one that cannot be meant."""
    read, faults = read_all(asked)
    for name, its_kind in KINDS.items():
        if name in asked and kind != its_kind:
            faults.append(Fault(f"/{name}", "import_option", NOT_FOR_THIS, {"name": name, "kind": its_kind}))
    columns = Columns(
        delimiter=read.get("delimiter"),
        id_column=asked.get("id_column", "id"),
        skip=frozenset(asked.get("skip", ())),
        codes=read.get("map", {}),
        separator=asked.get("separator", "|"),
        merges=asked.get("mode") != REPLACE,
    )
    try:
        refuse_contradictions(columns)
    except ImportRefused as refusal:
        faults.append(fault_of("skip", refusal))
    if faults:
        raise Invalid(faults)
    return Options(
        owner_id=asked.get("owner"),
        take_over=asked.get("take_over", False),
        strict=asked.get("strict", False) or settings.A2_STRICT,
        known_owners=asked.get("known_owners", False),
        dry_run=dry_run,
        limit=read.get("max_errors"),
        rejects=rejects,
        columns=columns,
        csv_only=tuple(name for name in ("delimiter", *FOR_AUDIENCES) if name in asked),
        given={name: str(value) if name == "owner" else value for name, value in asked.items()},
    )


def read_all(asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """What the options that are texts of a form of their own say, and what is wrong with them."""
    read, faults = {}, []
    for name in sorted(READERS.keys() & asked.keys()):
        try:
            read[name] = READERS[name](asked[name])
        except ImportRefused as refusal:
            faults.append(fault_of(name, refusal))
    return read, faults


def fault_of(name: str, refusal: ImportRefused) -> Fault:
    return Fault(f"/{name}", "import_option", refusal.fault.message, refusal.fault.params)
