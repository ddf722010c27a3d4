"""Looking before writing, in lists where that is the only way, and what an answer that cannot be read means after it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from collectors.listing import Place
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
    from collections.abc import Callable, Iterator

    from collectors.http import Answer
    from collectors.listing import Listing
    from domain.types import ChannelReply, CollectedFeedback, ReplyTarget
    from responders.publishers.base import Publisher


_MOST_PAGES: Final = 20


def find_listed(
    target: ReplyTarget, ask: Callable[[int], Listing], page_size: int
) -> CollectedFeedback | None:
    """Look for an item in a list of the days around it; None when it is not in there.

    Args:
        target: What is looked for.
        ask: Reads one page of the list, from 1.
        page_size: Rows a page.

    Raises:
        ChannelUnavailableError: Its absence cannot be told: too many rows, or unreadable ones.
    """
    place: Place | None = Place()
    unread = 0
    while place is not None and place.page <= _MOST_PAGES:
        listing = ask(place.page)
        for item in listing.items:
            if item.native_id == target.native_id:
                return item
        unread += len(listing.quarantined)
        place = place.within(listing, page_size)
    if place is not None or unread:
        raise ChannelUnavailableError(f"{target.native_id}: not among the readable rows")
    return None


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
