"""Boards: described by selectors, read with a guest's manners, never silently empty."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import board
from collectors.base import Build, CheckReason
from collectors.board import SPEC, BoardCollector
from collectors.board_definitions import parse_definition, ready_definitions, ready_table
from collectors.board_pages import parse_page, parse_post
from collectors.http import USER_AGENT, Answer
from collectors.values import decode_text
from domain.brands import Account
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ConfigurationError,
    LayoutChangedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import FeedbackKind
from tests.collectors.conftest import FIXTURES, NOW, MakeBuild, MakeClient, RawServer, answer
from tests.collectors.mangling import totality

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collectors.board_pages import ListPage
    from collectors.http import ChannelClient
    from domain.types import CollectedFeedback, QuarantinedItem

pytestmark = pytest.mark.enable_socket

FOLDER = FIXTURES / "board"
DC = (FOLDER / "dcinside.html").read_text(encoding="utf-8")
POST = (FOLDER / "dcinside.post.html").read_bytes()
URL = "https://board.example/board/list?page=1"
SINCE = NOW - timedelta(days=1)
OPEN = answer(b"", 404)
"""A site without a robots.txt."""

OWN: dict[str, object] = {
    "list_url": "http://board.example/list?page={page}",
    "row": "li.post",
    "skip": [".notice"],
    "empty": "p.none",
    "fields": {
        "id": "@data-no",
        "title": "a",
        "link": "a@href",
        "written_at": "span.date",
    },
    "detail_fields": {"text": "div.body", "written_at": "span.at"},
}


ONE_ID = re.sub(r'data-no="\d+"', 'data-no="5"', DC * 2)


def _parse(html: str, table: dict[str, object] | None = None, *, frame: str = "") -> ListPage:
    return parse_page(
        html,
        definition=parse_definition(ready_table("dcinside") if table is None else table),
        kind=FeedbackKind.POST,
        url=URL,
        now=NOW,
        frame=frame,
    )


def _list(numbers: Iterable[int], date: str = "20:00") -> bytes:
    rows = "".join(
        f'<li class="post" data-no="{n}"><a href="/view/{n}">글 {n}</a>'
        f'<span class="date">{date}</span></li>'
        for n in numbers
    )
    return answer(f"<ul>{rows}</ul>".encode())


def _body(text: str, at: str = "2026-11-21 20:00:30") -> bytes:
    return answer(f'<span class="at">{at}</span><div class="body"><p>{text}</p></div>'.encode())


def _account(url: str, **options: object) -> Account:
    own = {**OWN, "list_url": f"{url}/list?page={{page}}", "enabled": True}
    return Account("saebyeok", "board", "board", options={**own, **options})


def _build(server: RawServer, make_build: MakeBuild, **options: object) -> Build:
    return make_build(_account(server.url, **options))


def _asked(server: RawServer) -> list[str]:
    return [exchange.line.split(" ")[1] for exchange in server.seen]


def _run(
    build: Build, since: datetime = SINCE
) -> tuple[list[CollectedFeedback], list[QuarantinedItem]]:
    """Read to the end, each fetch in a process of its own."""
    items: list[CollectedFeedback] = []
    quarantined: list[QuarantinedItem] = []
    cursor = None
    for _ in range(60):
        page = BoardCollector(build).fetch(since, NOW, cursor)
        assert page.covers is None
        items += page.items
        quarantined += page.quarantined
        cursor = page.next_cursor
        if cursor is None:
            return items, quarantined
    raise AssertionError("the run does not end")


# --- one list page -----------------------------------------------------------------------------


def test_notices_and_advertisements_are_no_posts() -> None:
    assert [item.native_id for item in _parse(DC).items] == ["777", "776"]


def test_a_post_that_a_page_shows_twice_is_one() -> None:
    row = '<li class="post" data-no="{0}"><a href="/view/{0}">{1}</a><b class="date">20:00</b></li>'
    rows = [(7, "국이 샜…"), (9, "둘"), (7, "국이 샜어요"), (8, "셋")]
    html = "".join(row.format(*pair) for pair in rows)
    table = {**OWN, "fields": {**cast("dict[str, str]", OWN["fields"]), "written_at": "b.date"}}
    page = _parse(html, table)
    assert [(item.native_id, item.title) for item in page.items] == [
        ("7", "국이 샜…"),
        ("9", "둘"),
        ("8", "셋"),
    ]


def test_korean_without_a_word_about_its_charset_is_read() -> None:
    html = decode_text((FOLDER / "ppomppu.html").read_bytes())
    page = _parse(html, ready_table("ppomppu"))
    # Letters that EUC-KR does not have and CP949 does.
    assert page.items[0].title == "새벽상회 정기배송 똠방각하 펲시"


@pytest.mark.parametrize(
    ("html", "what"),
    [
        ("", "no rows"),
        ("<html><body>서비스 점검 중입니다.</body></html>", "no rows"),
        (DC.replace("us-post", "us_post"), "no rows"),
        (DC.replace("icon_txt", "icon_notice").replace("icon_pic", "icon_notice"), "only notices"),
        (DC.replace("gall_date", "gall-date"), "no post can be read.*written_at"),
        (DC.replace("gall_tit", "gall-tit"), "no post can be read.*title"),
        (DC.replace('data-no="77', 'data-no="x77'), "no post can be read.*id"),
        (DC.replace("<a href=", "<a hrev="), "no post can be read.*title"),
        (DC.replace("gall_writer", "writer"), "no post has an author"),
        (ONE_ID, "all posts have one id"),
        ("<a>" * 30_000, "nested too deeply"),
    ],
)
def test_a_list_that_lost_its_shape_is_a_change_with_the_page(html: str, what: str) -> None:
    with pytest.raises(LayoutChangedError, match=what) as caught:
        _parse(html)
    assert caught.value.payload == html.encode()


def test_an_empty_board_proves_that_it_is_empty() -> None:
    assert _parse('<p class="none">글이 없습니다</p>', OWN).items == ()
    counted = {**OWN, "empty": "", "total": "b.count"}
    assert _parse('<b class="count">0</b>', counted).items == ()
    with pytest.raises(LayoutChangedError, match="no rows"):
        _parse('<b class="count">1,204</b>', counted)
    with pytest.raises(LayoutChangedError, match="total is missing"):
        _parse("<p>hello</p>", counted)


def test_a_later_page_may_be_empty_where_the_posts_stood() -> None:
    first = _parse(DC)
    emptied = re.sub(r"<tr class=\"ub-content.*</tr>", "", DC, flags=re.DOTALL)
    assert _parse(emptied, frame=first.frame).items == ()
    assert _parse('<p class="none">글이 없습니다</p>', OWN, frame=first.frame).items == ()


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<html><body><ul><li>서비스 점검 중입니다.</li></ul></body></html>",
        "<table class='notice'><tbody><tr><td>비정상적인 접근입니다.</td></tr></tbody></table>",
        DC.replace("us-post", "us_post").replace("gall_list", "post_list"),
    ],
)
def test_a_later_page_that_is_not_the_list_is_a_change_and_not_its_end(html: str) -> None:
    with pytest.raises(LayoutChangedError, match="no rows") as caught:
        _parse(html, frame=_parse(DC).frame)
    assert caught.value.payload == html.encode()


def test_a_row_that_cannot_be_read_is_kept_and_the_others_are_read() -> None:
    page = _parse(DC.replace('title="2026-11-21 20:16:36">20:16', 'title="언젠가">언젠가'))
    assert [item.native_id for item in page.items] == ["776"]
    assert page.quarantined[0].field == "written_at"
    assert "언젠가".encode() in page.quarantined[0].raw
    assert page.quarantined[0].remedy


@pytest.mark.parametrize(
    "href", ["https://evil.example/1", "//evil.example/1", "javascript:alert(1)", "http://[::1"]
)
def test_a_link_to_another_site_is_not_followed(href: str) -> None:
    html = (
        f'<li class="post" data-no="1"><a href="{href}">글</a><span class="date">20:00</span></li>'
    )
    with pytest.raises(LayoutChangedError, match="another site"):
        _parse(html, OWN)


@totality
@given(
    name=st.sampled_from(ready_definitions()),
    cuts=st.lists(
        st.tuples(
            st.integers(0, 2500),
            st.integers(0, 80),
            st.sampled_from(
                [
                    "",
                    "<tr>",
                    "</td>",
                    "<td class='time'>99:99</td>",
                    "\x00",
                    "\ud800",
                    'title="0001-01-01"',
                    'href="http://[::1"',
                    "<script>",
                    "<!--",
                    "&#xD800;",
                    "<li class='xans-record-'>",
                ]
            ),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_any_list_is_read_or_a_named_error(name: str, cuts: list[tuple[int, int, str]]) -> None:
    html = decode_text((FOLDER / f"{name}.html").read_bytes())
    for at, length, fragment in cuts:
        html = html[:at] + fragment + html[at + length :]
    try:
        page = _parse(html.encode("utf-8", "replace").decode(), ready_table(name))
    except ReputationError:
        return
    assert page.items or not page.quarantined
    for item in page.items:
        assert item.title
        assert item.native_id
        assert item.written_at is None or item.written_at <= NOW + timedelta(minutes=5)


@totality
@given(html=st.text(max_size=300))
def test_any_post_is_read_or_a_named_error(html: str) -> None:
    listed = _parse(DC).items[0]
    definition = parse_definition(ready_table("dcinside"))
    try:
        post = parse_post(
            f"<div class=write_div>{html}", definition=definition, listed=listed, now=NOW
        )
    except ReputationError:
        return
    assert post.text


def test_a_post_gives_its_text_and_a_better_date() -> None:
    listed = _parse(_list([1]).partition(b"\r\n\r\n")[2].decode(), OWN).items[0]
    assert not listed.written_at_is_exact
    html = _body("국이 샜어요").partition(b"\r\n\r\n")[2].decode()
    post = parse_post(html, definition=parse_definition(OWN), listed=listed, now=NOW)
    assert post.text == "국이 샜어요"
    assert post.written_at == datetime(2026, 11, 21, 11, 0, 30, tzinfo=UTC)
    assert post.written_at_is_exact


# --- manners -----------------------------------------------------------------------------------


def test_a_board_is_off_until_it_is_switched_on(make_build: MakeBuild) -> None:
    account = _account("http://127.0.0.1:1", enabled=False)
    with pytest.raises(ConfigurationError, match="enabled = true"):
        BoardCollector(make_build(account))


def test_the_rules_are_asked_for_first_and_the_list_with_the_next_fetch(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([1]), _list([1])]
    build = _build(server, make_build, max_pages=1)
    first = BoardCollector(build).fetch(SINCE, NOW, None)
    assert (first.items, len(server.seen)) == ((), 1)
    second = BoardCollector(build).fetch(SINCE, NOW, first.next_cursor)
    assert [item.title for item in second.items] == ["글 1"]
    assert second.next_cursor is None
    assert _asked(server) == ["/robots.txt", "/list?page=1"]
    assert {exchange.headers["user-agent"] for exchange in server.seen} == {USER_AGENT}
    # The rules hold for a day: the next run has only the list to ask for.
    _run(build)
    assert _asked(server)[2:] == ["/list?page=1"]


def test_what_the_rules_forbid_is_not_asked_for(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [answer(b"User-agent: *\nDisallow: /list"), _list([1])]
    build = _build(server, make_build)
    with pytest.raises(AccessBlockedError, match=r"robots\.txt"):
        _run(build)
    assert _asked(server) == ["/robots.txt"]
    line = BoardCollector(build).check()
    assert line.reason is CheckReason.BLOCKED
    assert _asked(server) == ["/robots.txt"]


def test_a_post_that_the_rules_forbid_is_not_asked_for(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(b"User-agent: *\nDisallow: /view"), _list([2, 1])]
    with pytest.raises(AccessBlockedError, match=r"robots\.txt"):
        _run(_build(server, make_build, detail=True))
    assert _asked(server) == ["/robots.txt", "/list?page=1"]


@pytest.mark.parametrize(
    "refusal",
    [
        answer(b"", 403),
        answer(b"", 401),
        answer(b'<div class="g-recaptcha"></div>', 503),
        answer(b'<html><div class="h-captcha hcaptcha"></div></html>'),
    ],
)
def test_a_refusal_or_a_captcha_ends_it_and_says_so(
    refusal: bytes, server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, refusal]
    with pytest.raises(AccessBlockedError):
        _run(_build(server, make_build))


@pytest.mark.parametrize(
    ("rules", "refusals"),
    [
        (OPEN, [answer(b"", 403)]),
        (OPEN, [answer(b"", 401)]),
        (answer(b"User-agent: *\nDisallow: /view/2"), []),
    ],
)
def test_a_single_post_for_members_is_kept_with_its_title_and_does_not_stop_the_board(
    rules: bytes, refusals: list[bytes], server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [rules, _list([3, 2, 1]), _body("셋"), *refusals, _body("하나")]
    items, quarantined = _run(_build(server, make_build, detail=True, max_pages=1))
    assert [(item.native_id, item.text) for item in items] == [
        ("3", "셋"),
        ("2", ""),
        ("1", "하나"),
    ]
    assert ["/view/2" in row.reason for row in quarantined] == [True]


@pytest.mark.parametrize(
    "refusals",
    [
        [answer(b"", 403), answer(b"", 403)],
        [answer(b"<p>19</p>"), answer(b"", 403)],
        [answer(b'<div class="g-recaptcha"></div>', 403)],
    ],
)
def test_two_refused_posts_in_a_row_or_a_captcha_end_it(
    refusals: list[bytes], server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([3, 2, 1]), *refusals, _body("하나")]
    with pytest.raises(AccessBlockedError):
        _run(_build(server, make_build, detail=True, max_pages=1))
    assert len(server.seen) == 2 + len(refusals)


class _Elsewhere:
    """A client whose every question was redirected to another site."""

    def read(self, url: str, **_: object) -> Answer:
        del url
        return Answer(200, httpx.Headers(), DC.encode(), "https://other.example/list")


def test_a_post_without_a_link_cannot_be_read() -> None:
    html = '<li class="post" data-no="1"><a>글</a><span class="date">20:00</span></li>'
    with pytest.raises(LayoutChangedError, match="no link"):
        _parse(html, OWN)


def test_another_sites_page_is_not_taken(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [OPEN]
    build = _build(server, make_build)
    page = BoardCollector(build).fetch(SINCE, NOW, None)
    moved = dataclasses.replace(build, client=cast("ChannelClient", _Elsewhere()))
    with pytest.raises(LayoutChangedError, match=r"sends us to other\.example"):
        BoardCollector(moved).fetch(SINCE, NOW, page.next_cursor)


def test_requests_are_ten_seconds_apart(
    server: RawServer, make_build: MakeBuild, make_client: MakeClient
) -> None:
    assert SPEC.min_interval_s >= 10
    server.answers = [OPEN, _list([1])]
    build = _build(server, make_build)
    slow = dataclasses.replace(build, client=make_client(account=build.account, spec=SPEC))
    page = BoardCollector(slow).fetch(SINCE, NOW, None)
    with pytest.raises(RateLimitedError) as caught:
        BoardCollector(slow).fetch(SINCE, NOW, page.next_cursor)
    assert 9 < (caught.value.retry_after_s or 0) <= 10
    assert len(server.seen) == 1


# --- a run -------------------------------------------------------------------------------------


def test_lists_are_read_until_the_watermark_or_the_last_allowed_page(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([9, 8]), _list([7, 6]), _list([5, 4])]
    items, _ = _run(_build(server, make_build))
    assert [item.native_id for item in items] == ["9", "8", "7", "6"]
    server.seen.clear()
    server.answers = [_list([9, 8], "11.10"), _list([7, 6])]
    build = _build(server, make_build, max_pages=5)
    build.tokens.save(f"robots:{server.url}", {"text": "", "read_at": NOW.isoformat()})
    assert len(_run(build)[0]) == 2
    assert len(server.seen) == 1


def test_a_block_page_in_the_middle_is_an_alarm_and_an_empty_list_the_end(
    server: RawServer, make_build: MakeBuild
) -> None:
    blocked = answer("<div class='wait'><p>서비스 점검 중입니다.</p></div>".encode())
    server.answers = [OPEN, _list([9, 8]), blocked]
    with pytest.raises(LayoutChangedError, match="no rows"):
        _run(_build(server, make_build))
    server.answers = [OPEN, _list([9, 8]), _body("아홉"), _body("여덟"), blocked]
    with pytest.raises(LayoutChangedError, match="no rows"):
        _run(_build(server, make_build, detail=True))
    server.answers = [OPEN, _list([9, 8]), _list([])]
    items, _ = _run(_build(server, make_build))
    assert [item.native_id for item in items] == ["9", "8"]


def test_only_titles_that_name_the_brand_are_kept(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [OPEN, answer(DC.encode())]
    build = make_build(
        Account(
            "saebyeok",
            "board",
            "board",
            options={
                "enabled": True,
                "definition": "dcinside",
                "list_url": f"{server.url}/lists/?id={{board}}&page={{page}}",
                "board": "f&d",
                "keywords": ["새벽상회"],
                "max_pages": 1,
                "kind": "inquiry",
            },
        )
    )
    items, _ = _run(build)
    assert [(item.native_id, item.kind) for item in items] == [("777", FeedbackKind.INQUIRY)]
    assert _asked(server)[1] == "/lists/?id=f%26d&page=1"


def test_with_detail_each_post_is_read_once(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [OPEN, _list([2, 1]), _body("국이 샜어요"), _body("새벽상회 최고")]
    build = _build(server, make_build, detail=True, max_pages=1, keywords=["새벽상회"])
    items, _ = _run(build)
    assert [(item.native_id, item.text) for item in items] == [("1", "새벽상회 최고")]
    assert _asked(server) == ["/robots.txt", "/list?page=1", "/view/2", "/view/1"]
    server.seen.clear()
    server.answers = [_list([3, 2, 1]), _body("새벽상회에서 또")]
    items, _ = _run(build)
    assert [item.native_id for item in items] == ["3"]
    assert _asked(server) == ["/list?page=1", "/view/3"]
    # Names and texts of people are not kept longer than needed.
    assert set(build.tokens.load(build.account.key)) == {"read", "since"}


def test_a_crash_between_two_posts_reads_the_second_again(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([2, 1]), _body("둘"), _list([2, 1]), _body("둘"), _body("하나")]
    build = _build(server, make_build, detail=True, max_pages=1)
    cursor = None
    for _ in range(3):
        cursor = BoardCollector(build).fetch(SINCE, NOW, cursor).next_cursor
    # The page with post 2 was fetched, and lost before it was stored.
    items, _ = _run(build)
    assert [item.native_id for item in items] == ["2", "1"]


def test_other_posts_under_an_old_cursor_mean_reading_the_list_again(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([2, 1]), _list([3])]
    build = _build(server, make_build, detail=True, max_pages=1)
    first = BoardCollector(build).fetch(SINCE, NOW, None)
    second = BoardCollector(build).fetch(SINCE, NOW, first.next_cursor)
    build.tokens.save(build.account.key, {"posts": "[]"})
    BoardCollector(build).fetch(SINCE, NOW, second.next_cursor)
    assert _asked(server)[-1] == "/list?page=1"


def test_somebodys_posts_that_wait_are_dropped_and_asked_for_by_no_later_run(
    server: RawServer, make_build: MakeBuild
) -> None:
    build = _build(server, make_build, detail=True, max_pages=1)
    server.answers = [OPEN, _list([3]), GONE_WRONG]
    _run(build)
    server.answers = [_list([6, 5, 4]), _body("여섯")]
    cursor = BoardCollector(build).fetch(SINCE, NOW, None).next_cursor
    cursor = BoardCollector(build).fetch(SINCE, NOW, cursor).next_cursor
    token = build.tokens.load(build.account.key)
    left = board.without_posts(token, lambda post: post["native_id"] in {"3", "5"})
    build.tokens.save(build.account.key, left)
    server.seen.clear()
    server.answers = [_list([6, 5, 4]), _body("여섯"), _body("넷")]
    while cursor:
        cursor = BoardCollector(build).fetch(SINCE, NOW, cursor).next_cursor
    assert _asked(server) == ["/list?page=1", "/view/6", "/view/4"]
    server.answers = [_list([6, 5, 4, 3])]
    assert _run(build) == ([], [])
    assert board.without_posts({"access_token": "x"}, lambda _: True) == {"access_token": "x"}


def test_old_posts_are_not_read(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [OPEN, _list([2, 1], "11.10")]
    build = _build(server, make_build, detail=True)
    assert _run(build) == ([], [])
    assert len(server.seen) == 2
    assert _run(build) == ([], [])
    assert len(server.seen) == 3


def test_an_old_post_that_comes_up_on_the_list_later_is_read(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([2, 1], "11.10"), _body("둘"), _body("하나")]
    build = _build(server, make_build, detail=True, max_pages=1)
    _run(build, NOW - timedelta(days=30))
    # A list of popular posts shows a post long after it was written.
    server.answers = [_list([7, 2, 1], "11.10"), _body("이제야 인기글")]
    assert [item.text for item in _run(build)[0]] == ["이제야 인기글"]


def test_old_posts_that_come_up_are_looked_for_until_a_page_has_some_that_were_read(
    server: RawServer, make_build: MakeBuild
) -> None:
    build = _build(server, make_build, detail=True, max_pages=3)
    server.answers = [OPEN, _list([2, 1], "11.10"), _body("둘"), _body("하나"), _list([])]
    _run(build, NOW - timedelta(days=30))
    server.seen.clear()
    # Since the last run more posts became popular than a page shows.
    pages = [_list([6, 5], "11.10"), _body("육"), _body("오"), _list([4, 2], "11.10"), _body("사")]
    server.answers = [*pages, _list([1, 0], "11.10")]
    assert [item.text for item in _run(build)[0]] == ["육", "오", "사"]
    lists = [path for path in _asked(server) if path.startswith("/list")]
    assert lists == ["/list?page=1", "/list?page=2"]


def test_a_deleted_post_is_kept_with_its_title(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [OPEN, _list([1]), answer(b"", 404)]
    items, quarantined = _run(_build(server, make_build, detail=True, max_pages=1))
    assert [(item.title, item.text) for item in items] == [("글 1", "")]
    assert not quarantined


def test_one_strange_post_is_kept_with_its_title_and_does_not_hold_up_the_others(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([3, 2, 1]), _body("셋"), answer(b"<p>19</p>"), _body("하나")]
    items, quarantined = _run(_build(server, make_build, detail=True, max_pages=1))
    assert [(item.native_id, item.text) for item in items] == [
        ("3", "셋"),
        ("2", ""),
        ("1", "하나"),
    ]
    assert len(quarantined) == 1


def test_three_strange_posts_in_a_row_are_a_change(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([3, 2, 1]), answer(b"<p>new layout</p>")]
    with pytest.raises(LayoutChangedError, match="3 posts in a row") as caught:
        _run(_build(server, make_build, detail=True, max_pages=1))
    assert b"new layout" in caught.value.payload


SECRET_POST = answer(
    """<script>var bSecret = true;</script><h2>비밀글 보기</h2>
    <p>이 글은 비밀글입니다. <strong>비밀번호를 입력하여 주세요.</strong></p>
    <form><input type="PASSWORD" name="password"><a href="#">확인</a></form>""".encode()
)
"""Synthetic: what shops show whoever opens a secret post."""


def test_secret_posts_are_kept_with_their_titles_and_told_of_without_an_alarm(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list(range(5, 0, -1)), *[SECRET_POST] * 4, _body("하나")]
    build = _build(server, make_build, detail=True, max_pages=1)
    items, quarantined = _run(build)
    assert [(item.title, item.text) for item in items] == [
        *((f"글 {n}", "") for n in range(5, 1, -1)),
        ("글 1", "하나"),
    ]
    assert {row.reason.partition(" ->")[0] for row in quarantined} == {
        "a secret post: only its title can be read"
    }
    assert [row.source for row in quarantined] == [f"{server.url}/view/{n}" for n in (5, 4, 3, 2)]
    # Each is asked for once.
    server.seen.clear()
    server.answers = [_list(range(5, 0, -1))]
    assert _run(build) == ([], [])
    assert _asked(server) == ["/list?page=1"]


def test_secret_posts_between_strange_ones_do_not_hide_a_change(
    server: RawServer, make_build: MakeBuild
) -> None:
    strange = answer("<p>새 화면</p><form>비밀글 <input type=password></form>".encode())
    server.answers = [OPEN, _list(range(5, 0, -1)), strange, SECRET_POST, strange, SECRET_POST]
    server.answers.append(strange)
    with pytest.raises(LayoutChangedError, match="3 posts in a row"):
        _run(_build(server, make_build, detail=True, max_pages=1))


def _alert(words: str, body: str = "") -> bytes:
    return answer(
        f"""<!doctype html><html><head><title>오류안내 페이지</title></head><body>
        <script>alert({words}); document.location.replace("/bbs/login.php");</script>
        <noscript><p>다음 항목에 오류가 있습니다.</p></noscript>{body}</body></html>""".encode()
    )


MEMBERS_ONLY = (
    '"로그인 후 이용하세요."',
    "'글을 읽을 권한이 없습니다.\\n\\n회원이시라면 로그인 후 이용해 보십시오.'",
    '"\\uB85C\\uadf8\\uc778 \\ud574 \\uc8fc\\uc138\\uc694"',
    "`정회원부터 볼 수 있습니다`",
)
"""Synthetic: the first two are the words of 그누보드, a common board's program."""


@pytest.mark.parametrize("words", MEMBERS_ONLY)
def test_posts_for_members_are_kept_with_their_titles_and_told_of_without_an_alarm(
    server: RawServer, make_build: MakeBuild, words: str
) -> None:
    server.answers = [OPEN, _list(range(5, 0, -1)), *[_alert(words)] * 4, _body("하나")]
    items, quarantined = _run(_build(server, make_build, detail=True, max_pages=1))
    assert [item.text for item in items] == ["", "", "", "", "하나"]
    assert {row.reason.partition(" ->")[0] for row in quarantined} == {
        "a post for members: only its title can be read without signing in"
    }
    assert len(quarantined) == 4
    assert "로그인" in quarantined[0].remedy


def test_a_list_for_members_is_a_wall_and_no_change(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _alert(MEMBERS_ONLY[0])]
    with pytest.raises(AccessBlockedError, match="for members"):
        _run(_build(server, make_build))


@pytest.mark.parametrize(
    "page",
    [
        _alert('"로그인 후 추천하세요."', "<p>새 화면의 본문</p>"),
        _alert('"서비스 점검 중입니다."'),
        answer(b"<script>function vote() { confirm('?') }</script>"),
        answer(b""),
    ],
)
def test_what_does_not_speak_of_members_on_a_bare_page_hides_no_change(
    server: RawServer, make_build: MakeBuild, page: bytes
) -> None:
    server.answers = [OPEN, _list([3, 2, 1]), page]
    with pytest.raises(LayoutChangedError, match="3 posts in a row"):
        _run(_build(server, make_build, detail=True, max_pages=1))


GONE_WRONG = answer(b"", 500)


def test_a_post_that_does_not_answer_holds_up_nothing_and_is_read_by_the_next_run(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([3, 2, 1]), GONE_WRONG, _body("둘"), _body("하나")]
    build = _build(server, make_build, detail=True, max_pages=1)
    items, quarantined = _run(build)
    assert [item.native_id for item in items] == ["2", "1"]
    assert not quarantined
    # It is too old for the next run's window, and no longer on the list.
    server.answers = [_list([4], "5분 전"), _body("넷"), _body("셋")]
    items, _ = _run(build, NOW - timedelta(minutes=30))
    assert [(item.native_id, item.text) for item in items] == [("4", "넷"), ("3", "셋")]
    assert set(build.tokens.load(build.account.key)) == {"read", "since"}


def test_a_post_that_never_answers_is_kept_with_its_title_and_told(
    server: RawServer, make_build: MakeBuild
) -> None:
    build = _build(server, make_build, detail=True, max_pages=1)
    server.answers = [OPEN, _list([1]), GONE_WRONG]
    for _ in range(board.POST_TRIES - 1):
        assert _run(build) == ([], [])
        server.answers = [_list([1]), GONE_WRONG]
    items, (told,) = _run(build)
    assert [(item.title, item.text) for item in items] == [("글 1", "")]
    assert "500" in told.reason
    assert (told.source, bool(told.remedy)) == (f"{server.url}/view/1", True)
    server.answers = [_list([1])]
    assert _run(build) == ([], [])


def test_three_posts_in_a_row_that_do_not_answer_end_the_reading_of_posts_for_this_time(
    server: RawServer, make_build: MakeBuild
) -> None:
    lists = [_list([9, 8, 7, 6, 5]), GONE_WRONG, GONE_WRONG, GONE_WRONG, _list([4]), _body("넷")]
    server.answers = [OPEN, *lists]
    build = _build(server, make_build, detail=True, max_pages=2)
    assert [item.native_id for item in _run(build)[0]] == ["4"]
    server.seen.clear()
    # Those that were not asked for come before those that did not answer.
    server.answers = [_list([10]), *map(_body, "십육오"), *[GONE_WRONG] * 3, _list([])]
    assert [item.native_id for item in _run(build)[0]] == ["10", "6", "5"]
    assert _asked(server)[4:7] == ["/view/9", "/view/8", "/view/7"]
    server.answers = [_list([10]), *map(_body, "구팔칠"), _list([])]
    assert [item.native_id for item in _run(build)[0]] == ["9", "8", "7"]
    assert set(build.tokens.load(build.account.key)) == {"read", "since"}


def test_posts_that_never_answer_are_all_told_of_in_the_end(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([5, 4, 3, 2, 1]), GONE_WRONG]
    build = _build(server, make_build, detail=True, max_pages=1)
    told = _run(build)[1]
    for _ in range(2 * board.POST_TRIES):
        server.answers = [_list([5, 4, 3, 2, 1]), GONE_WRONG]
        told += _run(build)[1]
    assert len({item.source for item in told}) == len(told) == 5


def test_a_crash_after_a_post_that_answered_at_last_reads_it_again(
    server: RawServer, make_build: MakeBuild
) -> None:
    build = _build(server, make_build, detail=True, max_pages=1)
    server.answers = [OPEN, _list([1]), GONE_WRONG]
    _run(build)
    server.answers = [_list([1]), _body("하나"), _list([1]), _body("하나")]
    cursor = BoardCollector(build).fetch(SINCE, NOW, None).next_cursor
    # It was fetched, and lost before it was stored.
    BoardCollector(build).fetch(SINCE, NOW, cursor)
    assert [item.text for item in _run(build)[0]] == ["하나"]


def test_posts_of_pictures_alone_are_no_change(server: RawServer, make_build: MakeBuild) -> None:
    pictures = ("<img src='a.jpg'>", "<p><video></video></p>", "<iframe src='b'></iframe>")
    bodies = [answer(f"<div class='body'>{shown}</div>".encode()) for shown in pictures]
    server.answers = [OPEN, _list([4, 3, 2, 1]), *bodies, _body("하나")]
    items, quarantined = _run(_build(server, make_build, detail=True, max_pages=1))
    assert [(item.title, item.text) for item in items] == [
        ("글 4", ""),
        ("글 3", ""),
        ("글 2", ""),
        ("글 1", "하나"),
    ]
    assert not quarantined


def test_what_waits_to_be_read_is_not_in_the_cursor(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [OPEN, _list([1])]
    build = _build(server, make_build, detail=True)
    page = BoardCollector(build).fetch(SINCE, NOW, None)
    page = BoardCollector(build).fetch(SINCE, NOW, page.next_cursor)
    assert page.next_cursor is not None
    assert len(page.next_cursor) < 40
    assert "글" not in page.next_cursor


@pytest.mark.parametrize("cursor", ["", "x", "0:zz:0:0:0", "99::0:0:0", "0::0:0:2"])
def test_a_strange_cursor_is_refused(cursor: str, server: RawServer, make_build: MakeBuild) -> None:
    with pytest.raises(BadInputError):
        BoardCollector(_build(server, make_build)).fetch(SINCE, NOW, cursor)


# --- definitions -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ready_definitions())
def test_every_ready_definition_is_complete_and_has_a_fixture(name: str) -> None:
    definition = parse_definition(ready_table(name))
    assert {"id", "title", "link", "written_at"} <= set(definition.fields)
    assert "text" in definition.detail_fields
    assert "{board}" in definition.list_url
    assert (FOLDER / f"{name}.html").exists()


def test_single_selectors_of_a_ready_definition_can_be_replaced(make_build: MakeBuild) -> None:
    account = Account(
        "saebyeok",
        "board",
        "board",
        options={
            "enabled": True,
            "definition": "dcinside",
            "board": "food",
            "fields": {"reach": "td.hits", "author_id": ""},
        },
    )
    definition = board._definition(account)
    assert definition.fields["reach"][0].selector == "td.hits"
    assert definition.fields["title"]
    assert "author_id" not in definition.fields
    assert BoardCollector(make_build(account)).spec is SPEC


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rwo": "tr"}, "rwo"),
        ({"row": "tr["}, "row: 'tr\\['"),
        ({"row": ""}, "row is missing"),
        ({"row": 3}, "row must be a text"),
        ({"skip": ".notice"}, "skip must be a list"),
        ({"skip": ["!!"]}, "skip"),
        ({"only": {"selekt": "td"}}, "only.selekt"),
        ({"fields": "tr"}, "fields must be a table"),
        ({"fields": {"title": "a"}}, "fields.id or fields.link"),
        ({"fields": {"id": "@id"}}, "fields.title is missing"),
        ({"fields": {"id": "@id", "title": "a", "autor": "b"}}, "fields.autor"),
        ({"fields": {"id": "@id", "title": "a["}}, "fields.title"),
        ({"fields": {"id": "@id", "title": []}}, "fields.title is empty"),
        ({"fields": {"id": "@id", "title": 5}}, "fields.title must be"),
        ({"fields": {"id": {"select": "@id", "match": "("}, "title": "a"}}, "fields.id: '\\('"),
        ({"fields": {"id": {"match": "x"}, "title": "a"}}, "fields.id selects nothing"),
        ({"detail_fields": {"body": "p"}}, "detail_fields.body"),
        ({"first_page": "one"}, "first_page"),
        ({"page_step": 0}, "page_step"),
        ({"list_url": "http://board.example/{nope}"}, r"list_url knows no \{nope\}"),
        ({"list_url": "board.example/list"}, "list_url is no address"),
        ({"list_url": "http://board.example/{board}"}, 'board = "..." is missing'),
        ({"definition": "naver"}, "definition knows no 'naver'"),
        ({"detail": "yes"}, "detail must be true or false"),
        ({"detail": True, "detail_fields": {}}, "detail_fields.text is missing"),
        ({"max_pages": 6}, "max_pages"),
        ({"kind": "article"}, "kind must be"),
        ({"keywords": "새벽상회"}, "keywords"),
    ],
)
def test_a_wrong_option_is_named(
    options: dict[str, object], named: str, make_build: MakeBuild
) -> None:
    account = _account("http://127.0.0.1:1", **options)
    with pytest.raises(ConfigurationError, match=f"^saebyeok/board: .*{named}"):
        BoardCollector(make_build(account))


def test_a_secret_post_of_a_shop_has_the_number_of_its_other_address() -> None:
    html = (FOLDER / "cafe24_list.html").read_text(encoding="utf-8")
    secret = "/board/product/secret.html?board_act=read&amp;no=89324&amp;board_no=6"
    table = ready_table("cafe24_list")
    page = _parse(html.replace("/article/qna/6/89324/", secret), table)
    assert [item.native_id for item in page.items] == ["89325", "89324"]
    assert not page.quarantined
