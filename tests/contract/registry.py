"""Every fake marketplace that the contract suite runs against: one line each.

A channel with several id spaces has a line for each, by the fake's word for the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.coupang import CoupangMarket
from tests.fakes.naver_commerce import NaverMarket

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.marketplace import FakeMarketplace


@dataclass(frozen=True)
class Case:
    """One line.

    Attributes:
        surface: Handed to `FakeMarketplace.seed`; empty for channels with one list.
    """

    make: Callable[[], FakeMarketplace]
    surface: str = ""


CASES: dict[str, Case] = {
    "coupang-product": Case(CoupangMarket, "product"),
    "coupang-cc": Case(CoupangMarket, "cc"),
    "naver-qna": Case(NaverMarket, "qna"),
    "naver-inq": Case(NaverMarket, "inq"),
}
