"""An import from its first byte to its receipt."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext as _

from segments.exceptions import ImportRefused, SegmentsError, gettext_noop
from segments.importing.alone import alone
from segments.importing.kinds import Kind
from segments.importing.options import Options
from segments.importing.pace import Pace
from segments.importing.progress import HandedBack, Progress, Silence
from segments.importing.reading import Batch, Rows
from segments.importing.receipt import APPLIED, Receipt
from segments.importing.rejects import Rejects, printable
from segments.importing.resuming import CHANGING, applied_by, clear, digest_of, settle, stamp_of, unfinished
from segments.importing.sources import Source, opened
from segments.importing.staging import STAGED, Staging
from segments.models import Import, ImportReject
from segments.models.changes import Actor

TOO_MANY = gettext_noop(
    "%(rejected)d of %(lines)d lines were rejected, and --max-errors allows %(most)s; nothing was applied. "
    "Mend them, or allow more."
)


class ImportRun:
    """One import; `row` is what is kept of it, and never says less than what was written.

    One that `waits` begins when another one that is at work has ended, where it would be refused otherwise; what it
    has for that is called again and again meanwhile.
    """

    waits: Callable[[], None] | None = None

    def __init__(
        self,
        kind: Callable[[Options, Actor], Kind],
        name: str,
        options: Options,
        actor: Actor,
        progress: Progress | None = None,
    ) -> None:
        self.kind = kind(options, actor)
        self.name = name
        self.options = options
        self.progress = progress or Silence()
        self.receipt = Receipt()
        self.said: list[str] = []
        self.row = Import(
            kind=self.kind.name,
            file=printable(name),
            owner_id=options.owner_id,
            options=options.given,
            dry_run=options.dry_run,
            actor=str(actor),
        )

    def run(self) -> Receipt:
        """Do all of it, or go on with it; ImportRefused before anything is applied, or not at all."""
        if self.row.pk is None:
            self.row.save()
        with self.recorded(), alone(self.row, waits=self.waits), self.kept():
            with opened(self.name) as source:
                staging = self.staged(source)
            self.apply(staging)
            if not self.options.dry_run:
                self.progress.begin("sizing", None)
                self.kind.finish()
        return self.receipt

    def staged(self, source: Source) -> Staging:
        """What waits to be applied: what is left of an import that was cut off, or else all of the file."""
        stamp = stamp_of(source)
        digest = digest_of(source)
        if before := unfinished(self.row, digest, restart=self.options.restart):
            self.go_on_with(before)
        clear(self.row)
        staging = self.staging()
        if self.row.staged is not None and staging.is_whole(self.row.staged):
            self.kind.options = replace(self.options, strict=False)  # that was judged
            Rows(self.kind, source).open()
            self.receipt = Receipt.of(self.row)
            return staging
        self.receipt = Receipt(**applied_by(self.row))
        staging.create()
        self.read(source, staging)
        self.judge(staging)
        if stamp != stamp_of(source):
            raise ImportRefused(CHANGING, file=self.name)
        self.complete(staging, digest)
        return staging

    def go_on_with(self, before: Import) -> None:
        """Have the account of this run kept in the row of the import that was cut off."""
        if before.pk != self.row.pk:
            self.row.delete()
            self.row = before
            self.row.begin_again(Import.State.RUNNING)
            self.row.save()
        applied = Receipt.of(self.row).applied
        self.said.append(_("Going on with what was cut off after %(applied)s rows.") % {"applied": f"{applied:,}"})

    def complete(self, staging: Staging, digest: str) -> None:
        """Remember that all of the file is staged, so that the import can be gone on with."""
        with transaction.atomic():
            staging.complete(self.kind.already(staging.rows))
            settle(self.row, staging)
            for name in APPLIED:
                setattr(self.receipt, name, getattr(self.row, name))
            if digest and not self.options.dry_run:
                self.row.digest, self.row.staged = digest, staging.rows
            self.row.save(update_fields=["digest", "staged", *APPLIED])

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is staged goes when the import ends; it stays where that was cut off and can be gone on with.

        Rows that cannot be written, as others have written what they do not fit any more, have to be judged anew.
        That it is done is said in the very moment in which it cannot be gone on with any more.
        """
        try:
            yield
        except SegmentsError:
            self.row.staged = None
            self.row.save(update_fields=["staged"])
            self.drop()
            raise
        except BaseException:
            if self.row.staged is None:
                self.drop()
            raise
        with transaction.atomic():
            self.row.staged = None
            self.row.save(update_fields=["staged"])
            self.row.end(Import.State.DONE)
        self.drop()

    def staging(self) -> Staging:
        return Staging(f"{STAGED}{self.row.pk}", self.kind.columns)

    def drop(self) -> None:
        self.staging().drop()

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """However it ends, the import's row says so, if the database can be reached."""
        try:
            yield
        except HandedBack:
            raise
        except ImportRefused as refusal:
            self.row.end(Import.State.REFUSED, printable(refusal.detail))
            raise
        except BaseException as error:
            if not self.row.is_over:
                self.cut_off(error)
            raise

    def cut_off(self, error: BaseException) -> None:
        """Say why it ended before its end."""
        state = Import.State.FAILED
        if isinstance(error, KeyboardInterrupt):
            state = Import.State.STOPPED if self.row.staged is None else Import.State.PAUSED
        with suppress(DatabaseError):
            connection.close_if_unusable_or_obsolete()
            self.row.end(state, printable(str(error) or type(error).__name__))

    def read(self, source: Source, staging: Staging) -> None:
        """Read and stage the whole source; what was found so far is kept, also when that ends in a refusal."""
        self.row.rejects.all().delete()
        rows = Rows(self.kind, source)
        self.progress.begin("reading", source.size)
        with staging.beside(), Rejects(rejects_path(source, self.options), rows) as rejects:
            try:
                for batch in rows.batches():
                    self.put(batch, staging, rejects)
                    self.progress.advance(self.receipt.lines, source.position)
            except BaseException:
                with suppress(DatabaseError):  # a signal may have come in the middle of a statement
                    self.keep_rejects(rejects)
                raise
            self.keep_rejects(rejects)

    def put(self, batch: Batch, staging: Staging, rejects: Rejects) -> None:
        """Judge a batch, then stage what is right and reject the rest, in the order of the file."""
        self.kind.judge([row for row in batch.rows if not row.faults])
        self.receipt.lines += batch.count
        for row in batch.rows:
            if row.faults:
                self.receipt.reject(rejects.add(row))
        if batch.ready:
            staging.add(batch.columns, b"".join(batch.texts), batch.ready)
        if good := [row for row in batch.rows if not row.faults]:
            staging.add(self.kind.columns, "".join(self.kind.staged(good)).encode(), len(good))

    def keep_rejects(self, rejects: Rejects) -> None:
        self.row.rejects_file = printable(str(rejects.path.absolute())) if rejects.are_open else ""
        self.keep_counts()
        ImportReject.objects.bulk_create(
            ImportReject(
                of_import=self.row,
                line=reject.line,
                column=reject.column,
                code=reject.code,
                value=reject.value,
                reason=reject.reason,
                message=reject.message,
                params=reject.params,
            )
            for reject in rejects.kept
        )

    def judge(self, staging: Staging) -> None:
        """ImportRefused when the file as a whole does not do."""
        limit, receipt = self.options.limit, self.receipt
        if limit and limit.is_exceeded(receipt.rejected, receipt.lines):
            raise ImportRefused(TOO_MANY, rejected=receipt.rejected, lines=receipt.lines, most=limit)
        self.kind.refuse(staging)

    def apply(self, staging: Staging) -> None:
        """Write range by range, each with its counts in one transaction; a dry run takes each one back."""
        self.progress.begin("applying", staging.rows)
        pace = Pace(self.kind.chunk_rows)
        last = self.row.ranges.last()
        for rows, look in self.kind.looks(staging.ranges(pace, last.upto if last else "")):
            began = time.monotonic()
            with transaction.atomic():
                counts = self.kind.apply(rows, look)
                self.receipt.add(counts)
                self.row.ranges.create(upto=rows.upto, **asdict(counts))
                self.keep_counts()
                transaction.set_rollback(self.options.dry_run)
            pace.took(min(counts.total, rows.most), time.monotonic() - began)
            self.progress.advance(self.receipt.applied, self.receipt.applied)
        self.receipt.duplicate = staging.rows - self.receipt.applied
        self.keep_counts()

    def keep_counts(self) -> None:
        counts = self.receipt.as_json()
        for name, count in counts.items():
            setattr(self.row, name, count)
        self.row.save(update_fields=[*counts, "rejects_file"])


def rejects_path(source: Source, options: Options) -> Path:
    """Where rejected lines go: beside the file, or in this folder for standard input, unless it is said."""
    if options.rejects:
        return Path(options.rejects)
    kind = "jsonl" if source.is_json_lines() else "tsv" if source.has_tabs() else "csv"
    folder = Path(source.name).parent if source.file else Path()
    return folder / f"{source.stem}.rejects.{kind}"
