"""A fake Naver commerce API, from section 1 of the channel reference."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import bcrypt

from domain.brands import Account
from tests.fakes.marketplace import Asked, FakeMarketplace, Told, told

KST = ZoneInfo("Asia/Seoul")
CLIENT_ID = "fakeApplication01"
CLIENT_SECRET = "$2a$04$abcdefghijklmnopqrstuu"
TOKEN_LIFE = timedelta(seconds=10_800)
RATE = 2.0
BURST = 4.0


@dataclass
class _Question:
    number: int
    surface: str
    text: str
    at: datetime
    answer: str | None = None
    answer_number: int = 0
    answered_at: datetime | None = None


class NaverMarket(FakeMarketplace):
    """Product Q&A (``qna``) and customer inquiries (``inq``) of one store.

    Attributes:
        issued: How many tokens were given out.
        lagging: Answers are stored, but lists do not show them yet.
    """

    channel = "naver_commerce"
    breakages = ("secret", "permission", "address", "clock", "quota")

    def __init__(self) -> None:
        super().__init__()
        self.issued = 0
        self.lagging = False
        self._questions: dict[int, _Question] = {}
        self._last_number = 660_000
        self._tokens: dict[str, datetime] = {}
        self._broken = ""
        self._bucket = BURST
        self._filled_at = 0.0

    def account(self) -> Account:
        return Account(
            "brand",
            "smartstore",
            self.channel,
            credentials={"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
            options={"base_url": f"{self.url}/external"},
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        self._last_number += 1
        question = _Question(self._last_number, surface or "qna", text, written_at)
        self._questions[question.number] = question
        return f"{question.surface}:{question.number}"

    def edit(self, native_id: str, text: str) -> None:
        self._of(native_id).text = text

    def delete(self, native_id: str) -> None:
        del self._questions[self._of(native_id).number]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        self._store(self._of(native_id), text)

    def stored_replies(self, native_id: str) -> list[str]:
        answer = self._of(native_id).answer
        return [] if answer is None else [answer]

    def break_account(self, reason: str) -> None:
        self._broken = reason
        if reason == "clock":
            self.skew = timedelta(minutes=10)

    def expire_token(self) -> None:
        self._tokens.clear()

    def error(self, status: int) -> Told:
        codes = {401: "GW.AUTHN", 403: "GW.IP_NOT_ALLOWED", 429: "GW.RATE_LIMIT"}
        return _error(status, codes.get(status, "INTERNAL_SERVER_ERROR"))

    def answer(self, asked: Asked) -> Told:
        if self._broken == "address":
            return _error(403, "GW.IP_NOT_ALLOWED")
        if asked.path == "/external/v1/oauth2/token":
            return self._token(asked)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, self.now) <= self.now or self._broken == "permission":
            return _error(401, "GW.AUTHN")
        if not self._take_from_bucket():
            return _error(429, "GW.RATE_LIMIT", self._bucket_headers())
        if self._broken == "quota":
            return _error(429, "GW.QUOTA_LIMIT")
        return self._routed(asked)

    def _token(self, asked: Asked) -> Told:
        form = dict(parse_qsl(asked.body.decode()))
        if asked.method != "POST" or form.get("grant_type") != "client_credentials":
            return _error(400, "BAD_REQUEST")
        if form.get("type") != "SELF" or form.get("client_id") != CLIENT_ID:
            return _error(400, "BAD_REQUEST", wrong="client_id")
        timestamp = form.get("timestamp", "")
        if not re.fullmatch(r"\d{13}", timestamp):
            return _error(400, "BAD_REQUEST", wrong="timestamp")
        age = self.now.timestamp() - int(timestamp) / 1000
        if abs(age) > 300:
            return _error(400, "BAD_REQUEST", wrong="timestamp")
        hashed = bcrypt.hashpw(f"{CLIENT_ID}_{timestamp}".encode(), CLIENT_SECRET.encode())
        proper = base64.b64encode(hashed).decode()
        if form.get("client_secret_sign") != proper or self._broken == "secret":
            return _error(400, "BAD_REQUEST", wrong="client_secret_sign")
        for token, expires_at in self._tokens.items():
            if expires_at - self.now >= timedelta(minutes=30):
                return self._given(token, expires_at)
        token = secrets.token_hex(16)
        self._tokens[token] = self.now + TOKEN_LIFE
        self.issued += 1
        return self._given(token, self._tokens[token])

    def _given(self, token: str, expires_at: datetime) -> Told:
        left = int((expires_at - self.now).total_seconds())
        return told(200, {"access_token": token, "expires_in": left, "token_type": "Bearer"})

    def _take_from_bucket(self) -> bool:
        now = self.clock.monotonic()
        self._bucket = min(BURST, self._bucket + (now - self._filled_at) * RATE)
        self._filled_at = now
        if self._bucket < 1:
            return False
        self._bucket -= 1
        return True

    def _bucket_headers(self) -> dict[str, str]:
        return {
            "GNCP-GW-RateLimit-Replenish-Rate": str(int(RATE)),
            "GNCP-GW-RateLimit-Burst-Capacity": str(int(BURST)),
            "GNCP-GW-RateLimit-Remaining": str(int(self._bucket)),
        }

    def _routed(self, asked: Asked) -> Told:
        line = f"{asked.method} {asked.path.removeprefix('/external')}"
        if line == "GET /v1/contents/qnas":
            return self._list_qnas(asked)
        if line == "GET /v1/pay-user/inquiries":
            return self._list_inquiries(asked)
        if found := re.fullmatch(r"PUT /v1/contents/qnas/(\d+)", line):
            return self._put_answer(asked, int(found[1]))
        if found := re.fullmatch(r"POST /v1/pay-merchant/inquiries/(\d+)/answer", line):
            return self._post_answer(asked, int(found[1]))
        return _error(404, "NOT_FOUND")

    def _list_qnas(self, asked: Asked) -> Told:
        params = asked.params
        try:
            first = datetime.fromisoformat(params["fromDate"])
            last = datetime.fromisoformat(params["toDate"])
            page, size = int(params.get("page", "1")), int(params.get("size", "100"))
        except (KeyError, ValueError):
            return _error(400, "BAD_REQUEST")
        if first.tzinfo is None or last.tzinfo is None or page < 1 or not 1 <= size <= 100:
            return _error(400, "BAD_REQUEST")
        found = [q for q in self._of_surface("qna") if first <= q.at <= last]
        rows, pages = _cut(found, page, size)
        content = {
            "contents": [self._qna_row(question) for question in rows],
            "page": page,
            "size": size,
            "totalElements": len(found),
            "totalPages": pages,
            "sort": {"sorted": True, "fields": [{"name": "createDate", "direction": "desc"}]},
            "first": page == 1,
            "last": page >= pages,
        }
        return told(200, content, self._bucket_headers())

    def _list_inquiries(self, asked: Asked) -> Told:
        params = asked.params
        try:
            first = date.fromisoformat(params["startSearchDate"])
            last = date.fromisoformat(params["endSearchDate"])
            page, size = int(params.get("page", "1")), int(params.get("size", "10"))
        except (KeyError, ValueError):
            return _error(400, "4001")
        if page < 1 or not 10 <= size <= 200:
            return _error(400, "4001")
        found = [q for q in self._of_surface("inq") if first <= q.at.astimezone(KST).date() <= last]
        rows, pages = _cut(found, page, size)
        content = {
            "content": [self._inquiry_row(question) for question in rows],
            "totalPages": pages,
            "totalElements": len(found),
            "number": page - 1,
            "size": size,
            "numberOfElements": len(rows),
            "first": page == 1,
            "last": page >= pages,
            "empty": not rows,
            "pageable": {},
            "sort": {},
        }
        return told(200, content, self._bucket_headers())

    def _qna_row(self, question: _Question) -> dict[str, object]:
        answer = None if self.lagging else question.answer
        return {
            "questionId": question.number,
            "productId": 4855652221,
            "productName": "새벽 생수 2L",
            "question": question.text,
            "answer": answer or "",
            "answered": answer is not None,
            "maskedWriterId": "abcd****",
            "createDate": _stamp(question.at),
        }

    def _inquiry_row(self, question: _Question) -> dict[str, object]:
        answer = None if self.lagging else question.answer
        row: dict[str, object] = {
            "inquiryNo": question.number,
            "category": "배송",
            "title": "배송 문의",
            "inquiryContent": question.text,
            # Naive: Korean time.
            "inquiryRegistrationDateTime": question.at.astimezone(KST)
            .replace(tzinfo=None)
            .isoformat(timespec="milliseconds"),
            "answered": answer is not None,
            "orderId": "2026112112345678",
            "productNo": "4855652221",
            "productOrderIdList": "2026112112345679,2026112112345680",
            "productName": "새벽 생수 2L",
            "productOrderOption": "6개",
            "customerId": "abcd****",
            "customerName": "김새벽",
        }
        if answer is not None and question.answered_at is not None:
            row |= {
                "answerContentId": question.answer_number,
                "answerContent": answer,
                "answerTemplateNo": None,
                "answerRegistrationDateTime": _stamp(question.answered_at),
            }
        return row

    def _put_answer(self, asked: Asked, number: int) -> Told:
        text = asked.json().get("commentContent")
        if not isinstance(text, str) or not text.strip():
            return _error(400, "BAD_REQUEST", wrong="commentContent")
        question = self._questions.get(number)
        if question is None or question.surface != "qna":
            return _error(404, "NOT_FOUND")
        self._store(question, text)
        return Told(204)

    def _post_answer(self, asked: Asked, number: int) -> Told:
        text = asked.json().get("answerComment")
        if not isinstance(text, str) or not text.strip():
            return _error(400, "ERR-NC-101001")
        question = self._questions.get(number)
        if question is None or question.surface != "inq":
            return _error(400, "ERR-NC-101004")
        if question.answer is not None:
            return _error(400, "ERR-NC-101010")
        self._store(question, text)
        data = {"inquiryCommentNo": question.answer_number}
        return told(200, {"data": data, "code": "SUCCESS", "message": "", "traceId": "fake"})

    def _store(self, question: _Question, text: str) -> None:
        self._last_number += 1
        question.answer = text
        question.answer_number = self._last_number
        question.answered_at = self.now

    def _of_surface(self, surface: str) -> list[_Question]:
        found = [question for question in self._questions.values() if question.surface == surface]
        return sorted(found, key=lambda question: (question.at, question.number), reverse=True)

    def _of(self, native_id: str) -> _Question:
        return self._questions[int(native_id.partition(":")[2])]


def _cut(found: list[_Question], page: int, size: int) -> tuple[list[_Question], int]:
    return found[(page - 1) * size : page * size], -(-len(found) // size)


def _stamp(at: datetime) -> str:
    return at.astimezone(KST).isoformat(timespec="milliseconds")


def _error(
    status: int, code: str, headers: dict[str, str] | None = None, *, wrong: str = ""
) -> Told:
    body: dict[str, object] = {
        "code": code,
        "message": "요청을 처리할 수 없습니다.",
        "timestamp": "2026-11-21T12:00:00.000+09:00",
        "traceId": "fake",
    }
    if wrong:
        body["invalidInputs"] = [
            {"name": wrong, "type": "NotValid", "message": "올바르지 않습니다."}
        ]
    return told(status, body, headers)
