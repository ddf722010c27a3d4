"""What exactly a customer complains of, and in which words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from domain.types import (
    Analysis,
    CategoryFinding,
    ComplaintCategory,
    FeedbackKind,
    ReplyRules,
    Span,
)
from responders.phrases import FILM_ISSUES, ISSUES, WISHES, Issue
from responders.quoting import blamed, complains, sentences, without_instructions
from responders.wording import SPOILT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_READ = 2_000
"""Characters of a text that are looked at."""
_SECOND_CATEGORY = 0.35
_WEAK = 0.6
"""Below it, a category that no words show is doubted."""
_NOT_SO = re.compile(
    r"(?<![가-힣])안\s?(?:깨[졌져진지]|부서[졌져진지]|터[졌져진지]|상[했한해하]|샜|젖[었은]|녹[았은])"
)
_DAMAGED = re.compile(
    r"깨[졌져진]|젖|터[졌져]|찢|부서|녹[아았]|" + SPOILT + r"|물러|곰팡|고장|새[서는고]\s"
)
_PLAIN_CATEGORIES = (
    ComplaintCategory.DEFECT,
    ComplaintCategory.QUALITY,
    ComplaintCategory.MISMATCH,
    ComplaintCategory.DELIVERY,
    ComplaintCategory.PACKAGING,
    ComplaintCategory.PRICE,
)
"""Where to look for the words of a complaint whose category is not known."""
_DELIVERED = re.compile(r"배송|배달|택배|기사|도착|왔|온[다대]|안 ?[와오]|받[았지]|발송|출고|기다")
"""``점심``, ``아직`` and ``7시`` alone tell of no delivery."""
_NAMED = 0.5
"""How likely a category is that no words show, to be named in a reply."""

_FOOD = re.compile(
    r"유정란|식빵|먹|드시|씹|맛|김치|우유|빵|계란|달걀|두부|고기|반찬|국물|샐러드|과일|감귤|블루베리|음식|식품|떡|과자|음료|커피|쌀|"
    r"장조림|곰탕|조림|볶음|치킨|닭|튀김|피자|버거|국수|라면|만두|초밥|족발|도시락|메뉴|유통기한|소비기한|"
    r"(?:딸기|복숭아|포도|수박|참외|바나나|토마토|고구마|감자|양파|마늘|버섯|상추|배추|옥수수)(?!\s?(?:칼|다지기|무늬|모양|향))|사과(?:에 |\s?(?:상자|박스|즙))|나물|시금치|채소|야채|오이|호박|당근|케이크|냉면|육수|두유|새우|"
    r"오징어|전복|고등어|갈치|멸치|굴비|생선|삼겹|목살|갈비|한우|[소돼]지고기|소시지|어묵|요거트|치즈|아이스크림|찌개|밀키트|젓갈|간장|된장|고추장|들기름|"
    r"참기름|견과|시리얼|싱싱|시들|썩[었어은는고]|냉장고에 (?:넣|보관|뒀|두)"
)

_EATEN = re.compile(r"먹|드시|드셨|마[셨시]|씹|맛")

_NO_KITCHENWARE = re.compile(
    r"이불|베개|수건|양말|바지|셔츠|잠옷|신발|슬리퍼|휴지|세제|샴푸|칫솔|손톱깎이|우산|커튼|러그|매트|의자|가방"
)

_WARE = re.compile(r"프라이팬|도마|용기|밥솥|수저|채반|냄비|그릇|접시|주방")


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
class Matter:
    """One complaint of a text: category, what exactly, and the words that show it."""

    category: ComplaintCategory
    issue: Issue
    spans: tuple[Span, ...]


def find_matters(case: DraftInput) -> list[Matter]:
    """Say what exactly each complaint of the text is about, the first one first."""
    findings = [
        finding
        for index, finding in enumerate(case.analysis.categories)
        if index == 0 or finding.score >= _SECOND_CATEGORY
    ]
    if not findings:
        findings = [CategoryFinding(ComplaintCategory.OTHER, 0.0)]
    matters = [_matter(case, finding) for finding in findings[:3]]
    # What somebody wants because of it comes after what is wrong, and so does what has no name.
    matters.sort(key=_is_unnamed)
    if not matters[0].issue.words and matters[0].category is not ComplaintCategory.SAFETY:
        # A category that no words show says less than a surer look at what they do show.
        matters.sort(
            key=lambda one: _is_unnamed(one) or not (one.issue.words and _is_sure(one, findings))
        )
    first = matters[0]
    is_weak = not first.issue.words and findings[0].score < _WEAK
    if _is_unnamed(first) or (is_weak and first.category is not ComplaintCategory.SAFETY):
        return [*_shown(case), *matters]
    others = _besides(case, first)
    if any(_is_damage(case, one) for one in others) and not _is_damage(case, first):
        return [*others, *matters]
    return [*matters, *others]


def _is_damage(case: DraftInput, matter: Matter) -> bool:
    return any(_DAMAGED.search(case.text, span.start, span.end + 1) for span in matter.spans)


def _is_sure(matter: Matter, findings: Sequence[CategoryFinding]) -> bool:
    return any(one.category is matter.category and one.score >= _WEAK for one in findings)


def _is_unnamed(matter: Matter) -> bool:
    is_other = matter.category is ComplaintCategory.OTHER
    return matter.issue.name in WISHES or (is_other and not matter.issue.words)


def _shown(case: DraftInput) -> list[Matter]:
    """Give the complaint of any category whose words the text has, where the model named none."""
    matters = (
        find_matter(case, category)
        for category in _PLAIN_CATEGORIES
        if category is not ComplaintCategory.DELIVERY or _DELIVERED.search(case.text)
    )
    return list(islice((matter for matter in matters if matter.issue.words), 1))


def _besides(case: DraftInput, first: Matter) -> list[Matter]:
    """Give what else of the first one's category another sentence complains of: one thing."""
    text = _readable(case)
    for sentence in sentences(text):
        words = text[sentence.start : sentence.end]
        if not (complains(words) or _DAMAGED.search(words)) or any(
            sentence.start <= s.start < sentence.end for s in first.spans
        ):
            continue
        issue = first_issue(ISSUES[first.category], words)
        if issue.words and issue.name not in (first.issue.name, *WISHES):
            found = issue.pattern.finditer(text, sentence.start, sentence.end)
            spans = tuple(Span(match.start(), match.end()) for match in found)
            return [Matter(first.category, issue, spans)]
    return []


def _readable(case: DraftInput) -> str:
    """Blank what tells of no complaint, praise and ``안 깨졌는데``; every offset stays."""
    text = blamed(without_instructions(case.text[:_READ]))
    return _NOT_SO.sub(lambda match: " " * len(match[0]), text)


def find_matter(case: DraftInput, category: ComplaintCategory) -> Matter:
    """Say what exactly the text complains of, were it of ``category``."""
    return _matter(case, CategoryFinding(category, 0.0))


def _matter(case: DraftInput, finding: CategoryFinding) -> Matter:
    category = finding.category
    issues = ISSUES[category]
    text = _readable(case)
    span = finding.span
    issue = issues[-1]
    body = body_starts(case)
    shown = [
        s for s in sentences(text) if span and body <= s.start < span.end and span.start < s.end
    ]
    if shown:
        # The sentence that showed the category says best what exactly is wrong.
        issue = first_issue(issues, text[shown[0].start : shown[0].end])
    if not issue.words:
        issue = first_issue(issues, text)
    if not issue.words:
        issue = first_issue(issues, case.title)
    spans: list[Span] = []
    if issue.words:
        spans = [Span(match.start(), match.end()) for match in issue.pattern.finditer(text)]
        # Where the words stand in the sentence shown, they are quoted first: a clause that the
        # model only finds the worst may say something else.
        spans.sort(key=lambda one: not any(s.start <= one.start < s.end for s in shown))
    elif finding.score < _NAMED:
        # Nothing but a doubtful label: the reply neither names it nor consoles for it. What may
        # be harm is still cared for.
        unnamed = ISSUES[ComplaintCategory.OTHER][-1]
        if category is ComplaintCategory.SAFETY:
            issue = replace(issue, name=unnamed.name)
        else:
            category, issue = ComplaintCategory.OTHER, unnamed
    if span:
        spans.append(span)
    return Matter(category, issue, tuple(spans[:6]))


def body_starts(case: DraftInput) -> int:
    """Give where the text begins behind its title: a title names a matter, but tells nothing."""
    return len(case.title) + 1 if case.title and case.text.startswith(f"{case.title}\n") else 0


def first_issue(issues: Sequence[Issue], text: str) -> Issue:
    """Give the first issue whose words stand in ``text``; the last one fits any text."""
    return next(issue for issue in issues if not issue.words or issue.pattern.search(text))


def issue_words(case: DraftInput, *, film: bool) -> str:
    """Give the words by which a manual speaks of what ``case`` complains of."""
    if film:
        return first_issue(FILM_ISSUES, case.text[:_READ]).query
    if not case.analysis.categories:
        return ""
    return " ".join(matter.issue.query for matter in find_matters(case))


def is_edible(case: DraftInput, *, is_eatery: bool) -> bool:
    """Tell whether a case is about something to eat, as all of a restaurant's are."""
    return is_eatery or _is_food(case.product_name, case.text)


def is_no_kitchenware(case: DraftInput) -> bool:
    """Tell whether a case is about household goods that are plainly of no kitchen: 이불, 양말."""
    about = case.product_name or case.text
    return bool(_NO_KITCHENWARE.search(about)) and not _WARE.search(about)


@lru_cache(maxsize=256)
def _is_food(product: str, text: str) -> bool:
    """Tell whether a product, or where it has no name, a text is about something to eat."""
    if _WARE.search(product):
        return False
    return bool(_FOOD.search(product) or (_EATEN if product else _FOOD).search(text))
