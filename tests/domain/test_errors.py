from __future__ import annotations

import inspect

import pytest

from domain import errors
from domain.errors import (
    BadInputError,
    OutcomeUnknownError,
    PermanentError,
    RateLimitedError,
    ReputationError,
    RetryableError,
)

FAMILIES = (RetryableError, PermanentError, OutcomeUnknownError)
ALL = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, Exception) and found.__module__ == errors.__name__
]


@pytest.mark.parametrize("error", ALL)
def test_every_error_belongs_to_exactly_one_family(error: type[Exception]) -> None:
    assert issubclass(error, ReputationError)
    assert sum(issubclass(error, family) for family in FAMILIES) == (error is not ReputationError)


@pytest.mark.parametrize("error", ALL)
def test_the_tree_at_the_top_names_every_error(error: type[Exception]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


def test_bad_input_says_where_and_what_to_do() -> None:
    error = BadInputError(
        "is not a date", source="a.csv", row=3, field="작성일", remedy="write 2026-11-23"
    )
    assert str(error) == "a.csv, row 3, field '작성일': is not a date -> write 2026-11-23"


def test_bad_input_needs_no_place() -> None:
    assert str(BadInputError("is empty")) == "is empty"


def test_row_zero_is_a_place() -> None:
    assert str(BadInputError("is empty", row=0)) == "row 0: is empty"


def test_rate_limit_carries_the_channels_own_waiting_time() -> None:
    assert RateLimitedError("slow down", 2.5).retry_after_s == 2.5
    assert RateLimitedError("slow down").retry_after_s is None
