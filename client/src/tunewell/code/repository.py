"""Take a commit out of a repository, without anything of the repository being run."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tunewell.code.source import CodeSource
from tunewell.commands.guarded import GuardedProcess
from tunewell.commands.place import without_secrets
from tunewell.errors import Invalid, Problem, ServerUnreachable

WITHIN_S = 600.0
MAX_FETCHED_BYTES = 4 << 30
_POLL_S = 0.2
_MAX_REASON_CHARS = 500
_URL = re.compile(r"(?:https?|ssh)://[^\s%\\?#]+")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:[^\s%\\?#]+")
# No hooks, filters and helpers of whoever runs this, no protocol that runs programs, no host but the one allowed.
_SETTINGS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.attributesFile=/dev/null", "-c", "core.fsmonitor=false"),
    *("-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always"),
    *("-c", "protocol.ssh.allow=always", "-c", "protocol.file.allow=always", "-c", "http.followRedirects=false"),
    *("-c", "fetch.fsckObjects=true", "-c", "gc.auto=0", "-c", "credential.helper="),
)


def is_allowed(address: str, prefixes: Sequence[str]) -> bool:
    """Tell whether a repository lies at or below one of the places that are allowed.

    Examples:
        >>> is_allowed("https://git.example.org/team/a.git", ["https://git.example.org/team"])
        True
        >>> is_allowed("https://git.example.org/team-b/a.git", ["https://git.example.org/team"])
        False
    """
    path = _path_of(address)
    if path is not None:
        places = [found for one in prefixes if (found := _path_of(one)) is not None]
        return any(path.resolve().is_relative_to(one.resolve()) for one in places)
    if not (_URL.fullmatch(address) or _SCP.fullmatch(address)) or ".." in address.split("/"):
        return False
    return any(_is_at_or_below(_lower_host(address), _lower_host(one)) for one in prefixes if _path_of(one) is None)


def archive_commit(
    source: CodeSource, prefixes: Sequence[str], target: Path, pause: Callable[[float], bool] = lambda _: False
) -> None:
    """Write a commit's files, or those of one of its folders, as a ZIP file; without submodules.

    Args:
        source: Repository and commit.
        prefixes: Places that are allowed.
        target: The file, which appears whole or not at all.
        pause: Waits no time, and tells whether to give up.

    Raises:
        Invalid: `repository_not_allowed`, `no_git`, `no_commit`.
        ServerUnreachable: The repository cannot be read now.
        InterruptedError: `pause` said so.
        OSError: The file cannot be written.
    """
    assert source.git is not None
    assert source.commit is not None
    if not is_allowed(source.git, prefixes):
        hint = f"allowed with --allow-git: {', '.join(prefixes) or 'nothing'}"
        message = f"this machine takes no code from {source.git}"
        raise Invalid(Problem("repository_not_allowed", message, field="source.git", hint=hint))
    if shutil.which("git") is None:
        raise Invalid(Problem("no_git", "there is no Git on this machine", field="source.git", hint="install it"))
    with tempfile.TemporaryDirectory(prefix="tunewell-git-", dir=target.parent) as name:
        git = _Git(Path(name), pause)
        git.run("init", "--quiet", "--bare", "--template=", ".")
        path = _path_of(source.git)
        address = source.git if path is None else str(path.resolve())
        fetch = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance")
        why = git.find_refusal("fetch", *fetch, "--", address, source.commit)
        if why:
            raise _unreadable(source, why)
        tree = source.commit if source.subfolder is None else f"{source.commit}:{source.subfolder.strip('/')}"
        why = git.find_refusal("archive", "--format=zip", "--output=code.zip", tree)
        if why:
            raise Invalid(Problem("no_commit", f"{source} is not there: {why}", field="source.commit"))
        (Path(name) / "code.zip").replace(target)


class _Git:
    """Git in a folder of its own, with settings of ours alone."""

    def __init__(self, folder: Path, pause: Callable[[float], bool]) -> None:
        self._folder = folder
        self._pause = pause
        self._until_s = time.monotonic() + WITHIN_S
        self._environment = _environment()

    def run(self, *words: str) -> None:
        why = self.find_refusal(*words)
        if why:
            raise OSError(f"git {words[0]}: {why}")

    def find_refusal(self, *words: str) -> str:
        """Run it, and return why it failed; empty where it did not."""
        process = GuardedProcess(("git", *_SETTINGS, *words), self._folder, self._environment)
        out, err = process.outputs
        with out, err:
            try:
                while (code := process.wait(_POLL_S)) is None:
                    self._check()
            finally:
                process.end()
            said = err.read(1 << 16).decode("utf-8", "replace").strip()
        return "" if code == 0 else said[-_MAX_REASON_CHARS:] or f"exit code {code}"

    def _check(self) -> None:
        if self._pause(0.0):
            raise InterruptedError
        n_bytes = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        if n_bytes > MAX_FETCHED_BYTES:
            message = f"the commit takes more than {MAX_FETCHED_BYTES} bytes"
            raise Invalid(Problem("code_too_large", message, field="source.git", hint="leave data out of it"))
        if time.monotonic() > self._until_s:
            raise ServerUnreachable(Problem("repository_slow", f"the repository took more than {WITHIN_S:g} s"))


def _environment() -> Mapping[str, str]:
    kept = {name: value for name, value in without_secrets(os.environ).items() if not name.startswith("GIT_")}
    nowhere = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, **nowhere, "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"}


def _unreadable(source: CodeSource, why: str) -> Invalid | ServerUnreachable:
    missing = ("not our ref", "couldn't find remote ref", "does not appear to be a git repository", "does not exist")
    message = f"{source} cannot be fetched: {why}"
    if any(word in why for word in missing):
        return Invalid(Problem("no_commit", message, field="source.commit"))
    return ServerUnreachable(Problem("repository_unreachable", message, field="source.git"))


def _path_of(address: str) -> Path | None:
    """Return the path that an address is; None where it is none."""
    if address.startswith("file://"):
        return Path(address.removeprefix("file://"))
    is_elsewhere = "://" in address or _SCP.fullmatch(address) is not None
    return None if is_elsewhere else Path(address)


def _is_at_or_below(address: str, prefix: str) -> bool:
    place = prefix.rstrip("/")
    return address in (place, f"{place}.git") or address.startswith(f"{place}/")


def _lower_host(address: str) -> str:
    """Return an address whose scheme and host are in lower case."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()
