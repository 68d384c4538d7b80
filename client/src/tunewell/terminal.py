"""Text from a server, made safe for a terminal.

Names, notes and log lines are other people's text: an escape sequence in one could rewrite the screen, set the window's
title, or hide what follows. What is not printable is shown as its escape, such as `\\x1b`.
"""

from __future__ import annotations

import unicodedata

from rich.text import Text

# Control, surrogate, line and paragraph separators, and format characters (which turn the direction of text round).
UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp", "Cf"})
JOINERS = frozenset("\u200c\u200d")  # parts of ordinary words and emoji


def clean(text: str, *, keep_newlines: bool = False) -> str:
    """Return `text` with every control character replaced by its visible escape; tabs become spaces.

    Args:
        text: Anything.
        keep_newlines: Leave line ends, for text that may have several lines.

    Examples:
        >>> clean("a\\x1b[2Jb")
        'a\\\\x1b[2Jb'
    """
    return "".join(_visible(char, keep_newlines) for char in text)


def safe(text: object, style: str = "", *, keep_newlines: bool = False) -> Text:
    """Return cleaned text as a rich object, in which brackets are no markup and colons no emoji."""
    return Text(clean(str(text), keep_newlines=keep_newlines), style=style)


def _visible(char: str, keep_newlines: bool) -> str:
    if char == "\t":
        return "    "
    is_kept = char in JOINERS or (keep_newlines and char == "\n")
    if is_kept or unicodedata.category(char) not in UNSAFE:
        return char
    return char.encode("unicode_escape").decode("ascii")
