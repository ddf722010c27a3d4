"""Slack Web API: post, find again, update, modals. The only home of slack_sdk's WebClient.

Bot token scopes: ``chat:write`` to post, update and answer; ``channels:history`` (public) and
``groups:history`` (private rooms) to settle a post whose answer was lost. A post is marked twice,
as message metadata and as its first block's id, because Slack empties metadata whose event the
app's manifest does not declare for readers that do not ask for all of it. Without the history
scope ``find_posted`` raises ``CredentialRejectedError``: the notice then fails and a person settles
it in the console, because posting again could tell it twice.

Source: https://docs.slack.dev/reference/methods. Checked: 2026-11-21.
"""

from __future__ import annotations

import http.client
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    OutcomeUnknownError,
    PermanentError,
    RateLimitedError,
    ReputationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from slack_sdk.web import SlackResponse

    from alerts.blocks import Block, SlackMessage, View

SLACK_API_URL = "https://slack.com/api/"
EVENT_TYPE = "pyeongpan_alert"
REQUIRED_SCOPES = ("chat:write",)
HISTORY_SCOPES = {"channels:history": "public", "groups:history": "private"}
"""Which rooms each lets us read: whoever has rooms of one kind only needs one of them."""
CLOCK_MARGIN = timedelta(minutes=5)
"""How far Slack's clock and ours may be apart when we look for a message."""
POST_INTERVAL = timedelta(seconds=1)
"""Between two messages to one destination; Slack tolerates short bursts, we do not lean on it.

Source: https://docs.slack.dev/apis/web-api/rate-limits. Checked: 2026-11-21."""
LONGEST_PAUSE_S = 3600.0
"""Slack asks for seconds to minutes; a broken gateway's ten years would end alerts for good."""
_PAGE_SIZE = 200

# "fatal_error", "internal_error": "some aspect of the operation" may have succeeded.
_UNCLEAR = frozenset({"fatal_error", "internal_error"})
# Documented as passing: nothing was posted and the same call may succeed later.
_PASSING = frozenset(
    {
        "external_channel_migrating",
        "message_limit_exceeded",
        "org_login_required",
        "request_timeout",  # the request arrived truncated
        "service_unavailable",
        "team_added_to_org",
    }
)
_LIMITED = frozenset({"rate_limited", "ratelimited"})
# Our token, or where we call from; whatever the destination.
_CREDENTIALS = {
    "accesslimited": "address",
    "account_inactive": "secret",
    "invalid_auth": "secret",
    "missing_scope": "permission",
    "not_allowed_token_type": "secret",
    "not_authed": "secret",
    "token_expired": "expired",
    "token_revoked": "secret",
}
# One destination only: the others are told, and this one's wait until an operator mends it.
_DESTINATION = {
    "access_denied": "let the app use the channel",
    "channel_is_archived": "unarchive the channel or configure another",
    "channel_not_found": "check the channel id, and invite the app to a private channel",
    "ekm_access_denied": "administrators have suspended posting there",
    "is_archived": "unarchive the channel or configure another",
    "no_permission": "invite the app to the channel",
    "not_in_channel": "invite the app to the channel",
    "restricted_action": "a workspace setting forbids the app to post there",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_thread_only_channel": "the channel takes only replies",
}
# The message itself: too long, malformed. A defect of ours.
_CONTENT = frozenset(
    {
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
    }
)

# Half a body, another charset; AttributeError is how the SDK takes JSON that is not an object.
_UNUSABLE = (
    OSError,
    http.client.HTTPException,
    ValueError,
    AttributeError,
    SlackClientError,
)


@dataclass(frozen=True, slots=True)
class SlackReceipt:
    """Where a message stands: enough to find, update and thread it."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class ModalReceipt:
    """An open modal; ``hash`` guards against overwriting a newer version."""

    view_id: str
    hash: str


@dataclass(frozen=True, slots=True)
class SlackIdentity:
    """Who our token is.

    Attributes:
        missing_scopes: Needed scopes that are not granted; None where Slack does not list them.
    """

    team_id: str
    missing_scopes: tuple[str, ...] | None


class SlackClient:
    """Calls Slack once per method; retrying is the caller's, who knows what was stored.

    Args:
        token: Bot token (``xoxb-``).
        api_url: Base address including ``/api/``; a private gateway's, or Slack's own.
        timeout_s: For connecting and for each read.
    """

    def __init__(self, token: str, api_url: str = SLACK_API_URL, timeout_s: int = 10) -> None:
        self.timeout_s = timeout_s
        self._web = web_client(token, api_url, timeout_s)

    def post(
        self,
        destination: str,
        message: SlackMessage,
        *,
        alert_id: str,
        thread_ts: str | None = None,
    ) -> SlackReceipt:
        """Post one message.

        Args:
            destination: Channel id.
            message: What to post.
            alert_id: Goes along, so that the message can be found again; 200 characters at most.
            thread_ts: The thread to answer in.

        Raises:
            RateLimitedError: 429; nothing was posted.
            ChannelUnavailableError: Nothing was posted; try again later.
            OutcomeUnknownError: Perhaps posted; ask ``find_posted`` before posting again.
            CredentialRejectedError: Token or scope.
            ConfigurationError: Destination; whatever is posted there is refused until it is mended.
            BadInputError: Slack refuses the message itself.
            PermanentError: Any other refusal.
        """
        response = self._write(
            "chat.postMessage",
            lambda: self._web.chat_postMessage(
                channel=destination,
                text=message.text,
                blocks=_marked(message.blocks, alert_id),
                thread_ts=thread_ts,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"alert_id": alert_id}},
                unfurl_links=False,
                unfurl_media=False,
                mrkdwn=False,
                link_names=False,
                parse="none",
            ),
        )
        ts, channel = response.get("ts"), response.get("channel")
        if not isinstance(ts, str) or not isinstance(channel, str):
            raise OutcomeUnknownError("slack chat.postMessage: ok without ts or channel")
        return SlackReceipt(channel, ts)

    def find_posted(
        self, destination: str, alert_id: str, since: datetime, thread_ts: str | None = None
    ) -> SlackReceipt | None:
        """Look for a message of ours whose answer was lost.

        Args:
            destination: Channel id the message was posted to.
            alert_id: As given to ``post``.
            since: When ``post`` began; Slack's clock may differ by ``CLOCK_MARGIN``.
            thread_ts: The thread it belongs to; it may stand in the channel as well, posted when
                the thread's own message was still looked for.

        Returns:
            The message, or None when everything since was read and it is not there. None proves
            absence only when read later than the time-out plus Slack's slowest commit; read twice.

        Raises:
            CredentialRejectedError: The history scope is not granted (reason ``permission``):
                unreadable, a person settles; or the token is refused.
            RateLimitedError: 429. Apps sold outside Slack's Marketplace get one read a minute.
            ChannelUnavailableError: Could not be read completely; try again later.
            ConfigurationError: Destination, as at ``post``.
            PermanentError: Any other refusal: unreadable.
        """
        oldest = f"{(since - CLOCK_MARGIN).timestamp():.6f}"
        # A channel's history has no replies.
        for thread in dict.fromkeys((None, thread_ts)):
            for found in self._messages(destination, oldest, thread):
                if _is_marked(found, alert_id):
                    return SlackReceipt(destination, str(found["ts"]))
        return None

    def update(self, receipt: SlackReceipt, message: SlackMessage) -> None:
        """Replace a message of ours; doing it again changes nothing. Metadata stays.

        Raises:
            RetryableError: Try again later; also when no answer came.
            PermanentError: The message is gone or may no longer be changed.
        """
        self._read(
            "chat.update",
            lambda: self._web.chat_update(
                channel=receipt.channel,
                ts=receipt.ts,
                text=message.text,
                blocks=list(message.blocks),
                link_names=False,
                parse="none",
            ),
        )

    def open_modal(self, trigger_id: str, view: View) -> ModalReceipt:
        """Open a modal; a trigger works once and for 3 seconds.

        Raises:
            PermanentError: The trigger is used up or expired: ask the person to click again.
            OutcomeUnknownError: Perhaps open; the person sees.
            RetryableError: Not opened.
        """
        response = self._write(
            "views.open", lambda: self._web.views_open(trigger_id=trigger_id, view=view)
        )
        return _modal_receipt(response)

    def update_modal(self, modal: ModalReceipt, view: View) -> ModalReceipt:
        """Replace what an open modal shows.

        Raises:
            RetryableError: Try again.
            PermanentError: The modal was closed or changed meanwhile.
        """
        response = self._read(
            "views.update",
            lambda: self._web.views_update(view_id=modal.view_id, hash=modal.hash, view=view),
        )
        return _modal_receipt(response)

    def reply_ephemeral(
        self, channel: str, user_id: str, message: SlackMessage, thread_ts: str | None = None
    ) -> None:
        """Say something only one person sees; Slack does not promise delivery.

        Raises:
            ReputationError: As ``post``; nothing depends on it, so the caller may let it be.
        """
        self._write(
            "chat.postEphemeral",
            lambda: self._web.chat_postEphemeral(
                channel=channel,
                user=user_id,
                text=message.text,
                blocks=list(message.blocks),
                thread_ts=thread_ts,
                link_names=False,
                parse="none",
            ),
        )

    def identify(self) -> SlackIdentity:
        """Say who our token is and which scopes it lacks (for ``doctor``).

        Raises:
            RetryableError: Slack cannot be reached.
            PermanentError: The token is refused.
        """
        response = self._read("auth.test", self._web.auth_test)
        granted = _header(response, "x-oauth-scopes")
        missing = None
        if granted is not None:
            scopes = {scope.strip() for scope in granted.split(",")}
            missing = tuple(
                scope for scope in (*REQUIRED_SCOPES, *HISTORY_SCOPES) if scope not in scopes
            )
        return SlackIdentity(str(response.get("team_id", "")), missing)

    def _messages(
        self, destination: str, oldest: str, thread_ts: str | None
    ) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            response = self._page(destination, oldest, thread_ts, cursor)
            yield from response.get("messages") or []
            following = (response.get("response_metadata") or {}).get("next_cursor")
            if not following:
                if response.get("has_more"):
                    raise ChannelUnavailableError("slack history: more messages but no cursor")
                return
            if following == cursor:
                raise ChannelUnavailableError("slack history: the cursor does not move")
            cursor = following

    def _page(
        self, destination: str, oldest: str, thread_ts: str | None, cursor: str | None
    ) -> SlackResponse:
        if thread_ts is None:
            return self._read(
                "conversations.history",
                lambda: self._web.conversations_history(
                    channel=destination,
                    oldest=oldest,
                    inclusive=True,
                    include_all_metadata=True,
                    limit=_PAGE_SIZE,
                    cursor=cursor,
                ),
            )
        return self._read(
            "conversations.replies",
            lambda: self._web.conversations_replies(
                channel=destination,
                ts=thread_ts,
                oldest=oldest,
                inclusive=True,
                include_all_metadata=True,
                limit=_PAGE_SIZE,
                cursor=cursor,
            ),
        )

    def _write(self, method: str, call: Callable[[], SlackResponse]) -> SlackResponse:
        return call_slack(method, call, may_repeat=False)

    def _read(self, method: str, call: Callable[[], SlackResponse]) -> SlackResponse:
        return call_slack(method, call, may_repeat=True)


def web_client(token: str | None, api_url: str, timeout_s: int) -> WebClient:
    """Build the SDK's client without its own retries and without its logs.

    The SDK repeats a post on a lost connection by default, which could tell a notice twice, and
    at debug level it logs whole messages.
    """
    quiet = logging.getLogger("pyeongpan.slack_sdk")
    quiet.setLevel(logging.CRITICAL)
    return WebClient(
        token=token, base_url=api_url, timeout=timeout_s, retry_handlers=[], logger=quiet
    )


def call_slack(
    method: str, call: Callable[[], SlackResponse], *, may_repeat: bool
) -> SlackResponse:
    """Make one call and put its failure into our tree.

    urllib wraps what fails while connecting or sending in ``URLError``; the request was not
    complete then, so nothing happened. Whatever fails later left Slack with a whole request.

    Args:
        method: Slack's name of it, for messages.
        call: Makes it.
        may_repeat: Doing it twice is harmless, so a lost answer is only a reason to retry.

    Raises:
        ReputationError: As documented at ``SlackClient``'s methods.
    """
    lost = ChannelUnavailableError if may_repeat else OutcomeUnknownError
    try:
        return call()
    except SlackApiError as error:
        raise _refusal(method, error.response, lost) from None
    except URLError as error:
        raise ChannelUnavailableError(f"slack {method}: not sent ({error.reason})") from error
    except _UNUSABLE as error:
        raise lost(f"slack {method}: no usable answer ({type(error).__name__})") from error


def _refusal(
    method: str,
    response: SlackResponse,
    lost: type[ChannelUnavailableError | OutcomeUnknownError],
) -> ReputationError:
    facts = response.data if isinstance(response.data, dict) else {}
    code = str(facts.get("error") or "")
    status = response.status_code
    if status == http.client.TOO_MANY_REQUESTS or code in _LIMITED:
        return RateLimitedError(f"slack {method}: rate limited", _retry_after_s(response))
    if status >= http.client.INTERNAL_SERVER_ERROR or code in _UNCLEAR:
        return lost(f"slack {method}: HTTP {status} {_short(code)}")
    if not _is_code(code):
        # Not Slack's envelope: half a body, or a gateway's own page.
        kind = lost if status == http.client.OK else PermanentError
        return kind(f"slack {method}: HTTP {status} without Slack's answer")
    return _documented(method, code, facts)


def _documented(method: str, code: str, facts: dict[str, Any]) -> ReputationError:
    where = f"slack {method}: {code}"
    if code in _PASSING:
        return ChannelUnavailableError(where)
    if code in _CREDENTIALS:
        needed = str(facts.get("needed") or "")
        remedy = f"grant the scope {needed} and reinstall the app" if needed else "check the token"
        return CredentialRejectedError(f"{where} -> {remedy}", _CREDENTIALS[code])
    if code in _DESTINATION:
        return ConfigurationError(f"{where} -> {_DESTINATION[code]}")
    if code in _CONTENT:
        details = (facts.get("response_metadata") or {}).get("messages") or []
        return BadInputError(f"{where} {'; '.join(_short(str(detail)) for detail in details)}")
    return PermanentError(where)


def _marked(blocks: tuple[Block, ...], alert_id: str) -> list[Block]:
    first, *rest = blocks
    return [{**first, "block_id": _mark(alert_id)}, *rest]


def _mark(alert_id: str) -> str:
    return f"{EVENT_TYPE}:{alert_id}"


def _is_marked(message: dict[str, Any], alert_id: str) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    if metadata.get("event_type") == EVENT_TYPE and payload.get("alert_id") == alert_id:
        return True
    mark = _mark(alert_id)
    return any(block.get("block_id") == mark for block in message.get("blocks") or [])


def _is_code(code: str) -> bool:
    return 0 < len(code) <= 100 and code.replace("_", "").isalnum() and code.isascii()


def _short(text: str) -> str:
    return text[:200] if _is_code(text) or "[" in text else ""


def _retry_after_s(response: SlackResponse) -> float | None:
    value = _header(response, "retry-after") or ""
    if not (value.isascii() and value.isdigit()):
        return None
    return min(float(value), LONGEST_PAUSE_S)


def _header(response: SlackResponse, name: str) -> str | None:
    for key, value in response.headers.items():
        if key.lower() == name:
            return value if isinstance(value, str) else str(value)
    return None


def _modal_receipt(response: SlackResponse) -> ModalReceipt:
    view = response.get("view") or {}
    return ModalReceipt(str(view.get("id", "")), str(view.get("hash", "")))
