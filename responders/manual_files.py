"""Reading one manual file: front matter, headings, bullets.

Messages are Korean, because those who can repair a manual read Korean.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.errors import ConfigurationError
from domain.types import KOREAN_NAMES, ComplaintCategory, SourceKind
from responders.clauses import GENERAL_TOPIC, Clause, why_not_citable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SECTIONS = {
    "정책": SourceKind.POLICY,
    "상품정보": SourceKind.FACT,
    "저장답변": SourceKind.SAVED_REPLY,
}

_FIELDS = ("topic", "valid_from", "valid_until", "source", "product")

_TOPICS: Mapping[str, str] = {
    **{category.value: category.value for category in ComplaintCategory},
    **{KOREAN_NAMES[category]: category.value for category in ComplaintCategory},
    GENERAL_TOPIC: GENERAL_TOPIC,
    "공통": GENERAL_TOPIC,
}

_BULLET = re.compile(r"\s*(?:[-*+•]|\d{1,2}[.)])\s+")

_DATE = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})\.?$")

_Fields = dict[str, tuple[int, str]]
"""Front matter: field to (1-based line, value)."""

_Block = tuple[SourceKind, int, str]


def decode_manual(place: str, raw: bytes) -> str:
    """Give a file's text: UTF-8 with or without BOM, UTF-16 with BOM, or CP949.

    Raises:
        ConfigurationError: It is none of them.
    """
    encoding = "utf-8-sig"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    for candidate in (encoding, "cp949"):
        try:
            text = raw.decode(candidate)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ConfigurationError(
        f"{place}: 글자를 읽을 수 없는 파일입니다 -> 메모장의 '다른 이름으로 저장'에서 "
        "인코딩을 UTF-8로 골라 다시 저장해 주세요"
    )


def parse_manual_file(
    place: str, text: str, timezone: str = "Asia/Seoul"
) -> tuple[list[Clause], list[str]]:
    """Read one manual file.

    Args:
        place: Name for references and messages: ``manual/refund.md``.
        text: The file's text.
        timezone: IANA name in which front matter dates are days.

    Returns:
        The clauses in order, and warnings about what will not be cited.

    Raises:
        ConfigurationError: The front matter is wrong.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    fields, body_start = _front_matter(place, lines)
    topics = _topics(place, fields)
    valid_from, valid_until = _validity(place, fields, ZoneInfo(timezone))
    clauses: list[Clause] = []
    blocks, warnings = _blocks(place, lines, body_start)
    for kind, line, sentence in blocks:
        clause = Clause(
            reference=f"{place}#{len(clauses) + 1}",
            digest=hashlib.sha256(sentence.encode()).hexdigest()[:10],
            text=sentence,
            kind=kind,
            topics=topics,
            valid_from=valid_from,
            valid_until=valid_until,
            source=fields.get("source", (0, ""))[1],
            product=fields.get("product", (0, ""))[1],
        )
        clauses.append(clause)
        if reason := why_not_citable(sentence):
            warnings.append(f"{place} {line}행: {reason}")
    if not clauses:
        headings = "', '## ".join(("정책", "상품 정보", "저장 답변"))
        warnings.append(f"{place}: 조항이 없습니다 -> '## {headings}' 아래에 '- '로 적어 주세요")
    return clauses, warnings


def _front_matter(place: str, lines: Sequence[str]) -> tuple[_Fields, int]:
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if not lines[first].strip().startswith("---"):
        raise ConfigurationError(
            f"{place} {first + 1}행, topic: 머리말이 없습니다 -> 첫 줄에 '---', 그 아래 "
            "topic, valid_from, valid_until, source를 적고 '---'로 닫아 주세요"
        )
    fields: _Fields = {}
    for index in range(first + 1, len(lines)):
        line = lines[index].strip()
        if line == "---":
            return fields, index + 1
        if not line or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon or name not in _FIELDS:
            raise ConfigurationError(
                f"{place} {index + 1}행, {name[:40]}: 머리말에 쓸 수 없는 줄입니다 -> "
                f"'이름: 값'으로, 이름은 {', '.join(_FIELDS)} 가운데 하나로 적어 주세요"
            )
        if name in fields:
            raise ConfigurationError(
                f"{place} {index + 1}행, {name}: 두 번 적혀 있습니다 -> 한 줄을 지워 주세요"
            )
        fields[name] = (index + 1, _plain_value(value))
    raise ConfigurationError(
        f"{place} {first + 1}행: 머리말이 닫히지 않았습니다 -> 머리말 끝에 '---'를 적어 주세요"
    )


def _plain_value(value: str) -> str:
    value = re.sub(r"\s+#.*$", "", value.strip())
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return "" if value in ("null", "~", "없음") else value.strip("[]").strip()


def _topics(place: str, fields: _Fields) -> tuple[str, ...]:
    line, value = fields.get("topic", (1, ""))
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names or any(name not in _TOPICS for name in names):
        allowed = ", ".join(category.value for category in ComplaintCategory)
        raise ConfigurationError(
            f"{place} {line}행, topic: '{value[:40]}'은(는) 없는 주제입니다 -> "
            f"{allowed}, {GENERAL_TOPIC} 가운데에서 골라 주세요"
        )
    return tuple(dict.fromkeys(_TOPICS[name] for name in names))


def _validity(
    place: str, fields: _Fields, zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    # The calendar's own ends are how other programs write "always".
    starts, ends = (
        None if day in (date.min, date.max) else day
        for day in (_day(place, fields, "valid_from"), _day(place, fields, "valid_until"))
    )
    if starts and ends and ends < starts:
        raise ConfigurationError(
            f"{place} {fields['valid_until'][0]}행, valid_until: 시작일({starts})보다 빠릅니다 -> "
            "두 날짜를 확인해 주세요"
        )
    midnight = time(tzinfo=zone)
    return (
        datetime.combine(starts, midnight).astimezone(UTC) if starts else None,
        # The last day counts: a clause ends with the midnight after it.
        datetime.combine(ends + timedelta(days=1), midnight).astimezone(UTC) if ends else None,
    )


def _day(place: str, fields: _Fields, name: str) -> date | None:
    line, value = fields.get(name, (0, ""))
    if not value:
        return None
    match = _DATE.match(value)
    try:
        if match:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        pass
    raise ConfigurationError(
        f"{place} {line}행, {name}: '{value[:40]}'은(는) 날짜가 아닙니다 -> "
        "2026-12-31처럼 적어 주세요"
    )


def _blocks(place: str, lines: Sequence[str], start: int) -> tuple[list[_Block], list[str]]:
    """Collect bullets and paragraphs under the three known headings, with their lines."""
    blocks: list[_Block] = []
    warnings: list[str] = []
    kind: SourceKind | None = None
    open_block = False
    for number, line in _without_comments(lines[start:], start + 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            kind, open_block = _section(place, number, stripped, kind, warnings), False
        elif not stripped or stripped.startswith(("|", ">", "```", "---", "***")):
            open_block = False
        elif kind is not None:
            bullet = _BULLET.match(line)
            words = _plain_text(line[bullet.end() :] if bullet else stripped)
            if not words:
                continue
            if bullet or not open_block:
                blocks.append((kind, number, words))
            else:
                previous = blocks[-1]
                blocks[-1] = (previous[0], previous[1], f"{previous[2]} {words}")
            open_block = True
    return blocks, warnings


def _section(
    place: str, number: int, heading: str, kind: SourceKind | None, warnings: list[str]
) -> SourceKind | None:
    """Give the kind below a heading; deeper headings keep the kind they stand in."""
    depth = len(heading) - len(heading.lstrip("#"))
    title = re.sub(r"[\s*_`#:]", "", heading)
    if title in _SECTIONS:
        return _SECTIONS[title]
    if depth > 2:
        return kind
    if depth == 2:
        warnings.append(
            f"{place} {number}행: '{heading.strip('# ')[:40]}' 아래는 인용하지 않습니다 -> "
            "'## 정책', '## 상품 정보', '## 저장 답변' 가운데 하나로 적어 주세요"
        )
    return None


def _without_comments(lines: Sequence[str], first_number: int) -> list[tuple[int, str]]:
    kept: list[tuple[int, str]] = []
    inside = False
    for number, line in enumerate(lines, first_number):
        text = line
        if inside:
            _, closing, text = line.partition("-->")
            inside = not closing
        if not inside:
            text = re.sub(r"<!--.*?-->", "", text)
            text, opening, _ = text.partition("<!--")
            inside = bool(opening)
        kept.append((number, text))
    return kept


def _plain_text(text: str) -> str:
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(\*\*|__|`)", "", text)
    return re.sub(r"\s+", " ", text).strip()
