"""Making the first operator: a command, never a default password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console import passwords
from console.access import clean_name, one_line
from domain.errors import BadInputError
from storage import people
from storage.people import Role

if TYPE_CHECKING:
    from datetime import datetime

    from storage.session import Database


_LONGEST_LOGIN = 120


def check_new(login: str, name: str) -> None:
    """Refuse a login that nobody could sign in with, and a name of nothing.

    Raises:
        BadInputError: Korean, for whoever makes the person.
    """
    if login != one_line(login) or not 2 <= len(login) <= _LONGEST_LOGIN or " " in login:
        raise BadInputError("아이디는 빈칸 없이 2자 이상으로 적어 주세요.")
    if not clean_name(name):
        raise BadInputError("이름을 적어 주세요.")


def create_operator(
    database: Database, *, login: str, name: str, password: str, now: datetime
) -> int:
    """Make somebody who manages people; from then on everybody signs in.

    Returns:
        The person's id.

    Raises:
        BadInputError: The login is taken or no login, the name empty, or the password too weak.
    """
    login = login.strip().lower()
    check_new(login, name)
    hashed = passwords.hash_password(password, login)
    with database.unit_of_work() as connection:
        person_id = people.add(
            connection,
            login=login,
            name=clean_name(name),
            role=Role.OPERATOR,
            now=now,
            sees_all_brands=True,
            password_hash=hashed,
        )
        people.audit(connection, "person_added", who="command", now=now, detail=login)
    return person_id
