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
from collectors.values import parse_when
from domain.errors import BadInputError
from domain.types import CollectedFeedback, FeedbackKind, Page

if TYPE_CHECKING:
    from datetime import datetime

    from collectors.http import Answer
    from domain.errors import ReputationError

SPEC = ChannelSpec(
    channel="kakao_search",
    kinds=(FeedbackKind.POST,),
    page_size=50,
    # Posts are found hours after they were written.
    overlap=timedelta(days=2),
    min_interval_s=0.2,
    timeout_s=15.0,
    credential_names=("rest_api_key",),
    option_names=OPTIONS,
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
    if not rows and not is_end:
        raise changed("kakao search: an empty page that is not the last", payload)
    return read_results(
        rows,
        lambda row: _parse_feedback(row, service, keyword, now),
        keyword=keyword,
        owner=owner,
        source=f"{service}?query={keyword}",
        total=total,
        is_end=is_end,
    )


def _parse_feedback(row: Row, service: str, keyword: str, now: datetime) -> CollectedFeedback:
    written = parse_when(when_in(row, "datetime"), now=now)
    link = link_of(row, "url")
    title = words_of(row, "title")
    place = words_of(row, PLACES[service]) if PLACES[service] else ""
    return CollectedFeedback(
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
        key = required_credential(build, "rest_api_key")
        self._headers = {"Authorization": f"KakaoAK {key}"}
        self._search = Search(
            build,
            SPEC.channel,
            key,
            services=tuple(PLACES),
            default=DEFAULT_SERVICES,
            quota=DAILY_QUOTA,
        )

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page of one keyword of one service; see `collectors.base.Collector.fetch`."""
        del until

        def goes_on(page: ResultPage, number: int) -> bool:
            is_older = page.oldest_at is None or page.oldest_at < since
            return not page.is_end and number < LAST_PAGE and not is_older

        return self._search.fetch(cursor, self._ask, self._parse, goes_on)

    def check(self) -> CheckResult:
        """Ask for the first page."""
        return self._search.check(self._ask, "documents")

    def _parse(self, payload: object, service: str, keyword: str) -> ResultPage:
        now = self._build.clock()
        owner = self._search.owner
        return parse_page(payload, service=service, keyword=keyword, owner=owner, now=now)

    def _ask(self, service: str, keyword: str, page: int) -> Answer:
        return self._build.client.read(
            f"{self._address}/v2/search/{service}",
            params={"query": keyword, "sort": "recency", "page": page, "size": SPEC.page_size},
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
