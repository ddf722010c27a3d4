"""Kakao search (다음·카카오 검색): mentions of the brand in blogs, cafés and the web.

    [[accounts]]
    name = "kakao"
    channel = "kakao_search"
    credentials_file = "kakao_search.toml"      # rest_api_key
    keywords = ["새벽상회"]
    services = ["blog", "cafe"]

Source: channels.md section 6, two code bases (Checked: 2026-11).

* 50 results a page, 50 pages of a question; sorted by recency, no search by date.
* Every result is dated, the web's by when it was found. Absence proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from collectors.base import Build, ChannelSpec, CheckResult, check_by
from collectors.listing import (
    Row,
    address_of,
    changed,
    count_in,
    read_rows,
    required_credential,
    rows_of,
    when_in,
)
from collectors.mentions import (
    DailyBudget,
    Ownership,
    Question,
    budget_name,
    link_of,
    mention_id,
    quota_option,
    services_option,
    words_of,
)
from collectors.values import parse_when
from domain.errors import BadInputError, LayoutChangedError
from domain.types import CollectedFeedback, FeedbackKind, Page

if TYPE_CHECKING:
    from datetime import datetime

    from collectors.http import Answer
    from domain.errors import ReputationError
    from domain.types import QuarantinedItem

SPEC = ChannelSpec(
    channel="kakao_search",
    title="다음·카카오 검색",
    kinds=(FeedbackKind.POST,),
    docs_url="https://developers.kakao.com/docs/latest/ko/daum-search/dev-guide",
    page_size=50,
    # Posts are found hours after they were written.
    overlap=timedelta(days=2),
    min_interval_s=0.2,
    timeout_s=15.0,
    credential_names=("rest_api_key",),
    option_names=("keywords", "exclude", "services", "daily_quota", "base_url"),
    unverified=(
        "50 pages of a question",
        "30,000 calls a day for one key",
        "a refused key answers 401, a missing permission 403, a spent quota 429",
        "the snippet of an unchanged post stays the same for the same keyword",
    ),
)

ADDRESS: Final = "https://dapi.kakao.com"
DAILY_QUOTA: Final = 30_000
LAST_PAGE: Final = 50
DEFAULT_SERVICES: Final = ("blog", "cafe")
PLACES: Final = {"web": "", "blog": "blogname", "cafe": "cafename"}
"""The searches, each with the field that names where the post stands."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """What one answer says.

    Attributes:
        rows: Results on this page, relevant or not.
        total: Results the engine counts.
        is_end: Whether this was the last page.
        oldest_at: When the last result was written.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    rows: int
    total: int
    is_end: bool
    oldest_at: datetime | None


def parse_page(
    payload: object, *, service: str, keyword: str, owner: Ownership, now: datetime
) -> ResultPage:
    """Read one answer. Pure.

    Args:
        payload: The parsed JSON.
        service: Key of `PLACES`.
        keyword: What was asked for.
        owner: Drops what does not speak of the brand, or is another keyword's to bring.
        now: When it was read.

    Raises:
        LayoutChangedError: Another shape, or no result can be read.
    """
    rows = rows_of(payload, "documents")
    total = count_in(payload, "meta", "total_count")
    meta = payload.get("meta") if isinstance(payload, dict) else None
    is_end = meta.get("is_end") if isinstance(meta, dict) else None
    if total < 0 or not isinstance(is_end, bool):
        raise changed("kakao search: no meta.total_count or meta.is_end", payload)
    dates: list[datetime] = []

    def read(row: Row) -> CollectedFeedback | None:
        item, written_at = _parse_feedback(row, service, keyword, now)
        dates.append(written_at)
        return item if owner.accepts(keyword, f"{item.title}\n{item.text}") else None

    items, quarantined = read_rows(rows, read, source=f"{service}?query={keyword}")
    return ResultPage(items, quarantined, len(rows), total, is_end, dates[-1] if dates else None)


def _parse_feedback(
    row: Row, service: str, keyword: str, now: datetime
) -> tuple[CollectedFeedback, datetime]:
    written = parse_when(when_in(row, "datetime"), now=now)
    link = link_of(row, "url")
    title = words_of(row, "title")
    place = words_of(row, PLACES[service]) if PLACES[service] else ""
    item = CollectedFeedback(
        kind=FeedbackKind.POST,
        native_id=mention_id(service, keyword, link, title),
        text=words_of(row, "contents"),
        written_at=written.at,
        written_at_is_exact=written.exact,
        title=title,
        author=place if service == "blog" else "",
        url=link,
        extra={"service": service} | ({"place": place} if place else {}),
    )
    return item, written.at


class KakaoSearchCollector:
    """Reads the mentions of one brand.

    Args:
        build: ``keywords`` must be among the account's options.

    Raises:
        ConfigurationError: The key, keywords or services are missing or wrong.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._address = address_of(build, ADDRESS)
        self._owner = Ownership(build.account)
        key = required_credential(build, "rest_api_key")
        self._headers = {"Authorization": f"KakaoAK {key}"}
        self._budget = DailyBudget(
            build.tokens,
            budget_name(SPEC.channel, key),
            quota_option(build.account, DAILY_QUOTA),
        )
        self._streams = [
            (service, keyword)
            for service in services_option(build.account, tuple(PLACES), DEFAULT_SERVICES)
            for keyword in self._owner.keywords
        ]

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page of one keyword of one service; see `collectors.base.Collector.fetch`."""
        del until
        here = Question.read(cursor, len(self._streams))
        service, keyword = self._streams[here.stream]
        answer = self._ask(service, keyword, here.page, SPEC.page_size)
        page = parse_page(
            answer.json(),
            service=service,
            keyword=keyword,
            owner=self._owner,
            now=self._build.clock(),
        )
        if here.page == 1 and not page.rows and page.total:
            raise LayoutChangedError(
                f"kakao {service}: {page.total} results counted, none given", payload=answer.body
            )
        has_more = (
            not page.is_end
            and here.page < LAST_PAGE
            and page.oldest_at is not None
            and page.oldest_at >= since
        )
        following = here.after(len(self._streams), has_more=has_more)
        return Page(page.items, page.quarantined, next_cursor=following)

    def check(self) -> CheckResult:
        """Ask for one result."""
        service, keyword = self._streams[0]
        return check_by(lambda: rows_of(self._ask(service, keyword, 1, 1).json(), "documents"))

    def _ask(self, service: str, keyword: str, page: int, size: int) -> Answer:
        self._budget.spend(self._build.clock())
        return self._build.client.read(
            f"{self._address}/v2/search/{service}",
            params={"query": keyword, "sort": "recency", "page": page, "size": size},
            headers=self._headers,
            refusal=refusal,
        )


def refusal(answer: Answer) -> ReputationError | None:
    """Give what a refused question means; None for what the status explains."""
    if answer.status == 400 and answer.error_code:
        return BadInputError(
            f"kakao 400 {answer.error_code}", field="keywords", remedy="검색어를 확인해 주세요."
        )
    return None


def build(build: Build) -> KakaoSearchCollector:
    """Make the collector of one account."""
    return KakaoSearchCollector(build)
