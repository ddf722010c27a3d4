from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from alerts.rules import AlertRule
from alerts.smtp import SmtpClient
from domain.brands import DigestEmails
from domain.mail import parse_server
from domain.states import AlertState
from responders.compensation import compensation
from storage import cases, proposals
from storage.alerts import settle_by_hand
from storage.models import AlertRow, HistoryRow
from tests.fakes.mail_server import CUT, SILENT, MailServer, listen
from tests.fakes_runtime import BRAND, Article, Death, decision_about, make_brand
from workers import alert, collect, slack_messages
from workers.actors import TIME_LIMIT_MS
from workers.deadlines import send_digests
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from tests.fakes_runtime import FakeChannel, House, RecordingSlack, StillClock

SAFETY, OWNER = "safety@example.com", "owner@example.com"
EMAILS = DigestEmails(immediate=(SAFETY, OWNER, SAFETY), daily=(OWNER,), weekly=(OWNER,))
TUESDAY_OPENING = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
MONDAY_OPENING = datetime(2026, 11, 30, 0, 0, tzinfo=UTC)


@pytest.fixture
def server() -> MailServer:
    return MailServer()


@pytest.fixture
def client(server: MailServer) -> Iterator[SmtpClient]:
    listening = listen(server)
    url = f"smtp://127.0.0.1:{listening.port}?tls=off"
    yield SmtpClient(parse_server(url), "", "robot@example.com")
    listening.stop()


@pytest.fixture
def mailing(
    make_house: Callable[..., House], client: SmtpClient, tmp_path: Path
) -> Callable[..., House]:
    """Give a maker of houses that mail."""

    def make(emails: DigestEmails = EMAILS, **changes: Any) -> House:  # noqa: ANN401 - House's own
        brand = make_brand(tmp_path, digest_emails=emails, **changes.pop("brand", {}))
        return make_house(brand=brand, **{"mail": client, **changes})

    return make


@pytest.fixture
def house(mailing: Callable[..., House], channel: FakeChannel, clock: StillClock) -> House:
    """Give a house that mails, and a safety matter on its board."""
    channel.articles[:] = [
        Article("n1", "벌레가 나왔어요\n전화 010-1234-5678 http://evil.example", clock())
    ]
    clock.advance(seconds=1)
    return mailing()


def mails(house: House) -> list[Any]:
    with house.database.reading() as connection:
        return list(
            connection.execute(
                select(AlertRow.__table__)
                .where(AlertRow.destination.startswith("mailto:"))
                .order_by(AlertRow.id)
            )
        )


def alarms(house: House) -> list[Any]:
    with house.database.reading() as connection:
        return list(
            connection.execute(
                select(AlertRow.__table__)
                .where(AlertRow.rule == AlertRule.MAIL_UNDELIVERED)
                .order_by(AlertRow.id)
            )
        )


def path(house: House, alert_id: int) -> list[str]:
    with house.database.reading() as connection:
        return list(
            connection.execute(
                select(HistoryRow.target)
                .where(HistoryRow.entity == "alerts", HistoryRow.entity_id == alert_id)
                .order_by(HistoryRow.id)
            ).scalars()
        )


def begin(house: House) -> None:
    collect.start_due(house.runtime)
    house.run()


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_safety_matter_is_mailed_once_to_each(house: House, server: MailServer) -> None:
    begin(house)
    assert [to for to, _ in server.taken] == [SAFETY, OWNER]
    for row in mails(house):
        assert (row.state, row.is_final) == ("sent", True)
        assert path(house, row.id) == ["queued", "sending", "sent"]
        for _ in range(3):
            alert.send(house.runtime, row.id)
    house.clock.advance(minutes=10)
    sweep(house.runtime)
    house.run_on()
    assert len(server.taken) == 2


def test_a_mail_says_what_happened_what_was_done_and_what_to_decide(
    house: House, server: MailServer
) -> None:
    begin(house)
    _, message = server.taken[0]
    assert message["Subject"] == "[평판] 새벽나무: 안전·위생 관련 글을 확인해 주세요"
    assert str(message["From"]) == "평판 <robot@example.com>"
    assert (message["To"], message["Auto-Submitted"]) == (SAFETY, "auto-generated")
    text, html = body(message, "plain"), body(message, "html")
    for shown in (text, html):
        for part in ("무슨 일이 있었나요", "저희가 한 일", "결정해 주실 일과 기한", "답변 기한"):
            assert part in shown
        assert "벌레가 나왔어요" in shown
        assert "010-1234-5678" not in shown
        assert "http://evil" not in shown
        assert f"http://127.0.0.1:8420/cases/{mails(house)[0].payload['case_id']}" in shown
    assert not re.search(r"<(img|script|link|iframe)|src=|url\(", html)


def test_each_attempt_has_the_same_message_id(
    house: House, server: MailServer, clock: StillClock
) -> None:
    server.at_end.append("451 4.3.0 later")
    server.at_end.append(CUT)
    begin(house)
    house.run_on(timedelta(minutes=5))
    first, second = mails(house)
    # The first was refused, tried again and cut; the second went through.
    assert {first.state, second.state} == {"uncertain", "sent"}
    sent, lost = sorted((first, second), key=lambda row: row.state != "sent")
    taken = {str(message["To"]): message["Message-ID"] for _, message in server.taken}
    assert taken[sent.destination.removeprefix("mailto:")] == sent.receipt
    assert taken[lost.destination.removeprefix("mailto:")] in lost.problem
    assert len(set(taken.values())) == 2


@pytest.mark.parametrize("event", [CUT, SILENT])
def test_a_lost_answer_is_never_sent_again_and_goes_to_the_operator(
    house: House, client: SmtpClient, server: MailServer, slack: RecordingSlack, event: str
) -> None:
    server.at_end.append(event)
    client._end_timeout_s = 10 if event == CUT else 1
    begin(house)
    client._end_timeout_s = 10
    for _ in range(3):
        house.clock.advance(minutes=10)
        sweep(house.runtime)
        house.run_on()
    lost = mails(house)[0]
    assert (lost.state, path(house, lost.id)) == ("uncertain", ["queued", "sending", "uncertain"])
    assert [to for to, _ in server.taken] == [SAFETY, OWNER]
    (alarm,) = alarms(house)
    assert SAFETY in alarm.payload["subject"]
    assert "Message-ID" not in alarm.payload["detail"]
    assert "식별자가 <" in alarm.payload["detail"]
    assert ("CREVIEW", str(alarm.id)) in slack.posts


def test_a_server_that_is_waited_for_to_the_end_interrupts_nobody(client: SmtpClient) -> None:
    waits_s = client._timeout_s + client._end_timeout_s
    # Once for the answer to the whole mail, once for the one to the goodbye.
    assert 1000 * (waits_s + client._end_timeout_s) < TIME_LIMIT_MS


@pytest.mark.parametrize(("target", "taken"), [(AlertState.QUEUED, 3), (AlertState.SENT, 2)])
def test_a_person_settles_a_lost_answer(
    house: House, server: MailServer, target: AlertState, taken: int
) -> None:
    server.at_end.append(CUT)
    begin(house)
    lost = mails(house)[0]

    def settle(brand: str) -> bool:
        with house.database.unit_of_work() as connection:
            return settle_by_hand(
                connection, lost.id, {brand}, target, who="김담당", now=house.clock()
            )

    assert [settle("other"), settle(BRAND), settle(BRAND)] == [False, True, False]
    house.run_on(timedelta(minutes=1))
    assert mails(house)[0].state == "sent"
    assert len(server.taken) == taken
    assert len({str(message["Message-ID"]) for _, message in server.taken}) == 2


def test_a_refusal_for_now_is_tried_again(house: House, server: MailServer) -> None:
    server.at_recipient[SAFETY].extend(["450 4.2.0 greylisted", "451 4.3.0 later"])
    begin(house)
    assert [to for to, _ in server.taken] == [OWNER]
    house.run_on(timedelta(minutes=5))
    assert sorted(to for to, _ in server.taken) == [OWNER, SAFETY]
    assert alarms(house) == []


def test_a_refusal_for_good_is_the_operators_and_stops_nobody_else(
    house: House, server: MailServer
) -> None:
    server.at_recipient[SAFETY].append("550 5.1.1 unknown")
    begin(house)
    house.run_on(timedelta(hours=1))
    refused, sent = mails(house)
    assert (refused.state, sent.state) == ("failed", "sent")
    assert "550 5.1.1" in refused.problem
    assert len(alarms(house)) == 1
    assert [to for to, _ in server.taken] == [OWNER]


def test_a_server_that_is_away_loses_nothing(
    house: House, server: MailServer, clock: StillClock
) -> None:
    for _ in range(6):
        server.at_mail.append(CUT)
    begin(house)
    house.run_on(timedelta(hours=1))
    assert sorted(to for to, _ in server.taken) == [OWNER, SAFETY]


def test_a_server_that_takes_nothing_is_given_up_after_days(
    house: House, server: MailServer
) -> None:
    server.at_mail.extend(["451 4.3.0 later"] * 4)
    begin(house)
    house.clock.advance(days=2)
    house.run()
    assert [row.state for row in mails(house)] == ["failed", "failed"]
    assert "2일 동안 보내지 못해 그만두었습니다." in mails(house)[0].problem
    assert (server.attempts, server.taken) == (4, [])
    assert len(alarms(house)) == 2


def test_a_mail_that_cannot_be_written_fails_and_is_the_operators(
    house: House, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        raise KeyError("case_id")

    monkeypatch.setattr("workers.letters.write", write)
    begin(house)
    assert [(row.state, row.problem) for row in mails(house)] == [
        ("failed", "cannot be shown: KeyError")
    ] * 2
    assert (server.attempts, len(alarms(house))) == (0, 2)


def test_a_mail_that_a_person_sends_again_has_days_anew(house: House, server: MailServer) -> None:
    server.at_recipient[SAFETY].append("550 5.1.1 unknown")
    begin(house)
    house.clock.advance(days=3)
    server.at_recipient[SAFETY].append("450 4.2.0 greylisted")
    with house.database.unit_of_work() as connection:
        refused = mails(house)[0].id
        assert settle_by_hand(
            connection, refused, {BRAND}, AlertState.QUEUED, who="김담당", now=house.clock()
        )
    house.run_on(timedelta(minutes=5))
    assert path(house, refused)[-2:] == ["sending", "sent"]


def test_who_was_taken_out_meanwhile_gets_no_mail_that_waited(
    house: House, server: MailServer
) -> None:
    server.at_mail.extend(["451 4.3.0 later"] * 2)
    begin(house)
    brand = house.runtime.brands[BRAND]
    # Both still get digests, and one of them nothing else any more.
    left = replace(EMAILS, immediate=(OWNER,), daily=(SAFETY, OWNER))
    house.runtime.brands = {BRAND: replace(brand, digest_emails=left)}
    house.run_on(timedelta(minutes=5))
    assert [to for to, _ in server.taken] == [OWNER]
    dropped, sent = mails(house)
    assert (dropped.state, sent.state) == ("shown", "sent")
    assert path(house, dropped.id)[-1] == "shown"
    assert "빠져 보내지 않았습니다" in dropped.problem
    assert alarms(house) == []
    house.clock.advance(minutes=10)
    assert "alerts_waiting" not in sweep(house.runtime)


def test_no_person_sends_a_mail_to_who_was_taken_out(house: House, server: MailServer) -> None:
    server.at_recipient[SAFETY].append("550 5.1.1 unknown")
    begin(house)
    brand = house.runtime.brands[BRAND]
    left = replace(EMAILS, immediate=(OWNER,))
    house.runtime.brands = {BRAND: replace(brand, digest_emails=left)}
    refused = mails(house)[0].id
    with house.database.unit_of_work() as connection:
        assert settle_by_hand(
            connection, refused, {BRAND}, AlertState.QUEUED, who="김담당", now=house.clock()
        )
    house.run()
    assert mails(house)[0].state == "shown"
    assert [to for to, _ in server.taken] == [OWNER]


def test_a_wrong_sender_holds_the_mail_and_is_told_once_a_day(
    house: House, server: MailServer
) -> None:
    for _ in range(8):
        server.at_mail.append("553 5.7.1 not your address")
    begin(house)
    house.run_on(timedelta(minutes=10))
    (alarm,) = alarms(house)
    assert "PYEONGPAN_SMTP_SENDER" in alarm.payload["detail"]
    assert [row.state for row in mails(house)] == ["sent", "sent"]


def test_a_dead_sender_leaves_a_mail_nobody_is_sure_of(
    house: House, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert house.runtime.mail is not None
    monkeypatch.setattr(house.runtime.mail, "send", _die)
    with pytest.raises(Death):
        begin(house)
    monkeypatch.undo()
    house.clock.advance(minutes=4)
    assert sweep(house.runtime)["alerts_expired"] == 1
    house.run_on()
    states = [row.state for row in mails(house)]
    assert sorted(states) == ["sent", "uncertain"]
    assert len(server.taken) == 1
    assert len(alarms(house)) == 1


def _die(*_: object) -> None:
    raise Death("killed")


def test_a_lost_message_is_asked_for_again(
    house: House, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert, "_mail", lambda *_: None)
    begin(house)
    assert server.taken == []
    monkeypatch.undo()
    house.clock.advance(minutes=10)
    sweep(house.runtime)
    house.run()
    assert [to for to, _ in server.taken] == [SAFETY, OWNER]


def test_without_a_mail_server_nothing_is_kept_or_broken(
    mailing: Callable[..., House], channel: FakeChannel, clock: StillClock, slack: RecordingSlack
) -> None:
    channel.articles[:] = [Article("n1", "벌레가 나왔어요", clock())]
    clock.advance(seconds=1)
    house = mailing(mail=None)
    begin(house)
    assert mails(house) == []
    assert [to for to, _ in slack.posts] == ["CREVIEW", "CBRAND"]


def test_mail_goes_out_where_there_is_no_slack(
    mailing: Callable[..., House], channel: FakeChannel, clock: StillClock, server: MailServer
) -> None:
    channel.articles[:] = [Article("n1", "벌레가 나왔어요", clock())]
    clock.advance(seconds=1)
    house = mailing(slack=None)
    begin(house)
    assert [to for to, _ in server.taken] == [SAFETY, OWNER]
    house.clock.advance(minutes=10)
    assert "alerts_waiting" not in sweep(house.runtime)


def test_nothing_but_safety_and_law_is_mailed_at_once(
    mailing: Callable[..., House], channel: FakeChannel, clock: StillClock, server: MailServer
) -> None:
    channel.articles[:] = [
        Article("n1", "환불해 주세요", clock()),
        Article("n2", "별로예요", clock()),
    ]
    clock.advance(seconds=1)
    begin(mailing())
    assert server.taken == []


def test_digests_are_mailed_at_the_brands_opening_and_once(
    house: House, server: MailServer, clock: StillClock
) -> None:
    begin(house)
    server.taken.clear()
    found = []
    for opening in (TUESDAY_OPENING, MONDAY_OPENING):
        clock.now = opening - timedelta(minutes=1)
        send_digests(house.runtime)
        house.run()
        assert server.taken == []
        clock.now = opening
        for _ in range(3):
            send_digests(house.runtime)
            house.run()
            clock.advance(minutes=1)
        found.append([(to, str(mail["Subject"]).split(" · ")[0]) for to, mail in server.taken])
        server.taken.clear()
    daily, weekly = "[평판] 새벽나무 일간 요약", "[평판] 새벽나무 주간 요약"
    assert found == [[(OWNER, daily)], [(OWNER, daily), (OWNER, weekly)]]


def test_mondays_digest_covers_the_weekend(
    mailing: Callable[..., House], channel: FakeChannel, clock: StillClock, server: MailServer
) -> None:
    house = mailing(DigestEmails(daily=(OWNER,)))
    saturday = MONDAY_OPENING - timedelta(days=2)
    channel.articles[:] = [Article("n1", "별로예요", saturday)]
    clock.now = saturday + timedelta(minutes=1)
    begin(house)
    clock.now = MONDAY_OPENING
    send_digests(house.runtime)
    house.run()
    text = body(server.taken[0][1], "plain")
    assert "기간: 11월 27일(금) 09:00부터 11월 30일(월) 09:00까지" in text
    assert "수집한 글: 1건" in text
    assert "부정: 1건" in text
    assert "지금 결정하실 일이 없습니다" in text


@pytest.mark.parametrize(
    ("emails", "back_at", "since"),
    [
        (DigestEmails(daily=(OWNER,)), timedelta(days=2, hours=5), "11월 24일(화) 09:00"),
        (DigestEmails(weekly=(OWNER,)), timedelta(days=9, hours=2), "11월 23일(월) 09:00"),
    ],
)
def test_a_digest_that_nobody_made_at_the_opening_is_made_late(
    mailing: Callable[..., House],
    clock: StillClock,
    server: MailServer,
    emails: DigestEmails,
    back_at: timedelta,
    since: str,
) -> None:
    house = mailing(emails)
    for opening in (TUESDAY_OPENING - timedelta(days=1), TUESDAY_OPENING):
        clock.now = opening
        send_digests(house.runtime)
    house.run()
    # The scheduler is away over some openings, and comes back in the middle of a day.
    clock.now = TUESDAY_OPENING + back_at
    server.taken.clear()
    for _ in range(3):
        send_digests(house.runtime)
        house.run()
        clock.advance(hours=1)
    ((_, message),) = server.taken
    assert f"기간: {since}부터" in body(message, "plain")


def test_what_a_whole_missed_day_would_have_told_is_in_the_next_digest(
    mailing: Callable[..., House], channel: FakeChannel, clock: StillClock, server: MailServer
) -> None:
    house = mailing(DigestEmails(daily=(OWNER,), weekly=(OWNER,)))
    for opening in (TUESDAY_OPENING - timedelta(days=1), TUESDAY_OPENING):
        clock.now = opening
        send_digests(house.runtime)
    channel.articles[:] = [Article("n1", "별로예요", clock() + timedelta(hours=1))]
    clock.advance(hours=2)
    begin(house)
    house.run_on()
    # Closed: nothing is made at night, late as it is.
    clock.now = TUESDAY_OPENING + timedelta(days=1, hours=12)
    send_digests(house.runtime)
    server.taken.clear()
    clock.now = TUESDAY_OPENING + timedelta(days=13)
    send_digests(house.runtime)
    house.run()
    daily, weekly = (body(message, "plain") for _, message in server.taken)
    assert "기간: 11월 24일(화) 09:00부터" in daily
    assert "기간: 11월 23일(월) 09:00부터" in weekly
    assert "수집한 글: 1건" in daily


def test_whoever_had_no_digest_waits_for_the_next_opening(
    mailing: Callable[..., House], clock: StillClock
) -> None:
    house = mailing(DigestEmails(daily=(OWNER,), weekly=(OWNER,)))
    clock.now = TUESDAY_OPENING + timedelta(hours=3)
    send_digests(house.runtime)
    assert mails(house) == []


def test_a_digest_that_failed_waits_for_the_brands_hours(
    mailing: Callable[..., House], clock: StillClock, server: MailServer
) -> None:
    house = mailing(DigestEmails(daily=(OWNER,)))
    server.at_mail.extend(["451 4.3.0 later"] * 2)
    clock.now = TUESDAY_OPENING
    send_digests(house.runtime)
    house.run()
    closing = TUESDAY_OPENING + timedelta(hours=9)
    (row,) = mails(house)
    assert row.available_at < closing
    clock.now = closing
    house.run()
    (row,) = mails(house)
    assert row.available_at == TUESDAY_OPENING + timedelta(days=1)
    house.run_on(timedelta(days=1))
    assert [to for to, _ in server.taken] == [OWNER]


@pytest.mark.parametrize(
    "name", ["새벽\r\nBcc: everybody@example.com", "새벽\n\n<script>alert(1)</script>"]
)
def test_a_brands_name_cannot_add_a_header(
    mailing: Callable[..., House],
    channel: FakeChannel,
    clock: StillClock,
    server: MailServer,
    name: str,
) -> None:
    channel.articles[:] = [
        Article("n1", "벌레\r\nSubject: 사기\r\n\r\n<img src=x onerror=alert(1)>", clock())
    ]
    clock.advance(seconds=1)
    house = mailing(DigestEmails(immediate=(OWNER,)), brand={"name": name})
    begin(house)
    ((to, message),) = server.taken
    assert to == OWNER
    assert message["Bcc"] is None
    assert message.get_all("Subject") == [str(message["Subject"])]
    assert "사기" not in str(message["Subject"])
    html = body(message, "html")
    assert "<script" not in html
    assert "<img" not in html


def proposed(house: House, reason: str, text: str = "") -> int:
    """Let somebody of the agency propose a reply; gives the case."""
    with house.database.unit_of_work() as connection:
        (row,) = cases.to_decide(connection, limit=5)
        decision, won = decision_about(row, text), compensation(text)
        proposals.propose(connection, decision, reason, now=house.clock(), won=won)
    return int(row["case_id"])


@pytest.mark.parametrize(
    ("is_two_step", "won", "told"),
    [(False, "300,000", False), (False, "300,001", True), (True, "300,001", False)],
)
def test_a_brand_reads_of_sums_above_the_leads_limit_only(
    mailing: Callable[..., House],
    channel: FakeChannel,
    clock: StillClock,
    server: MailServer,
    is_two_step: bool,
    won: str,
    told: bool,
) -> None:
    channel.articles[:] = [Article("n1", "벌레가 나왔어요", clock())]
    clock.advance(seconds=1)
    house = mailing(DigestEmails(daily=(OWNER,)), brand={"two_step_approval": is_two_step})
    begin(house)
    proposed(house, "compensation", f"{won}원 쿠폰을 드리겠습니다.")
    clock.now = TUESDAY_OPENING
    send_digests(house.runtime)
    house.run()
    text = body(server.taken[0][1], "plain")
    assert ("보상 한도를 넘는 승인" in text) == told
    assert ("지금 결정하실 일이 없습니다." in text) != told


def test_a_digest_counts_what_waits_beyond_its_lines(
    mailing: Callable[..., House],
    channel: FakeChannel,
    clock: StillClock,
    server: MailServer,
) -> None:
    channel.articles[:] = [Article(f"n{n}", f"벌레가 나왔어요 {n}", clock()) for n in range(130)]
    clock.advance(seconds=1)
    house = mailing(DigestEmails(daily=(OWNER,)), brand={"two_step_approval": True})
    begin(house)
    with house.database.unit_of_work() as connection:
        for row in cases.to_decide(connection, limit=200):
            # Asked for twice; the first takes no other case's place.
            for reason in ("compensation", "two_step"):
                proposals.propose(connection, decision_about(row, ""), reason, now=house.clock())
    to_decide, lines, _ = slack_messages.digest_lines(
        house.runtime, house.runtime.brand("saebyeok"), []
    )
    assert (to_decide, len(lines)) == (130, 20)
    clock.now = TUESDAY_OPENING
    send_digests(house.runtime)
    house.run()
    assert "결정해 주실 일 130건" in str(server.taken[0][1]["Subject"])
    text = body(server.taken[0][1], "plain")
    assert "외 110건은 콘솔에서 보실 수 있습니다." in text


def test_a_two_step_brand_reads_which_replies_wait_for_it(
    mailing: Callable[..., House], channel: FakeChannel, clock: StillClock, server: MailServer
) -> None:
    channel.articles[:] = [Article("n1", "벌레가 나왔어요", clock())]
    clock.advance(seconds=1)
    house = mailing(DigestEmails(daily=(OWNER,)), brand={"two_step_approval": True})
    begin(house)
    case_id = proposed(house, "two_step")
    clock.now = TUESDAY_OPENING
    send_digests(house.runtime)
    house.run()
    text = body(server.taken[0][1], "plain")
    decide = text.partition("결정해 주실 일과 기한")[2]
    assert "벌레가 나왔어요" in decide
    assert "브랜드 승인" in decide
    assert f"/cases/{case_id}\n" in decide.replace("\r", "")
    assert "눈여겨보실 글" not in decide
