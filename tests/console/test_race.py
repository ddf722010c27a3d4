"""Twenty specialists on one queue: every case decided once, whoever is first."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from console.app import create_app
from domain.types import DraftSentence, SourceKind
from tests.console.conftest import Browser, decision_form

if TYPE_CHECKING:
    from tests.console.conftest import Desk

PEOPLE = 20
CASES = 30
PLAIN = (DraftSentence("불편을 드려 죄송합니다.", SourceKind.COURTESY),)


def test_no_decision_is_lost_or_taken_twice(shelf: Desk) -> None:
    case_ids = [shelf.add(reply=PLAIN) for _ in range(CASES)]
    forms = {case_id: decision_form(shelf, case_id) for case_id in case_ids}
    app = create_app(shelf.context)
    browsers = [Browser(shelf, f"사람{number}", app=app) for number in range(PEOPLE)]
    tokens = [browser.token() for browser in browsers]
    start = threading.Barrier(PEOPLE)

    def work(number: int) -> list[tuple[int, int]]:
        start.wait(60)
        # Three people want each case, from different ends of the queue.
        mine = case_ids[number % 7 :: 7]
        taken = []
        for case_id in mine if number % 2 else reversed(mine):
            answer = browsers[number].http.post(
                f"/cases/{case_id}/approve",
                data={**forms[case_id], "form_token": tokens[number]},
            )
            taken.append((case_id, answer.status_code))
        return taken

    began = time.perf_counter()
    with ThreadPoolExecutor(PEOPLE) as pool:
        answers = [answer for answers in pool.map(work, range(PEOPLE)) for answer in answers]
    took_s = time.perf_counter() - began
    print(f"{len(answers)} decisions asked, {CASES} taken in {took_s:.2f} s")  # noqa: T201

    accepted = [case_id for case_id, status in answers if status == 303]
    assert sorted(accepted) == sorted(case_ids)
    assert {status for _, status in answers} == {303, 409}
    assert len(shelf.rows("SELECT * FROM decisions")) == CASES
    assert len(shelf.rows("SELECT * FROM publications")) == CASES
    assert {row["state"] for row in shelf.rows("SELECT state FROM cases")} == {"approved"}
