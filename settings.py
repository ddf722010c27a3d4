"""Settings: the only reader of the environment and of the brand folders.

Read once by an entry point and passed inwards as plain values.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from datetime import time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from domain.brands import (
    USUAL_RETENTION,
    Account,
    Brand,
    BusinessHours,
    CompensationLimits,
    DigestEmails,
)
from domain.errors import ConfigurationError
from domain.mail import MailServer, check_address, parse_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "PYEONGPAN_"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(value: object) -> object:
    """Read ``"10m"``, ``"90s"``, ``"8h"`` or ``"30d"``; give anything else back."""
    # Ten digits of days are more than Python can hold.
    pattern = r"\s*(\d{1,9})\s*([smhd])\s*"
    match = re.fullmatch(pattern, value) if isinstance(value, str) else None
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else value


def _duration(value: object) -> timedelta:
    length = parse_duration(value)
    # pydantic would take a bare number for seconds: a retention of 365 would end in minutes.
    if not isinstance(length, timedelta):
        reason = f'{value!r} is no length of time; write "90s", "10m", "8h" or "30d"'
        raise ValueError(reason)  # noqa: TRY004 - pydantic reports ValueError only
    if length > LONGEST_DURATION:
        raise ValueError(f"{value!r} is more than {LONGEST_DURATION.days} days")
    return length


LONGEST_DURATION = timedelta(days=36_500)
"""Added to or taken from the present, much more would be no date any more."""

Duration = Annotated[timedelta, BeforeValidator(_duration)]


def _not_nothing(length: timedelta) -> timedelta:
    # A retention of nothing erases everybody at night, an interval of nothing never stops asking.
    if not length:
        raise ValueError("must be longer than nothing")
    return length


Period = Annotated[Duration, AfterValidator(_not_nothing)]


def _server_address(value: str) -> str:
    if value:
        parse_server(value)
    return value


# As SQLAlchemy reads them: a password may hold anything but an @.
_DATABASE = re.compile(
    r"sqlite(\+pysqlite)?:///(?!:memory:).+"
    r"|(postgres|postgresql|postgresql\+psycopg)://([^:/]*(:[^@]*)?@)?"
    r"(\[[^/?]+\]|[^/:?]+)?(:\d*)?([/?].*)?"
)
_BROKERS = {"memory", "redis", "rediss", "amqp", "amqps"}


def _database_address(value: str) -> str:
    # The address is not repeated: it may hold a password.
    if value and not _DATABASE.fullmatch(value):
        raise ValueError(
            "write sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE"
        )
    return value


def _broker_address(value: str) -> str:
    scheme, separator, _ = value.partition("://")
    try:
        _ = urlsplit(value).port
    except ValueError:
        separator = ""
    if not separator or scheme not in _BROKERS:
        raise ValueError(
            "write memory://, redis://HOST:6379/0 or amqp://USER:PASSWORD@HOST:5672/"
        ) from None
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if value and not is_address:
        raise ValueError(f"{value!r} is no web address; write https://HOST")
    return value


_WebAddress = Annotated[str, AfterValidator(_web_address)]
_MailAddress = Annotated[str, AfterValidator(check_address)]


class Settings(BaseModel):
    """Everything the environment may say; each name has the prefix ``PYEONGPAN_``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(Path("var"), description="Folder of the embedded database and keys.")
    brands: Path = Field(Path("brands"), description="Folder with one folder per brand.")
    database_url: Annotated[str, AfterValidator(_database_address)] = Field(
        "", description="SQLAlchemy address; empty means a SQLite file in the home folder."
    )
    broker_url: Annotated[str, AfterValidator(_broker_address)] = Field(
        "memory://", description="memory:// (one process), redis://... or amqp://..."
    )
    model: str = Field("", description="Model directory or hub id; empty means the shipped one.")
    publish_enabled: bool = Field(
        default=False, description="Whether approved replies may go to the channels."
    )
    seal_key: SecretStr = Field(
        SecretStr(""),
        description="Keys that seal personal data, newest first, comma-separated; made in the "
        "home folder on SQLite, required on PostgreSQL.",
    )
    slack_bot_token: SecretStr = Field(SecretStr(""), description="xoxb-... to post alerts.")
    slack_app_token: SecretStr = Field(SecretStr(""), description="xapp-... for Socket Mode.")
    slack_signing_secret: SecretStr = Field(
        SecretStr(""), description="Checks Slack's signed HTTP requests."
    )
    slack_api_url: _WebAddress = Field(
        "https://slack.com/api/", description="Base address of Slack's API, including /api/."
    )
    smtp_url: Annotated[str, AfterValidator(_server_address)] = Field(
        "", description="smtp://user@host:587 or smtps://user@host:465 to send digests by mail."
    )
    smtp_password: SecretStr = Field(SecretStr(""), description="That user's password.")
    smtp_sender: Annotated[str, AfterValidator(lambda value: value and check_address(value))] = (
        Field("", description="Address mail comes from; the user's where that is one.")
    )
    console_host: str = Field("127.0.0.1", description="Address the console binds to.")
    console_port: int = Field(8420, ge=0, le=65535, description="Port of the console.")
    console_url: _WebAddress = Field(
        "", description="Address people open the console at, where a proxy stands before it."
    )
    oidc_issuer: _WebAddress = Field(
        "", description="OpenID Connect issuer people may sign in at, such as https://slack.com."
    )
    oidc_client_id: str = Field("", description="The console's client id there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="And its secret.")
    oidc_label: str = Field("OpenID Connect", description="What the sign-in button says.")
    allow_private_addresses: bool = Field(
        default=False,
        description="Whether a configured base_url may be a private address.",
    )
    lease: Period = Field(
        timedelta(minutes=3),
        description="How long the rows of a worker that died wait for another one.",
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda value: value.upper())
    ] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @property
    def database(self) -> str:
        """Give the database address, the embedded one where none is set."""
        return self.database_url or f"sqlite:///{(self.home / 'pyeongpan.db').absolute()}"

    @property
    def mail_server(self) -> MailServer | None:
        """Give the server that takes our mail; None where none is set."""
        return parse_server(self.smtp_url) if self.smtp_url else None

    @property
    def mail_sender(self) -> str:
        """Give the address our mail comes from; empty where there is none."""
        server = self.mail_server
        if self.smtp_sender or server is None:
            return self.smtp_sender
        try:
            return check_address(server.user)
        except ValueError:
            return ""

    @property
    def is_embedded_broker(self) -> bool:
        """Tell whether messages live in this process only."""
        return self.broker_url.startswith("memory://")


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: A variable is unknown, misspelt or invalid, or a secret's file
            cannot be read; the message names it.
    """
    environ = os.environ if environ is None else environ
    fields = Settings.model_fields
    values: dict[str, str] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key in fields:
            # Empty is not set: compose files pass on what the shell does not have.
            if value:
                values[key] = value
        elif key.endswith("_file") and _is_secret(key.removesuffix("_file")):
            if value:
                values.setdefault(key.removesuffix("_file"), _read_secret(name, Path(value)))
        else:
            known = sorted(PREFIX + field.upper() for field in fields)
            raise ConfigurationError(
                f"{name} is not a setting{_guess(name, known)}; known settings: {', '.join(known)}"
            )
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        field = str(problem["loc"][0]).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        reason = {"bool_parsing": "write true or false", "int_parsing": "write a number"}.get(
            problem["type"], reason
        )
        raise ConfigurationError(f"{PREFIX}{field}: {reason}") from None
    _check_slack(settings)
    _check_sign_in(settings)
    _check_mail(settings)
    return settings


def _guess(word: str, known: Iterable[str]) -> str:
    """Give the question that a slip of the pen deserves; empty where nothing is alike."""
    alike = get_close_matches(word, known, n=1, cutoff=0.8)
    return f"; did you mean {alike[0]}?" if alike else ""


def _check_slack(settings: Settings) -> None:
    """Refuse tokens that lie in each other's place, and ears without a mouth."""
    bot = settings.slack_bot_token.get_secret_value()
    app = settings.slack_app_token.get_secret_value()
    # A gateway's may look otherwise; Slack's own kinds are not to be confused.
    if bot.startswith("xapp-"):
        raise ConfigurationError(
            f"{PREFIX}SLACK_BOT_TOKEN: that is an app token; the bot's begins with xoxb-"
        )
    if app.startswith("xoxb-"):
        raise ConfigurationError(
            f"{PREFIX}SLACK_APP_TOKEN: that is a bot token; the app's begins with xapp-"
        )
    if (app or settings.slack_signing_secret.get_secret_value()) and not bot:
        raise ConfigurationError(
            f"{PREFIX}SLACK_BOT_TOKEN: set it too, or nothing is posted and no button works"
        )


def _check_sign_in(settings: Settings) -> None:
    """Refuse half of OpenID Connect, before somebody who signs in finds out."""
    parts = {
        "OIDC_ISSUER": settings.oidc_issuer,
        "OIDC_CLIENT_ID": settings.oidc_client_id,
        "OIDC_CLIENT_SECRET": settings.oidc_client_secret.get_secret_value(),
    }
    missing = [name for name, value in parts.items() if not value]
    if missing and len(missing) < len(parts):
        raise ConfigurationError(f"{PREFIX}{missing[0]}: set it too, or nobody can sign in there")


def _check_mail(settings: Settings) -> None:
    """Refuse what can never send a mail, before a worker finds out at night."""
    server = settings.mail_server
    password = settings.smtp_password.get_secret_value()
    if server is None:
        if password or settings.smtp_sender:
            raise ConfigurationError(f"{PREFIX}SMTP_URL: set it too, or no mail is ever sent")
        return
    if bool(server.user) != bool(password):
        missing = "SMTP_PASSWORD: needed for the user" if server.user else "SMTP_URL: needs a user"
        raise ConfigurationError(f"{PREFIX}{missing} that signs in (smtp://user@host)")
    if not (server.user + password).isascii():
        raise ConfigurationError(f"{PREFIX}SMTP_PASSWORD: SMTP signs in with ASCII only")
    if not settings.mail_sender:
        raise ConfigurationError(f"{PREFIX}SMTP_SENDER: needed, the address mail comes from")


def _is_secret(key: str) -> bool:
    """Tell whether a setting may come from a file: secrets, and addresses with passwords."""
    field = Settings.model_fields.get(key)
    return field is not None and (
        field.annotation is SecretStr or key in {"database_url", "broker_url"}
    )


def _read_secret(name: str, path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: {path} is not UTF-8 text") from None
    if not secret:
        raise ConfigurationError(f"{name}: {path} is empty; write the value into it")
    return secret


_Range = tuple[time, time]
_CLOCK = "((?:[01]?[0-9]|2[0-3]):[0-5][0-9])"


def _clock_range(value: object) -> object:
    match = re.fullmatch(rf"{_CLOCK}\s*-\s*{_CLOCK}", value) if isinstance(value, str) else None
    if not match:
        raise ValueError(
            f'{value!r} is no range of clock times from 00:00 to 23:59; write "09:00-18:00" '
            "or leave the line out"
        )
    start, end = (time.fromisoformat(part.zfill(5)) for part in match.groups())
    if start >= end:
        raise ValueError(f"{value!r} ends before it starts; the end must come after the start")
    return start, end


def _in_words(span: _Range) -> str:
    return f'"{span[0]:%H:%M}-{span[1]:%H:%M}"'


_LONGEST_CLOCK = timedelta(days=365)


def _platform_clock(value: object) -> timedelta:
    length = parse_duration(value)
    if not isinstance(length, timedelta) or not timedelta(0) < length <= _LONGEST_CLOCK:
        raise ValueError(
            f'{value!r} is no time of at most 365 days; write "90m", "24h" or "3d" '
            "or leave the line out"
        )
    return length


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError('no such time zone; write "Asia/Seoul"') from None
    return value


_ClockRange = Annotated[_Range, BeforeValidator(_clock_range)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _HoursTable(_Strict):
    weekdays: _ClockRange = (time(9), time(18))
    saturday: _ClockRange | None = None
    sunday: _ClockRange | None = None
    lunch: _ClockRange | None = None

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        lunch = self.lunch
        if lunch is None:
            return self
        if lunch[0] < self.weekdays[0] or self.weekdays[1] < lunch[1]:
            raise ValueError(
                f"lunch {_in_words(lunch)} does not lie within weekdays "
                f"{_in_words(self.weekdays)}; change one of them"
            )
        for day in ("weekdays", "saturday", "sunday"):
            span: _Range | None = getattr(self, day)
            if span is not None and lunch[0] <= span[0] and span[1] <= lunch[1]:
                raise ValueError(
                    f"lunch {_in_words(lunch)} leaves nothing of {day} {_in_words(span)}; "
                    "change one of them"
                )
        return self

    def business_hours(self) -> BusinessHours:
        """Give the hours as the rest of the house sees them."""
        lunch_starts, lunch_ends = self.lunch or (None, None)
        return BusinessHours(
            opens=self.weekdays[0],
            closes=self.weekdays[1],
            lunch_starts=lunch_starts,
            lunch_ends=lunch_ends,
            saturday=self.saturday,
            sunday=self.sunday,
        )


def _is_whole(table: _HoursTable) -> _HoursTable:
    if "weekdays" not in table.model_fields_set:
        raise ValueError(
            "weekdays is missing, and nothing is taken from the brand's hours; "
            'write all that counts here, such as weekdays = "09:00-18:00"'
        )
    return table


class _EmailsTable(_Strict):
    immediate: tuple[_MailAddress, ...] = ()
    daily: tuple[_MailAddress, ...] = ()
    weekly: tuple[_MailAddress, ...] = ()


_Won = Annotated[int, Field(ge=0, strict=True)]
_USUAL_LIMITS = CompensationLimits()


class _LimitsTable(_Strict):
    temporary: _Won = _USUAL_LIMITS.temporary
    specialist: _Won = _USUAL_LIMITS.specialist
    lead: _Won = _USUAL_LIMITS.lead

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.temporary <= self.specialist <= self.lead:
            raise ValueError(
                f"a case above a limit goes up, so temporary ({self.temporary}), specialist "
                f"({self.specialist}) and lead ({self.lead}) must not fall; raise the later one"
            )
        return self


class _AccountTable(BaseModel):
    # Channel-specific keys are allowed here and checked by the channel.
    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    channel: str
    interval: Period = timedelta(minutes=10)
    credentials_file: str = ""
    writable: bool = False
    hours: Annotated[_HoursTable, AfterValidator(_is_whole)] | None = None
    answer_within: Annotated[timedelta, BeforeValidator(_platform_clock)] | None = None

    @model_validator(mode="after")
    def _is_spelt_right(self) -> Self:
        for key in self.model_extra or {}:
            if meant := get_close_matches(key, type(self).model_fields, n=1, cutoff=0.85):
                raise ValueError(f"{key} is not known; did you mean {meant[0]}?")
            # What stands below a table's line is the table's: a retention at the file's end too.
            if key in _BrandTable.model_fields:
                raise ValueError(
                    f"{key} is the whole brand's; move it up, before the first line with ["
                )
        return self


class _BrandTable(_Strict):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    timezone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Seoul"
    tone: str = ""
    closing: str = ""
    contacts: tuple[str, ...] = ()
    slack_review_destination: str = ""
    slack_brand_destination: str = ""
    undo_window: Duration = timedelta(minutes=2)
    two_step_approval: bool = False
    retention: Period = USUAL_RETENTION
    reply_within: Period = timedelta(hours=8)
    hours: _HoursTable = _HoursTable()
    digest_emails: _EmailsTable = _EmailsTable()
    compensation_limits: _LimitsTable = _LimitsTable()
    accounts: tuple[_AccountTable, ...] = ()


_TABLES: dict[str, type[BaseModel]] = {
    "hours": _HoursTable,
    "digest_emails": _EmailsTable,
    "compensation_limits": _LimitsTable,
}


_IN_PLAIN_WORDS = {
    "missing": 'is missing; write {key} = "..."',
    "string_type": 'must be text in quotes, such as "..."',
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be of a-z, 0-9, - and _ only",
    "int_type": "must be a whole number without quotes",
    "bool_type": "must be true or false, without quotes",
    "bool_parsing": "must be true or false, without quotes",
    "tuple_type": 'must be a list; write {key} = ["...", "..."]',
    "model_type": "must be a table; write [{key}] on a line of its own and its keys below",
}
"""What pydantic says of a wrong value, for people who do not program."""


def load_brands(folder: Path) -> dict[str, Brand]:
    """Read every brand folder, by slug.

    Raises:
        ConfigurationError: A file is missing or wrong; the message names file, key and remedy.
    """
    return {path.name: load_brand(path) for path in brand_folders(folder)}


def brand_folders(folder: Path) -> list[Path]:
    """Give the folders of all brands in the order of their slugs.

    Raises:
        ConfigurationError: One may not be looked into. It would seem to be gone, and a brand that is
            gone is not collected any more.
    """
    found = []
    try:
        inside = sorted(folder.iterdir()) if folder.exists() else []
        for path in inside:
            # The system's own, where the folder is a volume.
            if path.name == "lost+found" or path.name.startswith("."):
                continue
            # Not exists(), to which what may not be looked into is not there.
            if path.is_dir() and "brand.toml" in os.listdir(path):  # noqa: PTH208
                found.append(path)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename}: cannot be read: {error.strerror} -> let the user that runs "
            "Pyeongpan read the brands' folders"
        ) from None
    return found


def load_brand(folder: Path) -> Brand:
    """Read one brand folder.

    Raises:
        ConfigurationError: As ``load_brands``.
    """
    path = folder / "brand.toml"
    table = _parse_brand(path)
    names = [account.name for account in table.accounts]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{path}: two accounts are named {name!r}; rename one")
    accounts = tuple(
        Account(
            brand=folder.name,
            name=account.name,
            channel=account.channel,
            interval=account.interval,
            credentials=_credentials(folder, account),
            options=account.model_extra or {},
            writable=account.writable,
            hours=account.hours.business_hours() if account.hours else None,
            answer_within=account.answer_within,
            folder=folder,
        )
        for account in table.accounts
    )
    tables = {*_TABLES, "accounts"}
    plain: dict[str, Any] = table.model_dump(exclude=tables)
    return Brand(
        slug=folder.name,
        folder=folder,
        hours=table.hours.business_hours(),
        accounts=accounts,
        digest_emails=DigestEmails(**table.digest_emails.model_dump()),
        compensation_limits=CompensationLimits(**table.compensation_limits.model_dump()),
        **plain,
    )


def _parse_brand(path: Path) -> _BrandTable:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8; save it as UTF-8") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}{_toml_remedy(str(error), text)}") from None
    try:
        return _BrandTable.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        places = [str(part) for part in problem["loc"]]
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] in _IN_PLAIN_WORDS:
            reason = _IN_PLAIN_WORDS[problem["type"]].format(key=places[-1])
        if places == ["accounts"]:
            reason = "must be written as [[accounts]] on a line of its own, once for each account"
        if problem["type"] == "extra_forbidden":
            table = _TABLES.get(places[-2], _BrandTable) if places[1:] else _BrandTable
            known = ", ".join(table.model_fields)
            guess = _guess(places[-1], table.model_fields)
            reason = f"is not known here{guess}; known are {known}"
        if places[0] == "accounts" and places[1:]:
            # Nobody counts accounts from nought.
            number = int(places[1])
            name = values["accounts"][number].get("name")
            places[:2] = [f"account {name if isinstance(name, str) else number + 1}"]
        raise ConfigurationError(f"{path}: {'.'.join(places)}: {reason}") from None


def _toml_remedy(message: str, text: str) -> str:
    """Say how a line is written, for people who do not program; it is not quoted, it may hold a key."""
    place = re.search(r"at line (\d+)", message)
    line = text.splitlines()[int(place[1]) - 1].strip() if place else ""
    if any(quote in line for quote in "“”‘’"):
        return "; write straight quotes"
    if line.startswith("["):
        return "; a table stands once, and each account begins with [[accounts]]"
    return '; write name = "text", name = ["text", "text"], name = true or name = 3, each name once'


def _credentials(folder: Path, account: _AccountTable) -> dict[str, str]:
    if not account.credentials_file:
        return {}
    path = folder / account.credentials_file
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(
            f"{path}: credentials of account {account.name!r} cannot be read: {error.strerror}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The decoder's message could quote the secret's line.
        raise ConfigurationError(f"{path}: is not valid TOML in UTF-8") from None
    return {key: str(value) for key, value in table.items()}


def open_secrets(brands: Iterable[Brand]) -> list[Path]:
    """Find the brands' credentials files that any user of this machine may read or change.

    Their group may: the containers read them by it.
    """
    found = (path for brand in brands for path in sorted(brand.folder.glob("*.secret.toml")))
    return [path for path in found if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)]
