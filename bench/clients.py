"""Clients over HTTP that keep their connections and send the next request when they have the last answer."""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count


@dataclass
class Answers:
    """How long each answer took, in seconds, and the whole of it."""

    took: float
    each: list[float]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.each) / self.took

    def part(self, share: float) -> float:
        """The time that such a share of the answers did not exceed."""
        return sorted(self.each)[int(share * (len(self.each) - 1))]


@dataclass
class Client:
    """One connection, and what has come of the answer so far."""

    port: int
    sent: float = 0.0
    came: bytes = b""
    line: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.line = socket.create_connection(("127.0.0.1", self.port))
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.came, self.sent = b"", time.perf_counter()
        self.line.sendall(request)

    def receive(self) -> bool:
        """Whether the answer is whole; only a 200 is one."""
        self.came += self.line.recv(2**20)
        head, blank, body = self.came.partition(b"\r\n\r\n")
        if not blank:
            return False
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(self.came[:500])
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return len(body) >= length


def ask(port: int, requests: Sequence[bytes], seconds: float, clients: int = 1) -> Answers:
    """So many clients at once ask one request after the other, for about so many seconds."""
    numbers, each = count(), []
    watch = selectors.DefaultSelector()
    start = time.perf_counter()
    for _ in range(clients):
        client = Client(port)
        watch.register(client.line, selectors.EVENT_READ, client)
        client.send(requests[next(numbers) % len(requests)])
    while watch.get_map():
        for key, _events in watch.select():
            client = key.data
            if not client.receive():
                continue
            now = time.perf_counter()
            each.append(now - client.sent)
            if now - start < seconds:
                client.send(requests[next(numbers) % len(requests)])
            else:
                watch.unregister(client.line)
                client.line.close()
    return Answers(time.perf_counter() - start, each)


def get(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, token: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
