"""A file sent by HTTP becomes rows and a receipt; the worker's job is run by hand here, but for one test."""

import csv
import gzip
import os
import resource
from contextlib import contextmanager

import pytest
from django.conf import settings as service
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from segments import tasks
from segments.importing import uploads
from segments.models import Audience, Import
from segments.tests.conftest import OWNERS
from segments.tests.workers import WorkerProcess, until

PEOPLE = "id,gender,tier\np1,F,gold\np2,M,silver|staff\np3,F\n"
CSV = {"Content_Type": "text/csv"}


@pytest.fixture(autouse=True)
def kept(tmp_path, settings):
    """The folder of files that were sent."""
    settings.A2_IMPORT_DIR = tmp_path / "imports"
    return settings.A2_IMPORT_DIR


def send(caller, query, text=PEOPLE, **headers):
    raw = text if isinstance(text, bytes) else text.encode()
    return caller.post(f"/imports?{query}", raw=raw, **{**CSV, **headers})


def work() -> None:
    """What the worker does with the jobs that wait."""
    for job in ProcrastinateJob.objects.filter(task_name=tasks.run_import.name, status="todo").order_by("id"):
        context = JobContext(app=app, job=job.procrastinate_job, start_timestamp=0, abort_reason=lambda: None)
        tasks.run_import(context, **job.args)


def test_a_file_is_queued_then_loaded_with_its_receipt_and_then_gone(api, kept):
    platform = api("platform")
    sent = send(platform, "kind=audiences&name=people.csv")
    made = sent.json()
    assert (sent.status_code, made["state"], made["file"], made["finished_at"]) == (200, "queued", "people.csv", None)
    (file,) = kept.iterdir()
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o600, PEOPLE)

    work()

    done = platform.get(f"/imports/{made['id']}").json()
    assert done["state"] == "done"
    assert done["receipt"] == {
        "lines": 3, "created": 2, "updated": 0, "unchanged": 0, "duplicate": 0, "suppressed": 0, "rejected": 1,
        "reasons": {"ragged": 1},
    }  # fmt: skip
    assert Audience.objects.get(pk="p2").properties == {"gender": ["M"], "tier": ["silver", "staff"]}
    rejected = platform.get(f"/imports/{made['id']}/rejects").json()
    assert [(each["line"], each["code"]) for each in rejected] == [(4, "ragged")]
    report = platform.get(f"/imports/{made['id']}/rejects", Accept="text/csv")
    assert report["Content-Disposition"] == 'attachment; filename="people.rejects.report.csv"'
    head, line = csv.reader(b"".join(report.streaming_content).decode().splitlines())
    asked = platform.send("HEAD", f"/imports/{made['id']}/rejects", Accept="text/csv")
    assert (asked.status_code, asked["Content-Length"]) == (200, report["Content-Length"])
    assert (head[0], line[0], line[3]) == ("line", "4", "ragged")
    assert platform.get("/imports").json() == [done]
    assert sorted(path.suffixes for path in kept.iterdir()) == [[f".{made['id']}", ".rejects"], [f".{made['id']}", ".rejects", ".report", ".csv"]]  # fmt: skip


def test_a_report_that_is_not_there_is_a_404_and_another_type_a_406(api, kept):
    platform = api("platform")
    made = send(platform, "kind=audiences", "id,gender\np1,F\n").json()
    work()

    path = f"/imports/{made['id']}/rejects"
    assert platform.get(path, Accept="text/csv").json()["code"] == "not_found"
    assert platform.get(path).json() == []
    assert platform.get(path, Accept="application/pdf").status_code == 406
    assert "text/csv" in platform.get(path, Accept="application/pdf").json()["detail"]


def test_a_packed_file_and_options_as_the_commands_have_them(api, people):
    text = "Account;Sex;Note\np1;M;x\np9;F;y\n"
    made = send(
        people,
        "kind=audiences&id_column=Account&map=gender%3DSex&skip=Note&delimiter=%3B&max_errors=0.5%25&mode=merge",
        gzip.compress(text.encode()),
        Content_Encoding="gzip",
    ).json()
    work()

    done = people.get(f"/imports/{made['id']}").json()
    assert (done["state"], done["receipt"]["created"], done["receipt"]["updated"]) == ("done", 1, 1)
    assert Audience.objects.get(pk="p1").properties["gender"] == ["M"]
    assert done["options"]["skip"] == ["Note"]


def test_json_lines_of_attributes_and_segments_with_an_owner(api):
    platform = api("platform")
    lines = '{"code": "hobby", "name": "Hobby", "visibility": "public"}\n'
    send(platform, f"kind=attributes&owner={OWNERS['alice']}", lines, Content_Type="application/x-ndjson")
    lines = '{"management_type": "systemmanaged", "name": "x", "properties": {"hobby": "chess"}}\n'
    send(platform, f"kind=segments&owner={OWNERS['alice']}", lines, Content_Type="application/x-ndjson")
    work()

    assert [each["state"] for each in platform.get("/imports").json()] == ["done", "done"]
    assert platform.get("/audiences/segments").json()[0]["owner_id"] == str(OWNERS["alice"])


def test_an_attribute_of_another_owner_is_taken_over_only_when_that_is_asked(api):
    platform = api("platform")
    pet = {"code": "pet", "name": "Pet", "visibility": "public", "owner_id": str(OWNERS["bob"])}
    made = platform.post("/audiences/attributes", pet).json()
    lines = "code,name,visibility\npet,Pet,public\n"
    for asked in ("", "&take_over=true"):
        send(platform, f"kind=attributes&owner={OWNERS['alice']}{asked}", lines)
    work()

    taken, left = platform.get("/imports").json()
    assert (left["receipt"]["reasons"], taken["receipt"]["updated"]) == ({"code_taken": 1}, 1)
    assert taken["options"]["take_over"] is True
    assert platform.get(f"/audiences/attributes/{made['id']}").json()["owner_id"] == str(OWNERS["alice"])


def test_a_dry_run_writes_nothing_and_tells_the_same(api):
    platform = api("platform")
    send(platform, "kind=audiences&dry_run=true")
    work()

    (done,) = platform.get("/imports").json()
    assert (done["dry_run"], done["state"], done["receipt"]["created"]) == (True, "done", 2)
    assert not Audience.objects.exists()


def test_a_file_that_does_not_do_is_refused_as_its_sender_calls_it(api, kept):
    platform = api("platform")
    send(platform, "kind=audiences&name=night.csv", b"no gzip", Content_Encoding="gzip")
    work()

    (refused,) = platform.get("/imports").json()
    assert refused["state"] == "refused"
    assert "night.csv cannot be unpacked" in refused["reason"]
    assert str(kept) not in refused["reason"]
    assert list(kept.iterdir()) == []


def test_one_that_was_cut_off_is_begun_again(api):
    platform = api("platform")
    send(platform, "kind=audiences")
    Import.objects.update(state="running", lines=1, created=1)
    work()

    assert platform.get("/imports").json()[0]["receipt"]["lines"] == 3


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("", "/kind", "missing"),
        ("kind=people", "/kind", "enum"),
        ("kind=audiences&kind=segments", "/kind", "repeated_parameter"),
        ("kind=audiences&colour=red", "/colour", "unknown_parameter"),
        ("kind=audiences&strict=yes", "/strict", "bool_type"),
        ("kind=audiences&max_errors=many", "/max_errors", "import_option"),
        ("kind=audiences&map=gender", "/map", "import_option"),
        ("kind=audiences&map=gender%3DSex&skip=Sex", "/skip", "import_option"),
        ("kind=segments&mode=merge", "/mode", "import_option"),
        ("kind=audiences&take_over=true", "/take_over", "import_option"),
        ("kind=audiences&name=%00", "/name", "null_character"),
    ],
)
def test_it_refuses_what_cannot_be_meant_and_keeps_nothing(api, kept, query, pointer, code):
    refused = send(api("platform"), query)

    assert refused.status_code == 422
    assert (pointer, code) in [(each["pointer"], each["code"]) for each in refused.json()["errors"]]
    assert not Import.objects.exists()
    assert not kept.exists() or not list(kept.iterdir())


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content_Type": "application/json"}, "unsupported_media_type"),
        ({"Content_Type": "text/csv", "Content_Encoding": "br"}, "unsupported_encoding"),
    ],
)
def test_it_takes_files_of_three_kinds(api, headers, code):
    refused = send(api("platform"), "kind=audiences", **headers)

    assert (refused.status_code, refused.json()["code"]) == (415, code)


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(api, settings, kept):
    settings.A2_IMPORT_MAX_MB = 0
    refused = send(api("platform"), "kind=audiences")

    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert not Import.objects.exists()


def test_a_file_that_the_disk_has_no_room_for_is_refused_in_words_and_leaves_nothing(api, kept):
    platform = api("platform")
    with largest_file(2**16):
        refused = send(platform, "kind=audiences", "id,gender\n" + "p1,F\n" * 2**17)
        assert send(platform, "kind=audiences").status_code == 200

    problem = refused.json()
    assert (refused.status_code, refused["Content-Type"]) == (507, "application/problem+json")
    assert (problem["code"], "File too large" in problem["detail"]) == ("storage_failed", True)
    assert len(list(kept.iterdir())) == Import.objects.count() == 1


def test_a_folder_that_cannot_be_written_to_is_told_of(api, kept):
    kept.write_text("no folder")

    assert "File exists" in send(api("platform"), "kind=audiences").json()["detail"]


@contextmanager
def largest_file(size):
    """No file of this process may grow larger, which is as near to a full disk as a test comes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_imports_are_listed_in_pages_the_last_one_first(api):
    platform = api("platform")
    ids = [send(platform, "kind=audiences").json()["id"] for _ in range(3)]
    first = platform.get("/imports?limit=2")
    rest = platform.get(f"/imports?limit=2&after={first.json()[-1]['id']}")

    assert [each["id"] for each in first.json() + rest.json()] == ids[::-1]
    assert f"after={ids[1]}" in first["Link"]
    assert "Link" not in rest
    assert platform.get("/imports/999999").status_code == 404


def test_files_that_nobody_needs_are_removed(api, kept):
    send(api("platform"), "kind=audiences")
    (waiting,) = kept.iterdir()
    uploads.keep([b"x"], ".csv")
    tasks.remove_abandoned_uploads(timestamp=0)
    assert len(list(kept.iterdir())) == 2

    for file in kept.iterdir():
        os.utime(file, (0, 0))
    tasks.remove_abandoned_uploads(timestamp=0)
    assert list(kept.iterdir()) == [waiting]


@pytest.mark.django_db(transaction=True)
def test_a_worker_loads_it(api, kept):
    platform = api("platform")
    made = send(platform, "kind=audiences").json()
    worker = WorkerProcess(A2_IMPORT_DIR=str(service.A2_IMPORT_DIR))
    try:
        until(lambda: platform.get(f"/imports/{made['id']}").json()["state"] == "done")
    finally:
        worker.stop()
    assert Audience.objects.count() == 2
