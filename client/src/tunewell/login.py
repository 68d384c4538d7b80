"""The login that `tunewell login` stores: a server, and the token for it.

An argument comes first, then the environment (TUNEWELL_SERVER, TUNEWELL_TOKEN), then the login, then the server on this
machine. The login's token is for the login's server alone: it is never sent to another one.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tunewell._transport import DEFAULT_SERVER, read_address
from tunewell.errors import Invalid, Problem

ENV_LOGIN, ENV_SERVER, ENV_TOKEN = "TUNEWELL_LOGIN", "TUNEWELL_SERVER", "TUNEWELL_TOKEN"


@dataclass(frozen=True, slots=True)
class Login:
    """A server's address, and the token for it; None where it needs none."""

    server: str
    token: str | None = field(default=None, repr=False)


def login_path() -> Path:
    """Return where the login lies: `TUNEWELL_LOGIN`, else `tunewell/login.json` in the user's configuration."""
    given = os.environ.get(ENV_LOGIN)
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(given) if given else Path(config) / "tunewell" / "login.json"


def find_login() -> Login | None:
    """Return the stored login; None where there is none.

    Raises:
        Invalid: `login_exposed`: others on this machine may read the file; `bad_login`: it holds no login.
        OSError: It cannot be read.
    """
    path = login_path()
    try:
        with path.open("rb") as file:
            _require_private(path, os.fstat(file.fileno()).st_mode)
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, Mapping) or not isinstance(body.get("server"), str):
        hint = "`tunewell login` writes a new one, `tunewell logout` removes it"
        raise Invalid(Problem("bad_login", f"{path} holds no login", hint=hint))
    return Login(read_address(body["server"]), body.get("token") or None)


def store_login(login: Login) -> Path:
    """Store a login in place of the one before, readable by this user alone. Returns where.

    Raises:
        OSError: The file cannot be written.
    """
    path = login_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".login-")  # of mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({"server": login.server, "token": login.token}, file)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path


def forget_login() -> bool:
    """Remove the stored login, readable or not. Returns whether there was one.

    Raises:
        OSError: It cannot be removed.
    """
    try:
        login_path().unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def choose(server: str | None, token: str | None) -> tuple[str, str | None]:
    """Return the address and the token to use: as given, as the environment says, or as the login does.

    The login is not even read where both are said otherwise.

    Args:
        server: Address, as an argument gave it.
        token: Token, as an argument gave it.

    Raises:
        Invalid: What `find_login` raises; `server_address`.
    """
    server = server or os.environ.get(ENV_SERVER) or None
    token = token or os.environ.get(ENV_TOKEN) or None
    if server is not None and token is not None:
        return server, token
    login = find_login()
    if login is None:
        return server or DEFAULT_SERVER, token
    if server is None or read_address(server) == login.server:
        return login.server, token or login.token
    return server, token


def token_for_host(host: str) -> str | None:
    """Return the token for another port of a server: the environment's, or the login's where that is its host.

    Raises:
        Invalid: What `find_login` raises.
    """
    given = os.environ.get(ENV_TOKEN)
    login = None if given else find_login()
    if login is None or urlsplit(login.server).hostname != host.strip("[]").lower():
        return given or None
    return login.token


def _require_private(path: Path, mode: int) -> None:
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"others on this machine may use the token in {path} (mode {stat.S_IMODE(mode):04o})"
        hint = f"chmod 600 {path}; if somebody may have read it, revoke the token and log in with a new one"
        raise Invalid(Problem("login_exposed", text, hint=hint))
