"""Stand-ins for what lies outside a worker: a channel, Slack, the model, the clock, death."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.brokers.stub import StubBroker

from alerts.slack import SlackIdentity, SlackReceipt
from collectors import source_of
from collectors.base import CheckResult
from collectors.storefront import SPEC
from domain.brands import Account, Brand
from domain.types import (
    Analysis,
    CategoryFinding,
    ChannelReply,
    CollectedFeedback,
    ComplaintCategory,
    DraftReply,
    DraftSentence,
    FeedbackKind,
    Intent,
    Page,
    ReplyRules,
    Sentiment,
    Severity,
    SourceKind,
)
from privacy.sealing import Sealer, generate_key
from settings import Settings
from storage import accounts, cases, outbox
from storage.session import Database
from workers import runtime as runtimes
from workers.broker import set_up
from workers.engine import start_workers
from workers.relay import relay
from workers.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from alerts.blocks import SlackMessage
    from alerts.smtp import SmtpClient
    from collectors.base import ChannelSpec
    from domain.types import ReplyTarget
    from responders.drafting import DraftInput

MONDAY_NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""12:00 on a working Monday in Seoul."""
BRAND = "saebyeok"
ACCOUNT = f"{BRAND}/shop"
SEALER = Sealer([generate_key()])


class StillClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: datetime = MONDAY_NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Give the present."""
        return self.now

    def advance(self, **parts: float) -> datetime:
        """Let time pass; takes what ``timedelta`` takes."""
        self.now += timedelta(**parts)
        return self.now


class Death(BaseException):
    """A process that stops to exist: no ``except Exception`` may see it."""


class Fate:
    """Counts the steps of a process and ends it at one of them."""

    def __init__(self, fatal_step: int = 0) -> None:
        self._fatal = fatal_step
        self.steps: list[str] = []

    def step(self, name: str) -> None:
        """Pass a step, or die at it."""
        self.steps.append(name)
        if len(self.steps) == self._fatal:
            raise Death(name)


IMMORTAL = Fate()


class MortalDatabase(Database):
    """A database whose user may die around and inside every transaction."""

    fate = IMMORTAL

    @contextmanager
    def unit_of_work(self) -> Iterator[Connection]:
        """Open a transaction, dying before it, before its commit or after it."""
        self.fate.step("before a transaction")
        with super().unit_of_work() as connection:
            yield connection
            self.fate.step("before a commit")
        self.fate.step("after a commit")


@dataclass
class Article:
    """Something a customer wrote on the fake channel."""

    native_id: str
    text: str
    written_at: datetime
    kind: FeedbackKind = FeedbackKind.REVIEW
    rating: int | None = 3
    author: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    deadline_at: datetime | None = None


@dataclass
class FakeChannel:
    """One board that is read and answered; it takes the same reply twice, so doubles show.

    It is both collector and publisher. ``fetches``, ``writes`` and ``reads`` are scripts: an
    exception in them is raised instead of the next answer; ``LOST`` stores the reply first.
    ``stores`` is what it makes of a reply's words.
    """

    clock: Callable[[], datetime]
    articles: list[Article] = field(default_factory=list)
    page_size: int = 2
    proves_absence: bool = True
    lists: tuple[str, ...] | None = None
    idempotent: bool = False
    timeout_s: float = 10.0
    slowest_commit_s: float = 5.0
    moderated: bool = False
    rules: ReplyRules = field(default_factory=ReplyRules)
    fate: Fate = field(default_factory=Fate)
    stores: Callable[[str], str] = str

    def __post_init__(self) -> None:
        self.replies: dict[str, list[ChannelReply]] = defaultdict(list)
        self.fetches: deque[BaseException | Callable[[], object]] = deque()
        self.writes: deque[BaseException | Lost] = deque()
        self.reads: deque[BaseException] = deque()
        self.asked: list[str | None] = []
        self.sent: list[str] = []
        self._lock = threading.Lock()

    @property
    def spec(self) -> ChannelSpec:
        """The real storefront's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read one page, newest first."""
        self.fate.step("before a fetch")
        self.asked.append(cursor)
        if self.fetches:
            event = self.fetches.popleft()
            if isinstance(event, BaseException):
                raise event
            event()
        found = [item for item in self.articles if since <= item.written_at < until]
        found.sort(key=lambda item: item.written_at, reverse=True)
        start = int(cursor or 0)
        end = start + self.page_size
        is_last = end >= len(found)
        self.fate.step("after a fetch")
        return Page(
            items=tuple(self._collected(item) for item in found[start:end]),
            next_cursor=None if is_last else str(end),
            covers=(since, until) if is_last and self.proves_absence else None,
            lists=self.lists,
        )

    def _collected(self, item: Article) -> CollectedFeedback:
        return CollectedFeedback(
            kind=item.kind,
            native_id=item.native_id,
            text=item.text,
            written_at=item.written_at,
            rating=item.rating,
            author=item.author,
            extra=item.extra,
            deadline_at=item.deadline_at,
            replies=tuple(self.replies[item.native_id]),
        )

    def check(self) -> CheckResult:
        """Say that all is well."""
        return CheckResult(ok=True)

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store a reply, or do what the script says."""
        self.fate.step("before a reply")
        event = self.writes.popleft() if self.writes else None
        if isinstance(event, BaseException):
            raise event
        with self._lock:
            self.sent.append(target.native_id)
            reply = ChannelReply(
                text=self.stores(text),
                replied_at=self.clock(),
                receipt=f"r{len(self.sent)}",
                state="pending" if self.moderated else "published",
            )
            if self.idempotent:
                self.replies[target.native_id] = [reply]
            else:
                self.replies[target.native_id].append(reply)
        self.fate.step("after a reply")
        if event is not None:
            raise event.error
        return reply

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give the replies that stand on an article."""
        self.fate.step("before a read")
        if self.reads:
            raise self.reads.popleft()
        return tuple(self.replies[target.native_id])


@dataclass(frozen=True)
class Lost:
    """The reply is stored, then this is raised."""

    error: BaseException


@dataclass
class RecordingSlack:
    """Slack as the alert worker sees it; ``troubles`` are raised by the next posts."""

    fate: Fate = field(default_factory=Fate)
    timeout_s: int = 10

    def __post_init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        self.troubles: deque[BaseException | Lost] = deque()
        self.history_troubles: deque[BaseException] = deque()
        self.attempts = 0
        self.on_post: Callable[[str], None] = lambda _: None

    def post(
        self,
        destination: str,
        message: SlackMessage,  # noqa: ARG002 - the real one's signature
        *,
        alert_id: str,
        thread_ts: str | None = None,  # noqa: ARG002 - the real one's signature
    ) -> SlackReceipt:
        """Keep what was posted."""
        self.fate.step("before a post")
        self.attempts += 1
        event = self.troubles.popleft() if self.troubles else None
        if isinstance(event, BaseException):
            raise event
        self.posts.append((destination, alert_id))
        self.on_post(alert_id)
        self.fate.step("after a post")
        if event is not None:
            raise event.error
        return SlackReceipt(destination, f"{len(self.posts)}.0")

    def find_posted(
        self,
        destination: str,
        alert_id: str,
        sent_at: datetime,  # noqa: ARG002 - the real one's signature
        thread_ts: str | None = None,  # noqa: ARG002 - the real one's signature
    ) -> SlackReceipt | None:
        """Look into the channel's history."""
        if self.history_troubles:
            raise self.history_troubles.popleft()
        if (destination, alert_id) not in self.posts:
            return None
        return SlackReceipt(destination, f"{self.posts.index((destination, alert_id)) + 1}.0")

    def identify(self) -> SlackIdentity:
        """Say who we are."""
        return SlackIdentity("T1", ())


BAD_WORDS = ("나빠", "별로", "환불", "벌레")


class ScriptedClassifier:
    """Finds a text negative by a few words; everything it says is decided here."""

    version = "scripted"

    def __init__(self) -> None:
        self.read: list[str] = []
        self.troubles: deque[BaseException] = deque()
        self.fate = Fate()

    def classify(
        self,
        texts: Sequence[str],
        ratings: Sequence[int | None] | None = None,  # noqa: ARG002
    ) -> list[Analysis]:
        """Analyse by words."""
        self.fate.step("before the model")
        if self.troubles:
            raise self.troubles.popleft()
        self.read.extend(texts)
        return [analysis_of(text) for text in texts]


def analysis_of(text: str) -> Analysis:
    """Give the scripted analysis: 벌레 is critical, 환불 high, 별로 and 나빠 normal."""
    negative = any(word in text for word in BAD_WORDS)
    severity = Severity.NORMAL
    category = ComplaintCategory.QUALITY
    if "환불" in text:
        severity, category = Severity.HIGH, ComplaintCategory.RETURN_REFUND
    if "벌레" in text:
        severity, category = Severity.CRITICAL, ComplaintCategory.SAFETY
    return Analysis(
        sentiment=Sentiment.NEGATIVE if negative else Sentiment.POSITIVE,
        score=0.9 if negative else 0.1,
        probabilities=(0.9, 0.05, 0.05) if negative else (0.1, 0.1, 0.8),
        categories=(CategoryFinding(category, 0.9),) if negative else (),
        severity=severity,
        abusive=False,
        intent=Intent.COMPLAINT if negative else Intent.PRAISE,
        model_version=ScriptedClassifier.version,
    )


class ScriptedDrafter:
    """Writes the same short reply, with the case's id in it."""

    def __init__(self) -> None:
        self.drafted: list[str] = []
        self.troubles: deque[BaseException] = deque()
        self.before: Callable[[DraftInput], object] = lambda _: None

    def draft(self, case: DraftInput, strategy: str = "standard") -> DraftReply:  # noqa: ARG002
        """Write a reply, once ``before`` has returned."""
        self.before(case)
        if self.troubles:
            raise self.troubles.popleft()
        self.drafted.append(case.text)
        return DraftReply((DraftSentence(f"답변 {case.feedback_id}", SourceKind.COURTESY),))


def decision_about(row: Mapping[str, Any], text: str = "") -> cases.Decision:
    """Give what somebody of the agency decides about a row of ``cases.to_decide``."""
    return cases.Decision(
        case_id=row["case_id"],
        draft_number=row["draft_number"],
        feedback_revision=row["feedback_revision"],
        decided_by="김담당",
        decided_in="console",
        text=text or row["text"],
    )


@dataclass
class ScriptedRuntime(Runtime):
    """The real runtime with a scripted drafter."""

    scripted: ScriptedDrafter = field(default_factory=ScriptedDrafter)

    def drafter(self, brand: Brand) -> Any:  # noqa: ANN401, ARG002
        """Give the scripted drafter."""
        return self.scripted


def make_account(**changes: Any) -> Account:  # noqa: ANN401 - the dataclass's fields
    """Give a writable account of the test brand."""
    values: dict[str, Any] = {
        "brand": BRAND,
        "name": "shop",
        "channel": "storefront",
        "interval": timedelta(minutes=1),
        "writable": True,
    }
    return Account(**{**values, **changes})


def make_brand(folder: Any, *brand_accounts: Account, **changes: Any) -> Brand:  # noqa: ANN401
    """Give the test brand."""
    values: dict[str, Any] = {
        "slug": BRAND,
        "name": "새벽나무",
        "folder": folder,
        "closing": "새벽나무 드림",
        "contacts": ("1522-0000",),
        "slack_review_destination": "CREVIEW",
        "slack_brand_destination": "CBRAND",
        "undo_window": timedelta(0),
        "accounts": brand_accounts or (make_account(),),
    }
    return Brand(**{**values, **changes})


class House:
    """One process over a database: real workers' code, scripted outside.

    Args:
        database: Where everything is kept; another house may stand on the same one.
        clock: Shared with the fakes.
        channel: The only account's board.
        slack: None for a house without a token.
        mail: None for a house without a mail server.
        threaded: Work in the embedded engine's threads instead of one by one in this one.
    """

    def __init__(
        self,
        database: Database,
        clock: StillClock,
        channel: FakeChannel,
        slack: RecordingSlack | None = None,
        *,
        brand: Brand,
        threaded: bool = False,
        publishes: bool = True,
        mail: SmtpClient | None = None,
        classifier: ScriptedClassifier | None = None,
    ) -> None:
        self.database, self.clock = database, clock
        self.channel, self.slack = channel, slack
        self.classifier = classifier or ScriptedClassifier()
        self.drafter = ScriptedDrafter()
        self.runtime = ScriptedRuntime(
            settings=Settings(publish_enabled=publishes, home=brand.folder / "home"),
            database=database,
            sealer=SEALER,
            brands={brand.slug: brand},
            clock=clock,
            slack=slack,  # type: ignore[arg-type]
            mail=mail,
            scripted=self.drafter,
        )
        made = self.runtime._made
        made["model", ""] = self.classifier
        for account in brand.accounts:
            made["collector", account.key] = channel
            made["publisher", account.key] = channel
        broker = set_up("memory://")
        assert isinstance(broker, StubBroker)
        self.broker = broker
        runtimes.install(self.runtime)
        with database.unit_of_work() as connection:
            accounts.synchronize(connection, brand.accounts, source_of=source_of, now=clock())
        self.workers = start_workers(broker, worker_timeout_ms=50) if threaded else []

    def close(self) -> None:
        """Stop the workers."""
        for worker in self.workers:
            worker.stop(timeout=10_000)
        self.broker.close()

    def account_id(self, key: str = ACCOUNT) -> int:
        """Give the row of an account."""
        with self.database.reading() as connection:
            found = accounts.find(connection, key)
        assert found is not None
        return found

    def run(self) -> int:
        """Relay and work until nothing is due now.

        Returns:
            How many messages were handled.
        """
        total = 0
        while sent := relay(self.runtime):
            total += sent
            if not self.workers:
                self._drain()
                continue
            for queue in self.broker.get_declared_queues():
                self.broker.join(queue, timeout=30_000)
            for worker in self.workers:
                worker.join()
        return total

    def _drain(self) -> None:
        for queue in list(self.broker.queues.values()):
            while not queue.empty():
                message = dramatiq.Message.decode(queue.get())
                queue.task_done()
                self.broker.get_actor(message.actor_name).fn(*message.args)

    def run_on(self, until: timedelta = timedelta(minutes=30)) -> None:
        """Run, and let the clock jump to whatever is due next, up to ``until`` from now."""
        end = self.clock() + until
        self.run()
        while (next_at := self.next_at()) is not None and next_at <= end:
            self.clock.now = max(self.clock.now, next_at)
            self.run()

    def next_at(self) -> datetime | None:
        """Tell when the next message is due."""
        with self.database.reading() as connection:
            return outbox.next_available_at(connection)

    def approve_all(self, text: str = "", undo_window: timedelta = timedelta(0)) -> list[int]:
        """Approve every draft; gives the publications' ids."""
        with self.database.unit_of_work() as connection:
            return [
                cases.approve(
                    connection,
                    decision_about(row, text),
                    now=self.clock(),
                    undo_window=undo_window,
                )
                for row in cases.to_decide(connection, limit=1000)
            ]
