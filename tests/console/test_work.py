"""Hand-offs, uncertain replies, odd feedback, alerts, collection, counts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text, update

from alerts.rules import AlertRule
from console.work import safe_link
from domain.brands import BusinessHours
from domain.states import AlertState
from domain.types import FeedbackKind, QuarantinedItem, Sentiment
from storage import accounts, alerts, doubts, lessons, overview
from storage.models import AlertRow, CaseRow, FeedbackRow, PublicationRow
from storage.overview import stats
from storage.people import Role
from tests.console.conftest import START, Browser, decision_form

if TYPE_CHECKING:
    from tests.console.conftest import Desk


def approved(desk: Desk, browser: Browser, state: str) -> int:
    case_id = desk.add()
    browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    desk.set_publication(case_id, state)
    return case_id


def test_a_handed_off_reply_is_shown_whole_and_confirmed_by_a_person(
    desk: Desk, browser: Browser
) -> None:
    case_id = approved(desk, browser, "handed_off")

    page = browser.get("/handoffs").text
    assert "배송이 늦어 불편을 드려 죄송합니다." in page
    assert 'href="https://shop.example/1"' in page
    browser.post(f"/cases/{case_id}/handed-off", publication=1)

    assert desk.rows("SELECT state FROM publications") == [{"state": "published"}]
    assert desk.case(case_id)["state"] == "answered"
    assert "직접 게시할 답변이 없습니다" in browser.get("/handoffs").text
    # Its brand reads that it was answered, in time, and how long it took.
    assert re.search(
        r"답변</dt><dd>1</dd>.*준수율</dt><dd>100%</dd>.*답변까지 <small>중앙값</small></dt><dd>\d+(분|시간)",
        browser.get("/brands/alpha").text,
    )
    assert browser.post(f"/cases/{case_id}/handed-off", publication=1).status_code == 409


def test_a_reply_is_handed_off_with_the_reason_where_there_is_one(
    desk: Desk, browser: Browser
) -> None:
    approved(desk, browser, "handed_off")
    assert '<p class="notice warn">' not in browser.get("/handoffs").text
    with desk.database.unit_of_work() as connection:
        connection.execute(text("UPDATE publications SET problem = '읽는 곳이 <b>바뀌어'"))
    assert '<p class="notice warn">읽는 곳이 &lt;b&gt;바뀌어</p>' in browser.get("/handoffs").text


@pytest.mark.parametrize(
    ("state", "page", "path", "said"),
    [
        ("handed_off", "/handoffs", "handed-off", {}),
        ("attention", "/attention", "attention", {"outcome": "published", "seen": "보임"}),
    ],
)
def test_a_person_confirms_the_reply_they_saw_and_no_later_one(
    desk: Desk, browser: Browser, state: str, page: str, path: str, said: dict[str, str]
) -> None:
    case_id = approved(desk, browser, state)
    assert 'name="publication" value="1"' in browser.get(page).text
    desk.set_publication(case_id, "attention")
    gone = {"outcome": "cancelled", "seen": "없음"}
    browser.post(f"/cases/{case_id}/attention", publication=1, **gone)
    other = decision_form(desk, case_id, text="확인하여 다시 답변드리겠습니다.")
    browser.post(f"/cases/{case_id}/approve", **other)
    with desk.database.unit_of_work() as connection:
        connection.execute(update(PublicationRow).where(PublicationRow.id == 2).values(state=state))

    assert browser.post(f"/cases/{case_id}/{path}", publication=1, **said).status_code == 409

    states = desk.rows("SELECT state FROM publications ORDER BY id")
    assert states == [{"state": "cancelled"}, {"state": state}]


@pytest.mark.parametrize(
    ("outcome", "publication", "case"),
    [
        ("published", "published", "answered"),
        ("queued", "queued", "approved"),
        ("cancelled", "cancelled", "drafted"),
    ],
)
def test_a_person_settles_what_no_machine_can(
    desk: Desk, browser: Browser, outcome: str, publication: str, case: str
) -> None:
    case_id = approved(desk, browser, "attention")
    assert "게시되었는지 알 수 없는" in browser.get("/attention").text

    form = {"outcome": outcome, "publication": 1}
    assert browser.post(f"/cases/{case_id}/attention", **form).status_code == 422
    browser.post(f"/cases/{case_id}/attention", **form, seen="게시판에서 직접 확인")

    assert desk.rows("SELECT state FROM publications") == [{"state": publication}]
    assert desk.case(case_id)["state"] == case
    history = desk.rows("SELECT * FROM history WHERE why = '게시판에서 직접 확인'")
    assert {row["who"] for row in history} == {"김승인"}


def odd(desk: Desk) -> int:
    desk.add(
        "굿",
        rating=1,
        sentiment=Sentiment.POSITIVE,
        mismatch=True,
        categories=(),
        kind=FeedbackKind.REVIEW,
    )
    [row] = desk.rows("SELECT id FROM feedback")
    return int(row["id"])


def test_odd_feedback_is_looked_at_once(desk: Desk, browser: Browser) -> None:
    feedback_id = odd(desk)
    assert "별점과 다름" in browser.get("/looks").text

    browser.post(f"/looks/{feedback_id}", feedback_revision=1, outcome="fine")

    assert "확인할 글이 없습니다" in browser.get("/looks").text
    assert desk.rows("SELECT who FROM history WHERE why LIKE 'looked at%'") == [{"who": "김승인"}]
    assert (
        browser.post(f"/looks/{feedback_id}", feedback_revision=1, outcome="case").status_code
        == 409
    )


@pytest.mark.parametrize("page", ["looks", "handoffs", "attention"])
def test_a_list_that_shows_only_its_beginning_says_how_many_there_are(
    desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    if page == "looks":
        monkeypatch.setattr(doubts, "looks", partial(doubts.looks, limit=2))
    else:
        few = partial(overview.waiting_publications, limit=2)
        monkeypatch.setattr(overview, "waiting_publications", few)
    for _ in range(3):
        if page == "looks":
            desk.add("굿", rating=1, sentiment=Sentiment.POSITIVE, mismatch=True, categories=())
        else:
            approved(desk, browser, "handed_off" if page == "handoffs" else "attention")

    shown = browser.get(f"/{page}").text

    assert shown.count("<article") == 2
    assert "모두 3건입니다" in shown
    assert "2건을 먼저" in shown


@pytest.fixture
def two_brands(desk: Desk, browser: Browser) -> Desk:
    """Give a desk where two brands have one of everything that waits for a person."""
    for brand, words in (("alpha", "알파의 글"), ("beta", "베타의 글")):
        for state in ("handed_off", "attention"):
            case_id = desk.add(words, brand=brand)
            browser.post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
            desk.set_publication(case_id, state)
        desk.add(
            words, brand=brand, sentiment=Sentiment.POSITIVE, mismatch=True, rating=1, categories=()
        )
        with desk.database.unit_of_work() as connection:
            payload = {"account_key": f"{brand}/shop"}
            notice = alerts.NewAlert(brand, AlertRule.SURGE, brand, "COPS", payload)
            alerts.add(connection, [notice], now=desk.now, is_told=True)
            connection.execute(
                update(AlertRow).where(AlertRow.brand == brand).values(state=AlertState.FAILED)
            )
    return desk


LISTS = {
    "/handoffs": "알파의 글",
    "/attention": "알파의 글",
    "/looks": "알파의 글",
    "/alerts": "alpha/shop",
    "/collection": "alpha/shop",
    "/stats": ">알파</td>",
}
"""What each page shows of brand alpha; of beta it shows the like."""


def of_beta(words: str) -> str:
    return words.replace("알파", "베타").replace("alpha", "beta")


@pytest.mark.parametrize(("path", "words"), LISTS.items())
def test_a_list_may_be_narrowed_to_one_brand(
    two_brands: Desk, browser: Browser, path: str, words: str
) -> None:
    everything = browser.get(path).text
    assert words in everything
    assert of_beta(words) in everything
    assert f'<form class="filters" method="get" action="{path}"' in everything
    assert '<option value="beta">베타</option>' in everything

    page = browser.get(f"{path}?brand=beta").text
    assert of_beta(words) in page
    assert words not in page
    assert '<option value="beta" selected>베타</option>' in page
    assert f'href="{path}">지우기' in page

    # Whoever has one brand has nothing to choose, and no address shows them another's.
    two_brands.person("kim", Role.LEAD, ("alpha",))
    kim = Browser(two_brands, login="kim")
    own = kim.get(path).text
    assert (words in own, of_beta(words) in own, 'class="filters"' in own) == (True, False, False)
    other = kim.get(f"{path}?brand=beta").text
    assert (words in other, of_beta(words) in other, "베타" in other) == (False, False, False)
    assert f'href="{path}">지우기' in other


@pytest.mark.parametrize(
    ("path", "action", "said"),
    [
        ("/handoffs", "/cases/3/handed-off", {"publication": 3}),
        (
            "/attention",
            "/cases/4/attention",
            {"publication": 4, "outcome": "published", "seen": "보임"},
        ),
        ("/looks", "/looks/6", {"feedback_revision": 1, "outcome": "fine"}),
        ("/alerts", "/alerts/2", {"outcome": "queued"}),
    ],
)
def test_what_is_settled_leads_back_to_the_list_as_narrow_as_it_was(
    two_brands: Desk, browser: Browser, path: str, action: str, said: dict[str, object]
) -> None:
    page = browser.get(f"{path}?brand=beta").text
    assert page.count(f'action="{action}?brand=beta"') == 1
    answer = browser.post(f"{action}?brand=beta", **said)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?brand=beta")
    assert f'action="{action}?' not in browser.get(f"{path}?brand=beta").text


def test_a_look_that_is_refused_shows_the_list_as_narrow_as_it_was(
    desk: Desk, browser: Browser
) -> None:
    more: dict[str, Any] = {"sentiment": Sentiment.POSITIVE, "mismatch": True, "categories": ()}
    desk.add("굿", rating=1, native_id="n1", **more)
    desk.add("베타의 글", rating=1, brand="beta", **more)
    desk.now += timedelta(minutes=1)
    desk.add("굿굿", rating=1, native_id="n1", **more)

    page = browser.post("/looks/1?brand=alpha", feedback_revision=1, outcome="fine")

    assert page.status_code == 409
    assert "굿굿" in page.text
    assert "베타의 글" not in page.text
    assert 'action="/looks/1?brand=alpha"' in page.text


def test_a_narrowed_list_counts_what_it_shows(
    two_brands: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = partial(overview.waiting_publications, limit=1)
    monkeypatch.setattr(overview, "waiting_publications", few)
    assert "모두 2건입니다" in browser.get("/handoffs").text
    assert "건을 먼저" not in browser.get("/handoffs?brand=alpha").text


def test_what_was_written_last_is_looked_at_first(desk: Desk, browser: Browser) -> None:
    for words, age in (("셋", 3), ("하나", 1), ("둘", 2)):
        desk.now = START - timedelta(days=age)
        desk.add(words, rating=1, sentiment=Sentiment.POSITIVE, mismatch=True, categories=())

    page = browser.get("/looks").text

    places = [page.index(f">{words}</p>") for words in ("하나", "둘", "셋")]
    assert places == sorted(places)


def test_what_was_written_in_another_year_names_it(desk: Desk, browser: Browser) -> None:
    feedback_id = odd(desk)
    assert "년" not in browser.get("/looks").text.partition("<main")[2]
    desk.now += timedelta(days=400)
    assert "2026년 11월 16일(월) 07:00" in browser.get("/looks").text

    browser.post(f"/looks/{feedback_id}", feedback_revision=1, outcome="case")

    assert "2026년 11월 16일(월) 07:00" in browser.get("/cases/1").text


def test_odd_feedback_can_become_a_case_that_gets_drafted(desk: Desk, browser: Browser) -> None:
    feedback_id = odd(desk)

    browser.post(f"/looks/{feedback_id}", feedback_revision=1, outcome="case")

    [case] = desk.rows("SELECT * FROM cases")
    assert (case["feedback_id"], case["state"]) == (feedback_id, "opened")
    assert desk.rows("SELECT actor FROM outbox WHERE actor LIKE 'case.draft%'")
    assert desk.draft("1") == case["id"]


def test_what_has_a_case_is_looked_at_there_when_its_writer_edits(
    desk: Desk, browser: Browser
) -> None:
    case_id = desk.add(native_id="1")
    assert case_id

    desk.add("좋아요", native_id="1", sentiment=Sentiment.POSITIVE, mismatch=True, draft=False)

    assert "확인할 글이 없습니다" in browser.get("/looks").text


def test_what_is_edited_after_its_reply_is_shown_with_what_changed(shelf: Desk) -> None:
    browser = Browser(shelf)
    case_id = shelf.add("아쉬워요", native_id="1", rating=4)
    browser.post(f"/cases/{case_id}/approve", **decision_form(shelf, case_id))
    shelf.set_publication(case_id, "handed_off")
    publication = shelf.rows("SELECT id FROM publications")[0]["id"]
    browser.post(f"/cases/{case_id}/handed-off", publication=publication)
    assert shelf.case(case_id)["state"] == "answered"

    shelf.add("별로예요", native_id="1", rating=2, draft=False)
    shelf.add("화나요", native_id="1", rating=1, draft=False)

    page = browser.get("/looks").text
    assert "답변 뒤에 고침" in page
    assert "별점 4 → 1" in page
    assert "<del>아쉬워요</del><ins>화나요</ins>" in page
    assert f'href="/cases/{case_id}"' in page
    # There is a case, and its reply stands on the channel.
    assert 'value="case"' not in page
    feedback_id = shelf.case(case_id)["feedback_id"]
    look = partial(browser.post, f"/looks/{feedback_id}", feedback_revision=3)
    assert look(outcome="case").status_code == 409
    assert "답변이 나간 뒤에 고객이 글을 수정했습니다." in browser.get(f"/cases/{case_id}").text

    assert look(outcome="fine").status_code == 303
    assert "확인할 글이 없습니다" in browser.get("/looks").text
    after = browser.get(f"/cases/{case_id}").text
    assert "답변이 나간 뒤에 고객이 글을 수정했습니다." not in after
    assert "답변 뒤에 고친 글을 확인함" in after
    with shelf.database.reading() as connection:
        # That it was looked at does not say that it is no complaint.
        assert not [row for row in lessons.of_brand(connection, "alpha") if row.is_correction]


@pytest.mark.parametrize("outcome", ["fine", "case"])
def test_a_look_settles_the_text_that_was_read_and_no_newer_one(shelf: Desk, outcome: str) -> None:
    browser = Browser(shelf)
    feedback_id = odd(shelf)
    assert 'name="feedback_revision" value="1"' in browser.get("/looks").text
    shelf.add(
        "벌레가 나왔어요",
        native_id="1",
        rating=1,
        sentiment=Sentiment.POSITIVE,
        mismatch=True,
        draft=False,
    )

    answer = browser.post(f"/looks/{feedback_id}", feedback_revision=1, outcome=outcome)

    assert answer.status_code == 409
    assert "고객이 글을 수정했습니다" in answer.text
    assert "<del>굿</del>" in answer.text
    assert "<ins>벌레가 나왔어요</ins>" in answer.text
    assert 'name="feedback_revision" value="2"' in answer.text
    assert not shelf.rows("SELECT * FROM history WHERE who = '김승인'")
    assert not shelf.rows("SELECT * FROM cases")
    again = browser.post(f"/looks/{feedback_id}", feedback_revision=2, outcome=outcome)
    assert again.status_code == 303


@pytest.mark.parametrize(
    ("of_account", "channels_own", "expected"),
    [
        pytest.param({}, None, timedelta(hours=24), id="the brand's hours"),
        pytest.param(
            {"hours": BusinessHours(closes=time(21))}, None, timedelta(hours=9), id="the account's"
        ),
        pytest.param(
            {"answer_within": timedelta(hours=6)}, None, timedelta(hours=3), id="the clock ends"
        ),
        pytest.param(
            {"answer_within": timedelta(hours=2)}, None, -timedelta(hours=1), id="it has ended"
        ),
        pytest.param(
            {"answer_within": timedelta(hours=6)},
            timedelta(days=2),
            timedelta(days=2),
            id="the channel's own",
        ),
    ],
)
def test_a_case_opened_by_hand_is_due_as_any_other(
    shelf: Desk, of_account: dict[str, Any], channels_own: timedelta | None, expected: timedelta
) -> None:
    """Opened on Monday at ten, three hours after it was written; the brand promises eight."""
    alpha = shelf.context.brands["alpha"]
    alpha = replace(alpha, accounts=(replace(alpha.accounts[0], **of_account),))
    shelf.context = replace(shelf.context, brands={**shelf.context.brands, "alpha": alpha})
    feedback_id = odd(shelf)
    if channels_own is not None:
        with shelf.database.unit_of_work() as connection:
            connection.execute(update(FeedbackRow).values(deadline_at=shelf.now + channels_own))

    Browser(shelf).post(f"/looks/{feedback_id}", feedback_revision=1, outcome="case")

    with shelf.database.reading() as connection:
        assert connection.execute(select(CaseRow.due_at)).scalar() == shelf.now + expected


def test_alerts_are_shown_without_slack(desk: Desk, browser: Browser) -> None:
    case_id = desk.add()
    with desk.database.unit_of_work() as connection:
        alerts.add(
            connection,
            [alerts.NewAlert("k", "case_card", "alpha", "console", {}, feedback_id=1)],
            now=desk.now,
            is_told=False,
        )

    page = browser.get("/alerts").text

    assert "새 케이스" in page
    assert "여기에만 표시" in page
    assert f'href="/cases/{case_id}"' in page


def test_alerts_about_many_say_what_about(desk: Desk, browser: Browser) -> None:
    late = {"case_ids": list(range(1, 9)), "reminder": "overdue"}
    surge = {"negative": 12, "total": 20, "window_s": 3600, "baseline_rate": 0.1, "categories": []}
    backfill = {"case_id": None, "account_key": "alpha/shop", "wants_receipt": False}
    blocked = {"subject": "alpha/shop", "detail": "robots.txt", "kind": "blocked", "remedy": "끄기"}
    with desk.database.unit_of_work() as connection:
        alerts.add(
            connection,
            [
                alerts.NewAlert(rule, rule, "alpha", "console", payload)
                for rule, payload in (
                    ("overdue", late),
                    ("surge", surge),
                    ("backfill_digest", backfill),
                    ("credentials", blocked),
                )
            ],
            now=desk.now,
            is_told=False,
        )

    page = browser.get("/alerts").text

    assert "케이스 8건" in page
    assert '<a href="/cases/5">#5</a> …' in page
    assert "1시간 동안 20건 가운데 부정 12건" in page
    assert "alpha/shop" in page
    assert "사이트가 접속을 허용하지 않음" in page
    assert "인증 정보 문제" not in page


def undelivered(desk: Desk, state: str) -> int:
    """Bring one mail of alpha to a state; gives the alert."""
    with desk.database.unit_of_work() as connection:
        notice = alerts.NewAlert("k", "daily_digest", "alpha", "mailto:o@example.com", {})
        alerts.add(connection, [notice], now=desk.now, is_told=True)
        alert_id = alerts.find_by_key(connection, "k")
        connection.exec_driver_sql(
            f"UPDATE alerts SET state = '{state}', problem = 'no answer came'"  # noqa: S608
        )
        connection.exec_driver_sql("DELETE FROM outbox")
    return alert_id


@pytest.mark.parametrize(
    ("state", "outcome", "after"),
    [
        ("uncertain", "queued", "queued"),
        ("uncertain", "sent", "sent"),
        ("failed", "queued", "queued"),
    ],
)
def test_a_mail_that_may_not_have_arrived_is_a_persons(
    desk: Desk, browser: Browser, state: str, outcome: str, after: str
) -> None:
    alert_id = undelivered(desk, state)
    page = browser.get("/alerts").text
    assert "o@example.com" in page
    assert "no answer came" in page
    assert "다시 보내기" in page
    assert ("받은 것 확인" in page) == (state == "uncertain")

    browser.post(f"/alerts/{alert_id}", outcome=outcome)

    (row,) = desk.rows("SELECT state, problem FROM alerts")
    assert row == {"state": after, "problem": ""}
    queued = desk.rows("SELECT actor FROM outbox")
    assert queued == ([{"actor": "alert.send"}] if after == "queued" else [])
    assert desk.rows("SELECT who FROM history WHERE why = 'settled by a person'")
    assert "다시 보내기" not in browser.get("/alerts").text
    assert browser.post(f"/alerts/{alert_id}", outcome=outcome).status_code == 409


def test_a_mail_that_may_not_have_arrived_stays_in_sight(shelf: Desk) -> None:
    undelivered(shelf, "uncertain")
    with shelf.database.unit_of_work() as connection:
        newer = [
            alerts.NewAlert(f"n{number}", "case_card", "alpha", "console", {})
            for number in range(101)
        ]
        alerts.add(connection, newer, now=shelf.now + timedelta(hours=1), is_told=False)

    page = Browser(shelf).get("/alerts").text

    assert page.count("<tr><td>") == 101
    assert "o@example.com" in page.partition("</tr>")[2].partition("</tr>")[0]


def test_only_the_agency_and_operators_settle_a_mail(desk: Desk) -> None:
    desk.person("owner", Role.BRAND_APPROVER)
    desk.person("other", Role.LEAD, brands=("beta",))
    alert_id = undelivered(desk, "failed")
    owner, other = Browser(desk, login="owner"), Browser(desk, login="other")
    assert "다시 보내기" not in owner.get("/alerts").text
    assert owner.post(f"/alerts/{alert_id}", outcome="queued").status_code == 403
    assert other.post(f"/alerts/{alert_id}", outcome="queued").status_code == 409
    assert other.post(f"/alerts/{alert_id}", outcome="failed").status_code == 422
    assert desk.rows("SELECT state FROM alerts") == [{"state": "failed"}]


def test_incidents_and_quarantine_are_shown(desk: Desk, browser: Browser) -> None:
    with desk.database.unit_of_work() as connection:
        account_id = accounts.find(connection, "alpha/shop")
        assert account_id is not None
        accounts.open_incident(connection, "layout_changed", "alpha/shop", "no rows", now=desk.now)
        accounts.quarantine(
            connection,
            account_id,
            [
                QuarantinedItem(
                    f"r.csv, row {n}, field '별점': rating outside 1-5 -> 확인",
                    b"raw%d" % n,
                    field="별점",
                    remedy="확인",
                )
                for n in (2, 3)
            ],
            seal=lambda raw: raw,
            fingerprints=lambda item: (item.raw.decode(),),
            now=desk.now,
        )

    page = browser.get("/collection").text
    assert "채널의 화면이나 응답이 바뀜" in page
    assert "no rows" in page
    assert "별점이 1~5를 벗어남 (항목 별점)<br><small>r.csv, row 2" in page
    assert '<td class="number">2</td>' in page


def test_a_refused_slack_token_is_shown_where_its_alerts_wait(desk: Desk, browser: Browser) -> None:
    with desk.database.unit_of_work() as connection:
        accounts.open_incident(
            connection, "credentials", accounts.SLACK, "slack: invalid_auth", now=desk.now
        )
    assert "slack: invalid_auth" in browser.get("/alerts").text
    assert "slack: invalid_auth" in browser.get("/collection").text
    with desk.database.unit_of_work() as connection:
        accounts.close_incidents(connection, accounts.SLACK, now=desk.now)
    assert "invalid_auth" not in browser.get("/alerts").text


def test_a_room_that_takes_nothing_is_shown_where_its_alerts_wait(
    desk: Desk, browser: Browser
) -> None:
    with desk.database.unit_of_work() as connection:
        subject = accounts.slack_room("C0LOST")
        accounts.open_incident(connection, "room", subject, "slack: is_archived", now=desk.now)
    for path in ("/alerts", "/collection"):
        page = browser.get(path).text
        assert "slack: is_archived" in page
        assert "C0LOST" in page
        assert "봇 토큰을 거절" not in page


def test_a_refused_slack_token_is_the_agencys_to_mend(desk: Desk) -> None:
    with desk.database.unit_of_work() as connection:
        accounts.open_incident(
            connection, "credentials", accounts.SLACK, "slack: invalid_auth", now=desk.now
        )
        accounts.open_incident(connection, "layout_changed", "alpha/shop", "no rows", now=desk.now)
    for role in Role:
        desk.person(role.value, role)
        person = Browser(desk, login=role.value)
        is_brand_side = role in {Role.BRAND_APPROVER, Role.BRAND_VIEWER}
        assert ("slack: invalid_auth" not in person.get("/alerts").text) == is_brand_side
        found = person.get("/collection").text
        assert ("slack: invalid_auth" not in found) == is_brand_side
        assert "no rows" in found


def test_counts_by_brand_channel_category_and_week(desk: Desk, browser: Browser) -> None:
    desk.add(brand="alpha")
    desk.now += timedelta(days=7)
    desk.add(brand="beta", sentiment=Sentiment.POSITIVE, categories=())

    page = browser.get("/stats").text

    for word in ("알파", "베타", "자사몰", "배송", "분류 없음", "2026-11-16", "2026-11-23"):
        assert word in page


def test_weeks_begin_on_monday_in_korea_and_the_first_is_a_whole_one(shelf: Desk) -> None:
    case_id = 0
    # Three hours after it was written: Sunday 23:30 and Monday 00:30 in Korea.
    for shelf.now in (
        datetime(2026, 8, 30, 17, 30, tzinfo=UTC),
        datetime(2026, 8, 30, 18, 30, tzinfo=UTC),
        datetime(2026, 11, 15, 17, 30, tzinfo=UTC),
        datetime(2026, 11, 15, 18, 30, tzinfo=UTC),
    ):
        case_id = shelf.add()
    browser = Browser(shelf)
    browser.post(f"/cases/{case_id}/approve", **decision_form(shelf, case_id))
    shelf.set_publication(case_id, "handed_off")
    browser.post(f"/cases/{case_id}/handed-off", publication=1)

    with shelf.database.reading() as connection:
        counted = stats(connection, {"alpha"}, weeks=12, now=shelf.now)

    assert [tuple(week.values()) for week in counted["week"]] == [
        ("2026-11-16", 1, 1, 1, 1),
        ("2026-11-09", 1, 1, 1, 0),
        ("2026-08-31", 1, 1, 1, 0),
    ]
    assert [tuple(brand.values()) for brand in counted["brand"]] == [("alpha", 3, 3, 3, 1)]


def test_how_long_replies_took_is_counted_in_business_hours(shelf: Desk) -> None:
    shelf.context = replace(
        shelf.context, is_holiday=lambda day: day == datetime(2026, 11, 17, tzinfo=UTC).date()
    )
    # Written on a Monday at 07:00 in Korea, the next day is a holiday.
    decided = [shelf.add(), shelf.add(), shelf.add(), shelf.add(brand="beta")]
    undone, taken_back, _waiting = shelf.add(), shelf.add(), shelf.add()
    browser = Browser(shelf)
    browser.post(f"/cases/{undone}/approve", **decision_form(shelf, undone))
    browser.post(f"/cases/{undone}/undo")
    form = decision_form(shelf, taken_back, reason="무대응")
    browser.post(f"/cases/{taken_back}/reject", **form)
    browser.post(f"/cases/{taken_back}/undo-rejection", decision=2)
    for hours, case_id in zip((1, 24 * 2, 1, 2), decided, strict=True):
        shelf.now += timedelta(hours=hours)
        browser.post(f"/cases/{case_id}/approve", **decision_form(shelf, case_id))
    shelf.set_publication(decided[0], "handed_off")
    browser.post(f"/cases/{decided[0]}/handed-off", publication=2)

    page = browser.get("/stats").text

    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in page.split("<tr>")]
    assert [row for row in rows if row[2:3] in (["3"], ["1"]) and len(row) == 8] == [
        ["알파", "자사몰", "3", "10시간", "11시간", "1", "12시간", "12시간"],
        ["베타", "자사몰", "1", "12시간", "12시간", "0", "–", "–"],
    ]


def test_an_empty_desk_says_so(browser: Browser) -> None:
    for path, words in {
        "/": "결정을 기다리는 케이스가 없습니다",
        "/handoffs": "직접 게시할 답변이 없습니다",
        "/attention": "확인할 답변이 없습니다",
        "/looks": "확인할 글이 없습니다",
        "/alerts": "아직 알림이 없습니다",
        "/stats": "아직 없습니다",
    }.items():
        assert words in browser.get(path).text


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "http://[", "", "file:///a"],
)
def test_only_web_addresses_are_linked(url: str) -> None:
    assert safe_link(url) == ""
    assert safe_link("https://shop.example/1?a=b") == "https://shop.example/1?a=b"
