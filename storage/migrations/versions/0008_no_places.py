"""Drop alerts' places in a queue that is no more."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("alerts", "turn_at")


def downgrade() -> None:
    op.add_column("alerts", sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True))
