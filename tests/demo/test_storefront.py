"""The demo storefront over real loopback connections, behaving and misbehaving."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from demo.content import Article, shopping_articles
from demo.storefront import Storefront
from domain.errors import BadInputError
from domain.types import FeedbackKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE_AT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script> & \"따옴표\" <!channel>\n둘째 줄"
KEY = "test-key"
REPLIES = "/saebyeok/api/articles/{}/replies"
LIST = "/saebyeok/board/list.html"


def article(no: int, minutes_ago: int, text: str = "좋아요", rating: int | None = 5) -> Article:
    return Article(
        shop="saebyeok",
        no=no,
        kind=FeedbackKind.REVIEW,
        written_at=BASE_AT - timedelta(minutes=minutes_ago),
        author="김**",
        text=text,
        rating=rating,
        product_no="3",
        product="포기김치 2kg",
        order_no="20261120-0000001",
    )


ARTICLES = (
    article(101, 30),
    article(102, 10, HOSTILE, 1),
    article(103, 20, rating=None),
    article(104, 20),
    article(105, 50),
)


class Shop:
    """A running storefront and a client for it."""

    def __init__(self, front: Storefront) -> None:
        self.front = front
        self.client = httpx.Client(
            base_url=front.start(), headers={"X-Api-Key": KEY}, trust_env=False, timeout=5
        )

    def page(self, page: int = 1, board: int = 4) -> LexborHTMLParser:
        return LexborHTMLParser(self.html(page, board))

    def html(self, page: int = 1, board: int = 4) -> str:
        response = self.client.get(LIST, params={"board_no": board, "page": page})
        assert response.status_code == 200
        return response.text

    def numbers(self, page: int = 1) -> list[str | None]:
        rows = self.page(page).css(".xans-board-list li.mun-list")
        return [row.attributes["data-article-no"] for row in rows]

    def reply(self, no: int = 101, content: str = "답변드립니다") -> httpx.Response:
        words = {"content": content, "writer": "새벽나무"}
        return self.client.post(REPLIES.format(no), json=words)

    def contents(self, no: int = 101) -> list[str]:
        listed = self.client.get(REPLIES.format(no)).raise_for_status().json()["replies"]
        return [reply["content"] for reply in listed]

    def control(self, **words: object) -> httpx.Response:
        words = {name.removesuffix("_"): value for name, value in words.items()}
        return self.client.post("/_control", json=words)

    def close(self) -> None:
        self.client.close()
        self.front.stop()


def opened(journal: Path | None = None) -> Shop:
    return Shop(
        Storefront(ARTICLES, api_key=KEY, clock=lambda: BASE_AT, journal=journal, page_size=2)
    )


@pytest.fixture
def shop() -> Iterator[Shop]:
    running = opened()
    yield running
    running.close()


def text_of(row: LexborHTMLParser, selector: str) -> str:
    node = row.css_first(selector)
    assert node is not None
    return node.text()


def test_pages_are_newest_first_and_count_the_whole_board(shop: Shop) -> None:
    assert [shop.numbers(page) for page in (1, 2, 3)] == [["102", "104"], ["103", "101"], ["105"]]
    assert text_of(shop.page(2), ".total-count") == "5"
    following = shop.page(2).css_first("a.next")
    assert following is not None
    assert following.attributes["href"] == "?board_no=4&page=3"
    assert shop.page(3).css_first("a.next") is None


def test_a_page_past_the_end_says_that_it_is_empty(shop: Shop) -> None:
    assert text_of(shop.page(4), ".xans-board-list p.empty") == "게시물이 없습니다."
    assert text_of(shop.page(1, board=6), ".total-count") == "0"


def test_a_row_carries_every_field(shop: Shop) -> None:
    page = shop.page()
    assert text_of(page, ".xans-board-list .mun-product a") == "포기김치 2kg"
    assert text_of(page, ".xans-board-list .writer") == "김**"
    assert text_of(page, ".xans-board-list .date") == "2026-11-21 22:50:00"
    assert text_of(page, ".xans-board-list .mun-order") == "주문번호 20261120-0000001"
    stars = page.css_first(".xans-board-list .mun-point img")
    assert stars is not None
    assert stars.attributes["src"] == "/img/ico_point1.gif"
    assert shop.page(2).css(".xans-board-list .mun-point")[0].text() == ""
    assert len(shop.page(2).css(".xans-board-list .mun-point")) == 1


def test_hostile_text_is_shown_as_text(shop: Shop) -> None:
    shop.reply(102, HOSTILE)
    page = shop.page()
    assert page.css("script") == []
    assert text_of(page, ".xans-board-list .mun-content") == HOSTILE
    assert text_of(page, ".reply-content") == HOSTILE


def test_every_demo_text_survives_the_way_through_html() -> None:
    articles = shopping_articles(BASE_AT)
    front = Storefront(articles, api_key=KEY, clock=lambda: BASE_AT)
    running = Shop(front)
    seen: dict[str | None, str] = {}
    for board in (4, 5, 6):
        for page in (1, 2):
            for row in running.page(page, board).css(".xans-board-list li.mun-list"):
                content = row.css_first(".mun-content")
                assert content is not None
                seen[row.attributes["data-article-no"]] = content.text()
    running.close()
    assert seen == {str(shown.no): shown.text for shown in articles}


def test_a_deep_link_shows_the_article(shop: Shop) -> None:
    link = shop.page().css_first(".xans-board-list .mun-name a")
    assert link is not None
    response = shop.client.get(str(link.attributes["href"]))
    assert 'data-article-no="102"' in response.text
    assert shop.client.get("/saebyeok/article/review/4/999/").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{LIST}?board_no=9", 404),
        ("/nobody/board/list.html?board_no=4", 404),
        (f"{LIST}?board_no=4&page=0", 400),
        (f"{LIST}?board_no=4&page=abc", 400),
        ("/etc/passwd", 404),
        ("/", 200),
        ("/img/ico_point4.gif", 200),
    ],
)
def test_other_addresses_have_a_defined_answer(shop: Shop, path: str, status: int) -> None:
    assert shop.client.get(path).status_code == status


def test_a_reply_is_created_listed_and_shown(shop: Shop) -> None:
    created = shop.reply()
    assert created.status_code == 201
    assert created.json() == {
        "article_no": 101,
        "reply_no": 9001,
        "replied_at": "2026-11-21T14:00:00+00:00",
    }
    assert shop.client.get(REPLIES.format(101)).json() == {
        "article_no": 101,
        "replies": [
            {
                "reply_no": 9001,
                "writer": "새벽나무",
                "content": "답변드립니다",
                "replied_at": "2026-11-21T14:00:00+00:00",
            }
        ],
    }
    shown = shop.page(2).css_first("li.reply")
    assert shown is not None
    assert shown.attributes["data-reply-no"] == "9001"


def test_a_double_post_is_accepted_and_shows(shop: Shop) -> None:
    shop.reply()
    shop.reply()
    assert shop.front.reply_counts("saebyeok") == {101: 2}
    assert shop.client.get("/_control").json()["replies"]["saebyeok"] == {"101": 2}


def test_replies_are_refused_with_a_reason(shop: Shop) -> None:
    wrong_key = shop.client.post(
        REPLIES.format(101), json={"content": "x", "writer": "y"}, headers={"X-Api-Key": "no"}
    )
    assert (wrong_key.status_code, wrong_key.json()) == (401, {"error": "bad_api_key"})
    assert shop.reply(999).json() == {"error": "article_not_found"}
    assert shop.client.get(REPLIES.format(999)).status_code == 404
    assert shop.reply(content="가" * 1001).json() == {"error": "content_too_long", "limit": 1000}
    assert shop.reply(content="  ").status_code == 400
    assert shop.reply(content="가" * 1_000_000).status_code == 413
    form = shop.client.post(REPLIES.format(101), data={"content": "x", "writer": "y"})
    assert form.status_code == 415
    assert shop.front.reply_counts("saebyeok") == {}


def test_status_faults_hit_as_many_requests_as_told(shop: Shop) -> None:
    shop.control(status=429, retry_after=2, for_=2)
    limited = shop.client.get(LIST, params={"board_no": 4})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "2")
    assert shop.reply().status_code == 429
    assert shop.reply().status_code == 201
    shop.control(status=500)
    assert shop.client.get(LIST, params={"board_no": 4}).status_code == 500
    assert shop.numbers() == ["102", "104"]


def test_a_fault_can_be_aimed_at_one_sort_of_request(shop: Shop) -> None:
    shop.control(status=500, on="read")
    assert shop.numbers()
    assert shop.reply().status_code == 201
    assert shop.client.get(REPLIES.format(101)).status_code == 500


def test_a_slow_answer_outlasts_a_short_timeout(shop: Shop) -> None:
    shop.control(slow_ms=60_000)
    with pytest.raises(httpx.ReadTimeout):
        shop.client.get(LIST, params={"board_no": 4}, timeout=0.05)
    assert shop.numbers()


def test_a_reply_cut_before_it_was_stored_is_not_there(shop: Shop) -> None:
    shop.control(cut="before_store")
    with pytest.raises(httpx.RemoteProtocolError):
        shop.reply()
    assert shop.contents() == []


def test_a_reply_cut_after_it_was_stored_is_there(shop: Shop) -> None:
    shop.control(cut="after_store")
    with pytest.raises(httpx.RemoteProtocolError):
        shop.reply()
    assert shop.contents() == ["답변드립니다"]


def test_a_late_reply_appears_after_the_connection_was_cut(shop: Shop) -> None:
    shop.control(cut="late_store", late_ms=100)
    with pytest.raises(httpx.RemoteProtocolError):
        shop.reply()
    assert shop.contents() == []
    for _ in range(100):
        if shop.contents():
            break
        Event().wait(0.02)
    assert shop.contents() == ["답변드립니다"]


def test_a_list_is_cut_in_the_middle(shop: Shop) -> None:
    shop.control(cut_body=True)
    with pytest.raises(httpx.RemoteProtocolError):
        shop.html()
    assert "</html>" in shop.html()


def test_an_edit_is_dated_and_changes_text_and_stars(shop: Shop) -> None:
    edit = {"shop": "saebyeok", "no": 102, "text": "다시 보니 괜찮아요", "rating": 4}
    assert shop.control(edit=edit).status_code == 200
    row = shop.page().css_first(".xans-board-list li.mun-list")
    assert row is not None
    assert row.attributes["data-edited-at"] == "2026-11-21T23:00:00+09:00"
    assert "다시 보니 괜찮아요" in row.text()
    assert "/img/ico_point4.gif" in str(row.html)


def test_a_deleted_article_is_gone_but_its_replies_are_counted(shop: Shop) -> None:
    shop.reply(102)
    shop.control(delete={"shop": "saebyeok", "no": 102})
    assert shop.numbers() == ["104", "103"]
    assert text_of(shop.page(), ".total-count") == "4"
    assert shop.reply(102).status_code == 404
    assert shop.front.reply_counts("saebyeok") == {102: 1}


def test_a_new_article_comes_first(shop: Shop) -> None:
    words = {"shop": "saebyeok", "board": "review", "text": "이물질이 나왔어요", "rating": 1}
    assert shop.control(add=words).json()["added"] == 106
    assert shop.numbers() == ["106", "102"]
    shop.control(
        add={"shop": "saebyeok", "board": "inquiry", "text": "언제 오나요", "title": "배송"}
    )
    assert text_of(shop.page(board=6), ".mun-name a") == "배송"


def test_a_reply_made_elsewhere_is_shown(shop: Shop) -> None:
    words = {"shop": "saebyeok", "no": 101, "text": "매장에서 답했습니다", "writer": "매장"}
    shop.control(reply=words)
    assert shop.contents() == ["매장에서 답했습니다"]


def test_another_skin_has_no_known_rows(shop: Shop) -> None:
    shop.control(skin="b")
    page = shop.page()
    assert page.css(".xans-board-list, li.mun-list, .total-count") == []
    assert "좋아요" in shop.html()
    shop.control(skin="c")
    assert shop.numbers() == ["102", "104"]
    assert shop.page().css(".writer, .date") == []
    shop.control(skin="a")
    assert len(shop.page().css(".writer")) == 2


def outcome(shop: Shop) -> str:
    try:
        return str(shop.reply().status_code)
    except httpx.TransportError as error:
        return type(error).__name__


def test_chaos_repeats_itself_with_the_same_seed(shop: Shop) -> None:
    runs = []
    for _ in range(2):
        shop.control(chaos={"seed": 7, "p": 0.5})
        runs.append([outcome(shop) for _ in range(40)])
    assert runs[0] == runs[1]
    assert {"201", "429", "500", "RemoteProtocolError"} <= set(runs[0])
    assert shop.control(chaos=None).json()["chaos"] is None
    assert {outcome(shop) for _ in range(20)} == {"201"}


def test_clear_ends_faults_but_keeps_content_and_reset_brings_all_back(shop: Shop) -> None:
    shop.reply()
    shop.control(status=500, for_=9)
    shop.control(skin="b")
    shop.control(delete={"shop": "saebyeok", "no": 102})
    state = shop.control(clear=True).json()
    assert (state["skin"], state["faults"]) == ("a", [])
    assert state["replies"]["saebyeok"] == {"101": 1}
    assert state["articles"]["saebyeok"] == 4
    state = shop.control(reset=True).json()
    assert state["replies"]["saebyeok"] == {}
    assert state["articles"]["saebyeok"] == 5


def test_the_state_tells_what_is_queued_and_was_asked(shop: Shop) -> None:
    shop.html()
    shop.reply()
    shop.control(cut="late_store", late_ms=5, for_=3)
    state = shop.client.get("/_control").json()
    assert state["faults"] == [{"on": "reply", "cut": "late_store", "late_ms": 5, "for": 3}]
    assert state["requests"] == {"list": 1, "reply": 1, "read": 0}


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"explode": True},
        {"skin": "z"},
        {"status": 200},
        {"status": 500, "for": 0},
        {"slow_ms": "long"},
        {"cut": "sometimes"},
        {"cut": "before_store", "on": "list"},
        {"status": 500, "slow_ms": 3},
        {"chaos": {"seed": 1, "p": 2}},
        {"clear": False},
        {"edit": {"shop": "saebyeok", "no": 999, "text": "x"}},
        {"edit": {"shop": "nobody", "no": 101, "text": "x"}},
        {"delete": 101},
        {"add": {"shop": "saebyeok", "text": "x", "rating": 6}},
        {"add": {"shop": "saebyeok", "text": "x", "board": "wall"}},
        {"skin": "b", "clear": True},
    ],
)
def test_control_refuses_what_it_does_not_know(shop: Shop, words: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        shop.front.control(words)
    response = shop.client.post("/_control", json=words)
    assert (response.status_code, response.json()["error"]) == (400, "bad_request")
    assert shop.front.state()["faults"] == []


def test_a_journal_brings_everything_back(tmp_path: Path) -> None:
    journal = tmp_path / "storefront.jsonl"
    first = opened(journal)
    first.reply(101, HOSTILE)
    first.control(edit={"shop": "saebyeok", "no": 102, "text": "고쳤어요"})
    first.control(delete={"shop": "saebyeok", "no": 105})
    added = first.control(add={"shop": "saebyeok", "text": "새 글", "rating": 2}).json()["added"]
    pages = [first.html(page) for page in (1, 2, 3)]
    first.close()
    second = opened(journal)
    assert [second.html(page) for page in (1, 2, 3)] == pages
    assert second.contents() == [HOSTILE]
    assert second.reply().json()["reply_no"] == 9002
    assert second.control(add={"shop": "saebyeok", "text": "또 새 글"}).json()["added"] == added + 1
    second.close()


def test_a_torn_last_line_of_a_journal_is_dropped(tmp_path: Path) -> None:
    journal = tmp_path / "storefront.jsonl"
    first = opened(journal)
    first.reply()
    first.close()
    with journal.open("ab") as lines:
        lines.write(b'{"event": "reply", "shop": "sae')
    second = opened(journal)
    assert second.front.reply_counts("saebyeok") == {101: 1}
    second.reply()
    second.close()
    third = opened(journal)
    assert third.front.reply_counts("saebyeok") == {101: 2}
    third.close()


def test_a_reset_is_remembered_by_the_journal(tmp_path: Path) -> None:
    journal = tmp_path / "storefront.jsonl"
    first = opened(journal)
    first.reply()
    first.control(reset=True)
    first.close()
    second = opened(journal)
    assert second.front.reply_counts("saebyeok") == {}
    second.close()


def test_stopping_ends_open_connections(shop: Shop) -> None:
    shop.html()
    shop.front.stop()
    with pytest.raises(httpx.TransportError):
        shop.html()


def started(journal: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.storefront", "--api-key", KEY, "--journal", str(journal)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    word, _, address = process.stdout.readline().strip().partition(" ")
    assert word == "storefront"
    return process, address


def test_a_killed_storefront_process_still_has_what_it_confirmed(tmp_path: Path) -> None:
    journal = tmp_path / "state" / "storefront.jsonl"
    process, address = started(journal)
    with process:
        with httpx.Client(base_url=address, headers={"X-Api-Key": KEY}, trust_env=False) as client:
            before = client.get(LIST, params={"board_no": 4}).text
            words = {"content": "답변", "writer": "새벽나무"}
            assert client.post(REPLIES.format(1001), json=words).status_code == 201
        process.kill()
    process, address = started(journal)
    with process:
        with httpx.Client(base_url=address, trust_env=False) as client:
            state = client.get("/_control").json()
            after = client.get(LIST, params={"board_no": 4}).text
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert state["replies"]["saebyeok"] == {"1001": 1}
    assert after.count("mun-list") == before.count("mun-list")
    assert json.loads(journal.read_text().splitlines()[0])["base_at"]
