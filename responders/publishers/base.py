"""What every publisher gives: one public reply, and what stands on the channel now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from domain.errors import PublicationRefusedError
from domain.types import named

if TYPE_CHECKING:
    from domain.types import ChannelReply, ReplyRules, ReplyTarget


class Publisher(Protocol):
    """Writes replies for one account. Only the publishing worker may hold one.

    Every write is settled by reading: `read_back` must see what `publish` stored within
    ``timeout_s + slowest_commit_s`` of the call.
    """

    @property
    def rules(self) -> ReplyRules:
        """What a reply may be; `publish` refuses what breaks them, it never shortens."""

    @property
    def idempotent(self) -> bool:
        """True when repeating the same write cannot add a second reply (an upsert).

        A channel with both ways of writing says False: then every lost answer is read first.
        """

    @property
    def timeout_s(self) -> float:
        """Seconds after a call of `publish` within which its write has left, or never will."""

    @property
    def slowest_commit_s(self) -> float:
        """Seconds the channel may take, after our time-out, until a stored reply is readable."""

    def publish(self, target: ReplyTarget, text: str) -> ChannelReply:
        """Store ``text`` as the reply, once, exactly as given.

        Returns:
            What the channel said it stored; ``state`` is ``pending`` under moderation.

        Raises:
            RetryableError: Certainly nothing was stored; also `RateLimitedError`.
            PublicationRefusedError: The channel, or the rules, said no.
            CredentialRejectedError: The channel refused our secret, address or permission.
            AccessBlockedError: A wall that asks for a human stands before the channel; nothing
                was stored.
            OutcomeUnknownError: The request may have left and no answer came. Read before
                writing again.
        """

    def read_back(self, target: ReplyTarget) -> tuple[ChannelReply, ...]:
        """Give every reply of the shop that stands on the item now, oldest first.

        Raises:
            RetryableError: The channel could not be read; nothing is known.
            PermanentError: It cannot be read this way; a person looks.
        """


@runtime_checkable
class Confirms(Protocol):
    """A publisher of a channel whose items may want a confirmation instead of an answer."""

    @property
    def confirmations(self) -> Publisher:
        """What confirms in the ways of a publisher.

        ``publish`` takes no words; `read_back` gives one reply without words where the item is
        confirmed.
        """


def refuse_unfit(rules: ReplyRules, text: str) -> None:
    """Refuse a reply that the channel would refuse, before it is sent; nothing is shortened.

    Raises:
        PublicationRefusedError: Too long, too short, or with characters the channel lacks.
    """
    if lacking := rules.lacking(text):
        raise PublicationRefusedError(
            f"the channel ({rules.encoding}) cannot store these characters: {named(lacking)}",
            code="encoding",
        )
    length = rules.length_of(text)
    if length > rules.max_length:
        raise PublicationRefusedError(
            f"the reply has {length} {rules.unit}, the channel takes {rules.max_length}",
            code="too_long",
        )
    if length < rules.min_length or not text.strip():
        raise PublicationRefusedError(
            f"the reply has {length} {rules.unit}, the channel wants {rules.min_length}",
            code="too_short",
        )
