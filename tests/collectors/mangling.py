"""Answers as they might arrive one day: a good one with parts lost, replaced and doubled."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from collectors.listing import Listing

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 10**18, 10**30, 253402300800, -62135596801]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "\ud800",
            "2026-11-20",
            "9999-99-99",
            "0001-01-01T00:00:00+14:00",
            "<b>",
            "T",
            "1" * 30,
        ]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)

totality = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def mangled(sample: object) -> st.SearchStrategy[Any]:
    """Give bodies made from ``sample`` by a few losses, replacements and repetitions."""
    return _mangled(sample)


@st.composite
def _mangled(draw: Callable[..., Any], sample: object) -> object:
    body: Any = deepcopy(sample)
    for _ in range(draw(st.integers(1, 5))):
        places = list(_places(body))
        if not places:
            return draw(JUNK)
        holder, key = draw(st.sampled_from(places))
        action = draw(st.sampled_from(["replace", "replace", "lose", "double"]))
        if action == "replace":
            holder[key] = draw(JUNK)
        elif action == "lose":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(deepcopy(holder[key]))
    return body


def _places(body: object) -> list[tuple[Any, Any]]:
    places: list[tuple[Any, Any]] = []
    todo = [body]
    while todo:
        holder = todo.pop()
        if isinstance(holder, dict):
            pairs = list(holder.items())
        elif isinstance(holder, list):
            pairs = list(enumerate(holder))
        else:
            continue
        places += [(holder, key) for key, _ in pairs]
        todo += [value for _, value in pairs]
    return places


def assert_nothing_is_lost(listing: Listing, now: datetime) -> None:
    """Check what every reading of a list keeps: each row is feedback or in quarantine."""
    assert len(listing.items) + len(listing.quarantined) == listing.rows
    for item in listing.items:
        item.text.encode()
        assert item.written_at is None or item.written_at <= now + timedelta(minutes=5)
