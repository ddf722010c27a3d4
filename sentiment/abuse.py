"""Finds words that are hostile to people, however they are hidden, and lets praise slang be.

Rules work on folded text: zero-width characters are gone and split jamo are joined. Digits,
dots and the like between the syllables of a swear word do not hide it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.types import Span
    from sentiment.text import Folded

_GAP = r"[\d.,*~!@#^_\-/|+ㅣ]{0,3}"
_WORD_ENDS = r"(?![가-힣])|(?=같|들|새|놈|년|짓|[아야](?![가-힣])|이[야다네냐])"


def _spread(*words: str) -> str:
    """Match words, also interspersed.

    A space alone hides one only where the parts are no halves of other words: not in ``유리병 신문지``.
    """
    spaced = "|".join(r"\s{1,2}".join(word) for word in words)
    dotted = "|".join(_GAP.join(word) for word in words)
    return rf"{dotted}|(?<![가-힣])(?:{spaced})(?:{_WORD_ENDS})"


_MOTHER = r"니(?<![가-힣]니)\s?미(?:럴|씨|(?![가-힣]))"
_SPLIT_SHOUT = rf"(?<![가-힣])[시씨]\s{{1,2}}[발벌팔빨](?:{_WORD_ENDS})"
# Swearing at people; counts wherever it stands. What may not stand before a word is asked after its first letter, so that
# most places in a text are passed over by their letter alone.
_HOSTILE = re.compile(
    "|".join(
        [
            _spread(
                "병신",
                "븅신",
                "빙신",
                "등신",
                "개새끼",
                "개색기",
                "개색끼",
                "개세끼",
                "씹새",
                "호로새끼",
                "쌍놈",
                "쌍년",
                "썅년",
                "느금마",
                "니애미",
                "니에미",
                "빡대가리",
                "돌대가리",
                "또라이",
                "양아치",
                "개소리",
                "개돼지",
            ),
            rf"[조좇좆좃졷]{_GAP}까|ㅈ{_GAP}까|{_MOTHER}",
            rf"ㅂ\s?{_GAP}ㅅ|ㅄ|ㅂ신|병{_GAP}ㅅ",
            r"(?:미친|돌은|썩을|망할|나쁜|죽일|도둑|사기)\s?(?:(?:놈|년|넘)(?!처럼|의)|새끼|쉐끼|것들|인간들?)",
            rf"새(?<!강아지 새)(?<!고양이 새)(?<!벌레 새){_GAP}끼(?!\s?(?:강아지|고양이|발가락|손가락|손톱|돼지|양|거북|고래))",
            r"(?:\s(?<![0-9몇작금내한두세네매천백십여수만러]\s)(?:놈|년)|(?:놈|년)(?<![0-9몇작금내한두세네매천백십여수만러].))(?:들아?|아|이야|의\s?새끼)",
            # Bare "이 놈" is as often a thing one likes, "이 년째" a time, and "배송이 넘" is "너무".
            r"(?:개|ㅂ|발|악마\s?같은|하는|만든|파는|이란|라는|기사|사장|알바|상담원|판매자|담당자|책임자)\s?(?:놈|년)(?=[가-힣]{0,2}(?:\s|$|[!?.]))",
            r"ㅅㄲ|ㅅㅋ|ㄱㅅㄲ|개자식|호래자식|후레자식|아가리|주둥이(?<!주전자 주둥이)(?<!뿌리개 주둥이)(?<!조리개 주둥이)(?<!포트 주둥이)(?<!병 주둥이)(?!\s?(?:가|길|부분|쪽|안|막|를\s?막))|주둥아리|눈깔|면상(?<![화평측전표반]면상)(?!자)|낯짝|개만도|싸가지|버러지|개쓰레기|쓰레기\s?(?:들|집단)|ㅆㄹㄱ\s?(?:들|업체)|천벌|벼락\s?맞|흡혈귀|가정\s?교육|부모(?:가|는|한테)\s?[^.!?]{0,12}가르|인성\s?(?:이|은)?\s?(?:쓰레기|봐라|꼬라지)|(?:뽑아|찢어|분질러)\s?버(?:릴라|린다|려)|손가락\s?부러(?:뜨|트)|양심도?\s?(?:없는|뒤진)\s?(?:것|놈|인간)|(?:니들|니네|느그|너네|너희)(?:들)?\s?[^.!?]{0,14}(?:처먹|먹어라|망해|잘라|짤려|뒤|죽)",
            r"꺼져라|꺼져(?=[\s!.]*$)|닥쳐(?![오올와왔온보]|도)|닥치고(?!\s?(?:사|구매|보|봐|추천|강추|거르|\d))|뒤져(?!보|봐|봤|도)|뒈져|뒤질(?!\s?(?:뻔|만큼|정도))|디져|죽어라(?!\s?(?:고|하|기다|뛰|달|안))|죽어버려|죽여\s?버리|엿\s?먹|ㄲㅈ|ㄷㅊ|[쳐처]\s?먹(?:고|냐|으라|어라|네|었냐|는)|[쳐처](?<!상.)받|[쳐처]\s?맞",
            r"미쳤냐|미쳤나|미친\s?거\s?아니(?:냐|야)|정신병자|정신\s?나간|머리가?\s?(?:나쁘|비었|장식)|뇌가?\s?(?:없|비었)|대가리(?<!맛대가리)|멍청(?:한|하|이)|무식한|무뇌|한남(?<![가-힣]한남)(?![동대역자])|김치녀|된장녀|맘충|틀딱|급식충|찐따|호구로\s?(?:아|보)|사기꾼|도둑놈|날강도|벌레만도|쓰레기\s?(?:같은\s?)?(?:놈|년|새끼|것들|인간|업체|판매자|사장|회사|직원|상담)|인간\s?쓰레기|양심도?\s?없는\s?(?:것들|인간|놈)",
        ]
    )
)
# Never about the product alone, or split to hide from filters ("착용 시 발 아파요" is not); the model need not agree.
_ALWAYS = re.compile(
    rf"[조좇좆좃졷ㅈ]{_GAP}까|ㅂ\s?{_GAP}ㅅ|ㅄ|ㅂ신|병{_GAP}ㅅ|ㄲㅈ|ㄷㅊ|{_spread('병신', '개새끼')}|{_MOTHER}|느금마|ㅅㄲ|닥쳐(?![오올와왔온보]|도)|(?<!\S\s)(?<!\s\s){_SPLIT_SHOUT}(?!\s?(?:볼|등|목|가락|바닥|뒤꿈치|사이즈|아[프파]|저[리려]|편))"
)
# Swear words that Koreans also shout for joy, or at a thing that does not work.
_SHOUT = re.compile(
    rf"(?:[시씨씹쉬슈쒸]|ㅅ|ㅆ){_GAP}[발벌팔빨밸]|{_SPLIT_SHOUT}|"
    rf"(?:[시씨씹]|ㅅ|ㅆ)\s?{_GAP}ㅂ(?![가-힣])|(?<![도다역혹잠당즉접])시바(?![다라나람닥로르늘꿔꾸견이])|씨바(?![다스])|"
    rf"18\s?(?:놈|새끼)|십팔\s?(?:놈|년|새끼)|(?<![\d가-힣])시8(?![\d분시])|아{_GAP}씹|썅|염병|씹|"
    rf"[조좇좆좃졷]{_GAP}같|좆(?!까)|ㅈ{_GAP}같|ㅈㄹ|ㅈ랄|지{_GAP}랄|(?<![가-힣])개같은"
)
_INNOCENT = re.compile(
    r"다시\s?(?:발|벌|팔)|역시\s?(?:발|벌|팔)|혹시\s?(?:발|벌|팔)|시(?:발점|벌건|팔렸|바이)|잠시\s?(?:발|벌)|즉시\s?(?:발|벌)|\d시\s?발|씨발라|씨\s?발라|씹(?:는|을|어|고|히|으|기|다|네|힌|혀|었|자|던|지)|접시\s?(?:발|벌)|"
    r"필요시\s?발|주문시\s?발|구매시\s?발|몇\s?시\s?발|일시\s?발|당시\s?발|출시\s?발|표시\s?발|지랄탄|지랄견|돈\s?지랄|지랄\s?맞|읽씹|안읽씹|씹(?:힘|혔|히|힌|혀|음|가|오|인|사기|덕)|문의\s?씹|양아치\s?가격|사기캐|천재\s?새끼|년들이\s?갈수록|몇\s?년들"
)


def find(folded: Folded, score: float | None) -> tuple[Span, ...]:
    """Give the hostile words.

    Args:
        folded: The text.
        score: P(negative); shouted swear words in clear praise are not hostile.
    """
    text = folded.text
    patterns = [_HOSTILE] if score is not None and score < CLEAR_PRAISE else [_HOSTILE, _SHOUT]
    spans = [match.span() for pattern in patterns for match in pattern.finditer(text)]
    if not spans:
        return ()
    innocent = [match.span() for match in _INNOCENT.finditer(text)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if any(a < end and start < b for a, b in innocent):
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(folded.span(start, end) for start, end in merged)


def _is_disguised(folded: Folded, span: Span) -> bool:
    """Tell whether a word was hidden from filters: split or interspersed.

    Its first letters alone (``ㅅㅂ``) are how everybody writes it, also at a thing.
    """
    shown = [
        character
        for character, origin in zip(folded.text, folded.origin, strict=True)
        if span.start <= origin < span.end
    ]
    return len(shown) != span.end - span.start or any(
        not ("가" <= character <= "힣" or "ㄱ" <= character <= "ㅎ" or character.isspace())
        for character in shown
    )


ABUSE_ALONE, ABUSE_WITH_WORDS, ABUSE_IN_PRAISE = 0.1, 0.02, 0.2
CLEAR_PRAISE = 0.25
"""P(negative) below which a swear word is nearly always a shout of joy."""


def decide(folded: Folded, score: float, tag: float | None) -> tuple[Span, ...]:
    """Give the hostile words, or the whole text where only the model finds it hostile.

    Args:
        folded: The text.
        score: P(negative).
        tag: The model's probability of hostility; 0 when it was not asked, None where it has no such head.
    """
    spans = find(folded, score)
    is_praise = score < CLEAR_PRAISE
    if not spans:
        limit = ABUSE_IN_PRAISE if is_praise else ABUSE_ALONE
        is_hostile = tag is not None and tag >= limit
        return (folded.span(0, len(folded.text)),) if is_hostile else ()
    if tag is None or (not tag and not is_praise):
        return spans
    is_hidden = any(_is_disguised(folded, span) for span in spans)
    if is_praise:
        # "미친놈들이 만든 게 분명함", "창고를 뒤져서 찾아주심": the model need not be asked to doubt the word.
        return spans if is_hidden or tag >= ABUSE_IN_PRAISE else ()
    meant = score >= 0.5 and (is_hidden or _ALWAYS.search(folded.text))
    return spans if meant or tag >= ABUSE_WITH_WORDS else ()
