"""The OpenAPI document: the same each time, with examples that hold, and browsable without any other host."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from api import schemas
from api.app import create_app
from tests.servers.api import serving, settings_for

ROOT = Path(__file__).resolve().parents[3]
MODULES = [import_module(f"api.schemas.{one.name}") for one in iter_modules(schemas.__path__)]
MODELS = {
    model.__name__: model
    for module in MODULES
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, BaseModel)
}
STATED = {"401", "403", "422"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(settings_for(Path("unused"))).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_document_is_the_one_that_the_dashboard_was_made_for(document: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "api", "openapi"]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert json.loads(printed) == document
    kept = (ROOT / "dashboard" / "openapi.json").read_text(encoding="utf-8")
    assert printed == kept, "dashboard/openapi.json is not what the API says now: run `make types`"


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for _method, path, operation in operations(document):
        assert operation["description"].endswith((".", ":")), path
        assert operation["tags"], path


def _alternatives(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _alternatives(document, one)
    elif "$ref" in schema:
        yield from _alternatives(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    else:
        yield schema


def _is_bounded(schema: dict[str, Any]) -> bool:
    """Whether a count has a largest value, and a text a longest one; plain numbers, dates and flags are bounded."""
    bounds = {"integer": {"maximum", "exclusiveMaximum"}, "string": {"maxLength", "enum", "const", "pattern", "format"}}
    needed = bounds.get(schema.get("type", ""), set())
    return not needed or bool(needed & set(schema))


def test_what_an_address_asks_for_is_bounded(document: dict[str, Any]) -> None:
    found = [
        (path, parameter["name"])
        for _method, path, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not all(map(_is_bounded, _alternatives(document, parameter["schema"])))
    ]
    assert found == []
    assert not _is_bounded({"type": "integer", "minimum": 1})
    sizes = {"limit", "max_points", "max_trials", "n_columns", "n_rows"}
    for _method, path, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["name"] in sizes:
                largest = max(one.get("maximum", 0) for one in _alternatives(document, parameter["schema"]))
                assert 0 < largest <= 100_000, path


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    shape = {"$ref": "#/components/schemas/ErrorRead"}
    for method, path, operation in operations(document):
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert not path.startswith("/api/v1") or set(errors) >= STATED, (method, path)
        for answer in errors.values():
            assert answer["content"]["application/json"]["schema"] == shape, (method, path)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_whole_examples_are_accepted_and_broken_ones_are_not(document: dict[str, Any]) -> None:
    n_examples = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            MODELS[name].model_validate(example)
            with pytest.raises(ValidationError):
                MODELS[name].model_validate({**example, "no_such_field": 1})
            n_examples += 1
    assert n_examples >= 3


def test_examples_of_fields_are_accepted(document: dict[str, Any]) -> None:
    n_examples = 0
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            for example in described.get("examples", []):
                info = MODELS[name].model_fields[field]
                adapter: TypeAdapter[Any] = TypeAdapter(info.rebuild_annotation())
                adapter.validate_python(example)
                n_examples += 1
    assert n_examples >= 3


def test_every_body_that_a_person_writes_has_an_example(document: dict[str, Any]) -> None:
    for name in ("StudyCreate", "TrialCreate", "EvaluationCreate", "ReportRequest"):
        assert document["components"]["schemas"][name]["examples"], name


def test_the_page_and_the_document_come_from_this_server_alone(tmp_path: Path) -> None:
    with (
        serving(settings_for(tmp_path)) as served,
        httpx.Client(base_url=served.address, trust_env=False, timeout=60) as client,
    ):
        page = client.get("/docs")
        assert page.status_code == 200
        links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
        assert len(links) >= 3
        assert all(re.match(r"/[a-z]", link) for link in links)
        assert "default-src 'self'" in page.headers["content-security-policy"]
        document = client.get("/openapi.json").json()
        assert "servers" not in document
        assert document["info"]["title"] == "Tunewell"
    start = (ROOT / "dashboard" / "vendor" / "swagger-init.js").read_text(encoding="utf-8")
    assert "/openapi.json" in start
    assert "://" not in start
