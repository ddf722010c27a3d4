"""Length limits that the reference could not prove, corrected by the operator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collectors.base import Build
    from domain.types import ReplyRules


def own_limit(build: Build, rules: ReplyRules) -> ReplyRules:
    """Give the rules with the account's ``reply_max_length``, where it sets one.

    Raises:
        ConfigurationError: It is not a length.
    """
    value = build.account.options.get("reply_max_length", rules.max_length)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise ConfigurationError(
            f"{build.account.key}: reply_max_length must be a whole number from 1"
        )
    return rules if value == rules.max_length else replace(rules, max_length=value)
