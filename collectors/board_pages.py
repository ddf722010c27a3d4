"""The pages of an HTML board, read by a definition: its list, and a post of it. Pure.

What a definition says is in `collectors.board_definitions`; asking and politeness are
`collectors.board`'s.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urldefrag, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from collectors.board_definitions import Definition, read_field
from collectors.mentions import canonical, is_web_address
from collectors.values import clean_text, is_too_deep, parse_rating, parse_when, text_of
from domain.errors import BadInputError, LayoutChangedError, ReputationError
from domain.types import CollectedFeedback, FeedbackKind, QuarantinedItem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from selectolax.lexbor import LexborNode

    from collectors.board_definitions import Field

_RAW_LIMIT_BYTES: Final = 256 * 1024
_LONGEST_ID: Final = 200
_FRAME_DEPTH: Final = 3
_PICTURES: Final = "img, video, iframe, embed, object"


@dataclass(frozen=True, slots=True)
class ListPage:
    """What one list page says.

    Attributes:
        items: Posts with what the list tells of them, relevant or not.
        ends: When the last post was written; None where the list has no dates or no posts.
        frame: Names the place where the posts stand; empty without posts.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    ends: datetime | None
    frame: str = ""


def parse_page(
    payload: str,
    *,
    definition: Definition,
    kind: FeedbackKind,
    url: str,
    now: datetime,
    frame: str = "",
) -> ListPage:
    """Read one list page. Pure.

    Args:
        payload: The HTML.
        definition: Of the board.
        kind: What customers write there.
        url: Where it came from; links are relative to it.
        now: When it was read.
        frame: Where the posts of the page before stood; empty for the first page. Posts must be
            there unless that place is there without them, or the page proves that there are none.

    Raises:
        LayoutChangedError: Not the list the definition describes, or no post can be read.
    """
    if is_too_deep(payload):
        raise _changed("nested too deeply", payload)
    tree = LexborHTMLParser(payload)
    rows = tree.css(definition.row)
    posts = [row for row in rows if not _is_other(row, definition)]
    if not posts and not (
        _is_after_the_last(tree, frame) or _is_meant_to_be_empty(tree, definition, payload)
    ):
        raise _changed("only notices and advertisements" if rows else "no rows", payload)
    items: list[CollectedFeedback] = []
    quarantined: list[QuarantinedItem] = []
    for position, row in enumerate(posts, start=1):
        try:
            items.append(_parse_feedback(row, definition, kind, url, now))
        except BadInputError as error:
            quarantined.append(quarantine(error, row.html or "", url, position))
    if quarantined and not items:
        raise _changed(f"no post can be read: {quarantined[0].reason}", payload)
    if len(items) > 2 and len({item.native_id for item in items}) == 1:
        # Each would be taken for an edit of the one before, at every run.
        raise _changed("all posts have one id", payload)
    if "author" in definition.fields and len(items) > 1 and not any(i.author for i in items):
        raise _changed("no post has an author", payload)
    # A popular post stands on top as well, its title shortened: taken twice, each run would edit it.
    once = {item.native_id: item for item in reversed(items)}
    return ListPage(
        tuple(item for item in items if once[item.native_id] is item),
        tuple(quarantined),
        items[-1].written_at if items else None,
        _frame(posts[0].parent) if posts else "",
    )


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
    # Looked for first: reading a text takes what is embedded out of the tree.
    has_pictures = root is not None and _has_pictures(
        root, definition.detail_fields.get("text", ())
    )
    text = clean_text(_value(root, definition.detail_fields, "text")) if root else ""
    if root is None or not (text or has_pictures):
        raise _changed("a post has no text where fields say", payload)
    written = _value(root, definition.detail_fields, "written_at")
    when = parse_when(written, now=now) if written else None
    is_better = when is not None and (when.exact or listed.written_at is None)
    return replace(
        listed,
        text=text or listed.text,
        written_at=when.at if when and is_better else listed.written_at,
        written_at_is_exact=when.exact if when and is_better else listed.written_at_is_exact,
        author=clean_text(_value(root, definition.detail_fields, "author")) or listed.author,
        rating=parse_rating(_value(root, definition.detail_fields, "rating")) or listed.rating,
    )


def is_secret(payload: str) -> bool:
    """Tell whether a page asks for the password of a secret post instead of showing it. Pure.

    Many sites have a login form on every page, and a post may speak of secret posts; both together,
    without a post, are what shops and boards show a stranger.
    """
    if is_too_deep(payload):
        return False
    body = LexborHTMLParser(payload).body
    if body is None:
        return False
    inputs = (node.attributes.get("type") or "" for node in body.css("input"))
    asks = any(kind.lower() == "password" for kind in inputs)
    return asks and _SECRET.search(text_of(body)) is not None


_SECRET: Final = re.compile(
    r"비밀\s?글\s?(?:입니다|이에요|보기|기능으로|로\s?(?:설정|보호|등록|작성|되어))"
)


def alerted(payload: str) -> str:
    """Give what a page that shows nothing says by its script's ``alert()``; empty for others. Pure.

    So boards turn strangers away with 200. Most pages have such words for whoever presses a button
    later, which says nothing about the page: only one without words of its own is meant.
    """
    found = _ALERT.search(payload)
    if found is None or is_too_deep(payload):
        return ""
    body = LexborHTMLParser(payload).body
    if body is not None and text_of(body):
        return ""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), found[2])


def wants_sign_in(words: str) -> bool:
    """Tell whether the words of `alerted` ask whoever reads for an account of the site. Pure."""
    return _SIGN_IN.search(words) is not None


_ALERT: Final = re.compile(r"""\balert\s*\(\s*(["'`])((?:(?!\1)[^<>]){1,300})\1""")
_SIGN_IN: Final = re.compile(
    r"로그인|로긴|회원|멤버|등업|등급|권한|비공개|log ?-?in|sign ?-?in|member", re.IGNORECASE
)


def _has_pictures(root: LexborNode, field: Field) -> bool:
    """Tell whether a body is where the definition says and shows something instead of words."""
    bodies = (root.css_first(part.selector) for part in field if part.selector)
    return any(body is not None and body.css_first(_PICTURES) is not None for body in bodies)


def _changed(what: str, payload: str) -> LayoutChangedError:
    return LayoutChangedError(f"board: {what}", payload=payload.encode("utf-8", "replace"))


def _is_other(row: LexborNode, definition: Definition) -> bool:
    """Tell whether a row is a notice, an advertisement or a heading."""
    if any(row.css_matches(selector) for selector in definition.skip):
        return True
    return bool(definition.only) and not read_field(definition.only, row)


def _is_after_the_last(tree: LexborHTMLParser, frame: str) -> bool:
    """Tell whether a later page is the same list without posts, rather than another page."""
    return bool(frame) and any(_frame(node) == frame for node in tree.css("*"))


def _is_meant_to_be_empty(tree: LexborHTMLParser, definition: Definition, payload: str) -> bool:
    if definition.empty and tree.css_first(definition.empty) is not None:
        return True
    if not definition.total or tree.root is None:
        return False
    total = read_field(definition.total, tree.root).replace(",", "")
    if not re.fullmatch(r"\d{1,9}", total, re.ASCII):
        raise _changed("total is missing", payload)
    return int(total) == 0


def _frame(node: LexborNode | None) -> str:
    """Name an element by itself and the two around it, for no site writes the same of a refusal."""
    parts: list[object] = []
    while node is not None and len(parts) < _FRAME_DEPTH:
        parts.append((node.tag, node.attributes.get("id"), node.attributes.get("class")))
        node = node.parent
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:8]


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
    if "link" in definition.fields and not link:
        raise BadInputError("no link", field="link")
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


def quarantine(
    error: ReputationError, html: str, url: str, position: int | None = None
) -> QuarantinedItem:
    """Keep what could not be read, for a person."""
    field, remedy = (error.field, error.remedy) if isinstance(error, BadInputError) else ("", "")
    return QuarantinedItem(
        reason=str(error),
        raw=html.encode("utf-8", "replace")[:_RAW_LIMIT_BYTES],
        source=url,
        row=position,
        field=field,
        remedy=remedy or "사이트에서 이 글을 직접 열어 확인해 주세요.",
    )
