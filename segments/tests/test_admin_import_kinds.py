"""What staff may send: by kind of file, by role, and how it is told in their language."""

from datetime import timedelta
from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.utils import timezone

from segments.importing import background
from segments.models import AudienceAttributeValue, AudienceSegment, Import, ImportReject, Owner
from segments.tests.conftest import OWNERS
from segments.tests.test_admin_imports import ADD, in_role, page, send, shown, tried
from segments.tests.test_import_taxonomy import LINES, table
from segments.tests.test_imports_api import kept, work

__all__ = ["kept"]
NEW = "0b0b0b0b-0000-4000-8000-00000000000b"


def segment_of(owner: object) -> str:
    return f'{{"management_type": "systemmanaged", "name": "Women", "owner_id": "{owner}", "properties": {{}}}}\n'


def test_a_catalogue_manager_sends_a_taxonomy(people: Any, kept: Any) -> None:
    manager = in_role("Catalogue manager")
    row = tried(manager, table(*LINES), "taxonomy.tsv", kind="taxonomy")
    assert (row.state, row.created, row.dry_run) == ("done", 6, True)
    assert not AudienceAttributeValue.objects.filter(attribute__code="iab_interest").exists()

    manager.post(page("apply", row))
    work()
    assert AudienceAttributeValue.objects.filter(attribute__code="iab_interest").count() == 3


def test_a_taxonomy_is_not_for_those_who_edit_segments(people: Any, kept: Any) -> None:
    editor = in_role("Segment editor")

    assert '<option value="taxonomy">' not in editor.get(ADD).content.decode()
    assert send(editor, table(*LINES), "taxonomy.tsv", kind="taxonomy").context["form"].errors.keys() == {"kind"}


def test_only_who_may_add_owners_brings_new_ones_with_a_file(people: Any, kept: Any) -> None:
    lines = segment_of(OWNERS["alice"]) + segment_of(NEW)
    editor = in_role("Segment editor")
    row = tried(editor, lines, "segments.ndjson", kind="segments")
    assert (row.created, row.rejected, row.reasons) == (1, 1, {"unknown_owner": 1})
    assert f"There is no owner {NEW}" in shown(editor, row)
    assert "No new owners" in shown(editor, row)
    editor.post(page("apply", row))
    work()
    assert AudienceSegment.objects.count() == 1
    assert not Owner.objects.filter(pk=NEW).exists()

    adds_owners = User.objects.get(username="Segment editor")
    adds_owners.user_permissions.add(Permission.objects.get(codename="add_owner"))
    row = tried(editor, segment_of(NEW), "segments.ndjson", kind="segments")
    assert (row.created, row.rejected) == (1, 0)


def test_reasons_are_told_in_the_language_of_who_reads(staff: Browser, people: Any, kept: Any) -> None:
    row = tried(staff, "id,gender\np1\n")
    assert "The line has 1 cells and the header 2." in shown(staff, row)

    korean = staff.get(page("change", row), headers={"Accept-Language": "ko"}).content.decode()
    assert "The line has 1 cells" not in korean
    assert ImportReject.objects.get().reason.startswith("The line has 1 cells")


def test_reasons_that_an_older_version_kept_are_told_as_they_are(staff: Browser, people: Any, kept: Any) -> None:
    row = tried(staff, "id,gender\np1\n")
    ImportReject.objects.update(message="", params=None, reason="100 % wrong")

    assert "100 % wrong" in unescape(shown(staff, row))


def test_the_time_that_it_took_leaves_out_that_in_which_it_lay_still(staff: Browser, kept: Any) -> None:
    now = timezone.now()
    row = Import.objects.create(
        kind="audiences", file="a.csv", state="paused", started_at=now - timedelta(hours=9),
        finished_at=now - timedelta(hours=8), upload="a.csv",
    )  # fmt: skip
    assert row.took == timedelta(hours=1)
    background.go_on(row)
    row.refresh_from_db()
    row.end(Import.State.DONE)

    assert timedelta(hours=1) <= row.took < timedelta(hours=2)
    assert "3,600 s" in shown(staff, row)
