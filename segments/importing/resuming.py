"""Which import a command goes on with: the last one of its file, when it was cut off after all of it was staged."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from segments.exceptions import ImportRefused, gettext_noop
from segments.importing.receipt import APPLIED
from segments.importing.sources import Source
from segments.importing.staging import READ, STAGED, Staging
from segments.models import Import, ImportRange
from segments.store.database import execute, fetch_all

KEPT = timedelta(days=7)
CUT_OFF = (Import.State.PAUSED, Import.State.FAILED)
LEFT = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ %s"
CHANGED = gettext_noop(
    "%(file)s is not the file any more whose import was cut off after %(applied)s of %(rows)s rows. "
    "Put that file back to go on, or load this one from its beginning with --restart."
)
CHANGING = gettext_noop("%(file)s was changed while it was read; nothing was applied. Import it when it is complete.")


def digest_of(source: Source) -> str:
    """What tells one file from another; nothing for standard input, which cannot be read again."""
    if source.file is None:
        return ""
    digest = hashlib.file_digest(source.file, "sha256").hexdigest()  # type: ignore[arg-type]
    source.file.seek(0)
    return digest


def stamp_of(source: Source) -> tuple[int, int] | None:
    """What changes when somebody writes to the file."""
    if source.file is None:
        return None
    stat = os.fstat(source.file.fileno())
    return stat.st_mtime_ns, stat.st_size


def unfinished(row: Import, digest: str, *, restart: bool) -> Import | None:
    """The import to go on with; ImportRefused when another file of that name was applied in part."""
    if row.staged is not None:
        return row if row.digest == digest else None
    if restart or row.dry_run or not digest:
        return None
    before = commands(row).filter(state__in=CUT_OFF).exclude(staged=None).first() or moved(row, digest)
    if before is None:
        return None
    if (before.options, before.owner_id) != (row.options, row.owner_id):
        return None
    if before.digest == digest:
        return before
    if not before.ranges.exists():
        return None
    applied = before.created + before.updated + before.unchanged
    raise ImportRefused(CHANGED, file=row.file, applied=f"{applied:,}", rows=f"{before.staged:,}")


def commands(row: Import) -> QuerySet[Import]:
    """Other imports of this file by command, the last one first; what was sent goes on by itself."""
    same = Import.objects.filter(kind=row.kind, file=row.file, dry_run=False, upload="")
    return same.exclude(pk=row.pk)


def moved(row: Import, digest: str) -> Import | None:
    """One that was cut off of the same content, asked for in the same way under a name that is read in the same way."""
    others = Import.objects.filter(kind=row.kind, digest=digest, options=row.options, owner_id=row.owner_id)
    left = others.filter(dry_run=False, upload="", state__in=CUT_OFF).exclude(staged=None)
    return next((each for each in left if Path(each.file).suffixes == Path(row.file).suffixes), None)


def forget(upload: str) -> None:
    """Keep nothing of what stood in a file that was sent."""
    rows = Import.objects.filter(upload=upload)
    for row in rows:
        Staging(f"{STAGED}{row.pk}").drop()
        row.rejects.all().delete()
    rows.update(staged=None)


def clear(row: Import) -> None:
    """Remove what is staged, and the ledger, of imports that nobody will go on with: of the same file, and old ones."""
    if not row.dry_run and not row.upload:
        commands(row).update(staged=None)
    Import.objects.filter(finished_at__lt=timezone.now() - KEPT).exclude(staged=None).update(staged=None)
    ImportRange.objects.filter(of_import__staged=None).exclude(of_import=row.pk).delete()
    needed = {f"{STAGED}{pk}" for pk in Import.objects.exclude(staged=None).values_list("pk", flat=True)}
    for (table,) in fetch_all(LEFT, [f"^{STAGED}[0-9]+({READ})?$"]):
        if table not in needed:
            execute(f"DROP TABLE {table}")


def applied_by(row: Import) -> dict[str, Any]:
    """What the ledger of an import counts, by bucket."""
    return row.ranges.aggregate(**{name: Coalesce(Sum(name), 0) for name in APPLIED})


def settle(row: Import, staging: Staging) -> None:
    """After its file was staged anew, begin anew where that does not come to the rows that were applied already.

    What was rejected then may be right now, and the other way round, as the catalogue and the clock have gone on.
    """
    last = row.ranges.last()
    if last and staging.count_upto(last.upto) != sum(applied_by(row).values()):
        row.ranges.all().delete()
        row.created = row.updated = row.unchanged = row.suppressed = 0
