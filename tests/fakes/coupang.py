"""A fake Coupang WING, from section 2 of the channel reference.

The wording of 401 and 403 bodies is ours; the reference has none.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.brands import Account
from tests.fakes.marketplace import Asked, FakeMarketplace, Told, told

KST = ZoneInfo("Asia/Seoul")
VENDOR = "A00012345"
ACCESS_KEY = "fake-access-key-0001"
SECRET_KEY = "fake-secret-key-0001"
WING_ID = "wing-login"
API = "/v2/providers/openapi/apis/api"


@dataclass
class _Entry:
    number: int
    text: str
    at: datetime
    is_vendor: bool
    state: str | None = None


@dataclass
class _Inquiry:
    number: int
    surface: str
    text: str
    at: datetime
    thread: list[_Entry] = field(default_factory=list)
    wants_confirm: bool = False

    @property
    def is_open(self) -> bool:
        return any(entry.state == "requestAnswer" for entry in self.thread)


class CoupangMarket(FakeMarketplace):
    """Product inquiries (``product``) and contact-centre inquiries (``cc``) of one vendor.

    Attributes:
        slow_rows: A question that matches more rows than this times out, unless it asks for one
            day and ten rows.
        hides_replies: The list lags: replies are stored but not shown.
    """

    channel = "coupang"
    breakages = ("secret", "permission", "address", "clock", "quota")

    def __init__(self) -> None:
        super().__init__()
        self.slow_rows = 10_000
        self.hides_replies = False
        self._inquiries: dict[int, _Inquiry] = {}
        self._last_number = 39_352_000
        self._calls: deque[float] = deque()
        self._broken = ""
        self._answers = 0

    def account(self) -> Account:
        return Account(
            "brand",
            "coupang",
            self.channel,
            credentials={"access_key": ACCESS_KEY, "secret_key": SECRET_KEY},
            options={"base_url": self.url, "vendor_id": VENDOR, "reply_by": WING_ID},
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        surface = surface or "product"
        inquiry = _Inquiry(self._number(), surface, text, written_at)
        if surface == "cc":
            inquiry.thread.append(
                _Entry(self._number(), text, written_at, is_vendor=False, state="requestAnswer")
            )
        self._inquiries[inquiry.number] = inquiry
        return f"{surface}:{inquiry.number}"

    def want_confirmation(self, native_id: str) -> None:
        """Hand the inquiry over: it waits for a confirmation and takes no answer."""
        inquiry = self._of(native_id)
        inquiry.wants_confirm = True
        for entry in inquiry.thread:
            entry.state = "none"

    def confirm_elsewhere(self, native_id: str) -> None:
        """Let a colleague confirm in WING."""
        self._of(native_id).wants_confirm = False

    def is_confirmed(self, native_id: str) -> bool:
        return not self._of(native_id).wants_confirm

    def ask_again(self, native_id: str, text: str) -> None:
        """Let the contact centre's agent write and wait for an answer once more."""
        self._of(native_id).thread.append(
            _Entry(self._number(), text, self.now, is_vendor=False, state="requestAnswer")
        )

    def edit(self, native_id: str, text: str) -> None:
        inquiry = self._of(native_id)
        inquiry.text = text
        if inquiry.surface == "cc":
            inquiry.thread[0].text = text

    def delete(self, native_id: str) -> None:
        del self._inquiries[int(native_id.partition(":")[2])]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        self._store_reply(self._of(native_id), text)

    def stored_replies(self, native_id: str) -> list[str]:
        return [entry.text for entry in self._of(native_id).thread if entry.is_vendor]

    def break_account(self, reason: str) -> None:
        self._broken = reason
        if reason == "clock":
            self.skew = timedelta(minutes=10)

    def is_write(self, asked: Asked) -> bool:
        return asked.method == "POST"

    def error(self, status: int) -> Told:
        return told(status, {"code": str(status), "message": "요청을 처리할 수 없습니다."})

    def answer(self, asked: Asked) -> Told:
        refusal = self._refusal(asked)
        if refusal is not None:
            return refusal
        base = f"{API}/v(?P<version>[45])/vendors/"
        number = r"(?P<number>\d+)"
        vendor = "(?P<vendor>[^/]+)"
        routes = {
            f"GET {base}{vendor}/onlineInquiries": self._list_products,
            f"GET {base}{vendor}/callCenterInquiries": self._list_contacts,
            f"GET {base}callCenterInquiries/{number}": self._one_contact,
            f"POST {base}{vendor}/onlineInquiries/{number}/replies": self._reply_product,
            f"POST {base}{vendor}/callCenterInquiries/{number}/replies": self._reply_contact,
            f"POST {base}{vendor}/callCenterInquiries/{number}/confirms": self._confirm,
        }
        for pattern, handle in routes.items():
            found = re.fullmatch(pattern, f"{asked.method} {asked.path}")
            if found is None:
                continue
            named = found.groupdict()
            if named["version"] != ("5" if asked.method == "GET" else "4"):
                return told(404, {"code": 404, "message": "Not Found"})
            if named.get("vendor", VENDOR) != VENDOR:
                return _bad("Invalid vendor ID")
            return handle(asked, int(named.get("number") or 0))
        return told(404, {"code": 404, "message": "Not Found"})

    def _refusal(self, asked: Asked) -> Told | None:
        if self._broken == "address":
            return told(403, {"code": "ERROR", "message": "Your IP address is not allowed."})
        if self._broken == "permission":
            return told(403, {"code": "ERROR", "message": "Access denied."})
        found = re.fullmatch(
            r"CEA algorithm=HmacSHA256, access-key=(\S+), signed-date=(\d{6}T\d{6}Z), "
            r"signature=([0-9a-f]{64})",
            asked.headers.get("authorization", ""),
        )
        if found is None or found[1] != ACCESS_KEY:
            return told(401, {"code": "ERROR", "message": "Unknown access key."})
        signed_at = datetime.strptime(found[2], "%y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(self.now - signed_at) > timedelta(minutes=5):
            return told(401, {"code": "ERROR", "message": "Specified signature is expired."})
        secret = "changed" if self._broken == "secret" else SECRET_KEY
        message = f"{found[2]}{asked.method}{asked.path}{asked.query}"
        proper = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proper, found[3]):
            return told(401, {"code": "ERROR", "message": "Invalid signature."})
        if self._broken == "quota" or not self._has_room():
            return told(429, {"code": 429, "message": "Too many requests."})
        return None

    def _has_room(self) -> bool:
        now = self.clock.monotonic()
        while self._calls and self._calls[0] <= now - 1:
            self._calls.popleft()
        self._calls.append(now)
        return len(self._calls) <= 5

    def _list_products(self, asked: Asked, _number: int) -> Told:
        params = asked.params
        if params.get("vendorId") != VENDOR:
            return _bad("Invalid vendor ID")
        if params.get("answeredType") not in {"ALL", "ANSWERED", "NOANSWER"}:
            return _bad("answeredType can't be null")
        found = [item for item in self._inquiries.values() if item.surface == "product"]
        if params["answeredType"] != "ALL":
            wanted = params["answeredType"] == "ANSWERED"
            found = [item for item in found if bool(item.thread) is wanted]
        return self._page(asked, found, 50, self._product_row)

    def _list_contacts(self, asked: Asked, _number: int) -> Told:
        status = asked.params.get("partnerCounselingStatus")
        found = [item for item in self._inquiries.values() if item.surface == "cc"]
        if status == "TRANSFER":
            found = [item for item in found if item.wants_confirm]
        elif status in {"ANSWER", "NO_ANSWER"}:
            found = [item for item in found if item.is_open is (status == "NO_ANSWER")]
        elif status != "NONE":
            return _bad("partnerCounselingStatus can't be null")
        return self._page(asked, found, 30, self._contact_row)

    def _page(self, asked: Asked, found: list[_Inquiry], most: int, row) -> Told:  # type: ignore[no-untyped-def]  # noqa: ANN001
        params = asked.params
        try:
            first = date.fromisoformat(params["inquiryStartAt"])
            last = date.fromisoformat(params["inquiryEndAt"])
            page, size = int(params["pageNum"]), int(params["pageSize"])
        except (KeyError, ValueError):
            return _bad("invalid parameter")
        if not timedelta(0) <= last - first <= timedelta(days=6):
            return _bad("time interval needs to be less than or equal to 7 days")
        if page < 1 or not 1 <= size <= most:
            return _bad("invalid paging")
        found = [item for item in found if first <= item.at.astimezone(KST).date() <= last]
        found.sort(key=lambda item: (item.at, item.number), reverse=True)
        if len(found) > self.slow_rows and (first != last or size > 10):
            return _bad("Read timed out")
        rows = [row(item) for item in found[(page - 1) * size : page * size]]
        paging = {
            "currentPage": page,
            "totalPages": -(-len(found) // size),
            "totalElements": len(found),
            "countPerPage": size,
        }
        return self._ok({"content": rows, "pagination": paging})

    def _one_contact(self, _asked: Asked, number: int) -> Told:
        inquiry = self._inquiries.get(number)
        if inquiry is None or inquiry.surface != "cc":
            return _bad("문의를 찾을 수 없습니다.")
        return self._ok(self._contact_row(inquiry))

    def _ok(self, data: object) -> Told:
        # The reference: "code may be number or string".
        self._answers += 1
        return told(
            200, {"code": 200 if self._answers % 2 else "200", "message": "OK", "data": data}
        )

    def _product_row(self, inquiry: _Inquiry) -> dict[str, object]:
        replies = [] if self.hides_replies else inquiry.thread
        return {
            "inquiryId": inquiry.number,
            "productId": 231526161,
            "sellerProductId": 786583589,
            "sellerItemId": 1891732488,
            "vendorItemId": 4855652221,
            "content": inquiry.text.replace("\n", "\r\n"),
            "inquiryAt": _stamp(inquiry.at),
            "orderIds": [19000041361951],
            "buyerEmail": "",
            "commentDtoList": [
                {
                    "inquiryCommentId": entry.number,
                    "inquiryId": inquiry.number,
                    "content": entry.text,
                    "inquiryCommentAt": _stamp(entry.at),
                }
                for entry in replies
            ],
        }

    def _contact_row(self, inquiry: _Inquiry) -> dict[str, object]:
        return {
            "inquiryId": inquiry.number,
            "csPartnerCounselingStatus": "requestAnswer" if inquiry.is_open else "answered",
            "inquiryStatus": "progress",
            "vendorItemId": [75235680736],
            "itemName": "새벽 생수, 2L, 6개",
            "content": "상담이력",
            "answeredAt": _stamp(inquiry.at),
            "replies": [
                {
                    "receptionistName": "새벽상회",
                    "receptionist": WING_ID,
                    "replyAt": _stamp(entry.at),
                    "content": entry.text,
                    "answerId": entry.number,
                    "parentAnswerId": 0 if entry.is_vendor else None,
                    "partnerTransferStatus": entry.state,
                    "partnerTransferCompleteReason": "NONE",
                    "answerType": "vendor" if entry.is_vendor else "csAgent",
                    "needAnswer": entry.state == "requestAnswer",
                }
                for entry in inquiry.thread
            ],
            "inquiryAt": _stamp(inquiry.at),
            "buyerEmail": "",
            "buyerPhone": "+82(10)0000-0000",
            "orderId": "1900000000007",
            "orderDate": _stamp(inquiry.at),
            "receiptCategory": "배송>배송>배송",
            "saleStartedAt": "2023-07-24",
            "saleEndedAt": "2099-12-29",
        }

    def _reply_product(self, asked: Asked, number: int) -> Told:
        content = asked.json()
        text = content.get("content")
        inquiry = self._inquiries.get(number)
        if inquiry is None:
            return _bad("삭제된 상품문의에는 답변할 수 없습니다.")
        if content.get("vendorId") != VENDOR:
            return _bad("Invalid vendor ID")
        if content.get("replyBy") != WING_ID:
            return _bad("replyBy is invalid")
        if not isinstance(text, str) or not text.strip():
            return _bad("내용을 입력하세요.")
        if len(text) > 1000:
            return _bad("content length is over 1000")
        if any(entry.text == text for entry in inquiry.thread):
            return _bad("동일한 답변이 존재합니다.")
        self._store_reply(inquiry, text)
        return told(200, {"code": "200", "message": "OK"})

    def _reply_contact(self, asked: Asked, number: int) -> Told:
        content = asked.json()
        text = content.get("content")
        inquiry = self._inquiries.get(number)
        if inquiry is None or not inquiry.is_open:
            return _bad(
                "This inquiry can't be answered; only progress/requestAnswer. can't be answer"
            )
        if content.get("replyBy") != WING_ID:
            return told(400, {"code": 520, "message": "userId is invalid"})
        parents = {entry.number for entry in inquiry.thread if entry.state == "requestAnswer"}
        if content.get("parentAnswerId") not in parents:
            return _bad("parentAnswerId is required")
        if content.get("inquiryId") != number or content.get("vendorId") != VENDOR:
            return _bad("invalid parameter")
        if not isinstance(text, str) or not 2 <= len(text) <= 1000:
            return _bad("content length must be 2~1000")
        self._store_reply(inquiry, text)
        return told(200, {"code": "200", "message": "OK"})

    def _confirm(self, asked: Asked, number: int) -> Told:
        inquiry = self._inquiries.get(number)
        if inquiry is None or not inquiry.wants_confirm or asked.json().get("confirmBy") != WING_ID:
            return told(400, {"code": 522, "message": "closed"})
        if self.now - inquiry.at > timedelta(hours=24):
            return told(400, {"code": 522, "message": "closed"})
        inquiry.wants_confirm = False
        return told(200, {"code": "200", "message": "OK"})

    def _store_reply(self, inquiry: _Inquiry, text: str) -> None:
        for entry in inquiry.thread:
            if entry.state == "requestAnswer":
                entry.state = "answered"
        inquiry.thread.append(_Entry(self._number(), text, self.now, is_vendor=True))

    def _number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _of(self, native_id: str) -> _Inquiry:
        return self._inquiries[int(native_id.partition(":")[2])]


def _bad(message: str) -> Told:
    return told(400, {"code": 400, "message": message})


def _stamp(at: datetime) -> str:
    # The documentation's sample carries -08:00; an offset is an offset.
    zone = ZoneInfo("America/Los_Angeles") if at.minute % 2 else KST
    return at.astimezone(zone).isoformat(timespec="microseconds")
