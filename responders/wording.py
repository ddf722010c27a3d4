"""What customers and manuals mean by the same words, and the states they tell of.

One table for both sides: what a customer calls 초인종 and a manual 벨 is one *thing*, so a clause is
found whichever word either of them uses. To add a word, write it into the row of its thing; to
add a thing, add a row. A state (opened or not, sent or not) has two sides, and what is said of
one side is never said to who tells of the other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_THINGS: dict[str, str] = {
    # Orders and money.
    "배송지": "배송지|주소|받을 곳|받는 곳|받으실 곳|동호수|우편번호",
    "변경": "변경|바꿔|바꾸|바꿀|바꾼|수정|고치실",
    "교환": "교환|새 상품|새 제품|새것|새걸로|바꾸어 드|바꿔 드|바꿔 주|바꿔주",
    "취소": "취소|철회",
    "반품": "반품|돌려보|반송|되돌려 보내|도로 보내|무르고 싶|무를 수",
    "환불": "환불|돌려받|돈 돌려|돈을 돌려|입금|돈이 안 들어|반환",
    "변심": "변심|마음이 바뀌|마음이 바뀐|마음 바뀌|맘이 바뀌|맘 바뀌|마음에 안|맘에 안|마음에 들지|필요 없|필요없|"
    "안 어울|생각이 바뀌|집에 있는 거랑",
    "배송비": "배송비|택배비|배송료|택배 요금|배송 요금|배달비|배달료|배달 요금|운임",
    "결제": "결제|출금|청구|빠져나갔|빠져 나갔|이체|긁혔|긁힌",
    "두번": "두 번|두번|두 건|두건|2번|2건|중복|이중",
    "차액": "차액|차이 나는 금액|차이는|차이를",
    "내린값": "가격이 내|가격을 내|가격 내|값이 내|값을 내|원 내렸|원이나 내|원 싸|싸졌|세일하|할인하|떨어졌|싸게 팔|싸게 파|더 싸|더 싼|저렴해|원이 내|"
    "원을 내",
    "오른값": "올랐|올린|올려|올릴|인상|비싸졌",
    "할인": "할인|세일",
    "쿠폰": "쿠폰|할인권",
    "적립금": "적립금|포인트|적립",
    "안보임": "없어지|사라지|보이지 않|안 보|안보|안 떠|안떠|안 뜨|안뜨|사라졌|사라진|없어졌|없어진",
    "덤": "사은품|증정|리뷰 이벤트|리뷰 약속|이벤트 음료|서비스로 주|덤으로|샘플|덤을|이벤트로 주|서비스 음료",
    "해지": "해지|해약|그만 받|구독 취소|끊고 싶|그만하고 싶|그만두|그만 먹|중단하|그만 시키|그만 이용",
    "건너뜀": "건너뛰|건너뛸|건너뛴|쉬어|쉬고 싶|쉴 수|쉬려|미루|다음 회차로|일시정지|미뤄|한 주만|이번 주만|이번 주는|다음 주만",
    "선물": "선물",
    "명절": "명절|추석|설날|설 전|구정",
    "정기": "정기배송|정기 배송|정기결제|구독|회차",
    "단체": "단체|모임|회식|대량|여럿이|인원이 많",
    "예약": "예약|미리|미리 잡|자리를 잡|자리 잡|자리 있|룸이|룸을|자리가 있|자리를 맡",
    "주차": "주차|차를 대|차 대|차 세|차 가지고|차를 가지고|차 가져|차로 가|댈 데|댈 곳|주차장",
    # Being late, lost, missing, mistaken.
    "늦음": "늦게|늦어|늦은|늦었|늦는|늦으|늦네|늦장|늦다|늦지|늦더|늦을|지연|밀려|밀리|오래 걸|안 와|안와|안 왔|안왔|안 오|안오|아직도|기다렸|기다리|기다린|"
    "도착하지 않|감감|넘도록|못 받|못받|받지 못|깜깜무소식|일째|주째|달째|열흘째|지나도|지났는데|언제 오|언제쯤 오|출발을 안|출발도 안|출고가 안|걸렸|"
    "걸려서|늦도록",
    "분실": "분실|잃어버|물건이 없|상품이 없|택배가 없|완료로|완료인데|완료라|완료라고|아무것도 없|사라져|없어졌다",
    "오배송": "오배송|잘못 배송|잘못 보내|잘못 왔|잘못 온|잘못 간|잘못 받|다른 게|다른게|"
    "다른 걸|다른걸|다른 색|엉뚱한|딴 거|딴거|딴 게|딴게|딴 걸|주문과 다|뒤바뀌",
    "누락": "안 왔|안왔|안 온|빠졌|빠진|빠져 있|빠져있|누락|덜 왔|덜 보내|안 들어 있|안 들어있|안 들었|들어 있지 않|들어있지 않|빼먹|안 챙|안 넣|안 주셨|"
    "안 줬|못 챙|하나가 없|개가 없|개밖에|개뿐|모자라|안 보내|빼고 보|빼놓|하나도 없|안 들어",
    "벨": "벨을|벨 소리|벨이|벨 누|초인종",
    "거친배송": "던지|던져|던졌|던진|내팽개|함부로",
    # What is wrong with the goods.
    "파손": "깨졌|깨져|깨진|깨지|부서|부러|박살|금이 가|금 간|파손|찌그러|찢어|찢긴|산산조각|구겨|뭉개|이가 나간|깨먹",
    "젖음": "젖어|젖었|젖은|젖고|젖네|젖습",
    "녹음": "녹아|녹았|녹은|다 녹|해동|물처럼|얼음이 없|얼음도|얼음이 다|얼음팩이",
    "녹": "녹이|녹슬|녹 슬|붉은 녹|녹물",
    "식음": "식어|식은|식었|차갑|차가운|차가웠|미지근",
    "상함": "상한|상했|상해|변질|썩은|썩었|썩어|쉰내|쉰 내|쉬었|맛이 갔|시큼|군내|쉰 맛|상한 냄|상해 있",
    "곰팡이": "곰팡",
    "시듦": "무르|물러|물렀|시든|시들|갈색|누렇|까맣게|짓물|뭉그러|흐물|말라비틀|말라 비틀",
    "설익음": "덜 익|덜익|설익|핏물|뻘건|뻘겋|안 익|생고기|설 익|덜 구|날고기|피가 비|속이 빨|속이 안 익",
    "간": "짜요|짜서|짜네|짜고|짜다|짭짤|짭니|짠데|짜기|싱거|싱겁|맹물|밍밍|너무 달|너무 매|조미료|소금|짠맛|짠 맛|맹탕|달아서|달기만|너무 써",
    "이물": "이물|머리카락|머리털|벌레|파리가|바퀴벌레|플라스틱 조각|플라스틱이 나|비닐 조각|쇳조각|철사|손톱|실밥|수세미|날파리|초파리|개미|거미|유리 조각|유리조각|"
    "나무 조각|고무줄|고무 조각|실오라기|반창고|종이 조각|은박|비닐이 나|돌이 씹|털이 나|털이 들|철 수세미",
    "탈": "배탈|설사|토했|토하|구토|탈이|탈 났|탈났|장염|식중독|아프신|배가 아|복통|속이 안|응급|몸이 불편|배가 아프|메스꺼|울렁|구역질|체했|"
    "속이 뒤집|속이 안 좋|배 아프|배아프|뒤틀|배를 잡|속이 쓰|구급차|링거",
    "피부": "붉어|빨개|빨갛|뒤집어|뒤집혔|가려워|가려움|가렵|간지|따가|따끔|화끈|뾰루지|좁쌀|트러블|발진|두드러기|알레르기 반응|피부에 이상|피부 이상|"
    "붉게|울긋불긋|쓰라|각질|여드름|부었|부어올|부어 올|올라와|진물|알러지 반응|오돌토돌|피부가|따갑|쓰리",
    "다침": "다친|다쳤|다치|베였|베이|베인|베임|찔렸|찔려|찔린|찔리|화상|데었|데였|피가|상처|긁혔|긁혀|찢어졌|멍이|베었|손을 베",
    "발열": "뜨거워|뜨겁|연기|타는 냄새|탄내|발열|과열|불꽃|스파크|탄 냄새|타는 냄|뜨끈뜨끈|불이 날|불날|데일",
    "배터리": "배터리|충전",
    "침수": "물에 빠|침수|물에 젖|물을 쏟",
    "부풂": "부풀|부푼|빵빵|팽창",
    "고장": "고장|작동|안 켜|안켜|꺼져|꺼지|먹통|멈춰|멈췄|증상|소리가 안|안 나와|끊기|끊겨|끊김|인식이 안|안 닫|안 열려|안 열리|충전이 안|안 움직|불량|하자|결함|"
    "오작동|전원이 안|켜지지|안 들어와|불이 안|반응이 없|반응을 안|인식을 못|안 눌|눌리지|안 돌아|잡음|지직|화면이 안|안 잡|안 되네|작동을 안|망가|"
    "말을 안 들",
    "수리": "수리|에이에스|고칠|고쳐|고친|서비스센터|서비스 센터|손봐|수리비|애프터|고치는|고치려|고치고|고쳤",
    "되풀이": "또 |두 번|두번|세 번|세번|번째|반복|매번|여러 번|계속|거듭|내내|이어서",
    "같음": "똑같|같은 반찬|같은 메뉴|만 와요|만 오네",
    "소음": "소음|시끄러|소리가 커|소리가 너무|소리가 심|덜덜|우웅",
    "냄새": "냄새|비린|잡내|누린내|악취",
    "봉인": "봉인|실링|씰이",
    # People.
    "상담": "상담|고객센터|콜센터|전화|통화|챗봇|채팅|로봇|자동응답",
    "직원": "직원|점원|종업원|알바|아르바이트|홀 서빙|서빙|사장님|사장이|주인|알바생|기사님|기사가|상담원|상담사|매니저님",
    "불친절": "불친절|한숨|반말|퉁명|짜증을|짜증 내|무시|태도|말투|띠꺼|인상을 쓰|인상 쓰|째려|쌀쌀|성의 없|툭툭|무뚝뚝|무례|툴툴|신경질|건성|귀찮|예의|싸가지|"
    "쏘아|소리를 질|소리 지르|소리를 지르|기분 나쁘게|막말|화를 내|째려보|대답도 안|대꾸",
    "연결": "연결|통화 중|안 받|안받|받지 않|대기만|대기 중|받질 않|받지를 않|전화를 안|사람하고|사람과 얘기|사람이랑",
    "무응답": "답이 없|답도 없|답변이 없|답변도 없|연락이 없|연락도 없|연락이 안|답장이|답장도|회신|답변이 늦|감감|묵묵부답|답을 안|답글이 없|답장을 안|연락을 안|"
    "연락 한 통|읽고 답",
    "책임자": "책임자|매니저|점장|담당자",
    # Stock, food, use.
    "입고": "재입고|입고|다시 들어|다시 나오|언제 들어와|다시 팔|언제 다시|다시 살",
    "품절": "품절|매진|솔드아웃|재고가 없|재고 없|다 팔|동나",
    "맵기": "맵고|맵게|맵네|맵기|맵지|맵다|맵습|매운|매워|매울|순한|안 매|덜 매|안 맵|덜 맵",
    "요청": "요청|해달라고|해 달라고|빼달라|빼 달라|부탁드렸|부탁했|달라고|적었는데|적어 놨|써 놨|메모에|메모를|요청사항",
    "쪽지": "메시지|편지|쪽지|카드를 넣|카드 넣|문구",
    "향": "향이|향 있|향료|무향|향은|향에|향도",
    "임신": "임신|임산부|임부|수유",
    "아이": "아이|아기|애들|애가|어린이|유아|아가|신생아|애한테|초등",
    "알레르기": "알레르기|알러지|못 먹|먹으면 안",
    "밀": "밀가루|밀은|밀이|밀도|밀과|글루텐",
    "견과": "땅콩|호두|견과|아몬드",
    "원산지": "원산지|국산|국내산|어디산|어디 산|산인가|산이에",
    "길들임": "길들|시즈닝",
    "렌지": "전자레인지|전자렌지|렌지|데우|데워",
    "열원": "인덕션|가스레인지|가스 불|가스불|하이라이트|열원",
    "칭찬": "칭찬",
    "달걀": "달걀|계란|유정란",
    "세척": "세척|씻어|씻고|씻을|씻는|씻기|씻었|씻다|씻으|설거지|식기세척기",
    "기한": "유통기한|소비기한|제조일|사용기한",
    "먼곳": "제주|도서 산간|도서산간|섬 지역|울릉",
    "해외": "해외|외국",
    "청결": "청소|청결|위생 상태|끈적|지저분|더러|더럽|바닥이|화장실",
}

_SHAPES: dict[str, tuple[str, str]] = {
    "인원": ("명", r"(?:\d\d?|[열스서마]\S{1,2})\s?명|\d명이 넘는"),
    "간": ("간", r"(?<![가-힣])간[이을은과도](?=\s)"),
    "샘": (
        "새샜샌흘쏟엎줄누",
        r"(?<![냄밤어날철참])(?:새(?:서|고|는|거|네|요)|샜|샌 )|흘러나|흘러 나|흘렀|쏟[아았]|엎[질어]|줄줄|누수",
    ),
    "오배송": (
        "른켰샀골문",
        r"(?<!설명과 )(?<!소개와 )(?<!사진과 )(?<!안내와 )다른 (?:상품|제품|메뉴|물건|음식|사이즈)"
        r"|(?:시켰|샀|주문했|골랐|선택했|주문한|시킨)[^.!?\n,]{0,4}(?:데|더니|지만|건)[^.!?\n]{2,14}[이가] (?:왔|온|옴|도착|들어)",
    ),
    "이중결제": (
        "두중2２",
        r"(?:결제|출금|카드|청구|빠져)[^.!?\n]{0,24}(?:두 ?[번건]|[2２][번건]|중복|이중)|(?:두 ?[번건]|중복|이중)[^.!?\n]{0,8}(?:결제|출금|청구|빠져|긁)",
    ),
    "영업시간": (
        "시쉬쉽휴영요",
        r"\d\s?시(?:부터|까지)[^.!?\n]{0,20}(?:주문|영업|상담|운영|열|엽|받|하나|되나|여나)|쉬는 ?날|쉽니다|쉬고, |휴무|영업"
        r"|(?:[월화수목금토일]요일|주말|공휴일|\d\s?시(?: ?반)?)(?:에도|에|도|날)?\s?[^.!?\n]{0,6}(?:하나요|하시나요|여나요|여시나요|열어요|열려|쉬나요|되나요|와도 되)",
    ),
    "배달범위": (
        "k킬달",
        r"km|킬로|배달\s?(?:되는|가능한)?\s?(?:지역|거리|범위)|(?:까지|에도|로도?)\s?배달|[동리]\s?(?:인데|까지)[^.!?\n]{0,6}배달",
    ),
    "최소주문": (
        "소얼릇분",
        r"최소\s?주문|얼마\s?(?:이상|부터)\s?(?:주문|배달)|(?:하나|한 그릇|1인분|일인분)만?도?\s?(?:배달|주문)",
    ),
    "싸감": (
        "싸포테남",
        r"(?:포장|싸)\s?(?:해\s?)?(?:가|갈|되나|될까|가능|해 주나)|테이크아웃|남은 (?:음식|것|거)",
    ),
    "보증": (
        "증무구산",
        r"보증|무상|(?:구입|구매|산)\s?(?:하신|한)?\s?(?:후|뒤|지|날부터)[^.!?\n]{0,4}(?:\d|한|두|세|네|반)\s?(?:년|개월|달)",
    ),
    "맡긴수리": ("맡보들접", r"(?:수리|as)[^.!?\n]{0,8}(?:맡기|맡긴|맡겼|보냈|보내|들어갔|접수)"),
}
"""What takes more than a stem to be told, for both sides: syllables of which one is in any of it, and
its shape."""

NARROWING = frozenset(
    f"#{thing}"
    for thing in {
        "변심",
        "선물",
        "명절",
        "정기",
        "단체",
        "녹음",
        "봉인",
        "해외",
        "먼곳",
        "벨",
        "발열",
        "부풂",
        "탈",
    }
    | {
        "피부",
        "다침",
        "이물",
        "두번",
        "고장",
        "파손",
        "오배송",
        "누락",
        "해지",
        "건너뜀",
        "덤",
        "입고",
        "설익음",
    }
    | {
        "녹",
        "시듦",
        "식음",
        "이중결제",
        "맡긴수리",
        "내린값",
        "오른값",
        "칭찬",
        "배터리",
        "샘",
        "젖음",
        "침수",
    }
    | {"환불", "반품", "교환", "취소", "쿠폰", "적립금", "수리", "차액", "할인", "품절"}
)
"""A clause whose condition names one of these is only for who speaks of it."""

SUBJECTS = frozenset(
    f"#{thing}"
    for thing in (
        "환불",
        "반품",
        "교환",
        "취소",
        "수리",
        "맡긴수리",
        "쿠폰",
        "적립금",
        "할인",
        "배터리",
    )
)
"""What a customer speaks of or not: nothing that a matter stands for makes it spoken of."""

IMPLIED = {"#수리": "#고장", "#침수": "#고장", "#환불": "#반품", "#반품": "#환불"}
"""What is meant as well by who speaks of a thing."""

_UNOPENED, _OPENED, _UNSENT, _SENT = "#개봉전", "#개봉후", "#출발전", "#출발후"

_STATES: tuple[tuple[str, frozenset[str], re.Pattern[str]], ...] = (
    (
        _UNOPENED,
        frozenset("개뜯열쓰용손그것봉벗깠뗐뗀떼"),
        re.compile(
            r"(?:미개봉|안\s?(?:뜯|열어|개봉|벗겼|벗긴|깠|뗐|뗀|떼)(?:\s?봤)?|(?:뜯|열|개봉하)기\s?전|(?:뜯|개봉)(?:하)?(?:지|진|지는|지도)\s?(?:않|못|안)|(?:개봉|사용)[은도]?\s?(?:안|전))"
            r"|(?:포장|박스|상자|비닐|택배)[^.!?,\n]{0,6}그대로|새\s?것 그대로|손도 안|쓰지 않|사용하지 않은|사용 전"
        ),
    ),
    (
        _OPENED,
        frozenset("뜯봉열써껴발입신용씰뚜비봤보"),
        re.compile(
            r"(?<!안)(?<!안 )(?<!못 )뜯(?:어|었|은|고|거나)|개봉(?:했|한 |하고|하자|해서|하신|하거나|후| 후|한 뒤)|(?<!안 )(?<!안)열어\s?(?:봤|보니)|(?:씰|봉인|뚜껑|비닐)[을를은도]?\s?(?:뗀|떼|열거나|연 )"
            r"|(?<!안 )써\s?[보봤본]|(?<!안 )껴\s?[보봤]|발라\s?[보봤본]|입어\s?봤|신어\s?봤|사용(?:했|한 |하신 |하고|해\s?[보봤])"
            r"|(?<!알아)(?<!찾아)(?<!물어)(?<!살펴)(?<!읽어)(?<!확인해)(?<!연락해)(?<!전화해)(?<!문의해)"
            r"(?<=[어아여해려라겨켜껴러])\s?(?:봤|보니)"
        ),
    ),
    (
        _UNSENT,
        frozenset("준출발배조제아"),
        re.compile(
            r"준비\s?중|(?:출고|발송|배송|출발|조리|제작|준비)(?:가|를|이)?\s?(?:시작되기|시작하기|하기|되기)?\s?전|아직 (?:안 보|출고 안|발송 안)"
            r"|출고\s?전날"
        ),
    ),
    (
        _SENT,
        frozenset("송출발조준"),
        re.compile(
            r"송장[^.!?\n]{0,8}(?:떴|나왔|등록|번호가)|배송\s?중|(?:출고|발송|출발)(?:가|이)?\s?(?:됐|되었|했|된|한)\s?|(?:출고|발송|조리|준비)(?:가|이)?\s?(?:시작된)?\s?(?:후|뒤)"
            r"|(?:조리|준비)(?:가|이)? 시작된|벌써 (?:출고|발송|출발)"
        ),
    ),
)

_OTHER_SIDE = {_UNOPENED: _OPENED, _OPENED: _UNOPENED, _UNSENT: _SENT, _SENT: _UNSENT}
STATES = frozenset(_OTHER_SIDE)
_WHATEVER = re.compile(r"(?:하|되)셨더라도|여부|관계\s?없이|상관\s?없이")

_BY_START: dict[str, list[tuple[str, str]]] = defaultdict(list)
for _thing, _stems in _THINGS.items():
    for _stem in _stems.split("|"):
        _BY_START[_stem[:2]].append((_stem, f"#{_thing}"))
_SHAPED = tuple(
    (f"#{thing}", frozenset(shown), re.compile(shape)) for thing, (shown, shape) in _SHAPES.items()
)

Found = tuple[tuple[str, int, int], ...]
"""Things and where the words for them stand."""


@lru_cache(maxsize=512)
def things_in(text: str) -> Found:
    """Find what lower-case ``text`` speaks of, in order of the text."""
    found = [
        (thing, at, at + len(stem))
        for at, start in enumerate(map(add, text, text[1:]))
        if start in _BY_START
        for stem, thing in _BY_START[start]
        if text.startswith(stem, at)
    ]
    characters = set(text)
    found += [
        (thing, match.start(), match.end())
        for thing, shown, shape in _SHAPED
        if not shown.isdisjoint(characters)
        for match in shape.finditer(text)
    ]
    return tuple(found)


@lru_cache(maxsize=512)
def states_in(text: str) -> frozenset[str]:
    """Give the states that ``text`` tells of; nothing of one it names both sides of."""
    characters = set(text)
    told = set()
    for state, shown, shape in _STATES:
        if not shown.isdisjoint(characters) and shape.search(text):
            told.add(state)
            # "안 열어 봤어요" does not tell as well of what was tried.
            text = shape.sub(" ", text) if state == _UNOPENED else text
    if told and _WHATEVER.search(text):
        return frozenset()
    return one_sided(told)


def one_sided(told: Collection[str]) -> frozenset[str]:
    """Give the states among pieces of which the other side is not there as well."""
    return frozenset(state for state in STATES.intersection(told) if _OTHER_SIDE[state] not in told)


def contradicts(told: frozenset[str], states: frozenset[str]) -> bool:
    """Tell whether one text tells of the other side of a state than another."""
    return any(_OTHER_SIDE[state] in told for state in states)


_COUNTS = {"하루": 1, "이틀": 2, "사흘": 3, "나흘": 4, "열흘": 10, "보름": 15}
_NUMERALS = {"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6}
_UNITS = {"일": 1, "주일": 7, "주": 7, "달": 30, "개월": 30, "년": 365}
_PERIOD = r"(?P<count>\d+|한|두|세|네|다섯|여섯)\s?(?P<unit>일|주일|주|달|개월|년)|(?P<word>하루|이틀|사흘|나흘|열흘|보름|일주일)"
_ELAPSED = re.compile(
    rf"(?:산|받은|구입한|구매한|쓴|사용한|도착한|배송받은)\s?지\s?(?:벌써|이제|겨우|한)?\s?(?:{_PERIOD})"
)
_LIMIT = re.compile(
    rf"(?:구입|구매|받으|받은|사신|도착)[가-힣 ]{{0,8}}?(?:{_PERIOD})\s?(?:안|이내|동안)"
)


def _days(match: re.Match[str]) -> float:
    if word := match["word"]:
        return 7 if word == "일주일" else _COUNTS[word]
    count = match["count"]
    return float(_NUMERALS.get(count) or count) * _UNITS[match["unit"]]


@lru_cache(maxsize=512)
def days_passed(text: str) -> float:
    """Give how long ago somebody says to have bought or received the goods; 0 where they do not."""
    return max((_days(match) for match in _ELAPSED.finditer(text)), default=0.0)


@lru_cache(maxsize=4096)
def days_allowed(clause: str) -> float:
    """Give for how long after buying or receiving a clause holds, in days; 0 where it has no end."""
    match = _LIMIT.search(clause)
    return _days(match) if match else 0.0


_WITH_BOX = tuple(
    re.compile(rf"(?:(?:포장|박스|상자|비닐|봉지|용기)[을를도이가은는]?\s)?(?:{shape.pattern})")
    for _, _, shape in _STATES
)


def without_states(text: str) -> str:
    """Blank the words that tell of a state; what is left says what else a condition asks for."""
    for shape in _WITH_BOX:
        text = shape.sub(lambda match: " " * len(match[0]), text)
    return text
