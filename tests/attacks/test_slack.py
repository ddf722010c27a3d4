"""Slack's door: forged, late and repeated requests, strangers' clicks, text that wants to ping."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from alerts.blocks import NOTE_BLOCK, NOTE_INPUT, REASON_BLOCK, REASON_INPUT, TEXT_BLOCK, ActionId
from alerts.interactions import parse_payload
from storage import people
from storage.people import Role
from tests.fakes_runtime import BRAND

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.commands.conftest import Room

ROUTE = "/slack/interactions"
TIME, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"


def site(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:8420", follow_redirects=False)


def click(room: Room, action: ActionId = ActionId.APPROVE, user: str = "U1") -> dict[str, Any]:
    """Let a customer write; give a click on the card as Slack would send it."""
    if not room.messages():
        room.write("별로예요")
    return room.slack.click(room.messages()[0]["ts"], action, user)


def test_a_request_slack_did_not_sign_is_refused(room: Room, mounted: FastAPI) -> None:
    body, headers = room.slack.sign(click(room))
    stranger = replace(room.slack, signing_secret="another app's")
    _, foreign = stranger.sign(click(room))
    signature = headers[SIGNATURE]
    forged: list[tuple[bytes, dict[str, str]]] = [
        (body, {TIME: headers[TIME]}),
        (body, {SIGNATURE: signature}),
        (body, {**headers, SIGNATURE: foreign[SIGNATURE]}),
        (body, {**headers, SIGNATURE: "v0=" + "0" * 64}),
        (body, {**headers, SIGNATURE: signature.replace("v0", "v1")}),
        (body, {**headers, SIGNATURE: ""}),
        (body, {**headers, SIGNATURE: "é"}),
        (body, {**headers, TIME: ""}),
        (body, {**headers, TIME: str(int(headers[TIME]) + 1)}),
        (body + b"&", headers),
        (body.replace(b"approve", b"reject"), headers),
        (b"", headers),
    ]
    http = site(mounted)
    for sent, with_headers in forged:
        encoded = [(name.encode(), value.encode()) for name, value in with_headers.items()]
        answer = http.post(ROUTE, content=sent, headers=encoded)
        assert (answer.status_code, answer.content) == (401, b"")

    assert room.state() == [("drafted", "")]
    assert room.slack.ephemerals == []
    assert http.post(ROUTE, content=body, headers=headers).status_code == 200
    assert room.state() == [("approved", "kim (kim)")]


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_an_old_request_or_one_from_the_future_is_refused(
    room: Room, mounted: FastAPI, minutes: int
) -> None:
    payload = click(room)
    body, headers = room.slack.sign(payload)
    room.house.clock.advance(minutes=minutes)

    assert site(mounted).post(ROUTE, content=body, headers=headers).status_code == 401
    assert room.state() == [("drafted", "")]


def test_a_request_that_is_heard_again_does_nothing(room: Room, mounted: FastAPI) -> None:
    body, headers = room.slack.sign(click(room, ActionId.EDIT))
    http = site(mounted)
    assert http.post(ROUTE, content=body, headers=headers).status_code == 200
    opened = len(room.slack.views)
    assert opened == 1
    # Written otherwise it would be another request to the memory of seen ones.
    for changed in (
        headers,
        {name.lower(): value for name, value in headers.items()},
        {**headers, SIGNATURE: headers[SIGNATURE].upper()},
        {**headers, SIGNATURE: headers[SIGNATURE] + " "},
        {**headers, TIME: "0" + headers[TIME]},
        {**headers, TIME: headers[TIME] + ".0"},
        {**headers, TIME: "+" + headers[TIME]},
    ):
        http.post(ROUTE, content=body, headers=changed)
        room.house.clock.advance(seconds=1)

    # A trigger opens one modal, however often it is heard.
    assert len(room.slack.views) == 1
    assert room.slack.calls.count("views.update") == 1
    assert room.slack.ephemerals == []
    assert room.state() == [("drafted", "")]


@pytest.mark.parametrize("user", ["U2", "U3", "U9", "U4", "U5"])
@pytest.mark.parametrize("action", list(ActionId))
def test_whoever_may_not_decide_learns_and_changes_nothing(
    room: Room, user: str, action: ActionId
) -> None:
    room.write("별로예요")
    with room.house.database.unit_of_work() as connection:
        more: dict[str, Any] = {"now": room.house.clock(), "brands": (BRAND,)}
        end = room.house.clock() - timedelta(seconds=1)
        people.add(
            connection, login="temp", name="t", role=Role.TEMPORARY, slack_user="U4",
            valid_until=end, **more,
        )  # fmt: skip
        gone = people.add(
            connection, login="gone", name="g", role=Role.LEAD, slack_user="U5", **more
        )
        people.change(connection, gone, disabled_at=end)
    payload = click(room)
    payload["user"]["id"] = user
    payload["actions"][0]["action_id"] = action
    before = room.messages()

    room.room.handle(parse_payload(payload))

    assert room.state() == [("drafted", "")]
    assert room.messages() == before
    told = json.dumps([room.slack.ephemerals, list(room.slack.views.values())], ensure_ascii=False)
    assert "답변 1" not in told
    assert "별로예요" not in told


@pytest.mark.parametrize(
    ("block", "field", "value"),
    [(TEXT_BLOCK, "text", "고쳐 쓴 답변입니다."), (REASON_BLOCK, "choice", "misread")],
)
def test_a_modal_is_submitted_only_by_who_may_decide(
    room: Room, block: str, field: str, value: str
) -> None:
    is_edit = block == TEXT_BLOCK
    payload = click(room, ActionId.EDIT if is_edit else ActionId.REJECT)
    room.room.handle(parse_payload(payload))
    (view_id,) = room.slack.views
    values: dict[str, Any] = (
        {block: {field: {"type": "plain_text_input", "value": value}}}
        if is_edit
        else {
            REASON_BLOCK: {REASON_INPUT: {"selected_option": {"value": value}}},
            NOTE_BLOCK: {NOTE_INPUT: {"type": "plain_text_input", "value": None}},
        }
    )
    for user in ("U2", "U3", "U9"):
        room.room.handle(parse_payload(room.slack.submit(view_id, values, user)))
        assert room.state() == [("drafted", "")]
    room.room.handle(parse_payload(room.slack.submit(view_id, values)))
    assert room.state() == [("approved" if is_edit else "rejected", "kim (kim)")]


PINGS = [
    "<!channel> <!here> <!subteam^S1> 별로예요",
    "<@U1> @channel @here #general 별로예요",
    "<https://evil.example|여기를 누르세요> https://evil.example 별로예요",
    "*굵게* _기울임_ `코드` ~취소~ >인용 별로예요",
    "&lt;!channel&gt; &amp; 별로예요",
    ":rotating_light: \u202e\u200b별로예요\x01",
]


@pytest.mark.parametrize("words", PINGS, ids=ascii)
def test_nothing_a_customer_writes_pings_links_or_formats(room: Room, words: str) -> None:
    room.write(words, "환불 " + words, "벌레 " + words)
    posted = [*room.messages(), *room.slack.posted("CBRAND")]
    assert len(posted) > 3

    for message in posted:
        assert message["parse"] == "none"
        off = ("unfurl_links", "unfurl_media", "mrkdwn", "link_names")
        assert [message[name] for name in off] == [False] * 4
        for kind, said in _texts(message["blocks"]):
            if kind == "mrkdwn":
                assert "evil" not in said
                assert "별로예요" not in said
            assert not re.search(r"<[!@#h]", said)
            assert not re.search(r"(?<![\u2060\w])@(?:channel|here)|https?://evil", said)
            assert "\x00" not in said
            assert "\u202e" not in said
        assert "별로예요" not in message["text"]
    assert any("별로예요" in said for m in posted for _, said in _texts(m["blocks"]))


def _texts(node: object) -> list[tuple[str, str]]:
    """Give every text object of a message: its kind and what it says."""
    if isinstance(node, dict):
        own = [(node["type"], node["text"])] if isinstance(node.get("text"), str) else []
        return own + [found for value in node.values() for found in _texts(value)]
    if isinstance(node, list):
        return [found for value in node for found in _texts(value)]
    return []


def test_no_address_in_a_request_is_called(room: Room, mounted: FastAPI) -> None:
    called: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            called.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the base class's name

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Trap) as trap:
        threading.Thread(target=trap.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{trap.server_address[1]}/metadata"
        payload = click(room, user="U9")
        payload["response_url"] = payload["response_urls"] = address
        payload["actions"][0]["url"] = payload["user"]["image"] = address
        body, headers = room.slack.sign(payload)
        assert site(mounted).post(ROUTE, content=body, headers=headers).status_code == 200
        trap.shutdown()

    assert len(room.slack.ephemerals) == 1
    assert called == []


def test_a_click_on_what_is_no_longer_so_is_refused(room: Room) -> None:
    payload = click(room)
    for value in ("1:0", "1:2", "1:999999", "2:1", "999999:1"):
        payload["actions"][0]["value"] = value
        room.room.handle(parse_payload(payload))

    assert room.state() == [("drafted", "")]
    assert len(room.slack.ephemerals) == 5


@pytest.mark.parametrize(
    "body",
    [
        b"payload=" + b"[" * 100_000,
        b"payload=" + b"x" * 300_000,
        b"payload=%7B%7D&payload=%7B%7D",
        b"payload=%00",
        b"payload=%ED%A0%80",
        b"\xff\xfe",
        b"{}",
        b"",
    ],
    ids=lambda body: f"{body[:12]!r}",
)
def test_a_signed_request_may_still_be_nonsense(room: Room, mounted: FastAPI, body: bytes) -> None:
    _, headers = room.slack.sign_body(body)

    answer = site(mounted).post(ROUTE, content=body, headers=headers)

    assert answer.status_code in {400, 401, 413}
    assert room.slack.calls == []


def test_slacks_door_opens_for_slacks_requests_only(room: Room, mounted: FastAPI) -> None:
    body, headers = room.slack.sign(click(room))
    http = site(mounted)

    assert http.get(ROUTE).status_code == 405
    assert http.post(ROUTE, content=body, headers={**headers, "host": "evil"}).status_code == 421
    json_type = {**headers, "Content-Type": "application/json"}
    assert http.post(ROUTE, content=body, headers=json_type).status_code == 415
    assert room.state() == [("drafted", "")]
