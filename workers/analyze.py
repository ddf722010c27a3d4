"""Understanding: a page of feedback through the model, and the cases that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from domain.sla import reply_due_at
from storage import analyses, cases
from workers.draft import tell_of_edits
from workers.runtime import is_holiday

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from domain.brands import Brand
    from domain.types import Analysis
    from storage.analyses import ToAnalyze
    from workers.runtime import Runtime

log = structlog.get_logger()

FULL_PAGE = 512
"""Backlog analysed at once: fewer transactions, for which every writer waits on SQLite, and more
texts of one length for each batch of the model. More would make new feedback wait for the model."""


def analyze_backlog(runtime: Runtime, feedback_ids: Sequence[int]) -> int:
    """Understand the given feedback of a first collection, and more that waits, as one page.

    Returns:
        How many rows were settled.
    """
    return analyze(runtime, feedback_ids, fill_to=FULL_PAGE)


def analyze(runtime: Runtime, feedback_ids: Sequence[int], *, fill_to: int = 0) -> int:
    """Understand what of the given feedback nobody else works on.

    Claims the rows, asks the model with no transaction open, writes what it says and opens the
    cases. Dying in between leaves leased rows, which the sweep queues again; a second delivery
    finds nothing to claim.

    Args:
        runtime: This process's tools.
        feedback_ids: What to understand.
        fill_to: Take other waiting backlog along, up to so many rows.

    Returns:
        How many rows were settled.
    """
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        token, rows = analyses.claim(
            connection, feedback_ids, now=now, until=now + runtime.settings.lease, fill_to=fill_to
        )
    if not rows:
        return 0
    results = _classify(runtime, rows)
    now = runtime.clock()
    understood = [
        analyses.Understood(row, results[row.id], _due_at(runtime, row, results[row.id]))
        for row in rows
    ]
    with runtime.database.unit_of_work() as connection:
        triaged = analyses.settle_analysis(connection, token, understood, now=now)
        cases.queue_drafts(connection, triaged.urgent, triaged.normal, now=now)
        tell_of_edits(runtime, connection, triaged.after_reply, now=now)
    runtime.poke()
    if len(triaged.settled) < len(understood):
        log.warning("analysis_superseded", rows=len(understood), settled=len(triaged.settled))
    return len(triaged.settled)


def _classify(runtime: Runtime, rows: Sequence[ToAnalyze]) -> dict[int, Analysis]:
    """Ask each brand's model; nearly always a page has one brand."""
    found: dict[int, Analysis] = {}
    for brand in dict.fromkeys(row.brand for row in rows):
        page = [row for row in rows if row.brand == brand]
        classifier = runtime.classifier_for(brand)
        results = classifier.classify([row.text for row in page], [row.rating for row in page])
        found.update((row.id, result) for row, result in zip(page, results, strict=True))
    return found


def _due_at(runtime: Runtime, row: ToAnalyze, analysis: Analysis) -> datetime:
    """Give the channel's own deadline, or what brand and account promise (``reply_due_at``)."""
    if row.deadline_at is not None:
        return row.deadline_at
    brand: Brand | None = runtime.brands.get(row.brand)
    if brand is None or not (analysis.is_negative or row.kind == "inquiry"):
        return row.first_seen_at
    return reply_due_at(
        brand,
        row.account,
        written_at=row.written_at,
        waits_since=row.waits_since,
        is_holiday=is_holiday,
    )
