"""What the model understood, stored, and the cases that are opened for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    select,
    update,
)

from domain.states import CaseState, FeedbackState
from domain.types import (
    Analysis,
    CategoryFinding,
    ComplaintCategory,
    FeedbackKind,
    Intent,
    Sentiment,
    Severity,
    Span,
)
from storage import alerts, cases, moves, owners, reopening
from storage.feedback import (
    SEVERITY_RANK,
    by_urgency,
    follow_deadlines,
    queue_ranks,
    whole_text,
)
from storage.models import (
    AccountRow,
    CaseRow,
    DecisionRow,
    FeedbackRow,
)
from storage.moves import move, remember
from storage.session import insert_ignoring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class ToAnalyze:
    """What the model needs to read, and what triage needs to know."""

    id: int
    brand: str
    account: str
    """``BRAND/NAME``."""
    channel: str
    kind: FeedbackKind
    text: str
    rating: int | None
    reach: int | None
    written_at: datetime
    seen_edited_at: datetime | None
    first_seen_at: datetime
    deadline_at: datetime | None
    is_backfill: bool

    @property
    def waits_since(self) -> datetime:
        """When it was written, or an edit of it was seen.

        What a first collection found of old waits only since we first saw it.
        """
        if self.seen_edited_at is not None:
            return self.seen_edited_at
        return self.first_seen_at if self.is_backfill else self.written_at


def load_for_analysis(connection: Connection, ids: Sequence[int]) -> list[ToAnalyze]:
    """Read what the model and triage need of feedback; the title is part of the text."""
    rows = connection.execute(
        select(
            FeedbackRow.id,
            FeedbackRow.brand,
            AccountRow.key,
            FeedbackRow.channel,
            FeedbackRow.kind,
            FeedbackRow.title,
            FeedbackRow.text,
            FeedbackRow.rating,
            FeedbackRow.reach,
            FeedbackRow.written_at,
            cases.last_edit().label("seen_edited_at"),
            FeedbackRow.first_seen_at,
            FeedbackRow.deadline_at,
            FeedbackRow.is_backfill,
        )
        .join(AccountRow, AccountRow.id == FeedbackRow.account_id)
        .where(FeedbackRow.id.in_(ids))
        .order_by(FeedbackRow.id)
    )
    return [
        ToAnalyze(
            id=row.id,
            brand=row.brand,
            account=row.key,
            channel=row.channel,
            kind=FeedbackKind(row.kind),
            text=whole_text(row.title, row.text),
            rating=row.rating,
            reach=row.reach,
            written_at=row.written_at,
            seen_edited_at=row.seen_edited_at,
            first_seen_at=row.first_seen_at,
            deadline_at=row.deadline_at,
            is_backfill=row.is_backfill,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Understood:
    """The model's word about one feedback, with what triage made of it."""

    feedback: ToAnalyze
    analysis: Analysis
    due_at: datetime

    @property
    def opens_case(self) -> bool:
        """Every negative and every inquiry opens a case."""
        return self.analysis.is_negative or self.feedback.kind is FeedbackKind.INQUIRY

    @property
    def needs_look(self) -> bool:
        """A person should look although no case is opened."""
        return not self.opens_case and (self.analysis.unsure or self.analysis.rating_mismatch)


@dataclass(frozen=True, slots=True)
class Triaged:
    """Cases to draft, most severe first, and what else came of a page.

    Attributes:
        settled: Feedback that was settled by this call; others were edited meanwhile or lost the
            lease.
        after_reply: Cases whose writer complains or asks in what nothing answers any more.
    """

    urgent: list[int]
    normal: list[int]
    settled: frozenset[int]
    after_reply: Sequence[int] = ()


def settle_analysis(
    connection: Connection, token: str, results: Sequence[Understood], *, now: datetime
) -> Triaged:
    """Write what the model says and open the cases, in one transaction."""
    ids = [result.feedback.id for result in results]
    settled = set(
        move(
            connection,
            ids,
            FeedbackState.COLLECTED,
            FeedbackState.ANALYZED,
            at=now,
            why="understood",
            where=(FeedbackRow.lease_token == token,),
            lease_until=None,
            lease_token=None,
        )
    )
    kept = [result for result in results if result.feedback.id in settled]
    if kept:
        connection.execute(
            update(FeedbackRow).where(FeedbackRow.id == bindparam("row_id")),
            [_verdict(result) for result in kept],
        )
    after_reply = _look_at_edits(connection, kept, now=now)
    triaged = _open_cases(connection, kept, frozenset(settled), now=now)
    return replace(triaged, after_reply=after_reply)


_REPLIED = {CaseState.APPROVED, CaseState.ANSWERED, CaseState.ANSWERED_ELSEWHERE}
"""Cases whose reply stands on the channel, or is on its way: an edit took back what had not left."""
EDITED_AFTER_REPLY = "답변이 나간 뒤에 고객이 글을 수정했습니다."
"""What such a case says until a person looked."""


def _look_at_edits(
    connection: Connection, results: Sequence[Understood], *, now: datetime
) -> list[int]:
    """See that a person reads what was edited, where a case from before is decided.

    An undecided case shows the edit itself. A rejected one is decided about again, if the new text
    complains or asks; its deadline is of the new text. One that was replied to stays what it is,
    but what would complain, ask or be doubtful is looked at.

    Returns:
        The cases that were replied to and whose new text complains or asks.
    """
    found = {
        row.feedback_id: row
        for row in connection.execute(
            select(
                CaseRow.id,
                CaseRow.feedback_id,
                CaseRow.state,
                select(DecisionRow.id)
                .where(
                    DecisionRow.case_id == CaseRow.id,
                    DecisionRow.feedback_revision == FeedbackRow.revision,
                )
                .exists()
                .label("is_decided"),
            )
            .join(FeedbackRow, FeedbackRow.id == CaseRow.feedback_id)
            .where(CaseRow.feedback_id.in_([result.feedback.id for result in results]))
        )
    }
    if not found:
        return []
    edited = {result.feedback.id: result for result in results if result.feedback.id in found}
    rejected = {
        row_id: result.due_at
        for row_id, result in edited.items()
        if found[row_id].state == CaseState.REJECTED and result.opens_case
    }
    reopening.open_again(
        connection,
        list(rejected),
        CaseState.REJECTED,
        why="edited by its writer",
        now=now,
        note=cases.EDITED,
    )
    for row_id, due_at in rejected.items():
        case_of = update(CaseRow).where(CaseRow.feedback_id == row_id)
        connection.execute(case_of.values(due_at=due_at))
    after_reply = [
        row_id
        for row_id, result in edited.items()
        if found[row_id].state in _REPLIED
        and not found[row_id].is_decided
        and (result.opens_case or result.needs_look)
    ]
    connection.execute(
        update(FeedbackRow)
        .where(FeedbackRow.id.in_(edited))
        .values(needs_look=FeedbackRow.id.in_(after_reply))
    )
    connection.execute(
        update(CaseRow).where(CaseRow.feedback_id.in_(after_reply)).values(note=EDITED_AFTER_REPLY)
    )
    # What was told of the text before, and still waits to be read, says the new one.
    alerts.outdate(connection, after_reply)
    return [found[row_id].id for row_id in after_reply if edited[row_id].opens_case]


def _verdict(result: Understood) -> dict[str, Any]:
    analysis = result.analysis
    return {
        "row_id": result.feedback.id,
        "sentiment": analysis.sentiment,
        "score": analysis.score,
        "severity": analysis.severity,
        "abusive": analysis.abusive,
        "intent": analysis.intent,
        "needs_look": result.needs_look,
        "category": analysis.categories[0].category if analysis.categories else None,
        "analysis": analysis_to_json(analysis),
        "model_version": analysis.model_version,
    }


def analysis_to_json(analysis: Analysis) -> dict[str, Any]:
    """Give the parts of an analysis that have no column of their own."""
    return {
        "probabilities": analysis.probabilities,
        "categories": [
            [str(found.category), round(found.score, 4), _pair(found.span)]
            for found in analysis.categories
        ],
        "severity_spans": [_pair(span) for span in analysis.severity_spans],
        "abuse_spans": [_pair(span) for span in analysis.abuse_spans],
        "unsure": analysis.unsure,
        "rating_mismatch": analysis.rating_mismatch,
    }


def _pair(span: Span | None) -> list[int] | None:
    return None if span is None else [span.start, span.end]


def _open_cases(
    connection: Connection, results: Sequence[Understood], settled: frozenset[int], *, now: datetime
) -> Triaged:
    rows = [
        {
            "feedback_id": result.feedback.id,
            "brand": result.feedback.brand,
            "channel": result.feedback.channel,
            "kind": result.feedback.kind,
            "state": CaseState.OPENED,
            "severity": result.analysis.severity,
            "severity_rank": SEVERITY_RANK[result.analysis.severity],
            "category": (
                result.analysis.categories[0].category if result.analysis.categories else None
            ),
            "is_negative": result.analysis.is_negative,
            "due_at": result.due_at,
            "opened_at": now,
            "queued_at": now,
            **queue_ranks(result.feedback.rating, result.feedback.reach),
        }
        for result in results
        if result.opens_case
    ]
    if rows:
        opened = connection.execute(
            insert_ignoring(connection, CaseRow).returning(CaseRow.id, CaseRow.feedback_id), rows
        ).all()
        remember(
            connection,
            CaseRow,
            [(row.id, row.feedback_id) for row in opened],
            "",
            CaseState.OPENED,
            at=now,
            why="negative or inquiry",
        )
        if len(opened) < len(rows):
            _refresh_cases(connection, rows, {row.feedback_id for row in opened}, now=now)
            follow_deadlines(
                connection, {result.feedback.id: result.feedback.deadline_at for result in results}
            )
    return _to_draft(connection, results, settled, now=now)


def _refresh_cases(
    connection: Connection,
    rows: Sequence[dict[str, Any]],
    opened: set[int],
    *,
    now: datetime,
) -> None:
    """Bring the cases of edited feedback up to date with the new reading."""
    for row in rows:
        if row["feedback_id"] not in opened:
            connection.execute(
                update(CaseRow)
                .where(CaseRow.feedback_id == row["feedback_id"])
                .values(
                    severity=row["severity"],
                    severity_rank=row["severity_rank"],
                    category=row["category"],
                    is_negative=row["is_negative"],
                    queued_at=now,
                )
            )


def _to_draft(
    connection: Connection, results: Sequence[Understood], settled: frozenset[int], *, now: datetime
) -> Triaged:
    ids = [result.feedback.id for result in results]
    for is_over, target, why in (
        (FeedbackRow.gone_at, CaseState.GONE, "was gone when it was first read"),
        (
            FeedbackRow.replied_elsewhere_at,
            CaseState.ANSWERED_ELSEWHERE,
            "was already answered when it was first read",
        ),
    ):
        over = connection.execute(
            select(FeedbackRow.id)
            .join(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
            .where(FeedbackRow.id.in_(ids), is_over.is_not(None))
        ).scalars()
        cases.withdraw(connection, list(over), target, at=now, why=why)
    open_cases = connection.execute(
        select(CaseRow.id, CaseRow.severity_rank)
        .where(CaseRow.feedback_id.in_(ids), CaseRow.state == CaseState.OPENED)
        .order_by(CaseRow.severity_rank, CaseRow.id)
    ).all()
    owners.assign(connection, [row.id for row in open_cases], now=now)
    urgent, normal = by_urgency(open_cases)
    return Triaged(urgent, normal, settled)


def take_lost(
    connection: Connection, *, now: datetime, queued_before: datetime, limit: int
) -> tuple[list[int], list[int]]:
    """Find feedback whose analysis message seems lost: fresh, backlog."""
    ids = moves.take_lost(
        connection,
        FeedbackRow,
        FeedbackState.COLLECTED,
        now=now,
        queued_before=queued_before,
        limit=limit,
        first=FeedbackRow.is_backfill,
    )
    if not ids:
        return [], []
    backlog = set(
        connection.execute(
            select(FeedbackRow.id).where(FeedbackRow.id.in_(ids), FeedbackRow.is_backfill)
        ).scalars()
    )
    return [row_id for row_id in ids if row_id not in backlog], sorted(backlog)


def claim(
    connection: Connection,
    ids: Sequence[int],
    *,
    now: datetime,
    until: datetime,
    fill_to: int = 0,
) -> tuple[str, list[ToAnalyze]]:
    """Lease feedback that nobody analyses and read it.

    Args:
        connection: The caller's transaction.
        ids: What the message names.
        now: Instant of the claim.
        until: End of the lease.
        fill_to: Where some of ``ids`` is ours, other backlog that waits is taken along, up to so
            many rows in all; its own messages then find nothing to claim.

    Returns:
        The lease's token and the rows that are ours.
    """
    token, claimed = moves.claim(
        connection, FeedbackRow, ids, FeedbackState.COLLECTED, now=now, until=until
    )
    if claimed and len(claimed) < fill_to:
        more = connection.execute(
            select(FeedbackRow.id)
            .where(
                moves.is_in(FeedbackRow, FeedbackState.COLLECTED),
                FeedbackRow.is_backfill,
                FeedbackRow.queued_at <= now,
                moves.is_free(FeedbackRow, now),
            )
            .order_by(FeedbackRow.queued_at)
            .limit(fill_to - len(claimed))
            .with_for_update(skip_locked=True)
        ).scalars()
        claimed += moves.claim(
            connection,
            FeedbackRow,
            list(more),
            FeedbackState.COLLECTED,
            now=now,
            until=until,
            token=token,
        )[1]
    return token, load_for_analysis(connection, claimed) if claimed else []


def unread(connection: Connection) -> int:
    """Count the feedback that is stored but not yet understood."""
    return connection.execute(
        select(func.count(FeedbackRow.id)).where(FeedbackRow.state == FeedbackState.COLLECTED)
    ).scalar_one()


class AnalyzedRow(Protocol):
    """The columns an analysis is kept in."""

    @property
    def sentiment(self) -> str | None:
        """Label or None."""

    @property
    def score(self) -> float | None:
        """P(negative) or None."""

    @property
    def severity(self) -> str:
        """Label."""

    @property
    def abusive(self) -> bool:
        """Whether people are attacked."""

    @property
    def intent(self) -> str:
        """Label."""

    @property
    def analysis(self) -> Mapping[str, Any]:
        """As ``analysis_to_json`` wrote it."""

    @property
    def model_version(self) -> str:
        """Who said so."""


def analysis_from_row(row: AnalyzedRow) -> Analysis:
    """Put an analysis together again from its columns."""
    rest = row.analysis
    probabilities = rest["probabilities"]
    return Analysis(
        sentiment=Sentiment(row.sentiment) if row.sentiment else None,
        score=row.score,
        probabilities=tuple(probabilities) if probabilities else None,
        categories=tuple(
            CategoryFinding(ComplaintCategory(name), score, _span(pair))
            for name, score, pair in rest["categories"]
        ),
        severity=Severity(row.severity),
        abusive=row.abusive,
        intent=Intent(row.intent),
        unsure=rest["unsure"],
        rating_mismatch=rest["rating_mismatch"],
        severity_spans=tuple(Span(*pair) for pair in rest["severity_spans"]),
        abuse_spans=tuple(Span(*pair) for pair in rest["abuse_spans"]),
        model_version=row.model_version,
    )


def _span(pair: list[int] | None) -> Span | None:
    return None if pair is None else Span(*pair)
