"""What is Cafe24's alone; the rest is proved by tests/contract."""

from __future__ import annotations

import json
import threading
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from collectors import cafe24
from collectors.cafe24 import (
    Cafe24Api,
    build,
    parse_articles,
    parse_comments,
    parse_urgent,
    plan_boards,
)
from domain.errors import (
    BadInputError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
)
from domain.types import CollectedFeedback, FeedbackKind, Page
from responders.publishers.cafe24 import build as build_publisher
from storage import schema
from storage.session import Database
from storage.tokens import DatabaseTokenStore
from tests.collectors.conftest import FIXTURES, NOW, MemoryTokens
from tests.collectors.mangling import mangled, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.cafe24 import FIRST_REFRESH_TOKEN, WRITER, Cafe24Market
from tests.fakes.marketplace import Fault, On

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collectors.base import Build


REVIEWS = json.loads((FIXTURES / "cafe24" / "4-review.json").read_text(encoding="utf-8"))
QUESTIONS = json.loads((FIXTURES / "cafe24" / "6-inquiry.json").read_text(encoding="utf-8"))
COMMENTS = {
    "comments": [
        {
            "comment_no": 2,
            "content": "저도 그래요",
            "writer": "이하늘",
            "member_id": "sky",
            "secret": "F",
            "parent_comment_no": 0,
            "created_date": "2026-11-20T16:44:21+09:00",
        },
        {
            "comment_no": 3,
            "content": "확인해 보겠습니다",
            "writer": WRITER,
            "member_id": "saebyeok",
            "secret": "F",
            "parent_comment_no": 2,
            "created_date": "2026-11-20T17:44:21+09:00",
        },
    ]
}
URGENT = {
    "urgentinquiry": [
        {
            "article_no": 7,
            "title": "긴급",
            "content": "취소해 주세요",
            "created_date": "2026-11-20T17:44:21+09:00",
            "order_id": "1",
        },
        {"article_no": 8, "title": "", "content": "빨리요"},
    ]
}
DAY = timedelta(days=1)


@pytest.fixture
def market() -> Iterator[Cafe24Market]:
    made = Cafe24Market()
    made.start()
    yield made
    made.stop()


def collect(
    made: Build, market: Cafe24Market, back: timedelta = DAY
) -> dict[str, CollectedFeedback]:
    """Read a whole run; every page by a collector of its own, as if by another process."""
    now = market.clock.now()
    items: dict[str, CollectedFeedback] = {}
    cursor: str | None = None
    for _ in range(500):
        page = build(made).fetch(now - back, now, cursor)
        for item in page.items:
            known = items.get(item.native_id)
            if known is None or item.replies or not known.replies:
                items[item.native_id] = item
        cursor = page.next_cursor
        if cursor is None:
            return items
    raise AssertionError("the run does not end")


def parse(body: object, kind: FeedbackKind = FeedbackKind.INQUIRY) -> cafe24.Articles:
    return parse_articles(body, board=6, kind=kind, mall_id="saebyeok", now=NOW)


def test_a_shops_reply_joins_its_question_and_a_customers_is_feedback() -> None:
    found = parse(QUESTIONS)
    assert [item.native_id for item in found.items] == ["article:6:3101", "article:6:3103"]
    assert found.items[0].replies[0].text == "네, 생활 방수가 됩니다.\n감사합니다."
    assert not found.items[1].replies


def test_a_reply_whose_question_is_elsewhere_is_looked_up() -> None:
    assert parse(QUESTIONS).orphans == ((3050, 3099),)


def test_a_customer_who_writes_again_under_an_answer_is_never_taken_for_the_shop() -> None:
    body = json.loads(json.dumps(QUESTIONS))
    body["articles"][2]["reply_user_id"] = "admin"
    assert "article:6:3103" in {item.native_id for item in parse(body).items}


def test_notices_and_deleted_articles_are_no_feedback() -> None:
    found = parse(REVIEWS, FeedbackKind.REVIEW)
    assert [item.native_id for item in found.items] == ["article:6:2103", "article:6:2102"]
    assert found.rows == 4
    assert [item.rating for item in found.items] == [2, 5]


def test_addresses_of_writers_are_not_read() -> None:
    assert "example.com" not in repr(parse(REVIEWS))
    assert "127.0.0.1" not in repr(parse(REVIEWS))


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("상품 사용후기", "review"),
        ("REVIEW", "review"),
        ("포토 리뷰", "review"),
        ("상품 Q&A", "inquiry"),
        ("1:1 맞춤상담", "inquiry"),
        ("자유게시판", "post"),
    ],
)
def test_a_board_is_known_by_its_name(name: str, purpose: str) -> None:
    body = {"boards": [{"board_no": 3001, "board_name": name, "use_board": "T"}]}
    assert plan_boards(body) == {3001: purpose}


@pytest.mark.parametrize("name", ["공지사항", "자주 묻는 질문(FAQ)", "이벤트", "뉴스"])
def test_boards_of_the_shop_itself_are_left_out(name: str) -> None:
    assert plan_boards({"boards": [{"board_no": 3, "board_name": name}]}) == {}


def test_a_nameless_board_is_known_by_the_usual_number() -> None:
    body = {"boards": [{"board_no": n, "board_name": None} for n in (1, 4, 6, 9, 3001)]}
    assert plan_boards(body) == {4: "review", 6: "inquiry", 9: "inquiry"}


def test_a_customers_comment_is_a_post_with_the_shops_answer() -> None:
    article = parse(QUESTIONS).items[0]
    items, quarantined = parse_comments(
        COMMENTS, article, mall_id="saebyeok", writer=WRITER, now=NOW
    )
    assert not quarantined
    assert [item.native_id for item in items] == ["article:6:3101", "comment:6:3101:2"]
    assert len(items[0].replies) == len(article.replies)
    assert [reply.text for reply in items[1].replies] == ["확인해 보겠습니다"]


def test_an_urgent_inquiry_without_a_date_is_not_dated_now() -> None:
    items, _ = parse_urgent(URGENT, now=NOW)
    assert items[0].written_at is not None
    assert items[1].written_at is None
    assert not items[1].written_at_is_exact


@totality
@given(mangled(QUESTIONS))
def test_any_list_of_articles_is_read_or_refused_by_name(body: object) -> None:
    try:
        found = parse(body)
    except LayoutChangedError:
        return
    skipped = [row for row in rows_of(body) if _is_no_feedback(row)]
    assert len(found.items) + len(found.quarantined) + len(skipped) >= found.rows
    for item in found.items:
        item.text.encode()
        assert item.written_at is not None
        assert item.written_at <= NOW + timedelta(minutes=5)


def rows_of(body: object) -> list[object]:
    return body["articles"] if isinstance(body, dict) else []


def _is_no_feedback(row: object) -> bool:
    if not isinstance(row, dict):
        return False
    return (
        row.get("deleted") in ("T", "B")
        or row.get("notice") == "T"
        or bool(row.get("parent_article_no"))
    )


@totality
@given(mangled(COMMENTS))
def test_any_list_of_comments_is_read_or_refused_by_name(body: object) -> None:
    article = parse(QUESTIONS).items[0]
    try:
        parse_comments(body, article, mall_id="saebyeok", writer=WRITER, now=NOW)
    except LayoutChangedError:
        return


@totality
@given(mangled(URGENT))
def test_any_list_of_urgent_inquiries_is_read_or_refused_by_name(body: object) -> None:
    try:
        items, quarantined = parse_urgent(body, now=NOW)
    except LayoutChangedError:
        return
    assert isinstance(body, dict)
    assert len(items) + len(quarantined) == len(body["urgentinquiry"])


@totality
@given(mangled({"boards": [{"board_no": 4, "board_name": "후기", "use_board": "T"}]}))
def test_any_list_of_boards_is_read_or_refused_by_name(body: object) -> None:
    try:
        plan_boards(body)
    except LayoutChangedError:
        return


@pytest.mark.enable_socket
def test_a_reply_far_from_its_question_is_found(market: Cafe24Market) -> None:
    market.scattered = True
    question = market.seed("언제 오나요?", market.clock.now() - 20 * DAY)
    market.answer_elsewhere(question, "내일 도착합니다.")
    items = collect(build_on(market), market)
    assert [reply.text for reply in items[question].replies] == ["내일 도착합니다."]


@pytest.mark.enable_socket
def test_comments_are_read_also_when_every_page_is_another_process(market: Cafe24Market) -> None:
    review = market.seed("뚜껑이 깨졌어요", market.clock.now() - timedelta(hours=2), "review")
    comment = market.comment(review, "저도 그래요")
    market.answer_elsewhere(review, "죄송합니다. 새로 보내 드릴게요.")
    items = collect(build_on(market), market)
    assert items[comment].text == "저도 그래요"
    assert [reply.text for reply in items[review].replies] == ["죄송합니다. 새로 보내 드릴게요."]


@pytest.mark.enable_socket
def test_comments_can_be_left_out(market: Cafe24Market) -> None:
    review = market.seed("뚜껑이 깨졌어요", market.clock.now() - timedelta(hours=2), "review")
    comment = market.comment(review, "저도 그래요")
    items = collect(build_on(market, {"comments": False}), market)
    assert review in items
    assert comment not in items


@pytest.mark.enable_socket
def test_a_customers_comment_can_be_answered(market: Cafe24Market) -> None:
    review = market.seed("뚜껑이 깨졌어요", market.clock.now() - timedelta(hours=2), "review")
    comment = market.comment(review, "저도 그래요")
    made = build_on(market)
    target = target_of(collect(made, market)[comment])
    publisher = build_publisher(made)
    publisher.publish(target, "확인해 드리겠습니다.")
    publisher.publish(target, "확인해 드리겠습니다.")
    assert market.stored_replies(comment) == ["확인해 드리겠습니다."]
    assert market.stored_replies(review) == []


@pytest.mark.enable_socket
def test_a_reply_is_ours_also_when_its_letters_come_back_composed(market: Cafe24Market) -> None:
    native_id = market.seed("별로예요", market.clock.now() - timedelta(hours=2), "review")
    made = build_on(market)
    target = target_of(collect(made, market)[native_id])
    publisher = build_publisher(made)
    for _ in range(2):
        publisher.publish(target, unicodedata.normalize("NFD", "확인해 드리겠습니다."))
    assert len(market.stored_replies(native_id)) == 1


@pytest.mark.enable_socket
def test_a_reply_to_a_comment_is_found_on_a_later_page(market: Cafe24Market) -> None:
    native_id = market.seed("이벤트 댓글 달기", market.clock.now() - timedelta(hours=2), "free")
    comment_id = market.comment(native_id, "언제 발표하나요?")
    for number in range(99):
        market.comment(native_id, f"참여합니다 {number}")
    made = build_on(market)
    target = target_of(collect(made, market)[comment_id])
    publisher = build_publisher(made)
    for _ in range(2):
        publisher.publish(target, "금요일에 발표합니다.")
    assert market.stored_replies(comment_id) == ["금요일에 발표합니다."]
    assert [reply.text for reply in publisher.read_back(target)] == ["금요일에 발표합니다."]
    # Nor does it answer the article it is not under.
    assert collect(made, market)[native_id].replies == ()


@pytest.mark.enable_socket
def test_the_reply_to_a_secret_question_is_secret_and_its_html_is_text(
    market: Cafe24Market,
) -> None:
    question = market.seed("제 주문 취소해 주세요", market.clock.now() - timedelta(hours=2), "qna")
    market.make_secret(question)
    made = build_on(market)
    target = target_of(collect(made, market)[question])
    stored = build_publisher(made).publish(target, "<b>취소</b>했습니다.\n감사합니다.")
    (number,) = market.reply_numbers(question)
    assert stored.receipt == f"article:{number}"
    assert market.is_secret(number)
    assert market.reply_sources(question) == ["&lt;b&gt;취소&lt;/b&gt;했습니다.<br>감사합니다."]


@pytest.mark.enable_socket
def test_the_way_of_replying_is_chosen_per_board(market: Cafe24Market) -> None:
    review = market.seed("뚜껑이 깨졌어요", market.clock.now() - timedelta(hours=2), "review")
    made = build_on(market, {"reply_by": {"4": "article"}})
    build_publisher(made).publish(target_of(collect(made, market)[review]), "죄송합니다.")
    assert len(market.reply_numbers(review)) == 1
    with pytest.raises(ConfigurationError):
        build_publisher(build_on(market, {"reply_by": {"4": "letter"}}))


@pytest.mark.enable_socket
def test_urgent_inquiries_are_read_and_answered_when_asked_for(market: Cafe24Market) -> None:
    urgent = market.seed_urgent("지금 바로 취소해 주세요", market.clock.now() - timedelta(hours=1))
    tokens = MemoryTokens()
    assert urgent not in collect(build_on(market, tokens=tokens), market)
    made = build_on(market, {"urgent": True, "user_id": "operator"}, tokens=tokens)
    target = target_of(collect(made, market)[urgent])
    publisher = build_publisher(made)
    publisher.publish(target, "취소했습니다.")
    assert market.stored_replies(urgent) == ["취소했습니다."]
    assert [reply.text for reply in publisher.read_back(target)] == ["취소했습니다."]


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("options", "lists"),
    [
        ({"boards": {"6": "inquiry"}}, {"article:6", "comment:6"}),
        ({"boards": {"6": "inquiry"}, "comments": False}, {"article:6"}),
        ({"boards": {"4": "review", "6": "inquiry"}, "urgent": True, "comments": False}, None),
        ({}, {"article", "comment"}),
    ],
)
def test_a_run_says_which_lists_it_read(
    market: Cafe24Market, options: dict[str, object], lists: set[str] | None
) -> None:
    now = market.clock.now()
    collector = build(build_on(market, {**options}))
    page = collector.fetch(now - DAY, now, None)
    while page.next_cursor is not None:
        page = collector.fetch(now - DAY, now, page.next_cursor)
    assert page.covers is not None
    assert page.lists is not None
    assert set(page.lists) == (lists or {"article:4", "article:6", "urgent"})


@pytest.mark.enable_socket
def test_more_articles_than_an_offset_reaches_are_read_by_halves(
    market: Cafe24Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cafe24, "MAX_OFFSET", 150)
    market.most_offset = 150
    now = market.clock.now()
    ids = {market.seed(f"글 {n}", now - timedelta(hours=n + 1)) for n in range(700)}
    assert collect(build_on(market, {"comments": False}), market, 60 * DAY).keys() == ids


@pytest.mark.enable_socket
def test_what_deletions_pull_past_an_empty_page_is_read(market: Cafe24Market) -> None:
    now = market.clock.now()
    questions = [market.seed(f"문의 {n}", now - timedelta(minutes=n + 1)) for n in range(101)]
    made = build_on(market, {"boards": {"6": "inquiry"}, "comments": False})
    boards = build(made).fetch(now - DAY, now, None)
    page = build(made).fetch(now - DAY, now, boards.next_cursor)
    seen = {item.native_id for item in page.items}
    assert len(seen) == 100
    (left,) = set(questions) - seen
    for native_id in sorted(seen)[:2]:
        market.delete(native_id)
    while page.next_cursor is not None:
        page = build(made).fetch(now - DAY, now, page.next_cursor)
        seen |= {item.native_id for item in page.items}
    assert left in seen
    assert page.covers is None


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "deletions",
    [
        pytest.param([2, 0, 0] * 8, id="again and again"),
        pytest.param([0, 0, 250], id="many at once"),
    ],
)
def test_however_many_rows_are_deleted_while_a_board_is_read_no_other_is_skipped(
    market: Cafe24Market, deletions: list[int]
) -> None:
    now = market.clock.now()
    ids = [market.seed(f"문의 {n}", now - timedelta(minutes=n + 1)) for n in range(1000)]
    made = build_on(market, {"boards": {"6": "inquiry"}, "comments": False})
    seen: dict[str, None] = {}
    deleted: set[str] = set()
    page = build(made).fetch(now - DAY, now, None)
    while page.next_cursor is not None:
        page = build(made).fetch(now - DAY, now, page.next_cursor)
        seen |= dict.fromkeys(item.native_id for item in page.items)
        for native_id in [one for one in seen if one not in deleted][: (deletions or [0]).pop(0)]:
            market.delete(native_id)
            deleted.add(native_id)
    assert set(ids) - deleted <= seen.keys()
    assert page.covers is None


@pytest.mark.enable_socket
def test_what_no_offset_reaches_is_reported_and_nothing_is_called_gone(
    market: Cafe24Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cafe24, "MAX_OFFSET", 150)
    market.most_offset = 150
    now = market.clock.now()
    for n in range(400):
        market.seed(f"글 {n}", now - timedelta(seconds=n + 1))
    collector = build(build_on(market, {"comments": False, "boards": {"6": "inquiry"}}))
    cursor, reasons = None, []
    while True:
        page = collector.fetch(now - timedelta(hours=1), now, cursor)
        reasons += [item.reason for item in page.quarantined]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(reasons) == 1
    assert "on one day" in reasons[0]
    assert page.covers is None


@pytest.mark.enable_socket
def test_an_interface_that_always_gives_the_same_full_page_is_read_once_and_told(
    market: Cafe24Market,
) -> None:
    now = market.clock.now()
    urgent = {market.seed_urgent(f"급해요 {n}", now - timedelta(hours=1)) for n in range(100)}
    collector = build(build_on(market, {"urgent": True, "comments": False}))
    seen: set[str] = set()
    reasons: list[str] = []
    page = Page((), next_cursor=None)
    for _ in range(100):
        page = collector.fetch(now - DAY, now, page.next_cursor)
        seen |= {item.native_id for item in page.items}
        reasons += [item.reason for item in page.quarantined]
        if page.next_cursor is None:
            break
    assert seen == urgent
    assert len(reasons) == 1
    assert (page.next_cursor, page.covers) == (None, None)


@pytest.mark.enable_socket
def test_comments_that_do_not_end_are_told_and_the_next_article_is_read(
    market: Cafe24Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = market.clock.now()
    articles = [market.seed(f"글 {n}", now - timedelta(hours=n + 1), "free") for n in range(2)]
    for article in articles:
        for n in range(100):
            market.comment(article, f"댓글 {n}")
    page_one = Cafe24Api.ask_comments
    monkeypatch.setattr(
        Cafe24Api, "ask_comments", lambda api, board, no, _: page_one(api, board, no, 0)
    )
    collector = build(build_on(market, {"boards": {"5": "post"}}))
    seen: set[str] = set()
    sources: list[str] = []
    page = Page((), next_cursor=None)
    for _ in range(300):
        page = collector.fetch(now - DAY, now, page.next_cursor)
        seen |= {item.native_id for item in page.items}
        # What says the same is quarantined once.
        sources += [f"{item.reason} {item.raw!r}" for item in page.quarantined]
        if page.next_cursor is None:
            break
    assert page.next_cursor is None
    assert len(seen) == 202
    assert len(sources) == len(set(sources)) == 2


@pytest.mark.enable_socket
def test_only_the_chosen_boards_are_asked_for(market: Cafe24Market) -> None:
    market.seed("리뷰", market.clock.now() - timedelta(hours=1), "review")
    question = market.seed("문의", market.clock.now() - timedelta(hours=1), "qna")
    items = collect(build_on(market, {"boards": {"6": "inquiry"}}), market)
    assert items.keys() == {question}
    assert not any("/boards/4/" in asked.path for asked in market.journal)


@pytest.mark.enable_socket
def test_a_board_that_is_not_there_is_the_operators_business(market: Cafe24Market) -> None:
    with pytest.raises(ConfigurationError, match="board 77"):
        collect(build_on(market, {"boards": {"77": "post"}}), market)


@pytest.mark.enable_socket
def test_a_board_that_went_away_since_the_run_began_is_passed_over_and_nothing_is_called_gone(
    market: Cafe24Market,
) -> None:
    question = market.seed("문의", market.clock.now() - timedelta(hours=1), "qna")
    made, now = build_on(market), market.clock.now()
    place = json.loads(build(made).fetch(now - DAY, now, None).next_cursor or "")
    place["boards"].insert(0, "77:post")
    page = Page((), next_cursor=json.dumps(place))
    seen: set[str] = set()
    while page.next_cursor is not None:
        page = build(made).fetch(now - DAY, now, page.next_cursor)
        seen |= {item.native_id for item in page.items}
    assert seen == {question}
    assert page.covers is None


@pytest.mark.enable_socket
def test_the_doctor_says_what_is_read(market: Cafe24Market) -> None:
    result = build(build_on(market)).check()
    assert result.ok
    assert result.detail == "boards: 4 review, 5 post, 6 inquiry, 9 inquiry"


@pytest.mark.enable_socket
def test_two_workers_use_a_refresh_token_once(market: Cafe24Market, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tokens.db'}")
    schema.upgrade(database)
    made = [
        build_on(market, tokens=DatabaseTokenStore(database, lambda raw: raw, lambda raw: raw))
        for _ in range(4)
    ]
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda one=one: results.append(build(one).check().ok))
        for one in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4
    assert market.renewals == 1
    market.clock.advance(3 * 3600)
    assert build(made[0]).check().ok
    assert market.renewals == 2
    kept = DatabaseTokenStore(database, lambda raw: raw, lambda raw: raw).load("brand/mall")
    assert kept["refresh_token"] != FIRST_REFRESH_TOKEN
    database.engine.dispose()


@pytest.mark.enable_socket
@pytest.mark.parametrize("surface", ["qna", "review"])
def test_a_token_that_expires_before_the_write_is_renewed_at_once(
    market: Cafe24Market, surface: str
) -> None:
    native_id = market.seed("환불", market.clock.now() - timedelta(hours=1), surface)
    made = build_on(market)
    target = target_of(collect(made, market)[native_id])
    market.misbehave(Fault.UNAUTHORIZED, 1, On.WRITES)
    build_publisher(made).publish(target, "처리했습니다.")
    assert market.stored_replies(native_id) == ["처리했습니다."]
    assert market.renewals == 2


@pytest.mark.enable_socket
def test_a_write_that_is_refused_with_a_new_token_is_not_tried_again(
    market: Cafe24Market,
) -> None:
    native_id = market.seed("환불", market.clock.now() - timedelta(hours=1), "qna")
    made = build_on(market)
    target = target_of(collect(made, market)[native_id])
    market.misbehave(Fault.UNAUTHORIZED, 9, On.WRITES)
    with pytest.raises(CredentialRejectedError):
        build_publisher(made).publish(target, "처리했습니다.")
    assert [market.is_write(asked) for asked in market.journal].count(True) == 2
    assert market.stored_replies(native_id) == []


@pytest.mark.enable_socket
def test_a_used_refresh_token_is_told_apart_from_a_wrong_secret(market: Cafe24Market) -> None:
    assert build(build_on(market)).check().ok
    with pytest.raises(CredentialRejectedError) as caught:
        build(build_on(market)).fetch(NOW - DAY, NOW, None)
    assert caught.value.reason == "expired"
    assert FIRST_REFRESH_TOKEN not in str(caught.value)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"boards":["x"],"pending":[],"seen":[],"last":1}',
        '{"boards":["4:review"],"pending":[],"seen":[],"last":1,"step":"fly"}',
        '{"boards":["4:review"],"pending":[],"seen":[],"last":1,"step":"comments"}',
        '{"boards":[],"pending":[],"seen":[],"last":1}',
    ],
)
def test_a_strange_cursor_is_refused(market: Cafe24Market, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - DAY, NOW, cursor)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "options",
    [
        {"mall_id": ""},
        {"mall_id": "a.b"},
        {"shop_no": "x"},
        {"boards": ["4"]},
        {"boards": {"4": "?"}},
    ],
)
def test_wrong_options_are_named(market: Cafe24Market, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="brand/mall"):
        build(build_on(market, options))
