"""How a test sees what an attack did: every row, every route, every element of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from storage.models import Base

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI

    from tests.console.conftest import Desk

ADDRESSES = ("href", "src", "action", "formaction", "data", "poster", "background", "ping")
EXECUTES = {"iframe", "object", "embed", "base", "frame", "applet", "style", "template", "x-evil"}


def rows(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    """Give every row of the database; when a session was last seen does not count."""
    found = {
        table.name: desk.rows(f"SELECT * FROM {table.name}")  # noqa: S608 - our own tables
        for table in Base.metadata.sorted_tables
    }
    for row in found["sessions"]:
        del row["seen_at"]
    return found


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """Give method and path of every route of the console."""
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [(method.upper(), path) for path, item in paths.items() for method in item]


def filled(path: str, number: int | str, slug: str = "alpha") -> str:
    """Put an id into a route's path."""
    path = path.replace("{slug}", slug)
    while "{" in path:
        before, _, after = path.partition("{")
        path = f"{before}{number}{after.partition('}')[2]}"
    return path


def what_would_run(page: str) -> list[str]:
    """Give what a browser would run or load from elsewhere; nothing for a page of ours."""
    parsed = LexborHTMLParser(page).root
    assert parsed is not None
    return [
        problem
        for node in parsed.traverse(include_text=False)
        for problem in _problems(node.tag or "", node.attributes, node.text(deep=False))
    ]


def _problems(tag: str, attributes: Mapping[str, str | None], words: str) -> Iterator[str]:
    if tag in EXECUTES or (tag == "meta" and "http-equiv" in attributes):
        yield f"<{tag}>"
    if tag == "script" and (attributes.get("src") != "/static/desk.js" or words):
        yield f"script {words}"
    for name, value in attributes.items():
        if name.startswith("on") or name in {"style", "srcdoc"}:
            yield f"{name}={value}"
        if name in ADDRESSES and urlsplit(value or "").scheme not in {"", "http", "https"}:
            yield f"{name}={value}"
