"""Servers for tests, each on a copy of one database that is migrated once a run and has the platform's client.

There is another one with the demo account in it, and an empty one can be had, too.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from segments.tests.server import ROOT, Server, manage

# By what makes it, so that one of an earlier run on the same PostgreSQL is not taken for this one's.
MIGRATIONS = b"".join(path.read_bytes() for path in sorted(ROOT.glob("segments/migrations/*.py")))
READY = f"a2_served_{hashlib.sha256(MIGRATIONS).hexdigest()[:12]}"
DEMO = f"{READY}_demo"
LOCK = 20_261_127
ACCOUNT = (
    "from segments.demo import account; from segments.models.changes import Actor; account.make(Actor(command='run'))"
)


@contextmanager
def served(folder: Path, *, demo: bool = False, **settings: str) -> Iterator[Server]:
    """A server on a database of its own, which goes with it; with the demo account, as `make run` has one."""
    with copied(folder, demo=demo) as (url, token):
        server = Server(url, folder, token, **settings)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def copied(folder: Path, *, demo: bool = False) -> Iterator[tuple[str, str]]:
    """The DATABASE_URL of a database, and the access token of the platform in it."""
    with session() as db:
        db.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        token = token_in(db, READY) or make(db, READY, "template1", folder)
        if demo and not token_in(db, DEMO):
            make(db, DEMO, READY, folder)
        name = create(db, DEMO if demo else READY)
    try:
        yield url_of(name), token
    finally:
        drop(name)


@contextmanager
def empty() -> Iterator[str]:
    """The DATABASE_URL of a database without tables."""
    with session() as db:
        name = create(db, "template1")
    try:
        yield url_of(name)
    finally:
        drop(name)


def create(db: psycopg.Connection, template: str) -> str:
    name = f"a2_served_{uuid.uuid4().hex}"
    db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    return name


def drop(name: str) -> None:
    with session() as db:
        db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def token_in(db: psycopg.Connection, name: str) -> str:
    """It is kept as a remark on the database that it is good in; empty when there is none yet."""
    row = db.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name])
    return next((str(token) for (token,) in row), "")


def make(db: psycopg.Connection, name: str, template: str, folder: Path) -> str:
    """The token in a database that others are copies of; one that was left unfinished is made anew."""
    making = sql.Identifier(f"{name}_new")
    db.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(making))
    db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(making, sql.Identifier(template)))
    environment = {**os.environ, "DATABASE_URL": url_of(f"{name}_new"), "A2_LOCAL_DIR": str(folder)}
    if name == DEMO:
        manage(environment, "shell", "-c", ACCOUNT)
        token = token_in(db, READY)
    else:
        manage(environment, "migrate", "--verbosity=0")
        manage(environment, "create_client", "platform", "--all-owners")
        token = manage(environment, "issue_token", "platform").strip()
    db.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(making, sql.Literal(token)))
    db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(making, sql.Identifier(name)))
    return token


def session() -> psycopg.Connection:
    return psycopg.connect(url_of("postgres"), autocommit=True)


def url_of(name: str) -> str:
    """The DATABASE_URL of a database on the PostgreSQL of this run."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
