"""Commands about what a study's trials say: importance, regret."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tunewell._display import number_words
from tunewell.cli.output import JsonFlag, print_json, print_table
from tunewell.cli.session import EXIT_REFUSED, session_of
from tunewell.cli.study import StudyArgument
from tunewell.insight import Importance, Interactions, Regret, Share
from tunewell.terminal import clean

BAR_WIDTH = 24
MAX_PAIRS = 10
TRUSTED_FIT = 0.2
"""Below it the trees foretell so little that their shares are called into question."""
ObjectiveOption = Annotated[str | None, typer.Option(help="Metric of one of the objectives; the first where left out")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to `tunewell`."""
    app.command("importance", help=IMPORTANCE_HELP)(importance)
    app.command("regret", help=REGRET_HELP)(regret)


IMPORTANCE_HELP = """Say which parameters of a study matter.

At once: how much each matters for being among the best tenth of the trials.
With --interactions, after some seconds: where all differences come from, and
which parameters matter only together.

\b
Examples:
  tunewell importance digits-mlp
  tunewell importance digits-mlp --interactions
"""

REGRET_HELP = """Compare a study with random search on the same space.

\b
Example:
  tunewell regret digits-mlp
"""


def importance(
    ctx: typer.Context,
    study: StudyArgument,
    interactions: Annotated[bool, typer.Option("--interactions", help="Find out what matters together, too")] = False,
    objective: ObjectiveOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print which parameters matter."""
    with session_of(ctx).client() as client:
        found: Importance | Interactions
        if interactions:
            found = client.wait_interactions(study, objective, on_change=_say)
        else:
            found = client.get_importance(study, objective)
    if as_json:
        print_json(found)
    elif found.state == "TOO_FEW":
        sys.stdout.write(f"{clean(found.reason)}\n")
    elif isinstance(found, Interactions):
        _print_interactions(found)
    else:
        print_table(("PARAMETER", "SHARE", "+-", ""), _rows(found.shares), "The search space is empty.")
        sys.stdout.write(_foundation(found.n_trials, found.n_pruned, "pruned ones rank behind") + "\n")
    if found.state == "FAIL":
        sys.stderr.write(f"Error: {clean(found.reason)}\n")
        raise typer.Exit(EXIT_REFUSED)


def regret(ctx: typer.Context, study: StudyArgument, as_json: JsonFlag = False) -> None:
    """Print the best values so far beside random search."""
    with session_of(ctx).client() as client:
        found = client.get_regret(study)
    if as_json:
        print_json(found)
        return
    if found.state == "TOO_FEW":
        sys.stdout.write(f"{clean(found.reason)}\n")
        return
    rows = [_after(found, place) for place in _few(len(found.n_finished))]
    print_table(("TRIALS", "STUDY", "RANDOM", "8 OF 10 RANDOM SEARCHES"), rows, "There are no trials.")
    if words := _worth(found):
        sys.stdout.write(f"{words}\n")


def _print_interactions(found: Interactions) -> None:
    if not found.has_result:
        return
    print_table(("ALONE", "SHARE", "+-", ""), _rows(found.shares), "The search space is empty.")
    sys.stdout.write("\n")
    pairs = [Share(f"{one.first} x {one.second}", one.share, one.spread) for one in found.pairs[:MAX_PAIRS]]
    print_table(("TOGETHER", "SHARE", "+-", ""), _rows(pairs), "There is only one parameter.")
    sys.stdout.write(f"\nThree or more parameters together explain {_percent(found.beyond)}.\n")
    sys.stdout.write(f"Of the differences between unseen trials {_percent(max(found.fit, 0))} are foretold")
    sys.stdout.write(": too little to believe the shares.\n" if found.fit < TRUSTED_FIT else ".\n")
    sys.stdout.write(_foundation(found.n_trials, found.n_pruned, "pruned ones are left out") + "\n")


def _rows(shares: Sequence[Share]) -> list[tuple[str, str, str, str]]:
    return [
        (one.name, _percent(one.share), _percent(one.spread), "#" * round(BAR_WIDTH * min(max(one.share, 0.0), 1.0)))
        for one in shares
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _foundation(n_trials: int, n_pruned: int, pruned_words: str) -> str:
    return f"From {n_trials} trials." if not n_pruned else f"From {n_trials} trials; {n_pruned} {pruned_words}."


def _few(n: int) -> list[int]:
    """Return the places of ten points, the ends among them."""
    return sorted({round(part * (n - 1) / 9) for part in range(10)}) if n else []


def _after(found: Regret, place: int) -> tuple[object, ...]:
    expected, between = "-", "-"
    if (band := found.random) is not None:
        expected = number_words(band.mean[place])
        if band.low is not None and band.high is not None:
            between = f"{number_words(band.low[place])} to {number_words(band.high[place])}"
    return found.n_finished[place], number_words(found.study[place]), expected, between


def _worth(found: Regret) -> str:
    if found.n_random is None:
        return ""
    n_trials = found.n_trials
    start = "More than" if found.is_more else "About"
    return f"{start} {found.n_random} random trials do as well half of the time; the study took {n_trials}."


def _say(found: Interactions) -> None:
    """Write how far the job is, a line a change, where JSON and tables are not."""
    if found.is_ended:
        return
    words = "waits for its turn" if found.state == "WAITING" else "is under way"
    if found.n_total and found.n_done:
        if found.n_done % 16:
            return
        words += f": {found.n_done} of {found.n_total} trees"
    sys.stderr.write(f"the decomposition {words}\n")
