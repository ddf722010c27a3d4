"""G마켓·옥션 (ESM): one answer per bulletin inquiry.

The write is a POST with a token that the listed inquiry carries; it is not taken for idempotent.
The inquiry is listed afresh before writing, for the token and to see whether a colleague has
answered; an answer that does not come is settled by listing again.

Where the answer's text stands in a listed inquiry is not proved. An inquiry that is 처리완료 without a
text we can find cannot be settled by machine: that is an error for a person, who may set
``fields = {answer = "..."}``. Urgent notices are answered by a person.

Source: https://etapi.gmarket.com/48 (Checked: 2026-11).
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Final

from collectors.esm import (
    QNA_TYPES,
    SPEC,
    EsmApi,
    outcome,
    own_fields,
    parse_inquiries,
    refusal_of,
    refused,
    token_of,
)
from domain.errors import (
    ChannelUnavailableError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from domain.types import ChannelReply, ReplyRules
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import after_duplicate, standing_reply

if TYPE_CHECKING:
    from collectors.base import Build
    from domain.types import ReplyTarget

RULES: Final = SPEC.reply_rules or ReplyRules()
_TITLE: Final = "문의하신 내용에 답변드립니다."
_LONGEST_TITLE: Final = 200
_DONE: Final = 2
_REFUSED: Final = "1000"
"""The one result code that the guide gives for an answer that was not taken."""


class EsmPublisher:
    """Writes answers for one seller.

    Args:
        build: As for the collector; ``answer_title`` is an option of the account.
    """

    rules = RULES
    idempotent = False
    slowest_commit_s = 10.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = EsmApi(build)
        self._fields = own_fields(build)
        self._title = build.account.option("answer_title", _TITLE)[:_LONGEST_TITLE]

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: two looks and a write."""
        return 3 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one answer; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        standing = standing_reply(self, target, text)
        if standing is not None:
            return standing
        number = target.native_id.partition(":")[2]
        listed = self._list(target)
        if isinstance(listed, dict):
            # The second question in a row may be one too many.
            raise refusal_of(*outcome(listed)) or ChannelUnavailableError(
                f"{target.native_id}: no list came to find the token in"
            )
        token = token_of(listed, number)
        if not token:
            raise PublicationRefusedError(
                f"{target.native_id}: no token to answer with", code="token"
            )
        answer = self._api.answer(
            {
                "messageNo": int(number) if number.isdecimal() else number,
                "token": token,
                "answerStatus": _DONE,
                "title": self._title,
                "comments": text.replace("\r\n", "\n").replace("\r", "\n"),
            },
            refused,
        )
        return self._settled(target, text, answer.text)

    def _settled(self, target: ReplyTarget, text: str, said: str) -> ChannelReply:
        """Read what a 2xx answer to a write says."""
        try:
            body = json.loads(said)
        except (ValueError, RecursionError):
            raise OutcomeUnknownError(f"{target.native_id}: no JSON came back") from None
        code, message = outcome(body)
        if isinstance(body, dict) and "messageNo" in body and code in {"", "0"}:
            return ChannelReply(text=text, receipt=str(body["messageNo"])[:60])
        if error := refusal_of(code, message):
            raise error
        if "이미" in message:
            return after_duplicate(self, target, text)
        if code == _REFUSED:
            raise PublicationRefusedError(f"{target.native_id}: result code {code}", code=code)
        # What the guide does not name may be a failure after the answer was stored.
        raise OutcomeUnknownError(
            f"{target.native_id}: result code {code or 'none'}, not the receipt we know"
        )

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the answer that stands on the inquiry now.

        Raises:
            PublicationRefusedError: It is gone, or answered with what we cannot see.
        """
        surface, days = _place(target)
        listing = parse_inquiries(
            self._list(target),
            surface=surface,
            fields=self._fields,
            days=days,
            now=self._build.clock(),
        )
        for item in listing.items:
            if item.native_id == target.native_id:
                if any(not reply.text for reply in item.replies):
                    raise PublicationRefusedError(
                        f"{target.native_id}: answered, but with words we cannot see (fields)",
                        code="unreadable",
                    )
                return item.replies
        if listing.quarantined:
            raise ChannelUnavailableError(f"{target.native_id}: rows around it cannot be read")
        raise PublicationRefusedError(f"{target.native_id}: the inquiry is gone", code="deleted")

    def _list(self, target: ReplyTarget) -> object:
        surface, days = _place(target)
        return self._api.ask(surface, *days)


def _place(target: ReplyTarget) -> tuple[str, tuple[date, date]]:
    """Give the list and the days in which the inquiry was found."""
    surface, _, number = target.native_id.partition(":")
    if surface == "urgent":
        raise PublicationRefusedError("urgent notices are answered in ESM PLUS", code="read_only")
    if surface not in QNA_TYPES or not re.fullmatch(r"[\w-]{1,60}", number, re.ASCII):
        raise PublicationRefusedError("not an inquiry of ESM")
    first, last = target.extra["from_day"], target.extra["to_day"]
    return surface, (date.fromisoformat(first), date.fromisoformat(last))


def build(build: Build) -> EsmPublisher:
    """Make the publisher of one account."""
    return EsmPublisher(build)
