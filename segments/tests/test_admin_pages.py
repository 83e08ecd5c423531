"""Every page that the admin registers opens, for staff alone, and brings no script or style of its own."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from segments.models import (
    Audience,
    AudienceAttributeValue,
    AudienceSegment,
    Change,
    Import,
    ImportReject,
    SegmentSize,
)
from segments.tests.conftest import Caller
from segments.tests.imports import Folder

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*json)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)


@pytest.fixture
def furnished(people: Caller, draft: Callable[..., dict[str, Any]]) -> None:
    """At least one row of every model."""
    body = draft(properties={"gender": ["F"]}, exclusions={"tier": "staff"})
    assert people.post("/audiences/segments", body).status_code == 200
    Group.objects.create(name="analysts")
    done = Import.objects.create(
        kind="audiences", file="people.csv", lines=2, created=1, rejected=1, reasons={"ragged": 1},
        state=Import.State.DONE, finished_at=timezone.now(),
    )  # fmt: skip
    ImportReject.objects.create(of_import=done, line=3, code="ragged", value="<b>", reason="Too few cells.")


def addresses(model: type[Model]) -> Iterator[str]:
    """The pages of a model with a row of it: list, search, each filter and order, add, change, history, delete."""
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    pages = admin.site._registry[model]
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="sora")
    row = model._default_manager.first()
    assert row is not None, f"{model.__name__} has no row to open"
    yield reverse(f"{place}_changelist")
    yield reverse(f"{place}_changelist") + "?q=nothing"
    for index, _column in enumerate(pages.get_list_display(request), 1):
        yield f"{reverse(f'{place}_changelist')}?o={index}.-1"
    if pages.has_add_permission(request):
        yield reverse(f"{place}_add")
    yield reverse(f"{place}_change", args=[row.pk])
    yield reverse(f"{place}_history", args=[row.pk])
    if pages.has_delete_permission(request):
        yield reverse(f"{place}_delete", args=[row.pk])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_it_opens_every_page_of_a_model(staff: Browser, furnished: None, model: type[Model]) -> None:
    for address in addresses(model):
        response = staff.get(address)
        page = response.content.decode()

        assert response.status_code == 200, address
        assert not INLINE.search(page), (address, INLINE.search(page))
        assert "default-src 'self'" in response["Content-Security-Policy"].split("; ")
        assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_it_offers_every_filter_of_a_model(staff: Browser, furnished: None, model: type[Model]) -> None:
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    page = staff.get(reverse(place)).content.decode()

    for query in re.findall(r'<li[^>]*>\s*<a href="(\?[^"]+)"', page):
        assert staff.get(reverse(place) + query.replace("&amp;", "&")).status_code == 200, query


def test_it_registers_what_staff_use_and_nothing_of_the_grants_that_are_off() -> None:
    assert {model._meta.label for model in MODELS} == {
        "auth.Group",
        "auth.User",
        "oauth2_provider.AccessToken",
        "segments.Audience",
        "segments.AudienceAttribute",
        "segments.AudienceAttributeValue",
        "segments.AudienceSegment",
        "segments.Change",
        "segments.Client",
        "segments.Import",
        "segments.ImportReject",
        "segments.Owner",
        "segments.SegmentSize",
    }


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/segments/audience/", "/admin/segments/client/add/", "/admin/nope/"]
)
def test_it_sends_strangers_to_the_login(db: None, path: str) -> None:
    response = Browser().get(path)

    assert response.status_code == 302
    assert response["Location"] == f"/admin/login/?next={path}"


def test_it_shows_the_version_in_the_footer(staff: Browser) -> None:
    from a2service import __version__

    assert f"A2 audience service {__version__}" in staff.get("/admin/").content.decode()


def test_it_lists_audiences_without_counting_all_of_them(
    staff: Browser, furnished: None, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6) as seen:
        staff.get(reverse("admin:segments_audience_changelist"))

    counts = [query["sql"] for query in seen.captured_queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 10000" in sql for sql in counts)


def test_it_finds_an_audience_by_the_beginning_of_its_id(staff: Browser, furnished: None) -> None:
    page = staff.get(reverse("admin:segments_audience_changelist") + "?q=p4").content.decode()

    assert re.findall(r"/audience/(p\d)/change", page) == ["p4"]


def test_it_keeps_the_number_of_an_audience_to_itself(staff: Browser, furnished: None) -> None:
    page = staff.get(reverse("admin:segments_audience_change", args=["p1"])).content.decode()

    assert Audience.objects.filter(pk="p1").exists()
    assert "number" not in re.sub(r"<[^>]+>", " ", page).lower()


def test_it_lists_segments_by_owner_meaning_size_and_its_age(staff: Browser, furnished: None) -> None:
    page = staff.get(reverse("admin:segments_audiencesegment_changelist")).content.decode()
    cells = re.findall(r'class="field-(\w+)[^"]*">(.*?)</t[dh]>', page)
    told = {name: re.sub(r"<[^>]+>", "", text).strip() for name, text in cells}

    assert told["owner_name"] == "Alice"
    assert told["selects"] == "gender is F, but not tier is staff"
    assert told["size"] == "3"
    assert told["counted"] == "just now"


def test_it_compiles_a_page_of_segments_at_once(
    staff: Browser, people: Caller, draft: Callable[..., dict[str, Any]], django_assert_num_queries: Any
) -> None:
    def queries(segments: int) -> int:
        body = [draft(properties={"gender": ["F"], "region": ["north"]}, name=f"No. {n}") for n in range(segments)]
        assert people.post("/audiences/segments/bulk-add", body).status_code == 200
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert staff.get(reverse("admin:segments_audiencesegment_changelist")).status_code == 200
        return len(seen)

    assert queries(1) == queries(20)


@pytest.mark.parametrize("model", [SegmentSize, Change, Import, ImportReject])
def test_it_lets_nobody_change_what_the_service_wrote(staff: Browser, furnished: None, model: type[Model]) -> None:
    place = f"admin:segments_{model._meta.model_name}"
    row = model._default_manager.first()
    assert row is not None

    if model is not Import:  # that is the page on which a file is sent
        assert staff.get(reverse(f"{place}_add")).status_code == 403
    assert staff.post(reverse(f"{place}_change", args=[row.pk]), {}).status_code == 403
    assert staff.post(reverse(f"{place}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


def test_it_shows_no_token_and_revokes_it(staff: Browser, furnished: None, people: Caller) -> None:
    token = get_access_token_model().objects.first()
    list_page = staff.get(reverse("admin:oauth2_provider_accesstoken_changelist"))
    page = staff.get(reverse("admin:oauth2_provider_accesstoken_change", args=[token.pk]))

    for secret in (people.bearer, token.token_checksum):
        assert secret
        assert secret not in list_page.content.decode() + page.content.decode()
    assert people.get("/audiences/get/p1").status_code == 200

    body = {"action": "revoke_tokens", "_selected_action": [token.pk]}
    assert staff.post(reverse("admin:oauth2_provider_accesstoken_changelist"), body).status_code == 302
    assert people.get("/audiences/get/p1").status_code == 401
    assert Change.objects.filter(kind="token", action="deleted", actor="staff sora").count() == 1


def test_it_shows_no_row_of_a_value_as_code(staff: Browser, people: Caller) -> None:
    nasty = "<script>alert(1)</script>"
    assert people.post("/audiences/bulk-add", [{"id": "x", "properties": {"note": nasty}}]).status_code == 200
    assert AudienceAttributeValue.objects.filter(value=nasty).exists()

    for model in ("audience", "audienceattributevalue"):
        assert nasty not in staff.get(reverse(f"admin:segments_{model}_changelist")).content.decode()
    assert AudienceSegment.objects.count() == 0


def test_it_shows_what_became_of_an_import(staff: Browser, furnished: None) -> None:
    page = staff.get(reverse("admin:segments_import_change", args=[Import.objects.get().pk])).content.decode()

    assert "Too few cells." in page
    assert "&lt;b&gt;" in page
    assert "<td><code>ragged</code></td>" in page


def test_it_shows_rejected_lines_in_the_order_of_their_file_and_of_the_last_import_first(
    staff: Browser, folder: Folder
) -> None:
    for name, rows in (("first.csv", "a\nb,\nc\n"), ("second.csv", "d,\n" * 9 + "e\nf\n")):
        folder.load("audiences", name, f"id,gender\n{rows}")
    # As if the first one had come late, and its lines in another order.
    ImportReject.objects.filter(line=2).update(id=10**6)

    page = staff.get(reverse("admin:segments_importreject_changelist")).content.decode()
    shown = re.findall(r'class="field-of_import[^>]*>.*?/(\w+)\.csv.*?class="field-where">(\d+)', page)
    assert shown == [("second", "11"), ("second", "12"), ("first", "2"), ("first", "4")]
    first = Import.objects.get(file__endswith="first.csv")
    inside = staff.get(reverse("admin:segments_import_change", args=[first.pk])).content.decode()
    assert re.findall(r'<tr><th scope="row" class="a2-number">(\d+)</th>', inside) == ["2", "4"]
