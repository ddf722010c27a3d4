"""Mail addresses and the server that takes our mail, as the settings name them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote, urlsplit

MAIL = "mailto:"
"""How the destination of a notice begins that goes out by mail."""
LONGEST_ADDRESS = 90
"""Characters; the destination's column holds a hundred."""

# What people have; quoted local parts and bare hosts are more often a slip than an address.
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'/=-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]{2,}")
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over.

    Attributes:
        user: Who signs in there; empty for nobody.
        is_tls_first: TLS from the first byte (``smtps://``); else STARTTLS.
        is_plain: No TLS at all, asked for with ``?tls=off``.
    """

    host: str
    port: int
    user: str = ""
    is_tls_first: bool = False
    is_plain: bool = False

    @property
    def is_this_machine(self) -> bool:
        """Tell whether nothing between us and the server could listen."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def check_address(address: str) -> str:
    """Give an address back that a notice may be sent to.

    Raises:
        ValueError: It is none, or too long.
    """
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address!r} is no mail address; write name@example.com")
    if len(address) > LONGEST_ADDRESS:
        raise ValueError(f"a mail address has at most {LONGEST_ADDRESS} characters")
    return address


def parse_server(url: str) -> MailServer:
    """Read ``smtp://user@host:587``, ``smtps://user@host`` or ``smtp://127.0.0.1:25?tls=off``.

    Raises:
        ValueError: It is none of these; the message never repeats what could be a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the host or the port is malformed") from None
    options = parse_qsl(parts.query, keep_blank_values=True)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError("write smtp://user@host:587 (STARTTLS) or smtps://user@host:465")
    if parts.password is not None:
        raise ValueError("take the password out; it belongs in PYEONGPAN_SMTP_PASSWORD")
    if options not in ([], [("tls", "off")]):
        raise ValueError("the only option is ?tls=off")
    server = MailServer(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        is_tls_first=parts.scheme == "smtps",
        is_plain=bool(options),
    )
    if server.is_plain and server.is_tls_first:
        raise ValueError("smtps:// is TLS; ?tls=off goes with smtp://")
    if server.is_plain and server.user and not server.is_this_machine:
        raise ValueError("?tls=off would send the password readably; leave it out")
    return server
