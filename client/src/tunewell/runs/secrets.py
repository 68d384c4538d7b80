"""Take secrets out of what is kept of a script's code and command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "[hidden]"
_WORD = r"(?:api[_-]?key|access[_-]?key|secret|token|passw(?:or)?d|passphrase|credential|private[_-]?key|auth)"
# A name that speaks of a secret, and what is given to it: `password = "..."`, `TOKEN: ...`, `--api-key=...`.
_ASSIGNED = re.compile(rf"(?i)([\w.-]*{_WORD}[\w-]*[\"']?\s*(?::=|[:=])\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;)}}\]]+)")
# The same as two arguments: `setenv("TOKEN", "...")`.
_PAIR = re.compile(rf"(?i)([\"'][\w.-]*{_WORD}[\w-]*[\"']\s*,\s*)(\"[^\"\n]*\"|'[^'\n]*')")
_IN_URL = re.compile(r"(\w+://[^/\s:@]+:)[^/\s@]+@")
# Tokens that are known by their looks: GitHub, AWS, OpenAI, Slack, Google, our own, JWTs.
_KNOWN = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|AKIA[0-9A-Z]{16}|sk-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}"
    r"|tw_[\w-]{40,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})"
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_FLAG = re.compile(rf"(?i)^--?[\w-]*{_WORD}[\w-]*$")


def redact(text: str) -> str:
    """Return a text without what looks like a secret: better a word too many than one too few.

    Examples:
        >>> redact('api_key = "abc"; url = "postgresql://me:pw@db/x"')
        'api_key = [hidden]; url = "postgresql://me:[hidden]@db/x"'
    """
    text = _KEY_BLOCK.sub(HIDDEN, text)
    text = _IN_URL.sub(rf"\1{HIDDEN}@", text)
    text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    text = _PAIR.sub(rf"\1{HIDDEN}", text)
    return _KNOWN.sub(HIDDEN, text)


def redact_command(words: Sequence[str]) -> str:
    """Return a command line without secrets, those behind a flag too.

    Examples:
        >>> redact_command(["train.py", "--token", "abc", "--lr", "0.1"])
        'train.py --token [hidden] --lr 0.1'
    """
    shown: list[str] = []
    for place, word in enumerate(words):
        is_value = place > 0 and _FLAG.match(words[place - 1]) is not None and not word.startswith("-")
        shown.append(HIDDEN if is_value else redact(word))
    return " ".join(shown)
