"""Tell confirmations from answers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "decisions",
        sa.Column("action", sa.String(length=20), server_default="answer", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("decisions", "action")
