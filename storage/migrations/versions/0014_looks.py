"""Settle the looks at what has a case: it is looked at there."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE feedback SET needs_look = false WHERE needs_look "
        "AND EXISTS (SELECT 1 FROM cases WHERE cases.feedback_id = feedback.id)"
    )


def downgrade() -> None:
    """Which were marked is not known, and nobody misses them."""
