"""App Store (앱스토어): reviews of one app (앱 리뷰), by App Store Connect or by the public feed.

Source: App Store Connect API 3.7.0, customerReviews (OpenAPI), and Apple's public RSS of customer
reviews (Checked: 2026-11).

* With a key (``key_id``, ``issuer_id``, ``private_key``) App Store Connect is read: every review,
  newest first, with the developer's response. Requests carry a JWT (ES256) that is made for each.
* Without credentials the public feed is read: at most ten pages of fifty, without responses, at
  times empty, a single entry as an object instead of a list, the app itself as first entry.
  Nothing can be answered and absence proves nothing.
* The two name one review differently; ids carry their space (``asc:``, ``rss:``).
* A response waits for Apple (``PENDING_PUBLISH``) before it stands.

Unverified (see ``SPEC.unverified``): 5,970 characters, the hourly budget, the JWT's details.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urljoin, urlsplit

import jwt

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.listing import (
    address_of,
    changed,
    count_in,
    place_refused,
    read_rows,
    required_credential,
    required_option,
    rows_of,
    text_in,
    when_in,
    word_in,
)
from collectors.values import parse_rating, parse_when
from domain.errors import (
    BadInputError,
    ConfigurationError,
)
from domain.types import (
    AnswerState,
    ChannelReply,
    CollectedFeedback,
    FeedbackKind,
    Page,
    ReplyRules,
)

if TYPE_CHECKING:
    from collectors.http import Answer, Refusal
    from collectors.listing import Row
    from domain.types import QuarantinedItem

SPEC = ChannelSpec(
    channel="app_store",
    kinds=(FeedbackKind.REVIEW,),
    page_size=100,
    overlap=timedelta(days=14),
    min_interval_s=0.5,
    timeout_s=30.0,
    signs_time=True,
    writable=True,
    reply_rules=ReplyRules(
        max_length=5970,
        editable=True,
        moderated=True,
        unverified=("5,970 characters",),
    ),
    reply_rules_by_space={
        "rss": ReplyRules(
            max_length=5970,
            state=AnswerState.BY_HAND,
            state_reason="공개 피드로 읽은 리뷰입니다. App Store Connect에서만 답변할 수 있습니다.",
        )
    },
    remedies={
        CheckReason.SECRET: "App Store Connect > 사용자 및 액세스 > 통합에서 키 ID, 발급자 ID와 .p8 파일의 "
        "내용을 다시 확인해 주세요. 폐기된 키는 쓸 수 없습니다.",
        CheckReason.PERMISSION: "App Store Connect에서 이 키의 역할을 '고객 지원' 이상으로 바꾸고, 계정 소유자가 "
        "새 약관에 동의했는지 확인해 주세요.",
    },
    option_names=("base_url", "app_id", "territory", "country", "reply_max_length"),
    source={"app_id": ""},
    unverified=(
        "responses of up to 5,970 characters (reply_max_length sets another limit)",
        "X-Rate-Limit: user-hour-lim:3600",
        "claims and life of the JWT (well known, not in the OpenAPI document)",
        "that an edited review keeps its id, and whether createdDate moves",
        "how many pages the public feed gives in a storefront",
    ),
)

_API_URL: Final = "https://api.appstoreconnect.apple.com"
_FEED_URL: Final = "https://itunes.apple.com"
_AUDIENCE: Final = "appstoreconnect-v1"
_TOKEN_LIFE: Final = timedelta(minutes=10)
"""Apple takes up to 20 minutes; a token is made for every request."""
_FEED_PAGES: Final = 10
_API_KEYS: Final = ("key_id", "issuer_id", "private_key")


@dataclass(frozen=True, slots=True)
class ReviewList:
    """What one page says.

    Attributes:
        rows: Reviews on the page, read or not.
        oldest_at: When the oldest review on it was written; None without reviews.
        total: Reviews the channel counts; -1 where it does not say.
        next_link: Address of the next page as the channel gave it; empty on the last.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    rows: int
    oldest_at: datetime | None
    total: int = -1
    next_link: str = ""


def parse_page(body: object, *, app_id: str, now: datetime) -> ReviewList:
    """Read one list page of App Store Connect (JSON:API). Pure.

    Args:
        body: The parsed JSON.
        app_id: The app the page is about.
        now: When it was read.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    rows = rows_of(body, "data")
    responses = _responses(body)
    items, quarantined = read_rows(
        rows,
        lambda row: _read_review(row, responses, app_id=app_id, now=now),
        source="app_store reviews",
    )
    links = body.get("links") if isinstance(body, dict) else None
    if not isinstance(links, dict):
        # Always there by the specification; without it a first page would pass for the whole.
        raise changed("there are no links", body)
    link = links.get("next")
    if link is not None and not isinstance(link, str):
        raise changed("links.next is not an address", body)
    total = count_in(body, "meta", "paging", "total")
    return ReviewList(items, quarantined, len(rows), _oldest(items), total, link or "")


def parse_single(body: object, *, app_id: str, now: datetime) -> CollectedFeedback:
    """Read the answer about one review, its response included. Pure.

    Raises:
        LayoutChangedError: Another shape.
    """
    row = body.get("data") if isinstance(body, dict) else None
    responses = _responses(body)
    items, quarantined = read_rows(
        [row],
        lambda found: _read_review(found, responses, app_id=app_id, now=now),
        source="app_store review",
    )
    if not items:
        raise changed(f"the review cannot be read: {quarantined[0].reason}", body)
    return items[0]


def _responses(body: object) -> dict[str, Row]:
    included = body.get("included") if isinstance(body, dict) else None
    return {
        str(row.get("id")): row
        for row in (included if isinstance(included, list) else [])
        if isinstance(row, dict) and row.get("type") == "customerReviewResponses"
    }


def _read_review(
    row: Row, responses: dict[str, Row], *, app_id: str, now: datetime
) -> CollectedFeedback:
    facts = _object_in(row, "attributes")
    written = parse_when(when_in(facts, "createdDate"), now=now)
    return CollectedFeedback(
        kind=FeedbackKind.REVIEW,
        native_id=f"asc:{_id_in(row)}",
        title=word_in(facts, "title"),
        text=text_in(facts, "body"),
        written_at=written.at,
        written_at_is_exact=written.exact,
        rating=parse_rating(word_in(facts, "rating")),
        author=word_in(facts, "reviewerNickname"),
        product_id=app_id,
        replies=_replies(row, responses, now),
    )


def _replies(row: Row, responses: dict[str, Row], now: datetime) -> tuple[ChannelReply, ...]:
    relations = row.get("relationships")
    relation = relations.get("response") if isinstance(relations, dict) else None
    link = relation.get("data") if isinstance(relation, dict) else None
    if not isinstance(link, dict):
        return ()
    response = responses.get(str(link.get("id")))
    if response is None:
        raise BadInputError("the response was not sent along", field="included")
    return (parse_response(response, now=now),)


def parse_response(row: object, *, now: datetime) -> ChannelReply:
    """Read a developer's response. Pure.

    Raises:
        BadInputError: A field is missing or unusable.
    """
    if not isinstance(row, dict):
        raise BadInputError("the response is not an object")
    facts = _object_in(row, "attributes")
    is_pending = facts.get("state") == "PENDING_PUBLISH"
    has_date = facts.get("lastModifiedDate") is not None
    return ChannelReply(
        text=text_in(facts, "responseBody"),
        replied_at=parse_when(when_in(facts, "lastModifiedDate"), now=now).at if has_date else None,
        receipt=_id_in(row),
        state="pending" if is_pending else "published",
    )


def _object_in(row: Row, key: str) -> Row:
    found = row.get(key)
    if not isinstance(found, dict):
        raise BadInputError("an object is missing", field=key)
    return found


def _id_in(row: Row) -> str:
    value = row.get("id")
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]{1,100}", value, re.ASCII):
        raise BadInputError("the id is missing", field="id")
    return value


def _oldest(items: tuple[CollectedFeedback, ...]) -> datetime | None:
    return min((item.written_at for item in items if item.written_at), default=None)


def parse_feed(body: object, *, app_id: str, now: datetime) -> ReviewList:
    """Read one page of the public feed. Pure.

    Args:
        body: The parsed JSON.
        app_id: The app the page is about.
        now: When it was read.

    Raises:
        LayoutChangedError: Not the feed this parser knows, or not one entry of it can be read.
    """
    feed = body.get("feed") if isinstance(body, dict) else None
    if not isinstance(feed, dict):
        raise changed("there is no feed", body)
    entries = feed.get("entry", [])
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        raise changed("feed.entry is no list", body)
    items, quarantined = read_rows(
        entries, lambda row: _read_entry(row, app_id=app_id, now=now), source="app_store feed"
    )
    return ReviewList(items, quarantined, len(entries), _oldest(items))


def _read_entry(row: Row, *, app_id: str, now: datetime) -> CollectedFeedback | None:
    if "im:rating" not in row and ("im:name" in row or "im:artist" in row):
        # The app itself stands first at times.
        return None
    number = _label(row, "id")
    if not re.fullmatch(r"\d{1,20}", number, re.ASCII):
        raise BadInputError("the review's id is missing", field="id")
    written = parse_when(_label(row, "updated"), now=now)
    author = row.get("author")
    return CollectedFeedback(
        kind=FeedbackKind.REVIEW,
        native_id=f"rss:{number}",
        title=_label(row, "title"),
        text=_label(row, "content"),
        written_at=written.at,
        written_at_is_exact=written.exact,
        rating=parse_rating(_label(row, "im:rating")),
        author=_label(author, "name") if isinstance(author, dict) and "name" in author else "",
        product_id=app_id,
    )


def _label(row: Row, key: str) -> str:
    return text_in(_object_in(row, key), "label")


def sign_token(key_id: str, issuer_id: str, private_key: str, *, at: datetime) -> str:
    """Make the JWT of one request (ES256).

    Args:
        key_id: Names the key.
        issuer_id: Names the team.
        private_key: The ``.p8`` file's contents.
        at: Now.

    Raises:
        ConfigurationError: The key is not one.
    """
    claims = {
        "iss": issuer_id,
        "iat": int(at.timestamp()),
        "exp": int((at + _TOKEN_LIFE).timestamp()),
        "aud": _AUDIENCE,
    }
    try:
        return jwt.encode(claims, private_key, algorithm="ES256", headers={"kid": key_id})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise ConfigurationError(
            "private_key in the credentials file is not the contents of a .p8 file"
        ) from None


def app_id_of(build: Build) -> str:
    """Give the app's number.

    Raises:
        ConfigurationError: The account has none.
    """
    app_id = required_option(build, "app_id")
    if not re.fullmatch(r"\d{1,20}", app_id, re.ASCII):
        raise ConfigurationError(f"{build.account.key}: app_id is not the app's number")
    return app_id


class AppStoreApi:
    """The few calls of App Store Connect.

    Args:
        build: ``app_id`` is an option of the account, ``territory`` (``KOR``) a choice.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self.app_id = app_id_of(build)
        self._base_url = address_of(build, _API_URL)
        self._path = f"/v1/apps/{self.app_id}/customerReviews"
        self._territory = build.account.option("territory")
        for name in _API_KEYS:
            required_credential(build, name)

    def first_link(self, size: int = SPEC.page_size) -> str:
        """Give the address of the first list page, relative to the interface."""
        query = {"sort": "-createdDate", "include": "response", "limit": str(size)}
        if self._territory:
            query["filter[territory]"] = self._territory
        return f"{self._path}?{urlencode(query)}"

    def local_link(self, link: str) -> str:
        """Give a link of the interface without its host.

        Raises:
            BadInputError: It leads elsewhere; our token does not go there.
        """
        whole = urljoin(self._base_url + self._path, link)
        here, there = urlsplit(self._base_url), urlsplit(whole)
        is_ours = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        path = there.path.removeprefix(here.path.rstrip("/"))
        if not is_ours or path != self._path or not re.fullmatch(r"[!-~]{1,4000}", there.query):
            raise BadInputError("a link that is not a page of these reviews", field="links.next")
        return f"{path}?{there.query}"

    def ask(self, link: str, refusal: Refusal | None = None) -> object:
        """Read a list page."""
        return self._build.client.read(
            self._base_url + link, headers=self._headers(), refusal=refusal
        ).json()

    def ask_review(self, number: str, refusal: Refusal) -> object:
        """Read one review with its response."""
        return self._build.client.read(
            f"{self._base_url}/v1/customerReviews/{number}",
            params={"include": "response"},
            headers=self._headers(),
            refusal=refusal,
        ).json()

    def respond(self, content: bytes, refusal: Refusal) -> Answer:
        """Write a response, or replace the one that stands there."""
        return self._build.client.write(
            f"{self._base_url}/v1/customerReviewResponses",
            headers={**self._headers(), "Content-Type": "application/json"},
            content=content,
            refusal=refusal,
        )

    def _headers(self) -> dict[str, str]:
        key_id, issuer_id, private_key = (
            required_credential(self._build, name) for name in _API_KEYS
        )
        token = sign_token(key_id, issuer_id, private_key, at=self._build.clock())
        return {"Authorization": f"Bearer {token}"}


class ConnectCollector:
    """Reads the reviews of one app through App Store Connect."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = AppStoreApi(build)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list page; see `collectors.base.Collector.fetch`."""
        is_whole, total, link = self._place(cursor)
        body = self._api.ask(link, place_refused if cursor else None)
        page = parse_page(body, app_id=self._api.app_id, now=self._build.clock())
        # Where the total fell, a review may have slipped past between two pages.
        is_whole = is_whole and not page.quarantined and page.total >= total
        is_past = page.oldest_at is not None and page.oldest_at < since
        if page.next_link and not is_past:
            following = self._api.local_link(page.next_link)
            if following == link:
                raise changed("the next page is this page", body)
            place = f"{is_whole:d}:{page.total}:{following}"
            return Page(page.items, page.quarantined, next_cursor=place)
        covers = (since, until) if is_whole else None
        return Page(page.items, page.quarantined, covers=covers, lists=("asc",))

    def _place(self, cursor: str | None) -> tuple[bool, int, str]:
        """Give whether every row before was read, the total so far, and the page to read."""
        if cursor is None:
            return True, -1, self._api.first_link()
        found = re.fullmatch(r"([01]):(-1|[0-9]{1,9}):(/.{1,4100})", cursor)
        if found is None:
            raise BadInputError("unknown cursor", field="cursor")
        return found[1] == "1", int(found[2]), self._api.local_link(found[3])

    def check(self) -> CheckResult:
        """Ask for one review."""
        return check_by(
            lambda: self._api.ask(self._api.first_link(1), self._unknown_app), SPEC.remedies
        )

    def _unknown_app(self, answer: Answer) -> ConfigurationError | None:
        if answer.status != HTTPStatus.NOT_FOUND:
            return None
        return ConfigurationError(
            f"{self._build.account.key}: App Store Connect knows no app_id {self._api.app_id}"
        )


class FeedCollector:
    """Reads the public feed of one app in one country, without credentials.

    Args:
        build: ``app_id`` and ``country`` (``kr``) are options of the account.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._app_id = app_id_of(build)
        self._base_url = address_of(build, _FEED_URL)
        self._country = build.account.option("country", "kr")
        if not re.fullmatch(r"[a-z]{2}", self._country):
            raise ConfigurationError(f"{build.account.key}: country must be two letters")

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page of the feed; see `collectors.base.Collector.fetch`."""
        del until
        if cursor is not None and not re.fullmatch(r"[2-9]|10", cursor):
            raise BadInputError("unknown cursor", field="cursor")
        number = int(cursor or 1)
        page = parse_feed(self._ask(number), app_id=self._app_id, now=self._build.clock())
        is_past = page.oldest_at is not None and page.oldest_at < since
        has_more = page.items and not is_past and number < _FEED_PAGES
        return Page(page.items, page.quarantined, next_cursor=str(number + 1) if has_more else None)

    def check(self) -> CheckResult:
        """Read the first page."""
        return check_by(self._prove)

    def _prove(self) -> str:
        self._ask(1)
        return "공개 RSS(읽기 전용)"

    def _ask(self, number: int) -> object:
        return self._build.client.read(
            f"{self._base_url}/{self._country}/rss/customerreviews/page={number}"
            f"/id={self._app_id}/sortby=mostrecent/json",
            is_public_page=True,
        ).json()


def build(build: Build) -> ConnectCollector | FeedCollector:
    """Make the collector of one account: by App Store Connect where there is a key."""
    if any(build.account.credentials.get(name) for name in _API_KEYS):
        return ConnectCollector(build)
    return FeedCollector(build)
