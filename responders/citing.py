"""Which clauses of the manual a case is answered with."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from domain.types import ComplaintCategory, FeedbackKind, SourceKind
from responders.phrases import ISSUES, WISHES
from responders.pieces import alike, names, says_beside_name, shared
from responders.quoting import blamed, is_vague, questions, sentences, topic_of
from responders.terms import REMEDIES, Situation, terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from responders.clauses import Clause
    from responders.manual import Manual
    from responders.matters import DraftInput, Matter
    from responders.phrases import Issue
    from responders.retrieval import Passage

_MIN_ANSWER = 4.0
"""``Passage.words`` from which a clause counts as an answer to a question."""

_MIN_NAMED_FACT = 5.0
"""``Passage.score`` from which a fact about the product counts as an answer."""

_GOOD_SHARE = 0.8

_MIN_SECOND_ANSWER = 9.0

_MAX_ANSWERS = 3

_MIN_SAME, _SAME_FIT = 3.5, 0.75
"""For a further answer whose whole condition is what was asked of."""

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

_MIN_SAVED = 4.0

_SAYS_REPEATED, _REPEATED = re.compile(r"여러 번|번번이|거듭"), {"#되풀이", "#두번"}
"""Saved words that are sorry for more than one time, and what a customer must tell of for them."""

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

_NOT_WANTED = re.compile(r"[가-힣]+\s?말고")

_WANTED = re.compile(r"환불|교환")

_EXPLAINED = (ComplaintCategory.QUALITY, ComplaintCategory.MISMATCH)
"""What a complaint must be of for a fact to explain it."""

_OPINION = re.compile(r"의견|지적")

_AT_CINEMA = re.compile(
    r"상영관|(?:극장|영화관)(?:[이은측]| (?:직원|시설|안|측|의자|관리))|옆 ?(?:관|사람|자리|좌석)|앞 ?(?:사람|자리)|좌석|의자|매점|"
    r"상영 ?(?:중|전|시작|시간|사고)|영사|무대 ?인사|시사회|스포(?![츠트티])|에어컨|냄새|"
    r"(?:굿즈|특전|포스터|아트카드)[^.!?\n]{0,14}"
    r"(?:구겨|구김|찢|접[힌혔혀]|젖|빠[졌져진]|누락|떨어[졌진지]|품절|소진|부족|다 ?나갔|동[났나]|불량|파손|훼손|못 ?받|안 ?(?:주[네더고]|줬|줘|준|왔|와요|들어))|"
    r"(?<!\d)(?:직원|알바생|매표소?)(?:들|분|분들)?(?:[이은도의]|에서|한테|에게)?\s[^.!?\n]{0,10}"
    r"(?:불친절|퉁명|무례|반말|응대|태도|뭐 ?하[는고]|불을? ?켜|(?:안|못) ?(?:말[리려렸]|도와|알려|치[우워웠]|막[아았]|와|왔|나와|나왔)|없[었어]|모르[더네])|"
    r"예매[^.!?\n]{0,14}(?:안 ?[되돼됐된]|오류|먹통|튕|중복|두 ?번 ?(?:결제|됐)|누락|사라졌|취소[됐돼된])|"
    r"환불[^.!?\n]{0,14}(?:안 ?(?:됐|된다[고네며]|돼서|해 ?줘|해 ?준)|못 ?받[았아]|거[부절]|늦|누락|안 ?들어)|"
    r"(?:화면|소리|음향|사운드|스피커|자막)[이가은는도에을]?\s?[^.!?\n]{0,14}"
    r"(?:끊|안 ?(?:나|맞|들|보)|깨[졌져진]|너무 [작크커]|울리|겹|흔들|어둡|어두|흐리|흐릿|늦|밀[리려렸]|멈|꺼[졌져]|나갔|지직|들려|오타|오역|틀[린렸리])"
)
"""What shows that a text tells of a showing or of goods. A film has blood, screams, screens and clerks
as well, and who was bored wants the money back: there it takes a fault beside the word."""

_OF_SHOWING = re.compile(r"상영|회차")

_HAS_NOT = re.compile(r"들어 ?있지 않|포함되지 않|포함되어 있지 않")

_LEFT_OUT = "#누락"

_MOST_NEAR, _MOST_FAR = 2, 6
"""Sentences that show a matter, and around them, that are looked for."""

_NAMED_BY_CUSTOMER = 1.3

_BEYOND = 0.75
"""What a clause under another topic counts, beside one under the matter's own."""

_RHETORICAL = re.compile(r"왜|뭐|뭡|대체|맞나요")

_ON_ITS_WAY = re.compile(
    r"(?:반품|교환|환불|취소)[을를은이가도]?\s?(?:접수|신청|요청)?[을를]?\s?(?:했|보냈|보낸|한 지|맡겼|하고 (?:나서|있)|중)"
)
"""Who has sent something back does not ask whether they may."""


class _Lapsed(NamedTuple):
    """What the goods were bought too long ago for.

    Attributes:
        remedies: What no clause on the matter gives any more.
        late: The clauses that gave it.
        in_time: The clauses that still give something else.
    """

    remedies: frozenset[str]
    late: tuple[Clause, ...]
    in_time: tuple[Clause, ...]


class Citer:
    """Chooses the clauses for one draft, and notes what the manual lacks.

    Args:
        case: What to answer.
        manual: Where clauses come from.
        at: When they must be valid, aware.
        complaints: What is complained of, if the answer is one to a complaint.
        is_eatery: Whether the brand is a restaurant.
        missing: Takes the notes on what the manual lacks, Korean.
    """

    def __init__(
        self,
        case: DraftInput,
        manual: Manual,
        at: datetime,
        *,
        complaints: Sequence[Matter],
        is_eatery: bool,
        missing: list[str],
    ) -> None:
        self._case = case
        self._manual = manual
        self._view = manual.at(at)
        self._at = at
        self._complaints = complaints
        self._situation = Situation(case, complaints, at=at, is_eatery=is_eatery)
        self._missing = missing
        self.facts: list[Clause] = []

    # For complaints.

    def policies(self, matters: Sequence[Matter], limit: int, *, name: str) -> list[Clause]:
        """Give the clauses that say what is done; note what the manual lacks.

        Args:
            matters: What is complained of, the first one first.
            limit: How many at most; one more that calls back whoever reports a danger.
            name: What the first matter is called, Korean.
        """
        self.facts = self._explaining(matters)
        fitting: list[list[Passage]] = []
        wanted: list[Clause] = []
        for index, matter in enumerate(matters):
            if sum(map(bool, fitting)) > 1:
                break
            if self._is_without_clause(matter, is_first=index == 0):
                continue
            found = self._search(matter, (SourceKind.POLICY,), matter.issue.query)
            kept = self._kept(matter, found, is_first=index == 0)
            fitting.append(kept[:1] + [one for one in kept[1:] if self._is_spoken_of(one.clause)])
            wanted += self._what_is_wanted(found)
            self._note_contradictions(matter.category.value)
        fitting = [one for one in fitting if one] or [[]]
        if not fitting[0] and not self._lapsed.remedies:
            self._note_gap(matters[0].category.value, name)
        if self._case.kind is FeedbackKind.INQUIRY:
            fitting[0] = [*self._answers_in_passing(), *fitting[0]]
        chosen = _chosen_clauses(fitting, limit)
        if self._lapsed.remedies and not chosen:
            chosen = [*self._lapsed.in_time[:1]]
        if limit > 1 and wanted and not any(clause in wanted for clause in chosen):
            chosen = [*chosen[: limit - 1], wanted[0]]
        if limit > 1:
            chosen = [*chosen[:limit], *self._safety_report(matters, chosen)]
            limit += 1
        if any(_HAS_NOT.search(fact.text) for fact in self.facts):
            # What the goods do not have by the manual was not left out of the box.
            chosen = [one for one in chosen if not _is_for_left_out(one)]
        return chosen[:limit]

    def _is_without_clause(self, matter: Matter, *, is_first: bool) -> bool:
        """Tell whether only the model names a further matter, or it wishes for what is over."""
        is_over = bool(self._lapsed.remedies) and matter.issue.name in WISHES
        return is_over or not (is_first or matter.issue.words)

    def _kept(self, matter: Matter, found: Sequence[Passage], *, is_first: bool) -> list[Passage]:
        """Keep the clauses that speak of this very complaint, and in time."""
        # What is too late for the best clause is not settled by one that is hardly about it.
        kept = self._in_time(_fitting(found, is_first=is_first))
        if matter.issue.words:
            return kept
        # The label alone found them: no refund is promised for it.
        return [
            one
            for one in kept
            if not terms_of(one.clause.text).remedies or self._is_of_text(one.clause)
        ]

    def saved_replies(self, matter: Matter) -> list[Clause]:
        """Give the brand's own saved words that fit a matter."""
        found = self._search(matter, (SourceKind.SAVED_REPLY,), matter.issue.name)
        is_repeated = not _REPEATED.isdisjoint(self._situation.spoken_of)
        return [
            passage.clause
            for passage in found
            if passage.words >= _MIN_SAVED
            and (is_repeated or not _SAYS_REPEATED.search(passage.clause.text))
        ]

    def _what_is_wanted(self, found: Sequence[Passage]) -> list[Clause]:
        """Give the clauses on a matter that speak of what the customer asks for: 환불, 교환."""
        if self._lapsed.remedies:
            return []
        wanted = _WANTED.findall(self._case.text)
        return [
            passage.clause
            for passage in found
            if any(word in passage.clause.text for word in wanted)
            and self._may_cite(passage.clause)
            and passage.words >= _MIN_SECOND_POLICY
            and passage.fit >= _LEAST_FIT
            and not _PRACTICE.search(passage.clause.text)
        ]

    def _safety_report(self, matters: Sequence[Matter], chosen: Sequence[Clause]) -> list[Clause]:
        """Find what the manual promises to whoever reports any danger: who calls back, and when."""
        if matters[0].category is not ComplaintCategory.SAFETY:
            return []
        general = ISSUES[ComplaintCategory.SAFETY][-1]
        found = self._view.search(
            general.query, ("safety",), limit=1, kinds=(SourceKind.POLICY,), only_topics=True
        )
        return [
            passage.clause
            for passage in found
            if passage.fit >= _GENERAL_FIT
            and self._view.is_citable(passage.clause)
            and passage.clause not in chosen
        ]

    def _search(self, matter: Matter, kinds: tuple[SourceKind, ...], query: str) -> list[Passage]:
        """Give the clauses on a matter, those of its category before others as good.

        Some may be too late: see ``_in_time``.

        The whole text decides: the sentence that shows the matter has one vote, the others half.
        """
        text = self._case.text
        near: list[str] = []
        far: list[str] = []
        for sentence in sentences(text):
            is_near = any(s.start < sentence.end and sentence.start < s.end for s in matter.spans)
            words = _NOT_WANTED.sub("", text[sentence.start : sentence.end])
            (near if is_near and len(near) < _MOST_NEAR else far).append(words)
        if not near:
            near, far = far, []
        topic = matter.category.value
        found = self._view.search(
            near,
            (topic,),
            limit=12,
            kinds=kinds,
            product=self._case.product_name,
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
            and self._is_for_this(one.clause)
        ]
        # A complaint of one thing is often settled by a clause on another: what was charged twice
        # stands under prices, whatever category the model saw.
        fitting.sort(key=lambda one: -one.words * self._weight(one.clause, topic))
        return fitting

    def _weight(self, clause: Clause, topic: str) -> float:
        """Give what a clause's words count: most where the customer names what it is for."""
        weight = 1.0 if topic in clause.topics else _BEYOND
        if any(
            group and group <= self._situation.spoken_of for group in terms_of(clause.text).groups
        ):
            weight *= _NAMED_BY_CUSTOMER
        return weight

    def _is_spoken_of(self, clause: Clause) -> bool:
        """Tell whether the customer names what a clause is for; the matter's name is not enough."""
        groups = terms_of(clause.text).groups
        return not groups or any(group <= self._situation.spoken_of for group in groups)

    def _is_of_text(self, clause: Clause) -> bool:
        """Tell whether a clause shares more than chance with what the customer wrote."""
        said = shared(self._case.text, self._case.product_name, clause)
        return len(said) > 1 or any(piece.startswith("#") for piece in said)

    def _explaining(self, matters: Sequence[Matter]) -> list[Clause]:
        """Give the fact on the very goods that explains what is complained of."""
        product = self._case.product_name
        if not product or not any(one.category in _EXPLAINED for one in matters):
            return []
        text = self._case.text
        best: tuple[int, Clause] | None = None
        for clause in self._view.facts_on(product):
            said = shared(text, product, clause)
            is_enough = len(said) > 1 or any(piece.startswith("#") for piece in said)
            if is_enough and (best is None or len(said) > best[0]) and self._may_cite(clause):
                best = len(said), clause
        return [best[1]] if best else []

    def _is_for_this(self, clause: Clause) -> bool:
        """Tell whether a clause stands, and not for other goods, orders or states than these."""
        terms = terms_of(clause.text)
        return (
            self._view.is_citable(clause)
            and self._situation.is_of_goods(terms)
            and self._situation.is_meant(terms)
        )

    def _may_cite(self, clause: Clause) -> bool:
        """Tell whether a clause is for this case, and in time."""
        is_late = self._situation.is_too_late(terms_of(clause.text))
        return self._is_for_this(clause) and not is_late and not self._is_lapsed(clause)

    @cached_property
    def _lapsed(self) -> _Lapsed:
        """Look for the clauses on this very matter whose time is over."""
        timed = [
            passage
            for passage in (self._on_matters() if self._situation.days_passed else ())
            if terms_of(passage.clause.text).days_allowed
            and passage.fit >= _LEAST_FIT
            and passage.words >= _FITTING_SHARE * _MIN_POLICY
            and self._is_for_this(passage.clause)
        ]
        late = [one for one in timed if self._situation.is_too_late(terms_of(one.clause.text))]
        if not late:
            over = self._over_for_any_return()
            # A clause that has hardly a word of the question gives nothing instead.
            given = _remedies_of(one.clause for one in timed if one.fit >= _NEXT_FIT)
            return _Lapsed(REMEDIES - given if over else frozenset(), over, ())
        # What is hardly about the matter gives nothing instead.
        least = max(one.fit for one in late)
        in_time = [
            one.clause
            for one in timed
            if one not in late
            and one.fit >= (least if terms_of(one.clause.text).remedies else _NEXT_FIT)
        ]
        given = _remedies_of(in_time)
        is_over = bool(_remedies_of(one.clause for one in late) - given)
        return _Lapsed(
            REMEDIES - given if is_over else frozenset(),
            tuple(dict.fromkeys(one.clause for one in late)),
            tuple(dict.fromkeys(in_time)),
        )

    def _over_for_any_return(self) -> tuple[Clause, ...]:
        """Give the clause with the shortest time for a return, if it is over for who only asks.

        ``두 달 전에 산 도마인데 교환되나요?`` has hardly a word of the clause that sets the time.
        """
        text = self._case.text
        if self._complaints or not self._situation.days_passed or _ON_ITS_WAY.search(text):
            return ()
        limits = [
            clause
            for clause in self._view.clauses
            if clause.kind is SourceKind.POLICY
            and terms_of(clause.text).days_allowed
            and terms_of(clause.text).remedies
            and (self._is_for_this(clause) or self._is_for_changed_mind(clause))
        ]
        shortest = min(limits, key=lambda one: terms_of(one.text).days_allowed, default=None)
        is_over = shortest and self._situation.is_too_late(terms_of(shortest.text))
        return (shortest,) if shortest and is_over else ()

    def _is_for_changed_mind(self, clause: Clause) -> bool:
        """Tell whether a clause is for whoever sends back what has no fault, 반품 or 교환."""
        terms = terms_of(clause.text)
        return (
            terms.is_for_change_of_mind
            and self._view.is_citable(clause)
            and self._situation.is_of_goods(terms)
            and self._situation.is_meant(replace(terms, groups=()))
        )

    def _on_matters(self) -> list[Passage]:
        """Give the policies on whatever is complained of or asked."""
        case = self._case
        queries = [matter.issue.query for matter in self._complaints] or [""]
        return [
            passage
            for query in queries
            for passage in self._view.search(
                [case.text[sentence.start : sentence.end] for sentence in sentences(case.text)],
                limit=12,
                kinds=(SourceKind.POLICY,),
                product=case.product_name,
                query=query,
            )
        ]

    def _is_lapsed(self, clause: Clause) -> bool:
        """Tell whether a clause without a time of its own tells how to get what is over.

        Who hears after two months that exchanges are made at the door is promised one. What is
        done about a danger is done at any time.
        """
        terms = terms_of(clause.text)
        return (
            not terms.days_allowed
            and not terms.remedies.isdisjoint(self._lapsed.remedies)
            and not terms.denies_return
            and ComplaintCategory.SAFETY.value not in clause.topics
        )

    def _in_time(self, passages: Sequence[Passage]) -> list[Passage]:
        """Leave out the clauses for which the goods were bought too long ago, and note them."""
        late = [
            one
            for one in passages
            if self._situation.is_too_late(terms_of(one.clause.text))
            # Who asks is told how long the time was.
            and (self._complaints or not terms_of(one.clause.text).states_time)
        ]
        lapsed = [one for one in passages if self._is_lapsed(one.clause)]
        over = [one.clause for one in late]
        if lapsed and not self._complaints:
            over += self._lapsed.late
        self._missing += [
            f"고객이 말한 기간이 조항의 기한을 넘겨 인용하지 않았습니다: {clause.reference}"
            for clause in dict.fromkeys(over)
        ]
        return [one for one in passages if one not in late and one not in lapsed]

    def _note_contradictions(self, topic: str) -> None:
        self._missing += [
            pair.note
            for pair in self._view.contradictions
            if topic in pair.first.topics and topic in pair.second.topics
        ]

    def _note_gap(self, topic: str, name: str) -> None:
        expired = self._manual.expired(topic, self._at)
        if expired:
            self._missing.append(
                f"'{name}' 정책이 만료되어 인용하지 않았습니다: {expired[-1].reference}"
            )
        else:
            self._missing.append(
                f"매뉴얼에 '{name}'에 관한 유효한 정책이 없어 약속을 담지 않았습니다."
            )

    # For opinions about films.

    def on_opinion(self, issue: Issue) -> list[Clause]:
        """Give what the manual says of opinions about a work; note what it lacks."""
        topics = ("other", "quality", "price", "mismatch")
        found = self._view.search(
            f"{issue.query} {self._case.text[:200]}",
            topics,
            limit=6,
            kinds=(SourceKind.POLICY,),
            only_topics=True,
        )
        citable = [
            p.clause
            for p in found
            if self._view.is_citable(p.clause) and not _OF_SHOWING.search(p.clause.text)
        ]
        if not citable:
            self._note_contradictions("other")
            self._note_gap("other", "작품 의견")
        return citable[:1]

    def on_what_happened(self, issue: Issue) -> list[Clause]:
        """Give the clauses for a text on no work, but on what happened: goods, seats, a screen."""
        text = blamed(self._case.text)
        if not _AT_CINEMA.search(text):
            return []
        found = self._view.search(
            [text[sentence.start : sentence.end] for sentence in sentences(text)],
            limit=6,
            kinds=(SourceKind.POLICY,),
            query=issue.query,
        )
        fitting = [
            one
            for one in found
            if one.fit >= _BEYOND_FIT
            and one.words >= _MIN_POLICY
            and not _OPINION.search(one.clause.text)
            and self._may_cite(one.clause)
        ]
        wanted = _WANTED.findall(text)
        return [
            one.clause
            for one in fitting
            if one is fitting[0]
            or (one.fit >= _NEXT_FIT and one.words >= _MIN_BEYOND)
            or any(word in one.clause.text for word in wanted)
        ][:2]

    # For questions.

    def answers(self) -> list[Clause]:
        """Give what answers each thing that is asked, and note what the manual leaves open."""
        case = self._case
        asked = self._asked()
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
                fitting = [
                    one
                    for one in fitting
                    if one.fit >= _MIN_PART_FIT and shared(words, case.product_name, one.clause)
                ]
            best += [passage.clause for passage in fitting[:1]]
            chosen += [
                passage
                for index, passage in enumerate(fitting)
                if index == 0 or _adds(passage, fitting[0])
            ]
        if not chosen and not self._missing:
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
            if not is_new or any(_makes_needless(one.clause, passage.clause) for one in answers):
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
        return [passage.clause for passage in answers]

    def _is_very_case(self, passage: Passage) -> bool:
        """Tell whether a clause is for exactly what is told of, or for the very goods."""
        if passage.clause.kind is SourceKind.FACT:
            return passage.fit >= _SAME_FIT and names(passage.clause, self._case.product_name)
        return any(
            len(group) > 1 and group <= self._situation.spoken_of
            for group in terms_of(passage.clause.text).groups
        )

    def _answers_in_passing(self) -> list[Passage]:
        """Answer what a complaint asks besides: where to send a photo, how to exchange."""
        asked = [words for words in self._asked() if not _RHETORICAL.search(words)]
        best = [
            fitting[0]
            for words in asked
            if (fitting := self._answers_to(words, also=(self._case.text,)))
        ]
        return [one for one in best if one.words >= _MIN_SECOND_ANSWER and one.fit >= _GENERAL_FIT]

    def _answers_to(self, words: str, *, also: Sequence[str] = ()) -> list[Passage]:
        case = self._case
        asked = words
        if not case.analysis.is_negative and self._situation.is_edible and _RETURNS.search(words):
            words += " 신선식품"  # What is eaten is mostly excepted from what is said of all goods.
        findings = () if case.analysis.is_negative else case.analysis.categories
        found = self._view.search(
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
        self._missing += [
            pair.note
            for pair in self._view.contradictions
            if any(p.contradicted and p.clause in (pair.first, pair.second) for p in ranked[:3])
        ]
        least = _MIN_ANSWER
        if ranked and ranked[0].contradicted:
            # What is not nearly as good answers something else.
            least = max(least, _GOOD_SHARE * ranked[0].words)
        fitting = [
            passage
            for passage in ranked
            if (
                passage.words >= (_FITTING_SHARE * least if _is_met(passage) else least)
                or _is_of_product(passage)
            )
            and (passage.clause.kind is SourceKind.POLICY or self._is_told(words, passage))
            and self._view.is_citable(passage.clause)
            and self._situation.is_meant(terms_of(passage.clause.text))
            and (passage.fit >= _GENERAL_FIT or self._has_enough_of(words, passage))
        ]
        return self._in_time(fitting)

    def _is_told(self, words: str, passage: Passage) -> bool:
        """Tell whether a fact is on the goods meant, and says more of them than their name.

        Who asks of a 명절 선물세트 before 추석 does not ask what is in it.
        """
        product = self._case.product_name
        said = shared(words, product, passage.clause)
        is_on_them = passage.fit >= _MIN_ANSWER_FIT
        return is_on_them and not said.isdisjoint(says_beside_name(passage.clause, product))

    def _has_enough_of(self, words: str, passage: Passage) -> bool:
        """Tell whether what a clause shares with a question is more than chance.

        One piece may stand inside another word: 비회원 has 회원. A thing does not.
        """
        product = self._case.product_name
        said = shared(words, product, passage.clause)
        return len(said) > 1 or (
            _is_of_product(passage) and any(piece.startswith("#") for piece in said)
        )

    def _note_open(self, asked: str) -> None:
        self._missing.append(f"매뉴얼에 이 질문의 답이 없습니다: {asked[:30]}")

    def _asked(self) -> list[str]:
        text = self._case.text
        return [text[span.start : span.end] for span in questions(text)]


def _remedies_of(clauses: Iterable[Clause]) -> frozenset[str]:
    return frozenset[str]().union(*(terms_of(clause.text).remedies for clause in clauses))


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


def _makes_needless(said: Clause, clause: Clause) -> bool:
    """Tell whether a clause says what was said, or the rule of what was said to be excepted."""
    is_excepted = terms_of(said.text).denies_return and _takes_back(clause)
    return is_excepted or alike(clause, said)


def _takes_back(clause: Clause) -> bool:
    return bool(_RETURNS.search(clause.text)) and not terms_of(clause.text).denies_return


def _is_on_returns(clause: Clause) -> bool:
    """Tell whether a clause is on returns of what may be returned."""
    return bool(_RETURNS.search(clause.text)) and not _excepts_food(clause)


def _adds(passage: Passage, best: Passage) -> bool:
    """Tell whether a further passage answers what was asked as well."""
    if passage.clause.kind is SourceKind.FACT and passage.fit >= _SAME_FIT:
        return passage.words >= _MIN_SAME
    least = _MIN_SAME if passage.fit >= _SAME_FIT else _MIN_SECOND_ANSWER
    return _is_near(passage, best) and passage.fit >= _GENERAL_FIT and passage.words >= least


def _is_met(passage: Passage) -> bool:
    """Tell whether what a policy is for is just what was asked of, be it one word."""
    return passage.clause.kind is SourceKind.POLICY and passage.fit >= _SAME_FIT


def _is_of_product(passage: Passage) -> bool:
    """Tell whether a fact is about the very goods in hand, whose name alone counts for little."""
    return passage.clause.kind is SourceKind.FACT and passage.score >= _MIN_NAMED_FACT


def _is_for_left_out(clause: Clause) -> bool:
    """Tell whether a clause is for what was left out of an order."""
    return any(_LEFT_OUT in group for group in terms_of(clause.text).groups)


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
