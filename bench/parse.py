"""How fast the storefront's list pages are read, beside BeautifulSoup on the same pages."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.measuring import best_rates
from bench.shop import articles
from collectors.storefront import CONTENT, DATE, ROW, WRITER, parse_page
from demo.pages import render_list, render_row
from domain.types import FeedbackKind

PAGE_SIZE = 100
_URL = "http://127.0.0.1/shop/board/list.html"


def pages(count: int) -> list[str]:
    """Render list pages of 100 reviews."""
    kind = FeedbackKind.REVIEW
    reviews = [a for a in articles(count * PAGE_SIZE * 2) if a.kind is kind]
    return [
        render_list(
            "bench",
            kind,
            [render_row(a, (), "a") for a in reviews[at * PAGE_SIZE : (at + 1) * PAGE_SIZE]],
            at + 1,
            (count * PAGE_SIZE, PAGE_SIZE),
            "a",
        )
        for at in range(count)
    ]


def measure(count: int = 5) -> dict[str, object]:
    """Measure pages/s; a page has 100 rows.

    Returns:
        ``pages_per_s`` of our parser; with BeautifulSoup installed also its rate reading four
        fields of every row, and the ratio.
    """
    payloads = pages(count)
    now = datetime.now(UTC)

    def ours() -> None:
        for payload in payloads:
            parse_page(payload, board="review", url=_URL, now=now)

    works = {"pages_per_s": ours}
    figures: dict[str, object] = {"pages": count, "rows_a_page": PAGE_SIZE}
    try:
        from bs4 import BeautifulSoup
    except ImportError:
        figures["beautifulsoup"] = "not measured: install pyeongpan[dev]"
    else:

        def soup() -> None:
            # Less than our parser does: no dates, stars, products or checks.
            for payload in payloads:
                for row in BeautifulSoup(payload, "html.parser").select(ROW):
                    for selector in (CONTENT, WRITER, DATE):
                        row.select_one(selector).get_text()  # type: ignore[union-attr]

        works["beautifulsoup_pages_per_s"] = soup
    rates = best_rates(works, count)
    figures.update({name: round(rate, 1) for name, rate in rates.items()})
    if len(rates) > 1:
        figures["ratio"] = round(rates["pages_per_s"] / rates["beautifulsoup_pages_per_s"], 1)
    return figures
