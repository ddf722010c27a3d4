"""How instants, durations, stars and the pipeline's own reasons read in Korean."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

UNREAD = "글이 없는 것이 아니라 읽지 못하고 있습니다. 저장된 화면을 보고 수집기를 고쳐 주세요."
"""What a changed layout means, and the remedy."""
_WEEKDAYS = "월화수목금토일"
_WHYS: Mapping[str, str] = {
    "draft ready": "초안이 준비됨",
    "understood": "내용을 분석함",
    "negative or inquiry": "부정 글 또는 문의",
    "approved": "승인",
    "confirmation approved": "확인 처리 승인",
    "no longer waits for a confirmation": "다른 곳에서 확인 처리됨",
    "waits for a confirmation": "확인 처리를 기다림",
    "undone": "승인을 되돌림",
    "rejection undone": "반려를 되돌림",
    "run {}": "{}번째 수집",
    "claimed": "작업 시작",
    "event": "알림 생성",
    "asked for": "사람이 카드를 요청함",
    "its first collection goes on": "첫 수집이 끝나지 않아 기다림",
    "its brand has another room": "브랜드의 Slack 방이 바뀜",
    "settled before it was told": "알리기 전에 처리되어 알리지 않음",
    "its brand writes to another address": "브랜드의 메일 주소에서 빠짐",
    "confirmed by a person": "사람이 게시를 확인함",
    "settled by a person": "사람이 확인함",
    "read back on the channel": "채널에서 답변을 읽어 확인함",
    "edited by its writer": "고객이 글을 수정함",
    "the channel accepted it": "채널이 답변을 받음",
    "the channel takes no replies": "채널이 프로그램의 답변을 받지 않음",
    "the worker was too slow to send within its lease": "보내기가 늦어져 다시 시도함",
    "the worker died while sending": "보내는 중에 프로그램이 멈춤",
    "absent on {} reads after it could still arrive": "채널을 {}번 읽어도 답변이 없음",
    "absent on {} reads after it could still arrive, at the last of {} attempts": "채널을 {}번 읽어도 답변이 없음, {}번째로 보낸 뒤에도",
    "accepted by the channel, but it is not there": "채널이 답변을 받았지만 보이지 않음",
    "it stands on the channel, cut short or changed": "채널에 올라갔지만 글이 잘렸거나 바뀌어 있음",
    "the account is no longer writable": "이 계정으로는 더 답변을 올리지 않음",
    "posted": "Slack에 올림",
    "found in the history": "Slack 기록에서 찾음",
    "accepted by the mail server": "메일 서버가 받음",
    "absent on {} reads of the history": "Slack 기록을 {}번 읽어도 알림이 없음",
    "gone from the channel while it was being sent": "보내는 사이 채널에서 사라짐",
    "answered elsewhere while it was being sent": "보내는 사이 다른 곳에서 답변함",
    "edited by its writer while it was being sent": "보내는 사이 고객이 글을 수정함",
    "waits for the channel's moderation": "채널 검수를 기다림",
    "a reply that we did not send stands on the channel": "채널에 우리가 보내지 않은 답변이 있음",
    "another answer stands on the channel": "채널에 다른 답변이 있음",
    "was gone when it was first read": "처음 읽을 때 이미 삭제되어 있었음",
    "was already answered when it was first read": "처음 읽을 때 이미 답변이 있었음",
    "no longer in a window that was read whole": "채널에서 사라짐",
    "seen on the channel again": "채널에 다시 나타남",
    "looked at, no case needed": "확인함, 케이스 불필요",
    "looked at, edited after its reply": "답변 뒤에 고친 글을 확인함",
    "opened by a person": "사람이 케이스를 엶",
}


def when(instant: datetime, timezone: str) -> str:
    """Write an instant in a brand's time zone: ``11월 21일(토) 14:02``."""
    local = instant.astimezone(ZoneInfo(timezone))
    return f"{local.month}월 {local.day}일({_WEEKDAYS[local.weekday()]}) {local:%H:%M}"


def duration(span: timedelta) -> str:
    """Write a length of time with its two largest units: ``3시간 20분``."""
    minutes = int(abs(span) / timedelta(minutes=1))
    if minutes == 0:
        return "1분 미만"
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(days, "일"), (hours, "시간"), (minutes, "분")]
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number}{unit}" for number, unit in parts[first : first + 2] if number)


def deadline(due_at: datetime | None, now: datetime, timezone: str) -> str:
    """Write a deadline and what is left of it at ``now``; a message ages, so it says so."""
    if due_at is None:
        return "없음"
    left = due_at - now
    if left < timedelta(0):
        return f"{when(due_at, timezone)} ({duration(left)} 지남)"
    return f"{when(due_at, timezone)}까지 (알림 시점 기준 {duration(left)} 남음)"


def stars(rating: int | None) -> str:
    """Write 1-5 stars: ``★★☆☆☆ 2점``."""
    return "없음" if rating is None else f"{'★' * rating}{'☆' * (5 - rating)} {rating}점"


def why(reason: str) -> str:
    """Give one of the pipeline's constant reasons in Korean; other words stay."""
    words = _WHYS.get(re.sub(r"\d+", "{}", reason))
    return reason if words is None else words.format(*re.findall(r"\d+", reason))
