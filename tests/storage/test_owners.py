"""Who looks after which case, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from domain.errors import BadInputError, DecisionRefusedError
from domain.states import CaseState
from domain.types import Severity
from storage import cases, owners, people
from storage.models import CaseRow, HistoryRow
from storage.people import Role
from tests.fakes_runtime import BRAND, make_account
from tests.storage.rows import (
    NOW,
    add_account,
    analyze,
    drafted_case,
    finish,
    masked,
    moves,
    row_of,
    start_run,
    store,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.session import Database

CHANNEL = make_account().channel
WORDS = {
    Severity.NORMAL: "별로예요",
    Severity.HIGH: "환불해 주세요",
    Severity.CRITICAL: "벌레가 나왔어요",
}


def person(database: Database, login: str, role: Role = Role.SPECIALIST, **changes: Any) -> int:  # noqa: ANN401
    """Make somebody who looks after the brand."""
    capacity = changes.pop("capacity", 100)
    values: dict[str, Any] = {"brands": (BRAND,), "now": NOW, **changes}
    with database.unit_of_work() as connection:
        made = people.add(connection, login=login, name=login.title(), role=role, **values)
        people.change(connection, made, capacity=capacity)
    return made


def channel_owner(database: Database, owner_id: int | None, backup_id: int | None = None) -> None:
    with database.unit_of_work() as connection:
        owners.set_channel(
            connection, BRAND, CHANNEL, owner_id=owner_id, backup_id=backup_id, now=NOW
        )


def open_cases(
    database: Database, number: int, severity: Severity = Severity.NORMAL, *, at: str = "n"
) -> list[int]:
    """Open cases of one page; gives their ids."""
    run = start_run(database, add_account(database))
    words = WORDS[severity]
    page = store(database, run, [masked(f"{at}{index}", words) for index in range(number)])
    finish(database, run)
    triaged = analyze(database, page.fresh)
    return [*triaged.urgent, *triaged.normal]


def owner_of(database: Database, case_id: int) -> Any:  # noqa: ANN401 - an id or None
    return case_row(database, case_id).owner_id


def case_row(database: Database, case_id: int) -> Any:  # noqa: ANN401 - a result row
    with database.reading() as connection:
        return connection.execute(select(CaseRow.__table__).where(CaseRow.id == case_id)).one()


def history(database: Database) -> list[tuple[str, str, str, str]]:
    """Give the changes of owners: from, to, who, why."""
    with database.reading() as connection:
        rows = connection.execute(
            select(HistoryRow.source, HistoryRow.target, HistoryRow.who, HistoryRow.why)
            .where(HistoryRow.entity == owners.OWNER)
            .order_by(HistoryRow.id)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def hand_over(database: Database, now: Any = NOW) -> tuple[int, int]:  # noqa: ANN401 - an instant
    with database.unit_of_work() as connection:
        return owners.hand_over(connection, now=now)


def test_without_anybody_a_case_has_no_owner(database: Database) -> None:
    (case_id,) = open_cases(database, 1, Severity.CRITICAL)

    assert owner_of(database, case_id) is None
    assert history(database) == []


def test_owner_backup_then_whoever_has_most_room(database: Database) -> None:
    owner = person(database, "owner", capacity=1)
    backup = person(database, "backup", capacity=1)
    small = person(database, "a-small", capacity=2)
    large = person(database, "b-large", capacity=3)
    channel_owner(database, owner, backup)

    ids = open_cases(database, 8)

    assert [owner_of(database, case_id) for case_id in ids] == [
        owner,
        backup,
        large,
        small,
        large,
        small,
        large,
        None,
    ]
    assert history(database)[0] == ("", str(owner), "pyeongpan", owners.BY_OWNER)
    assert {row[3] for row in history(database)} == {
        owners.BY_OWNER,
        owners.BY_BACKUP,
        owners.BY_ROOM,
    }
    assert len(history(database)) == 7


def test_severe_cases_find_somebody_beyond_capacity(database: Database) -> None:
    owner = person(database, "owner", capacity=0)
    other = person(database, "other", capacity=0)
    channel_owner(database, owner)

    ids = open_cases(database, 4, Severity.HIGH)

    assert sorted(owner_of(database, case_id) for case_id in ids) == sorted([owner, other] * 2)
    assert {row[3] for row in history(database)} == {owners.BY_NEED}


def test_without_a_specialist_severe_cases_go_to_the_lead(database: Database) -> None:
    lead = person(database, "lead", Role.LEAD)
    (severe,) = open_cases(database, 1, Severity.CRITICAL)
    (plain,) = open_cases(database, 1, at="m")

    assert owner_of(database, severe) == lead
    assert owner_of(database, plain) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"brands": ("other",)},
        {"role": Role.BRAND_APPROVER},
        {"role": Role.OPERATOR, "sees_all_brands": True},
        {"role": Role.TEMPORARY, "valid_from": NOW + timedelta(days=1)},
        {"role": Role.TEMPORARY, "valid_until": NOW},
    ],
)
def test_only_valid_staff_of_the_brand_get_cases(
    database: Database, changes: dict[str, Any]
) -> None:
    person(database, "stranger", **changes)

    (case_id,) = open_cases(database, 1, Severity.CRITICAL)

    assert owner_of(database, case_id) is None


def test_two_that_assign_at_once_do_not_fill_the_same_room(database: Database) -> None:
    owner = person(database, "owner", capacity=5)
    account_id = add_account(database)
    run = start_run(database, account_id)
    page = store(database, run, [masked(f"n{index}") for index in range(12)])
    barrier = threading.Barrier(2)
    failed: list[BaseException] = []

    def work(ids: Sequence[int]) -> None:
        try:
            barrier.wait(timeout=30)
            analyze(database, ids)
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            failed.append(error)

    threads = [
        threading.Thread(target=work, args=(part,)) for part in (page.fresh[:6], page.fresh[6:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert failed == []
    with database.reading() as connection:
        assert owners.loads(connection, [owner]) == {owner: 5}


def test_decided_cases_make_room(database: Database) -> None:
    owner = person(database, "owner", capacity=1)
    case_id = drafted_case(database)
    (waiting,) = open_cases(database, 1, at="m")
    assert (owner_of(database, case_id), owner_of(database, waiting)) == (owner, None)
    assert hand_over(database) == (0, 0)

    with database.unit_of_work() as connection:
        cases.reject(
            connection,
            cases.Decision(case_id, 1, 1, "김담당", "console", reason="기타"),
            now=NOW,
        )

    assert hand_over(database) == (0, 1)
    assert owner_of(database, waiting) == owner


def test_room_goes_to_the_most_severe_first(database: Database) -> None:
    plain = open_cases(database, 3)
    (severe,) = open_cases(database, 1, Severity.HIGH, at="m")
    owner = person(database, "owner", capacity=2)

    assert hand_over(database) == (0, 2)
    assert owner_of(database, severe) == owner
    assert sum(owner_of(database, case_id) is not None for case_id in plain) == 1


def test_a_brand_without_room_does_not_hide_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "MOST_FILLED", 2)
    person(database, "full", capacity=0)
    open_cases(database, 5)
    (other,) = open_cases(database, 1, at="m")
    with database.unit_of_work() as connection:
        connection.execute(update(CaseRow).where(CaseRow.id == other).values(brand="other"))
    free = person(database, "free", brands=("other",))

    assert hand_over(database) == (0, 1)
    assert owner_of(database, other) == free


@pytest.mark.parametrize(
    ("end", "why", "words"),
    [
        ("disabled", owners.DISABLED, "계정이 막혀"),
        ("expired", owners.EXPIRED, "근무 기간이 끝나"),
        ("brand", owners.BRAND_LOST, "이 브랜드를 더"),
        ("role", owners.ROLE_LOST, "다른 역할을"),
    ],
)
def test_cases_of_who_leaves_move_with_a_note(
    database: Database, end: str, why: str, words: str
) -> None:
    leaving = person(database, "leaving", Role.TEMPORARY, valid_until=NOW + timedelta(days=1))
    channel_owner(database, leaving)
    ids = open_cases(database, 2)
    staying = person(database, "staying", capacity=1)
    later = NOW
    with database.unit_of_work() as connection:
        if end == "disabled":
            people.change(connection, leaving, disabled_at=NOW)
        elif end == "brand":
            people.set_brands(connection, leaving, ["other"])
        elif end == "role":
            people.change(connection, leaving, role=Role.BRAND_VIEWER)
        else:
            later = NOW + timedelta(days=2)

    assert hand_over(database, later) == (2, 0)

    assert [owner_of(database, case_id) for case_id in ids] == [staying, None]
    for case_id in ids:
        note = case_row(database, case_id).owner_note
        assert note.startswith("Leaving 님이 맡던 케이스입니다.")
        assert words in note
    assert history(database)[2:] == [
        (str(leaving), str(staying), "pyeongpan", why),
        (str(leaving), "", "pyeongpan", why),
    ]
    assert hand_over(database, later) == (0, 0)


def test_the_note_stays_until_somebody_gets_the_case(database: Database) -> None:
    leaving = person(database, "leaving")
    (case_id,) = open_cases(database, 1)
    with database.unit_of_work() as connection:
        people.change(connection, leaving, disabled_at=NOW)
        account = people.by_id(connection, leaving)
        assert account is not None
        moved = owners.leave(connection, account, now=NOW, who="운영 (ops)", message="환불 확인 중")
    assert moved == 1
    assert owner_of(database, case_id) is None

    late = person(database, "late")
    assert hand_over(database) == (0, 1)

    assert owner_of(database, case_id) == late
    assert case_row(database, case_id).owner_note.endswith("환불 확인 중")


def test_another_brands_cases_stay_with_who_loses_one_brand(database: Database) -> None:
    owner = person(database, "owner", brands=(BRAND, "other"))
    ids = open_cases(database, 2)
    with database.unit_of_work() as connection:
        connection.execute(update(CaseRow).where(CaseRow.id == ids[1]).values(brand="other"))
        people.set_brands(connection, owner, [BRAND])

    assert hand_over(database) == (1, 0)
    assert [owner_of(database, case_id) for case_id in ids] == [owner, None]


def test_a_case_somebody_holds_does_not_stop_the_others(postgres_database: Database) -> None:
    database = postgres_database
    leaving = person(database, "leaving")
    held, free = open_cases(database, 2)
    staying = person(database, "staying")
    with database.unit_of_work() as connection:
        people.change(connection, leaving, disabled_at=NOW)

    with database.unit_of_work() as busy:
        busy.execute(update(CaseRow).where(CaseRow.id == held).values(note="여기"))
        assert hand_over(database) == (1, 0)
    assert [owner_of(database, case_id) for case_id in (held, free)] == [leaving, staying]

    assert hand_over(database) == (1, 0)
    assert owner_of(database, held) == staying


def test_closed_cases_keep_their_owner(database: Database) -> None:
    owner = person(database, "owner")
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        cases.reject(
            connection,
            cases.Decision(case_id, 1, 1, "김담당", "console", reason="기타"),
            now=NOW,
        )
        people.change(connection, owner, disabled_at=NOW)

    assert hand_over(database) == (0, 0)
    assert owner_of(database, case_id) == owner


def give(
    database: Database, case_id: int, person_id: int, seen: int | None, note: str = ""
) -> None:
    with database.unit_of_work() as connection:
        owners.reassign(
            connection,
            case_id,
            person_id,
            seen_owner=seen,
            note=note,
            who="박리드 (park)",
            now=NOW,
        )


def test_a_person_gives_a_case_beyond_capacity(database: Database) -> None:
    first = person(database, "first")
    (case_id,) = open_cases(database, 1)
    second = person(database, "second", capacity=0)

    give(database, case_id, second, seen=first, note="단골 고객입니다")

    assert owner_of(database, case_id) == second
    assert case_row(database, case_id).owner_note == "박리드 (park): 단골 고객입니다"
    assert history(database)[-1] == (str(first), str(second), "박리드 (park)", owners.BY_HAND)


def test_of_two_who_give_the_second_is_refused(database: Database) -> None:
    first, second = person(database, "first"), person(database, "second")
    (case_id,) = open_cases(database, 1)
    give(database, case_id, second, seen=first)

    with pytest.raises(DecisionRefusedError) as refused:
        give(database, case_id, first, seen=first)

    assert refused.value.reason == "owner"
    assert owner_of(database, case_id) == second


def test_nobody_outside_the_brand_gets_a_case(database: Database) -> None:
    first = person(database, "first")
    (case_id,) = open_cases(database, 1)
    for stranger in (
        person(database, "other", brands=("other",)),
        person(database, "viewer", Role.BRAND_VIEWER),
        987_654,
    ):
        with pytest.raises(BadInputError, match="맡을 수 없는"):
            give(database, case_id, stranger, seen=first)

    assert owner_of(database, case_id) == first


def test_closed_and_missing_cases_are_not_given(database: Database) -> None:
    first, second = person(database, "first"), person(database, "second")
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        connection.execute(
            update(CaseRow).where(CaseRow.id == case_id).values(state=CaseState.GONE, closed_at=NOW)
        )

    for wanted, reason in ((case_id, "closed"), (987_654, "missing")):
        with pytest.raises(DecisionRefusedError) as refused:
            give(database, wanted, second, seen=first)
        assert refused.value.reason == reason


def test_a_channels_owner_and_backup_are_two_people_of_the_brand(database: Database) -> None:
    first, other = person(database, "first"), person(database, "other", brands=("other",))

    for pair in ((first, first), (other, None), (None, other)):
        with pytest.raises(BadInputError):
            channel_owner(database, *pair)
    channel_owner(database, first)
    channel_owner(database, None, first)

    with database.reading() as connection:
        assert owners.channels(connection, BRAND) == {CHANNEL: (None, first)}


def test_an_edit_changes_what_the_queue_is_sorted_by(database: Database) -> None:
    case_id = drafted_case(database)
    assert (case_row(database, case_id).stars_rank, case_row(database, case_id).reach_rank) == (
        2,
        0,
    )

    run = start_run(database, add_account(database))
    store(database, run, [masked("n1", "고쳤어요", rating=5, reach=70)])

    assert (case_row(database, case_id).stars_rank, case_row(database, case_id).reach_rank) == (
        5,
        -70,
    )


def test_history_belongs_to_the_feedback(database: Database) -> None:
    person(database, "owner")
    drafted_case(database)

    with database.reading() as connection:
        row = connection.execute(
            select(HistoryRow.feedback_id).where(HistoryRow.entity == owners.OWNER)
        ).scalar_one()
    assert row == row_of(database).id
    assert len(moves(database, owners.OWNER)) == 1


def test_above_a_limit_a_case_goes_to_the_lead_with_most_room(database: Database) -> None:
    kim = person(database, "kim")
    person(database, "a-lead", Role.LEAD, capacity=1)
    lead = person(database, "b-lead", Role.LEAD, capacity=2)
    person(database, "c-lead", Role.LEAD, brands=("other",))
    (case_id,) = open_cases(database, 1)
    assert owner_of(database, case_id) == kim

    for _ in range(2):
        with database.unit_of_work() as connection:
            owners.go_up(connection, case_id, who="Kim (kim)", now=NOW)

    assert owner_of(database, case_id) == lead
    assert "보상 한도" in case_row(database, case_id).owner_note
    assert history(database)[1:] == [(str(kim), str(lead), "Kim (kim)", owners.GONE_UP)]


def test_without_a_lead_a_case_goes_nowhere(database: Database) -> None:
    (case_id,) = open_cases(database, 1)
    kim = person(database, "kim")
    hand_over(database)
    with database.unit_of_work() as connection:
        owners.go_up(connection, case_id, who="Kim (kim)", now=NOW)
    assert owner_of(database, case_id) == kim
