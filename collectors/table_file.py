"""Generic file (CSV·엑셀 파일): any table, with its columns named in ``brand.toml``.

    [[accounts]]
    name = "offline"
    channel = "generic_file"
    folder = "inbox"
    kind = "review"                  # review, inquiry or post
    rating_scale = 5                 # 5, 10 or 100
    columns = { text = "내용", id = "번호", rating = "별점", written_at = "작성일" }

Encodings (UTF-8, UTF-16, CP949) and separators are found by looking. Rows without an id column
get one made of their content, so that the same export may be dropped again with more rows; equal
rows of one file are told apart by counting them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collectors.base import Build, ChannelSpec
from collectors.files import FolderCollector, read_pages
from collectors.tables import TableLayout
from domain.types import FeedbackKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from domain.brands import Account
    from domain.types import Page

SPEC = ChannelSpec(
    channel="generic_file",
    kinds=(FeedbackKind.REVIEW, FeedbackKind.INQUIRY, FeedbackKind.POST),
    page_size=500,
    overlap=timedelta(minutes=10),
    reads_files=True,
    option_names=("folder", "kind", "columns", "rating_scale"),
)


def build(build: Build) -> FolderCollector:
    """Make the collector of one account."""
    return FolderCollector(build, SPEC, TableLayout(build.account))


def read_file(path: Path, account: Account, now: datetime) -> Iterator[Page]:
    """Read one file, for ``pyeongpan import``; see `collectors.files.read_pages`."""
    return read_pages(path, TableLayout(account), now=now, page_size=SPEC.page_size)
