"""Names of the messages that make workers act.

They live here because whoever changes a row writes its message in the same transaction, and the
console may do so without knowing the workers.
"""

from enum import StrEnum


class Message(StrEnum):
    """Actor names; the value is what travels through the broker."""

    ACCOUNT_COLLECT = "account.collect"
    FEEDBACK_ANALYZE = "feedback.analyze"
    FEEDBACK_ANALYZE_BACKLOG = "feedback.analyze_backlog"
    CASE_DRAFT_URGENT = "case.draft_urgent"
    CASE_DRAFT = "case.draft"
    PUBLICATION_PUBLISH = "publication.publish"
    PUBLICATION_VERIFY = "publication.verify"
    ALERT_SEND_URGENT = "alert.send_urgent"
    ALERT_SEND = "alert.send"
