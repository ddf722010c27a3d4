"""A brand's manual (운영 매뉴얼): the only place promises and product facts may come from.

One Markdown file per subject in the brand's ``manual`` folder, written by people who do not
program. Front matter says which complaint the file belongs to and when it is valid; each bullet
or paragraph below a heading is one clause, a sentence or two that may be cited as it stands:

    ---
    topic: return_refund
    valid_from: 2026-01-01
    valid_until: 2026-12-31
    source: 운영정책 4.2
    ---
    ## 정책
    - 상품을 받으신 날부터 7일 안에 반품하실 수 있습니다.
    ## 상품 정보
    ## 저장 답변

Messages about a manual are Korean, because those who can repair it read Korean.
"""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.errors import ConfigurationError
from domain.types import KOREAN_NAMES, ComplaintCategory, SourceKind
from responders.quantities import Quantity, quantities

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

GENERAL_TOPIC = "general"
"""Front matter topic of what belongs to no complaint: ordering, membership, opening hours."""

_MAX_FILE_BYTES = 1_000_000
_MAX_QUERY_CHARACTERS = 2_000
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
SLOTS = frozenset({"상품", "브랜드", "연락처"})
"""What a clause may leave open in braces; the drafter fills them."""

_BULLET = re.compile(r"\s*(?:[-*+•]|\d{1,2}[.)])\s+")
_SLOT = re.compile(r"\{([^{}\n]{0,20})\}")
_SENTENCE_END = re.compile(r"(?:다|요|죠|까)[.?!]?$")
_DATE = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})\.?$")


@dataclass(frozen=True, slots=True)
class Clause:
    """One citable statement of the manual.

    Attributes:
        reference: ``manual/refund.md#2``, the second clause of that file.
        digest: Short hash of the text; a changed clause has another one.
        topics: Complaint categories (or ``general``) it belongs to.
        valid_from: First instant it may be cited; None from always.
        valid_until: First instant it may no longer be cited; None for ever.
        product: Name of the only product it speaks of; empty for all.
    """

    reference: str
    digest: str
    text: str
    kind: SourceKind
    topics: tuple[str, ...]
    valid_from: datetime | None
    valid_until: datetime | None
    source: str
    product: str = ""

    @property
    def citation(self) -> str:
        """The reference pinned to this wording: ``manual/refund.md#2@1f0c9a2b41``."""
        return f"{self.reference}@{self.digest}"

    def is_valid(self, at: datetime) -> bool:
        """Tell whether the clause may be cited at ``at``."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two valid clauses that say different numbers about one thing; neither is cited."""

    first: Clause
    second: Clause
    values: tuple[str, str]

    @property
    def note(self) -> str:
        """What a specialist reads about it, Korean."""
        return (
            f"서로 다른 조항이 있어 인용하지 않았습니다: {self.first.reference} ({self.values[0]}) "
            f"↔ {self.second.reference} ({self.values[1]})"
        )


@dataclass(frozen=True, slots=True)
class Passage:
    """A clause found for a text.

    ``score`` orders one search; ``words`` is its part from shared words alone, which is comparable
    between searches of one manual. ``contradicted`` passages are shown to people but never cited. ``fit`` (0-1) is the share of the clause's condition (``늦게 도착해 상한
    경우에는``, ``무쇠 프라이팬은``) that the text speaks of: a low fit means the clause is about
    something else, whatever its other words are.
    """

    clause: Clause
    score: float
    words: float = 0.0
    fit: float = 0.0
    contradicted: bool = False


class ManualView:
    """The manual as it is valid at one time, with its search index."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self.clauses = tuple(clauses)
        self.contradictions = _contradictions(self.clauses)
        self._contradicted = {
            clause.reference for pair in self.contradictions for clause in (pair.first, pair.second)
        }
        self._index = _index(self.clauses)

    def is_citable(self, clause: Clause) -> bool:
        """Tell whether ``clause`` is valid here, a full sentence, fillable and uncontradicted."""
        return clause.reference not in self._contradicted and _is_citable_text(clause.text)

    def search(
        self,
        text: str,
        topics: Collection[str] = (),
        *,
        limit: int = 3,
        kinds: Collection[SourceKind] = (),
        product: str = "",
        only_topics: bool = False,
    ) -> tuple[Passage, ...]:
        """Give the most relevant passages, best first.

        BM25 over two-syllable pieces, which needs no morphological analyser and finds ``환불`` in
        ``환불이``; a clause of a wanted topic counts more than any shared word.

        Args:
            text: What to look for; only its first 2,000 characters are read.
            topics: Complaint categories of the text, most likely first.
            limit: How many at most.
            kinds: Only these kinds of clause; empty for all.
            product: What the text is about. Its name finds no clause by itself (every clause on a
                product would come before the one that answers), but shows which clauses fit.
            only_topics: Leave out clauses of other topics.
        """
        names = _pieces(product.lower())
        pieces = _pieces(_expand(text[:_MAX_QUERY_CHARACTERS])) | names
        scores: dict[int, float] = defaultdict(float)
        named: dict[int, float] = defaultdict(float)
        fits: dict[int, float] = defaultdict(float)
        for topic in topics if only_topics else (_ALL_TOPICS,):
            postings, heads = self._index.get(topic, ({}, {}))
            for piece in pieces:
                counted = named if piece in names else scores
                for index, weight in postings.get(piece, ()):
                    counted[index] += weight
                for index, fit in heads.get(piece, ()):
                    fits[index] += fit
        for index in scores:
            scores[index] *= _UNFIT_SHARE + (1 - _UNFIT_SHARE) * fits[index]
        # A product's name finds no clause by itself: all on that product would come first.
        best = max(scores.values(), default=0.0)
        ranked: list[tuple[float, int]] = []
        for index, words in scores.items():
            clause = self.clauses[index]
            if not kinds or clause.kind in kinds:
                name_part = min(named[index] * _NAME_SHARE, words)
                total = words + name_part + best * _topic_share(clause, topics)
                ranked.append((-total, index))
        ranked.sort()
        return tuple(
            Passage(
                self.clauses[index],
                -negated,
                scores[index],
                fits[index],
                self.clauses[index].reference in self._contradicted,
            )
            for negated, index in ranked[:limit]
        )


class Manual:
    """All clauses of a brand, valid or not.

    Attributes:
        version: Hash over every file; changes with any edit.
        warnings: What was read but will never be cited, and why (Korean).
    """

    def __init__(
        self, clauses: Iterable[Clause], *, version: str = "", warnings: Sequence[str] = ()
    ) -> None:
        self.clauses = tuple(clauses)
        self.version = version
        self.warnings = tuple(warnings)
        self._by_reference = {clause.reference: clause for clause in self.clauses}
        self._borders = sorted(
            {
                instant
                for clause in self.clauses
                for instant in (clause.valid_from, clause.valid_until)
                if instant is not None
            }
        )
        self._views: dict[int, ManualView] = {}

    def clause(self, reference: str) -> Clause | None:
        """Give the clause at a reference (pinned or not), whatever its wording is now."""
        return self._by_reference.get(reference.partition("@")[0])

    def at(self, instant: datetime) -> ManualView:
        """Give what is valid at ``instant``; remembered until the next border of validity."""
        period = bisect_right(self._borders, instant)
        view = self._views.get(period)
        if view is None:
            view = ManualView([clause for clause in self.clauses if clause.is_valid(instant)])
            self._views[period] = view
        return view

    def search(
        self,
        text: str,
        topics: Collection[str],
        at: datetime,
        limit: int = 3,
        *,
        product: str = "",
    ) -> tuple[Passage, ...]:
        """Give the most relevant passages valid at ``at``, best first; see ``ManualView.search``."""
        return self.at(at).search(text, topics, limit=limit, product=product)

    def expired(self, topic: str, at: datetime) -> tuple[Clause, ...]:
        """Give the clauses of ``topic`` that were valid before ``at`` and no longer are."""
        return tuple(
            clause
            for clause in self.clauses
            if topic in clause.topics
            and clause.valid_until is not None
            and clause.valid_until <= at
        )


def load_manual(folder: Path, timezone: str = "Asia/Seoul") -> Manual:
    """Read a manual folder; an unchanged folder gives the same object again.

    ``README.md`` and names starting with ``_`` or ``.`` are not part of the manual. UTF-8 (with or
    without BOM), UTF-16 with BOM and CP949 (Windows Notepad's "ANSI") are read.

    Args:
        folder: Holds ``*.md``; a folder that does not exist is an empty manual.
        timezone: IANA name; dates in front matter are days there.

    Raises:
        ConfigurationError: A file cannot be read or its front matter is wrong; names file, line,
            field and remedy.
    """
    signature = tuple(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.glob("*.md"))
        if path.name.lower() != "readme.md" and path.name[0] not in "_."
    )
    return _load(folder, signature, timezone)


@lru_cache(maxsize=128)
def _load(folder: Path, signature: tuple[tuple[str, int, int], ...], timezone: str) -> Manual:
    digest = hashlib.sha256()
    clauses: list[Clause] = []
    warnings: list[str] = []
    for name, _, size in signature:
        place = f"manual/{name}"
        if size > _MAX_FILE_BYTES:
            raise ConfigurationError(
                f"{place}: 파일이 1MB보다 큽니다 -> 주제별로 파일을 나누어 주세요"
            )
        raw = (folder / name).read_bytes()
        digest.update(name.encode() + b"\0" + raw + b"\0")
        found, notes = parse_manual_file(place, _decoded(place, raw), timezone)
        clauses += found
        warnings += notes
    return Manual(clauses, version=digest.hexdigest()[:16], warnings=warnings)


def _decoded(place: str, raw: bytes) -> str:
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
        if reason := _why_not_citable(sentence):
            warnings.append(f"{place} {line}행: {reason}")
    if not clauses:
        headings = "', '## ".join(("정책", "상품 정보", "저장 답변"))
        warnings.append(f"{place}: 조항이 없습니다 -> '## {headings}' 아래에 '- '로 적어 주세요")
    return clauses, warnings


_Fields = dict[str, tuple[int, str]]
"""Front matter: field to (1-based line, value)."""


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
    starts = _day(place, fields, "valid_from")
    ends = _day(place, fields, "valid_until")
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


_Block = tuple[SourceKind, int, str]


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
        if not inside:
            text = re.sub(r"<!--.*?-->", "", text)
            head, opening, _ = text.partition("<!--")
            text, inside = head, bool(opening)
        elif "-->" in text:
            text, inside = text.partition("-->")[2], False
        else:
            text = ""
        kept.append((number, text))
    return kept


def _plain_text(text: str) -> str:
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(\*\*|__|`)", "", text)
    return re.sub(r"\s+", " ", text).strip()


def _why_not_citable(text: str) -> str:
    unknown = [name for name in _SLOT.findall(text) if name.strip() not in SLOTS]
    if unknown:
        return (
            f"'{{{unknown[0]}}}' 자리를 채울 수 없어 인용하지 않습니다 -> "
            f"{', '.join(f'{{{slot}}}' for slot in sorted(SLOTS))}만 쓸 수 있습니다"
        )
    if not _SENTENCE_END.search(text):
        return "문장으로 끝나지 않아 인용하지 않습니다 -> '-습니다.'로 끝나는 문장으로 적어 주세요"
    return ""


@lru_cache(maxsize=4096)
def _is_citable_text(text: str) -> bool:
    return not _why_not_citable(text)


def _topic_share(clause: Clause, topics: Collection[str]) -> float:
    """How much a clause's topic counts, in shares of the best word score."""
    for rank, topic in enumerate(topics):
        if topic in clause.topics:
            return 1.0 / (1 + rank)
    return 0.0


# Search.

_WORD = re.compile(r"[가-힣]+|[a-z]+|\d+")
_ENDINGS = frozenset(
    "습니다세요시으면는데나어아서고지을를이가은해했하네게도에로와과의인있없되된될라던까였었았겠드리려주받"
)
"""Syllables of endings and particles: a piece made of two of them says nothing."""
_COMMON = frozenset(
    {"상품", "경우", "확인", "주문", "고객", "안녕", "감사", "문의", "번호", "부탁", "탁드"}
)
_K1, _B = 1.2, 0.5
_UNFIT_SHARE = 0.3
_NAME_SHARE = 0.25
_SYNONYMS = (
    (
        re.compile(r"언제\s*(?:와|오|옴|도착|받)|안\s*(?:와|왔|옴|오)|도착|늦"),
        " 배송 출고 발송 지연",
    ),
    (
        re.compile(r"깨[져지졌진]|부서|금이?\s*가|찌그러|터[져졌지진]|샜|새요|새고"),
        " 파손 불량 교환",
    ),
    (re.compile(r"돈\s*(?:돌려|언제)|돌려\s*(?:주|받)|입금"), " 환불"),
    (re.compile(r"바꿔|바꾸"), " 교환 변경"),
    (re.compile(r"전화|연락|답변|답이"), " 상담 고객센터 답변"),
    (re.compile(r"상[했한]|곰팡|쉰|썩|냄새"), " 변질 신선 냉장 보관"),
    (re.compile(r"고장|안\s*켜|안\s*돼|작동"), " 보증 수리 불량"),
    (re.compile(r"얼마나?\s*(?:보관|두고)|며칠(?:까지|\s?안에|\s?동안)"), " 보관 드실 제조일"),
    (re.compile(r"유통기한"), " 소비기한 제조일"),
    (re.compile(r"계란"), " 달걀"),
    (re.compile(r"들어가|들었"), " 들어 있으며"),
    (re.compile(r"대량|단체"), " 단체 주문"),
    (re.compile(r"수정"), " 고치실 바꾸실"),
    (re.compile(r"쉬고|건너|미루"), " 건너뛰실"),
    (re.compile(r"추가"), " 더할"),
    (
        re.compile(r"다친|다쳤|베[였인이]|화상|두드러기|배탈|알레르기|토하|응급"),
        " 안전 증상 병원 진료",
    ),
    (re.compile(r"전자\s*렌지|전자레인지|데우|데워"), " 전자레인지 조리 데우"),
    (re.compile(r"인덕션|가스\s*불|하이라이트"), " 인덕션 열원"),
)
"""Everyday wording and the words manuals use for it."""


def _expand(text: str) -> str:
    lowered = text.lower()
    return lowered + "".join(more for shape, more in _SYNONYMS if shape.search(lowered))


def _pieces(text: str) -> set[str]:
    """Cut lower-case text into two-syllable pieces; digits and Latin words stay whole."""
    pieces: set[str] = set()
    for word in _WORD.findall(text):
        if "가" <= word[0] <= "힣":
            pieces.update(
                word[index : index + 2]
                for index in range(len(word) - 1)
                if not (word[index] in _ENDINGS and word[index + 1] in _ENDINGS)
            )
        else:
            pieces.add(word)
    return pieces - _COMMON


_HEAD = re.compile(r"^(.{2,40}?)(?:은|는|이면|으면|면|경우에는|경우에|에는|때에는|때에)(?:\s|,)")
_HEAD_WEIGHT, _REST_WEIGHT = 1.5, 0.8
_Postings = dict[str, list[tuple[int, float]]]
_ALL_TOPICS = ""


def _index(clauses: Sequence[Clause]) -> dict[str, tuple[_Postings, _Postings]]:
    """Give, per topic and piece, the clauses with its BM25 weight and its share of conditions.

    Word weights are those of the whole manual, also in the index of one topic.
    """
    documents = []
    for clause in clauses:
        names = " ".join(KOREAN_NAMES.get(_category(topic), "") for topic in clause.topics)
        documents.append(_pieces(f"{clause.text} {clause.product} {names}".lower()))
    average = sum(map(len, documents)) / len(documents) if documents else 1.0
    frequency = Counter(piece for document in documents for piece in document)
    rarity = {
        piece: math.log(1 + (len(clauses) - count + 0.5) / (count + 0.5))
        for piece, count in frequency.items()
    }
    index: dict[str, tuple[_Postings, _Postings]] = {}
    for number, (clause, document) in enumerate(zip(clauses, documents, strict=True)):
        head = _HEAD.match(clause.text.lower())
        head_pieces = _pieces(head[1]) & document if head else document
        whole = sum(rarity[piece] for piece in head_pieces)
        saturation = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * len(document) / average))
        for topic in (_ALL_TOPICS, *clause.topics):
            postings, heads = index.setdefault(topic, (defaultdict(list), defaultdict(list)))
            for piece in document:
                weight = _HEAD_WEIGHT if piece in head_pieces else _REST_WEIGHT
                postings[piece].append((number, rarity[piece] * saturation * weight))
            for piece in head_pieces:
                heads[piece].append((number, rarity[piece] / whole))
    return index


def _category(topic: str) -> ComplaintCategory:
    return ComplaintCategory.OTHER if topic == GENERAL_TOPIC else ComplaintCategory(topic)


# Contradictions.


def _contradictions(clauses: Sequence[Clause]) -> tuple[Contradiction, ...]:
    statements: dict[tuple[str, ...], list[tuple[Clause, Quantity]]] = defaultdict(list)
    for clause in clauses:
        is_fact = clause.kind is SourceKind.FACT
        for quantity in quantities(clause.text, as_fact=is_fact):
            for topic in clause.topics if quantity.about else ():
                key = (topic, clause.product, str(is_fact), quantity.unit, *quantity.about)
                statements[key].append((clause, quantity))
    found: dict[tuple[str, str], Contradiction] = {}
    for group in statements.values():
        for position, (first, one) in enumerate(group):
            for second, other in group[position + 1 :]:
                values = _values_of(group, first), _values_of(group, second)
                if first is second or values[0] & values[1]:
                    continue
                pair = (first.reference, second.reference)
                found.setdefault(pair, Contradiction(first, second, (one.text, other.text)))
    return tuple(found.values())


def _values_of(group: Sequence[tuple[Clause, Quantity]], clause: Clause) -> set[str]:
    return {quantity.value for owner, quantity in group if owner is clause}
