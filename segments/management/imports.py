"""What the import commands share: options, progress, receipt, exit codes."""

import gc
import json
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _

from segments.exceptions import ImportRefused, SegmentsError
from segments.importing.options import Options, read_limit, read_owner
from segments.importing.receipt import Receipt
from segments.importing.rejects import printable, report_path, sentence
from segments.importing.run import ImportRun
from segments.management.endings import Interrupted, interruptible, reader_may_leave, tell
from segments.management.files import NOT_GIVEN, FileCommand
from segments.management.priority import let_requests_go_first
from segments.management.progress import shown_on
from segments.models.changes import Actor

SOME_REJECTED, REFUSED, FAILED = 1, 2, 3
EXITS = " Exits 0; 1 when lines were rejected; 2 when the import is refused and nothing was applied; 3 when it failed."


class ImportCommand(FileCommand):
    """A command that imports one kind of object."""

    owner_help: ClassVar[str] = "the owner of lines that name none"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--owner", metavar="UUID", help=self.owner_help)
        parser.add_argument("--strict", action="store_true", help="refuse whatever would be a warning")
        parser.add_argument("--dry-run", action="store_true", help="do all of it, take it back, and give its receipt")
        parser.add_argument("--restart", action="store_true", help="begin anew where an import of the file was cut off")
        parser.add_argument("--max-errors", metavar="N|P%", help="apply nothing when more lines are rejected")
        parser.add_argument("--rejects", metavar="FILE", help="where rejected lines go; beside the file when left out")
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="json: the last line is the receipt, one object"
        )

    def run_from_argv(self, argv: list[str]) -> None:
        let_requests_go_first()
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        # What is loaded by now stays; going through it for garbage again and again takes half of the time.
        gc.freeze()
        try:
            with interruptible():
                run = ImportRun(self.kind, options["file"], self.read(options), Actor(command=self.called))
                receipt = self.carry_out(run)
        except Interrupted as end:
            message = _("It was interrupted. The same command goes on; standard input has to be sent again.")
            raise CommandError(message, returncode=end.code) from None
        except ImportRefused as refusal:
            raise CommandError(printable(sentence(refusal.fault)), returncode=REFUSED) from None
        except (DatabaseError, OSError, SegmentsError) as error:
            message = _("The import failed: %(problem)s. Run it again: what it had applied is then unchanged.")
            raise CommandError(
                message % {"problem": str(error).strip().removesuffix(".")}, returncode=FAILED
            ) from error
        with reader_may_leave(self.stdout, FAILED):
            self.tell(receipt, options["format"])
        if receipt.rejected:
            raise SystemExit(SOME_REJECTED)

    def carry_out(self, run: ImportRun) -> Receipt:
        """Run it in sight; where rejected lines are is said also when they are why it is refused."""
        try:
            with shown_on(self.stderr) as run.progress:
                return run.run()
        finally:
            for sentence_said in run.said:
                tell(self.stderr, sentence_said)
            if run.kind.left_out:
                message = _("Names that are no fields and were not kept: %(names)s.")
                tell(self.stderr, message % {"names": ", ".join(run.kind.left_out)})
            if run.row.rejects_file:
                message = _("Rejected lines: %(file)s. What is wrong with each: %(report)s.")
                report = report_path(run.row.rejects_file)
                tell(self.stderr, message % {"file": run.row.rejects_file, "report": report})

    @property
    def called(self) -> str:
        return f"import_{self.kind.name}"

    def read(self, options: dict[str, Any]) -> Options:
        """The options as the import takes them; ImportRefused when one cannot be meant."""
        kept = sorted({"delimiter", "owner", "strict", "max_errors", "take_over", *self.csv_options})
        given = {name: told(options[name]) for name in kept if options.get(name) not in NOT_GIVEN}
        return Options(
            owner_id=read_owner(options["owner"]) if options["owner"] is not None else None,
            take_over=options.get("take_over", False),
            strict=options["strict"] or settings.A2_STRICT,
            dry_run=options["dry_run"],
            restart=options["restart"],
            limit=read_limit(options["max_errors"]) if options["max_errors"] is not None else None,
            rejects=options["rejects"],
            columns=self.columns(options),
            csv_only=self.csv_only(options),
            given=given,
        )

    def tell(self, receipt: Receipt, form: str) -> None:
        """The receipt, on standard output."""
        account = receipt.as_json()
        if form == "json":
            self.stdout.write(json.dumps(account))
            return
        reasons = account.pop("reasons")
        for name, count in [*account.items(), *((f"  {code}", count) for code, count in reasons.items())]:
            self.stdout.write(f"{name:<24}{count:>12,}")


def told(value: Any) -> Any:
    """An option as the import's row keeps it."""
    if isinstance(value, list):
        return [printable(text) for text in value]
    return printable(value) if isinstance(value, str) else value
