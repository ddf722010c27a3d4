"""Choosing words of a customer that a public reply can repeat.

A quote is always an unchanged piece of the text, cut at word borders and never inside a word. A
piece with anything that is not plain Korean prose (markup, addresses, masks, instructions, abuse)
is not cleaned: it is not quoted at all, and the reply names the matter instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from domain.types import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_QUOTE = 34
MIN_QUOTE = 5
_MIN_CUT_QUOTE = 10
_READ = 2_000
"""Characters of a text that are looked at: a quote comes from what a person reads first."""

_BREAK = re.compile(
    r"(?![가-힣A-Za-z0-9 ])"  # nearly all there is: none of the others need be tried
    r"(?:[.!?…~;,\n\r\t]*[\n\r\t]+|[.!…~;]+|[?]+|[ㄱ-ㅎㅏ-ㅣ]+|\^+|[-=_]{2,}|[^\S ]|[<>{}\[\]|\\#@*`]+"
    r"|[\U0001F000-\U0001FAFF\u2190-\u2BFF\uFE0F\u200B-\u200F♡♥]+)"
)
_SENTENCE_WORD = re.compile(
    r"(?<=[가-힣])(?:니다|(?<![필중주수소])요|죠|[었았했였겠없있]음|했다|였다|었다|았다)(?= )(?! (?:아니면|혹은|또는) )"
)
_N_ENDED = "".join(map(chr, range(ord("간"), ord("힣"), 28)))
"""The syllables that end in ㄴ: ``-는데``, ``-은데``, ``예쁜데``."""
_CLAUSE_WORD = re.compile(
    rf"[가-힣]+(?:(?<![그가근]런)(?<!가운)(?<!군)[{_N_ENDED}]데|지만|더니|니까|면서|길래|거나|어서|아서|해서|(?<![입최광창참])고)(?=,? (?!싶|있|나서|말|해[요서]|계|하[더는시던고면셨신]|했|그러|들[었어]|생각|느꼈|물[어었]|가[셔시서는]|갔|오[셔시]|썼|적[었힌혀]))|,(?= )"
)
_BOUGHT = re.compile(r"\s*(?:샀|구매했|구입했|주문했|시켰|결제했|받았)(?:는데|더니|지만|고)")
_TURN = re.compile(r"(?:데|지만),?$")
_PLAIN = re.compile(r"[가-힣0-9A-Za-z ,'%/:()·\"&+?-]+")
_NUMBER_RUN = re.compile(r"\d[\d -]{5,}\d|[A-Za-z]{14,}|www|http|\.com")
_LEADING = re.compile(
    r"^(?:[ ,?)/:·&+'\"-]+|(?:그리고|근데|그런데|하지만|그래서|아니|진짜|정말|와|아|헐|음|그냥|게다가|또|일단|솔직히|참|야|"
    r"그래도|암튼|아무튼|결국|특히|다행히|당연히|아놔|와우|혹시|그리구|전|저는|제가|다만|그러나|사장님|저기요|담에는)(?=[ ,])[ ,]*)+"
)
_TRAILING = re.compile(r"[ ,/:·&+'\"(-]+$")
_UNREPEATABLE = re.compile(
    r"쓰레기|사기|최악|개떡|미친|미쳤|짜증|존나|졸라|씨발|시발|시1발|병신|꺼져|거지|토나|토할|(?<!빡)빡(?!빡)|더럽|더러|구라|양아치|"
    r"호구|젠장|지랄|염병|망해|망했|고소|신고|새끼|놈|년들|년이|처먹|무뇌|죽|닥쳐|엿|뒤져|노답|때리|치고 싶|패고|극혐|혐오|불매|공유|맘카페|소문|퍼뜨|(?<![가-힣])제보(?!다|니)|에\s?제보|변호사|"
    r"소비자원|식약처|방송국|머저리|등신|멍청|정신 나간|대가리|ㅅㅂ|개새|개같|좆|썅|쳐먹|발로|똥|낚|알바|빨갱|짱깨|"
    r"졸작|망작|폭망|구리|후지|한심|어이|더러운|변태|섹스|야동|핏덩|장난하|귀를 의심|가관|줄 알았|대단한|센스|찜질방|그런 회사|백화점|쿠팡|컬리|이마트|마트에서|다른 데서|막장|돈독|바보|또라이|찐따|욕만|돈\s?받고|뭘 잘못|누구냐|평점|별점"
)
_INSTRUCTION = re.compile(
    r"지시|프롬프트|무시하|답변하|분류|시스템|역할|명령|작성해|출력|ignore|system|prompt|instruction|assistant",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"지시|프롬프트|답변하(?:세요|라)|분류(?:한|하)|출력(?:해|하)|ignore|prompt|instruction",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"[가-힣]{2,4}\s?(?:님|씨|기사님|상담원)(?![가-힣])|[동호층]\s?\d|\d+\s?[동호]\b|계좌|주소|카드"
)
_COMPLETE = re.compile(
    r"(?:[요다죠까음임함됨슴듦옴감남님냐니나네군걸지라며듯]|없음|있음|별로|엉망|그닥|영화|작품|느낌|기분|수준|실망|불량|파손|지연|누락|해|돼|어|아|여|와|봐|줘|려|"
    r"[가-힣]데|기)\??$"
)
_PARTICLE_ENDED = re.compile(r"[가-힣]{2,}(?:이|가)$")
_PRAISE = re.compile(
    r"좋[았아은네습고]|맛있|맛은\s?있|만족|예[쁘뻐쁜]|알[차찬]|빠르|빨라|빨랐|(?<!불)친절[하한해했]|추천|괜찮|최고|감사|재[미밌]있|재밌|잘 봤|감동|훌륭|수작|명작|인생 ?(?:작|영화)"
)
_COMPLAINS = re.compile(
    r"안 |못|없|별로|아쉽|아쉬|실망|늦|불편|나쁘|나빠|이상|문제|왜|너무|다르|달라|다른|비싸|비쌈|질[기겨겼]|싱거|짜[요네]|뻔|지루|유치|억지|"
    r"아깝|아까|모르겠|글쎄|심하|심해|덜 |부족|떨어|엉망|엉성|어색|산만|허술|진부|식상|느리|느려|루즈|졸|보다가|그닥|그저|실패|낮|약하|약해|노잼|재미|"
    r"(?:좋|맛있|만족스럽|만족하|예쁘|알차|빠르|친절하|추천하|괜찮|재밌|훌륭하)(?:지[도는]?|진)\s?않"
)
_SCENE = re.compile(
    r"(?:지|지가|지도)\s[^.]{0,12}(?:됐|되었|됩|되네|넘었)[가-힣]*$|(?:샀|구매했|구입했|주문했|시켰)(?:습니다|어요|음|네요)$|^(?:이번이 |벌써 |이게 )?\S{1,2} ?번째(?:예요|입니다|네요|이에요)$"
)
_ASKS = re.compile(r"(?:나요|까요|까|가요|나|니|건가|래요|세요|죠|예요|에요)\?$")
_WISH_ENDED = re.compile(
    r"(?:주세요|하세요|바랍니다|부탁드려요|부탁드립니다|마세요|주십시오|드려요|버리세요|보세요|봐라|해라|하지마|보내세요|늘리세요|고치세요|바꾸세요|사세요|주[새쇼]요?|주쇼)$"
)
_QUESTION = re.compile(
    r"(?:\?|궁금(?:합니다|해요|하네요)|나요|까요|가요|는지(?:요|도요?)?|은지(?:요|도요?)?|건지(?:요|도요?)?|알려\s?주[세시]요|해야\s?(?:하나|되나|돼)[요]?|싶어요|부탁[^.!?]{0,8}"
    r"|(?:어디|언제|어떻게|얼마|무슨|어느|며칠|몇)[^.!?]{0,20}(?:죠|지요))[\s.!?~ㅠㅜ]*$"
)
_VAGUE = re.compile(
    r"(?:(?:그리고|그럼|또) )?(?:이거|그거|그럼|그게|같이|어떻게|어디[서에]?|언제쯤?|얼마나?|왜|뭐가?) "
)
_TITLE = re.compile(r"[가-힣A-Za-z0-9 ·]{2,16}")
_ASKING = re.compile(r"\s?(?:문의|질문)$")
_NO_TOPIC = re.compile(r"^(?:비밀글|안녕|기타$|문의|질문|궁금)|(?:니다|요|죠|좀)$")
"""Titles that name no matter: what a shop's form fills in, a greeting, a whole sentence."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a customer. ``text`` is what stands between the quotation marks.

    ``text`` is ``original[span.start:span.end]``, with an ellipsis where a sentence was cut.
    """

    text: str
    span: Span


@lru_cache(maxsize=256)
def sentences(text: str) -> tuple[Span, ...]:
    """Cut a text into sentences as customers write them, often without full stops."""
    head = text[:_READ]
    spans: list[Span] = []
    start = 0
    for match in _BREAK.finditer(head):
        end = match.end() if match[0].startswith("?") else match.start()
        spans += _by_endings(head, start, end)
        start = match.end()
    spans += _by_endings(head, start, len(head))
    return tuple(spans)


def _by_endings(text: str, start: int, end: int) -> Iterator[Span]:
    position = start
    for match in _SENTENCE_WORD.finditer(text, start, end):
        yield from _trimmed(text, position, match.end())
        position = match.end()
    yield from _trimmed(text, position, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield Span(start, end)


def without_instructions(text: str) -> str:
    """Blank the sentences that tell whoever answers what to write; every offset stays."""
    if not _COMMAND.search(text):
        return text
    kept = list(text)
    for span in sentences(text):
        if _COMMAND.search(text, span.start, span.end):
            kept[span.start : span.end] = " " * (span.end - span.start)
    return "".join(kept)


def praises(text: str) -> bool:
    """Tell whether a text has a good word."""
    return bool(_PRAISE.search(text))


def complains(text: str) -> bool:
    """Tell whether a text has a word of complaint."""
    return bool(_COMPLAINS.search(text))


def sets_a_scene(text: str) -> bool:
    """Tell whether words only say when and what was bought: ``산 지 두 달 됐습니다``."""
    return bool(_SCENE.search(text))


def clauses(text: str, sentence: Span) -> list[Span]:
    """Cut a sentence of ``text`` behind its ``-는데``, ``-고``, ``-지만``."""
    ends = (match.end() for match in _CLAUSE_WORD.finditer(text, sentence.start, sentence.end))
    return [Span(*ends) for ends in pairwise([sentence.start, *ends, sentence.end])]


def blamed(text: str) -> str:
    """Blank the clauses that only praise; every offset stays."""
    if not _PRAISE.search(text):
        return text
    kept = list(text)
    for sentence in sentences(text):
        for clause in clauses(text, sentence):
            words = text[clause.start : clause.end]
            if _PRAISE.search(words) and not _COMPLAINS.search(words):
                kept[clause.start : clause.end] = " " * len(words)
    return "".join(kept)


def quote_for(
    text: str, wanted: Span | None, avoid: Sequence[Span] = (), *, wants_answer: bool = False
) -> Quote | None:
    """Give the piece of ``text`` around ``wanted`` that can be repeated in public.

    Args:
        text: The masked review.
        wanted: The words that show the complaint; None takes the first piece that
            sounds like a complaint.
        avoid: Hostile words, never repeated.
        wants_answer: The words are a question that is answered: its mark stays.

    Returns:
        None when nothing around ``wanted`` reads well in a public reply.
    """
    for sentence in sentences(text):
        words = text[sentence.start : sentence.end]
        place = wanted or _behind_praise(text, sentence)
        if place is None and (_PRAISE.search(words) or not _COMPLAINS.search(words)):
            continue
        if place is not None and not _overlaps(sentence, place):
            continue
        quote = _best_piece(text, sentence, place, avoid, wants_answer=wants_answer)
        if quote is not None:
            return quote
    return None


def _behind_praise(text: str, sentence: Span) -> Span | None:
    """Give what comes behind ``디자인은 예쁜데``: the complaint, whatever its words are."""
    parts = clauses(text, sentence)
    for one, other in pairwise(parts):
        words = text[one.start : one.end]
        if _PRAISE.search(words) and _TURN.search(words):
            return None if _PRAISE.search(text, other.start, other.end) else other
    return None


@lru_cache(maxsize=256)
def questions(text: str) -> tuple[Span, ...]:
    """Give the sentences of a text that ask something."""
    return tuple(span for span in sentences(text) if _QUESTION.search(text[span.start : span.end]))


def is_vague(question: str) -> bool:
    """Tell whether a question names nothing by itself: ``어떻게 하면 되나요?``."""
    return bool(_VAGUE.match(question))


def topic_of(title: str) -> str:
    """Give what an inquiry's title names, ``재입고`` of ``재입고 문의``.

    Returns:
        Nothing when the title names no matter or holds what a public reply never repeats.
    """
    topic = _ASKING.sub("", title.strip())
    if not _TITLE.fullmatch(topic) or _NO_TOPIC.search(topic) or _is_unfit(title):
        return ""
    return topic


def _overlaps(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _best_piece(
    text: str,
    sentence: Span,
    wanted: Span | None,
    avoid: Sequence[Span],
    *,
    wants_answer: bool,
) -> Quote | None:
    whole = text[sentence.start : sentence.end]
    if _UNREPEATABLE.search(whole) or _INSTRUCTION.search(whole):
        return None
    for piece in _pieces(text, sentence, wanted):
        quote = _as_quote(text, piece, sentence, avoid, wants_answer=wants_answer)
        if quote is not None:
            return quote
    return None


def _pieces(text: str, sentence: Span, wanted: Span | None) -> Iterator[Span]:
    """Offer the whole sentence, then its clauses from the wanted one on, longest first."""
    borders = [sentence.start]
    turns = set()
    for match in _CLAUSE_WORD.finditer(text, sentence.start, sentence.end):
        borders.append(match.end())
        if _TURN.search(match[0]) and _PRAISE.search(text, sentence.start, match.end()):
            turns.add(match.end())
    borders.append(sentence.end)
    at = wanted.start if wanted is not None else borders[-2]
    index = max(i for i, border in enumerate(borders[:-1]) if i == 0 or border <= at)
    # Praise before "-지만" or "-는데" is not what the reply answers.
    earliest = max(
        (i for i, border in enumerate(borders[: index + 1]) if border in turns), default=0
    )
    last = len(borders) - 1
    for first in range(earliest, index + 1):
        # "샀는데 이틀 만에 내렸네요" lacks what was bought.
        lacks = 0 < first < last - 1 and _BOUGHT.match(text, borders[first])
        yield Span(borders[first + 1 if lacks else first], borders[last])
    for end in range(last - 1, index, -1):
        yield Span(borders[index], borders[end])
    for first in range(earliest - 1, -1, -1):
        yield Span(borders[first], borders[last])


def _as_quote(
    text: str, piece: Span, sentence: Span, avoid: Sequence[Span], *, wants_answer: bool
) -> Quote | None:
    words = text[piece.start : piece.end]
    lead = _LEADING.match(words)
    start = piece.start + (lead.end() if lead else 0)
    end = piece.end
    if tail := _TRAILING.search(text, start, end):
        end = tail.start()
    words = text[start:end]
    if text[:start].rstrip().endswith("]"):
        return None  # It continues a masked name or number: "[카드번호]인데 두 번 결제됐어요".
    cut_short = text[end : sentence.end].strip(" ,") != ""
    if not _is_repeatable(words) or any(_overlaps(Span(start, end), span) for span in avoid):
        return None
    if not cut_short and not _reads_complete(words):
        return None
    if not words.endswith("?") and not _may_complain(words):
        return None
    if cut_short and (
        not _TURN.search(words) or _PRAISE.search(words) or len(words) < _MIN_CUT_QUOTE
    ):
        return None
    shown = words if wants_answer or _ASKS.search(words) else words.rstrip("?")
    return Quote(f"{shown}…" if cut_short else shown, Span(start, start + len(shown)))


def _may_complain(words: str) -> bool:
    """Leave out pure praise and a scene that was only set: ``4모나 시켰는데``."""
    if _COMPLAINS.search(words):
        return True
    return not _PRAISE.search(words) and not _TURN.search(words)


def _is_repeatable(words: str) -> bool:
    """Tell whether a piece can stand in public; its whole sentence has nothing unrepeatable."""
    return (
        MIN_QUOTE <= len(words) <= MAX_QUOTE
        and " " in words.strip()
        and bool(_PLAIN.fullmatch(words))
        and sum("가" <= character <= "힣" for character in words) >= len(words) // 2
        and words.count('"') % 2 == 0
        and words.count("(") == words.count(")")
        and not _NUMBER_RUN.search(words)
        and not _PERSON.search(words)
    )


def _is_unfit(words: str) -> bool:
    return any(shape.search(words) for shape in (_NUMBER_RUN, _UNREPEATABLE, _INSTRUCTION, _PERSON))


def _reads_complete(words: str) -> bool:
    return (
        bool(_COMPLETE.search(words))
        and not _WISH_ENDED.search(words)
        and not words.endswith("더니")
        and (not _PARTICLE_ENDED.search(words) or words.endswith(("인가", "건가", "는가", "은가")))
    )
