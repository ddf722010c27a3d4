"""The demo's texts as dated articles, and the brand folders that go with them.

Film reviews are Naver movie reviews (e9t/nsmc, CC0 1.0) with their own ids; their order is kept,
but they are spread over the twelve weeks before the demo starts, because the originals are
older than any retention period. Shopping texts were written for this demo; every name, number and
address in them is invented.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

from domain.types import FeedbackKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from importlib.resources.abc import Traversable
    from pathlib import Path

SHOPPING_SHOP = "saebyeok"
FILM_SHOP = "pilmgil"
BRANDS = (SHOPPING_SHOP, FILM_SHOP)
SHOP_NAMES = {SHOPPING_SHOP: "새벽나무", FILM_SHOP: "필름길배급"}

_FILM_WINDOW = timedelta(weeks=12)
_NUMBER_STEP = 100_000_000
"""Between the article numbers of two repetitions; above every film review id."""
_FIRST_SHOPPING_NUMBER = 1000


@dataclass(frozen=True, slots=True)
class Article:
    """One piece of feedback on a shop's board.

    Attributes:
        no: Unique within the shop, over all its boards.
        rating: 1-5 stars or None.
        written_at: Aware UTC.
        edited_at: None until the text was changed.
    """

    shop: str
    no: int
    kind: FeedbackKind
    written_at: datetime
    author: str
    text: str
    rating: int | None = None
    title: str = ""
    product_no: str = ""
    product: str = ""
    order_no: str = ""
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GoldLabel:
    """What a careful reader says about one shopping text; ``sentiment`` is empty if unscorable."""

    sentiment: str
    categories: tuple[str, ...]
    severity: str
    abusive: bool


def stars(rating: int) -> int:
    """Give 1-5 stars for a 1-10 film rating: half of it, rounded up."""
    return (rating + 1) // 2


def film_articles(base_at: datetime) -> tuple[Article, ...]:
    """Give the film reviews, oldest first, the newest 20 minutes before ``base_at``."""
    rows = _rows("nsmc_reviews.tsv")
    step = _FILM_WINDOW / len(rows)
    newest_at = base_at - timedelta(minutes=20)
    return tuple(
        Article(
            shop=FILM_SHOP,
            no=int(row["review_id"]),
            kind=FeedbackKind.REVIEW,
            written_at=(newest_at - step * (len(rows) - 1 - index)).replace(microsecond=0),
            author=f"관객{row['review_id'][-4:]}",
            text=row["text"],
            rating=stars(int(row["rating"])),
            product_no=row["movie_id"],
            product=f"상영작 {row['movie_id']}",
        )
        for index, row in enumerate(rows)
    )


def shopping_articles(base_at: datetime) -> tuple[Article, ...]:
    """Give the shopping reviews, inquiries and posts, dated back from ``base_at``.

    The article number is 1000 plus the number in the text's id (``s007`` is 1007).
    """
    return tuple(
        Article(
            shop=SHOPPING_SHOP,
            no=shopping_number(row["id"]),
            kind=FeedbackKind(row["kind"]),
            written_at=(base_at - timedelta(minutes=int(row["minutes_ago"]))).replace(
                microsecond=0
            ),
            author=row["author"],
            text=row["text"].replace("\\n", "\n"),
            rating=int(row["rating"]) if row["rating"] else None,
            title=row["title"],
            product_no=row["product_no"],
            product=row["product"],
            order_no=row["order_no"],
        )
        for row in _rows("shopping_feedback.tsv")
    )


def shopping_number(text_id: str) -> int:
    """Give the article number of a shopping text (``s007``)."""
    return _FIRST_SHOPPING_NUMBER + int(text_id.removeprefix("s"))


def shopping_gold() -> dict[int, GoldLabel]:
    """Give the gold labels of the shopping texts by article number."""
    return {
        shopping_number(row["id"]): GoldLabel(
            sentiment=row["sentiment"],
            categories=tuple(filter(None, row["categories"].split(","))),
            severity=row["severity"],
            abusive=row["abusive"] == "1",
        )
        for row in _rows("shopping_gold.tsv")
    }


def demo_articles(base_at: datetime, scale: int | None = None) -> tuple[Article, ...]:
    """Give all articles of both shops.

    Args:
        base_at: Start of the demo; everything was written before it.
        scale: Give exactly so many, for benchmarks: fewer by leaving out evenly, more by repeating
            texts under fresh numbers, each repetition a minute older.
    """
    articles = shopping_articles(base_at) + film_articles(base_at)
    if scale is None:
        return articles
    if scale <= len(articles):
        return tuple(articles[index * len(articles) // scale] for index in range(scale))
    return tuple(_repeated(articles, index) for index in range(scale))


def _repeated(articles: Sequence[Article], index: int) -> Article:
    round_no, position = divmod(index, len(articles))
    article = articles[position]
    return replace(
        article,
        no=article.no + round_no * _NUMBER_STEP,
        written_at=article.written_at - timedelta(minutes=round_no),
    )


def write_brands(folder: Path, base_url: str, api_key: str) -> Path:
    """Copy the demo brands into ``folder``, pointing at a running storefront.

    Args:
        folder: Becomes the ``brands/`` folder; files of an earlier call are replaced.
        base_url: Address of the storefront without a path; takes the place of ``{base_url}``.
        api_key: Written to each brand's ``storefront.secret.toml``, readable by the owner only.
    """
    for brand in BRANDS:
        target = folder / brand
        _copy(files("demo") / "brands" / brand, target)
        settings = target / "brand.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace("{base_url}", base_url.rstrip("/")), encoding="utf-8")
        secret = target / "storefront.secret.toml"
        secret.touch(mode=0o600)
        secret.write_text(f'api_key = "{api_key}"\n', encoding="utf-8")
    return folder


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())


def _rows(name: str) -> list[dict[str, str]]:
    """Read a table; fields are never quoted, so that a quotation mark is only a character."""
    text = (files("demo") / "data" / name).read_text(encoding="utf-8")
    reader = csv.DictReader(text.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    return list(reader)
