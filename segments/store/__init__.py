"""Where audiences live and are matched: all that the rest may know of it."""

from segments.store.audiences import UNSENT, AudienceStore, Profile, ProfileChange, Snapshot, UpsertCounts, Written
from segments.store.postgres import PostgresStore

__all__ = ["UNSENT", "AudienceStore", "Profile", "ProfileChange", "Snapshot", "UpsertCounts", "Written", "store"]


def store() -> AudienceStore:
    """The store of this installation."""
    return PostgresStore()
