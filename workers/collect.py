"""Collecting: one account, page after page; the only loop over collectors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from alerts.rules import SINGLE_ALERT_AGE, AlertRule, operator_alert
from collectors import CHANNELS
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    PermanentError,
    RateLimitedError,
    ReputationError,
    RetryableError,
    SourceMovedError,
)
from domain.messages import Message
from settings import LONGEST_DURATION, parse_duration
from storage import accounts, feedback, outbox
from workers.backoff import pause
from workers.intake import PreparedPage, prepare_page, rejected
from workers.notices import new_alert, tell
from workers.reasons import alarm_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from domain.brands import Account
    from domain.types import Page
    from storage.accounts import Run
    from storage.session import Connection
    from workers.runtime import Runtime

log = structlog.get_logger()

ANALYZE_PAGE = 128
"""Most ids in one analysis message; a collected page is one message."""
IMPORT_LEASE = timedelta(hours=1)
STINT = timedelta(seconds=20)
"""How long one message collects before it makes room for other accounts."""
FIRST_BACKFILL = timedelta(days=365)
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=1)
PLACE_TRIES = 10
"""Failures at one place, about two hours, before the run begins again: its cursor may be too old."""
SUDDENLY_EMPTY = 5
"""So many known items and none left: that is a broken page, not so many deletions."""


@dataclass(slots=True)
class Collected:
    """What a collection brought, for the command line.

    Attributes:
        is_doubtful: Whether nothing could be read of a page, as never before, or a list was empty.
        error: Why it ended early; empty when it was complete.
    """

    pages: int = 0
    rows: int = 0
    new: int = 0
    changed: int = 0
    quarantined: int = 0
    gone: int = 0
    is_complete: bool = False
    is_doubtful: bool = False
    error: str = ""

    def plus(self, other: Collected) -> Collected:
        """Add what a further stint brought."""
        return Collected(
            pages=self.pages + other.pages,
            rows=self.rows + other.rows,
            new=self.new + other.new,
            changed=self.changed + other.changed,
            quarantined=self.quarantined + other.quarantined,
            gone=self.gone + other.gone,
            is_complete=other.is_complete,
            is_doubtful=self.is_doubtful or other.is_doubtful,
            error=other.error,
        )


def collect_asked(runtime: Runtime, asked: Sequence[int]) -> Collected:
    """Do the run that a message asks for: the account's id and the run's number.

    An account is asked for at every interval. While the broker is away, or all workers have their
    hands full, that adds up; the first of these messages that comes does the run, and to the others
    it is done. Otherwise the channel would be read again and again, and nothing else be worked on.
    """
    account_id, run_id = asked
    return collect(runtime, account_id, run_id=run_id)


def collect(
    runtime: Runtime, account_id: int, *, run_id: int | None = None, stint: timedelta = STINT
) -> Collected:
    """Collect one account until its window is read, the stint is over or it fails.

    Claims the account, fetches a page with no transaction open, stores the page together with
    the place of the next. Dying after a fetch costs that fetch; dying after a store costs nothing:
    the run goes on from its cursor when the lease has ended. A page stored twice changes nothing.
    """
    done = Collected()
    wanted = _wanted(runtime, account_id, done)
    if wanted is None:
        return done
    account, reach = wanted
    run = _claim(runtime, account_id, reach, run_id)
    if run is None:
        return done
    started = runtime.clock()
    try:
        collector = runtime.collector(account)
        cursor, trail = _place_of(run, account)
        while True:
            page = collector.fetch(run.since, run.until, cursor)
            # A collector that first had to ask something else comes back to the same place once.
            has_moved = page.next_cursor != cursor or bool(page.items or page.quarantined)
            came_from, cursor = trail, page.next_cursor
            if cursor is not None and has_moved:
                trail = trail.then(cursor)
            _store(runtime, run, account, page, trail, done)
            if done.pages == 1:
                # What was found is looked at while the rest is read.
                runtime.poke()
            if cursor is None:
                done.is_complete = True
                break
            if has_moved and came_from.has_met(cursor):
                raise LayoutChangedError(
                    f"{run.account_key}: page {trail.places} leads back to a page before it"
                )
            if runtime.clock() - started > stint:
                _make_room(runtime, run)
                break
    except ReputationError as error:
        done.error = str(error)
        _fail(runtime, run, error, has_progressed=done.pages > 0)
    runtime.poke()
    log.info(
        "collection_ended",
        account=run.account_key,
        run=run.run_id,
        pages=done.pages,
        new=done.new,
        changed=done.changed,
        quarantined=done.quarantined,
        gone=done.gone,
        error=done.error,
    )
    return done


def _wanted(runtime: Runtime, account_id: int, done: Collected) -> tuple[Account, Reach] | None:
    """Give the account of a row and how far back it is read; None where it cannot be read."""
    with runtime.database.reading() as connection:
        origin = accounts.origin_of(connection, account_id)
    try:
        account = runtime.account_at(origin.key, origin.channel, origin.source)
    except SourceMovedError as error:
        # Asked for before the account moved, or this process has an older brand.toml than another.
        log.warning("collection_elsewhere", account=origin.key, error=str(error))
        done.error = str(error)
        return None
    try:
        return account, reach_of(account)
    except ConfigurationError as error:
        done.error = str(error)
        _refuse(runtime, account_id, account.key, error)
        return None


@dataclass(frozen=True, slots=True)
class _Trail:
    """Tells that a run goes in a circle, by one place it was at (Brent's way).

    The place is let go of for the present one at the 1st, 2nd, 4th, 8th and so on, so that a
    circle of any length is noticed after three times as many pages as lead into it and around it.

    Attributes:
        places: How many there were.
        kept: Names the place.
    """

    places: int = 0
    kept: str = ""

    @classmethod
    def read(cls, written: str) -> _Trail:
        """Read what is kept with a run's place; empty at the beginning."""
        places, _, kept = written.partition(".")
        return cls(int(places or 0), kept)

    def __str__(self) -> str:
        return f"{self.places}.{self.kept}"

    def has_met(self, cursor: str) -> bool:
        """Tell whether this is the place that is kept."""
        return _name_of(cursor) == self.kept

    def then(self, cursor: str) -> _Trail:
        """Give the trail that goes on to the place."""
        places = self.places + 1
        is_kept = places & self.places == 0
        return _Trail(places, _name_of(cursor) if is_kept else self.kept)


def _place_of(run: Run, account: Account) -> tuple[str | None, _Trail]:
    """Give where a run goes on, None for the beginning of its window, and how it came there.

    A place among the lists or words of other settings means nothing.
    """
    head, _, place = (run.cursor or "").partition("|")
    mark, _, trail = head.partition(".")
    return (place, _Trail.read(trail)) if mark == _mark_of(account) else (None, _Trail())


def _name_of(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _mark_of(account: Account) -> str:
    """Name what an account's settings have read; a run's place is kept behind it."""
    settings = json.dumps([account.channel, account.options], sort_keys=True, default=str)
    return hashlib.sha256(settings.encode()).hexdigest()[:8]


def _claim(runtime: Runtime, account_id: int, reach: Reach, run_id: int | None) -> Run | None:
    with runtime.database.unit_of_work() as connection:
        return accounts.claim_run(
            connection,
            account_id,
            now=runtime.clock(),
            lease=runtime.settings.lease,
            overlap=reach.overlap,
            backfill=reach.backfill,
            window=reach.window,
            run_id=run_id,
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back an account is read; see ``storage.accounts.claim_run``."""

    overlap: timedelta
    backfill: timedelta
    window: timedelta | None


def reach_of(account: Account) -> Reach:
    """Give how far back an account is read, by its channel and its options.

    Raises:
        ConfigurationError: An option is no duration, or the overlap leaves no way forward.
    """
    spec = CHANNELS[account.channel].spec if account.channel in CHANNELS else None
    overlap = _duration(account, "overlap", spec.overlap if spec else timedelta(0))
    window = spec.window if spec else None
    if window is not None and overlap >= window:
        # Every run would end where it began, and find nothing new for ever.
        raise ConfigurationError(
            f"account {account.key}: overlap must be shorter than {window.days} days, the longest "
            "that one question to this channel may span"
        )
    return Reach(overlap, _duration(account, "backfill", FIRST_BACKFILL), window)


def _duration(account: Account, option: str, default: timedelta) -> timedelta:
    given = account.options.get(option, default)
    value = parse_duration(given)
    if not isinstance(value, timedelta) or value > LONGEST_DURATION:
        raise ConfigurationError(
            f"account {account.key}: {option} = {given!r} is not a duration of at most "
            f'{LONGEST_DURATION.days} days; write "90d"'
        )
    return value


def _store(
    runtime: Runtime, run: Run, account: Account, page: Page, trail: _Trail, done: Collected
) -> None:
    """Store a page and move the run, in one transaction."""
    now = runtime.clock()
    done.pages += 1
    done.rows += len(page.items)
    prepared = _prepare(runtime, run, account, page)
    with runtime.database.unit_of_work() as connection:
        # Before anything else: what another run stored since is not what this page was compared with.
        if not accounts.hold(connection, run):
            raise RetryableError(f"{run.account_key}: somebody else took over run {run.run_id}")
        is_end = page.next_cursor is None
        if is_end and page.covers is not None and not done.rows:
            _refuse_emptiness(connection, run, page.covers, page.lists)
        known = done.quarantined
        stored = _store_items(runtime, connection, run, account, prepared, done)
        odd = next((row for row in page.quarantined if row.is_alone), None)
        if odd is not None and done.quarantined > known:
            # The run goes on: what is written from now on must not wait behind an odd row.
            doubt = LayoutChangedError(f"no row of a page can be read: {odd.reason}", odd.raw)
            report_incident(runtime, connection, run.account_key, doubt, now=now)
            done.is_doubtful = True
        if page.next_cursor is not None:
            cursor = f"{_mark_of(account)}.{trail}|{page.next_cursor}"
            accounts.advance_run(connection, run, cursor, now=now, lease=runtime.settings.lease)
        else:
            if page.covers is not None:
                _mark_gone(runtime, connection, run, page.covers, page.lists, done)
            _finish(connection, run, account, done, now=now)
    done.new += stored.new
    done.changed += stored.changed


def _prepare(runtime: Runtime, run: Run, account: Account, page: Page) -> PreparedPage:
    """Mask and seal a page before its transaction, for which everybody else's waits on SQLite.

    What is stored of it cannot change in between: the run holds the account.
    """
    with runtime.database.reading() as connection:
        known = feedback.find_known(connection, run.account_id, page.items)
    return prepare_page(
        page,
        runtime.brands[account.brand],
        account,
        runtime.sealer,
        stored={key: row.content_fingerprint for key, row in known.items()},
        seen=None
        if CHANNELS[account.channel].spec.reads_files
        else {key for key, row in known.items() if row.last_seen_run == run.run_id},
        now=runtime.clock(),
    )


def _store_items(
    runtime: Runtime,
    connection: Connection,
    run: Run,
    account: Account,
    prepared: PreparedPage,
    done: Collected,
) -> feedback.StoredPage:
    """Store feedback and quarantine of a page and ask for the analysis of what is new."""
    now = runtime.clock()
    known = feedback.find_known(connection, run.account_id, prepared.page.items)
    stored = feedback.store_page(
        connection,
        run,
        prepared.items,
        known,
        now=now,
        fresh_after=now - SINGLE_ALERT_AGE,
        is_export=CHANNELS[account.channel].spec.reads_files,
    )
    done.quarantined += accounts.quarantine(
        connection,
        run.account_id,
        prepared.quarantined,
        seal=runtime.sealer.seal,
        fingerprints=lambda item: runtime.sealer.fingerprints(rejected(item.raw, item.reason)),
        now=now,
    )
    for message, ids in (
        (Message.FEEDBACK_ANALYZE, stored.fresh),
        (Message.FEEDBACK_ANALYZE_BACKLOG, stored.backlog),
    ):
        outbox.add_pages(connection, message, ids, page_size=ANALYZE_PAGE, available_at=now)
    return stored


def _refuse_emptiness(
    connection: Connection,
    run: Run,
    covers: tuple[datetime, datetime],
    lists: tuple[str, ...] | None,
) -> None:
    known = feedback.count_unseen(connection, run, covers, lists)
    if known >= SUDDENLY_EMPTY:
        raise LayoutChangedError(
            f"{run.account_key}: the channel shows nothing where {known} items are known"
        )


def _mark_gone(
    runtime: Runtime,
    connection: Connection,
    run: Run,
    covers: tuple[datetime, datetime],
    lists: tuple[str, ...] | None,
    done: Collected,
) -> None:
    """Mark what a whole window did not show any more, but nothing of a list that may be broken."""
    now = runtime.clock()
    vanished = feedback.vanished_lists(connection, run, covers, lists, least=SUDDENLY_EMPTY)
    done.gone += feedback.mark_gone(connection, run, covers, lists, now=now, spared=vanished)
    if not vanished:
        return
    # The run goes on: the channel's other lists must not wait behind this one.
    named = ", ".join(
        f"{name or 'its list'} ({known} are known)" for name, known in vanished.items()
    )
    doubt = LayoutChangedError(f"{run.account_key}: the channel shows nothing of {named}")
    report_incident(runtime, connection, run.account_key, doubt, now=now)
    done.is_doubtful = True


def _finish(
    connection: Connection, run: Run, account: Account, done: Collected, *, now: datetime
) -> None:
    if not done.is_doubtful:
        accounts.close_incidents(connection, run.account_key, now=now)
    # A channel that answers short windows only is read on at once until the present.
    is_behind = now - run.until > account.interval
    accounts.finish_run(
        connection,
        run,
        now=now,
        next_due_at=now if is_behind else now + account.interval,
    )


def _make_room(runtime: Runtime, run: Run) -> None:
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        accounts.forget_failures(connection, run)
        accounts.release_run(connection, run)
        _ask(connection, run.account_id, run.run_id, now=now)


def _ask(connection: Connection, account_id: int, run_id: int, *, now: datetime) -> None:
    asked = [account_id, run_id]
    outbox.add(connection, Message.ACCOUNT_COLLECT, [asked], available_at=now)


def _fail(runtime: Runtime, run: Run, error: ReputationError, *, has_progressed: bool) -> None:
    """Give the account back and say why; nothing that was stored is lost.

    What passes by itself keeps the run's place: a long window of a flaky channel would never be
    read to its end. A page that changed its shape is read again from the first.
    """
    now = runtime.clock()
    # Who does not want us is not asked again soon.
    first = LONGEST_PAUSE if isinstance(error, AccessBlockedError) else FIRST_PAUSE
    passes = isinstance(error, RetryableError)
    with runtime.database.unit_of_work() as connection:
        is_first = passes and has_progressed
        failures = 0 if is_first else accounts.failures(connection, run.account_id)
        held = accounts.fail_run(
            connection,
            run,
            str(error),
            failures=failures + 1,
            next_due_at=now + pause(error, failures, first=first, longest=LONGEST_PAUSE),
            keep_cursor=isinstance(error, RateLimitedError)
            or (passes and failures + 1 < PLACE_TRIES),
        )
        # From before this program changed, or too old for the channel: the run only begins again.
        is_old_place = (
            isinstance(error, BadInputError) and error.field == "cursor" and not has_progressed
        )
        # Whoever took the account over may have erased what is on the page.
        if held and isinstance(error, PermanentError) and not is_old_place:
            report_incident(runtime, connection, run.account_key, error, now=now)


def _refuse(runtime: Runtime, account_id: int, account_key: str, error: ConfigurationError) -> None:
    """Say why no run was begun: a window read with wrong options would stay the run's window."""
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        failures = accounts.failures(connection, account_id)
        accounts.note_failure(
            connection,
            account_id,
            str(error),
            next_due_at=now + pause(error, failures, first=FIRST_PAUSE, longest=LONGEST_PAUSE),
        )
        report_incident(runtime, connection, account_key, error, now=now)
    runtime.poke()


_INCIDENTS: tuple[tuple[type[PermanentError], str, AlertRule], ...] = (
    (LayoutChangedError, "layout_changed", AlertRule.LAYOUT_CHANGED),
    (CredentialRejectedError, "credentials", AlertRule.CREDENTIALS),
    (AccessBlockedError, "access_blocked", AlertRule.CREDENTIALS),
    (PermanentError, "collection", AlertRule.CREDENTIALS),
)


def report_incident(
    runtime: Runtime,
    connection: Connection,
    account_key: str,
    error: PermanentError,
    *,
    now: datetime,
) -> None:
    """Open an incident with the page as received, and tell the operator once."""
    kind, rule = next(
        (kind, rule) for family, kind, rule in _INCIDENTS if isinstance(error, family)
    )
    page = error.payload if isinstance(error, LayoutChangedError) else b""
    is_new = accounts.open_incident(
        connection,
        kind,
        account_key,
        str(error),
        now=now,
        sealed_page=runtime.sealer.seal(page) if page else None,
    )
    if not is_new:
        return
    account = runtime.account(account_key)
    alert = operator_alert(rule, runtime.brands[account.brand], account_key, now)
    words = {"subject": account_key, "detail": str(error), **alarm_of(error, account.channel)}
    tell(runtime, connection, [new_alert(alert, words)], now=now)


def start_due(runtime: Runtime) -> int:
    """Ask for the collection of every account whose time has come.

    Returns:
        How many were started.
    """
    now = runtime.clock()
    configured = runtime.accounts
    started = 0
    with runtime.database.unit_of_work() as connection:
        for account_id, key, run_id in accounts.due(connection, now=now):
            interval = configured[key].interval if key in configured else LONGEST_PAUSE
            if accounts.postpone(connection, account_id, seen_due=now, until=now + interval):
                _ask(connection, account_id, run_id, now=now)
                started += 1
    if started:
        runtime.poke()
    return started


def import_pages(
    runtime: Runtime, account: Account, pages: Iterable[Page], *, is_dry_run: bool
) -> Collected:
    """Store the pages of a file that was given by hand; its absences prove nothing.

    Args:
        runtime: This process's tools.
        account: Whose export it is.
        pages: From the channel's ``read_file``.
        is_dry_run: Count only, undo everything at the end.

    Raises:
        BadInputError: The file cannot be used; pages stored before are kept, and importing it
            again changes nothing about them.
        ChannelUnavailableError: The account is being collected right now, or since a page that
            took longer than the lease.
    """
    done = Collected()
    run = _claim_import(runtime, account)
    try:
        for page in pages:
            prepared = _prepare(runtime, run, account, page)
            with runtime.database.engine.connect() as connection, connection.begin() as block:
                stored = _store_items(runtime, connection, run, account, prepared, done)
                if is_dry_run:
                    block.rollback()
                elif not accounts.keep_import(
                    connection, run, now=runtime.clock(), lease=IMPORT_LEASE
                ):
                    raise ChannelUnavailableError(
                        f"{account.key} is being collected meanwhile; import the file again"
                    )
            done.pages += 1
            done.rows += len(page.items)
            done.new += stored.new
            done.changed += stored.changed
        done.is_complete = True
    finally:
        with runtime.database.unit_of_work() as connection:
            accounts.release_run(connection, run)
    return done


def _claim_import(runtime: Runtime, account: Account) -> Run:
    with runtime.database.unit_of_work() as connection:
        account_id = accounts.find(connection, account.key)
        run = account_id and accounts.claim_import(
            connection, account_id, now=runtime.clock(), lease=IMPORT_LEASE
        )
    if not run:
        raise ChannelUnavailableError(f"{account.key} is being collected; try again in a minute")
    return run
