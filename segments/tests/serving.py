"""Servers for tests, each on a copy of one database that is migrated once a run and has the platform's client."""

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
MAKING = f"{READY}_new"
LOCK = 20_261_127


@contextmanager
def served(folder: Path, **settings: str) -> Iterator[Server]:
    """A server on a database of its own, which goes with it."""
    with copied(folder) as (url, token):
        server = Server(url, folder, token, **settings)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def copied(folder: Path) -> Iterator[tuple[str, str]]:
    """The DATABASE_URL of a database, and the access token of the platform in it."""
    name = f"a2_served_{uuid.uuid4().hex}"
    with session() as db:
        db.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        token = token_in(db) or make(db, folder)
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(READY)))
    try:
        yield url_of(name), token
    finally:
        with session() as db:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def token_in(db: psycopg.Connection) -> str:
    """It is kept as a remark on the database that it is good in; empty when there is none yet."""
    row = db.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [READY])
    return next((str(token) for (token,) in row), "")


def make(db: psycopg.Connection, folder: Path) -> str:
    """The token in the database that the others are copies of; one that was left unfinished is made anew."""
    making, ready = sql.Identifier(MAKING), sql.Identifier(READY)
    db.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(making))
    db.execute(sql.SQL("CREATE DATABASE {}").format(making))
    environment = {**os.environ, "DATABASE_URL": url_of(MAKING), "A2_LOCAL_DIR": str(folder)}
    manage(environment, "migrate", "--verbosity=0")
    manage(environment, "create_client", "platform", "--all-owners")
    token = manage(environment, "issue_token", "platform").strip()
    db.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(making, sql.Literal(token)))
    db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(making, ready))
    return token


def session() -> psycopg.Connection:
    return psycopg.connect(url_of("postgres"), autocommit=True)


def url_of(name: str) -> str:
    """The DATABASE_URL of a database on the PostgreSQL of this run."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
