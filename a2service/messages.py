"""`python -m a2service.messages`: brings segments/locale up to date with the code, and compiles it; `make messages`.

Nothing but Python: a bare machine has no gettext. What the admin can show is translated; the API, the commands and the
documentation speak English.
"""

import ast
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "segments" / "locale" / "ko" / "LC_MESSAGES" / "django.po"
ENGLISH_ALONE = {"api", "demo", "docs.py", "management", "migrations", "tests"}
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    "npgettext": ((1, "c"), 2, 3),
}
FAILURES = {"Conflict", "Missing"}
"""The kinds of failure that staff may meet; a failure's docstring is its message."""
HEADER = """\
# The admin in Korean. NOT REVIEWED: no Korean speaker has read it yet.
# `make messages` adds what is new in the code, and compiles this.
msgid ""
msgstr ""
"Language: ko\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

Message = tuple[str | tuple[str, ...], str | None]


def messages() -> Iterator[Message]:
    """What the admin can show, in the order of the files: the text, or singular and plural, and its context."""
    segments = ROOT / "segments"
    for path in sorted([*segments.rglob("*.py"), *(ROOT / "templates" / "admin").rglob("*.html")]):
        if path.suffix == ".html":
            yield from found_in(as_python(path))
        elif path.relative_to(segments).parts[0] not in ENGLISH_ALONE:
            yield from found_in(path.read_text())
    yield from found_in((ROOT / "a2service" / "settings.py").read_text())
    yield from docstrings_of_failures()


def as_python(template: Path) -> str:
    """A template as the calls of gettext that it makes; indentation would be taken for Python's."""
    lines = templatize(template.read_text(), origin=str(template)).splitlines()
    return "\n".join(line.strip() for line in lines)


def found_in(source: str) -> Iterator[Message]:
    for _line, text, _comments, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
        yield text, context


def docstrings_of_failures() -> Iterator[Message]:
    tree = ast.parse((ROOT / "segments" / "exceptions.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and FAILURES & {ast.unparse(base) for base in node.bases}:
            yield ast.get_docstring(node) or "", None


def read(path: Path = CATALOGUE) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="ko", domain="django")


def current() -> Catalog:
    """A catalogue of what there is to translate now."""
    template = Catalog(locale="ko", domain="django")
    for text, context in messages():
        if text:
            template.add(text, context=context)
    return template


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as gettext reads it; a translation that is marked fuzzy is left out."""
    catalogue.creation_date = catalogue.revision_date = LONG_AGO  # the same bytes whenever it is compiled
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    catalogue = read()
    catalogue.update(current(), no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    with CATALOGUE.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, catalogue, width=120, no_location=True, sort_output=True, omit_header=True)
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(catalogue))
    missing = [message.id for message in catalogue if message.id and not message.string]
    print(f"{len(catalogue)} messages, {len(missing)} without a translation.", *missing, sep="\n")  # noqa: T201


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a2service.settings")
    django.setup()
    main()
