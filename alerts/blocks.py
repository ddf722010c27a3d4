"""Slack messages and modals as Block Kit dictionaries. Pure: data in, dictionaries out.

Everything that comes from outside this file is in a ``plain_text`` object; ``mrkdwn`` is used for
the fixed ``HEADINGS`` and for mentions of people by their stored Slack ids only. The fallback ``text`` (it is what a phone shows) never quotes a
customer. A button carries a case id and the revision it was shown with, nothing else.

Source: https://docs.slack.dev/reference/block-kit. Checked: 2026-11-21.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from alerts import limits
from alerts.escape import NO_TEXT, chunks, fit, hide, length, plain, shorten
from alerts.wording import UNREAD, deadline, duration, stars, when, why
from domain.types import (
    KOREAN_NAMES,
    MISREAD_REASON,
    AnswerState,
    ComplaintCategory,
    FeedbackKind,
    LengthUnit,
    ReplyRules,
    Severity,
    Span,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

Block = dict[str, Any]
View = dict[str, Any]


class ActionId(StrEnum):
    """What a button asks for; sent back by Slack in the interaction."""

    APPROVE = "case.approve"
    EDIT = "case.edit"
    REJECT = "case.reject"
    OPEN = "case.open"
    CONFIRM = "case.confirm"
    SHOW = "case.show"
    READ = "alert.read"


EDIT_CALLBACK = "case.edit.submit"
REJECT_CALLBACK = "case.reject.submit"
TEXT_BLOCK, TEXT_INPUT = "reply", "text"
REASON_BLOCK, REASON_INPUT = "reason", "choice"
NOTE_BLOCK, NOTE_INPUT = "note", "text"

OTHER_REASON = "other"
REJECT_REASONS = {
    "misread": f"{MISREAD_REASON} (불만·문의가 아님)",
    "no_reply": "답변이 필요 없는 글",
    "facts": "초안이 사실과 다름",
    "elsewhere": "다른 부서가 직접 응대",
    "malicious": "악의적인 글, 무대응",
    OTHER_REASON: "기타",
}
"""Value to the words a specialist chooses from, in Slack and in the console: why nothing is answered."""

HEADINGS = {
    "feedback": "*고객 글*",
    "draft": "*답변 초안*",
    "reply": "*확정된 답변*",
    "latest": "*최근 케이스*",
    "categories": "*불만 유형*",
    "attention": "*눈여겨보실 글*",
    "decide": "*결정해 주실 일과 기한*",
    "done": "*저희가 한 일*",
    "to_decide": "*결정해 주실 일*",
}

NOTHING_TO_DECIDE = "지금 결정하실 일이 없습니다."

_SEVERITY_MARKS = {Severity.CRITICAL: "🚨", Severity.HIGH: "🔴", Severity.NORMAL: "🟡"}
_LINES_SHOWN = 15
_SUMMARY_LENGTH = 120
_NAME_LENGTH = 60
_FACT_LENGTH = 300
_DRAFT_PARTS = 2
_PEOPLE_CALLED = 20
SLACK_USER = re.compile("[UW][A-Z0-9]{1,30}")
"""What a mention may hold: nothing that a person typed into a name or a customer into a review."""


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """One message: what a notification shows and what the channel shows, at least one block."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class CaseCard:
    """What a card says about one case.

    Attributes:
        revision: Of the draft shown; a decision on another one is refused.
        text: The customer's masked text.
        abuse_spans: Parts of ``text`` that are covered.
        draft: The proposed reply; empty while there is none.
        proposal: Of the words in ``draft``, when somebody asks for their approval; an approval
            of others is refused. 0 while the draft is as it was written.
        proposed: Who asks, in Korean.
        note: Why the case is back on the desk, in Korean.
        missing: What the manual does not say, as notes for the specialist.
        due_at: None once nothing is due any more.
        state: Whether the channel takes an answer now; ``state_reason`` says in Korean why not.
        timezone: IANA name; instants are shown in it.
    """

    case_id: int
    revision: int
    brand_name: str
    channel_name: str
    kind: FeedbackKind
    severity: Severity
    text: str
    console_url: str
    title: str = ""
    product_name: str = ""
    rating: int | None = None
    categories: tuple[ComplaintCategory, ...] = ()
    abuse_spans: tuple[Span, ...] = ()
    written_at: datetime | None = None
    due_at: datetime | None = None
    draft: str = ""
    proposal: int = 0
    proposed: str = ""
    note: str = ""
    missing: tuple[str, ...] = ()
    rating_mismatch: bool = False
    unsure: bool = False
    state: AnswerState = AnswerState.OPEN
    state_reason: str = ""
    timezone: str = "Asia/Seoul"

    @property
    def matter(self) -> str:
        """What a brand's owner must know of it first, in Korean.

        Critical and not about safety is law, an authority, the press or personal data.
        """
        if ComplaintCategory.SAFETY in self.categories:
            return "안전·위생 관련 글"
        if self.severity is Severity.CRITICAL:
            return "법적 대응·신고·언론·개인정보 관련 글"
        return "주의가 필요한 글"


class DecisionKind(StrEnum):
    """How a case left the approver's hands."""

    APPROVED = "approved"
    EDITED = "edited"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    """Nobody has to decide any more: answered elsewhere or deleted by the customer."""


_DECISIONS = {
    DecisionKind.APPROVED: ("✅", "승인"),
    DecisionKind.EDITED: ("✏️", "수정 후 승인"),
    DecisionKind.REJECTED: ("⛔", "반려"),
    DecisionKind.CONFIRMED: ("☑️", "확인 처리"),
    DecisionKind.CLOSED: ("▫️", "종료"),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided a case, when and where.

    Attributes:
        by: The person's name as colleagues know it.
        via: Where, in Korean: ``Slack`` or ``콘솔``.
        reason: Words for a rejection or a closing.
        outcome: What came of it, in Korean (``게시 확인됨``); empty while open.
        to_do: What a person must still do, in Korean (``직접 게시 필요``).
    """

    kind: DecisionKind
    by: str
    decided_at: datetime
    via: str = "콘솔"
    reason: str = ""
    outcome: str = ""
    to_do: str = ""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a list: burst thread, digest, overdue notice."""

    case_id: int
    revision: int
    severity: Severity
    summary: str
    rating: int | None = None
    categories: tuple[ComplaintCategory, ...] = ()
    due_at: datetime | None = None
    owner: str = ""
    """Whose it is, in words; empty where nobody is told."""
    note: str = ""
    """What it waits for, where that is more than a first decision."""
    console_url: str = ""
    """Its page; without one a list has no button to it."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody of the agency whom a message calls.

    Attributes:
        slack_user: Their id in Slack as an operator entered it; without, the name stands there.
    """

    name: str
    slack_user: str = ""


@dataclass(frozen=True, slots=True)
class DigestCounts:
    """How much happened in a digest's period.

    Attributes:
        in_time: Of the ``answered``, before the deadline.
        typical: How long half of their writers waited at most.
        negative_before: In as long a time before; None where that is not compared.
        categories: Complaints, most first; each with those before, if compared.
    """

    collected: int
    negative: int
    inquiries: int
    answered: int
    waiting: int
    overdue: int
    in_time: int = 0
    typical: timedelta | None = None
    negative_before: int | None = None
    categories: tuple[tuple[ComplaintCategory, int, int | None], ...] = ()

    def happened(self) -> list[tuple[str, str]]:
        """Say what came, as name and value."""
        return [
            ("수집한 글", f"{self.collected:,}건"),
            ("부정", _compared(self.negative, self.negative_before)),
            ("문의", f"{self.inquiries:,}건"),
        ]

    def done(self) -> list[tuple[str, str]]:
        """Say what was done and what is left, as name and value."""
        in_time = f" (기한 내 {self.in_time:,}건)" if self.answered else ""
        typical = [] if self.typical is None else [("답변까지(중앙값)", duration(self.typical))]
        return [
            ("답변 게시", f"{self.answered:,}건{in_time}"),
            *typical,
            ("진행 중", f"{self.waiting:,}건"),
            ("기한 초과", f"{self.overdue:,}건"),
        ]

    def complaints(self, most: int) -> str:
        """Name the most frequent complaints on one line."""
        return " · ".join(
            f"{KOREAN_NAMES[name]} {_compared(number, before)}"
            for name, number, before in self.categories[:most]
        )


def _compared(number: int, before: int | None) -> str:
    return f"{number:,}건" if before is None else f"{number:,}건 (이전 기간 {before:,}건)"


class DigestPeriod(StrEnum):
    """What a digest covers."""

    DAILY = "daily"
    WEEKLY = "weekly"
    BACKFILL = "backfill"
    LATE = "late"


_DIGEST_TITLES = {
    DigestPeriod.DAILY: "일간 요약",
    DigestPeriod.WEEKLY: "주간 요약",
    DigestPeriod.BACKFILL: "첫 수집 요약",
    DigestPeriod.LATE: "늦게 수집한 글 요약",
}
_WHY_TOGETHER = {
    DigestPeriod.BACKFILL: "처음 수집한 지난 글은 하나씩 알리지 않고 모아서 알려 드립니다.",
    DigestPeriod.LATE: "작성된 지 이틀이 지나 수집한 글은 하나씩 알리지 않고 모아서 알려 드립니다.",
}
"""Digests of what was old when it was collected: they ask for no decision of the brand."""


class AlarmKind(StrEnum):
    """What an operator has to repair."""

    LAYOUT_CHANGED = "layout_changed"
    PUBLICATION_UNCERTAIN = "publication_uncertain"
    CREDENTIALS = "credentials"
    BLOCKED = "blocked"
    CONFIGURATION = "configuration"
    MAIL_UNDELIVERED = "mail_undelivered"


_ALARMS = {
    AlarmKind.LAYOUT_CHANGED: (
        "채널의 화면이나 응답이 바뀌었습니다",
        UNREAD,
    ),
    AlarmKind.PUBLICATION_UNCERTAIN: (
        "답변 게시 여부를 확인할 수 없습니다",
        "다시 게시하지 마세요. 채널에서 답변이 보이는지 확인한 뒤 콘솔에서 결과를 골라 주세요.",
    ),
    AlarmKind.CREDENTIALS: (
        "채널 접속 정보가 거절되었습니다",
        "고칠 때까지 이 계정의 수집과 답변 게시가 멈춥니다.",
    ),
    AlarmKind.BLOCKED: (
        "사이트가 접속을 허용하지 않습니다",
        "이 계정은 수집되지 않고, 승인한 답변은 직접 게시해야 합니다.",
    ),
    AlarmKind.CONFIGURATION: (
        "설정이나 파일이 잘못되어 수집하지 못합니다",
        "고칠 때까지 이 계정은 수집되지 않습니다.",
    ),
    AlarmKind.MAIL_UNDELIVERED: (
        "메일이 전달되지 않았거나 전달 여부를 알 수 없습니다",
        "상세 내용을 확인한 다음, 콘솔의 알림 화면에서 다시 보내거나 받은 것으로 적어 주세요.",
    ),
}


_ABOUT = {AlarmKind.MAIL_UNDELIVERED: "받는 곳"}


REVIEW, APPROVE, APPROVE_REWRITTEN = "답변 검토", "답변 승인", "고친 답변 승인"
"""What a card asks for."""


def case_card(card: CaseCard, now: datetime, *, asks_for: str = REVIEW) -> SlackMessage:
    """Build the card on which a case is decided: the feedback, the draft and the buttons.

    A draft too long for the card has no approve and edit buttons: nobody approves what is not
    shown. An item that wants a confirmation has a button for that and no draft; one that takes
    nothing any more has neither.
    """
    blocks = [*_facts(card, f"{_mark(card)} {asks_for} 요청", now), *_feedback(card)]
    is_open = card.state in {AnswerState.OPEN, AnswerState.BY_HAND}
    drafted, is_whole = _draft(card) if card.state is not AnswerState.CONFIRM else ([], False)
    blocks += [*drafted, *_notes(card)]
    # A case's note may be who asks for an approval.
    lines = dict.fromkeys((card.note, card.proposed, card.state_reason))
    blocks += [_context(f"ℹ️ {line}") for line in lines if line]
    buttons: list[Block] = []
    if card.state is AnswerState.CONFIRM:
        buttons.append(_button("확인 처리", ActionId.CONFIRM, card, style="primary"))
    elif is_open and is_whole:
        buttons += [
            _button("승인", ActionId.APPROVE, card, style="primary"),
            _button("수정", ActionId.EDIT, card),
        ]
    buttons += [
        _button("반려", ActionId.REJECT, card, style="danger"),
        _link("콘솔에서 열기", card.console_url),
    ]
    blocks.append({"type": "actions", "elements": buttons})
    return SlackMessage(_headline(card, f"{asks_for} 요청"), tuple(blocks))


def _draft(card: CaseCard) -> tuple[list[Block], bool]:
    """Show the draft; tell whether there is one and all of it is shown."""
    if not card.draft.strip():
        return [
            _heading("draft"),
            _section("아직 초안이 없습니다. 콘솔에서 직접 작성해 주세요."),
        ], False
    parts, is_whole = chunks(card.draft, limits.SECTION_TEXT, _DRAFT_PARTS)
    return [_heading("draft"), *(_escaped_section(part) for part in parts)], is_whole


def decided_card(card: CaseCard, decision: Decision, now: datetime) -> SlackMessage:
    """Build the same card after a decision: nothing to decide, who did, and what came of it.

    ``card.draft`` is the text as decided.
    """
    mark, verb = _DECISIONS[decision.kind]
    title = f"✋ {decision.to_do}" if decision.to_do else f"{mark} {verb}"
    blocks = [*_facts(card, title, now), *_feedback(card)]
    if decision.kind in {DecisionKind.APPROVED, DecisionKind.EDITED}:
        parts, _ = chunks(card.draft, limits.SECTION_TEXT, _DRAFT_PARTS)
        blocks += [_heading("reply"), *(_escaped_section(part) for part in parts)]
    who = shorten(decision.by, _NAME_LENGTH) or "담당자"
    lines = [f"{who} · {verb} · {when(decision.decided_at, card.timezone)} · {decision.via}"]
    if decision.reason:
        lines.append(f"사유: {decision.reason}")
    if decision.outcome:
        lines.append(decision.outcome)
    blocks.append(_context(*lines))
    blocks.append({"type": "actions", "elements": [_link("콘솔에서 열기", card.console_url)]})
    return SlackMessage(_headline(card, decision.to_do or f"{verb}됨"), tuple(blocks))


def request_over(card: CaseCard, reason: str, now: datetime) -> SlackMessage:
    """Build what stands in a request's place when nobody can grant it any more.

    Args:
        card: The case.
        reason: What came instead, in Korean.
        now: When it is written.
    """
    blocks = [
        *_facts(card, "▫️ 승인 요청 종료", now),
        *_feedback(card),
        _context(f"ℹ️ {reason}"),
        {"type": "actions", "elements": [_link("콘솔에서 열기", card.console_url)]},
    ]
    return SlackMessage(_headline(card, "승인 요청 종료"), tuple(blocks))


def brand_alert(
    card: CaseCard,
    now: datetime,
    *,
    done: str,
    to_decide: str,
    wants_receipt: bool = False,
    read_by: str = "",
    read_at: datetime | None = None,
) -> SlackMessage:
    """Build a brand owner's notice of one serious case.

    Args:
        card: The case; its draft is not shown, the review room decides on it.
        now: When the notice is made.
        done: What was done so far, in Korean.
        to_decide: What the brand must decide, in Korean.
        wants_receipt: Ask for "읽음 확인" (safety and legal).
        read_by: Who confirmed; the button is gone then.
        read_at: When that was.
    """
    blocks = [*_facts(card, f"{_mark(card)} {card.matter}", now), *_feedback(card)]
    blocks += [_heading("done"), _section(done), _heading("to_decide"), _section(to_decide)]
    buttons: list[Block] = []
    if wants_receipt and read_at is None:
        blocks.append(_context("확인하셨으면 아래 ‘읽음 확인’을 눌러 주세요."))
        buttons.append(_button("읽음 확인", ActionId.READ, card, style="primary"))
    if read_at is not None:
        reader = shorten(read_by, _NAME_LENGTH) or "담당자"
        blocks.append(_context(f"{reader} 님이 {when(read_at, card.timezone)}에 확인했습니다."))
    buttons.append(_link("콘솔에서 열기", card.console_url))
    blocks.append({"type": "actions", "elements": buttons})
    return SlackMessage(_headline(card, card.matter), tuple(blocks))


def edited_after_reply(card: CaseCard, now: datetime, console_url: str) -> SlackMessage:
    """Build the review room's notice of a complaint that was made of what had its reply.

    Args:
        card: The case with the new text.
        now: When the notice is made.
        console_url: Where such texts are looked at.
    """
    blocks = [
        *_facts(card, f"{_mark(card)} 답변 뒤에 고친 글", now),
        *_feedback(card),
        _section(
            "답변이 나간 뒤에 고객이 글을 고쳤습니다. 답변은 다시 나가지 않으니 고친 글을 읽고 필요한 조치를 "
            "한 다음 콘솔의 ‘확인 필요’에서 처리해 주세요."
        ),
        {"type": "actions", "elements": [_link("확인 필요 열기", console_url)]},
    ]
    return SlackMessage(_headline(card, "답변 뒤에 고친 글"), tuple(blocks))


def burst_parent(
    brand_name: str, lines: Sequence[CaseLine], total: int, window: timedelta, console_url: str
) -> SlackMessage:
    """Build the one message that stands for many new cases; update it as they come.

    Args:
        brand_name: Whose cases.
        lines: Newest first; those that do not fit are counted.
        total: All cases of the burst.
        window: The burst rule's window, for the sentence.
        console_url: The queue, filtered.
    """
    title = f"{brand_name}: 새 케이스 {total:,}건"
    explanation = (
        f"{duration(window)} 사이에 새 케이스가 몰려 한곳에 모았습니다. "
        "필요한 케이스만 카드를 열어 검토하실 수 있습니다."
    )
    blocks = [_header(f"📈 {title}"), _section(explanation), _heading("latest")]
    blocks += _lines(lines, total, has_button=True)
    blocks.append({"type": "actions", "elements": [_link("콘솔에서 모두 보기", console_url)]})
    return SlackMessage(fit(title, limits.HEADER_TEXT, "…"), tuple(blocks))


def requests_parent(
    brand_name: str,
    lines: Sequence[CaseLine],
    total: int,
    waiting: int,
    clock: tuple[datetime, str],
    console_url: str,
) -> SlackMessage:
    """Build the one message that stands for many requests of a brand's approval.

    Args:
        brand_name: Who is asked.
        lines: What still waits, most urgent first; those that do not fit are counted.
        total: All requests that it stands for.
        waiting: How many of them still wait.
        clock: Now, and the IANA name of the zone in which instants are shown.
        console_url: Where the brand decides.
    """
    title = f"{brand_name}: 답변 승인 요청 {total:,}건"
    left = f"{waiting:,}건이 승인을 기다립니다" if waiting else "모두 처리되었습니다"
    blocks = [
        _header(f"📝 {title}"),
        _section(f"승인 요청이 몰려 한곳에 모았습니다. {when(*clock)} 기준으로 {left}."),
        *_lines(lines, waiting, has_button=False, clock=clock),
        {"type": "actions", "elements": [_link("콘솔에서 모두 보기", console_url)]},
    ]
    return SlackMessage(fit(title, limits.HEADER_TEXT, "…"), tuple(blocks))


def digest(
    period: DigestPeriod,
    brand_name: str,
    counts: DigestCounts,
    lines: Sequence[CaseLine],
    label: str,
    console_url: str,
    *,
    proposals: Sequence[CaseLine] = (),
    to_decide: int = 0,
    clock: tuple[datetime, str] | None = None,
) -> SlackMessage:
    """Build a daily or weekly digest, or one of what was old when it was collected.

    Args:
        period: Which digest.
        brand_name: Whose.
        counts: What happened.
        lines: Cases a person must look at, worst first.
        label: The period in Korean (``11월 20일(금) 09:00부터``, ``스마트스토어``).
        console_url: The brand's page, or the queue.
        proposals: What the brand must decide, most urgent first; ``note`` says why.
        to_decide: How much there is to decide, ``proposals`` included.
        clock: When the digest is made and the brand's time zone, for the time that is left.
    """
    title = f"{brand_name} {_DIGEST_TITLES[period]} · {label}"
    blocks = [_header(f"🗒️ {title}")]
    if period in _WHY_TOGETHER:
        blocks.append(_section(f"{_WHY_TOGETHER[period]} 케이스와 초안은 모두 콘솔에 있습니다."))
    blocks.append(_fields(*counts.happened(), *counts.done()))
    if counts.categories:
        blocks += [_heading("categories"), _section(counts.complaints(10))]
    if period not in _WHY_TOGETHER:
        blocks.append(_heading("decide"))
        blocks += _lines(proposals, to_decide, has_button=False, clock=clock) or [
            _section(NOTHING_TO_DECIDE)
        ]
    if lines:
        blocks += [_heading("attention"), *_lines(lines, len(lines), has_button=False, clock=clock)]
    blocks.append({"type": "actions", "elements": [_link("콘솔에서 보기", console_url)]})
    # A phone shows this alone.
    told = f"{title} · 부정 {counts.negative:,}건"
    if period not in _WHY_TOGETHER:
        told = f"{told} · 결정해 주실 일 {to_decide:,}건"
    return SlackMessage(fit(told, limits.HEADER_TEXT, "…"), tuple(blocks))


def surge_alert(
    brand_name: str,
    until: str,
    window: timedelta,
    negative: int,
    total: int,
    baseline_rate: float,
    categories: Sequence[tuple[ComplaintCategory, int]],
    console_url: str,
) -> SlackMessage:
    """Build the notice that a brand's negative rate is above its baseline.

    Args:
        brand_name: Whose.
        until: When the window ended, in Korean: it may be told hours later.
        window: What was counted.
        negative: Negative feedback in the window.
        total: All feedback in the window, at least 1.
        baseline_rate: Usual share of negative feedback, 0-1.
        categories: Complaints in the window, most first.
        console_url: The queue, filtered.
    """
    title = f"{brand_name}: 부정 글 급증"
    sentence = (
        f"{until}까지 {duration(window)} 동안 글 {total:,}건 가운데 {negative:,}건({negative / total:.0%})이 "
        f"부정이었습니다. 평소에는 {baseline_rate:.0%}입니다."
    )
    blocks = [_header(f"📈 {title}"), _section(sentence)]
    if categories:
        listed = " · ".join(f"{KOREAN_NAMES[name]} {number:,}건" for name, number in categories)
        blocks += [_heading("categories"), _section(listed)]
    blocks.append({"type": "actions", "elements": [_link("콘솔에서 보기", console_url)]})
    return SlackMessage(fit(title, limits.HEADER_TEXT, "…"), tuple(blocks))


def overdue_alert(
    brand_name: str,
    lines: Sequence[CaseLine],
    total: int,
    now: datetime,
    timezone: str,
    console_url: str,
    *,
    owners: Sequence[Colleague] = (),
    leads: Sequence[Colleague] = (),
) -> SlackMessage:
    """Build the notice of cases whose answer is late or nearly so; ``lines`` worst first.

    Owners are called, and after them the leads it is escalated to.
    """
    late = sum(line.due_at is not None and line.due_at <= now for line in lines)
    what = "답변 기한이 다가온"
    if late:
        # Told late, for some of them the deadline has passed meanwhile.
        what = "답변 기한을 넘긴" if late == len(lines) else "답변 기한을 넘겼거나 기한이 다가온"
    title = f"{brand_name}: {what} 케이스 {total:,}건"
    blocks = [_header(f"⏰ {title}")]
    blocks += [*_people("담당", owners), *_people("리드", leads)]
    blocks += _lines(lines, total, has_button=False, clock=(now, timezone))
    blocks.append({"type": "actions", "elements": [_link("콘솔에서 보기", console_url)]})
    return SlackMessage(fit(title, limits.HEADER_TEXT, "…"), tuple(blocks))


def operator_alarm(
    kind: AlarmKind,
    brand_name: str,
    account: str,
    detail: str,
    console_url: str,
    *,
    remedy: str = "",
) -> SlackMessage:
    """Build an alarm that an operator must repair.

    Args:
        kind: What happened.
        brand_name: Whose account.
        account: ``BRAND/NAME``.
        detail: The error's message (ids, codes, remedies; never a customer's text).
        console_url: Where it is repaired.
        remedy: What to do, in Korean, where the kind does not say it.
    """
    what, words = _ALARMS[kind]
    title = f"{brand_name}: {what}"
    blocks = [
        _header(f"🛠️ {title}"),
        _section(f"{remedy} {words}".strip()),
        _fields((_ABOUT.get(kind, "계정"), account), ("상세", why(detail))),
        {"type": "actions", "elements": [_link("콘솔에서 보기", console_url)]},
    ]
    return SlackMessage(fit(title, limits.HEADER_TEXT, "…"), tuple(blocks))


def notice(text: str) -> SlackMessage:
    """Build a short sentence for one person (an ephemeral answer to a click)."""
    sentence = fit(text, limits.SECTION_TEXT) or NO_TEXT
    return SlackMessage(sentence, (_section(text),))


@dataclass(frozen=True, slots=True)
class ModalContext:
    """Which card a modal was opened from; travels in its ``private_metadata``."""

    case_id: int
    revision: int
    channel_id: str
    message_ts: str


def edit_modal(draft: str, rules: ReplyRules, context: ModalContext, console_url: str) -> View:
    """Build the modal in which a specialist rewrites a draft and approves it.

    The text is put in unchanged (an input box shows letters, it reads no markup); Slack itself
    shows the length live where the channel counts characters, and the rule is checked again when
    the modal is sent. A draft longer than an input box is edited in the console.
    """
    if length(draft) > limits.INPUT_TEXT:
        return _modal(
            "답변 수정",
            [
                _section(
                    "초안이 3,000자를 넘어 Slack에서는 수정할 수 없습니다. 콘솔에서 수정해 주세요."
                ),
                {"type": "actions", "elements": [_link("콘솔에서 수정", console_url)]},
            ],
        )
    element: Block = {
        "type": "plain_text_input",
        "action_id": TEXT_INPUT,
        "multiline": True,
        "min_length": max(1, min(rules.min_length, limits.INPUT_TEXT)),
        "max_length": _input_limit(draft, rules),
    }
    if draft:
        element["initial_value"] = draft
    blocks: list[Block] = [
        {
            "type": "input",
            "block_id": TEXT_BLOCK,
            "label": plain("고객에게 게시될 답변"),
            "element": element,
            "hint": plain(length_hint(rules), limits.HINT_TEXT),
        },
    ]
    view = _modal("답변 수정", blocks)
    view["submit"] = plain("수정 후 승인")
    view["callback_id"] = EDIT_CALLBACK
    view["private_metadata"] = _metadata(context, rules)
    return view


def reject_modal(context: ModalContext) -> View:
    """Build the modal that asks why a case gets no reply, and says that it gets none."""
    options = [{"text": plain(words), "value": value} for value, words in REJECT_REASONS.items()]
    view = _modal(
        "반려",
        [
            _section(
                "반려하면 답변 없이 케이스가 닫힙니다. 초안을 고치면 되는 글은 ‘수정’으로 고쳐서 승인해 주세요."
            ),
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "label": plain("반려 사유"),
                "element": {
                    "type": "static_select",
                    "action_id": REASON_INPUT,
                    "placeholder": plain("사유를 골라 주세요"),
                    "options": options,
                },
            },
            {
                "type": "input",
                "block_id": NOTE_BLOCK,
                "optional": True,
                "label": plain("내용"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": NOTE_INPUT,
                    "multiline": True,
                    "max_length": 1000,
                },
                "hint": plain("케이스의 이력에 남습니다. 고객에게는 보이지 않습니다."),
            },
        ],
    )
    view["submit"] = plain("반려하고 닫기")
    view["callback_id"] = REJECT_CALLBACK
    view["private_metadata"] = _metadata(context, None)
    return view


def loading_modal(title: str = "불러오는 중") -> View:
    """Build the modal that is opened at once, within a trigger's 3 seconds, and filled later."""
    return _modal(title, [_section("내용을 불러오고 있습니다…")])


def message_modal(title: str, text: str) -> View:
    """Build a modal that only says something (the case was decided meanwhile)."""
    return _modal(title, [_section(text)])


def length_hint(rules: ReplyRules) -> str:
    """Say a channel's rule for a reply's length in Korean."""
    unit = "자" if rules.unit is LengthUnit.CHARACTERS else "바이트(한글 한 글자는 2~3바이트)"
    least = f"최소 {rules.min_length:,}, " if rules.min_length > 1 else ""
    once = " 한 번 게시하면 고칠 수 없습니다." if not rules.editable else ""
    charset = rules.encoding.upper()
    only = "" if charset == "UTF-8" else f" {charset}에 없는 글자(이모지 등)는 쓸 수 없습니다."
    return f"{least}최대 {rules.max_length:,}{unit}.{once}{only}"


def reply_problem(text: str, rules: ReplyRules) -> str:
    """Say in Korean why a channel would not take a reply; empty when it would."""
    if lacking := rules.lacking(text):
        return f"채널({rules.encoding.upper()})이 저장하지 못하는 글자가 있습니다: {named(lacking)}"
    size = rules.length_of(text.strip())
    unit = "자" if rules.unit is LengthUnit.CHARACTERS else "바이트"
    if size > rules.max_length:
        return f"{size - rules.max_length:,}{unit} 깁니다. (지금 {size:,}, 최대 {rules.max_length:,}{unit})"
    if size < max(rules.min_length, 1):
        return f"너무 짧습니다. (지금 {size:,}, 최소 {max(rules.min_length, 1):,}{unit})"
    return ""


def _input_limit(draft: str, rules: ReplyRules) -> int:
    if rules.unit is LengthUnit.CHARACTERS and length(draft) <= rules.max_length:
        return min(rules.max_length, limits.INPUT_TEXT)
    # Slack would refuse a modal whose first value is longer than its own limit.
    return limits.INPUT_TEXT


def _metadata(context: ModalContext, rules: ReplyRules | None) -> str:
    facts: dict[str, object] = {
        "case": context.case_id,
        "revision": context.revision,
        "channel": context.channel_id,
        "ts": context.message_ts,
    }
    if rules is not None:
        facts["rules"] = [rules.min_length, rules.max_length, rules.unit.value, rules.encoding]
    return json.dumps(facts, separators=(",", ":"))


def _modal(title: str, blocks: list[Block]) -> View:
    return {
        "type": "modal",
        "title": plain(title, 24),
        "close": plain("닫기", 24),
        "blocks": blocks,
    }


def _mark(card: CaseCard) -> str:
    return f"{_SEVERITY_MARKS[card.severity]} {KOREAN_NAMES[card.severity]}"


def _headline(card: CaseCard, what: str) -> str:
    """What a phone shows: names of ours and of the brand, never the customer's words."""
    categories = ", ".join(KOREAN_NAMES[category] for category in card.categories[:3])
    parts = [
        f"[{KOREAN_NAMES[card.severity]}] {card.brand_name}",
        card.channel_name,
        categories,
        stars(card.rating) if card.rating is not None else "",
        what,
    ]
    return fit(" · ".join(part for part in parts if part), limits.HEADER_TEXT, "…")


def _facts(card: CaseCard, title: str, now: datetime) -> list[Block]:
    categories = ", ".join(KOREAN_NAMES[category] for category in card.categories) or "해당 없음"
    written = when(card.written_at, card.timezone) if card.written_at else "알 수 없음"
    pairs = [
        ("채널", f"{card.channel_name} {KOREAN_NAMES[card.kind]}"),
        ("상품", card.product_name or "없음"),
        ("별점", stars(card.rating)),
        ("불만 유형", categories),
        ("심각도", KOREAN_NAMES[card.severity]),
        ("작성", written),
    ]
    if card.due_at is not None:
        pairs.append(("기한", deadline(card.due_at, now, card.timezone)))
    return [_header(f"{title} · {card.brand_name}"), _fields(*pairs)]


def _feedback(card: CaseCard) -> list[Block]:
    blocks = [_heading("feedback")]
    title = shorten(card.title, _FACT_LENGTH)
    if title:
        blocks.append(_context(title))
    blocks.append(_section(hide(card.text, card.abuse_spans)))
    return blocks


def _notes(card: CaseCard) -> list[Block]:
    notes = []
    if card.rating_mismatch:
        notes.append("⚠️ 별점과 글의 내용이 서로 다릅니다.")
    if card.unsure:
        notes.append("⚠️ 자동 판단이 확실하지 않습니다. 글을 직접 확인해 주세요.")
    if card.abuse_spans:
        notes.append("⚠️ 거친 표현을 가렸습니다. 원문은 콘솔에서 볼 수 있습니다.")
    notes += [f"❗ {note}" for note in card.missing[:5]]
    return [_context(*notes)] if notes else []


def _lines(
    lines: Sequence[CaseLine],
    total: int,
    *,
    has_button: bool,
    clock: tuple[datetime, str] | None = None,
) -> list[Block]:
    blocks: list[Block] = []
    for line in lines[:_LINES_SHOWN]:
        categories = ", ".join(KOREAN_NAMES[name] for name in line.categories[:3])
        parts = [
            f"{_SEVERITY_MARKS[line.severity]} {KOREAN_NAMES[line.severity]}",
            f"★{line.rating}" if line.rating is not None else "",
            categories,
            deadline(line.due_at, *clock) if clock else "",
            line.owner,
            line.note,
        ]
        summary = shorten(line.summary, _SUMMARY_LENGTH)
        block = _section(f"{' · '.join(part for part in parts if part)}\n{summary}")
        if has_button:
            block["accessory"] = _button("카드 열기", ActionId.SHOW, line)
        elif line.console_url:
            block["accessory"] = _link("열기", line.console_url)
        blocks.append(block)
    if total > len(blocks):
        blocks.append(_context(f"외 {total - len(blocks):,}건은 콘솔에서 보실 수 있습니다."))
    return blocks


def _header(text: str) -> Block:
    return {
        "type": "header",
        "text": {
            "type": "plain_text",
            "text": fit(" ".join(text.split()), limits.HEADER_TEXT, "…"),
            "emoji": False,
        },
    }


def _heading(name: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": HEADINGS[name]}]}


def _people(title: str, people: Sequence[Colleague]) -> list[Block]:
    """Call people by their ids, and name those who have none."""
    if not people:
        return []
    mentions, words = [], []
    for one in people[:_PEOPLE_CALLED]:
        if SLACK_USER.fullmatch(one.slack_user):
            mentions.append(f"<@{one.slack_user}>")
        else:
            words.append(shorten(one.name, _NAME_LENGTH))
    if len(people) > _PEOPLE_CALLED:
        words.append(f"외 {len(people) - _PEOPLE_CALLED}명")
    elements: list[Block] = [plain(title)]
    if mentions:
        elements.append({"type": "mrkdwn", "text": " ".join(mentions)})
    if words:
        elements.append(plain(", ".join(words), limits.CONTEXT_TEXT))
    return [{"type": "context", "elements": elements}]


def _section(text: str) -> Block:
    return {"type": "section", "text": plain(text)}


def _escaped_section(text: str) -> Block:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _fields(*pairs: tuple[str, str]) -> Block:
    fields = [
        plain(f"{name}\n{shorten(value, _FACT_LENGTH) or '-'}", limits.FIELD_TEXT)
        for name, value in pairs
    ]
    return {"type": "section", "fields": fields}


def _context(*lines: str) -> Block:
    return {"type": "context", "elements": [plain(line, limits.CONTEXT_TEXT) for line in lines]}


def _button(
    text: str, action: ActionId, case: CaseCard | CaseLine, style: str | None = None
) -> Block:
    proposal = f":{case.proposal}" if isinstance(case, CaseCard) and case.proposal else ""
    button: Block = {
        "type": "button",
        "text": plain(text, limits.BUTTON_TEXT),
        "action_id": action.value,
        "value": f"{case.case_id}:{case.revision}{proposal}",
    }
    if style is not None:
        button["style"] = style
    return button


def _link(text: str, url: str) -> Block:
    return {
        "type": "button",
        "text": plain(text, limits.BUTTON_TEXT),
        "action_id": ActionId.OPEN.value,
        "url": url,
    }
