"""The demo account in the database: made as a whole, once, and never among anybody's rows."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from segments import audiences, catalogue, definitions
from segments.definitions import Draft
from segments.demo.catalogue import ATTRIBUTES, OWNER_ID, OWNER_NAME
from segments.demo.people import audiences as people
from segments.models import Audience, AudienceAttribute, AudienceAttributeValue, AudienceSegment, Client, Owner
from segments.models.changes import Actor
from segments.store import ProfileChange

AUDIENCES = 10_000
SYSTEM = {"management_type": "systemmanaged", "owner_id": OWNER_ID}
SEGMENTS: tuple[dict[str, Any], ...] = (
    {
        **SYSTEM,
        "name": "Women of 25 to 44 in the capital area",
        "description": "The autumn fashion campaign.",
        "properties": {"gender": ["F"], "age_band": ["25-34", "35-44"], "region": ["capital"]},
    },
    {
        **SYSTEM,
        "name": "Gold and platinum, not seen for a month",
        "description": "A voucher brings them back.",
        "properties": {"loyalty_tier": ["gold", "platinum"], "last_purchase": ["quarter", "year", "older"]},
    },
    {
        **SYSTEM,
        "name": "App users with pets, without newsletter readers",
        "description": "A push message; who reads the newsletter has it from there.",
        "properties": {"app_user": ["yes"], "pet_owner": ["dog", "cat"]},
        "exclusions": {"newsletter": ["yes"]},
    },
    {
        **SYSTEM,
        "name": "Families with large baskets who like Haneul or Tori",
        "properties": {"household": ["family"], "basket_size": ["large"], "brand_affinity": ["haneul", "tori"]},
    },
    {
        **SYSTEM,
        "name": "Buys electronics by web shop, app or kiosk",
        "description": "No audience came by kiosk yet: see the warning.",
        "properties": {"favourite_category": ["electronics"], "channel": ["web", "app", "kiosk"]},
    },
    {
        "management_type": "selfmanaged",
        "owner_id": OWNER_ID,
        "name": "Members of the cookery club",
        "description": "Kept by the club itself, which says how many there are.",
        "approximated_size": 4820,
    },
)
COMPUTED = {
    "management_type": "systemmanaged",
    "name": "Women of 25 to 44 in Seoul",
    "owner_id": str(OWNER_ID),
    "properties": {"gender": ["F"], "age_band": ["25-34", "35-44"], "city": ["seoul"]},
}
"""The body of a request whose segment this account gives a size."""


def is_there() -> bool:
    return AudienceAttribute.objects.filter(owner=OWNER_ID).exists()


def has_rows(*, foreign: bool) -> bool:
    """Whether there is anything that somebody put there; in a foreign database accounts count too."""
    rows: list[Any] = [Owner, AudienceSegment, Audience, *([AudienceAttribute, Client, User] if foreign else [])]
    return any(model._default_manager.exists() for model in rows)


def ensure(*, foreign: bool) -> tuple[bool, str]:
    """Make the account where there is room for it; whether it was made, and what became of it in words."""
    if is_there():
        return False, _("there already")
    if has_rows(foreign=foreign):
        return False, _("left out: this database has rows already")
    make(Actor(command="run"))
    return True, _("%(segments)d segments, %(audiences)s audiences") % {
        "segments": len(SEGMENTS),
        "audiences": f"{AUDIENCES:,}",
    }


def make(actor: Actor) -> None:
    """The owner, its attributes with labelled values, its audiences and its segments: all or none."""
    with transaction.atomic():
        owner = Owner.objects.create(pk=OWNER_ID, name=OWNER_NAME)
        label(catalogue.create([attribute.fields for attribute in ATTRIBUTES], actor))
        changes = [ProfileChange(id=key, properties=properties) for key, properties in people(AUDIENCES)]
        audiences.upsert(changes, owner=owner)
        definitions.create([Draft(values) for values in SEGMENTS], actor)


def label(attributes: list[AudienceAttribute]) -> None:
    """Register the values with their labels, before audiences bring them without."""
    labels = {attribute.code: attribute.labels for attribute in ATTRIBUTES}
    AudienceAttributeValue.objects.bulk_create(
        AudienceAttributeValue(attribute=attribute, value=value, name=name)
        for attribute in attributes
        for value, name in labels[attribute.code].items()
    )
