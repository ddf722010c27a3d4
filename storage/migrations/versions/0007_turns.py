"""Let one message at a time go to a destination."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Its rows were places in a queue that is no more; they are made again when needed.
    op.execute("DELETE FROM turns")
    op.add_column("turns", sa.Column("holder", sa.String(length=32), nullable=True))
    op.add_column("turns", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "turns", sa.Column("next_message", sa.String(length=50), server_default="", nullable=False)
    )
    op.create_index(
        "ix_alerts_queued",
        "alerts",
        ["destination"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
        sqlite_where=sa.text("state = 'queued'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_alerts_queued",
        table_name="alerts",
        postgresql_where=sa.text("state = 'queued'"),
        sqlite_where=sa.text("state = 'queued'"),
    )
    op.drop_column("turns", "next_message")
    op.drop_column("turns", "failures")
    op.drop_column("turns", "holder")
