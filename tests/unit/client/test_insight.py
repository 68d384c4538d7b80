"""The commands about what a study's trials say: importance, interactions, regret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tunewell import Client
from tunewell._pacing import Pacing

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import SERVER, FakeServer, ok, refusal

PATH = "/studies/digits-mlp"
FEW = {"state": "TOO_FEW", "objective": "val_accuracy", "n_trials": 5, "n_needed": 20, "reason": "Needs \x1b20 trials."}
SHARES = [{"name": "rate", "share": 0.75, "spread": 0.04}, {"name": "drop", "share": 0.25, "spread": 0.04}]


def interactions(state: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "objective": "val_accuracy", **more}


FOUND = interactions(
    "COMPLETE",
    has_result=True,
    is_current=True,
    n_trials=40,
    shares=SHARES,
    pairs=[{"first": "drop", "second": "rate", "share": 0.125, "spread": 0.02}],
    beyond=0.05,
    fit=0.9,
)


class TestImportance:
    """Which parameters matter."""

    def test_shares_stand_in_a_table(self, server: FakeServer, run: Runner) -> None:
        answer = {**FEW, "state": "COMPLETE", "reason": "", "n_trials": 40, "n_pruned": 3, "shares": SHARES}
        server.on("GET", f"{PATH}/importance", ok(answer))
        result = run("importance", "digits-mlp", "--objective", "val_accuracy")
        heading, first, second, words = result.out.splitlines()
        assert heading.split() == ["PARAMETER", "SHARE", "+-"]
        assert first.split() == ["rate", "75.0", "%", "4.0", "%", "#" * 18]
        assert second.split()[-1] == "#" * 6
        assert words == "From 40 trials; 3 pruned ones rank behind."
        assert server.requests[0].url.params["objective"] == "val_accuracy"
        assert json.loads(run("importance", "digits-mlp", "--json").out)["shares"] == SHARES

    def test_too_few_trials_are_no_error(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", f"{PATH}/importance", ok(FEW)).on("GET", f"{PATH}/regret", ok(FEW))
        for command in ("importance", "regret"):
            result = run(command, "digits-mlp")
            assert (result.code, result.out) == (0, "Needs \\x1b20 trials.\n")


class TestInteractions:
    """What matters together."""

    def test_the_job_is_started_and_waited_for(self, server: FakeServer, run: Runner) -> None:
        server.on("POST", f"{PATH}/interactions", ok(interactions("WAITING"), 202))
        server.on(
            "GET",
            f"{PATH}/interactions",
            ok(interactions("RUNNING", n_done=5, n_total=64)),
            ok(interactions("RUNNING", n_done=16, n_total=64)),
            ok(FOUND),
        )
        result = run("importance", "digits-mlp", "--interactions")
        assert result.code == 0
        assert result.err.splitlines() == [
            "the decomposition waits for its turn",
            "the decomposition is under way: 16 of 64 trees",
        ]
        lines = [line.split() for line in result.out.splitlines()]
        assert ["rate", "75.0", "%", "4.0", "%", "#" * 18] in lines
        assert ["drop", "x", "rate", "12.5", "%", "2.0", "%", "###"] in lines
        assert "Three or more parameters together explain 5.0 %." in result.out
        assert "Of the differences between unseen trials 90.0 % are foretold.\n" in result.out

    def test_a_poor_fit_is_called_so(self, server: FakeServer, run: Runner) -> None:
        server.on("POST", f"{PATH}/interactions", ok({**FOUND, "fit": -0.1}, 202))
        assert (
            "0.0 % are foretold: too little to believe the shares."
            in run("importance", "digits-mlp", "--interactions").out
        )

    def test_a_failed_job_is_an_error(self, server: FakeServer, run: Runner) -> None:
        server.on("POST", f"{PATH}/interactions", ok(interactions("FAIL", reason="it took\x1b long"), 202))
        result = run("importance", "digits-mlp", "--interactions")
        assert (result.code, result.err) == (1, "Error: it took\\x1b long\n")

    def test_a_server_that_forgot_the_job_is_asked_again(self, server: FakeServer) -> None:
        server.on("POST", f"{PATH}/interactions", ok(interactions("RUNNING"), 202), ok(FOUND, 202))
        server.on("GET", f"{PATH}/interactions", ok(interactions("NONE")))
        with Client(SERVER, transport=server) as client:
            assert client.wait_interactions("digits-mlp", pacing=Pacing(sleep=lambda _: None)).fit == 0.9
        assert [request.method for request in server.requests] == ["POST", "GET", "POST"]

    def test_waiting_has_an_end(self, server: FakeServer) -> None:
        server.on("POST", f"{PATH}/interactions", ok(interactions("RUNNING"), 202))
        with Client(SERVER, transport=server) as client, pytest.raises(TimeoutError):
            client.wait_interactions("digits-mlp", timeout_s=0)


class TestRegret:
    """The study beside random search."""

    def test_ten_places_and_what_it_was_worth(self, server: FakeServer, run: Runner) -> None:
        after = list(range(1, 41))
        band = {"mean": [0.5] * 40, "low": [0.25] * 40, "high": [0.75] * 40}
        answer = {
            **FEW, "state": "COMPLETE", "n_trials": 40, "n_finished": after, "study": [0.9] * 40, "random": band,
            "shuffled": band, "n_random": 310,
        }  # fmt: skip
        server.on(
            "GET", f"{PATH}/regret", ok(answer), ok({**answer, "is_more": True}), ok({**answer, "n_random": None})
        )
        lines = run("regret", "digits-mlp").out.splitlines()
        assert lines[1].split() == ["1", "0.9", "0.5", "0.25", "to", "0.75"]
        assert lines[10].split()[0] == "40"
        assert lines[11] == "About 310 random trials do as well half of the time; the study took 40."
        assert run("regret", "digits-mlp").out.splitlines()[11].startswith("More than 310")
        assert len(run("regret", "digits-mlp").out.splitlines()) == 11

    def test_refusals_are_the_servers(self, server: FakeServer, run: Runner) -> None:
        server.on("GET", f"{PATH}/regret", refusal(404, "study_not_found", "there is no study 'digits-mlp'"))
        assert run("regret", "digits-mlp").code == 1
