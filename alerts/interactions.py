"""Clicks and submissions coming back from Slack, over signed HTTP or Socket Mode.

A payload is parsed into a ``SlackDecision``; who the Slack user is and what the person may do is
looked up by the caller on each click. Source:
https://docs.slack.dev/reference/interaction-payloads. Checked: 2026-11-21.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from slack_sdk.signature import Clock, SignatureVerifier

from alerts.blocks import (
    EDIT_CALLBACK,
    NOTE_BLOCK,
    NOTE_INPUT,
    OTHER_REASON,
    REASON_BLOCK,
    REASON_INPUT,
    REJECT_CALLBACK,
    REJECT_REASONS,
    TEXT_BLOCK,
    TEXT_INPUT,
    ActionId,
    reply_problem,
)
from domain.errors import BadInputError
from domain.types import LengthUnit, ReplyRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAX_BODY_BYTES = 1_000_000
_MAX_ID = 2**63 - 1
_MAX_NOTE = 3000

_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
_TEAM_ID = re.compile(r"[TE][A-Z0-9]{1,30}")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{1,30}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,6}")
_TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,200}")
_VALUE = re.compile(r"([0-9]{1,19}):([0-9]{1,19})(?::([0-9]{1,19}))?")


class SlackAction(StrEnum):
    """What a person did in Slack."""

    APPROVE = "approve"
    EDIT = "edit"
    """Wants the edit modal."""
    REJECT = "reject"
    """Wants the reject modal."""
    CONFIRM = "confirm"
    """Approves a confirmation (확인 처리)."""
    SHOW = "show"
    """Wants a case's card in the burst thread."""
    READ = "read"
    """Confirms having read an alert."""
    OPEN = "open"
    """Followed a link to the console: nothing to do."""
    SUBMIT_EDIT = "submit_edit"
    SUBMIT_REJECT = "submit_reject"


@dataclass(frozen=True, slots=True)
class Container:
    """The message an interaction belongs to; empty where there is none."""

    channel_id: str = ""
    message_ts: str = ""
    thread_ts: str = ""


@dataclass(frozen=True, slots=True)
class SlackDecision:
    """One click or submission.

    Attributes:
        case_id: 0 for ``OPEN``, which carries no case.
        revision: The revision that was on the card.
        proposal: The proposal whose words were on the card; 0 for the draft's own, and for a
            submission, which brings its words along.
        trigger_id: For opening a modal within 3 seconds; works once.
        text: The rewritten reply (``SUBMIT_EDIT``) or the note (``SUBMIT_REJECT``).
        reason: Key of ``REJECT_REASONS`` (``SUBMIT_REJECT``).
        errors: Block id to Korean message when what was typed cannot be accepted: nothing was
            decided, and ``acknowledgement`` shows it in the modal.
    """

    action: SlackAction
    case_id: int
    revision: int
    slack_user_id: str
    team_id: str
    trigger_id: str = ""
    proposal: int = 0
    text: str = ""
    reason: str = ""
    container: Container = Container()
    errors: Mapping[str, str] = field(default_factory=dict)


_CLICKS: Mapping[str, SlackAction] = {
    ActionId.APPROVE: SlackAction.APPROVE,
    ActionId.EDIT: SlackAction.EDIT,
    ActionId.REJECT: SlackAction.REJECT,
    ActionId.CONFIRM: SlackAction.CONFIRM,
    ActionId.SHOW: SlackAction.SHOW,
    ActionId.READ: SlackAction.READ,
    ActionId.OPEN: SlackAction.OPEN,
}


def verify_signature(
    secret: str, timestamp: str, body: bytes, signature: str, now: datetime
) -> bool:
    """Tell whether Slack signed this request within the last 5 minutes.

    Args:
        secret: The app's signing secret.
        timestamp: Header ``X-Slack-Request-Timestamp``.
        body: The request's body as it came, before any parsing.
        signature: Header ``X-Slack-Signature``.
        now: Present.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack.
    """
    # The SDK takes whatever int() takes and stumbles over what is not ASCII.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if not signature.isascii():
        return False
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return SignatureVerifier(secret, _FixedClock(now)).is_valid(text, timestamp, signature)


def replay_key(timestamp: str, signature: str) -> str:
    """Name a signed request: one that was seen before is a replay.

    The caller keeps it, with a unique constraint, for longer than the ten minutes in which a
    signature counts: five before and after its timestamp. A repetition by Slack itself is signed
    anew; the case's revision guards against that one.
    """
    return hashlib.sha256(f"{timestamp}:{signature}".encode()).hexdigest()


def parse_body(body: bytes) -> SlackDecision:
    """Parse the body of a signed HTTP request (``payload=<json>``).

    Raises:
        BadInputError: It is not an interaction with a message of ours.
    """
    if len(body) > MAX_BODY_BYTES:
        raise _bad("body", f"larger than {MAX_BODY_BYTES} bytes")
    try:
        form = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=10)
        (payload,) = form["payload"]
        parsed = json.loads(payload)
    except (ValueError, KeyError, RecursionError):
        raise _bad("body", "not a form with one JSON payload") from None
    return parse_payload(parsed)


def parse_payload(payload: object) -> SlackDecision:
    """Parse an interaction's payload (Socket Mode gives it as JSON already).

    Raises:
        BadInputError: It is malformed, or not an interaction with a message of ours.
    """
    facts = _mapping(payload, "payload")
    kind = facts.get("type")
    if kind == "block_actions":
        return _parse_click(facts)
    if kind == "view_submission":
        return _parse_submission(facts)
    raise _bad("type", "neither block_actions nor view_submission")


def acknowledgement(decision: SlackDecision) -> dict[str, Any] | None:
    """Give what to answer Slack at once: errors for the modal, or None for an empty 200."""
    if decision.errors:
        return {"response_action": "errors", "errors": dict(decision.errors)}
    return None


class _FixedClock(Clock):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> float:
        return self._now.timestamp()


def _parse_click(facts: Mapping[str, Any]) -> SlackDecision:
    actions = facts.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        raise _bad("actions", "expected one action")
    clicked = _mapping(actions[0], "actions")
    action_id = clicked.get("action_id")
    if not isinstance(action_id, str) or action_id not in _CLICKS:
        raise _bad("action_id", "not a button of ours")
    action = _CLICKS[action_id]
    case_id, revision, proposal = 0, 0, 0
    if action is not SlackAction.OPEN:
        case_id, revision, proposal = _case(clicked.get("value"))
    container = _mapping(facts.get("container", {}), "container")
    user_id, team_id = _person(facts)
    return SlackDecision(
        action=action,
        case_id=case_id,
        revision=revision,
        slack_user_id=user_id,
        team_id=team_id,
        trigger_id=_matched(_TRIGGER, facts.get("trigger_id"), "trigger_id", or_empty=True),
        proposal=proposal,
        container=Container(
            _matched(_CHANNEL_ID, container.get("channel_id"), "channel_id", or_empty=True),
            _matched(_TS, container.get("message_ts"), "message_ts", or_empty=True),
            _matched(_TS, container.get("thread_ts"), "thread_ts", or_empty=True),
        ),
    )


def _parse_submission(facts: Mapping[str, Any]) -> SlackDecision:
    view = _mapping(facts.get("view"), "view")
    values = _mapping(_mapping(view.get("state"), "state").get("values"), "values")
    context = _context(view.get("private_metadata"))
    callback = view.get("callback_id")
    text, reason, errors = "", "", {}
    if callback == EDIT_CALLBACK:
        action = SlackAction.SUBMIT_EDIT
        text = _typed(values, TEXT_BLOCK, TEXT_INPUT)
        problem = reply_problem(text, _rules(context.get("rules")))
        errors = {TEXT_BLOCK: problem} if problem else {}
    elif callback == REJECT_CALLBACK:
        action = SlackAction.SUBMIT_REJECT
        text = _typed(values, NOTE_BLOCK, NOTE_INPUT)
        reason = _chosen(values)
        if reason == OTHER_REASON and not text:
            errors = {NOTE_BLOCK: "‘기타’를 고르셨으면 내용을 적어 주세요."}
    else:
        raise _bad("callback_id", "not a modal of ours")
    user_id, team_id = _person(facts)
    return SlackDecision(
        action=action,
        case_id=_whole(context.get("case"), "case"),
        revision=_whole(context.get("revision"), "revision"),
        slack_user_id=user_id,
        team_id=team_id,
        trigger_id=_matched(_TRIGGER, facts.get("trigger_id"), "trigger_id", or_empty=True),
        text=text,
        reason=reason,
        container=Container(
            _matched(_CHANNEL_ID, context.get("channel"), "channel", or_empty=True),
            _matched(_TS, context.get("ts"), "ts", or_empty=True),
        ),
        errors=errors,
    )


def _person(facts: Mapping[str, Any]) -> tuple[str, str]:
    user = _mapping(facts.get("user"), "user")
    # ``team`` is null where the app is installed for a whole organisation.
    team = facts.get("team") or facts.get("enterprise")
    return (
        _matched(_USER_ID, user.get("id"), "user"),
        _matched(_TEAM_ID, _mapping(team, "team").get("id"), "team"),
    )


def _case(value: object) -> tuple[int, int, int]:
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _bad("value", "not CASE:REVISION or CASE:REVISION:PROPOSAL")
    return (
        _whole(int(found[1]), "case"),
        _whole(int(found[2]), "revision"),
        _whole(int(found[3] or 0), "proposal"),
    )


def _context(metadata: object) -> Mapping[str, Any]:
    if not isinstance(metadata, str):
        raise _bad("private_metadata", "missing")
    try:
        return _mapping(json.loads(metadata), "private_metadata")
    except (ValueError, RecursionError):
        raise _bad("private_metadata", "not JSON") from None


def _rules(value: object) -> ReplyRules:
    match value:
        case [int(least), int(most), str(unit), str(encoding)] if unit in list(LengthUnit):
            try:
                "".encode(encoding)
            except LookupError:
                raise _bad("rules", "unknown encoding") from None
            return ReplyRules(
                min_length=least, max_length=most, unit=LengthUnit(unit), encoding=encoding
            )
    raise _bad("rules", "not a length rule")


def _typed(values: Mapping[str, Any], block_id: str, action_id: str) -> str:
    box = _mapping(_mapping(values.get(block_id), block_id).get(action_id), action_id)
    text = box.get("value")
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > _MAX_NOTE:
        raise _bad(block_id, "not a text of the allowed length")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _bad(block_id, "has an unpaired surrogate") from None
    return text.replace("\x00", "").strip()


def _chosen(values: Mapping[str, Any]) -> str:
    box = _mapping(_mapping(values.get(REASON_BLOCK), REASON_BLOCK).get(REASON_INPUT), REASON_INPUT)
    reason = _mapping(box.get("selected_option"), REASON_INPUT).get("value")
    if not isinstance(reason, str) or reason not in REJECT_REASONS:
        raise _bad(REASON_BLOCK, "not a reason of ours")
    return reason


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_ID:
        raise _bad(name, "not a whole number")
    return value


def _matched(pattern: re.Pattern[str], value: object, name: str, *, or_empty: bool = False) -> str:
    if or_empty and value in (None, ""):
        return ""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise _bad(name, "not an id of Slack's")
    return value


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _bad(name, "missing or not an object")
    return value


def _bad(name: str, message: str) -> BadInputError:
    return BadInputError(message, source="slack interaction", field=name)
