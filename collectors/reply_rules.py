"""What a reply to one item may be, as its channel, its account and its state say now.

The desk shows these rules at approval; a publisher enforces them. Both ask here, so that nobody
approves what will be refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError
from domain.types import NEEDS_CONFIRM, NOT_WAITING, AnswerState, ReplyRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from collectors.base import ChannelSpec
    from domain.brands import Account

_MOST_CHARACTERS = 100_000


def account_rules(spec: ChannelSpec, account: Account, native_id: str = "") -> ReplyRules:
    """Give the channel's rules with what the account's options correct.

    Args:
        spec: The channel's; facts that the reference could not prove are options there.
        account: ``reply_max_length`` and the option of ``spec.any_character`` are its options.
        native_id: Chooses the id space.

    Raises:
        ConfigurationError: ``reply_max_length`` is not a length.
    """
    rules = spec.rules_for(native_id) or ReplyRules()
    if "reply_max_length" in spec.option_names:
        value = account.options.get("reply_max_length", rules.max_length)
        if isinstance(value, bool) or not isinstance(value, int):
            value = 0
        if not 1 <= value <= _MOST_CHARACTERS:
            raise ConfigurationError(
                f"{account.key}: reply_max_length must be a whole number from 1"
            )
        rules = replace(rules, max_length=value)
    if spec.any_character is not None:
        option, chosen = spec.any_character
        if account.option(option) == chosen:
            rules = replace(rules, encoding="utf-8")
    return rules


def rules_now(
    spec: ChannelSpec,
    account: Account,
    native_id: str,
    extra: Mapping[str, str],
    *,
    deadline_at: datetime | None = None,
    is_answered: bool = False,
    now: datetime,
) -> ReplyRules:
    """Give the rules for a reply to one item, with whether it takes one now.

    Args:
        spec: The channel's.
        account: Whose item.
        native_id: Chooses the id space.
        extra: What the collector noted on the item.
        deadline_at: The channel's own deadline.
        is_answered: Whether a reply that is not ours stands there.
        now: Aware.

    Raises:
        ConfigurationError: As `account_rules`.
    """
    rules = account_rules(spec, account, native_id)
    state, reason = rules.state, rules.state_reason
    if is_answered and rules.one_reply_only:
        state, reason = AnswerState.CLOSED, _ANSWERED[rules.editable]
    elif extra.get(NEEDS_CONFIRM):
        state = AnswerState.CONFIRM
        reason = spec.state_reasons.get(state, "답변 없이 확인 처리만 하는 글입니다.")
    elif extra.get(NOT_WAITING):
        state = AnswerState.CLOSED
        reason = spec.state_reasons.get(state, "채널이 이 글에 답변을 받지 않습니다.")
    elif rules.closes_when_due and deadline_at is not None and now >= deadline_at:
        state = AnswerState.CLOSED
        reason = f"채널이 정한 기한이 지나 답변을 받지 않습니다. {rules.penalty}".strip()
    elif state is AnswerState.OPEN and (why := _by_hand(spec, account, native_id)):
        state, reason = AnswerState.BY_HAND, why
    if (state, reason) == (rules.state, rules.state_reason):
        return rules
    return replace(rules, state=state, state_reason=reason)


def _by_hand(spec: ChannelSpec, account: Account, native_id: str) -> str:
    """Say in Korean why a person must post the reply; empty when a machine can."""
    if not spec.writable:
        return "이 채널은 답변을 직접 붙여 넣어야 합니다."
    if not account.writable:
        return "이 계정은 답변을 직접 붙여 넣도록 설정되어 있습니다."
    needed = [spec.reply_needs.get(space) for space in ("", native_id.partition(":")[0])]
    missing = [option for option in needed if option and not account.option(option).strip()]
    if missing:
        return f"brand.toml의 이 계정에 {missing[0]} 설정이 없어 직접 붙여 넣어야 합니다."
    return ""


_ANSWERED = {
    False: "이미 다른 답변이 달려 있고, 이 채널의 답변은 고칠 수 없습니다.",
    True: "이미 다른 답변이 달려 있어 덮어쓰지 않습니다. 고치려면 판매자 센터에서 고쳐 주세요.",
}
