"""What a stored alert looks like as a mail, written when it is sent: as the case is then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.letters import Letter, Section, digest_letter, safety_letter
from alerts.rules import AlertRule
from domain.states import CaseState
from storage import cases, desk, health
from workers.slack_messages import (
    DIGEST_PERIODS,
    card_of,
    digest_counts,
    digest_lines,
    digest_since,
    proposals_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from storage.alerts import AlertJob
    from storage.cases import CaseView
    from workers.runtime import Runtime

_DONE = {
    CaseState.OPENED: "글을 분류했고 답변 초안을 만들고 있습니다. 승인 전에는 아무것도 게시되지 않습니다.",
    CaseState.DRAFTED: "글을 분류했고 답변 초안을 만들었습니다. 승인 전에는 아무것도 게시되지 않습니다.",
    CaseState.APPROVED: "답변이 승인되어 게시를 기다립니다.",
    CaseState.ANSWERED: "답변을 게시했고 채널에서 확인했습니다.",
    CaseState.REJECTED: "담당자가 답변하지 않기로 했습니다.",
    CaseState.ANSWERED_ELSEWHERE: "채널에서 이미 답변되었습니다.",
    CaseState.GONE: "고객이 글을 지웠습니다.",
}


def write(runtime: Runtime, job: AlertJob, now: datetime) -> Letter:
    """Write the mail of one alert.

    Raises:
        ConfigurationError: The brand's folder is gone.
    """
    if job.rule in DIGEST_PERIODS:
        return _digest(runtime, job, now)
    brand = runtime.brand(job.brand)
    with runtime.database.reading() as connection:
        view = cases.load_view(connection, job.payload["case_id"])
        proposals = proposals_for(connection, brand)
    if view is None:
        gone = Section("알림", note="삭제된 케이스입니다.")
        url = runtime.console_url
        return Letter(f"[평판] {brand.name}: 삭제된 케이스", brand.name, (gone,), url, "콘솔 열기")
    waiting = next((row for row in proposals if row["case_id"] == view.case.case_id), None)
    return safety_letter(
        card_of(runtime, view),
        _DONE[view.state],
        _to_decide(view, waiting, is_two_step=brand.two_step_approval),
        now,
    )


def _to_decide(view: CaseView, waiting: Mapping[str, Any] | None, *, is_two_step: bool) -> str:
    if view.state not in {CaseState.OPENED, CaseState.DRAFTED}:
        return "결정하실 일이 없습니다. 내용만 확인해 주세요."
    if waiting is not None:
        return (
            f"{desk.WAITS_FOR[waiting['reason']]}: 콘솔에서 답변을 읽고 승인하거나 반려해 주세요."
        )
    if is_two_step:
        return "에이전시가 먼저 검토합니다. 승인하면 두 번째 승인을 부탁드립니다."
    return "답변은 에이전시가 승인합니다. 사실 확인이나 조치가 필요하면 담당자에게 알려 주세요."


def _digest(runtime: Runtime, job: AlertJob, now: datetime) -> Letter:
    brand = runtime.brand(job.brand)
    since = digest_since(job, now)
    with runtime.database.reading() as connection:
        counts = health.count_period(connection, job.brand, since=since, now=now)
    to_decide, proposed, worst = digest_lines(runtime, brand, counts["worst"])
    return digest_letter(
        DIGEST_PERIODS[AlertRule(job.rule)],
        brand,
        since,
        digest_counts(counts),
        to_decide,
        proposed,
        worst,
        runtime.console_url,
        now,
    )
