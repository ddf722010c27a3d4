"""Naver SmartStore (네이버 스마트스토어): answers to product Q&A and to customer inquiries.

The write of product Q&A is an upsert (PUT): repeating it is harmless, but it would overwrite what
a colleague wrote, so the question is looked at first. The write of inquiries is a POST that is
refused when there is an answer. As one of the two is not idempotent, the publisher is not.

Source: https://apicenter.commerce.naver.com, 2.50 (Checked: 2026-11).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from collectors.naver_commerce import SPEC, NaverApi, gateway_refused, parse_questions
from collectors.reply_rules import account_rules
from domain.errors import (
    AccessBlockedError,
    ChannelUnavailableError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from domain.types import ChannelReply
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import after_duplicate, find_listed, standing_reply

if TYPE_CHECKING:
    from collectors.base import Build
    from collectors.http import Answer
    from collectors.listing import Listing
    from domain.errors import ReputationError
    from domain.types import ReplyTarget

_AROUND: Final = timedelta(minutes=5)


class NaverPublisher:
    """Writes answers for one store.

    Args:
        build: ``reply_max_length`` is an option, in characters.
    """

    idempotent = False
    slowest_commit_s = 5.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = NaverApi(build)
        self.rules = account_rules(SPEC, build.account)

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write."""
        return 2 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one answer; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        space, number = _split(target)
        standing = standing_reply(self, target, text)
        if standing is not None:
            return standing
        text_sent = text.replace("\r\n", "\n").replace("\r", "\n")
        if space == "qna":
            answer = self._api.send(
                "PUT", f"/v1/contents/qnas/{number}", {"commentContent": text_sent}, _refused
            )
            if answer.status != HTTPStatus.NO_CONTENT:
                raise OutcomeUnknownError(f"{target.native_id}: {answer.status} instead of 204")
            return ChannelReply(text=text)
        try:
            answer = self._api.send(
                "POST",
                f"/v1/pay-merchant/inquiries/{number}/answer",
                {"answerComment": text_sent},
                _refused,
            )
        except PublicationRefusedError as error:
            if error.code == "ERR-NC-101010":
                return after_duplicate(self, target, text)
            raise
        return ChannelReply(text=text, receipt=_receipt(answer, target))

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the answer that stands on the question now."""
        space, _ = _split(target)
        now = self._build.clock()
        asked_at = datetime.fromisoformat(target.extra["asked_at"])
        since, until = asked_at - _AROUND, min(now, asked_at + _AROUND)

        def ask(page: int) -> Listing:
            return parse_questions(self._api.ask(space, since, until, page), surface=space, now=now)

        item = find_listed(target, ask, SPEC.page_size)
        if item is None:
            raise PublicationRefusedError(
                f"{target.native_id}: the question is gone", code=PublicationRefusedError.GONE
            )
        return item.replies


def build(build: Build) -> NaverPublisher:
    """Make the publisher of one account."""
    return NaverPublisher(build)


def _split(target: ReplyTarget) -> tuple[str, str]:
    space, _, number = target.native_id.partition(":")
    if space not in {"qna", "inq"} or not number.isdecimal() or not number.isascii():
        raise PublicationRefusedError("not a question of a SmartStore")
    return space, number


def _refused(answer: Answer) -> ReputationError | None:
    code = answer.error_code
    if code == "ERR-NC-101004" or answer.status == HTTPStatus.NOT_FOUND:
        return PublicationRefusedError(
            "naver: the question is gone", code=PublicationRefusedError.GONE
        )
    return gateway_refused(answer)


def _receipt(answer: Answer, target: ReplyTarget) -> str:
    try:
        body = answer.json()
    except (ChannelUnavailableError, AccessBlockedError):
        body = None
    data = body.get("data") if isinstance(body, dict) else None
    number = data.get("inquiryCommentNo") if isinstance(data, dict) else None
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise OutcomeUnknownError(f"{target.native_id}: {answer.status}, but no receipt")
    return str(number)
