"""Every actor: its message, its queue and what it does.

Declared on a broker by ``declare``, not at import, so that a process chooses its broker first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dramatiq

from domain.messages import Message
from storage.outage import DATABASE
from storage.session import DatabaseError, reason_of
from workers import alert, analyze, collect, draft, publish
from workers.runtime import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq import Broker

    from workers.runtime import Runtime

MAX_RETRIES = 3
"""For defects and lost databases only; everything foreseen is queued again by the database."""
MIN_BACKOFF_MS = 500
MAX_BACKOFF_MS = 30_000
TIME_LIMIT_MS = 170_000
"""Shorter than the usual lease of what an actor claims, and longer than it waits for an answer:
interrupted there, it could not record one."""


@dataclass(frozen=True, slots=True)
class ActorSpec:
    """One actor.

    Attributes:
        queue: Its queue; what is urgent has one of its own.
        priority: Lower goes first within a process.
        work: Called with the process's runtime and the message's argument.
    """

    message: Message
    queue: str
    priority: int
    work: Callable[[Runtime, Any], object]


ACTORS = (
    ActorSpec(Message.CASE_DRAFT_URGENT, "pyeongpan.urgent", 0, draft.draft),
    ActorSpec(Message.ALERT_SEND_URGENT, "pyeongpan.urgent_alert", 5, alert.send),
    ActorSpec(Message.PUBLICATION_PUBLISH, "pyeongpan.publish", 10, publish.publish),
    ActorSpec(Message.PUBLICATION_VERIFY, "pyeongpan.publish", 10, publish.verify),
    ActorSpec(Message.ALERT_SEND, "pyeongpan.alert", 10, alert.send),
    ActorSpec(Message.FEEDBACK_ANALYZE, "pyeongpan.analyze", 20, analyze.analyze),
    ActorSpec(Message.ACCOUNT_COLLECT, "pyeongpan.collect", 30, collect.collect_asked),
    ActorSpec(Message.CASE_DRAFT, "pyeongpan.draft", 40, draft.draft),
    ActorSpec(Message.FEEDBACK_ANALYZE_BACKLOG, "pyeongpan.backlog", 50, analyze.analyze_backlog),
)


def declare(broker: Broker) -> None:
    """Declare every actor on a broker."""
    for spec in ACTORS:
        dramatiq.actor(
            broker=broker,
            actor_name=spec.message,
            queue_name=spec.queue,
            priority=spec.priority,
            max_retries=MAX_RETRIES,
            min_backoff=MIN_BACKOFF_MS,
            max_backoff=MAX_BACKOFF_MS,
            time_limit=TIME_LIMIT_MS,
        )(_handler(spec))


def _handler(spec: ActorSpec) -> Callable[[Any], None]:
    def handle(argument: Any) -> None:  # noqa: ANN401 - an id or a list of ids
        try:
            spec.work(current(), argument)
        except DatabaseError as error:
            # Expected: tried again without the traceback that a defect gets.
            DATABASE.goes_on(reason_of(error), step=spec.message)
            raise dramatiq.errors.Retry from error

    return handle
