"""Let the queue be read by an index alone, whatever it is filtered by."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")
_CLOSED = sa.text("closed_at IS NOT NULL")
_FILTERED = (
    "brand",
    "channel",
    "category",
    "kind",
    "severity_rank",
    "stars_rank",
    "owner_id",
    "due_at",
)
_ORDERS = {
    "urgent": ["severity_rank", "due_at"],
    "due": ["due_at"],
    "opened": ["opened_at"],
    "stars": ["stars_rank", "due_at"],
    "reach": ["reach_rank", "due_at"],
}
_NAMES = [*_ORDERS, "closed", *(f"closed_{name}" for name in _FILTERED[:-1])]


def upgrade() -> None:
    for name in ("closed", "owner_closed", "queue"):
        op.drop_index(f"ix_cases_{name}", table_name="cases")
    for name, order in _ORDERS.items():
        _create(name, ["state", *order], _OPEN)
    _create("closed", ["closed_at"], _CLOSED)
    for name in _FILTERED[:-1]:
        _create(f"closed_{name}", [name, "closed_at"], _CLOSED)
    # Earlier feedback of the same order; most channels do not tell the order.
    known = sa.text("order_fingerprint <> ''")
    op.create_index(
        "ix_feedback_order",
        "feedback",
        ["brand", "order_fingerprint"],
        postgresql_where=known,
        sqlite_where=known,
    )
    # A case's publications, also those that ended; what was answered in the last days.
    op.create_index("ix_publications_case_id", "publications", ["case_id"])
    published = sa.text("published_at IS NOT NULL")
    op.create_index(
        "ix_publications_published_at",
        "publications",
        ["published_at", "case_id"],
        postgresql_where=published,
        sqlite_where=published,
    )


def _create(name: str, first: list[str], where: sa.TextClause) -> None:
    rest = [column for column in _FILTERED if column not in first]
    op.create_index(
        f"ix_cases_{name}",
        "cases",
        [*first, "id", *rest, "feedback_id"],
        postgresql_where=where,
        sqlite_where=where,
    )


def downgrade() -> None:
    op.drop_index("ix_publications_published_at", table_name="publications")
    op.drop_index("ix_publications_case_id", table_name="publications")
    op.drop_index("ix_feedback_order", table_name="feedback")
    for name in _NAMES:
        op.drop_index(f"ix_cases_{name}", table_name="cases")
    op.create_index("ix_cases_queue", "cases", ["state", "severity_rank", "due_at"])
    for name, columns in (
        ("closed", ["closed_at", "id"]),
        ("owner_closed", ["owner_id", "closed_at", "id"]),
    ):
        op.create_index(
            f"ix_cases_{name}",
            "cases",
            columns,
            postgresql_where=_CLOSED,
            sqlite_where=_CLOSED,
        )
