"""Lists of trials are filtered on the server, by what a person writes into one line."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.filters.tokens import OPERATORS
from tests.servers.api import Caller, Json

PATH = "/studies/sifted/trials"
SPACE: Json = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.2, "log": True},
    "optimizer": {"type": "categorical", "choices": ["adam", "nesterov"]},
    "momentum": {"type": "float", "low": 0.5, "high": 0.9, "when": {"optimizer": ["nesterov"]}},
    "batch_size": {"type": "categorical", "choices": [16, 64]},
    "bias": {"type": "categorical", "choices": [True, False]},
}
# By number: 0 and 1 complete, 2 failed, 3 waits.
TRIALS: list[Json] = [
    {
        "params": {"learning_rate": 0.01, "optimizer": "adam", "batch_size": 16, "bias": True},
        "state": "COMPLETE",
        "values": {"val_accuracy": 0.98, "val_loss": 0.1},
        "note": "By Ada, 50% sure",
    },
    {
        "params": {
            "learning_rate": 0.1,
            "optimizer": "nesterov",
            "momentum": 0.75,
            "batch_size": 64,
            "bias": False,
        },
        "state": "COMPLETE",
        "values": {"val_accuracy": 0.9, "val_loss": 0.4},
    },
    {
        "params": {"learning_rate": 0.2, "optimizer": "adam", "batch_size": 64, "bias": True},
        "state": "FAIL",
        "values": {"val_accuracy": "NaN"},
    },
    {"params": {"learning_rate": 0.001, "optimizer": "adam", "batch_size": 16, "bias": False}},
]
TAGS: list[list[str]] = [["paper", "v1.0"], ["Paper-2"], [], ["draft"]]
WORDS = (
    *SPACE,
    "tag",
    "state",
    "value",
    "val_accuracy",
    "metric.val_loss",
    "param.x",
    "finding",
    "started",
    "note",
    "feasible",
)


@pytest.fixture
def sifted(caller: Caller) -> Caller:
    """Return a caller whose study has four trials and a limit on one metric."""
    limits = [{"metric": "val_accuracy", "at_least": 0.95}]
    caller.create("sifted", sampler={"name": "manual"}, search_space=SPACE, budget={}, outcome_constraints=limits)
    for trial, tags in zip(TRIALS, TAGS, strict=True):
        added = caller.call("POST", PATH, 201, json=trial)
        caller.call("PATCH", f"/trials/{added['trial_id']}", json={"tags": tags})
    return caller


def numbers(caller: Caller, where: str) -> list[int]:
    return [trial["number"] for page in caller.pages(PATH, where=where, limit=1) for trial in page]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("state:complete", [0, 1]),
        ("state:paused", []),
        ("state:paused,waiting", [3]),
        ("tag:paper", [0]),
        ("tag:paper,DRAFT", [0, 3]),
        ("tag~paper", [0, 1]),
        ("-tag~paper", [2, 3]),
        ("tag!=paper", [1, 2, 3]),
        ("tag~_", []),
        ("v1.0", [0]),
        ("state:complete,WAITING", [0, 1, 3]),
        ("-state:complete", [2, 3]),
        ("state!=complete,fail", [3]),
        ("value>0.95", [0]),
        ("value<=0.95", [1]),
        ("val_accuracy:0.9", [1]),
        ("metric.val_loss<0.2", [0]),
        ("learning_rate<0.05", [0, 3]),
        ("learning_rate>=1e-2 learning_rate<0.15", [0, 1]),
        ("optimizer=adam", [0, 2, 3]),
        ("optimizer!=adam", [1]),
        ("optimizer~NEST", [1]),
        ("momentum>0.6", [1]),
        ("-momentum>0.6", [0, 2, 3]),
        ("momentum!=0.75", [0, 2, 3]),
        ("batch_size=64", [1, 2]),
        ("batch_size<32", [0, 3]),
        ("bias:true", [0, 2]),
        ("feasible:no", [1]),
        ("-feasible:no", [0, 2, 3]),
        ("number>=2", [2, 3]),
        ("number:0,3", [0, 3]),
        ("finished>2020-01-01", [0, 1, 2]),
        ("finished<2020-01-01", []),
        ("source:imported", [0, 1, 2]),
        ("note~ada", [0]),
        ('note~"50% s"', [0]),
        ("note~5_", []),
        ("ada", [0]),
        ("-ada", [1, 2, 3]),
        ("finding:overfitting", []),
        ("param.gone=adam", []),
        ("param.optimizer=nesterov", [1]),
        ("state:complete value>0.97 learning_rate<0.05 optimizer=adam", [0]),
    ],
)
def test_what_is_asked_for_is_found(sifted: Caller, where: str, found: list[int]) -> None:
    assert numbers(sifted, where) == found


def test_a_finding_is_found_by_its_kind(caller: Caller) -> None:
    caller.create("sifted")
    (job,) = caller.claim(caller.join("sifted"), "sifted")
    finding = {
        "kind": "overfitting",
        "severity": "problem",
        "title": "Overfitting",
        "evidence": {"sentence": "It rose."},
        "remedy": {"sentence": "Stop."},
    }
    caller.finish(job, values={"val_accuracy": 0.5}, diagnosis=[finding])
    assert numbers(caller, "finding:overfitting") == [0]
    assert numbers(caller, "finding:fitting") == []
    assert numbers(caller, "finding~fitting") == [0]


def test_a_filter_goes_together_with_order_and_states(sifted: Caller) -> None:
    query = {"where": "batch_size=64", "state": "COMPLETE", "order_by": "value"}
    assert [one["number"] for one in sifted.call("GET", PATH, params=query)["items"]] == [1]


@pytest.mark.parametrize(
    ("where", "code", "marked", "right"),
    [
        ("value>0.9 stat:complete", "filter_field", "stat", "state:complete"),
        ("state:done", "filter_value", "done", "state:complete"),
        ("state>complete", "filter_operator", ">", "state:complete"),
        ("value>high", "filter_value", "high", "value>0.9"),
        ("learning_rate~0.1", "filter_operator", "~", "learning_rate:0.1"),
        ("optimizer=adm", "filter_value", "adm", "optimizer=adam"),
        ("optimizer>adam", "filter_operator", ">", "optimizer=adam"),
        ("value>0.9,0.8", "filter_value", "0.8", "value>0.8"),
        ("started>yesterday", "filter_value", "yesterday", "started>2026-01-01"),
        ("value >0.9", "filter_malformed", ">", "value>0.9"),
    ],
)
def test_a_slip_is_refused_where_it_is(sifted: Caller, where: str, code: str, marked: str, right: str) -> None:
    body: Json = sifted.call("GET", PATH, 422, params={"where": where})
    error = body["error"]
    assert (error["code"], error["field"]) == (code, "where")
    assert where[slice(*error["span"])] == marked
    assert error["hint"]
    sifted.call("GET", PATH, params={"where": right})


_TERMS = st.builds(
    "{}{}{}".format,
    st.sampled_from(WORDS),
    st.sampled_from(OPERATORS),
    st.one_of(st.sampled_from(["adam", "0.5", "1e300", "complete", "true", "2026-01-01", "'", "%", "\\"]), st.text()),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TERMS, max_size=3).map(" ".join))
def test_any_text_finds_trials_or_is_refused(sifted: Caller, where: str) -> None:
    answer = sifted.http.get(PATH, params={"where": where})
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert answer.json()["error"]["code"] in {
            *("filter_field", "filter_value", "filter_operator", "filter_malformed"),
            *("text_nul", "string_too_long"),
        }
