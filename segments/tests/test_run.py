"""`make run` as it is lived with: real processes, real signals, a folder and a port of its own."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from a2service import launcher, programs
from a2service.address import Address
from a2service.banner import Access, banner
from a2service.localdb import LocalDatabase
from segments.demo.catalogue import OWNER_ID
from segments.tests.workers import until

SEGMENT = {
    "management_type": "systemmanaged",
    "name": "Archers",
    "owner_id": str(OWNER_ID),
    "properties": {"hobby": ["archery"]},
}
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Place:
    """A folder and a port, and the processes that a test starts there."""

    folder: Path
    port: int
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        own = {"A2_LOCAL_DIR": str(self.folder), "PORT": str(self.port), "WEB_CONCURRENCY": "1"}
        return {**{name: text for name, text in os.environ.items() if name != "DATABASE_URL"}, **own}

    @property
    def database(self) -> LocalDatabase:
        return LocalDatabase(self.folder / "postgres")

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def run(self) -> tuple["subprocess.Popen[str]", str]:
        """`manage.py run` up to the end of its banner."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.started.append(process)
        said = ""
        for line in process.stdout:
            said += line
            if line == "'\n" and "computed" in said:
                return process, said
        raise AssertionError(said)

    def is_quiet(self) -> bool:
        """Whether nothing of it runs."""
        serving = launcher.left_behind(self.folder) or launcher.holder(self.folder)
        with socket.socket() as trial:
            return not serving and not self.database.is_running() and trial.connect_ex(("127.0.0.1", self.port)) != 0

    def get(self, path: str, bearer: str) -> object:
        return self.send(path, bearer)

    def post(self, path: str, bearer: str, body: object) -> object:
        return self.send(path, bearer, json.dumps(body).encode())

    def send(self, path: str, bearer: str, body: bytes | None = None) -> object:
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


@contextlib.contextmanager
def somewhere(folder: Path) -> Iterator[Place]:
    """A place where nothing is left afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = Place(folder / "local", free.getsockname()[1])
    try:
        yield place
    finally:
        for process in place.started:
            process.kill()
        launcher.stop(place.folder)
        for process in place.started:
            process.communicate()
        place.database.reset()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with somewhere(tmp_path) as place:
        yield place


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, str]]:
    """A place with a first start, and all that it said; the tests that have it go on from one to the next."""
    with somewhere(tmp_path_factory.mktemp("started")) as place:
        _process, said = place.run()
        yield place, said


def paste(said: str, place: Place, bearer: str) -> list[dict[str, object]]:
    """What the banner's requests answer when they are pasted into a shell."""
    requests = re.findall(r"^curl .*?^'$", said, re.MULTILINE | re.DOTALL)
    answers = [
        subprocess.run(
            [shell, "-c", text], env={**place.environment, "TOKEN": bearer}, capture_output=True, text=True, check=True
        ).stdout
        for text in requests
        for shell in ("bash", "zsh")
        if shutil.which(shell)
    ]
    return [json.loads(answer) for answer in answers]


def test_its_first_start_says_where_everything_is_and_each_of_it_works(started):
    place, said = started
    steps = re.findall(r"^(\w.*?) \.+ \d+\.\d s", said, re.MULTILINE)
    kept = json.loads((place.folder / "credentials").read_text())
    bearer = place.manage("issue_token", "demo").stdout

    assert steps == ["Starting PostgreSQL", "Applying migrations", "Making the demo account", "Starting the server"]
    assert f"A2 audience service 0.1.0 on http://127.0.0.1:{place.port} " in said
    assert f"/admin/  name staff, password {kept['password']}\n" in said
    assert "the same password opens viewer, editor, catalogue and administrator: one in each role\n" in said
    assert f"http://127.0.0.1:{place.port}/docs/api\n" in said
    assert "\nTOKEN=$(make -s token)\n" in said
    assert (place.folder / "credentials").stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"\S{20,}\n", bearer)
    assert len(place.get("/audiences/segments", bearer.strip())) == 6
    if shutil.which("curl"):
        answers = paste(said, place, bearer.strip())
        assert [answer["approximated_size"] for answer in (answers[0], answers[-1])] == [123, 792]

    again = place.manage("run")
    assert (again.returncode, again.stderr) == (
        2,
        f"This service runs already, as process {place.started[0].pid}; type: make stop\n",
    )


def test_its_worker_counts_sizes_anew_and_is_started_again_when_it_was_killed(started):
    place, _said = started
    bearer = place.manage("issue_token", "demo").stdout.strip()
    place.post("/audiences/segments", bearer, SEGMENT)
    worker = programs.running(place.folder / "worker.pid")
    os.kill(worker, signal.SIGKILL)
    place.post("/audiences", bearer, {"id": "one-more", "properties": {"hobby": "archery"}})

    until(lambda: place.get("/audiences/segments", bearer)[-1]["approximated_size"] == 1)
    assert programs.running(place.folder / "worker.pid") not in {worker, None}


def test_it_stops_on_ctrl_c_starts_again_at_once_and_outlives_a_kill(started):
    place, _said = started
    process = place.started[-1]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert place.is_quiet()

    process, said = place.run()
    assert "there already" in said

    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert place.is_quiet()

    process, _said = place.run()
    process.kill()
    process.wait()
    refused = place.manage("run")
    assert refused.returncode == 2
    assert re.fullmatch(r"A program of a run that was killed is still there, .*; type: make stop\n", refused.stderr)

    stopped = place.manage("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
    assert place.is_quiet()
    assert place.manage("stop").stdout == "Nothing was running.\n"

    assert place.manage("stop", "--delete").returncode == 2
    assert (place.folder / "credentials").exists()
    assert place.manage("stop", "--delete", "--yes").returncode == 0
    assert not (place.folder / "credentials").exists()
    assert not place.database.data.exists()


def test_it_says_what_to_type_when_the_port_is_busy_and_leaves_nothing_behind(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", place.port))
        other.listen()
        refused = place.manage("run")

    assert refused.returncode == 2
    assert re.fullmatch(rf"Port {place.port} is taken by another program; type: PORT=\d+ make run\n", refused.stderr)
    assert not place.database.directory.exists()


def test_it_leaves_a_process_alone_that_has_an_old_number(tmp_path):
    for name in launcher.PID_FILES:
        (tmp_path / name).write_text(f"{os.getpid()}\n")
    launcher.lock_file(tmp_path).write_text(str(os.getpid()))

    assert launcher.left_behind(tmp_path) is None
    assert launcher.holder(tmp_path) is None
    assert launcher.stop(tmp_path) is False


def test_it_is_not_for_production(place):
    place_environment = {
        "A2_PRODUCTION": "on",
        "SECRET_KEY": "x" * 50,
        "ALLOWED_HOSTS": "x",
        "DATABASE_URL": "postgres://x/x",
    }
    refused = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT, env={**place.environment, **place_environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert refused.returncode == 2
    assert "A2_PRODUCTION is on" in refused.stderr


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"PORT": "9000"}, "http://127.0.0.1:9000"),
        ({"A2_BIND": "0.0.0.0", "PORT": "80"}, "http://127.0.0.1:80"),
        ({"A2_BIND": "[::]"}, "http://[::1]:8000"),
    ],
)
def test_its_address_is_one_that_can_be_called(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str):
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.delenv("A2_BIND", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert Address.from_environment().url == url


@pytest.fixture
def text() -> Callable[[Access], str]:
    return lambda access: banner("1.2.3", Address("127.0.0.1", 8000), access)


def test_its_banner_promises_nothing_that_a_database_of_ones_own_lacks(text):
    said = text(Access(settings=True))

    assert "createsuperuser" in said
    assert "password" not in said
    assert "make -s token" not in said
    assert "create_client trial --all-owners\nTOKEN=$(.venv/bin/python manage.py issue_token trial)" in said
    assert "same settings" in said
    assert said.count("curl --request POST") == 1


def test_its_first_request_is_that_of_the_documentation(text):
    body = text(Access(client="demo")).split("--data '")[1].split("'")[0]

    assert (
        body
        == """
{
  "management_type": "selfmanaged",
  "name": "<string>",
  "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
  "approximated_size": 123,
  "created_at": "2023-11-07T05:31:56Z",
  "deprecated_properties": {},
  "description": "<string>",
  "properties": {},
  "updated_at": "2023-11-07T05:31:56Z"
}
"""
    )
