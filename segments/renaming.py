"""Renaming a value, or merging it into another: from one moment on, its old text is read as the value.

The old text becomes an alias, in one short transaction. Wherever it stands or comes in after that, in clauses, in
audiences, in the file of every night, it is the value; so all answers are right at once, and `settling` rewrites
what stands there at leisure.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from segments import catalogue, settling
from segments.conflicts import ChangedMeanwhile, RenameTaken, ValueRenamed
from segments.exceptions import Fault, Invalid, ValueMissing, gettext_noop
from segments.excerpts import excerpt
from segments.expressions import AnyOf, resolve
from segments.labels import quoted
from segments.matching import clauses_of, wanted_by
from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment
from segments.models.changes import Actor
from segments.previews import Meaning, Preview, counted
from segments.recounting import worker_runs
from segments.sizing import recount
from segments.store import store
from segments.uses import segments_meaning

AT_ONCE = 20_000  # audiences that are rewritten while the caller waits; where a worker runs, more are left to it
SAME = gettext_noop("%(value)s is the value itself. Send another one.")
NO_VALUE = gettext_noop("The attribute %(code)s has no value %(value)s. Add it first, or rename the other one.")


@dataclass(frozen=True)
class Asked:
    """What is asked for: that a value be called by another text or, when it `merges`, become one with that value."""

    attribute_id: uuid.UUID
    value: str
    into: str
    merges: bool

    @property
    def pointer(self) -> str:
        return "/into" if self.merges else "/to"


@dataclass(frozen=True)
class RenamePreview(Preview):
    """`audiences` have the value by an older text, `left` of them still when this is answered.

    `followers` are older texts of the value itself, which are read as the other one from then on, too.
    """

    asked: Asked
    audiences: int
    left: int
    followers: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """The values that a renaming is about; it is `done` when the first is an alias of the second already."""

    old: AudienceAttributeValue
    new: AudienceAttributeValue | None
    done: bool


def preview(asked: Asked) -> RenamePreview:
    """What it would do, to the segments that list either value; the refusals are those of `confirm`."""
    with store().snapshot() as view:
        attribute = catalogue.found(asked.attribute_id)
        pair = found(attribute, asked)
        aliases = texts_of(attribute, asked.value)
        followers = tuple(text for text in aliases if text != asked.into)
        older = {asked.value, *aliases, *(texts_of(attribute, asked.into) if pair.done else ())}
        meant = {asked.into, *older, *(texts_of(attribute, asked.into) if asked.merges else ())}

        def meanings(segments: Sequence[AudienceSegment]) -> Iterator[Meaning]:
            return meanings_of(segments, attribute.code, asked, meant)

        touched = tuple(counted(segments_meaning(attribute), meanings, view))
        audiences = view.count(AnyOf(attribute.code, tuple(sorted(older))))
        return RenamePreview(attribute, view.as_of, touched, asked, audiences, audiences, followers)


def found(attribute: AudienceAttribute, asked: Asked) -> Pair:
    """The two values; ValueMissing, ValueRenamed, RenameTaken or Invalid when there is nothing to be renamed so."""
    if asked.value == asked.into:
        raise Invalid([Fault(asked.pointer, "same_value", SAME, {"value": quoted(asked.into)})])
    rows = AudienceAttributeValue.objects.filter(attribute=attribute).select_related("alias_of")
    texts = {row.value: row for row in rows.with_texts({asked.value, asked.into})}
    old, new = texts.get(asked.value), texts.get(asked.into)
    if old is None:
        raise ValueMissing
    if old.alias_of is not None:
        if old.alias_of != new:
            raise ValueRenamed(code=attribute.code, value=quoted(old.value), now=quoted(old.alias_of.value))
        return Pair(old, new, done=True)
    if asked.merges and new is None:
        params = {"code": quoted(attribute.code), "value": quoted(asked.into)}
        raise Invalid([Fault(asked.pointer, "unknown_value", NO_VALUE, params)])
    if new is not None and new.alias_of is not None and (asked.merges or new.alias_of != old):
        raise ValueRenamed(code=attribute.code, value=quoted(new.value), now=quoted(new.alias_of.value))
    if new is not None and new.alias_of is None and not asked.merges:
        raise RenameTaken(code=attribute.code, value=quoted(new.value))
    return Pair(old, new, done=False)


def texts_of(attribute: AudienceAttribute, text: str) -> list[str]:
    """The older texts of a value, in order."""
    return sorted(alias for alias, now in attribute.aliases.items() if now == text)


def meanings_of(segments: Sequence[AudienceSegment], code: str, asked: Asked, meant: set[str]) -> Iterator[Meaning]:
    """What those of these segments that list one of the texts select before the renaming and after it."""
    parsed = [(segment, clauses_of(segment).parsed()) for segment in segments]
    touched = [(segment, one) for segment, one in parsed if not one.asked.get(code, set()).isdisjoint(meant)]
    wanted = wanted_by(one for _segment, one in touched)
    wanted[code] |= {asked.value, asked.into}
    before = excerpt(wanted)
    after = before.renamed(code, asked.value, asked.into)
    for segment, one in touched:
        now, then = (resolve(one, known.visible_to(segment.owner_id)).tree for known in (before, after))
        yield segment, now, then


def confirm(asked: Asked, actor: Actor, later: Callable[[uuid.UUID], None], seen: str = "") -> RenamePreview:
    """Do it; the preview of what was done, with how many audiences are left to be rewritten by a worker.

    `later` is called with the attribute in the transaction that does it, to have `settling.settle` called in any case.
    Asked again, it goes on with what is left. ChangedMeanwhile when the segments are others than in the preview whose
    stamp is `seen`.
    """
    counts = preview(asked)
    if seen and seen != counts.stamp:
        raise ChangedMeanwhile
    with transaction.atomic():
        switch(asked, actor)
        later(asked.attribute_id)
    settling.reword_segments(counts.attribute, actor)
    recount(AudienceSegment.objects.filter(pk__in=[touched.id for touched in counts.segments]))
    if counts.audiences > AT_ONCE and worker_runs():
        return counts
    settling.rewrite_audiences(counts.attribute, AT_ONCE)
    return replace(counts, left=min(settling.unsettled(counts.attribute), counts.audiences))


def switch(asked: Asked, actor: Actor) -> None:
    """Make the old text an alias, in the caller's transaction; what was brought before it is stored by then."""
    catalogue.wait_for_learners()
    attribute = catalogue.locked(asked.attribute_id)
    pair = found(attribute, asked)
    if pair.done:
        return
    if asked.merges and pair.new is not None:
        pair.old.aliases.update(alias_of=pair.new)
        pair.old.alias_of = pair.new
        pair.old.save()
    else:
        if pair.new is not None:
            pair.new.delete()
        pair.old.value = asked.into
        pair.old.save()
        AudienceAttributeValue.objects.create(attribute=attribute, value=asked.value, alias_of=pair.old)
    catalogue.record_renaming(attribute, asked.value, asked.into, merges=asked.merges, actor=actor)
