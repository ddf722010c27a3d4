"""``pyeongpan doctor``: what works, what does not, and the remedy for each."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alerts.slack import HISTORY_SCOPES
from collectors import source_of
from console.security import is_loopback
from domain.brands import is_same_source, name_source
from domain.errors import CredentialRejectedError, ReputationError, RetryableError
from privacy.sealing import Sealer, generate_key
from responders.manual import load_manual
from sentiment import adapt
from settings import brand_folders, load_brand, open_secrets
from storage import accounts, health, schema, sealed
from storage.session import Database, DatabaseError, reason_of
from workers import runtime as runtimes
from workers.actors import TIME_LIMIT_MS
from workers.collect import reach_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from domain.brands import Account, Brand
    from settings import Settings
    from workers.runtime import Runtime

PATIENCE_S = 60.0
"""How long one part is waited for; whatever it talks to mostly gives up earlier by itself."""
CLOCKS_APART = timedelta(seconds=5)
LEAST_FREE_BYTES = 50 * 10**6


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        subject: What was looked at.
        detail: What was found.
        remedy: What to do; empty when ``ok``.
    """

    subject: str
    ok: bool
    detail: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the finding as plain values."""
        return asdict(self)

    def to_line(self) -> str:
        """Give the finding as one line for a person."""
        mark = "ok  " if self.ok else "FAIL"
        remedy = f"  -> {self.remedy}" if self.remedy else ""
        return f"{mark}  {self.subject}: {self.detail}{remedy}"


def examine(settings: Settings) -> list[Finding]:
    """Look at every part; a broken one does not hide the others."""
    findings = [
        Finding("settings", ok=True, detail=f"home {settings.home}, brands {settings.brands}"),
        *_lease(settings),
    ]
    try:
        database = Database(settings.database)
    except ReputationError as error:
        # Everything else rests on it.
        return [*findings, _misconfigured(error)]
    brands: dict[str, Brand] = {}
    folders: list[Path] | None = None
    try:
        folders = brand_folders(settings.brands)
    except ReputationError as error:
        findings.append(_misconfigured(error))
    for folder in folders or []:
        try:
            brands[folder.name] = load_brand(folder)
        except ReputationError as error:
            findings.append(_misconfigured(error))
    has_key = True
    try:
        sealer = runtimes.build_sealer(settings, database)
    except ReputationError as error:
        findings.append(_misconfigured(error))
        # It must not be used: what it sealed could never be opened.
        sealer, has_key = Sealer([generate_key()]), False
    runtime = runtimes.build_on(settings, database, sealer, brands)
    try:
        return [*findings, *_examine(settings, runtime, folders, has_key=has_key)]
    finally:
        _ends(runtime.close)


def _lease(settings: Settings) -> Iterator[Finding]:
    limit = timedelta(milliseconds=TIME_LIMIT_MS)
    if settings.lease <= limit:
        yield Finding(
            "lease",
            ok=False,
            detail=f"ends after {settings.lease.total_seconds():g} s, and a worker may be at its "
            f"work for {limit.total_seconds():g}: what a living one does may be done twice",
            remedy="set PYEONGPAN_LEASE to 3m or more, or leave it out",
        )


def _misconfigured(error: ReputationError, subject: str = "configuration") -> Finding:
    detail, arrow, remedy = str(error).rpartition(" -> ")
    if not arrow:
        detail, remedy = str(error), "mend what it says"
    return Finding(subject, ok=False, detail=detail, remedy=remedy)


def _examine(
    settings: Settings, runtime: Runtime, folders: list[Path] | None, *, has_key: bool
) -> list[Finding]:
    """Look at every part.

    Args:
        settings: The environment's.
        runtime: This process's tools.
        folders: The brands' folders, also of those that cannot be used; None where nobody can tell.
        has_key: Whether there is a key that may be used.
    """
    findings = [_brands(runtime)] if runtime.brands or folders == [] else []
    for brand in runtime.brands.values():
        findings += _guarded(f"manual {brand.slug}", partial(_manual, brand))
    findings += _guarded("secrets", lambda: _secrets(runtime))
    of_database = _guarded("database", lambda: _database(runtime))
    findings += of_database
    findings += _guarded("broker", lambda: _broker(settings))
    of_model = _guarded("model", lambda: _model(runtime))
    findings += of_model
    if all(finding.ok for finding in of_model):
        for slug in runtime.brands:
            findings += _guarded(f"language {slug}", partial(_language, runtime, slug))
    if all(finding.ok for finding in of_database):
        if not runtime.database.is_sqlite:
            findings += _guarded("clock", lambda: _clock(runtime))
        if has_key:
            findings += _guarded("keys", lambda: _keys(runtime))
            progress = cache(partial(_progress, runtime))
            for key, account in sorted(runtime.accounts.items()):
                look = partial(_account, runtime, account, progress)
                findings += _guarded(f"account {key}", look)
        if folders is not None:
            here = {folder.name for folder in folders}
            findings += _guarded("brands without a folder", lambda: _gone_brands(runtime, here))
        findings += _guarded("left places", lambda: _left_places(runtime))
        findings += _guarded("incidents", lambda: _incidents(runtime))
    findings += _guarded("slack", lambda: _slack(runtime))
    findings += _guarded("mail", lambda: _mail(runtime))
    findings.append(_publishing(settings))
    return findings


def _guarded(subject: str, look: Callable[[], Finding | Iterable[Finding]]) -> list[Finding]:
    found: list[Finding] = []

    def try_to() -> None:
        try:
            seen = look()
            found.extend([seen] if isinstance(seen, Finding) else seen)
        except ReputationError as error:
            found.append(_misconfigured(error, subject))
        except DatabaseError as error:
            found.append(
                Finding(
                    subject,
                    ok=False,
                    detail=f"cannot be used: {reason_of(error)}",
                    remedy="mend what it says; else check PYEONGPAN_DATABASE_URL and that the "
                    "server runs",
                )
            )

    if _ends(try_to):
        return found
    return [
        Finding(
            subject,
            ok=False,
            detail=f"no answer within {PATIENCE_S:g} s",
            remedy="check its address, and that no firewall drops what is sent there",
        )
    ]


def _ends(step: Callable[[], object]) -> bool:
    """Tell whether a step ended in time; one that hangs is left behind with its thread."""
    problem: list[BaseException] = []

    def run() -> None:
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            problem.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    for error in problem:
        raise error
    return not thread.is_alive()


def _brands(runtime: Runtime) -> Finding:
    names = ", ".join(sorted(runtime.brands))
    if not names:
        return Finding(
            "brands",
            ok=False,
            # Its full name: whoever starts elsewhere looks into another folder.
            detail=f"no brand folder in {runtime.settings.brands.absolute()}",
            remedy="make BRAND/brand.toml there, or set PYEONGPAN_BRANDS",
        )
    return Finding("brands", ok=True, detail=names)


def _secrets(runtime: Runtime) -> Iterator[Finding]:
    for path in open_secrets(runtime.brands.values()):
        yield Finding(
            "secrets",
            ok=False,
            detail=f"any user of this machine may read or change {path}",
            remedy=f"chmod o= {path}",
        )


def _gone_brands(runtime: Runtime, here: set[str]) -> Iterator[Finding]:
    with runtime.database.reading() as connection:
        periods = accounts.retentions(connection)
    for slug in sorted(periods.keys() - here):
        retention = periods[slug]
        # Taken out on purpose, as a rule.
        yield Finding(
            f"brand {slug}",
            ok=True,
            detail="no folder: nothing is collected; its customers' personal data is erased "
            f"{retention / timedelta(days=1):g} days after it was written or first seen",
        )


def _left_places(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.reading() as connection:
        places = accounts.left_places(connection)
    for place in places:
        yield Finding(
            f"account {place['key']} before",
            ok=True,
            detail=f"{name_source(place['channel'], place['source'])}, left "
            f"{place['removed_at']:%Y-%m-%d %H:%M:%S} UTC: no longer read; {place['cases']} open "
            "cases, replies to them are posted by hand",
        )


def _manual(brand: Brand) -> Finding:
    manual = load_manual(brand.manual_folder, brand.timezone)
    now = runtimes.utc_now()
    valid = sum(clause.is_valid(now) for clause in manual.clauses)
    notes = [*manual.warnings]
    notes += [found.note for found in manual.at(now).contradictions]
    detail = f"{len(manual.clauses)} clauses, {valid} valid today"
    if manual.clauses and not valid:
        return Finding(
            f"manual {brand.slug}",
            ok=False,
            detail="; ".join([detail, *notes]),
            remedy=f"drafts promise nothing: renew valid_from and valid_until in "
            f"{brand.manual_folder}",
        )
    if not manual.clauses:
        detail = (
            f"no clauses: drafts promise nothing until {brand.manual_folder}/*.md say something"
        )
    # None of it stops the work: what is doubtful is not cited.
    return Finding(f"manual {brand.slug}", ok=True, detail="; ".join([detail, *notes]))


def _database(runtime: Runtime) -> Finding:
    name = runtime.database.url.render_as_string(hide_password=True)
    # First: where nothing can be written, it cannot even be asked for its version.
    if runtime.database.is_sqlite and (problem := _disk(runtime, name)):
        return problem
    if schema.is_newer(runtime.database):
        return Finding(
            "database",
            ok=False,
            detail=f"{name}: {schema.NEWER}",
            remedy="start that version, or restore a backup",
        )
    if not schema.is_current(runtime.database):
        return Finding(
            "database",
            ok=False,
            detail=f"{name}: new, or of an older version",
            remedy="run pyeongpan db upgrade",
        )
    return Finding("database", ok=True, detail=name)


def _disk(runtime: Runtime, name: str) -> Finding | None:
    """Tell why SQLite cannot write; what can still be read would tell of nothing."""
    file = Path(str(runtime.database.url.database))
    folder = file.parent
    for place in (folder, file):
        if place.exists() and not os.access(place, os.W_OK):
            return Finding(
                "database",
                ok=False,
                detail=f"{name}: {place} may not be written",
                remedy="let the user that runs Pyeongpan write there, or set PYEONGPAN_HOME",
            )
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        return Finding(
            "database",
            ok=False,
            detail=f"{name}: {free // 10**6} MB are left on its disk",
            remedy="make room; what could not be written is done again by itself",
        )
    return None


def _clock(runtime: Runtime) -> Finding:
    with runtime.database.reading() as connection:
        before = runtime.clock()
        theirs = health.clock_of(connection)
        after = runtime.clock()
    # What they said lay somewhere between the two.
    ahead = max(before - theirs, theirs - after, timedelta(0))
    detail = f"{ahead / timedelta(seconds=1):.1f} s from the database's"
    if ahead <= CLOCKS_APART:
        return Finding("clock", ok=True, detail=detail)
    return Finding(
        "clock",
        ok=False,
        detail=f"{detail}: leases and deadlines end early or late",
        remedy="let NTP set the clock of every machine",
    )


def _keys(runtime: Runtime) -> Finding:
    with runtime.database.reading() as connection:
        values = sealed.samples(connection)
    for value in values:
        runtime.sealer.open(value)
    retired = runtime.sealer.retired
    detail = "what is stored can be opened"
    if retired:
        detail += f"; {retired} retired: `pyeongpan keys rotate` says when they may be taken out"
    return Finding("keys", ok=True, detail=detail)


def _broker(settings: Settings) -> Finding:
    from dramatiq.errors import BrokerConnectionError

    from workers.broker import ping, set_up

    try:
        ping(set_up(settings.broker_url))
    except (BrokerConnectionError, OSError) as error:
        return Finding(
            "broker",
            ok=False,
            detail=f"cannot be used: {error}",
            remedy="check PYEONGPAN_BROKER_URL and that the server runs",
        )
    return Finding("broker", ok=True, detail=settings.broker_url.partition("://")[0])


def _model(runtime: Runtime) -> Finding:
    return Finding("model", ok=True, detail=runtime.classifier.version)


def _language(runtime: Runtime, slug: str) -> list[Finding]:
    """Look at what a brand has taught the model; nothing for a brand that never did."""
    folder, model = runtimes.adapter_folder(runtime.settings, slug), runtime.classifier
    adapter = adapt.load(folder, slug, model.version)
    if adapter:
        return [Finding(f"language {slug}", ok=True, detail=model.for_brand(adapter).version)]
    if version := adapt.current_version(folder):
        # None of it stops the work: the shipped model reads.
        detail = f"version {version} {runtimes.OTHER_MODEL.format(slug)}"
        return [Finding(f"language {slug}", ok=True, detail=detail)]
    return []


def _progress(runtime: Runtime) -> dict[str, Any]:
    with runtime.database.reading() as connection:
        return {row["key"]: row for row in accounts.health(connection)}


def _account(runtime: Runtime, account: Account, progress: Callable[[], dict[str, Any]]) -> Finding:
    row = progress().get(account.key)
    last = row["last_success_at"] if row else None
    when = f"last success {last:%Y-%m-%d %H:%M:%S} UTC" if last else "never collected"
    waiting = row["quarantined"] if row else 0
    quarantined = f", {waiting} quarantined (pyeongpan quarantine list)" if waiting else ""
    reach_of(account)
    # What a reply needs is asked for before somebody approves one.
    runtime.publisher(account)
    result = runtime.collector(account).check()
    here = source_of(account)
    detail = f"{name_source(account.channel, here)}, {when}{quarantined}"
    if row and (row["channel"], True) != (account.channel, is_same_source(row["source"], here)):
        left = name_source(row["channel"], row["source"])
        detail += f"; its next start leaves {left}: replies there are then posted by hand"
    if not result.ok:
        detail = f"{detail}; {result.reason}: {result.detail}"
    return Finding(f"account {account.key}", ok=result.ok, detail=detail, remedy=result.remedy)


def _incidents(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.reading() as connection:
        for row in accounts.open_incidents(connection):
            yield Finding(
                f"incident {row['kind']}",
                ok=False,
                detail=f"{row['subject']}: {row['message']}",
                remedy="open since "
                f"{row['opened_at']:%Y-%m-%d %H:%M:%S} UTC; closed by the next success",
            )


def _slack(runtime: Runtime) -> Finding:
    if runtime.slack is None:
        return Finding(
            "slack",
            ok=True,
            detail="no token: alerts appear in the console only; "
            "set PYEONGPAN_SLACK_BOT_TOKEN to post them",
        )
    try:
        identity = runtime.slack.identify()
    except CredentialRejectedError:
        # Its message says what to do about the token.
        raise
    except ReputationError as error:
        return Finding(
            "slack",
            ok=False,
            detail=str(error),
            remedy=f"check PYEONGPAN_SLACK_API_URL ({runtime.settings.slack_api_url}), "
            "and that this machine may reach it",
        )
    detail = f"team {identity.team_id}"
    if not (
        runtime.settings.slack_app_token.get_secret_value()
        or runtime.settings.slack_signing_secret.get_secret_value()
    ):
        detail += "; buttons do nothing: set PYEONGPAN_SLACK_APP_TOKEN (docs/slack.md)"
    missing = set(identity.missing_scopes or ())
    unread = {scope: rooms for scope, rooms in HISTORY_SCOPES.items() if scope in missing}
    needed = sorted(missing - unread.keys())
    if unread.keys() == HISTORY_SCOPES.keys():
        needed.append(" or ".join(f"{scope} ({rooms} rooms)" for scope, rooms in unread.items()))
    if needed:
        return Finding(
            "slack", ok=False, detail=detail, remedy=f"grant the bot {', '.join(needed)}"
        )
    for scope, rooms in unread.items():
        # Which kind a room is, only another scope would tell.
        detail += f"; rooms must not be {rooms}: {scope} is not granted"
    return Finding("slack", ok=True, detail=detail)


def _mail(runtime: Runtime) -> Finding:
    wanting = sorted(
        slug for slug, brand in runtime.brands.items() if brand.digest_emails.is_wanted
    )
    named = ", ".join(wanting)
    if runtime.mail is None and wanting:
        return Finding(
            "mail",
            ok=False,
            detail=f"no server: the digest_emails of {named} get nothing",
            remedy="set PYEONGPAN_SMTP_URL and PYEONGPAN_SMTP_PASSWORD, or take the table out",
        )
    if runtime.mail is None:
        return Finding(
            "mail",
            ok=True,
            detail="no server: digests appear in Slack or the console; set PYEONGPAN_SMTP_URL and "
            "a brand's [digest_emails] to mail them",
        )
    server = runtime.mail.server
    try:
        runtime.mail.check()
    except RetryableError as error:
        return Finding(
            "mail",
            ok=False,
            detail=str(error),
            remedy="check PYEONGPAN_SMTP_URL, and that this machine may reach the server",
        )
    detail = [
        f"{server.host}:{server.port}",
        "without TLS" if server.is_plain else "TLS verified",
        f"from {runtime.mail.sender}",
        f"digests for {named}" if named else "no brand has [digest_emails]",
    ]
    if not runtime.settings.console_url and is_loopback(runtime.settings.console_host):
        detail.append("links open on this machine only, set PYEONGPAN_CONSOLE_URL")
    return Finding("mail", ok=True, detail=", ".join(detail))


def _publishing(settings: Settings) -> Finding:
    if settings.publish_enabled:
        return Finding("publishing", ok=True, detail="approved replies go to the channels")
    return Finding(
        "publishing",
        ok=True,
        detail="off: approved replies wait; set PYEONGPAN_PUBLISH_ENABLED=true to send them",
    )
