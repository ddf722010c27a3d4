"""Cafe24 (카페24 자사몰): product reviews, Q&A, other boards, comments and urgent inquiries.

Source: https://developers.cafe24.com/docs/ko/api/admin, version 2025-12-01 (Checked: 2026-11).

* Boards are discovered: every shop numbers and names its own. What a board is for is told by its
  name, or by the account's ``boards`` option, which wins.
* A reply is an article of its own whose parent is the question. It is joined to it on the page;
  where the two lie on different pages, both are asked for once more by number.
* An offset ends at 8,000: a stretch of days with more articles is halved until it fits.
* A page begins with the last row of the page before, so that a list that moved is noticed.
* The refresh token changes with every use; only one process renews it at a time.

Unverified (see ``SPEC.unverified``): among others the names in ``GET /boards``, whether a reply
moves the question's ``reply_status`` (it is never relied on), the fields of urgent inquiries, which
are off unless the account says ``urgent = true``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from collectors.base import Build, ChannelSpec, CheckReason, CheckResult, check_by
from collectors.listing import (
    MOST_BACKS,
    Row,
    address_of,
    changed,
    days_between,
    number_in,
    read_rows,
    required_credential,
    required_option,
    rows_of,
    text_in,
    when_in,
    word_in,
)
from collectors.tokens import Renewed, TokenKeeper, TokenRefusedError
from collectors.values import html_to_text, parse_rating, parse_when
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    PublicationRefusedError,
    ReputationError,
)
from domain.types import (
    ChannelReply,
    CollectedFeedback,
    FeedbackKind,
    Page,
    QuarantinedItem,
    ReplyRules,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from collectors.http import Answer, Refusal

SPEC = ChannelSpec(
    channel="cafe24",
    kinds=(FeedbackKind.REVIEW, FeedbackKind.INQUIRY, FeedbackKind.POST),
    page_size=100,
    window=timedelta(days=90),
    overlap=timedelta(days=7),
    min_interval_s=0.5,
    writable=True,
    reply_rules=ReplyRules(
        max_length=1000, unverified=("1,000 characters, our own choice; no limit is published",)
    ),
    reply_needs={"": "writer", "urgent": "user_id"},
    remedies={
        CheckReason.SECRET: "카페24 개발자센터 앱의 Client ID와 Client Secret을 인증 정보 파일과 다시 맞춰 주세요.",
        CheckReason.EXPIRED: "리프레시 토큰이 만료되었거나 다른 곳에서 먼저 쓰였습니다. 앱을 쇼핑몰에 다시 연결하고 "
        "새 refresh_token을 인증 정보 파일에 넣어 주세요.",
        CheckReason.PERMISSION: "앱에 mall.read_community, mall.write_community, mall.read_product 권한이 있는지, "
        "쇼핑몰에서 앱이 삭제되지 않았는지 확인해 주세요.",
    },
    credential_names=("client_id", "client_secret", "refresh_token"),
    option_names=(
        "base_url",
        "mall_id",
        "shop_no",
        "api_version",
        "boards",
        "reply_by",
        "comments",
        "urgent",
        "writer",
        "reply_title",
        "user_id",
        "client_ip",
        "reply_max_length",
    ),
    source={"mall_id": "", "shop_no": "1"},
    unverified=(
        "board_name and use_board in GET /boards, and what a board is for (option boards)",
        "start_date and end_date are Korean days of created_date, both included",
        "a shop's own reply has member_id = mall_id or a reply_user_id",
        "the filter comment=T lists the articles with comments (option comments)",
        "the envelope of a comment's POST ({shop_no, request})",
        "whether a reply moves the question's reply_status (we read the replies instead)",
        "the longest content of an article or comment (option reply_max_length)",
        "a refresh token lives two weeks",
        "all fields of urgent inquiries but article_no and reply_status (off; option urgent)",
    ),
)

KINDS: Final = {
    "review": FeedbackKind.REVIEW,
    "inquiry": FeedbackKind.INQUIRY,
    "post": FeedbackKind.POST,
}
LIMIT: Final = 100
MAX_OFFSET: Final = 8000
_MOST_NUMBERS: Final = 50
"""Articles asked for by number in one question; the query stays short."""
_REMEMBERED: Final = 5
"""Of a page's last rows; all of them are seldom deleted before the next page is read."""
_DEEPEST_THREAD: Final = 50
_TOKEN_LIFE: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Articles:
    """What one page of articles says.

    Attributes:
        rows: Rows on this page, replies and deleted ones too.
        numbers: Their article numbers, where they can be read.
        last_numbers: Of the last rows, those that can be read.
        orphans: ``(question, reply)`` where the shop's reply is here and its question is not.
        has_next: Whether the channel links to another page.
        replies: The shop's replies by the number of their question, oldest first.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    rows: int
    numbers: frozenset[int]
    last_numbers: tuple[int, ...]
    orphans: tuple[tuple[int, int], ...]
    has_next: bool
    replies: Mapping[int, tuple[ChannelReply, ...]]


def parse_articles(
    body: object, *, board: int, kind: FeedbackKind, mall_id: str, now: datetime
) -> Articles:
    """Read a list of articles of one board. Pure.

    Args:
        body: The JSON answer.
        board: Number of the board asked for.
        kind: What the board's articles are.
        mall_id: Whose own articles are replies, not feedback.
        now: When it was read.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    rows = rows_of(body, "articles")
    thread = {_article_number(row): row for row in rows if isinstance(row, dict)}
    replies: dict[str, list[tuple[str, ChannelReply]]] = {}

    def read(row: Row) -> CollectedFeedback | None:
        if row.get("deleted") in ("T", "B") or row.get("notice") == "T":
            return None
        parent = _shops_reply_to(row, mall_id, thread)
        if parent:
            replies.setdefault(parent, []).append(
                (number_in(row, "article_no"), _read_reply(row, now=now))
            )
            return None
        return _read_article(row, board=board, kind=kind, now=now)

    items, quarantined = read_rows(rows, read, source=f"cafe24 board {board}")
    here = {item.native_id for item in items}
    joined = tuple(
        replace(item, replies=_in_order(replies.get(_number_of(item.native_id), ())))
        for item in items
    )
    orphans = tuple(
        (int(question), int(reply))
        for question, found in replies.items()
        for reply, _ in found
        if f"article:{board}:{question}" not in here
    )
    numbers = [_article_number(row) for row in rows]
    return Articles(
        joined,
        quarantined,
        rows=len(rows),
        numbers=frozenset(numbers) - {0},
        last_numbers=tuple(filter(None, numbers[-_REMEMBERED:])),
        orphans=orphans,
        has_next=_links_on(body),
        replies={int(question): _in_order(found) for question, found in replies.items()},
    )


def parse_comments(
    body: object, item: CollectedFeedback, *, mall_id: str, writer: str, now: datetime
) -> tuple[tuple[CollectedFeedback, ...], tuple[QuarantinedItem, ...]]:
    """Read the comments of one article: the shop's are replies, a customer's are posts. Pure.

    Args:
        body: The JSON answer.
        item: The article they stand under.
        mall_id: The shop's own member id.
        writer: The name the shop writes under.
        now: When it was read.

    Returns:
        The article with its replies and every customer's comment; and what could not be read.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    rows = rows_of(body, "comments")
    replies: dict[str, list[tuple[str, ChannelReply]]] = {}

    def read(row: Row) -> CollectedFeedback | None:
        number = number_in(row, "comment_no")
        written = parse_when(when_in(row, "created_date"), now=now)
        is_shops = word_in(row, "member_id") == mall_id or (
            bool(writer) and word_in(row, "writer") == writer
        )
        if is_shops:
            parent = word_in(row, "parent_comment_no")
            reply = ChannelReply(text_in(row, "content"), written.at, f"comment:{number}")
            replies.setdefault("" if parent in {"0", number} else parent, []).append(
                (number, reply)
            )
            return None
        return CollectedFeedback(
            kind=FeedbackKind.POST,
            native_id=f"{item.native_id.replace('article', 'comment', 1)}:{number}",
            text=text_in(row, "content"),
            written_at=written.at,
            # Whether it is listed depends on its article's date, so that its absence from a
            # window of its own dates proves nothing.
            written_at_is_exact=False,
            author=word_in(row, "writer"),
            author_id=word_in(row, "member_id"),
            product_id=item.product_id,
            extra={**item.extra, "secret": _flag(row, "secret")},
        )

    comments, quarantined = read_rows(rows, read, source=f"cafe24 comments of {item.native_id}")
    # Under a comment that is not here, a reply is to that one, not to the article.
    own = {number for found in replies.values() for number, _ in found}
    to_article = [
        entry for parent, found in replies.items() if parent in {"", *own} for entry in found
    ]
    article = replace(item, replies=(*item.replies, *_in_order(to_article)))
    answered = tuple(
        replace(comment, replies=_in_order(replies.get(_number_of(comment.native_id), ())))
        for comment in comments
    )
    return (article, *answered), quarantined


def parse_urgent(
    body: object, *, now: datetime
) -> tuple[tuple[CollectedFeedback, ...], tuple[QuarantinedItem, ...]]:
    """Read a list of urgent inquiries. Pure. Its field names are unverified.

    Raises:
        LayoutChangedError: Not the list this parser knows, or not one row of it can be read.
    """
    rows = rows_of(body, "urgentinquiry")
    return read_rows(rows, lambda row: _read_urgent(row, now=now), source="cafe24 urgent inquiries")


def _read_article(row: Row, *, board: int, kind: FeedbackKind, now: datetime) -> CollectedFeedback:
    written = parse_when(when_in(row, "created_date"), now=now)
    stars = word_in(row, "rating")
    return CollectedFeedback(
        kind=kind,
        native_id=f"article:{board}:{number_in(row, 'article_no')}",
        text=html_in(row, "content"),
        written_at=written.at,
        written_at_is_exact=written.exact,
        title=word_in(row, "title"),
        rating=None if stars == "0" else parse_rating(stars),
        author=word_in(row, "writer") or word_in(row, "nick_name"),
        author_id=word_in(row, "member_id"),
        product_id=word_in(row, "product_no"),
        order_id=word_in(row, "order_id"),
        extra={"asked_at": written.at.isoformat(), "secret": _flag(row, "secret")},
    )


def _read_reply(row: Row, *, now: datetime) -> ChannelReply:
    return ChannelReply(
        text=html_in(row, "content"),
        replied_at=parse_when(when_in(row, "created_date"), now=now).at,
        receipt=f"article:{number_in(row, 'article_no')}",
    )


def _read_urgent(row: Row, *, now: datetime) -> CollectedFeedback:
    dates = ("created_date", "write_date", "start_date", "insert_date")
    dated = next((key for key in dates if row.get(key)), "")
    written = parse_when(when_in(row, dated), now=now) if dated else None
    return CollectedFeedback(
        kind=FeedbackKind.INQUIRY,
        native_id=f"urgent:{number_in(row, 'article_no')}",
        text=html_in(row, "content"),
        written_at=written.at if written else None,
        written_at_is_exact=written.exact if written else False,
        title=word_in(row, "title"),
        author=word_in(row, "writer"),
        author_id=word_in(row, "member_id"),
        order_id=word_in(row, "order_id"),
    )


def _shops_reply_to(row: Row, mall_id: str, thread: Mapping[int, Row]) -> str:
    """Give the number of the article that this row of the shop answers; empty for customers'.

    A customer who writes under their own article again is no reply, whoever answered in between.
    """
    parent = word_in(row, "parent_article_no")
    if not re.fullmatch(r"[1-9]\d{0,14}", parent, re.ASCII) or parent == word_in(row, "article_no"):
        return ""
    writer = word_in(row, "member_id")
    if writer == mall_id:
        return parent
    is_theirs = bool(writer) and any(
        above.get("member_id") == writer for above in _above(int(parent), thread)
    )
    return parent if word_in(row, "reply_user_id") and not is_theirs else ""


def _above(number: int, thread: Mapping[int, Row]) -> list[Row]:
    """Give the articles from ``number`` up to its thread's first, as far as the page has them."""
    found: list[Row] = []
    while number in thread and len(found) < _DEEPEST_THREAD:
        found.append(thread[number])
        number = _as_number(thread[number].get("parent_article_no"))
    return found


def html_in(row: Row, key: str) -> str:
    """Read a text that is HTML there.

    Raises:
        BadInputError: Missing, or far too long.
    """
    value = row.get(key)
    if not isinstance(value, str):
        raise BadInputError("a text is missing", field=key)
    return html_to_text(value, field=key)


def _flag(row: Row, key: str) -> str:
    return "T" if row.get(key) == "T" else "F"


def _number_of(native_id: str) -> str:
    return native_id.rpartition(":")[2]


def _in_order(replies: Sequence[tuple[str, ChannelReply]]) -> tuple[ChannelReply, ...]:
    return tuple(reply for _, reply in sorted(replies, key=lambda entry: int(entry[0])))


def _article_number(row: object) -> int:
    return _as_number(row.get("article_no")) if isinstance(row, dict) else 0


def _as_number(value: object) -> int:
    is_one = isinstance(value, int | str) and re.fullmatch(r"\d{1,15}", str(value), re.ASCII)
    return int(str(value)) if is_one else 0


def _links_on(body: object) -> bool:
    links = body.get("links") if isinstance(body, dict) else None
    return isinstance(links, list) and any(
        isinstance(link, dict) and link.get("rel") == "next" for link in links
    )


def plan_boards(body: object) -> dict[int, str]:
    """Tell which boards hold what customers write, by their names. Pure.

    Returns:
        Key of `KINDS` by board number; notices, FAQs, events and boards out of use are left out.

    Raises:
        LayoutChangedError: Not the list this parser knows.
    """
    plan: dict[int, str] = {}
    for row in rows_of(body, "boards"):
        if not isinstance(row, dict):
            raise changed("cafe24 boards: a row is not an object", body)
        try:
            number, name = int(number_in(row, "board_no")), word_in(row, "board_name")
        except BadInputError:
            raise changed("cafe24 boards: no board_no", body) from None
        purpose = _purpose(number, name)
        if purpose and row.get("use_board") != "F":
            plan[number] = purpose
    return plan


_PURPOSES: Final = (
    ("review", r"후기|리뷰|review|사용기"),
    ("", r"공지|notice|faq|자주|이벤트|event|뉴스|news|매거진|magazine|자료실|당첨"),
    ("inquiry", r"q ?& ?a|qna|문의|1:1|일대일|질문|상담|고객"),
)
_CONVENTIONAL: Final = {1: "", 4: "review", 6: "inquiry", 9: "inquiry"}


def _purpose(number: int, name: str) -> str:
    if not name:
        return _CONVENTIONAL.get(number, "")
    for purpose, words in _PURPOSES:
        if re.search(words, name, re.IGNORECASE):
            return purpose
    return "post"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is.

    Attributes:
        boards: ``number:purpose`` still to read; the first is being read.
        step: ``list``, ``commented`` or ``urgent``; or one of the detours ``parents`` and
            ``comments``, which read the articles in ``pending`` and end at ``then``.
        first: First day of the stretch being read, counted from the run's first day.
        last: Its last day.
        offset: Rows of the list that were read.
        seen: The last articles of the page before.
        backs: How often the run went back because this list had moved.
        whole: False when rows may have been skipped.
        then: The place after a detour; empty when the run ends there.
    """

    boards: tuple[str, ...]
    last: int
    step: str = "list"
    first: int = 0
    offset: int = 0
    seen: tuple[int, ...] = ()
    backs: int = 0
    whole: bool = True
    pending: tuple[int, ...] = ()
    then: str = ""

    @property
    def board(self) -> int:
        return int(self.boards[0].partition(":")[0])

    @property
    def kind(self) -> FeedbackKind:
        return KINDS[self.boards[0].partition(":")[2]]

    @classmethod
    def read(cls, cursor: str) -> _Place:
        try:
            values = json.loads(cursor)
            lists = {name: tuple(values[name]) for name in ("boards", "pending", "seen")}
            place = cls(**{**values, **lists})
            place.require_sound()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise BadInputError("unknown cursor", field="cursor") from None
        return place

    def require_sound(self) -> None:
        """Raise ValueError for a place that no run of ours can be at."""
        numbers = (self.first, self.last, self.offset, self.backs, *self.seen, *self.pending)
        steps = {"list", "commented", "urgent", "parents", "comments"}
        is_sound = (
            all(re.fullmatch(r"\d{1,9}:(review|inquiry|post)", name) for name in self.boards)
            and all(0 <= int(number) < 10**15 for number in numbers)
            and (bool(self.boards) or self.step == "urgent")
            and bool(self.pending) is (self.step in {"parents", "comments"})
        )
        if self.step not in steps or not is_sound:
            raise ValueError(self.step)

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    def detour(self, step: str, pending: tuple[int, ...], then: _Place | None) -> _Place:
        """Give the place that reads ``pending`` and goes on at ``then``."""
        return replace(
            self, step=step, pending=pending, offset=0, then="" if then is None else str(then)
        )

    def after_detour(self) -> _Place | None:
        """Give the next place of a detour: the articles left, then where it came from."""
        left = self.pending[_MOST_NUMBERS:] if self.step == "parents" else self.pending[1:]
        if left:
            return replace(self, pending=left, offset=0)
        if not self.then:
            return None
        there = _Place.read(self.then)
        return replace(there, whole=there.whole and self.whole)


class Cafe24Api:
    """Requests with the account's token; what the collector and the publisher share.

    Args:
        build: ``mall_id`` is an option; ``client_id``, ``client_secret`` and the first
            ``refresh_token`` are credentials.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self.mall_id = required_option(build, "mall_id")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", self.mall_id, re.ASCII):
            raise ConfigurationError(f"{build.account.key}: mall_id has strange characters")
        self._base_url = address_of(build, f"https://{self.mall_id}.cafe24api.com") + "/api/v2"
        self.shop_no = build.account.option("shop_no", "1")
        if not self.shop_no.isdecimal():
            raise ConfigurationError(f"{build.account.key}: shop_no must be a number")
        self._client_id = required_credential(build, "client_id")
        self._client_secret = required_credential(build, "client_secret")
        self._refresh_token = required_credential(build, "refresh_token")
        made_from = "\0".join((self._client_id, self._refresh_token, self.mall_id))
        self._tokens = TokenKeeper(build, made_from, self._renew)

    def ask(self, path: str, params: Mapping[str, object]) -> object:
        """Read; ``path`` is under ``/admin``.

        Raises:
            GoneError: What ``path`` names is not there.
        """
        query = urlencode({"shop_no": self.shop_no, **params})
        return self._tokens.using(lambda token: self._read(f"{path}?{query}", token))

    def ask_comments(self, board: int, article: int, offset: int) -> object:
        """Read one page of an article's comments."""
        params = {"offset": offset, "limit": LIMIT}
        return self.ask(f"/boards/{board}/articles/{article}/comments", params)

    def send(self, path: str, content: Mapping[str, object], refusal: Refusal) -> Answer:
        """Write; a refused token stored nothing, so it is written once more with the next one."""
        body = json.dumps({"shop_no": int(self.shop_no), **content}, ensure_ascii=False).encode()
        return self._tokens.using(
            lambda token: self._build.client.write(
                f"{self._base_url}/admin{path}",
                headers=self._headers(token),
                content=body,
                refusal=refusal,
            )
        )

    def _read(self, path: str, token: str) -> object:
        answer = self._build.client.read(
            f"{self._base_url}/admin{path}", headers=self._headers(token), refusal=refused
        )
        return answer.json()

    def _headers(self, token: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json; charset=utf-8",
            "X-Cafe24-Api-Version": self._build.account.option("api_version", "2025-12-01"),
        }

    def _renew(self, kept: Mapping[str, str]) -> Renewed:
        now = self._build.clock()
        pair = base64.b64encode(f"{self._client_id}:{self._client_secret}".encode()).decode()
        form = {
            "grant_type": "refresh_token",
            "refresh_token": kept.get("refresh_token") or self._refresh_token,
        }
        answer = self._build.client.read(
            f"{self._base_url}/oauth/token",
            method="POST",
            headers={
                "Authorization": f"Basic {pair}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            content=urlencode(form).encode(),
            refusal=_token_refused,
        )
        body = answer.json()
        names = ("access_token", "refresh_token")
        found = [body.get(name) if isinstance(body, dict) else None for name in names]
        access, refresh = (
            token if isinstance(token, str) and token.isascii() and token.isprintable() else ""
            for token in found
        )
        if not access or not refresh:
            # The body may hold a token: it is not kept as evidence.
            raise LayoutChangedError("cafe24 token: no access_token or refresh_token")
        return Renewed(access, now + _TOKEN_LIFE, {"refresh_token": refresh})


class Cafe24Collector:
    """Reads the boards of one shop.

    Args:
        build: ``boards`` says what to read (``{"4" = "review"}``), else they are discovered;
            ``comments = false`` leaves comments out; ``urgent = true`` reads urgent inquiries.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = Cafe24Api(build)
        self._writer = build.account.option("writer")
        self._boards = _chosen_boards(build)
        self._has_comments = build.account.options.get("comments", True) is not False
        self._has_urgent = build.account.options.get("urgent", False) is True
        # Rows of the page whose comments are being read; another process asks for them again.
        self._commented: dict[int, CollectedFeedback] = {}

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page; see `collectors.base.Collector.fetch`.

        The first page of a run is the list of boards and has no items. Going on with comments
        in another process takes one request more.
        """
        first, last = days_between(since, until)
        run = _Run(first, (last - first).days)
        if cursor is None:
            return Page((), next_cursor=str(self._start(run)))
        place = _Place.read(cursor)
        is_whole = place.whole
        try:
            if place.step in {"list", "commented"}:
                page, there, is_whole = self._list(place, run)
            elif place.step == "parents":
                page, there = self._parents(place), place.after_detour()
            elif place.step == "comments":
                page, there = self._comments(place)
            else:
                page, there = self._urgent(place, run)
        except _BoardGoneError:
            if place.boards[0] in self._start(run).boards:
                raise
            # It was discovered when the run began; what it had is missed by the next run.
            place = _Place(place.boards, last=run.length, whole=False)
            page, there, is_whole = Page(()), self._next_board(place), False
        if there is not None:
            # What could not be read is not gone.
            there = replace(there, whole=there.whole and not page.quarantined)
            return replace(page, next_cursor=str(there))
        is_whole = is_whole and not page.quarantined
        return replace(page, covers=(since, until) if is_whole else None, lists=self._lists())

    def _lists(self) -> tuple[str, ...]:
        """Name what is read; a board that was discovered and is missing now is asked about."""
        kinds = ("article", "comment") if self._has_comments else ("article",)
        boards = [f":{number}" for number in self._boards] or [""]
        named = [f"{kind}{board}" for kind in kinds for board in boards]
        return (*named, "urgent") if self._has_urgent else tuple(named)

    def check(self) -> CheckResult:
        """Renew the token if need be and list the boards; the detail says what is read."""
        return check_by(self._prove, SPEC.remedies)

    def _prove(self) -> str:
        boards = self._boards or plan_boards(self._api.ask("/boards", {}))
        if self._boards:
            self._api.ask("/boards", {})
        listed = ", ".join(f"{number} {purpose}" for number, purpose in sorted(boards.items()))
        return f"boards: {listed or 'none'}"

    def _start(self, run: _Run) -> _Place:
        boards = self._boards or plan_boards(self._api.ask("/boards", {}))
        plan = tuple(f"{number}:{purpose}" for number, purpose in sorted(boards.items()))
        if not plan and not self._has_urgent:
            raise ConfigurationError(
                f"{self._build.account.key}: no board to read; name them in boards"
            )
        return _Place(plan, last=run.length, step="list" if plan else "urgent")

    def _list(self, place: _Place, run: _Run) -> tuple[Page, _Place | None, bool]:
        """Read one list page; give it, the next place, and whether no row was skipped."""
        found = self._ask_articles(
            place,
            {
                "start_date": run.day(place.first),
                "end_date": run.day(place.last),
                "offset": place.offset,
                "limit": LIMIT,
                **({"comment": "T"} if place.step == "commented" else {}),
            },
        )
        page = Page(found.items, found.quarantined)
        has_moved = bool(place.seen) and found.numbers.isdisjoint(place.seen)
        if has_moved and place.offset and place.backs < MOST_BACKS:
            # Rows were deleted and others moved up, past the pages before: they are read again,
            # until one has what was seen.
            back = max(0, place.offset - LIMIT)
            return page, replace(place, offset=back, backs=place.backs + 1, whole=False), False
        there, unreachable = self._after_list(place, found, run)
        if unreachable is not None:
            page = replace(page, quarantined=(*page.quarantined, unreachable))
        is_whole = place.whole and not has_moved and not page.quarantined
        place = replace(place, whole=is_whole)
        if there is not None:
            there = replace(there, whole=is_whole)
        if place.step == "commented":
            # Its articles were given by the pass before; here they only lead to their comments.
            self._commented = {int(_number_of(item.native_id)): item for item in found.items}
            numbers = tuple(self._commented)
            page = Page((), page.quarantined)
            return page, place.detour("comments", numbers, there) if numbers else there, is_whole
        if found.orphans:
            pairs = dict.fromkeys(number for pair in found.orphans for number in pair)
            return page, place.detour("parents", tuple(pairs), there), is_whole
        return page, there, is_whole

    def _after_list(
        self, place: _Place, found: Articles, run: _Run
    ) -> tuple[_Place | None, QuarantinedItem | None]:
        """Give the place after a list page, and what of the list can never be reached."""
        has_more = found.rows > 0 and (found.rows >= LIMIT or found.has_next)
        offset = place.offset + max(1, found.rows - 1)
        if has_more and offset <= MAX_OFFSET:
            return replace(place, offset=offset, seen=found.last_numbers), None
        fresh = replace(place, offset=0, seen=(), backs=0)
        if has_more and place.first < place.last:
            return replace(fresh, last=(place.first + place.last) // 2), None
        unreachable = None
        if has_more:
            day = f"cafe24 board {place.board}, {run.day(place.first)}"
            unreachable = _endless("articles on one day", day)
        if place.last < run.length:
            return replace(fresh, first=place.last + 1, last=run.length), unreachable
        fresh = replace(fresh, first=0, last=run.length)
        if place.step == "list" and self._has_comments:
            return replace(fresh, step="commented"), unreachable
        return self._next_board(fresh), unreachable

    def _next_board(self, fresh: _Place) -> _Place | None:
        if len(fresh.boards) > 1:
            return replace(fresh, boards=fresh.boards[1:], step="list")
        return replace(fresh, step="urgent") if self._has_urgent else None

    def _parents(self, place: _Place) -> Page:
        found = self._ask_articles(place, by_number(place.pending[:_MOST_NUMBERS]))
        return Page(found.items, found.quarantined)

    def _comments(self, place: _Place) -> tuple[Page, _Place | None]:
        number = place.pending[0]
        item = self._commented.get(number)
        if item is None or not item.native_id.startswith(f"article:{place.board}:"):
            found = self._ask_articles(place, by_number((number,))).items
            item = next((i for i in found if _number_of(i.native_id) == str(number)), None)
        if item is None:
            return Page(()), place.after_detour()
        try:
            body = self._api.ask_comments(place.board, number, place.offset)
        except GoneError:
            return Page(()), place.after_detour()
        items, quarantined = parse_comments(
            body, item, mall_id=self._api.mall_id, writer=self._writer, now=self._build.clock()
        )
        page = Page(items, quarantined)
        if len(rows_of(body, "comments")) < LIMIT:
            return page, place.after_detour()
        if place.offset + LIMIT <= MAX_OFFSET:
            return page, replace(place, offset=place.offset + LIMIT)
        endless = _endless("comments", f"cafe24 comments of {item.native_id}")
        return replace(page, quarantined=(*quarantined, endless)), place.after_detour()

    def _urgent(self, place: _Place, run: _Run) -> tuple[Page, _Place | None]:
        body = self._api.ask(
            "/urgentinquiry",
            {
                "start_date": run.day(0),
                "end_date": run.day(run.length),
                "offset": place.offset,
                "limit": LIMIT,
            },
        )
        items, quarantined = parse_urgent(body, now=self._build.clock())
        page = Page(items, quarantined)
        if len(rows_of(body, "urgentinquiry")) < LIMIT:
            return page, None
        if place.offset + LIMIT <= MAX_OFFSET:
            return page, replace(place, offset=place.offset + LIMIT)
        endless = _endless("urgent inquiries", f"cafe24 urgent inquiries, {run.day(0)}")
        return replace(page, quarantined=(*quarantined, endless)), None

    def _ask_articles(self, place: _Place, params: Mapping[str, object]) -> Articles:
        try:
            body = self._api.ask(f"/boards/{place.board}/articles", params)
        except GoneError:
            if self._boards:
                raise ConfigurationError(
                    f"{self._build.account.key}: the shop has no board {place.board}"
                ) from None
            raise _BoardGoneError(f"cafe24: board {place.board} is not found") from None
        return parse_articles(
            body,
            board=place.board,
            kind=place.kind,
            mall_id=self._api.mall_id,
            now=self._build.clock(),
        )


def _endless(what: str, source: str) -> QuarantinedItem:
    """Tell of a list that goes on behind the last offset there is, or that always gives one page."""
    return QuarantinedItem(
        reason=f"more than {MAX_OFFSET} {what}; the rest cannot be listed",
        # What is quarantined is told by its content: each list once.
        raw=source.encode(),
        source=source,
        remedy="쇼핑몰 관리자 화면에서 이 목록을 직접 확인해 주세요.",
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """The days of a run.

    Attributes:
        length: How many days after the first the last is.
    """

    start: date
    length: int

    def day(self, number: int) -> str:
        """Give the ``number``-th day, from 0."""
        return (self.start + timedelta(days=number)).isoformat()


def build(build: Build) -> Cafe24Collector:
    """Make the collector of one account."""
    return Cafe24Collector(build)


def by_number(numbers: tuple[int, ...]) -> dict[str, object]:
    """Give the question for some articles, whenever they were written."""
    return {"article_no": ",".join(map(str, numbers)), "limit": LIMIT}


def _chosen_boards(build: Build) -> dict[int, str]:
    """Read the ``boards`` option; empty when boards are to be discovered."""
    chosen = build.account.options.get("boards", {})
    is_sound = isinstance(chosen, Mapping) and all(
        str(number).isdecimal() and purpose in KINDS for number, purpose in chosen.items()
    )
    if not is_sound or not isinstance(chosen, Mapping):
        raise ConfigurationError(
            f"{build.account.key}: boards must look like "
            '{ "4" = "review", "6" = "inquiry", "5" = "post" }'
        )
    return {int(number): str(purpose) for number, purpose in chosen.items()}


class GoneError(PublicationRefusedError):
    """The article is not there (any more)."""


class _BoardGoneError(ChannelUnavailableError):
    """A board that the shop had when the run began is not found any more."""


def refused(answer: Answer) -> ReputationError | None:
    """Give what a refused question means, where Cafe24 means more than the status says."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return TokenRefusedError(f"cafe24: 401 {answer.error_code}", reason="expired")
    if answer.status == HTTPStatus.NOT_FOUND:
        return GoneError("cafe24: 404", code=PublicationRefusedError.GONE)
    return None


def _token_refused(answer: Answer) -> ReputationError | None:
    if answer.status >= 500 or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return None
    code = answer.error_code
    is_old = code == "invalid_grant" or "refresh" in answer.text[:2000].lower()
    return CredentialRejectedError(
        f"cafe24 token: {answer.status} {code}", reason="expired" if is_old else "secret"
    )
