"""Tables.

Naming: ``*_at`` are aware UTC instants. A row somebody works on carries ``lease_until`` and
``lease_token``; whoever settles must still hold the token. ``queued_at`` is when the row last got
a message, so that the sweep can tell a lost message from a busy worker.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC on both databases; SQLite keeps no zone, so it is put back when reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive instants; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigKey = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - declared by the base class as a plain attribute
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
        bytes: LargeBinary,
        float: Float,
        bool: Boolean,
    }


NO_STARS = 6
"""Where feedback without stars stands among those with 1 to 5."""
USUAL_CAPACITY = 100
"""Most undecided cases a person has at once, unless it is set otherwise."""


UNFINISHED = "state NOT IN ('published', 'refused', 'cancelled')"
"""Publications that somebody or something waits for."""
UNTOLD = "state IN ('queued', 'sending', 'uncertain')"
"""Alerts that are still to be told, or that may have been."""


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


class AccountRow(Base):
    """What the database knows of one account at one place: progress, lease, health.

    An account that reads another place goes on in another row; what the old place brought belongs
    to the old row, which counts as taken out.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200))
    brand: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(50))
    source: Mapped[dict[str, Any] | None]
    """The options that name the place; None until a version that keeps them has started."""
    watermark: Mapped[datetime | None]
    next_due_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    run_id: Mapped[int] = mapped_column(default=0)
    """Number of the newest run; one that was interrupted keeps it with its place, and only then."""
    run_since: Mapped[datetime | None]
    run_until: Mapped[datetime | None]
    run_cursor: Mapped[str | None]
    backfill_until: Mapped[datetime | None]
    """End of the first collection; what came before it and is old never alerts singly."""
    last_success_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_accounts_current", "key", unique=True, **_where("removed_at IS NULL")),
    )


class FeedbackRow(Base):
    """One review, inquiry or post; text is masked, the original is sealed."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    brand: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(20))
    native_id: Mapped[str] = mapped_column(String(300))
    revision: Mapped[int] = mapped_column(default=1)
    content_fingerprint: Mapped[str] = mapped_column(String(64))
    sealed_original: Mapped[bytes | None]
    title: Mapped[str]
    text: Mapped[str]
    rating: Mapped[int | None]
    author: Mapped[str]
    author_fingerprint: Mapped[str] = mapped_column(String(64))
    order_fingerprint: Mapped[str] = mapped_column(String(64))
    product_id: Mapped[str]
    product_name: Mapped[str]
    url: Mapped[str]
    reach: Mapped[int | None]
    extra: Mapped[dict[str, Any]]
    written_at: Mapped[datetime]
    written_at_is_exact: Mapped[bool]
    edited_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    last_seen_run: Mapped[int]
    gone_at: Mapped[datetime | None]
    replied_elsewhere_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    is_backfill: Mapped[bool]
    state: Mapped[str] = mapped_column(String(20))
    queued_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    sentiment: Mapped[str | None] = mapped_column(String(20))
    score: Mapped[float | None]
    severity: Mapped[str | None] = mapped_column(String(20))
    abusive: Mapped[bool | None]
    intent: Mapped[str | None] = mapped_column(String(20))
    needs_look: Mapped[bool] = mapped_column(default=False)
    """A person should look although no case was opened: stars and text disagree, or unsure."""
    category: Mapped[str | None] = mapped_column(String(20))
    analysis: Mapped[dict[str, Any] | None]
    model_version: Mapped[str | None] = mapped_column(String(100))

    __table_args__ = (
        UniqueConstraint("account_id", "kind", "native_id"),
        Index("ix_feedback_waiting", "queued_at", **_where("state = 'collected'")),
        Index("ix_feedback_window", "account_id", "written_at"),
        # With all that is counted, so that counting reads no texts.
        Index(
            "ix_feedback_brand_written_at",
            "brand",
            "written_at",
            "channel",
            "category",
            "sentiment",
            "id",
        ),
        Index("ix_feedback_author", "brand", "author_fingerprint"),
        Index(
            "ix_feedback_order", "brand", "order_fingerprint", **_where("order_fingerprint <> ''")
        ),
        Index("ix_feedback_needs_look", "brand", **_where("needs_look")),
    )


class FeedbackRevisionRow(Base):
    """What a piece of feedback said before its writer edited it."""

    __tablename__ = "feedback_revisions"

    feedback_id: Mapped[int] = mapped_column(ForeignKey("feedback.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    text: Mapped[str]
    rating: Mapped[int | None]
    content_fingerprint: Mapped[str] = mapped_column(String(64))
    sealed_original: Mapped[bytes | None]
    replaced_at: Mapped[datetime]
    analysis: Mapped[dict[str, Any] | None]
    """Where its hostile words are; None where nothing had read it yet."""


class CaseRow(Base):
    """One negative feedback or inquiry under management."""

    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    feedback_id: Mapped[int] = mapped_column(ForeignKey("feedback.id"), unique=True)
    brand: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    severity: Mapped[str] = mapped_column(String(20))
    severity_rank: Mapped[int]
    """0 critical, 1 high, 2 normal: the queue's order."""
    category: Mapped[str | None] = mapped_column(String(20))
    is_negative: Mapped[bool]
    due_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    """Why a person must look again, shown on the case; empty when there is nothing to say."""
    reminder: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """The last deadline notice: empty, ``due_soon``, ``overdue`` or ``escalated``."""
    stars_rank: Mapped[int] = mapped_column(default=NO_STARS, server_default=str(NO_STARS))
    """The feedback's stars, 6 without: the queue's order."""
    reach_rank: Mapped[int] = mapped_column(default=0, server_default="0")
    """Minus the feedback's reach: the queue's order, widest first."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", name="fk_cases_owner_id"))
    """Who looks after it (담당); None for nobody."""
    owner_note: Mapped[str] = mapped_column(default="", server_default="")
    """What whoever had it before leaves the owner."""
    draft_number: Mapped[int] = mapped_column(default=0)
    """Number of the draft a decision would be about; 0 before the first."""
    asked_id: Mapped[int | None] = mapped_column(BigInteger)
    """The proposal that the brand, or somebody with a higher limit, is asked about (승인 요청)."""
    queued_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (
        Index(
            "ix_cases_asked",
            "brand",
            "severity_rank",
            "due_at",
            "id",
            "asked_id",
            **_where("asked_id IS NOT NULL"),
        ),
        Index("ix_cases_brand_state", "brand", "state"),
        Index("ix_cases_feedback_state", "feedback_id", "state"),
        Index("ix_cases_waiting", "queued_at", **_where("state = 'opened'")),
        # A person's queue, nobody's queue, and how much each person has open.
        Index(
            "ix_cases_owner",
            "owner_id",
            "state",
            "severity_rank",
            "due_at",
            **_where("closed_at IS NULL"),
        ),
    )


class DraftRow(Base):
    """One proposed reply; a new revision of the feedback or a redraft makes a new row."""

    __tablename__ = "drafts"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    feedback_revision: Mapped[int]
    text: Mapped[str]
    sentences: Mapped[list[Any]]
    missing: Mapped[list[Any]]
    strategy: Mapped[str] = mapped_column(String(30))
    cited: Mapped[dict[str, Any]]
    """Clause reference to the content hash it had when it was cited."""
    made_at: Mapped[datetime]


class DecisionRow(Base):
    """One decision of a person: approval or rejection, with who and when."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str] = mapped_column(String(20))
    """``approval`` or ``rejection``."""
    action: Mapped[str] = mapped_column(String(20), default="answer", server_default="answer")
    """What was approved: an ``answer`` of these words, or to ``confirm`` without any."""
    draft_number: Mapped[int]
    feedback_revision: Mapped[int]
    text: Mapped[str]
    text_sha256: Mapped[str] = mapped_column(String(64))
    was_edited: Mapped[bool]
    reason: Mapped[str]
    decided_by: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime]
    decided_in: Mapped[str] = mapped_column(String(20))
    """``console``, ``slack`` or ``command``."""
    decided_as: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """The role of who decided; empty where nobody signs in."""

    __table_args__ = (
        CheckConstraint("kind IN ('approval', 'rejection')", name="kind"),
        CheckConstraint("decided_by <> ''", name="decided_by"),
        # What a publication refers to: an approval, of this case, with this text.
        UniqueConstraint("id", "kind", "case_id", "text_sha256"),
        Index("ix_decisions_case_id", "case_id"),
    )


class PublicationRow(Base):
    """One approved reply on its way to its channel.

    The foreign key names the decision's kind and the hash of the text it approved: the database
    itself refuses a publication without a person's approval of exactly these words. A trigger
    asks for the second one where the case's brand is in ``two_step_brands``: the brand's own
    approval, of the very words that the agency's approval proposed last.
    """

    __tablename__ = "publications"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    case_id: Mapped[int]
    feedback_id: Mapped[int] = mapped_column(ForeignKey("feedback.id"))
    decision_id: Mapped[int] = mapped_column(unique=True)
    decision_kind: Mapped[str] = mapped_column(String(20), default="approval")
    text_sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    available_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    absent_reads: Mapped[int] = mapped_column(default=0)
    failed_reads: Mapped[int] = mapped_column(default=0)
    receipt: Mapped[str] = mapped_column(default="")
    published_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        ForeignKeyConstraint(
            ["decision_id", "decision_kind", "case_id", "text_sha256"],
            ["decisions.id", "decisions.kind", "decisions.case_id", "decisions.text_sha256"],
        ),
        CheckConstraint("decision_kind = 'approval'", name="approved"),
        Index(
            "uq_publications_live",
            "case_id",
            unique=True,
            **_where("state NOT IN ('refused', 'cancelled')"),
        ),
        Index(
            "ix_publications_unfinished",
            "state",
            "queued_at",
            **_where(UNFINISHED),
        ),
        Index("ix_publications_feedback_id", "feedback_id"),
        Index("ix_publications_case_id", "case_id"),
        Index(
            "ix_publications_published_at",
            "published_at",
            "case_id",
            **_where("published_at IS NOT NULL"),
        ),
    )


class TwoStepBrandRow(Base):
    """A brand whose replies the agency and the brand approve, as its folder says."""

    __tablename__ = "two_step_brands"

    brand: Mapped[str] = mapped_column(String(100), primary_key=True)


class RetentionRow(Base):
    """How long a brand's personal data is kept, as its folder said last."""

    __tablename__ = "retentions"

    brand: Mapped[str] = mapped_column(String(100), primary_key=True)
    seconds: Mapped[int] = mapped_column(BigInteger)


class AlertRow(Base):
    """One internal notice; the key makes the same event one notice per destination."""

    __tablename__ = "alerts"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(String(300), unique=True)
    rule: Mapped[str] = mapped_column(String(50))
    brand: Mapped[str] = mapped_column(String(100))
    destination: Mapped[str] = mapped_column(String(100))
    feedback_id: Mapped[int | None] = mapped_column(ForeignKey("feedback.id"))
    urgent: Mapped[bool] = mapped_column(default=False)
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20))
    made_at: Mapped[datetime]
    available_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    failed_reads: Mapped[int] = mapped_column(default=0)
    absent_reads: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    receipt: Mapped[str] = mapped_column(default="")
    problem: Mapped[str] = mapped_column(default="")
    burst_id: Mapped[int | None] = mapped_column(BigInteger)
    """The alert whose thread stands for this one; None for a message of its own."""
    shown: Mapped[str] = mapped_column(default="", server_default="")
    """What the message in Slack says now; another word than the case's means: update it."""
    is_final: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Nothing about the message will change any more."""
    read_by: Mapped[str] = mapped_column(default="", server_default="")
    read_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_alerts_living", "rule", **_where("state = 'sent' AND NOT is_final")),
        Index("ix_alerts_burst_id", "burst_id", **_where("burst_id IS NOT NULL")),
        Index(
            "ix_alerts_unfinished",
            "state",
            "queued_at",
            **_where(UNTOLD),
        ),
        Index("ix_alerts_queued", "destination", **_where("state = 'queued'")),
        Index("ix_alerts_feedback_id", "feedback_id"),
        Index("ix_alerts_brand_made_at", "brand", "made_at"),
    )


class TurnRow(Base):
    """Whose turn it is to post to one destination, and when the next one comes.

    A method whose calls Slack counts together has a row as well, under its own name.
    """

    __tablename__ = "turns"

    destination: Mapped[str] = mapped_column(String(100), primary_key=True)
    free_at: Mapped[datetime]
    """When the next message may be posted; during a post, when its lease ends.

    A method's lies ahead by the calls that were made, and during its calls by their lease.
    """
    holder: Mapped[str | None] = mapped_column(String(32))
    """Lease token of the alert that is being posted, or of a method's calls under way."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """Posts in a row that Slack did not take."""
    next_message: Mapped[str] = mapped_column(String(50), default="", server_default="")
    """What is asked for at ``free_at``; empty when nothing is."""


class ReplayRow(Base):
    """A signed Slack request that was seen; a second one is a replay."""

    __tablename__ = "replays"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_at: Mapped[datetime]


class HistoryRow(Base):
    """One move of one thing: who, when and why."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    entity: Mapped[str] = mapped_column(String(20))
    entity_id: Mapped[int] = mapped_column(BigInteger)
    feedback_id: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(20))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str]
    moved_at: Mapped[datetime]

    __table_args__ = (Index("ix_history_feedback_id", "feedback_id"),)


class OutboxRow(Base):
    """One message that must reach the broker; deleted once it did."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    actor: Mapped[str] = mapped_column(String(50))
    args: Mapped[list[Any]]
    available_at: Mapped[datetime]

    __table_args__ = (Index("ix_outbox_available_at", "available_at"),)


class QuarantineRow(Base):
    """A row that could not be parsed; kept sealed until somebody repairs or discards it."""

    __tablename__ = "quarantine"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str]
    source: Mapped[str]
    row: Mapped[int | None]
    field: Mapped[str]
    remedy: Mapped[str]
    sealed_raw: Mapped[bytes | None]
    seen_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("account_id", "fingerprint"),)


class IncidentRow(Base):
    """Something the operator must look at: a changed layout, refused credentials, ..."""

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    """The account's key, or another thing the incident is about."""
    message: Mapped[str]
    sealed_page: Mapped[bytes | None]
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_incidents_open", "kind", "subject", unique=True, **_where("closed_at IS NULL")),
    )


class TokenRow(Base):
    """A rotating token of an account, sealed."""

    __tablename__ = "tokens"

    account_key: Mapped[str] = mapped_column(String(200), primary_key=True)
    sealed: Mapped[bytes | None]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))


class ErasureRow(Base):
    """The record that an author's personal data was erased on request."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(String(100))
    author_fingerprint: Mapped[str] = mapped_column(String(64))
    feedback_erased: Mapped[int]
    requested_by: Mapped[str] = mapped_column(String(200))
    erased_at: Mapped[datetime]


class PersonRow(Base):
    """Somebody who may sign in to the console, or click in Slack."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(120), unique=True)
    """Lower case."""
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(20))
    sees_all_brands: Mapped[bool] = mapped_column(default=False)
    password_hash: Mapped[str] = mapped_column(default="")
    """Empty for who signs in elsewhere."""
    sealed_totp: Mapped[bytes | None]
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """The last time step a one-time code was used for; no code counts twice."""
    oidc_subject: Mapped[str | None] = mapped_column(String(300), unique=True)
    """``issuer|subject``."""
    slack_user: Mapped[str | None] = mapped_column(String(40), unique=True)
    capacity: Mapped[int] = mapped_column(
        default=USUAL_CAPACITY, server_default=str(USUAL_CAPACITY)
    )
    """Most undecided cases that are given to the person at once."""
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    made_at: Mapped[datetime]


class PersonBrandRow(Base):
    """One brand a person may see."""

    __tablename__ = "person_brands"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    brand: Mapped[str] = mapped_column(String(100), primary_key=True)


class ChannelOwnerRow(Base):
    """Who looks after a brand's cases on one channel, and who does when that person cannot."""

    __tablename__ = "channel_owners"

    brand: Mapped[str] = mapped_column(String(100), primary_key=True)
    channel: Mapped[str] = mapped_column(String(50), primary_key=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    backup_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))


class SessionRow(Base):
    """One browser that is signed in; only the hash of its token is kept."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (Index("ix_sessions_person_id", "person_id"),)


class SignInFailureRow(Base):
    """One failed sign-in, counted per login and per address to slow guessing down."""

    __tablename__ = "sign_in_failures"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    subject: Mapped[str] = mapped_column(String(200))
    """``login:...`` or ``address:...``."""
    failed_at: Mapped[datetime]

    __table_args__ = (Index("ix_sign_in_failures_subject", "subject", "failed_at"),)


class AuditRow(Base):
    """What people did besides deciding: signing in, looking at hidden words, changing people."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    happened_at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(210))
    action: Mapped[str] = mapped_column(String(40))
    brand: Mapped[str] = mapped_column(String(100), default="")
    case_id: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(String(60), default="")

    __table_args__ = (Index("ix_audit_case_id", "case_id"),)


class PresenceRow(Base):
    """Who has a case on the screen, as of a moment ago."""

    __tablename__ = "presences"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    who: Mapped[str] = mapped_column(String(210), primary_key=True)
    came_at: Mapped[datetime]
    """Who came first holds the case; the others are asked twice."""
    seen_at: Mapped[datetime]


class SavedViewRow(Base):
    """A filter of the queue that a person keeps."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(String(210))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(500))

    __table_args__ = (UniqueConstraint("who", "name"),)


class ProposalRow(Base):
    """A reply one person found good and another must approve: a second step, or a limit."""

    __tablename__ = "proposals"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    draft_number: Mapped[int]
    feedback_revision: Mapped[int]
    text: Mapped[str]
    reason: Mapped[str] = mapped_column(String(20))
    """``two_step``, ``compensation`` or ``rewrite``; see ``storage.proposals.WAITS_FOR``."""
    won: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """What the reply gives beyond the customer's own money."""
    proposed_by: Mapped[str] = mapped_column(String(210))
    proposed_at: Mapped[datetime]

    __table_args__ = (Index("ix_proposals_case_id", "case_id"),)


# The queue is read by an index alone, whatever it is filtered by: one for each order of what is
# open, and for what is closed, ten times as much, one for each thing that may be asked for.
_OPEN, _CLOSED = (_where(f"closed_at IS {word}") for word in ("NULL", "NOT NULL"))
_FILTERED = (
    CaseRow.brand,
    CaseRow.channel,
    CaseRow.category,
    CaseRow.kind,
    CaseRow.severity_rank,
    CaseRow.stars_rank,
    CaseRow.owner_id,
    CaseRow.due_at,
)


def _queue_index(name: str, *first: Any, **where: Any) -> None:  # noqa: ANN401 - columns
    rest = [column for column in _FILTERED if column not in first]
    Index(f"ix_cases_{name}", *first, CaseRow.id, *rest, CaseRow.feedback_id, **where)


for _name, *_order in (
    ("urgent", CaseRow.severity_rank, CaseRow.due_at),
    ("due", CaseRow.due_at),
    ("opened", CaseRow.opened_at),
    ("stars", CaseRow.stars_rank, CaseRow.due_at),
    ("reach", CaseRow.reach_rank, CaseRow.due_at),
):
    _queue_index(_name, CaseRow.state, *_order, **_OPEN)
_queue_index("closed", CaseRow.closed_at, **_CLOSED)
for _column in _FILTERED[:-1]:
    _queue_index(f"closed_{_column.key}", _column, CaseRow.closed_at, **_CLOSED)
