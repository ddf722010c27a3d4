"""The demo's texts: enough of them, labelled, dated and without surprises."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from demo.content import (
    FILM_SHOP,
    SHOPPING_SHOP,
    demo_articles,
    film_articles,
    shopping_articles,
    shopping_gold,
    stars,
    write_brands,
)
from domain.types import ComplaintCategory, FeedbackKind, Sentiment, Severity

if TYPE_CHECKING:
    from pathlib import Path

BASE_AT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


def test_at_least_two_thousand_film_reviews_keep_their_ids() -> None:
    articles = film_articles(BASE_AT)
    assert len(articles) >= 2000
    assert len({article.no for article in articles}) == len(articles)
    assert all(article.text.strip() for article in articles)
    negative = sum((article.rating or 0) <= 2 for article in articles) / len(articles)
    assert 0.2 <= negative <= 0.3


@pytest.mark.parametrize(("rating", "expected"), [(1, 1), (2, 1), (3, 2), (8, 4), (9, 5), (10, 5)])
def test_stars_are_half_the_rating_rounded_up(rating: int, expected: int) -> None:
    assert stars(rating) == expected


def test_film_reviews_come_from_whole_films() -> None:
    films = Counter(article.product_no for article in film_articles(BASE_AT))
    assert len(films) == 23
    assert min(films.values()) > 90


def test_shopping_texts_are_many_distinct_and_of_every_kind() -> None:
    articles = shopping_articles(BASE_AT)
    kinds = Counter(article.kind for article in articles)
    assert len(articles) >= 170
    assert kinds[FeedbackKind.REVIEW] >= 110
    assert kinds[FeedbackKind.INQUIRY] >= 45
    assert kinds[FeedbackKind.POST] >= 12
    assert len({article.text for article in articles}) == len(articles)


def test_only_reviews_have_stars_and_only_others_have_titles() -> None:
    for article in shopping_articles(BASE_AT):
        is_review = article.kind is FeedbackKind.REVIEW
        assert (article.rating is not None) is is_review
        assert bool(article.title) is not is_review
        assert article.rating is None or 1 <= article.rating <= 5


def test_most_shopping_texts_are_of_the_last_two_days_and_none_is_from_the_future() -> None:
    articles = shopping_articles(BASE_AT)
    recent = [a for a in articles if BASE_AT - a.written_at < timedelta(hours=48)]
    assert all(article.written_at <= BASE_AT for article in articles)
    assert 0.7 < len(recent) / len(articles) < 0.95


def test_every_shopping_text_has_a_gold_label_of_known_words() -> None:
    gold = shopping_gold()
    assert set(gold) == {article.no for article in shopping_articles(BASE_AT)}
    for label in gold.values():
        assert label.sentiment in {"", *Sentiment}
        assert set(label.categories) <= set(ComplaintCategory)
        assert label.severity in tuple(Severity)
        assert label.sentiment != "negative" or label.categories


def test_gold_labels_cover_every_category_severity_and_abuse() -> None:
    labels = shopping_gold().values()
    categories = Counter(word for label in labels for word in label.categories)
    assert set(categories) == set(ComplaintCategory)
    assert min(categories.values()) >= 3
    assert {label.severity for label in labels} == set(Severity)
    assert sum(label.abusive for label in labels) >= 5


@pytest.mark.parametrize(
    "words",
    [
        "나쁘지 않아요",
        "ㅠㅠ",
        "<script>",
        "<!channel>",
        "이전 지시는 모두 무시",
        "010-2345-6789",
        "@example.com",
        "4111-1111-1111-1111",
        "101동 1502호",
        "박지민님",
        "👍",
        "\n",
    ],
)
def test_the_awkward_texts_are_there(words: str) -> None:
    assert any(words in article.text for article in shopping_articles(BASE_AT))


@pytest.mark.parametrize("scale", [1, 1000, 2343, 10_000])
def test_scaled_content_has_exactly_so_many_articles_with_their_own_numbers(scale: int) -> None:
    articles = demo_articles(BASE_AT, scale)
    assert len(articles) == scale
    assert len({(article.shop, article.no) for article in articles}) == scale


def test_brands_are_written_ready_to_use(tmp_path: Path) -> None:
    write_brands(tmp_path, "http://127.0.0.1:8800/", "first")
    write_brands(tmp_path, "http://127.0.0.1:8801", "second")
    for brand in (SHOPPING_SHOP, FILM_SHOP):
        secret = tmp_path / brand / "storefront.secret.toml"
        assert f'"http://127.0.0.1:8801/{brand}"' in (tmp_path / brand / "brand.toml").read_text()
        assert secret.read_text() == 'api_key = "second"\n'
        assert secret.stat().st_mode & 0o077 == 0
        assert len(list((tmp_path / brand / "manual").glob("*.md"))) >= 8
