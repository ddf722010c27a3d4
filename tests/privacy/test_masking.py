"""Masking: what is measured, what is promised, and what hostile texts do."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import masking
from privacy.findings import REPLACEMENTS, PersonalDataKind
from privacy.masking import find, mask, mask_author

CASES = Path(__file__).parent / "data" / "pii_cases.tsv"
CONTACTS = ("1522-0000", "https://example.com/help", "help@saebyeok.example")
STATED_RECALL = {"dev": 1.0, "held_out": 0.98}
"""As in docs/privacy.md; the tests allow two points less."""
MARGIN = 0.02


class Case(NamedTuple):
    half: str
    text: str
    spans: tuple[tuple[str, int, int], ...]


def read_cases() -> list[Case]:
    with CASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Case(row["half"], row["text"], spans_of(row)) for row in rows]


def spans_of(row: dict[str, str]) -> tuple[tuple[str, int, int], ...]:
    spans = []
    position = 0
    if row["kinds"]:
        for kind, value in zip(row["kinds"].split("|"), row["spans"].split("|"), strict=True):
            start = row["text"].index(value, position)
            position = start + len(value)
            spans.append((kind, start, position))
    return tuple(spans)


ALL_CASES = read_cases()


def covered(case: Case, start: int, end: int) -> bool:
    """Every letter and digit of the span is masked."""
    masked = {
        place
        for finding in find(case.text, CONTACTS)
        for place in range(finding.span.start, finding.span.end)
    }
    return all(place in masked for place in range(start, end) if case.text[place].isalnum())


def test_the_test_set_is_large_enough() -> None:
    counted = Counter((case.half, bool(case.spans)) for case in ALL_CASES)
    assert sum(counted[half, True] for half in STATED_RECALL) >= 150
    assert sum(counted[half, False] for half in STATED_RECALL) >= 150
    assert min(counted.values()) >= 75


@pytest.mark.parametrize("half", STATED_RECALL)
def test_recall_is_what_the_document_states(half: str) -> None:
    spans = [(case, span) for case in ALL_CASES if case.half == half for span in case.spans]
    missed = [case.text[s:e] for case, (_, s, e) in spans if not covered(case, s, e)]
    assert 1 - len(missed) / len(spans) >= STATED_RECALL[half] - MARGIN, missed


@pytest.mark.parametrize("half", STATED_RECALL)
def test_texts_without_personal_data_stay_as_they_are(half: str) -> None:
    texts = [case.text for case in ALL_CASES if case.half == half and not case.spans]
    changed = [mask(text, allow=CONTACTS).text for text in texts]
    assert sum(a != b for a, b in zip(texts, changed, strict=True)) <= 1


@pytest.mark.parametrize("case", [case for case in ALL_CASES if case.half == "dev"], ids=str)
def test_dev_findings_have_the_right_kind(case: Case) -> None:
    found = find(case.text, CONTACTS)
    for kind, start, end in case.spans:
        kinds = {f.kind.value for f in found if f.span.start < end and start < f.span.end}
        assert kind in kinds


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.text[:20])
def test_masking_twice_is_masking_once(case: Case) -> None:
    once = mask(case.text, allow=CONTACTS)
    assert mask(once.text, allow=CONTACTS).found == ()
    assert mask(once.text).text == mask(mask(once.text).text).text


def test_a_masked_text_reads_naturally() -> None:
    masked = mask("안녕하세요 김민수입니다. 010-1234-5678로 전화 주세요. abc@naver.com도 됩니다.")
    assert masked.text == "안녕하세요 [이름]입니다. [전화번호]로 전화 주세요. [이메일]도 됩니다."
    assert [finding.kind for finding in masked.found] == [
        PersonalDataKind.NAME,
        PersonalDataKind.PHONE,
        PersonalDataKind.EMAIL,
    ]


def test_findings_point_into_the_original() -> None:
    text = "번호는 0\u200b1\u200b0-1234\u200b-56\ufeff78 입니다"
    (finding,) = find(text)
    assert text[finding.span.start] == "0"
    assert mask(text).text == "번호는 [전화번호] 입니다"


@pytest.mark.parametrize(
    "hidden",
    [
        "«공1공-4321-8765» 문자 부탁드려요",
        "«010 다시 4321 다시 8765» 로 주세요",
        "«공일공에 사삼이일에 팔칠육오»입니다",
        "받는분: «최 민 호»",
        "주문자명 : «강 동원»",
        "상담해 주신 «김 민 수» 님",
        "«남궁 민재»씨 앞으로 보냈대요",
        "저는 «권시우»라고 해요",
        "«양세찬» 명의로 입금했어요",
        "«전소민» 앞으로 온 택배가 없어졌어요",
        "상담사 «구본승» 님 추천합니다",
        "아까 통화한 «민경훈»입니다",
        "봉투에 «노윤서» 귀하 라고 써주세요",
        "«박지훈» «김서연»씨께 감사드려요",
        "«hong77 앳 gmail.com»",
        "주민번호 뒷자리 «1234567» 이요",
        "카드번호 «5327123456789012» 결제가 두 번 됐어요",
        "계좌번호는 우리 «1002 123 456789»",
        "하나은행 «123 456789 01234»",
        "«역삼동 823-24»로 보내주세요",
        "«힐스테이트 103-1502» 입니다",
        "출입문 «2580#» 누르고 들어오세요",
        "현관키 «1234» 예요",
        "공동현관 출입번호는 «1023호출4321»",
        "«123가 4567» 차량이에요",
        "생년월일 앞자리 «900115»",
        "라인 id: «kim_ls»",
        "ID는 «minho77»",
    ],
)
def test_ways_of_writing_found_missing_later(hidden: str) -> None:
    text = hidden.replace("«", "").replace("»", "")
    masked = {
        text[place]
        for finding in find(text)
        for place in range(finding.span.start, finding.span.end)
    }
    left = mask(text).text
    for part in re.findall("«(.*?)»", hidden):
        assert part not in left, left
        assert {char for char in part if char.isalnum()} <= masked
    kept = re.sub("«.*?»", "\0", hidden).split("\0")
    assert all(words in left for words in kept)


@pytest.mark.parametrize(
    "text",
    [
        "우리나라 국정원직원 이야기",
        "1위가 7번지의 선물",
        "이런 영화가 나오지 앞으로는 못 봐요",
        "강심장 앞으로 더 빛날 거예요",
        "이름의 기원이 된 영화",
        "설정도 과장된 부분이 많아요",
        "릴레이시사회로 1~2편을 봤어요",
        "원본이에요?",
        "운동 300-500 칼로리",
        "출입문 900 폭이 안 맞아요",
        "기업은행 2025 01 15 입금했어요",
        "내공1000000000단",
        "고아원 원장 역",
    ],
)
def test_words_found_masked_later_stay(text: str) -> None:
    assert mask(text).text == text


def test_a_word_before_a_name_is_no_name_of_its_own() -> None:
    text = mask("완벽하게 소화한 조인성씨, 특히 우주랑 박철민씨도요. 마동한 이보희씨").text
    assert text == "완벽하게 소화한 [이름]씨, 특히 우주랑 [이름]씨도요. 마동한 [이름]씨"
    assert mask(text).text == text


@pytest.mark.parametrize(
    "number",
    [
        "０１０−１２３４−５６７８",
        "010–1234—5678",
        "①②③ 010ㅡ1234ㅡ5678",
        "0️⃣1️⃣0️⃣ 1234 5678",
        "𝟎𝟏𝟎-𝟏𝟐𝟑𝟒-𝟓𝟔𝟕𝟖",
        "010\u00a01234\u30005678",
        "010\u28001234\u28005678",
        "010\x7f-1234-5\U000e0041678",
        "0\u03361\u03360\u0336 1234 5678",
        "영일영 1234 오육칠팔",
        "+1 (415) 555-2671",
        "+81-3-1234-5678",
        "82-10-1234-5678",
        "82 10 1234 5678",
        "821012345678",
        "0082-10-1234-5678",
        "0082 010 1234 5678",
    ],
)
def test_disguised_phone_numbers_are_found(number: str) -> None:
    assert "[전화번호]" in mask(f"연락은 {number} 로요").text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("tel010-1234-5678", "tel[전화번호]"),
        ("TEL01012345678", "TEL[전화번호]"),
        ("HP010-1234-5678", "HP[전화번호]"),
        ("phone010-1234-5678", "phone[전화번호]"),
        ("휴대폰번호 10-1234-5678", "휴대폰번호 [전화번호]"),
        ("연락처: 10 1234 5678", "연락처: [전화번호]"),
        ("SM010-1234-5678", "SM010-1234-5678"),
        ("크기는 10-1234-5678 이에요", "크기는 10-1234-5678 이에요"),
        ("182-10-1234-5678", "182-10-1234-5678"),
        ("82-10-12345", "82-10-12345"),
    ],
)
def test_a_word_for_telephone_may_touch_the_number(text: str, masked: str) -> None:
    assert mask(text).text == masked


def test_decomposed_hangul_is_read_as_composed() -> None:
    text = unicodedata.normalize("NFD", "주문자 최유진입니다 확인 부탁드려요")
    masked = mask(text).text
    assert unicodedata.normalize("NFC", masked) == "주문자 [이름]입니다 확인 부탁드려요"


def test_an_address_of_every_home_is_nobodys() -> None:
    for text in ("192.168.10.1 접속 불가", "172.16.20.1 공유기", "127.0.10.11", "10.10.20.30"):
        assert mask(text).text == text


def test_a_word_behind_a_label_is_no_name_with_a_blank() -> None:
    for text in ("수령인: 이 주소로 보내 주세요", "예금주: 이 전화로 물어보세요"):
        assert mask(text).text == text
    assert "강동원" not in mask("주문자: 강 동원. 기사님이 강동원 찾더래요").text


def test_a_name_found_once_is_masked_everywhere() -> None:
    masked = mask("수령인: 박서준 / 어제도 박서준으로 물어봤어요. 박서준 맞다니까요").text
    assert "박서준" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "저는 임신중인데요 먹어도 되나요?",
        "제주도입니다. 제주도 추가 배송비가 얼마인가요",
        "소고기인데요 소고기가 상해서 왔어요",
        "안녕하세요 강남구인데요 오늘 받을 수 있나요",
        "저는 남양주입니다",
        "고추장인데요 뚜껑이 열려 있었어요",
        "공기계인데요 개통되나요",
        "저는 한의원이에요 대량 주문하려고요",
        "받는 사람 주소가 틀려요",
        "당첨자 선정은 언제 하나요",
        "당첨자 공지가 없어요",
        "받는 사람 이름 기재가 잘못됐어요",
        "이름 표기가 틀렸어요",
        "임신한 고객도 먹을 수 있나요",
        "유정란 고객 후기를 보고 샀어요",
        "제조원 직원이 답해 주셨어요",
        "주방장님이 친절하세요",
        "설치한 기사님이 꼼꼼해요",
        "노련한 기사님과 정중한 상담원",
        "소중한 고객이라더니",
        "같은 곳으로 세 번 오배송 기사님도 같은 분",
        "설치 기사 방문일 다음 주 목요일",
        "다른 회원 주문서가 보여요",
        "앱 지도상 기사님은 옆 동네",
        "주문받는 분 표정이 싸늘해요",
        "고구마씨앗 심었는데 안 나요",
        "이상한 씨지만 싹은 텄어요",
        "우연이 씨실과 날실처럼",
    ],
)
def test_an_ordinary_word_is_no_name(text: str) -> None:
    assert mask(text).text == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("저는 김민수인데요", "김민수"),
        ("받는 사람 박지은", "박지은"),
        ("수령인 박준하 맞나요", "박준하"),
        ("이도연 고객님", "이도연"),
        ("저는 이민구입니다", "이민구"),
        ("안녕하세요 김형도인데요", "김형도"),
        ("당첨자 이지해입니다", "이지해"),
        ("이름이 최진만이에요", "최진만"),
        ("최정은 직원이 도와줬어요", "최정은"),
        ("기사님 성함이 박철수였어요", "박철수"),
        ("담당자 이름이 김하늘이었는데", "김하늘"),
        ("김민수씨에게 전해 주세요", "김민수"),
        ("옆집 김민수씨랑 바뀐 듯", "김민수"),
        ("최지우 씨한테 보낸 거예요", "최지우"),
        ("박서준씨집으로 갔네요", "박서준"),
    ],
)
def test_a_name_that_ends_like_a_particle_or_a_place_is_a_name(text: str, name: str) -> None:
    assert mask(text).text == text.replace(name, "[이름]")


@pytest.mark.parametrize(
    "written",
    ["1522-0000", "15220000", "1522 0000", "(1522) 0000", "(1522)0000", "１５２２-００００"],
)
def test_a_registered_contact_stays_however_it_is_written(written: str) -> None:
    text = f"고객센터 {written} 연결이 안 돼요"
    assert mask(text, allow=CONTACTS).text == text
    assert mask(text).text == "고객센터 [전화번호] 연결이 안 돼요"


def test_allowing_one_number_allows_no_other() -> None:
    assert find("1522-00001 말고 1522-0001", ("1522-0000",)) != ()
    assert mask("xhelp@saebyeok.example", allow=CONTACTS).text == "[이메일]"
    assert mask("help@saebyeok.example.kr", allow=CONTACTS).text == "[이메일]"


def test_an_empty_contact_allows_nothing() -> None:
    assert mask("010-1234-5678", allow=("", " ", "-")).text == "[전화번호]"


def test_a_bar_code_is_no_resident_number_unless_the_text_says_so() -> None:
    assert find("바코드 8801234567893") == ()
    (finding,) = find("주민번호 8801234567893")
    assert finding.kind is PersonalDataKind.RESIDENT_NUMBER


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("김철수(010-1234-5678)에게 주세요", "[이름]([전화번호])에게 주세요"),
        ("김철수010-1234-5678", "[이름][전화번호]"),
        ("(02)123-4567 김철수", "[전화번호] [이름]"),
        ("번호는 0 1 0 - 1 2 3 4 - 5 6 7 8", "번호는 [전화번호]"),
        ("85.01.01생 여자", "[생년월일]생 여자"),
        ("1985-01-01생", "[생년월일]생"),
        ("850101생입니다", "[생년월일]생입니다"),
        ("개인통관고유부호 P 1234 5678 9012", "개인통관고유부호 [신분번호]"),
        ("통관부호는 P1234-5678-9012", "통관부호는 [신분번호]"),
    ],
)
def test_what_customers_write_in_their_own_way_is_found(text: str, masked: str) -> None:
    assert mask(text).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "두 개 하나 12000-13000원에 샀어요",
        "우리 100000-200000원대 제품",
        "쿠폰 P1234-5678-9012",
        "0 1 2 3 4 5 6 7 8 9 10 단계",
        "25.11.01생산 제품",
    ],
)
def test_prices_and_codes_are_nobodys(text: str) -> None:
    assert mask(text).text == text


def test_a_range_of_dates_is_no_order_number() -> None:
    assert find("20260101-20260131 기간에 샀어요") == ()


@pytest.mark.parametrize(
    "reply",
    [
        "안녕하세요 고객님, 새벽나무입니다. 불편을 드려 죄송합니다.",
        "교환은 수령 후 7일 이내에 1522-0000(평일 09:00-18:00, 점심 12:00~13:00)으로 알려 주세요.",
        "왕복 배송비 6,000원은 저희가 부담하며, 영업일 기준 2~3일 안에 회수합니다.",
        "2026년 1월 20일(화)까지 재입고될 예정입니다. 자세한 안내: https://example.com/help",
        "문의는 help@saebyeok.example 로 보내 주시면 담당자가 확인 후 연락드리겠습니다.",
        "소중한 의견 감사합니다. 새벽나무 고객지원팀 드림",
        "수령인 변경은 고객센터(1522-0000)로 연락 주세요.",
        "당첨자 명단은 홈페이지에서 안내드립니다.",
        "추가 배송비가 드는 곳은 다음과 같습니다: 제주도입니다.",
    ],
)
def test_a_reply_with_registered_contacts_has_no_findings(reply: str) -> None:
    assert find(reply, CONTACTS) == ()


def test_a_reply_that_leaks_is_found() -> None:
    found = find("김민수 고객님, 010-1234-5678로 전화드리겠습니다.", CONTACTS)
    assert [f.kind for f in found] == [PersonalDataKind.NAME, PersonalDataKind.PHONE]


def test_customer_written_replacements_are_plain_text() -> None:
    text = "[이름]님 [전화번호] [개인정보]"
    assert mask(text).text == text


def test_a_text_that_never_settles_is_hidden_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_MOST_PASSES", 1)
    assert mask("010-1234-5678 좋아요").text == "[개인정보]"


def test_every_kind_has_its_own_replacement() -> None:
    assert set(REPLACEMENTS) == set(PersonalDataKind)
    assert len(set(REPLACEMENTS.values())) == len(REPLACEMENTS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "\ud800 010-1234-5678\udfff",
        "\0" * 50 + "a@b.co.kr",
        "\ufffc" * 10,
        "[",
        "🙂" * 30,
    ],
)
def test_odd_texts_survive(text: str) -> None:
    masked = mask(text)
    assert "010-1234" not in masked.text
    assert "a@b" not in masked.text
    assert mask(masked.text).text == masked.text


PIECES = st.sampled_from(
    [
        "010-1234-5678", "01012345678", "abc@naver.com", "김민수", "이서연", "입니다", "님", "씨 ", " ",
        "주문번호", "20260101-0000123", "계좌", "국민은행 ", "이름: ", "받는 사람 ", "서울 강남구 ",
        "테헤란로 152", "101동 1203호", "302호", "비번 ", "1234", "#", "@", "-", ".", "\n", "[이름]", "[",
        "]", "\u200b", "0", "1", "공일공", "김", "로", "카톡 ", "생일 ", "900101", "\ufffc", "골뱅이", "+82 ",
        "에서 ", "이름으로", "8801234567893", "행복빌라 ", "번지", "(at)", "드림", "ㅡ", "０", "한", "4111",
        "\ufffb", "주민번호 ", "카드번호", "5327123456789012", "출입문 ", "호출", "다시", "에", "공", "ID ", "kim_1",
        " 차량", "12가", "역삼동 ", "823-24", "자이 ", "103-1502", "명의로", "앞으로 보내", "귀하", ",", "/",
    ]
)  # fmt: skip


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_masking_is_idempotent_for_any_mixture(text: str) -> None:
    once = mask(text).text
    assert mask(once).found == ()


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join), st.text(max_size=10))
def test_findings_never_overlap_and_stay_inside(text: str, tail: str) -> None:
    whole = text + tail
    position = 0
    for finding in find(whole, CONTACTS):
        assert position <= finding.span.start < finding.span.end <= len(whole)
        position = finding.span.end


@pytest.mark.parametrize(
    "unit",
    [
        "a", "1", "1-", "0", "010-1234-5678 ", "010-", "김민수입니다 ", "김", "@", "a@", "a.", "가로 1",
        "서울 강남구 ", "주문번호", "주문번호 A", "받는 사람 ", "국민은행 ", "1234-", "[이름]", "[", "\u200b0",
        "이름: 김이박 ", "비번 ", "카톡 a", "101동", "공일공", "1.", "+1 ", "테헤란로 ", "김김", "길길",
        "산", "가시 ", "가구 나동 1", "Aa1-", "\ud800", "\u1100\u1161", "302호 행복빌라 ",
    ],
)  # fmt: skip
def test_long_hostile_texts_come_to_an_end(unit: str) -> None:
    # Work that grew with the square of the length would run into the suite's time-out.
    text = (unit * 200_000)[:200_000]
    assert mask(text).text != ""


def test_a_megabyte_is_masked_whole() -> None:
    review = "수령인: 김민수, 010-1234-5678, 서울 강남구 테헤란로 152 3층. 배송이 늦어요 ㅠㅠ "
    text = review * (1_000_000 // len(review.encode()))
    masked = mask(text).text
    assert "010-1234" not in masked
    assert masked.count("배송이 늦어요") == text.count("배송이 늦어요")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("홍길동", "홍*동"),
        ("김별", "김*"),
        ("남궁민수", "남**수"),
        ("김", "*"),
        ("", ""),
        ("  ", ""),
        ("honggildong", "ho***"),
        ("abc", "ab***"),
        ("ab", "ab***"),
        ("a", "a***"),
        ("naver-12****", "na***"),
        ("홍*동", "홍*동"),
        ("행복한고양이네", "행복***"),
        ("01012345678", "01***"),
        ("John Smith", "Jo***"),
        ("\ud800x", "\ud800x***"),
    ],
)
def test_authors_are_shortened(name: str, shown: str) -> None:
    assert mask_author(name) == shown


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(max_size=12) | st.text(alphabet="김이*a ", max_size=8))
def test_shortening_twice_is_shortening_once(name: str) -> None:
    assert mask_author(mask_author(name)) == mask_author(name)
