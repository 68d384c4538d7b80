"""Commands that list data sets, networks and workers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tunewell._display import number_words, state_text
from tunewell._spaces import space_yaml
from tunewell.cli.output import JsonFlag, print_facts, print_json, print_table, time_words
from tunewell.cli.session import session_of
from tunewell.errors import NotFound, Problem
from tunewell.records import Dataset, Hyperparameter
from tunewell.terminal import clean

dataset_app = typer.Typer(help="Data sets that studies can name.", no_args_is_help=True, rich_markup_mode=None)
model_app = typer.Typer(help="Networks that studies can name.", no_args_is_help=True, rich_markup_mode=None)
WorkerId = Annotated[int, typer.Argument(help="As `tunewell worker list` shows it")]
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


@model_app.command("show", help="Show a network: its hyperparameters, and the search space that `default` stands for.")
def show_model(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="Its name.")], as_json: JsonFlag = False
) -> None:
    """Show one network."""
    with session_of(ctx).client() as client:
        found = {model.name: model for model in client.list_models()}
    if name not in found:
        hint = f"models: {', '.join(found)}"
        raise NotFound(Problem("unknown_model", f"there is no model {name!r}", field="model", hint=hint))
    model = found[name]
    if as_json:
        print_json(model)
        return
    print_facts(
        [
            ("model", f"{model.name}: {model.title}"),
            ("meaning", model.meaning),
            ("source", model.source),
            ("tasks", ", ".join(model.tasks)),
            ("data", ", ".join(model.kinds)),
        ]
    )
    rows = [(h.name, _range(h), number_words(h.default), h.meaning) for h in model.hyperparameters]
    print_table(("HYPERPARAMETER", "RANGE", "DEFAULT", "MEANING"), rows, "It has no hyperparameters.")
    # For a study's file, to begin from.
    typer.echo("\n" + clean(space_yaml(model.default_space), keep_newlines=True).rstrip())


@model_app.command("defaults", help="Show what the best trials of past studies of a network had in common.")
def learned_defaults(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.")],
    dataset: Annotated[str | None, typer.Option(help="Only of studies on this data set")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show learned defaults."""
    with session_of(ctx).client() as client:
        found = client.learned_defaults(name, dataset=dataset)
    if as_json:
        print_json(list(found))
        return
    rows = [
        (one.name, number_words(one.value), number_words(one.catalogue_value), one.n_trials, one.n_studies)
        for one in found
    ]
    empty = "No study of it has ten results yet."
    print_table(("HYPERPARAMETER", "LEARNED", "DEFAULT", "TRIALS", "STUDIES"), rows, empty)


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
            state_text("LEFT" if w.left_at else w.state),
            f"{w.n_busy}/{w.n_slots}",
            ", ".join(w.queues),
            time_words(w.heartbeat_at),
        )
        for w in found
    ]
    empty = "No workers. Start one with `python -m worker --server URL --token TOKEN`."
    print_table(("ID", "NAME", "STATE", "BUSY", "QUEUES", "LAST SEEN"), rows, empty)


@worker_app.command("drain", help="Let a worker finish what it runs and claim nothing more.")
def drain_worker(ctx: typer.Context, worker_id: WorkerId) -> None:
    """Drain a worker."""
    with session_of(ctx).client() as client:
        worker = client.drain_worker(worker_id)
    sys.stdout.write(f"Worker {clean(worker.name)} is {clean(worker.state)}; busy slots: {worker.n_busy}\n")


@worker_app.command("undrain", help="Let a worker that was drained claim again.")
def undrain_worker(ctx: typer.Context, worker_id: WorkerId) -> None:
    """Let a worker claim again."""
    with session_of(ctx).client() as client:
        worker = client.undrain_worker(worker_id)
    sys.stdout.write(f"Worker {clean(worker.name)} is {clean(worker.state)}\n")


@worker_app.command("queues", help="Show what waits in each queue, and how many slots serve it.")
def list_queues(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List queues."""
    with session_of(ctx).client() as client:
        found = client.list_queues()
    if as_json:
        print_json(found)
        return
    rows = [
        (
            q.name,
            q.n_waiting,
            "no end" if q.n_to_come is None else q.n_to_come,
            q.n_running,
            f"{q.n_idle}/{q.n_slots}",
            time_words(q.oldest_waiting_at),
        )
        for q in found
    ]
    empty = "No queues: no study is open and no worker serves one."
    print_table(("QUEUE", "WAITING", "TO COME", "RUNNING", "IDLE SLOTS", "OLDEST"), rows, empty)


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
