"""Words the whole house shares: channels, feedback, what a text says, replies.

Instants are timezone-aware UTC. Text offsets are Python code points, ``[start, end)``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta


class FeedbackKind(StrEnum):
    """What a customer wrote."""

    REVIEW = "review"
    INQUIRY = "inquiry"
    POST = "post"


class Sentiment(StrEnum):
    """Polarity of a text."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class ComplaintCategory(StrEnum):
    """What a complaint is about (불만 유형)."""

    DELIVERY = "delivery"
    STOCK = "stock"
    DEFECT = "defect"
    QUALITY = "quality"
    MISMATCH = "mismatch"
    RETURN_REFUND = "return_refund"
    SERVICE = "service"
    PRICE = "price"
    PACKAGING = "packaging"
    SAFETY = "safety"
    OTHER = "other"


class Severity(StrEnum):
    """How fast a person must look (심각도)."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"


class Intent(StrEnum):
    """What the writer wants."""

    COMPLAINT = "complaint"
    QUESTION = "question"
    PRAISE = "praise"
    MIXED = "mixed"
    NOT_KOREAN = "not_korean"
    EMPTY = "empty"


KOREAN_NAMES: Mapping[StrEnum, str] = {
    FeedbackKind.REVIEW: "리뷰",
    FeedbackKind.INQUIRY: "문의",
    FeedbackKind.POST: "게시글",
    Sentiment.NEGATIVE: "부정",
    Sentiment.NEUTRAL: "중립",
    Sentiment.POSITIVE: "긍정",
    ComplaintCategory.DELIVERY: "배송",
    ComplaintCategory.STOCK: "재고·품절",
    ComplaintCategory.DEFECT: "불량·파손",
    ComplaintCategory.QUALITY: "품질",
    ComplaintCategory.MISMATCH: "오배송·설명과 다름",
    ComplaintCategory.RETURN_REFUND: "교환·반품·환불",
    ComplaintCategory.SERVICE: "응대",
    ComplaintCategory.PRICE: "가격",
    ComplaintCategory.PACKAGING: "포장",
    ComplaintCategory.SAFETY: "안전·위생",
    ComplaintCategory.OTHER: "기타",
    Severity.CRITICAL: "긴급",
    Severity.HIGH: "높음",
    Severity.NORMAL: "보통",
    Intent.COMPLAINT: "불만",
    Intent.QUESTION: "질문",
    Intent.PRAISE: "칭찬",
    Intent.MIXED: "칭찬과 불만",
    Intent.NOT_KOREAN: "한국어 아님",
    Intent.EMPTY: "내용 없음",
}
"""The word a specialist reads for each value."""
CHANNEL_NAMES: Mapping[str, str] = {
    "storefront": "자사몰",
    "seller_export": "판매자센터(파일)",
    "generic_file": "파일",
    "cafe24": "카페24",
    "coupang": "쿠팡",
    "naver_commerce": "스마트스토어",
    "elevenst": "11번가",
    "esm": "G마켓·옥션",
    "google_play": "구글 플레이",
    "app_store": "앱 스토어",
    "google_business": "구글 비즈니스",
    "naver_search": "네이버 검색",
    "kakao_search": "다음·카카오 검색",
    "feed": "RSS 피드",
    "board": "게시판",
}
"""What people call each channel of `collectors.CHANNELS`, before its kind of text."""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a text, code points ``[start, end)``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CategoryFinding:
    """One complaint category found in a text, with the words that show it."""

    category: ComplaintCategory
    score: float
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a text says.

    Attributes:
        sentiment: None when the text is not scored (empty, not Korean, meaningless).
        score: P(negative), 0-1; None when unscored. ``sentiment`` is negative exactly
            when ``score >= 0.5``.
        probabilities: (negative, neutral, positive), sums to 1; None when unscored.
        categories: Findings, most likely first; empty for a text without a complaint.
        severity: How fast a person must look.
        severity_spans: The words that raised the severity above normal.
        abusive: True when the writer is hostile to people, not only to the product.
        abuse_spans: The hostile words.
        intent: What the writer wants.
        unsure: True when a person should look before anything is concluded.
        rating_mismatch: True when stars and text say opposite things.
        model_version: Which model said so.
    """

    sentiment: Sentiment | None
    score: float | None
    probabilities: tuple[float, float, float] | None
    categories: tuple[CategoryFinding, ...]
    severity: Severity
    abusive: bool
    intent: Intent
    unsure: bool = False
    rating_mismatch: bool = False
    severity_spans: tuple[Span, ...] = ()
    abuse_spans: tuple[Span, ...] = ()
    model_version: str = ""

    @property
    def is_negative(self) -> bool:
        """Tell whether the text counts as negative."""
        return self.sentiment is Sentiment.NEGATIVE


@dataclass(frozen=True, slots=True)
class ChannelReply:
    """A reply seen on the channel, ours or someone else's."""

    text: str
    replied_at: datetime | None = None
    receipt: str = ""
    state: str = "published"
    """``published`` or ``pending`` (waiting for the channel's moderation)."""


@dataclass(frozen=True, slots=True)
class CollectedFeedback:
    """One piece of feedback as a collector read it, before masking.

    Attributes:
        native_id: The channel's id, prefixed with its id space where there are several
            (``qna:123``).
        written_at: When the customer wrote it; None where the channel does not say.
        written_at_is_exact: False when the date was derived (date only, relative, first sight).
        rating: 1-5 stars or None.
        replies: Replies standing on the channel now.
        deadline_at: The platform's own deadline for an answer, where it has one.
        extra: Channel facts a publisher needs again (tokens, parent ids); strings only.
    """

    kind: FeedbackKind
    native_id: str
    text: str
    written_at: datetime | None
    title: str = ""
    rating: int | None = None
    author: str = ""
    author_id: str = ""
    product_id: str = ""
    product_name: str = ""
    order_id: str = ""
    url: str = ""
    reach: int | None = None
    written_at_is_exact: bool = True
    edited_at: datetime | None = None
    replies: tuple[ChannelReply, ...] = ()
    deadline_at: datetime | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """Something that could not be parsed; kept sealed, never dropped.

    Attributes:
        is_alone: Whether nothing else on its page could be parsed either, so that it may be the
            channel that changed and not the row that is odd.
    """

    reason: str
    raw: bytes
    source: str = ""
    row: int | None = None
    field: str = ""
    remedy: str = ""
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a channel.

    Attributes:
        items: Parsed feedback, in the channel's order.
        quarantined: Rows of this page that could not be parsed.
        next_cursor: Where the next page starts; None on the last page.
        covers: ``(since, until)`` when this page and those before it of the same run read
            that window of ``written_at`` completely, so that a missing item is gone;
            None where absence proves nothing (exports, search results).
        lists: Which lists the account's settings have read, named by how native ids begin
            (``qna``, ``article:4``); absence proves nothing about an item of another, such as a
            board that was taken out of the settings. None where the channel has only one.
        source: Name of the file the page was read from; empty for other channels.
        rows: Where each of ``items`` stands in that file; empty for other channels.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...] = ()
    next_cursor: str | None = None
    covers: tuple[datetime, datetime] | None = None
    lists: tuple[str, ...] | None = None
    source: str = ""
    rows: tuple[int, ...] = ()


class LengthUnit(StrEnum):
    """What a channel counts when it limits a reply."""

    CHARACTERS = "characters"
    BYTES = "bytes"


class AnswerState(StrEnum):
    """Whether an item can be answered through its channel's interface now."""

    OPEN = "open"
    BY_HAND = "by_hand"
    """A person posts the approved reply in the seller centre or on the site."""
    CONFIRM = "confirm"
    """It wants a confirmation (확인 처리) and takes no answer."""
    CLOSED = "closed"
    """Nothing is taken any more."""


NEEDS_CONFIRM = "needs_confirm"
NOT_WAITING = "not_waiting"
"""Keys of ``CollectedFeedback.extra`` that say so; for `AnswerState.CONFIRM` and ``CLOSED``."""


class ReplyAction(StrEnum):
    """What a publication does on the channel."""

    ANSWER = "answer"
    CONFIRM = "confirm"
    """No words: the channel is told that somebody has seen it."""


@dataclass(frozen=True, slots=True)
class ReplyRules:
    """What a channel allows a reply to be; shown to whoever approves.

    Attributes:
        encoding: What the channel stores: its bytes are counted, and a character it lacks is
            refused.
        closes_when_due: True when nothing is taken after the channel's own deadline.
        state: Whether this item takes a reply now.
        state_reason: In Korean, why ``state`` is not open.
    """

    max_length: int = 1000
    min_length: int = 1
    unit: LengthUnit = LengthUnit.CHARACTERS
    encoding: str = "utf-8"
    one_reply_only: bool = True
    editable: bool = False
    visibility: str = "public"
    """``public`` or ``private`` (only the person who asked sees it)."""
    moderated: bool = False
    answer_within: timedelta | None = None
    penalty: str = ""
    """In Korean: what happens when the deadline passes."""
    closes_when_due: bool = False
    state: AnswerState = AnswerState.OPEN
    state_reason: str = ""
    unverified: tuple[str, ...] = ()

    def length_of(self, text: str) -> int:
        """Give the length of ``text`` in the channel's unit."""
        if self.unit is LengthUnit.BYTES:
            return len(text.encode(self.encoding, errors="xmlcharrefreplace"))
        return len(text)

    def lacking(self, text: str) -> tuple[str, ...]:
        """Give the characters of ``text`` that the channel cannot store, each once, in order."""
        return _lacking(text, self.encoding)


# Greetings, clauses and closings are asked about with every draft.
@lru_cache(maxsize=1024)
def _lacking(text: str, encoding: str) -> tuple[str, ...]:
    return tuple(char for char in dict.fromkeys(text) if not _is_in(char, encoding))


def _is_in(char: str, encoding: str) -> bool:
    """Tell whether an encoding has a character.

    Python's EUC-KR also spells syllables in eight bytes, which is no KS X 1001, and one character
    that it does not read back.
    """
    try:
        spelled = char.encode(encoding)
        return len(spelled) <= 4 and spelled.decode(encoding) == char
    except UnicodeError:
        return False


def named(characters: Iterable[str], most: int = 10) -> str:
    """Name characters so that a person finds them: ``😀(U+1F600), 뷁(U+BDC1)``."""
    found = list(characters)
    shown = [
        (f"{char}(U+{ord(char):04X})" if char.isprintable() else f"U+{ord(char):04X}")
        for char in found[:most]
    ]
    return ", ".join([*shown, f"… ({len(found)})"] if len(found) > most else shown)


@dataclass(frozen=True, slots=True)
class ReplyTarget:
    """What a publisher needs to answer one piece of feedback."""

    native_id: str
    kind: FeedbackKind
    extra: Mapping[str, str]


class SourceKind(StrEnum):
    """Where a sentence of a draft comes from."""

    POLICY = "policy"
    FACT = "fact"
    SAVED_REPLY = "saved_reply"
    REVIEW = "review"
    BRAND = "brand"
    """Brand configuration: contact, closing."""
    COURTESY = "courtesy"
    """A sentence that promises and claims nothing (thanks, apology)."""


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One sentence of a draft and what supports it.

    Attributes:
        reference: ``manual/refund.md#2@1f0c9a2b41`` for a clause, pinned to its wording;
            ``review`` for a span of the review.
        span: Where in the review, for ``SourceKind.REVIEW``.
    """

    text: str
    source: SourceKind
    reference: str = ""
    span: Span | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DraftReply:
    """A proposed reply (답변 초안).

    Attributes:
        sentences: In order; their texts, a line each, are the reply.
        missing: Korean notes of what the manual does not say, for the specialist.
        strategy: Which way of answering was taken.
    """

    sentences: tuple[DraftSentence, ...]
    missing: tuple[str, ...] = ()
    strategy: str = "standard"

    @property
    def text(self) -> str:
        """The reply as it would be published."""
        return "\n".join(sentence.text for sentence in self.sentences)


MISREAD_REASON = "분류가 잘못됨"
"""How the reason of a rejection begins that says: this was no complaint. The model learns it."""


def same_reply(one: str, other: str) -> bool:
    """Tell whether two replies say the same, in whatever form a channel stores them.

    Channels space and compose anew, escape for HTML, and lose emoji, for which many a database has
    no room.
    """
    return _said(one) == _said(other)


def _said(text: str) -> str:
    text = unicodedata.normalize("NFC", unescape(text))
    return _UNSAID.sub("", text) or "".join(text.split())


_UNSAID: Final = re.compile(r"[\s\u200b-\u200d\u2060\ufe0e\ufe0f\ufeff\U00010000-\U0010ffff]")


def is_left_of(stands: str, reply: str) -> bool:
    """Tell whether what stands on a channel is what it left of our reply.

    It may have cut the end off or put question marks for what it cannot store. So short a text
    that anybody may have begun with it is not ours.
    """
    left, whole = ("".join(filter(str.isalnum, _said(text))) for text in (stands, reply))
    return len(left) >= _SHORTEST_REST and whole.startswith(left)


_SHORTEST_REST: Final = 10
