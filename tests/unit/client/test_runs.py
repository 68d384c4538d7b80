"""Runs without a server: what may be logged, what lies on disk, and what does nothing."""

from __future__ import annotations

import io
import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import tunewell
from tunewell import Invalid
from tunewell.runs import buffer, deliver
from tunewell.runs.begin import read_params
from tunewell.runs.files import encode_figure, encode_image, encode_table
from tunewell.runs.folder import RunFolder
from tunewell.runs.sync import sync_runs
from tunewell.spool import Spool, SpoolReader


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEWELL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TUNEWELL_CAPTURE", "none")
    for name in ("MODE", "STUDY", "SERVER", "TOKEN", "SPOOL_MAX_BYTES"):
        monkeypatch.delenv(f"TUNEWELL_{name}", raising=False)
    return tmp_path / "runs"


def entries(folder: Path) -> list[dict[str, Any]]:
    (spool,) = folder.glob("*/spool.jsonl")
    return [json.loads(line) for line in spool.read_text().splitlines()]


def test_an_offline_run_lies_on_the_disk_in_order(runs: Path) -> None:
    weights = runs.parent / "weights.pt"
    weights.write_bytes(b"w")
    with tunewell.init("notes", {"rate": 0.1}, mode="offline") as run:
        run.log({"a": 1, "b": math.nan})
        run.log({"a": 2.5}, step=7)
        run.log({"a": 3})
        run.log_line("done")
        run.log_artifact(b"x", name="x.bin")
        run.checkpoint(weights)
    *reports, upload, checkpoint, finish = entries(runs)
    points = [tuple(point[:3]) for report in reports for point in report["metrics"]]
    assert [point[:2] for point in points] == [("a", 0), ("b", 0), ("a", 7), ("a", 8)]
    assert math.isnan(points[1][2])
    assert [report["seq"] for report in reports] == list(range(1, len(reports) + 1))
    assert (upload["kind"], Path(upload["path"]).read_bytes()) == ("upload", b"x")
    assert (checkpoint["name"], checkpoint["artifact_kind"], checkpoint["step"]) == ("checkpoint.pt", "checkpoint", 8)
    assert (finish["kind"], finish["outcome"]) == ("finish", "COMPLETE")


def test_a_disabled_run_does_nothing(runs: Path) -> None:
    with tunewell.init(mode="disabled", params={"rate": 1}) as run:
        run.log({"a": 1})
        run.log_text("report", "x")
        run.summary["a"] = 1
        assert (run.params, run.should_prune(), run.is_active) == ({"rate": 1}, False, False)
    assert not runs.exists()


@pytest.mark.parametrize(
    ("values", "step", "code"),
    [
        ({"a\n": 1}, None, "metric_name"),
        ({"": 1}, None, "metric_name"),
        ({"a" * 201: 1}, None, "metric_name"),
        ({"a": "high"}, None, "not_a_number"),
        ({"a": [1, 2]}, None, "not_a_number"),
        ({"a": 1}, -1, "bad_step"),
        ({"a": 1}, 1.5, "bad_step"),
        ({"a": 1}, "x", "bad_step"),
    ],
)
def test_what_cannot_be_logged_is_refused_and_the_run_goes_on(
    runs: Path, values: dict[str, Any], step: Any, code: str
) -> None:
    with tunewell.init("notes", mode="offline") as run:
        with pytest.raises(Invalid) as refused:
            run.log(values, step)
        assert refused.value.code == code
        run.log({"a": 1}, 3.0)  # type: ignore[arg-type]
    assert entries(runs)[0]["metrics"][0][:3] == ["a", 3, 1.0]


def test_a_run_that_has_ended_takes_nothing_more(runs: Path) -> None:
    run = tunewell.init("notes", mode="offline")
    run.log({"a": 1})
    run.finish()
    with pytest.raises(Invalid) as refused:
        run.log({"a": 1})
    assert refused.value.code == "run_finished"
    n = len(entries(runs))
    assert not run.finish()
    assert len(entries(runs)) == n


@pytest.mark.parametrize(
    ("given", "code"),
    [({"study": None}, "no_study"), ({"study": "a", "mode": "ofline"}, "unknown_mode")],
)
def test_runs_that_cannot_begin(runs: Path, given: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        tunewell.init(**given)
    assert refused.value.code == code
    assert not runs.exists()


def test_parameters_become_flat() -> None:
    given = {"a": 1, "b": {"c": True, "d": {"e": None}}, "f": (1, 2), "g": Path("x"), "h": "text"}
    assert read_params(given) == {"a": 1, "b.c": True, "b.d.e": None, "f": "1,2", "g": "x", "h": "text"}
    for name, value in (("a", math.nan), ("b", object()), ("c", math.inf)):
        with pytest.raises(Invalid) as refused:
            read_params({"ok": 1, name: value})
        assert (refused.value.code, refused.value.field) == ("param_kind", f"params.{name}")


def test_a_queue_that_grows_faster_than_it_is_written_is_written_by_who_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer, "MAX_QUEUED", 10)
    spool = Spool(tmp_path / "spool.jsonl")
    queue = buffer.Buffer(spool, max_bytes=10_000)
    for step in range(25):
        queue.put(step, [("a", 1.0)])
    assert spool.n_appended == 2
    queue.drain()
    reader = SpoolReader(spool.path)
    steps = [point[1] for entry in reader.entries() for point in entry.body["metrics"]]
    assert steps == list(range(25))
    spool.close()
    reader.close()


def test_a_long_spool_is_emptied_once_it_was_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.jsonl")
    reader = SpoolReader(spool.path)
    spool.report({"metrics": []})
    assert not spool.forget_read(reader), "there is something unread"
    assert [entry.body["seq"] for entry in reader.entries()] == [1]
    assert spool.forget_read(reader)
    assert spool.size_bytes() == 0
    spool.report({"metrics": []})
    assert [entry.body["seq"] for entry in reader.entries()] == [2]
    spool.close()
    reader.close()
    assert deliver.COMPACT_BYTES < buffer.MAX_QUEUED * 1000


def test_a_folder_without_a_run_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        RunFolder.load(tmp_path)
    assert refused.value.code == "no_run"


def test_a_folder_does_not_choose_who_gets_a_token(runs: Path) -> None:
    with tunewell.init("notes", mode="offline", server="http://elsewhere.example") as run:
        run.log({"a": 1})

    def connect() -> Any:
        raise AssertionError("nobody may be called")

    (found,) = sync_runs(runs, connect)
    assert (found.result, "elsewhere.example" in found.note) == ("refused", True)
    assert found.path.is_dir()


def test_pictures_are_png_files() -> None:
    png = encode_image([[[255, 0, 0], [0, 255, 0]]])
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (png[:8], width, height, depth, colour) == (b"\x89PNG\r\n\x1a\n", 2, 1, 8, 2)
    n = struct.unpack(">I", png[33:37])[0]
    assert zlib.decompress(png[41 : 41 + n]) == b"\0\xff\0\0\0\xff\0"
    assert encode_image(png) == png
    grey = encode_image([[0.0, 1.0]])
    n = struct.unpack(">I", grey[33:37])[0]
    assert zlib.decompress(grey[41 : 41 + n]) == b"\0\0\xff"
    for wrong in (b"GIF", [[1], [2, 3]], [], 7):
        with pytest.raises(Invalid) as refused:
            encode_image(wrong)
        assert refused.value.code == "image_kind"


def test_figures_are_asked_to_draw_themselves() -> None:
    class Figure:
        def savefig(self, file: io.BytesIO, format: str) -> None:  # noqa: A002 - matplotlib's name
            file.write(format.encode())

    assert encode_figure(Figure()) == b"png"
    with pytest.raises(Invalid) as refused:
        encode_figure("no figure")
    assert refused.value.code == "figure_kind"


def test_tables_are_csv() -> None:
    assert encode_table([{"a": 1, "b": "x,y"}, {"a": 2}], None) == b'a,b\n1,"x,y"\n2,\n'
    assert encode_table([(1, 2)], ["a", "b"]) == b"a,b\n1,2\n"
    with pytest.raises(Invalid) as refused:
        encode_table([(1, 2)], None)
    assert refused.value.code == "no_columns"
