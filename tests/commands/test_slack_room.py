"""The review room against a fake Slack over real HTTP and WebSocket."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from alerts.blocks import (
    NOTE_BLOCK,
    NOTE_INPUT,
    REASON_BLOCK,
    REASON_INPUT,
    TEXT_BLOCK,
    TEXT_INPUT,
    ActionId,
)
from alerts.interactions import parse_payload
from alerts.listener import SocketListener
from alerts.rules import AlertRule, operator_alert, surge_alert
from alerts.wording import when
from commands.console import console_context
from commands.slack_room import BACK_TO_AGENCY, STRANGER, SlackRoom, build_router
from console import deciding
from console.access import person_of
from domain.types import ReplyRules
from storage import accounts, cases, people, proposals, reopening
from storage.models import AlertRow, CaseRow, FeedbackRow
from storage.people import Role
from tests.alerts.fake_slack import limited
from tests.fakes_runtime import BRAND, Article, decision_about
from workers import cards, collect, slack_messages
from workers.deadlines import ESCALATE_AFTER, remind, send_digests
from workers.notices import BURSTS, new_alert, tell
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

    from storage.alerts import AlertJob
    from storage.session import Connection
    from tests.commands.conftest import Room
    from workers.runtime import Runtime
    from workers.slack_messages import Rendered

TUESDAY_OPENING = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)


def test_approval_in_slack_is_published_and_the_card_follows(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()

    room.click(card["ts"], ActionId.APPROVE)
    assert room.state() == [("approved", "kim (kim)")]
    room.refresh()
    (card,) = room.messages()
    assert "승인" in str(card["blocks"])
    assert actions(card) == [ActionId.OPEN]

    room.house.run_on(timedelta(minutes=10))
    room.refresh()
    assert room.state() == [("answered", "kim (kim)")]
    assert "게시 확인됨" in str(room.messages()[0]["blocks"])
    assert len(room.house.channel.replies["1"]) == 1


def test_second_click_says_who_was_first(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    click = parse_payload(room.slack.click(card["ts"], ActionId.APPROVE))

    room.room.handle(click)
    room.room.handle(click)

    assert [entry["user"] for entry in room.slack.ephemerals] == ["U1"]
    # Noon, as the people who read it count it.
    assert "11월 23일 12:02에 이미 승인했습니다" in room.slack.ephemerals[0]["text"]


def test_answers_keep_below_slacks_limit_and_wait_when_told(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    for _ in range(40):
        room.click(card["ts"], ActionId.APPROVE, "U9")
    assert 0 < len(room.slack.ephemerals) < 40
    room.house.clock.advance(minutes=1)
    room.slack.script("chat.postEphemeral", limited("30"))
    told = len(room.slack.ephemerals)
    for _ in range(3):
        room.click(card["ts"], ActionId.APPROVE, "U9")
    assert len(room.slack.ephemerals) == told
    room.house.clock.advance(seconds=30)
    room.click(card["ts"], ActionId.APPROVE, "U9")
    assert len(room.slack.ephemerals) == told + 1
    assert room.slack.refusals == []


@pytest.mark.parametrize("user", ["U2", "U3", "U9"])
def test_strangers_other_brands_and_viewers_decide_nothing(room: Room, user: str) -> None:
    room.write("별로예요")
    (card,) = room.messages()

    room.click(card["ts"], ActionId.APPROVE, user)

    assert room.state() == [("drafted", "")]
    assert len(room.slack.ephemerals) == 1
    if user == "U9":
        assert room.slack.ephemerals[0]["text"] == STRANGER


def test_edit_modal_publishes_what_was_typed(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    room.click(card["ts"], ActionId.EDIT)
    (view_id,) = room.slack.views

    typed = {TEXT_BLOCK: {TEXT_INPUT: {"type": "plain_text_input", "value": "고쳐 쓴 답변입니다."}}}
    room.room.handle(parse_payload(room.slack.submit(view_id, typed)))
    room.house.run_on(timedelta(minutes=10))

    assert [reply.text for reply in room.house.channel.replies["1"]] == ["고쳐 쓴 답변입니다."]


@pytest.mark.parametrize("action", [ActionId.EDIT, ActionId.APPROVE])
def test_a_lost_database_leaves_nobody_before_an_empty_window(
    room: Room, monkeypatch: pytest.MonkeyPatch, action: ActionId
) -> None:
    room.write("별로예요")
    (card,) = room.messages()

    def lose() -> Connection:
        raise OperationalError("", {}, Exception("the connection was lost"))

    monkeypatch.setattr(room.house.database, "reading", lose)
    room.click(card["ts"], action)
    told = [*room.slack.views.values(), *room.slack.ephemerals]
    assert len(told) == 1
    assert "지금은 처리할 수 없습니다" in str(told)

    monkeypatch.setattr(room.house.database, "unit_of_work", lose)
    room.click(card["ts"], action)


@pytest.fixture
def two_steps(room: Room) -> Room:
    """Let the brand approve after the agency; ``U4`` is its approver."""
    database = room.house.database
    with database.unit_of_work() as connection:
        accounts.require_two_steps(connection, {BRAND: True})
        people.add(
            connection,
            login="owner",
            name="owner",
            role=Role.BRAND_APPROVER,
            now=room.house.clock(),
            brands=(BRAND,),
            slack_user="U4",
        )
    brands: Any = room.house.runtime.brands
    brands[BRAND] = replace(brands[BRAND], two_step_approval=True)
    return room


def rewrite(room: Room, text: str, user: str = "U1") -> str:
    """Send an edit; gives what the modal held before."""
    card = room.messages()[0]
    before = set(room.slack.views)
    room.click(card["ts"], ActionId.EDIT, user)
    (view_id,) = set(room.slack.views) - before
    held = str(room.slack.views[view_id])
    typed = {TEXT_BLOCK: {TEXT_INPUT: {"type": "plain_text_input", "value": text}}}
    room.room.handle(parse_payload(room.slack.submit(view_id, typed, user)))
    return held


def test_the_brand_approves_in_slack_the_words_that_the_agency_approved(two_steps: Room) -> None:
    room = two_steps
    room.write("별로예요")
    (card,) = room.messages()
    old = parse_payload(room.slack.click(card["ts"], ActionId.APPROVE, "U4"))
    rewrite(room, "고쳐 쓴 답변입니다.")

    # The card still shows the draft, which the agency did not approve.
    room.room.handle(old)
    assert "그사이 바뀌었습니다" in room.slack.ephemerals[-1]["text"]
    assert room.state() == [("drafted", "")]

    assert room.refresh() == 1
    assert room.refresh() == 0
    (card,) = room.messages()
    assert "고쳐 쓴 답변입니다." in str(card["blocks"])
    assert "kim (kim) 님이 브랜드 승인을 요청했습니다." in str(card["blocks"])
    room.click(card["ts"], ActionId.APPROVE, "U4")
    assert room.state() == [("approved", "owner (owner)")]
    room.house.run_on(timedelta(minutes=10))
    assert [reply.text for reply in room.house.channel.replies["1"]] == ["고쳐 쓴 답변입니다."]


def test_the_brand_is_told_in_its_room_what_it_must_approve(two_steps: Room) -> None:
    room = two_steps
    room.write("별로예요 <!channel> 010-1234-5678")
    assert room.slack.posted("CBRAND") == []
    # Pressed twice, or by two: it is asked once.
    for _ in range(2):
        room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    room.house.run_on(timedelta(minutes=1))

    (asked,) = room.slack.posted("CBRAND")
    words = json.dumps(asked, ensure_ascii=False)
    assert "답변 승인 요청" in asked["text"]
    assert "별로예요" not in asked["text"]
    for part in ("kim (kim) 님이 브랜드 승인을 요청했습니다.", "별로예요", "답변 1", "까지 ("):
        assert part in words
    assert "<!channel>" not in words
    assert "1234" not in words
    assert actions(asked) == [ActionId.APPROVE, ActionId.EDIT, ActionId.REJECT, ActionId.OPEN]

    room.click(asked["ts"], ActionId.APPROVE, "U4")
    assert room.state() == [("approved", "owner (owner)")]
    room.house.run_on(timedelta(minutes=10))
    room.refresh()
    (asked,) = room.slack.posted("CBRAND")
    assert "승인됨" in asked["text"]
    assert "게시 확인됨" in str(asked["blocks"])
    assert actions(asked) == [ActionId.OPEN]
    assert room.refresh() == 0


def test_a_request_follows_what_becomes_of_its_words(two_steps: Room) -> None:
    room = two_steps
    room.write("별로예요")
    room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    room.house.run_on(timedelta(minutes=1))
    (asked,) = room.slack.posted("CBRAND")

    # What the brand says differently the agency is told of, in a message of its own.
    rewrite(room, "브랜드가 쓴 답변입니다.", "U4")
    room.house.run_on(timedelta(minutes=1))
    _, again = room.messages()
    assert "고친 답변 승인 요청" in again["text"]
    assert "브랜드가 쓴 답변입니다." in str(again["blocks"])
    room.refresh()
    (asked,) = room.slack.posted("CBRAND")
    assert "승인 요청 종료" in asked["text"]
    assert "owner (owner) 님이 고친 답변의 승인을 요청했습니다." in str(asked["blocks"])
    assert actions(asked) == [ActionId.OPEN]

    # And the brand once more, of what the agency approved then.
    room.click(again["ts"], ActionId.APPROVE)
    room.house.run_on(timedelta(minutes=1))
    _, anew = room.slack.posted("CBRAND")
    assert "브랜드가 쓴 답변입니다." in str(anew["blocks"])
    while room.refresh():
        pass
    _, again = room.messages()
    assert "승인 요청 종료" in again["text"]
    room.click(anew["ts"], ActionId.APPROVE, "U4")
    assert room.state() == [("approved", "owner (owner)")]


def test_a_request_that_the_customers_edit_ends_says_so(two_steps: Room) -> None:
    room = two_steps
    room.write("별로예요")
    room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    room.house.run_on(timedelta(minutes=1))
    room.house.channel.articles[0].text = "별로예요, 다시 생각해도"
    room.house.clock.advance(minutes=10)
    collect.start_due(room.house.runtime)
    room.house.run_on(timedelta(minutes=1))
    while room.refresh():
        pass
    (asked,) = room.slack.posted("CBRAND")
    assert "승인 요청 종료" in asked["text"]
    assert actions(asked) == [ActionId.OPEN]


def ask_all(room: Room) -> None:
    """Let the agency approve every draft whose approval was not asked so far."""
    with room.house.database.reading() as connection:
        rows = cases.to_decide(connection, limit=100)
        account = people.by_slack(connection, "U1", now=room.house.clock())
    assert account is not None
    context = console_context(room.house.runtime, is_demo=False)
    brand = room.house.runtime.brands[BRAND]
    for row in rows:
        decision = replace(decision_about(row), decided_by="kim (kim)")
        deciding.approve(context, person_of(context, account), brand, decision, row["text"])


def test_many_requests_at_once_share_one_message(two_steps: Room) -> None:
    room = two_steps
    room.write(*(f"별로예요 {number}" for number in range(BURSTS.max_new + 4)), "환불해 주세요")
    told = len(room.slack.posted("CBRAND"))
    ask_all(room)
    room.house.run_on(timedelta(minutes=2))
    messages = room.slack.posted("CBRAND")[told:]
    assert len(messages) == BURSTS.max_new + 1
    (together,) = [message for message in messages if "승인 요청 5건" in message["text"]]
    words = json.dumps(together, ensure_ascii=False)
    assert "5건이 승인을 기다립니다" in words
    assert f"별로예요 {BURSTS.max_new + 3}" in words
    # What is urgent has a message of its own.
    assert "환불해 주세요" not in words
    assert f"/brands/{BRAND}" in words

    # Asked of the same once more, nothing is told again.
    ask_all(room)
    room.house.run_on(timedelta(minutes=2))
    assert len(room.slack.posted("CBRAND")) == told + len(messages)

    # What comes after is counted there.
    room.write("별로예요 나중")
    ask_all(room)
    room.house.run_on(timedelta(minutes=1))
    while room.refresh():
        # No faster than Slack takes updates.
        room.house.clock.advance(seconds=6)
    assert len(room.slack.posted("CBRAND")) == told + len(messages)
    assert any("승인 요청 6건" in message["text"] for message in room.slack.posted("CBRAND"))


def test_what_the_brand_is_asked_at_night_waits_together_for_its_opening(two_steps: Room) -> None:
    room = two_steps
    room.house.clock.now = TUESDAY_OPENING - timedelta(hours=4)
    for number in range(BURSTS.max_new + 5):
        # Slower than any peak.
        room.write(f"별로예요 {number}")
        room.house.clock.advance(minutes=10)
        ask_all(room)
    room.house.run_on(timedelta(minutes=1))
    assert room.slack.posted("CBRAND") == []

    room.house.clock.now = TUESDAY_OPENING
    room.house.run_on(timedelta(minutes=2))
    messages = room.slack.posted("CBRAND")
    assert len(messages) == BURSTS.max_new + 1
    assert "승인 요청 5건" in messages[0]["text"]


def test_a_safety_matter_asks_the_brand_at_any_hour(two_steps: Room) -> None:
    room = two_steps
    room.house.clock.now = TUESDAY_OPENING - timedelta(hours=4)
    room.write("벌레가 나왔어요")
    told = len(room.slack.posted("CBRAND"))
    ask_all(room)
    room.house.run_on(timedelta(minutes=1))
    (asked,) = room.slack.posted("CBRAND")[told:]
    assert "답변 승인 요청" in asked["text"]


def test_the_brand_writes_nothing_in_slack_before_the_agency_approved(two_steps: Room) -> None:
    room = two_steps
    room.write("별로예요")
    (card,) = room.messages()
    room.click(card["ts"], ActionId.EDIT, "U4")
    (shown,) = room.slack.views.values()
    assert "에이전시의 승인이 먼저" in str(shown)
    assert "plain_text_input" not in str(shown)


def test_what_the_brand_rewrites_in_slack_goes_back_to_the_agency(two_steps: Room) -> None:
    room = two_steps
    room.write("별로예요")
    (card,) = room.messages()
    room.click(card["ts"], ActionId.APPROVE)
    room.refresh()

    rewrite(room, "브랜드가 쓴 답변입니다.", "U4")
    assert room.state() == [("drafted", "")]
    assert room.slack.ephemerals[-1]["text"] == BACK_TO_AGENCY
    room.refresh()
    room.click(card["ts"], ActionId.APPROVE, "U4")
    assert "에이전시의 승인이 먼저" in room.slack.ephemerals[-1]["text"]

    assert "브랜드가 쓴 답변입니다." in rewrite(room, "브랜드가 쓴 답변입니다.")
    room.refresh()
    room.click(card["ts"], ActionId.APPROVE, "U4")
    room.house.run_on(timedelta(minutes=10))
    assert [reply.text for reply in room.house.channel.replies["1"]] == ["브랜드가 쓴 답변입니다."]


def test_a_confirmation_is_offered_and_decided_in_slack(room: Room) -> None:
    house = room.house
    article = Article(
        "1", "별로예요", house.clock() - timedelta(minutes=1), extra={"needs_confirm": "1"}
    )
    house.channel.articles.append(article)
    room.write()
    (card,) = room.messages()
    (actions,) = [block for block in card["blocks"] if block["type"] == "actions"]
    labels = [button["text"]["text"] for button in actions["elements"]]
    assert labels == ["확인 처리", "반려", "콘솔에서 열기"]
    assert "답변 1" not in str(card["blocks"])

    room.click(card["ts"], ActionId.CONFIRM)
    assert room.state() == [("approved", "kim (kim)")]
    room.click(card["ts"], ActionId.CONFIRM)
    assert "이미 승인" in str(room.slack.ephemerals)
    room.refresh()
    assert "☑️ 확인 처리" in str(room.messages()[0]["blocks"])
    # The storefront knows no confirmation: a person does it.
    house.run_on(timedelta(minutes=10))
    assert house.channel.sent == []


@pytest.mark.parametrize("action", [ActionId.APPROVE, ActionId.EDIT])
def test_a_card_from_before_does_not_answer_what_takes_no_answer(
    room: Room, action: ActionId
) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    with room.house.database.unit_of_work() as connection:
        connection.execute(update(FeedbackRow).values(extra={"not_waiting": "1"}))
    room.click(card["ts"], action)
    assert room.state() == [("drafted", "")]
    told = [*room.slack.views.values(), room.slack.ephemerals]
    assert "채널이 이 글에 답변을 받지 않습니다." in str(told)


def test_characters_a_channel_lacks_are_named_in_the_modal(room: Room) -> None:
    rules = ReplyRules(encoding="euc-kr")
    context = replace(room.room._context, rules_of=lambda _: rules)
    made = SlackRoom(room.house.runtime, context)
    room.write("별로예요")
    (card,) = room.messages()
    made.handle(parse_payload(room.slack.click(card["ts"], ActionId.EDIT)))
    (view_id,) = room.slack.views
    assert "EUC-KR에 없는 글자" in str(room.slack.views)
    typed = {TEXT_BLOCK: {TEXT_INPUT: {"type": "plain_text_input", "value": "죄송합니다 😀"}}}
    submitted = parse_payload(room.slack.submit(view_id, typed))
    assert "😀(U+1F600)" in submitted.errors[TEXT_BLOCK]


def test_blocked_promise_is_refused_in_slack_too(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    room.click(card["ts"], ActionId.EDIT)
    (view_id,) = room.slack.views

    promise = "무조건 100% 환불해 드리겠습니다. 리뷰를 삭제해 주세요."
    typed = {TEXT_BLOCK: {TEXT_INPUT: {"type": "plain_text_input", "value": promise}}}
    room.room.handle(parse_payload(room.slack.submit(view_id, typed)))

    assert room.state() == [("drafted", "")]


def reject(room: Room) -> None:
    with room.house.database.unit_of_work() as connection:
        (row,) = cases.to_decide(connection, limit=5)
        cases.reject(connection, decision_about(row), now=room.house.clock())


def test_rejection_keeps_its_reason(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    room.click(card["ts"], ActionId.REJECT)
    (view_id,) = room.slack.views

    values = {
        REASON_BLOCK: {
            REASON_INPUT: {"type": "static_select", "selected_option": {"value": "misread"}}
        },
        NOTE_BLOCK: {NOTE_INPUT: {"type": "plain_text_input", "value": "농담입니다"}},
    }
    room.room.handle(parse_payload(room.slack.submit(view_id, values)))

    assert room.state() == [("rejected", "kim (kim)")]
    with room.house.database.reading() as connection:
        decision = cases.last_decision(connection, 1)
    assert decision is not None
    assert decision["reason"].startswith("분류가 잘못됨")
    assert decision["reason"].endswith("농담입니다")


def undo_rejection(room: Room, decision: int) -> None:
    with room.house.database.unit_of_work() as connection:
        reopening.undo_rejection(connection, 1, decision, who="이담당", now=room.house.clock())


@pytest.mark.parametrize("is_edited", [False, True])
def test_cards_follow_a_rejection_and_that_it_is_taken_back(room: Room, *, is_edited: bool) -> None:
    room.write("벌레가 나왔어요")
    (card,) = room.messages()
    buttons = actions(card)
    reject(room)
    assert room.refresh() == 2
    (card,), (told,) = room.messages(), room.slack.posted("CBRAND")
    assert ("반려됨" in card["text"], actions(card)) == (True, [ActionId.OPEN])
    assert "담당자가 답변하지 않기로 했습니다." in str(told["blocks"])
    assert room.refresh() == 0

    if is_edited:
        room.house.channel.articles[0].text = "괜찮아졌어요"
        room.house.clock.advance(minutes=2)
        collect.start_due(room.house.runtime)
        room.house.run_on(timedelta(minutes=2))
        assert room.state() == [("rejected", "김담당")]
    undo_rejection(room, 1)
    room.house.run_on(timedelta(minutes=2))
    while room.refresh():
        pass
    (card,), (told,) = room.messages(), room.slack.posted("CBRAND")
    assert actions(card) == buttons
    assert "답변 초안을 만들었습니다" in str(told["blocks"])
    room.click(card["ts"], ActionId.APPROVE)
    assert room.state() == [("approved", "kim (kim)")]


def test_a_request_that_the_brand_rejected_by_mistake_asks_again(two_steps: Room) -> None:
    room = two_steps
    room.write("별로예요")
    room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    room.house.run_on(timedelta(minutes=1))
    reject(room)
    while room.refresh():
        pass
    (asked,) = room.slack.posted("CBRAND")
    assert "반려됨" in asked["text"]

    undo_rejection(room, 1)
    while room.refresh():
        pass
    (asked,) = room.slack.posted("CBRAND")
    assert actions(asked) == [ActionId.APPROVE, ActionId.EDIT, ActionId.REJECT, ActionId.OPEN]
    room.click(asked["ts"], ActionId.APPROVE, "U4")
    assert room.state() == [("approved", "owner (owner)")]


def test_burst_becomes_one_thread_and_a_card_comes_on_request(room: Room) -> None:
    room.write(*(f"별로예요 {number}" for number in range(BURSTS.max_new + 15)))
    top = [message for message in room.messages() if "thread_ts" not in message]

    assert len(top) == BURSTS.max_new + 1
    (parent,) = [message for message in top if ActionId.SHOW in str(message["blocks"])]
    assert "15" in parent["text"]

    room.click(parent["ts"], ActionId.SHOW)
    room.house.run_on(timedelta(minutes=1))

    (card,) = [message for message in room.messages() if message.get("thread_ts")]
    assert card["thread_ts"] == parent["ts"]
    room.click(card["ts"], ActionId.APPROVE)
    assert [state for state, _ in room.state()].count("approved") == 1


def test_critical_case_never_hides_in_a_thread(room: Room) -> None:
    room.write(*(f"별로예요 {number}" for number in range(BURSTS.max_new + 5)))
    before = len([message for message in room.messages() if "thread_ts" not in message])

    room.write("벌레가 나왔어요")

    top = [message for message in room.messages() if "thread_ts" not in message]
    assert len(top) == before + 1
    assert "벌레" in str(top[-1]["blocks"])


def test_read_receipt_is_kept_and_shown(room: Room) -> None:
    room.write("벌레가 나왔어요")
    (notice,) = room.slack.posted("CBRAND")

    room.click(notice["ts"], ActionId.READ, "U3")
    room.refresh()

    (notice,) = room.slack.posted("CBRAND")
    assert "park" in str(notice["blocks"])
    with room.house.database.reading() as connection:
        reader = connection.execute(
            AlertRow.__table__.select().where(AlertRow.read_at.is_not(None))
        ).one()
    assert reader.read_by == "park (park)"


@pytest.mark.parametrize("words", ["벌레가 나왔어요", "환불해 주세요"])
def test_what_an_owner_was_told_says_what_is_done_until_the_case_is_closed(
    room: Room, words: str
) -> None:
    room.write(words)
    (notice,) = room.slack.posted("CBRAND")
    assert "초안을 만들었습니다" in str(notice["blocks"])
    assert "답변은 에이전시가 승인합니다" in str(notice["blocks"])
    room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    room.refresh()
    assert "게시를 기다립니다" in str(room.slack.posted("CBRAND")[0]["blocks"])
    room.house.run_on(timedelta(minutes=10))
    room.refresh()
    assert "답변을 게시했고" in str(room.slack.posted("CBRAND")[0]["blocks"])
    assert "결정하실 일이 없습니다" in str(room.slack.posted("CBRAND")[0]["blocks"])
    if ActionId.READ in actions(room.slack.posted("CBRAND")[0]):
        # Whoever reads it late is still asked, and shown as having read it.
        room.click(notice["ts"], ActionId.READ, "U3")
        assert room.refresh() == 1
        assert "park" in str(room.slack.posted("CBRAND")[0]["blocks"])
    with room.house.database.reading() as connection:
        final = connection.execute(select(AlertRow.is_final).where(AlertRow.rule != "case_card"))
        assert list(final.scalars()) == [True]


def test_an_owner_told_in_the_morning_hears_what_was_done_at_night(room: Room) -> None:
    room.house.clock.now = TUESDAY_OPENING - timedelta(hours=9)
    room.write("환불해 주세요")
    assert room.slack.posted("CBRAND") == []
    room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    room.house.run_on(timedelta(hours=12))
    (notice,) = room.slack.posted("CBRAND")
    assert "답변을 게시했고" in str(notice["blocks"])
    room.refresh()
    assert "답변을 게시했고" in str(room.slack.posted("CBRAND")[0]["blocks"])


def test_a_surge_told_in_the_morning_says_when_it_was(room: Room) -> None:
    with room.house.database.unit_of_work() as connection:
        for_night = room.house.clock.now = TUESDAY_OPENING - timedelta(hours=10)
        payload = {
            "window_s": 3600,
            "negative": 6,
            "total": 10,
            "baseline_rate": 0.1,
            "categories": [["delivery", 6]],
        }
        alert = surge_alert(room.house.runtime.brands[BRAND], for_night, is_holiday)
        tell(room.house.runtime, connection, [new_alert(alert, payload)], now=for_night)
    room.house.run_on(timedelta(hours=12))
    (notice,) = room.slack.posted("CBRAND")
    assert "11월 23일(월) 23:00까지 1시간 동안 글 10건 가운데 6건(60%)" in str(notice["blocks"])


@pytest.mark.parametrize(
    ("rule", "page"),
    [
        (AlertRule.PUBLICATION_UNCERTAIN, "/attention"),
        (AlertRule.CREDENTIALS, "/collection"),
        (AlertRule.LAYOUT_CHANGED, "/collection"),
        (AlertRule.MAIL_UNDELIVERED, "/alerts"),
    ],
)
def test_an_alarm_leads_to_where_it_is_settled(room: Room, rule: AlertRule, page: str) -> None:
    now = room.house.clock()
    alarm = operator_alert(rule, room.house.runtime.brands[BRAND], "shop", now)
    with room.house.database.unit_of_work() as connection:
        payload = {"subject": "shop", "detail": "no answer"}
        tell(room.house.runtime, connection, [new_alert(alarm, payload)], now=now)
    room.house.run_on(timedelta(minutes=1))
    (message,) = room.messages()
    (button,) = message["blocks"][-1]["elements"]
    assert button["url"] == f"{room.house.runtime.console_url}{page}"


def test_the_digest_of_a_first_collection_counts_what_is_late(room: Room) -> None:
    now = room.house.clock()
    for number, days in enumerate((20, 3)):
        room.house.channel.articles.append(
            Article(f"old{number}", "별로예요", now - timedelta(days=days))
        )
    collect.start_due(room.house.runtime)
    room.house.run_on(timedelta(minutes=5))
    with room.house.database.unit_of_work() as connection:
        late = select(CaseRow.id).order_by(CaseRow.id).limit(1).scalar_subquery()
        connection.execute(update(CaseRow).where(CaseRow.id == late).values(due_at=now))
    room.house.run_on(timedelta(minutes=10))
    (digest,) = room.messages()
    assert "첫 수집 요약" in digest["text"]
    assert "진행 중\n2건" in json.dumps(digest, ensure_ascii=False).replace("\\n", "\n")
    assert "기한 초과\n1건" in json.dumps(digest, ensure_ascii=False).replace("\\n", "\n")


def test_a_round_renders_what_changed_and_nothing_else(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.write("벌레가 나왔어요", "벌레가 또 나왔어요", "벌레가 자꾸 나와요", "별로예요")
    rendered: list[str] = []

    def render(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
        rendered.append(job.rule)
        return slack_messages.render(runtime, job, now)

    monkeypatch.setattr(cards, "render", render)
    assert room.refresh() == 0
    assert rendered == []

    room.click(room.slack.posted("CBRAND")[1]["ts"], ActionId.READ, "U3")
    # Its owner's notice follows the case as its card does.
    room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    assert room.refresh() == 3
    assert sorted(rendered) == ["brand_safety", "brand_safety", "case_card"]
    assert room.refresh() == 0


def test_a_thread_counts_until_it_is_over(room: Room) -> None:
    room.write(*(f"별로예요 {number}" for number in range(BURSTS.max_new + 3)))
    (parent,) = [message for message in room.messages() if ActionId.SHOW in str(message["blocks"])]
    room.write("별로예요 하나 더")
    assert room.refresh() == 1
    assert "4건" in parent["text"]

    room.house.clock.now += 2 * BURSTS.window
    room.refresh()
    with room.house.database.reading() as connection:
        rows = connection.execute(select(AlertRow.is_final).where(AlertRow.rule == "burst"))
        assert list(rows.scalars()) == [True]
    calls = len(room.slack.calls)
    assert room.refresh() == 0
    assert len(room.slack.calls) == calls


def test_limited_update_waits_as_long_as_slack_says(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    room.click(card["ts"], ActionId.APPROVE)
    room.slack.script("chat.update", limited("30"))

    assert room.refresh() == 0
    room.house.clock.advance(seconds=29)
    calls = room.slack.calls.count("chat.update")
    assert room.refresh() == 0
    assert room.slack.calls.count("chat.update") == calls
    room.house.clock.advance(seconds=2)
    assert room.refresh() == 1


def test_signed_request_is_answered_and_a_replay_is_not_done_twice(room: Room) -> None:
    app = FastAPI()
    app.include_router(build_router(room.room, room.house.runtime, room.slack.signing_secret))
    room.write("별로예요")
    (card,) = room.messages()
    body, headers = room.slack.sign(room.slack.click(card["ts"], ActionId.APPROVE))
    with TestClient(app) as client:
        first = client.post("/slack/interactions", content=body, headers=headers)
        again = client.post("/slack/interactions", content=body, headers=headers)
        forged = client.post(
            "/slack/interactions",
            content=body,
            headers={**headers, "X-Slack-Signature": "v0=" + "0" * 64},
        )
        room.house.clock.advance(minutes=6)
        late = client.post("/slack/interactions", content=body, headers=headers)

    assert (first.status_code, again.status_code) == (200, 200)
    assert (forged.status_code, late.status_code) == (401, 401)
    assert room.state() == [("approved", "kim (kim)")]
    # The replay met the memory of seen requests, not the decided case.
    assert room.slack.ephemerals == []


@pytest.mark.parametrize("action", [ActionId.EDIT, ActionId.REJECT])
def test_answer_and_modal_over_http_wait_for_no_database(
    room: Room, monkeypatch: pytest.MonkeyPatch, action: ActionId
) -> None:
    app = FastAPI()
    app.include_router(build_router(room.room, room.house.runtime, room.slack.signing_secret))
    room.write("별로예요")
    (card,) = room.messages()
    body, headers = room.slack.sign(room.slack.click(card["ts"], action))
    order: list[str] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            order.append(message["type"])
            await send(message)

        await app(scope, receive, sending)

    def asked(work: Callable[[], Any]) -> Callable[[], Any]:
        def ask() -> Any:  # noqa: ANN401 - the real one's
            order.append(f"database, modals open: {len(room.slack.views)}")
            return work()

        return ask

    database = room.house.runtime.database
    for name in ("reading", "unit_of_work"):
        monkeypatch.setattr(database, name, asked(getattr(database, name)))
    with TestClient(watched) as client:
        assert client.post("/slack/interactions", content=body, headers=headers).is_success
    assert [event for event in order if not event.startswith("lifespan")][:3] == [
        "http.response.start",
        "http.response.body",
        "database, modals open: 1",
    ]
    assert "불러오는" not in str(room.slack.views)


def test_click_over_socket_mode_decides(room: Room) -> None:
    room.write("별로예요")
    (card,) = room.messages()
    listener = SocketListener(room.slack.app_token, room.room.handle, room.slack.api_url)
    listener.start()
    try:
        assert room.slack.wait_for_sockets(1)
        envelope = room.slack.push(room.slack.click(card["ts"], ActionId.APPROVE))
        assert room.slack.wait_for_ack(envelope) is not None
    finally:
        listener.stop()

    assert room.state() == [("approved", "kim (kim)")]


def test_a_card_that_follows_late_says_when_its_case_closed(room: Room) -> None:
    room.write("별로예요")
    room.house.channel.articles.clear()
    closed_at = room.house.clock.advance(minutes=2)
    collect.start_due(room.house.runtime)
    room.house.run()
    assert room.state()[0][0] == "gone"
    room.house.clock.advance(hours=5)
    room.refresh()
    (card,) = room.messages()
    assert f"종료 · {when(closed_at, 'Asia/Seoul')}" in str(card["blocks"])


def test_deadlines_remind_then_reach_the_brand(room: Room) -> None:
    room.write("별로예요")
    with room.house.database.reading() as connection:
        due = connection.execute(CaseRow.__table__.select()).one().due_at
    room.house.clock.now = due - timedelta(minutes=30)
    assert remind(room.house.runtime) == 1
    assert remind(room.house.runtime) == 0
    room.house.clock.now = due + timedelta(minutes=1)
    assert remind(room.house.runtime) == 1
    room.house.clock.now = due + timedelta(hours=3)
    assert remind(room.house.runtime) == 1
    room.house.run_on(timedelta(days=1))

    assert len(room.messages()) == 3
    assert "기한" in room.slack.posted("CBRAND")[0]["text"]
    assert room.state() == [("drafted", "")]


def test_a_case_that_was_late_for_long_is_told_to_the_room_before_the_brand(room: Room) -> None:
    room.write("별로예요")
    with room.house.database.reading() as connection:
        due = connection.execute(CaseRow.__table__.select()).one().due_at
    room.house.clock.now = due + timedelta(hours=3)
    assert remind(room.house.runtime) == 1
    room.house.run_on(timedelta(minutes=1))
    assert (len(room.messages()), len(room.slack.posted("CBRAND"))) == (2, 0)
    assert remind(room.house.runtime) == 1
    room.house.run_on(timedelta(days=1))
    assert (len(room.messages()), len(room.slack.posted("CBRAND"))) == (2, 1)


def test_a_reply_nobody_pasted_is_reminded_of_as_that(room: Room) -> None:
    brand = room.house.runtime.brands[BRAND]
    by_hand = tuple(replace(account, writable=False) for account in brand.accounts)
    room.house.runtime.brands[BRAND] = replace(brand, accounts=by_hand)
    room.write("별로예요")
    room.click(room.messages()[0]["ts"], ActionId.APPROVE)
    room.house.run_on(timedelta(minutes=10))
    assert room.state() == [("approved", "kim (kim)")]
    # Whoever decides in Slack learns there that the reply has not left by itself.
    assert room.refresh() == 1
    (card,) = room.messages()
    assert "직접 게시 필요" in card["text"]
    assert actions(card) == [ActionId.OPEN]
    assert room.refresh() == 0
    with room.house.database.reading() as connection:
        room.house.clock.now = connection.execute(select(CaseRow.due_at)).scalar_one()
    assert remind(room.house.runtime) == 1
    room.house.run_on(timedelta(minutes=1))
    assert "직접 게시 필요" in str(room.messages()[-1]["blocks"])


def test_an_overdue_case_calls_its_owner_and_then_the_lead(room: Room) -> None:
    with room.house.database.unit_of_work() as connection:
        for login, slack_user, brands in (
            ("choi", "U4", (BRAND,)),
            ("jung", None, (BRAND,)),
            ("other", "U5", ("otherbrand",)),
        ):
            people.add(
                connection,
                login=login,
                name=f"{login} <@U9>",
                role=Role.LEAD,
                now=room.house.clock(),
                brands=brands,
                slack_user=slack_user,
            )
    room.write("별로예요 <@U8> <!channel>")
    with room.house.database.reading() as connection:
        due = connection.execute(CaseRow.__table__.select()).one().due_at
    for late in (timedelta(minutes=-30), timedelta(minutes=1), timedelta(hours=3)):
        room.house.clock.now = due + late
        assert remind(room.house.runtime) == 1
    room.house.run_on(timedelta(days=1))

    soon, overdue = room.messages()[1:]
    (escalated,) = room.slack.posted("CBRAND")
    assert mentions(soon) == ["<@U1>"]
    assert mentions(overdue) == ["<@U1>", "<@U4>"]
    # Whose case it is the brand's people do not see.
    assert mentions(escalated) == ["<@U4>"]
    assert "담당" not in json.dumps(escalated, ensure_ascii=False)
    assert "kim" not in json.dumps(escalated, ensure_ascii=False)
    words = json.dumps(overdue, ensure_ascii=False)
    assert "담당 kim" in words
    assert "jung" in words
    assert "other" not in words
    assert "<@U8>" not in words
    assert "<@U9>" not in words
    assert "<!channel>" not in words


def test_what_became_late_at_night_is_told_to_the_brand_together_at_its_opening(
    room: Room,
) -> None:
    room.write("별로예요", "나빠요", "나빠요, 정말로")
    evening = TUESDAY_OPENING + timedelta(hours=11)
    with room.house.database.unit_of_work() as connection:
        ids = list(connection.execute(select(CaseRow.id).order_by(CaseRow.id)).scalars())
        for minutes, case_id in enumerate(ids):
            due = evening + timedelta(minutes=minutes)
            connection.execute(update(CaseRow).where(CaseRow.id == case_id).values(due_at=due))
    for late in (timedelta(0), ESCALATE_AFTER):
        for minutes in range(len(ids)):
            room.house.clock.now = evening + late + timedelta(minutes=minutes)
            remind(room.house.runtime)
    with room.house.database.unit_of_work() as connection:
        (row,) = (row for row in cases.to_decide(connection, limit=9) if row["case_id"] == ids[0])
        cases.reject(connection, decision_about(row), now=room.house.clock())
    room.house.run_on(timedelta(hours=1))
    assert room.slack.posted("CBRAND") == []
    room.house.clock.now = TUESDAY_OPENING + timedelta(days=1)
    assert remind(room.house.runtime) == 2
    room.house.run_on(timedelta(days=1))

    (escalated,) = room.slack.posted("CBRAND")
    words = json.dumps(escalated, ensure_ascii=False)
    assert "케이스 2건" in words
    assert "나빠요, 정말로" in words
    # It was answered before the brand opened.
    assert "별로예요" not in words


def test_a_brand_is_told_of_no_case_where_all_were_answered_before_slack_is_back(
    room: Room,
) -> None:
    room.write("별로예요")
    with room.house.database.reading() as connection:
        due = connection.execute(select(CaseRow.due_at)).scalar_one()
    for late in (timedelta(minutes=1), timedelta(hours=3)):
        room.house.clock.now = due + late
        assert remind(room.house.runtime) == 1
    room.house.approve_all()
    room.house.run_on(timedelta(days=1))
    (escalated,) = room.slack.posted("CBRAND")
    assert "모두 처리되었습니다" in escalated["text"]
    assert mentions(escalated) == []


def test_a_digest_says_what_to_decide_and_by_when(two_steps: Room) -> None:
    room = two_steps
    room.write("벌레가 나왔어요", "환불해 주세요")
    with room.house.database.unit_of_work() as connection:
        row = cases.to_decide(connection, limit=1)[0]
        proposals.propose(connection, decision_about(row), "two_step", now=room.house.clock())
    told = len(room.slack.posted("CBRAND"))
    room.house.clock.now = TUESDAY_OPENING
    send_digests(room.house.runtime)
    room.house.run_on(timedelta(minutes=1))
    digest = room.slack.posted("CBRAND")[told]
    _, _, rest = json.dumps(digest, ensure_ascii=False).partition("결정해 주실 일과 기한")
    decide, _, attention = rest.partition("눈여겨보실 글")
    assert "벌레가 나왔어요" in decide
    assert "브랜드 승인" in decide
    assert "까지 (알림 시점 기준" in decide
    assert "벌레가 나왔어요" not in attention
    assert "환불해 주세요" in attention
    assert "까지 (알림 시점 기준" in attention
    assert f'/cases/{row["case_id"]}"' in decide
    assert "/cases/2" in attention
    assert f"/brands/{BRAND}" in attention


def actions(message: dict[str, Any]) -> list[str]:
    """Give what can be pressed on a message, in its order."""
    return [
        element["action_id"]
        for block in message["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def mentions(message: dict[str, Any]) -> list[str]:
    """Give what a message pings, in its order."""
    return [
        element["text"]
        for block in message["blocks"]
        if block["type"] == "context"
        for element in block["elements"]
        if element["type"] == "mrkdwn" and "<" in element["text"]
    ]
