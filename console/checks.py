"""Whether a reply may go out, asked again at the moment of the decision."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.types import DraftSentence, FeedbackKind, SourceKind, same_reply
from responders.drafting import Drafter, DraftInput
from responders.manual import load_manual
from responders.policy import check_reply, what_changed
from storage.analyses import analysis_from_row
from storage.feedback import whole_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from console.context import ConsoleContext
    from domain.brands import Brand
    from domain.types import DraftReply
    from responders.clauses import Clause
    from responders.manual import Manual
    from responders.policy import Finding
    from responders.retrieval import Passage
    from storage.cases import CaseView, ToDraft

_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n")


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


@dataclass(frozen=True, slots=True)
class ShownSentence:
    """One sentence of a reply beside what it rests on.

    Attributes:
        source: None for what a person wrote.
        place: The clause it cites, without the hash of its wording; empty where it cites none.
        clause: That clause, while its wording is the one that was cited.
        problem: Why nothing supports the sentence, Korean; empty where something does.
    """

    text: str
    source: SourceKind | None = None
    place: str = ""
    clause: Clause | None = None
    problem: str = ""


def sentences(
    view: CaseView, manual: Manual | None, reply: str, at: datetime
) -> list[ShownSentence]:
    """Give the sentences of a reply, each with its source in the draft.

    Args:
        view: The case and its draft.
        manual: The brand's, as it is now; None when it cannot be read: then nothing is said
            about clauses.
        reply: The draft, or what a person made of it.
        at: When the reply is or was decided about.
    """
    drafted = [(sentence, _shown(sentence, manual, at)) for sentence in _sources(view)]
    if same_reply(reply, view.draft_text):
        return [shown for _, shown in drafted]
    known = {
        "".join(part.split()): shown
        for sentence, shown in drafted
        for part in _SENTENCES.split(sentence.text)
    }
    parts = [part.strip() for part in _SENTENCES.split(reply)]
    return [
        replace(known[dense], text=part)
        if (dense := "".join(part.split())) in known
        else ShownSentence(part, problem="초안에 없는 문장입니다")
        for part in parts
        if part
    ]


def _shown(sentence: DraftSentence, manual: Manual | None, at: datetime) -> ShownSentence:
    place, _, digest = sentence.reference.partition("@")
    clause = manual.clause(place) if manual is not None else None
    return ShownSentence(
        sentence.text,
        sentence.source,
        place if sentence.source is not SourceKind.REVIEW else "",
        clause if clause is not None and digest in {"", clause.digest} else None,
        what_changed(sentence, manual, at) if manual is not None else "",
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
