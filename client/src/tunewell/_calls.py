"""What all groups of calls share: the transport, pages, lists, and the path of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from tunewell._decode import decode
from tunewell._transport import Transport
from tunewell.errors import Invalid, Problem, ServerFailure

T = TypeVar("T")
StudyRef = int | str
Query = dict[str, str | int | list[str]]


class Calls:
    """Calls over one transport."""

    _transport: Transport

    def _pages(self, cls: type[T], path: str, params: Mapping[str, str | int | list[str]]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page_params = dict(params) if cursor is None else {**params, "cursor": cursor}
            page = self._transport.json("GET", path, params=page_params)
            yield from items_of(cls, page)
            cursor = page.get("next_cursor")
            if cursor is None:
                return


def items_of(cls: type[T], answer: Any, key: str = "items") -> tuple[T, ...]:
    """Read the list of an answer.

    Raises:
        ServerFailure: `bad_answer` where there is no such list.
    """
    found = answer.get(key) if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        raise ServerFailure(Problem("bad_answer", f"the server's answer has no list {key!r}"))
    return tuple(decode(cls, item) for item in found)


def study_path(study: StudyRef) -> str:
    """Return the path of a study named by id or name.

    Raises:
        Invalid: `study_ref` for text that would lead to another path.
    """
    text = str(study)
    if text in {"", ".", ".."}:
        raise Invalid(Problem("study_ref", f"{text!r} names no study", hint="give its id or its name"))
    return f"/studies/{quote(text, safe='')}"
