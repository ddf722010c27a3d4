"""Who looks after a brand (담당): owner and backup of its channels, and how much each person has.

The forms stand on the brand's page; a lead's brands and an operator's are open to them.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Response

from console.access import Leading, Visit
from console.pages import see
from domain.brands import Brand
from domain.errors import BadInputError
from storage import owners, people

router = APIRouter()

Slug = Annotated[str, Path(max_length=100)]
PersonId = Annotated[int, Path(ge=1, le=2**31 - 1)]
MaybePerson = Annotated[int, Form(ge=0, le=2**31 - 1)]
MOST_CAPACITY = 10_000


def overview(visit: Visit, brand: Brand) -> dict[str, Any]:
    """Give what the brand's page shows of who looks after it."""
    now = visit.context.clock()
    with visit.context.database.reading() as connection:
        staff = owners.of_brands(connection, {brand.slug}, now=now)
        duties = owners.channels(connection, brand.slug)
        ids = [person.id for person in staff]
        loads = owners.loads(connection, ids)
        late = owners.loads(connection, ids, due_before=now)
    return {
        "staff": staff,
        "loads": loads,
        "late": late,
        "names": {person.id: person.name for person in staff},
        "duties": {channel: duties.get(channel, (None, None)) for channel in _channels(brand)},
    }


def _channels(brand: Brand) -> list[str]:
    return sorted({account.channel for account in brand.accounts})


@router.post("/brands/{slug}/owners")
def set_owners(
    visit: Leading,
    slug: Slug,
    channel: Annotated[str, Form()],
    owner: MaybePerson = 0,
    backup: MaybePerson = 0,
) -> Response:
    """Say who looks after one of the brand's channels, and who does when they cannot."""
    brand = by_slug(visit, slug)
    if channel not in _channels(brand):
        raise HTTPException(404, "없는 채널입니다.")
    try:
        with visit.context.database.unit_of_work() as connection:
            owners.set_channel(
                connection,
                slug,
                channel,
                owner_id=owner or None,
                backup_id=backup or None,
                now=visit.context.clock(),
            )
            visit.audit(
                connection,
                "channel_owners_changed",
                brand=slug,
                detail=f"{channel}: {owner or '-'}, {backup or '-'}",
            )
    except BadInputError as error:
        raise HTTPException(422, str(error)) from None
    return see(f"/brands/{slug}#owners")


@router.post("/brands/{slug}/people/{person_id}/capacity")
def set_capacity(
    visit: Leading,
    slug: Slug,
    person_id: PersonId,
    capacity: Annotated[int, Form(ge=0, le=MOST_CAPACITY)],
) -> Response:
    """Say how many undecided cases somebody who looks after the brand gets at most."""
    by_slug(visit, slug)
    with visit.context.database.unit_of_work() as connection:
        person = people.by_id(connection, person_id)
        if person is None or not person.sees(slug):
            raise HTTPException(404, "없는 사람입니다.")
        people.change(connection, person_id, capacity=capacity)
        detail = f"{person.login}: {capacity}"
        visit.audit(connection, "capacity_changed", brand=slug, detail=detail)
    return see(f"/brands/{slug}#owners")


def by_slug(visit: Visit, slug: str) -> Brand:
    """Give a brand the person may see; others do not exist for them."""
    if slug not in visit.person.brands:
        raise HTTPException(404, "없는 브랜드입니다.")
    return visit.context.brands[slug]
