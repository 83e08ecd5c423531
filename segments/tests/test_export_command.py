"""`manage.py export_segment`: a segment's members on standard output."""

from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from segments import audiences
from segments.models import AudienceSegment, Owner
from segments.store import ProfileChange, listing

UUID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def segment(api, people, draft):
    people.patch("/audiences", {"id": "p3", "properties": {}})
    people.post("/audiences", {"id": '서준, "p7"', "properties": {"gender": "F"}})
    return api("alice").post("/audiences/segments", draft(properties={"gender": ["F"]})).json()


def exported(*arguments):
    out = StringIO()
    call_command("export_segment", *arguments, stdout=out)
    return out.getvalue()


def test_it_writes_csv_by_id_and_by_no(segment):
    assert exported(segment["id"]) == exported(str(segment["no"])) == 'id\np1\np2\n"서준, ""p7"""\n'


def test_it_writes_ndjson(segment):
    assert exported(segment["id"], "--format", "ndjson") == '"p1"\n"p2"\n"서준, \\"p7\\""\n'


@pytest.mark.parametrize("given", [UUID, "0", "9" * 18, "9" * 30, "-1", "x", "", "\0", "1.0", "١"])
def test_it_says_that_there_is_no_such_segment(segment, given):
    with pytest.raises(CommandError, match="No segment has the id or the no") as error:
        exported("--", given)

    assert error.value.returncode == 2


class Cutting(StringIO):
    """Takes what is written and ends the writer's session in PostgreSQL."""

    def write(self, text):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (session,) = cursor.fetchone()
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SELECT pg_terminate_backend(%s, 30000)", [session])
        return super().write(text)


@pytest.mark.django_db(transaction=True)
def test_it_says_that_its_output_was_cut_short(monkeypatch):
    monkeypatch.setattr(listing, "FEW", 0)
    audiences.upsert([ProfileChange(f"a{index:04}", properties={"all": ["yes"]}) for index in range(6_000)])
    owner = Owner.objects.create(name="Alice")
    segment = AudienceSegment.objects.create(
        management_type="systemmanaged", name="Everyone", owner=owner, properties={"all": ["yes"]}
    )
    out = Cutting()

    with pytest.raises(CommandError, match="not the whole segment") as error:
        call_command("export_segment", str(segment.pk), stdout=out)

    assert error.value.returncode == 1
    assert out.getvalue().count("\n") == 5_001
