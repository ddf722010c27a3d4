from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from domain.types import ComplaintCategory
from responders import josa, phrases
from responders.rendering import render

SLOTS = {
    "brand": "새벽나무",
    "writing": "후기",
    "issue": "배송 지연",
    "quote": "배송이 늦었어요",
    "contact": "고객센터(1522-0000)",
    "hours": "평일 09:00부터 18:00까지",
}


def banks() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in vars(phrases).items():
        if isinstance(value, Mapping):
            found |= {
                f"{name}[{key}]": entry
                for key, entry in value.items()
                if isinstance(entry, tuple) and all(isinstance(item, str) for item in entry)
            }
        elif isinstance(value, tuple) and value and all(isinstance(item, str) for item in value):
            found[name] = value
    return found


SENTENCES = [(name, sentence) for name, bank in banks().items() for sentence in bank]


def test_there_are_enough_different_sentences() -> None:
    assert len({sentence for _, sentence in SENTENCES}) > 150


@pytest.mark.parametrize(("bank", "sentence"), SENTENCES)
def test_every_sentence_renders_politely_and_promises_nothing(bank: str, sentence: str) -> None:
    text = render(sentence, SLOTS)
    assert not set("{}[]") & set(text)
    assert re.search(r"(?:니다|세요|까요)[.?]$", text), bank
    assert josa.find_mistakes(text, ("새벽나무",)) == ()
    assert not re.search(r"환불|교환|보상|무료|쿠폰|적립|재발송|책임을|\d+일", text)
    assert not re.search("[\U0001f000-\U0001faff]", text)


def test_every_category_can_be_named_and_felt_for() -> None:
    for category in ComplaintCategory:
        assert phrases.ISSUES[category][-1].words == ""
        assert len(phrases.SYMPATHY[category]) >= 4


def test_sympathy_for_an_issue_names_an_issue_that_exists() -> None:
    names = {issue.name for issues in phrases.ISSUES.values() for issue in issues}
    assert set(phrases.SYMPATHY_FOR_ISSUE) <= names
    assert phrases.UNREACHABLE in names


def test_filled_in_text_is_never_read_as_a_template() -> None:
    sentence = render("“{quote}”[이라는/라는] 말씀", {"quote": "{contact}[을/를]"})
    assert sentence.startswith("“{contact}[을/를]”")
