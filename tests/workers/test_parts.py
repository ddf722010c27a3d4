"""Small parts: waiting times, brokers, relaying, retention."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dramatiq
import holidays
import pytest
from dramatiq.brokers.stub import StubBroker
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import OutOfMemoryError
from sqlalchemy import select
from structlog.testing import capture_logs

from collectors import source_of
from domain.errors import (
    ChannelUnavailableError,
    ConfigurationError,
    LayoutChangedError,
    RateLimitedError,
)
from domain.messages import Message
from domain.types import CollectedFeedback, FeedbackKind, Page, QuarantinedItem
from privacy.sealing import Sealer, generate_key
from storage import accounts, outbox
from storage.models import ErasureRow, FeedbackRow, IncidentRow, QuarantineRow, TokenRow
from storage.outage import QUIET_S, Outage
from storage.tokens import DatabaseTokenStore
from tests.fakes_runtime import ACCOUNT, SEALER, make_account
from workers import broker as brokers
from workers import collect, retain
from workers.actors import ACTORS
from workers.backoff import pause
from workers.broker import ping, set_up
from workers.engine import start_workers
from workers.outage import OncePerOutage
from workers.redis_broker import ALARM_MS, DELAYED_MS, QuietRedisBroker
from workers.relay import RelayThread, relay
from workers.runtime import is_holiday, synchronize

if TYPE_CHECKING:
    import logging

    from tests.fakes_runtime import FakeChannel, House, RecordingSlack, StillClock

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@given(st.integers(0, 10_000))
def test_waiting_doubles_and_ends_at_the_longest(tries: int) -> None:
    waits = pause(ChannelUnavailableError("x"), tries, first=SECOND, longest=HOUR)
    full = min(SECOND * 2 ** min(tries, 10), HOUR)
    assert full / 2 <= waits <= full


@given(st.floats(0, 10_000))
def test_the_channels_own_time_is_taken_as_it_is(seconds: float) -> None:
    error = RateLimitedError("x", seconds)
    assert pause(error, 3, first=SECOND, longest=HOUR) == timedelta(seconds=seconds)


def test_a_limit_without_a_time_waits_like_any_failure() -> None:
    assert pause(RateLimitedError("x"), 0, first=SECOND, longest=HOUR) <= SECOND


@pytest.mark.parametrize("url", ["nats://x", "", "memory:", "http://127.0.0.1"])
def test_an_unknown_broker_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="PYEONGPAN_BROKER_URL"):
        set_up(url)


def test_no_message_is_too_old_and_every_actor_is_declared() -> None:
    broker = set_up("memory://")
    assert isinstance(broker, StubBroker)
    assert set(broker.actors) == {str(spec.message) for spec in ACTORS}
    names = {type(found).__name__ for found in broker.middleware}
    assert "AgeLimit" not in names
    assert {"Retries", "TimeLimit"} <= names
    ping(broker)


def test_idle_threads_sleep_until_there_is_work_a_retry_or_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: Counter[str] = Counter()
    get = brokers._Quiet.get

    def counted(queue: Any, *words: Any, **named: Any) -> Any:  # noqa: ANN401 - the real one's
        looks["all"] += 1
        return get(queue, *words, **named)

    def falls_asleep() -> bool:
        before = looks["all"]
        time.sleep(0.2)
        return looks["all"] == before

    monkeypatch.setattr(brokers._Quiet, "get", counted)
    broker = set_up("memory://")
    tries: list[float] = []
    succeeded = threading.Event()

    def try_twice() -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise dramatiq.errors.Retry(delay=1)
        succeeded.set()

    actor = dramatiq.actor(broker=broker, queue_name="twice", max_retries=1)(try_twice)
    workers = start_workers(broker, worker_timeout_ms=50)
    threads = [
        thread for worker in workers for thread in (*worker.workers, *worker.consumers.values())
    ]
    assert any(falls_asleep() for _ in range(50))
    actor.send()
    assert succeeded.wait(timeout=20)
    assert any(falls_asleep() for _ in range(50))
    for worker in workers:
        worker.stop(timeout=20_000)
    broker.close()
    assert not any(thread.is_alive() for thread in threads)
    assert len(tries) == 2


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://guest:guest@127.0.0.1:1/"])
def test_a_broker_that_does_not_answer_is_told_in_one_way(url: str) -> None:
    with pytest.raises(OSError, match=r"[Cc]onnection ?[Rr]efused"):
        ping(set_up(url))


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://guest:guest@127.0.0.1:1/"])
def test_a_lost_broker_is_told_once_though_each_queues_thread_meets_it(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.01)
    met: Counter[str] = Counter()
    all_met = threading.Event()
    keep = OncePerOutage.filter

    def counted(once: OncePerOutage, record: logging.LogRecord) -> bool:
        is_kept = keep(once, record)
        if not is_kept:
            met[record.name] += 1
        if len(met) == 2 * len(queues) and min(met.values()) > 1:
            all_met.set()
        return is_kept

    monkeypatch.setattr(OncePerOutage, "filter", counted)
    broker = set_up(url)
    queues = broker.get_declared_queues()
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    with capture_logs() as events:
        worker.start()
        assert all_met.wait(timeout=60)
        worker.stop(timeout=20_000)
    broker.close()
    assert [event["event"] for event in events] == ["broker_lost"]
    assert events[0]["error"]
    assert not any(record.name.startswith("dramatiq") for record in caplog.records)


def test_an_outage_is_over_when_nothing_failed_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk still lets itself be read, so a success says little."""
    now = [100.0]
    monkeypatch.setattr("storage.outage.time.monotonic", lambda: now[0])
    outage = Outage("disk")
    with capture_logs() as events:
        outage.is_over()
        for _ in range(8):
            outage.goes_on("full")
            now[0] += QUIET_S / 2
            outage.is_over()
        now[0] += QUIET_S / 2
        outage.is_over()
        outage.is_over()
    assert [(event["event"], event.get("after_s")) for event in events] == [
        ("disk_lost", None),
        ("disk_back", 45),
    ]


@pytest.mark.integration
def test_a_full_redis_loses_nothing_and_is_told_like_a_lost_one(
    house: House,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not what dramatiq expects: it would log a traceback per thread and second."""
    monkeypatch.setattr("storage.outage.QUIET_S", 0.0)
    broker = set_up(redis_url)
    assert isinstance(broker, QuietRedisBroker)
    ask, is_full, refused = broker.scripts["dispatch"], threading.Event(), threading.Event()

    def dispatch(**words: Any) -> Any:  # noqa: ANN401 - Redis' own
        if is_full.is_set():
            refused.set()
            raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")
        return ask(**words)

    broker.scripts["dispatch"] = dispatch
    is_full.set()
    worked = threading.Event()
    actor = dramatiq.actor(broker=broker, queue_name="pyeongpan.publish")(worked.set)
    thread = RelayThread(house.runtime)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    with house.database.unit_of_work() as connection:
        outbox.add(connection, actor.actor_name, [], available_at=house.clock())
    with pytest.raises(OSError, match="maxmemory"):
        ping(broker)
    with capture_logs() as events:
        thread.start()
        worker.start()
        assert refused.wait(timeout=20)
        is_full.clear()
        assert worked.wait(timeout=20)
        thread.stop()
        worker.stop(timeout=20_000)
    broker.close()
    assert [event["event"] for event in events] == ["broker_lost", "broker_back"]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_redis_and_rabbitmq_answer(redis_url: str, rabbitmq_url: str) -> None:
    for url in (redis_url, rabbitmq_url):
        broker = set_up(url)
        ping(broker)
        broker.close()


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_complaint_goes_the_whole_way_over_redis(
    house: House, channel: FakeChannel, slack: RecordingSlack, redis_url: str
) -> None:
    """Not only in memory: messages are encoded, and actors found by their names."""
    broker = set_up(redis_url)
    told, answered = threading.Event(), threading.Event()
    slack.on_post = lambda _: told.set()
    read = channel.read_back

    def read_back(target: Any) -> Any:  # noqa: ANN401 - the real one's
        answered.set()
        return read(target)

    channel.read_back = read_back  # type: ignore[method-assign]
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
    thread = RelayThread(house.runtime)
    house.runtime.poke = thread.poke
    worker.start()
    thread.start()
    try:
        collect.start_due(house.runtime)
        assert told.wait(timeout=60)
        assert len(house.approve_all()) == 1
        thread.poke()
        assert answered.wait(timeout=60)
    finally:
        thread.stop()
        worker.stop(timeout=20_000)
        broker.close()
    assert channel.sent == ["n1"]
    assert len(slack.posts) == 1


def test_relaying_hands_over_what_is_due_and_no_more(house: House, clock: StillClock) -> None:
    now = clock()
    with house.database.unit_of_work() as connection:
        for number in range(450):
            outbox.add(connection, "case.draft", [[number]], available_at=now)
        outbox.add(connection, "case.draft", [[9]], available_at=now + SECOND)
    assert relay(house.runtime) == 450
    assert relay(house.runtime) == 0
    clock.advance(seconds=1)
    assert relay(house.runtime) == 1


def test_redis_is_seldom_asked_for_what_is_delayed_and_often_for_an_alarm(redis_url: str) -> None:
    broker = set_up(redis_url)
    pauses = {
        name: broker.consume(name, timeout=1000).timeout  # type: ignore[attr-defined]
        for name in (*broker.get_declared_queues(), *broker.get_declared_delay_queues())
    }
    broker.close()
    often = {name for name, pause in pauses.items() if pause == ALARM_MS}
    seldom = {name for name, pause in pauses.items() if pause == DELAYED_MS}
    on_its_way = (Message.FEEDBACK_ANALYZE, Message.CASE_DRAFT_URGENT, Message.ALERT_SEND_URGENT)
    assert often == {spec.queue for spec in ACTORS if spec.message in on_its_way}
    assert seldom == broker.get_declared_delay_queues()
    assert pauses["pyeongpan.alert"] == 1000


@pytest.mark.parametrize("starts_due", [True, False])
def test_the_schedulers_relay_starts_what_is_due_and_others_do_not(
    house: House, monkeypatch: pytest.MonkeyPatch, *, starts_due: bool
) -> None:
    monkeypatch.setattr("workers.relay.IDLE_S", 0.01)
    sent: list[str] = []
    looked = threading.Event()

    def enqueue(message: Any, **_: object) -> None:  # noqa: ANN401 - dramatiq's
        sent.append(message.actor_name)
        if message.actor_name == "case.draft":
            looked.set()

    monkeypatch.setattr(house.broker, "enqueue", enqueue)
    thread = RelayThread(house.runtime, starts_due=starts_due)
    thread.start()
    # An account's message, if there is one, is older than this.
    with house.database.unit_of_work() as connection:
        outbox.add(connection, "case.draft", [[1]], available_at=house.clock())
    assert looked.wait(timeout=30)
    thread.stop()
    assert sorted(sent) == [*(["account.collect"] if starts_due else []), "case.draft"]
    assert collect.start_due(house.runtime) == (0 if starts_due else 1)


def test_a_relay_survives_a_lost_broker_and_a_defect(
    house: House, monkeypatch: pytest.MonkeyPatch, clock: StillClock
) -> None:
    """Nothing is forgotten that the broker did not take."""
    enqueue = house.broker.enqueue
    gone = dramatiq.errors.BrokerConnectionError("gone")  # type: ignore[no-untyped-call]
    failures = iter([gone, OSError("gone"), KeyError("a defect")])
    arrived = threading.Event()

    def flaky(message: Any, *, delay: int | None = None) -> Any:  # noqa: ANN401 - dramatiq's
        for error in failures:
            raise error
        arrived.set()
        return enqueue(message, delay=delay)

    monkeypatch.setattr(house.broker, "enqueue", flaky)
    monkeypatch.setattr("workers.relay.IDLE_S", 0.01)
    with house.database.unit_of_work() as connection:
        outbox.add(connection, "case.draft", [[1]], available_at=clock())
    monkeypatch.setattr(multiprocessing.current_process(), "name", "Process-7")
    thread = RelayThread(house.runtime)
    thread.start()
    assert arrived.wait(timeout=30)
    thread.stop()
    with house.database.reading() as connection:
        assert outbox.size(connection) == 0
    # What health checks look for is this process's own.
    signs = [path.name for path in house.runtime.settings.home.glob("alive*")]
    assert signs == ["alive-Process-7"]


def feedback_rows(house: House) -> list[Any]:
    with house.database.reading() as connection:
        return list(connection.execute(select(FeedbackRow.__table__)))


def test_personal_data_goes_after_the_brands_retention(house: House, clock: StillClock) -> None:
    collect.collect(house.runtime, house.account_id())
    clock.advance(days=364)
    assert retain.erase_expired(house.runtime) == 0
    clock.advance(days=2)
    assert retain.erase_expired(house.runtime) == 1
    (row,) = feedback_rows(house)
    assert (row.sealed_original, row.author, row.author_fingerprint) == (None, "", "")
    assert row.text


@pytest.mark.parametrize("days", [30, None])
def test_a_brand_without_a_folder_keeps_the_retention_it_had(
    house: House, clock: StillClock, days: int | None
) -> None:
    collect.collect(house.runtime, house.account_id())
    if days:
        brand = replace(house.runtime.brands["saebyeok"], retention=timedelta(days=days))
        house.runtime.brands = {"saebyeok": brand}
        synchronize(house.runtime)
    keep_a_page_and_a_token(house)
    house.runtime.brands = {}
    synchronize(house.runtime)
    clock.advance(days=(days or 365) - 1)
    assert retain.erase_expired(house.runtime) == 0
    clock.advance(days=2)
    assert retain.erase_expired(house.runtime) == 1
    (row,) = feedback_rows(house)
    assert (row.sealed_original, row.author, row.author_fingerprint) == (None, "", "")
    with house.database.reading() as connection:
        assert connection.execute(select(IncidentRow.sealed_page)).scalar_one() is None
        assert connection.execute(select(TokenRow.account_key)).all() == []


def test_the_page_of_an_incident_that_goes_on_is_no_younger_for_it(
    house: House, clock: StillClock
) -> None:
    keep_a_page_and_a_token(house)
    clock.advance(days=366)
    with house.database.unit_of_work() as connection:
        accounts.open_incident(
            connection, "layout_changed", ACCOUNT, "no rows", now=clock(), sealed_page=b"newer"
        )
    retain.erase_expired(house.runtime)
    with house.database.reading() as connection:
        assert connection.execute(select(IncidentRow.sealed_page)).scalar_one() is None


def test_the_tokens_of_an_account_in_use_stay(house: House, clock: StillClock) -> None:
    keep_a_page_and_a_token(house)
    clock.advance(days=1000)
    retain.erase_expired(house.runtime)
    with house.database.reading() as connection:
        assert connection.execute(select(TokenRow.account_key)).scalar_one() == ACCOUNT


def keep_a_page_and_a_token(house: House) -> None:
    DatabaseTokenStore(house.database, SEALER.seal, SEALER.open).save(ACCOUNT, {"posts": "[]"})
    with house.database.unit_of_work() as connection:
        accounts.open_incident(
            connection,
            "layout_changed",
            ACCOUNT,
            "no rows",
            now=house.clock(),
            sealed_page=SEALER.seal(b"page"),
        )


def test_a_page_in_the_hand_of_a_run_is_not_stored_behind_an_erasure(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.fetches.append(
        lambda: retain.erase_author(house.runtime, "saebyeok", "김하늘", requested_by="x")
    )
    interrupted = collect.collect(house.runtime, house.account_id())
    assert "somebody else took over" in interrupted.error
    assert feedback_rows(house) == []
    # The account is free again and nothing is held against it.
    clock.advance(minutes=5)
    assert collect.collect(house.runtime, house.account_id()).is_complete
    with house.database.reading() as connection:
        assert accounts.failures(connection, house.account_id()) == 0


def test_a_page_that_could_not_be_read_is_not_kept_behind_an_erasure(
    house: House, channel: FakeChannel
) -> None:
    def fail() -> None:
        retain.erase_author(house.runtime, "saebyeok", "김하늘", requested_by="x")
        raise LayoutChangedError("no rows", "<p>김하늘</p>".encode())

    channel.fetches.append(fail)
    collect.collect(house.runtime, house.account_id())
    with house.database.reading() as connection:
        assert connection.execute(select(IncidentRow.id)).all() == []


def test_an_author_is_found_by_the_name_the_channel_shows(house: House) -> None:
    collect.collect(house.runtime, house.account_id())
    erase = retain.erase_author
    assert erase(house.runtime, "saebyeok", "이바다", requested_by="x") == 0
    assert erase(house.runtime, "saebyeok", "김하늘", requested_by="x") == 1
    with house.database.reading() as connection:
        assert len(connection.execute(select(ErasureRow.id)).all()) == 2


@pytest.mark.parametrize(
    ("author", "erased"),
    [("김하늘", 2), ("sky****", 1), ("sea****", 1), ("김하", 0), ("이****", 0), ("land****", 1)],
)
def test_an_author_with_an_id_is_found_by_the_name_too(
    house: House, monkeypatch: pytest.MonkeyPatch, author: str, erased: int
) -> None:
    """SmartStore shows who asks as 김하늘 and sky****; a customer who writes to us says 김하늘."""
    shown = (("김하늘", "sky****"), ("김하늘", "sea****"), ("이****", "land****"))
    items = tuple(
        CollectedFeedback(
            FeedbackKind.INQUIRY,
            str(number),
            "언제 오나요",
            house.clock(),
            author=name,
            author_id=id_,
        )
        for number, (name, id_) in enumerate(shown)
    )
    monkeypatch.setattr(house.channel, "fetch", lambda *_: Page(items))
    collect.collect(house.runtime, house.account_id())
    assert retain.erase_author(house.runtime, "saebyeok", author, requested_by="x") == erased
    assert [row.author_fingerprint for row in feedback_rows(house)].count("") == erased


@pytest.mark.parametrize("left", [(), ("feed",)])
def test_an_author_is_erased_on_a_channel_whose_account_was_taken_out(
    house: House, left: tuple[str, ...]
) -> None:
    collect.collect(house.runtime, house.account_id())
    others = tuple(make_account(name=channel, channel=channel) for channel in left)
    brand = replace(house.runtime.brands["saebyeok"], accounts=others)
    house.runtime.brands = {"saebyeok": brand}
    with house.database.unit_of_work() as connection:
        accounts.synchronize(connection, others, source_of=source_of, now=house.clock())
    assert retain.erase_author(house.runtime, "saebyeok", "김하늘", requested_by="x") == 1
    (row,) = feedback_rows(house)
    assert (row.sealed_original, row.author, row.author_fingerprint) == (None, "", "")


def test_an_author_is_erased_where_the_account_was_moved_to_another_channel(
    house: House,
) -> None:
    collect.collect(house.runtime, house.account_id())
    with house.database.unit_of_work() as connection:
        accounts.synchronize(
            connection, [make_account(channel="feed")], source_of=source_of, now=house.clock()
        )
    assert retain.erase_author(house.runtime, "saebyeok", "김하늘", requested_by="x") == 1


def test_an_erasure_in_a_brand_without_any_account_is_recorded(house: House) -> None:
    assert retain.erase_author(house.runtime, "newbrand", "김하늘", requested_by="x") == 0
    with house.database.reading() as connection:
        assert connection.execute(select(ErasureRow.brand)).scalar_one() == "newbrand"


KEPT = {
    "utf-8": ("1,김하늘,좋아요".encode(), True),
    "cp949": ("1,김하늘,좋아요".encode("cp949"), True),
    "utf-16": ("1,김하늘,좋아요".encode("utf-16"), True),
    "json": (json.dumps({"author": "김하늘"}).encode(), True),
    "workbook": (b"PK\x03\x04packed", True),
    "somebody else": ("1,박바다,좋아요".encode(), False),
}


@pytest.mark.parametrize("name", KEPT)
def test_rows_and_pages_that_name_an_author_are_emptied(house: House, name: str) -> None:
    raw, is_emptied = KEPT[name]
    with house.database.unit_of_work() as connection:
        accounts.quarantine(
            connection,
            house.account_id(),
            [QuarantinedItem("no date", raw)],
            seal=SEALER.seal,
            fingerprints=lambda item: SEALER.fingerprints(repr(item)),
            now=house.clock(),
        )
        for subject in (ACCOUNT, "other/shop"):
            accounts.open_incident(
                connection,
                "layout_changed",
                subject,
                "no rows",
                now=house.clock(),
                sealed_page=SEALER.seal(raw),
            )
    retain.erase_author(house.runtime, "saebyeok", "김하늘", requested_by="x")
    with house.database.reading() as connection:
        row = connection.execute(select(QuarantineRow.__table__)).one()
        pages = {
            page.subject: page.sealed_page is None
            for page in connection.execute(select(IncidentRow.__table__))
        }
    assert (row.sealed_raw is None, row.reason) == (is_emptied, "no date")
    assert pages == {ACCOUNT: is_emptied, "other/shop": False}


def test_an_authors_posts_that_wait_on_a_boards_shelf_go_too(house: House) -> None:
    def post(number: str, author: str, author_id: str = "") -> dict[str, object]:
        return {"native_id": number, "author": author, "author_id": author_id, "text": "국이 샜다"}

    tokens = house.runtime._build(make_account()).tokens
    waiting = [post("1", "김하늘"), post("2", "박바다")]
    again = {"a": [1, post("3", "하늘", "김하늘")], "b": [0, post("4", "박바다")]}
    shelf = {"read": "x y", "posts": json.dumps(waiting), "again": json.dumps(again)}
    for key in (ACCOUNT, "other/shop"):
        tokens.save(key, shelf)
    retain.erase_author(house.runtime, "saebyeok", "김하늘", requested_by="x")
    left = tokens.load(ACCOUNT)
    assert "박바다" in json.loads(left["posts"])[0]["author"]
    assert [waits["native_id"] for waits in json.loads(left["posts"])] == ["2"]
    assert [waits["native_id"] for _, waits in json.loads(left["again"]).values()] == ["4"]
    assert len(left["read"].split()) == 4
    assert tokens.load("other/shop") == shelf


def test_an_erasure_that_could_find_nothing_is_refused_and_loses_nothing(house: House) -> None:
    sealed = Sealer([generate_key()]).seal(b"page")
    with house.database.unit_of_work() as connection:
        accounts.open_incident(
            connection, "layout_changed", ACCOUNT, "x", now=house.clock(), sealed_page=sealed
        )
    with pytest.raises(ConfigurationError):
        retain.erase_author(house.runtime, "saebyeok", "김하늘", requested_by="x")
    with house.database.reading() as connection:
        assert connection.execute(select(IncidentRow.sealed_page)).scalar_one() == sealed


def test_closing_the_tools_closes_every_accounts_connections(house: House) -> None:
    runtime = house.runtime
    (account,) = runtime.accounts.values()
    client = runtime._build(account).client
    assert runtime._build(account).client is client
    sessions = (client._session, client._redirects)
    assert [session.is_closed for session in sessions] == [False, False]
    runtime.close()
    assert [session.is_closed for session in sessions] == [True, True]


def test_a_holiday_is_one_for_whoever_asks_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calendar = type(holidays.country_holidays("KR"))
    populate = calendar._populate

    def slowly(self: holidays.HolidayBase, year: int) -> None:
        time.sleep(0.2)
        populate(self, year)

    monkeypatch.setattr(calendar, "_populate", slowly)
    barrier = threading.Barrier(4)
    found: list[bool] = []

    def ask() -> None:
        barrier.wait(timeout=30)
        # Nobody asked for that year before.
        found.append(is_holiday(date(2031, 1, 1)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == [True] * 4
