"""Handing mail over to an SMTP server, one recipient at a time.

A server takes a message when it has read the line that ends it and answered; RFC 5321 forbids it
to deliver anything before. So everything up to that line may be tried again, and everything after
it that is no answer is unknown: unlike Slack, no server lets us look whether it took a message.

Source: https://www.rfc-editor.org/rfc/rfc5321 (3.3, 4.1.1.4, 4.2). Checked: 2026-11-28.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import contextmanager, suppress
from email.policy import SMTP
from typing import TYPE_CHECKING

from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    ReputationError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from domain.mail import MailServer

_TAKEN, _GO_ON, _SIGN_IN_FIRST = 250, 354, 530
_LONGEST_SAID = 200
_ADDRESSES = re.compile(r"\S+@\S+")
_LEADING_DOTS = re.compile(rb"^\.", re.MULTILINE)
# Korean headers and bodies travel as plain ASCII: no server needs to offer more than SMTP.
POLICY = SMTP.clone(cte_type="7bit")


class SmtpClient:
    """Hands mail over; retrying is the caller's, who knows what was stored.

    Args:
        server: Where.
        password: Of the server's user.
        sender: Address the mail comes from.
        timeout_s: For connecting and each answer.
        end_timeout_s: For the answer to the whole message; servers look for viruses first.
    """

    def __init__(
        self,
        server: MailServer,
        password: str,
        sender: str,
        *,
        timeout_s: float = 15.0,
        end_timeout_s: float = 60.0,
    ) -> None:
        self.server = server
        self.sender = sender
        self._password = password
        self._timeout_s = timeout_s
        self._end_timeout_s = end_timeout_s

    def send(self, recipient: str, message: EmailMessage) -> None:
        """Hand one message over for one recipient.

        Raises:
            RetryableError: Nothing was handed over; the same may succeed later.
            CredentialRejectedError: The server does not let us in.
            ConfigurationError: No trusted TLS, or the server does not take our sender.
            BadInputError: The server refuses this recipient or this message for good.
            OutcomeUnknownError: The whole message was sent and no answer came.
        """
        data = _LEADING_DOTS.sub(b"..", message.as_bytes(policy=POLICY))
        with self._connected() as smtp:
            code, said = smtp.mail(self.sender)
            if code != _TAKEN:
                raise self._sender_refused(code, said)
            code, said = smtp.rcpt(recipient)
            # 251: the server forwards it.
            if code not in {_TAKEN, 251}:
                raise _refused("the recipient", code, said)
            code, said = smtp.docmd("DATA")
            if code != _GO_ON:
                raise _refused("the message", code, said)
            smtp.send(data if data.endswith(b"\r\n") else data + b"\r\n")
            self._end(smtp)

    def _end(self, smtp: smtplib.SMTP) -> None:
        """Send the line that ends the message: from here on it may be delivered."""
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(self._end_timeout_s)
            smtp.send(b".\r\n")
            code, said = smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise OutcomeUnknownError(
                f"the mail was sent and no answer came ({type(error).__name__})"
            ) from None
        if code // 100 == 2:
            return
        if code // 100 in {4, 5}:
            raise _refused("the message", code, said)
        raise OutcomeUnknownError(f"the mail was sent and the answer is no answer ({code})")

    def check(self) -> None:
        """Sign in and go again, for ``doctor``.

        Raises:
            RetryableError: As ``send``.
            CredentialRejectedError: As ``send``.
            ConfigurationError: As ``send``.
        """
        with self._connected() as smtp:
            smtp.noop()

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Lend a connection, signed in; whatever breaks on it is one of our errors."""
        try:
            smtp = self._connect()
            try:
                self._introduce(smtp)
                yield smtp
                with suppress(smtplib.SMTPException, OSError):
                    smtp.quit()
            finally:
                smtp.close()
        except ReputationError:
            raise
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"{self._place}: its certificate is not trusted ({error.verify_message}); use the "
                "name the certificate is for, or name your own authority in SSL_CERT_FILE"
            ) from None
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"{self._place}: no TLS ({error.reason}); smtps:// belongs to port 465, smtp:// "
                "with STARTTLS to 587"
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelUnavailableError(f"{self._place}: {_words(error)}") from None

    def _connect(self) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port
        if self.server.is_tls_first:
            return smtplib.SMTP_SSL(
                host, port, timeout=self._timeout_s, context=ssl.create_default_context()
            )
        return smtplib.SMTP(host, port, timeout=self._timeout_s)

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if not (self.server.is_tls_first or self.server.is_plain):
            if not smtp.has_extn("starttls"):
                raise ConfigurationError(
                    f"{self._place}: offers no STARTTLS; use smtps:// and port 465, or ?tls=off "
                    "for a relay nobody can listen to"
                )
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
        if self.server.user:
            self._sign_in(smtp)

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        try:
            smtp.login(self.server.user, self._password)
        except smtplib.SMTPAuthenticationError as error:
            what = f"{self._place}: {_said(error.smtp_code, error.smtp_error)}"
            if error.smtp_code // 100 == 4:
                raise ChannelUnavailableError(what) from None
            raise CredentialRejectedError(
                f"{what}; check the user in PYEONGPAN_SMTP_URL and PYEONGPAN_SMTP_PASSWORD (many "
                "providers want an application password)"
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise ConfigurationError(
                f"{self._place}: lets nobody sign in; take the user out of PYEONGPAN_SMTP_URL"
            ) from None

    @property
    def _place(self) -> str:
        return f"{self.server.host}:{self.server.port}"

    def _sender_refused(self, code: int, said: bytes) -> ReputationError:
        what = f"{self._place}: the sender is refused: {_said(code, said)}"
        if code // 100 != 5:
            return ChannelUnavailableError(what)
        if code == _SIGN_IN_FIRST:
            return CredentialRejectedError(f"{what}; name a user in PYEONGPAN_SMTP_URL")
        return ConfigurationError(f"{what}; set PYEONGPAN_SMTP_SENDER to an address it accepts")


def _refused(what: str, code: int, said: bytes) -> ReputationError:
    words = f"{what} is refused: {_said(code, said)}"
    return BadInputError(words) if code // 100 == 5 else ChannelUnavailableError(words)


def _said(code: int, said: bytes | str) -> str:
    """Give a server's answer as one short line without anybody's address."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{code} {_ADDRESSES.sub('<address>', line)[:_LONGEST_SAID]}"


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
