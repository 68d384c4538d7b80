"""The repository's Markdown, and what it quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from scripts.limits import repository_files

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def page_names() -> tuple[str, ...]:
    """Return the Markdown files of the repository, relative to its root."""
    return tuple(sorted(name for name in repository_files(ROOT) if name.endswith(".md") and (ROOT / name).is_file()))


def read(name: str) -> str:
    """Return a file's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def fences(name: str, language: str) -> list[str]:
    """Return the code blocks of one language."""
    return [body for found, body in _FENCE.findall(read(name)) if found == language]


def code(name: str) -> str:
    """Return all that a page marks as code, one piece a line: blocks and spans."""
    text = read(name)
    blocks = [body for _, body in _FENCE.findall(text)]
    return "\n".join([*blocks, *_SPAN.findall(_FENCE.sub("", text))])


def links(name: str) -> list[str]:
    """Return the targets of a page's links to this repository, outside code."""
    prose = _SPAN.sub("", _FENCE.sub("", read(name)))
    return [target for target in _LINK.findall(prose) if not target.startswith(("http://", "https://"))]


def anchors(name: str) -> set[str]:
    """Return the anchors of a page's headings, made as the usual hosts make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", read(name)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def shell_lines(name: str) -> Iterator[str]:
    """Yield the commands of a page's shell blocks, continued lines joined, comments cut off."""
    for block in fences(name, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.sub(r"(^|\s)#.*", "", line).strip()
            if command:
                yield command


def paths(name: str) -> set[str]:
    """Return what a page marks as code and looks like a path from a folder of the repository, placeholders apart."""
    folders = {file.split("/")[0] for file in repository_files(ROOT) if "/" in file}
    spans = _SPAN.findall(_FENCE.sub("", read(name)))
    found = {span for span in spans if re.fullmatch(r"[\w.-]+/[\w./-]*", span) and "NAME" not in span}
    return {path for path in found if path.split("/")[0] in folders}
