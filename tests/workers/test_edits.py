"""What a customer changes after we knew it: who is told, and until when it is due."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select

from domain.brands import DigestEmails
from domain.states import CaseState
from storage import alerts, cases, doubts, proposals
from storage.models import AlertRow, CaseRow, FeedbackRow
from tests.fakes_runtime import BRAND, Article, decision_about, make_brand
from workers import cards, collect, slack_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes_runtime import FakeChannel, House, RecordingSlack

NEW_TEXT = "먹다가 벌레가 나왔어요\n전화 010-1234-5678 <!channel>"


def collected(house: House) -> None:
    house.clock.advance(minutes=2)
    collect.start_due(house.runtime)
    house.run_on()


def edit(house: House, channel: FakeChannel, text: str) -> None:
    channel.articles[0].text = text
    collected(house)


def replied(house: House) -> None:
    collected(house)
    house.approve_all()
    house.run_on()
    assert the_case(house).state == CaseState.ANSWERED


def the_case(house: House) -> Any:  # noqa: ANN401 - a result row
    with house.database.reading() as connection:
        return connection.execute(select(CaseRow.__table__)).one()


def told(house: House) -> list[tuple[str, str]]:
    with house.database.reading() as connection:
        rows = connection.execute(
            select(AlertRow.rule, AlertRow.destination).order_by(AlertRow.id)
        ).all()
    return [(row.rule, row.destination) for row in rows]


def shown(house: House, rule: str) -> str:
    """Give the words of the last message of a rule as it would be posted now."""
    with house.database.reading() as connection:
        (*_, alert_id) = connection.execute(
            select(AlertRow.id).where(AlertRow.rule == rule).order_by(AlertRow.id)
        ).scalars()
        job = alerts.load(connection, alert_id)
    assert job is not None
    rendered = slack_messages.render(house.runtime, job, house.clock())
    return str(rendered.message)


def test_what_becomes_a_complaint_after_its_reply_is_told_once_a_revision(
    house: House, channel: FakeChannel, slack: RecordingSlack
) -> None:
    replied(house)
    edit(house, channel, "포장이 아주 별로예요")
    assert told(house) == [("case_card", "CREVIEW"), ("edited_after_reply", "CREVIEW")]
    collected(house)
    assert len(slack.posts) == 2
    edit(house, channel, "포장이 정말 별로예요")
    assert told(house)[2:] == [("edited_after_reply", "CREVIEW")]
    assert len(slack.posts) == 3
    message = shown(house, "edited_after_reply")
    assert "포장이 정말 별로예요" in message
    assert "/looks" in message
    assert "기한" not in message
    assert channel.sent == ["n1"]


def test_praise_after_a_reply_tells_nobody(
    house: House, channel: FakeChannel, slack: RecordingSlack
) -> None:
    replied(house)
    edit(house, channel, "바꿔 주셔서 좋아요")
    assert len(slack.posts) == 1


def test_owners_hear_of_what_is_severe_only_after_its_reply(
    make_house: Callable[..., House], channel: FakeChannel, tmp_path: Path
) -> None:
    emails = DigestEmails(immediate=("owner@example.com",))
    house = make_house(brand=make_brand(tmp_path, digest_emails=emails))
    replied(house)
    edit(house, channel, NEW_TEXT)
    assert told(house)[1:] == [("edited_after_reply", "CREVIEW"), ("brand_safety", "CBRAND")]
    review, owners = shown(house, "edited_after_reply"), shown(house, "brand_safety")
    for message in (review, owners):
        assert "벌레가 나왔어요" in message
        assert "010-1234-5678" not in message
        assert "<!channel>" not in message
    assert "답변이 나간 뒤에 고객이 글을 수정했습니다." in owners
    assert "읽음 확인" in owners

    # Once somebody looked, the owners' message no longer says that one is about to.
    with house.database.unit_of_work() as connection:
        (feedback_id,) = connection.execute(select(FeedbackRow.id)).scalars()
        assert doubts.settle_look(connection, feedback_id, 2, who="김담당", now=house.clock())
    house.slack.update = lambda *_: None  # type: ignore[union-attr]
    assert cards.refresh(house.runtime) == 2
    assert cards.refresh(house.runtime) == 0
    assert "답변을 게시했고" in shown(house, "brand_safety")


@pytest.mark.parametrize(("text", "is_due_anew"), [("아주 별로예요", True), ("좋아요", False)])
def test_a_rejected_case_that_opens_again_is_due_as_of_the_edit(
    house: House, channel: FakeChannel, text: str, *, is_due_anew: bool
) -> None:
    collected(house)
    before = the_case(house).due_at
    with house.database.unit_of_work() as connection:
        (row,) = cases.to_decide(connection, limit=1)
        cases.reject(connection, decision_about(row), now=house.clock())
    house.clock.advance(days=7)
    edit(house, channel, text)
    edited_at = house.clock()
    case = the_case(house)
    assert (case.state == CaseState.DRAFTED) == is_due_anew
    assert (case.due_at > edited_at) == is_due_anew
    assert (case.due_at == before) != is_due_anew
    assert case.reminder == ""


def test_old_praise_that_becomes_a_complaint_is_news(
    house: House, channel: FakeChannel, slack: RecordingSlack
) -> None:
    channel.articles[0].text = "좋아요"
    collected(house)
    house.clock.advance(days=5)
    edit(house, channel, NEW_TEXT)
    assert told(house) == [("case_card", "CREVIEW"), ("brand_safety", "CBRAND")]
    assert the_case(house).due_at > house.clock()
    assert len(slack.posts) == 2


def test_an_undecided_case_keeps_its_deadline(house: House, channel: FakeChannel) -> None:
    collected(house)
    before = the_case(house).due_at
    house.clock.advance(hours=3)
    edit(house, channel, "아주 별로예요")
    assert the_case(house).due_at == before
    with house.database.reading() as connection:
        assert doubts.looks(connection, {BRAND}) == []


@contextmanager
def asked(house: House) -> Iterator[list[str]]:
    """Note the statements of a block."""
    statements: list[str] = []

    def note(*given: Any) -> None:  # noqa: ANN401 - the event's
        statements.append(given[2])

    event.listen(house.database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(house.database.engine, "before_cursor_execute", note)


def test_what_was_replied_to_is_asked_for_all_looks_at_once(
    house: House, channel: FakeChannel
) -> None:
    channel.articles[:] = [
        Article(f"n{number}", f"별로예요 {number}", house.clock()) for number in range(3)
    ]
    collected(house)
    house.approve_all()
    house.run_on()
    for word in ("아주", "정말"):
        for number, article in enumerate(channel.articles):
            article.text = f"{word} 별로예요 {number}"
        collected(house)
    with house.database.reading() as connection, asked(house) as statements:
        found = doubts.looks(connection, {BRAND})
    assert len([words for words in statements if words.startswith("SELECT")]) == 2
    assert {(row["text"], row["before"]["text"]) for row in found} == {
        (f"정말 별로예요 {number}", f"별로예요 {number}") for number in range(3)
    }


def test_one_cases_proposal_is_found_without_the_others(
    make_house: Callable[..., House], channel: FakeChannel, tmp_path: Path
) -> None:
    house = make_house(brand=make_brand(tmp_path, two_step_approval=True))
    channel.articles[:] = [Article(f"n{number}", "별로예요", house.clock()) for number in range(3)]
    collected(house)
    with house.database.unit_of_work() as connection:
        first, second, third = cases.to_decide(connection, limit=3)
        for row in (first, second):
            proposals.propose(connection, decision_about(row), "two_step", now=house.clock())
    with house.database.reading() as connection:
        brand = house.runtime.brands[BRAND]
        (only,) = proposals.waiting_for(connection, brand, limit=5, case_id=second["case_id"])
        assert only["case_id"] == second["case_id"]
        assert len(proposals.waiting_for(connection, brand, limit=5)) == 2
        views = [cases.load_view(connection, row["case_id"]) for row in (first, third)]
    told = [slack_messages.tell_brand(house.runtime, view, None) for view in views if view]
    assert ["에이전시가 답변을 검토하고 승인을 요청했습니다" in done for done, _ in told] == [
        True,
        False,
    ]
    assert [to_decide for _, to_decide in told] == [
        "브랜드 승인: 콘솔에서 답변을 읽고 승인하거나 반려해 주세요.",
        "지금은 없습니다. 에이전시가 먼저 검토한 뒤 브랜드 승인을 요청드립니다.",
    ]
