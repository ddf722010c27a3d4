from __future__ import annotations

import queue
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from slack_sdk.socket_mode.builtin.connection import ConnectionState

from alerts.blocks import CaseCard, ModalContext, case_card, edit_modal
from alerts.interactions import SlackAction, SlackDecision
from alerts.listener import SocketListener
from domain.errors import ChannelUnavailableError, CredentialRejectedError, RetryableError
from domain.types import FeedbackKind, ReplyRules, Severity
from tests.alerts.fake_slack import Clock, FakeSlack, limited, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.slack import SlackClient

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CARD = CaseCard(
    7, 3, "새벽나무", "쿠팡", FeedbackKind.REVIEW, Severity.HIGH, "깨져서 왔어요",
    "http://127.0.0.1/", draft="죄송합니다.",
)  # fmt: skip


@pytest.fixture
def received() -> queue.Queue[SlackDecision]:
    return queue.Queue()


@pytest.fixture
def listener(slack: FakeSlack, received: queue.Queue[SlackDecision]) -> Iterator[SocketListener]:
    listener = SocketListener(
        slack.app_token, received.put, slack.api_url, timeout_s=15, check_interval_s=0.2
    )
    listener.start()
    assert slack.wait_for_sockets(1)
    yield listener
    stop(listener, slack)


def stop(listener: SocketListener, slack: FakeSlack) -> None:
    # The SDK leaves its read only when something arrives or after 3 seconds.
    slack.is_down = True
    slack.close_sockets()
    listener.stop()


def click(slack: FakeSlack, client: SlackClient) -> dict[str, object]:
    return slack.click(
        client.post("CREVIEW", case_card(CARD, NOW), alert_id="1").ts, "case.approve"
    )


def test_a_click_is_answered_and_handed_over(
    slack: FakeSlack,
    client: SlackClient,
    listener: SocketListener,
    received: queue.Queue[SlackDecision],
) -> None:
    assert listener.is_connected
    envelope = slack.push(click(slack, client))
    assert slack.wait_for_ack(envelope) == {"envelope_id": envelope}
    decision = received.get(timeout=15)
    assert (decision.action, decision.case_id, decision.revision) == (SlackAction.APPROVE, 7, 3)


def test_answers_do_not_wait_for_a_stuck_database(slack: FakeSlack, client: SlackClient) -> None:
    stuck, done = threading.Event(), queue.Queue[SlackDecision]()

    def work(decision: SlackDecision) -> None:
        stuck.wait(60)
        done.put(decision)

    listener = SocketListener(slack.app_token, work, slack.api_url, timeout_s=15)
    listener.start()
    try:
        assert slack.wait_for_sockets(1)
        payload = click(slack, client)
        envelopes = [slack.push(payload) for _ in range(30)]
        assert all(slack.wait_for_ack(envelope) is not None for envelope in envelopes)
        assert done.empty()
        stuck.set()
        for _ in envelopes:
            assert done.get(timeout=15).case_id == 7
    finally:
        stuck.set()
        stop(listener, slack)


def test_a_wrong_length_is_answered_in_the_modal_and_decides_nothing(
    slack: FakeSlack, listener: SocketListener, received: queue.Queue[SlackDecision]
) -> None:
    context = ModalContext(7, 3, "CREVIEW", "1700000000.000001")
    view = edit_modal("", ReplyRules(max_length=3), context, "http://127.0.0.1/")
    slack.views["V1"] = {**view, "id": "V1", "hash": "h"}
    values = {"reply": {"text": {"type": "plain_text_input", "value": "너무 긴 답변"}}}
    envelope = slack.push(slack.submit("V1", values))
    ack = slack.wait_for_ack(envelope)
    assert ack is not None
    assert ack["payload"]["response_action"] == "errors"
    assert received.empty()


def test_what_we_do_not_understand_is_answered_and_dropped(
    slack: FakeSlack,
    client: SlackClient,
    listener: SocketListener,
    received: queue.Queue[SlackDecision],
) -> None:
    for payload, kind in (({"type": "nonsense"}, "interactive"), ({"event": {}}, "events_api")):
        envelope = slack.push(payload, kind)
        assert slack.wait_for_ack(envelope) is not None
    slack.push(click(slack, client))
    assert received.get(timeout=15).case_id == 7
    assert received.empty()


def test_work_that_fails_does_not_stop_the_next_click(
    slack: FakeSlack, client: SlackClient
) -> None:
    done = queue.Queue[SlackDecision]()
    failures = [RuntimeError("database is gone")]

    def work(decision: SlackDecision) -> None:
        if failures:
            raise failures.pop()
        done.put(decision)

    listener = SocketListener(slack.app_token, work, slack.api_url, timeout_s=15)
    listener.start()
    try:
        assert slack.wait_for_sockets(1)
        payload = click(slack, client)
        assert slack.wait_for_ack(slack.push(payload)) is not None
        assert slack.wait_for_ack(slack.push(payload)) is not None
        assert done.get(timeout=15).case_id == 7
    finally:
        stop(listener, slack)


@pytest.mark.parametrize("how", ["ask_to_reconnect", "close_sockets"])
def test_the_connection_is_replaced_when_slack_asks_or_closes(
    slack: FakeSlack,
    client: SlackClient,
    listener: SocketListener,
    received: queue.Queue[SlackDecision],
    how: str,
) -> None:
    getattr(slack, how)()
    assert slack.wait_for_sockets(2)
    payload = click(slack, client)
    # The old and the new connection overlap; whoever clicks into the gap clicks again.
    assert any(slack.wait_for_ack(slack.push(payload)) is not None for _ in range(3))
    assert received.get(timeout=15).case_id == 7


def test_an_unreachable_or_unwilling_slack_is_said_at_start(slack: FakeSlack, clock: Clock) -> None:
    listener = SocketListener(slack.app_token, print, slack.api_url, timeout_s=15)
    slack.is_down = True
    with pytest.raises(ChannelUnavailableError):
        listener.start()
    slack.is_down = False
    slack.script("apps.connections.open", says("service_unavailable"), limited())
    for _ in range(2):
        with pytest.raises(RetryableError):
            listener.start()
    assert is_connected(listener) is False
    clock.advance(30)
    listener.start()
    listener.start()
    assert is_connected(listener) is True
    stop(listener, slack)
    listener.stop()
    assert is_connected(listener) is False


class LateState(ConnectionState):
    """A connection whose receiving thread begins only once somebody wants to end it."""

    def __init__(self) -> None:
        self.is_ending = threading.Event()
        self.terminated = False

    def __setattr__(self, name: str, value: object) -> None:
        if name == "terminated" and value is True:
            super().__setattr__(name, value)
            self.is_ending.set()
            return
        if name == "terminated" and hasattr(self, name):
            assert self.is_ending.wait(60)
        super().__setattr__(name, value)


def test_a_stop_at_the_moment_of_connecting_ends_what_receives(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slack_sdk.socket_mode.builtin.client.ConnectionState", LateState)
    listener = SocketListener(slack.app_token, print, slack.api_url, timeout_s=15)
    before = set(threading.enumerate())
    listener.start()
    begun = [thread for thread in threading.enumerate() if thread not in before]
    sdk = [thread for thread in begun if "(_run)" in thread.name]
    assert len(sdk) == 3
    stop(listener, slack)
    assert not any(thread.is_alive() for thread in sdk)


def is_connected(listener: SocketListener) -> bool:
    return listener.is_connected


def test_a_refused_app_token_is_said_at_start(slack: FakeSlack) -> None:
    listener = SocketListener("xapp-wrong", print, slack.api_url, timeout_s=15)
    with pytest.raises(CredentialRejectedError):
        listener.start()
