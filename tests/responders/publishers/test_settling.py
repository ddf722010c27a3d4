"""Nothing is written before it is known what stands there."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from domain.errors import (
    ChannelUnavailableError,
    CredentialRejectedError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    ReputationError,
)
from domain.types import ChannelReply, FeedbackKind, ReplyRules, ReplyTarget
from responders.publishers.settling import after_duplicate, standing_reply

TARGET = ReplyTarget("qna:1", FeedbackKind.INQUIRY, {})
OURS = ChannelReply("내일 도착합니다.\n감사합니다.")


@dataclass
class Publisher:
    """Gives what a test says stands there."""

    found: tuple[ChannelReply, ...] | ReputationError = ()
    timeout_s: float = 60.0
    rules: ReplyRules = field(default_factory=ReplyRules)
    idempotent: bool = False
    slowest_commit_s: float = 1.0

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        raise AssertionError(f"{target.native_id}: {len(text)} characters are written")

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        assert target is TARGET
        if isinstance(self.found, ReputationError):
            raise self.found
        return self.found


def test_a_free_item_may_be_written_to() -> None:
    assert standing_reply(Publisher(), TARGET, OURS.text) is None


def test_our_own_reply_is_found_however_it_was_spaced() -> None:
    standing = ChannelReply("내일 도착합니다. 감사합니다.", receipt="7")
    assert standing_reply(Publisher((standing,)), TARGET, OURS.text) == standing


def test_somebody_elses_answer_is_refused_by_name() -> None:
    with pytest.raises(PublicationRefusedError) as caught:
        standing_reply(Publisher((ChannelReply("다른 답변"),)), TARGET, OURS.text)
    assert caught.value.code == "answered_elsewhere"


def test_what_the_channel_left_of_our_reply_is_neither_sent_again_nor_somebody_elses() -> None:
    text = "안녕하세요, 고객님. 내일 도착합니다 😀 감사합니다."
    left = Publisher((ChannelReply(text[: text.index("😀")]),))
    for settle in (standing_reply, after_duplicate):
        with pytest.raises(PublicationRefusedError, match="cut short or changed") as caught:
            settle(left, TARGET, text)
        assert caught.value.code == "changed"


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (LayoutChangedError("x"), ChannelUnavailableError),
        (ChannelUnavailableError("x"), ChannelUnavailableError),
        (CredentialRejectedError("x"), CredentialRejectedError),
        (PublicationRefusedError("x", code="gone"), PublicationRefusedError),
    ],
)
def test_an_item_that_cannot_be_looked_at_is_not_written_to(
    error: ReputationError, becomes: type[ReputationError]
) -> None:
    with pytest.raises(becomes):
        standing_reply(Publisher(error), TARGET, OURS.text)


def test_looking_for_too_long_leaves_no_time_to_write() -> None:
    with pytest.raises(ChannelUnavailableError, match="too long"):
        standing_reply(Publisher(timeout_s=0.0), TARGET, OURS.text)


def test_a_duplicate_of_ours_is_success() -> None:
    assert after_duplicate(Publisher((OURS,)), TARGET, OURS.text) == OURS


@pytest.mark.parametrize("found", [(), ChannelUnavailableError("x"), LayoutChangedError("x")])
def test_a_duplicate_nobody_can_see_is_an_unknown_outcome(
    found: tuple[ChannelReply, ...] | ReputationError,
) -> None:
    with pytest.raises(OutcomeUnknownError):
        after_duplicate(Publisher(found), TARGET, OURS.text)


def test_a_duplicate_of_somebody_elses_is_refused() -> None:
    with pytest.raises(PublicationRefusedError):
        after_duplicate(Publisher((ChannelReply("다른 답변"),)), TARGET, OURS.text)
