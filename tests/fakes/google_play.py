"""A fake Google Play reviews interface, from section 5.1 of the channel reference."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from domain.brands import Account
from tests.fakes.google_token import GoogleFake, service_account
from tests.fakes.marketplace import Asked, Told, told

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "com.example.saebyeok"
LISTED_FOR = timedelta(days=7)
GETS_AN_HOUR = 200


@dataclass
class _Review:
    number: int
    text: str
    modified_at: datetime
    reply: str | None = None
    replied_at: datetime | None = None


class PlayStore(GoogleFake):
    """The reviews of one app.

    Attributes:
        gets: When reads came in the last hour, in seconds.
    """

    channel = "google_play"
    scope = "https://www.googleapis.com/auth/androidpublisher"
    lacks: Mapping[str, str] = {
        "delete": "Google lists seven days of reviews with a text; absence proves nothing",
    }

    def __init__(self) -> None:
        super().__init__()
        self.gets: deque[float] = deque()
        self._reviews: dict[str, _Review] = {}

    def account(self) -> Account:
        return Account(
            "brand",
            "play",
            self.channel,
            credentials=service_account(),
            options={
                "base_url": self.url,
                "token_url": f"{self.url}/token",
                "package_name": PACKAGE,
            },
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        del surface
        number = len(self._reviews) + 1
        native_id = f"gp:AOqpTOE-{number:08d}"
        self._reviews[native_id] = _Review(number, text, written_at)
        return native_id

    def edit(self, native_id: str, text: str) -> None:
        review = self._reviews[native_id]
        review.text, review.modified_at = text, self.now

    def delete(self, native_id: str) -> None:
        del self._reviews[native_id]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        self._store(self._reviews[native_id], text)

    def stored_replies(self, native_id: str) -> list[str]:
        review = self._reviews.get(native_id)
        return [review.reply] if review and review.reply is not None else []

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/token":
            return self.give_token(asked)
        if refusal := self.refusal(asked):
            return refusal
        if asked.method == "GET" and not self._has_room():
            return self.error(429)
        start = f"/androidpublisher/v3/applications/{PACKAGE}/reviews"
        if not asked.path.startswith(start):
            return self.error(404)
        rest = unquote(asked.path.removeprefix(start))
        if asked.method == "GET" and rest == "":
            return self._list(asked)
        if asked.method == "GET" and rest.startswith("/"):
            review = self._reviews.get(rest[1:])
            return told(200, self._row(rest[1:], review)) if review else self.error(404)
        if asked.method == "POST" and rest.startswith("/") and rest.endswith(":reply"):
            return self._reply(asked, rest[1:].removesuffix(":reply"))
        return self.error(404)

    def _has_room(self) -> bool:
        now = self.clock.monotonic()
        while self.gets and self.gets[0] <= now - 3600:
            self.gets.popleft()
        self.gets.append(now)
        return len(self.gets) <= GETS_AN_HOUR

    def _list(self, asked: Asked) -> Told:
        params = asked.params
        size, token = int(params.get("maxResults", "10")), params.get("token", "t:0")
        if not 1 <= size <= 100 or not re.fullmatch(r"t:\d+", token):
            return self.error(400)
        listed = [
            (key, review)
            for key, review in self._reviews.items()
            if review.text and self.now - review.modified_at < LISTED_FOR
        ]
        listed.sort(key=lambda pair: pair[1].modified_at, reverse=True)
        start = int(token[2:])
        shown = listed[start : start + size]
        body: dict[str, object] = {"pageInfo": {"totalResults": len(listed), "startIndex": start}}
        if shown:
            # Without reviews the key is missing.
            body["reviews"] = [self._row(key, review) for key, review in shown]
        if start + size < len(listed):
            body["tokenPagination"] = {"nextPageToken": f"t:{start + size}"}
        return told(200, body)

    def _row(self, key: str, review: _Review) -> dict[str, object]:
        comments: list[dict[str, object]] = [
            {
                "userComment": {
                    "text": f"별점 남깁니다\t{review.text}",
                    "lastModified": _stamp(review.modified_at),
                    "starRating": review.number % 5 + 1,
                    "reviewerLanguage": "ko",
                    "device": "b0q",
                    "androidOsVersion": 34,
                    "appVersionName": "3.2.1",
                    "thumbsUpCount": 0,
                }
            }
        ]
        if review.reply is not None and review.replied_at is not None:
            stamp = _stamp(review.replied_at)
            comments.append({"developerComment": {"text": review.reply, "lastModified": stamp}})
        return {"reviewId": key, "authorName": "김새벽", "comments": comments}

    def _reply(self, asked: Asked, key: str) -> Told:
        review = self._reviews.get(key)
        text = asked.json().get("replyText")
        if review is None:
            return self.error(404)
        if not isinstance(text, str) or not text.strip() or len(text) > 350:
            return self.error(400)
        stored = re.sub(r"<[a-zA-Z/][^>]*>", "", text)
        self._store(review, stored)
        return told(200, {"result": {"replyText": stored, "lastEdited": _stamp(self.now)}})

    def _store(self, review: _Review, text: str) -> None:
        review.reply, review.replied_at = text, self.now


def _stamp(at: datetime) -> dict[str, object]:
    return {"seconds": str(int(at.timestamp())), "nanos": at.microsecond * 1000}
