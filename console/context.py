"""What the console is given by whoever starts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.types import ReplyRules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import date, datetime

    from domain.brands import Brand
    from responders.policy import PersonalDataMatch
    from storage.cases import ToDraft
    from storage.session import Connection, Database


def usual_rules(_case: ToDraft) -> ReplyRules:
    """Give the rules of a channel that says nothing of its own."""
    return ReplyRules()


def nobody_asked(_connection: Connection, _case_id: int) -> None:
    """Tell nobody."""


def no_holidays(_day: date) -> bool:
    """Tell that a day is a working day."""
    return False


@dataclass(frozen=True)
class OidcProvider:
    """Where people may sign in with OpenID Connect.

    Attributes:
        issuer: ``https://slack.com``, ``https://accounts.google.com``, ...
        label: What the button says: ``Slack``.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    label: str = "OpenID Connect"


@dataclass(frozen=True)
class ConsoleContext:
    """The console's tools.

    Attributes:
        database: Where cases are read and decisions written.
        brands: Every configured brand by slug.
        clock: Gives the present, aware UTC.
        tell_asked: Tells whom the newest proposal of a case asks, in its own transaction.
        poke: Called after a decision, so that its message need not wait for the next relay.
        find_personal_data: Finds personal data in a text, given the brand's registered contacts,
            which are nobody's: ``privacy.masking.find``.
        is_demo: Whether the pages say that nothing here is real.
        has_slack: Whether alerts go to Slack; without, they are shown here only.
        publish_enabled: Whether approved replies leave at all.
        console_url: Where people open the console; its host is the one requests must name.
        rules_of: Gives the rules for a reply to a case, as they are now.
        is_holiday: Tells public holidays, for deadlines.
        seal: Encrypts what must not be readable in the database (``Sealer.seal``).
        unseal: Its opposite (``Sealer.open``).
        oidc: Where people may sign in besides here; None for nowhere.
    """

    database: Database
    brands: Mapping[str, Brand]
    clock: Callable[[], datetime]
    find_personal_data: Callable[[str, Collection[str]], Iterable[PersonalDataMatch]]
    console_url: str
    tell_asked: Callable[[Connection, int], None] = nobody_asked
    poke: Callable[[], None] = field(default=lambda: None)
    is_demo: bool = False
    has_slack: bool = False
    publish_enabled: bool = False
    rules_of: Callable[[ToDraft], ReplyRules] = usual_rules
    is_holiday: Callable[[date], bool] = no_holidays
    seal: Callable[[bytes], bytes] | None = None
    unseal: Callable[[bytes], bytes] | None = None
    oidc: OidcProvider | None = None
