"""A fake App Store Connect and its public feed, from section 5.2 of the channel reference.

The wording of refusals follows the shape of the OpenAPI document; the words are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from domain.brands import Account
from tests.fakes.marketplace import Asked, FakeMarketplace, Told, told

APP_ID = "1234567890"
KEY_ID = "ABC123DEFG"
ISSUER_ID = "57246542-96fe-1a63-e053-0824d011072a"
CUPERTINO = ZoneInfo("America/Los_Angeles")


@lru_cache(maxsize=2)
def key(name: str) -> ec.EllipticCurvePrivateKey:
    del name
    return ec.generate_private_key(ec.SECP256R1())


def pem(name: str) -> str:
    return (
        key(name)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@dataclass
class _Review:
    number: int
    text: str
    created_at: datetime
    response: str | None = None
    response_state: str = "PUBLISHED"
    responded_at: datetime | None = None


class AppStore(FakeMarketplace):
    """The reviews of one app.

    Attributes:
        publishes_at_once: False to leave responses ``PENDING_PUBLISH`` until `publish_responses`.
        feed: What the public feed gives, by page; empty pages where there is nothing.
    """

    channel = "app_store"
    breakages = ("secret", "permission", "clock", "quota")

    def __init__(self) -> None:
        super().__init__()
        self.publishes_at_once = False
        self.feed: dict[int, object] = {}
        self._reviews: dict[str, _Review] = {}
        self._last_number = 0
        self._broken = ""

    def account(self) -> Account:
        return Account(
            "brand",
            "appstore",
            self.channel,
            credentials={
                "key_id": KEY_ID,
                "issuer_id": ISSUER_ID,
                "private_key": pem("other" if self._broken == "secret" else "ours"),
            },
            options={"base_url": self.url, "app_id": APP_ID},
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        del surface
        self._last_number += 1
        number = f"00000000-2a8f-4e4c-b2a5-{self._last_number:012d}"
        self._reviews[number] = _Review(self._last_number, text, written_at)
        return f"asc:{number}"

    def edit(self, native_id: str, text: str) -> None:
        self._of(native_id).text = text

    def delete(self, native_id: str) -> None:
        del self._reviews[native_id.removeprefix("asc:")]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        self._store(self._of(native_id), text)

    def publish_responses(self) -> None:
        """Let Apple show what waits."""
        for review in self._reviews.values():
            review.response_state = "PUBLISHED"

    def stored_replies(self, native_id: str) -> list[str]:
        review = self._reviews.get(native_id.removeprefix("asc:"))
        return [review.response] if review and review.response is not None else []

    def break_account(self, reason: str) -> None:
        self._broken = reason
        if reason == "clock":
            self.skew = timedelta(minutes=30)

    def error(self, status: int) -> Told:
        codes = {
            401: "NOT_AUTHORIZED",
            403: "FORBIDDEN_ERROR",
            404: "NOT_FOUND",
            409: "ENTITY_ERROR",
            429: "RATE_LIMIT_EXCEEDED",
        }
        code = codes.get(status, "UNEXPECTED_ERROR" if status >= 500 else "PARAMETER_ERROR")
        error = {"status": str(status), "code": code, "title": "fake", "detail": "fake"}
        return told(status, {"errors": [error]})

    def answer(self, asked: Asked) -> Told:
        if found := re.fullmatch(
            rf"/kr/rss/customerreviews/page=(\d+)/id={APP_ID}/sortby=mostrecent/json", asked.path
        ):
            return told(200, self.feed.get(int(found[1]), {"feed": {"author": {}}}))
        if refusal := self._refusal(asked):
            return refusal
        line = f"{asked.method} {asked.path}"
        if line == f"GET /v1/apps/{APP_ID}/customerReviews":
            return self._list(asked)
        if found := re.fullmatch(r"GET /v1/customerReviews/([\w-]+)", line):
            review = self._reviews.get(found[1])
            return self._one(asked, found[1], review) if review else self.error(404)
        if line == "POST /v1/customerReviewResponses":
            return self._respond(asked)
        return self.error(404)

    def _refusal(self, asked: Asked) -> Told | None:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                key("ours").public_key(),
                algorithms=["ES256"],
                audience="appstoreconnect-v1",
                issuer=ISSUER_ID,
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            return self.error(401)
        now = self.now.timestamp()
        is_short = claims["exp"] - claims["iat"] <= 20 * 60
        if header.get("kid") != KEY_ID or not is_short:
            return self.error(401)
        if not claims["iat"] - 60 <= now < claims["exp"]:
            return self.error(401)
        if self._broken == "permission":
            return self.error(403)
        return self.error(429) if self._broken == "quota" else None

    def _list(self, asked: Asked) -> Told:
        params = asked.params
        size = int(params.get("limit", "50"))
        is_place = re.fullmatch(r"(-?\d+~-?\d+)?", params.get("cursor", ""))
        if not is_place or not 1 <= size <= 200 or params.get("sort") != "-createdDate":
            return self.error(400)
        listed = sorted(self._reviews.items(), key=lambda pair: _place(pair[1]))
        after = tuple(int(part) for part in params.get("cursor", "").split("~") if part)
        left = [pair for pair in listed if _place(pair[1]) > after]
        shown = left[:size]
        body = self._document(asked, [self._row(number, review) for number, review in shown], shown)
        links = {"self": f"{self.url}{asked.path}?{asked.query}"}
        if len(left) > size:
            first, second = _place(shown[-1][1])
            query = {**params, "cursor": f"{first}~{second}"}
            links["next"] = f"{self.url}{asked.path}?{urlencode(query)}"
        body["links"] = links
        body["meta"] = {"paging": {"total": len(listed), "limit": size}}
        return told(200, body, {"X-Rate-Limit": "user-hour-lim:3600;user-hour-rem:3500;"})

    def _one(self, asked: Asked, number: str, review: _Review) -> Told:
        body = self._document(asked, self._row(number, review), [(number, review)])
        return told(200, {**body, "links": {"self": f"{self.url}{asked.path}"}})

    def _document(
        self, asked: Asked, data: object, shown: list[tuple[str, _Review]]
    ) -> dict[str, object]:
        body: dict[str, object] = {"data": data}
        if "response" in asked.params.get("include", ""):
            body["included"] = [
                self._response(number, review)
                for number, review in shown
                if review.response is not None
            ]
        return body

    def _row(self, number: str, review: _Review) -> dict[str, object]:
        relation: dict[str, object] = {"links": {"related": f"{self.url}/v1/x"}}
        if review.response is not None:
            relation["data"] = {"type": "customerReviewResponses", "id": f"resp-{number}"}
        return {
            "type": "customerReviews",
            "id": number,
            "attributes": {
                "rating": review.number % 5 + 1,
                "title": "별점 남깁니다",
                "body": review.text,
                "reviewerNickname": "새벽별",
                "createdDate": _stamp(review.created_at),
                "territory": "KOR",
            },
            "relationships": {"response": relation},
        }

    def _response(self, number: str, review: _Review) -> dict[str, object]:
        return {
            "type": "customerReviewResponses",
            "id": f"resp-{number}",
            "attributes": {
                "responseBody": review.response,
                "lastModifiedDate": _stamp(review.responded_at or self.now),
                "state": review.response_state,
            },
        }

    def _respond(self, asked: Asked) -> Told:
        data = asked.json().get("data")
        if not isinstance(data, dict) or data.get("type") != "customerReviewResponses":
            return self.error(409)
        try:
            number = data["relationships"]["review"]["data"]["id"]
            text = data["attributes"]["responseBody"]
        except (KeyError, TypeError):
            return self.error(409)
        review = self._reviews.get(number)
        if review is None:
            return self.error(404)
        if not isinstance(text, str) or not text.strip() or len(text) > 5970:
            return self.error(409)
        self._store(review, text)
        if not self.publishes_at_once:
            review.response_state = "PENDING_PUBLISH"
        body = {"data": self._response(number, review), "links": {"self": f"{self.url}/v1/x"}}
        return told(201, body)

    def _store(self, review: _Review, text: str) -> None:
        review.response, review.responded_at = text, self.now
        review.response_state = "PUBLISHED"

    def _of(self, native_id: str) -> _Review:
        return self._reviews[native_id.removeprefix("asc:")]


def _place(review: _Review) -> tuple[int, int]:
    return -int(review.created_at.timestamp() * 1000), -review.number


def _stamp(at: datetime) -> str:
    return at.astimezone(CUPERTINO).isoformat(timespec="seconds")
