"""Signing in and out, one's own password and one-time codes."""

import json
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response

from console import oidc, passwords
from console.access import (
    SESSION_COOKIE,
    Posting,
    Reading,
    Visit,
    address_of,
    check_form,
    context_of,
    form_token_of,
    home_of,
    one_line,
    person_of,
    visitor_of,
)
from console.context import ConsoleContext
from console.pages import local_path, page, plain_page, see, set_cookie, with_visitor
from domain.errors import BadInputError, ReputationError
from storage import people
from storage.people import Account
from storage.session import Connection

router = APIRouter()
OIDC_COOKIE = "pyeongpan_oidc"
_OIDC_COOKIE_S = 600
_WRONG = "아이디, 비밀번호 또는 인증 코드가 맞지 않습니다."
_SLOWED = "로그인에 여러 번 실패했습니다. 15분 뒤에 다시 시도해 주세요."


@router.get("/sign-in")
def ask(request: Request, next: str = "/") -> Response:
    """Ask who it is."""
    return _ask(request, local_path(next))


def _ask(
    request: Request, path: str, status: int = 200, problem: str = "", *, login: str = ""
) -> Response:
    context = context_of(request)
    return plain_page(
        request,
        "sign_in.html",
        status=status,
        path=path,
        problem=problem,
        login=login,
        form_token=form_token_of(visitor_of(request)),
        oidc_label=context.oidc.label if context.oidc else "",
    )


@router.post("/sign-in")
def sign_in(
    request: Request,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
    form_token: Annotated[str, Form()] = "",
) -> Response:
    """Check login, password and, where one is set up, the one-time code."""
    check_form(request, visitor_of(request), form_token)
    context = context_of(request)
    now, address, path = context.clock(), address_of(request), local_path(next)
    login = one_line(login)
    attempt = _begin_attempt(context, login, address, now)
    if attempt is None:
        return _ask(request, path, 429, _SLOWED, login=login)
    with context.database.reading() as connection:
        account = people.by_login(connection, login)
    is_right = passwords.is_password(account.password_hash if account else "", password)
    with context.database.unit_of_work() as connection:
        if (
            account is None
            or not is_right
            or not account.is_valid(now)
            or not _is_code(context, connection, account, code, now)
        ):
            # Only a login that exists is written down: others may be mistyped passwords.
            who = account.signature if account else "알 수 없는 아이디"
            people.audit(connection, "sign_in_failed", who=who, now=now, address=address)
            return _ask(request, path, 403, _WRONG, login=login)
        people.forget_attempt(connection, attempt)
        people.forget_failures(connection, login)
        token = _begin(connection, account, request, now, "비밀번호")
    return _signed_in(request, token, _first_page(context, account, path))


def _first_page(context: ConsoleContext, account: Account, asked_for: str) -> str:
    """Give where somebody goes who signed in: what they asked for, if they named a page."""
    return asked_for if asked_for != "/" else home_of(context, person_of(context, account))


def _begin_attempt(
    context: ConsoleContext, login: str, address: str, now: datetime
) -> list[int] | None:
    """Count an attempt before it is checked, so that guesses sent at once are counted too.

    Returns:
        What to forget when it was right; None when there were too many.
    """
    with context.database.unit_of_work() as connection:
        attempt = people.note_attempt(connection, login, address, now=now)
    with context.database.unit_of_work() as connection:
        if not people.is_slowed(connection, login, address, now=now):
            return attempt
        people.forget_attempt(connection, attempt)
    return None


def _is_code(
    context: ConsoleContext, connection: Connection, account: Account, code: str, now: datetime
) -> bool:
    if account.sealed_totp is None:
        return True
    if context.unseal is None:
        return False
    step = passwords.totp_step(context.unseal(account.sealed_totp).decode(), code, now)
    return step is not None and people.use_totp_step(connection, account.id, step)


def _begin(
    connection: Connection, account: Account, request: Request, now: datetime, way: str
) -> str:
    # Whatever session the browser had ends: nobody can plant one and wait for a sign-in.
    people.end_session(connection, request.cookies.get(SESSION_COOKIE, ""))
    people.audit(
        connection,
        "signed_in",
        who=account.signature,
        now=now,
        detail=way,
        address=address_of(request),
    )
    return people.begin_session(connection, account.id, now=now)


def _signed_in(request: Request, token: str, path: str) -> Response:
    answer = see(path)
    set_cookie(request, answer, SESSION_COOKIE, token, int(people.SESSION_LENGTH.total_seconds()))
    return with_visitor(request, answer)


@router.post("/sign-out")
def sign_out(visit: Posting) -> Response:
    """End this browser's session."""
    with visit.context.database.unit_of_work() as connection:
        people.end_session(connection, visit.session)
        visit.audit(connection, "signed_out")
    answer = see("/sign-in")
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


@router.get("/sign-in/oidc")
def go_to_provider(request: Request, next: str = "/") -> Response:
    """Send the browser to the provider."""
    context = context_of(request)
    if context.oidc is None:
        raise HTTPException(404)
    try:
        started = oidc.begin(context.oidc, _callback(context))
    except ReputationError as error:
        return _ask(request, local_path(next), 502, str(error))
    answer = see(started.address)
    kept = {
        "state": started.state,
        "nonce": started.nonce,
        "verifier": started.verifier,
        "next": local_path(next),
    }
    set_cookie(request, answer, OIDC_COOKIE, oidc.pack(json.dumps(kept)), _OIDC_COOKIE_S)
    return answer


def _callback(context: ConsoleContext) -> str:
    return context.console_url.rstrip("/") + "/sign-in/oidc/callback"


@router.get("/sign-in/oidc/callback")
def come_back(request: Request, code: str = "", state: str = "", error: str = "") -> Response:
    """Take the provider's word about who it is."""
    context = context_of(request)
    if context.oidc is None:
        raise HTTPException(404)
    kept = oidc.unpack(request.cookies.get(OIDC_COOKIE, ""))
    if error:
        label = context.oidc.label
        return _ask(
            request,
            local_path(kept.get("next", "/")),
            403,
            f"{label} 로그인을 취소하셨습니다."
            if error == "access_denied"
            else f"{label} 로그인 서버가 로그인을 받지 않았습니다. 다시 해 주세요.",
        )
    now = context.clock()
    try:
        told = oidc.finish(context.oidc, _callback(context), kept, code=code, state=state, now=now)
    except ReputationError as refusal:
        return _ask(request, "/", 403, str(refusal))
    with context.database.unit_of_work() as connection:
        account = people.by_oidc(connection, told.subject)
        if account is None and told.email:
            # First time: a verified address is the login an operator made for this person.
            account = people.by_login(connection, told.email)
            if account is not None and not people.link(connection, account.id, told.subject):
                # An address that went to somebody else does not take the account along.
                account = None
        if account is None or not account.is_valid(now):
            people.audit(
                connection,
                "sign_in_failed",
                who=account.signature if account else "알 수 없는 사람",
                now=now,
                detail="oidc",
                address=address_of(request),
            )
            return _ask(
                request, "/", 403, "이 계정으로는 로그인할 수 없습니다. 운영자에게 알려 주세요."
            )
        token = _begin(connection, account, request, now, "oidc")
    path = _first_page(context, account, local_path(kept.get("next", "/")))
    answer = _signed_in(request, token, path)
    answer.delete_cookie(OIDC_COOKIE, path="/")
    return answer


@router.get("/me")
def me(visit: Reading) -> Response:
    """Show one's own account."""
    return _me(visit)


def _me(visit: Visit, *, status: int = 200, **shown: str) -> Response:
    if visit.person.account is None:
        return see("/name")
    address = shown.get("secret_address", "")
    return page(
        visit,
        "me.html",
        status=status,
        account=visit.person.account,
        problem=shown.get("problem", ""),
        secret=shown.get("secret", ""),
        secret_address=address,
        code_picture=passwords.qr_code(address) if address else "",
    )


@router.post("/me/password")
def change_password(
    visit: Posting,
    current: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Change one's own password; every other browser is signed out."""
    account = _own(visit)
    now = visit.context.clock()
    attempt = _begin_attempt(visit.context, account.login, visit.address, now)
    if attempt is None:
        return _me(visit, status=429, problem=_SLOWED)
    if account.password_hash and not passwords.is_password(account.password_hash, current):
        return _me(visit, status=403, problem="지금 비밀번호가 맞지 않습니다.")
    with visit.context.database.unit_of_work() as connection:
        people.forget_attempt(connection, attempt)
    try:
        hashed = passwords.hash_password(password, account.login)
    except BadInputError as error:
        return _me(visit, status=422, problem=str(error))
    with visit.context.database.unit_of_work() as connection:
        people.change(connection, account.id, password_hash=hashed)
        people.end_sessions(connection, account.id)
        visit.audit(connection, "password_changed")
        token = people.begin_session(connection, account.id, now=now)
    return _signed_in(visit.request, token, "/me")


@router.post("/me/totp")
def set_up_totp(
    visit: Posting,
    secret: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
) -> Response:
    """Set up one-time codes: show a secret first, keep it once a code proves it arrived."""
    account = _own(visit)
    if visit.context.seal is None:
        raise HTTPException(409, "이 콘솔에서는 인증 코드를 쓸 수 없습니다.")
    if account.sealed_totp is not None:
        raise HTTPException(409, "이미 설정되어 있습니다. 바꾸려면 운영자에게 알려 주세요.")
    now = visit.context.clock()
    if not secret:
        secret = passwords.new_totp_secret()
        return _me(
            visit, secret=secret, secret_address=passwords.totp_address(secret, account.login)
        )
    if not passwords.is_totp_secret(secret):
        raise HTTPException(422)
    step = passwords.totp_step(secret, code, now)
    if step is None:
        return _me(
            visit,
            status=422,
            problem="코드가 맞지 않습니다.",
            secret=secret,
            secret_address=passwords.totp_address(secret, account.login),
        )
    with visit.context.database.unit_of_work() as connection:
        people.change(
            connection,
            account.id,
            sealed_totp=visit.context.seal(secret.encode()),
            totp_step=step,
        )
        visit.audit(connection, "totp_set_up")
    return see("/me")


def _own(visit: Visit) -> Account:
    if visit.person.account is None:
        raise HTTPException(404)
    return visit.person.account
