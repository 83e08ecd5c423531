"""What every list and page of the admin owes its readers: numbers that can be read, advice where nothing is, a way back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from segments.models import AudienceSegment, Client, Import, ImportReject, SegmentSize
from segments.tests.conftest import OWNERS, TESTS, Caller
from segments.tests.test_admin_forms import text

ADMIN = "/admin/segments"


@pytest.fixture
def many(people: Caller, draft: Callable[..., dict[str, Any]]) -> AudienceSegment:
    """A segment of Alice's, and 1,000 others."""
    body = draft(properties={"gender": ["F"]})
    first = AudienceSegment.objects.get(pk=people.post("/audiences/segments", body).json()["id"])
    AudienceSegment.objects.bulk_create(
        AudienceSegment(name=f"No. {n}", owner_id=OWNERS["alice"], management_type="selfmanaged") for n in range(1_000)
    )
    return first


def test_numbers_have_their_thousands_apart(staff: Browser, many: AudienceSegment) -> None:
    size = SegmentSize.objects.create(segment=many, size=1_461, revision=1, as_of=timezone.now())
    row = Import.objects.create(kind="audiences", file="a.csv")
    reject = ImportReject.objects.create(of_import=row, line=12_345, code="ragged", reason="Too short.")

    assert "1,001" in text(staff.get(f"{ADMIN}/owner/"))
    assert "1,001 segments" in text(staff.get(f"{ADMIN}/audiencesegment/"))
    for address in (f"{ADMIN}/segmentsize/", f"{ADMIN}/segmentsize/{size.pk}/change/"):
        page = text(staff.get(address))
        assert "1,461" in page
        assert "1461" not in page
    for address in (f"{ADMIN}/importreject/", f"{ADMIN}/importreject/{reject.pk}/change/"):
        page = text(staff.get(address))
        assert "12,345" in page
        assert "12345" not in page


def test_a_list_without_rows_says_what_to_do(staff: Browser, db: None) -> None:
    assert "There is nothing here yet. Begin with the button above." in text(staff.get(f"{ADMIN}/audiencesegment/"))
    assert "There is nothing here yet. Begin with the button above." in text(staff.get(f"{ADMIN}/import/"))
    looked = staff.get(f"{ADMIN}/audiencesegment/?q=zzz")
    assert "Nothing matches. Try other words or other filters." in text(looked)
    assert "Words are looked for in names of segments and owners, and in codes and names of attributes" in text(looked)
    assert 'name="action"' not in looked.content.decode()

    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewer"))
    browser = Browser()
    browser.force_login(viewer)
    assert "There is nothing here yet.</p>" in text(browser.get(f"{ADMIN}/audiencesegment/"))


@pytest.mark.parametrize("page", ["secret", "revoke"])
def test_what_is_asked_about_a_client_can_be_left(staff: Browser, page: str) -> None:
    client, _secret = Client.objects.register("partner", all_owners=True, actor=TESTS)
    asked = staff.get(reverse(f"admin:segments_client_{page}", args=[client.pk])).content.decode()

    address = reverse("admin:segments_client_change", args=[client.pk])
    assert f'<a class="closelink" href="{address}">No, take me back</a>' in asked


def test_a_deletion_says_how_many_go(staff: Browser, many: AudienceSegment) -> None:
    chosen = [str(key) for key in AudienceSegment.objects.values_list("pk", flat=True)[:3]]
    asked = staff.post(f"{ADMIN}/audiencesegment/", {"action": "delete_selected", "_selected_action": chosen})

    assert "<li>Segments: 3</li>" in text(asked)
