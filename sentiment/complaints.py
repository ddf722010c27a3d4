"""Says what a complaint is about and how fast a person must look, and shows the words.

Rules give the words; where the model has heads for the same labels, ``classifier`` weighs
both. Rules work on folded text (see ``sentiment.text.fold``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.types import CategoryFinding, ComplaintCategory, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from domain.types import Span
    from sentiment.text import Folded

C = ComplaintCategory
CALM: tuple[Severity, tuple[Span, ...]] = (Severity.NORMAL, ())
"""What a text without a complaint gets."""

# Not what was expected (예상했), enjoyed (감상했) or felt (기분이 상했).
_SPOILT = r"(?<![이속예감상연회구보협손공수인비부향환])(?<!기분이 )(?<!기분 )(?<!마음이 )(?<!마음 )(?<!맘 )(?<!맘이 )(?<!속이 )상"

PATTERNS: Mapping[ComplaintCategory, re.Pattern[str]] = {
    C.DELIVERY: re.compile(
        r"배송(?!비)[가-힣]*|택배[가-힣]*|배달(?!비|료|앱|팁)[가-힣]*|발송[가-힣]*|출고[가-힣]*|송장[가-힣]*|"
        r"도착[가-힣]*|언제\s?(?:와|오|받)[가-힣]*|아직(?:도|까지)?\s?안\s?(?:와|왔|오)[가-힣]*|"
        r"[가-힣]*째\s?(?:안\s?[와왔오]|감감|기다)[가-힣]*|늦게\s?[왔오와도][가-힣]*|기사님[가-힣]*|(?:택배|배송|배달)\s?기사[가-힣]*|문\s?앞[가-힣]*|"
        r"(?:한\s?달|일주일|이주|보름|며칠)\s?(?:만에|넘게)\s?(?:안\s?[와왔오]|도착|받|왔)[가-힣]*"
    ),
    C.STOCK: re.compile(
        r"품절[가-힣]*|재고[가-힣]*|재입고[가-힣]*|입고[가-힣]*|(?:일방적|강제|판매자)[가-힣]*\s?취소[가-힣]*|물량[가-힣]*"
    ),
    C.DEFECT: re.compile(
        r"불량[가-힣]*|고장[가-힣]*|파손[가-힣]*|깨[져졌진지짐][가-힣]*|찢어[가-힣]*|찢긴|망가[가-힣]*|부러[지졌져진][가-힣]*|"
        r"금이?\s?[가갔간][가-힣]*|흠집[가-힣]*|스크래치[가-힣]*|기스[가-힣]*|구멍[가-힣]*|찌그러[가-힣]*|누수[가-힣]*|(?<![뭐고])하자(?![마는고나면니])[가-힣]*|"
        r"안\s?(?:켜|눌|돌아|잠|열리|닫히|충전|나와|나오|작동)[가-힣]*|작동[가-힣]*\s?(?:안|않|불)[가-힣]*|먹통[가-힣]*|"
        r"(?:줄줄|뚝뚝)\s?새[가-힣]*|(?<=[이가다 ])새(?:[요네고서]|어\s?나)[가-힣]*|터[져졌진][가-힣]*|멈[추춰췄][가-힣]*|떨어져\s?나[가-힣]*|뜯어[져진졌][가-힣]*"
    ),
    C.QUALITY: re.compile(
        r"품질[가-힣]*|퀄리티[가-힣]*|재질[가-힣]*|마감[가-힣]*|허접[가-힣]*|싸구려[가-힣]*|조잡[가-힣]*|"
        r"얇[아네고은][가-힣]*|보풀[가-힣]*|이염[가-힣]*|물\s?빠[가-힣]*|내구성?[가-힣]*|맛(?:이|은|도)?\s?(?:없|별로|이상)[가-힣]*|비린[가-힣]*|"
        r"냄새[가-힣]*|비려[가-힣]*|질기[가-힣]*|싱거[가-힣]*|성능[가-힣]*|효과[가-힣]*\s?(?:없|모르|못)[가-힣]*|올이?\s?(?:풀|나)[가-힣]*|"
        r"금방\s?(?:닳|해|떨|망|늘|헤|벗)[가-힣]*|신선[가-힣]*\s?(?:안|않|도)[가-힣]*|시들[가-힣]*|눅눅[가-힣]*|퍽퍽[가-힣]*|맛없[가-힣]*|따갑[가-힣]*|까칠[가-힣]*"
    ),
    C.MISMATCH: re.compile(
        r"오배송[가-힣]*|(?:사진|설명|상세|광고|실물|화면|표기|색상?|사이즈|치수|옵션)[^.!?\n]{0,14}(?:다르|달라|다른|달랐|다름|틀[리려])[가-힣]*|"
        r"다른\s?(?:게|거|것|걸|제품|상품|색상?|사이즈|옵션|물건)[가-힣]*\s?(?:왔|오|와|보내|배송|받)?[가-힣]*|잘못\s?(?:왔|온|보내|배송|받)[가-힣]*|"
        r"누락[가-힣]*|(?:구성품|사은품|부품|[0-9]개)[가-힣]*\s?(?:빠|없|덜|안\s?왔|부족)[가-힣]*|(?:하나|한\s?개)[가는]?\s?(?:빠[졌진]|덜|안\s?[왔와들])[가-힣]*|덜\s?(?:왔|온|보내)[가-힣]*|허위\s?광고[가-힣]*|과장\s?광고[가-힣]*|"
        r"(?:생각|정사이즈|표기|평소)보다\s?(?:많이\s?|훨씬\s?|너무\s?)?(?:작|크|커|짧|길)[가-힣]*|사이즈[가-힣]*\s?(?:안\s?맞|작|크|커)[가-힣]*|짝퉁[가-힣]*|가품[가-힣]*"
    ),
    C.RETURN_REFUND: re.compile(
        r"환불[가-힣]*|반품[가-힣]*|교환[가-힣]*|반송[가-힣]*|회수[가-힣]*|취소[가-힣]*|수거[가-힣]*|[Aa]/?[Ss](?![a-z])[가-힣]*|수리[가-힣]*"
    ),
    C.SERVICE: re.compile(
        r"고객\s?(?:센터|상담|응대|서비스)[가-힣]*|상담[사원가-힣]*|응대[가-힣]*|답변[가-힣]*|답장[가-힣]*|문의[가-힣]*|판매자[가-힣]*|직원[가-힣]*|사장[가-힣]*|"
        r"불친절[가-힣]*|전화[가-힣]*|연락[가-힣]*|연결[가-힣]*|무시[가-힣]*|태도[가-힣]*|[Cc][Ss](?![a-z])[가-힣]*|챗봇[가-힣]*|매크로[가-힣]*|말투[가-힣]*|책임\s?(?:회피|전가)[가-힣]*"
    ),
    C.PRICE: re.compile(
        r"가격[가-힣]*|비싸[가-힣]*|비싼[가-힣]*|비쌈|비쌌[가-힣]*|비쌉[가-힣]*|바가지[가-힣]*|돈\s?(?:아깝|아까|낭비|버|값|만)[가-힣]*|돈이\s?아[가-힣]*|돈값[가-힣]*|가성비[가-힣]*|"
        r"할인[가-힣]*|쿠폰[가-힣]*|(?:더|훨씬)\s?(?:싸|싼|저렴)[가-힣]*|배송비[가-힣]*|[가-힣0-9]*원(?:이나|씩|주고)[가-힣]*|값[이을어][가-힣]*"
    ),
    C.PACKAGING: re.compile(
        r"포장[가-힣]*|박스[가-힣]*|상자[가-힣]*|뽁뽁이[가-힣]*|완충[가-힣]*|밀봉[가-힣]*|에어캡[가-힣]*|비닐[가-힣]*|아이스팩[가-힣]*|테이프[가-힣]*"
    ),
    C.SAFETY: re.compile(
        r"벌레[가-힣]*|곰팡이?[가-힣]*|(?:피부|얼굴)[이가]?\s?(?:다\s)?뒤집[가-힣]*|삼[켰킨][가-힣]*|탄\s?내[가-힣]*|타는\s?냄새[가-힣]*|(?<![가-힣])이빨?[이가]?\s?(?:부러|깨)[졌진][가-힣]*|이물[가-힣]*|머리카락[가-힣]*|유통\s?기한[가-힣]*|"
        + _SPOILT
        + r"(?:[했한][가-힣]*|해서)|변질[가-힣]*|썩[은었어는][가-힣]*|배탈[가-힣]*|설사[가-힣]*|"
        r"두드러기[가-힣]*|알레르기[가-힣]*|알러지[가-힣]*|발진[가-힣]*|화상[가-힣]*|다쳤[가-힣]*|다칠[가-힣]*|다쳐[가-힣]*|베[였여][가-힣]*|트러블[가-힣]*|폭발[가-힣]*|불이?\s?[났붙나][가-힣]*|"
        r"화재[가-힣]*|연기\s?[가나났][가-힣]*|빨갛게[가-힣]*|먹어도\s?(?:되|될|돼|괜찮)[가-힣]*|감전[가-힣]*|식중독[가-힣]*|구토[가-힣]*|토했[가-힣]*|토하[가-힣]*|응급실[가-힣]*|병원[가-힣]*|위생[가-힣]*|유해[가-힣]*|발암[가-힣]*|바퀴벌레[가-힣]*|구더기[가-힣]*|날파리[가-힣]*|쥐\s?[가-힣]*똥|(?:유리|쇳|철|금속|플라스틱|뼈|비닐)\s?조각[가-힣]*"
    ),
}

_CRITICAL = re.compile(
    r"(?:목|얼굴|입술|눈|손|발|피부|잇몸)[가-힣]{0,2}\s?(?:[가-힣]{1,6}\s)?부[었어]|(?<![가-힣])이빨?[이가]?\s?(?:부러|깨)[졌진]|"
    r"식중독|응급실|병원\s?(?:에|갔|가|다녀|신세|치료|진료)|입원|배탈|설사|구토|토했|토하고|두드러기|알레르기|알러지|발진|화상(?!\s?(?:통화|수업|회의|면접|채팅))|"
    r"폭발(?:했|해서|하면서|하더)|펑\s?(?:하고|터)|불이?\s?(?:났|붙[었어])|불\s?날\s?뻔|화재|감전|연기가?\s?(?:나[서고네요더는며오]|났|올라|피어|치솟|자욱)|(?<!안 )다쳤|(?<!안 )다쳐서|다칠\s?뻔|손을?\s?베|베였|피가\s?[나났]|질식|호흡\s?곤란|(?<!분)실신|피부가?\s?(?:뒤집|벗겨|빨개|부어)|"
    r"(?:유리|쇳|철|금속|플라스틱|뼈)\s?(?:조각|파편|가루)|조각이?\s?(?:나왔|목에|씹)|철심|바늘이?\s?(?:나[왔온오]|박[혀힌]|들어)|바늘\s?꿰|기생충|골절|피부염|물집|꿰맸|꿰맴|119|구역질|메슥|두통(?=[이을에도까]|약|\s|$)|목에\s?걸[려리]|삼킬|(?:아이|아기|애기?|딸|아들|강아지|고양이)[가-힣]{0,2}\s?(?:[가-힣]{1,6}\s)?삼[켰킨]|불꽃|가스가?\s?새|데었|데였|부어\s?올|빨갛게|벌게|벌겋|화끈(?:거|해[요서]|화끈|\s물집)|진단|의사가|대피|지급\s?명령|소액\s?재판|법원|법정에서\s?(?:봅|뵙|만나)|칼날|면도날|"
    r"고소(?:장|당|를|할|했|한다|합니다|하겠|하려|하러|해야|하고\s?싶)|고발|소송|법적\s?(?:대응|조치|책임|절차|으로\s?(?:가|대응|해결))|변호사|내용\s?증명|손해\s?배상|민사|형사\s?(?:고소|고발|처벌|소송|책임|입건)|경찰|사이버수사|"
    # Shoes are worn (신고 나가다), a thing lost or a fault in an app is reported without any authority.
    r"(?<!분실)(?<!분실 )(?<!오류 )(?<!누수 )신고(?=[을를!.]|\s*$|했|합|할|하겠|하려|한다|함|\s?(?:접수|넣|들어|예정|완료|끝|조치))|소비자\s?(?:원|보호원|고발|센터|단체)|소보원|공정위|공정거래|식약처|식약청|금감원|국민\s?신문고|구청|시청\s?위생|민원\s?(?:넣|접수|제기)|"
    r"기자(?:님|분|한테|에게)|언론|(?<![가-힣])제보(?!다|니)|에\s?제보|뉴스에|방송국|기사\s?(?:내|나[가게])|불만제로|소비자고발|"
    r"개인\s?정보[^.!?\n]{0,12}(?:유출|노출|샜|팔|새|털|도용|공개|보여|보이)|(?:주소|전화번호|연락처|주민번호|카드\s?번호|카드\s?정보)[^.!?\n]{0,14}(?:유출|노출|도용|공개|떠|뜨|보이|샜)|해킹|(?<!사진 )도용|보이스\s?피싱|"
    r"불매|공론화|(?:맘카페|커뮤니티|카페|인스타|유튜브|sns|트위터|블로그|단톡)[가-힣]*\s?(?:에|에다)?\s?(?:다\s?)?(?:올리|올릴|퍼뜨|퍼트|도배|알리|알릴|공유|폭로)|"
    r"(?:때려|패)\s?죽|(?:죽여|분질러|불\s?질러|패)\s?버[리릴린려]|칼\s?들고"
)
_FOUL = (
    r"탄\s?내|타는\s?냄새|"
    + _SPOILT
    + r"(?:했|한\s?[것거건게듯])|변질[된됐]|벌레|구더기|바퀴벌레|곰팡이|쥐\s?[가-힣]*똥|유통\s?기한[가-힣]*\s?(?:지[나난났]|넘)|쉰내"
)
_OVERDUE = (
    r"(?:2|3|두|세|이|삼|몇)\s?주[^.!?\n]{0,14}(?:환불|반품|교환|수리|회수)|(?:환불|반품|교환|수리|회수)[^.!?\n]{0,14}(?:2주|3주|두\s?주|세\s?주|한\s?달|열흘|보름|[0-9]{2}일|달\s?째)|"
    r"환불[^.!?\n]{0,16}(?:거부|거절|미뤄|지연|안\s?들어)|먹튀|사기당"
)
_AGAIN = r"(?:세|네|다섯|3|4|5|몇|여러)\s?번이나|또\s?(?:이러|불량|고장|잘못|오배송|파손)|말만\s?반복|수십\s?번|수차례"
_HIGH = re.compile(
    rf"{_FOUL}|{_OVERDUE}|"
    r"환불[^.!?\n]{0,16}(?:안|못|불가|언제|아직)|(?:반품|교환|취소)(?:[이을도가]|은|요청|신청|처리|해\s?달)?[^.!?\n]{0,8}(?:거부|거절|안\s?(?:된|돼|되|해|받)|못\s?(?:해|받))|"
    rf"{_AGAIN}|[3-9]\s?(?:회|차례)|(?:세|네|다섯|3|4|5|몇|여러)\s?번(?:째|을|이고)|또\s?같은|벌써\s?(?:두|세|네)|재차|"
    r"팔로워|구독자|파워\s?블로거|인플루언서|단체\s?(?:주문|구매)|회사\s?전체|수백\s?개"
)
# Hair is foul, but no reason to hurry; a third order or a refund that was asked for is no harm.
_HARM = re.compile(rf"머리카락|{_FOUL}|{_OVERDUE}|{_AGAIN}")
_CALM = re.compile(
    r"^[가-힣]{0,4}\s?(?:[가-힣]{1,6}\s)?(?:없[이어는고다었네]|안\s?(?:나|생|일|났|했|나오)|걱정(?:했|되?었|은|없)|날까|올까|생길까|있을까|나올까|날까봐|같은\s?(?:건|거)\s?없|한\s?번\s?없|예방|방지|에\s?좋|적은|적어|케어|진정|퇴치|잡|가라앉|줄었|사라)"
)


# A syllable with ㅆ below is the past tense, but for 있다 (to be) and 겠 (to be going to).
_PAST = "".join(
    syllable
    for syllable in map(chr, range(ord("가") + 20, ord("힣") + 1, 28))
    if syllable not in "있겠"
)
_TOLD = re.compile(
    f"[{_PAST}](?!을\\s?때|던)|[나새하]는데|[나피]고\\s|핀|나온|지난|어\\s?있(?:는데|던데|더[라니]|네)"
)

# Spoilt, thawed, leaking or open: may it still be eaten? Hair is spoilt as well (상한 머리).
_SUSPECTS = re.compile(
    _SPOILT
    + r"한\s?(?:[것거건게듯][가-힣]{0,2}\s?(?:같|하|아[닌니녜]|맞|인가|일까|인지)|건[가지])|변질된\s?(?:것|거|건|게|듯)|"
    r"(?:녹|해동|깨[졌져진]|터[졌져진]|[새뜯]어?|부풀|변색|젖|미지근|찌그러)[가-힣]{0,3}\s?(?:(?:상태|채)로?\s)?(?:왔|받았|도착|배송[됐되]|있(?:는데|던데|었|더[라니]|네))"
    r"[^\n]{0,40}(?:먹|마시|마셔|섭취|복용|조리)[가-힣]{0,3}\s?(?:도\s?(?:되|될|돼|괜찮|문제|이상)|수\s?있)"
)
# Harm at the end that is over, or was none: "근데 입에서 불났어요 ㅋㅋ", "다만 벌레인 줄 알았네요".
_TAKEN_BACK = re.compile(r"없|않|안\s|ㅋ|ㅎ|지만|바로|금방|줄\s?(?:알|았)|뻔")
_LAST_TURN = re.compile(r"[.!?~\n]\s*(?:다만|근데|그런데|하지만|그러나)\s[^.!?~\n]+[.!?~\s]*$")
# What follows tells whether a thing is to be used in spite of harm, or has been and caused it.
_ASKS_TO_USE = re.compile(
    r"도\s?(?:되|될|돼|괜찮|상관|무방)|수\s?(?:있|없)|효과|도움|없어[지질]|괜찮|가능한|[이그]건|어떤|뭔가요"
)
_GOES_ON = re.compile(
    r"계속|더\s|나머지|남은|또\s|환불|보상|회수|교환|반품|연락|책임|신고|처리|때문|탓|원인"
)
_ELSEWHERE = re.compile(
    r"(?:다른\s?(?:제품|상품|데|곳|회사|브랜드|거|것|걸)|타사|예전|옛날|어릴|물[려린렸])(?!.*(?:이번|오늘|어제|이거|이건|여기))"
)
_PEST = re.compile(r"벌레|바퀴|곰팡이|구더기|쥐")
_AT_HOME = re.compile(
    r"(?<![가-힣])(?:(?:우리|저희)\s?)?(?:집|방|벽|화장실|욕실|주방|부엌|싱크대|베란다|옷장|창틀|마당|텃밭|화분|천장|사무실)"
    r"(?:에서?|에는|이|은)?\s?(?:[가-힣]{1,4}\s)?$"
)
_WALL = re.compile(
    r"\s?(?:핀|난|생긴|낀)\s?(?:벽|곳|데|자리|부분|욕실|화장실|실리콘|타일|창|장판|천장)"
)
_USED = re.compile(
    r"먹|마[시셨신]|바[르른]|발[라랐]|쓰|쓴|썼|써서|뿌[리린렸]|붙[이였인]|신[고은었]|입[고은었]|끼[고니]|시[켜켰킨]|샀|받[고아은았자]|뜯|[켜켰꽂]|돌[리렸]|사용|복용|섭취|착용|개봉|구매|주문|도착|제품|이거|이것|여기"
)
_INJURED = re.compile(r"병원|입원|진단|의사|다[쳤쳐칠]|골절|화상|꿰맸|두통")
_THIS_ONE = re.compile(r"(?<![가-힣])(?:이거|이건|이것|이\s[가-힣])")


def _real(text: str, start: int, end: int) -> bool:
    """Tell whether a dreadful word is meant: not "벌레 없이", not "두드러기 걱정했는데"."""
    return not _CALM.match(text[end : end + 14]) and not text[max(0, start - 3) : start].endswith(
        ("비", "무", "항")
    )


def find_categories(
    folded: Folded, worst: tuple[int, int] | None = None
) -> dict[ComplaintCategory, Span]:
    """Give the words that show each category: the first in the worst clause, otherwise the first of all.

    "배송도 빠르고 좋았는데 이번엔 배송이 너무 늦네요" complains with its second 배송.
    """
    start, end = worst or (0, len(folded.text))
    found = {}
    for category, pattern in PATTERNS.items():
        places = [match.span() for match in pattern.finditer(folded.text)]
        if category is C.SAFETY:
            places = [place for place in places if _real(folded.text, *place)]
        if places:
            best = min(places, key=lambda place: not start <= place[0] < end)
            found[category] = folded.span(*best)
    return found


def find_severity(folded: Folded) -> tuple[Severity, tuple[Span, ...]]:
    """Give the severity that the words alone suggest, and those words."""
    for severity, pattern in ((Severity.CRITICAL, _CRITICAL), (Severity.HIGH, _HIGH)):
        spans = tuple(
            folded.span(*match.span())
            for match in pattern.finditer(folded.text)
            if _real(folded.text, *match.span())
        )
        if spans:
            return severity, spans
    return CALM


def threatens(folded: Folded) -> bool:
    """Tell whether words of harm, law or the press stand in a text, whatever it means by them.

    Doubt begins sooner there: "계속 이러시면 고소합니다" reads much like praise of sesame oil.
    """
    return find_severity(folded)[0] is Severity.CRITICAL


def tells_of_harm(folded: Folded) -> bool:
    """Tell whether a question tells of harm as what has happened, or suspects that goods are spoilt.

    Not of what might happen, nor of what the writer brings along ("병원 다녀왔는데 같이 먹어도 되나요?").
    """
    text = folded.text
    if _SUSPECTS.search(text) and "머리" not in text:
        return True
    return any(not _is_brought(text, *match.span()) for match in _told(text))


def harm_at_end(folded: Folded) -> Folded | None:
    """Give the last sentence where it turns from other things to harm that happened; None where it does not."""
    turn = _LAST_TURN.search(folded.text)
    if turn is None or _TAKEN_BACK.search(turn.group()):
        return None
    end = folded.since(turn.start())
    if C.SAFETY not in find_categories(end) or not any(_told(end.text)):
        return None
    return end


def _told(text: str) -> Iterator[re.Match[str]]:
    """Give the words of harm that has happened."""
    for pattern in (_CRITICAL, _HARM):
        for match in pattern.finditer(text):
            told = _TOLD.search(text[match.start() : match.end() + 8])
            if told and _real(text, *match.span()):
                yield match


def _is_brought(text: str, start: int, end: int) -> bool:
    """Tell whether a text asks to use a thing in spite of harm, or against harm, that the thing did not do."""
    before, harm, after = text[:start], text[start:end], text[end:]
    if _GOES_ON.search(after):
        return False
    if _PEST.search(harm) and (_AT_HOME.search(before) or _WALL.match(after)):
        return True
    if not _ASKS_TO_USE.search(after):
        return False
    if _ELSEWHERE.search(before):
        return True
    return not _USED.search(before) and bool(_INJURED.search(harm) or _THIS_ONE.search(after))


CATEGORY_ALONE, CATEGORY_WITH_WORDS, CATEGORY_IN_PASSING = 0.4, 0.4, 0.4
CRITICAL_ALONE, CRITICAL_WITH_WORDS = 0.12, 0.06
HIGH_ALONE, HIGH_WITH_WORDS = 0.15, 0.05
"""How likely the model must find a label by itself, and where a rule shows words for it;
``IN_PASSING`` for what a text that is no complaint blames all the same."""


def decide_categories(
    folded: Folded, tags: Mapping[str, float], worst: tuple[int, int] | None
) -> tuple[CategoryFinding, ...]:
    """Give the categories of a complaint, most likely first, safety among equals; at least one.

    Args:
        folded: The text.
        tags: The model's probabilities by category name; empty or all 0 when it was not
            asked, then the words decide alone.
        worst: The clause, as offsets in ``folded``, whose words are shown before others, and
            which is shown for a category without words.
    """
    shown = find_categories(folded, worst)
    whole = _clause(folded, worst)
    if not any(tags.values()):
        found = [CategoryFinding(category, 0.5, span) for category, span in shown.items()]
    else:
        found = _likely(tags, shown, whole, CATEGORY_ALONE, CATEGORY_WITH_WORDS)
        if not found:
            best = max(ComplaintCategory, key=lambda category: tags[category.value])
            found = [CategoryFinding(best, round(tags[best.value], 4), shown.get(best, whole))]
    if not found:
        found = [CategoryFinding(ComplaintCategory.OTHER, 0.5, whole)]
    return tuple(
        sorted(found, key=lambda finding: (-finding.score, finding.category is not C.SAFETY))
    )


def blamed_in_passing(
    folded: Folded, tags: Mapping[str, float], worst: tuple[int, int] | None
) -> tuple[CategoryFinding, ...]:
    """Give the categories that a text blames though it is no complaint, often none.

    Args:
        folded: The text.
        tags: As in ``decide_categories``; where the model was not asked nothing is blamed,
            because words alone do not tell praise of a thing from blame.
        worst: As in ``decide_categories``.
    """
    if not tags:
        return ()
    whole = _clause(folded, worst)
    limit = CATEGORY_IN_PASSING
    found = _likely(tags, find_categories(folded, worst), whole, limit, limit)
    return tuple(sorted(found, key=lambda finding: -finding.score))


def _clause(folded: Folded, worst: tuple[int, int] | None) -> Span:
    """Give the place of the worst clause, of the whole text where it has none."""
    return folded.span(*worst) if worst else folded.span(0, len(folded.text))


def _likely(
    tags: Mapping[str, float],
    shown: Mapping[ComplaintCategory, Span],
    whole: Span,
    alone: float,
    with_words: float,
) -> list[CategoryFinding]:
    return [
        CategoryFinding(category, round(tags[category.value], 4), shown.get(category, whole))
        for category in ComplaintCategory
        if tags[category.value] >= (with_words if category in shown else alone)
    ]


def decide_severity(
    folded: Folded, tags: Mapping[str, float], worst: tuple[int, int] | None
) -> tuple[Severity, tuple[Span, ...]]:
    """Give the severity of a complaint and the words (or the clause) that raised it."""
    by_words, spans = find_severity(folded)
    if not any(tags.values()):
        return by_words, spans
    whole = (_clause(folded, worst),)
    critical = by_words is Severity.CRITICAL
    if tags["critical"] >= (CRITICAL_WITH_WORDS if critical else CRITICAL_ALONE):
        return Severity.CRITICAL, spans if critical else whole
    high = by_words is not Severity.NORMAL
    if tags["high"] + tags["critical"] >= (HIGH_WITH_WORDS if high else HIGH_ALONE):
        return Severity.HIGH, spans if high else whole
    return CALM
