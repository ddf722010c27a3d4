"""Cafe24 (카페24): replies as an article under the question, or as a comment.

Neither write is idempotent: the shop takes the same reply twice. So the item is looked at first,
it is sent once, and an answer that does not come is settled by reading: the question itself, its
comments, and the articles written since that have it as their parent. Nothing is concluded from
``reply_status``, which may or may not move.

Source: https://developers.cafe24.com/docs/ko/api/admin, version 2025-12-01 (Checked: 2026-11).
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from collectors.cafe24 import (
    LIMIT,
    MAX_OFFSET,
    SPEC,
    Cafe24Api,
    by_number,
    html_in,
    parse_articles,
    parse_comments,
    refused,
)
from collectors.listing import changed, days_between, required_option, rows_of
from collectors.reply_rules import account_rules
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PublicationRefusedError,
)
from domain.types import ChannelReply, FeedbackKind
from responders.publishers.base import refuse_unfit
from responders.publishers.settling import after_duplicate, standing_reply

if TYPE_CHECKING:
    from collectors.base import Build
    from collectors.http import Answer
    from domain.errors import ReputationError
    from domain.types import CollectedFeedback, ReplyTarget

_LOOKED_BACK: Final = timedelta(days=7)
"""How long after a question its replies are looked for among all articles; a later one of a
colleague's was collected long before."""
_WAYS: Final = {"article", "comment"}


class Cafe24Publisher:
    """Writes replies for one shop.

    Args:
        build: ``writer`` is the name shown, ``reply_by`` the way per board (``{"4" = "comment"}``;
            questions are answered by article and everything else by comment otherwise),
            ``reply_title`` the title of reply articles.
    """

    idempotent = False
    slowest_commit_s = 5.0

    def __init__(self, build: Build) -> None:
        self._build = build
        self._api = Cafe24Api(build)
        self._writer = required_option(build, "writer")
        self._ways = _ways(build)
        self.rules = account_rules(SPEC, build.account)

    @property
    def timeout_s(self) -> float:
        """Seconds after which the client gives up: a look and a write."""
        return 2 * self._build.client.write_timeout_s

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store one reply; see `responders.publishers.base.Publisher.publish`."""
        refuse_unfit(self.rules, text)
        standing = standing_reply(self, target, text)
        if standing is not None:
            return standing
        text_sent = text.replace("\r\n", "\n").replace("\r", "\n")
        if _urgent_number(target):
            return self._post_urgent(target, text_sent)
        space, board, article, comment = _split(target)
        try:
            if space == "article" and self._way(board, target.kind) == "article":
                return self._post_article(target, board, article, text_sent)
            return self._post_comment(target, board, article, comment, text_sent)
        except PublicationRefusedError as error:
            if error.code == "duplicate":
                return after_duplicate(self, target, text)
            raise

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the shop's replies to the article, comment or urgent inquiry, oldest first."""
        if _urgent_number(target):
            return self._urgent_replies(target)
        space, board, article, _ = _split(target)
        item = self._article(target, board, article)
        by_comment = self._comments(target, item, board, article)
        if space == "comment":
            return by_comment
        by_article = self._replies_since(target, board, article)
        return tuple(sorted((*by_article, *by_comment), key=_when))

    def _post_article(
        self, target: ReplyTarget, board: int, article: int, text: str
    ) -> ChannelReply:
        option = self._build.account.option
        request: dict[str, object] = {
            "writer": self._writer,
            "title": option("reply_title", "문의하신 내용에 답변드립니다."),
            "content": html.escape(text, quote=False).replace("\n", "<br>"),
            "client_ip": option("client_ip", "127.0.0.1"),
            "reply_article_no": article,
            "member_id": self._api.mall_id,
            "reply_status": "C",
            "secret": target.extra.get("secret", "F"),
            "input_channel": "P",
        }
        if option("user_id"):
            request["reply_user_id"] = option("user_id")
        answer = self._api.send(f"/boards/{board}/articles", {"requests": [request]}, _refused)
        row = _first(_stored(answer, target).get("articles"))
        if row.get("parent_article_no") != article:
            raise OutcomeUnknownError(f"{target.native_id}: {answer.status}, but no reply in it")
        return ChannelReply(text=text, receipt=f"article:{row.get('article_no')}")

    def _post_comment(
        self, target: ReplyTarget, board: int, article: int, comment: int, text: str
    ) -> ChannelReply:
        request: dict[str, object] = {
            "content": text,
            "writer": self._writer,
            # Needed by the interface; whoever takes the comment away does it as the shop.
            "password": secrets.token_hex(8),
            "member_id": self._api.mall_id,
            "secret": target.extra.get("secret", "F"),
            "input_channel": "P",
        }
        if comment:
            request["parent_comment_no"] = comment
        answer = self._api.send(
            f"/boards/{board}/articles/{article}/comments", {"request": request}, _refused
        )
        row = _first(_stored(answer, target).get("comment"))
        number = row.get("comment_no")
        if isinstance(number, bool) or not isinstance(number, int):
            raise OutcomeUnknownError(f"{target.native_id}: {answer.status}, but no comment in it")
        return ChannelReply(text=text, receipt=f"comment:{number}")

    def _post_urgent(self, target: ReplyTarget, text: str) -> ChannelReply:
        request = {
            "content": text,
            "status": "T",
            "user_id": required_option(self._build, "user_id"),
        }
        answer = self._api.send(
            f"/urgentinquiry/{_urgent_number(target)}/reply", {"request": request}, _refused
        )
        _stored(answer, target)
        return ChannelReply(text=text)

    def _urgent_replies(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        body = self._api.ask(f"/urgentinquiry/{_urgent_number(target)}/reply", {})
        found = body.get("reply") if isinstance(body, dict) else None
        if not isinstance(found, dict | list):
            raise changed("cafe24 urgent reply: no reply in the answer", body)
        rows = found if isinstance(found, list) else [found]
        try:
            texts = [html_in(row, "content") for row in rows if isinstance(row, dict) and row]
        except BadInputError:
            raise changed("cafe24 urgent reply: no content", body) from None
        return tuple(ChannelReply(text=text) for text in texts if text)

    def _article(self, target: ReplyTarget, board: int, article: int) -> CollectedFeedback:
        body = self._api.ask(f"/boards/{board}/articles", by_number((article,)))
        found = parse_articles(
            body,
            board=board,
            kind=target.kind,
            mall_id=self._api.mall_id,
            now=self._build.clock(),
        )
        for item in found.items:
            if item.native_id == f"article:{board}:{article}":
                return item
        raise PublicationRefusedError(f"{target.native_id}: the article is gone", code="deleted")

    def _comments(
        self, target: ReplyTarget, item: CollectedFeedback, board: int, article: int
    ) -> tuple[ChannelReply, ...]:
        rows: list[object] = []
        for offset in range(0, MAX_OFFSET, LIMIT):
            page = rows_of(self._api.ask_comments(board, article, offset), "comments")
            rows += page
            if len(page) < LIMIT:
                break
        # All at once: a reply may stand on a later page than the comment it is under.
        found, _ = parse_comments(
            {"comments": rows},
            item,
            mall_id=self._api.mall_id,
            writer=self._writer,
            now=self._build.clock(),
        )
        replies = [feedback.replies for feedback in found if feedback.native_id == target.native_id]
        if not replies:
            raise PublicationRefusedError(f"{target.native_id}: it is gone", code="deleted")
        return replies[0]

    def _replies_since(
        self, target: ReplyTarget, board: int, article: int
    ) -> tuple[ChannelReply, ...]:
        now = self._build.clock()
        asked_at = datetime.fromisoformat(target.extra["asked_at"])
        first, last = days_between(max(asked_at, now - _LOOKED_BACK), now + timedelta(hours=1))
        window = {"start_date": first, "end_date": last}
        replies: dict[str, ChannelReply] = {}
        for offset in range(0, MAX_OFFSET, LIMIT - 1):
            found = parse_articles(
                self._api.ask(
                    f"/boards/{board}/articles", {**window, "offset": offset, "limit": LIMIT}
                ),
                board=board,
                kind=target.kind,
                mall_id=self._api.mall_id,
                now=now,
            )
            replies |= {reply.receipt: reply for reply in found.replies.get(article, ())}
            if found.rows < LIMIT:
                return tuple(replies.values())
        raise ChannelUnavailableError(f"{target.native_id}: too many articles to find its replies")

    def _way(self, board: int, kind: FeedbackKind) -> str:
        usual = "article" if kind is FeedbackKind.INQUIRY else "comment"
        return self._ways.get(board, usual)


def build(build: Build) -> Cafe24Publisher:
    """Make the publisher of one account."""
    return Cafe24Publisher(build)


def _ways(build: Build) -> dict[int, str]:
    chosen = build.account.options.get("reply_by", {})
    if not isinstance(chosen, Mapping) or not all(
        str(board).isdecimal() and way in _WAYS for board, way in chosen.items()
    ):
        raise ConfigurationError(
            f'{build.account.key}: reply_by must look like {{ "4" = "comment", "6" = "article" }}'
        )
    return {int(board): str(way) for board, way in chosen.items()}


def _split(target: ReplyTarget) -> tuple[str, int, int, int]:
    """Give the id space, the board, the article and the comment (0 for an article)."""
    found = re.fullmatch(
        r"(article|comment):(\d{1,9}):(\d{1,15})(?::(\d{1,15}))?", target.native_id, re.ASCII
    )
    if found is None or (found[1] == "comment") is (found[4] is None):
        raise PublicationRefusedError("not an article or a comment of a Cafe24 shop")
    return found[1], int(found[2]), int(found[3]), int(found[4] or 0)


def _urgent_number(target: ReplyTarget) -> str:
    """Give the number of an urgent inquiry; empty for everything else."""
    found = re.fullmatch(r"urgent:(\d{1,15})", target.native_id, re.ASCII)
    return found[1] if found else ""


def _when(reply: ChannelReply) -> float:
    return reply.replied_at.timestamp() if reply.replied_at else 0.0


def _refused(answer: Answer) -> ReputationError | None:
    if answer.status == HTTPStatus.CONFLICT:
        return PublicationRefusedError("cafe24: the same content again", code="duplicate")
    if answer.status == HTTPStatus.FORBIDDEN:
        return CredentialRejectedError(
            "cafe24: 403, mall.write_community is missing", reason="permission"
        )
    return refused(answer)


def _stored(answer: Answer, target: ReplyTarget) -> Mapping[str, object]:
    try:
        body = answer.json()
    except (ChannelUnavailableError, AccessBlockedError):
        body = None
    if not isinstance(body, dict):
        raise OutcomeUnknownError(f"{target.native_id}: {answer.status}, but not an answer we know")
    return body


def _first(value: object) -> Mapping[str, object]:
    """Give the object, or the first of a list of them."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else {}
