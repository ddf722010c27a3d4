"""A fake ESM Trading API, from section 3.2 of the channel reference.

The names of an inquiry's title, contents, date, answer and product are guesses there and here, and
so is the wording of refusals.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.brands import Account
from tests.fakes.marketplace import Asked, FakeMarketplace, Told, told

KST = ZoneInfo("Asia/Seoul")
MASTER = "saebyeokmaster"
SECRET = "fake-esm-secret-key"
BULLETIN = "/item/v1/communications/customer/bulletin-board"
TYPES = {1: "auction", 2: "secret", 3: "gmarket"}


@dataclass
class _Inquiry:
    number: int
    surface: str
    text: str
    at: datetime
    token: str
    answer: str | None = None
    answered_at: datetime | None = None


class EsmMarket(FakeMarketplace):
    """The bulletin inquiries of one seller on G마켓 and 옥션.

    Attributes:
        rotates_tokens: Each listing gives new tokens and forgets those before.
        hides_answers: Lists say 처리완료 but not with which words.
        urgent: Rows of the urgent list.
    """

    channel = "esm"
    breakages = ("secret", "permission", "address", "clock", "quota")

    def __init__(self) -> None:
        super().__init__()
        self.rotates_tokens = True
        self.hides_answers = False
        self.urgent: list[dict[str, object]] = []
        self._inquiries: dict[str, _Inquiry] = {}
        self._last_number = 70_000
        self._broken = ""

    def account(self) -> Account:
        return Account(
            "brand",
            "esm",
            self.channel,
            credentials={
                "master_id": MASTER,
                "secret_key": "changed-secret" if self._broken == "secret" else SECRET,
            },
            options={
                "base_url": self.url,
                "issuer": "www.example.com",
                "auction_id": "auc",
                "gmarket_id": "gmk",
                "surfaces": ["gmarket", "auction", "secret", "urgent"],
            },
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        self._last_number += 1
        surface = surface or "gmarket"
        native_id = f"{surface}:{self._last_number}"
        self._inquiries[native_id] = _Inquiry(
            self._last_number, surface, text, written_at, secrets.token_hex(8)
        )
        return native_id

    def edit(self, native_id: str, text: str) -> None:
        self._inquiries[native_id].text = text

    def delete(self, native_id: str) -> None:
        del self._inquiries[native_id]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        self._store(self._inquiries[native_id], text)

    def stored_replies(self, native_id: str) -> list[str]:
        inquiry = self._inquiries.get(native_id)
        return [inquiry.answer] if inquiry and inquiry.answer is not None else []

    def break_account(self, reason: str) -> None:
        self._broken = reason
        if reason == "clock":
            self.skew = timedelta(minutes=10)

    def is_write(self, asked: Asked) -> bool:
        return asked.path == f"{BULLETIN}/qna"

    def error(self, status: int) -> Told:
        return _refused(status, "요청을 처리할 수 없습니다.")

    def answer(self, asked: Asked) -> Told:
        if refusal := self._refusal(asked):
            return refusal
        if asked.method != "POST":
            return _refused(405, "Method Not Allowed")
        if asked.path == BULLETIN:
            return self._list(asked)
        if asked.path == f"{BULLETIN}/qna":
            return self._answer(asked)
        if asked.path == "/assist/v1/Selling/GetEmergencyInformList":
            return told(200, self.urgent)
        return _refused(404, "Not Found")

    def _refusal(self, asked: Asked) -> Told | None:
        if self._broken == "address":
            return _refused(403, "허용되지 않은 IP 입니다.")
        parts = asked.headers.get("authorization", "").removeprefix("Bearer ").split(".")
        if len(parts) != 3:
            return _refused(401, "Unauthorized")
        content = f"{parts[0]}.{parts[1]}".encode()
        proper = hmac.new(SECRET.encode(), content, hashlib.sha256).digest()
        header, claims = (json.loads(_unpacked(part)) for part in parts[:2])
        if not hmac.compare_digest(proper, _unpacked(parts[2])):
            return _refused(401, "Invalid signature")
        if header != {"alg": "HS256", "typ": "JWT", "kid": MASTER}:
            return _refused(401, "Invalid header")
        if claims["ssi"] != "A:auc,G:gmk" or claims["aud"] != "sa.esmplus.com":
            return _refused(401, "Invalid claims")
        if abs(self.now.timestamp() - claims["iat"]) > 300:
            return _refused(401, "Unauthorized")
        if self._broken == "permission":
            return _refused(403, "사용 권한이 없습니다.")
        return told(200, {"resultCode": 3000, "message": "과다 호출"}) if self._broken else None

    def _list(self, asked: Asked) -> Told:
        content = asked.json()
        try:
            first = date.fromisoformat(str(content["startDate"]))
            last = date.fromisoformat(str(content["endDate"]))
            surface = TYPES[int(str(content["qnaType"]))]
        except (KeyError, ValueError):
            return told(200, {"resultCode": 1000, "message": "파라미터 오류"})
        if content.get("type") != 1 or content.get("status") != 1:
            return told(200, {"resultCode": 1000, "message": "파라미터 오류"})
        if not timedelta(0) <= last - first <= timedelta(days=6):
            return told(200, {"resultCode": 1000, "message": "조회기간은 최대 7일입니다."})
        # The end is the start of its day.
        found = [
            inquiry
            for inquiry in self._inquiries.values()
            if inquiry.surface == surface and first <= inquiry.at.astimezone(KST).date() < last
        ]
        if self.rotates_tokens:
            for inquiry in found:
                inquiry.token = secrets.token_hex(8)
        return told(200, [self._row(inquiry) for inquiry in found])

    def _row(self, inquiry: _Inquiry) -> dict[str, object]:
        row: dict[str, object] = {
            "token": inquiry.token,
            "QnaType": 3,
            "SellerId": "gmk",
            "contractType": "",
            "InformStatus": "미처리" if inquiry.answer is None else "처리완료",
            "ReAsking": False,
            "MessageNo": inquiry.number,
            "Title": "문의드립니다",
            "Contents": inquiry.text,
            "ReceiptDate": inquiry.at.astimezone(KST).strftime("%Y-%m-%dT%H:%M:%S"),
            "GoodsNo": "2318870011",
            "GoodsName": "새벽 생수 2L",
        }
        if inquiry.answer is not None and not self.hides_answers:
            row["AnswerContents"] = inquiry.answer
            stamp = (inquiry.answered_at or self.now).astimezone(KST)
            row["AnswerDate"] = stamp.strftime("%Y-%m-%dT%H:%M:%S")
        return row

    def _answer(self, asked: Asked) -> Told:
        content = asked.json()
        number = content.get("messageNo")
        inquiry = next((i for i in self._inquiries.values() if i.number == number), None)
        text, title = content.get("comments"), content.get("title")
        if inquiry is None:
            return told(200, {"resultCode": 1000, "message": "문의가 존재하지 않습니다."})
        if content.get("token") != inquiry.token or content.get("answerStatus") not in {1, 2}:
            return told(200, {"resultCode": 1000, "message": "token이 올바르지 않습니다."})
        if inquiry.answer is not None:
            return told(200, {"resultCode": 1000, "message": "이미 답변이 등록된 문의입니다."})
        if not isinstance(text, str) or not text.strip() or len(text.encode()) > 1000:
            return told(200, {"resultCode": 1000, "message": "comments 길이 오류"})
        if not isinstance(title, str) or not 1 <= len(title) <= 200:
            return told(200, {"resultCode": 1000, "message": "title 길이 오류"})
        self._store(inquiry, text)
        return told(200, {"messageNo": number})

    def _store(self, inquiry: _Inquiry, text: str) -> None:
        inquiry.answer, inquiry.answered_at = text, self.now


def _refused(status: int, message: str) -> Told:
    return told(status, {"status": {"message": message, "status_code": status}})


def _unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
