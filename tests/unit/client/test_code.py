"""Code for commands on people's machines: what is packed, what is unpacked, and what a repository gives."""

from __future__ import annotations

import stat
import subprocess
import zipfile
from pathlib import Path

import pytest
from tunewell.code import unpack as unpacking
from tunewell.code.cache import CodeCache
from tunewell.code.pack import packed_code
from tunewell.code.repository import is_allowed
from tunewell.code.source import CodeSource
from tunewell.code.unpack import unpack
from tunewell.errors import Invalid, ServerUnreachable

LINK = (stat.S_IFLNK | 0o777) << 16


def make(folder: Path, **files: str) -> Path:
    """Return a folder with some files; two underlines stand for a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names_in(folder: Path) -> list[str]:
    with packed_code(folder) as path, zipfile.ZipFile(path) as archive:
        return archive.namelist()


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "some")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize("is_repository", [False, True])
def test_what_is_ignored_is_not_packed(tmp_path: Path, is_repository: bool) -> None:
    make(
        tmp_path, train_dot_py="1", lib__a_dot_py="2", data__big_dot_bin="3", __pycache____x="4", _dot_gitignore="data/"
    )
    make(tmp_path / "tools" / "venv", pyvenv_dot_cfg="home", bin__python="5")
    if is_repository:
        git(tmp_path, "init", "--quiet")
    found = names_in(tmp_path)
    assert [name for name in found if not name.startswith(".")] == ["lib/a.py", "train.py"]


def test_the_same_folder_makes_the_same_archive_which_unpacks_to_it(tmp_path: Path) -> None:
    folder = make(tmp_path / "code", train_dot_py="print(1)", lib__run_dot_sh="exit 0")
    (folder / "lib" / "run.sh").chmod(0o755)
    (folder / "alias.py").symlink_to("train.py")
    with packed_code(folder) as one, packed_code(folder) as two:
        assert one.read_bytes() == two.read_bytes()
        assert unpack(one, tmp_path / "out") == 0
    assert (tmp_path / "out" / "alias.py").read_text() == "print(1)"
    modes = {
        name: stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) & 0o111 for name in ("train.py", "lib/run.sh")
    }
    assert modes == {"train.py": 0, "lib/run.sh": 0o111}


def test_what_cannot_be_packed(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    leading = make(tmp_path / "leading", a="1")
    (leading / "secret").symlink_to(make(tmp_path / "other", key="k") / "key")
    for folder, code in ((empty, "no_code"), (tmp_path / "none", "not_a_folder"), (leading, "link_leads_out")):
        with pytest.raises(Invalid) as refused:
            names_in(folder)
        assert refused.value.code == code
    (leading / "secret").unlink()
    assert names_in(leading) == ["a"]


def archive_of(path: Path, *entries: tuple[str, str, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text, attributes in entries:
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            entry.external_attr = attributes
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            archive.writestr(entry, text)
    return path


@pytest.mark.parametrize(
    "entries",
    [
        [("../a", "1", 0)],
        [("a/../../b", "1", 0)],
        [("/etc/a", "1", 0)],
        [("a\\..\\b", "1", 0)],
        [("C:a", "1", 0)],
        [("a\nb", "1", 0)],
        [("a//b", "1", 0)],
        [("./a", "1", 0)],
        [("a", "1", 0), ("a/b", "1", 0)],
        [("link", "/etc/passwd", LINK)],
        [("link", "..", LINK), ("link/a", "1", 0)],
        [("pipe", "", (stat.S_IFIFO | 0o600) << 16)],
        [("device", "", (stat.S_IFCHR | 0o600) << 16)],
        [("bomb", "0" * (4 << 20), 0)],
    ],
)
def test_archives_that_would_leave_their_folder_or_fill_the_disk(
    tmp_path: Path, entries: list[tuple[str, str, int]]
) -> None:
    path = archive_of(tmp_path / "a.zip", *entries)
    with pytest.raises(Invalid) as refused:
        unpack(path, tmp_path / "deep" / "out" if False else tmp_path / "out")
    assert refused.value.code == "bad_archive"
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {"a.zip", "out"}
    assert not any(one.is_symlink() for one in (tmp_path / "out").rglob("*"))


def test_too_many_files_and_names_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive_of(tmp_path / "a.zip", ("a", "1", 0), ("b", "2", 0))
    assert unpack(path, tmp_path / "fine") == 0
    monkeypatch.setattr(unpacking, "MAX_FILES", 1)
    with pytest.raises(Invalid, match="2 files"):
        unpack(path, tmp_path / "many")
    with pytest.raises(Invalid, match="cannot be read"):
        unpack(make(tmp_path, c="no archive") / "c", tmp_path / "none")
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = archive_of(tmp_path / "twice.zip", ("a", "1", 0), ("a", "2", 0))
    monkeypatch.setattr(unpacking, "MAX_FILES", 9)
    with pytest.raises(Invalid, match="twice"):
        unpack(twice, tmp_path / "twice")


def no_download(sha256: str, path: Path) -> object:
    raise AssertionError(f"nobody asked for {sha256}")


def test_a_commit_is_taken_from_an_allowed_repository_and_kept(tmp_path: Path) -> None:
    origin = make(tmp_path / "origin", src__train_dot_py="print(1)", README="r", hook="touch run")
    (origin / "src" / "link").symlink_to("/etc/passwd")
    first = commit(origin)
    make(origin, src__train_dot_py="print(2)")
    git(origin, "commit", "--quiet", "--all", "--message", "later")
    cache = CodeCache(tmp_path / "cache", no_download, [str(tmp_path)])
    source = CodeSource(git=str(origin), commit=first, subfolder="src")
    said = cache.put_into(source, tmp_path / "one")
    assert said == f"runs {origin} at {first[:12]}, folder src; 1 links of it are left out"
    assert [one.name for one in (tmp_path / "one").iterdir()] == ["train.py"]
    assert (tmp_path / "one" / "train.py").read_text() == "print(1)"
    origin.rename(tmp_path / "moved")
    cache.put_into(source, tmp_path / "two")  # from the cache: a commit is the same wherever it is
    whole = CodeSource(git=f"file://{tmp_path}/moved", commit=first)
    cache.put_into(whole, tmp_path / "three")
    assert {one.name for one in (tmp_path / "three").iterdir()} == {"README", "hook", "src"}
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"commit": "f" * 40}, "no_commit"),
        ({"subfolder": "none"}, "no_commit"),
        ({"git": "/etc"}, "repository_not_allowed"),
        ({"git": "ext::sh -c touch% /tmp/x"}, "repository_not_allowed"),
        ({"git": "--upload-pack=touch x"}, "repository_not_allowed"),
        ({"git": "https://example.org/a.git"}, "repository_not_allowed"),
    ],
)
def test_repositories_that_give_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], code: str
) -> None:
    origin = make(tmp_path / "origin", a="1")
    right = {"git": str(origin), "commit": commit(origin)}
    cache = CodeCache(tmp_path / "cache", no_download, [str(origin)])
    with pytest.raises((Invalid, ServerUnreachable)) as refused:
        cache.put_into(CodeSource(**{**right, **changes}), tmp_path / "out")
    assert refused.value.code == code
    cache.put_into(CodeSource(**right), tmp_path / "out")
    assert [one.name for one in (tmp_path / "cache").iterdir() if one.is_dir()] == []


@pytest.mark.parametrize(
    ("address", "is_fine"),
    [
        ("https://git.example.org/team", True),
        ("https://GIT.example.org/team/a/b.git", True),
        ("https://git.example.org/team.git", True),
        ("https://git.example.org/teams", False),
        ("https://git.example.org/team/../other", False),
        ("https://git.example.org/team/%2e%2e/other", False),
        ("https://git.example.org@evil.example/team", False),
        ("http://git.example.org/team", False),
        ("https://git.example.org.evil.example/team", False),
        ("git@git.example.org:team/a.git", True),
        ("git@git.example.org:other/a.git", False),
        ("/srv/git/a", True),
        ("/srv/git/../../etc", False),
        ("file:///srv/git/a", True),
        ("/srv/git-b", False),
    ],
)
def test_where_code_may_come_from(address: str, is_fine: bool) -> None:
    allowed = ["https://git.example.org/team/", "git@git.example.org:team", "/srv/git"]
    assert is_allowed(address, allowed) is is_fine


def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path: Path) -> None:
    with packed_code(make(tmp_path / "code", a="1")) as path:
        content = path.read_bytes()
    asked: list[str] = []

    def download(sha256: str, target: Path) -> object:
        asked.append(sha256)
        return target.write_bytes(content)

    cache = CodeCache(tmp_path / "cache", download, max_bytes=len(content))
    for place, digit in enumerate("aaba"):
        cache.put_into(CodeSource(archive=digit * 64), tmp_path / str(place))
    assert [one[0] for one in asked] == ["a", "b", "a"]
    assert len(list((tmp_path / "cache").iterdir())) == 1
