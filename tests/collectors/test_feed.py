"""Feeds: any RSS or Atom, read once per change, never silently empty."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import Build, CheckReason
from collectors.feed import FeedCollector, parse_page
from collectors.relevance import Relevance
from domain.brands import Account
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    LayoutChangedError,
    ReputationError,
)
from tests.collectors.conftest import FIXTURES, NOW, MakeBuild, RawServer, answer
from tests.collectors.mangling import totality

if TYPE_CHECKING:
    from collectors.feed import FeedPage

pytestmark = pytest.mark.enable_socket

URL = "https://www.ppomppu.co.kr/rss.php?id=freeboard"
RSS = (FIXTURES / "feed" / "ppomppu.xml").read_bytes()
ATOM = (FIXTURES / "feed" / "blog_atom.xml").read_bytes()
SINCE = NOW - timedelta(days=1)


def _read(payload: bytes, *keywords: str) -> FeedPage:
    return parse_page(payload, url=URL, relevance=Relevance(keywords), now=NOW)


def _build(url: str, make_build: MakeBuild, **options: object) -> Build:
    account = Account("saebyeok", "ppomppu", "feed", options={"url": url} | options)
    return make_build(account)


# --- one feed ----------------------------------------------------------------------------------


def test_only_what_names_the_brand_is_kept() -> None:
    assert _read(RSS).entries == 2
    assert len(_read(RSS).items) == 2
    assert [item.title for item in _read(RSS, "새벽상회").items] == [
        "새벽상회 정기배송 해지가 안 되네요"
    ]


def test_texts_are_plain_and_counts_are_read() -> None:
    item = _read(RSS).items[0]
    assert item.text == "세 번이나 해지 신청을 했는데\n또 결제됐습니다."
    assert item.reach == 1204
    assert item.written_at == datetime(2026, 11, 21, 10, 2, 11, tzinfo=UTC)


def test_the_whole_text_is_taken_before_the_summary_and_links_become_whole() -> None:
    item = _read(ATOM).items[0]
    assert item.text == "새벽상회에서 산 콩자반은 3 < 5 인분입니다."
    assert item.title == "밑반찬 비교 <새벽상회>"
    assert item.url == "https://www.ppomppu.co.kr/posts/41"
    assert item.native_id == "tag:example.com,2026:41"


def _dated(*dates: str) -> bytes:
    entries = "".join(
        f"<item><title>글 {n}</title><guid>{n}</guid><pubDate>{date}</pubDate></item>"
        for n, date in enumerate(dates)
    )
    return f"<rss version='2.0'><channel><title>t</title>{entries}</channel></rss>".encode()


def _said(ahead: timedelta, zone: str) -> str:
    return f"{NOW + ahead:%a, %d %b %Y %H:%M:%S} {zone}"


@pytest.mark.parametrize("zone", ["GMT", "+0000", "UT", "-0000"])
def test_a_feed_that_calls_korean_time_gmt_is_read_in_korean_time(zone: str) -> None:
    hours = [timedelta(hours=hours) for hours in (8.5, 0.2, -30)]
    feed = _read(_dated(*(_said(ahead, zone) for ahead in hours)))
    assert not feed.quarantined
    nine = timedelta(hours=9)
    assert [item.written_at for item in feed.items] == [NOW + ahead - nine for ahead in hours]
    # What was concluded is no exact date.
    assert not any(item.written_at_is_exact for item in feed.items)


def test_dates_of_another_zone_in_such_a_feed_stay() -> None:
    feed = _read(_dated(_said(timedelta(hours=5), "GMT"), _said(timedelta(hours=-2), "+0900")))
    assert [item.written_at_is_exact for item in feed.items] == [False, True]
    assert feed.items[1].written_at == NOW - timedelta(hours=11)


@pytest.mark.parametrize(
    "ahead",
    [
        pytest.param(timedelta(minutes=30), id="a clock that is wrong"),
        pytest.param(timedelta(hours=10), id="tomorrow also in Korea"),
        pytest.param(timedelta(days=1000), id="pinned by its date"),
    ],
)
def test_what_lies_ahead_otherwise_moves_no_other_entry(ahead: timedelta) -> None:
    feed = _read(_dated(_said(ahead, "GMT"), _said(timedelta(hours=-2), "GMT")))
    assert [item.written_at for item in feed.items] == [NOW - timedelta(hours=2)]
    assert feed.items[0].written_at_is_exact
    assert len(feed.quarantined) == 1


def test_a_plain_text_is_not_read_as_html() -> None:
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>1</id>
    <title>제목</title><content type="text">만원 &lt;b 이하라 좋아요</content></entry></feed>"""
    (item,) = _read(atom.encode()).items
    assert item.text == "만원 <b 이하라 좋아요"


def test_an_undated_entry_is_left_to_first_sight() -> None:
    item = _read(RSS.replace(b"<pubDate>", b"<x>").replace(b"</pubDate>", b"</x>")).items[0]
    assert item.written_at is None
    assert not item.written_at_is_exact


def test_a_wrong_charset_is_read_by_its_bytes() -> None:
    korean = RSS.decode().encode("cp949")
    assert _read(korean).items[0].title == _read(RSS).items[0].title


def test_an_entry_that_cannot_be_read_is_kept_for_a_person() -> None:
    page = _read(RSS.replace(b"Sat, 21 Nov 2026 19:02:11 +0900", b"sometime"))
    assert len(page.items) == 1
    assert page.quarantined[0].field == "written_at"
    assert "해지".encode("unicode_escape") in page.quarantined[0].raw


@pytest.mark.parametrize(
    "broken", [RSS.replace(b"]]>", b""), RSS.replace(b"</description>\n<author>", b"<author>", 1)]
)
def test_entries_lost_in_a_broken_feed_are_counted_and_the_feed_is_kept(broken: bytes) -> None:
    page = _read(broken)
    assert len(page.items) == 1
    assert "1 of its entries were lost" in page.quarantined[0].reason
    assert page.quarantined[0].raw == broken


def test_a_broken_feed_with_all_its_entries_is_read_without_noise() -> None:
    page = _read(RSS.replace("추천 &amp; 후기".encode(), "추천 & 후기".encode()))
    assert len(page.items) == 2
    assert not page.quarantined


@pytest.mark.parametrize(
    ("post", "lost"),
    [
        ("<![CDATA[</rss>" + "<!---->" * 60 + "끝]]>", 0),
        ("<![CDATA[" + "</rss><!--" * 90_000 + "끝]]>", 0),
        ("<!--" * 500_000, 1),
        ("<![CDATA[" * 500_000, 1),
    ],
    ids=["comments", "ends", "open comments", "open sections"],
)
def test_a_post_of_beginnings_without_ends_does_not_hold_a_broken_feed_up(
    post: str, lost: int
) -> None:
    # What doubled with each comment, or grew with the square of the beginnings, would run into the
    # suite's time-out.
    entries = "".join(
        f"<item><title>글</title><guid>{guid}</guid><description>{text}</description></item>"
        for guid, text in enumerate([f"\x08{post}", "다음"])
    )
    page = _read(f'<rss version="2.0"><channel>{entries}</channel></rss>'.encode())
    reasons = [f"the feed is not well-formed, {lost} of its entries were lost"] if lost else []
    assert page.entries == 2 - lost
    assert [item.reason for item in page.quarantined if not item.field] == reasons


def test_comments_behind_a_broken_feed_do_not_cut_it_off() -> None:
    page = _read(RSS.replace(b"&amp;", b"&") + b"\n<!-- 0.2 s -->\n<!-- cached -->\n")
    assert len(page.items) == 2


@pytest.mark.parametrize("cut", [0.4, 0.6, 0.9])
def test_a_feed_that_is_cut_off_is_asked_for_again(cut: float) -> None:
    with pytest.raises(ChannelUnavailableError):
        _read(RSS[: int(len(RSS) * cut)])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<html><body>hello</body></html>",
        b"{}",
        b"<rss",
        b'<!DOCTYPE x [<!ENTITY a "b">]><rss version="2.0"><channel></channel></rss>',
        b'<rss version="2.0"><channel>' + b"<a>" * 30_000 + b"</channel></rss>",
    ],
)
def test_what_is_no_feed_is_a_named_error(payload: bytes) -> None:
    with pytest.raises((LayoutChangedError, ChannelUnavailableError)):
        _read(payload)


def test_an_empty_feed_is_empty() -> None:
    assert _read(b'<rss version="2.0"><channel><title>x</title></channel></rss>').entries == 0


def test_a_feed_without_one_readable_entry_is_a_change() -> None:
    with pytest.raises(LayoutChangedError, match="no entry"):
        _read(RSS.replace(b"link>", b"lonk>"))


FRAGMENTS = st.sampled_from(
    [
        b"<item>",
        b"</item>",
        b"]]>",
        b"<![CDATA[",
        b"&",
        b"&#0;",
        b"&#xD800;",
        b"<!--",
        b"<?xml?>",
        b"\xff",
        b"\x00",
        b"<a:b>",
        b'<link href="http://[::1">',
        b"<pubDate>9999-99-99</pubDate>",
        b'<content type="application/octet-stream" mode="base64">!!</content>',
        b"<dc:date>0001-01-01</dc:date>",
        b"<georss:point>x</georss:point>",
        b"<media:thumbnail/>",
        b'xmlns="x"',
        b"<guid>\xea</guid>",
    ]
)


@totality
@given(
    sample=st.sampled_from([RSS, ATOM]),
    cuts=st.lists(
        st.tuples(st.integers(0, 1600), st.integers(0, 60), FRAGMENTS), min_size=1, max_size=6
    ),
)
@pytest.mark.filterwarnings("ignore")
def test_any_feed_is_read_or_a_named_error(
    sample: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    body = sample
    for at, length, fragment in cuts:
        body = body[:at] + fragment + body[at + length :]
    try:
        page = _read(body)
    except ReputationError:
        return
    for item in page.items:
        assert item.native_id
        assert len(item.native_id) <= 200
        assert item.written_at is None or item.written_at <= NOW + timedelta(minutes=5)
        assert item.url == "" or item.url.startswith("http")


@totality
@given(body=st.binary(max_size=400))
def test_any_bytes_are_a_named_error_or_a_feed(body: bytes) -> None:
    try:
        _read(b'<rss version="2.0"><channel><item>' + body + b"</item></channel></rss>")
    except ReputationError:
        return


# --- asking ------------------------------------------------------------------------------------


def test_a_feed_is_read_once_per_change(server: RawServer, make_build: MakeBuild) -> None:
    first = answer(RSS, headers={"ETag": '"one"', "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"})
    server.answers = [first, answer(b"", 304), answer(RSS, headers={"ETag": '"two"'})]
    collector = FeedCollector(_build(server.url, make_build))
    page = collector.fetch(SINCE, NOW, None)
    assert len(page.items) == 2
    assert page.next_cursor is not None
    assert collector.fetch(SINCE, NOW, page.next_cursor) == dataclasses.replace(
        page, items=(), next_cursor=None
    )
    assert collector.fetch(SINCE, NOW, None).items == ()
    assert len(collector.fetch(SINCE, NOW, None).items) == 2
    assert [exchange.headers.get("if-none-match") for exchange in server.seen] == [
        None,
        '"one"',
        '"one"',
    ]
    assert server.seen[1].headers["if-modified-since"] == "Sat, 21 Nov 2026 10:00:00 GMT"


def test_a_crash_before_the_entries_were_stored_loses_none(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(RSS, headers={"ETag": '"one"'})]
    build = _build(server.url, make_build)
    FeedCollector(build).fetch(SINCE, NOW, None)
    # The page was never stored, its cursor never used: a new process asks for everything.
    assert len(FeedCollector(build).fetch(SINCE, NOW, None).items) == 2
    assert "if-none-match" not in server.seen[1].headers


def test_other_keywords_make_the_same_feed_a_new_question(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(RSS, headers={"ETag": '"one"'})]
    build = _build(server.url, make_build)
    collector = FeedCollector(build)
    collector.fetch(SINCE, NOW, collector.fetch(SINCE, NOW, None).next_cursor)
    options = {**build.account.options, "keywords": ["새벽상회"]}
    other = dataclasses.replace(build, account=dataclasses.replace(build.account, options=options))
    assert len(FeedCollector(other).fetch(SINCE, NOW, None).items) == 1
    assert "if-none-match" not in server.seen[-1].headers


@pytest.mark.parametrize("status", [200, 403, 429, 503])
def test_a_captcha_is_not_worked_around(
    status: int, server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(b'<html><div class="g-recaptcha"></div></html>', status)]
    with pytest.raises(AccessBlockedError):
        FeedCollector(_build(server.url, make_build)).fetch(SINCE, NOW, None)


def test_the_doctor_names_a_block(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [answer(b'<html><div class="g-recaptcha"></div></html>')]
    assert FeedCollector(_build(server.url, make_build)).check().reason is CheckReason.BLOCKED


@pytest.mark.parametrize("cursor", ["", "x", "[]", '{"etag": 1}', "[" * 100_000])
def test_a_strange_cursor_is_refused(cursor: str, make_build: MakeBuild) -> None:
    with pytest.raises(BadInputError):
        FeedCollector(_build("http://127.0.0.1:1", make_build)).fetch(SINCE, NOW, cursor)


@pytest.mark.parametrize("url", ["", "ftp://example.com/x", "https://", "feed.xml"])
def test_an_address_that_is_none_is_named(url: str, make_build: MakeBuild) -> None:
    with pytest.raises(ConfigurationError, match="url"):
        FeedCollector(_build(url, make_build))
