"""docs/reference tells of every address and of every code."""

import ast
import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.urls import get_resolver

from segments.api.urls import urlpatterns
from segments.tests.test_doorway import is_api, patterns, plain

REFERENCE = settings.BASE_DIR / "docs" / "reference"
SOURCE = settings.BASE_DIR / "segments"
ROUTES = (REFERENCE / "routes.md").read_text()
BASE_CODE = "error"  # what the base class of all errors has


def rows(page: str) -> Iterator[list[str]]:
    """The cells of every row of every table."""
    for line in page.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def told() -> dict[tuple[str, str], dict[str, str]]:
    """The API's addresses as the page has them."""
    found = {}
    for cells in rows(ROUTES):
        if len(cells) == 5 and (address := re.fullmatch(r"`([A-Z]+) (/\S+)`", cells[1])):
            found[address[2], address[1].lower()] = dict(
                zip(["mark", "", "query", "answer", "scopes"], cells, strict=True)
            )
    return found


def served() -> dict[tuple[str, str], set[str]]:
    """The API's addresses as the URL conf has them, with the scopes that each needs."""
    return {
        (simplify_regex(str(pattern.pattern)).rstrip("/?").translate(str.maketrans("<>", "{}")), method): set(
            pattern.callback.cls.scopes[action]
        )
        for pattern in urlpatterns
        for method, action in pattern.callback.actions.items()
        if method != "head"
    }


def test_it_tells_of_every_address_and_its_scopes():
    scopes = {row: set(re.findall(r"[a-z]+:[a-z]+", cells["scopes"])) for row, cells in told().items()}

    assert scopes == served()


def test_it_tells_of_every_parameter_and_what_is_a2s(client):
    document = client.get("/openapi.json").json()
    for (path, method), cells in told().items():
        operation = document["paths"][path][method]
        asked = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        assert asked <= set(re.findall(r"`(\w+)`", cells["query"])), path
        assert (cells["mark"] == "A2") == ("x-beta" not in operation), path


@pytest.mark.parametrize(
    "address", sorted(plain(address) for address in patterns(get_resolver()) if not is_api(address))
)
def test_it_tells_of_every_other_address(address):
    shown = re.sub(r"<\w+:(\w+)>", r"{\1}", address.removesuffix("/o"))

    assert re.search(rf"[ `/]/?{re.escape(shown)}/?`", ROUTES)


def codes() -> Iterator[str]:
    """Every code in the source: of an error, of a fault, of a pair of code and message."""
    for path in SOURCE.rglob("*.py"):
        if "tests" not in path.parts and "migrations" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                yield from (each.value for each in coded(node) if isinstance(each, ast.Constant))


def coded(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="Fault"), args=[_pointer, code, *_]):
            yield code
        case ast.Call(func=ast.Name(id="problem"), args=[_request, _status, code, *_]):
            yield code
        case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str()) as code):
            yield code
        case ast.Tuple(elts=[ast.Constant(value=str()) as code, ast.Call(func=ast.Name(id="gettext_noop"))]):
            yield code
        case ast.Tuple(elts=[ast.Constant(value=str()) as code, ast.Name(id=name)]) if name.isupper():
            yield code


def test_it_tells_of_every_code_and_of_no_other():
    named, column = set(), 0
    for cells in rows((REFERENCE / "errors.md").read_text()):
        if "code" in cells:
            column = cells.index("code")
        named |= set(re.findall(r"`(\w+)`", cells[column]))

    assert named == set(codes()) - {BASE_CODE}
    assert len(named) > 60
