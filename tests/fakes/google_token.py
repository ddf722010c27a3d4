"""The token endpoint that the fakes of Google's channels share; the wording of refusals is ours."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.marketplace import FakeMarketplace, Told, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.marketplace import Asked

EMAIL = "pyeongpan@fake-project.iam.gserviceaccount.com"
REFRESH_TOKEN = "1//fake-refresh-token"
CLIENT_SECRET = "fake-client-secret"
LIFE = timedelta(seconds=3599)


@lru_cache(maxsize=1)
def service_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account() -> dict[str, str]:
    """Give what the account's credentials file takes over from Google's key file."""
    pem = service_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {"client_email": EMAIL, "private_key": pem.decode(), "private_key_id": "key-1"}


class GoogleFake(FakeMarketplace):
    """Tokens for service accounts and for owners who have consented.

    Attributes:
        scope: What this interface wants a token for.
        issued: How many tokens were given out.
    """

    scope = ""
    breakages: tuple[str, ...] = ("secret", "permission", "clock", "quota", "expired")

    def __init__(self) -> None:
        super().__init__()
        self.issued = 0
        self.broken = ""
        self._tokens: dict[str, datetime] = {}

    def break_account(self, reason: str) -> None:
        self.broken = reason
        if reason == "clock":
            self.skew = timedelta(minutes=70)

    def expire_token(self) -> None:
        self._tokens.clear()

    def error(self, status: int) -> Told:
        words = {
            401: "UNAUTHENTICATED",
            403: "PERMISSION_DENIED",
            404: "NOT_FOUND",
            429: "RESOURCE_EXHAUSTED",
        }
        said = words.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
        return told(status, {"error": {"code": status, "message": "fake", "status": said}})

    def refusal(self, asked: Asked) -> Told | None:
        """Give why a request is refused before anybody looks at it."""
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, self.now) <= self.now:
            return self.error(401)
        if self.broken == "permission":
            return self.error(403)
        return self.error(429) if self.broken == "quota" else None

    def give_token(self, asked: Asked) -> Told:
        form = dict(parse_qsl(asked.body.decode()))
        if asked.method != "POST":
            return told(404, {"error": "not_found"})
        if form.get("grant_type") == "refresh_token":
            return self._for_consent(form)
        return self._for_assertion(form)

    def _for_consent(self, form: Mapping[str, str]) -> Told:
        if self.broken == "expired":
            return _bad("invalid_grant", "Token has been expired or revoked.")
        if form.get("client_secret") != CLIENT_SECRET:
            return told(401, {"error": "invalid_client", "error_description": "Unauthorized"})
        if form.get("refresh_token") != REFRESH_TOKEN:
            return _bad("invalid_grant", "Bad Request")
        return self._given()

    def _for_assertion(self, form: Mapping[str, str]) -> Told:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return _bad("unsupported_grant_type", "Invalid grant_type")
        if self.broken == "expired":
            return _bad("invalid_grant", "Token has been expired or revoked.")
        try:
            claims = jwt.decode(
                form.get("assertion", ""),
                service_key().public_key(),
                algorithms=["RS256"],
                audience=f"{self.url}/token",
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            return _bad("invalid_grant", "Invalid JWT Signature.")
        if self.broken == "secret":
            return _bad("invalid_grant", "Invalid JWT Signature.")
        now = self.now.timestamp()
        if not claims["iat"] - 300 <= now < claims["exp"] <= claims["iat"] + 3600:
            return _bad(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
                "reasonable timeframe. Check your iat and exp values in the JWT claim.",
            )
        if claims["iss"] != EMAIL or claims["scope"] != self.scope:
            return _bad("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return self._given()

    def _given(self) -> Told:
        token = f"ya29.{secrets.token_hex(16)}"
        self._tokens[token] = self.now + LIFE
        self.issued += 1
        life_s = int(LIFE.total_seconds())
        return told(200, {"access_token": token, "expires_in": life_s, "token_type": "Bearer"})


def _bad(error: str, description: str) -> Told:
    return told(400, {"error": error, "error_description": description})
