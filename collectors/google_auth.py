"""Access tokens of Google's interfaces: a service account's, or an owner's consent.

A service account proves itself with a JWT it signs (RS256); an owner has consented once and left
a refresh token. Both give an access token of an hour, kept in the `TokenStore` so that processes
share it. It is renewed by one process at a time, a little before its end, and once more when
Google refuses it early.

Source: https://developers.google.com/identity/protocols/oauth2/service-account (Checked: 2026-11).
Unverified: the wording of the token endpoint's refusals.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import jwt

from collectors.base import CheckReason
from collectors.listing import required_credential
from collectors.tokens import Renewed, TokenKeeper, TokenRefusedError
from domain.errors import (
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    RateLimitedError,
    ReputationError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from collectors.base import Build
    from collectors.http import Answer, Refusal

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_ASSERTION_LIFE: Final = timedelta(hours=1)
_SERVICE_ACCOUNT: Final = ("client_email", "private_key")
_CONSENT: Final = ("client_id", "client_secret", "refresh_token")
_LIFE_UNSAID_S: Final = 300


class GoogleClient:
    """Asks one of Google's interfaces for one account, with a token that is good.

    Args:
        build: ``client_email`` and ``private_key`` of a service account's key file, or
            ``client_id``, ``client_secret`` and ``refresh_token``, are the credentials.
        scope: What the token is for.
    """

    def __init__(self, build: Build, scope: str) -> None:
        self._build = build
        self._scope = scope
        self._token_url = build.account.option("token_url", TOKEN_URL)
        self._has_consent = bool(build.account.credentials.get("refresh_token"))
        names = _CONSENT if self._has_consent else _SERVICE_ACCOUNT
        made_from = [required_credential(build, name) for name in names]
        self._keeper = TokenKeeper(build, "\n".join([scope, *made_from]), self._renew)

    def read(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        refusal: Refusal | None = None,
    ) -> Answer:
        """Ask a question; see `collectors.http.ChannelClient.read`.

        A token that Google refuses early is renewed once.
        """
        return self._keeper.using(
            lambda token: self._build.client.read(
                url, params=params, headers=_bearer(token), refusal=_first(refusal, refused)
            )
        )

    def write(
        self, url: str, *, method: str, content: object, refusal: Refusal | None = None
    ) -> Answer:
        """Change something; see `collectors.http.ChannelClient.write`.

        A refused token stored nothing, so that the write may be sent with the next one.
        """
        return self._keeper.using(
            lambda token: self._build.client.write(
                url,
                method=method,
                headers={**_bearer(token), "Content-Type": "application/json; charset=utf-8"},
                content=json.dumps(content, ensure_ascii=False).encode(),
                refusal=_first(refusal, refused),
            )
        )

    def _renew(self, kept: Mapping[str, str]) -> Renewed:
        del kept
        now = self._build.clock()
        form = self._consent() if self._has_consent else self._assertion(now)
        answer = self._build.client.read(
            self._token_url,
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
            refusal=partial(_refused_token, has_consent=self._has_consent),
        )
        token, life = parse_token(answer.json())
        return Renewed(token, now + life, {})

    def _consent(self) -> dict[str, str]:
        known = {name: required_credential(self._build, name) for name in _CONSENT}
        return {"grant_type": "refresh_token", **known}

    def _assertion(self, now: datetime) -> dict[str, str]:
        signed = sign_assertion(
            required_credential(self._build, "client_email"),
            required_credential(self._build, "private_key"),
            key_id=self._build.account.credentials.get("private_key_id", ""),
            scope=self._scope,
            audience=self._token_url,
            at=now,
        )
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sign_assertion(
    client_email: str, private_key: str, *, key_id: str, scope: str, audience: str, at: datetime
) -> str:
    """Sign what a service account proves itself with (RS256).

    Args:
        client_email: The service account's name.
        private_key: PEM, as in the key file.
        key_id: ``private_key_id`` of the key file; may be empty.
        scope: What the token is for.
        audience: The token endpoint.
        at: Now; the proof is good for an hour.

    Raises:
        ConfigurationError: The key is not one.
    """
    claims = {
        "iss": client_email,
        "scope": scope,
        "aud": audience,
        "iat": int(at.timestamp()),
        "exp": int((at + _ASSERTION_LIFE).timestamp()),
    }
    headers = {"kid": key_id} if key_id else None
    try:
        return jwt.encode(claims, private_key, algorithm="RS256", headers=headers)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise ConfigurationError(
            "private_key in the credentials file is not an RSA key in PEM"
        ) from None


def parse_token(body: object) -> tuple[str, timedelta]:
    """Read what the token endpoint gave: the token and how long it is good.

    Raises:
        ChannelUnavailableError: Something else came.
    """
    token = body.get("access_token") if isinstance(body, dict) else None
    life_s = body.get("expires_in") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise ChannelUnavailableError("google: no access token in the answer")
    if isinstance(life_s, bool) or not isinstance(life_s, int):
        life_s = _LIFE_UNSAID_S
    return token, timedelta(seconds=min(max(life_s, 0), 86_400))


def refused(answer: Answer) -> ReputationError | None:
    """Give what Google's own words in a 4xx answer mean; None where the status says it all."""
    if answer.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return None
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return TokenRefusedError("google: 401, the access token is refused", reason="expired")
    said = answer.text[:4000]
    if any(word in said for word in ("RESOURCE_EXHAUSTED", "ateLimitExceeded", "quotaExceeded")):
        return RateLimitedError("google: 403, the quota is spent")
    return CredentialRejectedError("google: 403, not permitted", reason="permission")


def _refused_token(answer: Answer, *, has_consent: bool) -> ReputationError | None:
    """Give what the token endpoint's refusal means; the status is 400 or 401."""
    if answer.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return None
    code, said = answer.error_code, answer.text[:4000]
    about = f"google: the token is refused ({answer.status} {code})".replace(" )", ")")
    if any(word in said for word in ("reasonable timeframe", "iat and exp", "clock")):
        return CredentialRejectedError(about, reason="clock")
    # Google says so of a refresh token that was revoked, too old or another client's.
    if "expired or revoked" in said or (has_consent and code == "invalid_grant"):
        return CredentialRejectedError(about, reason="expired")
    if code in {"unauthorized_client", "access_denied", "invalid_scope"}:
        return CredentialRejectedError(about, reason="permission")
    return CredentialRejectedError(about, reason="secret")


def _first(*refusals: Refusal | None) -> Refusal:
    """Ask several who know a channel's words; the first answer counts."""

    def ask(answer: Answer) -> ReputationError | None:
        for refusal in refusals:
            if refusal is not None and (error := refusal(answer)) is not None:
                return error
        return None

    return ask


REMEDIES: Final = {
    CheckReason.SECRET: "Google Cloud의 서비스 계정 키(JSON)에서 client_email과 private_key를, 또는 "
    "OAuth 클라이언트의 값을 인증 정보 파일에 다시 옮겨 주세요. 지운 키는 쓸 수 없습니다.",
    CheckReason.EXPIRED: "동의가 만료되었거나 철회되었습니다. 소유자 계정으로 다시 동의해 refresh_token을 "
    "새로 받아 주세요.",
}
"""What an operator does about refused credentials; which permission is the interface's own."""
