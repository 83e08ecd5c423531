"""Importing in the admin: a file is tried, looked at, and imported for real; the worker's job is run by hand here."""

import csv
import gzip
import io
import os
import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse

from segments import tasks
from segments.importing import uploads
from segments.models import Audience, AudienceAttribute, AudienceSegment, Import
from segments.tests.conftest import OWNERS
from segments.tests.imports import load
from segments.tests.test_imports_api import kept, largest_file, work

__all__ = ["kept"]
ADD = "/admin/segments/import/add/"
PEOPLE = "id,gender,tier\np1,F,gold\np2,M,silver|staff\np3,F\np1,M,\n"
SEGMENTS = '{"management_type": "systemmanaged", "name": "Women", "properties": {"gender": "F"}}\n'


def page(name: str, row: Import, *more: str) -> str:
    return reverse(f"admin:segments_import_{name}", args=[row.pk, *more])


def send(browser: Browser, content: str | bytes = PEOPLE, name: str = "people.csv", **fields: Any) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return browser.post(ADD, {"kind": "audiences", "file": SimpleUploadedFile(name, content), **fields})


def tried(browser: Browser, *args: Any, **fields: Any) -> Import:
    """The row of a file that was sent and that the worker is through with."""
    response = send(browser, *args, **fields)
    assert response.status_code == 302, response.context["form"].errors
    work()
    return Import.objects.first()


def shown(browser: Browser, row: Import) -> str:
    return browser.get(page("change", row)).content.decode()


def buckets(text: str) -> dict[str, str]:
    """The receipt as the page has it."""
    return dict(re.findall(r"<dt>(\w+)[^<]*</dt><dd[^>]*>([\d,]+)", text))


def messages(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def in_role(role: str) -> Browser:
    somebody = User.objects.create_user(role, is_staff=True)
    somebody.groups.add(Group.objects.get(name=role))
    browser = Browser()
    browser.force_login(somebody)
    return browser


def test_a_file_is_tried_then_imported_for_real_and_then_gone(staff, kept):
    response = send(staff)
    row = Import.objects.get()
    assert response["Location"] == page("change", row)
    assert (row.state, row.dry_run, row.file, row.actor) == ("queued", True, "people.csv", "staff sora")
    (file,) = kept.iterdir()
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o600, PEOPLE)
    waiting = shown(staff, row)
    assert "Waits to be tried." in waiting
    assert "No worker is running" in waiting

    work()
    text = shown(staff, row)
    assert "nothing was written" in text
    assert buckets(text) == {"created": "2", "updated": "0", "unchanged": "0", "duplicate": "1", "suppressed": "0", "rejected": "1"}  # fmt: skip
    assert not Audience.objects.exists()

    response = staff.post(page("apply", row))
    real = Import.objects.first()
    assert response["Location"] == page("change", real)
    work()
    text = shown(staff, real)
    assert "Imported." in text
    assert page("change", row) in text
    assert buckets(text)["created"] == "2"
    assert Audience.objects.get(pk="p2").properties == {"gender": ["M"], "tier": ["silver", "staff"]}
    assert not uploads.is_kept(real)
    assert "Import for real" not in shown(staff, row)
    assert messages(staff.post(page("apply", row), follow=True)) == [
        "This file cannot be imported any more. Send it again."
    ]
    assert Import.objects.count() == 2


def test_rejected_lines_are_shown_and_sent_as_the_command_writes_them(staff, folder):
    bad = "".join(f"q{n},F\n" for n in range(60))
    row = tried(staff, PEOPLE + bad)
    first, second = (staff.get(f"{page('change', row)}?page={number}").content.decode() for number in (1, 2))

    assert "61 lines were rejected" in first
    assert "Page 1 of 2" in first
    assert len(re.findall("<td><code>ragged</code>", first)) == 50
    assert len(re.findall("<td><code>ragged</code>", second)) == 11
    assert folder.load("audiences", "people.csv", PEOPLE + bad, "--dry-run").code == 1
    for form, name in (("lines", "people.rejects.csv"), ("report", "people.rejects.report.csv")):
        response = staff.get(page("rejects", row, form))
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
        assert b"".join(response.streaming_content) == (folder.path / name).read_bytes()
    report = list(csv.DictReader(io.StringIO((folder.path / "people.rejects.report.csv").read_text())))
    assert (len(report), report[0]["code"]) == (61, "ragged")


def test_what_is_wrong_with_an_option_is_said_of_its_field(staff, kept):
    def wrong(field: str, **fields: Any) -> str:
        return unescape(str(send(staff, **fields).context["form"].errors[field]))

    assert "“Most rejected lines” '5x' is neither" in wrong("max_errors", max_errors="5x")
    assert "“Columns under other codes” 'x' does not say which column" in wrong("map", map="x")
    assert "“Columns to leave out” and “Columns under other codes” both" in wrong("skip", map="a=b", skip="b")
    assert "--" not in wrong("delimiter", delimiter="ab")
    row = tried(staff, "id,gender\np1\n", max_errors="0")
    assert "lines were rejected, and “Most rejected lines” allows 0" in unescape(shown(staff, row))


def test_an_owner_that_is_none_is_told_at_its_field(staff, kept):
    for text in ("abc", str(uuid.uuid4()), "\0"):
        response = send(staff, owner=text)
        assert response.status_code == 200
        assert response.context["form"].errors.keys() == {"owner"}
    assert not Import.objects.exists()


def test_a_file_that_was_just_taken_is_read_by_the_worker(staff, kept):
    send(staff)
    row = Import.objects.get()
    row.state = Import.State.RUNNING
    row.save()

    assert "Reading and checking the lines" in shown(staff, row)


def test_the_progress_is_there_for_a_script(staff):
    send(staff)
    row = Import.objects.get()
    row.state, row.rejected = "running", 3
    row.progress = {"phase": "reading", "rows": 20_000, "done": 250_000, "total": 1_000_000, "seconds": 4.0}
    row.save()

    answer = staff.get(page("progress", row)).json()
    assert (answer["over"], answer["state"]) == (False, "running")
    for told in (
        'value="25"',
        "20,000 rows",
        "5,000 rows/s",
        "about 12 s left",
        "3 lines rejected",
        "nothing of it stays",
    ):
        assert told in answer["panel"]
    work()
    assert staff.get(page("progress", row)).json() == {"over": True, "state": "done", "panel": ""}


def test_it_says_whose_import_it_waits_for(staff):
    Import.objects.create(kind="audiences", file="night.csv", actor="command import_audiences")
    send(staff)

    text = shown(staff, Import.objects.get(state="queued"))
    assert "now it is night.csv, since" in text
    assert "by command import_audiences" in text


def test_a_command_at_work_shows_what_it_has_written(staff):
    row = Import.objects.create(kind="audiences", file="night.csv", actor="command import_audiences", created=12_000)

    panel = staff.get(page("progress", row)).json()["panel"]
    assert "A command is at it" in panel
    assert "12,000 rows" in panel
    assert 'value="' not in panel
    assert page("stop", row) not in shown(staff, row)
    assert "was begun by a command" in messages(staff.post(page("stop", row), follow=True))[0]


def test_a_file_is_read_as_it_was_asked_for(staff, people, owners):
    text = "Account;Sex;Note\np1;M;x\np9;F+M;y\n"
    row = tried(
        staff, text, delimiter=";", id_column="Account", map="gender=Sex\r\n", skip="Note\r\n\r\n", separator="+",
        mode="replace", max_errors="1%", strict="on", owner=str(OWNERS["alice"]),
    )  # fmt: skip
    staff.post(page("apply", row))
    work()

    done = Import.objects.first()
    assert (done.state, done.dry_run, done.options, done.owner_id) == ("done", False, row.options, OWNERS["alice"])
    assert Audience.objects.get(pk="p1").properties == {"gender": ["M"]}
    assert Audience.objects.get(pk="p9").properties == {"gender": ["F", "M"]}
    assert "gender=Sex" in shown(staff, done)


def test_json_lines_and_packed_files_are_taken_by_their_names(staff, owners):
    assert tried(staff, gzip.compress(PEOPLE.encode()), "PEOPLE.CSV.GZ").created == 2
    row = tried(staff, SEGMENTS, "segments.jsonl", kind="segments", owner=str(OWNERS["alice"]))
    assert (row.created, row.rejected) == (1, 0)


@pytest.mark.parametrize(
    ("fields", "name", "told"),
    [
        ({"max_errors": "many"}, "max_errors", "neither a number of lines nor a share"),
        ({"map": "gender"}, "map", "does not say which column"),
        ({"map": "gender=Sex", "skip": "Sex"}, "skip", "both name the column"),
        ({"kind": "segments", "mode": "replace"}, "mode", "for audiences alone"),
        ({"take_over": "on"}, "take_over", "for attributes alone"),
        ({"kind": "people"}, "kind", "Select a valid choice"),
        ({"owner": "nobody"}, "owner", "valid"),
        ({"file": ""}, "file", "required"),
        ({"file": SimpleUploadedFile("people.xlsx", b"PK")}, "file", "spreadsheets can be saved as CSV"),
        ({"file": SimpleUploadedFile("people.csv", b"")}, "file", "empty"),
    ],
)
def test_it_says_at_the_field_what_cannot_be_meant_and_keeps_nothing(staff, kept, fields, name, told):
    form = send(staff, **fields).context["form"]

    assert list(form.errors) == [name]
    assert told in form.errors[name][0]
    assert not Import.objects.exists()
    assert not kept.exists() or not list(kept.iterdir())


def test_a_file_that_is_too_large_or_has_no_room_is_told_of(staff, kept, settings):
    with largest_file(2**16):
        full = send(staff, "id,gender\n" + "p1,F\n" * 2**17).context["form"]
    settings.A2_IMPORT_MAX_MB = 0
    large = send(staff).context["form"]

    assert "cannot be kept here: File too large" in full.errors["file"][0]
    assert "the most that is taken here" in large.errors["file"][0]
    assert list(kept.iterdir()) == []


def test_a_file_is_removed_when_that_is_confirmed(staff, kept):
    row = tried(staff)
    asked = staff.get(page("discard", row)).content.decode()
    assert "Remove the file" in asked
    assert len(list(kept.iterdir())) == 3

    assert row.rejects.exists()

    staff.post(page("discard", row))
    assert list(kept.iterdir()) == []
    assert not row.rejects.exists()
    text = shown(staff, row)
    assert "Import for real" not in text
    assert "Download" not in text
    assert messages(staff.get(page("rejects", row, "lines"), follow=True)) == [
        "The rejected lines are not kept any more."
    ]
    assert "no file to remove" in messages(staff.post(page("discard", row), follow=True))[0]


def test_it_speaks_korean_too(staff, kept):
    row = tried(staff)

    korean = staff.get(page("change", row), headers={"Accept-Language": "ko"}).content.decode()
    for told in ("시험 실행했습니다", "실제로 가져오기", "거부됨", "고칠 줄 내려받기"):
        assert told in korean


def test_nothing_is_removed_under_an_import(staff, kept):
    row = tried(staff)
    staff.post(page("apply", row))

    assert "at work" in messages(staff.post(page("discard", row), follow=True))[0]
    work()
    assert Audience.objects.count() == 2


def test_files_go_after_seven_days(staff, kept):
    row = tried(staff)
    somebody_elses = kept / "people.csv"
    somebody_elses.touch()
    for file in kept.iterdir():
        os.utime(file, (0, 0))
    tasks.remove_abandoned_uploads(timestamp=0)
    assert uploads.is_kept(row)

    Import.objects.update(finished_at=row.finished_at - timedelta(days=7))
    tasks.remove_abandoned_uploads(timestamp=0)
    assert list(kept.iterdir()) == [somebody_elses]


def test_a_refusal_names_the_file_as_it_is_called(staff, kept):
    row = tried(staff, b"no gzip", "night.csv.gz")

    text = shown(staff, row)
    assert "night.csv.gz cannot be unpacked" in text
    assert "it would be refused" in text
    assert str(kept) not in text


def test_the_list_tells_dry_runs_from_imports(staff, folder):
    row = tried(staff)
    staff.post(page("apply", row))
    work()
    load("audiences", folder.file("night.csv", "id,gender\np1,F\n"))

    listed = staff.get("/admin/segments/import/").content.decode()
    assert listed.count('<span class="a2-state">dry run</span>') == 1
    assert re.findall(r'field-actor nowrap">([^<]*)|field-actor">([^<]*)', listed)
    assert listed.count("for real") == 2
    assert ADD in listed


def test_a_token_of_the_form_is_needed_and_a_file_without_one_is_not_kept(kept, db):
    User.objects.create_superuser("sora", password="a-password-of-20-letters")
    strict = Browser(enforce_csrf_checks=True)
    strict.login(username="sora", password="a-password-of-20-letters")

    assert send(strict).status_code == 403
    assert not kept.exists() or not list(kept.iterdir())
    assert not Import.objects.exists()


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        ("Viewer", None),
        ("Segment editor", ["segments"]),
        ("Catalogue manager", ["audiences", "attributes", "segments", "taxonomy"]),
        ("Administrator", ["audiences", "attributes", "segments", "taxonomy"]),
    ],
)
def test_a_role_sends_the_kinds_that_it_may(staff, owners, kept, role, kinds):
    row = tried(staff)
    browser = in_role(role)
    text = shown(browser, row)
    assert browser.get(page("progress", row)).status_code == 200
    assert ("Import for real" in text) == ("audiences" in (kinds or []))
    listed = browser.get("/admin/segments/import/").content.decode()
    assert (ADD in listed) == (kinds is not None)

    form = browser.get(ADD)
    if kinds is None:
        assert (form.status_code, send(browser).status_code) == (403, 403)
        assert len(list(kept.iterdir())) == 3
    else:
        assert [kind for kind, _label in form.context["form"].fields["kind"].choices] == kinds
        assert send(browser).status_code == (302 if "audiences" in kinds else 200)
        done = tried(browser, SEGMENTS, "segments.jsonl", kind="segments", owner=str(OWNERS["alice"]))
        assert browser.post(page("apply", done)).status_code == 302
        work()
        assert AudienceSegment.objects.get().name == "Women"
    statuses = {browser.post(page(name, row)).status_code for name in ("apply", "discard")}
    assert statuses == ({302} if "audiences" in (kinds or []) else {403})


def test_one_that_waits_is_stopped_at_once_and_can_begin_again(staff, kept):
    send(staff)
    row = Import.objects.get()
    text = staff.post(page("stop", row), follow=True).content.decode()
    assert "The try was stopped; nothing was written." in text
    assert "Stopped by staff sora." in text
    work()
    row.refresh_from_db()
    assert (row.state, row.lines) == ("stopped", 0)
    assert "is over" in messages(staff.post(page("stop", row), follow=True))[0]

    staff.post(page("resume", row))
    work()
    row.refresh_from_db()
    assert (row.state, row.created, row.reason) == ("done", 2, "")
    assert "cannot go on" in messages(staff.post(page("resume", row), follow=True))[0]


def test_attributes_are_imported_too(staff, owners):
    row = tried(
        staff, "code,name,visibility\npet,Pet,public\n", "pets.csv", kind="attributes", owner=str(OWNERS["bob"])
    )
    staff.post(page("apply", row))
    work()

    assert AudienceAttribute.objects.get(code="pet").owner_id == OWNERS["bob"]
