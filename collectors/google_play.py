"""Google Play (구글 플레이): reviews of one app (앱 리뷰) through the Reply to Reviews API.

Source: discovery document of androidpublisher v3, revision 20261026, and
https://developers.google.com/android-publisher/reply-to-reviews (Checked: 2026-11).

* Only reviews with a text that were written or edited within seven days are listed, newest first.
  Every run reads all of them: replies made in the Play Console do not bring a review up again.
* A review is dated by ``lastModified``, its writer's last edit; when it was first written is not
  said. An edited review comes up again under its id.
* Title and body stand in one text, with a tab between them.
* 200 GETs an hour per app, counted here across processes; the last ones are kept for looking at
  what a reply needs.
* A review that is no longer listed may have aged or lost its text: absence proves nothing.

Unverified (see ``SPEC.unverified``): pages of more than 100, the wording of refusals.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.google_auth import REMEDIES, GoogleClient
from collectors.listing import (
    Listing,
    address_of,
    changed,
    list_in,
    number_in,
    place_refused,
    read_rows,
    required_option,
    rows_of,
    text_in,
    word_in,
)
from collectors.values import clean_text, parse_rating, parse_when
from domain.errors import BadInputError, ConfigurationError, RateLimitedError
from domain.types import ChannelReply, CollectedFeedback, FeedbackKind, Page, ReplyRules

if TYPE_CHECKING:
    from collectors.http import Answer, Refusal
    from collectors.listing import Row

LISTED_FOR: Final = timedelta(days=7)

SPEC = ChannelSpec(
    channel="google_play",
    kinds=(FeedbackKind.REVIEW,),
    page_size=50,
    overlap=LISTED_FOR,
    min_interval_s=0.2,
    timeout_s=20.0,
    signs_time=True,
    writable=True,
    reply_rules=ReplyRules(
        max_length=350,
        editable=True,
        unverified=("what one character is where Google says approximately 350",),
    ),
    remedies={
        **REMEDIES,
        CheckReason.PERMISSION: "Play Console > 사용자 및 권한에서 서비스 계정을 초대하고 이 앱의 '리뷰에 답글 달기' 권한을 주세요. "
        "Google Cloud 프로젝트에서 Google Play Android Developer API도 켜야 합니다.",
    },
    credential_names=("client_email", "private_key"),
    option_names=("base_url", "token_url", "package_name"),
    source={"package_name": ""},
    unverified=(
        "maxResults up to 100 (we ask for 50)",
        "whether a review older than seven days can still be read alone and answered",
        "the wording of refused tokens",
    ),
)

SCOPE: Final = "https://www.googleapis.com/auth/androidpublisher"
GETS_AN_HOUR: Final = 200
KEPT_FOR_REPLIES: Final = 40
"""Of the hourly reads, those that collecting leaves to publishing."""
_DEFAULT_BASE_URL: Final = "https://androidpublisher.googleapis.com"


def parse_page(body: object, *, package: str, now: datetime) -> tuple[Listing, str]:
    """Read one list page. Pure.

    Args:
        body: The parsed JSON.
        package: The app the page is about.
        now: When it was read.

    Returns:
        The reviews, and the token of the next page or nothing.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    # Without reviews Google leaves the key out.
    has_reviews = not isinstance(body, dict) or "reviews" in body
    rows = rows_of(body, "reviews") if has_reviews else []
    items, quarantined = read_rows(
        rows, lambda row: parse_review(row, package=package, now=now), source="google_play reviews"
    )
    return Listing(items, quarantined, rows=len(rows)), _next_token(body)


def _next_token(body: object) -> str:
    paging = body.get("tokenPagination") if isinstance(body, dict) else None
    token = paging.get("nextPageToken") if isinstance(paging, dict) else None
    if token is None or token == "":
        return ""
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]{1,2000}", token):
        raise changed("tokenPagination.nextPageToken is not a token", body)
    return token


def parse_review(row: Row, *, package: str, now: datetime) -> CollectedFeedback:
    """Read one review. Pure.

    Raises:
        BadInputError: A field is missing or unusable.
    """
    comments = [comment for comment in list_in(row, "comments") if isinstance(comment, dict)]
    written = [part for comment in comments if (part := _part(comment, "userComment"))]
    if not written:
        raise BadInputError("the review has no text of its writer", field="comments")
    # Last one last; there is one in practice, but the schema allows more.
    said = max(written, key=lambda part: _modified_at(part, now))
    modified_at = _modified_at(said, now)
    # Google sends the translation only when asked for one; the writer's words count.
    words = said.get("originalText") or said.get("text") or ""
    if not isinstance(words, str):
        raise BadInputError("the text is not a text", field="text")
    title, tab, body = words.partition("\t")
    replies = tuple(
        ChannelReply(
            text=text_in(part, "text"),
            replied_at=_modified_at(part, now),
            receipt=_review_id(row),
        )
        for comment in comments
        if (part := _part(comment, "developerComment"))
    )
    is_edited = any(reply.replied_at and reply.replied_at < modified_at for reply in replies)
    return CollectedFeedback(
        kind=FeedbackKind.REVIEW,
        native_id=_review_id(row),
        title=clean_text(title, field="title") if tab else "",
        text=clean_text(body if tab else words),
        written_at=modified_at,
        # Whoever was answered before the last edit has certainly edited.
        edited_at=modified_at if is_edited else None,
        rating=parse_rating(word_in(said, "starRating")),
        author=word_in(row, "authorName"),
        product_id=package,
        replies=replies,
    )


def _part(comment: Row, key: str) -> Row | None:
    part = comment.get(key)
    return part if isinstance(part, dict) else None


def _review_id(row: Row) -> str:
    value = row.get("reviewId")
    if not isinstance(value, str) or not re.fullmatch(r"[\w.:=+/-]{1,200}", value, re.ASCII):
        raise BadInputError("the review's id is missing", field="reviewId")
    return value


def _modified_at(part: Row, now: datetime) -> datetime:
    return parse_stamp(part.get("lastModified"), now=now)


def parse_stamp(value: object, *, now: datetime) -> datetime:
    """Read a Google timestamp: seconds as text and nanoseconds. Pure.

    Raises:
        BadInputError: It is none, or lies where no review can.
    """
    if not isinstance(value, dict):
        raise BadInputError("the date is missing", field="lastModified")
    seconds = int(number_in(value, "seconds"))
    nanos = 0 if value.get("nanos") is None else value["nanos"]
    if isinstance(nanos, bool) or not isinstance(nanos, int) or not 0 <= nanos < 10**9:
        raise BadInputError("nanoseconds are not a number", field="lastModified")
    if seconds >= 10**10:
        raise BadInputError("the date is unreadable", field="lastModified")
    return parse_when(seconds + nanos // 1000 / 1_000_000, now=now).at


class PlayApi:
    """The few calls of the reviews interface, within the app's hourly budget.

    Args:
        build: ``package_name`` is an option of the account.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._google = GoogleClient(build, SCOPE)
        self.package = required_option(build, "package_name")
        if not re.fullmatch(r"[A-Za-z][\w.]{2,200}", self.package, re.ASCII):
            raise ConfigurationError(f"{build.account.key}: package_name is not an app's")
        base = address_of(build, _DEFAULT_BASE_URL)
        self._reviews = f"{base}/androidpublisher/v3/applications/{self.package}/reviews"

    def ask(
        self, token: str | None, *, size: int = SPEC.page_size, refusal: Refusal | None = None
    ) -> object:
        """Read one list page."""
        self._spend(GETS_AN_HOUR - KEPT_FOR_REPLIES)
        params: dict[str, str | int] = {"maxResults": size}
        if token:
            params["token"] = token
        return self._google.read(self._reviews, params=params, refusal=refusal).json()

    def ask_review(self, review_id: str, refusal: Refusal) -> object:
        """Read one review."""
        self._spend(GETS_AN_HOUR)
        url = f"{self._reviews}/{quote(review_id, safe='')}"
        return self._google.read(url, refusal=refusal).json()

    def reply(self, review_id: str, text: str, refusal: Refusal) -> Answer:
        """Write the reply, or overwrite the one that stands there."""
        return self._google.write(
            f"{self._reviews}/{quote(review_id, safe='')}:reply",
            method="POST",
            content={"replyText": text},
            refusal=refusal,
        )

    def _spend(self, most: int) -> None:
        """Count one read of this hour, over all processes.

        Raises:
            RateLimitedError: ``most`` reads were made within the hour.
        """
        # Google counts per app, whichever account asks.
        key, tokens = f"budget:google_play:{self.package}"[:200], self._build.tokens
        now = int(self._build.clock().timestamp())
        with tokens.exclusive(key):
            reads = tokens.load(key).get("reads", "")
            made = [int(at) for at in reads.split() if at.isdecimal()]
            made = [at for at in made if now - 3600 < at <= now]
            if len(made) >= most:
                wait_s = float(made[-most] + 3600 - now)
                raise RateLimitedError(f"{self.package}: {most} reads this hour are made", wait_s)
            tokens.save(key, {"reads": " ".join(map(str, [*made, now]))})


class GooglePlayCollector:
    """Reads the reviews of one app."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = PlayApi(build)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list page; see `collectors.base.Collector.fetch`.

        The interface knows no window: what it lists of the last seven days is given.
        """
        del since, until
        if cursor is not None and not re.fullmatch(r"[!-~]{1,2000}", cursor):
            raise BadInputError("unknown cursor", field="cursor")
        body = self._api.ask(cursor, refusal=place_refused if cursor else None)
        listing, token = parse_page(body, package=self._api.package, now=self._build.clock())
        if token and token == cursor:
            raise changed("the next page is this page", body)
        return Page(listing.items, listing.quarantined, next_cursor=token or None)

    def check(self) -> CheckResult:
        """Ask for one review."""
        return check_by(
            lambda: self._api.ask(None, size=1, refusal=self._unknown_app), SPEC.remedies
        )

    def _unknown_app(self, answer: Answer) -> ConfigurationError | None:
        if answer.status != HTTPStatus.NOT_FOUND:
            return None
        return ConfigurationError(
            f"{self._build.account.key}: Google Play knows no package_name {self._api.package!r}"
        )


def build(build: Build) -> GooglePlayCollector:
    """Make the collector of one account."""
    return GooglePlayCollector(build)
