"""App Store (앱스토어): one public response per review, created and replaced by the same call.

The POST is an upsert (Apple: "create or replace"), so repeating it is safe; but it would also
replace what a colleague wrote meanwhile, so the review is looked at first. A response is
``pending`` until Apple shows it, and read again until then. Reviews from the public feed have other
ids and cannot be answered.

Source: App Store Connect API 3.7.0, customerReviewResponses (Checked: 2026-11).
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from collectors.app_store import SPEC, AppStoreApi, parse_response, parse_single
from collectors.reply_rules import account_rules
from domain.errors import PublicationRefusedError
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import reading_receipt, standing_reply

if TYPE_CHECKING:
    from collectors.base import Build
    from collectors.http import Answer
    from domain.errors import ReputationError
    from domain.types import ChannelReply, ReplyTarget


class AppStorePublisher:
    """Writes responses for one app.

    Args:
        build: As for the collector, with a key; ``reply_max_length`` is an option.
    """

    idempotent = True
    slowest_commit_s = 60.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = AppStoreApi(build)
        self.rules = account_rules(SPEC, build.account)

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write."""
        return 2 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one response; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        standing = standing_reply(self, target, text)
        if standing is not None:
            return standing
        content = {
            "data": {
                "type": "customerReviewResponses",
                "attributes": {"responseBody": text},
                "relationships": {
                    "review": {"data": {"type": "customerReviews", "id": _number(target)}}
                },
            }
        }
        answer = self._api.respond(json.dumps(content, ensure_ascii=False).encode(), _gone)
        with reading_receipt(target, answer):
            body = answer.json()
            stored = body.get("data") if isinstance(body, dict) else None
            return parse_response(stored, now=self._build.clock())

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the response that stands on the review now, or waits for Apple."""
        body = self._api.ask_review(_number(target), _gone)
        return parse_single(body, app_id=self._api.app_id, now=self._build.clock()).replies


def _number(target: ReplyTarget) -> str:
    space, _, number = target.native_id.partition(":")
    if space == "rss":
        raise PublicationRefusedError(
            "a review from the public feed cannot be answered", code="read_only"
        )
    if space != "asc" or not re.fullmatch(r"[\w-]{1,100}", number, re.ASCII):
        raise PublicationRefusedError("not an App Store review")
    return number


def _gone(answer: Answer) -> ReputationError | None:
    if answer.status == HTTPStatus.NOT_FOUND:
        return PublicationRefusedError("the review is gone", code=PublicationRefusedError.GONE)
    return None


def build(build: Build) -> AppStorePublisher:
    """Make the publisher of one account."""
    return AppStorePublisher(build)
