"""Commands that bring, show and delete data sets."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from tunewell._dataset_calls import packed
from tunewell._uploads import Told, sha256_of, tell_nobody
from tunewell.cli.output import JsonFlag, print_facts, print_json, print_table, time_words
from tunewell.cli.session import EXIT_REFUSED, console, session_of
from tunewell.client import Client
from tunewell.datasets import DatasetDetail, DatasetVersion
from tunewell.errors import NotFound

Name = Annotated[str, typer.Argument(help="As `tunewell dataset list` shows it")]
ADD_HELP = """Bring a file, or a folder of pictures, as a data set or another version of one.

CSV, Parquet, NPZ, and pictures: one folder a class, also in a ZIP file.

What is left out is inferred and shown: `tunewell dataset show NAME`. An upload that breaks off goes on where it was
when the same command runs again.

\b
Examples:
  tunewell dataset add flowers.csv --name flowers
  tunewell dataset add prices.csv --name prices --target price --test 0.3 --ignore id
  tunewell dataset add digits.npz --name my-digits --kind image
  tunewell dataset add --reference https://data.example.org/flowers.csv --sha256 4e3f... --name flowers
  tunewell dataset add photos/ --name pets --image-size 32x32
"""


def add_commands(app: typer.Typer) -> None:
    """Add the commands to `tunewell dataset`."""
    app.command("add", help=ADD_HELP)(add_dataset)
    app.command("show", help="Show a data set: versions, columns, classes, findings, studies.")(show_dataset)
    app.command("rm", help="Delete a data set that no open study uses, with all its versions.")(remove_dataset)


def add_dataset(  # noqa: PLR0913, PLR0917 - an option each
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="What studies will call it")],
    path: Annotated[
        Path | None, typer.Argument(help="A file, or a folder of pictures", exists=True, readable=True)
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Address or path that the server fetches instead")] = None,
    sha256: Annotated[str | None, typer.Option(help="SHA-256 of the bytes there")] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict")] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression")] = None,
    kind: Annotated[str | None, typer.Option(help="table, image or sequence, for arrays")] = None,
    val: Annotated[float | None, typer.Option(help="Share of the rows that rank trials; 0.2")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the rows that no search sees; 0.2")] = None,
    split_column: Annotated[str | None, typer.Option(help="Column that says train, val or test")] = None,
    seed: Annotated[int | None, typer.Option(help="Which of the possible splits")] = None,
    chronological: Annotated[bool, typer.Option("--chronological", help="Rows follow each other in time")] = False,
    ignore: Annotated[list[str] | None, typer.Option(help="Column to leave out; may be repeated")] = None,
    image_size: Annotated[str | None, typer.Option(metavar="HxW", help="Resize pictures, such as 32x32")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring a data set."""
    said: dict[str, Any] = {"target": target, "task": task, "kind": kind, "val_fraction": val, "test_fraction": test}
    said |= {"split_column": split_column, "seed": seed, "ignore": ignore or None}
    options = {key: value for key, value in said.items() if value is not None}
    if image_size is not None:
        options["image_size"] = _size(image_size)
    if chronological:
        options["is_chronological"] = True
    with session_of(ctx).client() as client:
        found = _bring(client, path, _Elsewhere.read(path, reference, sha256), name, options)
        detail = client.get_dataset(name, found.version)
    if as_json:
        print_json(found)
    elif found.state == "ready":
        _tell(detail)
    if found.state == "failed":
        _refuse(found)


def show_dataset(
    ctx: typer.Context,
    name: Name,
    version: Annotated[int | None, typer.Option(help="Which version; the newest that is ready")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a data set."""
    with session_of(ctx).client() as client:
        found = client.get_dataset(name, version)
    if as_json:
        print_json(found)
        return
    _tell(found)
    rows = [
        (one.version, one.state, time_words(one.created_at), one.n_rows or "", one.n_studies, (one.sha256 or "")[:12])
        for one in found.versions
    ]
    print_table(("VERSION", "STATE", "CREATED", "ROWS", "STUDIES", "CONTENT"), rows, "")
    if found.studies:
        print_table(("STUDY", "STATE", "VERSION"), [(one.name, one.state, one.version) for one in found.studies], "")


def remove_dataset(ctx: typer.Context, name: Name) -> None:
    """Delete a data set."""
    with session_of(ctx).client() as client:
        client.delete_dataset(name)
    sys.stdout.write(f"deleted {name}\n")


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Bytes that the server fetches."""

    reference: str
    sha256: str

    @classmethod
    def read(cls, path: Path | None, reference: str | None, sha256: str | None) -> _Elsewhere | None:
        """Return what was said; None where a file is sent from here.

        Raises:
            BadParameter: Neither was said or both were, or one has no hash.
        """
        if (path is None) == (reference is None):
            raise typer.BadParameter("name a file, or what the server fetches by --reference")
        if (reference is None) != (sha256 is None):
            raise typer.BadParameter("--reference and --sha256 go together: `sha256sum FILE` tells it")
        return None if reference is None else cls(reference, str(sha256))


def _bring(
    client: Client, path: Path | None, elsewhere: _Elsewhere | None, name: str, options: Mapping[str, Any]
) -> DatasetVersion:
    """Send a file or name what is fetched, and wait until it is prepared."""
    if elsewhere is not None:
        return client.add_reference(elsewhere.reference, name, elsewhere.sha256, options)
    assert path is not None
    with packed(path) as file:
        version = _send(client, file, name, options)
    return client.wait_for_dataset(name, version.version)


def _send(client: Client, path: Path, name: str, options: Mapping[str, Any]) -> DatasetVersion:
    """Send a file, from where an earlier call was broken off."""
    memory = _memory(client.server, path, name, options)
    upload_id = memory.read_text() if memory.exists() else ""
    try:
        upload = client.get_upload(upload_id) if upload_id else client.begin_upload(path, name, options)
    except NotFound:  # the server waited long enough for the rest
        upload = client.begin_upload(path, name, options)
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(upload.upload_id)
    with _progress(path.name) as tell:
        version = client.send_upload(path, upload.upload_id, tell=tell)
    memory.unlink(missing_ok=True)
    return version


def _memory(server: str, path: Path, name: str, options: Mapping[str, Any]) -> Path:
    """Return where an upload's id is kept until it is over: under what is sent, how, and where to."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    what = json.dumps([server, sha256_of(path), name, path.name, options], sort_keys=True)
    return folder / "tunewell" / "uploads" / hashlib.sha256(what.encode()).hexdigest()


@contextmanager
def _progress(name: str) -> Iterator[Told]:
    """Show a bar on a terminal."""
    errors = console(sys.stderr)
    if not errors.is_terminal:
        yield tell_nobody
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=errors) as bar:
        task = bar.add_task(name)
        yield lambda n, of: bar.update(task, completed=n, total=of)


def _tell(found: DatasetDetail) -> None:
    shape = "x".join(str(size) for size in found.shape)
    parts = f"{found.n_train} train, {found.n_val} validation, {found.n_test} test"
    facts: list[tuple[str, object]] = [
        ("data set", f"{found.name}@{found.shown_version}" if found.source == "upload" else found.name),
        ("predicts", f"{found.task}, of {found.n_classes} classes" if found.n_classes else found.task),
        ("from", f"{found.kind} {shape}"),
        ("rows", parts),
        ("note", found.note),
    ]
    print_facts(facts)
    rows = [
        (one.name, one.type, one.role, one.n_missing or "", one.n_distinct, _range(one.min, one.max))
        for one in found.columns
    ]
    print_table(("COLUMN", "TYPE", "ROLE", "MISSING", "DISTINCT", "RANGE"), rows, "")
    for finding in found.findings:
        print_facts([("finding", finding.message), ("", "; ".join(finding.evidence)), ("remedy", finding.remedy)])


def _size(text: str) -> list[int]:
    height, x, width = text.lower().partition("x")
    if not (x and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise typer.BadParameter(
            f"{text!r} is no size: give height and width, such as 32x32", param_hint="--image-size"
        )
    return [int(height), int(width)]


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:g} to {high:g}"


def _refuse(version: DatasetVersion) -> None:
    problem = version.error
    said = "" if problem is None else f"{problem.field + ': ' if problem.field else ''}{problem.message}"
    sys.stderr.write(f"Error: version {version.version} could not be prepared: {said}\n")
    raise typer.Exit(EXIT_REFUSED)
