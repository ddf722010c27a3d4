"""Keep originals readable only to whoever holds the key, and authors findable without names.

Originals, quarantined rows and saved pages are sealed with Fernet (AES-128-CBC and HMAC-SHA256)
from ``cryptography``. A sealed value shows its length and the second it was sealed, nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY_BYTES = 32
_PRIVATE = 0o600
_OTHERS = 0o077


class Sealer:
    """Seals and opens bytes, and names authors by fingerprints.

    Args:
        keys: The key in use first, then retired keys that still open old values. Each is the
            text that ``generate_key`` gives.

    Raises:
        ConfigurationError: There is no key, or one is not a key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigurationError(
                "no sealing key is set -> set PYEONGPAN_SEAL_KEY to a key from `pyeongpan seal-key`"
            )
        decoded = [
            _decoded(key, number, " of PYEONGPAN_SEAL_KEY")
            for number, key in enumerate(keys, start=1)
        ]
        fernets = [Fernet(key.strip()) for key in keys]
        self._present, self._fernet = fernets[0], MultiFernet(fernets)
        self._fingerprint_keys = tuple(
            hmac.digest(key, b"author fingerprint", hashlib.sha256) for key in decoded
        )

    def seal(self, plain: bytes) -> bytes:
        """Give ``plain`` encrypted with the first key, as URL-safe base64."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Give back what was sealed with any of the keys.

        Raises:
            ConfigurationError: No key opens it, or it was changed.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise ConfigurationError(
                "a sealed value cannot be opened: it was sealed with another key, or was damaged"
                " -> add the key that was in use when it was stored, after the present one"
            ) from error

    @property
    def retired(self) -> int:
        """How many keys only open old values."""
        return len(self._fingerprint_keys) - 1

    def rotate(self, sealed: bytes) -> bytes:
        """Give a value sealed with the first key for one sealed with any of them.

        One that the first key opens is given back as it is.

        Raises:
            ConfigurationError: No key opens it, or it was changed.
        """
        try:
            self._present.decrypt(sealed)
        except InvalidToken:
            return self.seal(self.open(sealed))
        return sealed

    def fingerprint(self, author_id: str) -> str:
        """Give 32 hex digits that are the same for the same author and key.

        Without the key nobody can test a guessed name. The caller puts the channel in front
        (``smartstore:abcd1234``) where ids of different channels must not meet.
        """
        return _fingerprint(self._fingerprint_keys[0], author_id)

    def fingerprints(self, author_id: str) -> tuple[str, ...]:
        """Give the fingerprints under every key, the present one first.

        Erasure searches for all of them: rows stored before a key change carry an older one.
        """
        return tuple(_fingerprint(key, author_id) for key in self._fingerprint_keys)


def generate_key() -> str:
    """Give a fresh random key: 32 bytes as URL-safe base64."""
    return Fernet.generate_key().decode("ascii")


def load_or_create_key(path: Path) -> str:
    """Give the key kept in a file, making the file (mode 0600) when there is none.

    Two processes that start at once get the same key: a finished file is linked into place,
    which only one of them can do.

    Raises:
        ConfigurationError: The file cannot be made or read, holds no key, or others may read it.
    """
    try:
        if not path.exists():
            _create_key_file(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the sealing key file {path} cannot be used ({getattr(error, 'strerror', None) or 'it holds no text'})"
            " -> let its folder be writable and have room, or restore the file from a backup"
        ) from error
    if mode & _OTHERS:
        raise ConfigurationError(f"others may read the sealing key -> chmod 600 {path}")
    _decoded(key, 1, source=f" in {path}")
    return key


def _create_key_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(generate_key() + "\n")
            file.flush()
            os.fchmod(file.fileno(), _PRIVATE)
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # Another process was first; its key is the key.
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _decoded(key: str, number: int, source: str) -> bytes:
    """Give the bytes of a key; the message never shows the key."""
    try:
        decoded = base64.b64decode(key.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != _KEY_BYTES:
        raise ConfigurationError(
            f"sealing key {number}{source} is not 32 bytes of URL-safe base64"
            " -> use a key from `pyeongpan seal-key`"
        )
    return decoded


def _fingerprint(key: bytes, author_id: str) -> str:
    message = author_id.encode("utf-8", errors="surrogatepass")
    return hmac.digest(key, message, hashlib.sha256).hex()[:32]
