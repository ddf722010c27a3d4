"""How long customers waited for a decision and for its reply, in their brand's business hours."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from domain import sla

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime

    from domain.brands import Brand
    from storage.overview import Answered

_SLOW = 0.9


@dataclass(slots=True)
class Waits:
    """How long many waited, for a decision and for their reply on the channel."""

    decided: list[timedelta] = field(default_factory=list)
    published: list[timedelta] = field(default_factory=list)


def typical(waits: Sequence[timedelta]) -> timedelta | None:
    """Give the median; None where nobody waited."""
    # Its types ask for numbers; a length of time adds and halves like one.
    return median(waits) if waits else None  # type: ignore[type-var]


def slow(waits: Sequence[timedelta]) -> timedelta | None:
    """Give what nine of ten waited at most; None where nobody waited."""
    return sorted(waits)[math.ceil(_SLOW * len(waits)) - 1] if waits else None


def waits(
    answered: Sequence[Answered], brands: Mapping[str, Brand], is_holiday: Callable[[date], bool]
) -> dict[tuple[str, str], Waits]:
    """Measure cases by brand and channel, in the business hours that their deadlines are made of.

    Returns:
        Sorted; of a brand with several channels all of them first, under an empty channel.
    """
    clocks = _clocks(answered, brands, is_holiday)
    found: dict[tuple[str, str], Waits] = defaultdict(Waits)
    for case in answered:
        clock = clocks[case.account]
        began = clock(case.waits_since)
        for channel in ("", case.channel):
            line = found[case.brand, channel]
            line.decided.append(max(clock(case.decided_at) - began, timedelta(0)))
            if case.published_at is not None:
                line.published.append(max(clock(case.published_at) - began, timedelta(0)))
    several = {
        brand
        for brand, channel in found
        if len(found[brand, channel].decided) < len(found[brand, ""].decided)
    }
    return {key: found[key] for key in sorted(found) if key[1] or key[0] in several}


def _clocks(
    answered: Sequence[Answered], brands: Mapping[str, Brand], is_holiday: Callable[[date], bool]
) -> dict[str, Callable[[datetime], timedelta]]:
    """Make each account's clock, for as long as its cases take."""
    instants: dict[str, list[datetime]] = defaultdict(list)
    of_brand = {}
    for case in answered:
        of_brand[case.account] = brands[case.brand]
        instants[case.account] += [
            case.waits_since,
            case.decided_at,
            case.published_at or case.decided_at,
        ]
    return {
        account: sla.business_clock(
            of_brand[account].hours_of(account),
            of_brand[account].timezone,
            is_holiday,
            since=min(seen),
            until=max(seen),
        )
        for account, seen in instants.items()
    }
