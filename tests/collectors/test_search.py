"""Search channels: whose mention it is, which one, when, and never more calls than the day allows."""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors import CHANNELS, kakao_search, naver_search
from collectors.base import Build, CheckReason, Collector
from collectors.mentions import DailyBudget, Ownership, canonical, mention_id
from domain.brands import Account
from domain.errors import (
    BadInputError,
    ConfigurationError,
    LayoutChangedError,
    RateLimitedError,
    ReputationError,
)
from tests.collectors.conftest import (
    FIXTURES,
    NOW,
    MakeBuild,
    MemoryTokens,
    RawServer,
    answer,
)
from tests.collectors.mangling import mangled, totality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

pytestmark = pytest.mark.enable_socket

KEYS = {
    "naver_search": {"client_id": "naver-client-id", "client_secret": "naver-secret"},
    "kakao_search": {"rest_api_key": "kakao-rest-key"},
}


def _account(channel: str, url: str = "http://127.0.0.1:1", **options: object) -> Account:
    return Account(
        "saebyeok",
        "search",
        channel,
        credentials=KEYS[channel],
        options={"base_url": url, "keywords": ["새벽상회"]} | options,
    )


OWNER = Ownership(_account("naver_search"))


def _load(channel: str, name: str) -> dict[str, Any]:
    path = FIXTURES / channel / f"{name}.json"
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return body


def _collector(build: Build) -> Collector:
    return CHANNELS[build.account.channel].load().build(build)


def _naver(rows: list[dict[str, str]], total: int) -> bytes:
    body = {"total": total, "start": 1, "display": len(rows), "items": rows}
    return answer(json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def _news(number: int, at: datetime) -> dict[str, str]:
    return {
        "title": f"새벽상회 소식 {number}",
        "originallink": f"https://news.example.com/{number}",
        "link": "https://n.news.naver.com/1",
        "description": "새벽상회가 말했다.",
        "pubDate": at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    }


def _asked(server: RawServer) -> list[tuple[str, dict[str, str]]]:
    asked = []
    for exchange in server.seen:
        parts = urlsplit(exchange.line.split(" ")[1])
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked.append((parts.path, query))
    return asked


def _run(collector: Collector, since: datetime, until: datetime) -> list[str]:
    """Read to the end; gives the native ids."""
    ids: list[str] = []
    cursor = None
    for _ in range(50):
        page = collector.fetch(since, until, cursor)
        assert page.covers is None
        ids += [item.native_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids
    raise AssertionError("the run does not end")


# --- one answer --------------------------------------------------------------------------------


def test_marks_and_entities_go_and_every_word_stays() -> None:
    page = naver_search.parse_page(
        _load("naver_search", "blog"), service="blog", keyword="새벽상회", owner=OWNER, now=NOW
    )
    assert [item.title for item in page.items] == [
        '새벽상회 반찬 "한 달" 먹어 본 후기',
        "<광고 아님> 밑반찬 세 곳 비교",
    ]
    assert page.items[1].text == "첫 번째는 새벽상회, 값은 비싸지만 3 < 5 인분..."
    assert page.rows == 3


@pytest.mark.parametrize("service", ["cafearticle", "kin"])
def test_what_naver_does_not_date_has_no_date_and_says_so(service: str) -> None:
    page = naver_search.parse_page(
        _load("naver_search", service), service=service, keyword="새벽상회", owner=OWNER, now=NOW
    )
    assert [(item.written_at, item.written_at_is_exact) for item in page.items] == [(None, False)]
    assert page.oldest_at is None


def test_a_day_is_not_an_exact_date_and_a_time_is() -> None:
    blog, news = (
        naver_search.parse_page(
            _load("naver_search", name), service=name, keyword="새벽상회", owner=OWNER, now=NOW
        ).items[0]
        for name in ("blog", "news")
    )
    assert blog.written_at == datetime(2026, 11, 19, 15, tzinfo=UTC)
    assert not blog.written_at_is_exact
    assert news.written_at == datetime(2026, 11, 20, 22, 50, tzinfo=UTC)
    assert news.written_at_is_exact


def test_an_unreadable_result_is_kept_for_a_person_and_the_others_are_read() -> None:
    body = _load("naver_search", "blog")
    body["items"][0]["postdate"] = "언젠가"
    page = naver_search.parse_page(body, service="blog", keyword="새벽상회", owner=OWNER, now=NOW)
    assert len(page.items) == 1
    assert len(page.quarantined) == 1
    assert page.quarantined[0].field == "written_at"


@totality
@given(
    body=st.sampled_from(["blog", "cafearticle", "kin", "news"]).flatmap(
        lambda name: st.tuples(st.just(name), mangled(_load("naver_search", name)))
    )
)
def test_any_naver_answer_is_read_or_a_named_error(body: tuple[str, object]) -> None:
    service, payload = body
    try:
        page = naver_search.parse_page(
            payload, service=service, keyword="새벽상회", owner=OWNER, now=NOW
        )
    except ReputationError:
        return
    assert len(page.items) + len(page.quarantined) <= page.rows
    assert all(item.written_at is None or item.written_at <= NOW for item in page.items)


@totality
@given(
    body=st.sampled_from(["blog", "cafe"]).flatmap(
        lambda name: st.tuples(st.just(name), mangled(_load("kakao_search", name)))
    )
)
def test_any_kakao_answer_is_read_or_a_named_error(body: tuple[str, object]) -> None:
    service, payload = body
    try:
        page = kakao_search.parse_page(
            payload, service=service, keyword="새벽상회", owner=OWNER, now=NOW
        )
    except ReputationError:
        return
    assert len(page.items) + len(page.quarantined) <= page.rows


@pytest.mark.parametrize("is_there", [True, False])
def test_a_null_is_empty_and_a_missing_field_a_change(*, is_there: bool) -> None:
    body = _load("kakao_search", "cafe")
    body["meta"]["total_count"] = "2"
    for row in body["documents"]:
        row |= {"cafename": None, "contents": None}
        if not is_there:
            del row["cafename"]
    page = kakao_search.parse_page(body, service="cafe", keyword="새벽상회", owner=OWNER, now=NOW)
    assert len(page.items) == is_there
    assert bool(page.quarantined) is not is_there


# --- which post --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "https://blog.naver.com/banchan/223",
            "http://m.blog.naver.com/banchan/223?referrerCode=1",
        ),
        (
            "https://blog.naver.com/banchan/223",
            "http://blog.naver.com/banchan?Redirect=Log&logNo=223",
        ),
        (
            "https://blog.naver.com/banchan/223",
            "https://blog.naver.com/PostView.naver?blogId=banchan&logNo=223&from=search",
        ),
        ("http://cafe.naver.com/moms/12?art=abc", "https://cafe.naver.com/moms/12?art=xyz"),
        (
            "https://kin.naver.com/qna/detail.naver?dirId=8&docId=47&qb=x",
            "https://kin.naver.com/qna/detail.naver?docId=47&qb=y&d1id=8",
        ),
        ("http://www.example.com/a/?b=2&a=1#top", "https://example.com/a?a=1&b=2&utm_source=n"),
        ("https://example.com/?q=반찬", "https://example.com/?q=%EB%B0%98%EC%B0%AC"),
        ("https://example.com/#/", "https://example.com"),
        ("https://example.com/#!/", "https://example.com"),
        ("https://example.com/#/post/1/", "https://www.example.com/#/post/1"),
        (
            "https://a.tistory.com/entry/김치-후기",
            "https://a.tistory.com/entry/%EA%B9%80%EC%B9%98-%ed%9b%84%ea%b8%b0",
        ),
        ("https://example.com/%b1%db/1", "https://example.com/%B1%DB/1"),
        ("https://example.com/#/글/1", "https://example.com/#/%ea%b8%80/1"),
    ],
)
def test_writings_of_one_address_are_one_post(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/view?123", "https://example.com/view?124"),
        ("https://example.com/view?no=1&no=2", "https://example.com/view?no=2"),
        ("https://blog.naver.com/banchan/223", "https://blog.naver.com/banchan/224"),
        ("https://example.com:8080/a", "https://example.com/a"),
        ("https://example.com/#/post/1", "https://example.com/#/post/2"),
        ("https://example.com/?a=1#!/post/1", "https://example.com/?a=1#!/post/2"),
        ("https://example.com/wiki?page=%B0%A1", "https://example.com/wiki?page=%B0%A2"),
        ("https://example.com/a%2Fb", "https://example.com/a/b"),
        ("https://example.com/%B1%DB", "https://example.com/%B1%DC"),
    ],
)
def test_other_addresses_are_other_posts(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_a_link_through_navers_counter_is_told_by_the_title() -> None:
    links = ("http://openapi.naver.com/l?AAAB", "http://openapi.naver.com/l?AAAC")
    assert len({mention_id("blog", "가게", link, "제목") for link in links}) == 1
    assert len({mention_id("blog", "가게", links[0], title) for title in ("가", "나")}) == 2


@totality
@given(link=st.text(max_size=80))
@example(link="example.com/?q=\ud83d")
def test_any_text_has_a_canonical_form(link: str) -> None:
    assert canonical(link) == canonical(link)
    assert isinstance(canonical(f"https://{link}"), str)


def test_a_post_belongs_to_the_first_keyword_it_shows() -> None:
    owner = Ownership(_account("naver_search", keywords=["새벽상회", "saebyeok"], exclude=["채용"]))
    both = "새벽상회(saebyeok) 후기"
    assert owner.accepts("새벽상회", both)
    assert not owner.accepts("saebyeok", both)
    assert owner.accepts("saebyeok", "saebyeok 후기")
    assert not owner.accepts("saebyeok", "saebyeok 채용")


# --- a run -------------------------------------------------------------------------------------


def test_a_run_asks_every_service_and_keyword_once_and_ends(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [_naver([], 0)]
    account = _account("naver_search", server.url, keywords=["새벽상회", "새벽 상회"])
    assert _run(_collector(make_build(account)), NOW - timedelta(days=2), NOW) == []
    asked = _asked(server)
    assert [(path.rsplit("/", 1)[1], query["query"]) for path, query in asked] == [
        (f"{service}.json", keyword)
        for service in ("blog", "cafearticle", "kin", "news")
        for keyword in ("새벽상회", "새벽 상회")
    ]
    assert {query["sort"] for _, query in asked} == {"date"}
    assert {
        name: server.seen[0].headers[name] for name in server.seen[0].headers if "naver" in name
    } == {
        "x-naver-client-id": "naver-client-id",
        "x-naver-client-secret": "naver-secret",
    }


def test_a_dated_question_is_read_until_the_watermark(
    server: RawServer, make_build: MakeBuild
) -> None:
    def page(start: int) -> bytes:
        rows = [_news(n, NOW - timedelta(hours=n)) for n in range(start, start + 100)]
        return _naver(rows, 900)

    server.answers = [page(0), page(100), page(200)]
    account = _account("naver_search", server.url, services=["news"])
    since = NOW - timedelta(hours=150)
    ids = _run(_collector(make_build(account)), since, NOW)
    assert len(set(ids)) == 200
    assert [query["start"] for _, query in _asked(server)] == ["1", "101"]


def test_undated_results_are_read_as_deep_as_the_days_ask_for(
    server: RawServer, make_build: MakeBuild
) -> None:
    row = {
        "title": "새벽상회",
        "link": "https://cafe.naver.com/a/1",
        "description": "",
        "cafename": "카페",
    }
    server.answers = [_naver([row] * 100, 5000)]
    account = _account("naver_search", server.url, services=["cafearticle"])
    collector = _collector(make_build(account))
    _run(collector, NOW - timedelta(days=2), NOW)
    assert [query["start"] for _, query in _asked(server)] == ["1"]
    server.seen.clear()
    _run(collector, NOW - timedelta(days=365), NOW)
    starts = [int(query["start"]) for _, query in _asked(server)]
    assert starts == list(range(1, 1001, 100))


def test_kakao_is_read_until_its_end_or_the_watermark(
    server: RawServer, make_build: MakeBuild
) -> None:
    body = _load("kakao_search", "cafe")
    body["meta"]["is_end"] = False
    last = json.loads(json.dumps(body))
    last["meta"]["is_end"] = True
    server.answers = [answer(json.dumps(part).encode()) for part in (body, last)]
    account = _account("kakao_search", server.url, services=["cafe"])
    ids = _run(_collector(make_build(account)), NOW - timedelta(days=9), NOW)
    assert len(ids) == 2
    assert [query["page"] for _, query in _asked(server)] == ["1", "2"]
    assert server.seen[0].headers["authorization"] == "KakaoAK kakao-rest-key"
    server.answers = [answer(json.dumps(body).encode())]
    assert len(_run(_collector(make_build(account)), NOW - timedelta(hours=1), NOW)) == 1


def test_an_empty_page_that_is_not_kakaos_last_is_a_change(
    server: RawServer, make_build: MakeBuild
) -> None:
    body = _load("kakao_search", "cafe")
    body["meta"]["is_end"] = False
    server.answers = [
        answer(json.dumps(part).encode()) for part in (body, {**body, "documents": []})
    ]
    collector = _collector(make_build(_account("kakao_search", server.url, services=["cafe"])))
    with pytest.raises(LayoutChangedError, match="not the last"):
        _run(collector, NOW - timedelta(days=9), NOW)


def test_results_that_are_counted_but_not_given_are_a_change(
    server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [_naver([], 12)]
    account = _account("naver_search", server.url)
    with pytest.raises(LayoutChangedError, match="12 results counted"):
        _collector(make_build(account)).fetch(NOW - timedelta(days=2), NOW, None)


@pytest.mark.parametrize("cursor", ["", "x", "9:1", "0:0", "-1:1", "0:1:2"])
@pytest.mark.parametrize("channel", KEYS)
def test_a_strange_cursor_is_refused(channel: str, cursor: str, make_build: MakeBuild) -> None:
    with pytest.raises(BadInputError):
        _collector(make_build(_account(channel))).fetch(NOW - timedelta(days=2), NOW, cursor)


@pytest.mark.parametrize(
    ("channel", "options"),
    [
        ("naver_search", {"keywords": []}),
        ("naver_search", {"services": ["shop"]}),
        ("naver_search", {"daily_quota": 0}),
        ("kakao_search", {"services": ["news"]}),
        ("kakao_search", {"base_url": "ftp://example.com"}),
    ],
)
def test_wrong_settings_are_named(
    channel: str, options: dict[str, object], make_build: MakeBuild
) -> None:
    account = _account(channel)
    account = replace(account, options={**account.options, **options})
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        _collector(make_build(account))


@pytest.mark.parametrize("channel", KEYS)
def test_missing_keys_are_named(channel: str, make_build: MakeBuild) -> None:
    account = replace(_account(channel), credentials={})
    with pytest.raises(ConfigurationError, match="credentials file"):
        _collector(make_build(account))


# --- refusals ----------------------------------------------------------------------------------


def _error(code: str, message: str = "refused") -> bytes:
    return json.dumps({"errorMessage": message, "errorCode": code}).encode()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, _error("024", "Not Exist Client ID : Authentication failed"), CheckReason.SECRET),
        (
            401,
            _error("024", "Scope Status Invalid : Authentication failed"),
            CheckReason.PERMISSION,
        ),
        (401, _error("028"), CheckReason.SECRET),
        (403, _error("x"), CheckReason.PERMISSION),
        (429, _error("010"), CheckReason.QUOTA),
        (400, _error("SE01"), CheckReason.CONFIGURATION),
        (400, _error("SE06"), CheckReason.CONFIGURATION),
        (404, _error("SE05"), CheckReason.LAYOUT),
        (500, _error("SE99"), CheckReason.NETWORK),
    ],
)
def test_navers_error_codes_become_the_doctors_reasons(
    status: int, body: bytes, reason: CheckReason, server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(body, status)]
    line = _collector(make_build(_account("naver_search", server.url))).check()
    assert line.reason is reason
    assert line.remedy
    assert "naver-secret" not in line.detail


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, b'{"errorType": "InvalidArgument", "code": -2}', CheckReason.CONFIGURATION),
        (401, b'{"errorType": "AccessDeniedError"}', CheckReason.SECRET),
        (403, b'{"errorType": "AccessDeniedError"}', CheckReason.PERMISSION),
        (429, b'{"errorType": "RequestThrottled"}', CheckReason.QUOTA),
    ],
)
def test_kakaos_unverified_statuses_become_the_doctors_reasons(
    status: int, body: bytes, reason: CheckReason, server: RawServer, make_build: MakeBuild
) -> None:
    server.answers = [answer(body, status)]
    line = _collector(make_build(_account("kakao_search", server.url))).check()
    assert line.reason is reason


# --- the day's budget --------------------------------------------------------------------------


class LockedTokens(MemoryTokens):
    """A token store that one thread holds at a time, as processes do."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    @contextmanager
    def exclusive(self, account_key: str) -> Iterator[None]:
        del account_key
        with self.lock:
            yield


def _fetch_all(collectors: Iterable[Collector]) -> None:
    for collector in collectors:
        collector.fetch(NOW - timedelta(days=2), NOW, None)


def test_brands_with_one_key_share_one_budget(server: RawServer, make_build: MakeBuild) -> None:
    server.answers = [_naver([], 0)]
    tokens = MemoryTokens()
    collectors = [
        _collector(
            replace(
                make_build(
                    replace(_account("naver_search", server.url, daily_quota=5), brand=brand)
                ),
                tokens=tokens,
            )
        )
        for brand in ("saebyeok", "nalda")
    ]
    questions = itertools.chain.from_iterable(itertools.repeat(collectors, 5))
    with pytest.raises(RateLimitedError) as caught:
        _fetch_all(questions)
    assert len(server.seen) == 5
    # Noon UTC is nine in the evening in Seoul.
    assert caught.value.retry_after_s == 3 * 3600
    assert not any("naver-client-id" in name for name in tokens.tokens)


def test_the_next_korean_day_has_a_new_budget() -> None:
    budget = DailyBudget(MemoryTokens(), "budget", 1)
    budget.spend(NOW)
    with pytest.raises(RateLimitedError):
        budget.spend(NOW + timedelta(hours=2, minutes=59))
    budget.spend(NOW + timedelta(hours=3))


def test_threads_never_spend_more_than_there_is() -> None:
    tokens = LockedTokens()
    spent: list[int] = []

    def spend() -> None:
        budget = DailyBudget(tokens, "budget", 50)
        for _ in range(20):
            try:
                budget.spend(NOW)
            except RateLimitedError:
                return
            spent.append(1)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spent) == 50
