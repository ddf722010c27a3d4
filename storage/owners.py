"""Who looks after which case (담당): whoever has room gets it, and nobody takes one along.

A channel of a brand may have an owner and a backup. A case goes to the owner, else to the backup,
else to the brand's specialist with most room, else to nobody; critical and high ones always go to
somebody. Room is a person's capacity less the undecided cases they have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from domain.errors import BadInputError, DecisionRefusedError
from domain.states import CaseState
from domain.types import Severity
from storage import people
from storage.models import CaseRow, ChannelOwnerRow, PersonRow
from storage.moves import PIPELINE, remember
from storage.people import AGENCY_DECIDERS, Role
from storage.session import insert_ignoring

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from storage.people import Account

OWNER = "owner"
"""The history's word for a change of owner; ``source`` and ``target`` are people's ids."""
MOST_FILLED = 500
"""Most cases of nobody that are looked at, at a time."""

_TURN = 7308614
_UNDECIDED = (CaseState.OPENED, CaseState.DRAFTED)
_SPECIALISTS = (Role.SPECIALIST, Role.TEMPORARY)

BY_OWNER = "owner of the channel"
BY_BACKUP = "backup of the channel"
BY_ROOM = "most room"
BY_NEED = "severe, beyond capacity"
BY_HAND = "given by hand"
GONE_UP = "above a limit"
DISABLED = "its owner was disabled"
EXPIRED = "its owner's time is over"
BRAND_LOST = "its owner lost the brand"
ROLE_LOST = "its owner has another role"
_NOTES = {
    DISABLED: "계정이 막혀 넘어왔습니다",
    EXPIRED: "근무 기간이 끝나 넘어왔습니다",
    BRAND_LOST: "이 브랜드를 더 맡지 않게 되어 넘어왔습니다",
    ROLE_LOST: "다른 역할을 맡게 되어 넘어왔습니다",
}


@dataclass(slots=True)
class _Roster:
    """Who may look after what, and how many undecided cases each has, in one transaction."""

    staff: Mapping[int, Account]
    load: dict[int, int]
    duties: Mapping[tuple[str, str], tuple[int | None, int | None]]

    def room(self, person_id: int) -> int:
        return self.staff[person_id].capacity - self.load.get(person_id, 0)

    def may(self, person_id: int, brand: str) -> bool:
        return person_id in self.staff and self.staff[person_id].sees(brand)

    def choose(self, brand: str, channel: str, *, is_severe: bool) -> tuple[int | None, str]:
        """Give whose case it becomes, and why."""
        duty = self.duties.get((brand, channel), (None, None))
        named = [
            (person_id, why)
            for person_id, why in zip(duty, (BY_OWNER, BY_BACKUP), strict=True)
            if person_id is not None and self.may(person_id, brand)
        ]
        for person_id, why in named:
            if self.room(person_id) > 0:
                return person_id, why
        pool = self.of_brand(brand, _SPECIALISTS)
        best = max(pool, key=self.room, default=None)
        if best is not None and self.room(best) > 0:
            return best, BY_ROOM
        if not is_severe:
            return None, ""
        anybody = [person_id for person_id, _ in named] + pool
        anybody = anybody or self.of_brand(brand, (Role.LEAD,))
        return max(anybody, key=self.room, default=None), BY_NEED

    def of_brand(self, brand: str, roles: Collection[Role]) -> list[int]:
        return [
            person.id
            for person in self.staff.values()
            if person.role in roles and person.sees(brand)
        ]


def assign(connection: Connection, case_ids: Sequence[int], *, now: datetime) -> int:
    """Give open cases of nobody an owner, most severe first.

    The last thing a transaction does: others that assign wait for its end.

    Returns:
        How many have one now.
    """
    roster = _roster(connection, now) if case_ids else None
    if roster is None:
        return 0
    return _give(connection, roster, _cases(connection, *_OWNERLESS, case_ids=case_ids), now)


def hand_over(connection: Connection, *, now: datetime) -> tuple[int, int]:
    """Move the cases of people who may no longer have them, and fill room with cases of nobody.

    Returns:
        How many were moved, how many of nobody's found an owner.
    """
    held = connection.execute(
        select(CaseRow.owner_id, CaseRow.brand)
        .where(CaseRow.owner_id.is_not(None), CaseRow.closed_at.is_(None))
        .distinct()
    ).all()
    known = {person.id: person for person in people.staff(connection, now=now)}
    gone = {
        row.owner_id
        for row in held
        if row.owner_id not in known or not known[row.owner_id].sees(row.brand)
    }
    moved = 0
    for person_id in sorted(gone):
        person = people.by_id(connection, person_id)
        if person is not None:
            moved += leave(connection, person, now=now)
    return moved, _fill(connection, now)


def leave(
    connection: Connection,
    person: Account,
    *,
    now: datetime,
    who: str = PIPELINE,
    message: str = "",
) -> int:
    """Move the open cases a person may no longer have, with a note to whoever gets them.

    A case that somebody works on at this instant is left to ``hand_over``.

    Args:
        connection: The transaction that changed the person.
        person: As they are now.
        now: Instant of the change.
        who: Who changed them.
        message: What they leave behind, in words; follows the reason in the note.

    Returns:
        How many were moved.
    """
    why = _why_left(person, now)
    conditions = [CaseRow.owner_id == person.id]
    if why == BRAND_LOST:
        if person.sees_all_brands:
            return 0
        conditions.append(CaseRow.brand.not_in(sorted(person.brands)))
    # Without anybody left the cases are still taken from who has gone.
    roster = _roster(connection, now) or _Roster({}, {}, {})
    note = " ".join(f"{person.name} 님이 맡던 케이스입니다. {_NOTES[why]}. {message}".split())
    rows = _cases(connection, *conditions)
    _give(connection, roster, rows, now, who=who, why=why, note=note)
    return len(rows)


def _why_left(person: Account, now: datetime) -> str:
    if person.disabled_at is not None:
        return DISABLED
    if person.role not in AGENCY_DECIDERS:
        return ROLE_LOST
    return BRAND_LOST if person.is_valid(now) else EXPIRED


def _fill(connection: Connection, now: datetime) -> int:
    roster = _roster(connection, now)
    if roster is None:
        return 0
    places = connection.execute(
        select(CaseRow.brand, CaseRow.channel).where(*_OWNERLESS).distinct()
    ).all()
    # Only what can find somebody: a brand without room must not hide another's cases.
    takes_any, takes_severe = (
        [
            (place.brand, place.channel)
            for place in places
            if roster.choose(place.brand, place.channel, is_severe=is_severe)[0] is not None
        ]
        for is_severe in (False, True)
    )
    place = tuple_(CaseRow.brand, CaseRow.channel)
    wanted = or_(
        place.in_(takes_any), and_(place.in_(takes_severe), CaseRow.severity != Severity.NORMAL)
    )
    rows = _cases(connection, *_OWNERLESS, wanted, limit=MOST_FILLED)
    return _give(connection, roster, rows, now)


_OWNERLESS = (
    CaseRow.owner_id.is_(None),
    CaseRow.closed_at.is_(None),
    CaseRow.state.in_(_UNDECIDED),
)


def _roster(connection: Connection, now: datetime) -> _Roster | None:
    """Read who may own cases, with the turn taken; None where nobody may."""
    staff = {person.id: person for person in people.staff(connection, now=now)}
    if not staff:
        return None
    if connection.dialect.name == "postgresql":
        # Two that count at once would fill the same room twice. SQLite has one writer anyway.
        connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
    duties = {
        (row.brand, row.channel): (row.owner_id, row.backup_id)
        for row in connection.execute(select(ChannelOwnerRow.__table__))
    }
    return _Roster(staff, loads(connection, staff), duties)


def loads(
    connection: Connection,
    person_ids: Collection[int],
    *,
    at_most: int | None = None,
    due_before: datetime | None = None,
) -> dict[int, int]:
    """Count the undecided cases each person has.

    Args:
        connection: For reading.
        person_ids: Whose.
        at_most: Of each no more than that: a page that shows the figures must not take as long as
            its queue is long.
        due_before: Only cases due before this instant.
    """
    theirs = (
        select(literal(1))
        .where(
            CaseRow.owner_id == PersonRow.id,
            CaseRow.closed_at.is_(None),
            CaseRow.state.in_(_UNDECIDED),
            *([] if due_before is None else [CaseRow.due_at < due_before]),
        )
        .limit(at_most)
        .correlate(PersonRow)
        .subquery()
    )
    rows = connection.execute(
        select(PersonRow.id, select(func.count()).select_from(theirs).scalar_subquery()).where(
            PersonRow.id.in_(sorted(person_ids))
        )
    )
    return {row[0]: int(row[1]) for row in rows}


def _cases(
    connection: Connection,
    *conditions: ColumnElement[bool],
    case_ids: Sequence[int] | None = None,
    limit: int | None = None,
) -> list[Any]:
    """Lock and read cases to give away, most severe first.

    Whoever holds the turn waits for no row: the row's holder may be waiting for the turn.
    """
    query = (
        select(
            CaseRow.id,
            CaseRow.feedback_id,
            CaseRow.brand,
            CaseRow.channel,
            CaseRow.severity,
            CaseRow.owner_id,
        )
        .where(CaseRow.closed_at.is_(None), *conditions)
        .order_by(CaseRow.severity_rank, CaseRow.due_at, CaseRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if case_ids is not None:
        # By their ids, which are no index to SQLite: it would read every open case of nobody.
        query = query.where(CaseRow.id.in_(case_ids)).with_hint(CaseRow, "NOT INDEXED", "sqlite")
    return list(connection.execute(query))


def _give(
    connection: Connection,
    roster: _Roster,
    rows: Iterable[Any],
    now: datetime,
    *,
    who: str = PIPELINE,
    why: str = "",
    note: str = "",
) -> int:
    """Give cases away one by one; gives how many found somebody."""
    given: dict[tuple[int | None, int | None, str], list[Any]] = {}
    for row in rows:
        owner_id, how = roster.choose(
            row.brand, row.channel, is_severe=row.severity != Severity.NORMAL
        )
        if owner_id == row.owner_id:
            continue
        given.setdefault((row.owner_id, owner_id, why or how), []).append(row)
        if owner_id is not None:
            roster.load[owner_id] = roster.load.get(owner_id, 0) + 1
    for (before, owner_id, reason), found in given.items():
        values = {"owner_id": owner_id, **({"owner_note": note} if note else {})}
        connection.execute(
            update(CaseRow).where(CaseRow.id.in_([row.id for row in found])).values(**values)
        )
        _remember(connection, found, before, owner_id, now=now, why=reason, who=who)
    return sum(len(found) for (_, owner_id, _), found in given.items() if owner_id is not None)


def _remember(
    connection: Connection,
    rows: Iterable[Any],
    before: int | None,
    after: int | None,
    *,
    now: datetime,
    why: str,
    who: str,
) -> None:
    remember(
        connection,
        OWNER,
        [(row.id, row.feedback_id) for row in rows],
        str(before or ""),
        str(after or ""),
        at=now,
        why=why,
        who=who,
    )


def reassign(
    connection: Connection,
    case_id: int,
    person_id: int,
    *,
    seen_owner: int | None,
    note: str,
    who: str,
    now: datetime,
) -> None:
    """Give a case to somebody by hand, beyond their capacity too.

    Args:
        connection: The caller's transaction.
        case_id: A case ``who`` may see.
        person_id: Who gets it.
        seen_owner: Whose it was on the page; another owner now refuses the change.
        note: What the new owner should know.
        who: Who gives it.
        now: Instant of the change.

    Raises:
        BadInputError: The person may not look after this brand.
        DecisionRefusedError: The case is closed or has another owner by now.
    """
    case = connection.execute(
        select(CaseRow.id, CaseRow.feedback_id, CaseRow.brand, CaseRow.owner_id, CaseRow.closed_at)
        .where(CaseRow.id == case_id)
        .with_for_update()
    ).one_or_none()
    if case is None:
        raise DecisionRefusedError("없는 케이스입니다.", "missing")
    if case.closed_at is not None:
        raise DecisionRefusedError("이미 끝난 케이스입니다.", "closed")
    if case.owner_id != seen_owner:
        raise DecisionRefusedError("보고 계신 동안 담당이 바뀌었습니다.", "owner")
    _check_owners(connection, case.brand, [person_id], now)
    connection.execute(
        update(CaseRow)
        .where(CaseRow.id == case_id)
        .values(owner_id=person_id, owner_note=f"{who}: {note}" if note else "")
    )
    if person_id != case.owner_id:
        _remember(connection, [case], case.owner_id, person_id, now=now, why=BY_HAND, who=who)


def go_up(connection: Connection, case_id: int, *, who: str, now: datetime) -> None:
    """Give a case whose reply promises more than ``who`` may to the brand's lead with most room.

    One that a lead has stays, and so does everything where there is no lead.
    """
    roster = _roster(connection, now)
    if roster is None:
        return
    for case in _cases(connection, case_ids=[case_id]):
        leads = roster.of_brand(case.brand, (Role.LEAD,))
        if not leads or case.owner_id in leads:
            continue
        lead = max(leads, key=roster.room)
        note = f"{who}: 보상 한도를 넘는 답변입니다. 승인하거나 고쳐 주세요."
        connection.execute(
            update(CaseRow).where(CaseRow.id == case.id).values(owner_id=lead, owner_note=note)
        )
        _remember(connection, [case], case.owner_id, lead, now=now, why=GONE_UP, who=who)


def set_channel(
    connection: Connection,
    brand: str,
    channel: str,
    *,
    owner_id: int | None,
    backup_id: int | None,
    now: datetime,
) -> None:
    """Say who looks after a brand's channel from now on; cases that have an owner keep them.

    Raises:
        BadInputError: Somebody may not look after this brand, or both are the same person.
    """
    wanted = [person_id for person_id in (owner_id, backup_id) if person_id is not None]
    if len(set(wanted)) < len(wanted):
        raise BadInputError("담당과 예비는 서로 다른 사람이어야 합니다.")
    _check_owners(connection, brand, wanted, now)
    connection.execute(
        insert_ignoring(connection, ChannelOwnerRow), [{"brand": brand, "channel": channel}]
    )
    connection.execute(
        update(ChannelOwnerRow)
        .where(ChannelOwnerRow.brand == brand, ChannelOwnerRow.channel == channel)
        .values(owner_id=owner_id, backup_id=backup_id)
    )


def _check_owners(
    connection: Connection, brand: str, person_ids: Iterable[int], now: datetime
) -> None:
    may = {person.id for person in of_brands(connection, {brand}, now=now)}
    if not may.issuperset(person_ids):
        raise BadInputError("이 브랜드를 맡을 수 없는 사람입니다.")


def channels(connection: Connection, brand: str) -> dict[str, tuple[int | None, int | None]]:
    """Give owner and backup of a brand's channels, as ids of people."""
    rows = connection.execute(
        select(ChannelOwnerRow.__table__).where(ChannelOwnerRow.brand == brand)
    )
    return {row.channel: (row.owner_id, row.backup_id) for row in rows}


def of_brands(connection: Connection, brands: Collection[str], *, now: datetime) -> list[Account]:
    """Give who may look after cases of any of the brands, by name."""
    return [
        person
        for person in people.staff(connection, now=now)
        if any(person.sees(brand) for brand in brands)
    ]


def of_cases(
    connection: Connection, case_ids: Collection[int], *, now: datetime
) -> dict[int, Account | None]:
    """Give each case's owner; None for nobody, or for somebody who has left."""
    staff = {person.id: person for person in people.staff(connection, now=now)}
    rows = connection.execute(
        select(CaseRow.id, CaseRow.owner_id).where(CaseRow.id.in_(sorted(case_ids)))
    )
    return {row.id: staff.get(row.owner_id) for row in rows}
