"""Remember what Slack shows: bursts, updates, receipts, reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replays",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_replays")),
    )
    op.add_column("alerts", sa.Column("burst_id", sa.BigInteger(), nullable=True))
    op.add_column("alerts", sa.Column("shown", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "alerts", sa.Column("is_final", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("alerts", sa.Column("read_by", sa.Text(), server_default="", nullable=False))
    op.add_column("alerts", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_alerts_burst_id",
        "alerts",
        ["burst_id"],
        unique=False,
        postgresql_where=sa.text("burst_id IS NOT NULL"),
        sqlite_where=sa.text("burst_id IS NOT NULL"),
    )
    op.create_index(
        "ix_alerts_living",
        "alerts",
        ["rule"],
        unique=False,
        postgresql_where=sa.text("state = 'sent' AND NOT is_final"),
        sqlite_where=sa.text("state = 'sent' AND NOT is_final"),
    )
    op.add_column(
        "cases", sa.Column("reminder", sa.String(length=20), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("cases", "reminder")
    op.drop_index(
        "ix_alerts_living",
        table_name="alerts",
        postgresql_where=sa.text("state = 'sent' AND NOT is_final"),
        sqlite_where=sa.text("state = 'sent' AND NOT is_final"),
    )
    op.drop_index(
        "ix_alerts_burst_id",
        table_name="alerts",
        postgresql_where=sa.text("burst_id IS NOT NULL"),
        sqlite_where=sa.text("burst_id IS NOT NULL"),
    )
    op.drop_column("alerts", "read_at")
    op.drop_column("alerts", "read_by")
    op.drop_column("alerts", "is_final")
    op.drop_column("alerts", "shown")
    op.drop_column("alerts", "burst_id")
    op.drop_table("replays")
