"""Alerts: internal notices, each told once per destination."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, String, case, cast, delete, func, select, text, update
from sqlalchemy.orm import aliased

from domain.mail import MAIL
from domain.messages import Message
from domain.states import AlertState, CaseState
from storage import cases, outbox
from storage.models import AlertRow, CaseRow, FeedbackRow, HistoryRow, ProposalRow, ReplayRow
from storage.moves import (
    PIPELINE,
    Columns,
    claim,
    expired,
    is_free,
    is_in,
    move,
    remember,
    unsettled,
)
from storage.moves import take_lost as take_lost_rows
from storage.session import insert_ignoring, records

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

_REPLAYS_KEPT = timedelta(minutes=15)
TO_MAIL = AlertRow.destination.startswith(MAIL, autoescape=True)
_TO_SLACK = ~TO_MAIL


@dataclass(frozen=True, slots=True)
class NewAlert:
    """One notice to one destination.

    Attributes:
        dedupe_key: Same feedback, rule and destination give the same key; told once.
        destination: Slack conversation, ``mailto:`` with an address, or empty: shown in the
            console only.
        payload: What the message is built from; masked text only.
        urgent: Goes ahead of others.
        available_at: Earliest instant to tell it.
        burst_id: The alert whose thread stands for this one: it is not told by itself until
            somebody asks for it.
    """

    dedupe_key: str
    rule: str
    brand: str
    destination: str
    payload: Mapping[str, Any]
    feedback_id: int | None = None
    urgent: bool = False
    available_at: datetime | None = None
    burst_id: int | None = None


@dataclass(frozen=True, slots=True)
class AlertJob:
    """One alert as a worker needs it."""

    id: int
    dedupe_key: str
    rule: str
    brand: str
    destination: str
    payload: Mapping[str, Any]
    urgent: bool
    made_at: datetime
    state: AlertState
    attempts: int
    failed_reads: int
    absent_reads: int
    sent_at: datetime | None
    receipt: str
    burst_id: int | None
    shown: str
    read_by: str
    read_at: datetime | None


def add(connection: Connection, alerts: Sequence[NewAlert], *, now: datetime, is_told: bool) -> int:
    """Store alerts that were not made before; those with a destination get their message.

    Args:
        connection: The transaction of the event.
        alerts: What to tell.
        now: Instant of the event.
        is_told: False when nothing here can tell them: they are then shown in the console.

    Returns:
        How many were new.
    """
    if not alerts:
        return 0
    rows = [
        {
            "dedupe_key": alert.dedupe_key,
            "rule": alert.rule,
            "brand": alert.brand,
            "destination": alert.destination,
            "feedback_id": alert.feedback_id,
            "urgent": alert.urgent,
            "payload": dict(alert.payload),
            "burst_id": alert.burst_id,
            "state": (
                AlertState.QUEUED
                if is_told and alert.destination and alert.burst_id is None
                else AlertState.SHOWN
            ),
            "made_at": now,
            "available_at": alert.available_at or now,
            "queued_at": alert.available_at or now,
        }
        for alert in sorted(alerts, key=_lock_order)
    ]
    made = connection.execute(
        insert_ignoring(connection, AlertRow).returning(
            AlertRow.id,
            AlertRow.feedback_id,
            AlertRow.state,
            AlertRow.urgent,
            AlertRow.available_at,
        ),
        rows,
    ).all()
    for state in (AlertState.QUEUED, AlertState.SHOWN):
        remember(
            connection,
            AlertRow,
            [(row.id, row.feedback_id) for row in made if row.state == state],
            "",
            state,
            at=now,
            why="event",
        )
    for row in made:
        if row.state == AlertState.QUEUED:
            outbox.add(connection, message_for(row.urgent), [row.id], available_at=row.available_at)
    return len(made)


def _lock_order(alert: NewAlert) -> str:
    """Give the order in which notices are stored: those of feedback as they come, then the others.

    What is about no feedback alone may be made by two transactions at once. Each waits for the
    other's row, so all take them in one order.
    """
    return alert.dedupe_key if alert.feedback_id is None else ""


def message_for(urgent: bool) -> Message:  # noqa: FBT001 - the row's own column
    """Name the actor that tells an alert."""
    return Message.ALERT_SEND_URGENT if urgent else Message.ALERT_SEND


def load(connection: Connection, alert_id: int) -> AlertJob | None:
    """Read one alert."""
    row = connection.execute(
        select(
            AlertRow.id,
            AlertRow.dedupe_key,
            AlertRow.rule,
            AlertRow.brand,
            AlertRow.destination,
            AlertRow.payload,
            AlertRow.urgent,
            AlertRow.made_at,
            AlertRow.state,
            AlertRow.attempts,
            AlertRow.failed_reads,
            AlertRow.absent_reads,
            AlertRow.sent_at,
            AlertRow.receipt,
            AlertRow.burst_id,
            AlertRow.shown,
            AlertRow.read_by,
            AlertRow.read_at,
        ).where(AlertRow.id == alert_id)
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001
    return AlertJob(**{**values, "state": AlertState(row.state)})


def begin_sending(
    connection: Connection, job: AlertJob, *, now: datetime, lease_until: datetime
) -> str | None:
    """Claim a due alert; None when it is not due, not queued, somebody else's or for another room."""
    token = secrets.token_hex(8)
    moved = move(
        connection,
        [job.id],
        AlertState.QUEUED,
        AlertState.SENDING,
        at=now,
        why="claimed",
        where=(AlertRow.available_at <= now, AlertRow.destination == job.destination),
        lease_until=lease_until,
        lease_token=token,
        sent_at=now,
        attempts=AlertRow.attempts + 1,
    )
    return token if moved else None


def next_waiting(connection: Connection, destination: str, *, at: datetime) -> AlertJob | None:
    """Give what a destination hears next: what is urgent first, then what was made first."""
    alert_id = connection.execute(
        select(AlertRow.id)
        .where(
            is_in(AlertRow, AlertState.QUEUED),
            AlertRow.destination == destination,
            AlertRow.available_at <= at,
        )
        .order_by(AlertRow.urgent.desc(), AlertRow.id)
        .limit(1)
    ).scalar()
    return None if alert_id is None else load(connection, alert_id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Notices of one kind that wait for one room in Slack; ``reminder`` as their payload says."""

    brand: str
    rule: str
    destination: str
    reminder: str | None

    @classmethod
    def of(cls, job: AlertJob) -> Waiting:
        """Give the kind that one alert is of."""
        return cls(job.brand, job.rule, job.destination, job.payload.get("reminder"))


ANOTHER_ROOM = "its brand has another room"
_MOST_READDRESSED = 1000
"""At a time; the others follow with the next sweep."""
_REMINDER = AlertRow.payload["reminder"].as_string()


def waiting_for_slack(connection: Connection) -> list[Waiting]:
    """Give what kinds of notices wait for which rooms in Slack."""
    rows = connection.execute(
        unsettled(
            select(AlertRow.brand, AlertRow.rule, AlertRow.destination, _REMINDER.label("reminder"))
            .where(is_in(AlertRow, AlertState.QUEUED), _TO_SLACK)
            .distinct(),
            AlertRow,
        )
    )
    return records(Waiting, rows)


def readdress(
    connection: Connection,
    waiting: Waiting,
    destination: str,
    prefixes: tuple[str, str],
    *,
    now: datetime,
) -> int:
    """Move waiting notices to another room; what is being told there right now stays.

    Args:
        connection: The caller's transaction.
        waiting: Which.
        destination: Their new room; empty where they are shown in the console only.
        prefixes: How their keys begin, and how they will: the new room may know some of them.
        now: Instant.

    Returns:
        How many were moved.
    """
    old, new = prefixes
    rows = connection.execute(
        select(
            AlertRow.id,
            AlertRow.feedback_id,
            AlertRow.dedupe_key,
            AlertRow.urgent,
            AlertRow.available_at,
        )
        .where(
            is_in(AlertRow, AlertState.QUEUED),
            AlertRow.brand == waiting.brand,
            AlertRow.rule == waiting.rule,
            AlertRow.destination == waiting.destination,
            _REMINDER.is_not_distinct_from(waiting.reminder),
        )
        .limit(_MOST_READDRESSED)
        .with_for_update(skip_locked=True)
    ).all()
    keys = {row.id: new + row.dedupe_key.removeprefix(old) for row in rows}
    known = set(
        connection.execute(
            select(AlertRow.dedupe_key).where(AlertRow.dedupe_key.in_(keys.values()))
        ).scalars()
    )
    told = [row for row in rows if destination and keys[row.id] not in known]
    others = {row.id for row in rows} - {row.id for row in told}
    move(connection, others, AlertState.QUEUED, AlertState.SHOWN, at=now, why=ANOTHER_ROOM)
    for row in told:
        connection.execute(
            update(AlertRow)
            .where(AlertRow.id == row.id)
            .values(destination=destination, dedupe_key=keys[row.id])
        )
        message = message_for(row.urgent)
        outbox.add(connection, message, [row.id], available_at=max(now, row.available_at))
    queued = [(row.id, row.feedback_id) for row in told]
    remember(
        connection,
        AlertRow,
        queued,
        AlertState.QUEUED,
        AlertState.QUEUED,
        at=now,
        why=ANOTHER_ROOM,
    )
    return len(rows)


ANOTHER_ADDRESS = "its brand writes to another address"
_NOT_MAILED = "브랜드의 메일 주소에서 빠져 보내지 않았습니다."


def drop_mail(connection: Connection, alert_id: int, *, now: datetime) -> bool:
    """Send a waiting mail to nobody, because its brand names the address no more.

    Returns:
        False when it is not due, or does not wait any more.
    """
    moved = move(
        connection,
        [alert_id],
        AlertState.QUEUED,
        AlertState.SHOWN,
        at=now,
        why=ANOTHER_ADDRESS,
        where=(AlertRow.available_at <= now,),
        problem=_NOT_MAILED,
    )
    return bool(moved)


def claim_reading(
    connection: Connection, alert_id: int, *, now: datetime, lease_until: datetime
) -> str | None:
    """Lease an uncertain alert to look for it in Slack; None when somebody else looks."""
    token, claimed = claim(
        connection, AlertRow, [alert_id], AlertState.UNCERTAIN, now=now, until=lease_until
    )
    return token if claimed else None


def settle(
    connection: Connection,
    job: AlertJob,
    token: str,
    source: AlertState,
    target: AlertState,
    *,
    now: datetime,
    why: str,
    retry_at: datetime | None = None,
    **values: Any,  # noqa: ANN401 - column values
) -> bool:
    """Record what became of an alert.

    Returns:
        False when the lease was lost meanwhile; nothing was written.
    """
    if target is AlertState.QUEUED:
        values["available_at"] = retry_at or now
        values["absent_reads"] = 0
    moved = move(
        connection,
        [job.id],
        source,
        target,
        at=now,
        why=why,
        where=(AlertRow.lease_token == token,),
        lease_until=None,
        lease_token=None,
        queued_at=retry_at or now,
        **values,
    )
    if moved and retry_at is not None:
        outbox.add(connection, message_for(job.urgent), [job.id], available_at=retry_at)
    return bool(moved)


def keep_waiting(
    connection: Connection,
    job: AlertJob,
    token: str,
    *,
    check_at: datetime,
    absent_reads: int | None = None,
) -> None:
    """Look again later, unless the lease was lost; the alert stays uncertain."""
    counted = (
        {"failed_reads": AlertRow.failed_reads + 1}
        if absent_reads is None
        else {"absent_reads": absent_reads}
    )
    changed = connection.execute(
        update(AlertRow)
        .where(AlertRow.id == job.id, AlertRow.lease_token == token)
        .values(lease_until=None, lease_token=None, queued_at=check_at, **counted)
    )
    if changed.rowcount:
        outbox.add(connection, message_for(job.urgent), [job.id], available_at=check_at)


def expired_sendings(connection: Connection, *, now: datetime) -> list[tuple[int, str]]:
    """Find attempts whose worker died: ``(id, lease token)``."""
    return expired(connection, AlertRow, AlertState.SENDING, now=now)


def take_lost(
    connection: Connection,
    *,
    now: datetime,
    queued_before: datetime,
    has_slack: bool,
    has_mail: bool,
) -> list[tuple[int, bool]]:
    """Find alerts whose message seems lost: ``(id, urgent)``.

    Only what this process can tell; and an uncertain mail is nobody's but a person's, because
    there is no mailbox of ours to look into.
    """
    waiting = []
    if has_slack:
        waiting += [(AlertState.QUEUED, _TO_SLACK), (AlertState.UNCERTAIN, _TO_SLACK)]
    if has_mail:
        waiting.append((AlertState.QUEUED, TO_MAIL))
    ids = [
        row_id
        for state, where in waiting
        for row_id in take_lost_rows(
            connection, AlertRow, state, now=now, queued_before=queued_before, where=(where,)
        )
    ]
    if not ids:
        return []
    rows = connection.execute(select(AlertRow.id, AlertRow.urgent).where(AlertRow.id.in_(ids)))
    return [(row.id, row.urgent) for row in rows]


def recent_cards(
    connection: Connection, brand: str, destination: str, rule: str, *, since: datetime
) -> int:
    """Count a brand's notices of one rule to one destination since an instant."""
    return connection.execute(
        select(func.count(AlertRow.id)).where(
            AlertRow.brand == brand,
            AlertRow.made_at > since,
            AlertRow.destination == destination,
            AlertRow.rule == rule,
        )
    ).scalar_one()


def waiting_cards(
    connection: Connection, brand: str, destination: str, rule: str, *, until: datetime
) -> int:
    """Count a brand's notices of one rule that wait for just this instant to be told."""
    return connection.execute(
        select(func.count(AlertRow.id)).where(
            is_in(AlertRow, AlertState.QUEUED),
            AlertRow.destination == destination,
            AlertRow.available_at == until,
            AlertRow.brand == brand,
            AlertRow.rule == rule,
        )
    ).scalar_one()


def running_burst(
    connection: Connection, brand: str, destination: str, rule: str, *, since: datetime
) -> int | None:
    """Give the thread that still takes a brand's notices: its last one came after ``since``."""
    recent = aliased(AlertRow)
    # Each is its own thread's first, or names it; of all the brand ever had, these are few.
    threads = select(func.coalesce(recent.burst_id, recent.id)).where(
        recent.brand == brand, recent.made_at > since
    )
    return connection.execute(
        select(AlertRow.id)
        # By their ids, which are no index to SQLite.
        .with_hint(AlertRow, "NOT INDEXED", "sqlite")
        .where(
            AlertRow.id.in_(threads),
            AlertRow.brand == brand,
            AlertRow.destination == destination,
            AlertRow.rule == rule,
            ~AlertRow.is_final,
        )
        .order_by(AlertRow.id.desc())
        .limit(1)
    ).scalar()


def last_made(connection: Connection, rule: str, brand: str, destination: str) -> datetime | None:
    """Give when a destination's last notice of a rule was made that is about no feedback alone."""
    return connection.execute(
        select(func.max(AlertRow.made_at)).where(
            # Few are: it is by this that they are found.
            AlertRow.feedback_id.is_(None),
            AlertRow.rule == rule,
            AlertRow.brand == brand,
            AlertRow.destination == destination,
        )
    ).scalar()


def find_by_key(connection: Connection, dedupe_key: str) -> int:
    """Give the id of the alert with this key."""
    return connection.execute(
        select(AlertRow.id).where(AlertRow.dedupe_key == dedupe_key)
    ).scalar_one()


def burst_members(
    connection: Connection, burst_id: int, *, limit: int
) -> tuple[int, datetime | None, list[int]]:
    """Count a thread's cases; give when the last one came, and the newest ones' case ids."""
    total, last_at = connection.execute(
        select(func.count(AlertRow.id), func.max(AlertRow.made_at)).where(
            AlertRow.burst_id == burst_id
        )
    ).one()
    newest = connection.execute(
        select(CaseRow.id)
        .join(AlertRow, AlertRow.feedback_id == CaseRow.feedback_id)
        .where(AlertRow.burst_id == burst_id)
        .order_by(AlertRow.id.desc())
        .limit(limit)
    ).scalars()
    return total, last_at, list(newest)


def outdated_cards(connection: Connection, rule: str, *, now: datetime, limit: int) -> list[int]:
    """Find messages in Slack about a case that no longer say what it is; oldest first.

    ``shown`` holds in one word what each says, made of the same parts as here.
    """
    # While a case waits, the words of the last proposal about its draft and its text as they are
    # stand on the card; once it is approved, what its reply needs of a person.
    proposed = (
        select(func.max(ProposalRow.id))
        .where(
            ProposalRow.case_id == CaseRow.id,
            ProposalRow.draft_number == CaseRow.draft_number,
            FeedbackRow.id == CaseRow.feedback_id,
            ProposalRow.feedback_revision == FeedbackRow.revision,
            CaseRow.state == CaseState.DRAFTED,
        )
        .scalar_subquery()
    )
    says = (
        CaseRow.state
        + ":"
        + cast(CaseRow.draft_number, String)
        + func.coalesce(":" + cast(proposed, String), "")
        + func.coalesce(":" + cases.unsent_state(), "")
        + case((AlertRow.read_at.is_not(None), ":read"), else_="")
    )
    rows = connection.execute(
        _living(select(AlertRow.id), rule, now)
        .join(CaseRow, CaseRow.feedback_id == AlertRow.feedback_id)
        .where(AlertRow.shown != says)
        .order_by(AlertRow.id)
        .limit(limit)
    )
    return list(rows.scalars())


def outdated_bursts(
    connection: Connection, rule: str, *, over_since: datetime, now: datetime, limit: int
) -> list[int]:
    """Find threads that count too few cases, the furthest behind first, and those that are over.

    A thread is over when its last case came at ``over_since`` or earlier.
    """
    member = aliased(AlertRow)
    members = select(func.count(member.id)).where(member.burst_id == AlertRow.id)
    last = select(func.max(member.made_at)).where(member.burst_id == AlertRow.id)
    found = select(
        AlertRow.id,
        AlertRow.shown,
        members.scalar_subquery().label("total"),
        last.scalar_subquery().label("last_at"),
    )
    rows = connection.execute(_living(found, rule, now)).all()
    behind = {row.id: row.total - int(row.shown or 0) for row in rows}
    over = {row.id for row in rows if row.last_at is None or row.last_at <= over_since}
    outdated = [row.id for row in rows if behind[row.id] or row.id in over]
    return sorted(outdated, key=lambda alert_id: (-behind[alert_id], alert_id))[:limit]


def _living(query: Select[*Columns], rule: str, now: datetime) -> Select[*Columns]:
    """Keep the messages in Slack that may change and that nobody updates now.

    They are found by the index of just those, in the words it was made with: what does not
    change any more only grows.
    """
    return query.where(
        AlertRow.rule == rule,
        is_in(AlertRow, AlertState.SENT),
        text("NOT alerts.is_final"),
        is_free(AlertRow, now),
    ).with_hint(AlertRow, "INDEXED BY ix_alerts_living", "sqlite")


def claim_update(
    connection: Connection, alert_id: int, *, now: datetime, lease_until: datetime
) -> str | None:
    """Lease a message in Slack to update it; None when somebody else does."""
    token, claimed = claim(
        connection, AlertRow, [alert_id], AlertState.SENT, now=now, until=lease_until
    )
    return token if claimed else None


def note_shown(
    connection: Connection, alert_id: int, token: str, shown: str, *, is_final: bool
) -> None:
    """Remember what a message in Slack says now, unless the lease was lost."""
    connection.execute(
        update(AlertRow)
        .where(AlertRow.id == alert_id, AlertRow.lease_token == token)
        .values(shown=shown, is_final=is_final, lease_until=None, lease_token=None)
    )


def note_read(connection: Connection, case_id: int, rule: str, *, by: str, now: datetime) -> int:
    """Record a read receipt on a case's notices of one rule; the first reader stays.

    Returns:
        How many notices got their receipt now.
    """
    changed = connection.execute(
        update(AlertRow)
        .where(
            AlertRow.rule == rule,
            AlertRow.read_at.is_(None),
            AlertRow.feedback_id
            == select(CaseRow.feedback_id).where(CaseRow.id == case_id).scalar_subquery(),
        )
        .values(read_by=by, read_at=now)
    )
    return changed.rowcount


def _only_in_thread(connection: Connection, case_id: int, rule: str) -> list[int]:
    """Find the cards of a case that a burst's thread stands for."""
    return list(
        connection.execute(
            select(AlertRow.id)
            .join(CaseRow, CaseRow.feedback_id == AlertRow.feedback_id)
            .where(
                CaseRow.id == case_id,
                AlertRow.rule == rule,
                AlertRow.state == AlertState.SHOWN,
                AlertRow.burst_id.is_not(None),
            )
        ).scalars()
    )


def is_only_in_thread(connection: Connection, case_id: int, rule: str) -> bool:
    """Tell whether a case has no card of its own because a burst's thread stands for it."""
    return bool(_only_in_thread(connection, case_id, rule))


def tell_after_all(
    connection: Connection, case_id: int, rule: str, *, who: str, now: datetime
) -> bool:
    """Queue the card of a case that only its burst's thread stood for.

    Returns:
        False when it has a card already.
    """
    moved = move(
        connection,
        _only_in_thread(connection, case_id, rule),
        AlertState.SHOWN,
        AlertState.QUEUED,
        at=now,
        why="asked for",
        who=who,
        available_at=now,
        queued_at=now,
    )
    for alert_id in moved:
        outbox.add(connection, Message.ALERT_SEND_URGENT, [alert_id], available_at=now)
    return bool(moved)


def wake(connection: Connection, feedback_ids: Sequence[int]) -> None:
    """Let what stands in Slack about cases that were closed follow them again.

    Whoever updates it now shows a closed case: the lease is taken away, so that nothing is noted.
    """
    connection.execute(
        update(AlertRow)
        .where(AlertRow.feedback_id.in_(feedback_ids), AlertRow.state == AlertState.SENT, _TO_SLACK)
        .values(is_final=False, lease_until=None, lease_token=None)
    )


def wake_reopened(connection: Connection, alert_id: int) -> None:
    """Let a card that was posted as closed follow its case, where that opened again meanwhile."""
    case = connection.execute(
        select(CaseRow.feedback_id, CaseRow.closed_at)
        .join(AlertRow, AlertRow.feedback_id == CaseRow.feedback_id)
        .where(AlertRow.id == alert_id)
        # Whoever opens it now wakes the card after this transaction.
        .with_for_update(of=CaseRow)
    ).one_or_none()
    if case is not None and case.closed_at is None:
        wake(connection, [case.feedback_id])


def outdate(connection: Connection, feedback_ids: Sequence[int]) -> None:
    """Have what stands in Slack about these written again: more changed than what it notes."""
    if feedback_ids:
        connection.execute(
            update(AlertRow)
            .where(AlertRow.feedback_id.in_(feedback_ids), AlertRow.state == AlertState.SENT)
            .values(shown="")
        )


def settle_by_hand(
    connection: Connection,
    alert_id: int,
    brands: Collection[str],
    target: AlertState,
    *,
    who: str,
    now: datetime,
) -> bool:
    """Record what a person found out about a notice no machine can settle.

    Args:
        connection: The caller's transaction.
        alert_id: A failed notice, or a mail whose answer was lost.
        brands: Slugs of the brands the person may see.
        target: ``queued`` to tell it again, ``sent`` when a lost answer's mail did arrive.
        who: The person.
        now: Instant.

    Returns:
        False when there is nothing to settle like this.
    """
    row = connection.execute(
        select(AlertRow.state, AlertRow.destination, AlertRow.urgent).where(
            AlertRow.id == alert_id,
            AlertRow.brand.in_(sorted(brands)),
            AlertRow.destination != "",
        )
    ).one_or_none()
    if row is None or not can_settle(row.state, row.destination, target):
        return False
    values: dict[str, Any] = (
        {"available_at": now, "queued_at": now}
        if target is AlertState.QUEUED
        else {"is_final": True}
    )
    source = AlertState(row.state)
    why = "settled by a person"
    moved = move(
        connection, [alert_id], source, target, at=now, why=why, who=who, problem="", **values
    )
    if moved and target is AlertState.QUEUED:
        outbox.add(connection, message_for(row.urgent), [alert_id], available_at=now)
    return bool(moved)


def was_asked_for(connection: Connection, alert_id: int, *, since: datetime) -> bool:
    """Tell whether a person asked after an instant for an alert to be told again."""
    asked_at = connection.execute(
        select(HistoryRow.moved_at)
        .where(
            HistoryRow.entity == AlertRow.__tablename__,
            HistoryRow.entity_id == alert_id,
            HistoryRow.target == AlertState.QUEUED,
            HistoryRow.who != PIPELINE,
        )
        # Backwards: if there is one that counts, it is among the newest.
        .order_by(HistoryRow.id.desc())
        .limit(1)
    ).scalar()
    return asked_at is not None and asked_at > since


def can_settle(state: str, destination: str, target: AlertState) -> bool:
    """Tell whether a person may take a notice to ``target``: Slack's lost answers are read."""
    if state == AlertState.FAILED:
        return target is AlertState.QUEUED
    return (
        state == AlertState.UNCERTAIN
        and destination.startswith(MAIL)
        and target in {AlertState.QUEUED, AlertState.SENT}
    )


def first_sight(connection: Connection, replay_key: str, *, now: datetime) -> bool:
    """Tell whether a signed request is seen for the first time, and forget old ones."""
    made = connection.execute(
        insert_ignoring(connection, ReplayRow).returning(ReplayRow.key),
        [{"key": replay_key, "seen_at": now}],
    ).all()
    connection.execute(delete(ReplayRow).where(ReplayRow.seen_at < now - _REPLAYS_KEPT))
    return bool(made)


def count(connection: Connection) -> int:
    """Count all alerts ever made."""
    return connection.execute(select(func.count(AlertRow.id))).scalar_one()
