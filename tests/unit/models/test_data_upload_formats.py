"""Parquet tables and archives of pictures become data sets, or refusals that name the place."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from models.data.uploads.build import Built, build_source, read_source
from models.data.uploads.options import Format, Limits, Unreadable, read_options
from tests.servers.datasets import a_table, iris_csv

USUAL = Limits()
N = 30


def build(path: Path, form: Format, limits: Limits = USUAL, **options: Any) -> Built:
    chosen = read_options(options)
    return build_source(read_source(path, form, limits, chosen), chosen, limits)


def as_parquet(table: pa.Table, path: Path) -> Path:
    parquet.write_table(table, path)
    return path


def test_parquet_makes_the_content_that_csv_makes(tmp_path: Path) -> None:
    for place, text in enumerate((iris_csv(), a_table())):
        plain = tmp_path / f"{place}.csv"
        plain.write_bytes(text)
        packed = as_parquet(arrow_csv.read_csv(io.BytesIO(text)), tmp_path / f"{place}.parquet")
        assert build(packed, "parquet").dataset.sha256 == build(plain, "csv").dataset.sha256


def test_columns_of_parquet_are_numbers_or_names(tmp_path: Path) -> None:
    columns = {
        "flag": [place % 3 == 0 for place in range(N)],
        "size": pa.array([None if place == 4 else place * 0.37 % 5 for place in range(N)]),
        "kind": pa.array(["ab"[place % 2] for place in range(N)]).dictionary_encode(),
        "y": [place // 2 % 2 for place in range(N)],
    }
    built = build(as_parquet(pa.table(columns), tmp_path / "x"), "parquet")
    seen = {one["name"]: (one["type"], one["n_missing"]) for one in built.profile["columns"]}
    assert seen == {"flag": ("number", 0), "size": ("number", 1), "kind": ("category", 0), "y": ("number", 0)}
    assert built.facts()["shape"] == [4]


def test_parquet_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    y = [place % 2 for place in range(N)]
    sound = pa.table({"a": [float(place) for place in range(N)], "y": y})
    torn = as_parquet(sound, tmp_path / "torn")
    torn.write_bytes(torn.read_bytes()[:-40])
    cases = [
        (torn, USUAL, "not_parquet"),
        (as_parquet(pa.table({"a": [[1]] * N, "y": y}), tmp_path / "nested"), USUAL, "nested_column"),
        (as_parquet(pa.table({"a": [float("inf")] * N, "y": y}), tmp_path / "inf"), USUAL, "not_finite"),
        (as_parquet(sound, tmp_path / "sound"), Limits(n_rows=N - 1), "too_many_rows"),
        (tmp_path / "sound", Limits(unpacked_bytes=10), "too_large_unpacked"),
    ]
    for path, limits, code in cases:
        with pytest.raises(Unreadable) as refusal:
            build(path, "parquet", limits)
        assert refusal.value.code == code
    assert build(tmp_path / "sound", "parquet", Limits(n_rows=N)).facts()["n_rows"] == N


def picture(shade: int, mode: str = "L", size: tuple[int, int] = (6, 4), form: str = "PNG") -> bytes:
    """Return a picture whose shade is its own, so that none stands twice."""
    draw = np.random.default_rng(shade)
    shape = (size[1], size[0], *((3,) if mode == "RGB" else ()))
    file = io.BytesIO()
    Image.fromarray(draw.integers(0, 255, shape, dtype=np.uint8)).save(file, form)
    return file.getvalue()


def packed(files: Mapping[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def folders(n: int = 10, **how: Any) -> dict[str, bytes]:
    return {f"pets/{label}/{place}.png": picture(100 * "cd".index(label[0]) + place, **how)
            for label in ("cats", "dogs") for place in range(n)}  # fmt: skip


def test_pictures_are_of_the_class_of_their_folder(tmp_path: Path) -> None:
    more = {"pets/cats/.DS_Store": b"x", "__MACOSX/pets/cats/0.png": b"x", "pets/readme.txt": b"about"}
    built = build(packed({**folders(), **more}, tmp_path / "x.zip"), "images")
    facts = built.facts()
    assert (facts["kind"], facts["shape"], facts["n_rows"]) == ("image", [1, 4, 6], 20)
    assert [one["name"] for one in built.profile["classes"]] == ["cats", "dogs"]
    assert built.preview["pictures"]["labels"][:2] == ["cats", "dogs"]
    data = built.dataset
    backwards = dict(reversed(folders().items()))
    assert build(packed(backwards, tmp_path / "y.zip"), "images").dataset.sha256 == data.sha256


def test_one_picture_in_colour_makes_all_of_them_so(tmp_path: Path) -> None:
    files = {**folders(), "pets/cats/red.jpg": picture(7, "RGB", form="JPEG")}
    assert build(packed(files, tmp_path / "x.zip"), "images").facts()["shape"] == [3, 4, 6]


def test_sixteen_bits_a_pixel_are_not_cut_off(tmp_path: Path) -> None:
    files = {}
    for place in range(20):
        deep, file = np.full((4, 6), 256 * (10 + 9 * place), np.uint16), io.BytesIO()
        Image.fromarray(deep).save(file, "PNG")
        files[f"{'cd'[place % 2]}/{place}.png"] = file.getvalue()
    data = build(packed(files, tmp_path / "x.zip"), "images").dataset
    shades = (data.x_train[:, 0] * data.feature_scale[0] + data.feature_mean[0]).round()
    assert {int(shade - 10) % 9 for shade in shades} == {0}
    assert data.shape == (1, 4, 6)


def test_folders_of_parts_are_the_split(tmp_path: Path) -> None:
    files = {part + name.removeprefix("pets"): folders()[name] for part in ("train", "test") for name in folders()}
    facts = build(packed(files, tmp_path / "x.zip"), "images").facts()
    assert (facts["n_train"], facts["n_val"], facts["n_test"]) == (16, 4, 20)


def test_pictures_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    large = {**folders(), "pets/dogs/large.png": picture(5, size=(9, 9))}
    cases: list[tuple[dict[str, bytes], str, str]] = [
        (large, "sizes_differ", "'pets/dogs/large.png' is 9 x 9"),
        ({**folders(), "pets/dogs/x.png": b"no picture"}, "not_a_picture", "'pets/dogs/x.png'"),
        ({"a.png": picture(1)}, "no_class_folder", "'a.png'"),
        ({"a/readme.txt": b"x"}, "no_pictures", ".png"),
        ({"../a/x.png": picture(1)}, "unsafe_name", "leads out"),
    ]
    for place, (files, code, says) in enumerate(cases):
        with pytest.raises(Unreadable) as refusal:
            build(packed(files, tmp_path / f"{place}.zip"), "images")
        assert refusal.value.code == code
        assert says in str(refusal.value)
    resized = build(tmp_path / "0.zip", "images", image_size=[8, 8])
    assert (resized.facts()["shape"], resized.facts()["n_rows"]) == ([1, 8, 8], 21)
