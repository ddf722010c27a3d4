"""OpenID Connect against a provider that speaks real HTTP and can lie."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from console.context import OidcProvider
from storage.people import Role
from tests.console.conftest import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.console.conftest import Desk

KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
STRANGER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """A provider; ``claims`` and ``key`` are what it puts into the next identity token."""

    desk: Desk
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    algorithm: str = "RS256"
    issuer: str = ""
    told_issuer: str = ""
    left_out: str = ""
    exchanged: list[dict[str, list[str]]] = field(default_factory=list)
    forged: str = ""

    def identity(self) -> str:
        if self.forged:
            return self.forged
        now = int(self.desk.now.timestamp())
        usual = {
            "iss": self.issuer,
            "aud": "console",
            "sub": "U1",
            "exp": now + 300,
            "iat": now,
            "email": "kim@example.com",
            "email_verified": True,
        }
        header = {"alg": self.algorithm, "kid": "one"}
        return jwt.encode(header, {**usual, **self.claims}, self.key)


@pytest.fixture
def provider(desk: Desk) -> Iterator[Provider]:
    made = Provider(desk)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "openid-configuration" in self.path:
                metadata = {
                    "issuer": made.told_issuer or made.issuer,
                    "authorization_endpoint": f"{made.issuer}/authorize",
                    "token_endpoint": f"{made.issuer}/token",
                    "jwks_uri": f"{made.issuer}/keys",
                }
                metadata.pop(made.left_out, None)
                self.answer(metadata)
            else:
                self.answer({"keys": [KEY.as_dict(private=False)]})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            made.exchanged.append(parse_qs(body))
            if "code=good" not in body:
                self.answer({"error": "invalid_grant"}, 400)
                return
            self.answer({"access_token": "a", "token_type": "Bearer", "id_token": made.identity()})

        def answer(self, payload: object, status: int = 200) -> None:
            body = json.dumps(payload).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    desk.context = replace(
        desk.context, oidc=OidcProvider(made.issuer, "console", "secret", label="사내")
    )
    desk.person("ops", Role.OPERATOR)
    desk.person("kim@example.com")
    yield made
    server.shutdown()
    server.server_close()


def stranger(desk: Desk) -> Browser:
    browser = Browser(desk, login="ops")
    browser.http.cookies.clear()
    return browser


def start(browser: Browser, provider: Provider, path: str = "/stats") -> dict[str, str]:
    """Go to the provider; give what it was asked."""
    answer = browser.get(f"/sign-in/oidc?next={path}")
    asked = {
        name: values[0]
        for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()
    }
    provider.claims.setdefault("nonce", asked["nonce"])
    return asked


def test_a_known_person_comes_in_and_lands_where_they_wanted(
    desk: Desk, provider: Provider
) -> None:
    browser = stranger(desk)
    asked = start(browser, provider)
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")

    answer = browser.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/stats"
    assert "Kim@Example.Com" in browser.get("/stats").text
    assert provider.exchanged[0]["code_verifier"]
    [row] = desk.rows("SELECT oidc_subject FROM people WHERE login = 'kim@example.com'")
    assert row["oidc_subject"] == f"{provider.issuer}|U1"


@pytest.mark.parametrize(
    "lie",
    [
        {"aud": "another client"},
        {"iss": "https://evil.example"},
        {"nonce": "replayed"},
        {"exp": 1},
        {"email": "stranger@example.com"},
        {"email_verified": False},
    ],
    ids=str,
)
def test_a_wrong_identity_token_lets_nobody_in(
    desk: Desk, provider: Provider, lie: dict[str, object]
) -> None:
    browser = stranger(desk)
    provider.claims = dict(lie)
    asked = start(browser, provider)

    answer = browser.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")

    assert answer.status_code == 403
    assert browser.get("/").status_code == 303


def test_a_token_signed_by_somebody_else_lets_nobody_in(desk: Desk, provider: Provider) -> None:
    browser = stranger(desk)
    provider.key = STRANGER
    asked = start(browser, provider)

    answer = browser.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")

    assert answer.status_code == 403


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_without_a_real_signature_lets_nobody_in(
    desk: Desk, provider: Provider, algorithm: str
) -> None:
    browser = stranger(desk)
    asked = start(browser, provider)
    head, claims, _ = provider.identity().split(".")
    public = json.dumps(KEY.as_dict(private=False)).encode()
    head = packed(json.dumps({"alg": algorithm, "kid": "one"}).encode())
    signature = hmac.digest(public, f"{head}.{claims}".encode(), "sha256")
    forged = f"{head}.{claims}.{packed(signature) if algorithm == 'HS256' else ''}"
    provider.forged = forged

    answer = browser.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")

    assert answer.status_code == 403
    assert provider.exchanged


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_an_address_that_went_to_somebody_else_does_not_take_the_account_along(
    desk: Desk, provider: Provider
) -> None:
    browser = stranger(desk)
    asked = start(browser, provider)
    first = browser.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")
    assert first.status_code == 303
    other = stranger(desk)
    provider.claims = {"sub": "U2"}
    asked = start(other, provider)

    answer = other.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")

    assert answer.status_code == 403
    [row] = desk.rows("SELECT oidc_subject FROM people WHERE login = 'kim@example.com'")
    assert row["oidc_subject"] == f"{provider.issuer}|U1"


def test_an_answer_for_another_browser_lets_nobody_in(desk: Desk, provider: Provider) -> None:
    asked = start(stranger(desk), provider)
    victim = stranger(desk)
    start(victim, provider)

    answer = victim.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "query", ["", "?code=bad&state=STATE", "?state=STATE", "?code=good&state=é"]
)
def test_a_broken_answer_lets_nobody_in(desk: Desk, provider: Provider, query: str) -> None:
    browser = stranger(desk)
    asked = start(browser, provider)

    answer = browser.get("/sign-in/oidc/callback" + query.replace("STATE", asked["state"]))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("error", "said"),
    [("access_denied", "로그인을 취소하셨습니다"), ("server_error", "로그인을 받지 않았습니다")],
)
def test_who_is_refused_by_the_provider_is_told_so_and_may_try_again(
    desk: Desk, provider: Provider, error: str, said: str
) -> None:
    browser = stranger(desk)
    asked = start(browser, provider)

    answer = browser.get(f"/sign-in/oidc/callback?error={error}&state={asked['state']}")

    assert answer.status_code == 403
    assert said in answer.text
    assert 'href="/sign-in/oidc?next=/stats"' in answer.text
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_provider_that_names_no_address_is_said(
    desk: Desk, provider: Provider, name: str
) -> None:
    browser = stranger(desk)
    asked = start(browser, provider)
    provider.left_out = name

    begun = browser.get("/sign-in/oidc")
    ended = browser.get(f"/sign-in/oidc/callback?code=good&state={asked['state']}")

    assert (begun.status_code, ended.status_code) == (502, 403)
    assert f"설정에 {name}가 없습니다" in begun.text
    assert f"설정에 {name}가 없습니다" in ended.text


def test_a_provider_with_another_name_is_not_believed(desk: Desk, provider: Provider) -> None:
    provider.told_issuer = "https://evil.example"

    answer = stranger(desk).get("/sign-in/oidc")

    assert answer.status_code == 502


def test_a_silent_provider_is_said(desk: Desk, provider: Provider) -> None:
    desk.context = replace(desk.context, oidc=OidcProvider("http://127.0.0.1:9", "c", "s"))

    answer = stranger(desk).get("/sign-in/oidc")

    assert answer.status_code == 502
    assert "답하지 않습니다" in answer.text


def test_without_a_provider_the_way_does_not_exist(desk: Desk) -> None:
    desk.person("ops", Role.OPERATOR)

    assert stranger(desk).get("/sign-in/oidc").status_code == 404
    assert stranger(desk).get("/sign-in/oidc/callback").status_code == 404
