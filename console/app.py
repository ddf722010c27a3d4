"""The console's application: its routes, its refusals, its context."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from console import bulk, case, names, owner_pages, people_pages, queue, sign_in, work
from console.access import NameNeededError, SignInNeededError
from console.context import ConsoleContext
from console.pages import plain_page
from console.security import Guard, host_names
from storage.outage import DATABASE
from storage.session import DatabaseError, reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter
    from starlette.responses import Response

__all__ = ["ConsoleContext", "create_app"]

_PLAIN_REASONS = {
    400: "요청을 이해하지 못했습니다.",
    403: "허용되지 않은 요청입니다.",
    404: "없는 페이지입니다.",
    405: "허용되지 않은 요청입니다.",
    409: "그 사이에 바뀌었습니다.",
    422: "입력한 값을 다시 확인해 주세요.",
    503: "지금은 데이터베이스를 쓸 수 없습니다. 잠시 뒤 다시 시도해 주세요.",
}
_GATES = {
    "/sign-in": "로그인이 끝나 보내지 못했습니다. 쓰신 내용은 그대로 있습니다. "
    "새 탭에서 로그인한 뒤 다시 보내 주세요.",
    "/name": "누구인지 몰라 보내지 못했습니다. 쓰신 내용은 그대로 있습니다. "
    "새 탭에서 이름을 적은 뒤 다시 보내 주세요.",
}
_WRITTEN = ("text", "detail", "note", "seen")
"""Fields that people write sentences into."""


def create_app(context: ConsoleContext, routers: Sequence[APIRouter] = ()) -> FastAPI:
    """Build the console.

    Args:
        context: Its tools.
        routers: Routes of other rooms to mount, such as Slack's signed requests. They answer
            for their own authentication.
    """
    app = FastAPI(title="Pyeongpan", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.context = context
    app.state.people_sign_in = False
    app.add_middleware(Guard, hosts=host_names(context.console_url))
    for router in (
        names.router,
        sign_in.router,
        queue.router,
        case.router,
        bulk.router,
        work.router,
        owner_pages.router,
        people_pages.router,
        *routers,
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(packages=[("console", "static")]), name="static")
    app.add_api_route("/healthz", _health, methods=["GET"])
    app.add_exception_handler(NameNeededError, _ask_who)
    app.add_exception_handler(SignInNeededError, _ask_who)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(DatabaseError, _unreachable)
    return app


def _health(request: Request) -> PlainTextResponse:
    try:
        request.app.state.context.database.ping()
    except DatabaseError as error:
        DATABASE.goes_on(reason_of(error), step="healthz")
        return PlainTextResponse("database cannot be reached", status_code=503)
    DATABASE.is_over()
    return PlainTextResponse("ok")


async def _ask_who(request: Request, error: Exception) -> Response:
    gate = "/sign-in" if isinstance(error, SignInNeededError) else "/name"
    if request.method != "GET":
        return _problem(request, 403, _GATES[gate], gate=gate, typed=await _typed(request))
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{gate}?{urlencode({'next': path})}", status_code=303)


async def _typed(request: Request) -> list[str]:
    """Give what somebody wrote into a form that was not taken: the page they wrote it on is gone."""
    form = await request.form()
    return [str(form[name]) for name in _WRITTEN if form.get(name)]


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    # Starlette's own reasons are English; ours are Korean.
    message = (
        detail
        if detail and not detail.isascii()
        else _PLAIN_REASONS.get(status, "처리하지 못했습니다.")
    )
    # A route refuses so once it has read its form.
    typed = await _typed(request) if status in {403, 409} else []
    return _problem(request, status, message, typed=typed)


def _not_understood(request: Request, _error: Exception) -> Response:
    return _problem(request, 422, _PLAIN_REASONS[422])


async def _unreachable(request: Request, error: Exception) -> Response:
    reason = reason_of(error) if isinstance(error, DatabaseError) else ""
    DATABASE.goes_on(reason, step="console")
    typed = await _typed(request) if request.method == "POST" else []
    return _problem(request, 503, _PLAIN_REASONS[503], typed=typed)


def _problem(
    request: Request, status: int, message: str, *, gate: str = "", typed: Sequence[str] = ()
) -> Response:
    return plain_page(
        request, "problem.html", status=status, message=message, gate=gate, typed=typed
    )
