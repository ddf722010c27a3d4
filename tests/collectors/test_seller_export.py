"""Coupang's review file: unverified columns that an operator can rename, the rest as for any table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collectors.seller_export import COUPANG_COLUMNS, SPEC, build, layout_of, read_file
from domain.brands import Account
from domain.errors import BadInputError, ConfigurationError
from domain.types import FeedbackKind
from tests.collectors.conftest import FIXTURES, NOW, MakeBuild

if TYPE_CHECKING:
    from pathlib import Path

    from domain.types import CollectedFeedback

FILE = FIXTURES / "seller_export_coupang" / "unverified_columns.csv"
TEXT = FILE.read_bytes().decode("cp949")


def _account(**options: object) -> Account:
    return Account("saebyeok", "coupang", "seller_export", options={"format": "coupang"} | options)


def _read(path: Path, **options: object) -> list[CollectedFeedback]:
    pages = list(read_file(path, _account(**options), NOW))
    assert not any(page.quarantined for page in pages)
    return [item for page in pages for item in page.items]


def test_a_file_with_the_unverified_columns_is_read() -> None:
    first, second = _read(FILE)
    assert first.kind is FeedbackKind.REVIEW
    assert (first.text, first.rating) == ("국이 다 샜어요.\n환불해 주세요", 1)
    assert (first.product_id, first.author) == ("8100000001", "김*영")
    assert not first.written_at_is_exact
    assert first.url == "https://wing.coupang.com"
    assert first.native_id != second.native_id


def test_the_same_file_with_more_rows_repeats_no_review(tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text(TEXT + "8100000002,새벽상회 콩자반,1개,박*민,3,보통,2026-11-21\n", "utf-8")
    known = {item.native_id for item in _read(FILE)}
    assert len({item.native_id for item in _read(more)} - known) == 1


def test_a_file_with_other_columns_is_refused_with_the_names_it_lacks(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(TEXT.replace("리뷰내용", "상품평"), "utf-8")
    with pytest.raises(BadInputError, match=r"missing: 리뷰내용;.*known: 별점, 작성일") as caught:
        _read(other)
    assert "상품평" not in str(caught.value)
    assert len(_read(other, columns={"text": "상품평"})) == 2


def test_a_column_may_be_added_and_taken_away(tmp_path: Path) -> None:
    numbered = tmp_path / "numbered.csv"
    numbered.write_text("리뷰번호,리뷰내용,별점,작성일\n77,별로예요,2,2026-11-20\n", "utf-8")
    columns = {"id": "리뷰번호"} | dict.fromkeys(("author", "product_id", "product_name"), "")
    assert [item.native_id for item in _read(numbered, columns=columns)] == ["77"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"format": "gmarket"}, "format must be one of smartstore, coupang"),
        ({"format": "coupang", "columns": "상품평"}, "columns must be"),
        ({"format": "coupang", "columns": {"stars": "별점"}}, "columns knows no stars"),
        ({"format": "coupang", "columns": {"text": ""}}, "columns must name the column of text"),
    ],
)
def test_a_wrong_setting_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        layout_of(Account("saebyeok", "coupang", "seller_export", options=options))


def test_the_watched_folder_knows_the_format(tmp_path: Path, make_build: MakeBuild) -> None:
    (tmp_path / "reviews.csv").write_bytes(FILE.read_bytes())
    # The folder goes by the file's own times, which are the real ones.
    later = datetime.now(UTC) + timedelta(hours=1)
    collector = build(replace(make_build(_account(folder=str(tmp_path))), clock=lambda: later))
    assert collector.check().ok
    page = collector.fetch(later - timedelta(days=1), later, None)
    assert [item.rating for item in page.items] == [1, 5]


def test_what_is_not_verified_is_said() -> None:
    assert any("Coupang" in note for note in SPEC.unverified)
    assert set(COUPANG_COLUMNS) >= {"text", "rating", "written_at"}
