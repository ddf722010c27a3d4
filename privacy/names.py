"""Rules for names of people.

A Korean name is a surname and one or two syllables, and so are thousands of ordinary words.
Hence a name is believed only where the sentence introduces one (받는 사람 ..., ...입니다,
...님, ... 드림) and, where the introduction is weak, only when both given syllables are ones
that parents choose and the word is not in the dictionary of exceptions.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from privacy.folding import BARRIER, NAMED

if TYPE_CHECKING:
    from collections.abc import Iterator

_SURNAME = (
    "[김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진나지엄"
    "채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용봉사부복태피두감빈]"
)
_COMMON_SURNAME = (
    "[김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진나지엄"
    "채원천방공현함변염추도소석선설마길연위표명기반왕금옥육인맹제모탁국]"
)
_TWO_SYLLABLE_SURNAME = "(?:남궁|황보|제갈|사공|선우|서문|독고|동방)"
_GIVEN = (
    "가갑강건걸겸경계고곤관광교구국권규균근금기길나남노누늘능다단달담대덕도돈동두라란람랑래량려"
    "련렬령로록뢰룡루륜률름리린림마만명모목묘무문미민방배백범벽별병보복본봄봉빈빛산상새샘서석선설"
    "섬섭성세소솔솜송수숙순슬승시식신실심아안애양언여연열엽영예오옥온완용우욱운웅원월위유윤율은"
    "을응의이익인일임자장재정제조존종주준중지진찬창채천철청초추춘충치태택평표필하학한해향헌혁현"
    "형혜호홍화환회효후훈휘휴흠흥희힘"
)
# Words that pass the syllable test; found by running the rules over public reviews.
_EXCEPTIONS = """
강남구 강동구 강서구 강심장 강아지 강원도 강인한 강추해 강해서 강화도 고객님 고구려 고구마 고기가 고기도 고마운 고민중 고민한 고상한 고소한
고아원 고양이 고유한 고장은 고장이 고지서 고추장 공기계 공기청 공무원 공실이 공유기 공유한 공유해 공장이 공장장 공정한 공지한 구수한 구원자
구하기 국방위 국정원 금정구 금천구 기계용 기능도 기능은 기능이 기다려 기다린 기다림 기대한 기록상 기만하 기본도 기본만 기본은 기본이 기본인
기사님 기원이 기원인 기자나 기재하 기재한 기재해 기준은 기준이 김가루 김목수 김치도 나가도 나가서 나보다 나아진 나오기 나오라 나오지 나이대
남기기 남기지 남나라 남보다 남성용 남양주 남은건 남자다 남자대 남자아 남자애 남자용 남주인 남해도 노동자 노래도 노래솜 노련한 노원구 노인용
노회장 도도한 도라지 도배한 도봉구 도서관 도우미 도자기 마누라 명단도 명단만 명단은 명단이 명란은 명랑한 명백한 명세서 명의도 명의만 명의상
명의자 모기장 모두가 모자라 모자란 모자람 모호한 문방구 문의 문의건 문의자 문의하 문의한 문의해 문자만 문제나 문제아 문화재 박식한 반가운
반송지 반찬은 반찬이 방대한 방문은 방문일 방문하 방문한 방문해 방송국 방송도 방송인 방수용 방향제 배달원 배달은 배달이 배달한 배달해 배려한
배송건 배송도 배송은 배송이 배송일 배송지 배우란 배우만 배우자 배웅한 배이상 배정한 백령도 변경도 변경만 변경은 변경이 변경하 변경한 변경해
변심한 부재 사장님 서대문 서리한 서명이 서양인 서운한 서초구 서초동 석모도 석자만 선량한 선생님 선유도 선정은 선정이 선택은 선택한 설계한
설명도 설명상 설명서 설명은 설명이 설명한 설명해 설치도 설치일 설치한 설치해 성관계 성능은 성능이 성동구 성명은 성명이 성별은 성별이 성산구
성수동 성숙한 성실한 성우가 성의가 성인용 성인이 소고기 소나기 소리도 소리만 소모임 소방관 소방서 소설가 소소한 소시도 소심한 소재지 소중한
소화한 송장만 송장은 송장이 신고한 신고해 신기한 신도림 신선도 신선란 신선한 신세계 신중한 신청서 신청은 신청이 신청자 신청하 신청한 신청해
심심한 심하지 심한건 심해서 안경원 안보임 안심하 안주인 양고기 양산은 양상추 양심상 양심이 양천구 양호실 엄마랑 연구소 연구원 연구자 연기도
연기자 연기한 연락처 연령은 연령이 연수구 연예인 연장은 연제구 연평도 오로지 오리지 오만한 오미자 오배송 오이지 왕만두 왕새우 우리가 우리나
우리도 우리만 우리은 우산은 우수한 우수회 우승자 우아한 우유만 우유병 우주랑 원본도 원본만 원본은 원본이 원본인 원산지 원장이 위대한 위로한
위로해 위원장 위치도 위치상 위하여 위해서 유능한 유리병 유명인 유명한 유산균 유아용 유익한 유일한 유정란 유치원 유치한 유학원 유한한 이건도
이동한 이래도 이래서 이름도 이름만 이름은 이름이 이름표 이만한 이메일 이미지 이상하 이상한 이상해 이상형 이성인 이수자 이시대 이영화 이용자
이용중 이용한 이원중 이유가 이유식 이정도 이중성 이지만 이태리 이해한 이화가 인상이 인성이 인수한 인원도 인원은 인원이 인자강 인자한 인정미
인정한 인정해 임신이 임신중 임신한 장난인 장소도 장소만 장안구 장애인 장조림 전기장 전담자 전동기 전라도 전문가 전보다 전신주 전이라 전자기
전화 전화가 전화기 전화도 전화만 전화인 전화하 전화한 전화해 정가제 정기권 정도라 정리한 정리해 정보가 정보도 정보만 정상가 정상인 정성이
정수기 정식인 정신이 정중한 정치인 정해진 제가본 제보한 제본도 제본은 제본이 제본한 제본해 제이름 제자랑 제자진 제조원 제조일 제주도 제한은
제한이 조건은 조건이 조금은 조리원 조리장 조리한 조선인 조용한 조율한 조회하 조회해 주관대 주만지 주문 주문건 주문도 주문만 주문서 주문은
주문이 주문자 주문중 주문하 주문한 주문해 주방용 주방일 주방장 주소 주소도 주소만 주소지 주연이 주연인 주연한 주유소 주의한 주인만 주인은
주인이 주인인 주인장 지금도 지금은 지나도 지나서 지대한 지도상 지루한 지린다 지상주 지은건 지인이 지정일 지정한 지하상 지하수 지하주 지하철
지휘자 진단서 진미채 진상이 진실한 진정한 진중한 진지한 진해서 차가운 차라리 차량용 차량은 차량이 차예선 차이가 차장만 최소한 최신형 추가하
추가한 추가해 추기경 추모제 추천은 추천한 추천해 표기상 표기하 표기한 표본은 표본이 표시한 표시해 표정이 표현대 표현은 하구만 하나도 하나라
하나만 하나인 하다가 하루도 하루만 하루종 하수구 하지만 한가위 한국연 한국유 한국인 한남충 한동안 한라봉 한명인 한산한 한심한 한의원 허구나
현관문 현관은 현관이 현대인 현시대 현실이 현재도 확인 황해도
"""
_WORDS = frozenset(_EXCEPTIONS.split())
_JOBS = frozenset({"대표", "장관", "배우", "실장", "감독", "국장", "기자", "교수", "원장", "소장"})

_NAME = rf"(?:{_TWO_SYLLABLE_SURNAME}[가-힣]{{1,2}}|{_SURNAME}[가-힣]{{2}}|{_SURNAME}[가-힣])"
# No given name ends in 가 or another of these particles: 주소가, 문의로.
_LIKELY = (
    rf"(?:{_TWO_SYLLABLE_SURNAME}[{_GIVEN}]{{1,2}}"
    rf"|{_COMMON_SURNAME}(?![늘들을])[{_GIVEN}](?![가시로을의고누]|형님)[{_GIVEN}])"
)
# A blank behind the surname; alone it is more often a word (이 기간, 한 송이).
_PARTED = rf"(?:{_TWO_SYLLABLE_SURNAME}[ ][{_GIVEN}]{{1,2}}|{_COMMON_SURNAME}[ ][{_GIVEN}]{{2}})"
_NOT_WITHIN = r"(?<![가-힣A-Za-z])"
_IS = r"(?:입니|이에요|이예요|예요|에요|인데|이고|이구|이라고|라고|이라는|이며|이요|여요|였|이었|임(?![가-힣]))"
_JOSA = (
    r"(?:으로|로|에서|에게|한테|께서|께|이[ ,]|가[ ,]|은[ ,]|는[ ,]|을[ ,]|를[ ,]|의[ ]|이가|이는)"
)
# Right behind a name anything may follow 씨, but what makes another word of it; after a space only
# a particle.
_HONORIFIC = (
    r"(?:[ ]?님|씨(?!앗|네|나리|리즈|발|받|실)"
    r"|[ ]씨(?=[가는은를도와의께한만랑]|에게|처럼|때문|보다|까지|부터|[^가-힣]|$))"
)
_TITLE = (
    r"[ ]?(?:고객|회원|과장(?![된되됨됐했하해스])|대리|팀장|실장|부장|차장|점장|매니저|기사|상담사|상담원|직원|쌤|선생|원장"
    r"|약사|간호사|어린이|학생|드림(?![가-힣])|올림(?![가-힣])|배상(?![가-힣])|귀하(?![가-힣]))"
)
_TAIL = rf"(?={_IS}|{_JOSA}|{_HONORIFIC}|{_TITLE}|[ ]?신데|(?![가-힣A-Za-z]))"

_ASKED = r"이름표?|성함|성명"
_ROLE = (
    r"주문자|수령인|수령자|수취인|받는[ ]?(?:사람|분)|받으시는[ ]?분|받으실[ ]?분|보내는[ ]?(?:사람|분)"
    r"|예금주|입금자|송금인|구매자|신청인|신청자|예약자|문의자|작성자|당첨자|보호자|환자"
)
_STAFF = (
    r"담당자?|상담원|상담사|상담직원|매니저|점장|직원분?|기사|배달원|판매원|팀장|실장|과장|대리"
    r"|고객|회원|학생|본인"
)
_CALLED = r"(?:명|[ ]?이름|[ ]?성함)?"
_PARTICLE = r"(?:[은는이가을를]|에|란에)?(?:[ ]{1,2}|[ ]?[:=\-,(][ ]?)(?:[가-힣]{1,3}[은는][ ])?"
_SAID = (
    r"(?:입니다|입니당|인데요|이에요|이예요|예요|에요|이?라고[ ]?(?:합|해요|하는데)|이고요|이구요)"
)

_STRONG = re.compile(
    rf"(?:(?:{_ASKED}|{_ROLE}){_CALLED}[ ]{{0,2}}[:=]|(?:주문자|입금자|예약자|고객|회원)명)"
    rf"[ ]{{0,2}}(?P<name>{_SURNAME}[ ][가-힣][ ][가-힣](?![가-힣])|{_PARTED}|{_NAME}){_TAIL}"
)
_INTRODUCED = re.compile(rf"(?:{_ASKED}|{_ROLE}){_CALLED}{_PARTICLE}(?P<name>{_LIKELY}){_TAIL}")
# A word before a name ends like this more often than a name does: 소화한 조인성씨, 우주랑 박철민씨.
_NO_NOUN = "(?<![가만은이랑도하한해게건다인])"
# After 고객 or 직원 anything may follow, so the name itself must not end like a noun's particle.
_STAFFED = re.compile(
    rf"(?:{_STAFF}){_CALLED}{_PARTICLE}(?P<name>{_LIKELY})"
    rf"(?={_IS}|{_HONORIFIC}|{_TITLE}|(?<![가만은이랑도하한해게])(?:{_JOSA}|(?![가-힣A-Za-z])))"
)
# What is sent goes to somebody; otherwise 앞으로 means "from now on".
_TO = (
    r"앞으로(?=요|[ ]?(?:보내|보낸|온|왔|오는|올[ ]|도착|배송|발송|주문|택배|등기|소포|선물|결제|발행|영수증"
    r"|세금|계산서|접수|신청|예약|등록|변경|바꿔|수정|부탁|해[ ]?주|되어|돼|된[ ]))"
)
_ADDRESSED = re.compile(
    rf"{_NOT_WITHIN}(?P<name>{_LIKELY})(?:{_HONORIFIC}|{_TITLE}|[ ]?(?:이름으로|명의로|{_TO}))"
)
# 김 민 수 님, 남궁 민재씨: nothing else was written like this in public reviews.
_SPREAD = re.compile(
    rf"{_NOT_WITHIN}(?P<name>{_COMMON_SURNAME}[ ][{_GIVEN}][ ][{_GIVEN}]"
    rf"|{_TWO_SYLLABLE_SURNAME}[ ][{_GIVEN}]{{1,2}})(?:{_HONORIFIC}|[ ]씨(?![가-힣]))"
)
_SELF = re.compile(
    r"(?:^|[\n.!?,~^)\]ㅎㅋㅠㅜ*\-:;]|안녕하세요|(?<![가-힣])(?:저는|전|저|제가)|드린|드렸던|했던|(?:문의|통화|전화|주문|구매|신청|예약)한)"
    rf"[ ]{{0,3}}(?P<name>{_LIKELY})[ ]?{_SAID}",
    re.MULTILINE,
)
_EXCHANGED = re.compile(rf"{_NOT_WITHIN}(?P<name>{_LIKELY})에서[ ](?P<other>{_LIKELY})으?로")
_BESIDE = re.compile(
    rf"{BARRIER}[ ,/:(]{{0,3}}(?P<name>{_LIKELY}){_TAIL}"
    rf"|{_NOT_WITHIN}(?P<other>{_LIKELY})[ ,/:)(]{{0,3}}{BARRIER}"
    rf"|{NAMED}(?:[ ]?[,/][ ]?(?P<listed>{_LIKELY})|[ :(]{{0,3}}(?P<next>{_LIKELY}){_NO_NOUN}){_TAIL}"
    rf"|{_NOT_WITHIN}(?P<before>{_LIKELY})(?:[ ]?[,/][ ]?|{_NO_NOUN}[ :)(]{{0,3}}){NAMED}"
)
_NAME_WORDS = (
    "귀하", "님", "씨", "입니", "에요", "예요", "인데요", "라고", "이고요", "이구요", "이름", "성함", "성명",
    "주문자", "수령", "수취", "받는", "받으", "보내는", "예금주", "입금자", "송금인", "구매자", "신청",
    "예약자", "문의자", "작성자", "당첨자", "보호자", "환자", "고객", "회원", "학생", "상담", "매니저",
    "점장", "직원", "기사", "배달원", "판매원", "담당", "팀장", "실장", "과장", "대리", "본인", "쌤",
    "선생", "원장", "약사", "간호사", "드림", "올림", "배상", "명의", "앞으로", "부장", "차장", "어린이",
    BARRIER, NAMED,
)  # fmt: skip
_GATE = re.compile("|".join(_NAME_WORDS))
_ANY_LIKELY = re.compile(_LIKELY)


def names(text: str) -> Iterator[tuple[int, int]]:
    """Find names where the sentence introduces a person.

    A name found once is found everywhere in the text.
    """
    known: set[str] = set()
    for match in chain(_STRONG.finditer(text), _SPREAD.finditer(text)):
        # What stands behind a blank may be a word of its own: 수령인: 이 주소로.
        if match["name"].rpartition(" ")[2] not in _WORDS:
            known |= {match["name"], match["name"].replace(" ", "")}
            yield match.span("name")
    weak = (_INTRODUCED, _STAFFED, _ADDRESSED, _SELF, _EXCHANGED, _BESIDE)
    for pattern in weak if _ANY_LIKELY.search(text) else ():
        for match in pattern.finditer(text):
            for group, name in match.groupdict().items():
                if name and name not in _WORDS and name[1:] not in _JOBS:
                    known.add(name)
                    yield match.span(group)
    # Two syllables are part of too many other words.
    for length in {len(name) for name in known if len(name) > 2}:
        for start in range(len(text) - length + 1):
            if text[start : start + length] in known:
                yield start, start + length


def may_hold_name(text: str) -> bool:
    """Tell, cheaply, whether any rule for names could match."""
    return _GATE.search(text) is not None
