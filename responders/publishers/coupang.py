"""Coupang (쿠팡): replies to product inquiries and to contact-centre inquiries, and confirmations.

Neither write is idempotent. Coupang refuses the same text twice ("동일한 답변이 존재합니다") but takes a
second, different one, so the item is looked at first; an answer that does not come is settled by
reading. Product inquiries have no single read: the days around the question are listed.

Source: https://developers.coupangcorp.com, CS API (Checked: 2026-11).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from collectors.coupang import (
    SPEC,
    CoupangApi,
    credential_refused,
    page_size,
    parse_contact,
    parse_inquiries,
    said,
)
from collectors.listing import Place, days_between, required_option
from domain.errors import (
    ChannelUnavailableError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from domain.types import ChannelReply, ReplyRules
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import after_duplicate, standing_reply

if TYPE_CHECKING:
    from collectors.base import Build
    from collectors.http import Answer
    from domain.errors import ReputationError
    from domain.types import ReplyTarget

RULES: Final = SPEC.reply_rules or ReplyRules()
_MOST_PAGES: Final = 20
_AROUND: Final = timedelta(days=1)


class CoupangPublisher:
    """Writes replies for one vendor.

    Args:
        build: ``reply_by`` (the WING login that signs replies) is an option of the account.
    """

    rules = RULES
    idempotent = False
    slowest_commit_s = 5.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = CoupangApi(build)
        self._reply_by = required_option(build, "reply_by")

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write."""
        return 2 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one reply; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(SPEC.rules_for(target.native_id) or RULES, text)
        space, number = _split(target)
        if target.extra.get("needs_confirm"):
            raise PublicationRefusedError(
                f"{target.native_id}: wants a confirmation, not an answer", code="confirm_only"
            )
        standing = standing_reply(self, target, text)
        if standing is not None:
            return standing
        content: dict[str, object] = {
            "vendorId": self._api.vendor_id,
            "content": text.replace("\r\n", "\n").replace("\r", "\n"),
            "replyBy": self._reply_by,
        }
        kind = "onlineInquiries"
        if space == "cc":
            kind = "callCenterInquiries"
            content["inquiryId"] = int(number)
            content["parentAnswerId"] = self._open_request(target)
        try:
            self._send(target, number, kind=kind, action="replies", content=content)
        except PublicationRefusedError as error:
            if error.code == "duplicate":
                return after_duplicate(self, target, text)
            raise
        return ChannelReply(text=text)

    def confirm(self, target: ReplyTarget) -> None:
        """Confirm a transferred contact-centre inquiry; impossible 24 hours after it came.

        Raises:
            ReputationError: As `publish`.
        """
        space, number = _split(target)
        if space != "cc":
            raise PublicationRefusedError("only contact-centre inquiries are confirmed")
        self._send(
            target,
            number,
            kind="callCenterInquiries",
            action="confirms",
            content={"confirmBy": self._reply_by},
        )

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the replies that stand on the inquiry now, oldest first."""
        space, number = _split(target)
        now = self._build.clock()
        if space == "cc":
            return parse_contact(self._api.ask_contact(number), now=now).replies
        asked_at = datetime.fromisoformat(target.extra["asked_at"])
        first, last = days_between(asked_at - _AROUND, min(now, asked_at + _AROUND))
        place: Place | None = Place()
        while place is not None and place.page <= _MOST_PAGES:
            listing = parse_inquiries(
                self._api.ask("product", first, last, place.page), surface="product", now=now
            )
            for item in listing.items:
                if item.native_id == target.native_id:
                    return item.replies
            place = place.within(listing, page_size("product"))
        if place is not None:
            raise ChannelUnavailableError(f"{target.native_id}: not among the first inquiries")
        raise PublicationRefusedError(f"{target.native_id}: the inquiry is gone", code="deleted")

    def _send(
        self,
        target: ReplyTarget,
        number: str,
        *,
        kind: str,
        action: str,
        content: dict[str, object],
    ) -> None:
        answer = self._api.send(
            number, kind=kind, action=action, content=content, refusal=_refused_write
        )
        code, message = _outcome(answer)
        if code == "200":
            return
        # A refusal may come inside a 200.
        raise _by_message(message, code) or OutcomeUnknownError(
            f"{target.native_id}: {answer.status} with code {code or 'none'}"
        )

    def _open_request(self, target: ReplyTarget) -> int:
        request = target.extra.get("parent_answer_id", "")
        if not request.isdecimal():
            raise PublicationRefusedError(
                f"{target.native_id}: the contact centre waits for no answer", code="closed"
            )
        return int(request)


def _split(target: ReplyTarget) -> tuple[str, str]:
    space, _, number = target.native_id.partition(":")
    if space not in {"product", "cc"} or not number.isdecimal() or not number.isascii():
        raise PublicationRefusedError("not a Coupang inquiry")
    return space, number


def _refused_write(answer: Answer) -> ReputationError | None:
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return credential_refused(answer)
    if 400 <= answer.status < 500:
        code, message = _outcome(answer)
        return _by_message(message, code)
    return None


def _outcome(answer: Answer) -> tuple[str, str]:
    """Give the envelope's code, a number or a string there, and its message."""
    try:
        body = json.loads(answer.text)
    except (ValueError, RecursionError):
        return "", ""
    code = body.get("code") if isinstance(body, dict) else None
    is_plain = isinstance(code, int | str) and not isinstance(code, bool)
    return (str(code).strip()[:20] if is_plain else ""), said(answer)


def _by_message(message: str, code: str) -> ReputationError | None:
    """Give what Coupang's words mean; None for words we do not know."""
    for words, reason in _REFUSALS:
        if any(word in message for word in words):
            return PublicationRefusedError(f"coupang refused: {reason}", code=reason)
    if code in {"520", "521"} or "replyBy" in message:
        return CredentialRejectedError(
            "coupang: reply_by is not a WING login of this vendor", reason="permission"
        )
    if code == "522":
        return PublicationRefusedError("coupang refused: closed", code="closed")
    return None


_REFUSALS: Final = (
    (("동일한 답변",), "duplicate"),
    (("삭제된 상품문의",), "deleted"),
    (("내용을 입력",), "too_short"),
    (("2~1000", "length"), "too_long"),
    (("can't be answer", "parentAnswerId"), "closed"),
)


def build(build: Build) -> CoupangPublisher:
    """Make the publisher of one account."""
    return CoupangPublisher(build)
