"""A confirmation goes the whole way: collected, decided, told once over real HTTP, proved."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from collectors.http import Pacer
from domain.errors import DecisionRefusedError
from storage import cases
from storage.models import (
    CaseRow,
    DecisionRow,
    FeedbackRow,
    HistoryRow,
    IncidentRow,
    PublicationRow,
)
from tests.fakes.coupang import CoupangMarket
from tests.fakes.marketplace import Fault, On
from tests.fakes_runtime import BRAND, FakeChannel, House, StillClock, make_brand
from workers.collect import collect as collect_account
from workers.collect import start_due
from workers.draft import rules_of
from workers.publish import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.session import Database

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def market(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[CoupangMarket]:
    made = CoupangMarket()
    monkeypatch.setattr(made.clock, "now", clock)
    # The clock stands still, so that every call would fall into one second.
    monkeypatch.setattr(made, "_has_room", lambda: True)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def house(
    database: Database, clock: StillClock, market: CoupangMarket, tmp_path: Path
) -> Iterator[House]:
    account = replace(market.account(), brand=BRAND, name="wing")
    # One window is enough for a first run.
    account = replace(account, options={**account.options, "backfill": "3d"})
    made = House(database, clock, FakeChannel(clock), brand=make_brand(tmp_path, account))
    runtime = made.runtime
    runtime.settings = runtime.settings.model_copy(update={"allow_private_addresses": True})
    runtime._pacer = Pacer(itertools.count(step=10).__next__)
    for part in ("collector", "publisher"):
        del runtime._made[part, account.key]
    yield made
    made.close()
    runtime.close()


def rows(house: House, table: Any) -> list[Any]:  # noqa: ANN401 - any table
    with house.database.reading() as connection:
        return list(connection.execute(select(table.__table__).order_by(table.id)))


def collect(house: House) -> None:
    house.clock.advance(minutes=11)
    start_due(house.runtime)
    house.run()


def handed_over(house: House, market: CoupangMarket) -> str:
    """Bring an inquiry that waits for a confirmation onto the desk."""
    native_id = market.seed("상담원이 처리한 문의", house.clock() - timedelta(hours=1), "cc")
    market.want_confirmation(native_id)
    collect(house)
    return native_id


def decide(house: House) -> int:
    (case,) = rows(house, CaseRow)
    with house.database.unit_of_work() as connection:
        return cases.confirm(
            connection,
            cases.Decision(case.id, case.draft_number, 1, "김담당", "console"),
            now=house.clock(),
            undo_window=timedelta(0),
        )


def path(house: House) -> list[str]:
    return [row.target for row in rows(house, HistoryRow) if row.entity == "publications"]


def test_a_confirmation_is_decided_told_once_and_proved(
    house: House, market: CoupangMarket
) -> None:
    native_id = handed_over(house, market)
    sent = decide(house)
    house.run()
    publish(house.runtime, sent)
    house.run_on()
    assert path(house) == ["queued", "sending", "posted", "published"]
    assert market.is_confirmed(native_id)
    assert len(market.writes) == 1
    (decision,) = rows(house, DecisionRow)
    assert (decision.kind, decision.action, decision.text) == ("approval", "confirm", "")
    assert [row.state for row in rows(house, CaseRow)] == ["answered"]
    collect(house)
    assert [row.state for row in rows(house, CaseRow)] == ["answered"]


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        (Fault.CUT_AFTER, ["queued", "sending", "uncertain", "published"]),
        (
            Fault.CUT_BEFORE,
            ["queued", "sending", "uncertain", "queued", "sending", "posted", "published"],
        ),
    ],
)
def test_a_lost_answer_is_read_and_only_an_absent_one_told_again(
    house: House, market: CoupangMarket, fault: Fault, states: list[str]
) -> None:
    native_id = handed_over(house, market)
    market.misbehave(fault, 1, On.WRITES)
    decide(house)
    house.run_on()
    assert path(house) == states
    assert market.is_confirmed(native_id)


def test_what_a_colleague_confirms_before_us_is_closed_as_done_elsewhere(
    house: House, market: CoupangMarket
) -> None:
    native_id = handed_over(house, market)
    decide(house)
    market.confirm_elsewhere(native_id)
    house.run_on()
    assert path(house) == ["queued", "sending", "cancelled"]
    assert [row.state for row in rows(house, CaseRow)] == ["answered_elsewhere"]
    assert not market.writes


def test_what_a_colleague_confirms_leaves_the_desk_and_comes_back_when_handed_over_again(
    house: House, market: CoupangMarket
) -> None:
    native_id = handed_over(house, market)
    market.confirm_elsewhere(native_id)
    collect(house)
    assert [row.state for row in rows(house, CaseRow)] == ["answered_elsewhere"]
    assert rows(house, FeedbackRow)[0].extra.keys() == {"asked_at", "not_waiting"}
    market.want_confirmation(native_id)
    collect(house)
    # Opened again, and back on the desk at once.
    assert [row.state for row in rows(house, CaseRow)] == ["drafted"]


def test_the_mark_of_one_list_survives_the_other_in_every_run(
    house: House, market: CoupangMarket
) -> None:
    handed_over(house, market)
    for _ in range(2):
        collect(house)
        assert rows(house, FeedbackRow)[0].extra["needs_confirm"] == "1"
    assert [row.state for row in rows(house, CaseRow)] == ["drafted"]


def test_an_answer_to_what_wants_a_confirmation_is_refused_and_the_other_way_round(
    house: House, market: CoupangMarket
) -> None:
    handed_over(house, market)
    with pytest.raises(DecisionRefusedError, match="확인 처리"):
        house.approve_all()
    assert rows(house, DecisionRow) == []
    with house.database.reading() as connection:
        view = cases.load_view(connection, rows(house, CaseRow)[0].id)
    assert view is not None
    assert rules_of(house.runtime, view.case).state == "confirm"


def test_what_takes_an_answer_is_not_confirmed(house: House, market: CoupangMarket) -> None:
    market.seed("언제 와요?", house.clock() - timedelta(hours=1), "cc")
    collect(house)
    with pytest.raises(DecisionRefusedError, match="확인 처리를 기다리지"):
        decide(house)
    assert rows(house, PublicationRow) == []


def test_an_account_that_cannot_write_hands_the_confirmation_to_a_person(
    house: House, market: CoupangMarket
) -> None:
    handed_over(house, market)
    brand = house.runtime.brands[BRAND]
    read_only = tuple(replace(account, writable=False) for account in brand.accounts)
    house.runtime.brands[BRAND] = replace(brand, accounts=read_only)
    decide(house)
    house.run()
    assert path(house) == ["queued", "handed_off"]


def test_an_overlap_as_long_as_a_window_is_refused_and_does_not_stand_still(
    house: House, market: CoupangMarket
) -> None:
    brand = house.runtime.brands[BRAND]
    (account,) = brand.accounts
    wrong = replace(account, options={**account.options, "overlap": "6d"})
    house.runtime.brands[BRAND] = replace(brand, accounts=(wrong,))
    done = collect_account(house.runtime, house.account_id(account.key))
    assert "overlap must be shorter than 6 days" in done.error
    assert [incident.kind for incident in rows(house, IncidentRow)] == ["collection"]
    assert not market.journal


def test_a_second_request_of_the_contact_centre_is_a_case_of_its_own(
    house: House, market: CoupangMarket
) -> None:
    native_id = market.seed("회수 일정은요?", house.clock() - timedelta(hours=1), "cc")
    collect(house)
    house.approve_all("내일 회수합니다.")
    house.run_on()
    assert [row.state for row in rows(house, CaseRow)] == ["answered"]
    market.ask_again(native_id, "아직 회수되지 않았다고 합니다.")
    collect(house)
    assert [row.state for row in rows(house, CaseRow)] == ["answered", "drafted"]
    assert rows(house, FeedbackRow)[1].deadline_at == house.clock() + timedelta(
        hours=23, minutes=49
    )
    house.approve_all("오늘 중으로 회수합니다.")
    house.run_on()
    assert [row.state for row in rows(house, CaseRow)] == ["answered", "answered"]
    assert market.stored_replies(native_id) == ["내일 회수합니다.", "오늘 중으로 회수합니다."]
