"""manage.py create_client and issue_token: what they print, what they keep, and how they refuse."""

import json
import os
import subprocess
import sys
import threading
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as HttpClient
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from segments.models import Change, Client, Owner
from segments.models.changes import Actor

AccessToken = get_access_token_model()
ROOT = Path(__file__).resolve().parent.parent.parent
ALICE = "a11ce000-0000-4000-8000-000000000001"
NEW_OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
TAKEN = "NAME: A client is called 'reporting' already. Choose another name."
ALL_SCOPES = list(settings.SCOPES)
WITHOUT_AUDIENCES = [scope for scope in ALL_SCOPES if not scope.startswith("audiences:")]


def manage(*arguments: str) -> str:
    """What the command prints."""
    said = StringIO()
    call_command(*arguments, stdout=said, stderr=StringIO())
    return said.getvalue()


def create_client(*arguments: str) -> dict:
    return json.loads(manage("create_client", *arguments))


def refused(*arguments: str) -> str:
    """The sentence in which the command refuses; nothing is printed, and nothing is left behind."""
    before = counts()
    said = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*arguments, stdout=said, stderr=StringIO())
    assert caught.value.returncode == 2
    assert said.getvalue() == ""
    assert counts() == before
    return str(caught.value)


def counts() -> list[int]:
    return [model.objects.count() for model in (Client, Owner, Change, AccessToken)]


def ask_for_a_token(client: dict) -> dict:
    form = {"grant_type": "client_credentials", **{name: client[name] for name in ("client_id", "client_secret")}}
    body = "&".join(f"{name}={quote(text)}" for name, text in form.items())
    return HttpClient().post("/o/token/", body, content_type="application/x-www-form-urlencoded").json()


def status_at_the_api(bearer: str, path: str = "/audiences/segments") -> int:
    return HttpClient().get(path, headers={"Authorization": f"Bearer {bearer}"}).status_code


# create_client


def test_it_prints_one_json_object_on_one_line(db):
    said = manage("create_client", "reporting", "--owner", ALICE)

    assert said.endswith("}\n")
    assert len(said.splitlines()) == 1
    assert list(json.loads(said)) == ["client_id", "client_secret", "scopes", "owners"]


def test_it_prints_the_id_and_a_secret_that_get_a_token(db):
    client = create_client("reporting", "--owner", ALICE)

    token = ask_for_a_token(client)

    assert token["scope"].split() == client["scopes"]
    assert status_at_the_api(token["access_token"]) == 200


def test_it_keeps_the_secret_as_a_checksum(db):
    client = create_client("reporting", "--owner", ALICE)

    kept = Client.objects.get().client_secret
    assert len(client["client_secret"]) >= 32
    assert kept.startswith("sha256$")
    assert client["client_secret"] not in kept
    assert client["client_secret"] not in str(list(Change.objects.values()))


def test_it_gives_a_platform_client_all_six_scopes_and_no_single_owner(db):
    client = create_client("ad server", "--all-owners")

    assert (client["scopes"], client["owners"]) == (ALL_SCOPES, [])
    assert len(ALL_SCOPES) == 6
    assert Client.objects.get().all_owners


def test_it_gives_a_client_of_owners_all_scopes_but_those_of_audiences(db):
    client = create_client("reporting", "--owner", ALICE)

    assert (client["scopes"], client["owners"]) == (WITHOUT_AUDIENCES, [ALICE])
    assert not Client.objects.get().all_owners


def test_it_gives_the_scopes_that_are_named_and_no_others(db):
    scopes = ["--scope", "segments:write", "--scope", "segments:read", "--scope", "segments:read"]

    for name, whose in (("reporting", ["--owner", ALICE]), ("ad server", ["--all-owners"])):
        assert create_client(name, *whose, *scopes)["scopes"] == ["segments:read", "segments:write"]


def test_it_acts_for_each_owner_that_is_named(db):
    client = create_client("agency", "--owner", ALICE, "--owner", NEW_OWNER, "--owner", ALICE)

    assert client["owners"] == [ALICE, NEW_OWNER]
    assert {str(owner.pk) for owner in Client.objects.get().owners.all()} == {ALICE, NEW_OWNER}


def test_it_registers_an_owner_that_was_never_seen(owners):
    create_client("agency", "--owner", ALICE, "--owner", NEW_OWNER)

    assert Owner.objects.get(pk=NEW_OWNER).name.startswith("unnamed, first seen 20")
    assert Owner.objects.get(pk=ALICE).name == "Alice"


def test_it_reads_an_owner_in_capitals_and_prints_it_as_the_api_does(db):
    assert create_client("reporting", "--owner", ALICE.upper())["owners"] == [ALICE]


def test_it_lets_the_client_see_its_owners_and_no_others(api, draft):
    segment = api("alice").post("/audiences/segments", draft()).json()
    path = f"/audiences/segments/{segment['id']}"

    for whose, status in ((ALICE, 200), (NEW_OWNER, 404)):
        bearer = ask_for_a_token(create_client(whose, "--owner", whose))["access_token"]
        assert status_at_the_api(bearer, path) == status


def test_it_writes_down_that_it_registered_a_client(db):
    create_client("reporting", "--owner", ALICE, "--scope", "segments:read")

    change = Change.objects.get()
    assert (change.actor, change.action, change.label) == ("command create_client", "created", "reporting")
    expected = {"name": "reporting", "all_owners": False, "owners": [ALICE], "scopes": ["segments:read"]}
    assert expected.items() <= change.after.items()


@pytest.mark.parametrize("name", ["민지의 보고서", "Zoë & Søn <b>", "a" * 255, "- dash", "a  b"])
def test_it_takes_any_name_that_can_be_read(db, name):
    create_client("--all-owners", "--", name)

    assert Client.objects.get().name == name
    assert status_at_the_api(manage("issue_token", "--", name).strip()) == 200


# create_client refuses


def test_it_refuses_a_name_that_is_taken(db):
    create_client("reporting", "--owner", ALICE)

    for whose in (["--owner", NEW_OWNER], ["--all-owners"]):
        sentence = refused("create_client", "reporting", *whose)
        assert sentence == TAKEN


def test_it_refuses_the_name_of_an_inactive_client_too(db):
    create_client("reporting", "--owner", ALICE)
    Client.objects.update(is_active=False)

    assert "already" in refused("create_client", "reporting", "--all-owners")


@pytest.mark.django_db(transaction=True)
def test_it_lets_one_of_many_have_a_name_when_they_come_at_once():
    barrier, made, refusals = threading.Barrier(4), [], []

    def register() -> None:
        barrier.wait()
        try:
            made.append(create_client("reporting", "--owner", NEW_OWNER))
        except CommandError as error:
            refusals.append((error.returncode, str(error)))
        finally:
            connection.close()

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert refusals == [(2, TAKEN)] * 3


def test_it_says_which_flag_to_add_when_there_is_none(db):
    sentence = refused("create_client", "reporting")

    assert "--all-owners" in sentence
    assert "--owner UUID" in sentence


def test_it_refuses_both_flags_at_once(db):
    assert "either --all-owners, or --owner" in refused("create_client", "both", "--all-owners", "--owner", ALICE)


@pytest.mark.parametrize("scope", ["audiences:read", "audiences:write"])
def test_it_refuses_the_scopes_of_audiences_to_a_client_of_owners(db, scope):
    sentence = refused("create_client", "x", "--owner", NEW_OWNER, "--scope", "segments:read", "--scope", scope)

    assert sentence.startswith(f"--scope: Only platform clients have {scope}: ")
    assert "Leave it out" in sentence


@pytest.mark.parametrize("scope", ["read", "", "segments:READ", "segments:read segments:write", "introspection", "*"])
@pytest.mark.parametrize("whose", [["--all-owners"], ["--owner", NEW_OWNER]])
def test_it_refuses_a_scope_that_there_is_not(db, scope, whose):
    sentence = refused("create_client", "reporting", *whose, "--scope", scope)

    assert f"no scope '{scope}'" in sentence
    assert ", ".join(ALL_SCOPES) in sentence


@pytest.mark.parametrize(
    "owner", ["alice", "", "5", NEW_OWNER[:-1], NEW_OWNER.replace("-", ""), f"{{{NEW_OWNER}}}", f"urn:uuid:{NEW_OWNER}"]
)
def test_it_refuses_an_owner_that_is_no_uuid(db, owner):
    sentence = refused("create_client", "reporting", "--owner", NEW_OWNER, "--owner", owner)

    assert repr(owner) in sentence
    assert NEW_OWNER in sentence


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "a\nb", "bell\a", "nul\0", "\udcff", "abc\u202edef", "a" * 256])
def test_it_refuses_a_name_that_cannot_be_read(db, name):
    assert refused("create_client", name, "--all-owners").startswith("NAME: ")


def test_it_tells_everything_that_is_wrong_at_once(db):
    create_client("reporting", "--all-owners")

    sentences = refused("create_client", "reporting", "--owner", ALICE, "--scope", "x", "--scope", "audiences:read")

    assert len(sentences.splitlines()) == 3


# issue_token


@pytest.mark.parametrize(
    "whose", [["--owner", ALICE], ["--all-owners"], ["--owner", ALICE, "--scope", "segments:read"]]
)
def test_it_prints_a_bearer_that_opens_the_api_and_nothing_else(db, whose):
    client = create_client("reporting", *whose)

    said = manage("issue_token", "reporting")

    bearer = said.removesuffix("\n")
    assert bearer.isalnum()
    assert len(bearer) >= 22
    assert status_at_the_api(bearer) == 200
    assert AccessToken.objects.get().scope.split() == client["scopes"]


def test_it_issues_another_token_each_time_and_the_first_stays_good(db):
    create_client("reporting", "--owner", ALICE)

    bearers = [manage("issue_token", "reporting").strip() for _ in range(2)]

    assert len(set(bearers)) == 2
    assert [status_at_the_api(bearer) for bearer in bearers] == [200, 200]


def test_it_issues_a_token_for_an_hour_and_keeps_a_checksum(db):
    create_client("reporting", "--owner", ALICE)

    bearer = manage("issue_token", "reporting").strip()

    token = AccessToken.objects.get()
    assert timedelta(minutes=59) < token.expires - timezone.now() <= timedelta(hours=1)
    assert bearer not in str(list(AccessToken.objects.values()))


@pytest.mark.parametrize("name", ["nobody", "", "Reporting", "reporting ", "nul\0", "\udcff"])
def test_it_says_how_to_register_a_client_that_there_is_not(db, name):
    create_client("reporting", "--owner", ALICE)

    sentence = refused("issue_token", name)

    assert repr(name) in sentence
    assert "python manage.py create_client" in sentence
    assert "--all-owners" in sentence


def test_it_says_where_an_inactive_client_is_switched_on(db):
    create_client("reporting", "--owner", ALICE)
    Client.objects.update(is_active=False)

    sentence = refused("issue_token", "reporting")

    assert "'reporting' is switched off" in sentence
    assert "/admin/" in sentence


# As they are typed


@pytest.fixture
def shell(transactional_db, tmp_path):
    """The commands as processes of their own, over the database of the tests."""
    name = connection.settings_dict["NAME"]
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    environment = {**os.environ, "DATABASE_URL": url, "A2_LOCAL_DIR": str(tmp_path)}

    def run(*arguments: str | bytes) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def test_it_prints_nothing_else_when_it_is_typed(shell):
    created = shell("create_client", "ad server", "--all-owners")
    issued = shell("issue_token", "ad server")

    assert (created.returncode, created.stderr, issued.returncode, issued.stderr) == (0, "", 0, "")
    assert len(created.stdout.splitlines()) == len(issued.stdout.splitlines()) == 1
    bearer = ask_for_a_token(json.loads(created.stdout))["access_token"]
    assert status_at_the_api(bearer) == status_at_the_api(issued.stdout.rstrip("\n")) == 200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create_client", "reporting"], "--all-owners, or --owner UUID"),
        (["create_client", "taken", "--all-owners"], "'taken' already"),
        (["create_client", "reporting", "--owner", ALICE, "--scope", "audiences:read"], "platform clients"),
        (["create_client"], "name"),
        (["issue_token", "nobody"], "create_client"),
        (["issue_token", b"\xff"], "create_client"),
        (["issue_token"], "client_name"),
    ],
)
def test_it_exits_2_with_a_sentence_when_it_is_typed(shell, arguments, words):
    Client.objects.register("taken", owners=[uuid.UUID(ALICE)], actor=Actor(command="test"))

    done = shell(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
