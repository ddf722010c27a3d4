from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.brands import Brand
from domain.types import (
    Analysis,
    CategoryFinding,
    ComplaintCategory,
    FeedbackKind,
    Intent,
    Sentiment,
    Severity,
)
from responders.drafting import DraftInput
from responders.manual import Manual, load_manual

if TYPE_CHECKING:
    from collections.abc import Callable

DEMO = Path(__file__).parents[2] / "demo"
NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)

FILES = {
    "delivery.md": """---
topic: delivery
valid_from: 2026-01-01
valid_until: 2026-12-31
source: 배송 정책 3판
---
# 배송

## 정책

- 약속한 날보다 늦은 주문은 배송비를 적립금으로 돌려 드립니다.
- 잘못된 장소에 놓인 상품은 당일 안에 다시 옮겨 드립니다.

## 저장 답변

- 배송 지연으로 기다리시게 해 죄송합니다.
""",
    "refund.md": """---
topic: return_refund
valid_from: 2026-01-01
source: 반품 규정
---
## 정책
- 단순 변심 반품은 받으신 날부터 7일 안에 신청하실 수 있습니다.
- 환불이 약속보다 늦어지면 예정일을 당일 안에 따로 연락드립니다.
""",
    "safety.md": """---
topic: safety
source: 안전 지침
---
## 정책
- 안전과 위생에 관한 제보는 품질 책임자가 접수 후 1시간 안에 연락드립니다.
- 이물이 나온 상품은 무료로 회수해 검사를 맡기고 결과를 알려 드립니다.
""",
    "facts.md": """---
topic: general
source: 상품 대장
---
## 상품 정보
- 편백 도마 대형은 매달 첫째 주 수요일에 입고됩니다.
- 무쇠 프라이팬은 인덕션에서 사용하실 수 있습니다.
""",
}


@pytest.fixture
def brand() -> Brand:
    return Brand(
        slug="saebyeok",
        name="새벽나무",
        folder=DEMO / "brands" / "saebyeok",
        tone="정중하고 따뜻하게, 이모지 없이",
        closing="새벽나무 고객지원팀 드림",
        contacts=("1522-0000", "https://example.com/help"),
    )


@pytest.fixture
def film_brand() -> Brand:
    return Brand(
        slug="pilmgil",
        name="필름길배급",
        folder=DEMO / "brands" / "pilmgil",
        closing="필름길배급 관객소통팀 드림",
        contacts=("1522-1111", "https://example.com/film-help"),
    )


@pytest.fixture
def write_manual(tmp_path: Path) -> Callable[..., Manual]:
    """Write manual files and load them."""

    def write(files: dict[str, str] | None = None, **changed: str) -> Manual:
        folder = tmp_path / "manual"
        folder.mkdir(exist_ok=True)
        for name, text in {**(FILES if files is None else files), **changed}.items():
            (folder / name).write_text(text, encoding="utf-8")
        return load_manual(folder)

    return write


@pytest.fixture
def manual(write_manual: Callable[..., Manual]) -> Manual:
    return write_manual()


@pytest.fixture
def make_case() -> Callable[..., DraftInput]:
    """Build a case as the analysis would give it."""

    def make(
        text: str,
        *categories: str,
        feedback_id: str = "f1",
        severity: str = "normal",
        negative: bool = True,
        abusive: bool = False,
        kind: str = "review",
        intent: Intent = Intent.COMPLAINT,
        **fields: object,
    ) -> DraftInput:
        analysis = Analysis(
            sentiment=Sentiment.NEGATIVE if negative else Sentiment.NEUTRAL,
            score=0.9 if negative else 0.2,
            probabilities=None,
            categories=tuple(
                CategoryFinding(ComplaintCategory(name), 0.9 - 0.1 * rank)
                for rank, name in enumerate(categories)
            ),
            severity=Severity(severity),
            abusive=abusive,
            intent=intent,
        )
        return DraftInput(
            feedback_id=feedback_id,
            text=text,
            analysis=analysis,
            kind=FeedbackKind(kind),
            **fields,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture(scope="session")
def demo_rows() -> list[dict[str, str]]:
    """The demo's hand-written shopping texts with their labels."""
    return _read_demo()


def _read_demo() -> list[dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    for name in ("shopping_gold.tsv", "shopping_feedback.tsv"):
        with (DEMO / "data" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                rows.setdefault(row["id"], {}).update(row)
    return [row for row in rows.values() if "text" in row and "sentiment" in row]


@pytest.fixture
def demo_cases(
    demo_rows: list[dict[str, str]], make_case: Callable[..., DraftInput]
) -> list[DraftInput]:
    """Every demo text that opens a case: negatives and inquiries."""
    return [
        make_case(
            row["text"].replace("\\n", "\n"),
            *(name for name in row["categories"].split(",") if name),
            feedback_id=row["id"],
            severity=row["severity"],
            negative=row["sentiment"] == "negative",
            abusive=row["abusive"] == "1",
            kind=row["kind"],
            title=row["title"],
            product_name=row["product"],
        )
        for row in demo_rows
        if row["sentiment"] == "negative" or row["kind"] == "inquiry"
    ]
