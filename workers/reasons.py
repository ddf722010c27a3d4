"""Why something failed, in Korean and with the remedy, for whoever reads it at the desk."""

from __future__ import annotations

from alerts.blocks import AlarmKind
from collectors import CHANNELS
from collectors.base import CheckReason, CheckResult, explain
from collectors.google_business import REJECTED
from domain.errors import (
    OutcomeUnknownError,
    PublicationRefusedError,
    ReputationError,
    SourceMovedError,
)

_REFUSALS = {
    PublicationRefusedError.ANSWERED_ELSEWHERE: "채널에 다른 답변이 이미 있습니다.",
    PublicationRefusedError.GONE: "채널에 글이 없습니다.",
    PublicationRefusedError.READ_ONLY: "프로그램으로는 답변할 수 없는 글입니다. 채널에서 직접 게시해 주세요.",
    REJECTED: "채널의 검수에서 답변이 거절되었습니다. 문구를 고쳐 다시 승인해 주세요.",
    "encoding": "채널이 저장하지 못하는 글자가 있습니다. 그 글자를 빼고 다시 승인해 주세요.",
    "too_long": "답변이 채널에서 쓸 수 있는 길이보다 깁니다. 줄여서 다시 승인해 주세요.",
    "too_short": "답변이 채널에서 요구하는 길이보다 짧습니다. 늘려서 다시 승인해 주세요.",
    "html": "답변에 HTML 태그가 있습니다. 빼고 다시 승인해 주세요.",
    "duplicate": "같은 내용의 답변이 이미 있습니다. 채널에서 확인해 주세요.",
    "deleted": "채널에서 글이 삭제되었습니다. 확인되면 반려해 주세요.",
    "confirm_only": "답변이 아니라 확인 처리를 받는 문의입니다.",
    "closed": "채널에서 답변을 더 받지 않는 문의입니다. 확인되면 반려해 주세요.",
    "changed": "올린 답변이 채널에서 잘렸거나 바뀌어 있습니다. 채널에서 확인해 주세요.",
    "unreadable": "답변은 되어 있지만 내용을 읽을 수 없습니다. 채널에서 확인해 주세요.",
}
"""What a channel's refusal of a reply means, by its code."""
_REFUSED = "채널이 답변을 거절했습니다. 문구를 고쳐 다시 승인하거나 채널에서 확인해 주세요."
MOVED = "이 글을 수집한 뒤 계정이 읽는 곳이 바뀌어 프로그램이 게시하거나 확인하지 않습니다. 고객이 글을 쓴 곳에서 직접 처리해 주세요."
"""Why nothing is sent to, or read at, a place that the account has left."""
_NO_ANSWER = "보냈지만 채널의 응답을 받지 못했습니다."


def explained(error: ReputationError, channel: str) -> str:
    """Say in Korean what a channel's error means and what to do, with its own words beside."""
    return f"{_meaning(error, channel)} ({error})"


def _meaning(error: ReputationError, channel: str) -> str:
    if isinstance(error, PublicationRefusedError):
        return _REFUSALS.get(error.code, _REFUSED)
    if isinstance(error, OutcomeUnknownError):
        return _NO_ANSWER
    if isinstance(error, SourceMovedError):
        return MOVED
    return _check(error, channel).remedy


def _check(error: ReputationError, channel: str) -> CheckResult:
    # An account may name a channel that there is none of; that is the error, then.
    return explain(error, CHANNELS[channel].spec.remedies if channel in CHANNELS else None)


_ALARMS = {
    CheckReason.BLOCKED: AlarmKind.BLOCKED,
    CheckReason.LAYOUT: AlarmKind.LAYOUT_CHANGED,
    CheckReason.CONFIGURATION: AlarmKind.CONFIGURATION,
}


def alarm_of(error: ReputationError, channel: str) -> dict[str, str]:
    """Give what an alarm about an account says besides its detail: its kind and the remedy."""
    check = _check(error, channel)
    kind = _ALARMS.get(check.reason, AlarmKind.CREDENTIALS)
    # An alarm of a changed layout says itself what to do.
    return {"kind": kind, "remedy": "" if kind is AlarmKind.LAYOUT_CHANGED else check.remedy}
