"""Drafts of Korean replies (답변 초안), each sentence with what supports it.

A draft is put together, not generated: the customer's own words (``responders.quoting``), courtesy
that promises nothing (``responders.phrases``), clauses of the brand's manual exactly as they stand
(``responders.manual``), and the brand's contact and closing. What the manual does not promise is
not promised; ``DraftReply.missing`` tells the specialist what it lacks.

The same case always gets the same draft: choices among phrases depend on the feedback's id alone.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from domain.types import (
    Analysis,
    CategoryFinding,
    ComplaintCategory,
    DraftReply,
    DraftSentence,
    FeedbackKind,
    Intent,
    ReplyRules,
    Severity,
    SourceKind,
    Span,
)
from responders import josa, phrases
from responders.phrases import FILM_ISSUES, ISSUES, Issue
from responders.quoting import Quote, quote_for, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from domain.brands import Brand, BusinessHours
    from responders.manual import Clause, Manual, ManualView, Passage

STRATEGIES: Mapping[str, str] = {
    "standard": "공감과 안내를 고루 담은 답변",
    "brief": "핵심만 담은 짧은 답변",
    "resolve_first": "해결 방법과 연락처를 먼저 알리는 답변",
}
"""Ways of answering, in the order a specialist is offered them, with their Korean names."""

REVIEW_REFERENCE = "review"
CONTACT_REFERENCE = "brand.toml#contacts"
CLOSING_REFERENCE = "brand.toml#closing"
HOURS_REFERENCE = "brand.toml#hours"
NAME_REFERENCE = "brand.toml#name"

_MIN_ANSWER = 5.0
"""``Passage.score`` from which a clause counts as an answer to a question; found on the demo's
questions: 33 of 37 first answers are right there, 2 wrong, 2 left to a person."""
_MIN_SECOND_ANSWER = 8.0
_MIN_SAVED = 4.0
_MIN_POLICY = 4.0
_MIN_SECOND_POLICY = 6.0
_NEXT_SHARE, _NEXT_FIT = 0.55, 0.4
_GENERAL_FIT = 0.6
_PRACTICE = re.compile(r"(?:포장|표시|판매|운영)합니다\.?$|보내며,")
"""How things are always done; told to somebody for whom they were not, it reads as a denial."""
_SECOND_CATEGORY = 0.35
_FOOD = re.compile(
    r"먹|드시|맛|김치|우유|빵|계란|달걀|두부|고기|반찬|국물|샐러드|과일|감귤|블루베리|음식|식품|떡|과자|음료|커피|쌀|장조림|곰탕|조림|볶음"
)
_HARM = re.compile(
    r"다[쳤치친]|화상|베[였었]|응급|병원|배탈|식중독|알레르기|두드러기|부었|토했|이물|벌레|쇳조각|연기|불\s?[이날]|데[었일]"
)
_DOES_STOP = re.compile(r"드시지|쓰지 마|사용을 멈|사용하지|드시거나 쓰지")
_SORRY = re.compile(r"죄송|사과|송구|면목")
_FILM_WORDS = re.compile(r"영화|작품|관람|상영|배우|감독")
_SHOP_WORDS = re.compile(r"배송|상품|반품|출고|주문")
_SLOT = re.compile(r"\{(\w+)\}([”’]?)(?:\[([^\]]+)\])?")
_CLAUSE_SLOT = re.compile(r"\{(상품|브랜드|연락처)\}(은|는|이|가|을|를|과|와|으로|로)?(?![가-힣])")
_PLAIN_NAME = re.compile(r"[^가-힣A-Za-z0-9 ()·&.,%+-]")


class _Need(IntEnum):
    """How much a sentence is needed; the lowest are dropped first where space is short."""

    EXTRA = 0
    SYMPATHY = 1
    GREETING = 2
    SECOND = 3
    APOLOGY = 4
    POLICY = 5
    CLOSING = 6
    CORE = 7


@dataclass(frozen=True, slots=True)
class DraftInput:
    """A case as the drafter sees it.

    Attributes:
        feedback_id: Anything that stays the same; decides between equal phrases.
        text: The masked text. Data, never instructions.
        title: Masked as well.
        written_at: When the customer wrote it; None where the channel does not say.
        rules: What the channel allows a reply to be.
    """

    feedback_id: str
    text: str
    analysis: Analysis
    kind: FeedbackKind = FeedbackKind.REVIEW
    title: str = ""
    product_name: str = ""
    rating: int | None = None
    written_at: datetime | None = None
    rules: ReplyRules = field(default_factory=ReplyRules)


@dataclass(frozen=True, slots=True)
class _Line:
    sentence: DraftSentence
    need: _Need


@dataclass(frozen=True, slots=True)
class _Matter:
    """One complaint of a text: category, what exactly, and the words that show it."""

    category: ComplaintCategory
    issue: Issue
    spans: tuple[Span, ...]


class Drafter:
    """Writes drafts for one brand.

    Args:
        brand: Whose name, contacts and closing the drafts carry.
        manual: Where promises and facts come from.
        clock: Gives the instant at which clauses must be valid, aware.
    """

    def __init__(self, brand: Brand, manual: Manual, clock: Callable[[], datetime]) -> None:
        self._brand = brand
        self._manual = manual
        self._clock = clock
        self._is_film = _is_about_films(brand, manual)
        self._contacts = _contact_names(brand.contacts)

    def draft(self, case: DraftInput, strategy: str = "standard") -> DraftReply:
        """Write one draft; the same case, manual and time give the same text.

        Args:
            case: What to answer.
            strategy: A key of ``STRATEGIES``.

        Raises:
            KeyError: No such strategy.
        """
        if strategy not in STRATEGIES:
            raise KeyError(strategy)
        at = self._clock()
        writer = _Writer(
            brand=self._brand,
            manual=self._manual,
            view=self._manual.at(at),
            at=at,
            case=case,
            strategy=strategy,
            is_film=self._is_film,
            contacts=self._contacts,
        )
        lines = writer.lines()
        return DraftReply(
            sentences=tuple(line.sentence for line in _fitted(lines, case.rules)),
            missing=tuple(dict.fromkeys(writer.missing)),
            strategy=strategy,
        )

    def alternatives(self, case: DraftInput) -> tuple[DraftReply, ...]:
        """Write one draft per strategy, the recommended one first."""
        return tuple(self.draft(case, strategy) for strategy in STRATEGIES)

    def passages(self, case: DraftInput, limit: int = 3) -> tuple[Passage, ...]:
        """Give the manual's most relevant valid passages for whoever decides on ``case``."""
        return self._manual.at(self._clock()).search(
            f"{case.title} {case.text} {_issue_words(case, film=self._is_film)}",
            [finding.category.value for finding in case.analysis.categories],
            limit=limit,
            product=case.product_name,
        )


def share_of_similar_pairs(drafts: Sequence[DraftReply], threshold: float = 0.8) -> float:
    """Measure mechanical answers: the share of draft pairs that say nearly the same.

    Two drafts are similar when more than ``threshold`` of the shorter one's sentences stand word
    for word in the other.

    Returns:
        0-1; 0.0 for fewer than two drafts.
    """
    texts = [Counter(sentence.text for sentence in draft.sentences) for draft in drafts]
    pairs = similar = 0
    for index, one in enumerate(texts):
        for other in texts[index + 1 :]:
            pairs += 1
            shared = sum((one & other).values())
            similar += shared > threshold * max(1, min(one.total(), other.total()))
    return similar / pairs if pairs else 0.0


def render(template: str, slots: Mapping[str, str]) -> str:
    """Fill ``{name}`` and ``{name}[을/를]`` in one of our own templates.

    Filled-in text is never read as a template again.

    Raises:
        KeyError: A slot has no value.
    """
    parts: list[str] = []
    position = 0
    for match in _SLOT.finditer(template):
        parts.append(template[position : match.start()])
        value = slots[match[1]]
        parts += [value, match[2]]
        if match[3]:
            parts.append(_particle(value, match[3]))
        position = match.end()
    parts.append(template[position:])
    return "".join(parts)


@lru_cache(maxsize=4096)
def _particle(word: str, pair: str) -> str:
    return josa.pick(word, pair)


def fill_clause(clause: Clause, brand: Brand, product_name: str) -> str:
    """Give a clause as it is cited: slots filled and the particle behind a slot made to fit."""
    values = {
        "상품": _plain(product_name) or "주문하신 상품",
        "브랜드": brand.name,
        "연락처": next(iter(_contact_names(brand.contacts)), "고객센터"),
    }

    def filled(match: re.Match[str]) -> str:
        value = values[match[1]]
        if not match[2]:
            return value
        pair = next(pair for pair in josa.PAIRS if match[2] in pair.split("/"))
        return josa.attach(value, pair)

    return _CLAUSE_SLOT.sub(filled, clause.text)


class _Writer:
    """One draft in the making."""

    def __init__(
        self,
        *,
        brand: Brand,
        manual: Manual,
        view: ManualView,
        at: datetime,
        case: DraftInput,
        strategy: str,
        is_film: bool,
        contacts: Sequence[str],
    ) -> None:
        self.brand = brand
        self.manual = manual
        self.view = view
        self.at = at
        self.case = case
        self.strategy = strategy
        self.is_film = is_film
        self.contacts = contacts
        self.missing: list[str] = []
        seed = f"{brand.slug}/{case.feedback_id}/{strategy}".encode(errors="replace")
        self._choices = int.from_bytes(hashlib.blake2b(seed).digest())
        self._slots = {"brand": brand.name, "writing": _writing(case.kind)}

    # What kind of answer.

    def lines(self) -> list[_Line]:
        """Choose the kind of answer and write it."""
        analysis = self.case.analysis
        if analysis.intent is Intent.NOT_KOREAN:
            self.missing.append("한국어가 아닌 글입니다. 사람이 직접 답해 주세요.")
            return self._plain_answer()
        if self._is_question():
            return self._question()
        if self.is_film and not self._is_about_safety():
            return self._opinion() if analysis.is_negative else self._plain_answer()
        if analysis.is_negative or analysis.categories:
            return self._complaint()
        return self._plain_answer()

    def _is_question(self) -> bool:
        analysis = self.case.analysis
        asks = analysis.intent is Intent.QUESTION or self.case.kind is FeedbackKind.INQUIRY
        return asks and not analysis.is_negative

    def _is_about_safety(self) -> bool:
        return any(
            finding.category is ComplaintCategory.SAFETY
            for finding in self.case.analysis.categories
        )

    # Complaints.

    def _complaint(self) -> list[_Line]:
        matters = _matters(self.case)
        if self.case.analysis.severity is Severity.CRITICAL:
            return self._critical(matters)
        acknowledged = self._acknowledge(matters[0])
        policies = self._policies(matters, limit=1 if self.strategy == "brief" else 2)
        contact = self._contact(phrases.CONTACTS, matters)
        sorry = bool(_SORRY.search(acknowledged.sentence.text))
        thanks_or_apology = self._thanks() if sorry else self._apology(matters[0])
        if self.strategy == "brief":
            return [
                acknowledged,
                *([] if sorry else [thanks_or_apology]),
                *(policies or [self._checking()]),
                contact,
                *self._closing(),
            ]
        if self.strategy == "resolve_first":
            return [
                self._greeting(),
                acknowledged,
                self._contact(phrases.CONTACTS_FIRST, matters),
                *(policies or [self._checking()]),
                *self._second_matter(matters, acknowledged),
                thanks_or_apology,
                *self._closing(),
            ]
        return [
            self._greeting(),
            acknowledged,
            *self._second_matter(matters, acknowledged),
            self._sympathy(matters[0], sorry=sorry),
            thanks_or_apology,
            *(policies or [self._checking()]),
            contact,
            *self._closing(),
        ]

    def _critical(self, matters: Sequence[_Matter]) -> list[_Line]:
        safety = next((m for m in matters if m.category is ComplaintCategory.SAFETY), None)
        main = safety or matters[0]
        acknowledged = self._acknowledge(main)
        policies = self._policies(
            [main, *(matter for matter in matters if matter is not main)],
            limit=2 if self.strategy == "brief" else 3,
        )
        harmed = safety is not None or _HARM.search(self.case.text) is not None
        care = self._care(policies) if harmed else [self._courtesy(phrases.GRAVE, _Need.SYMPATHY)]
        contact = self._contact(phrases.CONTACTS_URGENT if harmed else phrases.CONTACTS_GRAVE)
        apology = self._courtesy(phrases.APOLOGIES_GRAVE, _Need.CORE)
        if self.strategy == "brief":
            return [acknowledged, apology, *care, *policies, contact, *self._closing()]
        if self.strategy == "resolve_first":
            first = [self._greeting(), acknowledged, contact, *self._hours()]
            return [*first, *care, *policies, apology, *self._closing()]
        return [
            self._greeting(),
            acknowledged,
            apology,
            *([] if self._is_hurt() else [self._sympathy(main, sorry=True)]),
            *care,
            *(policies or [self._checking()]),
            contact,
            *self._hours(),
            *self._closing(),
        ]

    def _care(self, policies: Sequence[_Line]) -> list[_Line]:
        """Ask after the person and to stop using the product, unless a cited clause does."""
        hurt, wounded = self._is_hurt(), self._is_wounded()
        care = [self._courtesy(phrases.CONCERN, _Need.SECOND)] if hurt else []
        if any(_DOES_STOP.search(line.sentence.text) for line in policies):
            return care
        edible = _FOOD.search(self.case.product_name or self.case.text)
        bank = phrases.STOP_EATING if edible else phrases.STOP_USING
        care.append(self._courtesy(bank, _Need.CORE))
        if hurt:
            doctor = phrases.SEE_DOCTOR_WOUND if wounded else phrases.SEE_DOCTOR
            care.append(self._courtesy(doctor, _Need.APOLOGY))
        return care

    def _is_wounded(self) -> bool:
        return bool(ISSUES[ComplaintCategory.SAFETY][2].pattern.search(self.case.text))

    def _is_hurt(self) -> bool:
        sick = ISSUES[ComplaintCategory.SAFETY][1].pattern.search(self.case.text)
        return bool(sick) or self._is_wounded()

    def _acknowledge(self, matter: _Matter) -> _Line:
        """Repeat the customer's words, or name the matter where they cannot be repeated."""
        analysis = self.case.analysis
        quote = self._quote(matter)
        grave = analysis.severity is Severity.CRITICAL
        turn = self._draw(5)
        if quote is None:
            # An apology for what is still unproven, and may have hurt somebody, admits too much.
            calm = analysis.abusive or turn % 2
            usual = phrases.NAME_HEAVY if calm else phrases.NAME_SORRY
            named = phrases.NAME_GRAVE if grave else usual
            return self._about_review(named, {"issue": matter.issue.name}, matter.spans[:1])
        mild = analysis.severity is Severity.NORMAL
        banks: tuple[tuple[str, ...], ...] = (
            phrases.QUOTE_SORRY,
            phrases.QUOTE_HEAVY,
            phrases.QUOTE_THANKS if mild else phrases.QUOTE_HEAVY,
            phrases.QUOTE_SORRY,
            phrases.QUOTE_HEAVY,
        )
        bank = phrases.QUOTE_HEAVY if grave else banks[turn]
        return self._about_review(bank, {"quote": quote.text}, [quote.span])

    def _quote(self, matter: _Matter) -> Quote | None:
        if self.case.analysis.abusive:
            return None
        avoid = self.case.analysis.abuse_spans
        for span in matter.spans:
            if quote := quote_for(self.case.text, span, avoid):
                return quote
        if not matter.spans or not matter.issue.words:
            return quote_for(self.case.text, None, avoid)
        return None

    def _second_matter(self, matters: Sequence[_Matter], said: _Line) -> list[_Line]:
        """Name the next complaint, unless the words already repeated speak of it."""
        names = {matters[0].issue.name}
        quoted = said.sentence.span
        for matter in matters[1:]:
            apart = [s for s in matter.spans if quoted is None or not self._same(s, quoted)]
            if matter.issue.words and apart and matter.issue.name not in names:
                slots = {"issue": matter.issue.name}
                return [self._about_review(phrases.SECOND_ISSUE, slots, apart[:1], _Need.SECOND)]
        return []

    def _same(self, one: Span, other: Span) -> bool:
        """Tell whether two spans stand in one sentence."""
        return any(
            s.start <= one.start < s.end and s.start <= other.start < s.end
            for s in sentences(self.case.text)
        )

    def _apology(self, matter: _Matter) -> _Line:
        """Apologise in the brand's own saved words where they fit, else in ours."""
        saved = [
            passage.clause
            for passage in self._search(matter, (SourceKind.SAVED_REPLY,), matter.issue.name)
            if passage.words >= _MIN_SAVED and _SORRY.search(passage.clause.text)
        ]
        if saved and self._draw(3):
            return self._cited(saved[self._draw(min(3, len(saved)))], _Need.APOLOGY)
        return self._courtesy(phrases.APOLOGIES, _Need.APOLOGY)

    def _policies(self, matters: Sequence[_Matter], limit: int) -> list[_Line]:
        """Cite the clauses that say what is done; note what the manual lacks."""
        chosen: list[Clause] = []
        for matter in matters[:2]:
            found = self._search(matter, (SourceKind.POLICY,), matter.issue.query)
            is_first = matter is matters[0]
            fitting = _fitting(found, is_first=is_first)
            share = limit - len(matters[1:2]) if is_first else limit - len(chosen)
            new = [clause for clause in fitting if clause not in chosen]
            chosen += new[: max(share, 1) if is_first else max(share, 0)]
            if is_first or found:
                self._note_gaps(
                    matter.category.value, matter.issue.name, found=bool(fitting or chosen)
                )
        if limit > 1 and self.case.analysis.severity is Severity.CRITICAL:
            chosen = [*chosen[:limit], *self._safety_report(matters, chosen)]
            limit += 1
        return [
            self._cited(clause, _Need.POLICY if index == 0 else _Need.SECOND)
            for index, clause in enumerate(chosen[:limit])
        ]

    def _safety_report(self, matters: Sequence[_Matter], chosen: Sequence[Clause]) -> list[Clause]:
        """Find what the manual promises to whoever reports any danger: who calls back, and when."""
        if matters[0].category is not ComplaintCategory.SAFETY:
            return []
        general = ISSUES[ComplaintCategory.SAFETY][-1]
        found = self.view.search(
            general.query, ("safety",), limit=1, kinds=(SourceKind.POLICY,), only_topics=True
        )
        return [
            passage.clause
            for passage in found
            if passage.fit >= _GENERAL_FIT
            and self.view.is_citable(passage.clause)
            and passage.clause not in chosen
        ]

    def _search(self, matter: _Matter, kinds: tuple[SourceKind, ...], query: str) -> list[Passage]:
        """Give the citable clauses of the matter's category, the fitting ones first."""
        text = self.case.text
        near = [
            text[sentence.start : sentence.end]
            for sentence in sentences(text)
            if any(s.start < sentence.end and sentence.start < s.end for s in matter.spans)
        ]
        found = self.view.search(
            f"{' '.join(near[:2]) or text[:200]} {query}",
            (matter.category.value,),
            limit=8,
            kinds=kinds,
            product=self.case.product_name,
            only_topics=True,
        )
        return [passage for passage in found if self.view.is_citable(passage.clause)]

    def _note_gaps(self, topic: str, name: str, *, found: bool) -> None:
        self.missing += [
            pair.note
            for pair in self.view.contradictions
            if topic in pair.first.topics and topic in pair.second.topics
        ]
        if found:
            return
        expired = self.manual.expired(topic, self.at)
        if expired:
            self.missing.append(
                f"'{name}' 정책이 만료되어 인용하지 않았습니다: {expired[-1].reference}"
            )
        else:
            self.missing.append(
                f"매뉴얼에 '{name}'에 관한 유효한 정책이 없어 약속을 담지 않았습니다."
            )

    # Opinions about films.

    def _opinion(self) -> list[_Line]:
        issue = _first_issue(FILM_ISSUES, self.case.text)
        span = issue.pattern.search(self.case.text) if issue.words else None
        wanted = Span(span.start(), span.end()) if span else None
        quote = (
            None
            if self.case.analysis.abusive
            else quote_for(self.case.text, wanted, self.case.analysis.abuse_spans)
        )
        if quote is None:
            named = self._about_review(
                phrases.FILM_NAMES, {"issue": issue.name}, [wanted] if wanted else []
            )
        else:
            named = self._about_review(phrases.FILM_QUOTES, {"quote": quote.text}, [quote.span])
        topics = ("other", "quality", "price", "mismatch")
        found = self.view.search(
            f"{issue.query} {self.case.text[:200]}",
            topics,
            limit=6,
            kinds=(SourceKind.POLICY,),
            only_topics=True,
        )
        citable = [p.clause for p in found if self.view.is_citable(p.clause)]
        if not citable:
            self._note_gaps("other", "작품 의견", found=False)
        policy = [self._cited(clause, _Need.POLICY) for clause in citable[:1]]
        thanks = self._courtesy(phrases.FILM_THANKS, _Need.APOLOGY)
        sympathy = self._courtesy(phrases.FILM_SYMPATHY, _Need.SYMPATHY)
        contact = self._contact(phrases.CONTACTS_FILM)
        closing = self._closing()
        if self.strategy == "brief":
            return [named, *policy, contact, *closing]
        greeting = self._greeting(phrases.FILM_GREETINGS)
        if self.strategy == "resolve_first":
            return [greeting, named, *policy, contact, thanks, *closing]
        return [greeting, thanks, named, sympathy, *policy, contact, *closing]

    # Questions.

    def _question(self) -> list[_Line]:
        answers = self._answers()
        opening = self._question_opening()
        contact = self._contact(phrases.CONTACTS_QUESTION)
        if answers:
            middle = answers
            ending = [self._courtesy(phrases.QUESTION_ENDINGS, _Need.EXTRA)]
        else:
            middle = [self._courtesy(phrases.QUESTION_CHECKING, _Need.CORE)]
            ending = []
        if self.strategy == "brief":
            return [opening, *middle[:2], contact, *self._closing()]
        if self.strategy == "resolve_first":
            return [self._greeting(), *middle, opening, contact, *self._closing()]
        return [self._greeting(), opening, *middle, contact, *ending, *self._closing()]

    def _answers(self) -> list[_Line]:
        case = self.case
        found = self.view.search(
            f"{case.title} {case.text}",
            [finding.category.value for finding in case.analysis.categories],
            limit=6,
            kinds=(SourceKind.POLICY, SourceKind.FACT),
            product=case.product_name,
        )
        self.missing += [
            pair.note
            for pair in self.view.contradictions
            if any(p.contradicted and p.clause in (pair.first, pair.second) for p in found[:3])
        ]
        fitting = [p for p in found if self.view.is_citable(p.clause) and p.words >= _MIN_ANSWER]
        if not fitting:
            asked = case.title.strip() or case.text.strip()[:20]
            self.missing.append(f"매뉴얼에 이 질문의 답이 없습니다: {asked[:30]}")
            return []
        best = fitting[0]
        more = [
            passage
            for passage in fitting[1:]
            if passage.words >= max(_MIN_SECOND_ANSWER, best.words * _NEXT_SHARE)
        ]
        return [
            self._cited(best.clause, _Need.POLICY),
            *(self._cited(passage.clause, _Need.SECOND) for passage in more[:1]),
        ]

    def _question_opening(self) -> _Line:
        case = self.case
        asked = [
            span for span in sentences(case.text) if case.text[span.start : span.end].endswith("?")
        ]
        for span in asked if not case.analysis.abusive else ():
            # What is asked stands at the end of the sentence.
            asking = Span(span.end - 1, span.end)
            if quote := quote_for(case.text, asking, case.analysis.abuse_spans):
                return self._about_review(
                    phrases.QUESTION_OPENINGS, {"quote": quote.text}, [quote.span]
                )
        title = case.title.strip()
        if re.fullmatch(r"[가-힣A-Za-z0-9 ·]{2,16}", title) and not case.analysis.abusive:
            words = re.sub(r"\s?(?:문의|질문)$", "", title)
            return self._about_review(phrases.QUESTION_OPENINGS_TITLE, {"quote": words}, [])
        return self._courtesy(phrases.QUESTION_OPENINGS_PLAIN, _Need.CORE)

    # Neither complaint nor question.

    def _plain_answer(self) -> list[_Line]:
        opening = self._courtesy(phrases.NEUTRAL_OPENINGS, _Need.CORE)
        wish = self._courtesy(phrases.NEUTRAL_WISHES, _Need.SYMPATHY)
        greetings = phrases.FILM_GREETINGS if self.is_film else phrases.GREETINGS
        contact = self._contact(
            phrases.CONTACTS_FILM if self.is_film else phrases.CONTACTS_QUESTION
        )
        if self.strategy == "brief":
            return [opening, contact, *self._closing()]
        return [self._greeting(greetings), opening, wish, contact, *self._closing()]

    # Single sentences.

    def _draw(self, count: int) -> int:
        """Give the next choice out of ``count``, fixed by the case."""
        self._choices, choice = divmod(self._choices, count)
        return choice

    def _phrase(self, bank: Sequence[str], slots: Mapping[str, str]) -> str:
        return render(bank[self._draw(len(bank))], {**self._slots, **slots})

    def _courtesy(self, bank: Sequence[str], need: _Need) -> _Line:
        return _Line(DraftSentence(self._phrase(bank, {}), SourceKind.COURTESY), need)

    def _about_review(
        self,
        bank: Sequence[str],
        slots: Mapping[str, str],
        spans: Sequence[Span],
        need: _Need = _Need.CORE,
    ) -> _Line:
        return _Line(
            DraftSentence(
                self._phrase(bank, slots),
                SourceKind.REVIEW,
                reference=REVIEW_REFERENCE,
                span=spans[0] if spans else None,
            ),
            need,
        )

    def _cited(self, clause: Clause, need: _Need) -> _Line:
        return _Line(
            DraftSentence(
                fill_clause(clause, self.brand, self.case.product_name),
                clause.kind,
                reference=clause.citation,
                valid_until=clause.valid_until,
            ),
            need,
        )

    def _from_brand(
        self, bank: Sequence[str], slots: Mapping[str, str], reference: str, need: _Need
    ) -> _Line:
        return _Line(
            DraftSentence(self._phrase(bank, slots), SourceKind.BRAND, reference=reference), need
        )

    def _greeting(self, bank: Sequence[str] = ()) -> _Line:
        chosen = bank or (phrases.FILM_GREETINGS if self.is_film else phrases.GREETINGS)
        return self._from_brand(chosen, {}, NAME_REFERENCE, _Need.GREETING)

    def _sympathy(self, matter: _Matter, *, sorry: bool) -> _Line:
        own = phrases.SYMPATHY[matter.category]
        bank = phrases.SYMPATHY_FOR_ISSUE.get(matter.issue.name, own)
        if sorry:
            bank = tuple(phrase for phrase in bank if not _SORRY.search(phrase))
        return self._courtesy(bank, _Need.SYMPATHY)

    def _thanks(self) -> _Line:
        return self._courtesy(phrases.THANKS, _Need.EXTRA)

    def _checking(self) -> _Line:
        return self._courtesy(phrases.CHECKING, _Need.POLICY)

    def _contact(self, bank: Sequence[str], matters: Sequence[_Matter] = ()) -> _Line:
        if not self.contacts:
            self.missing.append("brand.toml에 등록된 연락처(contacts)가 없습니다.")
            return _Line(DraftSentence(phrases.NO_CONTACT, SourceKind.COURTESY), _Need.EXTRA)
        contacts = self.contacts
        if any(matter.issue.name == phrases.UNREACHABLE for matter in matters):
            # Nobody who complains of a dead telephone should be told to telephone.
            contacts = [name for name in contacts if not name.startswith("고객센터")] or contacts
        # A person who is harmed is called back from a phone, not from a web form.
        urgent = bank in (phrases.CONTACTS_URGENT, phrases.CONTACTS_GRAVE)
        contact = contacts[0 if urgent else self._draw(len(contacts))]
        return self._from_brand(bank, {"contact": contact}, CONTACT_REFERENCE, _Need.CORE)

    def _hours(self) -> list[_Line]:
        hours = _hours_in_words(self.brand.hours)
        if not self.contacts or not hours:
            return []
        return [self._from_brand(phrases.HOURS, {"hours": hours}, HOURS_REFERENCE, _Need.EXTRA)]

    def _closing(self) -> list[_Line]:
        closing = self.brand.closing.strip()
        if not closing:
            return []
        sentence = DraftSentence(closing, SourceKind.BRAND, reference=CLOSING_REFERENCE)
        return [_Line(sentence, _Need.CLOSING)]


def _fitted(lines: Iterable[_Line], rules: ReplyRules) -> list[_Line]:
    """Drop whole sentences, the least needed first, until the channel's limit is kept.

    Acknowledgement and contact always stay: what is still too long then, a person must shorten.
    """
    kept = list(lines)
    while _too_long(kept, rules):
        least = min(line.need for line in kept)
        if least is _Need.CORE:
            break
        last = max(index for index, line in enumerate(kept) if line.need is least)
        del kept[last]
    return kept


def _too_long(lines: Sequence[_Line], rules: ReplyRules) -> bool:
    text = "\n".join(line.sentence.text for line in lines)
    return rules.length_of(text) > rules.max_length


def _fitting(found: Sequence[Passage], *, is_first: bool) -> list[Clause]:
    """Keep the clauses that speak of this very complaint.

    Better none than one about something else: then the draft says that it is being checked.
    """
    if not found:
        return []
    best = found[0]
    least = _MIN_POLICY if is_first else _MIN_SECOND_POLICY
    return [
        passage.clause
        for passage in found
        if passage.words >= max(least, best.words * _NEXT_SHARE)
        and (passage is best or passage.fit >= _NEXT_FIT)
        and not _PRACTICE.search(passage.clause.text)
    ]


def _matters(case: DraftInput) -> list[_Matter]:
    """Say what exactly each complaint of the text is about, the first one first."""
    findings = [
        finding
        for index, finding in enumerate(case.analysis.categories)
        if index == 0 or finding.score >= _SECOND_CATEGORY
    ]
    if not findings:
        findings = [CategoryFinding(ComplaintCategory.OTHER, 0.0)]
    return [_matter(case, finding) for finding in findings[:3]]


def _matter(case: DraftInput, finding: CategoryFinding) -> _Matter:
    issues = ISSUES[finding.category]
    text = case.text[:2_000]
    spans: list[Span] = []
    issue = issues[-1]
    if finding.span is not None:
        # The sentence that showed the category says best what exactly is wrong.
        shown = next(
            (
                text[s.start : s.end]
                for s in sentences(text)
                if s.start < finding.span.end and finding.span.start < s.end
            ),
            "",
        )
        issue = _first_issue(issues, shown)
        spans.append(finding.span)
    if not issue.words:
        issue = _first_issue(issues, text)
    if not issue.words:
        issue = _first_issue(issues, case.title)
    if issue.words:
        spans += [Span(match.start(), match.end()) for match in issue.pattern.finditer(text)]
    return _Matter(finding.category, issue, tuple(spans[:6]))


def _first_issue(issues: Sequence[Issue], text: str) -> Issue:
    return next(issue for issue in issues if not issue.words or issue.pattern.search(text))


def _issue_words(case: DraftInput, *, film: bool) -> str:
    if film:
        return _first_issue(FILM_ISSUES, case.text[:2_000]).query
    if not case.analysis.categories:
        return ""
    return " ".join(matter.issue.query for matter in _matters(case))


def _writing(kind: FeedbackKind) -> str:
    match kind:
        case FeedbackKind.REVIEW:
            return "후기"
        case FeedbackKind.INQUIRY:
            return "문의"
        case FeedbackKind.POST:
            return "글"


def _is_about_films(brand: Brand, manual: Manual) -> bool:
    """Tell a film distributor from a shop by what its manual speaks of."""
    texts = [brand.name, *(clause.text for clause in manual.clauses)]
    film = sum(bool(_FILM_WORDS.search(text)) for text in texts)
    return film > sum(bool(_SHOP_WORDS.search(text)) for text in texts)


def _contact_names(contacts: Sequence[str]) -> tuple[str, ...]:
    """Name each contact; the bracket behind the name does not change the particle."""
    names = []
    for contact in contacts:
        if contact.startswith("http"):
            names.append(f"고객지원 페이지({contact})")
        elif "@" in contact:
            names.append(f"이메일({contact})")
        else:
            names.append(f"고객센터({contact})")
    return tuple(names)


def _plain(name: str) -> str:
    """Keep of a product's name what cannot be markup; it comes from outside."""
    return re.sub(r"\s+", " ", _PLAIN_NAME.sub("", name)).strip()[:40]


_DAY_NAMES = "월화수목금토일"


def _hours_in_words(hours: BusinessHours) -> str:
    """``평일 09:00부터 18:00까지(점심 12:00~13:00 제외)``."""
    if hours.weekdays == (0, 1, 2, 3, 4):
        days = "평일"
    elif len(hours.weekdays) == len(_DAY_NAMES):
        days = "매일"
    else:
        days = "·".join(_DAY_NAMES[day] for day in hours.weekdays)
    lunch = ""
    if hours.lunch_starts and hours.lunch_ends:
        lunch = f"(점심 {hours.lunch_starts:%H:%M}~{hours.lunch_ends:%H:%M} 제외)"
    return f"{days} {hours.opens:%H:%M}부터 {hours.closes:%H:%M}까지{lunch}"
