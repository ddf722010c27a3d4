"""Let a case say which proposal waits, and a proposal how much its reply gives."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MOST = 2**62
"""What a reply gives is read by code, not by the database: those there are stay the brand's to see."""


def upgrade() -> None:
    op.add_column(
        "proposals", sa.Column("won", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.execute(f"UPDATE proposals SET won = {_MOST} WHERE reason = 'compensation'")  # noqa: S608
    op.add_column("cases", sa.Column("asked_id", sa.BigInteger(), nullable=True))
    # Until now the note told whether what was asked for last still waits; it has been worded in two ways.
    op.execute(
        """
        UPDATE cases SET asked_id = (
            SELECT max(proposals.id) FROM proposals
            WHERE proposals.case_id = cases.id
            AND proposals.draft_number = cases.draft_number
            AND proposals.reason <> 'rewrite'
        )
        WHERE state = 'drafted'
        AND (note LIKE '%두 번째 승인을 요청했습니다.'
            OR note LIKE '%브랜드 승인을 요청했습니다.'
            OR note LIKE '%보상 한도를 넘는 승인을 요청했습니다.')
        """
    )
    asked = sa.text("asked_id IS NOT NULL")
    op.create_index(
        "ix_cases_asked",
        "cases",
        ["brand", "severity_rank", "due_at", "id", "asked_id"],
        postgresql_where=asked,
        sqlite_where=asked,
    )


def downgrade() -> None:
    op.drop_index("ix_cases_asked", table_name="cases")
    op.drop_column("cases", "asked_id")
    op.drop_column("proposals", "won")
