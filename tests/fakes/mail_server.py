"""A real SMTP server on this machine that takes, refuses, cuts and keeps silent as it is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
from collections import defaultdict, deque
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from aiosmtpd.smtp import SMTP, Envelope, LoginPassword, Session

CUT = "cut"
SILENT = "silent"
USER, PASSWORD = "robot@example.com", "correct horse"


class MailServer:
    """What the server does next, and what it has taken.

    Each queue is a script of answers; an empty one means that all is well. ``CUT`` closes the
    connection, ``SILENT`` leaves the client waiting.

    Attributes:
        at_mail: Answers to MAIL.
        at_recipient: Answers to RCPT, by address.
        at_end: Answers once the whole message is there; what is cut then was taken.
        taken: Recipient and message, in order.
        attempts: Connections that got as far as MAIL.
        is_at_end: Set once a whole message is there.
    """

    def __init__(self) -> None:
        self.at_mail: deque[str] = deque()
        self.at_recipient: dict[str, deque[str]] = defaultdict(deque)
        self.at_data: deque[str] = deque()
        self.at_end: deque[str] = deque()
        self.taken: list[tuple[str, EmailMessage]] = []
        self.sources: list[bytes] = []
        self.attempts = 0
        self.signed_in = 0
        self.is_at_end = threading.Event()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.attempts += 1
        envelope.mail_from = address
        return await self._answer(server, self.at_mail)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = await self._answer(server, self.at_recipient[address])
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        event = self.at_end[0] if self.at_end else ""
        if not event or event in {CUT, SILENT}:
            message = message_from_bytes(content.replace(b"\r\n", b"\n"), policy=default)
            self.sources.append(content)
            self.taken += [(to, message) for to in envelope.rcpt_tos]
        self.is_at_end.set()
        return await self._answer(server, self.at_end)

    async def _answer(self, server: SMTP, script: deque[str]) -> str:
        event = script.popleft() if script else "250 OK"
        if event == CUT:
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]
        if event in {CUT, SILENT}:
            # Until the connection is gone; the server cancels this then.
            await asyncio.Event().wait()
        return event

    def authenticate(
        self,
        _server: SMTP,
        _session: Session,
        _envelope: Envelope,
        _how: str,
        login: LoginPassword,
    ) -> AuthResult:
        if (login.login, login.password) != (USER.encode(), PASSWORD.encode()):
            return AuthResult(success=False, handled=False)
        self.signed_in += 1
        return AuthResult(success=True)


class Listening(Controller):
    """A mail server on a free port of this machine."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


def listen(server: MailServer, **options: Any) -> Listening:  # noqa: ANN401 - aiosmtpd's options
    """Start a server; stop what is given back."""
    controller = Listening(server, hostname="127.0.0.1", port=0, **options)
    controller.start()
    return controller


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1: the file to trust, and the server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context
