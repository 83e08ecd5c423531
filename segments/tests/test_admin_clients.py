"""Clients in the admin: made in three clicks, seen at work, and stopped."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from segments import tallying
from segments.models import Change, Client, Owner, Tally
from segments.tests.conftest import OWNERS, TESTS, Caller, Service

ADD = reverse("admin:segments_client_add")


def test_it_offers_owners_and_scopes_to_tick(staff: Browser, owners: dict[str, Owner]) -> None:
    page = staff.get(ADD).content.decode()

    ticked = re.findall(r'type="checkbox" name="(\w+)" value="([^"]+)"[^>]*?( checked)?>', page)
    assert {value for name, value, _on in ticked if name == "owners"} == set(map(str, OWNERS.values()))
    assert {value: bool(on) for name, value, on in ticked if name == "allowed_scopes"} == {
        "segments:read": True,
        "segments:write": True,
        "attributes:read": True,
        "attributes:write": True,
        "audiences:read": False,
        "audiences:write": False,
    }


def test_it_searches_for_owners_where_they_are_too_many_to_tick(staff: Browser, db: None) -> None:
    Owner.objects.bulk_create(Owner(name=f"No. {n}") for n in range(51))
    page = staff.get(ADD).content.decode()

    assert 'type="checkbox" name="owners"' not in page
    assert "admin-autocomplete" in page


def test_it_tells_how_a_token_is_got_with_the_secret(staff: Browser, owners: dict[str, Owner]) -> None:
    form = {"name": "shop", "owners": [str(OWNERS["alice"])], "allowed_scopes": ["segments:read"]}
    page = staff.post(ADD, form, follow=True).content.decode()
    client = Client.objects.get()
    secret = page.split('id="client-secret">')[1].split("<")[0]

    command = (
        f"curl -u &#x27;{client.client_id}:{secret}&#x27; -d grant_type=client_credentials http://testserver/o/token/"
    )
    assert command in page.replace("'", "&#x27;")
    assert Service(client, secret).ask().status_code == 200


def test_it_says_when_a_client_was_last_at_work(staff: Browser, api: Callable[..., Caller]) -> None:
    client = Client.objects.get(name=api("alice") and "alice")
    long_ago = timezone.now() - timedelta(days=40)
    for moment, times in [(long_ago, 5), (timezone.now(), 1200)]:
        Tally.objects.create(
            kind=tallying.CLIENT, object_id=str(client.pk), day=moment.date(), times=times, last_at=moment
        )
    api("bob")

    page = staff.get(reverse("admin:segments_client_change", args=[client.pk])).content.decode()
    assert re.search(r"1,200 in 30 days, the last at \d{4}-\d\d-\d\d \d\d:\d\d UTC; they are noted once a minute", page)
    listed = staff.get(reverse("admin:segments_client_changelist") + "?o=3").content.decode()
    assert sorted(re.findall(r'class="field-last_used[^"]*">(.)', listed)) == ["-", "2"]


def test_it_revokes_all_tokens_of_a_client_and_no_others(staff: Browser, api: Callable[..., Caller]) -> None:
    alice, bob = api("alice"), api("bob")
    client = Client.objects.get(name="alice")
    client.issue_token()
    address = reverse("admin:segments_client_revoke", args=[client.pk])
    assert "2 are good now" in staff.get(reverse("admin:segments_client_change", args=[client.pk])).content.decode()
    assert "Revoke all its tokens?" in staff.get(address).content.decode()
    assert alice.get("/audiences/segments").status_code == 200

    assert "2 tokens of alice are revoked." in staff.post(address, follow=True).content.decode()
    assert (alice.get("/audiences/segments").status_code, bob.get("/audiences/segments").status_code) == (401, 200)
    change = Change.objects.get(kind="client", label="alice", action="changed")
    assert (change.actor, change.after) == ("staff sora", {"tokens": "revoked"})


def test_it_takes_all_access_away(staff: Browser, api: Callable[..., Caller], owners: dict[str, Owner]) -> None:
    alice = api("alice")
    client = Client.objects.get(name="alice")
    page = reverse("admin:segments_client_change", args=[client.pk])
    off = reverse("admin:segments_client_off", args=[client.pk])
    assert off in staff.get(page).content.decode()
    assert "Take its access away?" in staff.get(off).content.decode()

    shown = staff.post(off, follow=True).content.decode()
    assert "lice is switched off: its secret and its tokens are refused." in shown
    assert "none is good while the client is switched off" in shown
    assert off not in shown
    assert alice.get("/audiences/segments").status_code == 401
    client.revise({"is_active": True}, TESTS)
    assert alice.get("/audiences/segments").status_code == 401


def test_the_page_of_its_secret_names_its_owners(staff: Browser, owners: dict[str, Owner]) -> None:
    form = {"name": "shop", "owners": [str(OWNERS["alice"])], "allowed_scopes": ["segments:read"]}
    shown = staff.post(ADD, form, follow=True).content.decode()

    assert f"owner_id, {owners['alice'].name}</dt>" in shown
    assert str(owners["alice"].pk) in shown


@pytest.mark.parametrize("page", ["secret", "revoke", "off"])
def test_it_knows_no_client_that_there_is_not(staff: Browser, db: None, page: str) -> None:
    assert staff.get(reverse(f"admin:segments_client_{page}", args=[99])).status_code == 404


def test_its_pages_say_for_whom_a_client_acts(staff: Browser, api: Callable[..., Any]) -> None:
    api("platform"), api("alice")
    listed = staff.get(reverse("admin:segments_client_changelist")).content.decode()

    assert re.findall(r'class="field-acts_for_names[^"]*">([^<]*)', listed) == ["Alice", "all owners"]
