"""Which segments need attention: those with a warning are known without compiling each of them for every page."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from segments import attention, lookup
from segments.inverted import frozen
from segments.matching import clauses_of, compile_all
from segments.models import AudienceAttribute, AudienceSegment
from segments.tests.conftest import OWNERS, Caller

SEGMENTS, ATTRIBUTES = "/audiences/segments", "/audiences/attributes"
Draft = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test has a database of its own, and so an index of its own."""
    lookup.INDEX.state = None
    yield
    lookup.INDEX.state = None


@pytest.fixture
def segments(people: Caller, draft: Draft) -> Caller:
    """Segments with a warning of each kind, and some with none; a process has read them, and goes on from there."""
    definitions: dict[str, dict[str, Any]] = {
        "fine": {"properties": {"gender": ["F"], "region": "north"}, "exclusions": {"tier": ["staff"]}},
        "no properties": {},
        "left out alone": {"exclusions": {"tier": ["gold"]}},
        "empty list": {"properties": {"gender": []}},
        "unsupported": {"properties": {"gender": ["F", None]}},
        "unknown code": {"properties": {"gender": ["F"], "gendr": ["F"]}},
        "unknown value": {"properties": {"region": ["north", "centre"]}},
        "unknown value left out": {"properties": {"gender": ["F"]}, "exclusions": {"region": ["centre"]}},
        "two spellings": {"properties": {"cafe\u0301": ["x"], "caf\u00e9": ["y"]}},
    }
    body = [draft(name=name, **definition) for name, definition in definitions.items()]
    assert people.post(f"{SEGMENTS}/bulk-add", body).status_code == 200
    assert (
        people.post(f"{SEGMENTS}/bulk-add", [draft("bob", name="Bob's", properties={"tier": "gold"})]).status_code
        == 200
    )
    lookup.INDEX.state, _found = lookup.caught_up(None, [])
    return people


def warned() -> set[str]:
    """Their names, which have to be those of whom compiling all of them says so, also when the index is made anew."""
    state = lookup.INDEX.state
    assert state is not None
    again = lookup.caught_up(state, [])[0]
    assert attention.warning(again) == attention.warning(again.on(frozen(again.entries.values()), again))
    found = {segment.name for segment in attention.warned()}
    every = list(AudienceSegment.objects.all())
    meanings = compile_all([clauses_of(segment) for segment in every])
    assert found == {each.name for each, meaning in zip(every, meanings, strict=True) if meaning.warnings}
    return found


def address_of(code: str) -> str:
    return f"{ATTRIBUTES}/{AudienceAttribute.objects.get(code=code).pk}"


def test_it_knows_those_with_a_warning_of_any_kind(segments: Caller) -> None:
    assert warned() == {each.name for each in AudienceSegment.objects.all()} - {"fine", "Bob's"}


def test_it_knows_what_audiences_bring(segments: Caller) -> None:
    some = {"id": "new", "properties": {"region": "centre", "gendr": "F", "cafe\u0301": ["x", "y"]}}
    assert segments.post("/audiences/bulk-add", [some]).status_code == 200

    assert warned() == {"no properties", "left out alone", "empty list", "unsupported"}


def test_it_knows_what_becomes_of_attributes_and_their_values(segments: Caller) -> None:
    before = warned()
    private = {"owner_id": str(OWNERS["alice"]), "visibility": "private"}
    for code, change, more in [
        ("region", {"deprecated": True}, {"fine"}),
        ("region", {"deprecated": False}, set()),
        ("tier", private, {"Bob's"}),
        ("tier", {"visibility": "public"}, set()),
    ]:
        assert segments.patch(address_of(code), change).status_code == 200
        assert warned() == before | more
    renaming = {"value": "staff", "to": "team", "confirm": True}
    assert segments.post(f"{address_of('tier')}/rename-value", renaming).status_code == 200
    warned()
    assert segments.post(f"{address_of('region')}/retire", {"confirm": True}).status_code == 200
    assert warned() >= before | {"fine"}


def test_it_knows_what_becomes_of_definitions(segments: Caller) -> None:
    mended, together = (AudienceSegment.objects.get(name=name) for name in ("unknown code", "two spellings"))
    spoilt = AudienceSegment.objects.get(name="fine")
    for segment, properties in [
        (mended, {"gender": ["M"]}),
        (together, {"gender": ["M"]}),
        (spoilt, {"gender": ["X"]}),
    ]:
        assert segments.patch(f"{SEGMENTS}/{segment.pk}", {"properties": properties}).status_code == 200
    found = warned()
    assert "fine" in found
    assert found.isdisjoint({"unknown code", "two spellings"})

    assert segments.delete(f"{SEGMENTS}/{spoilt.pk}").status_code == 204
    assert "fine" not in warned()


def test_it_reads_the_definitions_once(segments: Caller, draft: Draft) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            list(attention.warned())
        return len(seen)

    assert queries() == 3
