"""The demo's staff user and client, and the file that keeps their secrets: A2_LOCAL_DIR/credentials."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group, User
from oauth2_provider.generators import generate_client_secret

from segments.models import Client
from segments.models.changes import Actor

STAFF, CLIENT = "staff", "demo"
IN_ROLES = {
    "viewer": "Viewer",
    "editor": "Segment editor",
    "catalogue": "Catalogue manager",
    "administrator": "Administrator",
}
"""One more login for each role, with the password of the staff user."""


@dataclass(frozen=True)
class Credentials:
    """What the file says; empty where nothing is known."""

    staff: str = ""
    password: str = ""
    client: str = ""
    client_id: str = ""
    client_secret: str = ""

    @classmethod
    def read(cls, path: Path) -> "Credentials":
        """What the file keeps; nothing when there is none, or none that can be read as one."""
        try:
            kept = json.loads(path.read_text())
            return cls(**{field.name: str(kept[field.name]) for field in fields(cls)})
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")


def ensure(path: Path) -> Credentials:
    """Make the staff user, the client and the file agree, whichever of them is missing or was changed."""
    kept = Credentials.read(path)
    made = with_client(with_staff(kept))
    log_in_by_role()
    if made != kept:
        made.write(path)
    return made


def known(path: Path) -> Credentials:
    """What of the file is true for this database, of which nothing is changed."""
    kept = Credentials.read(path)
    client = Client.objects.filter(name=CLIENT, is_active=True).first()
    return replace(
        kept, password=kept.password if opens(kept.password) else "", client=CLIENT if client is not None else ""
    )


def opens(password: str) -> bool:
    """Whether this is the password of the staff user."""
    user = User.objects.filter(username=STAFF, is_active=True, is_staff=True).first()
    return bool(password) and user is not None and user.check_password(password)


def with_staff(kept: Credentials) -> Credentials:
    """The same with a staff user who has its password."""
    if opens(kept.password):
        return kept
    password = kept.password or secrets.token_urlsafe(18)
    user, _created = User.objects.get_or_create(username=STAFF)
    user.is_active = user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    return replace(kept, staff=STAFF, password=password)


def log_in_by_role() -> None:
    """Somebody in each role; the password's hash is copied, as making one takes a quarter of a second."""
    password = User.objects.values_list("password", flat=True).get(username=STAFF)
    for username, role in IN_ROLES.items():
        user, _created = User.objects.update_or_create(
            username=username, defaults={"password": password, "is_staff": True, "is_active": True}
        )
        user.groups.set(Group.objects.filter(name=role))


def with_client(kept: Credentials) -> Credentials:
    """The same with a platform client that has its secret."""
    client = Client.objects.filter(name=CLIENT).first()
    if client is None:
        client, secret = Client.objects.register(CLIENT, all_owners=True, actor=Actor(command="run"))
    elif client.client_id == kept.client_id and check_password(kept.client_secret, client.client_secret):
        return kept
    else:
        secret = generate_client_secret()
        client.client_secret = secret
        client.save()
    return replace(kept, client=CLIENT, client_id=client.client_id, client_secret=secret)
