"""What Coupang's confirmations (확인 처리) keep: told once, read back, never taken for an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.errors import (
    ChannelUnavailableError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    RateLimitedError,
    ReputationError,
)
from responders.publishers.base import Confirms
from tests.contract.conftest import IMPATIENT, Stand
from tests.fakes.coupang import CoupangMarket
from tests.fakes.marketplace import Fault, On

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.types import ReplyTarget
    from responders.publishers.base import Publisher

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def market() -> Iterator[CoupangMarket]:
    made = CoupangMarket()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def wing(market: CoupangMarket) -> Iterator[Stand]:
    made = Stand(market, "cc")
    yield made
    made.close()


def confirmations(wing: Stand) -> Publisher:
    publisher: object = wing.publisher
    assert isinstance(publisher, Confirms)
    return publisher.confirmations


def handed_over(wing: Stand, market: CoupangMarket) -> ReplyTarget:
    """Give an inquiry that waits for a confirmation, as it was collected."""
    native_id = wing.seed("고객센터에서 처리한 문의", timedelta(hours=2))
    market.want_confirmation(native_id)
    return wing.target(native_id)


def test_a_confirmation_is_told_and_read_back(wing: Stand, market: CoupangMarket) -> None:
    target = handed_over(wing, market)
    confirms = confirmations(wing)
    assert confirms.read_back(target) == ()
    confirms.publish(target, "")
    assert market.is_confirmed(target.native_id)
    assert [reply.text for reply in confirms.read_back(target)] == [""]
    assert len(market.writes) == 1
    assert not market.stored_replies(target.native_id)


def test_a_second_confirmation_finds_the_first(wing: Stand, market: CoupangMarket) -> None:
    target = handed_over(wing, market)
    confirmations(wing).publish(target, "")
    with pytest.raises(PublicationRefusedError) as caught:
        confirmations(wing).publish(target, "")
    assert caught.value.code == PublicationRefusedError.ANSWERED_ELSEWHERE
    assert len(market.writes) == 1


def test_a_colleague_who_was_quicker_between_look_and_write(
    wing: Stand, market: CoupangMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = handed_over(wing, market)
    send = wing.publisher.confirm  # type: ignore[attr-defined]

    def late(*args: object) -> None:
        market.confirm_elsewhere(target.native_id)
        send(*args)

    monkeypatch.setattr(wing.publisher, "confirm", late)
    with pytest.raises(PublicationRefusedError) as caught:
        confirmations(wing).publish(target, "")
    assert caught.value.code == PublicationRefusedError.ANSWERED_ELSEWHERE


@pytest.mark.parametrize(
    ("fault", "error", "was_stored"),
    [
        (Fault.UNAUTHORIZED, CredentialRejectedError, False),
        (Fault.BUSY, RateLimitedError, False),
        (Fault.BROKEN, OutcomeUnknownError, False),
        (Fault.PAGE, OutcomeUnknownError, True),
        (Fault.SLOW, OutcomeUnknownError, False),
        (Fault.CUT_BEFORE, OutcomeUnknownError, False),
        (Fault.CUT_AFTER, OutcomeUnknownError, True),
    ],
)
def test_a_failing_confirmation_is_settled_by_reading(
    wing: Stand,
    market: CoupangMarket,
    fault: Fault,
    error: type[ReputationError],
    was_stored: bool,
) -> None:
    if fault is Fault.SLOW:
        wing.limits = IMPATIENT
    target = handed_over(wing, market)
    market.misbehave(fault, 1, On.WRITES)
    with pytest.raises(error):
        confirmations(wing).publish(target, "")
    market.clock.advance(120)
    assert market.is_confirmed(target.native_id) is was_stored
    assert bool(confirmations(wing).read_back(target)) is was_stored
    if not was_stored:
        confirmations(wing).publish(target, "")
        assert market.is_confirmed(target.native_id)


def test_after_the_deadline_it_is_refused_as_closed(wing: Stand, market: CoupangMarket) -> None:
    target = handed_over(wing, market)
    market.clock.advance(25 * 3600)
    with pytest.raises(PublicationRefusedError) as caught:
        confirmations(wing).publish(target, "")
    assert caught.value.code == "closed"


def test_a_deleted_inquiry_is_not_taken_for_a_confirmed_one(
    wing: Stand, market: CoupangMarket
) -> None:
    target = handed_over(wing, market)
    market.delete(target.native_id)
    with pytest.raises(PublicationRefusedError, match="is gone"):
        confirmations(wing).read_back(target)


def test_an_unreadable_list_proves_nothing(wing: Stand, market: CoupangMarket) -> None:
    target = handed_over(wing, market)
    market.misbehave(Fault.BROKEN, 1, On.READS)
    with pytest.raises(ChannelUnavailableError):
        confirmations(wing).publish(target, "")
    assert not market.writes


def test_a_product_inquiry_is_not_confirmed(wing: Stand, market: CoupangMarket) -> None:
    native_id = market.seed("언제 와요?", market.clock.now() - timedelta(hours=1), "product")
    with pytest.raises(PublicationRefusedError):
        confirmations(wing).publish(wing.target(native_id), "")
    assert not market.writes
