"""Following a study: events where they come, polling where they do not, and what is shown of it."""

from __future__ import annotations

import io
import queue
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console
from tunewell import Event, NotFound, ServerUnreachable, Study, Trial
from tunewell import _display as display
from tunewell._decode import decode
from tunewell._pacing import Pacing
from tunewell.errors import Problem
from tunewell.follow import Snapshot, StudyFollower, TimeLeft
from tunewell.progress import watch_study

from tests.unit.client.fakes import study_json, trial_json

AWAY = ServerUnreachable(Problem("server_unreachable", "no server answers"))


def study(**changes: Any) -> Study:
    return decode(Study, study_json(**changes))


def trial(number: int = 0, **changes: Any) -> Trial:
    return decode(Trial, trial_json(number, **changes))


class FakeEvents:
    """Events that the test sends."""

    def __init__(self) -> None:
        self.sent: queue.Queue[Event | Exception | None] = queue.Queue()
        self.is_closed = False

    def __iter__(self) -> Iterator[Event]:
        """Yield until closed."""
        while (item := self.sent.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        """End the iteration."""
        self.is_closed = True
        self.sent.put(None)


class FakeClient:
    """Answers studies in turn, and says so in an event before each but the first two; the last one stays."""

    def __init__(self, *answers: Study | BaseException, running: tuple[Trial, ...] = ()) -> None:
        self.answers = list(answers)
        self.running = running
        self.is_telling = False
        self.events = FakeEvents()
        self.refs: list[int | str] = []

    def get_study(self, study: int | str) -> Study:
        """Answer the next study."""
        self.refs.append(study)
        if self.is_telling and 2 <= len(self.refs) and len(self.answers) > 1:
            self.events.sent.put(Event("study", {}))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def list_trials(
        self, study: int | str, *, state: str = "", order_by: str = "", page_size: int = 0
    ) -> Iterator[Trial]:
        """Answer the running trials."""
        assert (study, state, order_by) == (3, "RUNNING", "started_at")
        return iter(self.running)

    def open_events(self, study: int | str | None = None) -> FakeEvents:
        """Return the events."""
        assert study == 3
        return self.events


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.pacing = Pacing(now=lambda: self.now_s, jitter=lambda: 0.5)


def test_an_event_brings_a_fetch_and_a_rename_does_no_harm() -> None:
    client, clock = FakeClient(study(), study(), study(name="renamed", rev=10), running=(trial(),)), Clock()
    with StudyFollower(client, "digits-mlp", pacing=clock.pacing) as follower:
        assert follower.update(0.0).running == (trial(),)
        client.events.sent.put(Event("study", {"study_id": 3}))
        assert follower.update(5.0).study.name == "digits-mlp"  # too early: however many events, two fetches a second
        clock.now_s += 0.5
        assert follower.update(0.0).study.name == "renamed"
    assert client.refs == ["digits-mlp", 3, 3]
    assert client.events.is_closed


@pytest.mark.parametrize(
    "data",
    [
        {"trials": [{"trial_id": 10, "step": 9, "n_steps": 20, "points": []}]},
        {"trial_id": 10, "step": 9, "n_steps": 20, "points": []},
    ],
)
def test_metric_events_move_the_bars_without_a_fetch(data: dict[str, Any]) -> None:
    client, clock = FakeClient(study(), running=(trial(0, step=5), trial(1, step=7))), Clock()
    with StudyFollower(client, 3, pacing=clock.pacing) as follower:
        follower.update(0.0)
        client.events.sent.put(Event("metrics", data))
        clock.now_s += 1.0
        assert [found.step for found in follower.update(5.0).running] == [9, 7]
    assert len(client.refs) == 2


def test_a_stream_that_fails_is_replaced_by_asking() -> None:
    client, clock = FakeClient(study(), study(), study(state="COMPLETE")), Clock()
    client.events.sent.put(NotFound(Problem("not_found", "no events here", status=404)))
    with StudyFollower(client, 3, pacing=clock.pacing) as follower:
        follower._pump._thread.join(5.0)
        assert follower.update(0.0).study.state == "RUNNING"
        clock.now_s += 1.9
        assert follower.update(0.0).study.state == "RUNNING"
        clock.now_s += 0.2
        assert follower.update(0.0).study.state == "COMPLETE"


def test_a_server_that_is_away_is_told_and_forgiven_for_a_minute() -> None:
    client, clock = FakeClient(study(), AWAY, study(rev=10), AWAY), Clock()
    with StudyFollower(client, 3, pacing=clock.pacing) as follower:
        assert follower.update(0.0).trouble == "no server answers"
        clock.now_s += 1.0
        assert follower.update(0.0).trouble is None
        for _ in range(5):
            clock.now_s += 12.0
            assert follower.update(0.0).trouble is not None or clock.now_s < 112.0
        clock.now_s += 12.0
        with pytest.raises(ServerUnreachable) as caught:
            follower.update(0.0)
    assert caught.value.code == "server_unreachable"


def test_a_study_that_is_gone_ends_the_following() -> None:
    gone = NotFound(Problem("study_not_found", "no study 3", status=404))
    with StudyFollower(FakeClient(study(), gone), 3) as follower, pytest.raises(NotFound) as caught:
        follower.update(0.0)
    assert caught.value.code == "study_not_found"


class TestTimeLeft:
    """The estimate follows the speed of late."""

    def counts(self, n: int) -> dict[str, int]:
        return {"COMPLETE": n}

    def test_a_steady_speed_gives_the_true_time(self) -> None:
        time_left = TimeLeft()
        assert time_left.estimate(0.0, study(trial_counts=self.counts(0)), ()) is None
        assert time_left.estimate(10.0, study(trial_counts=self.counts(5)), ()) == 30.0
        half = (trial(5, step=10, n_steps=20), trial(6, step=10, n_steps=20))
        assert time_left.estimate(12.0, study(trial_counts=self.counts(5)), half) == 28.0

    def test_old_speed_is_forgotten(self) -> None:
        time_left = TimeLeft(window_s=10.0)
        for now, n in ((0.0, 0), (100.0, 1), (101.0, 2), (105.0, 6)):
            left = time_left.estimate(now, study(trial_counts=self.counts(n)), ())
        assert left == pytest.approx(14.0)

    def test_nothing_is_known_without_progress_in_a_pause_or_without_a_plan(self) -> None:
        time_left = TimeLeft()
        time_left.estimate(0.0, study(trial_counts=self.counts(1)), ())
        assert time_left.estimate(5.0, study(trial_counts=self.counts(1)), ()) is None
        assert time_left.estimate(9.0, study(trial_counts=self.counts(2), state="PAUSED"), ()) is None
        endless = study_json(trial_counts=self.counts(4))
        endless["spec"]["budget"]["n_trials"] = None
        assert time_left.estimate(12.0, decode(Study, endless), ()) is None


class TestDisplay:
    """Words and bars."""

    def shown(self, snapshot: Snapshot) -> str:
        out = io.StringIO()
        Console(file=out, width=120, force_terminal=True, color_system=None).print(display.panel(snapshot))
        return out.getvalue()

    def test_the_panel_has_progress_best_and_a_bar_per_running_trial(self) -> None:
        running = tuple(trial(number, step=number, n_steps=20) for number in range(2))
        text = self.shown(Snapshot(study(), running, left_s=12.0, trouble="the server is away"))
        for words in (
            "digits-mlp RUNNING",
            "5/20 trials (1 pruned), about 12 s left",
            "best val_accuracy 0.975 (trial 2)",
            "trial 0",
            "starting" if running[0].n_steps is None else "epoch 0/20",
            "epoch 1/20",
            "learning_rate=0.01 activation=relu",
            "the server is away; trying again",
        ):
            assert words in text

    def test_many_running_trials_are_counted(self) -> None:
        counts = {"RUNNING": 200, "COMPLETE": 1}
        text = self.shown(Snapshot(study(trial_counts=counts), tuple(map(trial, range(100)))))
        assert f"and {200 - display.MAX_BARS} more running" in text

    def test_a_hostile_name_cannot_steer_the_terminal(self) -> None:
        hostile = trial(0, params={"a": "\x1b[2J[bold]x[/bold]"})
        text = self.shown(Snapshot(study(name="\x1b]0;x\x07[red]n", best_trial=None), (hostile,)))
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "[red]n" in text
        assert "no result yet" in text

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(None, "-"), (0.04, "0.0 s"), (9.96, "10.0 s"), (42.4, "42 s"), (100, "1 min 40 s"), (7260, "2 h 1 min")],
    )
    def test_durations(self, seconds: float | None, words: str) -> None:
        assert display.duration_words(seconds) == words


def watched(client: FakeClient, *, is_terminal: bool) -> tuple[Study, str]:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=is_terminal, color_system=None, _environ={"TERM": "xterm"})
    return watch_study(client, "digits-mlp", console), out.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_watching_ends_with_the_study(is_terminal: bool) -> None:
    client = FakeClient(study(), study(), study(state="COMPLETE", trial_counts={"COMPLETE": 20}), running=(trial(),))
    client.is_telling = True
    ended, text = watched(client, is_terminal=is_terminal)
    assert ended.state == "COMPLETE"
    assert "20/20 trials" in text
    assert client.events.is_closed


def test_plain_lines_come_once_per_change() -> None:
    client = FakeClient(study(), study(), study(rev=10), study(state="COMPLETE"))
    client.is_telling = True
    _, text = watched(client, is_terminal=False)
    assert text.splitlines() == [
        "digits-mlp: RUNNING, 5/20 trials (1 pruned), best val_accuracy 0.975 (trial 2), 2 running",
        "digits-mlp: COMPLETE, 5/20 trials (1 pruned), best val_accuracy 0.975 (trial 2), 2 running",
    ]


def test_ctrl_c_passes_through_and_closes_the_stream() -> None:
    client = FakeClient(study(), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        watched(client, is_terminal=False)
    assert client.events.is_closed
