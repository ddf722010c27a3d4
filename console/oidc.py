"""Signing in with OpenID Connect: authorization code with PKCE, state and nonce.

Source: OpenID Connect Core 1.0, section 3.1 (checked 2026-11-21).
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from domain.errors import ChannelUnavailableError, CredentialRejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from console.context import OidcProvider

_TIMEOUT_S = 10.0
_ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
"""Never ``none``, never a shared secret."""
_LEEWAY_S = 60
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Started:
    """A sign-in on its way: where the browser goes, and what it must bring back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider said.

    Attributes:
        subject: ``issuer|subject``.
        email: Only if the provider says it is verified; else empty.
    """

    subject: str
    email: str


def begin(provider: OidcProvider, callback: str) -> Started:
    """Make the address a browser is sent to.

    Raises:
        ChannelUnavailableError: The provider does not answer; Korean, for the person.
    """
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    with _client(provider, callback) as client:
        metadata = _metadata(client, provider)
        address, _ = client.create_authorization_url(
            metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
    return Started(str(address), state, nonce, verifier)


def finish(
    provider: OidcProvider,
    callback: str,
    kept: Mapping[str, str],
    *,
    code: str,
    state: str,
    now: datetime,
) -> Told:
    """Exchange the code and check the identity token.

    Args:
        provider: Who was asked.
        callback: Our own address, as the provider knows it.
        kept: ``state``, ``nonce`` and ``verifier`` as this browser kept them.
        code: What the provider sent.
        state: What the provider sent back.
        now: For the token's times.

    Raises:
        CredentialRejectedError: The answer is not for this browser, or the token is not good.
        ChannelUnavailableError: The provider does not answer.
    """
    if (
        not code
        or not kept.get("state")
        or not secrets.compare_digest(kept["state"].encode(), state.encode("utf-8", "replace"))
    ):
        raise CredentialRejectedError("로그인이 이 브라우저에서 시작되지 않았습니다.")
    with _client(provider, callback) as client:
        metadata = _metadata(client, provider)
        try:
            answer = client.fetch_token(
                metadata["token_endpoint"], code=code, code_verifier=kept.get("verifier", "")
            )
        except OAuthError:
            raise CredentialRejectedError("로그인 서버가 코드를 받지 않았습니다.") from None
        except Exception as error:
            raise _unavailable(provider) from error
        keys = _json(client, metadata["jwks_uri"], provider)
    claims = _claims(provider, str(answer.get("id_token", "")), keys, kept.get("nonce", ""), now)
    email = str(claims.get("email", "")) if claims.get("email_verified") is True else ""
    return Told(f"{provider.issuer}|{claims['sub']}", email)


def _claims(
    provider: OidcProvider, token: str, keys: Mapping[str, Any], nonce: str, now: datetime
) -> dict[str, Any]:
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
        jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": provider.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(decoded.claims)
    except (JoseError, ValueError, KeyError, TypeError):
        raise CredentialRejectedError("로그인 서버의 확인서가 올바르지 않습니다.") from None
    return dict(decoded.claims)


def _client(provider: OidcProvider, callback: str) -> OAuth2Client:
    return OAuth2Client(
        provider.client_id,
        provider.client_secret,
        scope="openid profile email",
        redirect_uri=callback,
        code_challenge_method="S256",
        timeout=_TIMEOUT_S,
        follow_redirects=False,
    )


def _metadata(client: OAuth2Client, provider: OidcProvider) -> dict[str, Any]:
    address = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
    metadata = _json(client, address, provider)
    if metadata.get("issuer") != provider.issuer:
        raise CredentialRejectedError("로그인 서버가 다른 이름을 댑니다.")
    for name in _ENDPOINTS:
        if not isinstance(metadata.get(name), str):
            raise ChannelUnavailableError(
                f"{provider.label} 로그인 서버의 설정에 {name}가 없습니다. 운영자에게 알려 주세요."
            )
    return metadata


def _json(client: OAuth2Client, address: str, provider: OidcProvider) -> dict[str, Any]:
    try:
        answer = client.request("GET", address, withhold_token=True)
        answer.raise_for_status()
        found = answer.json()
    except Exception as error:
        raise _unavailable(provider) from error
    if not isinstance(found, dict):
        raise _unavailable(provider)
    return found


def _unavailable(provider: OidcProvider) -> ChannelUnavailableError:
    return ChannelUnavailableError(f"{provider.label} 로그인 서버가 답하지 않습니다.")


def pack(text: str) -> str:
    """Write a text as a cookie's value."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def unpack(cookie: str) -> dict[str, str]:
    """Read what ``pack`` wrote; empty for anything else."""
    try:
        found = json.loads(base64.urlsafe_b64decode(cookie.encode()))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): str(value) for key, value in found.items()}
