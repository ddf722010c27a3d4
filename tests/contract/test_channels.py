"""What every channel keeps, proved over real HTTP against a fake written from the reference."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collectors import CHANNELS
from collectors.base import CheckReason
from domain.errors import (
    AccessBlockedError,
    ChannelUnavailableError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)
from domain.types import same_reply
from tests.contract.conftest import IMPATIENT
from tests.contract.registry import CASES, Case
from tests.fakes.marketplace import Fault, On

if TYPE_CHECKING:
    from tests.contract.conftest import Stand

pytestmark = pytest.mark.enable_socket

AWKWARD = '배송이 3일 < 5일 늦었어요 & 상자도 "찌그러짐" 😀\n환불해 주세요.'
REPLY = '안녕하세요, 고객님.\n불편을 드려 죄송합니다. "교환"을 도와드리겠습니다 & 감사합니다 😀'
OTHER_REPLY = "동료가 판매자 센터에서 먼저 드린 답변입니다."

READ_FAULTS: dict[Fault, type[ReputationError]] = {
    Fault.UNAUTHORIZED: CredentialRejectedError,
    Fault.FORBIDDEN: CredentialRejectedError,
    Fault.BUSY: RateLimitedError,
    Fault.BROKEN: ChannelUnavailableError,
    Fault.SLOW: ChannelUnavailableError,
    Fault.PAGE: ChannelUnavailableError,
    Fault.WALL: AccessBlockedError,
    Fault.HALF: ChannelUnavailableError,
}
WRITE_FAULTS: dict[Fault, type[ReputationError]] = {
    Fault.UNAUTHORIZED: CredentialRejectedError,
    Fault.FORBIDDEN: CredentialRejectedError,
    Fault.BUSY: RateLimitedError,
    Fault.BROKEN: OutcomeUnknownError,
    Fault.SLOW: OutcomeUnknownError,
    Fault.PAGE: OutcomeUnknownError,
    # It may stand before the channel or behind what took the reply.
    Fault.WALL: OutcomeUnknownError,
    Fault.CUT_BEFORE: OutcomeUnknownError,
    Fault.CUT_AFTER: OutcomeUnknownError,
}
FOR_EVER = 50


def test_the_first_run_reads_everything_with_its_words_and_dates(stand: Stand) -> None:
    count = stand.collector.spec.page_size + 3
    written = {stand.seed(f"{AWKWARD} {n}", timedelta(hours=2 * n + 1)): n for n in range(count)}
    notebook = stand.collect()
    assert notebook.items.keys() == written.keys()
    assert not notebook.quarantined
    start = stand.market.clock.now()
    for native_id, n in written.items():
        item = notebook.items[native_id]
        assert item.text == f"{AWKWARD} {n}"
        assert item.written_at is not None
        age = start - item.written_at - timedelta(hours=2 * n + 1)
        assert abs(age) < timedelta(minutes=2), "only the clock's own pauses lie between"
        assert item.kind in stand.collector.spec.kinds
        assert not item.replies


def test_an_empty_channel_is_not_an_error(stand: Stand) -> None:
    notebook = stand.collect()
    assert not notebook.items
    assert not notebook.quarantined


def test_a_second_run_brings_what_is_new_with_fewer_questions(stand: Stand) -> None:
    for n in range(4):
        stand.seed(f"처음 {n}", timedelta(days=8, hours=n))
    notebook = stand.collect()
    first_pages = notebook.pages
    stand.market.clock.advance(600)
    new = stand.seed("새로 왔어요", timedelta(minutes=1))
    before = set(notebook.items)
    stand.collect(notebook)
    assert set(notebook.items) - before == {new}
    assert notebook.pages <= first_pages
    assert not notebook.edits
    assert not notebook.gone


def test_what_appears_late_is_found_in_the_overlap(stand: Stand) -> None:
    stand.needs("overlap")
    notebook = stand.collect()
    stand.market.clock.advance(600)
    late = stand.seed("늦게 공개된 글", timedelta(hours=20))
    stand.collect(notebook)
    assert late in notebook.items


def test_an_edit_changes_the_item_and_adds_none(stand: Stand) -> None:
    stand.needs("edit")
    native_id = stand.seed("배송이 늦어요")
    notebook = stand.collect()
    stand.market.clock.advance(600)
    stand.market.edit(native_id, "배송이 늦어요. 아직도 안 왔어요!")
    stand.collect(notebook)
    assert notebook.edits == [native_id]
    assert notebook.items[native_id].text == "배송이 늦어요. 아직도 안 왔어요!"
    assert len(notebook.items) == 1


def test_a_deleted_item_is_gone_and_no_other_is(stand: Stand) -> None:
    stand.needs("delete")
    ids = [stand.seed(f"글 {n}", timedelta(hours=n + 1)) for n in range(3)]
    notebook = stand.collect()
    stand.market.clock.advance(600)
    stand.market.delete(ids[1])
    stand.collect(notebook)
    assert notebook.gone == {ids[1]}


def test_a_deletion_while_pages_are_read_hides_no_other_item(stand: Stand) -> None:
    stand.needs("delete")
    count = stand.collector.spec.page_size + 5
    ids = [stand.seed(f"글 {n}", timedelta(minutes=10 * n + 1)) for n in range(count)]
    now = stand.market.clock.now()
    seen: set[str] = set()
    cursor = None
    has_deleted = False
    while True:
        page = stand.collector.fetch(now - timedelta(days=2), now, cursor)
        seen |= {item.native_id for item in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
        if ids[0] in seen and not has_deleted:
            stand.market.delete(ids[0])
            stand.market.delete(ids[1])
            has_deleted = True
    assert has_deleted
    assert set(ids) <= seen


def test_an_answer_made_elsewhere_is_seen(stand: Stand) -> None:
    stand.needs("answer_elsewhere")
    answered, open_ = stand.seed("답을 기다려요"), stand.seed("저도요", timedelta(hours=2))
    notebook = stand.collect()
    stand.market.clock.advance(600)
    stand.market.answer_elsewhere(answered, OTHER_REPLY)
    stand.collect(notebook)
    assert [reply.text for reply in notebook.items[answered].replies] == [OTHER_REPLY]
    assert not notebook.items[open_].replies


@pytest.mark.parametrize("fault", READ_FAULTS)
def test_a_failing_read_is_the_promised_error_and_loses_nothing(stand: Stand, fault: Fault) -> None:
    if fault is Fault.SLOW:
        stand.limits = IMPATIENT
    ids = {stand.seed(f"{AWKWARD} {n}", timedelta(hours=n + 1)) for n in range(3)}
    stand.market.misbehave(fault, FOR_EVER)
    with pytest.raises(READ_FAULTS[fault]) as caught:
        stand.collect()
    for secret in stand.account.credentials.values():
        assert secret not in str(caught.value)
    stand.market.behave()
    stand.market.clock.advance(120)
    assert stand.collect().items.keys() == ids


def test_a_wrong_charset_in_the_header_does_not_garble_korean(stand: Stand) -> None:
    native_id = stand.seed(AWKWARD)
    stand.market.misbehave(Fault.CHARSET, FOR_EVER)
    assert stand.collect().items[native_id].text == AWKWARD


def test_a_token_that_expires_between_pages_is_renewed(stand: Stand) -> None:
    count = stand.collector.spec.page_size + 3
    ids = {stand.seed(f"글 {n}", timedelta(minutes=10 * n + 1)) for n in range(count)}
    now = stand.market.clock.now()
    seen: set[str] = set()
    cursor = None
    while True:
        page = stand.collector.fetch(now - timedelta(days=2), now, cursor)
        seen |= {item.native_id for item in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
        stand.market.expire_token()
    assert seen == ids


def test_a_page_can_be_fetched_by_another_process(stand: Stand) -> None:
    count = stand.collector.spec.page_size + 3
    ids = {stand.seed(f"글 {n}", timedelta(minutes=10 * n + 1)) for n in range(count)}
    now = stand.market.clock.now()
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        fresh = CHANNELS[stand.market.channel].load().build(stand.build)
        page = fresh.fetch(now - timedelta(days=2), now, cursor)
        seen |= {item.native_id for item in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ids


def test_a_reply_is_stored_once_word_for_word_and_read_back(stand: Stand) -> None:
    target = stand.target(stand.seed("언제 오나요?"))
    before = stand.publisher.read_back(target)
    stored = stand.publisher.publish(target, REPLY)
    assert not before
    assert same_reply(stored.text, REPLY)
    assert _stored_as(stand, target.native_id, REPLY)
    assert [reply.text for reply in stand.publisher.read_back(target)] == [REPLY]


def test_a_stored_reply_shows_at_the_next_collection(stand: Stand) -> None:
    native_id = stand.seed("언제 오나요?")
    stand.publisher.publish(stand.target(native_id), REPLY)
    stand.market.clock.advance(600)
    assert [reply.text for reply in stand.collect().items[native_id].replies] == [REPLY]


def test_the_same_reply_twice_stands_once(stand: Stand) -> None:
    target = stand.target(stand.seed("언제 오나요?"))
    stand.publisher.publish(target, REPLY)
    stand.publisher.publish(target, REPLY)
    assert _stored_as(stand, target.native_id, REPLY)


def test_a_colleagues_answer_is_neither_doubled_nor_overwritten(stand: Stand) -> None:
    stand.needs("answer_elsewhere")
    stand.needs("look_first")
    target = stand.target(stand.seed("언제 오나요?"))
    stand.market.answer_elsewhere(target.native_id, OTHER_REPLY)
    with pytest.raises(PublicationRefusedError):
        stand.publisher.publish(target, REPLY)
    assert _stored_as(stand, target.native_id, OTHER_REPLY)


@pytest.mark.parametrize("fault", WRITE_FAULTS)
def test_a_failing_write_is_the_promised_error_and_reading_settles_it(
    stand: Stand, fault: Fault
) -> None:
    if fault is Fault.SLOW:
        stand.limits = IMPATIENT
    target = stand.target(stand.seed("언제 오나요?"))
    stand.market.misbehave(fault, FOR_EVER, On.WRITES)
    with pytest.raises(WRITE_FAULTS[fault]) as caught:
        stand.publisher.publish(target, REPLY)
    for secret in stand.account.credentials.values():
        assert secret not in str(caught.value)
    stand.market.behave()
    stand.market.clock.advance(120)
    was_stored = bool(stand.market.stored_replies(target.native_id))
    assert was_stored is (fault in {Fault.CUT_AFTER, Fault.PAGE, Fault.WALL})
    standing = stand.publisher.read_back(target)
    assert [reply.text for reply in standing] == ([REPLY] if was_stored else [])
    stand.publisher.publish(target, REPLY)
    assert _stored_as(stand, target.native_id, REPLY)


def test_a_reply_that_is_too_long_is_refused_and_never_shortened(stand: Stand) -> None:
    target = stand.target(stand.seed("언제 오나요?"))
    rules = CHANNELS[stand.market.channel].spec.rules_for(target.native_id)
    assert rules is not None
    one_too_many = "가" * (rules.max_length // rules.length_of("가") + 1)
    sent_before = len(stand.market.writes)
    with pytest.raises(PublicationRefusedError) as caught:
        stand.publisher.publish(target, one_too_many)
    assert caught.value.code == "too_long"
    assert len(stand.market.writes) == sent_before
    assert not stand.market.stored_replies(target.native_id)


def test_a_reply_of_the_longest_length_is_taken(stand: Stand) -> None:
    target = stand.target(stand.seed("언제 오나요?"))
    rules = CHANNELS[stand.market.channel].spec.rules_for(target.native_id)
    assert rules is not None
    longest = "가" * (rules.max_length // rules.length_of("가"))
    stand.publisher.publish(target, longest)
    assert _stored_as(stand, target.native_id, longest)


def test_an_item_that_is_gone_is_not_answered(stand: Stand) -> None:
    stand.needs("delete")
    target = stand.target(stand.seed("언제 오나요?"))
    stand.market.delete(target.native_id)
    with pytest.raises(PublicationRefusedError):
        stand.publisher.publish(target, REPLY)


def test_the_doctor_finds_a_healthy_account_healthy(stand: Stand) -> None:
    result = stand.collector.check()
    assert result.ok
    assert result.reason is CheckReason.OK


BREAKAGES = [
    pytest.param(found, reason, id=f"{name}-{reason}")
    for name, found in CASES.items()
    for reason in found.make().breakages
]


@pytest.mark.parametrize(("case", "reason"), BREAKAGES)
def test_the_doctor_tells_apart_what_is_wrong(case: Case, reason: str, stand: Stand) -> None:
    stand.market.break_account(reason)
    result = stand.collector.check()
    assert not result.ok
    assert result.reason == reason
    assert result.remedy
    for secret in stand.account.credentials.values():
        assert secret not in result.detail


def test_the_doctor_says_so_when_nobody_answers(stand: Stand) -> None:
    assert stand.collector.spec.channel
    stand.account  # noqa: B018 - made while the fake still has an address
    stand.market.stop()
    result = stand.collector.check()
    assert not result.ok
    assert result.reason is CheckReason.NETWORK


def _stored_as(stand: Stand, native_id: str, text: str) -> bool:
    """Tell whether exactly one reply stands there, and says ``text``."""
    stored = stand.market.stored_replies(native_id)
    return len(stored) == 1 and same_reply(stored[0], text)
