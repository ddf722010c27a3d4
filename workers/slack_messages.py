"""What a stored alert looks like in Slack, rendered when it is sent: as the case is then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.blocks import (
    APPROVE,
    APPROVE_REWRITTEN,
    REVIEW,
    AlarmKind,
    CaseCard,
    CaseLine,
    Colleague,
    Decision,
    DecisionKind,
    DigestCounts,
    DigestPeriod,
    SlackMessage,
    brand_alert,
    burst_parent,
    case_card,
    decided_card,
    digest,
    edited_after_reply,
    notice,
    operator_alarm,
    overdue_alert,
    request_over,
    requests_parent,
    surge_alert,
)
from alerts.escape import hide
from alerts.rules import SINGLE_ALERT_AGE, AlertRule
from alerts.wording import when
from domain.states import CaseState, PublicationState
from domain.types import CHANNEL_NAMES, ComplaintCategory, FeedbackKind, ReplyAction, Severity
from storage import accounts, alerts, cases, health, owners, proposals
from storage.analyses import EDITED_AFTER_REPLY, analysis_from_row
from storage.feedback import whole_text
from storage.people import Role
from workers.draft import rules_of
from workers.notices import BURST_IS_OVER, BURSTS, ESCALATED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from domain.brands import Brand
    from storage.alerts import AlertJob
    from storage.cases import CaseView
    from storage.people import Account
    from storage.proposals import Proposal
    from storage.session import Connection
    from workers.runtime import Runtime

LINES = 15
_PROPOSALS = 20
_DRAFTED_WITHIN = timedelta(hours=1)
"""How long before its digest was asked for, by a first draft, what is in it was collected."""
_UNSENT = {
    PublicationState.QUEUED: "승인한 답변을 채널이 받지 않음",
    PublicationState.HANDED_OFF: "직접 게시 필요",
    PublicationState.ATTENTION: "게시 여부 확인 필요",
}
_DONE = {
    CaseState.OPENED: "글을 분류했고 답변 초안을 만들고 있습니다. 승인 전에는 아무것도 게시되지 않습니다.",
    CaseState.DRAFTED: "글을 분류했고 답변 초안을 만들었습니다. 승인 전에는 아무것도 게시되지 않습니다.",
    CaseState.APPROVED: "답변이 승인되어 게시를 기다립니다.",
    CaseState.ANSWERED: "답변을 게시했고 채널에서 확인했습니다.",
    CaseState.REJECTED: "담당자가 답변하지 않기로 했습니다.",
    CaseState.ANSWERED_ELSEWHERE: "채널에서 이미 답변되었습니다.",
    CaseState.GONE: "고객이 글을 지웠습니다.",
}
_NOTHING_LEFT = "결정하실 일이 없습니다. 내용만 확인해 주세요."
_ALL_DONE = "답변 기한을 알려 드리려던 케이스가 그사이 모두 처리되었습니다."
IN_TURN = (
    (AlertRule.BRAND_SAFETY,),
    (AlertRule.BRAND_SEVERITY, AlertRule.BRAND_ASKED),
    (AlertRule.CASE_CARD, AlertRule.REWRITTEN),
)
"""What stands in Slack about one case, and is updated until the case is closed: each kind in turn."""
FOLLOW_CASES = tuple(rule for kind in IN_TURN for rule in kind)
_ASKS_FOR = {AlertRule.BRAND_ASKED: APPROVE, AlertRule.REWRITTEN: APPROVE_REWRITTEN}
"""The notices of a proposal, and what each asks for."""
_MOST_ASKED = 1000
"""Of one thread, or of one brand; none has as many."""
_CLOSED_BECAUSE = {
    CaseState.ANSWERED_ELSEWHERE: "채널에서 이미 답변되었습니다.",
    CaseState.GONE: "고객이 글을 지웠습니다.",
}
DIGEST_PERIODS = {
    AlertRule.DAILY_DIGEST: DigestPeriod.DAILY,
    AlertRule.WEEKLY_DIGEST: DigestPeriod.WEEKLY,
}
_ALARMS = {
    AlertRule.LAYOUT_CHANGED: (AlarmKind.LAYOUT_CHANGED, "/collection"),
    AlertRule.PUBLICATION_UNCERTAIN: (AlarmKind.PUBLICATION_UNCERTAIN, "/attention"),
    AlertRule.CREDENTIALS: (AlarmKind.CREDENTIALS, "/collection"),
    AlertRule.MAIL_UNDELIVERED: (AlarmKind.MAIL_UNDELIVERED, "/alerts"),
}
"""Each alarm, and the console's page on which it is settled."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it is now.

    Attributes:
        shown: What it says, in one word; compared to notice that it is outdated.
        is_final: Nothing about it will change any more.
    """

    message: SlackMessage
    shown: str = ""
    is_final: bool = True


def render(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
    """Build the message of one alert.

    Raises:
        ConfigurationError: The brand's folder is gone.
    """
    rule = AlertRule(job.rule)
    if rule in _ALARMS:
        brand = runtime.brand(job.brand)
        subject, detail = job.payload["subject"], job.payload["detail"]
        kind, page = _ALARMS[rule]
        message = operator_alarm(
            AlarmKind(job.payload.get("kind", kind)),
            brand.name,
            subject,
            detail,
            f"{runtime.console_url}{page}",
            remedy=job.payload.get("remedy", ""),
        )
        return Rendered(message)
    if rule in _PER_BRAND:
        return _PER_BRAND[rule](runtime, job, now)
    with runtime.database.reading() as connection:
        view = cases.load_view(connection, job.payload["case_id"])
        if view is None:
            return Rendered(notice("삭제된 케이스입니다."))
        waiting = _waiting_of(connection, view)
        unsent = unsent_of(connection, view)
    # The same word as of ``alerts.outdated_cards``.
    word = [view.state, str(view.case.draft_number)]
    if waiting is not None:
        word.append(str(waiting.id))
    if unsent is not None:
        word.append(unsent)
    if job.read_at is not None:
        word.append("read")
    if rule is AlertRule.EDITED_AFTER_REPLY:
        card = replace(card_of(runtime, view), due_at=None)
        return Rendered(edited_after_reply(card, now, f"{runtime.console_url}/looks"))
    wants_receipt = bool(job.payload.get("wants_receipt"))
    is_over = _is_over(job, view, waiting)
    if is_over:
        message = request_over(card_of(runtime, view), _came_instead(view, waiting), now)
    elif rule is AlertRule.CASE_CARD or rule in _ASKS_FOR:
        asks_for = _ASKS_FOR.get(rule, REVIEW)
        message = _case_card(runtime, view, waiting, unsent, now, asks_for=asks_for)
    else:
        done, to_decide = tell_brand(runtime, view, unsent)
        message = brand_alert(
            card_of(runtime, view),
            now,
            done=done,
            to_decide=to_decide,
            wants_receipt=wants_receipt,
            read_by=job.read_by,
            read_at=job.read_at,
        )
    is_final = is_over or (
        view.state in cases.CLOSED_STATES
        and view.note != EDITED_AFTER_REPLY
        and (not wants_receipt or job.read_at is not None)
    )
    return Rendered(message, ":".join(word), is_final)


def is_settled(runtime: Runtime, job: AlertJob) -> bool:
    """Tell whether a notice asks for an approval that nobody waits for any more."""
    if job.rule not in _ASKS_FOR:
        return False
    with runtime.database.reading() as connection:
        view = cases.load_view(connection, job.payload["case_id"])
        return view is None or not _is_current(job, _waiting_of(connection, view))


def _waiting_of(connection: Connection, view: CaseView) -> Proposal | None:
    """Give the proposal that waits about a case's draft, if one does."""
    if view.state is not CaseState.DRAFTED:
        return None
    return proposals.proposal_of(connection, view.case)


def _is_current(job: AlertJob, waiting: Proposal | None) -> bool:
    return waiting is not None and waiting.id == job.payload["proposal_id"]


def _is_over(job: AlertJob, view: CaseView, waiting: Proposal | None) -> bool:
    """Tell whether something else is to be decided than what this notice asks for, for ever."""
    is_undecided = view.state in {CaseState.OPENED, CaseState.DRAFTED}
    return job.rule in _ASKS_FOR and is_undecided and not _is_current(job, waiting)


def _came_instead(view: CaseView, waiting: Proposal | None) -> str:
    if waiting is not None:
        return f"답변이 바뀌었습니다. {waiting.asks}"
    why = f"{view.note} " if view.note else ""
    return f"{why}답변을 새로 준비합니다. 승인이 필요하면 다시 요청드립니다."


def _case_card(
    runtime: Runtime,
    view: CaseView,
    waiting: Proposal | None,
    unsent: PublicationState | None,
    now: datetime,
    *,
    asks_for: str,
) -> SlackMessage:
    """Show a case with its buttons while it waits, and what became of it afterwards."""
    card = card_of(runtime, view)
    if waiting is not None:
        card = replace(
            card,
            draft=waiting.text,
            proposal=waiting.id,
            proposed=proposals.asks(waiting.proposed_by, waiting.reason),
        )
    if view.state in {CaseState.OPENED, CaseState.DRAFTED}:
        if asks_for == APPROVE:
            # What the manual lacks is the agency's to know.
            card = replace(card, missing=())
        return case_card(card, now, asks_for=asks_for)
    with runtime.database.reading() as connection:
        decision = cases.last_decision(connection, view.case.case_id)
    if view.state in {CaseState.ANSWERED_ELSEWHERE, CaseState.GONE} or decision is None:
        closed = Decision(
            kind=DecisionKind.CLOSED,
            by="평판",
            decided_at=view.closed_at or now,
            via="자동",
            reason=_CLOSED_BECAUSE.get(view.state, ""),
        )
        return decided_card(card, closed, now)
    taken = Decision(
        kind=_kind(decision),
        by=decision["decided_by"],
        decided_at=decision["decided_at"],
        via="Slack" if decision["decided_in"] == "slack" else "콘솔",
        reason=decision["reason"],
        outcome="게시 확인됨" if view.state is CaseState.ANSWERED else "",
        to_do=_UNSENT[unsent] if unsent is not None else "",
    )
    card = replace(card, draft=decision["text"] or card.draft)
    return decided_card(card, taken, now)


def unsent_of(connection: Connection, view: CaseView) -> PublicationState | None:
    """Give what an approved case's reply needs of a person; None where it needs nobody."""
    if view.state is not CaseState.APPROVED:
        return None
    return cases.unsent(connection, [view.case.case_id]).get(view.case.case_id)


def tell_brand(
    runtime: Runtime, view: CaseView, unsent: PublicationState | None
) -> tuple[str, str]:
    """Tell a brand's owner what was done about a case, and what they must decide about it."""
    if view.note == EDITED_AFTER_REPLY:
        return f"{view.note} 담당자가 고친 글을 확인하고 있습니다.", _NOTHING_LEFT
    if unsent is not None:
        done = f"답변이 승인되었고 아직 게시되지 않았습니다 ({_UNSENT[unsent]})."
        return done, _NOTHING_LEFT
    done = _DONE[view.state]
    if view.state not in {CaseState.OPENED, CaseState.DRAFTED}:
        return done, _NOTHING_LEFT
    brand = runtime.brand(view.case.brand)
    with runtime.database.reading() as connection:
        waiting = proposals.waiting_for(connection, brand, limit=1, case_id=view.case.case_id)
    if waiting:
        asked = proposals.WAITS_FOR[waiting[0]["reason"]]
        return (
            "에이전시가 답변을 검토하고 승인을 요청했습니다. 승인 전에는 아무것도 게시되지 않습니다.",
            f"{asked}: 콘솔에서 답변을 읽고 승인하거나 반려해 주세요.",
        )
    if brand.two_step_approval:
        return done, "지금은 없습니다. 에이전시가 먼저 검토한 뒤 브랜드 승인을 요청드립니다."
    return (
        done,
        "지금은 없습니다. 답변은 에이전시가 승인합니다. 사실 확인이나 조치가 필요하면 담당자에게 알려 주세요.",
    )


def _kind(decision: Mapping[str, Any]) -> DecisionKind:
    if decision["kind"] == cases.REJECTION:
        return DecisionKind.REJECTED
    if decision["action"] == ReplyAction.CONFIRM:
        return DecisionKind.CONFIRMED
    return DecisionKind.EDITED if decision["was_edited"] else DecisionKind.APPROVED


def line_of(runtime: Runtime, view: CaseView) -> CaseLine:
    """Put a case on one line of a list."""
    card = card_of(runtime, view)
    return CaseLine(
        case_id=card.case_id,
        revision=card.revision,
        severity=card.severity,
        summary=hide(card.text, card.abuse_spans),
        rating=card.rating,
        categories=card.categories,
        due_at=card.due_at,
        console_url=card.console_url,
    )


def _colleague(person: Account) -> Colleague:
    return Colleague(person.name, person.slack_user or "")


def _owner_words(owner: Account | None) -> str:
    return f"담당 {owner.name}" if owner is not None else "담당 없음"


def lines_of(runtime: Runtime, case_ids: Sequence[int]) -> list[CaseLine]:
    """Put cases on one line each."""
    with runtime.database.reading() as connection:
        views = [cases.load_view(connection, case_id) for case_id in case_ids]
    return [line_of(runtime, view) for view in views if view is not None]


def card_of(runtime: Runtime, view: CaseView) -> CaseCard:
    """Put a case on a card; everything in it is masked text."""
    case = view.case
    brand = runtime.brand(case.brand)
    analysis = analysis_from_row(case)
    rules = rules_of(runtime, case)
    return CaseCard(
        case_id=case.case_id,
        revision=case.draft_number,
        brand_name=brand.name,
        channel_name=CHANNEL_NAMES.get(case.channel, case.channel),
        kind=FeedbackKind(case.kind),
        severity=Severity(case.severity),
        text=whole_text(case.title, case.text),
        console_url=f"{runtime.console_url}/cases/{case.case_id}",
        product_name=case.product_name,
        rating=case.rating,
        categories=tuple(found.category for found in analysis.categories),
        abuse_spans=analysis.abuse_spans,
        written_at=case.written_at,
        due_at=None if view.state in cases.CLOSED_STATES else case.due_at,
        draft=view.draft_text,
        note=view.note,
        missing=tuple(view.missing),
        rating_mismatch=analysis.rating_mismatch,
        unsure=analysis.unsure,
        state=rules.state,
        state_reason=rules.state_reason,
        timezone=brand.timezone,
    )


def _burst(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
    with runtime.database.reading() as connection:
        total, last_at, newest = alerts.burst_members(connection, job.id, limit=LINES)
    message = burst_parent(
        runtime.brand(job.brand).name,
        lines_of(runtime, newest),
        total,
        BURSTS.window,
        f"{runtime.console_url}/?brand={job.brand}",
    )
    is_over = last_at is None or last_at <= now - BURST_IS_OVER
    return Rendered(message, shown=str(total), is_final=is_over)


def _asked_burst(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
    brand = runtime.brand(job.brand)
    with runtime.database.reading() as connection:
        total, last_at, newest = alerts.burst_members(connection, job.id, limit=_MOST_ASKED)
        asked = set(newest)
        waiting = [
            row["case_id"]
            for row in proposals.waiting_for(connection, brand, limit=_MOST_ASKED)
            if row["case_id"] in asked
        ]
    message = requests_parent(
        brand.name,
        lines_of(runtime, waiting[:LINES]),
        total,
        len(waiting),
        (now, brand.timezone),
        f"{runtime.console_url}/brands/{job.brand}",
    )
    is_over = last_at is None or last_at <= now - BURST_IS_OVER
    return Rendered(message, shown=str(total), is_final=is_over)


def _deadlines(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
    """Name whose cases they are; once they are late, call the brand's leads after them.

    Whose a case is the brand's people do not see: in their room the leads alone are called.
    """
    brand = runtime.brand(job.brand)
    is_to_brand = job.payload["reminder"] == ESCALATED
    with runtime.database.reading() as connection:
        # While Slack is away it waits, and much is answered until it is back.
        case_ids = cases.waiting(connection, job.payload["case_ids"])
        staff = owners.of_brands(connection, {job.brand}, now=now)
        owned = {} if is_to_brand else owners.of_cases(connection, case_ids, now=now)
        unsent = cases.unsent(connection, case_ids)
    if not case_ids:
        return Rendered(notice(f"{brand.name}: {_ALL_DONE}"))
    lines = [
        replace(line, note=_UNSENT[unsent[line.case_id]] if line.case_id in unsent else "")
        for line in lines_of(runtime, case_ids[:LINES])
    ]
    if staff and not is_to_brand:
        lines = [replace(line, owner=_owner_words(owned.get(line.case_id))) for line in lines]
    busy = {owner.id for owner in owned.values() if owner is not None}
    is_late = job.payload["reminder"] != "due_soon"
    return Rendered(
        overdue_alert(
            brand.name,
            lines,
            len(case_ids),
            now,
            brand.timezone,
            f"{runtime.console_url}/?brand={job.brand}&sort=due",
            owners=[_colleague(person) for person in staff if person.id in busy],
            leads=[
                _colleague(person)
                for person in staff
                if is_late and person.role is Role.LEAD and person.id not in busy
            ],
        )
    )


def _surge(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:  # noqa: ARG001 - one signature for all
    payload = job.payload
    brand = runtime.brand(job.brand)
    return Rendered(
        surge_alert(
            brand.name,
            when(job.made_at, brand.timezone),
            timedelta(seconds=payload["window_s"]),
            payload["negative"],
            payload["total"],
            payload["baseline_rate"],
            [(ComplaintCategory(name), number) for name, number in payload["categories"]],
            f"{runtime.console_url}/?brand={job.brand}&sort=newest",
        )
    )


def _digest(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
    brand = runtime.brand(job.brand)
    since = digest_since(job, now)
    with runtime.database.reading() as connection:
        counts = health.count_period(connection, job.brand, since=since, now=now)
    to_decide, proposed, worst = digest_lines(runtime, brand, counts["worst"])
    return Rendered(
        digest(
            DIGEST_PERIODS[AlertRule(job.rule)],
            brand.name,
            digest_counts(job, counts),
            worst,
            f"{when(since, brand.timezone)}부터",
            f"{runtime.console_url}/brands/{job.brand}",
            proposals=proposed,
            to_decide=to_decide,
            clock=(now, brand.timezone),
        )
    )


def digest_lines(
    runtime: Runtime, brand: Brand, worst: Sequence[int]
) -> tuple[int, list[CaseLine], list[CaseLine]]:
    """Count what the brand must decide; give the first of it, each with why, and other cases."""
    with runtime.database.reading() as connection:
        waiting = proposals.waiting_for(connection, brand, limit=_PROPOSALS)
        to_decide = proposals.count_waiting(connection, [brand])
    reasons = {row["case_id"]: proposals.WAITS_FOR[row["reason"]] for row in waiting}
    proposed = [
        replace(line, note=reasons[line.case_id]) for line in lines_of(runtime, list(reasons))
    ]
    others = lines_of(runtime, [each for each in worst if each not in reasons])
    return to_decide, proposed, others


def digest_since(job: AlertJob, now: datetime) -> datetime:
    """Give where a digest's period begins: at the digest before it."""
    if "since" in job.payload:
        return datetime.fromisoformat(job.payload["since"])
    return now - timedelta(days=7 if job.rule == AlertRule.WEEKLY_DIGEST else 1)


def digest_counts(job: AlertJob, counts: Mapping[str, Any]) -> DigestCounts:
    """Give the numbers of ``health.count_period`` as a digest shows them.

    Only a week is compared: a Monday's digest would compare a weekend with working days.
    """
    compares = job.rule == AlertRule.WEEKLY_DIGEST
    replies = counts["replies"]
    return DigestCounts(
        collected=counts["collected"],
        negative=counts["negative"],
        negative_before=counts["negative_before"] if compares else None,
        inquiries=counts["inquiries"],
        answered=replies.answered,
        in_time=replies.in_time,
        typical=replies.typical,
        waiting=counts["waiting"],
        overdue=counts["overdue"],
        categories=tuple(
            (ComplaintCategory(name), number, before if compares else None)
            for name, number, before in counts["categories"]
            if number or compares
        ),
    )


def _backfill(runtime: Runtime, job: AlertJob, now: datetime) -> Rendered:
    key = job.payload["account_key"]
    is_first = job.payload.get("is_first_backfill")
    late = None if is_first else (job.made_at - _DRAFTED_WITHIN, job.made_at - SINGLE_ALERT_AGE)
    with runtime.database.reading() as connection:
        account_id = accounts.told_of(connection, job.payload)
        counts = accounts.count_old(connection, account_id, late=late, now=now)
    message = digest(
        DigestPeriod.BACKFILL if is_first else DigestPeriod.LATE,
        runtime.brand(job.brand).name,
        DigestCounts(
            collected=counts["total"],
            negative=counts["negative"],
            inquiries=counts["inquiries"],
            answered=counts["answered"],
            waiting=counts["waiting"],
            overdue=counts["overdue"],
        ),
        [],
        key.partition("/")[2],
        runtime.console_url,
    )
    return Rendered(message)


_PER_BRAND: Mapping[AlertRule, Callable[[Runtime, AlertJob, datetime], Rendered]] = {
    AlertRule.BURST: _burst,
    AlertRule.BRAND_ASKED_BURST: _asked_burst,
    AlertRule.DUE_SOON: _deadlines,
    AlertRule.OVERDUE: _deadlines,
    AlertRule.SURGE: _surge,
    AlertRule.DAILY_DIGEST: _digest,
    AlertRule.WEEKLY_DIGEST: _digest,
    AlertRule.BACKFILL_DIGEST: _backfill,
}
