"""Receives a file that staff send, as it comes in, where the worker will read it: it is never copied."""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.utils.translation import gettext as _

from segments.importing.uploads import Sent, discard, suffix_of

MIB = 2**20


class SentFile(UploadedFile):  # type: ignore[type-arg]
    """A file that was sent: `kept` is what it is called where it waits, or else `problem` says why it is not there."""

    def __init__(self, sent: Sent, problem: str, **about: Any) -> None:
        super().__init__(None, **about)
        self.kept, self.problem = sent.name, problem

    def close(self) -> None:
        """Nothing: it is closed, and what is left of it is not this object's to remove."""


class Receiver(FileUploadHandler):
    """Writes what comes in for as long as there is room and it is not too large; the rest it lets pass by.

    Who sends it hears of either only when all is sent, as browsers do.
    """

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.sent: list[Sent] = []
        self.limit = int(settings.A2_IMPORT_MAX_MB) * MIB
        self.size = 0

    def new_file(self, *args: Any, **options: Any) -> None:
        super().new_file(*args, **options)
        self.size = 0
        self.sent.append(Sent(suffix_of(str(self.file_name)) or ".unknown"))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size = start + len(raw_data)
        if self.size <= self.limit:
            self.sent[-1].write(raw_data)

    def file_complete(self, file_size: int) -> SentFile:
        sent = self.sent[-1]
        sent.close()
        about = {"name": self.file_name, "content_type": self.content_type, "size": file_size}
        return SentFile(sent, self.problem(sent), **about)

    def problem(self, sent: Sent) -> str:
        if self.size > self.limit:
            return _("The file has more than %(limit)s MiB, the most that is taken here. Send it in parts.") % {
                "limit": settings.A2_IMPORT_MAX_MB
            }
        if sent.problem:
            return _("The file cannot be kept here: %(problem)s.") % {"problem": sent.problem}
        return ""

    def discard_but(self, wanted: Collection[str]) -> None:
        """Remove what was sent and nobody wants: all but these."""
        for each in self.sent:
            each.close()
            if each.name not in wanted:
                discard(each.name)
