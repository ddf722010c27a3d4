"""Bad files are refused with a remedy, bad rows are quarantined, and nothing around them is lost."""

from __future__ import annotations

import contextlib
import os
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors import CHANNELS, files
from collectors.base import Build, CheckReason
from collectors.files import (
    MAX_CSV_BYTES,
    MAX_XLSX_BYTES,
    FolderCollector,
    read_pages,
)
from collectors.seller_export import COLUMNS, SellerExportLayout
from collectors.table_file import SPEC
from collectors.tables import TableLayout
from domain.brands import Account
from domain.errors import BadInputError, ConfigurationError
from tests.collectors.conftest import FIXTURES, NOW

if TYPE_CHECKING:
    from pathlib import Path

    from domain.types import CollectedFeedback, Page, QuarantinedItem
    from tests.collectors.conftest import MakeBuild

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
HEADER = "번호,작성일,별점,내용\n"
TABLE = Account(
    "brand",
    "table",
    "generic_file",
    options={
        "columns": {"id": "번호", "written_at": "작성일", "rating": "별점", "text": "내용"},
        "folder": "inbox",
    },
)


def read(path: Path, account: Account = TABLE, page_size: int = 500) -> list[Page]:
    return list(read_pages(path, TableLayout(account), now=NOW, page_size=page_size))


def items(pages: list[Page]) -> list[CollectedFeedback]:
    return [item for page in pages for item in page.items]


def given_before(damage: str, path: Path) -> list[str]:
    """Read a file that is damaged further down; give the numbers of the rows before."""
    given: list[str] = []
    pages = read_pages(path, TableLayout(TABLE), now=NOW, page_size=10)
    with pytest.raises(BadInputError, match=damage):
        given.extend(item.native_id for page in pages for item in page.items)
    return given


def bad(pages: list[Page]) -> list[QuarantinedItem]:
    return [item for page in pages for item in page.quarantined]


def write(folder: Path, content: str, encoding: str = "utf-8", name: str = "r.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding, "surrogatepass"))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_and_separators_are_found_by_looking(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = (HEADER + "1,2026-11-20,5점,펲시가 시원해요 정말로\n" * 20).replace(",", delimiter)
    pages = read(write(tmp_path, rows, encoding))
    assert not bad(pages)
    assert {item.text for item in items(pages)} == {"펲시가 시원해요 정말로"}


def test_korean_far_behind_plain_rows_is_still_read(tmp_path: Path) -> None:
    account = Account("b", "t", "generic_file", options={"columns": {"text": "text"}})
    rows = "text\n" + "fine\n" * 60_000 + "배송이 늦어요\n"
    pages = read(write(tmp_path, rows, "cp949"), account, page_size=200_000)
    assert items(pages)[-1].text == "배송이 늦어요"
    assert not bad(pages)


def test_an_unknown_encoding_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(HEADER.encode() + b"\xff" * 500)
    with pytest.raises(BadInputError, match="encoding") as caught:
        read(path)
    assert caught.value.source == "r.csv"
    assert "UTF-8" in caught.value.remedy


def test_a_broken_byte_costs_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    good = "1,2026-11-20,5,배송이 빨라요\n".encode()
    path.write_bytes(HEADER.encode() + good + b"2,2026-11-20,5,\xff\xfe\n" + good)
    pages = read(path)
    assert len(items(pages)) == 2
    assert [(item.row, item.raw) for item in bad(pages)] == [(3, b"2,2026-11-20,5,\xff\xfe\n")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_replacement_character_that_the_export_has_is_no_broken_byte(
    tmp_path: Path, encoding: str
) -> None:
    pages = read(write(tmp_path, HEADER + "1,2026-11-20,5,좋아요 \ufffd 최고\n", encoding))
    assert [item.text for item in items(pages)] == ["좋아요 \ufffd 최고"]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"  \r\n\r\n", b"\x00" * 50])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="empty"):
        read(path)


def test_a_header_alone_is_nothing_new(tmp_path: Path) -> None:
    pages = read(write(tmp_path, HEADER))
    assert items(pages) == []
    assert pages[-1].next_cursor is None


def test_missing_columns_are_named_with_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path, "번호,날짜,별점,본문\n1,2026-11-20,5,좋아요\n")
    said = "missing: 작성일, 내용; of the file's 4 columns these are known: 번호, 별점 ->"
    with pytest.raises(BadInputError, match=said) as caught:
        read(path)
    assert caught.value.source == "r.csv"
    assert caught.value.row == 1
    assert caught.value.field == "작성일"
    assert caught.value.remedy


def test_a_file_without_a_header_is_refused_without_a_word_of_its_rows(tmp_path: Path) -> None:
    cells = ["1", "김하늘", "010-1234-5678", "서울시 강남구 테헤란로 152", "배송이 늦어요"]
    path = write(tmp_path, ",".join(cells) + "\n")
    with pytest.raises(BadInputError, match="the file's 5 columns these are known: none") as caught:
        read(path)
    assert not [cell for cell in cells[1:] if cell in str(caught.value)]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "번호,작성일,별점,내용,내용\n1,2026-11-20,5,가,나\n")
    with pytest.raises(BadInputError, match="twice"):
        read(path)


def test_unknown_columns_beside_the_known_ones_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path, "새 열,번호,작성일,별점,내용\nx,1,2026-11-20,5,좋아요\n")
    assert items(read(path))[0].native_id == "1"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("2,2026-11-20,6점,별점이 이상", "별점"),
        ("2,2026-11-20,★★★★★★,별점이 이상", "별점"),
        ("2,2030-01-01,5,미래", "작성일"),
        ("2,언젠가,5,날짜 아님", "작성일"),
        (",2026-11-20,5,번호 없음", "번호"),
        ("4.4E+09,2026-11-20,5,반올림된 번호", "번호"),
        ("2,2026-11-20,5,", "내용"),
        ("2,2026-11-20,5", "내용"),
        ("2,2026-11-20,5,쉼표가,있어요", ""),
        ('2,2026-11-20,5,"따옴표" 뒤에 글자', ""),
        (f"2,2026-11-20,5,{'가' * 1_000_001}", "내용"),
    ],
)
def test_a_bad_row_is_quarantined_and_the_rows_around_it_are_kept(
    tmp_path: Path, row: str, field: str
) -> None:
    path = write(tmp_path, f"{HEADER}1,2026-11-20,5,앞\n{row}\n3,2026-11-20,5,뒤\n")
    pages = read(path)
    assert [item.native_id for item in items(pages)] == ["1", "3"]
    (refused,) = bad(pages)
    assert (refused.row, refused.field, refused.source) == (3, field, "r.csv")
    assert refused.reason
    assert refused.remedy
    assert refused.raw.startswith(row.encode()[:100])


def test_an_unclosed_quotation_mark_does_not_swallow_the_rest(tmp_path: Path) -> None:
    rest = "".join(f"{number},2026-11-20,5,좋아요 {number}\n" for number in range(3, 50))
    path = write(tmp_path, f'{HEADER}1,2026-11-20,5,앞\n2,2026-11-20,5,"열린 채\n{rest}')
    pages = read(path)
    assert [item.native_id for item in items(pages)] == ["1", *map(str, range(3, 50))]
    assert [item.row for item in bad(pages)] == [3]


@pytest.mark.parametrize(
    ("rows", "expected", "field"),
    [
        # Opened in one row and closed at the end of another: one long text, as it were.
        ('2,2026-11-20,5,"좋아요|3,2026-11-18,4,그냥|4,2026-11-19,,키가 5"', ["3", "4"], "내용"),
        ('2,2026-11-20,5,"|3,2026-11-18,4,"', [], "내용"),
        # Closed in another column than it was opened in.
        ('2,2026-11-20,"5,좋아요|3,2026-11-18,4,키가 5"', ["3"], "별점"),
        # In a column in the middle.
        ('2,2026-11-20,"5,좋아요|3,2026-11-18,4",그냥', [], "별점"),
    ],
)
def test_a_stray_quotation_mark_makes_no_one_row_of_several(
    tmp_path: Path, rows: str, expected: list[str], field: str
) -> None:
    lines = rows.replace("|", "\n")
    path = write(tmp_path, f"{HEADER}1,2026-11-20,5,앞\n{lines}\n9,2026-11-20,5,뒤\n")
    pages = read(path)
    assert [item.native_id for item in items(pages)] == ["1", *expected, "9"]
    refused = bad(pages)[0]
    assert (refused.source, refused.row, refused.field) == ("r.csv", 3, field)
    assert "큰따옴표" in refused.remedy
    assert refused.raw == f"{lines.partition(chr(10))[0]}\n".encode()
    # What cannot be read is kept, too.
    told = b"".join(item.raw for item in bad(pages)).decode()
    assert len(items(pages)) + told.count("\n") == 2 + rows.count("|") + 1


@pytest.mark.parametrize(("columns", "told"), [(HEADER.strip(), 1), ("합계,개수", 0)])
def test_a_second_sheet_with_the_same_columns_is_told_of(
    tmp_path: Path, columns: str, told: int
) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER.strip().split(","))
    book.active.append(["1", "2026-11-20", 5, "앞"])
    more = book.create_sheet("이어서")
    more.append(columns.split(","))
    more.append(["2", "2026-11-20", 5, "뒤"])
    book.save(tmp_path / "r.xlsx")
    pages = read(tmp_path / "r.xlsx")
    assert [item.native_id for item in items(pages)] == ["1"]
    assert [item.raw.decode() for item in bad(pages)] == ["이어서"] * told


def test_rows_with_few_figures_behind_a_quotation_mark_are_kept_for_a_person(
    tmp_path: Path,
) -> None:
    merged = '2,5,"좋아요\n3,4,그냥\n4,1,키가 5"\n'
    path = write(tmp_path, f"번호,별점,내용\n1,5,앞\n{merged}9,5,뒤\n")
    columns = {"id": "번호", "rating": "별점", "text": "내용"}
    pages = read(path, replace(TABLE, options={"columns": columns}))
    assert [item.native_id for item in items(pages)] == ["1", "9"]
    (kept,) = bad(pages)
    assert (kept.row, kept.field, kept.raw.decode()) == (3, "내용", merged)


@pytest.mark.parametrize(
    "text",
    [
        "맛, 양, 값, 다 좋아요",
        "1,2,3번 다 샀어요",
        "1, 2, 3, 4번 다 샀어요",
        "2026-11-20에 받고, 5일 뒤, 또, 샀어요",
        ",,,",
    ],
)
def test_lines_of_a_text_that_have_as_many_commas_as_a_row_stay_a_text(
    tmp_path: Path, text: str
) -> None:
    path = write(tmp_path, f'{HEADER}1,2026-11-20,5,"앞\n{text}\n{text}"\n2,2026-11-20,5,뒤\n')
    assert [item.text for item in items(read(path))] == [f"앞\n{text}\n{text}", "뒤"]


def test_a_quoted_text_keeps_its_lines_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, f'{HEADER}1,2026-11-20,5,"한 줄\r\n두 줄, ""굿"""\n2,언젠가,5,뒤\n')
    pages = read(path)
    assert items(pages)[0].text == '한 줄\n두 줄, "굿"'
    assert bad(pages)[0].row == 4


def test_hostile_texts_are_stored_as_plain_text(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"{HEADER}1,2026-11-20,5,<script>alert(1)</script>널\x00 이모지😀\n"
        "2,2026-11-20,1,=HYPERLINK(1)\n",
    )
    texts = [item.text for item in items(read(path))]
    assert texts == ["널 이모지😀", "=HYPERLINK(1)"]


def test_a_review_of_a_megabyte_is_stored(tmp_path: Path) -> None:
    longest = "가" * 1_000_000
    (item,) = items(read(write(tmp_path, f"{HEADER}1,2026-11-20,5,{longest}\n")))
    assert item.text == longest


def test_naive_times_are_seoul_times(tmp_path: Path) -> None:
    (item,) = items(read(write(tmp_path, f"{HEADER}1,2026-11-20 09:00,5,좋아요\n")))
    assert item.written_at == datetime(2026, 11, 20, 0, 0, tzinfo=UTC)


def test_a_second_row_with_an_id_comes_after_the_first(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER}1,2026-11-20,5,처음\n1,2026-11-20,1,고침\n")
    assert [(item.native_id, item.text) for item in items(read(path))] == [
        ("1", "처음"),
        ("1", "고침"),
    ]


def test_rows_without_an_id_get_the_same_one_when_the_file_has_grown(tmp_path: Path) -> None:
    account = Account(
        "b",
        "t",
        "generic_file",
        options={"columns": {"text": "내용", "written_at": "작성일", "reply": "답변"}},
    )
    first = "작성일,내용,답변\n2026-11-20,좋아요,\n2026-11-20,좋아요,\n2026-11-19,별로예요,\n"
    grown = first.replace("별로예요,", "별로예요,죄송합니다") + "2026-11-21,새 글,\n"
    before = [item.native_id for item in items(read(write(tmp_path, first), account))]
    after = items(read(write(tmp_path, grown), account))
    assert [item.native_id for item in after][:3] == before
    assert len({item.native_id for item in after}) == 4
    assert after[2].replies[0].text == "죄송합니다"


def _workbook(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_like_a_table(tmp_path: Path) -> None:
    written_at = datetime(2026, 11, 20, 9, 0)  # noqa: DTZ001 - as a sheet has it
    path = _workbook(
        tmp_path / "r.xlsx",
        [
            ["번호", "작성일", "별점", "내용", "비고"],
            [1, written_at, 5, "좋아요_x000D_\n정말", None],
            [2.0, "2026.11.20.", "★★", "=손글씨"[1:], None],
            [None, None, None, None, None],
            [float(2**60), written_at, 5, "반올림", None],
            [3, 45292.5, 5, "서식을 잃은 날짜", None],
            [4, 20261120, 5, "날짜가 숫자", None],
            [5, 452, 5, "날짜가 아닌 숫자", None],
            [2026112012345670, written_at, 5, "열다섯 자리만 남은 번호", None],
        ],
    )
    pages = read(path)
    stars = [("1", 5), ("2", 2), ("3", 5), ("4", 5)]
    assert [(item.native_id, item.rating) for item in items(pages)] == stars
    assert items(pages)[0].text == "좋아요\n정말"
    assert items(pages)[0].written_at == datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
    assert items(pages)[2].written_at == datetime(2024, 1, 1, 3, 0, tzinfo=UTC)
    assert items(pages)[3].written_at == datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
    wrong = [(5, "번호"), (8, "작성일"), (9, "번호")]
    assert [(item.row, item.field) for item in bad(pages)] == wrong


def test_a_workbook_of_the_mac_counts_its_days_from_another_one(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = datetime(1904, 1, 1)  # noqa: DTZ001 - as a workbook has it
    book.active.append(HEADER.strip().split(","))
    book.active.append(["1", 44884, 5, "좋아요"])
    book.save(tmp_path / "r.xlsx")
    [item] = items(read(tmp_path / "r.xlsx"))
    assert item.written_at == datetime(2026, 11, 20, tzinfo=UTC) - timedelta(hours=9)


def test_a_hidden_sheet_is_passed_over(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "r.xlsx", [["코드"], ["1"]])
    book = openpyxl.load_workbook(path)
    book.active.sheet_state = "hidden"
    for row in (HEADER.strip().split(","), ["1", "2026-11-20", 5, "좋아요"]):
        book.create_sheet("리뷰") if len(book.sheetnames) == 1 else None
        book["리뷰"].append(row)
    book.save(path)
    assert [item.text for item in items(read(path))] == ["좋아요"]


TITLED = [
    "sep=;\n번호;작성일;별점;내용\n",
    "리뷰 목록\n기간: 2026-11-01 ~ 2026-11-20\n\n" + HEADER,
    "리뷰 목록,,,\n" + HEADER,
]


@pytest.mark.parametrize("above", TITLED)
def test_a_title_may_stand_above_the_column_names(tmp_path: Path, above: str) -> None:
    delimiter = ";" if ";" in above else ","
    row = delimiter.join(("1", "2026-11-20", "5", "좋아요")) + "\n"
    bad_row = delimiter.join(("2", "언제", "5", "좋아요")) + "\n"
    pages = read(write(tmp_path, above + row + bad_row))
    assert [item.text for item in items(pages)] == ["좋아요"]
    assert [item.row for item in bad(pages)] == [above.count("\n") + 2]
    book = _workbook(tmp_path / "r.xlsx", [["리뷰 목록"], [], [*HEADER.strip().split(",")]])
    assert items(read(book)) == []


def test_a_quotation_mark_is_missed_under_a_title_too(tmp_path: Path) -> None:
    rows = '1,2026-11-20,5,"좋아요\n2,2026-11-19,1,별로\n3,2026-11-18,4,"네"\n'
    pages = read(write(tmp_path, "리뷰 목록\n" + HEADER + rows))
    assert [item.native_id for item in items(pages)] == ["2", "3"]
    assert [item.row for item in bad(pages)] == [3]


def test_a_row_of_totals_is_no_review(tmp_path: Path) -> None:
    rows = "1,2026-11-20,5,합계가 틀려요\n합계,,3.0,2\n총 1건,,,,\n"
    pages = read(write(tmp_path, HEADER + rows))
    assert [item.native_id for item in items(pages)] == ["1"]
    assert ["totals" in item.reason for item in bad(pages)] == [True, True]
    assert [item.row for item in bad(pages)] == [3, 4]


@pytest.mark.parametrize("lost", ["#N/A", "#REF!", "#NAME?", "########"])
@pytest.mark.parametrize("column", ["번호", "내용"])
def test_what_a_spreadsheet_lost_is_no_value(tmp_path: Path, column: str, lost: str) -> None:
    number, text = (lost, "좋아요") if column == "번호" else ("1", lost)
    pages = read(write(tmp_path, f"{HEADER}{number},2026-11-20,5,{text}\n"))
    assert items(pages) == []
    assert [(item.row, item.field) for item in bad(pages)] == [(2, column)]
    assert "원본" in bad(pages)[0].remedy


def test_a_number_written_as_a_formula_keeps_its_digits(tmp_path: Path) -> None:
    rows = '="2026112012345670",2026-11-20,5,좋아요\n"=""0012""",2026-11-20,5,별로\n'
    pages = read(write(tmp_path, HEADER + rows))
    assert [item.native_id for item in items(pages)] == ["2026112012345670", "0012"]


@pytest.mark.parametrize("number", ["1234567890123450000", "1.23457E+18"])
def test_a_long_number_that_was_rounded_is_no_id(tmp_path: Path, number: str) -> None:
    pages = read(write(tmp_path, f"{HEADER}{number},2026-11-20,5,좋아요\n"))
    assert [item.field for item in bad(pages)] == ["번호"]


def test_cells_of_blanks_are_empty(tmp_path: Path) -> None:
    pages = read(write(tmp_path, f"{HEADER}1,2026-11-20,5,좋아요, \n , ,,\n"))
    assert ([item.native_id for item in items(pages)], bad(pages)) == (["1"], [])


def test_a_formula_is_quarantined(tmp_path: Path) -> None:
    path = _workbook(
        tmp_path / "r.xlsx",
        [
            ["번호", "작성일", "별점", "내용"],
            ["1", "2026-11-20", 5, '=HYPERLINK("http://example.com")'],
            ["2", "2026-11-20", 5, "좋아요"],
        ],
    )
    pages = read(path)
    assert [item.native_id for item in items(pages)] == ["2"]
    assert (bad(pages)[0].row, bad(pages)[0].field) == (2, "내용")
    assert "값" in bad(pages)[0].remedy


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "encrypted"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "columns missing"),
        (b"<html><form><input type=password></form></html>", "web page without a table"),
        (b'<?xml version="1.0"?><Workbook/>', "no sheet"),
        (b'<?xml version="1.0"?><Workbooks/>', "web page without a table"),
        ("\ufeff<style>td{}</style><table>".encode(), "web page without a table"),
        (b"<meta charset=euc-kr>\n<table>", "web page without a table"),
        ("<html><table>".encode("utf-16"), "web page without a table"),
        (b"<table><tr><td>" + b"<b>" * 30_000, "nested too deeply"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "archive of a web page"),
        (b"PK\x03\x04 not really", "damaged"),
    ],
)
def test_other_kinds_of_files_are_refused_with_a_remedy(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "r.xls"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=words) as caught:
        read(path)
    assert caught.value.source == "r.xls"
    assert caught.value.remedy


WEB_PAGE = """<html><head><meta http-equiv="Content-Type" content="text/html; charset={charset}">
<style>br {{mso-data-placement:same-cell;}}</style></head><body>
<table><tr><td colspan="4">상품평 목록 2026-11-01 ~ 2026-11-20</td></tr></table>
<table border="1">
  <tr><th>번호</th><th>작성일</th><th>별점</th><th>내용</th></tr>
  {rows}
</table>
</body></html>
"""
WEB_ROWS = """<tr><td style='mso-number-format:"\\@"'>20261103123456789</td><td>2026-11-19 10:20</td>
    <td>5</td><td>펲시가 시원해요 &lt;3<br>배송은 늦어요&nbsp;</td></tr>
  <tr><td>2</td><td>2026-11-20</td><td>1</td><td>별로 &amp; 실망</td></tr>"""


@pytest.mark.parametrize("charset", ["utf-8", "cp949", "euc-kr", "utf-8-sig", "utf-16"])
def test_a_web_page_that_is_called_a_workbook_is_read(tmp_path: Path, charset: str) -> None:
    encoding = "cp949" if charset == "euc-kr" else charset
    page = WEB_PAGE.format(charset=charset, rows=WEB_ROWS)
    pages = read(write(tmp_path, page, encoding, name="r.xls"))
    assert not bad(pages)
    assert [(item.native_id, item.rating, item.text) for item in items(pages)] == [
        ("20261103123456789", 5, "펲시가 시원해요 <3\n배송은 늦어요"),
        ("2", 1, "별로 & 실망"),
    ]
    assert [pages[0].rows, pages[0].source] == [(3, 4), "r.xls"]


def test_bad_rows_of_a_web_page_are_quarantined_and_the_others_read(tmp_path: Path) -> None:
    rows = [
        "<tr><td>1<td>2026-11-20<td>5<td>좋아요",
        "<tr><td>2.02611E+16<td>2026-11-20<td>5<td>반올림",
        "<tr><td>3<td>2026-11-20<td>5",
        "<tr><td>4<td>2026-11-20<td>5<td>본문<td>남는 칸",
        "<tr><td>5<td>2026-11-20<td>5<td>\u3000#N/A",
        "<tr><td>합계<td><td><td>",
        "<tr height=0 style='display:none'><td width=64><td><td><td>",
        "<tr><td>6<td>2026-11-20<td>5<td>괜찮아요",
    ]
    page = WEB_PAGE.format(charset="euc-kr", rows="\n".join(rows))
    pages = read(write(tmp_path, page, "cp949", name="r.xls"))
    assert [item.native_id for item in items(pages)] == ["1", "6"]
    assert [row.row for row in bad(pages)] == [4, 5, 6, 7, 8]


def test_a_cell_over_several_rows_does_not_move_the_others(tmp_path: Path) -> None:
    rows = """<tr><td rowspan=2>1</td><td>2026-11-20</td><td>5</td><td>세트의 첫째</td></tr>
    <tr><td>2026-11-20</td><td>4</td><td>세트의 둘째</td></tr>
    <tr><td>2</td><td>2026-11-20</td><td>3</td><td>다음 <table><tr><td>속의 표</td></tr></table></td>
    </tr>"""
    pages = read(write(tmp_path, WEB_PAGE.format(charset="utf-8", rows=rows), name="r.xls"))
    assert [item.text for item in items(pages)] == ["세트의 첫째", "다음\n\n 속의 표"]
    # As in a workbook, only the first of the two has the number.
    assert [(row.row, row.field) for row in bad(pages)] == [(4, "번호")]


def test_a_web_page_cut_off_gives_the_rows_before(tmp_path: Path) -> None:
    page = WEB_PAGE.format(charset="utf-8", rows=WEB_ROWS)
    path = write(tmp_path, page[: page.index("실망")], name="r.xls")
    assert given_before("cut off", path) == ["20261103123456789"]


def test_rows_that_a_review_swallows_are_told_of(tmp_path: Path) -> None:
    rows = WEB_ROWS.replace("별로", "별로 <!--").replace("시원해요", "시원해요 <!-- 참고 -->")
    rows += "<tr><td>3</td><td>2026-11-20</td><td>5</td><td>좋아요</td></tr>"
    path = write(tmp_path, WEB_PAGE.format(charset="utf-8", rows=rows), name="r.xls")
    assert given_before("1 rows stand", path) == [
        "20261103123456789",
        "2",
    ]


def test_broken_bytes_of_a_web_page_cost_their_row_only(tmp_path: Path) -> None:
    rows = "<tr><td>{}<td>2026-11-20<td>5<td>배송이 빨라요{}"
    content = "\n".join([rows.format(1, ""), rows.format(2, "@"), rows.format(3, "")])
    page = (
        WEB_PAGE.format(charset="euc-kr", rows=content).encode("cp949").replace(b"@", b"\xff\xfe")
    )
    path = tmp_path / "r.xls"
    path.write_bytes(page)
    pages = read(path)
    assert [item.native_id for item in items(pages)] == ["1", "3"]
    assert [row.row for row in bad(pages)] == [4]


def test_a_web_page_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, WEB_PAGE.format(charset="utf-8", rows=WEB_ROWS), name="r.xls")
    monkeypatch.setattr(files, "MAX_PAGE_BYTES", 500)
    with pytest.raises(BadInputError, match="more than"):
        read(path)


def test_a_row_of_cells_as_wide_as_they_may_be_is_read_no_further(tmp_path: Path) -> None:
    rows = "<tr>" + "<td colspan=1000 rowspan=65534>x" * 5000 + WEB_ROWS
    pages = read(write(tmp_path, WEB_PAGE.format(charset="utf-8", rows=rows), name="r.xls"))
    assert not items(pages)
    assert len(bad(pages)) == 3


BOOK = """<?xml version="1.0" encoding="{charset}"?>
<?mso-application progid="Excel.Sheet"?>
<!-- 관리자 > 후기 -->
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:x="urn:schemas-microsoft-com:office:excel"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet" xmlns:html="http://www.w3.org/TR/REC-html40">
 <Styles><Style ss:ID="s1"><NumberFormat ss:Format="@"/></Style></Styles>
 <Worksheet ss:Name="코드"><Table><Row><Cell><Data ss:Type="String">코드</Data></Cell></Row></Table>
  <x:WorksheetOptions><x:Visible>SheetHidden</x:Visible></x:WorksheetOptions></Worksheet>
 <Worksheet ss:Name="후기"><Table ss:ExpandedColumnCount="4"><Column ss:Width="60"/>
  <Row><Cell ss:MergeAcross="3"><Data ss:Type="String">상품평 목록</Data></Cell></Row>
  <Row ss:Index="3">
   <Cell><Data ss:Type="String">번호</Data></Cell><Cell><Data ss:Type="String">작성일</Data></Cell>
   <Cell><Data ss:Type="String">별점</Data></Cell><Cell><Data ss:Type="String">내용</Data></Cell>
  </Row>
  {rows}
 </Table></Worksheet>
</Workbook>
"""
BOOK_ROWS = """<Row><Cell ss:StyleID="s1"><Data ss:Type="Number">20261103123456789</Data></Cell>
   <Cell><Data ss:Type="DateTime">2026-11-19T10:20:00.000</Data></Cell>
   <Cell><Data ss:Type="Number">5</Data></Cell>
   <Cell><ss:Data ss:Type="String" xmlns="http://www.w3.org/TR/REC-html40"><B>펲시가</B> 시원해요
     &lt;3&#10;배송은 늦어요</ss:Data><Comment><ss:Data>메모</ss:Data></Comment></Cell></Row>
  <Row ss:Index="6"><Cell><Data ss:Type="String">2</Data></Cell>
   <Cell><Data ss:Type="String">2026-11-20</Data></Cell>
   <Cell ss:Index="4"><Data ss:Type="String"><![CDATA[별로 & 실망]]>\x0b</Data></Cell></Row>"""


def book(folder: Path, rows: str = BOOK_ROWS, encoding: str = "utf-8") -> Path:
    charset = "euc-kr" if encoding == "cp949" else encoding
    return write(folder, BOOK.format(charset=charset, rows=rows), encoding, name="r.xls")


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-8-sig", "utf-16"])
def test_an_xml_spreadsheet_that_is_called_xls_is_read(tmp_path: Path, encoding: str) -> None:
    pages = read(book(tmp_path, encoding=encoding))
    assert not bad(pages)
    assert [(item.native_id, item.rating) for item in items(pages)] == [
        ("20261103123456789", 5),
        ("2", None),
    ]
    first, second = items(pages)
    assert first.text.split("\n")[-1] == "배송은 늦어요"
    assert first.text.startswith("펲시가 시원해요")
    assert first.written_at == datetime(2026, 11, 19, 1, 20, tzinfo=UTC)
    assert second.text == "별로 & 실망"
    # Rows are counted as Excel counts them.
    assert [pages[0].rows, pages[0].source] == [(4, 6), "r.xls"]


def _row_of(*cells: tuple[str, str]) -> str:
    inside = "".join(f'<Cell><Data ss:Type="{kind}">{value}</Data></Cell>' for kind, value in cells)
    return f"<Row>{inside}</Row>"


def test_bad_rows_of_an_xml_spreadsheet_are_quarantined_and_the_others_read(
    tmp_path: Path,
) -> None:
    day, stars, words = ("String", "2026-11-20"), ("Number", "5"), ("String", "좋아요")
    rows = [
        _row_of(("Number", "1"), day, stars, words),
        _row_of(("Number", "2.0261103123456789E+16"), day, stars, words),
        _row_of(("Number", "3"), ("DateTime", "2026-13-40T99:99:99.000"), stars, words),
        _row_of(("Number", "4"), day, ("Number", "1E+99"), words),
        _row_of(("Number", "5"), day, stars, ("Error", "#N/A")),
        _row_of(("Number", "6"), day, stars, words, ("String", "남는 칸")),
        _row_of(("String", "합계"), ("Number", "6")),
        f'<Row><Cell ss:Index="99999999"><Data>x</Data></Cell></Row>{_row_of()}',
        _row_of(("Number", "7"), day, stars, words),
    ]
    pages = read(book(tmp_path, "\n".join(rows)))
    assert [item.native_id for item in items(pages)] == ["1", "7"]
    assert [(row.row, row.field) for row in bad(pages)] == [
        (5, "번호"),
        (6, "작성일"),
        (7, "별점"),
        (8, "내용"),
        (9, ""),
        (10, ""),
    ]
    assert all(row.source == "r.xls" and row.remedy for row in bad(pages))


def test_another_sheet_of_an_xml_spreadsheet_with_the_same_columns_is_told_of(
    tmp_path: Path,
) -> None:
    columns = _row_of(*(("String", name) for name in HEADER.strip().split(",")))
    following = f"""</Table></Worksheet><Worksheet ss:Name="후기 2"><Table>
     {columns.replace("<Row>", '<Row ss:Index="3">')}"""
    pages = read(book(tmp_path, BOOK_ROWS + following))
    assert len(items(pages)) == 2
    (told,) = bad(pages)
    assert "another has the same columns" in told.reason
    assert told.raw.decode() == "후기 2"


def test_an_xml_spreadsheet_that_is_cut_off_gives_the_rows_before(tmp_path: Path) -> None:
    path = book(tmp_path)
    path.write_bytes(path.read_bytes()[: path.read_bytes().index("실망".encode())])
    assert given_before("damaged or cut off at its line", path) == ["20261103123456789"]


def test_entities_in_an_xml_spreadsheet_are_not_expanded(tmp_path: Path) -> None:
    bomb = (
        '<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    )
    text = BOOK.format(charset="utf-8", rows=BOOK_ROWS.replace("별로", "&b;&c;"))
    path = write(tmp_path, text.replace("<Workbook", f"{bomb}<Workbook", 1), name="r.xls")
    with pytest.raises(BadInputError, match="declares entities") as caught:
        read(path)
    assert caught.value.remedy


def test_an_xml_spreadsheet_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_PAGE_BYTES", 500)
    with pytest.raises(BadInputError, match="more than"):
        read(book(tmp_path))


def test_broken_bytes_of_an_xml_spreadsheet_cost_their_row_only(tmp_path: Path) -> None:
    path = book(tmp_path, encoding="cp949")
    path.write_bytes(path.read_bytes().replace("실망".encode("cp949"), b"\xff\xfe"))
    pages = read(path)
    assert [item.native_id for item in items(pages)] == ["20261103123456789"]
    assert [row.row for row in bad(pages)] == [6]


def test_a_workbook_cut_off_is_refused(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "r.xlsx", [["번호", "작성일", "별점", "내용"]])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadInputError, match="damaged"):
        read(path)


def test_rows_before_the_damage_are_given(tmp_path: Path) -> None:
    path = _workbook(
        tmp_path / "whole.xlsx",
        [
            ["번호", "작성일", "별점", "내용"],
            *([str(number), "2026-11-20", 5, "좋아요"] for number in range(100)),
        ],
    )
    broken = tmp_path / "r.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(broken, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith("sheet1.xml"):
                content = content[: len(content) // 2]
            target.writestr(entry, content)
    given_rows = given_before("damaged", broken)
    assert given_rows == [str(number) for number in range(len(given_rows))]
    assert 40 <= len(given_rows) < 60


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 20 * 2**20)
    path = tmp_path / "r.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * 30 * 2**20)
    assert path.stat().st_size < 2**20
    with pytest.raises(BadInputError, match="unpacks to 30 MiB"):
        read(path)


def test_entities_in_a_workbook_are_not_expanded(tmp_path: Path) -> None:
    path = _workbook(
        tmp_path / "plain.xlsx",
        [["번호", "작성일", "별점", "내용"], ["1", "2026-11-20", 5, "좋아요"]],
    )
    laughs = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (number, b"&a%d;" % (number - 1) * 10) for number in range(1, 12)
    )
    secret = b'<!ENTITY xxe SYSTEM "file:///etc/passwd">'
    for name, entity in (("laughs", laughs), ("secret", secret)):
        hostile = tmp_path / f"{name}.xlsx"
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(hostile, "w") as target:
            for entry in source.infolist():
                content = source.read(entry)
                if entry.filename.endswith("sheet1.xml"):
                    head, _, rest = content.partition(b"<worksheet")
                    content = head + b"<!DOCTYPE x [%s]><worksheet" % entity + rest
                target.writestr(entry, content)
        with pytest.raises(BadInputError):
            read(hostile)
    assert items(read(path))[0].text == "좋아요"


@pytest.mark.parametrize(
    ("name", "magic", "size"),
    [("r.xlsx", b"PK\x03\x04", 200 * 2**20), ("r.csv", HEADER.encode(), MAX_CSV_BYTES + 1)],
)
def test_a_file_that_is_too_large_is_refused_unread(
    tmp_path: Path, name: str, magic: bytes, size: int
) -> None:
    path = tmp_path / name
    path.write_bytes(magic)
    os.truncate(path, size)
    assert size > MAX_XLSX_BYTES
    with pytest.raises(BadInputError, match="MiB, more than") as caught:
        read(path)
    assert "나누어" in caught.value.remedy


def test_a_large_csv_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        file.writelines(f"{number},2026-11-20,5,{'좋아요 ' * 200}\n" for number in range(5_000))
    assert path.stat().st_size > 7 * 2**20
    tracemalloc.start()
    count = sum(
        len(page.items) for page in read_pages(path, TableLayout(TABLE), now=NOW, page_size=200)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 5_000
    assert peak < 5 * 2**20


# --- the seller centre's export ----------------------------------------------------------------


def _export(folder: Path, rows: list[dict[str, object]], drop: str = "") -> Path:
    names = [name for name in COLUMNS.values() if name != drop]
    usual: dict[str, object] = {
        "리뷰글번호": "1",
        "리뷰상세내용": "좋아요",
        "구매자평점": "5점",
        "리뷰등록일": "2026.11.20. 09:00:00",
        "답글여부": "N",
    }
    return _workbook(
        folder / "export.xlsx",
        [list(names), *([(usual | row).get(name) for name in names] for row in rows)],
    )


def _read_export(path: Path) -> list[Page]:
    return list(read_pages(path, SellerExportLayout(), now=NOW, page_size=500))


@pytest.mark.parametrize("column", COLUMNS.values())
def test_an_export_without_one_of_its_columns_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(BadInputError, match=f"missing: {column}"):
        _read_export(_export(tmp_path, [{}], drop=column))


def test_a_reply_in_the_seller_centre_is_noticed(tmp_path: Path) -> None:
    path = _export(
        tmp_path,
        [
            {"리뷰글번호": "1"},
            {"리뷰글번호": "2", "답글여부": "Y", "답글등록일시": "2026.11.20. 10:00:00"},
            {"리뷰글번호": "3", "답글여부": "아마도"},
        ],
    )
    pages = _read_export(path)
    assert [len(item.replies) for item in items(pages)] == [0, 1]
    assert items(pages)[1].replies[0].replied_at == datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
    assert bad(pages)[0].field == "답글여부"


@pytest.mark.parametrize(
    "row", [{"리뷰글번호": None}, {"리뷰등록일": None}, {"구매자평점": 0}, {"구매자평점": "6점"}]
)
def test_a_bad_row_of_an_export_is_quarantined(tmp_path: Path, row: dict[str, object]) -> None:
    pages = _read_export(_export(tmp_path, [row, {"리뷰글번호": "7"}]))
    assert [item.native_id for item in items(pages)] == ["7"]
    assert bad(pages)[0].field == next(iter(row))


def test_an_export_saved_as_cp949_csv_is_read(tmp_path: Path) -> None:
    names = ",".join(COLUMNS.values())
    row = "1,좋아요 펲시,★★★★★,2026.11.20. 09:00:00,,gild,10,머그컵,2026112000,일반,,N,"
    path = write(tmp_path, f"{names}\r\n{row}\r\n", "cp949")
    (item,) = items(_read_export(path))
    assert (item.rating, item.text, item.product_name) == (5, "좋아요 펲시", "머그컵")


def test_an_export_never_proves_that_a_review_is_gone(tmp_path: Path) -> None:
    assert all(page.covers is None for page in _read_export(_export(tmp_path, [{}])))


# --- a watched folder --------------------------------------------------------------------------


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def _collector(make_build: MakeBuild, tmp_path: Path, *, page_size: int = 2) -> FolderCollector:
    account = Account(
        TABLE.brand, TABLE.name, TABLE.channel, options=TABLE.options, folder=tmp_path
    )
    made = make_build(account)
    later = Build(made.account, made.client, _soon, made.tokens)
    spec = type(SPEC)(
        channel="generic_file",
        kinds=SPEC.kinds,
        page_size=page_size,
    )
    return FolderCollector(later, spec, TableLayout(account))


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def _run(
    collector: FolderCollector, since: datetime = EPOCH
) -> tuple[list[str], list[QuarantinedItem], list[str]]:
    """Collect as the worker does; gives ids, quarantined items and the cursors that were used."""
    ids: list[str] = []
    refused: list[QuarantinedItem] = []
    cursors: list[str] = []
    cursor: str | None = None
    while True:
        page = collector.fetch(since, _soon(), cursor)
        ids += [item.native_id for item in page.items]
        refused += page.quarantined
        cursor = page.next_cursor
        if cursor is None:
            return ids, refused, cursors
        assert len(cursors) < 100
        cursors.append(cursor)


def _rows(*numbers: int) -> str:
    return HEADER + "".join(f"{number},2026-11-20,5,글 {number}\n" for number in numbers)


def test_every_row_of_every_file_in_the_folder_is_read_once(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    write(inbox, _rows(1, 2, 3, 4, 5), name="a.csv")
    write(inbox, _rows(6), name="b.csv")
    write(inbox, "not ours", name="notes.md")
    write(inbox, "lock", name="~$a.xlsx")
    ids, refused, _ = _run(_collector(make_build, tmp_path))
    assert ids == ["1", "2", "3", "4", "5", "6"]
    assert refused == []


def test_an_empty_folder_is_nothing_new(make_build: MakeBuild, tmp_path: Path, inbox: Path) -> None:
    assert _run(_collector(make_build, tmp_path)) == ([], [], [])


def test_another_process_goes_on_at_the_cursor(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    write(inbox, _rows(1, 2, 3, 4, 5), name="a.csv")
    write(inbox, _rows(6, 7, 8), name="b.csv")
    whole, _, cursors = _run(_collector(make_build, tmp_path))
    for cursor in cursors:
        rest: list[str] = []
        at: str | None = cursor
        while at is not None:
            page = _collector(make_build, tmp_path).fetch(EPOCH, _soon(), at)
            rest += [item.native_id for item in page.items]
            at = page.next_cursor
        assert rest == whole[len(whole) - len(rest) :]
        assert rest


def test_a_file_replaced_between_two_pages_is_read_from_its_start(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    path = write(inbox, _rows(1, 2, 3), name="a.csv")
    collector = _collector(make_build, tmp_path)
    first = collector.fetch(EPOCH, _soon(), None)
    write(inbox, _rows(0, 1, 2, 3, 4), name="a.csv")
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 5))
    ids: list[str] = []
    cursor = first.next_cursor
    while cursor is not None:
        page = collector.fetch(EPOCH, _soon(), cursor)
        ids += [item.native_id for item in page.items]
        cursor = page.next_cursor
    assert ids == ["0", "1", "2", "3", "4"]


def test_an_unusable_file_is_one_quarantined_item_and_the_others_are_read(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    for name, content in (("a.csv", _rows(1)), ("b.csv", "other,columns\n"), ("c.csv", _rows(2))):
        write(inbox, content, name=name)
    ids, refused, _ = _run(_collector(make_build, tmp_path))
    assert ids == ["1", "2"]
    (file,) = refused
    assert file.source == "b.csv"
    assert file.raw == b"other,columns\n"
    assert "other" not in file.reason
    assert file.remedy


def test_a_file_whose_name_is_not_utf_8_is_read_and_named(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    name = os.fsdecode("리뷰 100%.csv".encode("cp949"))
    # The older file is read first, of two of one millisecond the one whose name comes first.
    write(inbox, "other,columns\n", name=f"b{name}")
    write(inbox, _rows(1, 2, 3), name=name)
    ids, refused, cursors = _run(_collector(make_build, tmp_path))
    assert ids == ["1", "2", "3"]
    assert [file.source for file in refused] == ["b리뷰 100%.csv"]
    assert all(cursor.encode() for cursor in cursors)
    page = _collector(make_build, tmp_path).fetch(EPOCH, _soon(), cursors[-1])
    assert page.source == "리뷰 100%.csv"
    assert [item.native_id for item in page.items] == ["3"]


def test_files_of_earlier_runs_are_passed_over(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    write(inbox, _rows(1), name="a.csv")
    collector = _collector(make_build, tmp_path)
    assert _run(collector, since=datetime.now(UTC) + timedelta(seconds=5))[0] == []
    assert _run(collector, since=datetime.now(UTC) - timedelta(seconds=60))[0] == ["1"]


def test_a_file_that_is_still_being_copied_is_left_for_the_next_run(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    path = write(inbox, _rows(1), name="a.csv")
    account = Account("b", "t", "generic_file", options=TABLE.options, folder=tmp_path)
    made = make_build(account)
    written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    build = Build(account, made.client, lambda: written_at, made.tokens)
    collector = CHANNELS["generic_file"].load().build(build)
    assert collector.fetch(EPOCH, NOW, None).items == ()


def test_a_file_whose_time_lies_ahead_is_read_all_the_same(
    make_build: MakeBuild, tmp_path: Path, inbox: Path
) -> None:
    # Unpacked from an archive, whose times have no zone, on a server in another zone.
    path = write(inbox, _rows(1), name="a.csv")
    ahead = path.stat().st_mtime + 9 * 3600
    os.utime(path, (ahead, ahead))
    assert _run(_collector(make_build, tmp_path))[0] == ["1"]


def test_the_doctor_names_a_missing_folder(make_build: MakeBuild, tmp_path: Path) -> None:
    collector = _collector(make_build, tmp_path)
    assert collector.check().reason is CheckReason.CONFIGURATION
    (tmp_path / "inbox").mkdir()
    assert collector.check().ok


def test_a_foreign_cursor_is_refused(make_build: MakeBuild, tmp_path: Path, inbox: Path) -> None:
    for cursor in ("", "x", "1:2:../../etc/passwd"):
        with pytest.raises(BadInputError):
            _collector(make_build, tmp_path).fetch(EPOCH, NOW, cursor)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"columns": {}},
        {"columns": {"id": "번호"}},
        {"columns": {"text": "내용", "stars": "별점"}},
        {"columns": "내용"},
        {"columns": {"text": "내용"}, "kind": "rumour"},
        {"columns": {"text": "내용"}, "rating_scale": 7},
    ],
)
def test_a_wrong_mapping_is_a_configuration_error(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="b/t"):
        TableLayout(Account("b", "t", "generic_file", options=options))


# --- any bytes at all --------------------------------------------------------------------------

SAMPLES = [
    (FIXTURES / "seller_export" / "reviews.xlsx").read_bytes(),
    (FIXTURES / "generic_file" / "reviews_cp949.csv").read_bytes(),
    (HEADER + '1,2026-11-20,5,"좋아요, 정말"\n2,어제,★★,별로\n').encode(),
    WEB_PAGE.format(charset="euc-kr", rows=WEB_ROWS).encode("cp949"),
    BOOK.format(charset="utf-8", rows=BOOK_ROWS).encode(),
]


@settings(
    derandomize=True,
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    sample=st.sampled_from(SAMPLES),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), max_size=4),
    end=st.floats(0, 1),
)
def test_a_mangled_file_gives_rows_quarantine_or_a_named_error(
    tmp_path: Path, sample: bytes, cuts: list[tuple[float, bytes]], end: float
) -> None:
    mangled = bytearray(sample)
    for where, content in cuts:
        position = int(where * len(mangled))
        mangled[position : position + len(content)] = content
    if end < 0.5:
        del mangled[int(len(mangled) * 2 * end) :]
    path = tmp_path / "r"
    path.write_bytes(mangled)
    for layout in (TableLayout(TABLE), SellerExportLayout()):
        with contextlib.suppress(BadInputError):
            assert list(read_pages(path, layout, now=NOW, page_size=2))
