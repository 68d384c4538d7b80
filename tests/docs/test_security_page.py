"""The page on security: each hole names a test, and the test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs import pages

_PAGE = pages.read("docs/security.md")
_TABLE = _PAGE.partition("## Holes that others had")[2]
_ROWS = [line for line in _TABLE.splitlines() if line.startswith("| ")][1:]


def _is_a_test(named: str) -> bool:
    path, _, name = named.partition("::")
    if not Path(path).is_file():
        return False
    functions = (node for node in ast.walk(ast.parse(Path(path).read_text())) if isinstance(node, ast.FunctionDef))
    return name.startswith("test_") and name in {node.name for node in functions}


def test_every_hole_has_a_row_of_five_cells() -> None:
    assert len(_ROWS) >= 25
    for row in _ROWS:
        assert len(re.findall(r"(?<!\\)\|", row)) == 6, row


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row.split("|")[1].strip())
def test_the_test_that_a_row_names_exists(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py::\w+)`", row)
    assert len(named) == 1
    assert _is_a_test(named[0])


def test_one_that_is_gone_would_be_seen() -> None:
    assert _is_a_test("tests/docs/test_security_page.py::test_one_that_is_gone_would_be_seen")
    assert not _is_a_test("tests/docs/test_security_page.py::test_gone")
    assert not _is_a_test("tests/docs/test_gone.py::test_gone")
    assert not _is_a_test("tests/docs/test_security_page.py::_is_a_test")


def test_the_limits_that_are_told_are_the_settings_own() -> None:
    for number, name in ((10, "MAX_FAILED_SIGN_INS"), (200, "MAX_REQUESTS_PER_S")):
        assert f"| {number}" in _PAGE.partition(f"TUNEWELL_{name}")[0].rsplit("\n", 1)[1]
        default = re.search(rf"`TUNEWELL_{name}` \| `(\d+)`", pages.read("docs/settings.md"))
        assert default is not None
        assert int(default[1]) == number
