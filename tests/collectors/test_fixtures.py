"""Every registered channel reads its fixtures into exactly what is expected.

A fixture is ``name.<ending>`` beside ``name.expected.json``. A channel is brought in with one line
in ``PARSERS`` of ``samples.py``; ``UPDATE`` is never automatic: expected files are written by hand
or reviewed.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

import pytest

from collectors import CHANNELS
from responders.publishers import PUBLISHERS
from tests.collectors.samples import FILES, PARSERS

if TYPE_CHECKING:
    from pathlib import Path


def _plain(value: object) -> object:
    """Give a value as JSON has it, without the fields that say nothing."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: _plain(getattr(value, item.name))
            for item in dataclasses.fields(value)
            if getattr(value, item.name) != item.default
            and getattr(value, item.name) not in ((), {})
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Enum) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_fixture_is_read_as_expected(path: Path) -> None:
    read = json.loads(json.dumps(_plain(PARSERS[path.parent.name](path))))
    assert read == json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_declares_itself_and_has_a_fixture(channel: str) -> None:
    spec = CHANNELS[channel].spec
    assert spec.channel == channel
    assert spec.kinds
    assert spec.page_size > 0
    assert spec.overlap >= timedelta(0)
    assert spec.window is None or spec.window > spec.overlap
    assert spec.writable is (channel in PUBLISHERS)
    assert not spec.writable or spec.reply_rules is not None
    assert hasattr(CHANNELS[channel].load(), "read_file") is spec.reads_files
    assert any(path.parent.name == channel for path in FILES)


def test_every_publisher_has_a_collector() -> None:
    assert set(PUBLISHERS) <= set(CHANNELS)
