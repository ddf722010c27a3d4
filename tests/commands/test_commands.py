from __future__ import annotations

import errno
import gc
import json
import logging
import os
import re
import shutil
import socket
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import structlog
from click.testing import CliRunner
from dramatiq.middleware import TimeLimit
from sqlalchemy import select

from commands.__main__ import _warn_of_open_secrets, main
from demo.content import Article
from demo.storefront import Storefront
from domain.errors import ConfigurationError
from domain.types import FeedbackKind
from privacy.sealing import Sealer, generate_key, load_or_create_key
from sentiment.adapt import BITS
from settings import load_brands
from storage import accounts
from storage.models import AuditRow, ErasureRow, FeedbackRow
from storage.session import Database
from tests.alerts.fake_slack import FakeSlack
from tests.fakes.mail_server import MailServer, listen
from workers import runtime as runtimes
from workers.retain import erase_expired
from workers.rotate import Rotated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from workers.runtime import Runtime

API_KEY = "storefront-key"

STOREFRONT = """
name = "새벽나무"
contacts = ["1522-0000"]

[[accounts]]
name = "shop"
channel = "storefront"
base_url = "{base_url}/saebyeok"
board = "review"
credentials_file = "shop.secret.toml"
writable = true
"""
TABLE = """
name = "새벽나무"

[[accounts]]
name = "table"
channel = "generic_file"
folder = "exports"
[accounts.columns]
id = "번호"
text = "내용"
rating = "별점"
written_at = "작성일"
author = "작성자"
"""
ROWS = """번호,내용,별점,작성일,작성자
1,배송이 늦었어요 010-1234-5678,2,2026-11-01 10:00,김하늘
2,좋아요,5점,2026-11-02 10:00,박바다
3,별점이 이상해요,9점,2026-11-03 10:00,최구름
"""


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> Iterator[None]:
    """Undo what the command sets for its whole process."""
    handlers = list(logging.root.handlers)
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    runtimes._installed.clear()
    # A connection that the command left open is an error here, not in some later test.
    gc.collect()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def cli(tmp_path: Path, home: Path) -> Callable[..., Result]:
    """Give a caller of the command on an empty home and brands folder."""

    def call(*arguments: str, env: dict[str, str] | None = None) -> Result:
        values = {
            "PYEONGPAN_HOME": str(home),
            "PYEONGPAN_BRANDS": str(tmp_path / "brands"),
            "PYEONGPAN_ALLOW_PRIVATE_ADDRESSES": "true",
            **(env or {}),
        }
        return CliRunner().invoke(main, list(arguments), env=values)

    return call


def write_brand(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "brands" / "saebyeok"
    folder.mkdir(parents=True)
    (folder / "brand.toml").write_text(text, encoding="utf-8")
    (folder / "manual").mkdir()
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Storefront]:
    """Serve three reviews and give the brand that reads them."""
    articles = [
        Article(
            shop="saebyeok",
            no=number,
            kind=FeedbackKind.REVIEW,
            written_at=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=number),
            author="김하늘",
            text=f"포장이 별로예요 {number}",
            rating=2,
        )
        for number in (1, 2, 3)
    ]
    front = Storefront(articles, api_key=API_KEY, clock=lambda: datetime.now(UTC))
    folder = write_brand(tmp_path, STOREFRONT.replace("{base_url}", front.start()))
    secret = folder / "shop.secret.toml"
    secret.write_text(f'api_key = "{API_KEY}"\n', encoding="utf-8")
    secret.chmod(0o640)
    yield front
    front.stop()


def stored(home: Path) -> list[Any]:
    database = Database(f"sqlite:///{home / 'pyeongpan.db'}")
    with database.reading() as connection:
        found = list(connection.execute(select(FeedbackRow.__table__).order_by(FeedbackRow.id)))
    database.close()
    return found


def test_a_misspelt_variable_is_one_line_with_its_name(cli: Callable[..., Result]) -> None:
    result = cli("doctor", env={"PYEONGPAN_DATABSE_URL": "x"})
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: PYEONGPAN_DATABSE_URL is not a setting")
    assert "Traceback" not in result.output


def test_help_names_the_commands_of_the_contract(cli: Callable[..., Result]) -> None:
    text = cli("--help").output
    for name in (
        *("demo", "run", "worker", "scheduler", "console", "collect", "import", "classify"),
        *("doctor", "db", "bench"),
    ):
        assert f"  {name} " in text


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "No space left on device; make room"), (errno.EACCES, "Permission denied; ")],
)
def test_a_disk_that_takes_nothing_is_one_line(
    cli: Callable[..., Result], home: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("commands.demo.demo_shop", refuse)
    result = cli("demo")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {home / 'demo'}: {said}")


def test_a_key_of_the_demo_that_a_full_disk_left_empty_is_made_anew(tmp_path: Path) -> None:
    from commands.demo import _kept

    (tmp_path / "key").touch(mode=0o600)
    assert _kept(tmp_path / "key", "first") == "first"
    assert _kept(tmp_path / "key", "second") == "first"


@pytest.mark.parametrize("role", ["demo", "console"])
def test_a_port_that_cannot_be_is_refused_as_such(cli: Callable[..., Result], role: str) -> None:
    result = cli(role, "--port", "70000")
    assert result.exit_code == 2
    assert "is not in the range" in result.output


def test_a_worker_of_no_queue_is_refused(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("dramatiq.cli.main", started.append)
    env = {"PYEONGPAN_BROKER_URL": "redis://127.0.0.1:1"}

    result = cli("worker", "-q", "pyeongpan.publish", "-q", "publish", env=env)

    assert "no queue is named publish; there are pyeongpan.alert, " in result.output
    assert (result.exit_code, started) == (1, [])


@pytest.mark.parametrize("role", ["worker", "scheduler", "console"])
def test_one_role_alone_refuses_a_broker_that_is_not_shared(
    cli: Callable[..., Result], role: str
) -> None:
    result = cli(role)
    assert result.exit_code == 1
    assert f"`pyeongpan {role}`" in result.stderr
    assert "PYEONGPAN_BROKER_URL" in result.stderr


def test_an_unknown_broker_is_refused_by_name(cli: Callable[..., Result], shop: Storefront) -> None:
    del shop
    result = cli("collect", "--account", "saebyeok/shop", env={"PYEONGPAN_BROKER_URL": "nats://x"})
    assert result.exit_code == 1
    assert "PYEONGPAN_BROKER_URL" in result.stderr


def test_the_database_is_brought_up_to_date_as_often_as_one_likes(
    cli: Callable[..., Result], home: Path
) -> None:
    for _ in range(2):
        result = cli("db", "upgrade")
        assert (result.exit_code, result.output) == (0, "database is up to date\n")
    assert (home / "pyeongpan.db").exists()


def test_a_collection_says_what_was_new_and_changed(
    cli: Callable[..., Result], shop: Storefront, home: Path
) -> None:
    first = cli("collect", "--account", "saebyeok/shop", "--json")
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == {
        "account": "saebyeok/shop",
        "pages": 1,
        "rows": 3,
        "new": 3,
        "changed": 0,
        "quarantined": 0,
        "gone": 0,
        "error": "",
    }
    shop.control({"edit": {"shop": "saebyeok", "no": 1, "text": "다시 별로", "rating": 1}})
    shop.control({"delete": {"shop": "saebyeok", "no": 2}})
    second = json.loads(cli("collect", "--account", "saebyeok/shop", "--json").stdout)
    assert (second["new"], second["changed"], second["gone"]) == (0, 1, 1)
    assert sorted(row.revision for row in stored(home)) == [1, 1, 2]


def test_a_failing_collection_says_why_and_fails(
    cli: Callable[..., Result], shop: Storefront
) -> None:
    shop.control({"status": 500, "on": "list", "for": 20})
    result = cli("collect", "--account", "saebyeok/shop", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]


def test_an_unknown_account_is_refused_with_the_known_ones(
    cli: Callable[..., Result], shop: Storefront
) -> None:
    del shop
    result = cli("collect", "--account", "saebyeok/nope")
    assert result.exit_code == 1
    assert "no account 'saebyeok/nope'" in result.stderr
    assert "saebyeok/shop" in result.stderr


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_brand(tmp_path, TABLE)
    path = tmp_path / "reviews.csv"
    path.write_bytes(ROWS.encode("cp949"))
    return path


def run_import(cli: Callable[..., Result], path: Path, *more: str) -> dict[str, Any]:
    result = cli("import", str(path), "--account", "saebyeok/table", "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_dry_run_counts_and_stores_nothing(
    cli: Callable[..., Result], table: Path, home: Path
) -> None:
    found = run_import(cli, table, "--dry-run")
    assert (found["rows"], found["new"], found["quarantined"]) == (2, 2, 1)
    assert found["dry_run"] is True
    assert len(found["unreadable"]) == 1
    assert found["unreadable"][0].startswith("reviews.csv, row 4, field '별점': ")
    assert stored(home) == []
    said = cli("import", str(table), "--account", "saebyeok/table", "--dry-run").stdout
    assert said.splitlines()[-1] == found["unreadable"][0]


def test_a_file_imported_twice_is_stored_once(
    cli: Callable[..., Result], table: Path, home: Path
) -> None:
    first, second = run_import(cli, table), run_import(cli, table)
    assert (first["new"], first["quarantined"]) == (2, 1)
    assert (second["new"], second["changed"], second["quarantined"]) == (0, 0, 0)
    rows = stored(home)
    assert [(row.native_id, row.rating) for row in rows] == [("1", 2), ("2", 5)]
    assert "1234" not in rows[0].text
    # A naive time is Seoul's.
    assert rows[0].written_at == datetime(2026, 11, 1, 1, 0, tzinfo=UTC)


def test_a_file_that_cannot_be_used_is_refused_with_its_name(
    cli: Callable[..., Result], table: Path
) -> None:
    table.write_bytes(b"")
    result = cli("import", str(table), "--account", "saebyeok/table")
    assert result.exit_code == 1
    assert "reviews.csv" in result.stderr
    assert "Traceback" not in result.output


def test_a_file_without_a_header_is_refused_without_a_word_of_its_rows(
    cli: Callable[..., Result], table: Path
) -> None:
    table.write_text("1,김하늘,010-1234-5678,서울시 강남구 테헤란로 152\n", encoding="utf-8")
    result = cli("import", str(table), "--account", "saebyeok/table")
    assert result.exit_code == 1
    assert "of the file's 4 columns these are known: none" in result.stderr
    assert not [cell for cell in ("김하늘", "010", "강남구") if cell in result.output]


def test_a_channel_without_exports_is_refused_with_the_remedy(
    cli: Callable[..., Result], shop: Storefront, tmp_path: Path
) -> None:
    del shop
    (tmp_path / "x.csv").write_text(ROWS, encoding="utf-8")
    result = cli("import", str(tmp_path / "x.csv"), "--account", "saebyeok/shop")
    assert result.exit_code == 1
    assert "generic_file" in result.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('"generic_file"', '"csv"', "unknown channel 'csv'"),
        ("[accounts.columns]", "ratings = 5\n[accounts.columns]", "ratings is no option"),
    ],
)
def test_an_import_with_a_misspelt_channel_or_option_is_refused_by_name(
    cli: Callable[..., Result], table: Path, home: Path, right: str, wrong: str, told: str
) -> None:
    assert right in TABLE
    settings = table.parent / "brands" / "saebyeok" / "brand.toml"
    settings.write_text(TABLE.replace(right, wrong), encoding="utf-8")
    result = cli("import", str(table), "--account", "saebyeok/table")
    assert result.exit_code == 1
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert stored(home) == []


def test_an_author_is_erased_by_name_with_a_record(
    cli: Callable[..., Result], table: Path, home: Path
) -> None:
    run_import(cli, table)
    result = cli(
        *("erase-author", "--brand", "saebyeok", "--author", "김하늘"),
        *("--requested-by", "개인정보팀"),
    )
    assert (result.exit_code, result.stdout) == (0, "erased: 1\n"), result.output
    rows = {row.native_id: row for row in stored(home)}
    assert (rows["1"].author, rows["1"].sealed_original) == ("", None)
    assert rows["2"].sealed_original is not None
    database = Database(f"sqlite:///{home / 'pyeongpan.db'}")
    with database.reading() as connection:
        assert connection.execute(select(ErasureRow.requested_by)).scalar_one() == "개인정보팀"
    database.close()


@pytest.mark.parametrize("author", ["", " "])
def test_no_author_is_refused_and_nothing_is_erased(
    cli: Callable[..., Result], table: Path, home: Path, author: str
) -> None:
    run_import(cli, table)
    result = cli(
        *("erase-author", "--brand", "saebyeok", "--author", author),
        *("--requested-by", "개인정보팀"),
    )
    assert result.exit_code == 2
    assert "--author" in result.stderr
    database = Database(f"sqlite:///{home / 'pyeongpan.db'}")
    with database.reading() as connection:
        assert not connection.execute(select(ErasureRow.id)).all()
    database.close()


def test_an_author_is_erased_in_a_brand_whose_folder_is_gone_but_not_in_one_nobody_knows(
    cli: Callable[..., Result], table: Path, tmp_path: Path
) -> None:
    run_import(cli, table)
    shutil.rmtree(tmp_path / "brands" / "saebyeok")
    who = ("--author", "김하늘", "--requested-by", "개인정보팀")
    result = cli("erase-author", "--brand", "saebyeok", *who)
    assert (result.exit_code, result.stdout) == (0, "erased: 1\n"), result.output
    result = cli("erase-author", "--brand", "seabyeok", *who)
    assert result.exit_code == 1
    assert "no folder" in result.stderr


def findings(result: Result) -> dict[str, dict[str, Any]]:
    return {finding["subject"]: finding for finding in json.loads(result.stdout)}


def test_a_good_setup_is_healthy(cli: Callable[..., Result], shop: Storefront) -> None:
    del shop
    cli("collect", "--account", "saebyeok/shop")
    result = cli("doctor", "--json")
    found = findings(result)
    assert {name: entry for name, entry in found.items() if not entry["ok"]} == {}
    assert result.exit_code == 0
    assert {"database", "broker", "model", "slack", "account saebyeok/shop"} <= set(found)
    assert "last success" in found["account saebyeok/shop"]["detail"]
    assert "PYEONGPAN_SLACK_BOT_TOKEN" in found["slack"]["detail"]


def test_a_broken_setup_names_each_problem_with_its_remedy(
    cli: Callable[..., Result], shop: Storefront
) -> None:
    shop.stop()
    cli("db", "upgrade")
    result = cli("doctor", "--json", env={"PYEONGPAN_BROKER_URL": "redis://127.0.0.1:1/0"})
    assert result.exit_code == 1
    broken = {name: entry for name, entry in findings(result).items() if not entry["ok"]}
    assert set(broken) == {"broker", "account saebyeok/shop"}
    assert all(entry["remedy"] for entry in broken.values())
    assert "PYEONGPAN_BROKER_URL" in broken["broker"]["remedy"]
    assert "Connection refused" in broken["broker"]["detail"]


@pytest.mark.parametrize(
    ("granted", "is_ok", "said"),
    [
        ({"chat:write", "channels:history", "groups:history"}, True, "team T1"),
        ({"chat:write", "channels:history"}, True, "must not be private: groups:history"),
        ({"chat:write", "groups:history"}, True, "must not be public: channels:history"),
        (
            {"chat:write"},
            False,
            "grant the bot channels:history (public rooms) or groups:history (private rooms)",
        ),
        ({"channels:history"}, False, "grant the bot chat:write"),
    ],
)
def test_the_doctor_asks_for_the_scopes_that_the_rooms_need(
    cli: Callable[..., Result], granted: set[str], *, is_ok: bool, said: str
) -> None:
    with FakeSlack(scopes=granted) as slack:
        env = {
            "PYEONGPAN_SLACK_BOT_TOKEN": slack.bot_token,
            "PYEONGPAN_SLACK_API_URL": slack.api_url,
        }
        found = findings(cli("doctor", "--json", env=env))["slack"]
    assert found["ok"] is is_ok
    assert said in (found["detail"] if is_ok else found["remedy"])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Give a port that takes connections and never says a word, as behind a deaf gateway."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_doctor_ends_and_says_what_did_not_answer(
    cli: Callable[..., Result], silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.doctor.PATIENCE_S", 5.0)
    monkeypatch.setattr("storage.session._CONNECT_TIMEOUT_S", 2)
    at = f"127.0.0.1:{silent_port}"
    env = {
        "PYEONGPAN_DATABASE_URL": f"postgresql://nobody@{at}/none",
        "PYEONGPAN_SEAL_KEY": generate_key(),
        "PYEONGPAN_BROKER_URL": f"amqp://guest:guest@{at}/",
        "PYEONGPAN_SLACK_BOT_TOKEN": "xoxb-x",
        "PYEONGPAN_SLACK_API_URL": f"http://{at}/api/",
    }
    found = findings(cli("doctor", "--json", env=env))
    assert "timeout" in found["database"]["detail"]
    assert found["broker"]["detail"] == found["slack"]["detail"] == "no answer within 5 s"
    assert found["model"]["ok"]


def test_the_doctor_warns_of_a_lease_that_ends_under_a_worker_that_lives(
    cli: Callable[..., Result],
) -> None:
    cli("db", "upgrade")
    assert "lease" not in findings(cli("doctor", "--json"))
    found = findings(cli("doctor", "--json", env={"PYEONGPAN_LEASE": "170s"}))["lease"]
    assert not found["ok"]
    assert "170 s" in found["detail"]
    assert "PYEONGPAN_LEASE" in found["remedy"]


@pytest.mark.usefixtures("shop")
def test_credentials_that_anybody_may_read_are_warned_of(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    assert "secrets" not in findings(cli("doctor", "--json"))
    (secret,) = tmp_path.rglob("shop.secret.toml")
    secret.chmod(0o644)
    found = findings(cli("doctor", "--json"))["secrets"]
    assert (found["ok"], found["remedy"]) == (False, f"chmod o= {secret}")
    started = cast("Runtime", SimpleNamespace(brands=load_brands(secret.parent.parent)))
    with structlog.testing.capture_logs() as told:
        _warn_of_open_secrets(started)
    assert [(line["event"], line["file"]) for line in told] == [("secrets_open", str(secret))]


def test_the_doctor_tells_of_a_disk_that_is_nearly_full(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("db", "upgrade")
    assert findings(cli("doctor", "--json"))["database"]["ok"]
    usage = shutil.disk_usage("/")._replace(free=3_000_000)
    monkeypatch.setattr("commands.doctor.shutil.disk_usage", lambda _: usage)
    found = findings(cli("doctor", "--json"))["database"]
    assert "3 MB are left on its disk" in found["detail"]
    assert "make room" in found["remedy"]


def test_a_home_that_is_made_is_for_its_user_only(cli: Callable[..., Result], home: Path) -> None:
    cli("db", "upgrade")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    home.chmod(0o750)
    cli("db", "upgrade")
    assert stat.S_IMODE(home.stat().st_mode) == 0o750


@pytest.mark.parametrize("name", ["var", "pyeongpan.db"])
def test_the_doctor_tells_of_a_database_that_may_not_be_written(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cli("db", "upgrade")
    monkeypatch.setattr("commands.doctor.os.access", lambda path, _: path.name != name)
    found = findings(cli("doctor", "--json"))["database"]
    assert not found["ok"]
    assert f"/{name} may not be written" in found["detail"]
    assert "PYEONGPAN_HOME" in found["remedy"]


def test_the_doctor_says_what_of_a_manual_is_valid(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    manual = write_brand(tmp_path, TABLE) / "manual"
    found = findings(cli("doctor", "--json"))["manual saebyeok"]
    assert (found["ok"], found["detail"]) == (
        True,
        f"no clauses: drafts promise nothing until {manual}/*.md say something",
    )
    old = "---\ntopic: delivery\nvalid_until: 2020-12-31\n---\n## 정책\n- 다음 날 옵니다.\n"
    (manual / "old.md").write_text(old, encoding="utf-8")
    found = findings(cli("doctor", "--json"))["manual saebyeok"]
    assert (found["ok"], found["detail"]) == (False, "1 clauses, 0 valid today")
    assert f"valid_until in {manual}" in found["remedy"]
    new = old.replace("valid_until: 2020-12-31\n", "")
    (manual / "new.md").write_text(new, encoding="utf-8")
    found = findings(cli("doctor", "--json"))["manual saebyeok"]
    assert (found["ok"], found["detail"]) == (True, "2 clauses, 1 valid today")
    (manual / "new.md").write_text("# 배송\n", encoding="utf-8")
    found = findings(cli("doctor", "--json"))["manual saebyeok"]
    assert not found["ok"]
    # The remedy that a message carries is the finding's.
    assert "->" not in found["detail"]
    assert "topic" in found["remedy"]


def test_the_doctor_goes_on_where_brands_may_not_be_looked_into(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> list[Path]:
        raise ConfigurationError(f"{folder}: cannot be read")

    cli("db", "upgrade")
    monkeypatch.setattr("commands.doctor.brand_folders", refuse)
    found = findings(cli("doctor", "--json"))
    assert found["configuration"]["detail"] == f"{tmp_path / 'brands'}: cannot be read"
    assert found["database"]["ok"]
    assert "brands" not in found


def test_the_doctor_names_slacks_address_where_nobody_answers(
    cli: Callable[..., Result],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/api/"
    env = {"PYEONGPAN_SLACK_BOT_TOKEN": "xoxb-x", "PYEONGPAN_SLACK_API_URL": address}
    found = findings(cli("doctor", "--json", env=env))["slack"]
    assert not found["ok"]
    assert f"PYEONGPAN_SLACK_API_URL ({address})" in found["remedy"]


@pytest.mark.integration
@pytest.mark.parametrize(("ahead_s", "is_fine"), [(3, True), (-30, False), (30, False)])
def test_the_doctor_compares_the_clock_with_the_databases(
    cli: Callable[..., Result],
    empty_postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    ahead_s: int,
    *,
    is_fine: bool,
) -> None:
    env = {"PYEONGPAN_DATABASE_URL": empty_postgres_url, "PYEONGPAN_SEAL_KEY": generate_key()}
    assert cli("db", "upgrade", env=env).exit_code == 0
    built = runtimes.build_on

    def build_on(*parts: Any) -> runtimes.Runtime:  # noqa: ANN401 - the real one's
        runtime = built(*parts)
        runtime.clock = lambda: datetime.now(UTC) + timedelta(seconds=ahead_s)
        return runtime

    monkeypatch.setattr(runtimes, "build_on", build_on)
    found = findings(cli("doctor", "--json", env=env))["clock"]
    assert found["ok"] == is_fine
    assert re.match(r"(2\.\d|3\.0|29\.\d|30\.\d) s from the database's", found["detail"])
    assert is_fine or "NTP" in found["remedy"]


def test_doctor_looks_at_the_mail_server(
    cli: Callable[..., Result], shop: Storefront, tmp_path: Path
) -> None:
    del shop
    cli("db", "upgrade")
    found = findings(cli("doctor", "--json"))["mail"]
    assert found["ok"]
    assert "PYEONGPAN_SMTP_URL" in found["detail"]
    path = next(tmp_path.rglob("brand.toml"))
    path.write_text(
        path.read_text(encoding="utf-8") + '\n[digest_emails]\ndaily = ["o@example.com"]\n',
        encoding="utf-8",
    )
    found = findings(cli("doctor", "--json"))["mail"]
    assert not found["ok"]
    assert "PYEONGPAN_SMTP_URL" in found["remedy"]
    listening = listen(MailServer())
    env = {
        "PYEONGPAN_SMTP_URL": f"smtp://127.0.0.1:{listening.port}?tls=off",
        "PYEONGPAN_SMTP_SENDER": "robot@example.com",
    }
    found = findings(cli("doctor", "--json", env=env))["mail"]
    listening.stop()
    assert found["ok"]
    assert "digests for saebyeok" in found["detail"]
    assert "PYEONGPAN_CONSOLE_URL" in found["detail"]
    found = findings(cli("doctor", "--json", env=env))["mail"]
    assert not found["ok"]
    assert f"127.0.0.1:{listening.port}" in found["detail"]
    assert "PYEONGPAN_SMTP_URL" in found["remedy"]


def test_doctor_says_how_long_the_data_of_a_brand_without_a_folder_is_kept(
    cli: Callable[..., Result], shop: Storefront, tmp_path: Path
) -> None:
    del shop
    path = next(tmp_path.rglob("brand.toml"))
    table = path.read_text(encoding="utf-8")
    path.write_text(table.replace("\n\n", '\nretention = "30d"\n\n', 1), encoding="utf-8")
    cli("collect", "--account", "saebyeok/shop")
    assert "brand saebyeok" not in findings(cli("doctor", "--json"))
    path.unlink()
    found = findings(cli("doctor", "--json"))["brand saebyeok"]
    assert found["ok"]
    assert "erased 30 days" in found["detail"]


def test_an_old_schema_is_found(cli: Callable[..., Result], shop: Storefront) -> None:
    del shop
    found = findings(cli("doctor", "--json"))
    assert found["database"]["ok"] is False
    assert found["database"]["remedy"] == "run pyeongpan db upgrade"


def test_a_database_that_does_not_answer_does_not_hide_the_rest(
    cli: Callable[..., Result], shop: Storefront
) -> None:
    del shop
    key = cli("seal-key").output.strip()
    result = cli(
        "doctor",
        "--json",
        env={
            "PYEONGPAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "PYEONGPAN_SEAL_KEY": key,
        },
    )
    found = findings(result)
    assert found["database"]["ok"] is False
    assert "PYEONGPAN_DATABASE_URL" in found["database"]["remedy"]
    assert found["model"]["ok"] is True


def test_a_file_that_is_no_database_is_one_line(cli: Callable[..., Result], home: Path) -> None:
    home.mkdir()
    (home / "pyeongpan.db").write_text("no database" * 100)
    found = findings(cli("doctor", "--json"))
    assert "file is not a database" in found["database"]["detail"]
    assert found["model"]["ok"]
    result = cli("db", "upgrade")
    assert (result.exit_code, "file is not a database" in result.output) == (1, True)
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


def test_a_home_that_cannot_be_made_is_named(cli: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli("doctor", "--json", env={"PYEONGPAN_HOME": str(tmp_path / "file" / "home")})
    assert "set PYEONGPAN_HOME" in findings(result)["configuration"]["detail"]
    assert result.exit_code == 1


def test_a_database_of_a_newer_version_is_left_alone(
    cli: Callable[..., Result], home: Path
) -> None:
    cli("db", "upgrade")
    with closing(sqlite3.connect(home / "pyeongpan.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    assert "by a newer version" in findings(cli("doctor", "--json"))["database"]["detail"]
    result = cli("db", "upgrade")
    assert result.output.startswith("Error: the database was brought up to date by a newer")
    assert result.exit_code == 1


@pytest.mark.parametrize("role", ["worker", "console"])
@pytest.mark.parametrize(
    ("revision", "said"), [("9999", "newer version"), ("0014", "run `pyeongpan db upgrade`")]
)
def test_who_does_not_upgrade_refuses_another_versions_database(
    cli: Callable[..., Result],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    revision: str,
    said: str,
) -> None:
    """Its actors would end in tracebacks, and its processes too."""
    monkeypatch.setattr("dramatiq.cli.main", lambda _: pytest.fail("started"))
    monkeypatch.setattr("commands.daemon.ConsoleThread.start", lambda _: pytest.fail("started"))
    cli("db", "upgrade")
    with closing(sqlite3.connect(home / "pyeongpan.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", [revision])
        database.commit()
    result = cli(role, env={"PYEONGPAN_BROKER_URL": "redis://127.0.0.1:1"})
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_is_wrong_ends_a_worker_in_one_line(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dramatiq.cli.main", lambda _: pytest.fail("started"))
    write_brand(tmp_path, 'name = "x"\ntimezone = "Asia/Soul"')
    result = cli("worker", env={"PYEONGPAN_BROKER_URL": "redis://127.0.0.1:1"})
    assert result.exit_code == 1
    assert "brand.toml: timezone" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "broker"),
    [
        (("run",), "memory://"),
        (("worker",), "redis://127.0.0.1:1"),
        (("worker", "-q", "pyeongpan.backlog"), "redis://127.0.0.1:1"),
    ],
)
def test_a_damaged_model_ends_what_would_read_with_it(
    cli: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    broker: str,
) -> None:
    monkeypatch.setattr("dramatiq.cli.main", lambda _: pytest.fail("started"))
    monkeypatch.setattr("commands.daemon.Daemon.__enter__", lambda _: pytest.fail("started"))
    model = tmp_path / "model"
    model.mkdir()
    (model / "wide.npz").write_bytes(b"half a file")
    env = {"PYEONGPAN_BROKER_URL": broker, "PYEONGPAN_MODEL": str(model)}
    assert cli("db", "upgrade").exit_code == 0
    result = cli(*arguments, env=env)
    assert result.exit_code == 1
    assert str(model) in result.stderr
    assert "PYEONGPAN_MODEL" in result.stderr


def test_a_classified_line_shows_the_words(cli: Callable[..., Result], tmp_path: Path) -> None:
    text = "씨\u200b발 배송이 왜 이래요 먹고 식중독 걸렸어요"
    (tmp_path / "texts").write_text(f"{text}\nㅋㅋㅋ\n", encoding="utf-8")
    done = cli("classify", str(tmp_path / "texts"))
    found, nothing = (json.loads(line) for line in done.stdout.splitlines())
    assert sum(found["probabilities"]) == pytest.approx(1)
    assert [text[start:end] for start, end in found["abuse_spans"]] == ["씨\u200b발"]
    assert "식중독" in [text[start:end] for start, end in found["severity_spans"]]
    assert len(found["category_spans"]) == len(found["categories"]) > 0
    assert nothing["probabilities"] is None


def test_lines_that_are_not_utf_8_are_counted(cli: Callable[..., Result], tmp_path: Path) -> None:
    lines = "\ufeff배송이 늦어요\n".encode() + "배송이 늦어요\n정말 좋아요\n".encode("cp949")
    (tmp_path / "texts").write_bytes(lines)
    done = cli("classify", str(tmp_path / "texts"))
    assert json.loads(done.stdout.splitlines()[0])["text"] == "배송이 늦어요"
    assert "not UTF-8, which were skipped: 2 ->" in done.stderr
    (tmp_path / "texts").write_bytes("배송이 늦어요\n".encode())
    assert not cli("classify", str(tmp_path / "texts")).stderr


@pytest.mark.parametrize("content", ["7", "junk"])
def test_the_doctor_names_the_brand_whose_language_is_damaged_until_it_is_rolled_back(
    cli: Callable[..., Result], tmp_path: Path, home: Path, content: str
) -> None:
    write_brand(tmp_path, 'name = "새벽나무"')
    learnt = home / "adapters" / "saebyeok"
    assert "language saebyeok" not in findings(cli("doctor", "--json"))
    learnt.mkdir(parents=True)
    (learnt / "current").write_text(content, encoding="utf-8")
    finding = findings(cli("doctor", "--json"))["language saebyeok"]
    assert not finding["ok"]
    assert "damaged" in finding["detail"]
    assert "pyeongpan train --brand saebyeok --rollback" in finding["remedy"]
    assert cli("train", "--brand", "saebyeok", "--rollback").exit_code == 0
    assert "language saebyeok" not in findings(cli("doctor", "--json"))


def test_a_language_learnt_on_another_model_is_told_of(
    cli: Callable[..., Result], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_brand(tmp_path, 'name = "새벽나무"')
    learnt = home / "adapters" / "saebyeok"
    learnt.mkdir(parents=True)
    np.savez_compressed(
        learnt / "v0001.npz", words=np.zeros(1 << BITS, np.float32), line=np.array([1.0, 0.0])
    )
    (learnt / "v0001.json").write_text('{"brand": "saebyeok", "base_version": "0.9"}', "utf-8")
    (learnt / "current").write_text("1", encoding="utf-8")
    finding = findings(cli("doctor", "--json"))["language saebyeok"]
    assert finding["ok"]
    assert "pyeongpan train --brand saebyeok" in finding["detail"]
    monkeypatch.setattr("dramatiq.cli.main", lambda _: 0)
    assert cli("db", "upgrade").exit_code == 0
    started = cli("worker", env={"PYEONGPAN_BROKER_URL": "redis://127.0.0.1:1"})
    (event,) = [line for line in started.stderr.splitlines() if "language_left_aside" in line]
    assert json.loads(event)["brand"] == "saebyeok"
    assert "pyeongpan train --brand saebyeok" in json.loads(event)["reason"]


def test_a_brand_learns_from_its_own_accounts_alone(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    account = '[[accounts]]\nname = "shop"\nchannel = "seller_export"\nfolder = "exports"\n'
    shutil.copytree(
        write_brand(tmp_path, f'name = "새벽나무"\n{account}'), tmp_path / "brands" / "pilmgil"
    )
    result = cli("train", "--brand", "saebyeok", "--account", "pilmgil/shop")
    assert result.exit_code == 1
    assert "account pilmgil/shop is another brand's" in result.stderr
    assert "collect at least" in cli("train", "--brand", "saebyeok").stderr


def test_a_worker_that_reads_no_text_needs_no_model(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dramatiq.cli.main", lambda _: 0)
    env = {
        "PYEONGPAN_BROKER_URL": "redis://127.0.0.1:1",
        "PYEONGPAN_MODEL": str(tmp_path / "no-model"),
    }
    assert cli("db", "upgrade").exit_code == 0
    assert cli("worker", "-q", "pyeongpan.publish", env=env).exit_code == 0


def test_postgresql_needs_a_seal_key(cli: Callable[..., Result]) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    found = findings(cli("doctor", "--json", env={"PYEONGPAN_DATABASE_URL": url}))
    assert "PYEONGPAN_SEAL_KEY is required" in found["configuration"]["detail"]


def test_a_brand_file_with_a_mistake_is_found(cli: Callable[..., Result], tmp_path: Path) -> None:
    write_brand(tmp_path, 'name = "x"\ntimezone = "Asia/Soul"')
    found = findings(cli("doctor", "--json"))
    assert "brand.toml: timezone" in found["configuration"]["detail"]


def test_what_is_misconfigured_does_not_hide_the_others(
    cli: Callable[..., Result], shop: Storefront, tmp_path: Path
) -> None:
    del shop
    cli("db", "upgrade")
    broken = tmp_path / "brands" / "broken"
    broken.mkdir()
    (broken / "brand.toml").write_text("name = ", encoding="utf-8")
    found = findings(cli("doctor", "--json"))
    assert "brand.toml" in found["configuration"]["detail"]
    assert found["brands"]["detail"] == "saebyeok"
    assert {"database", "broker", "model", "account saebyeok/shop"} <= set(found)
    found = findings(cli("doctor", "--json", env={"PYEONGPAN_SEAL_KEY": "short"}))
    assert "`pyeongpan seal-key`" in found["configuration"]["remedy"]
    assert all(found[name]["ok"] for name in ("database", "broker", "model"))
    assert "account saebyeok/shop" not in found


def test_a_malformed_setting_is_one_line_with_its_name(cli: Callable[..., Result]) -> None:
    result = cli("doctor", env={"PYEONGPAN_DATABASE_URL": "foo"})
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: PYEONGPAN_DATABASE_URL: write sqlite:///")
    assert result.stderr.count("\n") == 1


def test_the_same_lines_can_be_read_by_a_person(cli: Callable[..., Result]) -> None:
    result = cli("doctor")
    assert result.exit_code == 1
    assert "FAIL  brands: no brand folder" in result.output
    assert "->" in result.output


def test_the_demo_leaves_the_shells_own_settings_alone(home: Path, tmp_path: Path) -> None:
    from commands.demo import demo_settings
    from commands.socket_mode import is_configured
    from settings import Settings, load

    key = generate_key()
    given = load(
        {
            "PYEONGPAN_SEAL_KEY": key,
            "PYEONGPAN_SLACK_BOT_TOKEN": "xoxb-1",
            "PYEONGPAN_SLACK_APP_TOKEN": "xapp-1",
            "PYEONGPAN_SLACK_SIGNING_SECRET": "signed",
            "PYEONGPAN_SMTP_URL": "smtp://robot@example.com:587",
            "PYEONGPAN_SMTP_PASSWORD": "secret",
            "PYEONGPAN_SMTP_SENDER": "robot@example.com",
            "PYEONGPAN_OIDC_ISSUER": "https://slack.com",
            "PYEONGPAN_OIDC_CLIENT_ID": "client",
            "PYEONGPAN_OIDC_CLIENT_SECRET": "secret",
            "PYEONGPAN_CONSOLE_URL": "https://desk.example.com",
            "PYEONGPAN_CONSOLE_PORT": "8500",
            "PYEONGPAN_LOG_LEVEL": "DEBUG",
        }
    )
    made = demo_settings(given, home, tmp_path / "brands")
    with closing(runtimes.build(made)) as runtime:
        assert (runtime.slack, runtime.mail) == (None, None)
        assert not is_configured(runtime)
        assert runtime.console_url == "http://127.0.0.1:8500"
        with pytest.raises(ConfigurationError):
            Sealer([key]).open(runtime.sealer.seal(b"made up"))
    usual = Settings()
    changed = {
        name for name in Settings.model_fields if getattr(made, name) != getattr(usual, name)
    }
    assert changed == {
        *("home", "brands", "publish_enabled", "allow_private_addresses"),
        *("console_port", "log_level"),
    }


def test_a_second_daemon_on_one_home_is_refused(home: Path, tmp_path: Path) -> None:
    from commands.daemon import Daemon
    from settings import Settings
    from workers.broker import set_up

    settings = Settings(home=home, brands=tmp_path / "brands")
    first = runtimes.build(settings)
    runtimes.synchronize(first)
    with (
        Daemon(first, set_up("memory://")),
        pytest.raises(ConfigurationError, match="another pyeongpan runs"),
        Daemon(runtimes.build(settings), set_up("memory://")),
    ):
        pytest.fail("two daemons on one home")


def test_a_console_that_cannot_listen_says_why(home: Path, tmp_path: Path) -> None:
    from fastapi import FastAPI

    from commands.daemon import ConsoleThread
    from settings import Settings

    def begin(host: str, port: int) -> str:
        settings = Settings(
            home=home, brands=tmp_path / "brands", console_host=host, console_port=port
        )
        with (
            closing(runtimes.build(settings)) as runtime,
            pytest.raises(ConfigurationError) as refused,
        ):
            ConsoleThread(runtime, FastAPI()).start()
        return str(refused.value)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = begin("127.0.0.1", port)
    assert f"127.0.0.1:{port}" in said
    assert "address already in use" in said
    # No machine has it (RFC 5737).
    said = begin("192.0.2.1", 8420)
    assert "192.0.2.1:8420" in said
    # Python 3.13 says no more than that it could not.
    assert re.search("cannot assign requested address|could not bind", said)
    assert "PYEONGPAN_CONSOLE_HOST" in said


def test_the_daemon_limits_time_and_is_not_warned_of(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from commands.daemon import Daemon
    from settings import Settings
    from workers.broker import set_up

    runtime = runtimes.build(Settings(home=home, brands=tmp_path / "brands"))
    runtimes.synchronize(runtime)
    broker = set_up("memory://")
    limits = next(found for found in broker.middleware if isinstance(found, TimeLimit))
    with Daemon(runtime, broker):
        assert isinstance(limits.manager, threading.Thread)
        assert limits.manager.is_alive()
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_retention_is_held_where_the_daemon_is_off_at_night_or_busy(
    home: Path, tmp_path: Path
) -> None:
    from commands.schedule import build_scheduler
    from settings import Settings
    from workers.duties import Duties

    with closing(runtimes.build(Settings(home=home, brands=tmp_path / "brands"))) as runtime:
        scheduler = build_scheduler(runtime, Duties(runtime))
        scheduler.start(paused=True)
        jobs = scheduler.get_jobs()
        scheduler.shutdown()
    erasing = [job.next_run_time for job in jobs if job.name == erase_expired.__name__]
    assert min(erasing) - datetime.now(UTC) < timedelta(hours=1)
    assert len(erasing) == 2
    assert {job.misfire_grace_time for job in jobs} == {None}


BY = ("--by", "김운영")
PAGE = "<html>김하늘 010-1234-5678</html>"


@pytest.fixture
def kept(cli: Callable[..., Result], tmp_path: Path, home: Path) -> Path:
    """Import a file with one bad row and save one page; gives a folder for what is opened."""
    write_brand(tmp_path, TABLE)
    path = tmp_path / "reviews.csv"
    path.write_text(ROWS, encoding="utf-8")
    run_import(cli, path)
    key = load_or_create_key(home / "seal.key")
    database = Database(f"sqlite:///{home / 'pyeongpan.db'}")
    with database.unit_of_work() as connection:
        accounts.open_incident(
            connection,
            "layout_changed",
            "saebyeok/table",
            "no rows",
            now=runtimes.utc_now(),
            sealed_page=Sealer([key]).seal(PAGE.encode()),
        )
    database.close()
    return tmp_path


def audited(home: Path) -> list[tuple[str, str, str, str]]:
    database = Database(f"sqlite:///{home / 'pyeongpan.db'}")
    with database.reading() as connection:
        rows = connection.execute(
            select(AuditRow.action, AuditRow.who, AuditRow.brand, AuditRow.detail)
        )
        found = [(row.action, row.who, row.brand, row.detail) for row in rows]
    database.close()
    return found


def listed(cli: Callable[..., Result], *more: str) -> dict[str, list[dict[str, Any]]]:
    result = cli("quarantine", "list", "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, list[dict[str, Any]]] = json.loads(result.stdout)
    return found


def test_rows_and_pages_are_listed_without_what_they_hold(
    cli: Callable[..., Result], kept: Path
) -> None:
    found = listed(cli)
    (row,), (page,) = found["rows"], found["pages"]
    assert (row["id"], row["account"], row["row"]) == (1, "saebyeok/table", 4)
    assert row["is_kept"] is True
    assert (page["id"], page["kind"], page["is_open"]) == (1, "layout_changed", True)
    unknown = cli("quarantine", "list", "--account", "saebyeok/tabel")
    assert unknown.exit_code == 1
    assert "no account 'saebyeok/tabel'" in unknown.stderr
    assert "saebyeok/table" in unknown.stderr
    said = cli("quarantine", "list").stdout
    assert said.startswith("row 1  saebyeok/table  ")
    assert "reviews.csv, row 4, field '별점'" in said
    assert "\npage 1  saebyeok/table  " in said
    assert not [word for word in ("최구름", "김하늘", "010") if word in said]


@pytest.mark.parametrize(
    ("command", "action", "content"),
    [
        ("open", "quarantine_opened", ROWS.splitlines(keepends=True)[3]),
        ("page", "page_opened", PAGE),
    ],
)
def test_an_opened_one_is_a_file_for_one_person_and_a_line_of_the_audit_log(
    cli: Callable[..., Result], kept: Path, home: Path, command: str, action: str, content: str
) -> None:
    file = kept / "opened"
    result = cli("quarantine", command, "1", str(file), *BY)
    assert (result.exit_code, result.stdout) == (0, f"{file}: {len(content.encode())} bytes\n")
    assert file.read_bytes().decode() == content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (line,) = audited(home)
    assert line[:3] == (action, "김운영 (command)", "saebyeok")
    assert line[3].startswith("saebyeok/table, ")


@pytest.mark.parametrize("command", ["open", "page"])
def test_a_file_that_is_there_is_not_written_over(
    cli: Callable[..., Result], kept: Path, command: str
) -> None:
    file = kept / "mine"
    file.write_text("mine", encoding="utf-8")
    result = cli("quarantine", command, "1", str(file), *BY)
    assert result.exit_code == 1
    assert "does not exist yet" in result.stderr
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("command", ["open", "page"])
def test_an_unknown_number_is_refused_and_nothing_is_noted(
    cli: Callable[..., Result], kept: Path, home: Path, command: str
) -> None:
    result = cli("quarantine", command, "77", str(kept / "none"), *BY)
    assert result.exit_code == 1
    assert "pyeongpan quarantine list" in result.stderr
    assert not (kept / "none").exists()
    assert audited(home) == []


def test_a_number_that_no_row_has_is_refused(cli: Callable[..., Result], kept: Path) -> None:
    for arguments in (("open", "9" * 30, str(kept / "none")), ("resolve", "9" * 30)):
        result = cli("quarantine", *arguments, *BY)
        assert result.exit_code == 2
        assert "is not in the range" in result.output


def test_another_key_opens_nothing(cli: Callable[..., Result], kept: Path, home: Path) -> None:
    env = {"PYEONGPAN_SEAL_KEY": cli("seal-key").output.strip()}
    result = cli("quarantine", "open", "1", str(kept / "none"), *BY, env=env)
    assert result.exit_code == 1
    assert "add the key" in result.stderr
    assert not (kept / "none").exists()
    assert audited(home) == []


def test_an_erased_row_says_so(cli: Callable[..., Result], kept: Path, home: Path) -> None:
    database = Database(f"sqlite:///{home / 'pyeongpan.db'}")
    with database.unit_of_work() as connection:
        accounts.erase_kept_pages(connection, "saebyeok", kept_before=runtimes.utc_now())
    database.close()
    assert "its content is erased" in cli("quarantine", "list").stdout
    result = cli("quarantine", "open", "1", str(kept / "none"), *BY)
    assert result.exit_code == 1
    assert "erased" in result.stderr


def test_a_resolved_row_is_counted_no_more_and_resolved_once(
    cli: Callable[..., Result], kept: Path, home: Path
) -> None:
    (kept / "brands" / "saebyeok" / "exports").mkdir()
    before = findings(cli("doctor", "--json"))["account saebyeok/table"]["detail"]
    assert "1 quarantined (pyeongpan quarantine list)" in before
    assert cli("quarantine", "resolve", "1", "1", *BY).stdout == "resolved: 1\n"
    assert listed(cli)["rows"] == []
    after = findings(cli("doctor", "--json"))["account saebyeok/table"]["detail"]
    assert "quarantined" not in after
    assert cli("quarantine", "resolve", "1", *BY).stdout == "resolved: 0\n"
    assert [line[0] for line in audited(home)] == ["quarantine_resolved"]


def test_a_new_key_takes_over_and_the_old_one_may_go(
    cli: Callable[..., Result], kept: Path, home: Path
) -> None:
    del kept
    old, new = load_or_create_key(home / "seal.key"), generate_key()
    refused = cli("keys", "rotate")
    assert refused.exit_code == 1
    assert "no key is retired" in refused.stderr
    both = {"PYEONGPAN_SEAL_KEY": f"{new},{old}"}
    assert "1 retired" in findings(cli("doctor", "--json", env=both))["keys"]["detail"]
    alone = {"PYEONGPAN_SEAL_KEY": new}
    assert not findings(cli("doctor", "--json", env=alone))["keys"]["ok"]
    done = cli("keys", "rotate", env=both)
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "renewed: 4"), done.output
    assert "keep only the first key in PYEONGPAN_SEAL_KEY" in done.stdout
    found = findings(cli("doctor", "--json", env=alone))["keys"]
    assert (found["ok"], found["detail"]) == (True, "what is stored can be opened")
    assert cli("keys", "rotate", env=both).stdout.startswith("renewed: 0")


def test_a_key_that_is_missing_or_still_in_use_is_named(
    cli: Callable[..., Result], kept: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kept
    key = load_or_create_key(home / "seal.key")
    lost = cli("keys", "rotate", env={"PYEONGPAN_SEAL_KEY": f"{generate_key()},{generate_key()}"})
    assert lost.exit_code == 1
    assert "4 no key opens" in lost.stderr
    monkeypatch.setattr("commands.keys.rotate", lambda *_: Rotated(renewed=2))
    late = cli("keys", "rotate", env={"PYEONGPAN_SEAL_KEY": f"{generate_key()},{key}"})
    assert late.exit_code == 1
    assert "start every process" in late.stderr


def test_one_unknown_number_resolves_none(
    cli: Callable[..., Result], kept: Path, home: Path
) -> None:
    result = cli("quarantine", "resolve", "1", "77", *BY)
    assert result.exit_code == 1
    assert "row 77" in result.stderr
    assert [row["id"] for row in listed(cli)["rows"]] == [1]
    assert audited(home) == []


@pytest.mark.parametrize("arguments", [("open", "1", "x"), ("page", "1", "x"), ("resolve", "1")])
def test_nobody_looks_or_resolves_without_a_name(
    cli: Callable[..., Result], kept: Path, arguments: tuple[str, ...]
) -> None:
    del kept
    result = cli("quarantine", *arguments)
    assert result.exit_code == 2
    assert "--by" in result.stderr
