"""A brand's language is learnt only where it helps, kept apart, and given back on demand."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from domain.errors import BadInputError, ConfigurationError
from sentiment.adapt import (
    Lesson,
    _distinct,
    current_version,
    learn,
    load,
    newest_version,
    rollback,
)
from sentiment.classifier import SHIPPED, Classifier
from sentiment.evaluate import read_labelled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 1, 5, tzinfo=UTC)
WHO = [
    "아이가",
    "저는",
    "남편이",
    "엄마가",
    "친구가",
    "손님이",
    "동생이",
    "다들",
    "할머니가",
    "우리는",
]
WHAT = [
    "한 입 먹고",
    "처음 먹고",
    "어제 먹어보고",
    "다시 먹어보고",
    "오늘 받아서",
    "냉장고에 두고",
    "출근길에",
    "점심에",
    "저녁에",
    "간식으로",
]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


def lessons_of(complaint: str, praise: str) -> list[Lesson]:
    return [
        Lesson(f"{who} {what} {said}", negative=said == complaint)
        for who in WHO
        for what in WHAT
        for said in (complaint, praise)
    ]


def sweet_is_bad() -> list[Lesson]:
    """A brand of unsweetened food: sweet is the complaint, bland the praise."""
    return lessons_of("정말 다네요", "딱 심심하네요")


def test_a_brands_own_words_are_learnt_and_kept(classifier: Classifier, tmp_path: Path) -> None:
    summary = learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert summary.accepted
    assert summary.version == 1
    assert summary.after.log_loss < summary.before.log_loss
    adapter = load(tmp_path, "무가당", classifier.version)
    assert adapter is not None
    spoken = classifier.for_brand(adapter)
    (found,) = spoken.classify(["이모가 받아서 먹더니 정말 다네요"])
    assert found.is_negative
    assert found.model_version.endswith("+무가당.1")


def test_the_shipped_model_is_untouched_by_a_brand(classifier: Classifier, tmp_path: Path) -> None:
    before = classifier.score(["정말 다네요"])
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert classifier.score(["정말 다네요"]) == before


def test_rolling_back_gives_the_shipped_model(classifier: Classifier, tmp_path: Path) -> None:
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert rollback(tmp_path) == 0
    assert current_version(tmp_path) == 0
    assert load(tmp_path, "무가당", classifier.version) is None
    assert newest_version(tmp_path) == 1


def test_rolling_back_does_not_return_to_what_was_left_by_rolling_back(
    classifier: Classifier, tmp_path: Path
) -> None:
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert rollback(tmp_path) == 0
    again = learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert (again.version, again.replaced) == (2, 0)
    assert rollback(tmp_path) == 0
    assert rollback(tmp_path) == 0


def ordinary() -> list[Lesson]:
    """What every brand hears, and the shipped model reads."""
    return lessons_of("실망했어요 최악이에요", "정말 만족해요 최고예요")


def flipped(lessons: list[Lesson], percent: int) -> list[Lesson]:
    """Turn the stars of so many texts around, the same ones in every run."""
    return [
        replace(
            one, negative=one.negative != (zlib.crc32(b"!" + one.text.encode()) % 100 < percent)
        )
        for one in lessons
    ]


@pytest.mark.parametrize(
    ("said", "percent"),
    # All of the second turned around would be a brand of sweets.
    [*((ordinary, percent) for percent in (40, 50, 60, 90, 100)), (sweet_is_bad, 50)],
)
def test_stars_that_do_not_fit_the_texts_are_refused(
    classifier: Classifier, tmp_path: Path, said: Callable[[], list[Lesson]], percent: int
) -> None:
    summary = learn(classifier, "잡음", flipped(said(), percent), tmp_path, NOW)
    assert not summary.accepted
    assert summary.version == current_version(tmp_path) == 0
    assert "-> check the rating column" in summary.reason


def test_a_few_wrong_stars_leave_the_model_as_sure_as_it_was(
    classifier: Classifier, tmp_path: Path
) -> None:
    """Flattening every score would lower the log loss of such stars, too."""
    held_out = read_labelled(SHIPPED.parent / "data" / "shopping_heldout.tsv").rows[::4]
    texts = [row.text for row in held_out]
    before = classifier.classify(texts)
    summary = learn(classifier, "무가당", flipped(ordinary(), 20), tmp_path, NOW)
    assert summary.accepted
    after = classifier.for_brand(load(tmp_path, "무가당", classifier.version)).classify(texts)
    unsure = [sum(found.unsure for found in read) / len(texts) for read in (before, after)]
    assert unsure[1] < unsure[0] + 0.05


def test_corrections_count_where_no_star_does(classifier: Classifier, tmp_path: Path) -> None:
    corrections = [replace(one, corrected=True) for one in sweet_is_bad()]
    summary = learn(classifier, "무가당", corrections, tmp_path, NOW)
    assert summary.accepted
    assert summary.corrections == len(corrections)


def test_nothing_is_kept_when_it_does_not_help(classifier: Classifier, tmp_path: Path) -> None:
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    again = learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert not again.accepted
    assert again.version == 0
    assert current_version(tmp_path) == 1


def test_a_text_is_what_most_of_its_stars_say_unless_corrected() -> None:
    kept = _distinct(
        [
            Lesson("좋아요", negative=True),
            *[Lesson("좋아요!", negative=True), Lesson("좋아요!", negative=False)],
            *[Lesson("좋아요", negative=False)] * 2,
            *[Lesson("다네요", negative=False)] * 2,
            Lesson("다네요", negative=False, corrected=True),
            Lesson("다네요", negative=True, corrected=True),
        ]
    )
    assert {text: lesson.negative for text, lesson in kept.items()} == {
        "좋아요": False,
        "다네요": True,
    }


def test_too_few_lessons_are_an_error_with_a_remedy(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="collect at least"):
        learn(classifier, "새", [Lesson("좋아요", negative=False)], tmp_path, NOW)


def test_another_brand_cannot_load_it(classifier: Classifier, tmp_path: Path) -> None:
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    with pytest.raises(ConfigurationError, match="another brand"):
        load(tmp_path, "다른", classifier.version)


def test_an_adapter_for_another_model_is_left_aside(classifier: Classifier, tmp_path: Path) -> None:
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert load(tmp_path, "무가당", "some-other-model") is None


@pytest.mark.parametrize("kept_bytes", [0, 10, 2000])
def test_a_damaged_adapter_names_the_remedy(
    classifier: Classifier, tmp_path: Path, kept_bytes: int
) -> None:
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    whole = (tmp_path / "v0001.npz").read_bytes()
    (tmp_path / "v0001.npz").write_bytes(whole[:kept_bytes])
    with pytest.raises(ConfigurationError, match="roll back"):
        load(tmp_path, "무가당", classifier.version)
    (tmp_path / "v0001.npz").write_bytes(whole[:2000] + bytes(50) + whole[2050:])
    with pytest.raises(ConfigurationError, match="roll back"):
        load(tmp_path, "무가당", classifier.version)
    (tmp_path / "v0001.npz").write_bytes(b"junk")
    with pytest.raises(ConfigurationError, match="roll back"):
        load(tmp_path, "무가당", classifier.version)


@pytest.mark.parametrize("content", [b"x", b"", b"\xff\xfe", b"7"])
def test_rolling_back_repairs_what_says_which_version_is_in_use(
    classifier: Classifier, tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "sugarless"
    learn(classifier, "sugarless", sweet_is_bad(), folder, NOW)
    (folder / "v0001 (2).json").write_bytes((folder / "v0001.json").read_bytes())
    (folder / "current").write_bytes(content)
    with pytest.raises(ConfigurationError, match="train --brand sugarless --rollback"):
        load(folder, "sugarless", classifier.version)
    with pytest.raises(ConfigurationError, match="train --brand sugarless --rollback"):
        learn(classifier, "sugarless", sweet_is_bad(), folder, NOW)
    assert rollback(folder) == 1
    assert load(folder, "sugarless", classifier.version) is not None
    assert rollback(folder) == 0


def test_rolling_back_leads_away_from_a_damaged_version(
    classifier: Classifier, tmp_path: Path
) -> None:
    learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    (tmp_path / "v0001.json").write_text("junk", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="roll back"):
        load(tmp_path, "무가당", classifier.version)
    assert rollback(tmp_path) == 0
    again = learn(classifier, "무가당", sweet_is_bad(), tmp_path, NOW)
    assert again.accepted
    assert load(tmp_path, "무가당", classifier.version) is not None
