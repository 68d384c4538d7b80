"""The header that names a download, for names that mean harm."""

from __future__ import annotations

from email.message import Message
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.disposition import disposition


def names_in(header: str) -> tuple[str, str]:
    """Return both names as a reader of RFC 6266 takes them out: the plain one, and the one in full."""
    parsed = Message()
    parsed["Content-Disposition"] = header
    full = header.partition("filename*=UTF-8''")[2]
    plain = Message()
    plain["Content-Disposition"] = header.partition("; filename*=")[0]
    return plain.get_filename() or "", unquote(full) or plain.get_filename() or ""


@pytest.mark.parametrize(
    ("name", "plain", "full"),
    [
        ("digits-mlp", "digits-mlp.csv", "digits-mlp.csv"),
        ("größe 数", "gr_e_.csv", "größe 数.csv"),
        ("a\r\nSet-Cookie: x=1", "a_Set-Cookie__x_1.csv", "a_Set-Cookie_ x=1.csv"),
        ('a"; filename="evil.exe', "a__filename__evil.exe.csv", "a_; filename=_evil.exe.csv"),
        ("../../etc/passwd", "_.._etc_passwd.csv", "_.._etc_passwd.csv"),
        ("..\\..\\win.ini", "_.._win.ini.csv", "_.._win.ini.csv"),
        ("sales\u202evsc", "sales_vsc.csv", "sales_vsc.csv"),
        ("..", "download.csv", "download.csv"),
        ("", "download.csv", "download.csv"),
    ],
)
def test_a_name_says_what_it_is_and_no_more(name: str, plain: str, full: str) -> None:
    header = disposition(name, ".csv")
    assert header.startswith("attachment; ")
    assert names_in(header) == (plain, full)


@given(st.text(max_size=300), st.booleans())
def test_no_name_leaves_its_place(name: str, is_inline: bool) -> None:
    header = disposition(name, ".csv", is_inline=is_inline)
    assert header.startswith("inline; " if is_inline else "attachment; ")
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    for shown in names_in(header):
        assert shown.endswith(".csv")
        assert PurePosixPath(shown).name == PureWindowsPath(shown).name == shown
        assert not shown.startswith(".")
