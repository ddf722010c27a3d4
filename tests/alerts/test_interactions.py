from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.blocks import (
    CaseCard,
    ModalContext,
    brand_alert,
    case_card,
    edit_modal,
    loading_modal,
    reject_modal,
)
from alerts.interactions import (
    MAX_BODY_BYTES,
    Container,
    SlackAction,
    SlackDecision,
    acknowledgement,
    parse_body,
    parse_payload,
    replay_key,
    verify_signature,
)
from domain.errors import BadInputError
from domain.types import FeedbackKind, LengthUnit, ReplyRules, Severity

if TYPE_CHECKING:
    from alerts.slack import SlackClient, SlackReceipt
    from tests.alerts.fake_slack import FakeSlack

# The vendor's documentation example: public dummy values.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TIMESTAMP = "1531420618"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
NOW = datetime.fromtimestamp(int(TIMESTAMP), UTC)
CARD = CaseCard(
    7, 3, "새벽나무", "쿠팡", FeedbackKind.REVIEW, Severity.HIGH, "깨져서 왔어요",
    "http://127.0.0.1/", draft="죄송합니다.",
)  # fmt: skip


def post_card(client: SlackClient) -> SlackReceipt:
    return client.post("CREVIEW", case_card(CARD, NOW), alert_id="41")


def submission(slack: FakeSlack, view: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    slack.views["V1"] = {**view, "id": "V1", "hash": "h"}
    return slack.submit("V1", values)


def edited(text: str | None) -> dict[str, Any]:
    return {"reply": {"text": {"type": "plain_text_input", "value": text}}}


def rejected(reason: str, note: str | None) -> dict[str, Any]:
    return {
        "reason": {"choice": {"type": "static_select", "selected_option": {"value": reason}}},
        "note": {"text": {"type": "plain_text_input", "value": note}},
    }


CONTEXT = ModalContext(7, 3, "CREVIEW", "1700000000.000001")
EDIT = edit_modal(
    "죄송합니다.", ReplyRules(max_length=20, min_length=5), CONTEXT, "http://127.0.0.1/"
)


def test_the_vendors_signature_example_passes() -> None:
    assert verify_signature(SECRET, TIMESTAMP, BODY, SIGNATURE, NOW)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-301, False), (-300, True), (300, True), (301, False)]
)
def test_a_request_outside_five_minutes_is_refused(seconds: int, expected: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    assert verify_signature(SECRET, TIMESTAMP, BODY, SIGNATURE, now) is expected


@pytest.mark.parametrize(
    ("timestamp", "body", "signature"),
    [
        (TIMESTAMP, BODY + b"x", SIGNATURE),
        (TIMESTAMP, b"\xff", SIGNATURE),
        (TIMESTAMP, BODY, SIGNATURE.replace("a", "b")),
        (TIMESTAMP, BODY, SIGNATURE + "é"),
        (TIMESTAMP, BODY, ""),
        ("", BODY, SIGNATURE),
        ("now", BODY, SIGNATURE),
        (" 1531420618", BODY, SIGNATURE),
        ("١٥٣١٤٢٠٦١٨", BODY, SIGNATURE),
        ("9" * 5000, BODY, SIGNATURE),
    ],
)
def test_a_changed_or_malformed_request_is_refused(
    timestamp: str, body: bytes, signature: str
) -> None:
    assert not verify_signature(SECRET, timestamp, body, signature, NOW)


def test_another_apps_secret_is_refused() -> None:
    assert not verify_signature("other", TIMESTAMP, BODY, SIGNATURE, NOW)


def test_a_replay_has_the_same_key_and_a_new_signature_another() -> None:
    assert replay_key(TIMESTAMP, SIGNATURE) == replay_key(TIMESTAMP, SIGNATURE)
    assert replay_key(TIMESTAMP, SIGNATURE) != replay_key("1531420619", SIGNATURE)


@pytest.mark.parametrize("action", ["approve", "edit", "reject"])
def test_a_click_on_a_card_says_who_did_what_to_which_revision(
    slack: FakeSlack, client: SlackClient, action: str
) -> None:
    receipt = post_card(client)
    payload = slack.click(receipt.ts, f"case.{action}", "U7KIM")
    body, headers = slack.sign(payload)
    assert verify_signature(
        slack.signing_secret, headers["X-Slack-Request-Timestamp"], body,
        headers["X-Slack-Signature"], datetime.fromtimestamp(slack.clock(), UTC),
    )  # fmt: skip
    assert parse_body(body) == SlackDecision(
        SlackAction(action), 7, 3, "U7KIM", "T1", payload["trigger_id"],
        container=Container("CREVIEW", receipt.ts),
    )  # fmt: skip
    assert parse_payload(payload) == parse_body(body)


def test_a_link_and_a_read_receipt_are_understood(slack: FakeSlack, client: SlackClient) -> None:
    receipt = client.post(
        "CBRAND",
        brand_alert(CARD, NOW, done="초안", to_decide="없음", wants_receipt=True),
        alert_id="42",
    )
    read = parse_payload(slack.click(receipt.ts, "alert.read"))
    assert (read.action, read.case_id, read.container.message_ts) == (
        SlackAction.READ, 7, receipt.ts,
    )  # fmt: skip
    link = parse_payload(slack.click(receipt.ts, "case.open"))
    assert (link.action, link.case_id) == (SlackAction.OPEN, 0)


def test_an_edited_reply_comes_back_as_it_was_typed(slack: FakeSlack) -> None:
    decision = parse_payload(submission(slack, EDIT, edited(" A & B <죄송합니다>\n ")))
    assert decision.action is SlackAction.SUBMIT_EDIT
    assert (decision.case_id, decision.revision) == (7, 3)
    assert decision.text == "A & B <죄송합니다>"
    assert decision.container == Container("CREVIEW", "1700000000.000001")
    assert acknowledgement(decision) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [("가" * 21, "1자 깁니다"), ("짧", "너무 짧습니다"), (None, "너무 짧습니다")],
)
def test_a_reply_of_a_wrong_length_is_answered_in_the_modal(
    slack: FakeSlack, text: str | None, problem: str
) -> None:
    decision = parse_payload(submission(slack, EDIT, edited(text)))
    answer = acknowledgement(decision)
    assert answer is not None
    assert answer["response_action"] == "errors"
    assert problem in answer["errors"]["reply"]


def test_a_channel_that_counts_bytes_is_checked_in_its_encoding(slack: FakeSlack) -> None:
    rules = ReplyRules(max_length=10, unit=LengthUnit.BYTES, encoding="euc-kr")
    view = edit_modal("", rules, CONTEXT, "http://127.0.0.1/")
    assert not parse_payload(submission(slack, view, edited("가나다라마"))).errors
    assert parse_payload(submission(slack, view, edited("가나다라마바"))).errors


def test_a_rejection_has_a_reason_and_other_needs_words(slack: FakeSlack) -> None:
    view = reject_modal(CONTEXT)
    decision = parse_payload(submission(slack, view, rejected("facts", None)))
    assert (decision.action, decision.reason, decision.text) == (
        SlackAction.SUBMIT_REJECT, "facts", "",
    )  # fmt: skip
    unsaid = parse_payload(submission(slack, view, rejected("other", "  ")))
    assert "note" in unsaid.errors
    said = parse_payload(submission(slack, view, rejected("other", "다른 주문 이야기")))
    assert (said.errors, said.text) == ({}, "다른 주문 이야기")


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"type": "view_closed"},
        {"type": ["block_actions"]},
        {"type": "block_actions"},
        {"type": "block_actions", "actions": [{}, {}]},
        {"type": "view_submission", "view": {"state": {"values": {}}}},
    ],
)
def test_what_is_not_an_interaction_of_ours_is_refused(payload: object) -> None:
    with pytest.raises(BadInputError):
        parse_payload(payload)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("actions", 0, "value"), "7:3; DROP"),
        (("actions", 0, "value"), "7:3:"),
        (("actions", 0, "value"), "7:3:9223372036854775808"),
        (("actions", 0, "value"), "7:3:1:1"),
        (("actions", 0, "value"), "7:-3"),
        (("actions", 0, "value"), "7:9223372036854775808"),
        (("actions", 0, "value"), "７:３"),
        (("actions", 0, "value"), None),
        (("actions", 0, "action_id"), "case.delete"),
        (("actions", 0, "action_id"), ["case.approve"]),
        (("user", "id"), "U1\n"),
        (("user", "id"), "<@U1>"),
        (("user",), "U1"),
        (("team", "id"), ""),
        (("container", "channel_id"), "../C1"),
        (("container", "message_ts"), "1e9"),
        (("trigger_id",), "a b"),
    ],
)
def test_a_hostile_field_is_refused_by_name(
    slack: FakeSlack, client: SlackClient, place: tuple[Any, ...], value: object
) -> None:
    payload = slack.click(post_card(client).ts, "case.approve")
    node: Any = payload
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    with pytest.raises(BadInputError) as caught:
        parse_payload(payload)
    assert caught.value.field


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"payload=",
        b"payload={",
        b"payload=" + b"[" * 100_000,
        b"payload={}&payload={}",
        b"other={}",
        b"&".join(b"a=1" for _ in range(50)),
        b"payload=" + b"x" * MAX_BODY_BYTES,
        urlencode({"payload": '{"type": ' + "9" * 5000 + "}"}).encode(),
    ],
)
def test_a_hostile_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadInputError):
        parse_body(body)


def test_a_modal_of_ours_without_input_is_refused_politely(slack: FakeSlack) -> None:
    with pytest.raises(BadInputError):
        parse_payload(submission(slack, loading_modal(), {}))


@pytest.mark.parametrize(
    "metadata",
    [
        "", "{", "[]", "{}", '{"case":7,"revision":3}', '{"case":true,"revision":3,"rules":1}',
        '{"case":7,"revision":3,"rules":[1,20,"characters","no-such-code"]}',
    ],
)  # fmt: skip
def test_broken_modal_metadata_is_refused(slack: FakeSlack, metadata: str) -> None:
    view = {**EDIT, "private_metadata": metadata}
    with pytest.raises(BadInputError):
        parse_payload(submission(slack, view, edited("괜찮은 답변")))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
)
names = st.sampled_from(
    ["type", "actions", "user", "team", "view", "container", "trigger_id", "id", "state", "values"]
)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.dictionaries(names, json_values | st.dictionaries(names, json_values)),
    st.sampled_from(["block_actions", "view_submission", "other"]),
)
def test_any_payload_is_parsed_or_refused(facts: dict[str, Any], kind: str) -> None:
    with contextlib.suppress(BadInputError):
        parse_payload({**facts, "type": kind})
