from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.brands import BusinessHours
from domain.types import DraftSentence, LengthUnit, ReplyRules, SourceKind
from privacy import masking
from responders.drafting import Drafter, DraftInput
from responders.policy import Finding, changed_sources, check_reply, what_changed
from responders.rendering import hours_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.brands import Brand
    from responders.manual import Manual

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
GOOD = "안녕하세요, 새벽나무입니다.\n불편을 드려 죄송합니다.\n고객센터(1522-0000)로 연락 주세요."


@pytest.fixture
def findings(brand: Brand, manual: Manual) -> Callable[..., tuple[Finding, ...]]:
    def check(
        text: str,
        sources: Sequence[DraftSentence] = (),
        rules: ReplyRules | None = None,
        at: datetime = NOW,
        review_text: str = "",
    ) -> tuple[Finding, ...]:
        return check_reply(
            text,
            brand=brand,
            rules=rules or ReplyRules(),
            manual=manual,
            sources=sources,
            at=at,
            find_personal_data=masking.find,
            review_text=review_text,
        )

    return check


def cited(manual: Manual, reference: str) -> DraftSentence:
    clause = manual.clause(reference)
    assert clause is not None
    return DraftSentence(clause.text, clause.kind, clause.citation, valid_until=clause.valid_until)


def test_a_plain_polite_reply_passes(findings: Callable[..., tuple[Finding, ...]]) -> None:
    assert findings(GOOD) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" \n", "empty"),
        ("무조건 환불해 드립니다.", "absolute_promise"),
        ("100% 환불을 약속드립니다.", "absolute_promise"),
        ("보상해 드리겠습니다.", "promise"),
        ("바로 환불해 드리겠습니다.", "promise"),
        ("새 상품을 보내 드리겠습니다.", "promise"),
        ("적립금을 지급해 드릴게요.", "promise"),
        ("이번 일의 법적 책임을 인정합니다.", "liability"),
        ("전적으로 저희 책임입니다.", "liability"),
        ("작성하신 리뷰를 삭제해 주시면 감사하겠습니다.", "review_change"),
        ("별점을 다시 올려 주실 수 있을까요? 부탁드립니다.", "review_change"),
        ("후기 수정 부탁드립니다.", "review_change"),
        ("리뷰를 남겨 주시면 쿠폰을 보내 드립니다.", "review_reward"),
        ("별점 5점에 대한 사례로 상품권을 드립니다.", "review_reward"),
        ("홍길동 고객님, 010-1234-5678로 연락드리겠습니다.", "contact"),
        ("자세한 내용은 https://evil.example/x 에서 보세요.", "contact"),
        ("help@other.example 로 메일 주세요.", "contact"),
        ("문의는 1588-9999로 해 주세요.", "contact"),
        ("주민등록번호 900101-1234568로 확인했습니다.", "personal_data"),
        ("진상 고객님은 받지 않습니다.", "abuse"),
        ("{상품} 배송이 늦어 죄송합니다.", "slot"),
        ("○○○ 고객님, 안녕하세요.", "slot"),
        ("[이름] 고객님, 안녕하세요.", "mask"),
        ("<b>죄송합니다</b>", "markup"),
        ("<!channel> 죄송합니다.", "markup"),
        ("죄송합니다.\u202e다니합", "control_character"),
        ("죄송\x00합니다.", "control_character"),
        ("죄송\ud800합니다.", "control_character"),
    ],
)
def test_what_must_not_go_out_is_blocked(
    findings: Callable[..., tuple[Finding, ...]], text: str, code: str
) -> None:
    found = [finding for finding in findings(text) if finding.code == code]
    assert found
    assert all(finding.is_blocking for finding in found)
    for finding in found:
        assert finding.span is None or 0 <= finding.span.start < finding.span.end <= len(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5일 안에 확인하겠습니다.", "unsupported_number"),
        ("환불를 원하시는지 궁금합니다.", "josa"),
        ("고객님의 실수로 보입니다.", "blame"),
        ("죄송합니다 😊", "emoji"),
    ],
)
def test_what_a_person_must_weigh_is_a_warning(
    findings: Callable[..., tuple[Finding, ...]], text: str, code: str
) -> None:
    (finding,) = findings(text)
    assert finding.code == code
    assert not finding.is_blocking


@pytest.mark.parametrize(
    "text",
    [
        "환불해 드리기 어려운 점 양해 부탁드립니다.",
        "후기를 남겨 주셔서 감사합니다.",
        "교환과 환불 절차는 고객센터(1522 0000)에서 안내해 드립니다.",
        "후기에 적어 주신 내용을 확인했습니다.",
        "상담 시간은 평일 9시부터 18시까지입니다.",
        "고객지원 페이지(http://www.example.com/help/)를 이용해 주세요.",
        "적어 주신 배송 지연 문제를 살펴보겠습니다.",
    ],
)
def test_careful_wording_passes(findings: Callable[..., tuple[Finding, ...]], text: str) -> None:
    assert findings(text) == ()


def test_hours_of_the_weekend_are_written_and_supported(brand: Brand, manual: Manual) -> None:
    hours = BusinessHours(saturday=(time(10, 30), time(15)), sunday=(time(11), time(14)))
    words = hours_in_words(hours)
    assert words == (
        "평일 09:00부터 18:00까지, 토요일 10:30부터 15:00까지, 일요일 11:00부터 14:00까지"
        "(점심 12:00~13:00 제외)"
    )
    found = check_reply(
        f"상담 시간은 {words}입니다.",
        brand=replace(brand, hours=hours),
        rules=ReplyRules(),
        manual=manual,
        sources=(),
        at=NOW,
        find_personal_data=masking.find,
    )
    assert found == ()


def test_length_counts_in_the_channels_unit(
    findings: Callable[..., tuple[Finding, ...]],
) -> None:
    rules = ReplyRules(max_length=20, unit=LengthUnit.BYTES, encoding="cp949")
    assert findings("가" * 10, rules=rules) == ()
    (finding,) = findings("가" * 11, rules=rules)
    assert finding.code == "too_long"
    assert "2바이트" in finding.reason
    (short,) = findings("네", rules=ReplyRules(min_length=5))
    assert short.code == "too_short"


@pytest.mark.parametrize("piece", ["가", "1", "a", "“", "{", "<", "가(", "1 "])
def test_a_pasted_book_is_refused_at_once(
    findings: Callable[..., tuple[Finding, ...]], piece: str
) -> None:
    (finding,) = findings(piece * 500_000, rules=ReplyRules(max_length=2_000_000))
    assert finding.code == "too_long"


def test_a_letter_the_channel_cannot_show_is_a_warning(
    findings: Callable[..., tuple[Finding, ...]],
) -> None:
    rules = ReplyRules(unit=LengthUnit.BYTES, encoding="cp949", max_length=100)
    (finding,) = findings("죄송합니다 ₩", rules=rules)
    assert finding.code == "encoding"


def test_a_promise_that_a_cited_clause_makes_is_allowed(
    findings: Callable[..., tuple[Finding, ...]], manual: Manual
) -> None:
    clause = cited(manual, "manual/delivery.md#1")
    assert findings(clause.text, [clause]) == ()
    promised = "늦은 주문은 배송비를 적립금으로 돌려 드립니다."
    assert [f.code for f in findings(promised)] == ["promise"]


def test_numbers_of_the_clause_the_review_and_the_brand_need_no_other_support(
    findings: Callable[..., tuple[Finding, ...]], manual: Manual
) -> None:
    clause = cited(manual, "manual/refund.md#1")
    text = f"{clause.text}\n“3주째 기다려요”라는 말씀을 읽었습니다.\n일주일 안에 신청해 주세요."
    assert findings(text, [clause], review_text="3주째 기다려요") == ()
    assert [f.code for f in findings(text.replace("3주", "5주"), [clause])] == [
        "unsupported_number"
    ]


def test_a_clause_that_was_cut_from_the_reply_supports_nothing(
    findings: Callable[..., tuple[Finding, ...]], manual: Manual
) -> None:
    clause = cited(manual, "manual/delivery.md#1")
    found = findings("적립금을 지급해 드립니다.", [clause])
    assert [finding.code for finding in found] == ["promise"]


def test_an_expired_clause_blocks_and_is_named(
    findings: Callable[..., tuple[Finding, ...]], manual: Manual
) -> None:
    clause = cited(manual, "manual/delivery.md#1")
    later = datetime(2027, 1, 1, tzinfo=UTC)
    found = findings(clause.text, [clause], at=later)
    changed = next(finding for finding in found if finding.code == "policy_changed")
    assert changed.is_blocking
    assert "manual/delivery.md#1" in changed.reason


def test_a_decision_sees_every_way_a_clause_can_change(
    write_manual: Callable[..., Manual], brand: Brand, make_case: Callable[..., DraftInput]
) -> None:
    before = write_manual()
    case = make_case("단순 변심 반품이 안 된다고 하네요", "return_refund")
    draft = Drafter(brand, before, lambda: NOW).draft(case)
    assert any(s.reference.startswith("manual/refund.md#1@") for s in draft.sentences)
    assert changed_sources(draft.sentences, before, NOW) == ()

    head = "---\ntopic: return_refund\n---\n## 정책\n"
    reworded = write_manual(
        **{"refund.md": head + "- 단순 변심 반품은 받으신 날부터 10일 안에 신청하실 수 있습니다.\n"}
    )
    (finding,) = changed_sources(draft.sentences, reworded, NOW)
    assert "10일" in finding.reason
    removed = write_manual(**{"refund.md": "---\ntopic: return_refund\n---\n"})
    (finding,) = changed_sources(draft.sentences, removed, NOW)
    assert "사라졌" in finding.reason


def test_a_contradiction_that_appears_later_blocks(
    write_manual: Callable[..., Manual],
) -> None:
    clause = cited(write_manual(), "manual/refund.md#1")
    other = (
        "---\ntopic: return_refund\n---\n## 정책\n"
        "- 단순 변심 반품은 받으신 날부터 14일 안에 신청하실 수 있습니다.\n"
    )
    contradicted = write_manual(**{"refund_b.md": other})
    (finding,) = changed_sources([clause], contradicted, NOW)
    assert "서로 다릅니다" in finding.reason
    assert "서로 다릅니다" in what_changed(clause, contradicted, NOW)


def test_courtesy_and_review_sentences_cannot_expire(manual: Manual) -> None:
    sentence = DraftSentence("감사합니다.", SourceKind.COURTESY)
    quoted = replace(sentence, source=SourceKind.REVIEW, reference="review")
    assert changed_sources([sentence, quoted], manual, NOW) == ()


def test_blocking_findings_come_first_and_once(
    findings: Callable[..., tuple[Finding, ...]],
) -> None:
    found = findings("5일 안에 보상해 드리겠습니다. 환불를 안내합니다.")
    levels = [finding.is_blocking for finding in found]
    assert levels == sorted(levels, reverse=True)
    assert len(found) == len(set(found))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_can_be_checked(findings: Callable[..., tuple[Finding, ...]], text: str) -> None:
    for finding in findings(text):
        assert finding.reason
        if finding.span is not None:
            assert 0 <= finding.span.start < finding.span.end <= len(text)
