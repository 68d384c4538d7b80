"""Examples in docstrings and in the README are true."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import tunewell
from tunewell.studyfile import parse_study

README = (Path(__file__).parents[3] / "client" / "README.md").read_text()
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(tunewell.__path__, "tunewell.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_some_examples_are_run() -> None:
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) > 3


def test_the_study_of_the_readme_is_read() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert parse_study(text, "README.md")["search_space"]["learning_rate"]["low"] == 1e-4


def test_the_names_that_the_readme_imports_exist() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    imports = [node for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)]
    assert imports
    for node in imports:
        module = importlib.import_module(node.module or "")
        assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
