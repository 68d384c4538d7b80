"""`tunewell study replay`: pages are read to the end, and what differs is shown and ends with exit code 1."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import FakeServer, ok

Json = dict[str, Any]

SAME: Json = {
    "trial_id": 7,
    "number": 0,
    "status": "same",
    "reason": "",
    "note": "random",
    "note_again": "random",
    "params": {"lr": 0.1, "units": 16},
    "params_again": {"lr": 0.1, "units": 16},
}
OTHER: Json = {
    **SAME,
    "number": 1,
    "status": "different",
    "reason": "other values of lr",
    "params_again": {"lr": 0.30000000000000004, "units": 16},
}
UNKNOWN: Json = {
    **SAME,
    "number": 2,
    "status": "unknown",
    "reason": "the study was changed since",
    "params_again": None,
    "note_again": None,
}


def answer(server: FakeServer, *trials: Json) -> None:
    page = {"study_id": 3, "n_trials": len(trials), "items": list(trials), "next_cursor": None}
    server.on("GET", "/studies/digits/replay", ok(page))


def test_all_the_same_is_one_line_and_exit_code_0(server: FakeServer, run: Runner) -> None:
    answer(server, SAME, {**SAME, "number": 1})
    result = run("study", "replay", "digits")
    assert (result.code, result.out) == (0, "2 of 2 suggestions came out the same\n")


def test_what_differs_is_shown_in_full_with_exit_code_1(server: FakeServer, run: Runner) -> None:
    answer(server, SAME, OTHER, UNKNOWN)
    result = run("study", "replay", "digits")
    assert result.code == 1
    assert "lr=0.1" in result.out
    assert "lr=0.30000000000000004" in result.out
    assert "units" not in result.out
    assert "the study was changed since" in result.out
    assert "1 of 3 suggestions came out the same; 1 different; 1 unknown" in result.out


def test_what_is_unknown_is_no_difference(server: FakeServer, run: Runner) -> None:
    answer(server, SAME, UNKNOWN)
    assert run("study", "replay", "digits").code == 0


def test_all_trials_as_a_table_and_as_json(server: FakeServer, run: Runner) -> None:
    answer(server, SAME)
    assert "same" in run("study", "replay", "digits", "--all").out.splitlines()[1]
    result = run("study", "replay", "digits", "--json")
    assert [one["number"] for one in json.loads(result.out)] == [0]


def test_a_study_without_suggestions_says_so(server: FakeServer, run: Runner) -> None:
    answer(server)
    result = run("study", "replay", "digits")
    assert (result.code, result.out) == (0, "The sampler of this study has proposed no trial.\n")
