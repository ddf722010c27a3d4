"""Dates, ratings and texts as Korean channels write them, read in one place.

Three promises: a date is never in the future and never silently "now"; a rating is 1-5, None or
an error; a text that comes out can be stored, sent and shown. What cannot be read is a
`BadInputError`, so that the row is quarantined rather than guessed.

Source: the lists at the end of section 7 of the channel reference (Checked: 2026-11).
"""

from __future__ import annotations

import codecs
import email.utils
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from html import unescape
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from domain.errors import BadInputError
from domain.korea import KST

FUTURE_SKEW: Final = timedelta(minutes=5)
"""A channel's clock may run this far ahead of ours."""
EARLIEST_YEAR: Final = 1995
"""Nobody reviewed anything on line before; an older date is a misread one."""
MAX_TEXT_CHARS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class When:
    """An instant read from a channel.

    Attributes:
        at: Aware UTC.
        exact: False when only a day was given, or it was derived ("3시간 전", "12:30").
    """

    at: datetime
    exact: bool


def parse_when(
    value: str | float | datetime | date,
    *,
    now: datetime,
    tz: tzinfo = KST,
) -> When:
    """Read a date in any form Korean channels use.

    Relative words, clock times and dates without a year are read against ``now``; a time or day
    without a year that would lie ahead belongs to yesterday or last year. A value without an
    offset is local time of ``tz``. A date without a time is the start of that day.

    Args:
        value: Text, seconds or milliseconds since 1970, or what a spreadsheet gave.
        now: Aware UTC; when the channel was read.
        tz: Zone of naive values.

    Raises:
        BadInputError: Unreadable, more than `FUTURE_SKEW` ahead of ``now``, or before 1995.
    """
    if isinstance(value, bool):
        raise _bad_date("not a date")
    local_now = now.astimezone(tz)
    try:
        when = _read_when(value, local_now, tz)
        at = when.at.astimezone(UTC) if when else None
    except (ValueError, OverflowError, OSError):
        when = at = None
    if when is None or at is None:
        raise _bad_date("unreadable date")
    if at > now + FUTURE_SKEW:
        raise _bad_date("date lies in the future")
    if at.year < EARLIEST_YEAR:
        raise _bad_date(f"date lies before {EARLIEST_YEAR}")
    return When(at, when.exact)


def _bad_date(what: str) -> BadInputError:
    return BadInputError(what, field="written_at")


def _read_when(
    value: str | float | datetime | date, local_now: datetime, tz: tzinfo
) -> When | None:
    if isinstance(value, datetime):
        return When(value if value.tzinfo else value.replace(tzinfo=tz), exact=True)
    if isinstance(value, date):
        return When(datetime(value.year, value.month, value.day, tzinfo=tz), exact=False)
    if isinstance(value, int | float):
        return _from_epoch(value)
    if _PLAIN_ISO.fullmatch(value):
        return _from_iso(value, tz)
    text = _tidy_date(value)
    for read in _READERS:
        if (when := read(text, local_now, tz)) is not None:
            return when
    return None


_PLAIN_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
"""What most channels send, with nothing around it."""


def _tidy_date(text: str) -> str:
    """Bring a date's text to plain digits and single spaces, without labels around it."""
    text = unicodedata.normalize("NFKC", text[:200]).strip()
    text = re.sub(r"^(등록일|작성일|작성일자|등록일시|수정일|날짜)\s*:?\s*", "", text)
    text = re.sub(r"\s*(\([월화수목금토일](요일)?\)|[월화수목금토일]요일)", "", text)
    return re.sub(r"\s+", " ", text).strip()


def _from_epoch(number: float) -> When:
    """Read seconds or, from the year 2286 on, milliseconds since 1970."""
    seconds = number / 1000 if abs(number) >= 10_000_000_000 else number
    return When(datetime.fromtimestamp(seconds, tz=UTC), exact=True)


def _read_epoch(text: str, _local_now: datetime, _tz: tzinfo) -> When | None:
    if re.fullmatch(r"\d{9,10}(\.\d+)?|\d{12,13}", text, re.ASCII):
        return _from_epoch(float(text))
    return None


_UNITS: Final = {
    "초": timedelta(seconds=1),
    "분": timedelta(minutes=1),
    "시간": timedelta(hours=1),
    "일": timedelta(days=1),
    "주일": timedelta(weeks=1),
    "주": timedelta(weeks=1),
    "개월": timedelta(days=30),
    "달": timedelta(days=30),
    "년": timedelta(days=365),
}
_DAYS_AGO: Final = {"오늘": 0, "어제": 1, "그제": 2, "그저께": 2, "엊그제": 2}


def _read_relative(text: str, local_now: datetime, tz: tzinfo) -> When | None:
    if text in {"방금", "방금 전", "방금전", "지금", "조금 전"}:
        # The channel itself says "now"; it is marked as not exact like every derived instant.
        return When(local_now, exact=False)
    if text in {"하루 전", "하루전"}:
        return When(local_now - timedelta(days=1), exact=False)
    if ago := re.fullmatch(
        r"약? ?(\d{1,4}) ?(초|분|시간|일|주일|주|개월|달|년) ?전", text, re.ASCII
    ):
        return When(local_now - int(ago[1]) * _UNITS[ago[2]], exact=False)
    day = re.fullmatch(r"(오늘|어제|그제|그저께|엊그제)(?: (.+))?", text)
    if day is None:
        return None
    start = _start_of_day(local_now) - timedelta(days=_DAYS_AGO[day[1]])
    if not day[2]:
        return When(start, exact=False)
    clock = _read_clock(day[2])
    return None if clock is None else When(_at_clock(start, clock, tz), exact=False)


def _start_of_day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


_CLOCK: Final = re.compile(
    r"(?:(오전|오후|AM|PM) ?)?(\d{1,2})(?:[:시] ?(?:(\d{1,2})분?(?:[: ] ?(\d{1,2})초?)?)?)"
    r"(?:\.(\d{1,6})\d*)?(?: ?(AM|PM))?",
    re.ASCII | re.IGNORECASE,
)


def _read_clock(text: str) -> tuple[int, int, int, int] | None:
    """Read "14:05", "14:05:10.0", "오후 2:05", "오후 2시 5분"; hours to microseconds."""
    found = _CLOCK.fullmatch(text)
    if found is None or (":" in text and found[3] is None):
        return None
    hour = int(found[2])
    half = (found[1] or found[6] or "").upper()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in {"오후", "PM"} else 0)
    micro = int((found[5] or "0").ljust(6, "0"))
    return hour, int(found[3] or 0), int(found[4] or 0), micro


def _at_clock(day: datetime, clock: tuple[int, int, int, int], tz: tzinfo) -> datetime:
    hour, minute, second, micro = clock
    return datetime(day.year, day.month, day.day, hour, minute, second, micro, tzinfo=tz)


def _read_time_today(text: str, local_now: datetime, tz: tzinfo) -> When | None:
    clock = _read_clock(text)
    if clock is None:
        return None
    at = _at_clock(local_now, clock, tz)
    if at > local_now + FUTURE_SKEW:
        at = _at_clock(local_now - timedelta(days=1), clock, tz)
    return When(at, exact=False)


_MONTH_DAY: Final = re.compile(r"(\d{1,2}) ?[./\-월] ?(\d{1,2})[.일]?(?: (.+))?", re.ASCII)


def _read_month_day(text: str, local_now: datetime, tz: tzinfo) -> When | None:
    found = _MONTH_DAY.fullmatch(text)
    if found is None:
        return None
    clock = _read_clock(found[3]) if found[3] else (0, 0, 0, 0)
    if clock is None:
        return None
    # Eight years reach the 29th of February before last, also over a skipped leap year.
    for year in range(local_now.year, local_now.year - 9, -1):
        try:
            day = datetime(year, int(found[1]), int(found[2]), tzinfo=tz)
        except ValueError:
            continue
        at = _at_clock(day, clock, tz)
        if at <= local_now + FUTURE_SKEW:
            return When(at, exact=False)
    return None


_FULL_DATE: Final = re.compile(
    r"(\d{4}|\d{2}) ?([./\-년]) ?(\d{1,2}) ?[./\-월] ?(\d{1,2}) ?[.일]?(?:[ T](.+))?", re.ASCII
)


def _read_full_date(text: str, _local_now: datetime, tz: tzinfo) -> When | None:
    found = _FULL_DATE.fullmatch(text)
    if found is None:
        return None
    year = int(found[1]) + (2000 if len(found[1]) == 2 else 0)
    day = datetime(year, int(found[3]), int(found[4]), tzinfo=tz)
    if not found[5]:
        return When(day, exact=False)
    clock = _read_clock(found[5])
    return None if clock is None else When(_at_clock(day, clock, tz), exact=True)


def _read_digits(text: str, _local_now: datetime, tz: tzinfo) -> When | None:
    for pattern, length in (("%Y%m%d%H%M%S", 14), ("%Y%m%d%H%M", 12), ("%Y%m%d", 8)):
        # Twelve digits are milliseconds of 2001 or earlier, or a minute; only this century's
        # years are read as the latter, before the epoch reader sees them.
        if len(text) == length and re.fullmatch(r"(19|20)\d+", text, re.ASCII):
            naive = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes next
            return When(naive.replace(tzinfo=tz), exact=length > 8)
    return None


def _read_iso(text: str, _local_now: datetime, tz: tzinfo) -> When | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}", text, re.ASCII):
        return None
    # Python reads up to six digits of a second; channels send up to nine.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    text = re.sub(r"\[[\w/]+\]$", "", text)
    try:
        return _from_iso(text.replace(" +", "+"), tz)
    except ValueError:
        return None


def _from_iso(text: str, tz: tzinfo) -> When:
    at = datetime.fromisoformat(text)
    return When(at if at.tzinfo else at.replace(tzinfo=tz), exact=True)


_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


def _read_rfc822(text: str, _local_now: datetime, tz: tzinfo) -> When | None:
    # Java writes so where nobody told it to write English: "토, 21 11월 2026 14:05:00 +0900".
    text = re.sub(
        r"(?<=\d )(1[0-2]|[1-9])월(?= \d)",
        lambda month: _MONTHS[3 * int(month[1]) - 3 : 3 * int(month[1])],
        text,
    )
    if not re.search(r"\d{1,2} [A-Za-z]{3} (?:\d\d){1,2} \d", text, re.ASCII):
        return None
    at = email.utils.parsedate_to_datetime(text)
    # Python takes "-0000" for no zone; it is UTC, only where it was written is not told.
    zone = UTC if text.endswith("-0000") else tz
    return When(at if at.tzinfo else at.replace(tzinfo=zone), exact=True)


_Reader = Callable[[str, datetime, tzinfo], When | None]
_READERS: Final[tuple[_Reader, ...]] = (
    _read_iso,
    _read_digits,
    _read_epoch,
    _read_full_date,
    _read_time_today,
    _read_month_day,
    _read_relative,
    _read_rfc822,
)


def parse_rating(value: str | float | None, *, scale: int = 5) -> int | None:
    """Read stars in any form Korean channels use; half stars are rounded up.

    Knows "5", "4.5점", "평점 4점", "4/5", "5점 만점에 4점", "★★★☆☆", "⭐⭐⭐", "FIVE",
    "width:80%" and "ico_point4.gif".

    Args:
        value: As the channel gave it; None, "" and "-" mean unrated.
        scale: What full marks are in a bare number: 5, 10 or 100.

    Returns:
        1-5, or None when unrated.

    Raises:
        BadInputError: Unreadable, or outside 1-5 after scaling.
    """
    if isinstance(value, bool):
        raise _bad_rating("not a number")
    text = "" if value is None else unicodedata.normalize("NFKC", str(value)[:200]).strip()
    if text in {"", "-", "없음", "None"}:
        return None
    return _stars(text, scale)


@lru_cache(maxsize=1024)
def _stars(text: str, scale: int) -> int:
    """Read stars; a channel writes each number of them in one way."""
    fraction = _read_stars(text) or _read_fraction(text, scale)
    if fraction is None:
        raise _bad_rating("unreadable")
    numerator, denominator = fraction
    if denominator <= 0 or not 0 < numerator <= denominator:
        raise _bad_rating("outside 1-5")
    # Whole hundredths keep 4.5 and 90 % exact, where binary fractions would not be.
    hundredths = round(numerator * 500 / denominator)
    return max(1, (hundredths + 50) // 100)


def _bad_rating(what: str) -> BadInputError:
    return BadInputError(f"rating {what}", field="rating")


_WORDS: Final = {"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5}
_NUMBER: Final = r"(\d{1,3}(?:\.\d{1,4})?)"


def _read_stars(text: str) -> tuple[float, float] | None:
    if text.upper() in _WORDS:
        return _WORDS[text.upper()], 5
    stars = text.replace("\ufe0f", "").replace(" ", "")
    if re.fullmatch("[★⭐☆✩]+", stars):
        return sum(star in "★⭐" for star in stars), 10 if len(stars) == 10 else 5
    if icon := re.search(r"ico_(?:point|star)_?(\d{1,3})(?!\d)", text, re.ASCII):
        return int(icon[1]), 5
    if width := re.search(rf"(?:width *: *)?{_NUMBER} ?%", text, re.ASCII):
        return float(width[1]), 100
    return None


def _read_fraction(text: str, scale: int) -> tuple[float, float] | None:
    if of := re.fullmatch(rf"(\d{{1,3}})점 만점에 {_NUMBER}점?", text, re.ASCII):
        return float(of[2]), float(of[1])
    if of := re.fullmatch(
        rf"(?:평점|별점|★|⭐)? ?:? ?{_NUMBER}점? ?/ ?(\d{{1,3}})점?", text, re.ASCII
    ):
        return float(of[1]), float(of[2])
    plain = re.fullmatch(rf"(?:평점|별점|★|⭐)? ?:? ?{_NUMBER} ?(?:점|stars?)?", text, re.ASCII)
    return (float(plain[1]), scale) if plain else None


NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""Characters no XML document may have; customers paste them all the same."""
# What a text may not carry: control characters other than tab and line feed, and the marks that
# turn the direction of everything after them. Joiners stay; emoji are built with them.
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UNUSUAL: Final = re.compile(f"{_UNWANTED.pattern}|{_SURROGATE.pattern}|[\u2028\u2029]")
"""Finds out in one pass that a text is like most texts."""
# What follows a tag's name. Without a "=" it would be the words of somebody who is fond of <>, and a
# parser takes the words behind a quotation mark that nothing closes for the attribute's.
_TAG_END: Final = r"(?:\s[\w\s:.-]*=[^<>\"']*(?:(?:\"[^<\"]*\"|'[^<']*')[^<>\"']*)*|\s*/?)>"
_TAG: Final = re.compile(
    r"</?(?:a|b|blockquote|br|center|div|em|embed|font|form|h[1-6]|hr|i|iframe|img|input|li|"
    rf"object|ol|p|script|span|strong|style|sub|sup|svg|table|tbody|td|th|tr|u|ul){_TAG_END}",
    re.IGNORECASE | re.ASCII,
)
# Editors write more tags than those, and declarations, which are in ASCII; only what looks like
# neither is words.
_NO_MARKUP: Final = re.compile(
    rf"<(?!/?[a-z][\w:-]*{_TAG_END}|[!?][a-z\[][\s!-;=?-~]*>|!--)", re.IGNORECASE | re.ASCII
)


def clean_text(text: str, *, field: str = "text") -> str:
    r"""Make a customer's text storable, with every word of it kept.

    Line ends become ``\n``, control characters and direction overrides go, halves of surrogate
    pairs become U+FFFD, letters are composed (NFC). HTML tags, where there are any, become plain
    text; "<3", "a < b", "<a 좋아요>" and a "<!--" that nothing ends stay. Emoji stay.

    Args:
        text: As the channel gave it.
        field: Named in the error.

    Raises:
        BadInputError: Longer than `MAX_TEXT_CHARS`.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise _too_long(len(text), field)
    has_tags = "<" in text and _TAG.search(text)
    # Words that begin with <title> or <frameset> would else be taken for a page's head or frames.
    return _html_to_text(f"<body>{_escaped(text)}") if has_tags else _normalised(text)


def _escaped(text: str) -> str:
    """Escape what a parser would swallow with the words behind it, though nobody meant a tag."""
    # What begins after the last end of a comment is none.
    before, end, after = _NO_MARKUP.sub("&lt;", text).rpartition("-->")
    text = before + end + after.replace("<!--", "&lt;!--")
    # Nor does an element end whose last end came before it.
    ends = {tag[1].lower(): tag.start() for tag in _SILENT_END.finditer(text)}
    return _SILENT_START.sub(
        lambda tag: tag[0] if tag.start() < ends.get(tag[1].lower(), 0) else f"&lt;{tag[1]}", text
    )


def _too_long(length: int, field: str) -> BadInputError:
    return BadInputError(
        f"text of {length} characters, more than {MAX_TEXT_CHARS}",
        field=field,
        remedy="본문이 비정상적으로 깁니다. 원본을 확인해 주세요.",
    )


def _normalised(text: str) -> str:
    if text.isprintable() or not _UNUSUAL.search(text):
        return unicodedata.normalize("NFC", text).strip()
    text = re.sub("\r\n?|[\x0b\u2028\u2029]", "\n", text)
    text = _SURROGATE.sub("\ufffd", _joined_surrogates(text))
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text)).strip()


def _joined_surrogates(text: str) -> str:
    """Join halves that belong together, as JSON escapes sometimes arrive."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_BLOCKS: Final = frozenset(
    {"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table"}
)
_SILENT: Final = "script, style, template, noscript, iframe, object"
_SILENT_NAME: Final = rf"({_SILENT.replace(', ', '|')})(?![\w:-])"
_SILENT_START: Final = re.compile(f"<{_SILENT_NAME}", re.IGNORECASE | re.ASCII)
_SILENT_END: Final = re.compile(f"</{_SILENT_NAME}", re.IGNORECASE | re.ASCII)


def html_to_text(html: str, *, field: str = "text") -> str:
    """Give the words of an HTML fragment: line breaks kept, scripts and tags gone.

    What looks like a tag at the end, without an attribute and without its ``>``, stays as words.

    Args:
        html: A fragment whose field is HTML on that channel, entities included.
        field: Named in the error.

    Raises:
        BadInputError: Longer than `MAX_TEXT_CHARS`.
    """
    if len(html) > MAX_TEXT_CHARS:
        raise _too_long(len(html), field)
    # A parser takes everything behind a tag that is not closed for the tag's.
    before, end, after = html.rpartition(">")
    return _html_to_text(before + end + _WORDS_LIKE_A_TAG.sub("&lt;", after))


_WORDS_LIKE_A_TAG: Final = re.compile(r"<(?=/?[^\W\d_][\w:-]*[^\w:<=-][^<=]*(?:<|\Z))")


def _html_to_text(html: str) -> str:
    html = _SURROGATE.sub("\ufffd", _joined_surrogates(html))
    if is_too_deep(html):
        # Nobody writes this by hand. The words are kept, the structure is not worth the time.
        return _normalised(unescape(re.sub(r"<[^<>]*>", " ", html)))
    root = LexborHTMLParser(html).body
    return "" if root is None else text_of(root)


def is_too_deep(html: str) -> bool:
    """Tell whether HTML is nested so deeply that parsing it would take minutes.

    The parser's time grows with the square of the depth: 20,000 open elements take a second,
    200,000 two minutes. Pages with fewer tags than that cannot be deep and are not looked at.
    """
    if html.count("<") < _TAGS_IN_A_SECOND:
        return False
    depth = 0
    for tag in _ANY_TAG.finditer(html):
        if tag[2].lower() not in _VOID:
            depth = max(0, depth - 1) if tag[1] else depth + 1
            if depth > _DEEPEST:
                return True
    return False


_TAGS_IN_A_SECOND: Final = 20_000
_DEEPEST: Final = 5_000
_ANY_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)


def text_of(node: LexborNode) -> str:
    """Give the words under a node, cleaned, with ``br`` and blocks as line breaks.

    Scripts and styles under the node are taken out of the tree.
    """
    for silent in node.css(_SILENT):
        silent.decompose()
    parts: list[str] = []
    for child in node.traverse(include_text=True):
        before = child.prev
        if before is not None and before.tag in _BLOCKS:
            parts.append("\n")
        if child.tag == "-text":
            parts.append(child.text_content or "")
        elif child.tag == "br" or child.tag in _BLOCKS:
            parts.append("\n")
        elif child.tag in {"td", "th"}:
            parts.append(" ")
    text = _normalised("".join(parts)).replace("\xa0", " ")
    # Not by an expression: it would begin anew at each blank of a run, the square of its length.
    text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


_CHARSETS: Final = frozenset({"utf-8", "utf-16", "utf-16-le", "utf-16-be", "euc_kr", "cp949"})
"""Charsets a declaration is believed about. Latin-1 is what servers say when nobody configured
anything, and it would decode any bytes at all."""


def decode_text(body: bytes, declared: str = "") -> str:
    """Decode a page or file: byte order mark, then what the bytes prove, then what is declared.

    Korean shops often declare the wrong charset. Valid UTF-8 with Hangul in it is UTF-8 whatever
    the header says, for EUC-KR text does not form such bytes; otherwise the declared charset, the
    one in ``<meta>`` or ``<?xml``, UTF-8 and CP949 are tried strictly. Never raises; what no
    charset explains becomes U+FFFD.

    Args:
        body: Whole body; a cut inside a character counts as damage.
        declared: From the Content-Type header, or empty.
    """
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace")
    try:
        as_utf8 = body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if body.isascii() or re.search("[가-힣]", as_utf8):
            return as_utf8
    for name in (declared, _meta_charset(body), "utf-8", "cp949"):
        charset = _korean_superset(name)
        try:
            if charset:
                return body.decode(charset)
        except UnicodeDecodeError:
            continue
    guesses = [body.decode(charset, "replace") for charset in ("utf-8", "cp949")]
    return min(guesses, key=lambda text: text.count("\ufffd"))


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _meta_charset(body: bytes) -> str:
    found = re.search(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", body[:2048])
    return found[1].decode("ascii", "ignore") if found else ""


def _korean_superset(name: str) -> str:
    """Give the codec to use for a charset's name; empty for unknown or meaningless ones."""
    if not name:
        return ""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        # "x-windows-949", "ks_c_5601-1987" and other names Python does not have.
        return "cp949" if re.search(r"949|5601|euc.?kr", name, re.IGNORECASE) else ""
    if codec.name == "euc_kr":
        return "cp949"  # Korean pages say EUC-KR and mean Microsoft's superset.
    return codec.name if codec.name in _CHARSETS else ""
