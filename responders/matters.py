"""What exactly a customer complains of, and in which words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.types import (
    Analysis,
    CategoryFinding,
    ComplaintCategory,
    FeedbackKind,
    ReplyRules,
    Span,
)
from responders.phrases import FILM_ISSUES, ISSUES, Issue
from responders.quoting import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_SECOND_CATEGORY = 0.35


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
    return [_matter(case, finding) for finding in findings[:3]]


def _matter(case: DraftInput, finding: CategoryFinding) -> Matter:
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
        issue = first_issue(issues, shown)
        spans.append(finding.span)
    if not issue.words:
        issue = first_issue(issues, text)
    if not issue.words:
        issue = first_issue(issues, case.title)
    if issue.words:
        spans += [Span(match.start(), match.end()) for match in issue.pattern.finditer(text)]
    return Matter(finding.category, issue, tuple(spans[:6]))


def first_issue(issues: Sequence[Issue], text: str) -> Issue:
    """Give the first issue whose words stand in ``text``; the last one fits any text."""
    return next(issue for issue in issues if not issue.words or issue.pattern.search(text))


def issue_words(case: DraftInput, *, film: bool) -> str:
    """Give the words by which a manual speaks of what ``case`` complains of."""
    if film:
        return first_issue(FILM_ISSUES, case.text[:2_000]).query
    if not case.analysis.categories:
        return ""
    return " ".join(matter.issue.query for matter in find_matters(case))
