"""Let the statistics be counted by indexes alone."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_feedback_brand_written_at", table_name="feedback")
    op.create_index(
        "ix_feedback_brand_written_at",
        "feedback",
        ["brand", "written_at", "channel", "category", "sentiment", "id"],
    )
    op.create_index("ix_cases_feedback_state", "cases", ["feedback_id", "state"])


def downgrade() -> None:
    op.drop_index("ix_cases_feedback_state", table_name="cases")
    op.drop_index("ix_feedback_brand_written_at", table_name="feedback")
    op.create_index("ix_feedback_brand_written_at", "feedback", ["brand", "written_at"])
