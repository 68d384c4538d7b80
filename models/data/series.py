"""Sequences: utterances to be told apart, and a series of years to be forecast."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.data.raw import Raw, Tell
from models.data.splits import SPLIT_SEED, split_rows
from models.data.wheels import WheelFiles, read_files

VOWELS_FOLDER = "sktime/datasets/data/JapaneseVowels/JapaneseVowels"
JAPANESE_VOWELS = WheelFiles(
    "sktime",
    "1.2.0",
    {
        f"{VOWELS_FOLDER}_TRAIN.ts": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
        f"{VOWELS_FOLDER}_TEST.ts": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
    },
)
SUNSPOTS = WheelFiles(
    "statsmodels",
    "0.15.0",
    {
        "statsmodels/datasets/sunspots/sunspots.csv": (
            "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b"
        )
    },
)

VOWELS_STEPS = 29
"""Steps of the longest utterance; the shortest has 7."""
SUNSPOTS_WINDOW = 33
"""Years that a forecast may look back on: three solar cycles of about 11 years."""
SUNSPOTS_TEST_YEARS = 60
"""The years that published forecasts of this series are usually tested on."""
SUNSPOTS_VAL_YEARS = 44
"""Four solar cycles, so that validation sees rises and falls alike."""


def fetch_japanese_vowels(cache_dir: Path, tell: Tell) -> Raw:
    """Read 640 utterances of two vowels by nine men, as 12 coefficients of linear prediction a step.

    The authors' own split is kept: their 370 test utterances are the test part, and a fifth of each speaker's 30
    training utterances is held out for validation. Shorter utterances are filled up in front, so that the last step,
    whose state a recurrent network answers from, is always a real one.

    Raises:
        DatasetError: `unavailable_dataset` or `different_dataset`.
    """
    train, test = (_parse_series(content) for content in read_files(JAPANESE_VOWELS, cache_dir, tell))
    utterances, classes = [*train[0], *test[0]], np.array([*train[1], *test[1]])
    features = np.zeros((len(utterances), VOWELS_STEPS, utterances[0].shape[1]))
    is_real = np.zeros((len(utterances), VOWELS_STEPS), np.bool_)
    for row, utterance in enumerate(utterances):
        features[row, -len(utterance) :] = utterance
        is_real[row, -len(utterance) :] = True
    parts = split_rows(classes[: len(train[0])], SPLIT_SEED, held_out=("val",))
    parts["test"] = np.arange(len(train[0]), len(utterances))
    return Raw(features.reshape(len(utterances), -1), classes, parts, is_real)


def fetch_sunspots(cache_dir: Path, tell: Tell) -> Raw:
    """Read the mean sunspot number of each year from 1700 to 2008, as windows of past years and the year that follows.

    Each year is the target of one window at most, and parts follow each other in time: the last 60 years are the
    test, the 44 before them validation. A window may reach back into the years of the part before its own, which a
    forecaster would know too.

    Raises:
        DatasetError: `unavailable_dataset` or `different_dataset`.
    """
    [content] = read_files(SUNSPOTS, cache_dir, tell)
    years = np.array([float(row["SUNACTIVITY"]) for row in csv.DictReader(content.decode().splitlines())])  # (309,)
    windows = np.lib.stride_tricks.sliding_window_view(years, SUNSPOTS_WINDOW)[:-1]  # (276, 33)
    test_from = len(windows) - SUNSPOTS_TEST_YEARS
    val_from = test_from - SUNSPOTS_VAL_YEARS
    parts = {
        "train": np.arange(val_from),
        "val": np.arange(val_from, test_from),
        "test": np.arange(test_from, len(windows)),
    }
    return Raw(windows, years[SUNSPOTS_WINDOW:], parts)


def _parse_series(content: bytes) -> tuple[list[npt.NDArray[np.float64]], list[int]]:
    """Read a file of the format `.ts`: a case a line, its dimensions and at last its class parted by colons.

    Returns:
        Each case as (steps, dimensions), and the cases' classes counted from 0.
    """
    lines = content.decode().splitlines()
    cases = lines[lines.index("@data") + 1 :]
    series: list[npt.NDArray[np.float64]] = []
    classes: list[int] = []
    for case in cases:
        *dimensions, label = case.split(":")
        series.append(np.array([dimension.split(",") for dimension in dimensions], np.float64).T)
        classes.append(int(label) - 1)
    return series, classes
