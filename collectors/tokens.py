"""Tokens that channels give out: kept for every process, renewed by one at a time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from domain.errors import CredentialRejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from collectors.base import Build

_MARGIN: Final = timedelta(minutes=1)
_Result = TypeVar("_Result")


class TokenRefusedError(CredentialRejectedError):
    """The channel does not take the token; a new one may help."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """A token as a channel gave it.

    Attributes:
        kept: Whatever else the next renewal needs (a refresh token).
    """

    access_token: str
    expires_at: datetime
    kept: Mapping[str, str]


class TokenKeeper:
    """Gives one account's token, and sees that two workers never renew it at once.

    Args:
        build: The account, its store and its clock.
        made_from: The credentials behind the token; with others, what was kept is forgotten.
        renew: Asks the channel, given what was kept with the last token (empty at first).
    """

    def __init__(
        self, build: Build, made_from: str, renew: Callable[[Mapping[str, str]], Renewed]
    ) -> None:
        self._build = build
        self._made_from = hashlib.sha256(made_from.encode()).hexdigest()[:32]
        self._renew = renew

    def using(self, ask: Callable[[str], _Result]) -> _Result:
        """Ask or write with the token; once more with a new one when it is refused.

        A refused token has stored nothing.

        Raises:
            CredentialRejectedError: The new token is refused, too, or none is given.
        """
        token = self.current()
        try:
            return ask(token)
        except TokenRefusedError:
            return ask(self.replaced(token))

    def current(self) -> str:
        """Give the token, renewed when it is about to expire."""
        return self._fresh(self._kept()) or self.replaced("")

    def replaced(self, refused: str) -> str:
        """Give another token than ``refused``; somebody else's, if one was got meanwhile."""
        key = self._build.account.key
        with self._build.tokens.exclusive(key):
            kept = self._kept()
            token = self._fresh(kept)
            if token and token != refused:
                return token
            renewed = self._renew(kept)
            self._build.tokens.save(
                key,
                {
                    **renewed.kept,
                    "access_token": renewed.access_token,
                    "expires_at": renewed.expires_at.isoformat(),
                    "made_from": self._made_from,
                },
            )
        return renewed.access_token

    def _kept(self) -> Mapping[str, str]:
        kept = self._build.tokens.load(self._build.account.key)
        return kept if kept.get("made_from") == self._made_from else {}

    def _fresh(self, kept: Mapping[str, str]) -> str:
        token = kept.get("access_token", "")
        if not token:
            return ""
        expires_at = datetime.fromisoformat(kept["expires_at"])
        return token if self._build.clock() < expires_at - _MARGIN else ""
