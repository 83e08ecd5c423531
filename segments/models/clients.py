"""The OAuth applications that call the API."""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.hashers import BasePasswordHasher
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import AbstractApplication, get_access_token_model, set_token_value
from oauthlib.common import generate_token

from segments.exceptions import Fault, Invalid, gettext_noop
from segments.models.owners import Owner
from segments.shapes import Text, Wrong

if TYPE_CHECKING:
    from segments.models.changes import Actor

AUDIENCE_SCOPES = ("audiences:read", "audiences:write")
LONGEST_NAME = 255
NAME = Text(about=gettext_noop("The name for people."), shortest=1, longest=LONGEST_NAME, visible=True)


class ClientQuerySet(models.QuerySet["Client"]):
    def register(
        self,
        name: str,
        *,
        owners: Iterable[uuid.UUID] = (),
        all_owners: bool = False,
        scopes: Iterable[str] | None = None,
        actor: "Actor",
    ) -> tuple["Client", str]:
        """The new client and its secret, which is shown here and never again; Invalid with all faults.

        It acts for the owners, who are registered if they were never seen, or for all of them. Without
        scopes it gets the default ones.
        """
        owner_ids = list(dict.fromkeys(owners))
        asked = default_scopes(all_owners) if scopes is None else list(scopes)
        if faults := self.faults(name, owner_ids, all_owners, asked):
            raise Invalid(faults)
        secret: str = generate_client_secret()
        client = self.model(
            name=name,
            client_secret=secret,
            client_type=Client.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Client.GRANT_CLIENT_CREDENTIALS,
            all_owners=all_owners,
            allowed_scopes=in_order(asked),
        )
        with whole_unless_taken(name):
            client.save()
            Owner.objects.register(owner_ids)
            client.owners.set(owner_ids)
            client.record("created", {}, client.registration(), actor)
        return client, secret

    def faults(
        self, name: str, owner_ids: Collection[uuid.UUID], all_owners: bool, scopes: Collection[str]
    ) -> list[Fault]:
        """Everything that is wrong with a registration; the name must not be one of these clients'."""
        return [*self._name_faults(name), *owner_faults(owner_ids, all_owners), *scope_faults(scopes, all_owners)]

    def _name_faults(self, name: str) -> list[Fault]:
        try:
            NAME.read(name, "/name")
        except Wrong as wrong:
            return list(wrong.faults)
        return [name_taken(name)] if self.filter(name=name).exists() else []


class Client(AbstractApplication):
    """An OAuth application that acts for its owners, or, as a platform client, for all of them."""

    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    owners = models.ManyToManyField(Owner, verbose_name=_("owners"), blank=True, related_name="clients")
    all_owners = models.BooleanField(
        _("platform client"), default=False, help_text=_("Acts for all owners, and may use the audiences: scopes.")
    )
    allowed_scopes = ArrayField(models.CharField(max_length=32), verbose_name=_("scopes"), default=list)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: its tokens are refused on the next request.")
    )

    objects = ClientQuerySet.as_manager()

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="client_names_are_unique"),
            models.CheckConstraint(
                condition=models.Q(all_owners=True) | ~models.Q(allowed_scopes__overlap=list(AUDIENCE_SCOPES)),
                name="audiences_are_for_platform_clients",
            ),
        ]

    def is_usable(self, request: object) -> bool:
        """Whether its tokens are honoured; django-oauth-toolkit asks at each use of one."""
        return self.is_active

    def acts_for(self, owner_id: uuid.UUID) -> bool:
        """Whether it may write under this owner."""
        return self.all_owners or self.owners.filter(pk=owner_id).exists()

    def scopes_left(self, granted: str) -> list[str]:
        """Those of a token's scopes that the client still has; one that it has lost since counts no more."""
        return [scope for scope in granted.split() if scope in self.allowed_scopes]

    def issue_token(self, lifetime: int = 3600) -> str:
        """A new bearer with all its scopes, good for so many seconds; only its checksum is kept."""
        bearer: str = generate_token()
        expires = timezone.now() + timedelta(seconds=lifetime)
        token = get_access_token_model()(application=self, scope=" ".join(self.allowed_scopes), expires=expires)
        set_token_value(token, bearer)
        token.save()
        return bearer

    def revise(self, values: Mapping[str, Any], actor: "Actor") -> None:
        """Change name, all_owners, owners, scopes or is_active; Invalid with all faults of what comes out of it."""
        before = self.registration()
        after = {**before, **values, "owners": [str(owner_id) for owner_id in values.get("owners", before["owners"])]}
        others = Client.objects.exclude(pk=self.pk)
        owner_ids = [uuid.UUID(owner_id) for owner_id in after["owners"]]
        if faults := others.faults(after["name"], owner_ids, after["all_owners"], after["scopes"]):
            raise Invalid(faults)
        self.name, self.all_owners, self.is_active = after["name"], after["all_owners"], after["is_active"]
        self.allowed_scopes = after["scopes"] = in_order(after["scopes"])
        with whole_unless_taken(self.name):
            self.save()
            self.owners.set(owner_ids)
            self.record("changed", before, after, actor)

    def renew_secret(self, actor: "Actor") -> str:
        """A new secret in place of the old one, which gets no more tokens; those that it got stay good."""
        secret: str = generate_client_secret()
        self.client_secret = secret
        with transaction.atomic():
            self.save()
            self.record("changed", {}, {"client_secret": "renewed"}, actor)
        return secret

    def revoke_tokens(self, actor: "Actor") -> int:
        """Revoke all its tokens, which counts on their next use; how many there were."""
        with transaction.atomic():
            count, _of_each = get_access_token_model().objects.filter(application=self).delete()
            self.record("changed", {}, {"tokens": "revoked"}, actor)
        return int(count)

    def registration(self) -> dict[str, Any]:
        """What the audit trail keeps of it."""
        return {
            "name": self.name,
            "all_owners": self.all_owners,
            "owners": [str(owner_id) for owner_id in self.owners.order_by("pk").values_list("pk", flat=True)],
            "scopes": self.allowed_scopes,
            "is_active": self.is_active,
        }

    def record(self, action: str, before: dict[str, Any], after: dict[str, Any], actor: "Actor") -> None:
        """Write to the audit trail what was done to the client, in the transaction that does it."""
        # The audit trail imports this module, so its model is reached through the relation.
        change = self.changes.model(
            action=action,
            kind="client",
            object_id=str(self.pk),
            label=self.name,
            before={name: value for name, value in before.items() if after.get(name) != value},
            after={name: value for name, value in after.items() if before.get(name) != value},
        )
        self.changes.record(actor, [change])


@contextmanager
def whole_unless_taken(name: str) -> Iterator[None]:
    """A transaction; Invalid when somebody faster has taken the client's name."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "client_names_are_unique" not in str(error):
            raise
        raise Invalid([name_taken(name)]) from None


def in_order(scopes: Collection[str]) -> list[str]:
    """The scopes in the order in which they are declared."""
    return [scope for scope in settings.SCOPES if scope in scopes]


def default_scopes(all_owners: bool) -> list[str]:
    """The scopes of a client that was given none: all for a platform client, else all but those of audiences."""
    return [scope for scope in settings.SCOPES if all_owners or scope not in AUDIENCE_SCOPES]


def name_taken(name: str) -> Fault:
    message = gettext_noop("A client is called '%(name)s' already. Choose another name.")
    return Fault("/name", "name_taken", message, {"name": name})


def owner_faults(owner_ids: Collection[uuid.UUID], all_owners: bool) -> Iterator[Fault]:
    """What is wrong with whom a client is to act for."""
    if all_owners and owner_ids:
        message = gettext_noop("A platform client acts for all owners. Leave the single ones out, or make it none.")
        yield Fault("/owners", "owners_of_a_platform_client", message)
    elif not all_owners and not owner_ids:
        yield Fault("/owners", "missing", gettext_noop("Name the owners it acts for, or make it a platform client."))


def scope_faults(scopes: Collection[str], all_owners: bool) -> Iterator[Fault]:
    """What is wrong with the scopes that a client is to have."""
    if not scopes:
        yield Fault("/scopes", "missing", gettext_noop("Give it one scope at least."))
    for index, scope in enumerate(scopes):
        if scope not in settings.SCOPES:
            message = gettext_noop("There is no scope '%(scope)s'. Choose from: %(scopes)s.")
            known = {"scope": scope[:60], "scopes": ", ".join(settings.SCOPES)}
            yield Fault(f"/scopes/{index}", "unknown_scope", message, known)
        elif scope in AUDIENCE_SCOPES and not all_owners:
            message = gettext_noop(
                "Only platform clients have %(scope)s: audiences carry every owner's attributes. "
                "Leave it out, or make this a platform client."
            )
            yield Fault(f"/scopes/{index}", "for_platform_clients", message, {"scope": scope})


class ClientSecretHasher(BasePasswordHasher):
    """One SHA-256 of a generated secret of 128 random characters.

    Slow hashes protect secrets that people choose; this one cannot be guessed, and PBKDF2 would cost
    0.23 CPU-seconds a token. OWASP ASVS 5.0, 6.5.2 allows it from 112 bits of entropy up.
    """

    algorithm = "sha256"

    def salt(self) -> str:
        return "generated"

    def encode(self, password: str, salt: str) -> str:
        digest = hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def verify(self, password: str, encoded: str) -> bool:
        return constant_time_compare(encoded, self.encode(password, encoded.split("$")[1]))

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, salt, digest = encoded.split("$")
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def safe_summary(self, encoded: str) -> Any:
        return {_("algorithm"): self.algorithm}

    def must_update(self, encoded: str) -> bool:
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to even out: one round is all there is."""
