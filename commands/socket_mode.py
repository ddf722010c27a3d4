"""Slack's Socket Mode: clicks without an address that Slack could reach."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import structlog

from alerts.listener import SocketListener
from commands.console import console_context
from commands.slack_room import SlackRoom
from domain.errors import ReputationError

if TYPE_CHECKING:
    from workers.runtime import Runtime

log = structlog.get_logger()

RETRY_S = 10.0


class SocketModeThread(threading.Thread):
    """Listens, and connects again while Slack cannot be reached."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(name="socket-mode", daemon=True)
        settings = runtime.settings
        room = SlackRoom(runtime, console_context(runtime, is_demo=False))
        self._listener = SocketListener(
            settings.slack_app_token.get_secret_value(), room.handle, settings.slack_api_url
        )
        self._stopping = threading.Event()

    def run(self) -> None:
        """Listen until stopped."""
        while not self._stopping.is_set():
            if not self._listener.is_connected:
                self._connect()
            self._stopping.wait(RETRY_S)
        self._listener.stop()

    def stop(self) -> None:
        """End after the clicks at hand."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=10)

    def _connect(self) -> None:
        try:
            self._listener.stop()
            self._listener.start()
            log.info("socket_mode_connected")
        except ReputationError as error:
            log.warning("socket_mode_failed", error=str(error))


def is_configured(runtime: Runtime) -> bool:
    """Tell whether both tokens are there."""
    return runtime.slack is not None and bool(runtime.settings.slack_app_token.get_secret_value())


def run_in_worker() -> None:
    """Listen in a process of its own beside dramatiq's workers (its ``--fork-function``)."""
    import settings
    from workers import runtime as runtimes

    runtime = runtimes.build(settings.load())
    thread = SocketModeThread(runtime)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    thread.start()
    stopping.wait()
    thread.stop()
    runtime.close()
