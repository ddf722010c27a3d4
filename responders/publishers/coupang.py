"""Coupang (쿠팡): replies to product inquiries and to contact-centre inquiries, and confirmations.

Neither write is idempotent. Coupang refuses the same text twice ("동일한 답변이 존재합니다") but takes a
second, different one, so the item is looked at first; an answer that does not come is settled by
reading. Product inquiries have no single read: the days around the question are listed.

Source: https://developers.coupangcorp.com, CS API (Checked: 2026-11).
"""

from __future__ import annotations

import json
import re
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
from collectors.listing import days_between, required_option
from domain.errors import (
    CredentialRejectedError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from domain.types import NEEDS_CONFIRM, ChannelReply, ReplyRules
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import (
    after_duplicate,
    answered_elsewhere,
    find_listed,
    look,
    standing_reply,
)

if TYPE_CHECKING:
    from collectors.base import Build
    from collectors.http import Answer
    from collectors.listing import Listing
    from domain.errors import ReputationError
    from domain.types import CollectedFeedback, ReplyTarget

RULES: Final = SPEC.reply_rules or ReplyRules()
_AROUND: Final = timedelta(days=1)
_NATIVE_ID: Final = re.compile(r"product:(\d{1,19})|cc:(\d{1,19})(?::\d{1,19})?", re.ASCII)


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
        if target.extra.get(NEEDS_CONFIRM):
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

    @property
    def confirmations(self) -> CoupangConfirmations:
        """What confirms the contact-centre inquiries that take no answer."""
        return CoupangConfirmations(self)

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the replies that stand on the inquiry now, oldest first."""
        space, number = _split(target)
        if space == "cc":
            return self.contact(target, number).replies
        item = self.listed("product", target)
        if item is None:
            raise PublicationRefusedError(f"{target.native_id}: the inquiry is gone")
        return item.replies

    def contact(self, target: ReplyTarget, number: str) -> CollectedFeedback:
        """Read one round of a contact-centre inquiry.

        Raises:
            PublicationRefusedError: It is gone.
        """
        rounds = parse_contact(self._api.ask_contact(number), now=self._build.clock())
        for item in rounds:
            if item.native_id == target.native_id:
                return item
        raise PublicationRefusedError(f"{target.native_id}: the request is gone")

    def listed(self, surface: str, target: ReplyTarget) -> CollectedFeedback | None:
        """Find the inquiry in a list of the days around it; None when it is not in there.

        Raises:
            ChannelUnavailableError: Its absence cannot be told: too many rows, or unreadable ones.
        """
        now = self._build.clock()
        asked_at = datetime.fromisoformat(target.extra["asked_at"])
        first, last = days_between(asked_at - _AROUND, min(now, asked_at + _AROUND))

        def ask(page: int) -> Listing:
            body = self._api.ask(surface, first, last, page)
            return parse_inquiries(body, surface=surface, now=now)

        return find_listed(target, ask, page_size(surface))

    def confirm(self, target: ReplyTarget, number: str) -> None:
        """Send one confirmation."""
        self._send(
            target,
            number,
            kind="callCenterInquiries",
            action="confirms",
            content={"confirmBy": self._reply_by},
        )

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


class CoupangConfirmations:
    """Confirms transferred contact-centre inquiries (확인 처리); has the ways of a publisher.

    A confirmation has no words and Coupang does not say whose it is, so what is confirmed already
    counts as done by somebody else. The proof is that the inquiry is still there and no longer in
    the list of those that wait for one.
    """

    rules = SPEC.rules_for("cc") or RULES
    idempotent = False
    slowest_commit_s = CoupangPublisher.slowest_commit_s

    def __init__(self, publisher: CoupangPublisher) -> None:
        self._publisher = publisher

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write."""
        return self._publisher.timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Confirm once; see `responders.publishers.base.Publisher.publish`."""
        del text
        number = _contact_number(target)
        if look(self, target):
            raise answered_elsewhere(target)
        try:
            self._publisher.confirm(target, number)
        except PublicationRefusedError:
            if self.read_back(target):
                # A colleague was quicker; otherwise it is Coupang's deadline.
                raise answered_elsewhere(target) from None
            raise
        return ChannelReply(text="")

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give one reply without words when the inquiry is confirmed.

        Raises:
            PublicationRefusedError: It is gone.
        """
        number = _contact_number(target)
        if self._publisher.listed("transfer", target) is not None:
            return ()
        self._publisher.contact(target, number)
        return (ChannelReply(text=""),)


def _contact_number(target: ReplyTarget) -> str:
    space, number = _split(target)
    if space != "cc":
        raise PublicationRefusedError("only contact-centre inquiries are confirmed")
    return number


def _split(target: ReplyTarget) -> tuple[str, str]:
    found = _NATIVE_ID.fullmatch(target.native_id)
    if found is None:
        raise PublicationRefusedError("not a Coupang inquiry")
    return ("product", found[1]) if found[1] else ("cc", found[2])


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
