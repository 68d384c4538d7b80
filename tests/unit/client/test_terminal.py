"""Nothing that a server sends can steer the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tunewell.terminal import clean, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb", "a\\rb"),
        ("a\nb", "a\\nb"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("a\tb", "a    b"),
        ("é漢👩\u200d🔬", "é漢👩\u200d🔬"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_lines_may_be_kept() -> None:
    assert clean("a\nb\r\x1b", keep_newlines=True) == "a\nb\\r\\x1b"


@given(st.text())
def test_no_control_character_comes_through(text: str) -> None:
    assert all(ord(char) >= 0x20 and not 0x7F <= ord(char) < 0xA0 for char in clean(text))


def test_markup_links_and_emoji_codes_are_plain_words() -> None:
    out = io.StringIO()
    text = "[bold red]x[/] [link=http://evil]y[/link] :smile: [/nothing]"
    Console(file=out, force_terminal=True, color_system="truecolor", width=200).print(safe(text))
    assert text in out.getvalue()
    assert "\x1b" not in out.getvalue()
