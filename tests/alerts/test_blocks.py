from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.blocks import (
    HEADINGS,
    AlarmKind,
    CaseCard,
    CaseLine,
    Colleague,
    Decision,
    DecisionKind,
    DigestCounts,
    DigestPeriod,
    ModalContext,
    SlackMessage,
    brand_alert,
    burst_parent,
    case_card,
    decided_card,
    digest,
    edit_modal,
    loading_modal,
    message_modal,
    notice,
    operator_alarm,
    overdue_alert,
    reject_modal,
    reply_problem,
    request_over,
    requests_parent,
    surge_alert,
)
from alerts.escape import MORE_IN_CONSOLE
from domain.types import ComplaintCategory, FeedbackKind, LengthUnit, ReplyRules, Severity, Span
from tests.alerts.slack_limits import message_problems, view_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 21, 5, 2, tzinfo=UTC)
MENTIONS = re.compile("<@U[0-9A-Z]{1,4}>( <@U[0-9A-Z]{1,4}>)*")
URL = "http://127.0.0.1:8000/cases/7"
CONTEXT = ModalContext(7, 3, "CREVIEW", "1700000000.000001")
CARD = CaseCard(
    case_id=7,
    revision=3,
    brand_name="새벽나무",
    channel_name="스마트스토어",
    kind=FeedbackKind.REVIEW,
    severity=Severity.HIGH,
    text="뚜껑이 깨져서 왔어요. 환불해 주세요 ㅠㅠ",
    console_url=URL,
    product_name="유리 밀폐용기 3종",
    rating=1,
    categories=(ComplaintCategory.DEFECT, ComplaintCategory.RETURN_REFUND),
    written_at=NOW - timedelta(hours=1),
    due_at=NOW + timedelta(hours=3, minutes=20),
    draft="뚜껑이 깨져서 도착해 많이 놀라셨겠습니다.\n교환이나 환불을 도와드리겠습니다.",
)
HOSTILE = "<!channel> <@U123> <https://evil.example|무료> *굵게* _기울임_ ~줄~ `코드` @here &amp; "
hostile_texts = st.one_of(
    st.text(
        alphabet=st.one_of(
            st.sampled_from(list("<>&@#!|*_~`:\n\x00\u202e\u200d👨👩🇰🇷가")),
            st.characters(),
            st.characters(categories=["Cs"]),
        ),
        max_size=200,
    ),
    st.builds(lambda part, times: part * times, st.text(max_size=30), st.integers(0, 400)),
    st.just(HOSTILE * 200),
)


def payload(message: SlackMessage) -> dict[str, Any]:
    return {"text": message.text, "blocks": list(message.blocks)}


def texts(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") in {"plain_text", "mrkdwn"}:
            yield node
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from texts(value)


def told(card: CaseCard, **more: Any) -> SlackMessage:  # noqa: ANN401 - brand_alert's own
    done, to_decide = "초안을 만들었습니다.", "답변은 에이전시가 승인합니다."
    return brand_alert(card, NOW, done=done, to_decide=to_decide, **more)


def buttons(message: SlackMessage) -> list[dict[str, Any]]:
    return [
        element
        for block in message.blocks
        for element in [*block.get("elements", []), block.get("accessory", {})]
        if element.get("type") == "button"
    ]


def shown(message: SlackMessage) -> str:
    return "\n".join(text["text"] for text in texts(list(message.blocks)))


def every_message(card: CaseCard, words: str) -> list[SlackMessage]:
    line = CaseLine(7, 3, Severity.HIGH, words, 1, card.categories, NOW + timedelta(hours=1))
    counts = DigestCounts(
        10, 4, 2, 3, 3, 1, 2, timedelta(hours=3), 7, ((ComplaintCategory.DELIVERY, 3, 5),)
    )
    decision = Decision(DecisionKind.REJECTED, words, NOW, "Slack", words, words)
    return [
        case_card(card, NOW),
        request_over(card, words, NOW),
        requests_parent(words, [line] * 60, 90, 70, (NOW, "Asia/Seoul"), URL),
        *(decided_card(card, replace(decision, kind=kind), NOW) for kind in DecisionKind),
        told(card),
        told(card, wants_receipt=True),
        told(card, wants_receipt=True, read_by=words, read_at=NOW),
        burst_parent(words, [line] * 60, 90, timedelta(minutes=10), URL),
        digest(DigestPeriod.DAILY, words, counts, [line] * 30, words, URL),
        digest(
            DigestPeriod.WEEKLY,
            words,
            counts,
            [line] * 30,
            words,
            URL,
            proposals=[line] * 30,
            to_decide=30,
            clock=(NOW, "Asia/Seoul"),
        ),
        digest(DigestPeriod.BACKFILL, words, counts, [], words, URL),
        surge_alert(
            words, words, timedelta(hours=1), 6, 10, 0.1, [(ComplaintCategory.SAFETY, 3)], URL
        ),
        overdue_alert(
            words,
            [replace(line, owner=words)] * 3,
            40,
            NOW,
            "Asia/Seoul",
            URL,
            owners=[Colleague(words, words), Colleague(words, "U1ABC"), Colleague(words)],
            leads=[Colleague(words, f"U{number}") for number in range(30)],
        ),
        *(operator_alarm(kind, words, words, words, URL) for kind in AlarmKind),
        notice(words),
    ]


def test_a_card_shows_what_a_specialist_needs() -> None:
    message = case_card(CARD, NOW)
    words = shown(message)
    for part in (
        "★☆☆☆☆ 1점",
        "스마트스토어 리뷰",
        "유리 밀폐용기 3종",
        "불량·파손, 교환·반품·환불",
        "높음",
        "11월 21일(토) 17:22까지",
        "3시간 20분 남음",
        "뚜껑이 깨져서 왔어요.",
        "많이 놀라셨겠습니다",
    ):
        assert part in words
    assert [button["action_id"] for button in buttons(message)] == [
        "case.approve",
        "case.edit",
        "case.reject",
        "case.open",
    ]


def test_buttons_carry_the_case_and_the_revision_only() -> None:
    values = [button.get("value") for button in buttons(case_card(CARD, NOW))]
    assert values == ["7:3", "7:3", "7:3", None]


def test_the_notification_text_never_quotes_the_customer_or_the_draft() -> None:
    secret = "비밀문장"
    card = replace(CARD, text=secret, draft=secret, title=secret, product_name=secret)
    decision = Decision(DecisionKind.APPROVED, "김지은", NOW)
    for message in (
        case_card(card, NOW),
        decided_card(card, decision, NOW),
        told(card),
    ):
        assert secret not in message.text
        assert secret in shown(message)


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ((1, 2), "답변 기한이 다가온 케이스 2건"),
        ((-1, -2), "답변 기한을 넘긴 케이스 2건"),
        ((-1, 2), "답변 기한을 넘겼거나 기한이 다가온 케이스 2건"),
    ],
)
def test_a_reminder_calls_late_only_what_is_late(hours: tuple[int, int], words: str) -> None:
    line = CaseLine(7, 3, Severity.HIGH, "깨졌어요")
    lines = [replace(line, due_at=NOW + timedelta(hours=each)) for each in hours]
    assert words in overdue_alert("새벽나무", lines, 2, NOW, "Asia/Seoul", URL).text


def test_a_decided_card_only_leads_to_the_console_and_says_who_decided() -> None:
    decision = Decision(DecisionKind.EDITED, "김지은", NOW, "Slack", outcome="게시 확인됨")
    message = decided_card(CARD, decision, NOW)
    assert [button["action_id"] for button in buttons(message)] == ["case.open"]
    assert "김지은 · 수정 후 승인 · 11월 21일(토) 14:02 · Slack" in shown(message)
    assert "게시 확인됨" in shown(message)


def test_an_approved_reply_that_needs_a_person_says_so_first() -> None:
    decision = Decision(DecisionKind.APPROVED, "김지은", NOW, to_do="직접 게시 필요")
    message = decided_card(CARD, decision, NOW)
    assert message.blocks[0]["text"]["text"] == "✋ 직접 게시 필요 · 새벽나무"
    assert message.text.endswith("직접 게시 필요")
    assert "김지은 · 승인" in shown(message)


def test_a_rejected_card_gives_the_reason_and_hides_the_draft() -> None:
    decision = Decision(DecisionKind.REJECTED, "김지은", NOW, reason="사실과 다름")
    words = shown(decided_card(CARD, decision, NOW))
    assert "사유: 사실과 다름" in words
    assert "놀라셨겠습니다" not in words


def test_nobody_can_approve_a_draft_that_is_not_shown_completely() -> None:
    for draft in ("", " \n", "가" * 7000):
        ids = [
            button["action_id"] for button in buttons(case_card(replace(CARD, draft=draft), NOW))
        ]
        assert ids == ["case.reject", "case.open"]
    whole = case_card(replace(CARD, draft="가나다라 " * 1000), NOW)
    assert "case.approve" in [button["action_id"] for button in buttons(whole)]
    assert MORE_IN_CONSOLE not in shown(whole)


def test_hostile_words_are_covered_and_announced() -> None:
    card = replace(CARD, text="야 이 바보들아 환불해", abuse_spans=(Span(4, 8),))
    words = shown(case_card(card, NOW))
    assert "바보" not in words
    assert "야 이 ●●●● 환불해" in words
    assert "거친 표현을 가렸습니다" in words


def test_only_safety_asks_for_a_receipt_and_only_once() -> None:
    assert [b["action_id"] for b in buttons(told(CARD))] == ["case.open"]
    asked = told(CARD, wants_receipt=True)
    assert [b["action_id"] for b in buttons(asked)] == ["alert.read", "case.open"]
    read = told(CARD, wants_receipt=True, read_by="박대표", read_at=NOW)
    assert [b["action_id"] for b in buttons(read)] == ["case.open"]
    assert "박대표 님이 11월 21일(토) 14:02에 확인했습니다." in shown(read)


@pytest.mark.parametrize(
    ("severity", "categories", "matter"),
    [
        (Severity.CRITICAL, (ComplaintCategory.SAFETY,), "안전·위생 관련 글"),
        (Severity.HIGH, (ComplaintCategory.SAFETY,), "안전·위생 관련 글"),
        (Severity.CRITICAL, (ComplaintCategory.SERVICE,), "법적 대응·신고·언론·개인정보 관련 글"),
        (Severity.HIGH, (ComplaintCategory.SERVICE,), "주의가 필요한 글"),
    ],
)
def test_an_owner_reads_first_what_it_is_about(
    severity: Severity, categories: tuple[ComplaintCategory, ...], matter: str
) -> None:
    message = told(replace(CARD, severity=severity, categories=categories), wants_receipt=True)
    assert message.text.endswith(f"· {matter}")
    assert matter in message.blocks[0]["text"]["text"]


def test_whoever_rejects_is_told_that_nothing_is_answered_then() -> None:
    view = reject_modal(CONTEXT)
    assert "답변 없이 케이스가 닫힙니다" in str(view["blocks"][0])
    assert view["submit"]["text"] == "반려하고 닫기"


def test_a_burst_lists_some_and_counts_the_rest() -> None:
    lines = [CaseLine(n, 1, Severity.NORMAL, f"글 {n}", 2) for n in range(40)]
    message = burst_parent("새벽나무", lines, 2000, timedelta(minutes=10), URL)
    assert "새 케이스 2,000건" in message.text
    assert "외 1,985건" in shown(message)
    assert [b.get("value") for b in buttons(message)][:2] == ["0:1", "1:1"]


def test_a_week_is_compared_with_the_one_before_and_says_how_fast_it_was_answered() -> None:
    complaints = ((ComplaintCategory.DELIVERY, 12, 5), (ComplaintCategory.PRICE, 0, 3))
    counts = DigestCounts(40, 13, 6, 9, 4, 1, 8, timedelta(hours=3, minutes=20), 9, complaints)
    words = shown(digest(DigestPeriod.WEEKLY, "새벽나무", counts, [], "지난주", URL))
    for fact in (
        "부정\n13건 (이전 기간 9건)",
        "배송 12건 (이전 기간 5건) · 가격 0건 (이전 기간 3건)",
        "답변 게시\n9건 (기한 내 8건)",
        "답변까지(중앙값)\n3시간 20분",
    ):
        assert fact in words
    plain = replace(counts, negative_before=None, typical=None, categories=())
    words = shown(digest(DigestPeriod.DAILY, "새벽나무", plain, [], "어제", URL))
    assert "이전 기간" not in words
    assert "답변까지" not in words


def test_a_digest_counts_what_there_is_to_decide_beyond_its_lines() -> None:
    lines = [CaseLine(n, 1, Severity.NORMAL, f"글 {n}", 2) for n in range(20)]
    counts = DigestCounts(0, 0, 0, 0, 0, 0)
    message = digest(
        DigestPeriod.DAILY, "새벽나무", counts, [], "오늘", URL, proposals=lines, to_decide=130
    )
    assert "외 115건" in shown(message)
    assert message.text == "새벽나무 일간 요약 · 오늘 · 부정 0건 · 결정해 주실 일 130건"


def test_a_late_notice_calls_owners_then_leads_by_their_stored_ids_alone() -> None:
    line = CaseLine(
        7,
        3,
        Severity.HIGH,
        "늦어요 <@U666>",
        due_at=NOW,
        owner="담당 김담당",
        console_url=f"{URL}cases/7",
    )
    message = overdue_alert(
        "새벽나무",
        [line],
        1,
        NOW,
        "Asia/Seoul",
        URL,
        owners=[Colleague("김담당", "U123"), Colleague("이<@U9>", "U9> <!channel>")],
        leads=[Colleague("박리드", "U777")],
    )

    people = [block["elements"] for block in message.blocks if block["type"] == "context"][:2]
    assert [element["text"] for element in people[0]][:2] == ["담당", "<@U123>"]
    assert "이" in people[0][2]["text"]
    assert [element["text"] for element in people[1]] == ["리드", "<@U777>"]
    called = [part["text"] for part in texts(list(message.blocks)) if part["type"] == "mrkdwn"]
    assert called == ["<@U123>", "<@U777>"]
    assert "담당 김담당" in shown(message)
    assert "<@" not in message.text
    assert [button["url"] for button in buttons(message)] == [f"{URL}cases/7", URL]


def test_the_edit_modal_holds_the_draft_unchanged_and_the_channels_rule() -> None:
    draft = "A & B <b>\n감사합니다."
    view = edit_modal(draft, ReplyRules(max_length=500, min_length=10), CONTEXT, URL)
    element = view["blocks"][0]["element"]
    assert element["initial_value"] == draft
    assert (element["min_length"], element["max_length"]) == (10, 500)
    assert view["blocks"][0]["hint"]["text"] == (
        "최소 10, 최대 500자. 한 번 게시하면 고칠 수 없습니다."
    )
    assert json.loads(view["private_metadata"])["case"] == 7


def test_a_draft_longer_than_the_rule_can_still_be_opened_and_shortened() -> None:
    view = edit_modal("가" * 700, ReplyRules(max_length=500), CONTEXT, URL)
    assert view_problems(view) == []
    assert "200자 깁니다" in reply_problem("가" * 700, ReplyRules(max_length=500))


def test_a_draft_longer_than_an_input_box_is_edited_in_the_console() -> None:
    view = edit_modal("가" * 3001, ReplyRules(max_length=5000), CONTEXT, URL)
    assert "submit" not in view
    assert view_problems(view) == []


def test_a_channel_that_counts_bytes_is_checked_in_bytes() -> None:
    rules = ReplyRules(max_length=10, unit=LengthUnit.BYTES, encoding="euc-kr")
    assert reply_problem("가나다라마", rules) == ""
    assert "2바이트 깁니다" in reply_problem("가나다라마바", rules)
    assert reply_problem("   ", rules) == "너무 짧습니다. (지금 0, 최소 1바이트)"


@pytest.mark.parametrize("words", ["", HOSTILE, "\ud800\x00", "👨‍👩‍👧‍👦" * 2000])
def test_every_message_stays_within_the_limits(words: str) -> None:
    card = replace(CARD, text=words, draft=words, title=words, product_name=words, brand_name=words)
    for message in every_message(card, words):
        assert message_problems(payload(message)) == []


@settings(derandomize=True, max_examples=12, deadline=None)
@given(hostile_texts, hostile_texts, st.lists(hostile_texts, max_size=3))
def test_hostile_text_neither_breaks_a_limit_nor_becomes_markup(
    text: str, draft: str, missing: list[str]
) -> None:
    card = replace(
        CARD,
        text=text, draft=draft, title=text, product_name=text, brand_name=text, channel_name=text,
        missing=tuple(missing), rating=None, unsure=True, rating_mismatch=True,
        abuse_spans=(Span(0, 5),), categories=tuple(ComplaintCategory),
    )  # fmt: skip
    for message in every_message(card, text):
        assert message_problems(payload(message)) == []
        json.dumps(payload(message), ensure_ascii=False).encode("utf-8")
        assert "<" not in message.text
        for part in texts(list(message.blocks)):
            if part["type"] == "mrkdwn":
                assert part["text"] in HEADINGS.values() or MENTIONS.fullmatch(part["text"])
            else:
                assert part["emoji"] is False
                assert "<" not in part["text"]
                assert ">" not in part["text"]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.text(max_size=4000),
    st.integers(1, 6000),
    st.integers(1, 50),
    st.sampled_from(LengthUnit),
)
def test_every_modal_stays_within_the_limits(
    draft: str, most: int, least: int, unit: LengthUnit
) -> None:
    rules = ReplyRules(max_length=max(most, least), min_length=least, unit=unit)
    for view in (
        edit_modal(draft, rules, CONTEXT, URL),
        reject_modal(CONTEXT),
        loading_modal(),
        message_modal(draft, draft),
    ):
        assert view_problems(view) == []
