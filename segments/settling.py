"""Rewriting what still has an older text of a value, in parts; every answer is the same before and after it.

Nothing is kept of how far it has come: what is left is what still has such a text, so whoever is killed is followed
by somebody who begins again.
"""

import uuid
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from django.db import transaction

from segments import catalogue
from segments.expressions import AnyOf
from segments.labels import label_text, nfc
from segments.models import AudienceAttribute, AudienceSegment
from segments.models.changes import Actor
from segments.rewriting import SAME, rewrite
from segments.store import store
from segments.uses import segments_meaning

READ = 1000  # segments at a time
AUDIENCES = 1000  # in a transaction, under the lock that all writers wait for

Aliases = Mapping[str, str]


def settle(attribute_id: uuid.UUID, actor: Actor) -> None:
    """Rewrite all that has an older text of the attribute's values; nothing when it is gone."""
    attribute = AudienceAttribute.objects.filter(pk=attribute_id).first()
    if attribute is not None:
        reword_segments(attribute, actor)
        rewrite_audiences(attribute)


def reword_segments(attribute: AudienceAttribute, actor: Actor) -> None:
    """Give the clauses on the attribute the texts that its values have now; all else in them stays as it was sent."""
    aliases = attribute.aliases
    last = 0
    while aliases:
        rows = segments_meaning(attribute).filter(no__gt=last).order_by("no")[:READ]
        segments = list(rows.only("no", "properties", "exclusions"))
        if not segments:
            return
        last = segments[-1].no
        older = [segment.pk for segment in segments if reword(segment, attribute.code, aliases)]
        if older:
            reword_locked(older, attribute, actor)


def reword_locked(ids: list[uuid.UUID], attribute: AudienceAttribute, actor: Actor) -> None:
    """Reword these segments as they are by now."""
    with transaction.atomic():
        aliases = attribute.aliases
        rows = AudienceSegment.objects.filter(pk__in=ids).select_for_update().order_by("pk")
        rewrite([segment for segment in rows if reword(segment, attribute.code, aliases)], SAME, actor)


def reword(segment: AudienceSegment, code: str, aliases: Aliases) -> bool:
    """Replace older texts in the clauses on this code; whether there were any."""
    found = False
    for name in ("properties", "exclusions"):
        clauses = getattr(segment, name)
        changed = {key: reworded(clause, aliases) for key, clause in clauses.items() if nfc(key) == code}
        changed = {key: clause for key, clause in changed.items() if clause is not clauses[key]}
        if changed:
            setattr(segment, name, clauses | changed)
            found = True
    return found


def reworded(clause: Any, aliases: Aliases) -> Any:
    """The clause with the texts that its values have now, each once; the very same object without older ones."""
    if not isinstance(clause, list):
        return aliases.get(label_text(clause) or "", clause)
    texts = [label_text(label) for label in clause]
    if aliases.keys().isdisjoint(text for text in texts if text):
        return clause
    there = {text for text in texts if text not in aliases}
    kept = []
    for label, text in zip(clause, texts, strict=True):
        now = aliases.get(text or "")
        if now is None:
            kept.append(label)
        elif now not in there:
            there.add(now)
            kept.append(now)
    return kept


def unsettled(attribute: AudienceAttribute) -> int:
    """How many audiences have an older text of one of its values yet."""
    with store().snapshot() as view:
        aliases = sorted(attribute.aliases)
        return view.count(AnyOf(attribute.code, tuple(aliases))) if aliases else 0


def rewrite_audiences(attribute: AudienceAttribute, most: int | None = None) -> int:
    """Give the audiences the texts that the attribute's values have now; how many had an older one.

    With a number it ends after about so many of them.
    """
    rewritten = 0
    for count in chain.from_iterable(rewrite_text(attribute, alias) for alias in sorted(attribute.aliases)):
        rewritten += count
        if most is not None and rewritten >= most:
            break
    return rewritten


def rewrite_text(attribute: AudienceAttribute, alias: str) -> Iterator[int]:
    """Rewrite whoever has one older text, so many in a transaction; nobody can bring it any more."""
    with store().snapshot() as view:
        batches = view.batches(AnyOf(attribute.code, (alias,)), AUDIENCES)
    for batch in batches:
        with transaction.atomic():
            catalogue.hold_still()
            now = attribute.aliases.get(alias)
            if now is None:  # it was renamed back meanwhile
                return
            count = store().rename(batch, attribute.code, alias, now)
        yield count
