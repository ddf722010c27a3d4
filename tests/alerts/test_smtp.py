from __future__ import annotations

import socket
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from alerts.smtp import SmtpClient
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
)
from domain.mail import parse_server
from tests.fakes.mail_server import (
    CUT,
    PASSWORD,
    SILENT,
    USER,
    Listening,
    MailServer,
    certificate,
    listen,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

SENDER = "robot@example.com"
OWNER = "owner@example.com"


@pytest.fixture
def server() -> MailServer:
    return MailServer()


@pytest.fixture
def start(server: MailServer) -> Iterator[Callable[..., Listening]]:
    """Give a starter of the server with TLS and sign-in as a test wants them."""
    started: list[Listening] = []

    def run(**options: object) -> Listening:
        started.append(listen(server, **options))
        return started[-1]

    yield run
    for each in started:
        each.stop()


@pytest.fixture
def plain(start: Callable[..., Listening]) -> SmtpClient:
    """Give a client of a server without TLS, as a relay on this machine is."""
    return client(f"smtp://127.0.0.1:{start().port}?tls=off")


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Give a server's side of a certificate that this machine trusts."""
    path, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return context


def client(url: str, password: str = PASSWORD) -> SmtpClient:
    return SmtpClient(parse_server(url), password, SENDER)


def mail(text: str = "안녕하세요\n.\n.점으로 시작하는 줄\n") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "[평판] 요약"
    message["To"] = OWNER
    message.set_content(text)
    return message


def test_a_mail_arrives_to_the_letter(plain: SmtpClient, server: MailServer) -> None:
    plain.send(OWNER, mail())
    ((to, taken),) = server.taken
    assert (to, taken["Subject"]) == (OWNER, "[평판] 요약")
    assert taken.get_content() == "안녕하세요\n.\n.점으로 시작하는 줄\n"
    assert server.sources[0].isascii()


def test_lines_that_begin_with_a_dot_do_not_end_a_mail(
    plain: SmtpClient, server: MailServer
) -> None:
    plain.send(OWNER, mail("one\n.\nMAIL FROM:<evil@example.com>\n..two\n"))
    assert len(server.taken) == 1
    assert server.taken[0][1].get_content() == "one\n.\nMAIL FROM:<evil@example.com>\n..two\n"


@pytest.mark.parametrize("event", [CUT, SILENT])
def test_after_the_whole_mail_silence_is_no_answer(
    plain: SmtpClient, server: MailServer, event: str
) -> None:
    server.at_end.append(event)
    plain._end_timeout_s = 10 if event == CUT else 0.2
    with pytest.raises(OutcomeUnknownError, match="no answer came"):
        plain.send(OWNER, mail())
    assert server.is_at_end.wait(10)
    assert len(server.taken) == 1


def test_what_is_no_answer_is_none(plain: SmtpClient, server: MailServer) -> None:
    server.at_end.append("354 what")
    with pytest.raises(OutcomeUnknownError):
        plain.send(OWNER, mail())


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("452 4.3.1 disk full", ChannelUnavailableError),
        ("421 closing", ChannelUnavailableError),
        ("552 5.3.4 too big", BadInputError),
    ],
)
def test_a_refusal_of_the_whole_mail_is_an_answer(
    plain: SmtpClient, server: MailServer, said: str, error: type[Exception]
) -> None:
    server.at_end.append(said)
    with pytest.raises(error, match=said[:3]):
        plain.send(OWNER, mail())
    assert server.taken == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("450 4.2.0 greylisted", ChannelUnavailableError),
        ("550 5.1.1 <owner@example.com> unknown", BadInputError),
    ],
)
def test_a_recipient_is_refused_for_now_or_for_good(
    plain: SmtpClient, server: MailServer, said: str, error: type[Exception]
) -> None:
    server.at_recipient[OWNER].append(said)
    with pytest.raises(error, match=said[:9]) as caught:
        plain.send(OWNER, mail())
    assert OWNER not in str(caught.value)
    plain.send(OWNER, mail())
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("451 4.3.0 later", ChannelUnavailableError),
        ("530 5.7.0 sign in first", CredentialRejectedError),
        ("553 5.7.1 not your address", ConfigurationError),
    ],
)
def test_a_sender_is_refused_with_the_remedy(
    plain: SmtpClient, server: MailServer, said: str, error: type[Exception]
) -> None:
    server.at_mail.append(said)
    with pytest.raises(error, match=said[:3]):
        plain.send(OWNER, mail())
    assert server.taken == []


@pytest.mark.parametrize("event", [CUT, SILENT])
def test_before_the_mail_is_sent_nothing_is_lost(
    plain: SmtpClient, server: MailServer, event: str
) -> None:
    server.at_recipient[OWNER].append(event)
    plain._timeout_s = 10 if event == CUT else 0.5
    with pytest.raises(ChannelUnavailableError):
        plain.send(OWNER, mail())
    assert server.taken == []


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ChannelUnavailableError, match=f"127.0.0.1:{port}: .*refused"):
            client(f"smtp://127.0.0.1:{port}").send(OWNER, mail())


def test_starttls_and_a_password(
    start: Callable[..., Listening], server: MailServer, tls: ssl.SSLContext
) -> None:
    port = start(tls_context=tls, require_starttls=True, authenticator=server.authenticate).port
    client(f"smtp://{USER}@127.0.0.1:{port}").send(OWNER, mail())
    assert (len(server.taken), server.signed_in) == (1, 1)


def test_tls_from_the_first_byte(
    start: Callable[..., Listening], server: MailServer, tls: ssl.SSLContext
) -> None:
    port = start(ssl_context=tls).port
    client(f"smtps://127.0.0.1:{port}").send(OWNER, mail())
    assert len(server.taken) == 1


def test_a_wrong_password_is_refused_with_the_remedy(
    start: Callable[..., Listening], server: MailServer, tls: ssl.SSLContext
) -> None:
    port = start(tls_context=tls, authenticator=server.authenticate).port
    with pytest.raises(CredentialRejectedError, match="PYEONGPAN_SMTP_PASSWORD") as caught:
        client(f"smtp://{USER}@127.0.0.1:{port}", "wrong one").check()
    assert "wrong one" not in str(caught.value)
    assert server.attempts == 0


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_nobody_vouches_for_gets_no_mail(
    start: Callable[..., Listening],
    server: MailServer,
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    options = {"tls_context": tls} if scheme == "smtp" else {"ssl_context": tls}
    port = start(**options).port
    with pytest.raises(ConfigurationError, match="certificate is not trusted"):
        client(f"{scheme}://127.0.0.1:{port}").send(OWNER, mail())
    assert server.taken == []


def test_no_tls_means_no_mail_unless_it_is_switched_off(
    start: Callable[..., Listening], server: MailServer
) -> None:
    port = start().port
    with pytest.raises(ConfigurationError, match="offers no STARTTLS"):
        client(f"smtp://127.0.0.1:{port}").send(OWNER, mail())
    assert server.attempts == 0


def test_a_user_nobody_asks_for_is_a_wrong_setting(
    start: Callable[..., Listening],
) -> None:
    with pytest.raises(ConfigurationError, match="take the user out"):
        client(f"smtp://{USER}@127.0.0.1:{start().port}?tls=off").check()


def test_a_look_sends_nothing(plain: SmtpClient, server: MailServer) -> None:
    plain.check()
    assert server.attempts == 0
