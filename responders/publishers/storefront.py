"""Storefront (자사몰 게시판): replies through the shop's JSON interface.

The write is a POST and not idempotent: the shop accepts the same reply twice. So it is sent once,
and an answer that does not come is settled by reading the article's replies.

Source: the demo storefront's contract in `demo/storefront.py` (Checked: 2026-11).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from collectors.storefront import SPEC, shop_address
from collectors.values import parse_when
from domain.errors import (
    BadInputError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from domain.types import ChannelReply, ReplyRules
from responders.publishers.base import refuse_unfit

if TYPE_CHECKING:
    from datetime import datetime

    from collectors.base import Build
    from collectors.http import Answer
    from domain.errors import ReputationError
    from domain.types import ReplyTarget

RULES: Final = SPEC.reply_rules or ReplyRules()


def parse_replies(body: object, now: datetime) -> tuple[ChannelReply, ...]:
    """Read the answer to "which replies stand on this article". Pure.

    Raises:
        LayoutChangedError: Another shape.
    """
    replies = body.get("replies") if isinstance(body, dict) else None
    if not isinstance(replies, list):
        raise LayoutChangedError("storefront replies: no list of replies")
    try:
        return tuple(_parse_reply(reply, now) for reply in replies)
    except (KeyError, TypeError, BadInputError):
        raise LayoutChangedError("storefront replies: a field is missing") from None


def _parse_reply(reply: dict[str, object], now: datetime) -> ChannelReply:
    return ChannelReply(
        text=str(reply["content"]),
        replied_at=parse_when(str(reply["replied_at"]), now=now).at,
        receipt=str(reply["reply_no"]),
    )


class StorefrontPublisher:
    """Writes replies for one shop.

    Args:
        build: ``base_url`` and ``writer`` (the name shown) are options of the account.
    """

    rules = RULES
    idempotent = False
    slowest_commit_s = 2.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._base_url = shop_address(build)

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up on a write."""
        return self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one reply; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        content = {"content": text, "writer": self._build.account.option("writer", "고객지원팀")}
        answer = self._build.client.write(
            self._replies_url(target),
            headers={**self._key(), "Content-Type": "application/json; charset=utf-8"},
            content=json.dumps(content, ensure_ascii=False).encode(),
            refusal=_gone,
        )
        try:
            body = json.loads(answer.text)
            stored = {"content": text, **body}
            return _parse_reply(stored, self._build.clock())
        except (ValueError, KeyError, TypeError, BadInputError):
            raise OutcomeUnknownError(
                f"{target.native_id}: {answer.status}, but not the receipt we know"
            ) from None

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the replies that stand on the article now, oldest first."""
        answer = self._build.client.read(
            self._replies_url(target), headers=self._key(), refusal=_gone
        )
        return parse_replies(answer.json(), self._build.clock())

    def _replies_url(self, target: ReplyTarget) -> str:
        if not target.native_id.isdecimal():
            raise PublicationRefusedError("not an article number")
        return f"{self._base_url}/api/articles/{target.native_id}/replies"

    def _key(self) -> dict[str, str]:
        return {"X-Api-Key": self._build.account.credentials.get("api_key", "")}


def _gone(answer: Answer) -> ReputationError | None:
    if answer.error_code == "article_not_found":
        return PublicationRefusedError("the article is gone", code=PublicationRefusedError.GONE)
    return None


def build(build: Build) -> StorefrontPublisher:
    """Make the publisher of one account."""
    return StorefrontPublisher(build)
