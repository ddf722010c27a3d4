"""Reasons a reply may not go before a customer (정책 검사), in Korean and with the words meant.

Run while a specialist edits, and again when one decides; what was approved is not checked again
before it is published. Blocking findings refuse the reply; warnings are shown and may be overruled
by a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from domain.types import (
    AnswerState,
    DraftSentence,
    LengthUnit,
    ReplyRules,
    SourceKind,
    Span,
    named,
)
from privacy.folding import fold
from responders import josa
from responders.quantities import quantities

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from domain.brands import Brand
    from privacy.folding import Folded
    from responders.clauses import Clause
    from responders.manual import Manual

_CITED = (SourceKind.POLICY, SourceKind.FACT, SourceKind.SAVED_REPLY)
_STILL_USED = 0.6
_MAX_CHECKED = 10_000
"""Characters; no channel takes longer replies, and a pasted book must not stop the console."""


class Level(StrEnum):
    """How serious a finding is."""

    BLOCKING = "blocking"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason.

    Attributes:
        code: Stable name for filters and tests: ``too_long``, ``promise``, ``contact`` ...
        reason: What a specialist reads, Korean, with what to do.
        span: Where in the reply; None when it is about the whole.
    """

    level: Level
    code: str
    reason: str
    span: Span | None = None

    @property
    def is_blocking(self) -> bool:
        """Tell whether the reply must not go out like this."""
        return self.level is Level.BLOCKING


class PersonalDataMatch(Protocol):
    """What ``privacy.masking.find`` gives."""

    @property
    def span(self) -> Span:
        """Where it stands."""

    @property
    def replacement(self) -> str:
        """What masking would write there: ``[전화번호]``."""


def check_reply(
    text: str,
    *,
    brand: Brand,
    rules: ReplyRules,
    manual: Manual,
    sources: Sequence[DraftSentence],
    at: datetime,
    find_personal_data: Callable[[str, Collection[str]], Iterable[PersonalDataMatch]],
    review_text: str = "",
) -> tuple[Finding, ...]:
    """Check a reply, drafted or typed by a person.

    Args:
        text: The reply as it would be published.
        brand: Whose contacts it may give.
        rules: The channel's.
        manual: The brand's, as it is now.
        sources: Sentences of the draft the reply came from; those no longer in ``text`` do not
            count as cited.
        at: When it would be published, aware.
        find_personal_data: ``privacy.masking.find``: (text, allowed contacts) to matches.
        review_text: The masked review; numbers it names may be repeated.

    Returns:
        Blocking findings first, then in the order of the text. The same call gives the same.
    """
    if not text.strip():
        return (Finding(Level.BLOCKING, "empty", "답변이 비어 있습니다."),)
    if len(text) > _MAX_CHECKED:
        reason = f"답변이 너무 깁니다 ({len(text):,}자). {_MAX_CHECKED:,}자까지 검사할 수 있습니다."
        return (Finding(Level.BLOCKING, "too_long", reason),)
    used = _used_sources(text, sources)
    clauses = _valid_clauses(used, manual, at)
    # Full-width, decomposed or interrupted by something invisible: it reads the same to a customer.
    folded = fold(text)
    contacts = _placed(_contact_findings(folded.text, brand), folded)
    known = [finding.span for finding in contacts]
    findings = [
        *_closed(rules),
        *_length(text, rules),
        *_characters(text, rules),
        *_leftovers(text),
        *_placed(_promises(folded.text, clauses), folded),
        *_placed(_reviews_for_sale(folded.text), folded),
        *_placed(_rudeness(folded.text), folded),
        *contacts,
        *_personal_data(text, brand, find_personal_data, known),
        *changed_sources(used, manual, at),
        *_numbers(text, brand, clauses, review_text[:_MAX_CHECKED]),
        *_tone(text, brand),
        *(
            Finding(
                Level.WARNING, "josa", f"조사가 앞말과 맞지 않습니다: '{_around(text, span)}'", span
            )
            for span in josa.find_mistakes(text, (brand.name,))
        ),
    ]
    return tuple(
        sorted(
            dict.fromkeys(findings),
            key=lambda f: (not f.is_blocking, f.span.start if f.span else -1, f.code),
        )
    )


def _placed(findings: Iterable[Finding], folded: Folded) -> list[Finding]:
    """Give findings about a folded copy their places in the reply itself."""
    return [
        replace(finding, span=Span(*folded.original(finding.span.start, finding.span.end)))
        if finding.span is not None
        else finding
        for finding in findings
    ]


def changed_sources(
    sources: Sequence[DraftSentence], manual: Manual, at: datetime
) -> tuple[Finding, ...]:
    """Tell which cited clauses no longer stand: expired, reworded, removed or contradicted.

    For the moment of decision: an empty answer means that everything the draft cites is still
    valid, word for word.
    """
    findings = []
    for sentence in sources:
        reason = what_changed(sentence, manual, at)
        if reason:
            place = sentence.reference.partition("@")[0]
            findings.append(
                Finding(
                    Level.BLOCKING,
                    "policy_changed",
                    f"근거 조항 {place}이(가) {reason}. 초안을 다시 만들거나 문장을 고쳐 주세요.",
                )
            )
    return tuple(dict.fromkeys(findings))


def what_changed(sentence: DraftSentence, manual: Manual, at: datetime) -> str:
    """Say why the clause a sentence cites no longer supports it, Korean; empty while it does."""
    if sentence.source not in _CITED:
        return ""
    place, _, digest = sentence.reference.partition("@")
    clause = manual.clause(place)
    if clause is None:
        return "매뉴얼에서 사라졌습니다"
    if digest and clause.digest != digest:
        return f"내용이 바뀌었습니다 (지금: {clause.text[:60]})"
    if not clause.is_valid(at):
        return "유효 기간이 아닙니다"
    if not manual.at(at).is_citable(clause):
        return "다른 조항과 내용이 서로 다릅니다"
    return ""


def _used_sources(text: str, sources: Sequence[DraftSentence]) -> list[DraftSentence]:
    """Keep the sentences that are still there, if perhaps a little edited."""
    present = _pairs(text)
    used = []
    for sentence in sources:
        pairs = _pairs(sentence.text)
        if sentence.text in text or (pairs and len(pairs & present) >= _STILL_USED * len(pairs)):
            used.append(sentence)
    return used


def _pairs(text: str) -> set[str]:
    dense = re.sub(r"\s+", "", text)
    return {dense[index : index + 3] for index in range(len(dense) - 2)}


def _valid_clauses(
    used: Sequence[DraftSentence], manual: Manual, at: datetime
) -> tuple[Clause, ...]:
    view = manual.at(at)
    found = (manual.clause(s.reference) for s in used if s.source in _CITED)
    return tuple(
        clause
        for clause in found
        if clause is not None and clause.is_valid(at) and view.is_citable(clause)
    )


# Form.

_UNIT_NAMES = {LengthUnit.CHARACTERS: "자", LengthUnit.BYTES: "바이트"}
_INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SLOT = re.compile(r"\{[^{}\n]{0,20}\}|[○●]{2,}|O{3,}|X{3,}(?!L)")
_MASK = re.compile(r"\[[가-힣A-Z]{2,6}\]")
_MARKUP = re.compile(r"<[!/@#a-zA-Z][^<>\n]{0,200}>|&(?:lt|gt|amp|quot|#\d+);")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\ufe0f]")


def _length(text: str, rules: ReplyRules) -> Iterator[Finding]:
    length = rules.length_of(text)
    unit = _UNIT_NAMES[rules.unit]
    if length > rules.max_length:
        yield Finding(
            Level.BLOCKING,
            "too_long",
            f"채널 한도보다 {length - rules.max_length:,}{unit} 깁니다 "
            f"({length:,}/{rules.max_length:,}{unit}).",
        )
    elif length < rules.min_length:
        yield Finding(
            Level.BLOCKING,
            "too_short",
            f"채널이 정한 최소 길이보다 짧습니다 ({length:,}/{rules.min_length:,}{unit}).",
        )


def _characters(text: str, rules: ReplyRules) -> Iterator[Finding]:
    if match := _INVISIBLE.search(text):
        yield Finding(
            Level.BLOCKING,
            "control_character",
            f"보이지 않는 문자(U+{ord(match[0]):04X})가 들어 있습니다. 지우고 다시 입력해 주세요.",
            Span(match.start(), match.end()),
        )
    if lacking := rules.lacking(text):
        at = text.index(lacking[0])
        yield Finding(
            Level.BLOCKING,
            "encoding",
            f"채널({rules.encoding.upper()})이 저장하지 못하는 글자가 있습니다: {named(lacking)}. "
            "지우거나 다른 글자로 바꿔 주세요.",
            Span(at, at + 1),
        )


def _closed(rules: ReplyRules) -> Iterator[Finding]:
    """Say what would fail later: the channel takes no reply to this item now."""
    if rules.state in {AnswerState.CONFIRM, AnswerState.CLOSED}:
        yield Finding(Level.BLOCKING, rules.state.value, rules.state_reason)


def _leftovers(text: str) -> Iterator[Finding]:
    for shape, code, reason in (
        (_SLOT, "slot", "채우지 않은 자리가 남아 있습니다"),
        (_MASK, "mask", "가림 표시가 답변에 남아 있습니다"),
        (_MARKUP, "markup", "태그나 호출 기호로 보이는 글자가 있습니다"),
    ):
        for match in shape.finditer(text):
            span = Span(match.start(), match.end())
            yield Finding(Level.BLOCKING, code, f"{reason}: {match[0][:30]}", span)


def _tone(text: str, brand: Brand) -> Iterator[Finding]:
    match = _EMOJI.search(text)
    if match and "이모지 없이" in brand.tone:
        yield Finding(
            Level.WARNING,
            "emoji",
            "브랜드 말투에서 이모지를 쓰지 않기로 했습니다.",
            Span(match.start(), match.end()),
        )


# What must not be said.

_GIVEN = (
    r"(?:금|비|료)?(?:을|를|도|까지|으로|로)?\s?(?:모두|전액|전부|바로|즉시|무료로|무상으로)?\s?"
)
_WILL = (
    r"(?:해|하여|받게\s?해|처리해|진행해|지급해|적립해|제공해|보내|돌려|발급해)?\s?"
    r"(?:드리겠|드릴게|드릴\s?것|드립니다|드려요|드리도록|해줄게|약속|하겠습니다|됩니다|가능합니다)"
)
_ABSOLUTE = re.compile(
    r"(?:무조건|100\s?(?:%|퍼센트|프로)|반드시|무한|평생)\s?(?:전액\s?)?(?:환불|교환|보상|보장|책임|해결|처리)"
)
_PROMISE = re.compile(
    rf"(?P<what>보상|배상|환불|교환|재발송|새 상품|쿠폰|적립금|포인트|할인|무상|무료|사은품|위로금|수리){_GIVEN}{_WILL}"
)
_COMPENSATION = frozenset({"보상", "배상", "위로금"})
_LIABILITY = re.compile(
    r"법적\s?책임[을은이]?\s?(?:모두|전부)?\s?(?:인정|지겠|있습니다|저희)|"
    r"(?:전적으로|모두|전부)\s?(?:저희|당사|본사)(?:의)?\s?(?:책임|과실|잘못)|"
    r"(?:저희|당사|본사)(?:의|\s측)?\s?(?:과실|귀책|책임)(?:을|임을)?\s?(?:인정|입니다|이\s?맞)|"
    r"손해\s?배상(?:을|해)?\s?(?:책임|드리|하겠)"
)
_REVIEW = r"(?:리뷰|후기|상품평|별점|평점|관람평|댓글|작성하신\s?글|남기신\s?글|게시글)"
_ALTER_REVIEW = re.compile(
    _REVIEW
    + r"[을를은도의]?[^.!?\n]{0,14}?(?:삭제|수정|내려|지워|변경|고쳐|올려|바꿔|재작성|다시\s?(?:작성|써|달아)|비공개)"
    r"[^.!?\n]{0,12}?(?:부탁|주[시실세십]|바랍|바라|요청|해줘|가능하실까|어떠)"
)
_PAID_REVIEW = re.compile(
    rf"{_REVIEW}[^.!?\n]{{0,24}}?(?:쿠폰|적립금|포인트|사은품|할인|선물|상품권|기프티콘|사례|보답)"
    r"[^.!?\n]{0,12}?(?:드[리릴립려]|지급|제공|증정|보내)"
)
_ABUSE = re.compile(
    r"씨발|시발|병신|미친|개새|새끼|지랄|꺼지|닥치|멍청|한심|진상|블랙\s?컨슈머|무식|정신\s?차리|또라이|찌질|거지\s?같"
)
_BLAME = re.compile(
    r"고객님(?:의|께서)?\s?(?:잘못|실수|부주의|과실|오해|착각|탓)|잘못\s?(?:사용하신|보신|아신)\s?(?:것|거|탓)|예민하[신시]|"
    r"제대로\s?(?:읽|확인|보)지\s?(?:않|못)[으하]신|거짓말|억지\s?(?:주장|를)|(?:그건|그것은)\s?고객님\s?사정"
)


def _promises(text: str, clauses: Sequence[Clause]) -> Iterator[Finding]:
    supported = "\n".join(clause.text for clause in clauses)
    for match in _ABSOLUTE.finditer(text):
        if match[0] not in supported:
            yield _blocked("absolute_promise", "예외 없는 약속은 할 수 없습니다", match)
    for match in _PROMISE.finditer(text):
        what = match["what"]
        if what not in supported:
            noun = "보상 약속" if what in _COMPENSATION else f"'{what}' 약속"
            yield _blocked("promise", f"{noun}을 뒷받침하는 유효한 정책 조항이 없습니다", match)
    for match in _LIABILITY.finditer(text):
        yield _blocked(
            "liability", "법적 책임을 인정하는 표현입니다. 법무 검토 없이 쓸 수 없습니다", match
        )


def _reviews_for_sale(text: str) -> Iterator[Finding]:
    for match in _ALTER_REVIEW.finditer(text):
        yield _blocked("review_change", "리뷰 삭제나 수정을 부탁할 수 없습니다", match)
    for match in _PAID_REVIEW.finditer(text):
        yield _blocked("review_reward", "리뷰나 별점의 대가를 약속할 수 없습니다", match)


def _rudeness(text: str) -> Iterator[Finding]:
    for match in _ABUSE.finditer(text):
        # What stands in quotation marks may be the customer's own words; still not to be repeated.
        yield _blocked("abuse", "고객에게 쓸 수 없는 표현입니다", match)
    for match in _BLAME.finditer(text):
        span = Span(match.start(), match.end())
        yield Finding(Level.WARNING, "blame", f"고객을 탓하는 말로 읽힙니다: '{match[0]}'", span)


def _blocked(code: str, reason: str, match: re.Match[str]) -> Finding:
    span = Span(match.start(), match.end())
    return Finding(Level.BLOCKING, code, f"{reason}: '{match[0]}'", span)


# Who can be reached, and who must not be named.

_PHONE = re.compile(
    r"(?<![\d.-])(?:\+?82[-.\s]?)?\(?0?\d{1,4}\)?[-.\s]\d{3,4}[-.\s]\d{4}(?!\d)|"
    r"(?<![\d.,-])(?:01\d{8,9}|1[5-8]\d{2}[-.\s]?\d{4})(?![\d원])"
)
_ADDRESS = re.compile(
    r"https?://[^\s<>()\"'”’가-힣]+|(?<![\w@.-])(?:www\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\."
    r"(?:com|net|kr|shop|store|me|io|link|ly|org|be|gg|example)(?:/[^\s<>()\"'”’가-힣]*)?(?![\w@])",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")


def _contact_findings(text: str, brand: Brand) -> list[Finding]:
    allowed = {_bare(contact) for contact in brand.contacts}
    findings: list[Finding] = []
    taken: list[Span] = []
    for shape, name in ((_EMAIL, "이메일"), (_ADDRESS, "주소"), (_PHONE, "전화번호")):
        for match in shape.finditer(text):
            words = match[0].rstrip(".,;:!?)")
            span = Span(match.start(), match.start() + len(words))
            if any(span.start < other.end and other.start < span.end for other in taken):
                continue
            taken.append(span)
            if _bare(words) not in allowed:
                findings.append(
                    Finding(
                        Level.BLOCKING,
                        "contact",
                        f"브랜드에 등록되지 않은 {name}입니다: {words[:60]}",
                        span,
                    )
                )
    return findings


def _bare(contact: str) -> str:
    """Make two writings of one contact equal: ``1522 0000`` and ``1522-0000``."""
    if re.fullmatch(r"[\d\s().+-]+", contact):
        digits = re.sub(r"\D", "", contact)
        return re.sub(r"^82", "0", digits) if digits.startswith("82") else digits
    return re.sub(r"^https?://(?:www\.)?", "", contact.strip().lower()).rstrip("/")


def _personal_data(
    text: str,
    brand: Brand,
    find: Callable[[str, Collection[str]], Iterable[PersonalDataMatch]],
    known: Sequence[Span | None],
) -> Iterator[Finding]:
    for match in find(text, brand.contacts):
        span = match.span
        if any(s and s.start < span.end and span.start < s.end for s in known):
            continue
        kind = match.replacement.strip("[]")
        yield Finding(
            Level.BLOCKING,
            "personal_data",
            f"개인정보({kind})가 들어 있습니다. 공개되는 답변에 쓸 수 없습니다.",
            span,
        )


# Numbers.

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def _numbers(
    text: str, brand: Brand, clauses: Sequence[Clause], review_text: str
) -> Iterator[Finding]:
    """Warn of numbers that no cited clause, the review or the brand's own data supports."""
    support = [review_text, *(clause.text for clause in clauses), *brand.contacts, brand.closing]
    support += [brand.name, *(clause.product for clause in clauses), _hours(brand)]
    allowed = {_canonical(number) for words in support for number in _NUMBER.findall(words)}
    values = {quantity.value for words in support for quantity in quantities(words)}
    skipped = [match.span() for match in (*_PHONE.finditer(text), *_ADDRESS.finditer(text))]
    amounts = {quantity.text: quantity.value for quantity in quantities(text)}
    for match in _NUMBER.finditer(text):
        if _canonical(match[0]) in allowed:
            continue
        if any(start <= match.start() < end for start, end in skipped):
            continue
        written = next((w for w in amounts if text.startswith(w, match.start())), match[0])
        if amounts.get(written) in values:
            continue
        span = Span(match.start(), match.start() + len(written))
        yield Finding(
            Level.WARNING,
            "unsupported_number",
            f"'{written}'의 근거가 매뉴얼 조항이나 고객의 글에 없습니다.",
            span,
        )


def _canonical(number: str) -> str:
    return number.replace(",", "").rstrip(".").lstrip("0") or "0"


def _hours(brand: Brand) -> str:
    hours = brand.hours
    weekend = (*(hours.saturday or ()), *(hours.sunday or ()))
    times = (hours.opens, hours.closes, hours.lunch_starts, hours.lunch_ends, *weekend)
    # Both "09:00" and "9시" may be written.
    return " ".join(f"{t:%H} {t:%M} {t.hour} {t.hour % 12}" for t in times if t is not None)


def _around(text: str, span: Span) -> str:
    start = text.rfind(" ", 0, span.start) + 1
    newline = text.rfind("\n", 0, span.start) + 1
    return text[max(start, newline) : span.end]
