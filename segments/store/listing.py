"""The ids of members in order, by the shortest way: from an edition, or from the rows by their numbers."""

import logging
import uuid
from abc import abstractmethod
from collections.abc import Iterator

from segments.expressions import Expression
from segments.store.audiences import in_lines
from segments.store.bitmaps import MEND
from segments.store.database import fetch_all
from segments.store.editions import SHELF
from segments.store.roaring import BitMap, Damaged
from segments.store.rows import AUDIENCE, RowsSnapshot

FEW = 10_000  # members; their rows are soon found by their numbers
MOST_NEWER = 100_000  # members that the edition lacks; all rows are still more
LF = b"\n"

log = logging.getLogger(__name__)


class NotListed(Exception):
    """There is no edition, or it lacks too many of the members."""


class ListedSnapshot(RowsSnapshot):
    """Lists members of a view without a look at all rows, and these where nothing else can."""

    epoch: uuid.UUID

    @abstractmethod
    def members(self, tree: Expression) -> BitMap | None:
        """The numbers of those whom the tree selects, whose rows the transaction shows; None where rows answer."""

    def ids(self, tree: Expression, after: str | None = None, limit: int | None = None) -> Iterator[str]:
        for piece in self.lines(tree, after, limit):
            yield from piece.decode().split("\n")[:-1]

    def lines(self, tree: Expression, after: str | None = None, limit: int | None = None) -> Iterator[bytes]:
        members = self.members(tree)
        try:
            for piece in self.listed(members, after or "", limit):
                some = piece if limit is None else first(piece, limit)
                if some:
                    yield some
                    after, limit = last_of(some), None if limit is None else limit - some.count(LF)
                if limit == 0:
                    return
            return
        except NotListed:
            pass
        except Damaged:
            log.error("The ids in order are damaged; rows answer. %s", MEND)
        yield from in_lines(super().ids(tree, after, limit))

    def listed(self, members: BitMap | None, after: str, limit: int | None) -> Iterator[bytes]:
        """The ids of members beyond `after`, `limit` or more; NotListed before the first of them, or Damaged later."""
        if members is None:
            raise NotListed
        if len(members) <= FEW:
            yield b"".join(each + LF for each in named(members, after, limit))
            return
        edition = SHELF.current(self.epoch)
        if edition is None:
            raise NotListed
        newer = members - BitMap(range(edition.horizon))
        if len(newer) > MOST_NEWER:
            raise NotListed
        yield from edition.lines(members - newer, named(newer, after, limit), after.encode())


def named(members: BitMap, after: str, limit: int | None) -> list[bytes]:
    """The ids of a few members beyond `after`, in order, `limit` at most, from their rows."""
    if not members:
        return []
    query = f"SELECT id FROM {AUDIENCE} WHERE number = ANY(%s::bigint[]) AND id > %s ORDER BY id LIMIT %s"
    return [audience_id.encode() for (audience_id,) in fetch_all(query, [list(members), after, limit])]


def first(piece: bytes, limit: int) -> bytes:
    """So many lines of a piece, or all where it has fewer."""
    lines = piece.split(LF, limit)
    return LF.join([*lines[:limit], b""]) if len(lines) > limit else piece


def last_of(piece: bytes) -> str:
    return piece[piece.rfind(LF, 0, -1) + 1 : -1].decode()
