"""Publishers: one module per channel that can be answered, and the explicit registry.

A module has ``build(build: Build) -> Publisher`` and may use its own channel's module in
`collectors`. Channels without a line here are answered by a person (assisted hand-off).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.base import Build
    from responders.publishers.base import Publisher


class PublisherModule(Protocol):
    """What the module of a publisher has."""

    def build(self, build: Build) -> Publisher:
        """Make the publisher of one account."""


@dataclass(frozen=True, slots=True)
class PublisherEntry:
    """One line of the registry."""

    module: str

    def load(self) -> PublisherModule:
        """Import the publisher's module."""
        return cast("PublisherModule", import_module(self.module))


PUBLISHERS: Mapping[str, PublisherEntry] = {
    "storefront": PublisherEntry("responders.publishers.storefront"),
    "cafe24": PublisherEntry("responders.publishers.cafe24"),
    "coupang": PublisherEntry("responders.publishers.coupang"),
    "naver_commerce": PublisherEntry("responders.publishers.naver_commerce"),
    "elevenst": PublisherEntry("responders.publishers.elevenst"),
    "esm": PublisherEntry("responders.publishers.esm"),
    "google_play": PublisherEntry("responders.publishers.google_play"),
    "app_store": PublisherEntry("responders.publishers.app_store"),
    "google_business": PublisherEntry("responders.publishers.google_business"),
}
"""Every channel that can be answered, by the word used in ``brand.toml``."""
