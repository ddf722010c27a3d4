from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text, update

from domain.errors import ConfigurationError
from storage import proposals, schema
from storage.models import Base, CaseRow, FeedbackRow, ProposalRow
from storage.session import ConflictError, Database
from tests.fakes_runtime import make_account
from tests.storage.rows import NOW, add_account, decision, drafted_case, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def empty(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give a database without a schema."""
    if backend == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        database = Database(request.getfixturevalue("empty_postgres_url"))
    yield database
    database.close()


def _is_ours(_item: object, name: str | None, kind: str, *_more: object) -> bool:
    """Leave the search index out: each database has its own, written by hand in SQL."""
    if kind == "table":
        return not (name or "").startswith(("feedback_search", "search_positions"))
    return name != "ix_feedback_grams"


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_migrations_go_up_down_and_up_again(empty: Database) -> None:
    assert not schema.is_current(empty)
    schema.upgrade(empty)
    assert schema.is_current(empty)
    schema.downgrade(empty, "base")
    assert tables(empty) == {"alembic_version"}
    assert not schema.is_current(empty)
    schema.upgrade(empty)
    assert schema.is_current(empty)
    assert tables(empty) >= {"alembic_version", *Base.metadata.tables}


def test_a_second_upgrade_keeps_the_rows(database: Database) -> None:
    drafted_case(database)
    schema.upgrade(database)
    assert row_of(database).text == "별로예요"


def test_cases_from_before_owners_get_their_place_in_the_queues_orders(
    database: Database,
) -> None:
    case_id = drafted_case(database)
    schema.downgrade(database, "0003")
    schema.upgrade(database)

    with database.reading() as connection:
        case = connection.execute(select(CaseRow.__table__)).one()
    assert (case.id, case.stars_rank, case.reach_rank, case.owner_id) == (case_id, 2, 0, None)


def test_what_has_a_case_and_was_marked_for_a_look_is_marked_no_more(database: Database) -> None:
    drafted_case(database)
    schema.downgrade(database, "0013")
    with database.unit_of_work() as connection:
        connection.execute(update(FeedbackRow).values(needs_look=True))

    schema.upgrade(database)

    assert not row_of(database).needs_look


def test_what_was_asked_for_before_cases_said_so_still_waits(database: Database) -> None:
    case_id = drafted_case(database)
    with database.unit_of_work() as connection:
        proposals.propose(connection, decision(case_id), "two_step", now=NOW)
    schema.downgrade(database, "0016")
    schema.upgrade(database)

    with database.reading() as connection:
        asked_id = connection.execute(select(CaseRow.asked_id)).scalar_one()
        assert asked_id == connection.execute(select(ProposalRow.id)).scalar_one()


def test_accounts_keep_what_is_theirs_when_they_may_have_namesakes(database: Database) -> None:
    drafted_case(database)
    add_account(database, make_account(), make_account(name="other"))
    schema.downgrade(database, "0017")
    with database.reading() as connection:
        before = connection.execute(text("SELECT * FROM accounts ORDER BY id")).mappings().all()
    schema.upgrade(database)

    with database.reading() as connection:
        after = connection.execute(text("SELECT * FROM accounts ORDER BY id")).mappings().all()
        found = connection.execute(select(FeedbackRow.account_id)).scalars().all()
    assert [dict(row) for row in after] == [{**row, "source": None} for row in before]
    assert found == [before[0]["id"]]
    with pytest.raises(ConflictError), database.unit_of_work() as connection:
        connection.execute(update(FeedbackRow).values(account_id=before[-1]["id"] + 1))


def test_places_that_were_left_become_accounts_of_their_own_on_the_way_back(
    database: Database,
) -> None:
    drafted_case(database)
    for board in ("inquiry", "post"):
        add_account(database, make_account(options={"board": board}))
    schema.downgrade(database, "0017")

    with database.reading() as connection:
        kept = connection.execute(text("SELECT id, key, removed_at FROM accounts ORDER BY id"))
        first, second, now = kept.all()
        found = connection.execute(text("SELECT account_id FROM feedback")).scalars().all()
    assert (first.key, second.key, now.key) == (
        f"saebyeok/shop#{first.id}",
        f"saebyeok/shop#{second.id}",
        "saebyeok/shop",
    )
    assert [row.removed_at is None for row in (first, second, now)] == [False, False, True]
    assert found == [first.id]
    schema.upgrade(database)
    assert schema.is_current(database)


def test_models_and_migrations_agree(database: Database) -> None:
    with database.unit_of_work() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": _is_ours}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_constraints_have_the_names_of_the_models(database: Database) -> None:
    found = inspect(database.engine)
    for table in Base.metadata.tables.values():
        wanted = {str(index.name) for index in table.indexes}
        assert wanted <= {str(index["name"]) for index in found.get_indexes(table.name)}
    checks = {
        check["name"]
        for table in ("decisions", "publications")
        for check in found.get_check_constraints(table)
    }
    assert {"ck_publications_approved", "ck_decisions_kind", "ck_decisions_decided_by"} <= checks


def test_a_copied_file_is_a_whole_database(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "copy.db")
    database = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    assert schema.is_current(database)
    database.close()


def test_other_databases_are_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="PYEONGPAN_DATABASE_URL: mysql"):
        Database("mysql://x/y")


def test_a_password_does_not_show() -> None:
    database = Database("postgresql://me:geheim@127.0.0.1/x")
    assert "geheim" not in str(database.url)
    database.close()
