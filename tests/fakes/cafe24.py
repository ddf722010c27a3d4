"""A fake Cafe24 shop with its Admin API, from section 4.1 of the channel reference.

The names in ``GET /boards`` and the codes of refused tokens are ours; the reference has none.
"""

from __future__ import annotations

import base64
import html
import re
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from domain.brands import Account
from tests.fakes.marketplace import Asked, FakeMarketplace, Told, told

KST = ZoneInfo("Asia/Seoul")
MALL = "saebyeok"
CLIENT_ID = "fakeClientId0001"
CLIENT_SECRET = "fakeClientSecret0001"
FIRST_REFRESH_TOKEN = "fakeRefreshToken0001"
WRITER = "새벽상회"
ACCESS_LIFE = timedelta(hours=2)
CAPACITY = 40
DRAIN = 2.0
BOARDS = {1: "공지사항", 4: "상품 사용후기", 5: "자유게시판", 6: "상품 Q&A", 9: "1:1 맞춤상담"}
SURFACES = {"review": 4, "qna": 6, "free": 5}


@dataclass
class _Comment:
    number: int
    content: str
    writer: str
    member_id: str
    at: datetime
    parent: int | None = None


@dataclass
class _Article:
    number: int
    board: int
    content: str
    at: datetime
    member_id: str = "customer1"
    writer: str = "김새벽"
    parent: int | None = None
    secret: str = "F"
    reply_user_id: str = ""
    comments: list[_Comment] = field(default_factory=list)


class Cafe24Market(FakeMarketplace):
    """Boards of one shop: ``review`` (4), ``qna`` (6) and ``free`` (5).

    Attributes:
        renewals: How often a refresh token was used.
        scattered: Replies are listed far from their questions.
        most_offset: The largest offset that is taken.
    """

    channel = "cafe24"
    breakages = ("secret", "expired", "permission", "quota")

    def __init__(self) -> None:
        super().__init__()
        self.renewals = 0
        self.scattered = False
        self.most_offset = 8000
        self._articles: dict[int, _Article] = {}
        self._urgent: dict[int, tuple[str, datetime, str]] = {}
        self._last_number = 1000
        self._tokens: dict[str, datetime] = {}
        self._refresh_token = FIRST_REFRESH_TOKEN
        self._broken = ""
        self._level = 0.0
        self._drained_at = 0.0

    def account(self) -> Account:
        return Account(
            "brand",
            "mall",
            self.channel,
            credentials={
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "refresh_token": FIRST_REFRESH_TOKEN,
            },
            options={"base_url": self.url, "mall_id": MALL, "writer": WRITER},
            writable=True,
        )

    def seed(self, text: str, written_at: datetime, surface: str = "") -> str:
        board = SURFACES[surface or "qna"]
        article = _Article(self._number(), board, _as_html(text), written_at)
        self._articles[article.number] = article
        return f"article:{board}:{article.number}"

    def comment(self, native_id: str, text: str, member_id: str = "customer2") -> str:
        """Let a customer comment on an article."""
        article = self._of(native_id)
        comment = _Comment(self._number(), text, "이하늘", member_id, self.now)
        article.comments.append(comment)
        return f"comment:{article.board}:{article.number}:{comment.number}"

    def seed_urgent(self, text: str, written_at: datetime) -> str:
        number = self._number()
        self._urgent[number] = (text, written_at, "")
        return f"urgent:{number}"

    def make_secret(self, native_id: str) -> None:
        self._of(native_id).secret = "T"

    def is_secret(self, number: int) -> bool:
        return self._articles[number].secret == "T"

    def reply_sources(self, native_id: str) -> list[str]:
        """The HTML of the reply articles as it is stored."""
        return [self._articles[number].content for number in self.reply_numbers(native_id)]

    def reply_numbers(self, native_id: str) -> list[int]:
        parent = self._of(native_id).number
        return [a.number for a in self._articles.values() if a.parent == parent]

    def edit(self, native_id: str, text: str) -> None:
        self._of(native_id).content = _as_html(text)

    def delete(self, native_id: str) -> None:
        del self._articles[self._of(native_id).number]

    def answer_elsewhere(self, native_id: str, text: str) -> None:
        article = self._of(native_id)
        if article.board == SURFACES["qna"]:
            self._store_article(article, _as_html(text), reply_user_id="staff")
        else:
            self._store_comment(article, text, None)

    def stored_replies(self, native_id: str) -> list[str]:
        space, _, rest = native_id.partition(":")
        if space == "urgent":
            reply = self._urgent[int(rest)][2]
            return [reply] if reply else []
        numbers = [int(part) for part in rest.split(":")]
        article = self._articles[numbers[1]]
        if space == "comment":
            return [c.content for c in article.comments if c.parent == numbers[2]]
        by_article = [
            html.unescape(re.sub("</?p>", "", reply.content).replace("<br>", "\n"))
            for reply in self._articles.values()
            if reply.parent == article.number and reply.member_id == MALL
        ]
        return by_article + [
            c.content for c in article.comments if c.member_id == MALL and c.parent is None
        ]

    def break_account(self, reason: str) -> None:
        self._broken = reason
        self._tokens.clear()

    def expire_token(self) -> None:
        self._tokens.clear()

    def is_write(self, asked: Asked) -> bool:
        return asked.method != "GET" and not self.is_token(asked)

    def error(self, status: int) -> Told:
        return _error(status)

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/api/v2/oauth/token":
            return self._token(asked)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, self.now) <= self.now:
            return _error(401, "access_token time expired. (invalid_token)")
        if self._broken == "permission":
            return _error(403, "insufficient_scope")
        if asked.headers.get("x-cafe24-api-version") != "2025-12-01":
            return _error(400, "unknown version")
        if not self._pour():
            return _error(429, "too many requests", self._bucket())
        if self._broken == "quota":
            return _error(
                429, "quota", {"X-Cafe24-Call-Usage": "100", "X-Cafe24-Call-Remain": "60"}
            )
        reply = self._routed(asked)
        return Told(reply.status, reply.body, reply.content_type, self._bucket())

    def _token(self, asked: Asked) -> Told:
        pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}" or self._broken == "secret":
            return told(401, {"error": "invalid_client", "error_description": "client"})
        form = dict(parse_qsl(asked.body.decode()))
        if form.get("grant_type") != "refresh_token":
            return told(400, {"error": "unsupported_grant_type"})
        if form.get("refresh_token") != self._refresh_token or self._broken == "expired":
            return told(
                400, {"error": "invalid_grant", "error_description": "Invalid refresh_token"}
            )
        self.renewals += 1
        self._refresh_token = secrets.token_hex(16)
        access = secrets.token_hex(16)
        self._tokens[access] = self.now + ACCESS_LIFE
        return told(
            200,
            {
                "access_token": access,
                "refresh_token": self._refresh_token,
                "mall_id": MALL,
                "scopes": ["mall.read_community", "mall.write_community"],
            },
        )

    def _pour(self) -> bool:
        now = self.clock.monotonic()
        self._level = max(0.0, self._level - (now - self._drained_at) * DRAIN)
        self._drained_at = now
        if self._level + 1 > CAPACITY:
            return False
        self._level += 1
        return True

    def _bucket(self) -> dict[str, str]:
        return {"X-Api-Call-Limit": f"{int(self._level)}/{CAPACITY}"}

    def _routed(self, asked: Asked) -> Told:
        line = f"{asked.method} {asked.path.removeprefix('/api/v2/admin')}"
        if line == "GET /boards":
            rows = [
                {"shop_no": 1, "board_no": number, "board_name": name, "use_board": "T"}
                for number, name in BOARDS.items()
            ]
            return told(200, {"boards": rows})
        if line == "GET /urgentinquiry":
            return told(200, {"urgentinquiry": [self._urgent_row(n) for n in self._urgent]})
        if found := re.fullmatch(r"(GET|POST) /urgentinquiry/(\d+)/reply", line):
            return self._urgent_reply(asked, int(found[2]))
        if found := re.fullmatch(r"GET /boards/(\d+)/articles", line):
            return self._list(asked, int(found[1]))
        if found := re.fullmatch(r"POST /boards/(\d+)/articles", line):
            return self._post_articles(asked, int(found[1]))
        if found := re.fullmatch(r"(GET|POST) /boards/(\d+)/articles/(\d+)/comments", line):
            article = self._articles.get(int(found[3]))
            if article is None or article.board != int(found[2]):
                return _error(404)
            if found[1] == "GET":
                return self._list_comments(asked, article)
            return self._post_comment(asked, article)
        return _error(404)

    def _list(self, asked: Asked, board: int) -> Told:
        params = asked.params
        if board not in BOARDS:
            return _error(404)
        try:
            limit, offset = int(params.get("limit", "10")), int(params.get("offset", "0"))
            days = [
                date.fromisoformat(params[k]) for k in ("start_date", "end_date") if k in params
            ]
        except ValueError:
            return _error(422)
        if not 1 <= limit <= 100 or not 0 <= offset <= self.most_offset:
            return _error(422)
        if days and (len(days) != 2 or not timedelta(0) <= days[1] - days[0] <= timedelta(365)):
            return _error(422)
        found = [article for article in self._articles.values() if article.board == board]
        if days:
            found = [a for a in found if days[0] <= a.at.astimezone(KST).date() <= days[1]]
        if "article_no" in params:
            wanted = {int(number) for number in params["article_no"].split(",")}
            found = [article for article in found if article.number in wanted]
        if "comment" in params:
            found = [a for a in found if bool(a.comments) is (params["comment"] == "T")]
        found.sort(key=self._order, reverse=True)
        rows = [_row(article) for article in found[offset : offset + limit]]
        links = []
        if offset + limit < len(found):
            links.append({"rel": "next", "href": f"https://{MALL}.cafe24api.com/api/v2/admin/..."})
        return told(200, {"articles": rows, "links": links})

    def _order(self, article: _Article) -> tuple[datetime, int]:
        # A reply stands under its question, as in a thread.
        root = self._articles.get(article.parent or 0)
        if root is not None and not self.scattered:
            return root.at, -article.number
        return article.at, article.number

    def _post_articles(self, asked: Asked, board: int) -> Told:
        content = asked.json()
        requests = content.get("requests")
        if content.get("shop_no") != 1 or not isinstance(requests, list) or "board_no" in content:
            return _error(400)
        if not 1 <= len(requests) <= 10:
            return _error(400)
        made = []
        for request in requests:
            parent = self._articles.get(request.get("reply_article_no", 0))
            required = ("writer", "title", "content", "client_ip")
            if any(not isinstance(request.get(key), str) for key in required):
                return _error(422)
            if len(request["writer"]) > 100 or len(request["title"]) > 256:
                return _error(422)
            if parent is None or parent.board != board:
                return _error(404)
            reply = self._store_article(parent, request["content"], member=request.get("member_id"))
            reply.secret = request.get("secret", "F")
            made.append(_row(reply))
        return told(201, {"articles": made})

    def _store_article(
        self, parent: _Article, content: str, *, member: str = MALL, reply_user_id: str = ""
    ) -> _Article:
        reply = _Article(
            self._number(),
            parent.board,
            content,
            self.now,
            member_id=member,
            writer=WRITER,
            parent=parent.number,
            reply_user_id=reply_user_id,
        )
        self._articles[reply.number] = reply
        return reply

    def _list_comments(self, asked: Asked, article: _Article) -> Told:
        limit = int(asked.params.get("limit", "10"))
        offset = int(asked.params.get("offset", "0"))
        if not 1 <= limit <= 100:
            return _error(422)
        found = article.comments[offset : offset + limit]
        return told(200, {"comments": [_comment_row(article, comment) for comment in found]})

    def _post_comment(self, asked: Asked, article: _Article) -> Told:
        content = asked.json()
        request = content.get("request")
        if content.get("shop_no") != 1 or not isinstance(request, dict):
            return _error(400)
        password, text = request.get("password"), request.get("content")
        if not isinstance(password, str) or not 1 <= len(password) <= 20:
            return _error(422)
        if not isinstance(text, str) or not text or len(str(request.get("writer"))) > 100:
            return _error(422)
        parent = request.get("parent_comment_no")
        comment = self._store_comment(article, text, parent if isinstance(parent, int) else None)
        return told(201, {"comment": _comment_row(article, comment)})

    def _store_comment(self, article: _Article, text: str, parent: int | None) -> _Comment:
        comment = _Comment(self._number(), text, WRITER, MALL, self.now, parent)
        article.comments.append(comment)
        return comment

    def _urgent_row(self, number: int) -> dict[str, object]:
        text, at, reply = self._urgent[number]
        return {
            "shop_no": 1,
            "article_no": number,
            "title": "긴급 문의",
            "content": _as_html(text),
            "created_date": _stamp(at),
            "writer": "김새벽",
            "member_id": "customer1",
            "order_id": "20261121-0000013",
            "reply_status": "T" if reply else "F",
        }

    def _urgent_reply(self, asked: Asked, number: int) -> Told:
        if number not in self._urgent:
            return _error(404)
        text, at, reply = self._urgent[number]
        if asked.method == "GET":
            return told(200, {"reply": [{"article_no": number, "content": reply}] if reply else []})
        request = asked.json().get("request")
        if not isinstance(request, dict) or request.get("status") not in {"F", "I", "T"}:
            return _error(400)
        if not 1 <= len(str(request.get("user_id", ""))) <= 20:
            return _error(422)
        self._urgent[number] = (text, at, str(request["content"]))
        return told(201, {"reply": {"article_no": number, "content": request["content"]}})

    def _number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _of(self, native_id: str) -> _Article:
        return self._articles[int(native_id.split(":")[2])]


def _row(article: _Article) -> dict[str, object]:
    return {
        "shop_no": 1,
        "article_no": article.number,
        "parent_article_no": article.parent,
        "board_no": article.board,
        "product_no": 10,
        "reply_depth": 1 if article.parent else 0,
        "created_date": _stamp(article.at),
        "writer": article.writer,
        "writer_email": "customer@example.com",
        "member_id": article.member_id,
        "title": "제목",
        "content": article.content,
        "client_ip": "127.0.0.1",
        "nick_name": "",
        "rating": 2 if article.board == SURFACES["review"] else 0,
        "display": "T",
        "secret": article.secret,
        "notice": "F",
        "fixed": "F",
        "deleted": "F",
        "input_channel": "P",
        "order_id": "",
        "attach_file_urls": [],
        "hit": 0,
        "reply": "F",
        "reply_user_id": article.reply_user_id,
        # Whether a reply moves this is unknown: in this shop it never does.
        "reply_status": "N",
    }


def _comment_row(article: _Article, comment: _Comment) -> dict[str, object]:
    return {
        "shop_no": 1,
        "board_no": article.board,
        "article_no": article.number,
        "comment_no": comment.number,
        "content": comment.content,
        "writer": comment.writer,
        "member_id": comment.member_id,
        "rating": 0,
        "secret": article.secret,
        "parent_comment_no": comment.parent or 0,
        "input_channel": "P",
        "created_date": _stamp(comment.at),
        "client_ip": "127.0.0.1",
        "attach_file_urls": [],
    }


def _as_html(text: str) -> str:
    lines = html.escape(text, quote=False).split("\n")
    return f"<p>{'<br>'.join(lines)}</p>"


def _stamp(at: datetime) -> str:
    return at.astimezone(KST).isoformat(timespec="seconds")


def _error(status: int, message: str = "", headers: dict[str, str] | None = None) -> Told:
    body = {"error": {"code": status, "message": message or "fake error", "more_info": {}}}
    return told(status, body, headers)
