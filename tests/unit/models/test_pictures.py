"""Pictures of what networks draw: their bytes, and whose they are."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from models.measures.pictures import encode_png, tile


def decode(png: bytes) -> tuple[tuple[int, int, int], bytes]:
    """Return width, height, colour type and the pixels of a PNG without filters, as another reader would."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, chunks = 8, {}
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kind, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack(">I", png[place + 8 + length : place + 12 + length]) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        place += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8
    raw, n = zlib.decompress(chunks[b"IDAT"]), width * (3 if colour == 2 else 1) + 1
    lines = [raw[start : start + n] for start in range(0, len(raw), n)]
    assert {line[0] for line in lines} == {0}
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    return (width, height, colour), b"".join(line[1:] for line in lines)


def test_grey_and_coloured_pictures_come_back() -> None:
    random = np.random.default_rng(1)
    for channels, colour in ((1, 0), (3, 2)):
        pixels = random.integers(0, 256, (5, 7, channels), dtype=np.uint8)
        assert decode(encode_png(pixels)) == ((7, 5, colour), pixels.tobytes())


def test_images_stand_in_rows_with_a_line_in_between() -> None:
    images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(2, axis=2)  # three images, 2 high and 1 wide
    sheet = tile(images, n_columns=2)[:, :, 0]
    assert sheet.tolist() == [[0, 128, 1], [0, 128, 1], [128, 128, 128], [2, 128, 128], [2, 128, 128]]
    assert tile(images[:1], n_columns=2).shape == (2, 1, 1)
