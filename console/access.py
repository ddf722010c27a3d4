"""Who is at the desk, and what they may see and decide."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import Depends, Form, HTTPException, Request

from console.context import ConsoleContext
from console.security import is_loopback_request
from domain.brands import Brand
from storage import dossier, people
from storage.outage import DATABASE
from storage.people import DECIDERS, Account, Role
from storage.session import Connection

SESSION_COOKIE = "pyeongpan_session"
VISITOR_COOKIE = "pyeongpan_visitor"
NAME_COOKIE = "pyeongpan_name"
_LONGEST_NAME = 40
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Printable to Python, nothing to the eye: a name of these would be no name."""


class NameNeededError(Exception):
    """Nobody signs in here and nobody has said who they are; the page that asks comes first."""


class SignInNeededError(Exception):
    """People sign in here, and this browser has not."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the desk.

    Attributes:
        name: What decisions are signed with.
        brands: Slugs of the brands this person may see.
        role: None where nobody signs in: whoever sits at this machine may do everything but
            what needs two people.
        account: Their row; None where nobody signs in.
    """

    name: str
    brands: frozenset[str]
    role: Role | None = None
    account: Account | None = field(default=None, repr=False)

    @property
    def decides(self) -> bool:
        """Tell whether this person may approve and reject."""
        return self.role is None or self.role in DECIDERS

    @property
    def decides_many(self) -> bool:
        """Tell whether this person may decide many cases at once."""
        return self.role in {None, Role.LEAD, Role.SPECIALIST}

    @property
    def administers(self) -> bool:
        """Tell whether this person manages people."""
        return self.role is Role.OPERATOR

    @property
    def assigns(self) -> bool:
        """Tell whether this person gives cases to people."""
        return self.role in {Role.LEAD, Role.SPECIALIST}

    @property
    def leads(self) -> bool:
        """Tell whether this person says who looks after what, and how much each has at once."""
        return self.role in {Role.LEAD, Role.OPERATOR}

    @property
    def is_brand_side(self) -> bool:
        """Tell whether this person belongs to a brand, not to the agency."""
        return self.role in {Role.BRAND_APPROVER, Role.BRAND_VIEWER}

    @property
    def sees_owners(self) -> bool:
        """Tell whether this person may read whose case is whose.

        Who works for the agency, and why somebody no longer does, is not the brands' to read.
        """
        return self.account is not None and not self.is_brand_side

    def own_brands(self, brands: Mapping[str, Brand]) -> tuple[Brand, ...] | None:
        """Give, of a brand's people, their brands; None for everybody else."""
        if not self.is_brand_side:
            return None
        return tuple(brand for slug, brand in brands.items() if slug in self.brands)

    def compensation_limit(self, brand: Brand) -> int | None:
        """Won a reply of a brand may promise; None without a limit."""
        if self.role is None or self.role is Role.BRAND_APPROVER:
            return None
        limits = brand.compensation_limits
        return {
            Role.TEMPORARY: limits.temporary,
            Role.SPECIALIST: limits.specialist,
            Role.LEAD: limits.lead,
        }.get(self.role, 0)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one person."""

    request: Request
    context: ConsoleContext
    person: Person
    session: str = field(repr=False)
    form_token: str = field(repr=False)

    @property
    def address(self) -> str:
        """Where the request came from, for the audit log."""
        return address_of(self.request)

    def audit(
        self,
        connection: Connection,
        action: str,
        *,
        brand: str = "",
        case_id: int | None = None,
        detail: str = "",
    ) -> None:
        """Write into the audit log what this person does."""
        people.audit(
            connection,
            action,
            who=self.person.name,
            now=self.context.clock(),
            brand=brand,
            case_id=case_id,
            detail=one_line(detail),
            address=self.address,
        )


def context_of(request: Request) -> ConsoleContext:
    """Give the console's tools."""
    context: ConsoleContext = request.app.state.context
    return context


def address_of(request: Request) -> str:
    """Give the network address a request came from."""
    return request.client.host if request.client else ""


def visitor_of(request: Request) -> str:
    """Give this browser's secret from before sign-in, or a new one that the answer will set."""
    secret: str = getattr(request.state, "new_visitor", "") or request.cookies.get(
        VISITOR_COOKIE, ""
    )
    if not secret:
        secret = secrets.token_urlsafe(32)
        request.state.new_visitor = secret
    return secret


def form_token_of(secret: str) -> str:
    """Give the token a form must carry (CSRF): only this browser's secret leads to it."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def people_sign_in(request: Request) -> bool:
    """Tell whether people sign in here; once they do, they always do."""
    state = request.app.state
    if not state.people_sign_in:
        with state.context.database.reading() as connection:
            state.people_sign_in = people.any_exist(connection)
    return bool(state.people_sign_in)


def visit(request: Request) -> Visit:
    """Give the person behind a request.

    Raises:
        SignInNeededError: People sign in here, and this browser has not.
        NameNeededError: Nobody signs in here, and nobody has said who they are.
    """
    context = context_of(request)
    if people_sign_in(request):
        secret = request.cookies.get(SESSION_COOKIE, "")
        person = _signed_in(context, secret)
    else:
        if not is_loopback_request(request):
            raise HTTPException(403, "로그인이 설정되기 전에는 이 컴퓨터에서만 열립니다.")
        secret = visitor_of(request)
        name = clean_name(unquote(request.cookies.get(NAME_COOKIE, "")))
        if not name:
            raise NameNeededError
        person = Person(name, frozenset(context.brands))
    # Read from it just now: there may be nothing else in this process that would tell.
    DATABASE.is_over()
    return Visit(
        request=request,
        context=context,
        person=person,
        session=secret,
        form_token=form_token_of(secret),
    )


def _signed_in(context: ConsoleContext, token: str) -> Person:
    now = context.clock()
    with context.database.reading() as connection:
        found = people.session_person(connection, token, now=now) if token else None
    if found is None:
        raise SignInNeededError
    account, is_due = found
    if is_due:
        with context.database.unit_of_work() as connection:
            people.touch_session(connection, token, now=now)
    return person_of(context, account)


def person_of(context: ConsoleContext, account: Account) -> Person:
    """Give somebody at the desk from their row, wherever they came in."""
    every = frozenset(context.brands)
    brands = every if account.sees_all_brands else every & account.brands
    return Person(account.signature, brands, account.role, account)


def home_of(context: ConsoleContext, person: Person) -> str:
    """Give the page on which somebody begins: a brand's people on theirs, all others on the queue.

    Most of what waits in the queue is the agency's to do, and says nothing of what was done.
    """
    theirs = [slug for slug in context.brands if slug in person.brands]
    return f"/brands/{theirs[0]}" if person.is_brand_side and theirs else "/"


def brand_of(visit: Visit, case_id: int) -> Brand:
    """Give the brand of a case the person may see; other brands' cases do not exist for them."""
    with visit.context.database.reading() as connection:
        slug = dossier.brand_of_case(connection, case_id)
    if slug not in visit.person.brands:
        raise HTTPException(404, "없는 케이스입니다.")
    return visit.context.brands[slug]


def posting(
    visitor: Annotated[Visit, Depends(visit)], form_token: Annotated[str, Form()] = ""
) -> Visit:
    """Give the person behind a form, once it is proven to come from a page of ours."""
    check_form(visitor.request, visitor.session, form_token)
    return visitor


def deciding(visitor: Annotated[Visit, Depends(posting)]) -> Visit:
    """Give the person behind a decision's form, if they may decide."""
    if not visitor.person.decides:
        raise HTTPException(403, "결정할 권한이 없습니다.")
    return visitor


def assigning(visitor: Annotated[Visit, Depends(posting)]) -> Visit:
    """Give the person behind a form that gives a case to somebody, if they may."""
    if not visitor.person.assigns:
        raise HTTPException(403, "담당을 정할 권한이 없습니다.")
    return visitor


def leading(visitor: Annotated[Visit, Depends(posting)]) -> Visit:
    """Give the lead or operator behind a form about who looks after what."""
    if not visitor.person.leads:
        raise HTTPException(403, "담당을 정할 권한이 없습니다.")
    return visitor


def administering(visitor: Annotated[Visit, Depends(visit)]) -> Visit:
    """Give the operator behind a request."""
    if not visitor.person.administers:
        raise HTTPException(404, "없는 페이지입니다.")
    return visitor


def changing_people(visitor: Annotated[Visit, Depends(posting)]) -> Visit:
    """Give the operator behind a form."""
    return administering(visitor)


def check_form(request: Request, secret: str, token: str) -> None:
    """Refuse a form that another site made a browser send."""
    origin = request.headers.get("origin")
    # The scheme is left out: behind a proxy it is not the browser's.
    host = origin.partition("://")[2] if origin is not None else request.headers.get("host")
    expected = form_token_of(secret).encode() if secret else b""
    is_ours = bool(secret) and hmac.compare_digest(expected, token.encode("utf-8", "replace"))
    if host != request.headers.get("host") or not is_ours:
        raise HTTPException(403, "양식이 만료되었습니다. 페이지를 새로 고친 뒤 다시 해 주세요.")


def one_line(text: str, longest: int = 500) -> str:
    """Give what somebody typed as one printable line; PostgreSQL refuses NUL in a text."""
    return " ".join(
        "".join(c if c.isprintable() and c not in _UNSEEN else " " for c in text).split()
    )[:longest]


def clean_name(name: str) -> str:
    """Give a name as one short printable line; empty when nothing is left."""
    return one_line(name, _LONGEST_NAME)


def name_cookie(name: str) -> str:
    """Write a name as a cookie's value."""
    return quote(name)


Reading = Annotated[Visit, Depends(visit)]
Posting = Annotated[Visit, Depends(posting)]
Deciding = Annotated[Visit, Depends(deciding)]
Assigning = Annotated[Visit, Depends(assigning)]
Leading = Annotated[Visit, Depends(leading)]
Administering = Annotated[Visit, Depends(administering)]
ChangingPeople = Annotated[Visit, Depends(changing_people)]
