"""Data sets that tests bring to a server."""

from __future__ import annotations

import csv
import io
import random
from typing import Any

from sklearn.datasets import load_iris

from tests.servers.api import Caller, Json
from tests.servers.waiting import wait_until


def send_pieces(caller: Caller, upload: Json, content: bytes, piece_bytes: int = 1 << 20) -> None:
    """Send what is left of an upload."""
    for offset in range(upload["offset"], len(content), piece_bytes):
        send_piece(caller, upload["upload_id"], offset, content[offset : offset + piece_bytes])


def send_piece(caller: Caller, upload_id: str, offset: int, piece: bytes, status: int = 200) -> Any:
    """Send one piece."""
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
    return caller.call("PATCH", f"/datasets/uploads/{upload_id}", status, content=piece, headers=headers)


def begin(caller: Caller, name: str, content: bytes, filename: str = "data.csv", **more: Any) -> Json:
    """Begin an upload."""
    body = {"n_bytes": len(content), "filename": filename, **more}
    upload: Json = caller.call("POST", f"/datasets/{name}/uploads", 201, json=body)
    return upload


def bring(caller: Caller, name: str, content: bytes, filename: str = "data.csv", **options: Any) -> Json:
    """Bring a version, wait until it is ready or has failed, and return it."""
    upload = begin(caller, name, content, filename, options=options)
    send_pieces(caller, upload, content)
    version: Json = caller.call("POST", f"/datasets/uploads/{upload['upload_id']}:finish")
    return wait_for(caller, name, version["version"])


def wait_for(caller: Caller, name: str, version: int) -> Json:
    """Wait until a version is ready or has failed, and return it."""

    def look() -> Json:
        versions = caller.call("GET", f"/datasets/{name}")["versions"]
        found: Json = next(one for one in versions if one["version"] == version)
        return found

    wait_until(lambda: look()["state"] != "preparing", 60.0, what=f"{name}@{version} is prepared")
    return look()


def a_table(n_rows: int = 120, seed: int = 7) -> bytes:
    """Return a CSV of two numbers, a name, and a class that follows from them."""
    draw = random.Random(seed)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["length", "width", "colour", "label"])
    for _ in range(n_rows):
        length, width, colour = draw.gauss(5, 1), draw.gauss(2, 1), draw.choice(["red", "blue", "green"])
        writer.writerow([f"{length:.3f}", f"{width:.3f}", colour, "big" if length + width > 7 else "small"])
    return text.getvalue().encode()


def iris_csv() -> bytes:
    """Return scikit-learn's iris as somebody would have it: with a header, and names for the flowers."""
    iris = load_iris()
    lines = ["sepal length,sepal width,petal length,petal width,species"]
    for row, target in zip(iris.data, iris.target, strict=True):
        lines.append(",".join([*(str(one) for one in row), iris.target_names[target]]))
    return "\n".join(lines).encode()
