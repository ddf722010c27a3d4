"""Drop three counts that nobody reads."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_COUNTS = (("accounts", "last_rows"), ("feedback", "failures"), ("cases", "failures"))


def upgrade() -> None:
    for table, column in _COUNTS:
        op.drop_column(table, column)


def downgrade() -> None:
    for table, column in _COUNTS:
        op.add_column(table, sa.Column(column, sa.Integer(), server_default="0", nullable=False))
