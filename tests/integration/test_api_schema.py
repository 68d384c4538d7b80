"""The API keeps to its own document, whatever it is asked: no 5xx, no undeclared status, content type or shape.

`make fuzz` asks more: `FUZZ_EXAMPLES` requests of each of both kinds to each operation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from api.app import create_app
from tests.servers.api import Caller, Served, serving, settings_for
from tests.servers.fuzzing import World, populate, requests_to

N_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
SEED = int(os.environ.get("FUZZ_SEED", "20261124"))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
STREAMS = {"GET /api/v1/events"}  # never ends; tests/integration/test_api_events.py reads it


def _operations() -> dict[str, Any]:
    schema: Any = schemathesis.openapi.from_dict(create_app(settings_for(Path("unused"))).openapi())
    found = [one.ok() for one in schema.get_all_operations()]
    return {one.label: one for one in found if one.label not in STREAMS}


OPERATIONS = _operations()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(settings_for(tmp_path_factory.mktemp("fuzzed"))) as served:
        yield served


@pytest.fixture(scope="module")
def world(served: Served) -> World:
    caller = Caller(served.address)
    world = populate(caller)
    caller.close()
    return world


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_what_the_document_says(
    served: Served, world: World, session: requests.Session, label: str
) -> None:
    operation = OPERATIONS[label]
    n_sent = 0

    def check(case: Any) -> None:
        nonlocal n_sent
        n_sent += 1
        answer = case.call(base_url=served.address, session=session, timeout=30)
        case.validate_response(answer, checks=CHECKS)

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        if mode is GenerationMode.NEGATIVE and not (operation.path_parameters or operation.query or operation.body):
            continue  # nothing could be wrong with it
        generated = given(requests_to(operation, world, mode))(check)
        bounded = settings(
            max_examples=N_EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(generated)
        seed(SEED)(bounded)()
    assert n_sent > 0
