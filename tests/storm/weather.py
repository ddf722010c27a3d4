"""A storm: thousands of cases in ten minutes, people who decide them, and a Slack that fails.

Everything is real but the outside: the workers' threads on a broker, the scheduler's steps, the
console and Slack's signed requests over HTTP, Slack's Web API and Socket Mode over HTTP and
WebSocket. Only the clock is told when to go on: ten minutes pass in as many seconds as the work
takes, and Slack judges its rates by the same clock.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed

from alerts.blocks import (
    NOTE_BLOCK,
    NOTE_INPUT,
    REASON_BLOCK,
    REASON_INPUT,
    TEXT_BLOCK,
    TEXT_INPUT,
    ActionId,
)
from alerts.listener import SocketListener
from alerts.slack import SlackClient
from collectors import source_of
from commands.console import console_context
from commands.slack_room import SlackRoom, build_router
from console.access import SESSION_COOKIE
from console.app import create_app
from domain.brands import Account, Brand
from storage import accounts, alerts, people
from storage.models import AlertRow, CaseRow, DecisionRow
from storage.people import Role
from tests.alerts.fake_slack import CUT_BEFORE, LOST_ANSWER, FakeSlack, http, limited, says
from tests.fakes_runtime import Article, FakeChannel, House, StillClock
from workers.cards import refresh
from workers.collect import start_due
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from sqlalchemy import Row

    from alerts.interactions import SlackDecision
    from console.context import ConsoleContext
    from storage.session import Connection, Database
    from workers.runtime import Runtime

SHARES = {"aurora": 10, "baram": 4, "chorok": 3, "dalbit": 3}
"""Brands, and how many of twenty cases are theirs; the last two share a review room."""
ROOMS = {"aurora": "CREVIEWA", "baram": "CREVIEWB", "chorok": "CREVIEWC", "dalbit": "CREVIEWC"}
TEXTS = ("별로예요",) * 8 + ("환불해 주세요",) + ("벌레가 나왔어요",)
"""Four in five are normal; one in ten is high, one in ten is critical and about safety."""
SLACK_PEOPLE = [f"U{number}" for number in range(1, 7)]
CONSOLE_PEOPLE = 3
CASES_PER_S = 2_000 / 600
LONGEST_S = 3600
"""In which all must be told, by the told clock."""
HANDS = 8
WAIT_S = 300.0
AGAIN = 0.002
AT_HAND = 20
"""Cases that those at the console choose from."""
UNTOUCHED = 25
"""Every so many cases, one that nobody decides."""


class WatchedRoom(SlackRoom):
    """The room in Slack, which tells when a click was worked on."""

    def __init__(self, runtime: Runtime, context: ConsoleContext) -> None:
        super().__init__(runtime, context)
        self.done: Counter[str] = Counter()
        self.changed = threading.Condition()

    def handle(self, click: SlackDecision, *, once: str = "") -> None:
        try:
            super().handle(click, once=once)
        finally:
            with self.changed:
                self.done[click.trigger_id] += 1
                self.changed.notify_all()

    def wait_for(self, trigger_id: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.done[trigger_id] > 0, WAIT_S)


@dataclass
class Storm:
    """The house in the storm; made by ``storm``."""

    house: House
    slack: FakeSlack
    listener: SocketListener
    room: WatchedRoom
    door: httpx.Client
    """Through which Slack's signed requests come."""
    tokens: list[tuple[httpx.Client, str]]
    """The people at the console: a browser each, and what proves its forms."""
    chance: random.Random
    channels: dict[str, FakeChannel]
    asked: set[int] = field(default_factory=set)
    """Cases that somebody wanted to decide."""
    heard: set[int] = field(default_factory=set)
    """Those of them whose click or form was worked on."""
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def clock(self) -> StillClock:
        return self.house.clock

    def rage(self, cases: int) -> None:
        """Let the storm pass, and go on until nothing is left to tell."""
        length_s = round(cases / CASES_PER_S)
        with ThreadPoolExecutor(HANDS) as hands:
            for second in range(length_s):
                self.clock.advance(seconds=1)
                self._write(cases * second // length_s, cases * (second + 1) // length_s)
                self._disturb(second, length_s)
                self._work(second, hands)
                self._decide(hands)
            for second in range(length_s, LONGEST_S):
                self.clock.advance(seconds=1)
                self._work(second, hands)
                if second % 5 == 0 and self._is_calm():
                    self.counts["seconds"] = second
                    return
        raise AssertionError(f"not calm after {LONGEST_S} s: {self._left()}")

    def _write(self, first: int, end: int) -> None:
        """Let customers write their share of this second."""
        for number in range(first, end):
            (brand,) = self.chance.choices(list(SHARES), list(SHARES.values()))
            text = f"{self.chance.choice(TEXTS)} {number}"
            self.channels[brand].articles.append(
                Article(str(number), text, self.clock() - timedelta(seconds=1))
            )

    def _disturb(self, second: int, length_s: int) -> None:
        """Let Slack fail: now and then a call, once all of it, for a sixth of the storm."""
        if second == length_s // 2:
            self.slack.is_down = True
            self.slack.close_sockets()
        if second == length_s * 2 // 3:
            self.slack.is_down = False
        if second % 60 == 20 and not self.slack.is_down:
            self.chance.choice([self.slack.close_sockets, self.slack.ask_to_reconnect])()
        if second % 12 == 0:
            method, trouble = self.chance.choice(
                [
                    ("chat.postMessage", LOST_ANSWER),
                    ("chat.postMessage", CUT_BEFORE),
                    ("chat.postMessage", limited("7")),
                    ("chat.postMessage", says("service_unavailable")),
                    ("chat.postMessage", http(503)),
                    ("chat.update", LOST_ANSWER),
                    ("chat.update", limited("9")),
                    ("chat.update", says("fatal_error")),
                    ("conversations.history", limited("15")),
                    ("conversations.history", CUT_BEFORE),
                    ("views.open", CUT_BEFORE),
                    ("views.update", says("internal_error")),
                    ("chat.postEphemeral", LOST_ANSWER),
                ]
            )
            self.slack.script(method, trouble)

    def _work(self, second: int, hands: ThreadPoolExecutor) -> None:
        """Let two schedulers and the workers do what is due."""
        runtime = self.house.runtime
        start_due(runtime)
        if second % 5 == 0:
            for done in [hands.submit(step, runtime) for step in (sweep, refresh, refresh)]:
                done.result(WAIT_S)
        self.house.run()

    # --- people ---

    def _decide(self, hands: ThreadPoolExecutor) -> None:
        """Let people work for a second: all at once, some on the same case."""
        wanted: list[Callable[[], None]] = []
        if not self.slack.is_down:
            for message in self._cards(2):
                wanted += self._clicks(message)
            if self.chance.random() < 0.1:
                wanted += self._openings()
        oldest = self._oldest()
        for browser, token in self.tokens:
            if oldest:
                # Few enough that two people at the console meet as well.
                row = self.chance.choice(oldest)
                self.asked.add(row.id)
                wanted.append(self._in_console(browser, token, row))
        for done in [hands.submit(act) for act in wanted]:
            done.result(WAIT_S)

    def _oldest(self) -> list[Row[int, int]]:
        with self.house.database.reading() as connection:
            rows = connection.execute(
                select(CaseRow.id, CaseRow.draft_number)
                .where(CaseRow.state == "drafted", CaseRow.id % UNTOUCHED != 0)
                .order_by(CaseRow.id)
                .limit(AT_HAND)
            )
            return list(rows)

    def _cards(self, number: int) -> list[dict[str, Any]]:
        """Pick cards that still have their buttons."""
        found = [
            message
            for message in self.slack.standing()
            if (case_id := _case_of(message, ActionId.APPROVE)) % UNTOUCHED
            # What somebody decided is pressed again only now and then.
            and (case_id not in self.asked or self.chance.random() < AGAIN)
        ]
        return self.chance.sample(found, min(number, len(found)))

    def _clicks(self, message: dict[str, Any]) -> list[Callable[[], None]]:
        """Let one or two people want one case, once or twice."""
        case_id = _case_of(message, ActionId.APPROVE)
        self.asked.add(case_id)
        first, second = self.chance.sample(SLACK_PEOPLE, 2)
        choices: list[tuple[int, list[tuple[str, ActionId]]]] = [
            (5, [(first, ActionId.APPROVE)]),
            (3, [(first, ActionId.APPROVE), (first, ActionId.APPROVE)]),
            (2, [(first, ActionId.APPROVE), (second, ActionId.APPROVE)]),
            (2, [(first, ActionId.APPROVE), (second, ActionId.REJECT)]),
            (1, [(first, ActionId.EDIT)]),
            (1, [(first, ActionId.EDIT), (second, ActionId.EDIT)]),
            (1, [(first, ActionId.REJECT)]),
        ]
        (chosen,) = self.chance.choices(
            [people for _, people in choices], [weight for weight, _ in choices]
        )
        doors = [self.chance.random() < 0.5 for _ in chosen]
        made = [
            self._in_slack(message["ts"], action, user, by_socket)
            for (user, action), by_socket in zip(chosen, doors, strict=True)
        ]
        if self.chance.random() < 0.2:
            with self.house.database.reading() as connection:
                row = connection.execute(
                    select(CaseRow.id, CaseRow.draft_number).where(CaseRow.id == case_id)
                ).one()
            made.append(self._in_console(*self.tokens[0], row))
        return made

    def _openings(self) -> list[Callable[[], None]]:
        """Let somebody ask in a thread for a case's card, and somebody confirm a notice."""
        user = self.chance.choice(SLACK_PEOPLE)
        wanted = []
        for action in (ActionId.SHOW, ActionId.READ):
            found = [each for each in self.slack.standing() if _case_of(each, action)]
            if found:
                ts = self.chance.choice(found)["ts"]
                wanted.append(self._in_slack(ts, action, user, by_socket=False))
        return wanted

    def _in_slack(
        self, ts: str, action: ActionId, user: str, by_socket: bool
    ) -> Callable[[], None]:
        (case_id,) = {
            _case_of(message, action) for message in self.slack.standing() if message["ts"] == ts
        }

        def act() -> None:
            # As a person does: what shows no effect is pressed again.
            for _ in range(3):
                payload = self._press(lambda: self.slack.click(ts, action, user), by_socket)
                if payload is None:
                    continue
                if action in {ActionId.EDIT, ActionId.REJECT}:
                    view = self.slack.opened.get(payload["trigger_id"])
                    if view is None or not self._send(view, user, by_socket):
                        continue
                if action not in {ActionId.SHOW, ActionId.READ}:
                    self.heard.add(case_id)
                return

        return act

    def _send(self, view_id: str, user: str, by_socket: bool) -> bool:
        """Fill a modal in and send it; False where it never got its fields."""
        blocks = [block.get("block_id") for block in self.slack.views[view_id]["blocks"]]
        if TEXT_BLOCK in blocks:
            typed = {"type": "plain_text_input", "value": f"고쳐 쓴 답변 {view_id}"}
            values: dict[str, Any] = {TEXT_BLOCK: {TEXT_INPUT: typed}}
        elif REASON_BLOCK in blocks:
            reason = {"type": "static_select", "selected_option": {"value": "misread"}}
            note = {"type": "plain_text_input", "value": "농담입니다"}
            values = {REASON_BLOCK: {REASON_INPUT: reason}, NOTE_BLOCK: {NOTE_INPUT: note}}
        else:
            return False
        return self._press(lambda: self.slack.submit(view_id, values, user), by_socket) is not None

    def _press(self, make: Callable[[], dict[str, Any]], by_socket: bool) -> dict[str, Any] | None:
        """Deliver a click and wait until it was worked on; None where it got lost on its way."""
        try:
            payload = make()
        except ValueError:
            # Somebody else's decision took the buttons away.
            return {"trigger_id": ""}
        if by_socket and self.listener.is_connected:
            try:
                envelope = self.slack.push(payload)
            except ConnectionClosed:
                return None
            if self.slack.wait_for_ack(envelope) is None:
                self.counts["lost clicks"] += 1
                return None
            self.counts["by socket"] += 1
        else:
            body, headers = self.slack.sign(payload)
            answer = self.door.post("/slack/interactions", content=body, headers=headers)
            assert answer.status_code == 200, answer.text
            self.counts["by http"] += 1
        self.room.wait_for(payload["trigger_id"])
        return payload

    def _in_console(
        self, client: httpx.Client, token: str, row: Row[int, int]
    ) -> Callable[[], None]:
        def act() -> None:
            answer = client.post(
                f"/cases/{row.id}/approve",
                data={
                    "draft_number": str(row.draft_number),
                    "feedback_revision": "1",
                    "text": f"답변 {row.id}",
                    "form_token": token,
                },
            )
            assert answer.status_code in {303, 409}, answer.text
            self.counts[f"console {answer.status_code}"] += 1
            self.heard.add(row.id)

        return act

    # --- the end ---

    def _left(self) -> dict[str, int]:
        with self.house.database.reading() as connection:
            rows = connection.execute(
                select(AlertRow.state, func.count(AlertRow.id))
                .where(
                    AlertRow.state.in_(["queued", "sending", "uncertain"]),
                    AlertRow.available_at <= self.clock() + timedelta(hours=1),
                )
                .group_by(AlertRow.state)
            ).all()
            left = {row[0]: row[1] for row in rows}
            now = self.clock()
            outdated = alerts.outdated_cards(connection, "case_card", now=now, limit=1000)
            behind = alerts.outdated_bursts(
                connection, "burst", over_since=now - timedelta(days=1), now=now, limit=1000
            )
        return {**left, "outdated": len(outdated) + len(behind)}

    def _is_calm(self) -> bool:
        return not any(self._left().values())

    def problems(self, cases: int) -> Iterator[str]:
        """Give every promise that was broken."""
        with self.house.database.reading() as connection:
            states = {
                row.id: row.state for row in connection.execute(select(CaseRow.id, CaseRow.state))
            }
            decided = Counter(connection.execute(select(DecisionRow.case_id)).scalars())
            told = {
                row.id: row
                for row in connection.execute(
                    select(
                        AlertRow.id,
                        AlertRow.state,
                        AlertRow.burst_id,
                        AlertRow.destination,
                        AlertRow.receipt,
                    )
                )
            }
        if len(states) != cases:
            yield f"{len(states)} cases instead of {cases}"
        yield from (f"case {case} has {n} decisions" for case, n in decided.items() if n > 1)
        for case, state in states.items():
            if (case in decided) != (state in {"approved", "rejected"}):
                yield f"case {case} is {state} with {decided[case]} decisions"
            if case not in self.asked and case in decided:
                yield f"case {case} was decided by nobody"
            if case in self.heard and case not in decided:
                yield f"case {case} was decided and is not"
        posted = Counter(_alert_of(message) for message in self.slack.messages)
        yield from (f"alert {alert} was told {n} times" for alert, n in posted.items() if n > 1)
        for alert_id, row in told.items():
            if row.state == "shown" and row.burst_id is not None:
                continue
            if row.state != "sent" or posted[alert_id] != 1:
                yield f"alert {alert_id} is {row.state} and was told {posted[alert_id]} times"
        yield from self._slack_problems(decided)

    def _slack_problems(self, decided: Counter[int]) -> Iterator[str]:
        """Give what Slack has to say."""
        broken = Counter(refusal for refusal in self.slack.refusals if refusal in JUDGED)
        yield from (f"Slack refused {n} calls: {reason}" for reason, n in broken.items())
        for channel in self.slack.channels:
            times = [message["posted_at"] for message in self.slack.posted(channel)]
            close = sum(later - earlier < 1 - 1e-6 for earlier, later in pairwise(sorted(times)))
            if close:
                yield f"{close} messages in {channel} came less than a second after another"
        for message in self.slack.messages:
            case = _case_of(message, ActionId.APPROVE)
            if case and case in decided:
                yield f"the card of case {case} still has its buttons"


JUDGED = {
    "rate",
    *(
        f"{judged}: {method}"
        for judged in ("tier", "too early")
        for method in (
            "chat.postEphemeral",
            "chat.postMessage",
            "chat.update",
            "conversations.history",
        )
    ),
}
"""Refusals that are our fault, whatever people do."""


def _case_of(message: dict[str, Any], action: ActionId) -> int:
    """Give the case of a message's first button of a kind; 0 where it has none."""
    for block in message["blocks"]:
        for element in [*block.get("elements", []), block.get("accessory", {})]:
            if element.get("action_id") == action:
                return int(element["value"].partition(":")[0])
    return 0


def _alert_of(message: dict[str, Any]) -> int:
    return int(message["metadata"]["event_payload"]["alert_id"])


@contextmanager
def storm(database: Database, folder: Path, seed: int) -> Iterator[Storm]:
    """Build the house and everything around it."""
    clock = StillClock()
    brands = make_brands(folder)
    channels = {slug: FakeChannel(clock, page_size=100) for slug in brands}
    rooms = {brand.slack_brand_destination for brand in brands.values()}
    slack = FakeSlack(clock=lambda: clock().timestamp(), channels=rooms | set(ROOMS.values()))
    with ExitStack() as blocks:
        blocks.enter_context(slack)
        first = next(iter(brands))
        house = House(database, clock, channels[first], brand=brands[first], threaded=True)
        blocks.callback(house.close)
        runtime = house.runtime
        runtime.slack = SlackClient(slack.bot_token, slack.api_url)
        for slug, brand in brands.items():
            runtime.brands[slug] = brand
            runtime._made["collector", f"{slug}/shop"] = channels[slug]
        with database.unit_of_work() as connection:
            accounts.synchronize(
                connection, runtime.accounts.values(), source_of=source_of, now=clock()
            )
        sessions = _hire(database, clock)
        context = console_context(runtime, is_demo=False)
        room = WatchedRoom(runtime, context)
        app = create_app(context, routers=[build_router(room, runtime, slack.signing_secret)])
        address = blocks.enter_context(_served(app))
        door = blocks.enter_context(httpx.Client(base_url=address, timeout=WAIT_S))
        tokens = [_signed_in(blocks, address, session) for session in sessions]
        listener = SocketListener(slack.app_token, room.handle, slack.api_url, check_interval_s=0.2)
        listener.start()
        blocks.callback(_stop, listener, slack)
        chance = random.Random(seed)
        yield Storm(house, slack, listener, room, door, tokens, chance, channels)


def _stop(listener: SocketListener, slack: FakeSlack) -> None:
    # The SDK leaves its read only when something arrives or after 3 seconds.
    slack.is_down = True
    slack.close_sockets()
    listener.stop()


def _hire(database: Database, clock: StillClock) -> list[str]:
    """Make the people; gives the sessions of those at the console."""
    with database.unit_of_work() as connection:
        for number, user in enumerate(SLACK_PEOPLE):
            _add(connection, f"slack{number}", clock, user)
        at_console = [
            _add(connection, f"console{number}", clock, None) for number in range(CONSOLE_PEOPLE)
        ]
        return [people.begin_session(connection, each, now=clock()) for each in at_console]


def _add(connection: Connection, login: str, clock: StillClock, slack_user: str | None) -> int:
    return people.add(
        connection,
        login=login,
        name=login,
        role=Role.SPECIALIST,
        now=clock(),
        sees_all_brands=True,
        slack_user=slack_user,
    )


@contextmanager
def _served(app: FastAPI) -> Iterator[str]:
    """Serve the console on a free port of this machine."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="critical", timeout_keep_alive=LONGEST_S
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + WAIT_S
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(WAIT_S)


def _signed_in(blocks: ExitStack, address: str, session: str) -> tuple[httpx.Client, str]:
    client = httpx.Client(base_url=address, cookies={SESSION_COOKIE: session}, timeout=WAIT_S)
    blocks.enter_context(client)
    page = client.get("/me").text
    return client, page.partition('name="form_token" value="')[2].partition('"')[0]


def make_brands(folder: Path) -> dict[str, Brand]:
    """Give the brands of the storm, each with one shop."""
    made = {}
    for slug in SHARES:
        (folder / slug / "manual").mkdir(parents=True)
        account = Account(
            brand=slug, name="shop", channel="storefront", interval=timedelta(seconds=10)
        )
        made[slug] = Brand(
            slug=slug,
            name=slug,
            folder=folder / slug,
            closing=f"{slug} 드림",
            contacts=("1522-0000",),
            slack_review_destination=ROOMS[slug],
            slack_brand_destination=f"CBRAND{slug[0].upper()}",
            # Nothing is published while it storms.
            undo_window=timedelta(days=1),
            accounts=(account,),
        )
    return made
