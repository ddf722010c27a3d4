"""People of the console: who they are, what they may do, their sessions and what they did."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from domain.errors import BadInputError
from storage.models import (
    AuditRow,
    PersonBrandRow,
    PersonRow,
    SessionRow,
    SignInFailureRow,
)
from storage.session import dicts, insert_ignoring

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

SESSION_LENGTH = timedelta(hours=14)
SESSION_IDLE = timedelta(hours=4)
FAILURE_WINDOW = timedelta(minutes=15)
FAILURES_PER_LOGIN = 5
FAILURES_PER_ADDRESS = 30
_SEEN_EVERY = timedelta(minutes=1)


class Role(StrEnum):
    """What a person is to the house (역할)."""

    LEAD = "lead"
    SPECIALIST = "specialist"
    TEMPORARY = "temporary"
    BRAND_APPROVER = "brand_approver"
    BRAND_VIEWER = "brand_viewer"
    OPERATOR = "operator"


AGENCY_DECIDERS = frozenset({Role.LEAD, Role.SPECIALIST, Role.TEMPORARY})
DECIDERS = AGENCY_DECIDERS | {Role.BRAND_APPROVER}


@dataclass(frozen=True, slots=True)
class Account:
    """A person as the database knows them.

    Attributes:
        brands: Slugs of the brands they may see; meaningless where ``sees_all_brands``.
    """

    id: int
    login: str
    name: str
    role: Role
    sees_all_brands: bool
    brands: frozenset[str]
    password_hash: str
    sealed_totp: bytes | None
    totp_step: int
    slack_user: str | None
    capacity: int
    valid_from: datetime | None
    valid_until: datetime | None
    disabled_at: datetime | None

    def sees(self, brand: str) -> bool:
        """Tell whether the person may see a brand."""
        return self.sees_all_brands or brand in self.brands

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the person may be here at ``now``."""
        return (
            self.disabled_at is None
            and (self.valid_from is None or self.valid_from <= now)
            and (self.valid_until is None or now < self.valid_until)
        )

    @property
    def signature(self) -> str:
        """Give what decisions are signed with: a name may be shared, a login is not."""
        return f"{self.name} ({self.login})"


def any_exist(connection: Connection) -> bool:
    """Tell whether anybody has to sign in."""
    return connection.execute(select(PersonRow.id).limit(1)).scalar() is not None


def add(
    connection: Connection,
    *,
    login: str,
    name: str,
    role: Role,
    now: datetime,
    brands: Collection[str] = (),
    sees_all_brands: bool = False,
    password_hash: str = "",
    oidc_subject: str | None = None,
    slack_user: str | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> int:
    """Make a person.

    Returns:
        Their id.

    Raises:
        BadInputError: The login, or the Slack user, is somebody else's.
    """
    made = connection.execute(
        insert_ignoring(connection, PersonRow).returning(PersonRow.id),
        [
            {
                "login": login.strip().lower(),
                "name": name,
                "role": role,
                "sees_all_brands": sees_all_brands,
                "password_hash": password_hash,
                "totp_step": 0,
                "oidc_subject": oidc_subject,
                "slack_user": slack_user,
                "valid_from": valid_from,
                "valid_until": valid_until,
                "made_at": now,
            }
        ],
    ).scalar()
    if made is None:
        if by_login(connection, login) is None:
            raise BadInputError("이미 다른 사람의 Slack 사용자 ID입니다.")
        raise BadInputError("이미 있는 아이디입니다.")
    set_brands(connection, made, brands)
    return int(made)


def set_brands(connection: Connection, person_id: int, brands: Collection[str]) -> None:
    """Replace the brands a person may see."""
    connection.execute(delete(PersonBrandRow).where(PersonBrandRow.person_id == person_id))
    if brands:
        connection.execute(
            insert(PersonBrandRow),
            [{"person_id": person_id, "brand": brand} for brand in sorted(set(brands))],
        )


def change(connection: Connection, person_id: int, **values: object) -> None:
    """Change columns of a person."""
    connection.execute(update(PersonRow).where(PersonRow.id == person_id).values(**values))


def by_login(connection: Connection, login: str) -> Account | None:
    """Find a person by login, whatever its case."""
    return _one(connection, PersonRow.login == login.strip().lower())


def by_id(connection: Connection, person_id: int) -> Account | None:
    """Find a person."""
    return _one(connection, PersonRow.id == person_id)


def by_oidc(connection: Connection, subject: str) -> Account | None:
    """Find who signs in elsewhere as ``issuer|subject``."""
    return _one(connection, PersonRow.oidc_subject == subject)


def by_slack(connection: Connection, slack_user: str, *, now: datetime) -> Account | None:
    """Find who clicks in Slack; None for strangers and for people whose time is over."""
    found = _one(connection, PersonRow.slack_user == slack_user)
    return found if found is not None and found.is_valid(now) else None


def everybody(connection: Connection) -> list[Account]:
    """Give all people by name."""
    rows = connection.execute(select(PersonRow.__table__).order_by(PersonRow.name, PersonRow.id))
    return _accounts(connection, rows)


def staff(connection: Connection, *, now: datetime) -> list[Account]:
    """Give who may look after cases at ``now``, by name: the agency's deciders."""
    rows = connection.execute(
        select(PersonRow.__table__)
        .where(PersonRow.role.in_(sorted(AGENCY_DECIDERS)), PersonRow.disabled_at.is_(None))
        .order_by(PersonRow.name, PersonRow.id)
    ).all()
    return [person for person in _accounts(connection, rows) if person.is_valid(now)]


def _one(connection: Connection, condition: ColumnElement[bool]) -> Account | None:
    found = _accounts(connection, connection.execute(select(PersonRow.__table__).where(condition)))
    return found[0] if found else None


def _accounts(connection: Connection, rows: Iterable[Any]) -> list[Account]:
    people = list(rows)
    brands: dict[int, set[str]] = {}
    for row in connection.execute(
        select(PersonBrandRow.person_id, PersonBrandRow.brand).where(
            PersonBrandRow.person_id.in_([person.id for person in people])
        )
    ):
        brands.setdefault(row.person_id, set()).add(row.brand)
    return [
        Account(
            id=person.id,
            login=person.login,
            name=person.name,
            role=Role(person.role),
            sees_all_brands=person.sees_all_brands,
            brands=frozenset(brands.get(person.id, ())),
            password_hash=person.password_hash,
            sealed_totp=person.sealed_totp,
            totp_step=person.totp_step,
            slack_user=person.slack_user,
            capacity=person.capacity,
            valid_from=person.valid_from,
            valid_until=person.valid_until,
            disabled_at=person.disabled_at,
        )
        for person in people
    ]


def link(connection: Connection, person_id: int, oidc_subject: str) -> bool:
    """Remember who a person is elsewhere; False when that is somebody else already."""
    changed = connection.execute(
        update(PersonRow)
        .where(PersonRow.id == person_id, PersonRow.oidc_subject.is_(None))
        .values(oidc_subject=oidc_subject)
    )
    return changed.rowcount == 1


def use_totp_step(connection: Connection, person_id: int, step: int) -> bool:
    """Use up a one-time code's time step; False when it, or a later one, was used before."""
    changed = connection.execute(
        update(PersonRow)
        .where(PersonRow.id == person_id, PersonRow.totp_step < step)
        .values(totp_step=step)
    )
    return changed.rowcount == 1


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def begin_session(connection: Connection, person_id: int, *, now: datetime) -> str:
    """Sign a browser in.

    Returns:
        The session's token; it is not kept anywhere else.
    """
    token = secrets.token_urlsafe(32)
    connection.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    connection.execute(
        insert(SessionRow),
        [
            {
                "token_sha256": _hashed(token),
                "person_id": person_id,
                "made_at": now,
                "seen_at": now,
                "expires_at": now + SESSION_LENGTH,
            }
        ],
    )
    return token


def session_person(
    connection: Connection, token: str, *, now: datetime
) -> tuple[Account, bool] | None:
    """Find who a session belongs to.

    Returns:
        The person, and whether ``touch_session`` is due; None when the session or the person's
        time is over.
    """
    row = connection.execute(
        select(SessionRow.person_id, SessionRow.seen_at).where(
            SessionRow.token_sha256 == _hashed(token),
            SessionRow.expires_at > now,
            SessionRow.seen_at > now - SESSION_IDLE,
        )
    ).one_or_none()
    if row is None:
        return None
    person = by_id(connection, row.person_id)
    if person is None or not person.is_valid(now):
        return None
    return person, now - row.seen_at > _SEEN_EVERY


def touch_session(connection: Connection, token: str, *, now: datetime) -> None:
    """Note that a session is in use."""
    connection.execute(
        update(SessionRow).where(SessionRow.token_sha256 == _hashed(token)).values(seen_at=now)
    )


def end_session(connection: Connection, token: str) -> None:
    """Sign a browser out."""
    connection.execute(delete(SessionRow).where(SessionRow.token_sha256 == _hashed(token)))


def end_sessions(connection: Connection, person_id: int) -> None:
    """Sign a person out everywhere: disabled, or the password changed."""
    connection.execute(delete(SessionRow).where(SessionRow.person_id == person_id))


def note_attempt(connection: Connection, login: str, address: str, *, now: datetime) -> list[int]:
    """Count a sign-in as failed until it is known to be right.

    Returns:
        What ``forget_attempt`` takes.
    """
    connection.execute(
        delete(SignInFailureRow).where(SignInFailureRow.failed_at <= now - FAILURE_WINDOW)
    )
    made = connection.execute(
        insert(SignInFailureRow).returning(SignInFailureRow.id),
        [{"subject": subject, "failed_at": now} for subject, _ in _subjects(login, address)],
    )
    return list(made.scalars())


def forget_attempt(connection: Connection, attempt: Collection[int]) -> None:
    """Take an attempt back: it was right, or it was not even checked."""
    connection.execute(delete(SignInFailureRow).where(SignInFailureRow.id.in_(attempt)))


def is_slowed(connection: Connection, login: str, address: str, *, now: datetime) -> bool:
    """Tell whether an attempt that is counted already is one too many.

    Attempts commit before they ask, so that of many at once no more than the limit go on.
    """
    return any(
        connection.execute(
            select(func.count(SignInFailureRow.id)).where(
                SignInFailureRow.subject == subject,
                SignInFailureRow.failed_at > now - FAILURE_WINDOW,
            )
        ).scalar_one()
        > limit
        for subject, limit in _subjects(login, address)
    )


def _subjects(login: str, address: str) -> tuple[tuple[str, int], ...]:
    # Hashed: people type passwords into the wrong field.
    return (
        (f"login:{_hashed(login.strip().lower())}", FAILURES_PER_LOGIN),
        (f"address:{_neighbourhood(address)}"[:200], FAILURES_PER_ADDRESS),
    )


def _neighbourhood(address: str) -> str:
    """Give the part of an address that one customer of a provider cannot change: IPv6's /64."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def forget_failures(connection: Connection, login: str) -> None:
    """Start counting anew after a success."""
    subject = f"login:{_hashed(login.strip().lower())}"
    connection.execute(delete(SignInFailureRow).where(SignInFailureRow.subject == subject))


def audit(
    connection: Connection,
    action: str,
    *,
    who: str,
    now: datetime,
    brand: str = "",
    case_id: int | None = None,
    detail: str = "",
    address: str = "",
) -> None:
    """Write one line of the audit log; never a customer's text, never a secret."""
    connection.execute(
        insert(AuditRow),
        [
            {
                "happened_at": now,
                "who": who[:210],
                "action": action,
                "brand": brand,
                "case_id": case_id,
                "detail": detail[:500],
                "address": address[:60],
            }
        ],
    )


def audited(connection: Connection, *, limit: int = 200) -> list[dict[str, Any]]:
    """Give the newest lines of the audit log."""
    rows = connection.execute(select(AuditRow.__table__).order_by(AuditRow.id.desc()).limit(limit))
    return dicts(rows)


def count_audited(connection: Connection, action: str, case_id: int) -> int:
    """Count what was done to one case, such as revealing its hidden words."""
    return connection.execute(
        select(func.count(AuditRow.id)).where(
            AuditRow.case_id == case_id, AuditRow.action == action
        )
    ).scalar_one()
