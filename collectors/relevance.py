"""Does a text speak of the brand? Search engines and boards give more than was asked for.

A keyword counts where it stands as a word. Korean writes particles (조사) onto the word, and often
the thing itself ("새벽상회에서도", "새벽상회후기"); both may follow. Other letters may not, before or
after: "새벽상회관" is somebody else. A keyword with a space also matches the writing without it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.brands import Account

MAX_KEYWORDS: Final = 20

_THINGS: Final = (
    "공식몰|공식|쇼핑몰|온라인몰|고객센터|홈페이지|사이트|매장|본사|직원|앱|몰|제품|상품|신상|배송|"
    "포장|환불|반품|교환|품절|후기|리뷰|추천|구매|주문|할인|쿠폰|가격|불매|사장님|사장|측"
)
"""What people write onto a shop's name without a space."""

_CASES: Final = (
    "에서|에게서|에게|한테서|한테|께서|께|에|으로부터|로부터|으로서|로서|으로써|로써|으로|로|하고|"
    "이랑|랑|처럼|같이|보다|만큼"
)
_FOCUS: Final = (
    "까지|부터|마저|조차|밖에|만|도|이나|나|이라도|라도|이든지|든지|이든|든|이야말로|야말로|뿐|"
    "이라는|라는|이란|란|이라고|라고|이라면|라면|이라서|라서"
)
_COPULA: Final = (
    "입니다|이에요|예요|이예요|에요|이네요|네요|이라니|라니|인데요|인데|인지|이지만|지만|이었는데|"
    "였는데|이었어요|였어요|이고|이며|이다|이야|야|님|씨|여"
)
_AFTER_CONSONANT: Final = "은|이|을|과|아"
_AFTER_VOWEL: Final = "는|가|를|와"

_WORD_BEFORE: Final = r"(?<![^\W_])"
_WORD_AFTER: Final = r"(?![^\W_])"


class Relevance:
    """Tells the brand's mentions from others.

    Args:
        keywords: The brand's names; empty accepts everything that is not excluded.
        excluded: A text with one of these anywhere is not about the brand.
    """

    def __init__(self, keywords: Iterable[str], excluded: Iterable[str] = ()) -> None:
        self.keywords = tuple(keywords)
        self._patterns = tuple(_pattern(_normalised(keyword)) for keyword in self.keywords)
        self._excluded = tuple(_normalised(word) for word in excluded)

    @property
    def settings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words it was made of; others accept other texts."""
        return self.keywords, self._excluded

    @classmethod
    def of(cls, account: Account, *, required: bool) -> Relevance:
        """Read an account's ``keywords`` and ``exclude``.

        Args:
            account: Whose options are read.
            required: Whether the channel cannot do without keywords.

        Raises:
            ConfigurationError: One of them is not a list of words, or keywords are missing.
        """
        keywords = words_option(account, "keywords")
        if required and not keywords:
            raise ConfigurationError(f'{account.key}: keywords = ["..."] is missing in brand.toml')
        return cls(keywords, words_option(account, "exclude"))

    def accepts(self, text: str) -> bool:
        """Tell whether ``text`` names the brand as a word and has no excluded word."""
        text = _normalised(text)
        if any(word in text for word in self._excluded):
            return False
        return not self._patterns or any(pattern.search(text) for pattern in self._patterns)


def words_option(account: Account, name: str) -> tuple[str, ...]:
    """Read an option that is a list of words; empty where it is missing.

    Raises:
        ConfigurationError: Something else, or more than `MAX_KEYWORDS`.
    """
    value = account.options.get(name, ())
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ConfigurationError(f'{account.key}: {name} must be a list of words: ["...", "..."]')
    words = tuple(dict.fromkeys(str(word).strip() for word in value))
    # One letter is inside every other text; nobody means that.
    if any(not 2 <= len(word) <= 50 for word in words) or len(words) > MAX_KEYWORDS:
        raise ConfigurationError(
            f"{account.key}: {name} must be at most {MAX_KEYWORDS} words of 2 to 50 characters"
        )
    return words


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _pattern(keyword: str) -> re.Pattern[str]:
    name = r"\s*".join(re.escape(part) for part in keyword.split())
    # Behind a thing its own last letter decides, which is not worth telling: both kinds pass.
    own = _subject_particles(keyword)
    either = f"{_AFTER_CONSONANT}|{_AFTER_VOWEL}"
    tail = rf"(?:{_particles(own)})?|(?:{_THINGS})(?:{_particles(either)})?"
    return re.compile(rf"{_WORD_BEFORE}{name}(?:{tail}){_WORD_AFTER}")


def _subject_particles(word: str) -> str:
    """Give the particles that fit the last letter: "새로이" is no "새로" with a particle."""
    last = ord(word[-1])
    if not 0xAC00 <= last <= 0xD7A3:
        return f"{_AFTER_CONSONANT}|{_AFTER_VOWEL}"
    return _AFTER_CONSONANT if (last - 0xAC00) % 28 else _AFTER_VOWEL


def _particles(subject: str) -> str:
    """Give the pattern of what may be written onto a noun: 에서, 에서도, 까지는, 만의, 입니다."""
    ends = rf"{subject}|은|는|의|{_FOCUS}"
    return (
        rf"(?:{_CASES})(?:은|는|의|{_FOCUS})?|(?:{_FOCUS})(?:은|는|이|가|을|를|의|도)?|"
        rf"{_COPULA}|의|들(?:{ends})?|{subject}"
    )
