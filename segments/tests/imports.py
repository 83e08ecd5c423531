"""Importing as a person does: a file in, a receipt out."""

import csv
import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from django.core.management import CommandError, call_command

BUCKETS = ("created", "updated", "unchanged", "duplicate", "suppressed", "rejected")


@dataclass
class Outcome:
    """How the command ended: its exit code, its receipt, and what it said on standard error."""

    code: int
    receipt: dict
    said: str

    @property
    def counts(self) -> dict:
        """The buckets that are not empty."""
        return {name: self.receipt[name] for name in BUCKETS if self.receipt[name]}


@dataclass
class Folder:
    """A folder with files to import."""

    path: Path

    def file(self, name: str, content: str | bytes | list) -> Path:
        """Write a file: text, bytes, or objects as JSON Lines."""
        if isinstance(content, list):
            content = "".join(json.dumps(item) + "\n" for item in content)
        path = self.path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, kind: str, name: str, content: str | bytes | list, *options: str) -> Outcome:
        return load(kind, self.file(name, content), *options)

    def rejects(self, name: str) -> list[dict]:
        """The report on rejected lines."""
        with (self.path / name).open(newline="") as file:
            return list(csv.DictReader(file))


def load(kind: str, path: Path | str, *options: str) -> Outcome:
    """Run an import to its end; its receipt adds up."""
    printed, said = StringIO(), StringIO()
    code, message = 0, ""
    try:
        call_command(f"import_{kind}", str(path), *options, "--format=json", stdout=printed, stderr=said)
    except SystemExit as end:
        code = end.code
    except CommandError as error:
        code, message = error.returncode, str(error)
    receipt = json.loads(printed.getvalue().splitlines()[-1]) if printed.getvalue() else {}
    assert (code >= 2) == (not receipt)
    if receipt:
        assert sum(receipt[name] for name in BUCKETS) == receipt["lines"]
        assert sum(receipt["reasons"].values()) == receipt["rejected"]
    return Outcome(code, receipt, said.getvalue() + message)
