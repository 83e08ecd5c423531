"""How far an import is, for whoever wants to show it."""

from typing import Protocol


class HandedBack(Exception):
    """Whoever does the import has to end: it is not over, and another one goes on with it."""


class Progress(Protocol):
    """Is told of each phase as it begins, and then how far it is; an exception that it raises ends the import there."""

    def begin(self, phase: str, total: int | None) -> None:
        """A phase begins: `reading`, whose total is bytes of the file, `applying` (rows), or `sizing` (nothing)."""

    def advance(self, rows: int, done: int | None) -> None:
        """So many rows are through, and so much of the total."""


class Silence:
    """Shows nothing."""

    def begin(self, phase: str, total: int | None) -> None:
        pass

    def advance(self, rows: int, done: int | None) -> None:
        pass
