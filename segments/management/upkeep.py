"""What the commands that keep the bitmaps have in common: how they refuse."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import CommandError
from django.db.utils import OperationalError
from django.utils.translation import gettext as _

from segments.store.scanning import NotKept


@contextmanager
def refusals() -> Iterator[None]:
    """Exit 2 with a sentence where the bitmaps cannot be kept now, or the database cannot be used."""
    try:
        yield
    except NotKept as error:
        raise CommandError(str(error), returncode=2) from None
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        message = _("The database cannot be used: %s. Start it, or correct DATABASE_URL.") % reason
        raise CommandError(message, returncode=2) from None
