"""Who sits at the desk, where nobody signs in: a name, kept in this browser."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from console.access import (
    NAME_COOKIE,
    check_form,
    clean_name,
    form_token_of,
    name_cookie,
    visitor_of,
)
from console.pages import local_path, plain_page, see, set_cookie, with_visitor

router = APIRouter()
_REMEMBERED_S = 30 * 24 * 3600


@router.get("/name")
def ask_name(request: Request, next: str = "/") -> Response:
    """Ask who decides."""
    return _ask(request, local_path(next))


@router.post("/name")
def keep_name(
    request: Request,
    name: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
    form_token: Annotated[str, Form()] = "",
) -> Response:
    """Keep the name that decisions of this browser are signed with."""
    check_form(request, visitor_of(request), form_token)
    kept = clean_name(name)
    if not kept:
        return _ask(request, local_path(next), status=422, problem="이름을 적어 주세요.")
    answer = see(local_path(next))
    set_cookie(request, answer, NAME_COOKIE, name_cookie(kept), _REMEMBERED_S)
    return with_visitor(request, answer)


def _ask(request: Request, path: str, status: int = 200, problem: str = "") -> Response:
    token = form_token_of(visitor_of(request))
    return plain_page(
        request, "name.html", status=status, path=path, form_token=token, problem=problem
    )
