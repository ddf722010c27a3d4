"""Feed (RSS·Atom): any blog or board that offers one (뽐뿌, 클리앙, 티스토리, the shop's own blog).

    [[accounts]]
    name = "ppomppu"
    channel = "feed"
    url = "https://www.ppomppu.co.kr/rss.php?id=freeboard"
    keywords = ["새벽상회"]          # without keywords every entry counts

Source: RSS 2.0, Atom (RFC 4287), RFC 9110 section 13; addresses of boards from channels.md section 7
(Checked: 2026-11).

* A feed shows its latest entries only; absence proves nothing, and a slow interval loses entries.
* It is asked for "only if it changed". What to ask with is remembered one step after the entries
  were stored, so that a crash between the two reads the feed again instead of losing it.
* Korean programs are fond of calling their own time GMT. A feed with an entry that lies more than an
  hour ahead by what it says, and in the past by Korean time, is read so, dates marked as derived.
* A feed that is not well-formed is read as far as it goes; entries that are lost on the way are
  quarantined as the whole feed, and a feed that is cut off is asked for again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import feedparser  # type: ignore[import-untyped]

from collectors.base import Build, ChannelSpec, CheckResult, check_by
from collectors.http import conditional, raise_if_captcha
from collectors.listing import required_option
from collectors.mentions import canonical, is_web_address
from collectors.relevance import Relevance
from collectors.values import When, clean_text, decode_text, html_to_text, is_too_deep, parse_when
from domain.errors import (
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    LayoutChangedError,
)
from domain.types import CollectedFeedback, FeedbackKind, Page, QuarantinedItem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from collectors.http import Answer

SPEC = ChannelSpec(
    channel="feed",
    kinds=(FeedbackKind.POST,),
    page_size=100,
    overlap=timedelta(0),
    min_interval_s=2.0,
    timeout_s=15.0,
    option_names=("url", "keywords", "exclude"),
    unverified=("클리앙's feed at rss.clien.net: from one code base",),
)

_RAW_LIMIT_BYTES: Final = 256 * 1024
_LONGEST_ID: Final = 200
_LONGEST_VALIDATOR: Final = 300


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What a feed says.

    Attributes:
        entries: How many it has, relevant or not.
    """

    items: tuple[CollectedFeedback, ...]
    quarantined: tuple[QuarantinedItem, ...]
    entries: int


def parse_page(payload: bytes, *, url: str, relevance: Relevance, now: datetime) -> FeedPage:
    """Read a feed. Pure.

    Args:
        payload: As it arrived.
        url: Where it came from; links may be relative to it.
        relevance: Drops what does not speak of the brand.
        now: When it was read.

    Raises:
        LayoutChangedError: Not a feed, or not one entry of it can be read.
        ChannelUnavailableError: It is cut off.
    """
    text = decode_text(payload)
    parsed = _parsed(text, payload)
    entries = parsed["entries"]
    items: list[CollectedFeedback] = []
    quarantined: list[QuarantinedItem] = []
    is_korean_time = any(_lies_ahead(_date(entry), now) for entry in entries)
    for position, entry in enumerate(entries, start=1):
        try:
            item = _parse_feedback(entry, url, now, is_korean_time=is_korean_time)
        except BadInputError as error:
            quarantined.append(_quarantine(error, entry, position))
            continue
        if relevance.accepts(f"{item.title}\n{item.text}"):
            items.append(item)
    if quarantined and len(quarantined) == len(entries):
        raise LayoutChangedError(
            f"feed: no entry can be read: {quarantined[0].reason}", payload=payload
        )
    if lost := _lost(parsed, text):
        quarantined.append(
            QuarantinedItem(
                reason=f"the feed is not well-formed, {lost} of its entries were lost",
                raw=payload[:_RAW_LIMIT_BYTES],
                remedy="피드를 만드는 곳에 XML 오류를 알리고, 빠진 글은 사이트에서 직접 확인해 주세요.",
            )
        )
    return FeedPage(tuple(items), tuple(quarantined), len(entries))


def _parsed(text: str, payload: bytes) -> Mapping[str, Any]:
    """Let the parser read a feed; what it cannot use is one of our errors."""
    if is_too_deep(text):
        raise LayoutChangedError("feed: nested too deeply", payload=payload)
    if re.search(r"<!ENTITY", text[:10_000], re.IGNORECASE):
        raise LayoutChangedError("feed: it declares entities of its own", payload=payload)
    # The bytes were decoded by what they are; their own declaration may say something else.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff"), count=1)
    try:
        parsed: Mapping[str, Any] = feedparser.parse(
            io.BytesIO(text.encode("utf-8", "replace")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            # Texts become plain text here, and addresses are checked here.
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except _PARSER_ERRORS as error:
        raise LayoutChangedError(
            f"feed: unreadable ({type(error).__name__})", payload=payload
        ) from None
    if not parsed.get("version"):
        raise LayoutChangedError("feed: neither RSS nor Atom came", payload=payload)
    if parsed.get("bozo") and not _END.search(text):
        raise ChannelUnavailableError("the feed is cut off")
    return parsed


# What a lenient parser of other people's markup has been seen to stumble with.
_PARSER_ERRORS: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)
# Both stop where another of their kind begins: looking for the end of each beginning that has none
# would take the square of the feed's length. What has no end is no comment, so that the entries
# behind it, which the parser does not give, are counted as lost.
_COMMENT: Final = r"<!--(?:(?!<!--|-->).)*-->"
_CDATA: Final = r"<!\[CDATA\[(?:(?!<!\[CDATA\[|\]\]>).)*\]\]>"
_END: Final = re.compile(rf"</(?:rss|feed|rdf:RDF|channel)\s*>(?:\s|{_COMMENT})*\Z", re.DOTALL)


def _lost(parsed: Mapping[str, Any], text: str) -> int:
    """Count the entries of a broken feed that the parser did not give."""
    if not parsed.get("bozo"):
        return 0
    written = re.sub(f"{_CDATA}|{_COMMENT}", "", text, flags=re.DOTALL)
    return max(0, len(re.findall(r"<(?:item|entry)[\s>]", written)) - len(parsed["entries"]))


def _parse_feedback(
    entry: Mapping[str, Any], url: str, now: datetime, *, is_korean_time: bool
) -> CollectedFeedback:
    """Read one entry; whatever is wrong with it is `BadInputError`."""
    link = _link(entry, url)
    title = " ".join(_words(entry, "title").split())
    text = _body(entry)
    if not title and not text:
        raise BadInputError("neither a title nor a text", field="title")
    written = _written(_date(entry), now, is_korean_time=is_korean_time)
    return CollectedFeedback(
        kind=FeedbackKind.POST,
        native_id=_native_id(entry, link),
        text=text,
        written_at=written.at if written else None,
        written_at_is_exact=written.exact if written else False,
        title=title,
        author=clean_text(_text(entry, "author"), field="author"),
        url=link,
        reach=_reach(entry),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    # The parser's own dictionary answers for one key with another; dict.get does not.
    value = dict.get(entry, key) if isinstance(entry, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _words(entry: Mapping[str, Any], key: str) -> str:
    """Give a text of an entry as plain text, whichever kind it says it is."""
    detail = dict.get(entry, f"{key}_detail") if isinstance(entry, dict) else None
    return _plain(_text(entry, key), detail, key)


def _plain(value: str, detail: object, field: str) -> str:
    is_html = isinstance(detail, dict) and "html" in str(detail.get("type"))
    return html_to_text(value, field=field) if is_html else clean_text(value, field=field)


def _body(entry: Mapping[str, Any]) -> str:
    """Give the whole text where a feed has it, else its summary."""
    contents = dict.get(entry, "content") if isinstance(entry, dict) else None
    for content in contents if isinstance(contents, list) else []:
        value = content.get("value") if isinstance(content, dict) else None
        if isinstance(value, str) and value.strip():
            return _plain(value, content, "content")
    return _words(entry, "summary")


def _link(entry: Mapping[str, Any], url: str) -> str:
    link = _text(entry, "link")
    try:
        link = urljoin(url, link) if link else ""
    except ValueError:
        link = ""
    return link if is_web_address(link) else ""


def _native_id(entry: Mapping[str, Any], link: str) -> str:
    identity = _text(entry, "id") or (canonical(link) if link else "")
    if not identity:
        raise BadInputError("neither an id nor a usable link", field="link")
    if len(identity) <= _LONGEST_ID and identity.isprintable():
        return identity
    return f"hash:{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _date(entry: Mapping[str, Any]) -> str:
    return _text(entry, "published") or _text(entry, "updated")


def _written(date: str, now: datetime, *, is_korean_time: bool) -> When | None:
    if not date:
        return None
    if is_korean_time and _GREENWICH.search(date):
        return When(parse_when(date, now=now + _KOREAS_LEAD).at - _KOREAS_LEAD, exact=False)
    return parse_when(date, now=now)


def _lies_ahead(date: str, now: datetime) -> bool:
    """Tell whether a date proves that a feed calls Korean time GMT.

    Nobody writes hours from now, and no clock is so wrong. What lies further ahead than Korea
    does was dated so by its writer, to stay on top, and proves nothing.
    """
    if not _GREENWICH.search(date):
        return False
    try:
        return parse_when(date, now=now + _KOREAS_LEAD).at > now + _SURELY_AHEAD
    except BadInputError:
        return False


_GREENWICH: Final = re.compile(r"(?:GMT|UTC?|Z|[+-]00:?00)\s*\Z", re.IGNORECASE)
_KOREAS_LEAD: Final = timedelta(hours=9)
_SURELY_AHEAD: Final = timedelta(hours=1)


def _reach(entry: Mapping[str, Any]) -> int | None:
    """Read how often an entry was seen: 뽐뿌 writes ``[views|recommendations|comments]``."""
    found = re.match(r"\[(\d{1,9})\|", _text(entry, "hits"), re.ASCII)
    return int(found[1]) if found else None


def _quarantine(error: BadInputError, entry: Mapping[str, Any], position: int) -> QuarantinedItem:
    return QuarantinedItem(
        reason=str(error),
        raw=json.dumps(entry, default=str).encode()[:_RAW_LIMIT_BYTES],
        row=position,
        field=error.field,
        remedy=error.remedy or "사이트에서 이 글을 직접 확인해 주세요.",
    )


class FeedCollector:
    """Reads one feed.

    Args:
        build: ``url`` is an option of the account; ``keywords`` and ``exclude`` may be.

    Raises:
        ConfigurationError: One of them is missing or wrong.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._url = required_option(build, "url")
        if not is_web_address(self._url):
            raise ConfigurationError(f'{build.account.key}: url = "https://..." is no address')
        self._relevance = Relevance.of(build.account, required=False)
        # With other words the same feed is another question.
        settings = json.dumps([self._url, *self._relevance.settings])
        self._settings = hashlib.sha256(settings.encode()).hexdigest()[:16]

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Read the feed if it changed; see `collectors.base.Collector.fetch`.

        The second page is empty and asks nothing: the first is stored by then, so that what the
        channel gave to ask "only if it changed" may be remembered.
        """
        del since, until
        if cursor is not None:
            self._remember(cursor)
            return Page(())
        known = self._known()
        answer = self._ask(conditional(known))
        if answer.not_modified and known:
            return Page(())
        feed = self._parsed(answer)
        validators = {
            name: value
            for name, value in answer.validators.items()
            if len(value) <= _LONGEST_VALIDATOR
        }
        return Page(
            feed.items, feed.quarantined, next_cursor=json.dumps(validators) if validators else None
        )

    def check(self) -> CheckResult:
        """Read the whole feed."""
        return check_by(lambda: self._parsed(self._ask({})))

    def _ask(self, headers: Mapping[str, str]) -> Answer:
        accept = {"Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9"}
        return self._build.client.read(
            self._url, headers={**accept, **headers}, is_public_page=True
        )

    def _parsed(self, answer: Answer) -> FeedPage:
        try:
            return parse_page(
                answer.body, url=answer.url, relevance=self._relevance, now=self._build.clock()
            )
        except LayoutChangedError:
            raise_if_captcha(answer)
            raise

    def _known(self) -> dict[str, str]:
        kept = dict(self._build.tokens.load(self._build.account.key))
        return kept if kept.pop("settings", "") == self._settings else {}

    def _remember(self, cursor: str) -> None:
        try:
            validators = json.loads(cursor)
        except (ValueError, RecursionError):
            validators = None
        if not isinstance(validators, dict) or not all(
            isinstance(value, str) for value in validators.values()
        ):
            raise BadInputError("unknown cursor", field="cursor")
        token = {**validators, "settings": self._settings}
        if token != dict(self._build.tokens.load(self._build.account.key)):
            self._build.tokens.save(self._build.account.key, token)


def build(build: Build) -> FeedCollector:
    """Make the collector of one account."""
    return FeedCollector(build)
