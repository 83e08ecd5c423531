"""What the three commands share that compare a file with what is here."""

import dataclasses
from typing import Any

import orjson
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from segments.exceptions import ImportRefused
from segments.importing.comparing import Comparison
from segments.importing.options import Options, read_owner
from segments.importing.rejects import printable, sentence
from segments.management.endings import Interrupted, interruptible, reader_may_leave
from segments.management.files import FileCommand
from segments.management.imports import FAILED, REFUSED
from segments.models.changes import Actor

EXITS = (
    " Prints a JSON line for each field that differs, then one that counts. Exits 0 when nothing differs, 1 when "
    "something does, 2 when the file cannot be read."
)
DIFFERENT = 1


class CompareCommand(FileCommand):
    """A command that compares a file, as an import takes it, with what is here."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        if "owner_id" in self.kind.shape.fields:
            parser.add_argument("--owner", metavar="UUID", help="the owner of lines that name none")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            comparison = Comparison(self.kind(self.read(options), Actor()))
            with interruptible(), reader_may_leave(self.stdout, FAILED):
                for difference in comparison.run(options["file"]):
                    self.say(dataclasses.asdict(difference))
                self.say(comparison.counts())
        except Interrupted as end:
            raise CommandError(_("The comparison was interrupted."), returncode=end.code) from None
        except ImportRefused as refusal:
            raise CommandError(printable(sentence(refusal.fault)), returncode=REFUSED) from None
        if comparison.same + comparison.duplicate < comparison.lines:
            raise SystemExit(DIFFERENT)

    def say(self, line: dict[str, Any]) -> None:
        self.stdout.write(orjson.dumps(line, option=orjson.OPT_UTC_Z).decode())

    def read(self, options: dict[str, Any]) -> Options:
        owner = options.get("owner")
        return Options(
            owner_id=None if owner is None else read_owner(owner),
            columns=self.columns(options),
            csv_only=self.csv_only(options),
        )
