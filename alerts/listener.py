"""Slack's Socket Mode: the same interactions over a WebSocket that we open."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

from alerts.interactions import SlackAction, acknowledgement, parse_payload
from alerts.slack import SLACK_API_URL, call_slack, web_client
from domain.errors import BadInputError, ChannelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from slack_sdk.socket_mode.client import BaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

    from alerts.interactions import SlackDecision

log = structlog.get_logger(__name__)

_HANDLERS = 4
_RECEIVER_LOOK_S = 0.1


class SocketListener:
    """Receives interactions while it is started.

    Every envelope is answered before any work begins, on threads of its own, so that a slow
    database never makes Slack wait the 3 seconds after which it shows an error. A process that
    dies after the answer loses the click: the card keeps its buttons and the person clicks again.

    Args:
        app_token: App-level token (``xapp-``) with ``connections:write``.
        on_interaction: Does the work; called on a worker thread, never at once for one envelope
            twice, but two clicks may run side by side.
        api_url: Base address including ``/api/``.
        timeout_s: For the call that asks where to connect.
        check_interval_s: How often a dead connection is noticed and replaced.
    """

    def __init__(
        self,
        app_token: str,
        on_interaction: Callable[[SlackDecision], None],
        api_url: str = SLACK_API_URL,
        timeout_s: int = 10,
        check_interval_s: float = 5.0,
    ) -> None:
        self._app_token = app_token
        self._on_interaction = on_interaction
        self._api_url = api_url
        self._timeout_s = timeout_s
        self._check_interval_s = check_interval_s
        self._client: SocketModeClient | None = None
        self._workers: ThreadPoolExecutor | None = None

    @property
    def is_connected(self) -> bool:
        """Tell whether Slack can reach us now."""
        return self._client is not None and self._client.is_connected()

    def start(self) -> None:
        """Connect and keep connected until ``stop``; a second start does nothing.

        Raises:
            RetryableError: Slack cannot be reached now; start again later.
            PermanentError: The token is refused.
        """
        if self._client is not None:
            return
        web = web_client(None, self._api_url, self._timeout_s)
        quiet = logging.getLogger("pyeongpan.slack_sdk.socket")
        quiet.setLevel(logging.CRITICAL)
        client = SocketModeClient(
            self._app_token, logger=quiet, web_client=web, ping_interval=self._check_interval_s
        )
        client.socket_mode_request_listeners.append(self._receive)
        self._workers = ThreadPoolExecutor(_HANDLERS, thread_name_prefix="slack-interaction")
        self._client = client
        try:
            opened = call_slack(
                "apps.connections.open",
                lambda: web.apps_connections_open(app_token=self._app_token),
                may_repeat=True,
            )
            client.wss_uri = opened["url"]
            client.connect()
        except BaseException:
            self.stop()
            raise
        if not client.is_connected():
            self.stop()
            raise ChannelUnavailableError("slack socket mode: the WebSocket was refused")

    def stop(self) -> None:
        """Disconnect and wait for the work that has begun; a second stop does nothing."""
        client, self._client = self._client, None
        if client is not None:
            _close(client)
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown()

    def _receive(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        decision: SlackDecision | None = None
        if request.type == "interactive":
            try:
                decision = parse_payload(request.payload)
            except BadInputError as error:
                log.warning("slack_interaction_refused", reason=str(error))
        payload = acknowledgement(decision) if decision is not None else None
        client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))
        workers = self._workers
        if decision is None or decision.errors or decision.action is SlackAction.OPEN:
            return
        if workers is not None:
            work = workers.submit(self._on_interaction, decision)
            work.add_done_callback(partial(_report, decision))


def _close(client: SocketModeClient) -> None:
    """End the client's threads, which ``client.close`` of slack_sdk 3.47 may wait for for ever.

    Its receiving thread looks whether the connection is open, then takes back the mark that it
    shall end; a close between the two is forgotten. So the mark is set until the thread has ended.
    What reconnects is ended first, or it could open a connection that nobody closes.
    """
    monitor, receiver = client.current_app_monitor, client.current_session_runner
    client.auto_reconnect_enabled = False
    monitor.event.set()
    receiver.event.set()
    if monitor.is_alive():
        monitor.thread.join()
    while receiver.is_alive():
        client.auto_reconnect_enabled = False
        client.current_session_state.terminated = True
        # The SDK stumbles when Slack closes the same connection at this moment.
        with suppress(AttributeError):
            client.disconnect()
        receiver.thread.join(_RECEIVER_LOOK_S)
    client.close()


def _report(decision: SlackDecision, work: Future[None]) -> None:
    error = work.exception()
    if error is not None:
        log.error(
            "slack_interaction_failed",
            action=decision.action.value,
            case_id=decision.case_id,
            error=type(error).__name__,
        )
