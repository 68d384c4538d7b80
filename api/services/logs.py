"""What trials wrote: page by page, searched, or as one file."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from api.schemas.trials import LogLine, LogPage
from api.services.lookup import get_trial
from api.services.paging import decode_cursor, encode_cursor
from api.transaction import Ledger
from db import outputs

_LINES_A_READ = 2_000


def read_logs(session: Session, trial_id: int, cursor: str | None, limit: int, wanted: str = "") -> LogPage:
    """Return a trial's lines after the cursor: all, or those that contain `wanted`, whatever the case of letters.

    Raises:
        NotFound: `trial_not_found`.
        Invalid: `cursor_malformed`.
    """
    get_trial(session, trial_id)
    after = decode_cursor(cursor, int)
    lines = outputs.list_lines(session, trial_id, 0 if after is None else after[0], limit, containing=wanted)
    last = lines[-1].id if lines else (0 if after is None else after[0])
    items = [
        LogLine(line_id=line.id, attempt_no=line.attempt_no, stream=line.stream, at=line.at, text=line.text)  # type: ignore[arg-type]
        for line in lines
    ]
    return LogPage(items=items, next_cursor=encode_cursor(last))


def open_log(ledger: Ledger, trial_id: int) -> tuple[str, Iterator[str]]:
    """Return a file name for a trial's whole log, and its text in pieces, read as they are asked for.

    Each line holds the attempt, the time in UTC, the stream and what was written, with tabs in between.

    Raises:
        NotFound: `trial_not_found`.
    """
    with ledger.read() as session:
        trial = get_trial(session, trial_id)
    return f"trial-{trial.number}.log", _pieces(ledger, trial_id)


def _pieces(ledger: Ledger, trial_id: int) -> Iterator[str]:
    after_id = 0
    while True:
        with ledger.read() as session:
            lines = outputs.list_lines(session, trial_id, after_id, _LINES_A_READ)
        if not lines:
            return
        after_id = lines[-1].id
        yield "".join(
            f"{line.attempt_no}\t{line.at.isoformat(timespec='milliseconds')}\t{line.stream}\t{line.text}\n"
            for line in lines
        )
