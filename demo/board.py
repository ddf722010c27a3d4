"""What the demo storefront knows: articles and replies, in memory, optionally journalled."""

from __future__ import annotations

import json
from bisect import insort
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING

from demo.content import Article
from demo.pages import SKINS, Reply, render_row
from domain.errors import BadInputError
from domain.types import FeedbackKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

_FIRST_REPLY_NO = 9001
_Key = tuple[str, int]
_BoardKey = tuple[str, FeedbackKind]


def base_instant(journal: Path | None, now: datetime) -> datetime:
    """Give the instant the demo's articles are dated back from.

    A journal remembers it, so that a storefront started again shows the same dates.
    """
    if journal is None:
        return now
    if journal.exists() and journal.stat().st_size:
        with journal.open(encoding="utf-8") as lines:
            return datetime.fromisoformat(str(json.loads(lines.readline())["base_at"]))
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_text(json.dumps({"base_at": now.isoformat()}) + "\n", encoding="utf-8")
    return now


class Boards:
    """Articles by shop and board with their replies. Safe to share between threads.

    Args:
        articles: What is there at the start.
        clock: Gives the present as aware UTC.
        journal: Changes are appended here before they are answered, and read back at the start;
            None keeps them in memory only.
    """

    def __init__(
        self, articles: Iterable[Article], clock: Callable[[], datetime], journal: Path | None
    ) -> None:
        self._initial = tuple(articles)
        self._clock = clock
        self._lock = RLock()
        self._journal: BinaryIO | None = None
        self._skin = SKINS[0]
        self._fill()
        if journal is not None:
            base_instant(journal, clock())
            self._replay(journal)
            self._journal = journal.open("ab", buffering=0)

    def _fill(self) -> None:
        self._articles: dict[_Key, Article] = {}
        self._order: dict[_BoardKey, list[Article]] = defaultdict(list)
        self._replies: dict[_Key, list[Reply]] = defaultdict(list)
        self._next_reply_no = _FIRST_REPLY_NO
        self._next_article_no: dict[str, int] = defaultdict(lambda: 1)
        for article in self._initial:
            self._articles[article.shop, article.no] = article
            self._order[article.shop, article.kind].append(article)
            self._next_article_no[article.shop] = max(
                self._next_article_no[article.shop], article.no + 1
            )
        for board in self._order.values():
            board.sort(key=_newest_first)

    def close(self) -> None:
        """Let the journal go."""
        with self._lock:
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    # Reading

    @property
    def skin(self) -> str:
        """Which skin pages have now."""
        return self._skin

    def rows(
        self, shop: str, kind: FeedbackKind, page: int, page_size: int
    ) -> tuple[list[str], int]:
        """Give the rendered rows of one page (from 1), newest first, and the board's total."""
        with self._lock:
            board = self._order[shop, kind]
            start = (page - 1) * page_size
            return [self._row(article) for article in board[start : start + page_size]], len(board)

    def row(self, shop: str, no: int) -> str | None:
        """Give one rendered row; None when there is no such article."""
        with self._lock:
            article = self._articles.get((shop, no))
            return None if article is None else self._row(article)

    def _row(self, article: Article) -> str:
        replies = self._replies.get((article.shop, article.no), ())
        return render_row(article, replies, self._skin)

    def replies(self, shop: str, no: int) -> tuple[Reply, ...] | None:
        """Give an article's replies, oldest first; None when there is no such article."""
        with self._lock:
            if (shop, no) not in self._articles:
                return None
            return tuple(self._replies.get((shop, no), ()))

    def reply_counts(self, shop: str) -> dict[int, int]:
        """Give how many replies each answered article has, deleted articles included."""
        with self._lock:
            return {
                no: len(replies) for (owner, no), replies in self._replies.items() if owner == shop
            }

    def article_counts(self) -> Counter[str]:
        """Give how many articles each shop shows."""
        with self._lock:
            return Counter(shop for shop, _ in self._articles)

    # Changing

    def add_reply(self, shop: str, no: int, writer: str, content: str) -> Reply | None:
        """Store a reply, also when the article already has one; None without such an article."""
        with self._lock:
            if (shop, no) not in self._articles:
                return None
            reply = Reply(self._next_reply_no, writer, content, self._clock())
            self._record(
                {
                    "event": "reply",
                    "shop": shop,
                    "no": no,
                    "reply_no": reply.no,
                    "writer": writer,
                    "content": content,
                    "at": reply.replied_at.isoformat(),
                }
            )
            self._put_reply(shop, no, reply)
            return reply

    def edit(self, shop: str, no: int, text: str, rating: int | None = None) -> None:
        """Change an article's text, and its stars where given.

        Raises:
            BadInputError: There is no such article.
        """
        with self._lock:
            article = self._get(shop, no)
            changed = replace(
                article, text=text, rating=rating or article.rating, edited_at=self._clock()
            )
            self._record({"event": "put", **_as_json(changed)})
            self._put_article(changed)

    def delete(self, shop: str, no: int) -> None:
        """Take an article off its board.

        Raises:
            BadInputError: There is no such article.
        """
        with self._lock:
            self._get(shop, no)
            self._record({"event": "delete", "shop": shop, "no": no})
            self._remove(shop, no)

    def add(self, article: Article) -> int:
        """Put a new article on its board under the shop's next number, which is given back."""
        with self._lock:
            numbered = replace(article, no=self._next_article_no[article.shop])
            self._record({"event": "put", **_as_json(numbered)})
            self._put_article(numbered)
            return numbered.no

    def set_skin(self, skin: str) -> None:
        """Show pages in another skin."""
        with self._lock:
            self._skin = skin

    def reset(self) -> None:
        """Go back to the content of the start, without replies."""
        with self._lock:
            self._record({"event": "reset"})
            self._fill()

    def _get(self, shop: str, no: int) -> Article:
        article = self._articles.get((shop, no))
        if article is None:
            raise BadInputError(f"{shop}/{no}: no such article")
        return article

    def _put_reply(self, shop: str, no: int, reply: Reply) -> None:
        self._replies[shop, no].append(reply)
        self._next_reply_no = max(self._next_reply_no, reply.no + 1)

    def _put_article(self, article: Article) -> None:
        if (article.shop, article.no) in self._articles:
            self._remove(article.shop, article.no)
        self._articles[article.shop, article.no] = article
        insort(self._order[article.shop, article.kind], article, key=_newest_first)
        self._next_article_no[article.shop] = max(
            self._next_article_no[article.shop], article.no + 1
        )

    def _remove(self, shop: str, no: int) -> None:
        article = self._articles.pop((shop, no))
        self._order[shop, article.kind].remove(article)

    # Journal

    def _record(self, event: Mapping[str, object]) -> None:
        """Append one line, unbuffered: what was answered survives a killed process."""
        if self._journal is not None:
            self._journal.write(json.dumps(event).encode() + b"\n")

    def _replay(self, path: Path) -> None:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            # A killed process may leave half a line; nobody was told that it was stored.
            path.write_bytes(whole)
        for line in whole.splitlines()[1:]:
            self._apply(json.loads(line))

    def _apply(self, event: dict[str, str]) -> None:
        kind = event.pop("event")
        if kind == "reset":
            self._fill()
        elif kind == "put":
            self._put_article(_from_json(event))
        elif kind == "delete":
            self._remove(event["shop"], int(event["no"]))
        else:
            replied_at = datetime.fromisoformat(event["at"])
            reply = Reply(int(event["reply_no"]), event["writer"], event["content"], replied_at)
            self._put_reply(event["shop"], int(event["no"]), reply)


def _newest_first(article: Article) -> tuple[float, int]:
    return -article.written_at.timestamp(), -article.no


def _as_json(article: Article) -> dict[str, object]:
    words = {name: getattr(article, name) for name in article.__slots__}
    words["written_at"] = article.written_at.isoformat()
    words["edited_at"] = article.edited_at.isoformat() if article.edited_at else None
    return words


def _from_json(words: Mapping[str, str]) -> Article:
    edited_at = words["edited_at"]
    return Article(
        shop=words["shop"],
        no=int(words["no"]),
        kind=FeedbackKind(words["kind"]),
        written_at=datetime.fromisoformat(words["written_at"]).astimezone(UTC),
        author=words["author"],
        text=words["text"],
        rating=int(words["rating"]) if words["rating"] else None,
        title=words["title"],
        product_no=words["product_no"],
        product=words["product"],
        order_no=words["order_no"],
        edited_at=datetime.fromisoformat(edited_at).astimezone(UTC) if edited_at else None,
    )
