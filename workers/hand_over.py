"""Cases whose owner has left, and cases of nobody once somebody has room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from storage import owners

if TYPE_CHECKING:
    from workers.runtime import Runtime

log = structlog.get_logger()


def hand_over(runtime: Runtime) -> int:
    """Move the cases of people whose time is over, and fill the room there is.

    Returns:
        How many cases changed hands.
    """
    with runtime.database.unit_of_work() as connection:
        moved, given = owners.hand_over(connection, now=runtime.clock())
    if moved or given:
        log.info("cases_handed_over", moved=moved, given=given)
    return moved + given
