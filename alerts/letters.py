"""What our mails say: data in, a message out; plain text with an HTML alternative. Pure.

Headers carry our own words and the brand's name only, never a customer's. Customers' words are
masked before they come here; here their links are broken up, and HTML escapes them. Nothing in a
mail is loaded from anywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from alerts.blocks import NOTHING_TO_DECIDE, DigestPeriod
from alerts.escape import clean, defang, hide, shorten
from alerts.smtp import POLICY
from alerts.wording import deadline, stars, when
from domain.types import KOREAN_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from alerts.blocks import CaseCard, CaseLine, DigestCounts
    from domain.brands import Brand

HAPPENED = "무슨 일이 있었나요"
DONE = "저희가 한 일"
TO_DECIDE = "결정해 주실 일과 기한"
TO_WATCH = "눈여겨보실 글"
_LONGEST_QUOTE = 2_000
_SUMMARY_LENGTH = 120
_NAME_LENGTH = 60
_MARKED = "평판"
_DIGEST_NAMES = {DigestPeriod.DAILY: "일간 요약", DigestPeriod.WEEKLY: "주간 요약"}
_environment = Environment(
    loader=PackageLoader("alerts", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One case in a list: its words, what is to be known of it, and its page."""

    text: str
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a letter.

    Attributes:
        facts: Name and value.
        quote: A customer's words.
        note: One sentence of ours.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    quote: str = ""
    lines: tuple[Line, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail says.

    Attributes:
        subject: Our own words and the brand's name.
        url: The console's page about it.
        link: What the link says.
    """

    subject: str
    heading: str
    sections: tuple[Section, ...]
    url: str
    link: str


def safety_letter(card: CaseCard, done: str, to_decide: str, now: datetime) -> Letter:
    """Write of one safety or legal matter.

    Args:
        card: The case; its draft is not shown.
        done: What was done so far, in Korean.
        to_decide: What the brand must decide, in Korean.
        now: When the mail is written.
    """
    brand = shorten(card.brand_name, _NAME_LENGTH)
    facts = [
        ("심각도", KOREAN_NAMES[card.severity]),
        ("유형", ", ".join(KOREAN_NAMES[name] for name in card.categories[:5]) or "없음"),
        ("채널", card.channel_name),
        ("상품", defang(shorten(card.product_name, _NAME_LENGTH)) or "없음"),
        ("별점", stars(card.rating)),
    ]
    if card.written_at is not None:
        facts.append(("작성", when(card.written_at, card.timezone)))
    quote = shorten_lines(hide(card.text, card.abuse_spans), _LONGEST_QUOTE)
    due = [] if card.due_at is None else [("답변 기한", deadline(card.due_at, now, card.timezone))]
    heading = f"{card.matter}을 확인해 주세요"
    return Letter(
        subject=f"[{_MARKED}] {brand}: {heading}",
        heading=f"{brand}: {heading}",
        sections=(
            Section(HAPPENED, facts=tuple(facts), quote=quote),
            Section(DONE, note=done),
            Section(
                TO_DECIDE,
                facts=tuple(due),
                note=to_decide,
            ),
        ),
        url=card.console_url,
        link="콘솔에서 이 글 보기",
    )


def digest_letter(
    period: DigestPeriod,
    brand: Brand,
    since: datetime,
    counts: DigestCounts,
    to_decide: int,
    proposals: Sequence[CaseLine],
    worst: Sequence[CaseLine],
    console_url: str,
    now: datetime,
) -> Letter:
    """Write a daily or weekly digest.

    Args:
        period: Which.
        brand: Whose.
        since: Where the period begins; it ends at ``now``.
        counts: What happened in it.
        to_decide: How much the brand must decide.
        proposals: The first of it, most urgent first; ``note`` says why.
        worst: Open cases to know of, worst first.
        console_url: The console's address, without a path.
        now: When the mail is written.
    """
    timezone = brand.timezone
    title = f"{shorten(brand.name, _NAME_LENGTH)} {_DIGEST_NAMES[period]}"
    nothing = (
        NOTHING_TO_DECIDE
        if brand.two_step_approval
        else f"{NOTHING_TO_DECIDE} 답변은 에이전시가 승인합니다."
    )

    asked = f" · 결정해 주실 일 {to_decide:,}건" if to_decide else ""
    left = to_decide - len(proposals)
    more = f"외 {left:,}건은 콘솔에서 보실 수 있습니다." if left else ""

    def line_of(case: CaseLine) -> Line:
        names = [KOREAN_NAMES[name] for name in case.categories[:3]]
        details = [
            KOREAN_NAMES[case.severity],
            *names,
            *([case.note] if case.note else []),
            f"기한 {deadline(case.due_at, now, timezone)}",
        ]
        return Line(
            defang(shorten(case.summary, _SUMMARY_LENGTH)) or "(내용 없음)",
            " · ".join(details),
            f"{console_url}/cases/{case.case_id}",
        )

    sections = [
        Section(
            HAPPENED,
            facts=(
                ("기간", f"{when(since, timezone)}부터 {when(now, timezone)}까지"),
                *counts.happened(),
                ("불만 유형", counts.complaints(5) or "없음"),
            ),
        ),
        Section(DONE, facts=tuple(counts.done())),
        Section(
            TO_DECIDE,
            lines=tuple(line_of(case) for case in proposals),
            note=more if proposals else nothing,
        ),
    ]
    if worst:
        sections.append(Section(TO_WATCH, lines=tuple(line_of(case) for case in worst)))
    return Letter(
        subject=f"[{_MARKED}] {title}{asked} · {when(now, timezone)}",
        heading=title,
        sections=tuple(sections),
        url=f"{console_url}/brands/{brand.slug}",
        link="콘솔에서 보기",
    )


def shorten_lines(text: str, limit: int) -> str:
    """Give a customer's words with their line breaks, of about ``limit`` characters at most."""
    cleaned = clean(text)
    return defang(cleaned if len(cleaned) <= limit else f"{cleaned[:limit].rstrip()}…")


def message_id(dedupe_key: str, alert_id: int, made_at: datetime, sender: str) -> str:
    """Give the id of a notice's mail: the same at every attempt, and no other notice's.

    Another installation behind the same sender has other instants, so its ids differ too.
    """
    facts = f"{alert_id} {made_at.isoformat()} {dedupe_key}"
    digest = hashlib.sha256(facts.encode()).hexdigest()[:32]
    return f"<{digest}@{sender.partition('@')[2]}>"


def compose(
    letter: Letter, *, sender: str, recipient: str, identity: str, now: datetime
) -> EmailMessage:
    """Make the message of a letter.

    Args:
        letter: What it says.
        sender: Our address.
        recipient: Theirs.
        identity: As ``message_id`` gives it.
        now: Its date.
    """
    message = EmailMessage(policy=POLICY)
    # One line each: a brand's name is what somebody typed into a file.
    message["Subject"] = " ".join(letter.subject.split())
    message["From"] = Address(_MARKED, addr_spec=sender)
    message["To"] = recipient
    message["Date"] = format_datetime(now)
    message["Message-ID"] = identity
    # No out-of-office answers to a machine.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_plain(letter))
    html = _environment.get_template("letter.html").render(letter=letter)
    message.add_alternative(html, subtype="html")
    return message


def _plain(letter: Letter) -> str:
    parts = [letter.heading]
    for section in letter.sections:
        lines = [f"■ {section.title}"]
        lines += [f"{name}: {value}" for name, value in section.facts]
        lines += [f"> {line}" for line in section.quote.splitlines()]
        for case in section.lines:
            lines += [f"- {case.text}", f"  {case.detail}", f"  {case.url}"]
        if section.note:
            lines.append(section.note)
        parts.append("\n".join(lines))
    parts.append(f"{letter.link}: {letter.url}")
    return "\n\n".join(parts) + "\n"
