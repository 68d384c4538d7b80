"""What the API refuses: each refusal names rule, place and way out, stores nothing, and has a twin that passes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from db.tables import EventRow, StudyRow, TrialRow
from tests.servers.api import Caller, Json, Served, a_study, serving, settings_for

JSON_TYPE = {"Content-Type": "application/json"}
FLOAT = {"type": "float", "low": 1e-4, "high": 0.1}
ONE_FLOAT = {"learning_rate": FLOAT}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(settings_for(tmp_path_factory.mktemp("refusals"))) as served:
        yield served


@pytest.fixture
def caller(served: Served) -> Iterator[Caller]:
    caller = Caller(served.address)
    yield caller
    caller.close()


def stored(served: Served) -> list[int]:
    """Return how many studies, trials and events there are."""
    with served.control.ledger.read() as session:
        return [
            session.execute(select(func.count()).select_from(one)).scalar_one()
            for one in (StudyRow, TrialRow, EventRow)
        ]


def space(**changes: Any) -> Json:
    return {"search_space": {"learning_rate": {**FLOAT, **changes}}}


# code, field, part of the hint or message, what is refused, what would have been accepted
REFUSALS: dict[str, tuple[str, str, str, Json, Json]] = {
    "low above high": (
        "low_above_high",
        "search_space.learning_rate.low",
        "1",
        space(low=1.0),
        space(low=0.01),
    ),
    "log range with zero": (
        "log_range_not_positive",
        "search_space.learning_rate.low",
        "0",
        space(low=0.0, log=True),
        space(low=1e-3, log=True),
    ),
    "grid over a float without step": (
        "grid_needs_step",
        "search_space.learning_rate.step",
        "step",
        {"sampler": {"name": "grid"}},
        {"sampler": {"name": "grid"}, **space(low=0.01, step=0.03)},
    ),
    "unknown model": ("unknown_model", "model", "'mlp'", {"model": "mpl"}, {"model": "mlp"}),
    "unknown data set": ("unknown_dataset", "dataset", "'digits'", {"dataset": "digit"}, {"dataset": "digits"}),
    "unknown metric": (
        "unknown_metric",
        "objectives.0.metric",
        "'val_accuracy'",
        {"objectives": [{"metric": "val_acuracy", "direction": "maximize"}]},
        {"objectives": [{"metric": "val_accuracy", "direction": "maximize"}]},
    ),
    "unknown sampler": (
        "unknown_sampler",
        "sampler.name",
        "'bayesian'",
        {"sampler": {"name": "bayesan"}},
        {"sampler": {"name": "bayesian"}},
    ),
    "unknown pruner": (
        "unknown_pruner",
        "pruner.name",
        "'median'",
        {"pruner": {"name": "medan"}},
        {"pruner": {"name": "median"}},
    ),
    "unknown parameter in the space": (
        "unknown_parameter",
        "search_space.learning_rte",
        "'learning_rate'",
        {"search_space": {"learning_rte": FLOAT}},
        {"search_space": ONE_FLOAT},
    ),
    "unknown parameter among the fixed": (
        "unknown_parameter",
        "fixed.epoch",
        "'epochs'",
        {"fixed": {"epoch": 3}},
        {"fixed": {"epochs": 3}},
    ),
    "unknown option of a sampler": (
        "unknown_option",
        "sampler.n_startup",
        "n_startup_trials",
        {"sampler": {"name": "bayesian", "n_startup": 5}},
        {"sampler": {"name": "bayesian", "n_startup_trials": 5}},
    ),
    "racing between two": (
        "too_few_repeats",
        "repeats.n",
        "3",
        {"repeats": {"n": 2, "racing": True}},
        {"repeats": {"n": 3, "racing": True}},
    ),
    "more repeats than there may be": (
        "less_than_equal",
        "repeats.n",
        "100",
        {"repeats": {"n": 101}},
        {"repeats": {"n": 100, "choose": "worst"}},
    ),
    "folds without cross-validation": (
        "folds_unused",
        "evaluation.folds",
        "k_fold",
        {"evaluation": {"method": "holdout", "folds": 5}},
        {"evaluation": {"method": "k_fold", "folds": 5}},
    ),
    "one fold": (
        "greater_than_equal",
        "evaluation.folds",
        "2",
        {"evaluation": {"method": "k_fold", "folds": 1}},
        {"evaluation": {"method": "k_fold", "folds": 2}},
    ),
    "an objective of one member": (
        "unknown_metric",
        "objectives.0.metric",
        "'val_loss'",
        {"objectives": [{"metric": "val_loss@r1f1", "direction": "minimize"}]},
        {"objectives": [{"metric": "val_loss", "direction": "minimize"}]},
    ),
    "parameters that make no network together": (
        "impossible_combination",
        "fixed.residual",
        "width",
        {"fixed": {"residual": True, "hidden_layers": 1, "hidden_units": 32}},
        {"fixed": {"residual": True, "hidden_layers": 2, "hidden_units": 32}},
    ),
    "empty choices": (
        "empty_choices",
        "search_space.activation.choices",
        "choice",
        {"search_space": {"activation": {"type": "categorical", "choices": []}}},
        {"search_space": {"activation": {"type": "categorical", "choices": ["relu"]}}},
    ),
    "not a number as bound": (
        "not_finite",
        "search_space.learning_rate.low",
        "nan",
        space(low=math.nan),
        space(low=0.01),
    ),
    "not a number among the fixed": (
        "not_finite",
        "fixed.weight_decay",
        "nan",
        {"fixed": {"weight_decay": math.nan}},
        {"fixed": {"weight_decay": 0.1}},
    ),
    "not a number as time": (
        "less_than_equal",
        "budget.timeout_s",
        "nan",
        {"budget": {"timeout_s": math.nan}},
        {"budget": {"timeout_s": 5.0}},
    ),
    "a parameter fixed and searched": (
        "parameter_twice",
        "fixed.learning_rate",
        "one of the two",
        {"fixed": {"learning_rate": 0.1}},
        {"fixed": {"epochs": 2}},
    ),
    "no objective": (
        "too_short",
        "objectives",
        "at least 1",
        {"objectives": []},
        {"objectives": [{"metric": "val_accuracy", "direction": "maximize"}]},
    ),
    "no trials": (
        "greater_than_equal",
        "budget.n_trials",
        "0",
        {"budget": {"n_trials": 0}},
        {"budget": {"n_trials": 1}},
    ),
    "a number as text": (
        "int_type",
        "budget.n_trials",
        "'5'",
        {"budget": {"n_trials": "5"}},
        {"budget": {"n_trials": 5}},
    ),
    "a list as parameter": (
        "bool_type",
        "fixed.epochs",
        "an integer",
        {"fixed": {"epochs": [3]}},
        {"fixed": {"epochs": 3}},
    ),
    "an unknown field": ("unknown_field", "budgets", "'budget'", {"budgets": {}}, {"budget": {}}),
    "an unknown field within": (
        "unknown_field",
        "budget.n_trails",
        "'n_trials'",
        {"budget": {"n_trails": 3}},
        {"budget": {"n_trials": 3}},
    ),
    "a name that reads as an id": ("string_pattern_mismatch", "name", "at least one letter", {"name": "123"}, {}),
    "a name with a space": ("string_pattern_mismatch", "name", "Letters, digits", {"name": "a b"}, {}),
    "a tag with a quote": ("string_pattern_mismatch", "tags.0", "Letters", {"tags": ['a"b']}, {"tags": ["größe:1"]}),
    "NUL in the notes": ("string_pattern_mismatch", "notes", "NUL", {"notes": "a\x00b"}, {"notes": "a\nb"}),
    "half a character": ("string_unicode", "notes", "unicode", {"notes": "\ud800"}, {"notes": "\U0001f642"}),
    "a queue with capitals": (
        "string_pattern_mismatch",
        "resources.queue",
        "Lower-case",
        {"resources": {"queue": "CPU"}},
        {"resources": {"queue": "cpu"}},
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_study_that_breaks_a_rule_is_refused_whole(served: Served, caller: Caller, name: str) -> None:
    code, field, said, wrong, right = REFUSALS[name]
    own = f"twin-{list(REFUSALS).index(name)}"
    before = stored(served)
    # json.dumps writes NaN as the literal `NaN`, as many clients do.
    body = json.dumps({**a_study(own), **wrong})
    error = caller.refused("POST", "/studies", 422, content=body, headers=JSON_TYPE)
    assert (error["code"], error["field"]) == (code, field)
    assert said in f"{error['message']} {error['hint']}"
    assert stored(served) == before
    caller.call("POST", "/studies", 201, json={**a_study(own), **right})
    assert stored(served) != before


def test_every_missing_field_is_named(caller: Caller) -> None:
    for field in ("name", "dataset", "model", "objectives"):
        body = {key: value for key, value in a_study("partial").items() if key != field}
        error = caller.refused("POST", "/studies", 422, json=body)
        assert (error["code"], error["field"]) == ("missing_field", field)
    caller.create("partial")


def test_a_taken_name_is_refused(served: Served, caller: Caller) -> None:
    caller.create("taken")
    other = caller.create("free")
    before = stored(served)
    for method, path, body in (
        ("POST", "/studies", a_study("taken")),
        ("PATCH", "/studies/free", {"name": "taken", "notes": "lost"}),
    ):
        error = caller.refused(method, path, 409, json=body)
        assert (error["code"], error["field"]) == ("name_taken", "name")
        assert "taken" in error["message"]
    assert stored(served) == before
    assert caller.call("GET", f"/studies/{other['study_id']}")["notes"] == ""
    assert caller.call("PATCH", "/studies/free", json={"name": "freed"})["name"] == "freed"


@pytest.mark.parametrize(
    "text", ["{", '{"name": }', "", "nonsense", "[" * 100_000, '{"name": ' + "1" * 5000 + "}"], ids=range(6)
)
def test_what_is_no_json_is_refused_without_a_field(served: Served, caller: Caller, text: str) -> None:
    before = stored(served)
    error = caller.refused("POST", "/studies", 422, content=text.encode(), headers=JSON_TYPE)
    assert error["code"] == ("json_malformed" if text else "missing_field")
    assert error["field"] is None
    assert stored(served) == before


def test_bytes_that_are_no_text_are_refused(caller: Caller) -> None:
    error = caller.refused("POST", "/studies", 422, content=b'\xff\xfe{"a": 1}', headers=JSON_TYPE)
    assert (error["code"], error["field"]) == ("json_malformed", None)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_of_ten_megabytes_is_refused(served: Served, caller: Caller, is_chunked: bool) -> None:
    before = stored(served)
    padding = b" " * 10_000_000
    limit = served.control.settings.max_body_bytes
    body = json.dumps(a_study(f"large-{is_chunked}".lower())).encode()

    def pieces(text: bytes) -> Iterator[bytes]:
        yield from (text[start : start + 100_000] for start in range(0, len(text), 100_000))

    def send(text: bytes) -> httpx.Response:
        content = pieces(text) if is_chunked else text
        return caller.http.post("/studies", content=content, headers=JSON_TYPE)

    refused = send(body + padding)
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "body_too_large"
    assert str(limit) in refused.json()["error"]["message"]
    assert stored(served) == before
    assert send(body + padding[: limit - len(body)]).status_code == 201


def test_only_json_is_read(served: Served, caller: Caller) -> None:
    body = json.dumps(a_study("typed")).encode()
    before = stored(served)
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        error = caller.refused("POST", "/studies", 422, content=body, headers={"Content-Type": kind})
        assert (error["code"], error["field"]) == ("not_json", "Content-Type")
    assert stored(served) == before
    headers = {"Content-Type": "application/json; charset=utf-8"}
    caller.call("POST", "/studies", 201, content=body, headers=headers)


@pytest.mark.parametrize("path", ["/studies/nowhere", "/studies/999999", "/trials/999999", "/artifacts/999999/content"])
def test_what_is_not_there_is_not_found(caller: Caller, path: str) -> None:
    error = caller.refused("GET", path, 404)
    assert error["code"].endswith("_not_found")


def test_a_misspelt_name_is_answered_with_the_nearest(caller: Caller) -> None:
    caller.create("iris-mlp")
    error = caller.refused("GET", "/studies/iris-mpl", 404)
    assert (error["code"], error["field"]) == ("study_not_found", "study")
    assert "'iris-mlp'" in error["hint"]
    assert caller.call("GET", "/studies/iris-mlp")["name"] == "iris-mlp"


def test_numbers_beyond_the_database_and_nul_are_refused(caller: Caller) -> None:
    worker = {"name": "w", "host": "h", "pid": 1, "queues": ["cpu"], "n_slots": 1}
    for field, value in (("pid", 10**30), ("name", "\x00"), ("host", "\x00"), ("version", "\x00"), ("n_slots", 0)):
        error = caller.refused("POST", "/workers", 422, json={**worker, field: value})
        assert error["field"] == field
    worker_id = caller.call("POST", "/workers", 201, json=worker)["worker_id"]
    error = caller.refused("POST", "/work:claim", 422, json={"worker_id": 10**30, "queues": ["cpu"]})
    assert error["field"] == "worker_id"
    assert caller.claim(worker_id, "nothing-here") == []
    for path in ("/studies/a%00b", "/studies?search=%00", f"/trials/{10**30}"):
        assert caller.http.get(path).status_code == 422


def test_routes_that_are_not_there_answer_in_the_same_shape(caller: Caller) -> None:
    assert caller.refused("GET", "/nowhere", 404)["code"] == "route_not_found"
    assert caller.refused("PUT", "/studies/x", 405, json={})["code"] == "http_error"
