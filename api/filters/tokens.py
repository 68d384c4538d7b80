"""Text into terms: `-tag:cnn,mlp` becomes (negated, "tag", ":", ["cnn", "mlp"]). Nothing is ever evaluated.

query   = { term }, with white space between; all terms must hold
term    = [ "-" ] ( field operator value { "," value } | value )
field   = a letter or "_", then letters, digits and any of _ . @ /
value   = characters but white space, quotes and commas; or text in double quotes, where a backslash goes before
          a quote or a backslash that is part of the text
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from api.errors import Invalid

OPERATORS = (":", "=", "!=", ">=", "<=", ">", "<", "~")
MAX_CHARS = 2000
MAX_TERMS = 50
MAX_VALUES = 200

_FIELD = re.compile(r"[^\W\d][\w.@/]*")
_OPERATOR = re.compile(r"!=|>=|<=|[:=<>~]")
_BARE = re.compile(r'[^\s",]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_SPACE = re.compile(r"\s*")
# Also what would be read as the end of an operator.
_NEEDS_QUOTES = re.compile(r'[\s",\\]|^=|^$')
_OPERATOR_HINT = f"an operator is one of {' '.join(OPERATORS)}"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a term, and where it stands in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Term:
    """One condition.

    Attributes:
        field: What it is about, as written; empty for text alone.
        operator: One of `OPERATORS`; "~" for text alone.
        values: At least one; the condition holds where it does for any of them.
        is_negated: Whether a "-" stands in front.
        start: First character in the text, from 0.
        end: The character after the last one.
    """

    field: str
    operator: str
    values: tuple[Value, ...]
    is_negated: bool
    start: int
    end: int

    @property
    def field_span(self) -> tuple[int, int]:
        """Where the field's name stands."""
        start = self.start + self.is_negated
        return start, start + len(self.field)


def read_terms(text: str, name: str = "q") -> list[Term]:
    """Read a filter.

    Args:
        text: What a person wrote; at most `MAX_CHARS` characters.
        name: The request's parameter that holds it, for `field` of a refusal.

    Raises:
        Invalid: `filter_malformed`, with the characters it is about in `span`.
    """
    if len(text) > MAX_CHARS:
        raise refuse(name, text, (MAX_CHARS, len(text)), f"a filter has at most {MAX_CHARS} characters")
    if "\0" in text:
        at = text.index("\0")
        raise refuse(name, text, (at, at + 1), "a filter holds no NUL characters", "leave it out")
    reader = _Reader(text, name)
    terms: list[Term] = []
    while not reader.is_at_end():
        if len(terms) == MAX_TERMS:
            raise refuse(name, text, (reader.at, len(text)), f"a filter has at most {MAX_TERMS} conditions")
        terms.append(reader.term())
    return terms


def write_term(term: Term) -> str:
    """Return the text of a term; reading it gives the same term, but for its place."""
    values = ",".join(_write_value(value.text, is_alone=not term.field) for value in term.values)
    operator = term.operator if term.field else ""
    return f"{'-' if term.is_negated else ''}{term.field}{operator}{values}"


def refuse(
    name: str, text: str, span: tuple[int, int], message: str, hint: str = "", code: str = "filter_malformed"
) -> Invalid:
    """Return the refusal of a part of a filter.

    Args:
        name: The request's parameter that holds the filter.
        text: The whole filter.
        span: The characters that are wrong: the first one, from 0, and the one after the last.
        message: What rule they break.
        hint: What would be right.
        code: Stable word for programs.
    """
    start, end = span
    shown = f"{text[start:end][:40]!r} at character {start + 1}" if start < len(text) else "at the end"
    return Invalid(code, f"{message} ({shown})", name, hint, span=span)


class _Reader:
    """Walks once over the text, from left to right."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.at = 0
        self._name = name

    def is_at_end(self) -> bool:
        """Skip white space, and tell whether nothing is left."""
        self._take(_SPACE)
        return self.at == len(self.text)

    def term(self) -> Term:
        start = self.at
        is_negated = self.text[start] == "-" and self.text[start + 1 : start + 2].strip() != ""
        self.at += is_negated
        field = _FIELD.match(self.text, self.at)
        operator = None if field is None else _OPERATOR.match(self.text, field.end())
        if field is None or operator is None:
            value = self._alone()
            return Term("", "~", (value,), is_negated, start, self.at)
        self.at = operator.end()
        values = [self._value(f"{field[0]}{operator[0]}")]
        while self.text.startswith(",", self.at):
            if len(values) == MAX_VALUES:
                raise self._refuse((self.at, self.at + 1), f"a condition has at most {MAX_VALUES} values")
            self.at += 1
            values.append(self._value(f"{field[0]}{operator[0]}"))
        self._require_end()
        return Term(field[0], operator[0], tuple(values), is_negated, start, self.at)

    def _alone(self) -> Value:
        """Read text that stands alone: what looks like a condition must not pass for text."""
        value = self._value("")
        is_quoted = self.text[value.start] == '"'
        wrong = None if is_quoted else _OPERATOR.search(value.text)
        if wrong is not None:
            span = (value.start + wrong.start(), value.start + wrong.end())
            what = "the name of a field" if wrong.start() == 0 else f"the name of a field, not {value.text!r},"
            hint = f'write FIELD{wrong[0]}VALUE; to search for this text, put it in quotes: "{value.text}"'
            raise self._refuse(span, f"before {wrong[0]} stands {what}", hint)
        self._require_end()
        return value

    def _value(self, after: str) -> Value:
        start = self.at
        quoted = self._take(_QUOTED)
        if quoted is not None:
            return Value(re.sub(r"\\(.)", r"\1", quoted[1]), start, self.at)
        if self.text.startswith('"', start):
            hint = 'end the text with "; inside of it, write \\" for a quote and \\\\ for a backslash'
            raise self._refuse((start, len(self.text)), "a quoted text has no end", hint)
        bare = self._take(_BARE)
        if bare is not None:
            return Value(bare[0], start, self.at)
        what = f"a value is missing after {after!r}" if after else "a value is missing"
        hint = f'write it without a space, such as {after or "name:"}abc; a text with spaces goes in quotes: "a b"'
        raise self._refuse((start, min(start + 1, len(self.text))), what, hint)

    def _require_end(self) -> None:
        if self.at < len(self.text) and not self.text[self.at].isspace():
            hint = "put a space between two conditions, and a comma between two values of one"
            raise self._refuse((self.at, self.at + 1), "a condition ends with a space", hint)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def _refuse(self, span: tuple[int, int], message: str, hint: str = "") -> Invalid:
        return refuse(self._name, self.text, span, message, hint or _OPERATOR_HINT)


def _write_value(text: str, *, is_alone: bool) -> str:
    is_plain = not _NEEDS_QUOTES.search(text)
    if is_plain and not (is_alone and (_OPERATOR.search(text) or text.startswith("-"))):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
