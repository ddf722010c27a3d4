"""Take a second approval only of the words that the agency's own approval proposed last."""

# ruff: noqa: S608 - every part of these statements is a constant of this file

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MESSAGE = "this brand publishes with two approvals"
_SOME_PROPOSAL = """
    EXISTS (
        SELECT 1 FROM proposals
        WHERE proposals.case_id = decisions.case_id
        AND proposals.draft_number = decisions.draft_number
        AND proposals.feedback_revision = decisions.feedback_revision
        AND proposals.proposed_by <> decisions.decided_by
    )
"""
# What was proposed later took the earlier words back, whoever proposed it and why.
_THE_LAST_PROPOSAL = """
    EXISTS (
        SELECT 1 FROM proposals
        WHERE proposals.id = (
            SELECT max(latest.id) FROM proposals AS latest
            WHERE latest.case_id = decisions.case_id
            AND latest.draft_number = decisions.draft_number
            AND latest.feedback_revision = decisions.feedback_revision
        )
        AND proposals.reason = 'two_step'
        AND proposals.text = decisions.text
        AND proposals.proposed_by <> decisions.decided_by
    )
"""


def upgrade() -> None:
    _ask_for(_THE_LAST_PROPOSAL)


def downgrade() -> None:
    _ask_for(_SOME_PROPOSAL)


def _ask_for(agencys_step: str) -> None:
    lacks_one = f"""
        EXISTS (
            SELECT 1 FROM cases
            JOIN two_step_brands ON two_step_brands.brand = cases.brand
            JOIN decisions ON decisions.id = NEW.decision_id AND decisions.text <> ''
            WHERE cases.id = NEW.case_id AND NOT (
                decisions.decided_as = 'brand_approver' AND {agencys_step}
            )
        )
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"""
            CREATE OR REPLACE FUNCTION pyeongpan_two_steps() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {lacks_one} THEN
                    RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'check_violation';
                END IF;
                RETURN NEW;
            END
            $$
            """
        )
        return
    for name, event in (("added", "INSERT"), ("changed", "UPDATE OF decision_id, case_id")):
        op.execute(f"DROP TRIGGER publications_two_steps_{name}")
        op.execute(
            f"CREATE TRIGGER publications_two_steps_{name} BEFORE {event} ON publications "
            f"WHEN {lacks_one} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )
