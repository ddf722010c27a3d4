"""A fake 11st, from section 3.1 of the channel reference.

The wording of refusals other than the window's is ours, and so are the fields of urgent notices
beyond ``emerNtceSeq`` and ``emerCtnt``; the reference has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from defusedxml.ElementTree import fromstring

from domain.brands import Account
from tests.fakes.marketplace import Asked, FakeMarketplace, Told

KST = ZoneInfo("Asia/Seoul")
KEY = "0123456789abcdef0123456789abcdef"
PRODUCT = 48073872
NAMESPACE = "http://skt.tmall.business.openapi.spring.service.client.domain/"


@dataclass
class _Question:
    number: int
    text: str
    at: datetime
    answer: str | None = None
    answered_at: datetime | None = None


class Elevenst(FakeMarketplace):
    """The product questions of one seller, and a list of urgent notices that stays empty.

    Attributes:
        notices: Rows of the urgent list, as XML.
    """

    channel = "elevenst"
    breakages = ("secret", "address", "permission", "quota")

    def __init__(self) -> None:
        super().__init__()
        self.notices = ""
        self._questions: dict[int, _Question] = {}
        self._last_number = 4_881_000
        self._broken = ""

    def account(self) -> Account:
        return Account(
            "brand",
            "elevenst",
            self.channel,
            credentials={"openapikey": KEY},
            options={
                "base_url": self.url,
                "surfaces": ["qna", "urgent"],
                "beyond_euckr": "reference",
            },
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        del surface
        self._last_number += 1
        self._questions[self._last_number] = _Question(self._last_number, text, written_at)
        return f"qna:{self._last_number}"

    def edit(self, native_id: str, text: str) -> None:
        self._of(native_id).text = text

    def delete(self, native_id: str) -> None:
        del self._questions[self._of(native_id).number]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        self._store(self._of(native_id), text)

    def stored_replies(self, native_id: str) -> list[str]:
        question = self._questions.get(int(native_id.partition(":")[2]))
        return [question.answer] if question and question.answer is not None else []

    def break_account(self, reason: str) -> None:
        self._broken = reason

    def error(self, status: int) -> Told:
        return _told(status, _result(status, "요청을 처리할 수 없습니다."))

    def answer(self, asked: Asked) -> Told:
        if refusal := self._refusal(asked):
            return refusal
        line = f"{asked.method} {asked.path}"
        start = r"/rest/prodqnaservices"
        if found := re.fullmatch(rf"GET {start}/prodqnalist/(\d{{8}})/(\d{{8}})/(0[012])", line):
            return self._list(found[1], found[2], found[3])
        if found := re.fullmatch(rf"PUT {start}/prodqnaanswer/(\d+)/(\d+)", line):
            return self._answer(asked, int(found[1]), int(found[2]))
        if found := re.fullmatch(r"GET /rest/alimi/getalimilist/(\d{8})/(\d{8})", line):
            return self._notices(found[1], found[2])
        return _told(404, "<html>Not Found</html>")

    def _refusal(self, asked: Asked) -> Told | None:
        if asked.headers.get("openapikey") != KEY or self._broken == "secret":
            return _told(200, _result(500, "등록된 API KEY가 아닙니다. 인증에 실패하였습니다."))
        if self._broken == "address":
            return _told(200, _result(500, "허용되지 않은 IP입니다."))
        if self._broken == "permission":
            return _told(403, _result(403, "사용 권한이 없습니다."))
        if self._broken == "quota":
            return _told(200, _result(500, "호출 한도를 넘었습니다."))
        if not re.match(r"text/xml;\s*charset=euc-kr", asked.headers.get("content-type", "")):
            return _told(415, _result(500, "Content-Type"))
        return None

    def _list(self, start: str, end: str, status: str) -> Told:
        first, last = _day(start), _day(end)
        if not timedelta(0) <= last - first <= timedelta(days=6):
            return _told(200, _result(500, "최대 조회기간은 7일 입니다."))
        found = [
            question
            for question in self._questions.values()
            if first <= _day(question.at.astimezone(KST).strftime("%Y%m%d")) <= last
            and (status == "00" or (question.answer is not None) is (status == "01"))
        ]
        found.sort(key=lambda question: question.at, reverse=True)
        return _told(200, _list(found))

    def _notices(self, start: str, end: str) -> Told:
        if not timedelta(0) <= _day(end) - _day(start) <= timedelta(days=30):
            return _told(200, _result(500, "최대 조회기간은 30일 입니다."))
        return _told(200, f'<ns2:alimis xmlns:ns2="{NAMESPACE}">{self.notices}</ns2:alimis>')

    def _answer(self, asked: Asked, number: int, product: int) -> Told:
        question = self._questions.get(number)
        if question is None or product != PRODUCT:
            return _told(200, _message(number, 404, "존재하지 않는 글번호입니다."))
        text = _answer_in(asked.body)
        if not text.strip() or len(text) > 1000:
            return _told(200, _message(number, 400, "답변 내용의 길이를 확인해 주세요."))
        self._store(question, text)
        done = f"상품 Qna 글 번호 : {number}의 성공적으로 수정되었습니다."
        return _told(200, _message(number, 200, done))

    def _store(self, question: _Question, text: str) -> None:
        question.answer, question.answered_at = text, self.now

    def _of(self, native_id: str) -> _Question:
        return self._questions[int(native_id.partition(":")[2])]


def _answer_in(body: bytes) -> str:
    """Read an answer's body by the charset it declares; both were seen."""
    found = re.match(rb'<\?xml version="1.0" encoding="(euc-kr|utf-8)"\?>', body)
    assert found is not None
    root = fromstring(body[found.end() :].decode(found[1].decode()))
    assert root.tag == "ProductQna"
    return root.findtext("answerCont") or ""


def _list(found: list[_Question]) -> str:
    rows = "".join(_row(question) for question in found)
    return f'<ns2:productQnas xmlns:ns2="{NAMESPACE}">{rows}</ns2:productQnas>'


def _row(question: _Question) -> str:
    answered_at = question.answered_at
    fields = {
        "answerCont": question.answer or "",
        "answerDt": answered_at.astimezone(KST).strftime("%Y/%m/%d") if answered_at else "",
        "answerYn": "N" if question.answer is None else "Y",
        "brdInfoClfNo": str(PRODUCT),
        "brdInfoCont": question.text,
        "brdInfoNo": str(question.number),
        "brdInfoSbjct": "질문이요",
        "buyYn": "Y",
        "createDt": question.at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S.0"),
        "dispYn": "Y",
        "memID": "saebyeok",
        "memNM": "김새벽",
        "prdNm": "사과",
        "qnaDtlsCd": "02",
        "qnaDtlsCdNm": "배송",
        "ordNoDe": "201510309348419",
    }
    inner = "".join(f"<{name}>{_said(value)}</{name}>" for name, value in fields.items())
    return f"<ns2:productQna>{inner}</ns2:productQna>"


def _said(value: str) -> str:
    # Some fields come as CDATA, some escaped; what EUC-KR lacks only fits into the second.
    try:
        value.encode("euc_kr")
    except UnicodeEncodeError:
        return escape(value)
    return f"<![CDATA[{value}]]>" if "<" in value and "]]>" not in value else escape(value)


def _result(code: int, text: str) -> str:
    return (
        f'<ns2:productQnas xmlns:ns2="{NAMESPACE}"><ns2:result_code>{code}</ns2:result_code>'
        f"<ns2:result_text>{escape(text)}</ns2:result_text></ns2:productQnas>"
    )


def _message(number: int, code: int, text: str) -> str:
    return (
        f"<ClientMessage><brdInfoNo>{number}</brdInfoNo><productNo>{PRODUCT}</productNo>"
        f"<message>{escape(text)}</message><resultCode>{code}</resultCode></ClientMessage>"
    )


def _told(status: int, xml: str) -> Told:
    document = f'<?xml version="1.0" encoding="euc-kr" standalone="yes"?>\n{xml}'
    body = document.encode("euc_kr", errors="xmlcharrefreplace")
    return Told(status, body, "text/xml;charset=euc-kr")


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=KST)
