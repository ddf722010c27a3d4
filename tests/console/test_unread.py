"""Why a row could not be read is said in Korean, whatever a collector says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import collectors
from collectors.files import read_pages
from collectors.tables import TableLayout
from console.unread import LOOK, Unread, grouped, in_korean
from domain.brands import Account
from domain.errors import BadInputError
from storage import feedback
from tests.collectors.conftest import NOW
from workers import intake

KOREAN = re.compile("[가-힣]")
SAYS = {"BadInputError", "QuarantinedItem", "_bad_file", "_ClosedPostError"}
NEVER_QUARANTINED = {
    "unknown cursor",
    "a link that is not a page of these reviews",
    "7: the channel takes the next page's token no more",
    "kakao 400 7",
    "rating 7",
}
"""They end the run instead, or are parts of those that are asked about."""


def _said(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = [part.value if isinstance(part, ast.Constant) else "7" for part in node.values]
    return "".join(map(str, parts))


def _reasons() -> set[str]:
    """Give what the collectors' sources quarantine with, a 7 for what is filled in."""
    found: set[str] = set()
    sources = [*Path(collectors.__file__).parent.glob("*.py"), Path(intake.__file__)]
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", "")
                given = [keyword for keyword in node.keywords if keyword.arg == "problem"]
                found |= {_said(keyword.value) for keyword in given}
                if name == "_bad_date":
                    found.add(_said(node.args[0]))
                elif name == "_bad_rating":
                    found.add(f"rating {_said(node.args[0])}")
                elif name in SAYS:
                    given = [keyword for keyword in node.keywords if keyword.arg == "reason"]
                    words = [*(keyword.value for keyword in given), *node.args]
                    found |= {said for word in words if (said := _said(word))}
    whole = Path(feedback.__file__).read_text(encoding="utf-8")
    body = whole[whole.index("def find_unstorable") :]
    for node in ast.walk(ast.parse(body[: body.index("\n\n\n")])):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            found.add(_said(node.value.elts[1]))
    return {said for said in found if said and not KOREAN.search(said)}


def test_every_reason_of_a_collector_has_korean_words() -> None:
    reasons = _reasons() - NEVER_QUARANTINED
    assert len(reasons) > 60
    assert not {said for said in reasons if not KOREAN.search(in_korean(said))}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            BadInputError(
                "rating unreadable", source="후기.csv", row=5, field="별점", remedy="고쳐 주세요."
            ),
            "별점을 읽을 수 없음 (항목 별점)",
        ),
        (BadInputError("a row of totals", source="r.v2.xlsx", row=9), "합계 행임"),
        (BadInputError("the file is empty", source="r.xls", remedy="다시"), "빈 파일임"),
        (BadInputError("the date is missing", field="createDate"), "날짜가 없음 (항목 createDate)"),
        (BadInputError("no translation yet", field="x"), "no translation yet"),
    ],
)
def test_place_and_remedy_are_taken_off(error: BadInputError, words: str) -> None:
    assert in_korean(str(error), field=error.field, remedy=error.remedy) == words


def test_rows_of_a_file_with_one_reason_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("별점,내용\n열,좋아요\n많음,<b>별로</b>\n5,네\n9,그럭저럭\n", encoding="utf-8")
    columns = {"columns": {"rating": "별점", "text": "내용"}}
    layout = TableLayout(Account("b", "t", "generic_file", options=columns))
    rows = [
        {"key": "b/t", "reason": row.reason, "field": row.field, "remedy": row.remedy, "number": 1}
        for page in read_pages(path, layout, now=NOW, page_size=10)
        for row in page.quarantined
    ]
    first, second = grouped(rows)
    remedy = "별점을 1에서 5 사이의 숫자로 적어 주세요."
    original = "r.csv, row 2, field '별점': rating unreadable"
    assert first == Unread("b/t", "별점을 읽을 수 없음 (항목 별점)", original, remedy, 2)
    assert (second.reason, second.number) == ("별점이 1~5를 벗어남 (항목 별점)", 1)


def test_without_a_remedy_the_page_says_where_to_look() -> None:
    row = {"key": "b/t", "reason": "no date", "field": "", "remedy": "", "number": 3}
    assert grouped([row]) == [Unread("b/t", "날짜가 없음", "no date", LOOK, 3)]
