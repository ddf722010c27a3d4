"""Making the first operator: a command, never a default password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console import passwords
from domain.errors import BadInputError
from storage import people
from storage.people import Role

if TYPE_CHECKING:
    from datetime import datetime

    from storage.session import Database


def create_operator(
    database: Database, *, login: str, name: str, password: str, now: datetime
) -> int:
    """Make somebody who manages people; from then on everybody signs in.

    Returns:
        The person's id.

    Raises:
        BadInputError: The login is taken or empty, or the password too weak.
    """
    login = login.strip().lower()
    if not login or not name.strip():
        raise BadInputError("아이디와 이름이 필요합니다.", field="login")
    hashed = passwords.hash_password(password, login)
    with database.unit_of_work() as connection:
        person_id = people.add(
            connection,
            login=login,
            name=name.strip(),
            role=Role.OPERATOR,
            now=now,
            sees_all_brands=True,
            password_hash=hashed,
        )
        people.audit(connection, "person_added", who="command", now=now, detail=login)
    return person_id
