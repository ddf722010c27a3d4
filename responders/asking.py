"""Whether an inquiry only asks, or tells of something that went wrong as well.

The model hears a complaint in ``환불은 보통 며칠 걸려요?``, and an apology for what nobody complained of is
worse than none. What somebody tells is in the past (``뚜껑이 깨졌는데``), denied (``안 와요``) or named
(``불량``); what they did themselves (``반품 보냈는데``) is no complaint.
"""

from __future__ import annotations

import re
from functools import lru_cache

from responders.quoting import clauses, questions, sentences

_FIRST, _LAST, _FINALS, _DOUBLE_S = ord("가"), ord("힣"), 28, 20
_PAST = frozenset(map(chr, range(_FIRST + _DOUBLE_S, _LAST + 1, _FINALS))) - {"있", "겠"}
"""The syllables that end in ㅆ."""

_OWN_ACT = re.compile(
    r"(?:주문|구매|구입|신청|접수|결제|취소|문의|등록|가입|예약|선택|입력|확인|연락|반품|환불|교환|탈퇴|사용|개봉|보관|궁금|생각|고민)[을를]?\s?"
    r"(?:했|하였|드렸|해 ?[봤놨뒀])"
    r"|(?:주문|결제|신청)한 (?:것|거|걸)|지\s?[^.!?\n]{1,8}[됐됬]|(?:잘못|실수로)\s?[^.!?\n]{0,6}(?:눌렀|적었|썼|했)"
    r"|샀|시켰|보냈|받았|썼|눌렀|적었|골랐|봤|잊어버렸|잃어버렸|먹었|마셨|넣었|열었|뜯었|씻었|끓였|담았|고 싶었"
)

_PURPOSE = re.compile(r"려[고는면]|싶은데|(?:건|인|있는|예정인|필요한)데|면$")
"""Why somebody asks."""

_WRONG = re.compile(
    r"(?<![가-힣])(?:안(?![녕내전쪽에으])|못)\s?[가-힣]|지\s?(?:않|못)|없(?!이)|[어아여져려겨해]\s?있|너무|이상[하해한]|(?<![가-힣냄밤])새(?:[는요고네]|서 )|"
    r"다르|다른|달라|늦|계속|자꾸|불량|고장|파손|하자|오류|먹통|실망|화[가나]|짜증|아직도|여태|벌써|(?:[일주달]|개월|년)째|냄새|곰팡|상한|"
    r"두절|불통|가짜|짝퉁|누락|미배송|오배송|흠집|스크래치|얼룩|찌그|긁[혀힌]|구멍이? ?(?:[있난]|나 )|"
    r"녹이|깨진|찢어진|터진|벌레|이물|머리카락|아프|아파|불편|별로|엉망|심하|심해|모자라|부족|빠진|최악|"
    r"(?:결제|출금|청구)[^.!?\n]{0,8}(?:두 ?번|이중|중복)|(?:두 ?번|이중|중복)[^.!?\n]{0,6}(?:결제|출금|청구)"
)

_REPROACH = re.compile(
    r"왜|어째서|너무|도대체|대체|이렇게|언제까지 기다|아직도|벌써|여태|뭡니까|뭔가요|말이 되|장난|책임|어떡하|어쩌|사기|이런 ?걸|아닌가요|긴 하나|돈만|"
    r"놀리(?:[나냐시십]|는 ?[거건겁])|무시(?!해도|하고|하면)|[이그] ?따위|(?:고도|게|식으로|따위로) ?장사|양심|재탕(?!해도)|두절|"
    r"(?:깨진|상한|썩은|찢어진|터진|부서진|망가진|고장 ?난|구멍 ?난|뚫린|곰팡이? ?핀)[^.!?\n]{0,10}(?:보내[나냐고는시]|팔|파[나냐는시])|"
    r"(?:쓰던|먹던|남이 쓴) (?:걸|거를?|것을|제품을|상품을|물건을|음식을) ?(?:보내[나냐고는시]|팔|파[나냐는시])|"
    r"(?:머리카락|벌레|이물질?|곰팡이)[이가도]? ?(?:나오는|나온|든|핀) "
)
"""What makes a reproach of a question."""

_REQUEST = re.compile(
    r"(?:취소|변경)\s?(?:해\s?주|부탁|하고 싶|하려)|(?:주소|배송지|번호|날짜)[^.!?\n]{0,12}(?:바꿔|변경)"
)

_CIVILITY = re.compile(r"^(?:안녕하세요|수고|감사|고맙|부탁|확인 부탁|답변 부탁|문의)")


def wants_change(text: str) -> bool:
    """Tell whether somebody wants an order cancelled or changed."""
    return bool(_REQUEST.search(text))


@lru_cache(maxsize=256)
def only_asks(text: str) -> bool:
    """Tell whether every sentence asks, wishes an order changed, or says what its writer did."""
    asked = frozenset(questions(text))
    is_asking = False
    for sentence in sentences(text):
        words = text[sentence.start : sentence.end]
        *told, last = (text[span.start : span.end].strip() for span in clauses(text, sentence))
        if sentence in asked:
            is_asking = True
            if _REPROACH.search(last) or _happened(last):
                return False
        elif _REQUEST.search(words):
            is_asking = True
        elif not _CIVILITY.match(words):
            told.append(last)
        if not all(map(_is_harmless, told)):
            return False
    return is_asking


def _is_harmless(clause: str) -> bool:
    """Tell whether a clause says what its writer did or is about to do, and nothing else."""
    is_own = _OWN_ACT.search(clause) or _PURPOSE.search(clause)
    return bool(is_own) and not _WRONG.search(clause) and not _happened(clause)


def _happened(words: str) -> bool:
    """Tell whether words say that something happened which their writer did not do."""
    return not _PAST.isdisjoint(_OWN_ACT.sub(" ", words))
