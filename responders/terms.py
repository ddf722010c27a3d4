"""For whom a clause is, and whether what a case tells makes it one of these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from domain.korea import KST
from domain.types import ComplaintCategory
from responders.elapsed import days_allowed, days_passed
from responders.matters import is_edible, is_no_kitchenware
from responders.pieces import pieces_of, stems_of, told
from responders.quoting import questions, sentences
from responders.wording import (
    IMPLIED,
    NARROWING,
    STATES,
    SUBJECTS,
    contradicts,
    one_sided,
    states_in,
    things_in,
    without_states,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from responders.matters import DraftInput, Matter

_HEAD = re.compile(
    r"^(.{2,40}?)(?:(?<![않있없하되새젖짧많받높좋넘늦])(?:은|는)|이면|으면|면|경우에는|경우에|경우|때문에|에는|때에는|때에|때)(?:\s|,)"
)

_SEGMENT = re.compile(r"(?<=[가-힣]며),?\s|(?<=지만),?\s|,\s|(?<=다)\.\s")

_OR = re.compile(r"(?<=[가-힣])(?:거나|또는)\s")

_NOUN_OR = re.compile(r"(?<=[가-힣])(?<!거)(?<!으)(?:이나|나)\s")

_ABOUT = "에 대한"

_NOUN_AND = re.compile(r"(?<=[가-힣])(?<!거)(?<!으)(?:이나|나|과|와)\s")
"""``보풀과 원단에 대한 의견``: whoever has either of them."""

_BOTH = re.compile(r"(?:취소|변경|교환|환불|반품)[과와] (?:취소|변경|교환|환불|반품)$")
"""``취소와 환불은``: for whoever asks for either of them."""

_SPEAKS_OF_FOOD = re.compile(r"식품|농산물|조리|반찬|드시|맛이나|신선")

_FROZEN, _MELTED = "냉동", "#녹음"

_HEATED = re.compile(r"렌지|레인지|오븐|인덕션|식기세척기|끓[는이였]|뜨거운|데[우웠]|불에")
"""What melts so was not frozen: a lid, a ladle."""

_CONDITIONS = (_FROZEN, "계좌", "전기", "유리")
"""Words that keep a clause to some orders; it is not cited where nobody speaks of them."""

_CHANGE_OF_MIND = "#변심"

_AFTER_ORDER = re.compile(r"^(?:결제|주문)(?:하신)? ?(?:뒤|후)")

_ORDERED = re.compile(r"주문|결제|취소|환불|배송|보[내냈]|(?:구매|구입)했|시켰|(?<!못 )샀")

_OWN_FAULT = re.compile(r"(?:저희|당사|판매자)[^.]{0,4}(?:잘못|실수|책임)")

_IF_WISHED = re.compile(r"(환불|교환|취소|반품)[을를]?\s원하시")

_DENIES = re.compile(
    r"(?:돌려|환불|교환|반품|취소|보상|변경|바꾸|드리|되)(?:(?!(?:비|비용|요금)[를을은는]? 받지)[^.]){0,12}(?:지 않습니다|수 없습니다|어렵습니다|불가합니다|안 됩니다)\.?$"
)
"""Told to somebody who complains and did not ask, it reads as a refusal to listen."""

_REFUSED = re.compile(r"안 (?:된대|된다|돼요|되나|해 ?준|해 ?줘|주나|줬|받아)|거절|거부|불가")

_WENT_WRONG = re.compile(r"는데도|지키지 못한|적용되지 않")
"""``건너뛰기를 하셨는데도 배송된``: no answer to who asks how to skip."""

_DENIED = re.compile(r"(?<![가-힣])(?:안|못)\s?[되됐돼된지받왔와]|지 ?(?:않|못)")

_STATES_TIME = re.compile(r"(?:기간|기한)은 [^.]*(?:입니다|이며)")

_FAULTS = frozenset(
    f"#{thing}" for thing in ("고장", "파손", "오배송", "누락", "상함", "시듦", "이물", "녹", "샘")
)

_FAULTY = frozenset(
    {
        ComplaintCategory.DEFECT,
        ComplaintCategory.MISMATCH,
        ComplaintCategory.QUALITY,
        ComplaintCategory.DELIVERY,
        ComplaintCategory.PACKAGING,
        ComplaintCategory.SAFETY,
    }
)

REMEDIES = frozenset({"#반품", "#환불", "#교환"})


@lru_cache(maxsize=4096)
def conditions_of(clause: str, *, is_fact: bool = False) -> tuple[frozenset[str], ...]:
    """Give the pieces of each condition under which a clause holds; any one of them is enough.

    ``고기가 덜 익었거나 음식이 상한 경우에는`` has two. A condition without a telling word, as of
    ``모든 상품은``, is none, nor is a state by itself: most do not say whether they opened the box.
    """
    first, *others = _SEGMENT.split(without_states(clause.lower()))
    found = _heads_of(first)
    if not found:
        # A state alone, or no condition: what else the sentence is about.
        pieces = stems_of(first)
        found.append(frozenset(one for one in pieces if one.startswith("#")) or pieces)
    for other in others:
        found += _heads_of(other)
    is_named = any(piece.startswith("#") for condition in found for piece in condition)
    if not is_named and not is_fact:
        things = frozenset(one for one in pieces_of(clause) if one.startswith("#")) - STATES
        found += [things] if len(things) == 1 else []
    return tuple(found)


def first_conditions_of(clause: str) -> list[frozenset[str]]:
    """Give the pieces of each condition that a clause begins with."""
    return _heads_of(_SEGMENT.split(without_states(clause.lower()))[0])


def _narrowed_to(clause: str) -> tuple[frozenset[str], ...]:
    """Give the things of which one group must be spoken of for a clause to be meant; none for all.

    What stands behind the first condition counts only where it narrows by itself.
    """
    first, *others = _SEGMENT.split(without_states(clause.lower()))
    groups = [condition & NARROWING for condition in _heads_of(first)]
    if not all(groups):
        return ()
    for other in others:
        groups += [group for one in _heads_of(other) if (group := one & NARROWING)]
    return tuple(groups)


def _heads_of(segment: str) -> list[frozenset[str]]:
    """Give the pieces of what part of a clause says it is for."""
    head = _HEAD.match(f"{segment} ")
    found: list[frozenset[str]] = []
    for part in _OR.split(head[1]) if head else ():
        # Of nouns, what is said of the one is said of the other: "빠진 메뉴나 반찬은".
        either = _NOUN_AND if _ABOUT in part or _BOTH.search(part) else _NOUN_OR
        nouns = [stems_of(noun) for noun in either.split(part)]
        # But "이물이나 위생 문제가" are two things.
        telling = [noun for noun in nouns if noun & NARROWING and not noun <= NARROWING]
        found += [noun for noun in telling or nouns if noun]
    return found


@dataclass(frozen=True, slots=True)
class Terms:
    """For whom a clause is.

    Attributes:
        words: All of them must be written.
        groups: Of one group, all things must be spoken of.
        states: What it says of opened or sent.
        wished: What somebody must want.
        denies: It refuses something.
        denies_return: What it refuses is to take goods back: no answer to who asks of their use.
        is_for_own_fault: The brand must be at fault: not for who has changed their mind.
        is_after_order: Something must have been ordered.
        went_wrong: It is for what happened although it should not.
        days_allowed: For how long after buying or receiving; 0 without end.
        remedies: Which of return, refund and exchange it speaks of.
        states_time: It says how long the time is, and promises nothing by it.
    """

    words: tuple[str, ...]
    is_for_food: bool
    is_for_ware: bool
    groups: tuple[frozenset[str], ...]
    states: frozenset[str]
    wished: str
    denies: bool
    denies_return: bool
    went_wrong: bool
    is_for_change_of_mind: bool
    is_for_own_fault: bool
    is_after_order: bool
    days_allowed: float
    remedies: frozenset[str]
    states_time: bool


@lru_cache(maxsize=4096)
def terms_of(clause: str) -> Terms:
    """Give for whom a clause is, as far as its text says."""
    condition = clause[: clause.find(" ", 12)]
    is_for_ware = "주방용품" in clause
    wished = _IF_WISHED.search(clause)
    lowered = clause.lower()
    denies = bool(_DENIES.search(clause))
    remedies = REMEDIES & _things_of(lowered)
    return Terms(
        words=tuple(word for word in _CONDITIONS if word in condition),
        is_for_food=bool(_SPEAKS_OF_FOOD.search(clause)) and not is_for_ware,
        is_for_ware=is_for_ware and "식품" not in clause,
        groups=_narrowed_to(clause),
        states=states_in(lowered),
        wished=wished[1] if wished else "",
        denies=denies,
        denies_return=denies and bool(remedies),
        went_wrong=bool(_WENT_WRONG.search(clause)),
        is_for_change_of_mind=any(thing == _CHANGE_OF_MIND for thing, _, _ in things_in(lowered)),
        is_for_own_fault=bool(_OWN_FAULT.search(clause)),
        is_after_order=bool(_AFTER_ORDER.search(clause)),
        days_allowed=days_allowed(clause),
        remedies=remedies,
        states_time=bool(_STATES_TIME.search(clause)),
    )


class Situation:
    """What a case tells of goods, orders and states: a clause for others is not meant for it.

    Args:
        case: Whose texts are read.
        complaints: What is complained of, if the answer is one to a complaint.
        at: When the answer is written, aware; the text is as old where its channel does not say.
        is_eatery: Whether the brand is a restaurant.
    """

    def __init__(
        self, case: DraftInput, complaints: Sequence[Matter], *, at: datetime, is_eatery: bool
    ) -> None:
        self._case = case
        self._complaints = complaints
        self._written_at = case.written_at or at
        self._is_eatery = is_eatery

    def is_of_goods(self, terms: Terms) -> bool:
        """Tell whether a clause is not for other goods or orders than these."""
        return all(
            # What has melted was frozen, whatever it is called.
            word in self._about
            or (word == _FROZEN and _MELTED in self.spoken_of and not _HEATED.search(self._about))
            for word in terms.words
        ) and not (
            (terms.is_for_ware and (self.is_edible or is_no_kitchenware(self._case)))
            or (terms.is_for_food and not self.is_edible)
        )

    def is_too_late(self, terms: Terms) -> bool:
        """Tell whether the goods were bought or received longer ago than a clause holds."""
        return 0 < terms.days_allowed < self.days_passed

    def is_meant(self, terms: Terms) -> bool:
        """Tell whether what the text tells of is what a clause is for, as far as it says.

        Whether it is in time, ``is_too_late`` tells.
        """
        groups = terms.groups
        if groups and not any(group <= self._things for group in groups):
            return False
        if contradicts(self._states, terms.states):
            return False
        if terms.is_after_order and not _ORDERED.search(self._about):
            return False
        if terms.is_for_own_fault and not self._is_told_of_fault:
            return False
        if terms.wished and terms.wished not in self._about:
            return False
        if terms.denies_return and not self._complaints and self._things.isdisjoint(REMEDIES):
            return False
        if (
            (
                terms.denies
                and not questions(self._case.text)
                and not _REFUSED.search(self._case.text)
            )
            if self._complaints
            else terms.went_wrong and not _DENIED.search(self._case.text)
        ):
            return False
        changed = _CHANGE_OF_MIND in (self.spoken_of if self._is_bad_food else self._things)
        return changed or not (terms.is_for_change_of_mind and self._is_faulty)

    @cached_property
    def is_edible(self) -> bool:
        """Whether the case is about something to eat."""
        return is_edible(self._case, is_eatery=self._is_eatery)

    @cached_property
    def _is_told_of_fault(self) -> bool:
        """Whether something is told of that the brand did wrong before goods are sent back."""
        if _CHANGE_OF_MIND in self.spoken_of:
            return False
        is_named = not self.spoken_of.isdisjoint(_FAULTS)
        return is_named or any(matter.category in _FAULTY for matter in self._complaints)

    @property
    def _is_bad_food(self) -> bool:
        """Whether something to eat is complained of: nobody sends that back on a change of mind."""
        return bool(self._complaints) and self.is_edible

    @cached_property
    def spoken_of(self) -> frozenset[str]:
        """The things that the customer names, and what is meant with them."""
        things = frozenset(piece for piece in self._told if piece.startswith("#"))
        return things | {IMPLIED[thing] for thing in things & IMPLIED.keys()}

    @cached_property
    def _about(self) -> str:
        return f"{self._case.title} {self._case.product_name} {self._case.text}"

    @cached_property
    def _things(self) -> frozenset[str]:
        """What the text speaks of, and what manuals call what it complains of."""
        queries = (matter.issue.query for matter in self._complaints)
        meant = frozenset[str]().union(*map(_things_of, queries)) - SUBJECTS
        things = self.spoken_of | meant
        if not self._complaints and things & REMEDIES and not things & _FAULTS:
            # Who sends back what has no fault has changed their mind, in whatever words.
            things |= {_CHANGE_OF_MIND}
        return things

    @cached_property
    def _told(self) -> frozenset[str]:
        """The pieces of all that is written, sentence by sentence, as each is looked for."""
        text = self._case.text
        parts = [text[sentence.start : sentence.end] for sentence in sentences(text)]
        return frozenset[str]().union(
            *map(told, parts), told(self._case.title), told(self._case.product_name)
        )

    @cached_property
    def _states(self) -> frozenset[str]:
        return one_sided(self._told)

    @cached_property
    def days_passed(self) -> float:
        """How long ago the goods were bought or received; 0 where the text does not say."""
        return days_passed(self._case.text, self._written_at.astimezone(KST).date())

    @cached_property
    def _is_faulty(self) -> bool:
        """Tell whether something is wrong with the goods, so that nobody's mind has changed."""
        return bool(self._complaints) or not self._things.isdisjoint(_FAULTS)


@lru_cache(maxsize=1024)
def _things_of(query: str) -> frozenset[str]:
    return frozenset(thing for thing, _, _ in things_in(query))
