"""What else waits for a person: replies to paste, replies nobody is sure of, odd feedback."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException, Path, Response

from console import highlight, owner_pages, response_times, unread
from console.access import Deciding, Posting, Reading, Visit, brand_of, one_line
from console.narrowing import Narrowing, OneBrand
from console.pages import page
from domain import sla
from domain.mail import MAIL
from domain.states import AlertState, PublicationState
from storage import dossier, doubts, overview, proposals, publications
from storage.alerts import can_settle, settle_by_hand
from storage.analyses import load_for_analysis
from storage.session import Connection

router = APIRouter()

RowId = Annotated[int, Path(ge=1, le=2**62)]
SeenId = Annotated[int, Form(ge=1, le=2**62)]
_ATTENTION_TARGETS = {
    "published": PublicationState.PUBLISHED,
    "queued": PublicationState.QUEUED,
    "cancelled": PublicationState.CANCELLED,
}
_ALERT_TARGETS = {AlertState.QUEUED: "다시 보내기", AlertState.SENT: "받은 것 확인"}
_MOST_PROPOSALS = 20
"""On a brand's page; the others are in the queue."""
_STATS_WEEKS = 12
_WAITS_SINCE = timedelta(weeks=4)
_MOST_WAITS = 20_000
"""Decisions whose waits are measured; so many take two thirds of a second, and more change no median."""


def safe_link(url: str) -> str:
    """Give a link that may be opened: only http and https, whatever a channel said."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


@router.get("/handoffs")
def handoffs(visit: Reading, narrowed: Narrowing) -> Response:
    """Show approved replies that a person must paste on their channel."""
    return _waiting(visit, narrowed, "handoffs", PublicationState.HANDED_OFF)


def _waiting(visit: Visit, narrowed: OneBrand, name: str, state: PublicationState) -> Response:
    """Show the replies that wait for a person in a state, on the page of this name."""
    brands = narrowed.of(visit.person)
    with visit.context.database.reading() as connection:
        rows = overview.waiting_publications(connection, state, brands)
        total = overview.count_one(connection, name, brands)
    return page(
        visit, f"{name}.html", rows=rows, total=total, narrowed=narrowed, safe_link=safe_link
    )


@router.post("/cases/{case_id}/handed-off")
def confirm_hand_off(
    visit: Deciding, case_id: RowId, publication: SeenId, narrowed: Narrowing
) -> Response:
    """Take a person's word that the reply stands on the channel."""
    brand_of(visit, case_id)
    with visit.context.database.unit_of_work() as connection:
        done = publications.confirm_hand_off(
            connection, case_id, publication, who=visit.person.name, now=visit.context.clock()
        )
    if not done:
        raise HTTPException(409, "이미 확인되었거나 취소된 답변입니다.")
    return narrowed.back("/handoffs")


@router.get("/attention")
def attention(visit: Reading, narrowed: Narrowing) -> Response:
    """Show replies of which no machine can tell whether they were published."""
    return _waiting(visit, narrowed, "attention", PublicationState.ATTENTION)


@router.post("/cases/{case_id}/attention")
def settle_attention(
    visit: Deciding,
    case_id: RowId,
    publication: SeenId,
    narrowed: Narrowing,
    outcome: Annotated[str, Form()],
    seen: Annotated[str, Form()] = "",
) -> Response:
    """Record what a person saw on the channel."""
    brand_of(visit, case_id)
    why = one_line(seen)
    if outcome not in _ATTENTION_TARGETS or not why:
        raise HTTPException(422, "채널에서 확인한 내용을 적어 주세요.")
    with visit.context.database.unit_of_work() as connection:
        done = publications.settle_attention(
            connection,
            case_id,
            publication,
            _ATTENTION_TARGETS[outcome],
            who=visit.person.name,
            why=why,
            now=visit.context.clock(),
        )
    if not done:
        raise HTTPException(409, "다른 사람이 먼저 처리했습니다.")
    visit.context.poke()
    return narrowed.back("/attention")


@router.get("/looks")
def looks(visit: Reading, narrowed: Narrowing) -> Response:
    """Show feedback without a case whose reading is in doubt."""
    return _looks(visit, narrowed)


def _looks(
    visit: Visit,
    narrowed: OneBrand,
    status: int = 200,
    change: Mapping[str, Any] | None = None,
) -> Response:
    brands = narrowed.of(visit.person)
    with visit.context.database.reading() as connection:
        rows = doubts.looks(connection, brands)
        total = overview.count_one(connection, "looks", brands)
    return page(
        visit,
        "looks.html",
        status=status,
        rows=rows,
        total=total,
        narrowed=narrowed,
        safe_link=safe_link,
        change=change,
    )


@router.post("/looks/{feedback_id}")
def settle_look(
    visit: Deciding,
    feedback_id: RowId,
    feedback_revision: Annotated[int, Form(ge=0, le=2**31 - 1)],
    narrowed: Narrowing,
    outcome: Annotated[str, Form()] = "",
) -> Response:
    """Record that a person looked: nothing to do, or a case to open."""
    with visit.context.database.reading() as connection:
        found = load_for_analysis(connection, [feedback_id])
    if not found or found[0].brand not in visit.person.brands:
        raise HTTPException(404, "없는 글입니다.")
    if outcome not in {"fine", "case"}:
        raise HTTPException(422, "무엇을 할지 골라 주세요.")
    now = visit.context.clock()
    done: object
    with visit.context.database.unit_of_work() as connection:
        if outcome == "fine":
            done = doubts.settle_look(
                connection, feedback_id, feedback_revision, who=visit.person.name, now=now
            )
        else:
            (row,) = found
            due_at = sla.reply_due_at(
                visit.context.brands[row.brand],
                row.account,
                written_at=row.written_at,
                waits_since=row.waits_since,
                is_holiday=visit.context.is_holiday,
                start=now,
            )
            done = doubts.open_case(
                connection,
                feedback_id,
                feedback_revision,
                due_at=due_at,
                who=visit.person.name,
                now=now,
            )
    if not done:
        return _refused_look(visit, narrowed, feedback_id, feedback_revision)
    visit.context.poke()
    return narrowed.back("/looks")


def _refused_look(
    visit: Visit, narrowed: OneBrand, feedback_id: int, seen_revision: int
) -> Response:
    """Say what changed since the person looked."""
    with visit.context.database.reading() as connection:
        earlier = dossier.earlier_texts(connection, feedback_id)
        present = dossier.present_text(connection, feedback_id)
    seen = next((row for row in earlier if row["revision"] == seen_revision), None)
    if seen is None:
        raise HTTPException(409, "다른 사람이 먼저 처리했습니다.")
    return _looks(visit, narrowed, 409, highlight.change(seen, present, shows_abuse=False))


@router.get("/alerts")
def alerts(visit: Reading, narrowed: Narrowing) -> Response:
    """Show the newest alerts, wherever they were told."""
    with visit.context.database.reading() as connection:
        rows = overview.alerts(connection, narrowed.of(visit.person))
        refusals = _slack_incidents(connection, visit)
    return page(
        visit,
        "alerts.html",
        rows=rows,
        narrowed=narrowed,
        refusals=refusals,
        mail=MAIL,
        choices=_choices if _settles(visit) else _none,
    )


def _slack_incidents(connection: Connection, visit: Visit) -> list[dict[str, Any]]:
    """Give Slack's open incidents to whoever can mend its token or have it mended."""
    return [] if visit.person.is_brand_side else overview.slack_incidents(connection)


def _settles(visit: Visit) -> bool:
    """Tell whether this person looks after what could not be delivered: the agency's side."""
    person = visit.person
    return person.administers or (person.decides and not person.is_brand_side)


def _choices(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give what a person may say about a notice: form value and words."""
    return [
        (target.value, words)
        for target, words in _ALERT_TARGETS.items()
        if can_settle(row["state"], row["destination"], target)
    ]


def _none(_row: Mapping[str, Any]) -> list[tuple[str, str]]:
    return []


@router.post("/alerts/{alert_id}")
def settle_alert(
    visit: Posting, alert_id: RowId, narrowed: Narrowing, outcome: Annotated[str, Form()] = ""
) -> Response:
    """Record what a person found out about a notice that may not have arrived."""
    if not _settles(visit):
        raise HTTPException(403, "알림을 처리할 권한이 없습니다.")
    target = next((each for each in _ALERT_TARGETS if each.value == outcome), None)
    if target is None:
        raise HTTPException(422, "무엇을 할지 골라 주세요.")
    with visit.context.database.unit_of_work() as connection:
        done = settle_by_hand(
            connection,
            alert_id,
            visit.person.brands,
            target,
            who=visit.person.name,
            now=visit.context.clock(),
        )
    if not done:
        raise HTTPException(409, "이미 처리되었거나 처리할 수 없는 알림입니다.")
    visit.context.poke()
    return narrowed.back("/alerts")


@router.get("/collection")
def collection(visit: Reading, narrowed: Narrowing) -> Response:
    """Show each account's progress, open incidents and what is quarantined."""
    brands = narrowed.of(visit.person)
    with visit.context.database.reading() as connection:
        accounts = overview.accounts(connection, brands)
        incidents = [
            *_slack_incidents(connection, visit),
            *overview.incidents(connection, brands),
        ]
        quarantined = overview.quarantine_reasons(connection, brands)
    return page(
        visit,
        "collection.html",
        narrowed=narrowed,
        accounts=accounts,
        incidents=incidents,
        quarantined=unread.grouped(quarantined),
    )


@router.get("/brands/{slug}")
def brand_page(visit: Reading, slug: Annotated[str, Path(max_length=100)]) -> Response:
    """Show a brand's owner what happened, what was done and what waits for them."""
    brand = owner_pages.by_slug(visit, slug)
    now = visit.context.clock()
    with visit.context.database.reading() as connection:
        week = overview.brand_week(connection, slug, now=now)
        waiting = proposals.waiting_for(connection, brand, limit=_MOST_PROPOSALS)
        to_decide = proposals.count_waiting(connection, [brand], most=overview.MOST_COUNTED + 1)
    return page(
        visit,
        "brand.html",
        brand=brand,
        week=week,
        proposals=waiting,
        more=to_decide > len(waiting),
        to_decide=to_decide,
        waits_for=proposals.WAITS_FOR,
        **owner_pages.overview(visit, brand),
    )


@router.get("/stats")
def stats(visit: Reading, narrowed: Narrowing) -> Response:
    """Show counts of the last weeks by brand, channel, category and week; how long replies took."""
    context, brands, now = visit.context, narrowed.of(visit.person), visit.context.clock()
    with context.database.reading() as connection:
        counted = overview.stats(connection, brands, weeks=_STATS_WEEKS, now=now)
        answered = overview.answered(
            connection, brands, since=now - _WAITS_SINCE, limit=_MOST_WAITS
        )
    return page(
        visit,
        "stats.html",
        narrowed=narrowed,
        counted=counted,
        weeks=_STATS_WEEKS,
        waits=response_times.waits(answered, context.brands, context.is_holiday),
        most_waits=_MOST_WAITS,
        typical=response_times.typical,
        slow=response_times.slow,
    )
