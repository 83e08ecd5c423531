"""The account of an import: every line in exactly one bucket."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from segments.models import Import
from segments.store import UpsertCounts

BUCKETS = ("created", "updated", "unchanged", "duplicate", "suppressed", "rejected")

APPLIED = ("created", "updated", "unchanged", "suppressed")


@dataclass
class Receipt:
    """How many lines ended where; `reasons` counts the rejected ones by the code of their first fault."""

    lines: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    suppressed: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, row: Import) -> Self:
        """The account as the import's row has it."""
        counts = {name: getattr(row, name) for name in ("lines", *BUCKETS)}
        return cls(**counts, reasons=Counter(row.reasons))

    def reject(self, code: str) -> None:
        self.rejected += 1
        self.reasons[code] += 1

    def add(self, counts: UpsertCounts) -> None:
        self.created += counts.created
        self.updated += counts.updated
        self.unchanged += counts.unchanged
        self.suppressed += counts.suppressed

    @property
    def applied(self) -> int:
        return self.created + self.updated + self.unchanged + self.suppressed

    def as_json(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("lines", *BUCKETS)}
        return {**counts, "reasons": dict(sorted(self.reasons.items()))}
