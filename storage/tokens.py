"""Rotating tokens of accounts, sealed, shared by processes."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from domain.errors import ChannelUnavailableError
from storage.models import TokenRow
from storage.session import insert_ignoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from storage.session import Database

_LEASE = timedelta(seconds=90)
"""Longer than the slowest renewal: a refresh token that two use is refused, and lost."""
_PATIENCE_S = 30.0
_PAUSE_S = 0.1


class DatabaseTokenStore:
    """A ``domain.brands.TokenStore`` on the database.

    Args:
        database: Where the tokens lie.
        seal: Encrypts.
        unseal: Decrypts.
    """

    def __init__(
        self, database: Database, seal: Callable[[bytes], bytes], unseal: Callable[[bytes], bytes]
    ) -> None:
        self._database = database
        self._seal = seal
        self._unseal = unseal

    def load(self, account_key: str) -> Mapping[str, str]:
        """Give the stored token, or an empty mapping."""
        with self._database.reading() as connection:
            sealed = connection.execute(
                select(TokenRow.sealed).where(TokenRow.account_key == account_key)
            ).scalar()
        if sealed is None:
            return {}
        token: dict[str, str] = json.loads(self._unseal(sealed))
        return token

    def save(self, account_key: str, token: Mapping[str, str]) -> None:
        """Replace the token in one transaction."""
        sealed = self._seal(json.dumps(dict(token)).encode())
        with self._database.unit_of_work() as connection:
            connection.execute(
                insert_ignoring(connection, TokenRow), [{"account_key": account_key}]
            )
            connection.execute(
                update(TokenRow).where(TokenRow.account_key == account_key).values(sealed=sealed)
            )

    @contextmanager
    def exclusive(self, account_key: str) -> Iterator[None]:
        """Hold the account's token alone.

        Raises:
            ChannelUnavailableError: Somebody else held it for too long.
        """
        holder = secrets.token_hex(8)
        deadline = time.monotonic() + _PATIENCE_S
        while not self._take(account_key, holder):
            if time.monotonic() > deadline:
                raise ChannelUnavailableError(f"{account_key}: the token is being refreshed")
            time.sleep(_PAUSE_S)
        try:
            yield
        finally:
            with self._database.unit_of_work() as connection:
                connection.execute(
                    update(TokenRow)
                    .where(TokenRow.account_key == account_key, TokenRow.lease_token == holder)
                    .values(lease_until=None, lease_token=None)
                )

    def _take(self, account_key: str, holder: str) -> bool:
        now = datetime.now(UTC)
        with self._database.unit_of_work() as connection:
            connection.execute(
                insert_ignoring(connection, TokenRow), [{"account_key": account_key}]
            )
            taken = connection.execute(
                update(TokenRow)
                .where(
                    TokenRow.account_key == account_key,
                    or_(TokenRow.lease_until.is_(None), TokenRow.lease_until <= now),
                )
                .values(lease_until=now + _LEASE, lease_token=holder)
            )
            return taken.rowcount == 1
