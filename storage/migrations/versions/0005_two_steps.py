"""Refuse to queue a reply that lacks one of two approvals."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MESSAGE = "this brand publishes with two approvals"
# A confirmation has no words: it says nothing to a customer, and one person decides it.
_LACKS_ONE = """
    EXISTS (
        SELECT 1 FROM cases
        JOIN two_step_brands ON two_step_brands.brand = cases.brand
        JOIN decisions ON decisions.id = NEW.decision_id AND decisions.text <> ''
        WHERE cases.id = NEW.case_id AND NOT (
            decisions.decided_as = 'brand_approver' AND EXISTS (
                SELECT 1 FROM proposals
                WHERE proposals.case_id = decisions.case_id
                AND proposals.draft_number = decisions.draft_number
                AND proposals.feedback_revision = decisions.feedback_revision
                AND proposals.proposed_by <> decisions.decided_by
            )
        )
    )
"""


def upgrade() -> None:
    op.create_table(
        "two_step_brands",
        sa.Column("brand", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("brand", name=op.f("pk_two_step_brands")),
    )
    op.add_column(
        "decisions",
        sa.Column("decided_as", sa.String(length=20), server_default="", nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"""
            CREATE FUNCTION pyeongpan_two_steps() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {_LACKS_ONE} THEN
                    RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'check_violation';
                END IF;
                RETURN NEW;
            END
            $$
            """
        )
        op.execute(
            "CREATE TRIGGER publications_two_steps BEFORE INSERT OR UPDATE OF decision_id, case_id "
            "ON publications FOR EACH ROW EXECUTE FUNCTION pyeongpan_two_steps()"
        )
    else:
        for name, event in (("added", "INSERT"), ("changed", "UPDATE OF decision_id, case_id")):
            op.execute(
                f"CREATE TRIGGER publications_two_steps_{name} BEFORE {event} ON publications "
                f"WHEN {_LACKS_ONE} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER publications_two_steps ON publications")
        op.execute("DROP FUNCTION pyeongpan_two_steps")
    else:
        for name in ("added", "changed"):
            op.execute(f"DROP TRIGGER publications_two_steps_{name}")
    op.drop_column("decisions", "decided_as")
    op.drop_table("two_step_brands")
