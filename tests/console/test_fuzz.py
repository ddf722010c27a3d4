"""Every route, asked nonsense: an answer, never a crash, never a changed row by a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.app import create_app
from storage.people import Role
from tests.console.conftest import Browser

if TYPE_CHECKING:
    from tests.console.conftest import Desk

WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "\x00",
            "1",
            "0",
            "-1",
            "9" * 30,
            "'",
            "1:1:1",
            "2026-13-99",
            "/",
            "//x",
            "환불",
            "on",
            "٣",
        ]
    ),
)
ASKED = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            "view",
            "brand",
            "channel",
            "category",
            "severity",
            "kind",
            "due",
            "stars",
            "sort",
            "q",
            "after",
            "decided",
            "next",
            "code",
            "state",
        ),
        WORDS,
    ),
)
SENT = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            "text",
            "draft_number",
            "feedback_revision",
            "reason",
            "detail",
            "outcome",
            "seen",
            "name",
            "picked",
            "action",
            "login",
            "password",
            "role",
            "brands",
            "valid_from",
            "valid_until",
            "secret",
            "current",
            "slack_user",
            "next",
            "form_token",
        ),
        WORDS,
    ),
)


def operations(desk: Desk) -> list[tuple[str, str]]:
    """Give method and path of every route."""
    paths: dict[str, dict[str, Any]] = create_app(desk.context).openapi()["paths"]
    return [(method, path) for path, item in paths.items() for method in item]


@pytest.mark.parametrize("role", [None, Role.OPERATOR, Role.BRAND_VIEWER])
def test_nonsense_is_answered(desk: Desk, role: Role | None) -> None:
    desk.add()
    desk.add(brand="beta")
    if role is not None:
        desk.person("kim", role)
    browser = Browser(desk, login="kim" if role else "")
    routes = operations(desk)
    assert len(routes) > 30
    token = browser.token()

    @settings(max_examples=120, suppress_health_check=list(HealthCheck))
    @given(
        route=st.sampled_from(routes),
        number=st.one_of(st.integers(0, 4).map(str), WORDS.filter(lambda w: "/" not in w)),
        asked=ASKED,
        sent=SENT,
        knows=st.booleans(),
    )
    def ask(
        route: tuple[str, str],
        number: str,
        asked: dict[str, str],
        sent: dict[str, str],
        knows: bool,
    ) -> None:
        method, path = route
        if path in {"/sign-out", "/me/password", "/sign-in"}:
            return  # They end this browser's session, or take long on purpose.
        for name in ("case_id", "feedback_id", "view_id", "person_id", "slug"):
            path = path.replace("{" + name + "}", quoted(number))
        data = {**sent, "form_token": token} if knows else sent
        answer = (
            browser.http.get(path, params=asked)
            if method == "get"
            else browser.http.post(path, params=asked, data=data)
        )
        assert answer.status_code < 500
        assert "content-security-policy" in answer.headers

    ask()
    if role is Role.BRAND_VIEWER:
        assert not desk.rows("SELECT * FROM decisions")


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="") or "0"
