"""The access token of a request and its client, from one query that is compiled once."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from oauth2_provider.models import AbstractAccessToken, get_access_token_model

from segments.models import Client


@dataclass(frozen=True)
class Columns:
    """The columns of a model in a row, and what turns some of them into Python."""

    model: Any
    names: Sequence[str]
    converters: Sequence[tuple[int, Callable[..., Any]]]

    @classmethod
    def of(cls, model: Any) -> "Columns":
        fields = model._meta.concrete_fields
        converters = [
            (place, convert) for place, field in enumerate(fields) for convert in field.get_db_converters(connection)
        ]
        return cls(model, [field.attname for field in fields], converters)

    def read(self, row: Sequence[Any]) -> Any:
        values = list(row)
        for place, convert in self.converters:
            values[place] = convert(values[place], None, connection)
        return self.model.from_db(connection.alias, self.names, values)


@functools.cache
def statement() -> tuple[str, Columns, Columns]:
    """The query, as the ORM writes it, which takes longer for that than PostgreSQL for the answer."""
    tokens = get_access_token_model()
    query = tokens.objects.select_related("application").filter(token_checksum="").query
    return str(query.get_compiler(connection=connection).as_sql()[0]), Columns.of(tokens), Columns.of(Client)


def token_with_client(checksum: str) -> AbstractAccessToken | None:
    """The token with this checksum, and its client as `application`; None when there is no such token."""
    sql, of_token, of_client = statement()
    with connection.cursor() as cursor:
        cursor.execute(sql, [checksum])
        row = cursor.fetchone()
    if row is None:
        return None
    token = of_token.read(row[: len(of_token.names)])
    if token.application_id is not None:
        token.application = of_client.read(row[len(of_token.names) :])
    return token  # type: ignore[no-any-return]
