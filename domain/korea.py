"""Korea's one time zone, in which its shops and the people at the desk count their days."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

KST: Final = ZoneInfo("Asia/Seoul")
