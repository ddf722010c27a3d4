"""The table of attacks and the tests say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parent / "docs" / "attacks.md"
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| [^|]+ \| `([\w/]+\.py)::(test_\w+)` \|$", re.MULTILINE)


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_attack_has_a_number_and_a_test_and_every_test_is_told() -> None:
    text = TABLE.read_text(encoding="utf-8")
    told = ROW.findall(text)
    assert len(told) == text.count("\n| ") - 2
    assert [int(number) for number, _, _ in told] == list(range(1, len(told) + 1))
    assert len(told) >= 40
    for _, file, name in told:
        assert name in names_in(TESTS / file), name
    names = [(file, name) for _, file, name in told]
    assert len(set(names)) == len(names)
    untold = {
        (f"attacks/{path.name}", name)
        for path in (TESTS / "attacks").glob("test_*.py")
        if path != Path(__file__)
        for name in names_in(path)
    } - set(names)
    # Controls: they show that the attack beside them would be noticed.
    assert {name for _, name in untold} == {
        "test_the_own_people_of_beta_see_what_the_others_do_not",
        "test_a_decomposed_reply_that_is_harmless_is_approved",
    }
