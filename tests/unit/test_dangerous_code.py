"""What no file of ours does: unpickle, evaluate text, start a shell, make files that everybody may write, call out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.limits import repository_files

_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
_CALLS = {
    "eval",
    "exec",
    "os.system",
    "os.popen",
    "torch.load",
    "tempfile.mktemp",
    "yaml.unsafe_load",
    "yaml.full_load",
}
_READERS = {"np.load", "numpy.load", "np.lib.format.read_array"}
_OURS = ("api", "client/src", "db", "examples", "models", "scripts", "search", "stack", "worker")
_SAFE_LOADERS = {"_Loader", "yaml.SafeLoader"}
_OTHERS_MAY_WRITE = 0o022
# What fetches addresses, and the files of the server that may: each needs a guard against addresses of people's.
_CALLERS = {"aiohttp", "ftplib", "http.client", "httpx", "requests", "smtplib", "urllib.request", "urllib3"}
_MAY_CALL = {"api/references.py"}


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def _findings(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and rule of what must not be."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            yield from ((node.lineno, "pickle") for name in names if name.partition(".")[0] in _MODULES)
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, rule) for rule in _rules_broken(node))


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def _files(*folders: str) -> list[str]:
    return [path for path in repository_files() if path.endswith(".py") and path.startswith(folders)]


def _rules_broken(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in _CALLS:
        yield "call"
    if name in _READERS and ast.unparse(given.get("allow_pickle", call)) != "False":
        yield "allow_pickle"
    if ast.unparse(given.get("shell", ast.Constant(False))) != "False":
        yield "shell"
    if name == "yaml.load" and ast.unparse(given.get("Loader", call)) not in _SAFE_LOADERS:
        yield "yaml"
    yield from _modes_broken(name, [*call.args, *given.values()])


def _modes_broken(name: str, values: list[ast.expr]) -> Iterator[str]:
    numbers = [one.value for one in values if isinstance(one, ast.Constant) and type(one.value) is int]
    if name == "os.open" or name.rpartition(".")[2] in {"chmod", "mkdir", "makedirs", "touch", "mkfifo"}:
        yield from ("mode" for number in numbers if number & _OTHERS_MAY_WRITE)
    if name == "os.umask":
        yield from ("mode" for number in numbers if number & _OTHERS_MAY_WRITE != _OTHERS_MAY_WRITE)


def test_no_file_of_ours_does() -> None:
    files = _files(*_OURS)
    assert len(files) > 300
    found = {f"{path}:{line}": rule for path in files for line, rule in _findings(_read(path))}
    assert found == {}


def _calls_out(text: str) -> bool:
    return any(name in _CALLERS or name.partition(".")[0] in _CALLERS for name in _imported(text))


def test_the_server_calls_nobody() -> None:
    calling = {path for path in _files("api/", "db/", "search/") if _calls_out(_read(path))}
    assert calling == _MAY_CALL
    assert _calls_out("from urllib import request")
    assert _calls_out("import httpx")
    assert not _calls_out("from urllib.parse import urlsplit")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("import pickle", "pickle"),
        ("from cloudpickle import loads", "pickle"),
        ("def f():\n    import joblib.externals", "pickle"),
        ("eval(text)", "call"),
        ("torch.load(path)", "call"),
        ("np.load(path)", "allow_pickle"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
        ("subprocess.run(text, shell=True)", "shell"),
        ("yaml.load(text, Loader=yaml.Loader)", "yaml"),
        ("path.chmod(0o777)", "mode"),
        ("folder.mkdir(mode=0o777)", "mode"),
        ("os.umask(0)", "mode"),
        ("os.open(path, flags, 0o666)", "mode"),
        ("tempfile.mktemp()", "call"),
    ],
)
def test_each_would_be_seen(text: str, rule: str) -> None:
    assert rule in {found for _, found in _findings(text)}


@pytest.mark.parametrize(
    "text",
    [
        "network.eval()",
        "import pickletools_of_ours",
        "np.load(path, allow_pickle=False)",
        "subprocess.run(words)",
        "yaml.load(text, Loader=_Loader)",
        "path.chmod(0o700)",
        "folder.mkdir(mode=0o700, parents=True)",
        "os.umask(0o077)",
        "os.open(path, os.O_CREAT, 0o600)",
        "open(path)",
        "tempfile.mkdtemp()",
    ],
)
def test_what_is_harmless_is_let_be(text: str) -> None:
    assert list(_findings(text)) == []
