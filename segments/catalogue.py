"""Attributes and values: adding and changing them, and learning what audiences bring."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from segments.conflicts import AttributeInUse, CodeTaken
from segments.exceptions import AttributeMissing, Fault, Invalid, gettext_noop
from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment, Change, Client, Owner
from segments.models.changes import Actor
from segments.models.sequences import numbered
from segments.store import UpsertCounts
from segments.uses import uses_of

LEARNING = 0xA2CA7  # the key of the advisory lock that learners share and deletions hold alone
CODE_NEVER_CHANGES = gettext_noop("The code stays '%(code)s'. Add another attribute for another code.")
REVISED = ("name", "owner_id", "visibility", "deprecated", "description")

Wanted = Mapping[str, Iterable[str]]
Aliases = Mapping[tuple[str, str], str]


def create(drafts: list[dict[str, Any]], actor: Actor) -> list[AudienceAttribute]:
    """Register attributes by the fields of `contract.ATTRIBUTE`, all or none; CodeTaken names those that exist."""
    codes = [draft["code"] for draft in drafts]
    if taken := codes_to_ids(codes):
        raise CodeTaken(sorted(taken))
    now = timezone.now()
    attributes = [AudienceAttribute(**{"created_at": now, "updated_at": now, **given(draft)}) for draft in drafts]
    try:
        with transaction.atomic():
            # Numbers follow the order given, so two who bring the same codes would wait for each other in a ring.
            wait_for_learners()
            Owner.objects.register({attribute.owner_id for attribute in attributes})
            AudienceAttribute.objects.bulk_create(attributes)
            Change.objects.record(actor, [created(attribute) for attribute in attributes])
    except IntegrityError:
        raise CodeTaken(sorted(codes_to_ids(codes)) or codes) from None
    for attribute in attributes:
        attribute.value_count = 0  # type: ignore[attr-defined]
    return attributes


def upsert(drafts: Sequence[Mapping[str, Any]], actor: Actor, *, take_over: bool = False) -> UpsertCounts:
    """Create attributes or change those that have these codes, all or none, each code once.

    A new one keeps its id, its dates and, when it is free, its `no`; of one that is here these stay, and the
    other fields that were sent replace its own. CodeTaken when another owner has one, unless that is to be taken over.
    """
    rows = AudienceAttribute.objects.filter(code__in=[draft["code"] for draft in drafts])
    with transaction.atomic():
        # Before anything else, as all do who create attributes: a learner would wait for a number, and be waited for.
        wait_for_learners()
        Owner.objects.register({draft["owner_id"] for draft in drafts})
        known = set(rows.values_list("code", flat=True))
        lacking = [draft for draft in drafts if draft["code"] not in known]
        new = numbered(AudienceAttribute, "attribute_no", lacking)
        stored = {attribute.code: attribute for attribute in rows.select_for_update().order_by("code")}
        asked = {draft["code"]: draft["owner_id"] for draft in drafts}
        taken = [code for code, attribute in stored.items() if is_taken(attribute, asked[code])]
        if taken and not take_over:
            raise CodeTaken(taken)
        create(new, actor)
        touched = revise([(stored[draft["code"]], draft) for draft in drafts if draft["code"] in stored], actor)
    return UpsertCounts(len(new), touched, len(drafts) - len(new) - touched)


def is_taken(attribute: AudienceAttribute, owner_id: uuid.UUID) -> bool:
    """Whether it is another owner's; what the installation itself has was learned, and is anybody's to define."""
    return attribute.owner_id not in (owner_id, Owner.INSTALLATION_ID)


def revise(pairs: Sequence[tuple[AudienceAttribute, Mapping[str, Any]]], actor: Actor) -> int:
    """Give locked attributes the fields that were sent; how many of them that changes."""
    changes: dict[AudienceAttribute, Change] = {}
    for attribute, draft in pairs:
        before = described(attribute)
        for name in REVISED:
            setattr(attribute, name, draft.get(name, getattr(attribute, name)))
        after = described(attribute)
        if after != before:
            attribute.updated_at = max(timezone.now(), attribute.created_at)
            changes[attribute] = changed(attribute, before, after)
    AudienceAttribute.objects.bulk_create(
        changes, update_conflicts=True, unique_fields=["id"], update_fields=[*REVISED, "updated_at"]
    )
    Change.objects.record(actor, list(changes.values()))
    return len(changes)


def change(attribute_id: uuid.UUID, values: Mapping[str, Any], actor: Actor) -> AudienceAttribute:
    """Change the fields that were given and no others; AttributeMissing when it is gone, Invalid for another code.

    Whoever may not use it any more has segments that select nobody from now on, as with an unknown code.
    """
    with transaction.atomic():
        # Owners come before rows for every writer, so that no two wait for each other.
        Owner.objects.register({values["owner_id"]} if "owner_id" in values else set())
        attribute = locked(attribute_id)
        before = described(attribute)
        if values.get("code", attribute.code) != attribute.code:
            raise Invalid([Fault("/code", "code_never_changes", CODE_NEVER_CHANGES, {"code": attribute.code})])
        for name in before.keys() & values.keys():
            setattr(attribute, name, values[name])
        after = described(attribute)
        if after != before:
            attribute.updated_at = max(timezone.now(), attribute.created_at)
            attribute.save()
            Change.objects.record(actor, [changed(attribute, before, after)])
        if hides(before, after):
            AudienceSegment.objects.naming(attribute.code).exclude(owner=attribute.owner_id).record_empty()
    return attribute


def hides(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a change takes the attribute away from owners who could use it."""
    is_private = after["visibility"] == AudienceAttribute.Visibility.PRIVATE
    return is_private and (before["visibility"], before["owner_id"]) != (after["visibility"], after["owner_id"])


def delete(attribute_id: uuid.UUID, actor: Actor) -> None:
    """Remove an attribute with its values; AttributeMissing when it is gone, AttributeInUse when it is used."""
    with transaction.atomic():
        wait_for_learners()
        attribute = locked(attribute_id)
        if uses := uses_of(attribute):
            raise AttributeInUse(code=attribute.code, segments=uses.segments, audiences=uses.audiences)
        gone = Change(action=Change.Action.DELETED, before=described(attribute), **named(attribute))
        Change.objects.record(actor, [gone])
        attribute.delete()


def mark_retired(attribute: AudienceAttribute, segments: int, actor: Actor) -> None:
    """Deprecate a locked attribute that was retired from so many segments, and say so in the audit trail."""
    before = {"deprecated": attribute.deprecated}
    after = {"deprecated": True, "segments": segments}
    attribute.deprecated = True
    attribute.updated_at = max(timezone.now(), attribute.created_at)
    attribute.save()
    Change.objects.record(actor, [Change(action=Change.Action.RETIRED, before=before, after=after, **named(attribute))])


def record_renaming(attribute: AudienceAttribute, old: str, new: str, *, merges: bool, actor: Actor) -> None:
    """Say in the audit trail that a value is read as another: it changes what the attribute's clauses mean."""
    action = Change.Action.MERGED if merges else Change.Action.RENAMED
    change = Change(action=action, before={"value": old}, after={"value": new}, **named(attribute))
    Change.objects.record(actor, [change])


def found(attribute_id: uuid.UUID) -> AudienceAttribute:
    """The attribute; AttributeMissing when there is none."""
    attribute = AudienceAttribute.objects.filter(pk=attribute_id).first()
    if attribute is None:
        raise AttributeMissing
    return attribute


def locked(attribute_id: uuid.UUID) -> AudienceAttribute:
    """The attribute, which nobody else changes until the transaction ends; values may still come to it."""
    attribute = AudienceAttribute.objects.select_for_update(no_key=True).filter(pk=attribute_id).first()
    if attribute is None:
        raise AttributeMissing
    return attribute


def given(draft: Mapping[str, Any]) -> dict[str, Any]:
    """The draft without dates that were sent as null: those are made here."""
    return {
        name: value for name, value in draft.items() if value is not None or name not in {"created_at", "updated_at"}
    }


def created(attribute: AudienceAttribute) -> Change:
    return Change(action=Change.Action.CREATED, after=described(attribute), **named(attribute))


def changed(attribute: AudienceAttribute, before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    names = [name for name in after if before[name] != after[name]]
    return Change(
        action=Change.Action.CHANGED,
        before={name: before[name] for name in names},
        after={name: after[name] for name in names},
        **named(attribute),
    )


def named(attribute: AudienceAttribute) -> dict[str, str]:
    return {"kind": "attribute", "object_id": str(attribute.pk), "label": attribute.code}


def described(attribute: AudienceAttribute) -> dict[str, Any]:
    """The fields that can change, whose changes the audit trail keeps."""
    return {
        "code": attribute.code,
        "name": attribute.name,
        "owner_id": str(attribute.owner_id),
        "visibility": attribute.visibility,
        "deprecated": attribute.deprecated,
        "description": attribute.description,
    }


def learn(wanted: Wanted, pointers: Mapping[str, str], *, strict: bool = False, owner: Owner | None = None) -> Aliases:
    """Register the attributes and values that audiences bring and the catalogue lacks; answers `aliases_of` them.

    Call it in the audiences' transaction and before their store locks anything; texts are inserted in
    order, so that two writers who bring the same ones wait for each other and never in a ring. Nothing that
    the audiences bring is deleted or renamed until that transaction ends.
    Strict refuses unknown attributes (Invalid, at `pointers[code]`); values are learned either way.
    """
    hold_still()
    attributes = by_code(wanted)
    unknown = sorted(set(wanted) - set(attributes))
    if unknown and strict:
        raise Invalid([unknown_attribute(code, pointers[code]) for code in unknown])
    if unknown:
        learn_attributes(unknown, owner or Owner.objects.installation())
        attributes |= by_code(unknown)
    aliases = aliases_of(attributes.values())
    brought = {(code, text) for code, texts in wanted.items() for text in texts}
    learn_values({(attributes[code].pk, text) for code, text in brought - aliases.keys()})
    return aliases


def by_code(codes: Iterable[str]) -> dict[str, AudienceAttribute]:
    """The attributes with these codes, each with its aliases."""
    return {each.code: each for each in AudienceAttribute.objects.with_aliases().filter(code__in=list(codes))}


def aliases_of(attributes: Iterable[AudienceAttribute]) -> Aliases:
    """The texts of these attributes that were renamed or merged, by code, each with the one that it is read as now.

    Whoever stores audiences replaces the first by the second, whatever way they come: an older text that was stored
    would be found all the same, but stand there for good. They hold from `hold_still()` to the transaction's end.
    """
    return {(each.code, alias): text for each in attributes for alias, text in each.aliases.items()}


def hold_still() -> None:
    """Let nobody rename, merge or delete values until this transaction ends; others may do the same beside."""
    advisory_lock("pg_advisory_xact_lock_shared")


def wait_for_learners() -> None:
    """Wait until all audiences that bring something are stored; from here to the transaction's end none is."""
    advisory_lock("pg_advisory_xact_lock")


def advisory_lock(function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [LEARNING])


def codes_to_ids(codes: Iterable[str]) -> dict[str, uuid.UUID]:
    return dict(AudienceAttribute.objects.filter(code__in=list(codes)).values_list("code", "pk"))


def unknown_attribute(code: str, pointer: str) -> Fault:
    message = gettext_noop("No attribute has the code '%(code)s'. Add it with POST /audiences/attributes.")
    return Fault(pointer, "unknown_attribute", message, {"code": code})


def learn_attributes(codes: Iterable[str], owner: Owner) -> None:
    """Register these codes as learned, public attributes."""
    learned = [AudienceAttribute(code=code, name=code, owner=owner, learned=True) for code in codes]
    AudienceAttribute.objects.bulk_create(learned, ignore_conflicts=True)


def learn_values(wanted: set[tuple[uuid.UUID, str]]) -> None:
    """Register the values among these that do not exist."""
    rows = AudienceAttributeValue.objects.filter(attribute__in={pk for pk, _text in wanted})
    known = set(rows.with_texts({text for _pk, text in wanted}).values_list("attribute_id", "value"))
    missing = [AudienceAttributeValue(attribute_id=pk, value=text) for pk, text in sorted(wanted - known)]
    AudienceAttributeValue.objects.bulk_create(missing, batch_size=5000, ignore_conflicts=True)


def seen_by(client: Client) -> Any:
    """The attributes that a client may see: public ones and those of its owners."""
    everything = AudienceAttribute.objects.with_value_count()
    if client.all_owners:
        return everything
    public = AudienceAttribute.objects.filter(visibility=AudienceAttribute.Visibility.PUBLIC)
    own = AudienceAttribute.objects.filter(owner__clients=client)
    return everything.filter(pk__in=(public | own).values("pk"))
