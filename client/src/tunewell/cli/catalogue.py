"""Commands that list data sets, networks and workers."""

from __future__ import annotations

import typer

from tunewell._display import number_words, state_text
from tunewell.cli.output import JsonFlag, print_json, print_table, time_words
from tunewell.cli.session import session_of
from tunewell.records import Dataset, Hyperparameter

dataset_app = typer.Typer(help="Data sets that studies can name.", no_args_is_help=True, rich_markup_mode=None)
model_app = typer.Typer(help="Networks that studies can name.", no_args_is_help=True, rich_markup_mode=None)
worker_app = typer.Typer(help="Machines that train trials.", no_args_is_help=True, rich_markup_mode=None)


@dataset_app.command("list", help="List the data sets that a study can name as `dataset`.")
def list_datasets(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List data sets."""
    with session_of(ctx).client() as client:
        found = client.list_datasets()
    if as_json:
        print_json(found)
        return
    rows = [(d.name, d.task, d.kind, _shape(d), d.n_rows, d.n_train, d.n_val, d.n_test, d.title) for d in found]
    columns = ("NAME", "TASK", "KIND", "SHAPE", "ROWS", "TRAIN", "VAL", "TEST", "TITLE")
    print_table(columns, rows, "The server has no data sets.")


@model_app.command("list", help="List the networks that a study can name as `model`, with their hyperparameters.")
def list_models(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List networks and their hyperparameters."""
    with session_of(ctx).client() as client:
        found = client.list_models()
    if as_json:
        print_json(found)
        return
    rows: list[tuple[object, ...]] = []
    for model in found:
        rows.append((model.name, "", ", ".join(model.tasks), "", model.title))
        rows.extend(("", h.name, _range(h), number_words(h.default), h.meaning) for h in model.hyperparameters)
    print_table(("MODEL", "HYPERPARAMETER", "RANGE", "DEFAULT", "MEANING"), rows, "The server has no models.")


@worker_app.command("list", help="List the workers seen lately.")
def list_workers(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List workers."""
    with session_of(ctx).client() as client:
        found = client.list_workers()
    if as_json:
        print_json(found)
        return
    rows = [
        (
            w.worker_id,
            w.name,
            state_text(w.state),
            f"{w.n_busy}/{w.n_slots}",
            ", ".join(w.queues),
            time_words(w.heartbeat_at),
        )
        for w in found
    ]
    empty = "No workers. Start one with `python -m worker --server URL --token TOKEN`."
    print_table(("ID", "NAME", "STATE", "BUSY", "QUEUES", "LAST SEEN"), rows, empty)


def _shape(dataset: Dataset) -> str:
    return "x".join(str(size) for size in dataset.shape or (dataset.n_features,))


def _range(parameter: Hyperparameter) -> str:
    if parameter.choices:
        return " | ".join(number_words(choice) for choice in parameter.choices)
    if parameter.pattern:
        return f"text {parameter.pattern}"
    if parameter.low is None and parameter.high is None:
        return parameter.type
    log = ", log" if parameter.log else ""
    return f"{parameter.type} {number_words(parameter.low)} to {number_words(parameter.high)}{log}"
