"""Fake marketplaces in a process of their own: a channel is another machine.

Run as ``python -m bench.markets COUNT``. They are the fakes of the tests, which an installed package
does not have. One account answers very slowly, one fails by turns with 429 and 500; each channel
has an address of its own, for politeness is kept per host.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import TYPE_CHECKING

from bench.measuring import child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.fakes.marketplace import Asked, FakeMarketplace, Told

BRAND = "bench"
SLOW = "slow"
FAILING = "failing"
SLOW_S = 8.0
"""Seconds until each answer of the slow account."""
ITEMS = 3
_FAILURES = 500
_WORDS = "배송이 {}일이나 늦었습니다. 환불해 주세요."


@contextmanager
def markets(folder: Path, count: int, interval: str) -> Iterator[Path]:
    """Serve ``count`` accounts, and write the brands folder that reads them.

    Args:
        folder: Where the brand is written.
        count: Accounts, of all channels by turns.
        interval: Of each account, as in ``brand.toml``.

    Raises:
        ImportError: The fakes are not there.
    """
    import tests.contract.registry  # noqa: F401 - here, where its absence can be told

    with child(["bench.markets", str(count)]) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe
        accounts = json.loads(process.stdout.readline())
        yield _write(folder / "brands", accounts, interval)


def _write(brands: Path, accounts: list[dict[str, dict[str, object]]], interval: str) -> Path:
    home = brands / BRAND
    (home / "manual").mkdir(parents=True)
    tables = [f'name = "{BRAND}"\n']
    for account in accounts:
        table = {**account["table"], "interval": interval, "backfill": "2d"}
        secret = home / f"{table['name']}.secret.toml"
        secret.write_text(_toml(account["credentials"]), encoding="utf-8")
        table["credentials_file"] = secret.name
        tables.append(f"[[accounts]]\n{_toml(table)}")
    (home / "brand.toml").write_text("\n".join(tables), encoding="utf-8")
    return brands


def _toml(values: Mapping[str, object]) -> str:
    # JSON's strings, lists, numbers and booleans are TOML's, too; tables are written inline.
    lines = []
    for key, value in values.items():
        written = json.dumps(value)
        if isinstance(value, dict):
            inner = ", ".join(f'"{name}" = {json.dumps(word)}' for name, word in value.items())
            written = f"{{ {inner} }}"
        lines.append(f"{key} = {written}\n")
    return "".join(lines)


def _serve(count: int) -> None:
    from tests.contract.registry import CASES
    from tests.fakes.marketplace import FakeClock, Fault

    class WallClock(FakeClock):
        def now(self) -> datetime:
            return datetime.now(UTC)

    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    by_channel = {case.make().channel: case for case in reversed(CASES.values())}
    hosts = {channel: f"127.0.0.{number}" for number, channel in enumerate(by_channel, start=2)}
    served: list[FakeMarketplace] = []
    for number, (channel, case) in enumerate(islice(cycle(by_channel.items()), count)):
        market = case.make()
        market.clock = WallClock()
        market.start(hosts[channel])
        for item in range(ITEMS):
            written_at = datetime.now(UTC) - timedelta(hours=3 + item)
            market.seed(_WORDS.format(item + 2), written_at, case.surface)
        if number == 0:
            market.answer = _slowly(market.answer)  # type: ignore[method-assign, assignment]
        elif number == 1:
            for fault in (Fault.BUSY, Fault.BROKEN) * _FAILURES:
                market.misbehave(fault)
        served.append(market)
    names = [SLOW, FAILING, *(f"{m.channel}-{n}" for n, m in enumerate(served[2:], start=2))]
    print(json.dumps([_account(m, n) for m, n in zip(served, names, strict=False)]), flush=True)
    signal.sigwait(signals)
    for market in served:
        market.stop()


def _slowly(answer: Callable[[Asked], Told]) -> Callable[[Asked], Told]:
    def answer_late(asked: Asked) -> Told:
        time.sleep(SLOW_S)
        return answer(asked)

    return answer_late


def _account(market: FakeMarketplace, name: str) -> dict[str, dict[str, object]]:
    account = market.account()
    table: dict[str, object] = {"name": name, "channel": account.channel, **account.options}
    return {"table": table, "credentials": dict(account.credentials)}


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
