"""Add people, their sessions and traces, and the search index."""

# ruff: noqa: S608 - every part of these statements is a constant of this file

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SEARCHED = "title || ' ' || text || ' ' || product_name"
_INDEXED_CHARACTERS = 4000
"""Of a longer text, only the beginning is found."""


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("sees_all_brands", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("sealed_totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("oidc_subject", sa.String(length=300), nullable=True),
        sa.Column("slack_user", sa.String(length=40), nullable=True),
        _instant("valid_from", nullable=True),
        _instant("valid_until", nullable=True),
        _instant("disabled_at", nullable=True),
        _instant("made_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("login", name=op.f("uq_people_login")),
        sa.UniqueConstraint("oidc_subject", name=op.f("uq_people_oidc_subject")),
        sa.UniqueConstraint("slack_user", name=op.f("uq_people_slack_user")),
    )
    op.create_table(
        "person_brands",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("brand", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_person_brands_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "brand", name=op.f("pk_person_brands")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        _instant("made_at"),
        _instant("seen_at"),
        _instant("expires_at"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_table(
        "sign_in_failures",
        sa.Column("id", _BIG_KEY, nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        _instant("failed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failures")),
    )
    op.create_index("ix_sign_in_failures_subject", "sign_in_failures", ["subject", "failed_at"])
    op.create_table(
        "audit",
        sa.Column("id", _BIG_KEY, nullable=False),
        _instant("happened_at"),
        sa.Column("who", sa.String(length=210), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("brand", sa.String(length=100), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_case_id", "audit", ["case_id"])
    op.create_table(
        "presences",
        sa.Column("case_id", _BIG_KEY, nullable=False),
        sa.Column("who", sa.String(length=210), nullable=False),
        _instant("came_at"),
        _instant("seen_at"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_presences_case_id")),
        sa.PrimaryKeyConstraint("case_id", "who", name=op.f("pk_presences")),
    )
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(length=210), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("who", "name", name=op.f("uq_saved_views_who_name")),
    )
    op.create_table(
        "proposals",
        sa.Column("id", _BIG_KEY, nullable=False),
        sa.Column("case_id", _BIG_KEY, nullable=False),
        sa.Column("draft_number", sa.Integer(), nullable=False),
        sa.Column("feedback_revision", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("proposed_by", sa.String(length=210), nullable=False),
        _instant("proposed_at"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_proposals_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index("ix_proposals_case_id", "proposals", ["case_id"])
    op.create_index(
        "ix_cases_closed",
        "cases",
        ["closed_at", "id"],
        postgresql_where=sa.text("closed_at IS NOT NULL"),
        sqlite_where=sa.text("closed_at IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _search_on_postgresql()
    else:
        _search_on_sqlite()


def _search_on_postgresql() -> None:
    # Korean words of two syllables are what people look for; an index of trigrams has none.
    # A loop, because set functions take forty times as long for the same pairs.
    op.execute(
        f"""
        CREATE FUNCTION pyeongpan_grams(value text) RETURNS text[]
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT COST 1000 AS $$
        DECLARE
            squashed text := translate(
                lower(left(value, {_INDEXED_CHARACTERS}) COLLATE "C"), E' \\n\\r\\t', ''
            );
            characters text[] := string_to_array(squashed, NULL);
            grams text[] := '{{}}';
        BEGIN
            FOR n IN 1 .. cardinality(characters) - 1 LOOP
                grams := grams || (characters[n] || characters[n + 1]);
            END LOOP;
            RETURN grams;
        END
        $$
        """
    )
    op.execute(
        f"CREATE INDEX ix_feedback_grams ON feedback USING gin (pyeongpan_grams({_SEARCHED}))"
    )


def _grams_on_sqlite(row: str) -> str:
    searched = f"{row}.title || ' ' || {row}.text || ' ' || {row}.product_name"
    squashed = f"lower(substr({searched}, 1, {_INDEXED_CHARACTERS}))"
    for character in ("' '", "char(10)", "char(13)", "char(9)"):
        squashed = f"replace({squashed}, {character}, '')"
    return (
        "(SELECT group_concat(substr(squashed, n, 2), ' ') "
        f"FROM (SELECT {squashed} AS squashed), search_positions WHERE n < length(squashed))"
    )


def _search_on_sqlite() -> None:
    # A trigger may not count by itself, so the positions are a table.
    op.execute("CREATE TABLE search_positions (n INTEGER PRIMARY KEY)")
    op.execute(
        "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted "
        f"WHERE n < {_INDEXED_CHARACTERS}) INSERT INTO search_positions SELECT n FROM counted"
    )
    op.execute(
        "CREATE VIRTUAL TABLE feedback_search USING fts5"
        "(grams, content='', detail=none, columnsize=0)"
    )
    add = f"INSERT INTO feedback_search(rowid, grams) VALUES (new.id, {_grams_on_sqlite('new')});"
    remove = (
        "INSERT INTO feedback_search(feedback_search, rowid, grams) "
        f"VALUES ('delete', old.id, {_grams_on_sqlite('old')});"
    )
    op.execute(f"CREATE TRIGGER feedback_search_added AFTER INSERT ON feedback BEGIN {add} END")
    op.execute(
        "CREATE TRIGGER feedback_search_changed AFTER UPDATE OF title, text, product_name "
        f"ON feedback BEGIN {remove} {add} END"
    )
    op.execute(
        f"CREATE TRIGGER feedback_search_removed AFTER DELETE ON feedback BEGIN {remove} END"
    )
    op.execute(
        "INSERT INTO feedback_search(rowid, grams) "
        f"SELECT id, {_grams_on_sqlite('feedback')} FROM feedback"
    )


def downgrade() -> None:
    op.drop_index("ix_cases_closed", table_name="cases")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_feedback_grams")
        op.execute("DROP FUNCTION pyeongpan_grams")
    else:
        for event in ("added", "changed", "removed"):
            op.execute(f"DROP TRIGGER feedback_search_{event}")
        op.execute("DROP TABLE feedback_search")
        op.execute("DROP TABLE search_positions")
    for table in (
        "proposals",
        "saved_views",
        "presences",
        "audit",
        "sign_in_failures",
        "sessions",
        "person_brands",
        "people",
    ):
        op.drop_table(table)
