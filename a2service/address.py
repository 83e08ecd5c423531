"""Where the service listens: A2_BIND and PORT."""

import errno
import os
import socket
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

HIGHEST = 65535
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 told apart, not bound


class PortBusy(Exception):
    """Something else listens there; the message says what to type."""


@dataclass(frozen=True)
class Address:
    """A host, in numbers or by name, and a port."""

    host: str
    port: int

    @classmethod
    def from_environment(cls) -> "Address":
        """What A2_BIND and PORT say; ImproperlyConfigured when it is no address."""
        text = os.environ.get("PORT", "").strip() or "8000"
        if not (text.isdecimal() and 1 <= int(text) <= HIGHEST):
            raise ImproperlyConfigured(f"PORT is {text!r}. Set it to a number from 1 to {HIGHEST}.")
        return cls(os.environ.get("A2_BIND", "").strip().strip("[]") or "127.0.0.1", int(text))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def reachable(self) -> "Address":
        """The same as a client on this machine calls it."""
        return Address(EVERYWHERE.get(self.host, self.host), self.port)

    @property
    def url(self) -> str:
        return f"http://{self.reachable}"

    def require_free(self) -> None:
        """Refuse an address that is taken (PortBusy) or not this machine's (ImproperlyConfigured)."""
        try:
            self.try_to_bind()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                words = {"port": self.port, "free": free_port(self)}
                raise PortBusy(
                    _("Port %(port)d is taken by another program; type: PORT=%(free)d make run") % words
                ) from None
            raise ImproperlyConfigured(
                f"Nothing can listen on {self}: {error.strerror}. Set A2_BIND and PORT to others."
            ) from None

    def try_to_bind(self) -> None:
        family, kind, protocol, _name, where = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            # As gunicorn does: connections that are only winding down do not count.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(where)


def free_port(near: Address) -> int:
    """A free port on the same host, the next one if it can be."""
    for port in range(near.port + 1, min(near.port + 100, HIGHEST)):
        try:
            Address(near.host, port).try_to_bind()
        except OSError:
            continue
        return port
    return any_port()


def any_port() -> int:
    """A port of this machine that is free now."""
    with socket.socket() as anywhere:
        anywhere.bind(("127.0.0.1", 0))
        return int(anywhere.getsockname()[1])
