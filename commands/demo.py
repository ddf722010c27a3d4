"""The demo: a shop of our own, its brands and the whole daemon in one process."""

from __future__ import annotations

import secrets
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from commands.daemon import Daemon
from demo.board import base_instant
from demo.content import demo_articles, write_brands
from demo.storefront import Storefront
from settings import Settings
from storage import alerts, cases, health
from workers import runtime as runtimes
from workers.broker import set_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.runtime import Runtime

log = structlog.get_logger()

APPROVER = "데모 승인자"
PAUSE_S = 0.2
PATIENCE_S = 900.0


@contextmanager
def demo_shop(home: Path) -> Iterator[Path]:
    """Serve the demo's boards and give the folder of its brands.

    The boards keep their replies in ``home``, so that a restart shows what was published.
    """
    home.mkdir(parents=True, exist_ok=True)
    key = _kept(home / "storefront.key", secrets.token_urlsafe(24))
    journal = home / "storefront.jsonl"
    front = Storefront(
        demo_articles(base_at=base_instant(journal, runtimes.utc_now())),
        api_key=key,
        clock=runtimes.utc_now,
        journal=journal,
    )
    base_url = front.start()
    try:
        yield write_brands(home / "brands", base_url=base_url, api_key=key)
    finally:
        front.stop()


def _kept(path: Path, value: str) -> str:
    # Empty is what a full disk left.
    if not path.exists() or not path.stat().st_size:
        path.touch(mode=0o600)
        path.write_text(value, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def demo_settings(settings: Settings, home: Path, brands: Path) -> Settings:
    """Give the demo's own settings: embedded parts, publishing to our own shop on loopback.

    Of the environment's only what a console and a log need: made-up complaints must not reach
    the Slack or mail server that happens to be named there, nor be sealed with the real key.
    """
    return Settings(
        home=home,
        brands=brands,
        publish_enabled=True,
        allow_private_addresses=True,
        console_host=settings.console_host,
        console_port=settings.console_port,
        log_level=settings.log_level,
    )


def run_once(settings: Settings, *, approves: bool) -> dict[str, float]:
    """Run the whole way once on a fresh database and count what happened.

    Args:
        settings: The environment's; the embedded parts replace its database and broker.
        approves: Approve every draft as the demo approver and publish it.

    Returns:
        The summary that ``demo --once`` prints; ``inquiries`` are those not already counted
        as negative.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pyeongpan-demo-") as folder:
        home = Path(folder)
        with demo_shop(home) as brands:
            broker = set_up("memory://")

            runtime = runtimes.build(demo_settings(settings, home, brands))
            runtime.brands = {
                slug: replace(brand, undo_window=timedelta(0))
                for slug, brand in runtime.brands.items()
            }
            runtimes.synchronize(runtime)
            with Daemon(runtime, broker):
                return _drive(runtime, approves=approves, started=started)


def _drive(runtime: Runtime, *, approves: bool, started: float) -> dict[str, float]:
    approved = 0
    while True:
        with runtime.database.reading() as connection:
            totals = health.totals(connection)
            is_collected = health.is_first_collection_over(connection)
        if approves:
            approved += _approve_all(runtime)
        is_understood = is_collected and not totals["unread"] and not totals["undrafted"]
        is_decided = not approves or not (totals["undecided"] or totals["approved_open"])
        timed_out = time.monotonic() - started > PATIENCE_S
        if (is_understood and is_decided) or timed_out:
            break
        time.sleep(PAUSE_S)
    return _summary(runtime, approved, time.monotonic() - started)


def _approve_all(runtime: Runtime) -> int:
    now = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        waiting = cases.to_decide(connection, limit=50)
        for case in waiting:
            cases.approve(
                connection,
                cases.Decision(
                    case_id=case["case_id"],
                    draft_number=case["draft_number"],
                    feedback_revision=case["feedback_revision"],
                    decided_by=APPROVER,
                    decided_in="command",
                    text=case["text"],
                ),
                now=now,
                undo_window=runtime.brands[case["brand"]].undo_window,
            )
    runtime.poke()
    return len(waiting)


def _summary(runtime: Runtime, approved: int, seconds: float) -> dict[str, float]:
    with runtime.database.reading() as connection:
        totals = health.totals(connection)
        told = alerts.count(connection)
    unresolved = totals["unread"] + totals["undrafted"] + totals["undecided"]
    return {
        "collected": totals["collected"],
        "negative": totals["negative"],
        "inquiries": totals["inquiries"],
        "drafts": totals["drafts"],
        "alerts": told,
        "approved": approved,
        "published": totals["published"],
        "verified": totals["verified"],
        "unresolved": unresolved + totals["approved_open"],
        "seconds": round(seconds, 1),
    }


def is_complete(summary: dict[str, float]) -> bool:
    """Tell whether every case was drafted, approved, published and proven."""
    wanted = summary["negative"] + summary["inquiries"]
    counts = {summary[name] for name in ("drafts", "approved", "published", "verified")}
    return counts == {wanted} and summary["unresolved"] == 0 and wanted > 0
