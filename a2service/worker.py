"""gunicorn's worker of threads, which does not wait for ever for who reads an answer."""

import socket
import struct
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import TConn, ThreadWorker


class Worker(ThreadWorker):
    """Cuts off a reader who takes nothing for A2_SEND_TIMEOUT seconds; with a few of them all threads would wait.

    A slow one goes on: each time that some of the answer is taken, the wait begins anew.
    """

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


def limit_waiting(sock: socket.socket, seconds: int) -> None:
    """Let a send that gets nothing off in so long end with BlockingIOError; 0 is for ever.

    Python's own timeout would be for the whole of what is sent at once, however steadily it is taken.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", seconds, 0))
