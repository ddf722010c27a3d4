"""The crash proof: real processes, killed with SIGKILL at random points, lose and repeat nothing.

    python -m tests.crash --kills 20 --seed 1 [--setup sqlite --setup redis --setup rabbitmq]

The storefront misbehaves and changes while collectors, workers and scheduler die; a person
approves every draft as it comes. At the end every feedback is stored once, every negative and
every inquiry has exactly one case, every approved reply stands on the storefront exactly once, and
no alert was told twice. Then 30,000 normal cases wait for their drafts, a process is killed once
more, and a safety complaint must be drafted and told before they are through.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
from sqlalchemy import ColumnElement, func, select, text

from demo.content import demo_articles, write_brands
from demo.storefront import Storefront
from domain.errors import DecisionRefusedError
from privacy.sealing import generate_key
from storage import cases, health
from storage.models import AccountRow, AlertRow, PublicationRow
from storage.session import Database
from tests.alerts.fake_slack import CUT_BEFORE, LOST_ANSWER, FakeSlack, limited
from tests.backlog import add_backlog, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SETUPS = ("sqlite", "redis", "rabbitmq")
POSTGRES = urlsplit(
    os.environ.get("REPUTATION_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
)
BROKERS = {
    "sqlite": "memory://",
    "redis": os.environ.get("REPUTATION_TEST_REDIS_URL", "redis://127.0.0.1:6379/7"),
    "rabbitmq": os.environ.get(
        "REPUTATION_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/"
    ),
}
ARTICLES = 120
LEASE_S = 12
PATIENCE_S = 420
SHOPS = ("saebyeok", "pilmgil")
BACKLOG = 30_000
"""More than the workers draft while a complaint is collected, understood and told."""
SAFETY_COMPLAINT = "이유식에서 벌레가 나왔어요. 아이가 먹고 병원에 갔습니다"


@dataclass
class Fleet:
    """The processes of one set-up; a dead one is started again.

    Attributes:
        roles: Arguments of the ``pyeongpan`` command for each process.
    """

    roles: tuple[tuple[str, ...], ...]
    environment: dict[str, str]
    log: Path
    running: dict[tuple[str, ...], subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: int = 0

    def start(self) -> None:
        """Start what does not run."""
        for role in self.roles:
            process = self.running.get(role)
            if process is None or process.poll() is not None:
                with self.log.open("ab") as log:
                    self.running[role] = subprocess.Popen(
                        [sys.executable, "-m", "commands", *role],
                        env=self.environment,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                self.restarts += 1

    def kill(self, chance: random.Random) -> str:
        """Kill one process, a whole role, or one child of it; give what was killed."""
        role = chance.choice(self.roles)
        process = self.running[role]
        if process.poll() is not None:
            return f"{role[0]} was dead already"
        children = psutil.Process(process.pid).children(recursive=True)
        if children and chance.random() < 0.5:
            child = chance.choice(children)
            child.kill()
            return f"child of {role[0]}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return role[0]

    def stop(self) -> None:
        """End everything."""
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass
class World:
    """Everything outside the processes under test."""

    setup: str
    front: Storefront
    slack: FakeSlack
    database: Database
    chance: random.Random
    shown: set[tuple[str, int]]
    deleted: set[tuple[str, int]] = field(default_factory=set)

    def disturb(self) -> None:
        """Let the outside world change or misbehave once, at random."""
        shop = self.chance.choice(SHOPS)
        kind = self.chance.randrange(6)
        if kind == 0:
            self.front.control({"cut": "after_store", "for": 2})
        elif kind == 1:
            self.front.control({"cut": "before_store", "for": 2})
        elif kind == 2:
            self.slack.script("chat.postMessage", LOST_ANSWER, CUT_BEFORE, limited("1"))
        elif kind == 3 and (article := self._some_article(shop)):
            self.front.control(
                {
                    "edit": {
                        "shop": shop,
                        "no": article,
                        "text": f"수정합니다. 역시 별로예요 {article}",
                    }
                }
            )
        elif kind == 4 and (article := self._some_article(shop)):
            self.front.control({"delete": {"shop": shop, "no": article}})
            self.deleted.add((shop, article))
        else:
            self.front.control({"status": 500, "for": 3})

    def _some_article(self, shop: str) -> int | None:
        with self.database.reading() as connection:
            numbers = connection.execute(
                text("SELECT native_id FROM feedback WHERE brand = :shop AND gone_at IS NULL"),
                {"shop": shop},
            ).scalars()
            known = [int(number) for number in numbers if (shop, int(number)) not in self.deleted]
        return self.chance.choice(sorted(known)) if known else None

    def approve(self) -> int:
        """Approve what is drafted, as a person would, while everything dies around."""
        now = datetime.now(UTC)
        with self.database.reading() as connection:
            waiting = cases.to_decide(connection, limit=100)
        approved = 0
        for case in waiting:
            decision = cases.Decision(
                case_id=case["case_id"],
                draft_number=case["draft_number"],
                feedback_revision=case["feedback_revision"],
                decided_by="충돌 시험",
                decided_in="command",
                text=case["text"],
            )
            try:
                with self.database.unit_of_work() as connection:
                    cases.approve(connection, decision, now=now, undo_window=timedelta(0))
                approved += 1
            except DecisionRefusedError:
                continue  # edited or deleted meanwhile: it comes back, or is closed
        return approved


def main() -> None:
    """Prove the chosen set-ups and exit 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--setup", action="append", choices=SETUPS)
    options = parser.parse_args()
    # Ended from outside, the proof takes its processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    setups = options.setup or SETUPS
    if len(setups) == 1:
        sys.exit(0 if prove(setups[0], options.kills, seed) else 1)
    failed = side_by_side(setups, options.kills, seed)
    print(f"{len(setups) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def side_by_side(setups: Sequence[str], kills: int, seed: int) -> int:
    """Prove set-ups at once, for they wait more than they work; give how many failed.

    Each has a process of its own: there is one broker in a process.
    """
    command = [sys.executable, "-m", "tests.crash", "--kills", str(kills), "--seed", str(seed)]
    proofs = [subprocess.Popen([*command, "--setup", setup]) for setup in setups]
    try:
        return sum(proof.wait() != 0 for proof in proofs)
    finally:
        for proof in proofs:
            proof.terminate()


def prove(setup: str, kills: int, seed: int) -> bool:
    """Prove one set-up, and tell whether every promise was kept."""
    say(setup, f"seed {seed}, {kills} kills")
    problems = problems_of(setup, kills, random.Random(f"{seed}:{setup}"))
    for problem in problems:
        say(setup, f"BROKEN: {problem}")
    say(setup, f"failed, {len(problems)} promises broken" if problems else "passed")
    return not problems


def say(setup: str, words: str) -> None:
    """Print a line of one set-up."""
    print(f"crash {setup}: {words}", flush=True)


def problems_of(setup: str, kills: int, chance: random.Random) -> list[str]:
    """Kill and disturb one set-up, let it finish, and give the promises it broke."""
    home = Path(tempfile.mkdtemp(prefix=f"pyeongpan-crash-{setup}-"))
    articles = list(demo_articles(datetime.now(UTC), ARTICLES))
    front = Storefront(
        articles,
        api_key="crash-key",
        clock=lambda: datetime.now(UTC),
    )
    base_url = front.start()
    try:
        with FakeSlack(clock=time.time) as slack:
            brands = _brands(home, base_url)
            slack.channels = {"CREVIEW", "CBRAND"}
            url = _fresh_database(setup, home)
            environment = _environment(setup, home, brands, url, slack)
            subprocess.run(
                [sys.executable, "-m", "commands", "db", "upgrade"], env=environment, check=True
            )
            database = Database(url)
            fleet = Fleet(_roles(setup), environment, home / "processes.log")
            shown = {(article.shop, article.no) for article in articles}
            world = World(setup, front, slack, database, chance, shown)
            try:
                problems = _drive(fleet, world, kills)
            finally:
                fleet.stop()
                database.close()
            if problems:
                say(setup, (home / "processes.log").read_text(errors="replace")[-6000:])
            else:
                shutil.rmtree(home, ignore_errors=True)
            return problems
    finally:
        front.stop()


def _roles(setup: str) -> tuple[tuple[str, ...], ...]:
    if setup == "sqlite":
        return (("run",),)
    return (("worker", "--processes", "2", "--threads", "4"), ("scheduler",))


def _environment(
    setup: str, home: Path, brands: Path, url: str, slack: FakeSlack
) -> dict[str, str]:
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith("PYEONGPAN_")
    }
    return {
        **inherited,
        "PYEONGPAN_HOME": str(home),
        "PYEONGPAN_BRANDS": str(brands),
        "PYEONGPAN_DATABASE_URL": url,
        "PYEONGPAN_BROKER_URL": BROKERS[setup],
        "PYEONGPAN_SEAL_KEY": generate_key(),
        "PYEONGPAN_PUBLISH_ENABLED": "true",
        "PYEONGPAN_ALLOW_PRIVATE_ADDRESSES": "true",
        "PYEONGPAN_SLACK_BOT_TOKEN": slack.bot_token,
        "PYEONGPAN_SLACK_API_URL": slack.api_url,
        "PYEONGPAN_CONSOLE_PORT": str(_free_port()),
        "PYEONGPAN_LEASE": f"{LEASE_S}s",
    }


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _brands(home: Path, base_url: str) -> Path:
    folder = write_brands(home / "brands", base_url=base_url, api_key="crash-key")
    for path in folder.glob("*/brand.toml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(map(_hurried, lines)) + "\n", encoding="utf-8")
    return folder


def _hurried(line: str) -> str:
    """Collect every few seconds and post to the fake Slack's rooms."""
    for key, value in (
        ("interval", "3s"),
        ("slack_review_destination", "CREVIEW"),
        ("slack_brand_destination", "CBRAND"),
    ):
        if line.startswith(key):
            return f'{key} = "{value}"'
    return line


def _fresh_database(setup: str, home: Path) -> str:
    if setup == "sqlite":
        return f"sqlite:///{home / 'pyeongpan.db'}"
    name = f"pyeongpan_crash_{setup}"
    admin = Database(POSTGRES.geturl())
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.close()
    _empty_broker(BROKERS[setup])
    return POSTGRES._replace(path=f"/{name}").geturl()


def _empty_broker(url: str) -> None:
    from workers.broker import set_up

    set_up(url).flush_all()


def _drive(fleet: Fleet, world: World, kills: int) -> list[str]:
    world.front.control({"chaos": {"seed": world.chance.randrange(1000), "p": 0.05}})
    stopping = threading.Event()
    approver = threading.Thread(target=_keep_approving, args=(world, stopping), daemon=True)
    fleet.start()
    approver.start()
    killed: Counter[str] = Counter()
    done = 0
    while done < kills:
        # Not a condition: the kill must come at a random instant.
        time.sleep(world.chance.uniform(0.3, 4.0))
        world.disturb()
        victim = fleet.kill(world.chance)
        if "dead already" not in victim:
            done += 1
        killed[victim] += 1
        fleet.start()
    world.front.control({"clear": True})
    # A room that was refused nine times in a row rests longer than this proof has patience.
    world.slack.heal()
    began = time.monotonic()
    is_settled = _finish(fleet, world)
    waited_s = time.monotonic() - began
    stopping.set()
    approver.join(timeout=30)
    say(world.setup, f"killed {dict(killed)}, then worked for {waited_s:.0f} s")
    problems = [] if is_settled else [f"work was left after {waited_s:.0f} s: {_left(world)}"]
    return [*problems, *_problems(world), *_overtake(fleet, world)]


def _keep_approving(world: World, stopping: threading.Event) -> None:
    while not stopping.wait(0.3):
        world.approve()


def _finish(fleet: Fleet, world: World) -> bool:
    """Wait until nothing is left to do, restarting what died; tell whether it came to that."""
    started = time.monotonic()
    quiet = 0
    while time.monotonic() - started < PATIENCE_S:
        fleet.start()
        quiet = 0 if _left(world) else quiet + 1
        if quiet >= 3:
            return True
        time.sleep(1)
    return False


def _left(world: World) -> dict[str, int]:
    """Count what is still to be done, by kind; kinds of which nothing is left are not named."""
    moving = ["queued", "sending", "posted", "pending", "uncertain"]
    with world.database.reading() as connection:
        totals = health.totals(connection)
        left = {
            "first collections": int(not health.is_first_collection_over(connection)),
            # After a failure an account rests; what is measured behind a backlog is not that rest.
            "failed collections": connection.execute(
                select(func.count(AccountRow.id)).where(AccountRow.failures > 0)
            ).scalar_one(),
            **{kind: totals[kind] for kind in ("unread", "undrafted", "undecided")},
            "publications": connection.execute(
                select(func.count(PublicationRow.id)).where(PublicationRow.state.in_(moving))
            ).scalar_one(),
            "alerts": connection.execute(
                select(func.count(AlertRow.id)).where(
                    AlertRow.state.in_(["queued", "sending", "uncertain"]), _is_due_soon()
                )
            ).scalar_one(),
        }
    return {kind: number for kind, number in left.items() if number}


def _is_due_soon() -> ColumnElement[bool]:
    """Leave out what waits for its hour: digests, and owners' notices on a Sunday."""
    return AlertRow.available_at <= datetime.now(UTC) + timedelta(minutes=2)


def _problems(world: World) -> Iterator[str]:
    """Give every promise that was broken."""
    with world.database.reading() as connection:
        stored = connection.execute(
            text("SELECT brand, native_id, count(*) FROM feedback GROUP BY brand, native_id")
        ).all()
        wrong_cases = connection.execute(
            text(
                "SELECT f.brand, f.native_id, count(c.id) FROM feedback f "
                "LEFT JOIN cases c ON c.feedback_id = f.id "
                "WHERE f.state = 'analyzed' AND (f.sentiment = 'negative' OR f.kind = 'inquiry') "
                "GROUP BY f.id, f.brand, f.native_id HAVING count(c.id) <> 1"
            )
        ).all()
        states = connection.execute(
            text(
                "SELECT f.brand, f.native_id, c.state FROM cases c "
                "JOIN feedback f ON f.id = c.feedback_id"
            )
        ).all()
        unapproved = connection.execute(
            text(
                "SELECT count(*) FROM publications p LEFT JOIN decisions d "
                "ON d.id = p.decision_id AND d.kind = 'approval' WHERE d.id IS NULL"
            )
        ).scalar_one()
        left = connection.execute(
            select(AlertRow.state, func.count(AlertRow.id))
            .where(AlertRow.state != "sent", _is_due_soon())
            .group_by(AlertRow.state)
        ).all()
        problems = connection.execute(
            text(
                "SELECT state, problem, count(*) FROM publications "
                "WHERE state NOT IN ('published', 'cancelled') GROUP BY state, problem"
            )
        ).all()
        totals = health.totals(connection)
    known = {(row[0], int(row[1])) for row in stored}
    yield from (f"{row[0]}/{row[1]} is stored {row[2]} times" for row in stored if row[2] != 1)
    yield from (f"{shop}/{no} was never stored" for shop, no in sorted(world.shown - known))
    yield from (f"{row[0]}/{row[1]} has {row[2]} cases" for row in wrong_cases)
    if unapproved:
        yield f"{unapproved} publications without an approval"
    counts = {(shop, no): n for shop in SHOPS for no, n in world.front.reply_counts(shop).items()}
    yield from (f"{key} has {number} replies" for key, number in counts.items() if number > 1)
    for brand, native_id, state in states:
        key = (brand, int(native_id))
        if key in world.deleted:
            continue
        if state != "answered":
            yield f"{key} ended {state}, not answered"
        elif counts.get(key) != 1:
            yield f"{key} is answered but has {counts.get(key, 0)} replies"
    told = Counter(_alert_id(message) for message in world.slack.messages)
    yield from (f"alert {alert} was told {n} times" for alert, n in told.items() if n > 1)
    yield from (f"{row[1]} alerts ended {row[0]}" for row in left)
    say(
        world.setup,
        f"{totals['collected']} feedback, {totals['cases']} cases, {len(counts)} replies, "
        f"{len(told)} alerts told; publications left: {[tuple(row) for row in problems]}",
    )


def _overtake(fleet: Fleet, world: World) -> Iterator[str]:
    """Let a safety complaint come behind a backlog; give what was wrong with its way."""
    shop = SHOPS[0]
    with world.database.unit_of_work() as connection:
        account_id = add_backlog(connection, shop, BACKLOG, now=datetime.now(UTC))
    fleet.kill(world.chance)
    fleet.start()
    complaint = {"shop": shop, "text": SAFETY_COMPLAINT, "rating": 1, "product": "이유식"}
    world.front.control({"add": complaint})
    began = time.monotonic()
    while not _is_drafted_and_told(world):
        if time.monotonic() - began > PATIENCE_S:
            yield "a safety complaint was not told behind a backlog"
            return
        fleet.start()
        time.sleep(0.1)
    with world.database.reading() as connection:
        left = waiting(connection, account_id)
    taken_s = time.monotonic() - began
    say(world.setup, f"a safety complaint was told after {taken_s:.1f} s, {left} cases behind it")
    if not left:
        yield f"a safety complaint waited for {BACKLOG} normal cases"


def _is_drafted_and_told(world: World) -> bool:
    with world.database.reading() as connection:
        is_drafted = connection.execute(
            text(
                "SELECT count(*) FROM cases c JOIN feedback f ON f.id = c.feedback_id "
                "JOIN drafts d ON d.case_id = c.id WHERE f.text = :text"
            ),
            {"text": SAFETY_COMPLAINT},
        ).scalar_one()
    # Its first words: a message shows an excerpt.
    told = any(
        SAFETY_COMPLAINT[:12] in json.dumps(m, ensure_ascii=False) for m in world.slack.messages
    )
    return bool(is_drafted) and told


def _alert_id(message: dict[str, object]) -> str:
    metadata = message.get("metadata")
    assert isinstance(metadata, dict)
    return str(metadata["event_payload"]["alert_id"])


if __name__ == "__main__":
    main()
