"""Cuts the text of a constraint into words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from search.errors import SpaceError

TokenKind: TypeAlias = Literal["number", "text", "name", "sign", "end"]

# Dots belong to names, so that the places of a list (`widths.1`) can be named; back-ticks hold any other name.
_PATTERN: Final = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)(?![\w.])
    |(?P<text>"[^"\\]*"|'[^'\\]*')
    |(?P<quoted>`[^`]+`)
    |(?P<name>[^\W\d]\w*(?:\.\w+)*)
    |(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>(),])
    |(?P<end>$)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the language.

    Attributes:
        kind: What it is; a name in back-ticks is a name.
        text: The word, without quotes.
        place: Where it begins, in characters from 0.
        is_quoted: Whether a name stood in back-ticks and so is no word such as `and`.
    """

    kind: TokenKind
    text: str
    place: int
    is_quoted: bool = False


def tokenize(text: str) -> list[Token]:
    """Cut `text` into words; the last one is of the kind `end`.

    Raises:
        SpaceError: `invalid_constraint`, at the first character that begins no word.
    """
    tokens: list[Token] = []
    place = 0
    while not tokens or tokens[-1].kind != "end":
        match = _PATTERN.match(text, place)
        if match is None:
            raise _no_word(text, place)
        tokens.append(_token(match))
        place = match.end()
    return tokens


def _token(match: re.Match[str]) -> Token:
    group = match.lastgroup or "end"
    word, place = match[group], match.start(group)
    if group in {"text", "quoted"}:
        word = word[1:-1]
    kinds: dict[str, TokenKind] = {"number": "number", "text": "text", "sign": "sign", "end": "end"}
    return Token(kinds.get(group, "name"), word, place, is_quoted=group == "quoted")


def _no_word(text: str, place: int) -> SpaceError:
    rest = text[place:].lstrip()
    hint = "write == to compare" if rest.startswith("=") else "write for example batch_size <= 4 * hidden_units"
    return SpaceError("invalid_constraint", f"cannot read {rest[:20]!r} (character {len(text) - len(rest)})", "", hint)
