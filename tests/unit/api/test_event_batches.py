"""How a batch of events becomes messages."""

from __future__ import annotations

import json
from typing import Any

from api.events import encode_batch
from db.events import Cursor, Event


def event(place: int, kind: str, trial_id: int | None = None, **payload: Any) -> Event:
    return Event(Cursor(7, place), kind, 1, trial_id, payload)


def metrics(place: int, trial_id: int, step: int) -> Event:
    return event(place, "metrics", trial_id, step=step, n_steps=9, points=[["m", step, 0.5]])


def decoded(*batch: Event) -> list[tuple[str | None, str, Any]]:
    shown = []
    for message in encode_batch(batch):
        fields = dict(line.split(": ", 1) for line in message.decode().strip().split("\n"))
        shown.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
    return shown


def test_points_are_merged_by_trial_and_notices_sent_once() -> None:
    batch = [
        metrics(1, 5, 1),
        event(2, "logs", 5, n=1),
        event(3, "trial", 5, state="RUNNING"),
        metrics(4, 6, 1),
        metrics(5, 5, 2),
        event(6, "trial", 6, state="RUNNING"),
        event(7, "logs", 5, n=2),
        event(8, "trial", 5, state="COMPLETE"),
    ]
    assert decoded(*batch) == [
        (
            None,
            "metrics",
            {
                "trials": [
                    {"step": 2, "n_steps": 9, "points": [["m", 1, 0.5], ["m", 2, 0.5]]},
                    {"step": 1, "n_steps": 9, "points": [["m", 1, 0.5]]},
                ]
            },
        ),
        (None, "trial", {"state": "RUNNING"}),
        (None, "logs", {"n": 2}),
        ("7-8", "trial", {"state": "COMPLETE"}),
    ]


def test_evaluations_of_one_study_are_told_apart() -> None:
    batch = [event(place, "evaluation", evaluation_id=place % 2, n_done=place) for place in range(4)]
    assert [data["n_done"] for _, _, data in decoded(*batch)] == [2, 3]


def test_only_the_last_message_carries_the_place_so_that_a_cut_batch_comes_again() -> None:
    assert [place for place, _, _ in decoded(metrics(1, 1, 1), event(2, "study"), event(3, "worker"))] == [
        None,
        None,
        "7-3",
    ]
    assert [place for place, _, _ in decoded(metrics(1, 1, 1), metrics(2, 2, 1))] == ["7-2"]


def test_merging_leaves_the_events_as_they_were() -> None:
    first, second = metrics(1, 1, 1), metrics(2, 1, 2)
    encode_batch([first, second])
    assert first.payload["points"] == [["m", 1, 0.5]]


def test_notices_of_different_workers_are_different() -> None:
    batch = [Event(Cursor(0, place), "worker", None, None, {"worker_id": place, "state": "ALIVE"}) for place in (1, 2)]
    assert [data["worker_id"] for _, _, data in decoded(*batch)] == [1, 2]
