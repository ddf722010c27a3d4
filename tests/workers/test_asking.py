"""Asking a brand for its approval: told once per proposal, and not once it is settled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from domain.errors import ChannelUnavailableError, OutcomeUnknownError
from responders.compensation import compensation
from storage import cases, proposals
from storage.models import AlertRow, HistoryRow
from tests.fakes_runtime import Death, Lost, decision_about, make_brand
from workers.collect import start_due
from workers.draft import tell_asked
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes_runtime import House, RecordingSlack, StillClock


@pytest.fixture
def asking(make_house: Callable[..., House], tmp_path: Path) -> House:
    """Give a house whose brand approves after the agency, with one drafted case."""
    house = make_house(brand=make_brand(tmp_path, two_step_approval=True))
    begin(house)
    return house


def begin(house: House) -> None:
    start_due(house.runtime)
    house.run()


def ask(house: House, reason: str = "two_step", text: str = "") -> dict[str, Any]:
    """Propose a reply and tell whom it asks, in one transaction; gives what is decided about."""
    with house.database.unit_of_work() as connection:
        (row,) = cases.to_decide(connection, limit=5)
        won = compensation(text)
        decision = decision_about(row, text)
        proposals.propose(connection, decision, reason, now=house.clock(), won=won)
        tell_asked(house.runtime, connection, row["case_id"])
    return row


def reject(house: House, row: dict[str, Any]) -> None:
    with house.database.unit_of_work() as connection:
        cases.reject(connection, decision_about(row), now=house.clock())


def requests(house: House) -> list[Any]:
    with house.database.reading() as connection:
        return list(
            connection.execute(
                select(AlertRow.id, AlertRow.destination, AlertRow.state)
                .where(AlertRow.rule.in_(["brand_asked", "rewritten"]))
                .order_by(AlertRow.id)
            ).all()
        )


def path(house: House) -> list[str]:
    """Give the states of the first request, in their order."""
    asked = requests(house)[0].id
    with house.database.reading() as connection:
        return list(
            connection.execute(
                select(HistoryRow.target)
                .where(HistoryRow.entity == "alerts", HistoryRow.entity_id == asked)
                .order_by(HistoryRow.id)
            ).scalars()
        )


@pytest.mark.parametrize(
    ("is_two_step", "reason", "text", "room"),
    [
        (True, "two_step", "", "CBRAND"),
        (True, "rewrite", "브랜드가 쓴 답변입니다.", "CREVIEW"),
        # In such a brand the agency's lead is always first.
        (True, "compensation", "300,001원 쿠폰을 드리겠습니다.", None),
        (False, "compensation", "300,001원 쿠폰을 드리겠습니다.", "CBRAND"),
        (False, "compensation", "300,000원 쿠폰을 드리겠습니다.", None),
    ],
)
def test_whoever_must_approve_is_told_in_their_room(
    make_house: Callable[..., House],
    slack: RecordingSlack,
    tmp_path: Path,
    *,
    is_two_step: bool,
    reason: str,
    text: str,
    room: str | None,
) -> None:
    house = make_house(brand=make_brand(tmp_path, two_step_approval=is_two_step))
    begin(house)
    told = len(slack.posts)
    ask(house, reason, text)
    house.run_on()
    assert [posted for posted, _ in slack.posts[told:]] == [room] * (room is not None)


def test_without_a_room_of_its_own_a_brand_is_asked_in_the_console(
    make_house: Callable[..., House], slack: RecordingSlack, tmp_path: Path
) -> None:
    brand = make_brand(tmp_path, two_step_approval=True, slack_brand_destination="")
    house = make_house(brand=brand)
    begin(house)
    told = len(slack.posts)
    ask(house)
    house.run_on()
    assert [(row.destination, row.state) for row in requests(house)] == [("", "shown")]
    assert len(slack.posts) == told


def test_a_request_that_was_never_stored_tells_nobody(asking: House, slack: RecordingSlack) -> None:
    told = len(slack.posts)

    def die() -> None:
        with asking.database.unit_of_work() as connection:
            (row,) = cases.to_decide(connection, limit=5)
            decision = decision_about(row)
            proposals.propose(connection, decision, "two_step", now=asking.clock(), won=0)
            tell_asked(asking.runtime, connection, row["case_id"])
            raise Death("killed before the commit")

    with pytest.raises(Death):
        die()
    asking.run_on()
    assert (requests(asking), len(slack.posts)) == ([], told)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_request_whose_teller_died_is_told_once(
    asking: House, slack: RecordingSlack, clock: StillClock, *, arrived: bool
) -> None:
    told = len(slack.posts)
    ask(asking)
    slack.troubles.append(Lost(Death("killed")) if arrived else Death("killed"))
    with pytest.raises(Death):
        asking.run_on()
    clock.advance(minutes=3)
    sweep(asking.runtime)
    asking.run_on()
    assert len(slack.posts) == told + 1
    assert [row.state for row in requests(asking)] == ["sent"]


@pytest.mark.parametrize("trouble", [ChannelUnavailableError("503"), OutcomeUnknownError("lost")])
def test_what_was_settled_before_it_could_be_told_is_not_told(
    asking: House, slack: RecordingSlack, trouble: Exception
) -> None:
    told = len(slack.posts)
    row = ask(asking)
    slack.troubles.append(trouble)
    asking.run()
    assert slack.attempts == told + 1
    reject(asking, row)
    asking.run_on()
    assert len(slack.posts) == told
    assert path(asking)[-2:] == ["sending", "shown"]
    # Nobody tells it later, nor waits for it.
    asking.clock.advance(hours=1)
    sweep(asking.runtime)
    asking.run_on(timedelta(hours=1))
    assert len(slack.posts) == told


def test_what_is_left_untold_holds_up_nothing_in_its_room(
    asking: House, slack: RecordingSlack
) -> None:
    told = len(slack.posts)
    ask(asking, text="첫 답변입니다.")
    ask(asking, text="다음 답변입니다.")
    asking.run_on()
    first, second = requests(asking)
    assert (first.state, second.state) == ("shown", "sent")
    assert slack.posts[told:] == [("CBRAND", str(second.id))]
