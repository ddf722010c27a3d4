"""From what a collector read to what may be stored: masked text, sealed original."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from domain.errors import BadInputError
from domain.types import QuarantinedItem
from privacy.masking import mask, mask_author
from storage.feedback import MaskedFeedback, find_unstorable, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from domain.brands import Account, Brand
    from domain.types import CollectedFeedback, Page
    from privacy.sealing import Sealer


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A page as collected, what of it may be stored, and what was quarantined, here or there."""

    page: Page
    items: Sequence[MaskedFeedback]
    quarantined: Sequence[QuarantinedItem]


def prepare_page(
    page: Page,
    brand: Brand,
    account: Account,
    sealer: Sealer,
    *,
    stored: Mapping[tuple[str, str], str],
    seen: Collection[tuple[str, str]] | None,
    now: datetime,
) -> PreparedPage:
    """Prepare a page's items, and quarantine what no table can hold and what is no edit.

    A run that meets an id again with another text met two texts under one id: taken for edits,
    they would replace each other in every run. The first of the run is the item's.

    Args:
        page: As collected.
        brand: Its registered contacts are not personal data.
        account: Whose page it is.
        sealer: See ``prepare``.
        stored: Content fingerprints of what the database has, by kind and native id.
        seen: Which of these this run has met before; None for files, whose later rows are edits.
        now: See ``prepare``.
    """
    ready: list[MaskedFeedback] = []
    quarantined = list(page.quarantined)
    times = Counter(map(key_of, page.items))
    mask_text = masker(brand)
    met = {key: stored[key] for key in seen or ()}
    for place, item in enumerate(page.items):
        key = key_of(item)
        masked = prepare(
            item,
            mask_text,
            account.channel,
            sealer,
            stored=stored.get(key),
            # What stands twice on a page may be an edit of itself.
            is_repeated=times[key] > 1,
            now=now,
        )
        problem = find_unstorable(masked)
        remedy = "원본에서 이 항목의 값을 확인해 주세요. 파일이면 그 칸을 고쳐 다시 올려 주세요."
        if problem is None and seen is not None and not _is_met(met, key, masked):
            problem = "text", "another text stands under the same id"
            remedy = "채널이 한 번호로 두 글을 보여 줍니다. 채널에서 두 글을 확인해 주세요."
        if problem is None:
            ready.append(masked)
            continue
        name, what = problem
        error = BadInputError(
            what,
            source=page.source or account.key,
            row=page.rows[place] if page.rows else None,
            field=name,
            remedy=remedy,
        )
        quarantined.append(
            QuarantinedItem(
                reason=str(error),
                raw=_json_of(item, ("native_id", "url", *_PERSONAL)),
                source=error.source,
                row=error.row,
                field=error.field,
                remedy=error.remedy,
            )
        )
    return PreparedPage(page, ready, quarantined)


def _is_met(met: dict[tuple[str, str], str], key: tuple[str, str], item: MaskedFeedback) -> bool:
    """Tell whether a run met nothing else under an item's key; the first it meets is noted."""
    first = met.setdefault(key, item.content_fingerprint)
    return first in ("", item.content_fingerprint, *item.retired_fingerprints)


def masker(brand: Brand) -> Callable[[str], str]:
    """Give what masks a brand's texts, for one page: it remembers them.

    The titles of a page are often all the name of one product or film.
    """
    return cache(lambda text: mask(text, allow=brand.contacts).text)


def prepare(
    item: CollectedFeedback,
    mask_text: Callable[[str], str],
    channel: str,
    sealer: Sealer,
    *,
    stored: str | None = None,
    is_repeated: bool = False,
    now: datetime,
) -> MaskedFeedback:
    """Mask everything readable and seal the original, unless just that is stored.

    Most of a page was stored by an earlier run, and masking it again would be most of a run.
    What was stored under a retired key is found by its fingerprint: a new key is no edit.

    Args:
        item: As collected.
        mask_text: From ``masker``.
        channel: Where the author and the order are known.
        sealer: Encrypts and fingerprints.
        stored: Content fingerprint of the item as the database has it; None where it is new. One
            that a change of keys emptied says that nothing read may ever be stored.
        is_repeated: Mask and seal it also where just that is stored.
        now: Taken as the date of what the channel does not date, and marked as inexact.
    """
    fingerprints = sealer.fingerprints(content(item.title, item.text, item.rating))
    is_new = stored != "" and (is_repeated or stored not in fingerprints)
    return MaskedFeedback(
        kind=item.kind,
        native_id=item.native_id,
        content_fingerprint=fingerprints[0],
        sealed_original=sealer.seal(_original(item)) if is_new else b"",
        title=mask_text(item.title) if is_new and item.title else "",
        text=mask_text(item.text) if is_new else "",
        rating=item.rating,
        author=mask_author(item.author) if item.author else "",
        author_fingerprint=_fingerprint(
            sealer, author_identity(channel, item.author_id, item.author)
        ),
        order_fingerprint=_fingerprint(sealer, identity(channel, item.order_id)),
        product_id=item.product_id,
        product_name=item.product_name,
        url=item.url,
        reach=item.reach,
        extra=item.extra,
        written_at=item.written_at or now,
        written_at_is_exact=item.written_at is not None and item.written_at_is_exact,
        edited_at=item.edited_at,
        deadline_at=item.deadline_at,
        replies=tuple(reply.text for reply in item.replies),
        retired_fingerprints=fingerprints[1:],
    )


def content(title: str, text: str, rating: int | None) -> str:
    """Give what is fingerprinted of a text: another value is an edit."""
    return f"{title}\0{text}\0{rating}"


def identity(channel: str, name: str) -> str:
    """Give what is fingerprinted for an author or order: ids mean something per channel only.

    Empty without a name or id, for which there is no fingerprint.
    """
    return f"{channel}:{name}" if name else ""


def author_identity(channel: str, author_id: str, author: str) -> str:
    """Give what is fingerprinted for an author: the id where the channel gives one, or the name."""
    return identity(channel, author_id or author)


def rejected(raw: bytes, reason: str) -> str:
    """Give what is fingerprinted of a quarantined row: refused for another reason it is another."""
    return (raw + reason.encode()).hex()


def _fingerprint(sealer: Sealer, named: str) -> str:
    return sealer.fingerprint(named) if named else ""


_PERSONAL = ("title", "text", "author", "author_id", "order_id")


def _original(item: CollectedFeedback) -> bytes:
    # What masking took away or changed; the rest is in the columns.
    return _json_of(item, _PERSONAL)


def _json_of(item: CollectedFeedback, names: Iterable[str]) -> bytes:
    found = {name: value for name in names if (value := getattr(item, name))}
    return json.dumps(found, ensure_ascii=False).encode("utf-8", errors="replace")
