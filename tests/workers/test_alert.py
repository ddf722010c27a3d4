from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from alerts.slack import SlackReceipt
from domain.errors import (
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PermanentError,
    RateLimitedError,
)
from storage import accounts
from storage.models import AlertRow, CaseRow, HistoryRow
from tests.fakes_runtime import Article, Death, Lost, make_brand
from workers import alert, collect, slack_messages
from workers.deadlines import remind
from workers.runtime import synchronize
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from storage.alerts import AlertJob
    from tests.fakes_runtime import FakeChannel, House, RecordingSlack, StillClock
    from workers.runtime import Runtime
    from workers.slack_messages import Rendered

LOST = OutcomeUnknownError("no answer came")


def make_alert(house: House) -> int:
    """Bring the board's complaint to its card, untold; gives the alert."""
    posting, house.runtime.slack = house.runtime.slack, None
    collect.start_due(house.runtime)
    # Told only when the test says so: the message is taken out of the broker.
    house.runtime.slack = posting
    with pytest.raises(_AlertAskedForError):
        _run_up_to_alert(house)
    with house.database.reading() as connection:
        return connection.execute(select(AlertRow.id)).scalar_one()


class _AlertAskedForError(Exception):
    pass


def _run_up_to_alert(house: House) -> None:
    actor = house.broker.get_actor("alert.send")
    work = actor.fn

    def stop(_alert_id: int) -> None:
        raise _AlertAskedForError

    actor.fn = stop
    try:
        house.run()
    finally:
        actor.fn = work


def row(house: House) -> Any:  # noqa: ANN401 - a result row
    with house.database.reading() as connection:
        return connection.execute(select(AlertRow.__table__)).one()


def path(house: House) -> list[str]:
    with house.database.reading() as connection:
        return list(
            connection.execute(
                select(HistoryRow.target)
                .where(HistoryRow.entity == "alerts")
                .order_by(HistoryRow.id)
            ).scalars()
        )


def states(house: House) -> list[str]:
    with house.database.reading() as connection:
        return list(connection.execute(select(CaseRow.state)).scalars())


def states_of_alerts(house: House) -> list[str]:
    with house.database.reading() as connection:
        return list(connection.execute(select(AlertRow.state)).scalars())


def test_an_alert_is_told_and_keeps_its_receipt(house: House, slack: RecordingSlack) -> None:
    alert_id = make_alert(house)
    alert.send(house.runtime, alert_id)
    assert (row(house).state, row(house).receipt) == ("sent", "1.0")
    assert slack.posts == [("CREVIEW", str(alert_id))]


def test_second_delivery_tells_nothing(house: House, slack: RecordingSlack) -> None:
    alert_id = make_alert(house)
    for _ in range(3):
        alert.send(house.runtime, alert_id)
    assert len(slack.posts) == 1


def test_a_limit_is_waited_for(house: House, slack: RecordingSlack, clock: StillClock) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(RateLimitedError("429", retry_after_s=30))
    alert.send(house.runtime, alert_id)
    assert (row(house).state, row(house).available_at) == (
        "queued",
        clock() + timedelta(seconds=30),
    )
    alert.send(house.runtime, alert_id)
    assert slack.attempts == 1
    house.run_on()
    assert row(house).state == "sent"
    assert slack.attempts == 2


def test_a_lost_answer_is_found_in_the_history(house: House, slack: RecordingSlack) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(Lost(LOST))
    alert.send(house.runtime, alert_id)
    assert row(house).state == "uncertain"
    house.run_on()
    assert path(house) == ["queued", "sending", "uncertain", "sent"]
    assert len(slack.posts) == 1


def test_a_lost_request_is_told_again_after_two_absent_reads(
    house: House, slack: RecordingSlack
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(LOST)
    alert.send(house.runtime, alert_id)
    alert.send(house.runtime, alert_id)
    # A look that comes too early proves nothing.
    assert row(house).absent_reads == 0
    house.run_on()
    assert path(house) == ["queued", "sending", "uncertain", "queued", "sending", "sent"]
    assert len(slack.posts) == 1


def test_a_look_that_stalled_does_not_count_from_a_post_long_gone(
    house: House, slack: RecordingSlack, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert_id = make_alert(house)
    slack.troubles.extend([LOST, LOST])
    alert.send(house.runtime, alert_id)
    clock.advance(minutes=5)
    alert.send(house.runtime, alert_id)
    assert row(house).absent_reads == 1
    look = alert._look

    def stall(*args: Any) -> None:  # noqa: ANN401 - the real one's
        monkeypatch.undo()
        # Meanwhile another worker proves the absence and posts again; that answer is lost, too.
        while row(house).attempts == 1 or row(house).state != "uncertain":
            clock.now = house.next_at() or clock.now
            house.run()
        look(*args)

    monkeypatch.setattr(alert, "_look", stall)
    alert.send(house.runtime, alert_id)
    assert path(house) == ["queued", "sending", "uncertain", "queued", "sending", "uncertain"]
    assert row(house).absent_reads == 0


def test_a_post_that_left_late_is_not_told_twice(
    house: House, slack: RecordingSlack, clock: StillClock
) -> None:
    alert_id = make_alert(house)
    posted_at: list[datetime] = []

    def post(destination: str, *_: object, alert_id: str, **__: object) -> SlackReceipt:
        # A name that is found slowly, an address that does not answer, and then a lost answer.
        clock.advance(seconds=40)
        posted_at.append(clock() + timedelta(seconds=5))
        slack.posts.append((destination, alert_id))
        raise LOST

    def find_posted(*args: Any) -> SlackReceipt | None:  # noqa: ANN401 - the real one's
        return found(*args) if clock() >= posted_at[0] else None

    found = slack.find_posted
    slack.post, slack.find_posted = post, find_posted  # type: ignore[method-assign,assignment]
    alert.send(house.runtime, alert_id)
    house.run_on()
    assert path(house) == ["queued", "sending", "uncertain", "sent"]
    assert len(slack.posts) == 1


def test_an_unreadable_history_is_read_later(house: House, slack: RecordingSlack) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(Lost(LOST))
    slack.history_troubles.extend([ChannelUnavailableError("503"), RateLimitedError("429", 60)])
    alert.send(house.runtime, alert_id)
    house.run_on()
    assert row(house).state == "sent"
    assert len(slack.posts) == 1


def test_without_the_right_to_read_history_nothing_is_told_twice(
    house: House, slack: RecordingSlack
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(Lost(LOST))
    slack.history_troubles.append(CredentialRejectedError("missing_scope", "permission"))
    alert.send(house.runtime, alert_id)
    house.run_on()
    assert (row(house).state, row(house).problem) == (
        "failed",
        "전달되었는지 Slack에서 읽지 못했습니다. (missing_scope)",
    )
    assert len(slack.posts) == 1


REFUSED = CredentialRejectedError("slack chat.postMessage: invalid_auth -> check the token")


def incidents(house: House) -> list[tuple[str, str]]:
    with house.database.reading() as connection:
        found = accounts.open_incidents(connection)
    return [(row["subject"], row["message"]) for row in found]


def test_a_refused_token_is_one_problem_and_its_alerts_wait(
    house: House, slack: RecordingSlack, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles[:] = [
        Article(f"n{index}", f"{word} {index}", clock())
        for index, word in enumerate(("별로", "벌레", "환불", "별로"))
    ]
    clock.advance(seconds=1)
    slack.troubles.extend([REFUSED] * 1000)
    collect.start_due(house.runtime)
    house.run_on(timedelta(hours=1))
    assert slack.attempts < 60
    assert states_of_alerts(house) == ["queued"] * 6
    assert incidents(house) == [("slack", str(REFUSED))]

    slack.troubles.clear()
    house.run_on(timedelta(hours=1))
    assert states_of_alerts(house) == ["sent"] * 6
    assert len(slack.posts) == len(set(slack.posts)) == 6
    assert incidents(house) == []


def test_a_lost_answer_waits_until_a_refused_token_can_look_for_it(
    house: House, slack: RecordingSlack
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(Lost(LOST))
    slack.history_troubles.extend([REFUSED, REFUSED])
    alert.send(house.runtime, alert_id)
    assert row(house).state == "uncertain"
    house.clock.advance(minutes=1)
    alert.send(house.runtime, alert_id)
    assert incidents(house) == [("slack", str(REFUSED))]
    house.run_on()
    assert row(house).state == "sent"
    assert len(slack.posts) == 1
    assert incidents(house) == []


NO_ROOM = ConfigurationError("channel_not_found")


def test_a_wrong_room_is_one_problem_and_its_alerts_wait(
    house: House, slack: RecordingSlack, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles[:] = [
        Article(f"n{index}", f"{word} {index}", clock())
        for index, word in enumerate(("별로", "벌레", "환불", "별로"))
    ]
    clock.advance(seconds=1)
    before = slack.post

    def refuse_one(destination: str, *args: Any, **rest: Any) -> Any:  # noqa: ANN401 - the real one's
        if destination == "CREVIEW":
            slack.troubles.append(NO_ROOM)
        return before(destination, *args, **rest)

    slack.post = refuse_one  # type: ignore[method-assign]
    collect.start_due(house.runtime)
    house.run_on(timedelta(hours=1))
    assert slack.attempts < 60
    assert sorted(states_of_alerts(house)) == ["queued"] * 4 + ["sent"] * 2
    assert incidents(house) == [("slack:CREVIEW", str(NO_ROOM))]

    slack.post = before  # type: ignore[method-assign]
    house.run_on(timedelta(hours=1))
    assert states_of_alerts(house) == ["sent"] * 6
    assert len(slack.posts) == len(set(slack.posts)) == 6
    assert incidents(house) == []


def test_what_waits_for_a_room_that_the_brand_left_is_told_in_its_new_one(
    house: House,
    slack: RecordingSlack,
    channel: FakeChannel,
    make_house: Callable[..., House],
    tmp_path: Path,
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(NO_ROOM)
    alert.send(house.runtime, alert_id)
    assert incidents(house) == [("slack:CREVIEW", str(NO_ROOM))]
    moved = make_house(brand=make_brand(tmp_path, slack_review_destination="CNEW"))
    # Whoever comes before the sweep does not try the room, and nobody is to mend it.
    moved.clock.advance(seconds=5)
    attempts = slack.attempts
    alert.send(moved.runtime, alert_id)
    assert (row(moved).state, row(moved).destination) == ("queued", "CNEW")
    assert (slack.attempts, incidents(moved)) == (attempts, [])
    assert sweep(moved.runtime) == {}
    moved.run_on()
    assert slack.posts == [("CNEW", str(alert_id))]

    # Nor is it told there again when its writer edits it.
    channel.articles[0].text = "포장이 아주 별로예요"
    moved.clock.advance(minutes=2)
    collect.start_due(moved.runtime)
    moved.run_on()
    assert states(moved) == ["drafted"]
    assert len(slack.posts) == 1


def test_a_room_that_the_brand_left_is_no_problem_any_more(
    house: House, slack: RecordingSlack, make_house: Callable[..., House], tmp_path: Path
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(NO_ROOM)
    alert.send(house.runtime, alert_id)
    moved = make_house(brand=make_brand(tmp_path, slack_review_destination="CNEW"))
    assert sweep(moved.runtime)["alerts_readdressed"] == 1
    moved.run_on()
    assert slack.posts == [("CNEW", str(alert_id))]
    assert incidents(moved) == []


def test_what_was_lost_in_a_room_that_the_brand_left_is_not_told_there_again(
    house: House, slack: RecordingSlack, make_house: Callable[..., House], tmp_path: Path
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(LOST)
    alert.send(house.runtime, alert_id)
    moved = make_house(brand=make_brand(tmp_path, slack_review_destination="CNEW"))
    synchronize(moved.runtime)
    moved.run_on()
    assert row(moved).state == "sent"
    assert slack.posts == [("CNEW", str(alert_id))]


@pytest.mark.parametrize(
    ("rooms", "expected"),
    [
        # The room that was the review team's is the brand's now: it hears what is the brand's.
        (("CNEW", "CREVIEW"), {("brand_severity", "CREVIEW"), ("case_card", "CNEW")}),
        # Without a room of its own the brand's notices are shown in the console.
        (("CREVIEW", ""), {("case_card", "CREVIEW")}),
    ],
)
def test_each_notice_waits_for_the_room_of_its_rule(
    house: House,
    slack: RecordingSlack,
    channel: FakeChannel,
    make_house: Callable[..., House],
    tmp_path: Path,
    rooms: tuple[str, str],
    expected: set[tuple[str, str]],
) -> None:
    channel.articles[0].text = "환불이 안 돼요"
    slack.troubles.extend([ChannelUnavailableError("503")] * 2)
    collect.start_due(house.runtime)
    house.run()
    assert states_of_alerts(house) == ["queued", "queued"]
    review, owners = rooms
    moved = make_house(
        brand=make_brand(tmp_path, slack_review_destination=review, slack_brand_destination=owners)
    )
    synchronize(moved.runtime)
    moved.run_on()
    with moved.database.reading() as connection:
        rows = connection.execute(select(AlertRow.rule, AlertRow.destination, AlertRow.state))
        told = {(rule, room) for rule, room, state in rows if state == "sent"}
    assert told == expected
    assert {room for room, _ in slack.posts} == {room for _, room in expected}


def test_a_lost_answer_waits_until_its_room_can_be_read(
    house: House, slack: RecordingSlack
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(Lost(LOST))
    slack.history_troubles.extend([NO_ROOM, NO_ROOM])
    alert.send(house.runtime, alert_id)
    house.clock.advance(minutes=1)
    alert.send(house.runtime, alert_id)
    assert incidents(house) == [("slack:CREVIEW", str(NO_ROOM))]
    house.run_on()
    assert row(house).state == "sent"
    assert len(slack.posts) == 1
    assert incidents(house) == []


def test_a_refusal_is_shown_and_not_repeated(house: House, slack: RecordingSlack) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(PermanentError("msg_too_long"))
    alert.send(house.runtime, alert_id)
    house.clock.advance(minutes=10)
    sweep(house.runtime)
    house.run_on()
    assert (row(house).state, row(house).problem) == (
        "failed",
        "알림을 올리지 못했습니다. (msg_too_long)",
    )
    assert slack.attempts == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_dead_teller_is_settled_by_the_history(
    house: House, slack: RecordingSlack, clock: StillClock, *, arrived: bool
) -> None:
    alert_id = make_alert(house)
    slack.troubles.append(Lost(Death("killed")) if arrived else Death("killed"))
    with pytest.raises(Death):
        alert.send(house.runtime, alert_id)
    assert row(house).state == "sending"
    clock.advance(minutes=3)
    assert sweep(house.runtime)["alerts_expired"] == 1
    house.run_on()
    assert row(house).state == "sent"
    assert len(slack.posts) == 1


def test_a_lost_message_is_asked_for_again(
    house: House, slack: RecordingSlack, clock: StillClock
) -> None:
    make_alert(house)
    clock.now += house.runtime.settings.lease - timedelta(seconds=1)
    assert "alerts_waiting" not in sweep(house.runtime)
    clock.advance(seconds=1)
    assert sweep(house.runtime)["alerts_waiting"] == 1
    house.run()
    assert len(slack.posts) == 1


def test_a_card_that_was_closed_while_it_was_posted_follows_what_opens_again(
    house: House, slack: RecordingSlack, channel: FakeChannel, clock: StillClock
) -> None:
    alert_id = make_alert(house)
    board = channel.articles[:]

    def look_again() -> None:
        clock.advance(minutes=2)
        collect.start_due(house.runtime)
        house.run()

    channel.articles.clear()
    look_again()
    assert states(house) == ["gone"]
    channel.articles[:] = board
    slack.on_post = lambda _: look_again()
    alert.send(house.runtime, alert_id)

    assert states(house) == ["drafted"]
    assert (row(house).state, row(house).is_final) == ("sent", False)


def test_a_room_hears_one_message_a_second(
    house: House, slack: RecordingSlack, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles[:] = [Article(f"n{index}", f"별로 {index}", clock()) for index in range(4)]
    clock.advance(seconds=1)
    told_at: list[float] = []
    slack.on_post = lambda _: told_at.append(clock().timestamp())
    collect.start_due(house.runtime)
    house.run_on()
    assert len(told_at) == 4
    assert all(later - earlier >= 1 for earlier, later in pairwise(told_at))


def test_an_hour_without_slack_loses_nothing(
    house: House, slack: RecordingSlack, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles[:] = [
        Article(f"n{index}", f"{word} {index}", clock())
        for index, word in enumerate(("별로", "벌레", "환불", "별로"))
    ]
    back_at = clock.advance(seconds=1) + timedelta(hours=1)

    def post(destination: str, *_: object, alert_id: str, **__: object) -> SlackReceipt:
        if clock() < back_at:
            tried.append(destination)
            raise LOST if len(tried) % 2 else ChannelUnavailableError("503")
        slack.posts.append((destination, alert_id))
        return SlackReceipt(destination, f"{len(slack.posts)}.0")

    def find_posted(*args: Any) -> SlackReceipt | None:  # noqa: ANN401 - the real one's
        if clock() < back_at:
            raise ChannelUnavailableError("503")
        return found(*args)

    tried: list[str] = []
    found = slack.find_posted
    slack.post, slack.find_posted = post, find_posted  # type: ignore[method-assign,assignment]
    collect.start_due(house.runtime)
    house.run_on(timedelta(hours=2))

    with house.database.reading() as connection:
        rows = connection.execute(select(AlertRow.state, AlertRow.destination)).all()
    # Four cards and two notices to the brand, each told once.
    assert sorted(row.state for row in rows) == ["sent"] * 6
    assert len(slack.posts) == len(set(slack.posts)) == 6
    # One message per room tried, less and less often; not every one that waits.
    assert all(tried.count(room) < 30 for room in ("CREVIEW", "CBRAND"))


def test_what_cannot_be_shown_fails_alone(
    house: House, slack: RecordingSlack, channel: FakeChannel, clock: StillClock
) -> None:
    channel.articles[:] = [Article(f"n{index}", f"별로 {index}", clock()) for index in range(2)]
    clock.advance(seconds=1)

    asked: list[int] = []

    def render(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
        asked.append(job.id)
        if job.id == asked[0]:
            raise KeyError("case_id")
        return slack_messages.render(runtime, job, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.alert.render", render)
        collect.start_due(house.runtime)
        house.run_on()

    with house.database.reading() as connection:
        rows = connection.execute(select(AlertRow.state, AlertRow.problem)).all()
    assert sorted(map(tuple, rows)) == [
        ("failed", "알림을 올리지 못했습니다. (cannot be shown: KeyError)"),
        ("sent", ""),
    ]


def test_without_slack_nothing_happens(house: House) -> None:
    alert_id = make_alert(house)
    house.runtime.slack = None
    alert.send(house.runtime, alert_id)
    assert row(house).state == "queued"


def test_what_is_no_alert_is_nobodys_business(house: House, slack: RecordingSlack) -> None:
    alert.send(house.runtime, 4711)
    assert slack.attempts == 0


@pytest.mark.parametrize(("ends_in_h", "is_told"), [(21, True), (23, False)])
def test_a_deadline_at_night_is_told_in_the_last_hour_before_closing(
    house: House, channel: FakeChannel, clock: StillClock, ends_in_h: int, *, is_told: bool
) -> None:
    """The channel's own clock runs on while nobody is there to hear of it."""
    channel.articles[0].deadline_at = clock() + timedelta(hours=ends_in_h)
    collect.start_due(house.runtime)
    house.run()
    # At 16:59 in Seoul all who could answer are there for an hour yet.
    clock.advance(hours=4, minutes=59)
    assert remind(house.runtime) == 0
    clock.advance(minutes=2)
    assert remind(house.runtime) == int(is_told)
    assert remind(house.runtime) == 0
