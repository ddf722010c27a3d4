"""A brand's manual (운영 매뉴얼): the only place promises and product facts may come from.

One Markdown file per subject in the brand's ``manual`` folder, written by people who do not
program. Front matter says which complaint the file belongs to and when it is valid; each bullet
or paragraph below a heading is one clause, a sentence or two that may be cited as it stands:

    ---
    topic: return_refund
    valid_from: 2026-01-01
    valid_until: 2026-12-31
    source: 운영정책 4.2
    ---
    ## 정책
    - 상품을 받으신 날부터 7일 안에 반품하실 수 있습니다.
    ## 상품 정보
    ## 저장 답변

Messages about a manual are Korean, because those who can repair it read Korean.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError
from responders.manual_files import decode_manual, parse_manual_file
from responders.retrieval import ManualView, Passage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from responders.clauses import Clause

_MAX_FILE_BYTES = 1_000_000


class Manual:
    """All clauses of a brand, valid or not.

    Attributes:
        version: Hash over every file; changes with any edit.
        warnings: What was read but will never be cited, and why (Korean).
    """

    def __init__(
        self, clauses: Iterable[Clause], *, version: str = "", warnings: Sequence[str] = ()
    ) -> None:
        self.clauses = tuple(clauses)
        self.version = version
        self.warnings = tuple(warnings)
        self._by_reference = {clause.reference: clause for clause in self.clauses}
        self._borders = sorted(
            {
                instant
                for clause in self.clauses
                for instant in (clause.valid_from, clause.valid_until)
                if instant is not None
            }
        )
        self._views: dict[int, ManualView] = {}

    def clause(self, reference: str) -> Clause | None:
        """Give the clause at a reference (pinned or not), whatever its wording is now."""
        return self._by_reference.get(reference.partition("@")[0])

    def at(self, instant: datetime) -> ManualView:
        """Give what is valid at ``instant``; remembered until the next border of validity."""
        period = bisect_right(self._borders, instant)
        view = self._views.get(period)
        if view is None:
            view = ManualView([clause for clause in self.clauses if clause.is_valid(instant)])
            self._views[period] = view
        return view

    def search(
        self,
        text: str,
        topics: Collection[str],
        at: datetime,
        limit: int = 3,
        *,
        product: str = "",
    ) -> tuple[Passage, ...]:
        """Give the most relevant passages valid at ``at``, best first; see ``ManualView.search``."""
        return self.at(at).search(text, topics, limit=limit, product=product)

    def expired(self, topic: str, at: datetime) -> tuple[Clause, ...]:
        """Give the clauses of ``topic`` that were valid before ``at`` and no longer are."""
        return tuple(
            clause
            for clause in self.clauses
            if topic in clause.topics
            and clause.valid_until is not None
            and clause.valid_until <= at
        )


def load_manual(folder: Path, timezone: str = "Asia/Seoul") -> Manual:
    """Read a manual folder; an unchanged folder gives the same object again.

    ``README.md`` and names starting with ``_`` or ``.`` are not part of the manual. UTF-8 (with or
    without BOM), UTF-16 with BOM and CP949 (Windows Notepad's "ANSI") are read.

    Args:
        folder: Holds ``*.md``; a folder that does not exist is an empty manual.
        timezone: IANA name; dates in front matter are days there.

    Raises:
        ConfigurationError: A file cannot be read or its front matter is wrong; names file, line,
            field and remedy.
    """
    try:
        # glob() would find nothing in a folder that may not be read, and drafts would promise nothing.
        paths = sorted(folder.iterdir()) if folder.exists() else []
        signature = tuple(
            (path.name, path.stat().st_mtime_ns, path.stat().st_size)
            for path in paths
            if path.suffix == ".md"
            and path.name.lower() != "readme.md"
            and path.name[0] not in "_."
        )
        return _load(folder, signature, timezone)
    except OSError as error:
        place = Path(error.filename or folder).relative_to(folder.parent)
        raise ConfigurationError(
            f"{place}: 읽을 수 없습니다({error.strerror}) -> 파일과 폴더의 읽기 권한을 확인해 주세요"
        ) from None


@lru_cache(maxsize=128)
def _load(folder: Path, signature: tuple[tuple[str, int, int], ...], timezone: str) -> Manual:
    digest = hashlib.sha256()
    clauses: list[Clause] = []
    warnings: list[str] = []
    for name, _, size in signature:
        place = f"manual/{name}"
        if size > _MAX_FILE_BYTES:
            raise ConfigurationError(
                f"{place}: 파일이 1MB보다 큽니다 -> 주제별로 파일을 나누어 주세요"
            )
        raw = (folder / name).read_bytes()
        digest.update(name.encode() + b"\0" + raw + b"\0")
        found, notes = parse_manual_file(place, decode_manual(place, raw), timezone)
        clauses += found
        warnings += notes
    return Manual(clauses, version=digest.hexdigest()[:16], warnings=warnings)
