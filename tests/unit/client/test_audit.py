"""`tunewell audit`: what it asks for, and files that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
import json

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import FakeServer, ok, refusal

ENTRY = {
    "entry_id": 2,
    "at": "2026-11-01T10:00:00Z",
    "who": "=HYPERLINK(1)",
    "role": "user",
    "address": "192.0.2.7",
    "action": "DELETE /studies/{study}",
    "target": "study=digits",
    "study_id": 7,
    "trial_id": None,
    "result": "done",
    "n": 1,
}
REFUSED = {**ENTRY, "entry_id": 1, "who": "", "result": "token_unknown", "n": 30, "target": "@x"}


def test_it_asks_for_what_is_wanted_page_by_page_and_no_further(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/audit", ok({"items": [ENTRY, REFUSED], "next_cursor": "more"}))
    shown = run("audit", "--who", "ana", "--refused", "--days", "1", "--limit", "2")
    assert shown.code == 0
    assert "token_unknown (30 times)" in shown.out.replace("\n", " ")
    (asked,) = server.requests
    assert (asked.url.params["who"], asked.url.params["result"]) == ("ana", "refused")
    assert asked.url.params["since"].endswith("+00:00")
    assert "action" not in asked.url.params


def test_no_cell_of_its_csv_is_a_formula(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/audit", ok({"items": [ENTRY, REFUSED], "next_cursor": None}))
    first, second = csv.DictReader(io.StringIO(run("audit", "--csv").out))
    assert (first["who"], first["action"], second["target"]) == ("'=HYPERLINK(1)", "DELETE /studies/{study}", "'@x")
    assert json.loads(run("audit", "--json").out)[0]["who"] == "=HYPERLINK(1)"
    both = run("audit", "--csv", "--json")
    assert (both.code, "exclude each other" in both.err) == (2, True)


def test_it_is_for_administrators(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/audit", refusal(403, "role_forbidden", "the role user may not do this"))
    assert run("audit").code == 4
