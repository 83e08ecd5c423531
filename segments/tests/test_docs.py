"""What the documentation tells people to type, typed, and the answers it shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segments.tests.server import ROOT, Server
from segments.tests.serving import copied, served
from segments.tests.test_seed import SEED

PAGES = ["README.md", "docs/tutorial/first-segment.md"]
OTHER_EACH_TIME = {"id", "no", "created_at", "updated_at", "size_as_of", "as_of"}
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the demo account, as `make run` has one."""
    with served(tmp_path_factory.mktemp("local"), demo=True, WEB_CONCURRENCY="1") as server:
        yield server


@pytest.fixture
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DATABASE_URL of a service that has nothing yet."""
    with copied(tmp_path_factory.mktemp("home")) as (url, _token):
        yield url


def steps(page: str) -> Iterator[tuple[str, str]]:
    """The page's shell blocks, each with the JSON block that follows it, or nothing."""
    blocks = re.findall(r"^```(sh|json)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    for (kind, text), (after, answer) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "sh":
            yield text, answer if after == "json" else ""


def run(server: Server, commands: str, environment: dict[str, str]) -> Any:
    """What bash prints of these commands, here, where the token is known and the port another."""
    script = commands.replace("localhost:8000", f"127.0.0.1:{server.port}").replace("$(make -s token)", server.token)
    done = subprocess.run(
        ["bash", "-euc", script + "\nexport TOKEN; env >&2"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    environment.update(line.split("=", 1) for line in done.stderr.splitlines() if line.startswith("TOKEN="))
    return done.stdout


def lasting(value: Any, shown: Any) -> Any:
    """The value without what is another one each time; in its place what is shown, if it is of the same kind."""
    if isinstance(value, dict) and isinstance(shown, dict):
        return {
            name: shown.get(name)
            if name in OTHER_EACH_TIME and shown.get(name) is not None
            else lasting(each, shown.get(name))
            for name, each in value.items()
        }
    return value


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="there is no curl or no bash to type in"
)
def test_it_answers_what_the_page_shows(server: Server, page: str) -> None:
    environment = dict(os.environ)
    told = [(commands, answer) for commands, answer in steps(page) if "make run" not in commands]
    assert any(answer for _commands, answer in told)
    for commands, answer in told:
        printed = run(server, commands, environment)
        if answer:
            shown = json.loads(answer)
            assert lasting(json.loads(printed), shown) == shown


def test_it_shows_the_pages_own_request_first() -> None:
    commands, answer = next((commands, answer) for commands, answer in steps("README.md") if "curl" in commands)

    assert json.loads(commands.split("--data '")[1].split("'")[0]) == SEED
    assert json.loads(answer)["name"] == SEED["name"]


@pytest.mark.timeout(400)
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="there is no curl or no jq")
def test_it_moves_everything_from_an_a2_as_the_page_says(server: Server, tmp_path: Path, new_home: str) -> None:
    """The A2 that is left is a service of ours with the demo account."""
    get, load, compare = (commands for commands, _answer in steps("docs/how-to/migrate-from-a2.md"))
    home = {**os.environ, "DATABASE_URL": new_home, "A2": f"http://127.0.0.1:{server.port}", "A2_TOKEN": "none"}

    def typed(commands: str) -> subprocess.CompletedProcess[str]:
        script = commands.replace("python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
        return subprocess.run(["sh", "-euc", script], capture_output=True, text=True, env=home, cwd=tmp_path)

    assert typed(get).returncode == 22
    assert not list(tmp_path.glob("*s.jsonl"))
    home["A2_TOKEN"] = server.token
    typed(get).check_returncode()
    typed(load).check_returncode()
    attributes, audiences, segments = (json.loads(line) for line in typed(compare).stdout.splitlines())
    assert [each["lines"] - each["same"] for each in (attributes, audiences, segments)] == [0, 0, 0]
    assert (attributes["lines"], audiences["lines"] >= 10_000, segments["lines"] >= 6) == (20, True, True)


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_its_links_lead_somewhere(page: str) -> None:
    for target in LINK.findall((ROOT / page).read_text()):
        assert (Path(ROOT / page).parent / target).exists(), target
