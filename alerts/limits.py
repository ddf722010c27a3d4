"""How large the parts of a Slack message may be.

Source: https://docs.slack.dev/reference/block-kit/blocks and slack_sdk 3.47 constants.
Checked: 2026-11-21. Lengths are counted in UTF-16 units of the escaped text, the largest number
any reading of Slack's "characters" gives.
"""

from __future__ import annotations

SECTION_TEXT = 3000
FIELD_TEXT = 2000
FIELDS = 10
HEADER_TEXT = 150
CONTEXT_TEXT = 2000
BUTTON_TEXT = 75
INPUT_TEXT = 3000
HINT_TEXT = 2000
