"""11번가: one answer per product question, written and replaced by the same call.

The PUT is an upsert, so repeating it is safe; but each one sends the asker an e-mail and would
replace what a colleague wrote, so the question is looked at first.

11st speaks EUC-KR (KS X 1001). A character it lacks (an emoji, a long dash, 뷁) might be stored as
a question mark, which nobody approved: such a reply is refused and the characters are named. Who
has seen that 11st keeps them sets ``beyond_euckr = "reference"``: they are sent as numeric
references. Urgent notices are answered by a person, for the fields of an answer are not known.

Source: https://openapi.11st.co.kr, apiSeq 1885 (Checked: 2026-11).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from collectors.elevenst import (
    SPEC,
    ElevenstApi,
    open_xml,
    outcome,
    parse_questions,
    refuse_by_code,
    refused,
)
from collectors.listing import days_between
from collectors.reply_rules import account_rules
from domain.errors import (
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import ChannelReply, ReplyRules
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import standing_reply

if TYPE_CHECKING:
    from collectors.base import Build
    from collectors.http import Answer
    from domain.types import ReplyTarget

RULES: Final = SPEC.reply_rules or ReplyRules()
_AROUND: Final = timedelta(days=1)
_STORED: Final = frozenset({"200", "210"})
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def body_of(text: str, *, encoding: str) -> bytes:
    r"""Give the exact bytes of an answer. Pure.

    Args:
        text: As approved; line ends are made ``\n``. Characters outside EUC-KR, which the rules
            refuse unless the account allows them, become numeric references.
        encoding: ``euc-kr`` or ``utf-8``.

    Raises:
        PublicationRefusedError: It has characters that no XML document may have.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _NOT_XML.search(text):
        raise PublicationRefusedError("the reply has control characters", code="encoding")
    strange = set(RULES.lacking(text))
    if strange:
        # A reference means nothing inside CDATA.
        content = "".join(f"&#{ord(char)};" if char in strange else escape(char) for char in text)
    else:
        content = f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
    document = (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        f"<ProductQna><answerCont>{content}</answerCont></ProductQna>"
    )
    return document.encode(encoding)


class ElevenstPublisher:
    """Writes answers for one seller.

    Args:
        build: ``body_encoding`` (``euc-kr`` or ``utf-8``), ``beyond_euckr`` (``refuse`` or
            ``reference``) and ``reply_max_length`` are options of the account.
    """

    idempotent = True
    slowest_commit_s = 10.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = ElevenstApi(build)
        self.rules = account_rules(SPEC, build.account)
        self._encoding = build.account.option("body_encoding", "euc-kr")
        if self._encoding not in {"euc-kr", "utf-8"}:
            raise ConfigurationError(f"{build.account.key}: body_encoding is euc-kr or utf-8")
        if build.account.option("beyond_euckr", "refuse") not in {"refuse", "reference"}:
            raise ConfigurationError(f"{build.account.key}: beyond_euckr is refuse or reference")

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write."""
        return 2 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one answer; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        number, product_no = _numbers(target)
        body = body_of(text, encoding=self._encoding)
        standing = standing_reply(self, target, text)
        if standing is not None:
            return standing
        answer = self._api.answer(
            number, product_no, body, encoding=self._encoding, refusal=_refused_write
        )
        code = _code_of(answer, target)
        if code not in _STORED:
            raise PublicationRefusedError(f"{target.native_id}: result code {code}", code=code)
        return ChannelReply(text=text, receipt=number)

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the answer that stands on the question now."""
        _numbers(target)
        now = self._build.clock()
        asked_at = datetime.fromisoformat(target.extra["asked_at"])
        first, last = days_between(asked_at - _AROUND, min(now, asked_at + _AROUND))
        listing = parse_questions(self._api.ask_questions(first, last), now=now)
        for item in listing.items:
            if item.native_id == target.native_id:
                return item.replies
        if listing.quarantined:
            raise ChannelUnavailableError(f"{target.native_id}: rows around it cannot be read")
        raise PublicationRefusedError(f"{target.native_id}: the question is gone")


def _numbers(target: ReplyTarget) -> tuple[str, str]:
    space, _, number = target.native_id.partition(":")
    if space == "urgent":
        raise PublicationRefusedError(
            "urgent notices are answered in the seller office", code="read_only"
        )
    product_no = target.extra.get("product_no", "")
    if (
        space != "qna"
        or not re.fullmatch(r"\d{1,19}", number, re.ASCII)
        or not re.fullmatch(r"\d{1,19}", product_no, re.ASCII)
    ):
        raise PublicationRefusedError("not a question of 11st")
    return number, product_no


def _code_of(answer: Answer, target: ReplyTarget) -> str:
    """Give the result code of a 2xx answer to a write.

    Raises:
        CredentialRejectedError: The code means our key, address or permission.
        RateLimitedError: It means too many calls.
        OutcomeUnknownError: There is none, or one that does not say whether it was stored.
    """
    try:
        root = open_xml(answer.text)
    except ReputationError:
        raise OutcomeUnknownError(f"{target.native_id}: {answer.status}, but no XML") from None
    code, _ = outcome(root)
    if code in _STORED:
        return code
    try:
        refuse_by_code(root, answer.text)
    except (CredentialRejectedError, RateLimitedError):
        raise
    except ReputationError:
        pass
    if re.fullmatch(r"4\d\d", code):
        return code
    raise OutcomeUnknownError(
        f"{target.native_id}: {answer.status} with code {code[:20] or 'none'}"
    )


def _refused_write(answer: Answer) -> ReputationError | None:
    if answer.status == HTTPStatus.NOT_FOUND:
        return PublicationRefusedError("the question is gone", code=PublicationRefusedError.GONE)
    return refused(answer)


def build(build: Build) -> ElevenstPublisher:
    """Make the publisher of one account."""
    return ElevenstPublisher(build)
