"""What a site says about robots, obeyed by every channel that reads pages (robots.txt, RFC 9309).

A site's robots.txt is read once a day and kept in the token store, so that all accounts and
processes share it. A channel asks `Robots.is_known` first: where it is not, `Robots.learn` is that
fetch's one request, and the page is read with the next.

Source: RFC 9309 (Checked: 2026-11). A missing file allows everything; one that cannot be read (5xx,
no answer) allows nothing until it can; 401 and 403 are taken as a site that does not want us, which
is stricter than the RFC. ``Crawl-delay`` is no part of the RFC and is kept where a site gives one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from protego import Protego

from domain.errors import AccessBlockedError, ChannelUnavailableError, RateLimitedError

if TYPE_CHECKING:
    from collectors.base import Build

PRODUCT: Final = "Pyeongpan"
"""Our name in a robots.txt; the first word of the client's User-Agent."""
KEPT_FOR: Final = timedelta(hours=24)
MAX_CHARS: Final = 500 * 1024
"""RFC 9309 asks for at least this much; what comes after is not read."""

_NO_FILE: Final = tuple(
    status for status in range(400, 500) if status not in {401, 403, 408, 423, 425, 429}
)


class Robots:
    """The rules of the sites that one account reads.

    Args:
        build: Its token store is shared by all accounts and processes.
        min_interval_s: What the client keeps anyway; only a longer ``Crawl-delay`` is kept here.
    """

    def __init__(self, build: Build, *, min_interval_s: float) -> None:
        self._build = build
        self._min_interval_s = min_interval_s

    def is_known(self, url: str) -> bool:
        """Tell whether the rules for ``url`` were read within the last day."""
        read_at = self._kept(url).get("read_at", "")
        if not read_at:
            return False
        age = self._build.clock() - datetime.fromisoformat(read_at)
        return timedelta(0) <= age < KEPT_FOR

    def learn(self, url: str) -> None:
        """Read the rules of the site of ``url``, with one request.

        Raises:
            AccessBlockedError: The site refuses even to show them.
            RetryableError: They cannot be read now; then nothing else may be.
        """
        answer = self._build.client.read(
            f"{_origin(url)}/robots.txt",
            accepted=_NO_FILE,
            is_public_page=True,
        )
        text = answer.text[:MAX_CHARS] if answer.status < 300 else ""
        token = {"text": text, "read_at": self._build.clock().isoformat()}
        self._build.tokens.save(_key(url), token)

    def allows(self, url: str) -> bool:
        """Tell whether the rules, as far as they are known, let us read ``url``."""
        return Protego.parse(self._kept(url).get("text", "")).can_fetch(url, PRODUCT)

    def require(self, url: str) -> None:
        """Check that ``url`` may be read, now.

        Args:
            url: Of a site whose rules are known.

        Raises:
            AccessBlockedError: The site's robots.txt forbids it.
            ChannelUnavailableError: Nobody read the rules.
            RateLimitedError: The site's ``Crawl-delay`` is not over.
        """
        kept = self._kept(url)
        if "read_at" not in kept:
            raise ChannelUnavailableError("robots.txt was not read yet")
        rules = Protego.parse(kept["text"])
        if not rules.can_fetch(url, PRODUCT):
            raise AccessBlockedError(
                f"{self._build.account.key}: robots.txt of {urlsplit(url).netloc} forbids"
                f" {urlsplit(url).path or '/'}"
            )
        delay_s = rules.crawl_delay(PRODUCT) or 0.0
        if delay_s > self._min_interval_s:
            self._wait_out(url, min(delay_s, 3600.0))

    def _wait_out(self, url: str, delay_s: float) -> None:
        key = _key(url)
        now = self._build.clock()
        with self._build.tokens.exclusive(key):
            kept = dict(self._build.tokens.load(key))
            asked_at = kept.get("asked_at", "")
            passed_s = (
                (now - datetime.fromisoformat(asked_at)).total_seconds() if asked_at else delay_s
            )
            if 0 <= passed_s < delay_s:
                raise RateLimitedError(
                    f"robots.txt asks for {delay_s:g} s between requests", delay_s - passed_s
                )
            self._build.tokens.save(key, {**kept, "asked_at": now.isoformat()})

    def _kept(self, url: str) -> dict[str, str]:
        return dict(self._build.tokens.load(_key(url)))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _key(url: str) -> str:
    return f"robots:{_origin(url)}"[:200]
