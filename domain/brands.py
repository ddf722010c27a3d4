"""A brand, its accounts and its hours, as the rest of the house sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class Account:
    """Our credential and shop on a channel (판매자 계정).

    Attributes:
        brand: Slug of the brand, which is its folder's name.
        name: Unique within the brand.
        channel: Key of ``collectors.CHANNELS``.
        interval: How often it is collected.
        credentials: Contents of the credentials file; never logged.
        options: Channel-specific keys of the ``[[accounts]]`` table (``base_url``, ``folder``,
            ``columns``, ...), as TOML gives them.
        writable: False when replies are handed to a person.
        hours: Instead of the brand's; None for the brand's.
        answer_within: The platform's clock (플랫폼 답변 기한), which runs day and night from when the
            customer wrote; None where it has none.
        folder: The brand's folder; relative paths in ``options`` start there.
    """

    brand: str
    name: str
    channel: str
    interval: timedelta = timedelta(minutes=10)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, object] = field(default_factory=dict)
    writable: bool = False
    hours: BusinessHours | None = None
    answer_within: timedelta | None = None
    folder: Path = Path()

    @property
    def key(self) -> str:
        """Name the account across brands, as on the command line: ``BRAND/NAME``."""
        return f"{self.brand}/{self.name}"

    def option(self, name: str, default: str = "") -> str:
        """Give a text option, or ``default``."""
        value = self.options.get(name, default)
        return value if isinstance(value, str) else str(value)


Source = Mapping[str, str]
"""Which place on its channel an account reads: the options that name it, and their values."""


def is_same_source(one: Source | None, other: Source) -> bool:
    """Tell whether two are one place: they name one thing in common, and nothing with two values.

    One that names nothing, or of which nothing is known (None), may be the same.
    """
    if not one or not other:
        return True
    common = one.keys() & other.keys()
    return bool(common) and all(one[name] == other[name] for name in common)


def name_source(channel: str, source: Source | None) -> str:
    """Name a place for the operator: ``google_business, location accounts/1/locations/55``."""
    return ", ".join([channel, *(f"{name} {value}" for name, value in (source or {}).items())])


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When a brand works (영업시간), in its own time zone.

    Holidays are never working days, and lunch is cut out of every day.
    """

    opens: time = time(9)
    closes: time = time(18)
    lunch_starts: time | None = time(12)
    lunch_ends: time | None = time(13)
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Monday is 0."""
    saturday: tuple[time, time] | None = None
    sunday: tuple[time, time] | None = None

    def on(self, weekday: int) -> tuple[time, time] | None:
        """Give when a day opens and closes; None when it stays closed."""
        own = {5: self.saturday, 6: self.sunday}.get(weekday)
        return own or ((self.opens, self.closes) if weekday in self.weekdays else None)


@dataclass(frozen=True, slots=True)
class DigestEmails:
    """Who of the brand is written to (요약 메일), and about what; each a list of addresses."""

    immediate: tuple[str, ...] = ()
    """Safety and legal matters, at once, also outside the brand's hours."""
    daily: tuple[str, ...] = ()
    weekly: tuple[str, ...] = ()

    @property
    def is_wanted(self) -> bool:
        """Tell whether anybody is written to."""
        return bool(self.immediate or self.daily or self.weekly)


@dataclass(frozen=True, slots=True)
class CompensationLimits:
    """Won a reply may promise (보상 한도), by the role of who approves it.

    Above it the case goes up. What goes beyond the lead's is the brand's own decision, and that
    has no limit.
    """

    temporary: int = 0
    specialist: int = 50_000
    lead: int = 300_000


USUAL_RETENTION = timedelta(days=365)
"""How long personal data is kept where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose reputation is watched (브랜드).

    Attributes:
        slug: The folder's name; used in URLs and on the command line.
        timezone: IANA name.
        closing: Last sentence of every reply.
        contacts: Registered phone numbers and addresses; the only ones a reply may give.
        undo_window: How long an approved reply waits before it is published.
        two_step_approval: Whether the brand itself approves what the agency approved.
        retention: How long personal data is kept after the feedback was written.
        reply_within: Business time promised for a first reply, where the channel sets none.
        digest_emails: Who is told by mail, beside Slack.
        compensation_limits: What the agency's roles may promise.
    """

    slug: str
    name: str
    folder: Path
    timezone: str = "Asia/Seoul"
    tone: str = ""
    closing: str = ""
    contacts: tuple[str, ...] = ()
    hours: BusinessHours = BusinessHours()
    slack_review_destination: str = ""
    slack_brand_destination: str = ""
    undo_window: timedelta = timedelta(minutes=2)
    two_step_approval: bool = False
    retention: timedelta = USUAL_RETENTION
    reply_within: timedelta = timedelta(hours=8)
    digest_emails: DigestEmails = DigestEmails()
    compensation_limits: CompensationLimits = CompensationLimits()
    accounts: tuple[Account, ...] = ()

    def find_account(self, key: str) -> Account | None:
        """Give one account by ``BRAND/NAME``; None when the brand has no such (any more)."""
        return next((account for account in self.accounts if account.key == key), None)

    def hours_of(self, key: str) -> BusinessHours:
        """Give the hours of an account; of one that is gone the brand's."""
        account = self.find_account(key)
        return (account and account.hours) or self.hours

    @property
    def manual_folder(self) -> Path:
        """Where the brand's manual lies."""
        return self.folder / "manual"


class TokenStore(Protocol):
    """Keeps a rotating token for a collector; shared by processes, sealed at rest.

    ``exclusive`` gives a context manager that only one process holds per account at a time, so
    that two workers never refresh one token at once. ``load`` inside it sees what the last
    holder saved.
    """

    def load(self, account_key: str) -> Mapping[str, str]:
        """Give the stored token, or an empty mapping."""

    def save(self, account_key: str, token: Mapping[str, str]) -> None:
        """Replace the token in one transaction."""

    def exclusive(self, account_key: str) -> AbstractContextManager[None]:
        """Hold the account's token alone for the length of a ``with`` block."""
