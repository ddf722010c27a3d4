from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IllegalTransitionError
from domain.states import (
    LIVE_PUBLICATION_STATES,
    MOVES,
    OPEN_CASE_STATES,
    AlertState,
    CaseState,
    FeedbackState,
    PublicationState,
    check_move,
)

if TYPE_CHECKING:
    from enum import StrEnum

KINDS = [FeedbackState, CaseState, PublicationState, AlertState]
STARTS: dict[type[StrEnum], StrEnum] = {
    FeedbackState: FeedbackState.COLLECTED,
    CaseState: CaseState.OPENED,
    PublicationState: PublicationState.QUEUED,
    AlertState: AlertState.QUEUED,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_has_a_line_in_the_table(kind: type[StrEnum]) -> None:
    assert set(MOVES[kind]) == set(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_can_be_reached_from_the_first(kind: type[StrEnum]) -> None:
    reached = {STARTS[kind]}
    waiting = [STARTS[kind]]
    while waiting:
        for target in MOVES[kind][waiting.pop()] - reached:
            reached.add(target)
            waiting.append(target)
    # A notice without a destination begins as shown.
    assert reached | {AlertState.SHOWN} >= set(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_no_state_becomes_itself(kind: type[StrEnum]) -> None:
    assert not [state for state in kind if state in MOVES[kind][state]]


def test_members_of_different_kinds_do_not_share_a_line() -> None:
    # "queued" is a publication's and an alert's; as keys of one table they would be the same.
    check_move(AlertState.QUEUED, AlertState.SHOWN)
    with pytest.raises(IllegalTransitionError):
        check_move(PublicationState.QUEUED, PublicationState.PUBLISHED)


def test_refusal_names_kind_and_both_states() -> None:
    with pytest.raises(IllegalTransitionError, match="CaseState: answered may not become opened"):
        check_move(CaseState.ANSWERED, CaseState.OPENED)


@given(st.lists(st.integers(0, 9), max_size=40))
def test_a_reply_that_left_is_never_sent_again_without_a_settled_outcome(
    choices: list[int],
) -> None:
    """Walk the machine: between two sendings lies a settled retry, or an uncertainty resolved."""
    state: StrEnum = PublicationState.QUEUED
    path = [state]
    for choice in choices:
        targets = sorted(MOVES[PublicationState][state])
        if not targets:
            break
        state = targets[choice % len(targets)]
        path.append(state)
    for number, step in enumerate(path[1:], start=1):
        if step is PublicationState.SENDING:
            assert path[number - 1] is PublicationState.QUEUED
        if step is PublicationState.PUBLISHED:
            # Nothing is called published before a machine read it or a person confirmed it.
            assert path[number - 1] in {
                PublicationState.POSTED,
                PublicationState.PENDING,
                PublicationState.UNCERTAIN,
                PublicationState.HANDED_OFF,
                PublicationState.ATTENTION,
            }
    ends = {PublicationState.PUBLISHED, PublicationState.REFUSED, PublicationState.CANCELLED}
    assert not (ends & set(path[:-1]))


@given(st.lists(st.integers(0, 9), max_size=40))
def test_a_told_alert_is_never_told_again(choices: list[int]) -> None:
    state: StrEnum = AlertState.QUEUED
    path = [state]
    for choice in choices:
        targets = sorted(MOVES[AlertState][state])
        if not targets:
            break
        state = targets[choice % len(targets)]
        path.append(state)
    assert AlertState.SENT not in path[:-1]


@given(st.lists(st.integers(0, 9), max_size=40))
def test_a_case_is_answered_only_after_an_approval(choices: list[int]) -> None:
    state: StrEnum = CaseState.OPENED
    path = [state]
    for choice in choices:
        targets = sorted(MOVES[CaseState][state])
        if not targets:
            break
        state = targets[choice % len(targets)]
        path.append(state)
    for number, step in enumerate(path):
        if step is CaseState.ANSWERED:
            assert path[number - 1] is CaseState.APPROVED
        if step in {CaseState.APPROVED, CaseState.REJECTED}:
            assert path[number - 1] is CaseState.DRAFTED
    assert CaseState.ANSWERED not in path[:-1]


@given(st.sampled_from(KINDS), st.data())
def test_check_and_table_agree(kind: type[StrEnum], data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(list(kind)))
    target = data.draw(st.sampled_from(list(kind)))
    if target in MOVES[kind][source]:
        check_move(source, target)
    else:
        with pytest.raises(IllegalTransitionError):
            check_move(source, target)


def test_open_cases_are_those_that_can_still_be_answered() -> None:
    for state in CaseState:
        assert (state in OPEN_CASE_STATES) == (CaseState.GONE in MOVES[CaseState][state])


def test_only_refused_and_cancelled_publications_make_room_for_another() -> None:
    assert set(PublicationState) - LIVE_PUBLICATION_STATES == {
        PublicationState.REFUSED,
        PublicationState.CANCELLED,
    }
