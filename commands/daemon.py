"""The all-in-one daemon: engine, scheduler and console in one process."""

from __future__ import annotations

import asyncio
import fcntl
import threading
from typing import TYPE_CHECKING, Self

import structlog
import uvicorn

from commands.schedule import build_scheduler
from commands.socket_mode import SocketModeThread, is_configured
from domain.errors import ConfigurationError
from storage import accounts, moves, turns
from workers import sweep as sweeps
from workers.alert import READS
from workers.cards import UPDATES
from workers.duties import Duties
from workers.engine import Engine, keep_loaded

if TYPE_CHECKING:
    from types import TracebackType

    from dramatiq import Broker
    from fastapi import FastAPI

    from workers.runtime import Runtime

log = structlog.get_logger()


def take_up(runtime: Runtime) -> None:
    """Queue again what the last single-process daemon left: its broker forgot every message."""
    started_at = runtime.clock()
    with runtime.database.unit_of_work() as connection:
        moves.end_leases(connection, now=started_at)
        accounts.forget_leases(connection)
        turns.end_leases(connection, (READS, UPDATES), now=started_at)
    # A check takes no more than its limit. What it took counts as queued after the start, so that
    # the next round finds the rest.
    while max(sweeps.sweep(runtime, queued_before=started_at).values(), default=0) >= sweeps.LIMIT:
        pass


class Daemon:
    """Everything in this process, on an up-to-date database; use as a context manager.

    Args:
        runtime: This process's tools.
        broker: The one the actors are declared on.
        console: The web application; None for a headless run.
    """

    def __init__(self, runtime: Runtime, broker: Broker, console: FastAPI | None = None) -> None:
        self._runtime = runtime
        duties = Duties(runtime)
        self._engine = Engine(runtime, broker, starts_due=True, age_s=duties.age_s)
        self._scheduler = build_scheduler(runtime, duties)
        self._console = ConsoleThread(runtime, console) if console is not None else None
        self._socket = SocketModeThread(runtime) if is_configured(runtime) else None
        self._lock = _HomeLock(runtime) if runtime.settings.is_embedded_broker else None

    def __enter__(self) -> Self:
        """Start all parts; what was left unfinished is queued again first."""
        if self._lock is not None:
            self._lock.take()
        if self._runtime.settings.is_embedded_broker:
            take_up(self._runtime)
        self._engine.start()
        self._scheduler.start()
        if self._console is not None:
            self._console.start()
        if self._socket is not None:
            self._socket.start()
        log.info("daemon_started", database=self._runtime.database.url.get_backend_name())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop in the order that loses nothing: no new work, then end the work at hand."""
        if self._socket is not None:
            self._socket.stop()
        if self._console is not None:
            self._console.stop()
        self._scheduler.shutdown(wait=True)
        self._engine.stop()
        if self._lock is not None:
            self._lock.release()
        log.info("daemon_stopped")


class ConsoleThread:
    """The console's web server in a thread of its own."""

    def __init__(self, runtime: Runtime, console: FastAPI) -> None:
        settings = runtime.settings
        self._server = _Server(
            uvicorn.Config(
                console,
                host=settings.console_host,
                port=settings.console_port,
                # As everything else is logged.
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="console", daemon=True)
        self._problem: BaseException | None = None

    def start(self) -> None:
        """Start serving; returns when the port is open.

        Raises:
            ConfigurationError: The port is taken, or the host is no address of this machine.
        """
        self._thread.start()
        while not self._server.started:
            self._thread.join(timeout=0.05)
            if not self._thread.is_alive():
                config = self._server.config
                raise ConfigurationError(
                    f"the console cannot listen on {config.host}:{config.port}: {self._problem}; "
                    "set PYEONGPAN_CONSOLE_HOST, PYEONGPAN_CONSOLE_PORT or --port"
                )
        keep_loaded()

    def _serve(self) -> None:
        try:
            self._server.run()
        except SystemExit as end:
            # uvicorn logs why it cannot listen, and ends.
            self._problem = end.__context__

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(timeout=10)


class _Server(uvicorn.Server):
    """Wakes once a second, for the date in its answers; uvicorn wakes ten times."""

    async def main_loop(self) -> None:
        # At a multiple of ten it writes the date.
        while not await self.on_tick(0):
            await asyncio.sleep(1)


class _HomeLock:
    """One embedded daemon per home folder; the lock ends with the process."""

    def __init__(self, runtime: Runtime) -> None:
        home = runtime.settings.home
        home.mkdir(parents=True, exist_ok=True)
        self._path = home / "pyeongpan.lock"
        self._file = self._path.open("w", encoding="ascii")

    def take(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise ConfigurationError(
                f"another pyeongpan runs on {self._path.parent}; stop it, or set PYEONGPAN_HOME"
            ) from None

    def release(self) -> None:
        self._file.close()
