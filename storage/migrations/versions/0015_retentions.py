"""Remember how long each brand's personal data is kept, for when its folder is gone."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retentions",
        sa.Column("brand", sa.String(length=100), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("brand", name=op.f("pk_retentions")),
    )


def downgrade() -> None:
    op.drop_table("retentions")
