"""A process that packs points and kills itself before its nth statement; for `test_store_rollup`.

It forks for each line of its input, which saves starting Python again: `python -m tests.contracts.killed_packer URL`.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import event

from api.services.rollup import Retention, roll_up
from db.engine import Database
from tests.contracts.packed_curves import ledger_of


def main() -> None:
    """Read how many statements may run, one number a line, and answer `killed` or `done` to each."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _pack(sys.argv[1], int(line))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write("killed\n" if os.WIFSIGNALED(status) else f"done {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _pack(url: str, n_statements: int) -> None:
    database = Database(url)
    left = n_statements

    def count(*_args: Any) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    for moment in ("before_cursor_execute", "commit"):
        event.listen(database.engine, moment, count)
    roll_up(ledger_of(database), Retention(pack_after_s=1e-9), round_s=0.0)


if __name__ == "__main__":
    main()
