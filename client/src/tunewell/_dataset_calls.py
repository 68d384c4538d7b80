"""Calls about data sets: what there is, and bringing one's own in pieces that survive a break."""

from __future__ import annotations

import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tunewell._calls import Calls, Query, items_of
from tunewell._decode import decode
from tunewell._uploads import Told, send_pieces, sha256_of, tell_nobody
from tunewell.datasets import DatasetDetail, DatasetUpload, DatasetVersion
from tunewell.errors import Invalid, Problem
from tunewell.records import Dataset

_POLL_S = 0.5
_BLOCK_BYTES = 1 << 20


class DatasetCalls(Calls):
    """List, read, bring and delete data sets."""

    def list_datasets(self) -> tuple[Dataset, ...]:
        """Read the data sets that studies can name, built in or brought."""
        return items_of(Dataset, self._transport.json("GET", "/datasets"))

    def get_dataset(self, name: str, version: int | None = None) -> DatasetDetail:
        """Read what is known of a data set: versions, columns, classes, findings, the studies that use it.

        Args:
            name: Its name.
            version: Which version the columns are of; the newest that is ready where None.

        Raises:
            NotFound: `dataset_not_found` or `version_not_found`.
        """
        params: Query = {} if version is None else {"version": version}
        return decode(DatasetDetail, self._transport.json("GET", dataset_path(name), params=params))

    def add_dataset(
        self,
        path: Path | str,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        tell: Told = tell_nobody,
        timeout_s: float = 1800.0,
    ) -> DatasetVersion:
        """Bring a file as a data set, or as another version of one, and wait until it is prepared.

        A connection that breaks is taken up where it broke. The same bytes with the same options are the same version.

        Args:
            path: A CSV, Parquet or NPZ file, pictures in a ZIP file, or a folder of pictures.
            name: What studies will call it.
            options: How to read it, such as `{"target": "price", "test_fraction": 0.3}`; the rest is inferred.
            tell: Hears of progress.
            timeout_s: How long to wait for the preparation.

        Returns:
            The version, `ready` or `failed`; `error` says why.

        Raises:
            Invalid: `not_a_file`, or what the server refuses.
            TimeoutError: It is still being prepared.
            OSError: The file cannot be read.
        """
        with packed(Path(path)) as file:
            upload = self.begin_upload(file, name, options)
            version = self.send_upload(file, upload.upload_id, tell=tell)
        return self.wait_for_dataset(name, version.version, timeout_s=timeout_s)

    def add_reference(
        self,
        reference: str,
        name: str,
        sha256: str,
        options: Mapping[str, Any] | None = None,
        *,
        timeout_s: float = 1800.0,
    ) -> DatasetVersion:
        """Have the server fetch bytes as a data set, or as another version of one, and wait until they are prepared.

        Args:
            reference: An https address, or a path on the server's machine, that the server's settings allow; its end
                tells the format.
            name: What studies will call it.
            sha256: Of the bytes; others are refused.
            options: As for `add_dataset`.
            timeout_s: How long to wait for it.

        Returns:
            The version, `ready` or `failed`; `error` says why.

        Raises:
            Invalid: `host_not_allowed`, `path_not_allowed`, `bad_reference`, or an option that cannot be.
            TimeoutError: It is still being fetched or prepared.
        """
        body = {"reference": reference, "sha256": sha256, "options": dict(options or {})}
        answer = self._transport.json("POST", f"{dataset_path(name)}/references", body=body)
        return self.wait_for_dataset(name, decode(DatasetVersion, answer).version, timeout_s=timeout_s)

    def begin_upload(self, path: Path | str, name: str, options: Mapping[str, Any] | None = None) -> DatasetUpload:
        """Announce a file; its bytes follow by `send_upload`.

        Raises:
            Invalid: `not_a_file`, `bad_name`, or an option that cannot be.
            Conflict: `name_builtin`.
        """
        file = Path(path)
        if not file.is_file() or not file.stat().st_size:
            text = f"{file} is no file with content"
            raise Invalid(
                Problem("not_a_file", text, hint="name a CSV, Parquet, NPZ or ZIP file, or a folder of pictures")
            )
        body = {"n_bytes": file.stat().st_size, "filename": file.name, "sha256": sha256_of(file)}
        answer = self._transport.json(
            "POST", f"{dataset_path(name)}/uploads", body={**body, "options": dict(options or {})}
        )
        return decode(DatasetUpload, answer)

    def get_upload(self, upload_id: str) -> DatasetUpload:
        """Read how far an upload is.

        Raises:
            NotFound: `upload_not_found`.
        """
        return decode(DatasetUpload, self._transport.json("GET", _upload_path(upload_id)))

    def send_upload(self, path: Path | str, upload_id: str, *, tell: Told = tell_nobody) -> DatasetVersion:
        """Send what is left of an upload, wherever it was broken off, and have it prepared.

        Raises:
            NotFound: `upload_not_found`.
            ServerUnreachable: The server stayed away; call again to go on.
            OSError: The file cannot be read.
        """
        send_pieces(self._transport, _upload_path(upload_id), path, tell)
        return decode(DatasetVersion, self._transport.json("POST", f"{_upload_path(upload_id)}:finish"))

    def read_dataset_again(self, name: str, from_version: int, options: Mapping[str, Any]) -> DatasetVersion:
        """Have the bytes of a version read with other options, as a version of its own.

        Raises:
            NotFound: `dataset_not_found` or `version_not_found`.
        """
        body = {"from_version": from_version, "options": dict(options)}
        return decode(DatasetVersion, self._transport.json("POST", f"{dataset_path(name)}/versions", body=body))

    def wait_for_dataset(self, name: str, version: int, *, timeout_s: float = 1800.0) -> DatasetVersion:
        """Wait until a version is ready or has failed, and return it.

        Raises:
            TimeoutError: It is still being prepared.
        """
        ends_at = time.monotonic() + timeout_s
        while True:
            found = self.get_dataset(name, version).get_version(version)
            if found.is_over:
                return found
            if time.monotonic() > ends_at:
                raise TimeoutError(f"{name}@{version} is still being prepared after {timeout_s:g} s")
            time.sleep(_POLL_S)

    def delete_dataset(self, name: str) -> None:
        """Delete a data set with all its versions.

        Raises:
            NotFound: `dataset_not_found`.
            Conflict: `dataset_in_use`, while a study that has not ended uses it.
        """
        self._transport.json("DELETE", dataset_path(name))


@contextmanager
def packed(path: Path) -> Iterator[Path]:
    """Yield a file as it is, and a folder as a ZIP file of what is in it.

    The same folder makes the same bytes, so that an upload of it can go on later. Hidden files stay out.

    Raises:
        OSError: The folder cannot be read, or no copy of it be written.
    """
    if not path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tunewell-") as folder:
        target = Path(folder) / f"{path.resolve().name}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(one for one in path.rglob("*") if one.is_file()):
                name = file.relative_to(path)
                if not any(part.startswith(".") for part in name.parts):
                    with file.open("rb") as source, archive.open(zipfile.ZipInfo(name.as_posix()), "w") as entry:
                        shutil.copyfileobj(source, entry, _BLOCK_BYTES)
        yield target


def dataset_path(name: str) -> str:
    """Return the path of a data set.

    Raises:
        Invalid: `dataset_name` for text that would lead to another path.
    """
    if name in {"", ".", ".."}:
        raise Invalid(Problem("dataset_name", f"{name!r} names no data set", hint="`tunewell dataset list` shows them"))
    return f"/datasets/{quote(name, safe='')}"


def _upload_path(upload_id: str) -> str:
    return f"/datasets/uploads/{quote(upload_id, safe='')}"
