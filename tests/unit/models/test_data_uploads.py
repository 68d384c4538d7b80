"""Bytes of strangers become a data set, or a refusal that names the rule and the place."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.__main__ import main
from models.data.dataset import load_dataset
from models.data.uploads.build import Built, build_source, read_source
from models.data.uploads.options import Format, Limits, Options, Unreadable, read_options
from tests.servers.datasets import a_table, iris_csv

Save = Callable[[bytes | str], Path]
ROWS = 40
USUAL = Limits()


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(content: bytes | str) -> Path:
        path = tmp_path / "raw"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def build(path: Path, form: Format = "csv", limits: Limits = USUAL, **options: Any) -> Built:
    return build_source(read_source(path, form, limits), read_options(options), limits)


def table(header: str, *cells: Callable[[int], object], n: int = ROWS) -> str:
    """Return a CSV with a function of the row's number for each column."""
    return "\n".join([header, *(",".join(str(cell(row)) for cell in cells) for row in range(n))])


def codes_of(built: Built) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in built.profile["findings"]}


def noise(row: int) -> float:
    """Return a number that tells nothing, and is another one in each row."""
    return (row * 7919) % 1009 / 100


def test_the_same_table_makes_the_same_content_however_it_is_written(save: Save) -> None:
    plain = build(save(iris_csv()))
    text = iris_csv().decode()
    written = [text.replace(",", delimiter) for delimiter in ";\t|"]
    for other in (*written, text.replace("\n", "\r\n") + "\r\n\r\n", "\ufeff" + text):
        assert build(save(other)).dataset.sha256 == plain.dataset.sha256
    assert build(save(text.encode("utf-16"))).dataset.sha256 == plain.dataset.sha256
    decimal = "\n".join(line.replace(",", ";").replace(".", ",") for line in text.splitlines())
    assert build(save(decimal)).dataset.sha256 == plain.dataset.sha256


def test_names_become_columns_and_missing_numbers_the_training_mean(save: Save) -> None:
    text = table(
        "size,colour,label",
        lambda row: "" if row == 3 else row % 9,
        lambda row: "ab"[row % 2],
        lambda row: "xy"[row % 2 ^ (row % 5 == 0)],
    )
    built = build(save(text))
    assert built.facts()["shape"] == [3], "a size, and a column for each of two colours"
    sizes = {one["name"]: one for one in built.profile["columns"]}
    assert (sizes["size"]["n_missing"], sizes["colour"]["type"], sizes["label"]["role"]) == (1, "category", "target")
    data = built.dataset
    raw = np.concatenate([data.x_train, data.x_val, data.x_test]) * data.feature_scale + data.feature_mean
    known = data.x_train[:, 0] * data.feature_scale[0] + data.feature_mean[0]
    assert np.isclose(raw[:, 0], known.mean(), atol=1e-4).any()
    assert set(np.round(raw[:, 1:].sum(axis=1), 5).tolist()) == {1.0}
    assert codes_of(built)["missing_values"]["evidence"] == ["size: 1 rows"]


def test_what_is_predicted_is_inferred_and_can_be_said(save: Save) -> None:
    path = save(a_table())
    assert build(path).facts()["task"] == "classification"
    regression = build(path, target="length")
    assert (regression.facts()["task"], regression.facts()["n_classes"]) == ("regression", None)
    assert regression.profile["target_histogram"] is not None
    first = save(table("y,a,b", lambda row: row % 3, noise, noise))
    assert build(first).facts()["n_classes"] == 3, "a column named y, though it is the first"
    assert build(first, task="regression").facts()["task"] == "regression"


def test_parts_have_the_shares_that_are_asked_for(save: Save) -> None:
    path = save(table("a,label", noise, lambda row: "xy"[row % 2]))
    sizes = [
        build(path, val_fraction=0.25, test_fraction=0.5).facts()[f"n_{part}"] for part in ("train", "val", "test")
    ]
    assert sizes == [10, 10, 20]
    assert build(path, seed=1).dataset.sha256 != build(path).dataset.sha256
    in_time = build(save(table("a,b", lambda row: row, noise)), is_chronological=True).dataset
    raw = [
        float(part[0, 0] * in_time.feature_scale[0] + in_time.feature_mean[0])
        for part in (in_time.x_val, in_time.x_test)
    ]
    assert raw == pytest.approx([24, 32], abs=1e-3)
    told = table(
        "a,part,label", noise, lambda row: ["train", "Train", "test", "dev"][row % 4], lambda row: "xy"[row // 4 % 2]
    )
    facts = build(save(told), split_column="part").facts()
    assert (facts["n_train"], facts["n_val"], facts["n_test"], facts["shape"]) == (20, 10, 10, [1])


REFUSED: list[tuple[str, bytes | str, dict[str, Any], str]] = [
    ("empty_file", b"", {}, "the file is empty"),
    ("empty_file", "\n\n  \n", {}, "empty lines"),
    ("no_rows", "a,b,label\n", {}, "no rows below the header"),
    ("not_text", b"a,b\n1,\x00\n", {}, "NUL"),
    ("too_few_columns", "a\n1\n2\n", {}, "one column"),
    ("ragged_row", "a,b,c\n1,2,3\n4,5,6\n7,8\n", {}, "line 4 has 2 cells where the first has 3"),
    ("duplicate_name", "a,b,a\n1,2,3\n", {}, "'a'"),
    (
        "not_finite",
        table("a,label", lambda row: "inf" if row == 4 else row, lambda row: row % 2),
        {},
        "row 6, column 'a'",
    ),
    ("target_missing_values", table("a,y", noise, lambda row: "" if row in (1, 5) else row % 2), {}, "rows 3, 7"),
    ("one_class", table("a,label", noise, lambda row: "same"), {}, "one class"),
    ("one_class", "a,label\n1,x\n", {}, "one class"),
    ("empty_part", table("a,label", noise, lambda row: "xy"[row % 2], n=4), {}, "no row of 4"),
    ("unknown_column", table("a,label", noise, lambda row: row % 2), {"target": "lable"}, "the columns are a, label"),
    ("not_a_number", table("a,label", noise, lambda row: "xy"[row % 2]), {"task": "regression"}, "'x'"),
    ("too_many_classes", table("a,label", noise, noise, n=1009), {"task": "classification"}, "at most 1000"),
    ("no_features", table("a,label", noise, lambda row: row % 2), {"ignore": ["a"]}, "you asked for that"),
    ("unfit_kind", table("a,label", noise, lambda row: row % 2), {"kind": "image"}, "no image"),
    ("unknown_part", table("a,p,y", noise, lambda row: "zz", lambda row: row % 2), {"split_column": "p"}, "'zz'"),
    ("fractions_too_large", "a,y\n1,2\n", {"val_fraction": 0.6, "test_fraction": 0.4}, "below 1"),
    ("unknown_option", "a,y\n1,2\n", {"shuffle": True}, "val_fraction"),
    ("too_many_columns", ",".join(f"c{place}" for place in range(10_000)) + "\n", {}, "at most 2000"),
    ("long_cell", 'a,label\n"' + "x" * 200_000 + "\n", {}, "quotation mark"),
]


@pytest.mark.parametrize(
    ("code", "content", "options", "says"), REFUSED, ids=[f"{one[0]}-{n}" for n, one in enumerate(REFUSED)]
)
def test_what_cannot_be_read_is_refused(
    save: Save, code: str, content: bytes | str, options: dict[str, Any], says: str
) -> None:
    path = save(content)
    with pytest.raises(Unreadable) as refusal:
        build(path, **options)
    assert refusal.value.code == code
    assert says in str(refusal.value)


def test_limits_hold_and_what_is_just_within_them_passes(save: Save) -> None:
    path = save(table("a,b,label", noise, noise, lambda row: "xy"[row % 2]))
    assert (
        build(path, limits=Limits(n_columns=3, n_rows=ROWS, n_features=2, n_numbers=2 * ROWS)).facts()["n_rows"] == ROWS
    )
    for limits, code in (
        (Limits(n_columns=2), "too_many_columns"),
        (Limits(n_rows=ROWS - 1), "too_many_rows"),
        (Limits(n_features=1), "too_many_features"),
        (Limits(n_numbers=2 * ROWS - 1), "too_large"),
    ):
        with pytest.raises(Unreadable) as refusal:
            build(path, limits=limits)
        assert refusal.value.code == code


def test_findings_tell_what_a_result_may_suffer_from(save: Save) -> None:
    columns: list[Callable[[int], object]] = [lambda row: row + 1, noise, lambda row: noise(row) * 2, lambda row: 5]
    columns += [
        lambda row: f"text {row}",
        lambda row: 3 if row % 20 else 4,
        lambda row: "rare" if row % 20 == 0 else "common",
    ]
    built = build(save(table("id,a,twice_a,same,words,tells,label", *columns, n=100)))
    found = codes_of(built)
    assert found["identifier_column"]["evidence"] == ["id"]
    assert found["duplicate_columns"]["evidence"] == ["a = twice_a"]
    assert found["constant_column"]["evidence"] == ["same"]
    assert found["target_leak"]["evidence"] == ["tells"]
    assert found["text_left_out"]["evidence"][0].startswith("words: it holds 100 different texts")
    assert found["class_imbalance"]["evidence"] == ["common: 95 rows", "rare: 5 rows"]
    assert all(one["remedy"] for one in found.values())
    assert [one["role"] for one in built.profile["columns"] if one["name"] == "words"] == ["ignored"]


def test_rows_in_two_parts_are_told_with_their_numbers(save: Save) -> None:
    twice = table("a,b,label", lambda row: row % 20 * 1.5, lambda row: row % 20, lambda row: "xy"[row % 2])
    leak = codes_of(build(save(twice)))["rows_in_two_parts"]
    assert "(train)" in leak["evidence"][0]
    rows = [line.split(",") for line in twice.splitlines()]
    first, second = (int(word) for word in leak["evidence"][0].split() if word.isdecimal())
    assert rows[first - 1] == rows[second - 1], "as lines of the file are counted"
    clean = table("a,b,label", noise, lambda row: row, lambda row: "xy"[row % 2])
    assert "rows_in_two_parts" not in codes_of(build(save(clean)))


def test_sound_tables_have_no_findings(save: Save) -> None:
    assert codes_of(build(save(a_table()))) == {}
    draw = random.Random(0)
    numbers = table("a,b,c", *[lambda row: draw.gauss(0, 1)] * 3)
    assert codes_of(build(save(numbers))) == {}, "that no number comes twice makes no two columns the same"
    in_cents = table("euros,b,cents", lambda row: row * row + 1, noise, lambda row: 100 * (row * row + 1))
    assert codes_of(build(save(in_cents)))["target_leak"]["evidence"] == ["euros"]


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_arrays_say_by_their_shape_what_they_are(save: Save) -> None:
    draw = np.random.default_rng(0)
    y = np.arange(60) % 3
    cases: list[tuple[Any, str, list[int]]] = [
        (draw.normal(size=(60, 5)), "table", [5]),
        (draw.integers(0, 255, (60, 8, 6), dtype=np.uint8), "image", [1, 8, 6]),
        (draw.integers(0, 255, (60, 8, 6, 3), dtype=np.uint8), "image", [3, 8, 6]),
        (draw.normal(size=(60, 7, 2)).astype(np.float32), "sequence", [7, 2]),
    ]
    for x, kind, shape in cases:
        built = build(save(npz(x=x, y=y)), "npz")
        assert (built.facts()["kind"], built.facts()["shape"], built.facts()["n_classes"]) == (kind, shape, 3)
        assert (built.preview["pictures"] is not None) == (kind == "image")
    names = build(save(npz(X=cases[0][0], Y=np.array(["red", "blue", "green"])[y])), "npz")
    assert [one["name"] for one in names.profile["classes"]] == ["blue", "green", "red"]
    split = npz(
        x_train=np.ones((40, 2)) * np.arange(40)[:, None],
        y_train=np.arange(40) % 2,
        x_test=np.zeros((10, 2)),
        y_test=np.arange(10) % 2,
    )
    facts = build(save(split), "npz").facts()
    assert (facts["n_train"], facts["n_val"], facts["n_test"]) == (32, 8, 10)


def member(name: str, content: bytes, mode: int = 0o100644) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, content)
    return file.getvalue()


def array_bytes(array: Any, **how: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **how)
    return file.getvalue()


HOSTILE: list[tuple[str, bytes]] = [
    ("not_an_archive", b"PK\x03\x04 and nothing more"),
    ("pickled_array", npz(x=np.array([[{}]], dtype=object), y=np.zeros(1))),
    ("packed_too_tightly", member("x.npy", b"\0" * (8 << 20))),
    ("unsafe_name", member("../x.npy", b"x")),
    ("unsafe_name", member("/etc/x.npy", b"x")),
    ("unsafe_member", member("x.npy", b"/etc/passwd", mode=0o120777)),
    ("not_an_array", member("x.npy", b"no array at all")),
    ("not_an_array", member("x.npy", array_bytes(np.zeros((10, 2)))[:-8])),
    ("arrays_missing", npz(a=np.zeros((3, 2)))),
    ("arrays_missing", npz(x_train=np.zeros((3, 2)), y_train=np.zeros(3))),
    ("unequal_rows", npz(x=np.zeros((3, 2)), y=np.zeros(4))),
    ("not_numbers", npz(x=np.array([["a", "b"]]), y=np.zeros(1))),
    ("not_finite", npz(x=np.full((30, 2), np.nan), y=np.arange(30) % 2)),
    ("target_missing_values", npz(x=np.zeros((30, 2)), y=np.full(30, np.nan))),
    ("no_rows", npz(x=np.zeros((0, 2)), y=np.zeros(0))),
]


@pytest.mark.parametrize(("code", "content"), HOSTILE, ids=[f"{one[0]}-{n}" for n, one in enumerate(HOSTILE)])
def test_hostile_arrays_are_refused(save: Save, code: str, content: bytes) -> None:
    path = save(content)
    with pytest.raises(Unreadable) as refusal:
        build(path, "npz")
    assert refusal.value.code == code


def test_archives_have_limits(save: Save) -> None:
    path = save(npz(x=np.random.default_rng(0).normal(size=(60, 2)), y=np.arange(60) % 2))
    assert build(path, "npz", Limits(n_members=2)).facts()["n_rows"] == 60
    for limits, code in ((Limits(n_members=1), "too_many_files"), (Limits(unpacked_bytes=1000), "too_large_unpacked")):
        with pytest.raises(Unreadable) as refusal:
            build(path, "npz", limits)
        assert refusal.value.code == code


def test_the_program_writes_what_trials_read(save: Save, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = save(a_table()), tmp_path / "out"
    assert main(["build", str(path), "--format", "csv", "--out", str(out), "--options", '{"target": "colour"}']) == 0
    answer = json.loads(capsys.readouterr().out)
    assert load_dataset(Path(answer["path"])).sha256 == answer["sha256"]
    assert [one["name"] for one in answer["profile"]["classes"]] == ["blue", "green", "red"]
    assert len(json.dumps([answer["profile"], answer["preview"]])) < 256 * 1024
    assert main(["build", str(path), "--format", "csv", "--out", str(out), "--options", '{"target": "x"}']) == 0
    refused = json.loads(capsys.readouterr().out)["refused"]
    assert (refused["code"], refused["field"]) == ("unknown_column", "target")


def test_options_default_to_the_split_of_built_in_data() -> None:
    assert read_options({"target": None, "seed": None}) == Options()
