"""Show a study's progress until it ends: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.live import Live

from tunewell import _display
from tunewell.follow import Snapshot, StudyFollower, StudySource
from tunewell.records import Study
from tunewell.terminal import safe

REFRESH_S = 0.25


def is_over(study: Study) -> bool:
    """Return whether a study ended or was deleted."""
    return study.is_ended or study.deleted_at is not None


def watch_study(
    client: StudySource, ref: int | str, console: Console, *, until: Callable[[Study], bool] = is_over
) -> Study:
    """Show a study until it ends; Ctrl-C (`KeyboardInterrupt`) passes through and leaves the study running.

    Args:
        client: A `tunewell.Client`.
        ref: Id or name of the study.
        console: Where to show it. A terminal gets a display that renews itself, anything else a line per change.
        until: When to stop watching.

    Returns:
        The study as it was last seen.

    Raises:
        TunewellError: The study is unknown, or the server stayed away for a minute.
    """
    show = _watch_live if console.is_terminal and not console.is_dumb_terminal else _watch_lines
    with StudyFollower(client, ref) as follower:
        return show(follower, console, until)


def _watch_live(follower: StudyFollower, console: Console, until: Callable[[Study], bool]) -> Study:
    snapshot = follower.update(0.0)
    with Live(_display.panel(snapshot), console=console, auto_refresh=False) as live:
        while not until(snapshot.study):
            snapshot = follower.update(REFRESH_S)
            live.update(_display.panel(snapshot), refresh=True)
    return snapshot.study


def _watch_lines(follower: StudyFollower, console: Console, until: Callable[[Study], bool]) -> Study:
    shown: object = None
    while True:
        snapshot = follower.update(REFRESH_S)
        if (facts := _facts(snapshot)) != shown:
            console.print(safe(_display.line(snapshot)), soft_wrap=True)
            shown = facts
        if until(snapshot.study):
            return snapshot.study


def _facts(snapshot: Snapshot) -> object:
    """What is worth a new line: not the time left, which changes always."""
    study = snapshot.study
    return study.name, study.state, study.n_finished, study.best_trial, snapshot.trouble
