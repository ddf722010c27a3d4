"""The queue (결정 대기): what waits, in an order everybody can see."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Query, Response

from console import wording
from console.access import Posting, Reading, Visit, clean_name, one_line
from console.narrowing import OneBrand
from console.pages import page, see
from domain.types import ComplaintCategory, FeedbackKind, Severity
from storage import owners, queue_pages
from storage.queue_pages import QueueFilter

router = APIRouter()

PAGE_SIZE = 50
_LARGEST_ID = 2**31 - 1
_DUE = {"overdue": timedelta(0), "2h": timedelta(hours=2), "24h": timedelta(hours=24)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The queue's filter as it stands in the address.

    Unknown values are dropped: an address that somebody kept must go on working.
    """

    view: str = "todo"
    brand: str = ""
    channel: str = ""
    category: str = ""
    severity: str = ""
    kind: str = ""
    due: str = ""
    stars: str = ""
    owner: str = ""
    sort: str = "urgent"
    q: str = ""
    after: str = ""
    decided: int = 0
    """A case just decided, whose decision can perhaps be taken back."""

    def query(self, **changes: str) -> str:
        """Write the filter as an address's query, with changes; defaults are left out."""
        values = {
            name: changes.get(name, getattr(self, name))
            for name in self.__slots__
            if name not in {"after", "decided"} or name in changes
        }
        defaults = {"view": "todo", "sort": "urgent"}
        kept = {
            name: value for name, value in values.items() if value and defaults.get(name) != value
        }
        return urlencode(kept)

    def everything(self) -> str:
        """Write the query of the same tab in the same order, whatever is filtered."""
        return Chosen(view=self.view, sort=self.sort).query()

    def filter(self, visit: Visit) -> QueueFilter:
        """Give the filter for the database, narrowed to the person's brands."""
        return QueueFilter(
            brands=OneBrand(self.brand).of(visit.person),
            view=self.view,
            channel=self.channel,
            category=self.category,
            severity=self.severity,
            kind=self.kind,
            due_before=visit.context.clock() + _DUE[self.due] if self.due else None,
            stars=int(self.stars) if self.stars else None,
            owner=_owner_id(self.owner, visit),
            sort="closed" if self.view == "closed" else self.sort,
            words=self.q,
            own=visit.person.own_brands(visit.context.brands),
        )


def _owner_id(owner: str, visit: Visit) -> int | None:
    """Give whose cases are meant; None where all are, or where the person may not know."""
    account = visit.person.account
    if account is None or not visit.person.sees_owners or not owner:
        return None
    named = {"me": account.id, "nobody": queue_pages.NOBODY}
    return named[owner] if owner in named else int(owner)


def _owner(value: str) -> str:
    if value in {"me", "nobody"}:
        return value
    is_number = len(value) <= len(str(_LARGEST_ID)) and value.isascii() and value.isdigit()
    return value if is_number and 0 < int(value) <= _LARGEST_ID else ""


def _one_of(value: str, allowed: Container[str]) -> str:
    return value if value in allowed else ""


def chosen(
    view: str = "todo",
    brand: str = "",
    channel: str = "",
    category: str = "",
    severity: str = "",
    kind: str = "",
    due: str = "",
    stars: str = "",
    owner: str = "",
    sort: str = "urgent",
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=200)] = "",
    decided: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> Chosen:
    """Read the queue's filter from the address."""
    return Chosen(
        view=_one_of(view, queue_pages.VIEWS) or "todo",
        brand=brand[:100],
        channel=one_line(channel, 50),
        category=_one_of(category, set(ComplaintCategory)),
        severity=_one_of(severity, set(Severity)),
        kind=_one_of(kind, set(FeedbackKind)),
        due=_one_of(due, _DUE),
        stars=_one_of(stars, {"1", "2", "3", "4", "5"}),
        owner=_owner(owner),
        sort=_one_of(sort, wording.SORTS) or "urgent",
        q=one_line(q),
        after=after,
        decided=decided,
    )


Choosing = Annotated[Chosen, Depends(chosen)]


@router.get("/")
def queue_page(visit: Reading, choice: Choosing) -> Response:
    """Show a page of the queue."""
    wanted = choice.filter(visit)
    with visit.context.database.reading() as connection:
        items = queue_pages.queue(
            connection, wanted, after=parse_place(choice.after, wanted.sort), limit=PAGE_SIZE + 1
        )
        channels = queue_pages.channels(connection, visit.person.brands)
        decided = queue_pages.decided(
            connection, choice.decided, visit.person.brands, visit.person.name
        )
        saved = queue_pages.saved_views(connection, visit.person.name)
        staff = (
            owners.of_brands(connection, visit.person.brands, now=visit.context.clock())
            if visit.person.sees_owners
            else []
        )
    more = ""
    if len(items) > PAGE_SIZE:
        items = items[:PAGE_SIZE]
        place = queue_pages.place_of_item(items[-1], wanted.sort)
        more = choice.query(after=write_place(place))
    return page(
        visit,
        "queue.html",
        items=items,
        choice=choice,
        channels=channels,
        more=more,
        decided=decided,
        saved=saved,
        staff=staff,
        can_bulk=visit.person.decides_many and choice.view == "todo",
    )


@router.post("/views")
def keep_view(visit: Posting, choice: Choosing, name: Annotated[str, Form()] = "") -> Response:
    """Keep the filter in the address under a name."""
    if len(choice.query()) > queue_pages.LONGEST_VIEW:
        raise HTTPException(
            422, "찾는 말이 길어 이 보기를 저장할 수 없습니다. 줄여서 다시 찾아 주세요."
        )
    if clean_name(name):
        with visit.context.database.unit_of_work() as connection:
            queue_pages.save_view(connection, visit.person.name, clean_name(name), choice.query())
    return see(f"/?{choice.query()}")


@router.post("/views/{view_id}/forget")
def forget_view(
    visit: Posting, choice: Choosing, view_id: Annotated[int, Path(ge=1, le=2**31 - 1)]
) -> Response:
    """Drop a filter of one's own."""
    with visit.context.database.unit_of_work() as connection:
        queue_pages.forget_view(connection, visit.person.name, view_id)
    return see(f"/?{choice.query()}")


def write_place(place: tuple[Any, ...]) -> str:
    """Write a place in an order for an address."""
    return ",".join(part.isoformat() if isinstance(part, datetime) else str(part) for part in place)


def parse_place(text: str, sort: str) -> tuple[Any, ...]:
    """Read a place again; anything that is none is the beginning."""
    parts = text.split(",")
    if len(parts) != queue_pages.SORTS[sort]:
        return ()
    try:
        at = datetime.fromisoformat(parts[-2])
        in_utc = at.astimezone(UTC)
        numbers = [int(part) for part in (*parts[:-2], parts[-1])]
    except (ValueError, OverflowError):
        return ()
    if at.tzinfo is None or any(abs(number) >= 2**63 for number in numbers):
        return ()
    return (*numbers[:-1], in_utc, numbers[-1])
