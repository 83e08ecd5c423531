"""/openapi.json and /docs/api: what the API says of itself."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from drf_spectacular.validation import validate_schema

from a2service import __version__
from segments.api.urls import urlpatterns
from segments.api.views.base import ApiViewSet

# Operation, body and answer as they are in A2's API: never to be changed.
A2 = {
    ("/audiences/segments", "post"): ("create_segment", "SegmentCreate", "Segment"),
    ("/audiences/segments", "get"): ("list_segments", None, ["Segment"]),
    ("/audiences/segments", "patch"): ("update_segment", "SegmentUpdate", "Segment"),
    ("/audiences/segments/bulk-add", "post"): ("create_segments", ["SegmentCreate"], ["Segment"]),
    ("/audiences", "get"): ("list_audiences", None, ["Audience"]),
    ("/audiences", "post"): ("create_audience", "Audience", "Audience"),
    ("/audiences", "patch"): ("update_audience", "Audience", "Audience"),
    ("/audiences/get/{audience_id}", "get"): ("get_audience", None, "Audience"),
    ("/audiences/bulk-add", "post"): ("upsert_audiences", ["Audience"], "UpsertCounts"),
    ("/audiences/attributes", "patch"): ("update_attribute", "AttributeUpdate", "Attribute"),
}
REFUSED_ALWAYS = {"401", "403", "406", "422", "503"}
REFUSED_BODIES = {"400", "413", "415"}


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


def operations(document):
    return {
        (path, method): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def kind(content):
    """What an operation takes or gives: the component's name, in brackets when it is an array of them."""
    schema = content["content"]["application/json"]["schema"]
    name = schema.get("items", schema)["$ref"].rsplit("/", 1)[1]
    return [name] if "items" in schema else name


def test_it_describes_every_operation_of_the_api_under_its_own_id(document):
    described = operations(document)
    served = {
        (simplify_regex(str(pattern.pattern)).rstrip("/?").translate(str.maketrans("<>", "{}")), method)
        for pattern in urlpatterns
        for method in pattern.callback.actions
        if method != "head"
    }

    assert set(described) == served
    assert len({operation["operationId"] for operation in described.values()}) == len(described)


@pytest.mark.parametrize("row", A2, ids=lambda row: " ".join(row))
def test_it_keeps_what_clients_of_a2_were_generated_from(document, row):
    path, method = row
    operation = operations(document)[path, method]

    sent = kind(operation["requestBody"]) if "requestBody" in operation else None
    assert (operation["operationId"], sent, kind(operation["responses"]["200"])) == A2[row]


def test_it_marks_all_else_as_beta(document):
    assert {row for row, operation in operations(document).items() if not operation.get("x-beta")} == set(A2)


def test_it_is_valid(document):
    validate_schema(document)


def test_it_names_every_status(document):
    for (path, method), operation in operations(document).items():
        named = set(operation["responses"])
        assert named >= REFUSED_ALWAYS | {"default"}, path
        assert ("204" in named) == (method == "delete"), path
        assert ("requestBody" in operation) == (named >= REFUSED_BODIES), path
        assert "404" in named or "{" not in path or path == "/audiences/get/{audience_id}/segments", path


def test_it_describes_the_segment_as_the_first_page_does(document):
    sent = document["components"]["schemas"]["SegmentCreate"]
    answered = document["components"]["schemas"]["Segment"]

    assert sent["required"] == ["management_type", "name", "owner_id"]
    assert set(answered["required"]) >= {"id", "management_type", "name", "no", "owner_id"}
    assert sent["properties"]["management_type"]["enum"] == ["selfmanaged", "systemmanaged"]
    assert sent["properties"]["approximated_size"]["type"] == ["integer", "null"]
    assert answered["properties"]["created_at"]["format"] == "date-time"
    create = document["paths"]["/audiences/segments"]["post"]
    assert set(create["responses"]) == REFUSED_ALWAYS | REFUSED_BODIES | {"200", "default"}
    assert create["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/SegmentCreate"
    }


def test_it_requires_the_id_of_a_segment_that_is_changed_by_its_body(document):
    schema = document["components"]["schemas"]["SegmentUpdate"]

    assert set(schema["required"]) == {"id", "management_type", "name", "owner_id"}
    assert "required" not in document["components"]["schemas"]["SegmentPatch"]


def test_it_says_its_version_and_points_nowhere_else(document, client):
    assert (document["openapi"], document["info"]["version"]) == ("3.1.0", __version__)
    assert "://" not in json.dumps(document)
    assert client.get("/", headers={"Accept": "application/json"}).json()["version"] == __version__


def test_it_refers_only_to_components_that_are_there(document):
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert named <= set(document["components"]["schemas"])


def test_it_knows_the_answers_it_gives(document, api):
    """Every field that a segment's answer has is described, and the other way round."""
    body = {"management_type": "selfmanaged", "name": "x", "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}

    answered = api("platform").post("/audiences/segments", body).json()

    assert set(answered) == set(document["components"]["schemas"]["Segment"]["properties"])


@pytest.mark.parametrize("path", ["/", "/docs/api", "/docs/api/"])
def test_it_serves_pages_that_load_nothing_from_elsewhere(client, path):
    response = client.get(path, headers={"Accept": "text/html"})

    assert response.status_code == 200
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "://" not in response.content.decode()


def test_it_checks_scopes_in_every_view_of_the_api():
    views = {pattern.callback.cls for pattern in urlpatterns}

    assert views == set(ApiViewSet.__subclasses__())
    assert all(view.scopes for view in views)


def test_it_keeps_templates_without_inline_scripts_and_styles():
    for template in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        text = template.read_text()
        assert "<style" not in text, template
        assert "style=" not in text, template
        assert "<script>" not in text, template
