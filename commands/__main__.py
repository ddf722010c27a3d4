"""The ``pyeongpan`` command."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
import structlog

import settings as settings_module
from domain.errors import ReputationError

if TYPE_CHECKING:
    from structlog.typing import Processor

    from settings import Settings
    from workers.runtime import Runtime


log = structlog.get_logger()

_OF_THE_DISK = {errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS}


class _Group(click.Group):
    """Shows our own errors as one line with the remedy instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ReputationError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            # The machine's word, and no fault of ours: a full disk, a folder that others own.
            if error.errno not in _OF_THE_DISK:
                raise
            place = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(
                f"{place}{error.strerror}; make room, or see that this user may read and write "
                "there (PYEONGPAN_HOME, PYEONGPAN_BRANDS)"
            ) from None
        except Exception as error:
            # Loaded by then, unless it is the help that ends so.
            from storage.session import DatabaseError, reason_of

            if not isinstance(error, DatabaseError):
                raise
            raise click.ClickException(
                f"the database cannot be used: {reason_of(error)}; `pyeongpan doctor` looks at it"
            ) from None


@click.group(cls=_Group)
@click.version_option(package_name="pyeongpan")
@click.pass_context
def main(context: click.Context) -> None:
    """Watch reviews, understand them, answer them with a person's approval, prove the answer."""
    loaded = settings_module.load()
    set_up_logging(loaded.log_level)
    context.obj = loaded


def set_up_logging(level: str) -> None:
    """Write one line per event to standard error, also a library's; JSON when nobody watches."""
    import logging

    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*before, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *before],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # It tells of one refused connection in seven lines and a traceback; whoever asked says it in one.
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def _wait_for_signal() -> None:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    stopping.wait()


def _warn_of_no_brands(runtime: Runtime) -> None:
    """Say that nothing will happen, and where was looked: whoever starts elsewhere looks elsewhere."""
    if not runtime.brands:
        log.warning(
            "no_brands",
            folder=str(runtime.settings.brands.absolute()),
            remedy="make NAME/brand.toml there, or set PYEONGPAN_BRANDS",
        )


def _warn_of_open_secrets(runtime: Runtime) -> None:
    for path in settings_module.open_secrets(runtime.brands.values()):
        log.warning("secrets_open", file=str(path), remedy=f"chmod o= {path}")


def _report_model(runtime: Runtime, version: str) -> None:
    log.info("model_loaded", version=version)
    for slug in runtime.brands:
        runtime.language(slug, version)


def _start_broker(settings: Settings) -> Any:  # noqa: ANN401 - dramatiq's broker
    from workers.broker import set_up

    return set_up(settings.broker_url)


def _build(settings: Settings) -> Runtime:
    from workers import runtime as runtimes

    runtime = runtimes.build(settings)
    runtimes.install(runtime)
    click.get_current_context().call_on_close(runtime.close)
    return runtime


def _check_schema(runtime: Runtime) -> None:
    """Refuse another version's database; one that is lost is waited for."""
    from storage import schema
    from storage.outage import DATABASE
    from storage.session import DatabaseError, reason_of

    try:
        schema.check(runtime.database)
    except DatabaseError as error:
        DATABASE.goes_on(reason_of(error), step="start")


def _model_version(settings: Settings) -> str:
    """Load the model in a process that ends at once: this one is not to keep its memory.

    Raises:
        ConfigurationError: The model is missing or damaged.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from commands.classifying import model_version

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(model_version, settings.model).result()


def _refuse_memory(settings: Settings, role: str) -> None:
    if settings.is_embedded_broker:
        raise click.ClickException(
            f"`pyeongpan {role}` is one of several processes and needs a broker they share: set "
            "PYEONGPAN_BROKER_URL to redis://... or amqp://..., or use `pyeongpan run`"
        )


@main.command()
@click.option("--port", type=click.IntRange(0, 65_535), help="Port of the console.")
@click.option("--once", is_flag=True, help="Headless, on a fresh temporary database; then stop.")
@click.option("--approve-all", is_flag=True, help="With --once: approve and publish every draft.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON object.")
@click.pass_obj
def demo(
    settings: Settings, *, port: int | None, once: bool, approve_all: bool, as_json: bool
) -> None:
    """Run the demo storefront and everything else in one process."""
    from commands import demo as demos

    if once:
        summary = demos.run_once(settings, approves=approve_all)
        if as_json:
            click.echo(json.dumps(summary, ensure_ascii=False))
        else:
            for name, number in summary.items():
                click.echo(f"{name:12} {number}")
        sys.exit(0 if demos.is_complete(summary) else 1)
    if port is not None:
        settings = settings.model_copy(update={"console_port": port})
    home = settings.home / "demo"
    with demos.demo_shop(home) as brands:
        _run(demos.demo_settings(settings, home, brands), is_demo=True)


@main.command()
@click.pass_obj
def run(settings: Settings) -> None:
    """Run the all-in-one daemon on the configured database and broker."""
    _run(settings, is_demo=False)


def _run(settings: Settings, *, is_demo: bool) -> None:
    from commands.console import build_console
    from commands.daemon import Daemon
    from workers.ending import RUN_ENDS_WITHIN_S, end_within
    from workers.runtime import synchronize

    broker = _start_broker(settings)
    runtime = _build(settings)
    synchronize(runtime)
    _warn_of_no_brands(runtime)
    _warn_of_open_secrets(runtime)
    _report_model(runtime, runtime.classifier.version)
    with Daemon(runtime, broker, build_console(runtime, is_demo=is_demo)):
        click.echo(f"콘솔: {runtime.console_url}  (Ctrl+C로 끝냅니다)", err=True)
        _wait_for_signal()
        end_within(RUN_ENDS_WITHIN_S)


@main.command()
@click.option("--processes", "-p", default=2, show_default=True, help="Worker processes.")
@click.option("--threads", "-t", default=8, show_default=True, help="Threads per process.")
@click.option("--queues", "-q", multiple=True, help="Only these queues; all by default.")
@click.pass_obj
def worker(settings: Settings, *, processes: int, threads: int, queues: tuple[str, ...]) -> None:
    """Run workers (dramatiq's own command, with our actors)."""
    from dramatiq.cli import main as dramatiq_main
    from dramatiq.cli import make_argument_parser

    from workers import runtime as runtimes
    from workers.actors import ACTORS
    from workers.analyze import analyze, analyze_backlog

    _refuse_memory(settings, "worker")
    known = {spec.queue for spec in ACTORS}
    reading = {spec.queue for spec in ACTORS if spec.work in (analyze, analyze_backlog)}
    if unknown := set(queues) - known:
        raise click.ClickException(
            f"no queue is named {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        )
    # What is wrong is said once here, in one line; dramatiq's processes would die of it.
    with closing(runtimes.build(settings)) as runtime:
        _check_schema(runtime)
        if reading & (set(queues) or known):
            _report_model(runtime, _model_version(settings))
    arguments = ["workers.app", "--processes", str(processes), "--threads", str(threads)]
    if queues:
        arguments += ["--queues", *queues]
    if settings.slack_bot_token.get_secret_value() and settings.slack_app_token.get_secret_value():
        arguments += ["--fork-function", "commands.socket_mode:run_in_worker"]
    parsed = make_argument_parser().parse_args(arguments)  # type: ignore[no-untyped-call]
    sys.exit(dramatiq_main(parsed))  # type: ignore[no-untyped-call]


@main.command()
@click.pass_obj
def scheduler(settings: Settings) -> None:
    """Run the clock: due collections, relaying, repairs, retention."""
    from commands.schedule import build_scheduler
    from workers.duties import Duties
    from workers.ending import SCHEDULER_ENDS_WITHIN_S, end_within
    from workers.relay import RelayThread
    from workers.runtime import synchronize

    _refuse_memory(settings, "scheduler")
    _start_broker(settings)
    runtime = _build(settings)
    synchronize(runtime)
    _warn_of_no_brands(runtime)
    _warn_of_open_secrets(runtime)
    duties = Duties(runtime)
    relay = RelayThread(runtime, starts_due=True, age_s=duties.age_s)
    runtime.poke = relay.poke
    clock = build_scheduler(runtime, duties)
    relay.start()
    clock.start()
    _wait_for_signal()
    end_within(SCHEDULER_ENDS_WITHIN_S)
    clock.shutdown(wait=True)
    relay.stop()


@main.command()
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on.")
@click.pass_obj
def console(settings: Settings, *, port: int | None) -> None:
    """Serve the console alone."""
    from commands.console import build_console
    from commands.daemon import ConsoleThread
    from workers.ending import CONSOLE_ENDS_WITHIN_S, end_within

    _refuse_memory(settings, "console")
    if port is not None:
        settings = settings.model_copy(update={"console_port": port})
    runtime = _build(settings)
    _check_schema(runtime)
    server = ConsoleThread(runtime, build_console(runtime, is_demo=False))
    server.start()
    click.echo(f"콘솔: {runtime.console_url}", err=True)
    _wait_for_signal()
    end_within(CONSOLE_ENDS_WITHIN_S)
    server.stop()


@main.command()
@click.option("--account", required=True, help="BRAND/NAME.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def collect(settings: Settings, *, account: str, as_json: bool) -> None:
    """Collect one account now."""
    from commands.collecting import collect_now

    _report(collect_now(_ready(settings), account), as_json=as_json)


@main.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--account", required=True, help="BRAND/NAME.")
@click.option("--dry-run", is_flag=True, help="Read and count, store nothing.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def import_(settings: Settings, *, file: Path, account: str, dry_run: bool, as_json: bool) -> None:
    """Import a seller-centre export or a generic CSV/XLSX."""
    from commands.collecting import import_file

    result = import_file(_ready(settings), file, account, is_dry_run=dry_run)
    _report(result, as_json=as_json)


def _ready(settings: Settings) -> Runtime:
    """Build the tools on a database that is up to date, with the actors on some broker."""
    from workers.runtime import synchronize

    _start_broker(settings)
    runtime = _build(settings)
    synchronize(runtime)
    return runtime


def _report(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        for name, value in result.items():
            lines = value if isinstance(value, list) else [f"{name}: {value}"]
            for line in lines:
                click.echo(line)
    if result.get("error"):
        sys.exit(1)


@main.command()
@click.argument(
    "file", type=click.File("r", encoding="utf-8-sig", errors="surrogateescape"), default="-"
)
@click.pass_obj
def classify(settings: Settings, *, file: TextIO) -> None:
    """Classify one text per line, in UTF-8; one JSON line out per line in."""
    from commands.classifying import classify_lines

    # What a person types, and lines that come to the same terminal, need no bar between them.
    hidden = not sys.stderr.isatty() or sys.stdout.isatty() or file.isatty()
    size = _size_of(file)
    damaged = 0
    with click.progressbar(
        file,
        length=size,
        show_pos=size is None,
        file=sys.stderr,
        hidden=hidden,
        # The first texts wait for the model: the time that they took tells nothing.
        update_min_steps=1 << 16,
    ) as bar:
        for text, line in classify_lines(settings, file):
            click.echo(line)
            read = len(text.encode(errors="surrogateescape"))
            damaged += read != len(text.encode(errors="ignore"))
            bar.update(read + 1)
    if damaged:
        click.echo(
            f"lines with bytes that are not UTF-8, which were skipped: {damaged} -> save the texts as UTF-8",
            err=True,
        )


def _size_of(file: TextIO) -> int | None:
    """Give the bytes of a file; None of a pipe, whose end nobody knows."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def evaluate(settings: Settings, *, file: Path, as_json: bool) -> None:
    """Measure the model on a TSV, UTF-8, its columns named in the first line.

    One column is called text (or document, review, content, 내용, 리뷰), another label (0 negative,
    1 positive, or the words; sentiment and 감성 mean the same) or rating (or star, stars, score,
    별점, 평점). Of 1-5 stars 1-2 count as negative and 5 as positive, of 1-10 1-4 and 9-10; the
    stars between are left out. Tabs separate the cells and nothing is quoted.
    """
    from sentiment.classifier import Classifier
    from sentiment.evaluate import evaluate as measure
    from sentiment.evaluate import read_labelled

    labels = read_labelled(file)
    classifier = Classifier.load(settings.model or None)
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=len(labels.rows), file=sys.stderr, hidden=hidden) as bar:
        report = measure(classifier, labels.rows, file.name, bar.update)
    report.left_out, report.reading = labels.left_out, labels.reading
    click.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else report.as_text())


@main.command()
@click.option("--brand", required=True, help="Slug of the brand.")
@click.option("--account", help="BRAND/NAME: learn from this account only.")
@click.option("--rollback", is_flag=True, help="Go back to what was in use before.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def train(
    settings: Settings, *, brand: str, account: str | None, rollback: bool, as_json: bool
) -> None:
    """Learn a brand's language from its stars and its specialists' corrections."""
    from commands.learning import learn_brand, roll_back

    runtime = _ready(settings)
    result = roll_back(runtime, brand) if rollback else learn_brand(runtime, brand, account)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        for name, value in result.items():
            click.echo(f"{name}: {value}")
    sys.exit(0 if result.get("accepted", True) else 1)


@main.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Check configuration, database, keys, broker, model, accounts, Slack and mail."""
    from commands.doctor import examine

    findings = examine(settings)
    if as_json:
        click.echo(json.dumps([finding.to_json() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(finding.to_line())
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@main.group()
def db() -> None:
    """Database schema."""


@db.command()
@click.pass_obj
def upgrade(settings: Settings) -> None:
    """Run the missing migrations."""
    from storage import schema
    from storage.session import Database

    with closing(Database(settings.database)) as database:
        schema.upgrade(database)
    click.echo("database is up to date")


@main.command(name="seal-key")
def seal_key() -> None:
    """Print a new key for PYEONGPAN_SEAL_KEY."""
    from privacy.sealing import generate_key

    click.echo(generate_key())


@main.group()
def keys() -> None:
    """Keys that seal personal data."""


@keys.command(name="rotate")
@click.pass_obj
def rotate_keys(settings: Settings) -> None:
    """Bring everything stored under the first key of PYEONGPAN_SEAL_KEY.

    May be stopped at any time and run again, while everything else runs.
    """
    from commands.keys import rotate_keys as bring_under_the_first

    done = bring_under_the_first(_ready(settings), sys.stderr)
    click.echo(f"renewed: {done.renewed}")
    click.echo("nothing needs a retired key: keep only the first key in PYEONGPAN_SEAL_KEY")


@main.command()
@click.option("--login", prompt=True)
@click.option("--name", prompt=True, help="As colleagues know the person.")
@click.password_option(help="Asked for when it is not given.")
@click.pass_obj
def operator(settings: Settings, *, login: str, name: str, password: str) -> None:
    """Make an operator, who manages people; from then on everybody signs in."""
    from console.operators import create_operator

    runtime = _ready(settings)
    create_operator(
        runtime.database, login=login, name=name, password=password, now=runtime.clock()
    )
    click.echo(f"operator {login} can sign in at {runtime.console_url}")


@main.command(name="erase-author")
@click.option("--brand", required=True, help="Slug of the brand.")
@click.option("--author", required=True, help="Name or id exactly as the channel shows it.")
@click.option("--requested-by", required=True, help="Who asked; kept as the record.")
@click.pass_obj
def erase_author(settings: Settings, *, brand: str, author: str, requested_by: str) -> None:
    """Erase one author's personal data on request."""
    from storage.accounts import channels_of
    from workers.retain import erase_author as erase

    if not author.strip():
        # Every workbook in quarantine would go, and nobody's data.
        raise click.BadParameter("write the name or id", param_hint="--author")
    runtime = _ready(settings)
    with runtime.database.reading() as connection:
        is_known = bool(channels_of(connection, brand))
    if not is_known:
        # A slip of the pen would be put on record as an erasure of nothing.
        runtime.brand(brand)
    erased = erase(runtime, brand, author, requested_by=requested_by)
    click.echo(f"erased: {erased}")


@main.group()
def quarantine() -> None:
    """Rows and pages that could not be read; every look is written to the audit log."""


_NUMBER = click.IntRange(1, 2**63 - 1)
"""As the databases take them."""

_BY = click.option("--by", required=True, help="Your name, for the audit log.")


@quarantine.command(name="list")
@click.option("--account", help="BRAND/NAME; all accounts by default.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_quarantine(settings: Settings, *, account: str | None, as_json: bool) -> None:
    """List unresolved rows and saved pages with their numbers."""
    from commands.quarantine import lines_of, list_kept

    found = list_kept(_ready(settings), account=account)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        for line in lines_of(found):
            click.echo(line)


@quarantine.command(name="open")
@click.argument("number", type=_NUMBER)
@click.argument("file", type=click.Path(path_type=Path))
@_BY
@click.pass_obj
def open_quarantined(settings: Settings, *, number: int, file: Path, by: str) -> None:
    """Unseal a row into a new file that only you may read."""
    from commands.quarantine import open_row

    click.echo(f"{file}: {open_row(_ready(settings), number, file, by=by)} bytes")


@quarantine.command(name="page")
@click.argument("number", type=_NUMBER)
@click.argument("file", type=click.Path(path_type=Path))
@_BY
@click.pass_obj
def open_saved_page(settings: Settings, *, number: int, file: Path, by: str) -> None:
    """Unseal an incident's saved page into a new file that only you may read."""
    from commands.quarantine import open_page

    click.echo(f"{file}: {open_page(_ready(settings), number, file, by=by)} bytes")


@quarantine.command(name="resolve")
@click.argument("numbers", type=_NUMBER, nargs=-1, required=True)
@_BY
@click.pass_obj
def resolve_quarantined(settings: Settings, *, numbers: tuple[int, ...], by: str) -> None:
    """Settle rows that were repaired, or may be forgotten."""
    from commands.quarantine import resolve

    click.echo(f"resolved: {resolve(_ready(settings), numbers, by=by)}")


@main.command()
@click.option("--json", "as_json", is_flag=True)
@click.option("--full", "is_full", is_flag=True, help="The largest sizes too; takes hours.")
@click.argument("names", nargs=-1)
def bench(*, as_json: bool, is_full: bool, names: tuple[str, ...]) -> None:
    """Run the benchmarks (all of them, or the named ones)."""
    from bench.__main__ import run_benchmarks

    run_benchmarks(names, as_json=as_json, is_full=is_full)


if __name__ == "__main__":
    main()
