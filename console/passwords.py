"""Passwords and one-time codes."""

from __future__ import annotations

import hmac
import re
import secrets
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import BadInputError

if TYPE_CHECKING:
    from datetime import datetime

SHORTEST = 12
LONGEST = 200
_STEP_S = 30
_hasher = PasswordHasher()
_turns = BoundedSemaphore(4)
"""A check takes 64 MiB for a moment and all of a core: a shift that signs in at once would take
gigabytes, and be in no sooner."""
# Checked for logins that do not exist, so that an answer takes as long for them.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def hash_password(password: str, login: str = "") -> str:
    """Hash a new password (argon2id).

    Raises:
        BadInputError: It is too short, too long or the login itself; Korean, for the person.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInputError(f"비밀번호는 {SHORTEST}자 이상 {LONGEST}자 이하로 정해 주세요.")
    if login and login.lower() in password.lower():
        raise BadInputError("비밀번호에 아이디를 넣을 수 없습니다.")
    if len(set(password)) <= SHORTEST // 3:
        raise BadInputError("비밀번호가 너무 단순합니다.")
    with _turns:
        return _hasher.hash(password)


def is_password(password_hash: str, password: str) -> bool:
    """Check a password; an empty hash is nobody's and takes as long."""
    try:
        with _turns:
            _hasher.verify(password_hash or _NOBODY, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)


def new_password() -> str:
    """Make a first password, to be handed over once."""
    return secrets.token_urlsafe(15)


def new_totp_secret() -> str:
    """Make a secret for one-time codes, as an authenticator application takes it."""
    return pyotp.random_base32()


def is_totp_secret(secret: str) -> bool:
    """Tell whether this is a secret as ``new_totp_secret`` makes them."""
    return re.fullmatch(r"[A-Z2-7]{32}", secret) is not None


def totp_address(secret: str, login: str) -> str:
    """Give the ``otpauth://`` address of a secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Pyeongpan")


def qr_code(address: str) -> str:
    """Draw an address for a phone's camera: an inline SVG without script, style or link.

    It is made of squares only, so that a page may take it in unescaped.
    """
    code = segno.make_qr(address, error="m")
    return code.svg_inline(
        scale=5, dark="#000", light="#fff", svgclass="qr", lineclass=None, title="인증 앱용 QR 코드"
    )


def totp_step(secret: str, code: str, now: datetime) -> int | None:
    """Find the 30-second step a code belongs to: now, or one before or after; None for none."""
    totp = pyotp.TOTP(secret)
    current = int(now.timestamp()) // _STEP_S
    digits = "".join(code.split())
    for step in (current, current - 1, current + 1):
        if hmac.compare_digest(totp.at(step * _STEP_S).encode(), digits.encode("utf-8", "replace")):
            return step
    return None
