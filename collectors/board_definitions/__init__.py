r"""How an HTML board is described: by selectors, in ``brand.toml`` or in a file beside this one.

A definition says where the list is and what in it is a post:

    list_url = "https://board.example/list?id={board}&page={page}"
    first_page = 1                          # the number of the first page
    page_step = 1                           # what is added for the next
    row = "table.list tbody tr"             # one element per post
    skip = [".notice", ".ad"]               # rows that are, or hold, one of these are no posts
    only = { select = "td.no", match = '^\d+$' }   # nor are rows where this finds nothing
    empty = "p.no-posts"                    # proves that an empty list is meant to be empty
    total = "strong.count"                  # or: a count of posts

    [fields]                                # id or link, and title, must be there
    id = "@data-no"                         # an attribute of the row
    title = "td.subject a"                  # the words of an element
    link = "td.subject a@href"              # an attribute of an element
    author = ["td.writer", "td.writer img@alt"]    # the first that gives something
    written_at = { select = "td.date", match = '(\d.*)' }   # a part of it

    [detail_fields]                         # read from the post itself with detail = true
    text = "div.body"
    written_at = "span.date"

Whatever is wrong with a definition is `ConfigurationError` and names the key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from collectors.values import text_of
from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

LIST_FIELDS: Final = (
    "id",
    "title",
    "link",
    "text",
    "author",
    "author_id",
    "written_at",
    "rating",
    "reach",
    "product_name",
)
DETAIL_FIELDS: Final = ("text", "written_at", "author", "rating")
KEYS: Final = (
    "list_url",
    "first_page",
    "page_step",
    "row",
    "skip",
    "only",
    "empty",
    "total",
    "fields",
    "detail_fields",
)
"""The keys of a definition that an account may give, too, to replace a definition's."""
_NOTES: Final = ("title", "source", "unverified")

_ATTRIBUTE: Final = re.compile(r"^(.*?)@([A-Za-z][\w-]*)$")


@dataclass(frozen=True, slots=True)
class Part:
    """Where one value stands.

    Attributes:
        selector: Of the element; empty for the row itself.
        attribute: Whose value is taken; empty for the element's words.
        pattern: What of it is taken: the first group, or all that matches.
    """

    selector: str
    attribute: str = ""
    pattern: re.Pattern[str] | None = None

    def read(self, node: LexborNode) -> str:
        """Give the value under ``node``; empty where there is none."""
        found = node.css_first(self.selector) if self.selector else node
        if found is None:
            return ""
        value = found.attributes.get(self.attribute) if self.attribute else text_of(found)
        value = (value or "").strip()
        if self.pattern is None:
            return value
        part = self.pattern.search(value)
        return (part[1] if part.re.groups else part[0]) or "" if part else ""


Field = tuple[Part, ...]
"""Places of one value; the first that gives something counts."""


def read_field(field: Field, node: LexborNode) -> str:
    """Give the value of a field under ``node``; empty where there is none."""
    return next((value for part in field if (value := part.read(node))), "")


@dataclass(frozen=True, slots=True)
class Definition:
    """A board; see the module's docstring for what the keys mean."""

    list_url: str
    row: str
    fields: Mapping[str, Field]
    detail_fields: Mapping[str, Field]
    first_page: int = 1
    page_step: int = 1
    skip: tuple[str, ...] = ()
    only: Field = ()
    empty: str = ""
    total: Field = ()


def ready_definitions() -> tuple[str, ...]:
    """Name the definitions that come with the house."""
    names = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def ready_table(name: str) -> dict[str, object]:
    """Read a definition that comes with the house.

    Raises:
        ConfigurationError: There is none of this name.
    """
    if name not in ready_definitions():
        raise ConfigurationError(
            f"definition knows no {name!r}; it knows {', '.join(ready_definitions())}"
        )
    text = files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return {key: value for key, value in tomllib.loads(text).items() if key not in _NOTES}


def parse_definition(table: Mapping[str, object]) -> Definition:
    """Check a definition.

    Raises:
        ConfigurationError: Something is missing, unknown or unusable; names the key.
    """
    _refuse_strangers(table, KEYS, "")
    fields = _fields(table, "fields", LIST_FIELDS)
    if "title" not in fields:
        raise ConfigurationError("fields.title is missing")
    if "id" not in fields and "link" not in fields:
        raise ConfigurationError("fields.id or fields.link must be there")
    list_url = _text(table, "list_url")
    row = _text(table, "row")
    for key, value in (("list_url", list_url), ("row", row)):
        if not value:
            raise ConfigurationError(f"{key} is missing")
    return Definition(
        list_url=list_url,
        row=_selector("row", row),
        fields=fields,
        detail_fields=_fields(table, "detail_fields", DETAIL_FIELDS),
        first_page=_number(table, "first_page", 0),
        page_step=_number(table, "page_step", 1),
        skip=tuple(_selector("skip", selector) for selector in _texts(table, "skip")),
        only=_field("only", table["only"]) if table.get("only") else (),
        empty=_selector("empty", _text(table, "empty")) if table.get("empty") else "",
        total=_field("total", table["total"]) if table.get("total") else (),
    )


def _refuse_strangers(table: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    strangers = [key for key in table if key not in known]
    if strangers:
        raise ConfigurationError(
            f"{where}{strangers[0]} is no key of a board; known are {', '.join(known)}"
        )


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ConfigurationError(f"{key} must be a text")
    return value.strip()


def _texts(table: Mapping[str, object], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ConfigurationError(f"{key} must be a list of selectors")
    return [str(text) for text in value]


def _number(table: Mapping[str, object], key: str, least: int) -> int:
    value = table.get(key, 1)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1000:
        raise ConfigurationError(f"{key} must be a whole number from {least} to 1000")
    return value


def _fields(table: Mapping[str, object], key: str, known: tuple[str, ...]) -> dict[str, Field]:
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{key} must be a table")
    _refuse_strangers(value, known, f"{key}.")
    # An empty text takes a ready definition's field away.
    return {name: _field(f"{key}.{name}", field) for name, field in value.items() if field != ""}


def _field(key: str, value: object) -> Field:
    parts = value if isinstance(value, list | tuple) else [value]
    if not parts:
        raise ConfigurationError(f"{key} is empty")
    return tuple(_part(key, part) for part in parts)


def _part(key: str, value: object) -> Part:
    if isinstance(value, Mapping):
        _refuse_strangers(value, ("select", "match"), f"{key}.")
        place, pattern = value.get("select", ""), value.get("match", "")
    else:
        place, pattern = value, ""
    if not isinstance(place, str) or not isinstance(pattern, str):
        raise ConfigurationError(f"{key} must be a selector, or {{ select = ..., match = ... }}")
    found = _ATTRIBUTE.match(place.strip())
    selector, attribute = (found[1].strip(), found[2].lower()) if found else (place.strip(), "")
    if not selector and not attribute:
        raise ConfigurationError(f"{key} selects nothing")
    return Part(
        _selector(key, selector) if selector else "",
        attribute,
        _pattern(key, pattern) if pattern else None,
    )


def _selector(key: str, selector: str) -> str:
    try:
        LexborHTMLParser("<p>").css(selector)
    except SelectolaxError:
        raise ConfigurationError(f"{key}: {selector!r} is not a selector") from None
    return selector


def _pattern(key: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError):
        raise ConfigurationError(f"{key}: {pattern!r} is not a pattern") from None
