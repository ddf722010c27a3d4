"""Seller export (스마트스토어 리뷰 엑셀): the review export of Naver's seller centre.

Naver has no interface for reviews; the seller centre's export is the way it allows. A person (or
their own routine) drops the files in a folder, replies are handed to a person.

Source: channels.md section 1, "Reviews" (Checked: 2026-11). Sheet ``Sheet0``, 25 columns, dates
``yyyy.MM.dd. HH:mm:ss`` in KST, key 리뷰글번호. The file never proves that a review is gone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from collectors.base import Build, ChannelSpec
from collectors.files import Columns, FolderCollector, read_pages
from domain.errors import BadInputError
from domain.types import ChannelReply, CollectedFeedback, FeedbackKind, ReplyRules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from collectors.files import Row, RowReader
    from domain.brands import Account
    from domain.types import Page

SPEC = ChannelSpec(
    channel="seller_export",
    title="스마트스토어 리뷰 엑셀",
    kinds=(FeedbackKind.REVIEW,),
    docs_url="https://sell.smartstore.naver.com",
    page_size=500,
    overlap=timedelta(minutes=10),
    reads_files=True,
    reply_rules=ReplyRules(max_length=1000, min_length=5),
    option_names=("folder",),
    unverified=(
        "the 25 column names and the date format come from two code bases",
        "replies of 5 to 1000 characters: the seller centre's counter, from one code base",
        "답글여부 is Y or N",
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

HAND_OFF_URL: Final = "https://sell.smartstore.naver.com"


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


def build(build: Build) -> FolderCollector:
    """Make the collector of one account."""
    return FolderCollector(build, SPEC, SellerExportLayout())


def read_file(path: Path, account: Account, now: datetime) -> Iterator[Page]:
    """Read one export, for ``pyeongpan import``; see `collectors.files.read_pages`."""
    del account
    return read_pages(path, SellerExportLayout(), now=now, page_size=SPEC.page_size)
