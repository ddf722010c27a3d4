"""Board (게시판): any list of posts in HTML, described by selectors; off until it is switched on.

    [[accounts]]
    name = "dcinside"
    channel = "board"
    enabled = true                   # after reading the site's terms and robots.txt
    definition = "dcinside"          # or list_url, row and fields of one's own
    board = "food"                   # fills {board} of the address; base_url fills {base_url}
    keywords = ["새벽상회"]           # without keywords every post counts
    detail = true                    # read each new post once; otherwise titles only
    max_pages = 2                    # list pages in one run, at most 5
    kind = "post"                    # post, review or inquiry
    [accounts.fields]                # replaces single selectors of the definition
    reach = "td.count"

Source: `collectors.board_definitions`; sites from channels.md section 7 (Checked: 2026-11).

* A guest's manners: robots.txt is obeyed, the client says who it is, one request in ten seconds at
  most, and a CAPTCHA or a refusal ends it with `AccessBlockedError`. Nothing is worked around.
* One request a fetch: robots.txt when it is not known, then a list page, then its posts.
* Which posts were read is remembered in the token store after they were stored, so that each is
  asked for once; later edits are not noticed and absence proves nothing.
* A list without one readable post is `LayoutChangedError`; so is the third post in a row whose body
  is not where the definition says. A single such post is kept with its title, and quarantined.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from collectors.base import Build, ChannelSpec, CheckResult, check_by
from collectors.board_definitions import (
    KEYS,
    Definition,
    parse_definition,
    read_field,
    ready_table,
)
from collectors.http import raise_if_captcha
from collectors.mentions import canonical, is_web_address
from collectors.relevance import Relevance
from collectors.robots import Robots, human_wanted
from collectors.values import KST, clean_text, is_too_deep, parse_rating, parse_when
from domain.errors import BadInputError, ConfigurationError, LayoutChangedError
from domain.types import CollectedFeedback, FeedbackKind, Page, QuarantinedItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from selectolax.lexbor import LexborNode

    from collectors.board_definitions import Field
    from collectors.http import Answer
    from domain.brands import Account

OPTIONS: Final = (
    "enabled",
    "definition",
    "board",
    "base_url",
    "keywords",
    "exclude",
    "detail",
    "max_pages",
    "kind",
)
WORKERS_OPTIONS: Final = ("overlap", "backfill")
"""Options of every account, which are not the channel's to check."""

SPEC = ChannelSpec(
    channel="board",
    title="게시판 (HTML)",
    kinds=(FeedbackKind.POST, FeedbackKind.REVIEW, FeedbackKind.INQUIRY),
    docs_url="docs/channels.md",
    page_size=30,
    overlap=timedelta(hours=1),
    min_interval_s=10.0,
    timeout_s=20.0,
    option_names=(*OPTIONS, *KEYS),
    unverified=("every selector of the ready definitions; each names what it rests on",),
)

MAX_PAGES: Final = 5
DEFAULT_PAGES: Final = 2
REMEMBERED: Final = 1000
BAD_POSTS_IN_A_ROW: Final = 3

_RAW_LIMIT_BYTES: Final = 256 * 1024
_LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True)
class ListPage:
    """What one list page says.

    Attributes:
        items: Posts with what the list tells of them, relevant or not.
        ends: When the last post was written; None where the list has no dates or no posts.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    ends: datetime | None


def parse_page(
    payload: str,
    *,
    definition: Definition,
    kind: FeedbackKind,
    url: str,
    now: datetime,
    is_first: bool = True,
) -> ListPage:
    """Read one list page. Pure.

    Args:
        payload: The HTML.
        definition: Of the board.
        kind: What customers write there.
        url: Where it came from; links are relative to it.
        now: When it was read.
        is_first: Whether posts must be there, unless the page proves that there are none.

    Raises:
        LayoutChangedError: Not the list the definition describes, or no post can be read.
    """
    if is_too_deep(payload):
        raise _changed("nested too deeply", payload)
    tree = LexborHTMLParser(payload)
    rows = tree.css(definition.row)
    posts = [row for row in rows if not _is_other(row, definition)]
    if not posts and is_first and not _is_meant_to_be_empty(tree, definition, payload):
        raise _changed("only notices and advertisements" if rows else "no rows", payload)
    items: list[CollectedFeedback] = []
    quarantined: list[QuarantinedItem] = []
    for position, row in enumerate(posts, start=1):
        try:
            items.append(_parse_feedback(row, definition, kind, url, now))
        except BadInputError as error:
            quarantined.append(_quarantine(error, row.html or "", url, position))
    if quarantined and not items:
        raise _changed(f"no post can be read: {quarantined[0].reason}", payload)
    if "author" in definition.fields and len(items) > 1 and not any(i.author for i in items):
        raise _changed("no post has an author", payload)
    return ListPage(tuple(items), tuple(quarantined), items[-1].written_at if items else None)


def parse_post(
    payload: str, *, definition: Definition, listed: CollectedFeedback, now: datetime
) -> CollectedFeedback:
    """Read one post's own page. Pure.

    Args:
        payload: The HTML.
        definition: Of the board.
        listed: What the list told of the post; kept where the page tells nothing better.
        now: When it was read.

    Raises:
        LayoutChangedError: The body is not where the definition says.
        BadInputError: A value cannot be read.
    """
    if is_too_deep(payload):
        raise _changed("a post is nested too deeply", payload)
    root = LexborHTMLParser(payload).root
    text = clean_text(_value(root, definition.detail_fields, "text")) if root else ""
    if root is None or not text:
        raise _changed("a post has no text where fields say", payload)
    written = _value(root, definition.detail_fields, "written_at")
    when = parse_when(written, now=now) if written else None
    is_better = when is not None and (when.exact or listed.written_at is None)
    return replace(
        listed,
        text=text,
        written_at=when.at if when and is_better else listed.written_at,
        written_at_is_exact=when.exact if when and is_better else listed.written_at_is_exact,
        author=clean_text(_value(root, definition.detail_fields, "author")) or listed.author,
        rating=parse_rating(_value(root, definition.detail_fields, "rating")) or listed.rating,
    )


def _changed(what: str, payload: str) -> LayoutChangedError:
    return LayoutChangedError(f"board: {what}", payload=payload.encode("utf-8", "replace"))


def _is_other(row: LexborNode, definition: Definition) -> bool:
    """Tell whether a row is a notice, an advertisement or a heading."""
    if any(row.css_matches(selector) for selector in definition.skip):
        return True
    return bool(definition.only) and not read_field(definition.only, row)


def _is_meant_to_be_empty(tree: LexborHTMLParser, definition: Definition, payload: str) -> bool:
    if definition.empty and tree.css_first(definition.empty) is not None:
        return True
    if not definition.total or tree.root is None:
        return False
    total = read_field(definition.total, tree.root).replace(",", "")
    if not re.fullmatch(r"\d{1,9}", total, re.ASCII):
        raise _changed("total is missing", payload)
    return int(total) == 0


def _value(node: LexborNode, fields: Mapping[str, Field], name: str) -> str:
    return read_field(fields[name], node) if name in fields else ""


def _parse_feedback(
    row: LexborNode, definition: Definition, kind: FeedbackKind, url: str, now: datetime
) -> CollectedFeedback:
    """Read one row; whatever is wrong with it is `BadInputError`."""

    def value(name: str) -> str:
        return _value(row, definition.fields, name)

    title = " ".join(clean_text(value("title"), field="title").split())
    if not title:
        raise BadInputError("no title", field="title")
    link = _same_site(url, value("link"))
    written = value("written_at")
    if "written_at" in definition.fields and not written:
        raise BadInputError("no date", field="written_at")
    when = parse_when(written, now=now) if written else None
    return CollectedFeedback(
        kind=kind,
        native_id=_native_id(value("id"), link, has_ids="id" in definition.fields),
        text=clean_text(value("text")),
        written_at=when.at if when else None,
        written_at_is_exact=when.exact if when else False,
        title=title,
        rating=parse_rating(value("rating")),
        author=clean_text(value("author"), field="author"),
        author_id=clean_text(value("author_id"), field="author_id"),
        product_name=clean_text(value("product_name"), field="product_name"),
        url=link,
        reach=_count(value("reach")),
    )


def _native_id(number: str, link: str, *, has_ids: bool) -> str:
    if has_ids:
        if not number or len(number) > _LONGEST_ID or not number.isprintable():
            raise BadInputError("no usable id", field="id")
        return number
    if not link:
        raise BadInputError("no usable link", field="link")
    address = canonical(link)
    if len(address) <= _LONGEST_ID:
        return address
    return f"hash:{hashlib.sha256(address.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _same_site(page_url: str, href: str) -> str:
    """Make a link whole; empty where there is none.

    Raises:
        BadInputError: It leads to another site, or is none.
    """
    if not href:
        return ""
    try:
        link = urldefrag(urljoin(page_url, href))[0]
        is_same = urlsplit(link).netloc == urlsplit(page_url).netloc
    except ValueError:
        is_same, link = False, ""
    if not is_same or not is_web_address(link):
        raise BadInputError("the link leads to another site", field="link")
    return link


_SCALES: Final = {"": 1, "천": 1_000, "k": 1_000, "만": 10_000, "m": 1_000_000}


def _count(text: str) -> int | None:
    """Read how often a post was seen: "1,234", "1.2 k", "3만"; None for anything else."""
    found = re.fullmatch(
        r"(\d{1,9}(?:\.\d)?) ?(천|만|k|m|)", text.lower().replace(",", ""), re.ASCII
    )
    return round(float(found[1]) * _SCALES[found[2]]) if found else None


def _quarantine(
    error: BadInputError | LayoutChangedError, html: str, url: str, position: int | None = None
) -> QuarantinedItem:
    field, remedy = (error.field, error.remedy) if isinstance(error, BadInputError) else ("", "")
    return QuarantinedItem(
        reason=str(error),
        raw=html.encode("utf-8", "replace")[:_RAW_LIMIT_BYTES],
        source=url,
        row=position,
        field=field,
        remedy=remedy or "사이트에서 이 글을 직접 열어 확인해 주세요.",
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is.

    Attributes:
        page: The list page, from 0.
        posts: Names the posts of this page that wait in the token store; empty before the list
            was read.
        index: How many of them were read and stored.
        bad: How many in a row could not be read.
        is_last: Whether no list page follows.
    """

    page: int = 0
    posts: str = ""
    index: int = 0
    bad: int = 0
    is_last: bool = False

    @classmethod
    def read(cls, cursor: str | None) -> _Place:
        if cursor is None:
            return cls()
        found = re.fullmatch(r"(\d):([0-9a-f]{16})?:(\d{1,4}):(\d{1,4}):([01])", cursor, re.ASCII)
        if found is None:
            raise BadInputError("unknown cursor", field="cursor")
        return cls(int(found[1]), found[2] or "", int(found[3]), int(found[4]), found[5] == "1")

    def __str__(self) -> str:
        return f"{self.page}:{self.posts}:{self.index}:{self.bad}:{self.is_last:d}"


class BoardCollector:
    """Reads one board of one site.

    Args:
        build: The board is described by the account's options.

    Raises:
        ConfigurationError: It is not switched on, or an option is wrong; names the key.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        account = build.account
        try:
            self._definition = _definition(account)
            self._page_url = _address(self._definition.list_url, account)
            self._kind = _kind(account)
            self._max_pages = _max_pages(account)
            self._reads_posts = _switch(account, "detail")
        except ConfigurationError as error:
            raise ConfigurationError(f"{account.key}: {error}") from None
        if self._reads_posts and "text" not in self._definition.detail_fields:
            raise ConfigurationError(f"{account.key}: detail_fields.text is missing")
        if self._reads_posts and "link" not in self._definition.fields:
            raise ConfigurationError(f"{account.key}: fields.link is missing")
        self._relevance = Relevance.of(account, required=False)
        self._robots = Robots(build, min_interval_s=SPEC.min_interval_s)
        self._shelf = _Shelf(build)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Make the run's next request; see `collectors.base.Collector.fetch`."""
        del until
        place = _Place.read(cursor)
        posts = self._shelf.posts(place.posts) if place.posts else None
        if posts is None or place.index > len(posts):
            # Nothing was read yet, or another run put its own posts there: the list again.
            return self._read_list(_Place(place.page), since)
        # The fetches before this one are stored by now.
        self._shelf.mark_read(posts[: place.index])
        if place.index < len(posts):
            return self._read_post(place, posts[place.index])
        if place.is_last:
            return Page(())
        return self._read_list(_Place(place.page + 1), since)

    def check(self) -> CheckResult:
        """Ask one question: the site's robots.txt, or the list where that is known."""
        return check_by(self._prove)

    def _prove(self) -> None:
        url = self._url(0)
        if not self._robots.is_known(url):
            self._robots.learn(url)
            self._robots.require(url)
        else:
            self._listed(self._ask(url), is_first=True)

    def _read_list(self, place: _Place, since: datetime) -> Page:
        url = self._url(place.page)
        if not self._robots.is_known(url):
            self._robots.learn(url)
            return Page((), next_cursor=str(place))
        page = self._listed(self._ask(url), is_first=place.page == 0)
        is_last = (
            not page.items
            or place.page + 1 >= self._max_pages
            or "{page}" not in self._page_url
            or (page.ends is not None and _latest(page.ends) < since)
        )
        following = None if is_last else str(_Place(place.page + 1))
        if not self._reads_posts:
            items = tuple(item for item in page.items if self._is_relevant(item))
            return Page(items, page.quarantined, next_cursor=following)
        waiting = self._shelf.keep(
            [
                item
                for item in page.items
                if item.written_at is None or _latest(item.written_at) >= since
            ]
        )
        if waiting:
            following = str(_Place(place.page, posts=waiting, is_last=is_last))
        return Page((), page.quarantined, next_cursor=following)

    def _read_post(self, place: _Place, listed: CollectedFeedback) -> Page:
        if not self._robots.is_known(listed.url):
            self._robots.learn(listed.url)
            return Page((), next_cursor=str(place))
        bad, item = 0, listed
        quarantined: tuple[QuarantinedItem, ...] = ()
        try:
            item = self._post(listed)
        except (BadInputError, LayoutChangedError) as error:
            bad = place.bad + 1
            payload = error.payload if isinstance(error, LayoutChangedError) else b""
            if bad >= BAD_POSTS_IN_A_ROW:
                raise LayoutChangedError(
                    f"board: {bad} posts in a row: {error}", payload=payload
                ) from None
            html = payload.decode("utf-8", "replace") or listed.url
            quarantined = (_quarantine(error, html, listed.url),)
        items = (item,) if self._is_relevant(item) else ()
        following = str(replace(place, index=place.index + 1, bad=bad))
        return Page(items, quarantined, next_cursor=following)

    def _post(self, listed: CollectedFeedback) -> CollectedFeedback:
        answer = self._ask(listed.url, accepted=(HTTPStatus.NOT_FOUND, HTTPStatus.GONE))
        if answer.status >= 300:
            # Deleted since the list was read; its title was public.
            return listed
        now = self._build.clock()
        try:
            return parse_post(answer.text, definition=self._definition, listed=listed, now=now)
        except LayoutChangedError:
            raise_if_captcha(answer)
            raise

    def _is_relevant(self, item: CollectedFeedback) -> bool:
        return self._relevance.accepts(f"{item.title}\n{item.text}")

    def _url(self, page: int) -> str:
        number = self._definition.first_page + page * self._definition.page_step
        return self._page_url.replace("{page}", str(number))

    def _ask(self, url: str, accepted: tuple[int, ...] = ()) -> Answer:
        self._robots.require(url)
        answer = self._build.client.read(
            url, accepted=accepted, is_public_page=True, refusal=human_wanted
        )
        if urlsplit(answer.url).netloc != urlsplit(url).netloc:
            # Another site has rules of its own, which were not asked for.
            raise LayoutChangedError(
                f"board: {urlsplit(url).netloc} sends us to {urlsplit(answer.url).netloc}",
                payload=answer.body,
            )
        return answer

    def _listed(self, answer: Answer, *, is_first: bool) -> ListPage:
        try:
            return parse_page(
                answer.text,
                definition=self._definition,
                kind=self._kind,
                url=answer.url,
                now=self._build.clock(),
                is_first=is_first,
            )
        except LayoutChangedError:
            raise_if_captcha(answer)
            raise


def _latest(written_at: datetime) -> datetime:
    """Give the latest instant that a date from a list may mean."""
    local = written_at.astimezone(KST)
    is_day = (local.hour, local.minute, local.second) == (0, 0, 0)
    return written_at + (timedelta(days=1) if is_day else timedelta(minutes=1))


class _Shelf:
    """The posts of a list page that wait to be read, and the ids of those that were.

    Kept in the token store, which is sealed, for a list has names and texts of people.
    """

    def __init__(self, build: Build) -> None:
        self._tokens = build.tokens
        self._key = build.account.key

    def keep(self, items: Sequence[CollectedFeedback]) -> str:
        """Keep the posts that were not read yet; gives their name, empty when there are none."""
        token = dict(self._tokens.load(self._key))
        read = set(token.get("read", "").split())
        posts = json.dumps([_packed(item) for item in items if _mark(item) not in read])
        if posts == "[]":
            return ""
        self._tokens.save(self._key, {**token, "posts": posts})
        return _name(posts)

    def posts(self, name: str) -> list[CollectedFeedback] | None:
        """Give the posts that were kept under a name; None when they are others by now."""
        posts = self._tokens.load(self._key).get("posts", "")
        if _name(posts) != name:
            return None
        return [_unpacked(post) for post in json.loads(posts)]

    def mark_read(self, items: Sequence[CollectedFeedback]) -> None:
        """Remember that posts were read and stored."""
        token = dict(self._tokens.load(self._key))
        read = token.get("read", "").split()
        new = [mark for mark in map(_mark, items) if mark not in set(read)]
        if new:
            self._tokens.save(self._key, {**token, "read": " ".join([*read, *new][-REMEMBERED:])})


def _mark(item: CollectedFeedback) -> str:
    return hashlib.sha256(item.native_id.encode("utf-8", "replace")).hexdigest()[:12]


def _name(posts: str) -> str:
    return hashlib.sha256(posts.encode()).hexdigest()[:16]


_PACKED: Final = (
    "native_id",
    "text",
    "title",
    "rating",
    "author",
    "author_id",
    "product_name",
    "url",
    "reach",
    "written_at_is_exact",
)


def _packed(item: CollectedFeedback) -> dict[str, object]:
    packed: dict[str, object] = {name: getattr(item, name) for name in _PACKED}
    written_at = item.written_at.isoformat() if item.written_at else ""
    return {**packed, "kind": str(item.kind), "written_at": written_at}


def _unpacked(packed: dict[str, object]) -> CollectedFeedback:
    written_at = str(packed.pop("written_at"))
    kind = FeedbackKind(str(packed.pop("kind")))
    at = datetime.fromisoformat(written_at) if written_at else None
    return CollectedFeedback(kind=kind, written_at=at, **packed)  # type: ignore[arg-type]


def _definition(account: Account) -> Definition:
    """Put the account's keys over a ready definition's."""
    known = (*OPTIONS, *KEYS, *WORKERS_OPTIONS)
    for option in account.options:
        if option not in known:
            raise ConfigurationError(
                f"{option} is no option of a board; known are {', '.join(known)}"
            )
    if not _switch(account, "enabled"):
        raise ConfigurationError(
            "a board is off until enabled = true; read the site's terms and robots.txt first"
        )
    name = account.option("definition")
    table: dict[str, object] = ready_table(name) if name else {}
    for key in KEYS:
        if key not in account.options:
            continue
        own, ready = account.options[key], table.get(key)
        is_merged = isinstance(own, Mapping) and isinstance(ready, Mapping)
        table[key] = {**ready, **own} if is_merged else own  # type: ignore[dict-item]
    return parse_definition(table)


def _address(list_url: str, account: Account) -> str:
    """Fill everything but ``{page}`` into the list's address."""

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        if name == "page":
            return found[0]
        if name not in {"board", "base_url"}:
            raise ConfigurationError(f"list_url knows no {found[0]}")
        value = account.option(name).strip()
        if not value:
            raise ConfigurationError(f'{name} = "..." is missing')
        return quote(value, safe="") if name == "board" else value.rstrip("/")

    url = re.sub(r"\{(\w*)\}", fill, list_url)
    if not is_web_address(url.replace("{page}", "1")):
        raise ConfigurationError("list_url is no address")
    return url


def _kind(account: Account) -> FeedbackKind:
    try:
        return FeedbackKind(account.option("kind", "post"))
    except ValueError:
        raise ConfigurationError(f"kind must be one of {', '.join(FeedbackKind)}") from None


def _max_pages(account: Account) -> int:
    value = account.options.get("max_pages", DEFAULT_PAGES)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_PAGES:
        raise ConfigurationError(f"max_pages must be a whole number from 1 to {MAX_PAGES}")
    return value


def _switch(account: Account, name: str) -> bool:
    value = account.options.get(name, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be true or false")
    return value


def build(build: Build) -> BoardCollector:
    """Make the collector of one account."""
    return BoardCollector(build)
