"""Google Play (구글 플레이): one public reply per review, written and overwritten by the same call.

The write is an upsert, so repeating it is safe; but it would also overwrite what a colleague wrote
in the Play Console meanwhile, so the review is looked at first. Google strips HTML tags: a reply
with one would not stand as approved and is refused.

Source: https://developers.google.com/android-publisher/reply-to-reviews (Checked: 2026-11).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from collectors.google_play import SPEC, PlayApi, parse_review, parse_stamp
from domain.errors import BadInputError, LayoutChangedError, PublicationRefusedError
from domain.types import ChannelReply, ReplyRules
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import reading_receipt, standing_reply

if TYPE_CHECKING:
    from datetime import datetime

    from collectors.base import Build
    from collectors.http import Answer
    from domain.errors import ReputationError
    from domain.types import ReplyTarget

RULES: Final = SPEC.reply_rules or ReplyRules()
_TAG: Final = re.compile(r"<[a-zA-Z/!][^<>]*>")


def parse_stored(body: object, *, now: datetime) -> ChannelReply:
    """Read what Google says it stored. Pure.

    Raises:
        BadInputError: Not the receipt this parser knows.
    """
    result = body.get("result") if isinstance(body, dict) else None
    text = result.get("replyText") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(text, str):
        raise BadInputError("no result.replyText in the answer")
    stamp = result.get("lastEdited")
    return ChannelReply(text=text, replied_at=parse_stamp(stamp, now=now) if stamp else None)


class GooglePlayPublisher:
    """Writes replies for one app.

    Args:
        build: As for the collector.
    """

    rules = RULES
    idempotent = True
    slowest_commit_s = 30.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = PlayApi(build)

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write, each with a token."""
        return 4 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one reply; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        if _TAG.search(text):
            raise PublicationRefusedError("Google Play strips HTML tags", code="html")
        standing = standing_reply(self, target, text)
        if standing is not None:
            return standing
        answer = self._api.reply(target.native_id, text, _gone)
        with reading_receipt(target, answer):
            return parse_stored(answer.json(), now=self._build.clock())

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the reply that stands on the review now."""
        body = self._api.ask_review(target.native_id, _gone)
        if not isinstance(body, dict):
            raise LayoutChangedError("google_play review: not an object")
        try:
            review = parse_review(body, package=self._api.package, now=self._build.clock())
        except BadInputError as error:
            raise LayoutChangedError(f"google_play review: {error}") from None
        return review.replies


def _gone(answer: Answer) -> ReputationError | None:
    if answer.status == HTTPStatus.NOT_FOUND:
        return PublicationRefusedError("Google Play no longer has the review: deleted, or too old")
    return None


def build(build: Build) -> GooglePlayPublisher:
    """Make the publisher of one account."""
    return GooglePlayPublisher(build)
