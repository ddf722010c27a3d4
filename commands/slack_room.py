"""The review room in Slack: what happens after a click.

Both ways in, Socket Mode and signed HTTP, end here; both answer Slack before any work begins. A
click that is lost with its process leaves the card's buttons, so the person clicks again; a click
that comes twice meets a case that is decided.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.responses import JSONResponse

from alerts.blocks import (
    REJECT_REASONS,
    ModalContext,
    edit_modal,
    loading_modal,
    message_modal,
    notice,
    reject_modal,
)
from alerts.interactions import (
    SlackAction,
    SlackDecision,
    acknowledgement,
    parse_body,
    replay_key,
    verify_signature,
)
from alerts.rules import AlertRule
from console import deciding
from console.access import person_of
from domain.errors import (
    BadInputError,
    ConfigurationError,
    DecisionRefusedError,
    RateLimitedError,
    ReputationError,
)
from domain.states import CaseState
from domain.types import AnswerState
from storage import alerts, cases, people, proposals, turns
from storage.session import DatabaseError

if TYPE_CHECKING:
    from alerts.blocks import View
    from alerts.slack import ModalReceipt, SlackClient
    from console.access import Person
    from console.context import ConsoleContext
    from storage.cases import CaseView
    from storage.proposals import Proposal
    from workers.runtime import Runtime

log = structlog.get_logger()

MAX_BODY_BYTES = 1_000_000
ANSWERS = turns.Pace("chat.postEphemeral", timedelta(seconds=0.7), timedelta(seconds=7))
"""At most 95 in any minute: below Slack's 100.

Not one at a time: nobody shall miss an answer because another is under way. None is made again,
so one that meets Slack's wish to wait is lost, as it would be if it were kept back.
"""
STRANGER = "이 Slack 계정은 평판에 등록되어 있지 않습니다. 운영자에게 등록을 요청해 주세요."
NOT_ALLOWED = "이 브랜드의 답변을 결정할 권한이 없습니다."
BACK_TO_AGENCY = "고친 답변을 에이전시에 보냈습니다. 에이전시가 승인하면 다시 승인을 요청합니다."
OTHER_WORDS = "카드의 답변이 그사이 바뀌었습니다. 바뀐 카드를 읽고 다시 눌러 주세요."
EXPIRED = "시간이 지나 창을 열 수 없습니다. 버튼을 다시 눌러 주세요."


class SlackRoom:
    """Decides for whoever clicks, with the same checks as the console.

    Args:
        runtime: This process's tools, with a Slack client.
        context: The console's tools: one set of rules for both rooms.
    """

    def __init__(self, runtime: Runtime, context: ConsoleContext) -> None:
        if runtime.slack is None:
            raise ConfigurationError("the Slack room needs PYEONGPAN_SLACK_BOT_TOKEN")
        self._slack: SlackClient = runtime.slack
        self._runtime = runtime
        self._context = context

    def handle(self, click: SlackDecision, *, once: str = "") -> None:
        """Do what a click or a submitted modal asks for, and tell the person what came of it.

        Args:
            click: Who asks for what.
            once: Key of the request that brought it; one that was seen before does nothing.
        """
        if click.errors or click.action is SlackAction.OPEN:
            return
        # A replay opens no second modal: Slack takes a trigger once.
        opened = self._open_modal(click)
        try:
            if once and not self._is_first(once, click):
                return
            answer = self._decide(click, opened)
        except DecisionRefusedError as refusal:
            answer = str(refusal)
        except (ReputationError, DatabaseError) as error:
            log.warning("slack_click_failed", case_id=click.case_id, error=str(error))
            answer = "지금은 처리할 수 없습니다. 잠시 뒤 다시 시도하거나 콘솔에서 결정해 주세요."
        self._runtime.poke()
        if answer:
            self._say(click, opened, answer)

    def _is_first(self, key: str, click: SlackDecision) -> bool:
        with self._runtime.database.unit_of_work() as connection:
            is_first = alerts.first_sight(connection, key, now=self._runtime.clock())
        if not is_first:
            log.warning("slack_request_replayed", case_id=click.case_id)
        return is_first

    def _open_modal(self, click: SlackDecision) -> ModalReceipt | None:
        """Open a modal at once: its trigger lives three seconds, whatever the database does."""
        if click.action not in {SlackAction.EDIT, SlackAction.REJECT}:
            return None
        try:
            return self._slack.open_modal(click.trigger_id, loading_modal())
        except ReputationError as error:
            log.warning("slack_modal_not_opened", case_id=click.case_id, error=str(error))
            return None

    def _decide(self, click: SlackDecision, opened: ModalReceipt | None) -> str:
        """Check who clicks, then act; gives what to tell the person, or nothing."""
        now = self._runtime.clock()
        with self._runtime.database.reading() as connection:
            account = people.by_slack(connection, click.slack_user_id, now=now)
            view = cases.load_view(connection, click.case_id)
        if account is None:
            return STRANGER
        person = person_of(self._context, account)
        if view is None or view.case.brand not in person.brands:
            return "없는 케이스입니다."
        if click.action is SlackAction.READ:
            return self._read(click, person)
        if not person.decides:
            return NOT_ALLOWED
        if click.action is SlackAction.SHOW:
            with self._runtime.database.unit_of_work() as connection:
                shown = alerts.tell_after_all(
                    connection, click.case_id, AlertRule.CASE_CARD, who=person.name, now=now
                )
            return "" if shown else "이 케이스의 카드는 이미 있습니다."
        if click.action in {SlackAction.EDIT, SlackAction.REJECT}:
            return self._fill_modal(click, view, person, opened)
        if click.action is SlackAction.SUBMIT_REJECT:
            return self._reject(click, view, person)
        if click.action is SlackAction.CONFIRM:
            brand = self._context.brands[view.case.brand]
            deciding.confirm(self._context, brand, self._decision(click, view, person))
            return ""
        return self._approve(click, view, person)

    def _reply(self, view: CaseView) -> tuple[str, Proposal | None]:
        """Give the words that stand on the case's card now, and whose proposal they are."""
        with self._runtime.database.reading() as connection:
            waiting = proposals.proposal_of(connection, view.case)
        return (view.draft_text if waiting is None else waiting.text), waiting

    def _approve(self, click: SlackDecision, view: CaseView, person: Person) -> str:
        text = click.text
        if click.action is SlackAction.APPROVE:
            text, waiting = self._reply(view)
            proposal = 0 if waiting is None else waiting.id
            if proposal != click.proposal and view.state is CaseState.DRAFTED:
                # Nobody approves words that were not on the card.
                raise DecisionRefusedError(OTHER_WORDS, "draft")
        brand = self._context.brands[view.case.brand]
        outcome = deciding.approve(
            self._context, person, brand, self._decision(click, view, person), text
        )
        blocking = [finding.reason for finding in outcome.findings if finding.is_blocking]
        if blocking:
            return "승인할 수 없습니다: " + " / ".join(blocking)
        if outcome.proposed_for == "rewrite":
            return BACK_TO_AGENCY
        if outcome.proposed_for:
            asked = proposals.WAITS_FOR[outcome.proposed_for]
            return f"{asked}을 요청했습니다. 필요한 승인이 모두 나면 게시됩니다."
        return ""

    def _reject(self, click: SlackDecision, view: CaseView, person: Person) -> str:
        reason = ": ".join(part for part in (REJECT_REASONS[click.reason], click.text) if part)
        with self._runtime.database.unit_of_work() as connection:
            cases.reject(
                connection,
                self._decision(click, view, person, reason=reason),
                now=self._runtime.clock(),
            )
        return ""

    def _decision(
        self,
        click: SlackDecision,
        view: CaseView,
        person: Person,
        *,
        reason: str = "",
    ) -> cases.Decision:
        return cases.Decision(
            case_id=click.case_id,
            # What was on the card, not what is now: a newer draft refuses the click.
            draft_number=click.revision,
            feedback_revision=view.case.feedback_revision,
            decided_by=person.name,
            decided_in="slack",
            reason=reason,
        )

    def _fill_modal(
        self, click: SlackDecision, view: CaseView, person: Person, opened: ModalReceipt | None
    ) -> str:
        if opened is None:
            return EXPIRED
        context = ModalContext(
            case_id=click.case_id,
            revision=click.revision,
            channel_id=click.container.channel_id,
            message_ts=click.container.message_ts,
        )
        filled: View
        if click.action is SlackAction.REJECT:
            filled = reject_modal(context)
        else:
            rules = self._context.rules_of(view.case)
            if rules.state in {AnswerState.CONFIRM, AnswerState.CLOSED}:
                # Nobody shall write what the channel will not take.
                return rules.state_reason
            text, waiting = self._reply(view)
            brand = self._context.brands[view.case.brand]
            if why_not := deciding.not_yet(person, brand, waiting):
                # Nor what is lost as soon as they send it.
                return why_not
            filled = edit_modal(
                text,
                rules,
                context,
                f"{self._context.console_url}/cases/{click.case_id}",
            )
        self._slack.update_modal(opened, filled)
        return ""

    def _read(self, click: SlackDecision, person: Person) -> str:
        with self._runtime.database.unit_of_work() as connection:
            alerts.note_read(
                connection,
                click.case_id,
                AlertRule.BRAND_SAFETY,
                by=person.name,
                now=self._runtime.clock(),
            )
        return ""

    def _say(self, click: SlackDecision, opened: ModalReceipt | None, answer: str) -> None:
        try:
            if opened is not None:
                self._slack.update_modal(opened, message_modal("평판", answer))
            elif click.container.channel_id and self._may_answer():
                self._slack.reply_ephemeral(
                    click.container.channel_id, click.slack_user_id, notice(answer)
                )
        except RateLimitedError as error:
            if opened is None:
                self._pause_answers(error.retry_after_s or 0.0)
            log.warning("slack_answer_lost", case_id=click.case_id, error=str(error))
        except (ReputationError, DatabaseError) as error:
            log.warning("slack_answer_lost", case_id=click.case_id, error=str(error))

    def _may_answer(self) -> bool:
        """Tell whether Slack takes one more answer; nobody waits for one, so it is not kept."""
        with self._runtime.database.unit_of_work() as connection:
            return turns.allow(connection, ANSWERS, 1, now=self._runtime.clock()) > 0

    def _pause_answers(self, seconds: float) -> None:
        now = self._runtime.clock()
        with self._runtime.database.unit_of_work() as connection:
            turns.pause(connection, ANSWERS, now=now, until=now + timedelta(seconds=seconds))


def build_router(room: SlackRoom, runtime: Runtime, signing_secret: str) -> APIRouter:
    """Give the route for Slack's signed HTTP requests.

    Args:
        room: Does the work, after Slack was answered.
        runtime: For the clock.
        signing_secret: The app's.
    """
    router = APIRouter()

    @router.post("/slack/interactions", include_in_schema=False)
    async def interact(request: Request, tasks: BackgroundTasks) -> Response:
        body = await request.body()
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        if len(body) > MAX_BODY_BYTES or not verify_signature(
            signing_secret, timestamp, body, signature, runtime.clock()
        ):
            return Response(status_code=401)
        try:
            click = parse_body(body)
        except BadInputError as error:
            log.warning("slack_request_refused", error=str(error))
            return Response(status_code=400)
        # Whether it was seen before is asked after the answer: Slack waits three seconds at
        # most, and a database may take longer.
        tasks.add_task(room.handle, click, once=replay_key(timestamp, signature))
        answer = acknowledgement(click)
        return Response(status_code=200) if answer is None else JSONResponse(answer)

    return router
