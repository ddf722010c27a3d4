"""HTML of the demo storefront, after the markup of a Cafe24 skin. All content is escaped.

Skin ``a`` is what the collector knows. ``b`` is another skin altogether; in ``c`` only writer and
date lost their classes, which is how a small skin update looks from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from domain.korea import KST
from domain.types import FeedbackKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from demo.content import Article

SKINS = ("a", "b", "c")
BOARD_NUMBERS = {FeedbackKind.REVIEW: 4, FeedbackKind.POST: 5, FeedbackKind.INQUIRY: 6}
BOARD_WORDS = {
    FeedbackKind.REVIEW: "review",
    FeedbackKind.POST: "free",
    FeedbackKind.INQUIRY: "qna",
}
BOARD_TITLES = {
    FeedbackKind.REVIEW: "상품 사용후기",
    FeedbackKind.POST: "자유게시판",
    FeedbackKind.INQUIRY: "상품 Q&A",
}

_PAGES_SHOWN = 10
_STYLE = (
    "body{font:15px/1.6 sans-serif;max-width:860px;margin:2em auto;padding:0 1em;color:#222}"
    "ul{list-style:none;padding:0}li.mun-list{border-top:1px solid #ddd;padding:1em 0}"
    ".number,.mun-writer-date,.mun-order,.mun-product{color:#777;font-size:13px}"
    ".mun-content,.reply-content{white-space:pre-wrap}.mun-replies{background:#f5f2ec;padding:1em}"
    "ol{display:flex;gap:.5em;list-style:none;padding:0}a{color:#555}a.this{font-weight:bold}"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The shop's answer under an article."""

    no: int
    writer: str
    content: str
    replied_at: datetime


def local_time(instant: datetime) -> str:
    """Give an instant as the board shows it: Korean time without a zone, to the second."""
    return instant.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def render_row(article: Article, replies: Sequence[Reply], skin: str) -> str:
    """Give one article with its full text and the shop's replies."""
    if skin == "b":
        return _row_b(article, replies)
    writer, date = (' class="writer"', ' class="date"') if skin == "a" else ("", "")
    edited = (
        f' data-edited-at="{article.edited_at.astimezone(KST).isoformat(timespec="seconds")}"'
        if article.edited_at
        else ""
    )
    title = escape(article.title or f"{article.product} 후기".strip())
    return (
        f'<li class="mun-list clear-fix xans-record-" data-article-no="{article.no}"{edited}>'
        f'<div class="number">{article.no}</div><div class="info">'
        f"{_product(article)}{_points(article)}"
        f'<div class="mun-name"><a href="{article_path(article)}">{title}</a></div>'
        f'<div class="mun-writer-date"><span{writer}>{escape(article.author)}</span> | '
        f"<span{date}>{local_time(article.written_at)}</span></div>"
        f"{_order(article)}"
        f'<div class="mun-content">{escape(article.text)}</div>{_replies(replies)}</div></li>'
    )


def article_path(article: Article) -> str:
    """Give the path of an article's own page."""
    word, number = BOARD_WORDS[article.kind], BOARD_NUMBERS[article.kind]
    return f"/{article.shop}/article/{word}/{number}/{article.no}/"


def _product(article: Article) -> str:
    if not article.product:
        return ""
    return (
        f'<div class="mun-product"><a href="/{article.shop}/product/detail.html?product_no='
        f'{escape(article.product_no)}">{escape(article.product)}</a></div>'
    )


def _points(article: Article) -> str:
    if article.rating is None:
        return ""
    return (
        f'<div class="mun-point"><img src="/img/ico_point{article.rating}.gif" '
        f'alt="{article.rating}점"></div>'
    )


def _order(article: Article) -> str:
    if not article.order_no:
        return ""
    return f'<div class="mun-order">주문번호 {escape(article.order_no)}</div>'


def _replies(replies: Sequence[Reply]) -> str:
    if not replies:
        return ""
    rows = "".join(
        f'<li class="reply" data-reply-no="{reply.no}">'
        f'<span class="reply-writer">{escape(reply.writer)}</span> | '
        f'<span class="reply-date">{local_time(reply.replied_at)}</span>'
        f'<div class="reply-content">{escape(reply.content)}</div></li>'
        for reply in replies
    )
    return f'<ul class="mun-replies">{rows}</ul>'


def _row_b(article: Article, replies: Sequence[Reply]) -> str:
    answers = "".join(f"<blockquote>{escape(reply.content)}</blockquote>" for reply in replies)
    return (
        f'<article class="bbs-card" id="post-{article.no}"><h3>{escape(article.title)}</h3>'
        f"<p>{escape(article.text)}</p><footer>{escape(article.author)} · "
        f"{local_time(article.written_at)} · {'★' * (article.rating or 0)}</footer>{answers}"
        "</article>"
    )


def render_list(
    shop_name: str,
    kind: FeedbackKind,
    rows: Sequence[str],
    page: int,
    sizes: tuple[int, int],
    skin: str,
) -> str:
    """Give one page of a board.

    Args:
        shop_name: Shown in the heading.
        kind: Which board.
        rows: Rendered rows of this page.
        page: From 1.
        sizes: Articles on the whole board, and rows a page holds.
        skin: One of ``SKINS``.
    """
    heading = f"{BOARD_TITLES[kind]} - {shop_name}"
    total, page_size = sizes
    if skin == "b":
        return _document(heading, f'<main class="bbs-grid">{"".join(rows)}</main>')
    number = BOARD_NUMBERS[kind]
    listing = f"<ul>{''.join(rows)}</ul>" if rows else '<p class="empty">게시물이 없습니다.</p>'
    return _document(
        heading,
        f'<div class="xans-element- xans-board xans-board-listpackage-{number} '
        f'xans-board-listpackage ec-base-table typeList" data-board-no="{number}">'
        f'<p class="board-total">전체 <strong class="total-count">{total}</strong>건</p>'
        f'<div class="xans-element- xans-board xans-board-notice-{number} xans-board-notice">'
        '<ul class="notice"><li class="mun-list clear-fix xans-record-"><div class="number">공지'
        '</div><div class="info"><div class="mun-name">게시판 이용 안내: 개인정보를 남기지 마세요'
        '</div><div class="mun-writer-date">shop | 2025-01-02 09:00:00</div></div></li></ul></div>'
        f'<div class="xans-element- xans-board xans-board-list-{number} xans-board-list '
        f'form-typeList board">{listing}</div>{_paging(number, page, -(-total // page_size))}</div>',
    )


def _paging(number: int, page: int, last_page: int) -> str:
    first_shown = max(1, page - _PAGES_SHOWN // 2)
    links = "".join(
        f'<li class="xans-record-"><a href="?board_no={number}&amp;page={shown}" '
        f'class="{"this" if shown == page else "other"}">{shown}</a></li>'
        for shown in range(first_shown, min(last_page, first_shown + _PAGES_SHOWN - 1) + 1)
    )
    following = (
        f'<a class="next" href="?board_no={number}&amp;page={page + 1}">다음</a>'
        if page < last_page
        else ""
    )
    return (
        f'<div class="xans-element- xans-board xans-board-paging-{number} xans-board-paging '
        f'ec-base-paginate"><ol>{links}</ol>{following}</div>'
    )


def render_article(shop_name: str, row: str) -> str:
    """Give the page of one article, where a deep link leads."""
    body = f'<div class="xans-element- xans-board xans-board-read"><ul>{row}</ul></div>'
    return _document(shop_name, body)


def render_index(shop_names: dict[str, str]) -> str:
    """Give the entrance: a link to every board."""
    links = "".join(
        f'<li><a href="/{shop}/board/list.html?board_no={number}&amp;page=1">'
        f"{escape(name)} {escape(BOARD_TITLES[kind])}</a></li>"
        for shop, name in shop_names.items()
        for kind, number in BOARD_NUMBERS.items()
    )
    return _document("데모 스토어", f"<ul>{links}</ul>")


def render_stars(count: int) -> str:
    """Give the picture of ``count`` of five stars as SVG."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="18"><text y="15" '
        f'fill="#c80">{"★" * count}{"☆" * (5 - count)}</text></svg>'
    )


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="ko"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
