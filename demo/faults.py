"""How the demo storefront misbehaves when it is told to: queued faults and random chaos."""

from __future__ import annotations

import random
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from domain.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST, REPLY, READ, ANY = "list", "reply", "read", "any"
_SCOPES = (LIST, REPLY, READ, ANY)
CUT_BEFORE, CUT_AFTER, CUT_LATE = "before_store", "after_store", "late_store"
FAULT_WORDS = ("slow_ms", "status", "cut", "cut_body")
_FAULT_OPTIONS = {*FAULT_WORDS, "for", "on", "retry_after", "late_ms"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        on: Which requests it may hit: ``list``, ``reply``, ``read`` or ``any``.
        slow_ms: Wait so long before answering.
        status: Answer this instead; 0 for none.
        retry_after_s: Sent with a status, where not None.
        cut: Close a reply's connection without an answer, see ``CUT_*``; empty for none.
        late_ms: When ``cut`` is ``late_store``: the reply is stored so long afterwards.
        cut_body: Send only half of the body.
    """

    on: str
    slow_ms: int = 0
    status: int = 0
    retry_after_s: int | None = None
    cut: str = ""
    late_ms: int = 0
    cut_body: bool = False

    def described(self) -> dict[str, object]:
        """Give the fault for the control endpoint's answer."""
        words: dict[str, object] = {"on": self.on}
        for name in ("slow_ms", "status", "cut", "late_ms", "cut_body"):
            if value := getattr(self, name):
                words[name] = value
        if self.retry_after_s is not None:
            words["retry_after"] = self.retry_after_s
        return words


class Faults:
    """The queue of faults; each request takes at most one. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queue: list[tuple[Fault, int]] = []
        self._chaos: tuple[int, float] | None = None
        self._random = random.Random(0)  # noqa: S311  misbehaviour is not a secret

    def add(self, words: Mapping[str, object]) -> None:
        """Queue a fault as the control endpoint words it.

        Raises:
            BadInputError: A word is unknown or has a wrong value.
        """
        fault, times = _fault(words), _integer(words, "for", 1, least=1)
        with self._lock:
            self._queue.append((fault, times))

    def set_chaos(self, words: object) -> None:
        """Misbehave at random (``{"seed": int, "p": 0-1}``), or no longer (None).

        Raises:
            BadInputError: The words are wrong.
        """
        chaos = None
        if words is not None:
            if not isinstance(words, dict) or set(words) != {"seed", "p"}:
                raise BadInputError("chaos: expected {seed, p} or null")
            share = words["p"]
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise BadInputError("chaos.p: expected a number between 0 and 1")
            chaos = (_integer(words, "seed", 0), float(share))
        with self._lock:
            self._chaos = chaos
            self._random = random.Random(chaos[0] if chaos else 0)  # noqa: S311

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._queue.clear()
            self._chaos = None

    def take(self, request: str) -> Fault | None:
        """Give what goes wrong with a request of this scope, and use it up."""
        with self._lock:
            for index, (fault, times) in enumerate(self._queue):
                if fault.on in (ANY, request):
                    if times > 1:
                        self._queue[index] = (fault, times - 1)
                    else:
                        del self._queue[index]
                    return fault
            if self._chaos and self._random.random() < self._chaos[1]:
                return self._random.choice(_CHAOS[request])
        return None

    def described(self) -> dict[str, object]:
        """Give queue and chaos for the control endpoint's answer."""
        with self._lock:
            queue = [{**fault.described(), "for": times} for fault, times in self._queue]
            chaos = {"seed": self._chaos[0], "p": self._chaos[1]} if self._chaos else None
        return {"faults": queue, "chaos": chaos}


_CHAOS_ANY = (
    Fault(ANY, slow_ms=50),
    Fault(ANY, status=429, retry_after_s=1),
    Fault(ANY, status=500),
)
_CHAOS = {
    LIST: (*_CHAOS_ANY, Fault(LIST, cut_body=True)),
    READ: (*_CHAOS_ANY, Fault(READ, cut_body=True)),
    REPLY: (
        *_CHAOS_ANY,
        Fault(REPLY, cut=CUT_BEFORE),
        Fault(REPLY, cut=CUT_AFTER),
        Fault(REPLY, cut_body=True),
    ),
}


def _fault(words: Mapping[str, object]) -> Fault:
    named = [word for word in FAULT_WORDS if word in words]
    if strangers := set(words) - _FAULT_OPTIONS:
        raise BadInputError(f"{min(strangers)}: unknown word")
    if len(named) != 1:
        raise BadInputError(f"expected one of {', '.join(FAULT_WORDS)}")
    cut = words.get("cut", "")
    if cut not in ("", CUT_BEFORE, CUT_AFTER, CUT_LATE):
        raise BadInputError("cut: expected before_store, after_store or late_store")
    scope = words.get("on", {"cut": REPLY, "cut_body": LIST}.get(named[0], ANY))
    if scope not in _SCOPES or (cut and scope != REPLY):
        raise BadInputError("on: expected list, reply, read or any; cut hits only reply")
    status = _integer(words, "status", 0, least=400, most=599)
    retry_after = _integer(words, "retry_after", 0) if "retry_after" in words else None
    return Fault(
        on=str(scope),
        slow_ms=_integer(words, "slow_ms", 0),
        status=status,
        retry_after_s=retry_after,
        cut=str(cut),
        late_ms=_integer(words, "late_ms", 0),
        cut_body=words.get("cut_body") is True,
    )


def _integer(
    words: Mapping[str, object], name: str, default: int, *, least: int = 0, most: int = 10**9
) -> int:
    if name not in words:
        return default
    value = words[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadInputError(f"{name}: expected a whole number from {least} to {most}")
    return value
