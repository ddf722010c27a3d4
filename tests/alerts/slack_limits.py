"""Slack's limits as the reference table gives them, written apart from the builders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_BLOCKS, MODAL_BLOCKS = 50, 100


def units(text: str) -> int:
    """Count UTF-16 units, the largest reading of "characters"."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def message_problems(payload: Mapping[str, Any]) -> list[str]:
    """Give what Slack would refuse in a chat.postMessage or chat.update payload."""
    text, blocks = payload.get("text"), payload.get("blocks", [])
    found = [] if isinstance(text, str) and text else ["no_text"]
    if isinstance(text, str):
        found += _text_problems("text", text, 4000)
    if not isinstance(blocks, list) or len(blocks) > MESSAGE_BLOCKS:
        return [*found, "blocks: more than 50"]
    return found + list(_blocks_problems(blocks))


def view_problems(view: Mapping[str, Any]) -> list[str]:
    """Give what Slack would refuse in a modal."""
    found = []
    if view.get("type") != "modal":
        found.append("view: not a modal")
    for name in ("title", "submit", "close"):
        if name in view:
            found += _plain_problems(name, view[name], 24)
    if "title" not in view:
        found.append("view: no title")
    if len(view.get("private_metadata", "")) > 3000:
        found.append("private_metadata: longer than 3000")
    blocks = view.get("blocks", [])
    if not 1 <= len(blocks) <= MODAL_BLOCKS:
        found.append("view: 1-100 blocks")
    if any(block["type"] == "input" for block in blocks) and "submit" not in view:
        found.append("view: input without submit")
    return found + list(_blocks_problems(blocks))


def _blocks_problems(blocks: list[dict[str, Any]]) -> Iterator[str]:
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "block_id: not unique"
    for index, block in enumerate(blocks):
        where = f"blocks[{index}] {block.get('type')}"
        if units(block.get("block_id", "")) > 255:
            yield f"{where}: block_id longer than 255"
        check = _CHECKS.get(block.get("type", ""))
        if check is None:
            yield f"{where}: unknown type"
        else:
            yield from check(where, block)


def _section(where: str, block: dict[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        yield f"{where}: neither text nor fields"
    if "text" in block:
        yield from _any_text_problems(f"{where}.text", block["text"], 3000)
    if len(fields) > 10:
        yield f"{where}: more than 10 fields"
    for field in fields:
        yield from _any_text_problems(f"{where}.fields", field, 2000)
    if "accessory" in block:
        yield from _element(f"{where}.accessory", block["accessory"])


def _header(where: str, block: dict[str, Any]) -> Iterator[str]:
    yield from _plain_problems(where, block["text"], 150)


def _context(where: str, block: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(block["elements"]) <= 10:
        yield f"{where}: 1-10 elements"
    for element in block["elements"]:
        yield from _any_text_problems(where, element, 3000)


def _actions(where: str, block: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(block["elements"]) <= 25:
        yield f"{where}: 1-25 elements"
    names = [element["action_id"] for element in block["elements"]]
    if len(names) != len(set(names)):
        yield f"{where}: action_id not unique"
    for element in block["elements"]:
        yield from _element(where, element)


def _input(where: str, block: dict[str, Any]) -> Iterator[str]:
    yield from _plain_problems(f"{where}.label", block["label"], 2000)
    if "hint" in block:
        yield from _plain_problems(f"{where}.hint", block["hint"], 2000)
    yield from _element(where, block["element"])


def _element(where: str, element: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(element["action_id"]) <= 255:
        yield f"{where}: action_id"
    check = _ELEMENT_CHECKS.get(element["type"])
    if check is None:
        yield f"{where}: unknown element"
    else:
        yield from check(where, element)


def _button(where: str, element: dict[str, Any]) -> Iterator[str]:
    yield from _plain_problems(where, element["text"], 75)
    if units(element.get("value", "")) > 2000 or units(element.get("url", "")) > 3000:
        yield f"{where}: value or url too long"
    if element.get("style", "primary") not in {"primary", "danger"}:
        yield f"{where}: style"


def _text_input(where: str, element: dict[str, Any]) -> Iterator[str]:
    most, least = element.get("max_length", 3000), element.get("min_length", 0)
    if not (0 <= least <= 3000 and 1 <= most <= 3000 and least <= most):
        yield f"{where}: min_length, max_length"
    if units(element.get("initial_value", "")) > most:
        yield f"{where}: initial_value longer than max_length"


def _select(where: str, element: dict[str, Any]) -> Iterator[str]:
    yield from _plain_problems(where, element["placeholder"], 150)
    if not 1 <= len(element["options"]) <= 100:
        yield f"{where}: 1-100 options"
    for option in element["options"]:
        yield from _plain_problems(where, option["text"], 75)
        if not 1 <= units(option["value"]) <= 150:
            yield f"{where}: option value"


_Check = Callable[[str, dict[str, Any]], Iterator[str]]
_ELEMENT_CHECKS: dict[str, _Check] = {
    "button": _button,
    "plain_text_input": _text_input,
    "static_select": _select,
}
_CHECKS: dict[str, _Check] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "input": _input,
}


def _plain_problems(where: str, text: dict[str, Any], limit: int) -> list[str]:
    if text.get("type") != "plain_text":
        return [f"{where}: must be plain_text"]
    return _any_text_problems(where, text, limit)


def _any_text_problems(where: str, text: dict[str, Any], limit: int) -> list[str]:
    if text.get("type") not in {"plain_text", "mrkdwn"}:
        return [f"{where}: not a text"]
    if text["type"] == "mrkdwn" and "emoji" in text:
        return [f"{where}: emoji belongs to plain_text"]
    return _text_problems(where, text["text"], limit)


def _text_problems(where: str, text: str, limit: int) -> list[str]:
    if not text:
        return [f"{where}: empty"]
    return [f"{where}: longer than {limit}"] if units(text) > limit else []
