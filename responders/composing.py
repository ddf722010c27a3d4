"""Putting one draft together, sentence by sentence."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from domain.types import (
    ComplaintCategory,
    DraftSentence,
    FeedbackKind,
    Intent,
    Severity,
    SourceKind,
    Span,
)
from responders import phrases
from responders.matters import DraftInput, Matter, find_matters, first_issue
from responders.phrases import FILM_ISSUES, ISSUES
from responders.quoting import Quote, quote_for, sentences, topic_of
from responders.rendering import fill_clause, hours_in_words, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.brands import Brand
    from responders.clauses import Clause
    from responders.manual import Manual
    from responders.retrieval import ManualView, Passage

REVIEW_REFERENCE = "review"

CONTACT_REFERENCE = "brand.toml#contacts"

CLOSING_REFERENCE = "brand.toml#closing"

HOURS_REFERENCE = "brand.toml#hours"

NAME_REFERENCE = "brand.toml#name"

_MIN_ANSWER = 4.0
"""``Passage.words`` from which a clause counts as an answer to a question. Over the demo's 37
questions the first answer is then right 34 times, wrong once, and twice left to a person."""

_MIN_SECOND_ANSWER = 8.0

_MIN_SAVED = 4.0

_MIN_POLICY = 4.0

_MIN_SECOND_POLICY = 6.0

_NEXT_SHARE, _NEXT_FIT = 0.55, 0.4

_GENERAL_FIT = 0.6

_MUCH_BETTER = 1.5

_PRACTICE = re.compile(r"(?:포장|표시|판매|운영)합니다\.?$|보내며,")
"""How things are always done; told to somebody for whom they were not, it reads as a denial."""

_FOOD = re.compile(
    r"먹|드시|맛|김치|우유|빵|계란|달걀|두부|고기|반찬|국물|샐러드|과일|감귤|블루베리|음식|식품|떡|과자|음료|커피|쌀|장조림|곰탕|조림|볶음"
)

_HARM = re.compile(
    r"다[쳤치친]|화상|베[였었]|응급|병원|배탈|식중독|알레르기|두드러기|부었|토했|이물|벌레|쇳조각|연기|불\s?[이날]|데[었일]"
)

_DOES_STOP = re.compile(r"드시지|쓰지 마|사용을 멈|사용하지|드시거나 쓰지")

_SORRY = re.compile(r"죄송|사과|송구|면목")


class Need(IntEnum):
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
class Line:
    """A sentence and how much the draft needs it."""

    sentence: DraftSentence
    need: Need


class Composer:
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

    def lines(self) -> list[Line]:
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

    def _complaint(self) -> list[Line]:
        matters = find_matters(self.case)
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
            self._sympathy(matters[0]),
            thanks_or_apology,
            *(policies or [self._checking()]),
            contact,
            *self._closing(),
        ]

    def _critical(self, matters: Sequence[Matter]) -> list[Line]:
        safety = next((m for m in matters if m.category is ComplaintCategory.SAFETY), None)
        main = safety or matters[0]
        acknowledged = self._acknowledge(main)
        policies = self._policies(
            [main, *(matter for matter in matters if matter is not main)],
            limit=2 if self.strategy == "brief" else 3,
        )
        harmed = safety is not None or _HARM.search(self.case.text) is not None
        care = self._care(policies) if harmed else [self._courtesy(phrases.GRAVE, Need.SYMPATHY)]
        contact = self._contact(phrases.CONTACTS_URGENT if harmed else phrases.CONTACTS_GRAVE)
        apology = self._courtesy(phrases.APOLOGIES_GRAVE, Need.CORE)
        if self.strategy == "brief":
            return [acknowledged, apology, *care, *policies, contact, *self._closing()]
        if self.strategy == "resolve_first":
            first = [self._greeting(), acknowledged, contact, *self._hours()]
            return [*first, *care, *policies, apology, *self._closing()]
        return [
            self._greeting(),
            acknowledged,
            apology,
            *([] if self._is_hurt() else [self._sympathy(main)]),
            *care,
            *(policies or [self._checking()]),
            contact,
            *self._hours(),
            *self._closing(),
        ]

    def _care(self, policies: Sequence[Line]) -> list[Line]:
        """Ask after the person and to stop using the product, unless a cited clause does."""
        hurt, wounded = self._is_hurt(), self._is_wounded()
        care = [self._courtesy(phrases.CONCERN, Need.SECOND)] if hurt else []
        if any(_DOES_STOP.search(line.sentence.text) for line in policies):
            return care
        edible = _FOOD.search(self.case.product_name or self.case.text)
        bank = phrases.STOP_EATING if edible else phrases.STOP_USING
        care.append(self._courtesy(bank, Need.CORE))
        if hurt:
            doctor = phrases.SEE_DOCTOR_WOUND if wounded else phrases.SEE_DOCTOR
            care.append(self._courtesy(doctor, Need.APOLOGY))
        return care

    def _is_wounded(self) -> bool:
        return bool(ISSUES[ComplaintCategory.SAFETY][2].pattern.search(self.case.text))

    def _is_hurt(self) -> bool:
        sick = ISSUES[ComplaintCategory.SAFETY][1].pattern.search(self.case.text)
        return bool(sick) or self._is_wounded()

    def _acknowledge(self, matter: Matter) -> Line:
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

    def _quote(self, matter: Matter) -> Quote | None:
        if self.case.analysis.abusive:
            return None
        avoid = self.case.analysis.abuse_spans
        for span in matter.spans:
            if quote := quote_for(self.case.text, span, avoid):
                return quote
        if not matter.spans or not matter.issue.words:
            return quote_for(self.case.text, None, avoid)
        return None

    def _second_matter(self, matters: Sequence[Matter], said: Line) -> list[Line]:
        """Name the next complaint, unless the words already repeated speak of it."""
        names = {matters[0].issue.name}
        quoted = said.sentence.span
        for matter in matters[1:]:
            apart = [s for s in matter.spans if quoted is None or not self._same(s, quoted)]
            if matter.issue.words and apart and matter.issue.name not in names:
                slots = {"issue": matter.issue.name}
                return [self._about_review(phrases.SECOND_ISSUE, slots, apart[:1], Need.SECOND)]
        return []

    def _same(self, one: Span, other: Span) -> bool:
        """Tell whether two spans stand in one sentence."""
        return any(
            s.start <= one.start < s.end and s.start <= other.start < s.end
            for s in sentences(self.case.text)
        )

    def _apology(self, matter: Matter) -> Line:
        """Apologise in the brand's own saved words where they fit, else in ours."""
        saved = [
            passage.clause
            for passage in self._search(matter, (SourceKind.SAVED_REPLY,), matter.issue.name)
            if passage.words >= _MIN_SAVED and _SORRY.search(passage.clause.text)
        ]
        if saved and self._draw(3):
            return self._cited(saved[self._draw(min(3, len(saved)))], Need.APOLOGY)
        return self._courtesy(phrases.APOLOGIES, Need.APOLOGY)

    def _policies(self, matters: Sequence[Matter], limit: int) -> list[Line]:
        """Cite the clauses that say what is done; note what the manual lacks."""
        fitting: list[list[Passage]] = []
        for index, matter in enumerate(matters[:2]):
            found = self._search(matter, (SourceKind.POLICY,), matter.issue.query)
            fitting.append(_fitting(found, is_first=index == 0))
            if index == 0 or found:
                known = any(fitting)
                self._note_gaps(matter.category.value, matter.issue.name, found=known)
        chosen = _chosen_clauses(fitting, limit)
        if limit > 1 and self.case.analysis.severity is Severity.CRITICAL:
            chosen = [*chosen[:limit], *self._safety_report(matters, chosen)]
            limit += 1
        return [
            self._cited(clause, Need.POLICY if index == 0 else Need.SECOND)
            for index, clause in enumerate(chosen[:limit])
        ]

    def _safety_report(self, matters: Sequence[Matter], chosen: Sequence[Clause]) -> list[Clause]:
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

    def _search(self, matter: Matter, kinds: tuple[SourceKind, ...], query: str) -> list[Passage]:
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

    def _opinion(self) -> list[Line]:
        issue = first_issue(FILM_ISSUES, self.case.text)
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
        policy = [self._cited(clause, Need.POLICY) for clause in citable[:1]]
        thanks = self._courtesy(phrases.FILM_THANKS, Need.APOLOGY)
        sympathy = self._courtesy(phrases.FILM_SYMPATHY, Need.SYMPATHY)
        contact = self._contact(phrases.CONTACTS_FILM)
        closing = self._closing()
        if self.strategy == "brief":
            return [named, *policy, contact, *closing]
        greeting = self._greeting(phrases.FILM_GREETINGS)
        if self.strategy == "resolve_first":
            return [greeting, named, *policy, contact, thanks, *closing]
        return [greeting, thanks, named, sympathy, *policy, contact, *closing]

    # Questions.

    def _question(self) -> list[Line]:
        answers = self._answers()
        opening = self._question_opening()
        contact = self._contact(phrases.CONTACTS_QUESTION)
        if answers:
            middle = answers
            ending = [self._courtesy(phrases.QUESTION_ENDINGS, Need.EXTRA)]
        else:
            middle = [self._courtesy(phrases.QUESTION_CHECKING, Need.CORE)]
            ending = []
        if self.strategy == "brief":
            return [opening, *middle[:2], contact, *self._closing()]
        if self.strategy == "resolve_first":
            return [self._greeting(), *middle, opening, contact, *self._closing()]
        return [self._greeting(), opening, *middle, contact, *ending, *self._closing()]

    def _answers(self) -> list[Line]:
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
            and passage.fit >= _GENERAL_FIT
        ]
        return [
            self._cited(best.clause, Need.POLICY),
            *(self._cited(passage.clause, Need.SECOND) for passage in more[:1]),
        ]

    def _question_opening(self) -> Line:
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
        if not case.analysis.abusive and (topic := topic_of(case.title)):
            return self._about_review(phrases.QUESTION_OPENINGS_TITLE, {"quote": topic}, [])
        return self._courtesy(phrases.QUESTION_OPENINGS_PLAIN, Need.CORE)

    # Neither complaint nor question.

    def _plain_answer(self) -> list[Line]:
        opening = self._courtesy(phrases.NEUTRAL_OPENINGS, Need.CORE)
        wish = self._courtesy(phrases.NEUTRAL_WISHES, Need.SYMPATHY)
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

    def _courtesy(self, bank: Sequence[str], need: Need) -> Line:
        return Line(DraftSentence(self._phrase(bank, {}), SourceKind.COURTESY), need)

    def _about_review(
        self,
        bank: Sequence[str],
        slots: Mapping[str, str],
        spans: Sequence[Span],
        need: Need = Need.CORE,
    ) -> Line:
        return Line(
            DraftSentence(
                self._phrase(bank, slots),
                SourceKind.REVIEW,
                reference=REVIEW_REFERENCE,
                span=spans[0] if spans else None,
            ),
            need,
        )

    def _cited(self, clause: Clause, need: Need) -> Line:
        return Line(
            DraftSentence(
                fill_clause(clause, self.brand, self.case.product_name),
                clause.kind,
                reference=clause.citation,
                valid_until=clause.valid_until,
            ),
            need,
        )

    def _from_brand(
        self, bank: Sequence[str], slots: Mapping[str, str], reference: str, need: Need
    ) -> Line:
        return Line(
            DraftSentence(self._phrase(bank, slots), SourceKind.BRAND, reference=reference), need
        )

    def _greeting(self, bank: Sequence[str] = ()) -> Line:
        chosen = bank or (phrases.FILM_GREETINGS if self.is_film else phrases.GREETINGS)
        return self._from_brand(chosen, {}, NAME_REFERENCE, Need.GREETING)

    def _sympathy(self, matter: Matter) -> Line:
        own = phrases.SYMPATHY[matter.category]
        bank = phrases.SYMPATHY_FOR_ISSUE.get(matter.issue.name, own)
        return self._courtesy(bank, Need.SYMPATHY)

    def _thanks(self) -> Line:
        return self._courtesy(phrases.THANKS, Need.EXTRA)

    def _checking(self) -> Line:
        return self._courtesy(phrases.CHECKING, Need.POLICY)

    def _contact(self, bank: Sequence[str], matters: Sequence[Matter] = ()) -> Line:
        if not self.contacts:
            self.missing.append("brand.toml에 등록된 연락처(contacts)가 없습니다.")
            return Line(DraftSentence(phrases.NO_CONTACT, SourceKind.COURTESY), Need.EXTRA)
        contacts = self.contacts
        if any(matter.issue.name == phrases.UNREACHABLE for matter in matters):
            # Nobody who complains of a dead telephone should be told to telephone.
            contacts = [name for name in contacts if not name.startswith("고객센터")] or contacts
        # A person who is harmed is called back from a phone, not from a web form.
        urgent = bank in (phrases.CONTACTS_URGENT, phrases.CONTACTS_GRAVE)
        contact = contacts[0 if urgent else self._draw(len(contacts))]
        return self._from_brand(bank, {"contact": contact}, CONTACT_REFERENCE, Need.CORE)

    def _hours(self) -> list[Line]:
        hours = hours_in_words(self.brand.hours)
        if not self.contacts or not hours:
            return []
        return [self._from_brand(phrases.HOURS, {"hours": hours}, HOURS_REFERENCE, Need.EXTRA)]

    def _closing(self) -> list[Line]:
        closing = self.brand.closing.strip()
        if not closing:
            return []
        sentence = DraftSentence(closing, SourceKind.BRAND, reference=CLOSING_REFERENCE)
        return [Line(sentence, Need.CLOSING)]


def _chosen_clauses(fitting: Sequence[Sequence[Passage]], limit: int) -> list[Clause]:
    """Share ``limit`` among the complaints: the first gets what the others leave, at least one."""
    first, *others = fitting
    second = others[0] if others else []
    if limit == 1 and first and second and second[0].words > _MUCH_BETTER * first[0].words:
        return [second[0].clause]
    share = max(1, limit - 1) if second else limit
    clauses = [passage.clause for passage in (*first[:share], *second)]
    return list(dict.fromkeys(clauses))[:limit]


def _fitting(found: Sequence[Passage], *, is_first: bool) -> list[Passage]:
    """Keep the clauses that speak of this very complaint.

    Better none than one about something else: then the draft says that it is being checked.
    """
    if not found:
        return []
    best = found[0]
    least = _MIN_POLICY if is_first else _MIN_SECOND_POLICY
    return [
        passage
        for passage in found
        if passage.words >= max(least, best.words * _NEXT_SHARE)
        and (passage is best or passage.fit >= _NEXT_FIT)
        and not _PRACTICE.search(passage.clause.text)
    ]


def _writing(kind: FeedbackKind) -> str:
    match kind:
        case FeedbackKind.REVIEW:
            return "후기"
        case FeedbackKind.INQUIRY:
            return "문의"
        case FeedbackKind.POST:
            return "글"
