"""A table of feedback (CSV, Excel) whose columns are named: how its rows are understood."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from collectors.files import Columns
from domain.errors import BadInputError, ConfigurationError
from domain.types import ChannelReply, CollectedFeedback, FeedbackKind

if TYPE_CHECKING:
    from datetime import datetime

    from collectors.files import Row, RowReader
    from domain.brands import Account

FIELDS: Final = (
    "text",
    "id",
    "title",
    "rating",
    "written_at",
    "edited_at",
    "author",
    "author_id",
    "product_id",
    "product_name",
    "order_id",
    "url",
    "reply",
    "replied_at",
)
"""What a column may be mapped to; only ``text`` must be."""

IDENTITY: Final = (
    "title",
    "text",
    "written_at",
    "author",
    "author_id",
    "product_id",
    "product_name",
    "order_id",
)
"""What makes a row without an id itself: what does not change when it is answered or seen."""

SCALES: Final = (5, 10, 100)


class TableLayout:
    """How an account's tables are understood.

    Args:
        account: ``columns``, ``kind`` and ``rating_scale`` are its options.

    Raises:
        ConfigurationError: The mapping is not one.
    """

    def __init__(self, account: Account) -> None:
        self._wanted = _mapping(account)
        self._kind = _kind(account)
        self._scale = _scale(account)

    def reader(self, header: tuple[str, ...], now: datetime) -> RowReader:
        """Check the header; see `collectors.files.Layout`. A reader belongs to one file."""
        columns = Columns(header, self._wanted)
        seen: Counter[str] = Counter()

        def read(row: Row) -> CollectedFeedback:
            return self._parse_feedback(row, columns, now, seen)

        return read

    def _parse_feedback(
        self, row: Row, columns: Columns, now: datetime, seen: Counter[str]
    ) -> CollectedFeedback:
        written = columns.when(row, "written_at", now)
        edited = columns.when(row, "edited_at", now)
        text = columns.text(row, "text")
        if not text and not columns.text(row, "title"):
            raise BadInputError("no text", field=self._wanted["text"], remedy="본문을 적어 주세요.")
        rating = columns.rating(row, "rating", self._scale)
        replies = _replies(row, columns, now)
        return CollectedFeedback(
            kind=self._kind,
            native_id=self._native_id(row, columns, seen),
            text=text,
            written_at=written.at if written else None,
            written_at_is_exact=written.exact if written else False,
            edited_at=edited.at if edited else None,
            title=columns.text(row, "title"),
            rating=rating,
            author=columns.text(row, "author"),
            author_id=columns.identifier(row, "author_id"),
            product_id=columns.identifier(row, "product_id"),
            product_name=columns.text(row, "product_name"),
            order_id=columns.identifier(row, "order_id"),
            url=_web_address(columns.text(row, "url")),
            replies=replies,
        )

    def _native_id(self, row: Row, columns: Columns, seen: Counter[str]) -> str:
        if "id" in self._wanted:
            native_id = columns.identifier(row, "id")
            if not native_id or len(native_id) > 200:
                raise BadInputError(
                    "no usable id", field=self._wanted["id"], remedy="이 열을 채워 주세요."
                )
            return native_id
        content = "\x1f".join(columns.text(row, name) for name in IDENTITY)
        digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        seen[digest] += 1
        return f"row:{digest}" if seen[digest] == 1 else f"row:{digest}:{seen[digest]}"


def _replies(row: Row, columns: Columns, now: datetime) -> tuple[ChannelReply, ...]:
    text = columns.text(row, "reply")
    replied = columns.when(row, "replied_at", now)
    if not text and replied is None:
        return ()
    return (ChannelReply(text=text, replied_at=replied.at if replied else None),)


def _web_address(text: str) -> str:
    """Keep only what a browser may open; a column may hold anything."""
    return text if text.startswith(("https://", "http://")) else ""


def _mapping(account: Account) -> dict[str, str]:
    columns = account.options.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        raise ConfigurationError(f'{account.key}: columns = {{ text = "..." }} is missing')
    wanted = {str(name): str(column).strip() for name, column in columns.items()}
    strangers = sorted(set(wanted) - set(FIELDS))
    if strangers:
        raise ConfigurationError(
            f"{account.key}: columns knows no {', '.join(strangers)}; it knows {', '.join(FIELDS)}"
        )
    if not wanted.get("text"):
        raise ConfigurationError(f"{account.key}: columns must name the column of text")
    return wanted


def _kind(account: Account) -> FeedbackKind:
    try:
        return FeedbackKind(account.option("kind", "review"))
    except ValueError:
        raise ConfigurationError(
            f"{account.key}: kind must be one of {', '.join(FeedbackKind)}"
        ) from None


def _scale(account: Account) -> int:
    scale = account.options.get("rating_scale", 5)
    if not isinstance(scale, int) or scale not in SCALES:
        raise ConfigurationError(f"{account.key}: rating_scale must be one of {SCALES}")
    return scale
