"""What a definition selects, in plain words."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from segments.exceptions import gettext_noop
from segments.expressions import And, AnyOf, Expression, Nobody, Not, Parsed
from segments.labels import listing, plain_word

NOBODY = gettext_noop("nobody")
EVERYBODY = gettext_noop("everybody")
IS = gettext_noop("%(code)s is %(values)s")
AND_ALSO = gettext_noop("%(first)s, and %(second)s")
BUT_NOT = gettext_noop("%(first)s, but not %(second)s")
AND_NOT = gettext_noop("%(first)s, and not %(second)s")
IS_NOT = gettext_noop("not %(part)s")


def describe(meaning: Parsed | Expression, translate: Callable[[str], str] = str) -> str:
    """The selection in plain words, such as "gender is F or M, but not region is northeast"."""
    match meaning:
        case Parsed():
            # Older texts of its values are the same to people.
            clauses = tuple(replace(clause, also=()) if clause.also else clause for clause in meaning.clauses)
            return describe(Parsed(clauses).tree, translate)
        case AnyOf(code, values):
            return translate(IS) % {"code": plain_word(code), "values": listing(values, translate)}
        case And(parts):
            return _conjunction(parts, translate)
        case Not(part):
            return translate(IS_NOT) % {"part": _nested(part, translate)}
        case Nobody():
            return translate(NOBODY)


def _conjunction(parts: tuple[Expression, ...], translate: Callable[[str], str]) -> str:
    sentence = _nested(parts[0], translate) if parts else translate(EVERYBODY)
    for before, part in pairwise(parts):
        template = AND_ALSO if not isinstance(part, Not) else AND_NOT if isinstance(before, Not) else BUT_NOT
        second = _nested(part.part if isinstance(part, Not) else part, translate)
        sentence = translate(template) % {"first": sentence, "second": second}
    return sentence


def _nested(part: Expression, translate: Callable[[str], str]) -> str:
    text = describe(part, translate)
    return f"({text})" if isinstance(part, And) else text
