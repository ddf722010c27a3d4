"""Tables of a web page that a seller centre calls a workbook (``.xls``): their rows, in one list.

Excel reads such a page so: the rows of every table below each other, a cell over several rows or
columns as one value and nothing in the others. So does this. Pure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from selectolax.lexbor import LexborHTMLParser

from collectors.values import is_too_deep, text_of
from domain.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selectolax.lexbor import LexborNode

WIDEST: Final = 1000
"""As many columns as HTML lets one cell cover; no more of a row are read."""
AS_XLSX: Final = "엑셀에서 열어 .xlsx 형식으로 다시 저장해 주세요."


def rows_of_page(html: str) -> Iterator[tuple[str | None, ...]]:
    """Give the cells of each row.

    Args:
        html: The whole page.

    Raises:
        BadInputError: It is nested too deeply or has no table; or, after what could be read, it
            is cut off or rows were lost in it.
    """
    if is_too_deep(html):
        raise BadInputError("a web page that is nested too deeply", remedy=AS_XLSX)
    # Rows in a cell's own table are words of that cell.
    tree = LexborHTMLParser(html)
    rows = tree.css("tr:not(td tr, th tr)")
    if not rows:
        raise BadInputError(
            "a web page without a table",
            remedy=f"로그인 화면이 아닌지 내려받은 파일을 확인하거나, {AS_XLSX}",
        )
    is_cut_off = not _WHOLE.search(html) and len(_END.findall(html)) < len(_START.findall(html))
    table, covered = 0, dict[int, int]()
    for position, row in enumerate(rows, start=1):
        if is_cut_off and position == len(rows):
            raise BadInputError("the page is cut off", remedy="내려받기를 다시 해 주세요.")
        if row.parent is not None and row.parent.mem_id != table:
            # No cell reaches into the next table, nor out of its part of one.
            table, covered = row.parent.mem_id, {}
        cells, covered = _cells(row, covered)
        yield cells
    lost = len(_ROW.findall(html)) - len(tree.css("tr"))
    if lost > 0:
        # A review that was not escaped and has "<!--" or "<title>" takes the rows behind it along.
        raise BadInputError(f"{lost} rows stand where the page shows none", remedy=AS_XLSX)


_ROW: Final = re.compile(r"<tr[\s>]", re.IGNORECASE)
_START: Final = re.compile(r"<table\b", re.IGNORECASE)
_END: Final = re.compile(r"</table\s*>", re.IGNORECASE)
_WHOLE: Final = re.compile(r"</html>\s*\Z", re.IGNORECASE)


def _cells(
    row: LexborNode, covered: dict[int, int]
) -> tuple[tuple[str | None, ...], dict[int, int]]:
    """Read one row.

    Args:
        row: The ``tr``.
        covered: By column, into how many rows from here on a cell above reaches.

    Returns:
        The row's cells, and what is covered of the rows below it.
    """
    values: list[str | None] = []
    below = {column: rows - 1 for column, rows in covered.items() if rows > 1}
    for cell in row.iter():
        if cell.tag not in {"td", "th"} or len(values) > WIDEST:
            continue
        while len(values) in covered:
            values.append(None)
        width, height = _span(cell, "colspan"), _span(cell, "rowspan")
        if height > 1:
            below |= dict.fromkeys(range(len(values), len(values) + width), height - 1)
        values += [text_of(cell), *[None] * (width - 1)]
    while len(values) in covered:
        values.append(None)
    return tuple(values), below


def _span(cell: LexborNode, name: str) -> int:
    number = (cell.attributes.get(name) or "").strip()
    return min(int(number), WIDEST) if re.fullmatch(r"[1-9]\d{0,5}", number, re.ASCII) else 1
