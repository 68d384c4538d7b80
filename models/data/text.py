"""A text as characters, each to be predicted from those before it."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.data.raw import Raw, Tell
from models.data.wheels import WheelFiles, read_files

FOLDER = "sklearn/datasets/descr"
DESCRIPTIONS = WheelFiles(
    "scikit-learn",
    "1.9.1",
    {
        f"{FOLDER}/breast_cancer.rst": "3c5855182a44d12c91f1fb27388741fb70b4b92ba40fb742dca9b5e404c68f19",
        f"{FOLDER}/california_housing.rst": "98397053aa2b87ac551fee2c04d4dc62e5199246ea0cb0842bb2868f0c8658d6",
        f"{FOLDER}/covtype.rst": "0ba0e67338ad8ed9eb3be5e10888bc5aa353d2e3e06273d6358b4ac094f0727e",
        f"{FOLDER}/diabetes.rst": "07dcfc13957a82485bdfce44aecffba72e7977595966d118b81f162cb827e381",
        f"{FOLDER}/digits.rst": "8e7e58d612958f7d9b0de1931ed68b211703eeb239e808f3d82c5f0837cc0222",
        f"{FOLDER}/iris.rst": "71f86749a8bc528d21b7db0f95332e3230d13231a05c2720e537b2c5aa8ef5e9",
        f"{FOLDER}/kddcup99.rst": "a91cf65fc5e6521f0864a8f34f538025de6c8fdd5b068d31a5d715e6b4b6264a",
        f"{FOLDER}/lfw.rst": "f2c8fc0293306431da6e76a4b0be12f961d2d55fa4f9d8af53b0c63c958fec0c",
        f"{FOLDER}/linnerud.rst": "8c323e008b15799653555592894ceda799442f81f6bacf38edb805dc54866f5b",
        f"{FOLDER}/olivetti_faces.rst": "8bc63bfa0e1f38f74bbeea6027c8bfcded69034846a5f0e00283c21af08f1712",
        f"{FOLDER}/rcv1.rst": "98b8f8594eda115a9a260ee181249ef35a08ef82fafe9184091ef63bc744319e",
        f"{FOLDER}/species_distributions.rst": "2fcd1e68b71bf72989399c852e84210f2914f5dc22a2e4454530fefc8aca16c2",
        f"{FOLDER}/twenty_newsgroups.rst": "67979f1b8fa67444f81f8b17802b77ec81cbd3c114cca6e7b9c075f74a3f183f",
        f"{FOLDER}/wine_data.rst": "cece974be57e7279fddb09f3ffaccc26cf0c20087f29a9641a17756c52e25301",
    },
)

ALPHABET = "\n !\"#$%&'()*+,-./0123456789:;<=>?@[]^_`abcdefghijklmnopqrstuvwxyz~"
"""Token k is character k."""
TIMES = "\N{MULTIPLICATION SIGN}"
"""The only character of the text that is not ASCII."""
WINDOW = 64
"""Characters in one example."""
SHARE_HELD_OUT = 10
"""A tenth of the text for validation, a tenth for the test: what is left is little enough to learn a language from."""

Tokens = npt.NDArray[np.int64]


def fetch_descriptions(cache_dir: Path, tell: Tell) -> Raw:
    """Read the descriptions of scikit-learn's data sets, joined, as windows of 64 characters.

    The text is cut into three blocks first and each block into windows afterwards, so that no window, its targets
    included, reaches from one part into another.

    Raises:
        DatasetError: `unavailable_dataset` or `different_dataset`.
    """
    text = simplify("".join(content.decode() for content in read_files(DESCRIPTIONS, cache_dir, tell)))
    n_held_out = len(text) // SHARE_HELD_OUT
    val_from, test_from = len(text) - 2 * n_held_out, len(text) - n_held_out
    blocks = {"train": text[:val_from], "val": text[val_from:test_from], "test": text[test_from:]}
    windows = {part: cut_windows(encode(block)) for part, block in blocks.items()}
    features = np.concatenate([x for x, _ in windows.values()]).astype(np.float64)  # (n, 64)
    targets = np.concatenate([y for _, y in windows.values()])  # (n, 64)
    parts: dict[str, npt.NDArray[np.int64]] = {}
    start = 0
    for part, (x, _) in windows.items():
        parts[part] = np.arange(start, start + len(x))
        start += len(x)
    return Raw(features, targets, parts)


def simplify(text: str) -> str:
    """Bring a text into the alphabet: lower case, and no more than two of a sign in a row.

    The rules and columns of its tables would otherwise be a fifth of the text, and trivial to predict.
    """
    return re.sub(r"([^a-z0-9\n])\1{2,}", r"\1\1", text.lower().replace(TIMES, "x"))


def encode(text: str) -> Tokens:
    """Return the token of each character of a text in the alphabet, (n,).

    Raises:
        KeyError: a character is not in the alphabet.
    """
    token_of = {character: token for token, character in enumerate(ALPHABET)}
    return np.array([token_of[character] for character in text], np.int64)


def decode(tokens: Tokens) -> str:
    """Return the text that tokens (n,) stand for."""
    return "".join(ALPHABET[token] for token in tokens)


def cut_windows(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """Cut a text into windows that do not overlap, each with the same window shifted by one as its targets.

    Args:
        tokens: (n,); a rest that fills no window is left out.

    Returns:
        Windows and targets, both ((n - 1) // 64, 64).
    """
    n_windows = (len(tokens) - 1) // WINDOW
    end = n_windows * WINDOW
    return tokens[:end].reshape(n_windows, WINDOW), tokens[1 : end + 1].reshape(n_windows, WINDOW)
