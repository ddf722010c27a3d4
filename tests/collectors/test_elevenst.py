"""What is 11st's alone; the rest is proved by tests/contract."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.elevenst import build, open_xml, parse_notices, parse_questions
from collectors.values import decode_text
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)
from responders.publishers.base import refuse_unfit
from responders.publishers.elevenst import RULES, body_of
from responders.publishers.elevenst import build as build_publisher
from tests.collectors.conftest import FIXTURES, NOW
from tests.collectors.mangling import assert_nothing_is_lost, totality
from tests.collectors.markets import build_on, target_of
from tests.fakes.elevenst import Elevenst, _answer_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.types import CollectedFeedback

RAW = (FIXTURES / "elevenst" / "qna.synthetic.xml").read_bytes()
QNA = decode_text(RAW, "euc-kr")
URGENT = decode_text((FIXTURES / "elevenst" / "urgent.synthetic.xml").read_bytes(), "euc-kr")


@pytest.fixture
def market() -> Iterator[Elevenst]:
    made = Elevenst()
    made.start()
    yield made
    made.stop()


def _collected(market: Elevenst, native_id: str) -> CollectedFeedback:
    now = market.clock.now()
    page = build(build_on(market)).fetch(now - timedelta(days=2), now, None)
    return next(item for item in page.items if item.native_id == native_id)


def _result(code: str, text: str) -> str:
    return (
        f'<ns2:productQnas xmlns:ns2="x"><ns2:result_code>{code}</ns2:result_code>'
        f"<ns2:result_text>{text}</ns2:result_text></ns2:productQnas>"
    )


def test_the_fixture_is_really_euc_kr() -> None:
    with pytest.raises(UnicodeDecodeError):
        RAW.decode("utf-8")
    assert parse_questions(QNA, now=NOW).rows == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: re.sub(r' xmlns:ns2="[^"]*"', "", xml),
        lambda xml: re.sub(r'xmlns:ns2="[^"]*"', 'xmlns:ns2="urn:another"', xml),
        lambda xml: xml.replace("ns2:", ""),
        lambda xml: re.sub(r"<\?xml[^>]*\?>", "", xml),
        lambda xml: "\ufeff" + xml.replace("질문이요", "질\x0b문이요\x08"),
    ],
    ids=["undeclared prefix", "another namespace", "no prefix", "no declaration", "control marks"],
)
def test_the_namespace_and_stray_characters_do_not_matter(change: object) -> None:
    listing = parse_questions(change(QNA), now=NOW)  # type: ignore[operator]
    assert [item.native_id for item in listing.items] == ["qna:4881274", "qna:4881273"]
    assert listing.items[0].title == "질문이요"


def test_what_euc_kr_lacks_comes_as_references_and_holds_up_no_other_question() -> None:
    row = "<productQna><brdInfoNo>7</brdInfoNo><brdInfoClfNo>8</brdInfoClfNo>"
    row += "<createDt>2026-11-19 10:00:00.0</createDt><brdInfoCont>{}</brdInfoCont></productQna>"
    said = "언제&#55357;&#56832; 와요&#xD83D;&#x11;&#48577;? &#128512; <![CDATA[&#55357;]]>"
    xml = f"<productQnas>{row.format(said)}</productQnas>"
    (item,) = parse_questions(xml, now=NOW).items
    assert item.text == "언제😀 와요\ufffd뷁? 😀 &#55357;"


def test_a_customer_may_write_what_looks_like_markup() -> None:
    xml = QNA.replace("사과가 3개 < 5개", "<ns2:productQna> 사과가 3개 < 5개")
    assert parse_questions(xml, now=NOW).items[0].text.startswith("<ns2:productQna> 사과가")


@pytest.mark.parametrize(
    ("code", "text", "error"),
    [
        ("500", "최대 조회기간은 7일 입니다.", LayoutChangedError),
        ("500", "최대 조회기간을 초과하였습니다.", LayoutChangedError),
        ("500", "서버 오류", ChannelUnavailableError),
        ("500", "데이터베이스에 연결할 수 없습니다.", ChannelUnavailableError),
        ("500", "데이터를 조회할수 없습니다.", ChannelUnavailableError),
        ("-1000", "시스템 점검 중입니다.", ChannelUnavailableError),
        ("500", "허용되지 않은 IP입니다.", CredentialRejectedError),
        ("500", "등록된 API KEY가 아닙니다.", CredentialRejectedError),
        ("500", "일일 호출 한도를 넘었습니다.", RateLimitedError),
        ("500", "API 호출 건수를 초과하였습니다.", RateLimitedError),
        ("500", "초당 요청 수를 초과하였습니다.", RateLimitedError),
        ("500", "1일 요청 가능 횟수가 초과되었습니다.", RateLimitedError),
        # Too much of something else is no reason to wait and ask the same again.
        ("500", "조회 기간이 7일을 초과하였습니다.", LayoutChangedError),
        ("500", "검색 가능 기간을 초과하였습니다.", LayoutChangedError),
        ("500", "요청하신 기간은 최대 7일을 초과하였습니다.", LayoutChangedError),
        ("500", "답변 글자 수를 초과하였습니다.", ChannelUnavailableError),
        ("500", "요청하신 답변 내용이 1000자를 초과하였습니다.", ChannelUnavailableError),
    ],
)
def test_a_result_code_inside_a_200_is_an_error_with_a_name(
    code: str, text: str, error: type[ReputationError]
) -> None:
    with pytest.raises(error):
        parse_questions(_result(code, text), now=NOW)


def test_nothing_found_is_no_error() -> None:
    assert parse_questions(_result("0", "조회된 결과가 없습니다."), now=NOW).rows == 0
    assert parse_questions(_result("500", "조회된 결과가 없습니다."), now=NOW).rows == 0
    assert parse_questions(_result("500", "조회된 건수가 없습니다."), now=NOW).rows == 0
    assert parse_questions("<ns2:productQnas/>", now=NOW).rows == 0


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa">]><productQnas>&a;</productQnas>'
    with pytest.raises(LayoutChangedError, match="entities"):
        parse_questions(bomb, now=NOW)


@pytest.mark.parametrize(
    ("xml", "error"),
    [
        ("", ChannelUnavailableError),
        ("<!DOCTYPE html><html><body>점검</body></html>", ChannelUnavailableError),
        ('{"a": 1}', ChannelUnavailableError),
        (QNA[:900], ChannelUnavailableError),
        ("<productQnas><a></productQnas>", LayoutChangedError),
        ("<orders><order><no>1</no></order></orders>", LayoutChangedError),
        ("<productQnas><order><no>1</no></order></productQnas>", LayoutChangedError),
        ("<productQnas><brdInfoNo>1</brdInfoNo></productQnas>", LayoutChangedError),
        (f"<productQnas>{'<productQna/>' * 3}</productQnas>", LayoutChangedError),
    ],
)
def test_what_is_no_list_is_never_taken_for_an_empty_one(
    xml: str, error: type[ReputationError]
) -> None:
    with pytest.raises(error):
        parse_questions(xml, now=NOW)


def test_one_bad_row_is_kept_aside_and_the_window_proves_nothing(market: Elevenst) -> None:
    xml = QNA.replace("2026-11-19 12:47:02.0", "언젠가")
    listing = parse_questions(xml, now=NOW)
    assert [item.native_id for item in listing.items] == ["qna:4881273"]
    assert listing.quarantined[0].field == "written_at"


def test_an_urgent_notice_without_a_date_is_undated_rather_than_now() -> None:
    (notice,) = parse_notices(URGENT, now=NOW).items
    assert notice.written_at is None
    dated = URGENT.replace("</emerCtnt>", "</emerCtnt><createDt>2026-11-20 10:00:00</createDt>")
    (notice,) = parse_notices(dated, now=NOW).items
    assert notice.written_at is not None


CUTS = st.lists(
    st.tuples(
        st.floats(0, 1), st.floats(0, 0.1), st.sampled_from(["", "<", "&", "]]>", "가", "\0"])
    ),
    max_size=4,
)


@totality
@given(cuts=CUTS, is_urgent=st.booleans())
def test_any_answer_is_read_or_refused_by_name(
    cuts: list[tuple[float, float, str]], is_urgent: bool
) -> None:
    xml = URGENT if is_urgent else QNA
    for where, length, content in cuts:
        start = int(where * len(xml))
        xml = xml[:start] + content + xml[start + int(length * len(xml)) :]
    try:
        listing = (parse_notices if is_urgent else parse_questions)(xml, now=NOW)
    except ReputationError:
        return
    assert_nothing_is_lost(listing, NOW)


def test_an_answer_is_euc_kr_in_cdata() -> None:
    body = body_of("교환해 드립니다 & 죄송합니다.\r\n]]> 끝", encoding="euc-kr")
    assert body.startswith(
        b'<?xml version="1.0" encoding="euc-kr"?><ProductQna><answerCont><![CDATA['
    )
    assert "교환해".encode("euc_kr") in body
    assert _answer_in(body) == "교환해 드립니다 & 죄송합니다.\n]]> 끝"


@pytest.mark.parametrize("strange", ["😀", "뷁", "똠", "—", "é", "\u3164"])
def test_what_euc_kr_lacks_is_refused_and_named(strange: str) -> None:
    with pytest.raises(PublicationRefusedError, match=f"U\\+{ord(strange):04X}") as caught:
        refuse_unfit(RULES, f"감사합니다 {strange}")
    assert caught.value.code == "encoding"


@pytest.mark.parametrize("encoding", ["euc-kr", "utf-8"])
def test_who_knows_better_sends_references(encoding: str) -> None:
    text = "감사합니다 😀 <뷁> & 안녕"
    body = body_of(text, encoding=encoding)
    assert b"&#128512;" in body
    assert _answer_in(body) == text


def test_control_characters_are_refused() -> None:
    with pytest.raises(PublicationRefusedError, match="control"):
        body_of("감사\x0b합니다", encoding="euc-kr")


@totality
@given(st.text(st.characters(codec="euc_kr", include_characters="\u3164"), min_size=1, max_size=40))
def test_every_korean_answer_survives_the_way_there(text: str) -> None:
    try:
        body = body_of(text, encoding="euc-kr")
    except PublicationRefusedError:
        return
    assert _answer_in(body) == text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.enable_socket
def test_an_unspellable_reply_is_refused_before_anything_is_asked(market: Elevenst) -> None:
    item = _collected(market, market.seed("언제 와요?", market.clock.now() - timedelta(hours=1)))
    asked = len(market.journal)
    with pytest.raises(PublicationRefusedError):
        build_publisher(build_on(market, {"beyond_euckr": "refuse"})).publish(
            target_of(item), "네 😀"
        )
    assert len(market.journal) == asked


@pytest.mark.enable_socket
def test_an_urgent_notice_is_read_and_handed_to_a_person(market: Elevenst) -> None:
    market.notices = URGENT.partition('domain/">')[2].removesuffix("</ns2:alimis>")
    now = market.clock.now()
    page = build(build_on(market, {"surfaces": ["urgent"]})).fetch(
        now - timedelta(days=2), now, None
    )
    (item,) = page.items
    with pytest.raises(PublicationRefusedError) as caught:
        build_publisher(build_on(market)).publish(target_of(item), "내일 출고합니다.")
    assert caught.value.code == "read_only"
    assert not market.writes


@pytest.mark.enable_socket
def test_a_longer_limit_can_be_set_by_the_operator(market: Elevenst) -> None:
    item = _collected(market, market.seed("언제 와요?", market.clock.now() - timedelta(hours=1)))
    publisher = build_publisher(build_on(market, {"reply_max_length": 10}))
    assert publisher.rules.max_length == 10
    with pytest.raises(PublicationRefusedError):
        publisher.publish(target_of(item), "열한 글자가 넘는 답변")


@pytest.mark.enable_socket
@pytest.mark.parametrize("cursor", ["", "x", "2:1", "0:2", "0:1\n", "０:1"])
def test_a_strange_cursor_is_refused(market: Elevenst, cursor: str) -> None:
    with pytest.raises(BadInputError):
        build(build_on(market)).fetch(NOW - timedelta(days=1), NOW, cursor)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "options",
    [
        {"surfaces": ["reviews"]},
        {"base_url": "ftp://x"},
        {"body_encoding": "utf-16"},
        {"beyond_euckr": "drop"},
        {"reply_max_length": "1000"},
        {"reply_max_length": True},
    ],
)
def test_wrong_options_are_named(market: Elevenst, options: dict[str, object]) -> None:
    made = build_on(market, options)
    with pytest.raises(ConfigurationError, match="brand/elevenst"):
        (build(made), build_publisher(made))


def test_a_key_that_is_missing_is_named() -> None:
    market = Elevenst()
    market.start()
    try:
        with pytest.raises(ConfigurationError, match="openapikey"):
            build(build_on(market, credentials={}))
    finally:
        market.stop()


def test_a_deep_answer_is_an_error_with_a_name() -> None:
    with pytest.raises(ReputationError):
        parse_questions("<productQnas>" + "<a>" * 100_000, now=NOW)
    deep = "<a>" * 50_000 + "</a>" * 50_000
    with pytest.raises(ReputationError):
        parse_questions(f"<productQnas>{deep}</productQnas>", now=NOW)
    assert open_xml("<a/>").tag == "a"


def test_unclosed_character_data_costs_no_time() -> None:
    with pytest.raises(ReputationError):
        parse_questions("<productQnas>" + "<![CDATA[" * 200_000, now=NOW)
