"""Google Business Profile (구글 비즈니스 프로필): reviews of one location (매장 리뷰).

Source: Google My Business API v4, accounts.locations.reviews, by Google's Ruby client
(Checked: 2026-11). Access to the interface must be applied for.

* Newest edit first is asked for; a run stops early only on pages that are in this order, for the
  values of ``orderBy`` are not proved. An edited review comes up again under its id.
* A review may have stars and no words.
* Google mixes its translation into the words: "(Translated by Google) ... (Original) ...". The
  writer's own words are kept.
* Owner replies are moderated: one that waits is ``pending``, one that was rejected does not stand.

Unverified (see ``SPEC.unverified``): ``orderBy``, reading one review alone, the states of replies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.google_auth import REMEDIES, GoogleClient
from collectors.listing import (
    address_of,
    changed,
    count_in,
    place_refused,
    read_rows,
    required_option,
    rows_of,
    text_in,
    when_in,
    word_in,
)
from collectors.values import parse_rating, parse_when
from domain.errors import BadInputError, ConfigurationError
from domain.types import (
    ChannelReply,
    CollectedFeedback,
    FeedbackKind,
    LengthUnit,
    Page,
    ReplyRules,
)

if TYPE_CHECKING:
    from datetime import datetime

    from collectors.http import Answer, Refusal
    from collectors.listing import Row
    from domain.types import QuarantinedItem

SPEC = ChannelSpec(
    channel="google_business",
    kinds=(FeedbackKind.REVIEW,),
    page_size=50,
    overlap=timedelta(days=14),
    min_interval_s=0.2,
    timeout_s=20.0,
    signs_time=True,
    writable=True,
    reply_rules=ReplyRules(max_length=4096, unit=LengthUnit.BYTES, editable=True, moderated=True),
    remedies={
        **REMEDIES,
        CheckReason.PERMISSION: "Google에 Business Profile API 사용을 신청해 승인받고, 이 계정을 해당 매장의 관리자나 소유자로 "
        "등록해 주세요.",
    },
    option_names=("base_url", "token_url", "location"),
    source={"location": ""},
    unverified=(
        "orderBy=updateTime desc (checked on every page, never relied on)",
        "GET of one review by its name",
        "reviewReply.reviewReplyState: PENDING, APPROVED, REJECTED",
        "that a service account may be used instead of an owner's consent",
        "the wording of refusals",
    ),
)

SCOPE: Final = "https://www.googleapis.com/auth/business.manage"
_DEFAULT_BASE_URL: Final = "https://mybusiness.googleapis.com"
_NO_STARS: Final = "STAR_RATING_UNSPECIFIED"
REJECTED: Final = "rejected"
"""State of a reply that Google's moderation took down; the collector leaves it out."""


@dataclass(frozen=True, slots=True)
class ReviewList:
    """What one list page says.

    Attributes:
        oldest_at: The least time of edit on the page; None without reviews.
        is_ordered: Whether the page runs from the newest edit to the oldest.
        total: Reviews the location has; -1 where the page does not say.
        next_token: Of the next page; empty on the last.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    oldest_at: datetime | None
    is_ordered: bool
    total: int
    next_token: str


def parse_page(body: object, *, now: datetime) -> ReviewList:
    """Read one list page. Pure.

    Args:
        body: The parsed JSON.
        now: When it was read.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    # Without reviews Google leaves the key out.
    has_reviews = not isinstance(body, dict) or "reviews" in body
    rows = rows_of(body, "reviews") if has_reviews else []
    touched: list[datetime] = []

    def read(row: Row) -> CollectedFeedback:
        item = parse_review(row, now=now)
        touched.append(parse_when(when_in(row, "updateTime"), now=now).at)
        return _without_rejected(item)

    items, quarantined = read_rows(rows, read, source="google_business reviews")
    token = body.get("nextPageToken", "") if isinstance(body, dict) else ""
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]{0,2000}", token):
        raise changed("nextPageToken is not a token", body)
    return ReviewList(
        items,
        quarantined,
        oldest_at=min(touched, default=None),
        is_ordered=touched == sorted(touched, reverse=True),
        total=count_in(body, "totalReviewCount"),
        next_token=token,
    )


def parse_review(row: Row, *, now: datetime) -> CollectedFeedback:
    """Read one review, a reply that was rejected included. Pure.

    Raises:
        BadInputError: A field is missing or unusable.
    """
    written = parse_when(when_in(row, "createTime"), now=now)
    edited = parse_when(when_in(row, "updateTime"), now=now)
    reviewer = row.get("reviewer")
    stars = word_in(row, "starRating")
    return CollectedFeedback(
        kind=FeedbackKind.REVIEW,
        native_id=_review_id(row),
        text=original_words(text_in(row, "comment")) if row.get("comment") is not None else "",
        written_at=written.at,
        written_at_is_exact=written.exact,
        edited_at=edited.at if edited.at - written.at > timedelta(seconds=1) else None,
        rating=None if stars == _NO_STARS else parse_rating(stars),
        author=word_in(reviewer, "displayName") if isinstance(reviewer, dict) else "",
        replies=_replies(row.get("reviewReply"), now),
    )


def _review_id(row: Row) -> str:
    value = row.get("reviewId")
    if not isinstance(value, str) or not re.fullmatch(r"[\w=-]{1,300}", value, re.ASCII):
        raise BadInputError("the review's id is missing", field="reviewId")
    return value


def _replies(value: object, now: datetime) -> tuple[ChannelReply, ...]:
    # Without words nothing stands there that a customer could read.
    is_empty = value is None or (isinstance(value, dict) and value.get("comment") is None)
    return () if is_empty else (parse_reply(value, now=now),)


def parse_reply(row: object, *, now: datetime) -> ChannelReply:
    """Read an owner's reply; its state may be `REJECTED`. Pure.

    Raises:
        BadInputError: A field is missing or unusable.
    """
    if not isinstance(row, dict):
        raise BadInputError("the reply is not an object", field="reviewReply")
    state = word_in(row, "reviewReplyState").upper()
    return ChannelReply(
        text=original_words(text_in(row, "comment")),
        replied_at=parse_when(when_in(row, "updateTime"), now=now).at
        if row.get("updateTime") is not None
        else None,
        state={"PENDING": "pending", "REJECTED": REJECTED}.get(state, "published"),
    )


def _without_rejected(item: CollectedFeedback) -> CollectedFeedback:
    standing = tuple(reply for reply in item.replies if reply.state != REJECTED)
    return item if standing == item.replies else replace(item, replies=standing)


_ORIGINAL: Final = re.compile(r"(?s)^\(Translated by Google\).*?\n[ \t]*\(Original\)(.*)$")
_TRANSLATED: Final = re.compile(r"(?s)^(.+?)\n[ \t]*\(Translated by Google\).*$")


def original_words(comment: str) -> str:
    """Give what the writer wrote, without Google's translation of it."""
    if found := _ORIGINAL.match(comment) or _TRANSLATED.match(comment):
        return found[1].strip()
    return comment


class BusinessApi:
    """The few calls of the reviews interface.

    Args:
        build: ``location`` is an option of the account: ``accounts/123/locations/456``.
    """

    def __init__(self, build: Build) -> None:
        self._google = GoogleClient(build, SCOPE)
        self.location = required_option(build, "location")
        if not re.fullmatch(r"accounts/[\w-]{1,60}/locations/[\w-]{1,60}", self.location, re.ASCII):
            raise ConfigurationError(
                f'{build.account.key}: location must be "accounts/.../locations/..."'
            )
        self._reviews = f"{address_of(build, _DEFAULT_BASE_URL)}/v4/{self.location}/reviews"

    def ask(
        self, token: str, *, size: int = SPEC.page_size, refusal: Refusal | None = None
    ) -> object:
        """Read one list page."""
        params: dict[str, str | int] = {"pageSize": size, "orderBy": "updateTime desc"}
        if token:
            params["pageToken"] = token
        return self._google.read(self._reviews, params=params, refusal=refusal).json()

    def ask_review(self, review_id: str, refusal: Refusal) -> object:
        """Read one review."""
        url = f"{self._reviews}/{quote(review_id, safe='')}"
        return self._google.read(url, refusal=refusal).json()

    def reply(self, review_id: str, text: str, refusal: Refusal) -> Answer:
        """Write the reply, or overwrite the one that stands there."""
        return self._google.write(
            f"{self._reviews}/{quote(review_id, safe='')}/reply",
            method="PUT",
            content={"comment": text},
            refusal=refusal,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is.

    Attributes:
        token: Of the page to read.
        is_ordered: Whether every page before was in order.
        is_whole: Whether every row before could be read and none went away meanwhile.
        total: Reviews the page before counted; -1 when there was none.
    """

    token: str = ""
    is_ordered: bool = True
    is_whole: bool = True
    total: int = -1

    @classmethod
    def read(cls, cursor: str | None) -> _Place:
        if cursor is None:
            return cls()
        found = re.fullmatch(r"([01])([01]):(-1|[0-9]{1,9}):([!-~]{1,2000})", cursor)
        if found is None:
            raise BadInputError("unknown cursor", field="cursor")
        return cls(found[4], found[1] == "1", found[2] == "1", int(found[3]))

    def __str__(self) -> str:
        return f"{self.is_ordered:d}{self.is_whole:d}:{self.total}:{self.token}"

    def after(self, page: ReviewList) -> _Place:
        """Give where to go on after ``page``, which was read here."""
        return _Place(
            page.next_token,
            self.is_ordered and page.is_ordered,
            self.is_whole and not page.quarantined and page.total >= self.total,
            page.total,
        )


class GoogleBusinessCollector:
    """Reads the reviews of one location."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = BusinessApi(build)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list page; see `collectors.base.Collector.fetch`."""
        here = _Place.read(cursor)
        body = self._api.ask(here.token, refusal=place_refused if here.token else None)
        page = parse_page(body, now=self._build.clock())
        there = here.after(page)
        is_past = there.is_ordered and page.oldest_at is not None and page.oldest_at < since
        if page.next_token and not is_past:
            if page.next_token == here.token:
                raise changed("the next page is this page", body)
            return Page(page.items, page.quarantined, next_cursor=str(there))
        # Written within the window means edited within it or later, so it was listed.
        covers = (since, until) if there.is_whole else None
        return Page(page.items, page.quarantined, covers=covers)

    def check(self) -> CheckResult:
        """Ask for one review."""
        return check_by(
            lambda: self._api.ask("", size=1, refusal=self._unknown_location), SPEC.remedies
        )

    def _unknown_location(self, answer: Answer) -> ConfigurationError | None:
        if answer.status != HTTPStatus.NOT_FOUND:
            return None
        return ConfigurationError(
            f"{self._build.account.key}: Google knows no location {self._api.location!r}"
        )


def build(build: Build) -> GoogleBusinessCollector:
    """Make the collector of one account."""
    return GoogleBusinessCollector(build)
