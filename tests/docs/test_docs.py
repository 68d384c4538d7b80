"""What the documentation says exists, does."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from api.schemas.studies import EXAMPLE, StudyCreate
from scripts.limits import repository_files
from tests.docs import commands, pages

PAGES = pages.page_names()
DECISIONS = sorted(name for name in PAGES if name.startswith("docs/decisions/"))
BUILT = ("dashboard/dist", "dashboard/node_modules")  # not there in a fresh clone
CALLS = sorted({(name, line) for name in PAGES for line in pages.shell_lines(name) if commands.find_call(line)})


def test_the_pages_that_a_newcomer_looks_for_are_here() -> None:
    wanted = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/README.md", "docs/settings.md"}
    assert wanted - set(PAGES) == set()


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    assert [target for target in pages.links(name) if not _resolves(name, target)] == []


def test_a_broken_link_would_be_seen() -> None:
    assert _resolves("README.md", "docs/README.md#decisions")
    assert not _resolves("README.md", "docs/README.md#no-such-heading")
    assert not _resolves("README.md", "docs/no-such-page.md")


@pytest.mark.parametrize("name", PAGES)
def test_paths_exist(name: str) -> None:
    assert {path for path in pages.paths(name) if not _is_there(name, path)} == set()


def test_a_path_that_is_gone_would_be_seen() -> None:
    assert "models/layers/activations.py" in pages.paths("ARCHITECTURE.md")
    assert _is_there("ARCHITECTURE.md", "models/layers/activations.py")
    assert not _is_there("ARCHITECTURE.md", "models/activations.py")


@pytest.mark.parametrize("name", PAGES)
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", pages.read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", pages.code(name), re.MULTILINE))
    assert named - targets == set()


@pytest.mark.parametrize("name", PAGES)
def test_modules_can_be_run(name: str) -> None:
    named = set(re.findall(r"python[\d.]* -m ([\w.]+)", pages.code(name)))
    assert {module for module in named if not _can_run(module)} == set()


def test_a_module_that_cannot_be_run_would_be_seen() -> None:
    assert _can_run("worker")
    assert not _can_run("search")
    assert not _can_run("wroker")


@pytest.mark.parametrize("name", PAGES)
def test_settings_are_in_the_table(name: str) -> None:
    known = set(re.findall(r"^\| `(TUNEWELL_\w+)`", pages.read("docs/settings.md"), re.MULTILINE))
    named = set(re.findall(r"TUNEWELL_[A-Z_]+[A-Z]", pages.read(name)))
    assert named - known == set()


def test_architecture_can_be_read_in_one_go() -> None:
    assert len(pages.read("ARCHITECTURE.md").splitlines()) <= 200


@pytest.mark.parametrize(("name", "line"), CALLS)
def test_commands_are_understood(name: str, line: str) -> None:
    call = commands.find_call(line)
    assert call is not None
    commands.parse(*call)


def test_commands_are_found() -> None:
    programs = {call[0] for _, line in CALLS if (call := commands.find_call(line))}
    assert programs >= {"tunewell", "api", "worker", "models"}


@pytest.mark.parametrize(
    "line",
    [
        "tunewell study submit x.yaml --nmae y",
        "tunewell study sumbit x.yaml",
        "python -m models prepare digits --cache-dir data --maped",
    ],
)
def test_a_wrong_command_would_be_seen(line: str) -> None:
    call = commands.find_call(line)
    assert call is not None
    with pytest.raises(commands.NotUnderstood):
        commands.parse(*call)


def test_the_study_of_the_readme_is_the_example_of_the_api() -> None:
    (text,) = pages.fences("README.md", "json")
    study = json.loads(text)
    assert study == EXAMPLE
    assert StudyCreate.model_validate(study).name == "digits-mlp"


def test_the_python_of_the_readme_uses_what_exists() -> None:
    texts = pages.fences("README.md", "python")
    import tunewell

    for text in texts:
        compile(text, "README.md", "exec")
    for whose, what in (("client", tunewell.Client), ("run", tunewell.Run), ("tunewell", tunewell)):
        called = set(re.findall(rf"\b{whose}\.(\w+)\(", "\n".join(texts)))
        assert called
        assert {name for name in called if not hasattr(what, name)} == set()


@pytest.mark.parametrize("name", ["README.md", "docs/worker-protocol.md"])
def test_addresses_are_routes(name: str) -> None:
    routes = [
        re.compile(re.sub(r"\\\{\w+\\\}", r"[\\w.{}-]+", re.escape(path)))
        for path in json.loads(pages.read("dashboard/openapi.json"))["paths"]
    ]
    named = set(re.findall(r"(?:\$SERVER|https?://[\w.:]+/api/v1)(/[\w/:.{}-]+)", pages.code(name)))
    named |= set(re.findall(r"^(?:GET|POST|PUT|PATCH|DELETE) (/[\w/:.{}-]+)", pages.code(name), re.MULTILINE))
    assert named
    assert {path for path in named if not any(route.fullmatch("/api/v1" + path) for route in routes)} == set()


def test_error_codes_of_the_protocol_exist() -> None:
    (table,) = re.findall(
        r"^\| status \| code .*?\n\n", pages.read("docs/worker-protocol.md"), re.DOTALL | re.MULTILINE
    )
    named = {code for row in table.split("\n|")[2:] for code in re.findall(r"`(\w+)`", row.split("|")[1])}
    source = "\n".join(path.read_text() for path in (pages.ROOT / "api").rglob("*.py"))
    assert named
    assert {code for code in named if f'"{code}"' not in source} == set()


def test_every_decision_is_in_the_index() -> None:
    linked = {f"docs/{target}" for target in pages.links("docs/README.md") if target.startswith("decisions/")}
    assert linked == set(DECISIONS)
    numbers = [int(Path(name).name[:4]) for name in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_queue_settings_that_are_explained_are_made() -> None:
    rows = re.findall(r"^\| (.+?) \|", pages.read("docs/decisions/0003-queue-settings.md"), re.MULTILINE)
    named = {setting for row in rows for setting in re.findall(r"`([a-z]\w+)`", row)}
    made = pages.read("worker/celery_app.py") + pages.read("api/doorbell.py")
    assert len(named) > 10
    assert {setting for setting in named if f'"{setting}"' not in made} == set()


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_have_one_form_and_one_page(name: str) -> None:
    text = pages.read(name)
    assert [head for head in ("Context", "Decision", "Consequences", "Measured") if f"**{head}" not in text] == []
    assert len(text.splitlines()) <= 60
    assert text.startswith(f"# {Path(name).name[:4]}: ")


def test_pages_that_code_refers_to_exist() -> None:
    sources = [
        name for name in repository_files(pages.ROOT) if name.endswith((".py", ".yml", "Dockerfile", "Makefile"))
    ]
    referred = {
        (name, page)
        for name in sources
        if (pages.ROOT / name).is_file() and not name.startswith("tests/docs/")
        for page in re.findall(r"docs/[\w/-]+\.md", pages.read(name))
    }
    assert referred
    assert {(name, page) for name, page in referred if not (pages.ROOT / page).is_file()} == set()


def _resolves(name: str, target: str) -> bool:
    path, _, anchor = target.partition("#")
    found = (pages.ROOT / name).parent / path if path else pages.ROOT / name
    if not found.exists():
        return False
    return not anchor or anchor in pages.anchors(str(found.resolve().relative_to(pages.ROOT)))


def _is_there(name: str, path: str) -> bool:
    is_built = path.rstrip("/").startswith(BUILT)
    return is_built or (pages.ROOT / path).exists() or ((pages.ROOT / name).parent / path).exists()


def _can_run(module: str) -> bool:
    spec = find_spec(module)
    if spec is None:
        return False
    return spec.submodule_search_locations is None or find_spec(f"{module}.__main__") is not None
