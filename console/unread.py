"""Why a row could not be read, in Korean; the collectors say it in English."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST: Final = 50
"""Lines on the page; whoever has more of them mends the first ones first."""
LOOK: Final = "행을 열어 원본을 확인해 주세요. 채널의 형식이 바뀌었으면 수집기를 고쳐야 합니다."
_WORDS: Final = tuple(
    (re.compile(english, re.DOTALL), korean)
    for english, korean in (
        # Values, on whatever channel.
        (r"unreadable date|the date is unreadable|not a date", "날짜를 읽을 수 없음"),
        (r"date lies in the future", "날짜가 미래임(서버 시계가 늦지 않은지도 확인)"),
        (r"date lies before (\d+)", "날짜가 {0}년보다 앞섬"),
        (r"(?:the date is missing|no date)", "날짜가 없음"),
        (r"nanoseconds are not a number", "시각의 소수 부분이 숫자가 아님"),
        (r"rating (?:unreadable|not a number)", "별점을 읽을 수 없음"),
        (r"rating outside 1-5", "별점이 1~5를 벗어남"),
        (r"text of (\d+) characters, more than (\d+)", "글이 {0}자로 너무 긺(최대 {1}자)"),
        (r"(\d+) characters, more than (\d+)", "{0}자로 저장할 수 있는 길이({1}자)를 넘음"),
        (r"a number above (\d+)", "숫자가 저장할 수 있는 값({0})보다 큼"),
        (r"a character that cannot be stored.*", "저장할 수 없는 문자가 들어 있음"),
        (r"(?:a text is missing|no text|the text is not a text)", "글이 없음"),
        (r"the review has no text of its writer", "고객이 쓴 글이 없음"),
        (r"(?:no title|neither a title nor a text)", "제목이나 글이 없음"),
        (r"a whole number is missing", "번호가 없거나 숫자가 아님"),
        (r"(?:a plain value|a list) was expected", "값의 형식이 다름"),
        (r"(?:a row|the response|the reply) is not an object", "행의 형식이 다름"),
        (r"an object is missing", "있어야 할 항목이 없음"),
        (
            r"(?:the (?:review's id|id|number) is missing|article number is missing|no review number"
            r"|no usable id|neither an id nor a usable link)",
            "글 번호가 없거나 쓸 수 없음",
        ),
        (r"no (?:usable )?(?:link|address)", "글의 주소가 없거나 쓸 수 없음"),
        (r"the link leads to another site", "글의 주소가 다른 사이트를 가리킴"),
        (r"the response was not sent along", "답변의 내용이 함께 오지 않음"),
        (r"(\S+) is missing", "화면에 있어야 할 자리({0})가 없음"),
        # Files.
        (r"neither Y nor N", "Y도 N도 아님"),
        (r"a row of totals", "합계 행임"),
        (r"a formula instead of a value", "값 대신 수식이 있음"),
        (r"a number that the spreadsheet has rounded", "엑셀이 반올림한 번호임"),
        (r"the spreadsheet lost the value \((.*)\)", "엑셀에서 값이 사라짐({0})"),
        (r"the row ends after (\d+) columns", "행이 {0}번째 칸에서 끝남"),
        (r"more than the header's (\d+) columns", "열 이름({0}개)보다 칸이 많음"),
        (r"bytes that are not (\S+)", "{0} 인코딩이 아닌 글자가 있음"),
        (r"bytes of no known encoding", "알 수 없는 인코딩의 글자가 있음"),
        (r"broken CSV row \(.*\)", "CSV 행이 깨져 있음"),
        (r"a quotation mark that is not closed.*", "큰따옴표가 닫히지 않아 뒤의 행이 본문에 섞임"),
        (r"every further line of its text.*", "본문의 줄이 행처럼 보임. 큰따옴표가 빠졌을 수 있음"),
        (r"only the first sheet is read.*", "첫 시트만 읽는데 같은 열의 시트가 더 있음"),
        (r"columns missing: (.*); of the file's.*", "필요한 열이 없음: {0}"),
        (r"columns there twice: (.*)", "같은 이름의 열이 둘 이상임: {0}"),
        (r"no header row.*", "열 이름이 있는 행이 없음"),
        (r"the file is empty", "빈 파일임"),
        (r"cannot be opened.*", "파일을 열 수 없음"),
        (r"an encrypted workbook or an old \.xls", "암호가 걸렸거나 옛 형식(.xls)인 파일임"),
        (r"a password is set", "암호가 걸려 있음"),
        (r"the archive of a web page", "웹 페이지 보관 파일임"),
        (r"an encoding that is neither.*", "알 수 없는 인코딩의 파일임"),
        (r"the workbook is damaged or cut off", "파일이 손상되었거나 중간에 잘림"),
        (
            r"the XML is damaged or cut off at its line (\d+)",
            "파일이 {0}번째 줄에서 손상되었거나 잘림",
        ),
        (r"the XML declares entities", "XML에 위험한 선언이 있음"),
        (r"the workbook has no sheet", "읽을 시트가 없음"),
        (r"a row behind the last that a sheet has", "행 번호가 시트의 끝을 넘음"),
        (r"unpacks to (\d+) MiB", "풀면 {0}MiB가 되는 압축 파일임"),
        (r"(\d+) MiB, more than (\d+) MiB", "파일이 {0}MiB로 너무 큼(최대 {1}MiB)"),
        (r"a web page that is nested too deeply", "지나치게 깊이 겹친 웹 페이지임"),
        (r"a web page without a table", "표가 없는 웹 페이지임"),
        (r"(\d+) rows stand where the page shows none", "화면에 보이지 않는 행이 {0}개 있음"),
        (r"the page is cut off", "웹 페이지가 중간에 잘림"),
        # Lists, feeds and boards.
        (
            r"more than (\d+) .*; the rest cannot be listed",
            "{0}개가 넘어 나머지는 목록으로 받을 수 없음",
        ),
        (r"the feed is not well-formed, (\d+) of.*", "피드에 XML 오류가 있어 글 {0}개를 읽지 못함"),
        (r"a secret post.*", "비밀글이라 제목만 읽음"),
        (r"a post for members.*", "회원 전용 글이라 제목만 읽음(로그인 필요)"),
        (r"robots\.txt forbids the post.*", "robots.txt가 이 글을 막음"),
        (r"(\d+): the site refuses us the post.*", "사이트가 이 글을 거절함({0})"),
        (r"board: a post is nested too deeply", "지나치게 깊이 겹친 화면이라 제목만 읽음"),
        (r"board: a post has no text where fields say", "글의 본문이 있어야 할 자리에 없음"),
        (r".*: GET .*", "글이 응답하지 않아 제목만 읽음"),
    )
)
"""What a collector says, whole, and its Korean; first come, first served."""


@dataclass(frozen=True, slots=True)
class Unread:
    """One line about rows that could not be read for the same reason.

    Attributes:
        account: ``BRAND/NAME``.
        reason: In Korean; where nobody has translated it, as the collector said it.
        original: As the collector said it, of the first row.
        remedy: In Korean.
        number: How many rows.
    """

    account: str
    reason: str
    original: str
    remedy: str
    number: int


def grouped(rows: Iterable[dict[str, Any]]) -> list[Unread]:
    """Put rows of `storage.overview.quarantine_reasons` together by reason, most first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    originals: dict[tuple[str, str, str], str] = {}
    for row in rows:
        said = in_korean(row["reason"], field=row["field"], remedy=row["remedy"])
        key = (row["key"], said, row["remedy"] or LOOK)
        counts[key] += row["number"]
        originals.setdefault(key, row["reason"].removesuffix(f" -> {row['remedy']}"))
    return [
        Unread(account, said, originals[account, said, remedy], remedy, number)
        for (account, said, remedy), number in counts.most_common(MOST)
    ]


def in_korean(reason: str, *, field: str = "", remedy: str = "") -> str:
    """Say why a row could not be read, and in which of its fields.

    Args:
        reason: As it was quarantined, with or without its place and remedy.
        field: Column or key.
        remedy: What stands behind the reason where it does.
    """
    said = reason.removesuffix(f" -> {remedy}") if remedy else reason
    named = f"field {field!r}: "
    said = said.partition(named)[2] if field and named in said else _PLACE.sub("", said, count=1)
    for english, korean in _WORDS:
        if found := english.fullmatch(said):
            return korean.format(*found.groups()) + (f" (항목 {field})" if field else "")
    return said


_PLACE: Final = re.compile(r"^(?:[^:]{1,200}, row \d+: |[^:/]{1,200}\.\w{2,5}: )")
"""File and row, or a file alone, in front of a reason."""
