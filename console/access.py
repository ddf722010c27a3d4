"""Who is at the desk, and what they may see and decide."""

import secrets
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends, Form, HTTPException, Request

from console.context import ConsoleContext
from console.security import form_token, is_form_token

VISITOR_COOKIE = "pyeongpan_visitor"
NAME_COOKIE = "pyeongpan_name"
_LONGEST_NAME = 40


class NameNeededError(Exception):
    """Nobody has said who they are; the page that asks comes first."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the desk.

    Attributes:
        name: What decisions are signed with.
        brands: Slugs of the brands this person may see.
    """

    name: str
    brands: frozenset[str]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one person."""

    request: Request
    context: ConsoleContext
    person: Person
    session: str = field(repr=False)
    form_token: str = field(repr=False)


def context_of(request: Request) -> ConsoleContext:
    """Give the console's tools."""
    context: ConsoleContext = request.app.state.context
    return context


def session_of(request: Request) -> str:
    """Give this browser's session, or a new one that the answer will set."""
    session: str = getattr(request.state, "new_session", "") or request.cookies.get(
        VISITOR_COOKIE, ""
    )
    if not session:
        session = secrets.token_urlsafe(32)
        request.state.new_session = session
    return session


def visit(request: Request) -> Visit:
    """Give the person behind a request.

    Raises:
        NameNeededError: Nobody has said who they are.
    """
    context = context_of(request)
    name = clean_name(unquote(request.cookies.get(NAME_COOKIE, "")))
    if not name:
        raise NameNeededError
    session = session_of(request)
    return Visit(
        request=request,
        context=context,
        person=Person(name, frozenset(context.brands)),
        session=session,
        form_token=form_token(request.app.state.form_key, session),
    )


def posting(
    visitor: Annotated[Visit, Depends(visit)], form_token: Annotated[str, Form()] = ""
) -> Visit:
    """Give the person behind a form, once it is proven to come from a page of ours."""
    check_form(visitor.request, visitor.session, form_token)
    return visitor


def check_form(request: Request, session: str, token: str) -> None:
    """Refuse a form that another site made a browser send."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or not is_form_token(request.app.state.form_key, session, token):
        raise HTTPException(403, "양식이 만료되었습니다. 페이지를 새로 고친 뒤 다시 해 주세요.")


def clean_name(name: str) -> str:
    """Give a name as one short printable line; empty when nothing is left."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:_LONGEST_NAME]


def name_cookie(name: str) -> str:
    """Write a name as a cookie's value."""
    return quote(name)


Reading = Annotated[Visit, Depends(visit)]
Posting = Annotated[Visit, Depends(posting)]
