"""`tunewell study edit`, `edits` and `enqueue`: what is typed becomes what the server is asked."""

from __future__ import annotations

import pytest

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import FakeServer, ok, study_json, trial_json

EDIT = {
    "edit_no": 0,
    "author": "user",
    "created_at": "2026-11-01T10:00:00Z",
    "next_number": 7,
    "before": {"search_space": {"lr": {"low": 0.1}}, "budget": {"n_trials": 20}},
    "after": {"search_space": {"lr": {"low": 0.2}, "dropout": {}}, "budget": {"n_trials": 40}},
    "replaced": [5, 6],
}


def answer(server: FakeServer, *edits: object) -> None:
    found = study_json(name="digits")
    server.on("PATCH", "/studies/digits", ok(found))
    server.on("GET", "/studies/digits/edits", ok({"items": []}))
    server.on("GET", "/studies/3/edits", ok({"items": list(edits)}))


def test_what_is_typed_becomes_one_change(server: FakeServer, run: Runner) -> None:
    answer(server, EDIT)
    result = run(
        *("study", "edit", "digits", "--set", "lr.high=0.3", "--set", "lr.low=1e-4", "--set", "activation=null"),
        *("--set", "dropout={type: float, low: 0, high: 0.5}", "--constraint", "lr < dropout"),
        *("--limit", "n_trials=40", "--limit", "target=null"),
    )
    assert (result.code, result.err) == (0, "")
    assert result.out == "Changed digits; 2 waiting trials got other parameters\n"
    assert server.bodies() == [
        {
            "search_space": {
                "lr": {"high": 0.3, "low": 1e-4},
                "activation": None,
                "dropout": {"type": "float", "low": 0, "high": 0.5},
            },
            "constraints": ["lr < dropout"],
            "budget": {"n_trials": 40, "target": None},
        }
    ]


def test_an_empty_constraint_removes_them_and_nothing_new_is_said(server: FakeServer, run: Runner) -> None:
    answer(server)
    assert run("study", "edit", "digits", "--constraint", "").out == "digits is that already\n"
    assert server.bodies() == [{"constraints": []}]


def test_a_turn_names_priority_and_share_and_needs_one_of_them(server: FakeServer, run: Runner) -> None:
    answer(server)
    assert (
        run("study", "turn", "digits", "--priority", "10", "--share", "0.5").out
        == "digits has priority 10, share 0.5\n"
    )
    assert run("study", "turn", "digits", "--share", "2").code == 0
    assert server.bodies() == [{"resources": {"priority": 10, "share": 0.5}}, {"resources": {"share": 2.0}}]
    refused = run("study", "turn", "digits")
    assert (refused.code, "no change was given" in refused.err) == (2, True)
    assert len(server.bodies()) == 2


@pytest.mark.parametrize("wrong", [("--set", "lr"), ("--set", "=3"), ("--limit", "n_trials"), ("--set", "lr={a: 1")])
def test_what_is_no_change_is_refused_here(server: FakeServer, run: Runner, wrong: tuple[str, str]) -> None:
    answer(server, EDIT)
    result = run("study", "edit", "digits", *wrong)
    assert result.code == 2
    assert wrong[0] in result.err
    assert server.bodies() == []
    assert run("study", "edit", "digits").code == 2
    assert run("study", "edit", "digits", "--set", "lr.low=1").code == 0


def test_edits_are_listed(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/studies/digits/edits", ok({"items": [EDIT]}))
    out = run("study", "edits", "digits").out
    assert "dropout, lr, n_trials" in out
    assert "user" in out


def test_points_are_added(server: FakeServer, run: Runner) -> None:
    server.on("POST", "/studies/digits/trials:enqueue", ok({"items": [trial_json(7)]}))
    result = run("study", "enqueue", "digits", "lr=0.01,activation=relu", "units=64", "--note", "paper")
    assert result.code == 0
    assert server.bodies() == [
        {
            "points": [
                {"params": {"lr": 0.01, "activation": "relu"}, "note": "paper"},
                {"params": {"units": 64}, "note": "paper"},
            ]
        }
    ]
    assert run("study", "enqueue", "digits", "lr").code == 2


LENT = {"items": [{"study_id": 1, "name": "digits", "n_trials": 12}, {"study_id": 2, "name": None, "n_trials": 3}]}


def test_a_fork_is_asked_for_with_all_changes(server: FakeServer, run: Runner) -> None:
    server.on("POST", "/studies/digits:fork", ok(study_json(name="wide"), 201))
    server.on("GET", "/studies/3/lenders", ok(LENT))
    result = run(
        *("study", "fork", "digits", "wide", "--change", "search_space.units.high=256"),
        *("--change", "sampler={name: tpe}", "--change", "dataset=wine", "--change", "budget.n_trials=40"),
        *("--change", "search_space.dropout=null"),
    )
    assert (result.code, result.err) == (0, "")
    assert result.out == "Submitted wide as study 3; it learns from 15 finished trials\n"
    changes = {
        "sampler": {"name": "tpe"},
        "dataset": "wine",
        "search_space": {"units": {"high": 256}, "dropout": None},
        "budget": {"n_trials": 40},
    }
    assert server.bodies() == [{"name": "wide", "history": "finished", "changes": changes}]
    assert run("study", "fork", "digits", "wide", "--without-history").code == 0
    assert server.bodies()[1] == {"name": "wide", "history": "none", "changes": {}}
    assert run("study", "fork", "digits", "wide", "--change", "dataset").code == 2


def test_learned_defaults_are_shown(server: FakeServer, run: Runner) -> None:
    one = {"name": "dropout", "value": 0.2, "catalogue_value": 0.0, "n_trials": 7, "n_studies": 2}
    server.on("GET", "/models/mlp/defaults", ok({"model": "mlp", "dataset": "digits", "items": [one]}))
    result = run("model", "defaults", "mlp", "--dataset", "digits")
    assert [word in result.out for word in ("dropout", "0.2", "7", "2")] == [True] * 4
    assert server.requests[0].url.params["dataset"] == "digits"
    server.on("GET", "/models/mlp/defaults", ok({"model": "mlp", "dataset": None, "items": []}))
    assert run("model", "defaults", "mlp").out == "No study of it has ten results yet.\n"


UNDO = {"search_space": {"lr": {"type": "float", "low": 0.1, "high": 1.0}, "dropout": None}}
PREVIEW = {
    "problems": [],
    "changes": [
        {
            "field": "search_space.lr",
            "before": {"type": "float", "low": 0.1, "high": 1.0, "log": False},
            "after": {"type": "float", "low": 0.2, "high": 1.0, "log": False},
            "held": None,
            "n_outside": 3,
        },
        {
            "field": "search_space.act",
            "before": {"choices": [1]},
            "after": None,
            "held": "relu",
            "n_outside": None,
        },
        {"field": "budget.target", "before": None, "after": 0.9, "held": None, "n_outside": None},
    ],
    "n_finished": 12,
    "n_fitting": 9,
    "n_replaced": 2,
    "is_reopened": True,
}


def test_a_preview_says_what_would_change_and_changes_nothing(server: FakeServer, run: Runner) -> None:
    server.on("POST", "/studies/digits:check", ok(PREVIEW))
    result = run("study", "preview", "digits", "--set", "lr.low=0.2")
    assert (result.code, result.err) == (0, "")
    assert server.bodies() == [{"changes": {"search_space": {"lr": {"low": 0.2}}}}]
    said = ("low 0.2, high 1.0", "3 trials lie outside", "not searched", '"relu" from now on', "9 of 12", "goes on")
    assert [words for words in said if words not in result.out] == []
    wrong = {"code": "space_bounds", "message": "low is above high", "pointer": "/search_space/lr/low"}
    server.on("POST", "/studies/digits:check", ok({"problems": [{**wrong, "field": "search_space.lr.low"}]}))
    refused = run("study", "preview", "digits", "--set", "lr.low=7")
    assert refused.code == 1
    assert "low is above high" in refused.out


def test_the_latest_edit_is_undone(server: FakeServer, run: Runner) -> None:
    answer(server, EDIT)
    server.on("GET", "/studies/digits/edits", ok({"items": [{**EDIT, "undo": {}}, {**EDIT, "undo": UNDO}]}))
    assert run("study", "undo", "digits").code == 0
    assert server.bodies() == [UNDO]
    server.on("GET", "/studies/digits/edits", ok({"items": []}))
    nothing = run("study", "undo", "digits")
    assert (nothing.code, "nothing was changed" in nothing.err) == (2, True)
