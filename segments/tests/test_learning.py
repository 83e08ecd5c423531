"""Learning while others delete: what an audience has, the catalogue knows."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from segments import audiences, catalogue
from segments.conflicts import AttributeInUse
from segments.models import AudienceAttribute, AudienceAttributeValue, Owner
from segments.models.changes import Actor
from segments.store import ProfileChange
from segments.tests.threads import PATIENCE, on_its_own_connection, until_somebody_waits

ACTOR = Actor(command="test")
CAT = ProfileChange("ana", properties={"pet": ["cat"]})


@pytest.fixture
def pet(transactional_db):
    owner = Owner.objects.create(name="Alice")
    attribute = AudienceAttribute.objects.create(code="pet", name="Pet", owner=owner)
    AudienceAttributeValue.objects.create(attribute=attribute, value="cat")
    return attribute


def test_it_deletes_no_attribute_that_somebody_is_bringing(pet):
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            audiences.upsert([CAT])
            deleted = pool.submit(on_its_own_connection, catalogue.delete, pet.pk, ACTOR)
            until_somebody_waits()
        with pytest.raises(AttributeInUse):
            deleted.result(PATIENCE)

    assert AudienceAttribute.objects.get().values.get().value == "cat"


def test_it_learns_again_what_was_deleted_meanwhile(pet):
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            catalogue.delete(pet.pk, ACTOR)
            brought = pool.submit(on_its_own_connection, audiences.upsert, [CAT])
            until_somebody_waits()
        assert brought.result(PATIENCE).created == 1

    learned = AudienceAttribute.objects.get()
    assert (learned.code, learned.learned, learned.values.get().value) == ("pet", True, "cat")
