"""What goes wrong in the admin: a page for who reads pages, a problem document for programs."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError
from django.test import Client as Browser

from segments.admin import failing, segments
from segments.tests.test_admin_forms import text

READS_PAGES = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NOWHERE = "/admin/segments/audiencesegment/00000000-0000-4000-8000-000000000000/export/csv/"
OWNERS = "/admin/segments/owner/"


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [("/admin/nowhere/", 404, "Nothing is here"), (NOWHERE, 404, "Nothing is here"),
     (f"{OWNERS}?o=%00", 200, "owners"), ("/admin/segments/client/?name__exact=%00", 400, "This cannot be read")],
)  # fmt: skip
def test_it_shows_staff_a_page(staff: Browser, path: str, status: int, title: str) -> None:
    response = staff.get(path, headers=READS_PAGES)

    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert title in response.content.decode()
    assert "sora" in response.content.decode()


def test_it_answers_programs_as_the_api_does(staff: Browser) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        response = staff.get("/admin/nowhere/", headers=headers)
        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert staff.get("/nowhere", headers=READS_PAGES)["Content-Type"] == "application/problem+json"


def test_it_says_what_is_not_for_a_role(db: None) -> None:
    vera = User.objects.create_user("vera", is_staff=True)
    vera.groups.add(Group.objects.get(name="Viewer"))
    browser = Browser()
    browser.force_login(vera)
    for response in (browser.get(f"{OWNERS}add/", headers=READS_PAGES), browser.post(f"{OWNERS}add/", {}, headers=READS_PAGES)):  # fmt: skip
        assert response.status_code == 403
        assert "Not for your role" in text(response)
        assert "vera" in text(response)


def test_it_says_of_other_refusals_what_the_problem_document_says() -> None:
    problem = b'{"title": "Too large", "status": 413, "detail": "Send less."}'

    assert failing.words(413, problem) == ("Too large", "Send less.")
    assert failing.words(404, problem)[0] == "Nothing is here"
    assert failing.words(500, b"")[0] == failing.OTHERWISE[0]


def test_it_says_that_the_database_is_away_without_asking_it(staff: Browser, monkeypatch: Any) -> None:
    def away(*_args: Any) -> None:
        raise OperationalError("the connection was closed")

    monkeypatch.setattr(segments.recounting, "trouble", away)
    response = staff.get("/admin/segments/audiencesegment/", headers=READS_PAGES)

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "The database cannot be used now" in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()
