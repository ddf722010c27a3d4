"""What a customer changes after we knew it: who is told, and until when it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from domain.brands import DigestEmails
from domain.states import CaseState
from storage import alerts, cases, desk
from storage.models import AlertRow, CaseRow, FeedbackRow
from tests.fakes_runtime import BRAND, decision_about, make_brand
from workers import cards, collect, slack_messages

if TYPE_CHECKING:
    from collections.abc import Callable
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
        assert desk.settle_look(connection, feedback_id, 2, who="김담당", now=house.clock())
    house.slack.update = lambda *_: None  # type: ignore[union-attr,attr-defined]
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
        assert desk.looks(connection, {BRAND}) == []
