"""The desk in a real browser: what a specialist does, by mouse and by keyboard."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.types import DraftSentence, Sentiment, Severity, SourceKind, Span
from storage import alerts
from storage.people import Role
from tests.console.conftest import PASSWORD, Browser, decision_form
from tests.console.test_many import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import BrowserContext, Dialog, Page

    from tests.console.conftest import Desk

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium: apt-get install chromium")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Chromium, address: str) -> Iterator[Page]:
    """Give a page of a person who has said a name; any script error fails the test."""
    context = chromium.new_context(base_url=address, locale="ko-KR")
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            problems.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    opened.goto("/")
    opened.fill("#name", "김승인")
    opened.click("button.primary")
    yield opened
    context.close()
    assert problems == []


def leaves(page: Page) -> list[str]:
    """Leave whatever page asks; gives what was asked so far."""
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    return asked


def states(desk: Desk) -> list[str]:
    return [row["state"] for row in desk.rows("SELECT state FROM cases ORDER BY id")]


def test_a_specialist_edits_is_stopped_corrects_and_approves(desk: Desk, page: Page) -> None:
    first = desk.add(due_in=timedelta(hours=1))
    second = desk.add(due_in=timedelta(hours=2))
    page.goto("/")
    page.click("[data-case] >> nth=0")
    assert page.url.endswith(f"/cases/{first}?") or page.url.endswith(f"/cases/{first}")

    page.click("#edit summary")
    page.fill("#text", "무조건 환불해 드리겠습니다.")
    assert "수정 후 승인" in page.inner_text("#approve-button")
    page.click("#approve-button")
    page.wait_for_selector(".findings li.blocking")
    assert "예외 없는 약속" in page.inner_text(".findings")
    assert page.input_value("#text") == "무조건 환불해 드리겠습니다."
    assert page.inner_text(".sentence.unsupported .no-source") == "근거 없음"

    page.fill("#text", "불편을 드려 죄송합니다.\n알파 고객지원팀 드림")
    # What is being written has not been looked at yet.
    assert page.is_hidden("#sentences")
    page.click("#approve-button")
    page.wait_for_url(f"**/cases/{second}?decided={first}")

    [decision] = desk.rows("SELECT * FROM decisions")
    assert decision["text"] == "불편을 드려 죄송합니다.\n알파 고객지원팀 드림"
    assert decision["decided_by"] == "김승인"
    assert states(desk) == ["approved", "drafted"]


def test_thirty_decisions_by_keyboard_each_with_the_next_case_at_once(
    desk: Desk, page: Page
) -> None:
    for number in range(31):
        desk.add(due_in=timedelta(minutes=number + 1))
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#approve")

    for _ in range(30):
        before = page.inner_text("h1 small")
        page.keyboard.press("a")
        page.wait_for_function(
            "before => document.querySelector('h1 small').innerText !== before", arg=before
        )

    assert states(desk).count("approved") == 30
    assert len(desk.rows("SELECT * FROM decisions")) == 30


def test_a_key_held_down_decides_one_case(desk: Desk, page: Page) -> None:
    for number in range(3):
        desk.add(due_in=timedelta(hours=number + 1))
    page.goto("/cases/1")
    page.keyboard.down("a")
    page.wait_for_selector("[data-undo]")
    for _ in range(3):
        page.keyboard.down("a")
        page.wait_for_timeout(100)
    page.keyboard.up("a")

    assert states(desk) == ["approved", "drafted", "drafted"]


def test_a_decided_case_is_read_without_an_error(desk: Desk, page: Page) -> None:
    case_id = desk.add()
    Browser(desk).post(f"/cases/{case_id}/approve", **decision_form(desk, case_id))
    desk.set_publication(case_id, "posted")
    # Nobody is signed in, so there is no form on this page at all; `page` notices errors.
    page.goto(f"/cases/{case_id}")
    assert page.inner_text(".chip.state") == "승인됨"
    assert page.locator("form[method=post]").count() == 0


def test_a_second_press_before_the_answer_sends_nothing(desk: Desk, page: Page) -> None:
    desk.add(due_in=timedelta(hours=1))
    desk.add(due_in=timedelta(hours=2))
    sent: list[str] = []
    page.on(
        "request", lambda request: sent.append(request.url) if "approve" in request.url else None
    )
    page.goto("/cases/1")
    # Both within one task of the page, so that no answer can come in between.
    page.evaluate("for (const _ of [1, 2]) document.querySelector('#approve').requestSubmit()")
    page.wait_for_selector("[data-undo]")

    assert len(sent) == 1
    assert "/cases/2" in page.url
    assert page.locator(".notice.bad").count() == 0


def press_twice(page: Page, selector: str) -> None:
    """Press a mouse's button twice where something stands, the second time once it was answered."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.mouse.down(click_count=1)
        page.mouse.up(click_count=1)
    page.wait_for_function("() => !sending")
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)


def test_a_double_click_settles_only_what_it_was_meant_for(desk: Desk, page: Page) -> None:
    for number in range(3):
        desk.add(f"잘 쓰고 있어요 {number}", sentiment=Sentiment.POSITIVE, mismatch=True, rating=1)
    page.goto("/looks")
    press_twice(page, "[value=fine]")

    page.click("[value=fine] >> nth=1")
    page.wait_for_function("() => document.querySelectorAll('article').length === 1")
    assert len(desk.rows("SELECT id FROM feedback WHERE needs_look")) == 1


def test_cases_decided_together_are_sent_once(desk: Desk, page: Page) -> None:
    for number in range(3):
        desk.add(due_in=timedelta(hours=number + 1))
    page.goto("/")
    for box in page.query_selector_all("[name=picked]"):
        box.check()
    page.evaluate(
        "() => { const press = document.querySelector('[value=approve]');"
        " for (const _ of [1, 2]) press.form.requestSubmit(press); }"
    )
    page.wait_for_selector("h1:has-text('3건을 승인했습니다')")
    assert page.locator("main li").count() == 0
    assert states(desk) == ["approved"] * 3


def test_what_is_picked_stays_while_the_server_is_away(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/")
    page.check("[name=picked]")
    page.select_option("#bulk-reason", index=2)
    page.route("**/bulk?*", lambda route: route.abort())
    page.route("**/bulk", lambda route: route.abort())
    page.click(".bulk [value=reject]")
    page.wait_for_selector(".toast:has-text('서버에 닿지 않습니다')")
    page.unroute_all()
    page.click(".bulk [value=reject]")
    page.wait_for_selector("h1:has-text('1건을 반려했습니다')")
    assert states(desk) == ["rejected"]


def test_what_is_being_written_outlives_the_back_button(desk: Desk, page: Page) -> None:
    for number in range(2):
        desk.add(due_in=timedelta(hours=number + 1))
    asked = leaves(page)
    page.goto("/cases/1")
    page.keyboard.press("e")
    page.fill("#text", "쓰던 답변")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector("h1:has-text('#2')")

    page.evaluate("history.back()")
    page.wait_for_selector("h1:has-text('#1')")
    assert page.input_value("#text") == "쓰던 답변"
    page.evaluate("history.forward()")
    page.wait_for_selector("h1:has-text('#2')")

    assert page.url.endswith("/cases/2")
    assert asked == []


def test_the_way_past_the_menu_stays_on_the_page(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/cases/1")
    page.evaluate("window.isSame = true")
    page.focus(".skip")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/1#main")
    page.wait_for_timeout(300)

    assert page.evaluate("window.isSame") is True
    assert page.evaluate("document.activeElement.id") == "main"


def test_undo_by_keyboard_brings_the_case_back(desk: Desk, page: Page) -> None:
    desk.add(due_in=timedelta(hours=1))
    desk.add(due_in=timedelta(hours=2))
    page.goto("/cases/1")
    page.keyboard.press("a")
    page.wait_for_selector("[data-undo]")
    page.keyboard.press("u")
    page.wait_for_url("**/cases/1")
    page.wait_for_selector("#approve")

    assert states(desk) == ["drafted", "drafted"]


@pytest.mark.parametrize("at", ["/cases/2?decided=1", "/cases/1"])
@pytest.mark.parametrize("by_key", [True, False])
def test_a_mistaken_rejection_is_taken_back(
    desk: Desk, page: Page, at: str, *, by_key: bool
) -> None:
    desk.add(due_in=timedelta(hours=1))
    desk.add(due_in=timedelta(hours=2))
    page.goto("/cases/1")
    page.keyboard.press("r")
    page.select_option("select[name=reason]", "답변이 필요 없는 글")
    page.click("text=반려하고 닫기")
    page.wait_for_url("**/cases/2?decided=1")
    if not page.url.endswith(at):
        page.goto(at)
    page.wait_for_selector("[data-undo]")
    assert states(desk) == ["rejected", "drafted"]
    if by_key:
        page.keyboard.press("u")
    else:
        page.click("[data-undo] button")
    page.wait_for_selector(".chip.state:has-text('결정 대기')")
    page.wait_for_url("**/cases/1")
    assert states(desk) == ["drafted", "drafted"]
    page.keyboard.press("a")
    page.wait_for_url("**/cases/2?decided=1")
    assert states(desk) == ["approved", "drafted"]


def test_a_screen_reader_is_told_what_was_decided_and_what_comes_next(
    desk: Desk, page: Page
) -> None:
    for number in range(3):
        desk.add(due_in=timedelta(hours=number + 1))
    page.goto("/cases/1")
    # The place itself stays: only what changes in it is spoken.
    page.evaluate("document.querySelector('#said').isSame = true")
    for case_id in (1, 2):
        page.keyboard.press("a")
        page.wait_for_function(
            "told => document.querySelector('#said').innerText.includes(told)",
            arg=f"케이스 #{case_id}을(를) 승인했습니다",
        )
        assert f"#{case_id + 1}" in page.inner_text("#said")
    assert page.evaluate("document.querySelector('#said').isSame")


def test_a_swapped_page_begins_at_its_top(desk: Desk, page: Page) -> None:
    desk.add("배송이 늦어요. " * 300, due_in=timedelta(hours=1))
    desk.add("배송이 늦어요. " * 300, due_in=timedelta(hours=2))
    page.goto("/cases/1")
    page.keyboard.press("a")
    page.wait_for_selector("[data-undo]")

    # Below the header that stays, where it says what was decided.
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.activeElement.id") == "main"


def test_keys_are_taken_in_hangul_too(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/cases/1")
    typed = (
        "new KeyboardEvent('keydown', { key: '%s', code: '%s', bubbles: true, cancelable: true })"
    )
    page.evaluate(f"document.body.dispatchEvent({typed % ('ㄷ', 'KeyE')})")
    assert page.is_visible("#text")
    # Some systems say only that somebody's input method took it.
    page.evaluate(f"document.body.dispatchEvent({typed % ('Process', 'KeyA')})")
    page.wait_for_url("**/?decided=1")

    assert states(desk) == ["approved"]


def test_the_reply_stays_beside_a_long_review(desk: Desk, page: Page) -> None:
    case_id = desk.add("정말 실망입니다. " * 200)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"/cases/{case_id}")

    page.evaluate("document.querySelector('.review .tags').scrollIntoView({block: 'end'})")

    assert page.evaluate("scrollY") > 720
    box = page.locator("#approve-button").bounding_box()
    assert box is not None
    assert 0 < box["y"] < 720


def test_rejecting_brings_its_button_into_view(desk: Desk, page: Page) -> None:
    long = tuple(DraftSentence(f"안내드립니다 {n}.", SourceKind.COURTESY) for n in range(16))
    case_id = desk.add(reply=long)
    page.set_viewport_size({"width": 1280, "height": 600})
    page.goto(f"/cases/{case_id}")

    page.keyboard.press("r")

    box = page.get_by_role("button", name="반려하고 닫기").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 600


def test_rejection_by_keyboard_asks_for_a_reason(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/cases/1")
    page.keyboard.press("r")
    page.select_option("select[name=reason]", "답변이 필요 없는 글")
    page.click("text=반려하고 닫기")
    page.wait_for_url("**/?decided=1")

    assert states(desk) == ["rejected"]


def test_the_second_of_two_browsers_is_told_who_decided(
    desk: Desk, page: Page, chromium: Chromium, address: str
) -> None:
    desk.add()
    context = chromium.new_context(base_url=address, locale="ko-KR")
    other = context.new_page()
    other.goto("/cases/1")
    other.fill("#name", "이먼저")
    with other.expect_response("**/presence"):
        other.click("button.primary")
    desk.now += timedelta(seconds=5)
    with page.expect_response("**/presence"):
        page.goto("/cases/1")
    other.keyboard.press("a")
    other.wait_for_url("**/?decided=1")

    page.wait_for_selector("#others[data-held]")
    page.keyboard.press("a")
    page.keyboard.press("a")
    page.wait_for_selector(".notice.bad")

    assert "이먼저 님이" in page.inner_text(".notice.bad")
    assert len(desk.rows("SELECT * FROM decisions")) == 1
    context.close()


def test_typing_in_the_editor_triggers_no_shortcut(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/cases/1")
    page.keyboard.press("e")
    page.wait_for_selector("#text:focus")
    page.keyboard.type("a r u j k")

    assert states(desk) == ["drafted"]
    assert "a r u j k" in page.input_value("#text")


@pytest.mark.parametrize("path", ["/", "/cases/1", "/stats", "/alerts", "/collection", "/looks"])
def test_nothing_scrolls_sideways_on_a_phone(desk: Desk, page: Page, path: str) -> None:
    desk.add("가" * 300, product_name="아주긴상품이름" * 12)
    page.set_viewport_size({"width": 360, "height": 740})

    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_phone_breaks_no_word_of_a_list_and_shows_where_one_is(desk: Desk, page: Page) -> None:
    desk.add(severity=Severity.CRITICAL)
    with desk.database.unit_of_work() as connection:
        alerts.add(
            connection,
            [alerts.NewAlert("k", "case_card", "alpha", "console", {}, feedback_id=1)],
            now=desk.now,
            is_told=False,
        )
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/alerts", "/collection"):
        page.goto(path)
        last = page.locator("tbody tr >> nth=0").locator("td")
        heights = [cell.evaluate("cell => cell.offsetHeight") for cell in last.all()]
        assert max(heights) < 120
        current = page.locator(".top nav [aria-current]").bounding_box()
        assert current is not None
        assert current["x"] >= 0
        assert current["x"] + current["width"] <= 360
    # Below 16 pixels an iPhone enlarges the page on every touch of a field.
    page.goto("/")
    assert page.evaluate("parseFloat(getComputedStyle(one('#search')).fontSize)") >= 16


def test_a_phone_shows_cases_and_not_only_filters(desk: Desk, page: Page) -> None:
    desk.add()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/")

    first = page.locator("[data-case]").bounding_box()

    assert first is not None
    assert first["y"] + first["height"] < 740 / 2


def test_the_desk_works_without_its_script(desk: Desk, chromium: Chromium, address: str) -> None:
    case_id = desk.add()
    context = chromium.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/cases/{case_id}")
    page.fill("#name", "김승인")
    page.click("button.primary")
    # What needs the script is not offered, and what is lost without it is said.
    assert page.is_hidden("#alternatives")
    page.click("#edit summary")
    assert page.is_visible("noscript p")
    page.click("#approve-button")
    page.wait_for_url("**/?decided=1")
    desk.set_publication(case_id, "handed_off")
    page.goto("/handoffs")
    assert page.is_hidden("[data-copy]")

    assert states(desk) == ["approved"]
    context.close()


def test_replies_are_copied_for_pasting(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/cases/1")
    page.keyboard.press("a")
    page.wait_for_url("**/?decided=1")
    desk.set_publication(1, "handed_off")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/handoffs")

    page.click("text=답변 복사")
    page.wait_for_selector(".toast")

    copied = page.evaluate("navigator.clipboard.readText()")
    assert "배송이 늦어 불편을 드려 죄송합니다." in copied
    page.click("text=채널에 붙여 넣었습니다")
    page.wait_for_selector("text=직접 게시할 답변이 없습니다")
    assert states(desk) == ["answered"]


def test_demo_says_that_nothing_is_real(desk: Desk) -> None:
    desk.context = replace(desk.context, is_demo=True)

    assert "데모입니다" in Browser(desk).get("/").text


def test_the_editor_says_what_may_not_be_promised_while_it_is_written(
    desk: Desk, page: Page
) -> None:
    desk.add()
    page.goto("/cases/1")
    page.keyboard.press("e")
    page.fill("#text", "무조건 환불해 드리겠습니다.")

    page.wait_for_selector("#findings li.blocking")

    assert "예외 없는 약속" in page.inner_text("#findings")
    assert not desk.rows("SELECT * FROM decisions")


def test_another_draft_can_be_taken_into_the_editor(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/cases/1")
    page.click("#alternatives summary")
    page.click("[data-take] >> nth=1")

    taken = page.locator(".alternative .reply").nth(1).inner_text()

    assert page.input_value("#text") == taken


def test_a_colleague_on_the_same_case_is_named(
    desk: Desk, page: Page, chromium: Chromium, address: str
) -> None:
    desk.add()
    with page.expect_response("**/presence"):
        page.goto("/cases/1")
    desk.now += timedelta(seconds=5)
    context = chromium.new_context(base_url=address, locale="ko-KR")
    other = context.new_page()
    other.goto("/cases/1")
    other.fill("#name", "이동료")
    other.click("button.primary")

    other.wait_for_selector("#others[data-held]:has-text('김승인')")
    # Who came second is asked twice.
    other.keyboard.press("a")
    other.wait_for_selector(".toast")
    assert states(desk) == ["drafted"]
    other.keyboard.press("a")
    other.wait_for_url("**/?decided=1")
    assert states(desk) == ["approved"]
    context.close()


def test_previous_and_next_by_keyboard(desk: Desk, page: Page) -> None:
    for number in range(3):
        desk.add(due_in=timedelta(hours=number + 1))
    page.goto("/cases/2")
    page.keyboard.press("k")
    page.wait_for_url("**/cases/1")
    page.keyboard.press("j")
    page.wait_for_url("**/cases/2")
    page.keyboard.press("j")
    page.wait_for_url("**/cases/3")


def test_slash_finds_and_question_mark_helps(desk: Desk, page: Page) -> None:
    desk.add("환불해 주세요", categories=())
    desk.add("배송이 늦어요")
    page.goto("/")
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("환불")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=%ED%99%98%EB%B6%88**")

    assert page.locator("[data-case]").count() == 1


def test_a_filter_is_chosen_by_keyboard_step_by_step(desk: Desk, page: Page) -> None:
    desk.add()
    page.goto("/")
    page.focus("select[name=severity]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    assert page.input_value("select[name=severity]") == "high"
    assert page.url.endswith("/")

    page.focus(".filters button")
    page.keyboard.press("Enter")
    page.wait_for_url("**severity=high**")


def test_a_brand_viewer_attacking_another_brand_sees_nothing(
    desk: Desk, chromium: Chromium, address: str
) -> None:
    secret = "베타 고객의 비밀"
    foreign = desk.add(secret, brand="beta", categories=())
    desk.add(brand="alpha")
    desk.person("viewer", Role.BRAND_VIEWER)
    context = chromium.new_context(base_url=address, locale="ko-KR")
    page = context.new_page()
    page.goto("/")
    page.fill("#login", "viewer")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_selector("h1:has-text('알파')")

    for path in (f"/cases/{foreign}", "/?brand=beta", "/alerts", "/stats", "/collection"):
        page.goto(path)
        assert secret not in page.content()
        assert "베타" not in page.content()
    assert approves(page, foreign) == 403
    assert not desk.rows("SELECT * FROM decisions")
    context.close()


def test_a_brand_approver_cannot_decide_for_another_brand(
    desk: Desk, chromium: Chromium, address: str
) -> None:
    foreign = desk.add(brand="beta", categories=())
    own = desk.add(brand="alpha")
    desk.person("owner", Role.BRAND_APPROVER)
    context, page = signed_in(chromium, address, "owner")
    page.goto("/")

    assert approves(page, foreign) == 404
    assert not desk.rows("SELECT * FROM decisions")
    # The same request decides what is theirs: the brand alone was in the way.
    assert approves(page, own) == 200
    assert [row["case_id"] for row in desk.rows("SELECT case_id FROM decisions")] == [own]
    context.close()


def approves(page: Page, case_id: int) -> int:
    """Send an approval by hand; gives the answer's status, after redirects."""
    return int(
        page.evaluate(
            """async (id) => {
                const token = document.querySelector("[name=form_token]").value;
                const body = new URLSearchParams({ form_token: token, draft_number: 1,
                    feedback_revision: 1, text: "불편을 드려 죄송합니다.\\n알파 고객지원팀 드림" });
                const answer = await fetch(`/cases/${id}/approve`, { method: "POST", body });
                return answer.status;
            }""",
            case_id,
        )
    )


def signed_in(
    chromium: Chromium, address: str, login: str, width: int = 1280
) -> tuple[BrowserContext, Page]:
    """Give a page of somebody who has signed in."""
    context = chromium.new_context(
        base_url=address, locale="ko-KR", viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_selector("main:not(.card)")
    return context, page


def test_what_is_typed_outlives_the_session_it_was_typed_in(
    desk: Desk, chromium: Chromium, address: str
) -> None:
    desk.person("kim")
    desk.person("lee")
    case_id = desk.add()
    reply = "공들여 쓴 답변입니다.\n알파 고객지원팀 드림"
    context, page = signed_in(chromium, address, "kim")
    page.goto(f"/cases/{case_id}")
    page.click("#edit summary")
    page.fill("#text", reply)
    with desk.database.unit_of_work() as connection:
        connection.exec_driver_sql("DELETE FROM sessions")

    page.click("#approve-button")
    page.wait_for_selector("#approve .kept")
    assert "로그인이 끝나" in page.inner_text(".kept")
    assert page.input_value("#text") == reply

    with context.expect_page() as opened:
        page.click(".kept a")
    other = opened.value
    other.fill("#login", "lee")
    other.fill("#password", PASSWORD)
    other.click("button.primary")
    other.wait_for_selector("main:not(.card)")
    page.click("#approve-button")
    page.wait_for_selector(".kept:has-text('Lee 님으로')")
    assert page.inner_text(".who a[href='/me']") == "Lee"
    assert page.input_value("#text") == reply
    assert not desk.rows("SELECT * FROM decisions")

    page.click("#approve-button")
    page.wait_for_url("**decided=**")
    [decision] = desk.rows("SELECT * FROM decisions")
    assert (decision["text"], decision["decided_by"]) == (reply, "Lee (lee)")
    context.close()


def test_what_is_being_written_outlives_the_other_forms_of_the_page(
    desk: Desk, chromium: Chromium, address: str
) -> None:
    case_id = desk.add("야! 멍청이들아 배송이 늦잖아", abuse_spans=(Span(3, 7),))
    desk.add(due_in=timedelta(hours=9))
    desk.person("kim")
    reply = "공들여 쓴 답변입니다.\n알파 고객지원팀 드림"
    context, page = signed_in(chromium, address, "kim")
    page.goto(f"/cases/{case_id}")
    page.keyboard.press("r")
    page.fill("#reject [name=detail]", "이미 전화로 답함")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    page.fill("#text", reply)

    page.click("#mine button")
    page.wait_for_selector(".owner:has-text('담당 Kim')")
    assert page.input_value("#text") == reply
    assert page.is_visible("#text")
    assert page.input_value("#reject [name=detail]") == "이미 전화로 답함"
    assert "수정 후 승인" in page.inner_text("#approve-button")

    page.click("text=가린 말 보기")
    page.wait_for_selector("text=멍청이")
    assert page.url.partition("?")[0].endswith(f"/cases/{case_id}")
    # It waits, and takes no keys that were meant for the page.
    page.keyboard.press("j")
    page.wait_for_url("**/cases/2")
    assert page.input_value("#text") != reply
    page.keyboard.press("k")
    page.wait_for_url(f"**/cases/{case_id}")
    assert page.input_value("#text") == reply

    # Whoever leaves the desk is asked first, as long as it is not sent.
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => location.assign('/stats'))")
    assert asked.value.type == "beforeunload"
    page.click("#approve-button")
    page.wait_for_url("**decided=**")
    [decision] = desk.rows("SELECT * FROM decisions")
    assert decision["text"] == reply
    page.click("text=통계")
    page.wait_for_url("**/stats")
    context.close()


def test_a_reply_typed_on_a_case_goes_with_its_rejection_and_no_other(
    desk: Desk, page: Page
) -> None:
    rejected, other = desk.add(due_in=timedelta(hours=1)), desk.add(due_in=timedelta(hours=2))
    reply = "공들여 쓴 답변입니다.\n알파 고객지원팀 드림"
    asked = leaves(page)
    page.goto(f"/cases/{other}")
    page.keyboard.press("e")
    page.fill("#text", reply)
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.wait_for_url(f"**/cases/{rejected}")
    page.keyboard.press("e")
    page.fill("#text", reply)
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.select_option("select[name=reason]", "답변이 필요 없는 글")
    page.click("text=반려하고 닫기")
    page.wait_for_url(f"**/cases/{other}?decided={rejected}")
    assert states(desk) == ["rejected", "drafted"]
    assert page.input_value("#text") == reply

    page.fill("#text", "불편을 드려 죄송합니다.\n알파 고객지원팀 드림")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.select_option("select[name=reason]", "답변이 필요 없는 글")
    page.click("text=반려하고 닫기")
    page.wait_for_url(f"**/?decided={other}")
    page.click("text=통계")
    page.wait_for_url("**/stats")

    assert states(desk) == ["rejected", "rejected"]
    assert asked == []


def test_a_reply_typed_for_a_case_somebody_else_decided_is_shown_and_not_asked_about(
    desk: Desk, page: Page
) -> None:
    first, second = desk.add(due_in=timedelta(hours=1)), desk.add(due_in=timedelta(hours=2))
    asked = leaves(page)
    other = Browser(desk, "이먼저")

    # Seen on coming back to it.
    page.goto(f"/cases/{first}")
    page.keyboard.press("e")
    page.fill("#text", "쓰던 답변 하나")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector(f"h1:has-text('#{second}')")
    other.post(f"/cases/{first}/approve", **decision_form(desk, first))
    page.keyboard.press("k")
    page.wait_for_selector(".draft .notice:has-text('쓰던 답변 하나')")

    # Said on sending it.
    page.goto(f"/cases/{second}")
    page.keyboard.press("e")
    page.fill("#text", "쓰던 답변 둘")
    other.post(f"/cases/{second}/approve", **decision_form(desk, second))
    page.click("#approve-button")
    page.wait_for_selector(".notice.bad:has-text('쓰던 답변 둘')")
    page.click("text=통계")
    page.wait_for_url("**/stats")

    assert asked == []


def test_odd_feedback_is_worked_through_by_keyboard(desk: Desk, page: Page) -> None:
    for number in range(30):
        desk.now += timedelta(seconds=1)
        desk.add(
            f"{number}번째 글",
            rating=1,
            sentiment=Sentiment.POSITIVE,
            mismatch=True,
            categories=(),
        )
    page.goto("/looks")
    # Nothing is chosen, so nothing is settled.
    page.keyboard.press("o")
    for _ in range(22):
        page.keyboard.press("j")
    assert page.inner_text(".at .review-text") == "8번째 글"
    before = page.evaluate("scrollY")
    assert before > 0

    page.keyboard.press("o")
    page.wait_for_selector(".at .review-text:text-is('7번째 글')")
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.activeElement.className").endswith("at")
    page.keyboard.press("c")
    page.wait_for_selector(".at .review-text:text-is('6번째 글')")

    left = desk.rows("SELECT text FROM feedback WHERE NOT needs_look ORDER BY id")
    assert [row["text"] for row in left] == ["7번째 글", "8번째 글"]
    assert len(desk.rows("SELECT * FROM cases")) == 1


def test_what_was_seen_of_one_reply_outlives_the_record_of_another(desk: Desk, page: Page) -> None:
    for case_id in (desk.add(), desk.add()):
        page.goto(f"/cases/{case_id}")
        page.keyboard.press("a")
        page.wait_for_url("**decided=**")
        desk.set_publication(case_id, "attention")
    page.goto("/attention")
    first, second = page.locator("form.decide").all()
    for form in (first, second):
        form.locator("[value=published]").check()
        form.locator("[name=seen]").fill("답변이 보임")

    first.locator("button").click()
    page.wait_for_selector("form.decide >> nth=1", state="detached")

    assert page.is_checked("[value=published]")
    assert page.input_value("[name=seen]") == "답변이 보임"


def test_it_is_said_how_many_cases_are_decided_at_once(desk: Desk, page: Page) -> None:
    for _ in range(3):
        desk.add(reply=PLAIN)
    page.goto("/")
    boxes = page.locator("[name=picked]")
    for box in boxes.all():
        box.check()
    assert "고른 3건을" in page.inner_text(".bulk")
    boxes.nth(1).uncheck()
    assert "고른 2건을" in page.inner_text(".bulk")


def test_enter_in_a_checkbox_decides_nothing(desk: Desk, page: Page) -> None:
    for _ in range(2):
        desk.add(reply=PLAIN)
    page.goto("/")
    page.focus("[name=picked] >> nth=0")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert page.is_checked("[name=picked] >> nth=0")

    # Rejecting asks for its reason on the spot, approving does not.
    page.click("button[value=reject]")
    page.wait_for_timeout(300)
    assert page.is_checked("[name=picked] >> nth=0")
    assert states(desk) == ["drafted", "drafted"]
    page.click("button[value=approve]")
    page.wait_for_selector("text=1건을 승인했습니다")


def serious_violations(page: Page) -> list[tuple[str, str, str]]:
    """Give what axe finds on a page, and whether it scrolls sideways."""
    from axe_playwright_python.sync_playwright import Axe

    place = page.url.partition("//")[2].partition("/")[2]
    violations = Axe().run(page).response["violations"]
    found = [
        (place, violation["id"], violation["nodes"][0]["html"][:200])
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append((place, "scrolls sideways", ""))
    return found


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_no_serious_violation(desk: Desk, page: Page, width: int) -> None:
    desk.add(mismatch=True, severity=Severity.CRITICAL, due_in=-timedelta(hours=1))
    desk.add(severity=Severity.HIGH, due_in=timedelta(hours=1))
    desk.add("이 멍청이들아 배송이 늦잖아", abuse_spans=(Span(2, 6),))
    desk.add("굿", rating=1, sentiment=Sentiment.POSITIVE, mismatch=True, categories=())
    page.set_viewport_size({"width": width, "height": 800})

    serious = []
    for path in (
        "/",
        "/cases/1",
        "/cases/3",
        "/looks",
        "/alerts",
        "/collection",
        "/stats",
        "/name",
    ):
        page.goto(path)
        serious += serious_violations(page)

    assert serious == []


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_no_serious_violation_where_people_sign_in(
    desk: Desk, chromium: Chromium, address: str, width: int
) -> None:
    desk.person("kim", Role.LEAD)
    desk.person("ops", Role.OPERATOR)
    waiting, lost = desk.add(), desk.add()
    desk.add(reply=PLAIN)
    promise = desk.add(reply=(DraftSentence("쿠폰을 드리겠습니다.", SourceKind.COURTESY),))
    desk.add("야! 멍청이들아", native_id="edited", abuse_spans=(Span(3, 7),), rating=5)
    edited = desk.add("배송이 안 와요", native_id="edited", rating=1)

    anybody = chromium.new_context(
        base_url=address, locale="ko-KR", viewport={"width": width, "height": 800}
    )
    page = anybody.new_page()
    page.goto("/sign-in")
    serious = serious_violations(page)
    page.fill("#login", "kim")
    page.fill("#password", "not the password")
    page.click("button.primary")
    page.wait_for_selector("[role=alert]")
    serious += serious_violations(page)
    anybody.close()

    context, page = signed_in(chromium, address, "kim", width)
    for case_id, state in ((waiting, "handed_off"), (lost, "attention")):
        page.goto(f"/cases/{case_id}")
        page.click("#approve-button")
        page.wait_for_url("**decided=**")
        desk.set_publication(case_id, state)
    for path, shows in (
        ("/handoffs", "article"),
        ("/attention", "article"),
        ("/me", "form.stacked"),
        (f"/cases/{edited}", ".earlier del"),
        ("/cases/999", ".gate [role=alert]"),
        ("/audit", ".gate [role=alert]"),
    ):
        page.goto(path)
        page.wait_for_selector(shows)
        serious += serious_violations(page)
    page.goto("/me")
    page.click("text=설정하기")
    page.wait_for_selector("svg.qr")
    serious += serious_violations(page)
    page.goto("/")
    for box in page.locator("[name=picked]").all():
        box.check()
    page.click("button[value=approve]")
    page.wait_for_selector(f"a[href='/cases/{promise}?']")
    serious += serious_violations(page)
    context.close()

    context, page = signed_in(chromium, address, "ops", width)
    page.goto("/audit")
    page.wait_for_selector("td time")
    serious += serious_violations(page)
    context.close()

    assert serious == []


def test_a_phone_can_photograph_the_secret_of_one_time_codes(desk: Desk, page: Page) -> None:
    desk.person("kim")
    page.goto("/me")
    page.fill("[name=login]", "kim")
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    page.goto("/me")
    page.click("text=설정하기")
    box = page.locator("svg.qr").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] > 200
    # The squares are drawn although the policy forbids inline styles.
    assert page.locator("svg.qr path").count() == 2


def test_a_specialist_takes_nobodys_cases_by_keyboard_and_sees_their_own(
    desk: Desk, chromium: Chromium, address: str
) -> None:
    nobodys, other = desk.add(due_in=timedelta(hours=1)), desk.add(due_in=timedelta(hours=2))
    kim = desk.person("kim")
    context = chromium.new_context(base_url=address, locale="ko-KR")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/sign-in")
    page.fill("[name=login]", "kim")
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_selector("[data-queue]")

    # A page that is loaded whole has its script.
    page.goto("/")
    page.select_option("select[name=owner]", "nobody")
    page.wait_for_url("**/?*owner=nobody*")
    assert page.locator("[data-case]").count() == 2
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#mine")
    page.wait_for_load_state()
    page.keyboard.press("m")
    page.wait_for_selector(".owner:has-text('담당 Kim')")
    assert page.url.endswith(f"/cases/{nobodys}?owner=nobody")

    page.goto("/")
    page.select_option("select[name=owner]", "me")
    page.wait_for_url("**/?*owner=me*")
    assert page.locator("[data-case]").count() == 1
    assert page.locator(f"a[href^='/cases/{nobodys}?']").count() == 1
    owners = [desk.case(case_id)["owner_id"] for case_id in (nobodys, other)]
    assert owners == [kim, None]
    context.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_pages_with_owners_are_usable_by_everybody(
    desk: Desk, chromium: Chromium, address: str, width: int
) -> None:
    desk.person("kim", Role.LEAD)
    desk.person("lee", Role.TEMPORARY, valid_until=desk.now + timedelta(days=9))
    case_id = desk.add(reach=12_345)
    desk.person("ops", Role.OPERATOR)
    serious = []
    for login, paths in (
        ("kim", ("/?sort=reach&owner=1", f"/cases/{case_id}", "/brands/alpha")),
        ("ops", ("/people",)),
    ):
        context, page = signed_in(chromium, address, login, width)
        for path in paths:
            page.goto(path)
            serious += serious_violations(page)
        context.close()

    assert serious == []
