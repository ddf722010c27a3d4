"""A change of keys: everything that is sealed or fingerprinted is brought under the present one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import LargeBinary, or_, select, update

from domain.types import Page, QuarantinedItem
from privacy.sealing import Sealer, generate_key
from storage import accounts, dossier, feedback, people, sealed
from storage.models import (
    Base,
    CaseRow,
    FeedbackRevisionRow,
    FeedbackRow,
    IncidentRow,
    PersonRow,
    QuarantineRow,
    TokenRow,
)
from storage.people import Role
from storage.tokens import DatabaseTokenStore
from tests.fakes_runtime import ACCOUNT, Article, Death, Fate
from workers import collect, retain
from workers.intake import content, identity, prepare_page
from workers.rotate import rotate

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute

    from tests.fakes_runtime import House

OLD, NEW = generate_key(), generate_key()
BAD_ROW = QuarantinedItem("no date", "1,박바다,좋아요".encode())
VALUES: tuple[InstrumentedAttribute[Any], ...] = (
    FeedbackRow.sealed_original,
    FeedbackRevisionRow.sealed_original,
    QuarantineRow.sealed_raw,
    IncidentRow.sealed_page,
    TokenRow.sealed,
    PersonRow.sealed_totp,
)


def read_again(house: House) -> collect.Collected:
    house.clock.advance(minutes=1)
    return collect.collect(house.runtime, house.account_id())


def write(house: House, *texts: str) -> None:
    """Let 김하늘's reviews say this."""
    known = {article.native_id: article for article in house.channel.articles}
    for number, text in enumerate(texts):
        article = known.get(str(number)) or Article(
            str(number), "", house.clock() - timedelta(hours=1 + number), author="김하늘"
        )
        article.text = text
        known[str(number)] = article
    house.channel.articles[:] = known.values()


@pytest.fixture
def old(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Give a house that stored one of everything under the old key, and has a new key now."""
    house.runtime.sealer = sealer = Sealer([OLD])
    fetch = house.channel.fetch
    monkeypatch.setattr(house.channel, "fetch", lambda *asked: with_a_bad_row(fetch(*asked)))
    house.channel.page_size = 10
    house.channel.articles.clear()
    write(house, "별로예요 010-1234-5678", "포장이 별로예요", "나빠요")
    read_again(house)
    write(house, "별로예요 010-1234-5678", "포장이 정말 별로예요", "나빠요")
    assert read_again(house).changed == 1
    DatabaseTokenStore(house.database, sealer.seal, sealer.open).save(ACCOUNT, {"refresh": "r1"})
    with house.database.unit_of_work() as connection:
        accounts.open_incident(
            connection,
            "layout_changed",
            ACCOUNT,
            "no rows",
            now=house.clock(),
            sealed_page=sealer.seal(b"<html>"),
        )
        person_id = people.add(
            connection, login="kim", name="kim", role=Role.SPECIALIST, now=house.clock()
        )
        connection.execute(
            update(PersonRow)
            .where(PersonRow.id == person_id)
            .values(sealed_totp=sealer.seal(b"JBSWY3DP"))
        )
    house.runtime.sealer = Sealer([NEW, OLD])
    return house


def with_a_bad_row(page: Page) -> Page:
    return replace(page, quarantined=(BAD_ROW,))


def stored(house: House) -> list[bytes]:
    with house.database.reading() as connection:
        return [
            value
            for column in VALUES
            for value in connection.execute(select(column).where(column.is_not(None))).scalars()
        ]


def test_every_sealed_or_fingerprinted_column_is_known() -> None:
    columns = {
        (name, column.name)
        for name, table in Base.metadata.tables.items()
        for column in table.columns
        if isinstance(column.type, LargeBinary) or "fingerprint" in column.name
    }
    known = {
        (shelf.table.__tablename__, column)
        for shelf in sealed.SHELVES
        for column in (shelf.sealed, *shelf.fingerprints)
    }
    # The record of an erasure keeps no name, so that nothing can be made of it anew.
    assert columns - known == {("erasures", "author_fingerprint")}
    assert known <= columns


def test_the_present_key_alone_opens_and_finds_everything_afterwards(old: House) -> None:
    with old.database.reading() as connection:
        total = sealed.count(connection)
    pages: list[int] = []
    done = rotate(old.runtime, pages.append)
    assert (done.renewed, done.unopened) == (total, 0)
    assert sum(pages) == total == len(stored(old))

    alone = old.runtime.sealer = Sealer([NEW])
    assert {alone.open(value) for value in stored(old)} >= {b"<html>", b"JBSWY3DP", BAD_ROW.raw}
    with old.database.reading() as connection:
        rows = connection.execute(select(FeedbackRow.__table__)).all()
        (revision,) = connection.execute(select(FeedbackRevisionRow.__table__)).all()
    said = {"별로예요 010-1234-5678", "포장이 정말 별로예요", "나빠요"}
    assert {row.content_fingerprint for row in rows} == {
        alone.fingerprint(content("", text, 3)) for text in said
    }
    assert revision.content_fingerprint == alone.fingerprint(content("", "포장이 별로예요", 3))
    author = alone.fingerprint(identity("storefront", "김하늘"))
    assert {row.author_fingerprint for row in rows} == {author}
    again = read_again(old)
    assert (again.new, again.changed, again.quarantined, again.error) == (0, 0, 0, "")
    assert retain.erase_author(old.runtime, "saebyeok", "김하늘", requested_by="x") == 3


def test_a_second_pass_finds_nothing_to_do(old: House) -> None:
    rotate(old.runtime)
    before = stored(old)
    again = rotate(old.runtime)
    assert (again.renewed, again.unopened) == (0, 0)
    assert stored(old) == before


def test_old_and_new_rows_of_one_author_meet_again(old: House) -> None:
    write(old, "별로예요 010-1234-5678", "포장이 정말 별로예요", "나빠요", "또 별로예요")
    assert read_again(old).new == 1
    old.run()

    def others() -> int:
        with old.database.reading() as connection:
            last = connection.execute(select(CaseRow.id).order_by(CaseRow.id.desc())).scalars()
            return len(dossier.around(connection, next(last)).same_author)

    assert others() == 0
    rotate(old.runtime)
    assert others() == 3


def test_whoever_dies_anywhere_is_followed_by_somebody_who_ends_it(
    old: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelves = tuple(replace(shelf, at_once=1) for shelf in sealed.SHELVES)
    monkeypatch.setattr(sealed, "SHELVES", shelves)
    real = sealed.write

    def dies_at(step: int) -> bool:
        fate = Fate(step)

        def mortal(*args: Any) -> None:  # noqa: ANN401 - write's own
            fate.step("before a write")
            real(*args)
            fate.step("before a commit")

        with monkeypatch.context() as patched:
            patched.setattr(sealed, "write", mortal)
            try:
                rotate(old.runtime, lambda _: fate.step("after a page"))
            except Death:
                return True
        return False

    deaths = list(takewhile(dies_at, count(1)))
    assert len(deaths) > 5
    assert rotate(old.runtime).renewed == 0
    alone = Sealer([NEW])
    assert all(alone.open(value) for value in stored(old))


def test_what_others_change_meanwhile_is_theirs(old: House) -> None:
    shelf = next(shelf for shelf in sealed.SHELVES if shelf.table is TokenRow)
    with old.database.reading() as connection:
        (row,) = sealed.read(connection, shelf, None)
    sealer = old.runtime.sealer
    store = DatabaseTokenStore(old.database, sealer.seal, sealer.open)
    store.save(ACCOUNT, {"refresh": "r2"})
    with old.database.unit_of_work() as connection:
        sealed.write(connection, shelf, [(row, {"sealed": sealer.rotate(row["sealed"])})])
    assert store.load(ACCOUNT) == {"refresh": "r2"}


def test_an_erased_author_does_not_come_back_when_the_old_key_is_gone(old: House) -> None:
    assert retain.erase_author(old.runtime, "saebyeok", "김하늘", requested_by="x") == 3
    rotate(old.runtime)
    assert rotate(old.runtime).renewed == 0
    old.runtime.sealer = Sealer([NEW])
    again = read_again(old)
    assert (again.new, again.changed, again.error) == (0, 0, "")
    assert kept_of_authors(old) == []
    # What nothing was masked in is still known word by word; the rest is never an edit.
    write(old, "이제 좋아요", "이제 좋아요", "이제 좋아요")
    assert read_again(old).changed == 2
    with old.database.reading() as connection:
        texts = connection.execute(select(FeedbackRow.text)).scalars().all()
    assert sorted(texts) == ["별로예요 [전화번호]", "이제 좋아요", "이제 좋아요"]


@pytest.mark.parametrize("times", [1, 2])
def test_what_may_not_come_back_is_not_even_masked(
    old: House, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    retain.erase_author(old.runtime, "saebyeok", "김하늘", requested_by="x")
    rotate(old.runtime)
    old.runtime.sealer = Sealer([NEW])
    write(old, "아주 별로예요 010-1234-5678", "포장이 정말 별로예요", "나빠요")
    del old.channel.articles[1:]
    old.channel.articles *= times
    masked: list[str] = []
    monkeypatch.setattr("workers.intake.mask", lambda text, **_: masked.append(text))
    again = read_again(old)
    assert (again.new, again.changed, again.error) == (0, 0, "")
    assert masked == []
    assert kept_of_authors(old) == []


def test_an_old_export_brings_no_erased_earlier_text_back(
    old: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = "별로예요 010-1234-5678"
    write(old, "이제 좋아요")
    assert read_again(old).changed == 1
    retain.erase_author(old.runtime, "saebyeok", "김하늘", requested_by="x")
    rotate(old.runtime)
    old.runtime.sealer = Sealer([NEW])
    real = feedback.store_page
    monkeypatch.setattr(
        feedback, "store_page", lambda *args, **named: real(*args, **{**named, "is_export": True})
    )
    write(old, earlier)
    again = read_again(old)
    assert (again.new, again.changed, again.error) == (0, 0, "")
    assert kept_of_authors(old) == []


def kept_of_authors(house: House) -> list[Any]:
    """Give all rows of feedback, earlier texts too, that lead to a person."""
    names = (FeedbackRow.author, FeedbackRow.author_fingerprint, FeedbackRow.order_fingerprint)
    original, earlier = FeedbackRow.sealed_original, FeedbackRevisionRow.sealed_original
    leads = or_(original.is_not(None), *(name != "" for name in names))
    with house.database.reading() as connection:
        rows = connection.execute(select(FeedbackRow.text, *names).where(leads)).all()
        revisions = select(FeedbackRevisionRow.text).where(earlier.is_not(None))
        return [*rows, *connection.execute(revisions)]


def test_a_collection_that_began_before_is_no_edit(
    old: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = prepare_page

    def rotated_in_between(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - prepare_page's own
        prepared = real(*args, **kwargs)
        rotate(old.runtime)
        return prepared

    monkeypatch.setattr("workers.collect.prepare_page", rotated_in_between)
    again = read_again(old)
    assert (again.new, again.changed, again.quarantined, again.error) == (0, 0, 0, "")


def test_what_no_key_opens_is_counted_and_left(old: House) -> None:
    before = stored(old)
    old.runtime.sealer = Sealer([NEW, generate_key()])
    done = rotate(old.runtime)
    assert (done.renewed, done.unopened) == (0, len(before))
    assert stored(old) == before


def test_a_row_quarantined_again_while_the_old_key_was_away_is_kept_once(old: House) -> None:
    old.runtime.sealer = Sealer([NEW])
    assert read_again(old).quarantined == 1
    old.runtime.sealer = Sealer([NEW, OLD])
    rotate(old.runtime)
    with old.database.reading() as connection:
        rows = connection.execute(select(QuarantineRow.__table__)).all()
    assert [Sealer([NEW]).open(row.sealed_raw) for row in rows] == [BAD_ROW.raw]
