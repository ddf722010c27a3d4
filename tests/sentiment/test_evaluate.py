"""Figures are computed as their names say, and bad files are refused with a place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from domain.errors import BadInputError
from domain.types import Sentiment
from sentiment.classifier import Classifier
from sentiment.evaluate import (
    Labelled,
    auc,
    balanced_ece,
    evaluate,
    macro_f1,
    read_labelled,
    wilson,
)

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_nsmc_files_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "n.txt", "id\tdocument\tlabel\n1\t재밌다\t1\n2\t최악\t0\n")
    found = [row.sentiment for row in read_labelled(path).rows]
    assert found == [Sentiment.POSITIVE, Sentiment.NEGATIVE]


@pytest.mark.parametrize("column", ["rating", "Star", "stars", "score", "별점"])
def test_shop_stars_leave_the_middle_out(tmp_path: Path, column: str) -> None:
    path = write(tmp_path / "r.tsv", f"{column}\tText\n2\t별로\n3.0\t보통\n4\t음\n5.0\t좋음\n")
    labels = read_labelled(path)
    found = [(row.text, row.sentiment) for row in labels.rows]
    assert found == [("별로", Sentiment.NEGATIVE), ("좋음", Sentiment.POSITIVE)]
    assert labels.left_out == 2
    assert labels.reading == "stars 1-5: 1-2 negative, 5 positive"


def test_film_stars_are_told_by_their_scale(tmp_path: Path) -> None:
    path = write(tmp_path / "r.tsv", "rating\treview\n4\t별로\n8\t음\n10\t좋음\n")
    labels = read_labelled(path)
    found = [row.sentiment for row in labels.rows]
    assert found == [Sentiment.NEGATIVE, Sentiment.POSITIVE]
    assert labels.reading == "stars 1-10: 1-4 negative, 9-10 positive"


@pytest.mark.parametrize(
    ("labels", "middle"),
    [(["-1", "0", "1"], Sentiment.NEUTRAL), (["0.0", "0", "1.0"], Sentiment.NEGATIVE)],
)
def test_zero_is_neutral_only_beside_minus_one(
    tmp_path: Path, labels: list[str], middle: Sentiment
) -> None:
    rows = "".join(f"좋음\t{label}\n" for label in labels)
    path = write(tmp_path / "l.tsv", f"text\tlabel\n{rows}")
    found = [row.sentiment for row in read_labelled(path).rows]
    assert found == [Sentiment.NEGATIVE, middle, Sentiment.POSITIVE]


def test_other_peoples_groups_are_not_taken_for_our_details(tmp_path: Path) -> None:
    content = "text\tsentiment\tgroup\n정말 좋아요 추천합니다\tpositive\tshoes\n"
    rows = read_labelled(write(tmp_path / "g.tsv", content)).rows
    assert "intent" not in evaluate(Classifier.load(), rows, "groups").figures


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("text\tlabel\n좋음\t1\n음\tmaybe\n", "row 3, field 'label'"),
        ("text\tlabel\n좋음\t1\n\n\n음\tmaybe\n", "row 5, field 'label'"),
        ("text\tlabel\n좋음\t1\n음\n", "row 3, field 'label'"),
        ("text\tlabel\n좋음\t근데 최악\t0\n", "row 2, field 'label'"),
        ("text\trating\n좋음\t5\n음\t0\n", "row 3, field 'rating'"),
        ("text\trating\n좋음\t5\n음\t50\n", "row 3, field 'rating'"),
        ("text\trating\n좋음\t5\n음\t4.5\n", "row 3, field 'rating'"),
        ("text\tlabel\n", "no labelled text"),
        ("text\tlabel\n좋음\t1\n음\t3\n", "row 3, field 'label'"),
        ("", "row 1: names no column of texts"),
        ("text,label\n좋음,1\n", "row 1: names no column of texts"),
    ],
)
def test_what_is_wrong_in_a_file_names_its_place_and_a_remedy(
    tmp_path: Path, content: str, place: str
) -> None:
    path = write(tmp_path / "l.tsv", content)
    with pytest.raises(BadInputError, match=f"l.tsv.*{place}.* -> "):
        read_labelled(path)


def test_a_row_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "k.tsv"
    path.write_bytes("text\tlabel\n좋음\t1\n".encode() + "음\t0\n".encode("cp949"))
    with pytest.raises(BadInputError, match=r"k.tsv, row 3: is not UTF-8.* -> "):
        read_labelled(path)


def test_no_part_of_a_text_is_lost(tmp_path: Path) -> None:
    long = "가나다 " * 100_000
    texts = ['"좋음', "좋음\r더 좋음", "좋음\t그런데 최악", "좋음\x00", "좋음\u2028끝", long]
    path = write(tmp_path / "t.tsv", "label\ttext\n" + "".join(f"1\t{text}\n" for text in texts))
    assert [row.text for row in read_labelled(path).rows] == texts


@pytest.mark.parametrize("content", ["정말 최악\t0\n좋음\t1\n", "text\trated\n정말 최악\t1\n"])
def test_missing_columns_are_refused_without_a_customers_text(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInputError, match=r"x.tsv, row 1: names no column.* -> .*text") as caught:
        read_labelled(write(tmp_path / "x.tsv", content))
    assert "최악" not in str(caught.value)


def test_cells_that_are_missing_at_the_end_of_a_row_are_empty(tmp_path: Path) -> None:
    columns = "text\tsentiment\tseverity\tabusive\tintent\tgroup\tcategories\n"
    path = write(
        tmp_path / "s.tsv", columns + "정말 좋아요 추천합니다\tpositive\n최악이에요\tnegative\n"
    )
    report = evaluate(Classifier.load(), read_labelled(path).rows, "short")
    assert report.figures["group:"].n == 2


@pytest.mark.parametrize("sentiment", list(Sentiment))
def test_what_no_text_stands_behind_is_no_figure(sentiment: Sentiment) -> None:
    rows = [Labelled("정말 좋아요 추천합니다", sentiment, detail={"group": "g"})] * 2
    report = evaluate(Classifier.load(), rows, "one class")
    assert all(figure.n for figure in report.figures.values())
    json.dumps(report.as_dict(), allow_nan=False)


def test_a_categorys_f1_has_an_interval() -> None:
    negative = Sentiment.NEGATIVE
    rows = [
        Labelled("배송이 너무 늦어요 최악", negative, detail={"categories": "delivery"}),
        Labelled("포장이 엉망이라 실망이에요", negative, detail={"categories": "delivery"}),
        Labelled("택배가 아직도 안 와요 화나요", negative, detail={"categories": "delivery"}),
    ]
    figure = evaluate(Classifier.load(), rows, "three").figures["category_f1:delivery"]
    assert figure.value == pytest.approx(0.8)
    assert figure.low < 0.8 < figure.high
    assert figure.n == 3


def test_measuring_in_parts_changes_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["배송이 너무 늦어요", "정말 좋아요", "ㅋㅋㅋ", "포장이 엉망이에요", "추천합니다"]
    labels = [Sentiment.NEGATIVE, Sentiment.POSITIVE, Sentiment.NEUTRAL] + [Sentiment.NEGATIVE] * 2
    classifier = Classifier.load()
    for detail in (None, {"categories": "delivery", "intent": "complaint"}):
        rows = [Labelled(*row, detail=detail) for row in zip(texts, labels, strict=True)]
        whole = evaluate(classifier, rows, "five").as_dict()
        told: list[int] = []
        with monkeypatch.context() as patch:
            patch.setattr("sentiment.evaluate.CHUNK", 2)
            assert evaluate(classifier, rows, "five", told.append).as_dict() == whole
        assert told == [2, 2, 1]


def test_auc_counts_ties_half() -> None:
    negative = np.array([True, True, False, False])
    assert auc(np.array([0.9, 0.5, 0.5, 0.1]), negative) == pytest.approx(0.875)


def test_perfect_calibration_has_no_error() -> None:
    negative = np.array([True] * 8 + [False] * 8)
    scores = np.array([0.75] * 6 + [0.25] * 2 + [0.75] * 2 + [0.25] * 6)
    assert balanced_ece(scores, negative) == pytest.approx(0)


def test_an_interval_of_a_share_stays_within_it() -> None:
    rows = [
        Labelled("정말 좋아요 추천합니다", Sentiment.NEGATIVE),
        Labelled("최악이에요 환불해 주세요", Sentiment.POSITIVE),
    ]
    figure = evaluate(Classifier.load(), rows, "upside down").figures["balanced_accuracy"]
    assert (figure.low, figure.value) == (0, 0)


def test_wilson_interval_holds_the_value() -> None:
    figure = wilson(90, 100)
    assert figure.low < 0.9 < figure.high
    assert figure.low == pytest.approx(0.8256, abs=0.001)


def test_macro_f1_averages_the_labels_that_occur() -> None:
    truth = np.array([[True, False, False], [False, True, False]])
    said = np.array([[True, False, False], [False, False, False]])
    assert macro_f1(truth, said) == pytest.approx(0.5)


def test_a_report_names_the_model_and_its_figures() -> None:
    rows = [
        Labelled("배송 최악이에요 환불해 주세요", Sentiment.NEGATIVE),
        Labelled("정말 좋아요 추천합니다", Sentiment.POSITIVE),
        Labelled("ㅋㅋㅋ", Sentiment.POSITIVE),
    ]
    report = evaluate(Classifier.load(), rows, "tiny")
    assert report.unscored == 1
    assert report.figures["accuracy"].value == 1.0
    assert "tiny: 3 texts" in report.as_text()
    assert report.as_dict()["rows"] == 3
