"""A fake Google Business Profile, from section 5.3 of the channel reference.

The states of owner replies and the read of a single review are not in it; they are unverified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.brands import Account
from tests.fakes.google_token import CLIENT_SECRET, REFRESH_TOKEN, GoogleFake
from tests.fakes.marketplace import Asked, Told, told

LOCATION = "accounts/1/locations/55"
STARS = ("ONE", "TWO", "THREE", "FOUR", "FIVE")


@dataclass
class _Review:
    number: int
    text: str
    created_at: datetime
    updated_at: datetime
    reply: str | None = None
    reply_state: str = "APPROVED"
    replied_at: datetime | None = None


class BusinessProfile(GoogleFake):
    """The reviews of one location.

    Attributes:
        location: The only one there is.
        moderates: Whether new replies wait for moderation.
        is_shuffled: Whether the list is out of order, ``orderBy`` or not.
    """

    channel = "google_business"
    scope = "https://www.googleapis.com/auth/business.manage"
    # A consent carries no time, so that no clock can be wrong.
    breakages = ("secret", "permission", "quota", "expired")

    def __init__(self) -> None:
        super().__init__()
        self.location = LOCATION
        self.moderates = False
        self.is_shuffled = False
        self._reviews: dict[str, _Review] = {}
        self._last_number = 0

    def account(self) -> Account:
        return Account(
            "brand",
            "gbp",
            self.channel,
            credentials={
                "client_id": "fake-client.apps.googleusercontent.com",
                "client_secret": "changed-secret" if self.broken == "secret" else CLIENT_SECRET,
                "refresh_token": REFRESH_TOKEN,
            },
            options={
                "base_url": self.url,
                "token_url": f"{self.url}/token",
                "location": self.location,
            },
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        del surface
        self._last_number += 1
        native_id = f"r{self._last_number:06d}"
        self._reviews[native_id] = _Review(self._last_number, text, written_at, written_at)
        return native_id

    def edit(self, native_id: str, text: str) -> None:
        review = self._reviews[native_id]
        review.text, review.updated_at = text, self.now

    def delete(self, native_id: str) -> None:
        del self._reviews[native_id]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        self._store(self._reviews[native_id], text)

    def moderate(self, native_id: str, state: str) -> None:
        """Let Google's moderation decide: ``APPROVED`` or ``REJECTED``."""
        self._reviews[native_id].reply_state = state

    def stored_replies(self, native_id: str) -> list[str]:
        review = self._reviews.get(native_id)
        return [review.reply] if review and review.reply is not None else []

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/token":
            return self.give_token(asked)
        if refusal := self.refusal(asked):
            return refusal
        line = f"{asked.method} {asked.path}"
        if line == f"GET /v4/{self.location}/reviews":
            return self._list(asked)
        if found := re.fullmatch(rf"GET /v4/{self.location}/reviews/(\w+)", line):
            review = self._reviews.get(found[1])
            return told(200, self._row(found[1], review)) if review else self.error(404)
        if found := re.fullmatch(rf"PUT /v4/{self.location}/reviews/(\w+)/reply", line):
            return self._reply(asked, found[1])
        return self.error(404)

    def _list(self, asked: Asked) -> Told:
        params = asked.params
        size, token = int(params.get("pageSize", "50")), params.get("pageToken", "rev-tok")
        if not 1 <= size <= 50 or not re.fullmatch(r"rev-tok(~-?\d+~-?\d+)?", token):
            return self.error(400)
        listed = sorted(self._reviews.items(), key=lambda pair: self._place(pair[1]))
        # A token names a place among the reviews, not a count from the newest.
        after = tuple(int(part) for part in token.split("~")[1:])
        left = [pair for pair in listed if self._place(pair[1]) > after]
        shown = left[:size]
        body: dict[str, object] = {"averageRating": 4.8, "totalReviewCount": len(listed)}
        if shown:
            body["reviews"] = [self._row(key, review) for key, review in shown]
        if len(left) > size:
            first, second = self._place(shown[-1][1])
            body["nextPageToken"] = f"rev-tok~{first}~{second}"
        return told(200, body)

    def _place(self, review: _Review) -> tuple[int, int]:
        if self.is_shuffled:
            return review.number * 7919 % 101, review.number
        return -int(review.updated_at.timestamp() * 1000), -review.number

    def _row(self, key: str, review: _Review) -> dict[str, object]:
        row: dict[str, object] = {
            "name": f"{self.location}/reviews/{key}",
            "reviewId": key,
            "reviewer": {"displayName": "Pat", "profilePhotoUrl": "https://example.test/p.png"},
            "starRating": STARS[review.number % 5],
            "comment": review.text,
            "createTime": _stamp(review.created_at),
            "updateTime": _stamp(review.updated_at),
        }
        if review.reply is not None and review.replied_at is not None:
            row["reviewReply"] = self._reply_row(review)
        return row

    def _reply_row(self, review: _Review) -> dict[str, object]:
        row: dict[str, object] = {
            "comment": review.reply,
            "updateTime": _stamp(review.replied_at or self.now),
        }
        if self.moderates:
            row["reviewReplyState"] = review.reply_state
        return row

    def _reply(self, asked: Asked, key: str) -> Told:
        review = self._reviews.get(key)
        text = asked.json().get("comment")
        if review is None:
            return self.error(404)
        if not isinstance(text, str) or not text.strip() or len(text.encode()) > 4096:
            return self.error(400)
        self._store(review, text)
        return told(200, self._reply_row(review))

    def _store(self, review: _Review, text: str) -> None:
        review.reply, review.replied_at = text, self.now
        review.reply_state = "PENDING" if self.moderates else "APPROVED"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
