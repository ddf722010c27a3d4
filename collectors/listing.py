"""Lists in JSON that are read page by page: rows, fields and the place where a run is.

Three promises hold for every channel that reads through here. A row either becomes feedback or is
quarantined with what arrived; a body without its list is `LayoutChangedError`; and a run that
might have skipped rows because the list moved under it says so, so that nothing is called gone.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from collectors.values import clean_text
from domain.errors import BadInputError, ConfigurationError, LayoutChangedError
from domain.korea import KST
from domain.types import CollectedFeedback, Page, QuarantinedItem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from collectors.base import Build
    from collectors.http import Answer

Row = dict[str, object]

MOST_BACKS: Final = 100
"""So often a list is gone back over; one that goes on like that does not count its rows."""

MANY_ROWS: Final = 3
"""So many rows are not by chance all odd: the channel's answer has another shape."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list page says.

    Attributes:
        rows: Rows on this page, read or not.
        total: How many rows the channel has for the whole question; -1 where it does not say.
        pages: How many pages it counts; -1 where it does not say.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    rows: int
    total: int = -1
    pages: int = -1

    @property
    def mark(self) -> str:
        """Names the page by its first row; empty where there is none that can be read."""
        first = self.items[0].native_id if self.items else ""
        return hashlib.sha256(first.encode()).hexdigest()[:8] if first else ""


def changed(what: str, body: object) -> LayoutChangedError:
    """Give the error of an answer that has another shape, with the answer."""
    return LayoutChangedError(what, payload=_as_bytes(body))


def rows_of(body: object, *path: str) -> list[object]:
    """Find the list of rows in an answer.

    Args:
        body: The parsed JSON.
        path: Keys that lead to the list.

    Raises:
        LayoutChangedError: There is no list at ``path``.
    """
    found = body
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise changed(f"no list at {'.'.join(path)}", body)
    return found


def count_in(body: object, *path: str) -> int:
    """Find a count in an answer; -1 where there is none.

    Args:
        body: The parsed JSON.
        path: Keys that lead to the number.
    """
    found = body
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    is_one = isinstance(found, int | str) and not isinstance(found, bool)
    return int(str(found)) if is_one and _COUNT.fullmatch(str(found)) else -1


_COUNT: Final = re.compile(r"\d{1,9}", re.ASCII)
"""As a number or, as some servers write every number, as text."""


def read_rows(
    rows: list[object], read: Callable[[Row], CollectedFeedback | None], *, source: str
) -> tuple[tuple[CollectedFeedback, ...], tuple[QuarantinedItem, ...]]:
    """Read every row; what cannot be read is kept, never dropped.

    Args:
        rows: As they arrived.
        read: Gives the feedback, None for a row that is none by the channel's own word (deleted,
            a notice), or `BadInputError`.
        source: Which list, for whoever looks at the quarantine.

    Raises:
        LayoutChangedError: Not one of several rows could be read. Fewer than `MANY_ROWS` are
            quarantined: a run that stopped at them would ask for the same days for ever, and
            everything that is written later would wait behind one odd row.
    """
    items: list[CollectedFeedback] = []
    quarantined: list[QuarantinedItem] = []
    for position, row in enumerate(rows, start=1):
        try:
            item = read(_as_row(row))
        except BadInputError as error:
            quarantined.append(
                QuarantinedItem(
                    reason=str(error),
                    raw=_as_bytes(row),
                    source=source,
                    row=position,
                    field=error.field,
                    remedy=error.remedy or "판매자 센터에서 이 글을 직접 확인해 주세요.",
                )
            )
            continue
        if item is not None:
            items.append(item)
    if quarantined and len(quarantined) == len(rows):
        if len(rows) >= MANY_ROWS:
            raise changed(f"{source}: no row can be read: {quarantined[0].reason}", rows)
        quarantined = [replace(row, is_alone=True) for row in quarantined]
    return tuple(items), tuple(quarantined)


def _as_row(row: object) -> Row:
    if not isinstance(row, dict):
        raise BadInputError("a row is not an object")
    return row


def _as_bytes(value: object) -> bytes:
    return json.dumps(value, default=str).encode()


def number_in(row: Row, key: str) -> str:
    """Read a channel's whole number, given as a number or as text; its digits.

    Raises:
        BadInputError: Missing or something else.
    """
    value = row.get(key)
    digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"\d{1,19}", digits, re.ASCII):
        raise BadInputError("a whole number is missing", field=key)
    return digits


def text_in(row: Row, key: str) -> str:
    """Read a text that must be there; it may be empty.

    Raises:
        BadInputError: Missing, not a text, or far too long.
    """
    value = row.get(key)
    if not isinstance(value, str):
        raise BadInputError("a text is missing", field=key)
    return clean_text(value, field=key)


def word_in(row: Row, key: str) -> str:
    """Read a short value that may be absent: a name, a state, a number as text.

    Raises:
        BadInputError: It is a list or an object.
    """
    value = row.get(key)
    if value is None or isinstance(value, bool):
        return ""
    if not isinstance(value, str | int | float):
        raise BadInputError("a plain value was expected", field=key)
    # Whole numbers of any length print; Python only refuses over 4,300 digits, which JSON cannot.
    return clean_text(str(value), field=key)


def when_in(row: Row, key: str) -> str | int | float:
    """Give what a row has as its date, for `collectors.values.parse_when`.

    Raises:
        BadInputError: Missing or not a date at all.
    """
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInputError("the date is missing", field=key)
    return value


def list_in(row: Row, key: str) -> list[object]:
    """Read a list that may be absent.

    Raises:
        BadInputError: It is something else.
    """
    value = row.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadInputError("a list was expected", field=key)
    return value


def rows_in(row: Row, key: str) -> list[Row]:
    """Read a list of objects that may be absent.

    Raises:
        BadInputError: It is something else.
    """
    return [_as_row(value) for value in list_in(row, key)]


def place_refused(answer: Answer) -> BadInputError | None:
    """Give what the refusal of a page's token means; for questions with one that was given us.

    Tokens end some time after they were given, and an interrupted run may come later: its window
    is read anew. What else the status may mean the first page says as well.
    """
    if answer.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return None
    return BadInputError(
        f"{answer.status}: the channel takes the next page's token no more",
        field="cursor",
        remedy="구간을 처음부터 다시 읽습니다. 되풀이되면 개발팀에 알려 주세요.",
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is: which list, which stretch of days, which page.

    Attributes:
        surface: Index of the list among the account's lists.
        stretch: Index of the stretch of days; -1 while the window is read in one piece.
        page: From 1.
        total: Rows the page before counted; -1 when there was none or it did not say.
        shrank: Whether rows may have been skipped, in this list or one before.
        backs: How often this list was gone back over because rows were deleted.
        mark: Names the page before, when this one follows it; see `Listing.mark`.
    """

    surface: int = 0
    stretch: int = -1
    page: int = 1
    total: int = -1
    shrank: bool = False
    backs: int = 0
    mark: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> Place:
        """Read a cursor.

        Raises:
            BadInputError: It is not one of ours.
        """
        if cursor is None:
            return cls()
        found = re.fullmatch(
            r"(\d):(-1|\d{1,3}):(\d{1,6}):(-1|\d{1,9}):([01]):(\d{1,3}):([0-9a-f]{8})?",
            cursor,
            re.ASCII,
        )
        if found is None or found[3] == "0":
            raise BadInputError("unknown cursor", field="cursor")
        surface, stretch, page, total = (int(found[group]) for group in range(1, 5))
        return cls(surface, stretch, page, total, found[5] == "1", int(found[6]), found[7] or "")

    def __str__(self) -> str:
        place = f"{self.surface}:{self.stretch}:{self.page}:{self.total}:{self.shrank:d}"
        return f"{place}:{self.backs}:{self.mark}"

    def within(self, listing: Listing, page_size: int) -> Place | None:
        """Give the next page of this list after ``listing``; None when it was the last.

        Rows that were deleted meanwhile pull later rows onto pages that were already read, so
        that many pages are read again.

        Raises:
            LayoutChangedError: The channel counts rows it does not show, or counted them before
                and counts no more, or counts fewer again and again, or gives one page twice.
        """
        if self.mark and self.mark == listing.mark:
            # Taken for the next one it would hide all rows that are not on it, which look gone.
            raise changed(f"page {self.page} is the page before again", {})
        if self.total >= 0 > listing.total:
            raise changed(f"page {self.page} counts no rows, the one before did", {})
        gone = self.total - listing.total if self.total >= 0 and listing.total >= 0 else 0
        if gone > 0:
            if self.backs >= MOST_BACKS:
                raise changed(f"{self.backs + 1} times a page counted fewer rows", {})
            back = 1 + (gone - 1) // page_size
            return replace(
                self,
                page=max(1, self.page - back),
                total=listing.total,
                shrank=True,
                backs=self.backs + 1,
                mark="",
            )
        if listing.pages >= 0:
            has_more = self.page < listing.pages
        elif listing.total >= 0:
            has_more = self.page * page_size < listing.total
        else:
            has_more = listing.rows >= page_size
        if not has_more:
            if listing.total > self.page * page_size:
                raise changed(
                    f"page {self.page} is the last and {listing.total} rows are counted", {}
                )
            return None
        if not listing.rows:
            raise changed(f"page {self.page} is empty and {listing.total} rows are counted", {})
        return replace(self, page=self.page + 1, total=listing.total, mark=listing.mark)

    def has_all(self, listing: Listing, page_size: int) -> bool:
        """Tell whether the run so far, this page included, gave every row the channel counts.

        A row in quarantine was not given: what it is about must not be called gone. Neither does a
        list without a count tell what it left out.
        """
        expected = min(page_size, listing.total - (self.page - 1) * page_size)
        is_short = listing.total < 0 or listing.rows < expected
        return not self.shrank and not is_short and not listing.quarantined

    def page_of(
        self,
        listing: Listing,
        page_size: int,
        *,
        after: Place | None,
        window: tuple[datetime, datetime],
        lists: tuple[str, ...],
    ) -> Page:
        """Give the worker's page: where the run goes on, or at its end what was read completely.

        Args:
            listing: What stands here.
            page_size: Rows asked for.
            after: Where to go when this list is at its end; None for the end of the run.
            window: What the run asked for.
            lists: See `domain.types.Page`.
        """
        # A list that grows at its end while it is read may have lost as many rows before.
        has_grown = self.page > 1 and any(
            item.written_at is not None and item.written_at >= window[1] for item in listing.items
        )
        is_whole = self.has_all(listing, page_size) and not has_grown
        there = self.within(listing, page_size) or after
        if there is None:
            covers = window if is_whole else None
            return Page(listing.items, listing.quarantined, covers=covers, lists=lists)
        there = replace(there, shrank=there.shrank or not is_whole)
        return Page(listing.items, listing.quarantined, next_cursor=str(there))


def days_between(since: datetime, until: datetime) -> tuple[date, date]:
    """Give the first and the last Korean day that ``[since, until)`` touches."""
    last = max(since, until - timedelta(microseconds=1))
    return since.astimezone(KST).date(), last.astimezone(KST).date()


def address_of(build: Build, default: str) -> str:
    """Give the channel's address, or the one of the account's ``base_url``; no slash at the end.

    Raises:
        ConfigurationError: It is not an address.
    """
    address = build.account.option("base_url", default).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
        raise ConfigurationError(f"{build.account.key}: base_url is not an address")
    return address


def required_option(build: Build, name: str) -> str:
    """Give an option the channel cannot do without.

    Raises:
        ConfigurationError: The account has none.
    """
    value = build.account.option(name).strip()
    if not value:
        raise ConfigurationError(f'{build.account.key}: {name} = "..." is missing in brand.toml')
    return value


def required_credential(build: Build, name: str) -> str:
    """Give a credential the channel cannot do without.

    Raises:
        ConfigurationError: The account's credentials file has none.
    """
    value = build.account.credentials.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{build.account.key}: {name} is missing in the credentials file")
    return value


def chosen_surfaces(build: Build, known: tuple[str, ...], default: tuple[str, ...]) -> list[str]:
    """Give the lists an account reads: its ``surfaces`` option, or ``default``.

    Raises:
        ConfigurationError: An unknown one, or none.
    """
    chosen = build.account.options.get("surfaces", list(default))
    if not isinstance(chosen, list) or not chosen or any(name not in known for name in chosen):
        raise ConfigurationError(
            f"{build.account.key}: surfaces must be a list of {', '.join(known)}"
        )
    return [name for name in known if name in chosen]
