"""Storefront (자사몰 게시판): the boards of a shop in the style of a Cafe24 skin.

The demo's shop, and the pattern for HTML channels. One request gives one list page with the full
text in its rows, newest first; replies go through a small JSON interface with an API key.

Source: the demo storefront's contract in `demo/storefront.py` (Checked: 2026-11).

* The list moves while it is read. New articles push rows down, so a row may come twice, which the
  store forgives. Deletions pull rows up, past the page that was just read: when the total has
  shrunk, the page before is read again, and absence proves nothing in that run.
* A page without a total, without rows where the total promises some, or whose rows have lost a
  field, is `LayoutChangedError` with the page; a single bad row is quarantined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from selectolax.lexbor import LexborHTMLParser

from collectors.base import Build, ChannelSpec, CheckResult, check_by
from collectors.listing import MOST_BACKS
from collectors.values import clean_text, is_too_deep, parse_rating, parse_when
from domain.errors import BadInputError, ConfigurationError, LayoutChangedError
from domain.types import (
    ChannelReply,
    CollectedFeedback,
    FeedbackKind,
    Page,
    QuarantinedItem,
    ReplyRules,
)

if TYPE_CHECKING:
    from datetime import datetime

    from selectolax.lexbor import LexborNode

    from collectors.http import Answer

SPEC = ChannelSpec(
    channel="storefront",
    kinds=(FeedbackKind.REVIEW, FeedbackKind.INQUIRY, FeedbackKind.POST),
    page_size=100,
    overlap=timedelta(days=3),
    timeout_s=9.0,
    writable=True,
    reply_rules=ReplyRules(max_length=1000),
    credential_names=("api_key",),
    option_names=("base_url", "board", "writer"),
    source={"board": "review"},
)

BOARDS: Final = {
    "review": (4, FeedbackKind.REVIEW),
    "post": (5, FeedbackKind.POST),
    "inquiry": (6, FeedbackKind.INQUIRY),
}


@dataclass(frozen=True, slots=True)
class ListPage:
    """What one list page says.

    Attributes:
        total: Articles on the whole board, as the page counts them.
        has_next: Whether the page links to another.
        oldest_at: When the last row was written; None without rows.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    total: int
    has_next: bool
    oldest_at: datetime | None


def parse_page(payload: str, *, board: str, url: str, now: datetime) -> ListPage:
    """Read one list page. Pure.

    Args:
        payload: The HTML.
        board: Key of `BOARDS`.
        url: Where it came from; links are relative to it.
        now: When it was read.

    Raises:
        LayoutChangedError: Not the page this parser knows, or its rows have lost a field.
    """
    number, kind = BOARDS[board]
    if is_too_deep(payload):
        raise _changed("nested too deeply", payload)
    tree = LexborHTMLParser(payload)
    total = _total(tree, number, payload)
    items: list[CollectedFeedback] = []
    quarantined: list[QuarantinedItem] = []
    for position, row in enumerate(tree.css(ROW), start=1):
        try:
            items.append(_parse_feedback(row, kind, url, now))
        except BadInputError as error:
            quarantined.append(_quarantine(error, row, url, position))
    if quarantined and not items:
        raise _changed(f"no row can be read: {quarantined[0].reason}", payload)
    if not items and tree.css_first(EMPTY) is None:
        raise _changed(f"neither rows nor {EMPTY!r}", payload)
    has_next = tree.css_first(NEXT) is not None
    if has_next and not items:
        raise _changed("an empty page with a next page", payload)
    return ListPage(
        tuple(items),
        tuple(quarantined),
        total,
        has_next,
        items[-1].written_at if items else None,
    )


def _parse_feedback(
    row: LexborNode, kind: FeedbackKind, url: str, now: datetime
) -> CollectedFeedback:
    """Read one row; whatever is wrong with it is `BadInputError`."""
    written = parse_when(_required(row, DATE), now=now)
    edited_at = row.attributes.get("data-edited-at")
    product = row.css_first(PRODUCT)
    subject = row.css_first(SUBJECT)
    point = row.css_first(POINT)
    return CollectedFeedback(
        kind=kind,
        native_id=_article_no(row),
        text=clean_text(_required(row, CONTENT)),
        written_at=written.at,
        written_at_is_exact=written.exact,
        edited_at=parse_when(edited_at, now=now).at if edited_at else None,
        title=clean_text(subject.text()) if subject else "",
        rating=parse_rating(point.attributes.get("src")) if point else None,
        author=clean_text(_required(row, WRITER)),
        product_id=_product_no(product) if product else "",
        product_name=clean_text(product.text()) if product else "",
        order_id=_optional(row, ORDER).removeprefix("주문번호").strip(),
        url=_same_site(url, subject.attributes.get("href") if subject else None),
        replies=tuple(_parse_reply(reply, now) for reply in row.css(REPLY)),
    )


def _parse_reply(reply: LexborNode, now: datetime) -> ChannelReply:
    return ChannelReply(
        text=clean_text(_required(reply, REPLY_CONTENT)),
        replied_at=parse_when(_required(reply, REPLY_DATE), now=now).at,
        receipt=reply.attributes.get("data-reply-no") or "",
    )


# Every selector is proved by tests/collectors/fixtures/storefront/reviews.html.
BOARD: Final = "div.xans-board-listpackage"
TOTAL: Final = "div.xans-board-listpackage p.board-total strong.total-count"
ROW: Final = "div.xans-board-list > ul > li.xans-record-"
EMPTY: Final = "div.xans-board-list > p.empty"
NEXT: Final = "div.xans-board-paging a.next[href]"
DATE: Final = "span.date"
WRITER: Final = "span.writer"
CONTENT: Final = "div.mun-content"
PRODUCT: Final = "div.mun-product a"
SUBJECT: Final = "div.mun-name a"
POINT: Final = "div.mun-point img"
ORDER: Final = "div.mun-order"
REPLY: Final = "ul.mun-replies > li.reply"
REPLY_DATE: Final = "span.reply-date"
REPLY_CONTENT: Final = "div.reply-content"


def _changed(what: str, payload: str) -> LayoutChangedError:
    return LayoutChangedError(
        f"storefront list: {what}", payload=payload.encode("utf-8", "replace")
    )


def _total(tree: LexborHTMLParser, board_no: int, payload: str) -> int:
    """Check that this is the board asked for, and read how many articles it has."""
    board = tree.css_first(BOARD)
    if board is None:
        raise _changed(f"{BOARD!r} is missing", payload)
    if board.attributes.get("data-board-no") != str(board_no):
        raise _changed(f"this is not board {board_no}", payload)
    total = tree.css_first(TOTAL)
    text = total.text(strip=True) if total else ""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise _changed(f"{TOTAL!r} is missing", payload)
    return int(text)


def _required(row: LexborNode, selector: str) -> str:
    node = row.css_first(selector)
    if node is None:
        raise BadInputError(f"{selector!r} is missing", field=selector)
    return node.text()


def _optional(row: LexborNode, selector: str) -> str:
    node = row.css_first(selector)
    return clean_text(node.text()) if node else ""


def _article_no(row: LexborNode) -> str:
    number = row.attributes.get("data-article-no") or ""
    if not re.fullmatch(r"\d{1,18}", number, re.ASCII):
        raise BadInputError("article number is missing", field="data-article-no")
    return number


def _product_no(link: LexborNode) -> str:
    found = re.search(r"product_no=(\d+)", link.attributes.get("href") or "", re.ASCII)
    return found[1] if found else ""


def _same_site(page_url: str, href: str | None) -> str:
    """Make a link of the shop absolute; empty for one to another site or no link at all."""
    if not href or not href.startswith("/") or href.startswith("//"):
        return ""
    scheme, _, rest = page_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{href}"


def _quarantine(error: BadInputError, row: LexborNode, url: str, position: int) -> QuarantinedItem:
    return QuarantinedItem(
        reason=str(error),
        raw=(row.html or "").encode("utf-8", "replace"),
        source=url,
        row=position,
        field=error.field,
        remedy=error.remedy or "게시판의 이 글을 열어 화면이 깨졌는지 확인해 주세요.",
    )


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a run is: the page to read, and what the pages before said.

    Attributes:
        shrank: The total fell while the board was read.
        grew: It rose.
        spoiled: A row could not be read; it must not count as missing.
        backs: How often pages were read again because the total fell.
    """

    page: int = 1
    total: int = -1
    seen: int = 0
    shrank: bool = False
    grew: bool = False
    spoiled: bool = False
    backs: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> _Position:
        if cursor is None:
            return cls()
        found = re.fullmatch(
            r"(\d{1,6}):(\d{1,9}):(\d{1,9}):([01])([01])([01])(?::(\d{1,3}))?", cursor, re.ASCII
        )
        if found is None:
            raise BadInputError("unknown cursor", field="cursor")
        page, total, seen = (int(found[group]) for group in (1, 2, 3))
        shrank, grew, spoiled = (found[group] == "1" for group in (4, 5, 6))
        return cls(page, total, seen, shrank, grew, spoiled, int(found[7] or 0))

    def __str__(self) -> str:
        flags = f"{self.shrank:d}{self.grew:d}{self.spoiled:d}"
        return f"{self.page}:{self.total}:{self.seen}:{flags}:{self.backs}"

    def after(self, page: ListPage) -> _Position:
        """Give where to go on after ``page``, which was read here."""
        rows = len(page.items) + len(page.quarantined)
        gone = self.total - page.total if self.total >= 0 else 0
        # Going back as many pages as the deletions pulled rows across.
        step = 1 if gone <= 0 else -1 - (gone - 1) // max(1, rows)
        return _Position(
            page=max(1, self.page + step),
            total=page.total,
            seen=self.seen + rows,
            shrank=self.shrank or gone > 0,
            grew=self.grew or gone < 0,
            spoiled=self.spoiled or bool(page.quarantined),
            backs=self.backs + (gone > 0),
        )


class StorefrontCollector:
    """Reads one board of one shop.

    Args:
        build: ``base_url`` and ``board`` (review, inquiry, post) are options of the account.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._base_url = shop_address(build)
        self._board = build.account.option("board", "review")
        if self._board not in BOARDS:
            raise ConfigurationError(
                f"{build.account.key}: board must be one of {', '.join(BOARDS)}"
            )

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one list page, newest articles first; see `collectors.base.Collector.fetch`."""
        here = _Position.read(cursor)
        answer = self._ask(here.page)
        page = self._parsed(answer)
        there = here.after(page)
        if there.backs > MOST_BACKS:
            raise _changed(f"{there.backs} times a page counted fewer articles", answer.text)
        must_go_back = there.page <= here.page
        if page.has_next and here.page >= page.total and not must_go_back:
            # A shop that shows its last page for every later one has no end.
            raise _changed(
                f"page {here.page} of {page.total} articles has a next page", answer.text
            )
        is_last = not page.has_next or (page.oldest_at is not None and page.oldest_at < since)
        if must_go_back or not is_last:
            return Page(page.items, page.quarantined, next_cursor=str(there))
        stood_still = not there.shrank and not there.grew
        if stood_still and not page.has_next and there.seen != page.total:
            raise _changed(f"{there.seen} rows where the total is {page.total}", answer.text)
        is_whole = not there.shrank and not there.spoiled
        return Page(page.items, page.quarantined, covers=(since, until) if is_whole else None)

    def check(self) -> CheckResult:
        """Read the board and, when replies are published, prove the key."""
        return check_by(self._prove)

    def _prove(self) -> None:
        self._parsed(self._ask(1))
        if self._build.account.writable:
            # No article has number 0: a good key is told so, a bad one is refused first.
            self._build.client.read(
                f"{self._base_url}/api/articles/0/replies",
                headers={"X-Api-Key": self._build.account.credentials.get("api_key", "")},
                accepted=(HTTPStatus.NOT_FOUND,),
            )

    def _ask(self, page: int) -> Answer:
        return self._build.client.read(
            f"{self._base_url}/board/list.html",
            params={"board_no": BOARDS[self._board][0], "page": page},
            is_public_page=True,
        )

    def _parsed(self, answer: Answer) -> ListPage:
        return parse_page(answer.text, board=self._board, url=answer.url, now=self._build.clock())


def build(build: Build) -> StorefrontCollector:
    """Make the collector of one account."""
    return StorefrontCollector(build)


def shop_address(build: Build) -> str:
    """Give the shop's root, without a slash at the end.

    Raises:
        ConfigurationError: The account has none.
    """
    address = build.account.option("base_url").rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(f'{build.account.key}: base_url = "https://..." is missing')
    return address
