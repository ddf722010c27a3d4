"""Google Business Profile (구글 비즈니스 프로필): one public owner's reply per review.

The write is a PUT and an upsert, so repeating it is safe; but it would also overwrite what a
colleague wrote meanwhile, so the review is looked at first. Google moderates replies: one that
waits is ``pending`` and read again; one that was rejected is for a person.

Source: Google My Business API v4, accounts.locations.reviews.updateReply (Checked: 2026-11).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from collectors.google_business import REJECTED, SPEC, BusinessApi, parse_reply, parse_review
from domain.errors import BadInputError, LayoutChangedError, PublicationRefusedError
from domain.types import ChannelReply, ReplyRules
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import reading_receipt, standing_reply

if TYPE_CHECKING:
    from collectors.base import Build
    from collectors.http import Answer
    from domain.errors import ReputationError
    from domain.types import ReplyTarget

RULES: Final = SPEC.reply_rules or ReplyRules()


class GoogleBusinessPublisher:
    """Writes replies for one location.

    Args:
        build: As for the collector.
    """

    rules = RULES
    idempotent = True
    slowest_commit_s = 30.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = BusinessApi(build)

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write, each with a token."""
        return 4 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one reply; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        standing = self._standing(target, text)
        if standing is not None:
            return standing
        answer = self._api.reply(_review_id(target), text, _gone)
        with reading_receipt(target, answer):
            stored = parse_reply(answer.json(), now=self._build.clock())
        _refuse_rejected(target, (stored,))
        return stored

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the reply that stands on the review now, or waits for Google's moderation.

        Raises:
            PublicationRefusedError: The reply was rejected, or the review is gone.
        """
        body = self._api.ask_review(_review_id(target), _gone)
        if not isinstance(body, dict):
            raise LayoutChangedError("google_business review: not an object")
        try:
            replies = parse_review(body, now=self._build.clock()).replies
        except BadInputError as error:
            raise LayoutChangedError(f"google_business review: {error}") from None
        _refuse_rejected(target, replies)
        return replies

    def _standing(self, target: ReplyTarget, text: str) -> ChannelReply | None:
        try:
            return standing_reply(self, target, text)
        except PublicationRefusedError as error:
            if error.code != REJECTED:
                raise
        # What moderation took down does not stand; the next reply takes its place.
        return None


def _refuse_rejected(target: ReplyTarget, replies: tuple[ChannelReply, ...]) -> None:
    if any(reply.state == REJECTED for reply in replies):
        raise PublicationRefusedError(
            f"{target.native_id}: Google's moderation rejected the reply", code=REJECTED
        )


def _review_id(target: ReplyTarget) -> str:
    if not re.fullmatch(r"[\w=-]{1,300}", target.native_id, re.ASCII):
        raise PublicationRefusedError("not a review of a location")
    return target.native_id


def _gone(answer: Answer) -> ReputationError | None:
    if answer.status == HTTPStatus.NOT_FOUND:
        return PublicationRefusedError("the review is gone", code=PublicationRefusedError.GONE)
    return None


def build(build: Build) -> GoogleBusinessPublisher:
    """Make the publisher of one account."""
    return GoogleBusinessPublisher(build)
