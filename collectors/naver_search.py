"""Naver search (네이버 검색): mentions of the brand in blogs, cafés, 지식iN, news and the web.

    [[accounts]]
    name = "naver"
    channel = "naver_search"
    credentials_file = "naver_search.toml"      # client_id, client_secret
    keywords = ["새벽상회", "saebyeok"]
    exclude = ["채용"]                           # a text with one of these is not about us
    services = ["blog", "cafearticle", "kin", "news"]

Source: naver/naver-openapi-guide, ko/service-apis/search and ko/errorcode.md (Checked: 2026-11).

* 100 results a page, the first 1,000 of a question; sorted by date, no search by date.
* 25,000 calls a day for one client id, whichever brand asks; counted here, for all processes.
* Cafés, 지식iN and the web are not dated: such a post is dated by first sight, which is marked, and
  as many pages are read as the days to catch up with may fill.
* A post may be edited or deleted without the search saying so; absence proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from collectors.base import Build, ChannelSpec, CheckResult
from collectors.listing import (
    Row,
    address_of,
    changed,
    count_in,
    required_credential,
    rows_of,
    when_in,
)
from collectors.mentions import (
    OPTIONS,
    Ownership,
    ResultPage,
    Search,
    link_of,
    mention_id,
    read_results,
    words_of,
)
from collectors.values import When, parse_when
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    CredentialRejectedError,
    LayoutChangedError,
    RateLimitedError,
)
from domain.types import CollectedFeedback, FeedbackKind, Page

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collectors.http import Answer
    from domain.errors import ReputationError

SPEC = ChannelSpec(
    channel="naver_search",
    kinds=(FeedbackKind.POST,),
    page_size=100,
    # Blogs are dated by the day, and posts are found hours after they were written.
    overlap=timedelta(days=2),
    min_interval_s=0.2,
    timeout_s=15.0,
    credential_names=("client_id", "client_secret"),
    option_names=OPTIONS,
    unverified=(
        "error codes 010, 012 and 028, and that 024 with the words Scope Status means a missing API",
        "the quota's day begins at midnight in Korea",
        "the snippet of an unchanged post stays the same for the same keyword",
        "webkr takes no sort; the other four are sorted by date",
    ),
)

ADDRESS: Final = "https://openapi.naver.com"
DAILY_QUOTA: Final = 25_000
LAST_START: Final = 1000
DEFAULT_SERVICES: Final = ("blog", "cafearticle", "kin", "news")
UNDATED_DAYS_A_PAGE: Final = 3


@dataclass(frozen=True, slots=True)
class Service:
    """How one of the five searches gives its results.

    Attributes:
        date: Field of the date; empty where there is none.
        author: Fields of the writer's name and address, where they are given.
        place: Field of the café's name, where it is given.
        link: Fields of the address, the best first.
    """

    date: str = ""
    author: tuple[str, str] | None = None
    place: str = ""
    link: tuple[str, ...] = ("link",)
    is_sorted: bool = True


SERVICES: Final = {
    "blog": Service(date="postdate", author=("bloggername", "bloggerlink")),
    "cafearticle": Service(place="cafename"),
    "kin": Service(),
    "news": Service(date="pubDate", link=("originallink", "link")),
    "webkr": Service(is_sorted=False),
}


def parse_page(
    payload: object, *, service: str, keyword: str, owner: Ownership, now: datetime
) -> ResultPage:
    """Read one answer. Pure.

    Args:
        payload: The parsed JSON.
        service: Key of `SERVICES`.
        keyword: What was asked for.
        owner: Drops what does not speak of the brand, or is another keyword's to bring.
        now: When it was read.

    Raises:
        LayoutChangedError: Another shape, or no result can be read.
    """
    rows = rows_of(payload, "items")
    total = count_in(payload, "total")
    if total < 0:
        raise changed("naver search: no total", payload)
    return read_results(
        rows,
        lambda row: _parse_feedback(row, service, keyword, now),
        keyword=keyword,
        owner=owner,
        source=f"{service}?query={keyword}",
        total=total,
    )


def _parse_feedback(row: Row, service: str, keyword: str, now: datetime) -> CollectedFeedback:
    shape = SERVICES[service]
    written = _written(row, shape, now)
    link = _first_link(row, shape.link)
    title = words_of(row, "title")
    author, author_id = (
        (words_of(row, shape.author[0]), words_of(row, shape.author[1]))
        if shape.author
        else ("", "")
    )
    place = words_of(row, shape.place) if shape.place else ""
    return CollectedFeedback(
        kind=FeedbackKind.POST,
        native_id=mention_id(service, keyword, link, title),
        text=words_of(row, "description"),
        written_at=written.at if written else None,
        written_at_is_exact=written.exact if written else False,
        title=title,
        author=author,
        author_id=author_id,
        url=link,
        extra={"service": service} | ({"place": place} if place else {}),
    )


def _written(row: Row, shape: Service, now: datetime) -> When | None:
    return parse_when(when_in(row, shape.date), now=now) if shape.date else None


def _first_link(row: Row, fields: tuple[str, ...]) -> str:
    filled = [name for name in fields if row.get(name)]
    return link_of(row, filled[0] if filled else fields[-1])


class NaverSearchCollector:
    """Reads the mentions of one brand.

    Args:
        build: ``keywords`` must be among the account's options.

    Raises:
        ConfigurationError: Keys, keywords or services are missing or wrong.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._address = address_of(build, ADDRESS)
        client_id = required_credential(build, "client_id")
        self._headers = {
            "X-Naver-Client-Id": client_id,
            "X-Naver-Client-Secret": required_credential(build, "client_secret"),
        }
        self._search = Search(
            build,
            SPEC.channel,
            client_id,
            services=tuple(SERVICES),
            default=DEFAULT_SERVICES,
            quota=DAILY_QUOTA,
        )

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page of one keyword of one service; see `collectors.base.Collector.fetch`."""

        def goes_on(page: ResultPage, number: int) -> bool:
            reach = min(page.total, LAST_START)
            has_more = page.rows > 0 and number * SPEC.page_size < reach
            return has_more and _goes_back(page, number, since, until)

        return self._search.fetch(cursor, self._ask, self._parse, goes_on)

    def check(self) -> CheckResult:
        """Ask for the first page."""
        return self._search.check(self._ask, "items")

    def _parse(self, payload: object, service: str, keyword: str) -> ResultPage:
        now = self._build.clock()
        owner = self._search.owner
        return parse_page(payload, service=service, keyword=keyword, owner=owner, now=now)

    def _ask(self, service: str, keyword: str, page: int) -> Answer:
        params: dict[str, str | int] = {
            "query": keyword,
            "display": SPEC.page_size,
            "start": (page - 1) * SPEC.page_size + 1,
        }
        if SERVICES[service].is_sorted:
            params["sort"] = "date"
        return self._build.client.read(
            f"{self._address}/v1/search/{service}.json",
            params=params,
            headers=self._headers,
            refusal=refusal,
        )


def _goes_back(page: ResultPage, number: int, since: datetime, until: datetime) -> bool:
    """Tell whether the next page may hold something written since ``since``."""
    if page.oldest_at is not None:
        # A date without a time is the start of its day.
        return page.oldest_at > since - timedelta(days=1)
    return number <= (until - since) / timedelta(days=UNDATED_DAYS_A_PAGE)


_ERRORS: Final[dict[str, Callable[[str], ReputationError]]] = {
    "SE05": LayoutChangedError,
    "SE99": ChannelUnavailableError,
    "024": CredentialRejectedError,
    "028": CredentialRejectedError,
    "010": RateLimitedError,
    "012": RateLimitedError,
} | dict.fromkeys(
    ("SE01", "SE02", "SE03", "SE04", "SE06"),
    lambda about: BadInputError(about, field="keywords", remedy="검색어를 확인해 주세요."),
)


def refusal(answer: Answer) -> ReputationError | None:
    """Give what Naver's own error code means; None for one that only the status explains."""
    code = answer.error_code
    if code == "024" and "scope status" in answer.text.lower():
        return CredentialRejectedError(
            "naver 024: the application has no search API (검색)", reason="permission"
        )
    known = _ERRORS.get(code)
    return known(f"naver {answer.status} {code}") if known else None


def build(build: Build) -> NaverSearchCollector:
    """Make the collector of one account."""
    return NaverSearchCollector(build)
