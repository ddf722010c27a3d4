"""Dates are never ahead and never silently now; ratings are 1-5; texts can be stored."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.values import (
    EARLIEST_YEAR,
    FUTURE_SKEW,
    MAX_TEXT_CHARS,
    clean_text,
    decode_text,
    html_to_text,
    is_too_deep,
    parse_rating,
    parse_when,
)
from domain.errors import BadInputError
from domain.korea import KST

LAW = settings(derandomize=True, deadline=None, max_examples=300)
NOW = datetime(2026, 1, 3, 1, 0, tzinfo=UTC)
"""Ten in the morning of the third of January in Seoul."""


@pytest.mark.parametrize(
    ("text", "local", "exact"),
    [
        ("방금 전", "2026-01-03 10:00", False),
        ("30초 전", "2026-01-03 09:59:30", False),
        ("5분 전", "2026-01-03 09:55", False),
        ("2시간전", "2026-01-03 08:00", False),
        ("약 3시간 전", "2026-01-03 07:00", False),
        ("오늘", "2026-01-03 00:00", False),
        ("어제", "2026-01-02 00:00", False),
        ("어제 14:20", "2026-01-02 14:20", False),
        ("그저께", "2026-01-01 00:00", False),
        ("하루 전", "2026-01-02 10:00", False),
        ("3일 전", "2025-12-31 10:00", False),
        ("2주 전", "2025-12-20 10:00", False),
        ("09:59", "2026-01-03 09:59", False),
        ("09:59:30", "2026-01-03 09:59:30", False),
        ("23:50", "2026-01-02 23:50", False),
        ("오후 1:20", "2026-01-02 13:20", False),
        ("오전 12:05", "2026-01-03 00:05", False),
        ("01.02", "2026-01-02 00:00", False),
        ("12.30", "2025-12-30 00:00", False),
        ("12/30", "2025-12-30 00:00", False),
        ("12-30", "2025-12-30 00:00", False),
        ("12.30 14:20", "2025-12-30 14:20", False),
        ("12월 30일", "2025-12-30 00:00", False),
        ("02.29", "2024-02-29 00:00", False),
        ("24.06.01.", "2024-06-01 00:00", False),
        ("24/06/01", "2024-06-01 00:00", False),
        ("2024.06.01.", "2024-06-01 00:00", False),
        ("2024. 6. 1.", "2024-06-01 00:00", False),
        ("2024.06.01. 12:03:04", "2024-06-01 12:03:04", True),
        ("2024-06-01(토) 12:00", "2024-06-01 12:00", True),
        ("2024년 6월 1일 토요일", "2024-06-01 00:00", False),
        ("2024년 6월 1일 오후 3시 20분", "2024-06-01 15:20", True),
        ("등록일: 2024-06-01 12:00", "2024-06-01 12:00", True),
        ("2010-01-19 12:47:02.0", "2010-01-19 12:47:02", True),
        ("20240601", "2024-06-01 00:00", False),
        ("20240601120304", "2024-06-01 12:03:04", True),
        ("2024-06-01T12:03:04", "2024-06-01 12:03:04", True),
        ("2024-06-01T12:03:04Z", "2024-06-01 21:03:04", True),
        ("2025-01-15T14:17:13.973885-08:00", "2025-01-16 07:17:13.973885", True),
        ("2025-02-03T22:36:42.008+09:00", "2025-02-03 22:36:42.008", True),
        ("2025-02-03T22:36:42.123456789Z", "2025-02-04 07:36:42.123456", True),
        ("1733000000", "2024-12-01 05:53:20", True),
        ("1733000000123", "2024-12-01 05:53:20.123", True),
        ("Mon, 02 Dec 2024 10:00:00 +0900", "2024-12-02 10:00", True),
        ("Mon, 02 Dec 2024 10:00:00 GMT", "2024-12-02 19:00", True),
        ("Mon, 02 Dec 2024 10:00:00 -0000", "2024-12-02 19:00", True),
        ("Mon, 02 Dec 24 10:00:00 +0900", "2024-12-02 10:00", True),
        ("월, 2 12월 2024 10:00:00 +0900", "2024-12-02 10:00", True),
        ("토, 06 1월 2024 10:00:00 KST", "2024-01-06 10:00", True),
        (1733000000, "2024-12-01 05:53:20", True),
        (1733000000123, "2024-12-01 05:53:20.123", True),
        (datetime(2024, 6, 1, 12, 0), "2024-06-01 12:00", True),  # noqa: DTZ001 - as a sheet has it
        (date(2024, 6, 1), "2024-06-01 00:00", False),
    ],
)
def test_every_way_korean_channels_write_a_date_is_read(
    text: str | int | datetime | date, local: str, exact: bool
) -> None:
    when = parse_when(text, now=NOW)
    assert when.at == datetime.fromisoformat(local).replace(tzinfo=KST)
    assert when.at.tzinfo is UTC
    assert when.exact is exact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "어쩌고",
        "2027-01-01",
        "2026-01-03 10:06",
        "13:70",
        "25:00",
        "2024-02-30",
        "24.13.01",
        "0",
        "45292",
        "1899-12-31",
        "0001-01-01T00:00:00+23:59",
        "9" * 300,
        "99999999년 전",
        "14:",
        "오후 13:00",
        True,
        float("nan"),
        float("inf"),
    ],
)
def test_what_is_not_a_past_date_is_an_error(text: str | float) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_when(text, now=NOW)
    assert caught.value.field == "written_at"


def test_a_clock_a_little_ahead_is_forgiven() -> None:
    assert parse_when("2026-01-03 10:04", now=NOW).at == NOW + timedelta(minutes=4)


MOMENTS = st.datetimes(
    min_value=datetime(2000, 3, 1),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
DATE_LIKE = st.text(
    alphabet="0123456789.-/: T+Z년월일시분초전오후어제방금주개Mon,DecGMT", max_size=30
)


@LAW
@given(text=st.one_of(DATE_LIKE, st.text(max_size=40)), now=MOMENTS)
def test_no_text_gives_a_date_ahead_or_another_error(text: str, now: datetime) -> None:
    try:
        when = parse_when(text, now=now)
    except BadInputError:
        return
    assert when.at.year >= EARLIEST_YEAR
    assert when.at <= now + FUTURE_SKEW
    if when.at == now and when.exact:
        # "Now" came from the text itself, never from the clock.
        assert any(character.isdigit() for character in text)


@LAW
@given(number=st.one_of(st.integers(), st.floats()), now=MOMENTS)
def test_no_number_gives_a_date_ahead_or_another_error(number: float, now: datetime) -> None:
    try:
        when = parse_when(number, now=now)
    except BadInputError:
        return
    assert when.at <= now + FUTURE_SKEW


@LAW
@given(at=MOMENTS, ahead=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3000)))
def test_a_full_date_is_read_as_written_whatever_the_time_is(
    at: datetime, ahead: timedelta
) -> None:
    local = at.astimezone(KST).replace(microsecond=0)
    for pattern in ("%Y.%m.%d. %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S"):
        assert parse_when(local.strftime(pattern), now=at + ahead).at == local
    assert parse_when(local.isoformat(), now=at + ahead).at == local


@LAW
@given(at=MOMENTS, ago=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=364)))
def test_a_date_without_a_year_is_the_last_such_day(at: datetime, ago: timedelta) -> None:
    day = (at - ago).astimezone(KST).date()
    read = parse_when(f"{day.month:02}.{day.day:02}", now=at)
    assert read.at.astimezone(KST).date() == day
    assert not read.exact


@LAW
@given(at=MOMENTS, ago=st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=23)))
def test_a_clock_time_is_the_last_such_time(at: datetime, ago: timedelta) -> None:
    local = (at - ago).astimezone(KST).replace(second=0, microsecond=0)
    assert parse_when(f"{local.hour:02}:{local.minute:02}", now=at).at == local


@pytest.mark.parametrize(
    ("value", "stars"),
    [
        ("5점", 5),
        ("4.5점", 5),
        ("4.4", 4),
        ("★★★★★", 5),
        ("★★★☆☆", 3),
        ("★ 4", 4),
        ("⭐⭐", 2),
        ("⭐️⭐️⭐️", 3),
        ("width:80%", 4),
        ("width: 70%;", 4),
        ("100%", 5),
        ("ico_point4", 4),
        ("//img.example/ico_point1.gif?v=5", 1),
        ("FIVE", 5),
        ("one", 1),
        ("평점 4점", 4),
        ("별점: 3", 3),
        ("4/5", 4),
        ("8/10", 4),
        ("5점 만점에 2점", 2),
        (5, 5),
        (4.0, 4),
        ("５", 5),
        ("", None),
        ("-", None),
        (None, None),
    ],
)
def test_every_way_korean_channels_write_stars_is_read(
    value: str | float | None, stars: int | None
) -> None:
    assert parse_rating(value) == stars


@pytest.mark.parametrize(("value", "stars"), [("80", 4), (100, 5), ("1", 1), ("50점", 3)])
def test_a_scale_of_a_hundred_is_brought_to_five(value: str | int, stars: int) -> None:
    assert parse_rating(value, scale=100) == stars


@pytest.mark.parametrize(
    "value", ["0", "6", "80", "-3", "7점", "★★★★★★", "☆☆☆☆☆", "width:0%", "width:120%", "굿", True]
)
def test_stars_out_of_range_are_an_error(value: str | bool) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_rating(value)
    assert caught.value.field == "rating"


@LAW
@given(
    value=st.one_of(
        st.text(max_size=20),
        st.text(alphabet="0123456789./점평별 ★☆%width:", max_size=12),
        st.integers(),
        st.floats(),
    ),
    scale=st.sampled_from([5, 10, 100]),
)
def test_no_rating_is_outside_one_to_five(value: str | float, scale: int) -> None:
    try:
        rating = parse_rating(value, scale=scale)
    except BadInputError:
        return
    assert rating is None or 1 <= rating <= 5


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("한 줄\r\n두 줄\r세 줄", "한 줄\n두 줄\n세 줄"),
        ("널\x00바이트\x07", "널바이트"),
        ("반쪽 \ud83d 글자", "반쪽 \ufffd 글자"),
        ("두 쪽 \ud83d\ude00 글자", "두 쪽 😀 글자"),
        ("가족 👨‍👩‍👧 ❤️", "가족 👨‍👩‍👧 ❤️"),
        ("방향 \u202eecnarf\u202c", "방향 ecnarf"),
        (unicodedata.normalize("NFD", "맥북"), "맥북"),
        ("<3 최고 a < b > c", "<3 최고 a < b > c"),
        ("좋아요<br>최고&amp;굿", "좋아요\n최고&굿"),
        ("<script>alert(1)</script>불량", "불량"),
        ("<img src=x onerror=alert(1)>파손", "파손"),
        ("<p>하나</p><p>둘</p>", "하나\n\n둘"),
        ("<div>하나</div>둘", "하나\n둘"),
        ("<table><tr><td>하나</td><td>둘</td></tr></table>", "하나 둘"),
        ("&lt;b&gt; 그대로", "&lt;b&gt; 그대로"),
        ("a <-- 싸요 <!-- 아님 뒤에도 글", "a <-- 싸요 <!-- 아님 뒤에도 글"),
        ("<a 좋아요> 최고", "<a 좋아요> 최고"),
        ("<i love it> 최고", "<i love it> 최고"),
        ("<br>싸요 <!-- 아님 뒤에도 글", "싸요 <!-- 아님 뒤에도 글"),
        ("<br>하나<!-- 숨은 말 --> 둘 <!-- 셋", "하나 둘 <!-- 셋"),
        ("<br><a 좋아요> a<b 최고 </추천> <!강추!>", "<a 좋아요> a<b 최고 </추천> <!강추!>"),
        ('<a href="https://x.kr/?a=1">하나</a ><hr/><BR />둘', "하나\n둘"),
        ("<script async src='/x.js'>alert(1)</script>불량", "불량"),
        ("좋아요 <script> 배송이 늦어요", "좋아요 <script> 배송이 늦어요"),
        ("<STYLE>하나 <b>둘</b>", "<STYLE>하나 둘"),
        ("<iframe src='x'> 동영상이 없어요", "<iframe src='x'> 동영상이 없어요"),
        ("<script>x</script>하나<script>둘", "하나<script>둘"),
        (
            "<br>하나 <object> 둘 <template> 셋 <noscript>",
            "하나 <object> 둘 <template> 셋 <noscript>",
        ),
        ('<font color="red>하나</font> <b>둘</b>', '<font color="red>하나 둘'),
        ("<a href='x>하나</a> 둘", "<a href='x>하나 둘"),
        ("<title> 하나 <i>", "하나 <i>"),
        ("<br><![CDATA[하나]]> <!new 둘>", "<![CDATA[하나]]> <!new 둘>"),
        ("<frameset> 하나 <b>둘</b>", "하나 둘"),
        ("<img alt=\"사진 > '하나'\" src='x'>둘", "둘"),
        ("<!DOCTYPE html><p>하나<?xml:namespace prefix=o /><o:p></o:p><![endif]>", "하나"),
        ("", ""),
    ],
)
def test_texts_come_out_storable_with_every_word(text: str, clean: str) -> None:
    assert clean_text(text) == clean


def test_a_megabyte_is_kept_and_more_is_refused() -> None:
    longest = "가" * MAX_TEXT_CHARS
    assert clean_text(longest) == longest
    with pytest.raises(BadInputError, match="1000001"):
        clean_text(longest + "나")


@LAW
@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_becomes_storable_and_stays_so(text: str) -> None:
    once = clean_text(text)
    assert "\x00" not in once
    assert "\r" not in once
    once.encode()


@LAW
@given(st.text(alphabet="<>/abprsciptdv =\"'&;!-가\n", max_size=200))
def test_any_html_becomes_text(html: str) -> None:
    html_to_text(html).encode()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("좋아요 <b 최고예요", "좋아요 <b 최고예요"),
        ("<p>앞</p>값 <a 뒤 <b 더 뒤", "앞\n값 <a 뒤 <b 더 뒤"),
        ("<p>앞 </뒤 끝", "앞 </뒤 끝"),
        # Markup that a feed cut off is no word of anybody.
        ('앞<br>뒤 <img src="https://x.kr/사진 1', "앞\n뒤"),
        ("앞 <a href='https://x.kr", "앞"),
        ("앞 <br", "앞"),
    ],
)
def test_html_that_ends_in_what_is_no_tag_loses_no_word(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize("piece", ["<b ", "<b  =", "<b 가 ", "</", "<a-", "< "])
def test_html_of_beginnings_of_tags_costs_no_time(piece: str) -> None:
    html_to_text(piece * (MAX_TEXT_CHARS // len(piece) - 10))
    html_to_text("<b " + " " * (MAX_TEXT_CHARS - 10) + "=")


def test_html_as_deep_as_a_well_comes_to_an_end() -> None:
    # What grew with the square of the depth would run into the suite's time-out.
    deep = "<div>" * 150_000 + "불만" + "</div>" * 15_000
    assert is_too_deep(deep)
    assert "불만" in html_to_text(deep)


@pytest.mark.parametrize(
    "piece", ["<", "<!--", "<a b=", "<a ", "<a b= ", "</", '<a b="', "<a b=\"'", "<style>"]
)
def test_a_text_of_beginnings_of_tags_is_kept(piece: str) -> None:
    # What grew with the square of the beginnings would run into the suite's time-out.
    many = (piece * (MAX_TEXT_CHARS // len(piece) - 10)).strip()
    assert clean_text(many) == many
    assert clean_text(f"<br>{many}") == many


def test_a_long_run_of_blanks_comes_to_an_end() -> None:
    # What grew with the square of the run would run into the suite's time-out.
    blanks = "\xa0" * (MAX_TEXT_CHARS - 100)
    assert html_to_text(f"<p>하나{blanks}둘 \t </p>셋") == f"하나{' ' * len(blanks)}둘\n셋"


@pytest.mark.parametrize("charset", ["utf-8", "cp949", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "declared", ["", "utf-8", "euc-kr", "iso-8859-1", "x-windows-949", "rot13"]
)
def test_korean_is_read_whatever_the_header_says(charset: str, declared: str) -> None:
    text = "<p>똠방각하가 드신 펲시콜라 ㅋㅋ</p>"
    assert decode_text(text.encode(charset), declared) == text


def test_a_page_is_read_by_its_meta_when_nothing_else_tells() -> None:
    page = '<meta charset="euc-kr"><p>ＡＢＣ</p>'.encode("cp949")
    assert "ＡＢＣ" in decode_text(page)


@LAW
@given(body=st.binary(max_size=200), declared=st.text(max_size=12))
def test_any_bytes_become_text(body: bytes, declared: str) -> None:
    assert isinstance(decode_text(body, declared), str)
