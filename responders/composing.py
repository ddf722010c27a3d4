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
from responders.matters import (
    DraftInput,
    Matter,
    body_starts,
    find_matter,
    find_matters,
    first_issue,
)
from responders.phrases import FILM_ISSUES, ISSUES
from responders.quoting import (
    Quote,
    blamed,
    is_vague,
    praises,
    quote_for,
    sentences,
    sets_a_scene,
    topic_of,
)
from responders.rendering import fill_clause, hours_in_words, render
from responders.retrieval import alike, names, narrowed_to, shared, told
from responders.wording import (
    IMPLIED,
    SUBJECTS,
    contradicts,
    days_allowed,
    days_passed,
    one_sided,
    states_in,
    things_in,
)

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
"""``Passage.words`` from which a clause counts as an answer to a question."""

_MIN_NAMED_FACT = 5.2
"""``Passage.score`` from which a fact about the product counts as an answer."""

_GOOD_SHARE = 0.8

_MIN_SECOND_ANSWER = 9.0

_MAX_ANSWERS = 3

_MIN_SAME, _SAME_FIT = 3.5, 0.75
"""For a further answer whose whole condition is what was asked of."""

_LEAST_QUESTION = 8
"""Characters from which a question without a matter (``왜 그런가요?``) is worth repeating."""

_OTHER_KIND = 0.7
"""What an answer counts that gives no sum to who asks how much, no time to who asks when."""

_EXCEPTION = re.compile(r"[이가] 아니면|[이가] 아닌 (?:곳|경우)")

_KINDS_OF_ANSWER = (
    (
        re.compile(r"얼마(?!나)|비용|요금|가격이|배송비"),
        re.compile(r"\d\s?(?:원|퍼센트|%|만)|무료|부담|비용|금액|수리비|값"),
    ),
    (
        re.compile(r"언제|며칠|얼마나|몇\s?(?:시|일|달|개월|년|주)|기간|까지"),
        re.compile(
            r"\d\s?(?:시|일|주|개월|년|달|분)|당일|그날|다음 날|매주|매달|매일|자정|바로|즉시|동안"
        ),
    ),
    (
        re.compile(r"어디|어떻게|방법|어떤 식"),
        re.compile(r"에서|으로|보내 주|연락|신청|화면|페이지|주시면"),
    ),
)
"""How something is asked, and what its answer has."""

_RETURNS = re.compile(r"반품|교환|변심")

_MIN_PART_FIT = 0.3
"""For what answers one of several questions."""

_MIN_ANSWER_FIT = 0.12
"""Share of a fact's subject that a question must speak of: else it is about other goods."""

_FEWEST_STARS, _FEW_STARS, _MOST_STARS = 2, 3, 5

_SURE_COMPLAINT = 0.85
"""P(negative) from which an inquiry is answered as a complaint."""

_CATEGORY_LAGS = 0.5
"""A real complaint's likeliest category is at most so much less likely than the complaint."""

_MIN_SAVED = 4.0

_MIN_POLICY = 4.0

_MIN_SECOND_POLICY = 6.0

_MIN_BEYOND = 5.0
"""``Passage.words`` of a clause under another topic, where the matter's own has none."""

_NEXT_SHARE, _NEXT_FIT = 0.55, 0.7

_GENERAL_FIT = 0.6

_BEYOND_FIT = 0.45

_MUCH_BETTER = 1.5

_WELL_FITTING, _FITTING_SHARE = 0.45, 0.65
"""A clause whose condition is met needs fewer words in common."""

_LEAST_FIT = 0.3
"""Share of a clause's condition that a complaint must speak of: below it, none is cited."""

_PRACTICE = re.compile(
    r"(?:포장|표시|판매|운영)합니다\.?$|보내며,|(?:[가-힣]고|뒤) 보내 드립니다|셔야 |원(?:입니다|이며|을 추가)|(?:출고|발송|배송|도착|걸립)(?:합)?니다\.?$|그날 보내 드립니다"
)
"""How things are always done, on what condition and for what fee; told to somebody for whom they
were not, it reads as a denial."""

_FOOD = re.compile(
    r"유정란|식빵|먹|드시|씹|맛|김치|우유|빵|계란|달걀|두부|고기|반찬|국물|샐러드|과일|감귤|블루베리|음식|식품|떡|과자|음료|커피|쌀|"
    r"장조림|곰탕|조림|볶음|치킨|닭|튀김|피자|버거|국수|라면|만두|초밥|족발|도시락|메뉴"
)

_EATEN = re.compile(r"먹|드시|드셨|마[셨시]|씹|맛")

_WARE = re.compile(r"프라이팬|도마|용기|밥솥|수저|채반|냄비|그릇|접시|주방")
_SPEAKS_OF_FOOD = re.compile(r"식품|농산물|조리|반찬|드시|맛이나|신선")
_CONDITIONS = ("냉동", "계좌", "전기", "유리")
"""Words that keep a clause to some orders; it is not cited where nobody speaks of them."""

_NOT_WANTED = re.compile(r"[가-힣]+\s?말고")

_WANTED = re.compile(r"환불|교환")

_WORRIED = re.compile(r"(?:먹|마[셨시]|드[셨시])[^.!?\n]{0,20}괜찮")

_ASKING = re.compile(
    r"(?:\?|궁금(?:합니다|해요|하네요)|나요|까요|가요|는지요?|은지요?|건지요?|알려\s?주[세시]요|해야\s?(?:하나|되나|돼)[요]?|싶어요|부탁[^.!?]{0,8})[\s.!?~ㅠㅜ]*$"
)

_CHANGE_OF_MIND = "#변심"

_IF_WISHED = re.compile(r"(환불|교환|취소|반품)[을를]?\s원하시")
_DENIES = re.compile(
    r"(?:돌려|환불|교환|반품|취소|보상|변경|바꾸|드리|되)[^.]{0,12}(?:지 않습니다|수 없습니다|어렵습니다|불가합니다|안 됩니다)\.?$"
)
"""Told to somebody who complains and did not ask, it reads as a refusal to listen."""

_REFUSED = re.compile(r"안 (?:된대|된다|돼요|되나|해 ?준|해 ?줘|주나|줬|받아)|거절|거부|불가")

_WENT_WRONG = re.compile(r"는데도")
"""``건너뛰기를 하셨는데도 배송된``: no answer to who asks how to skip."""

_FAULTS = frozenset(
    f"#{thing}" for thing in ("고장", "파손", "오배송", "누락", "상함", "시듦", "이물", "녹", "샘")
)

_RETURNED = frozenset({"#반품", "#환불", "#교환"})

_MOST_NEAR, _MOST_FAR = 2, 6
"""Sentences that show a matter, and around them, that are looked for."""

_NAMED_BY_CUSTOMER = 1.3

_BEYOND = 0.75
"""What a clause under another topic counts, beside one under the matter's own."""

_REQUEST = re.compile(
    r"(?:취소|변경)\s?(?:해\s?주|부탁|하고 싶|하려)|(?:주소|배송지|번호|날짜)[^.!?\n]{0,12}(?:바꿔|변경)"
)

_RHETORICAL = re.compile(r"왜|뭐|뭡|대체|맞나요")

_HARM = re.compile(
    r"다[쳤치친]|화상|베[였었]|응급|병원|배탈|식중독|알레르기|두드러기|부었|토했|이물|벌레|쇳조각|연기|불\s?[이날]|데[었일]"
)

_ALLERGY = re.compile(r"알레르기|알러지")

_DOCTOR = re.compile(r"병원|진료|피부과")

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
        is_eatery: bool,
        contacts: Sequence[str],
    ) -> None:
        self.brand = brand
        self.manual = manual
        self.view = view
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
        self._complains = False
        """Whether the answer is one to a complaint."""

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
        is_request = bool(_REQUEST.search(self.case.text)) and not self._matters[0].issue.words
        return not analysis.is_negative or self._is_worry() or (calm and (doubtful or is_request))

    def _is_worry(self) -> bool:
        """Tell whether somebody asks because of an allergy, and nothing has happened."""
        return (
            bool(_ALLERGY.search(self.case.text) and self._asked())
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
        self._complains = True
        if self.case.analysis.severity is Severity.CRITICAL:
            return self._critical(matters)
        acknowledged = self._acknowledge(matters[0])
        policies = self._policies(matters, limit=1 if self.strategy == "brief" else 2)
        contacts: Sequence[str] = phrases.CONTACTS
        if matters[0].category is ComplaintCategory.SAFETY:
            policies = [*self._care(policies), *policies]
            contacts = phrases.CONTACTS_GRAVE
        elif self._is_mild:
            contacts = phrases.CONTACTS_MILD
        contact = self._contact(contacts, matters)
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
            *(policies or ([] if self._is_mild else [self._checking()])),
            contact,
            *self._closing(),
        ]

    def _critical(self, matters: Sequence[Matter]) -> list[Line]:
        safety = next((m for m in matters if m.category is ComplaintCategory.SAFETY), None)
        if safety is None and self._is_hurt():
            safety = find_matter(self.case, ComplaintCategory.SAFETY)
        main = safety or matters[0]
        acknowledged = self._acknowledge(main)
        policies = self._policies(
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
    def _about(self) -> str:
        return f"{self.case.title} {self.case.product_name} {self.case.text}"

    @cached_property
    def _is_edible(self) -> bool:
        name = self.case.product_name
        if self.is_eatery:
            return True
        if _WARE.search(name):
            return False
        return bool(_FOOD.search(name) or (_EATEN if name else _FOOD).search(self.case.text))

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

    def _apology(self, matter: Matter) -> Line:
        """Apologise in the brand's own saved words where they fit, else in ours."""
        saved = [
            passage.clause
            for passage in self._search(matter, (SourceKind.SAVED_REPLY,), matter.issue.name)
            if passage.words >= _MIN_SAVED and _SORRY.search(passage.clause.text)
        ]
        if saved and self._draw(3):
            return self._cited(saved[self._draw(min(3, len(saved)))], Need.APOLOGY)
        unsafe = matter.category is ComplaintCategory.SAFETY
        usual = phrases.APOLOGIES_MILD if self._is_mild else phrases.APOLOGIES
        bank = phrases.APOLOGIES_GRAVE if unsafe else usual
        return self._courtesy(bank, Need.APOLOGY)

    def _policies(self, matters: Sequence[Matter], limit: int) -> list[Line]:
        """Cite the clauses that say what is done; note what the manual lacks."""
        fitting: list[list[Passage]] = []
        wanted: list[Clause] = []
        for index, matter in enumerate(matters):
            if sum(map(bool, fitting)) > 1:
                break
            if index and not matter.issue.words:
                continue  # Nothing but the model's word for it: no clause would be about it.
            found = self._search(matter, (SourceKind.POLICY,), matter.issue.query)
            fitting.append(_fitting(found, is_first=index == 0))
            wanted += self._what_is_wanted(found)
            self._note_contradictions(matter.category.value)
        fitting = [one for one in fitting if one] or [[]]
        if not fitting[0]:
            self._note_gap(matters[0].category.value, self._name(matters[0]))
        if self.case.kind is FeedbackKind.INQUIRY:
            fitting[0] = [*self._answers_in_passing(), *fitting[0]]
        chosen = _chosen_clauses(fitting, limit)
        if limit > 1 and wanted and not any(clause in wanted for clause in chosen):
            chosen = [*chosen[: limit - 1], wanted[0]]
        if limit > 1:
            chosen = [*chosen[:limit], *self._safety_report(matters, chosen)]
            limit += 1
        return [
            self._cited(clause, Need.POLICY if index == 0 else Need.SECOND)
            for index, clause in enumerate(chosen[:limit])
        ]

    def _what_is_wanted(self, found: Sequence[Passage]) -> list[Clause]:
        """Give the clauses on a matter that speak of what the customer asks for: 환불, 교환."""
        wanted = _WANTED.findall(self.case.text)
        return [
            passage.clause
            for passage in found
            if any(word in passage.clause.text for word in wanted)
            and passage.words >= _MIN_SECOND_POLICY
            and not _PRACTICE.search(passage.clause.text)
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
        """Give the citable clauses on a matter, those of its category before others as good.

        The whole text decides: the sentence that shows the matter has one vote, the others half.
        """
        text = self.case.text
        near: list[str] = []
        far: list[str] = []
        for sentence in sentences(text):
            is_near = any(s.start < sentence.end and sentence.start < s.end for s in matter.spans)
            words = _NOT_WANTED.sub("", text[sentence.start : sentence.end])
            (near if is_near and len(near) < _MOST_NEAR else far).append(words)
        if not near:
            near, far = far, []
        topic = matter.category.value
        found = self.view.search(
            near,
            (topic,),
            limit=12,
            kinds=kinds,
            product=self.case.product_name,
            only_topics=kinds != (SourceKind.POLICY,),
            also=far[:_MOST_FAR],
            query=query,
            # The model's label alone has half a vote as well.
            is_query_sure=bool(matter.issue.words),
        )
        fitting = [
            one
            for one in found
            if (topic in one.clause.topics or (one.words >= _MIN_BEYOND and one.fit >= _BEYOND_FIT))
            and self._may_cite(one.clause)
        ]
        # A complaint of one thing is often settled by a clause on another: what was charged twice
        # stands under prices, whatever category the model saw.
        fitting.sort(key=lambda one: -one.words * self._weight(one.clause, topic))
        return fitting

    def _weight(self, clause: Clause, topic: str) -> float:
        """Give what a clause's words count: most where the customer names what it is for."""
        weight = 1.0 if topic in clause.topics else _BEYOND
        if any(group and group <= self._spoken_of for group in _terms(clause.text).groups):
            weight *= _NAMED_BY_CUSTOMER
        return weight

    def _may_cite(self, clause: Clause) -> bool:
        """Tell whether a clause stands, and not for other goods, orders or states than these."""
        terms = _terms(clause.text)
        return (
            self.view.is_citable(clause)
            and all(word in self._about for word in terms.words)
            and not (terms.is_for_ware if self._is_edible else terms.is_for_food)
            and self._is_meant(terms)
        )

    def _is_meant(self, terms: _Terms) -> bool:
        """Tell whether what the text tells of is what a clause is for, as far as it says."""
        groups = terms.groups
        if groups and not any(group <= self._things for group in groups):
            return False
        if contradicts(self._states, terms.states):
            return False
        if 0 < terms.days_allowed < self._days_passed:
            return False
        if terms.wished and terms.wished not in self._about:
            return False
        if (
            (terms.denies and not self._asked() and not _REFUSED.search(self.case.text))
            if self._complains
            else terms.went_wrong
        ):
            return False
        changed = _CHANGE_OF_MIND in self._things
        return changed or not (terms.is_for_change_of_mind and self._is_faulty)

    @cached_property
    def _things(self) -> frozenset[str]:
        """What the text speaks of, and what manuals call what it complains of."""
        matters = self._matters if self._complains else ()
        queries = (matter.issue.query for matter in matters)
        meant = frozenset[str]().union(*map(_things_of, queries)) - SUBJECTS
        things = self._spoken_of | meant
        if not self._complains and things & _RETURNED and not things & _FAULTS:
            # Who sends back what has no fault has changed their mind, in whatever words.
            things |= {_CHANGE_OF_MIND}
        return things

    @cached_property
    def _told(self) -> frozenset[str]:
        """The pieces of all that is written, sentence by sentence, as each is looked for."""
        text = self.case.text
        parts = [text[sentence.start : sentence.end] for sentence in sentences(text)]
        return frozenset[str]().union(
            *map(told, parts), told(self.case.title), told(self.case.product_name)
        )

    @cached_property
    def _spoken_of(self) -> frozenset[str]:
        things = frozenset(piece for piece in self._told if piece.startswith("#"))
        return things | {IMPLIED[thing] for thing in things & IMPLIED.keys()}

    @cached_property
    def _states(self) -> frozenset[str]:
        return one_sided(self._told)

    @cached_property
    def _days_passed(self) -> float:
        return days_passed(self.case.text)

    @cached_property
    def _is_faulty(self) -> bool:
        """Tell whether something is wrong with the goods, so that nobody's mind has changed."""
        return self._complains or not self._things.isdisjoint(_FAULTS)

    def _note_contradictions(self, topic: str) -> None:
        self.missing += [
            pair.note
            for pair in self.view.contradictions
            if topic in pair.first.topics and topic in pair.second.topics
        ]

    def _note_gap(self, topic: str, name: str) -> None:
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
        blame = blamed(self.case.text)
        issue = first_issue(FILM_ISSUES, blame)
        span = issue.pattern.search(blame) if issue.words else None
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
            self._note_contradictions("other")
            self._note_gap("other", "작품 의견")
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

    def _answers(self) -> list[Line]:
        """Answer each thing that is asked, and note what the manual leaves open."""
        case = self.case
        asked = [case.text[span.start : span.end] for span in self._asked()]
        if not topic_of(case.title):
            asked = [words for words in asked if not is_vague(words)]
        chosen: list[Passage] = []
        best: list[Clause] = []
        whole = f"{case.title} {case.text}"
        parts = (f"{case.title} {part}" for part in asked if part != case.text)
        for words in (whole, *parts):
            fitting = self._answers_to(words, also=() if words is whole else (case.text,))
            if words is not whole:
                # A part alone says less: a clause that is hardly about it may be about anything.
                fitting = [one for one in fitting if one.fit >= _MIN_PART_FIT]
            best += [passage.clause for passage in fitting[:1]]
            chosen += [
                passage
                for index, passage in enumerate(fitting)
                if index == 0 or _adds(passage, fitting[0])
            ]
        if not chosen and not self.missing:
            self._note_open(case.title.strip() or case.text.strip())
        answers: list[Passage] = []
        answered: frozenset[str] = frozenset()
        for passage in chosen:
            # What says nothing of the question that the answers before did not is no answer.
            said = shared(whole, case.product_name, passage.clause)
            is_new = not said <= answered and (
                passage.clause in best
                or passage.clause.kind is SourceKind.POLICY
                or names(passage.clause, case.product_name)
                or any(piece.startswith("#") for piece in said)
            )
            is_new = is_new or self._is_very_case(passage)
            if not is_new or any(alike(passage.clause, other.clause) for other in answers):
                continue
            answers.append(passage)
            answered |= said
        answers = answers[:_MAX_ANSWERS]
        for words in asked if answers and len(asked) > 1 else ():
            if not any(
                shared(words, "", passage.clause) or _is_of_kind_asked(words, passage.clause)
                for passage in answers
            ):
                self._note_open(words)
        return [
            self._cited(passage.clause, Need.POLICY if index == 0 else Need.SECOND)
            for index, passage in enumerate(answers)
        ]

    def _is_very_case(self, passage: Passage) -> bool:
        """Tell whether a clause is for exactly what is told of, or for the very goods."""
        if passage.clause.kind is SourceKind.FACT:
            return passage.fit >= _SAME_FIT and names(passage.clause, self.case.product_name)
        return any(
            len(group) > 1 and group <= self._spoken_of
            for group in _terms(passage.clause.text).groups
        )

    def _answers_in_passing(self) -> list[Passage]:
        """Answer what a complaint asks besides: where to send a photo, how to exchange."""
        asked = [self.case.text[span.start : span.end] for span in self._asked()]
        asked = [words for words in asked if not _RHETORICAL.search(words)]
        best = [fitting[0] for words in asked if (fitting := self._answers_to(words))]
        return [one for one in best if one.words >= _MIN_SECOND_ANSWER and one.fit >= _GENERAL_FIT]

    def _answers_to(self, words: str, *, also: Sequence[str] = ()) -> list[Passage]:
        case = self.case
        asked = words
        if not case.analysis.is_negative and self._is_edible and _RETURNS.search(words):
            words += " 신선식품"  # What is eaten is mostly excepted from what is said of all goods.
        findings = () if case.analysis.is_negative else case.analysis.categories
        found = self.view.search(
            words,
            [finding.category.value for finding in findings],
            limit=6,
            kinds=(SourceKind.POLICY, SourceKind.FACT),
            product=case.product_name,
            also=also,
        )
        ranked = _of_kind_asked(asked, found)
        if words is not asked and any(_excepts_food(one.clause) for one in ranked):
            ranked = [one for one in ranked if not _is_on_returns(one.clause)]
        self.missing += [
            pair.note
            for pair in self.view.contradictions
            if any(p.contradicted and p.clause in (pair.first, pair.second) for p in ranked[:3])
        ]
        least = _MIN_ANSWER
        if ranked and ranked[0].contradicted:
            # What is not nearly as good answers something else.
            least = max(least, _GOOD_SHARE * ranked[0].words)
        return [
            passage
            for passage in ranked
            if (passage.words >= least or _is_of_product(passage))
            and (passage.clause.kind is SourceKind.POLICY or passage.fit >= _MIN_ANSWER_FIT)
            and self.view.is_citable(passage.clause)
            and self._is_meant(_terms(passage.clause.text))
            # One piece may stand inside another word: 비회원 has 회원.
            and (
                passage.fit >= _GENERAL_FIT
                or len(shared(words, case.product_name, passage.clause)) > 1
            )
        ]

    def _note_open(self, asked: str) -> None:
        self.missing.append(f"매뉴얼에 이 질문의 답이 없습니다: {asked[:30]}")

    def _asked(self) -> list[Span]:
        text = self.case.text
        return [span for span in sentences(text) if _ASKING.search(text[span.start : span.end])]

    def _question_opening(self, *, is_answered: bool) -> Line:
        case = self.case
        quoted: Sequence[str] = phrases.QUESTION_RECEIVED
        titled: Sequence[str] = phrases.QUESTION_RECEIVED_TITLE
        if is_answered:
            quoted, titled = phrases.QUESTION_OPENINGS, phrases.QUESTION_OPENINGS_TITLE
        topic = "" if case.analysis.abusive else topic_of(case.title)
        for span in self._asked() if not case.analysis.abusive else ():
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
        if any(matter.issue.name == phrases.UNREACHABLE for matter in matters):
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


def _of_kind_asked(asked: str, found: Sequence[Passage]) -> list[Passage]:
    """Put first what gives the sum, the time or the way that was asked for."""
    wanted = [given for ask, given in _KINDS_OF_ANSWER if ask.search(asked)]
    may_be_exception = bool(_EXCEPTION.search(asked))

    def is_other(passage: Passage) -> bool:
        text = passage.clause.text
        is_exception = not may_be_exception and bool(_EXCEPTION.search(text))
        return is_exception or bool(wanted and not any(given.search(text) for given in wanted))

    def weight(passage: Passage) -> float:
        return passage.score * (_OTHER_KIND if is_other(passage) else 1.0)

    ranked = sorted(found, key=weight, reverse=True)
    if ranked and ranked[0].contradicted:
        # The answer itself may not be cited: what is about the same thing does not replace it.
        return [passage for passage in ranked if not is_other(passage)]
    return ranked


def _is_of_kind_asked(asked: str, clause: Clause) -> bool:
    """Tell whether a clause gives a sum or a time to a question that asks for nothing else."""
    return any(ask.search(asked) and given.search(clause.text) for ask, given in _KINDS_OF_ANSWER)


def _excepts_food(clause: Clause) -> bool:
    return "신선식품" in clause.text and bool(_RETURNS.search(clause.text))


def _is_on_returns(clause: Clause) -> bool:
    """Tell whether a clause is on returns of what may be returned."""
    return bool(_RETURNS.search(clause.text)) and not _excepts_food(clause)


@lru_cache(maxsize=1024)
def _things_of(query: str) -> frozenset[str]:
    return frozenset(thing for thing, _, _ in things_in(query))


@dataclass(frozen=True, slots=True)
class _Terms:
    """For whom a clause is.

    Attributes:
        words: One of them must be written, where there are any.
        groups: Of one group, all things must be spoken of.
        states: What it says of opened or sent.
        wished: What somebody must want.
        denies: It refuses something.
        went_wrong: It is for what happened although it should not.
        days_allowed: For how long after buying or receiving; 0 without end.
    """

    words: tuple[str, ...]
    is_for_food: bool
    is_for_ware: bool
    groups: tuple[frozenset[str], ...]
    states: frozenset[str]
    wished: str
    denies: bool
    went_wrong: bool
    is_for_change_of_mind: bool
    days_allowed: float


@lru_cache(maxsize=4096)
def _terms(clause: str) -> _Terms:
    condition = clause[: clause.find(" ", 12)]
    is_for_ware = "주방용품" in clause
    wished = _IF_WISHED.search(clause)
    lowered = clause.lower()
    return _Terms(
        words=tuple(word for word in _CONDITIONS if word in condition),
        is_for_food=bool(_SPEAKS_OF_FOOD.search(clause)) and not is_for_ware,
        is_for_ware=is_for_ware and "식품" not in clause,
        groups=narrowed_to(clause),
        states=states_in(lowered),
        wished=wished[1] if wished else "",
        denies=bool(_DENIES.search(clause)),
        went_wrong=bool(_WENT_WRONG.search(clause)),
        is_for_change_of_mind=any(thing == _CHANGE_OF_MIND for thing, _, _ in things_in(lowered)),
        days_allowed=days_allowed(clause),
    )


def _adds(passage: Passage, best: Passage) -> bool:
    """Tell whether a further passage answers what was asked as well."""
    if passage.clause.kind is SourceKind.FACT and passage.fit >= _SAME_FIT:
        return passage.words >= _MIN_SAME
    least = _MIN_SAME if passage.fit >= _SAME_FIT else _MIN_SECOND_ANSWER
    return _is_near(passage, best) and passage.fit >= _GENERAL_FIT and passage.words >= least


def _is_of_product(passage: Passage) -> bool:
    """Tell whether a fact is about the very goods in hand, whose name alone counts for little."""
    return passage.clause.kind is SourceKind.FACT and passage.score >= _MIN_NAMED_FACT


def _is_near(passage: Passage, best: Passage) -> bool:
    return passage.words >= best.words * _NEXT_SHARE


def _chosen_clauses(fitting: Sequence[Sequence[Passage]], limit: int) -> list[Clause]:
    """Share ``limit`` among the complaints: the first gets what the others leave, at least one."""
    first, *others = fitting
    second = others[0] if others else []
    if limit == 1 and first and second and second[0].words > _MUCH_BETTER * first[0].words:
        return [second[0].clause]
    if limit > 1 and len(first) > 1 and second and first[1].words > _MUCH_BETTER * second[0].words:
        second = []
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
        if passage.words >= (_FITTING_SHARE * least if passage.fit >= _WELL_FITTING else least)
        and passage.fit >= _LEAST_FIT
        and _is_near(passage, best)
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
