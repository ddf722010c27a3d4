"""A console on a real database, with cases that the pipeline's own functions made."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from argon2 import PasswordHasher
from sqlalchemy import text
from starlette.testclient import TestClient

from collectors import source_of
from console.app import ConsoleContext, create_app
from domain.brands import Account, Brand
from domain.types import (
    Analysis,
    CategoryFinding,
    ComplaintCategory,
    DraftReply,
    DraftSentence,
    FeedbackKind,
    Intent,
    Sentiment,
    Severity,
    SourceKind,
    Span,
)
from privacy.masking import find
from storage import accounts, analyses, cases, feedback, people
from storage.analyses import Understood
from storage.feedback import MaskedFeedback
from storage.people import Role
from storage.session import Database
from tests.conftest import open_copy, postgres_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from httpx2 import Response

START = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
CLAUSE = "배송이 늦어진 경우 배송비를 돌려드립니다."
MANUAL = f"""---
topic: delivery
valid_from: 2026-01-01
valid_until: 2026-12-31
source: 운영정책 1
---
## 정책
- {CLAUSE}
"""


@dataclass
class Desk:
    """A console, its database, and hands to fill it."""

    context: ConsoleContext
    folder: Path
    now: datetime = START
    poked: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def database(self) -> Database:
        return self.context.database

    def add(
        self,
        words: str = "배송이 너무 늦어요.",
        *,
        brand: str = "alpha",
        rating: int | None = 2,
        reach: int | None = None,
        severity: Severity = Severity.NORMAL,
        kind: FeedbackKind = FeedbackKind.REVIEW,
        sentiment: Sentiment = Sentiment.NEGATIVE,
        categories: tuple[CategoryFinding, ...] = (
            CategoryFinding(ComplaintCategory.DELIVERY, 0.9, Span(0, 2)),
        ),
        abuse_spans: tuple[Span, ...] = (),
        mismatch: bool = False,
        due_in: timedelta = timedelta(hours=8),
        native_id: str = "",
        author: str = "홍*동",
        title: str = "",
        product_name: str = "무농약 감귤 3kg",
        url: str = "https://shop.example/1",
        extra: dict[str, str] | None = None,
        draft: bool = True,
        reply: tuple[DraftSentence, ...] | None = None,
    ) -> int:
        """Collect, analyse and draft one feedback; give its case's id (0 without a case)."""
        native_id = native_id or str(next(self.numbers))
        fingerprint = hashlib.sha256(f"{title}{words}{rating}".encode()).hexdigest()
        item = MaskedFeedback(
            kind=kind,
            native_id=native_id,
            content_fingerprint=fingerprint,
            sealed_original=b"sealed",
            title=title,
            text=words,
            rating=rating,
            author=author,
            author_fingerprint=hashlib.sha256(author.encode()).hexdigest(),
            order_fingerprint="",
            product_id="p1",
            product_name=product_name,
            url=url,
            reach=reach,
            extra=extra or {},
            written_at=self.now - timedelta(hours=3),
            written_at_is_exact=True,
            edited_at=None,
            deadline_at=None,
        )
        analysis = Analysis(
            sentiment=sentiment,
            score=0.91 if sentiment is Sentiment.NEGATIVE else 0.1,
            probabilities=(0.91, 0.05, 0.04),
            categories=categories,
            severity=severity,
            abusive=bool(abuse_spans),
            intent=Intent.COMPLAINT,
            rating_mismatch=mismatch,
            abuse_spans=abuse_spans,
            model_version="test",
        )
        with self.database.unit_of_work() as connection:
            account_id = accounts.find(connection, f"{brand}/shop")
            assert account_id is not None
            run = accounts.claim_run(
                connection,
                account_id,
                now=self.now,
                lease=timedelta(minutes=5),
                overlap=timedelta(days=1),
                backfill=None,
                window=None,
            )
            assert run is not None
            stored = feedback.store_page(
                connection,
                run,
                [item],
                feedback.find_known(connection, run.account_id, [item]),
                now=self.now,
                fresh_after=self.now - timedelta(days=2),
            )
            accounts.finish_run(
                connection, run, now=self.now, next_due_at=self.now + timedelta(hours=1)
            )
            token, rows = analyses.claim(
                connection,
                stored.fresh + stored.backlog,
                now=self.now,
                until=self.now + timedelta(minutes=5),
            )
            analyses.settle_analysis(
                connection,
                token,
                [Understood(row, analysis, self.now + due_in) for row in rows],
                now=self.now,
            )
        return self.draft(native_id, reply) if draft else 0

    def draft(self, native_id: str, reply: tuple[DraftSentence, ...] | None = None) -> int:
        """Draft the case of one feedback."""
        with self.database.unit_of_work() as connection:
            case_id = connection.execute(
                text(
                    "SELECT c.id FROM cases c JOIN feedback f ON f.id = c.feedback_id "
                    "WHERE f.native_id = :native_id"
                ),
                {"native_id": native_id},
            ).scalar()
            if case_id is None:
                return 0
            token, rows = cases.claim(
                connection, [case_id], now=self.now, until=self.now + timedelta(minutes=5)
            )
            drafted = [self.drafted(row, reply) for row in rows]
            cases.settle_drafts(connection, token, drafted, now=self.now)
        return int(case_id)

    def drafted(self, row: cases.ToDraft, reply: tuple[DraftSentence, ...] | None) -> cases.Drafted:
        """Write a small draft that cites the manual's clause."""
        from responders.manual import load_manual

        clause = load_manual(self.context.brands[row.brand].manual_folder).clause(
            "manual/delivery.md#1"
        )
        assert clause is not None
        sentences = reply or (
            DraftSentence("안녕하세요, 고객님.", SourceKind.COURTESY),
            DraftSentence("배송이 늦어 불편을 드려 죄송합니다.", SourceKind.REVIEW, "review"),
            DraftSentence(CLAUSE, SourceKind.POLICY, clause.citation),
            DraftSentence("알파 고객지원팀 드림", SourceKind.BRAND, "brand.toml#closing"),
        )
        cited = {clause.reference: clause.digest} if reply is None else {}
        return cases.Drafted(row, DraftReply(sentences=sentences), cited)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Read rows of the database."""
        with self.database.reading() as connection:
            return [dict(row._mapping) for row in connection.exec_driver_sql(query)]

    def set_publication(self, case_id: int, state: str) -> None:
        """Put a case's publication where a worker would have left it."""
        with self.database.unit_of_work() as connection:
            connection.execute(
                text("UPDATE publications SET state = :state, attempts = 1 WHERE case_id = :id"),
                {"state": state, "id": case_id},
            )

    def person(
        self,
        login: str,
        role: Role = Role.SPECIALIST,
        brands: tuple[str, ...] = ("alpha",),
        **more: datetime | str | None,
    ) -> int:
        """Make somebody who signs in with ``PASSWORD``."""
        with self.database.unit_of_work() as connection:
            return people.add(
                connection,
                login=login,
                name=login.title(),
                role=role,
                now=self.now,
                brands=brands,
                sees_all_brands=role is Role.OPERATOR,
                password_hash=hashed(PASSWORD),
                **more,  # type: ignore[arg-type]
            )

    def ask_twice(self, slug: str) -> None:
        """Let a brand approve what the agency approved."""
        brand = replace(self.context.brands[slug], two_step_approval=True)
        self.context = replace(self.context, brands={**self.context.brands, slug: brand})

    def case(self, case_id: int) -> dict[str, Any]:
        """Read one case's row."""
        return next(row for row in self.rows("SELECT * FROM cases") if row["id"] == case_id)


@cache
def hashed(password: str) -> str:
    """Hash a password as cheaply as argon2 can; a hash says itself how dear its check is."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


def brand_folder(folder: Path, slug: str, name: str) -> Brand:
    """Make a brand with one manual file."""
    manual = folder / slug / "manual"
    manual.mkdir(parents=True)
    (manual / "delivery.md").write_text(MANUAL, encoding="utf-8")
    return Brand(
        slug=slug,
        name=name,
        folder=folder / slug,
        contacts=("1522-0000",),
        closing=f"{name} 고객지원팀 드림",
        accounts=(Account(brand=slug, name="shop", channel="storefront"),),
    )


@pytest.fixture
def desk(sqlite_template: Path, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with two brands and no cases."""
    database = open_copy(sqlite_template, tmp_path / "desk.db")
    brands = {
        "alpha": brand_folder(tmp_path, "alpha", "알파"),
        "beta": brand_folder(tmp_path, "beta", "베타"),
    }
    with database.unit_of_work() as connection:
        accounts.synchronize(
            connection,
            [account for brand in brands.values() for account in brand.accounts],
            source_of=source_of,
            now=START,
        )
    context = ConsoleContext(
        database=database,
        brands=brands,
        clock=lambda: made.now,
        find_personal_data=find,
        console_url="http://127.0.0.1:8420",
        publish_enabled=True,
        seal=lambda plain: plain[::-1],
        unseal=lambda sealed: sealed[::-1],
    )
    made = Desk(context, tmp_path)

    def poke() -> None:
        made.poked += 1

    made.context = replace(context, poke=poke)
    yield made
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def shelf(request: pytest.FixtureRequest, desk: Desk) -> Iterator[Desk]:
    """Give the desk on either database."""
    if request.param == "sqlite":
        yield desk
        return
    pool = request.getfixturevalue("postgres_pool")
    name = pool.take()
    database = Database(postgres_url(name), pool_size=12)
    with database.unit_of_work() as connection:
        accounts.synchronize(
            connection,
            [account for brand in desk.context.brands.values() for account in brand.accounts],
            source_of=source_of,
            now=desk.now,
        )
    desk.context = replace(desk.context, database=database)
    yield desk
    database.close()
    pool.give_back(name)


@pytest.fixture
def address(desk: Desk) -> Iterator[str]:
    """Serve the desk on a free port of this machine."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(desk.context), host="127.0.0.1", port=0, log_level="warning")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


PASSWORD = "correct horse battery"


class Browser:
    """A person's browser without a script.

    Args:
        desk: Where it goes.
        name: What its person says they are called, where nobody signs in.
        login: Who signs in instead.
        app: A console that others use as well; without, one of its own.
    """

    def __init__(
        self, desk: Desk, name: str = "김승인", login: str = "", app: FastAPI | None = None
    ) -> None:
        self.http = TestClient(
            app or create_app(desk.context),
            base_url="http://127.0.0.1:8420",
            follow_redirects=False,
            client=("127.0.0.1", 50000),
        )
        self.login = login
        if login:
            self.sign_in(login)
        else:
            page = self.http.get("/name")
            self.http.post("/name", data={"name": name, "form_token": token_of(page)})

    def sign_in(self, login: str, password: str = PASSWORD, **more: str) -> Response:
        page = self.http.get("/sign-in")
        data = {"login": login, "password": password, "form_token": token_of(page), **more}
        return self.http.post("/sign-in", data=data)

    def get(self, path: str) -> Response:
        return self.http.get(path)

    def post(self, path: str, **data: object) -> Response:
        """Send a form with the token of a page of ours."""
        return self.http.post(path, data={"form_token": self.token(), **data})

    def token(self) -> str:
        return token_of(self.http.get("/me" if self.login else "/name"))


def decision_form(desk: Desk, case_id: int, **changes: object) -> dict[str, object]:
    """Give what the case's page would send."""
    case = desk.case(case_id)
    feedback_rows = desk.rows("SELECT * FROM feedback")
    revision = next(row for row in feedback_rows if row["id"] == case["feedback_id"])["revision"]
    drafts = desk.rows("SELECT * FROM drafts")
    draft = next(
        row for row in drafts if row["case_id"] == case_id and row["number"] == case["draft_number"]
    )
    form: dict[str, object] = {
        "draft_number": case["draft_number"],
        "feedback_revision": revision,
        "text": draft["text"].replace("\n", "\r\n"),
    }
    return {**form, **changes}


def token_of(page: Response) -> str:
    """Read the form token of a page."""
    return page.text.partition('name="form_token" value="')[2].partition('"')[0]


@pytest.fixture
def browser(desk: Desk) -> Browser:
    """Give a browser whose person has said a name."""
    return Browser(desk)
