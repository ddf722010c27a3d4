"""What the actors work with: built once per process from the settings, replaced in tests."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import holidays
import structlog

from alerts.slack import SlackClient
from alerts.smtp import SmtpClient
from collectors import CHANNELS, source_of
from collectors.base import WORKERS_OPTIONS, Build, Collector
from collectors.http import Pacer, build_client
from domain.brands import is_same_source, name_source
from domain.errors import ConfigurationError, SourceMovedError
from privacy.sealing import Sealer, load_or_create_key
from responders.drafting import Drafter
from responders.manual import load_manual
from responders.publishers import PUBLISHERS
from settings import Settings, load_brands
from storage import accounts, schema
from storage.session import Database
from storage.tokens import DatabaseTokenStore
from workers.notices import readdress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.brands import Account, Brand, Source
    from responders.publishers.base import Publisher
    from sentiment.adapt import Adapter
    from sentiment.classifier import Classifier
    from storage.accounts import Origin

log = structlog.get_logger()

OTHER_MODEL = "was learnt on another model -> teach it again: pyeongpan train --brand {}"
"""Why a brand's language waits, mostly after an upgrade."""


def utc_now() -> datetime:
    """Give the present; tests use a clock of their own."""
    return datetime.now(UTC)


@cache
def _korean_holidays(year: int) -> frozenset[date]:
    # A calendar that grows by itself has a year before it has the year's days.
    return frozenset(holidays.country_holidays("KR", years=year))


def is_holiday(day: date) -> bool:
    """Tell whether a Korean date is a public or substitute holiday."""
    return day in _korean_holidays(day.year)


@dataclass
class Runtime:
    """One process's tools.

    Attributes:
        sealer: Encrypts personal data.
        slack: None without a bot token: alerts are then shown in the console.
        mail: None without a mail server: nothing is mailed then.
        poke: Called after a commit that wrote messages, so that nobody waits for the next
            relay; an optimisation only.
    """

    settings: Settings
    database: Database
    sealer: Sealer
    brands: dict[str, Brand]
    clock: Callable[[], datetime] = utc_now
    slack: SlackClient | None = None
    mail: SmtpClient | None = None
    poke: Callable[[], None] = lambda: None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _made: dict[tuple[str, str], Any] = field(default_factory=dict)
    _left_aside: dict[str, str] = field(default_factory=dict)
    _pacer: Pacer = field(default_factory=Pacer)

    @property
    def accounts(self) -> dict[str, Account]:
        """All configured accounts by ``BRAND/NAME``."""
        return {
            account.key: account for brand in self.brands.values() for account in brand.accounts
        }

    def find_account(self, key: str) -> Account | None:
        """Give one account; None when no brand folder has it (any more)."""
        brand = self.brands.get(key.partition("/")[0])
        return brand.find_account(key) if brand else None

    def account(self, key: str) -> Account:
        """Give one account.

        Raises:
            ConfigurationError: No brand folder has it (any more).
        """
        account = self.find_account(key)
        if account is None:
            known = ", ".join(sorted(self.accounts)) or "none"
            raise ConfigurationError(f"no account {key!r} in the brand folders; known: {known}")
        return account

    def account_at(self, key: str, channel: str, source: Source | None) -> Account:
        """Give one account, to read or to speak at the place where it was read.

        Args:
            key: ``BRAND/NAME``.
            channel: On which it was.
            source: What the database says of the place.

        Raises:
            SourceMovedError: It reads another place now.
            ConfigurationError: As `account`.
        """
        account = self.account(key)
        here = source_of(account)
        if account.channel != channel or not is_same_source(source, here):
            raise SourceMovedError(
                f"account {key} was read at {name_source(channel, source)} and is read at "
                f"{name_source(account.channel, here)} now"
            )
        return account

    @property
    def console_url(self) -> str:
        """Where people open the console."""
        settings = self.settings
        return (
            settings.console_url.rstrip("/")
            or f"http://{settings.console_host}:{settings.console_port}"
        )

    def brand(self, slug: str) -> Brand:
        """Give one brand.

        Raises:
            ConfigurationError: Its folder is gone.
        """
        if slug not in self.brands:
            raise ConfigurationError(
                f"brand {slug!r} has no folder in {self.settings.brands}; put it back"
            )
        return self.brands[slug]

    def origin(self, account_id: int) -> Origin:
        """Tell where an account's row is read from."""

        def look_up() -> Origin:
            with self.database.reading() as connection:
                return accounts.origin_of(connection, account_id)

        return self._once(("origin", str(account_id)), look_up)  # type: ignore[no-any-return]

    @property
    def classifier(self) -> Classifier:
        """The sentiment model, loaded when first asked for."""
        from sentiment.classifier import Classifier

        return self._once(("model", ""), lambda: Classifier.load(self.settings.model or None))  # type: ignore[no-any-return]

    def classifier_for(self, brand: str) -> Classifier:
        """Give the model with what the brand has taught it, as it is now."""
        adapter = self.language(brand, self.classifier.version)
        return self.classifier.for_brand(adapter) if adapter else self.classifier

    def language(self, brand: str, base_version: str) -> Adapter | None:
        """Give what a brand has taught the model of this version, as it is now.

        None where it taught nothing, and where what it taught cannot be used: what the shipped
        model reads is worth more than what nobody reads. The log says so once.
        """
        from sentiment.adapt import current_version, load

        folder = adapter_folder(self.settings, brand)
        adapter: Adapter | None = None
        why = ""
        try:
            if version := current_version(folder):
                adapter = self._once(
                    ("language", f"{brand} {version}"), lambda: load(folder, brand, base_version)
                )
                why = "" if adapter else OTHER_MODEL.format(brand)
        except ConfigurationError as error:
            why = str(error)
        with self._lock:
            is_news = self._left_aside.get(brand, "") != why
            self._left_aside[brand] = why
        if is_news and why:
            log.warning("language_left_aside", brand=brand, reason=why)
        return adapter

    def collector(self, account: Account) -> Collector:
        """Give the collector of an account.

        Raises:
            ConfigurationError: Its channel is unknown or its options are wrong.
        """
        return self._once(  # type: ignore[no-any-return]
            ("collector", account.key),
            lambda: channel_of(account).load().build(self._build(account)),
        )

    def publisher(self, account: Account) -> Publisher | None:
        """Give the publisher of an account; None where a person must post the reply."""
        if not account.writable or account.channel not in PUBLISHERS:
            return None
        return self._once(  # type: ignore[no-any-return]
            ("publisher", account.key),
            lambda: PUBLISHERS[account.channel].load().build(self._build(account)),
        )

    def drafter(self, brand: Brand) -> Drafter:
        """Give a drafter that knows the brand's manual as it is now.

        Raises:
            ConfigurationError: A file of the manual cannot be used.
        """
        return Drafter(brand, load_manual(brand.manual_folder, brand.timezone), self.clock)

    def close(self) -> None:
        """Close the connections to channels and database, when nobody works any more."""
        with self._lock:
            clients = [made for (kind, _), made in self._made.items() if kind == "client"]
        for client in clients:
            client.close()
        self.database.close()

    def _build(self, account: Account) -> Build:
        client = self._once(
            ("client", account.key),
            lambda: build_client(
                account,
                channel_of(account).spec,
                pacer=self._pacer,
                clock=self.clock,
                allow_private=self.settings.allow_private_addresses,
            ),
        )
        tokens = DatabaseTokenStore(self.database, self.sealer.seal, self.sealer.open)
        return Build(account=account, client=client, clock=self.clock, tokens=tokens)

    def _once(self, key: tuple[str, str], make: Callable[[], Any]) -> Any:  # noqa: ANN401
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]


def channel_of(account: Account) -> Any:  # noqa: ANN401 - a registry line
    """Give the registry's line for an account's channel.

    Raises:
        ConfigurationError: There is no such channel, or it does not know an option.
    """
    if account.channel not in CHANNELS:
        known = ", ".join(sorted(CHANNELS))
        raise ConfigurationError(
            f"account {account.key}: unknown channel {account.channel!r}; known: {known}"
        )
    channel = CHANNELS[account.channel]
    options = (*channel.spec.option_names, *WORKERS_OPTIONS)
    for option in account.options:
        if option not in options:
            raise ConfigurationError(
                f"account {account.key}: {option} is no option of {account.channel}; "
                f"known are {', '.join(options)}"
            )
    return channel


def adapter_folder(settings: Settings, brand: str) -> Path:
    """Say where a brand's own language is kept; several machines share the home folder."""
    return settings.home / "adapters" / brand


def build(settings: Settings) -> Runtime:
    """Make the tools of one process.

    Raises:
        ConfigurationError: Settings, keys or brand folders are wrong.
    """
    database = Database(settings.database)
    return build_on(
        settings, database, build_sealer(settings, database), load_brands(settings.brands)
    )


def build_on(
    settings: Settings, database: Database, sealer: Sealer, brands: dict[str, Brand]
) -> Runtime:
    """Make the other tools around what can be wrong."""
    return Runtime(
        settings=settings,
        database=database,
        sealer=sealer,
        brands=brands,
        slack=_slack(settings),
        mail=_mail(settings),
    )


def build_sealer(settings: Settings, database: Database) -> Sealer:
    """Make what seals personal data.

    Raises:
        ConfigurationError: A key is missing or wrong.
    """
    given = settings.seal_key.get_secret_value()
    if given:
        return Sealer([key.strip() for key in given.split(",")])
    if not database.is_sqlite:
        raise ConfigurationError(
            "PYEONGPAN_SEAL_KEY is required on PostgreSQL: every machine needs the same key; "
            "make one with `pyeongpan seal-key`"
        )
    path = settings.home / "seal.key"
    try:
        return Sealer([load_or_create_key(path)])
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read or made: {error.strerror}") from None


def _slack(settings: Settings) -> SlackClient | None:
    token = settings.slack_bot_token.get_secret_value()
    return SlackClient(token, settings.slack_api_url) if token else None


def two_steps(runtime: Runtime) -> dict[str, bool]:
    """Tell of each brand whether it publishes with two approvals."""
    return {slug: brand.two_step_approval for slug, brand in runtime.brands.items()}


def synchronize(runtime: Runtime) -> None:
    """Bring schema, accounts and brands' rules up to date with this version and the brand folders."""
    schema.upgrade(runtime.database)
    with runtime.database.unit_of_work() as connection:
        accounts.synchronize(
            connection, runtime.accounts.values(), source_of=source_of, now=runtime.clock()
        )
        accounts.require_two_steps(connection, two_steps(runtime))
        accounts.remember_retentions(
            connection, {slug: brand.retention for slug, brand in runtime.brands.items()}
        )
    # Before this process tells anything: a room that a brand left is not told.
    readdress(runtime)


def _mail(settings: Settings) -> SmtpClient | None:
    server = settings.mail_server
    if server is None:
        return None
    return SmtpClient(server, settings.smtp_password.get_secret_value(), settings.mail_sender)


_installed: list[Runtime] = []


def install(runtime: Runtime) -> None:
    """Make a runtime the one the actors of this process use."""
    _installed[:] = [runtime]


def current() -> Runtime:
    """Give the runtime of this process.

    Raises:
        ConfigurationError: No entry point has installed one.
    """
    if not _installed:
        raise ConfigurationError("no runtime is installed; start with the pyeongpan command")
    return _installed[0]
