"""Schemathesis asks every route for what its description allows, and for what it does not.

Nobody is served the description (``openapi_url`` is off); FastAPI writes it for this test from the
routes' own types. What a route may answer is declared here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from console.app import create_app
from storage.people import Role
from tests.console.conftest import Browser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from schemathesis import Case

    from tests.console.conftest import Desk

    AnyCase = Case[APIOperation[Any, Any, Any, Any]]

PAGE, DATA, PLAIN, NOTHING = "text/html", "application/json", "text/plain", ""
# Asked, sent on to sign-in, refused, unknown, not understood.
READS = {**dict.fromkeys((200, 403, 404, 422), PAGE), 303: NOTHING}
WRITES = {**READS, 409: PAGE}
SPECIAL: dict[str, dict[int, str]] = {
    "/healthz": {200: PLAIN},
    "/cases/{case_id}/check": {200: DATA},
    "/cases/{case_id}/presence": {200: DATA},
    "/cases/{case_id}/alternatives": {409: PAGE},
    "/sign-in": {429: PAGE},
    "/me/password": {429: PAGE},
}
# They end this browser's session, or count its failures until it is slowed.
LEFT_OUT = {"/sign-out", "/sign-in", "/me/password"}
NASTY = ["\x00", "9" * 30, "\u202e'//x٣", "a" * 5_000, "2026-13-99", "1,2,3"]
# What the page of the first case would send.
KNOWN = {
    "draft_number": 1,
    "feedback_revision": 1,
    "text": "불편을 드려 죄송합니다.",
    "reason": "기타",
    "outcome": "published",
    "seen": "봄",
    "channel": "storefront",
}
# Between them they are let in everywhere; the others are asked less.
THOROUGHLY = {None, Role.LEAD, Role.OPERATOR}
FORM = "application/x-www-form-urlencoded"
Operation = APIOperation[Any, Any, Any, Any]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]


def described(app: FastAPI) -> dict[str, Any]:
    """Give the routes' description, with what each may answer."""
    schema: dict[str, Any] = app.openapi()
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            answers = {**(READS if method == "get" else WRITES), **SPECIAL.get(path, {})}
            operation["responses"] = {
                str(status): {"description": "", "content": {kind: {}} if kind else {}}
                for status, kind in answers.items()
            }
    return schema


def fields(schema: Mapping[str, Any], operation: Operation) -> list[str]:
    """Give the names of a form's fields."""
    asked = schema["paths"][operation.path][operation.method]
    if "requestBody" not in asked:
        return []
    form = asked["requestBody"]["content"][FORM]["schema"]
    name = (form.get("$ref") or form["allOf"][0]["$ref"]).rpartition("/")[2]
    return list(schema["components"]["schemas"][name]["properties"])


@dataclass
class Asker:
    """Somebody's browser, and which routes answered it what."""

    browser: Browser
    token: str
    answered: dict[int, set[str]] = field(default_factory=dict)

    def ask(self, case: AnyCase) -> None:
        """Send a request, and hold its answer against the description."""
        if isinstance(case.body, dict):
            case.body["form_token"] = self.token
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1:8420")
        body = sent.get("data")
        kind = sent["headers"].get("Content-Type")
        answer = self.browser.http.request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            data=body if isinstance(body, dict) else None,
            content=body if isinstance(body, str | bytes) else None,
            headers={"content-type": kind} if kind else {},
        )
        case.validate_response(answer, checks=CHECKS)
        self.answered.setdefault(answer.status_code, set()).add(case.operation.label)

    def ask_what_pages_ask(
        self, schema: Mapping[str, Any], operation: Operation, nasty: Sequence[str]
    ) -> None:
        """Send what the first case's page would; then nonsense in every field; then numbers."""
        paths = [parameter.name for parameter in operation.path_parameters]
        known: dict[str, Any] = {"slug": "alpha"}
        for number, words in ((1, None), (2**70, None), *((1, words) for words in nasty)):
            names = fields(schema, operation)
            body: dict[str, Any] = {
                name: KNOWN.get(name, "") if words is None else words for name in names
            }
            case = operation.Case(
                path_parameters={name: known.get(name, number) for name in paths},
                query={each.name: words for each in operation.query if words is not None},
                body=body or NOT_SET,
                media_type=FORM if body else None,
            )
            self.ask(case)


@pytest.fixture(scope="module")
def generated() -> dict[str, st.SearchStrategy[AnyCase]]:
    """Keep each route's generated requests; they are the same for every role."""
    return {}


@pytest.mark.parametrize("role", [None, *Role])
def test_every_route_answers_as_declared(
    desk: Desk, generated: dict[str, st.SearchStrategy[AnyCase]], role: Role | None
) -> None:
    desk.add()
    desk.add(brand="beta")
    if role is not None:
        desk.person("kim", role)
    app = create_app(desk.context)
    browser = Browser(desk, login="kim" if role else "", app=app)
    asker = Asker(browser, browser.token())
    schema = described(app)
    for found in schemathesis.openapi.from_dict(schema).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path in LEFT_OUT and operation.method == "post":
            continue
        asker.ask_what_pages_ask(schema, operation, NASTY if role in THOROUGHLY else ())
        cases = generated.setdefault(
            operation.label,
            st.one_of(
                operation.as_strategy(GenerationMode.POSITIVE),
                operation.as_strategy(GenerationMode.NEGATIVE),
            ),
        )
        limits = settings(
            max_examples=3 if role in THOROUGHLY else 1,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        limits(given(cases)(asker.ask))()

    # Not only doors that are shut: what is asked is understood and done, too.
    assert len(set().union(*asker.answered.values())) > 30
    assert len(asker.answered[200] | asker.answered[303]) > 15
    if role is Role.BRAND_VIEWER:
        assert not desk.rows("SELECT * FROM decisions")
