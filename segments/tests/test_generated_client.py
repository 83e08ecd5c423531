"""A client generated from /openapi.json talks to a real server."""

import importlib
import io
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from segments.tests.server import Server
from segments.tests.serving import served

OWNER = uuid.UUID("3c90c3cc-0d44-4b50-8888-8dd25736052a")
# The generator knows files by this type alone.
CONFIGURED = """
post_hooks: []
content_type_overrides:
  text/csv: application/octet-stream
  text/tab-separated-values: application/octet-stream
  application/x-ndjson: application/octet-stream
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("local")) as server:
        yield server


@pytest.fixture(scope="module")
def generated(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The models of the generated package, and `call`, which runs one of its operations as a platform client."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(server.call("GET", "/openapi.json")[2]))
    (folder / "config.yml").write_text(CONFIGURED)
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json"]
    command += ["--output-path", "a2_client", "--meta", "none", "--config", "config.yml", "--fail-on-warning"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    sys.path.insert(0, str(folder))
    package = importlib.import_module("a2_client")
    client = package.AuthenticatedClient(f"http://127.0.0.1:{server.port}", server.token)

    def call(operation: str, *arguments: Any, **options: Any) -> Any:
        return importlib.import_module(f"a2_client.api.{operation}").sync(*arguments, client=client, **options)

    yield SimpleNamespace(call=call, models=importlib.import_module("a2_client.models"))
    sys.path.remove(str(folder))


def test_it_creates_lists_and_updates_segments(generated):
    call, models = generated.call, generated.models
    kind = models.SegmentCreateManagementType.SYSTEMMANAGED
    properties = models.SegmentCreateProperties.from_dict({"gender": ["F"]})
    draft = models.SegmentCreate(kind, "Women", OWNER, properties=properties, description=None)

    made = call("segments.create_segment", body=draft)
    assert (made.name, made.owner_id, made.properties.to_dict()) == ("Women", OWNER, {"gender": ["F"]})
    assert [warning.code for warning in made.warnings] == ["unknown_attribute"]
    renamed = call(
        "segments.update_segment", body=models.SegmentUpdate.from_dict({**made.to_dict(), "name": "All women"})
    )
    assert (renamed.id, renamed.no, renamed.name) == (made.id, made.no, "All women")
    (listed,) = call("segments.list_segments", owner_id=str(OWNER), limit=10)
    assert listed.to_dict() == renamed.to_dict()


def test_it_knows_a_segment_whose_size_nobody_knows(generated):
    call, models = generated.call, generated.models
    draft = models.SegmentCreate.from_dict({"management_type": "selfmanaged", "name": "Theirs", "owner_id": str(OWNER)})

    made = call("segments.create_segment", body=draft)

    assert (made.approximated_size, made.size_source, made.size_as_of) == (None, None, None)


def test_it_creates_lists_and_updates_audiences(generated):
    call, models = generated.call, generated.models
    ana = models.Audience.from_dict({"id": "ana / no", "properties": {"gender": ["F"]}})
    assert call("audiences.create_audience", body=ana).errors[0].code == "invalid_id"
    ana.id = "ana? yes & 100%"

    made = call("audiences.create_audience", body=ana)
    assert call("audiences.create_audience", body=ana).code == "audience_exists"
    made.alt_id = models.AudienceAltIdType0.from_dict({"crm": 7})
    changed = call("audiences.update_audience", body=made)
    assert changed.alt_id.to_dict() == {"crm": 7}
    assert [audience.id for audience in call("audiences.list_audiences", page=1, page_size=5)] == [ana.id]
    assert call("audiences.get_audience", ana.id).to_dict() == changed.to_dict()
    counts = call("audiences.upsert_audiences", body=[changed, models.Audience("bob")])
    assert (counts.created, counts.unchanged) == (1, 1)


def test_it_reads_members_and_the_catalogue(generated):
    call, models = generated.call, generated.models
    call("audiences.upsert_audiences", body=[models.Audience.from_dict({"id": "cho", "properties": {"pet": "a/b"}})])
    segment = {"management_type": "systemmanaged", "name": "a/b", "owner_id": str(OWNER), "properties": {"pet": "a/b"}}
    made = call("segments.create_segment", body=models.SegmentCreate.from_dict(segment))

    assert call("segments.list_members", str(made.id)) == ["cho"]
    (pet,) = [attribute for attribute in call("attributes.list_attributes") if attribute.code == "pet"]
    (value,) = call("attributes.list_values", str(pet.id))
    assert (value.value, value.audience_count) == ("a/b", 1)
    assert call("attributes.delete_value", str(pet.id), "a/b").code == "value_in_use"


def test_it_uploads_a_file_to_import(generated):
    models = generated.models
    file = importlib.import_module("a2_client.types").File(io.BytesIO(b"id,pet\ndan,newt\n"))

    made = generated.call("imports.create_import", body=file, kind=models.CreateImportKind.AUDIENCES, name="pets.csv")

    assert (made.state, made.file) == (models.ImportState.QUEUED, "pets.csv")
    (listed,) = generated.call("imports.list_imports")
    assert listed.id == made.id
