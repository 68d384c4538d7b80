"""Points move from rows to blocks, and nobody can tell; on both kinds of database."""

from __future__ import annotations

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, text
from typer.testing import CliRunner

from api.services import rollup
from api.services.overviews import bin_width, summarise
from api.services.retention import OldLines
from api.services.rollup import Retention, roll_up
from db import blocks, curves, outputs
from db.__main__ import app as db_command
from db.blocks import Window
from db.engine import Database
from db.lifecycle import TrialState
from tests.contracts.packed_curves import LENGTHS, all_points, all_reads, bits_of, counts, fill, ledger_of, value_at

AT_ONCE = Retention(pack_after_s=1e-9)
N_PACKED = sum(n for n in LENGTHS if n >= 32)


def pack_all(database: Database) -> int:
    """Pack until nothing is left, and return how many points that were."""
    moved = roll_up(ledger_of(database), AT_ONCE, round_s=60.0)
    assert roll_up(ledger_of(database), AT_ONCE) == 0
    return moved


def test_every_reader_reads_the_same_before_and_after(database: Database) -> None:
    fill(database)
    before = all_reads(database)
    assert pack_all(database) == N_PACKED
    assert counts(database) == (LENGTHS[-1], N_PACKED, sum(LENGTHS))
    assert all_reads(database) == before


def test_trials_that_run_or_ended_only_now_keep_their_rows(database: Database) -> None:
    fill(database, state=TrialState.RUNNING)
    assert roll_up(ledger_of(database), AT_ONCE) == 0
    with database.write() as session:
        session.execute(text("UPDATE trial SET state = 'COMPLETE', finished_at = created_at"))
    assert roll_up(ledger_of(database), Retention(pack_after_s=3600.0)) == 0
    assert roll_up(ledger_of(database), Retention(pack_after_s=0.0)) == 0
    assert counts(database) == (sum(LENGTHS), 0, sum(LENGTHS))
    assert pack_all(database) == N_PACKED


def test_a_curve_half_of_which_is_packed_reads_as_a_whole(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "MOVED_POINTS", 4096)
    fill(database)
    before = all_reads(database)
    assert roll_up(ledger_of(database), AT_ONCE, round_s=0.0) == 4096
    assert counts(database) == (sum(LENGTHS) - 4096, 4096, sum(LENGTHS))
    assert all_reads(database) == before


def test_a_failure_at_any_statement_changes_nothing(database: Database) -> None:
    fill(database)
    before = all_points(database)
    n_failed = 0
    for n in range(100):
        with failing_at(database, n) as failed:
            try:
                roll_up(ledger_of(database), AT_ONCE, round_s=0.0)
            except _Broken:
                assert failed
        if not failed:
            break
        n_failed += 1
        assert counts(database) == (sum(LENGTHS), 0, sum(LENGTHS))
        assert all_points(database) == before
    assert n_failed >= 6  # two reads, deletion, insertion, counting, commit
    assert counts(database)[1] == N_PACKED
    assert all_points(database) == before


def test_a_process_that_is_killed_at_any_statement_loses_and_doubles_nothing(database: Database) -> None:
    fill(database)
    before = all_points(database)
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.contracts.killed_packer", url]
    n_killed = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for n in range(100):
            process.stdin.write(f"{n}\n")
            process.stdin.flush()
            answer = process.stdout.readline().strip()
            assert all_points(database) == before
            if answer == "done 0":
                break
            assert answer == "killed"
            n_killed += 1
            assert counts(database) in {(sum(LENGTHS), 0, sum(LENGTHS)), (LENGTHS[-1], N_PACKED, sum(LENGTHS))}
        process.stdin.close()
    assert n_killed >= 6
    assert counts(database) == (LENGTHS[-1], N_PACKED, sum(LENGTHS))


def test_two_processes_that_pack_at_once_pack_once(database: Database) -> None:
    fill(database)
    before = all_points(database)
    others = [Database(database.url.render_as_string(hide_password=False)) for _ in range(3)]
    with ThreadPoolExecutor(len(others)) as pool:
        moved = list(pool.map(lambda one: roll_up(ledger_of(one), AT_ONCE, round_s=60.0), others))
    for other in others:
        other.close()
    assert sum(moved) <= N_PACKED
    pack_all(database)
    assert all_points(database) == before
    assert counts(database) == (LENGTHS[-1], N_PACKED, sum(LENGTHS))


def test_a_reader_between_two_statements_sees_no_point_twice(database: Database) -> None:
    """PostgreSQL shows each statement what is committed: rows that were read may stand in blocks a moment later."""
    fill(database)
    before = all_points(database)
    packed: list[int] = []

    def pack_between(_connection: Any, _cursor: Any, statement: str, *_args: Any) -> None:
        if "FROM metric_block" in statement and not packed:
            packed.append(1)
            other = Database(database.url.render_as_string(hide_password=False))
            packed.append(pack_all(other))
            other.close()

    event.listen(database.engine, "before_cursor_execute", pack_between)
    assert all_points(database) == before
    event.remove(database.engine, "before_cursor_execute", pack_between)
    assert packed == [1, N_PACKED]
    assert all_points(database) == before


def test_where_a_chart_is_coarse_blocks_give_their_extremes(database: Database) -> None:
    fill(database)
    with database.read() as session:
        ((long, _), *_) = blocks.list_unpacked(session, 1e-9, 99)
        whole = curves.list_points(session, [long])[long]
    pack_all(database)
    with database.read() as session:
        (coarse,) = curves.stream_points(session, [long], Window(bin_steps=1024))
        (fine,) = curves.stream_points(session, [long], Window(bin_steps=1))
    assert (coarse.is_whole, fine.is_whole) == (False, True)
    assert len(coarse.points) < len(whole) / 4
    for width in (1024, 2048):
        assert bits_of(summarise(coarse.points, width)) == bits_of(summarise(whole, width))
    assert bits_of(fine.points) == bits_of(whole)


def test_blocks_turn_into_rows_again(database: Database) -> None:
    fill(database)
    before = all_reads(database)
    pack_all(database)
    said = CliRunner().invoke(db_command, ["unpack", "--url", database.url.render_as_string(hide_password=False)])
    assert (said.exit_code, said.output.split()[0]) == (0, "4")  # 5,000 points in two blocks
    assert counts(database) == (sum(LENGTHS), 0, sum(LENGTHS))
    assert all_reads(database) == before
    assert pack_all(database) == N_PACKED


def test_old_long_curves_keep_their_extremes(database: Database) -> None:
    fill(database)
    with database.read() as session:
        ((long, _), *_) = blocks.list_unpacked(session, 1e-9, 99)
        whole = curves.list_points(session, [long])[long]
    before = all_points(database)
    moved = roll_up(ledger_of(database), Retention(1e-9, points_s=1e-9), round_s=60.0)
    after = all_points(database)
    assert moved == N_PACKED + len(before[0][0]) - len(after[0][0])
    assert len(after[0][0]) < 4096
    assert {number: after[number] for number in (1, 2, 3)} == {number: before[number] for number in (1, 2, 3)}
    width = bin_width(int(whole.steps[-1]))
    assert after[0] == bits_of(summarise(whole, width))
    with database.read() as session:
        kept = curves.list_points(session, [long])[long].values
    assert {-math.inf, value_at(0, 4500)} <= set(kept.tolist())
    assert counts(database)[0] == LENGTHS[-1]
    assert counts(database)[2] == sum(len(steps) for steps, _, _ in after.values())
    assert roll_up(ledger_of(database), Retention(1e-9, points_s=1e-9), round_s=60.0) == 0


def test_output_of_trials_that_ended_long_ago_is_dropped_where_that_is_asked_for(database: Database) -> None:
    fill(database)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with database.write() as session:
        for trial_id in range(1, len(LENGTHS) + 1):
            outputs.store_lines(session, trial_id, 1, [{"stream": "stdout", "at": at, "text": "hello"}] * 3)
        session.execute(text("UPDATE trial SET state = 'RUNNING', finished_at = NULL WHERE id = 2"))
    ledger = ledger_of(database)
    assert OldLines().drop(ledger, 0.0) == 0
    assert OldLines().drop(ledger, 3600.0) == 0
    lines = OldLines()
    assert [lines.drop(ledger, 1e-9), lines.drop(ledger, 1e-9)] == [9, 0]
    with database.read() as session:
        left = [len(outputs.list_lines(session, trial_id, 0, 9)) for trial_id in range(1, len(LENGTHS) + 1)]
    assert left == [0, 3, 0, 0]


class _Broken(Exception):
    pass


class failing_at:  # noqa: N801 - reads as a `with` statement does
    """Let statement (or commit) `n` of a database fail, counted from 0; yields a list that is filled when it does."""

    def __init__(self, database: Database, n: int) -> None:
        self._engine, self._left, self._failed = database.engine, n, list[int]()

    def __enter__(self) -> list[int]:
        for moment in ("before_cursor_execute", "commit"):
            event.listen(self._engine, moment, self._count)
        return self._failed

    def __exit__(self, *_args: object) -> None:
        for moment in ("before_cursor_execute", "commit"):
            event.remove(self._engine, moment, self._count)

    def _count(self, *_args: object) -> None:
        if self._left == 0:
            self._failed.append(1)
            self._left -= 1
            raise _Broken
        self._left -= 1
