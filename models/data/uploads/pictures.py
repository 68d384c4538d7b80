"""Pictures in a ZIP file: one folder a class, and above those perhaps one a part."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from models.data.digests import Array
from models.data.layout import PART_NAMES
from models.data.uploads.archives import open_archive, read_member
from models.data.uploads.features import check_features
from models.data.uploads.options import Limits, Options, Unreadable
from models.data.uploads.parts import PART_OF
from models.data.uploads.sources import ArraySource

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
_MAX_PIXELS = 64 * 2**20
_MAX_CHANNELS = 3
_GREY = ("1", "L", "I;16", "I")


@dataclass(frozen=True, slots=True)
class _Picture:
    member: zipfile.ZipInfo
    part: str | None
    label: str


def read_pictures(path: Path, limits: Limits, options: Options) -> ArraySource:
    """Read pictures whose class is the name of their folder.

    All must be of one size, unless `image_size` says to which they are resized. They are grey where all of them are,
    else red, green and blue. Folders named train, val and test above those of the classes are the split.

    Args:
        path: a ZIP file.
        limits: the most that is read.
        options: `image_size`.

    Raises:
        Unreadable: `no_pictures`, `no_class_folder`, `not_a_picture`, `sizes_differ`, or what `open_archive` and
            `check_features` refuse.
    """
    with open_archive(path, limits) as (archive, members):
        found = _sort(members)
        first = _open(archive, found[0], options)
        channels = max(_open(archive, one, options, header=True) for one in found)
        check_features(len(found), first.shape[0] * first.shape[1] * channels, limits)
        features = np.empty((len(found), channels, *first.shape[:2]), np.uint8)
        for place, one in enumerate(found):
            pixels = _open(archive, one, options, channels=channels)
            if pixels.shape[:2] != first.shape[:2]:
                raise _sizes_differ(found[0], first, one, pixels)
            features[place] = np.moveaxis(pixels.reshape(*pixels.shape[:2], channels), -1, 0)
    names, targets = np.unique([one.label for one in found], return_inverse=True)
    return ArraySource(features, targets.astype(np.int64), tuple(names.tolist()), _parts(found), "image")


def _sort(members: list[zipfile.ZipInfo]) -> list[_Picture]:
    """Return the pictures among an archive's files, by name, so that the order of packing does not matter."""
    paths = {member.filename: PurePosixPath(member.filename.replace("\\", "/")) for member in members}
    chosen = [
        member
        for member in sorted(members, key=lambda one: one.filename)
        if paths[member.filename].suffix.lower() in ENDINGS and not _is_hidden(paths[member.filename])
    ]
    if not chosen:
        accepted = ", ".join(sorted(ENDINGS))
        raise Unreadable("no_pictures", f"the archive holds no pictures: accepted are {accepted}", "format")
    found = []
    for member in chosen:
        folders = paths[member.filename].parts[:-1]
        if not folders:
            message = f"{member.filename!r} lies in no folder: the folder's name is the class of its pictures"
            raise Unreadable("no_class_folder", message)
        above = [PART_OF.get(folder.lower()) for folder in folders[:-1]]
        found.append(_Picture(member, next((one for one in above if one), None), folders[-1]))
    return found


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _parts(found: list[_Picture]) -> dict[str, Array] | None:
    parts = {one.part for one in found}
    if not {"train", "test"} <= parts or None in parts:
        return None
    return {
        part: np.array([place for place, one in enumerate(found) if one.part == part], np.int64) for part in PART_NAMES
    }


def _open(archive: zipfile.ZipFile, one: _Picture, options: Options, channels: int = 0, *, header: bool = False) -> Any:
    """Return a picture's pixels (height, width) or (height, width, 3); with `header` its number of channels alone."""
    from PIL import Image, UnidentifiedImageError

    content = io.BytesIO(read_member(archive, one.member))
    try:
        with Image.open(content, formats=_FORMATS) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                message = f"{one.member.filename!r} has {picture.width} x {picture.height} pixels: too many"
                raise Unreadable("not_a_picture", message)
            if header:
                return 1 if picture.mode in _GREY else _MAX_CHANNELS
            grey = channels == 1 or (channels == 0 and picture.mode in _GREY)
            plain = _to_bytes(picture).convert("L" if grey else "RGB")
            if options.image_size is not None:
                height, width = options.image_size
                plain = plain.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(plain, np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        message = f"{one.member.filename!r} cannot be read as a picture: {error}"
        raise Unreadable("not_a_picture", message) from error


def _to_bytes(picture: Any) -> Any:
    """Return a picture of 16 bits a pixel with 8, which converting it would cut off instead."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture).clip(0, 65535) >> 8).astype(np.uint8))


def _sizes_differ(first: _Picture, pixels: Array, other: _Picture, others: Array) -> Unreadable:
    sizes = [f"{one.shape[0]} x {one.shape[1]}" for one in (pixels, others)]
    message = (
        f"{other.member.filename!r} is {sizes[1]} pixels high and wide, {first.member.filename!r} is {sizes[0]}: all "
        "must be of one size, or image_size must say to which they are resized"
    )
    return Unreadable("sizes_differ", message, "image_size")
