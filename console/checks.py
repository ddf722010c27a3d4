"""Whether a reply may go out, asked again at the moment of the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.types import DraftSentence, FeedbackKind, SourceKind
from responders.drafting import Drafter, DraftInput
from responders.manual import load_manual
from responders.policy import check_reply
from storage.feedback import analysis_from_row, whole_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.context import ConsoleContext
    from domain.brands import Brand
    from domain.types import DraftReply
    from responders.manual import Manual
    from responders.policy import Finding
    from responders.retrieval import Passage
    from storage.cases import CaseView, ToDraft


def manual_of(brand: Brand) -> Manual:
    """Read the brand's manual as it is now."""
    return load_manual(brand.manual_folder, brand.timezone)


def findings(
    context: ConsoleContext, brand: Brand, view: CaseView, text: str
) -> tuple[Finding, ...]:
    """Check a reply as it would be published, with the manual as it is now.

    Args:
        context: The console's tools.
        brand: Whose reply.
        view: The case; clauses its draft cites must still stand, word for word.
        text: The reply, possibly edited.

    Raises:
        ConfigurationError: The manual cannot be read.
    """
    return check_reply(
        text,
        brand=brand,
        rules=context.rules_of(view.case),
        manual=manual_of(brand),
        sources=_sources(view),
        at=context.clock(),
        find_personal_data=context.find_personal_data,
        review_text=whole_text(view.case.title, view.case.text),
    )


def _sources(view: CaseView) -> list[DraftSentence]:
    """Give the draft's sentences, each citation pinned to the wording it was drafted from."""
    return [
        DraftSentence(
            text=sentence["text"],
            source=SourceKind(sentence["source"]),
            reference=_pinned(sentence["reference"], view.cited),
        )
        for sentence in view.sentences
    ]


def _pinned(reference: str, cited: Mapping[str, str]) -> str:
    place = reference.partition("@")[0]
    return f"{place}@{cited[place]}" if place in cited else reference


def draft_input(context: ConsoleContext, case: ToDraft) -> DraftInput:
    """Give a case as the drafter sees it."""
    return DraftInput(
        feedback_id=str(case.feedback_id),
        text=whole_text(case.title, case.text),
        analysis=analysis_from_row(case),
        kind=FeedbackKind(case.kind),
        title=case.title,
        product_name=case.product_name,
        rating=case.rating,
        written_at=case.written_at,
        rules=context.rules_of(case),
    )


def passages(context: ConsoleContext, brand: Brand, case: ToDraft) -> tuple[Passage, ...]:
    """Give the manual's passages that a decision on this case should know."""
    drafter = Drafter(brand, manual_of(brand), context.clock)
    return drafter.passages(draft_input(context, case))


def alternatives(context: ConsoleContext, brand: Brand, case: ToDraft) -> tuple[DraftReply, ...]:
    """Write one draft per strategy, the recommended one first."""
    drafter = Drafter(brand, manual_of(brand), context.clock)
    return drafter.alternatives(draft_input(context, case))
