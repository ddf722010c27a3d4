"""Deciding: what is stored, what is refused, what is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from console import wording
from console.highlight import Piece, diff_pieces
from domain.types import (
    AnswerState,
    ReplyRules,
    Sentiment,
    Span,
)
from storage import alerts, cases, dossier
from storage.people import Role
from tests.console.conftest import CLAUSE, MANUAL, Browser, decision_form

if TYPE_CHECKING:
    from storage.cases import CaseView
    from storage.session import Connection
    from tests.console.conftest import Desk


def test_page_shows_the_review_beside_its_draft_and_the_manual(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()

    page = browser.get(f"/cases/{case_id}")

    assert page.status_code == 200
    assert '<mark class="complaint" title="배송">배송</mark>이 너무 늦어요.' in page.text
    assert f"정책 · {CLAUSE}" in page.text
    assert "manual/delivery.md#1, 2026년 12월 31일까지" in page.text
    assert "1,000자" in page.text


def test_earlier_feedback_of_the_same_author_or_order_is_found(shelf: Desk) -> None:
    case_id = shelf.add("본 글")
    by_author = shelf.add("같은 작성자의 글")
    by_order = shelf.add("같은 주문의 글", author="김*순")
    shelf.add("남의 글", author="이*영")
    shelf.add("다른 브랜드에 쓴 글", brand="beta")
    with shelf.database.unit_of_work() as connection:
        connection.execute(
            text("UPDATE feedback SET order_fingerprint = 'o' WHERE text IN (:one, :other)"),
            {"one": "본 글", "other": "같은 주문의 글"},
        )

    with shelf.database.reading() as connection:
        found = dossier.around(connection, case_id).same_author

    assert {row["case_id"] for row in found} == {by_author, by_order}


def test_approval_stores_the_decision_its_publication_and_its_message(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()

    answer = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert answer.status_code == 303
    [decision] = desk.rows("SELECT * FROM decisions")
    assert (decision["kind"], decision["decided_by"], decision["was_edited"]) == (
        "approval",
        "김승인",
        0,
    )
    [publication] = desk.rows("SELECT * FROM publications")
    assert publication["state"] == "queued"
    assert desk.rows("SELECT actor FROM outbox WHERE actor = 'publication.publish'")
    assert desk.case(case_id)["state"] == "approved"
    assert desk.poked == 1


def test_an_edited_reply_is_approved_as_edited(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    browser.post(
        f"/cases/{case_id}/approve",
        **decision_form(desk, case_id, text="불편을 드려 죄송합니다.\r\n알파 고객지원팀 드림"),
    )

    [decision] = desk.rows("SELECT * FROM decisions")
    assert decision["text"] == "불편을 드려 죄송합니다.\n알파 고객지원팀 드림"
    assert decision["was_edited"] == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("무조건 전액 환불해 드리겠습니다.", "예외 없는 약속"),
        ("위로금을 지급해 드리겠습니다.", "보상 약속"),
        ("010-1234-5678로 연락 주세요.", "등록되지 않은 전화번호"),
        ("https://phish.example/a 를 눌러 주세요.", "등록되지 않은 주소"),
        ("죄송합니다. " * 200, "채널 한도보다"),
        ("  ", "비어 있습니다"),
    ],
)
def test_a_reply_that_may_not_go_out_is_refused_with_its_reason(
    desk: Desk, browser: Browser, reply: str, reason: str
) -> None:
    case_id = desk.add()

    answer = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=reply))

    assert answer.status_code == 422
    assert reason in answer.text
    assert reply.strip() in answer.text
    assert not desk.rows("SELECT * FROM decisions")


def test_a_policy_that_expired_since_drafting_refuses_the_approval(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()
    form = decision_form(desk, case_id)
    desk.now += timedelta(days=60)

    answer = browser.post(f"/cases/{case_id}/approve", **form)

    assert answer.status_code == 422
    assert "유효 기간" in answer.text
    assert not desk.rows("SELECT * FROM decisions")


def test_a_policy_that_was_reworded_since_drafting_refuses_the_approval(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()
    manual = desk.folder / "alpha" / "manual" / "delivery.md"
    manual.write_text(MANUAL.replace("배송비를", "배송비 절반을"), encoding="utf-8")

    answer = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert answer.status_code == 422
    assert "내용이 바뀌었습니다" in answer.text
    assert not desk.rows("SELECT * FROM decisions")


def marked(page: str) -> list[str]:
    """Give the sentences a page says nothing supports."""
    sentences = re.findall(r'<p class="sentence([^"]*)".*?<span class="words">(.*?)</span>', page)
    assert page.count('<b class="no-source">근거 없음</b>') == len(
        [kind for kind, _ in sentences if "unsupported" in kind]
    )
    return [words for kind, words in sentences if "unsupported" in kind]


def test_a_sentence_is_marked_whose_clause_no_longer_supports_it(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()
    path = f"/cases/{case_id}"
    manual = desk.folder / "alpha" / "manual"
    assert marked(browser.get(path).text) == []

    delivery = manual / "delivery.md"
    delivery.write_text(MANUAL.replace("배송비를", "배송비 절반을"), encoding="utf-8")
    page = browser.get(path).text
    assert marked(page) == [CLAUSE]
    # The new wording is not shown as what was cited.
    assert "정책 · 배송이 늦어진 경우 배송비 절반을" not in page
    assert "내용이 바뀌었습니다 (지금: 배송이 늦어진 경우 배송비 절반을" in page

    delivery.write_text(MANUAL.replace(f"- {CLAUSE}\n", ""), encoding="utf-8")
    page = browser.get(path).text
    assert marked(page) == [CLAUSE]
    assert "매뉴얼에서 사라졌습니다" in page

    delivery.write_text(MANUAL, encoding="utf-8")
    assert marked(browser.get(path).text) == []
    desk.now += timedelta(days=60)
    page = browser.get(path).text
    assert marked(page) == [CLAUSE]
    assert "근거 조항이 유효 기간이 아닙니다" in page
    # What expired is still what was cited.
    assert f"정책 · {CLAUSE}" in page


def test_a_typed_sentence_has_no_source_and_the_others_keep_theirs(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()
    typed = f"안녕하세요, 고객님. {CLAUSE}\n무조건 환불해 드립니다."

    page = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=typed))

    assert page.status_code == 422
    assert marked(page.text) == ["무조건 환불해 드립니다."]
    assert f"정책 · {CLAUSE}" in page.text
    assert (
        "배송이 늦어 불편을 드려 죄송합니다."
        not in page.text.partition("</h2>")[2].partition("<textarea")[0]
    )


def test_the_sentences_of_an_edited_approval_are_those_that_were_approved(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()
    edited = "안녕하세요, 고객님.\n다음에는 더 빨리 보내겠습니다."
    browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=edited))

    page = browser.get(f"/cases/{case_id}").text

    assert marked(page) == ["다음에는 더 빨리 보내겠습니다."]
    assert CLAUSE not in page.partition('id="sentences"')[2].partition("</div>")[0]


def test_a_broken_manual_refuses_the_approval_and_says_where(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    manual = desk.folder / "alpha" / "manual" / "delivery.md"
    manual.write_text(MANUAL.replace("2026-12-31", "언젠가"), encoding="utf-8")

    answer = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))

    assert answer.status_code == 422
    assert "운영 매뉴얼을 읽을 수 없어" in answer.text
    assert not desk.rows("SELECT * FROM decisions")


def test_rejection_needs_a_reason(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    answer = browser.post(f"/cases/{case_id}/reject", **decision_form(desk, case_id))

    assert answer.status_code == 422
    assert "반려 사유" in answer.text
    assert desk.case(case_id)["state"] == "drafted"


def test_rejection_closes_the_case_with_its_reason(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()

    browser.post(
        f"/cases/{case_id}/reject",
        **decision_form(desk, case_id, reason="기타", detail="중복 글"),
    )

    [decision] = desk.rows("SELECT * FROM decisions")
    assert (decision["kind"], decision["reason"]) == ("rejection", "기타: 중복 글")
    assert desk.case(case_id)["state"] == "rejected"


def test_second_decision_is_refused_with_who_decided_first(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    form = decision_form(desk, case_id)
    Browser(desk, "이먼저").post(f"/cases/{case_id}/approve", **form)

    answer = browser.post(f"/cases/{case_id}/reject", **form, reason="기타", detail="중복 글")

    assert answer.status_code == 409
    assert "이먼저 님이" in answer.text
    assert "방금 적으신 말: 기타: 중복 글" in answer.text
    assert len(desk.rows("SELECT * FROM decisions")) == 1


def test_a_rejection_of_an_edited_review_keeps_its_reason_in_the_form(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add("배송이 너무 늦어요.", native_id="n1")
    form = decision_form(desk, case_id, reason="답변이 필요 없는 글", detail='"중복" 글')
    desk.now += timedelta(minutes=1)
    desk.add("배송이 너무 빨라요.", native_id="n1")

    answer = browser.post(f"/cases/{case_id}/reject", **form)

    assert answer.status_code == 409
    assert '<details class="reject" id="reject" open>' in answer.text
    assert "<option selected>답변이 필요 없는 글</option>" in answer.text
    assert (
        'name="detail" maxlength="300" autocomplete="off" value="&#34;중복&#34; 글"' in answer.text
    )


def test_decision_on_an_edited_review_is_refused_with_the_difference(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add("배송이 너무 늦어요.", native_id="n1")
    form = decision_form(desk, case_id, text="제가 공들여 쓴 답변입니다.")
    desk.now += timedelta(minutes=1)
    desk.add("배송이 너무 빨라요.", native_id="n1")

    answer = browser.post(f"/cases/{case_id}/approve", **form)

    assert answer.status_code == 409
    assert "고객이 글을 수정했습니다" in answer.text
    assert "<del>늦어요.</del><ins>빨라요.</ins>" in answer.text
    assert "제가 공들여 쓴 답변입니다." in answer.text
    assert not desk.rows("SELECT * FROM decisions")


def test_the_difference_has_the_stars_and_the_title(shelf: Desk) -> None:
    browser = Browser(shelf)
    case_id = shelf.add("배송이 늦어요.", title="좋아요", rating=5, native_id="n1")
    form = decision_form(shelf, case_id)
    shelf.now += timedelta(minutes=1)
    shelf.add("배송이 늦어요.", title="싫어요", rating=1, native_id="n1")

    refused = browser.post(f"/cases/{case_id}/approve", **form)
    page = browser.get(f"/cases/{case_id}")

    assert refused.status_code == 409
    for shown in (refused.text.partition("고객의 글")[0], page.text):
        assert "별점 5 → 1" in shown
        assert "<del>좋아요</del><ins>싫어요</ins>" in shown
    shelf.now += timedelta(minutes=1)
    shelf.add("배송이 늦어요.", title="싫어요", rating=None, native_id="n1")
    assert "별점 1 → 없음" in browser.get(f"/cases/{case_id}").text


@pytest.mark.timeout(20)
def test_the_difference_of_endless_texts_is_shown_at_once() -> None:
    words = "가 " * 2_000, "나 " * 2_000

    assert [piece.kind for piece in diff_pieces(*words)] == ["removed", "added", "same"]
    assert diff_pieces(f"{words[0]}늦어요", f"{words[0]}빨라요") == [
        Piece(words[0], "same"),
        Piece("늦어요", "removed", "지움"),
        Piece("빨라요", "added", "더함"),
    ]


def test_decision_leads_to_the_next_case_and_can_be_taken_back(
    desk: Desk, browser: Browser
) -> None:
    first = desk.add(due_in=timedelta(hours=1))
    second = desk.add(due_in=timedelta(hours=2))

    answer = browser.post(f"/cases/{first}/approve", **decision_form(desk, first))
    assert answer.headers["location"] == f"/cases/{second}?decided={first}"
    page = browser.get(answer.headers["location"])
    assert f'action="/cases/{first}/undo' in page.text

    browser.post(f"/cases/{first}/undo")
    assert desk.case(first)["state"] == "drafted"
    assert desk.rows("SELECT state FROM publications") == [{"state": "cancelled"}]


def test_an_approval_that_was_taken_back_is_no_longer_shown_as_one(desk: Desk) -> None:
    desk.person("sun")
    desk.person("brand", Role.BRAND_VIEWER)
    case_id = desk.add()
    specialist, viewer = Browser(desk, login="sun"), Browser(desk, login="brand")
    specialist.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    assert "<h3>승인한 답변</h3>" in viewer.get(f"/cases/{case_id}").text

    specialist.post(f"/cases/{case_id}/undo")

    assert "<h3>승인한 답변</h3>" not in viewer.get(f"/cases/{case_id}").text


def test_nothing_unchecked_is_approved_while_a_colleague_takes_theirs_back(
    desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = desk.add()
    browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    load_view = cases.load_view

    def load_before_the_undo(connection: Connection, number: int) -> CaseView | None:
        view = load_view(connection, number)
        monkeypatch.undo()
        browser.post(f"/cases/{case_id}/undo")
        return view

    monkeypatch.setattr(cases, "load_view", load_before_the_undo)
    promise = decision_form(desk, case_id, text="무조건 환불해 드리겠습니다.")
    refused = browser.post(f"/cases/{case_id}/approve", **promise)

    assert refused.status_code == 422
    assert "예외 없는 약속" in refused.text
    assert desk.case(case_id)["state"] == "drafted"


def test_undo_gives_an_edited_reply_back_to_the_editor(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    reply = "공들여 쓴 답변입니다.\n알파 고객지원팀 드림"
    browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id, text=reply))
    browser.post(f"/cases/{case_id}/undo")

    page = browser.get(f"/cases/{case_id}").text

    assert f">\n{reply}</textarea>" in page
    assert '<details class="edit" id="edit" open>' in page


def test_undo_is_refused_once_the_reply_has_left(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    desk.set_publication(case_id, "posted")

    answer = browser.post(f"/cases/{case_id}/undo")

    assert answer.status_code == 409
    assert "되돌릴 수 없습니다" in answer.text


def rejected(desk: Desk, browser: Browser, case_id: int) -> int:
    """Reject a case; gives the decision."""
    form = decision_form(desk, case_id, reason="기타", detail="중복 글")
    browser.post(f"/cases/{case_id}/reject", **form)
    return int(desk.rows("SELECT max(id) AS id FROM decisions")[0]["id"])


def test_a_rejection_can_be_taken_back_where_it_is_told_of(desk: Desk, browser: Browser) -> None:
    first = desk.add(due_in=timedelta(hours=1))
    second = desk.add(due_in=timedelta(hours=2))
    rejection = rejected(desk, browser, first)
    form = f'action="/cases/{first}/undo-rejection?'
    decision = f'name="decision" value="{rejection}"'

    for path in (f"/cases/{second}?decided={first}", f"/?decided={first}", f"/cases/{first}"):
        page = browser.get(path).text
        assert (page.count(form), page.count(decision)) == (1, 1), path

    poked = desk.poked
    answer = browser.post(f"/cases/{first}/undo-rejection?sort=due", decision=rejection)
    assert answer.headers["location"] == f"/cases/{first}?sort=due"
    assert desk.poked == poked + 1
    page = browser.get(f"/cases/{first}").text
    assert f'action="/cases/{first}/approve' in page
    assert "반려를 되돌림" in page
    assert form not in page + browser.get(f"/?decided={first}").text
    assert "반려했습니다" not in browser.get(f"/?decided={first}").text


def test_a_rejection_that_was_decided_about_since_is_not_taken_back(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()
    rejection = rejected(desk, browser, case_id)
    colleague = Browser(desk, "이먼저")
    colleague.post(f"/cases/{case_id}/undo-rejection", decision=rejection)

    again = browser.post(f"/cases/{case_id}/undo-rejection", decision=rejection)
    assert again.status_code == 409
    assert "이미 다시 열린 케이스입니다." in again.text
    assert f'action="/cases/{case_id}/approve' in again.text

    newer = rejected(desk, colleague, case_id)
    stale = browser.post(f"/cases/{case_id}/undo-rejection", decision=rejection)
    assert stale.status_code == 409
    assert "이먼저 님이" in stale.text
    assert f'name="decision" value="{newer}"' in stale.text
    assert desk.case(case_id)["state"] == "rejected"


def test_a_rejected_case_that_was_edited_waits_for_its_new_draft(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add(native_id="n1")
    rejection = rejected(desk, browser, case_id)
    desk.now += timedelta(minutes=1)
    desk.add("잘 받았어요.", native_id="n1", sentiment=Sentiment.POSITIVE, categories=())

    browser.post(f"/cases/{case_id}/undo-rejection", decision=rejection)

    page = browser.get(f"/cases/{case_id}").text
    assert '<span class="chip state">초안 작성 중</span>' in page
    assert f'action="/cases/{case_id}/approve' not in page
    assert "고객이 글을 수정했습니다." in page
    assert "반려했습니다" not in browser.get(f"/?decided={case_id}").text
    desk.draft("n1")
    assert f'action="/cases/{case_id}/approve' in browser.get(f"/cases/{case_id}").text


def test_hostile_words_are_hidden(desk: Desk, browser: Browser) -> None:
    case_id = desk.add("이 멍청이들아 배송이 늦잖아", abuse_spans=(Span(2, 6),), categories=())

    page = browser.get(f"/cases/{case_id}").text + browser.get("/").text

    assert "멍청이들" not in page
    assert "●●●" in page
    assert page.index("요지: 불만") < page.index("●●●")


def test_a_refused_reply_is_shown_once(desk: Desk, browser: Browser) -> None:
    case_id = desk.add(native_id="1")
    reply = "공들여 쓴 답변입니다.\n알파 고객지원팀 드림"
    form = decision_form(desk, case_id, text=reply)
    desk.add("배송이 늦어요. 포장도 깨졌어요.", native_id="1")

    edited = browser.post(f"/cases/{case_id}/approve", **form).text
    Browser(desk, "이먼저").post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    decided = browser.post(f"/cases/{case_id}/approve", **form).text

    # In the editor, to go on with; where that is gone, as a text to copy.
    assert f">\n{reply}</textarea>" in edited
    assert "방금 쓰신 답변" not in edited
    assert edited.count("고객이 글을 수정했습니다.") == 1
    assert f'<p class="reply">{reply}</p>' in decided


@pytest.mark.parametrize("is_hostile_now", [True, False])
def test_hostile_words_stay_hidden_when_their_writer_edits(
    shelf: Desk, is_hostile_now: bool
) -> None:
    browser = Browser(shelf)
    case_id = shelf.add(
        "야! 멍청이들아 배송이 늦잖아", native_id="n1", abuse_spans=(Span(3, 7),), categories=()
    )
    form = decision_form(shelf, case_id)
    shelf.now += timedelta(minutes=1)
    now = ("야, 바보들아 배송이 안 와", (Span(3, 6),)) if is_hostile_now else ("배송이 안 와요", ())
    shelf.add(now[0], native_id="n1", abuse_spans=now[1], categories=())

    refused = browser.post(f"/cases/{case_id}/approve", **form)
    page = browser.get(f"/cases/{case_id}")

    for shown in (refused, page):
        assert "●●●" in shown.text
        assert "멍청이" not in shown.text
        assert "바보들" not in shown.text
        assert "가린 말 보기" in shown.text
    assert refused.status_code == 409
    assert "<ins>" in refused.text.partition("고객의 글")[0]
    assert "<ins>" in page.text
    assert not shelf.rows("SELECT * FROM audit WHERE action = 'abuse_revealed'")
    revealed = browser.post(f"/cases/{case_id}/reveal").text
    assert "멍청이들아" in revealed
    assert len(shelf.rows("SELECT * FROM audit WHERE action = 'abuse_revealed'")) == 1


def test_an_earlier_text_that_nothing_read_is_hidden_whole(desk: Desk, browser: Browser) -> None:
    case_id = desk.add("이 멍청이들아", native_id="n1")
    desk.now += timedelta(minutes=1)
    desk.add("배송이 안 와요", native_id="n1")
    with desk.database.unit_of_work() as connection:
        connection.execute(text("UPDATE feedback_revisions SET analysis = NULL"))

    page = browser.get(f"/cases/{case_id}").text

    assert "멍청이" not in page
    assert "가린 말 보기" in page
    assert "멍청이" in browser.post(f"/cases/{case_id}/reveal").text


def test_stars_that_contradict_the_text_are_said(desk: Desk, browser: Browser) -> None:
    case_id = desk.add("최악입니다", rating=5, mismatch=True, categories=())

    assert "별점과 글의 내용이 서로 다릅니다" in browser.get(f"/cases/{case_id}").text


def test_unknown_case_is_not_found(browser: Browser) -> None:
    assert browser.get("/cases/999").status_code == 404
    assert browser.get("/cases/0").status_code == 422
    assert browser.get("/cases/99999999999999999999").status_code == 422


def on_a_channel(desk: Desk, rules: ReplyRules, **more: Any) -> tuple[int, Browser]:  # noqa: ANN401
    """Give a case of a channel with these rules, and a browser that looks at it."""
    desk.context = replace(desk.context, rules_of=lambda _: rules)
    return desk.add(**more), Browser(desk)


def test_a_confirmation_is_offered_instead_of_an_answer_and_decided(desk: Desk) -> None:
    reason = "답변 없이 확인 처리만 하면 됩니다."
    rules = ReplyRules(state=AnswerState.CONFIRM, state_reason=reason)
    case_id, browser = on_a_channel(desk, rules, extra={"needs_confirm": "1"})
    page = browser.get(f"/cases/{case_id}").text
    assert reason in page
    assert "확인 처리 <kbd>a</kbd>" in page
    assert 'id="approve"' not in page
    assert "배송이 늦어 불편을" not in page
    form = decision_form(desk, case_id)
    assert browser.post(f"/cases/{case_id}/approve", **form).status_code == 422
    done = browser.post(f"/cases/{case_id}/confirm", **form)
    assert done.status_code == 303
    (decision,) = desk.rows("SELECT kind, action, text, decided_in FROM decisions")
    assert decision == {
        "kind": "approval",
        "action": "confirm",
        "text": "",
        "decided_in": "console",
    }
    assert desk.rows("SELECT state FROM publications") == [{"state": "queued"}]
    assert desk.case(case_id)["state"] == "approved"
    after = browser.get(f"/cases/{case_id}").text
    assert "확인 처리 승인" in after
    again = browser.post(f"/cases/{case_id}/confirm", **form)
    assert again.status_code == 409
    # In the time of those who read it.
    assert "님이 11월 16일 10:00에 이미 승인했습니다." in again.text
    desk.set_publication(case_id, "handed_off")
    assert "확인 처리했습니다</button>" in browser.get("/handoffs").text
    desk.set_publication(case_id, "attention")
    assert "확인 처리되어 있습니다" in browser.get("/attention").text


def test_a_case_that_wants_an_answer_is_not_confirmed(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    refused = browser.post(f"/cases/{case_id}/confirm", **decision_form(desk, case_id))
    assert refused.status_code == 409
    assert "확인 처리를 기다리지 않습니다" in refused.text
    assert desk.rows("SELECT id FROM decisions") == []


def test_what_cannot_be_answered_any_more_is_said_before_the_approval(desk: Desk) -> None:
    reason = "채널이 정한 기한이 지나 답변을 받지 않습니다."
    rules = ReplyRules(state=AnswerState.CLOSED, state_reason=reason)
    case_id, browser = on_a_channel(desk, rules)
    assert browser.get(f"/cases/{case_id}").text.count(reason) == 2
    refused = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    assert refused.status_code == 422
    assert reason in browser.post(f"/cases/{case_id}/check", text="안녕하세요").text
    assert desk.rows("SELECT id FROM decisions") == []


def test_what_is_answered_by_hand_says_so_and_is_approved(desk: Desk) -> None:
    reason = "긴급알리미는 셀러오피스에서만 답변할 수 있습니다."
    rules = ReplyRules(state=AnswerState.BY_HAND, state_reason=reason)
    case_id, browser = on_a_channel(desk, rules)
    assert f"{reason} 승인하면" in browser.get(f"/cases/{case_id}").text
    done = browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    assert done.status_code == 303


def test_characters_the_channel_cannot_store_are_named_and_refused(desk: Desk) -> None:
    case_id, browser = on_a_channel(desk, ReplyRules(encoding="euc-kr"))
    text = "안녕하세요, 고객님. 죄송합니다 — 뷁"
    checked = browser.post(f"/cases/{case_id}/check", text=text).json()["findings"]
    (found,) = [finding for finding in checked if "저장하지 못하는" in finding["reason"]]
    assert found["level"] == "blocking"
    assert "—(U+2014), 뷁(U+BDC1)" in found["reason"]
    form = decision_form(desk, case_id, text=text)
    assert browser.post(f"/cases/{case_id}/approve", **form).status_code == 422
    assert "EUC-KR에 없는 글자" in browser.get(f"/cases/{case_id}").text


def in_a_thread(desk: Desk, case_id: int) -> None:
    """Let a burst's thread stand for the card of a case."""
    (row,) = desk.rows(f"SELECT feedback_id FROM cases WHERE id = {case_id}")  # noqa: S608
    with desk.database.unit_of_work() as connection:
        for notice in (
            alerts.NewAlert("thread", "burst", "alpha", "CREVIEW", {}),
            alerts.NewAlert("card", "case_card", "alpha", "CREVIEW", {}, row["feedback_id"]),
        ):
            alerts.add(connection, [notice], now=desk.now, is_told=True)
        connection.exec_driver_sql(
            "UPDATE alerts SET state = 'shown', burst_id = (SELECT min(id) FROM alerts)"
            " WHERE dedupe_key = 'card'"
        )
        connection.exec_driver_sql("DELETE FROM outbox")


def test_a_card_that_only_a_thread_stood_for_is_made_on_request(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add()
    assert "카드 올리기" not in browser.get(f"/cases/{case_id}").text
    in_a_thread(desk, case_id)
    assert "카드 올리기" in browser.get(f"/cases/{case_id}").text

    for _ in range(2):
        assert browser.post(f"/cases/{case_id}/card").status_code == 303

    assert desk.rows("SELECT state FROM alerts WHERE dedupe_key = 'card'") == [{"state": "queued"}]
    assert desk.rows("SELECT actor FROM outbox") == [{"actor": "alert.send_urgent"}]
    assert len(desk.rows("SELECT who FROM history WHERE why = 'asked for'")) == 1
    assert "카드 올리기" not in browser.get(f"/cases/{case_id}").text


def test_who_does_not_decide_asks_for_no_card(desk: Desk) -> None:
    case_id = desk.add()
    in_a_thread(desk, case_id)
    desk.person("owner", Role.BRAND_VIEWER)
    viewer = Browser(desk, login="owner")
    assert "카드 올리기" not in viewer.get(f"/cases/{case_id}").text
    assert viewer.post(f"/cases/{case_id}/card").status_code == 403
    assert desk.rows("SELECT actor FROM outbox") == []


def test_every_reason_of_the_pipeline_has_korean_words() -> None:
    root = Path(wording.__file__).parents[1]
    sources = [path for part in ("storage", "workers") for path in (root / part).glob("*.py")]
    written = {
        re.sub("{[^}]*}", "7", reason)
        for path in sources
        for reason in re.findall(r'\bwhy ?= ?f?"([a-z][^"]+)"', path.read_text("utf-8"))
    }

    assert "run 7" in written
    assert {reason for reason in written if wording.why(reason) == reason} == set()
    # Written otherwise, or put together, by workers.alert and workers.publish.
    for reason in (
        "posted",
        "found in the history",
        "accepted by the mail server",
        alerts.ANOTHER_ROOM,
        alerts.ANOTHER_ADDRESS,
    ):
        assert wording.why(reason) != reason
    lost = "absent on 2 reads after it could still arrive, at the last of 10 attempts"
    for reason in (lost, "accepted by the channel, but it is not there"):
        assert wording.why(reason) != reason
    assert wording.why("run 12") == "12번째 수집"
    assert wording.why("2번 전화함") == "2번 전화함"
