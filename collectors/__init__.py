"""Collectors: one module per channel, and the explicit registry of all of them.

A channel's module has ``SPEC: ChannelSpec`` and ``build(build: Build) -> Collector``; one whose
``SPEC.reads_files`` is set also has ``read_file(path, account, now) -> Iterator[Page]``. Modules
are imported when first asked for, so that a process pays only for the channels it runs.

A new channel:

1. one module here: docstring with source, date and limits; ``SPEC``; a pure ``parse_page``; a
   class with ``fetch`` (one request through ``build.client``) and ``check``; ``build``;
2. one line in `CHANNELS` below, and its name in ``CHANNEL_NAMES`` of `domain.types`;
3. where it can be answered: one module in `responders.publishers`, one line in ``PUBLISHERS``, and
   ``writable`` and ``reply_rules`` in the spec;
4. fixtures in ``tests/collectors/fixtures/<channel>/`` with ``SOURCE.md``, one line in ``PARSERS``
   of ``samples.py`` and one in ``HARNESSES`` of ``test_contract.py``; the tests fail until
   they are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from collectors.base import Build, ChannelSpec, Collector
    from domain.brands import Account
    from domain.types import Page


class ChannelModule(Protocol):
    """What the module of a channel has."""

    SPEC: ChannelSpec

    def build(self, build: Build) -> Collector:
        """Make the collector of one account."""

    def read_file(self, path: Path, account: Account, now: datetime) -> Iterator[Page]:
        """Read one export, page by page; only where ``SPEC.reads_files``."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of the registry."""

    module: str

    def load(self) -> ChannelModule:
        """Import the channel's module."""
        return cast("ChannelModule", import_module(self.module))

    @property
    def spec(self) -> ChannelSpec:
        """The channel's limits."""
        return self.load().SPEC


CHANNELS: Mapping[str, Channel] = {
    "storefront": Channel("collectors.storefront"),
    "cafe24": Channel("collectors.cafe24"),
    "coupang": Channel("collectors.coupang"),
    "naver_commerce": Channel("collectors.naver_commerce"),
    "elevenst": Channel("collectors.elevenst"),
    "esm": Channel("collectors.esm"),
    "google_play": Channel("collectors.google_play"),
    "app_store": Channel("collectors.app_store"),
    "google_business": Channel("collectors.google_business"),
    "naver_search": Channel("collectors.naver_search"),
    "kakao_search": Channel("collectors.kakao_search"),
    "feed": Channel("collectors.feed"),
    "board": Channel("collectors.board"),
    "seller_export": Channel("collectors.seller_export"),
    "generic_file": Channel("collectors.table_file"),
}
"""Every channel that can be collected, by the word used in ``brand.toml``."""


def source_of(account: Account) -> dict[str, str]:
    """Give the place that an account reads; empty where its channel or its key alone says it."""
    if account.channel not in CHANNELS:
        return {}
    named = {
        option: account.option(option).strip() or usual
        for option, usual in CHANNELS[account.channel].spec.source.items()
    }
    return {option: value for option, value in named.items() if value}
