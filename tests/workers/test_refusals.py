"""Refusals that are no reason to redraft: answered by someone else, not answerable from here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.errors import PublicationRefusedError
from storage.models import CaseRow, FeedbackRow, PublicationRow
from tests.fakes_runtime import Article, FakeChannel, House, make_brand
from workers.collect import start_due

if TYPE_CHECKING:
    from pathlib import Path

    from storage.session import Database
    from tests.fakes_runtime import StillClock


@pytest.mark.parametrize(
    ("code", "case_state", "publication_state"),
    [
        (PublicationRefusedError.ANSWERED_ELSEWHERE, "answered_elsewhere", "cancelled"),
        (PublicationRefusedError.READ_ONLY, "approved", "handed_off"),
        (PublicationRefusedError.GONE, "gone", "cancelled"),
        ("too_long", "drafted", "refused"),
    ],
)
def test_refusal_leads_where_its_code_says(
    database: Database,
    clock: StillClock,
    tmp_path: Path,
    code: str,
    case_state: str,
    publication_state: str,
) -> None:
    channel = FakeChannel(clock)
    house = House(database, clock, channel, brand=make_brand(tmp_path))
    channel.articles.append(Article("1", "별로예요", clock() - timedelta(hours=1)))
    start_due(house.runtime)
    house.run()
    channel.writes.append(PublicationRefusedError("no", code=code))
    house.approve_all()
    house.run()
    house.close()

    with database.reading() as connection:
        case = connection.execute(CaseRow.__table__.select()).one()
        publication = connection.execute(PublicationRow.__table__.select()).one()
        feedback = connection.execute(FeedbackRow.__table__.select()).one()
    assert (case.state, publication.state) == (case_state, publication_state)
    assert channel.sent == []
    assert (feedback.gone_at is not None) == (code == PublicationRefusedError.GONE)
