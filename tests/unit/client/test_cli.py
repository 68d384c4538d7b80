"""The command line: what it sends and prints."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from tunewell import __version__
from tunewell.studyfile import parse_study

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import FakeServer, message, ok, page, stream, study_json, trial_json

HOSTILE = "\x1b]0;x\x07[red]n\u202e"
FRONT_SPEC: dict[str, Any] = {
    **study_json()["spec"],
    "objectives": [
        {"metric": "val_accuracy", "direction": "maximize"},
        {"metric": "n_parameters", "direction": "minimize"},
    ],
    "outcome_constraints": [{"metric": "train_s", "at_most": 60.0, "at_least": None}],
}
FRONT: list[dict[str, Any]] = [
    {
        "trial_id": 9,
        "number": number,
        "params": {"widths": "8"},
        "values": {"val_accuracy": value, "n_parameters": n},
    }
    for number, value, n in ((4, 0.97, 5000), (2, 0.91, 800))
]


class TestCheck:
    """Looking files over before they are submitted."""

    def test_all_that_is_wrong_is_listed(self, server: FakeServer, run: Runner, tmp_path: Path) -> None:
        file = tmp_path / "study.yaml"
        file.write_text("name: a b")
        problem = {"code": "c", "message": "no spaces", "field": "name", "hint": "a-b", "pointer": "/name"}
        server.on("POST", "/studies:check", ok({"problems": [problem, {**problem, "field": "model"}]}))
        result = run("study", "check", str(file))
        assert result.code == 1
        assert [line.split()[0] for line in result.out.splitlines()] == ["FIELD", "name", "model"]
        assert server.bodies() == [{"study": {"name": "a b"}}]

    def test_a_good_study_is_told_its_length(self, server: FakeServer, run: Runner, tmp_path: Path) -> None:
        file = tmp_path / "study.yaml"
        file.write_text("name: a")
        estimate = {"duration_s": 240.0, "trial_s": 8.0, "n_parallel": 2, "n_trials_known": 9, "basis": "9 trials"}
        server.on("POST", "/studies:check", ok({"n_trials": 60, "n_networks": 1, "estimate": estimate}))
        result = run("study", "check", str(file))
        assert result.code == 0
        assert "would be accepted" in result.out
        assert "about 4 min 0 s" in result.out
        assert json.loads(run("study", "check", str(file), "--json").out)["n_trials"] == 60


class TestSubmit:
    """Submitting files."""

    def test_yaml_with_overrides(self, server: FakeServer, run: Runner, tmp_path: Path) -> None:
        server.on("POST", "/studies", ok(study_json(name="second"), 201))
        path = tmp_path / "digits.yaml"
        path.write_text("name: digits\nfixed: {lr: 1e-4}\nbudget: {n_trials: 5, max_parallel: 2}\n")
        result = run("study", "submit", str(path), "--name", "second", "--n-trials", "9")
        assert result.code == 0
        assert "Submitted second (id 3)" in result.out
        assert server.bodies() == [
            {"name": "second", "fixed": {"lr": 1e-4}, "budget": {"n_trials": 9, "max_parallel": 2}}
        ]

    def test_standard_input_and_json(self, server: FakeServer, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        server.on("POST", "/studies", ok(study_json(), 201))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf{"name": "x"}')))
        result = run("study", "submit", "-", "--json")
        assert result.code == 0
        assert json.loads(result.out)["study_id"] == 3
        assert server.bodies() == [{"name": "x"}]

    def test_watching_to_the_end(self, server: FakeServer, run: Runner, tmp_path: Path) -> None:
        path = tmp_path / "s.json"
        path.write_text('{"name": "x"}')
        server.on("POST", "/studies", ok(study_json(), 201)).on("GET", "/events", stream(message("hello", 1, {})))
        server.on("GET", "/studies/3", ok(study_json(state="COMPLETE"))).on("GET", "/studies/3/trials", page())
        result = run("study", "submit", str(path), "--watch", "--json")
        assert result.code == 0
        assert json.loads(result.out)["state"] == "COMPLETE"
        assert "digits-mlp: COMPLETE" in result.err

    @pytest.mark.parametrize(
        ("content", "words"),
        [(b"a: 1\na: 2\n", "line 2"), (b"\xff\xfe", "not UTF-8"), (b" " * (5 << 20) + b"  ", "larger than")],
    )
    def test_a_bad_file_is_refused_before_anything_is_sent(
        self, server: FakeServer, run: Runner, tmp_path: Path, content: bytes, words: str
    ) -> None:
        path = tmp_path / "s.yaml"
        path.write_bytes(content)
        result = run("study", "submit", str(path))
        assert result.code == 2
        assert words in result.err
        assert server.requests == []

    def test_a_missing_file(self, run: Runner, tmp_path: Path) -> None:
        result = run("study", "submit", str(tmp_path / "none.yaml"))
        assert (result.code, result.out) == (2, "")
        assert "none.yaml: No such file or directory" in result.err


class TestReading:
    """Tables and JSON."""

    def test_list(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies", page(study_json(name=HOSTILE)))
        result = run("study", "list")
        assert "\\x1b]0;x\\x07[red]n\\u202e" in result.out
        assert "5/20 trials (1 pruned)" in result.out
        assert json.loads(run("study", "list", "--json").out)[0]["name"] == HOSTILE
        assert "\x1b" not in run("study", "list", "--json").out

    def test_an_empty_list_says_how_to_begin(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies", page())
        assert "tunewell study submit" in run("study", "list").out
        assert json.loads(run("study", "list", "--json").out) == []

    def test_show(self, server: FakeServer, run: Runner) -> None:
        notes = "first line\nsecond\x1b"
        server.on("GET", "/studies/x", ok(study_json(notes=notes, state_reason="[why]", tags=["a", "b"])))
        out = run("study", "show", "x").out
        for words in (
            "digits-mlp (id 3)",
            "RUNNING: [why]",
            "maximize val_accuracy of mlp on digits",
            "bayesian seed=7",
            "val_accuracy 0.975 (trial 2)",
            "learning_rate: float 0.0001 to 0.1, log",
            "epochs=20",
            "a, b",
            "second\\x1b",
        ):
            assert words in out

    def test_best(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/x", ok(study_json())).on("GET", "/studies/y", ok(study_json(best_trial=None)))
        assert "val_accuracy" in run("study", "best", "x").out
        assert json.loads(run("study", "best", "x", "--json").out)["values"] == {"val_accuracy": 0.975}
        assert "No trial" in run("study", "best", "y").out
        assert json.loads(run("study", "best", "y", "--json").out) is None

    def test_trials_stop_at_the_limit(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/x/trials", page(trial_json(1, value=0.5), trial_json(2), next_cursor="c"))
        result = run(
            *("study", "trials", "x", "--state", "FAIL", "--state", "PRUNED", "--order-by=-value", "--limit", "2"),
            *("--where", "value>0.4"),
        )
        assert len(result.out.splitlines()) == 3
        (request,) = server.requests
        assert request.url.params.get_list("state") == ["FAIL", "PRUNED"]
        assert (request.url.params["order_by"], request.url.params["descending"]) == ("value", "true")
        assert request.url.params["where"] == "value>0.4"

    def test_export(self, server: FakeServer, run: Runner, tmp_path: Path) -> None:
        content = b"number,value\r\n0,1\r\n"
        server.on("GET", "/studies/x/export", httpx.Response(200, content=content))
        assert run("study", "export", "x").out == content.decode()
        path = tmp_path / "t.json"
        result = run("study", "export", "x", "--format", "json", "-o", str(path))
        assert (result.code, result.out) == (0, "")
        assert path.read_bytes() == content
        assert [request.url.params["format"] for request in server.requests] == ["csv", "json"]

    def test_trial_by_number_and_by_id(self, server: FakeServer, run: Runner) -> None:
        attempt: dict[str, Any] = {"attempt_id": 1, "attempt_no": 1, "state": "LOST", "reason": "no sign of life"}
        detail = trial_json(4, state="FAIL", reason=HOSTILE, attempts=[attempt], values={"loss": "NaN"})
        server.on("GET", "/studies/digits/trials/4", ok(detail)).on("GET", "/trials/14", ok(detail))
        result = run("trial", "show", "digits/4")
        assert "no sign of life" in result.out
        assert "nan" in result.out
        assert "\x1b" not in result.out
        assert json.loads(run("trial", "show", "14", "--json").out)["values"] == {"loss": "NaN"}

    def test_a_result_that_was_taken_says_from_where(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/digits/trials/4", ok(trial_json(4, state="COMPLETE", reused_from=2)))
        server.on("GET", "/studies/digits/trials/2", ok(trial_json(2, state="COMPLETE", reused_from=None)))
        taken = [line.split() for line in run("trial", "show", "digits/4").out.splitlines()]
        assert ["result", "taken", "from", "trial", "2"] in taken
        assert "taken" not in run("trial", "show", "digits/2").out

    def test_logs_cannot_steer_the_terminal(self, server: FakeServer, run: Runner) -> None:
        line = {"line_id": 1, "attempt_no": 1, "stream": "stderr", "at": "2026-01-01T00:00:00Z", "text": HOSTILE}
        empty = ok({"items": [], "next_cursor": "1"})
        server.on("GET", "/trials/14", ok(trial_json(4)))
        server.on("GET", "/trials/14/logs", ok({"items": [line], "next_cursor": "1"}), empty)
        assert run("trial", "logs", "14").out == "\\x1b]0;x\\x07[red]n\\u202e\n"

    def test_logs_are_searched(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/trials/14", ok(trial_json(4)))
        server.on("GET", "/trials/14/logs", ok({"items": [], "next_cursor": "1"}))
        assert run("trial", "logs", "14", "--grep", "a b").out == ""
        assert server.requests[-1].url.params["q"] == "a b"

    def test_a_trial_is_tagged(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/trials/14", ok(trial_json(4, tags=["draft", "a"])))
        server.on("PATCH", "/trials/14", ok(trial_json(4, tags=["a", "paper"])))
        assert run("trial", "tag", "14", "paper", "a", "--remove", "draft").out == "Tags of trial 4: a, paper\n"
        assert run("trial", "tag", "14", "a").out == "Tags of trial 4: draft, a\n"
        assert server.bodies() == [{"tags": ["a", "paper"]}]

    def test_a_trial_is_run_again(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/digits/trials/4", ok(trial_json(4, state="FAIL")))
        server.on("POST", "/trials/14:retry", ok(trial_json(5, source="retry", origin=4), 201))
        server.on("POST", "/trials/14:repeat", ok({"items": [trial_json(6), trial_json(7)]}, 201))
        assert run("trial", "retry", "digits/4").out == "Trial 4 runs again as trial 5\n"
        result = run("trial", "repeat", "digits/4", "--n", "2")
        assert result.out == "Trial 4 is repeated from other seeds as trial 6, 7\n"
        assert server.bodies() == [{"n": 2, "note": ""}]
        server.on("GET", "/trials/15", ok(trial_json(5, source="retry", origin=4, seed=7, run_again_as=[8])))
        shown = [line.split() for line in run("trial", "show", "15").out.splitlines()]
        assert ["source", "retry", "of", "trial", "4"] in shown
        assert ["run", "again", "as", "trial", "8"] in shown

    def test_catalogues_and_workers(self, server: FakeServer, run: Runner) -> None:
        parameter = {"name": "lr", "type": "float", "low": 1e-5, "high": 1.0, "log": True, "default": 1e-3}
        space = {"lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}}
        model: dict[str, Any] = {"name": "mlp", "tasks": ["classification"], "title": "Perceptron"}
        model |= {"hyperparameters": [parameter], "default_space": space}
        worker = {"worker_id": 1, "name": HOSTILE, "state": "ALIVE", "queues": ["cpu"], "n_slots": 2, "n_busy": 1}
        server.on("GET", "/datasets", ok({"items": [{"name": "digits", "task": "classification", "n_rows": 1797}]}))
        server.on("GET", "/models", ok({"items": [model]})).on("GET", "/workers", ok({"items": [worker]}))
        assert "1797" in run("dataset", "list").out
        assert "float 1e-05 to 1, log" in run("model", "list").out
        assert "1/2" in run("worker", "list").out
        shown = run("model", "show", "mlp").out
        assert "float 1e-05 to 1, log" in shown
        assert parse_study(shown.partition("\n\n")[2], "help") == {"search_space": model["default_space"]}
        assert json.loads(run("model", "show", "mlp", "--json").out)["default_space"] == model["default_space"]
        missing = run("model", "show", "mpl")
        assert (missing.code, "models: mlp" in missing.err) == (1, True)
        for kind in ("dataset", "model", "worker"):
            assert len(json.loads(run(kind, "list", "--json").out)) == 1


class TestChanging:
    """Stop, pause, resume, delete, restore."""

    @pytest.mark.parametrize("action", ["stop", "pause", "resume"])
    def test_actions(self, server: FakeServer, run: Runner, action: str) -> None:
        server.on("PATCH", "/studies/x", ok(study_json(state="PAUSED")))
        assert run("study", action, "x").out == "digits-mlp is PAUSED\n"
        assert server.bodies() == [{"action": action}]

    @pytest.mark.parametrize(("answer", "code", "n_requests"), [("y\n", 0, 2), ("n\n", 1, 1), ("", 1, 1)])
    def test_delete_asks(
        self, server: FakeServer, run: Runner, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, n_requests: int
    ) -> None:
        server.on("GET", "/studies/x", ok(study_json())).on("DELETE", "/studies/3", httpx.Response(204))
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        result = run("study", "delete", "x")
        assert (result.code, len(server.requests)) == (code, n_requests)
        assert "Delete digits-mlp with 7 trials?" in result.out

    def test_delete_without_asking_tells_the_way_back(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/x", ok(study_json())).on("DELETE", "/studies/3", httpx.Response(204))
        server.on("POST", "/studies/3:restore", ok(study_json()))
        assert "tunewell study restore 3" in run("study", "delete", "x", "--yes").out
        assert run("study", "restore", "3").code == 0

    def test_tags_are_added_and_taken_away(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/x", ok({**study_json(), "tags": ["old", "kept"]}))
        server.on("PATCH", "/studies/3", ok({**study_json(), "tags": ["kept", "new"]}))
        assert run("study", "tag", "x", "new", "kept", "--remove", "old").out == "Tags of digits-mlp: kept, new\n"
        assert server.bodies() == [{"tags": ["kept", "new"]}]
        assert run("study", "tag", "x").out == "Tags of digits-mlp: old, kept\n"

    def test_archiving_tells_the_way_back(self, server: FakeServer, run: Runner) -> None:
        server.on("PATCH", "/studies/x", ok(study_json()))
        assert "tunewell study unarchive digits-mlp" in run("study", "archive", "x").out
        assert run("study", "unarchive", "x").out == "digits-mlp is in lists again\n"
        assert server.bodies() == [{"archived": True}, {"archived": False}]

    def test_stop_a_trial(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/trials/14", ok(trial_json(4))).on("POST", "/trials/14:stop", ok(trial_json(4)))
        assert run("trial", "stop", "14").out == "Trial 4 is RUNNING, and asked to stop\n"


def test_help_teaches_with_examples_and_exit_codes(run: Runner) -> None:
    assert "3 no server answers" in run("--help").out
    for command in ("submit", "list", "watch", "trials", "export"):
        result = run("study", command, "--help")
        assert result.code == 0
        assert f"tunewell study {command}" in result.out.split("Options:")[0].partition("\n")[2]


def test_version(run: Runner) -> None:
    assert run("--version").out == f"tunewell {__version__}\n"


def test_the_example_of_the_help_is_a_study(run: Runner) -> None:
    text = run("study", "submit", "--help").out.split("A study:\n")[1].split("\n\n")[0]
    study = parse_study(text, "help")
    assert study["search_space"]["learning_rate"]["low"] == 1e-4
    assert study["objectives"] == [{"metric": "val_accuracy", "direction": "maximize"}]


class TestSeveralObjectives:
    """Studies without a single best trial, and trials that break constraints on outcomes."""

    def test_the_front_is_a_table(self, server: FakeServer, run: Runner) -> None:
        front = study_json(spec=FRONT_SPEC, best_trial=None, best_trials=FRONT)
        server.on("GET", "/studies/x", ok(front), ok(front), ok(front))
        lines = run("study", "best", "x").out.splitlines()
        assert lines[0].split() == ["TRIAL", "VAL_ACCURACY", "N_PARAMETERS", "PARAMETERS"]
        assert [line.split() for line in lines[1:]] == [
            ["4", "0.97", "5000", "widths=8"],
            ["2", "0.91", "800", "widths=8"],
        ]
        assert [one["number"] for one in json.loads(run("study", "best", "x", "--json").out)] == [4, 2]
        shown = run("study", "show", "x").out
        assert "2 trials that no other beats" in shown
        assert "train_s at most 60" in shown

    def test_what_breaks_a_constraint_is_marked(self, server: FakeServer, run: Runner) -> None:
        kept = trial_json(0, state="COMPLETE", value=0.5, is_feasible=True)
        broken = trial_json(1, state="COMPLETE", value=0.75, is_feasible=False)
        server.on("GET", "/studies/x/trials", page(kept, broken))
        lines = run("study", "trials", "x").out.splitlines()
        assert ["(breaks a constraint)" in line for line in lines[1:]] == [False, True]


class TestConfirmation:
    """Studies that train their best trials again, and trials of several networks."""

    MADE: Mapping[str, Any] = {
        "state": "complete",
        "n_done": 4,
        "n_total": 4,
        "winner": 2,
        "reason": "the mean of its 3 runs is 0.953333, the best of 2",
        "candidates": [
            {"trial_id": 8, "number": 2, "values": [0.95, 0.95, 0.96], "n": 3, "mean": 0.9533333, "is_winner": True}
            | {"standard_error": 0.0033333, "fresh_mean": 0.955},
            {"trial_id": 7, "number": 1, "values": [0.97], "n": 1, "mean": 0.97, "n_failed": 2},
        ],
    }

    def test_best_shows_the_candidates(self, server: FakeServer, run: Runner) -> None:
        best = {"trial_id": 8, "number": 2, "params": {"widths": "8"}, "values": {"val_accuracy": 0.95}}
        study = study_json(best_trial=best, confirmation=self.MADE)
        server.on("GET", "/studies/x", ok(study), ok(study))
        lines = run("study", "best", "x").out.splitlines()
        assert lines[0].split() == ["trial", "2"]
        table = [line.split() for line in lines[-3:]]
        assert table == [
            ["TRIAL", "MEAN", "RUNS", "FIRST", "RUN", "FRESH", "RUNS", "FAILED"],
            ["2", "0.953333", "±", "0.0033", "3", "0.95", "0.955", "-"],
            ["1", "0.97", "1", "0.97", "-", "2"],
        ]
        shown = " ".join(run("study", "show", "x").out.split())
        assert "is complete, 4 of 4 runs; trial 2: the mean of its 3 runs is 0.953333" in shown

    def test_progress_tells_how_far_it_is(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", "/studies/x", ok(study_json(confirmation={**self.MADE, "state": "running", "n_done": 1})))
        assert "confirming 1 of 4" in run("study", "show", "x").out

    def test_a_trial_shows_the_spread_of_its_networks(self, server: FakeServer, run: Runner) -> None:
        spread = {"n": 3, "mean": 0.9, "standard_error": 0.01, "least": 0.88, "most": 0.92}
        trial = trial_json(6, state="COMPLETE", source="confirm", confirms=2, spread=spread)
        server.on("GET", "/studies/x/trials/6", ok(trial)).on("GET", "/trials/16", ok(trial))
        out = run("trial", "show", "x/6").out
        assert "0.9 ± 0.01 over 3 networks, 0.88 to 0.92" in out
        assert "confirms trial 2" in out
