"""What the search channels share: whose mention it is, which one, and the day's budget.

A search answers one question, here one keyword of one service, page by page, newest first. A
snippet is cut for the question asked, so that the same post looks different to two keywords; each
post therefore belongs to the first keyword, in the order of ``brand.toml``, that its title or
snippet shows, and only that keyword's question brings it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from collectors.base import CheckResult, check_by
from collectors.listing import Row, read_rows, rows_of
from collectors.relevance import Relevance, words_option
from collectors.values import html_to_text
from domain.errors import (
    BadInputError,
    ConfigurationError,
    LayoutChangedError,
    RateLimitedError,
)
from domain.korea import KST
from domain.types import CollectedFeedback, Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from collectors.base import Build
    from collectors.http import Answer
    from domain.brands import Account, TokenStore
    from domain.types import QuarantinedItem

MAX_URL_CHARS: Final = 2000

_TRACKING: Final = re.compile(r"utm_\w+|fbclid|gclid|igshid")


@dataclass(frozen=True, slots=True)
class Question:
    """Where a run is: one page of one keyword of one service.

    Attributes:
        stream: Which pair of service and keyword, from 0.
        page: From 1.
    """

    stream: int = 0
    page: int = 1

    @classmethod
    def read(cls, cursor: str | None, streams: int) -> Question:
        """Read a cursor.

        Raises:
            BadInputError: It is not one of ours, or from before the settings changed.
        """
        if cursor is None:
            return cls()
        found = re.fullmatch(r"(\d{1,4}):([1-9]\d{0,3})", cursor, re.ASCII)
        if found is None or int(found[1]) >= streams:
            raise BadInputError("unknown cursor", field="cursor")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.stream}:{self.page}"

    def after(self, streams: int, *, has_more: bool) -> str | None:
        """Give the cursor of the next page, or of the next stream, or None at the end."""
        if has_more:
            return str(replace(self, page=self.page + 1))
        return str(Question(self.stream + 1)) if self.stream + 1 < streams else None


class Ownership:
    """Tells which keyword's question brings a post.

    Args:
        account: ``keywords`` and ``exclude`` are its options.

    Raises:
        ConfigurationError: Keywords are missing or wrong.
    """

    def __init__(self, account: Account) -> None:
        whole = Relevance.of(account, required=True)
        self.keywords = whole.keywords
        self._whole = whole
        self._single = {keyword: Relevance([keyword]) for keyword in self.keywords}

    def accepts(self, keyword: str, text: str) -> bool:
        """Tell whether ``text`` speaks of the brand and is this keyword's to bring."""
        if not self._whole.accepts(text):
            return False
        owner = next(name for name in self.keywords if self._single[name].accepts(text))
        return owner == keyword


@dataclass(frozen=True, slots=True)
class ResultPage:
    """What one answer says.

    Attributes:
        rows: Results on this page, relevant or not.
        total: Results the engine counts.
        is_end: Whether the engine says that no page follows.
        oldest_at: When the last dated result was written; None where there are no dates.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    rows: int
    total: int
    is_end: bool = False
    oldest_at: datetime | None = None


def read_results(
    rows: list[object],
    read: Callable[[Row], CollectedFeedback],
    *,
    keyword: str,
    owner: Ownership,
    source: str,
    total: int,
    is_end: bool = False,
) -> ResultPage:
    """Read the results of an answer; what another keyword brings, or nobody, is left out.

    Args:
        rows: As they arrived.
        read: Gives one result, or `BadInputError`.
        keyword: What was asked for.
        owner: Tells whose a result is.
        source: Which question, for whoever looks at the quarantine.
        total: Results the engine counts.
        is_end: What the engine says.

    Raises:
        LayoutChangedError: Not one result can be read.
    """
    dates: list[datetime] = []

    def read_own(row: Row) -> CollectedFeedback | None:
        item = read(row)
        if item.written_at is not None:
            dates.append(item.written_at)
        return item if owner.accepts(keyword, f"{item.title}\n{item.text}") else None

    items, quarantined = read_rows(rows, read_own, source=source)
    oldest_at = dates[-1] if dates else None
    return ResultPage(items, quarantined, len(rows), total, is_end, oldest_at)


class DailyBudget:
    """Counts the calls of one key and day, for all brands and processes that share the key.

    Args:
        tokens: Where the count is kept.
        name: The key's name in the store; must not hold the key itself.
        limit: Calls a day.
    """

    def __init__(self, tokens: TokenStore, name: str, limit: int) -> None:
        self._tokens = tokens
        self._name = name
        self._limit = limit

    def spend(self, now: datetime) -> None:
        """Take one call out of the day's budget; days are Korean days.

        Raises:
            RateLimitedError: Nothing is left; says how long until the next day.
        """
        local = now.astimezone(KST)
        day = local.date().isoformat()
        with self._tokens.exclusive(self._name):
            kept = self._tokens.load(self._name)
            count = int(kept.get("count", "0")) if kept.get("day") == day else 0
            if count >= self._limit:
                raise RateLimitedError(
                    f"the daily quota of {self._limit} calls is spent", _until_midnight_s(local)
                )
            self._tokens.save(self._name, {"day": day, "count": str(count + 1)})


OPTIONS: Final = ("keywords", "exclude", "services", "daily_quota", "base_url")
"""Options of an account that asks a search."""


class Search:
    """What an account asks a search: its keywords of its services, within the key's budget.

    Args:
        build: The account's.
        channel: For the name of the budget.
        key: Whose budget it is.
        services: The searches there are.
        default: Those asked where the account does not choose.
        quota: Calls a day where the account does not say.

    Raises:
        ConfigurationError: Keywords, services or quota are missing or wrong.
    """

    def __init__(
        self,
        build: Build,
        channel: str,
        key: str,
        *,
        services: tuple[str, ...],
        default: tuple[str, ...],
        quota: int,
    ) -> None:
        self._build = build
        self._channel = channel
        self.owner = Ownership(build.account)
        self._budget = DailyBudget(
            build.tokens, budget_name(channel, key), quota_option(build.account, quota)
        )
        self._streams = [
            (service, keyword)
            for service in services_option(build.account, services, default)
            for keyword in self.owner.keywords
        ]

    def fetch(
        self,
        cursor: str | None,
        ask: Callable[[str, str, int], Answer],
        parse: Callable[[object, str, str], ResultPage],
        goes_on: Callable[[ResultPage, int], bool],
    ) -> Page:
        """Read one page of one keyword of one service.

        Args:
            cursor: The run's.
            ask: Asks for a service, a keyword and a page.
            parse: Reads the answer to a service and a keyword.
            goes_on: Tells whether the page after one may have something new.
        """
        here = Question.read(cursor, len(self._streams))
        service, keyword = self._streams[here.stream]
        self._budget.spend(self._build.clock())
        answer = ask(service, keyword, here.page)
        page = parse(answer.json(), service, keyword)
        if here.page == 1 and not page.rows and page.total:
            raise LayoutChangedError(
                f"{self._channel} {service}: {page.total} results counted, none given",
                payload=answer.body,
            )
        following = here.after(len(self._streams), has_more=goes_on(page, here.page))
        return Page(page.items, page.quarantined, next_cursor=following)

    def check(self, ask: Callable[[str, str, int], Answer], rows: str) -> CheckResult:
        """Ask for the first page of the first question; its list of results must be there."""

        def prove() -> None:
            self._budget.spend(self._build.clock())
            service, keyword = self._streams[0]
            rows_of(ask(service, keyword, 1).json(), rows)

        return check_by(prove)


def _until_midnight_s(local: datetime) -> float:
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - local).total_seconds()


def budget_name(channel: str, key: str) -> str:
    """Name a key's budget without telling the key."""
    return f"budget:{channel}:{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def quota_option(account: Account, default: int) -> int:
    """Read an account's ``daily_quota``.

    Raises:
        ConfigurationError: Not a positive whole number.
    """
    value = account.options.get("daily_quota", default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{account.key}: daily_quota must be a number of calls")
    return value


def services_option(
    account: Account, known: tuple[str, ...], default: tuple[str, ...]
) -> tuple[str, ...]:
    """Give the searches an account asks: its ``services``, or ``default``.

    Raises:
        ConfigurationError: An unknown one.
    """
    chosen = words_option(account, "services") or default
    strangers = [service for service in chosen if service not in known]
    if strangers:
        raise ConfigurationError(
            f"{account.key}: services knows no {strangers[0]}; it knows {', '.join(known)}"
        )
    return chosen


def words_of(row: dict[str, object], key: str) -> str:
    """Read a field that is HTML by the channel's word: marks and entities gone; null is empty.

    Raises:
        BadInputError: Missing, or not a text.
    """
    value = row.get(key)
    if key in row and value is None:
        return ""
    if not isinstance(value, str):
        raise BadInputError("a text is missing", field=key)
    return " ".join(html_to_text(value, field=key).split())


def link_of(row: dict[str, object], key: str) -> str:
    """Read the address of a post.

    Raises:
        BadInputError: Missing, too long, or nothing a browser may open.
    """
    value = row.get(key)
    link = value.strip() if isinstance(value, str) else ""
    if not is_web_address(link):
        raise BadInputError("no usable address", field=key)
    return link


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address a browser may open and a database may keep."""
    if len(text) > MAX_URL_CHARS or not re.fullmatch(r"https?://[^\s\x00-\x1f\"<>]+", text):
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def mention_id(service: str, keyword: str, link: str, title: str) -> str:
    """Give the native id of a post found by a search; ``title`` counts where the link does not."""
    address = canonical(link)
    # A link through Naver's counter is another one in every answer.
    is_counter = address.startswith("openapi.naver.com/l?")
    identity = f"{keyword}\x1f{title if is_counter else address}"
    return f"{service}:{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()[:32]}"


def canonical(link: str) -> str:
    """Bring the writings of one post's address together; for comparing, not for opening.

    Scheme, ``www.`` and ``m.``, fragment, tracking parameters, the order of the others and whether
    Korean is spelt out do not matter; a Naver blog's three forms and a café's and 지식iN's addresses
    become one each. A fragment that is a path, as in ``#/post/1`` or ``#!/post/1``, is the only thing
    that tells the posts of some sites apart, and stays.
    """
    try:
        # Half a surrogate pair cannot stand in an address.
        parts = urlsplit(link.encode("utf-8", "replace").decode())
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return link
    path = _spelt(parts.path)
    if naver := _naver_post(host, path, dict(parse_qsl(parts.query))):
        return naver
    # Old boards write EUC-KR into their addresses; its bytes stay what they are.
    query = sorted(parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape"))
    kept = [(name, value) for name, value in query if not _TRACKING.fullmatch(name)]
    route = _spelt(parts.fragment)
    return (
        f"{host}{port}{path}"
        + (f"?{urlencode(kept, errors='surrogateescape')}" if kept else "")
        + (f"#{route}" if route.startswith(("/", "!/")) else "")
    )


def _spelt(path: str) -> str:
    """Give a path with what is not ASCII as UTF-8 in hexadecimal, and all of that in capitals."""
    path = quote(path.rstrip("/"), safe=_ASCII)
    return re.sub("%[0-9a-f]{2}", lambda code: code[0].upper(), path, flags=re.IGNORECASE)


_ASCII: Final = "".join(map(chr, range(128)))


def _naver_post(host: str, path: str, query: dict[str, str]) -> str:
    """Name a post of Naver's own services; empty for everything else."""
    if host == "blog.naver.com":
        at = re.fullmatch(r"/([\w.-]+)/(\d+)", path, re.ASCII)
        blog = at[1] if at else query.get("blogId", path.strip("/"))
        number = at[2] if at else query.get("logNo", "")
        return f"blog.naver.com/{blog}/{number}" if blog and number else ""
    if host == "cafe.naver.com" and re.fullmatch(r"/[\w.-]+/\d+", path, re.ASCII):
        return f"{host}{path}"
    if host == "kin.naver.com" and query.get("docId"):
        return f"kin.naver.com/{query['docId']}"
    return ""
