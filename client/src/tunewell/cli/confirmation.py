"""How a study's winner was confirmed, in the terminal."""

from __future__ import annotations

import sys

from tunewell._display import mean_words, number_words
from tunewell.cli.output import print_table
from tunewell.confirmation import Candidate, Confirmation

_STATES = {"running": "goes on", "complete": "is complete", "cut_short": "was cut short"}


def confirmation_words(confirmation: Confirmation | None) -> str:
    """Say in one line how far the confirmation is and what it found; nothing where there is none."""
    if confirmation is None:
        return ""
    done = f"{confirmation.n_done} of {confirmation.n_total} runs"
    return f"{_STATES.get(confirmation.state, confirmation.state)}, {done}; trial {confirmation.winner}: " + (
        confirmation.reason
    )


def print_candidates(confirmation: Confirmation) -> None:
    """Print the candidates, the winner in front, with the means and standard errors of their runs."""
    sys.stdout.write(f"\nThe confirmation {confirmation_words(confirmation)}.\n\n")
    columns = ("TRIAL", "MEAN", "RUNS", "FIRST RUN", "FRESH RUNS", "FAILED")
    print_table(columns, [_row(one) for one in confirmation.candidates], "")


def _row(one: Candidate) -> tuple[object, ...]:
    return (
        one.number,
        mean_words(one.mean, one.standard_error),
        one.n,
        number_words(one.values[0]) if one.values else "-",
        number_words(one.fresh_mean),
        one.n_failed or "-",
    )
