"""People (사람): who may come in, as what, for which brands; and the audit log."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Response

from console import passwords
from console.access import Administering, ChangingPeople, Visit, clean_name, one_line
from console.operators import check_new
from console.pages import page
from domain.errors import BadInputError
from domain.korea import KST
from storage import owners, people
from storage.people import Account, Role
from storage.session import ConflictError, Connection

router = APIRouter()
PersonId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/people")
def everybody(visit: Administering) -> Response:
    """Show all people."""
    return _everybody(visit)


def _everybody(
    visit: Visit,
    *,
    status: int = 200,
    problem: str = "",
    given: tuple[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
) -> Response:
    with visit.context.database.reading() as connection:
        rows = people.everybody(connection)
    return page(
        visit,
        "people.html",
        status=status,
        rows=rows,
        roles=list(Role),
        first_day=_first_day,
        last_day=_last_day,
        problem=problem,
        given=given,
        typed=typed or {},
    )


@router.post("/people")
def add(
    visit: ChangingPeople,
    login: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    brands: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies defaults
    slack_user: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
) -> Response:
    """Make a person; the first password is shown once."""
    now = visit.context.clock()
    password = passwords.new_password()
    login = login.strip().lower()
    try:
        chosen = _role(role)
        since, until = _first_instant(valid_from), _end_of(valid_until)
        check_new(login, name)
        _check_time(chosen, since, until)
        with visit.context.database.unit_of_work() as connection:
            people.add(
                connection,
                login=login,
                name=clean_name(name),
                role=chosen,
                now=now,
                brands=_brands(visit, brands),
                sees_all_brands=chosen is Role.OPERATOR,
                password_hash=passwords.hash_password(password),
                slack_user=one_line(slack_user, 40) or None,
                valid_from=since,
                valid_until=until,
            )
            visit.audit(connection, "person_added", detail=f"{login} {chosen}")
    except BadInputError as error:
        typed = {
            "login": login,
            "name": name,
            "role": role,
            "brands": brands,
            "slack_user": slack_user,
            "valid_from": valid_from,
            "valid_until": valid_until,
        }
        return _everybody(visit, status=422, problem=str(error), typed=typed)
    return _everybody(visit, given=(login, password))


def _check_time(role: Role, since: datetime | None, until: datetime | None) -> None:
    if role is Role.TEMPORARY and until is None:
        raise BadInputError("임시 담당자는 마지막 날을 정해 주세요.")
    if since is not None and until is not None and until <= since:
        raise BadInputError("마지막 날이 첫날보다 앞섭니다.")


def _role(value: str) -> Role:
    if value not in set(Role):
        raise BadInputError("역할을 골라 주세요.")
    return Role(value)


def _brands(visit: Visit, chosen: list[str]) -> set[str]:
    return set(chosen) & set(visit.context.brands)


def _first_instant(day: str) -> datetime | None:
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(), KST).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInputError("날짜는 2026-11-21처럼 적어 주세요.") from None


def _end_of(day: str) -> datetime | None:
    first = _first_instant(day)
    return None if first is None else first + timedelta(days=1)


def _first_day(valid_from: datetime | None) -> str:
    return "" if valid_from is None else valid_from.astimezone(KST).date().isoformat()


def _last_day(valid_until: datetime | None) -> str:
    return "" if valid_until is None else _first_day(valid_until - timedelta(seconds=1))


@router.post("/people/{person_id}/change")
def change(
    visit: ChangingPeople,
    person_id: PersonId,
    role: Annotated[str, Form()] = "",
    slack_user: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
) -> Response:
    """Change what a person is, from when until when, and who they are in Slack."""
    account = _existing(visit, person_id)
    try:
        chosen = _role(role)
        # A day that was left as it stood keeps its instant.
        since, until = account.valid_from, account.valid_until
        if valid_from != _first_day(since):
            since = _first_instant(valid_from)
        if valid_until != _last_day(until):
            until = _end_of(valid_until)
        _check_time(chosen, since, until)
    except BadInputError as error:
        return _everybody(visit, status=422, problem=str(error))
    before = (account.role, account.valid_from, account.valid_until)
    if _is_oneself(visit, person_id) and before != (chosen, since, until):
        problem = "자기 자신의 역할과 기간은 바꿀 수 없습니다."
        return _everybody(visit, status=409, problem=problem)
    slack = one_line(slack_user, 40) or None
    try:
        with visit.context.database.unit_of_work() as connection:
            people.change(
                connection,
                person_id,
                role=chosen,
                sees_all_brands=chosen is Role.OPERATOR,
                slack_user=slack,
                valid_from=since,
                valid_until=until,
            )
            _hand_over(visit, connection, person_id)
            days = f"{_first_day(since)}~{_last_day(until)}"
            detail = f"{account.login} {chosen} {days} {slack or '-'}"
            visit.audit(connection, "person_changed", detail=detail)
    except ConflictError:
        problem = "이미 다른 사람의 Slack 사용자 ID입니다."
        return _everybody(visit, status=422, problem=problem)
    return _everybody(visit)


@router.post("/people/{person_id}/brands")
def set_brands(
    visit: ChangingPeople,
    person_id: PersonId,
    brands: Annotated[list[str], Form()] = [],  # noqa: B006
) -> Response:
    """Replace the brands a person may see."""
    login = _existing(visit, person_id).login
    with visit.context.database.unit_of_work() as connection:
        people.set_brands(connection, person_id, _brands(visit, brands))
        _hand_over(visit, connection, person_id)
        visit.audit(connection, "brands_changed", detail=login)
    return _everybody(visit)


@router.post("/people/{person_id}/disable")
def disable(
    visit: ChangingPeople, person_id: PersonId, message: Annotated[str, Form()] = ""
) -> Response:
    """Keep a person out, at once and everywhere; their cases go to others, with a message."""
    login = _existing(visit, person_id).login
    if _is_oneself(visit, person_id):
        return _everybody(visit, status=409, problem="자기 자신을 막을 수는 없습니다.")
    with visit.context.database.unit_of_work() as connection:
        people.change(connection, person_id, disabled_at=visit.context.clock())
        people.end_sessions(connection, person_id)
        _hand_over(visit, connection, person_id, one_line(message))
        visit.audit(connection, "person_disabled", detail=login)
    return _everybody(visit)


@router.post("/people/{person_id}/enable")
def enable(visit: ChangingPeople, person_id: PersonId) -> Response:
    """Let a person in again."""
    login = _existing(visit, person_id).login
    with visit.context.database.unit_of_work() as connection:
        people.change(connection, person_id, disabled_at=None)
        visit.audit(connection, "person_enabled", detail=login)
    return _everybody(visit)


@router.post("/people/{person_id}/reset")
def reset(visit: ChangingPeople, person_id: PersonId) -> Response:
    """Give a new first password and forget the one-time codes."""
    login = _existing(visit, person_id).login
    password = passwords.new_password()
    with visit.context.database.unit_of_work() as connection:
        people.change(
            connection,
            person_id,
            password_hash=passwords.hash_password(password),
            sealed_totp=None,
            totp_step=0,
        )
        people.end_sessions(connection, person_id)
        visit.audit(connection, "password_reset", detail=login)
    return _everybody(visit, given=(login, password))


def _is_oneself(visit: Visit, person_id: int) -> bool:
    return visit.person.account is not None and visit.person.account.id == person_id


def _existing(visit: Visit, person_id: int) -> Account:
    with visit.context.database.reading() as connection:
        account = people.by_id(connection, person_id)
    if account is None:
        raise HTTPException(404, "없는 사람입니다.")
    return account


def _hand_over(visit: Visit, connection: Connection, person_id: int, message: str = "") -> None:
    """Move the cases that a person may not have any more, in the transaction of the change."""
    person = people.by_id(connection, person_id)
    if person is not None:
        owners.leave(
            connection, person, now=visit.context.clock(), who=visit.person.name, message=message
        )


@router.get("/audit")
def audit_log(visit: Administering) -> Response:
    """Show the newest lines of the audit log."""
    with visit.context.database.reading() as connection:
        rows = people.audited(connection)
    return page(visit, "audit.html", rows=rows)
