"""gunicorn's worker of threads: ready for its first look-up, and not waiting for ever for who reads an answer."""

import socket
import struct
from threading import Thread
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from gunicorn.workers.gthread import TConn, ThreadWorker


class Worker(ThreadWorker):
    """Cuts off a reader who takes nothing for A2_SEND_TIMEOUT seconds; with a few of them all threads would wait.

    A slow one goes on: each time that some of the answer is taken, the wait begins anew.
    """

    def run(self) -> None:
        Thread(target=read_definitions, daemon=True).start()
        super().run()

    def handle_request(self, req: Any, conn: TConn) -> Any:
        limit_waiting(conn.sock, settings.A2_SEND_TIMEOUT)
        try:
            return super().handle_request(req, conn)
        except BlockingIOError:
            waited = settings.A2_SEND_TIMEOUT
            self.log.warning("Cut off who took nothing of %r for %d seconds", req.path, waited)
            # gunicorn, which closes it, would wait here once more for the reader.
            conn.sock.shutdown(socket.SHUT_RDWR)
            return False


def read_definitions() -> None:
    """Make the index that look-ups and the pages of audiences answer from, so that the first of them need not wait."""
    from segments.lookup import INDEX  # only since the application is loaded are there models

    try:
        INDEX.look_up([])
    except DatabaseError:
        return  # the first look-up makes it, or says what is wrong
    finally:
        connection.close()


def limit_waiting(sock: socket.socket, seconds: int) -> None:
    """Let a send that gets nothing off in so long end with BlockingIOError; 0 is for ever.

    Python's own timeout would be for the whole of what is sent at once, however steadily it is taken.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", seconds, 0))
