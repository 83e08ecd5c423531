"""What a start ends with: where everything is, and two requests to paste."""

import json
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from a2service.address import Address

SEED = {
    "management_type": "selfmanaged",
    "name": "<string>",
    "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "approximated_size": 123,
    "created_at": "2023-11-07T05:31:56Z",
    "deprecated_properties": {},
    "description": "<string>",
    "properties": {},
    "updated_at": "2023-11-07T05:31:56Z",
}
"""The body of the request that A2's documentation shows."""


@dataclass(frozen=True)
class Access:
    """Who can come in: the staff user, if its password is known, and the client whose tokens `make token` prints."""

    staff: str | None = None
    password: str | None = None
    client: str | None = None
    roles: tuple[str, ...] = ()
    """Names of others with the same password, one in each role."""
    settings: bool = False
    """Whether the environment says where the data are: another terminal has to say the same."""
    computed: dict[str, Any] | None = None
    """The body of a segment that the data here gives a size, if there are such data."""


def banner(version: str, address: Address, access: Access) -> str:
    """The text; everything in it can be pasted into bash or zsh."""
    parts = [places(version, address, access), token(access), request(address, SEED)]
    if access.computed:
        parts += [_("And one whose size is computed:"), request(address, access.computed)]
    return "\n" + "\n\n".join(parts) + "\n"


def places(version: str, address: Address, access: Access) -> str:
    title = _("A2 audience service %(version)s on %(url)s (Ctrl-C stops everything)")
    staff = _("make one with: .venv/bin/python manage.py createsuperuser")
    if access.password:
        staff = _("name %(name)s, password %(password)s") % {"name": access.staff, "password": access.password}
    lines = [
        title % {"version": version, "url": address.url},
        "",
        f"  {_('Admin'):6} {address.url}/admin/  {staff}",
        *([roles(access)] if access.password and access.roles else []),
        f"  {_('API'):6} {address.url}/docs/api",
    ]
    return "\n".join(lines)


def roles(access: Access) -> str:
    told = _("the same password opens %(first)s and %(last)s: one in each role")
    *first, last = access.roles
    return f"  {'':6} {told % {'first': ', '.join(first), 'last': last}}"


def token(access: Access) -> str:
    """How to come by a token: by the demo client's, or by a client that has to be made first."""
    intro = _("In another terminal, in this folder:")
    if access.settings:
        intro = _("In another terminal, in this folder, with the same settings (DATABASE_URL, A2_LOCAL_DIR):")
    if access.client:
        return f"{intro}\n\nTOKEN=$(make -s token)"
    python = ".venv/bin/python manage.py"
    create = f"{python} create_client trial --all-owners"
    return f"{intro}\n\n{create}\nTOKEN=$({python} issue_token trial)"


def request(address: Address, body: dict[str, Any]) -> str:
    """curl that creates this segment, as A2's documentation writes it."""
    fields = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in body.items())
    return f"""curl --request POST \\
  --url {address.url}/audiences/segments \\
  --header "Authorization: Bearer $TOKEN" \\
  --header 'Content-Type: application/json' \\
  --data '
{{
{fields}
}}
'"""
