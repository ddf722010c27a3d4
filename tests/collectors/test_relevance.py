"""The brand's name counts as a word, with particles, and never inside another word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.relevance import Relevance
from domain.brands import Account
from domain.errors import ConfigurationError

LAW = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize(
    "text",
    [
        "새벽상회",
        "어제 새벽상회에서 샀어요",
        "새벽상회에서도 그러네요",
        "새벽상회는 왜 이래",
        "새벽상회까지는 괜찮았는데",
        "새벽상회만의 맛",
        "새벽상회로부터 연락 없음",
        "'새벽상회'라고 아세요?",
        "새벽상회라고 아세요?",
        "새벽상회인데 답이 없네",
        "[새벽상회] 환불",
        "#새벽상회 #반찬",
        "#새벽상회후기",
        "새벽상회배송은 느려요",
        "새벽상회 고객센터",
        "Saebyeok 최악",
        "saebyeok이 문제",
        "SAEBYEOK를 샀다",
        "새벽상회_반찬",
    ],
)
def test_the_name_as_a_word_is_the_brand(text: str) -> None:
    assert Relevance(["새벽상회", "saebyeok"]).accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "새벽에 상회",
        "새벽상회관에서",
        "더새벽상회",
        "새벽상회원 모집",
        "새벽상회은 아님",
        "saebyeokshop",
        "mysaebyeok",
        "새벽 상회",
    ],
)
def test_the_name_inside_another_word_is_not(text: str) -> None:
    assert not Relevance(["새벽상회", "saebyeok"]).accepts(text)


def test_a_name_with_a_space_is_also_found_without_it() -> None:
    relevance = Relevance(["새벽 상회"])
    assert relevance.accepts("새벽상회에서")
    assert relevance.accepts("새벽  상회에서")


def test_particles_must_fit_the_last_letter() -> None:
    assert not Relevance(["새로"]).accepts("새로이 시작")
    assert Relevance(["새로"]).accepts("새로가 좋다")
    assert Relevance(["하늘"]).accepts("하늘이 좋다")


def test_an_excluded_word_wins() -> None:
    relevance = Relevance(["새벽상회"], ["채용"])
    assert relevance.accepts("새벽상회 후기")
    assert not relevance.accepts("새벽상회 채용공고")


def test_without_keywords_everything_is_accepted() -> None:
    assert Relevance([]).accepts("아무 글")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"keywords": "새벽상회"},
        {"keywords": ["가"]},
        {"keywords": [1]},
        {"keywords": ["새벽상회"] + [f"이름{n}" for n in range(20)]},
        {"keywords": ["새벽상회"], "exclude": "채용"},
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object]) -> None:
    account = Account("brand", "search", "naver_search", options=options)
    with pytest.raises(ConfigurationError, match=r"brand/search: (keywords|exclude)"):
        Relevance.of(account, required=True)


@LAW
@given(text=st.text(max_size=200), keyword=st.text(min_size=2, max_size=20))
def test_any_text_and_keyword_give_an_answer(text: str, keyword: str) -> None:
    if keyword.strip():
        assert isinstance(Relevance([keyword]).accepts(text), bool)
