"""The error tree.

ReputationError
  RetryableError            nothing happened outside; trying again later is right
    ChannelUnavailableError
    RateLimitedError        carries the channel's own waiting time
  PermanentError            trying again changes nothing
    CredentialRejectedError
    AccessBlockedError
    LayoutChangedError
    BadInputError
    PublicationRefusedError
    DecisionRefusedError
    IllegalTransitionError
    ConfigurationError
      SourceMovedError
  OutcomeUnknownError       a write may or may not have happened; read before writing again

Messages carry ids, codes and remedies, never a customer's text.
"""


class ReputationError(Exception):
    """Base of every error this project raises on purpose."""


class RetryableError(ReputationError):
    """Nothing was changed outside; the same call may succeed later."""


class ChannelUnavailableError(RetryableError):
    """The channel did not answer properly: network, timeout on a read, 5xx, half a body."""


class RateLimitedError(RetryableError):
    """The channel asked us to slow down.

    Args:
        message: What was limited.
        retry_after_s: Seconds the channel asked for; None when it did not say.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PermanentError(ReputationError):
    """Repeating the call cannot help; a person or a change is needed."""


class CredentialRejectedError(PermanentError):
    """The channel refused our credentials, our address or our permissions.

    Args:
        message: What was refused and the remedy, for the operator.
        reason: One of ``secret``, ``permission``, ``address``, ``clock``, ``expired``.
    """

    def __init__(self, message: str, reason: str = "secret") -> None:
        super().__init__(message)
        self.reason = reason


class AccessBlockedError(PermanentError):
    """The site does not want us here: robots.txt, CAPTCHA or a block page. Never worked around."""


class LayoutChangedError(PermanentError):
    """A page or payload no longer has the shape its parser knows.

    Args:
        message: What is missing, naming the selector or field.
        payload: The page as received, to be sealed and kept for whoever repairs the parser.
    """

    def __init__(self, message: str, payload: bytes = b"") -> None:
        super().__init__(message)
        self.payload = payload


class BadInputError(PermanentError):
    """A file, row or field cannot be used.

    Args:
        message: What is wrong.
        source: File name or account.
        row: 1-based row as a person counts it in the file, header included.
        field: Column or key.
        remedy: What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        source: str = "",
        row: int | None = None,
        field: str = "",
        remedy: str = "",
    ) -> None:
        where = ", ".join(
            part
            for part in (
                source,
                f"row {row}" if row is not None else "",
                field and f"field {field!r}",
            )
            if part
        )
        super().__init__(
            (f"{where}: " if where else "") + message + (f" -> {remedy}" if remedy else "")
        )
        self.source = source
        self.row = row
        self.field = field
        self.remedy = remedy


class PublicationRefusedError(PermanentError):
    """The channel received the reply and said no (too long, already answered, item deleted).

    Args:
        message: The channel's reason in our words.
        code: The channel's own code, ``ANSWERED_ELSEWHERE``, ``READ_ONLY``, ``GONE``, or empty.
    """

    ANSWERED_ELSEWHERE = "answered_elsewhere"
    """Somebody else's answer stands where ours would: there is nothing left to do."""
    READ_ONLY = "read_only"
    """This item cannot be answered through the channel's interface: a person does it."""
    GONE = "gone"
    """The channel itself says that the item is not there (any more): nothing is left to answer."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class DecisionRefusedError(PermanentError):
    """A person decided about something that has changed meanwhile.

    Args:
        message: What changed, in Korean, for the person.
        reason: One of ``decided``, ``revision``, ``draft``, ``policy``, ``missing``, ``closed``.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class IllegalTransitionError(PermanentError):
    """A state move that the tables in ``domain.states`` do not allow."""


class ConfigurationError(PermanentError):
    """Settings or a brand folder are wrong; the message names the place and the remedy."""


class SourceMovedError(ConfigurationError):
    """Feedback is from another place than the one its account reads now; nothing is said there."""


class OutcomeUnknownError(ReputationError):
    """A write left this machine and no answer came back: read the channel before writing again."""
