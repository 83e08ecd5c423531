"""What the catalogue has of the codes and values that some clauses name."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from django.db import connection

from segments.expressions import Known
from segments.models import AudienceAttribute, AudienceAttributeValue

SUGGESTED_FROM = 1000

Wanted = Mapping[str, Iterable[str]]
ATTRIBUTE, VALUE = AudienceAttribute._meta.db_table, AudienceAttributeValue._meta.db_table

# Attributes with those of the asked values that they have, and their aliases. Each value is looked for by itself, so
# that it is found by the index on their digests, which a small table would else be read through without.
EXCERPT = f"""
    WITH asked AS (
        SELECT code, array_agg(text) AS texts FROM unnest(%s::text[], %s::text[]) AS asked (code, text) GROUP BY code
    )
    SELECT attribute.code, owner_id, visibility, deprecated, ARRAY(
            SELECT found.value FROM unnest(texts) AS text CROSS JOIN LATERAL (
                SELECT value FROM {VALUE} AS value
                WHERE value.attribute_id = attribute.id AND md5(value.value) = md5(text) AND value.value = text LIMIT 1
            ) AS found
        ), coalesce(alias.older, '{{}}'), coalesce(alias.now, '{{}}')
    FROM asked JOIN {ATTRIBUTE} AS attribute USING (code) CROSS JOIN LATERAL (
        SELECT array_agg(older.value ORDER BY older.id) AS older, array_agg(now.value ORDER BY older.id) AS now
        FROM {VALUE} AS older JOIN {VALUE} AS now ON now.id = older.alias_of_id
        WHERE older.attribute_id = attribute.id AND older.alias_of_id IS NOT NULL
    ) AS alias"""


@dataclass(frozen=True)
class Entry:
    """What the catalogue has of an attribute, with those of the asked values that exist."""

    owner_id: uuid.UUID
    public: bool
    known: Known


@dataclass(frozen=True)
class Excerpt:
    """The part of the catalogue that some clauses ask for, read in one query for any number of them."""

    entries: Mapping[str, Entry]
    owners: dict[uuid.UUID, "Visible"] = field(default_factory=dict)

    def hides(self, code: str, owner_id: uuid.UUID) -> bool:
        """Whether there is such an attribute, but this owner may not use it."""
        return code in self.entries and self.visible_to(owner_id).get(code) is None

    def renamed(self, code: str, old: str, new: str) -> "Excerpt":
        """The same as it is once a value of this attribute is read as another, new or not."""
        entry = self.entries[code]
        values = {new if value == old else value for value in entry.known.values}
        older = entry.known.aliases.items()
        aliases = {alias: new if now == old else now for alias, now in older if alias != new} | {old: new}
        known = entry.known._replace(values=values, aliases=aliases)
        return Excerpt({**self.entries, code: replace(entry, known=known)})

    def visible_to(self, owner_id: uuid.UUID) -> "Visible":
        """The same as one owner's segments may use it."""
        return self.owners.setdefault(owner_id, Visible(owner_id, self.entries))


@dataclass(frozen=True)
class Visible:
    """An excerpt for one owner: others' private attributes look exactly like unknown ones."""

    owner_id: uuid.UUID
    entries: Mapping[str, Entry]

    def get(self, code: str) -> Known | None:
        """The attribute with this code, if the owner may use it."""
        entry = self.entries.get(code)
        return entry.known if entry and (entry.public or entry.owner_id == self.owner_id) else None

    def __iter__(self) -> Iterator[str]:
        """Codes to suggest for an unknown one; they are read only then."""
        return iter(self.codes)

    @cached_property
    def codes(self) -> list[str]:
        visible = AudienceAttribute.objects.visible_to(self.owner_id).order_by("no")
        return list(visible.values_list("code", flat=True)[:SUGGESTED_FROM])


def excerpt(wanted: Wanted) -> Excerpt:
    """What the catalogue knows of these codes and values, in one query."""
    asked = [(code, text) for code, texts in wanted.items() for text in (None, *texts)]
    with connection.cursor() as cursor:
        cursor.execute(EXCERPT, [[code for code, _text in asked], [text for _code, text in asked]])
        rows = cursor.fetchall()
    public = AudienceAttribute.Visibility.PUBLIC
    return Excerpt(
        {
            code: Entry(owner_id, visibility == public, known(found, deprecated, dict(zip(older, now, strict=True))))
            for code, owner_id, visibility, deprecated, found, older, now in rows
        }
    )


def known(found: Iterable[str], deprecated: bool, aliases: Mapping[str, str]) -> Known:
    """An attribute with the values that these texts of it mean."""
    return Known(frozenset(aliases.get(text, text) for text in found), deprecated, aliases)
