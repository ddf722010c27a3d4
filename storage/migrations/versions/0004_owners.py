"""Know who looks after a case, and sort the queue by stars and reach."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")
_CLOSED = sa.text("closed_at IS NOT NULL")


def upgrade() -> None:
    op.add_column(
        "people", sa.Column("capacity", sa.Integer(), server_default="100", nullable=False)
    )
    op.create_table(
        "channel_owners",
        sa.Column("brand", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("backup_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["people.id"], name=op.f("fk_channel_owners_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["backup_id"], ["people.id"], name=op.f("fk_channel_owners_backup_id")
        ),
        sa.PrimaryKeyConstraint("brand", "channel", name=op.f("pk_channel_owners")),
    )
    op.add_column(
        "cases", sa.Column("stars_rank", sa.Integer(), server_default="6", nullable=False)
    )
    op.add_column(
        "cases", sa.Column("reach_rank", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("cases", sa.Column("owner_note", sa.Text(), server_default="", nullable=False))
    # Alembic cannot add a foreign key to a table of SQLite; SQLite itself can, with its column.
    op.execute(
        "ALTER TABLE cases ADD COLUMN owner_id INTEGER "
        "CONSTRAINT fk_cases_owner_id REFERENCES people (id)"
    )
    op.execute(
        "UPDATE cases SET stars_rank = COALESCE(feedback.rating, 6), "
        "reach_rank = -COALESCE(feedback.reach, 0) "
        "FROM feedback WHERE feedback.id = cases.feedback_id"
    )
    op.create_index(
        "ix_cases_owner",
        "cases",
        ["owner_id", "state", "severity_rank", "due_at"],
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
    op.create_index(
        "ix_cases_owner_closed",
        "cases",
        ["owner_id", "closed_at", "id"],
        postgresql_where=_CLOSED,
        sqlite_where=_CLOSED,
    )


def downgrade() -> None:
    op.drop_index("ix_cases_owner_closed", table_name="cases")
    op.drop_index("ix_cases_owner", table_name="cases")
    for column in ("owner_id", "owner_note", "reach_rank", "stars_rank"):
        op.drop_column("cases", column)
    op.drop_table("channel_owners")
    op.drop_column("people", "capacity")
