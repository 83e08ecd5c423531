"""An import in words: how it stands, how far it is, how long it took, what became of its lines."""

import re
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from segments.admin.forms import message
from segments.exceptions import Fault
from segments.importing.rejects import KEPT_ROWS
from segments.models import Import, ImportReject
from segments.templatetags.shown import grouped

State = Import.State
WIDEST = 1000
BUCKETS = {
    "created": gettext_lazy("created"),
    "updated": gettext_lazy("updated"),
    "unchanged": gettext_lazy("unchanged"),
    "duplicate": gettext_lazy("duplicate: a later line has the same id"),
    "suppressed": gettext_lazy("suppressed"),
    "rejected": gettext_lazy("rejected"),
}
PHASES = {
    "": gettext_lazy("A command is at it"),
    "reading": gettext_lazy("Reading and checking the lines"),
    "applying": gettext_lazy("Writing"),
    "sizing": gettext_lazy("Counting the sizes of segments"),
}
TRYING = gettext_lazy("Going through what it would write")
OPTIONS = {
    "max_errors": gettext_lazy("Most rejected lines"),
    "strict": gettext_lazy("Strict"),
    "take_over": gettext_lazy("Take over"),
    "known_owners": gettext_lazy("No new owners"),
    "delimiter": gettext_lazy("Between the cells"),
    "id_column": gettext_lazy("Column of ids"),
    "separator": gettext_lazy("Between values in a cell"),
    "mode": gettext_lazy("Attributes without a column"),
    "map": gettext_lazy("Columns under other codes"),
    "skip": gettext_lazy("Columns to leave out"),
}


OPTION = re.compile(f"--({'|'.join(OPTIONS).replace('_', '-')})(?![a-z-])")


@dataclass(frozen=True)
class Bucket:
    """How many lines ended so; `at` and `wide` are its place in a bar."""

    name: str
    told: Any
    count: int
    at: int
    wide: int


def summary(row: Import) -> str:
    """How it stands, in a sentence or two."""
    if row.dry_run:
        words = {
            State.QUEUED: _("Waits to be tried."),
            State.RUNNING: _("Is being tried; nothing of it stays."),
            State.DONE: _("Tried: nothing was written. This is what importing it would do now."),
            State.REFUSED: _("Tried: it would be refused, and nothing written."),
            State.STOPPED: _("The try was stopped; nothing was written."),
        }
        return words.get(State(row.state)) or _("The try broke off; nothing was written.")
    words = {
        State.QUEUED: _("Waits to be imported."),
        State.RUNNING: _("Is being imported."),
        State.DONE: _("Imported."),
        State.REFUSED: " ".join([_("Refused."), applied(row)]),
        State.STOPPED: " ".join([_("Stopped."), applied(row)]),
        State.PAUSED: " ".join([_("Stopped in the middle."), applied(row)]),
        State.FAILED: " ".join([_("Broke off."), applied(row)]),
    }
    return words[State(row.state)]


def applied(row: Import) -> str:
    """What an import that did not come to its end has written."""
    count = row.created + row.updated
    if not count:
        return _("Nothing was written by then.")
    return ngettext("%s object was written by then.", "%s objects were written by then.", count) % grouped(count)


def waits_for(row: Import) -> str:
    """Whose import is at work, or how many wait before this one, as long as it waits."""
    other = Import.objects.filter(state=State.RUNNING).exclude(pk=row.pk).first()
    if other is not None:
        since = date_format(timezone.localtime(other.started_at), "DATETIME_FORMAT")
        told = _("One import is at work at a time, and now it is %(file)s, since %(since)s, by %(actor)s.")
        return told % {"file": other.file, "since": since, "actor": other.actor}
    before = Import.objects.filter(state=State.QUEUED, pk__lt=row.pk).count()
    if before:
        return ngettext("%s file is before it.", "%s files are before it.", before) % grouped(before)
    return ""


def took(row: Import) -> str:
    """How many seconds it took, or has taken; nothing while it waits."""
    if row.state == State.QUEUED:
        return ""
    return _("%s s") % grouped_seconds(row.took.total_seconds())


def grouped_seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 10 else grouped(round(seconds))


@dataclass(frozen=True)
class Standing:
    """How far an import is in its phase; shares are out of 100, or None where there is no telling."""

    phase: Any
    share: int | None
    told: str


def standing(row: Import) -> Standing:
    """How far it is now."""
    progress = row.progress or {}  # commands keep theirs to themselves
    phase, rows = progress.get("phase", ""), progress.get("rows") or row.created + row.updated + row.unchanged
    done, total, seconds = progress.get("done"), progress.get("total"), progress.get("seconds") or 0
    words = [_("%s rows") % grouped(rows)] if rows else []
    if rows and seconds:
        words.append(_("%s rows/s") % grouped(round(rows / seconds)))
    share = None
    if total and done is not None:
        share = min(100, round(100 * done / total))
        if done and seconds:
            words.append(left(seconds * (total - done) / done))
    if row.rejected:
        words.append(_("%s lines rejected") % grouped(row.rejected))
    if not phase and row.upload:
        phase = "reading"  # it has just been taken
    name = TRYING if row.dry_run and phase == "applying" else PHASES[phase]
    return Standing(name, share, " · ".join([*words, took(row)]))


def left(seconds: float) -> str:
    if seconds < 90:
        return _("about %s s left") % round(max(seconds, 1))
    minutes = round(seconds / 60)
    return ngettext("about %s minute left", "about %s minutes left", minutes) % grouped(minutes)


def receipt(row: Import) -> list[Bucket]:
    """The buckets side by side; one that is not empty can be seen."""
    buckets, at = [], 0
    total = max(row.lines, 1)
    for name, told in BUCKETS.items():
        count = getattr(row, name)
        wide = max(round(WIDEST * count / total), 4 if count else 0)
        buckets.append(Bucket(name, told, count, at, wide))
        at += wide
    return buckets


def width(buckets: list[Bucket]) -> int:
    """Of the whole bar; where lines are not accounted for yet it is longer than its parts."""
    return max(sum(bucket.wide for bucket in buckets), WIDEST)


@dataclass(frozen=True)
class Reason:
    """Why so many lines were rejected, and the first of them as it was told."""

    code: str
    count: int
    example: str


def reasons(row: Import) -> list[Reason]:
    """The commonest first."""
    first: dict[str, str] = {}
    for reject in ImportReject.objects.filter(of_import=row)[:KEPT_ROWS]:
        first.setdefault(reject.code, told(row, reason_of(reject)))
    counted = sorted(row.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Reason(code, count, first.get(code, "")) for code, count in counted]


def options(row: Import) -> list[tuple[Any, str]]:
    """What was asked, apart from the owner: each option by its name in the form."""
    return [(OPTIONS.get(name, name), shown(value)) for name, value in row.options.items() if name != "owner"]


def told(row: Import, text: str) -> str:
    """What is said of an import: of a file that was sent, in the words of the form by which staff send one."""
    return in_words_of_the_form(text) if row.upload else text


def reason_of(reject: ImportReject) -> str:
    """Why a line was rejected, in the reader's language; of older imports in that of who ran them."""
    if not reject.message:
        return reject.reason
    return message(Fault("", reject.code, reject.message, reject.params or {}))


def in_words_of_the_form(text: str) -> str:
    """What is said of a command's option, said of the field of the form."""
    return OPTION.sub(lambda found: f"“{OPTIONS[found[1].replace('-', '_')]}”", text)


def shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _("yes") if value is True else str(value)
