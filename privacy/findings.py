"""What masking finds, and the word that replaces it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.types import Span


class PersonalDataKind(StrEnum):
    """What kind of personal data a span holds (개인정보 유형)."""

    NAME = "name"
    PHONE = "phone"
    EMAIL = "email"
    RESIDENT_NUMBER = "resident_number"
    """Korean resident or foreigner registration number."""
    IDENTITY_NUMBER = "identity_number"
    """Passport, driving licence, customs code, number plate."""
    CARD = "card"
    ACCOUNT = "account"
    ORDER = "order"
    """Order, reservation, claim and parcel numbers: each leads to one person."""
    ADDRESS = "address"
    DOOR_CODE = "door_code"
    """A code that opens somebody's door, and any password given away."""
    BIRTH_DATE = "birth_date"
    MESSENGER = "messenger"
    """Messenger, social media and shop account names."""
    IP_ADDRESS = "ip"
    UNREADABLE = "unreadable"
    """A whole text that was built so that masking never ends."""


REPLACEMENTS: Mapping[PersonalDataKind, str] = {
    PersonalDataKind.NAME: "[이름]",
    PersonalDataKind.PHONE: "[전화번호]",
    PersonalDataKind.EMAIL: "[이메일]",
    PersonalDataKind.RESIDENT_NUMBER: "[주민등록번호]",
    PersonalDataKind.IDENTITY_NUMBER: "[신분번호]",
    PersonalDataKind.CARD: "[카드번호]",
    PersonalDataKind.ACCOUNT: "[계좌번호]",
    PersonalDataKind.ORDER: "[주문번호]",
    PersonalDataKind.ADDRESS: "[주소]",
    PersonalDataKind.DOOR_CODE: "[비밀번호]",
    PersonalDataKind.BIRTH_DATE: "[생년월일]",
    PersonalDataKind.MESSENGER: "[아이디]",
    PersonalDataKind.IP_ADDRESS: "[IP]",
    PersonalDataKind.UNREADABLE: "[개인정보]",
}
REPLACED = re.compile("|".join(map(re.escape, REPLACEMENTS.values())))
"""Finds what masking wrote."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data.

    Attributes:
        span: Where it stands in the original text.
        replacement: What stands there in the masked text.
    """

    kind: PersonalDataKind
    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Masked:
    """A text that may be stored, scored and shown.

    Attributes:
        text: The text with every finding replaced.
        found: What was replaced, in the order of the text; spans never overlap.
    """

    text: str
    found: tuple[Finding, ...] = ()
