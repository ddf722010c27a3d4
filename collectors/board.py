"""Board (게시판): any list of posts in HTML, described by selectors; off until it is switched on.

    [[accounts]]
    name = "dcinside"
    channel = "board"
    enabled = true                   # after reading the site's terms and robots.txt
    definition = "dcinside"          # or list_url, row and fields of one's own
    board = "food"                   # fills {board} of the address; base_url fills {base_url}
    keywords = ["새벽상회"]           # without keywords every post counts
    detail = true                    # read each new post once; otherwise titles only
    max_pages = 2                    # list pages in one run, at most 5
    kind = "post"                    # post, review or inquiry
    [accounts.fields]                # replaces single selectors of the definition
    reach = "td.count"

Source: `collectors.board_definitions`; sites from channels.md section 7 (Checked: 2026-11).

* A guest's manners: robots.txt is obeyed, the client says who it is, one request in ten seconds at
  most, and a CAPTCHA or a refusal ends it with `AccessBlockedError`. Nothing is worked around. A
  single post may be for members only: it is kept with its title and quarantined, and only a second
  refusal in a row is the site's.
* One request a fetch: robots.txt when it is not known, then a list page, then its posts.
* Which posts were read is remembered in the token store after they were stored, so that each is
  asked for once; later edits are not noticed and absence proves nothing.
* A list without one readable post is `LayoutChangedError`, also in the middle of a run: the end is
  only where the posts of the page before stood. So is the third post in a row whose body
  is not where the definition says. A single such post is kept with its title, and quarantined; so is
  every secret post, which asks for its password instead, and every one that a script's ``alert()``
  keeps for members. A list that does so ends the run with `AccessBlockedError`.
* A post that does not answer is asked for again by the next runs, after all others; in the end it,
  too, is kept with its title, and quarantined.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from collectors.base import WORKERS_OPTIONS, Build, ChannelSpec, CheckResult, check_by
from collectors.board_definitions import (
    KEYS,
    Definition,
    parse_definition,
    ready_table,
)
from collectors.board_pages import (
    ListPage,
    alerted,
    is_secret,
    parse_page,
    parse_post,
    quarantine,
    wants_sign_in,
)
from collectors.http import raise_if_captcha
from collectors.mentions import is_web_address
from collectors.relevance import Relevance
from collectors.robots import Robots
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    LayoutChangedError,
)
from domain.korea import KST
from domain.types import CollectedFeedback, FeedbackKind, Page, QuarantinedItem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collectors.http import Answer
    from domain.brands import Account

OPTIONS: Final = (
    "enabled",
    "definition",
    "board",
    "base_url",
    "keywords",
    "exclude",
    "detail",
    "max_pages",
    "kind",
)

SPEC = ChannelSpec(
    channel="board",
    kinds=(FeedbackKind.POST, FeedbackKind.REVIEW, FeedbackKind.INQUIRY),
    page_size=30,
    overlap=timedelta(hours=1),
    min_interval_s=10.0,
    timeout_s=20.0,
    option_names=(*OPTIONS, *KEYS),
    unverified=("every selector of the ready definitions; each names what it rests on",),
)

MAX_PAGES: Final = 5
DEFAULT_PAGES: Final = 2
REMEMBERED: Final = 1000
BAD_POSTS_IN_A_ROW: Final = 3
_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
POST_TRIES: Final = 10
"""Runs that ask for a post that does not answer, before a person is told."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is.

    Attributes:
        page: The list page, from 0.
        posts: Names the posts of this page that wait in the token store; empty before the list
            was read.
        index: How many of them were read and stored.
        bad: How many in a row could not be read.
        is_last: Whether no list page follows.
        frame: Where the posts of the last list page stood; see `collectors.board_pages.ListPage`.
    """

    page: int = 0
    posts: str = ""
    index: int = 0
    bad: int = 0
    is_last: bool = False
    frame: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> _Place:
        if cursor is None:
            return cls()
        found = re.fullmatch(
            r"(\d):([0-9a-f]{16})?:(\d{1,4}):(\d{1,4}):([01])(?::([0-9a-f]{8})?)?", cursor, re.ASCII
        )
        if found is None:
            raise BadInputError("unknown cursor", field="cursor")
        page, index, bad = (int(found[group]) for group in (1, 3, 4))
        return cls(page, found[2] or "", index, bad, found[5] == "1", found[6] or "")

    def __str__(self) -> str:
        return f"{self.page}:{self.posts}:{self.index}:{self.bad}:{self.is_last:d}:{self.frame}"


class BoardCollector:
    """Reads one board of one site.

    Args:
        build: The board is described by the account's options.

    Raises:
        ConfigurationError: It is not switched on, or an option is wrong; names the key.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        account = build.account
        try:
            self._definition = _definition(account)
            self._page_url = _address(self._definition.list_url, account)
            self._kind = _kind(account)
            self._max_pages = _max_pages(account)
            self._reads_posts = _switch(account, "detail")
        except ConfigurationError as error:
            raise ConfigurationError(f"{account.key}: {error}") from None
        if self._reads_posts and "text" not in self._definition.detail_fields:
            raise ConfigurationError(f"{account.key}: detail_fields.text is missing")
        if self._reads_posts and "link" not in self._definition.fields:
            raise ConfigurationError(f"{account.key}: fields.link is missing")
        self._relevance = Relevance.of(account, required=False)
        self._robots = Robots(build, min_interval_s=SPEC.min_interval_s)
        self._shelf = _Shelf(build)

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return SPEC

    def fetch(self, since: datetime, until: datetime, cursor: str | None) -> Page:
        """Make the run's next request; see `collectors.base.Collector.fetch`."""
        del until
        place = _Place.read(cursor)
        posts = self._shelf.posts(place.posts) if place.posts else None
        if posts is None or place.index > len(posts):
            # Nothing was read yet, or another run put its own posts there: the list again.
            return self._read_list(_Place(place.page, frame=place.frame), since)
        # The fetches before this one are stored by now.
        self._shelf.mark_read(posts[: place.index])
        if place.index < len(posts):
            return self._read_post(place, posts)
        if place.is_last:
            self._shelf.clear()
            return Page(())
        return self._read_list(_Place(place.page + 1, frame=place.frame), since)

    def check(self) -> CheckResult:
        """Ask one question: the site's robots.txt, or the list where that is known."""
        return check_by(self._prove)

    def _prove(self) -> None:
        url = self._url(0)
        if not self._robots.is_known(url):
            self._robots.learn(url)
            self._robots.require(url)
        else:
            self._listed(self._ask(url))

    def _read_list(self, place: _Place, since: datetime) -> Page:
        url = self._url(place.page)
        if not self._robots.is_known(url):
            self._robots.learn(url)
            return Page((), next_cursor=str(place))
        page = self._listed(self._ask(url), place.frame if place.page else "")
        is_last = (
            not page.items
            or place.page + 1 >= self._max_pages
            or "{page}" not in self._page_url
            or (page.ends is not None and self._has_all_behind(page, _latest(page.ends), since))
        )
        following = None if is_last else str(_Place(place.page + 1, frame=page.frame))
        if not self._reads_posts:
            items = tuple(item for item in page.items if self._is_relevant(item))
            return Page(items, page.quarantined, next_cursor=following)
        earliest = self._shelf.earliest(since)
        waiting = self._shelf.keep(
            [
                item
                for item in page.items
                if item.written_at is None or _latest(item.written_at) >= earliest
            ],
            is_first=place.page == 0,
        )
        if waiting:
            following = str(_Place(place.page, waiting, is_last=is_last, frame=page.frame))
        return Page((), page.quarantined, next_cursor=following)

    def _has_all_behind(self, page: ListPage, ends: datetime, since: datetime) -> bool:
        """Tell whether what follows a page was written or read before.

        Where posts come up late, a page of old ones, none of them read, has more behind it.
        """
        if ends >= since or not self._reads_posts:
            return ends < since
        return ends < self._shelf.earliest(since) or self._shelf.knows_any(page.items)

    def _read_post(self, place: _Place, posts: Sequence[CollectedFeedback]) -> Page:
        listed = posts[place.index]
        if not self._robots.is_known(listed.url):
            self._robots.learn(listed.url)
            return Page((), next_cursor=str(place))
        bad, item = 0, listed
        quarantined: tuple[QuarantinedItem, ...] = ()
        try:
            item = self._post(listed, is_first_bad=place.bad == 0)
        except ChannelUnavailableError as error:
            if self._shelf.count_failure(listed) < POST_TRIES:
                return self._put_off(place, posts)
            quarantined = (quarantine(error, listed.url, listed.url),)
        except _ClosedPostError as error:
            # It is no sign of another layout, nor of the one that is known.
            bad = place.bad
            quarantined = (quarantine(error, listed.url, listed.url),)
        except (BadInputError, LayoutChangedError) as error:
            bad = place.bad + 1
            payload = error.payload if isinstance(error, LayoutChangedError) else b""
            if bad >= BAD_POSTS_IN_A_ROW:
                raise LayoutChangedError(
                    f"board: {bad} posts in a row: {error}", payload=payload
                ) from None
            html = payload.decode("utf-8", "replace") or listed.url
            quarantined = (quarantine(error, html, listed.url),)
        self._shelf.forget_failures(listed)
        items = (item,) if self._is_relevant(item) else ()
        following = str(replace(place, index=place.index + 1, bad=bad))
        return Page(items, quarantined, next_cursor=following)

    def _put_off(self, place: _Place, posts: Sequence[CollectedFeedback]) -> Page:
        """Leave a post that does not answer to the next run; after three in a row, all behind it."""
        last = posts[: place.index + 1][-BAD_POSTS_IN_A_ROW:]
        if len(last) < BAD_POSTS_IN_A_ROW or not all(map(self._shelf.has_failed, last)):
            return Page((), next_cursor=str(replace(place, index=place.index + 1)))
        self._shelf.put_off(posts[place.index + 1 :])
        if not place.is_last:
            return Page((), next_cursor=str(_Place(place.page + 1, frame=place.frame)))
        self._shelf.clear()
        return Page(())

    def _post(self, listed: CollectedFeedback, *, is_first_bad: bool) -> CollectedFeedback:
        refusal = BadInputError if is_first_bad else AccessBlockedError
        path = urlsplit(listed.url).path
        if not self._robots.allows(listed.url):
            raise refusal(f"robots.txt forbids the post {path}")
        answer = self._ask(listed.url, accepted=(*_REFUSED, HTTPStatus.NOT_FOUND, HTTPStatus.GONE))
        if answer.status in _REFUSED:
            raise_if_captcha(answer)
            raise refusal(f"{answer.status}: the site refuses us the post {path}")
        if answer.status >= 300:
            # Deleted since the list was read; its title was public.
            return listed
        now = self._build.clock()
        try:
            return parse_post(answer.text, definition=self._definition, listed=listed, now=now)
        except LayoutChangedError:
            raise_if_captcha(answer)
            if is_secret(answer.text):
                raise _ClosedPostError(
                    "a secret post: only its title can be read", remedy=_HIDDEN_REMEDY
                ) from None
            if wants_sign_in(alerted(answer.text)):
                raise _ClosedPostError(
                    "a post for members: only its title can be read without signing in",
                    remedy=_MEMBERS_REMEDY,
                ) from None
            raise

    def _is_relevant(self, item: CollectedFeedback) -> bool:
        return self._relevance.accepts(f"{item.title}\n{item.text}")

    def _url(self, page: int) -> str:
        number = self._definition.first_page + page * self._definition.page_step
        return self._page_url.replace("{page}", str(number))

    def _ask(self, url: str, accepted: tuple[int, ...] = ()) -> Answer:
        self._robots.require(url)
        answer = self._build.client.read(url, accepted=accepted, is_public_page=True)
        if urlsplit(answer.url).netloc != urlsplit(url).netloc:
            # Another site has rules of its own, which were not asked for.
            raise LayoutChangedError(
                f"board: {urlsplit(url).netloc} sends us to {urlsplit(answer.url).netloc}",
                payload=answer.body,
            )
        return answer

    def _listed(self, answer: Answer, frame: str = "") -> ListPage:
        try:
            return parse_page(
                answer.text,
                definition=self._definition,
                kind=self._kind,
                url=answer.url,
                now=self._build.clock(),
                frame=frame,
            )
        except LayoutChangedError:
            raise_if_captcha(answer)
            if wants_sign_in(alerted(answer.text)):
                raise AccessBlockedError(
                    f"the board {urlsplit(answer.url).path} is for members: it wants a sign-in"
                ) from None
            raise


class _ClosedPostError(BadInputError):
    """A post that not everybody may read."""


_HIDDEN_REMEDY: Final = (
    "게시판 관리자 화면에서 읽어 주세요. 카페24 쇼핑몰이면 cafe24 채널로 본문까지 읽습니다."
)
_MEMBERS_REMEDY: Final = "회원만 볼 수 있는 글입니다. 사이트에 로그인해 직접 읽어 주세요."


def _latest(written_at: datetime) -> datetime:
    """Give the latest instant that a date from a list may mean."""
    local = written_at.astimezone(KST)
    is_day = (local.hour, local.minute, local.second) == (0, 0, 0)
    return written_at + (timedelta(days=1) if is_day else timedelta(minutes=1))


class _Shelf:
    """The posts of a list page that wait to be read or asked for again, and the ids of those read.

    Kept in the token store, which is sealed, for a list has names and texts of people.
    """

    def __init__(self, build: Build) -> None:
        self._tokens = build.tokens
        self._key = build.account.key

    def earliest(self, since: datetime) -> datetime:
        """Give since when posts are read: the start of the account's first run.

        A list of popular posts shows a post long after it was written.
        """
        token = self._tokens.load(self._key)
        if "since" not in token:
            self._tokens.save(self._key, {**token, "since": since.isoformat()})
            return since
        return min(since, datetime.fromisoformat(token["since"]))

    def knows_any(self, items: Sequence[CollectedFeedback]) -> bool:
        """Tell whether one of the posts was read, or did not answer, in an earlier run."""
        known = _known(self._tokens.load(self._key))
        return any(_mark(item) in known for item in items)

    def keep(self, items: Sequence[CollectedFeedback], *, is_first: bool) -> str:
        """Keep the posts that were not read yet; gives their name, empty when there are none.

        A run's first page also gets the posts of earlier runs that did not answer, behind its own
        and those that failed most often last, so that they hold up nothing.
        """
        token = dict(self._tokens.load(self._key))
        again, known = _again(token), _known(token)
        waiting = [_packed(item) for item in items if _mark(item) not in known]
        if is_first:
            waiting += [post for _, post in sorted(again.values(), key=itemgetter(0))]
        if not waiting:
            self.clear()
            return ""
        posts = json.dumps(waiting)
        self._tokens.save(self._key, {**token, "posts": posts})
        return _name(posts)

    def posts(self, name: str) -> list[CollectedFeedback] | None:
        """Give the posts that were kept under a name; None when they are others by now."""
        posts = self._tokens.load(self._key).get("posts", "")
        if _name(posts) != name:
            return None
        return [_unpacked(post) for post in json.loads(posts)]

    def clear(self) -> None:
        """Forget the posts; the ids of those that were read stay."""
        token = dict(self._tokens.load(self._key))
        if token.pop("posts", None) is not None:
            self._tokens.save(self._key, token)

    def mark_read(self, items: Sequence[CollectedFeedback]) -> None:
        """Remember that posts were read and stored; those that did not answer were not."""
        token = dict(self._tokens.load(self._key))
        read, again = token.get("read", "").split(), _again(token)
        done = [mark for mark in map(_mark, items) if mark not in again or not again[mark][0]]
        left = {mark: post for mark, post in again.items() if mark not in done}
        new = [mark for mark in done if mark not in set(read)]
        if new or left != again:
            read = [*read, *new][-REMEMBERED:]
            self._save_again({**token, "read": " ".join(read)}, left)

    def has_failed(self, item: CollectedFeedback) -> bool:
        """Tell whether a post did not answer when it was last asked for."""
        return _again(self._tokens.load(self._key)).get(_mark(item), (0,))[0] > 0

    def count_failure(self, item: CollectedFeedback) -> int:
        """Keep a post that did not answer for the next run; gives how often that was so."""
        token = self._tokens.load(self._key)
        again = _again(token)
        failures = again.get(_mark(item), (0,))[0] + 1
        self._save_again(token, {**again, _mark(item): (failures, _packed(item))})
        return failures

    def forget_failures(self, item: CollectedFeedback) -> None:
        """Let a post that failed before be marked as read once it was stored."""
        token = self._tokens.load(self._key)
        again = _again(token)
        if _mark(item) in again:
            self._save_again(token, {**again, _mark(item): (0, _packed(item))})

    def put_off(self, items: Sequence[CollectedFeedback]) -> None:
        """Keep posts that were not asked for, for the next run."""
        token = self._tokens.load(self._key)
        put_off = {_mark(item): (0, _packed(item)) for item in items}
        self._save_again(token, {**put_off, **_again(token)})

    def _save_again(self, token: Mapping[str, str], again: _Again) -> None:
        rest = {name: value for name, value in token.items() if name != "again"}
        self._tokens.save(self._key, {**rest, "again": json.dumps(again)} if again else rest)


_Again = dict[str, tuple[int, dict[str, object]]]


def _again(token: Mapping[str, str]) -> _Again:
    """Read which posts the next run asks for again: how often they failed, and what the list said."""
    return {
        mark: (failures, post)
        for mark, (failures, post) in json.loads(token.get("again", "{}")).items()
    }


def _known(token: Mapping[str, str]) -> set[str]:
    return {*token.get("read", "").split(), *_again(token)}


def without_posts(
    token: Mapping[str, str], is_theirs: Callable[[Mapping[str, object]], bool]
) -> Mapping[str, str]:
    """Give a kept token without somebody's waiting posts, which count as read from now on.

    A run whose posts these were reads its list again.

    Args:
        token: As the token store has it; that of another channel has no posts.
        is_theirs: Looks at a post's fields.
    """
    waiting, again = json.loads(token.get("posts", "[]")), _again(token)
    posts = [*waiting, *(post for _, post in again.values())]
    marks = {_mark_of(str(post["native_id"])) for post in posts if is_theirs(post)}
    if not marks:
        return token
    read = [mark for mark in token.get("read", "").split() if mark not in marks]
    left = [post for post in waiting if not is_theirs(post)]
    failed = {mark: kept for mark, kept in again.items() if not is_theirs(kept[1])}
    rest = {name: value for name, value in token.items() if name not in {"posts", "again"}}
    return {
        **rest,
        "read": " ".join([*read, *sorted(marks)][-REMEMBERED:]),
        **({"posts": json.dumps(left)} if left else {}),
        **({"again": json.dumps(failed)} if failed else {}),
    }


def _mark(item: CollectedFeedback) -> str:
    return _mark_of(item.native_id)


def _mark_of(native_id: str) -> str:
    return hashlib.sha256(native_id.encode("utf-8", "replace")).hexdigest()[:12]


def _name(posts: str) -> str:
    return hashlib.sha256(posts.encode()).hexdigest()[:16]


_PACKED: Final = (
    "native_id",
    "text",
    "title",
    "rating",
    "author",
    "author_id",
    "product_name",
    "url",
    "reach",
    "written_at_is_exact",
)


def _packed(item: CollectedFeedback) -> dict[str, object]:
    packed: dict[str, object] = {name: getattr(item, name) for name in _PACKED}
    written_at = item.written_at.isoformat() if item.written_at else ""
    return {**packed, "kind": str(item.kind), "written_at": written_at}


def _unpacked(packed: dict[str, object]) -> CollectedFeedback:
    written_at = str(packed.pop("written_at"))
    kind = FeedbackKind(str(packed.pop("kind")))
    at = datetime.fromisoformat(written_at) if written_at else None
    return CollectedFeedback(kind=kind, written_at=at, **packed)  # type: ignore[arg-type]


def _definition(account: Account) -> Definition:
    """Put the account's keys over a ready definition's."""
    known = (*OPTIONS, *KEYS, *WORKERS_OPTIONS)
    for option in account.options:
        if option not in known:
            raise ConfigurationError(
                f"{option} is no option of a board; known are {', '.join(known)}"
            )
    if not _switch(account, "enabled"):
        raise ConfigurationError(
            "a board is off until enabled = true; read the site's terms and robots.txt first"
        )
    name = account.option("definition")
    table: dict[str, object] = ready_table(name) if name else {}
    for key in KEYS:
        if key not in account.options:
            continue
        own, ready = account.options[key], table.get(key)
        is_merged = isinstance(own, Mapping) and isinstance(ready, Mapping)
        table[key] = {**ready, **own} if is_merged else own  # type: ignore[dict-item]
    return parse_definition(table)


def _address(list_url: str, account: Account) -> str:
    """Fill everything but ``{page}`` into the list's address."""

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        if name == "page":
            return found[0]
        if name not in {"board", "base_url"}:
            raise ConfigurationError(f"list_url knows no {found[0]}")
        value = account.option(name).strip()
        if not value:
            raise ConfigurationError(f'{name} = "..." is missing')
        return quote(value, safe="") if name == "board" else value.rstrip("/")

    url = re.sub(r"\{(\w*)\}", fill, list_url)
    if not is_web_address(url.replace("{page}", "1")):
        raise ConfigurationError("list_url is no address")
    return url


def _kind(account: Account) -> FeedbackKind:
    try:
        return FeedbackKind(account.option("kind", "post"))
    except ValueError:
        raise ConfigurationError(f"kind must be one of {', '.join(FeedbackKind)}") from None


def _max_pages(account: Account) -> int:
    value = account.options.get("max_pages", DEFAULT_PAGES)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_PAGES:
        raise ConfigurationError(f"max_pages must be a whole number from 1 to {MAX_PAGES}")
    return value


def _switch(account: Account, name: str) -> bool:
    value = account.options.get(name, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be true or false")
    return value


def build(build: Build) -> BoardCollector:
    """Make the collector of one account."""
    return BoardCollector(build)
