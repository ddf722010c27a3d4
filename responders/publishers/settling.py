"""Looking before writing, and what an answer that cannot be read means after it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PermanentError,
    PublicationRefusedError,
    ReputationError,
)
from domain.types import is_left_of, same_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.http import Answer
    from domain.types import ChannelReply, ReplyTarget
    from responders.publishers.base import Publisher


def standing_reply(publisher: Publisher, target: ReplyTarget, text: str) -> ChannelReply | None:
    """Look whether the item is answered already, before anything is written; see `look`.

    Returns:
        Our own reply when it already stands there; None when the item is free.

    Raises:
        PublicationRefusedError: Somebody else answered, the item is gone, or the channel made
            something else of the reply when it was sent before.
        ReputationError: As `look`.
    """
    replies = look(publisher, target)
    ours = _ours(replies, text)
    if ours is None and replies:
        raise _not_ours(target, replies, text)
    return ours


def look(publisher: Publisher, target: ReplyTarget) -> tuple[ChannelReply, ...]:
    """Read what stands on the item, before anything is written.

    Takes at most half of ``publisher.timeout_s``, so that the write that follows still ends
    within the lease of whoever called.

    Raises:
        PublicationRefusedError: The item is gone.
        CredentialRejectedError: The channel refuses us.
        AccessBlockedError: A wall that asks for a human stands before it.
        RetryableError: It could not be read, or not in time; nothing was written.
    """
    started = time.monotonic()
    try:
        replies = publisher.read_back(target)
    except (AccessBlockedError, PublicationRefusedError, CredentialRejectedError):
        raise
    except PermanentError as error:
        raise ChannelUnavailableError(f"could not look before writing: {error}") from None
    if not replies and time.monotonic() - started > publisher.timeout_s / 2:
        raise ChannelUnavailableError(f"{target.native_id}: looking took too long to write after")
    return replies


def after_duplicate(publisher: Publisher, target: ReplyTarget, text: str) -> ChannelReply:
    """Find out whose reply it is that the channel says is already there.

    Raises:
        PublicationRefusedError: Somebody else's, or what the channel left of ours.
        OutcomeUnknownError: It cannot be read now.
    """
    try:
        replies = publisher.read_back(target)
    except PublicationRefusedError:
        raise
    except ReputationError as error:
        raise OutcomeUnknownError(f"already answered, by whom is unknown: {error}") from None
    ours = _ours(replies, text)
    if ours is not None:
        return ours
    if replies:
        raise _not_ours(target, replies, text)
    raise OutcomeUnknownError(f"{target.native_id}: already answered, but no reply can be seen")


@contextmanager
def reading_receipt(target: ReplyTarget, answer: Answer) -> Iterator[None]:
    """Read what a channel says it stored: what cannot be read proves neither that nor the contrary.

    Raises:
        OutcomeUnknownError: The block could not read it.
    """
    try:
        yield
    except (BadInputError, ChannelUnavailableError, AccessBlockedError):
        raise OutcomeUnknownError(
            f"{target.native_id}: {answer.status}, but not the receipt we know"
        ) from None


def _ours(replies: tuple[ChannelReply, ...], text: str) -> ChannelReply | None:
    return next((reply for reply in replies if same_reply(reply.text, text)), None)


def _not_ours(
    target: ReplyTarget, replies: tuple[ChannelReply, ...], text: str
) -> PublicationRefusedError:
    if any(is_left_of(reply.text, text) for reply in replies):
        return PublicationRefusedError(
            "it stands on the channel, cut short or changed", code="changed"
        )
    return answered_elsewhere(target)


def answered_elsewhere(target: ReplyTarget) -> PublicationRefusedError:
    """Give the error that ends a publication because somebody else has answered."""
    return PublicationRefusedError(
        f"{target.native_id}: somebody else has answered",
        code=PublicationRefusedError.ANSWERED_ELSEWHERE,
    )
