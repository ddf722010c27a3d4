"""Finding cases by words of their feedback."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Text,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql

from storage.models import (
    CaseRow,
    FeedbackRow,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


_MOST_WORDS = 6
_LONGEST_WORD = 40
_SPACES = re.compile("[ \\n\\r\\t]+")


def _ascii_lower(text_: str) -> str:
    # What both databases do alike, whatever their locale.
    return "".join(character.lower() if character.isascii() else character for character in text_)


def searchable(words: str) -> list[str]:
    """Give the words of a query that can be looked for: two characters and more."""
    cleaned = _ascii_lower(words).replace("\0", "")
    found = [word[:_LONGEST_WORD] for word in _SPACES.split(cleaned) if len(word) > 1]
    return list(dict.fromkeys(found))[:_MOST_WORDS]


@dataclass(frozen=True, slots=True)
class _Found:
    """How the cases of a search are found.

    Attributes:
        conditions: What they meet.
        reads_texts: Whether a condition is about the feedback's own row.
        index: The one SQLite takes; empty for the one of the filter.
    """

    conditions: Sequence[ColumnElement[bool]] = ()
    reads_texts: bool = False
    index: str = ""


_FEW = 2000
"""Of so many finds each is looked at; of more, the queue is read until a page is full."""


def search_feedback(connection: Connection, query: str) -> _Found:
    """Find texts by pairs of characters, then make sure that each word really occurs.

    Spaces count neither in the query's words nor in the text: Korean is spaced freely.
    """
    words = searchable(query)
    if not words:
        return _Found()
    # A pair in the index is a pair in the text; longer words could be put together from others'.
    unsure = [word for word in words if len(word) > 2 or not word.isalnum()]
    grams = sorted({word[at : at + 2] for word in words for at in range(len(word) - 1)})
    if connection.dialect.name == "postgresql":
        return _search_postgresql(connection, words, unsure, grams)
    squashed: ColumnElement[str] = func.lower(_SEARCHED)
    for character in (" ", "\n", "\r", "\t"):
        squashed = func.replace(squashed, character, "")
    occurs = [func.instr(squashed, word) > 0 for word in unsure]
    # Signs are no part of the index's words.
    readable = [gram for gram in grams if gram.isalnum()]
    if not readable:
        return _Found(occurs, reads_texts=True)
    query_text = " AND ".join(f'"{gram}"' for gram in readable)
    hits = (
        select(column("rowid", Integer))
        .select_from(table("feedback_search"))
        .where(text("feedback_search MATCH :grams").bindparams(grams=query_text))
    )
    few = list(connection.execute(hits.limit(_FEW + 1)).scalars())
    if len(few) <= _FEW:
        # SQLite's own index of the unique column.
        found = CaseRow.feedback_id.in_(few)
        return _Found([found, *occurs], bool(occurs), "sqlite_autoindex_cases_1")
    return _Found([CaseRow.feedback_id.in_(hits), *occurs], bool(occurs))


_SEARCHED = FeedbackRow.title + " " + FeedbackRow.text + " " + FeedbackRow.product_name


_IS_COMMON = text(
    "SELECT 1 FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) "
    "AS common (gram, share) "
    "WHERE tablename = 'ix_feedback_grams' AND gram = :gram AND share > 0.01"
)


def _search_postgresql(
    connection: Connection, words: Sequence[str], unsure: Sequence[str], grams: Sequence[str]
) -> _Found:
    # The very expression that is indexed.
    indexed: ColumnElement[list[str]] = literal_column(
        "pyeongpan_grams(feedback.title || ' ' || feedback.text || ' ' || feedback.product_name)"
    )
    has_grams = indexed.op("@>")(cast(grams, postgresql.ARRAY(Text)))
    squashed: ColumnElement[str] = func.translate(func.lower(_SEARCHED), " \n\r\t", "")
    some = select(literal(1)).select_from(FeedbackRow).where(has_grams).limit(_FEW + 1)
    count_some = select(func.count()).select_from(some.subquery())
    # Of one common pair the statistics know it; for more, the index alone counts.
    if (
        len(grams) == 1 and connection.execute(_IS_COMMON, {"gram": grams[0]}).first()
    ) or connection.execute(count_some).scalar_one() > _FEW:
        # Making a text's pairs takes a hundred times as long as looking for the words in it.
        return _Found([func.strpos(squashed, word) > 0 for word in words], reads_texts=True)
    hits = (
        select(FeedbackRow.id)
        .where(has_grams, *(func.strpos(squashed, word) > 0 for word in unsure))
        .cte("hits")
        .prefix_with("MATERIALIZED")
    )
    return _Found([CaseRow.feedback_id.in_(select(hits.c.id))])
