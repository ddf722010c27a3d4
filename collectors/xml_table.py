"""XML Spreadsheet 2003, which some shops' admin pages export as ``.xls``: its rows, sheet by sheet.

Source: Microsoft, "XML Spreadsheet Reference" (Office XP and 2003) (Checked: 2026-11). A cell or row
that is left out shows in the ``ss:Index`` of the next; a cell that is merged across stands for
several. Pure; declarations of entities are refused, and no more than a row is kept at a time.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from collectors.values import NOT_XML
from collectors.web_table import AS_XLSX, WIDEST
from domain.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

Value = str | int | float | datetime | None

LAST_ROW: Final = 1_048_576
"""Of a sheet; what says that it stands further down does not."""
_SHEETS: Final = "urn:schemas-microsoft-com:office:spreadsheet"
_BOOK: Final = re.compile(r"\s*(?:<[?!][^<]*)*<(?:\w+:)?Workbook[\s/>]")
"""Declarations and comments may stand before it."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that the file has; empty ones are mostly left out.

    Attributes:
        sheet: Its sheet's place in the file, from 0.
        name: The sheet's name.
        number: As Excel counts it, from 1.
        cells: Values as they are typed in the file; the result of a formula.
    """

    sheet: int
    name: str
    number: int
    cells: tuple[Value, ...]


def is_book(start: str) -> bool:
    """Tell by its beginning whether a file is an XML Spreadsheet."""
    return _BOOK.match(start.lstrip("\ufeff")) is not None


def hidden_sheets(xml: str) -> frozenset[int]:
    """Give the places of the sheets that Excel does not show, as far as the file can be read."""
    hidden: set[int] = set()
    sheet = -1
    if "Hidden</" not in xml:
        return frozenset()
    # Whoever reads the rows meets damage again, behind what can be read.
    with suppress(BadInputError):
        for event, element in _events(xml):
            tag = _local(element)
            if event == "start" and tag == "Worksheet":
                sheet += 1
            elif event == "end" and tag == "Visible" and "Hidden" in (element.text or ""):
                hidden.add(sheet)
    return frozenset(hidden)


def rows_of_book(xml: str) -> Iterator[SheetRow]:
    """Give the rows of every sheet, in the file's order.

    Args:
        xml: The whole file.

    Raises:
        BadInputError: It declares entities; or, after what could be read, it is damaged or cut off.
    """
    sheet, name, number = -1, "", 0
    for event, element in _events(xml):
        tag = _local(element)
        if event == "start" and tag == "Worksheet":
            sheet, name, number = sheet + 1, element.get(f"{{{_SHEETS}}}Name", ""), 0
        elif event == "end" and tag == "Row":
            number = _index(element, "Index", number + 1)
            if number > LAST_ROW:
                raise BadInputError("a row behind the last that a sheet has", remedy=AS_XLSX)
            yield SheetRow(sheet, name, number, _cells(element))
            number += _index(element, "Span", 0)


def _events(xml: str) -> Iterator[tuple[str, Element]]:
    """Give where elements start and end; a row is whole at its end, and forgotten after it."""
    # It was decoded by what its bytes are; its own declaration may say something else.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", NOT_XML.sub("", xml.lstrip("\ufeff")), count=1)
    source = io.BytesIO(text.lstrip().encode("utf-8"))
    try:
        open_elements: list[Element] = []
        rows = 0
        for event, element in iterparse(source, ("start", "end"), forbid_dtd=True):
            is_row = _local(element) == "Row"
            yield event, element
            if event == "start":
                open_elements.append(element)
                rows += is_row
                continue
            rows -= is_row
            open_elements.pop()
            if open_elements and not rows:
                open_elements[-1].clear()
    except DefusedXmlException:
        raise BadInputError(
            "the XML declares entities", remedy=f"출처를 아는 파일이면 {AS_XLSX}"
        ) from None
    except ParseError as error:
        raise BadInputError(
            f"the XML is damaged or cut off at its line {error.position[0]}",
            remedy=f"내려받기를 다시 하거나, {AS_XLSX}",
        ) from None


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _index(element: Element, name: str, usual: int) -> int:
    said = (element.get(f"{{{_SHEETS}}}{name}") or "").strip()
    return int(said) if re.fullmatch(r"[1-9]\d{0,8}", said, re.ASCII) else usual


def _cells(row: Element) -> tuple[Value, ...]:
    values: list[Value] = []
    for cell in row:
        if _local(cell) != "Cell":
            continue
        place = _index(cell, "Index", len(values) + 1)
        across = _index(cell, "MergeAcross", 0)
        if place > WIDEST:
            break
        values += [None] * (place - 1 - len(values))
        # A comment of the cell has data of its own, deeper down.
        data = next((part for part in cell if _local(part) == "Data"), None)
        values += [None if data is None else _value(data), *[None] * min(across, WIDEST)]
    return tuple(values)


_NUMBER: Final = re.compile(r"-?\d{1,30}(\.\d{1,30})?([Ee][+-]?\d{1,2})?", re.ASCII)


def _value(data: Element) -> Value:
    words = "".join(data.itertext())
    kind, plain = data.get(f"{{{_SHEETS}}}Type", "String"), words.strip()
    if kind == "Number" and re.fullmatch(r"-?\d{1,30}", plain, re.ASCII):
        return int(plain)
    if kind == "Number" and _NUMBER.fullmatch(plain):
        return float(plain)
    if kind == "DateTime" and re.fullmatch(r"[\d-]{10}T[\d:]{8}(\.\d{1,6})?", plain, re.ASCII):
        try:
            return datetime.fromisoformat(plain)
        except ValueError:
            return words
    return words
