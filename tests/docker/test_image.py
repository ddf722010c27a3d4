"""What can be known of the image and the compose files without an engine to build them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import settings
from commands.__main__ import main
from workers import ending
from workers.runtime import adapter_folder

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
INSTRUCTIONS = [line.split() for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
COMPOSE_FILES = ("docker/compose.yaml", "docker/compose.slack.yaml")
ROLES = ("migrate", "worker", "scheduler", "console")


def compose(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    return loaded


SERVICES = compose("docker/compose.yaml")["services"]


def copied_from_context() -> list[str]:
    return [
        source
        for name, *words in INSTRUCTIONS
        if name == "COPY" and not words[0].startswith("--from")
        for source in words[:-1]
    ]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("compose-spec", path) for path in COMPOSE_FILES),
        ("github-workflows", ".github/workflows/ci.yml"),
    ],
)
def test_the_file_follows_its_schema(schema: str, path: str) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("source", copied_from_context())
def test_what_the_image_copies_exists_and_is_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in IGNORED


def test_the_image_copies_everything_the_wheel_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert {*wheel, "pyproject.toml", project["project"]["readme"]} <= set(copied_from_context())


def test_the_image_has_two_stages_and_ends_without_root() -> None:
    assert [name for name, *_ in INSTRUCTIONS].count("FROM") == 2
    users = [words[0] for name, *words in INSTRUCTIONS if name == "USER"]
    assert users == ["10001"]


def test_the_user_and_its_group_have_the_number_that_files_are_given_to() -> None:
    # Left to itself, useradd takes another number for the group.
    assert "groupadd --gid 10001 pyeongpan" in DOCKERFILE
    assert re.search(r"useradd --uid 10001 --gid 10001 .* pyeongpan$", DOCKERFILE, re.MULTILINE)
    assert "/var/lib/pyeongpan:uid=10001,gid=10001,mode=0700" in SERVICES["worker"]["tmpfs"]


def test_the_image_sets_only_known_settings() -> None:
    names = set(re.findall(r"\bPYEONGPAN_[A-Z_]+", DOCKERFILE))
    assert {name.removeprefix(settings.PREFIX).lower() for name in names} <= set(
        settings.Settings.model_fields
    )


@pytest.mark.parametrize("role", ROLES)
def test_each_roles_command_is_one_of_ours(role: str) -> None:
    done = CliRunner().invoke(main, [*SERVICES[role]["command"], "--help"], env={})
    assert done.exit_code == 0, done.output


def test_the_default_command_is_one_of_ours() -> None:
    assert ["ENTRYPOINT", '["pyeongpan"]'] in INSTRUCTIONS
    assert ["CMD", '["run"]'] in INSTRUCTIONS
    assert CliRunner().invoke(main, ["run", "--help"], env={}).exit_code == 0


ADDRESSES = {
    "PYEONGPAN_DATABASE_URL_FILE": "sqlite:///",
    "PYEONGPAN_BROKER_URL_FILE": "amqp://",
}


@pytest.mark.parametrize("role", ROLES)
def test_each_roles_environment_is_read_as_settings(role: str, tmp_path: Path) -> None:
    environment = {**SERVICES[role]["environment"]}
    slack = compose("docker/compose.slack.yaml")["services"].get(role, {})
    environment.update(slack.get("environment", {}))
    read = {}
    for name, value in environment.items():
        # `${NAME:-default}` as compose fills it in when nothing is set.
        read[name] = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)
        if name.endswith("_FILE"):
            path = tmp_path / name
            path.write_text(f"{ADDRESSES.get(name, '')}content of {name}\n", encoding="utf-8")
            read[name] = str(path)
    loaded = settings.load(read)
    assert loaded.database_url.startswith("sqlite:///content of PYEONGPAN_DATABASE_URL")
    assert loaded.broker_url == "amqp://content of PYEONGPAN_BROKER_URL_FILE"
    assert loaded.seal_key.get_secret_value() == "content of PYEONGPAN_SEAL_KEY_FILE"
    assert not loaded.publish_enabled


@pytest.mark.parametrize("path", COMPOSE_FILES)
def test_every_secret_is_a_file_that_is_declared_and_used(path: str) -> None:
    file = compose(path)
    used = set()
    for name, service in file["services"].items():
        given = {
            secret if isinstance(secret, str) else secret["source"]
            for secret in service.get("secrets", [])
        }
        environment = service.get("environment", {})
        read = {
            value.removeprefix("/run/secrets/")
            for variable, value in environment.items()
            if variable.endswith("_FILE")
        }
        assert read <= given, name
        used |= given
    assert used == set(file["secrets"])


def test_no_password_stands_in_a_compose_file() -> None:
    for path in COMPOSE_FILES:
        for name, service in compose(path)["services"].items():
            for variable, value in service.get("environment", {}).items():
                secret = re.search(r"PASSWORD|TOKEN|KEY|DATABASE|BROKER", variable)
                assert not secret or variable.endswith("_FILE"), f"{name}: {variable}={value}"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_each_lasting_service_has_a_healthcheck_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert SERVICES[name]["restart"] == "unless-stopped"
    # The usual driver keeps every line for ever.
    assert SERVICES[name]["logging"] == {"driver": "local"}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_runs_without_privileges_on_a_read_only_image(role: str) -> None:
    service = SERVICES[role]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("privileged", False)


def test_every_published_port_is_on_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_postgresql_is_healthy_where_the_roles_reach_it() -> None:
    # On its socket the image's own server answers first, which only makes the database.
    words = shlex.split(SERVICES["postgres"]["healthcheck"]["test"][1])
    assert words[:3] == ["pg_isready", "--host", "127.0.0.1"]


HOME = next(
    word.partition("=")[2]
    for name, *words in INSTRUCTIONS
    if name == "ENV"
    for word in words
    if word.startswith("PYEONGPAN_HOME=")
)


def test_the_sign_of_life_is_looked_for_in_the_home_folder() -> None:
    for role in ("worker", "scheduler"):
        command = SERVICES[role]["healthcheck"]["test"][1]
        assert shlex.split(command)[:2] == ["find", HOME]


def test_a_role_that_hangs_ends_before_it_is_killed() -> None:
    assert SERVICES["scheduler"]["stop_grace_period"] == "1m"
    assert ending.SCHEDULER_ENDS_WITHIN_S < 60
    assert SERVICES["worker"]["stop_grace_period"] == "3m"
    assert ending.WORKER_ENDS_WITHIN_S < 180
    # Docker's own.
    assert "stop_grace_period" not in SERVICES["console"]
    assert ending.CONSOLE_ENDS_WITHIN_S < 10


@pytest.mark.parametrize("role", ROLES)
def test_what_a_brand_teaches_outlives_the_container(role: str) -> None:
    home = settings.load({"PYEONGPAN_HOME": HOME})
    folder = adapter_folder(home, "brand").parent
    assert f"adapters:{folder}" in SERVICES[role]["volumes"]
    assert "adapters" in compose("docker/compose.yaml")["volumes"]
    # A new volume begins as the image's folder: only that makes it the user's.
    made = [words for name, *words in INSTRUCTIONS if name == "RUN" and str(folder) in words]
    assert any({"--owner=10001", "--group=10001"} <= set(words) for words in made)


@pytest.mark.parametrize(
    ("ages_s", "verdict"), [((5,), 0), ((5, 30), 0), ((300,), 1), ((5, 300), 1), ((), 1)]
)
def test_every_process_must_have_shown_a_sign_of_life_of_late(
    ages_s: tuple[int, ...], verdict: int, tmp_path: Path
) -> None:
    command = SERVICES["worker"]["healthcheck"]["test"][1]
    for number, age_s in enumerate(ages_s, start=1):
        alive = tmp_path / f"alive-Process-{number}"
        subprocess.run(["touch", "--date", f"{age_s} seconds ago", str(alive)], check=True)
    here = command.replace(HOME, shlex.quote(str(tmp_path)))
    assert subprocess.run(["sh", "-c", here], check=False).returncode == verdict


class _Console(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        assert self.path == "/healthz"
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False)])
def test_the_consoles_healthcheck_asks_it(
    status: int, *, is_healthy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Console, "status", status)
    command = SERVICES["console"]["healthcheck"]["test"][1]
    with ThreadingHTTPServer(("127.0.0.1", 0), _Console) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            "PATH": str(Path(sys.executable).parent),
            "PYEONGPAN_CONSOLE_PORT": str(server.server_port),
        }
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=environment, capture_output=True, check=False
        )
        server.shutdown()
    assert (done.returncode == 0) is is_healthy, done.stderr
