"""Remember which place on its channel an account's row was read from; another place is another row."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_COLUMNS = (
    "id, key, brand, channel, watermark, next_due_at, lease_until, lease_token, run_id, run_since, "
    "run_until, run_cursor, backfill_until, last_success_at, failures, last_error, removed_at"
)


def upgrade() -> None:
    _allow_namesakes()
    is_current = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_accounts_current",
        "accounts",
        ["key"],
        unique=True,
        postgresql_where=is_current,
        sqlite_where=is_current,
    )


def downgrade() -> None:
    op.drop_index("uq_accounts_current", table_name="accounts")
    # Places that were left stay, as accounts that were taken out; their feedback is theirs.
    op.execute(
        """
        UPDATE accounts SET key = key || '#' || id
        WHERE removed_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM accounts AS others WHERE others.key = accounts.key
            AND (others.removed_at IS NULL OR others.id > accounts.id)
        )
        """
    )
    _refuse_namesakes()


def _allow_namesakes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(sa.Column("source", sa.JSON(), nullable=True))
        return
    op.drop_constraint("uq_accounts_key", "accounts")
    op.add_column("accounts", sa.Column("source", sa.JSON(), nullable=True))


def _refuse_namesakes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(sa.UniqueConstraint("key", name="uq_accounts_key"))
        return
    op.drop_column("accounts", "source")
    op.create_unique_constraint("uq_accounts_key", "accounts", ["key"])


def _make_anew(*parts: sa.schema.SchemaItem) -> None:
    """Make the table anew, for SQLite takes no constraint away.

    What refers to it is let go of by the drop and held again by the insert: it is checked when
    the migration ends.
    """
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute(f"CREATE TEMPORARY TABLE kept_accounts AS SELECT {_COLUMNS} FROM accounts")  # noqa: S608
    op.drop_table("accounts")
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("brand", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("watermark", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("run_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_cursor", sa.Text(), nullable=True),
        sa.Column("backfill_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        *parts,
    )
    op.execute(f"INSERT INTO accounts ({_COLUMNS}) SELECT {_COLUMNS} FROM kept_accounts")  # noqa: S608
    op.execute("DROP TABLE kept_accounts")
