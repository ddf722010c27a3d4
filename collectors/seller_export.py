"""Seller export (판매자센터 리뷰 파일): the review exports of Naver's and Coupang's seller centres.

Neither has an interface for reviews; the seller centre's export is the way they allow. A person (or
their own routine) drops the files in a folder, replies are handed to a person.

    [[accounts]]
    name = "smartstore"
    channel = "seller_export"
    folder = "inbox"
    format = "smartstore"            # or "coupang"
    columns = { text = "상품평" }      # coupang only: where the file's columns have other names

Source: channels.md section 1, "Reviews", and section 2 (Checked: 2026-11). SmartStore: sheet
``Sheet0``, 25 columns, dates ``yyyy.MM.dd. HH:mm:ss`` in KST, key 리뷰글번호. Coupang: WING lists
reviews, but no source names the columns of its file; `COUPANG_COLUMNS` are sensible words, each
can be replaced, and a file with others is refused with the names it lacks. Neither file ever
proves that a review is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from collectors.base import Build, ChannelSpec
from collectors.files import Columns, FolderCollector, read_pages
from collectors.tables import TableLayout
from domain.errors import BadInputError, ConfigurationError
from domain.types import ChannelReply, CollectedFeedback, FeedbackKind, ReplyRules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from collectors.files import Layout, Row, RowReader
    from domain.brands import Account
    from domain.types import Page

SPEC = ChannelSpec(
    channel="seller_export",
    kinds=(FeedbackKind.REVIEW,),
    page_size=500,
    overlap=timedelta(minutes=10),
    reads_files=True,
    reply_rules=ReplyRules(max_length=1000, min_length=5),
    option_names=("folder", "format", "columns"),
    unverified=(
        "the 25 column names and the date format come from two code bases",
        "replies of 5 to 1000 characters: the seller centre's counter, from one code base",
        "답글여부 is Y or N",
        "every column name of Coupang's file, and whether it has a review number",
    ),
)

COLUMNS: Final = {
    "id": "리뷰글번호",
    "text": "리뷰상세내용",
    "rating": "구매자평점",
    "written_at": "리뷰등록일",
    "edited_at": "최종수정일",
    "author": "등록자",
    "product_id": "상품번호",
    "product_name": "상품명",
    "order_id": "상품주문번호",
    "type": "리뷰구분",
    "related": "관련리뷰글번호",
    "replied": "답글여부",
    "replied_at": "답글등록일시",
}
"""The columns that are read, of the 25; their order does not matter and others are ignored."""

COUPANG_COLUMNS: Final = {
    "text": "리뷰내용",
    "rating": "별점",
    "written_at": "작성일",
    "author": "작성자",
    "product_id": "노출상품ID",
    "product_name": "상품명",
}
"""Unverified. With an ``id`` column of its own the file's reviews may be edited; without one a
review is told by its content, and the same file may be dropped again with more rows."""

HAND_OFF_URL: Final = "https://sell.smartstore.naver.com"
COUPANG_HAND_OFF_URL: Final = "https://wing.coupang.com"
FORMATS: Final = ("smartstore", "coupang")


class SellerExportLayout:
    """How the export's rows are understood."""

    def reader(self, header: tuple[str, ...], now: datetime) -> RowReader:
        """Check the header; see `collectors.files.Layout`."""
        columns = Columns(header, COLUMNS)
        return lambda row: _parse_feedback(row, columns, now)


def _parse_feedback(row: Row, columns: Columns, now: datetime) -> CollectedFeedback:
    native_id = columns.identifier(row, "id")
    if not native_id:
        raise BadInputError("no review number", field=COLUMNS["id"], remedy="원본을 올려 주세요.")
    written = columns.when(row, "written_at", now)
    if written is None:
        raise BadInputError("no date", field=COLUMNS["written_at"], remedy="원본을 올려 주세요.")
    edited = columns.when(row, "edited_at", now)
    is_edited = edited is not None and edited.at != written.at
    extra = {"type": columns.text(row, "type"), "related": columns.identifier(row, "related")}
    return CollectedFeedback(
        kind=FeedbackKind.REVIEW,
        native_id=native_id,
        text=columns.text(row, "text"),
        written_at=written.at,
        written_at_is_exact=written.exact,
        edited_at=edited.at if edited and is_edited else None,
        rating=columns.rating(row, "rating"),
        author=columns.text(row, "author"),
        product_id=columns.identifier(row, "product_id"),
        product_name=columns.text(row, "product_name"),
        order_id=columns.identifier(row, "order_id"),
        url=HAND_OFF_URL,
        replies=_replies(row, columns, now),
        extra={key: value for key, value in extra.items() if value},
    )


def _replies(row: Row, columns: Columns, now: datetime) -> tuple[ChannelReply, ...]:
    """Notice a reply: the export says that there is one and when, not its words."""
    said = columns.text(row, "replied").upper()
    if said in {"N", ""}:
        return ()
    if said != "Y":
        raise BadInputError(
            "neither Y nor N", field=COLUMNS["replied"], remedy="원본을 올려 주세요."
        )
    replied = columns.when(row, "replied_at", now)
    return (ChannelReply(text="", replied_at=replied.at if replied else None),)


class CoupangExportLayout:
    """How Coupang's rows are understood: as a table with `COUPANG_COLUMNS`, or the account's.

    Args:
        account: Its ``columns`` replace single names; an empty one takes the column away.

    Raises:
        ConfigurationError: ``columns`` is not a mapping of known fields.
    """

    def __init__(self, account: Account) -> None:
        own = account.options.get("columns", {})
        if not isinstance(own, Mapping):
            raise ConfigurationError(f'{account.key}: columns must be {{ text = "...", ... }}')
        columns = {name: column for name, column in {**COUPANG_COLUMNS, **own}.items() if column}
        options = {"columns": columns, "kind": str(FeedbackKind.REVIEW)}
        self._table = TableLayout(replace(account, options=options))

    def reader(self, header: tuple[str, ...], now: datetime) -> RowReader:
        """Check the header; see `collectors.files.Layout`. A reader belongs to one file."""
        read = self._table.reader(header, now)

        def read_row(row: Row) -> CollectedFeedback:
            item = read(row)
            return replace(item, url=item.url or COUPANG_HAND_OFF_URL)

        return read_row


def layout_of(account: Account) -> Layout:
    """Give how an account's files are understood, by its ``format``.

    Raises:
        ConfigurationError: No such format, or ``columns`` is wrong.
    """
    chosen = account.option("format", "smartstore")
    if chosen not in FORMATS:
        raise ConfigurationError(f"{account.key}: format must be one of {', '.join(FORMATS)}")
    return CoupangExportLayout(account) if chosen == "coupang" else SellerExportLayout()


def build(build: Build) -> FolderCollector:
    """Make the collector of one account."""
    return FolderCollector(build, SPEC, layout_of(build.account))


def read_file(path: Path, account: Account, now: datetime) -> Iterator[Page]:
    """Read one export, for ``pyeongpan import``; see `collectors.files.read_pages`."""
    return read_pages(path, layout_of(account), now=now, page_size=SPEC.page_size)
