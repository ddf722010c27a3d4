"""Korean words of the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alerts import blocks, wording
from alerts.blocks import AlarmKind
from alerts.rules import AlertRule
from alerts.wording import duration, when
from domain.states import CaseState, PublicationState
from domain.types import (
    CHANNEL_NAMES,
    KOREAN_NAMES,
    ComplaintCategory,
    FeedbackKind,
    LengthUnit,
    Severity,
    SourceKind,
)
from storage import overview, owners, proposals
from storage.accounts import SLACK
from storage.people import Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.types import ReplyRules

CASE_STATES: Mapping[str, str] = {
    CaseState.OPENED: "초안 작성 중",
    CaseState.DRAFTED: "결정 대기",
    CaseState.APPROVED: "승인됨",
    CaseState.ANSWERED: "답변 완료",
    CaseState.REJECTED: "반려됨",
    CaseState.ANSWERED_ELSEWHERE: "다른 곳에서 답변됨",
    CaseState.GONE: "채널에서 삭제됨",
}
PUBLICATION_STATES: Mapping[str, str] = {
    PublicationState.QUEUED: "게시 대기",
    PublicationState.SENDING: "보내는 중",
    PublicationState.POSTED: "보냄, 확인 전",
    PublicationState.PUBLISHED: "게시 확인됨",
    PublicationState.PENDING: "채널 검수 중",
    PublicationState.REFUSED: "채널이 거절함",
    PublicationState.UNCERTAIN: "게시 여부 확인 중",
    PublicationState.HANDED_OFF: "직접 게시 필요",
    PublicationState.ATTENTION: "사람의 확인 필요",
    PublicationState.CANCELLED: "취소됨",
}
ALERT_STATES: Mapping[str, str] = {
    "queued": "보내기 전",
    "sending": "보내는 중",
    "sent": "보냄",
    "uncertain": "전달 여부 확인 중",
    "shown": "여기에만 표시",
    "failed": "보내지 못함",
}
FEEDBACK_STATES: Mapping[str, str] = {"collected": "수집됨", "analyzed": "분석됨"}
ENTITIES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "feedback": ("글", FEEDBACK_STATES),
    "cases": ("케이스", CASE_STATES),
    "publications": ("게시", PUBLICATION_STATES),
    "alerts": ("알림", ALERT_STATES),
    owners.OWNER: ("담당", {"": "없음"}),
}
SOURCES: Mapping[str, str] = {
    SourceKind.POLICY: "정책",
    SourceKind.FACT: "상품 정보",
    SourceKind.SAVED_REPLY: "저장 답변",
    SourceKind.REVIEW: "고객의 글",
    SourceKind.BRAND: "브랜드 설정",
    SourceKind.COURTESY: "인사말",
}
VIEWS: Mapping[str, str] = {
    "todo": "결정 대기",
    "asked": "승인 요청",
    "drafting": "초안 작성 중",
    "approved": "승인됨",
    "closed": "끝난 케이스",
}
SORTS: Mapping[str, str] = {
    "urgent": "심각도 → 기한",
    "due": "기한 빠른 순",
    "oldest": "오래된 순",
    "newest": "최근 순",
    "stars": "별점 낮은 순 → 기한",
    "reach": "조회 많은 순 → 기한",
}
ROLES: Mapping[str, str] = {
    Role.LEAD: "에이전시 리드",
    Role.SPECIALIST: "담당자",
    Role.TEMPORARY: "임시 담당자",
    Role.BRAND_APPROVER: "브랜드 승인자",
    Role.BRAND_VIEWER: "브랜드 열람자",
    Role.OPERATOR: "운영자",
}
ACTIONS: Mapping[str, str] = {
    "signed_in": "로그인",
    "signed_out": "로그아웃",
    "sign_in_failed": "로그인 실패",
    "password_changed": "비밀번호 변경",
    "password_reset": "비밀번호 재발급",
    "totp_set_up": "인증 코드 설정",
    "person_added": "사람 추가",
    "person_changed": "사람 변경",
    "person_disabled": "계정 정지",
    "person_enabled": "계정 정지 해제",
    "brands_changed": "브랜드 변경",
    "abuse_revealed": "가린 말 열람",
    "quarantine_opened": "격리된 행 열람",
    "quarantine_resolved": "격리된 행 정리",
    "page_opened": "저장된 페이지 열람",
    "owner_changed": "담당 변경",
    "channel_owners_changed": "채널 담당 변경",
    "capacity_changed": "담당 한도 변경",
    "account_moved": "계정이 읽는 곳 변경",
}
REJECT_REASONS = tuple(
    words for value, words in blocks.REJECT_REASONS.items() if value != blocks.OTHER_REASON
)
RULES: Mapping[str, str] = {
    AlertRule.CASE_CARD: "새 케이스",
    AlertRule.EDITED_AFTER_REPLY: "답변 뒤에 고친 글",
    AlertRule.BURST: "케이스 몰림",
    AlertRule.BRAND_SEVERITY: "심각도 높음",
    AlertRule.BRAND_SAFETY: "안전·법적 문제",
    AlertRule.BRAND_ASKED: "브랜드 승인 요청",
    AlertRule.BRAND_ASKED_BURST: "브랜드 승인 요청 몰림",
    AlertRule.REWRITTEN: "고친 답변 승인 요청",
    AlertRule.DUE_SOON: "기한 임박",
    AlertRule.OVERDUE: "기한 초과",
    AlertRule.SURGE: "부정 글 급증",
    AlertRule.BACKFILL_DIGEST: "지난 글 요약",
    AlertRule.DAILY_DIGEST: "일간 요약",
    AlertRule.WEEKLY_DIGEST: "주간 요약",
    AlertRule.LAYOUT_CHANGED: "화면 구조 변경",
    AlertRule.PUBLICATION_UNCERTAIN: "게시 여부 불명",
    AlertRule.CREDENTIALS: "인증 정보 문제",
    AlertRule.MAIL_UNDELIVERED: "메일 전달 문제",
}
INCIDENTS: Mapping[str, tuple[str, str]] = {
    "layout_changed": ("채널의 화면이나 응답이 바뀜", wording.UNREAD),
    "credentials": (
        "접속 정보가 거절됨",
        "키, 권한, 허용 IP, 만료일을 확인해 주세요. pyeongpan doctor가 무엇이 틀렸는지 말해 줍니다.",
    ),
    "access_blocked": (
        "사이트가 접속을 허용하지 않음",
        "우회하지 않습니다. 계정을 끄거나 사이트에 허락을 구해 주세요.",
    ),
    "collection": ("설정이나 파일이 잘못됨", "아래에 적힌 설정이나 파일을 고쳐 주세요."),
    "room": ("Slack 방에 올릴 수 없음", "방 ID가 맞는지, 앱이 그 방에 초대되었는지 확인해 주세요."),
}
"""What an incident is by its kind, and what to do."""
SLACK_REFUSED = ("Slack이 봇 토큰을 거절함", "토큰과 그 권한을 확인해 주세요.")
_WHYS: Mapping[str, str] = {
    owners.BY_OWNER: "채널 담당",
    owners.BY_BACKUP: "채널 예비 담당",
    owners.BY_ROOM: "여유가 가장 많음",
    owners.BY_NEED: "심각도가 높아 한도를 넘겨 맡김",
    owners.BY_HAND: "직접 지정",
    owners.GONE_UP: "보상 한도를 넘어 리드에게",
    owners.DISABLED: "전 담당의 계정이 정지됨",
    owners.EXPIRED: "전 담당의 근무 기간이 끝남",
    owners.BRAND_LOST: "전 담당이 브랜드를 더 맡지 않음",
    owners.ROLE_LOST: "전 담당의 역할이 바뀜",
}


_NAMES: Mapping[str, str] = {
    member.value: KOREAN_NAMES[member]
    for members in (FeedbackKind, ComplaintCategory, Severity)
    for member in members
}


KINDS, CATEGORIES, SEVERITIES = (
    [("", "전체"), *((member.value, KOREAN_NAMES[member]) for member in members)]
    for members in (FeedbackKind, ComplaintCategory, Severity)
)
"""What the queue may be filtered by: value and word."""


def name(value: str | None) -> str:
    """Give the Korean word of a kind, category or severity; unknown words stay."""
    return _NAMES.get(value, value) if value else "분류 없음"


def channel(value: str) -> str:
    """Give a channel's Korean name, or its key."""
    return CHANNEL_NAMES.get(value, value)


def incident(kind: str, subject: str) -> tuple[str, str]:
    """Say what an incident is and what to do about it."""
    return SLACK_REFUSED if subject == SLACK else INCIDENTS.get(kind, (kind, ""))


def alert(rule: str, payload: Mapping[str, Any]) -> str:
    """Say what an alert is; where an account cannot be read, what is broken."""
    broken = _BROKEN.get(payload.get("kind", ""))
    return RULES.get(rule, rule) if broken is None else INCIDENTS[broken][0]


_BROKEN: Mapping[str, str] = {
    AlarmKind.BLOCKED: "access_blocked",
    AlarmKind.CONFIGURATION: "collection",
}
"""The incidents whose alarms go by the rule for credentials."""


def why(reason: str) -> str:
    """Give a history reason in Korean; the pipeline writes constants, people write their own."""
    return _WHYS.get(reason) or wording.why(reason)


def about(payload: Mapping[str, Any]) -> str:
    """Say what a notice about no single piece of feedback is about; empty when its kind says it."""
    if "detail" in payload:
        words = (payload.get("remedy", ""), why(payload["detail"]))
        return f"{payload['subject']}: {' '.join(filter(None, words))}"
    if "case_ids" in payload:
        more = " (상위 보고)" if payload.get("reminder") == "escalated" else ""
        return f"케이스 {len(payload['case_ids'])}건{more}"
    if "window_s" in payload:
        window = duration(timedelta(seconds=payload["window_s"]))
        return f"{window} 동안 {payload['total']}건 가운데 부정 {payload['negative']}건"
    return str(payload.get("account_key", ""))


def instant(value: datetime | None, timezone: str = "Asia/Seoul") -> str:
    """Write an instant in a time zone: ``11월 21일(토) 14:02``; a dash for none."""
    return "–" if value is None else when(value, timezone)


def written(value: datetime, now: datetime, timezone: str = "Asia/Seoul") -> str:
    """Write when a customer wrote something, which may be years ago: the year where it is not this.

    ``2024년 11월 21일(목) 14:02``.
    """
    zone = ZoneInfo(timezone)
    year = value.astimezone(zone).year
    is_this = year == now.astimezone(zone).year
    return instant(value, timezone) if is_this else f"{year}년 {instant(value, timezone)}"


def last_day(valid_until: datetime, timezone: str) -> str:
    """Write the last day on which something holds, given the first instant it does not."""
    day = (valid_until - timedelta(seconds=1)).astimezone(ZoneInfo(timezone))
    return f"{day.year}년 {day.month}월 {day.day}일까지"


def flag(note: str) -> str:
    """Say in a few words why a case must be looked at again, given what it says itself."""
    asked = (
        what
        for reason, what in proposals.WAITS_FOR.items()
        if note.endswith(proposals.asks("", reason))
    )
    return next(asked, "다시 보기")


def time_left(due_at: datetime, now: datetime) -> str:
    """Write what is left of a deadline: ``3시간 20분 남음`` or ``1일 2시간 지남``."""
    left = due_at - now
    return f"{duration(left)} {'지남' if left < timedelta(0) else '남음'}"


def working(span: timedelta | None) -> str:
    """Write business time, whose days are shorter than a day: ``26시간``, ``3시간 5분``."""
    if span is None:
        return "–"
    hours, minutes = divmod(round(span / timedelta(minutes=1)), 60)
    if hours == 0:
        return f"{minutes}분" if minutes else "1분 미만"
    return f"{hours:,}시간 {minutes}분" if minutes and hours < 10 else f"{hours:,}시간"


def urgency(due_at: datetime, now: datetime) -> str:
    """Give the CSS word for a deadline: ``overdue``, ``soon`` (under two hours) or ``calm``."""
    left = due_at - now
    if left < timedelta(0):
        return "overdue"
    return "soon" if left < timedelta(hours=2) else "calm"


def ago(value: datetime, now: datetime) -> str:
    """Write how long ago something was."""
    return f"{duration(now - value)} 전"


def count(number: int, most: int | None = None) -> str:
    """Write a number counted to one more than ``most``; None for ``overview.MOST_COUNTED``."""
    limit = overview.MOST_COUNTED if most is None else most
    return f"{number:,}" if number <= limit else f"{limit:,}+"


def stars(rating: int | None) -> str:
    """Write 1-5 stars as they look: ``★★☆☆☆``; empty for none."""
    return "" if rating is None else "★" * rating + "☆" * (5 - rating)


def rules(given: ReplyRules) -> list[str]:
    """Write a channel's rules for replies, one line each."""
    unit = "바이트" if given.unit is LengthUnit.BYTES else "자"
    lines = [given.state_reason] if given.state_reason else []
    lines.append(f"길이: {given.max_length:,}{unit} 이하")
    if given.encoding.lower() != "utf-8":
        lines.append(f"{given.encoding.upper()}에 없는 글자(이모지 등)는 쓸 수 없습니다")
    lines.append(
        "누구나 볼 수 있는 답변" if given.visibility == "public" else "문의한 고객만 보는 답변"
    )
    if given.one_reply_only:
        lines.append(
            "답변은 한 번만 달 수 있습니다" + (" (수정 가능)" if given.editable else " (수정 불가)")
        )
    if given.moderated:
        lines.append("채널의 검수를 거쳐 게시됩니다")
    if given.answer_within is not None:
        lines.append(f"채널의 답변 기한: {duration(given.answer_within)} 이내")
    if given.penalty:
        lines.append(f"기한을 넘기면: {given.penalty}")
    lines += [f"확인되지 않음: {item}" for item in given.unverified]
    return lines
