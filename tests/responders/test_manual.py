from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConfigurationError
from domain.types import SourceKind
from responders.manual import Manual, load_manual
from responders.manual_files import decode_manual, parse_manual_file

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
HEAD = "---\ntopic: delivery\nsource: 배송 정책\n---\n"


def test_clauses_carry_reference_kind_topic_and_source(manual: Manual) -> None:
    clause = manual.clause("manual/delivery.md#3")
    assert clause is not None
    assert clause.kind is SourceKind.SAVED_REPLY
    assert clause.topics == ("delivery",)
    assert clause.source == "배송 정책 3판"
    assert clause.citation == f"manual/delivery.md#3@{clause.digest}"
    assert manual.clause(clause.citation) is clause


def test_the_last_day_counts_in_the_brands_time_zone(manual: Manual) -> None:
    clause = manual.clause("manual/delivery.md#1")
    assert clause is not None
    midnight_in_seoul = datetime(2026, 12, 31, 15, 0, tzinfo=UTC)
    assert clause.is_valid(midnight_in_seoul - timedelta(seconds=1))
    assert not clause.is_valid(midnight_in_seoul)
    assert clause not in manual.at(midnight_in_seoul).clauses
    assert manual.expired("delivery", midnight_in_seoul)


def test_bullets_paragraphs_and_continuations_are_clauses() -> None:
    clauses, warnings = parse_manual_file(
        "manual/a.md",
        HEAD
        + "# 제목\n머리글은 인용하지 않습니다.\n## 정책\n\n문단도 **조항**이\n됩니다.\n\n"
        + "1. 번호도 [조항](https://x.test)입니다.\n   이어지는 줄입니다.\n"
        + "<!-- 메모 -->\n> 인용문은 아닙니다.\n### 세부\n* 별표도 조항입니다.\n",
    )
    assert [clause.text for clause in clauses] == [
        "문단도 조항이 됩니다.",
        "번호도 조항입니다. 이어지는 줄입니다.",
        "별표도 조항입니다.",
    ]
    assert warnings == []


def test_what_is_commented_out_is_no_clause() -> None:
    clauses, _ = parse_manual_file(
        "manual/a.md",
        HEAD + "## 정책\n<!-- 가\n나 --> <!-- 다\n- 옛 조항입니다.\n-->\n- 새 조항입니다.\n",
    )
    assert [clause.text for clause in clauses] == ["새 조항입니다."]


@pytest.mark.parametrize("days", ["valid_until: 9999-12-31", "valid_from: 0001-01-01"])
def test_the_calendars_ends_mean_always(days: str) -> None:
    [clause], _ = parse_manual_file(
        "manual/a.md", f"---\ntopic: delivery\n{days}\n---\n## 정책\n- 새 조항입니다.\n"
    )
    assert (clause.valid_from, clause.valid_until) == (None, None)


def test_what_cannot_be_cited_is_said_with_its_line() -> None:
    clauses, warnings = parse_manual_file(
        "manual/a.md",
        HEAD + "## 정책\n- 7일 이내\n- {없는칸} 안내입니다.\n## 메모\n- 참고입니다.\n",
    )
    view = Manual(clauses).at(NOW)
    assert [view.is_citable(clause) for clause in clauses] == [False, False]
    assert "manual/a.md 6행" in warnings[1]
    assert any("메모" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("text", "where", "remedy"),
    [
        ("## 정책\n- 안내합니다.\n", "1행, topic", "topic, valid_from"),
        ("---\ntopic: delivery\n", "1행", "'---'를 적어"),
        ("---\ntopic: retrun\n---\n", "2행, topic", "return_refund"),
        ("---\nsource: 가\n---\n", "topic", "return_refund"),
        ("---\ntopic: delivery\nvalid_from: 내일\n---\n", "3행, valid_from", "2026-12-31처럼"),
        ("---\ntopic: delivery\nvalid_until: 2026-02-30\n---\n", "3행, valid_until", "2026-12-31"),
        (
            "---\ntopic: delivery\nvalid_from: 2026-05-01\nvalid_until: 2026-04-01\n---\n",
            "4행, valid_until",
            "두 날짜",
        ),
        ("---\ntopic: delivery\nvaild_until: 2026-04-01\n---\n", "3행, vaild_until", "valid_until"),
        ("---\ntopic: delivery\ntopic: stock\n---\n", "3행, topic", "지워"),
    ],
)
def test_wrong_front_matter_names_file_line_field_and_remedy(
    text: str, where: str, remedy: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_manual_file("manual/a.md", text)
    message = str(caught.value)
    assert message.startswith("manual/a.md")
    assert where in message
    assert remedy in message.partition("->")[2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_notepad_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / encoding
    folder.mkdir()
    text = HEAD + "## 정책\n- 늦은 주문은 배송비를 돌려 드립니다.\n"
    (folder / "a.md").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    (clause,) = load_manual(folder).clauses
    assert clause.text == "늦은 주문은 배송비를 돌려 드립니다."


def test_an_unreadable_file_says_how_to_save_it() -> None:
    with pytest.raises(ConfigurationError, match="UTF-8로 골라"):
        decode_manual("manual/a.md", b"\xff\x81\x00\x00\xfe")


def test_an_unchanged_folder_gives_the_same_object(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(HEAD + "## 정책\n- 안내합니다.\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("설명", encoding="utf-8")
    first = load_manual(tmp_path)
    assert load_manual(tmp_path) is first
    (tmp_path / "a.md").write_text(HEAD + "## 정책\n- 다르게 안내합니다.\n", encoding="utf-8")
    second = load_manual(tmp_path)
    assert second.version != first.version
    assert second.clauses[0].digest != first.clauses[0].digest


def test_what_may_not_be_read_is_no_empty_manual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "manual"
    (folder / "a.md").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"^manual/a.md: 읽을 수 없습니다\(.+ -> .*권한"):
        load_manual(folder)

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(type(folder), "iterdir", refuse)
    with pytest.raises(ConfigurationError, match=r"^manual: 읽을 수 없습니다\(Permission denied"):
        load_manual(folder)


def test_a_missing_folder_is_an_empty_manual(tmp_path: Path) -> None:
    assert load_manual(tmp_path / "none").clauses == ()


def test_contradicting_clauses_are_reported_and_not_citable(
    write_manual: Callable[..., Manual],
) -> None:
    other = (
        "---\ntopic: return_refund\nvalid_from: 2026-10-01\n---\n## 정책\n"
        "- 단순 변심 반품은 상품을 받으신 날부터 14일 이내에 접수해 주세요.\n"
    )
    manual = write_manual(**{"refund_new.md": other})
    view = manual.at(NOW)
    (pair,) = view.contradictions
    assert {pair.first.reference, pair.second.reference} == {
        "manual/refund.md#1",
        "manual/refund_new.md#1",
    }
    assert "7일" in pair.note
    assert "14일" in pair.note
    assert not view.is_citable(pair.first)
    assert not view.is_citable(pair.second)
    before = manual.at(datetime(2026, 9, 1, tzinfo=UTC))
    assert before.contradictions == ()


def test_exceptions_and_other_products_are_no_contradictions() -> None:
    clauses, _ = parse_manual_file(
        "manual/a.md",
        HEAD + "## 정책\n- 배송비는 3,000원입니다.\n- 제주 배송비는 6,000원입니다.\n"
        "- 반품은 7일 안에 신청하실 수 있습니다.\n- 반품 상품이 닿으면 3일 안에 환불해 드립니다.\n"
        "## 상품 정보\n- 유리병은 용량이 500ml입니다.\n- 머그컵은 용량이 350ml입니다.\n",
    )
    assert Manual(clauses).at(NOW).contradictions == ()


def test_search_finds_the_clause_that_answers(manual: Manual) -> None:
    (best, *_) = manual.search("프라이팬 인덕션에서 되나요", (), NOW)
    assert best.clause.reference == "manual/facts.md#2"
    (best, *_) = manual.search("환불이 너무 늦어요", ("return_refund",), NOW)
    assert best.clause.reference == "manual/refund.md#2"


def test_a_products_name_alone_finds_nothing_better_than_words(manual: Manual) -> None:
    (best, *_) = manual.search("대형은 언제 입고되나요", (), NOW, product="무쇠 프라이팬")
    assert best.clause.reference == "manual/facts.md#1"


SEARCH = """
from datetime import UTC, datetime
from pathlib import Path
from responders.manual import load_manual
manual = load_manual(Path("demo/brands/saebyeok/manual"))
text = "배송이 늦어서 상한 김치가 왔는데 환불도 교환도 안 된다고 하네요. 언제 다시 보내 주시나요?"
for topics in ((), ("delivery",), ("return_refund", "defect")):
    for passage in manual.search(text, topics, datetime(2026, 11, 21, tzinfo=UTC), limit=50):
        print(passage.clause.reference, passage.score.hex(), passage.fit.hex())
"""


def test_a_clause_of_two_topics_counts_once_in_a_search_over_both() -> None:
    text = HEAD.replace("delivery", "delivery, packaging") + "## 정책\n- 늦은 주문은 취소합니다.\n"
    view = Manual(parse_manual_file("manual/a.md", text)[0]).at(NOW)
    both = view.search("늦은 주문", ("delivery", "packaging"), only_topics=True)
    one = view.search("늦은 주문", ("delivery",), only_topics=True)
    assert (both[0].fit, both[0].words) == (one[0].fit, one[0].words)


def test_a_clause_weighs_the_same_in_a_short_manual_and_in_a_long_one() -> None:
    clause = "- 펌프가 고장 난 제품은 교환해 드립니다.\n"
    others = "".join(f"- 안내 {number}번을 드립니다.\n" for number in range(200))
    words = [
        Manual(parse_manual_file("manual/a.md", f"{HEAD}## 정책\n{clause}{more}")[0])
        .search("펌프가 안 눌려요", (), NOW)[0]
        .words
        for more in (others[:40], others)
    ]
    assert words[0] == pytest.approx(words[1], rel=0.25)


def test_every_process_ranks_clauses_alike() -> None:
    """Two workers must write the same draft; hashes of words differ between processes."""
    found = [
        subprocess.run(
            [sys.executable, "-c", SEARCH],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert found[0].count(b"\n") > 20
    assert found == found[:1] * 3


@given(st.text(max_size=300))
def test_parsing_gives_clauses_or_a_configuration_error(text: str) -> None:
    try:
        clauses, _ = parse_manual_file("manual/a.md", text)
    except ConfigurationError:
        return
    assert all(clause.text for clause in clauses)


@given(st.text(max_size=200))
def test_any_body_parses_and_any_text_searches(text: str) -> None:
    clauses, _ = parse_manual_file("manual/a.md", HEAD + "## 정책\n" + text)
    manual = Manual(clauses)
    assert len(manual.search(text, ("delivery",), NOW)) <= 3
