"""Calls about code for commands: bringing it, listing it, deleting it."""

from __future__ import annotations

from pathlib import Path

from tunewell._calls import Calls, items_of
from tunewell._decode import decode
from tunewell._download import download_verified
from tunewell._uploads import Told, send_pieces, sha256_of, tell_nobody
from tunewell.code.pack import packed_code
from tunewell.code.source import Code
from tunewell.datasets import DatasetUpload
from tunewell.errors import Invalid, NotFound, Problem


class CodeCalls(Calls):
    """Bring, list, fetch and delete archives of code."""

    def list_code(self) -> tuple[Code, ...]:
        """Read the archives of code, the newest first."""
        return items_of(Code, self._transport.json("GET", "/code"))

    def get_code(self, sha256: str) -> Code:
        """Read what is known of an archive.

        Raises:
            Invalid: `bad_hash`.
            NotFound: `code_not_found`.
        """
        return decode(Code, self._transport.json("GET", code_path(sha256)))

    def add_code(self, path: Path | str, *, tell: Told = tell_nobody) -> Code:
        """Bring a folder of code, or a ZIP file of one; what the server has already is not sent again.

        Args:
            path: The folder, of which what `.gitignore` names is left out; or the file.
            tell: Hears of progress.

        Returns:
            The archive, whose `sha256` studies name as `"code": {"archive": ...}`.

        Raises:
            Invalid: What `packed_code` or the server refuses.
            OSError: It cannot be read.
        """
        if Path(path).is_file():
            return self._add(Path(path), tell)
        with packed_code(Path(path)) as file:
            return self._add(file, tell)

    def download_code(self, sha256: str, path: Path | str) -> Path:
        """Fetch an archive; `path` appears whole and verified, or not at all.

        Raises:
            NotFound: `code_not_found`.
            OSError: The file cannot be written.
        """
        return download_verified(self._transport, f"{code_path(sha256)}/content", path, sha256=sha256)

    def delete_code(self, sha256: str) -> None:
        """Delete an archive.

        Raises:
            NotFound: `code_not_found`.
            Conflict: `code_in_use`, while a study that has not ended runs it.
        """
        self._transport.json("DELETE", code_path(sha256))

    def _add(self, file: Path, tell: Told) -> Code:
        sha256 = sha256_of(file)
        try:
            return self.get_code(sha256)
        except NotFound:
            pass
        body = {"n_bytes": file.stat().st_size, "sha256": sha256, "filename": file.name}
        upload = decode(DatasetUpload, self._transport.json("POST", "/code/uploads", body=body))
        where = f"/code/uploads/{upload.upload_id}"
        send_pieces(self._transport, where, file, tell)
        try:
            return decode(Code, self._transport.json("POST", f"{where}:finish"))
        except NotFound:  # it was kept, and the answer lost
            return self.get_code(sha256)


def code_path(sha256: str) -> str:
    """Return the path of an archive.

    Raises:
        Invalid: `bad_hash`.
    """
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        hint = "64 hexadecimal digits, as `tunewell code list` shows them"
        raise Invalid(Problem("bad_hash", f"{sha256!r:.80} is no SHA-256", hint=hint))
    return f"/code/{sha256}"
