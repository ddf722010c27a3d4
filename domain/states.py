"""Which moves each thing may make, as data.

A claim that may be repeated harmlessly (analysing, drafting) is a lease on a row, not a state; a
claim that touches the outside world (``sending``) is a state of its own, because what it means to
find such a row after a crash differs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from domain.errors import IllegalTransitionError

if TYPE_CHECKING:
    from collections.abc import Mapping


class FeedbackState(StrEnum):
    """Whether a piece of feedback has been understood."""

    COLLECTED = "collected"
    ANALYZED = "analyzed"


class CaseState(StrEnum):
    """Where a negative feedback or an inquiry stands."""

    OPENED = "opened"
    DRAFTED = "drafted"
    APPROVED = "approved"
    ANSWERED = "answered"
    REJECTED = "rejected"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    GONE = "gone"


class PublicationState(StrEnum):
    """Where one approved reply stands on its way to the channel."""

    QUEUED = "queued"
    SENDING = "sending"
    POSTED = "posted"
    PUBLISHED = "published"
    PENDING = "pending"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    HANDED_OFF = "handed_off"
    ATTENTION = "attention"
    CANCELLED = "cancelled"


class AlertState(StrEnum):
    """Where one internal notice stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    SHOWN = "shown"
    FAILED = "failed"


OPEN_CASE_STATES = frozenset({CaseState.OPENED, CaseState.DRAFTED, CaseState.APPROVED})
LIVE_PUBLICATION_STATES = frozenset(
    {
        PublicationState.QUEUED,
        PublicationState.SENDING,
        PublicationState.POSTED,
        PublicationState.PUBLISHED,
        PublicationState.PENDING,
        PublicationState.UNCERTAIN,
        PublicationState.HANDED_OFF,
        PublicationState.ATTENTION,
    }
)
"""At most one publication of a case is in these; the database has an index that says so."""

_F, _C, _P, _A = FeedbackState, CaseState, PublicationState, AlertState

# One table per kind of thing: members of different enums with one value are equal.
MOVES: Mapping[type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]] = {
    FeedbackState: {
        _F.COLLECTED: frozenset({_F.ANALYZED}),
        # An edit by the customer is read again.
        _F.ANALYZED: frozenset({_F.COLLECTED}),
    },
    CaseState: {
        _C.OPENED: frozenset({_C.DRAFTED, _C.ANSWERED_ELSEWHERE, _C.GONE}),
        # Back to opened: the customer edited the text, so the draft is made anew.
        _C.DRAFTED: frozenset(
            {_C.APPROVED, _C.REJECTED, _C.OPENED, _C.ANSWERED_ELSEWHERE, _C.GONE}
        ),
        # Back to drafted: undo, a refusal by the channel, an edit between approval and publication.
        _C.APPROVED: frozenset(
            {_C.ANSWERED, _C.DRAFTED, _C.OPENED, _C.ANSWERED_ELSEWHERE, _C.GONE}
        ),
        # The end also of what is edited later: a second reply could only be written by hand, so the
        # edit is shown to a person (`storage.analyses.settle_analysis`).
        _C.ANSWERED: frozenset(),
        # Back to drafted: taken back. Back to opened: the customer edited the text, which may be a
        # complaint after all, or has no draft.
        _C.REJECTED: frozenset({_C.DRAFTED, _C.OPENED}),
        _C.ANSWERED_ELSEWHERE: frozenset({_C.OPENED}),
        _C.GONE: frozenset({_C.OPENED}),
    },
    PublicationState: {
        _P.QUEUED: frozenset({_P.SENDING, _P.HANDED_OFF, _P.CANCELLED}),
        _P.SENDING: frozenset(
            {
                _P.POSTED,
                _P.QUEUED,
                _P.REFUSED,
                _P.UNCERTAIN,
                _P.CANCELLED,
                _P.HANDED_OFF,
            }
        ),
        # Cancelled: what it answered is no longer on the channel.
        _P.POSTED: frozenset({_P.PUBLISHED, _P.PENDING, _P.REFUSED, _P.ATTENTION, _P.CANCELLED}),
        _P.PENDING: frozenset({_P.PUBLISHED, _P.REFUSED, _P.ATTENTION, _P.CANCELLED}),
        _P.UNCERTAIN: frozenset({_P.PUBLISHED, _P.PENDING, _P.QUEUED, _P.ATTENTION, _P.CANCELLED}),
        _P.HANDED_OFF: frozenset({_P.PUBLISHED, _P.CANCELLED}),
        # Only a person moves a publication on from here.
        _P.ATTENTION: frozenset({_P.PUBLISHED, _P.QUEUED, _P.CANCELLED}),
        _P.PUBLISHED: frozenset(),
        _P.REFUSED: frozenset(),
        _P.CANCELLED: frozenset(),
    },
    AlertState: {
        _A.QUEUED: frozenset({_A.SENDING, _A.SHOWN}),
        # Shown: what it asks for was settled before it was told.
        _A.SENDING: frozenset({_A.SENT, _A.QUEUED, _A.UNCERTAIN, _A.FAILED, _A.SHOWN}),
        _A.UNCERTAIN: frozenset({_A.SENT, _A.QUEUED, _A.FAILED}),
        _A.SENT: frozenset(),
        _A.SHOWN: frozenset({_A.QUEUED}),
        _A.FAILED: frozenset({_A.QUEUED}),
    },
}
"""Kind of thing to state to the states it may become."""


def check_move(source: StrEnum, target: StrEnum) -> None:
    """Refuse a move that the table does not allow.

    Raises:
        IllegalTransitionError: ``target`` is not reachable from ``source`` in one step.
    """
    if target not in MOVES[type(source)][source]:
        name = type(source).__name__
        raise IllegalTransitionError(f"{name}: {source} may not become {target}")
