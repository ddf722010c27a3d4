"""The recorded samples of every channel, and how its pure parser reads them.

Tests compare what is read with ``name.expected.json``; the benchmark reads the same samples. A
channel is brought in with one line in `PARSERS`.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from collectors import (
    CHANNELS,
    app_store,
    cafe24,
    coupang,
    elevenst,
    esm,
    google_business,
    google_play,
    kakao_search,
    naver_commerce,
    naver_search,
)
from collectors.board_definitions import parse_definition, ready_table
from collectors.board_pages import parse_page as parse_board
from collectors.board_pages import parse_post
from collectors.feed import parse_page as parse_feed
from collectors.mentions import Ownership
from collectors.relevance import Relevance
from collectors.storefront import parse_page
from collectors.values import decode_text
from domain.brands import Account
from domain.types import CollectedFeedback, FeedbackKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from collectors.app_store import ReviewList as AppStoreList
    from collectors.google_business import ReviewList as BusinessList
    from collectors.listing import Listing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parent / "fixtures"

COLUMNS = {
    "id": "번호",
    "written_at": "작성일",
    "rating": "별점",
    "author": "작성자",
    "product_name": "상품",
    "text": "내용",
}

Parsed = tuple[CollectedFeedback, ...]


def _storefront(path: Path) -> Parsed:
    url = "http://127.0.0.1:8000/saebyeok/board/list.html"
    page = parse_page(path.read_text(encoding="utf-8"), board="review", url=url, now=NOW)
    assert not page.quarantined
    return page.items


def _file(channel: str, path: Path) -> Parsed:
    account = Account("brand", "shop", channel, options={"columns": COLUMNS})
    pages = list(CHANNELS[channel].load().read_file(path, account, NOW))
    assert not any(page.quarantined for page in pages)
    return tuple(item for page in pages for item in page.items)


def _json(path: Path, parse: Callable[..., Listing], **words: object) -> Parsed:
    listing = parse(json.loads(path.read_text(encoding="utf-8")), now=NOW, **words)
    assert not listing.quarantined
    return listing.items


def _search(path: Path, module: ModuleType) -> Parsed:
    account = Account("brand", "search", "search", options={"keywords": ["새벽상회"]})
    page = module.parse_page(
        json.loads(path.read_text(encoding="utf-8")),
        service=path.stem,
        keyword="새벽상회",
        owner=Ownership(account),
        now=NOW,
    )
    assert not page.quarantined
    items: Parsed = page.items
    return items


def _feed(path: Path) -> Parsed:
    url = "https://www.ppomppu.co.kr/rss.php?id=freeboard"
    page = parse_feed(path.read_bytes(), url=url, relevance=Relevance(()), now=NOW)
    assert not page.quarantined
    return page.items


def _elevenst(path: Path) -> Parsed:
    is_urgent = path.name.startswith("urgent")
    parse = elevenst.parse_notices if is_urgent else elevenst.parse_questions
    listing = parse(decode_text(path.read_bytes(), "euc-kr"), now=NOW)
    assert not listing.quarantined
    return listing.items


def _esm(path: Path) -> Parsed:
    days = (date(2026, 11, 17), date(2026, 11, 21))
    surface = path.name.partition(".")[0]
    return _json(path, esm.parse_inquiries, surface=surface, fields=esm.FIELDS, days=days)


def _google_play(path: Path) -> Parsed:
    body = json.loads(path.read_text(encoding="utf-8"))
    listing, token = google_play.parse_page(body, package="com.example.app", now=NOW)
    assert token == "abc="
    assert not listing.quarantined
    return listing.items


def _app_store(path: Path) -> Parsed:
    body = json.loads(path.read_text(encoding="utf-8"))
    parse = app_store.parse_page if path.stem == "reviews" else app_store.parse_feed
    page: AppStoreList = parse(body, app_id="1234567890", now=NOW)
    assert not page.quarantined
    return page.items


def _google_business(path: Path) -> Parsed:
    body = json.loads(path.read_text(encoding="utf-8"))
    page: BusinessList = google_business.parse_page(body, now=NOW)
    assert not page.quarantined
    assert page.is_ordered
    return page.items


def _cafe24(path: Path) -> Parsed:
    number, _, purpose = path.stem.partition("-")
    articles = cafe24.parse_articles(
        json.loads(path.read_text(encoding="utf-8")),
        board=int(number),
        kind=cafe24.KINDS[purpose],
        mall_id="saebyeok",
        now=NOW,
    )
    assert not articles.quarantined
    return articles.items


def _board(path: Path) -> Parsed:
    name = path.name.partition(".")[0]
    page = parse_board(
        decode_text((path.parent / f"{name}.html").read_bytes()),
        definition=parse_definition(ready_table(name)),
        kind=FeedbackKind.POST,
        url="https://board.example/board/list?page=1",
        now=NOW,
    )
    assert not page.quarantined
    if path.stem == name:
        return page.items
    definition = parse_definition(ready_table(name))
    html = path.read_text(encoding="utf-8")
    return (parse_post(html, definition=definition, listed=page.items[0], now=NOW),)


PARSERS: dict[str, Callable[[Path], Parsed]] = {
    "storefront": _storefront,
    "cafe24": _cafe24,
    "coupang": lambda path: _json(path, coupang.parse_inquiries, surface=path.stem),
    "naver_commerce": lambda path: _json(path, naver_commerce.parse_questions, surface=path.stem),
    "elevenst": _elevenst,
    "esm": _esm,
    "google_play": _google_play,
    "app_store": _app_store,
    "google_business": _google_business,
    "naver_search": lambda path: _search(path, naver_search),
    "kakao_search": lambda path: _search(path, kakao_search),
    "feed": _feed,
    "board": _board,
    "seller_export": lambda path: _file("seller_export", path),
    "generic_file": lambda path: _file("generic_file", path),
}


FILES = sorted(
    path
    for channel in PARSERS
    for path in (FIXTURES / channel).iterdir()
    if path.suffix != ".md" and not path.name.endswith(".expected.json")
)
