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
    assert alarm_of(error, "storefront")["kind"] == kind


@pytest.mark.parametrize(
    ("channel", "reason", "words"),
    [
        ("coupang", "permission", "업체코드"),
        ("cafe24", "expired", "refresh_token"),
        ("google_play", "permission", "리뷰에 답글 달기"),
        ("google_business", "permission", "Business Profile API"),
        ("naver_commerce", "address", "커머스API센터"),
        ("storefront", "secret", "판매자 센터"),
        ("myspace", "secret", "판매자 센터"),
    ],
)
def test_refused_credentials_are_mended_where_the_channel_says(
    channel: str, reason: str, words: str
) -> None:
    error = CredentialRejectedError("401", reason)
    assert words in alarm_of(error, channel)["remedy"]
    assert words in explained(error, channel)


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
    words, _, original = explained(error, "storefront").partition(" (")
    assert KOREAN.search(words)
    assert original == f"{error})"
