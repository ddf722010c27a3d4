"""Every fake marketplace that the contract suite runs against: one line each.

A channel with several id spaces has a line for each, by the fake's word for the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.app_store import AppStore
from tests.fakes.cafe24 import Cafe24Market
from tests.fakes.coupang import CoupangMarket
from tests.fakes.elevenst import Elevenst
from tests.fakes.esm import EsmMarket
from tests.fakes.google_business import BusinessProfile
from tests.fakes.google_play import PlayStore
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
    "cafe24-review": Case(Cafe24Market, "review"),
    "cafe24-qna": Case(Cafe24Market, "qna"),
    "coupang-product": Case(CoupangMarket, "product"),
    "coupang-cc": Case(CoupangMarket, "cc"),
    "naver-qna": Case(NaverMarket, "qna"),
    "naver-inq": Case(NaverMarket, "inq"),
    "elevenst": Case(Elevenst),
    "esm-gmarket": Case(EsmMarket, "gmarket"),
    "esm-auction": Case(EsmMarket, "auction"),
    "google-play": Case(PlayStore),
    "app-store": Case(AppStore),
    "google-business": Case(BusinessProfile),
}
