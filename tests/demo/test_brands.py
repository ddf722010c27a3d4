"""The demo brands: settings in the shape every brand has, manuals that can be cited."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from demo.content import BRANDS, FILM_SHOP, SHOPPING_SHOP
from domain.types import ComplaintCategory

FOLDER = Path(str(files("demo") / "brands"))
# Names with an underscore are for the staff, not part of what may be cited.
MANUALS = sorted(FOLDER.glob("*/manual/[!_]*.md"))
HEADINGS = {"정책", "상품 정보", "저장 답변"}


def front_matter(path: Path) -> dict[str, str]:
    _, head, _ = path.read_text(encoding="utf-8").split("---\n", 2)
    return dict(line.split(": ", 1) for line in head.splitlines())


def clauses(path: Path) -> list[str]:
    body = path.read_text(encoding="utf-8").split("---\n", 2)[2]
    return [line.removeprefix("- ") for line in body.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize("brand", BRANDS)
def test_settings_name_every_board_the_brand_has(brand: str) -> None:
    settings = tomllib.loads((FOLDER / brand / "brand.toml").read_text(encoding="utf-8"))
    assert set(settings) == {
        *("name", "timezone", "tone", "closing", "contacts", "hours", "accounts"),
        *("slack_review_destination", "slack_brand_destination"),
    }
    boards = {account["board"] for account in settings["accounts"]}
    assert boards == ({"review", "inquiry", "post"} if brand == SHOPPING_SHOP else {"review"})
    for account in settings["accounts"]:
        assert account["channel"] == "storefront"
        assert account["base_url"] == f"{{base_url}}/{brand}"
        assert account["writable"] is True


@pytest.mark.parametrize("path", MANUALS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_a_manual_file_can_be_cited(path: Path) -> None:
    fields = front_matter(path)
    assert set(fields) == {"topic", "valid_from", "valid_until", "source"}
    assert fields["topic"] in {*ComplaintCategory, "general"}
    assert date.fromisoformat(fields["valid_from"]) < date.fromisoformat(fields["valid_until"])
    headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings
    assert set(headings) <= HEADINGS
    assert clauses(path)
    for clause in clauses(path):
        assert clause.endswith(("다.", "요.")), clause
        assert set(re.findall(r"\{.*?\}.", clause)) <= {"{상품} "}, clause


@pytest.mark.parametrize("brand", BRANDS)
def test_no_clause_is_written_twice(brand: str) -> None:
    written = [clause for path in MANUALS if path.parts[-3] == brand for clause in clauses(path)]
    assert len(written) == len(set(written))


def test_the_shop_has_a_promise_for_every_category_today() -> None:
    today = datetime.now(UTC).date()
    topics = {
        fields["topic"]
        for path in MANUALS
        if path.parts[-3] == SHOPPING_SHOP
        and date.fromisoformat((fields := front_matter(path))["valid_until"]) > today
        and "## 정책" in path.read_text(encoding="utf-8")
    }
    assert topics == {*ComplaintCategory, "general"}


def test_the_distributor_has_a_smaller_manual() -> None:
    assert 8 <= sum(path.parts[-3] == FILM_SHOP for path in MANUALS) <= 12


def test_an_expired_file_and_a_contradiction_are_there_to_be_refused() -> None:
    manual = FOLDER / SHOPPING_SHOP / "manual"
    assert front_matter(manual / "return_refund_2024.md")["valid_until"] == "2024-12-31"
    assert "7일 안에" in clauses(manual / "return_refund_2024.md")[0]
    assert "14일 안에" in clauses(manual / "return_refund.md")[0]
    promised, other = clauses(manual / "coupon.md")[0], clauses(manual / "coupon_event.md")[0]
    assert promised.replace("30일", "14일") == other
