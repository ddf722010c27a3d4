"""``pyeongpan collect`` on every channel's fake market, with credentials from files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import structlog
from click.testing import CliRunner, Result

import commands.__main__ as commands
import workers.runtime as runtimes
from tests.contract.registry import CASES
from tests.fakes.google_business import BusinessProfile
from tests.fakes.marketplace import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from domain.brands import Account
    from tests.contract.registry import Case

pytestmark = pytest.mark.enable_socket

Command = Callable[..., Result]
WORDS = "배송이 늦어요. 상자도 찌그러졌습니다."


class WallClock(FakeClock):
    """The fake's time is the command's: nobody else moves it."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def _toml(values: Mapping[str, object]) -> str:
    # JSON's strings, lists, numbers and booleans are TOML's, too; tables are written inline.
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            inner = ", ".join(f'"{name}" = {json.dumps(word)}' for name, word in value.items())
            lines.append(f"{key} = {{ {inner} }}")
        else:
            lines.append(f"{key} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Give the command with a home of its own; what it sets up process-wide is put back."""
    monkeypatch.setenv("PYEONGPAN_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("PYEONGPAN_BRANDS", str(tmp_path / "brands"))
    monkeypatch.setenv("PYEONGPAN_ALLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.setattr(runtimes, "_installed", [])
    broker = dramatiq.get_broker()
    yield lambda *arguments: CliRunner().invoke(commands.main, arguments)
    dramatiq.set_broker(broker)
    structlog.reset_defaults()


def write_account(tmp_path: Path, account: Account, *without: str) -> None:
    """Write an account as an operator would: a table of brand.toml and a credentials file."""
    folder = tmp_path / "brands" / account.brand
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "name": account.name,
        "channel": account.channel,
        "credentials_file": "market.secret.toml",
        "writable": True,
        "backfill": "2d",
        **{key: value for key, value in account.options.items() if key not in without},
    }
    brand = f'name = "새벽상회"\n\n[[accounts]]\n{_toml(table)}'
    (folder / "brand.toml").write_text(brand, encoding="utf-8")
    secrets = _toml(account.credentials)
    (folder / "market.secret.toml").write_text(secrets, encoding="utf-8")


# One list of each channel is enough here; tests/contract sees to the others. Politeness is real.
ONE_EACH = {case.make().channel: case for case in reversed(CASES.values())}


@pytest.mark.parametrize("case", ONE_EACH.values(), ids=ONE_EACH.keys())
def test_a_channel_is_collected_from_the_command_line(
    case: Case, command: Command, tmp_path: Path
) -> None:
    market = case.make()
    market.clock = WallClock()
    market.start()
    try:
        market.seed(WORDS, datetime.now(UTC) - timedelta(hours=3), case.surface)
        account = market.account()
        write_account(tmp_path, account)
        done = command("collect", "--account", account.key, "--json")
    finally:
        market.stop()
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert (result["new"], result["quarantined"], result["error"]) == (1, 0, "")
    assert WORDS not in done.output
    for secret in account.credentials.values():
        assert secret not in done.output


def test_another_location_is_collected_from_its_beginning_and_told_by_the_doctor(
    command: Command, tmp_path: Path
) -> None:
    market = BusinessProfile()
    market.clock = WallClock()
    market.start()
    try:
        old = market.account()
        ids = [market.seed(WORDS, datetime.now(UTC) - timedelta(hours=age)) for age in range(1, 7)]
        write_account(tmp_path, old)
        assert json.loads(command("collect", "--account", old.key, "--json").stdout)["new"] == 6

        for native_id in ids:
            market.delete(native_id)
        market.location = "accounts/1/locations/66"
        market.seed(WORDS, datetime.now(UTC) - timedelta(hours=30))
        write_account(tmp_path, market.account())
        line = doctors_line(command, old.key)
        assert line["ok"]
        assert (
            "its next start leaves google_business, location accounts/1/locations/55"
            in (line["detail"])
        )

        done = json.loads(command("collect", "--account", old.key, "--json").stdout)
        assert (done["new"], done["changed"], done["gone"], done["error"]) == (1, 0, 0, "")
        examined = findings(command)
    finally:
        market.stop()
    assert (
        "location accounts/1/locations/66, last success"
        in (examined[f"account {old.key}"]["detail"])
    )
    assert examined[f"account {old.key} before"]["detail"].startswith(
        "google_business, location accounts/1/locations/55, left "
    )
    assert not [subject for subject in examined if subject.startswith("incident")]


def findings(command: Command) -> dict[str, Any]:
    command("db", "upgrade")
    found = json.loads(command("doctor", "--json").stdout)
    return {finding["subject"]: finding for finding in found}


def doctors_line(command: Command, key: str) -> dict[str, Any]:
    line = findings(command)[f"account {key}"]
    assert isinstance(line, dict)
    return line


@pytest.mark.parametrize(("channel", "option"), [("coupang", "reply_by"), ("cafe24", "writer")])
def test_the_doctor_says_what_a_reply_needs_before_one_is_approved(
    channel: str, option: str, command: Command, tmp_path: Path
) -> None:
    market = ONE_EACH[channel].make()
    market.clock = WallClock()
    market.start()
    try:
        account = market.account()
        write_account(tmp_path, account, option)
        line = doctors_line(command, account.key)
    finally:
        market.stop()
    assert not line["ok"]
    assert f'{option} = "..." is missing' in line["detail"]


def test_the_doctor_finds_an_overlap_that_would_stand_still(
    command: Command, tmp_path: Path
) -> None:
    market = ONE_EACH["coupang"].make()
    market.start()
    try:
        account = market.account()
        account = replace(account, options={**account.options, "overlap": "7d"})
        write_account(tmp_path, account)
        line = doctors_line(command, account.key)
        assert not line["ok"]
        assert "overlap must be shorter than 6 days" in line["detail"]
        assert not market.journal
    finally:
        market.stop()
