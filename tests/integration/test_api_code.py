"""Code for commands over HTTP: brought in pieces, named by studies, handed to who runs it, deleted."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from typing import Any

import pytest

from api.schemas.studies import StudyCreate
from api.services import code as use_cases
from api.services import studies
from tests.integration.test_api_runs import a_search
from tests.integration.test_command_workers import COMMAND, join
from tests.servers.api import Caller, Json, Served

BINARY = {"Content-Type": "application/octet-stream"}


def an_archive(text: str = "print(1)") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("train.py"), text)
    return file.getvalue()


def begin(caller: Caller, content: bytes, status: int = 201, **changes: Any) -> Json:
    sha256 = hashlib.sha256(content).hexdigest()
    body = {"n_bytes": len(content), "sha256": sha256, "filename": "code.zip", **changes}
    upload: Json = caller.call("POST", "/code/uploads", status, json=body)
    return upload


def send(caller: Caller, upload: Json, content: bytes, offset: int = 0) -> None:
    headers = {"Upload-Offset": str(offset), **BINARY}
    caller.call("PATCH", f"/code/uploads/{upload['upload_id']}", content=content, headers=headers)


def bring(caller: Caller, content: bytes) -> Json:
    upload = begin(caller, content)
    send(caller, upload, content)
    found: Json = caller.call("POST", f"/code/uploads/{upload['upload_id']}:finish")
    return found


def test_code_is_brought_in_pieces_and_handed_out_whole(caller: Caller) -> None:
    content = an_archive()
    upload = begin(caller, content)
    send(caller, upload, content[:10])
    assert caller.call("GET", f"/code/uploads/{upload['upload_id']}")["offset"] == 10
    early = caller.refused("POST", f"/code/uploads/{upload['upload_id']}:finish", 409)
    assert early["code"] == "upload_incomplete"
    other = caller.refused("POST", f"/datasets/uploads/{upload['upload_id']}:finish", 404)
    assert other["code"] == "upload_not_found", "code becomes no data set"
    send(caller, upload, content[10:], 10)
    found = caller.call("POST", f"/code/uploads/{upload['upload_id']}:finish")
    assert (found["n_bytes"], found["n_studies"]) == (len(content), 0)
    assert caller.call("GET", "/code")["items"] == [found]
    assert caller.http.get(f"/code/{found['sha256']}/content").content == content
    assert bring(caller, content)["created_at"] == found["created_at"], "the same bytes are the same code"


@pytest.mark.parametrize(
    ("content", "changes", "code"),
    [(b"no archive", {}, "not_an_archive"), (an_archive(), {"sha256": "0" * 64}, "hash_mismatch")],
)
def test_what_is_no_code(caller: Caller, content: bytes, changes: Json, code: str) -> None:
    upload = begin(caller, content, **changes)
    send(caller, upload, content)
    assert caller.refused("POST", f"/code/uploads/{upload['upload_id']}:finish", 422)["code"] == code
    caller.call("DELETE", f"/code/uploads/{upload['upload_id']}", 204)
    too_large = caller.refused(
        "POST", "/code/uploads", 413, json={"n_bytes": 2**40, "sha256": "0" * 64, "filename": "a"}
    )
    assert too_large["code"] == "code_too_large"


def test_a_study_names_code_and_keeps_it_from_being_deleted(caller: Caller) -> None:
    sha256 = bring(caller, an_archive())["sha256"]
    study = a_search("commands", command=COMMAND, code={"archive": sha256})
    spec = caller.call("POST", "/studies", 201, json=study)["spec"]
    source = {"archive": sha256, "git": None, "commit": None, "subfolder": None}
    assert (spec["code"], spec["source"]) == ("script", source)
    given = caller.call("POST", "/work:claim", json=join(caller, "cpu-commands"))
    assert given["source"] == source
    assert caller.refused("DELETE", f"/code/{sha256}", 409)["code"] == "code_in_use"
    attempt = given["attempts"][0]
    end = {"lease_token": attempt["lease_token"], "outcome": "STOPPED"}
    caller.call("PATCH", "/studies/commands", json={"action": "stop"})
    caller.call("POST", f"/attempts/{attempt['attempt_id']}:finish", json=end)
    caller.call("DELETE", f"/code/{sha256}", 204)
    assert caller.refused("GET", f"/code/{sha256}", 404)["code"] == "code_not_found"
    again = caller.refused("POST", "/studies", 422, json={**study, "name": "again"})
    assert (again["code"], again["field"]) == ("unknown_code", "source.archive")


@pytest.mark.parametrize(
    ("source", "code", "field"),
    [
        ({}, "ambiguous_code", "source"),
        ({"archive": "0" * 64, "git": "https://git.example.org/a"}, "ambiguous_code", "source"),
        ({"archive": "0" * 64, "subfolder": "a"}, "ambiguous_code", "source"),
        ({"git": "https://git.example.org/a"}, "needs_commit", "source.commit"),
        ({"git": "https://me:secret@git.example.org/a", "commit": "0" * 40}, "bad_repository", "source.git"),
        ({"git": "ext::sh -c x", "commit": "0" * 40}, "bad_repository", "source.git"),
        ({"git": "--upload-pack=x", "commit": "0" * 40}, "bad_repository", "source.git"),
        ({"git": "ftp://git.example.org/a", "commit": "0" * 40}, "bad_repository", "source.git"),
        ({"git": "/srv/a", "commit": "0" * 40, "subfolder": "../b"}, "bad_folder", "source.subfolder"),
    ],
)
def test_code_that_cannot_be(caller: Caller, source: Json, code: str, field: str) -> None:
    error = caller.refused("POST", "/studies", 422, json=a_search("commands", command=COMMAND, source=source))
    assert (error["code"], error["field"]) == (code, field)
    assert "secret" not in error["message"]
    fine = {"git": "git@git.example.org:a.git", "commit": "0" * 40, "subfolder": "src"}
    caller.call("POST", "/studies", 201, json=a_search("commands", command=COMMAND, source=fine))


def test_a_study_and_the_deletion_of_its_code_wait_for_each_other(live_api: Served, caller: Caller) -> None:
    """Whoever is first wins, and the other one is told: never a study without its code."""
    sha256 = bring(caller, an_archive())["sha256"]
    control, said = live_api.control, []

    def delete() -> None:
        try:
            use_cases.delete(control, sha256)
        except Exception as error:
            said.append(getattr(error, "code", repr(error)))

    body = StudyCreate.model_validate(a_search("commands", command=COMMAND, source={"archive": sha256}))
    with control.ledger.read() as session:
        draft = studies.draft_study(session, body)
    with control.ledger.write() as tx:
        studies.create_study(tx, draft)
        deletion = threading.Thread(target=delete)
        deletion.start()  # waits for this transaction, on either database
    deletion.join(30.0)
    assert said == ["code_in_use"]
    assert caller.call("GET", f"/code/{sha256}")["n_studies"] == 1
