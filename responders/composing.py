"""Putting one draft together, sentence by sentence."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
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
from responders.asking import only_asks, wants_change
from responders.citing import Citer
from responders.matters import (
    DraftInput,
    Matter,
    body_starts,
    find_matter,
    find_matters,
    first_issue,
    is_edible,
)
from responders.phrases import FILM_ISSUES, ISSUES, Issue
from responders.quoting import (
    Quote,
    blamed,
    is_vague,
    praises,
    questions,
    quote_for,
    sentences,
    sets_a_scene,
    topic_of,
)
from responders.rendering import fill_clause, hours_in_words, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.brands import Brand
    from responders.clauses import Clause
    from responders.manual import Manual

REVIEW_REFERENCE = "review"

CONTACT_REFERENCE = "brand.toml#contacts"

CLOSING_REFERENCE = "brand.toml#closing"

HOURS_REFERENCE = "brand.toml#hours"

NAME_REFERENCE = "brand.toml#name"

_LEAST_QUESTION = 8
"""Characters from which a question without a matter (``왜 그런가요?``) is worth repeating."""

_FEWEST_STARS, _FEW_STARS, _MOST_STARS = 2, 3, 5

_SURE_COMPLAINT = 0.85
"""P(negative) from which an inquiry is answered as a complaint."""

_CATEGORY_LAGS = 0.5
"""A real complaint's likeliest category is at most so much less likely than the complaint."""

_WORRIED = re.compile(r"(?:먹|마[셨시]|드[셨시])[^.!?\n]{0,20}괜찮")

_HARM = re.compile(
    r"다[쳤치친]|화상|베[였었]|응급|병원|배탈|식중독|알레르기|두드러기|퉁퉁 부|부어 ?[오올]|토했|이물|벌레|쇳조각|연기|불\s?[이날]|데[었였일]"
)

_ALLERGY = re.compile(r"알레르기|알러지")

_DOCTOR = re.compile(r"병원|진료|피부과")

_DOES_STOP = re.compile(r"드시지|쓰지 마|사용을 멈|사용하지|드시거나 쓰지")

_UNREACHED = next(
    issue.pattern
    for issue in ISSUES[ComplaintCategory.SERVICE]
    if issue.name == phrases.UNREACHABLE
)

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
        at: datetime,
        case: DraftInput,
        strategy: str,
        is_film: bool,
        is_eatery: bool,
        contacts: Sequence[str],
    ) -> None:
        self.brand = brand
        self.manual = manual
        self.at = at
        self.case = case
        self.strategy = strategy
        self.is_film = is_film
        self.is_eatery = is_eatery
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
            return self._about_film() if analysis.is_negative else self._plain_answer()
        if analysis.is_negative or analysis.categories or self._is_lacking():
            return self._complaint()
        return self._plain_answer()

    def _is_lacking(self) -> bool:
        """Tell whether few stars and a plain complaint stand beside praise the model heard."""
        rating = self.case.rating or _MOST_STARS
        few = _FEW_STARS if self.case.analysis.intent is Intent.MIXED else _FEWEST_STARS
        return rating <= few and bool(self._matters[0].issue.words)

    def _is_question(self) -> bool:
        analysis = self.case.analysis
        if self.case.kind is not FeedbackKind.INQUIRY:
            return analysis.intent is Intent.QUESTION and not analysis.is_negative
        # An apology for what nobody complained of is worse than none.
        likeliest = max((one.score for one in analysis.categories), default=0.0)
        doubtful = min(analysis.score or 0.0, likeliest + _CATEGORY_LAGS) < _SURE_COMPLAINT
        grave = analysis.severity is Severity.CRITICAL or self._is_about_safety()
        calm = not grave and not analysis.abusive
        # Who only wants an order changed complains of nothing, whatever the model heard.
        is_request = wants_change(self.case.text) and not self._matters[0].issue.words
        asks = doubtful or is_request or only_asks(self.case.text)
        return not analysis.is_negative or self._is_worry() or (calm and asks)

    def _is_worry(self) -> bool:
        """Tell whether somebody asks because of an allergy, and nothing has happened."""
        return (
            bool(_ALLERGY.search(self.case.text) and questions(self.case.text))
            and not find_matter(self.case, ComplaintCategory.SAFETY).issue.words
        )

    def _is_about_safety(self) -> bool:
        return any(
            finding.category is ComplaintCategory.SAFETY
            for finding in self.case.analysis.categories
        )

    # Complaints.

    @cached_property
    def _matters(self) -> list[Matter]:
        return find_matters(self.case)

    @cached_property
    def _is_mild(self) -> bool:
        """Tell whether somebody is content but for one thing: heavy words would be too much."""
        analysis = self.case.analysis
        return (
            analysis.intent is Intent.MIXED
            and praises(self.case.text)
            and analysis.severity is Severity.NORMAL
            and not self._is_about_safety()
        )

    def _complaint(self) -> list[Line]:
        matters = self._matters
        citer = self._citer(matters)
        if self.case.analysis.severity is Severity.CRITICAL:
            return self._critical(matters, citer)
        acknowledged = self._acknowledge(matters[0])
        policies = self._policies(citer, matters, limit=1 if self.strategy == "brief" else 2)
        policies = [*self._cited_in_turn(citer.facts), *policies]
        contacts: Sequence[str] = phrases.CONTACTS
        if matters[0].category is ComplaintCategory.SAFETY:
            policies = [*self._care(policies), *policies]
            contacts = phrases.CONTACTS_GRAVE
        elif self._is_mild:
            contacts = phrases.CONTACTS_MILD
        contact = self._contact(contacts, matters)
        sorry = bool(_SORRY.search(acknowledged.sentence.text))
        thanks_or_apology = self._thanks() if sorry else self._apology(citer, matters[0])
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
            *(policies or ([] if self._is_mild else [self._checking()])),
            contact,
            *self._closing(),
        ]

    def _critical(self, matters: Sequence[Matter], citer: Citer) -> list[Line]:
        safety = next((m for m in matters if m.category is ComplaintCategory.SAFETY), None)
        if safety is None and self._is_hurt():
            safety = find_matter(self.case, ComplaintCategory.SAFETY)
        main = safety or matters[0]
        acknowledged = self._acknowledge(main)
        policies = self._policies(
            citer,
            [main, *(matter for matter in matters if matter is not main)],
            limit=2 if self.strategy == "brief" else 3,
        )
        harmed = safety is not None or _HARM.search(self.case.text) is not None
        care = self._care(policies) if harmed else [self._courtesy(phrases.GRAVE, Need.SYMPATHY)]
        contact = self._contact(phrases.CONTACTS_URGENT if harmed else phrases.CONTACTS_GRAVE)
        sorry: Sequence[str] = phrases.APOLOGIES_GRAVE if harmed else phrases.APOLOGIES_THREAT
        apology = self._courtesy(sorry, Need.CORE)
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
        if self.is_film:
            return care
        said = " ".join(line.sentence.text for line in policies)
        if _DOES_STOP.search(said):
            advised = not hurt or _DOCTOR.search(said)
            advice: Sequence[str] = phrases.SEE_DOCTOR_WOUND if wounded else phrases.SEE_DOCTOR
            return care if advised else [*care, self._courtesy(advice, Need.APOLOGY)]
        edible = self._is_edible
        bank = phrases.STOP_EATING if edible else phrases.STOP_USING
        care.append(self._courtesy(bank, Need.CORE))
        if hurt or (edible and _WORRIED.search(self.case.text)):
            doctor = phrases.SEE_DOCTOR if hurt else phrases.SEE_DOCTOR[:1]
            doctor = phrases.SEE_DOCTOR_WOUND if wounded else doctor
            care.append(self._courtesy(doctor, Need.APOLOGY))
        return care

    @cached_property
    def _is_edible(self) -> bool:
        return is_edible(self.case, is_eatery=self.is_eatery)

    def _is_wounded(self) -> bool:
        return bool(ISSUES[ComplaintCategory.SAFETY][2].pattern.search(self.case.text))

    def _is_hurt(self) -> bool:
        sick = ISSUES[ComplaintCategory.SAFETY][1].pattern.search(self.case.text)
        return bool(sick) or self._is_wounded()

    def _acknowledge(self, matter: Matter) -> Line:
        """Repeat the customer's words, or name the matter where they cannot be repeated."""
        analysis = self.case.analysis
        quote = self._quote(matter)
        unsafe = matter.category is ComplaintCategory.SAFETY
        grave = unsafe or analysis.severity is Severity.CRITICAL
        turn = self._draw(5)
        if quote is None:
            # An apology for what is still unproven, and may have hurt somebody, admits too much.
            calm = analysis.abusive or (turn % 2 and not self._is_mild)
            named: Sequence[str] = phrases.NAME_HEAVY if calm else phrases.NAME_SORRY
            if grave:
                named = phrases.NAME_GRAVE
            return self._about_review(named, {"issue": self._name(matter)}, matter.spans[:1])
        mild = analysis.severity is Severity.NORMAL
        banks: tuple[tuple[str, ...], ...] = (
            phrases.QUOTE_SORRY,
            phrases.QUOTE_HEAVY,
            phrases.QUOTE_THANKS if mild else phrases.QUOTE_HEAVY,
            phrases.QUOTE_SORRY,
            phrases.QUOTE_HEAVY,
        )
        bank: Sequence[str] = phrases.QUOTE_THANKS if self._is_mild else banks[turn]
        if grave:
            bank = phrases.QUOTE_GRAVE
        return self._about_review(bank, {"quote": quote.text}, [quote.span])

    def _quote(self, matter: Matter) -> Quote | None:
        if self.case.analysis.abusive:
            return None
        avoid = self.case.analysis.abuse_spans
        body = body_starts(self.case)
        second_best: Quote | None = None
        for span in matter.spans:
            quote = quote_for(self.case.text, span, avoid) if span.end > body else None
            if quote is None or is_vague(quote.text):
                continue
            # "산 지 두 달 됐습니다" is no complaint, and "차액 안 주나요?" no report of what happened.
            if not quote.text.endswith(("?", "…")) and not sets_a_scene(quote.text):
                return quote
            second_best = second_best or quote
        if second_best is not None:
            return self._report(avoid) or second_best
        if not matter.spans or not matter.issue.words:
            return quote_for(self.case.text, None, avoid)
        return None

    def _report(self, avoid: Sequence[Span]) -> Quote | None:
        """Give the first sentence that tells what happened, and neither asks nor sets a scene."""
        body = body_starts(self.case)
        for sentence in sentences(self.case.text):
            if sentence.start >= body:
                quote = quote_for(self.case.text, sentence, avoid)
                if quote and not quote.text.endswith(("?", "…")) and not sets_a_scene(quote.text):
                    return quote
        return None

    def _name(self, matter: Matter) -> str:
        """Name a matter; nobody says of soap that it was not fresh."""
        name = matter.issue.name
        if self.is_eatery:
            return phrases.at_table(name)
        return name if self._is_edible else phrases.NOT_OF_FOOD.get(name, name)

    def _second_matter(self, matters: Sequence[Matter], said: Line) -> list[Line]:
        """Name the next complaint, unless the words already repeated speak of it."""
        named = {matters[0].issue.name, *phrases.WISHES}
        quoted = said.sentence.span
        words = self.case.text[quoted.start : quoted.end] if quoted else ""
        for matter in matters[1:]:
            issue = matter.issue
            apart = [s for s in matter.spans if quoted is None or not self._same(s, quoted)]
            if (
                issue.words
                and apart
                and issue.name not in named
                and not issue.pattern.search(words)
            ):
                slots = {"issue": self._name(matter)}
                return [self._about_review(phrases.SECOND_ISSUE, slots, apart[:1], Need.SECOND)]
        return []

    def _same(self, one: Span, other: Span) -> bool:
        """Tell whether two spans stand in one sentence."""
        return any(
            s.start <= one.start < s.end and s.start <= other.start < s.end
            for s in sentences(self.case.text)
        )

    def _citer(self, complaints: Sequence[Matter] = ()) -> Citer:
        return Citer(
            self.case,
            self.manual,
            self.at,
            complaints=complaints,
            is_eatery=self.is_eatery,
            missing=self.missing,
        )

    def _policies(self, citer: Citer, matters: Sequence[Matter], limit: int) -> list[Line]:
        name = self._name(matters[0])
        return self._cited_in_turn(citer.policies(matters, limit, name=name))

    def _apology(self, citer: Citer, matter: Matter) -> Line:
        """Apologise in the brand's own saved words where they fit, else in ours."""
        saved = [one for one in citer.saved_replies(matter) if _SORRY.search(one.text)]
        if saved and self._draw(3):
            return self._cited(saved[self._draw(min(3, len(saved)))], Need.APOLOGY)
        unsafe = matter.category is ComplaintCategory.SAFETY
        usual = phrases.APOLOGIES_MILD if self._is_mild else phrases.APOLOGIES
        bank = phrases.APOLOGIES_GRAVE if unsafe else usual
        return self._courtesy(bank, Need.APOLOGY)

    # Opinions about films, and what happened where they were shown.

    def _about_film(self) -> list[Line]:
        citer = self._citer()
        issue = first_issue(FILM_ISSUES, blamed(self.case.text))
        happened = citer.on_what_happened(issue)
        return self._incident(happened) if happened else self._opinion(citer, issue)

    def _incident(self, clauses: Sequence[Clause]) -> list[Line]:
        quote = self._quote_of_film(None)
        if quote is None and not self.case.analysis.abusive:
            quote = self._report(self.case.analysis.abuse_spans)
        if quote is None:
            named = self._courtesy(phrases.NEUTRAL_OPENINGS[:1], Need.CORE)
        else:
            named = self._about_review(phrases.QUOTE_THANKS, {"quote": quote.text}, [quote.span])
        apology = self._courtesy(phrases.FILM_APOLOGIES, Need.APOLOGY)
        policy = self._cited_in_turn(clauses)
        contact = self._contact(phrases.CONTACTS_MILD)
        closing = self._closing()
        if self.strategy == "brief":
            return [named, apology, *policy[:1], contact, *closing]
        greeting = self._greeting(phrases.FILM_GREETINGS)
        if self.strategy == "resolve_first":
            return [greeting, *policy, contact, named, apology, *closing]
        return [greeting, named, apology, *policy, contact, *closing]

    def _opinion(self, citer: Citer, issue: Issue) -> list[Line]:
        span = issue.pattern.search(blamed(self.case.text)) if issue.words else None
        wanted = Span(span.start(), span.end()) if span else None
        quote = self._quote_of_film(wanted)
        if quote is None:
            named = self._about_review(
                phrases.FILM_NAMES, {"issue": issue.name}, [wanted] if wanted else []
            )
        else:
            named = self._about_review(phrases.FILM_QUOTES, {"quote": quote.text}, [quote.span])
        policy = [self._cited(clause, Need.POLICY) for clause in citer.on_opinion(issue)]
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

    def _quote_of_film(self, wanted: Span | None) -> Quote | None:
        analysis = self.case.analysis
        if analysis.abusive:
            return None
        return quote_for(self.case.text, wanted, analysis.abuse_spans)

    # Questions.

    def _question(self) -> list[Line]:
        answers = self._cited_in_turn(self._citer().answers())
        opening = self._question_opening(is_answered=bool(answers))
        contact = self._contact(phrases.CONTACTS_QUESTION if answers else phrases.CONTACTS_CHECKING)
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

    def _question_opening(self, *, is_answered: bool) -> Line:
        case = self.case
        quoted: Sequence[str] = phrases.QUESTION_RECEIVED
        titled: Sequence[str] = phrases.QUESTION_RECEIVED_TITLE
        if is_answered:
            quoted, titled = phrases.QUESTION_OPENINGS, phrases.QUESTION_OPENINGS_TITLE
        topic = "" if case.analysis.abusive else topic_of(case.title)
        for span in questions(self.case.text) if not case.analysis.abusive else ():
            if not case.text[span.start : span.end].endswith("?"):
                continue
            # What is asked stands at the end of the sentence.
            asking = Span(span.end - 1, span.end)
            quote = quote_for(case.text, asking, case.analysis.abuse_spans, wants_answer=True)
            if quote and not (
                is_vague(quote.text) and (topic or len(quote.text) < _LEAST_QUESTION)
            ):
                return self._about_review(quoted, {"quote": quote.text}, [quote.span])
        if topic:
            return self._about_review(titled, {"quote": topic}, [])
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

    def _template(self, bank: Sequence[str]) -> str:
        if self.is_eatery:
            bank = phrases.for_eatery(tuple(bank))
        return bank[self._draw(len(bank))]

    def _courtesy(self, bank: Sequence[str], need: Need) -> Line:
        template = self._template(bank)
        return _own_line(template, tuple(self._slots.items()), SourceKind.COURTESY, "", need)

    def _about_review(
        self,
        bank: Sequence[str],
        slots: Mapping[str, str],
        spans: Sequence[Span],
        need: Need = Need.CORE,
    ) -> Line:
        return Line(
            DraftSentence(
                render(self._template(bank), {**self._slots, **slots}),
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

    def _cited_in_turn(self, clauses: Sequence[Clause]) -> list[Line]:
        """Cite clauses, of which the first is needed most."""
        return [
            self._cited(clause, Need.POLICY if index == 0 else Need.SECOND)
            for index, clause in enumerate(clauses)
        ]

    def _from_brand(
        self, bank: Sequence[str], slots: Mapping[str, str], reference: str, need: Need
    ) -> Line:
        template = self._template(bank)
        filled = (*self._slots.items(), *slots.items())
        return _own_line(template, filled, SourceKind.BRAND, reference, need)

    def _greeting(self, bank: Sequence[str] = ()) -> Line:
        chosen = bank or (phrases.FILM_GREETINGS if self.is_film else phrases.GREETINGS)
        return self._from_brand(chosen, {}, NAME_REFERENCE, Need.GREETING)

    def _sympathy(self, matter: Matter) -> Line:
        own = phrases.SYMPATHY[matter.category]
        bank = phrases.SYMPATHY_FOR_ISSUE.get(matter.issue.name, own)
        if self._is_mild:
            bank = phrases.MIXED
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
        if matters and _UNREACHED.search(self.case.text):
            # Nobody who complains of a dead telephone should be told to telephone.
            contacts = [
                name for name in contacts if not name.startswith(("고객센터", "전화"))
            ] or contacts
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


@lru_cache(maxsize=2048)
def _own_line(
    template: str,
    slots: tuple[tuple[str, str], ...],
    source: SourceKind,
    reference: str,
    need: Need,
) -> Line:
    """Write a sentence without a customer's words; a brand says the same ones all the time."""
    return Line(DraftSentence(render(template, dict(slots)), source, reference), need)


def _writing(kind: FeedbackKind) -> str:
    match kind:
        case FeedbackKind.REVIEW:
            return "후기"
        case FeedbackKind.INQUIRY:
            return "문의"
        case FeedbackKind.POST:
            return "글"
