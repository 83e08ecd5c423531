"""The admin in the language and the time zone of its reader, and everything else in English and UTC."""

import gettext
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from django.test import Client as Browser
from django.urls import reverse

from a2service import messages
from segments.models import AudienceSegment, Import
from segments.tests.conftest import Caller

KOREAN = {"Accept-Language": "ko"}
HANGUL = re.compile("[가-힣]")
PLACES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+")


@pytest.fixture(scope="module")
def catalogue() -> list[Message]:
    return [message for message in messages.read() if message.id]


def texts(value: Any) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


def test_it_translates_all_that_the_admin_can_show(catalogue: list[Message]) -> None:
    translated = {(texts(each.id), each.context) for each in catalogue if each.string and all(texts(each.string))}
    there = {(texts(each.id), each.context) for each in messages.current() if each.id}

    assert sorted(there - translated, key=str) == [], "Type make messages, and translate what it has added to the file."


def test_its_translations_are_compiled() -> None:
    def entries(data: bytes) -> dict[Any, str]:
        return gettext.GNUTranslations(io.BytesIO(data))._catalog  # type: ignore[attr-defined,no-any-return]

    kept = messages.CATALOGUE.with_suffix(".mo").read_bytes()
    assert entries(kept) == entries(messages.compiled(messages.read())), "Type make messages."


def test_it_keeps_what_is_filled_in_and_the_markup(catalogue: list[Message]) -> None:
    for message in catalogue:
        for translated in texts(message.string):
            if translated:
                assert sorted(set(PLACES.findall(translated))) == sorted(set(PLACES.findall(texts(message.id)[-1]))), message.id  # fmt: skip
                assert translated.strip() == translated or texts(message.id)[0] != texts(message.id)[0].strip()


def test_it_says_whether_a_speaker_has_read_them() -> None:
    assert "NOT REVIEWED" in messages.CATALOGUE.read_text().splitlines()[0]


def test_it_speaks_the_browsers_language_in_the_admin_alone(staff: Browser, people: Caller) -> None:
    page = staff.get("/admin/", headers=KOREAN).content.decode()
    assert '<html lang="ko"' in page
    assert HANGUL.search(page.split("</header>")[1].split("<footer")[0])

    assert '<html lang="en"' in staff.get("/admin/", headers={"Accept-Language": "fr"}).content.decode()
    refused = people.post("/audiences/segments", {"name": 5}, Accept_Language="ko")
    assert not HANGUL.search(refused.content.decode())
    assert people.send("PUT", "/audiences/segments", Accept_Language="ko").json()["title"] == "Method not allowed"
    for path in ("/", "/docs"):
        assert "ko" not in staff.get(path, headers={**KOREAN, "Accept": "text/html"}).get("Content-Language", "")


def test_it_keeps_the_language_that_was_chosen(staff: Browser) -> None:
    response = staff.post("/admin/language/", {"language": "ko", "next": "/admin/segments/owner/"})

    assert response["Location"] == "/admin/segments/owner/"
    assert '<html lang="ko"' in staff.get("/admin/").content.decode()
    staff.post("/admin/language/", {"language": "en"})
    assert '<html lang="en"' in staff.get("/admin/", headers=KOREAN).content.decode()
    assert staff.post("/admin/language/", {"language": "ko", "next": "https://elsewhere.example"})["Location"] == "/"


def test_it_shows_times_in_the_zone_of_the_setting_and_says_which(staff: Browser, settings: Any) -> None:
    moment = datetime(2026, 11, 24, 23, 48, 1, tzinfo=UTC)
    row = Import.objects.create(kind="audiences", file="a.csv", started_at=moment)
    address = reverse("admin:segments_import_change", args=[row.pk])
    assert "2026-11-24 23:48:01 UTC" in staff.get(address).content.decode()

    settings.A2_ADMIN_TIME_ZONE = "Asia/Seoul"
    for language in ("en", "ko"):
        page = staff.get(address, headers={"Accept-Language": language}).content.decode()
        assert "2026-11-25 08:48:01 KST" in page
        assert "Asia/Seoul" in page.split("<footer")[1]


def test_it_answers_in_utc_whatever_the_admin_shows(
    staff: Browser, people: Caller, draft: Callable[..., dict[str, Any]], settings: Any
) -> None:
    settings.A2_ADMIN_TIME_ZONE = "Asia/Seoul"
    staff.get("/admin/")

    created = people.post("/audiences/segments", draft()).json()["created_at"]
    assert created.endswith("Z")
    assert created[:13] == AudienceSegment.objects.get().created_at.astimezone(UTC).isoformat()[:13]


class Texts(HTMLParser):
    """What a page says, apart from script, in pieces."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.said.append(data.strip())


PAGES = [
    "admin:index",
    *(f"admin:segments_{model}_{page}" for model in ("audiencesegment", "audienceattribute", "audience", "client") for page in ("changelist", "add")),
    *(f"admin:segments_{model}_changelist" for model in ("owner", "import", "change", "segmentsize")),
    "admin:auth_user_add",
    "admin:segments_import_add",
]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_it_leaves_nothing_of_a_page_in_english(
    staff: Browser, people: Caller, draft: Callable[..., dict[str, Any]], catalogue: list[Message], name: str
) -> None:
    people.post("/audiences/segments", draft(properties={"gender": ["F"]}))
    page = staff.get(reverse(name), headers=KOREAN).content.decode()
    english = {text.casefold() for message in catalogue for text in texts(message.id)}
    korean = {text.casefold() for message in catalogue for text in texts(message.string)}

    said = {text.casefold() for text in Texts(page).said} - {"english"}  # the button that leads there
    assert said & english - korean == set()


@pytest.mark.parametrize(
    ("model", "form", "told"),
    [
        ("audienceattribute", {"code": " x"}, "코드 앞뒤의 공백을 빼세요."),
        ("audiencesegment", {"properties": '{"a": NaN}'}, "NaN은(는) JSON이 아닙니다. 숫자나 null을 보내세요."),
    ],
)
def test_it_refuses_in_the_readers_language(staff: Browser, model: str, form: dict[str, str], told: str) -> None:
    page = staff.post(reverse(f"admin:segments_{model}_add"), form, headers=KOREAN).content.decode()

    assert told in unescape(page)


def test_its_file_is_where_django_looks() -> None:
    assert Path("segments/locale/ko/LC_MESSAGES/django.mo") == messages.CATALOGUE.relative_to(messages.ROOT).with_suffix(".mo")  # fmt: skip
