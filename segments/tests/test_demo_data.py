"""The demo account: believable, exact, made once, and never among anybody's rows."""

import json
import uuid
from collections import Counter

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from segments.demo import account, credentials
from segments.demo.catalogue import ATTRIBUTES, OWNER_ID
from segments.demo.people import audiences
from segments.expressions import evaluate
from segments.matching import clauses_of, compile_all
from segments.models import Audience, AudienceAttribute, AudienceAttributeValue, AudienceSegment, Client, Owner
from segments.store import store

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(db):
    assert account.ensure(foreign=False) == (True, "6 segments, 10,000 audiences")


def counts() -> tuple[int, ...]:
    models = (Owner, AudienceAttribute, AudienceAttributeValue, Audience, AudienceSegment)
    return tuple(model.objects.count() for model in models)


def test_it_is_an_owner_with_twenty_attributes_ten_thousand_audiences_and_six_segments(made):
    assert counts() == (1, 20, sum(len(attribute.labels) for attribute in ATTRIBUTES), 10_000, 6)
    assert Owner.objects.get().pk == OWNER_ID
    assert not AudienceAttribute.objects.filter(learned=True).exists()
    assert not AudienceAttributeValue.objects.filter(name="").exists()
    assert Audience.objects.order_by("pk").first().pk == "acct-000001"
    assert store().check() == []


def test_its_sizes_are_a_plain_count(made):
    profiles = [properties for _key, properties in audiences(account.AUDIENCES)]
    segments = list(AudienceSegment.objects.order_by("no"))
    for segment, parsed in zip(segments, compile_all([clauses_of(segment) for segment in segments]), strict=True):
        members = sum(evaluate(parsed.tree, properties) for properties in profiles)
        if segment.properties:
            assert segment.approximated_size == segment.computed_size == members
            assert 100 < members < 2_000, segment.name
        else:
            assert (segment.approximated_size, segment.size_source, members) == (4820, "declared", 0)


def test_its_segments_show_each_kind(made):
    segments = list(AudienceSegment.objects.order_by("no"))
    warned = [one.warnings for one in compile_all([clauses_of(segment) for segment in segments])]

    assert [segment.management_type for segment in segments].count("selfmanaged") == 1
    assert sum(bool(segment.exclusions) for segment in segments) == 1
    assert [fault.code for faults in warned for fault in faults] == ["unknown_value", "no_properties"]


def test_its_people_are_skewed_and_correlated():
    people = [properties for _key, properties in audiences(5_000)]
    assert people == [properties for _key, properties in audiences(5_000)]

    def share(code: str, value: str, **having: str) -> float:
        group = [one for one in people if all(wanted in one.get(key, []) for key, wanted in having.items())]
        return sum(value in one.get(code, []) for one in group) / len(group)

    tiers = Counter(one["loyalty_tier"][0] for one in people)
    assert tiers["bronze"] > tiers["silver"] > tiers["gold"] > tiers["platinum"] > 0
    assert share("favourite_category", "beauty", gender="F") > 3 * share("favourite_category", "beauty", gender="M")
    assert share("app_user", "yes", age_band="18-24") > 2 * share("app_user", "yes", age_band="65+")
    assert share("favourite_category", "pets", pet_owner="dog") > 0.5
    assert all("app" not in one["channel"] for one in people if one["app_user"] == ["no"])
    assert 0.02 < sum("gender" not in one for one in people) / len(people) < 0.1


def test_it_is_made_once(made):
    before = counts()

    assert account.ensure(foreign=False) == (False, "there already")
    assert counts() == before


def test_it_keeps_away_from_rows_of_others(db):
    Owner.objects.create(pk=uuid.uuid4(), name="Somebody")

    for foreign in (True, False):
        assert account.ensure(foreign=foreign) == (False, "left out: this database has rows already")
    assert counts() == (1, 0, 0, 0, 0)


def test_it_keeps_away_from_a_foreign_database_with_a_user(db):
    User.objects.create_user("somebody")

    assert account.ensure(foreign=True)[0] is False
    assert counts() == (0, 0, 0, 0, 0)


def test_it_is_made_as_a_whole_or_not_at_all(db, monkeypatch):
    monkeypatch.setattr(account, "SEGMENTS", ({"name": "has no owner"},))
    with pytest.raises(Exception, match="owner"):
        account.ensure(foreign=False)

    assert counts() == (0, 0, 0, 0, 0)


def test_its_credentials_are_kept_for_its_user_alone(db, tmp_path):
    path = tmp_path / "credentials"
    who = credentials.ensure(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["password"] == who.password
    assert len(who.password) >= 20
    assert authenticate(username="staff", password=who.password).is_superuser
    client = Client.objects.get(name="demo")
    assert (client.client_id, client.all_owners) == (who.client_id, True)
    assert credentials.ensure(path) == credentials.known(path) == who


def test_it_has_a_login_for_every_role(db, tmp_path):
    who = credentials.ensure(tmp_path / "credentials")

    for username, role in credentials.IN_ROLES.items():
        user = authenticate(username=username, password=who.password)
        assert (user.is_staff, user.is_superuser, [group.name for group in user.groups.all()]) == (True, False, [role])


@pytest.mark.parametrize("harm", ["user deleted", "password changed", "client deleted", "file lost", "file damaged"])
def test_its_credentials_are_put_right(db, tmp_path, harm):
    path = tmp_path / "credentials"
    before = credentials.ensure(path)
    user = User.objects.get(username="staff")
    if harm == "user deleted":
        user.delete()
    elif harm == "password changed":
        user.set_password("correct horse battery staple")
        user.save()
    elif harm == "client deleted":
        Client.objects.all().delete()
    elif harm == "file lost":
        path.unlink()
    else:
        path.write_text("{")
    shown = credentials.known(path)
    assert shown.password == ("" if harm != "client deleted" else before.password)
    assert shown.client == ("" if harm == "client deleted" else "demo")
    after = credentials.ensure(path)

    assert authenticate(username="staff", password=after.password)
    assert credentials.known(path) == credentials.Credentials.read(path) == after
    if harm in {"user deleted", "password changed"}:
        assert after == before
