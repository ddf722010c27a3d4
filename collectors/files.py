"""Exports dropped in a folder: CSV, XLSX and tables of web pages read row by row, within bounds.

Shared by the file channels, which only say how a header and a row are understood (`Layout`).
A file is never changed or moved. What makes a row "the same" is its native id, so that an export
may be dropped again with more rows; a second row with the id of an earlier one is a revision, in
the order of the file. A bad row is quarantined, a bad file is refused as a whole with the reason;
in a watched folder the refused file is one quarantined item and the other files are read.

Bounds: a CSV is read as a stream, up to `MAX_CSV_BYTES`. An XLSX keeps its shared texts in
memory, so it is refused above `MAX_XLSX_BYTES`, or when it would unpack to more than
`MAX_UNPACKED_BYTES`. Of its sheets only the first that is not hidden is read. A web page or XML
Spreadsheet that is called ``.xls``, as seller centres make them, is kept in memory whole, up to
`MAX_PAGE_BYTES`.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import os
import re
import zipfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, unquote

from collectors.base import CheckReason, CheckResult, failed
from collectors.values import When, clean_text, decode_text, parse_rating, parse_when
from collectors.web_table import AS_XLSX, rows_of_page
from collectors.xml_table import hidden_sheets, is_book, rows_of_book
from domain.errors import BadInputError, ConfigurationError
from domain.types import CollectedFeedback, Page, QuarantinedItem

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO, TextIO

    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    from collectors.base import Build, ChannelSpec
    from domain.brands import Account

MAX_CSV_BYTES: Final = 1024 * 1024 * 1024
MAX_XLSX_BYTES: Final = 48 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 512 * 1024 * 1024
MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
MAX_FIELD_CHARS: Final = 4_000_000
"""A longer field is an unclosed quotation mark, not a review."""
ENDINGS: Final = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls"})
SETTLED_AFTER: Final = timedelta(seconds=3)
"""A file written to more recently may still be copied; it is read next time."""

HEADER_WITHIN: Final = 10
"""Rows in which the column names must stand: exports put a title or their days above."""
_RAW_LIMIT_BYTES: Final = 256 * 1024
_SNIFF_BYTES: Final = 256 * 1024
_DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet knows no zones

Cell = str | int | float | datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        number: As a person counts it in the file: 1-based, the header included.
        cells: As the file has them.
        formulas: Positions of cells that hold a formula instead of a value.
        day_zero: Which day the workbook counts its days from.
        problem: Why the row cannot be used at all; empty for a proper row.
        remedy: What helps against it, where that is not mending the row.
        column: Name of the column that has the problem, where it is one's.
        raw: The row's own text, for quarantine.
        encoding: What gives ``raw`` its own bytes back.
    """

    number: int
    cells: tuple[Cell, ...]
    formulas: frozenset[int] = frozenset()
    day_zero: datetime = _DAY_ZERO
    problem: str = ""
    remedy: str = ""
    column: str = ""
    raw: str = ""
    encoding: str = "utf-8"


RowReader = Callable[[Row], CollectedFeedback]
"""Understands one row; raises `BadInputError` for a bad one."""


class Layout(Protocol):
    """How a channel's files are understood."""

    def reader(self, header: tuple[str, ...], now: datetime) -> RowReader:
        """Check the header and give what reads the rows under it.

        Raises:
            BadInputError: Not a header this channel knows; names the columns and the remedy.
        """


_ROUNDED: Final = re.compile(r"\d(\.\d+)?[Ee]\+\d+|[1-9]\d{14}0{3,}", re.ASCII)
"""How a spreadsheet writes a long number into a CSV: 4.4E+09, or fifteen digits and noughts."""
_ROUNDED_CELL: Final = re.compile(r"[1-9]\d{14}0+", re.ASCII)
"""What it keeps of a long number in a workbook."""


_AS_TEXT: Final = re.compile('="(.*)"', re.DOTALL)
"""How shops write a number into a CSV that a spreadsheet shall not round: ="20261103123456789"."""
_SHEET_ERROR: Final = re.compile(
    r"#(?:N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!)|#{3,}", re.IGNORECASE
)
"""What a spreadsheet shows, and writes into a CSV, where a value is lost or its column too narrow."""
_DAY_DIGITS: Final = re.compile(r"(?:19|20)\d{6}(?:\d{4}(?:\d\d)?)?", re.ASCII)
_DAYS: Final = range(33_000, 73_051)
"""Days since a workbook's first that may be meant: 1990 to 2099."""


def _date_of(number: float, day_zero: datetime) -> str | float | datetime | date:
    """Give the date that a number in a workbook is: 20261103, or a day whose cell lost its format."""
    if number == int(number) and _DAY_DIGITS.fullmatch(str(int(number))):
        return str(int(number))
    if int(number) not in _DAYS:
        return number
    at = day_zero + timedelta(days=number)
    return at.date() if number == int(number) else at.replace(microsecond=0)


class Columns:
    """Finds the cells of a row by the words of the house.

    Args:
        header: The file's column names.
        wanted: Column name by field.

    Raises:
        BadInputError: Columns are missing, or there twice.
    """

    def __init__(self, header: tuple[str, ...], wanted: Mapping[str, str]) -> None:
        missing = [column for column in wanted.values() if column not in header]
        if missing:
            # Names nobody asked for stay unsaid: without a header they are a customer's row.
            there = [column for column in wanted.values() if column in header]
            raise BadInputError(
                f"columns missing: {', '.join(missing)}; of the file's {len(header)} columns "
                f"these are known: {', '.join(there) or 'none'}",
                field=missing[0],
                remedy="첫 행이 열 이름인지 확인하고, 열 이름을 고치지 않은 원본을 올리거나 "
                "brand.toml의 열 이름을 맞춰 주세요.",
            )
        twice = [column for column in wanted.values() if header.count(column) > 1]
        if twice:
            raise BadInputError(
                f"columns there twice: {', '.join(twice)}",
                field=twice[0],
                remedy="같은 이름의 열을 하나만 남겨 주세요.",
            )
        self._wanted = wanted
        self._positions = {field: header.index(column) for field, column in wanted.items()}

    def cell(self, row: Row, field: str) -> Cell:
        """Give a field's cell; None where it is empty or the column is not wanted.

        Raises:
            BadInputError: The cell holds a formula, or the row ends before it.
        """
        position = self._positions.get(field)
        if position is None:
            return None
        if position >= len(row.cells):
            raise BadInputError(
                f"the row ends after {len(row.cells)} columns",
                field=self._wanted[field],
                remedy="본문의 줄바꿈이나 쉼표를 따옴표로 감싸 다시 저장해 주세요.",
            )
        if position in row.formulas:
            raise BadInputError(
                "a formula instead of a value",
                field=self._wanted[field],
                remedy="수식을 값으로 바꾸어(선택하여 붙여넣기 → 값) 다시 저장해 주세요.",
            )
        value = row.cells[position]
        as_text = _AS_TEXT.fullmatch(value) if isinstance(value, str) else None
        return as_text[1].replace('""', '"') if as_text else value

    def text(self, row: Row, field: str) -> str:
        """Give a field as clean text; empty where there is none."""
        value = self.cell(row, field)
        if value is None:
            return ""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if field == "text":
            self._refuse_error(value, field)
        return clean_text(str(value), field=self._wanted[field])

    def identifier(self, row: Row, field: str) -> str:
        """Give an id; empty where there is none.

        Raises:
            BadInputError: A spreadsheet has rounded it.
        """
        value = self.cell(row, field)
        self._refuse_error(value, field)
        text = self.text(row, field)
        is_number = isinstance(value, int | float)
        is_rounded = isinstance(value, float) and abs(value) >= 2**53
        if is_rounded or (_ROUNDED_CELL if is_number else _ROUNDED).fullmatch(text):
            raise BadInputError(
                "a number that the spreadsheet has rounded",
                field=self._wanted[field],
                remedy="엑셀에서 다시 저장하지 않은 원본을 올려 주세요.",
            )
        return text

    def _refuse_error(self, value: Cell, field: str) -> None:
        """Refuse what stands where a spreadsheet lost the value: rows would be taken for one."""
        if isinstance(value, str) and _SHEET_ERROR.fullmatch(value.strip()):
            raise BadInputError(
                f"the spreadsheet lost the value ({value.strip()[:10]})",
                field=self._wanted[field],
                remedy="엑셀에서 다시 저장하지 않은 원본을 올려 주세요.",
            )

    def when(self, row: Row, field: str, now: datetime) -> When | None:
        """Give a date; None where the cell is empty."""
        value = self.cell(row, field)
        if value is None or (isinstance(value, str) and not value.strip(" -")):
            return None
        try:
            when = value if not isinstance(value, int | float) else _date_of(value, row.day_zero)
            return parse_when(when, now=now)
        except BadInputError as error:
            raise _renamed(error, self._wanted[field], _DATE_REMEDY) from None

    def rating(self, row: Row, field: str, scale: int = 5) -> int | None:
        """Give stars; None where the cell is empty."""
        value = self.cell(row, field)
        try:
            return parse_rating(str(value) if isinstance(value, datetime) else value, scale=scale)
        except BadInputError as error:
            raise _renamed(error, self._wanted[field], _RATING_REMEDY) from None


_DATE_REMEDY: Final = "날짜를 2025-01-31 또는 2025.01.31. 14:05:00 같은 형식으로 적어 주세요."
_RATING_REMEDY: Final = "별점을 1에서 5 사이의 숫자로 적어 주세요."


def _renamed(error: BadInputError, column: str, remedy: str) -> BadInputError:
    """Name the file's own column instead of our field, and what its owner does about it."""
    return BadInputError(_what(error), field=column, remedy=remedy)


def _what(error: BadInputError) -> str:
    """Give an error's own words, without its place and remedy."""
    what = str(error).removesuffix(f" -> {error.remedy}")
    return what.removeprefix(f"field {error.field!r}: ") if error.field else what


def read_pages(path: Path, layout: Layout, *, now: datetime, page_size: int) -> Iterator[Page]:
    """Read one file as pages; the cursor of each is the number of pages read so far.

    Args:
        path: CSV, TSV, XLSX, XML Spreadsheet 2003 or a web page; told apart by content, not by ending.
        layout: The channel's.
        now: For dates that need the present.
        page_size: Rows per page.

    Raises:
        BadInputError: The file as a whole cannot be used, or is damaged further down; then every
            row before the damage has been given.
    """
    header, reader, rows = _find_header(path, layout, now)
    data = (_within(row, len(header.cells)) for row in rows if not _is_blank(row))
    pending, damage = _take(data, page_size)
    for count in itertools.count(1):
        following, further_damage = ([], None) if damage else _take(data, page_size)
        has_next = bool(following or damage or further_damage)
        if pending or not has_next:
            yield _page(pending, reader, path, next_cursor=str(count) if has_next else None)
        if damage:
            raise damage
        if not has_next:
            return
        pending, damage = following, further_damage


def _find_header(path: Path, layout: Layout, now: datetime) -> tuple[Row, RowReader, Iterator[Row]]:
    """Find the row of column names; a title or the days of the export may stand above it.

    Returns:
        The row, what reads the rows under it, and these.

    Raises:
        BadInputError: There is none; says what the first row that is no title lacks.
    """
    remedy = "첫 행에 열 이름이 있는 파일인지 확인해 주세요."
    refused: list[tuple[int, BadInputError]] = []
    rows = open_table(path)
    for above, row in enumerate(islice(rows, HEADER_WITHIN)):
        names = tuple(_name(cell) for cell in row.cells)
        if row.problem:
            refused.append((0, _bad_file(path, f"no header row ({row.problem})", remedy)))
            continue
        try:
            reader = layout.reader(names, now)
        except BadInputError as error:
            refused.append((sum(map(bool, names)), _located(error, path, row.number)))
            continue
        if row.number == 1:
            return row, reader, rows
        rows.close()
        return row, reader, islice(open_table(path, row.number), above + 1, None)
    rows.close()
    if not refused:
        raise _bad_file(path, "no header row", remedy)
    raise next((error for filled, error in refused if filled > 1), refused[0][1])


def _take(rows: Iterator[Row], count: int) -> tuple[list[Row], BadInputError | None]:
    """Take up to ``count`` rows, and the damage that ended them early."""
    taken: list[Row] = []
    try:
        taken.extend(islice(rows, count))
    except BadInputError as error:
        return taken, error
    return taken, None


def open_table(path: Path, header_at: int = 1) -> Generator[Row]:
    """Give the rows of a CSV, an XLSX, an XML Spreadsheet or a web page.

    Args:
        path: The file.
        header_at: Number of the row of column names, which tells what stands in the others.

    Raises:
        BadInputError: Empty, encrypted, too large, damaged or of another kind.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError as error:
        raise _bad_file(
            path,
            f"cannot be opened ({type(error).__name__})",
            "파일의 위치와 권한을 확인해 주세요.",
        ) from None
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise _bad_file(path, "the file is empty", "내려받기를 다시 해 주세요.")
    if head.startswith(_OLE_MAGIC):
        raise _bad_file(
            path,
            "an encrypted workbook or an old .xls",
            "엑셀에서 열어 암호를 풀고 .xlsx 형식으로 다시 저장해 주세요.",
        )
    if head.startswith(b"PK\x03\x04"):
        return _xlsx_rows(path, size, header_at)
    start = head[:1024].replace(b"\0", b"")
    if _WEB_ARCHIVE.match(start):
        raise _bad_file(
            path,
            "the archive of a web page",
            AS_XLSX,
        )
    if is_book(decode_text(head[:_START_BYTES])):
        return _xml_rows(path, size, header_at)
    if _WEB_PAGE.match(start):
        return _page_rows(path, size)
    if size > MAX_CSV_BYTES:
        raise _too_large(path, size, MAX_CSV_BYTES)
    return _csv_rows(path, head, header_at)


_START_BYTES: Final = 4096
_WEB_PAGE: Final = re.compile(rb"[\xef\xbb\xbf\xff\xfe\s]*<[!?a-z]", re.IGNORECASE)
"""Also in UTF-16."""
_WEB_ARCHIVE: Final = re.compile(rb"\s*MIME-Version:", re.IGNORECASE)
_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")


def _bad_file(path: Path, what: str, remedy: str) -> BadInputError:
    return BadInputError(what, source=_shown(path), remedy=remedy)


def _shown(path: Path) -> str:
    """Give a file's name for people; one unpacked from an archive of Windows may be in CP949."""
    return decode_text(os.fsencode(path.name))


def _too_large(path: Path, size: int, limit: int) -> BadInputError:
    return _bad_file(
        path,
        f"{size // 2**20} MiB, more than {limit // 2**20} MiB",
        "기간을 나누어 여러 파일로 내려받거나 CSV로 저장해 주세요.",
    )


def _located(error: BadInputError, path: Path, row: int) -> BadInputError:
    """Add file and row to what a reader said."""
    return BadInputError(
        _what(error), source=_shown(path), row=row, field=error.field, remedy=error.remedy
    )


def _name(cell: Cell) -> str:
    return re.sub(r"\s+", " ", str(cell if cell is not None else "")).strip("\ufeff ")


def _within(row: Row, width: int) -> Row:
    """Mark a row with values beyond the header: a separator stood unquoted in its text."""
    if not all(map(_is_empty, row.cells[width:])):
        return replace(row, problem=f"more than the header's {width} columns")
    return row


def _is_blank(row: Row) -> bool:
    return not row.problem and all(map(_is_empty, row.cells))


def _is_empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _page(rows: list[Row], reader: RowReader, path: Path, *, next_cursor: str | None) -> Page:
    items: list[CollectedFeedback] = []
    numbers: list[int] = []
    quarantined: list[QuarantinedItem] = []
    for row in rows:
        try:
            items.append(_read_row(row, reader))
            numbers.append(row.number)
        except BadInputError as error:
            quarantined.append(_quarantine(_located(error, path, row.number), row))
    return Page(
        tuple(items),
        tuple(quarantined),
        next_cursor=next_cursor,
        source=_shown(path),
        rows=tuple(numbers),
    )


_TOTALS: Final = re.compile(
    r"(?:[합총소] ?계|총 ?합계|전체 ?합계|평균|총 ?[\d,]+ ?건|total|sum|average)[ :：]*",
    re.IGNORECASE,
)


def _read_row(row: Row, reader: RowReader) -> CollectedFeedback:
    if row.problem:
        raise BadInputError(
            row.problem,
            field=row.column,
            remedy=row.remedy
            or "이 행을 고쳐 다시 올려 주세요. 열 이름이 없는 칸은 비우고, CSV 본문의 큰따옴표는 두 번 적어야 "
            "합니다.",
        )
    first = next((cell for cell in row.cells if not _is_empty(cell)), None)
    if isinstance(first, str) and _TOTALS.fullmatch(first.strip()):
        raise BadInputError(
            "a row of totals",
            remedy="합계 행은 저장하지 않습니다. 고객이 쓴 글이면 첫 칸을 고쳐 다시 올려 주세요.",
        )
    return reader(row)


def _quarantine(error: BadInputError, row: Row) -> QuarantinedItem:
    raw = row.raw or "\t".join("" if cell is None else str(cell) for cell in row.cells)
    try:
        content = raw.encode(row.encoding.removesuffix("-sig"), "surrogateescape")
    except UnicodeEncodeError:
        content = raw.encode("utf-8", "surrogatepass")
    return QuarantinedItem(
        reason=str(error),
        raw=content[:_RAW_LIMIT_BYTES],
        source=error.source,
        row=row.number,
        field=error.field,
        remedy=error.remedy,
    )


# --- CSV ---------------------------------------------------------------------------------------


def _csv_rows(path: Path, head: bytes, header_at: int) -> Generator[Row]:
    encoding = _encoding(path, head)
    # Bytes that the encoding does not know come through as surrogates and are found per row; of
    # UTF-16 as U+FFFD, which elsewhere is a character like any other.
    is_utf16 = encoding.startswith("utf-16")
    errors, undecoded = (
        ("replace", "\ufffd") if is_utf16 else ("surrogateescape", "[\udc80-\udcff]")
    )
    delimiter = _delimiter(head.decode(encoding, "replace"))
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        for row in _records(file, delimiter, header_at):
            if re.search(undecoded, row.raw):
                yield replace(
                    row,
                    problem=f"bytes that are not {encoding}",
                    remedy="엑셀에서 'CSV UTF-8(쉼표로 분리)' 형식으로 다시 저장해 주세요.",
                    encoding=encoding,
                )
            else:
                yield row


def _encoding(path: Path, head: bytes) -> str:
    """Tell the encoding: a mark, zero bytes, or which of UTF-8 and CP949 explains more bytes.

    Raises:
        BadInputError: Neither explains them.
    """
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:4096]
    if sample[1::2].count(0) > len(sample) // 8:
        return "utf-16-le"
    if sample[0::2].count(0) > len(sample) // 8:
        return "utf-16-be"
    sample = _first_korean(path, head)
    strange = {name: sample.decode(name, "replace").count("\ufffd") for name in ("utf-8", "cp949")}
    # Ties go to UTF-8: the sample may end inside a character, which costs each of them one.
    best = "utf-8" if strange["utf-8"] <= strange["cp949"] + 1 else "cp949"
    foreign = sum(byte > 127 for byte in sample)
    if strange[best] > max(20, foreign // 5):
        raise _bad_file(
            path,
            "an encoding that is neither UTF-8, UTF-16 nor CP949",
            "엑셀에서 'CSV UTF-8(쉼표로 분리)' 형식으로 다시 저장해 주세요.",
        )
    return best


def _first_korean(path: Path, head: bytes) -> bytes:
    """Give the first part of the file that is not plain ASCII."""
    if not head.isascii():
        return head
    with path.open("rb") as file:
        while (part := file.read(_SNIFF_BYTES)) and part.isascii():
            pass
    return part


def _delimiter(sample: str) -> str:
    """Choose what splits the header into most columns, outside quotation marks."""
    lines = re.sub(r'"[^"]*"', "", sample).splitlines()
    # A title above the header has none.
    first = next((line for line in lines if any(map(line.count, _DELIMITERS))), "")
    return max(_DELIMITERS, key=first.count)


_DELIMITERS: Final = ",\t;|"


def _records(file: TextIO, delimiter: str, header_at: int) -> Iterator[Row]:
    """Split a CSV into rows; a damaged record costs its first line, not the rest of the file."""
    lines = _Lines(file)
    header: tuple[str, ...] = ()
    # The module's own limit (131,072) is below a legal review; it can only be set globally.
    csv.field_size_limit(MAX_FIELD_CHARS)
    while True:
        start = lines.number + 1
        try:
            cells = tuple(next(csv.reader(lines, delimiter=delimiter, strict=True)))
        except StopIteration:
            return
        except csv.Error as error:
            raw = lines.give_back_all_but_first()
            yield Row(start, (), problem=f"broken CSV row ({error})", raw=raw)
            continue
        if start == header_at:
            header = cells
        if not lines.continued:
            yield Row(start, cells, raw=lines.taken())
            continue
        opened = next((at for at, cell in enumerate(cells) if "\n" in cell or "\r" in cell), 0)
        column = (_name(header[opened]) if opened < len(header) else "") or str(opened + 1)
        # What stands behind that cell may be in another column.
        known = cells if len(cells) == len(header) else cells[:opened]
        alike = [
            _figures_alike(line, known, len(header), delimiter)
            for line in lines.continued
            if line.strip()
        ]
        if any(figures >= _SURE for figures, _ in alike):
            raw = lines.give_back_all_but_first()
            problem = "a quotation mark that is not closed: rows follow in its text"
            yield Row(start, (), problem=problem, column=column, raw=raw)
        elif alike and all(figures and is_same for figures, is_same in alike):
            # Too few figures to tell rows from lines of a text: a person can, if all is kept.
            problem = "every further line of its text looks like a row: is a quotation mark missing"
            yield Row(start, (), problem=problem, column=column, raw=lines.taken())
        else:
            yield Row(start, cells, raw=lines.taken())


_FIGURES: Final = re.compile(r"[\d\s.:/+\-년월일시분초점]*")
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_SURE: Final = 3
"""As many numbers as a date has: lines of a text are not by chance so like a row."""


def _figures_alike(
    line: str, cells: tuple[str, ...], width: int, delimiter: str
) -> tuple[int, bool]:
    """Count the numbers that a line inside a record has where the record has some; 0 for no row.

    The second value tells whether it has all of them, written alike.

    A text may have lines with as many separators as a row, but not a number, a date and stars
    where the record itself has them.
    """
    if line.count(delimiter) < width - 1:
        return 0, False
    own = next(csv.reader([line], delimiter=delimiter), [])
    if len(own) != width:
        return 0, False
    alike, is_same = 0, True
    for cell, other in zip(cells, own, strict=False):
        if cell.isspace() or not cell or not other or not _FIGURES.fullmatch(cell):
            continue
        if not _FIGURES.fullmatch(other):
            return 0, False
        if _DIGITS.sub("0", cell) == _DIGITS.sub("0", other):
            alike += len(_DIGITS.findall(cell))
        else:
            is_same = False
    return alike, is_same


class _Lines:
    """Physical lines of a file, remembered until the record they belong to is complete."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: deque[str] = deque()
        self._record: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        # A file without line ends must not become one line of a gigabyte.
        line = self._waiting.popleft() if self._waiting else self._file.readline(MAX_FIELD_CHARS)
        if not line:
            raise StopIteration
        self._record.append(line)
        self.number += 1
        return line

    @property
    def continued(self) -> list[str]:
        """The lines of the record after its first."""
        return self._record[1:]

    def taken(self) -> str:
        """Give the record's own text, and start the next record."""
        text = "".join(self._record)
        self._record.clear()
        return text

    def give_back_all_but_first(self) -> str:
        """Give the first line of a broken record; the others are read again."""
        first, rest = self._record[0] if self._record else "", self._record[1:]
        self._waiting.extendleft(reversed(rest))
        self.number -= len(rest)
        self._record = []
        return first


# --- a web page, or XML, that is called a workbook ---------------------------------------------


def _page_rows(path: Path, size: int) -> Generator[Row]:
    text, undecoded = _markup(path, size)
    try:
        for number, cells in enumerate(rows_of_page(text), start=1):
            yield _markup_row(number, cells, undecoded)
    except BadInputError as error:
        raise _bad_file(path, _what(error), error.remedy) from None


def _xml_rows(path: Path, size: int, header_at: int) -> Generator[Row]:
    text, undecoded = _markup(path, size)
    hidden = hidden_sheets(text)
    shown: int | None = None
    header: tuple[Cell, ...] = ()
    others: list[tuple[str, tuple[Cell, ...]]] = []
    try:
        for row in rows_of_book(text):
            if shown is None and row.sheet not in hidden:
                shown = row.sheet
            if row.number == header_at and row.sheet != shown:
                others.append((row.name, row.cells))
            if row.sheet != shown:
                continue
            if row.number == header_at:
                header = row.cells
            # Cells at its end are left out where they are empty.
            cells = row.cells + (None,) * (len(header) - len(row.cells))
            yield _markup_row(row.number, cells, undecoded)
    except BadInputError as error:
        raise _bad_file(path, _what(error), error.remedy) from None
    if shown is None:
        raise _bad_file(path, "the workbook has no sheet", "리뷰가 있는 시트를 저장해 주세요.")
    for name, cells in others:
        if header and cells == header:
            yield _unread_sheet(name, header)


def _markup(path: Path, size: int) -> tuple[str, str]:
    """Read a file that is kept in memory whole.

    Returns:
        Its text, and the character in it that stands for bytes nobody knows; empty for none.
    """
    if size > MAX_PAGE_BYTES:
        raise _too_large(path, size, MAX_PAGE_BYTES)
    try:
        content = path.read_bytes()
    except OSError:
        raise _bad_file(path, "cannot be opened", "파일의 위치와 권한을 확인해 주세요.") from None
    # In UTF-8 it is a character like any other.
    return decode_text(content), "" if _is_utf8(content) else "\ufffd"


def _markup_row(number: int, cells: tuple[Cell, ...], undecoded: str) -> Row:
    is_damaged = bool(undecoded) and any(
        isinstance(cell, str) and undecoded in cell for cell in cells
    )
    problem = "bytes of no known encoding" if is_damaged else ""
    return Row(number, cells, problem=problem, remedy=AS_XLSX if is_damaged else "")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- XLSX --------------------------------------------------------------------------------------


def _xlsx_rows(path: Path, size: int, header_at: int) -> Generator[Row]:
    if size > MAX_XLSX_BYTES:
        raise _too_large(path, size, MAX_XLSX_BYTES)
    _refuse_bomb(path)
    damaged = _bad_file(
        path,
        "the workbook is damaged or cut off",
        "내려받기를 다시 하거나 엑셀에서 다시 저장해 주세요.",
    )
    try:
        file = path.open("rb")
    except OSError:
        raise damaged from None
    # Opened here, because openpyxl leaves its own file open when it refuses a workbook.
    with file:
        yield from _book_rows(path, file, damaged, header_at)


def _book_rows(path: Path, file: BinaryIO, damaged: BadInputError, header_at: int) -> Iterator[Row]:
    import openpyxl  # slow to import, and most processes never read a workbook

    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except Exception:  # noqa: BLE001 - openpyxl lets KeyError, ParseError and others through
        raise damaged from None
    try:
        # What is hidden is not what the export is about.
        sheet = next((one for one in book.worksheets if one.sheet_state == "visible"), None)
        if sheet is None:
            raise _bad_file(path, "the workbook has no sheet", "리뷰가 있는 시트를 저장해 주세요.")
        # Exports that are written as a stream often claim to be one cell large.
        sheet.reset_dimensions()
        cells = sheet.iter_rows()
        number = width = 0
        header: list[Cell] = []
        while True:
            try:
                row = next(cells)
            except StopIteration:
                break
            except Exception:  # noqa: BLE001 - as above; damage shows only while reading
                raise damaged from None
            number += 1
            if number == header_at:
                width = len(row)
            read = _xlsx_row(number, row, width, book.epoch)
            if number == header_at:
                header = list(read.cells)
            yield read
        others = (one for one in book.worksheets if header and one is not sheet)
        # What is longer than one sheet may go on in the next; pivots and notes have no such header.
        for other in others:
            if _cells_at(other, header_at, damaged)[:width] == header:
                yield _unread_sheet(other.title, tuple(header))
    finally:
        book.close()


def _unread_sheet(name: str, header: tuple[Cell, ...]) -> Row:
    return Row(
        1,
        header,
        problem="only the first sheet is read, and another has the same columns",
        remedy="이 시트를 다른 파일로 저장해 따로 올려 주세요.",
        raw=name,
    )


def _cells_at(sheet: ReadOnlyWorksheet, number: int, damaged: BadInputError) -> list[Cell]:
    sheet.reset_dimensions()
    try:
        row = next(sheet.iter_rows(min_row=number, max_row=number), ())
    except Exception:  # noqa: BLE001 - as above
        raise damaged from None
    return list(_xlsx_row(1, row, 0).cells)


def _xlsx_row(
    number: int, row: tuple[object, ...], width: int, day_zero: datetime = _DAY_ZERO
) -> Row:
    """Read one row; a workbook leaves empty cells at its end out."""
    values = [_xlsx_value(getattr(cell, "value", None)) for cell in row]
    values += [None] * (width - len(values))
    formulas = frozenset(
        position for position, cell in enumerate(row) if getattr(cell, "data_type", "") == "f"
    )
    return Row(number, tuple(values), formulas, day_zero)


def _xlsx_value(value: object) -> Cell:
    if isinstance(value, str):
        # How a workbook writes control characters, a carriage return above all.
        return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), value)
    if value is None or isinstance(value, int | float | datetime):
        return value
    return str(value)


def _refuse_bomb(path: Path) -> None:
    """Refuse an archive by what it says it unpacks to, before anything is unpacked.

    The sizes are the archive's own claim; `zipfile` stops at them while reading, so a lie ends in
    a damaged file, not in a full memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError):
        raise _bad_file(
            path, "the workbook is damaged or cut off", "내려받기를 다시 해 주세요."
        ) from None
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or len(entries) > 10_000:
        raise _bad_file(
            path,
            f"unpacks to {unpacked // 2**20} MiB",
            "기간을 나누어 내려받아 주세요. 출처를 모르는 파일이면 열지 마세요.",
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise _bad_file(path, "a password is set", "암호를 풀고 다시 저장해 주세요.")


# --- a watched folder --------------------------------------------------------------------------


class FolderCollector:
    """Reads the exports in one folder, oldest first, page by page.

    The cursor names file and row. Between two calls the open file is kept, so that going on costs
    nothing; another process finds the row again by counting.

    Args:
        build: ``folder`` is an option of the account, relative to the brand's folder.
        spec: The channel's.
        layout: The channel's, for this account.
    """

    def __init__(self, build: Build, spec: ChannelSpec, layout: Layout) -> None:
        self._account = build.account
        self._clock = build.clock
        self._spec = spec
        self._layout = layout
        # The cursor that goes on in the open file, and its remaining pages.
        self._open: tuple[str, Iterator[Page]] | None = None

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return self._spec

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page of the next file.

        Files that were neither written nor moved here since ``since`` were read by earlier runs
        and are passed over; ``until`` does not matter. A file that cannot be used is one
        quarantined item, and the next one follows.
        """
        del until
        start = _Place.read(cursor)
        places = [place for place in self._places(since) if start is None or place >= start]
        if not places:
            return Page(())
        here = places[0]
        pages_read = start.pages_read if start and here == start else 0
        page = self._next_page(here, pages_read)
        if page.next_cursor is not None:
            following = str(replace(here, pages_read=int(page.next_cursor)))
        else:
            following = str(places[1]) if len(places) > 1 else ""
        if page.next_cursor is None:
            self._open = None  # read to its end: let go of the file at once
        elif self._open:
            self._open = (following, self._open[1])
        return replace(page, next_cursor=following or None)

    def _next_page(self, here: _Place, pages_read: int) -> Page:
        path = watched_folder(self._account) / here.name
        if self._open and pages_read and self._open[0] == str(replace(here, pages_read=pages_read)):
            pages = self._open[1]
        else:
            pages = islice(self._pages(path), pages_read, None)
        try:
            page = next(pages, Page(()))
        except BadInputError as error:
            self._open = None
            return Page((), (_refused_file(error, path),))
        self._open = ("", pages)
        return page

    def _pages(self, path: Path) -> Iterator[Page]:
        return read_pages(path, self._layout, now=self._clock(), page_size=self._spec.page_size)

    def check(self) -> CheckResult:
        """Tell whether the folder is there and can be read."""
        try:
            folder = watched_folder(self._account)
            next(folder.iterdir(), None)
        except (ConfigurationError, OSError) as error:
            return failed(
                CheckReason.CONFIGURATION,
                str(error) if isinstance(error, ConfigurationError) else type(error).__name__,
                "brand.toml의 folder에 적은 폴더를 만들고 읽기 권한을 주세요.",
            )
        return CheckResult(ok=True)

    def _places(self, since: datetime) -> list[_Place]:
        """Give the exports that changed since ``since``, oldest first."""
        now = self._clock()
        newest = now - SETTLED_AFTER
        found: list[_Place] = []
        try:
            for file in watched_folder(self._account).iterdir():
                if not _is_export(file):
                    continue
                status = file.stat()
                # The time of the inode: a file moved here keeps its old time of writing, and one
                # unpacked in another zone may have one that is yet to come.
                is_ahead = status.st_mtime > now.timestamp()
                changed_s = status.st_ctime if is_ahead else max(status.st_mtime, status.st_ctime)
                if since.timestamp() <= changed_s <= newest.timestamp():
                    found.append(_Place(int(changed_s * 1000), file.name))
        except OSError as error:
            raise ConfigurationError(
                f"{self._account.key}: folder cannot be read ({type(error).__name__})"
            ) from None
        return sorted(found)


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """Where a run is: which file, as it was when the run saw it, and how far."""

    changed_ms: int
    name: str
    pages_read: int = field(default=0, compare=False)

    @classmethod
    def read(cls, cursor: str | None) -> _Place | None:
        if cursor is None:
            return None
        found = re.fullmatch(r"(\d{1,16}):(\d{1,9}):([^/\\]+)", cursor)
        if found is None:
            raise BadInputError("unknown cursor", field="cursor")
        name = unquote(found[3], errors="surrogateescape")
        return cls(int(found[1]), name, int(found[2]))

    def __str__(self) -> str:
        # Bytes of a name that are no UTF-8 can stand in a path of Python's, not in a database.
        name = quote(self.name, safe=" ", errors="surrogateescape")
        return f"{self.changed_ms}:{self.pages_read}:{name}"


def _is_export(file: Path) -> bool:
    is_hidden = file.name.startswith(("~$", "."))
    return file.suffix.lower() in ENDINGS and not is_hidden and file.is_file()


def _refused_file(error: BadInputError, path: Path) -> QuarantinedItem:
    try:
        with path.open("rb") as file:
            head = file.read(_RAW_LIMIT_BYTES)
    except OSError:
        head = b""
    return QuarantinedItem(
        reason=str(error),
        raw=head,
        source=_shown(path),
        row=error.row,
        field=error.field,
        remedy=error.remedy,
    )


def watched_folder(account: Account) -> Path:
    """Give the folder an account watches.

    Raises:
        ConfigurationError: The account names none, or it is not there.
    """
    option = account.option("folder")
    if not option:
        raise ConfigurationError(f'{account.key}: folder = "..." is missing')
    folder = account.folder / option
    if not folder.is_dir():
        raise ConfigurationError(f"{account.key}: folder {option!r} is not there")
    return folder
