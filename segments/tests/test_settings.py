"""Settings: all of them explained, and bad ones refused in a sentence, before anything starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
READ = re.compile(
    r"(?:os\.environ\.get|os\.getenv|flag|number|choice|time_zone|needed_in_production|env(?:\.\w+)?)\(\s*\"([A-Z][A-Z0-9_]+)\""
    r"|os\.environ\[\"([A-Z][A-Z0-9_]+)\"\](?! =)"
)
EXAMPLE = (ROOT / ".env.example").read_text()
EXPLAINED = re.compile(r"^#([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+) \| (.*) \| (.*)\|$", re.MULTILINE)
TOLD = ROW.findall((ROOT / "docs" / "reference" / "settings.md").read_text())
"""The rows of the settings' page: name, meaning, default and example."""
PRODUCTION = {
    "A2_PRODUCTION": "1",
    "SECRET_KEY": "correct-horse-battery-staple-correct-horse-battery-staple-0123456789",
    "DATABASE_URL": "postgres://a2@db.example.com/a2",
    "ALLOWED_HOSTS": "a2.example.com",
}


def run(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A process of its own, with these settings and no others."""
    own = {"PATH": os.environ["PATH"], "A2_LOCAL_DIR": str(folder), **environment}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False
    )


def assert_refused_in_a_sentence(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 1, said
    assert len(said.splitlines()) == 1, said
    for word in words:
        assert word in said


def test_every_setting_is_explained_in_the_example():
    sources = [*(ROOT / "a2service").rglob("*.py"), *(ROOT / "segments").rglob("*.py"), *ROOT.glob("*.py")]
    code = [path.read_text() for path in sources if "tests" not in path.parts]
    read = {name for text in code for match in READ.finditer(text) for name in match.groups() if name}
    assert len(read) > 10

    assert read == set(dict(EXPLAINED.findall(EXAMPLE)))


def test_every_setting_has_its_row_in_the_reference():
    """In the order of .env.example, whose lines show the default, or an example where there is none."""
    assert [name for name, *_cells in TOLD] == [name for name, _shown in EXPLAINED.findall(EXAMPLE)]
    for (name, _meaning, default, example), (_name, shown) in zip(TOLD, EXPLAINED.findall(EXAMPLE), strict=True):
        assert (quoted(default) or quoted(example)) == shown, name


def quoted(cell: str) -> str:
    """The value that a cell begins with, if it is one and not words about it."""
    found = re.match(r"`([^`]*)`", cell)
    return found[1] if found else ""


def test_every_default_of_the_reference_is_the_one(tmp_path):
    defaults = {name: quoted(default) for name, _meaning, default, _example in TOLD if quoted(default)}
    assert len(defaults) > 8
    show = """if True:
        import runpy
        import django
        from django.conf import settings
        django.setup()
        print({name: getattr(settings, name) for name in dir(settings) if name.isupper()})
        print({name: value for name, value in runpy.run_path("gunicorn.conf.py").items() if isinstance(value, str | int)})
    """
    here = {"DJANGO_SETTINGS_MODULE": "a2service.settings", "A2_LOCAL_DIR": str(tmp_path / ".local")}
    unset = run(tmp_path, "-c", show, **here)
    written_out = run(tmp_path, "-c", show, **{**defaults, **here})

    assert (unset.returncode, written_out.stdout) == (0, unset.stdout), written_out.stderr


def test_every_setting_of_the_example_has_a_comment_above_it():
    above = ""
    for line in EXAMPLE.splitlines():
        if EXPLAINED.match(line):
            assert above, f"{line} is not explained."
        above = line


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "ALLOWED_HOSTS"])
@pytest.mark.parametrize("command", [["manage.py", "migrate"], ["-m", "gunicorn"]], ids=["manage.py", "gunicorn"])
def test_it_does_not_go_public_without(tmp_path, command, missing):
    settings = {name: value for name, value in PRODUCTION.items() if name != missing}

    assert_refused_in_a_sentence(run(tmp_path, *command, **settings), "A2_PRODUCTION is on", missing, ".env.example")


@pytest.mark.parametrize("command", [["manage.py", "check"], ["-m", "gunicorn"]], ids=["manage.py", "gunicorn"])
def test_it_does_not_go_public_with_debug(tmp_path, command):
    assert_refused_in_a_sentence(run(tmp_path, *command, **PRODUCTION, DEBUG="on"), "DEBUG must be off")


def test_its_production_settings_pass_djangos_own_check(tmp_path):
    done = run(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("A2_STRICT", "perhaps", ["A2_STRICT is 'perhaps'", "on or off"]),
        ("A2_EXPORTS", "4", ["A2_EXPORTS is '4'", "0 to 3"]),
        ("A2_PROCESS", "juggler", ["A2_PROCESS is 'juggler'", "command, web, worker"]),
        ("A2_ADMIN_TIME_ZONE", "Seoul", ["A2_ADMIN_TIME_ZONE is 'Seoul'", "Asia/Seoul"]),
        ("DATABASE_URL", "sqlite:///a2.db", ["DATABASE_URL", "PostgreSQL"]),
    ],
)
def test_it_refuses_a_setting_that_says_nothing(tmp_path, name, value, words):
    assert_refused_in_a_sentence(run(tmp_path, "manage.py", "check", **{name: value}), *words)


def test_it_refuses_a_port_that_is_none(tmp_path):
    assert_refused_in_a_sentence(run(tmp_path, "-m", "gunicorn", PORT="http"), "PORT is 'http'", "65535")


def test_it_makes_a_secret_key_once_and_for_itself(tmp_path):
    show = "from django.conf import settings; print(settings.SECRET_KEY)"
    keys = {run(tmp_path, "-c", show, DJANGO_SETTINGS_MODULE="a2service.settings").stdout for _ in range(2)}

    assert len(keys) == 1
    assert len(keys.pop()) > 60
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
