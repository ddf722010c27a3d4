"""Accounts: what is due, who collects, how far a run got, what went wrong."""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union,
    update,
)
from sqlalchemy.orm import aliased

from domain.brands import USUAL_RETENTION, is_same_source, name_source
from domain.states import OPEN_CASE_STATES, CaseState, FeedbackState
from storage import people
from storage.models import (
    AccountRow,
    CaseRow,
    FeedbackRow,
    IncidentRow,
    OutboxRow,
    QuarantineRow,
    RetentionRow,
    TokenRow,
    TwoStepBrandRow,
)
from storage.moves import PIPELINE
from storage.session import dicts, insert_ignoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from domain.brands import Account, Source
    from domain.types import QuarantinedItem

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing that is collected was written before this."""


@dataclass(frozen=True, slots=True)
class Run:
    """One collection run of one account, which may span several messages and deaths.

    Attributes:
        since: Start of the window asked of the channel, inclusive.
        until: Its end, exclusive.
        cursor: Where the next page starts; None for the first.
    """

    account_id: int
    account_key: str
    brand: str
    channel: str
    run_id: int
    since: datetime
    until: datetime
    cursor: str | None
    is_backfill: bool
    token: str


def synchronize(
    connection: Connection,
    accounts: Iterable[Account],
    *,
    source_of: Callable[[Account], Source],
    now: datetime,
) -> None:
    """Make a row for each configured account; mark those that were taken out.

    An account whose options name another place than before gets another row, which begins at the
    beginning; that of the old place is marked like one that was taken out. An account that is
    put back, or back to a place, goes on where it was.

    Args:
        connection: The caller's transaction.
        accounts: All there are.
        source_of: Gives the place that an account reads.
        now: Instant.
    """
    # Others who start at this moment wait, and then see what became of these.
    connection.execute(
        select(AccountRow.id).order_by(AccountRow.id).with_for_update(key_share=True)
    )
    # The one that counts is the first of an account's, then what was taken out last.
    known: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(
        select(AccountRow.__table__).order_by(
            AccountRow.removed_at.is_not(None), AccountRow.removed_at.desc(), AccountRow.id.desc()
        )
    ):
        known[row.key].append(row)
    wanted = {account.key: account for account in accounts}
    for account in wanted.values():
        _settle_at(connection, account, known[account.key], source_of(account), now=now)
    for key in known.keys() - wanted.keys():
        for row in known[key]:
            if row.removed_at is None:
                _set(connection, row.id, removed_at=now)


def _settle_at(
    connection: Connection, account: Account, rows: Sequence[Any], source: Source, *, now: datetime
) -> None:
    """Have the one of an account's rows count that is of the place it reads, or a new one."""
    # Of one that was taken out before places were known, nobody can say that it is the same.
    fitting = [
        row
        for row in rows
        if row.channel == account.channel
        and (row.source is not None or row.removed_at is None)
        and is_same_source(row.source, source)
    ]
    # An account may name its shops one by one: where most of them were read, it is at home.
    here = max(
        fitting, key=lambda row: len((row.source or {}).items() & source.items()), default=None
    )
    left = next((row for row in rows if row is not here and row.removed_at is None), None)
    if left is not None:
        _set(connection, left.id, removed_at=now)
        # What was wrong there is not mended here.
        close_incidents(connection, account.key, now=now)
        people.audit(
            connection,
            "account_moved",
            who=PIPELINE,
            now=now,
            brand=account.brand,
            detail=f"{account.key}: {name_source(left.channel, left.source)} -> "
            f"{name_source(account.channel, source)}",
        )
    if here is None:
        new = {
            "key": account.key,
            "brand": account.brand,
            "channel": account.channel,
            "source": dict(source),
            "next_due_at": now,
            "last_error": "",
        }
        connection.execute(insert_ignoring(connection, AccountRow), [new])
        return
    # What the account no longer names is still true of what was read.
    known = {**(here.source or {}), **source}
    if (here.removed_at, here.source) != (None, known):
        _set(connection, here.id, removed_at=None, source=known)


def require_two_steps(connection: Connection, brands: Mapping[str, bool]) -> None:
    """Tell the database which brands publish with two approvals: slug to yes or no."""
    wanted = [{"brand": slug} for slug, is_two_step in brands.items() if is_two_step]
    if wanted:
        connection.execute(insert_ignoring(connection, TwoStepBrandRow), wanted)
    others = [slug for slug, is_two_step in brands.items() if not is_two_step]
    connection.execute(delete(TwoStepBrandRow).where(TwoStepBrandRow.brand.in_(others)))


def remember_retentions(connection: Connection, brands: Mapping[str, timedelta]) -> None:
    """Keep how long each brand's personal data is kept, for when its folder is gone."""
    for slug, retention in brands.items():
        seconds = int(retention.total_seconds())
        connection.execute(
            insert_ignoring(connection, RetentionRow), [{"brand": slug, "seconds": seconds}]
        )
        connection.execute(
            update(RetentionRow)
            .where(RetentionRow.brand == slug, RetentionRow.seconds != seconds)
            .values(seconds=seconds)
        )


def retentions(connection: Connection) -> dict[str, timedelta]:
    """Give how long personal data is kept of every brand there ever was, as was said last."""
    usual = int(USUAL_RETENTION.total_seconds())
    rows = connection.execute(
        select(AccountRow.brand, func.coalesce(RetentionRow.seconds, usual))
        .outerjoin(RetentionRow, RetentionRow.brand == AccountRow.brand)
        .distinct()
        .order_by(AccountRow.brand)
    )
    return {brand: timedelta(seconds=seconds) for brand, seconds in rows}


def _set(connection: Connection, account_id: int, **values: object) -> None:
    connection.execute(update(AccountRow).where(AccountRow.id == account_id).values(**values))


_IS_DUE = and_(
    AccountRow.removed_at.is_(None),
    AccountRow.next_due_at <= bindparam("now"),
    or_(AccountRow.lease_until.is_(None), AccountRow.lease_until <= bindparam("now")),
)
# Asked every second: made once, because making it takes longer than asking.
_IS_ANYTHING_DUE = select(
    or_(
        exists().where(OutboxRow.available_at <= bindparam("now")),
        exists().where(_IS_DUE),
    )
)
_RUN_TO_DO = AccountRow.run_id + case((AccountRow.run_until.is_(None), 1), else_=0)
"""Number of the run that goes on, or that would begin."""
_DUE = (
    select(AccountRow.id, AccountRow.key, _RUN_TO_DO.label("run_id"))
    .where(_IS_DUE)
    .order_by(AccountRow.next_due_at)
    .limit(50)
)


def is_anything_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether the time of an account or of a message in the outbox has come."""
    return bool(connection.execute(_IS_ANYTHING_DUE, {"now": now}).scalar())


def due(connection: Connection, *, now: datetime) -> list[tuple[int, str, int]]:
    """Find accounts whose time has come and that nobody collects, longest waiting first.

    Returns:
        Id, ``BRAND/NAME`` and the number of the run to ask for.
    """
    rows = connection.execute(_DUE, {"now": now})
    return [(row.id, row.key, row.run_id) for row in rows]


def postpone(
    connection: Connection, account_id: int, *, seen_due: datetime, until: datetime
) -> bool:
    """Claim the starting of a due account, so that two schedulers start it once."""
    changed = connection.execute(
        update(AccountRow)
        .where(AccountRow.id == account_id, AccountRow.next_due_at <= seen_due)
        .values(next_due_at=until)
    )
    return changed.rowcount == 1


def find(connection: Connection, key: str) -> int | None:
    """Give the id of ``BRAND/NAME``."""
    return connection.execute(
        select(AccountRow.id).where(AccountRow.key == key, AccountRow.removed_at.is_(None))
    ).scalar()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an account's row is read from.

    Attributes:
        key: ``BRAND/NAME``.
        source: None as long as nothing is known of it.
        place: Which of the account's places it is, from 1.
    """

    key: str
    channel: str
    source: Source | None
    place: int


def origin_of(connection: Connection, account_id: int) -> Origin:
    """Tell where an account's row is read from."""
    namesake = aliased(AccountRow)
    place = (
        select(func.count(namesake.id))
        .where(namesake.key == AccountRow.key, namesake.id <= AccountRow.id)
        .scalar_subquery()
    )
    row = connection.execute(
        select(AccountRow.key, AccountRow.channel, AccountRow.source, place).where(
            AccountRow.id == account_id
        )
    ).one()
    return Origin(*row)


def told_of(connection: Connection, payload: Mapping[str, Any]) -> int | None:
    """Give the row that a digest is about; one that waited for this version names the account only."""
    account_id: int | None = payload.get("account_id")
    return find(connection, payload["account_key"]) if account_id is None else account_id


def watermark(connection: Connection, account_id: int) -> datetime | None:
    """Tell up to when everything of an account is stored."""
    return connection.execute(
        select(AccountRow.watermark).where(AccountRow.id == account_id)
    ).scalar_one()


def claim_run(
    connection: Connection,
    account_id: int,
    *,
    now: datetime,
    lease: timedelta,
    overlap: timedelta,
    backfill: timedelta | None,
    window: timedelta | None,
    run_id: int | None = None,
) -> Run | None:
    """Lease an account and start a run, or go on with the one that was interrupted.

    Args:
        connection: The caller's transaction.
        account_id: Which account.
        now: End of a new run's window, unless ``window`` ends it earlier.
        window: Longest window the channel answers; None without a limit.
        lease: How long a page may take before another worker may go on.
        overlap: How far before the watermark a new run starts, to see edits and late arrivals.
        backfill: How far the very first run reaches back; None for everything.
        run_id: Number of the run that was asked for; None for whichever there is to do.

    Returns:
        The run, or None while somebody else holds the account, or when it was done by now.
    """
    is_asked_for = true() if run_id is None else literal(run_id) == _RUN_TO_DO
    row = _lease(connection, account_id, is_asked_for, now=now, lease=lease)
    if row is None:
        return None
    started: dict[str, Any] = {}
    if row.run_until is None:
        if row.watermark is not None:
            since = row.watermark - overlap
        else:
            since = EARLIEST if backfill is None else now - backfill
        started = {
            "run_id": row.run_id + 1,
            "run_since": since,
            "run_until": now if window is None else min(now, since + window),
            "run_cursor": None,
            "backfill_until": row.backfill_until or now,
        }
    elif row.run_cursor is None:
        # Read again from its first page, days later perhaps: what it has seen may be edited since.
        started = {"run_id": row.run_id + 1}
    if started:
        row = connection.execute(
            update(AccountRow)
            .where(AccountRow.id == account_id)
            .values(**started)
            .returning(AccountRow.__table__)
        ).one()
    return Run(
        account_id=row.id,
        account_key=row.key,
        brand=row.brand,
        channel=row.channel,
        run_id=row.run_id,
        since=row.run_since,
        until=row.run_until,
        cursor=row.run_cursor,
        is_backfill=row.run_until <= row.backfill_until,
        token=row.lease_token,
    )


def _lease(
    connection: Connection,
    account_id: int,
    *where: ColumnElement[bool],
    now: datetime,
    lease: timedelta,
) -> Any:  # noqa: ANN401 - a result row
    """Take an account that nobody holds; gives its row, or None."""
    return connection.execute(
        update(AccountRow)
        .where(
            AccountRow.id == account_id,
            or_(AccountRow.lease_until.is_(None), AccountRow.lease_until <= now),
            *where,
        )
        .values(lease_until=now + lease, lease_token=secrets.token_hex(8))
        .returning(AccountRow.__table__)
    ).one_or_none()


def hold(connection: Connection, run: Run) -> bool:
    """Keep everybody else from an account until the transaction ends; False when it is not ours."""
    ours = select(AccountRow.id).where(
        AccountRow.id == run.account_id, AccountRow.lease_token == run.token
    )
    return connection.execute(ours.with_for_update(key_share=True)).first() is not None


def advance_run(
    connection: Connection, run: Run, cursor: str, *, now: datetime, lease: timedelta
) -> bool:
    """Remember the next page in the transaction that stored this one.

    Returns:
        False when the lease was lost; the caller must undo its transaction.
    """
    changed = connection.execute(
        update(AccountRow)
        .where(AccountRow.id == run.account_id, AccountRow.lease_token == run.token)
        .values(run_cursor=cursor, lease_until=now + lease)
    )
    return changed.rowcount == 1


def finish_run(connection: Connection, run: Run, *, now: datetime, next_due_at: datetime) -> bool:
    """Move the watermark in the transaction that stored the last page.

    Returns:
        False when the lease was lost; the caller must undo its transaction.
    """
    changed = connection.execute(
        update(AccountRow)
        .where(AccountRow.id == run.account_id, AccountRow.lease_token == run.token)
        .values(
            watermark=run.until,
            run_since=None,
            run_until=None,
            run_cursor=None,
            lease_until=None,
            lease_token=None,
            last_success_at=now,
            failures=0,
            last_error="",
            next_due_at=next_due_at,
        )
    )
    return changed.rowcount == 1


def fail_run(
    connection: Connection,
    run: Run,
    error: str,
    *,
    failures: int,
    next_due_at: datetime,
    keep_cursor: bool,
) -> bool:
    """Give the account back after a failure; the run goes on next time.

    Args:
        connection: The caller's transaction.
        run: What failed.
        error: Message for the operator, without customer text.
        failures: How many there were, this one included, since the run last got on.
        next_due_at: When to try again.
        keep_cursor: Whether the pages read so far need not be read again.

    Returns:
        False when the lease was lost; what failed is somebody else's business by now.
    """
    changed = connection.execute(
        update(AccountRow)
        .where(AccountRow.id == run.account_id, AccountRow.lease_token == run.token)
        .values(
            lease_until=None,
            lease_token=None,
            failures=failures,
            last_error=error[:500],
            next_due_at=next_due_at,
            **({} if keep_cursor else {"run_cursor": None}),
        )
    )
    return changed.rowcount == 1


def note_failure(
    connection: Connection, account_id: int, error: str, *, next_due_at: datetime
) -> None:
    """Note why no run could be begun, and when to try again."""
    connection.execute(
        update(AccountRow)
        .where(AccountRow.id == account_id)
        .values(failures=AccountRow.failures + 1, last_error=error[:500], next_due_at=next_due_at)
    )


def release_run(connection: Connection, run: Run) -> None:
    """Give the account back in the middle of a run, to go on in a new message."""
    connection.execute(
        update(AccountRow)
        .where(AccountRow.id == run.account_id, AccountRow.lease_token == run.token)
        .values(lease_until=None, lease_token=None)
    )


def forget_failures(connection: Connection, run: Run) -> None:
    """Note that a run got on past the place where it failed.

    An open incident's failures stay: its page may lie ahead, in a run that began again.
    """
    connection.execute(
        update(AccountRow)
        .where(
            AccountRow.id == run.account_id,
            AccountRow.lease_token == run.token,
            ~exists().where(
                IncidentRow.subject == run.account_key, IncidentRow.closed_at.is_(None)
            ),
        )
        .values(failures=0, last_error="")
    )


def failures(connection: Connection, account_id: int) -> int:
    """Count the failures since the run last got on."""
    return connection.execute(
        select(AccountRow.failures).where(AccountRow.id == account_id)
    ).scalar_one()


def claim_import(
    connection: Connection, account_id: int, *, now: datetime, lease: timedelta
) -> Run | None:
    """Lease an account to store a file's rows outside of its runs; None while it is held."""
    row = _lease(connection, account_id, now=now, lease=lease)
    if row is None:
        return None
    return Run(
        account_id=row.id,
        account_key=row.key,
        brand=row.brand,
        channel=row.channel,
        run_id=row.run_id,
        since=EARLIEST,
        until=now,
        cursor=None,
        is_backfill=row.watermark is None,
        token=row.lease_token,
    )


def keep_import(connection: Connection, run: Run, *, now: datetime, lease: timedelta) -> bool:
    """Hold the account on in the transaction that stored a page of a file.

    Returns:
        False when the lease was lost; the caller must undo its transaction.
    """
    changed = connection.execute(
        update(AccountRow)
        .where(AccountRow.id == run.account_id, AccountRow.lease_token == run.token)
        .values(lease_until=now + lease)
    )
    return changed.rowcount == 1


def take_over(connection: Connection, brand: str, *, until: datetime) -> str:
    """Lease all accounts of a brand, whoever holds them: what they hold is not stored any more.

    Returns:
        The lease's token, for ``give_back``.
    """
    token = secrets.token_hex(8)
    connection.execute(
        update(AccountRow)
        .where(AccountRow.brand == brand)
        .values(lease_until=until, lease_token=token)
    )
    return token


def give_back(connection: Connection, token: str) -> None:
    """End the leases of one token; interrupted runs go on from their cursors."""
    connection.execute(
        update(AccountRow)
        .where(AccountRow.lease_token == token)
        .values(lease_until=None, lease_token=None)
    )


def forget_leases(connection: Connection) -> None:
    """Drop all leases at the start of a single-process daemon: their holders are dead."""
    connection.execute(
        update(AccountRow)
        .where(AccountRow.lease_until.is_not(None))
        .values(lease_until=None, lease_token=None)
    )


IS_BEHIND = or_(AccountRow.watermark.is_(None), AccountRow.watermark < AccountRow.backfill_until)
"""An account of which there is more to collect than what came since it was set up."""


def is_first_collection_read(connection: Connection, account_id: int | None) -> bool:
    """Tell whether all that a row's first collection finds is stored and understood.

    Nothing more is to come of an account, or of a place, that was taken out.
    """
    unread = exists().where(
        FeedbackRow.account_id == AccountRow.id,
        FeedbackRow.is_backfill,
        FeedbackRow.state == literal(FeedbackState.COLLECTED, literal_execute=True),
    )
    is_to_come = and_(AccountRow.removed_at.is_(None), IS_BEHIND)
    waits = select(AccountRow.id).where(AccountRow.id == account_id, or_(is_to_come, unread))
    return connection.execute(waits).first() is None


def count_old(
    connection: Connection,
    account_id: int | None,
    *,
    late: tuple[datetime, datetime] | None,
    now: datetime,
) -> dict[str, int]:
    """Count what was old when it was collected, and told in one digest.

    Args:
        connection: For reading.
        account_id: Whose.
        late: Since when it was collected and before when it was written; None for what the first
            collection found.
        now: Decides what is overdue.

    Returns:
        ``total``, ``negative``, ``inquiries``, ``answered``, ``waiting`` (open cases) and, of these,
        ``overdue``.
    """
    is_open = CaseRow.state.in_(OPEN_CASE_STATES)
    which: list[ColumnElement[bool]] = [FeedbackRow.is_backfill.is_(True)]
    if late is not None:
        since, before = late
        which = [
            ~FeedbackRow.is_backfill,
            FeedbackRow.first_seen_at >= since,
            FeedbackRow.written_at < before,
        ]
    counts = connection.execute(
        select(
            func.count(FeedbackRow.id),
            func.count(FeedbackRow.id).filter(FeedbackRow.sentiment == "negative"),
            func.count(FeedbackRow.id).filter(FeedbackRow.kind == "inquiry"),
            func.count(CaseRow.id).filter(CaseRow.state == CaseState.ANSWERED),
            func.count(CaseRow.id).filter(is_open),
            func.count(CaseRow.id).filter(is_open, CaseRow.due_at < now),
        )
        .outerjoin(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
        .where(FeedbackRow.account_id == account_id, *which)
    ).one()
    names = ("total", "negative", "inquiries", "answered", "waiting", "overdue")
    return dict(zip(names, counts, strict=True))


def quarantine(
    connection: Connection,
    account_id: int,
    items: Sequence[QuarantinedItem],
    *,
    seal: Callable[[bytes], bytes],
    fingerprints: Callable[[QuarantinedItem], Sequence[str]],
    now: datetime,
) -> int:
    """Keep what could not be parsed, once per content.

    Args:
        connection: The caller's transaction.
        account_id: Whose rows.
        items: What could not be parsed.
        seal: Encrypts the raw rows.
        fingerprints: Names an item under every key, the present one first.
        now: When they were read.

    Returns:
        How many were new.
    """
    if not items:
        return 0
    named = [(item, fingerprints(item)) for item in items]
    retired = [name for _, names in named for name in names[1:]]
    kept = set(
        connection.execute(
            select(QuarantineRow.fingerprint).where(
                QuarantineRow.account_id == account_id, QuarantineRow.fingerprint.in_(retired)
            )
        ).scalars()
    )
    rows = [
        {
            "account_id": account_id,
            "fingerprint": names[0],
            "reason": item.reason,
            "source": item.source,
            "row": item.row,
            "field": item.field,
            "remedy": item.remedy,
            "sealed_raw": seal(item.raw),
            "seen_at": now,
        }
        for item, names in named
        if not any(name in kept for name in names)
    ]
    if not rows:
        return 0
    new = connection.execute(
        insert_ignoring(connection, QuarantineRow).returning(QuarantineRow.id), rows
    ).all()
    return len(new)


@dataclass(frozen=True, slots=True)
class Kept:
    """A quarantined row or saved page.

    Attributes:
        account: ``BRAND/NAME``.
        sealed: None once it was erased.
    """

    account: str
    sealed: bytes | None


def quarantined_rows(connection: Connection, account_key: str | None) -> list[dict[str, Any]]:
    """Give the rows nobody has resolved, of one account or of all, oldest first."""
    rows = connection.execute(
        select(
            QuarantineRow.id,
            AccountRow.key.label("account"),
            QuarantineRow.source,
            QuarantineRow.row,
            QuarantineRow.field,
            QuarantineRow.reason,
            QuarantineRow.seen_at,
            QuarantineRow.sealed_raw.is_not(None).label("is_kept"),
        )
        .join(AccountRow, AccountRow.id == QuarantineRow.account_id)
        .where(
            QuarantineRow.resolved_at.is_(None),
            true() if account_key is None else AccountRow.key == account_key,
        )
        .order_by(QuarantineRow.id)
    )
    return dicts(rows)


def saved_pages(connection: Connection, account_key: str | None) -> list[dict[str, Any]]:
    """Give the incidents whose page is kept, open or over, of one account or of all."""
    rows = connection.execute(
        select(
            IncidentRow.id,
            IncidentRow.subject.label("account"),
            IncidentRow.kind,
            IncidentRow.message,
            IncidentRow.seen_at,
            IncidentRow.closed_at.is_(None).label("is_open"),
        )
        .where(
            IncidentRow.sealed_page.is_not(None),
            true() if account_key is None else IncidentRow.subject == account_key,
        )
        .order_by(IncidentRow.id)
    )
    return dicts(rows)


def sealed_row(connection: Connection, row_id: int) -> Kept | None:
    """Give what is kept of a quarantined row; None when there is no such row."""
    found = connection.execute(
        select(AccountRow.key, QuarantineRow.sealed_raw)
        .join(AccountRow, AccountRow.id == QuarantineRow.account_id)
        .where(QuarantineRow.id == row_id)
    ).one_or_none()
    return Kept(*found) if found else None


def sealed_page(connection: Connection, incident_id: int) -> Kept | None:
    """Give what is kept of an incident's page; None when there is no such incident."""
    found = connection.execute(
        select(IncidentRow.subject, IncidentRow.sealed_page).where(IncidentRow.id == incident_id)
    ).one_or_none()
    return Kept(*found) if found else None


def resolve_quarantined(connection: Connection, row_id: int, *, now: datetime) -> bool:
    """Settle a row that was repaired or discarded; False when it was settled before."""
    changed = connection.execute(
        update(QuarantineRow)
        .where(QuarantineRow.id == row_id, QuarantineRow.resolved_at.is_(None))
        .values(resolved_at=now)
    )
    return changed.rowcount == 1


def _sealed(brand: str) -> tuple[tuple[Any, Any, Any, ColumnElement[bool]], ...]:
    """Give the tables of a brand's sealed rows and pages: table, column, since when, which."""
    return (
        (
            QuarantineRow,
            QuarantineRow.sealed_raw,
            QuarantineRow.seen_at,
            and_(
                QuarantineRow.account_id.in_(
                    select(AccountRow.id).where(AccountRow.brand == brand)
                ),
                QuarantineRow.sealed_raw.is_not(None),
            ),
        ),
        (
            IncidentRow,
            IncidentRow.sealed_page,
            # An incident is seen again, but its page is the first one.
            IncidentRow.opened_at,
            and_(
                IncidentRow.subject.startswith(f"{brand}/", autoescape=True),
                IncidentRow.sealed_page.is_not(None),
            ),
        ),
    )


def erase_kept_pages(connection: Connection, brand: str, *, kept_before: datetime) -> int:
    """Remove sealed rows and pages past the brand's retention; what was wrong stays on record.

    Returns:
        How many were emptied.
    """
    return sum(
        connection.execute(
            update(table).where(is_kept, kept_at < kept_before).values({column.key: None})
        ).rowcount
        for table, column, kept_at, is_kept in _sealed(brand)
    )


def erase_tokens(connection: Connection, brand: str, *, removed_before: datetime) -> None:
    """Remove the tokens of accounts taken out so long ago: a board's hold names and texts."""
    gone = select(AccountRow.key).where(
        AccountRow.brand == brand, AccountRow.removed_at < removed_before
    )
    # The account's own, whatever place it left.
    here = select(AccountRow.key).where(AccountRow.brand == brand, AccountRow.removed_at.is_(None))
    is_gone = and_(TokenRow.account_key.in_(gone), TokenRow.account_key.not_in(here))
    connection.execute(delete(TokenRow).where(is_gone))


def change_tokens(connection: Connection, brand: str, changed: Callable[[bytes], bytes]) -> None:
    """Change what the token store keeps for a brand's accounts, removed ones included.

    Args:
        connection: The caller's transaction.
        brand: Slug.
        changed: Gives the new sealed value for one; the same where nothing changes.
    """
    ours = select(AccountRow.key).where(AccountRow.brand == brand)
    rows = connection.execute(
        select(TokenRow.account_key, TokenRow.sealed)
        .where(TokenRow.account_key.in_(ours))
        .order_by(TokenRow.account_key)
        .with_for_update()
    ).all()
    for key, sealed in rows:
        new = changed(sealed) if sealed else sealed
        if new != sealed:
            row = update(TokenRow).where(TokenRow.account_key == key)
            connection.execute(row.values(sealed=new))


def channels_of(connection: Connection, brand: str) -> list[str]:
    """Give every channel a brand's feedback may be from, those of removed accounts included."""
    rows = connection.execute(
        union(
            select(AccountRow.channel).where(AccountRow.brand == brand),
            # An account may have been moved to another channel; what it brought has not.
            select(FeedbackRow.channel).where(FeedbackRow.brand == brand),
        )
    )
    return sorted(rows.scalars())


def erase_kept(connection: Connection, brand: str, is_named_in: Callable[[bytes], bool]) -> int:
    """Remove a brand's sealed rows and pages that name somebody; what was wrong stays on record.

    Args:
        connection: The caller's transaction.
        brand: Slug.
        is_named_in: Looks into a sealed row or page.

    Returns:
        How many were emptied.
    """
    emptied = 0
    for table, column, _, is_kept in _sealed(brand):
        ids = connection.execute(select(table.id).where(is_kept)).scalars()
        # One at a time: a page may have many megabytes.
        for row_id in list(ids):
            sealed = connection.execute(select(column).where(table.id == row_id)).scalar_one()
            if is_named_in(sealed):
                connection.execute(
                    update(table).where(table.id == row_id).values({column.key: None})
                )
                emptied += 1
    return emptied


SLACK = "slack"
"""What an incident is about that concerns no account but Slack."""


def slack_room(destination: str) -> str:
    """Give what an incident is about that concerns one room in Slack."""
    return f"{SLACK}:{destination}"


def open_incident(
    connection: Connection,
    kind: str,
    subject: str,
    message: str,
    *,
    now: datetime,
    sealed_page: bytes | None = None,
) -> bool:
    """Note something for the operator; a second report of an open incident only refreshes it.

    Returns:
        True when it is new, so that one alert is made.
    """
    opened = connection.execute(
        insert_ignoring(connection, IncidentRow).returning(IncidentRow.id),
        [
            {
                "kind": kind,
                "subject": subject,
                "message": message,
                "sealed_page": sealed_page,
                "opened_at": now,
                "seen_at": now,
            }
        ],
    ).all()
    if not opened:
        connection.execute(
            update(IncidentRow)
            .where(_open_incident(kind, subject))
            .values(seen_at=now, message=message)
        )
    return bool(opened)


def close_incidents(connection: Connection, subject: str, *, now: datetime) -> None:
    """Close what a success proves to be over."""
    connection.execute(
        update(IncidentRow)
        .where(IncidentRow.subject == subject, IncidentRow.closed_at.is_(None))
        .values(closed_at=now)
    )


def _open_incident(kind: str, subject: str) -> Any:  # noqa: ANN401 - a SQL condition
    return and_(
        IncidentRow.kind == kind,
        IncidentRow.subject == subject,
        IncidentRow.closed_at.is_(None),
    )


def health(connection: Connection) -> list[dict[str, Any]]:
    """Give each account's progress for ``doctor`` and the console."""
    rows = connection.execute(
        select(
            AccountRow.key,
            AccountRow.channel,
            AccountRow.source,
            AccountRow.last_success_at,
            AccountRow.next_due_at,
            AccountRow.failures,
            AccountRow.last_error,
            select(func.count(QuarantineRow.id))
            .where(QuarantineRow.account_id == AccountRow.id, QuarantineRow.resolved_at.is_(None))
            .scalar_subquery()
            .label("quarantined"),
        )
        .where(AccountRow.removed_at.is_(None))
        .order_by(AccountRow.key)
    )
    return dicts(rows)


def left_places(connection: Connection) -> list[dict[str, Any]]:
    """Give the places that accounts which go on elsewhere have left feedback of, last left first.

    Returns:
        ``key``, ``channel``, ``source``, ``removed_at`` and how many open ``cases`` there are.
    """
    current = aliased(AccountRow)
    rows = connection.execute(
        select(
            AccountRow.key,
            AccountRow.channel,
            AccountRow.source,
            AccountRow.removed_at,
            func.count(CaseRow.id).filter(CaseRow.state.in_(OPEN_CASE_STATES)).label("cases"),
        )
        .join(current, and_(current.key == AccountRow.key, current.removed_at.is_(None)))
        .join(FeedbackRow, FeedbackRow.account_id == AccountRow.id)
        .outerjoin(CaseRow, CaseRow.feedback_id == FeedbackRow.id)
        .where(AccountRow.removed_at.is_not(None))
        .group_by(AccountRow.id)
        .order_by(AccountRow.key, AccountRow.removed_at.desc())
    )
    return dicts(rows)


def open_incidents(connection: Connection) -> list[dict[str, Any]]:
    """Give what the operator must look at, newest first, without the sealed pages."""
    rows = connection.execute(
        select(
            IncidentRow.id,
            IncidentRow.kind,
            IncidentRow.subject,
            IncidentRow.message,
            IncidentRow.opened_at,
            IncidentRow.seen_at,
        )
        .where(IncidentRow.closed_at.is_(None))
        .order_by(IncidentRow.seen_at.desc())
    )
    return dicts(rows)
