"""The simulated workers measure the live stream as the API writes it."""

from __future__ import annotations

from api.events import encode_batch
from benchmarks.load_client import METRICS, Findings, Lags
from db.events import Cursor, Event


def _stream(trial_id: int, step: int) -> list[str]:
    payload = {"study_id": 1, "trial_id": trial_id, "number": 0, "step": step, "n_steps": 5}
    points = [[name, step, 0.5] for name in METRICS]
    event = Event(Cursor(1, 1), "metrics", 1, trial_id, {**payload, "points": points})
    return b"".join(encode_batch([event])).decode().splitlines()


def test_a_report_that_the_stream_shows_is_measured_once() -> None:
    found = Findings(starts_until=0.0)
    lags = Lags(found)
    lags.send(7, 1)
    lags.send(7, 2)
    for line in _stream(7, 1) * 2:
        lags.hear(line)
    assert len(found.times_ms["stream_lag"]) == 1
    assert found.times_ms["stream_lag"][0] >= 0
    assert lags.count_unheard(for_s=0.0) == 1


def test_what_began_while_workers_joined_is_kept_apart() -> None:
    found = Findings(starts_until=10.0)
    found.note("claim", 9.0)
    found.note("claim", 11.0)
    assert {kind: len(times) for kind, times in found.starting_ms.items()} == {"claim": 1}
    assert {kind: len(times) for kind, times in found.times_ms.items()} == {"claim": 1}
