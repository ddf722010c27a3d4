from __future__ import annotations

import html
import re
import socket
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

import workers.publish
from collectors.http import Pacer, build_client
from collectors.storefront import SPEC
from domain.errors import (
    AccessBlockedError,
    ChannelUnavailableError,
    CredentialRejectedError,
    LayoutChangedError,
    OutcomeUnknownError,
    PermanentError,
    PublicationRefusedError,
    RateLimitedError,
)
from domain.states import PublicationState
from domain.types import ChannelReply
from storage import alerts, doubts, publications
from storage.models import AlertRow, CaseRow, HistoryRow, PublicationRow
from tests.fakes_runtime import Death, Lost, make_account, make_brand
from workers import collect, slack_messages
from workers.deadlines import remind
from workers.publish import (
    MARGIN,
    READS_BEFORE_ATTENTION,
    SENDS_BEFORE_ATTENTION,
    publish,
    verify,
)
from workers.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tests.fakes_runtime import FakeChannel, House, RecordingSlack, StillClock

LOST = OutcomeUnknownError("no answer came")


def approved(house: House, undo_window: timedelta = timedelta(0)) -> int:
    """Bring the board's complaint to an approved reply."""
    collect.start_due(house.runtime)
    house.run()
    (sent,) = house.approve_all(undo_window=undo_window)
    return sent


def decide(house: House, text: str) -> None:
    """Bring the board's complaint to an approved reply of these words."""
    collect.start_due(house.runtime)
    house.run()
    house.approve_all(text)


def row(house: House) -> Any:  # noqa: ANN401 - a result row
    with house.database.reading() as connection:
        return connection.execute(
            select(PublicationRow.__table__).order_by(PublicationRow.id.desc())
        ).first()


def case(house: House) -> Any:  # noqa: ANN401 - a result row
    with house.database.reading() as connection:
        return connection.execute(select(CaseRow.__table__)).one()


def path(house: House) -> list[str]:
    """Give the states the publication went through."""
    with house.database.reading() as connection:
        return list(
            connection.execute(
                select(HistoryRow.target)
                .where(HistoryRow.entity == "publications")
                .order_by(HistoryRow.id)
            ).scalars()
        )


def rules(house: House) -> list[str]:
    with house.database.reading() as connection:
        return list(connection.execute(select(AlertRow.rule).order_by(AlertRow.id)).scalars())


def test_an_approved_reply_is_posted_read_back_and_proven(
    house: House, channel: FakeChannel
) -> None:
    approved(house)
    house.run()
    assert path(house) == ["queued", "sending", "posted", "published"]
    assert case(house).state == "answered"
    assert row(house).verified_at is not None
    assert [reply.text for reply in channel.replies["n1"]] == [
        "답변 " + str(row(house).feedback_id)
    ]


def test_a_reply_waits_for_its_undo_window(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    approved(house, timedelta(minutes=2))
    clock.advance(seconds=119)
    house.run()
    assert channel.sent == []
    clock.advance(seconds=1)
    house.run()
    assert channel.sent == ["n1"]


def test_second_delivery_posts_nothing(house: House, channel: FakeChannel) -> None:
    sent = approved(house)
    for _ in range(3):
        publish(house.runtime, sent)
    house.run()
    for step in (publish, verify):
        step(house.runtime, sent)
    assert channel.sent == ["n1"]
    assert row(house).state == "published"


def test_a_busy_channel_is_tried_again(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.writes.append(ChannelUnavailableError("503"))
    approved(house)
    house.run()
    assert row(house).state == "queued"
    assert row(house).problem.startswith("채널이 응답하지 않습니다.")
    assert row(house).problem.endswith("(503)")
    assert house.next_at() is not None
    house.run_on()
    assert path(house) == ["queued", "sending", "queued", "sending", "posted", "published"]
    assert channel.sent == ["n1"]


def test_a_reply_that_a_channel_does_not_take_for_long_is_told_of_at_its_deadline(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.writes.extend([ChannelUnavailableError("503")] * 1000)
    approved(house)
    house.run_on(case(house).due_at - clock())
    assert row(house).state == "queued"
    clock.now = max(clock(), case(house).due_at)
    assert remind(house.runtime) == 1
    house.run()
    with house.database.reading() as connection:
        overdue = connection.execute(select(AlertRow.id).order_by(AlertRow.id.desc())).scalars()
        job = alerts.load(connection, next(iter(overdue)))
    assert job is not None
    rendered = slack_messages.render(house.runtime, job, clock())
    assert "승인한 답변을 채널이 받지 않음" in str(rendered.message.blocks)


@pytest.mark.parametrize("refusal", [ChannelUnavailableError("503"), AccessBlockedError("CAPTCHA")])
def test_a_reply_that_was_approved_too_late_is_told_of_again_when_it_needs_a_person(
    house: House, channel: FakeChannel, clock: StillClock, refusal: Exception
) -> None:
    channel.writes.extend([refusal] * 1000)
    collect.start_due(house.runtime)
    house.run()
    clock.now = case(house).due_at
    assert remind(house.runtime) == 1
    clock.advance(days=1)
    assert remind(house.runtime) == 1
    house.approve_all()
    assert remind(house.runtime) == 0
    house.run_on(timedelta(hours=2))
    assert row(house).state in {"queued", "handed_off"}
    assert remind(house.runtime) == 1


def test_the_channels_own_waiting_time_is_kept(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.writes.append(RateLimitedError("429", retry_after_s=77))
    approved(house)
    house.run()
    assert row(house).available_at == clock() + timedelta(seconds=77)
    clock.advance(seconds=76)
    house.run()
    assert channel.sent == []
    clock.advance(seconds=1)
    house.run()
    assert channel.sent == ["n1"]


def test_a_refusal_comes_back_to_the_desk_with_the_reason(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.append(PublicationRefusedError("already answered", "409"))
    approved(house)
    house.run()
    assert row(house).state == "refused"
    assert case(house).state == "drafted"
    assert "already answered" in case(house).note
    house.approve_all("다른 답변")
    house.run()
    assert [reply.text for reply in channel.replies["n1"]] == ["다른 답변"]


def test_the_card_of_a_refused_reply_says_why_it_is_back(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.append(PublicationRefusedError("422 forbidden_word"))
    approved(house)
    house.run()
    with house.database.reading() as connection:
        (card,) = connection.execute(select(AlertRow.id)).scalars()
        job = alerts.load(connection, card)
    assert job is not None
    rendered = slack_messages.render(house.runtime, job, house.clock())
    assert "답변이 게시되지 않았습니다. 채널이 답변을 거절했습니다." in str(rendered.message.blocks)
    assert "(422 forbidden_word)" in str(rendered.message.blocks)


def test_refused_credentials_wait_for_the_operator_and_tell_once(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.extend([CredentialRejectedError("401"), CredentialRejectedError("401")])
    approved(house)
    house.run_on(timedelta(hours=1))
    assert rules(house).count("credentials") == 1
    assert row(house).state == "published"
    assert channel.sent == ["n1"]


@pytest.mark.parametrize("write", [None, Lost(LOST)])
def test_a_reply_is_proven_once_refused_credentials_are_mended(
    house: House, channel: FakeChannel, write: Lost | None
) -> None:
    if write is not None:
        channel.writes.append(write)
    channel.reads.extend([CredentialRejectedError("401")] * 2 * READS_BEFORE_ATTENTION)
    approved(house)
    house.run_on(timedelta(hours=1))
    assert row(house).state == ("posted" if write is None else "uncertain")
    assert rules(house) == ["case_card", "credentials"]
    house.run_on(timedelta(hours=3))
    assert row(house).state == "published"
    assert channel.sent == ["n1"]


def test_a_wall_that_asks_for_a_human_hands_the_reply_to_one(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.append(AccessBlockedError("403: the site asks for a human (CAPTCHA)"))
    approved(house)
    house.run_on()
    assert path(house) == ["queued", "sending", "handed_off"]
    assert "CAPTCHA" in row(house).problem
    assert channel.sent == []
    assert "credentials" in rules(house)


def test_a_lost_answer_of_a_stored_reply_is_found_and_not_sent_again(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.append(Lost(LOST))
    approved(house)
    house.run()
    assert row(house).state == "uncertain"
    house.run_on()
    assert path(house) == ["queued", "sending", "uncertain", "published"]
    assert channel.sent == ["n1"]


WORDY = "안녕하세요, 고객님. 늦어서 죄송합니다 <3 & 바로 보내 드릴게요 😀❤️\n  감사합니다."


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "answer lost"])
@pytest.mark.parametrize(
    "stores",
    [
        pytest.param(lambda text: " ".join(text.split()), id="spaces"),
        pytest.param(lambda text: text.replace(" ", "\xa0") + "\u200b", id="other blanks"),
        pytest.param(html.escape, id="entities"),
        pytest.param(lambda text: text.replace("\n", "<br>").replace("<br>", "\r\n"), id="lines"),
        pytest.param(lambda text: re.sub("[^\0-\uffff]|\ufe0f", "", text), id="no emoji"),
    ],
)
def test_a_reply_is_ours_in_whatever_form_the_channel_stores_its_words(
    house: House,
    channel: FakeChannel,
    clock: StillClock,
    stores: Callable[[str], str],
    *,
    is_lost: bool,
) -> None:
    channel.stores = stores
    if is_lost:
        channel.writes.append(Lost(LOST))
    decide(house, WORDY)
    house.run_on()
    collect_again(house, clock)
    house.run_on()
    assert (row(house).state, case(house).state) == ("published", "answered")
    assert channel.sent == ["n1"]


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "answer lost"])
@pytest.mark.parametrize(
    "stores",
    [
        pytest.param(lambda text: text[: text.index("😀")], id="cut at the emoji"),
        pytest.param(lambda text: text[:25] + "...", id="cut with dots"),
        pytest.param(lambda text: text.replace("😀", "??").replace("❤", "?"), id="marks"),
    ],
)
def test_a_reply_that_the_channel_changed_is_for_a_person_and_nobody_elses(
    house: House,
    channel: FakeChannel,
    clock: StillClock,
    stores: Callable[[str], str],
    *,
    is_lost: bool,
) -> None:
    channel.stores = stores
    if is_lost:
        channel.writes.append(Lost(LOST))
    decide(house, WORDY)
    house.run_on()
    collect_again(house, clock)
    house.run_on()
    assert (row(house).state, case(house).state) == ("attention", "approved")
    assert "cut short or changed" in row(house).problem
    assert channel.sent == ["n1"]


def test_a_lost_request_is_sent_again_after_two_absent_reads(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.writes.append(LOST)
    approved(house)
    house.run()
    lost_at = clock()
    reads: list[datetime] = []
    channel_read = channel.read_back

    def read(target: Any) -> tuple[ChannelReply, ...]:  # noqa: ANN401 - a target
        reads.append(clock())
        return channel_read(target)

    channel.read_back = read  # type: ignore[method-assign]
    house.run_on()
    assert path(house)[2:4] == ["uncertain", "queued"]
    assert path(house)[-1] == "published"
    assert channel.sent == ["n1"]
    # Both reads came when the lost request could no longer take effect.
    settled = lost_at + timedelta(seconds=channel.timeout_s + channel.slowest_commit_s)
    assert len([read_at for read_at in reads[:2] if read_at >= settled]) == 2


def test_a_request_that_is_lost_every_time_goes_to_a_person(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.extend([LOST] * 1000)
    approved(house)
    house.run_on(timedelta(hours=12))
    assert path(house).count("sending") == SENDS_BEFORE_ATTENTION
    assert row(house).state == "attention"
    assert f"{SENDS_BEFORE_ATTENTION} attempts" in row(house).problem
    assert rules(house).count("publication_uncertain") == 1


def test_refusals_do_not_use_up_the_attempts_of_a_lost_reply(
    house: House, channel: FakeChannel
) -> None:
    refusals = [CredentialRejectedError("401"), RateLimitedError("429", 60)]
    channel.writes.extend([*refusals * SENDS_BEFORE_ATTENTION, LOST])
    approved(house)
    house.run_on(timedelta(hours=12))
    assert path(house)[-1] == "published"
    assert rules(house).count("publication_uncertain") == 0
    assert channel.sent == ["n1"]


def test_a_person_hears_of_every_attempt_that_needs_one(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    unreadable = LayoutChangedError("no list of replies")
    channel.writes.extend([LOST, LOST])
    channel.reads.extend([unreadable, unreadable])
    sent = approved(house)
    house.run_on()
    with house.database.unit_of_work() as connection:
        assert publications.settle_attention(
            connection,
            case(house).id,
            sent,
            PublicationState.QUEUED,
            who="김담당",
            why="없습니다",
            now=clock(),
        )
    house.run_on()
    assert row(house).state == "attention"
    assert rules(house).count("publication_uncertain") == 2


def test_a_read_that_comes_too_early_proves_nothing(house: House, channel: FakeChannel) -> None:
    channel.writes.append(LOST)
    sent = approved(house)
    house.run()
    for _ in range(5):
        verify(house.runtime, sent)
    assert (row(house).state, row(house).absent_reads) == ("uncertain", 0)
    assert channel.sent == []


def test_a_reader_that_stalled_does_not_count_from_an_attempt_long_gone(
    house: House, channel: FakeChannel, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.writes.extend([LOST, LOST])
    sent = approved(house)
    house.run()
    clock.advance(minutes=5)
    verify(house.runtime, sent)
    assert row(house).absent_reads == 1
    find = workers.publish._publisher

    def stall(*args: Any) -> Any:  # noqa: ANN401 - the real one's
        monkeypatch.undo()
        # Meanwhile another worker proves the absence and sends again; that answer is lost, too.
        while row(house).attempts == 1 or row(house).state != "uncertain":
            clock.now = house.next_at() or clock.now
            house.run()
        return find(*args)

    monkeypatch.setattr(workers.publish, "_publisher", stall)
    verify(house.runtime, sent)
    assert path(house) == ["queued", "sending", "uncertain", "queued", "sending", "uncertain"]
    assert row(house).absent_reads == 0


def test_a_late_commit_is_found_on_the_second_read(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.writes.append(LOST)
    approved(house)
    house.run()
    text = "답변 " + str(row(house).feedback_id)
    while row(house).absent_reads == 0:
        clock.now = house.next_at() or clock.now
        house.run()
    channel.replies["n1"].append(ChannelReply(text))
    house.run_on()
    assert row(house).state == "published"
    assert channel.sent == []


def test_an_unreadable_channel_goes_to_a_person(house: House, channel: FakeChannel) -> None:
    channel.writes.append(LOST)
    channel.reads.append(LayoutChangedError("no list of replies"))
    approved(house)
    house.run_on()
    assert row(house).state == "attention"
    assert row(house).problem.endswith("(no list of replies)")
    assert rules(house).count("publication_uncertain") == 1
    assert channel.sent == []


@pytest.mark.parametrize("keeps_brand", [True, False])
@pytest.mark.parametrize("write", [None, LOST])
def test_a_sent_reply_whose_account_is_gone_goes_to_a_person(
    house: House, channel: FakeChannel, write: OutcomeUnknownError | None, *, keeps_brand: bool
) -> None:
    if write is not None:
        channel.writes.append(write)
    sent = approved(house)
    publish(house.runtime, sent)
    assert row(house).state == ("posted" if write is None else "uncertain")
    brands = house.runtime.brands
    left = {slug: replace(brand, accounts=()) for slug, brand in brands.items() if keeps_brand}
    house.runtime.brands = left
    verify(house.runtime, sent)
    assert row(house).state == "attention"
    assert "no account" in row(house).problem
    assert rules(house).count("publication_uncertain") == int(keeps_brand)


def test_a_channel_that_cannot_be_read_for_long_goes_to_a_person(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.append(LOST)
    channel.reads.extend([ChannelUnavailableError("503")] * READS_BEFORE_ATTENTION)
    approved(house)
    house.run_on(timedelta(hours=12))
    assert row(house).state == "attention"
    assert channel.sent == []


def test_a_read_that_shows_nothing_ends_a_row_of_failed_ones(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.append(LOST)
    sent = approved(house)
    publish(house.runtime, sent)
    for state in ("uncertain", "queued"):
        channel.reads.extend([ChannelUnavailableError("503")] * (READS_BEFORE_ATTENTION - 1))
        for _ in range(READS_BEFORE_ATTENTION):
            house.clock.advance(hours=1)
            verify(house.runtime, sent)
        assert row(house).state == state


@pytest.mark.parametrize(
    ("write", "way"),
    [
        (LOST, ["queued", "sending", "uncertain", "cancelled"]),
        (None, ["queued", "sending", "posted", "cancelled"]),
    ],
)
def test_a_reply_to_what_is_gone_needs_nobody(
    house: House, channel: FakeChannel, write: OutcomeUnknownError | None, way: list[str]
) -> None:
    if write is not None:
        channel.writes.append(write)
    gone = PublicationRefusedError("no such article", code=PublicationRefusedError.GONE)
    channel.reads.append(gone)
    approved(house)
    house.run_on()
    assert path(house) == way
    assert case(house).state == "gone"
    assert "publication_uncertain" not in rules(house)


def test_accepted_but_never_shown_goes_to_a_person(house: House, channel: FakeChannel) -> None:
    channel.read_back = lambda target: ()  # type: ignore[method-assign]  # noqa: ARG005
    approved(house)
    house.run_on(timedelta(hours=12))
    assert row(house).state == "attention"
    assert channel.sent == ["n1"]


def test_a_moderated_reply_is_pending_until_it_shows(house: House, channel: FakeChannel) -> None:
    channel.moderated = True
    approved(house)
    house.run()
    assert row(house).state == "pending"
    assert case(house).state == "approved"
    channel.replies["n1"] = [ChannelReply(channel.replies["n1"][0].text)]
    house.run_on(timedelta(hours=1))
    assert row(house).state == "published"


def test_a_moderation_of_days_survives_a_read_that_fails_now_and_then(
    house: House, channel: FakeChannel
) -> None:
    channel.moderated = True
    approved(house)
    house.run()
    for _ in range(2 * READS_BEFORE_ATTENTION):
        channel.reads.append(ChannelUnavailableError("503"))
        house.run_on(timedelta(hours=2))
    assert row(house).state == "pending"
    assert "publication_uncertain" not in rules(house)


def test_somebody_elses_answer_takes_the_place_of_a_lost_one(
    house: House, channel: FakeChannel
) -> None:
    channel.writes.append(LOST)
    approved(house)
    house.run()
    channel.replies["n1"].append(ChannelReply("판매자가 직접 남긴 답변"))
    house.run_on()
    assert row(house).state == "cancelled"
    assert case(house).state == "answered_elsewhere"
    assert channel.sent == []


def test_a_dead_sender_leaves_an_uncertain_reply(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.writes.append(Death("power cut"))
    sent = approved(house)
    with pytest.raises(Death):
        house.run()
    assert row(house).state == "sending"
    assert sweep(house.runtime) == {}
    clock.advance(seconds=channel.timeout_s + 2 * MARGIN.total_seconds())
    assert sweep(house.runtime)["publications_expired"] == 1
    assert row(house).state == "uncertain"
    house.run_on()
    assert path(house)[-1] == "published"
    assert channel.sent == ["n1"]
    assert sent == row(house).id


def test_a_dead_sender_on_an_idempotent_channel_sends_again(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.idempotent = True
    channel.writes.append(Lost(Death("power cut")))
    approved(house)
    with pytest.raises(Death):
        house.run()
    clock.advance(minutes=1)
    sweep(house.runtime)
    assert row(house).state == "queued"
    house.run_on()
    assert path(house) == ["queued", "sending", "queued", "sending", "posted", "published"]
    assert len(channel.replies["n1"]) == 1


def test_a_worker_that_stalled_after_claiming_does_not_send(
    house: House, channel: FakeChannel, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = approved(house)
    begin = publications.begin_sending

    def stall(*args: Any, **values: Any) -> str | None:  # noqa: ANN401 - the real one's
        token = begin(*args, **values)
        clock.advance(seconds=MARGIN.total_seconds() + 1)
        return token

    monkeypatch.setattr(publications, "begin_sending", stall)
    publish(house.runtime, sent)
    assert channel.sent == []
    assert row(house).state == "queued"


@pytest.mark.enable_socket
def test_a_write_after_the_time_that_proofs_rest_on_does_not_leave(
    house: House, channel: FakeChannel
) -> None:
    channel.timeout_s = 0.0
    client = build_client(
        make_account(), SPEC, pacer=Pacer(), clock=house.clock, allow_private=True
    )
    with socket.create_server(("127.0.0.1", 0)) as server, client:
        port = server.getsockname()[1]

        def write(*_: object) -> ChannelReply:
            client.write(f"http://127.0.0.1:{port}/", content=b"{}")
            raise AssertionError

        channel.publish = write  # type: ignore[method-assign,assignment]
        approved(house)
        house.run()
    assert row(house).state == "queued"
    assert "too late" in row(house).problem


def test_switched_off_publishing_waits_and_then_goes_on(
    make_house: Callable[..., House], channel: FakeChannel, clock: StillClock
) -> None:
    off = make_house(publishes=False)
    approved(off)
    off.run()
    assert (row(off).state, channel.sent) == ("queued", [])
    on = make_house(publishes=True)
    clock.advance(minutes=3)
    sweep(on.runtime)
    on.run()
    assert row(on).state == "published"


def test_a_channel_without_replies_is_handed_to_a_person(
    make_house: Callable[..., House], tmp_path: Path, channel: FakeChannel
) -> None:
    house = make_house(brand=make_brand(tmp_path, make_account(writable=False)))
    approved(house)
    house.run()
    assert row(house).state == "handed_off"
    with house.database.unit_of_work() as connection:
        ids = (case(house).id, row(house).id)
        args: Any = {"who": "김담당", "now": house.clock()}
        assert publications.confirm_hand_off(connection, *ids, **args)
        assert not publications.confirm_hand_off(connection, *ids, **args)
    assert (row(house).state, case(house).state) == ("published", "answered")
    # A person's word is no reading of the channel.
    assert row(house).verified_at is None
    assert channel.sent == []


def edit(channel: FakeChannel) -> None:
    channel.articles[0].text = "고쳐 쓴 글도 별로예요"


def collect_again(house: House, clock: StillClock) -> None:
    clock.advance(minutes=1)
    collect.collect(house.runtime, house.account_id())


def test_an_edit_between_approval_and_sending_cancels(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    approved(house, timedelta(minutes=5))
    edit(channel)
    collect_again(house, clock)
    house.run_on()
    assert row(house).state == "cancelled"
    assert channel.sent == []
    # It was read and drafted anew, for another decision.
    assert (case(house).state, case(house).draft_number) == ("drafted", 2)


@pytest.mark.parametrize("error", [ChannelUnavailableError("503"), LOST])
def test_an_edit_while_sending_cancels_the_next_attempt(
    house: House, channel: FakeChannel, clock: StillClock, error: Exception
) -> None:
    """The text that was approved answers what the customer no longer says."""
    channel.writes.append(error)
    sent = approved(house)
    before = channel.publish

    def edit_meanwhile(*args: Any) -> ChannelReply:  # noqa: ANN401 - the real one's
        edit(channel)
        collect.collect(house.runtime, house.account_id())
        return before(*args)

    channel.publish = edit_meanwhile  # type: ignore[method-assign, assignment]
    clock.advance(minutes=1)
    publish(house.runtime, sent)
    channel.publish = before  # type: ignore[method-assign]
    house.run_on()
    clock.advance(minutes=3)
    sweep(house.runtime)
    house.run_on()
    assert channel.sent == []
    assert row(house).state == "cancelled"
    assert (case(house).state, case(house).draft_number) == ("drafted", 2)
    with house.database.reading() as connection:
        # It was read while the reply seemed to be out.
        assert doubts.looks(connection, ["saebyeok"]) == []


def test_a_text_that_vanished_while_sending_is_not_answered_again(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    channel.writes.append(ChannelUnavailableError("503"))
    sent = approved(house)
    before = channel.publish

    def vanish(*args: Any) -> ChannelReply:  # noqa: ANN401 - the real one's
        channel.articles.clear()
        collect.collect(house.runtime, house.account_id())
        return before(*args)

    channel.publish = vanish  # type: ignore[method-assign, assignment]
    clock.advance(minutes=1)
    publish(house.runtime, sent)
    channel.publish = before  # type: ignore[method-assign]
    house.run_on()
    assert channel.sent == []
    assert (row(house).state, case(house).state) == ("cancelled", "gone")


@pytest.mark.parametrize("back", ["refused", "for a person", "not sent after all", "unwritable"])
@pytest.mark.parametrize("change", ["edited", "gone", "answered elsewhere"])
def test_what_comes_back_follows_what_changed_while_it_was_away(
    make_house: Callable[..., House],
    channel: FakeChannel,
    clock: StillClock,
    back: str,
    change: str,
    tmp_path: Path,
) -> None:
    """Nobody decides about, or pastes, an answer to what the channel no longer says."""
    house = make_house()
    channel.writes.append(
        {
            "refused": PublicationRefusedError("no"),
            "for a person": PublicationRefusedError("no", PublicationRefusedError.READ_ONLY),
            "not sent after all": LOST,
            "unwritable": ChannelUnavailableError("503"),
        }[back]
    )
    channel.reads.append(PermanentError("cannot be read"))
    sent = approved(house)
    before = channel.publish

    def change_meanwhile(*args: Any) -> ChannelReply:  # noqa: ANN401 - the real one's
        if change == "edited":
            edit(channel)
        elif change == "gone":
            channel.articles.clear()
        else:
            channel.replies["n1"].append(ChannelReply("판매자가 직접 남긴 답변"))
        collect.collect(house.runtime, house.account_id())
        return before(*args)

    channel.publish = change_meanwhile  # type: ignore[method-assign, assignment]
    clock.advance(minutes=1)
    publish(house.runtime, sent)
    channel.publish = before  # type: ignore[method-assign]
    if back == "unwritable":
        house = make_house(brand=make_brand(tmp_path, make_account(writable=False)))
        house.runtime._made.clear()
        house.runtime._made["model", ""] = house.classifier
    house.run_on()
    if back == "not sent after all":
        with house.database.unit_of_work() as connection:
            assert publications.settle_attention(
                connection,
                case(house).id,
                sent,
                PublicationState.CANCELLED,
                who="김담당",
                why="없음",
                now=clock(),
            )
    clock.advance(minutes=3)
    sweep(house.runtime)
    house.run_on()
    assert row(house).state in {"refused", "cancelled"}
    ends = {"edited": "drafted", "gone": "gone", "answered elsewhere": "answered_elsewhere"}
    assert case(house).state == ends[change]
    assert case(house).draft_number == (2 if change == "edited" else 1)
    assert (case(house).closed_at is None) == (change == "edited")
    assert channel.sent == []


def test_an_answer_from_elsewhere_cancels_what_waits(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    approved(house, timedelta(minutes=5))
    channel.replies["n1"].append(ChannelReply("판매자가 직접 남긴 답변"))
    collect_again(house, clock)
    house.run_on()
    assert (row(house).state, case(house).state) == ("cancelled", "answered_elsewhere")
    assert channel.sent == []


def test_our_published_reply_is_not_taken_for_somebody_elses(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    approved(house)
    house.run()
    collect_again(house, clock)
    house.run()
    assert case(house).state == "answered"
    assert channel.sent == ["n1"]


def test_what_vanishes_before_it_is_understood_is_on_nobodys_desk(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    collect.collect(house.runtime, house.account_id())
    channel.articles.clear()
    collect_again(house, clock)
    house.run()
    assert case(house).state == "gone"
    assert rules(house) == []


def test_what_comes_back_with_our_reply_on_it_gets_no_second_one(
    house: House, channel: FakeChannel, clock: StillClock
) -> None:
    """A review that was hidden for a while; its answer was lost, and so was the look for it."""
    channel.writes.append(Lost(LOST))
    channel.reads.append(PublicationRefusedError("hidden", PublicationRefusedError.GONE))
    approved(house)
    house.run_on()
    assert (row(house).state, case(house).state) == ("cancelled", "gone")
    collect_again(house, clock)
    house.run_on()
    assert case(house).state == "answered_elsewhere"
    assert house.approve_all("한 번 더") == []
    assert channel.sent == ["n1"]


def test_what_is_no_publication_is_nobodys_business(house: House, slack: RecordingSlack) -> None:
    publish(house.runtime, 4711)
    verify(house.runtime, 4711)
    assert slack.posts == []
