from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from alerts.blocks import ModalContext, SlackMessage, edit_modal, loading_modal, notice
from alerts.slack import (
    LONGEST_PAUSE_S,
    POST_INTERVAL,
    ModalReceipt,
    SlackClient,
    SlackReceipt,
)
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PermanentError,
    RateLimitedError,
    ReputationError,
)
from domain.types import ReplyRules
from tests.alerts.fake_slack import CUT_BEFORE, LOST_ANSWER, Trouble, http, limited, says

if TYPE_CHECKING:
    from tests.alerts.fake_slack import Clock, FakeSlack

MESSAGE = notice("새 케이스가 있습니다.")


def since(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)


def test_a_post_is_stored_once_with_its_metadata_and_nothing_is_parsed_or_unfurled(
    slack: FakeSlack, client: SlackClient
) -> None:
    receipt = client.post("CREVIEW", MESSAGE, alert_id="41")
    (stored,) = slack.posted("CREVIEW")
    assert receipt == SlackReceipt("CREVIEW", stored["ts"])
    assert stored["metadata"] == {
        "event_type": "pyeongpan_alert", "event_payload": {"alert_id": "41"},
    }  # fmt: skip
    off = [stored[name] for name in ("unfurl_links", "unfurl_media", "mrkdwn", "link_names")]
    assert off == [False] * 4
    assert stored["parse"] == "none"


def test_a_lost_answer_is_unknown_is_not_repeated_and_can_be_found(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    started = since(clock)
    slack.script("chat.postMessage", LOST_ANSWER)
    with pytest.raises(OutcomeUnknownError):
        client.post("CREVIEW", MESSAGE, alert_id="41")
    assert slack.calls == ["chat.postMessage"]
    found = client.find_posted("CREVIEW", "41", started)
    assert found == SlackReceipt("CREVIEW", slack.posted("CREVIEW")[0]["ts"])


def test_a_connection_cut_before_anything_happened_is_unknown_and_not_found(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    slack.script("chat.postMessage", CUT_BEFORE)
    with pytest.raises(OutcomeUnknownError):
        client.post("CREVIEW", MESSAGE, alert_id="41")
    assert client.find_posted("CREVIEW", "41", since(clock)) is None


def test_a_refused_connection_means_nothing_was_sent(slack: FakeSlack) -> None:
    client = SlackClient("xoxb-test", "http://127.0.0.1:1/api/", timeout_s=2)
    with pytest.raises(ChannelUnavailableError):
        client.post("CREVIEW", MESSAGE, alert_id="41")
    with pytest.raises(ChannelUnavailableError):
        client.find_posted("CREVIEW", "41", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_message_is_found_among_many_pages_by_its_own_id_only(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    slack.history_page = 2
    started = since(clock)
    receipts = {}
    for number in range(7):
        receipts[str(number)] = client.post("CREVIEW", MESSAGE, alert_id=str(number))
        clock.advance(1)
    assert client.find_posted("CREVIEW", "0", started) == receipts["0"]
    assert client.find_posted("CREVIEW", "00", started) is None


def test_a_message_whose_metadata_slack_empties_is_still_found(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    slack.empties_metadata = True
    receipt = client.post("CREVIEW", MESSAGE, alert_id="41")
    assert client.find_posted("CREVIEW", "41", since(clock)) == receipt
    assert client.find_posted("CREVIEW", "4", since(clock)) is None


def test_history_begins_a_margin_before_the_post(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    receipt = client.post("CREVIEW", MESSAGE, alert_id="41")
    ahead = since(clock)
    assert client.find_posted("CREVIEW", "41", ahead + timedelta(minutes=4)) == receipt
    assert client.find_posted("CREVIEW", "41", ahead + timedelta(minutes=6)) is None


def test_a_reply_in_a_thread_is_found_in_its_thread(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    started = since(clock)
    parent = client.post("CREVIEW", MESSAGE, alert_id="burst")
    clock.advance(1)
    reply = client.post("CREVIEW", MESSAGE, alert_id="41", thread_ts=parent.ts)
    assert client.find_posted("CREVIEW", "41", started) is None
    assert client.find_posted("CREVIEW", "41", started, parent.ts) == reply
    # Posted while nobody knew yet that its thread stands.
    clock.advance(1)
    alone = client.post("CREVIEW", MESSAGE, alert_id="42")
    assert client.find_posted("CREVIEW", "42", started, parent.ts) == alone


def test_without_the_history_scope_a_lost_answer_is_for_a_person(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    slack.scopes = {"chat:write"}
    with pytest.raises(CredentialRejectedError, match="channels:history") as caught:
        client.find_posted("CREVIEW", "41", since(clock))
    assert caught.value.reason == "permission"


def test_history_that_cannot_be_read_completely_is_not_absence(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    unfinished = b'{"ok": true, "messages": [], "has_more": true, "response_metadata": {}}'
    json_type = {"Content-Type": "application/json"}
    slack.script(
        "conversations.history", http(200, unfinished, json_type), CUT_BEFORE, http(503), limited()
    )
    for expected in (ChannelUnavailableError,) * 3 + (RateLimitedError,):
        with pytest.raises(expected):
            client.find_posted("CREVIEW", "41", since(clock))


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (limited("30"), RateLimitedError),
        (says("ratelimited"), RateLimitedError),
        (says("service_unavailable"), ChannelUnavailableError),
        (says("message_limit_exceeded"), ChannelUnavailableError),
        (says("fatal_error"), OutcomeUnknownError),
        (says("internal_error"), OutcomeUnknownError),
        (http(503), OutcomeUnknownError),
        (http(200, b'{"ok": tr'), OutcomeUnknownError),
        (http(200, b'{"ok": true}', {"Content-Length": "90"}), OutcomeUnknownError),
        (http(200, b"[]"), OutcomeUnknownError),
        (http(200, b"[1]"), OutcomeUnknownError),
        (http(200, b"\xff\xfe"), OutcomeUnknownError),
        (http(200, b'{"ok": true}'), OutcomeUnknownError),
        (http(403), PermanentError),
        (says("token_revoked"), CredentialRejectedError),
        (says("missing_scope", needed="chat:write"), CredentialRejectedError),
        *((says(code), CredentialRejectedError) for code in ("invalid_auth", "token_expired")),
        *((says(code), CredentialRejectedError) for code in ("not_authed", "account_inactive")),
        *((says(code), ConfigurationError) for code in ("access_denied", "no_permission")),
        (says("ekm_access_denied"), ConfigurationError),
        (says("channel_not_found"), ConfigurationError),
        (says("is_archived"), ConfigurationError),
        (says("invalid_blocks"), BadInputError),
        (says("something_new"), PermanentError),
    ],
)
def test_each_failure_of_a_post_becomes_the_documented_error(
    slack: FakeSlack, client: SlackClient, trouble: Trouble, expected: type[ReputationError]
) -> None:
    slack.script("chat.postMessage", trouble)
    with pytest.raises(ReputationError) as caught:
        client.post("CREVIEW", MESSAGE, alert_id="41")
    assert type(caught.value) is expected
    assert slack.calls == ["chat.postMessage"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("soon", None),
        ("", None),
        ("315360000", LONGEST_PAUSE_S),
        pytest.param("9" * 400, LONGEST_PAUSE_S, id="more than a float"),
    ],
)
def test_retry_after_is_slacks_own_number_an_hour_at_most_or_nothing(
    slack: FakeSlack, client: SlackClient, header: str, seconds: float | None
) -> None:
    slack.script("chat.postMessage", limited(header))
    with pytest.raises(RateLimitedError) as caught:
        client.post("CREVIEW", MESSAGE, alert_id="41")
    assert caught.value.retry_after_s == seconds


def test_the_fake_refuses_a_second_post_within_a_second(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    client.post("CREVIEW", MESSAGE, alert_id="1")
    with pytest.raises(RateLimitedError):
        client.post("CREVIEW", MESSAGE, alert_id="2")
    client.post("CBRAND", MESSAGE, alert_id="2")
    clock.advance(1)
    client.post("CREVIEW", MESSAGE, alert_id="2")


def test_a_paced_storm_of_lost_answers_and_429s_is_told_once_each_and_never_too_fast(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    slack.script("chat.postMessage", LOST_ANSWER, CUT_BEFORE, limited("7"), says("internal_error"))
    waiting = [str(number) for number in range(40)]
    while waiting:
        alert_id = waiting.pop(0)
        clock.advance(POST_INTERVAL.total_seconds())
        started = since(clock)
        try:
            client.post("CREVIEW", MESSAGE, alert_id=alert_id)
        except RateLimitedError as error:
            clock.advance(error.retry_after_s or 1)
            waiting.append(alert_id)
        except OutcomeUnknownError:
            clock.advance(client.timeout_s)
            if client.find_posted("CREVIEW", alert_id, started) is None:
                waiting.append(alert_id)
    stored = slack.posted("CREVIEW")
    told = sorted(int(message["metadata"]["event_payload"]["alert_id"]) for message in stored)
    assert told == list(range(40))
    assert slack.refusals == []


def test_an_update_replaces_the_message_and_keeps_its_metadata(
    slack: FakeSlack, client: SlackClient
) -> None:
    receipt = client.post("CREVIEW", MESSAGE, alert_id="41")
    client.update(receipt, notice("승인됨"))
    (stored,) = slack.posted("CREVIEW")
    assert stored["text"] == "승인됨"
    assert stored["metadata"]["event_payload"] == {"alert_id": "41"}


def test_a_lost_answer_to_an_update_is_only_a_reason_to_repeat(
    slack: FakeSlack, client: SlackClient
) -> None:
    receipt = client.post("CREVIEW", MESSAGE, alert_id="41")
    slack.script("chat.update", LOST_ANSWER, http(502), says("internal_error"))
    for _ in range(3):
        with pytest.raises(ChannelUnavailableError):
            client.update(receipt, notice("승인됨"))
    client.update(receipt, notice("승인됨"))
    with pytest.raises(PermanentError, match="message_not_found"):
        client.update(SlackReceipt("CREVIEW", "1.000001"), MESSAGE)


def test_a_modal_opens_once_per_trigger_and_is_filled_afterwards(
    slack: FakeSlack, client: SlackClient, clock: Clock
) -> None:
    receipt = client.post("CREVIEW", button_message(), alert_id="41")
    trigger = slack.click(receipt.ts, "case.edit")["trigger_id"]
    modal = client.open_modal(trigger, loading_modal())
    context = ModalContext(7, 3, receipt.channel, receipt.ts)
    view = edit_modal("안녕하세요.", ReplyRules(), context, "http://127.0.0.1/")
    filled = client.update_modal(modal, view)
    assert slack.views[filled.view_id]["callback_id"] == "case.edit.submit"
    with pytest.raises(PermanentError, match="hash_conflict"):
        client.update_modal(modal, view)
    with pytest.raises(PermanentError, match="invalid_trigger_id"):
        client.open_modal(trigger, loading_modal())
    late = slack.click(receipt.ts, "case.edit")["trigger_id"]
    clock.advance(4)
    with pytest.raises(PermanentError, match="expired_trigger_id"):
        client.open_modal(late, loading_modal())
    with pytest.raises(PermanentError):
        client.update_modal(ModalReceipt("V404", "h"), loading_modal())


def test_an_ephemeral_answer_reaches_one_person(slack: FakeSlack, client: SlackClient) -> None:
    client.reply_ephemeral("CREVIEW", "U1", notice("이미 결정된 케이스입니다."))
    (said,) = slack.ephemerals
    assert (said["user"], said["text"]) == ("U1", "이미 결정된 케이스입니다.")


def test_the_doctor_learns_which_scopes_are_missing(slack: FakeSlack, client: SlackClient) -> None:
    identity = client.identify()
    assert identity.team_id == "T1"
    assert identity.missing_scopes == ("groups:history",)
    slack.scopes = {"chat:write"}
    assert client.identify().missing_scopes == ("channels:history", "groups:history")
    with pytest.raises(CredentialRejectedError):
        SlackClient("xoxb-wrong", slack.api_url).identify()


def test_neither_text_nor_token_reaches_a_log(
    slack: FakeSlack, client: SlackClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.script("chat.postMessage", http(500, "비밀".encode()))
    with pytest.raises(OutcomeUnknownError) as caught:
        client.post("CREVIEW", notice("비밀"), alert_id="41")
    assert "비밀" not in caplog.text + str(caught.value)
    assert slack.bot_token not in caplog.text


def button_message() -> SlackMessage:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "수정", "emoji": False},
        "action_id": "case.edit",
        "value": "7:3",
    }
    return SlackMessage("케이스", ({"type": "actions", "elements": [button]},))
