from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import time, timedelta
from pathlib import Path

import pytest

import settings
from domain.brands import BusinessHours, CompensationLimits, DigestEmails
from domain.errors import ConfigurationError
from settings import PREFIX, Settings, load, load_brand, load_brands

ROOT = Path(__file__).parents[1]
NAMES = {PREFIX + name.upper() for name in Settings.model_fields}

BRAND = """
name = "새벽나무"
closing = "새벽나무 드림"
contacts = ["1522-0000"]

[hours]
weekdays = "9:00-18:00"
lunch = "12:00-13:00"

[[accounts]]
name = "smartstore"
channel = "seller_export"
interval = "10m"
folder = "exports"
"""


def brand_folder(tmp_path: Path, text: str = BRAND) -> Path:
    folder = tmp_path / "brands" / "saebyeok"
    folder.mkdir(parents=True)
    (folder / "brand.toml").write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_brand(folder)
    return str(caught.value)


def test_nothing_set_means_embedded_and_silent() -> None:
    loaded = load({})
    assert loaded.is_embedded_broker
    assert loaded.database == f"sqlite:///{Path('var/pyeongpan.db').absolute()}"
    assert loaded.publish_enabled is False
    assert loaded.console_host == "127.0.0.1"


def test_the_names_of_the_contract_are_settings() -> None:
    assert {
        *("PYEONGPAN_HOME", "PYEONGPAN_BRANDS", "PYEONGPAN_DATABASE_URL", "PYEONGPAN_BROKER_URL"),
        *("PYEONGPAN_MODEL", "PYEONGPAN_PUBLISH_ENABLED", "PYEONGPAN_SEAL_KEY"),
        *("PYEONGPAN_SLACK_BOT_TOKEN", "PYEONGPAN_SLACK_APP_TOKEN"),
        *("PYEONGPAN_SLACK_SIGNING_SECRET", "PYEONGPAN_SLACK_API_URL"),
    } <= NAMES


def test_a_misspelt_variable_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"^PYEONGPAN_DATABSE_URL is not a setting") as it:
        load({"PYEONGPAN_DATABSE_URL": "sqlite:///x.db"})
    assert "; did you mean PYEONGPAN_DATABASE_URL?; known settings: " in str(it.value)


def test_other_programs_variables_are_none_of_our_business() -> None:
    assert load({"PATH": "/bin", "PYEONGPANX": "1", "REPUTATION_TEST_REDIS_URL": "x"})


def test_a_wrong_value_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"^PYEONGPAN_CONSOLE_PORT: "):
        load({"PYEONGPAN_CONSOLE_PORT": "eighty"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("DATABASE_URL", value)
            for value in (
                "foo",
                "sqlite://",
                "sqlite:///:memory:",
                "mysql://host/x",
                "postgresql+psycopg2://host/x",
                "postgresql://u:geheim@host:port/x",
            )
        ),
        *(
            ("BROKER_URL", value)
            for value in (
                "foo",
                "memory",
                "nats://host",
                "redis://127.0.0.1:notaport",
                "amqp://u:geheim@[::1/",
            )
        ),
        ("LOG_LEVEL", "verbose"),
        ("LEASE", "180"),
        ("LEASE", "-PT3M"),
        ("CONSOLE_PORT", "84200"),
        *(("SLACK_API_URL", value) for value in ("slack.example.com", "https://", "ftp://x/api/")),
        ("CONSOLE_URL", "desk.example.com"),
        ("CONSOLE_URL", "https://desk.example.com:https"),
        ("OIDC_ISSUER", "slack.com"),
        ("PUBLISH_ENABLED", "예"),
    ],
)
def test_a_malformed_value_is_refused_with_what_to_write(name: str, value: str) -> None:
    remedy = {
        "DATABASE_URL": "sqlite:///",
        "BROKER_URL": "redis://",
        "LOG_LEVEL": "'DEBUG'",
        "LEASE": '"10m"',
        "CONSOLE_PORT": "65535",
        "SLACK_API_URL": "write https://HOST",
        "CONSOLE_URL": "write https://HOST",
        "OIDC_ISSUER": "write https://HOST",
        "PUBLISH_ENABLED": "write true or false",
    }
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}{name}: ") as caught:
        load({f"{PREFIX}{name}": value})
    said = str(caught.value)
    assert remedy[name] in said
    assert "geheim" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "sqlite:////home/a@b:c/x.db?timeout=5"),
        ("DATABASE_URL", "postgresql://u:p#/?q@[::1]:5432/x?options=-csearch_path%3Dy"),
        ("DATABASE_URL", "postgres://host"),
        ("DATABASE_URL", "postgresql+psycopg:///x?host=/run/postgresql"),
        ("BROKER_URL", "rediss://:p%40ss@host:6380/3"),
        ("BROKER_URL", "amqp://u:p@host:5672/vhost?heartbeat=30"),
        ("LOG_LEVEL", "WARNING"),
    ],
)
def test_every_address_that_works_is_taken_as_it_is(name: str, value: str) -> None:
    assert getattr(load({f"{PREFIX}{name}": value}), name.lower()) == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"SLACK_BOT_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN: that is an app token"),
        (
            {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xoxb-2"},
            "SLACK_APP_TOKEN: that is a bot token",
        ),
        ({"SLACK_APP_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN: set it too"),
        ({"SLACK_SIGNING_SECRET": "x"}, "SLACK_BOT_TOKEN: set it too"),
        ({"OIDC_ISSUER": "https://slack.com"}, "OIDC_CLIENT_ID: set it too"),
        ({"OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "x"}, "OIDC_ISSUER: set it too"),
    ],
)
def test_half_of_what_belongs_together_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}{message}"):
        load({PREFIX + name: value for name, value in given.items()})


def test_a_gateway_and_its_tokens_may_look_as_they_like() -> None:
    given = {"SLACK_API_URL": "http://10.0.0.7:8065/slack/api/", "SLACK_BOT_TOKEN": "gw-1"}
    loaded = load({PREFIX + name: value for name, value in given.items()})
    assert loaded.slack_api_url == given["SLACK_API_URL"]


def test_a_log_level_may_be_written_small() -> None:
    assert load({"PYEONGPAN_LOG_LEVEL": "debug"}).log_level == "DEBUG"


@pytest.mark.parametrize("word", ["true", "1", "yes"])
def test_publishing_is_switched_on_by_the_usual_words(word: str) -> None:
    assert load({"PYEONGPAN_PUBLISH_ENABLED": word}).publish_enabled is True


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("xoxb-1\n", encoding="utf-8")
    loaded = load({"PYEONGPAN_SLACK_BOT_TOKEN_FILE": str(path)})
    assert loaded.slack_bot_token.get_secret_value() == "xoxb-1"


@pytest.mark.parametrize("order", [1, -1])
def test_a_secret_given_both_ways_is_the_variables(tmp_path: Path, order: int) -> None:
    path = tmp_path / "token"
    path.write_text("file", encoding="utf-8")
    given = {"PYEONGPAN_SLACK_BOT_TOKEN": "plain", "PYEONGPAN_SLACK_BOT_TOKEN_FILE": str(path)}
    loaded = load(dict(list(given.items())[::order]))
    assert loaded.slack_bot_token.get_secret_value() == "plain"


def test_a_secrets_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^PYEONGPAN_SEAL_KEY_FILE: cannot read .*missing"
    ):
        load({"PYEONGPAN_SEAL_KEY_FILE": str(tmp_path / "missing")})


def test_an_empty_secrets_file_does_not_mean_the_embedded_database(tmp_path: Path) -> None:
    path = tmp_path / "database_url"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"^PYEONGPAN_DATABASE_URL_FILE: .*is empty"):
        load({"PYEONGPAN_DATABASE_URL_FILE": str(path)})


def test_an_empty_name_of_a_secrets_file_is_not_set() -> None:
    assert load({"PYEONGPAN_SMTP_PASSWORD_FILE": ""}) == load({})


def test_only_secrets_may_lie_in_files() -> None:
    with pytest.raises(ConfigurationError, match="PYEONGPAN_MODEL_FILE is not a setting"):
        load({"PYEONGPAN_MODEL_FILE": "x"})


def test_secrets_do_not_show() -> None:
    loaded = load({"PYEONGPAN_SLACK_BOT_TOKEN": "xoxb-verysecret"})
    assert "verysecret" not in f"{loaded!r} {loaded}"


def test_the_example_names_every_setting_once_and_explains_it() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named: list[str] = []
    for number, line in enumerate(lines):
        if match := re.match(r"#?\s*(PYEONGPAN_[A-Z_]+)=", line):
            named.append(match[1])
            explained = lines[number - 1].startswith("# ") or " # " in line
            assert explained, f"{match[1]} has no comment"
    assert sorted(named) == sorted(NAMES)


def test_the_example_sourced_as_it_says_changes_nothing() -> None:
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    told = subprocess.run(
        ["/bin/sh", "-euc", 'set -a; . ./.env.example; exec "$0" -c "$1"', sys.executable, show],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr == ""
    environ = json.loads(told.stdout)
    assert environ.keys() >= NAMES
    assert load(environ) == load({})


MAIL = {
    "PYEONGPAN_SMTP_URL": "smtp://robot@example.com@smtp.example.com",
    "PYEONGPAN_SMTP_PASSWORD": "geheim",
}


def test_a_mail_server_is_read_from_its_address(tmp_path: Path) -> None:
    assert load({}).mail_server is None
    loaded = load(MAIL)
    server = loaded.mail_server
    assert server is not None
    assert (server.host, server.port, server.user) == (
        "smtp.example.com",
        587,
        "robot@example.com",
    )
    assert loaded.mail_sender == "robot@example.com"
    assert "geheim" not in f"{loaded!r}"
    path = tmp_path / "password"
    path.write_text("geheim\n", encoding="utf-8")
    filed = {**MAIL, "PYEONGPAN_SMTP_PASSWORD": "", "PYEONGPAN_SMTP_PASSWORD_FILE": str(path)}
    assert load(filed).smtp_password.get_secret_value() == "geheim"
    secure = load({**MAIL, "PYEONGPAN_SMTP_URL": "smtps://robot%40example.com@mx.example.com"})
    assert secure.mail_server is not None
    assert (secure.mail_server.port, secure.mail_server.is_tls_first) == (465, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"URL": "smtp://me:geheim@mx.example.com"}, "SMTP_URL: .*PYEONGPAN_SMTP_PASSWORD"),
        ({"URL": "smtp://mx.example.com:geheim"}, "SMTP_URL: .*malformed"),
        ({"URL": "http://mx.example.com"}, "SMTP_URL: .*write smtp://"),
        ({"URL": "smtp://me@mx.example.com?tls=off"}, "SMTP_URL: .*readably"),
        ({"URL": "smtps://me@mx.example.com?tls=off"}, "SMTP_URL: .*goes with smtp://"),
        ({"URL": "smtp://me@mx.example.com?tls=no"}, "SMTP_URL: .*only option"),
        ({"URL": ""}, "SMTP_URL: set it too"),
        ({"URL": "smtp://mx.example.com"}, "SMTP_URL: needs a user"),
        ({"PASSWORD": ""}, "SMTP_PASSWORD: needed for the user"),
        ({"PASSWORD": "비밀"}, "SMTP_PASSWORD: .*ASCII"),
        ({"URL": "smtp://me@mx.example.com"}, "SMTP_SENDER: needed"),
        ({"SENDER": "평판 <a@example.com>"}, "SMTP_SENDER: .*no mail address"),
    ],
)
def test_what_could_never_send_a_mail_is_refused(changes: dict[str, str], message: str) -> None:
    given = {**MAIL, **{f"PYEONGPAN_SMTP_{name}": value for name, value in changes.items()}}
    with pytest.raises(ConfigurationError, match=f"^PYEONGPAN_{message}") as caught:
        load(given)
    assert "geheim" not in str(caught.value)


def test_a_relay_on_this_machine_needs_neither_tls_nor_a_user() -> None:
    loaded = load(
        {
            "PYEONGPAN_SMTP_URL": "smtp://127.0.0.1:25?tls=off",
            "PYEONGPAN_SMTP_SENDER": "robot@example.com",
        }
    )
    assert loaded.mail_server is not None
    assert (loaded.mail_server.port, loaded.mail_server.is_plain) == (25, True)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        (" 8 h ", timedelta(hours=8)),
        ("30d", timedelta(days=30)),
    ],
)
def test_durations_are_written_short(text: str, length: timedelta) -> None:
    assert settings.parse_duration(text) == length


@pytest.mark.parametrize("value", ["10", "m", "-5m", "1.5h", 10])
def test_what_is_no_duration_is_left_alone(value: object) -> None:
    assert settings.parse_duration(value) == value


def test_a_brand_is_read_whole(tmp_path: Path) -> None:
    brand = load_brand(brand_folder(tmp_path))
    assert (brand.slug, brand.name, brand.contacts) == ("saebyeok", "새벽나무", ("1522-0000",))
    assert (brand.hours.opens, brand.hours.lunch_ends) == (time(9), time(13))
    (account,) = brand.accounts
    assert account.key == "saebyeok/smartstore"
    assert account.interval == timedelta(minutes=10)
    assert account.option("folder") == "exports"
    assert account.option("columns", "none") == "none"
    assert account.writable is False


def test_a_weekend_has_hours_of_its_own(tmp_path: Path) -> None:
    weekend = 'saturday = "10:00-15:00"\nsunday = "9:30 - 12:00"\nlunch'
    hours = load_brand(brand_folder(tmp_path, BRAND.replace("lunch", weekend))).hours
    assert hours.saturday == (time(10), time(15))
    assert hours.sunday == (time(9, 30), time(12))
    assert (hours.opens, hours.lunch_starts) == (time(9), time(12))


def test_an_account_may_have_hours_and_a_clock_of_its_own(tmp_path: Path) -> None:
    own = """answer_within = "24h"

[accounts.hours]
weekdays = "10:00-19:00"
saturday = "10:00-15:00"
"""
    other = '\n[[accounts]]\nname = "coupang"\nchannel = "coupang"\n'
    brand = load_brand(brand_folder(tmp_path, BRAND + own + other))
    first, second = brand.accounts
    assert first.answer_within == timedelta(hours=24)
    assert first.hours == BusinessHours(
        opens=time(10),
        closes=time(19),
        lunch_starts=None,
        lunch_ends=None,
        saturday=(time(10), time(15)),
    )
    assert first.options == {"folder": "exports"}
    assert (second.hours, second.answer_within) == (None, None)
    assert brand.hours.opens == time(9)


def test_a_brand_says_who_is_written_to_and_what_may_be_promised(tmp_path: Path) -> None:
    usual = load_brand(brand_folder(tmp_path))
    assert not usual.digest_emails.is_wanted
    assert usual.compensation_limits == CompensationLimits(0, 50_000, 300_000)
    (usual.folder / "brand.toml").write_text(
        BRAND
        + '[digest_emails]\nimmediate = ["a@example.com"]\ndaily = ["b@example.com"]\n'
        + "[compensation_limits]\nspecialist = 10000\nlead = 1000000\n",
        encoding="utf-8",
    )
    brand = load_brand(usual.folder)
    assert brand.digest_emails == DigestEmails(("a@example.com",), ("b@example.com",))
    assert brand.compensation_limits == CompensationLimits(0, 10_000, 1_000_000)


def test_a_file_saved_by_notepad_is_read(tmp_path: Path) -> None:
    folder = brand_folder(tmp_path)
    (folder / "brand.toml").write_text(BRAND, encoding="utf-8-sig")
    assert load_brand(folder).name == "새벽나무"


def test_credentials_are_read_and_do_not_show(tmp_path: Path) -> None:
    folder = brand_folder(tmp_path, BRAND + 'credentials_file = "s.toml"\n')
    (folder / "s.toml").write_text('api_key = "geheim"\nvendor = 7\n', encoding="utf-8")
    (account,) = load_brand(folder).accounts
    assert account.credentials == {"api_key": "geheim", "vendor": "7"}
    assert "geheim" not in repr(account)


def test_missing_credentials_are_named_with_their_account(tmp_path: Path) -> None:
    message = refusal(brand_folder(tmp_path, BRAND + 'credentials_file = "s.toml"\n'))
    assert "s.toml" in message
    assert "'smartstore'" in message


def test_broken_credentials_are_not_quoted(tmp_path: Path) -> None:
    folder = brand_folder(tmp_path, BRAND + 'credentials_file = "s.toml"\n')
    (folder / "s.toml").write_text("api_key = geheim", encoding="utf-8")
    message = refusal(folder)
    assert "s.toml: is not valid TOML" in message
    assert "geheim" not in message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("closing = 'x'", r'name: is missing; write name = "\.\.\."'),
        ("name = 3", "name: must be text in quotes"),
        ('name = ""', "name: must not be empty"),
        ('name = "x"\ncontacts = "1522-0000"', r'contacts: must be a list; write contacts = \["'),
        ('name = "x"\ncontacts = [1522]', "contacts.0: must be text in quotes"),
        ('name = "x"\nhours = "9:00-18:00"', r"hours: must be a table; write \[hours\]"),
        ('name = "x"\ntwo_step_approval = "ja"', "two_step_approval: must be true or false"),
        ('name = "x"\n[accounts]\nname = "shop"', r"accounts: .*written as \[\[accounts\]\]"),
        (BRAND + '\n[[accounts]]\nname = "x"', "account x.channel: is missing; write channel"),
        (BRAND + '\n[[accounts]]\nname = "B ad"\nchannel = "x"', "account B ad.name: .*a-z, 0-9"),
        (
            BRAND.replace('"10m"', '"0s"'),
            "account smartstore.interval: must be longer than nothing",
        ),
        ('name = "x"\nretention = "0d"', "retention: must be longer than nothing"),
        ('name = "x"\nreply_within = "0h"', "reply_within: must be longer than nothing"),
        (BRAND.replace('"10m"', '"10 minutes"'), "account smartstore.interval: "),
        (BRAND.replace('"9:00-18:00"', '"18:00-9:00"'), "hours.weekdays: "),
        (BRAND.replace('"9:00-18:00"', '"9-18"'), 'hours.weekdays: .*write "09:00-18:00"'),
        (BRAND.replace('"9:00-18:00"', '"09:00-25:00"'), "hours.weekdays: "),
        (
            BRAND.replace("lunch", 'saturday = "10-15"\nlunch'),
            "hours.saturday: '10-15' is no range",
        ),
        (BRAND.replace("lunch", 'sunday = ""\nlunch'), "hours.sunday: '' .* leave the line out"),
        (BRAND.replace("lunch", 'sunday = "9:00-24:00"\nlunch'), "hours.sunday: .*to 23:59"),
        (
            BRAND.replace("lunch", 'saturday = "15:00-10:00"\nlunch'),
            "hours.saturday: '15:00-10:00' ends before it starts",
        ),
        (
            BRAND.replace('"12:00-13:00"', '"17:30-18:30"'),
            "hours: lunch .* within weekdays .*change",
        ),
        (
            BRAND.replace('"12:00-13:00"', '"9:00-18:00"'),
            "hours: lunch .*leaves nothing of weekdays",
        ),
        (
            BRAND.replace("lunch", 'saturday = "12:00-13:00"\nlunch'),
            'hours: lunch "12:00-13:00" leaves nothing of saturday "12:00-13:00"; change',
        ),
        (BRAND.replace("lunch", "saterday"), "hours.saterday: .*known are weekdays, saturday"),
        ('name = "x"\nretention = 365', 'retention: 365 is no length of time; write .*"30d"'),
        ('name = "x"\nretention = "-P3D"', "retention: '-P3D' is no length of time"),
        ('name = "x"\nretention = "999999d"', "retention: '999999d' is more than 36500 days"),
        ('name = "x"\nundo_window = true', "undo_window: True is no length of time"),
        (BRAND.replace('"10m"', "10"), "account smartstore.interval: 10 is no length of time"),
        (BRAND + 'answer_within = ""', "account smartstore.answer_within: '' is no time .*write"),
        (BRAND + 'answer_within = "0h"', "account smartstore.answer_within: '0h' is no time"),
        (BRAND + "answer_within = 24", 'account smartstore.answer_within: 24 is no time .*"24h"'),
        (BRAND + 'answer_within = "366d"', "account smartstore.answer_within: .*365 days"),
        (BRAND + f'answer_within = "{"9" * 10}d"', "account smartstore.answer_within: .*365 days"),
        (
            BRAND + 'answer_witin = "24h"',
            "account smartstore: answer_witin is not known; .*answer_within",
        ),
        (BRAND + "[accounts.hours]", "account smartstore.hours: weekdays is missing, .*write all"),
        (
            BRAND + '[accounts.hours]\nfolder = "x"',
            "account smartstore.hours.folder: .*known are weekdays",
        ),
        (
            BRAND + '[accounts.hours]\nweekdays = "9-18"',
            "account smartstore.hours.weekdays: '9-18' is no range of clock times",
        ),
        ('name = "x"\ntimezone = "Asia/Soul"', 'timezone: .*write "Asia/Seoul"'),
        (
            'name = "x"\ntonne = "x"',
            "tonne: is not known here; did you mean tone[?]; known are name",
        ),
        (BRAND.replace("lunch", "lunsh"), "hours.lunsh: "),
        ("name = x", 'line 1, column 8.*; write name = "text"'),
        ("name = “x”", "line 1, column 8.*; write straight quotes"),
        (BRAND + '[[hours]]\nweekdays = "9:00-18:00"', r"line 15.* begins with \[\[accounts\]\]"),
        ('name = " "', "name: must not be empty"),
        (BRAND + 'retention = "30d"', "account smartstore: retention is the whole brand's; move"),
        (
            BRAND + '[[accounts]]\nchannel = "x"',
            r'account 2.name: is missing; write name = "\.\.\."',
        ),
        (BRAND + '[digest_emails]\nweekly = ["owner"]', "digest_emails.weekly.0: .*no mail addr"),
        (BRAND + f'[digest_emails]\ndaily = ["{"a" * 80}@example.com"]', "at most 90"),
        (BRAND + '[digest_emails]\nmonthly = ["a@example.com"]', "digest_emails.monthly: "),
        (BRAND + "[compensation_limits]\nspecialist = -1", "compensation_limits.specialist: "),
        (BRAND + "[compensation_limits]\nspecialist = 400000", "raise the later one"),
        (BRAND + '[compensation_limits]\nlead = "300000"', "limits.lead: must be a whole number"),
    ],
)
def test_a_mistake_is_refused_with_file_and_key(tmp_path: Path, text: str, place: str) -> None:
    assert re.search(rf"brand\.toml: .*{place}", refusal(brand_folder(tmp_path, text)))


def test_two_accounts_of_one_name_are_refused(tmp_path: Path) -> None:
    double = BRAND + '\n[[accounts]]\nname = "smartstore"\nchannel = "generic_file"\n'
    assert "two accounts are named 'smartstore'" in refusal(brand_folder(tmp_path, double))


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    folder = brand_folder(tmp_path)
    (folder / "brand.toml").write_bytes(BRAND.encode("cp949"))
    assert "save it as UTF-8" in refusal(folder)


def test_only_folders_with_a_brand_file_are_brands(tmp_path: Path) -> None:
    folder = brand_folder(tmp_path)
    (folder.parent / "notes").mkdir()
    assert list(load_brands(folder.parent)) == ["saebyeok"]


def test_what_the_system_keeps_in_a_volume_is_no_brand(tmp_path: Path) -> None:
    folder = brand_folder(tmp_path)
    (folder.parent / "lost+found").mkdir()
    (folder.parent / "lost+found" / "brand.toml").touch()
    assert list(load_brands(folder.parent)) == ["saebyeok"]


def test_a_brand_that_may_not_be_looked_into_is_not_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = brand_folder(tmp_path)
    list_folder = os.listdir

    def refuse(path: Path) -> list[str]:
        if path == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(
        ConfigurationError, match=f"{folder}: cannot be read: Permission denied -> let"
    ):
        load_brands(folder.parent)


def test_no_folder_means_no_brands(tmp_path: Path) -> None:
    assert load_brands(tmp_path / "nowhere") == {}
