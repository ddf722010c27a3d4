from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.blocks import AlarmKind
from domain.errors import (
    AccessBlockedError,
    BadInputError,
    ChannelUnavailableError,
    ConfigurationError,
    CredentialRejectedError,
    LayoutChangedError,
    OutcomeUnknownError,
    PublicationRefusedError,
    ReputationError,
)
from workers import publish
from workers.reasons import _REFUSALS, alarm_of, explained

PUBLISHERS = Path(publish.__file__).parents[1] / "responders" / "publishers"
KOREAN = re.compile("[가-힣]")


def test_every_refusal_of_our_own_has_korean_words() -> None:
    codes = {
        code
        for path in PUBLISHERS.glob("*.py")
        for code in re.findall(r'code="([a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    # Without its token an inquiry is sent anew; the usual words say it.
    assert codes - {"token"} <= _REFUSALS.keys()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CredentialRejectedError("401", "secret"), AlarmKind.CREDENTIALS),
        (AccessBlockedError("robots.txt"), AlarmKind.BLOCKED),
        (ConfigurationError("overlap"), AlarmKind.CONFIGURATION),
        (BadInputError("too large"), AlarmKind.CONFIGURATION),
        (LayoutChangedError("no rows"), AlarmKind.LAYOUT_CHANGED),
    ],
)
def test_an_alarm_names_what_is_broken(error: ReputationError, kind: AlarmKind) -> None:
    assert alarm_of(error)["kind"] == kind


@pytest.mark.parametrize(
    "error",
    [
        ChannelUnavailableError("503"),
        OutcomeUnknownError("no answer"),
        PublicationRefusedError("422 forbidden_word", code="forbidden_word"),
        PublicationRefusedError("too long", code="too_long"),
    ],
)
def test_a_reason_is_korean_and_keeps_the_original(error: ReputationError) -> None:
    words, _, original = explained(error).partition(" (")
    assert KOREAN.search(words)
    assert original == f"{error})"
