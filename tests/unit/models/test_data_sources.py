"""Data that packages carry: where it is looked for, what is refused, and what the rows of each data set mean."""

import hashlib
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from models import __main__ as cli
from models.data import wheels
from models.data.dataset import Dataset, DatasetError, load_dataset
from models.data.prepare import prepare_dataset, tell_nobody
from models.data.series import SUNSPOTS_TEST_YEARS, SUNSPOTS_WINDOW
from models.data.splits import split_rows
from models.data.tables import DIAMOND_GRADES, DIAMOND_NUMBERS
from models.data.text import ALPHABET, cut_windows, decode, encode, simplify
from models.data.wheels import WheelFiles, read_files

MEMBER = "tunewell_rocks/data/rocks.csv"
ROCKS = b"granite,basalt\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the world's package index to pip."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def rocks(content: bytes = ROCKS, member: str = MEMBER) -> WheelFiles:
    """Describe a package that nobody has published."""
    return WheelFiles("tunewell-rocks", "1.0", {member: hashlib.sha256(content).hexdigest()})


def publish_rocks(index: Path, content: bytes = ROCKS) -> None:
    """Put a wheel of that package into the index."""
    info = "tunewell_rocks-1.0.dist-info"
    with zipfile.ZipFile(index / "tunewell_rocks-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(MEMBER, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tunewell-rocks\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_file_is_downloaded_once_and_nothing_else_is_kept(index: Path, tmp_path: Path) -> None:
    publish_rocks(index)
    told: list[str] = []
    assert read_files(rocks(), tmp_path / "cache", told.append) == [ROCKS]
    assert told == [f"downloading tunewell-rocks 1.0 for {MEMBER}"]
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept == [tmp_path / "cache" / "wheels" / "tunewell-rocks-1.0" / MEMBER]
    next(index.iterdir()).unlink()
    assert read_files(rocks(), tmp_path / "cache", told.append) == [ROCKS]
    assert len(told) == 1


def test_damaged_file_in_the_cache_is_fetched_again(index: Path, tmp_path: Path) -> None:
    publish_rocks(index)
    kept = tmp_path / "wheels" / "tunewell-rocks-1.0" / MEMBER
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"gran")
    assert read_files(rocks(), tmp_path, tell_nobody) == [ROCKS]
    assert kept.read_bytes() == ROCKS


def test_file_put_there_by_hand_needs_no_index(index: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as refusal:
        read_files(rocks(), tmp_path, tell_nobody)
    assert refusal.value.code == "unavailable_dataset"
    folder = tmp_path / "wheels" / "tunewell-rocks-1.0"
    assert "tunewell-rocks==1.0" in str(refusal.value)
    assert f"into {folder}" in str(refusal.value)
    publish_rocks(index)
    with zipfile.ZipFile(next(index.iterdir())) as wheel:
        wheel.extractall(folder)
    next(index.iterdir()).unlink()
    assert read_files(rocks(), tmp_path, tell_nobody) == [ROCKS]


@pytest.mark.parametrize("wanted", [rocks(b"marble"), rocks(member="tunewell_rocks/data/sand.csv")])
def test_wheel_with_other_files_is_refused_and_not_kept(wanted: WheelFiles, index: Path, tmp_path: Path) -> None:
    publish_rocks(index)
    with pytest.raises(DatasetError) as refusal:
        read_files(wanted, tmp_path / "cache", tell_nobody)
    assert refusal.value.code == "different_dataset"
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert read_files(rocks(), tmp_path / "cache", tell_nobody) == [ROCKS]


def test_patience_with_pip_ends(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "PIP_DOWNLOAD", (sys.executable, "-c", "import signal; signal.pause()"))
    monkeypatch.setattr(wheels, "DOWNLOAD_LIMIT_S", 0.2)
    with pytest.raises(DatasetError) as refusal:
        read_files(rocks(), tmp_path, tell_nobody)
    assert refusal.value.code == "unavailable_dataset"
    assert "no answer within 0.2 s" in str(refusal.value)


def test_many_may_download_at_once(index: Path, tmp_path: Path) -> None:
    publish_rocks(index)
    start = threading.Barrier(3)
    contents: list[list[bytes]] = []

    def read() -> None:
        start.wait()
        contents.append(read_files(rocks(), tmp_path / "cache", tell_nobody))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents == [[ROCKS]] * 3
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["rocks.csv"]


def test_installed_package_is_read_without_an_index_and_without_importing_it(index: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from models.data.prepare import prepare_dataset;"
        f"prepare_dataset('descriptions', Path({str(tmp_path)!r}));"
        "print(sorted({'sklearn', 'statsmodels'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_command_line_tells_what_takes_time_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prepare", "iris", "--cache-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "preparing iris\n"
    assert cli.main(["prepare", "iris", "--cache-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["digits", "mnist_5k"])
def test_all_pixels_share_one_scale(name: str, cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset(name, cache_dir))
    assert len(np.unique(dataset.feature_mean)) == len(np.unique(dataset.feature_scale)) == 1
    raw = dataset.x_train * dataset.feature_scale + dataset.feature_mean
    assert np.allclose(raw, np.round(raw), atol=1e-3)
    assert (round(float(raw.min())), round(float(raw.max()))) == (0, 16 if name == "digits" else 255)


def test_mnist_shows_what_its_classes_say(cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset("mnist_5k", cache_dir))
    means = np.stack([dataset.x_train[dataset.y_train == number].mean(axis=0) for number in range(10)])
    distances = ((dataset.x_test[:, None] - means) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == dataset.y_test).mean() > 0.75
    zero = means[0].reshape(dataset.shape)[0]
    assert zero[14, 14] < zero[14, 7]  # the hole of a nought is paper, its rim is ink


def test_utterances_end_at_the_last_step_and_speakers_keep_their_shares(cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset("japanese_vowels", cache_dir))
    parts = (dataset.x_train, dataset.x_val, dataset.x_test)
    is_real = [(part.reshape(-1, *dataset.shape) != 0).any(axis=2) for part in parts]
    n_steps = np.concatenate([real.sum(axis=1) for real in is_real])
    assert (n_steps.min(), n_steps.max()) == (7, 29)
    for real in is_real:
        assert np.array_equal(real, np.sort(real, axis=1))  # nothing real stands before what fills up
    assert np.bincount(dataset.y_train).tolist() == [24] * 9
    assert np.bincount(dataset.y_val).tolist() == [6] * 9
    assert np.bincount(dataset.y_test).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]


def test_sunspots_are_forecast_from_the_past_only(cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset("sunspots", cache_dir))
    assert dataset.is_chronological
    targets = np.concatenate([dataset.y_train, dataset.y_val, dataset.y_test])
    windows = np.concatenate([dataset.x_train, dataset.x_val, dataset.x_test])
    windows = windows * dataset.feature_scale + dataset.feature_mean
    # The target of each window is the last year of the next one, so targets follow each other and none is seen early.
    assert np.allclose(windows[1:, -1], targets[:-1], atol=1e-3)
    assert np.allclose(windows[SUNSPOTS_WINDOW, :], targets[:SUNSPOTS_WINDOW], atol=1e-3)
    persistence = windows[-SUNSPOTS_TEST_YEARS:, -1] - dataset.y_test
    assert np.sqrt(np.mean(persistence**2)) == pytest.approx(32.9, abs=0.05)


def test_diamond_has_one_grade_of_each_kind_and_heavier_ones_cost_more(cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset("diamonds", cache_dir))
    raw = dataset.x_val * dataset.feature_scale + dataset.feature_mean
    start = len(DIAMOND_NUMBERS)
    for grades in DIAMOND_GRADES.values():
        one_hot = raw[:, start : start + len(grades)]
        assert np.allclose(np.sort(one_hot, axis=1)[:, -2:], [0, 1], atol=1e-4)
        start += len(grades)
    assert start == dataset.n_features
    assert np.corrcoef(raw[:, 0], dataset.y_val)[0, 1] > 0.9


def test_each_character_is_the_target_of_the_one_before(cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset("descriptions", cache_dir))
    assert dataset.n_outputs == len(ALPHABET)
    texts = {part: _join_windows(dataset, part) for part in ("train", "val", "test")}
    assert texts["train"].startswith(".. _breast_cancer_dataset:\n\nbreast cancer wisconsin")
    assert all(text == simplify(text) for text in texts.values())
    rows = {part: {row.tobytes() for row in getattr(dataset, f"x_{part}")} for part in texts}
    assert not rows["train"] & (rows["val"] | rows["test"])


def _join_windows(dataset: Dataset, part: str) -> str:
    x, y = getattr(dataset, f"x_{part}").astype(np.int64), getattr(dataset, f"y_{part}")
    assert np.array_equal(x[:, 1:], y[:, :-1])
    assert np.array_equal(x[1:, 0], y[:-1, -1])
    return decode(x.ravel())


def test_text_survives_its_tokens_and_loses_less_than_a_window() -> None:
    text = simplify("Rows ======  of 3\N{MULTIPLICATION SIGN}4\n\n\n--- A rule, twice!" * 9)
    assert "====" not in text
    assert "3x4\n\n\n--" in text
    assert decode(encode(text)) == text
    x, y = cut_windows(encode(text))
    assert len(text) - 1 - x.size < 64
    assert decode(y.ravel()) == text[1 : y.size + 1]
    with pytest.raises(KeyError):
        encode("É")


def test_a_part_that_is_not_held_out_stays_with_training() -> None:
    classes = np.arange(50) % 2
    parts = split_rows(classes, 1, held_out=("val",))
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 40, "val": 10}
