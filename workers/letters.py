"""What a stored alert looks like as a mail, written when it is sent: as the case is then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.letters import Letter, Section, digest_letter, safety_letter
from alerts.rules import AlertRule
from storage import cases, health
from workers.slack_messages import (
    DIGEST_PERIODS,
    card_of,
    digest_counts,
    digest_lines,
    digest_since,
    tell_brand,
    unsent_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from storage.alerts import AlertJob
    from workers.runtime import Runtime


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
        unsent = unsent_of(connection, view) if view else None
    if view is None:
        gone = Section("알림", note="삭제된 케이스입니다.")
        url = runtime.console_url
        return Letter(f"[평판] {brand.name}: 삭제된 케이스", brand.name, (gone,), url, "콘솔 열기")
    return safety_letter(card_of(runtime, view), *tell_brand(runtime, view, unsent), now)


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
        digest_counts(job, counts),
        to_decide,
        proposed,
        worst,
        runtime.console_url,
        now,
    )
