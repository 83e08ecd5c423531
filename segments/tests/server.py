"""A real server process, as tests start it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 90  # seconds that a server may take for its start, on a machine with other work


def manage(environment: dict[str, str], *arguments: str) -> str:
    """What a command prints that goes well."""
    command = [sys.executable, "manage.py", *arguments]
    environment = {**environment, "A2_PROCESS": "command"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


class Server:
    """gunicorn with two workers of four threads, and the token of a platform client, who is there if one is given."""

    def __init__(self, url: str, folder: Path, token: str = "", **settings: str) -> None:
        self.url = url
        self.environment = {
            **os.environ,
            "DATABASE_URL": url,
            "A2_LOCAL_DIR": str(folder),
            "A2_PROCESS": "web",
        }
        self.token = token or self.prepare()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment |= {"PORT": str(self.port), **settings}
        command = [sys.executable, "-m", "gunicorn"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.until(lambda: self.call("GET", "/readyz")[0] == 200)

    def prepare(self) -> str:
        self.manage("migrate", "--verbosity=0")
        self.manage("create_client", "platform", "--all-owners")
        return self.manage("issue_token", "platform").strip()

    def manage(self, *arguments: str) -> str:
        return manage(self.environment, *arguments)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, str], object]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, dict(response.headers), json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), json.loads(error.read())
        except OSError:
            return 0, {}, None

    def until(self, came_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not came_true():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
