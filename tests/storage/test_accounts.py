from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import null, select, update

from collectors import source_of
from domain.types import QuarantinedItem
from storage import accounts, feedback
from storage.accounts import EARLIEST, Run
from storage.models import AccountRow, FeedbackRow, IncidentRow, QuarantineRow
from storage.session import ConflictError
from tests.fakes_runtime import SEALER, make_account
from tests.storage.rows import (
    LEASE,
    NOW,
    add_account,
    claim_run,
    drafted_case,
    finish,
    masked,
    start_run,
)

if TYPE_CHECKING:
    from domain.brands import Account
    from storage.session import Database

LATER = NOW + timedelta(minutes=10)


class LostLeaseError(Exception):
    """Raised by the tests to undo a transaction, as the worker does."""


def test_new_accounts_are_due_at_once(database: Database) -> None:
    account_id = add_account(database)
    with database.reading() as connection:
        assert accounts.due(connection, now=NOW) == [(account_id, "saebyeok/shop", 1)]
        assert accounts.due(connection, now=NOW - LEASE) == []


def test_an_account_that_was_taken_out_rests_until_it_is_put_back(database: Database) -> None:
    account_id = add_account(database)
    other = make_account(name="other")
    with database.unit_of_work() as connection:
        accounts.synchronize(connection, [other], source_of=source_of, now=NOW)
        assert accounts.find(connection, "saebyeok/shop") is None
        assert [key for _, key, _ in accounts.due(connection, now=NOW)] == ["saebyeok/other"]
        accounts.synchronize(connection, [other, make_account()], source_of=source_of, now=NOW)
        assert accounts.find(connection, "saebyeok/shop") == account_id


def test_a_place_that_an_account_names_besides_is_no_other_place(database: Database) -> None:
    def esm(**options: str) -> Account:
        return make_account(channel="esm", options=options)

    account_id = add_account(database, esm(auction_id="a"))
    assert add_account(database, esm(auction_id="a", gmarket_id="g")) == account_id
    assert add_account(database, esm(gmarket_id="g")) == account_id
    assert add_account(database, esm(gmarket_id="h")) != account_id
    # That one of its shops is no longer named does not make it another's.
    assert add_account(database, esm(auction_id="b", gmarket_id="g")) != account_id
    assert add_account(database, esm(auction_id="a")) == account_id


def test_places_that_name_nothing_in_common_are_two(database: Database) -> None:
    auction = make_account(channel="esm", options={"auction_id": "a"})
    gmarket = make_account(channel="esm", options={"gmarket_id": "g"})
    account_id = add_account(database, auction)
    assert add_account(database, gmarket) != account_id
    assert add_account(database, auction) == account_id


def test_what_was_taken_out_before_places_were_known_is_nobodys(database: Database) -> None:
    account_id = add_account(database)
    with database.unit_of_work() as connection:
        accounts.synchronize(connection, [], source_of=source_of, now=NOW)
        connection.execute(update(AccountRow).values(source=null()))
    assert add_account(database) != account_id


def test_what_waits_at_a_place_that_was_left_is_counted(database: Database) -> None:
    drafted_case(database)
    add_account(database, make_account(options={"board": "inquiry"}))
    # From here nothing was read.
    add_account(database, make_account(options={"board": "post"}))
    with database.reading() as connection:
        assert accounts.left_places(connection) == [
            {
                "key": "saebyeok/shop",
                "channel": "storefront",
                "source": {"board": "review"},
                "removed_at": NOW,
                "cases": 1,
            }
        ]
    with database.unit_of_work() as connection:
        accounts.synchronize(connection, [], source_of=source_of, now=NOW)
        # Of an account that is gone altogether the brands' folders tell.
        assert accounts.left_places(connection) == []


def test_an_account_has_one_place_at_a_time(database: Database) -> None:
    add_account(database)
    add_account(database, make_account(options={"board": "inquiry"}))
    with pytest.raises(ConflictError), database.unit_of_work() as connection:
        connection.execute(update(AccountRow).values(removed_at=None))


def test_two_schedulers_start_an_account_once(database: Database) -> None:
    account_id = add_account(database)
    with database.unit_of_work() as connection:
        args: dict[str, Any] = {"seen_due": NOW, "until": LATER}
        assert accounts.postpone(connection, account_id, **args)
        assert not accounts.postpone(connection, account_id, **args)
        assert accounts.due(connection, now=NOW) == []


def test_one_account_is_never_collected_twice_at_once(database: Database) -> None:
    account_id = add_account(database)
    barrier = threading.Barrier(5)
    runs: list[Run | None] = []

    def claim() -> None:
        barrier.wait(timeout=30)
        runs.append(claim_run(database, account_id))

    threads = [threading.Thread(target=claim) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [run is None for run in runs].count(False) == 1


def test_a_first_run_reaches_back_and_the_next_starts_before_the_watermark(
    database: Database,
) -> None:
    account_id = add_account(database)
    first = start_run(database, account_id)
    assert (first.since, first.until, first.is_backfill) == (
        NOW - timedelta(days=365),
        NOW,
        True,
    )
    assert finish(database, first)
    second = start_run(database, account_id, LATER)
    assert (second.since, second.until) == (NOW - timedelta(days=3), LATER)
    assert (second.run_id, second.is_backfill) == (first.run_id + 1, False)


def test_everything_means_everything(database: Database) -> None:
    account_id = add_account(database)
    with database.unit_of_work() as connection:
        run = accounts.claim_run(
            connection,
            account_id,
            now=NOW,
            lease=LEASE,
            overlap=timedelta(0),
            backfill=None,
            window=None,
        )
    assert run is not None
    assert run.since == EARLIEST


def test_a_channel_with_short_windows_is_read_window_by_window(database: Database) -> None:
    account_id = add_account(database)
    month = timedelta(days=30)
    run = claim_run(database, account_id, window=month, overlap=timedelta(0))
    assert run is not None
    assert run.until - run.since == month
    finish(database, run)
    following = claim_run(database, account_id, window=month, overlap=timedelta(0))
    assert following is not None
    assert following.since == run.until
    # Still the first collection: what is old there must not alert singly.
    assert following.is_backfill


def test_an_interrupted_run_goes_on_from_its_cursor(database: Database) -> None:
    account_id = add_account(database)
    run = start_run(database, account_id)
    with database.unit_of_work() as connection:
        assert accounts.advance_run(connection, run, "page 2", now=NOW, lease=LEASE)
    assert claim_run(database, account_id, NOW) is None
    again = start_run(database, account_id, NOW + LEASE)
    assert (again.run_id, again.cursor, again.until) == (run.run_id, "page 2", run.until)


@pytest.mark.parametrize("ending", ["advance", "finish"])
def test_a_lost_lease_undoes_page_and_watermark(database: Database, ending: str) -> None:
    account_id = add_account(database)
    slow = start_run(database, account_id)
    other = start_run(database, account_id, NOW + LEASE)

    def store_page() -> None:
        with database.unit_of_work() as connection:
            feedback.store_page(connection, slow, [masked("n1")], {}, now=LATER, fresh_after=NOW)
            if ending == "advance":
                held = accounts.advance_run(connection, slow, "2", now=LATER, lease=LEASE)
            else:
                held = accounts.finish_run(connection, slow, now=LATER, next_due_at=LATER)
            if not held:
                raise LostLeaseError

    with pytest.raises(LostLeaseError):
        store_page()
    with database.reading() as connection:
        assert connection.execute(select(FeedbackRow.id)).all() == []
        assert accounts.watermark(connection, account_id) is None
    assert finish(database, other, LATER)


def test_the_watermark_moves_with_the_last_page_only(database: Database) -> None:
    account_id = add_account(database)
    run = start_run(database, account_id)
    with database.unit_of_work() as connection:
        accounts.advance_run(connection, run, "2", now=NOW, lease=LEASE)
        assert accounts.watermark(connection, account_id) is None
    finish(database, run)
    with database.reading() as connection:
        assert accounts.watermark(connection, account_id) == NOW


def test_failures_are_counted_until_a_success(database: Database) -> None:
    account_id = add_account(database)
    for expected in (1, 2):
        run = start_run(database, account_id)
        with database.unit_of_work() as connection:
            accounts.fail_run(
                connection, run, "x" * 900, failures=expected, next_due_at=LATER, keep_cursor=False
            )
            assert accounts.failures(connection, account_id) == expected
    finish(database, start_run(database, account_id))
    with database.reading() as connection:
        (row,) = accounts.health(connection)
    assert (row["failures"], row["last_error"], row["last_success_at"]) == (0, "", NOW)


def test_an_import_waits_for_a_collection(database: Database) -> None:
    account_id = add_account(database)
    run = start_run(database, account_id)
    with database.unit_of_work() as connection:
        assert accounts.claim_import(connection, account_id, now=NOW, lease=LEASE) is None
        accounts.release_run(connection, run)
        assert accounts.claim_import(connection, account_id, now=NOW, lease=LEASE)


def test_an_unreadable_row_is_kept_once_and_sealed(database: Database) -> None:
    account_id = add_account(database)
    bad = QuarantinedItem("no date", b"010-1234-5678", source="a.csv", row=3, field="date")
    other = QuarantinedItem("no text", b"010-1234-5678")

    def keep(*items: QuarantinedItem) -> int:
        with database.unit_of_work() as connection:
            return accounts.quarantine(
                connection,
                account_id,
                items,
                seal=SEALER.seal,
                fingerprints=lambda item: SEALER.fingerprints(repr(item)),
                now=NOW,
            )

    assert [keep(bad, bad), keep(bad, other), keep()] == [1, 1, 0]
    with database.reading() as connection:
        row = connection.execute(
            select(QuarantineRow.__table__).where(QuarantineRow.reason == "no date")
        ).one()
    assert (row.source, row.row, row.field) == ("a.csv", 3, "date")
    assert b"1234" not in row.sealed_raw
    assert SEALER.open(row.sealed_raw) == b"010-1234-5678"


def test_a_kept_row_can_be_read_and_settled_once(database: Database) -> None:
    account_id = add_account(database)
    with database.unit_of_work() as connection:
        accounts.quarantine(
            connection,
            account_id,
            [QuarantinedItem("no date", b"raw", row=3), QuarantinedItem("no text", b"raw")],
            seal=SEALER.seal,
            fingerprints=lambda item: SEALER.fingerprints(repr(item)),
            now=NOW,
        )
        first, second = accounts.quarantined_rows(connection, None)
        key = first["account"]
        assert (first["reason"], first["row"], first["is_kept"]) == ("no date", 3, True)
        kept = accounts.sealed_row(connection, first["id"])
        assert kept is not None
        assert kept.sealed is not None
        assert (kept.account, SEALER.open(kept.sealed)) == (key, b"raw")
        settled = [accounts.resolve_quarantined(connection, first["id"], now=NOW) for _ in range(2)]
        assert settled == [True, False]
        assert accounts.quarantined_rows(connection, key) == [second]
        assert accounts.quarantined_rows(connection, "other/account") == []
        assert [row["quarantined"] for row in accounts.health(connection)] == [1]
        assert accounts.sealed_row(connection, 77) is None


def test_a_saved_page_is_found_also_when_its_incident_is_over(database: Database) -> None:
    with database.unit_of_work() as connection:
        for kind, sealed in (("layout_changed", b"sealed"), ("credentials", None)):
            accounts.open_incident(connection, kind, "a/b", "no", now=NOW, sealed_page=sealed)
        accounts.close_incidents(connection, "a/b", now=LATER)
        (page,) = accounts.saved_pages(connection, None)
        assert (page["account"], page["kind"], page["is_open"]) == ("a/b", "layout_changed", False)
        assert accounts.sealed_page(connection, page["id"]) == accounts.Kept("a/b", b"sealed")
        assert accounts.saved_pages(connection, "b/c") == []
        assert accounts.sealed_page(connection, 77) is None


def test_an_incident_is_told_once_until_it_is_over(database: Database) -> None:
    def report(kind: str = "layout_changed") -> bool:
        with database.unit_of_work() as connection:
            return accounts.open_incident(connection, kind, "a/b", "no rows", now=NOW)

    assert [report(), report(), report("credentials")] == [True, False, True]
    with database.unit_of_work() as connection:
        accounts.close_incidents(connection, "a/b", now=LATER)
        assert accounts.open_incidents(connection) == []
    assert report()
    with database.reading() as connection:
        assert len(connection.execute(select(IncidentRow.id)).all()) == 3
